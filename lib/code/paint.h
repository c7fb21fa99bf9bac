/* paint.h - which of many overlapping intervals an address belongs to
 *
 * Intervals are painted into one sorted table of boundaries; where they overlap, the one of the highest rank shows, and
 * the later one of equal ranks. Making is O(n log n), finding a binary search: 12 bytes a boundary, at most 2n.
 *
 * Units:     addresses.
 * Ownership: the caller holds the struct, paint_free() its table.
 * Errors:    none; an empty interval is left out.
 * Source:    own.
 */
#ifndef CODE_PAINT_H
#define CODE_PAINT_H

#include <stddef.h>
#include <stdint.h>

struct paint_span {
	uint64_t lo, hi; /* hi is the first address behind */
	uint64_t rank;
	uint32_t owner;
};

struct paint {
	uint64_t *at;
	uint32_t *owner;
	size_t n;
};

#define PAINT_INIT ((struct paint){ 0 })
#define PAINT_NONE UINT32_MAX

/* Replaces what was in p. Sorts span in place. */
void paint_make(struct paint *p, struct paint_span *span, size_t n);

/* The place in p->at of the last boundary that is not above at; n where there is none. */
static inline size_t
paint_place(const struct paint *p, uint64_t at)
{
	size_t lo = 0, n = p->n;

	if (n == 0 || at < p->at[0])
		return p->n;
	while (n > 1) {
		size_t half = n / 2;

		lo = p->at[lo + half] <= at ? lo + half : lo;
		n -= half;
	}
	return lo;
}

/* The owner of an address, or PAINT_NONE. */
static inline uint32_t
paint_find(const struct paint *p, uint64_t at)
{
	size_t i = paint_place(p, at);

	return i < p->n ? p->owner[i] : PAINT_NONE;
}

void paint_free(struct paint *p);

#endif
