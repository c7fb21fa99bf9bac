/* How often the interval of a median still holds it, when repetitions were added until it was narrow: leat plan --until.
 *
 * usage: plan [EXPERIMENTS]	called by bench/plan.sh */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "experiment/until.h"
#include "stat/order.h"
#include "stat/random.h"

enum { MOST = 1000 };

static double
normal(struct random *r)
{
	return 1 + 0.05 * random_normal(r);
}

static double
lognormal(struct random *r)
{
	return exp(0.1 * random_normal(r));
}

/* A least time, and now and then much more. */
static double
tail(struct random *r)
{
	return 1 + 0.1 * random_exponential(r);
}

/* Two modes, 10 % apart, of which one is more frequent. */
static double
modes(struct random *r)
{
	return (random_below(r, 10) < 6 ? 1 : 1.1) + 0.01 * random_normal(r);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* As leat plan adds them, or one at a time, with a look after each. */
static uint64_t
next(uint64_t n, double width, double wanted, bool one)
{
	uint64_t more = until_more(n, width, wanted);

	return one && more > 0 ? 1 : more;
}

static void
simulate(const char *name, double (*draw)(struct random *), double wanted, uint64_t begin, bool one,
    unsigned experiments)
{
	static double value[2000001], sorted[MOST];
	uint64_t held = 0, fixed = 0, runs = 0, looks = 0, narrow = 0;
	double truth, median;
	struct random r;

	random_seed(&r, 1, 0);
	for (size_t i = 0; i < sizeof value / sizeof *value; i++)
		value[i] = draw(&r);
	qsort(value, sizeof value / sizeof *value, sizeof *value, by_value);
	truth = value[sizeof value / sizeof *value / 2];
	for (unsigned k = 0; k < experiments; k++) {
		uint64_t n = 0, more = begin, lo, hi;
		double width = INFINITY;

		for (; more > 0 && n < MOST; more = next(n, width, wanted, one)) {
			for (; more > 0 && n < MOST; more--)
				value[n++] = draw(&r);
			for (uint64_t i = 0; i < n; i++)
				sorted[i] = value[i];
			qsort(sorted, n, sizeof *sorted, by_value);
			width = until_width(sorted, n, &median);
			looks++;
		}
		runs += n;
		narrow += width <= wanted;
		order_interval(n, 0.5, 0.95, &lo, &hi);
		held += sorted[lo - 1] <= truth && truth <= sorted[hi - 1];
		/* as many again that did not decide when to stop */
		for (uint64_t i = 0; i < n; i++)
			sorted[i] = draw(&r);
		qsort(sorted, n, sizeof *sorted, by_value);
		fixed += sorted[lo - 1] <= truth && truth <= sorted[hi - 1];
	}
	printf(
	    "%-10s CI=%g%%  from %2llu%s  %6.1f runs, %4.1f looks, %5.1f %% narrow   true median "
	    "inside: "
	    "%.1f %%, of as many fresh runs %.1f %%\n",
	    name, wanted * 100, (unsigned long long)begin, one ? ", one by one" : "            ",
	    (double)runs / experiments, (double)looks / experiments,
	    100.0 * (double)narrow / experiments, 100.0 * (double)held / experiments,
	    100.0 * (double)fixed / experiments);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		double (*draw)(struct random *);
	} shape[] = { { "normal", normal }, { "lognormal", lognormal }, { "tail", tail },
		{ "modes", modes } };
	static const double wanted[] = { 0.05, 0.02, 0.01 };
	static const uint64_t begin[] = { 5, 20 };
	unsigned experiments = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;

	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 3; k++)
			for (unsigned b = 0; b < 2; b++)
				simulate(shape[i].name, shape[i].draw, wanted[k], begin[b], false,
				    experiments);
	for (unsigned i = 0; i < 4; i++)
		simulate(shape[i].name, shape[i].draw, 0.02, 5, true, experiments / 4);
	return 0;
}
