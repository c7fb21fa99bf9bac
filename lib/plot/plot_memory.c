/* plot_memory.c - part of plot.h: accesses over time and address, coloured by the share of reads, over the lives of objects */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/num.h"
#include "plot/plot_parts.h"

enum { SITES = 6, BORDERED = 400, SMALLEST = 3 /* tenths of a cell, for a single access */ };

static const char other_colour[] = "#e3e3e3";

/* Light ones, so that accesses stand out; in grey they are told apart by the numbers on them. */
static const char *const colours[] = { "#b2df8a", "#fde58a", "#d9bfe6", "#9fdcd3", "#fbc4b4",
	"#c9d3f5", "#d8e8a0", "#efd2a0", "#e3c3d3", "#b5d9e8", "#d6d0b8", "#c5e8c5" };

/* From writes to reads; what is neither is black. */
static const char neither[] = "#202020";

struct life {
	double x_lo, x_hi, y_lo, y_hi; /* places */
	unsigned site;                 /* from 1 */
};

struct memory {
	struct plot_squeezed x, y;
	const struct plot_column *count, *reads, *writes;
	struct life *life;
	size_t lives, cap;
	unsigned shown, sites;
	struct slice *name; /* of the sites shown, from 1 */
	double *share;
	double least, most, lives_y; /* counts */
};

static struct slice
word_in(const struct table *t, size_t first, const char *key)
{
	for (size_t i = first; i < t->words && t->word[i].line == t->word[first].line; i++)
		if (slice_eq(t->word[i].key, slice_of(key)))
			return t->word[i].value;
	return (struct slice){ NULL, 0 };
}

static bool
is_first(const struct table *t, size_t i, const char *key)
{
	return (i == 0 || t->word[i - 1].line != t->word[i].line) &&
	       slice_eq(t->word[i].key, slice_of(key));
}

static double
within(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static double
place(const struct plot_squeezed *h, double v)
{
	return within(plot_squeezed_place(h, plot_squeezed_clip(h, v)), h->a->lo, h->a->hi);
}

/* The axes show what the table has, whether there are cells or not; x from the beginning of the trace. */
static void
settle(struct plot *p, struct memory *m)
{
	const struct table *t = p->table[0]->source;
	static const char *const ends[][2] = { { "x_min", "x_max" }, { "y_min", "y_max" } };
	double start, end, v;

	plot_squeezed_settle(p, &m->x, "x", PLOT_LOG_NO);
	plot_squeezed_settle(p, &m->y, "y", PLOT_LOG_NO);
	if (plot_squeezed_number(&m->x, table_word(t, SLICE("start")), &start)) {
		m->x.a->lo += m->x.start - start;
		m->x.a->hi += m->x.start - start;
		m->x.start = start;
	}
	for (int axis = 0; axis < 2; axis++) {
		struct plot_squeezed *h = axis ? &m->y : &m->x;

		for (int i = 0; i < 2; i++)
			if (plot_squeezed_number(h, table_word(t, slice_of(ends[axis][i])), &v))
				gnuplot_axis_add(h->a, plot_squeezed_place(h, v));
	}
	/* Bins are powers of two, and go beyond. */
	if (m->x.a->lo < 0)
		m->x.a->lo = 0;
	if (plot_squeezed_number(&m->x, table_word(t, SLICE("end")), &end) &&
	    end - m->x.start > m->x.a->lo && m->x.a->hi > end - m->x.start)
		m->x.a->hi = end - m->x.start;
}

/* ---- sites ---- */

/* "leaf < caller < ...": the innermost `frames` functions. */
static void
put_leaf(struct buf *b, struct slice name, unsigned frames)
{
	for (unsigned i = 0; i < frames && name.n > 0; i++) {
		const char *last = memrchr(name.p, ';', name.n);
		size_t at = last ? (size_t)(last - name.p) + 1 : 0;

		buf_slice(b, i ? SLICE(" < ") : SLICE(""));
		buf_put(b, name.p + at, name.n - at);
		name.n = at ? at - 1 : 0;
	}
}

/* As many functions as tell it from the other sites that are shown. */
static struct slice
short_name(struct plot *p, const struct slice *full, unsigned n, unsigned i)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct slice name;
	bool alike = true;

	for (unsigned frames = 1; alike && frames < 5; frames++) {
		alike = false;
		a.n = 0;
		put_leaf(&a, full[i], frames);
		for (unsigned k = 0; k < n && !alike; k++) {
			b.n = 0;
			put_leaf(&b, full[k], frames);
			alike = k != i && slice_eq(buf_view(&a), buf_view(&b));
		}
	}
	name = arena_copy(&p->arena, buf_view(&a));
	buf_free(&a);
	buf_free(&b);
	return name;
}

static void
read_sites(struct plot *p, struct memory *m)
{
	const struct table *t = p->table[0]->source;
	unsigned wanted = p->o.sites ? p->o.sites : SITES;
	struct slice *full = xcalloc(wanted, sizeof *full);
	double all = 0;

	m->share = xcalloc(wanted + 1, sizeof *m->share);
	m->name = xcalloc(wanted + 1, sizeof *m->name);
	for (size_t i = 0; i < t->words; i++) {
		if (is_first(t, i, "memory"))
			num_f64(word_in(t, i, "weight"), &all);
		if (!is_first(t, i, "site"))
			continue;
		if (m->shown < wanted) {
			full[m->shown++] = word_in(t, i, "name");
			num_f64(word_in(t, i, "weight"), &m->share[m->shown]);
			m->share[m->shown] /= all > 0 ? all : 1;
		}
		m->sites++;
	}
	/* A colour for a single one that is left is better than the word others. */
	for (unsigned i = 0; i < m->shown; i++)
		m->name[i + 1] = short_name(p, full, m->shown, i);
	free(full);
}

/* ---- lives ---- */

static int
by_area(const void *pa, const void *pb)
{
	const struct life *a = pa, *b = pb;
	double x = (a->x_hi - a->x_lo) * (a->y_hi - a->y_lo),
	       y = (b->x_hi - b->x_lo) * (b->y_hi - b->y_lo);

	if (x != y)
		return x < y ? 1 : -1;
	if (a->site != b->site)
		return a->site > b->site ? -1 : 1;
	if (a->y_lo != b->y_lo)
		return a->y_lo < b->y_lo ? -1 : 1;
	return a->x_lo < b->x_lo ? -1 : a->x_lo > b->x_lo;
}

/* At least as large as can be seen. */
static void
widen(double *lo, double *hi, const struct gnuplot_axis *a, double least)
{
	double mid = (*lo + *hi) / 2;

	least *= a->hi - a->lo;
	if (*hi - *lo >= least)
		return;
	*lo = within(mid - least / 2, a->lo, a->hi - least);
	*hi = *lo + least;
}

static void
read_lives(struct plot *p, struct memory *m)
{
	const struct table *t = p->table[0]->source;

	for (size_t i = 0; i < t->words; i++) {
		struct life l = { 0 };
		uint64_t site = 0;
		double lo, hi;

		if (!is_first(t, i, "life"))
			continue;
		if (!plot_squeezed_number(&m->x, word_in(t, i, "x_lo"), &l.x_lo) ||
		    !plot_squeezed_number(&m->x, word_in(t, i, "x_hi"), &l.x_hi) ||
		    !plot_squeezed_number(&m->y, word_in(t, i, "y_lo"), &lo) ||
		    !plot_squeezed_number(&m->y, word_in(t, i, "y_hi"), &hi) ||
		    num_u64(word_in(t, i, "site"), &site) < 0)
			continue;
		l.x_lo = place(&m->x, l.x_lo);
		l.x_hi = place(&m->x, l.x_hi);
		l.y_lo = place(&m->y, lo);
		l.y_hi = place(&m->y, hi);
		l.site = site > m->shown ? 0 : (unsigned)site;
		/* All of it was squeezed out. */
		if (l.y_hi <= l.y_lo && plot_squeezed_clip(&m->y, lo) != lo)
			continue;
		widen(&l.x_lo, &l.x_hi, &p->x, 1.0 / 400);
		widen(&l.y_lo, &l.y_hi, &p->y, 1.0 / 250);
		GROW(m->life, m->cap, m->lives);
		m->life[m->lives++] = l;
	}
	if (m->lives > 0)
		qsort(m->life, m->lives, sizeof *m->life, by_area);
}

static void
draw_lives(struct plot *p, struct memory *m)
{
	bool *labelled = xcalloc(m->shown + 1, sizeof *labelled);

	if (m->lives == 0) {
		free(labelled);
		return;
	}
	buf_slice(&p->data, SLICE("$life << EOD\n"));
	for (size_t i = 0; i < m->lives; i++) {
		const struct life *l = &m->life[i];
		const double v[] = { l->x_lo, l->y_lo, l->x_lo, l->x_hi, l->y_lo, l->y_hi };

		for (int k = 0; k < 6; k++) {
			gnuplot_axis_number(&p->data, k == 1 || k > 3 ? &p->y : &p->x, v[k]);
			buf_char(&p->data, ' ');
		}
		buf_printf(&p->data, "%ld\n",
		    strtol((l->site ? colours[l->site - 1] : other_colour) + 1, NULL, 16));
		/* The largest of a site has its number. */
		if (l->site == 0 || labelled[l->site] ||
		    (l->y_hi - l->y_lo) < (p->y.hi - p->y.lo) / 30)
			continue;
		labelled[l->site] = true;
		buf_printf(&p->head, "set label '%u' at first ", l->site);
		gnuplot_axis_number(&p->head, &p->x, l->x_lo);
		buf_slice(&p->head, SLICE(", first "));
		gnuplot_axis_number(&p->head, &p->y, (l->y_lo + l->y_hi) / 2);
		buf_printf(&p->head,
		    " offset character 0.7,0 front boxed font ',%g' textcolor rgb '#303030'\n",
		    gnuplot_small(&p->o.page));
	}
	buf_slice(&p->data, SLICE("EOD\n"));
	buf_printf(plot_next(p),
	    "$life using 1:2:3:4:5:6:7 with boxxyerror fillstyle solid 1 %s fillcolor rgb variable",
	    m->lives <= BORDERED ? "border lc rgb '#a0a0a0' lw 0.4" : "noborder");
	free(labelled);
}

/* ---- accesses ---- */

static double
size_of(const struct memory *m, double count)
{
	if (!(m->most > m->least))
		return 1;
	return (SMALLEST + (10 - SMALLEST) * log(count / m->least) / log(m->most / m->least)) / 10;
}

static void
put_span(struct plot *p, const struct plot_squeezed *h, double lo, double hi, double size)
{
	const struct gnuplot_axis *a = h->a;
	double mid, half;

	lo = within(plot_squeezed_place(h, lo), a->lo, a->hi);
	hi = within(plot_squeezed_place(h, hi), a->lo, a->hi);
	mid = (lo + hi) / 2;
	half = (hi - lo) / 2 * size;
	/* (below that, print shows nothing) */
	half = fmax(half, (a->hi - a->lo) / 700);
	gnuplot_axis_number(&p->data, a, fmax(mid - half, a->lo));
	buf_char(&p->data, ' ');
	gnuplot_axis_number(&p->data, a, fmin(mid + half, a->hi));
	buf_char(&p->data, ' ');
}

static void
draw_cells(struct plot *p, const struct memory *m, bool text)
{
	const struct plot_table *t = p->table[0];
	bool any[2] = { false, false };

	for (int known = 0; known < 2; known++) {
		buf_printf(&p->data, "$d%d << EOD\n", known);
		for (size_t r = 0; r < t->rows; r++) {
			double reads = plot_value(m->reads, r, false),
			       writes = plot_value(m->writes, r, false);
			double count = plot_value(m->count, r, false),
			       share = reads / (reads + writes);

			if (!(count > 0) || (reads + writes > 0) != known)
				continue;
			any[known] = true;
			put_span(p, &m->x, plot_squeezed_value(&m->x, m->x.lo, r),
			    plot_squeezed_value(&m->x, m->x.hi, r), size_of(m, count));
			put_span(p, &m->y, plot_squeezed_value(&m->y, m->y.lo, r),
			    plot_squeezed_value(&m->y, m->y.hi, r), size_of(m, count));
			gnuplot_number(&p->data, known ? share : 0);
			if (text)
				buf_printf(&p->data, " \"%c\"",
				    !known         ? '+'
				    : share > 0.75 ? 'r'
				    : share < 0.25 ? 'w'
						   : 'b');
			buf_char(&p->data, '\n');
		}
		buf_slice(&p->data, SLICE("EOD\n"));
	}
	if (any[0])
		buf_printf(plot_next(p),
		    "$d0 using 1:3:1:2:3:4 with boxxyerror fillstyle solid 1 noborder fillcolor "
		    "rgb '%s'",
		    neither);
	if (any[1])
		buf_slice(plot_next(p), SLICE("$d1 using 1:3:1:2:3:4:5 with boxxyerror fillstyle "
					      "solid 1 noborder fillcolor palette"));
	if (text && (any[0] || any[1])) {
		buf_slice(&p->text, SLICE("unset colorbox\nset label 2000 'r reads  w writes  b "
					  "both  + neither is known' at screen 0.5, screen 0 "
					  "offset 0,0.5 center\nset bmargin 4\nplot "));
		for (int known = 0; known < 2; known++)
			if (any[known])
				buf_printf(&p->text,
				    "%s$d%d using (($1+$2)/2):(($3+$4)/2):6 with labels",
				    known && any[0] ? ", " : "", known);
		buf_char(&p->text, '\n');
	}
	if (!any[1])
		buf_slice(&p->head, SLICE("unset colorbox\n"));
}

/* ---- legend ---- */

/* Names before room: up to five rows of them. */
static void
settle_key(struct plot *p, size_t n, size_t longest)
{
	enum { SAMPLE = 6, ROWS = 5 };
	size_t columns, rows;

	if (n == 0) {
		buf_slice(&p->head, SLICE("unset key\n"));
		return;
	}
	for (p->name_max = PLOT_NAME_MAX;; p->name_max -= 2) {
		columns = p->key_width / ((longest < p->name_max ? longest : p->name_max) + SAMPLE);
		columns = columns > n ? n : columns ? columns : 1;
		rows = (n + columns - 1) / columns;
		if (rows <= ROWS || p->name_max <= 12)
			break;
	}
	p->o.page.key_rows = (unsigned)rows;
	p->o.page.key_columns = (unsigned)columns;
}

static void
draw_key(struct plot *p, const struct memory *m)
{
	struct gnuplot_axis number = GNUPLOT_AXIS_INIT("cb");
	bool others = m->sites > m->shown, sizes = m->most > m->least;
	struct slice *text = xcalloc(m->shown + 3, sizeof *text);
	struct buf b = BUF_INIT;
	size_t longest = 0, n = 0;

	for (unsigned i = 1; i <= m->shown; i++) {
		b.n = 0;
		buf_printf(&b, "%u ", i);
		if (m->share[i] > 0)
			buf_printf(
			    &b, m->share[i] < 0.0995 ? "%.1f%% " : "%.0f%% ", 100 * m->share[i]);
		buf_slice(&b, m->name[i]);
		text[n++] = arena_copy(&p->arena, buf_view(&b));
	}
	if (others) {
		b.n = 0;
		buf_printf(&b, "%u other sites", m->sites - m->shown);
		text[n++] = arena_copy(&p->arena, buf_view(&b));
	}
	if (sizes) {
		b.n = 0;
		gnuplot_value(&b, &number, m->least);
		buf_slice(&b, SLICE(" to "));
		gnuplot_value(&b, &number, m->most);
		buf_slice(&b, SLICE(" a box"));
		text[n++] = arena_copy(&p->arena, buf_view(&b));
	}
	for (size_t i = 0; i < n; i++)
		longest = gnuplot_length(text[i]) > longest ? gnuplot_length(text[i]) : longest;
	settle_key(p, n, longest);
	for (size_t i = 0; i < n; i++) {
		struct buf *to = plot_next(p);

		if (sizes && i + 1 == n)
			buf_slice(
			    to, SLICE("keyentry with points pt 5 ps 0.6 lc rgb '#606060' title "));
		else
			buf_printf(to,
			    "keyentry with boxes fillstyle solid 1 border lc rgb '#a0a0a0' lw 0.4 "
			    "fillcolor rgb '%s' title ",
			    i < m->shown ? colours[i] : other_colour);
		gnuplot_quote(to, text[i], p->name_max);
	}
	free(text);
	buf_free(&b);
}

/* Wider than a column, unless the user says so: there are long labels on both sides. */
static void
settle_page(struct plot *p)
{
	static const struct {
		double width, height;
	} usual[GNUPLOT_TERMINALS] = { [GNUPLOT_PNG] = { 1500, 900 },
		[GNUPLOT_SVG] = { 860, 520 },
		[GNUPLOT_PDF] = { 5, 3 },
		[GNUPLOT_CANVAS] = { 1100, 680 },
		[GNUPLOT_QT] = { 1100, 680 } };
	struct gnuplot_page *page = &p->o.page;

	plot_key_room(p, 14);
	if (page->width > 0 || page->height > 0 || page->terminal == GNUPLOT_DUMB)
		return;
	page->width = usual[page->terminal].width;
	page->height = usual[page->terminal].height;
	p->key_width = 68;
}

static void
note_memory(struct plot *p)
{
	uint64_t n;
	const struct table *t = p->table[0]->source;

	if (num_u64(table_word(t, SLICE("processes")), &n) == 0 && n > 1)
		plot_note(p,
		    "%" PRIu64
		    " processes on one axis: leat pick 'pid == %.*s' chooses the busiest",
		    n, SLICE_ARG(table_word(t, SLICE("busiest"))));
	if (num_u64(table_word(t, SLICE("unjoined")), &n) == 0 && n > 0)
		plot_note(p, "%" PRIu64 " accesses were not joined", n);
}

int
plot_memory(struct plot *p, struct error *e)
{
	bool text = p->o.page.guess || p->o.page.terminal == GNUPLOT_DUMB;
	const struct plot_table *t = p->tables ? p->table[0] : NULL;
	struct memory m = { .x.a = &p->x, .y.a = &p->y, .least = INFINITY };

	if (p->tables > 1)
		return error_set(e, "memory draws one picture, not %zu", p->tables);
	if (t == NULL || plot_table_column(t, ROLE_COUNT, 0) == NULL)
		return 0;
	note_memory(p);
	plot_drop_infinite(p, p->table[0]);
	if (t->rows == 0 && table_word(t->source, SLICE("y_min")).n == 0)
		return 0;
	m.x.lo = plot_table_column(t, ROLE_LO, 0);
	m.x.hi = plot_table_column(t, ROLE_X_HI, 0);
	m.y.lo = plot_table_column(t, ROLE_HI, 0);
	m.y.hi = plot_table_column(t, ROLE_Y_HI, 0);
	m.count = plot_table_column(t, ROLE_COUNT, 0);
	m.reads = plot_table_column(t, ROLE_Y, 0);
	m.writes = plot_table_column(t, ROLE_Y, 1);
	settle_page(p);
	settle(p, &m);
	if (plot_range(p, &p->x, &p->o.x_range, "--x-range", e) < 0)
		return -1;
	if (p->o.y_range.min.n > 0 || p->o.y_range.max.n > 0)
		return error_set(
		    e, "--y-range: leat heat --memory --y-range chooses the addresses");
	for (size_t r = 0; r < t->rows; r++) {
		double count = plot_value(m.count, r, false);

		m.least = count > 0 ? fmin(m.least, count) : m.least;
		m.most = fmax(m.most, count);
	}
	gnuplot_axis_settle(&p->x);
	gnuplot_axis_settle(&p->y);
	read_sites(p, &m);
	read_lives(p, &m);
	draw_lives(p, &m);
	draw_cells(p, &m, text);
	draw_key(p, &m);
	gnuplot_axis_put(&p->head, &p->x);
	gnuplot_axis_put(&p->head, &p->y);
	if (m.y.seams > 0)
		plot_squeezed_ticks(p, &m.y);
	plot_squeezed_seams(p, &m.y);
	buf_printf(&p->head, "set ytics font ',%g'\n", gnuplot_small(&p->o.page));
	buf_slice(&p->head,
	    SLICE("set palette maxcolors 256 defined (0 '#cc3311', 0.5 '#8c8c8c', 1 '#0a5ea8')\n"
		  "set cbrange [0:1]\nset cbtics ('writes' 0, 'both' 0.5, 'reads' 1)\n"
		  "set border 15\nunset grid\nset style textbox opaque noborder fillcolor rgb "
		  "'#ffffff' margins 0.6,0.6\n"));
	free(m.life);
	free(m.name);
	free(m.share);
	return 0;
}
