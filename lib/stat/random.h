/* random.h - seeded streams of random numbers
 *
 * xoshiro256**, its 256 bits of state filled by SplitMix64 from a seed and a stream number: the same two give the same
 * numbers on every machine, and streams of one seed are independent for all that resampling needs. Not for secrets.
 *
 * Units:     none.
 * Ownership: the caller holds the struct; it points to nothing.
 * Errors:    none.
 * Source:    D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators" (2021); G. Steele, D. Lea, C. Flood,
 *            "Fast splittable pseudorandom number generators" (2014); D. Lemire, "Fast random integer generation in an
 *            interval" (2019); G. Marsaglia, W. Tsang, "A simple method for generating gamma variables" (2000).
 */
#ifndef STAT_RANDOM_H
#define STAT_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t s[4];
};

void random_seed(struct random *r, uint64_t seed, uint64_t stream);

static inline uint64_t
random_u64(struct random *r)
{
	uint64_t *s = r->s, x = s[1] * 5, result = (x << 7 | x >> 57) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

/* 0 .. n-1, all equally likely; n > 0. */
static inline uint64_t
random_below(struct random *r, uint64_t n)
{
	__uint128_t m = (__uint128_t)random_u64(r) * n;

	if ((uint64_t)m < n)
		while ((uint64_t)m < -n % n)
			m = (__uint128_t)random_u64(r) * n;
	return (uint64_t)(m >> 64);
}

/* Above 0 and below 1: a multiple of 2^-53, and half of one. */
static inline double
random_unit(struct random *r)
{
	return ((double)(random_u64(r) >> 11) + 0.5) * 0x1p-53;
}

/* Mean 0, standard deviation 1. */
double random_normal(struct random *r);

/* Mean 1. */
double random_exponential(struct random *r);

/* Mean and variance `shape`, which is above 0. */
double random_gamma(struct random *r, double shape);

/* A whole number of this mean and variance; exact below 1e9, the rounded normal limit above. */
double random_poisson(struct random *r, double mean);

#endif
