#include "base/slice.h"

struct slice
slice_of(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq((struct slice){ s.p, prefix.n }, prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n &&
	       slice_eq((struct slice){ s.p + (s.n - suffix.n), suffix.n }, suffix);
}

struct slice
slice_cut(struct slice *s, char delim)
{
	const char *end = s->n ? memchr(s->p, delim, s->n) : NULL;
	struct slice head = *s;

	if (end == NULL) {
		*s = (struct slice){ s->p + s->n, 0 };
		return head;
	}
	head.n = (size_t)(end - s->p);
	*s = (struct slice){ end + 1, s->n - head.n - 1 };
	return head;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice
slice_basename(struct slice s)
{
	const char *slash = s.n ? memrchr(s.p, '/', s.n) : NULL;

	if (slash == NULL)
		return s;
	return (struct slice){ slash + 1, s.n - (size_t)(slash + 1 - s.p) };
}
