#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stat/grid.h"

struct grid_parts {
	union grid_cell *spare; /* for folding */
	uint32_t x_slot[AXIS_CHUNK], y_slot[AXIS_CHUNK];
	uint64_t x[AXIS_CHUNK], y[AXIS_CHUNK], w[AXIS_CHUNK]; /* of points that have a place */
	unsigned char verdict[AXIS_CHUNK];
};

int
grid_init(struct grid *g, const struct axis_scheme *x, const struct axis_scheme *y, bool weighted,
    struct error *e)
{
	struct error why;
	size_t cells = (size_t)x->bins * y->bins;

	*g = (struct grid){ .weighted = weighted };
	if (axis_init(&g->x, x, &why) < 0) {
		axis_free(&g->x);
		return error_set(e, "x: %s", why.text);
	}
	if (axis_init(&g->y, y, &why) < 0) {
		grid_free(g);
		return error_set(e, "y: %s", why.text);
	}
	if (cells > GRID_CELLS_MAX) {
		grid_free(g);
		return error_set(e, "%zu cells: at most %d", cells, GRID_CELLS_MAX);
	}
	g->cell = xcalloc(cells, sizeof *g->cell);
	g->parts = xcalloc(1, sizeof *g->parts);
	return 0;
}

void
grid_free(struct grid *g)
{
	axis_free(&g->x);
	axis_free(&g->y);
	free(g->cell);
	if (g->parts)
		free(g->parts->spare);
	free(g->parts);
	*g = (struct grid){ 0 };
}

/* Int sums become doubles. */
static void
become_real(struct grid *g)
{
	size_t cells = (size_t)g->x.scheme.bins * g->y.scheme.bins;

	for (size_t i = 0; i < cells; i++)
		g->cell[i].d = (double)g->cell[i].i;
	g->real = true;
}

/* False where a sum of ints does not fit. */
static bool
add_cell(const struct grid *g, union grid_cell *to, union grid_cell from)
{
	if (!g->weighted)
		to->count += from.count;
	else if (g->real)
		to->d += from.d;
	else
		return !__builtin_add_overflow(to->i, from.i, &to->i);
	return true;
}

static bool
fold_into(const struct grid *g, union grid_cell *to, const uint32_t *x_map, const uint32_t *y_map,
    uint32_t width)
{
	uint32_t nx = g->x.scheme.bins, ny = g->y.scheme.bins;

	memset(to, 0, (size_t)nx * ny * sizeof *to);
	for (uint32_t y = 0; y < ny; y++) {
		const union grid_cell *from = &g->cell[(size_t)y * nx];
		union grid_cell *row = &to[(size_t)(y_map ? y_map[y] : y) * width];

		for (uint32_t x = 0; x < nx; x++)
			if (from[x].count != 0 && !add_cell(g, &row[x_map ? x_map[x] : x], from[x]))
				return false;
	}
	return true;
}

/* Moves the cells: slot s of an axis to map[s], where there is a map. width is the new length of a row. */
static void
fold(struct grid *g, const uint32_t *x_map, const uint32_t *y_map, uint32_t width)
{
	size_t cells = (size_t)g->x.scheme.bins * g->y.scheme.bins;
	union grid_cell *to = g->parts->spare;

	if (to == NULL)
		to = xmalloc(cells * sizeof *to);
	if (!fold_into(g, to, x_map, y_map, width)) {
		become_real(g);
		fold_into(g, to, x_map, y_map, width);
	}
	g->parts->spare = g->cell;
	g->cell = to;
}

static void
count(struct grid *g, size_t n)
{
	const struct grid_parts *p = g->parts;
	size_t nx = g->x.scheme.bins;

	for (size_t i = 0; i < n; i++)
		g->cell[p->y_slot[i] * nx + p->x_slot[i]].count++;
}

static void
sum(struct grid *g, struct grid_column w, size_t n)
{
	const struct grid_parts *p = g->parts;
	size_t nx = g->x.scheme.bins, i = 0;

	if (!g->real && w.kind == AXIS_REAL)
		become_real(g);
	for (; !g->real && i < n; i++) {
		union grid_cell *to = &g->cell[p->y_slot[i] * nx + p->x_slot[i]];
		int64_t v;

		if ((w.kind == AXIS_UNSIGNED && w.v[i] > INT64_MAX) ||
		    __builtin_add_overflow(to->i, (int64_t)w.v[i], &v)) {
			become_real(g);
			break;
		}
		to->i = v;
	}
	for (; i < n; i++) {
		double d;

		if (w.kind == AXIS_REAL)
			memcpy(&d, &w.v[i], sizeof d);
		else
			d = w.kind == AXIS_INT ? (double)(int64_t)w.v[i] : (double)w.v[i];
		g->cell[p->y_slot[i] * nx + p->x_slot[i]].d += d;
	}
}

/* Leaves those of the n points that have a place in p->x, p->y, p->w; returns how many. */
static size_t
screen(struct grid *g, const struct grid_column *x, const struct grid_column *y,
    const struct grid_column *w, size_t n)
{
	struct grid_parts *p = g->parts;
	size_t kept = 0;

	memset(p->verdict, 0, n);
	axis_screen(&g->x, x->kind, x->v, n, p->verdict);
	axis_screen(&g->y, y->kind, y->v, n, p->verdict);
	if (g->weighted && w->kind == AXIS_REAL)
		for (size_t i = 0; i < n; i++) {
			double d;

			memcpy(&d, &w->v[i], sizeof d);
			if (!isfinite(d))
				p->verdict[i] = AXIS_NAN;
		}
	for (size_t i = 0; i < n; i++) {
		p->x[kept] = x->v[i];
		p->y[kept] = y->v[i];
		if (g->weighted)
			p->w[kept] = w->v[i];
		kept += p->verdict[i] == AXIS_FITS;
	}
	for (size_t i = 0; kept < n && i < n; i++)
		g->refused[p->verdict[i]] += p->verdict[i] != AXIS_FITS;
	return kept;
}

static void
add(struct grid *g, struct grid_column x, struct grid_column y, struct grid_column w, size_t n)
{
	struct grid_parts *p = g->parts;
	const uint32_t *x_map, *y_map;

	g->points += n;
	if (axis_screens(&g->x, x.kind) || axis_screens(&g->y, y.kind) ||
	    (g->weighted && w.kind == AXIS_REAL)) {
		n = screen(g, &x, &y, &w, n);
		x.v = p->x;
		y.v = p->y;
		w.v = p->w;
	}
	if (n == 0)
		return;
	x_map = axis_place(&g->x, x.kind, x.v, n, p->x_slot);
	y_map = axis_place(&g->y, y.kind, y.v, n, p->y_slot);
	if (x_map || y_map)
		fold(g, x_map, y_map, g->x.scheme.bins);
	if (g->weighted)
		sum(g, w, n);
	else
		count(g, n);
	g->placed += n;
}

void
grid_add(struct grid *g, struct grid_column x, struct grid_column y, struct grid_column w, size_t n)
{
	while (n > 0) {
		size_t part = n < AXIS_CHUNK ? n : AXIS_CHUNK;

		add(g, x, y, w, part);
		x.v += part;
		y.v += part;
		w.v += g->weighted ? part : 0;
		n -= part;
	}
}

void
grid_settle(struct grid *g, bool x_pages, bool y_pages)
{
	const uint32_t *x_map = axis_settle(&g->x, x_pages);
	const uint32_t *y_map = axis_settle(&g->y, y_pages);

	fold(g, x_map, y_map, g->x.bins);
}

double
grid_value(const struct grid *g, uint32_t x, uint32_t y)
{
	union grid_cell c = g->cell[(size_t)y * g->x.bins + x];

	return !g->weighted ? (double)c.count : g->real ? c.d : (double)c.i;
}

bool
grid_empty(const struct grid *g, uint32_t x, uint32_t y)
{
	return g->cell[(size_t)y * g->x.bins + x].count == 0;
}
