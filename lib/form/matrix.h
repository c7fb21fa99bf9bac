/* matrix.h - a grid as a table and as a picture of characters
 *
 *	# heat x=t y=addr x_unit=ns y_unit=addr x_scale=linear y_scale=linear x_bins=200 y_bins=131 x_min=0 x_max=1048576
 *	    y_min=0x1000 y_max=0x84000 count=1000 outside=0 without=3 not_positive=0 nan=0	(one line)
 *	# seam y=64 lo=0x41000 hi=0x7ff0000
 *	# lost=3 why=ring-full
 *	x	y	x_lo	x_hi	y_lo	y_hi	count
 *	17	0	69632	73728	0x1000	0x2000	12
 *
 * count is of the points that have a place; with weights, `w=FIELD sum=N` follow, and the column count holds sums. A seam
 * stands below bin y: what lies between lo and hi was squeezed out. One row for each cell that is not 0, by y, then x. The
 * columns reads and writes follow where there are such grids.
 *
 * Units:     x_unit, y_unit: "ns", "bytes", "addr" (printed as 0x hex), what the caller says, or empty.
 * Ownership: matrix_new() to matrix_free(); it borrows the grid and the names.
 * Errors:    none.
 * Source:    own.
 */
#ifndef FORM_MATRIX_H
#define FORM_MATRIX_H

#include "base/buf.h"
#include "stat/grid.h"

struct matrix_axis {
	struct slice name, unit;
};

struct matrix_names {
	struct matrix_axis x, y;
	struct slice w;   /* empty: counted */
	uint64_t without; /* points that lack a field */
	/* NULL, or grids with the same axes: of the points that read, and that write; as columns of these names. */
	const struct grid *reads, *writes;
};

struct matrix;

/* g is settled. */
struct matrix *matrix_new(const struct grid *g, const struct matrix_names *names);
void matrix_free(struct matrix *m);

/* The `#` lines; losses: lines of its own, as they are. Then the header line. */
void matrix_put_head(const struct matrix *m, struct slice losses, struct buf *to);

/* The cells of row y, y < g->y.bins. */
void matrix_put_row(const struct matrix *m, uint32_t y, struct buf *to);

/* Characters of columns x lines for a terminal: shades by the logarithm of the counts, with labelled axes. utf8: shaded
 * blocks, else punctuation. matrix_room() says for how many bins there is room. */
void matrix_room(unsigned columns, unsigned lines, uint32_t *x_bins, uint32_t *y_bins);
void matrix_picture(const struct matrix *m, struct slice losses, unsigned columns, unsigned lines,
    bool utf8, struct buf *to);

#endif
