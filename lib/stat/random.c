#include <math.h>

#include "stat/random.h"

static uint64_t
split_mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void
random_seed(struct random *r, uint64_t seed, uint64_t stream)
{
	uint64_t state = seed;

	/* Neighbouring seeds and streams must not share a sequence: both pass through the mixer first. */
	state = split_mix(&state) ^ stream;
	state = split_mix(&state);
	for (int i = 0; i < 4; i++)
		r->s[i] = split_mix(&state);
}

double
random_normal(struct random *r)
{
	double u, v, q;

	/* Marsaglia's polar method; its second number is let go, so that the struct holds nothing else. */
	do {
		u = 2 * random_unit(r) - 1;
		v = 2 * random_unit(r) - 1;
		q = u * u + v * v;
	} while (q >= 1);
	return u * sqrt(-2 * log(q) / q);
}

double
random_exponential(struct random *r)
{
	return -log(random_unit(r));
}

double
random_gamma(struct random *r, double shape)
{
	double d, c, x, u, v;

	if (shape < 1)
		return random_gamma(r, shape + 1) * pow(random_unit(r), 1 / shape);
	d = shape - 1.0 / 3;
	c = 1 / sqrt(9 * d);
	for (;;) {
		do {
			x = random_normal(r);
			v = 1 + c * x;
		} while (v <= 0);
		v = v * v * v;
		u = random_unit(r);
		/* the first is enough for most, and needs no logarithm */
		if (u < 1 - 0.0331 * x * x * x * x || log(u) < 0.5 * x * x + d - d * v + d * log(v))
			return d * v;
	}
}

double
random_poisson(struct random *r, double mean)
{
	double n = 0, limit, product;

	if (mean > 1e9)
		return fmax(0, rint(mean + sqrt(mean) * random_normal(r)));
	/* The time of event m of a unit process is gamma(m): jump to one below the mean, and on from there, or pick among
	 * those before it. */
	while (mean > 16) {
		double m = floor(mean * 7 / 8), t = random_gamma(r, m);

		if (t > mean) {
			/* Of m - 1 events before t, each stands before `mean` with the same chance. */
			double p = mean / t, k = m - 1;

			while (k > 16) {
				/* A binomial by its median order statistic, until few are left. */
				double i = floor((k + 1) / 2), g = random_gamma(r, i),
				       y = g / (g + random_gamma(r, k + 1 - i));

				if (y <= p) {
					n += i;
					k -= i;
					p = (p - y) / (1 - y);
				} else {
					k = i - 1;
					p /= y;
				}
			}
			for (; k > 0; k--)
				n += random_unit(r) < p;
			return n;
		}
		n += m;
		mean -= t;
	}
	limit = exp(-mean);
	for (product = random_unit(r); product > limit; product *= random_unit(r))
		n++;
	return n;
}
