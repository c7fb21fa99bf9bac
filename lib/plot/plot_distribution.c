/* plot_distribution.c - part of plot.h: hist, cdf, percentiles, box, violin */
#include <math.h>
#include <stdlib.h>

#include "plot/plot_parts.h"

enum {
	CELLS_MAX = 240,      /* bins of the source are drawn as they are up to here */
	STEPS = 2000,         /* points of a curve, about: a printer's resolution */
	DENSITY_POINTS = 200, /* of half a violin */
	OUTLIERS = 400        /* different marks of a box */
};

/* Beyond this, differences are infinite. */
static const double LARGEST = 1e300;

struct sample {
	struct density_bin *bin;
	size_t n, cap;
	double total, below, above; /* those whose bin has no end are not in bin[] */
	bool exact;
};

struct distribution {
	struct plot *p;
	struct sample *sample; /* of each series */
	size_t n;
	struct gnuplot_axis *axis; /* of the values */
	bool exact;                /* all are values, not bins */
	double hidden;             /* values that a logarithmic axis cannot show */
	size_t wrong;              /* rows that are no bins */
};

/* ---- reading ---- */

static void
add(struct sample *s, double lo, double hi, double n)
{
	s->total += n;
	if (lo < -LARGEST || hi > LARGEST) {
		*(lo < -LARGEST ? &s->below : &s->above) += n;
		return;
	}
	/* Neighbours that are equal need not wait for the sort. */
	if (s->n > 0 && s->bin[s->n - 1].lo == lo && s->bin[s->n - 1].hi == hi) {
		s->bin[s->n - 1].n += n;
		return;
	}
	GROW(s->bin, s->cap, s->n);
	s->bin[s->n++] = (struct density_bin){ lo, hi, n };
}

static void
read_table(struct distribution *d, size_t table, size_t *cap)
{
	struct plot *p = d->p;
	const struct plot_table *t = p->table[table];
	const struct plot_column *x = plot_table_column(t, ROLE_X, 0);
	const struct plot_column *lo = plot_table_column(t, ROLE_LO, 0);
	const struct plot_column *hi = plot_table_column(t, ROLE_HI, 0);
	const struct plot_column *count = plot_table_column(t, ROLE_COUNT, 0);
	bool grouped = plot_table_column(t, ROLE_GROUP, 0) != NULL;
	size_t series = 0;

	for (size_t row = 0; row < t->rows; row++) {
		double a, b, n;

		if (grouped || row == 0)
			series = plot_series_of(p, table, row, 0);
		while (d->n <= series) {
			GROW(d->sample, *cap, d->n);
			d->sample[d->n++] = (struct sample){ .exact = true };
		}
		a = plot_value(x ? x : lo, row, false);
		b = x ? a : plot_value(hi, row, false);
		n = x ? 1 : plot_value(count, row, false);
		/* More than all that can be counted is no count. */
		if (n > 0 && n < 0x1p64 && a <= b)
			add(&d->sample[series], a, b, n);
		else
			d->wrong += n != 0;
		d->sample[series].exact &= x != NULL;
		d->exact &= x != NULL;
	}
}

static void
read_all(struct distribution *d)
{
	struct plot *p = d->p;
	size_t cap = 0;

	d->exact = true;
	for (size_t i = 0; i < p->tables; i++) {
		const struct plot_table *t = p->table[i];
		const struct plot_column *x = plot_table_column(t, ROLE_X, 0);
		struct slice name = x ? x->name : SLICE(""), unit = SLICE("");

		if (x == NULL && t->source && t->source->columns > 0) {
			name = table_word(t->source, SLICE("key"));
			unit = table_word(t->source, SLICE("unit"));
		}
		if (d->axis->label.n == 0) {
			d->axis->unit = unit.n ? gnuplot_unit(unit) : gnuplot_unit_of_field(name);
			plot_label(p, d->axis, name);
		}
		if (x && x->base->hex)
			d->axis->unit = GNUPLOT_ADDRESS;
		read_table(d, i, &cap);
	}
	for (size_t i = 0; i < d->n; i++) {
		struct sample *s = &d->sample[i];

		s->n = density_sort(s->bin, s->n);
		if (s->n > 0) {
			gnuplot_axis_add(d->axis, s->bin[0].lo);
			gnuplot_axis_add(d->axis, s->bin[s->n - 1].hi);
		}
	}
}

static double
smallest_positive(const struct distribution *d)
{
	double smallest = INFINITY;

	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->sample[i].n; k++) {
			const struct density_bin *b = &d->sample[i].bin[k];
			double v = b->lo > 0 ? b->lo : b->lo == 0 && b->hi > 1 ? b->hi / 2 : 0;

			if (v > 0) {
				smallest = fmin(smallest, v);
				break;
			}
		}
	return smallest;
}

/* Decides for a logarithmic axis where the values span so much, and takes out what has no place on it; false where nothing
 * is left. */
static bool
settle_scale(struct distribution *d, enum plot_log asked, double ratio)
{
	double low = smallest_positive(d);

	d->axis->log =
	    asked == PLOT_LOG_YES || (asked == PLOT_LOG_AUTO && d->axis->unit != GNUPLOT_ADDRESS &&
					 d->axis->lo >= 0 && d->axis->hi / low >= ratio);
	if (!d->axis->log)
		return true;
	for (size_t i = 0; i < d->n; i++) {
		struct sample *s = &d->sample[i];
		size_t kept = 0;

		for (size_t k = 0; k < s->n; k++) {
			struct density_bin b = s->bin[k];

			/* The bin from 0 to 1 has values on the axis if it has a fraction at all. */
			if (b.lo == 0 && b.hi > 1)
				b.lo = fmin(low, b.hi / 2);
			if (b.lo <= 0)
				d->hidden += b.n;
			else
				s->bin[kept++] = b;
		}
		s->n = kept;
	}
	d->axis->lo = isfinite(low) ? low : 1;
	return isfinite(low);
}

static void
note_hidden(struct distribution *d)
{
	struct buf b = BUF_INIT;
	double below = 0, above = 0;

	if (d->hidden > 0) {
		plot_put_count(&b, d->hidden);
		plot_note(
		    d->p, "%s values of 0 or less are not on the logarithmic axis", buf_str(&b));
	}
	if (d->wrong > 0)
		plot_note(d->p, "%zu rows are no bins", d->wrong);
	for (size_t i = 0; i < d->n; i++) {
		below += d->sample[i].below;
		above += d->sample[i].above;
	}
	for (int i = 0; i < 2; i++) {
		double n = i ? above : below;

		b.n = 0;
		plot_put_count(&b, n);
		if (n > 0)
			plot_note(d->p, "%s values %s all that is shown", buf_str(&b),
			    i ? "above" : "below");
	}
	buf_free(&b);
}

/* ---- curves ---- */

struct curve {
	struct plot *p;
	const struct gnuplot_axis *x, *y;
	double last_x, last_y; /* in shares of the axes */
	double x_lo, x_width, y_lo, y_width;
	bool any;
};

static double
on_axis(const struct gnuplot_axis *a, double v)
{
	return a->log ? log10(v) : v;
}

static struct curve
curve_begin(struct plot *p, size_t i)
{
	struct curve c = { .p = p, .x = &p->x, .y = &p->y };

	c.x_lo = on_axis(&p->x, p->x.lo);
	c.x_width = on_axis(&p->x, p->x.hi) - c.x_lo;
	c.y_lo = on_axis(&p->y, p->y.lo);
	c.y_width = on_axis(&p->y, p->y.hi) - c.y_lo;
	buf_printf(&p->data, "$d%zu << EOD\n", i);
	return c;
}

/* Points nearer to the last one than anybody can see are left out, but `must`. */
static void
curve_point(struct curve *c, double x, double y, bool must)
{
	double rx = (on_axis(c->x, x) - c->x_lo) / (c->x_width > 0 ? c->x_width : 1);
	double ry = (on_axis(c->y, y) - c->y_lo) / (c->y_width > 0 ? c->y_width : 1);

	if (!must && c->any && fabs(rx - c->last_x) < 1.0 / STEPS &&
	    fabs(ry - c->last_y) < 1.0 / STEPS)
		return;
	gnuplot_axis_number(&c->p->data, c->x, x);
	buf_char(&c->p->data, ' ');
	gnuplot_axis_number(&c->p->data, c->y, y);
	buf_char(&c->p->data, '\n');
	c->last_x = rx;
	c->last_y = ry;
	c->any = true;
}

static void
curve_end(struct curve *c, size_t i)
{
	struct plot *p = c->p;
	struct buf *b;

	buf_slice(&p->data, SLICE("EOD\n"));
	if (!c->any)
		return;
	b = plot_next(p);
	buf_printf(
	    b, "$d%zu with lines lw 1.6 dt %u lc rgb '%s'", i, gnuplot_dash(i), gnuplot_colour(i));
	buf_slice(b, SLICE(" title "));
	gnuplot_quote(b, p->series[i].name, p->name_max);
}

static int
axes(struct plot *p, struct error *e)
{
	if (plot_range(p, &p->x, &p->o.x_range, "--x-range", e) < 0 ||
	    plot_range(p, &p->y, &p->o.y_range, "--y-range", e) < 0)
		return -1;
	gnuplot_axis_settle(&p->x);
	gnuplot_axis_settle(&p->y);
	return 0;
}

static void
put_axes(struct plot *p)
{
	gnuplot_axis_put(&p->head, &p->x);
	gnuplot_axis_put(&p->head, &p->y);
}

static int
draw_cdf(struct distribution *d, struct error *e)
{
	struct plot *p = d->p;
	bool above = p->o.above;
	double least = 1;

	if (!settle_scale(d, p->o.log_x, 50))
		return 0;
	for (size_t i = 0; i < d->n; i++)
		if (d->sample[i].total > 0)
			least = fmin(least, 1 / d->sample[i].total);
	p->y.log = p->o.log_y == PLOT_LOG_YES || (p->o.log_y == PLOT_LOG_AUTO && above);
	p->y.unit = GNUPLOT_SHARE;
	p->y.label = p->o.y_label.p ? p->o.y_label
		     : above        ? SLICE("share of values above")
				    : SLICE("share of values up to");
	p->y.lo = p->y.log ? least / 1.5 : 0;
	p->y.hi = 1;
	p->x.tight = p->y.tight = true;
	if (axes(p, e) < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++) {
		struct sample *s = &d->sample[i];
		struct curve c = curve_begin(p, i);
		double before = s->below, hidden = s->total - s->below - s->above;

		for (size_t k = 0; k < s->n; k++)
			hidden -= s->bin[k].n;
		/* What the axis does not show is below all that it shows. */
		before += hidden > 0 ? hidden : 0;
		for (size_t k = 0; k < s->n; k++) {
			double from = before / s->total, to = (before + s->bin[k].n) / s->total;
			bool last = k == s->n - 1;

			if (above) {
				from = 1 - from;
				to = last && s->above == 0 ? (p->y.log ? p->y.lo : 0) : 1 - to;
			}
			if (k == 0 && s->bin[k].lo > p->x.lo)
				curve_point(&c, p->x.lo, from, true);
			curve_point(&c, s->bin[k].lo, from, k == 0 || last);
			curve_point(&c, s->bin[k].hi, to, last);
			before += s->bin[k].n;
		}
		if (s->n > 0 && s->bin[s->n - 1].hi < p->x.hi && !above)
			curve_point(&c, p->x.hi, before / s->total, true);
		curve_end(&c, i);
	}
	put_axes(p);
	return 0;
}

/* The axis of percentiles: -log10(1 - q), with ticks at 50 90 99 99.9 ... */
static void
percentile_ticks(struct plot *p, double width)
{
	buf_printf(
	    &p->head, "set xtics (%s'50' 0.30103, '90' 1, '99' 2", width < 3 ? "'0' 0, " : "");
	for (int nines = 3, every = width > 9 ? (int)(width / 4) : 1; nines <= width + 1e-9;
	     nines += every)
		buf_printf(&p->head, ", '%.*f' %d", nines - 2, 100 - pow(10, 2 - nines), nines);
	buf_slice(&p->head, SLICE(")\n"));
}

static int
draw_percentiles(struct distribution *d, struct error *e)
{
	struct plot *p = d->p;
	double width = 2;

	/* The values are on the vertical axis. */
	p->y = *d->axis;
	p->y.name = "y";
	p->x = GNUPLOT_AXIS_INIT("x");
	d->axis = &p->y;
	if (!settle_scale(d, p->o.log_y, 50))
		return 0;
	for (size_t i = 0; i < d->n; i++)
		width = fmax(width, log10(fmax(d->sample[i].total, 1)));
	if (p->o.y_label.p)
		p->y.label = p->o.y_label;
	p->x.label = p->o.x_label.p ? p->o.x_label : SLICE("percentile");
	p->x.lo = 0;
	p->x.hi = width;
	p->x.tight = true;
	if (axes(p, e) < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++) {
		struct sample *s = &d->sample[i];
		struct curve c = curve_begin(p, i);
		double before = s->below, hidden = s->total - s->below - s->above;
		/* The largest of n values stands at 1 - 1/n. */
		double end = log10(fmax(s->total, 1));

		for (size_t k = 0; k < s->n; k++)
			hidden -= s->bin[k].n;
		before += hidden > 0 ? hidden : 0;
		for (size_t k = 0; k < s->n; k++) {
			double from = -log10(1 - before / s->total);
			double to = -log10(1 - (before + s->bin[k].n) / s->total);
			bool last = k == s->n - 1;

			curve_point(&c, fmin(from, end), s->bin[k].lo, k == 0 || last);
			curve_point(&c, isfinite(to) ? fmin(to, end) : end, s->bin[k].hi, last);
			before += s->bin[k].n;
		}
		curve_end(&c, i);
	}
	put_axes(p);
	percentile_ticks(p, width);
	return 0;
}

/* ---- hist ---- */

static double
nice(double v)
{
	double power = pow(10, floor(log10(v)));
	double m = v / power;

	return (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10) * power;
}

struct edges {
	double *at;
	size_t cells;
	struct buf width; /* what a cell is wide, for the label */
};

static void
put_edge(struct edges *g, double v)
{
	g->at = xrealloc(g->at, g->cells + 2, sizeof *g->at);
	g->at[g->cells++] = v; /* one more than there are cells, until edges_end() */
}

/* The bins of the source are all one step wide (or one factor): its own, if they are not too many. */
static bool
edges_of_source(const struct distribution *d, struct edges *g, bool factor)
{
	double step = 0, lo = INFINITY, hi = -INFINITY;

	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->sample[i].n; k++) {
			const struct density_bin *b = &d->sample[i].bin[k];
			double wide = factor ? b->hi / b->lo : b->hi - b->lo;

			if ((factor && b->lo <= 0) || !isfinite(wide))
				return false;
			if (step == 0)
				step = wide;
			if (fabs(wide - step) > 1e-6 * step)
				return false;
			lo = fmin(lo, b->lo);
			hi = fmax(hi, b->hi);
		}
	if (!(step > (factor ? 1.4 : 0)) ||
	    (factor ? log(hi / lo) / log(step) : (hi - lo) / step) > CELLS_MAX)
		return false;
	put_edge(g, lo);
	for (size_t i = 1; g->at[g->cells - 1] < hi * (1 - 1e-9) || (hi <= 0 && i == 1); i++) {
		double v = factor ? lo * pow(step, (double)i) : lo + (double)i * step;

		put_edge(g, v);
		if (v >= hi - 1e-9 * fabs(hi))
			break;
	}
	g->cells--;
	if (factor && fabs(step - 2) < 1e-6)
		buf_slice(&g->width, SLICE(" per doubling"));
	else if (factor)
		buf_slice(&g->width, SLICE(" per bin"));
	else
		gnuplot_value(&g->width, d->axis, step);
	return true;
}

/* Whole values over a small range: a cell for each, centred on it. */
static bool
edges_of_integers(const struct distribution *d, struct edges *g)
{
	const struct gnuplot_axis *a = d->axis;

	if (!d->exact || a->log || a->hi - a->lo > 60 || fmax(fabs(a->lo), fabs(a->hi)) > 0x1p50)
		return false;
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->sample[i].n; k++)
			if (d->sample[i].bin[k].lo != floor(d->sample[i].bin[k].lo))
				return false;
	for (double v = a->lo; v <= a->hi + 1; v++)
		put_edge(g, v - 0.5);
	g->cells--;
	return true;
}

static void
edges_linear(const struct distribution *d, struct edges *g, double bins)
{
	const struct gnuplot_axis *a = d->axis;
	struct gnuplot_axis bytes = *a;
	double range = a->hi - a->lo;
	double step = range > 0 ? range / bins : a->lo != 0 ? fabs(a->lo) / 100 : 1;

	step = a->unit == GNUPLOT_BYTES || a->unit == GNUPLOT_ADDRESS ? pow(2, ceil(log2(step)))
								      : nice(step);
	/* At least some steps of a double of this size. */
	while (step < fmax(fabs(a->lo), fabs(a->hi)) * 0x1p-46)
		step *= 10;
	for (double i = floor(a->lo / step + 1e-9);; i++) {
		put_edge(g, i * step);
		if (i * step > a->hi || (g->cells > 1 && i * step >= a->hi))
			break;
	}
	g->cells--;
	if (a->unit == GNUPLOT_ADDRESS)
		bytes.unit = GNUPLOT_BYTES;
	gnuplot_value(&g->width, &bytes, step);
}

/* Equal factors, so many to a decade or, of bytes, to a doubling. */
static void
edges_log(const struct distribution *d, struct edges *g, double bins)
{
	static const int parts[] = { 1, 2, 5, 10, 20, 50, 100, 200 };
	static const int halves[] = { 1, 2, 4, 8, 16, 32, 64, 128 };
	const struct gnuplot_axis *a = d->axis;
	bool bytes = a->unit == GNUPLOT_BYTES;
	double base = bytes ? 2 : 10, octaves = log(a->hi / a->lo) / log(base);
	unsigned i = 0;
	int k;

	while (i < 7 && octaves * (bytes ? halves : parts)[i] < bins * 0.8)
		i++;
	k = (bytes ? halves : parts)[i];
	for (double n = floor(log(a->lo) / log(base) * k + 1e-9);; n++) {
		double v = pow(base, n / k);

		put_edge(g, v);
		if (v > a->hi || (g->cells > 1 && v >= a->hi * (1 - 1e-12)))
			break;
	}
	g->cells--;
	if (k == 1)
		buf_printf(&g->width, " per %s", bytes ? "doubling" : "decade");
	else
		buf_printf(&g->width, " per 1/%d %s", k, bytes ? "doubling" : "decade");
}

/* How high a cell is drawn: on a logarithmic axis cells may be cut, but all are equally wide, so that counts are
 * densities. */
static void
draw_cells(struct distribution *d, const struct edges *g, double *const *cell)
{
	struct plot *p = d->p;
	double floor_y = p->y.log ? p->y.lo : 0;

	for (size_t i = 0; i < d->n; i++) {
		struct buf *b;

		if (d->sample[i].n == 0)
			continue;
		buf_printf(&p->data, "$d%zu << EOD\n", i);
		for (size_t c = 0; c < g->cells; c++) {
			double y[] = { cell[i][c], cell[i][c] };

			if (d->n == 1) {
				if (cell[i][c] <= 0)
					continue;
				/* x y xlo xhi ylo yhi */
				gnuplot_axis_number(&p->data, &p->x, (g->at[c] + g->at[c + 1]) / 2);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, cell[i][c]);
				for (int k = 0; k < 2; k++) {
					buf_char(&p->data, ' ');
					gnuplot_axis_number(&p->data, &p->x, g->at[c + k]);
				}
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, floor_y);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, cell[i][c]);
				buf_char(&p->data, '\n');
				continue;
			}
			for (int k = 0; k < 2; k++) {
				if (c == 0 && k == 0) {
					gnuplot_axis_number(&p->data, &p->x, g->at[0]);
					buf_char(&p->data, ' ');
					gnuplot_axis_number(&p->data, &p->y, floor_y);
					buf_char(&p->data, '\n');
				}
				gnuplot_axis_number(&p->data, &p->x, g->at[c + k]);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, fmax(y[k], floor_y));
				buf_char(&p->data, '\n');
			}
			if (c == g->cells - 1) {
				gnuplot_axis_number(&p->data, &p->x, g->at[g->cells]);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, floor_y);
				buf_char(&p->data, '\n');
			}
		}
		buf_slice(&p->data, SLICE("EOD\n"));
		b = plot_next(p);
		if (d->n == 1) {
			buf_printf(b,
			    "$d0 using 1:2:3:4:5:6 with boxxyerror fillstyle solid 0.75 border lc "
			    "rgb '%s' lw 0.5 fillcolor rgb '%s' title ",
			    gnuplot_colour(0), gnuplot_colour(0));
			gnuplot_quote(b, p->series[i].name, p->name_max);
			continue;
		}
		buf_printf(b,
		    "$d%zu with filledcurves closed fillstyle transparent solid 0.12 noborder "
		    "fillcolor rgb '%s'",
		    i, gnuplot_colour(i));
		b = plot_next(p);
		buf_printf(b, "$d%zu with lines lw 1.4 dt %u lc rgb '%s' title ", i,
		    d->n <= GNUPLOT_COLOURS ? 1 : gnuplot_dash(i), gnuplot_colour(i));
		gnuplot_quote(b, p->series[i].name, p->name_max);
	}
}

static int
draw_hist(struct distribution *d, struct error *e)
{
	struct plot *p = d->p;
	struct edges g = { NULL, 0, BUF_INIT };
	double **cell, largest = 0, most = 0, bins;
	struct buf label = BUF_INIT;

	if (!settle_scale(d, p->o.log_x, 50))
		return 0;
	cell = xcalloc(d->n, sizeof *cell);
	for (size_t i = 0; i < d->n; i++)
		most = fmax(most, d->sample[i].total);
	bins = p->o.bins ? p->o.bins : fmin(fmax(2 * cbrt(most), 12), 60);
	if (p->o.bins || !(edges_of_integers(d, &g) || edges_of_source(d, &g, d->axis->log))) {
		g.cells = 0;
		if (d->axis->log)
			edges_log(d, &g, bins);
		else
			edges_linear(d, &g, bins);
	}
	p->x.lo = g.at[0];
	p->x.hi = g.at[g.cells];
	p->y.log = p->o.log_y == PLOT_LOG_YES;
	p->y.lo = p->y.log ? INFINITY : 0;
	for (size_t i = 0; i < d->n; i++) {
		struct sample *s = &d->sample[i];
		double whole = p->o.share ? s->total : 1, below = 0, above = 0;

		cell[i] = xcalloc(g.cells + 1, sizeof *cell[i]);
		density_spread(s->bin, s->n, g.at, g.cells, cell[i], &below, &above);
		for (size_t c = 0; c < g.cells; c++) {
			cell[i][c] /= whole;
			largest = fmax(largest, cell[i][c]);
			if (p->y.log && cell[i][c] > 0)
				p->y.lo = fmin(p->y.lo, cell[i][c] / 2);
		}
	}
	p->y.hi = p->y.log ? largest * 1.5 : largest * 1.04;
	p->y.tight = true;
	p->x.tight = true;
	p->y.unit = p->o.share ? GNUPLOT_SHARE : GNUPLOT_NONE;
	buf_slice(&label, p->o.share ? SLICE("share") : SLICE("count"));
	if (g.width.n > 0)
		buf_printf(&label, "%s%s", g.width.p[0] == ' ' ? "" : " per ", buf_str(&g.width));
	p->y.label = p->o.y_label.p ? p->o.y_label : arena_copy(&p->arena, buf_view(&label));
	if (axes(p, e) < 0)
		return -1;
	draw_cells(d, &g, cell);
	put_axes(p);
	if (!p->x.log)
		buf_slice(&p->head, SLICE("set grid noxtics\n"));
	for (size_t i = 0; i < d->n; i++)
		free(cell[i]);
	free(cell);
	free(g.at);
	buf_free(&g.width);
	buf_free(&label);
	return 0;
}

/* ---- box and violin ---- */

static void
small_label(struct plot *p, const char *text)
{
	double size = gnuplot_small(&p->o.page);

	buf_slice(&p->head, SLICE("set xlabel "));
	if (p->o.x_label.p) {
		gnuplot_quote(&p->head, p->o.x_label, 0);
		buf_char(&p->head, '\n');
		return;
	}
	gnuplot_quote(&p->head, slice_of(text), 0);
	buf_printf(&p->head, " font ',%g' textcolor rgb '#606060'\n", size);
}

static void
numbers(struct buf *b, const struct gnuplot_axis *a, double x, const double *y, size_t n)
{
	gnuplot_number(b, x);
	for (size_t i = 0; i < n; i++) {
		buf_char(b, ' ');
		gnuplot_axis_number(b, a, y[i]);
	}
	buf_char(b, '\n');
}

static void
box_of(const struct sample *s, struct density_box *box)
{
	density_box(s->bin, s->n, box);
	if (!s->exact) {
		box->low = density_quantile(s->bin, s->n, 0.01);
		box->high = density_quantile(s->bin, s->n, 0.99);
	}
}

/* What lies beyond the whiskers: marks that can be told apart. Of bins, only the outermost. */
static void
outliers(struct distribution *d, double x, const struct sample *s, const struct density_box *box)
{
	const struct gnuplot_axis *a = d->axis;
	double last = NAN, least = (on_axis(a, a->hi) - on_axis(a, a->lo)) / OUTLIERS;

	if (!s->exact) {
		double ends[] = { s->bin[0].lo, s->bin[s->n - 1].hi };

		numbers(&d->p->data, a, x, ends, 1);
		numbers(&d->p->data, a, x, ends + 1, 1);
		return;
	}
	for (size_t k = 0; k < s->n; k++) {
		double v = s->bin[k].lo;

		if (v >= box->low && v <= box->high)
			continue;
		if (fabs(on_axis(a, v) - last) < least && k < s->n - 1)
			continue;
		last = on_axis(a, v);
		numbers(&d->p->data, a, x, &v, 1);
	}
}

static void
draw_boxes(struct distribution *d, double width)
{
	struct plot *p = d->p;
	struct buf *b;

	buf_slice(&p->data, SLICE("$box << EOD\n"));
	for (size_t i = 0; i < d->n; i++) {
		struct density_box box;

		if (d->sample[i].n == 0)
			continue;
		box_of(&d->sample[i], &box);
		numbers(&p->data, d->axis, (double)i,
		    (double[]){ box.q1, box.low, box.high, box.q3, box.median }, 5);
	}
	buf_slice(&p->data, SLICE("EOD\n"));
	if (p->o.kind == PLOT_BOX) {
		size_t empty;

		buf_slice(&p->data, SLICE("$out << EOD\n"));
		empty = p->data.n + strlen("EOD\n");
		for (size_t i = 0; i < d->n; i++) {
			struct density_box box;

			if (d->sample[i].n == 0)
				continue;
			box_of(&d->sample[i], &box);
			outliers(d, (double)i, &d->sample[i], &box);
		}
		buf_slice(&p->data, SLICE("EOD\n"));
		if (p->data.n > empty) {
			b = plot_next(p);
			buf_printf(
			    b, "$out using 1:2 with points pt 6 ps 0.5 lw 0.7 lc rgb '#404040'");
		}
	}
	b = plot_next(p);
	buf_printf(b,
	    "$box using 1:2:3:4:5:(%g) with candlesticks whiskerbars 0.5 fillstyle solid %s border "
	    "lc rgb '#202020' lw 0.8 fillcolor rgb '%s'",
	    width, p->o.kind == PLOT_BOX ? "0.6" : "1",
	    p->o.kind == PLOT_BOX ? gnuplot_colour(4) : "#ffffff");
	b = plot_next(p);
	buf_printf(b, "$box using 1:6:6:6:6:(%g) with candlesticks lw 1.8 lc rgb '#000000'", width);
}

/* Kernel densities, on the scale of the axis; all have the same area. */
static void
draw_densities(struct distribution *d)
{
	struct plot *p = d->p;
	const struct gnuplot_axis *a = d->axis;
	double(*y)[DENSITY_POINTS] = xcalloc(d->n, sizeof *y);
	double(*x)[DENSITY_POINTS] = xcalloc(d->n, sizeof *x);
	double largest = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct sample *s = &d->sample[i];
		struct density_bin *bin = xcalloc(s->n + 1, sizeof *bin);
		double h, lo, hi;

		for (size_t k = 0; k < s->n; k++)
			bin[k] = (struct density_bin){ on_axis(a, s->bin[k].lo),
				on_axis(a, s->bin[k].hi), s->bin[k].n };
		if (s->n > 0) {
			h = density_bandwidth(bin, s->n);
			lo = bin[0].lo - 0.5 * h;
			hi = bin[s->n - 1].hi + 0.5 * h;
			for (size_t k = 0; k < DENSITY_POINTS; k++)
				x[i][k] = lo + (hi - lo) * (double)k / (DENSITY_POINTS - 1);
			density_kernel(bin, s->n, h, x[i], DENSITY_POINTS, y[i]);
			for (size_t k = 0; k < DENSITY_POINTS; k++)
				largest = fmax(largest, y[i][k]);
		}
		free(bin);
	}
	for (size_t i = 0; i < d->n; i++) {
		struct buf *b;

		if (d->sample[i].n == 0)
			continue;
		buf_printf(&p->data, "$v%zu << EOD\n", i);
		for (size_t k = 0; k < 2 * DENSITY_POINTS; k++) {
			size_t at = k < DENSITY_POINTS ? k : 2 * DENSITY_POINTS - 1 - k;
			double side = k < DENSITY_POINTS ? -0.42 : 0.42;
			double v = a->log ? pow(10, x[i][at]) : x[i][at];

			numbers(&p->data, a, (double)i + side * y[i][at] / largest, &v, 1);
		}
		buf_slice(&p->data, SLICE("EOD\n"));
		b = plot_next(p);
		buf_printf(b,
		    "$v%zu using 1:2 with filledcurves closed fillstyle solid 0.55 border lc rgb "
		    "'%s' lw 0.8 fillcolor rgb '%s'",
		    i, gnuplot_colour(i), gnuplot_colour(i));
	}
	free(x);
	free(y);
}

static int
draw_groups(struct distribution *d, struct error *e)
{
	struct plot *p = d->p;
	struct slice *name;
	double margin;
	bool exact = d->exact;

	p->y = *d->axis;
	p->y.name = "y";
	p->x = GNUPLOT_AXIS_INIT("x");
	d->axis = &p->y;
	if (!settle_scale(d, p->o.log_y, 50))
		return 0;
	name = xcalloc(d->n, sizeof *name);
	if (p->o.y_label.p)
		p->y.label = p->o.y_label;
	margin = (on_axis(&p->y, p->y.hi) - on_axis(&p->y, p->y.lo)) * 0.04;
	p->y.lo = p->y.log ? p->y.lo / pow(10, margin) : p->y.lo - margin;
	p->y.hi = p->y.log ? p->y.hi * pow(10, margin) : p->y.hi + margin;
	p->y.tight = true;
	if (axes(p, e) < 0)
		return -1;
	if (p->o.kind == PLOT_VIOLIN)
		draw_densities(d);
	draw_boxes(d, p->o.kind == PLOT_BOX ? 0.5 : 0.08);
	gnuplot_axis_put(&p->head, &p->y);
	for (size_t i = 0; i < d->n; i++)
		name[i] = p->series[i].name;
	plot_categories(p, name, d->n);
	free(name);
	if (p->o.kind == PLOT_VIOLIN)
		small_label(
		    p, exact ? "width: density; box: quartiles and median; whiskers: 1.5 IQR"
			     : "width: density; box: quartiles and median; whiskers: 1 % and 99 %");
	else
		small_label(
		    p, exact ? "box: quartiles and median; whiskers: up to 1.5 IQR; dots: beyond"
			     : "box: quartiles and median; whiskers: 1 % and 99 %; dots: least and "
			       "largest");
	return 0;
}

int
plot_distribution(struct plot *p, struct error *e)
{
	struct distribution d = { .p = p, .axis = &p->x };
	bool any = false;
	int r = 0;

	read_all(&d);
	for (size_t i = 0; i < d.n; i++)
		any |= d.sample[i].n > 0;
	if (any) {
		plot_key(p, p->o.kind == PLOT_BOX || p->o.kind == PLOT_VIOLIN ? 0 : d.n);
		switch (p->o.kind) {
		case PLOT_HIST:
			r = draw_hist(&d, e);
			break;
		case PLOT_CDF:
			r = draw_cdf(&d, e);
			break;
		case PLOT_PERCENTILES:
			r = draw_percentiles(&d, e);
			break;
		default:
			r = draw_groups(&d, e);
		}
	}
	note_hidden(&d);
	for (size_t i = 0; i < d.n; i++)
		free(d.sample[i].bin);
	free(d.sample);
	return r;
}
