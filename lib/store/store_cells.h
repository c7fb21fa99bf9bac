/* store_cells.h - the runs of a database by cells, and which cell is the base of which
 *
 * A cell is the runs of one experiment with the same levels; those without factors are cells by name, without the
 * repetition. Cells are sorted by experiment and by their levels in the order of the factors, numbers and sizes by their
 * values and before names. Where runs of a cell have several settings, the cell was changed in between: those of the latest
 * run count, and the others do not.
 *
 * The base of a cell is the dry one whose levels are the same in all factors but those in which dry and other cells of the
 * experiment have no level in common; or the one with the levels that are asked for, all others being the same.
 *
 * Units:     none.
 * Ownership: the runs are the caller's, and live longer; store_cells_free() frees the rest.
 * Errors:    -1 and the text: a factor or level that is not there.
 * Source:    own.
 */
#ifndef STORE_STORE_CELLS_H
#define STORE_STORE_CELLS_H

#include "store/store_runs.h"

struct store_cell {
	const struct store_run *first; /* whose experiment and levels are the cell's */
	struct slice bare; /* of runs without levels: what they are called; else empty */
	const struct store_run **run;
	size_t runs;
	struct slice settings; /* of the latest run */
	size_t good, failed;   /* runs that count, and that failed */
	size_t others;         /* runs that succeeded with other settings */
	bool dry;
	const struct store_cell *base; /* NULL: none, or it is one */
};

struct store_cells {
	const struct store_runs *r;
	struct store_cell *cell;
	size_t cells;
	const struct store_run **order; /* private: the runs by cell */
};

void store_cells_make(struct store_cells *s, const struct store_runs *r);
void store_cells_free(struct store_cells *s);

/* Whether a run of the cell counts. */
bool store_cells_counts(const struct store_cell *c, const struct store_run *x);

/* Finds the bases. levels: FACTOR=LEVEL, several with commas between, or NULL for dry cells. Gives how many cells have
 * none and should, and in *why, what is with the first of them; or -1. */
long store_cells_bases(
    struct store_cells *s, const char *levels, struct error *why, struct error *e);

/* "FACTOR=LEVEL FACTOR=LEVEL"; of those factors only that differ in c and other (NULL: all). */
void store_cells_put(struct buf *to, const struct store_cells *s, const struct store_cell *c,
    const struct store_cell *other);

#endif
