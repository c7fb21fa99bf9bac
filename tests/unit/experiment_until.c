/* Repetitions until an interval is narrow: what it takes, that it comes to an end, and that the interval still holds. */
#include <math.h>

#include "experiment/until.h"
#include "stat/order.h"
#include "stat/random.h"
#include "unit.h"

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
check_width(void)
{
	double median, v[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	CLAIM(isinf(until_width(v, 0, &median)) && isnan(median));
	CLAIM(isinf(until_width(v, 1, &median)) && median == 1);
	CLAIM(isinf(until_width(v, 5, &median)) && median == 3);
	/* 6 values: the first and the last enclose the median with 97 % */
	CLAIM(until_width(v, 6, &median) == 2.5 / 3.5 && median == 3.5);
	CLAIM(until_width(v, 8, &median) == 3.5 / 4.5 && median == 4.5);
	for (int i = 0; i < 8; i++)
		v[i] = -v[i];
	qsort(v, 8, sizeof *v, by_value);
	CLAIM(until_width(v, 8, &median) == 3.5 / 4.5 && median == -4.5);
	for (int i = 0; i < 8; i++)
		v[i] = 0;
	CLAIM(until_width(v, 8, &median) == 0);
	v[7] = 1;
	CLAIM(isinf(until_width(v, 8, &median)));
}

/* Never none where it is wide, never more than there are, more for wider ones. */
static void
check_more(void)
{
	for (uint64_t n = 0; n < 1000; n++) {
		uint64_t before = 0;

		CLAIM(until_more(n, 0.02, 0.02) == 0 && until_more(n, 0, 0.02) == 0);
		for (double width = 0.0201; width < 100; width *= 1.3) {
			uint64_t more = until_more(n, width, 0.02);

			CLAIM(more > 0 && more >= before);
			CLAIM(
			    n < UNTIL_LEAST ? n + more == UNTIL_LEAST : more <= n && more >= n / 4);
			before = more;
		}
		CLAIM(until_more(n, INFINITY, 0.02) == before);
	}
	/* half as wide takes four times as many, at most doubled each time */
	CLAIM(until_more(100, 0.022, 0.02) == 25);
	CLAIM(until_more(100, 0.025, 0.02) == 57);
	CLAIM(until_more(100, 0.04, 0.02) == 100);
}

/* Of intervals where it stopped, nearly as many hold the median as are said to. */
static void
check_coverage(void)
{
	enum { EXPERIMENTS = 2000, MOST = 2000 };
	static double value[MOST], sorted[MOST];
	unsigned held = 0;
	struct random r;

	random_seed(&r, 9, 1);
	for (unsigned k = 0; k < EXPERIMENTS; k++) {
		uint64_t n = 0, lo, hi;
		double median, width = INFINITY;

		for (uint64_t more; (more = until_more(n, width, 0.02)) > 0;) {
			CLAIM(n + more <= MOST);
			for (; more > 0; more--)
				value[n++] = 1 + 0.1 * random_exponential(&r);
			for (uint64_t i = 0; i < n; i++)
				sorted[i] = value[i];
			qsort(sorted, n, sizeof *sorted, by_value);
			width = until_width(sorted, n, &median);
		}
		CLAIM(order_interval(n, 0.5, 0.95, &lo, &hi));
		CLAIM((sorted[hi - 1] - sorted[lo - 1]) / 2 <= 0.02 * median);
		held += sorted[lo - 1] <= 1 + 0.1 * log(2) && 1 + 0.1 * log(2) <= sorted[hi - 1];
	}
	CLAIM(held > 0.91 * EXPERIMENTS && held < 0.98 * EXPERIMENTS);
}

int
main(void)
{
	check_width();
	check_more();
	check_coverage();
	return 0;
}
