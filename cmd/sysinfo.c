/* sysinfo - what machine this is, in which state, and how it is used; see leat-sysinfo(1) */
#include "flow/record_own.h"
#include "sys/facts.h"
#include "tool/tool.h"

static const struct tool_option options[] = { { 0 } };

static const struct tool_spec spec = { "sysinfo",
	"what machine this is, in which state, and how it is used", "", options, TOOL_TRACE_OUT };

static const char *const default_tools[] = { "cc", "clang", "ld", "make", "gnuplot", "perf",
	"python3", NULL };

/* info t section name value [unit] */
static void
put_info(struct trace_writer *w, int64_t t, const struct fact *f)
{
	static const enum trace_kind kind[] = { TRACE_INT, TRACE_NUM, TRACE_STR };
	const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("section"), TRACE_STR }, { SLICE("name"), TRACE_STR },
		{ SLICE("value"), kind[f->kind] }, { SLICE("unit"), TRACE_STR } };
	union trace_value v[] = { { .i = t }, { .s = slice_of(f->section) }, { .s = f->name },
		{ .i = 0 }, { .s = slice_of(f->unit) } };

	if (f->kind == FACT_INT)
		v[3].i = f->i;
	else if (f->kind == FACT_NUM)
		v[3].d = f->d;
	else
		v[3].s = f->s;
	trace_put(w, trace_writer_shape(w, SLICE("info"), field, f->unit ? 5 : 4), v);
}

static void
begin(struct record_own *own, char **argv)
{
	const struct record_own_start start = { "sysinfo", LEAT_VERSION, "monotonic_raw", argv };
	struct sys_clock_reading clocks;

	sys_clock_read(&clocks);
	record_own_start(own, &start);
	record_own_clock(own, clocks.monotonic_raw, &clocks);
}

int
main(int argc, char **argv)
{
	struct facts_config config = { NULL, default_tools, LEAT_VERSION };
	struct record_own own = { 0 };
	struct facts facts;
	const char *arg;
	int64_t t;

	tool_begin(&spec, argc, argv);
	while (tool_option_next(&arg))
		;
	if (*tool_operands())
		tool_usage_error("an operand: %s", *tool_operands());
	own.w = tool_trace_out(-1, false);
	begin(&own, argv);
	t = sys_clock_now(CLOCK_MONOTONIC_RAW);
	facts_read(&facts, &config);
	for (size_t i = 0; i < facts.facts; i++)
		put_info(own.w, t, &facts.fact[i]);
	if (facts.denied > 0)
		tool_lost(own.w, t, facts.denied, "unreadable");
	record_own_end(&own, "sysinfo", facts.facts, facts.denied);
	facts_free(&facts);
	return tool_end();
}
