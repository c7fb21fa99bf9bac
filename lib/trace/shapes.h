/* shapes.h - the shapes that one reader or writer has seen
 *
 * Units:     none.
 * Ownership: the caller holds the struct; shapes and their names live in it until shapes_free().
 * Errors:    none but out of memory (alloc.h).
 * Source:    own.
 */
#ifndef TRACE_SHAPES_H
#define TRACE_SHAPES_H

#include "base/arena.h"
#include "base/hash.h"
#include "trace/record.h"

struct shapes {
	const struct trace_shape **shape; /* shape[id] */
	size_t n, cap;
	struct hash_set set;
	struct arena arena;
};

/* The shape with this type and these fields, made where it is new. */
const struct trace_shape *shapes_get(
    struct shapes *s, struct slice type, const struct trace_field *field, unsigned fields);

void shapes_free(struct shapes *s);

#endif
