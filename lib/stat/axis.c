#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "stat/axis.h"

enum { E_MIN = -1000, GUESSES = 4, SLOT_NONE = UINT32_MAX, STEP_BITS = 12, STEPS = 1 << STEP_BITS };

static const int64_t one = (int64_t)1023 << 52; /* the bits of 1.0 */

double
axis_real(struct axis_number n)
{
	return n.real ? n.d : (double)n.i;
}

static double
real_of(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof d);
	return d;
}

static uint64_t
bits_of(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof bits);
	return bits;
}

/* The smallest int that is not below d; ints beyond all columns stand for those beyond. */
static __int128
int_above(double d)
{
	const double beyond = 0x1p100;

	d = ceil(d);
	return (__int128)(d > beyond ? beyond : d < -beyond ? -beyond : d);
}

/* The key of a positive number: its exponent and fraction, 0 for 1.0. Ints are cut off below 53 bits, never rounded up, so
 * that an int below an edge stays below. */
static int64_t
key_of_int(uint64_t v)
{
	unsigned top = 63 - (unsigned)__builtin_clzll(v);
	uint64_t fraction = v << (63 - top) << 1;

	return (int64_t)((uint64_t)top << 52 | fraction >> 12);
}

static int64_t
key_of_real(double d)
{
	return (int64_t)bits_of(d) - one;
}

/* Where the steps of an octave begin, as fractions of doubles; and for the upper bits of a fraction the step to try first. */
static void
make_steps(struct axis *a)
{
	uint32_t at = 0;

	a->edge = xcalloc(STEPS + 1, sizeof *a->edge);
	a->guess = xcalloc(STEPS, sizeof *a->guess);
	for (uint32_t k = 1; k < STEPS; k++)
		a->edge[k] = bits_of(exp2((double)k / STEPS)) - (uint64_t)one;
	a->edge[STEPS] = (uint64_t)1 << 52;
	for (uint32_t i = 0; i < STEPS; i++) {
		while (a->edge[at + 1] <= (uint64_t)i << (52 - STEP_BITS))
			at++;
		a->guess[i] = at;
	}
}

/* The number of the step that a key lies in, 0 for that from 1.0. */
static int64_t
step_of(const struct axis *a, int64_t key)
{
	uint64_t fraction = (uint64_t)key & (((uint64_t)1 << 52) - 1);
	uint32_t at = a->guess[fraction >> (52 - STEP_BITS)];

	while (fraction >= a->edge[at + 1])
		at++;
	return (key >> 52) * STEPS + at;
}

/* Where a step begins. */
static double
real_of_step(const struct axis *a, __int128 step)
{
	__int128 bits =
	    (step >> STEP_BITS) * ((__int128)1 << 52) + one + a->edge[(uint32_t)step % STEPS];

	if (bits <= 0)
		return 0;
	return bits >= (__int128)0x7ff << 52 ? INFINITY : real_of((uint64_t)bits);
}

/* ---- a given range ---- */

static void
linear_edges(struct axis *a)
{
	const struct axis_scheme *s = &a->scheme;
	bool ints = !s->lo.real && !s->hi.real;
	__int128 width = s->hi.i - s->lo.i;

	a->wide = a->high.i - a->low.i > INT64_MAX;
	a->fraction = ints ? 0 : (double)a->low.i - a->low_real;
	a->per_bin = s->bins / (a->high_real - a->low_real);
	for (uint32_t k = 0; k <= s->bins; k++) {
		__int128 above;

		a->edge_real[k] = k == s->bins ? a->high_real
					       : a->low_real + (a->high_real - a->low_real) *
								   ((double)k / s->bins);
		if (ints && !a->wide)
			above = s->lo.i + (width * k + s->bins - 1) / s->bins;
		else
			above = int_above(a->edge_real[k]);
		a->edge[k] = (uint64_t)(above - a->low.i);
	}
}

static void
log_edges(struct axis *a)
{
	uint32_t n = a->scheme.bins, guesses = n * GUESSES, b = 0;
	double octaves = log2(a->high_real / a->low_real);
	uint64_t base = (uint64_t)key_of_real(a->low_real), width;

	for (uint32_t k = 0; k <= n; k++) {
		double d = k == n ? a->high_real : a->low_real * exp2(octaves * k / n);

		if (k > 0 && d < a->edge_real[k - 1])
			d = a->edge_real[k - 1];
		a->edge_real[k] = d < a->high_real ? d : a->high_real;
		a->edge[k] = (uint64_t)key_of_real(a->edge_real[k]) - base;
	}
	width = a->edge[n];
	while (width >> a->guess_shift >= guesses)
		a->guess_shift++;
	a->guess = xcalloc(guesses, sizeof *a->guess);
	for (uint32_t i = 0; i < guesses; i++) {
		while (b + 1 < n && a->edge[b + 1] <= (uint64_t)i << a->guess_shift)
			b++;
		a->guess[i] = b;
	}
}

int
axis_init(struct axis *a, const struct axis_scheme *s, struct error *e)
{
	size_t n = s->bins;

	*a = (struct axis){ .scheme = *s };
	if (n == 0 || n > AXIS_BINS_MAX)
		return error_set(e, "bins: 1 to %d", AXIS_BINS_MAX);
	if (s->log && s->compact)
		return error_set(e, "an axis cannot be both logarithmic and compact");
	if (n < 2 && (s->compact || !s->ranged))
		return error_set(e, "an axis of 1 bin needs a range");
	a->map = xcalloc(n, sizeof *a->map);
	a->step = xcalloc(n, sizeof *a->step);
	a->bin = xcalloc(n, sizeof *a->bin);
	a->key = xcalloc(AXIS_CHUNK, sizeof *a->key);
	if (s->compact) {
		a->table_mask = 4;
		while (a->table_mask < n * 4)
			a->table_mask *= 2;
		a->table = xcalloc(a->table_mask--, sizeof *a->table);
		a->piece = xcalloc(n, sizeof *a->piece);
	}
	if (!s->ranged) {
		if (s->log)
			make_steps(a);
		return 0;
	}
	a->low_real = axis_real(s->lo);
	a->high_real = axis_real(s->hi);
	a->low.i = s->lo.real ? int_above(s->lo.d) : s->lo.i;
	a->high.i = s->hi.real ? int_above(s->hi.d) : s->hi.i;
	if (!(a->low_real <= a->high_real) ||
	    (!s->lo.real && !s->hi.real ? s->lo.i >= s->hi.i : a->low_real == a->high_real))
		return error_set(e, "a range is LO,HI with LO below HI");
	if (!isfinite(a->high_real - a->low_real))
		return error_set(e, "a range must be finite");
	if (s->log && a->low_real <= 0)
		return error_set(e, "a logarithmic axis begins above 0");
	if (s->compact)
		return 0;
	a->edge = xcalloc(n + 1, sizeof *a->edge);
	a->edge_real = xcalloc(n + 1, sizeof *a->edge_real);
	(s->log ? log_edges : linear_edges)(a);
	return 0;
}

void
axis_free(struct axis *a)
{
	free(a->map);
	free(a->step);
	free(a->bin);
	free(a->key);
	free(a->table);
	free(a->piece);
	free(a->edge);
	free(a->edge_real);
	free(a->guess);
	*a = (struct axis){ 0 };
}

/* ---- screening ---- */

bool
axis_screens(const struct axis *a, enum axis_kind kind)
{
	const struct axis_scheme *s = &a->scheme;

	return kind == AXIS_REAL || s->log || s->ranged || (s->compact && kind == AXIS_INT);
}

static void
raise_to(unsigned char *verdict, bool bad, enum axis_verdict why)
{
	unsigned char v = bad ? (unsigned char)why : 0;

	*verdict = *verdict > v ? *verdict : v;
}

static void
screen_real(const struct axis *a, const uint64_t *v, size_t n, unsigned char *verdict)
{
	const struct axis_scheme *s = &a->scheme;
	double low = s->compact ? 0 : -INFINITY, high = s->compact ? 0x1p64 : INFINITY;

	if (s->ranged) {
		low = low > a->low_real ? low : a->low_real;
		high = high < a->high_real ? high : a->high_real;
	}
	for (size_t i = 0; i < n; i++) {
		double d = real_of(v[i]);

		raise_to(&verdict[i], !(d >= low && d < high) || d == -INFINITY, AXIS_OUTSIDE);
		raise_to(&verdict[i], s->log && !(d > 0), AXIS_NOT_POSITIVE);
		raise_to(&verdict[i], isnan(d), AXIS_NAN);
	}
}

/* The limits low..high, both inside, of what a column can hold; false where there is nothing. */
static bool
limits(const struct axis *a, __int128 least, __int128 most, __int128 *low, __int128 *high)
{
	*low = a->scheme.compact && least < 0 ? 0 : least;
	*high = most;
	if (a->scheme.ranged) {
		*low = *low > a->low.i ? *low : a->low.i;
		*high = *high < a->high.i - 1 ? *high : a->high.i - 1;
	}
	return *low <= *high;
}

void
axis_screen(
    const struct axis *a, enum axis_kind kind, const uint64_t *v, size_t n, unsigned char *verdict)
{
	bool log = a->scheme.log;
	__int128 low, high;

	if (kind == AXIS_REAL) {
		screen_real(a, v, n, verdict);
	} else if (kind == AXIS_INT) {
		bool any = limits(a, INT64_MIN, INT64_MAX, &low, &high);
		int64_t l = (int64_t)low, h = (int64_t)high;

		for (size_t i = 0; i < n; i++) {
			int64_t x = (int64_t)v[i];

			raise_to(&verdict[i], !any || x < l || x > h, AXIS_OUTSIDE);
			raise_to(&verdict[i], log && x <= 0, AXIS_NOT_POSITIVE);
		}
	} else {
		bool any = limits(a, 0, UINT64_MAX, &low, &high);
		uint64_t l = (uint64_t)low, h = (uint64_t)high;

		for (size_t i = 0; i < n; i++) {
			raise_to(&verdict[i], !any || v[i] < l || v[i] > h, AXIS_OUTSIDE);
			raise_to(&verdict[i], log && v[i] == 0, AXIS_NOT_POSITIVE);
		}
	}
}

/* ---- without a range: powers of two ---- */

static void
extremes(enum axis_kind kind, const uint64_t *v, size_t n, struct axis_number *lo,
    struct axis_number *hi)
{
	*lo = *hi = (struct axis_number){ .real = kind == AXIS_REAL };
	if (kind == AXIS_INT) {
		int64_t min = (int64_t)v[0], max = min;

		for (size_t i = 1; i < n; i++) {
			int64_t x = (int64_t)v[i];

			min = x < min ? x : min;
			max = x > max ? x : max;
		}
		lo->i = min;
		hi->i = max;
	} else if (kind == AXIS_UNSIGNED) {
		uint64_t min = v[0], max = min;

		for (size_t i = 1; i < n; i++) {
			min = v[i] < min ? v[i] : min;
			max = v[i] > max ? v[i] : max;
		}
		lo->i = min;
		hi->i = max;
	} else {
		lo->d = hi->d = real_of(v[0]);
		for (size_t i = 1; i < n; i++) {
			double x = real_of(v[i]);

			lo->d = x < lo->d ? x : lo->d;
			hi->d = x > hi->d ? x : hi->d;
		}
	}
}

static __int128
shift(__int128 i, int right)
{
	if (right >= 0)
		return right < 127 ? i >> right : -(i < 0);
	return i == 0 ? 0 : i * ((__int128)1 << -right);
}

/* The bin of 2^e that a number falls into. */
static __int128
bin_of(struct axis_number n, int e)
{
	return n.real ? (__int128)floor(ldexp(n.d, -e)) : shift(n.i, e);
}

/* Makes room for lo..hi; NULL where the slots stay as they are. */
static const uint32_t *
fit(struct axis *a, struct axis_number lo, struct axis_number hi)
{
	uint32_t n = a->scheme.bins;
	double larger = fmax(fabs(axis_real(lo)), fabs(axis_real(hi)));
	bool reals = !a->scheme.log && (a->reals || lo.real), first = !a->any;
	__int128 from, to, origin = a->origin, old_first = a->first, old_last = a->last;
	int old = a->e, e = 0;

	a->magnitude = fmax(a->magnitude, larger);
	/* As fine as 60 bits of the largest number: then bins have numbers that fit in a word. */
	if (reals)
		e = a->magnitude > 0 ? ilogb(a->magnitude) - 60 : E_MIN;
	e = e < E_MIN ? E_MIN : e;
	/* Bins of single ints can be split when the first fraction comes; others are wide because they had to be. */
	if (!first && (old > e) && (old != 0 || a->reals))
		e = old;
	from = bin_of(lo, e);
	to = bin_of(hi, e);
	if (!first) {
		__int128 f = shift(old_first, e - old), l = shift(old_last, e - old);

		from = f < from ? f : from;
		to = l > to ? l : to;
	}
	for (; to - from >= n; e++) {
		from >>= 1;
		to >>= 1;
	}
	a->e = e;
	a->first = from;
	a->last = to;
	a->any = true;
	if (!first && e == old && from >= origin && to - origin < n)
		return NULL;
	/* What grows to one side will do so again, what grows to both needs room on both. */
	a->down |= !first && from < shift(old_first, e - old);
	a->up |= !first && to > shift(old_last, e - old);
	a->origin = !a->down ? from : a->up ? from - (n - (to - from)) / 2 : to - n + 1;
	if (first)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		__int128 at = origin + i;

		a->map[i] = at < old_first || at > old_last
				? 0
				: (uint32_t)(shift(at, e - old) - a->origin);
	}
	return a->map;
}

static const uint32_t *
place_powers(struct axis *a, enum axis_kind kind, const uint64_t *v, size_t n, uint32_t *slot)
{
	struct axis_number lo, hi;
	const uint32_t *map;
	uint64_t origin;
	int e;

	extremes(kind, v, n, &lo, &hi);
	map = fit(a, lo, hi);
	e = a->e;
	origin = (uint64_t)a->origin;
	if (kind == AXIS_REAL) {
		double scale = ldexp(1, -e);

		for (size_t i = 0; i < n; i++) {
			double d = real_of(v[i]) * scale;
			int64_t down = (int64_t)d;

			slot[i] = (uint32_t)((uint64_t)(down - (d < (double)down)) - origin);
		}
	} else if (e >= 0 && e < 64 && kind == AXIS_INT) {
		for (size_t i = 0; i < n; i++)
			slot[i] = (uint32_t)((uint64_t)((int64_t)v[i] >> e) - origin);
	} else if (e >= 0 && e < 64) {
		for (size_t i = 0; i < n; i++)
			slot[i] = (uint32_t)((v[i] >> e) - origin);
	} else {
		for (size_t i = 0; i < n; i++) {
			__int128 x = kind == AXIS_INT ? (__int128)(int64_t)v[i] : (__int128)v[i];

			slot[i] = (uint32_t)(shift(x, e) - a->origin);
		}
	}
	return map;
}

/* ---- with a range ---- */

static void
place_linear(const struct axis *a, enum axis_kind kind, const uint64_t *v, size_t n, uint32_t *slot)
{
	uint32_t last = a->scheme.bins - 1;
	uint64_t low = (uint64_t)a->low.i;

	if (kind == AXIS_REAL || a->wide) {
		for (size_t i = 0; i < n; i++) {
			double d = kind == AXIS_REAL  ? real_of(v[i])
				   : kind == AXIS_INT ? (double)(int64_t)v[i]
						      : (double)v[i];
			double at = (d - a->low_real) * a->per_bin;
			uint32_t b = at < last ? (uint32_t)at : last;

			while (b > 0 && d < a->edge_real[b])
				b--;
			while (b < last && d >= a->edge_real[b + 1])
				b++;
			slot[i] = b;
		}
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t from = v[i] - low;
		double at = ((double)(int64_t)from + a->fraction) * a->per_bin;
		uint32_t b = at < last ? (uint32_t)at : last;

		while (b > 0 && from < a->edge[b])
			b--;
		while (b < last && from >= a->edge[b + 1])
			b++;
		slot[i] = b;
	}
}

static void
place_log(const struct axis *a, const uint64_t *key, size_t n, uint32_t *slot)
{
	uint32_t last = a->scheme.bins - 1;
	uint64_t low = (uint64_t)key_of_real(a->low_real);

	for (size_t i = 0; i < n; i++) {
		/* (an int may be cut off to less than a low end that was rounded up) */
		uint64_t from = (int64_t)key[i] < (int64_t)low ? 0 : key[i] - low;
		uint64_t g = from >> a->guess_shift;
		uint32_t b = g < (uint64_t)a->scheme.bins * GUESSES ? a->guess[g] : last;

		while (b < last && from >= a->edge[b + 1])
			b++;
		slot[i] = b;
	}
}

/* ---- compact ---- */

static uint32_t *
table_find(const struct axis *a, uint64_t piece)
{
	uint32_t at = (uint32_t)hash_mix(0, piece) & a->table_mask;

	while (a->table[at] && a->piece[a->table[at] - 1] != piece)
		at = (at + 1) & a->table_mask;
	return &a->table[at];
}

static void
table_fill(struct axis *a)
{
	memset(a->table, 0, ((size_t)a->table_mask + 1) * sizeof *a->table);
	for (uint32_t i = 0; i < a->pieces; i++)
		*table_find(a, a->piece[i]) = i + 1;
}

struct numbered {
	uint64_t piece;
	uint32_t slot;
};

static int
by_piece(const void *a, const void *b)
{
	uint64_t x = ((const struct numbered *)a)->piece, y = ((const struct numbered *)b)->piece;

	return x < y ? -1 : x > y;
}

/* The pieces in rising order, with the slots that they have. */
static struct numbered *
sorted(const struct axis *a)
{
	struct numbered *p = xcalloc((size_t)a->pieces + 1, sizeof *p);

	for (uint32_t i = 0; i < a->pieces; i++)
		p[i] = (struct numbered){ a->piece[i], i };
	qsort(p, a->pieces, sizeof *p, by_piece);
	return p;
}

/* Pieces of twice the size; step[] says where the slots went. */
static void
coarsen(struct axis *a)
{
	struct numbered *p = sorted(a);
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->pieces; i++) {
		uint64_t piece = p[i].piece >> 1;

		if (n == 0 || a->piece[n - 1] != piece)
			a->piece[n++] = piece;
		a->step[p[i].slot] = n - 1;
	}
	free(p);
	a->pieces = n;
	a->e++;
	table_fill(a);
}

static const uint32_t *
place_compact(struct axis *a, enum axis_kind kind, const uint64_t *v, size_t n, uint32_t *slot)
{
	uint64_t last = 0;
	uint32_t at = SLOT_NONE;
	bool moved = false;

	a->any = true;
	for (size_t i = 0; i < n; i++) {
		uint64_t x = kind == AXIS_REAL ? (uint64_t)real_of(v[i]) : v[i];
		uint32_t *found;

		if (x >> a->e == last && at != SLOT_NONE) {
			slot[i] = at;
			continue;
		}
		while (*(found = table_find(a, x >> a->e)) == 0 && a->pieces == a->scheme.bins) {
			uint32_t before = a->pieces;

			coarsen(a);
			for (size_t k = 0; k < i; k++)
				slot[k] = a->step[slot[k]];
			for (uint32_t s = 0; s < a->scheme.bins; s++)
				a->map[s] = moved        ? a->step[a->map[s]]
					    : s < before ? a->step[s]
							 : 0;
			moved = true;
		}
		last = x >> a->e;
		if (*found == 0) {
			a->piece[a->pieces] = last;
			*found = ++a->pieces;
		}
		slot[i] = at = *found - 1;
	}
	return moved ? a->map : NULL;
}

const uint32_t *
axis_place(struct axis *a, enum axis_kind kind, const uint64_t *v, size_t n, uint32_t *slot)
{
	const uint32_t *map = NULL;
	enum axis_kind as = kind;

	if (n == 0)
		return NULL;
	if (a->scheme.log) {
		for (size_t i = 0; i < n; i++) {
			int64_t key =
			    kind == AXIS_REAL ? key_of_real(real_of(v[i])) : key_of_int(v[i]);

			a->key[i] = (uint64_t)(a->scheme.ranged ? key : step_of(a, key));
		}
		v = a->key;
		as = AXIS_INT;
	}
	if (a->scheme.compact)
		map = place_compact(a, kind, v, n, slot);
	else if (!a->scheme.ranged)
		map = place_powers(a, as, v, n, slot);
	else if (a->scheme.log)
		place_log(a, v, n, slot);
	else
		place_linear(a, kind, v, n, slot);
	a->any = true;
	a->ints |= kind != AXIS_REAL;
	a->reals |= kind == AXIS_REAL;
	return map;
}

/* ---- the end ---- */

static struct axis_number
int_number(struct axis_number n)
{
	return (struct axis_number){ .i = n.real ? int_above(n.d) : n.i };
}

/* Bins that hold no number go; where all numbers were ints, edges become ints. */
static void
join(struct axis *a, bool ints)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b < a->bins; b++) {
		struct axis_number lo = a->bin[b].lo, hi = a->bin[b].hi;

		if (ints) {
			lo = int_number(lo);
			hi = int_number(hi);
		}
		a->map[b] = n;
		if (lo.real ? lo.d < hi.d : lo.i < hi.i)
			a->bin[n++] = (struct axis_bin){ lo, hi };
		else if (n > 0)
			a->map[b] = n - 1;
	}
	a->bins = n;
}

static void
settle_powers(struct axis *a)
{
	a->bins = a->any ? (uint32_t)(a->last - a->first) + 1 : 0;
	for (uint32_t b = 0; b < a->bins; b++) {
		for (unsigned end = 0; end < 2; end++) {
			struct axis_number edge = { .real = a->reals || a->scheme.log };
			__int128 at = a->first + b + end;

			if (a->scheme.log)
				edge.d = real_of_step(a, shift(at, -a->e));
			else if (edge.real)
				edge.d = ldexp((double)at, a->e);
			else
				edge.i = shift(at, -a->e);
			*(end ? &a->bin[b].hi : &a->bin[b].lo) = edge;
		}
		a->map[b] = b;
	}
}

static void
settle_range(struct axis *a, bool ints)
{
	a->bins = a->scheme.bins;
	for (uint32_t b = 0; b < a->bins; b++) {
		struct axis_bin *bin = &a->bin[b];

		if (ints && !a->wide && !a->scheme.log) {
			/* (exact beyond doubles, too) */
			bin->lo = (struct axis_number){ .i = a->low.i + a->edge[b] };
			bin->hi = (struct axis_number){ .i = a->low.i + a->edge[b + 1] };
		} else {
			bin->lo = (struct axis_number){ .real = true, .d = a->edge_real[b] };
			bin->hi = (struct axis_number){ .real = true, .d = a->edge_real[b + 1] };
		}
		a->map[b] = b;
	}
}

/* Lays the pieces out in bins of 2^e: false where there are too many bins or seams. */
static bool
lay_out(struct axis *a, const struct numbered *p, int e, bool pages)
{
	uint32_t n = 0, seams = 0, bins = a->scheme.bins;
	uint64_t at = 0;

	for (uint32_t i = 0; i < a->pieces; i++) {
		uint64_t bin = p[i].piece >> (e - a->e), gap = n > 0 ? bin - at - 1 : 0;

		if (n > 0 && bin == at) {
			a->map[p[i].slot] = n - 1;
			continue;
		}
		if (gap > bins / 32 && (!pages || (__int128)gap << e >= AXIS_PAGE)) {
			if (++seams > AXIS_SEAMS)
				return false;
			gap = 0;
		}
		if (n + gap >= bins)
			return false;
		for (uint64_t k = 0; k <= gap; k++, n++) {
			__int128 b = (__int128)bin - gap + k;

			a->bin[n] = (struct axis_bin){ { .i = b << e }, { .i = (b + 1) << e } };
		}
		a->map[p[i].slot] = n - 1;
		at = bin;
	}
	a->bins = n;
	return true;
}

const uint32_t *
axis_settle(struct axis *a, bool pages)
{
	const struct axis_scheme *s = &a->scheme;
	bool ints = !a->reals && (a->ints || (s->ranged && !s->lo.real && !s->hi.real));
	uint32_t offset;

	if (s->compact) {
		struct numbered *p = sorted(a);
		int e = a->e;

		while (!lay_out(a, p, e, pages))
			e++;
		free(p);
		return a->map;
	}
	if (s->ranged)
		settle_range(a, ints);
	else
		settle_powers(a);
	join(a, ints);
	if (s->ranged || !a->any)
		return a->map;
	/* Slots begin at the origin, bins at the first. */
	offset = (uint32_t)(a->first - a->origin);
	for (uint32_t i = s->bins; i-- > offset;)
		a->map[i] = a->map[i - offset];
	return a->map;
}
