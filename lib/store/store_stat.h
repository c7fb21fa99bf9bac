/* store_stat.h - what the runs of each cell say, and what they cost against a base
 *
 * A cell is the runs of one experiment with the same levels; those without factors are cells by name, without the
 * repetition. A table has a row for each cell and metric:
 *
 *	# store table=stat runs=30 cells=6 confidence=95% seed=1 resamples=1999
 *	# failed=2
 *	# lost=1 why=missing metric=swaps
 *	experiment FACTOR... metric unit runs failed min median median_lo median_hi mean stddev max
 *		base overhead overhead_lo overhead_hi
 *
 * Runs that failed are counted, and nothing else. Where runs of a cell have several settings, it was changed in between: those of
 * the latest run count, others are lost (why=other-settings). The interval of the median is by order statistics, and is
 * empty where there are too few runs; stddev needs two.
 *
 * overhead is the median over that of the base, minus 1, with a bootstrap interval (stat/resample.h) where both have
 * RESAMPLE_FEW runs; none where the base's median is not above 0, or a value is negative. The base of a cell is the dry one
 * whose levels are the same in all factors but those in which dry and other cells of the experiment have no level in
 * common; or as options say.
 *
 * Cost: 0.7 ms for an interval of an overhead.
 *
 * Units:     as in the database; confidence from 0 to 1.
 * Ownership: none is kept.
 * Errors:    -1 and the text: of the database; a metric, factor or level that is not there.
 * Source:    own; stat/order.h, stat/resample.h.
 */
#ifndef STORE_STORE_STAT_H
#define STORE_STORE_STAT_H

#include <stdint.h>

#include "store/store.h"

enum { STORE_STAT_RESAMPLES = 1999 };

struct store_stat_options {
	const char *
	    metrics; /* names with commas between; "all"; NULL: time, memory, and section values but texts */
	const char *base;   /* FACTOR=LEVEL, several with commas between; NULL: dry */
	double confidence;  /* 0: 0.95 */
	uint32_t resamples; /* 0: STORE_STAT_RESAMPLES */
	uint64_t seed;
};

struct store_stat_told {
	struct error note; /* what the user should be told, or an empty text */
	uint64_t lost;     /* the sum of what the table says of it */
};

/* told may be NULL. */
int store_stat(struct store *s, const struct store_stat_options *o, const struct store_out *out,
    struct store_stat_told *told, struct error *e);

#endif
