#include "expr/expr_parts.h"

/* regcomp(3) of the C library copies what is repeated, a{9} nine times and a+ twice, recurses into groups, and takes
 * seconds and gigabytes where that multiplies. Here is how large an expression becomes before it does. */
enum { BYTES_MAX = 1000, EXPANDED_MAX = 2000 };

struct sizes {
	struct {
		uint64_t sum, last; /* all atoms but the last, and that */
	} group[BYTES_MAX + 1];
	unsigned depth;
};

static void
add_atom(struct sizes *z, uint64_t size)
{
	z->group[z->depth].sum += z->group[z->depth].last;
	z->group[z->depth].last = size;
}

static void
repeat(struct sizes *z, uint64_t times)
{
	uint64_t *last = &z->group[z->depth].last;

	*last = *last * times > EXPANDED_MAX ? EXPANDED_MAX + 1 : *last * times;
}

/* The byte behind the brackets that begin at i. */
static size_t
bracket_end(struct slice s, size_t i)
{
	i++;
	if (i < s.n && s.p[i] == '^')
		i++;
	if (i < s.n && s.p[i] == ']')
		i++;
	for (; i < s.n && s.p[i] != ']'; i++) {
		char kind = i + 1 < s.n ? s.p[i + 1] : 0;

		if (s.p[i] != '[' || (kind != ':' && kind != '.' && kind != '='))
			continue;
		for (i += 2; i + 1 < s.n && (s.p[i] != kind || s.p[i + 1] != ']'); i++)
			;
		i++;
	}
	return i < s.n ? i + 1 : s.n;
}

/* Counts in braces: the larger one; *i moves behind the digits. */
static uint64_t
count_of(struct slice s, size_t *i)
{
	uint64_t most = 1, n = 0;

	for (; *i < s.n && ((unsigned)s.p[*i] - '0' < 10 || s.p[*i] == ','); ++*i) {
		n = s.p[*i] == ',' ? 0 : n * 10 + ((unsigned)s.p[*i] - '0');
		n = n > EXPANDED_MAX ? EXPANDED_MAX + 1 : n;
		most = n > most ? n : most;
	}
	return most;
}

static const char *
trouble(struct slice s)
{
	struct sizes z;
	size_t i = 0;

	if (s.n > BYTES_MAX)
		return "a regular expression of more than 1000 bytes";
	if (memchr(s.p, '\0', s.n))
		return "a regular expression with a byte 0";
	z.depth = 0;
	z.group[0].sum = z.group[0].last = 0;
	while (i < s.n) {
		char c = s.p[i++];

		if (c == '\\' && i < s.n) {
			if ((unsigned)s.p[i++] - '0' < 10)
				return "extended regular expressions have no back-references";
			add_atom(&z, 1);
		} else if (c == '[') {
			i = bracket_end(s, i - 1);
			add_atom(&z, 1);
		} else if (c == '(') {
			z.depth++;
			z.group[z.depth].sum = z.group[z.depth].last = 0;
		} else if (c == ')' && z.depth > 0) {
			uint64_t size = z.group[z.depth].sum + z.group[z.depth].last;

			z.depth--;
			add_atom(&z, size + 1);
		} else if (c == '{') {
			repeat(&z, count_of(s, &i));
		} else if (c == '+') {
			repeat(&z, 2);
		} else if (c != '*' && c != '?') {
			add_atom(&z, 1);
		}
		if (z.group[z.depth].sum + z.group[z.depth].last > EXPANDED_MAX)
			return "a regular expression that repeats too much";
	}
	return NULL;
}

int
expr_regex(regex_t *regex, struct slice s, struct error *e)
{
	const char *what = trouble(s);
	char why[200];
	int bad;

	if (what)
		return error_set(e, "%s", what);
	bad = regcomp(regex, s.p, REG_EXTENDED | REG_NOSUB);
	if (bad == 0)
		return 0;
	regerror(bad, regex, why, sizeof why);
	return error_set(e, "the regular expression: %s", why);
}

bool
expr_text_matches(const regex_t *regex, struct slice s)
{
	regmatch_t range = { 0, (regoff_t)s.n };

	return regexec(regex, s.n ? s.p : "", 1, &range, REG_STARTEND) == 0;
}

bool
expr_matches(const regex_t *regex, const struct expr_value *a)
{
	if (a->is == EXPR_TEXT)
		return expr_text_matches(regex, a->s);
	if (a->is != EXPR_LIST || a->kind != TRACE_STRS)
		return false;
	for (uint32_t i = 0; i < a->list.n; i++)
		if (expr_text_matches(regex, a->list.s[i]))
			return true;
	return false;
}
