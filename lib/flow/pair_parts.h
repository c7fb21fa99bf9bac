/* pair_parts.h - what the modules of pair share: shapes, open intervals by key, and how spans are made
 *
 * Units:     as in pair.h.
 * Ownership: the caller holds the structs, and frees what they point to.
 * Errors:    none.
 * Source:    own.
 */
#ifndef FLOW_PAIR_PARTS_H
#define FLOW_PAIR_PARTS_H

#include "base/buf.h"
#include "flow/pair.h"
#include "trace/shapes.h"

#define PAIR_NOBODY UINT32_MAX

/* ---- shapes of a reader (pair_shape.c) ---- */

struct pair_shape {
	uint64_t serial; /* of the reader's; 0: not looked at yet */
	const struct trace_shape
	    *own; /* the same among those of the pair, which outlive the reader */
	bool ledger, state;
	struct trace_when when;
	int *key; /* its fields that are keys of a start, and of an end; -1 where there is none */
	unsigned *field; /* plain ones, which are words, then the others */
	unsigned plains, fields;
	const uint64_t **column; /* of the block with this serial */
	uint64_t block;
	const uint64_t *t, *dur; /* of the block with this serial; NULL where there is none */
	uint64_t t_block;
	/* of the last span that it ended */
	const struct trace_shape *start;
	const struct pair_span *span;
};

struct pair_shapes {
	struct pair_shape *shape; /* by the reader's id */
	size_t cap;
	struct shapes own;
};

/* Row `row` of shape s of a block. */
struct pair_at {
	struct pair_shape *shape;
	struct trace_block *b;
	unsigned s;
	uint32_t row;
};

struct pair_shape *pair_shape_of(
    struct pair_shapes *all, const struct trace_shape *shape, const struct pair_options *o);

/* Makes r->shape->column those of r->b. */
void pair_columns_of(const struct pair_at *r);

static inline void
pair_columns(const struct pair_at *r)
{
	if (r->shape->block != trace_block_serial(r->b))
		pair_columns_of(r);
}

/* The value of a field, after pair_columns(). */
union trace_value pair_value(const struct pair_at *r, unsigned f);

void pair_shapes_free(struct pair_shapes *all);

/* ---- open intervals (pair_open.c) ---- */

struct pair_open {
	uint32_t older, newer;         /* of all */
	uint32_t key_older, key_newer; /* of those with the same key */
	uint32_t key;
	bool passed, used; /* its record was passed on; was the end of a span */
	int64_t t, stood;  /* stood: where its record stood in the stream */
	int64_t id, parent, depth;
	const struct trace_shape *shape;
	union trace_value *value; /* one block of memory with what the values point to */
	size_t cap;               /* bytes of it */
};

enum { PAIR_KEY_BYTES = 32 }; /* longer keys lie elsewhere */

struct pair_opened {
	uint64_t hash;
	uint32_t oldest, newest, n; /* n == 0: an idle key */
	uint32_t bytes;
	union {
		char in[PAIR_KEY_BYTES];
		char *out;
		uint32_t spare; /* the next one to be used again */
	};
	bool known; /* in the set */
};

struct pair_table {
	struct pair_open *open;
	size_t opens, open_cap;
	uint32_t spare_open, oldest, newest;
	struct pair_opened *key;
	size_t keys, key_cap;
	uint32_t spare_key;
	size_t idle; /* keys of the set with nothing open */
	struct hash_set set;
};

void pair_table_init(struct pair_table *t);
void pair_table_free(struct pair_table *t);

/* The number of the key with these bytes, PAIR_NOBODY where there is none and `make` is false. Good until the next
 * pair_table_close(). After the bytes there is room for PAIR_KEY_BYTES. */
uint32_t pair_table_key(struct pair_table *t, struct buf *bytes, bool make);

/* A new interval, the youngest of its key and of all, with the values of a row. */
struct pair_open *pair_table_open(struct pair_table *t, uint32_t key, const struct pair_at *r);

void pair_table_close(struct pair_table *t, uint32_t open);

/* Appends the value to a key, so that equal values give equal bytes. */
void pair_key_put(struct buf *key, enum trace_kind kind, const union trace_value *v);

/* ---- spans (pair_span.c) ---- */

struct pair_span;

struct pair_spans {
	struct pair_span **span;
	size_t spans, cap;
	struct hash_set set;
	union trace_value *value;
	size_t value_cap;
};

/* How a span is made of a start and an end of these shapes (of the same struct shapes), worked out once. */
const struct pair_span *pair_span_of(struct pair_spans *all, const struct pair_options *o,
    const struct trace_shape *start, const struct trace_shape *end, struct trace_writer *w);

/* Puts out the span. */
int pair_span_put(struct pair_spans *all, const struct pair_span *how, const struct pair_open *from,
    int64_t dur, const struct pair_at *end, struct trace_writer *w);

void pair_spans_free(struct pair_spans *all);

#endif
