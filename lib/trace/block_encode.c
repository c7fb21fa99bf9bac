#include <stdlib.h>

#include "trace/block_parts.h"
#include "trace/column.h"

#define NUMBER_HASH 0x9e3779b97f4a7c15

enum {
	AHEAD = 32
}; /* slots asked for before they are looked at: most are not in the nearest cache */

/* A table of its own, because most of the time of encoding went into the general one. */
static void
grow_numbers(struct block_numbers *t)
{
	struct block_number *old = t->slot;
	size_t n = old ? t->mask + 1 : 0;

	t->mask = n ? 2 * n - 1 : 1023;
	t->shift = (unsigned)__builtin_clzll(t->mask);
	t->slot = xcalloc(t->mask + 1, sizeof *t->slot);
	for (size_t i = 0; i < n; i++)
		if (old[i].round == t->round) {
			size_t at = old[i].address * NUMBER_HASH >> t->shift;

			while (t->slot[at].round == t->round)
				at = (at + 1) & t->mask;
			t->slot[at] = old[i];
		}
	free(old);
}

/* Numbers the distinct items in order of appearance: item[i] becomes its number; returns how many there are, the items
 * by number in p->address. */
static size_t
number_items(struct trace_block_parts *p, uint64_t *item, size_t n)
{
	struct block_numbers *t = &p->numbers;
	size_t distinct = 0;

	/* A slot of an earlier round is empty. */
	if (++t->round == 0 || t->slot == NULL) {
		free(t->slot);
		*t = (struct block_numbers){ .round = 1 };
		grow_numbers(t);
	}
	for (size_t from = 0; from < n; from += AHEAD) {
		size_t to = n - from < AHEAD ? n : from + AHEAD;

		for (size_t i = from; i < to; i++)
			__builtin_prefetch(&t->slot[item[i] * NUMBER_HASH >> t->shift]);
		for (size_t i = from; i < to; i++) {
			uint64_t address = item[i];
			size_t at = address * NUMBER_HASH >> t->shift;

			while (t->slot[at].round == t->round && t->slot[at].address != address)
				at = (at + 1) & t->mask;
			if (t->slot[at].round != t->round) {
				GROW(p->address, p->address_cap, distinct);
				p->address[distinct] = address;
				t->slot[at] = (struct block_number){ address, (uint32_t)distinct++,
					t->round };
				item[i] = distinct - 1;
				if (distinct * 2 > t->mask)
					grow_numbers(t);
				continue;
			}
			item[i] = t->slot[at].number;
		}
	}
	return distinct;
}

/* Chains stand leaf first, and share their ends; stacks stand root first, and share their beginnings. */
static size_t
shared_items(const struct block_lists *l, size_t id, bool from_end)
{
	const uint64_t *a, *b;
	size_t an, bn, n = 0;

	if (id == 0)
		return 0;
	a = l->item + l->start[id - 1];
	b = l->item + l->start[id];
	an = l->start[id] - l->start[id - 1];
	bn = l->start[id + 1] - l->start[id];
	if (from_end)
		while (n < an && n < bn && a[an - 1 - n] == b[bn - 1 - n])
			n++;
	else
		while (n < an && n < bn && a[n] == b[n])
			n++;
	return n;
}

static void
encode_lists(struct trace_block *b, unsigned k, struct buf *out)
{
	struct block_lists *l = &b->parts->list[k];
	uint32_t lists = b->lists[TRACE_INTS + k];
	uint64_t *shared, *rest, *item;
	bool from_end = k + TRACE_INTS == TRACE_ADDRS;
	size_t items = 0, distinct;

	if (lists == 0)
		return;
	shared = xmalloc(lists * sizeof *shared);
	rest = xmalloc(lists * sizeof *rest);
	item = xmalloc(l->items * sizeof *item);
	for (uint32_t id = 0; id < lists; id++) {
		size_t n = l->start[id + 1] - l->start[id];
		size_t from = l->start[id];

		shared[id] = shared_items(l, id, from_end);
		rest[id] = n - shared[id];
		if (!from_end)
			from += shared[id];
		memcpy(item + items, l->item + from, rest[id] * sizeof *item);
		items += rest[id];
	}
	column_put(out, shared, lists, true);
	column_put(out, rest, lists, true);
	if (k + TRACE_INTS == TRACE_ADDRS) {
		distinct = number_items(b->parts, item, items);
		buf_leb128(out, distinct);
		column_put(out, b->parts->address, distinct, false);
	}
	column_put(out, item, items, k + TRACE_INTS != TRACE_INTS);
	free(shared);
	free(rest);
	free(item);
}

static void
encode_bytes(struct trace_block *b, const uint64_t *id, uint32_t rows, struct buf *out)
{
	struct trace_block_parts *p = b->parts;
	size_t total = 0;

	GROW(p->scratch, p->scratch_cap, rows);
	for (uint32_t i = 0; i < rows; i++) {
		p->scratch[i] = trace_bytes(b, (uint32_t)id[i]).n;
		total += p->scratch[i];
	}
	buf_leb128(out, total);
	column_put(out, p->scratch, rows, true);
	buf_room(out, total);
	for (uint32_t i = 0; i < rows; i++)
		buf_slice(out, trace_bytes(b, (uint32_t)id[i]));
}

bool
block_is_id(enum trace_kind kind)
{
	return kind == TRACE_STR || kind == TRACE_INTS || kind == TRACE_ADDRS || kind == TRACE_STRS;
}

void
block_encode(struct trace_block *b, struct buf *out)
{
	struct trace_block_parts *p = b->parts;
	size_t start = out->n, string_bytes = 0;
	struct buf shapes = BUF_INIT;
	struct block_header h = { .records = b->records, .shapes = b->shapes };

	/* Names of shapes are strings, too: they must be numbered before the dictionary is written. */
	for (unsigned s = 0; s < b->shapes; s++) {
		const struct trace_shape *shape = b->shape[s];

		buf_leb128(&shapes, b->rows[s]);
		buf_leb128(&shapes, block_string(b, shape->type));
		buf_leb128(&shapes, shape->fields);
		for (unsigned f = 0; f < shape->fields; f++) {
			buf_leb128(&shapes, block_string(b, shape->field[f].name));
			buf_char(&shapes, (char)shape->field[f].kind);
		}
	}
	memcpy(h.magic, BLOCK_MAGIC, sizeof h.magic);
	h.strings = b->strings;
	for (unsigned k = 0; k < 3; k++)
		h.lists[k] = b->lists[TRACE_INTS + k];
	h.t_min = b->t_min;
	h.t_max = b->t_max;
	buf_put(out, &h, sizeof h);

	GROW(p->scratch, p->scratch_cap, b->strings);
	for (uint32_t i = 0; i < b->strings; i++) {
		p->scratch[i] = p->string[i].n;
		string_bytes += p->string[i].n;
	}
	column_put(out, p->scratch, b->strings, true);
	for (uint32_t i = 0; i < b->strings; i++)
		buf_slice(out, p->string[i]);
	buf_put(out, shapes.p, shapes.n);
	buf_free(&shapes);
	for (unsigned k = 0; k < 3; k++)
		encode_lists(b, k, out);
	if (b->shapes > 1) {
		GROW(p->scratch, p->scratch_cap, b->records);
		for (uint32_t i = 0; i < b->records; i++)
			p->scratch[i] = p->sequence[i];
		column_put(out, p->scratch, b->records, true);
	}
	for (unsigned s = 0; s < b->shapes; s++)
		for (unsigned f = 0; f < b->shape[s]->fields; f++) {
			enum trace_kind kind = b->shape[s]->field[f].kind;
			const uint64_t *v = p->shape[b->shape[s]->id].column[f].v;

			if (kind == TRACE_BYTES)
				encode_bytes(b, v, b->rows[s], out);
			else
				column_put(out, v, b->rows[s], block_is_id(kind));
		}
	h.length = (uint32_t)(out->n - start);
	h.string_bytes = (uint32_t)string_bytes;
	memcpy(out->p + start, &h, sizeof h);
}
