#include <inttypes.h>
#include <math.h>

#include "plot/gnuplot.h"
#include "plot/gnuplot_axis.h"

struct step {
	double scale;
	const char *suffix;
};

static const struct step time_steps[] = { { 1, "ns" }, { 1e3, "\xc2\xb5s" }, { 1e6, "ms" },
	{ 1e9, "s" }, { 0, NULL } };
static const struct step byte_steps[] = { { 1, "B" }, { 1024, "KiB" }, { 1048576, "MiB" },
	{ 1073741824, "GiB" }, { 1099511627776, "TiB" }, { 0, NULL } };
/* What has no unit: a suffix of values, and what the label of an axis says. */
static const struct step plain_steps[] = { { 1, "" }, { 1e3, "k" }, { 1e6, "M" }, { 1e9, "G" },
	{ 1e12, "T" }, { 0, NULL } };
static const char *const plain_labels[] = { "",
	"\xc3\x97"
	"10\xc2\xb3",
	"\xc3\x97"
	"10\xe2\x81\xb6",
	"\xc3\x97"
	"10\xe2\x81\xb9",
	"\xc3\x97"
	"10\xc2\xb9\xc2\xb2" };

static const struct step *
steps(enum gnuplot_unit unit)
{
	return unit == GNUPLOT_NS ? time_steps : unit == GNUPLOT_BYTES ? byte_steps : plain_steps;
}

/* The largest step that is not above v. */
static unsigned
step_of(const struct step *s, double v)
{
	unsigned i = 0;

	while (s[i + 1].suffix && s[i + 1].scale <= v * (1 + 1e-12))
		i++;
	return i;
}

enum gnuplot_unit
gnuplot_unit_of_field(struct slice name)
{
	if (slice_eq(name, SLICE("t")) || slice_ends(name, SLICE("_ns")))
		return GNUPLOT_NS;
	if (slice_eq(name, SLICE("size")) || slice_ends(name, SLICE("_size")) ||
	    slice_ends(name, SLICE("_bytes")))
		return GNUPLOT_BYTES;
	if (slice_eq(name, SLICE("addr")) || slice_eq(name, SLICE("ip")))
		return GNUPLOT_ADDRESS;
	return GNUPLOT_NONE;
}

enum gnuplot_unit
gnuplot_unit(struct slice name)
{
	if (slice_eq(name, SLICE("ns")))
		return GNUPLOT_NS;
	if (slice_eq(name, SLICE("bytes")) || slice_eq(name, SLICE("B")))
		return GNUPLOT_BYTES;
	if (slice_eq(name, SLICE("addr")) || slice_eq(name, SLICE("address")))
		return GNUPLOT_ADDRESS;
	return GNUPLOT_NONE;
}

void
gnuplot_axis_add(struct gnuplot_axis *a, double v)
{
	if (!isfinite(v))
		return;
	if (a->lo > a->hi)
		a->lo = a->hi = v;
	else if (v < a->lo)
		a->lo = v;
	else if (v > a->hi)
		a->hi = v;
}

/* The ends as shown. */
static void
ends(const struct gnuplot_axis *a, double *lo, double *hi)
{
	*lo = a->has_min ? a->min : a->lo;
	*hi = a->has_max ? a->max : a->hi;
	if (!(*lo <= *hi)) {
		*lo = a->log ? 1 : 0;
		*hi = a->log ? 10 : 1;
	}
}

void
gnuplot_axis_settle(struct gnuplot_axis *a)
{
	const struct step *s = steps(a->unit);
	double lo, hi, size;
	unsigned i;

	ends(a, &lo, &hi);
	a->scale = 1;
	a->suffix = "";
	if (a->log || a->unit == GNUPLOT_ADDRESS)
		return;
	if (a->unit == GNUPLOT_SHARE) {
		a->scale = 0.01;
		a->suffix = "%";
		return;
	}
	size = fmax(fabs(lo), fabs(hi));
	/* 10,000 of something is a number that anybody reads. */
	i = a->unit == GNUPLOT_NONE && size < 20000 ? 0 : step_of(s, size);
	a->scale = s[i].scale;
	a->suffix = a->unit == GNUPLOT_NONE ? plain_labels[i] : s[i].suffix;
}

void
gnuplot_axis_number(struct buf *b, const struct gnuplot_axis *a, double v)
{
	gnuplot_number(b, v / a->scale);
}

void
gnuplot_value(struct buf *b, const struct gnuplot_axis *a, double v)
{
	const struct step *s = steps(a->unit);
	unsigned i;

	if (a->unit == GNUPLOT_ADDRESS) {
		/* Whole addresses: the base may be beyond 2^53. */
		__int128 all = (__int128)a->base + (__int128)v;

		buf_hex(b, all < 0 ? 0 : (uint64_t)all);
		return;
	}
	if (a->unit == GNUPLOT_SHARE) {
		if (v > 0 && v < 1e-3)
			buf_printf(b, "%g", v * 100);
		else
			buf_printf(b, "%.4g", v * 100);
		buf_slice(b, SLICE(" %"));
		return;
	}
	i = step_of(s, fabs(v));
	if (v != 0 && a->unit == GNUPLOT_NONE && (fabs(v) < 1e-3 || fabs(v) >= 1e15)) {
		buf_printf(b, "%.3g", v);
		return;
	}
	buf_printf(b, "%.4g%s%s", v / s[i].scale, s[i].suffix[0] ? " " : "", s[i].suffix);
}

static void
tick(struct buf *b, const struct gnuplot_axis *a, double v, bool major, const char **before)
{
	struct buf text = BUF_INIT;

	buf_slice(b, slice_of(*before));
	*before = ", ";
	if (major)
		gnuplot_value(&text, a, v);
	gnuplot_quote_tick(b, buf_view(&text), 0);
	buf_char(b, ' ');
	gnuplot_number(b, v / a->scale);
	buf_slice(b, major ? SLICE("") : SLICE(" 1"));
	buf_free(&text);
}

/* Powers of ten, all of them named or every second ...; over less than two decades 2 and 5, too. */
static void
decades(struct buf *b, const struct gnuplot_axis *a, double lo, double hi)
{
	double width = log10(hi / lo);
	int every = width > 24 ? (int)(width / 6) : width > 8 ? 3 : 1;
	const char *before = "";
	int from = (int)floor(log10(fmax(lo, 1e-300)) + 1e-9), to = (int)ceil(log10(hi) - 1e-9);

	for (int e = from; e <= to; e++)
		for (int m = 1; m < 10; m++) {
			double v = m * pow(10, e);
			bool major = m == 1 ? e % every == 0
					    : (width < 2 && (m == 2 || m == 5)) || width < 0.5;

			if (v < lo * (1 - 1e-9) || v > hi * (1 + 1e-9) ||
			    (m > 1 && every > 1 && width > 12))
				continue;
			tick(b, a, v, major, &before);
		}
}

static void
powers_of_two(struct buf *b, const struct gnuplot_axis *a, double lo, double hi)
{
	double width = log2(hi / lo);
	int every = width > 60   ? (int)(width / 6)
		    : width > 40 ? 10
		    : width > 20 ? 5
		    : width > 12 ? 3
		    : width > 6  ? 2
				 : 1;
	const char *before = "";

	for (int e = (int)floor(log2(fmax(lo, 0x1p-999)) + 1e-9); e <= (int)ceil(log2(hi) - 1e-9);
	     e++) {
		double v = ldexp(1, e);

		if (v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9))
			tick(b, a, v, e % every == 0, &before);
	}
}

double
gnuplot_axis_round(const struct gnuplot_axis *a, double v, double step)
{
	/* Whole below 2^63; above, what a double has. */
	double base =
	    step < 0x1p63 ? (double)(a->base % (uint64_t)step) : fmod((double)a->base, step);
	double over = fmod(base + fmod(v, step), step);

	return v - (over < 0 ? over + step : over);
}

/* About five round addresses. */
static void
addresses(struct buf *b, const struct gnuplot_axis *a, double lo, double hi)
{
	double step = 1, first;
	const char *before = "";

	while ((hi - lo) / step > 6 && step < 0x1p70)
		step *= 2;
	first = gnuplot_axis_round(a, lo, step);
	first += first < lo ? step : 0;
	for (int i = 0; i < 8 && first + i * step <= hi; i++)
		tick(b, a, first + i * step, true, &before);
}

static void
put_label(struct buf *b, const struct gnuplot_axis *a)
{
	struct buf label = BUF_INIT;

	buf_slice(&label, a->label);
	if (!a->plain && a->suffix[0])
		buf_printf(&label, label.n ? " (%s)" : "%s", a->suffix);
	buf_printf(b, "set %slabel ", a->name);
	gnuplot_quote(b, buf_view(&label), 0);
	buf_char(b, '\n');
	buf_free(&label);
}

static void
put_end(struct buf *b, const struct gnuplot_axis *a, bool fixed, double v)
{
	if (fixed)
		gnuplot_number(b, v / a->scale);
	else
		buf_char(b, '*');
}

void
gnuplot_axis_put(struct buf *b, const struct gnuplot_axis *a)
{
	double lo, hi;
	bool tight = a->tight || a->log || a->unit == GNUPLOT_ADDRESS;

	ends(a, &lo, &hi);
	if (lo == hi) { /* something to see */
		double margin = lo == 0 ? 1 : fabs(lo) * 0.1;

		lo = a->has_min ? lo : a->log ? lo / 2 : lo - margin;
		hi = a->has_max ? hi : a->log ? hi * 2 : hi + margin;
		tight = true;
	}
	put_label(b, a);
	if (a->log)
		buf_printf(b, "set logscale %s\n", a->name);
	buf_printf(b, "set %srange [", a->name);
	put_end(b, a, tight || a->has_min, lo);
	buf_char(b, ':');
	put_end(b, a, tight || a->has_max, hi);
	buf_slice(b, SLICE("]\n"));
	if (a->log || a->unit == GNUPLOT_ADDRESS) {
		buf_printf(b, "set %stics (", a->name);
		if (a->unit == GNUPLOT_ADDRESS)
			addresses(b, a, lo, hi);
		else if (a->unit == GNUPLOT_BYTES || a->base2)
			powers_of_two(b, a, lo, hi);
		else
			decades(b, a, lo, hi);
		buf_slice(b, SLICE(")\n"));
	} else {
		buf_printf(b, "set format %s '%%.6g'\n", a->name);
	}
}
