/* q against its definition, and how many are called different where nothing is, and where some are. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stat/fdr.h"
#include "stat/random.h"
#include "unit.h"

enum { TESTS = 60, EXPERIMENTS = 4000 };

/* The least level at which the step-up procedure rejects i. */
static double
by_definition(const double *p, size_t n, size_t i)
{
	double best = 1;

	for (size_t k = 0; k < n; k++) {
		size_t rank = 0;

		for (size_t j = 0; j < n; j++)
			rank += p[j] <= p[k];
		if (p[k] >= p[i])
			best = fmin(best, p[k] * (double)n / (double)rank);
	}
	return best;
}

/* p of a pool is the weight of all that is as large, over the number of tests. */
static void
pool(struct random *r)
{
	double size[TESTS], p[TESTS], by_chance[500];
	struct fdr_pool pool;
	unsigned tests = 0;

	for (int i = 0; i < TESTS; i++) {
		size[i] = i % 7 == 3 ? NAN : floor(20 * random_unit(r)) * (i == 5 ? INFINITY : 1);
		if (isnan(size[i]) && i == 5)
			size[i] = INFINITY;
		tests += !isnan(size[i]);
	}
	fdr_pool_init(&pool, size, TESTS);
	for (int i = 0; i < 500; i++) {
		by_chance[i] = floor(25 * random_unit(r));
		fdr_pool_add(&pool, by_chance[i], 0.125);
	}
	fdr_pool_done(&pool, size, p, TESTS);
	for (int i = 0; i < TESTS; i++) {
		double sum = 0;

		for (int k = 0; k < 500; k++)
			sum += by_chance[k] >= size[i] ? 0.125 : 0;
		CLAIM(isnan(size[i]) ? isnan(p[i]) : fabs(p[i] - fmin(1, sum / tests)) < 1e-12);
	}
}

int
main(void)
{
	double p[TESTS], q[TESTS], some[] = { 0.01, NAN, 0.04, 0.03 }, wrong = 0;
	unsigned any = 0;
	struct random r;

	fdr_adjust(some, some, 4);
	CLAIM(some[0] == 0.03 && isnan(some[1]) && some[2] == 0.04 && some[3] == 0.04);
	fdr_adjust(some, some, 0);
	random_seed(&r, 1, 0);
	for (int e = 0; e < 50; e++)
		pool(&r);
	for (int e = 0; e < 200; e++) {
		for (int i = 0; i < TESTS; i++)
			p[i] = i % 3 ? random_unit(&r) : rint(random_unit(&r) * 20) / 400;
		fdr_adjust(p, q, TESTS);
		for (size_t i = 0; i < TESTS; i++)
			CLAIM(fabs(q[i] - by_definition(p, TESTS, i)) < 1e-12 &&
			      q[i] >= p[i] * (1 - 1e-12) && q[i] <= 1);
	}
	/* nothing differs: something is called so in 5 % of cases */
	for (int e = 0; e < EXPERIMENTS; e++) {
		bool found = false;

		for (int i = 0; i < TESTS; i++)
			p[i] = random_unit(&r);
		fdr_adjust(p, q, TESTS);
		for (int i = 0; i < TESTS; i++)
			found |= q[i] <= 0.05;
		any += found;
	}
	CLAIM(any > EXPERIMENTS * 0.035 && any < EXPERIMENTS * 0.065);
	/* a third differs: of those called so, 5 % of two thirds are wrong */
	for (int e = 0; e < EXPERIMENTS; e++) {
		double found = 0, false_ones = 0;

		for (int i = 0; i < TESTS; i++)
			p[i] = random_unit(&r) * (i % 3 ? 1 : 1e-3);
		fdr_adjust(p, q, TESTS);
		for (int i = 0; i < TESTS; i++)
			if (q[i] <= 0.05) {
				found++;
				false_ones += i % 3 != 0;
			}
		CLAIM(found >= TESTS / 3);
		wrong += false_ones / found;
	}
	CLAIM(fabs(wrong / EXPERIMENTS - 0.05 * 2 / 3) < 0.005);
	return 0;
}
