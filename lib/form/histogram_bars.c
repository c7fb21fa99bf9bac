#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "form/histogram_parts.h"

enum {
	ROWS_MAX = 40,
	GAP_MAX = 3, /* empty rows that are shown as such */
	LABEL_COLUMNS = 10,
	BAR_COLUMNS_MIN = 10,
	LEAST_EXPONENT = 1100 /* of any double, and more */
};

/* A row is a bin of fewer bits, or some linear bins together; rows of no value in between have numbers, too. */
struct row {
	int64_t number;
	uint64_t count;
};

struct rows {
	struct row *row;
	size_t n, cap;
};

/* ---- numbers with units ---- */

static void
put_scaled(struct buf *b, double v, struct slice unit)
{
	static const char *const times[] = { "ns", "us", "ms", "s" };
	static const char *const sizes[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	static const char *const plain[] = { "", "k", "M", "G", "T", "P" };
	const char *const *name = plain;
	unsigned i = 0, last = 5;
	double step = 1000;

	if (!isfinite(v)) {
		buf_f64(b, v);
		return;
	}
	if (slice_eq(unit, SLICE("addr")) && v >= 0) {
		histogram_put_number(b, v, true);
		return;
	}
	if (slice_eq(unit, SLICE("ns"))) {
		name = times;
		last = 3;
	} else if (slice_eq(unit, SLICE("bytes"))) {
		name = sizes;
		step = 1024;
	} else if (fabs(v) < 100000) {
		buf_printf(b, "%.5g", v);
		return;
	}
	for (; i < last && fabs(v) >= step; i++)
		v /= step;
	buf_printf(b, v == floor(v) && fabs(v) < 1e5 ? "%.0f%s" : "%.4g%s", v, name[i]);
}

static void
put_padded(struct buf *b, double v, struct slice unit)
{
	struct buf s = BUF_INIT;

	put_scaled(&s, v, unit);
	buf_printf(b, "%*.*s", LABEL_COLUMNS, SLICE_ARG(buf_view(&s)));
	buf_free(&s);
}

/* ---- rows ---- */

/* How bins are joined: bits of a power of two, or how many linear bins. */
struct view {
	const struct hist *h;
	int detail;
};

static const int64_t FAR = INT64_MAX / 2;

/* The number of the row of magnitude v where each power of two is 2^bits rows: ints below have one each. */
static int64_t
magnitude_row(const struct view *view, double v)
{
	int exponent, bits = view->detail;
	double mantissa;

	if (isinf(v))
		return FAR;
	if (v <= 0)
		return 0;
	if (!view->h->real && v < ldexp(1, bits))
		return (int64_t)v;
	mantissa = frexp(v, &exponent);
	exponent += view->h->real ? LEAST_EXPONENT : -bits;
	return ((int64_t)exponent << bits) + (int64_t)ldexp(2 * mantissa - 1, bits);
}

static double
magnitude_start(const struct view *view, int64_t row)
{
	int bits = view->detail;
	int64_t exponent = row >> bits, part = row & (((int64_t)1 << bits) - 1);

	if (row >= FAR)
		return INFINITY;
	if (row == 0 || (!view->h->real && row >> bits == 0))
		return (double)row;
	exponent -= view->h->real ? LEAST_EXPONENT : -bits;
	return ldexp(ldexp((double)part, -bits) + 1, (int)exponent - 1);
}

/* Rows are numbered from the one at zero up, and from -1 down below it. */
static int64_t
row_of(const struct view *view, const struct hist_bin *bin)
{
	const struct hist_scheme *s = &view->h->scheme;

	if (s->scale != HIST_LINEAR)
		return bin->lo < 0 ? -1 - magnitude_row(view, -bin->hi)
				   : magnitude_row(view, bin->lo);
	if (bin->lo == -INFINITY)
		return -1;
	if (bin->hi == INFINITY)
		return (s->bins + view->detail - 1) / view->detail;
	return (int64_t)((bin->lo - s->min) * s->bins / (s->max - s->min) + 0.5) / view->detail;
}

static void
limits(const struct view *view, int64_t row, double *lo, double *hi)
{
	const struct hist_scheme *s = &view->h->scheme;
	double width = (s->max - s->min) / s->bins * view->detail;

	if (s->scale == HIST_LINEAR) {
		*lo = row < 0 ? -INFINITY : fmin(s->min + width * (double)row, s->max);
		*hi = *lo == s->max ? INFINITY : fmin(s->min + width * (double)(row + 1), s->max);
	} else if (row >= 0) {
		*lo = magnitude_start(view, row);
		*hi = magnitude_start(view, row + 1);
	} else {
		*lo = -magnitude_start(view, -row);
		*hi = 0 - magnitude_start(view, -1 - row);
	}
}

/* Joins the bins; returns how many lines that takes. */
static size_t
join(struct rows *rows, const struct view *view)
{
	struct hist_bin bin;
	size_t at = 0, lines = 0;

	rows->n = 0;
	while (hist_next(view->h, &at, &bin)) {
		struct row r = { row_of(view, &bin), bin.count };
		struct row *last = rows->n ? &rows->row[rows->n - 1] : NULL;

		if (last && last->number == r.number) {
			last->count += r.count;
			continue;
		}
		if (last)
			lines += r.number - last->number - 1 > GAP_MAX
				     ? 1
				     : (size_t)(r.number - last->number - 1);
		GROW(rows->row, rows->cap, rows->n);
		rows->row[rows->n++] = r;
		lines++;
	}
	return lines;
}

/* ---- bars ---- */

static void
put_bar(struct buf *to, double share, unsigned columns, bool utf8)
{
	unsigned eighths = (unsigned)ceil(share * columns * 8 - 1e-9);

	for (; eighths >= 8; eighths -= 8)
		buf_printf(to, utf8 ? "\xe2\x96\x88" : "#");
	if (eighths > 0) {
		/* U+2588 is full, U+258F one eighth. */
		if (utf8)
			buf_printf(to, "\xe2\x96%c", (char)(0x90 - eighths));
		else
			buf_char(to, eighths >= 4 ? '#' : '.');
	}
	buf_char(to, '\n');
}

static void
put_row(
    struct buf *to, const struct view *view, const struct row *r, struct slice unit, uint64_t sum)
{
	double lo, hi, all = (double)view->h->count;

	limits(view, r->number, &lo, &hi);
	put_padded(to, lo, unit);
	buf_printf(to, "  ");
	put_padded(to, hi, unit);
	buf_printf(to, " %11llu %6.2f%% %6.2f%% ", (unsigned long long)r->count,
	    100 * (double)r->count / all, 100 * (double)sum / all);
}

static void
put_rows(struct buf *to, const struct rows *rows, const struct view *view, struct slice unit,
    unsigned width, bool utf8)
{
	/* lo hi count share sum */
	unsigned before = 2 * LABEL_COLUMNS + 2 + 12 + 8 + 8 + 1;
	unsigned columns = width > before + BAR_COLUMNS_MIN ? width - before - 1 : BAR_COLUMNS_MIN;
	uint64_t most = 1, sum = 0;

	for (size_t i = 0; i < rows->n; i++)
		most = rows->row[i].count > most ? rows->row[i].count : most;
	buf_printf(to, "%*s  %*s %11s %7s %7s\n", LABEL_COLUMNS, "lo", LABEL_COLUMNS, "hi", "count",
	    "share", "sum");
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->row[i];
		struct row empty = { i ? rows->row[i - 1].number + 1 : r->number, 0 };

		if (r->number - empty.number > GAP_MAX)
			buf_printf(to, "%*s\n", LABEL_COLUMNS, "...");
		else
			for (; empty.number < r->number; empty.number++) {
				put_row(to, view, &empty, unit, sum);
				to->p[to->n - 1] = '\n';
			}
		sum += r->count;
		put_row(to, view, r, unit, sum);
		put_bar(to, (double)r->count / (double)most, columns, utf8);
	}
}

static void
put_named(struct buf *to, const char *name, double v, struct slice unit)
{
	buf_printf(to, "%s%s ", to->n && to->p[to->n - 1] != '\n' ? "  " : "", name);
	if (isnan(v))
		buf_char(to, '-');
	else
		put_scaled(to, v, unit);
}

static void
put_summary(struct buf *to, const struct histogram *h, const struct hist *g)
{
	double lo, hi;

	buf_printf(to, "count %llu", (unsigned long long)g->count);
	if (g->nan > 0)
		buf_printf(to, "  nan %llu", (unsigned long long)g->nan);
	put_named(to, "min", hist_min(g), h->unit);
	put_named(to, "mean", hist_mean(g), h->unit);
	put_named(to, "stddev", hist_stddev(g), h->unit);
	put_named(to, "max", hist_max(g), h->unit);
	buf_char(to, '\n');
	for (unsigned i = 0; i < HISTOGRAM_QUANTILES; i++) {
		put_named(to, histogram_quantile_name[i], hist_quantile(g, histogram_quantile[i]),
		    h->unit);
		if (i > 0)
			continue;
		hist_quantile_interval(g, 0.5, 0.95, &lo, &hi);
		if (isnan(lo))
			continue;
		buf_printf(to, " (95%% ");
		put_scaled(to, g->real ? lo : ceil(lo), h->unit);
		buf_printf(to, "..");
		put_scaled(to, hi, h->unit);
		buf_char(to, ')');
	}
	buf_char(to, '\n');
}

static void
put_title(struct buf *to, const struct histogram *h, const struct histogram_group *g)
{
	for (unsigned i = 0; i < h->bys; i++) {
		buf_printf(to, "%s%.*s=", i ? " " : "", SLICE_ARG(h->by[i]));
		for (size_t k = 0; k < g->label[i].n; k++) {
			char c = g->label[i].p[k];

			/* A terminal must not be told what to do. */
			buf_char(to, (unsigned char)c < ' ' || c == 127 ? '?' : c);
		}
	}
	if (h->bys > 0)
		buf_char(to, '\n');
}

void
histogram_put_bars(struct histogram *h, unsigned width, bool utf8, struct buf *to)
{
	struct rows rows = { 0 };

	for (size_t i = 0; i < h->groups; i++) {
		struct view view = { h->group[i].hist, (int)h->scheme.bits };

		if (i > 0)
			buf_char(to, '\n');
		put_title(to, h, &h->group[i]);
		if (h->scheme.scale == HIST_LINEAR) {
			view.detail = 1;
			while (join(&rows, &view) > ROWS_MAX)
				view.detail += 1 + view.detail / 4;
		} else {
			while (join(&rows, &view) > ROWS_MAX && view.detail > 0)
				view.detail--;
		}
		put_rows(to, &rows, &view, h->unit, width, utf8);
		put_summary(to, h, view.h);
	}
	for (size_t i = 0; i < h->losses; i++)
		buf_printf(to, "lost %llu %.*s\n", (unsigned long long)h->loss[i].n,
		    SLICE_ARG(h->loss[i].why));
	if (h->missing > 0)
		buf_printf(to, "missing %llu\n", (unsigned long long)h->missing);
	if (h->without > 0)
		buf_printf(to, "without the field %llu\n", (unsigned long long)h->without);
	free(rows.row);
}
