#include "flow/record_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"

static int
put(struct record_own *o, struct slice type, const struct trace_field *field, unsigned fields,
    const union trace_value *value)
{
	return trace_put(o->w, trace_writer_shape(o->w, type, field, fields), value);
}

static int
make(struct record_own *o, struct slice type, const struct trace_field *field, unsigned fields,
    const union trace_value *value)
{
	o->made++;
	return put(o, type, field, fields, value);
}

int
record_own_start(struct record_own *o, const struct record_own_start *start)
{
	static const struct trace_field field[] = { { SLICE("tool"), TRACE_STR },
		{ SLICE("version"), TRACE_STR }, { SLICE("clock"), TRACE_STR },
		{ SLICE("host"), TRACE_STR }, { SLICE("pid"), TRACE_INT },
		{ SLICE("arch"), TRACE_STR }, { SLICE("release"), TRACE_STR },
		{ SLICE("argv"), TRACE_STRS } };
	struct utsname system;
	struct slice *word;
	uint32_t n = 0;
	int result;

	while (start->argv[n])
		n++;
	word = xcalloc(n + 1, sizeof *word);
	for (uint32_t i = 0; i < n; i++)
		word[i] = slice_of(i == 0 ? start->tool : start->argv[i]);
	uname(&system);
	result = put(o, SLICE("start"), field, 8,
	    (union trace_value[]){ { .s = slice_of(start->tool) },
		{ .s = slice_of(start->version) }, { .s = slice_of(start->clock) },
		{ .s = slice_of(system.nodename) }, { .i = getpid() },
		{ .s = slice_of(system.machine) }, { .s = slice_of(system.release) },
		{ .list = { .s = word, .n = n } } });
	free(word);
	return result;
}

int
record_own_clock(struct record_own *o, int64_t t, const struct sys_clock_reading *clocks)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("monotonic_raw"), TRACE_INT }, { SLICE("monotonic"), TRACE_INT },
		{ SLICE("realtime"), TRACE_INT }, { SLICE("boottime"), TRACE_INT },
		{ SLICE("tsc"), TRACE_INT } };

	return make(o, SLICE("clock"), field, clocks->tsc ? 6 : 5,
	    (union trace_value[]){ { .i = t }, { .i = clocks->monotonic_raw },
		{ .i = clocks->monotonic }, { .i = clocks->realtime }, { .i = clocks->boottime },
		{ .i = (int64_t)clocks->tsc } });
}

int
record_own_stat(struct record_own *o, int64_t t, const char *name, double value, const char *unit,
    const char *section)
{
	bool whole = value == (double)(int64_t)value;
	const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("value"), whole ? TRACE_INT : TRACE_NUM },
		{ SLICE("unit"), TRACE_STR }, { SLICE("section"), TRACE_STR } };
	union trace_value v[] = { { .i = t }, { .s = slice_of(name) }, { .d = value },
		{ .s = slice_of(unit) }, { .s = slice_of(section) } };

	if (whole)
		v[2].i = (int64_t)value;
	return make(o, SLICE("stat"), field, 5, v);
}

int
record_own_limits(
    struct record_own *o, int64_t t, const struct sys_limits *limits, const char *section)
{
	if (limits->max_rate >= 0 && record_own_stat(o, t, "perf_event_max_sample_rate",
					 (double)limits->max_rate, "hz", section) < 0)
		return -1;
	if (limits->cpu_percent >= 0 && record_own_stat(o, t, "perf_cpu_time_max_percent",
					    (double)limits->cpu_percent, "percent", section) < 0)
		return -1;
	return 0;
}

int
record_own_sym(struct record_own *o, int64_t t, const struct sys_ksym *sym)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("addr"), TRACE_ADDR }, { SLICE("size"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("object"), TRACE_STR } };
	char object[128] = "[kernel.kallsyms]";

	if (sym->module.n > 0)
		snprintf(object, sizeof object, "[%.*s]", SLICE_ARG(sym->module));
	return make(o, SLICE("sym"), field, 5,
	    (union trace_value[]){ { .i = t }, { .u = sym->addr }, { .i = (int64_t)sym->size },
		{ .s = sym->name }, { .s = slice_of(object) } });
}

int
record_own_object(struct record_own *o, struct slice path, const struct sys_buildid *id)
{
	static const struct trace_field field[] = { { SLICE("path"), TRACE_STR },
		{ SLICE("buildid"), TRACE_BYTES } };

	return make(o, SLICE("object"), field, 2,
	    (union trace_value[]){ { .s = path }, { .s = { (const char *)id->byte, id->size } } });
}

int
record_own_end(struct record_own *o, const char *tool, uint64_t made, uint64_t lost)
{
	static const struct trace_field field[] = { { SLICE("tool"), TRACE_STR },
		{ SLICE("made"), TRACE_INT }, { SLICE("lost"), TRACE_INT } };

	return put(o, SLICE("end"), field, 3,
	    (union trace_value[]){ { .s = slice_of(tool) }, { .i = (int64_t)(made + o->made) },
		{ .i = (int64_t)lost } });
}
