#include <stdlib.h>

#include "trace/block_parts.h"
#include "trace/column.h"

static uint64_t serials; /* 0 is no block */

struct trace_block *
block_new(struct shapes *shapes)
{
	struct trace_block *b = xcalloc(1, sizeof *b);

	b->parts = xcalloc(1, sizeof *b->parts);
	b->parts->shapes = shapes;
	block_clear(b);
	return b;
}

void
block_clear(struct trace_block *b)
{
	struct trace_block_parts *p = b->parts;

	p->serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
	b->shapes = 0;
	b->records = b->strings = 0;
	b->t_min = INT64_MAX;
	b->t_max = INT64_MIN;
	p->bytes_n = 0;
	p->items = 0;
	p->estimate = sizeof(struct block_header);
	p->state = false;
	hash_clear(&p->string_set);
	arena_reset(&p->arena);
	for (unsigned k = 0; k < 3; k++) {
		struct block_lists *l = &p->list[k];

		b->lists[TRACE_INTS + k] = 0;
		l->items = l->views = 0;
		l->encoded = NULL;
		hash_clear(&l->set);
	}
}

void
block_free(struct trace_block *b)
{
	struct trace_block_parts *p = b->parts;

	for (size_t s = 0; s < p->shape_cap; s++) {
		for (unsigned f = 0; f < p->shape[s].columns; f++)
			free(p->shape[s].column[f].v);
		free(p->shape[s].column);
		free(p->shape[s].plain);
	}
	for (unsigned k = 0; k < 3; k++) {
		struct block_lists *l = &p->list[k];

		free(l->item);
		free(l->list);
		free(l->view);
		hash_free(&l->set);
	}
	free(p->shape);
	free(p->sequence);
	free(p->string);
	hash_free(&p->string_set);
	free(p->bytes);
	free(p->scratch);
	free(p->count);
	free(p->pick);
	free(p->value);
	free(p->base);
	free(p->address);
	free(p->numbers.slot);
	free(p->links.string);
	for (unsigned k = 0; k < 3; k++)
		free(p->links.list[k]);
	arena_free(&p->arena);
	free(p);
	free(b->shape);
	free(b->rows);
	free(b);
}

struct block_shape *
block_enter(struct trace_block *b, const struct trace_shape *shape)
{
	struct trace_block_parts *p = b->parts;
	struct block_shape *at;

	if (shape->id >= p->shape_cap) {
		size_t had = p->shape_cap;

		GROW(p->shape, p->shape_cap, shape->id);
		memset(p->shape + had, 0, (p->shape_cap - had) * sizeof *p->shape);
	}
	at = &p->shape[shape->id];
	if (at->serial == p->serial)
		return at;
	if (at->column == NULL) {
		at->columns = shape->fields;
		at->column = xcalloc(shape->fields, sizeof *at->column);
		at->plain = xmalloc(2 * (size_t)shape->fields * sizeof *at->plain);
		at->other = at->plain + shape->fields;
		for (unsigned f = 0; f < shape->fields; f++) {
			at->column[f].kind = shape->field[f].kind;
			if (shape->field[f].kind <= TRACE_NUM)
				at->plain[at->plains++] = f;
			else
				at->other[at->others++] = f;
		}
		at->estimate = 1 + 2 * (size_t)shape->fields;
		at->t = trace_when(shape).t;
		at->dur = trace_when(shape).dur;
		at->chain = trace_field_of(shape, SLICE("chain"), TRACE_ADDRS);
	}
	at->serial = p->serial;
	at->index = b->shapes;
	GROW(b->shape, p->pointer_cap, b->shapes);
	GROW(b->rows, p->rows_cap, b->shapes);
	if (b->shapes == 1 && b->records > 0) {
		GROW(p->sequence, p->sequence_cap, b->records);
		memset(p->sequence, 0, b->records * sizeof *p->sequence);
	}
	b->shape[b->shapes] = shape;
	b->rows[b->shapes++] = 0;
	for (unsigned f = 0; f < shape->fields; f++) {
		at->column[f].ready = true;
		p->estimate += shape->field[f].name.n + 4;
	}
	if (trace_is_state(shape) || trace_is_ledger(shape))
		p->state = true;
	return at;
}

void
block_reserve(struct block_shape *s, size_t rows)
{
	if (rows <= s->cap)
		return;
	if (rows < s->cap * 2)
		rows = s->cap * 2;
	if (rows < 16)
		rows = 16;
	for (unsigned f = 0; f < s->columns; f++)
		s->column[f].v = xrealloc(s->column[f].v, rows, sizeof(uint64_t));
	s->cap = rows;
}

/* ---- dictionaries ---- */

static uint64_t
string_rehash(const void *context, uint32_t id)
{
	const struct trace_block_parts *p = context;

	return hash_bytes(p->string[id].p, p->string[id].n);
}

uint32_t
block_string(struct trace_block *b, struct slice s)
{
	struct trace_block_parts *p = b->parts;
	uint64_t h = hash_bytes(s.p, s.n);

	for (struct hash_probe at = hash_first(&p->string_set, h); hash_found(&p->string_set, &at);
	     hash_next(&p->string_set, &at))
		if (slice_eq(p->string[at.item], s))
			return at.item;
	GROW(p->string, p->string_cap, b->strings);
	p->string[b->strings] = arena_copy(&p->arena, s);
	p->estimate += s.n + 2;
	hash_add(&p->string_set, h, b->strings, string_rehash, p);
	return b->strings++;
}

/* slice_eq() without a call for the short names that most strings are. */
static inline bool
same_string(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	if (a.n < 4 || a.n > 16)
		return slice_eq(a, b);
	if (a.n < 8)
		return load32(a.p) == load32(b.p) && load32(a.p + a.n - 4) == load32(b.p + b.n - 4);
	return ((load64(a.p) ^ load64(b.p)) | (load64(a.p + a.n - 8) ^ load64(b.p + b.n - 8))) == 0;
}

/* The number of a string that may stand where it stood before, because whoever puts it keeps it: what was found there
 * last is compared before anything is hashed. */
static uint32_t
block_item(struct trace_block *b, struct slice s)
{
	struct trace_block_parts *p = b->parts;
	struct block_recent *r =
	    &p->recent[((uintptr_t)s.p * 0x9e3779b97f4a7c15) >> (64 - BLOCK_RECENT_BITS)];

	if (r->p == s.p && r->id < b->strings && same_string(p->string[r->id], s))
		return r->id;
	r->p = s.p;
	return r->id = block_string(b, s);
}

/* Lists are short: a loop beats memcmp(). */
static bool
same_items(const uint64_t *a, const uint64_t *b, size_t n)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* Two items a multiplication, none of which waits for another. */
static uint64_t
items_hash(const uint64_t *item, size_t n)
{
	uint64_t h = n * 0x9e3779b97f4a7c15;

	for (; n >= 2; item += 2, n -= 2) {
		__uint128_t m =
		    (__uint128_t)(item[0] ^ 0xd6e8feb86659fd93) * (item[1] ^ 0xa0761d6478bd642f);

		h = (h << 7 | h >> 57) ^ (uint64_t)m ^ (uint64_t)(m >> 64);
	}
	return hash_mix(h, n ? item[0] : 0);
}

static uint64_t
list_rehash(const void *context, uint32_t id)
{
	const struct block_lists *l = context;

	return items_hash(l->item + l->list[id].start, l->list[id].n);
}

static uint32_t
put_items(struct trace_block *b, unsigned k, const uint64_t *item, uint32_t n, uint64_t h)
{
	struct block_lists *l = &b->parts->list[k];
	uint32_t id = b->lists[TRACE_INTS + k];
	uint64_t *to;

	for (struct hash_probe at = hash_first(&l->set, h); hash_found(&l->set, &at);
	     hash_next(&l->set, &at)) {
		const struct block_list *other = &l->list[at.item];

		if (other->n == n && same_items(l->item + other->start, item, n))
			return at.item;
	}
	GROW(l->list, l->list_cap, id);
	l->list[id] = (struct block_list){ .start = (uint32_t)l->items, .n = n };
	GROW(l->item, l->items_cap, l->items + n);
	to = l->item + l->items;
	for (uint32_t i = 0; i < n; i++)
		to[i] = item[i];
	l->items += n;
	b->parts->items += n;
	b->parts->estimate += 2 + 2 * (size_t)n;
	hash_add(&l->set, h, id, list_rehash, l);
	return b->lists[TRACE_INTS + k]++;
}

uint32_t
block_list(struct trace_block *b, unsigned k, const uint64_t *item, uint32_t n)
{
	return put_items(b, k, item, n, items_hash(item, n));
}

static uint32_t
put_list(struct trace_block *b, enum trace_kind kind, const struct trace_list *list, uint64_t hash)
{
	struct trace_block_parts *p = b->parts;
	uint32_t id;

	if (list->memo && list->memo->block == p->serial)
		return list->memo->id;
	if (kind == TRACE_STRS) {
		GROW(p->scratch, p->scratch_cap, list->n);
		for (uint32_t i = 0; i < list->n; i++)
			p->scratch[i] = block_item(b, list->s[i]);
		id = block_list(b, TRACE_STRS - TRACE_INTS, p->scratch, list->n);
	} else {
		id = put_items(b, kind - TRACE_INTS, list->u, list->n,
		    hash ? hash : items_hash(list->u, list->n));
	}
	if (list->memo)
		*list->memo = (struct trace_memo){ p->serial, id };
	return id;
}

uint32_t
block_list_of(struct trace_block *b, enum trace_kind kind, const struct trace_list *list)
{
	return put_list(b, kind, list, 0);
}

uint32_t
block_bytes(struct trace_block *b, struct slice s)
{
	struct trace_block_parts *p = b->parts;

	GROW(p->bytes, p->bytes_cap, p->bytes_n);
	p->bytes[p->bytes_n] = arena_copy(&p->arena, s);
	p->estimate += s.n;
	return p->bytes_n++;
}

/* The hash of a list of addresses, whose slot is asked for early: it comes while other columns are filled. 0 where it is
 * not needed. */
static inline uint64_t
ask_for_list(const struct trace_block_parts *p, const struct trace_list *list)
{
	const struct hash_set *set = &p->list[TRACE_ADDRS - TRACE_INTS].set;
	uint64_t h;

	if (list->memo && list->memo->block == p->serial)
		return 0;
	h = items_hash(list->u, list->n);
	if (set->slot)
		__builtin_prefetch(&set->slot[h & set->mask]);
	return h;
}

bool
block_put(struct trace_block *b, const struct trace_shape *shape, const union trace_value *value)
{
	struct trace_block_parts *p = b->parts;
	struct block_shape *at = shape->id < p->shape_cap ? &p->shape[shape->id] : NULL;
	uint64_t chain_hash = 0;
	uint32_t row;

	if (at == NULL || at->serial != p->serial)
		at = block_enter(b, shape);
	row = b->rows[at->index];
	if (row >= at->cap)
		block_reserve(at, (size_t)row + 1);
	if (at->chain >= 0)
		chain_hash = ask_for_list(p, &value[at->chain].list);
	for (const unsigned *f = at->plain, *end = f + at->plains; f < end; f++)
		at->column[*f].v[row] = value[*f].u;
	for (const unsigned *f = at->other, *end = f + at->others; f < end; f++) {
		const struct block_column *c = &at->column[*f];
		const union trace_value *from = &value[*f];
		uint64_t *v = c->v + row;

		if (c->kind == TRACE_STR)
			/* The same string as in the row before is common, and needs no hash. */
			*v = row > 0 && same_string(p->string[v[-1]], from->s)
				 ? v[-1]
				 : block_item(b, from->s);
		else if (c->kind == TRACE_BYTES)
			*v = block_bytes(b, from->s);
		else
			*v = put_list(
			    b, c->kind, &from->list, (int)*f == at->chain ? chain_hash : 0);
	}
	return block_end_row(b, at, row);
}

/* Unpacks the items of all lists of a kind, which decode_lists() has checked. */
static void
unpack_lists(struct trace_block *b, unsigned k)
{
	struct trace_block_parts *p = b->parts;
	struct block_lists *l = &p->list[k];
	const struct block_list *x = l->list, *end = x + b->lists[TRACE_INTS + k];
	const unsigned char *at = l->encoded;
	bool from_end = k + TRACE_INTS == TRACE_ADDRS;
	uint64_t *table = NULL, *item;
	size_t fresh = 0;

	l->encoded = NULL;
	for (; x < end; x++)
		fresh += x->n - x->shared;
	if (from_end) {
		uint64_t n;

		at = leb128_get(at, at + LEB128_MAX, &n);
		table = xmalloc(n * sizeof *table);
		at = column_get(at, n, table);
	}
	GROW(p->scratch, p->scratch_cap, fresh);
	column_get(at, fresh, p->scratch);
	GROW(l->item, l->items_cap, l->items);
	item = p->scratch;
	for (x = l->list; x < end; x++) {
		size_t keep = x->shared, own = x->n - keep;
		uint64_t *to = l->item + x->start;

		if (from_end) {
			for (size_t i = 0; i < own; i++)
				to[i] = table[item[i]];
			if (keep > 0)
				memcpy(to + own, to - keep, keep * sizeof *to);
		} else {
			if (keep > 0)
				memcpy(to, l->item + x[-1].start, keep * sizeof *to);
			memcpy(to + keep, item, own * sizeof *to);
		}
		item += own;
	}
	free(table);
}

/* ---- reading ---- */

uint64_t
trace_block_serial(const struct trace_block *b)
{
	return b->parts->serial;
}

const uint64_t *
trace_column(struct trace_block *b, unsigned s, unsigned f)
{
	struct block_shape *at = &b->parts->shape[b->shape[s]->id];
	struct block_column *c = &at->column[f];

	if (c->ready)
		return c->v;
	block_reserve(at, b->rows[s]);
	if (b->shape[s]->field[f].kind == TRACE_BYTES)
		for (uint32_t i = 0; i < b->rows[s]; i++)
			c->v[i] = c->first_bytes + i;
	else
		column_get(c->encoded, b->rows[s], c->v);
	c->ready = true;
	return c->v;
}

const uint16_t *
trace_sequence(struct trace_block *b)
{
	return b->shapes > 1 ? b->parts->sequence : NULL;
}

struct slice
trace_string(struct trace_block *b, uint32_t id)
{
	return b->parts->string[id];
}

struct slice
trace_bytes(struct trace_block *b, uint32_t id)
{
	return b->parts->bytes[id];
}

const uint64_t *
block_items(struct trace_block *b, unsigned k, uint32_t id, uint32_t *n)
{
	struct block_lists *l = &b->parts->list[k];

	if (l->encoded)
		unpack_lists(b, k);
	*n = l->list[id].n;
	return l->item + l->list[id].start;
}

const uint64_t *
trace_string_ids(struct trace_block *b, uint32_t id, uint32_t *n)
{
	return block_items(b, TRACE_STRS - TRACE_INTS, id, n);
}

struct trace_list
trace_block_list(struct trace_block *b, enum trace_kind kind, uint32_t id)
{
	unsigned k = kind - TRACE_INTS;
	struct block_lists *l = &b->parts->list[k];
	struct trace_list list;
	const uint64_t *item = block_items(b, k, id, &list.n);
	struct block_view *view;

	if (id >= l->views) {
		GROW(l->view, l->view_cap, b->lists[kind] - 1);
		memset(l->view + l->views, 0, (b->lists[kind] - l->views) * sizeof *l->view);
		l->views = b->lists[kind];
	}
	view = &l->view[id];
	list.memo = &view->memo;
	list.u = item;
	if (kind != TRACE_STRS)
		return list;
	if (view->text == NULL) {
		view->text = arena_alloc(&b->parts->arena, list.n * sizeof *view->text);
		for (uint32_t i = 0; i < list.n; i++)
			view->text[i] = b->parts->string[item[i]];
	}
	list.s = view->text;
	return list;
}

union trace_value
trace_block_value(struct trace_block *b, unsigned s, unsigned f, uint32_t row)
{
	uint64_t v = trace_column(b, s, f)[row];
	enum trace_kind kind = b->shape[s]->field[f].kind;

	switch (kind) {
	case TRACE_STR:
		return (union trace_value){ .s = b->parts->string[v] };
	case TRACE_BYTES:
		return (union trace_value){ .s = b->parts->bytes[v] };
	case TRACE_INTS:
	case TRACE_ADDRS:
	case TRACE_STRS:
		return (union trace_value){ .list = trace_block_list(b, kind, (uint32_t)v) };
	default:
		return (union trace_value){ .u = v };
	}
}
