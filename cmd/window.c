/* window - keeps what lies between a start and an end; see leat-window(1) */
#include <inttypes.h>

#include "flow/trigger.h"
#include "flow/window.h"
#include "tool/tool.h"

enum { SKIP = 256, PER, NO_START, NO_END, SLICE_NAME, ALIGN, TRACERV, ROOM };

static const struct tool_option options[] = {
	{ 's', "start", "TRIGGER", "what opens a window: none, t=N, pc=, insn=, mark=, or EXPR" },
	{ 'e', "end", "TRIGGER",
	    "what closes it (default: none; with -B or -A, the start itself)" },
	{ 'n', "limit", "N", "keep N windows, and drop the rest unread" },
	{ SKIP, "skip", "N", "leave out the first N windows" },
	{ 'B', "before", "DUR", "keep what came so long before a start, too" },
	{ 'A', "after", "DUR", "keep what came so long after an end, too" },
	{ PER, "per", "FIELD", "windows of their own for each value of FIELD (cpu, tid, ...)" },
	{ NO_START, "no-start", NULL, "leave out the record that opens a window" },
	{ NO_END, "no-end", NULL, "leave out the record that closes it" },
	{ SLICE_NAME, "slice", "NAME",
	    "keep everything, and add NAME=i to the records of window i" },
	{ ALIGN, "align", NULL, "t counts from the start of the window" },
	{ TRACERV, "tracerv", "SELECTOR,START,END", "the trigger of FireSim's TracerV" },
	{ ROOM, "room", "SIZE", "memory for what waits because of -B (default 256MiB)" }, { 0 }
};
static const struct tool_spec spec = { "window", "keeps what lies between a start and an end",
	"[TRACE...]", options, TOOL_TRACE_OUT };

static struct window_options o = { .limit = UINT64_MAX, .room = (size_t)256 << 20 };
static struct window *window;

static _Noreturn void
fail(struct tool_filter *f, const struct error *e)
{
	tool_die("%s: %s", f->reader ? tool_where(f->path, f->reader) : f->path, e->text);
}

static void
rows(struct tool_filter *f, struct trace_block *b, unsigned char *const *keep)
{
	struct error e;

	if (window_rows(window, b, keep, &e) < 0)
		fail(f, &e);
	f->enough = o.slice.n == 0 && window_done(window);
}

static void
put(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t row)
{
	struct error e;

	if (window_put(window, f->out, b, s, row, &e) < 0)
		fail(f, &e);
}

static void
row(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t row)
{
	struct error e;

	if (window_row(window, f->out, b, s, row, &e) < 0)
		fail(f, &e);
	f->enough = o.slice.n == 0 && window_done(window);
}

static void
hint(const char *option, const struct trigger *x)
{
	struct slice name;

	if (x && trigger_unknown(x, &name))
		tool_warn(
		    "no sym record is called %.*s, and no stack ends in it (leat unwind makes "
		    "stacks of addresses)",
		    SLICE_ARG(name));
	if (x && trigger_unmet(x, &name))
		tool_warn("no record has a field %.*s, which %s compares (a string needs quotes: "
			  "\"%.*s\")",
		    SLICE_ARG(name), option, SLICE_ARG(name));
}

static void
finish(struct tool_filter *f)
{
	const struct window_counts *c = window_counts(window);
	struct error e;

	if (window_finish(window, f->out, &e) < 0)
		fail(f, &e);
	if (window_waits(window)) {
		f->books.passed = c->passed;
		f->books.dropped += c->dropped;
		f->books.lost = c->lost;
	}
	if (c->lost + c->unmarked > 0)
		tool_warn("%" PRIu64
			  " records that waited for a start were given up for want of memory "
			  "(--room SIZE, or a shorter -B)",
		    c->lost + c->unmarked);
	if (c->lost + c->unmarked > 0 && tool_is_strict())
		tool_status(2);
	if (c->backs > 0 && (o.before > 0 || o.after > 0))
		tool_warn("t goes back at %" PRIu64 " places: -B and -A count from the latest t",
		    c->backs);
	if (c->lanes > 0)
		tool_warn(
		    "%" PRIu64 " records have a lane that is not 0 to 63: no triggers", c->lanes);
	if (c->unfinished > 0 && o.end && !trigger_is_none(o.end))
		tool_warn("the end of %" PRIu64
			  " window%s never came: kept to the end of the trace",
		    c->unfinished, c->unfinished == 1 ? "" : "s");
	if (c->kept > 0 || (o.start && trigger_is_none(o.start)))
		return;
	hint("-s", o.start);
	if (c->windows > 0)
		tool_warn("all %" PRIu64 " windows were skipped", c->windows);
	else
		tool_warn("no window: the start never came");
	tool_status(1);
}

static int64_t
duration(const char *option, const char *arg)
{
	uint64_t ns = tool_duration(option, arg);

	if (ns > INT64_MAX)
		tool_usage_error("%s %s: more than 292 years", option, arg);
	return (int64_t)ns;
}

static struct trigger *
trigger(const char *option, const char *text)
{
	struct trigger *x;
	struct error e;

	x = trigger_new(slice_of(text), &e);
	if (x == NULL)
		tool_die("%s: %s\nleat-window(1) tells what triggers there are", option, e.text);
	return x;
}

static bool
is_name(const char *s)
{
	if (*s >= '0' && *s <= '9')
		return false;
	for (const char *p = s; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9') || *p == '_'))
			return false;
	return *s != '\0';
}

static const char *
name(const char *option, const char *arg)
{
	if (!is_name(arg))
		tool_usage_error(
		    "%s %s: not a name of a field ([A-Za-z_][A-Za-z0-9_]*)", option, arg);
	return arg;
}

int
main(int argc, char **argv)
{
	struct tool_filter f = { .finish = finish, .path = "window" };
	const char *start = NULL, *end = NULL, *arg;
	struct trigger_tracerv tracerv;
	struct error e;
	bool around = false;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 's':
			start = arg;
			break;
		case 'e':
			end = arg;
			break;
		case 'n':
			o.limit = tool_number("--limit", arg, 1, UINT64_MAX - 1);
			break;
		case SKIP:
			o.skip = tool_number("--skip", arg, 0, UINT64_MAX - 1);
			break;
		case 'B':
			o.before = duration("--before", arg);
			around = true;
			break;
		case 'A':
			o.after = duration("--after", arg);
			around = true;
			break;
		case PER:
			o.per = slice_of(name("--per", arg));
			break;
		case NO_START:
			o.no_start = true;
			break;
		case NO_END:
			o.no_end = true;
			break;
		case SLICE_NAME:
			o.slice = slice_of(name("--slice", arg));
			break;
		case ALIGN:
			o.align = true;
			break;
		case TRACERV:
			if (trigger_tracerv(slice_of(arg), &tracerv, &e) < 0)
				tool_usage_error("--tracerv %s", e.text);
			o.tracerv = &tracerv;
			break;
		case ROOM:
			o.room = tool_size("--room", arg);
			if (o.room < 1 << 20)
				tool_usage_error("--room %s: less than 1MiB", arg);
			break;
		}
	if (o.tracerv && (start || end))
		tool_usage_error("--tracerv and -s or -e do not go together");
	if (!o.tracerv && !start && !end)
		tool_usage_error(
		    "what opens and closes a window is missing: -s TRIGGER -e TRIGGER");
	if (o.tracerv && o.per.n == 0)
		o.per = SLICE("cpu");
	if (!o.tracerv) {
		o.start = trigger("-s", start ? start : "none");
		o.alone = start && !end && around;
		o.end = trigger("-e", end ? end : "none");
	}
	window = window_new(&o);
	if (window_waits(window)) {
		f.row = row;
	} else {
		f.rows = rows;
		f.row = window_marks(window) ? put : NULL;
	}
	return tool_filter_run(&f);
}
