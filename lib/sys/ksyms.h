/* ksyms.h - the symbols and the modules of the running kernel
 *
 * The kernel writes the table down anew for each reader, symbol by symbol: 122,000 of them take it 43 ms, and us 13 ms
 * to take apart. So it can be read in pieces, with other work in between: sys_ksyms_open(), then sys_ksyms_read() until
 * it returns 0; sys_ksyms_load() does all of that at once. Nothing is found before the last piece.
 *
 * The table is sorted by address; of several names at one address the one for people is kept: strong before weak, global
 * before local, and the fewest underscores in front. A symbol ends where the next begins.
 *
 * Units:     addresses and bytes.
 * Ownership: the caller holds the struct, sys_ksyms_free() what it read; found symbols live as long.
 * Errors:    -1 where the kernel hides its addresses (kernel.kptr_restrict) or the file cannot be read; the table is
 *            then empty.
 * Source:    /proc/kallsyms, /proc/modules; kernel/kallsyms.c and kernel/module/procfs.c of Linux 6.1.
 */
#ifndef SYS_KSYMS_H
#define SYS_KSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

struct sys_ksym {
	uint64_t addr;
	struct slice name;
	struct slice module; /* without brackets; empty in the kernel's own text */
	uint64_t size;       /* set by sys_ksyms_find() */
};

struct sys_ksyms {
	struct buf text; /* private, as all below but entries */
	int fd;          /* -1 where nothing is being read */
	size_t parsed;   /* of text: whole lines that are in the table */
	bool unsorted;
	struct sys_ksyms_entry *entry;
	size_t entries, entries_cap;
	unsigned char *told; /* of sys_ksyms_first() */
	uint64_t *recent;
};

#define SYS_KSYMS_INIT ((struct sys_ksyms){ .fd = -1 })

int sys_ksyms_open(struct sys_ksyms *k, const char *path, struct error *e);

/* Reads on, about `bytes` of text: 1, or 0 where the table is whole; -1 and the text: it is empty, and stays so. */
int sys_ksyms_read(struct sys_ksyms *k, size_t bytes, struct error *e);

/* Both, up to the end. */
int sys_ksyms_load(struct sys_ksyms *k, const char *path, struct error *e);

/* The function that holds addr: its number (0..entries-1) and *sym, or -1. */
int64_t sys_ksyms_find(const struct sys_ksyms *k, uint64_t addr, struct sys_ksym *sym);

/* The same, but 1 only the first time that a function is asked for, else 0: for addresses as they come in chains. */
int sys_ksyms_first(struct sys_ksyms *k, uint64_t addr, struct sys_ksym *sym);

/* The address of a symbol by its name (a scan), 0 where there is none. */
uint64_t sys_ksyms_address(const struct sys_ksyms *k, struct slice name);

void sys_ksyms_free(struct sys_ksyms *k);

/* The loaded modules, as /proc/modules names them: calls fn for each, with 0 as addr where addresses are hidden. */
void sys_modules(
    void (*fn)(struct slice name, uint64_t addr, uint64_t size, void *context), void *context);

#endif
