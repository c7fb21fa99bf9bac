#include <stdlib.h>

#include "base/alloc.h"
#include "flow/window_parts.h"
#include "trace/block_parts.h"

enum { FIRST_CAP = 1024, STRING_BYTES = 40, LIST_BYTES = 64 };

struct window_held *
window_ring_add(struct window_ring *r)
{
	if (r->end - r->head == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : FIRST_CAP;
		struct window_held *held = xcalloc(cap, sizeof *held);

		for (uint64_t n = r->head; n < r->end; n++)
			held[n & (cap - 1)] = *window_ring_at(r, n);
		free(r->held);
		r->held = held;
		r->cap = cap;
	}
	return window_ring_at(r, r->end++);
}

struct trace_block *
window_ring_block(struct window_ring *r, struct trace_block *present)
{
	if (r->out >= r->settled)
		return present;
	/* Whoever copies rows out of a block numbers its strings once: they must all be there. */
	r->first->sealed = true;
	return r->first->b;
}

static void
release_first(struct window_ring *r)
{
	struct window_chunk *c = r->first;

	r->first = c->next;
	if (r->first == NULL)
		r->last = NULL;
	r->bytes -= c->bytes;
	if (r->spare) {
		block_free(c->b);
		free(c);
	} else {
		block_clear(c->b);
		r->spare = c;
	}
}

void
window_ring_step(struct window_ring *r)
{
	r->out++;
	while (r->first && r->out >= r->first->end)
		release_first(r);
}

static struct window_chunk *
open_chunk(struct window_ring *r, size_t full)
{
	struct window_chunk *c = r->last;

	if (c && !c->sealed && c->bytes < full && !block_full(c->b))
		return c;
	c = r->spare;
	r->spare = NULL;
	if (c == NULL) {
		c = xcalloc(1, sizeof *c);
		c->b = block_new(&r->shapes);
	}
	c->sealed = false;
	c->words = c->bytes = 0;
	c->next = NULL;
	if (r->last)
		r->last->next = c;
	else
		r->first = c;
	r->last = c;
	return c;
}

/* About what the chunk takes: columns may have twice the room they need. */
static size_t
chunk_bytes(const struct window_chunk *c)
{
	const struct trace_block_parts *p = c->b->parts;
	size_t lists = 0;

	for (unsigned k = 0; k < 3; k++)
		lists += c->b->lists[TRACE_INTS + k];
	return sizeof *c + sizeof *p + c->words * 12 + p->arena.total +
	       c->b->strings * (size_t)STRING_BYTES + lists * LIST_BYTES + p->items * 12;
}

static const struct trace_shape *
own_shape(struct window_ring *r, const struct trace_shape *shape)
{
	if (shape->serial >= r->shape_cap) {
		size_t had = r->shape_cap;

		GROW(r->shape, r->shape_cap, shape->serial);
		memset(r->shape + had, 0, (r->shape_cap - had) * sizeof *r->shape);
	}
	if (r->shape[shape->serial] == NULL)
		r->shape[shape->serial] =
		    shapes_get(&r->shapes, shape->type, shape->field, shape->fields);
	return r->shape[shape->serial];
}

static void
copy(struct window_ring *r, struct window_chunk *c, struct trace_block *present,
    struct window_held *h)
{
	const struct trace_shape *shape = own_shape(r, present->shape[h->shape]);
	unsigned s;

	block_put_row(c->b, shape, present, h->shape, h->row, NULL, NULL);
	s = c->b->parts->shape[shape->id].index;
	h->shape = (uint16_t)s;
	h->row = c->b->rows[s] - 1;
	c->words += shape->fields + 1;
}

void
window_ring_settle(struct window_ring *r, struct trace_block *present, size_t chunk)
{
	uint64_t n = r->settled > r->out ? r->settled : r->out;

	for (; n < r->end; n++) {
		struct window_held *h = window_ring_at(r, n);
		struct window_chunk *c;

		if (h->verdict == DROPPED || h->verdict == LOSS || h->verdict == GONE) {
			if (r->last)
				r->last->end = n + 1;
			continue;
		}
		c = open_chunk(r, chunk);
		copy(r, c, present, h);
		c->end = n + 1;
		r->bytes -= c->bytes;
		c->bytes = chunk_bytes(c);
		r->bytes += c->bytes;
	}
	r->settled = r->end;
}

size_t
window_ring_bytes(const struct window_ring *r)
{
	return r->bytes + r->cap * sizeof *r->held;
}

void
window_ring_free(struct window_ring *r)
{
	if (r->spare)
		block_free(r->spare->b);
	free(r->spare);
	r->spare = NULL;
	while (r->first) {
		struct window_chunk *next = r->first->next;

		block_free(r->first->b);
		free(r->first);
		r->first = next;
	}
	shapes_free(&r->shapes);
	free(r->shape);
	free(r->held);
}
