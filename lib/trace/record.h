/* record.h - the record: a type and an ordered list of named values
 *
 * The ordered names and kinds of a record are its shape. A shape is known by its address within one reader or one
 * writer, and by its dense number `id` (0, 1, 2 ... in order of first appearance), so that a tool can look up its
 * fields once per shape and keep the answer in an array.
 *
 * Units:     fixed by the vocabulary: t and *_ns nanoseconds, size and *_bytes bytes.
 * Ownership: values borrow; how long is said where they are handed out.
 * Errors:    none.
 * Source:    own; leat-trace(5).
 */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include <stdint.h>

#include "base/slice.h"

enum trace_kind {
	TRACE_INT,   /* value.i: -2^63 .. 2^63-1 */
	TRACE_BIG,   /* value.u: an int of 2^63 or more */
	TRACE_ADDR,  /* value.u */
	TRACE_NUM,   /* value.d */
	TRACE_STR,   /* value.s */
	TRACE_BYTES, /* value.s */
	TRACE_INTS,  /* value.list of int64_t */
	TRACE_ADDRS, /* value.list of uint64_t */
	TRACE_STRS,  /* value.list of struct slice */
	TRACE_KINDS
};

/* Where a list stands in the block that is being written, so that the same list is not hashed twice. Whoever keeps a
 * list keeps one of these beside it, zeroed at first, and never looks inside. */
struct trace_memo {
	uint64_t block; /* serial number of the block, unique in the process; 0: none */
	uint32_t id;
};

struct trace_list {
	union {
		const int64_t *i;
		const uint64_t *u;
		const struct slice *s;
		const void *items;
	};
	uint32_t n;
	struct trace_memo *
	    memo; /* may be NULL; only for a list whose content never changes while the memo lives */
};

union trace_value {
	int64_t i;
	uint64_t u;
	double d;
	struct slice s;
	struct trace_list list;
};

struct trace_field {
	struct slice name;
	enum trace_kind kind;
};

struct trace_shape {
	struct slice type;
	unsigned id;
	unsigned fields;
	uint64_t serial; /* no other shape of the process has it */
	const struct trace_field *field;
};

struct trace_record {
	const struct trace_shape *shape;
	const union trace_value *value; /* value[i] belongs to shape->field[i] */
};

/* The position of the field with this name, or -1. */
int trace_field_index(const struct trace_shape *shape, struct slice name);

/* The same, -1 also where the field is of another kind. */
int trace_field_of(const struct trace_shape *shape, struct slice name, enum trace_kind kind);

/* Where a record stands in the order of its stream: at t, a span at its end, t + dur_ns (it is known only then). Fields,
 * -1 where there are none; without t it stands after its predecessor. */
struct trace_when {
	int t, dur;
};

struct trace_when trace_when(const struct trace_shape *shape);

/* Whether the record is of the stream itself (start end lost): not counted in the books. */
bool trace_is_ledger(const struct trace_shape *shape);

/* Whether what comes later needs the record in order to be understood (start clock mmap comm fork exit object sym block
 * task). */
bool trace_is_state(const struct trace_shape *shape);

/* Letters that name a kind in messages: "int", "addr", "num", "str", "bytes", "list of int" ... */
const char *trace_kind_name(enum trace_kind kind);

#endif
