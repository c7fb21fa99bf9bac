#include <stdlib.h>

#include "trace/block_parts.h"

enum { COUNT_DONE = 1 << 30 };

static uint64_t *
empty_links(uint64_t *link, size_t *cap, uint32_t n)
{
	if (n == 0)
		return link;
	GROW(link, *cap, n - 1);
	memset(link, 0, n * sizeof *link);
	return link;
}

/* The numbers that strings and lists of `other` have in blocks, none of which is known at first. */
static struct block_links *
links_of(struct trace_block *other)
{
	struct block_links *l = &other->parts->links;

	if (l->serial == other->parts->serial)
		return l;
	l->serial = other->parts->serial;
	l->string = empty_links(l->string, &l->string_cap, other->strings);
	for (unsigned k = 0; k < 3; k++)
		l->list[k] = empty_links(l->list[k], &l->list_cap[k], other->lists[TRACE_INTS + k]);
	return l;
}

/* Whether the link leads to this filling of the block. */
static inline bool
is_link(uint64_t link, const struct trace_block *b)
{
	return link >> 32 == (uint32_t)b->parts->serial;
}

static inline uint64_t
link_to(const struct trace_block *b, uint32_t id)
{
	return b->parts->serial << 32 | id;
}

static uint32_t
link_string(struct trace_block *b, struct trace_block *other, struct block_links *l, uint64_t id)
{
	if (!is_link(l->string[id], b))
		l->string[id] = link_to(b, block_string(b, other->parts->string[id]));
	return (uint32_t)l->string[id];
}

static uint32_t
link_list(struct trace_block *b, struct trace_block *other, struct block_links *l, unsigned k,
    uint64_t id)
{
	struct trace_block_parts *p = b->parts;
	const uint64_t *item;
	uint32_t n;

	if (is_link(l->list[k][id], b))
		return (uint32_t)l->list[k][id];
	item = block_items(other, k, (uint32_t)id, &n);
	if (k + TRACE_INTS == TRACE_STRS) {
		GROW(p->scratch, p->scratch_cap, n);
		for (uint32_t i = 0; i < n; i++)
			p->scratch[i] = link_string(b, other, l, item[i]);
		item = p->scratch;
	}
	l->list[k][id] = link_to(b, block_list(b, k, item, n));
	return (uint32_t)l->list[k][id];
}

/* Rows from..from + n of a column of `other` become rows `to` and on of c. */
static inline void
copy_ids(struct trace_block *b, struct block_column *c, uint32_t to, struct trace_block *other,
    const uint64_t *from, uint32_t n)
{
	struct block_links *l = links_of(other);
	uint64_t *v = c->v + to;
	unsigned k = c->kind - TRACE_INTS;

	if (c->kind == TRACE_STR)
		for (uint32_t i = 0; i < n; i++)
			v[i] = is_link(l->string[from[i]], b) ? (uint32_t)l->string[from[i]]
							      : link_string(b, other, l, from[i]);
	else if (c->kind == TRACE_BYTES)
		for (uint32_t i = 0; i < n; i++)
			v[i] = block_bytes(b, other->parts->bytes[from[i]]);
	else
		for (uint32_t i = 0; i < n; i++)
			v[i] = is_link(l->list[k][from[i]], b) ? (uint32_t)l->list[k][from[i]]
							       : link_list(b, other, l, k, from[i]);
}

/* All columns of shape s of `other`, unpacked. */
static struct block_shape *
unpacked(struct trace_block *other, unsigned s)
{
	struct block_shape *at = &other->parts->shape[other->shape[s]->id];

	if (at->unpacked != other->parts->serial)
		for (unsigned f = 0; f < at->columns; f++)
			trace_column(other, s, f);
	at->unpacked = other->parts->serial;
	return at;
}

static inline struct block_shape *
enter_for(struct trace_block *b, const struct trace_shape *shape, uint32_t rows)
{
	struct trace_block_parts *p = b->parts;
	struct block_shape *at = shape->id < p->shape_cap ? &p->shape[shape->id] : NULL;

	if (at == NULL || at->serial != p->serial)
		at = block_enter(b, shape);
	if (b->rows[at->index] + (size_t)rows > at->cap)
		block_reserve(at, b->rows[at->index] + (size_t)rows);
	return at;
}

bool
block_put_row(struct trace_block *b, const struct trace_shape *shape, struct trace_block *other,
    unsigned s, uint32_t row, const int *from, const uint64_t *word)
{
	struct block_shape *at = enter_for(b, shape, 1), *is = unpacked(other, s);
	const struct block_column *column = is->column;
	uint32_t to = b->rows[at->index];

	if (from == NULL) {
		for (const unsigned *f = at->plain, *end = f + at->plains; f < end; f++)
			at->column[*f].v[to] = column[*f].v[row];
		for (const unsigned *f = at->other, *end = f + at->others; f < end; f++)
			copy_ids(b, &at->column[*f], to, other, &column[*f].v[row], 1);
		return block_end_row(b, at, to);
	}
	for (unsigned f = 0; f < at->columns; f++)
		if (from[f] < 0)
			at->column[f].v[to] = word[~from[f]];
		else if (at->column[f].kind <= TRACE_NUM)
			at->column[f].v[to] = column[from[f]].v[row];
		else
			copy_ids(b, &at->column[f], to, other, &column[from[f]].v[row], 1);
	return block_end_row(b, at, to);
}

/* In pieces for which memcpy(3) uses registers: longer ones take the processor's string instruction, which is half as fast
 * on columns that stand in the cache. */
static inline void
copy_words(uint64_t *to, const uint64_t *from, uint32_t n)
{
	enum { PIECE = 128 };

	for (; n > PIECE; to += PIECE, from += PIECE, n -= PIECE)
		memcpy(to, from, PIECE * sizeof *to);
	memcpy(to, from, n * sizeof *to);
}

/* n rows of shape s, column by column. */
static void
put_rows(struct trace_block *b, const struct trace_shape *shape, struct trace_block *other,
    unsigned s, uint32_t row, uint32_t n)
{
	struct block_shape *at = enter_for(b, shape, n), *is = unpacked(other, s);
	uint32_t to = b->rows[at->index];

	for (unsigned f = 0; f < at->columns; f++) {
		struct block_column *c = &at->column[f];
		const uint64_t *v = is->column[f].v + row;

		if (c->kind <= TRACE_NUM)
			copy_words(c->v + to, v, n);
		else
			copy_ids(b, c, to, other, v, n);
	}
	for (uint32_t i = to; i < to + n; i++)
		block_note_time(b, at, i);
	b->rows[at->index] = to + n;
	b->parts->estimate += at->estimate * n;
}

/* How many records are copied between two looks at whether the block is full. Byte strings, and blocks of other writers
 * that are larger than ours, may fill it by few. */
static uint32_t
step_of(const struct trace_block *b, const struct trace_block *other)
{
	return other->parts->bytes_n > 0 || other->parts->estimate > 2 * (size_t)BLOCK_BYTES ||
		       b->shapes + other->shapes >= UINT16_MAX / 2
		   ? 1
		   : 4096;
}

static void
fill_sequence(struct trace_block *b, uint32_t n, uint16_t index)
{
	struct trace_block_parts *p = b->parts;

	if (b->shapes < 2)
		return;
	GROW(p->sequence, p->sequence_cap, b->records + n);
	for (uint32_t i = 0; i < n; i++)
		p->sequence[b->records + i] = index;
}

/* n records of several shapes; `at` is their sequence. */
static void
put_mixed(struct trace_block *b, const struct trace_shape *const *shape, struct trace_block *other,
    const uint16_t *at, uint32_t n, uint32_t *row)
{
	struct trace_block_parts *p = b->parts;
	uint32_t *count;

	GROW(p->count, p->count_cap, other->shapes);
	count = p->count;
	memset(count, 0, other->shapes * sizeof *count);
	for (uint32_t i = 0; i < n; i++)
		count[at[i]]++;
	/* Shapes are entered in order of their first record, as they are when records come one by one. */
	for (uint32_t i = 0; i < n; i++) {
		unsigned s = at[i];

		if (count[s] & COUNT_DONE)
			continue;
		put_rows(b, shape[s], other, s, row[s], count[s]);
		row[s] += count[s];
		count[s] = COUNT_DONE | p->shape[shape[s]->id].index;
	}
	if (b->shapes < 2)
		return;
	GROW(p->sequence, p->sequence_cap, b->records + n);
	for (uint32_t i = 0; i < n; i++)
		p->sequence[b->records + i] = (uint16_t)count[at[i]];
}

uint32_t
block_put_range(struct trace_block *b, const struct trace_shape *const *shape,
    struct trace_block *other, uint32_t first, uint32_t n, uint32_t *row)
{
	const uint16_t *sequence = trace_sequence(other);
	uint32_t done = 0, step = step_of(b, other);

	while (done < n && !block_full(b)) {
		uint32_t part = n - done < step ? n - done : step;

		if (part > BLOCK_RECORDS - b->records)
			part = BLOCK_RECORDS - b->records;
		if (step == 1) {
			unsigned s = sequence ? sequence[first + done] : 0;

			block_put_row(b, shape[s], other, s, row[s]++, NULL, NULL);
		} else {
			if (sequence) {
				put_mixed(b, shape, other, sequence + first + done, part, row);
			} else {
				put_rows(b, shape[0], other, 0, row[0], part);
				fill_sequence(
				    b, part, (uint16_t)b->parts->shape[shape[0]->id].index);
				row[0] += part;
			}
			b->records += part;
		}
		done += part;
	}
	return done;
}

/* ---- picked rows ---- */

static uint32_t
link_extra(
    struct trace_block *b, enum trace_kind kind, const struct trace_extra *extra, uint64_t id)
{
	extra->link[id] = link_to(b, kind == TRACE_STR ? block_string(b, extra->string[id])
						       : block_list_of(b, kind, &extra->list[id]));
	return (uint32_t)extra->link[id];
}

void
block_source_row(const struct block_source *source, uint32_t row, union trace_value *value)
{
	for (unsigned f = 0; f < source->shape->fields; f++) {
		int from = source->from ? source->from[f] : (int)f;
		enum trace_kind kind = source->shape->field[f].kind;
		const struct trace_extra *extra = from < 0 ? &source->extra[~from] : NULL;

		if (extra == NULL)
			value[f] = trace_block_value(source->block, source->s, (unsigned)from, row);
		else if (kind == TRACE_STR)
			value[f].s = extra->string[extra->v[row]];
		else if (kind >= TRACE_INTS)
			value[f].list = extra->list[extra->v[row]];
		else
			value[f].u = extra->v[row];
	}
}

/* Column f of the picked rows, from row `to` on; base[] says where each source has it. */
static void
copy_picked(struct trace_block *b, struct block_column *c, uint32_t to,
    const struct block_source *source, const struct trace_pick *pick, uint32_t n)
{
	const struct block_base *base = b->parts->base;
	uint64_t *v = c->v + to;
	unsigned k = c->kind - TRACE_INTS;

	if (c->kind <= TRACE_NUM) {
		for (uint32_t i = 0; i < n; i++)
			v[i] = base[pick[i].source].v[pick[i].row];
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct block_base *from = &base[pick[i].source];
		struct trace_block *other = source[pick[i].source].block;
		uint64_t id = from->v[pick[i].row];

		if (is_link(from->link[id], b))
			v[i] = (uint32_t)from->link[id];
		else if (from->extra)
			v[i] = link_extra(b, c->kind, from->extra, id);
		else if (c->kind == TRACE_STR)
			v[i] = link_string(b, other, links_of(other), id);
		else
			v[i] = link_list(b, other, links_of(other), k, id);
	}
}

static void
put_picked(struct trace_block *b, const struct trace_shape *shape,
    const struct block_source *source, unsigned sources, const struct trace_pick *pick, uint32_t n)
{
	struct block_shape *at = enter_for(b, shape, n);
	struct block_base *base = b->parts->base;
	uint32_t to = b->rows[at->index];

	for (unsigned f = 0; f < at->columns; f++) {
		struct block_column *c = &at->column[f];

		for (unsigned i = 0; i < sources; i++) {
			struct block_links *l = links_of(source[i].block);

			if (source[i].shape != shape)
				continue;
			base[i].extra = NULL;
			if (source[i].from && source[i].from[f] < 0) {
				base[i].extra = &source[i].extra[~source[i].from[f]];
				base[i].v = base[i].extra->v;
				base[i].link = base[i].extra->link;
				continue;
			}
			base[i].v = source[i].from
					? trace_column(source[i].block, source[i].s,
					      (unsigned)source[i].from[f])
					: unpacked(source[i].block, source[i].s)->column[f].v;
			base[i].link = c->kind == TRACE_STR    ? l->string
				       : c->kind >= TRACE_INTS ? l->list[c->kind - TRACE_INTS]
							       : NULL;
		}
		copy_picked(b, c, to, source, pick, n);
	}
	for (uint32_t i = to; i < to + n; i++)
		block_note_time(b, at, i);
	b->rows[at->index] = to + n;
	b->parts->estimate += at->estimate * n;
}

/* Picked rows of several shapes: shape by shape, in order of their first row. */
static void
put_picked_mixed(struct trace_block *b, const struct block_source *source, unsigned sources,
    const struct trace_pick *pick, uint32_t n)
{
	struct trace_block_parts *p = b->parts;
	uint32_t *shape_of, *from, *index; /* by source: its number here; by that: its picks */

	GROW(p->count, p->count_cap, 3 * (size_t)sources + 1);
	GROW(p->pick, p->pick_cap, n);
	shape_of = p->count;
	from = shape_of + sources;
	index = from + sources + 1;
	for (unsigned i = 0; i < sources; i++) {
		shape_of[i] = i;
		for (unsigned k = 0; k < i && shape_of[i] == i; k++)
			if (source[k].shape == source[i].shape)
				shape_of[i] = k;
	}
	memset(from, 0, (2 * (size_t)sources + 1) * sizeof *from);
	for (uint32_t i = 0; i < n; i++)
		from[shape_of[pick[i].source] + 1]++;
	for (unsigned i = 0; i < sources; i++)
		from[i + 1] += from[i];
	for (uint32_t i = 0; i < n; i++)
		p->pick[from[shape_of[pick[i].source]]++] = pick[i];
	/* from[k] is now where the picks of k end, and those of k - 1 did. */
	for (uint32_t i = 0; i < n; i++) {
		unsigned k = shape_of[pick[i].source];
		uint32_t first = k > 0 ? from[k - 1] : 0;

		if (index[k])
			continue;
		put_picked(b, source[k].shape, source, sources, p->pick + first, from[k] - first);
		index[k] = 1 + p->shape[source[k].shape->id].index;
	}
	if (b->shapes < 2)
		return;
	GROW(p->sequence, p->sequence_cap, b->records + n);
	for (uint32_t i = 0; i < n; i++)
		p->sequence[b->records + i] = (uint16_t)(index[shape_of[pick[i].source]] - 1);
}

uint32_t
block_put_picks(struct trace_block *b, const struct block_source *source, unsigned sources,
    const struct trace_pick *pick, uint32_t n)
{
	uint32_t done = 0, step = 4096;
	bool same = true;

	for (unsigned i = 0; i < sources; i++) {
		if (step_of(b, source[i].block) == 1)
			step = 1;
		same = same && source[i].shape == source[0].shape;
	}
	if (sources > 0)
		GROW(b->parts->base, b->parts->base_cap, sources);
	while (done < n && !block_full(b)) {
		uint32_t part = n - done < step ? n - done : step;

		if (part > BLOCK_RECORDS - b->records)
			part = BLOCK_RECORDS - b->records;
		if (step == 1) {
			const struct block_source *from = &source[pick[done].source];

			if (from->extra) {
				GROW(b->parts->value, b->parts->value_cap, from->shape->fields);
				block_source_row(from, pick[done].row, b->parts->value);
				block_put(b, from->shape, b->parts->value);
			} else {
				block_put_row(b, from->shape, from->block, from->s, pick[done].row,
				    from->from, NULL);
			}
		} else {
			if (same) {
				put_picked(b, source[0].shape, source, sources, pick + done, part);
				fill_sequence(
				    b, part, (uint16_t)b->parts->shape[source[0].shape->id].index);
			} else {
				put_picked_mixed(b, source, sources, pick + done, part);
			}
			b->records += part;
		}
		done += part;
	}
	return done;
}

struct trace_block *
trace_block_copy(struct trace_block *other)
{
	struct trace_block *b = block_new(other->parts->shapes);
	uint32_t *row = xcalloc(other->shapes, sizeof *row);

	if (trace_sequence(other))
		put_mixed(b, other->shape, other, trace_sequence(other), other->records, row);
	else if (other->shapes > 0)
		put_rows(b, other->shape[0], other, 0, 0, other->records);
	b->records = other->records;
	free(row);
	return b;
}

void
trace_block_free(struct trace_block *copy)
{
	block_free(copy);
}
