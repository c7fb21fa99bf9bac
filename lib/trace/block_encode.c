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
static uint32_t
shared_items(const uint64_t *a, uint32_t an, const uint64_t *b, uint32_t bn, bool from_end)
{
	uint32_t n = 0, most = an < bn ? an : bn;

	if (from_end)
		while (n < most && a[an - 1 - n] == b[bn - 1 - n])
			n++;
	else
		while (n < most && a[n] == b[n])
			n++;
	return n;
}

static void
encode_lists(struct trace_block *b, unsigned k, struct buf *out)
{
	struct trace_block_parts *p = b->parts;
	const struct block_lists *l = &p->list[k];
	size_t lists = b->lists[TRACE_INTS + k], items = 0, distinct;
	uint64_t *shared, *rest, *item;
	bool from_end = k + TRACE_INTS == TRACE_ADDRS;
	const uint64_t *before = NULL;
	uint32_t before_n = 0;

	if (lists == 0)
		return;
	GROW(p->scratch, p->scratch_cap, 2 * lists + l->items);
	shared = p->scratch;
	rest = shared + lists;
	item = rest + lists;
	for (size_t id = 0; id < lists; id++) {
		uint32_t n = l->list[id].n, same, own;
		const uint64_t *from = l->item + l->list[id].start;

		same = shared_items(before, before_n, from, n, from_end);
		before = from;
		before_n = n;
		shared[id] = same;
		rest[id] = own = n - same;
		from += from_end ? 0 : same;
		for (uint32_t i = 0; i < own; i++)
			item[items + i] = from[i];
		items += own;
	}
	column_put(out, shared, lists, true);
	column_put(out, rest, lists, true);
	if (from_end) {
		distinct = number_items(p, item, items);
		buf_leb128(out, distinct);
		column_put(out, p->address, distinct, false);
	}
	column_put(out, item, items, k + TRACE_INTS != TRACE_INTS);
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
