#include "flow/frame_name.h"

static bool
ends_word(struct slice s, size_t end, struct slice word)
{
	return slice_ends((struct slice){ s.p, end }, word);
}

/* The bytes after the pair that opens at s.p[open]; s.n where it does not close. */
static size_t
skip_pair(struct slice s, size_t open)
{
	size_t depth = 0;

	for (size_t i = open; i < s.n; i++) {
		depth += s.p[i] == '(';
		if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.n;
}

/* Receivers in names of Go: net/http.(*Client).Do */
static bool
is_go(struct slice s)
{
	const char *p = memmem(s.p, s.n, ".(", 2);

	return p != NULL && memmem(p + 2, (size_t)(s.p + s.n - p - 2), ").", 2) != NULL;
}

/* Where the parameters begin; s.n where there are none. */
static size_t
find_parameters(struct slice s)
{
	struct slice anonymous = SLICE("(anonymous namespace)"), word = SLICE("operator");
	size_t depth = 0, i = 0;

	while (i < s.n) {
		struct slice rest = { s.p + i, s.n - i };

		switch (s.p[i]) {
		case '<':
		case '>':
			if (ends_word(s, i, word)) {
				while (i < s.n && s.p[i] != '(')
					i++;
				continue;
			}
			if (s.p[i] == '<')
				depth++;
			else if (i == 0 || s.p[i - 1] != '-')
				depth -= depth > 0;
			break;
		case '[':
		case '{':
			depth++;
			break;
		case ']':
		case '}':
			depth -= depth > 0;
			break;
		case '(':
			if (slice_starts(rest, anonymous)) {
				i += anonymous.n;
				continue;
			}
			if (ends_word(s, i, word) && slice_starts(rest, SLICE("()"))) {
				i += 2;
				continue;
			}
			if (depth == 0) {
				size_t after = skip_pair(s, i);
				struct slice scope = { s.p + after, s.n - after };

				if (i > 0 && !slice_starts(scope, SLICE("::")) &&
				    !ends_word(s, i, SLICE("decltype")) &&
				    !ends_word(s, i, SLICE("decltype ")))
					return i;
				i = after;
				continue;
			}
			break;
		}
		i++;
	}
	return s.n;
}

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || c == '/';
}

/* Lorg/mozilla/Foo;.call and Ljava/io/PrintStream::print */
static bool
is_jvm_class(struct slice s)
{
	bool package = false;
	size_t i;

	if (s.n < 2 || s.p[0] != 'L')
		return false;
	for (i = 1; i < s.n && is_name_byte(s.p[i]); i++)
		package |= s.p[i] == '/';
	return package && i < s.n && (s.p[i] == ';' || s.p[i] == ':');
}

static void
escape(struct buf *to, size_t from, char blank)
{
	size_t n = to->n, at = from, digit, dots = 0;

	for (size_t i = from; i < n; i++) {
		unsigned char c = (unsigned char)to->p[i];

		if (c == ';')
			to->p[i] = ':';
		else if (c <= ' ' || c == 0x7f)
			to->p[i] = ' ';
	}
	while (n > from && to->p[n - 1] == ' ')
		n--;
	while (at < n && to->p[at] == ' ')
		at++;
	memmove(to->p + from, to->p + at, n - at);
	to->n = n - (at - from);
	for (size_t i = from; i < to->n; i++)
		if (to->p[i] == ' ')
			to->p[i] = blank;
	if (to->n == from) {
		buf_slice(to, SLICE("[unknown]"));
		return;
	}
	for (digit = to->n; digit > from; digit--) {
		char c = to->p[digit - 1];

		dots += c == '.';
		if ((c < '0' || c > '9') && c != '.')
			break;
	}
	if (digit > from && digit < to->n && to->p[digit - 1] == ' ' && to->p[digit] != '.' &&
	    dots <= 1)
		to->p[digit - 1] = '_';
}

void
frame_name(struct buf *to, struct slice name, bool tidy)
{
	size_t from = to->n;

	if (!tidy) {
		buf_slice(to, name);
		escape(to, from, ' ');
		return;
	}
	if (is_jvm_class(name)) {
		name.p++;
		name.n--;
	}
	if (!is_go(name))
		name.n = find_parameters(name);
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] != '"' && name.p[i] != '\'')
			buf_char(to, name.p[i]);
	escape(to, from, ' ');
}

void
frame_name_base(struct buf *to, struct slice value)
{
	size_t from = to->n;

	buf_slice(to, value);
	escape(to, from, '_');
}
