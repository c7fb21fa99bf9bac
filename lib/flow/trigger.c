#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/num.h"
#include "expr/expr.h"
#include "flow/trigger.h"

enum kind { NONE, TIME, PC, SYMBOL, INSN, MARK, EXPR };

struct trigger {
	enum kind kind;
	int64_t t;
	bool relative, has_code;
	uint64_t value, mask;
	struct slice name;
	struct expr *expr;
	uint64_t *address; /* of pc: those that fire, in order */
	size_t addresses, address_cap;
	unsigned char *fires; /* of the lists of a block */
	size_t fires_cap;
	uint32_t *row;
	size_t row_cap;
	struct arena arena;
};

/* ---- texts ---- */

static void
add_address(struct trigger *x, uint64_t address)
{
	size_t i = x->addresses;

	while (i > 0 && x->address[i - 1] > address)
		i--;
	if (i > 0 && x->address[i - 1] == address)
		return;
	GROW(x->address, x->address_cap, x->addresses);
	memmove(x->address + i + 1, x->address + i, (x->addresses - i) * sizeof *x->address);
	x->address[i] = address;
	x->addresses++;
}

static int
parse_time(struct trigger *x, struct slice s, struct error *e)
{
	bool minus = slice_starts(s, SLICE("-"));
	struct slice n = s;
	uint64_t u;

	x->kind = TIME;
	x->relative = slice_starts(s, SLICE("+"));
	if (minus || x->relative)
		n = (struct slice){ s.p + 1, s.n - 1 };
	if (num_duration(n, &u) < 0 || u > INT64_MAX)
		return error_set(
		    e, "t=%.*s: not a time or a cycle (12, 1.5s, +10ms)", SLICE_ARG(s));
	x->t = minus ? -(int64_t)u : (int64_t)u;
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
parse_pc(struct trigger *x, struct slice s, struct error *e)
{
	uint64_t address;

	if (slice_starts(s, SLICE("0x")) && num_any(s, &address) == 0) {
		x->kind = PC;
		add_address(x, address);
		return 0;
	}
	if (s.n == 0 || is_digit(s.p[0]))
		return error_set(
		    e, "pc=%.*s: neither an address (0x1f4) nor a symbol (main)", SLICE_ARG(s));
	x->kind = SYMBOL;
	x->name = arena_copy(&x->arena, s);
	return 0;
}

static int
parse_insn(struct trigger *x, struct slice s, struct error *e)
{
	struct slice rest = s, value = slice_cut(&rest, '/');
	bool masked = value.n < s.n;

	x->kind = INSN;
	x->mask = UINT64_MAX;
	if (num_any(value, &x->value) < 0 || (masked && num_any(rest, &x->mask) < 0))
		return error_set(
		    e, "insn=%.*s: not VALUE or VALUE/MASK (0x8013/0xffffffff)", SLICE_ARG(s));
	return 0;
}

static int
parse_mark(struct trigger *x, struct slice s, struct error *e)
{
	if (s.n == 0)
		return error_set(e, "mark=: a code or a name is missing");
	x->kind = MARK;
	x->name = arena_copy(&x->arena, s);
	x->has_code = num_any(s, &x->value) == 0;
	return 0;
}

static bool
holds_operator(struct slice s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == s.p[i - 1] && (s.p[i] == '&' || s.p[i] == '|'))
			return true;
	return false;
}

/* K=V, where V does not begin as the == and =~ of an expression do. */
static int
parse(struct trigger *x, struct slice text, struct error *e)
{
	static const struct {
		struct slice key;
		int (*parse)(struct trigger *x, struct slice s, struct error *e);
	} form[] = { { { "t=", 2 }, parse_time }, { { "pc=", 3 }, parse_pc },
		{ { "insn=", 5 }, parse_insn }, { { "mark=", 5 }, parse_mark } };

	text = slice_trim(text);
	if (slice_eq(text, SLICE("none"))) {
		x->kind = NONE;
		return 0;
	}
	for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
		struct slice key = form[i].key, s = { text.p + key.n, text.n - key.n };

		if (!slice_starts(text, key) || (s.n > 0 && (s.p[0] == '=' || s.p[0] == '~')))
			continue;
		if (holds_operator(s))
			return error_set(e,
			    "%.*s: %.*sX stands alone; in an expression, it is written with ==",
			    SLICE_ARG(text), SLICE_ARG(key));
		return form[i].parse(x, s, e);
	}
	x->kind = EXPR;
	x->expr = expr_new(text, e);
	return x->expr ? 0 : -1;
}

struct trigger *
trigger_new(struct slice text, struct error *e)
{
	struct trigger *x = xcalloc(1, sizeof *x);

	if (parse(x, text, e) == 0)
		return x;
	trigger_free(x);
	return NULL;
}

void
trigger_free(struct trigger *x)
{
	if (x == NULL)
		return;
	if (x->expr)
		expr_free(x->expr);
	arena_free(&x->arena);
	free(x->address);
	free(x->fires);
	free(x->row);
	free(x);
}

bool
trigger_is_none(const struct trigger *x)
{
	return x->kind == NONE;
}

bool
trigger_is_time(const struct trigger *x, int64_t *n, bool *relative)
{
	*n = x->t;
	*relative = x->relative;
	return x->kind == TIME;
}

bool
trigger_unmet(const struct trigger *x, struct slice *name)
{
	return x->kind == EXPR && expr_unmet(x->expr, name);
}

bool
trigger_unknown(const struct trigger *x, struct slice *name)
{
	*name = x->name;
	return x->kind == SYMBOL && x->addresses == 0;
}

/* ---- blocks ---- */

static bool
is_address(const struct trigger *x, uint64_t address)
{
	size_t from = 0, to = x->addresses;

	while (from < to) {
		size_t at = (from + to) / 2;

		if (x->address[at] < address)
			from = at + 1;
		else
			to = at;
	}
	return from < x->addresses && x->address[from] == address;
}

/* The field of this name, if it is a word that is no floating-point number; else -1. */
static int
word_field(const struct trace_shape *shape, struct slice name)
{
	int f = trace_field_index(shape, name);

	return f >= 0 && shape->field[f].kind <= TRACE_ADDR ? f : -1;
}

/* Whether list `id` of this kind begins with an address, or ends in the name, that fires. */
static bool
list_fires(struct trigger *x, struct trace_block *b, enum trace_kind kind, uint32_t id)
{
	struct trace_list list = trace_block_list(b, kind, id);

	if (list.n == 0)
		return false;
	return kind == TRACE_ADDRS ? is_address(x, list.u[0])
				   : slice_eq(list.s[list.n - 1], x->name);
}

/* Rows from..to of shape s whose list fires, each distinct list being asked once. */
static void
lists_fire(struct trigger *x, struct trace_block *b, unsigned s, int f, uint32_t from, uint32_t to,
    unsigned char *holds)
{
	enum { UNKNOWN = 2 };
	enum trace_kind kind = b->shape[s]->field[f].kind;
	const uint64_t *id = trace_column(b, s, (unsigned)f);

	if (to - from > 1) {
		GROW(x->fires, x->fires_cap, b->lists[kind]);
		memset(x->fires, UNKNOWN, b->lists[kind]);
	}
	for (uint32_t i = from; i < to; i++) {
		unsigned char one = UNKNOWN, *known = to - from > 1 ? &x->fires[id[i]] : &one;

		if (*known == UNKNOWN)
			*known = list_fires(x, b, kind, (uint32_t)id[i]);
		holds[i] |= *known;
	}
}

static void
pc_fires(struct trigger *x, struct trace_block *b, unsigned s, uint32_t from, uint32_t to,
    unsigned char *holds)
{
	const struct trace_shape *shape = b->shape[s];
	int f = word_field(shape, SLICE("pc"));

	memset(holds + from, 0, to - from);
	if (f < 0)
		f = word_field(shape, SLICE("ip"));
	if (f >= 0 && x->addresses == 1) {
		const uint64_t *v = trace_column(b, s, (unsigned)f);

		for (uint32_t i = from; i < to; i++)
			holds[i] = v[i] == x->address[0];
	} else if (f >= 0 && x->addresses > 0) {
		const uint64_t *v = trace_column(b, s, (unsigned)f);

		for (uint32_t i = from; i < to; i++)
			holds[i] = is_address(x, v[i]);
	} else if (f < 0 && x->addresses > 0) {
		f = trace_field_of(shape, SLICE("chain"), TRACE_ADDRS);
		if (f >= 0)
			lists_fire(x, b, s, f, from, to, holds);
	}
	f = x->kind == SYMBOL ? trace_field_of(shape, SLICE("stack"), TRACE_STRS) : -1;
	if (f >= 0)
		lists_fire(x, b, s, f, from, to, holds);
}

/* What a sym record tells of the symbol. */
static void
learn(struct trigger *x, struct trace_block *b, unsigned s, uint32_t row)
{
	int name = trace_field_of(b->shape[s], SLICE("name"), TRACE_STR);
	int addr = word_field(b->shape[s], SLICE("addr"));

	if (name >= 0 && addr >= 0 &&
	    slice_eq(trace_string(b, (uint32_t)trace_column(b, s, (unsigned)name)[row]), x->name))
		add_address(x, trace_column(b, s, (unsigned)addr)[row]);
}

static bool
is_sym(const struct trace_shape *shape)
{
	return slice_eq(shape->type, SLICE("sym"));
}

/* A block that holds sym records: row by row, so that each is known from there on. */
static void
symbol_fires(struct trigger *x, struct trace_block *b, unsigned char *const *holds)
{
	const uint16_t *sequence = trace_sequence(b);

	GROW(x->row, x->row_cap, b->shapes);
	memset(x->row, 0, b->shapes * sizeof *x->row);
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		uint32_t row = x->row[s]++;

		if (is_sym(b->shape[s]))
			learn(x, b, s, row);
		pc_fires(x, b, s, row, row + 1, holds[s]);
	}
}

static void
insn_fires(struct trigger *x, struct trace_block *b, unsigned s, unsigned char *holds)
{
	int f = word_field(b->shape[s], SLICE("insn"));
	const uint64_t *v = f < 0 ? NULL : trace_column(b, s, (unsigned)f);

	memset(holds, 0, b->rows[s]);
	for (uint32_t i = 0; v && i < b->rows[s]; i++)
		holds[i] = ((v[i] ^ x->value) & x->mask) == 0;
}

static void
mark_fires(struct trigger *x, struct trace_block *b, unsigned s, unsigned char *holds)
{
	const struct trace_shape *shape = b->shape[s];
	int code = word_field(shape, SLICE("code"));
	int name = trace_field_of(shape, SLICE("name"), TRACE_STR);
	const uint64_t *v;

	memset(holds, 0, b->rows[s]);
	if (!slice_eq(shape->type, SLICE("mark")))
		return;
	v = x->has_code && code >= 0 ? trace_column(b, s, (unsigned)code) : NULL;
	for (uint32_t i = 0; v && i < b->rows[s]; i++)
		holds[i] = v[i] == x->value;
	v = name >= 0 ? trace_column(b, s, (unsigned)name) : NULL;
	for (uint32_t i = 0; v && i < b->rows[s]; i++)
		holds[i] |= slice_eq(trace_string(b, (uint32_t)v[i]), x->name);
}

void
trigger_block(struct trigger *x, struct trace_block *b, unsigned char *const *holds)
{
	bool syms = false;

	for (unsigned s = 0; s < b->shapes && x->kind == SYMBOL; s++)
		syms |= is_sym(b->shape[s]);
	if (syms) {
		symbol_fires(x, b, holds);
		return;
	}
	for (unsigned s = 0; s < b->shapes; s++)
		switch (x->kind) {
		case NONE:
		case TIME:
			memset(holds[s], 0, b->rows[s]);
			break;
		case PC:
		case SYMBOL:
			pc_fires(x, b, s, 0, b->rows[s], holds[s]);
			break;
		case INSN:
			insn_fires(x, b, s, holds[s]);
			break;
		case MARK:
			mark_fires(x, b, s, holds[s]);
			break;
		case EXPR:
			expr_rows(x->expr, b, s, holds[s]);
			break;
		}
}

/* ---- TracerV ---- */

static int
parse_hex(struct slice s, uint64_t *out)
{
	if (slice_eq(s, SLICE("-1"))) {
		*out = UINT64_MAX;
		return 0;
	}
	if (slice_starts(s, SLICE("0x")))
		s = (struct slice){ s.p + 2, s.n - 2 };
	return num_hex(s, out);
}

static int
parse_cycle(struct slice s, uint64_t *out)
{
	if (slice_eq(s, SLICE("-1"))) {
		*out = UINT64_MAX;
		return 0;
	}
	return num_u64(s, out);
}

static struct trigger *
of_word(unsigned selector, uint64_t word)
{
	struct trigger *x = xcalloc(1, sizeof *x);

	if (selector == 2) {
		x->kind = PC;
		add_address(x, word);
	} else {
		x->kind = INSN;
		x->mask = word >> 32;
		x->value = word & UINT32_MAX;
	}
	return x;
}

int
trigger_tracerv(struct slice text, struct trigger_tracerv *out, struct error *e)
{
	struct slice rest = text, selector = slice_cut(&rest, ','), start = slice_cut(&rest, ',');
	int (*number)(struct slice s, uint64_t * out) = parse_hex;

	*out = (struct trigger_tracerv){ 0 };
	if (selector.n != 1 || selector.p[0] < '0' || selector.p[0] > '3')
		return error_set(e,
		    "%.*s: not SELECTOR,START,END with the selector 0 (all), 1 (cycles), 2 (pc) or "
		    "3"
		    " (instruction)",
		    SLICE_ARG(text));
	out->selector = (unsigned)(selector.p[0] - '0');
	if (out->selector == 1)
		number = parse_cycle;
	if (number(slice_trim(start), &out->first) < 0 || number(slice_trim(rest), &out->last) < 0)
		return error_set(e, "%.*s: START and END of selector %u are %s", SLICE_ARG(text),
		    out->selector, out->selector == 1 ? "decimal cycles" : "hex numbers");
	if (out->selector >= 2) {
		out->start = of_word(out->selector, out->first);
		out->end = of_word(out->selector, out->last);
	}
	return 0;
}
