/* picture.h - accesses over time and address, with the lives of the objects that they touch
 *
 * Three grids with the same axes: all accesses, those that read, those that write. Beside them lives: for each object that was
 * accessed (or each that was allocated) when it lived, where it lay, and the site that allocated it. While there are few,
 * lives are exact; beyond PICTURE_LIVES, those of a site that begin and end in the same cells become one, of cells
 * that are made coarser until they fit. So memory is that of the grids, of live objects (heap.h), of sites, and of
 * PICTURE_LIVES lives.
 *
 * Ranges of time count from the first record of the trace.
 *
 * Units:     ns, bytes.
 * Ownership: picture_new() to picture_free(); slices live as long.
 * Errors:    -1 with the text; what is only missing is counted.
 * Source:    own; the picture of time and address is Heimdallr's.
 */
#ifndef FLOW_PICTURE_H
#define FLOW_PICTURE_H

#include "base/error.h"
#include "flow/heap.h"
#include "flow/losses.h"
#include "flow/site.h"
#include "stat/grid.h"

enum { PICTURE_LIVES = 1 << 16 };

struct picture_options {
	struct axis_scheme x, y; /* of time, from the first record; of addresses */
	struct slice weight;     /* a field, or empty: 1 each */
	unsigned depth;          /* innermost functions of a site; 0: all */
	bool whole;              /* objects are on the axis whether they were accessed or not */
};

struct picture_life {
	uint64_t lo, hi;
	int64_t from, to;
	uint64_t objects;
	uint32_t site;
};

struct picture_site {
	uint64_t accesses, weight, reads, writes,
	    objects; /* objects that were accessed, or allocated */
};

struct picture {
	struct picture_options o;
	struct grid all, reads, writes; /* after picture_end(), settled */
	bool begun;                     /* there are grids */
	int64_t start, end;             /* of the trace */
	uint64_t records, accesses, weight, without, unjoined, processes;
	int64_t busiest; /* the process with the most accesses */
	struct losses losses;
	struct site site;
	struct picture_site *sum; /* of site.name[] */
	size_t sums, sum_cap;
	struct picture_life *life;
	size_t lives, life_cap;

	/* private */
	struct heap heap;
	struct hash_set life_set;
	unsigned y_shift, x_shift; /* cells of lives */
	uint64_t last_addr;        /* that was accessed */
	uint64_t hold_t[AXIS_CHUNK], hold_addr[AXIS_CHUNK];
	size_t held;
	uint64_t *column[3];
	size_t column_cap[3];
	unsigned char *op; /* of the strings of the block */
	size_t op_cap;
	struct picture_plan *plan;
	size_t plan_cap;
	uint32_t *row_at;
	size_t row_at_cap;
	uint64_t *touched; /* accesses of processes */
	uint64_t busiest_accesses;
	size_t touched_cap;
};

struct picture *picture_new(const struct picture_options *o);
int picture_block(struct picture *p, struct trace_block *b, struct error *e);

/* Settles the grids, ends what lives, and leaves at most about `lives` of them: those of neighbours that lived alike are one. */
int picture_end(struct picture *p, size_t lives, struct error *e);

void picture_free(struct picture *p);

#endif
