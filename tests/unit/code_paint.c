/* Painted intervals say of every address what looking through all of them says. */
#include <stdlib.h>
#include <string.h>

#include "code/paint.h"
#include "unit.h"

enum { SPACE = 200, SPANS = 40 };

static uint32_t
brute(const struct paint_span *span, size_t n, uint64_t at)
{
	const struct paint_span *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct paint_span *s = &span[i];

		if (at < s->lo || at >= s->hi)
			continue;
		if (best == NULL || s->rank > best->rank)
			best = s;
	}
	return best != NULL ? best->owner : PAINT_NONE;
}

int
main(void)
{
	struct paint_span span[SPANS], sorted[SPANS];
	struct paint p = PAINT_INIT;

	paint_make(&p, span, 0);
	CLAIM(paint_find(&p, 0) == PAINT_NONE && paint_find(&p, UINT64_MAX) == PAINT_NONE);
	srand(7);
	for (int round = 0; round < 2000; round++) {
		size_t n = 1 + (size_t)rand() % SPANS;

		for (size_t i = 0; i < n; i++) {
			span[i].lo = (uint64_t)(rand() % SPACE);
			span[i].hi = span[i].lo +
				     (uint64_t)(rand() % (round % 2 ? 80 : 9)); /* may be empty */
			span[i].rank = i * 2654435761u % 97;                    /* distinct */
			span[i].owner = (uint32_t)i;
		}
		memcpy(sorted, span, sizeof span);
		paint_make(&p, sorted, n);
		for (uint64_t at = 0; at < 2 * SPACE; at++)
			CLAIM(paint_find(&p, at) == brute(span, n, at));
		for (size_t i = 1; i < p.n; i++)
			CLAIM(p.at[i - 1] < p.at[i] && p.owner[i - 1] != p.owner[i]);
		CLAIM(p.n <= 2 * n);
	}

	/* Equal ranks: the one that begins later, then the higher owner. */
	span[0] = (struct paint_span){ 0, 100, 1, 5 };
	span[1] = (struct paint_span){ 50, 60, 1, 6 };
	span[2] = (struct paint_span){ 50, 55, 1, 7 };
	paint_make(&p, span, 3);
	CLAIM(paint_find(&p, 49) == 5 && paint_find(&p, 50) == 7 && paint_find(&p, 55) == 6 &&
	      paint_find(&p, 60) == 5);
	CLAIM(paint_find(&p, 99) == 5 && paint_find(&p, 100) == PAINT_NONE);

	/* The highest addresses. */
	span[0] = (struct paint_span){ UINT64_MAX - 1, UINT64_MAX, 0, 1 };
	paint_make(&p, span, 1);
	CLAIM(paint_find(&p, UINT64_MAX - 1) == 1 && paint_find(&p, UINT64_MAX - 2) == PAINT_NONE);
	paint_free(&p);
	return 0;
}
