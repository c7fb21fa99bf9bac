#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "code/paint.h"

static int
span_order(const void *a, const void *b)
{
	const struct paint_span *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

struct heap {
	const struct paint_span **span;
	size_t n;
};

static bool
above(const struct paint_span *x, const struct paint_span *y)
{
	return x->rank != y->rank ? x->rank > y->rank : x > y;
}

static void
heap_push(struct heap *h, const struct paint_span *s)
{
	size_t i = h->n++;

	for (; i > 0 && above(s, h->span[(i - 1) / 2]); i = (i - 1) / 2)
		h->span[i] = h->span[(i - 1) / 2];
	h->span[i] = s;
}

static void
heap_pop(struct heap *h)
{
	const struct paint_span *last = h->span[--h->n];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && above(h->span[child + 1], h->span[child]))
			child++;
		if (!above(h->span[child], last))
			break;
		h->span[i] = h->span[child];
		i = child;
	}
	h->span[i] = last;
}

static void
boundary(struct paint *p, uint64_t at, uint32_t owner)
{
	if (p->n > 0 && p->at[p->n - 1] == at)
		p->n--; /* an interval that is hidden from its first address on */
	if (p->n > 0 ? p->owner[p->n - 1] == owner : owner == PAINT_NONE)
		return;
	p->at[p->n] = at;
	p->owner[p->n++] = owner;
}

void
paint_make(struct paint *p, struct paint_span *span, size_t n)
{
	struct heap h = { xcalloc(n, sizeof *h.span), 0 };

	paint_free(p);
	if (n > 0)
		qsort(span, n, sizeof *span, span_order);
	p->at = xmalloc((2 * n + 1) * sizeof *p->at);
	p->owner = xmalloc((2 * n + 1) * sizeof *p->owner);
	for (size_t i = 0; i < n || h.n > 0;) {
		uint64_t at;

		if (h.n == 0 || (i < n && span[i].lo < h.span[0]->hi)) {
			at = span[i].lo;
			for (; i < n && span[i].lo == at; i++)
				if (span[i].hi > at)
					heap_push(&h, &span[i]);
		} else {
			at = h.span[0]->hi;
		}
		while (h.n > 0 && h.span[0]->hi <= at)
			heap_pop(&h);
		boundary(p, at, h.n > 0 ? h.span[0]->owner : PAINT_NONE);
	}
	free(h.span);
	p->at = xrealloc(p->at, p->n, sizeof *p->at);
	p->owner = xrealloc(p->owner, p->n, sizeof *p->owner);
}

void
paint_free(struct paint *p)
{
	free(p->at);
	free(p->owner);
	*p = PAINT_INIT;
}
