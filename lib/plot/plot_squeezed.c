/* plot_squeezed.c - part of plot.h: axes of a matrix, from which seams take what is empty */
#include <inttypes.h>
#include <math.h>

#include "base/num.h"
#include "plot/plot_parts.h"

enum { TICKS = 7 /* on an axis of addresses, about */, MANY = 12 /* seams */ };

/* Where a value stands, with what the seams leave out taken away. */
double
plot_squeezed_place(const struct plot_squeezed *h, double v)
{
	double out = v - h->start;

	for (size_t i = 0; i < h->seams && h->seam[i].hi <= v; i++)
		out -= h->seam[i].hi - h->seam[i].lo;
	return out;
}

double
plot_squeezed_value(const struct plot_squeezed *h, const struct plot_column *c, size_t row)
{
	return plot_value(c, row, h->relative);
}

double
plot_squeezed_clip(const struct plot_squeezed *h, double v)
{
	for (size_t i = 0; i < h->seams; i++)
		if (v > h->seam[i].lo && v < h->seam[i].hi)
			return h->seam[i].hi;
	return v;
}

bool
plot_squeezed_number(const struct plot_squeezed *h, struct slice s, double *v)
{
	uint64_t u;
	int64_t i;

	if (h->relative && h->a->unit == GNUPLOT_ADDRESS && num_any(s, &u) == 0) {
		*v = (double)((__int128)u - (__int128)h->a->base);
		return true;
	}
	if (h->relative && num_i64(s, &i) == 0) {
		*v = (double)((__int128)i - h->lo->base->base);
		return true;
	}
	return num_f64(s, v) == 0;
}

static void
read_seams(const struct table *t, const char *axis, struct plot_squeezed *h)
{
	for (size_t i = 0; i < t->words && h->seams < PLOT_SEAMS; i++) {
		struct plot_seam s = { NAN, NAN };
		bool here = false;

		if (!slice_eq(t->word[i].key, SLICE("seam")))
			continue;
		for (size_t k = i; k < t->words && t->word[k].line == t->word[i].line; k++) {
			here |= slice_eq(t->word[k].key, slice_of(axis));
			if (slice_eq(t->word[k].key, SLICE("lo")))
				plot_squeezed_number(h, t->word[k].value, &s.lo);
			if (slice_eq(t->word[k].key, SLICE("hi")))
				plot_squeezed_number(h, t->word[k].value, &s.hi);
		}
		if (here && s.lo < s.hi)
			h->seam[h->seams++] = s;
	}
}

void
plot_squeezed_settle(struct plot *p, struct plot_squeezed *h, const char *name, enum plot_log asked)
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
			least = fmin(least, plot_squeezed_value(h, h->lo, r));
		h->start = least;
	}
	read_seams(t->source, name, h);
	for (size_t r = 0; r < t->rows; r++) {
		double ends[] = { plot_squeezed_value(h, h->lo, r),
			plot_squeezed_value(h, h->hi, r) };

		for (int i = 0; i < 2; i++)
			if (!h->a->log || plot_squeezed_place(h, ends[i]) > 0)
				gnuplot_axis_add(h->a, plot_squeezed_place(h, ends[i]));
	}
}

/* Addresses on an axis with seams: where each piece begins, and round ones in what is long. */
void
plot_squeezed_ticks(struct plot *p, const struct plot_squeezed *h)
{
	struct gnuplot_axis *a = h->a;
	double range = a->hi - a->lo, gap = range / TICKS, last = -INFINITY, first = NAN;
	struct buf text = BUF_INIT;
	const char *before = "";

	for (size_t r = 0; r < p->table[0]->rows; r++)
		first = fmin(first, plot_squeezed_value(h, h->lo, r));
	buf_printf(&p->head, "set %stics (", a->name);
	for (size_t piece = 0; piece <= h->seams; piece++) {
		double from = piece == 0 ? first : h->seam[piece - 1].hi;
		double to = piece < h->seams ? h->seam[piece].lo
					     : from + (a->hi - plot_squeezed_place(h, from));
		double step = 1;

		while (step < gap && step < 0x1p70)
			step *= 2;
		for (unsigned n = 0; n < 4 * TICKS && from + n * step <= to + step; n++) {
			double v = n ? gnuplot_axis_round(a, from + n * step, step) : from;
			double at = plot_squeezed_place(h, v);

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

void
plot_squeezed_seams(struct plot *p, const struct plot_squeezed *h)
{
	bool y = h->a == &p->y, many = h->seams > MANY;

	for (size_t i = 0; i < h->seams; i++) {
		double at = plot_squeezed_place(h, h->seam[i].hi);
		/* White on the cells, grey between them. */
		const char *const pens[] = { many ? "lw 0.8 lc rgb '#ffffff'"
						  : "lw 2 lc rgb '#ffffff'",
			many ? "lw 0.4 lc rgb '#b8b8b8'" : "lw 0.6 lc rgb '#505050' dt 2" };

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

void
plot_squeezed_notes(struct plot *p)
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
