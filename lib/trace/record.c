#include "trace/record.h"

int
trace_field_index(const struct trace_shape *shape, struct slice name)
{
	for (unsigned i = 0; i < shape->fields; i++)
		if (slice_eq(shape->field[i].name, name))
			return (int)i;
	return -1;
}

int
trace_field_of(const struct trace_shape *shape, struct slice name, enum trace_kind kind)
{
	int i = trace_field_index(shape, name);

	return i >= 0 && shape->field[i].kind == kind ? i : -1;
}

struct trace_when
trace_when(const struct trace_shape *shape)
{
	struct trace_when when = { trace_field_of(shape, SLICE("t"), TRACE_INT), -1 };

	if (when.t >= 0 && slice_eq(shape->type, SLICE("span")))
		when.dur = trace_field_of(shape, SLICE("dur_ns"), TRACE_INT);
	return when;
}

static bool
one_of(struct slice type, const char *const *names)
{
	for (; *names; names++)
		if (slice_eq(type, slice_of(*names)))
			return true;
	return false;
}

bool
trace_is_ledger(const struct trace_shape *shape)
{
	static const char *const names[] = { "start", "end", "lost", NULL };

	return one_of(shape->type, names);
}

bool
trace_is_state(const struct trace_shape *shape)
{
	static const char *const names[] = { "start", "clock", "mmap", "comm", "fork", "exit",
		"object", "sym", "block", "task", NULL };

	return one_of(shape->type, names);
}

const char *
trace_kind_name(enum trace_kind kind)
{
	static const char *const names[TRACE_KINDS] = { "int", "int", "addr", "num", "str", "bytes",
		"list of int", "list of addr", "list of str" };

	return names[kind];
}
