#include <math.h>

#include "stat/order.h"

enum { ORDER_NEAR = 1000 };

double
order_normal(double p)
{
	double low = -40, high = 40;

	/* The distribution function rises; eighty halvings leave the last bits. */
	for (int i = 0; i < 80; i++) {
		double middle = (low + high) / 2;

		if (erfc(-middle / M_SQRT2) / 2 < p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

static double
binomial(double n, double k, double q)
{
	return exp(
	    lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(q) + (n - k) * log1p(-q));
}

/* The largest rank with P(B < rank) <= tail, B binomial (n, q); 0 where there is none. */
static uint64_t
lower_rank(uint64_t n, double q, double tail)
{
	double mean = (double)n * q, far = 12 * sqrt(mean * (1 - q)) + 40;
	uint64_t k = mean > far ? (uint64_t)(mean - far) : 0;
	double term = binomial((double)n, (double)k, q), sum = term;

	/* Further away there is less than e^-70. */
	while (sum <= tail && k < n) {
		term *= (double)(n - k) / (double)(k + 1) * (q / (1 - q));
		sum += term;
		k++;
	}
	return k;
}

static uint64_t
approximate(uint64_t n, double q, double z)
{
	double mean = (double)n * q, sd = sqrt(mean * (1 - q));

	return (uint64_t)(mean + z * sd + (z * z - 1) * (1 - 2 * q) / 6 + 0.5);
}

static bool
exact(uint64_t n, double q, double tail, uint64_t *lo, uint64_t *hi)
{
	/* P(B >= rank) of q is P(B' <= n - rank) of 1 - q. */
	uint64_t l = lower_rank(n, q, tail), mirrored = lower_rank(n, 1 - q, tail);

	if (l == 0 || mirrored == 0)
		return false;
	*lo = l;
	*hi = n + 1 - mirrored;
	return true;
}

bool
order_interval(uint64_t n, double q, double confidence, uint64_t *lo, uint64_t *hi)
{
	double tail = (1 - confidence) / 2, z;

	/* Near the ends the binomial is a Poisson distribution, whose sum is short. */
	if (n <= ORDER_EXACT || (double)n * (q < 0.5 ? q : 1 - q) < ORDER_NEAR)
		return n > 0 && exact(n, q, tail, lo, hi);
	z = order_normal(1 - tail);
	*lo = approximate(n, q, -z);
	*hi = approximate(n, q, z) + 1;
	return true;
}
