#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "form/matrix.h"
#include "form/table.h"

/* Characters of a picture that are not cells: labels at the left, and lines above and below. */
enum { LABEL = 14, AROUND = 6, LABEL_LINES = 4 };

/* The ends of the bins as text, which stand in many rows. */
struct ends {
	struct buf text;
	size_t *at; /* bin b: lo is at[2b]..at[2b+1], hi up to at[2b+2] */
};

struct matrix {
	const struct grid *g;
	const struct matrix_names *names;
	struct ends x, y;
};

static void
put_number(struct buf *to, struct axis_number n, struct slice unit)
{
	char digits[48], *p = digits + sizeof digits;
	bool hex = slice_eq(unit, SLICE("addr")) && !n.real && n.i >= 0;
	unsigned base = hex ? 16 : 10;
	__uint128_t v = (__uint128_t)(n.i < 0 ? -n.i : n.i);

	if (n.real) {
		buf_f64(to, n.d);
		return;
	}
	do
		*--p = "0123456789abcdef"[v % base];
	while (v /= base);
	buf_slice(to, hex ? SLICE("0x") : n.i < 0 ? SLICE("-") : SLICE(""));
	buf_put(to, p, (size_t)(digits + sizeof digits - p));
}

static void
put_value(const struct grid *g, union grid_cell c, struct buf *to)
{
	if (!g->weighted)
		buf_u64(to, c.count);
	else if (g->real)
		buf_f64(to, c.d);
	else
		buf_i64(to, c.i);
}

static void
ends_of(struct ends *e, const struct axis *a, struct slice unit)
{
	e->text = BUF_INIT;
	e->at = xcalloc((size_t)a->bins * 2 + 1, sizeof *e->at);
	for (uint32_t b = 0; b < a->bins; b++) {
		put_number(&e->text, a->bin[b].lo, unit);
		e->at[2 * b + 1] = e->text.n;
		put_number(&e->text, a->bin[b].hi, unit);
		e->at[2 * b + 2] = e->text.n;
	}
}

struct matrix *
matrix_new(const struct grid *g, const struct matrix_names *names)
{
	struct matrix *m = xcalloc(1, sizeof *m);

	m->g = g;
	m->names = names;
	ends_of(&m->x, &g->x, names->x.unit);
	ends_of(&m->y, &g->y, names->y.unit);
	return m;
}

void
matrix_free(struct matrix *m)
{
	buf_free(&m->x.text);
	buf_free(&m->y.text);
	free(m->x.at);
	free(m->y.at);
	free(m);
}

static void
put_end(struct buf *to, const struct ends *e, size_t i)
{
	buf_put(to, e->text.p + e->at[i], e->at[i + 1] - e->at[i]);
}

/* ---- the table ---- */

static void
put_limits(struct buf *to, const char *name, const struct axis *a, const struct ends *e)
{
	if (a->bins == 0)
		return;
	buf_printf(to, " %s_min=", name);
	put_end(to, e, 0);
	buf_printf(to, " %s_max=", name);
	put_end(to, e, (size_t)a->bins * 2 - 1);
}

static bool
same(struct axis_number a, struct axis_number b)
{
	return a.real ? a.d == b.d : a.i == b.i;
}

static bool
seam_below(const struct axis *a, uint32_t b)
{
	return b > 0 && !same(a->bin[b - 1].hi, a->bin[b].lo);
}

static void
put_seams(struct buf *to, const char *name, const struct axis *a, const struct ends *e)
{
	for (uint32_t b = 1; b < a->bins; b++) {
		if (!seam_below(a, b))
			continue;
		buf_printf(to, "# seam %s=%" PRIu32 " lo=", name, b);
		put_end(to, e, (size_t)b * 2 - 1);
		buf_slice(to, SLICE(" hi="));
		put_end(to, e, (size_t)b * 2);
		buf_char(to, '\n');
	}
}

/* The sum of all cells. */
static void
put_sum(const struct grid *g, struct buf *to)
{
	size_t cells = (size_t)g->x.bins * g->y.bins;
	__int128 i = 0;
	double d = 0;

	for (size_t k = 0; k < cells; k++) {
		if (g->real)
			d += g->cell[k].d;
		else
			i += g->cell[k].i;
	}
	put_number(to, (struct axis_number){ .real = g->real, .i = i, .d = d }, SLICE(""));
}

void
matrix_put_head(const struct matrix *m, struct slice losses, struct buf *to)
{
	const struct grid *g = m->g;
	const struct matrix_names *n = m->names;

	buf_slice(to, SLICE("# heat"));
	table_put_word(to, "x", n->x.name);
	table_put_word(to, "y", n->y.name);
	table_put_word(to, "x_unit", n->x.unit);
	table_put_word(to, "y_unit", n->y.unit);
	buf_printf(to, " x_scale=%s y_scale=%s x_bins=%" PRIu32 " y_bins=%" PRIu32,
	    g->x.scheme.log ? "log" : "linear", g->y.scheme.log ? "log" : "linear", g->x.bins,
	    g->y.bins);
	put_limits(to, "x", &g->x, &m->x);
	put_limits(to, "y", &g->y, &m->y);
	buf_printf(to,
	    " count=%" PRIu64 " outside=%" PRIu64 " without=%" PRIu64 " not_positive=%" PRIu64
	    " nan=%" PRIu64,
	    g->placed, g->refused[AXIS_OUTSIDE], n->without, g->refused[AXIS_NOT_POSITIVE],
	    g->refused[AXIS_NAN]);
	if (g->weighted) {
		table_put_word(to, "w", n->w);
		buf_slice(to, SLICE(" sum="));
		put_sum(g, to);
	}
	buf_char(to, '\n');
	put_seams(to, "x", &g->x, &m->x);
	put_seams(to, "y", &g->y, &m->y);
	buf_slice(to, losses);
	buf_slice(to, SLICE("x\ty\tx_lo\tx_hi\ty_lo\ty_hi\tcount"));
	buf_slice(to, n->reads ? SLICE("\treads\twrites\n") : SLICE("\n"));
}

void
matrix_put_row(const struct matrix *m, uint32_t y, struct buf *to)
{
	const struct grid *g = m->g;

	for (uint32_t x = 0; x < g->x.bins; x++) {
		size_t at = (size_t)y * g->x.bins + x;

		if (grid_empty(g, x, y))
			continue;
		buf_u64(to, x);
		buf_char(to, '\t');
		buf_u64(to, y);
		for (size_t i = 0; i < 4; i++) {
			buf_char(to, '\t');
			put_end(to, i < 2 ? &m->x : &m->y, (size_t)(i < 2 ? x : y) * 2 + i % 2);
		}
		buf_char(to, '\t');
		put_value(g, g->cell[at], to);
		for (int i = 0; i < 2 && m->names->reads; i++) {
			const struct grid *part = i ? m->names->writes : m->names->reads;

			buf_char(to, '\t');
			put_value(part, part->cell[at], to);
		}
		buf_char(to, '\n');
	}
}

/* ---- the picture ---- */

struct scale {
	struct slice unit;
	double by; /* 0: each number has its own */
	const char *name;
	int digits; /* behind the point */
	bool hex;
};

/* The largest unit that is not above this number. */
static void
unit_for(struct slice unit, double most, double *by, const char **name)
{
	static const struct {
		const char *of, *name;
		double by;
	} units[] = { { "ns", "s", 1e9 }, { "ns", "ms", 1e6 }, { "ns", "us", 1e3 },
		{ "ns", "ns", 1 }, { "bytes", "TiB", 0x1p40 }, { "bytes", "GiB", 0x1p30 },
		{ "bytes", "MiB", 0x1p20 }, { "bytes", "KiB", 0x1p10 }, { "bytes", "B", 1 } };

	*by = 1;
	*name = "";
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (slice_eq(unit, slice_of(units[i].of)) &&
		    (most >= units[i].by || units[i].by == 1)) {
			*by = units[i].by;
			*name = units[i].name;
			return;
		}
}

/* A unit in which the axis has numbers that people read, and as many digits as tell a hundredth of it. */
static struct scale
scale_of(const struct axis *a, struct slice unit)
{
	double lo = axis_real(a->bin[0].lo), hi = axis_real(a->bin[a->bins - 1].hi);
	double most = fmax(fabs(lo), fabs(hi));
	struct scale s = { .unit = unit,
		.hex = slice_eq(unit, SLICE("addr")) && !a->bin[0].lo.real };

	if (a->scheme.log)
		return s;
	unit_for(unit, most, &s.by, &s.name);
	s.digits = (int)ceil(2 - log10((hi - lo) / s.by));
	s.digits = s.digits < 0 || (s.by == 1 && !a->bin[0].lo.real) ? 0
		   : s.digits > 6                                    ? 6
								     : s.digits;
	return s;
}

static void
put_label(struct buf *to, const struct scale *s, struct axis_number n)
{
	double d = axis_real(n), by = s->by;
	const char *name = s->name;

	if (s->hex) {
		put_number(to, n, SLICE("addr"));
		return;
	}
	if (by == 0)
		unit_for(s->unit, fabs(d), &by, &name);
	if (s->by == 0 || fabs(d) / by >= 1e9)
		buf_printf(to, "%.4g", d / by);
	else
		buf_printf(to, "%.*f", s->digits, d / by);
	if (*name)
		buf_printf(to, " %s", name);
}

static void
put_padded(struct buf *to, struct slice s, unsigned width)
{
	for (size_t i = s.n; i < width; i++)
		buf_char(to, ' ');
	buf_slice(to, s);
}

static void
put_repeated(struct buf *to, const char *s, uint32_t times)
{
	for (uint32_t i = 0; i < times; i++)
		buf_slice(to, slice_of(s));
}

void
matrix_room(unsigned columns, unsigned lines, uint32_t *x_bins, uint32_t *y_bins)
{
	*x_bins = columns > LABEL + 20 ? columns - LABEL - 2 : 20;
	*y_bins = lines > AROUND + 6 ? lines - AROUND : 6;
}

/* How many bins share a character, and how many characters a bin has: one of them is 1. */
struct fit {
	uint32_t bins, wide, cells; /* cells: groups of bins */
};

static struct fit
fit(uint32_t bins, uint32_t room)
{
	struct fit f = { .bins = (bins + room - 1) / room };

	f.bins = f.bins ? f.bins : 1;
	f.cells = (bins + f.bins - 1) / f.bins;
	f.wide = f.cells ? room / f.cells : 1;
	f.wide = f.wide ? f.wide : 1;
	return f;
}

static double
shade_value(const struct grid *g, struct fit fx, struct fit fy, uint32_t cx, uint32_t cy)
{
	double sum = 0;

	for (uint32_t y = cy * fy.bins; y < (cy + 1) * fy.bins && y < g->y.bins; y++)
		for (uint32_t x = cx * fx.bins; x < (cx + 1) * fx.bins && x < g->x.bins; x++)
			sum += grid_value(g, x, y);
	return sum;
}

struct shades {
	const char *const *shade; /* of the lowest */
	unsigned n;
	double min, max; /* > 0 */
};

/* Where shade i begins. */
static double
shade_from(const struct shades *s, unsigned i)
{
	return s->min * pow(s->max / s->min, (double)i / s->n);
}

static const char *
shade(const struct shades *s, double v)
{
	unsigned i = 0;

	if (!(v > 0))
		return v < 0 ? "-" : " ";
	while (i + 1 < s->n && v >= shade_from(s, i + 1))
		i++;
	return s->shade[i];
}

static void
put_legend(struct buf *to, const struct shades *s, const struct grid *g)
{
	double before = -1;

	for (unsigned i = 0; i < s->n; i++) {
		double from = shade_from(s, i);

		if (!g->real)
			from = ceil(from - 1e-9 * from);
		if (from > s->max || from == before)
			continue;
		buf_printf(to, "  %s %.4g", s->shade[i], from);
		before = from;
	}
	buf_printf(to, "..%.4g", s->max);
}

/* Left, middle and right of the x axis, below it. */
static void
put_x_labels(const struct matrix *m, const struct scale *s, uint32_t width, struct buf *to)
{
	const struct axis *a = &m->g->x;
	struct buf mid = BUF_INIT, right = BUF_INIT;
	size_t start = to->n;

	put_repeated(to, " ", LABEL + 1);
	put_label(to, s, a->bin[0].lo);
	put_label(&mid, s, a->bin[a->bins / 2].lo);
	put_label(&right, s, a->bin[a->bins - 1].hi);
	if (a->bins > 1 && width > 3 * (mid.n + 2)) {
		while (to->n - start < LABEL + 1 + width / 2 - mid.n / 2)
			buf_char(to, ' ');
		buf_slice(to, buf_view(&mid));
	}
	do
		buf_char(to, ' ');
	while (to->n - start < LABEL + 1 + width - (right.n < width ? right.n : width));
	buf_slice(to, buf_view(&right));
	buf_char(to, '\n');
	buf_free(&mid);
	buf_free(&right);
}

static bool
seam_in(const struct axis *a, const struct fit *f, uint32_t cell)
{
	for (uint32_t b = cell * f->bins; b < (cell + 1) * f->bins && b < a->bins; b++)
		if (seam_below(a, b))
			return true;
	return false;
}

static void
put_body(const struct matrix *m, struct fit fx, struct fit fy, const struct shades *shades,
    const struct scale *sy, bool utf8, struct buf *to)
{
	const struct grid *g = m->g;
	uint32_t rows = fy.cells * fy.wide, every = (LABEL_LINES + fy.wide - 1) / fy.wide;
	struct buf label = BUF_INIT;

	for (uint32_t row = rows; row-- > 0;) {
		uint32_t cy = row / fy.wide;
		bool seam = row % fy.wide == 0 && seam_in(&g->y, &fy, cy);
		const char *edge = utf8 ? "│" : "|";

		label.n = 0;
		if (row + 1 == rows && !seam && rows > fy.wide)
			put_label(&label, sy, g->y.bin[g->y.bins - 1].hi);
		else if (row % fy.wide == 0 && (cy % every == 0 || seam) &&
			 (seam || row == 0 || row + 3 < rows))
			put_label(&label, sy, g->y.bin[cy * fy.bins].lo);
		put_padded(to, buf_view(&label), LABEL);
		buf_slice(to, slice_of(seam ? (utf8 ? "┴" : "=") : edge));
		for (uint32_t cx = 0; cx < fx.cells; cx++)
			put_repeated(to, shade(shades, shade_value(g, fx, fy, cx, cy)), fx.wide);
		buf_slice(to, slice_of(edge));
		buf_char(to, '\n');
	}
	buf_free(&label);
}

void
matrix_picture(const struct matrix *m, struct slice losses, unsigned columns, unsigned lines,
    bool utf8, struct buf *to)
{
	static const char *const blocks[] = { "░", "▒", "▓", "█" };
	static const char *const marks[] = { ".", ":", "+", "*", "%", "#", "@" };
	const struct grid *g = m->g;
	const struct matrix_names *n = m->names;
	struct shades s = { utf8 ? blocks : marks, utf8 ? 4 : 7, INFINITY, 0 };
	uint32_t x_room, y_room;
	struct fit fx, fy;

	matrix_room(columns, lines, &x_room, &y_room);
	fx = fit(g->x.bins, x_room);
	fy = fit(g->y.bins, y_room);
	for (uint32_t y = 0; y < fy.cells; y++)
		for (uint32_t x = 0; x < fx.cells; x++) {
			double v = shade_value(g, fx, fy, x, y);

			s.min = v > 0 && v < s.min ? v : s.min;
			s.max = v > s.max ? v : s.max;
		}
	buf_printf(to, "%.*s over %.*s, %" PRIu64 " points", SLICE_ARG(n->y.name),
	    SLICE_ARG(n->x.name), g->placed);
	if (g->weighted)
		buf_printf(to, ", sums of %.*s", SLICE_ARG(n->w));
	if (s.max > 0)
		put_legend(to, &s, g);
	buf_char(to, '\n');
	if (g->x.bins > 0 && g->y.bins > 0) {
		struct scale sx = scale_of(&g->x, n->x.unit), sy = scale_of(&g->y, n->y.unit);

		put_body(m, fx, fy, &s, &sy, utf8, to);
		put_repeated(to, " ", LABEL);
		buf_slice(to, slice_of(utf8 ? "└" : "+"));
		put_repeated(to, utf8 ? "─" : "-", fx.cells * fx.wide);
		buf_slice(to, slice_of(utf8 ? "┘\n" : "+\n"));
		put_x_labels(m, &sx, fx.cells * fx.wide, to);
	}
	if (n->without + g->points > g->placed)
		buf_printf(to,
		    "# outside=%" PRIu64 " without=%" PRIu64 " not_positive=%" PRIu64
		    " nan=%" PRIu64 "\n",
		    g->refused[AXIS_OUTSIDE], n->without, g->refused[AXIS_NOT_POSITIVE],
		    g->refused[AXIS_NAN]);
	buf_slice(to, losses);
}
