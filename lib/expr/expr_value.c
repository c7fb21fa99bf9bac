#include <math.h>

#include "expr/expr_parts.h"

static const double TWO_TO_127 = 0x1p127;

static bool
is_number(const struct expr_value *v)
{
	return v->is == EXPR_WHOLE || v->is == EXPR_REAL;
}

static double
real(const struct expr_value *v)
{
	return v->is == EXPR_REAL ? v->d : (double)v->i;
}

static int
sign(int v)
{
	return (v > 0) - (v < 0);
}

/* Without rounding the whole number. */
static int
order_whole_real(__int128 i, double d)
{
	double whole;
	__int128 k;

	if (isnan(d))
		return 2;
	if (d >= TWO_TO_127)
		return -1;
	if (d < -TWO_TO_127)
		return 1;
	whole = trunc(d);
	k = (__int128)whole;
	if (i != k)
		return i < k ? -1 : 1;
	return (whole > d) - (whole < d);
}

int
expr_order(const struct expr_value *a, const struct expr_value *b)
{
	if (a->is == EXPR_WHOLE && b->is == EXPR_WHOLE)
		return (a->i > b->i) - (a->i < b->i);
	if (a->is == EXPR_WHOLE)
		return order_whole_real(a->i, b->d);
	if (b->is == EXPR_WHOLE) {
		int r = order_whole_real(b->i, a->d);

		return r == 2 ? 2 : -r;
	}
	if (isnan(a->d) || isnan(b->d))
		return 2;
	return (a->d > b->d) - (a->d < b->d);
}

static struct expr_value
item_of(const struct expr_value *list, uint32_t i)
{
	switch (list->kind) {
	case TRACE_INTS:
		return (struct expr_value){ .is = EXPR_WHOLE, .i = list->list.i[i] };
	case TRACE_ADDRS:
		return (struct expr_value){ .is = EXPR_WHOLE, .i = list->list.u[i] };
	default:
		return (struct expr_value){ .is = EXPR_TEXT, .s = list->list.s[i] };
	}
}

static bool
lists_equal(const struct expr_value *a, const struct expr_value *b)
{
	if (a->list.n != b->list.n)
		return false;
	for (uint32_t i = 0; i < a->list.n; i++) {
		struct expr_value x = item_of(a, i), y = item_of(b, i);

		if (!expr_compare(EXPR_EQ, &x, &y))
			return false;
	}
	return true;
}

static bool
list_has(const struct expr_value *list, const struct expr_value *v)
{
	for (uint32_t i = 0; i < list->list.n; i++) {
		struct expr_value item = item_of(list, i);

		if (expr_compare(EXPR_EQ, &item, v))
			return true;
	}
	return false;
}

static bool
verdict(enum expr_op op, int order)
{
	switch (op) {
	case EXPR_EQ:
		return order == 0;
	case EXPR_NE:
		return order != 0;
	case EXPR_LT:
		return order == -1;
	case EXPR_LE:
		return order == -1 || order == 0;
	case EXPR_GT:
		return order == 1;
	default:
		return order == 1 || order == 0;
	}
}

bool
expr_compare(enum expr_op op, const struct expr_value *a, const struct expr_value *b)
{
	if (a->is == EXPR_MISSING || b->is == EXPR_MISSING)
		return false;
	if (op == EXPR_HAS)
		return a->is == EXPR_LIST && list_has(a, b);
	if (is_number(a) && is_number(b))
		return verdict(op, expr_order(a, b));
	if (a->is == EXPR_TEXT && b->is == EXPR_TEXT)
		return verdict(op, sign(slice_cmp(a->s, b->s)));
	if (a->is == EXPR_LIST && b->is == EXPR_LIST && (op == EXPR_EQ || op == EXPR_NE))
		return lists_equal(a, b) == (op == EXPR_EQ);
	return op == EXPR_NE; /* kinds that have no order, and are not equal */
}

static struct expr_value
of_real(double d)
{
	return (struct expr_value){ .is = EXPR_REAL, .d = d };
}

static struct expr_value
real_arithmetic(enum expr_op op, double a, double b)
{
	switch (op) {
	case EXPR_ADD:
		return of_real(a + b);
	case EXPR_SUB:
		return of_real(a - b);
	case EXPR_MUL:
		return of_real(a * b);
	case EXPR_DIV:
		return b == 0 ? (struct expr_value){ .is = EXPR_MISSING } : of_real(a / b);
	case EXPR_MOD:
		return b == 0 ? (struct expr_value){ .is = EXPR_MISSING } : of_real(fmod(a, b));
	default:
		return (struct expr_value){ .is = EXPR_MISSING };
	}
}

struct expr_value
expr_arithmetic(enum expr_op op, const struct expr_value *a, const struct expr_value *b)
{
	struct expr_value r = { .is = EXPR_WHOLE };
	bool over = false;

	if (!is_number(a) || !is_number(b))
		return (struct expr_value){ .is = EXPR_MISSING };
	if (a->is == EXPR_REAL || b->is == EXPR_REAL)
		return real_arithmetic(op, real(a), real(b));
	switch (op) {
	case EXPR_ADD:
		over = __builtin_add_overflow(a->i, b->i, &r.i);
		break;
	case EXPR_SUB:
		over = __builtin_sub_overflow(a->i, b->i, &r.i);
		break;
	case EXPR_MUL:
		over = __builtin_mul_overflow(a->i, b->i, &r.i);
		break;
	case EXPR_BITS:
		r.i = a->i & b->i;
		break;
	default:
		if (b->i == 0)
			return (struct expr_value){ .is = EXPR_MISSING };
		if (b->i == -1)
			return op == EXPR_DIV ? expr_minus(a)
					      : (struct expr_value){ .is = EXPR_WHOLE };
		r.i = op == EXPR_DIV ? a->i / b->i : a->i % b->i;
	}
	return over ? real_arithmetic(op, real(a), real(b)) : r;
}

struct expr_value
expr_minus(const struct expr_value *a)
{
	struct expr_value r = { .is = EXPR_WHOLE };

	if (a->is == EXPR_REAL)
		return of_real(-a->d);
	if (a->is != EXPR_WHOLE)
		return (struct expr_value){ .is = EXPR_MISSING };
	if (__builtin_sub_overflow((__int128)0, a->i, &r.i))
		return of_real(-real(a));
	return r;
}

struct expr_value
expr_value_of(enum trace_kind kind, const union trace_value *v)
{
	switch (kind) {
	case TRACE_INT:
		return (struct expr_value){ .is = EXPR_WHOLE, .i = v->i };
	case TRACE_BIG:
	case TRACE_ADDR:
		return (struct expr_value){ .is = EXPR_WHOLE, .i = v->u };
	case TRACE_NUM:
		return of_real(v->d);
	case TRACE_STR:
	case TRACE_BYTES:
		return (struct expr_value){ .is = EXPR_TEXT, .s = v->s };
	default:
		return (struct expr_value){ .is = EXPR_LIST, .kind = kind, .list = v->list };
	}
}

bool
expr_set_has(const struct expr_node *n, int64_t v)
{
	size_t from = 0, to = n->items - 1;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (n->set[middle] == v)
			return true;
		if (n->set[middle] < v)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}
