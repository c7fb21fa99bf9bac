#include <stdlib.h>

#include "base/alloc.h"
#include "flow/pair_parts.h"

int
pair_key_index(const struct trace_shape *shape, struct slice names)
{
	int f = -1;

	while (f < 0 && names.n > 0)
		f = trace_field_index(shape, slice_cut(&names, '|'));
	return f;
}

static void
forget(struct pair_shape *s)
{
	free(s->key);
	free(s->field);
	free(s->column);
}

static void
look_at(struct pair_shapes *all, struct pair_shape *s, const struct trace_shape *shape,
    const struct pair_options *o)
{
	unsigned n = 0;

	forget(s);
	*s = (struct pair_shape){ .serial = shape->serial,
		.own = shapes_get(&all->own, shape->type, shape->field, shape->fields),
		.ledger = trace_is_ledger(shape),
		.state = trace_is_state(shape),
		.when = trace_when(shape),
		.key = xcalloc(2 * o->keys + 1, sizeof *s->key),
		.field = xcalloc((size_t)shape->fields + 1, sizeof *s->field),
		.fields = shape->fields,
		.column = xcalloc((size_t)shape->fields + 1, sizeof *s->column) };
	for (size_t i = 0; i < o->keys; i++) {
		s->key[i] = pair_key_index(shape, o->key[i].start);
		s->key[i + o->keys] = pair_key_index(shape, o->key[i].end);
	}
	for (unsigned f = 0; f < shape->fields; f++)
		if (shape->field[f].kind < TRACE_STR)
			s->field[n++] = f;
	s->plains = n;
	for (unsigned f = 0; f < shape->fields; f++)
		if (shape->field[f].kind >= TRACE_STR)
			s->field[n++] = f;
}

struct pair_shape *
pair_shape_of(
    struct pair_shapes *all, const struct trace_shape *shape, const struct pair_options *o)
{
	if (shape->id >= all->cap) {
		size_t had = all->cap;

		GROW(all->shape, all->cap, shape->id);
		memset(all->shape + had, 0, (all->cap - had) * sizeof *all->shape);
	}
	if (all->shape[shape->id].serial != shape->serial)
		look_at(all, &all->shape[shape->id], shape, o);
	return &all->shape[shape->id];
}

void
pair_columns_of(const struct pair_at *r)
{
	r->shape->block = trace_block_serial(r->b);
	for (unsigned f = 0; f < r->shape->fields; f++)
		r->shape->column[f] = trace_column(r->b, r->s, f);
}

union trace_value
pair_value(const struct pair_at *r, unsigned f)
{
	uint64_t v = r->shape->column[f][r->row];
	enum trace_kind kind = r->shape->own->field[f].kind;

	switch (kind) {
	case TRACE_STR:
		return (union trace_value){ .s = trace_string(r->b, (uint32_t)v) };
	case TRACE_BYTES:
		return (union trace_value){ .s = trace_bytes(r->b, (uint32_t)v) };
	case TRACE_INTS:
	case TRACE_ADDRS:
	case TRACE_STRS:
		return (union trace_value){ .list = trace_block_list(r->b, kind, (uint32_t)v) };
	default:
		return (union trace_value){ .u = v };
	}
}

void
pair_shapes_free(struct pair_shapes *all)
{
	for (size_t i = 0; i < all->cap; i++)
		forget(&all->shape[i]);
	free(all->shape);
	shapes_free(&all->own);
}
