/* pair - start and end events to spans; see leat-pair(1) */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "flow/pair.h"
#include "tool/tool.h"

enum { MATCH = 256, TIMEOUT, NAME, KEEP };

static const struct tool_option options[] = {
	{ 's', "start", "EXPR", "what begins an interval" },
	{ 'e', "end", "EXPR", "what ends it" },
	{ 'k', "key", "FIELDS", "fields that are equal in both; START=END where names differ" },
	{ MATCH, "match", "HOW",
	    "of a start while one is open: first last nest fifo (default last)" },
	{ TIMEOUT, "timeout", "DUR", "give up starts that are older than DUR" },
	{ NAME, "name", "TEXT", "name of the spans (default: that of their starts)" },
	{ KEEP, "keep", NULL, "pass on starts and ends, too" },
	{ 0 },
};
static const struct tool_spec spec = { "pair", "makes spans of start and end events", "[TRACE...]",
	options, TOOL_TRACE_OUT };

static struct pair_options how = { .match = PAIR_LAST };

static void
check(struct tool_filter *f, int result)
{
	if (result < 0)
		tool_die("%s: %s", tool_output() ? tool_output() : "standard output",
		    trace_writer_error(f->out));
}

static void
row(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t i)
{
	check(f, pair_row(f->context, b, s, i, f->out));
}

static void
waiting(struct tool_filter *f)
{
	check(f, pair_flush(f->context, f->out));
}

/* Says why there may be no spans, or fewer than somebody expects. */
static void
report(const struct pair_counts *c, uint64_t in)
{
	const struct expr *nobody = c->starts == 0 ? how.start : c->ends == 0 ? how.end : NULL;
	uint64_t lost = 0;
	struct slice field;

	if (nobody && in > 0) {
		char option = nobody == how.start ? 's' : 'e';

		tool_warn("no record is one of -%c %.*s", option, SLICE_ARG(expr_text(nobody)));
		if (expr_unmet(nobody, &field))
			tool_warn("no record has a field %.*s, which -%c compares"
				  " (a string needs quotes: \"%.*s\")",
			    SLICE_ARG(field), option, SLICE_ARG(field));
	}
	if (c->why[PAIR_NO_KEY] > 0)
		tool_warn("%" PRIu64
			  " starts and ends lack a field of -k (START=END gives both names)",
		    c->why[PAIR_NO_KEY]);
	if (c->why[PAIR_OUT_OF_ORDER] > 0)
		tool_warn("%" PRIu64
			  " starts and ends are not in order of time (leat merge --reorder "
			  "mends that)",
		    c->why[PAIR_OUT_OF_ORDER]);
	for (int why = 1; why < PAIR_WHYS; why++)
		lost += c->why[why];
	if (tool_is_strict() && lost > 0) {
		tool_warn("%" PRIu64 " starts and ends lost, and --strict was given", lost);
		tool_status(2);
	}
}

static void
finish(struct tool_filter *f)
{
	const struct pair_counts *c = pair_counts(f->context);

	check(f, pair_finish(f->context, f->out));
	f->books.passed = c->passed;
	f->books.used = c->used;
	f->books.made = c->made;
	f->books.lost = c->lost;
	report(c, f->books.in);
}

static struct expr *
parse_expr(const char *option, const char *arg)
{
	struct error e;
	struct expr *x = expr_new(slice_of(arg), &e);

	if (x == NULL)
		tool_die("%s: %s\nleat-expr(7) tells what expressions there are", option, e.text);
	return x;
}

/* Names joined by '|': none is empty, or holds an '='. */
static bool
are_names(struct slice s)
{
	bool more = true;

	if (memchr(s.p, '=', s.n))
		return false;
	while (more) {
		more = memchr(s.p, '|', s.n) != NULL;
		if (slice_cut(&s, '|').n == 0)
			return false;
	}
	return true;
}

static void
parse_keys(const char *arg)
{
	struct slice rest = slice_of(arg);
	struct pair_key *key = NULL;
	size_t cap = 0;
	bool more = true;

	for (how.keys = 0; more; how.keys++) {
		struct slice item, start;

		more = memchr(rest.p, ',', rest.n) != NULL;
		item = slice_trim(slice_cut(&rest, ','));
		start = slice_cut(&item, '=');
		if (item.p == start.p + start.n)
			item = start; /* no '=' */
		if (!are_names(start) || !are_names(item))
			tool_usage_error("-k %s: not a list of FIELD or START=END", arg);
		GROW(key, cap, how.keys);
		key[how.keys] = (struct pair_key){ start, item };
	}
	how.key = key;
}

static enum pair_match
parse_match(const char *arg)
{
	static const char *const name[] = { [PAIR_FIRST] = "first",
		[PAIR_LAST] = "last",
		[PAIR_NEST] = "nest",
		[PAIR_FIFO] = "fifo" };

	for (unsigned i = 0; i < sizeof name / sizeof *name; i++)
		if (strcmp(arg, name[i]) == 0)
			return i;
	tool_usage_error("--match %s: none of first, last, nest, fifo", arg);
}

int
main(int argc, char **argv)
{
	struct tool_filter f = { .row = row, .waiting = waiting, .finish = finish };
	const char *arg, *start = NULL, *end = NULL;
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
		case 'k':
			parse_keys(arg);
			break;
		case MATCH:
			how.match = parse_match(arg);
			break;
		case TIMEOUT:
			how.timeout = tool_duration("--timeout", arg);
			if (how.timeout == 0)
				tool_usage_error("--timeout 0: nothing would be paired");
			break;
		case NAME:
			how.name = slice_of(arg);
			break;
		case KEEP:
			how.keep = true;
			break;
		}
	if (!start || !end)
		tool_usage_error("-s EXPR and -e EXPR say what begins and what ends a span");
	how.start = parse_expr("-s", start);
	how.end = parse_expr("-e", end);
	f.context = pair_new(&how);
	c = tool_filter_run(&f);
	return c;
}
