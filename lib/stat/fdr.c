#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "stat/fdr.h"

struct test {
	double p;
	size_t i;
};

static int
by_p(const void *a, const void *b)
{
	double x = ((const struct test *)a)->p, y = ((const struct test *)b)->p;

	return x < y ? -1 : x > y;
}

void
fdr_adjust(const double *p, double *q, size_t n)
{
	struct test *t = xmalloc((n + 1) * sizeof *t);
	double least = 1;
	size_t tests = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(p[i]))
			t[tests++] = (struct test){ p[i], i };
		else
			q[i] = NAN;
	if (tests > 0)
		qsort(t, tests, sizeof *t, by_p);
	for (size_t rank = tests; rank > 0; rank--) {
		least = fmin(least, t[rank - 1].p * (double)tests / (double)rank);
		q[t[rank - 1].i] = least;
	}
	free(t);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sums in another order differ in their last bits. */
static double
rounded(double size)
{
	return isfinite(size) ? size * (1 - 1e-9) : size;
}

/* How many of the sizes are below (or no larger than) this one. */
static size_t
rank_of(const struct fdr_pool *pool, double size, bool or_equal)
{
	size_t lo = 0, hi = pool->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (pool->sorted[mid] < size || (or_equal && pool->sorted[mid] == size))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void
fdr_pool_init(struct fdr_pool *pool, const double *size, size_t n)
{
	pool->sorted = xmalloc((n + 1) * sizeof *pool->sorted);
	pool->above = xcalloc(n + 2, sizeof *pool->above);
	pool->n = 0;
	for (size_t i = 0; i < n; i++)
		if (!isnan(size[i]))
			pool->sorted[pool->n++] = rounded(size[i]);
	if (pool->n > 0)
		qsort(pool->sorted, pool->n, sizeof *pool->sorted, by_size);
}

void
fdr_pool_add(struct fdr_pool *pool, double size, double weight)
{
	pool->above[rank_of(pool, size, true)] += weight;
}

void
fdr_pool_done(struct fdr_pool *pool, const double *size, double *p, size_t n)
{
	double sum = 0;

	/* above[k] becomes the weight of those that are as large as k of the sizes, or more */
	for (size_t k = pool->n + 1; k-- > 0;)
		sum = pool->above[k] += sum;
	for (size_t i = 0; i < n; i++)
		p[i] = isnan(size[i])
			   ? NAN
			   : fmin(1, pool->above[rank_of(pool, rounded(size[i]), false) + 1] /
					 (double)pool->n);
	free(pool->sorted);
	free(pool->above);
}
