/* kernel_symbols.h - the kernel's functions, named before they are first used
 *
 * A trace holds a `sym` record of each function of the kernel that its addresses lie in, and no others, before the first
 * of them. The kernel takes 45 ms to write its symbols down (sys/ksyms.h), so they are read when the first kernel address
 * comes, and never if none does; and they are read in pieces of about 1 ms, so that the rings can be emptied meanwhile.
 * Samples with such an address must wait until the last piece:
 *
 *	if (kernel_symbols_missing(&k, &sample))
 *		... keep it, and all that comes behind it, and read: kernel_symbols_read(&k, &e) until it returns 0 ...
 *	else
 *		kernel_symbols_put(&k, &own, &sample), and then the sample
 *
 * An address that was seen before costs a look into a table of 64 KiB.
 *
 * Units:     addresses.
 * Ownership: the caller holds the struct, kernel_symbols_free() what it read.
 * Errors:    read: -1 and the text, where the kernel hides its symbols: from then on nothing is missing or named.
 *            put: -1 where the writer fails.
 * Source:    own.
 */
#ifndef FLOW_KERNEL_SYMBOLS_H
#define FLOW_KERNEL_SYMBOLS_H

#include "flow/record_own.h"
#include "perf/record.h"
#include "sys/ksyms.h"

struct kernel_symbols {
	const char *path; /* /proc/kallsyms; NULL: not wanted */
	struct sys_ksyms table;
	enum { KERNEL_SYMBOLS_UNREAD, KERNEL_SYMBOLS_READING, KERNEL_SYMBOLS_OVER } state;
};

#define KERNEL_SYMBOLS_INIT ((struct kernel_symbols){ .table = SYS_KSYMS_INIT })

/* Whether they are read, as far as they can be, or not wanted. */
static inline bool
kernel_symbols_over(const struct kernel_symbols *k)
{
	return k->path == NULL || k->state == KERNEL_SYMBOLS_OVER;
}

/* Whether the sample has an address of the kernel, and the symbols are not read yet. */
bool kernel_symbols_missing(const struct kernel_symbols *k, const struct perf_sample *s);

/* The next piece: 1 there is more, 0 that was all. */
int kernel_symbols_read(struct kernel_symbols *k, struct error *e);

/* Writes what the sample's addresses need. */
int kernel_symbols_put(
    struct kernel_symbols *k, struct record_own *own, const struct perf_sample *s);

void kernel_symbols_free(struct kernel_symbols *k);

#endif
