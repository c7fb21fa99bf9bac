/* fold - stacks to folded lines, or to a table of functions; see leat-fold(1) */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "flow/fold.h"
#include "stat/profile.h"
#include "tool/tool.h"

enum { ANNOTATE = 256, LOST, TOP, CALLERS, WHOLE_NAMES, STACK, CALLERS_SHOWN = 10 };

static const struct tool_option options[] = {
	{ 'w', "weight", "FIELD", "add up FIELD (default weight); count counts records" },
	{ 'b', "by", "FIELDS", "fields before the root (default comm; '' for none)" },
	{ 'e', "event", "EVENT", "fold EVENT, not the first one that comes; all: all" },
	{ STACK, "stack", "FIELD", "the field with the frames, such as site (default stack)" },
	{ ANNOTATE, "annotate", NULL, "mark frames: _[k] kernel, _[i] inlined, _[j] JIT" },
	{ WHOLE_NAMES, "whole-names", NULL, "keep parameters and quotes of names" },
	{ LOST, "lost", NULL, "show lost samples as a frame [lost]" },
	{ TOP, "top", "N", "print a table of N functions by self and total instead" },
	{ CALLERS, "callers", NULL, "and who calls them" }, { 0 }
};
static const struct tool_spec spec = { "fold", "turns stacks into folded lines for flame graphs",
	"[TRACE...]", options, TOOL_TABLE_OUT };

static struct fold *fold;

static void
one_block(struct trace_reader *reader, const char *path, struct trace_block *b)
{
	struct error e;

	if (fold_block(fold, b, &e) < 0)
		tool_die("%s: %s", tool_where(path, reader), e.text);
}

static void
read_trace(int fd, const char *path, void *context)
{
	(void)context;
	tool_blocks(fd, path, NULL, 0, one_block);
}

/* What is not in the output, and why: one line each. */
static void
report(const struct fold_stats *st, struct slice event, bool table)
{
	struct buf b = BUF_INIT;
	const char *before = "";

	for (size_t i = 0; i < st->skips; i++) {
		buf_printf(&b, "%s%.*s %" PRIu64, before, SLICE_ARG(st->skipped[i].name),
		    st->skipped[i].n);
		before = ", ";
	}
	if (event.n > 0 && !slice_eq(event, SLICE("all")) && st->records == 0 && st->skips > 0) {
		tool_warn(
		    "no records of the event %.*s; there are: %s", SLICE_ARG(event), buf_str(&b));
		tool_status(2);
	} else if (event.n == 0 && st->skips > 0) {
		tool_warn("%zu events: folded %.*s, skipped %s (-e EVENT selects, -e all adds up)",
		    st->skips + 1, SLICE_ARG(st->event), buf_str(&b));
	}
	b.n = 0;
	if (st->unresolved > 0) {
		tool_warn("%" PRIu64 " of %" PRIu64
			  " records have addresses, but no stack of names: leat unwind names them",
		    st->unresolved, st->records + st->without);
		tool_status(2);
	} else if (st->without > 0) {
		tool_warn("%" PRIu64 " of %" PRIu64 " records have no stack", st->without,
		    st->records + st->without);
		if (st->records == 0)
			tool_status(2);
	}
	if (st->no_weight > 0)
		tool_warn("%" PRIu64 " records have no weight: counted as 1", st->no_weight);
	if (st->no_base > 0)
		tool_warn("%" PRIu64 " records lack a field of -b: [unknown]", st->no_base);
	if (st->negative > 0)
		tool_warn("%" PRIu64 " records have a negative weight: left out", st->negative);
	if (st->overflow)
		tool_warn("a sum exceeds 2^64-1");
	before = "";
	for (size_t i = 0; i < st->losses && !table; i++) {
		buf_printf(
		    &b, "%s%.*s %" PRIu64, before, SLICE_ARG(st->lost[i].name), st->lost[i].n);
		before = ", ";
	}
	if (b.n > 0)
		tool_warn("lost: %s", buf_str(&b));
	buf_free(&b);
}

static void
profile_stack(void *context, const uint32_t *frame, uint32_t n, uint64_t weight)
{
	profile_add(context, frame, n, weight);
}

static int
by_name(const void *context, uint32_t a, uint32_t b)
{
	int r = slice_cmp(fold_frame_name(context, a), fold_frame_name(context, b));

	return r ? r : slice_cmp(fold_frame_object(context, a), fold_frame_object(context, b));
}

static double
share(uint64_t part, uint64_t whole)
{
	return whole ? 100 * (double)part / (double)whole : 0;
}

static struct slice
object(uint32_t frame)
{
	struct slice s = frame == PROFILE_NOBODY ? SLICE("") : fold_frame_object(fold, frame);

	return s.n ? s : SLICE("-");
}

static void
print_callers(FILE *out, const struct profile *p, const struct profile_function *f, int objects)
{
	size_t n;
	const struct profile_caller *c = profile_callers(p, f->id, &n);
	uint64_t rest = 0;

	for (size_t i = 0; i < n && i < CALLERS_SHOWN; i++) {
		struct slice o = object(c[i].caller);
		struct slice name = c[i].caller == PROFILE_NOBODY
					? SLICE("(root)")
					: fold_frame_name(fold, c[i].caller);

		fprintf(out, "%27s %6.1f%% %18" PRIu64 "  %-*.*s    < %.*s\n", "",
		    share(c[i].weight, f->total), c[i].weight, objects, SLICE_ARG(o),
		    SLICE_ARG(name));
	}
	for (size_t i = CALLERS_SHOWN; i < n; i++)
		rest += c[i].weight;
	if (n > CALLERS_SHOWN)
		fprintf(out, "%27s %6.1f%% %18" PRIu64 "  %-*s    < %zu others\n", "",
		    share(rest, f->total), rest, objects, "-", n - CALLERS_SHOWN);
}

static void
print_top(FILE *out, uint64_t top, bool callers)
{
	const struct fold_stats *st = fold_stats(fold);
	struct profile p = PROFILE_INIT;
	size_t n;
	int objects = (int)strlen("OBJECT");

	fold_each(fold, profile_stack, &p);
	profile_sort(&p, by_name, fold);
	n = p.functions < top ? p.functions : (size_t)top;
	while (n > 0 && p.function[n - 1].total == 0)
		n--;
	for (size_t i = 0; i < n; i++) {
		size_t callers_n;
		const struct profile_caller *c = profile_callers(&p, p.function[i].id, &callers_n);

		if ((int)object(p.function[i].id).n > objects)
			objects = (int)object(p.function[i].id).n;
		for (size_t k = 0; callers && k < callers_n && k < CALLERS_SHOWN; k++)
			if ((int)object(c[k].caller).n > objects)
				objects = (int)object(c[k].caller).n;
	}
	fprintf(out, "# event=%.*s records=%" PRIu64 " weight=%" PRIu64 "\n",
	    SLICE_ARG(st->event.n ? st->event : SLICE("all")), st->records, st->weight);
	for (size_t i = 0; i < st->losses; i++)
		fprintf(out, "# lost=%" PRIu64 " why=%.*s\n", st->lost[i].n,
		    SLICE_ARG(st->lost[i].name));
	fprintf(out, "%7s %18s  %7s %18s  %-*s  %s\n", "SELF%", "SELF", "TOTAL%", "TOTAL", objects,
	    "OBJECT", "FUNCTION");
	for (size_t i = 0; i < n; i++) {
		const struct profile_function *f = &p.function[i];
		struct slice o = object(f->id), name = fold_frame_name(fold, f->id);

		fprintf(out, "%6.1f%% %18" PRIu64 "  %6.1f%% %18" PRIu64 "  %-*.*s  %.*s\n",
		    share(f->self, p.sum), f->self, share(f->total, p.sum), f->total, objects,
		    SLICE_ARG(o), SLICE_ARG(name));
		if (callers)
			print_callers(out, &p, f, objects);
	}
	profile_free(&p);
}

static void
parse_before(struct fold_options *o, const char *arg)
{
	struct slice rest = slice_of(arg), *base = NULL;
	size_t cap = 0;

	o->bases = 0;
	while (rest.n > 0) {
		GROW(base, cap, o->bases);
		base[o->bases++] = slice_cut(&rest, ',');
		if (base[o->bases - 1].n == 0 || o->bases > FOLD_BASES_MAX)
			tool_usage_error(
			    "-b %s: not a list of at most %d fields", arg, FOLD_BASES_MAX);
	}
	o->base = base;
}

int
main(int argc, char **argv)
{
	static const struct slice comm = SLICE("comm");
	struct fold_options o = { .weight = SLICE("weight"), .base = &comm, .bases = 1 };
	bool lost = false, callers = false, before = false;
	struct buf lines = BUF_INIT;
	uint64_t top = 0;
	const char *arg;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'w':
			o.weight = slice_of(arg);
			break;
		case 'b':
			parse_before(&o, arg);
			before = true;
			break;
		case 'e':
			o.event = slice_of(arg);
			break;
		case STACK:
			o.stack = strcmp(arg, "stack") == 0 ? SLICE("") : slice_of(arg);
			break;
		case ANNOTATE:
			o.annotate = true;
			break;
		case WHOLE_NAMES:
			o.whole_names = true;
			break;
		case LOST:
			lost = true;
			break;
		case TOP:
			top = tool_number("--top", arg, 1, 1000000);
			break;
		case CALLERS:
			callers = true;
			break;
		}
	if (callers && top == 0)
		tool_usage_error("--callers is for --top N");
	if (before && top > 0)
		tool_usage_error("-b and --top do not go together");
	if (top > 0) {
		o.objects = true;
		o.bases = 0;
	}
	fold = fold_new(&o);
	tool_inputs(read_trace, NULL);
	report(fold_stats(fold), o.event, top > 0);
	if (lost)
		fold_add_lost(fold);
	if (top > 0) {
		print_top(tool_out(), top, callers);
	} else {
		fold_lines(fold, &lines);
		if (lines.n > 0)
			fwrite(lines.p, 1, lines.n, tool_out());
	}
	buf_free(&lines);
	fold_free(fold);
	return tool_end();
}
