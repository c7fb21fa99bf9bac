/* plot_bars.c - part of plot.h: bars and stacked */
#include <math.h>
#include <stdlib.h>

#include "plot/plot_parts.h"

struct value {
	double y, lo, hi;
	bool there;
};

struct bars {
	struct plot *p;
	uint32_t *category; /* text of each */
	double *x;          /* and its number, NAN where it is none */
	size_t n, n_cap, x_cap;
	struct value *value; /* [category * series + series] once all are known */
	struct raw {
		uint32_t category, series;
		struct value v;
	} * raw;
	size_t raws, raw_cap;
	size_t *of_text; /* category + 1 of each text */
	size_t of_cap;
	size_t doubles;
	bool intervals, numeric;
};

static size_t
category(struct bars *s, uint32_t text, double x)
{
	while (s->of_cap <= text) {
		size_t old = s->of_cap;

		GROW(s->of_text, s->of_cap, text);
		memset(s->of_text + old, 0, (s->of_cap - old) * sizeof *s->of_text);
	}
	if (s->of_text[text] == 0) {
		GROW(s->category, s->n_cap, s->n);
		GROW(s->x, s->x_cap, s->n);
		s->category[s->n] = text;
		s->x[s->n] = x;
		s->of_text[text] = ++s->n;
		s->numeric &= isfinite(x);
	}
	return s->of_text[text] - 1;
}

static void
read_bars(struct bars *s)
{
	struct plot *p = s->p;
	bool first = true;
	size_t infinite = 0;

	s->numeric = true;
	for (size_t i = 0; i < p->tables; i++) {
		const struct plot_table *t = p->table[i];
		const struct plot_column *x = plot_table_column(t, ROLE_X, 0), *y;
		const struct plot_column *lo = plot_table_column(t, ROLE_LO, 0);
		const struct plot_column *hi = plot_table_column(t, ROLE_HI, 0);
		bool one = plot_table_column(t, ROLE_Y, 1) == NULL;

		for (unsigned k = 0; x && (y = plot_table_column(t, ROLE_Y, k)); k++) {
			if (first) {
				p->x.unit = gnuplot_unit_of_field(x->name);
				p->y.unit = plot_unit(t, y);
				plot_label(p, &p->x, x->name);
				plot_label(p, &p->y, plot_y_name(t, y));
				first = false;
			}
			for (size_t row = 0; row < t->rows; row++) {
				struct raw r = { 0 };

				r.v.y = plot_value(y, row, false);
				r.v.there = fabs(r.v.y) < 1e300;
				infinite += !r.v.there && !isnan(r.v.y);
				r.v.lo = lo && hi && one ? plot_value(lo, row, false) : NAN;
				r.v.hi = lo && hi && one ? plot_value(hi, row, false) : NAN;
				s->intervals |= isfinite(r.v.lo) && isfinite(r.v.hi);
				r.category = (uint32_t)category(s,
				    x->text[row] == PLOT_NO_TEXT
					? plot_text(&p->texts, SLICE("(none)"))
					: x->text[row],
				    plot_value(x, row, false));
				r.series = (uint32_t)plot_series_of(p, i, row, k);
				GROW(s->raw, s->raw_cap, s->raws);
				s->raw[s->raws++] = r;
			}
		}
	}
	if (infinite > 0)
		plot_note(p, "%zu values are infinite", infinite);
	s->value = xcalloc(s->n * p->series_n + 1, sizeof *s->value);
	for (size_t i = 0; i < s->raws; i++) {
		struct value *v = &s->value[s->raw[i].category * p->series_n + s->raw[i].series];

		if (!s->raw[i].v.there)
			continue;
		s->doubles += v->there;
		*v = s->raw[i].v;
	}
}

static struct value *
value_at(const struct bars *s, size_t c, size_t series)
{
	return &s->value[c * s->p->series_n + series];
}

static int
axes(struct bars *s, struct error *e)
{
	struct plot *p = s->p;

	if (plot_range(p, &p->y, &p->o.y_range, "--y-range", e) < 0)
		return -1;
	gnuplot_axis_settle(&p->y);
	return 0;
}

static void
categories(struct bars *s)
{
	struct plot *p = s->p;
	struct slice *name = xcalloc(s->n, sizeof *name);

	for (size_t c = 0; c < s->n; c++)
		name[c] = p->texts.text[s->category[c]];
	gnuplot_axis_put(&p->head, &p->y);
	buf_slice(&p->head, SLICE("set xlabel "));
	gnuplot_quote(&p->head, p->x.label, 0);
	buf_char(&p->head, '\n');
	plot_categories(p, name, s->n);
	free(name);
}

static void
put_box(struct plot *p, double x, double half, double from, double to)
{
	gnuplot_number(&p->data, x);
	buf_char(&p->data, ' ');
	gnuplot_axis_number(&p->data, &p->y, to);
	buf_char(&p->data, ' ');
	gnuplot_number(&p->data, x - half);
	buf_char(&p->data, ' ');
	gnuplot_number(&p->data, x + half);
	buf_char(&p->data, ' ');
	gnuplot_axis_number(&p->data, &p->y, from);
	buf_char(&p->data, ' ');
	gnuplot_axis_number(&p->data, &p->y, to);
}

static void
draw_box_series(struct plot *p, size_t i)
{
	struct buf *b = plot_next(p);

	buf_printf(b,
	    "$d%zu using 1:2:3:4:5:6 with boxxyerror fillstyle %s border lc rgb '#303030' lw 0.6 "
	    "fillcolor rgb '%s' title ",
	    i, i < GNUPLOT_COLOURS ? "solid 0.85" : "pattern 2", gnuplot_colour(i));
	gnuplot_quote(b, p->series[i].name, p->name_max);
}

static int
draw_bars(struct bars *s, struct error *e)
{
	struct plot *p = s->p;
	double bar = 0.8 / (double)p->series_n, floor_y = 0;

	p->y.log = p->o.log_y == PLOT_LOG_YES;
	for (size_t c = 0; c < s->n; c++)
		for (size_t i = 0; i < p->series_n; i++) {
			const struct value *v = value_at(s, c, i);

			if (!v->there)
				continue;
			if (p->y.log && v->y <= 0)
				return error_set(
				    e, "a bar of %g has no place on a logarithmic axis", v->y);
			gnuplot_axis_add(&p->y, v->y);
			if (!p->y.log || v->lo > 0)
				gnuplot_axis_add(&p->y, v->lo);
			gnuplot_axis_add(&p->y, v->hi);
		}
	if (p->y.log) {
		p->y.lo = floor_y = p->y.lo / 2;
		p->y.hi *= 1.3;
	} else {
		gnuplot_axis_add(&p->y, 0);
		if (p->y.lo == 0) {
			p->y.has_min = p->o.y_range.min.n == 0;
			p->y.min = 0;
		}
	}
	if (axes(s, e) < 0)
		return -1;
	for (size_t i = 0; i < p->series_n; i++) {
		bool any;
		size_t empty;

		buf_printf(&p->data, "$d%zu << EOD\n", i);
		empty = p->data.n;
		for (size_t c = 0; c < s->n; c++) {
			const struct value *v = value_at(s, c, i);
			double x = (double)c - 0.4 + bar * ((double)i + 0.5);

			if (!v->there)
				continue;
			put_box(p, x, bar * (p->series_n > 1 ? 0.46 : 0.42), floor_y, v->y);
			if (s->intervals) {
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, v->lo);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, v->hi);
			}
			buf_char(&p->data, '\n');
		}
		any = p->data.n > empty;
		buf_slice(&p->data, SLICE("EOD\n"));
		if (any)
			draw_box_series(p, i);
	}
	for (size_t i = 0; s->intervals && p->draw.n > 0 && i < p->series_n; i++)
		buf_printf(plot_next(p),
		    "$d%zu using 1:7:(0):($8-$7) with vectors heads size graph 0.006,90 lw 0.9 lc "
		    "rgb '#000000'",
		    i);
	if (p->one && !p->y.log)
		buf_slice(&p->head, SLICE("set arrow from graph 0, first 1 to graph 1, first 1 "
					  "nohead front lw 0.8 dt 2 lc rgb '#404040'\n"));
	categories(s);
	return 0;
}

/* ---- stacked ---- */

static const double *sort_key;

static int
by_number(const void *pa, const void *pb)
{
	size_t a = *(const size_t *)pa, b = *(const size_t *)pb;

	if (sort_key[a] != sort_key[b])
		return sort_key[a] < sort_key[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int
draw_stack(struct bars *s, struct error *e)
{
	struct plot *p = s->p;
	bool areas = s->numeric && s->n > 1;
	size_t *order = xcalloc(s->n + 1, sizeof *order);
	size_t missing = 0;

	for (size_t c = 0; c < s->n; c++) {
		double sum = 0;

		order[c] = c;
		for (size_t i = 0; i < p->series_n; i++) {
			const struct value *v = value_at(s, c, i);

			missing += !v->there;
			if (v->there && v->y < 0) {
				free(order);
				return error_set(e, "%g cannot be stacked: it is below 0", v->y);
			}
			sum += v->there ? v->y : 0;
		}
		gnuplot_axis_add(&p->y, sum);
		if (areas)
			gnuplot_axis_add(&p->x, s->x[c]);
	}
	if (missing > 0)
		plot_note(p, "%zu of %zu values are not in the input: stacked as 0", missing,
		    s->n * p->series_n);
	gnuplot_axis_add(&p->y, 0);
	p->y.has_min = true;
	if (axes(s, e) < 0)
		return -1;
	if (areas) {
		sort_key = s->x;
		qsort(order, s->n, sizeof *order, by_number);
		if (slice_eq(p->x.label, SLICE("time since start")) && p->o.x_label.p == NULL) {
			double least = s->x[order[0]];

			for (size_t c = 0; c < s->n; c++)
				s->x[c] -= least;
			p->x.lo -= least;
			p->x.hi -= least;
		}
		p->x.tight = true;
		if (plot_range(p, &p->x, &p->o.x_range, "--x-range", e) < 0)
			return -1;
		gnuplot_axis_settle(&p->x);
	}
	for (size_t i = 0; i < p->series_n; i++) {
		bool any;
		size_t empty;

		buf_printf(&p->data, "$d%zu << EOD\n", i);
		empty = p->data.n;
		for (size_t k = 0; k < s->n; k++) {
			size_t c = order[k];
			double from = 0, to;

			for (size_t below = 0; below < i; below++)
				from += value_at(s, c, below)->there ? value_at(s, c, below)->y : 0;
			to = from + (value_at(s, c, i)->there ? value_at(s, c, i)->y : 0);
			if (areas) {
				gnuplot_axis_number(&p->data, &p->x, s->x[c]);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, from);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->y, to);
			} else if (to > from) {
				put_box(p, (double)c, 0.35, from, to);
			} else {
				continue;
			}
			buf_char(&p->data, '\n');
		}
		any = p->data.n > empty;
		buf_slice(&p->data, SLICE("EOD\n"));
		if (areas) {
			struct buf *b = plot_next(p);

			buf_printf(b,
			    "$d%zu using 1:2:3 with filledcurves fillstyle solid 0.85 border lc "
			    "rgb '#ffffff' lw 0.4 fillcolor rgb '%s' title ",
			    i, gnuplot_colour(i));
			gnuplot_quote(b, p->series[i].name, p->name_max);
		} else if (any) {
			draw_box_series(p, i);
		}
	}
	free(order);
	if (areas) {
		gnuplot_axis_put(&p->head, &p->x);
		gnuplot_axis_put(&p->head, &p->y);
	} else {
		categories(s);
	}
	return 0;
}

int
plot_bars(struct plot *p, struct error *e)
{
	struct bars s = { .p = p };
	int r = 0;

	read_bars(&s);
	if (s.doubles > 0)
		r = error_set(e,
		    "%zu values have the same place as another one: -b COLUMN tells them "
		    "apart, --where COLUMN=VALUE chooses",
		    s.doubles);
	else if (s.n > 0 && s.raws > 0) {
		plot_key(p, p->series_n);
		r = p->o.kind == PLOT_BARS ? draw_bars(&s, e) : draw_stack(&s, e);
	}
	free(s.category);
	free(s.x);
	free(s.value);
	free(s.raw);
	free(s.of_text);
	return r;
}
