/* buildid.h - the GNU build id in the notes of an ELF file, of a module, or of the running kernel
 *
 * Reads the ELF header, the program headers and their PT_NOTE segments with pread(2): no more than a few KiB, whatever
 * the size of the file. Both classes, little-endian.
 *
 * Units:     bytes.
 * Ownership: the result lies in the caller's struct.
 * Errors:    -1 where the file cannot be read, is no such ELF file, or has no build id.
 * Source:    System V gABI, chapter 5 (program header, note section); note type NT_GNU_BUILD_ID of elf.h.
 */
#ifndef SYS_BUILDID_H
#define SYS_BUILDID_H

#include <stddef.h>

#include "base/slice.h"

enum { SYS_BUILDID_MAX = 20 };

struct sys_buildid {
	unsigned char byte[SYS_BUILDID_MAX];
	unsigned size; /* 0: none */
};

int sys_buildid_of_fd(int fd, struct sys_buildid *id);
int sys_buildid_of_file(const char *path, struct sys_buildid *id);

/* A file that holds notes alone, as /sys/kernel/notes and /sys/module/NAME/notes/.note.gnu.build-id do. */
int sys_buildid_of_notes(const char *path, struct sys_buildid *id);

/* The same for bytes: notes padded to `align` (4 or 8). */
int sys_buildid_find(const void *notes, size_t n, size_t align, struct sys_buildid *id);

#endif
