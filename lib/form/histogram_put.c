#include <math.h>
#include <string.h>

#include "form/histogram_parts.h"
#include "form/table.h"

static const double CONFIDENCE = 0.95;

static bool
is_hex(const struct histogram *h)
{
	return slice_eq(h->unit, SLICE("addr"));
}

static double
rounded_up(const struct hist *h, double v)
{
	return h->real ? v : ceil(v);
}

/* Calls word() for each statistic, in the order of the text. */
static void
statistics(const struct hist *h, bool hex,
    void (*word)(void *context, const char *name, struct slice text), void *context)
{
	struct buf b = BUF_INIT;
	double lo, hi;

	histogram_put_short(&b, hist_mean(h));
	word(context, "mean", buf_view(&b));
	b.n = 0;
	histogram_put_short(&b, hist_stddev(h));
	word(context, "stddev", buf_view(&b));
	for (unsigned i = 0; i < HISTOGRAM_QUANTILES; i++) {
		b.n = 0;
		histogram_put_number(&b, hist_quantile(h, histogram_quantile[i]), hex);
		word(context, histogram_quantile_name[i], buf_view(&b));
	}
	hist_quantile_interval(h, 0.5, CONFIDENCE, &lo, &hi);
	b.n = 0;
	histogram_put_number(&b, rounded_up(h, lo), hex);
	word(context, "p50_low", buf_view(&b));
	b.n = 0;
	histogram_put_number(&b, hi, hex);
	word(context, "p50_high", buf_view(&b));
	buf_free(&b);
}

/* ---- TSV ---- */

static void
put_head(struct histogram *h, const char *kind, struct buf *to)
{
	buf_printf(to, "# %s", kind);
	table_put_word(to, "key", h->key);
	if (h->unit.n > 0)
		table_put_word(to, "unit", h->unit);
	histogram_put_scheme(to, &h->scheme);
	buf_char(to, '\n');
}

static void
put_lost(const struct histogram *h, struct buf *to)
{
	for (size_t i = 0; i < h->losses; i++) {
		buf_printf(to, "# lost=%llu", (unsigned long long)h->loss[i].n);
		table_put_word(to, "why", h->loss[i].why);
		buf_char(to, '\n');
	}
	if (h->missing > 0)
		buf_printf(to, "# missing=%llu\n", (unsigned long long)h->missing);
	if (h->without > 0)
		buf_printf(to, "# without=%llu\n", (unsigned long long)h->without);
}

static void
put_by(const struct histogram *h, struct buf *to)
{
	for (unsigned i = 0; i < h->bys; i++) {
		table_put_cell(to, h->by[i]);
		buf_char(to, '\t');
	}
}

static void
put_labels(const struct histogram *h, const struct histogram_group *g, struct buf *to)
{
	for (unsigned i = 0; i < h->bys; i++) {
		table_put_cell(to, g->label[i]);
		buf_char(to, '\t');
	}
}

static void
tsv_word(void *context, const char *name, struct slice text)
{
	table_put_word(context, name, text.n ? text : SLICE("nan"));
}

static void
put_group_line(const struct histogram *h, const struct histogram_group *g, struct buf *to)
{
	struct buf name = BUF_INIT;

	buf_printf(to, "# group");
	for (unsigned i = 0; i < h->bys; i++) {
		name.n = 0;
		histogram_put_name(&name, h->by[i]);
		table_put_word(to, buf_str(&name), g->label[i]);
	}
	if (g->hist->real)
		buf_printf(to, " values=real");
	if (g->hist->full)
		buf_printf(to, " full=1");
	buf_printf(to, " count=%llu", (unsigned long long)g->hist->count);
	if (g->hist->nan > 0)
		buf_printf(to, " nan=%llu", (unsigned long long)g->hist->nan);
	histogram_moments(g->hist, is_hex(h), tsv_word, to);
	statistics(g->hist, is_hex(h), tsv_word, to);
	buf_char(to, '\n');
	buf_free(&name);
}

void
histogram_put_tsv(struct histogram *h, struct buf *to)
{
	put_head(h, "hist", to);
	for (size_t i = 0; i < h->groups; i++)
		put_group_line(h, &h->group[i], to);
	put_lost(h, to);
	put_by(h, to);
	buf_printf(to, "lo\thi\tcount\n");
	for (size_t i = 0; i < h->groups; i++) {
		struct hist_bin bin;
		size_t at = 0;

		while (hist_next(h->group[i].hist, &at, &bin)) {
			put_labels(h, &h->group[i], to);
			histogram_put_number(to, bin.lo, is_hex(h));
			buf_char(to, '\t');
			histogram_put_number(to, bin.hi, is_hex(h));
			buf_char(to, '\t');
			buf_u64(to, bin.count);
			buf_char(to, '\n');
		}
	}
}

static void
cell(void *context, const char *name, struct slice text)
{
	struct buf *to = context;

	(void)name;
	buf_char(to, '\t');
	buf_slice(to, text);
}

static void
column(void *context, const char *name, struct slice text)
{
	(void)text;
	buf_printf(context, "\t%s", name);
}

void
histogram_put_summary(struct histogram *h, struct buf *to)
{
	const struct hist none = { .scheme = h->scheme };

	put_head(h, "hist-summary", to);
	put_lost(h, to);
	put_by(h, to);
	buf_printf(to, "count\tnan\tmin\tmax");
	statistics(&none, false, column, to);
	buf_char(to, '\n');
	for (size_t i = 0; i < h->groups; i++) {
		const struct hist *g = h->group[i].hist;

		put_labels(h, &h->group[i], to);
		buf_printf(
		    to, "%llu\t%llu\t", (unsigned long long)g->count, (unsigned long long)g->nan);
		histogram_put_limit(to, g, false, is_hex(h));
		buf_char(to, '\t');
		histogram_put_limit(to, g, true, is_hex(h));
		statistics(g, is_hex(h), cell, to);
		buf_char(to, '\n');
	}
}

/* ---- JSON ---- */

/* The length of the UTF-8 sequence at s, 0 where there is none. */
static size_t
utf8_length(struct slice s)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);

	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	return n;
}

static void
json_string(struct buf *to, struct slice s)
{
	buf_char(to, '"');
	while (s.n > 0) {
		size_t n = utf8_length(s);
		unsigned char c = (unsigned char)s.p[0];

		if (n == 0)
			buf_printf(to, "\\udc%02x", c);
		else if (c == '"' || c == '\\')
			buf_printf(to, "\\%c", c);
		else if (c < ' ')
			buf_printf(to, "\\u%04x", c);
		else
			buf_put(to, s.p, n);
		n += n == 0;
		s = (struct slice){ s.p + n, s.n - n };
	}
	buf_char(to, '"');
}

/* JSON has neither nan nor infinities nor hex. */
static void
json_number(struct buf *to, struct slice text)
{
	if (text.n == 0 || slice_eq(text, SLICE("nan")))
		buf_printf(to, "null");
	else if (text.p[text.n - 1] == 'f')
		json_string(to, text);
	else
		buf_slice(to, text);
}

static void
json_member(void *context, const char *name, struct slice text)
{
	buf_printf(context, ",\"%s\":", name);
	json_number(context, text);
}

static void
json_bound(struct buf *to, double v)
{
	struct buf b = BUF_INIT;

	histogram_put_number(&b, v, false);
	json_number(to, buf_view(&b));
	buf_free(&b);
}

static void
json_list(struct buf *to, const char *name, const struct slice *item, unsigned n)
{
	buf_printf(to, "\"%s\":[", name);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_char(to, ',');
		json_string(to, item[i]);
	}
	buf_char(to, ']');
}

static void
json_scheme(struct buf *to, const struct hist_scheme *s)
{
	if (s->scale == HIST_LINEAR) {
		buf_printf(to, "\"scale\":\"linear\",\"min\":");
		json_bound(to, s->min);
		buf_printf(to, ",\"max\":");
		json_bound(to, s->max);
		buf_printf(to, ",\"bins\":%u", s->bins);
		return;
	}
	if (s->scale == HIST_LOG)
		buf_printf(to, "\"scale\":\"log\",\"bits\":%u", s->bits);
	else
		buf_printf(to, "\"scale\":\"log2\"");
	buf_printf(to, ",\"error\":");
	buf_f64(to, hist_error(s));
}

static void
json_group(struct buf *to, const struct histogram_group *g)
{
	struct hist_bin bin;
	size_t at = 0;
	bool first = true;

	buf_printf(to, "\"values\":\"%s\",", g->hist->real ? "real" : "int");
	if (g->hist->full)
		buf_printf(to, "\"full\":1,");
	buf_printf(to, "\"count\":%llu,\"nan\":%llu", (unsigned long long)g->hist->count,
	    (unsigned long long)g->hist->nan);
	histogram_moments(g->hist, false, json_member, to);
	statistics(g->hist, false, json_member, to);
	buf_printf(to, ",\"bins\":[");
	while (hist_next(g->hist, &at, &bin)) {
		buf_printf(to, first ? "\n  [" : ",\n  [");
		first = false;
		json_bound(to, bin.lo);
		buf_char(to, ',');
		json_bound(to, bin.hi);
		buf_printf(to, ",%llu]", (unsigned long long)bin.count);
	}
	buf_printf(to, "]}");
}

void
histogram_put_json(struct histogram *h, struct buf *to)
{
	buf_printf(to, "{\"kind\":\"hist\",\"key\":");
	json_string(to, h->key);
	buf_printf(to, ",\"unit\":");
	json_string(to, h->unit);
	buf_char(to, ',');
	json_scheme(to, &h->scheme);
	buf_char(to, ',');
	json_list(to, "by", h->by, h->bys);
	buf_printf(to, ",\n\"lost\":[");
	for (size_t i = 0; i < h->losses; i++) {
		buf_printf(
		    to, "%s{\"n\":%llu,\"why\":", i ? "," : "", (unsigned long long)h->loss[i].n);
		json_string(to, h->loss[i].why);
		buf_char(to, '}');
	}
	buf_printf(to, "],\"missing\":%llu,\"without\":%llu,\n\"groups\":[",
	    (unsigned long long)h->missing, (unsigned long long)h->without);
	for (size_t i = 0; i < h->groups; i++) {
		buf_printf(to, i ? ",\n {" : "\n {");
		json_list(to, "label", h->group[i].label, h->bys);
		buf_char(to, ',');
		json_group(to, &h->group[i]);
	}
	buf_printf(to, "]}\n");
}

/* ---- HdrHistogram's text ---- */

enum { TICKS = 5 };

static double
largest_in(const struct hist *h, const struct hist_bin *bin)
{
	double v = h->real ? bin->hi : ceil(bin->hi) - 1;

	return fmin(v, hist_max(h));
}

/* Each bin is told at the levels it reaches; the distance of levels halves with that to 100 %. */
static void
percentiles(const struct hist *h, struct buf *to)
{
	double level = 0, reached = 0;
	uint64_t seen = 0;
	struct hist_bin bin;
	size_t at = 0;

	buf_printf(
	    to, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
	while (hist_next(h, &at, &bin)) {
		double value = largest_in(h, &bin);

		seen += bin.count;
		reached = 100.0 * (double)seen / (double)h->count;
		while (seen < h->count && reached >= level) {
			buf_printf(to, "%12.3f %2.12f %10llu %14.2f\n", value, level / 100,
			    (unsigned long long)seen, 1 / (1 - level / 100));
			level += 100 / (TICKS * exp2(floor(log2(100 / (100 - level))) + 1));
		}
		if (seen == h->count) {
			/* As far as one value can tell. */
			while (level < 100 && 100 / (100 - level) <= (double)h->count) {
				buf_printf(to, "%12.3f %2.12f %10llu %14.2f\n", value, level / 100,
				    (unsigned long long)seen, 1 / (1 - level / 100));
				level += 100 / (TICKS * exp2(floor(log2(100 / (100 - level))) + 1));
			}
			buf_printf(
			    to, "%12.3f %2.12f %10llu\n", value, 1.0, (unsigned long long)seen);
		}
	}
	buf_printf(to, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
	    h->count ? hist_mean(h) : 0, h->count > 1 ? hist_stddev(h) : 0);
	buf_printf(to, "#[Max     = %12.3f, Total count    = %12llu]\n", h->count ? hist_max(h) : 0,
	    (unsigned long long)h->count);
	if (h->scheme.scale == HIST_LINEAR)
		buf_printf(to, "#[Buckets = %12u, SubBuckets     = %12u]\n", 1, h->scheme.bins);
	else
		buf_printf(
		    to, "#[Buckets = %12u, SubBuckets     = %12u]\n", 64 - h->bits, 2u << h->bits);
}

void
histogram_put_percentiles(struct histogram *h, struct buf *to)
{
	for (size_t i = 0; i < h->groups; i++) {
		if (h->bys > 0) {
			buf_printf(to, "%s#[Group", i ? "\n" : "");
			for (unsigned k = 0; k < h->bys; k++) {
				buf_char(to, ' ');
				table_put_cell(to, h->by[k]);
				buf_char(to, '=');
				table_put_cell(to, h->group[i].label[k]);
			}
			buf_printf(to, "]\n");
		}
		percentiles(h->group[i].hist, to);
	}
	for (size_t i = 0; i < h->losses; i++)
		buf_printf(to, "#[Lost    = %12llu, %.*s]\n", (unsigned long long)h->loss[i].n,
		    SLICE_ARG(h->loss[i].why));
}
