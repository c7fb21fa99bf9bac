/* hist.h - a histogram of numbers: log-linear, log2 or linear
 *
 * HIST_LOG: every power of two is split into 2^bits equal bins, so that a bin is never wider than 2^-bits of its values;
 * ints below 2^bits have bins of their own. Negative values mirror positive ones. A histogram counts ints until a value
 * with a fraction comes (or hist_make_real()); its bins then become those of floating-point numbers, which are the same but
 * that bins of small ints are split further, so that nothing is lost. HIST_LOG2 is HIST_LOG with 0 bits. HIST_LINEAR: n
 * equal bins from min to max, and what lies below and above is counted in `below` and `above`.
 *
 * Count, min, max, sum and sum of squares are exact for ints (128 and 192 bits), and sums of doubles in doubled precision
 * otherwise. nan is counted apart. Merging is associative; the histogram of a merge is the merge of the histograms (but
 * for the last bits of sums of doubles). A count stops at 2^63-1: `full` says that more came.
 *
 * Memory: bins between the smallest and the largest value seen, 8 bytes each: at most 58 KiB for ints of one sign with 7
 * bits. Adding is O(1); the functions for arrays of ints take about three nanoseconds a value.
 *
 * Units:     none; a histogram counts whatever its caller measures.
 * Ownership: the caller holds the struct, hist_free() its counters.
 * Errors:    hist_merge(), hist_add_bin() and hist_set_moments() return -1 with the text where something does not fit.
 * Source:    the bucket scheme of HdrHistogram (G. Tene), in base 2; sums of doubles: T. J. Dekker, "A floating-point
 *            technique for extending the available precision" (1971).
 */
#ifndef STAT_HIST_H
#define STAT_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum hist_scale { HIST_LOG, HIST_LOG2, HIST_LINEAR };

enum { HIST_BITS = 7, HIST_BITS_MAX = 14, HIST_BINS_MAX = 1 << 24 };

struct hist_scheme {
	enum hist_scale scale;
	unsigned bits;   /* HIST_LOG; 1 to HIST_BITS_MAX */
	double min, max; /* HIST_LINEAR: finite, min < max */
	uint32_t bins;   /* HIST_LINEAR; 1 to HIST_BINS_MAX */
};

/* The unevaluated sum of two doubles. */
struct hist_double {
	double high, low;
};

/* What is known exactly of the values together. The first four are of ints, the others of a histogram that is real. */
struct hist_moments {
	__int128 min, max, sum;
	struct hist_square {
		unsigned __int128 low;
		uint64_t high;
	} sum2;
	double real_min, real_max;
	struct hist_double real_sum, real_sum2;
};

struct hist {
	struct hist_scheme scheme;
	bool real;                   /* values with fractions were added */
	bool full;                   /* what came when count was 2^63-1 was left out */
	uint64_t count;              /* of all values that are numbers */
	uint64_t nan;                /* of those that are not */
	struct hist_moments moments; /* where count > 0 */
	/* private: */
	unsigned bits;
	uint64_t below, above, zero;
	struct hist_side {
		uint64_t *count; /* count[i - from] is that of bin i */
		uint32_t from, n;
	} up, down;
};

void hist_init(struct hist *h, const struct hist_scheme *scheme);
void hist_free(struct hist *h);

bool hist_same_scheme(const struct hist_scheme *a, const struct hist_scheme *b);

/* Half the width of a bin as a share of its values: what quantiles may be wrong by; 0 for HIST_LINEAR. */
double hist_error(const struct hist_scheme *scheme);

/* Adds a value n times. */
void hist_add_u64(struct hist *h, uint64_t v, uint64_t n);
void hist_add_i64(struct hist *h, int64_t v, uint64_t n);
void hist_add_f64(struct hist *h, double v, uint64_t n);

/* Adds n values, each once. */
void hist_add_u64s(struct hist *h, const uint64_t *v, size_t n);
void hist_add_i64s(struct hist *h, const int64_t *v, size_t n);
void hist_add_f64s(struct hist *h, const void *doubles, size_t n);

/* Adds all of `from`; -1 where the schemes differ. */
int hist_merge(struct hist *h, const struct hist *from, struct error *e);

/* The bins become those of floating-point numbers now. */
void hist_make_real(struct hist *h);

/* Adds n values to the bin that is exactly lo..hi; -1 where the scheme has no such bin. (For readers of tables, who know
 * the rest from elsewhere and say it with hist_set_moments() when all bins are there.) */
int hist_add_bin(struct hist *h, double lo, double hi, uint64_t n, struct error *e);

/* -1 where min or max do not lie in the first and the last bin. */
int hist_set_moments(struct hist *h, const struct hist_moments *m, struct error *e);

/* The sums of a histogram that is real, as two doubles each of which the first is the whole sum, rounded. */
void hist_sums(const struct hist *h, struct hist_double *sum, struct hist_double *sum2);

struct hist_bin {
	double lo,
	    hi; /* lo <= value < hi; lo is -inf for what is below, hi inf for what is above */
	uint64_t count;
};

/* The bins that are not empty, in rising order: set *at to 0 first; false at the end. */
bool hist_next(const struct hist *h, size_t *at, struct hist_bin *bin);

/* All of these are NAN for an empty histogram. A quantile is the value with rank ceil(q * count): the middle of that part
 * of its bin that lies within min and max (for ints, of the ints in it, rounded down), so that it is known to half a bin;
 * exactly the smallest for rank 1 and the largest for rank count. NAN, too, where it lies below or above the bins. */
double hist_quantile(const struct hist *h, double q);
double hist_min(const struct hist *h);
double hist_max(const struct hist *h);
double hist_mean(const struct hist *h);
double hist_stddev(const struct hist *h); /* of the sample: n - 1; NAN for one value */

/* The interval of the quantile q with this confidence (0.95), from order statistics (order.h): the outer limits of the
 * bins of two ranks. NAN where there are too few values. */
void hist_quantile_interval(
    const struct hist *h, double q, double confidence, double *lo, double *hi);

#endif
