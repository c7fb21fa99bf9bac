/* hist.h - a histogram of numbers: log-linear, log2 or linear
 *
 * HIST_LOG: every power of two is split into 2^bits equal bins, so that a bin is never wider than 2^-bits of its values;
 * ints below 2^bits have bins of their own. Negative values mirror positive ones. A histogram counts ints until a value
 * with a fraction comes; its bins then become those of floating-point numbers, which are the same but that bins of small
 * ints are split further, so that nothing is lost. HIST_LOG2 is HIST_LOG with 0 bits. HIST_LINEAR: n equal bins from min to max, and
 * what lies below and above is counted in `below` and `above`.
 *
 * Count, min, max, sum and sum of squares are exact for ints (128 and 192 bits), and sums of doubles otherwise. nan is
 * counted apart. Merging is associative; the histogram of a merge is the merge of the histograms.
 * Memory: bins between the smallest and the largest value seen, 8 bytes each. Adding is O(1).
 *
 * Units:     none; a histogram counts whatever its caller measures.
 * Ownership: the caller holds the struct, hist_free() its counters.
 * Errors:    hist_merge() and hist_add_bin() return -1 with the text where the schemes differ.
 * Source:    the bucket scheme of HdrHistogram (G. Tene), in base 2.
 */
#ifndef STAT_HIST_H
#define STAT_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum hist_scale { HIST_LOG, HIST_LOG2, HIST_LINEAR };

enum { HIST_BITS = 7, HIST_BITS_MAX = 14 };

struct hist_scheme {
	enum hist_scale scale;
	unsigned bits;   /* HIST_LOG */
	double min, max; /* HIST_LINEAR: min < max */
	uint32_t bins;   /* HIST_LINEAR */
};

struct hist; /* E: to be defined here, with what is needed inline for speed */

void hist_init(struct hist *h, const struct hist_scheme *scheme);
void hist_free(struct hist *h);

/* Adds a value n times. */
void hist_add_u64(struct hist *h, uint64_t v, uint64_t n);
void hist_add_i64(struct hist *h, int64_t v, uint64_t n);
void hist_add_f64(struct hist *h, double v, uint64_t n);

/* Adds all of `from`; -1 where the schemes differ. */
int hist_merge(struct hist *h, const struct hist *from, struct error *e);

/* Adds n values to the bin that is exactly lo..hi; -1 where the scheme has no such bin. (For readers of tables; the
 * sums are set by hist_set_sums().) */
int hist_add_bin(struct hist *h, double lo, double hi, uint64_t n, struct error *e);

struct hist_bin {
	double lo,
	    hi; /* lo <= value < hi (negative values: lo < value <= hi); -inf and inf for below and above */
	uint64_t count;
};

/* The bins that are not empty, in rising order: set *at to 0 first; false at the end. */
bool hist_next(const struct hist *h, size_t *at, struct hist_bin *bin);

/* All of these are NAN for an empty histogram. A quantile is that of the value with rank ceil(q * count), known to half
 * a bin: the middle of its bin, kept within min and max. */
double hist_quantile(const struct hist *h, double q);
double hist_mean(const struct hist *h);
double hist_stddev(const struct hist *h); /* of the sample: n - 1 */

/* The interval of the quantile q with this confidence (0.95), from order statistics; the bins' outer limits. */
void hist_quantile_interval(
    const struct hist *h, double q, double confidence, double *lo, double *hi);

#endif
