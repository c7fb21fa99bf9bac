/* plot_points.c - part of plot.h: lines and scatter */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "plot/plot_parts.h"

enum {
	GRID_X = 1200, /* places of points that can be told apart */
	GRID_Y = 800,
	THIN_FROM = 50000, /* points; fewer are drawn all */
	CROWD = 2000,      /* points of which marks are too small to have a shape */
	MARKS_MAX = 60     /* points of a line that are marked */
};

/* Beyond this, differences are infinite. */
static const double LARGEST = 1e300;

struct point {
	double x, y, lo, hi;
	size_t order; /* in the input */
	uint32_t series;
};

struct points {
	struct point *at;
	size_t n, cap;
	double hidden, infinite;
	bool intervals;
};

/* Times and addresses are kept as differences to their base: the axis counts from the first. */
static bool
is_relative(const struct plot_column *c, enum gnuplot_unit unit)
{
	return unit == GNUPLOT_ADDRESS || slice_eq(c->name, SLICE("t"));
}

static void
unit_of(struct plot *p, struct gnuplot_axis *a, const struct plot_table *t,
    const struct plot_column *c, struct slice name)
{
	a->unit = plot_unit(t, c);
	a->base = a->unit == GNUPLOT_ADDRESS ? (uint64_t)c->base->base : 0;
	plot_label(p, a, name);
}

static void
read_points(struct plot *p, struct points *ps)
{
	bool first = true;

	for (size_t i = 0; i < p->tables; i++) {
		const struct plot_table *t = p->table[i];
		const struct plot_column *x = plot_table_column(t, ROLE_X, 0), *y;
		const struct plot_column *lo = plot_table_column(t, ROLE_LO, 0);
		const struct plot_column *hi = plot_table_column(t, ROLE_HI, 0);
		bool one = plot_table_column(t, ROLE_Y, 1) == NULL;

		for (unsigned k = 0; x && (y = plot_table_column(t, ROLE_Y, k)); k++) {
			if (first) {
				unit_of(p, &p->x, t, x, x->name);
				unit_of(p, &p->y, t, y, plot_y_name(t, y));
				first = false;
			}
			for (size_t row = 0; row < t->rows; row++) {
				struct point q = { plot_value(x, row, is_relative(x, p->x.unit)),
					plot_value(y, row, is_relative(y, p->y.unit)), NAN, NAN,
					ps->n, 0 };

				/* Of several columns, some may be empty. */
				if (isnan(q.x) || isnan(q.y))
					continue;
				if (!(fabs(q.x) < LARGEST && fabs(q.y) < LARGEST)) {
					ps->infinite++;
					continue;
				}
				if (lo && hi && one) {
					q.lo = plot_value(lo, row, false);
					q.hi = plot_value(hi, row, false);
					ps->intervals |= isfinite(q.lo) && isfinite(q.hi);
				}
				q.series = (uint32_t)plot_series_of(p, i, row, k);
				GROW(ps->at, ps->cap, ps->n);
				ps->at[ps->n++] = q;
			}
		}
	}
}

/* A t counts from the first one in the figure. */
static void
from_start(struct plot *p, struct points *ps, bool vertical)
{
	double least = INFINITY;

	for (size_t i = 0; i < ps->n; i++)
		least = fmin(least, vertical ? ps->at[i].y : ps->at[i].x);
	for (size_t i = 0; i < ps->n; i++)
		*(vertical ? &ps->at[i].y : &ps->at[i].x) -= least;
	(void)p;
}

/* 1 2 4 8 16 ...: threads, sizes. */
static bool
are_powers_of_two(const struct points *ps)
{
	double least = INFINITY, largest = 0;
	int exponent;

	for (size_t i = 0; i < ps->n; i++) {
		if (ps->at[i].x < 1 || frexp(ps->at[i].x, &exponent) != 0.5)
			return false;
		least = fmin(least, ps->at[i].x);
		largest = fmax(largest, ps->at[i].x);
	}
	return largest / least >= 8;
}

static bool
wants_log(enum plot_log asked, const struct points *ps, bool vertical, bool automatic)
{
	double lo = INFINITY, hi = 0;

	if (asked != PLOT_LOG_AUTO)
		return asked == PLOT_LOG_YES;
	for (size_t i = 0; i < ps->n && automatic; i++) {
		double v = vertical ? ps->at[i].y : ps->at[i].x;

		if (v <= 0)
			return false;
		lo = fmin(lo, v);
		hi = fmax(hi, v);
	}
	return automatic && hi / lo >= 1000;
}

/* Takes out what a logarithmic axis cannot show, and measures the rest. */
static void
measure(struct plot *p, struct points *ps)
{
	size_t kept = 0;

	for (size_t i = 0; i < ps->n; i++) {
		struct point q = ps->at[i];

		if ((p->x.log && q.x <= 0) || (p->y.log && q.y <= 0)) {
			ps->hidden++;
			continue;
		}
		gnuplot_axis_add(&p->x, q.x);
		gnuplot_axis_add(&p->y, q.y);
		if (!p->y.log || q.lo > 0)
			gnuplot_axis_add(&p->y, q.lo);
		gnuplot_axis_add(&p->y, q.hi);
		ps->at[kept++] = q;
	}
	ps->n = kept;
}

static double
share(const struct gnuplot_axis *a, double v)
{
	double lo = a->has_min ? a->min : a->lo, hi = a->has_max ? a->max : a->hi;

	if (a->log)
		return log(v / lo) / log(hi / lo);
	return hi > lo ? (v - lo) / (hi - lo) : 0;
}

/* Of several points of a series in one place, finer than print, the first stays. */
static void
thin(struct plot *p, struct points *ps)
{
	size_t plane = (size_t)GRID_X * GRID_Y, kept = 0, all = ps->n;
	uint8_t *seen;
	struct buf b = BUF_INIT;

	if (ps->n < THIN_FROM || p->series_n * plane > (size_t)1 << 33)
		return;
	seen = xcalloc(p->series_n * plane / 8 + 1, 1);
	for (size_t i = 0; i < ps->n; i++) {
		double x = share(&p->x, ps->at[i].x), y = share(&p->y, ps->at[i].y);
		size_t place;

		if (x >= 0 && x <= 1 && y >= 0 && y <= 1) {
			place = ps->at[i].series * plane + (size_t)(y * (GRID_Y - 1)) * GRID_X +
				(size_t)(x * (GRID_X - 1));
			if (seen[place / 8] >> place % 8 & 1)
				continue;
			seen[place / 8] = (uint8_t)(seen[place / 8] | 1 << place % 8);
		}
		ps->at[kept++] = ps->at[i];
	}
	free(seen);
	ps->n = kept;
	if (kept < all) {
		buf_slice(&p->head, SLICE("# "));
		plot_put_count(&p->head, (double)all);
		buf_slice(&p->head, SLICE(" points, those at one place drawn once: "));
		plot_put_count(&p->head, (double)kept);
		buf_char(&p->head, '\n');
		plot_put_count(&b, (double)all);
		plot_note(p, "%s points; marks may stand for several", buf_str(&b));
	}
	buf_free(&b);
}

static int
by_x(const void *pa, const void *pb)
{
	const struct point *a = pa, *b = pb;

	if (a->x != b->x)
		return a->x < b->x ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Orders points by series, stable, in linear time. */
static void
group(struct points *ps, size_t series, size_t *start)
{
	struct point *to = xcalloc(ps->n + 1, sizeof *to);
	size_t *at = xcalloc(series + 1, sizeof *at), sum = 0;

	for (size_t i = 0; i < ps->n; i++)
		at[ps->at[i].series]++;
	for (size_t s = 0; s < series; s++) {
		size_t n = at[s];

		start[s] = at[s] = sum;
		sum += n;
	}
	start[series] = sum;
	for (size_t i = 0; i < ps->n; i++)
		to[at[ps->at[i].series]++] = ps->at[i];
	free(at);
	free(ps->at);
	ps->at = to;
}

static void
put_points(struct plot *p, const struct points *ps, size_t s, size_t from, size_t to)
{
	buf_printf(&p->data, "$d%zu << EOD\n", s);
	for (size_t i = from; i < to; i++) {
		const struct point *q = &ps->at[i];

		gnuplot_axis_number(&p->data, &p->x, q->x);
		buf_char(&p->data, ' ');
		gnuplot_axis_number(&p->data, &p->y, q->y);
		if (ps->intervals) {
			buf_char(&p->data, ' ');
			gnuplot_axis_number(&p->data, &p->y, q->lo);
			buf_char(&p->data, ' ');
			gnuplot_axis_number(&p->data, &p->y, q->hi);
		}
		buf_char(&p->data, '\n');
	}
	buf_slice(&p->data, SLICE("EOD\n"));
}

/* Of points in rising x, what a line through all of them shows in columns finer than print: the first, the least, the
 * largest and the last of each column. */
static size_t
outline(const struct plot *p, struct point *q, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n;) {
		double column = floor(share(&p->x, q[i].x) * 2 * GRID_X);
		size_t end = i, least = i, largest = i, order[4];

		for (; end < n && floor(share(&p->x, q[end].x) * 2 * GRID_X) == column; end++) {
			least = q[end].y < q[least].y ? end : least;
			largest = q[end].y > q[largest].y ? end : largest;
		}
		order[0] = i;
		order[1] = least < largest ? least : largest;
		order[2] = least < largest ? largest : least;
		order[3] = end - 1;
		for (int k = 0; k < 4; k++)
			if (k == 0 || order[k] != order[k - 1])
				q[kept++] = q[order[k]];
		i = end;
	}
	return kept;
}

static void
draw_line(struct plot *p, const struct points *ps, size_t s, size_t n)
{
	struct buf *b;

	if (ps->intervals) {
		b = plot_next(p);
		buf_printf(b,
		    "$d%zu using 1:3:(0):($4-$3) with vectors heads size graph 0.006,90 lw 0.9 lc "
		    "rgb '%s'",
		    s, gnuplot_colour(s));
	}
	b = plot_next(p);
	if (n <= MARKS_MAX)
		buf_printf(b,
		    "$d%zu using 1:2 with linespoints lw 1.5 dt %u pt %u ps 0.8 lc rgb '%s' title ",
		    s, gnuplot_dash(s), gnuplot_mark(s), gnuplot_colour(s));
	else
		buf_printf(b, "$d%zu using 1:2 with lines lw 1.5 dt %u lc rgb '%s' title ", s,
		    gnuplot_dash(s), gnuplot_colour(s));
	gnuplot_quote(b, p->series[s].name, p->name_max);
}

static void
draw_marks(struct plot *p, size_t s, double size)
{
	struct buf *b = plot_next(p);

	buf_printf(b, "$d%zu using 1:2 with points pt %u ps %g lc rgb '%s' title ", s,
	    gnuplot_mark(s), size, gnuplot_colour(s));
	gnuplot_quote(b, p->series[s].name, p->name_max);
}

/* So many points that they lie on each other: in the order of the input, so that no series hides the others. */
static void
draw_crowd(struct plot *p, const struct points *ps)
{
	struct buf *b;

	buf_slice(&p->data, SLICE("$d << EOD\n"));
	for (size_t i = 0; i < ps->n; i++) {
		const char *colour = gnuplot_colour(ps->at[i].series);

		gnuplot_axis_number(&p->data, &p->x, ps->at[i].x);
		buf_char(&p->data, ' ');
		gnuplot_axis_number(&p->data, &p->y, ps->at[i].y);
		if (p->series_n > 1)
			buf_printf(&p->data, " %ld", strtol(colour + 1, NULL, 16));
		buf_char(&p->data, '\n');
	}
	buf_slice(&p->data, SLICE("EOD\n"));
	b = plot_next(p);
	buf_printf(b, "$d using %s with points pt 7 ps %g lc rgb %s",
	    p->series_n > 1 ? "1:2:3" : "1:2", ps->n > 20000 ? 0.15 : 0.3,
	    p->series_n > 1 ? "variable" : "'#0072B2'");
	/* Points that small cannot be told apart in a legend. */
	for (size_t s = 0; s < p->series_n && p->series[s].name.n > 0; s++) {
		b = plot_next(p);
		buf_printf(
		    b, "keyentry with points pt 7 ps 1 lc rgb '%s' title ", gnuplot_colour(s));
		gnuplot_quote(b, p->series[s].name, p->name_max);
	}
}

/* About so many characters have the labels of an axis that is settled. */
static size_t
label_length(const struct gnuplot_axis *a)
{
	double most = fmax(fabs(a->lo), fabs(a->hi)) / a->scale;

	if (a->unit == GNUPLOT_ADDRESS)
		return 14; /* 0x7fffffffffff */
	if (a->log)
		return a->unit == GNUPLOT_NONE ? 5 : 7; /* 100 ms, 512 KiB */
	return (a->lo < 0) + (most >= 1e6 ? 5 : most >= 1000 ? (size_t)log10(most) + 1 : 3);
}

int
plot_points(struct plot *p, struct error *e)
{
	struct points ps = { 0 };
	bool lines = p->o.kind == PLOT_LINES;
	size_t *start;
	struct buf count = BUF_INIT;

	read_points(p, &ps);
	if (ps.infinite > 0) {
		plot_put_count(&count, ps.infinite);
		plot_note(p, "%s points are infinite", buf_str(&count));
		buf_free(&count);
		count = BUF_INIT;
	}
	if (ps.n == 0)
		return 0;
	if (p->tables > 0 && plot_table_column(p->table[0], ROLE_X, 0)) {
		const struct plot_column *y = plot_table_column(p->table[0], ROLE_Y, 0);

		if (slice_eq(plot_table_column(p->table[0], ROLE_X, 0)->name, SLICE("t")))
			from_start(p, &ps, false);
		if (y && slice_eq(y->name, SLICE("t")))
			from_start(p, &ps, true);
	}
	p->x.base2 = lines && are_powers_of_two(&ps);
	p->x.log =
	    wants_log(p->o.log_x, &ps, false, false) || (p->x.base2 && p->o.log_x == PLOT_LOG_AUTO);
	p->y.log = wants_log(p->o.log_y, &ps, true, p->y.unit == GNUPLOT_NS);
	measure(p, &ps);
	p->x.tight = p->x.unit == GNUPLOT_NS || ps.n > MARKS_MAX;
	if (ps.hidden > 0) {
		plot_put_count(&count, ps.hidden);
		plot_note(
		    p, "%s points at 0 or below are not on the logarithmic axis", buf_str(&count));
	}
	buf_free(&count);
	if (ps.n == 0)
		return 0;
	if (p->y.log) {
		p->y.lo /= 1.2;
		p->y.hi *= 1.2;
	}
	if (plot_range(p, &p->x, &p->o.x_range, "--x-range", e) < 0 ||
	    plot_range(p, &p->y, &p->o.y_range, "--y-range", e) < 0)
		return -1;
	gnuplot_axis_settle(&p->x);
	gnuplot_axis_settle(&p->y);
	if (!lines)
		thin(p, &ps);
	plot_key_room(p, label_length(&p->y));
	plot_key(p, p->series_n);
	gnuplot_axis_put(&p->head, &p->x);
	gnuplot_axis_put(&p->head, &p->y);
	if (!lines && ps.n > CROWD) {
		draw_crowd(p, &ps);
		free(ps.at);
		return 0;
	}
	start = xcalloc(p->series_n + 1, sizeof *start);
	group(&ps, p->series_n, start);
	for (size_t s = 0; s < p->series_n; s++) {
		size_t n = start[s + 1] - start[s];

		if (n == 0)
			continue;
		if (lines)
			qsort(ps.at + start[s], n, sizeof *ps.at, by_x);
		if (lines && !ps.intervals && n > 16 * GRID_X)
			n = outline(p, ps.at + start[s], n);
		put_points(p, &ps, s, start[s], start[s] + n);
		if (lines)
			draw_line(p, &ps, s, n);
		else
			draw_marks(p, s, ps.n > 200 ? 0.5 : 0.9);
	}
	free(start);
	free(ps.at);
	return 0;
}
