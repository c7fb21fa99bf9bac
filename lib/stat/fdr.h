/* fdr.h - many tests at once: the false discovery rate
 *
 * fdr_adjust() turns p into q: whoever calls those different that have q <= 5 % is wrong in at most 5 % of what he calls so, on
 * average, where the tests are independent or depend positively; where nothing differs at all, he calls
 * nothing different in 95 % of cases.
 *
 * A test by dealing few runs anew has only as many p as there are ways to deal. Where many things are tested by a statistic
 * that is comparable between them (a change over its error), what chance does to one tells what it does to the others:
 * a struct fdr_pool gives each the p of all dealt statistics together.
 * Cost: a sort; adding to a pool, a search.
 *
 * Units:     shares of 1.
 * Ownership: arrays stay the caller's.
 * Errors:    none; NAN is no test: it is not counted, and stays NAN.
 * Source:    Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate" (1995), the step-up procedure; J. Storey, R. Tibshirani, "Statistical
 *            significance for genomewide studies" (2003), on pooling.
 */
#ifndef STAT_FDR_H
#define STAT_FDR_H

#include <stddef.h>

/* q[i] for p[i]; they may be the same array. */
void fdr_adjust(const double *p, double *q, size_t n);

struct fdr_pool {
	double *sorted; /* private, as all here */
	double *above;
	size_t n;
};

/* Of n sizes, 0 or more; NAN is no test. */
void fdr_pool_init(struct fdr_pool *pool, const double *size, size_t n);

/* A size that came by chance in one of the tests; weight: 1 / how many come of it. */
void fdr_pool_add(struct fdr_pool *pool, double size, double weight);

/* p[i] for size[i], those that fdr_pool_init() was given; frees the pool. */
void fdr_pool_done(struct fdr_pool *pool, const double *size, double *p, size_t n);

#endif
