#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stat/hist.h"
#include "stat/order.h"

/* Bins of ints are numbered by the int itself below 2^bits, then by its exponent and the bits behind the first; those of
 * doubles by the upper bits of their pattern. Of negative numbers `down` holds the bins of ~v, and of the pattern of
 * -v less one: so every bin has its lower end and not its upper one. Zero and what is nearly so has a counter of its own
 * among doubles, for its bin lies far from all others. */

enum {
	CHUNK = 1024,
	SIDE_ROUND = 16,
	DOUBLE_BITS = 52,
	DOUBLE_BIAS = 1023,
	SMALL_SQUARES = 27, /* CHUNK squares of values of so many bits fit in 64 */
	LARGE_SQUARES = 58  /* and in 128 */
};

static const uint64_t COUNT_MAX = INT64_MAX;

#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define VECTOR_LOOPS __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define VECTOR_LOOPS
#endif

void
hist_init(struct hist *h, const struct hist_scheme *scheme)
{
	*h = (struct hist){ .scheme = *scheme };
	h->bits = scheme->scale == HIST_LOG ? scheme->bits : 0;
}

void
hist_free(struct hist *h)
{
	free(h->up.count);
	free(h->down.count);
	hist_init(h, &h->scheme);
}

bool
hist_same_scheme(const struct hist_scheme *a, const struct hist_scheme *b)
{
	if (a->scale != b->scale)
		return false;
	if (a->scale == HIST_LINEAR)
		return a->min == b->min && a->max == b->max && a->bins == b->bins;
	return a->scale == HIST_LOG2 || a->bits == b->bits;
}

double
hist_error(const struct hist_scheme *scheme)
{
	if (scheme->scale == HIST_LINEAR)
		return 0;
	return ldexp(0.5, scheme->scale == HIST_LOG ? -(int)scheme->bits : 0);
}

/* ---- bins ---- */

static inline uint32_t
int_bin(uint64_t v, unsigned bits)
{
	unsigned shift = 63u - (unsigned)__builtin_clzll(v | (uint64_t)1 << bits) - bits;

	return (uint32_t)(((uint64_t)shift << bits) + (v >> shift));
}

/* The first of the bin's ints; that of the bin behind the last one is 2^64. */
static unsigned __int128
int_bin_start(uint32_t bin, unsigned bits)
{
	uint32_t shift = bin >> bits;

	if (shift == 0)
		return bin;
	shift--;
	return (unsigned __int128)(bin - (shift << bits)) << shift;
}

static uint32_t
double_bin(double v, unsigned bits)
{
	uint64_t pattern;

	memcpy(&pattern, &v, sizeof pattern);
	return (uint32_t)(pattern >> (DOUBLE_BITS - bits));
}

static double
double_bin_start(uint32_t bin, unsigned bits)
{
	uint64_t pattern = (uint64_t)bin << (DOUBLE_BITS - bits);
	double v;

	if (pattern > (uint64_t)(2 * DOUBLE_BIAS + 1) << DOUBLE_BITS)
		return INFINITY;
	memcpy(&v, &pattern, sizeof v);
	return v;
}

/* The double's bin of -v. */
static uint32_t
mirrored_bin(double v, unsigned bits)
{
	uint64_t pattern;

	v = -v;
	memcpy(&pattern, &v, sizeof pattern);
	return (uint32_t)((pattern - 1) >> (DOUBLE_BITS - bits));
}

/* The double's bin in which this int lies, which may have no double of its own. */
static uint32_t
double_bin_of_int(unsigned __int128 v, unsigned bits)
{
	unsigned exponent;
	uint64_t mantissa;

	if (v == 0)
		return 0;
	exponent = v >> 64 ? 64 : 63u - (unsigned)__builtin_clzll((uint64_t)v); /* at most 2^64 */
	mantissa = (uint64_t)(exponent > bits ? v >> (exponent - bits) : v << (bits - exponent));
	return ((DOUBLE_BIAS + exponent) << bits) +
	       (uint32_t)(mantissa & (((uint64_t)1 << bits) - 1));
}

/* The same of -v, v > 0. */
static uint32_t
mirrored_bin_of_int(unsigned __int128 v, unsigned bits)
{
	uint32_t bin = double_bin_of_int(v, bits);
	unsigned exponent = v >> 64 ? 64 : 63u - (unsigned)__builtin_clzll((uint64_t)v);
	unsigned low = exponent > bits ? exponent - bits : 0;

	return bin - ((v & (((unsigned __int128)1 << low) - 1)) == 0);
}

static double
linear_start(const struct hist_scheme *s, uint32_t bin)
{
	return bin == s->bins ? s->max : s->min + (s->max - s->min) * bin / s->bins;
}

/* The counters of the bins from..to of a side, made where they are new. */
static inline uint64_t *
side_room(struct hist_side *s, uint32_t from, uint32_t to)
{
	uint32_t end = to + 1;
	uint64_t *count;

	if (s->n > 0 && from >= s->from && to - s->from < s->n)
		return s->count;
	if (s->n > 0) {
		/* Grown in steps, it takes more than what is asked for. */
		if (from < s->from)
			from -= from > s->n / 4 ? s->n / 4 : from;
		if (end > s->from + s->n)
			end += s->n / 4;
		from = from < s->from ? from : s->from;
		end = end > s->from + s->n ? end : s->from + s->n;
	}
	from -= from % SIDE_ROUND;
	end += SIDE_ROUND - 1 - (end - 1) % SIDE_ROUND;
	count = xcalloc(end - from, sizeof *count);
	if (s->n > 0)
		memcpy(count + (s->from - from), s->count, s->n * sizeof *count);
	free(s->count);
	*s = (struct hist_side){ count, from, end - from };
	return count;
}

static void
side_add(struct hist_side *s, uint32_t bin, uint64_t n)
{
	side_room(s, bin, bin)[bin - s->from] += n;
}

/* ---- moments ---- */

static struct hist_double
two_sum(double a, double b)
{
	double sum = a + b, part = sum - a;

	return (struct hist_double){ sum, (a - (sum - part)) + (b - part) };
}

static struct hist_double
double_sum(struct hist_double a, struct hist_double b)
{
	struct hist_double s = two_sum(a.high, b.high);

	if (!isfinite(s.high))
		return (struct hist_double){ s.high, 0 };
	return two_sum(s.high, s.low + a.low + b.low);
}

/* Sums grow without being normalised, so that it does not matter in what portions values come. */
static void
double_grow(struct hist_double *sum, double high, double low)
{
	struct hist_double s = two_sum(sum->high, high);

	sum->high = s.high;
	sum->low += s.low + low;
}

static struct hist_double
normal(struct hist_double d)
{
	return isfinite(d.high) ? two_sum(d.high, d.low) : (struct hist_double){ d.high, 0 };
}

static struct hist_double
double_product(struct hist_double a, struct hist_double b)
{
	double high = a.high * b.high;

	if (!isfinite(high))
		return (struct hist_double){ high, 0 };
	return two_sum(high, fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high));
}

static struct hist_double
double_of(unsigned __int128 v)
{
	double high = (double)(uint64_t)(v >> 64) * 0x1p64;
	double middle = (double)((uint64_t)v >> 32) * 0x1p32;
	struct hist_double s = two_sum(high, middle);

	return double_sum(s, (struct hist_double){ (double)(uint32_t)v, 0 });
}

static struct hist_double
double_of_signed(__int128 v)
{
	struct hist_double d = double_of((unsigned __int128)(v < 0 ? -v : v));

	return v < 0 ? (struct hist_double){ -d.high, -d.low } : d;
}

static struct hist_double
double_of_square(struct hist_square s)
{
	struct hist_double d = double_of(s.high);

	return double_sum(
	    (struct hist_double){ d.high * 0x1p128, d.low * 0x1p128 }, double_of(s.low));
}

static void
square_add(struct hist_square *s, unsigned __int128 low, uint64_t high)
{
	s->low += low;
	s->high += high + (s->low < low);
}

/* Adds n * v^2. */
static void
square_add_times(struct hist_square *s, uint64_t v, uint64_t n)
{
	unsigned __int128 square = (unsigned __int128)v * v;
	unsigned __int128 low = (unsigned __int128)(uint64_t)square * n;
	unsigned __int128 high = (unsigned __int128)(uint64_t)(square >> 64) * n + (low >> 64);

	square_add(s, high << 64 | (uint64_t)low, (uint64_t)(high >> 64));
}

static void
limits_int(struct hist *h, __int128 min, __int128 max)
{
	struct hist_moments *m = &h->moments;

	m->min = h->count == 0 || min < m->min ? min : m->min;
	m->max = h->count == 0 || max > m->max ? max : m->max;
}

static void
limits_real(struct hist *h, double min, double max)
{
	struct hist_moments *m = &h->moments;

	m->real_min = h->count == 0 || min < m->real_min ? min : m->real_min;
	m->real_max = h->count == 0 || max > m->real_max ? max : m->real_max;
}

/* The part of n that can still be counted. */
static uint64_t
room_for(struct hist *h, uint64_t n)
{
	if (n <= COUNT_MAX - h->count)
		return n;
	h->full = true;
	return COUNT_MAX - h->count;
}

void
hist_make_real(struct hist *h)
{
	struct hist_moments *m = &h->moments;
	struct hist_side up = h->up, down = h->down;

	if (h->real)
		return;
	h->real = true;
	if (h->count > 0) {
		m->real_min = double_of_signed(m->min).high;
		m->real_max = double_of_signed(m->max).high;
		m->real_sum = double_of_signed(m->sum);
		m->real_sum2 = double_of_square(m->sum2);
	}
	if (h->scheme.scale == HIST_LINEAR)
		return;
	h->up = h->down = (struct hist_side){ 0 };
	for (uint32_t i = 0; i < up.n; i++) {
		uint32_t bin = double_bin_of_int(int_bin_start(up.from + i, h->bits), h->bits);

		if (up.count[i] && bin == 0)
			h->zero += up.count[i];
		else if (up.count[i])
			side_add(&h->up, bin, up.count[i]);
	}
	for (uint32_t i = down.n; i-- > 0;)
		if (down.count[i])
			side_add(&h->down,
			    mirrored_bin_of_int(int_bin_start(down.from + i + 1, h->bits), h->bits),
			    down.count[i]);
	free(up.count);
	free(down.count);
}

/* ---- adding ---- */

static void
count_linear(struct hist *h, double v, uint64_t n)
{
	const struct hist_scheme *s = &h->scheme;
	double at = (v - s->min) * s->bins / (s->max - s->min);
	uint32_t bin;

	if (v < s->min) {
		h->below += n;
		return;
	}
	if (v >= s->max) {
		h->above += n;
		return;
	}
	/* Rounding may have put it beside its bin. */
	bin = at >= s->bins ? s->bins - 1 : (uint32_t)at;
	while (bin > 0 && v < linear_start(s, bin))
		bin--;
	while (bin + 1 < s->bins && v >= linear_start(s, bin + 1))
		bin++;
	side_add(&h->up, bin, n);
}

/* An int that is v, or where it is negative, ~v. */
static void
count_int(struct hist *h, uint64_t v, bool negative, uint64_t n)
{
	if (h->scheme.scale == HIST_LINEAR) {
		count_linear(h, negative ? -(double)v - 1 : (double)v, n);
	} else if (!h->real) {
		side_add(negative ? &h->down : &h->up, int_bin(v, h->bits), n);
	} else if (negative) {
		side_add(&h->down, mirrored_bin_of_int((unsigned __int128)v + 1, h->bits), n);
	} else {
		uint32_t bin = double_bin_of_int(v, h->bits);

		if (bin == 0)
			h->zero += n;
		else
			side_add(&h->up, bin, n);
	}
}

static inline void
count_real(struct hist *h, double v, uint64_t n)
{
	if (h->scheme.scale == HIST_LINEAR) {
		count_linear(h, v, n);
	} else if (v < 0) {
		side_add(&h->down, mirrored_bin(v, h->bits), n);
	} else {
		uint32_t bin = double_bin(v, h->bits);

		if (bin == 0)
			h->zero += n;
		else
			side_add(&h->up, bin, n);
	}
}

static void
add_real_moments(struct hist *h, struct hist_double v, uint64_t n)
{
	struct hist_moments *m = &h->moments;
	struct hist_double times = double_of(n), d = double_product(v, times);

	limits_real(h, v.high, v.high);
	double_grow(&m->real_sum, d.high, d.low);
	d = double_product(double_product(v, v), times);
	double_grow(&m->real_sum2, d.high, d.low);
}

static void
add_int(struct hist *h, uint64_t v, bool negative, uint64_t n)
{
	__int128 value = negative ? -(__int128)v - 1 : (__int128)v;
	struct hist_moments *m = &h->moments;

	n = room_for(h, n);
	if (n == 0)
		return;
	count_int(h, v, negative, n);
	if (h->real) {
		add_real_moments(h, double_of_signed(value), n);
	} else {
		limits_int(h, value, value);
		m->sum += value * (__int128)n;
		if (negative && v == UINT64_MAX)
			square_add(&m->sum2, 0, n); /* (2^64)^2 */
		else
			square_add_times(&m->sum2, negative ? v + 1 : v, n);
	}
	h->count += n;
}

void
hist_add_u64(struct hist *h, uint64_t v, uint64_t n)
{
	add_int(h, v, false, n);
}

void
hist_add_i64(struct hist *h, int64_t v, uint64_t n)
{
	add_int(h, v < 0 ? ~(uint64_t)v : (uint64_t)v, v < 0, n);
}

void
hist_add_f64(struct hist *h, double v, uint64_t n)
{
	if (isnan(v)) {
		h->nan += n;
		return;
	}
	if (!h->real && v >= -0x1p63 && v < 0x1p63 && v == (double)(int64_t)v) {
		hist_add_i64(h, (int64_t)v, n);
		return;
	}
	n = room_for(h, n);
	if (n == 0)
		return;
	v += 0.0; /* -0 is 0 */
	hist_make_real(h);
	count_real(h, v, n);
	add_real_moments(h, (struct hist_double){ v, 0 }, n);
	h->count += n;
}

/* The same where the bins are those of floating-point numbers, for numbers and no infinities. */
static void
add_real(struct hist *h, double v)
{
	struct hist_moments *m = &h->moments;
	double square = v * v;

	v += 0.0; /* -0 is 0 */
	if (h->count == (uint64_t)COUNT_MAX) {
		h->full = true;
		return;
	}
	count_real(h, v, 1);
	limits_real(h, v, v);
	double_grow(&m->real_sum, v, 0);
	double_grow(&m->real_sum2, square, fma(v, v, -square));
	h->count++;
}

void
hist_add_f64s(struct hist *h, const void *values, size_t n)
{
	const char *p = values;

	for (size_t i = 0; i < n; i++) {
		double v;

		memcpy(&v, p + i * sizeof v, sizeof v);
		if (h->real && fabs(v) < 0x1p500)
			add_real(h, v);
		else
			hist_add_f64(h, v, 1);
	}
}

struct extent {
	uint64_t min, max;
};

VECTOR_LOOPS static struct extent
extent_of(const uint64_t *v, size_t n)
{
	struct extent x = { v[0], v[0] };

	for (size_t i = 0; i < n; i++) {
		x.min = v[i] < x.min ? v[i] : x.min;
		x.max = v[i] > x.max ? v[i] : x.max;
	}
	return x;
}

struct small_sums {
	uint64_t sum, sum2;
};

VECTOR_LOOPS static struct small_sums
small_sums(const uint64_t *v, size_t n)
{
	struct small_sums s = { 0, 0 };

	for (size_t i = 0; i < n; i++) {
		s.sum += v[i];
		s.sum2 += (uint64_t)(uint32_t)v[i] * (uint32_t)v[i];
	}
	return s;
}

/* Counts n ints, which are v, or where they are negative, ~v; at most CHUNK of them. */
static void
add_ints(struct hist *h, const uint64_t *v, size_t n, bool negative)
{
	struct hist_side *side = negative ? &h->down : &h->up;
	struct hist_moments *m = &h->moments;
	unsigned __int128 sum = 0;
	struct hist_square sum2 = { 0 };
	unsigned bits = h->bits;
	struct extent x;
	uint64_t *count;
	uint32_t from;

	if (n == 0)
		return;
	if (h->real || h->scheme.scale == HIST_LINEAR || h->count > COUNT_MAX - n) {
		for (size_t i = 0; i < n; i++)
			add_int(h, v[i], negative, 1);
		return;
	}
	x = extent_of(v, n);
	count = side_room(side, int_bin(x.min, bits), int_bin(x.max, bits));
	from = side->from;
	for (size_t i = 0; i < n; i++)
		count[int_bin(v[i], bits) - from]++;
	if (x.max >> SMALL_SQUARES == 0) {
		struct small_sums s = small_sums(v, n);

		sum = s.sum;
		sum2.low = s.sum2;
	} else if (x.max >> LARGE_SQUARES == 0) {
		for (size_t i = 0; i < n; i++) {
			sum += v[i];
			sum2.low += (unsigned __int128)v[i] * v[i];
		}
	} else {
		for (size_t i = 0; i < n; i++) {
			sum += v[i];
			square_add_times(&sum2, v[i], 1);
		}
	}
	if (negative) {
		limits_int(h, -(__int128)x.max - 1, -(__int128)x.min - 1);
		m->sum -= (__int128)(sum + n);
		square_add(&sum2, 2 * sum + n, 0);
	} else {
		limits_int(h, x.min, x.max);
		m->sum += (__int128)sum;
	}
	square_add(&m->sum2, sum2.low, sum2.high);
	h->count += n;
}

void
hist_add_u64s(struct hist *h, const uint64_t *v, size_t n)
{
	for (; n > CHUNK; v += CHUNK, n -= CHUNK)
		add_ints(h, v, CHUNK, false);
	add_ints(h, v, n, false);
}

void
hist_add_i64s(struct hist *h, const int64_t *v, size_t n)
{
	while (n > 0) {
		uint64_t up[CHUNK], down[CHUNK];
		size_t ups = 0, downs = 0, take = n < CHUNK ? n : CHUNK;

		for (size_t i = 0; i < take; i++) {
			up[ups] = (uint64_t)v[i];
			down[downs] = ~(uint64_t)v[i];
			ups += v[i] >= 0;
			downs += v[i] < 0;
		}
		add_ints(h, up, ups, false);
		add_ints(h, down, downs, true);
		v += take;
		n -= take;
	}
}

/* ---- merging ---- */

static void
side_merge(struct hist_side *to, const struct hist_side *from)
{
	uint64_t *count;
	uint32_t first = 0, last = from->n;

	while (first < last && from->count[first] == 0)
		first++;
	while (last > first && from->count[last - 1] == 0)
		last--;
	if (first == last)
		return;
	count = side_room(to, from->from + first, from->from + last - 1);
	for (uint32_t i = first; i < last; i++)
		count[from->from + i - to->from] += from->count[i];
}

static struct hist
copy_of(const struct hist *h)
{
	struct hist c = *h;

	c.up = c.down = (struct hist_side){ 0 };
	side_merge(&c.up, &h->up);
	side_merge(&c.down, &h->down);
	return c;
}

int
hist_merge(struct hist *h, const struct hist *from, struct error *e)
{
	struct hist_moments *m = &h->moments;
	const struct hist_moments *o = &from->moments;

	if (!hist_same_scheme(&h->scheme, &from->scheme))
		return error_set(e, "histograms with other bins cannot be added up");
	if (from->count > COUNT_MAX - h->count)
		return error_set(e, "the sum of the counts exceeds 2^63-1");
	if (h->real && !from->real) {
		struct hist copy = copy_of(from);
		int r;

		hist_make_real(&copy);
		r = hist_merge(h, &copy, e);
		hist_free(&copy);
		return r;
	}
	if (from->real)
		hist_make_real(h);
	h->nan += from->nan;
	h->full |= from->full;
	if (from->count == 0)
		return 0;
	side_merge(&h->up, &from->up);
	side_merge(&h->down, &from->down);
	h->zero += from->zero;
	h->below += from->below;
	h->above += from->above;
	if (h->real) {
		limits_real(h, o->real_min, o->real_max);
		m->real_sum = double_sum(normal(m->real_sum), normal(o->real_sum));
		m->real_sum2 = double_sum(normal(m->real_sum2), normal(o->real_sum2));
	} else {
		limits_int(h, o->min, o->max);
		m->sum += o->sum;
		square_add(&m->sum2, o->sum2.low, o->sum2.high);
	}
	h->count += from->count;
	return 0;
}

/* ---- bins as they are seen ---- */

static struct hist_bin
bin_up(const struct hist *h, uint32_t bin)
{
	struct hist_bin b = { .count = h->up.count[bin - h->up.from] };

	if (h->scheme.scale == HIST_LINEAR) {
		b.lo = linear_start(&h->scheme, bin);
		b.hi = linear_start(&h->scheme, bin + 1);
	} else if (h->real) {
		b.lo = double_bin_start(bin, h->bits);
		b.hi = double_bin_start(bin + 1, h->bits);
	} else {
		b.lo = (double)int_bin_start(bin, h->bits);
		b.hi = (double)int_bin_start(bin + 1, h->bits);
	}
	return b;
}

static struct hist_bin
bin_down(const struct hist *h, uint32_t bin)
{
	struct hist_bin b = { .count = h->down.count[bin - h->down.from] };

	if (h->real) {
		b.lo = -double_bin_start(bin + 1, h->bits);
		b.hi = -double_bin_start(bin, h->bits);
	} else {
		b.lo = -(double)int_bin_start(bin + 1, h->bits);
		b.hi = -(double)int_bin_start(bin, h->bits);
	}
	b.hi += 0.0;
	return b;
}

bool
hist_next(const struct hist *h, size_t *at, struct hist_bin *bin)
{
	const struct hist_side *up = &h->up, *down = &h->down;
	const struct hist_scheme *s = &h->scheme;

	/* *at: below, the bins of down from the last one, zero, the bins of up, above. */
	if (*at == 0) {
		++*at;
		if (h->below > 0) {
			*bin = (struct hist_bin){ -INFINITY, s->min, h->below };
			return true;
		}
	}
	for (; *at <= down->n; ++*at)
		if (down->count[down->n - *at] > 0) {
			*bin = bin_down(h, down->from + down->n - (uint32_t)*at);
			++*at;
			return true;
		}
	if (*at == (size_t)down->n + 1) {
		++*at;
		if (h->zero > 0) {
			*bin = (struct hist_bin){ 0, double_bin_start(1, h->bits), h->zero };
			return true;
		}
	}
	for (; *at - down->n - 2 < up->n; ++*at) {
		uint32_t i = (uint32_t)(*at - down->n - 2);

		if (up->count[i] > 0) {
			*bin = bin_up(h, up->from + i);
			++*at;
			return true;
		}
	}
	if (*at == (size_t)down->n + 2 + up->n) {
		++*at;
		if (h->above > 0) {
			*bin = (struct hist_bin){ s->max, INFINITY, h->above };
			return true;
		}
	}
	return false;
}

static int
no_bin(double lo, double hi, struct error *e)
{
	return error_set(e, "%.17g..%.17g is no bin of this histogram", lo, hi);
}

/* Adds to the bin of a side if its limits are these. */
static bool
add_if(struct hist *h, bool negative, uint64_t bin, double lo, double hi, uint64_t n)
{
	struct hist_side *side = negative ? &h->down : &h->up;
	struct hist_side one = { &n, (uint32_t)bin, 1 };
	struct hist trial = { .scheme = h->scheme, .bits = h->bits, .real = h->real };
	struct hist_bin b;

	*(negative ? &trial.down : &trial.up) = one;
	b = negative ? bin_down(&trial, one.from) : bin_up(&trial, one.from);
	if (b.lo != lo || b.hi != hi)
		return false;
	side_add(side, one.from, n);
	return true;
}

int
hist_add_bin(struct hist *h, double lo, double hi, uint64_t n, struct error *e)
{
	const struct hist_scheme *s = &h->scheme;
	bool negative = lo < 0 && s->scale != HIST_LINEAR, there;
	double start = negative ? -hi : lo; /* of the bin of the side */

	if (n > COUNT_MAX - h->count)
		return error_set(e, "the sum of the counts exceeds 2^63-1");
	if (!(lo <= hi))
		return no_bin(lo, hi, e);
	if (s->scale == HIST_LINEAR) {
		double at = (lo - s->min) * s->bins / (s->max - s->min);

		if (lo == -INFINITY && hi == s->min) {
			h->below += n;
			there = true;
		} else if (lo == s->max && hi == INFINITY) {
			h->above += n;
			there = true;
		} else {
			there = at > -0.5 && at < s->bins - 0.5 &&
				add_if(h, false, (uint64_t)(at + 0.5), lo, hi, n);
		}
	} else if (!(start >= 0)) {
		there = false;
	} else if (h->real) {
		uint32_t bin = double_bin(start + 0.0, h->bits);

		if (bin == 0 && !negative) {
			there = lo == 0 && hi == double_bin_start(1, h->bits);
			h->zero += there ? n : 0;
		} else {
			there = add_if(h, negative, bin, lo, hi, n);
		}
	} else {
		there = start < 0x1p64 && start == floor(start) &&
			add_if(h, negative, int_bin((uint64_t)start, h->bits), lo, hi, n);
	}
	if (!there)
		return no_bin(lo, hi, e);
	h->count += n;
	return 0;
}

int
hist_set_moments(struct hist *h, const struct hist_moments *m, struct error *e)
{
	struct hist_bin first = { 0 }, last = { 0 };
	size_t at = 0;
	bool fits;

	if (!hist_next(h, &at, &first))
		return 0;
	last = first;
	while (hist_next(h, &at, &last))
		;
	/* What is infinite stands at the end of its bin. */
	if (h->real)
		fits = m->real_min >= first.lo && m->real_min <= first.hi &&
		       m->real_max >= last.lo && m->real_max <= last.hi &&
		       m->real_min <= m->real_max;
	else
		fits = (double)m->min >= first.lo && (double)m->min <= first.hi &&
		       (double)m->max >= last.lo && (double)m->max <= last.hi && m->min <= m->max;
	if (!fits)
		return error_set(e, "min and max do not lie in the first and the last bin");
	h->moments = *m;
	return 0;
}

/* ---- statistics ---- */

void
hist_sums(const struct hist *h, struct hist_double *sum, struct hist_double *sum2)
{
	*sum = normal(h->moments.real_sum);
	*sum2 = normal(h->moments.real_sum2);
}

double
hist_min(const struct hist *h)
{
	if (h->count == 0)
		return NAN;
	return h->real ? h->moments.real_min : (double)h->moments.min;
}

double
hist_max(const struct hist *h)
{
	if (h->count == 0)
		return NAN;
	return h->real ? h->moments.real_max : (double)h->moments.max;
}

static bool
bin_of_rank(const struct hist *h, uint64_t rank, struct hist_bin *bin)
{
	uint64_t seen = 0;
	size_t at = 0;

	while (hist_next(h, &at, bin)) {
		seen += bin->count;
		if (seen >= rank)
			return true;
	}
	return false;
}

static double
within(double v, const struct hist *h)
{
	return fmin(fmax(v, hist_min(h)), hist_max(h));
}

double
hist_quantile(const struct hist *h, double q)
{
	struct hist_bin bin;
	uint64_t rank;
	double product;

	if (h->count == 0)
		return NAN;
	/* 0.9 * 10 is 9, and not a little more. */
	product = (double)h->count * q;
	rank = product - floor(product) < 4e-16 * product ? (uint64_t)product
							  : (uint64_t)ceil(product);
	if (rank <= 1)
		return hist_min(h);
	if (rank >= h->count)
		return hist_max(h);
	if (!bin_of_rank(h, rank, &bin))
		return NAN;
	if (h->scheme.scale == HIST_LINEAR && (bin.lo == -INFINITY || bin.hi == INFINITY))
		return NAN;
	bin.lo = fmax(bin.lo, hist_min(h));
	if (h->real) {
		bin.hi = fmin(bin.hi, hist_max(h));
		/* The bin at zero is no wider than what is lost in rounding. */
		if (isinf(bin.lo) || isinf(bin.hi) || (bin.lo == 0 && bin.hi < DBL_MIN * 2))
			return bin.lo;
		return bin.lo + (bin.hi - bin.lo) / 2;
	}
	bin.lo = ceil(bin.lo);
	bin.hi = fmin(ceil(bin.hi) - 1, hist_max(h));
	return floor(bin.lo + (bin.hi - bin.lo) / 2);
}

double
hist_mean(const struct hist *h)
{
	const struct hist_moments *m = &h->moments;
	struct hist_double sum;

	if (h->count == 0)
		return NAN;
	sum = h->real ? normal(m->real_sum) : double_of_signed(m->sum);
	return (sum.high + sum.low) / (double)h->count;
}

/* n * sum2 - sum^2 of ints, exactly, and then as a double. */
static double
int_spread(const struct hist *h)
{
	const struct hist_moments *m = &h->moments;
	unsigned __int128 sum = (unsigned __int128)(m->sum < 0 ? -m->sum : m->sum);
	uint64_t a[4] = { 0 }, factor[3], s[2], n = h->count;
	unsigned __int128 carry = 0;
	double d = 0;

	factor[0] = (uint64_t)m->sum2.low;
	factor[1] = (uint64_t)(m->sum2.low >> 64);
	factor[2] = m->sum2.high;
	for (unsigned i = 0; i < 3; i++) {
		carry += (unsigned __int128)factor[i] * n;
		a[i] = (uint64_t)carry;
		carry >>= 64;
	}
	a[3] = (uint64_t)carry;
	s[0] = (uint64_t)sum;
	s[1] = (uint64_t)(sum >> 64);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t borrow = 0;

		carry = 0;
		for (unsigned k = 0; i + k < 4; k++) {
			uint64_t part, left;

			if (k < 2)
				carry += (unsigned __int128)s[i] * s[k];
			part = (uint64_t)carry;
			carry >>= 64;
			left = a[i + k] - part - borrow;
			borrow = (unsigned __int128)part + borrow > a[i + k];
			a[i + k] = left;
		}
	}
	for (unsigned i = 4; i-- > 0;)
		d = d * 0x1p64 + (double)a[i];
	return d;
}

double
hist_stddev(const struct hist *h)
{
	const struct hist_moments *m = &h->moments;
	double n = (double)h->count, spread;

	if (h->count < 2)
		return NAN;
	if (h->real) {
		struct hist_double sum = normal(m->real_sum), square = double_product(sum, sum);
		struct hist_double times =
		    double_product(normal(m->real_sum2), (struct hist_double){ n, 0 });

		square = (struct hist_double){ -square.high, -square.low };
		spread = double_sum(times, square).high;
		if (spread < 0)
			spread = 0;
	} else {
		spread = int_spread(h);
	}
	return sqrt(spread / n / (n - 1));
}

void
hist_quantile_interval(const struct hist *h, double q, double confidence, double *lo, double *hi)
{
	struct hist_bin bin;
	uint64_t first, last;

	*lo = *hi = NAN;
	if (!order_interval(h->count, q, confidence, &first, &last))
		return;
	if (bin_of_rank(h, first, &bin))
		*lo = within(bin.lo, h);
	if (bin_of_rank(h, last, &bin))
		*hi = within(h->real ? bin.hi : ceil(bin.hi) - 1, h);
}
