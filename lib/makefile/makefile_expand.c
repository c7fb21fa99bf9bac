#include "base/num.h"
#include "makefile/makefile_parts.h"

enum { DEPTH_MAX = 40, EXPANDED_MAX = 1 << 20, ARGS_MAX = 10 };

bool
makefile_matches(struct slice pattern, struct slice name)
{
	const char *at = memchr(pattern.p, '%', pattern.n);
	struct slice before, behind;

	if (slice_eq(pattern, name))
		return true;
	if (at == NULL)
		return false;
	before = (struct slice){ pattern.p, (size_t)(at - pattern.p) };
	behind = (struct slice){ at + 1, pattern.n - before.n - 1 };
	return name.n >= before.n + behind.n && slice_starts(name, before) &&
	       slice_ends(name, behind);
}

bool
makefile_is_among(const struct makefile_names *names, struct slice target)
{
	for (size_t i = 0; i < names->n; i++)
		if (makefile_matches(names->name[i], target))
			return true;
	return false;
}

/* The rule's own value, else that of the last pattern that matches, else that of all. */
uint64_t
makefile_hash(unsigned set, struct slice name)
{
	return hash_mix(hash_bytes(name.p, name.n), set);
}

static const struct makefile_variable *
find(const struct makefile_parts *p, unsigned set, struct slice name)
{
	for (struct hash_probe at = hash_first(&p->index, makefile_hash(set, name));
	     hash_found(&p->index, &at); hash_next(&p->index, &at)) {
		const struct makefile_variable *v = &p->variable[at.item];

		if (v->set == set && slice_eq(v->name, name))
			return v;
	}
	return NULL;
}

const struct makefile_variable *
makefile_lookup(const struct makefile *m, const struct makefile_rule *r, struct slice name)
{
	const struct makefile_parts *p = m->parts;
	const struct makefile_variable *v = NULL;

	if (r && r->variables > 0)
		v = find(p, r->variables, name);
	for (size_t i = p->patterns; r && v == NULL && i-- > 0;)
		if (makefile_matches(p->scope[p->pattern[i] - 1].target, r->target))
			v = find(p, p->pattern[i], name);
	return v ? v : find(p, 0, name);
}

struct call {
	struct slice arg[ARGS_MAX];
	unsigned args;
};

struct expansion {
	const struct makefile *m;
	const struct makefile_rule *r;
	struct buf *to;
	unsigned depth;
};

static void expand(struct expansion *x, struct slice s, const struct call *call);

/* What $( begins, up to its end, which is left out; the rest stays in *s. */
static struct slice
inside(struct slice *s)
{
	char open = s->p[0], close = (char)(open == '(' ? ')' : '}');
	struct slice in = { s->p + 1, s->n - 1 };
	size_t deep = 1, i = 0;

	for (; i < in.n; i++) {
		deep += in.p[i] == open;
		deep -= in.p[i] == close;
		if (deep == 0)
			break;
	}
	*s =
	    i < in.n ? (struct slice){ in.p + i + 1, in.n - i - 1 } : (struct slice){ in.p + i, 0 };
	in.n = i;
	return in;
}

/* Cuts at the first comma that is in no parentheses. */
static struct slice
argument(struct slice *s)
{
	struct slice arg = *s;
	size_t deep = 0;

	for (size_t i = 0; i < s->n; i++) {
		char c = s->p[i];

		deep += c == '(' || c == '{';
		deep -= deep > 0 && (c == ')' || c == '}');
		if (c == ',' && deep == 0) {
			arg.n = i;
			*s = (struct slice){ s->p + i + 1, s->n - i - 1 };
			return arg;
		}
	}
	*s = (struct slice){ s->p + s->n, 0 };
	return arg;
}

static void
value_of(struct expansion *x, struct slice name, const struct call *call)
{
	const struct makefile_variable *v = makefile_lookup(x->m, x->r, name);

	if (v)
		expand(x, v->value, call);
}

static void
call_of(struct expansion *x, struct slice list, const struct call *outer)
{
	struct call call = { .args = 0 };
	struct slice name = slice_trim(argument(&list));
	struct buf b[ARGS_MAX] = { 0 };

	while (list.n > 0 && call.args + 1 < ARGS_MAX) {
		struct expansion arg = *x;

		arg.to = &b[++call.args];
		expand(&arg, argument(&list), outer);
		call.arg[call.args] = buf_view(arg.to);
	}
	if (memchr(name.p, '$', name.n))
		buf_char(x->to, MAKEFILE_UNKNOWN);
	else
		value_of(x, name, &call);
	for (unsigned i = 1; i <= call.args; i++)
		buf_free(&b[i]);
}

/* Where the condition is known, what it chooses; else the first that says something. */
static void
if_of(struct expansion *x, struct slice list, const struct call *call)
{
	struct slice condition = argument(&list), then = argument(&list);
	struct buf b = BUF_INIT;
	struct expansion known = *x;
	bool no;

	known.to = &b;
	expand(&known, slice_trim(condition), call);
	no = slice_trim(buf_view(&b)).n == 0;
	if (b.n > 0 && memchr(b.p, MAKEFILE_UNKNOWN, b.n))
		no = slice_trim(then).n == 0;
	buf_free(&b);
	expand(x, no ? list : then, call);
}

static void
reference(struct expansion *x, struct slice in, const struct call *call)
{
	static const char automatic[] = "<^+?*%|";
	struct slice rest = in, word = slice_cut(&rest, ' ');
	uint64_t n;

	if (slice_eq(in, SLICE("@"))) {
		buf_char(x->to, MAKEFILE_TARGET);
	} else if (num_u64(in, &n) == 0 && call) {
		if (n < ARGS_MAX && n <= call->args && n > 0)
			buf_slice(x->to, call->arg[n]);
	} else if (in.n > 0 && (strchr(automatic, in.p[0]) || (in.p[0] == '@' && in.n == 2))) {
		buf_char(x->to, MAKEFILE_UNKNOWN);
	} else if (slice_eq(word, SLICE("call")) && rest.n > 0) {
		call_of(x, rest, call);
	} else if (slice_eq(word, SLICE("if")) && rest.n > 0) {
		if_of(x, rest, call);
	} else if (slice_eq(word, SLICE("strip")) && rest.n > 0) {
		expand(x, rest, call);
	} else if (memchr(in.p, ' ', in.n) || memchr(in.p, '$', in.n) || memchr(in.p, ':', in.n) ||
		   memchr(in.p, '\t', in.n)) {
		buf_char(x->to, MAKEFILE_UNKNOWN);
	} else {
		value_of(x, in, call);
	}
}

/* Within $(), a backslash, the newline and the blanks around them are one blank. */
static struct slice
join(struct slice s, struct buf *to)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\' || i + 1 == s.n || s.p[i + 1] != '\n') {
			buf_char(to, s.p[i]);
			continue;
		}
		while (to->n > 0 && (to->p[to->n - 1] == ' ' || to->p[to->n - 1] == '\t'))
			to->n--;
		for (i += 2; i < s.n && (s.p[i] == ' ' || s.p[i] == '\t');)
			i++;
		i--;
		buf_char(to, ' ');
	}
	return buf_view(to);
}

static void
expand(struct expansion *x, struct slice s, const struct call *call)
{
	if (x->depth >= DEPTH_MAX || x->to->n > EXPANDED_MAX) {
		buf_char(x->to, MAKEFILE_UNKNOWN);
		return;
	}
	x->depth++;
	while (s.n > 0) {
		const char *at = memchr(s.p, '$', s.n);
		size_t n = at ? (size_t)(at - s.p) : s.n;

		buf_put(x->to, s.p, n);
		s = (struct slice){ s.p + n, s.n - n };
		if (s.n < 2)
			break;
		s = (struct slice){ s.p + 1, s.n - 1 };
		if (s.p[0] == '$') {
			buf_char(x->to, '$');
			s = (struct slice){ s.p + 1, s.n - 1 };
		} else if (s.p[0] == '(' || s.p[0] == '{') {
			struct slice in = inside(&s);
			struct buf joined = BUF_INIT;

			if (memmem(in.p, in.n, "\\\n", 2))
				in = join(in, &joined);
			reference(x, in, call);
			buf_free(&joined);
		} else {
			reference(x, (struct slice){ s.p, 1 }, call);
			s = (struct slice){ s.p + 1, s.n - 1 };
		}
	}
	x->depth--;
}

void
makefile_expand(
    const struct makefile *m, const struct makefile_rule *r, struct slice text, struct buf *to)
{
	struct expansion x = { m, r, to, 0 };

	expand(&x, text, NULL);
}
