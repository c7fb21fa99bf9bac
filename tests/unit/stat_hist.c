/* Histograms against sorted values: quantiles, moments, bins, merging, and what is read back. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "stat/hist.h"
#include "unit.h"

enum { MANY = 100000 };

static double
random_unit(void)
{
	return ((double)(unit_random() >> 11) + 0.5) * 0x1p-53;
}

static double
normal(void)
{
	return sqrt(-2 * log(random_unit())) * cos(2 * M_PI * random_unit());
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* ---- distributions ---- */

static double
uniform(void)
{
	return random_unit() * 1e6;
}

static double
exponential(void)
{
	return -log(random_unit()) * 1e5;
}

static double
lognormal(void)
{
	return exp(10 + 2 * normal());
}

static double
bimodal(void)
{
	return unit_random() % 3 ? 1000 + 10 * normal() : 5e6 + 1e5 * normal();
}

static double
constant(void)
{
	return 7000000;
}

static double
heavy(void)
{
	return pow(random_unit(), -1.5);
}

static double
both_signs(void)
{
	return normal() * 1e4;
}

static double
tiny(void)
{
	return random_unit() * 1e-6;
}

static double
few(void)
{
	return (double)(unit_random() % 7) - 3;
}

static double
halves(void)
{
	return ((double)(unit_random() % 5) - 2) / 2;
}

static double (*const distribution[])(void) = { uniform, exponential, lognormal, bimodal, constant,
	heavy, both_signs, tiny, few, halves };

static const double quantiles[] = { 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999 };

/* The value of rank ceil(q * n), which is exact for these n and q. */
static double
exact_quantile(const double *v, size_t n, size_t thousandths10)
{
	size_t rank = (n * thousandths10 + 9999) / 10000;

	return v[rank ? rank - 1 : 0];
}

static void
check_bins(const struct hist *h, const double *v, size_t n)
{
	struct hist_bin bin;
	size_t at = 0, i = 0;
	double last = -INFINITY;

	while (hist_next(h, &at, &bin)) {
		uint64_t in = 0;

		CLAIM(bin.count > 0 && bin.lo < bin.hi && bin.lo >= last);
		last = bin.hi;
		CLAIM(i < n && v[i] >= bin.lo);
		for (; i < n && v[i] < bin.hi; i++)
			in++;
		CLAIM(in == bin.count);
	}
	CLAIM(i == n);
}

static void
check(double *v, size_t n, bool ints, const struct hist_scheme *scheme)
{
	struct hist h, parts[3];
	double error = hist_error(scheme), sum = 0, spread = 0, width = 0;
	struct error e;

	if (scheme->scale == HIST_LINEAR)
		width = (scheme->max - scheme->min) / scheme->bins;
	hist_init(&h, scheme);
	for (int i = 0; i < 3; i++)
		hist_init(&parts[i], scheme);
	for (size_t i = 0; i < n; i++) {
		if (ints)
			v[i] = floor(v[i]);
		hist_add_f64(&h, v[i], 1);
		hist_add_f64(&parts[unit_random() % 3], v[i], 1);
		sum += v[i];
	}
	CLAIM(h.count == n && h.nan == 0 && !h.full);
	qsort(v, n, sizeof *v, by_value);
	check_bins(&h, v, n);
	if (n == 0) {
		CLAIM(isnan(hist_quantile(&h, 0.5)) && isnan(hist_mean(&h)) &&
		      isnan(hist_stddev(&h)) && isnan(hist_min(&h)) && isnan(hist_max(&h)));
	} else {
		double mean = sum / (double)n;

		CLAIM(hist_min(&h) == v[0] && hist_max(&h) == v[n - 1]);
		CLAIM(fabs(hist_mean(&h) - mean) <= 1e-9 * (fabs(mean) + fabs(v[n - 1])));
		for (size_t i = 0; i < n; i++)
			spread += (v[i] - mean) * (v[i] - mean);
		if (n > 1)
			CLAIM(fabs(hist_stddev(&h) - sqrt(spread / (double)(n - 1))) <=
			      1e-9 * (fabs(v[n - 1]) + fabs(v[0])));
		else
			CLAIM(isnan(hist_stddev(&h)));
	}
	for (size_t k = 0; n > 0 && k < sizeof quantiles / sizeof *quantiles; k++) {
		double want = exact_quantile(v, n, (size_t)(quantiles[k] * 10000 + 0.5));
		double is = hist_quantile(&h, quantiles[k]), lo, hi;

		if (isnan(is)) {
			CLAIM(scheme->scale == HIST_LINEAR &&
			      (want < scheme->min || want >= scheme->max));
			continue;
		}
		CLAIM(fabs(is - want) <=
		      error * fabs(want) * (1 + 1e-12) + width / 2 * (1 + 1e-9) + (ints ? 0.5 : 0));
		/* small ints are exact */
		if (ints && scheme->scale == HIST_LOG && fabs(want) < ldexp(1, (int)scheme->bits))
			CLAIM(is == want);
		hist_quantile_interval(&h, quantiles[k], 0.95, &lo, &hi);
		CLAIM(isnan(lo) == isnan(hi));
		if (!isnan(lo))
			CLAIM(lo <= want && want <= hi);
	}
	/* the parts together are the whole, in any order of merging */
	CLAIM(
	    hist_merge(&parts[2], &parts[0], &e) == 0 && hist_merge(&parts[1], &parts[2], &e) == 0);
	CLAIM(parts[1].count == n);
	check_bins(&parts[1], v, n);
	if (n > 0) {
		CLAIM(hist_min(&parts[1]) == v[0] && hist_max(&parts[1]) == v[n - 1]);
		CLAIM(fabs(hist_mean(&parts[1]) - hist_mean(&h)) <= 1e-15 * fabs(hist_mean(&h)));
	}
	if (n > 0 && !h.real) {
		CLAIM(parts[1].moments.sum == h.moments.sum);
		CLAIM(parts[1].moments.sum2.low == h.moments.sum2.low);
	}
	hist_free(&h);
	for (int i = 0; i < 3; i++)
		hist_free(&parts[i]);
}

/* Arrays of ints give what ints one by one give, and doubles of the same values, too. */
static void
check_arrays(unsigned bits, unsigned width)
{
	const struct hist_scheme scheme = { HIST_LOG, bits, 0, 0, 0 };
	static uint64_t u[5000];
	static int64_t s[5000];
	struct hist one, all, real;
	struct hist_bin a, b;
	size_t at_a = 0, at_b = 0;
	struct error e;

	hist_init(&one, &scheme);
	hist_init(&all, &scheme);
	hist_init(&real, &scheme);
	hist_make_real(&real);
	for (size_t i = 0; i < 5000; i++) {
		u[i] = unit_random() >> (64 - width);
		s[i] = (int64_t)(unit_random()) >> (64 - width);
		hist_add_u64(&one, u[i], 1);
		hist_add_i64(&one, s[i], 1);
		hist_add_u64(&real, u[i], 1);
		hist_add_i64(&real, s[i], 1);
	}
	hist_add_u64s(&all, u, 5000);
	hist_add_i64s(&all, s, 4990);
	hist_add_i64s(&all, s + 4990, 10);
	CLAIM(all.count == 10000 && one.count == 10000 && !all.real);
	CLAIM(all.moments.min == one.moments.min && all.moments.max == one.moments.max);
	CLAIM(all.moments.sum == one.moments.sum);
	CLAIM(all.moments.sum2.low == one.moments.sum2.low);
	CLAIM(all.moments.sum2.high == one.moments.sum2.high);
	while (hist_next(&one, &at_a, &a)) {
		CLAIM(hist_next(&all, &at_b, &b));
		CLAIM(a.lo == b.lo && a.hi == b.hi && a.count == b.count);
	}
	CLAIM(!hist_next(&all, &at_b, &b));
	/* ints that become real later are in the bins of those that were so from the start */
	hist_make_real(&one);
	at_a = at_b = 0;
	while (hist_next(&one, &at_a, &a)) {
		CLAIM(hist_next(&real, &at_b, &b));
		CLAIM(a.lo == b.lo && a.hi == b.hi && a.count == b.count);
	}
	CLAIM(!hist_next(&real, &at_b, &b));
	CLAIM(hist_merge(&all, &one, &e) == 0 && all.real && all.count == 20000);
	CLAIM(fabs(hist_mean(&all) - hist_mean(&real)) <= 1e-15 * fabs(hist_mean(&real)));
	hist_free(&one);
	hist_free(&all);
	hist_free(&real);
}

static bool
same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* Linear bins of any limits: the first value of a bin is in it, and the one before is not. */
static void
check_linear_limits(void)
{
	for (int i = 0; i < 2000; i++) {
		struct hist_scheme s = { .scale = HIST_LINEAR,
			.bins = 1 + (uint32_t)(unit_random() % 50) };
		struct hist h;
		struct hist_bin bin;
		size_t at = 0;
		double start;

		s.min = normal() * 1e3;
		s.max = s.min + random_unit() * 100;
		start = s.min + (s.max - s.min) * (double)(unit_random() % s.bins) / s.bins;
		hist_init(&h, &s);
		hist_add_f64(&h, start, 1);
		CLAIM(hist_next(&h, &at, &bin) && bin.lo == start && bin.hi > start);
		hist_add_f64(&h, nextafter(start, -INFINITY), 1);
		at = 0;
		CLAIM(hist_next(&h, &at, &bin) && bin.hi == start && bin.count == 1);
		hist_free(&h);
	}
}

/* What hist_next() gives, hist_add_bin() takes, and nothing else. */
static void
check_read_back(const struct hist_scheme *scheme, bool real)
{
	struct hist h, back;
	struct hist_bin a, b;
	struct hist_moments wrong;
	size_t at = 0, at_b = 0;
	struct error e;

	hist_init(&h, scheme);
	hist_init(&back, scheme);
	if (real)
		hist_make_real(&h), hist_make_real(&back);
	for (int i = 0; i < 3000; i++) {
		double v = ldexp(normal(), (int)(unit_random() % 60) - 20 * real);

		hist_add_f64(&h, real ? v : floor(v), 1 + unit_random() % 5);
	}
	hist_add_i64(&h, 0, 3);
	while (hist_next(&h, &at, &a)) {
		CLAIM(hist_add_bin(&back, a.lo, a.hi, a.count, &e) == 0);
		CLAIM(hist_add_bin(&back, a.lo, nextafter(a.hi, -INFINITY), 1, &e) == -1);
		CLAIM(hist_add_bin(&back, a.hi, a.lo, 1, &e) == -1);
	}
	CLAIM(back.count == h.count && hist_set_moments(&back, &h.moments, &e) == 0);
	at = 0;
	while (hist_next(&h, &at, &a))
		CLAIM(hist_next(&back, &at_b, &b) && a.lo == b.lo && a.hi == b.hi &&
		      a.count == b.count);
	CLAIM(!hist_next(&back, &at_b, &b));
	CLAIM(same(hist_quantile(&back, 0.9), hist_quantile(&h, 0.9)));
	CLAIM(hist_stddev(&back) == hist_stddev(&h));
	wrong = h.moments;
	wrong.max = wrong.min - 1;
	wrong.real_max = wrong.real_min - 1;
	CLAIM(hist_set_moments(&back, &wrong, &e) == -1);
	CLAIM(hist_add_bin(&back, NAN, NAN, 1, &e) == -1 &&
	      hist_add_bin(&back, -INFINITY, 5, 1, &e) == -1);
	CLAIM(hist_add_bin(&back, 1e300, 2e300, 1, &e) == -1);
	hist_free(&h);
	hist_free(&back);
}

static void
check_extremes(void)
{
	const struct hist_scheme scheme = { HIST_LOG, HIST_BITS, 0, 0, 0 },
				 log2 = { .scale = HIST_LOG2 };
	const struct hist_scheme linear = { HIST_LINEAR, 0, 0, 1, 10 };
	uint64_t big[3] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct hist h, other;
	struct hist_bin bin;
	struct error e;
	size_t at = 0;

	/* the largest ints, many times: sums of 128 and 192 bits */
	hist_init(&h, &scheme);
	hist_add_u64s(&h, big, 3);
	hist_add_u64(&h, UINT64_MAX, 1000);
	CLAIM(h.moments.sum == (__int128)UINT64_MAX * 1003 && h.moments.max == UINT64_MAX);
	/* 1003 * (2^64 - 1)^2 = 1003 * 2^128 - 1003 * 2^65 + 1003 */
	CLAIM(h.moments.sum2.high == 1002);
	CLAIM(h.moments.sum2.low == -((unsigned __int128)1003 << 65) + 1003);
	CLAIM(hist_stddev(&h) == 0);
	hist_add_i64(&h, INT64_MIN, 1);
	hist_add_i64(&h, -1, 1);
	CLAIM(hist_min(&h) == -0x1p63 && hist_max(&h) == 0x1p64);
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == -0x1p63 && bin.count == 1);
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == -1 && bin.hi == 0);
	CLAIM(hist_next(&h, &at, &bin) && bin.hi == 0x1p64 && bin.count == 1003);
	CLAIM(!hist_next(&h, &at, &bin));
	hist_free(&h);

	/* far from zero and close together: the spread is not lost */
	hist_init(&h, &scheme);
	for (uint64_t i = 0; i < 1000; i++)
		hist_add_u64(&h, 1700000000000000000 + i % 2 * 2000, 1);
	CLAIM(fabs(hist_stddev(&h) - 1000 * sqrt(1000.0 / 999)) < 1e-9);
	hist_free(&h);

	/* nan apart, infinities at the ends, -0 is 0 */
	hist_init(&h, &scheme);
	hist_add_f64(&h, NAN, 2);
	hist_add_f64(&h, -0.0, 1);
	CLAIM(h.count == 1 && h.nan == 2 && !h.real && !signbit(hist_min(&h)));
	hist_add_f64(&h, 0.5, 1);
	hist_add_f64(&h, INFINITY, 1);
	hist_add_f64(&h, -INFINITY, 1);
	hist_add_f64(&h, DBL_MAX, 1);
	hist_add_f64(&h, 5e-324, 1);
	CLAIM(h.real && h.count == 6 && hist_min(&h) == -INFINITY && hist_max(&h) == INFINITY);
	CLAIM(hist_quantile(&h, 1) == INFINITY && hist_quantile(&h, 0) == -INFINITY);
	at = 0;
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == -INFINITY && bin.count == 1);
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == 0 && bin.count == 2);
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == 0.5 && bin.count == 1);
	CLAIM(hist_next(&h, &at, &bin) && bin.hi == INFINITY && bin.count == 1);
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == INFINITY && bin.count == 1);
	hist_init(&other, &scheme);
	CLAIM(hist_merge(&other, &h, &e) == 0 && other.nan == 2 && other.count == 6);
	hist_free(&other);
	hist_init(&other, &log2);
	CLAIM(hist_merge(&other, &h, &e) == -1);
	hist_free(&other);
	hist_free(&h);

	/* counts stop, and that is said */
	hist_init(&h, &scheme);
	hist_add_u64(&h, 5, INT64_MAX - 1);
	CLAIM(!h.full);
	hist_add_u64s(&h, big, 3);
	CLAIM(h.full && h.count == INT64_MAX && hist_quantile(&h, 0.5) == 5);
	hist_free(&h);

	/* log2: a bin for each power; linear: what lies outside is counted and not guessed */
	hist_init(&h, &log2);
	for (uint64_t v = 0; v < 1024; v++)
		hist_add_u64(&h, v, 1);
	at = 0;
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == 0 && bin.hi == 1 && bin.count == 1);
	for (unsigned i = 0; i < 10; i++)
		CLAIM(hist_next(&h, &at, &bin) && bin.lo == ldexp(1, (int)i) &&
		      bin.hi == 2 * bin.lo && (double)bin.count == bin.lo);
	CLAIM(!hist_next(&h, &at, &bin));
	hist_free(&h);
	hist_init(&h, &linear);
	for (int i = 0; i < 10; i++)
		hist_add_f64(&h, i / 10.0, 1); /* each is the start of a bin */
	hist_add_f64(&h, nextafter(1, 0), 1);
	hist_add_f64(&h, 1, 5);
	hist_add_f64(&h, -1e-300, 5);
	CLAIM(h.below == 5 && h.above == 5 && h.count == 21);
	CLAIM(isnan(hist_quantile(&h, 0.1)) && isnan(hist_quantile(&h, 0.95)));
	CLAIM(fabs(hist_quantile(&h, 0.5) - 0.55) < 1e-12 && hist_quantile(&h, 1) == 1);
	at = 0;
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == -INFINITY && bin.hi == 0 && bin.count == 5);
	for (int i = 0; i < 10; i++)
		CLAIM(hist_next(&h, &at, &bin) && bin.lo == i / 10.0 && bin.count == 1u + (i == 9));
	CLAIM(hist_next(&h, &at, &bin) && bin.lo == 1 && bin.hi == INFINITY && bin.count == 5);
	CLAIM(!hist_next(&h, &at, &bin));
	hist_free(&h);
}

int
main(void)
{
	static const size_t sizes[] = { 0, 1, 2, 10, 1000, MANY };
	const struct hist_scheme scheme[] = { { HIST_LOG, HIST_BITS, 0, 0, 0 },
		{ HIST_LOG, 1, 0, 0, 0 }, { HIST_LOG, HIST_BITS_MAX, 0, 0, 0 },
		{ .scale = HIST_LOG2 }, { HIST_LINEAR, 0, -1000, 500000, 997 },
		{ HIST_LINEAR, 0, -0.3, 0.7, 10 } };
	static double v[MANY];

	for (size_t d = 0; d < sizeof distribution / sizeof *distribution; d++)
		for (size_t s = 0; s < sizeof scheme / sizeof *scheme; s++)
			for (size_t n = 0; n < sizeof sizes / sizeof *sizes - (s > 0); n++)
				for (int ints = 0; ints < 2; ints++) {
					for (size_t i = 0; i < sizes[n]; i++)
						v[i] = distribution[d]();
					check(v, sizes[n], ints, &scheme[s]);
				}
	for (unsigned width = 1; width <= 64; width++)
		check_arrays(1 + width % HIST_BITS_MAX, width);
	for (size_t s = 0; s < sizeof scheme / sizeof *scheme; s++)
		for (int real = 0; real < 2; real++)
			check_read_back(&scheme[s], real);
	check_linear_limits();
	check_extremes();
	return 0;
}
