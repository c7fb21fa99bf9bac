/* The grammar, loosest first:
 *
 *	or         and { "||" and }
 *	and        not { "&&" not }
 *	not        "!" not | comparison
 *	comparison sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum | "=~" STRING | "has" sum | "in" "[" sum { "," sum } "]" ]
 *	sum        term { ("+" | "-") term }
 *	term       unary { ("*" | "/" | "%" | "&") unary }
 *	unary      "-" unary | primary
 *	primary    NUMBER | STRING | NAME | "." NAME | SUBSYSTEM:NAME | "type" | "has" "(" NAME ")" | "(" or ")"
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/num.h"
#include "expr/expr_parts.h"

enum {
	DEPTH_MAX = 200, /* of the tree, and of the parser */
	SHOWN = 60,      /* characters on each side of the caret */
	FEW = 8,         /* items of `in` are compared one after the other, more are searched */
};

enum token {
	END,
	WORD,
	EVENT, /* subsystem:name */
	DOTTED,
	NUMBER,
	STRING,
	OR,
	AND,
	NOT,
	EQ,
	NE,
	LT,
	LE,
	GT,
	GE,
	MATCH,
	PLUS,
	MINUS,
	TIMES,
	SLASH,
	PERCENT,
	BITS,
	OPEN,
	CLOSE,
	BRACKET,
	UNBRACKET,
	COMMA
};

struct parser {
	struct expr *x;
	struct error *e;
	bool failed;
	unsigned depth;
	size_t at, end; /* of the token */
	size_t past;    /* end of the token before it */
	enum token token;
	struct slice word;       /* of WORD, EVENT, DOTTED; between the quotes of STRING */
	struct expr_value value; /* of NUMBER */
};

/* ---- errors ---- */

static size_t
characters(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* What is wrong, the expression around it, a caret below. */
static struct expr_node *
fail(struct parser *p, size_t at, const char *what)
{
	struct slice text = p->x->text;
	size_t from = at > SHOWN ? at - SHOWN : 0, to = text.n - at > SHOWN ? at + SHOWN : text.n;
	struct buf b = BUF_INIT;
	size_t before;

	if (p->failed)
		return NULL;
	p->failed = true;
	while (from > 0 && ((unsigned char)text.p[from] & 0xc0) == 0x80)
		from--;
	while (to < text.n && ((unsigned char)text.p[to] & 0xc0) == 0x80)
		to++;
	buf_printf(&b, "column %zu: %s\n  %s", characters((struct slice){ text.p, at }) + 1, what,
	    from > 0 ? "..." : "");
	for (size_t i = from; i < to; i++) {
		unsigned char c = (unsigned char)text.p[i];

		buf_char(&b, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
	before = 2 + (from > 0 ? 3 : 0) + characters((struct slice){ text.p + from, at - from });
	buf_printf(&b, "%s\n%*s^", to < text.n ? "..." : "", (int)before, "");
	error_set(p->e, "%s", buf_str(&b));
	buf_free(&b);
	return NULL;
}

/* ---- tokens ---- */

static bool
is_digit(char c)
{
	return (unsigned)(unsigned char)c - '0' < 10;
}

static bool
is_letter(char c)
{
	return ((unsigned)(unsigned char)c | 32) - 'a' < 26 || c == '_';
}

static bool
is_word(char c)
{
	return is_letter(c) || is_digit(c);
}

/* The byte at p->x->text[at], 0 behind its end. */
static char
byte(const struct parser *p, size_t at)
{
	return at < p->x->text.n ? p->x->text.p[at] : '\0';
}

static struct slice
between(const struct parser *p, size_t from, size_t to)
{
	return (struct slice){ p->x->text.p + from, to - from };
}

static bool
unit_of(struct slice name, uint64_t *factor)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} unit[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60000000000 },
		{ "h", 3600000000000 },
		{ "B", 1 },
		{ "k", 1000 },
		{ "M", 1000000 },
		{ "G", 1000000000 },
		{ "T", 1000000000000 },
		{ "Ki", 1 << 10 },
		{ "Mi", 1 << 20 },
		{ "Gi", 1 << 30 },
		{ "Ti", (uint64_t)1 << 40 },
	};
	size_t units = sizeof unit / sizeof *unit;

	for (size_t i = 0; i < units; i++)
		if (slice_eq(name, slice_of(unit[i].name))) {
			*factor = unit[i].factor;
			return true;
		}
	if (name.n > 1 && name.p[name.n - 1] == 'B')
		for (size_t i = 0; i < units; i++)
			if (slice_eq(
				(struct slice){ name.p, name.n - 1 }, slice_of(unit[i].name)) &&
			    strchr("kKMGT", *unit[i].name)) {
				*factor = unit[i].factor;
				return true;
			}
	return false;
}

/* The digits of text with a unit, where they make a whole number: 1.5 ms is 1500000. */
static bool
whole_with_unit(struct slice text, uint64_t factor, __int128 *out)
{
	unsigned __int128 v = 0;
	uint64_t exponent = 0;
	int64_t scale = 0;
	bool point = false;
	size_t i = 0;

	for (; i < text.n && (is_digit(text.p[i]) || text.p[i] == '.'); i++) {
		if (text.p[i] == '.') {
			point = true;
			continue;
		}
		if (v > (unsigned __int128)UINT64_MAX * 1000000)
			return false;
		v = v * 10 + (unsigned)(text.p[i] - '0');
		scale -= point;
	}
	if (i < text.n) {
		bool minus = text.p[i + 1] == '-';

		i += 1 + (minus || text.p[i + 1] == '+');
		if (num_u64((struct slice){ text.p + i, text.n - i }, &exponent) < 0 ||
		    exponent > 40)
			return false;
		scale += minus ? -(int64_t)exponent : (int64_t)exponent;
	}
	if (__builtin_mul_overflow(v, (unsigned __int128)factor, &v))
		return false;
	for (; scale > 0; scale--)
		if (__builtin_mul_overflow(v, (unsigned __int128)10, &v))
			return false;
	for (; scale < 0; scale++) {
		if (v % 10 != 0)
			return false;
		v /= 10;
	}
	if (v >> 126)
		return false;
	*out = (__int128)v;
	return true;
}

static void
read_number(struct parser *p)
{
	size_t i = p->at, digits_end;
	uint64_t factor = 1, u;
	bool real = false;
	struct slice digits, name;

	p->token = NUMBER;
	if (byte(p, i) == '0' && (byte(p, i + 1) | 32) == 'x') {
		for (i += 2; is_word(byte(p, i)); i++)
			;
		p->end = i;
		if (num_hex(between(p, p->at + 2, i), &u) < 0)
			fail(p, p->at, "not a hex number of up to 16 digits");
		p->value = (struct expr_value){ .is = EXPR_WHOLE, .i = u };
		return;
	}
	while (is_digit(byte(p, i)))
		i++;
	if (byte(p, i) == '.') {
		real = true;
		for (i++; is_digit(byte(p, i)); i++)
			;
	}
	if ((byte(p, i) | 32) == 'e' &&
	    (is_digit(byte(p, i + 1)) ||
		((byte(p, i + 1) == '-' || byte(p, i + 1) == '+') && is_digit(byte(p, i + 2))))) {
		real = true;
		for (i += 2; is_digit(byte(p, i)); i++)
			;
	}
	digits_end = i;
	while (is_word(byte(p, i)))
		i++;
	p->end = i;
	digits = between(p, p->at, digits_end);
	name = between(p, digits_end, i);
	if (name.n > 0 && !unit_of(name, &factor)) {
		fail(p, digits_end,
		    "an unknown unit: there are ns us ms s m h, B, and k M G T Ki Mi Gi Ti with or "
		    "without B");
	} else if ((!real || name.n > 0) && whole_with_unit(digits, factor, &p->value.i) &&
		   (real || num_u64(digits, &u) == 0)) {
		p->value.is = EXPR_WHOLE;
	} else if (!real) {
		fail(p, p->at,
		    "more than 64 bits hold (with a point or an exponent it is a floating-point "
		    "number)");
	} else if (num_f64(digits, &p->value.d) == 0) {
		p->value.is = EXPR_REAL;
		p->value.d *= (double)factor;
	} else {
		fail(p, p->at, "too long a number");
	}
}

static void
read_string(struct parser *p)
{
	char quote = byte(p, p->at);
	size_t i = p->at + 1, n = p->x->text.n;

	while (i < n && byte(p, i) != quote)
		i += byte(p, i) == '\\' ? 2 : 1;
	p->token = STRING;
	p->end = i < n ? i + 1 : n;
	if (i >= n)
		fail(p, p->at, "a string without its closing quote");
	else
		p->word = between(p, p->at + 1, i);
}

static void
read_word(struct parser *p)
{
	size_t i = p->at;

	p->token = WORD;
	while (is_word(byte(p, i)))
		i++;
	while (byte(p, i) == ':' && (is_word(byte(p, i + 1)) || byte(p, i + 1) == ':')) {
		p->token = EVENT;
		for (i++; is_word(byte(p, i)) || byte(p, i) == ':'; i++)
			;
	}
	p->end = i;
	p->word = between(p, p->at, i);
}

static const struct {
	char text[3];
	enum token token;
} operators[] = { /* the longer ones first */
	{ "||", OR }, { "&&", AND }, { "==", EQ }, { "!=", NE }, { "<=", LE }, { ">=", GE },
	{ "=~", MATCH }, { "!", NOT }, { "<", LT }, { ">", GT }, { "+", PLUS }, { "-", MINUS },
	{ "*", TIMES }, { "/", SLASH }, { "%", PERCENT }, { "&", BITS }, { "(", OPEN },
	{ ")", CLOSE }, { "[", BRACKET }, { "]", UNBRACKET }, { ",", COMMA }
};

static void
read_operator(struct parser *p)
{
	struct slice rest = between(p, p->at, p->x->text.n);

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (slice_starts(rest, slice_of(operators[i].text))) {
			p->token = operators[i].token;
			p->end = p->at + strlen(operators[i].text);
			return;
		}
	if (rest.p[0] == '=')
		fail(p, p->at, "= compares nothing: == does");
	else if (rest.p[0] == '|')
		fail(p, p->at, "| is no operator: || is");
	else if (rest.p[0] == '~')
		fail(p, p->at, "~ is no operator: =~ is");
	else
		fail(p, p->at, "this begins no number, string, name or operator");
	p->end = p->at + 1;
}

static void
next(struct parser *p)
{
	char c;

	p->past = p->end;
	p->at = p->end;
	while ((c = byte(p, p->at)) != '\0' && strchr(" \t\n\r", c))
		p->at++;
	p->end = p->at;
	if (p->failed || p->at >= p->x->text.n)
		p->token = END;
	else if (is_digit(c) || (c == '.' && is_digit(byte(p, p->at + 1))))
		read_number(p);
	else if (c == '"' || c == '\'')
		read_string(p);
	else if (is_letter(c))
		read_word(p);
	else if (c == '.' && is_letter(byte(p, p->at + 1))) {
		p->at++;
		read_word(p);
		p->at--;
		if (p->token == EVENT)
			fail(p, p->at, "the name of a field has no colon");
		p->token = DOTTED;
	} else
		read_operator(p);
	if (p->failed)
		p->token = END;
}

static bool
word_is(const struct parser *p, const char *word)
{
	return p->token == WORD && slice_eq(p->word, slice_of(word));
}

/* ---- nodes ---- */

static bool
is_condition(const struct expr_node *n)
{
	return n->op <= EXPR_IN;
}

static struct expr_node *
node(struct parser *p, enum expr_op op, size_t at)
{
	size_t align = _Alignof(struct expr_node);
	char *room = arena_alloc(&p->x->arena, sizeof(struct expr_node) + align - 1);
	struct expr_node *n = (void *)(room + (-(uintptr_t)room & (align - 1)));

	*n = (struct expr_node){ .op = op, .at = at, .depth = 1, .only = EXPR_NONE };
	return n;
}

static struct expr_node *
with(struct parser *p, struct expr_node *n, struct expr_node *const *item, unsigned items)
{
	n->item = arena_alloc(&p->x->arena, items * sizeof(struct expr_node *));
	n->items = items;
	for (unsigned i = 0; i < items; i++) {
		n->item[i] = item[i];
		if (item[i]->depth >= n->depth)
			n->depth = item[i]->depth + 1;
		if (n->only == EXPR_NONE)
			n->only = item[i]->only;
		else if (item[i]->only != EXPR_NONE && item[i]->only != n->only)
			n->only = EXPR_SEVERAL;
	}
	return n->depth > DEPTH_MAX ? fail(p, n->at, "too long or too deep: split it") : n;
}

static struct expr_node *
with_two(struct parser *p, enum expr_op op, size_t at, struct expr_node *a, struct expr_node *b)
{
	struct expr_node *item[2] = { a, b };

	return with(p, node(p, op, at), item, 2);
}

static unsigned
slot_of(struct parser *p, struct slice name, bool asked)
{
	struct expr *x = p->x;
	size_t i = 0;

	while (i < x->slots && !slice_eq(x->slot[i].name, name))
		i++;
	if (i == x->slots) {
		GROW(x->slot, x->slot_cap, i);
		x->slot[x->slots++] =
		    (struct expr_slot){ .name = arena_copy(&x->arena, name), .asked = true };
	}
	x->slot[i].asked = x->slot[i].asked && asked;
	return (unsigned)i;
}

static struct expr_node *
field(struct parser *p, enum expr_op op, size_t at, struct slice name)
{
	struct expr_node *n = node(p, op, at);

	n->field = slot_of(p, name, op == EXPR_HAS_FIELD);
	n->only = (int)n->field;
	return n;
}

static struct expr_node *
constant(struct parser *p, size_t at, struct expr_value value)
{
	struct expr_node *n = node(p, EXPR_CONST, at);

	n->value = value;
	return n;
}

static struct expr_node *
name_is(struct parser *p, size_t at, struct slice word)
{
	struct expr_value value = { .is = EXPR_TEXT, .s = arena_copy(&p->x->arena, word) };
	struct expr_node *n = with_two(
	    p, EXPR_EQ, at, field(p, EXPR_FIELD, at, SLICE("name")), constant(p, at, value));

	n->event = true;
	return n;
}

static int
hex(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands between the quotes, which begin before `at`. A regular expression keeps escapes that are not ours. */
static struct slice
unescape(struct parser *p, size_t at, struct slice s, bool regex)
{
	char *to = arena_alloc(&p->x->arena, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c != '\\' || i + 1 == s.n) {
			to[n++] = c;
			continue;
		}
		c = s.p[++i];
		if (c == '"' || c == '\'') {
			to[n++] = c;
		} else if (c == '\\') {
			if (regex)
				to[n++] = '\\';
			to[n++] = '\\';
		} else if (c == 't' || c == 'n' || c == 'r') {
			to[n++] = c == 't' ? '\t' : c == 'n' ? '\n' : '\r';
		} else if (c == 'x' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 &&
			   hex(s.p[i + 2]) >= 0) {
			to[n++] = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 2;
		} else if (regex) {
			to[n++] = '\\';
			to[n++] = c;
		} else {
			fail(p, at + i,
			    "an unknown escape: there are \\\\ \\\" \\' \\t \\n \\r \\xNN");
			break;
		}
	}
	to[n] = '\0';
	return (struct slice){ to, n };
}

static struct expr_node *
match(struct parser *p, struct expr_node *a, size_t at)
{
	struct expr_node *n = node(p, EXPR_MATCH, at);
	struct error e;
	struct slice s;

	if (p->token != STRING)
		return fail(p, p->at, "=~ needs a regular expression in quotes");
	s = unescape(p, p->at, p->word, true);
	if (with(p, n, &a, 1) == NULL)
		return NULL;
	n->regex = arena_alloc(&p->x->arena, sizeof *n->regex);
	if (expr_regex(n->regex, s, &e) < 0)
		return fail(p, p->at, e.text);
	GROW(p->x->regex, p->x->regex_cap, p->x->regexes);
	p->x->regex[p->x->regexes++] = n->regex;
	next(p);
	return n;
}

/* ---- the grammar ---- */

static struct expr_node *parse_or(struct parser *p);

static struct expr_node *
want_value(struct parser *p, struct expr_node *n)
{
	if (n == NULL || !is_condition(n))
		return n;
	return fail(p, n->at,
	    n->event ? "this stands for name == \"...\": as a string it needs quotes"
		     : "a condition is neither a number nor a string");
}

static struct expr_node *
want_condition(struct parser *p, struct expr_node *n)
{
	if (n == NULL || is_condition(n))
		return n;
	switch (n->op) {
	case EXPR_FIELD:
		return fail(
		    p, n->at, "a field alone is no condition: compare it, or ask has(FIELD)");
	case EXPR_CONST:
		return fail(p, n->at,
		    n->value.is == EXPR_TEXT ? "a string alone is no condition: name == \"...\" is"
					     : "a number alone is no condition");
	default:
		return fail(p, n->at, "this is a value, and no condition: compare it");
	}
}

static struct expr_node *
has_field(struct parser *p, size_t at)
{
	struct expr_node *n = NULL;

	next(p);
	if (p->token == WORD || p->token == DOTTED)
		n = field(p, EXPR_HAS_FIELD, at, p->word);
	else
		return fail(p, p->at,
		    p->token == STRING ? "has(FIELD) takes a name without quotes"
				       : "has(FIELD) takes the name of a field");
	next(p);
	if (p->token != CLOSE)
		return fail(p, p->at, "has(FIELD) takes one name: a ) is missing");
	next(p);
	return n;
}

static struct expr_node *
parse_primary(struct parser *p)
{
	size_t at = p->at;
	struct expr_node *n = NULL;

	switch (p->token) {
	case NUMBER:
		n = constant(p, at, p->value);
		break;
	case STRING:
		n = constant(p, at,
		    (struct expr_value){ .is = EXPR_TEXT, .s = unescape(p, at, p->word, false) });
		break;
	case EVENT:
		n = name_is(p, at, p->word);
		break;
	case DOTTED:
		n = field(p, EXPR_FIELD, at, p->word);
		break;
	case WORD:
		if (word_is(p, "has")) {
			next(p);
			if (p->token == OPEN)
				return has_field(p, at);
			return fail(p, at,
			    "has stands behind a list, or is has(FIELD); a field of that name is "
			    ".has");
		}
		if (word_is(p, "in"))
			return fail(p, at,
			    "in stands behind what is looked for; a field of that name is .in");
		n = word_is(p, "type") ? node(p, EXPR_TYPE, at) : field(p, EXPR_FIELD, at, p->word);
		break;
	case OPEN:
		next(p);
		if (p->depth > DEPTH_MAX)
			return fail(p, at, "too deep: split it");
		n = parse_or(p);
		if (n && p->token != CLOSE)
			return fail(p, p->at, "a ) is missing");
		break;
	case END:
		return fail(p, p->past,
		    p->past == 0 ? "an expression is missing"
				 : "it ends where something must follow");
	default:
		return fail(p, at, "a field, a number or a string is missing before this");
	}
	if (n)
		next(p);
	return p->failed ? NULL : n;
}

static struct expr_node *
parse_unary(struct parser *p)
{
	struct expr_node *n, *minus;
	size_t at = p->at;

	if (p->token != MINUS)
		return parse_primary(p);
	if (++p->depth > DEPTH_MAX)
		return fail(p, at, "too deep: split it");
	next(p);
	n = want_value(p, parse_unary(p));
	p->depth--;
	if (n == NULL)
		return NULL;
	if (n->op == EXPR_CONST && n->value.is == EXPR_TEXT)
		return fail(p, n->at, "a string has no minus");
	if (n->op == EXPR_CONST)
		return constant(p, at, expr_minus(&n->value));
	minus = node(p, EXPR_MINUS, at);
	return with(p, minus, &n, 1);
}

static struct expr_node *
arithmetic(struct parser *p, enum expr_op op, size_t at, struct expr_node *a, struct expr_node *b)
{
	struct expr_value v;

	if (want_value(p, a) == NULL || want_value(p, b) == NULL)
		return NULL;
	if (a->op == EXPR_TYPE || (a->op == EXPR_CONST && a->value.is == EXPR_TEXT))
		return fail(p, a->at, "arithmetic needs numbers, and this is a string");
	if (b->op == EXPR_TYPE || (b->op == EXPR_CONST && b->value.is == EXPR_TEXT))
		return fail(p, b->at, "arithmetic needs numbers, and this is a string");
	if (a->op != EXPR_CONST || b->op != EXPR_CONST)
		return with_two(p, op, a->at, a, b);
	v = expr_arithmetic(op, &a->value, &b->value);
	if (v.is == EXPR_MISSING)
		return fail(
		    p, at, op == EXPR_BITS ? "& is for whole numbers" : "a division by zero");
	return constant(p, a->at, v);
}

static struct expr_node *
parse_term(struct parser *p)
{
	struct expr_node *n = parse_unary(p);

	while (n && p->token >= TIMES && p->token <= BITS) {
		static const enum expr_op ops[] = { EXPR_MUL, EXPR_DIV, EXPR_MOD, EXPR_BITS };
		enum expr_op op = ops[p->token - TIMES];
		size_t at = p->at;
		struct expr_node *b;

		next(p);
		b = parse_unary(p);
		n = b ? arithmetic(p, op, at, n, b) : NULL;
	}
	return n;
}

static struct expr_node *
parse_sum(struct parser *p)
{
	struct expr_node *n = parse_term(p);

	while (n && (p->token == PLUS || p->token == MINUS)) {
		enum expr_op op = p->token == PLUS ? EXPR_ADD : EXPR_SUB;
		size_t at = p->at;
		struct expr_node *b;

		next(p);
		b = parse_term(p);
		n = b ? arithmetic(p, op, at, n, b) : NULL;
	}
	return n;
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The constants of `in`, sorted; NULL where they are not all whole numbers of 64 bits. */
static int64_t *
set_of(struct parser *p, const struct expr_node *n)
{
	int64_t *set = arena_alloc(&p->x->arena, n->items * sizeof *set);

	for (unsigned i = 1; i < n->items; i++) {
		const struct expr_node *item = n->item[i];

		if (item->op != EXPR_CONST || item->value.is != EXPR_WHOLE ||
		    item->value.i != (int64_t)item->value.i)
			return NULL;
		set[i - 1] = (int64_t)item->value.i;
	}
	qsort(set, n->items - 1, sizeof *set, by_size);
	return set;
}

static struct expr_node *
parse_in(struct parser *p, struct expr_node *a)
{
	struct expr_node **item = NULL, *n = NULL;
	size_t cap = 0, at = a->at;
	unsigned items = 1;

	next(p);
	if (p->token != BRACKET)
		return fail(p, p->at, "in needs a list: in [1, 2, 3]");
	GROW(item, cap, 0);
	item[0] = a;
	do {
		struct expr_node *b;

		next(p);
		b = want_value(p, parse_sum(p));
		if (b == NULL)
			goto done;
		GROW(item, cap, items);
		item[items++] = b;
	} while (p->token == COMMA);
	if (p->token != UNBRACKET) {
		fail(p, p->at, "a , or a ] is missing");
		goto done;
	}
	next(p);
	n = with(p, node(p, EXPR_IN, at), item, items);
	if (n && items > FEW)
		n->set = set_of(p, n);
done:
	free(item);
	return p->failed ? NULL : n;
}

/* A constant stands on the right. */
static struct expr_node *
comparison(struct parser *p, enum expr_op op, struct expr_node *a, struct expr_node *b)
{
	static const enum expr_op swapped[] = { EXPR_EQ, EXPR_NE, EXPR_GT, EXPR_GE, EXPR_LT,
		EXPR_LE };
	bool swap = op <= EXPR_GE && a->op == EXPR_CONST && b->op != EXPR_CONST;

	return with_two(p, swap ? swapped[op - EXPR_EQ] : op, a->at, swap ? b : a, swap ? a : b);
}

static struct expr_node *
parse_comparison(struct parser *p)
{
	struct expr_node *a = parse_sum(p), *b;
	enum expr_op op;

	if (a == NULL)
		return NULL;
	if (p->token >= EQ && p->token <= GE)
		op = EXPR_EQ + (p->token - EQ);
	else if (p->token == MATCH)
		op = EXPR_MATCH;
	else if (word_is(p, "has"))
		op = EXPR_HAS;
	else if (word_is(p, "in"))
		op = EXPR_IN;
	else
		return a;
	if (want_value(p, a) == NULL)
		return NULL;
	if (op == EXPR_HAS && (a->op == EXPR_CONST || a->op == EXPR_TYPE))
		return fail(p, a->at, "has looks into a list, and this is none");
	if (op == EXPR_MATCH && a->op == EXPR_CONST && a->value.is != EXPR_TEXT)
		return fail(p, a->at, "=~ is for text, and this is a number");
	if (op == EXPR_IN) {
		a = parse_in(p, a);
	} else if (op == EXPR_MATCH) {
		next(p);
		a = match(p, a, a->at);
	} else {
		next(p);
		b = want_value(p, parse_sum(p));
		a = b ? comparison(p, op, a, b) : NULL;
	}
	if (a && ((p->token >= EQ && p->token <= MATCH) || word_is(p, "has") || word_is(p, "in")))
		return fail(p, p->at, "comparisons do not chain: join them by &&");
	return a;
}

static struct expr_node *
parse_not(struct parser *p)
{
	struct expr_node *n, *not ;
	size_t at = p->at;

	if (p->token != NOT)
		return parse_comparison(p);
	if (++p->depth > DEPTH_MAX)
		return fail(p, at, "too deep: split it");
	next(p);
	n = want_condition(p, parse_not(p));
	p->depth--;
	if (n == NULL)
		return NULL;
	not = node(p, EXPR_NOT, at);
	return with(p, not, &n, 1);
}

/* item { joint item }, as one node whatever their number. */
static struct expr_node *
parse_joined(struct parser *p, enum token joint, enum expr_op op,
    struct expr_node *(*parse)(struct parser *p))
{
	struct expr_node **item = NULL, *n = parse(p);
	unsigned items = 0;
	size_t cap = 0;

	if (n == NULL || p->token != joint)
		return n;
	GROW(item, cap, items);
	item[items++] = want_condition(p, n);
	while (!p->failed && p->token == joint) {
		next(p);
		n = want_condition(p, parse(p));
		if (n == NULL)
			break;
		GROW(item, cap, items);
		item[items++] = n;
	}
	n = p->failed ? NULL : with(p, node(p, op, item[0]->at), item, items);
	free(item);
	return n;
}

static struct expr_node *
parse_and(struct parser *p)
{
	return parse_joined(p, AND, EXPR_AND, parse_not);
}

static struct expr_node *
parse_or(struct parser *p)
{
	struct expr_node *n;

	p->depth++;
	n = parse_joined(p, OR, EXPR_OR, parse_and);
	p->depth--;
	return n;
}

/* A word that is the whole expression: letters, digits and _ : - . with a letter first, or with a colon. */
static bool
is_bare_word(struct slice s)
{
	bool colon = false;

	for (size_t i = 0; i < s.n; i++) {
		colon = colon || (s.p[i] == ':' && i > 0);
		if (!is_word(s.p[i]) && (s.p[i] == '\0' || strchr(":-.", s.p[i]) == NULL))
			return false;
	}
	return s.n > 0 && (is_letter(s.p[0]) || (is_digit(s.p[0]) && colon));
}

static const char *
what_follows(const struct parser *p)
{
	if (word_is(p, "and"))
		return "and is written &&";
	if (word_is(p, "or"))
		return "or is written ||";
	if (word_is(p, "not") || p->token == NOT)
		return "an operator is missing before this (a does not match: !(a =~ \"...\"))";
	switch (p->token) {
	case CLOSE:
		return "a ) without its (";
	case UNBRACKET:
		return "a ] without its [";
	case COMMA:
		return "a , stands only between [ and ]";
	case WORD:
	case DOTTED:
	case EVENT:
	case NUMBER:
	case STRING:
		return "an operator is missing before this";
	default:
		return "this cannot follow";
	}
}

int
expr_parse(struct expr *x, struct error *e)
{
	struct parser p = { .x = x, .e = e };
	struct slice s = x->text;

	while (s.n > 0 && strchr(" \t\n\r", s.p[0]) && s.p[0])
		s = (struct slice){ s.p + 1, s.n - 1 };
	while (s.n > 0 && strchr(" \t\n\r", s.p[s.n - 1]) && s.p[s.n - 1])
		s.n--;
	if (is_bare_word(s)) {
		x->root = name_is(&p, (size_t)(s.p - x->text.p), s);
		return 0;
	}
	next(&p);
	x->root = parse_or(&p);
	if (!p.failed && p.token != END)
		fail(&p, p.at, what_follows(&p));
	want_condition(&p, x->root);
	return p.failed ? -1 : 0;
}
