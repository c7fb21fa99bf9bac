/* compare_runs.h - two sets of runs: the values of each, by group
 *
 * A file is a run: a list of numbers, a column of a table, or a histogram. A side of one file has as many runs as the
 * file has values: they are taken as independent of each other. The groups are those of the `-b` columns of tables, or of
 * histograms; a group's runs are those files that have it.
 * Memory: the values, 8 bytes each.
 *
 * Units:     those of the values; unit says what the name of a column or a histogram tells.
 * Ownership: the caller holds the struct and sets column and by; compare_runs_free() releases what it points to.
 * Errors:    -1 with the text where a file is of no use; lines that are none are counted in `bad` and as lost
 *            why=bad-line, and the first of the last file stands in first_bad.
 * Source:    own.
 */
#ifndef FLOW_COMPARE_RUNS_H
#define FLOW_COMPARE_RUNS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "flow/losses.h"
#include "form/histogram.h"
#include "form/kind.h"
#include "form/where.h"

struct compare_run {
	uint32_t file; /* a number of its own on each side */
	double *value; /* in rising order after compare_runs_sort() */
	size_t n, cap;
	struct hist *hist; /* instead of values */
};

struct compare_group {
	struct slice label; /* its cells as a table has them: escaped, with TABs between */
	struct compare_side {
		struct compare_run *run;
		size_t runs, cap;
	} side[2];
};

struct compare_runs {
	struct slice column; /* of tables: a name or a number from 1; p NULL: none was given */
	struct slice *by;    /* of tables: names; of histograms: set by them */
	unsigned bys;
	struct where where[2]; /* which rows of tables, for each side */
	bool one_table;        /* one file is read for both sides: what it lacks is told once */

	enum kind kind; /* of the files so far */
	struct slice unit;
	uint32_t files[2], used[2];  /* read, and of use */
	struct compare_group *group; /* in order of appearance until compare_runs_sort() */
	size_t groups;
	uint64_t bad;
	struct error first_bad;
	struct losses losses; /* of the files and of bad lines */
	uint64_t missing,
	    without; /* of histograms: cells that were empty, records without the field */

	size_t group_cap; /* private, as all below */
	struct hash_set set;
	struct arena arena;
	struct histogram *histogram;
	size_t histograms, histogram_cap;
};

#define COMPARE_RUNS_INIT ((struct compare_runs){ 0 })

/* Adds a file to side 0 or 1. kind is KIND_NUMBERS, KIND_TABLE or KIND_HISTOGRAM, the same for all. */
int compare_runs_read(struct compare_runs *r, unsigned side, const struct kind_input *in,
    enum kind kind, struct error *e);

/* Groups by label, values by size. */
void compare_runs_sort(struct compare_runs *r);

void compare_runs_free(struct compare_runs *r);

#endif
