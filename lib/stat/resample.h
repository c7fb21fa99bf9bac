/* resample.h - what changed between two samples: intervals by bootstrap, p by permutation
 *
 * A question compares the medians (or other quantiles) or the means of two samples, as B / A or as B - A. Its answer is
 * the change, the interval that holds the truth with the confidence asked for, and how often so large a change comes when
 * values are dealt to the two sides anew (p).
 *
 * Quantiles: the bootstrap of the order statistic, drawn as such: its rank among uniform numbers is a beta variable, so that a
 * resample costs the same for any n. The ranks are read from a line through the values, (i + 1/2) / n with values drawn
 * together by c = 1 - 5/n: plain steps cover too much, the line through (i - 1) / (n - 1) too little where n is small.
 *
 * Means: n - 1 values are drawn of n, so that the spread is right; the percentiles are moved out as t of 3/4 of Welch's
 * degrees of freedom is to the normal distribution. More than RESAMPLE_MANY values are first dealt into as many
 * batches at random, and their means are resampled. Bins draw Poisson counts.
 *
 * Coverage over 2,000 experiments each with 5 to 30 values a side (nominal 95 %): medians 94 to 97 %, means 94 to 97 %, for
 * normal, lognormal, exponential, uniform and two-humped values; about 92 % where only one side is strongly skewed;
 * tests/unit/stat_resample.c and tests/full/compare.t measure them again.
 *
 * p compares the difference over the mean distance of the values from the statistic of their side: medians alone have too few
 * values. It counts all ways to deal where there are at most RESAMPLE_EXACT, else as many random ones as resamples, and
 * the one that is there. Above RESAMPLE_MANY values the batches are dealt. Bins cannot be dealt: p is twice the share of
 * resamples on the other side of no change.
 * Cost: resamples * n for means and p, resamples for quantiles. 10,000 resamples of 2 * 30 values take 15 ms.
 *
 * Units:     those of the values; confidence and q from 0 to 1.
 * Ownership: samples stay the caller's.
 * Errors:    none: NAN where there is no answer (see struct resample_answer).
 * Source:    B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993); T. Hesterberg, "What teachers should know about
 *            the bootstrap" (2015), for means of few values; M. Ernst, "Permutation methods" (2004). The plotting positions and the
 *            3/4 are own, by measurement.
 */
#ifndef STAT_RESAMPLE_H
#define STAT_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESAMPLE_MEAN (-1.0)

enum {
	RESAMPLE_FEW = 5,       /* fewer runs on a side: no interval */
	RESAMPLE_EXACT = 20000, /* ways to deal that are all looked at */
	RESAMPLE_MANY = 2048,
	RESAMPLE_DEFAULT = 9999
};

struct resample_bin {
	double lo, hi;
	uint64_t count;
};

/* Values in rising order; or, where value is NULL, bins in rising order, in which values are taken to be spread evenly. */
struct resample_sample {
	const double *value;
	size_t n;
	const struct resample_bin *bin;
	size_t bins;
	double mean; /* of the bins, where it is known better than by them; else NAN */
};

struct resample_question {
	double q;        /* 0.5: medians; RESAMPLE_MEAN: means */
	bool difference; /* B - A, not B / A */
	double confidence;
	uint32_t resamples;
	uint64_t seed, stream;
	double *
	    log_ratios; /* of `resamples`: the logarithm of each one's ratio is added; NULL for none */
};

struct resample_answer {
	double a, b, change;
	double lo,
	    hi; /* NAN: fewer than RESAMPLE_FEW values on a side, or for a quantile q fewer than that beyond it */
	double p; /* NAN as above */
};

/* The quantile (0.5: the median, the middle of two where they are even; else the value of rank ceil(q * n)) or the mean. NAN of
 * nothing. */
double resample_statistic(const struct resample_sample *s, double q);

void resample_compare(const struct resample_question *question, const struct resample_sample *a,
    const struct resample_sample *b, struct resample_answer *answer);

/* The same without p, unless it comes with the bootstrap (bins); false where there is no interval. */
bool resample_interval(const struct resample_question *question, const struct resample_sample *a,
    const struct resample_sample *b, struct resample_answer *answer);

/* For tests of many things at once (stat/fdr.h): how large the change is, over the mean distance of values from the statistic
 * of their side; and the same of `deals` deals (fewer where there are fewer ways): *n of them in dealt[], the one that is there
 * among them. NAN, and none, where there are no values or too few. */
double resample_deal(const struct resample_question *question, const struct resample_sample *a,
    const struct resample_sample *b, double *dealt, size_t deals, size_t *n);

/* C(n, k), or most + 1 where it is larger than most. */
uint64_t resample_ways(uint64_t n, uint64_t k, uint64_t most);

/* The first and each next choice of k numbers below n, in rising order of their first difference; false after the last. */
void resample_first(uint32_t *chosen, uint32_t k);
bool resample_next(uint32_t *chosen, uint32_t k, uint32_t n);

/* The quantile of the normal distribution, and of Student's t (any df from 2). 0 < p < 1. */
double resample_normal_quantile(double p);
double resample_t_quantile(double p, double df);

#endif
