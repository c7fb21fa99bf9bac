#include <stdlib.h>

#include "trace/block_parts.h"
#include "trace/column.h"

size_t
block_length(const void *bytes)
{
	return memcmp(bytes, BLOCK_MAGIC, 4) == 0 ? load32((const char *)bytes + 4) : 0;
}

struct decoder {
	struct trace_block *b;
	struct block_header h;
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
		at = block_enter(d->b, shape);
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
	uint64_t items = 0, fresh = 0, limit = k == 2 ? d->b->strings : UINT64_MAX, *v;

	if (lists == 0)
		return 0;
	shared = decode_ids(d, lists, BLOCK_ITEMS_READ);
	rest = shared ? decode_ids(d, lists, BLOCK_ITEMS_READ) : NULL;
	if (rest == NULL)
		return bad(d, "lists");
	l->encoded = d->p;
	GROW(l->list, l->list_cap, lists - 1);
	GROW(p->scratch, p->scratch_cap, 2 * (size_t)lists - 1);
	v = p->scratch;
	column_get(shared, lists, v);
	column_get(rest, lists, v + lists);
	for (uint32_t id = 0; id < lists; id++) {
		uint64_t same = v[id], own = v[lists + id];

		if (same > (id ? l->list[id - 1].n : 0))
			return bad(d, "lists");
		l->list[id] =
		    (struct block_list){ (uint32_t)items, (uint32_t)(same + own), (uint32_t)same };
		fresh += own;
		items += same + own;
		if (items > BLOCK_ITEMS_READ)
			return bad(d, "lists");
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
			if (!block_is_id(kind))
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
	if (memcmp(d.h.magic, BLOCK_MAGIC, sizeof d.h.magic) != 0 || d.h.length != n ||
	    d.h.zero != 0)
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
	b->parts->estimate = n;
	return 0;
}
