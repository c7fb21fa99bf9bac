/* pages.h - which pages of another process were written since the last look
 *
 * The process has made a userfaultfd(2) with asynchronous write protection; this module takes the descriptor out of it,
 * registers what can be written, and asks /proc/PID/pagemap which pages are no longer protected, which protects them
 * again in the same step (PAGEMAP_SCAN). A write to a protected page costs the process one fault, and no more until the next look.
 *
 * Areas are those of /proc/PID/maps that can be written: private ones (heap, anonymous, data and bss of objects, stacks of
 * threads; not the stack of the first thread) and shared ones in files, but those of devices. New ones are found at
 * each look: what is in memory then was written since the last one. A page that was only read is not told, but for shared
 * memory at its first look. Huge pages are split by the kernel at their next write.
 *
 * Cost: a read of maps and an ioctl for each area at each look, 11 to 18 ms a GiB in memory, 26 where all of it was written.
 *
 * Units:     bytes, addresses.
 * Ownership: the caller holds the struct, sys_pages_close() closes what it has open.
 * Errors:    -1 and the text; a process that has ended is SYS_PAGES_GONE.
 * Source:    userfaultfd(2), pidfd_getfd(2); Documentation/admin-guide/mm/pagemap.rst of Linux 6.7.
 */
#ifndef SYS_PAGES_H
#define SYS_PAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct sys_pages {
	pid_t pid;
	int uffd, pagemap, maps;
	uint64_t refused; /* areas that could not be registered, counted at every look */
	uint64_t bytes;   /* of the areas of the last look */

	/* private */
	char *text;
	size_t cap;
	struct sys_pages_region *region;
};

#define SYS_PAGES_INIT ((struct sys_pages){ .uffd = -1, .pagemap = -1, .maps = -1 })

enum { SYS_PAGES_GONE = -2 };

/* fd: the descriptor's number in the process. */
int sys_pages_open(struct sys_pages *p, pid_t pid, int fd, struct error *e);

struct sys_pages_sink {
	/* start .. end was written, as far as anybody knows in pieces of `page` bytes. */
	void (*written)(uint64_t start, uint64_t end, uint64_t page, void *context);
	/* After each call of the kernel: what it told was written before. */
	void (*looked)(void *context);
	void *context;
	const uint64_t (*except)[2]; /* ranges that are not looked at */
	unsigned excepts;
	const char *
	    except_path; /* the end of the path of an object that is not, with the memory behind its data */
};

/* A look at everything. */
int sys_pages_look(struct sys_pages *p, const struct sys_pages_sink *sink, struct error *e);

void sys_pages_close(struct sys_pages *p);

#endif
