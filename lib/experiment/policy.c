#include "experiment/policy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/policy_parts.h"

enum { PATTERN_MAX = 200, COPIES_MAX = 500 };

struct policy *
policy_new(void)
{
	return xcalloc(1, sizeof(struct policy));
}

size_t
policy_rules(const struct policy *p)
{
	return p->rules;
}

static bool
is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

/* The operator that stands at the beginning of *rest, which is cut off. */
static bool
take_op(struct slice *rest, enum policy_op *op)
{
	static const struct {
		const char *text;
		enum policy_op op;
	} list[] = { { "==", POLICY_EQ }, { "!=", POLICY_NE }, { "!~", POLICY_NO_MATCH },
		{ "<=", POLICY_LE }, { ">=", POLICY_GE }, { "=~", POLICY_MATCH },
		{ "=", POLICY_EQ }, { "<", POLICY_LT }, { ">", POLICY_GT }, { "~", POLICY_MATCH },
		{ "in ", POLICY_IN }, { "in[", POLICY_IN } };

	for (unsigned i = 0; i < sizeof list / sizeof list[0]; i++) {
		size_t n = strlen(list[i].text);

		if (!slice_starts(*rest, slice_of(list[i].text)))
			continue;
		n -= list[i].op == POLICY_IN;
		*op = list[i].op;
		rest->p += n, rest->n -= n;
		*rest = slice_trim(*rest);
		return true;
	}
	return false;
}

/* A comment begins with # at the beginning, or behind a blank; in quotes it is none. */
static struct slice
without_comment(struct slice line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		if (line.p[i] == '#' && !quoted &&
		    (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t')) {
			line.n = i;
			break;
		}
	}
	return slice_trim(line);
}

static struct slice
unquoted(struct slice s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s.p++, s.n -= 2;
	return s;
}

/* Whether it can be compared with anything: a number in some unit, or a version. */
static bool
is_ordered(struct slice s)
{
	static const char *const unit[] = { "", "hz", "ns", "percent", "celsius" };
	double v;

	for (unsigned i = 0; i < sizeof unit / sizeof unit[0]; i++)
		if (policy_number(s, slice_of(unit[i]), &v))
			return true;
	return s.n > 0 && isdigit((unsigned char)s.p[0]);
}

static int
split_items(struct policy *p, struct policy_rule *r, const char *where, struct error *e)
{
	struct slice rest = r->value;

	if (rest.n < 2 || rest.p[0] != '[' || rest.p[rest.n - 1] != ']')
		return error_set(e, "%s: behind `in` stands a list: [a, b, c]", where);
	rest.p++, rest.n -= 2;
	while (rest.n > 0) {
		struct slice item = unquoted(slice_trim(slice_cut(&rest, ',')));

		if (item.n == 0)
			return error_set(e, "%s: an empty item in the list", where);
		GROW(r->item, r->item_cap, r->items);
		r->item[r->items++] = arena_copy(&p->arena, item);
	}
	if (r->items == 0)
		return error_set(e, "%s: the list is empty", where);
	return 0;
}

/* regcomp(3) of the C library copies what is repeated, and takes for ever where that multiplies. */
static bool
is_large(struct slice s)
{
	uint64_t copies = 1;
	bool again = false; /* the last thing was a group, or was repeated */

	for (size_t i = 0; i < s.n && copies <= COPIES_MAX; i++) {
		if (s.p[i] == '\\') {
			i++;
			again = false;
		} else if (s.p[i] == '[') {
			i += i + 1 < s.n && s.p[i + 1] == '^';
			i += i + 1 < s.n && s.p[i + 1] == ']';
			while (i + 1 < s.n && s.p[i + 1] != ']')
				i++;
			i++;
			again = false;
		} else if (s.p[i] == '{') {
			uint64_t n = 0, most = 2;

			for (; i < s.n && s.p[i] != '}'; i++) {
				n = isdigit((unsigned char)s.p[i])
					? n * 10 + (uint64_t)(s.p[i] - '0')
					: 0;
				most = n > most ? n : most;
			}
			copies *= most;
			again = true;
		} else if (strchr("*+?", s.p[i])) {
			copies *= again ? 2 : 1;
			again = true;
		} else {
			again = s.p[i] == ')';
		}
	}
	return copies > COPIES_MAX;
}

static int
compile(struct policy_rule *r, const char *where, struct error *e)
{
	char text[256];
	int bad;

	if (r->value.n > PATTERN_MAX || is_large(r->value)) {
		r->op = POLICY_EQ;
		return error_set(e,
		    "%s: the regular expression is too large (%d bytes, repetitions of "
		    "repetitions)",
		    where, PATTERN_MAX);
	}
	bad = regcomp(&r->pattern, r->value.p, REG_EXTENDED | REG_NOSUB);
	if (bad == 0)
		return 0;
	regerror(bad, &r->pattern, text, sizeof text);
	r->op = POLICY_EQ; /* nothing to free */
	return error_set(e, "%s: %.*s: %s", where, SLICE_ARG(r->value), text);
}

static void
free_rule(struct policy_rule *r)
{
	if (r->op == POLICY_MATCH || r->op == POLICY_NO_MATCH)
		regfree(&r->pattern);
	free(r->item);
}

int
policy_add(struct policy *p, struct slice line, const char *where, struct error *e)
{
	struct policy_rule r = { .op = POLICY_EQ };
	struct slice rest;
	size_t n = 0;
	int bad = 0;

	line = without_comment(line);
	if (line.n == 0)
		return 0;
	while (n < line.n && is_name(line.p[n]))
		n++;
	rest = slice_trim((struct slice){ line.p + n, line.n - n });
	if (n == 0 || !take_op(&rest, &r.op))
		return error_set(e,
		    "%s: \"%.*s\" is no rule: NAME, one of = != < <= > >= ~ !~ in, and a value",
		    where, SLICE_ARG(line));
	if (rest.n == 0)
		return error_set(
		    e, "%s: the value is missing behind \"%.*s\"", where, SLICE_ARG(line));
	r.name = arena_copy(&p->arena, (struct slice){ line.p, n });
	r.value = arena_copy(&p->arena, unquoted(rest));
	if (r.op == POLICY_IN)
		bad = split_items(p, &r, where, e);
	else if (r.op == POLICY_MATCH || r.op == POLICY_NO_MATCH)
		bad = compile(&r, where, e);
	else if (r.op != POLICY_EQ && r.op != POLICY_NE && !is_ordered(r.value))
		bad = error_set(
		    e, "%s: %.*s is no number, and no version", where, SLICE_ARG(r.value));
	if (bad < 0) {
		free(r.item);
		return -1;
	}
	GROW(p->rule, p->cap, p->rules);
	p->rule[p->rules++] = r;
	return 0;
}

int
policy_read(struct policy *p, struct slice text, const char *path, struct error *e)
{
	struct buf where = BUF_INIT;
	int result = 0;

	for (unsigned line = 1; text.n > 0 && result == 0; line++) {
		struct slice s = slice_cut(&text, '\n');

		if (s.n > 0 && s.p[s.n - 1] == '\r')
			s.n--;
		where.n = 0;
		buf_printf(&where, "%s:%u", path, line);
		if (memchr(s.p, '\0', s.n))
			result = error_set(e, "%s: this is no text", buf_str(&where));
		else
			result = policy_add(p, s, buf_str(&where), e);
	}
	buf_free(&where);
	return result;
}

void
policy_free(struct policy *p)
{
	for (size_t i = 0; i < p->rules; i++)
		free_rule(&p->rule[i]);
	free(p->rule);
	arena_free(&p->arena);
	free(p);
}
