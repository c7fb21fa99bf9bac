/* Known outputs, and the moments and frequencies of each distribution. */
#include <math.h>

#include "stat/random.h"
#include "unit.h"

enum { DRAWS = 200000 };

/* Mean and variance of DRAWS numbers are these, within 5 standard errors; fourth: central moment over variance squared. */
static void
moments(double (*draw)(struct random *, double), double parameter, double mean, double variance,
    double fourth)
{
	struct random r;
	double sum = 0, squares = 0;

	random_seed(&r, 7, (uint64_t)(parameter * 1000));
	for (int i = 0; i < DRAWS; i++) {
		double x = draw(&r, parameter) - mean;

		sum += x;
		squares += x * x;
	}
	CLAIM(fabs(sum / DRAWS) < 5 * sqrt(variance / DRAWS));
	CLAIM(fabs(squares / DRAWS - variance) < 5 * variance * sqrt((fourth - 1) / DRAWS));
}

static double
normal(struct random *r, double unused)
{
	(void)unused;
	return random_normal(r);
}

static double
exponential(struct random *r, double unused)
{
	(void)unused;
	return random_exponential(r);
}

static double
unit(struct random *r, double unused)
{
	(void)unused;
	return random_unit(r);
}

/* Chi-squared of Poisson counts against the probabilities. */
static void
poisson_frequencies(double mean)
{
	enum { MOST = 200 };
	static double seen[MOST];
	struct random r;
	double chi = 0, p = exp(-mean), bins = 0;

	random_seed(&r, 11, (uint64_t)mean);
	for (int i = 0; i < MOST; i++)
		seen[i] = 0;
	for (int i = 0; i < DRAWS; i++) {
		double n = random_poisson(&r, mean);

		CLAIM(n >= 0 && n == floor(n) && n < MOST);
		seen[(int)n]++;
	}
	for (int i = 0; i < MOST; p *= mean / ++i)
		if (p * DRAWS > 10) {
			chi += (seen[i] - p * DRAWS) * (seen[i] - p * DRAWS) / (p * DRAWS);
			bins++;
		}
	CLAIM(bins > 5 && fabs(chi - bins) < 5 * sqrt(2 * bins));
}

int
main(void)
{
	static const uint64_t first[] = { 11520, 0, 1509978240, 1215971899390074240u,
		1216172134540287360u };
	struct random r = { { 1, 2, 3, 4 } }, s;
	uint64_t seen[7] = { 0 };
	unsigned same = 0;

	for (unsigned i = 0; i < 5; i++)
		CLAIM(random_u64(&r) == first[i]);
	/* the same seed and stream, the same numbers; another of either, others */
	for (uint64_t seed = 0; seed < 50; seed++)
		for (uint64_t stream = 0; stream < 50; stream++) {
			struct random a, b, c;

			random_seed(&a, seed, stream);
			random_seed(&b, seed, stream);
			random_seed(&c, stream, seed);
			for (int i = 0; i < 4; i++) {
				uint64_t x = random_u64(&a);

				CLAIM(x == random_u64(&b));
				same += x == random_u64(&c) && seed != stream;
			}
		}
	CLAIM(same == 0);

	random_seed(&s, 3, 0);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t k = random_below(&s, 7);
		double u = random_unit(&s);

		CLAIM(k < 7 && u > 0 && u < 1 && random_below(&s, 1) == 0);
		seen[k]++;
	}
	for (int k = 0; k < 7; k++)
		CLAIM(fabs((double)seen[k] - DRAWS / 7.0) < 5 * sqrt(DRAWS / 7.0));

	moments(unit, 0, 0.5, 1 / 12.0, 1.8);
	moments(normal, 0, 0, 1, 3);
	moments(exponential, 0, 1, 1, 9);
	for (double shape = 0.2; shape < 1e6; shape *= 7)
		moments(random_gamma, shape, shape, shape, 3 + 6 / shape);
	for (double mean = 0.1; mean < 1e12; mean *= 13)
		moments(random_poisson, mean, mean, mean, 3 + 1 / mean);
	CLAIM(random_poisson(&s, 0) == 0);
	poisson_frequencies(3);
	poisson_frequencies(30);
	poisson_frequencies(100);
	return 0;
}
