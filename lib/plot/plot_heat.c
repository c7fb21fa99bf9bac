/* plot_heat.c - part of plot.h: a matrix of counts in colours */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/num.h"
#include "plot/plot_parts.h"

/* Cells reach this much of the axis into their neighbours, or the page shines through between them. */
static const double OVERLAP = 1.0 / 700;

static void
cell(struct plot *p, const struct plot_squeezed *h, size_t row)
{
	const struct gnuplot_axis *a = h->a;
	double lo = plot_squeezed_place(h, plot_squeezed_value(h, h->lo, row)),
	       hi = plot_squeezed_place(h, plot_squeezed_value(h, h->hi, row));

	if (hi < a->hi)
		hi = a->log ? hi * pow(a->hi / a->lo, OVERLAP) : hi + (a->hi - a->lo) * OVERLAP;
	gnuplot_axis_number(&p->data, a, a->log && lo <= 0 ? a->lo : lo);
	buf_char(&p->data, ' ');
	gnuplot_axis_number(&p->data, a, hi);
	buf_char(&p->data, ' ');
}

/* ---- where there are only characters ---- */

static const char shades[] = ".:-=+*%@#";

static unsigned
shade(const struct gnuplot_axis *c, double v)
{
	double share = !(c->hi > c->lo) ? 1
		       : c->log         ? log(v / c->lo) / log(c->hi / c->lo)
					: (v - c->lo) / (c->hi - c->lo);

	return (unsigned)fmin(share * (double)(sizeof shades - 1), (double)(sizeof shades - 2));
}

/* The least whole count that has character i of n. */
static double
least_of(const struct gnuplot_axis *c, size_t i, size_t n)
{
	double share = (double)i / (double)n;
	double v = c->log ? c->lo * pow(c->hi / c->lo, share) : c->lo + (c->hi - c->lo) * share;

	return c->hi < 1e15 ? ceil(v * (1 - 1e-9)) : v;
}

/* The characters that stand for counts, each with the least of its own. */
static void
put_text(struct plot *p, const struct gnuplot_axis *c)
{
	struct buf legend = BUF_INIT;
	size_t n = sizeof shades - 1;

	for (size_t i = 0; i < n; i++) {
		double v = least_of(c, i, n), next = least_of(c, i + 1, n);

		/* Small counts need fewer characters. */
		if (v == next && i + 1 < n)
			continue;
		buf_printf(&legend, "%s%c ", legend.n ? "  " : "", shades[i]);
		gnuplot_value(&legend, c, v);
	}
	buf_slice(&p->text, SLICE("unset colorbox\nset label 2000 "));
	gnuplot_quote(&p->text, buf_view(&legend), 0);
	buf_slice(&p->text, SLICE(" at screen 0.5, screen 0 offset 0,0.5 center\nset bmargin 4\n"
				  "plot $d using (($1+$2)/2):(($3+$4)/2):6 with labels\n"));
	buf_free(&legend);
}

struct ordered {
	double v;
	size_t row;
};

static int
by_count(const void *pa, const void *pb)
{
	const struct ordered *a = pa, *b = pb;

	if (a->v != b->v)
		return a->v < b->v ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

/* The largest last, so that it is seen where cells are smaller than a character or a dot. */
static struct ordered *
in_order(const struct plot_table *t, const struct plot_column *count)
{
	struct ordered *o = xcalloc(t->rows + 1, sizeof *o);

	for (size_t r = 0; r < t->rows; r++)
		o[r] = (struct ordered){ plot_value(count, r, false), r };
	qsort(o, t->rows, sizeof *o, by_count);
	return o;
}

/* Cells without an end have no place. */
void
plot_drop_infinite(struct plot *p, struct plot_table *t)
{
	size_t kept = 0;

	for (size_t r = 0; r < t->rows; r++) {
		bool finite = true;

		for (unsigned i = 0; i < t->columns; i++)
			finite &= fabs(t->column[i].v[r]) < 1e300;
		for (unsigned i = 0; i < t->columns && finite; i++)
			t->column[i].v[kept] = t->column[i].v[r];
		kept += finite;
	}
	if (kept < t->rows)
		plot_note(p, "%zu cells are infinite", t->rows - kept);
	t->rows = kept;
}

int
plot_heat(struct plot *p, struct error *e)
{
	struct gnuplot_axis colour = GNUPLOT_AXIS_INIT("cb");
	const struct plot_table *t = p->tables ? p->table[0] : NULL;
	const struct plot_column *count;
	struct plot_squeezed x = { .a = &p->x }, y = { .a = &p->y };
	bool text = p->o.page.guess || p->o.page.terminal == GNUPLOT_DUMB;
	struct ordered *order;
	struct slice w;

	if (p->tables > 1)
		return error_set(e, "heat draws one matrix, not %zu", p->tables);
	if (t == NULL || plot_table_column(t, ROLE_COUNT, 0) == NULL)
		return 0;
	plot_squeezed_notes(p);
	plot_drop_infinite(p, p->table[0]);
	if (t->rows == 0)
		return 0;
	x.lo = plot_table_column(t, ROLE_LO, 0);
	x.hi = plot_table_column(t, ROLE_X_HI, 0);
	y.lo = plot_table_column(t, ROLE_HI, 0);
	y.hi = plot_table_column(t, ROLE_Y_HI, 0);
	count = plot_table_column(t, ROLE_COUNT, 0);
	plot_squeezed_settle(p, &x, "x", p->o.log_x);
	plot_squeezed_settle(p, &y, "y", p->o.log_y);
	for (size_t r = 0; r < t->rows; r++)
		gnuplot_axis_add(&colour, plot_value(count, r, false));
	if (plot_range(p, &p->x, &p->o.x_range, "--x-range", e) < 0 ||
	    plot_range(p, &p->y, &p->o.y_range, "--y-range", e) < 0)
		return -1;
	if ((y.seams > 0 && (p->y.has_min || p->y.has_max)) ||
	    (x.seams > 0 && (p->x.has_min || p->x.has_max)))
		return error_set(
		    e, "an axis with seams has no range: leat heat --compact squeezed it");
	if ((x.a->log && (x.relative || x.seams > 0)) || (y.a->log && (y.relative || y.seams > 0)))
		return error_set(e, "--log: addresses and axes with seams are linear");
	w = table_word(t->source, SLICE("w"));
	colour.log = colour.lo > 0 && colour.hi / colour.lo >= 20;
	colour.tight = true;
	colour.unit = gnuplot_unit_of_field(w);
	colour.label = w.n ? w : count->name;
	gnuplot_axis_settle(&p->x);
	gnuplot_axis_settle(&p->y);
	gnuplot_axis_settle(&colour);
	buf_slice(&p->data, SLICE("$d << EOD\n"));
	order = in_order(t, count);
	for (size_t i = 0; i < t->rows; i++) {
		size_t r = order[i].row;

		cell(p, &x, r);
		cell(p, &y, r);
		gnuplot_axis_number(&p->data, &colour, order[i].v);
		if (text)
			buf_printf(&p->data, " \"%c\"", shades[shade(&colour, order[i].v)]);
		buf_char(&p->data, '\n');
	}
	free(order);
	buf_slice(&p->data, SLICE("EOD\n"));
	if (text)
		put_text(p, &colour);
	gnuplot_axis_put(&p->head, &p->x);
	gnuplot_axis_put(&p->head, &p->y);
	if (x.seams > 0)
		plot_squeezed_ticks(p, &x);
	if (y.seams > 0)
		plot_squeezed_ticks(p, &y);
	plot_squeezed_seams(p, &x);
	plot_squeezed_seams(p, &y);
	gnuplot_axis_put(&p->head, &colour);
	gnuplot_put_palette(&p->head, p->o.palette);
	buf_slice(
	    &p->head, SLICE("unset key\nset border 15\nunset grid\nset cblabel offset 1.2,0\n"));
	buf_slice(plot_next(p), SLICE("$d using 1:3:1:2:3:4:5 with boxxyerror fillstyle solid 1 "
				      "noborder fillcolor palette"));
	return 0;
}
