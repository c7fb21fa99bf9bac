/* hist - the distribution of a field: bins, percentiles, a picture; see leat-hist(1) */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"
#include "flow/measure.h"
#include "form/kind.h"
#include "form/numbers.h"
#include "form/where.h"
#include "tool/tool.h"

enum {
	LOG2 = 256,
	LINEAR,
	BITS,
	SUMMARY,
	JSON,
	PERCENTILES,
	BARS,
	NO_BARS,
	WHERE,
	COLUMNS = 80,
	BY_MAX = 16
};

static const struct tool_option options[] = {
	{ 'k', "key", "FIELD", "the field to measure (default dur_ns)" },
	{ 'b', "by", "FIELDS", "a histogram for each value of these fields: a,b" },
	{ 'w', "weight", "FIELD", "each value counts as often as FIELD says" },
	{ 'c', "column", "N|NAME", "the column of a table to measure" },
	{ WHERE, "where", "COLUMN=VALUE", "only rows of a table that have it; may be given again" },
	{ LOG2, "log2", NULL, "a bin for each power of two" },
	{ LINEAR, "linear", "MIN,MAX,N", "N equal bins (units: 0,10ms,100 or 0,4KiB,64)" },
	{ BITS, "bits", "N", "2^N bins for each power of two (default 7: error 0.4%)" },
	{ SUMMARY, "summary", NULL, "a table of count, mean, percentiles: a row for each group" },
	{ JSON, "json", NULL, "as JSON, which hist reads, too" },
	{ PERCENTILES, "percentiles", NULL, "as HdrHistogram's percentile text" },
	{ BARS, "bars", NULL, "as bars, as on a terminal" },
	{ NO_BARS, "no-bars", NULL, "as a table of bins, even on a terminal" },
	{ 0 },
};
static const struct tool_spec spec = { "hist",
	"the distribution of a field: bins, percentiles, a picture",
	"[TRACE|TABLE|NUMBERS|HISTOGRAM...]", options, TOOL_TABLE_OUT };

static struct measure *measure;
static struct where chosen;

/* What was wrong with an input's values, said once for each. */
static void
say_wrong(const char *where, const char *what, uint64_t n)
{
	if (n == 0)
		return;
	if (n > 1)
		tool_warn("%s%s (and %" PRIu64 " more)", where, what, n - 1);
	else
		tool_warn("%s%s", where, what);
	tool_status(2);
}

static void
one_block(struct trace_reader *reader, const char *path, struct trace_block *b)
{
	struct error e;

	if (measure_block(measure, b, &e) < 0)
		tool_die("%s: %s", tool_where(path, reader), e.text);
}

static void
read_numbers(int fd, const char *path, const struct kind_input *in)
{
	struct numbers *n = numbers_new(fd, in->first, in->n);
	struct numbers_batch batch;
	struct error e;
	uint64_t bad;
	int got;

	while ((got = numbers_next(n, &batch)) > 0) {
		if (measure_numbers(measure, &batch, &e) < 0)
			tool_die("%s: %s", path, e.text);
		tool_progress(fd, measure->records, numbers_offset(n));
	}
	if (got < 0) {
		tool_warn("%s: %s", path, numbers_error(n));
		tool_status(2);
	}
	bad = numbers_bad(n, &e);
	if (bad > 0)
		histogram_lost(&measure->h, SLICE("not-a-number"), bad);
	measure->wrong += bad;
	if (bad > 0)
		measure->first = e;
	numbers_free(n);
}

static void
read_table(int fd, const char *path, const struct kind_input *in)
{
	struct table *t = table_new(fd, in->first, in->n);
	int got = table_header(t);
	struct error e;
	uint64_t bad = 0;

	if (got > 0 && (measure_table(measure, t, &e) < 0 || where_table(&chosen, t, &e) < 0))
		tool_die("%s: %s", path, e.text);
	while (got != 0 && (got = table_next(t)) != 0) {
		if (got < 0) {
			if (table_failed(t))
				break;
			if (bad++ == 0)
				e = t->error;
		} else if (where_row(&chosen, t)) {
			measure_row(measure, t);
		}
		tool_progress(fd, measure->records, table_offset(t));
	}
	if (got < 0) {
		tool_warn("%s:%s", path, t->error.text);
		tool_status(2);
	}
	if (bad > 0)
		histogram_lost(&measure->h, SLICE("bad-row"), bad);
	measure_table_end(measure, t);
	if (bad > 0) {
		tool_warn("%s:%s%s", path, e.text, bad > 1 ? " (and more)" : "");
		tool_status(2);
	}
	if (where_end(&chosen, &e) < 0) {
		tool_warn("%s: %s", path, e.text);
		tool_status(2);
	}
	table_free(t);
}

static void
read_histogram(int fd, const char *path, const struct kind_input *in)
{
	struct histogram h = HISTOGRAM_INIT;
	struct error e;

	if (histogram_read(&h, fd, in->first, in->n, &e) < 0) {
		tool_warn("%s:%s", path, e.text);
		tool_status(2);
	} else if (measure_histogram(measure, &h, &e) < 0) {
		tool_die("%s: %s", path, e.text);
	}
	histogram_free(&h);
}

static uint64_t
all_lost(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < measure->h.losses; i++)
		n += measure->h.loss[i].n;
	return n;
}

static void
read_input(int fd, const char *path, void *context)
{
	struct kind_input in;
	enum kind kind;
	uint64_t lost = all_lost();

	(void)context;
	if (kind_of(&in, fd, &kind) < 0) {
		tool_warn("%s: %s", path, strerror(errno));
		tool_status(2);
		return;
	}
	if (chosen.n > 0 && kind != KIND_TABLE && kind != KIND_EMPTY)
		tool_die("%s: --where is for tables, and this is %s%s", path, kind_name(kind),
		    kind == KIND_TRACE ? ": leat pick chooses records" : "");
	measure->wrong = 0;
	measure->first.text[0] = '\0';
	switch (kind) {
	case KIND_EMPTY:
		break;
	case KIND_TRACE:
		tool_blocks(fd, path, in.first, in.n, one_block);
		break;
	case KIND_NUMBERS:
		read_numbers(fd, path, &in);
		break;
	case KIND_TABLE:
		read_table(fd, path, &in);
		break;
	case KIND_HISTOGRAM:
		read_histogram(fd, path, &in);
		break;
	default:
		tool_warn("%s: neither a trace, numbers, a table nor a histogram, but %s", path,
		    kind_name(kind));
		tool_status(2);
	}
	/* (of a trace, its reader says so) */
	if (tool_is_strict() && kind != KIND_TRACE && all_lost() > lost) {
		tool_warn("%s: %" PRIu64 " lost, and --strict was given", path, all_lost() - lost);
		tool_status(2);
	}
	if (measure->wrong > 0) {
		struct buf where = BUF_INIT;
		bool line = measure->first.text[0] >= '0' && measure->first.text[0] <= '9';

		buf_printf(&where, "%s:%s", path, line ? "" : " ");
		say_wrong(buf_str(&where), measure->first.text, measure->wrong);
		buf_free(&where);
	}
}

/* A histogram of nothing, where there was something, is a mistake. */
static void
report(const struct histogram *h)
{
	uint64_t count = 0;

	for (size_t i = 0; i < h->groups; i++) {
		count += h->group[i].hist->count + h->group[i].hist->nan;
		if (h->group[i].hist->full) {
			tool_warn("a count exceeds 2^63-1: what came then is left out");
			tool_status(2);
		}
	}
	if (count == 0 && h->without > 0 && h->without == measure->records) {
		tool_warn("no record has the field %.*s (-k FIELD selects one); there are:%s",
		    SLICE_ARG(h->key), measure->fields.n ? buf_str(&measure->fields) : " none");
		tool_status(2);
	}
}

/* ---- options ---- */

static double
number_with_unit(struct slice s, const char *arg)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	struct slice digits = { s.p + minus, s.n - minus };
	uint64_t n;
	double v;

	if (num_f64(s, &v) == 0 && isfinite(v))
		return v;
	if (num_duration(digits, &n) != 0 && num_size(digits, &n) != 0)
		tool_usage_error("--linear %s: '%.*s' is no number", arg, SLICE_ARG(s));
	return minus ? -(double)n : (double)n;
}

static void
parse_linear(struct hist_scheme *s, const char *arg)
{
	struct slice rest = slice_of(arg), min = slice_cut(&rest, ','), max = slice_cut(&rest, ',');
	uint64_t n;

	*s = (struct hist_scheme){ .scale = HIST_LINEAR };
	s->min = number_with_unit(min, arg);
	s->max = number_with_unit(max, arg);
	if (!(s->min < s->max) || !isfinite(s->max - s->min))
		tool_usage_error("--linear %s: MIN must be below MAX", arg);
	if (num_u64(rest, &n) != 0 || n < 1 || n > HIST_BINS_MAX)
		tool_usage_error("--linear %s: N must be from 1 to %d", arg, HIST_BINS_MAX);
	s->bins = (uint32_t)n;
}

static unsigned
parse_by(struct slice *by, const char *arg)
{
	struct slice rest = slice_of(arg);
	unsigned n = 0;

	while (rest.n > 0) {
		if (n == BY_MAX)
			tool_usage_error("-b %s: more than %d fields", arg, BY_MAX);
		by[n] = slice_cut(&rest, ',');
		if (by[n].n == 0)
			tool_usage_error("-b %s: a field without a name", arg);
		for (unsigned i = 0; i < n; i++)
			if (slice_eq(by[i], by[n]))
				tool_usage_error("-b %s: the same field twice", arg);
		n++;
	}
	return n;
}

static unsigned
width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;
	uint64_t n;

	if (columns && num_u64(slice_of(columns), &n) == 0 && n >= 20 && n <= 1000)
		return (unsigned)n;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return w.ws_col;
	return COLUMNS;
}

static bool
has_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int
main(int argc, char **argv)
{
	struct measure_options o = { .scheme = { .scale = HIST_LOG, .bits = HIST_BITS },
		.any_scheme = true };
	struct slice by[BY_MAX];
	struct buf out = BUF_INIT;
	struct histogram *h;
	const char *arg;
	struct error e;
	int c, form = 0;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'k':
			o.key = slice_of(arg);
			break;
		case 'b':
			o.by = by;
			o.bys = parse_by(by, arg);
			break;
		case 'w':
			o.weight = slice_of(arg);
			break;
		case 'c':
			o.column = slice_of(arg);
			break;
		case WHERE:
			if (where_add(&chosen, arg, &e) < 0)
				tool_usage_error("--where %s: %s", arg, e.text);
			break;
		case LOG2:
			o.scheme = (struct hist_scheme){ .scale = HIST_LOG2 };
			o.any_scheme = false;
			break;
		case LINEAR:
			parse_linear(&o.scheme, arg);
			o.any_scheme = false;
			break;
		case BITS:
			o.scheme = (struct hist_scheme){ .scale = HIST_LOG };
			o.scheme.bits = (unsigned)tool_number("--bits", arg, 1, HIST_BITS_MAX);
			o.any_scheme = false;
			break;
		default:
			if (form && form != c)
				tool_usage_error(
				    "--summary, --json, --percentiles, --bars: one of them");
			form = c;
		}
	if (form == 0 && tool_output() == NULL && isatty(STDOUT_FILENO))
		form = BARS;
	measure = measure_new(&o);
	tool_inputs(read_input, NULL);
	h = measure_end(measure);
	report(h);
	switch (form) {
	case SUMMARY:
		histogram_put_summary(h, &out);
		break;
	case JSON:
		histogram_put_json(h, &out);
		break;
	case PERCENTILES:
		histogram_put_percentiles(h, &out);
		break;
	case BARS:
		histogram_put_bars(h, width(), has_utf8(), &out);
		break;
	default:
		histogram_put_tsv(h, &out);
	}
	fwrite(out.p, 1, out.n, tool_out());
	buf_free(&out);
	measure_free(measure);
	where_free(&chosen);
	return tool_end();
}
