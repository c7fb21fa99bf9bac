/* hot - which allocation sites, objects or pages are accessed most; see leat-hot(1) */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "flow/hot.h"
#include "form/table.h"
#include "tool/tool.h"

enum {
	SORT = 256,
	LEAKS,
	CURVE,
	TIMELINE,
	BRIEF,
	NO_BRIEF,
	STEPS = 1000,
	SERIES = 8,
	NAME = 60,
	BRIEF_ROWS = 20
};

static const struct tool_option options[] = {
	{ 'b', "by", "WHAT", "site (default), function, object, page or kind" },
	{ 'd', "depth", "N", "the innermost N functions of a site make one row" },
	{ 'w', "weight", "FIELD", "add up FIELD (default weight); count counts records" },
	{ 'n', "limit", "N", "the first N rows (--brief: 20, --timeline: 8)" },
	{ SORT, "sort", "COLUMN", "weight density peak at_peak live allocs alloc_bytes temporary" },
	{ LEAKS, "leaks", NULL, "only what is live at the end, the most bytes first" },
	{ CURVE, "curve", NULL, "the share of accesses that the hottest bytes serve" },
	{ TIMELINE, "timeline", NULL, "live bytes of each site over time" },
	{ BRIEF, "brief", NULL, "a few columns with units, as on a terminal" },
	{ NO_BRIEF, "no-brief", NULL, "all columns, even on a terminal" },
	{ 0 },
};
static const struct tool_spec spec = { "hot", "which allocation sites, objects or pages are hot",
	"[TRACE...]", options, TOOL_TABLE_OUT };

static struct hot *hot;
static struct buf out;
static bool by_function;

static void
one_block(struct trace_reader *reader, const char *path, struct trace_block *b)
{
	struct error e;

	if (hot_block(hot, b, &e) < 0)
		tool_die("%s: %s", tool_where(path, reader), e.text);
}

static void
read_trace(int fd, const char *path, void *context)
{
	(void)context;
	tool_blocks(fd, path, NULL, 0, one_block);
}

/* ---- tables ---- */

static const char *
by_name(void)
{
	static const char *const names[] = { "site", "object", "page", "kind" };

	return by_function ? "function" : names[hot->o.by];
}

static void
put_head(const char *kind)
{
	const struct heap *p = &hot->heap;

	buf_printf(&out, "# %s by=%s", kind, by_name());
	table_put_word(&out, "w", hot->o.weight);
	buf_printf(&out,
	    " accesses=%" PRIu64 " weight=%" PRIu64 " reads=%" PRIu64 " writes=%" PRIu64
	    " unjoined=%" PRIu64,
	    hot->accesses, hot->weight, hot->reads, hot->writes, hot->unjoined);
	if (hot->o.by == HOT_SITE || hot->o.by == HOT_KIND)
		buf_printf(&out,
		    " peak_bytes=%" PRIu64 " peak_t=%" PRId64 " live_bytes=%" PRIu64
		    " allocs=%" PRIu64 " frees=%" PRIu64 " unknown_frees=%" PRIu64
		    " inherited_frees=%" PRIu64 " replaced=%" PRIu64,
		    hot->all.peak, hot->peak_t, hot->all.live, p->allocs, p->frees,
		    p->unknown - p->inherited, p->inherited, p->replaced);
	buf_char(&out, '\n');
	losses_put(&hot->losses, &out);
}

static void
put_count(uint64_t n)
{
	buf_u64(&out, n);
	buf_char(&out, '\t');
}

static double
share_of(const struct hot_row *r)
{
	return hot->weight ? (double)r->weight / (double)hot->weight : 0;
}

static void
put_row(const struct hot_row *r)
{
	bool sites = hot->o.by == HOT_SITE || hot->o.by == HOT_KIND;

	put_count(r->accesses);
	put_count(r->weight);
	buf_printf(&out, "%.6g\t", share_of(r));
	put_count(r->reads);
	put_count(r->writes);
	put_count(r->peak);
	buf_printf(&out, "%.6g\t", hot_density(r));
	if (sites) {
		put_count(r->allocs);
		put_count(r->alloc_bytes);
		put_count(r->temporary);
		put_count(r->live_n);
		put_count(r->live);
		put_count(r->at_peak);
		put_count(r->freed ? r->life_sum / r->freed : 0);
	} else {
		if (r->pid >= 0)
			buf_i64(&out, r->pid);
		buf_char(&out, '\t');
		if (r->pid >= 0)
			buf_hex(&out, r->addr);
		buf_char(&out, '\t');
	}
	table_put_cell(&out, r->kind.n > 0            ? r->kind
			     : sites && r->allocs > 0 ? SLICE("object")
						      : SLICE(""));
	if (hot->o.by == HOT_OBJECT || hot->o.by == HOT_SITE) {
		buf_char(&out, '\t');
		table_put_cell(&out, r->name.n > 0 ? r->name : r->site);
	}
	buf_char(&out, '\n');
}

static void
put_table(size_t rows)
{
	put_head("hot");
	buf_slice(&out, SLICE("accesses\tweight\tshare\treads\twrites\t"));
	buf_printf(&out, "%s\tdensity\t",
	    hot->o.by == HOT_SITE || hot->o.by == HOT_KIND ? "peak_bytes" : "size");
	if (hot->o.by == HOT_SITE || hot->o.by == HOT_KIND)
		buf_slice(
		    &out, SLICE("allocs\talloc_bytes\ttemporary\tlive\tlive_bytes\tat_peak_bytes\t"
				"mean_life_ns\tkind"));
	else
		buf_slice(&out, SLICE("pid\taddr\tkind"));
	if (hot->o.by == HOT_OBJECT || hot->o.by == HOT_SITE)
		buf_printf(&out, "\t%s", by_function ? "function" : "site");
	buf_char(&out, '\n');
	for (size_t i = 0; i < rows; i++)
		put_row(&hot->row[i]);
}

/* ---- for people ---- */

static void
human(char *to, size_t n, uint64_t v, const char *const *unit, double step)
{
	double d = (double)v;
	unsigned i = 0;

	for (; d >= (step > 1000 ? 1024 : 10000) && i < 4; i++)
		d /= step;
	snprintf(to, n, "%.*f%s", i > 0 && d < 99.95 ? 1 : 0, d, unit[i]);
}

static void
bytes_text(char *to, size_t n, uint64_t v)
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB" };

	human(to, n, v, units, 1024);
}

static void
count_text(char *to, size_t n, uint64_t v)
{
	static const char *const units[] = { "", " k", " M", " G", " T" };

	human(to, n, v, units, 1000);
}

/* "leaf < caller < its caller", as much as fits, up to main. */
static void
put_name(struct slice name)
{
	size_t room = out.n + NAME;
	bool first = true;

	if (name.n > 0 && name.p[0] == '[') {
		buf_slice(&out, name);
		return;
	}
	while (name.n > 0) {
		const char *last = memrchr(name.p, ';', name.n);
		size_t at = last ? (size_t)(last - name.p) + 1 : 0;

		if (!first && out.n + 3 + name.n - at > room) {
			buf_slice(&out, SLICE(" < ..."));
			return;
		}
		buf_slice(&out, first ? SLICE("") : SLICE(" < "));
		buf_put(&out, name.p + at, name.n - at);
		if (slice_eq((struct slice){ name.p + at, name.n - at }, SLICE("main")))
			return;
		name.n = at ? at - 1 : 0;
		first = false;
	}
}

static void
put_brief(size_t rows, bool accessed)
{
	bool sites = hot->o.by == HOT_SITE || hot->o.by == HOT_KIND;
	char text[5][32];

	if (accessed)
		buf_slice(&out, SLICE("  SHARE    WEIGHT  READS "));
	buf_slice(&out, sites ? SLICE("       PEAK        LEFT   ALLOCS  ")
			      : SLICE("       SIZE             ADDRESS  "));
	buf_slice(&out, hot->o.by == HOT_SITE ? SLICE("ALLOCATED BY\n") : SLICE("WHAT\n"));
	for (size_t i = 0; i < rows; i++) {
		const struct hot_row *r = &hot->row[i];
		uint64_t known = r->reads + r->writes;

		count_text(text[0], sizeof text[0], r->weight);
		bytes_text(text[1], sizeof text[1], r->peak);
		bytes_text(text[2], sizeof text[2], r->live);
		count_text(text[3], sizeof text[3], r->allocs);
		snprintf(text[4], sizeof text[4], "%.0f%%",
		    known ? 100 * (double)r->reads / (double)known : 0);
		if (accessed)
			buf_printf(&out, "%6.1f%% %9s %6s ", 100 * share_of(r), text[0],
			    known ? text[4] : "-");
		if (sites && r->allocs == 0)
			buf_printf(&out, "%11s %11s %8s  ", r->peak ? text[1] : "-", "-", "-");
		else if (sites)
			buf_printf(&out, "%11s %11s %8s  ", text[1], text[2], text[3]);
		else
			buf_printf(&out, "%11s  0x%016" PRIx64 "  ", text[1], r->addr);
		put_name(r->name.n > 0 ? r->name : r->site.n > 0 ? r->site : r->kind);
		buf_char(&out, '\n');
	}
	if (rows < hot->rows)
		buf_printf(&out, "(%zu more)\n", hot->rows - rows);
	bytes_text(text[0], sizeof text[0], hot->all.peak);
	bytes_text(text[1], sizeof text[1], hot->all.live);
	if (sites)
		buf_printf(&out, "peak %s, at the end %s of %" PRIu64 " allocations\n", text[0],
		    text[1], hot->heap.allocs);
	losses_put(&hot->losses, &out);
}

/* ---- figures ---- */

static void
curve_point(void *context, uint64_t bytes, double share)
{
	(void)context;
	buf_printf(&out, "%" PRIu64 "\t%.6g\n", bytes, share);
}

static void
timeline_point(void *context, int64_t t, const struct hot_row *r, uint64_t live)
{
	(void)context;
	buf_printf(&out, "%" PRId64 "\t%" PRIu64 "\t", t, live);
	table_put_cell(&out, r ? r->name : SLICE("others"));
	buf_char(&out, '\n');
}

/* ---- the end ---- */

static void
report(void)
{
	if (hot->unjoined > 0) {
		tool_warn("%" PRIu64 " of %" PRIu64
			  " accesses have no kind: leat join says what they fall into",
		    hot->unjoined, hot->unjoined + hot->accesses);
		tool_status(2);
	}
	if (hot->negative > 0)
		tool_warn("%" PRIu64 " accesses have a negative weight: left out", hot->negative);
	if (hot->records > 0 && hot->accesses + hot->unjoined + hot->heap.allocs == 0)
		tool_warn("no access and no alloc among %" PRIu64
			  " records: leat interpose and leat record "
			  "make them",
		    hot->records);
}

static size_t
rows_that_count(uint64_t limit, bool leaks, bool brief)
{
	size_t n = hot->rows;

	if (limit == UINT64_MAX && brief)
		limit = BRIEF_ROWS;
	while (leaks && n > 0 && hot->row[n - 1].live == 0)
		n--;
	return n < limit ? n : (size_t)limit;
}

static void
write_out(int what, enum hot_sort sort, uint64_t limit, bool brief)
{
	bool accessed = hot->accesses > 0;

	switch (what) {
	case CURVE:
		put_head("hot-curve");
		buf_slice(&out, SLICE("fast_bytes\tshare\n"));
		hot_curve(hot, STEPS, curve_point, NULL);
		break;
	case TIMELINE:
		hot_sort(hot, HOT_AT_PEAK);
		put_head("hot-timeline");
		buf_slice(&out, SLICE("t\tlive_bytes\tsite\n"));
		hot_timeline(
		    hot, limit == UINT64_MAX ? SERIES : (size_t)limit, timeline_point, NULL);
		break;
	default:
		if (sort == HOT_SORTS)
			sort = what == LEAKS ? HOT_LIVE : accessed ? HOT_WEIGHT : HOT_PEAK;
		hot_sort(hot, sort);
		if (brief)
			put_brief(rows_that_count(limit, what == LEAKS, brief), accessed);
		else
			put_table(rows_that_count(limit, what == LEAKS, brief));
	}
	fwrite(out.p, 1, out.n, tool_out());
}

int
main(int argc, char **argv)
{
	struct hot_options o = { .weight = SLICE("weight") };
	enum hot_sort sort = HOT_SORTS;
	uint64_t limit = UINT64_MAX;
	const char *arg;
	int c, what = 0, brief = 0;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'b':
			by_function = strcmp(arg, "function") == 0;
			o.by = by_function ? HOT_SITE : hot_by_named(slice_of(arg));
			if (o.by == HOT_BYS)
				tool_usage_error(
				    "-b %s: not site, function, object, page or kind", arg);
			break;
		case 'd':
			o.depth = (unsigned)tool_number("-d", arg, 1, 1000000);
			break;
		case 'w':
			o.weight = slice_of(arg);
			break;
		case 'n':
			limit = tool_number("-n", arg, 1, UINT32_MAX);
			break;
		case SORT:
			sort = hot_sort_named(slice_of(arg));
			if (sort == HOT_SORTS)
				tool_usage_error(
				    "--sort %s: not weight, density, peak, at_peak, live, allocs, "
				    "alloc_bytes or temporary",
				    arg);
			break;
		case BRIEF:
		case NO_BRIEF:
			brief = c;
			break;
		default:
			if (what && what != c)
				tool_usage_error("--leaks, --curve, --timeline: one of them");
			what = c;
		}
	if ((what == TIMELINE || what == LEAKS) && o.by != HOT_SITE && o.by != HOT_KIND)
		tool_usage_error("%s is of sites, functions and kinds",
		    what == LEAKS ? "--leaks" : "--timeline");
	if (by_function)
		o.depth = 1;
	o.timeline = what == TIMELINE;
	hot = hot_new(&o);
	tool_inputs(read_trace, NULL);
	report();
	write_out(what, sort, limit,
	    brief == BRIEF || (brief == 0 && tool_output() == NULL && isatty(STDOUT_FILENO)));
	buf_free(&out);
	hot_free(hot);
	return tool_end();
}
