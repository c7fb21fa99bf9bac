#include <stdlib.h>

#include "trace/block_parts.h"
#include "trace/column.h"

static const char magic[4] = { 'l', 'b', 'l', 'k' };

/* The fixed part of an encoded block. */
struct header {
	char magic[4];
	uint32_t length, records, shapes, strings, string_bytes;
	uint32_t lists[3];
	uint32_t zero;
	int64_t t_min, t_max;
};

_Static_assert(sizeof(struct header) == 56, "the header has no holes");

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
	p->estimate = sizeof(struct header);
	p->state = false;
	hash_clear(&p->string_set);
	arena_reset(&p->arena);
	for (unsigned k = 0; k < 3; k++) {
		struct block_lists *l = &p->list[k];

		b->lists[TRACE_INTS + k] = 0;
		l->items = 0;
		l->encoded = NULL;
		GROW(l->start, l->start_cap, 0);
		l->start[0] = 0;
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
	}
	for (unsigned k = 0; k < 3; k++) {
		struct block_lists *l = &p->list[k];

		free(l->item);
		free(l->start);
		free(l->memo);
		free(l->text);
		hash_free(&l->set);
	}
	free(p->shape);
	free(p->sequence);
	free(p->string);
	hash_free(&p->string_set);
	free(p->bytes);
	free(p->scratch);
	free(p->address);
	hash_free(&p->address_set);
	arena_free(&p->arena);
	free(p);
	free(b->shape);
	free(b->rows);
	free(b);
}

/* What the block holds of this shape, entered where it is new. */
static struct block_shape *
enter_shape(struct trace_block *b, const struct trace_shape *shape)
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
		at->t = trace_field_of(shape, SLICE("t"), TRACE_INT);
	}
	at->serial = p->serial;
	at->index = b->shapes;
	GROW(b->shape, p->pointer_cap, b->shapes);
	GROW(b->rows, p->rows_cap, b->shapes);
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

static void
reserve_rows(struct block_shape *s, size_t rows)
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

static uint32_t
put_string(struct trace_block *b, struct slice s)
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

	return items_hash(l->item + l->start[id], l->start[id + 1] - l->start[id]);
}

static uint32_t
put_items(struct trace_block *b, unsigned k, const uint64_t *item, size_t n)
{
	struct block_lists *l = &b->parts->list[k];
	uint32_t *count = &b->lists[TRACE_INTS + k];
	uint64_t h = items_hash(item, n);

	for (struct hash_probe at = hash_first(&l->set, h); hash_found(&l->set, &at);
	     hash_next(&l->set, &at)) {
		size_t start = l->start[at.item];

		if (l->start[at.item + 1] - start == n && same_items(l->item + start, item, n))
			return at.item;
	}
	GROW(l->item, l->items_cap, l->items + n);
	if (n > 0)
		memcpy(l->item + l->items, item, n * sizeof *item);
	l->items += n;
	GROW(l->start, l->start_cap, *count + 1);
	l->start[*count + 1] = l->items;
	GROW(l->memo, l->memo_cap, *count);
	l->memo[*count] = (struct trace_memo){ 0 };
	GROW(l->text, l->text_cap, *count);
	l->text[*count] = NULL;
	b->parts->estimate += 2 + 2 * n;
	hash_add(&l->set, h, *count, list_rehash, l);
	return (*count)++;
}

static uint32_t
put_list(struct trace_block *b, enum trace_kind kind, const struct trace_list *list)
{
	struct trace_block_parts *p = b->parts;
	uint32_t id;

	if (list->memo && list->memo->block == p->serial)
		return list->memo->id;
	if (kind == TRACE_STRS) {
		GROW(p->scratch, p->scratch_cap, list->n);
		for (uint32_t i = 0; i < list->n; i++)
			p->scratch[i] = put_string(b, list->s[i]);
		id = put_items(b, TRACE_STRS - TRACE_INTS, p->scratch, list->n);
	} else {
		id = put_items(b, kind - TRACE_INTS, list->u, list->n);
	}
	if (list->memo)
		*list->memo = (struct trace_memo){ p->serial, id };
	return id;
}

static uint32_t
put_bytes(struct trace_block *b, struct slice s)
{
	struct trace_block_parts *p = b->parts;

	GROW(p->bytes, p->bytes_cap, p->bytes_n);
	p->bytes[p->bytes_n] = arena_copy(&p->arena, s);
	p->estimate += s.n;
	return p->bytes_n++;
}

void
block_put(struct trace_block *b, const struct trace_shape *shape, const union trace_value *value)
{
	struct trace_block_parts *p = b->parts;
	struct block_shape *at = enter_shape(b, shape);
	uint32_t row = b->rows[at->index];

	reserve_rows(at, (size_t)row + 1);
	for (unsigned f = 0; f < shape->fields; f++) {
		uint64_t *v = at->column[f].v + row;

		switch (shape->field[f].kind) {
		case TRACE_STR:
			/* The same string as in the row before is common, and needs no hash. */
			if (row > 0 && slice_eq(p->string[v[-1]], value[f].s))
				*v = v[-1];
			else
				*v = put_string(b, value[f].s);
			break;
		case TRACE_BYTES:
			*v = put_bytes(b, value[f].s);
			break;
		case TRACE_INTS:
		case TRACE_ADDRS:
		case TRACE_STRS:
			*v = put_list(b, shape->field[f].kind, &value[f].list);
			break;
		default:
			*v = value[f].u;
		}
	}
	if (at->t >= 0) {
		int64_t t = value[at->t].i;

		b->t_min = t < b->t_min ? t : b->t_min;
		b->t_max = t > b->t_max ? t : b->t_max;
	}
	GROW(p->sequence, p->sequence_cap, b->records);
	p->sequence[b->records++] = (uint16_t)at->index;
	b->rows[at->index] = row + 1;
	p->estimate += 1 + 2 * shape->fields;
}

bool
block_full(const struct trace_block *b)
{
	const struct trace_block_parts *p = b->parts;

	return p->estimate >= BLOCK_BYTES || b->records >= BLOCK_RECORDS ||
	       b->shapes >= UINT16_MAX - 1 ||
	       p->list[0].items + p->list[1].items + p->list[2].items >= BLOCK_ITEMS;
}

/* ---- encoding ---- */

static uint64_t
address_rehash(const void *context, uint32_t id)
{
	return hash_mix(0, ((const uint64_t *)context)[id]);
}

/* Numbers the distinct items in order of appearance: item[i] becomes its number; returns how many there are, the items
 * by number in p->address. */
static size_t
number_items(struct trace_block_parts *p, uint64_t *item, size_t n)
{
	size_t distinct = 0;

	hash_clear(&p->address_set);
	for (size_t i = 0; i < n; i++) {
		uint64_t h = hash_mix(0, item[i]);
		struct hash_probe at = hash_first(&p->address_set, h);

		while (hash_found(&p->address_set, &at) && p->address[at.item] != item[i])
			hash_next(&p->address_set, &at);
		if (!hash_found(&p->address_set, &at)) {
			GROW(p->address, p->address_cap, distinct);
			p->address[distinct] = item[i];
			hash_add(
			    &p->address_set, h, (uint32_t)distinct, address_rehash, p->address);
			at.item = (uint32_t)distinct++;
		}
		item[i] = at.item;
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

static bool
is_id(enum trace_kind kind)
{
	return kind == TRACE_STR || kind == TRACE_INTS || kind == TRACE_ADDRS || kind == TRACE_STRS;
}

void
block_encode(struct trace_block *b, struct buf *out)
{
	struct trace_block_parts *p = b->parts;
	size_t start = out->n, string_bytes = 0;
	struct buf shapes = BUF_INIT;
	struct header h = { .records = b->records, .shapes = b->shapes };

	/* Names of shapes are strings, too: they must be numbered before the dictionary is written. */
	for (unsigned s = 0; s < b->shapes; s++) {
		const struct trace_shape *shape = b->shape[s];

		buf_leb128(&shapes, b->rows[s]);
		buf_leb128(&shapes, put_string(b, shape->type));
		buf_leb128(&shapes, shape->fields);
		for (unsigned f = 0; f < shape->fields; f++) {
			buf_leb128(&shapes, put_string(b, shape->field[f].name));
			buf_char(&shapes, (char)shape->field[f].kind);
		}
	}
	memcpy(h.magic, magic, sizeof magic);
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
				column_put(out, v, b->rows[s], is_id(kind));
		}
	h.length = (uint32_t)(out->n - start);
	h.string_bytes = (uint32_t)string_bytes;
	memcpy(out->p + start, &h, sizeof h);
}

size_t
block_length(const void *bytes)
{
	return memcmp(bytes, magic, sizeof magic) == 0 ? load32((const char *)bytes + 4) : 0;
}

/* ---- decoding ---- */

struct decoder {
	struct trace_block *b;
	struct header h;
	const unsigned char *p, *end;
	struct error *e;
};

static int
bad(struct decoder *d, const char *what)
{
	return error_set(d->e, "the block's %s are damaged", what);
}

static uint64_t
decode_leb128(struct decoder *d)
{
	uint64_t v = 0;

	if (d->p)
		d->p = leb128_get(d->p, d->end, &v);
	return v;
}

/* Passes a column of n values, all of them below limit; returns where it begins, or NULL. */
static const unsigned char *
decode_ids(struct decoder *d, size_t n, uint64_t limit)
{
	const unsigned char *start = d->p;

	if (d->p)
		d->p = column_skip(d->p, d->end, n);
	if (d->p == NULL || (n > 0 && column_max(start, n) >= limit))
		return NULL;
	return start;
}

static uint64_t *
scratch_column(struct trace_block_parts *p, const unsigned char *column, size_t n)
{
	GROW(p->scratch, p->scratch_cap, n);
	column_get(column, n, p->scratch);
	return p->scratch;
}

static int
decode_strings(struct decoder *d)
{
	struct trace_block_parts *p = d->b->parts;
	const unsigned char *lengths = decode_ids(d, d->h.strings, UINT64_MAX);
	const uint64_t *length;
	size_t left = d->h.string_bytes;

	if (lengths == NULL || left > (size_t)(d->end - d->p))
		return bad(d, "strings");
	length = scratch_column(p, lengths, d->h.strings);
	if (d->h.strings > 0)
		GROW(p->string, p->string_cap, d->h.strings - 1);
	for (uint32_t i = 0; i < d->h.strings; i++) {
		if (length[i] > left)
			return bad(d, "strings");
		p->string[i] = (struct slice){ (const char *)d->p, length[i] };
		d->p += length[i];
		left -= length[i];
	}
	d->b->strings = d->h.strings;
	return left ? bad(d, "strings") : 0;
}

bool
block_valid_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		if (!((c | 32) - 'a' < 26 || c == '_' || (i > 0 && c - '0' < 10)))
			return false;
	}
	return s.n > 0;
}

static int
decode_shapes(struct decoder *d)
{
	struct trace_block_parts *p = d->b->parts;
	struct trace_field *field = NULL;
	size_t cap = 0;
	uint64_t records = 0;
	int result = 0;

	for (uint32_t s = 0; s < d->h.shapes && result == 0; s++) {
		uint64_t rows = decode_leb128(d), type = decode_leb128(d),
			 fields = decode_leb128(d);
		const struct trace_shape *shape;
		struct block_shape *at;

		if (d->p == NULL || type >= d->b->strings || fields > (size_t)(d->end - d->p) ||
		    rows > d->h.records || !block_valid_name(p->string[type])) {
			result = bad(d, "shapes");
			break;
		}
		for (uint64_t f = 0; f < fields && result == 0; f++) {
			uint64_t name = decode_leb128(d);

			if (d->p == NULL || d->p == d->end || name >= d->b->strings ||
			    *d->p >= TRACE_KINDS || !block_valid_name(p->string[name])) {
				result = bad(d, "shapes");
				break;
			}
			GROW(field, cap, f);
			field[f] = (struct trace_field){ p->string[name], *d->p++ };
		}
		if (result < 0)
			break;
		shape = shapes_get(p->shapes, p->string[type], field, (unsigned)fields);
		at = enter_shape(d->b, shape);
		if (at->index != s) /* the same shape twice */
			result = bad(d, "shapes");
		d->b->rows[at->index] = (uint32_t)rows;
		records += rows;
	}
	free(field);
	if (result == 0 && records != d->h.records)
		result = bad(d, "shapes");
	d->b->records = d->h.records;
	return result;
}

static int
decode_lists(struct decoder *d, unsigned k)
{
	struct trace_block_parts *p = d->b->parts;
	struct block_lists *l = &p->list[k];
	uint32_t lists = d->h.lists[k];
	const unsigned char *shared, *rest;
	uint64_t items = 0, fresh = 0, limit = k == 2 ? d->b->strings : UINT64_MAX;

	if (lists == 0)
		return 0;
	l->encoded = d->p;
	shared = decode_ids(d, lists, BLOCK_ITEMS_READ);
	rest = shared ? decode_ids(d, lists, BLOCK_ITEMS_READ) : NULL;
	if (rest == NULL)
		return bad(d, "lists");
	GROW(l->start, l->start_cap, lists);
	GROW(l->memo, l->memo_cap, lists);
	GROW(l->text, l->text_cap, lists);
	memset(l->memo, 0, lists * sizeof *l->memo);
	memset(l->text, 0, lists * sizeof *l->text);
	GROW(p->scratch, p->scratch_cap, lists);
	column_get(rest, lists, p->scratch);
	for (uint32_t id = 0; id < lists; id++) {
		l->start[id + 1] = p->scratch[id];
		fresh += p->scratch[id];
	}
	column_get(shared, lists, p->scratch);
	for (uint32_t id = 0; id < lists; id++) {
		if (p->scratch[id] > (id ? l->start[id] - l->start[id - 1] : 0))
			return bad(d, "lists");
		items += p->scratch[id] + l->start[id + 1];
		if (items > BLOCK_ITEMS_READ)
			return bad(d, "lists");
		l->start[id + 1] = items;
	}
	if (k + TRACE_INTS == TRACE_ADDRS) {
		limit = decode_leb128(d);
		if (d->p)
			d->p = column_skip(d->p, d->end, limit);
		if (d->p == NULL || limit > fresh)
			return bad(d, "lists");
	}
	if (k + TRACE_INTS == TRACE_INTS)
		d->p = column_skip(d->p, d->end, fresh);
	else if (decode_ids(d, fresh, limit) == NULL)
		return bad(d, "lists");
	if (d->p == NULL)
		return bad(d, "lists");
	l->items = items;
	d->b->lists[TRACE_INTS + k] = lists;
	return 0;
}

/* Every s stands rows[s] times in the sequence. */
static int
decode_sequence(struct decoder *d)
{
	struct trace_block *b = d->b;
	struct trace_block_parts *p = b->parts;
	const unsigned char *column;
	uint32_t *left;
	int result = 0;

	if (b->shapes < 2)
		return 0;
	column = decode_ids(d, b->records, b->shapes);
	if (column == NULL)
		return bad(d, "sequence bytes");
	scratch_column(p, column, b->records);
	GROW(p->sequence, p->sequence_cap, b->records);
	left = xmalloc(b->shapes * sizeof *left);
	memcpy(left, b->rows, b->shapes * sizeof *left);
	for (uint32_t i = 0; i < b->records; i++) {
		if (left[p->scratch[i]]-- == 0) {
			result = bad(d, "sequence bytes");
			break;
		}
		p->sequence[i] = (uint16_t)p->scratch[i];
	}
	free(left);
	return result;
}

static int
decode_bytes_column(struct decoder *d, struct block_column *c, uint32_t rows)
{
	struct trace_block_parts *p = d->b->parts;
	uint64_t left = decode_leb128(d);
	const unsigned char *lengths = decode_ids(d, rows, UINT64_MAX);

	if (lengths == NULL || left > (size_t)(d->end - d->p))
		return bad(d, "bytes");
	scratch_column(p, lengths, rows);
	c->first_bytes = p->bytes_n;
	if (rows > 0)
		GROW(p->bytes, p->bytes_cap, p->bytes_n + (size_t)rows - 1);
	for (uint32_t i = 0; i < rows; i++) {
		if (p->scratch[i] > left)
			return bad(d, "bytes");
		p->bytes[p->bytes_n++] = (struct slice){ (const char *)d->p, p->scratch[i] };
		d->p += p->scratch[i];
		left -= p->scratch[i];
	}
	return left ? bad(d, "bytes") : 0;
}

static int
decode_columns(struct decoder *d)
{
	struct trace_block *b = d->b;

	for (unsigned s = 0; s < b->shapes; s++) {
		const struct trace_shape *shape = b->shape[s];
		struct block_shape *at = &b->parts->shape[shape->id];

		for (unsigned f = 0; f < shape->fields; f++) {
			enum trace_kind kind = shape->field[f].kind;
			struct block_column *c = &at->column[f];

			c->ready = false;
			if (kind == TRACE_BYTES) {
				if (decode_bytes_column(d, c, b->rows[s]) < 0)
					return -1;
				continue;
			}
			c->encoded = d->p;
			if (!is_id(kind))
				d->p = column_skip(d->p, d->end, b->rows[s]);
			else if (!decode_ids(d, b->rows[s],
				     kind == TRACE_STR ? b->strings : b->lists[kind]))
				return bad(d, "columns");
			if (d->p == NULL)
				return bad(d, "columns");
		}
	}
	return d->p == d->end ? 0 : bad(d, "last bytes");
}

int
block_decode(struct trace_block *b, const void *bytes, size_t n, struct error *e)
{
	struct decoder d = { .b = b, .p = bytes, .end = (const unsigned char *)bytes + n, .e = e };

	if (n < sizeof d.h)
		return error_set(e, "the block is too short");
	memcpy(&d.h, bytes, sizeof d.h);
	if (memcmp(d.h.magic, magic, sizeof magic) != 0 || d.h.length != n || d.h.zero != 0)
		return error_set(e, "no block begins here");
	d.p += sizeof d.h;
	/* A record or a string may take no byte of its own, so these are bounded by what memory they make us take. */
	if (d.h.records > BLOCK_RECORDS_READ || d.h.strings > n || d.h.shapes > n ||
	    d.h.shapes >= UINT16_MAX || d.h.lists[0] > BLOCK_RECORDS_READ ||
	    d.h.lists[1] > BLOCK_RECORDS_READ || d.h.lists[2] > BLOCK_RECORDS_READ)
		return bad(&d, "sizes");
	if (decode_strings(&d) < 0 || decode_shapes(&d) < 0)
		return -1;
	for (unsigned k = 0; k < 3; k++)
		if (decode_lists(&d, k) < 0)
			return -1;
	if (decode_sequence(&d) < 0 || decode_columns(&d) < 0)
		return -1;
	b->t_min = d.h.t_min;
	b->t_max = d.h.t_max;
	return 0;
}

/* Unpacks the items of all lists of a kind. The lists were checked by decode_lists(). */
static void
unpack_lists(struct trace_block *b, unsigned k)
{
	struct trace_block_parts *p = b->parts;
	struct block_lists *l = &p->list[k];
	uint32_t lists = b->lists[TRACE_INTS + k];
	const unsigned char *at = l->encoded;
	bool from_end = k + TRACE_INTS == TRACE_ADDRS;
	uint64_t *shared = xmalloc(lists * sizeof *shared), *table = NULL, *item;
	size_t fresh = 0, table_n = 0;

	l->encoded = NULL;
	at = column_get(at, lists, shared);
	GROW(p->scratch, p->scratch_cap, lists);
	at = column_get(at, lists, p->scratch);
	for (uint32_t id = 0; id < lists; id++)
		fresh += p->scratch[id];
	if (from_end) {
		uint64_t n;

		at = leb128_get(at, at + LEB128_MAX, &n);
		table_n = n;
		table = xmalloc(table_n * sizeof *table);
		at = column_get(at, table_n, table);
	}
	GROW(p->scratch, p->scratch_cap, fresh);
	column_get(at, fresh, p->scratch);
	GROW(l->item, l->items_cap, l->items);
	item = p->scratch;
	for (uint32_t id = 0; id < lists; id++) {
		size_t n = l->start[id + 1] - l->start[id], keep = shared[id], own = n - keep;
		uint64_t *to = l->item + l->start[id];

		if (from_end) {
			for (size_t i = 0; i < own; i++)
				to[i] = table[item[i]];
			if (keep > 0)
				memcpy(to + own, l->item + l->start[id] - keep, keep * sizeof *to);
		} else {
			if (keep > 0)
				memcpy(to, l->item + l->start[id - 1], keep * sizeof *to);
			memcpy(to + keep, item, own * sizeof *to);
		}
		item += own;
	}
	free(table);
	free(shared);
}

/* ---- reading ---- */

const uint64_t *
trace_column(struct trace_block *b, unsigned s, unsigned f)
{
	struct block_shape *at = &b->parts->shape[b->shape[s]->id];
	struct block_column *c = &at->column[f];

	if (c->ready)
		return c->v;
	reserve_rows(at, b->rows[s]);
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

static const uint64_t *
list_items(struct trace_block *b, unsigned k, uint32_t id, uint32_t *n)
{
	struct block_lists *l = &b->parts->list[k];

	if (l->encoded)
		unpack_lists(b, k);
	*n = (uint32_t)(l->start[id + 1] - l->start[id]);
	return l->item + l->start[id];
}

const uint64_t *
trace_string_ids(struct trace_block *b, uint32_t id, uint32_t *n)
{
	return list_items(b, TRACE_STRS - TRACE_INTS, id, n);
}

struct trace_list
trace_block_list(struct trace_block *b, enum trace_kind kind, uint32_t id)
{
	unsigned k = kind - TRACE_INTS;
	struct block_lists *l = &b->parts->list[k];
	struct trace_list list = { .memo = &l->memo[id] };
	const uint64_t *item = list_items(b, k, id, &list.n);

	list.u = item;
	if (kind != TRACE_STRS)
		return list;
	if (l->text[id] == NULL) {
		l->text[id] = arena_alloc(&b->parts->arena, list.n * sizeof(struct slice));
		for (uint32_t i = 0; i < list.n; i++)
			l->text[id][i] = b->parts->string[item[i]];
	}
	list.s = l->text[id];
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
