/* plot_timeline.c - part of plot.h: spans on lanes */
#include <math.h>
#include <stdlib.h>

#include "base/num.h"
#include "plot/plot_parts.h"

enum { SPAN_COLUMNS = 4000, NAMES = GNUPLOT_COLOURS - 1 };

/* Large areas are not black; what has no colour of its own is light. */
static const char *
fill(size_t k, size_t shown)
{
	return k >= shown ? "#c0c0c0" : k == GNUPLOT_COLOURS - 1 ? "#606060" : gnuplot_colour(k);
}

struct span {
	double start, end;
	uint32_t lane, name;
	unsigned depth;
};

struct names {
	uint32_t *text;
	double *weight;
	size_t n, cap, w_cap;
};

static uint32_t
number_of(struct names *l, uint32_t text, double weight)
{
	size_t i = 0;

	while (i < l->n && l->text[i] != text)
		i++;
	if (i == l->n) {
		GROW(l->text, l->cap, i);
		GROW(l->weight, l->w_cap, i);
		l->text[l->n] = text;
		l->weight[l->n++] = 0;
	}
	l->weight[i] += weight;
	return (uint32_t)i;
}

static int
by_lane_and_start(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;

	if (a->lane != b->lane)
		return a->lane < b->lane ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end > b->end ? -1 : a->end < b->end;
}

static const struct names *sort_names;
static const struct plot *sort_plot;

static int
by_weight(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	if (sort_names->weight[a] != sort_names->weight[b])
		return sort_names->weight[a] > sort_names->weight[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Lanes by number where all are numbers, else by name. */
static int
by_name(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	struct slice s = sort_plot->texts.text[sort_names->text[a]];
	struct slice t = sort_plot->texts.text[sort_names->text[b]];
	double x, y;

	if (num_f64(s, &x) == 0 && num_f64(t, &y) == 0 && x != y)
		return x < y ? -1 : 1;
	return slice_cmp(s, t);
}

struct timeline {
	struct span *span;
	size_t n, cap;
	struct names lanes, names;
	unsigned deepest;
};

/* The lane column is the first of those wanted that has a value anywhere. */
static const struct plot_column *
lane_column(const struct plot_table *t)
{
	const struct plot_column *c;

	for (unsigned i = 0; (c = plot_table_column(t, ROLE_LANE, i)); i++)
		for (size_t r = 0; r < t->rows; r++)
			if (c->text[r] != PLOT_NO_TEXT)
				return c;
	return NULL;
}

static void
read_spans(struct plot *p, struct timeline *l)
{
	double least = INFINITY;

	for (size_t i = 0; i < p->tables; i++) {
		const struct plot_table *t = p->table[i];
		const struct plot_column *start = plot_table_column(t, ROLE_X, 0);
		const struct plot_column *dur = plot_table_column(t, ROLE_Y, 0);
		const struct plot_column *lane = lane_column(t);
		const struct plot_column *name = plot_table_column(t, ROLE_GROUP, 0);
		struct buf b = BUF_INIT;
		uint32_t none = plot_text(&p->texts, SLICE(""));

		for (size_t r = 0; start && r < t->rows; r++) {
			struct span s = { start->v[r], start->v[r] + plot_value(dur, r, false),
				none, none, 0 };
			uint32_t where = lane ? lane->text[r] : PLOT_NO_TEXT;

			if (dur->v[r] < 0)
				continue;
			if (p->tables > 1 || where == PLOT_NO_TEXT || lane == NULL) {
				b.n = 0;
				if (p->tables > 1)
					buf_slice(&b, t->name);
				if (p->tables > 1 && lane)
					buf_char(&b, ' ');
				if (where != PLOT_NO_TEXT)
					buf_slice(&b, p->texts.text[where]);
				else if (lane)
					buf_slice(&b, SLICE("-"));
				where = plot_text(&p->texts, buf_view(&b));
			}
			s.lane = number_of(&l->lanes, where, 1);
			s.name = number_of(&l->names,
			    name && name->text[r] != PLOT_NO_TEXT ? name->text[r] : none,
			    s.end - s.start);
			least = fmin(least, s.start);
			GROW(l->span, l->cap, l->n);
			l->span[l->n++] = s;
		}
		if (lane && p->o.y_label.p == NULL)
			p->y.label = lane->name;
		if (start && i == 0) {
			p->x.unit = gnuplot_unit_of_field(start->name);
			plot_label(p, &p->x, start->name);
		}
		buf_free(&b);
	}
	for (size_t i = 0; i < l->n; i++) {
		l->span[i].start -= least;
		l->span[i].end -= least;
		gnuplot_axis_add(&p->x, l->span[i].start);
		gnuplot_axis_add(&p->x, l->span[i].end);
	}
}

/* How many spans of the lane a span lies in. */
static void
nest(struct timeline *l)
{
	size_t *open = xcalloc(l->n + 1, sizeof *open), depth = 0;

	qsort(l->span, l->n, sizeof *l->span, by_lane_and_start);
	for (size_t i = 0; i < l->n; i++) {
		struct span *s = &l->span[i];

		while (depth > 0 && (l->span[open[depth - 1]].lane != s->lane ||
					l->span[open[depth - 1]].end <= s->start))
			depth--;
		s->depth = (unsigned)depth;
		l->deepest = s->depth > l->deepest ? s->depth : l->deepest;
		open[depth++] = i;
	}
	free(open);
}

int
plot_timeline(struct plot *p, struct error *e)
{
	struct timeline l = { 0 };
	uint32_t *lane, *place, *rank, *colour;
	size_t merged = 0, shown, longest = 0;
	struct buf *b;
	double column;

	read_spans(p, &l);
	if (l.n == 0)
		return 0;
	nest(&l);
	sort_plot = p;
	lane = xcalloc(l.lanes.n + 1, sizeof *lane);
	place = xcalloc(l.lanes.n + 1, sizeof *place);
	rank = xcalloc(l.names.n + 1, sizeof *rank);
	colour = xcalloc(l.names.n + 1, sizeof *colour);
	for (uint32_t i = 0; i < l.lanes.n; i++)
		lane[i] = i;
	for (uint32_t i = 0; i < l.names.n; i++)
		rank[i] = i;
	sort_names = &l.lanes;
	qsort(lane, l.lanes.n, sizeof *lane, by_name);
	for (uint32_t i = 0; i < l.lanes.n; i++)
		place[lane[i]] = (uint32_t)(l.lanes.n - 1 - i);
	sort_names = &l.names;
	qsort(rank, l.names.n, sizeof *rank, by_weight);
	for (uint32_t i = 0; i < l.names.n; i++)
		colour[rank[i]] = i;
	shown = l.names.n > NAMES + 1 ? NAMES : l.names.n;

	for (size_t k = 0; k < l.lanes.n; k++) {
		size_t n = gnuplot_length(p->texts.text[l.lanes.text[k]]);

		longest = n > longest ? n : longest;
	}
	plot_key_room(p, longest < PLOT_SIDE_NAME_MAX ? longest : PLOT_SIDE_NAME_MAX);
	longest = 0;
	for (size_t k = 0; k < shown; k++) {
		size_t n = gnuplot_length(p->texts.text[l.names.text[rank[k]]]);

		longest = n > longest ? n : longest;
	}
	plot_key_of(p, shown + (shown < l.names.n), longest);
	p->o.page.side_rows += (unsigned)((double)l.lanes.n * 1.2);
	p->x.tight = true;
	if (plot_range(p, &p->x, &p->o.x_range, "--x-range", e) < 0)
		return -1;
	gnuplot_axis_settle(&p->x);
	column = (p->x.hi - p->x.lo) / SPAN_COLUMNS;
	/* One block for each colour and depth: what is nested is drawn later. */
	for (unsigned depth = 0; depth <= l.deepest && depth < 64; depth++)
		for (size_t k = 0; k <= shown; k++) {
			double last = -INFINITY, height = 0.4 * pow(0.72, depth);
			uint32_t last_lane = PLOT_NO_TEXT;
			bool any = false;

			for (size_t i = 0; i < l.n; i++) {
				const struct span *s = &l.span[i];
				size_t c = colour[s->name] < shown ? colour[s->name] : shown;
				double y = place[s->lane], end = s->end;

				if (s->depth != depth || c != k)
					continue;
				/* Shorter than print can show, and in the column of the one before: one mark. */
				if (s->lane == last_lane && end - s->start < column &&
				    floor(s->start / column) == last) {
					merged++;
					continue;
				}
				last = floor(s->start / column);
				last_lane = s->lane;
				if (!any)
					buf_printf(&p->data, "$d%u_%zu << EOD\n", depth, k);
				any = true;
				gnuplot_axis_number(&p->data, &p->x, s->start);
				buf_char(&p->data, ' ');
				gnuplot_axis_number(&p->data, &p->x, end);
				buf_char(&p->data, ' ');
				gnuplot_number(&p->data, y - height);
				buf_char(&p->data, ' ');
				gnuplot_number(&p->data, y + height);
				buf_char(&p->data, '\n');
			}
			if (!any)
				continue;
			buf_slice(&p->data, SLICE("EOD\n"));
			b = plot_next(p);
			buf_printf(b,
			    "$d%u_%zu using 1:3:1:2:3:4 with boxxyerror fillstyle solid 1 border "
			    "lc rgb '%s' lw 0.4 fillcolor rgb '%s'",
			    depth, k, fill(k, shown), fill(k, shown));
		}
	if (merged > 0)
		plot_note(p, "%zu of %zu spans share a mark with a neighbour", merged, l.n);
	for (size_t k = 0;
	     k < shown && (l.names.n > 1 || p->texts.text[l.names.text[rank[0]]].n > 0); k++) {
		b = plot_next(p);
		buf_printf(b,
		    "keyentry with boxes fillstyle solid 1 noborder fillcolor rgb '%s' title ",
		    fill(k, shown));
		gnuplot_quote(b, p->texts.text[l.names.text[rank[k]]], p->name_max);
	}
	if (shown < l.names.n)
		buf_printf(plot_next(p),
		    "keyentry with boxes fillstyle solid 1 noborder fillcolor rgb '#c0c0c0' title "
		    "'%zu others'",
		    l.names.n - shown);
	gnuplot_axis_put(&p->head, &p->x);
	buf_slice(&p->head, SLICE("set ylabel "));
	gnuplot_quote(&p->head, p->o.y_label.p ? p->o.y_label : p->y.label, 0);
	buf_printf(
	    &p->head, "\nset yrange [-0.6:%g]\nset ytics scale 0 (", (double)l.lanes.n - 0.4);
	for (size_t i = 0; i < l.lanes.n; i++) {
		buf_slice(&p->head, i ? SLICE(", ") : SLICE(""));
		gnuplot_quote_tick(
		    &p->head, p->texts.text[l.lanes.text[lane[i]]], PLOT_SIDE_NAME_MAX);
		buf_printf(&p->head, " %zu", l.lanes.n - 1 - i);
	}
	buf_slice(&p->head, SLICE(")\nset grid noytics\n"));
	free(lane);
	free(place);
	free(rank);
	free(colour);
	free(l.span);
	free(l.lanes.text);
	free(l.lanes.weight);
	free(l.names.text);
	free(l.names.weight);
	return 0;
}
