#include "flow/call_shape.h"

unsigned
call_shape(struct trace_writer *w, unsigned has)
{
	struct trace_field field[CALL_FIELDS] = { { SLICE("t"), TRACE_INT },
		{ SLICE("pid"), TRACE_INT }, { SLICE("tid"), TRACE_INT },
		{ SLICE("op"), TRACE_STR }, { SLICE("addr"), TRACE_ADDR } };
	unsigned n = 5;

	if (has & CALL_SIZE)
		field[n++] = (struct trace_field){ SLICE("size"), TRACE_INT };
	if (has & CALL_ALIGN)
		field[n++] = (struct trace_field){ SLICE("align"), TRACE_INT };
	if (has & CALL_OLD)
		field[n++] = (struct trace_field){ SLICE("old"), TRACE_ADDR };
	if (has & CALL_WEIGHT)
		field[n++] = (struct trace_field){ SLICE("weight"), TRACE_INT };
	if (has & CALL_CHAIN)
		field[n++] = (struct trace_field){ SLICE("chain"), TRACE_ADDRS };
	if (has & CALL_REGS) {
		field[n++] = (struct trace_field){ SLICE("regs"), TRACE_ADDRS };
		field[n++] = (struct trace_field){ SLICE("ustack"), TRACE_BYTES };
	}
	return trace_writer_shape(w, has & CALL_FREE ? SLICE("free") : SLICE("alloc"), field, n);
}
