/* folded.h - folded lines: a stack of frames and its weight on each
 *
 * `root;...;leaf N`: frames are separated by `;`, the weight stands behind the last blank. Stacks are interned; the same
 * stack twice adds up. Lines of two columns (`stack N M`) are refused.
 * Memory: the distinct stacks.
 *
 * Units:     those of the weights, which are whole numbers.
 * Ownership: the caller holds the struct, folded_free() what it points to.
 * Errors:    folded_read() returns -1 on I/O errors; lines that are none are counted and passed over: `bad`, `first_bad`.
 * Source:    the format of B. Gregg's FlameGraph.
 */
#ifndef FORM_FOLDED_H
#define FORM_FOLDED_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"

struct folded_stack {
	struct slice stack; /* as it stands in the line */
	uint64_t weight;
};

struct folded {
	struct folded_stack *stack; /* in order of appearance until folded_sort() */
	size_t stacks, cap;
	uint64_t lines,
	    bad; /* of all inputs; a sum that would exceed 2^64-1 stays there, and counts as bad */
	struct error first_bad; /* "12: what" of the first bad line of the last input */
	struct hash_set set;
	struct arena arena;
};

#define FOLDED_INIT ((struct folded){ 0 })

/* Adds all lines of the input; first: n bytes of it that were read already. */
int folded_read(struct folded *f, int fd, const void *first, size_t n, struct error *e);

void folded_add(struct folded *f, struct slice stack, uint64_t weight);

/* Bytewise, as fold writes them. */
void folded_sort(struct folded *f);

/* Appends all lines. */
void folded_lines(const struct folded *f, struct buf *to);

void folded_free(struct folded *f);

#endif
