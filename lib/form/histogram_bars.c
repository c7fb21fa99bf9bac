#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "form/histogram_parts.h"

enum {
	ROWS_MAX = 40,
	GAP_MAX = 3, /* empty rows that are shown as such */
	LABEL_COLUMNS = 10,
	BAR_COLUMNS_MIN = 10
};

/* A row is a bin of fewer bits, or some linear bins together; rows of no value in between have numbers, too. */
struct row {
	int64_t number;
	double lo, hi;
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
	static const char *const sizes[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi" };
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

/* The number of the row of magnitude v >= 0 where each power of two is 2^bits rows; 0 is one of its own. */
static int64_t
magnitude_row(double v, int bits)
{
	int exponent;
	double mantissa;

	if (v <= 0)
		return 0;
	if (isinf(v))
		return INT64_MAX / 2;
	mantissa = frexp(v, &exponent);
	return ((int64_t)(exponent + 1100) << bits) + (int64_t)ldexp(2 * mantissa - 1, bits);
}

static double
magnitude_start(int64_t row, int bits)
{
	int64_t exponent = row >> bits, part = row & (((int64_t)1 << bits) - 1);

	if (row == 0)
		return 0;
	return ldexp(ldexp((double)part, -bits) + 1, (int)exponent - 1101);
}

/* Rows are numbered from the one at zero: 1 and up above it, -1 and down below. */
static struct row
log_row(const struct hist_bin *bin, int bits)
{
	struct row r = { .count = bin->count, .lo = bin->lo, .hi = bin->hi };
	int64_t origin = magnitude_row(0x1p-1074, bits), m;

	if (bin->lo < 0) {
		m = magnitude_row(-bin->hi, bits);
		r.number = m ? -(m - origin + 2) : -1;
		if (m) {
			r.lo = fmin(r.lo, -magnitude_start(m + 1, bits));
			r.hi = -magnitude_start(m, bits);
		}
	} else if (bin->lo > 0 && !isinf(bin->lo)) {
		m = magnitude_row(bin->lo, bits);
		r.number = m - origin + 1;
		r.lo = magnitude_start(m, bits);
		r.hi = fmax(r.hi, magnitude_start(m + 1, bits));
	} else {
		r.number = bin->lo > 0 ? INT64_MAX / 2 : 0;
	}
	return r;
}

static struct row
linear_row(const struct hist *h, const struct hist_bin *bin, uint32_t together)
{
	const struct hist_scheme *s = &h->scheme;
	struct row r = { .count = bin->count, .lo = bin->lo, .hi = bin->hi };
	double width = (s->max - s->min) / s->bins;
	int64_t i;

	if (bin->lo == -INFINITY || bin->hi == INFINITY) {
		r.number = bin->lo == -INFINITY ? -1 : INT64_MAX / 2;
		return r;
	}
	i = (int64_t)((bin->lo - s->min) / width + 0.5) / together;
	r.number = i;
	r.lo = s->min + width * (double)(i * together);
	r.hi = fmin(s->min + width * (double)((i + 1) * together), s->max);
	return r;
}

/* Joins the bins; returns how many lines that takes. */
static size_t
join(struct rows *rows, const struct hist *h, int detail)
{
	struct hist_bin bin;
	size_t at = 0, lines = 0;

	rows->n = 0;
	while (hist_next(h, &at, &bin)) {
		struct row r = h->scheme.scale == HIST_LINEAR
				   ? linear_row(h, &bin, (uint32_t)detail)
				   : log_row(&bin, detail);
		struct row *last = rows->n ? &rows->row[rows->n - 1] : NULL;

		if (last && last->number == r.number) {
			last->count += r.count;
			last->lo = fmin(last->lo, r.lo);
			last->hi = fmax(last->hi, r.hi);
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
put_rows(struct buf *to, const struct rows *rows, const struct histogram *h, uint64_t count,
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
		int64_t gap = i ? r->number - rows->row[i - 1].number - 1 : 0;

		if (gap > GAP_MAX)
			buf_printf(to, "%*s\n", LABEL_COLUMNS, "...");
		for (; gap > 0 && gap <= GAP_MAX; gap--)
			buf_printf(to, "%*s  %*s %11d\n", LABEL_COLUMNS, "", LABEL_COLUMNS, "", 0);
		sum += r->count;
		put_padded(to, r->lo, h->unit);
		buf_printf(to, "  ");
		put_padded(to, r->hi, h->unit);
		buf_printf(to, " %11llu %6.2f%% %6.2f%% ", (unsigned long long)r->count,
		    100 * (double)r->count / (double)count, 100 * (double)sum / (double)count);
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
	bool linear = h->scheme.scale == HIST_LINEAR;

	for (size_t i = 0; i < h->groups; i++) {
		const struct hist *g = h->group[i].hist;
		int detail = linear ? 1 : h->scheme.scale == HIST_LOG ? (int)h->scheme.bits : 0;

		if (i > 0)
			buf_char(to, '\n');
		put_title(to, h, &h->group[i]);
		if (linear)
			while (join(&rows, g, detail) > ROWS_MAX)
				detail++;
		else
			while (join(&rows, g, detail) > ROWS_MAX && detail > 0)
				detail--;
		put_rows(to, &rows, h, g->count, width, utf8);
		put_summary(to, h, g);
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
