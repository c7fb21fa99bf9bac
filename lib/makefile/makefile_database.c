#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "makefile/makefile_parts.h"

enum { NEAR = 1000 /* lines of comments and conditionals between two of a recipe */ };

static bool
is_continued(struct slice line)
{
	size_t n = 0;

	while (n < line.n && line.p[line.n - 1 - n] == '\\')
		n++;
	return n & 1;
}

static uint64_t
hash_variable(const void *context, uint32_t item)
{
	const struct makefile_variable *v =
	    &((const struct makefile_parts *)context)->variable[item];

	return makefile_hash(v->set, v->name);
}

/* The last of one name counts. */
static void
add_variable(struct makefile *m, unsigned set, struct slice name, struct slice value)
{
	struct makefile_parts *p = m->parts;
	uint64_t h = makefile_hash(set, name);

	for (struct hash_probe at = hash_first(&p->index, h); hash_found(&p->index, &at);
	     hash_next(&p->index, &at)) {
		struct makefile_variable *v = &p->variable[at.item];

		if (v->set == set && slice_eq(v->name, name)) {
			v->value = value;
			return;
		}
	}
	GROW(p->variable, p->variable_cap, p->variables);
	p->variable[p->variables] = (struct makefile_variable){ set, name, value };
	hash_add(&p->index, h, (uint32_t)p->variables++, hash_variable, p);
}

/* NAME = value, NAME := value, NAME += value. */
static bool
assignment(struct slice line, struct slice *name, struct slice *value)
{
	const char *at = memmem(line.p, line.n, "= ", 2);
	size_t n;

	if (at == NULL && line.n > 0 && line.p[line.n - 1] == '=')
		at = line.p + line.n - 1;
	if (at == NULL)
		return false;
	n = (size_t)(at - line.p);
	*value = (struct slice){ at + 1, line.n - n - 1 };
	if (value->n > 0) /* one blank is the printer's */
		*value = (struct slice){ value->p + 1, value->n - 1 };
	while (n > 0 && (line.p[n - 1] == ':' || line.p[n - 1] == '+' || line.p[n - 1] == '?' ||
			    line.p[n - 1] == '!'))
		n--;
	*name = slice_trim((struct slice){ line.p, n });
	return name->n > 0 && memchr(name->p, ' ', name->n) == NULL;
}

static unsigned
new_scope(struct makefile *m, struct slice target, bool pattern)
{
	struct makefile_parts *p = m->parts;

	if (p->scopes > 0 && p->scope[p->scopes - 1].pattern == pattern &&
	    slice_eq(p->scope[p->scopes - 1].target, target))
		return (unsigned)p->scopes;
	GROW(p->scope, p->scope_cap, p->scopes);
	p->scope[p->scopes++] = (struct makefile_scope){ target, pattern };
	if (pattern) {
		GROW(p->pattern, p->pattern_cap, p->patterns);
		p->pattern[p->patterns++] = (unsigned)p->scopes;
	}
	return (unsigned)p->scopes;
}

/* The value of a `define`: the lines up to endef. */
static struct slice
defined(struct slice *rest)
{
	struct slice first = *rest;

	while (rest->n > 0) {
		struct slice line = next_line(rest);

		if (slice_eq(line, SLICE("endef")) || slice_eq(line, SLICE("# endef")))
			return (struct slice){ first.p,
				line.p > first.p ? (size_t)(line.p - first.p) - 1 : 0 };
	}
	return first;
}

static void
variable_line(struct makefile *m, unsigned set, struct slice line, struct slice *rest)
{
	struct slice name, value;

	if (cut_start(&line, "define "))
		add_variable(m, set, slice_trim(line), defined(rest));
	else if (assignment(line, &name, &value))
		add_variable(m, set, name, value);
}

/* `(from 'FILE', line N)` */
static bool
from(struct slice line, struct slice *file, uint64_t *n)
{
	const char *open = memmem(line.p, line.n, "(from '", 7), *close;
	struct slice number;

	if (open == NULL)
		return false;
	open += 7;
	close = memmem(open, (size_t)(line.p + line.n - open), "', line ", 8);
	if (close == NULL)
		return false;
	*file = (struct slice){ open, (size_t)(close - open) };
	number = (struct slice){ close + 8, (size_t)(line.p + line.n - close) - 8 };
	number = slice_cut(&number, ')');
	return num_u64(number, n) == 0;
}

static void
add_name(struct makefile_names *to, struct slice name)
{
	GROW(to->name, to->cap, to->n);
	to->name[to->n++] = name;
}

void
makefile_words(struct makefile_names *to, struct slice list)
{
	while ((list = slice_trim(list)).n > 0)
		add_name(to, slice_cut(&list, ' '));
}

static void
special(struct makefile *m, struct slice target, struct slice list)
{
	struct makefile_parts *p = m->parts;

	if (slice_eq(target, SLICE(".PHONY")))
		makefile_words(&p->phony, list);
	else if (slice_eq(target, SLICE(".PRECIOUS")))
		makefile_words(&p->precious, list);
	else if (slice_eq(target, SLICE(".IGNORE")))
		makefile_words(&p->ignored, list), m->ignore |= slice_trim(list).n == 0;
	else if (slice_eq(target, SLICE(".DELETE_ON_ERROR")))
		m->delete_on_error = true;
	else if (slice_eq(target, SLICE(".ONESHELL")))
		m->oneshell = true;
}

/* TARGET: LIST, with one colon or two. */
static bool
rule_line(struct slice line, struct slice *target, struct slice *list)
{
	for (size_t i = 1; i < line.n; i++)
		if (line.p[i] == ':' &&
		    (i + 1 == line.n || line.p[i + 1] == ' ' || line.p[i + 1] == ':')) {
			*target = (struct slice){ line.p, i };
			i += 1 + (i + 1 < line.n && line.p[i + 1] == ':');
			*list = (struct slice){ line.p + i, line.n - i };
			return true;
		}
	return false;
}

struct makefile_source *
makefile_add_source(
    struct makefile *m, struct slice name, struct slice shown, const struct buf *text)
{
	struct makefile_parts *p = m->parts;
	struct makefile_source new = { .name = name, .shown = arena_copy(&p->arena, shown) };
	struct buf b = BUF_INIT;
	size_t cap = 0;
	int fd;

	if (text == NULL && (fd = open(new.shown.p, O_RDONLY | O_CLOEXEC)) >= 0) {
		if (makefile_read_to_end(fd, &b) < 0)
			b.n = 0;
		close(fd);
		text = &b;
	}
	if (text)
		new.text = arena_copy(&p->arena, buf_view(text));
	buf_free(&b);
	for (size_t at = 0; at < new.text.n;) {
		const char *lf = memchr(new.text.p + at, '\n', new.text.n - at);

		GROW(new.line, cap, new.lines);
		new.line[new.lines++] = at;
		at = lf ? (size_t)(lf - new.text.p) + 1 : new.text.n;
	}
	GROW(p->source, p->source_cap, p->sources);
	p->source[p->sources] = new;
	return &p->source[p->sources++];
}

struct makefile_source *
makefile_source(struct makefile *m, struct slice name)
{
	struct makefile_parts *p = m->parts;
	struct buf b = BUF_INIT;
	struct makefile_source *s;

	for (size_t i = 0; i < p->sources; i++)
		if (slice_eq(p->source[i].name, name))
			return &p->source[i];
	if (p->dir && name.n > 0 && name.p[0] != '/' && strcmp(p->dir, ".") != 0)
		buf_printf(&b, "%s/", p->dir);
	buf_slice(&b, name);
	s = makefile_add_source(m, name, buf_view(&b), NULL);
	buf_free(&b);
	return s;
}

/* The line of the source, at or soon after number at, that ends with the first physical line of a recipe's; else at. */
static uint64_t
find_line(const struct makefile_source *s, uint64_t at, struct slice text)
{
	struct slice first = slice_trim(slice_cut(&text, '\n'));

	for (uint64_t n = at; n >= 1 && n <= s->lines && n < at + NEAR; n++) {
		size_t from = s->line[n - 1];
		struct slice rest = { s->text.p + from, s->text.n - from };

		if (slice_ends(slice_trim(slice_cut(&rest, '\n')), first))
			return n;
	}
	return at;
}

/* The recipe that follows: each line begins with the prefix of recipes. */
static void
recipe(
    struct makefile *m, struct makefile_rule *r, struct slice file, uint64_t at, struct slice *rest)
{
	const struct makefile_source *source = makefile_source(m, file);
	char prefix = rest->n > 0 ? rest->p[0] : '\t';
	size_t cap = 0;

	r->file = source->shown;
	while (rest->n > 0 && rest->p[0] == prefix) {
		struct slice line = next_line(rest), whole = line;

		while (is_continued(line) && rest->n > 0) {
			line = next_line(rest);
			whole.n = (size_t)(line.p + line.n - whole.p);
		}
		whole = (struct slice){ whole.p + 1, whole.n - 1 };
		at = find_line(source, at, whole);
		GROW(r->recipe, cap, r->lines);
		r->recipe[r->lines++] = (struct makefile_line){ whole, at };
		for (size_t i = 0; i < whole.n; i++)
			at += whole.p[i] == '\n';
		at++;
	}
}

static void
add_rule(struct makefile *m, const struct makefile_rule *r)
{
	GROW(m->rule, m->parts->rule_cap, m->rules);
	m->rule[m->rules++] = *r;
}

static void
read_rules(struct makefile *m, struct slice *rest, bool patterns)
{
	struct makefile_rule r = { 0 };
	struct slice line, list, file;
	bool target = true;
	unsigned set = 0;
	uint64_t at;

	while (rest->n > 0) {
		struct slice start = *rest;

		line = next_line(rest);
		if (line.n == 0) {
			r = (struct makefile_rule){ 0 };
			target = true;
			set = 0;
		} else if (slice_eq(line, SLICE("# Not a target:"))) {
			target = false;
		} else if (slice_eq(line, SLICE("# Files")) ||
			   slice_starts(line, SLICE("# files hash-table")) ||
			   slice_eq(line, SLICE("# VPATH Search Paths"))) {
			*rest = start;
			return;
		} else if (slice_eq(line, SLICE("#  File does not exist.")) && r.target.n > 0) {
			add_name(&m->parts->absent, r.target);
		} else if (slice_starts(line, SLICE("#  recipe to execute")) && r.target.n > 0) {
			if (from(line, &file, &at)) {
				r.variables = set;
				recipe(m, &r, file, at, rest);
				if (r.lines > 0)
					add_rule(m, &r);
				r.lines = 0;
				r.recipe = NULL;
			}
		} else if (line.p[0] != '#' && line.p[0] != '\t' &&
			   rule_line(line, &r.target, &list)) {
			struct slice name, value;

			/* Variables of a target stand before it, in the same form. */
			if (assignment(slice_trim(list), &name, &value)) {
				set = new_scope(m, r.target, false);
				variable_line(m, set, slice_trim(list), rest);
			} else if (cut_start(&list, " define ")) {
				set = new_scope(m, r.target, false);
				add_variable(m, set, slice_trim(list), defined(rest));
			} else if (target && !patterns) {
				special(m, r.target, list);
			}
		}
	}
}

void
makefile_database(struct makefile *m, struct slice rest)
{
	enum { BEFORE, VARIABLES, PATTERN_VARIABLES } in = BEFORE;
	unsigned set = 0;

	while (rest.n > 0) {
		struct slice line = next_line(&rest);

		if (slice_eq(line, SLICE("# Variables"))) {
			in = VARIABLES;
		} else if (slice_eq(line, SLICE("# Pattern-specific Variable Values"))) {
			in = PATTERN_VARIABLES;
		} else if (slice_eq(line, SLICE("# Directories"))) {
			in = BEFORE;
		} else if (slice_eq(line, SLICE("# Implicit Rules"))) {
			in = BEFORE;
			read_rules(m, &rest, true);
		} else if (slice_eq(line, SLICE("# Files"))) {
			read_rules(m, &rest, false);
		} else if (in == VARIABLES && line.n > 0 && line.p[0] != '#') {
			variable_line(m, 0, line, &rest);
		} else if (in == PATTERN_VARIABLES && line.n > 0) {
			if (line.p[0] != '#' && slice_ends(line, SLICE(" :")))
				set = new_scope(m, (struct slice){ line.p, line.n - 2 }, true);
			else if (set > 0 && cut_start(&line, "# ") &&
				 !slice_starts(line, SLICE("makefile")))
				variable_line(m, set, line, &rest);
		}
	}
}
