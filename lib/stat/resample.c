#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stat/random.h"
#include "stat/resample.h"

/* ---- quantiles of distributions ---- */

static double
normal_above(double z)
{
	return 0.5 * erfc(z / M_SQRT2);
}

double
resample_normal_quantile(double p)
{
	double lo = -40, hi = 40;

	for (int i = 0; i < 100; i++) {
		double z = (lo + hi) / 2;

		if (normal_above(z) > 1 - p)
			lo = z;
		else
			hi = z;
	}
	return (lo + hi) / 2;
}

/* The expansion of R. Fisher and E. Cornish; within 1 % from 2.5 degrees on, where the intervals of means end. */
double
resample_t_quantile(double p, double df)
{
	double z = resample_normal_quantile(p), z2 = z * z, t = z;

	if (df <= 2) /* in closed form */
		return (2 * p - 1) * sqrt(2 / (4 * p * (1 - p)));
	t += z * (z2 + 1) / (4 * df);
	t += z * ((5 * z2 + 16) * z2 + 3) / (96 * df * df);
	t += z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * df * df * df);
	t += z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) /
	     (92160 * df * df * df * df);
	return t;
}

/* ---- statistics ---- */

static uint64_t
size_of(const struct resample_sample *s)
{
	uint64_t n = 0;

	if (s->value)
		return s->n;
	for (size_t i = 0; i < s->bins; i++)
		n += s->bin[i].count;
	return n;
}

/* A bin without end is at its other one. */
static double
inside(const struct resample_bin *b, double share)
{
	if (isinf(b->lo))
		return b->hi;
	if (isinf(b->hi))
		return b->lo;
	return b->lo + share * (b->hi - b->lo);
}

/* Where the ranks end in each bin, as a share of all. */
static double *
bin_ends(const struct resample_sample *s)
{
	double *end = xmalloc((s->bins + 1) * sizeof *end), all = (double)size_of(s);
	uint64_t sum = 0;

	for (size_t i = 0; i < s->bins; i++) {
		sum += s->bin[i].count;
		end[i] = (double)sum / all;
	}
	return end;
}

static double
bin_at(const struct resample_sample *s, const double *end, double u)
{
	size_t lo = 0, hi = s->bins - 1;
	double from;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (end[mid] < u)
			lo = mid + 1;
		else
			hi = mid;
	}
	from = lo ? end[lo - 1] : 0;
	return inside(
	    &s->bin[lo], end[lo] > from ? fmin(1, fmax(0, (u - from) / (end[lo] - from))) : 0.5);
}

static double
mean_of_bins(const struct resample_sample *s, struct random *r)
{
	double sum = 0, n = 0;

	for (size_t i = 0; i < s->bins; i++) {
		double c = (double)s->bin[i].count;

		if (r)
			c = random_poisson(r, c);
		sum += c * inside(&s->bin[i], 0.5);
		n += c;
	}
	return sum / n;
}

static double
mean_of(const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return sum / (double)n;
}

static double
quantile_of(const double *v, size_t n, double q)
{
	size_t k;

	if (n == 0)
		return NAN;
	if (q == 0.5)
		return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	k = (size_t)ceil(q * (double)n);
	return v[k > n ? n - 1 : k > 0 ? k - 1 : 0];
}

double
resample_statistic(const struct resample_sample *s, double q)
{
	double *end, value;

	if (size_of(s) == 0)
		return NAN;
	if (s->value)
		return q == RESAMPLE_MEAN ? mean_of(s->value, s->n)
					  : quantile_of(s->value, s->n, q);
	if (q == RESAMPLE_MEAN)
		return isnan(s->mean) ? mean_of_bins(s, NULL) : s->mean;
	end = bin_ends(s);
	value = bin_at(s, end, q);
	free(end);
	return value;
}

static double
change_of(const struct resample_question *q, double a, double b)
{
	if (q->difference)
		return b - a;
	return a == b ? 1 : b / a;
}

/* ---- the bootstrap ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The values as they are; or where they are too many, dealt at random into whole batches of `batch` values, and the statistics
 * of those, RESAMPLE_MANY at most. */
static double *
batches(struct random *r, const struct resample_sample *s, size_t batch, double q, size_t *n)
{
	double *v = xmalloc((s->n + 1) * sizeof *v);

	memcpy(v, s->value, s->n * sizeof *v);
	*n = s->n;
	if (batch <= 1 && s->n <= RESAMPLE_MANY)
		return v;
	for (size_t i = s->n; i > 1; i--) {
		size_t k = (size_t)random_below(r, i);
		double x = v[i - 1];

		v[i - 1] = v[k];
		v[k] = x;
	}
	*n = s->n / batch < RESAMPLE_MANY ? s->n / batch : RESAMPLE_MANY;
	for (size_t i = 0; i < *n; i++) {
		if (q == RESAMPLE_MEAN) {
			v[i] = mean_of(v + i * batch, batch);
		} else {
			qsort(v + i * batch, batch, sizeof *v, by_value);
			v[i] = quantile_of(v + i * batch, batch, q);
		}
	}
	return v;
}

static size_t
batch_of(size_t n)
{
	return (n + RESAMPLE_MANY - 1) / RESAMPLE_MANY;
}

/* A line through the values in order: u from 0 to 1 is the rank. */
static double
value_at(const struct resample_sample *s, double u)
{
	double n = (double)s->n, c = n > 5 ? 1 - 5 / n : 0, at = u * (n - c) - (1 - c) / 2;
	size_t i;

	if (at <= 0)
		return s->value[0];
	i = (size_t)at;
	if (i + 1 >= s->n)
		return s->value[s->n - 1];
	return s->value[i] + (at - (double)i) * (s->value[i + 1] - s->value[i]);
}

/* What draws statistics of resamples of a sample. */
struct draw {
	const struct resample_sample *s;
	double q, n, *end; /* of bins */
	double *values;    /* of means */
	size_t count;
};

static void
draw_begin(struct draw *d, const struct resample_sample *s, double q, struct random *r)
{
	*d = (struct draw){ s, q, (double)size_of(s), NULL, NULL, 0 };
	if (s->value == NULL)
		d->end = bin_ends(s);
	else if (q == RESAMPLE_MEAN)
		d->values = batches(r, s, batch_of(s->n), q, &d->count);
}

static double
draw_next(struct draw *d, struct random *r)
{
	bool two;
	double k, u, g;

	if (d->q == RESAMPLE_MEAN) {
		double sum = 0;

		if (d->s->value == NULL)
			return mean_of_bins(d->s, r);
		for (size_t i = 1; i < d->count; i++)
			sum += d->values[random_below(r, d->count)];
		return sum / (double)(d->count - 1);
	}
	/* The median of an even number lies between two. */
	two = d->q == 0.5 && fmod(d->n, 2) == 0;
	k = two ? d->n / 2 : fmin(d->n, fmax(1, ceil(d->q * d->n)));
	g = random_gamma(r, k);
	u = g / (g + random_gamma(r, d->n - k + 1));
	if (d->s->value == NULL)
		return bin_at(d->s, d->end, u);
	if (!two)
		return value_at(d->s, u);
	/* the least of n - k uniform numbers above u */
	return (value_at(d->s, u) +
		   value_at(d->s, u + (1 - u) * -expm1(log(random_unit(r)) / (d->n - k)))) /
	       2;
}

static void
draw_end(struct draw *d)
{
	free(d->end);
	free(d->values);
}

/* The square of the relative (absolute) error of the mean, and its degrees of freedom. */
static double
error_of_mean(const struct draw *d, bool difference)
{
	double m = mean_of(d->values, d->count), sum = 0, n = (double)d->count;

	for (size_t i = 0; i < d->count; i++)
		sum += (d->values[i] - m) * (d->values[i] - m);
	return sum / (n - 1) / n / (difference ? 1 : m * m);
}

/* How much of the resamples to leave out at each end. */
static double
tail(const struct resample_question *q, const struct draw *a, const struct draw *b)
{
	double out = (1 - q->confidence) / 2, va, vb, df;

	if (a->values == NULL || b->values == NULL)
		return out;
	va = error_of_mean(a, q->difference);
	vb = error_of_mean(b, q->difference);
	df = (va + vb) * (va + vb) /
	     (va * va / ((double)a->count - 1) + vb * vb / ((double)b->count - 1));
	/* A small side that is narrow by chance must not make the other one's degrees count. */
	df = fmin(df, 2 * (double)((a->count < b->count ? a->count : b->count) - 1));
	if (!(df < 1e6))
		return out;
	return normal_above(resample_t_quantile(1 - out, 0.75 * df));
}

static double
quantile_of_draws(const double *v, size_t n, double q)
{
	double at = q * ((double)n + 1) - 1;
	size_t i;

	if (at <= 0)
		return v[0];
	i = (size_t)at;
	/* inf - inf is none */
	return i + 1 >= n         ? v[n - 1]
	       : v[i] == v[i + 1] ? v[i]
				  : v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

static void
bootstrap(const struct resample_question *q, const struct resample_sample *a,
    const struct resample_sample *b, struct random *r, struct resample_answer *answer)
{
	double *v = xmalloc(q->resamples * sizeof *v), none = q->difference ? 0 : 1, out;
	struct draw da, db;
	size_t below = 0, above = 0, n = q->resamples;

	draw_begin(&da, a, q->q, r);
	draw_begin(&db, b, q->q, r);
	for (size_t i = 0; i < n; i++) {
		double x = draw_next(&da, r), y = draw_next(&db, r);

		v[i] = change_of(q, x, y);
		if (q->log_ratios)
			q->log_ratios[i] += log(v[i]);
		below += v[i] <= none;
		above += v[i] >= none;
	}
	qsort(v, n, sizeof *v, by_value);
	out = tail(q, &da, &db);
	answer->lo = quantile_of_draws(v, n, out);
	answer->hi = quantile_of_draws(v, n, 1 - out);
	if (a->value == NULL || b->value == NULL)
		answer->p =
		    fmin(1, 2 * ((double)(below < above ? below : above) + 1) / ((double)n + 1));
	draw_end(&da);
	draw_end(&db);
	free(v);
}

/* ---- the permutation test ---- */

uint64_t
resample_ways(uint64_t n, uint64_t k, uint64_t most)
{
	__uint128_t ways = 1;

	if (k > n - k)
		k = n - k;
	for (uint64_t i = 1; i <= k; i++) {
		ways = ways * (n - k + i) / i;
		if (ways > most)
			return most + 1;
	}
	return (uint64_t)ways;
}

void
resample_first(uint32_t *chosen, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++)
		chosen[i] = i;
}

bool
resample_next(uint32_t *chosen, uint32_t k, uint32_t n)
{
	uint32_t i = k;

	while (i > 0 && chosen[i - 1] == n - k + i - 1)
		i--;
	if (i == 0)
		return false;
	chosen[i - 1]++;
	for (; i < k; i++)
		chosen[i] = chosen[i - 1] + 1;
	return true;
}

/* Values of both sides in rising order, and which are dealt to A. */
struct deal {
	const struct resample_question *q;
	double *all, *a, *b;
	bool *is_a;
	size_t n, na;
	uint64_t ways; /* no more than RESAMPLE_EXACT, or at random */
	uint32_t *chosen;
	struct random *r;
};

struct tagged {
	double value;
	bool is_a;
};

static int
by_tagged_value(const void *a, const void *b)
{
	return by_value(&((const struct tagged *)a)->value, &((const struct tagged *)b)->value);
}

/* As the sides are. */
static void
deal_begin(struct deal *d, const struct resample_question *q, const struct resample_sample *a,
    const struct resample_sample *b, uint64_t most, struct random *r)
{
	size_t na, nb, batch = batch_of(a->n > b->n ? a->n : b->n);
	double *va, *vb;
	struct tagged *t;

	/* Only batches of one size may be dealt, and both sides must have some. */
	if (a->n / batch < RESAMPLE_FEW || b->n / batch < RESAMPLE_FEW)
		batch = (a->n < b->n ? a->n : b->n) / RESAMPLE_FEW;
	va = batches(r, a, batch, q->q, &na);
	vb = batches(r, b, batch, q->q, &nb);
	*d = (struct deal){ .q = q, .n = na + nb, .na = na, .r = r };
	d->ways = resample_ways(d->n, na, most);
	t = xmalloc(d->n * sizeof *t);
	for (size_t i = 0; i < d->n; i++)
		t[i] = (struct tagged){ i < na ? va[i] : vb[i - na], i < na };
	qsort(t, d->n, sizeof *t, by_tagged_value);
	d->all = xmalloc(d->n * sizeof *d->all);
	d->a = xmalloc(d->n * sizeof *d->a);
	d->b = xmalloc(d->n * sizeof *d->b);
	d->is_a = xmalloc(d->n * sizeof *d->is_a);
	d->chosen = xmalloc((na + 1) * sizeof *d->chosen);
	for (size_t i = 0; i < d->n; i++) {
		d->all[i] = t[i].value;
		d->is_a[i] = t[i].is_a;
	}
	free(va);
	free(vb);
	free(t);
}

static void
deal_end(struct deal *d)
{
	free(d->all);
	free(d->a);
	free(d->b);
	free(d->is_a);
	free(d->chosen);
}

/* Deal number i, from 0: the next of all ways, or any. */
static void
deal_next(struct deal *d, uint64_t i, uint64_t most)
{
	size_t left = d->na;

	if (d->ways > most) {
		for (size_t k = 0; k < d->n; k++) {
			d->is_a[k] = random_below(d->r, d->n - k) < left;
			left -= d->is_a[k];
		}
		return;
	}
	if (i == 0)
		resample_first(d->chosen, (uint32_t)d->na);
	else
		resample_next(d->chosen, (uint32_t)d->na, (uint32_t)d->n);
	memset(d->is_a, 0, d->n);
	for (size_t k = 0; k < d->na; k++)
		d->is_a[d->chosen[k]] = true;
}

/* The statistics of the sides as dealt. */
static void
dealt_sides(struct deal *d, double *a, double *b)
{
	size_t na = 0, nb = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->is_a[i])
			d->a[na++] = d->all[i];
		else
			d->b[nb++] = d->all[i];
	if (d->q->q == RESAMPLE_MEAN) {
		*a = mean_of(d->a, na);
		*b = mean_of(d->b, nb);
	} else {
		*a = quantile_of(d->a, na, d->q->q);
		*b = quantile_of(d->b, nb, d->q->q);
	}
}

/* The change over the mean distance of the values from the statistic of their side. */
static double
dealt_size(struct deal *d)
{
	double a, b, spread = 0, change;

	dealt_sides(d, &a, &b);
	change = fabs(b - a);
	for (size_t i = 0; i < d->n; i++)
		spread += fabs(d->all[i] - (d->is_a[i] ? a : b));
	return change == 0 ? 0 : change / (spread / (double)d->n);
}

static double
permutation(const struct resample_question *q, const struct resample_sample *a,
    const struct resample_sample *b, struct random *r)
{
	struct deal d;
	uint64_t more = 0, deals;
	double there, p;

	deal_begin(&d, q, a, b, RESAMPLE_EXACT, r);
	there = dealt_size(&d);
	/* Sums in another order differ in their last bits. */
	if (isfinite(there))
		there -= 1e-9 * there;
	deals = d.ways <= RESAMPLE_EXACT ? d.ways : q->resamples;
	for (uint64_t i = 0; i < deals; i++) {
		deal_next(&d, i, RESAMPLE_EXACT);
		more += dealt_size(&d) >= there;
	}
	p = d.ways <= RESAMPLE_EXACT ? (double)more / (double)deals
				     : ((double)more + 1) / ((double)deals + 1);
	deal_end(&d);
	return p;
}

/* ---- the answer ---- */

static bool
too_few(const struct resample_sample *s, double q)
{
	double n = (double)size_of(s);

	if (n < RESAMPLE_FEW)
		return true;
	return q != RESAMPLE_MEAN && q != 0.5 && n * fmin(q, 1 - q) < RESAMPLE_FEW;
}

bool
resample_interval(const struct resample_question *q, const struct resample_sample *a,
    const struct resample_sample *b, struct resample_answer *answer)
{
	struct random r;

	*answer = (struct resample_answer){ .lo = NAN, .hi = NAN, .p = NAN };
	answer->a = resample_statistic(a, q->q);
	answer->b = resample_statistic(b, q->q);
	answer->change = change_of(q, answer->a, answer->b);
	if (isnan(answer->change) || too_few(a, q->q) || too_few(b, q->q))
		return false;
	random_seed(&r, q->seed, q->stream);
	bootstrap(q, a, b, &r, answer);
	/* Where the middle of the resamples is off, as with few unlike values, what was measured is still in it. */
	answer->lo = fmin(answer->lo, answer->change);
	answer->hi = fmax(answer->hi, answer->change);
	return true;
}

void
resample_compare(const struct resample_question *q, const struct resample_sample *a,
    const struct resample_sample *b, struct resample_answer *answer)
{
	struct random r;

	if (!resample_interval(q, a, b, answer) || !a->value || !b->value)
		return;
	random_seed(&r, q->seed, ~q->stream);
	answer->p = permutation(q, a, b, &r);
}

double
resample_deal(const struct resample_question *q, const struct resample_sample *a,
    const struct resample_sample *b, double *dealt, size_t deals, size_t *n)
{
	struct random r;
	struct deal d;
	double there;

	*n = 0;
	if (!a->value || !b->value || too_few(a, q->q) || too_few(b, q->q))
		return NAN;
	random_seed(&r, q->seed, ~q->stream);
	deal_begin(&d, q, a, b, deals, &r);
	there = dealt_size(&d);
	if (d.ways <= deals)
		deals = (size_t)d.ways;
	else
		dealt[(*n)++] = there;
	while (*n < deals) {
		deal_next(&d, *n, d.ways <= deals ? deals : deals - 1);
		dealt[(*n)++] = dealt_size(&d);
	}
	deal_end(&d);
	return there;
}
