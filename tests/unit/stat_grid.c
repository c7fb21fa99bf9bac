/* Grids of random points against a naive count into the bins that they end with; and what must not depend on order. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "stat/grid.h"
#include "unit.h"

enum { POINTS = 6000 };

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

struct point {
	enum axis_kind kind[3];
	uint64_t v[3];
};

static struct axis_number
number(enum axis_kind kind, uint64_t v)
{
	struct axis_number n = { .real = kind == AXIS_REAL };

	if (n.real)
		n.d = real_of(v);
	else
		n.i = kind == AXIS_INT ? (__int128)(int64_t)v : (__int128)v;
	return n;
}

/* a < b, exactly. */
static bool
below(struct axis_number a, struct axis_number b)
{
	if (!a.real && !b.real)
		return a.i < b.i;
	return (long double)(a.real ? (long double)a.d : (long double)a.i) <
	       (long double)(b.real ? (long double)b.d : (long double)b.i);
}

/* The bin of a number, by looking at all. */
static int
naive(const struct axis *a, struct axis_number n)
{
	for (uint32_t b = 0; b < a->bins; b++)
		if (!below(n, a->bin[b].lo) && below(n, a->bin[b].hi))
			return (int)b;
	return -1;
}

/* ---- kinds of numbers ---- */

enum {
	SMALL,
	TIMES,
	ADDRESSES,
	WHOLE,
	SIGNED,
	FRACTIONS,
	HUGE_REALS,
	MIXED,
	CONSTANT,
	EXPONENTS,
	SOURCES
};

static void
make(unsigned source, enum axis_kind *kind, uint64_t *v, unsigned i)
{
	static const uint64_t regions[] = { 0x400000, 0x1234000, 0x7f0000000000, 0x7ffffff00000,
		0xffffffff80000000 };
	uint64_t r = unit_random();

	*kind = AXIS_INT;
	switch (source) {
	case SMALL:
		*v = r % 7;
		break;
	case TIMES:
		*v = (uint64_t)1 << 60 | (uint64_t)i * 1000 | r % 1000;
		break;
	case ADDRESSES:
		*kind = AXIS_UNSIGNED;
		*v = regions[r % 5] + (unit_random() >> (44 + r % 10));
		break;
	case WHOLE:
		*kind = AXIS_UNSIGNED;
		*v = unit_random();
		break;
	case SIGNED:
		*v = unit_random();
		break;
	case FRACTIONS:
		*kind = AXIS_REAL;
		*v = bits_of((double)(r >> 11) * 0x1p-53 - 0.25);
		break;
	case HUGE_REALS:
		*kind = AXIS_REAL;
		*v = bits_of(ldexp((double)(int64_t)r, (int)(unit_random() % 600) - 300));
		break;
	case MIXED:
		*kind = (enum axis_kind)(r % 3);
		*v = *kind == AXIS_REAL ? bits_of((double)(int64_t)(unit_random() % 4000) / 8 - 100)
					: unit_random() % 300;
		break;
	case CONSTANT:
		*v = 7;
		break;
	default:
		*v = unit_random() >> (unit_random() % 64);
		*kind = AXIS_UNSIGNED;
	}
}

static void
feed(struct grid *g, const struct point *p, size_t n)
{
	uint64_t v[3][AXIS_CHUNK * 2];

	for (size_t i = 0, k; i < n; i += k) {
		struct grid_column c[3];

		for (k = 0; i + k < n && k < AXIS_CHUNK * 2 &&
			    memcmp(p[i].kind, p[i + k].kind, sizeof p->kind) == 0;
		     k++)
			for (unsigned a = 0; a < 3; a++)
				v[a][k] = p[i + k].v[a];
		for (unsigned a = 0; a < 3; a++)
			c[a] = (struct grid_column){ p[i].kind[a], v[a] };
		grid_add(g, c[0], c[1], c[2], k);
	}
}

static bool
same_number(struct axis_number a, struct axis_number b)
{
	return a.real == b.real && (a.real ? a.d == b.d : a.i == b.i);
}

static bool
same_axis(const struct axis *a, const struct axis *b)
{
	if (a->bins != b->bins)
		return false;
	for (uint32_t i = 0; i < a->bins; i++)
		if (!same_number(a->bin[i].lo, b->bin[i].lo) ||
		    !same_number(a->bin[i].hi, b->bin[i].hi))
			return false;
	return true;
}

static bool
same_grid(const struct grid *a, const struct grid *b)
{
	if (!same_axis(&a->x, &b->x) || !same_axis(&a->y, &b->y) || a->real != b->real)
		return false;
	for (size_t i = 0; i < (size_t)a->x.bins * a->y.bins; i++)
		if (a->cell[i].count != b->cell[i].count)
			return false;
	return true;
}

static void
check_bins(const struct axis *a)
{
	CLAIM(a->bins <= a->scheme.bins);
	for (uint32_t i = 0; i < a->bins; i++) {
		CLAIM(below(a->bin[i].lo, a->bin[i].hi));
		CLAIM(i == 0 || !below(a->bin[i].lo, a->bin[i - 1].hi));
		if (!a->scheme.compact)
			CLAIM(i == 0 || same_number(a->bin[i].lo, a->bin[i - 1].hi));
	}
}

static struct axis_number
whole(__int128 i)
{
	return (struct axis_number){ .i = i };
}

static struct axis_number
real(double d)
{
	return (struct axis_number){ .real = true, .d = d };
}

/* Whether a scheme refuses a number. */
static enum axis_verdict
refused(const struct axis_scheme *s, struct axis_number n)
{
	struct axis_number zero = { 0 };

	if (n.real && isnan(n.d))
		return AXIS_NAN;
	if (s->log && !below(zero, n))
		return AXIS_NOT_POSITIVE;
	if ((n.real && isinf(n.d)) ||
	    (s->compact && (below(n, zero) || !below(n, whole((__int128)1 << 64)))) ||
	    (s->ranged && (below(n, s->lo) || !below(n, s->hi))))
		return AXIS_OUTSIDE;
	return AXIS_FITS;
}

static void
run(const struct point *p, const struct axis_scheme *sx, const struct axis_scheme *sy)
{
	struct grid g, h, w;
	struct point *mixed = xmalloc(POINTS * sizeof *p);
	uint64_t want[AXIS_VERDICTS] = { 0 }, *cell, sum = 0;
	struct error e;

	CLAIM(grid_init(&g, sx, sy, false, &e) == 0);
	CLAIM(grid_init(&h, sx, sy, false, &e) == 0);
	CLAIM(grid_init(&w, sx, sy, true, &e) == 0);
	feed(&g, p, POINTS);
	feed(&w, p, POINTS);
	memcpy(mixed, p, POINTS * sizeof *p);
	for (size_t i = POINTS; i > 1; i--) {
		size_t k = unit_random() % i;
		struct point t = mixed[k];

		mixed[k] = mixed[i - 1];
		mixed[i - 1] = t;
	}
	feed(&h, mixed, POINTS);
	grid_settle(&g, false, true);
	grid_settle(&h, false, true);
	grid_settle(&w, false, true);
	check_bins(&g.x);
	check_bins(&g.y);
	CLAIM(same_grid(&g, &h));
	CLAIM(same_axis(&g.x, &w.x) && same_axis(&g.y, &w.y));

	cell = xcalloc((size_t)g.x.bins * g.y.bins + 1, 2 * sizeof *cell);
	for (size_t i = 0; i < POINTS; i++) {
		struct axis_number x = number(p[i].kind[0], p[i].v[0]);
		struct axis_number y = number(p[i].kind[1], p[i].v[1]);
		enum axis_verdict vx = refused(sx, x), vy = refused(sy, y);
		int bx, by;

		want[vx > vy ? vx : vy]++;
		if (vx || vy)
			continue;
		bx = naive(&g.x, x);
		by = naive(&g.y, y);
		CLAIM(bx >= 0 && by >= 0);
		cell[2 * ((size_t)by * g.x.bins + (size_t)bx)]++;
		cell[2 * ((size_t)by * g.x.bins + (size_t)bx) + 1] += p[i].v[2];
	}
	for (size_t i = 0; i < (size_t)g.x.bins * g.y.bins; i++) {
		CLAIM(g.cell[i].count == cell[2 * i]);
		CLAIM(!w.real && w.cell[i].count == cell[2 * i + 1]);
		sum += cell[2 * i];
	}
	CLAIM(g.points == POINTS && g.placed == sum && g.placed == want[AXIS_FITS]);
	for (unsigned v = 1; v < AXIS_VERDICTS; v++)
		CLAIM(g.refused[v] == want[v]);
	/* As few bins as said are not used for nothing: with half as wide bins there would be too many. */
	for (unsigned a = 0; a < 2; a++) {
		const struct axis *x = a ? &g.y : &g.x;

		if (!x->scheme.ranged && !x->scheme.compact && !x->scheme.log && x->reals &&
		    x->bins > 1 && x->e > -1000)
			CLAIM(x->bins * 2 >= x->scheme.bins - 1);
	}
	free(cell);
	free(mixed);
	grid_free(&g);
	grid_free(&h);
	grid_free(&w);
}

static void
schemes(unsigned source, struct axis_scheme *s, unsigned *n)
{
	static const uint32_t bins[] = { 2, 3, 16, 33, 100 };
	uint32_t b = bins[unit_random() % 5];
	struct axis_scheme all[] = {
		{ .bins = b },
		{ .bins = 1, .ranged = true, .lo = whole(-1), .hi = whole(1000) },
		{ .bins = b, .log = true },
		{ .bins = b, .compact = true },
		{ .bins = b, .ranged = true, .lo = whole(0), .hi = whole(5) },
		{ .bins = b, .ranged = true, .lo = whole(-100), .hi = whole(250) },
		{ .bins = b, .ranged = true, .lo = real(-0.125), .hi = real(0.7) },
		{ .bins = b, .ranged = true, .lo = real(0.5), .hi = real(3.5) },
		{ .bins = b, .ranged = true, .log = true, .lo = whole(1), .hi = whole(1000000) },
		{ .bins = b, .ranged = true, .log = true, .lo = real(0.01), .hi = real(1e30) },
		{ .bins = b,
		    .ranged = true,
		    .lo = whole((__int128)1 << 60),
		    .hi = whole(((__int128)1 << 60) + 3000001) },
		{ .bins = b,
		    .ranged = true,
		    .compact = true,
		    .lo = whole(0x1000),
		    .hi = whole(0x7ff000000000) },
		{ .bins = b, .ranged = true, .lo = real(-1e19), .hi = real(1e19) },
		{ .bins = b,
		    .ranged = true,
		    .lo = whole(INT64_MIN),
		    .hi = whole((__int128)1 << 64) },
		{ .bins = b,
		    .ranged = true,
		    .lo = whole(0xffffffff80000000),
		    .hi = whole(0xffffffff80010000) },
	};

	(void)source;
	*n = sizeof all / sizeof *all;
	memcpy(s, all, sizeof all);
}

/* A program's memory: the seams are where nothing is, and what is near stays near. */
static void
seams(void)
{
	struct axis_scheme x = { .bins = 4 }, y = { .bins = 64, .compact = true };
	struct grid g;
	struct error e;
	uint64_t zero = 0;
	unsigned found = 0;

	CLAIM(grid_init(&g, &x, &y, false, &e) == 0);
	for (unsigned i = 0; i < 40; i++) {
		uint64_t heap = 0x555000000000 + i * 4096, stack = 0x7ffffffde000 + i * 256;

		grid_add(&g, (struct grid_column){ AXIS_INT, &zero },
		    (struct grid_column){ AXIS_UNSIGNED, &heap }, (struct grid_column){ 0 }, 1);
		grid_add(&g, (struct grid_column){ AXIS_INT, &zero },
		    (struct grid_column){ AXIS_UNSIGNED, &stack }, (struct grid_column){ 0 }, 1);
	}
	grid_settle(&g, false, true);
	CLAIM(g.y.bins == 43);
	for (uint32_t b = 1; b < g.y.bins; b++)
		if (!same_number(g.y.bin[b].lo, g.y.bin[b - 1].hi)) {
			CLAIM(b == 40 && g.y.bin[b].lo.i == 0x7ffffffde000);
			CLAIM(g.y.bin[b - 1].hi.i == 0x555000000000 + 40 * 4096);
			found++;
		}
	CLAIM(found == 1 && grid_value(&g, 0, 0) == 1 && grid_value(&g, 0, 40) == 16);
	grid_free(&g);
}

/* One axis of these ints. */
static void
compact(struct grid *g, uint32_t bins, uint64_t *v, size_t n)
{
	struct axis_scheme x = { .bins = 2 }, y = { .bins = bins, .compact = true };
	uint64_t *zero = xcalloc(n, sizeof *zero);
	struct error e;

	CLAIM(grid_init(g, &x, &y, false, &e) == 0);
	grid_add(g, (struct grid_column){ AXIS_INT, zero },
	    (struct grid_column){ AXIS_UNSIGNED, v }, (struct grid_column){ 0 }, n);
	grid_settle(g, false, false);
	free(zero);
}

/* A gap of 1/32 of the axis stays, a larger one goes; there are not more seams than said. */
static void
thresholds(void)
{
	uint64_t v[] = { 10, 13, 17, 18 }, ends[] = { 0, UINT64_MAX }, many[200];
	struct grid g;
	unsigned found = 0;

	compact(&g, 64, v, 4);
	CLAIM(g.y.bins == 6 && g.y.bin[3].hi.i == 14 && g.y.bin[4].lo.i == 17);
	grid_free(&g);
	compact(&g, 64, ends, 2);
	CLAIM(g.y.bins == 2 && g.y.bin[1].lo.i == UINT64_MAX);
	CLAIM(g.y.bin[1].hi.i == (__int128)1 << 64);
	grid_free(&g);
	for (unsigned i = 0; i < 200; i++)
		many[i] = (uint64_t)i * 1000000;
	for (unsigned n = AXIS_SEAMS; n <= AXIS_SEAMS + 2; n++) {
		compact(&g, 256, many, n);
		found = 0;
		for (uint32_t b = 1; b < g.y.bins; b++)
			found += g.y.bin[b].lo.i != g.y.bin[b - 1].hi.i;
		CLAIM(found == (n <= AXIS_SEAMS + 1 ? n - 1 : 0));
		grid_free(&g);
	}
}

/* Ints that had bins of their own have them still when the first fraction comes late. */
static void
late_fraction(void)
{
	struct axis_scheme s = { .bins = 100 };
	uint64_t ints[] = { 1, 2, 3 }, real_v[] = { bits_of(1.5), bits_of(2.25), bits_of(1.5) };
	struct grid_column i = { AXIS_INT, ints }, r = { AXIS_REAL, real_v }, none = { 0 };
	struct grid g, h;
	struct error e;

	CLAIM(grid_init(&g, &s, &s, false, &e) == 0 && grid_init(&h, &s, &s, false, &e) == 0);
	grid_add(&g, i, i, none, 3);
	grid_add(&g, r, r, none, 3);
	grid_add(&h, r, r, none, 3);
	grid_add(&h, i, i, none, 3);
	grid_settle(&g, false, false);
	grid_settle(&h, false, false);
	CLAIM(same_grid(&g, &h) && g.x.bins > 50);
	CLAIM(grid_value(&g, 0, 0) == 1 && grid_value(&g, g.x.bins / 4, g.x.bins / 4) == 2);
	grid_free(&g);
	grid_free(&h);
}

/* Bins of a log axis have the same ratio, and meet the powers of two. */
static void
ratios(void)
{
	for (uint32_t bins = 2; bins < 3000; bins = bins * 3 / 2 + 1) {
		struct axis_scheme s = { .bins = bins, .log = true };
		uint64_t v[] = { bits_of(0.013), bits_of(1777.7) };
		unsigned powers = 0;
		uint32_t slot[2];
		struct error e;
		struct axis a;

		CLAIM(axis_init(&a, &s, &e) == 0);
		axis_place(&a, AXIS_REAL, v, 2, slot);
		axis_settle(&a, false);
		CLAIM(a.bins > 1 && a.bins * 2 + 2 > bins);
		for (uint32_t b = 0; b < a.bins; b++) {
			double lo = a.bin[b].lo.d, hi = a.bin[b].hi.d;

			CLAIM(fabs(hi / lo / (a.bin[0].hi.d / a.bin[0].lo.d) - 1) < 1e-12);
			powers += log2(lo) == floor(log2(lo));
		}
		CLAIM(bins < 20 || powers >= 16);
		axis_free(&a);
	}
}

/* Room is not made for every number of a range that grows: upwards, downwards, to both sides. */
static void
growth(void)
{
	for (unsigned way = 0; way < 3; way++) {
		struct axis_scheme s = { .bins = 1024 };
		unsigned moves = 0;
		struct error e;
		struct axis a;

		CLAIM(axis_init(&a, &s, &e) == 0);
		for (int64_t i = 0; i < 100000; i++) {
			uint64_t v = (uint64_t)(way == 0 ? i : way == 1 || i % 2 ? -i : i);
			uint32_t slot;

			moves += axis_place(&a, AXIS_INT, &v, 1, &slot) != NULL;
		}
		CLAIM(moves <= (way < 2 ? 8 : 80));
		axis_free(&a);
	}
}

/* What lies at an edge of a wide range, and just below, where doubles cannot tell. */
static void
edges(void)
{
	for (unsigned round = 0; round < 300; round++) {
		uint32_t bins = 1 + (uint32_t)(unit_random() % 999);
		__int128 lo = (int64_t)(unit_random() >> 3),
			 width = (__int128)(unit_random() >> (unit_random() % 50 + 2)) + bins;
		struct axis_scheme s = {
			.bins = bins, .ranged = true, .lo = whole(lo), .hi = whole(lo + width)
		};
		uint64_t v[2000], n = 0;
		uint32_t slot[2000];
		struct error e;
		struct axis a;

		CLAIM(axis_init(&a, &s, &e) == 0);
		for (uint32_t k = 0; k <= bins; k++) {
			__int128 edge = lo + (width * k + bins - 1) / bins;

			if (k > 0)
				v[n++] = (uint64_t)(edge - 1);
			if (k < bins)
				v[n++] = (uint64_t)edge;
		}
		axis_place(&a, AXIS_INT, v, n, slot);
		for (size_t i = 0; i < n; i++)
			CLAIM(slot[i] == i / 2);
		axis_free(&a);
	}
}

/* Sums that do not fit in a word, weights with a fraction, and nan. */
static void
weights(void)
{
	struct axis_scheme x = { .bins = 2 }, y = { .bins = 2 };
	uint64_t v[] = { 0, 0, 0, 1 }, w[] = { INT64_MAX, INT64_MAX, 5, 7 };
	uint64_t real_w[] = { bits_of(0.5), bits_of(NAN), bits_of(INFINITY), bits_of(-0.25) };
	struct grid_column c = { AXIS_INT, v };
	struct grid g;
	struct error e;

	CLAIM(grid_init(&g, &x, &y, true, &e) == 0);
	grid_add(&g, c, c, (struct grid_column){ AXIS_INT, w }, 4);
	CLAIM(g.real);
	grid_add(&g, c, c, (struct grid_column){ AXIS_REAL, real_w }, 4);
	grid_settle(&g, false, false);
	CLAIM(
	    grid_value(&g, 0, 0) == 0x1p64 && grid_value(&g, 1, 1) == 6.75 && grid_empty(&g, 0, 1));
	CLAIM(g.points == 8 && g.placed == 6 && g.refused[AXIS_NAN] == 2);
	grid_free(&g);
	/* (the cells overflow only when they are folded) */
	CLAIM(grid_init(&g, &x, &y, true, &e) == 0);
	v[1] = 1;
	w[2] = w[3] = 1;
	v[2] = v[3] = 100;
	grid_add(&g, c, c, (struct grid_column){ AXIS_INT, w }, 2);
	CLAIM(!g.real);
	c.v += 2;
	grid_add(&g, c, c, (struct grid_column){ AXIS_INT, w + 2 }, 2);
	grid_settle(&g, false, false);
	CLAIM(g.real && grid_value(&g, 0, 0) == 0x1p64 && grid_value(&g, 1, 1) == 2);
	grid_free(&g);
}

static void
nonsense(void)
{
	struct axis_scheme good = { .bins = 2 }, bad[] = {
		{ .bins = 0 },
		{ .bins = AXIS_BINS_MAX + 1 },
		{ .bins = 2, .log = true, .compact = true },
		{ .bins = 1, .compact = true },
		{ .bins = 1 },
		{ .bins = 2, .ranged = true, .lo = whole(1), .hi = whole(1) },
		{ .bins = 2, .ranged = true, .lo = real(NAN), .hi = whole(1) },
		{ .bins = 2, .ranged = true, .lo = real(-INFINITY), .hi = whole(1) },
		{ .bins = 2, .ranged = true, .log = true, .lo = whole(0), .hi = whole(9) },
	};
	struct grid g;
	struct error e;

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLAIM(grid_init(&g, &bad[i], &good, false, &e) < 0 && e.text[0] == 'x');
		CLAIM(grid_init(&g, &good, &bad[i], false, &e) < 0 && e.text[0] == 'y');
	}
	good.bins = AXIS_BINS_MAX;
	CLAIM(grid_init(&g, &good, &good, false, &e) < 0);
}

int
main(void)
{
	struct point *p = xmalloc(POINTS * sizeof *p);
	struct axis_scheme x[32], y[32];
	unsigned n;

	for (unsigned a = 0; a < SOURCES; a++)
		for (unsigned k = 0; k < 15; k++) {
			unsigned b = (unsigned)(unit_random() % SOURCES);

			for (unsigned i = 0; i < POINTS; i++) {
				make(a, &p[i].kind[0], &p[i].v[0], i);
				make(b, &p[i].kind[1], &p[i].v[1], i);
				p[i].kind[2] = AXIS_INT;
				p[i].v[2] = unit_random() % 1000;
			}
			if (k % 5 == 0) {
				p[5].kind[0] = p[9].kind[0] = AXIS_REAL;
				p[5].v[0] = bits_of(NAN);
				p[9].v[0] = bits_of(-INFINITY);
			}
			schemes(a, x, &n);
			schemes(b, y, &n);
			run(p, &x[k], &y[unit_random() % n]);
		}
	free(p);
	seams();
	thresholds();
	late_fraction();
	edges();
	growth();
	ratios();
	weights();
	nonsense();
	return 0;
}
