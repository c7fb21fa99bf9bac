/* plot_heat.c - part of plot.h: a matrix of counts in colours */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/num.h"
#include "plot/plot_parts.h"

enum {
	SEAMS = 64,
	TICKS = 7 /* on an axis of addresses, about */
};

/* Cells reach this much of the axis into their neighbours, or the page shines through between them. */
static const double OVERLAP = 1.0 / 700;

struct seam {
	double lo, hi; /* what is not on the axis */
};

struct heat_axis {
	struct gnuplot_axis *a;
	struct plot_column *lo, *hi;
	bool relative; /* numbers are differences to the base of their columns */
	double start;  /* what t counts from */
	struct seam seam[SEAMS];
	size_t seams;
};

/* Where a value stands, with what the seams leave out taken away. */
static double
place_of(const struct heat_axis *h, double v)
{
	double out = v - h->start;

	for (size_t i = 0; i < h->seams && h->seam[i].hi <= v; i++)
		out -= h->seam[i].hi - h->seam[i].lo;
	return out;
}

static double
value_of(const struct heat_axis *h, const struct plot_column *c, size_t row)
{
	return plot_value(c, row, h->relative);
}

static bool
number_of(const struct heat_axis *h, struct slice s, double *v)
{
	uint64_t u;

	if (h->relative && num_any(s, &u) == 0) {
		*v = (double)((__int128)u - (__int128)h->a->base);
		return true;
	}
	return num_f64(s, v) == 0;
}

static void
read_seams(const struct table *t, const char *axis, struct heat_axis *h)
{
	for (size_t i = 0; i < t->words && h->seams < SEAMS; i++) {
		struct seam s = { NAN, NAN };
		bool here = false;

		if (!slice_eq(t->word[i].key, SLICE("seam")))
			continue;
		for (size_t k = i; k < t->words && t->word[k].line == t->word[i].line; k++) {
			here |= slice_eq(t->word[k].key, slice_of(axis));
			if (slice_eq(t->word[k].key, SLICE("lo")))
				number_of(h, t->word[k].value, &s.lo);
			if (slice_eq(t->word[k].key, SLICE("hi")))
				number_of(h, t->word[k].value, &s.hi);
		}
		if (here && s.lo < s.hi)
			h->seam[h->seams++] = s;
	}
}

static void
settle(struct plot *p, struct heat_axis *h, const char *name, enum plot_log asked)
{
	const struct plot_table *t = p->table[0];
	struct buf key = BUF_INIT;
	struct slice field = table_word(t->source, slice_of(name)), unit, scale;
	double least = INFINITY;

	buf_printf(&key, "%s_unit", name);
	unit = table_word(t->source, buf_view(&key));
	key.n = 0;
	buf_printf(&key, "%s_scale", name);
	scale = table_word(t->source, buf_view(&key));
	buf_free(&key);
	h->a->unit = unit.n ? gnuplot_unit(unit) : gnuplot_unit_of_field(field);
	if (h->lo->base->hex)
		h->a->unit = GNUPLOT_ADDRESS;
	h->a->log =
	    asked == PLOT_LOG_YES || (asked == PLOT_LOG_AUTO && h->a->unit != GNUPLOT_ADDRESS &&
					 scale.n > 0 && slice_starts(scale, SLICE("log")));
	h->a->tight = true;
	h->relative = h->a->unit == GNUPLOT_ADDRESS || (slice_eq(field, SLICE("t")) && !h->a->log);
	if (h->a->unit == GNUPLOT_ADDRESS)
		h->a->base = (uint64_t)h->lo->base->base;
	plot_label(p, h->a, field);
	if (slice_eq(field, SLICE("t")) && h->relative) {
		for (size_t r = 0; r < t->rows; r++)
			least = fmin(least, value_of(h, h->lo, r));
		h->start = least;
	}
	read_seams(t->source, name, h);
	for (size_t r = 0; r < t->rows; r++) {
		double ends[] = { value_of(h, h->lo, r), value_of(h, h->hi, r) };

		for (int i = 0; i < 2; i++)
			if (!h->a->log || place_of(h, ends[i]) > 0)
				gnuplot_axis_add(h->a, place_of(h, ends[i]));
	}
}

/* Addresses on an axis with seams: where each piece begins, and round ones in what is long. */
static void
squeezed_ticks(struct plot *p, const struct heat_axis *h)
{
	struct gnuplot_axis *a = h->a;
	double range = a->hi - a->lo, gap = range / TICKS, last = -INFINITY, first = NAN;
	struct buf text = BUF_INIT;
	const char *before = "";

	for (size_t r = 0; r < p->table[0]->rows; r++)
		first = fmin(first, value_of(h, h->lo, r));
	buf_printf(&p->head, "set %stics (", a->name);
	for (size_t piece = 0; piece <= h->seams; piece++) {
		double from = piece == 0 ? first : h->seam[piece - 1].hi;
		double to =
		    piece < h->seams ? h->seam[piece].lo : from + (a->hi - place_of(h, from));
		double step = 1;

		while (step < gap && step < 0x1p70)
			step *= 2;
		for (unsigned n = 0; n < 4 * TICKS && from + n * step <= to + step; n++) {
			double v = n ? gnuplot_axis_round(a, from + n * step, step) : from;
			double at = place_of(h, v);

			if (v <= to && at - last >= gap * 0.45) {
				text.n = 0;
				gnuplot_value(&text, a, v);
				buf_slice(&p->head, slice_of(before));
				gnuplot_quote_tick(&p->head, buf_view(&text), 0);
				buf_char(&p->head, ' ');
				gnuplot_number(&p->head, at);
				before = ", ";
				last = at;
			}
		}
	}
	buf_slice(&p->head, SLICE(")\n"));
	buf_free(&text);
}

static void
draw_seams(struct plot *p, const struct heat_axis *h)
{
	bool y = h->a == &p->y;

	for (size_t i = 0; i < h->seams; i++) {
		double at = place_of(h, h->seam[i].hi);
		/* White on the cells, grey between them. */
		static const char *const pens[] = { "lw 2 lc rgb '#ffffff'",
			"lw 0.6 lc rgb '#505050' dt 2" };

		for (int pen = 0; pen < 2; pen++) {
			buf_slice(&p->head, y ? SLICE("set arrow from graph 0, first ")
					      : SLICE("set arrow from first "));
			gnuplot_axis_number(&p->head, h->a, at);
			buf_slice(&p->head,
			    y ? SLICE(" to graph 1, first ") : SLICE(", graph 0 to first "));
			gnuplot_axis_number(&p->head, h->a, at);
			buf_printf(
			    &p->head, "%s nohead front %s\n", y ? "" : ", graph 1", pens[pen]);
		}
	}
}

static void
notes(struct plot *p)
{
	static const struct {
		const char *key, *text;
	} words[] = { { "outside", "outside the axes" },
		{ "not_positive", "at 0 or below, not on a logarithmic axis" },
		{ "nan", "not a number" } };
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		uint64_t n;

		if (num_u64(table_word(p->table[0]->source, slice_of(words[i].key)), &n) != 0 ||
		    n == 0)
			continue;
		b.n = 0;
		plot_put_count(&b, (double)n);
		plot_note(p, "%s points %s", buf_str(&b), words[i].text);
	}
	buf_free(&b);
}

static void
cell(struct plot *p, const struct heat_axis *h, size_t row)
{
	const struct gnuplot_axis *a = h->a;
	double lo = place_of(h, value_of(h, h->lo, row)), hi = place_of(h, value_of(h, h->hi, row));

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
static void
drop_infinite(struct plot *p, struct plot_table *t)
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
	struct heat_axis x = { .a = &p->x }, y = { .a = &p->y };
	bool text = p->o.page.guess || p->o.page.terminal == GNUPLOT_DUMB;
	struct ordered *order;
	struct slice w;

	if (p->tables > 1)
		return error_set(e, "heat draws one matrix, not %zu", p->tables);
	if (t == NULL || plot_table_column(t, ROLE_COUNT, 0) == NULL)
		return 0;
	notes(p);
	drop_infinite(p, p->table[0]);
	if (t->rows == 0)
		return 0;
	x.lo = plot_table_column(t, ROLE_LO, 0);
	x.hi = plot_table_column(t, ROLE_X_HI, 0);
	y.lo = plot_table_column(t, ROLE_HI, 0);
	y.hi = plot_table_column(t, ROLE_Y_HI, 0);
	count = plot_table_column(t, ROLE_COUNT, 0);
	settle(p, &x, "x", p->o.log_x);
	settle(p, &y, "y", p->o.log_y);
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
		squeezed_ticks(p, &x);
	if (y.seams > 0)
		squeezed_ticks(p, &y);
	draw_seams(p, &x);
	draw_seams(p, &y);
	gnuplot_axis_put(&p->head, &colour);
	gnuplot_put_palette(&p->head, p->o.palette);
	buf_slice(
	    &p->head, SLICE("unset key\nset border 15\nunset grid\nset cblabel offset 1.2,0\n"));
	buf_slice(plot_next(p), SLICE("$d using 1:3:1:2:3:4:5 with boxxyerror fillstyle solid 1 "
				      "noborder fillcolor palette"));
	return 0;
}
