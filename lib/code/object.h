/* object.h - an ELF file: its segments, sections and build id
 *
 * The file is mapped once, and every table in it is checked against the file's size before it is used, so that a
 * damaged file gives an error or an empty section, never a crash. Addresses inside an object are its own (p_vaddr):
 * a caller turns the address of a sample into a file offset (addr - mmap.addr + mmap.offset), and object_vaddr()
 * turns that into the address that symbols, DWARF and CFI use. Little-endian files of both classes.
 * Cost: one mmap; sections are found by name in O(sections); a compressed section is unpacked at its first use.
 *
 * Units:     bytes.
 * Ownership: object_open() and friends give an object to close; it owns every slice that it hands out, until
 *            object_close(). A file that shrinks while it is mapped raises SIGBUS, as with every mapping.
 * Errors:    NULL or -1 with the text in struct error. Section headers outside the file are left out, and said in
 *            `damage`: segments are enough for code and CFI.
 * Source:    System V ABI, Object Files (gABI 4.1 and its draft for SHF_COMPRESSED); GNU .zdebug sections.
 */
#ifndef CODE_OBJECT_H
#define CODE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct Elf; /* libelf's Elf */

struct object_segment { /* a PT_LOAD */
	uint64_t offset, vaddr, filesz, memsz;
	bool exec;
};

struct object_section {
	struct slice name;
	uint64_t addr, offset, size; /* size as in the file, compressed or not */
	uint64_t flags, entsize;     /* SHF_ */
	uint32_t type, link, info;   /* SHT_ */
	struct slice bytes;          /* private: see object_contents() */
	bool loaded;                 /* private */
};

struct object {
	char *path;           /* the file that was opened, or the name of the image */
	struct slice buildid; /* raw bytes; empty where there is none */
	uint16_t machine;     /* EM_X86_64, EM_AARCH64, ... */
	uint16_t type;        /* ET_EXEC, ET_DYN, ET_REL */
	bool is64;
	uint64_t base; /* lowest p_vaddr, 0 without segments */
	uint64_t eh_frame_hdr,
	    eh_frame_hdr_size; /* PT_GNU_EH_FRAME, for files without sections; size 0: none */
	uint64_t dynamic, dynamic_size; /* PT_DYNAMIC, as an address */
	const char *damage;             /* what part of the file was not usable, or NULL */
	uint64_t text, text_end;        /* the executable segments lie in text .. text_end */
	struct object_segment *segment; /* sorted by vaddr */
	size_t segments;
	struct object_section *section; /* by section index; [0] is SHT_NULL */
	size_t sections;
	struct slice image; /* the whole file */
	struct Elf *elf;    /* for libdw; NULL until object_elf() */
	bool mapped;        /* private: the image is a mapping, else it was allocated */
};

/* Opens path, or where it cannot be opened as an ELF file, the first of the fallbacks (paths, may be NULL) that can.
 * With a wanted build id (may be empty), files that carry another one are passed over. */
struct object *object_open(const char *path, const char *const *fallback, size_t fallbacks,
    struct slice buildid, struct error *e);

/* An object from bytes in memory, such as a vdso in a trace; they are copied. */
struct object *object_memory(const char *name, const void *bytes, size_t n, struct error *e);

/* The vdso of this very process, if its build id is the one wanted (empty: any). */
struct object *object_vdso(struct slice buildid, struct error *e);

/* NULL is allowed. */
void object_close(struct object *o);

/* File offset -> address, through the segment (executable first) that holds it; -1 where none does. */
int object_vaddr(const struct object *o, uint64_t offset, uint64_t *vaddr);

/* Address -> file offset; -1 where no segment has bytes there. */
int object_offset(const struct object *o, uint64_t vaddr, uint64_t *offset);

/* The bytes of the file at an address, up to the end of its segment; empty where there are none. Not for separate
 * debug files, whose segments have no bytes. */
struct slice object_bytes(const struct object *o, uint64_t vaddr);

/* The section of that name, or NULL. `.debug_x` finds `.zdebug_x` as well. */
struct object_section *object_section(struct object *o, const char *name);

/* The contents of a section, decompressed; empty for SHT_NOBITS, for damage, and for NULL. */
struct slice object_contents(struct object *o, struct object_section *s);

/* Contents by name; *addr (may be NULL) gets the section's address. Empty where the section is missing. */
struct slice object_named(struct object *o, const char *name, uint64_t *addr);

/* libelf's view of the same bytes, made at the first call; NULL where libelf refuses them. */
struct Elf *object_elf(struct object *o);

/* True for the section index of executable code. */
bool object_is_code(const struct object *o, size_t section);

#endif
