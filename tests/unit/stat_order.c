/* Ranks of order statistics: against tables, against the binomial distribution, and by experiment. */
#include <math.h>

#include "stat/order.h"
#include "unit.h"

static double
random_unit(void)
{
	return (double)(unit_random() >> 11) * 0x1p-53;
}

/* P(B <= k), B binomial (n, q), term by term. */
static long double
at_most(unsigned n, double q, int k)
{
	long double sum = 0, term = powl(1 - q, n);

	for (int i = 0; i <= k && i <= (int)n; i++) {
		sum += term;
		term *= (long double)(n - (unsigned)i) / (i + 1) * (q / (1 - (long double)q));
	}
	return sum;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int
main(void)
{
	static const struct {
		unsigned n, lo, hi;
	} median[] = { { 6, 1, 6 }, { 8, 1, 8 }, { 9, 2, 8 }, { 10, 2, 9 }, { 20, 6, 15 },
		{ 25, 8, 18 }, { 40, 14, 27 }, { 100, 40, 61 } };
	static const double quantile[] = { 0.01, 0.1, 0.5, 0.9, 0.99, 0.3 };
	uint64_t lo, hi, lo2, hi2;
	unsigned covered = 0, experiments = 4000;

	for (unsigned n = 0; n < 6; n++)
		CLAIM(!order_interval(n, 0.5, 0.95, &lo, &hi));
	for (size_t i = 0; i < sizeof median / sizeof *median; i++) {
		CLAIM(order_interval(median[i].n, 0.5, 0.95, &lo, &hi));
		CLAIM(lo == median[i].lo && hi == median[i].hi);
	}
	/* as narrow as may be: a rank further in on either side, and the tail is too large */
	for (unsigned n = 1; n < 400; n += 1 + n / 20)
		for (size_t i = 0; i < sizeof quantile / sizeof *quantile; i++) {
			double q = quantile[i], tail = 0.025;
			bool below = at_most(n, q, 0) <= tail,
			     above = 1 - at_most(n, q, (int)n - 1) <= tail;

			CLAIM(order_interval(n, q, 0.95, &lo, &hi) == (below && above));
			if (!below || !above)
				continue;
			CLAIM(lo >= 1 && lo < hi && hi <= n);
			CLAIM(at_most(n, q, (int)lo - 1) <= tail && at_most(n, q, (int)lo) > tail);
			CLAIM(1 - at_most(n, q, (int)hi - 1) <= tail + 1e-15L);
			CLAIM(1 - at_most(n, q, (int)hi - 2) > tail - 1e-15L);
		}
	/* where the approximation begins, it goes on from what is exact */
	for (size_t i = 0; i < sizeof quantile / sizeof *quantile; i++) {
		CLAIM(order_interval(ORDER_EXACT, quantile[i], 0.95, &lo, &hi));
		CLAIM(order_interval(ORDER_EXACT + 1, quantile[i], 0.95, &lo2, &hi2));
		CLAIM(lo2 + 1 >= lo && lo2 <= lo + 2 && hi2 + 1 >= hi && hi2 <= hi + 2);
	}
	CLAIM(order_interval(UINT64_C(1) << 60, 0.5, 0.95, &lo, &hi) && lo < hi);
	CLAIM(order_interval(UINT64_C(1) << 40, 1e-10, 0.95, &lo, &hi));
	CLAIM(lo < 110 && hi > 110 && lo > 80 && hi < 140);
	CLAIM(fabs(order_normal(0.975) - 1.959963985) < 1e-9 && fabs(order_normal(0.5)) < 1e-9);
	CLAIM(fabs(order_normal(0.025) + 1.959963985) < 1e-9);

	/* by experiment: the true median lies inside in 95 % of the cases or some more */
	for (unsigned i = 0; i < experiments; i++) {
		double v[30];

		for (int k = 0; k < 30; k++)
			v[k] = -log(1 - random_unit());
		qsort(v, 30, sizeof *v, by_value);
		CLAIM(order_interval(30, 0.5, 0.95, &lo, &hi));
		covered += v[lo - 1] <= log(2) && log(2) <= v[hi - 1];
	}
	CLAIM(covered > experiments * 0.945 && covered < experiments * 0.985);
	return 0;
}
