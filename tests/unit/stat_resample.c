/* Known answers, laws that hold of every sample, and how often the intervals hold the truth.
 *
 * usage: stat_resample [EXPERIMENTS]	(2000; more makes it print what it found for all cases)
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stat/random.h"
#include "stat/resample.h"
#include "unit.h"

enum { MOST = 64 };

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

enum shape { NORMAL, LOGNORMAL, SKEWED, EXPONENTIAL, UNIFORM, TWO_HUMPS, ROUNDED };

static double
draw(struct random *r, enum shape shape)
{
	switch (shape) {
	case NORMAL:
		return 10 + random_normal(r);
	case LOGNORMAL:
		return exp(0.5 * random_normal(r));
	case SKEWED:
		return exp(random_normal(r));
	case EXPONENTIAL:
		return random_exponential(r);
	case UNIFORM:
		return 1 + random_unit(r);
	case TWO_HUMPS:
		return (random_unit(r) < 0.3 ? 12 : 10) + 0.3 * random_normal(r);
	case ROUNDED:
		return rint(100 + 3 * random_normal(r));
	}
	return 0;
}

static struct resample_sample
values(struct random *r, enum shape shape, double times, double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = times * draw(r, shape);
	qsort(v, n, sizeof *v, by_value);
	return (struct resample_sample){ .value = v, .n = n, .mean = NAN };
}

/* The share of experiments whose interval holds the true ratio. */
static double
coverage(enum shape shape, size_t na, size_t nb, double q, unsigned experiments, uint32_t resamples,
    double ratio)
{
	struct resample_question question = { q, false, 0.95, resamples, 1, 0, NULL };
	unsigned held = 0;
	struct random r;

	random_seed(&r, 12345, (uint64_t)shape * 1000 + na * 10 + nb);
	for (unsigned i = 0; i < experiments; i++) {
		double va[MOST], vb[MOST];
		struct resample_sample a = values(&r, shape, 1, va, na),
				       b = values(&r, shape, ratio, vb, nb);
		struct resample_answer x;

		question.stream = i;
		CLAIM(resample_interval(&question, &a, &b, &x));
		CLAIM(x.lo <= x.change && x.change <= x.hi);
		held += x.lo <= ratio && ratio <= x.hi;
	}
	return held / (double)experiments;
}

static void
coverages(unsigned experiments, bool all)
{
	static const char *const names[] = { "normal", "lognormal 0.5", "lognormal 1",
		"exponential", "uniform", "two humps", "rounded" };
	static const size_t size[][2] = { { 10, 10 }, { 20, 20 }, { 30, 30 }, { 5, 5 }, { 5, 30 },
		{ 12, 25 } };

	for (unsigned shape = 0; shape <= (all ? ROUNDED : EXPONENTIAL); shape++)
		for (unsigned n = 0; n < (all ? 6 : 3); n++)
			for (unsigned mean = 0; mean < 2; mean++) {
				/* 1: how often equal sets are called different is what is missing */
				double c = coverage((enum shape)shape, size[n][0], size[n][1],
				    mean ? RESAMPLE_MEAN : 0.5, experiments, all ? 1999 : 499,
				    n % 2 ? 1.3 : 1);

				if (all)
					printf("%-14s %2zu %2zu %-6s %.2f %%\n", names[shape],
					    size[n][0], size[n][1], mean ? "mean" : "median",
					    100 * c);
				/* The mean of five against thirty is at its limits: five may not show a hump. */
				if (size[n][0] < 10 || shape == ROUNDED)
					CLAIM(
					    c > (mean && size[n][0] != size[n][1] ? 0.86 : 0.92) &&
					    c < 0.985);
				else
					CLAIM(c >= 0.93 && c <= 0.97);
			}
}

static struct resample_answer
compare(const double *a, size_t na, const double *b, size_t nb, double q, bool difference,
    uint64_t seed)
{
	struct resample_question question = { q, difference, 0.95, 999, seed, 3, NULL };
	struct resample_sample x = { .value = a, .n = na, .mean = NAN },
			       y = { .value = b, .n = nb, .mean = NAN };
	struct resample_answer answer;

	resample_compare(&question, &x, &y, &answer);
	return answer;
}

static void
known_answers(void)
{
	double low[] = { 1, 2, 3, 4, 5 }, high[] = { 6, 7, 8, 9, 10 },
	       same[] = { 4, 4, 4, 4, 4, 4 }, other[] = { 5, 5, 5, 5, 5 };
	struct resample_answer x;

	for (int i = 0; i < 2; i++) {
		double q = i ? RESAMPLE_MEAN : 0.5;

		/* of the 252 ways to deal, only this and its mirror image are as far apart */
		x = compare(low, 5, high, 5, q, false, 1);
		CLAIM(x.a == 3 && x.b == 8 && x.change == 8 / 3.0 && x.lo > 1);
		CLAIM(fabs(x.p - 2 / 252.0) < 1e-12);
		x = compare(low, 5, high, 5, q, true, 1);
		CLAIM(x.change == 5 && x.lo > 0 && x.hi < 10);
		x = compare(same, 6, same, 6, q, false, 1);
		CLAIM(x.lo == 1 && x.change == 1 && x.hi == 1 && x.p == 1);
		x = compare(same, 5, other, 5, q, false, 1);
		CLAIM(x.lo == 1.25 && x.change == 1.25 && x.hi == 1.25 &&
		      fabs(x.p - 2 / 252.0) < 1e-12);
		x = compare(low, 4, high, 5, q, false, 1);
		CLAIM(isnan(x.lo) && isnan(x.hi) && isnan(x.p) && x.b == 8);
		x = compare(low, 0, high, 5, q, false, 1);
		CLAIM(isnan(x.a) && isnan(x.change) && isnan(x.lo));
	}
	x = compare(low, 5, high, 5, 0.9, false, 1);
	CLAIM(x.a == 5 && x.b == 10 && isnan(x.lo));
	CLAIM(fabs(resample_normal_quantile(0.975) - 1.959963985) < 1e-8);
	CLAIM(fabs(resample_normal_quantile(0.5)) < 1e-12);
	CLAIM(fabs(resample_t_quantile(0.975, 2) - 4.302653) < 1e-5);
	CLAIM(fabs(resample_t_quantile(0.975, 3) / 3.182446 - 1) < 0.01);
	CLAIM(fabs(resample_t_quantile(0.975, 6) / 2.446912 - 1) < 1e-3);
	CLAIM(fabs(resample_t_quantile(0.995, 10) / 3.169273 - 1) < 1e-3);
}

static void
ways_to_deal(void)
{
	for (uint32_t n = 1; n <= 12; n++)
		for (uint32_t k = 0; k <= n; k++) {
			uint32_t chosen[12], before = 0;
			uint64_t seen = 0;

			resample_first(chosen, k);
			do {
				uint32_t set = 0;

				for (uint32_t i = 0; i < k; i++) {
					CLAIM(
					    chosen[i] < n && (i == 0 || chosen[i - 1] < chosen[i]));
					set |= 1u << (n - 1 - chosen[i]);
				}
				/* each once: they fall */
				CLAIM(seen == 0 || set < before);
				before = set;
				seen++;
			} while (resample_next(chosen, k, n));
			CLAIM(seen == resample_ways(n, k, 1000000));
		}
	CLAIM(resample_ways(60, 30, 1000) == 1001 && resample_ways(1000000, 2, 1000) == 1001);
}

/* What holds of any samples. */
static void
laws(void)
{
	struct random r;

	random_seed(&r, 99, 0);
	for (unsigned i = 0; i < 60; i++) {
		size_t na = 5 + random_below(&r, 20), nb = 5 + random_below(&r, 20);
		double va[MOST], vb[MOST], wa[MOST], wb[MOST], q = i % 2 ? RESAMPLE_MEAN : 0.5;
		struct resample_answer x, y;

		values(&r, (enum shape)(i % 7), 1, va, na);
		values(&r, (enum shape)(i % 7), 1.1, vb, nb);
		/* seeded */
		x = compare(va, na, vb, nb, q, false, 5);
		y = compare(va, na, vb, nb, q, false, 5);
		CLAIM(memcmp(&x, &y, sizeof x) == 0);
		CLAIM(x.lo <= x.change && x.change <= x.hi && x.p > 0 && x.p <= 1);
		/* another seed moves the ends a little */
		y = compare(va, na, vb, nb, q, false, 6);
		CLAIM(
		    y.change == x.change && fabs(log(y.lo / x.lo)) < 0.3 * log(x.hi / x.lo) + 1e-9);
		/* other units leave the ratio, and scale the difference */
		for (size_t k = 0; k < na; k++)
			wa[k] = 1024 * va[k];
		for (size_t k = 0; k < nb; k++)
			wb[k] = 1024 * vb[k];
		y = compare(wa, na, wb, nb, q, false, 5);
		CLAIM(y.lo == x.lo && y.hi == x.hi && y.p == x.p && y.a == 1024 * x.a);
		x = compare(va, na, vb, nb, q, true, 5);
		y = compare(wa, na, wb, nb, q, true, 5);
		CLAIM(y.lo == 1024 * x.lo && y.hi == 1024 * x.hi && y.p == x.p);
		/* B far above A is found */
		for (size_t k = 0; k < nb; k++)
			wb[k] = 100 * vb[k];
		x = compare(va, na, wb, nb, q, false, 5);
		CLAIM(x.lo > 1 && x.p < 0.05);
		/* negative values have differences */
		for (size_t k = 0; k < na; k++)
			wa[k] = va[k] - 1000;
		for (size_t k = 0; k < nb; k++)
			wb[k] = vb[k] - 1000;
		x = compare(va, na, vb, nb, q, true, 5);
		y = compare(wa, na, wb, nb, q, true, 5);
		CLAIM(fabs(x.lo - y.lo) < 1e-6 && fabs(x.hi - y.hi) < 1e-6);
	}
}

/* p of equal sets is uniform: at most a share of x is at most x. */
static void
p_of_equal_sets(unsigned experiments)
{
	unsigned few[2] = { 0 };
	struct random r;

	random_seed(&r, 17, 0);
	for (unsigned i = 0; i < experiments; i++)
		for (unsigned mean = 0; mean < 2; mean++) {
			double va[MOST], vb[MOST];
			size_t n = i % 2 ? 6 : 12;

			values(&r, EXPONENTIAL, 1, va, n);
			values(&r, EXPONENTIAL, 1, vb, n);
			few[mean] +=
			    compare(va, n, vb, n, mean ? RESAMPLE_MEAN : 0.5, false, i).p <= 0.05;
		}
	for (unsigned mean = 0; mean < 2; mean++)
		CLAIM(few[mean] < experiments * 0.05 + 4 * sqrt(experiments * 0.05) &&
		      few[mean] > experiments * 0.02);
}

/* Many values go through batches, bins through counts: both agree with theory on the mean of normal values. */
static void
many(void)
{
	enum { N = 30000, BINS = 4000 };
	double *v = malloc(2 * N * sizeof *v);
	struct resample_bin *bin[2];
	struct resample_question q = { RESAMPLE_MEAN, true, 0.95, 1999, 1, 0, NULL };
	struct resample_sample s[2], h[2];
	struct resample_answer x, y;
	double wide = 2 * 1.96 * sqrt(2.0 / N);
	struct random r;

	random_seed(&r, 21, 0);
	for (unsigned k = 0; k < 2; k++) {
		double *side = v + k * N;

		bin[k] = calloc(BINS, sizeof *bin[k]);
		for (int i = 0; i < BINS; i++)
			bin[k][i] = (struct resample_bin){ i / 200.0, (i + 1) / 200.0, 0 };
		for (int i = 0; i < N; i++) {
			side[i] = 10 + 0.1 * k + random_normal(&r);
			bin[k][(int)(side[i] * 200)].count++;
		}
		qsort(side, N, sizeof *side, by_value);
		s[k] = (struct resample_sample){ .value = side, .n = N, .mean = NAN };
		h[k] = (struct resample_sample){ .bin = bin[k], .bins = BINS, .mean = NAN };
	}
	for (unsigned i = 0; i < 2; i++) {
		/* the median's error is sqrt(pi/2) times that of the mean */
		double factor = i ? sqrt(M_PI / 2) : 1;

		q.q = i ? 0.5 : RESAMPLE_MEAN;
		resample_compare(&q, &s[0], &s[1], &x);
		resample_compare(&q, &h[0], &h[1], &y);
		CLAIM(fabs(x.change - y.change) < 0.003);
		CLAIM(fabs((x.hi - x.lo) / (wide * factor) - 1) < 0.1);
		CLAIM(fabs((y.hi - y.lo) / (x.hi - x.lo) - 1) < 0.1);
		CLAIM(x.lo > 0.05 && y.lo > 0.05 && x.hi < 0.15 && y.hi < 0.15 && x.p < 0.002 &&
		      y.p < 0.002);
		resample_compare(&q, &h[0], &h[0], &y);
		CLAIM(y.change == 0 && y.lo < 0 && y.hi > 0 && y.p > 0.5);
		/* many on one side, few on the other */
		s[1].n = 7;
		resample_compare(&q, &s[0], &s[1], &x);
		CLAIM(x.hi < 0 && x.p < 0.01 && x.p > 0);
		s[1].n = N;
	}
	/* a percentile with 300 values beyond */
	q.q = 0.99;
	resample_compare(&q, &s[0], &s[1], &x);
	resample_compare(&q, &h[0], &h[1], &y);
	CLAIM(fabs(x.a - 12.326) < 0.05 && fabs(y.a - x.a) < 0.01 && x.lo < 0.1 && x.hi > 0.1 &&
	      x.hi - x.lo < 0.2);
	CLAIM(fabs((y.hi - y.lo) / (x.hi - x.lo) - 1) < 0.15);
	for (unsigned k = 0; k < 2; k++)
		free(bin[k]);
	free(v);
}

int
main(int argc, char **argv)
{
	unsigned experiments = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;

	known_answers();
	ways_to_deal();
	laws();
	many();
	p_of_equal_sets(experiments / 4);
	coverages(experiments, argc > 1);
	return 0;
}
