/* compare.h - a table of what changed between two sets of runs
 *
 * For each group a row of the medians and one of the means, and rows of percentiles where they are asked for. Where a side has
 * several files, a file is a run, and its value for a row is the statistic of the row (the median of its values, their mean,
 * their 99th percentile); then the medians of these (for means: the means) are compared. Where both sides have one file, each
 * value is a run; with pool, all values of a side are.
 *
 * The verdict is `too few` below RESAMPLE_FEW runs; `~` where the interval holds no change, or where q is above fdr; else the
 * change. q is p; of several groups, it is that of all of them together (fdr_pool) by Benjamini and Hochberg (stat/fdr.h). As the
 * test is exact where nothing differs, no more than fdr of equal sets are called different, whatever their distribution.
 * Of several groups, a `#` line for each statistic has the geometric mean of the ratios, and its interval: each resample of all
 * groups gives one.
 *
 * Each row has a random stream of its own: a group's result depends on nothing but its values and the seed.
 *
 * Units:     those of the values; shares of 1 for confidence, fdr and percentile.
 * Ownership: the runs stay the caller's; lib/stat/resample.h on cost.
 * Errors:    none.
 * Source:    own; the notation `~` is that of benchstat (golang.org/x/perf).
 */
#ifndef FLOW_COMPARE_H
#define FLOW_COMPARE_H

#include "base/buf.h"
#include "flow/compare_runs.h"
#include "stat/resample.h"

enum { COMPARE_PERCENTILES_MAX = 16 };

struct compare_options {
	double confidence, fdr;
	uint32_t resamples;
	uint64_t seed;
	bool difference; /* B - A even where B / A makes sense */
	bool pool;
	bool mean;                                  /* the means decide, not the medians */
	double percentile[COMPARE_PERCENTILES_MAX]; /* 0 to 1 */
	unsigned percentiles;
};

struct compare_result {
	size_t rows, different; /* of the statistic that decides */
	size_t few, alone;      /* groups with too few runs; on one side only */
	bool
	    difference; /* some values are negative, or a statistic is 0: a ratio would make no sense */
};

/* Sorts the runs, and appends the table. */
void compare_table(struct compare_runs *r, const struct compare_options *options, struct buf *to,
    struct compare_result *result);

/* "+3.2%" of a ratio, "+12" of a difference with `unit` behind it. */
void compare_put_change(struct buf *to, double change, bool difference, const char *unit);

/* The number, or `-` for NAN. */
void compare_put_number(struct buf *to, double v, int digits);

#endif
