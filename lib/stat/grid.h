/* grid.h - points counted, or weights added up, in the bins of two axes
 *
 * One pass: the axes (axis.h) find their bins while the points come, and the cells are folded when an axis must make
 * room, so that memory is that of the cells (8 bytes each, twice that while they are folded). What the axes say of order
 * and exactness holds; sums of weights are exact while the weights are ints and the sums fit in 64 bits, and sums of
 * doubles from then on.
 * Cost: some ns a point.
 *
 * Units:     none.
 * Ownership: the caller holds the struct, grid_free() what it points to.
 * Errors:    grid_init() returns -1 with the text. points = placed + the sum of refused[].
 * Source:    own.
 */
#ifndef STAT_GRID_H
#define STAT_GRID_H

#include "stat/axis.h"

enum { GRID_CELLS_MAX = 1 << 27 };

struct grid_column {
	enum axis_kind kind;
	const uint64_t *v;
};

struct grid {
	struct axis x, y;
	uint64_t points, placed;
	uint64_t refused
	    [AXIS_VERDICTS]; /* by enum axis_verdict; a weight that is no finite number is AXIS_NAN */
	bool weighted, real; /* real: the cells are doubles */
	union grid_cell {
		uint64_t count; /* not weighted */
		int64_t i;      /* weighted */
		double d;       /* weighted and real */
	} * cell;               /* [y][x]; rows of scheme.bins, and of x.bins after grid_settle() */
	struct grid_parts *parts;
};

int grid_init(struct grid *g, const struct axis_scheme *x, const struct axis_scheme *y,
    bool weighted, struct error *e);
void grid_free(struct grid *g);

/* Adds n points; w only where weighted. */
void grid_add(
    struct grid *g, struct grid_column x, struct grid_column y, struct grid_column w, size_t n);

/* Ends with the axes settled and the cells in rising order of both: cell[y * x.bins + x]. x_pages, y_pages: that
 * axis holds addresses, and gaps below a page are no seams. */
void grid_settle(struct grid *g, bool x_pages, bool y_pages);

/* What a cell says, as a double; whether it says 0; the sum of all. */
double grid_value(const struct grid *g, uint32_t x, uint32_t y);
bool grid_empty(const struct grid *g, uint32_t x, uint32_t y);

#endif
