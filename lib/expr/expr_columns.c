#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "expr/expr_parts.h"

/* Whole columns: see trace/column.c. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define VECTOR_LOOPS __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define VECTOR_LOOPS
#endif

/* ---- columns of numbers: a comparison with a constant is a range ---- */

VECTOR_LOOPS static void
rows_in_range(const uint64_t *v, uint32_t n, uint64_t lo, uint64_t width, unsigned char outside,
    unsigned char *to)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] = (unsigned char)((v[i] - lo <= width) ^ outside);
}

VECTOR_LOOPS static void
rows_in_real_range(
    const uint64_t *v, uint32_t n, double lo, double hi, unsigned char outside, unsigned char *to)
{
	for (uint32_t i = 0; i < n; i++) {
		double d;

		memcpy(&d, &v[i], sizeof d);
		to[i] = (unsigned char)(((d >= lo) & (d <= hi)) ^ outside);
	}
}

VECTOR_LOOPS void
expr_rows_and(unsigned char *to, const unsigned char *with, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] &= with[i];
}

VECTOR_LOOPS void
expr_rows_or(unsigned char *to, const unsigned char *with, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] |= with[i];
}

VECTOR_LOOPS void
expr_rows_not(unsigned char *to, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] ^= 1;
}

static const double TWO_TO_100 = 0x1p100;

/* The whole numbers from *lo to *hi are those that compare so with c. */
static void
whole_range(enum expr_op op, const struct expr_value *c, __int128 *lo, __int128 *hi)
{
	const __int128 far = (__int128)1 << 100;
	__int128 below, above; /* the last number not above c, the first not below */

	if (c->is == EXPR_WHOLE) {
		below = above = c->i > far ? far : c->i < -far ? -far : c->i;
	} else if (isnan(c->d)) {
		*lo = 1;
		*hi = 0;
		return;
	} else {
		below = c->d > TWO_TO_100 ? far : c->d < -TWO_TO_100 ? -far : (__int128)floor(c->d);
		above = below + (c->d <= TWO_TO_100 && c->d >= -TWO_TO_100 && c->d != floor(c->d));
	}
	*lo = -far;
	*hi = far;
	switch (op) {
	case EXPR_LT:
		*hi = above - 1;
		break;
	case EXPR_LE:
		*hi = below;
		break;
	case EXPR_GT:
		*lo = below + 1;
		break;
	case EXPR_GE:
		*lo = above;
		break;
	default:
		*lo = above;
		*hi = below;
	}
}

/* A column of whole numbers. */
static void
compare_whole(enum expr_op op, enum trace_kind kind, const struct expr_value *c, const uint64_t *v,
    uint32_t n, unsigned char *to)
{
	__int128 lo, hi, min = kind == TRACE_INT ? INT64_MIN : 0,
			 max = kind == TRACE_INT ? (__int128)INT64_MAX : (__int128)UINT64_MAX;

	whole_range(op, c, &lo, &hi);
	lo = lo < min ? min : lo;
	hi = hi > max ? max : hi;
	if (lo > hi)
		memset(to, op == EXPR_NE, n);
	else
		rows_in_range(v, n, (uint64_t)lo, (uint64_t)(hi - lo), op == EXPR_NE, to);
}

/* A column of floating-point numbers: the doubles from lo to hi are those that compare so with c. */
static void
compare_real(
    enum expr_op op, const struct expr_value *c, const uint64_t *v, uint32_t n, unsigned char *to)
{
	struct expr_value d = { .is = EXPR_REAL, .d = c->is == EXPR_REAL ? c->d : (double)c->i };
	double below = d.d, above = d.d, lo = -INFINITY, hi = INFINITY;
	bool empty = isnan(d.d);
	int order = expr_order(&d, c);

	/* The nearest double may lie on either side of a large whole number. */
	if (order > 0)
		below = nextafter(d.d, -INFINITY);
	else if (order < 0)
		above = nextafter(d.d, INFINITY);
	switch (op) {
	case EXPR_LT:
		empty |= above == -INFINITY;
		hi = nextafter(above, -INFINITY);
		break;
	case EXPR_LE:
		hi = below;
		break;
	case EXPR_GT:
		empty |= below == INFINITY;
		lo = nextafter(below, INFINITY);
		break;
	case EXPR_GE:
		lo = above;
		break;
	default:
		lo = above;
		hi = below;
	}
	if (empty)
		memset(to, op == EXPR_NE, n);
	else
		rows_in_real_range(v, n, lo, hi, op == EXPR_NE, to);
}

void
expr_column_compare(enum expr_op op, enum trace_kind kind, const struct expr_value *c,
    const uint64_t *v, uint32_t n, unsigned char *to)
{
	if (c->is != EXPR_WHOLE && c->is != EXPR_REAL)
		memset(to, op == EXPR_NE, n); /* a number is no text */
	else if (kind == TRACE_NUM)
		compare_real(op, c, v, n, to);
	else
		compare_whole(op, kind, c, v, n, to);
}

/* ---- arithmetic: columns of int64_t and double ---- */

/* The values of a node for all rows. */
struct column {
	enum {
		UNFIT, /* row by row: kinds that are not numbers, values beyond int64_t, divisors of 0 */
		MISSING, /* the shape lacks a field */
		WHOLE,
		REAL
	} is;
	bool constant;
	union {
		int64_t i;
		double d;
	};
	const uint64_t *v; /* where not constant: int64_t, or the bits of doubles */
};

static uint64_t *
room(struct expr *x, unsigned level, uint32_t n)
{
	struct expr_column *at;

	if (level >= x->column_cap) {
		size_t had = x->column_cap;

		GROW(x->column, x->column_cap, level);
		memset(x->column + had, 0, (x->column_cap - had) * sizeof *x->column);
	}
	at = &x->column[level];
	GROW(at->v, at->cap, n);
	return at->v;
}

VECTOR_LOOPS static bool
is_small(const uint64_t *v, uint32_t n)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < n; i++)
		all |= v[i];
	return all >> 63 == 0;
}

static struct column
field_column(const struct expr_source *from, unsigned slot, uint32_t n)
{
	int f = from->index[slot];
	struct column c = { .is = MISSING };

	if (f < 0)
		return c;
	c.is = UNFIT;
	switch (from->shape->field[f].kind) {
	case TRACE_INT:
		c.is = WHOLE;
		break;
	case TRACE_NUM:
		c.is = REAL;
		break;
	case TRACE_BIG:
	case TRACE_ADDR:
		c.is = is_small(trace_column(from->b, from->s, (unsigned)f), n) ? WHOLE : UNFIT;
		break;
	default:
		return c;
	}
	c.v = trace_column(from->b, from->s, (unsigned)f);
	return c;
}

static struct column
constant_column(const struct expr_value *v)
{
	struct column c = { .is = UNFIT, .constant = true };

	if (v->is == EXPR_WHOLE && v->i == (int64_t)v->i) {
		c.is = WHOLE;
		c.i = (int64_t)v->i;
	} else if (v->is == EXPR_REAL) {
		c.is = REAL;
		c.d = v->d;
	}
	return c;
}

/* Constants are written out where they stand on the left: only the right may be one in the loops below. */
static void
spread(struct column *c, uint32_t n, uint64_t *to)
{
	uint64_t word;

	memcpy(&word, &c->i, sizeof word);
	for (uint32_t i = 0; i < n; i++)
		to[i] = word;
	c->constant = false;
	c->v = to;
}

static double
real_at(const uint64_t *v, uint32_t i)
{
	double d;

	memcpy(&d, &v[i], sizeof d);
	return d;
}

static void
make_real(struct column *c, uint32_t n, uint64_t *to)
{
	if (c->is == REAL)
		return;
	c->is = REAL;
	if (c->constant) {
		c->d = (double)c->i;
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		double d = (double)(int64_t)c->v[i];

		memcpy(&to[i], &d, sizeof d);
	}
	c->v = to;
}

/* r = a op b in each row, with y the other operand, a column or a constant. */
#define EACH(type, get, set, value)                                                                \
	if (b->constant) {                                                                         \
		const type y = constant;                                                           \
		for (uint32_t i = 0; i < n; i++) {                                                 \
			const type x = get(a->v, i);                                               \
			set(value);                                                                \
		}                                                                                  \
	} else {                                                                                   \
		for (uint32_t i = 0; i < n; i++) {                                                 \
			const type x = get(a->v, i), y = get(b->v, i);                             \
			set(value);                                                                \
		}                                                                                  \
	}
#define GET_WHOLE(v, i)  ((int64_t)(v)[i])
#define SET_WHOLE(value) to[i] = (uint64_t)(value)
#define SET_REAL(value)                                                                            \
	do {                                                                                       \
		double r = (value);                                                                \
		memcpy(&to[i], &r, sizeof r);                                                      \
	} while (0)
#define SET_BYTE(value) to[i] = (unsigned char)(value)

/* Sums that do not fit show in the sign of `over`. */
VECTOR_LOOPS static bool
add_columns(const struct column *a, const struct column *b, bool minus, uint32_t n, uint64_t *to)
{
	const int64_t constant = b->i;
	int64_t over = 0;

#define SET_SUM(value)                                                                             \
	do {                                                                                       \
		int64_t r = (int64_t)(value);                                                      \
		over |= minus ? (x ^ y) & (x ^ r) : (x ^ r) & (y ^ r);                             \
		to[i] = (uint64_t)r;                                                               \
	} while (0)
	if (minus) {
		EACH(int64_t, GET_WHOLE, SET_SUM, (uint64_t)x - (uint64_t)y)
	} else {
		EACH(int64_t, GET_WHOLE, SET_SUM, (uint64_t)x + (uint64_t)y)
	}
	return over >= 0;
}

static bool
multiply_columns(const struct column *a, const struct column *b, uint32_t n, uint64_t *to)
{
	const int64_t constant = b->i;
	bool over = false;

#define SET_PRODUCT(value)                                                                         \
	do {                                                                                       \
		int64_t r;                                                                         \
		over |= __builtin_mul_overflow(x, y, &r);                                          \
		to[i] = (uint64_t)r;                                                               \
	} while (0)
	EACH(int64_t, GET_WHOLE, SET_PRODUCT, )
	return !over;
}

VECTOR_LOOPS static void
mask_columns(const struct column *a, const struct column *b, uint32_t n, uint64_t *to)
{
	const int64_t constant = b->i;

	EACH(int64_t, GET_WHOLE, SET_WHOLE, x & y)
}

/* Division by 0 is missing, and by -1 may not fit. */
static bool
divide_columns(
    enum expr_op op, const struct column *a, const struct column *b, uint32_t n, uint64_t *to)
{
	const int64_t constant = b->i;
	bool bad = false;

	if (b->constant) {
		bad = constant == 0 || constant == -1;
		if (constant > 0 && (constant & (constant - 1)) == 0 && is_small(a->v, n)) {
			int shift = __builtin_ctzll((uint64_t)constant);

			for (uint32_t i = 0; i < n; i++)
				to[i] = op == EXPR_MOD ? a->v[i] & (uint64_t)(constant - 1)
						       : a->v[i] >> shift;
			return true;
		}
	} else {
		for (uint32_t i = 0; i < n; i++)
			bad |= b->v[i] + 1 <= 1;
	}
	if (bad)
		return false;
	if (op == EXPR_DIV) {
		EACH(int64_t, GET_WHOLE, SET_WHOLE, x / y)
	} else {
		EACH(int64_t, GET_WHOLE, SET_WHOLE, x % y)
	}
	return true;
}

static bool
real_columns(
    enum expr_op op, const struct column *a, const struct column *b, uint32_t n, uint64_t *to)
{
	const double constant = b->d;

	if (op == EXPR_DIV || op == EXPR_MOD) {
		for (uint32_t i = 0; i < (b->constant ? 1 : n); i++)
			if ((b->constant ? constant : real_at(b->v, i)) == 0)
				return false;
	}
	switch (op) {
	case EXPR_ADD:
		EACH(double, real_at, SET_REAL, x + y)
		return true;
	case EXPR_SUB:
		EACH(double, real_at, SET_REAL, x - y)
		return true;
	case EXPR_MUL:
		EACH(double, real_at, SET_REAL, x *y)
		return true;
	case EXPR_DIV:
		EACH(double, real_at, SET_REAL, x / y)
		return true;
	case EXPR_MOD:
		EACH(double, real_at, SET_REAL, fmod(x, y))
		return true;
	default:
		return false;
	}
}

static bool
whole_columns(
    enum expr_op op, const struct column *a, const struct column *b, uint32_t n, uint64_t *to)
{
	switch (op) {
	case EXPR_ADD:
	case EXPR_SUB:
		return add_columns(a, b, op == EXPR_SUB, n, to);
	case EXPR_MUL:
		return multiply_columns(a, b, n, to);
	case EXPR_BITS:
		mask_columns(a, b, n, to);
		return true;
	default:
		return divide_columns(op, a, b, n, to);
	}
}

/* What a node is worth in all rows; columns of its own stand in the rooms from `level` on. */
static struct column
column_of(struct expr *x, const struct expr_node *node, const struct expr_source *from, uint32_t n,
    unsigned level)
{
	struct column a, b;
	uint64_t *to;

	switch (node->op) {
	case EXPR_CONST:
		return constant_column(&node->value);
	case EXPR_FIELD:
		return field_column(from, node->field, n);
	case EXPR_TYPE:
		return (struct column){ .is = UNFIT };
	case EXPR_MINUS: /* 0 - a is another zero than -a, which no comparison tells */
		a = (struct column){ .is = WHOLE, .constant = true, .i = 0 };
		b = column_of(x, node->item[0], from, n, level + 1);
		break;
	default:
		a = column_of(x, node->item[0], from, n, level);
		b = column_of(x, node->item[1], from, n, level + 1);
	}
	if (a.is == MISSING || b.is == MISSING)
		return (struct column){ .is = MISSING };
	if (a.is == UNFIT || b.is == UNFIT)
		return (struct column){ .is = UNFIT };
	to = room(x, level, n);
	if (a.constant)
		spread(&a, n, to);
	if (a.is == WHOLE && b.is == WHOLE) {
		if (!whole_columns(node->op == EXPR_MINUS ? EXPR_SUB : node->op, &a, &b, n, to))
			return (struct column){ .is = UNFIT };
		return (struct column){ .is = WHOLE, .v = to };
	}
	make_real(&a, n, to);
	make_real(&b, n, room(x, level + 1, n));
	if (!real_columns(node->op == EXPR_MINUS ? EXPR_SUB : node->op, &a, &b, n, to))
		return (struct column){ .is = UNFIT };
	return (struct column){ .is = REAL, .v = to };
}

#define COMPARE(type, get)                                                                         \
	switch (op) {                                                                              \
	case EXPR_EQ:                                                                              \
		EACH(type, get, SET_BYTE, x == y) break;                                           \
	case EXPR_NE:                                                                              \
		EACH(type, get, SET_BYTE, x != y) break;                                           \
	case EXPR_LT:                                                                              \
		EACH(type, get, SET_BYTE, x < y) break;                                            \
	case EXPR_LE:                                                                              \
		EACH(type, get, SET_BYTE, x <= y) break;                                           \
	case EXPR_GT:                                                                              \
		EACH(type, get, SET_BYTE, x > y) break;                                            \
	default:                                                                                   \
		EACH(type, get, SET_BYTE, x >= y)                                                  \
	}

VECTOR_LOOPS static void
compare_whole_columns(
    enum expr_op op, const struct column *a, const struct column *b, uint32_t n, unsigned char *to)
{
	const int64_t constant = b->i;

	COMPARE(int64_t, GET_WHOLE)
}

static void
compare_real_columns(
    enum expr_op op, const struct column *a, const struct column *b, uint32_t n, unsigned char *to)
{
	const double constant = b->d;

	COMPARE(double, real_at)
}

/* The column against a constant of any kind. */
static void
compare_with(enum expr_op op, const struct column *a, const struct expr_value *c, uint32_t n,
    unsigned char *to)
{
	expr_column_compare(op, a->is == WHOLE ? TRACE_INT : TRACE_NUM, c, a->v, n, to);
}

static void
compare_in(struct expr *x, const struct expr_node *node, const struct column *a, uint32_t n,
    unsigned level, unsigned char *to)
{
	unsigned char *more = (unsigned char *)room(x, level, n);

	if (node->set && a->is == WHOLE) {
		for (uint32_t i = 0; i < n; i++)
			to[i] = expr_set_has(node, (int64_t)a->v[i]);
		return;
	}
	compare_with(EXPR_EQ, a, &node->item[1]->value, n, to);
	for (unsigned i = 2; i < node->items; i++) {
		compare_with(EXPR_EQ, a, &node->item[i]->value, n, more);
		expr_rows_or(to, more, n);
	}
}

bool
expr_columns(struct expr *x, const struct expr_node *node, const struct expr_source *from,
    uint32_t n, unsigned char *to)
{
	struct column a, b;

	if (node->op == EXPR_MATCH || node->op == EXPR_HAS)
		return false;
	for (unsigned i = 1; node->op == EXPR_IN && i < node->items; i++)
		if (node->item[i]->op != EXPR_CONST)
			return false;
	a = column_of(x, node->item[0], from, n, 0);
	if (a.is == MISSING) {
		memset(to, 0, n);
		return true;
	}
	if (a.is == UNFIT || a.constant)
		return false;
	if (node->op == EXPR_IN) {
		compare_in(x, node, &a, n, 1, to);
		return true;
	}
	if (node->item[1]->op == EXPR_CONST) {
		compare_with(node->op, &a, &node->item[1]->value, n, to);
		return true;
	}
	b = column_of(x, node->item[1], from, n, 1);
	if (b.is == MISSING)
		memset(to, 0, n);
	else if (b.is != a.is || b.constant)
		return false;
	else if (a.is == WHOLE)
		compare_whole_columns(node->op, &a, &b, n, to);
	else
		compare_real_columns(node->op, &a, &b, n, to);
	return true;
}
