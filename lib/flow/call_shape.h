/* call_shape.h - the shapes of `alloc` and `free` records, by the fields that a call of the allocator has
 *
 * t, pid, tid, op and addr are always there; the others follow in the order of these bits.
 *
 * Units:     as in leat-trace(5).
 * Ownership: the writer stays the caller's.
 * Errors:    none.
 * Source:    own; leat-trace(5).
 */
#ifndef FLOW_CALL_SHAPE_H
#define FLOW_CALL_SHAPE_H

#include "trace/writer.h"

enum {
	CALL_FREE = 1, /* a free, else an alloc */
	CALL_SIZE = 2,
	CALL_ALIGN = 4,
	CALL_OLD = 8,
	CALL_WEIGHT = 16,
	CALL_CHAIN = 32,
	CALL_REGS = 64, /* regs and ustack */
	CALL_SHAPES = 128,
	CALL_FIELDS = 12 /* at most */
};

/* The writer's number of the shape. */
unsigned call_shape(struct trace_writer *w, unsigned has);

#endif
