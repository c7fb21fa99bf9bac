#include <stdlib.h>

#include "base/alloc.h"
#include "trace/shapes.h"

static uint64_t serials;

static uint64_t
shape_hash(struct slice type, const struct trace_field *field, unsigned fields)
{
	uint64_t h = hash_bytes(type.p, type.n);

	for (unsigned i = 0; i < fields; i++)
		h = hash_mix(h, hash_bytes(field[i].name.p, field[i].name.n) + field[i].kind);
	return h;
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct shapes *s = context;
	const struct trace_shape *shape = s->shape[item];

	return shape_hash(shape->type, shape->field, shape->fields);
}

static bool
same(const struct trace_shape *shape, struct slice type, const struct trace_field *field,
    unsigned fields)
{
	if (shape->fields != fields || !slice_eq(shape->type, type))
		return false;
	for (unsigned i = 0; i < fields; i++)
		if (shape->field[i].kind != field[i].kind ||
		    !slice_eq(shape->field[i].name, field[i].name))
			return false;
	return true;
}

const struct trace_shape *
shapes_get(struct shapes *s, struct slice type, const struct trace_field *field, unsigned fields)
{
	uint64_t h = shape_hash(type, field, fields);
	struct trace_field *copy;
	struct trace_shape *shape;

	for (struct hash_probe at = hash_first(&s->set, h); hash_found(&s->set, &at);
	     hash_next(&s->set, &at))
		if (same(s->shape[at.item], type, field, fields))
			return s->shape[at.item];
	copy = arena_alloc(&s->arena, fields * sizeof *copy);
	for (unsigned i = 0; i < fields; i++)
		copy[i] =
		    (struct trace_field){ arena_copy(&s->arena, field[i].name), field[i].kind };
	shape = arena_alloc(&s->arena, sizeof *shape);
	*shape = (struct trace_shape){ arena_copy(&s->arena, type), (unsigned)s->n, fields,
		__atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED), copy };
	GROW(s->shape, s->cap, s->n);
	s->shape[s->n] = shape;
	hash_add(&s->set, h, (uint32_t)s->n++, rehash, s);
	return shape;
}

void
shapes_free(struct shapes *s)
{
	free(s->shape);
	hash_free(&s->set);
	arena_free(&s->arena);
	*s = (struct shapes){ 0 };
}
