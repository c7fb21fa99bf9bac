#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "makefile/lint.h"
#include "makefile/recipe.h"

enum { EXCERPT = 60 };

struct lint_parts {
	struct arena arena;
	struct makefile *m;
	const struct makefile_rule *rule; /* the present one */
	uint64_t line;                    /* of its text */
	struct slice text;
	bool shell_says; /* the shell has been told -e */
	bool lines_said;
	size_t cap;
	uint64_t oneshell; /* the line of the first recipe that needs -e */
	struct slice oneshell_file, oneshell_target;
};

static void add(struct lint *l, struct slice file, uint64_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void
add(struct lint *l, struct slice file, uint64_t line, const char *format, ...)
{
	struct lint_parts *p = l->parts;
	struct buf b = BUF_INIT;
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	/* A target as only make knows it is $@ to who wrote it. */
	for (const char *c = text; *c; c++)
		if (*c == MAKEFILE_TARGET)
			buf_slice(&b, SLICE("$@"));
		else if (*c == MAKEFILE_UNKNOWN)
			buf_slice(&b, SLICE("$(...)"));
		else
			buf_char(&b, *c == '\n' || *c == '\t' ? ' ' : *c);
	GROW(l->finding, p->cap, l->n);
	l->finding[l->n++] =
	    (struct lint_finding){ file, line, arena_copy(&p->arena, buf_view(&b)) };
	buf_free(&b);
}

/* A part of a recipe on one line, cut where it is long. */
static struct slice
excerpt(struct lint *l, struct slice where)
{
	struct buf b = BUF_INIT;
	struct slice s;

	for (size_t i = 0; i < where.n && b.n < EXCERPT; i++) {
		char c = where.p[i];

		if (c == '\\' && i + 1 < where.n && where.p[i + 1] == '\n')
			continue;
		if (c == '\n' || c == '\t')
			c = ' ';
		if (c != ' ' || b.n == 0 || b.p[b.n - 1] != ' ')
			buf_char(&b, c);
	}
	if (b.n >= EXCERPT) {
		/* Not in the middle of a letter. */
		while (b.n > 0 && (b.p[b.n - 1] & 0xc0) == 0x80)
			b.n--;
		b.n -= b.n > 0 && (b.p[b.n - 1] & 0x80);
		buf_printf(&b, "...");
	}
	s = arena_copy(&l->parts->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* The last word that is no option: /usr/bin/env bash is bash. */
static struct slice
shell_name(const struct makefile_rule *r)
{
	struct slice rest = r->shell, name = SLICE("sh");

	while ((rest = slice_trim(rest)).n > 0) {
		struct slice word = slice_cut(&rest, ' ');

		if (word.p[0] != '-')
			name = slice_basename(word);
	}
	return name;
}

static bool
has_pipefail(struct slice shell)
{
	return slice_eq(shell, SLICE("bash")) || slice_eq(shell, SLICE("zsh")) ||
	       slice_eq(shell, SLICE("ksh")) || slice_eq(shell, SLICE("mksh"));
}

static bool
is_shell(struct slice shell)
{
	return has_pipefail(shell) || slice_eq(shell, SLICE("sh")) ||
	       slice_eq(shell, SLICE("dash")) || slice_eq(shell, SLICE("ash")) ||
	       slice_eq(shell, SLICE("busybox"));
}

/* Of .SHELLFLAGS: -e, -ec, -eu ...; -o pipefail, -eo pipefail ... */
static void
shell_flags(struct slice flags, bool *errexit, bool *pipefail)
{
	bool o = false;

	*errexit = *pipefail = false;
	while ((flags = slice_trim(flags)).n > 0) {
		struct slice word = slice_cut(&flags, ' ');

		if (word.p[0] != '-') {
			*pipefail |= o && slice_eq(word, SLICE("pipefail"));
			*errexit |= o && slice_eq(word, SLICE("errexit"));
			o = false;
			continue;
		}
		*errexit |= !slice_starts(word, SLICE("--")) && memchr(word.p, 'e', word.n);
		o = memchr(word.p, 'o', word.n);
	}
}

static void
found(void *context, enum recipe_flaw flaw, struct slice where)
{
	struct lint *l = context;
	struct lint_parts *p = l->parts;
	const struct makefile_rule *r = p->rule;
	struct slice what = excerpt(l, where), target = r->target;
	uint64_t line = p->line;

	for (const char *c = p->text.p; c < where.p; c++)
		line += *c == '\n';
	switch (flaw) {
	case RECIPE_PIPE:
		add(l, r->file, line,
		    "%.*s: of the pipe '%.*s' only the last command is seen to fail: %s.SHELLFLAGS "
		    ":= "
		    "-o pipefail -e -c",
		    SLICE_ARG(target), SLICE_ARG(what),
		    has_pipefail(shell_name(r)) ? "" : "SHELL := bash and ");
		break;
	case RECIPE_UNSEEN:
		add(l, r->file, line,
		    "%.*s: '%.*s' may fail, and what follows runs all the same: && behind it, or "
		    "set -e "
		    "before it",
		    SLICE_ARG(target), SLICE_ARG(what));
		break;
	case RECIPE_LINES:
		if (p->m->oneshell && p->oneshell == 0) {
			p->oneshell = line;
			p->oneshell_file = r->file;
			p->oneshell_target = target;
		}
		break;
	case RECIPE_LOOP:
		add(l, r->file, line,
		    "%.*s: '%.*s' may fail in any round of the loop but the last, unseen: || exit "
		    "1 "
		    "behind it, or set -e before the loop",
		    SLICE_ARG(target), SLICE_ARG(what));
		break;
	case RECIPE_SWALLOWED:
		add(l, r->file, line,
		    "%.*s: '%.*s' makes a file, and its failure is swallowed: let it fail, or say "
		    "which status is none, as in || [ $$? -eq 1 ]",
		    SLICE_ARG(target), SLICE_ARG(what));
		break;
	case RECIPE_WRITES:
		if (r->precious)
			add(l, r->file, line,
			    "%.*s: '%.*s' leaves a part of the file when it fails, which .PRECIOUS "
			    "keeps: > $@.tmp && mv $@.tmp $@",
			    SLICE_ARG(target), SLICE_ARG(what));
		else if (!p->m->delete_on_error)
			add(l, r->file, line,
			    "%.*s: '%.*s' leaves a part of the file when it fails, which the next "
			    "make "
			    "takes for whole: .DELETE_ON_ERROR:, or > $@.tmp && mv $@.tmp $@",
			    SLICE_ARG(target), SLICE_ARG(what));
		break;
	case RECIPE_FLAWS:
		break;
	}
}

/* Cuts *rest at a newline that no backslash continues. */
static struct slice
logical_line(struct slice *rest)
{
	struct slice line = *rest;

	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n) {
			i++;
		} else if (rest->p[i] == '\n') {
			line.n = i;
			*rest = (struct slice){ rest->p + i + 1, rest->n - i - 1 };
			return line;
		}
	}
	*rest = (struct slice){ rest->p + rest->n, 0 };
	return line;
}

/* @, - and + before a line, in any order. */
static struct slice
without_prefixes(struct slice s, bool *ignored)
{
	while (s.n > 0 && strchr(" \t@-+", s.p[0]) && s.p[0]) {
		*ignored |= s.p[0] == '-';
		s = (struct slice){ s.p + 1, s.n - 1 };
	}
	return s;
}

static void
nothing(void *context, enum recipe_flaw flaw, struct slice where)
{
	(void)context;
	(void)flaw;
	(void)where;
}

static void
check_text(struct lint *l, struct slice text, bool ignored)
{
	struct lint_parts *p = l->parts;
	const struct makefile_rule *r = p->rule;
	struct recipe recipe = { .text = text,
		.target = r->phony ? (struct slice){ NULL, 0 } : r->target,
		.found = ignored ? nothing : found,
		.context = l };

	p->text = text;
	shell_flags(r->flags, &recipe.errexit, &recipe.pipefail);
	if (recipe_read(&recipe) && ignored && !r->phony)
		add(l, r->file, p->line,
		    "%.*s: '%.*s' makes a file, and - lets its failure pass: let it fail, or say "
		    "which status is none, as in || [ $$? -eq 1 ]",
		    SLICE_ARG(r->target), SLICE_ARG(excerpt(l, text)));
}

static bool
is_excused(struct slice text)
{
	return text.n > 0 && memmem(text.p, text.n, "leat-lint: ok", 13) != NULL;
}

/* Each line is a shell's of its own. */
static void
check_lines(struct lint *l)
{
	const struct makefile_rule *r = l->parts->rule;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < r->lines; i++) {
		struct slice rest;

		if (is_excused(r->recipe[i].text))
			continue;
		b.n = 0;
		makefile_expand(l->parts->m, r, r->recipe[i].text, &b);
		rest = buf_view(&b);
		l->parts->line = r->recipe[i].line;
		/* The value of a variable may be several lines. */
		while (rest.n > 0) {
			bool ignored = r->ignored;
			struct slice line = without_prefixes(logical_line(&rest), &ignored);

			check_text(l, line, ignored);
		}
	}
	buf_free(&b);
}

/* .ONESHELL: they are one text, whose prefixes are those of the first line. */
static void
check_whole(struct lint *l)
{
	const struct makefile_rule *r = l->parts->rule;
	struct buf b = BUF_INIT;
	bool ignored = r->ignored, other = false;

	for (size_t i = 0; i < r->lines; i++) {
		struct buf line = BUF_INIT;
		struct slice s;

		if (!is_excused(r->recipe[i].text)) {
			makefile_expand(l->parts->m, r, r->recipe[i].text, &line);
			s = without_prefixes(buf_view(&line), i == 0 ? &ignored : &other);
			buf_slice(&b, s);
		} else {
			/* Its lines still count. */
			for (size_t k = 0; k < r->recipe[i].text.n; k++)
				if (r->recipe[i].text.p[k] == '\n')
					buf_char(&b, '\n');
		}
		buf_char(&b, '\n');
		buf_free(&line);
	}
	l->parts->line = r->recipe[0].line;
	check_text(l, buf_view(&b), ignored);
	buf_free(&b);
}

/* What is true of all recipes. */
static void
check_all(struct lint *l, const char *name)
{
	struct lint_parts *p = l->parts;
	struct slice file = slice_of(name);
	bool makes = false;
	uint64_t line;

	for (size_t i = 0; i < p->m->rules && !makes; i++)
		makes = !p->m->rule[i].phony;
	if (makes && !p->m->delete_on_error)
		add(l, file, 1,
		    "no .DELETE_ON_ERROR: what a recipe that failed has left of its target, the "
		    "next "
		    "make takes for whole: add a line .DELETE_ON_ERROR:");
	if (p->m->ignore) {
		line = makefile_find(p->m, SLICE(".IGNORE"), &file);
		add(l, file, line ? line : 1,
		    ".IGNORE: no failure of any recipe is seen: without it");
	}
	file = slice_of(name);
	if (p->m->ignore_flag) {
		line = makefile_find(p->m, SLICE("MAKEFLAGS"), &file);
		add(l, file, line ? line : 1,
		    "MAKEFLAGS has -i: no failure of any recipe is seen: without it");
	}
	if (p->oneshell) {
		struct slice first = p->oneshell_file;

		line = makefile_find(p->m, SLICE(".ONESHELL"), &first);
		add(l, line ? first : p->oneshell_file, line ? line : p->oneshell,
		    ".ONESHELL without -e: only the last line of a recipe is seen to fail "
		    "(%.*s:%" PRIu64 ": %.*s): .SHELLFLAGS := -e -c",
		    SLICE_ARG(p->oneshell_file), p->oneshell, SLICE_ARG(p->oneshell_target));
	}
}

static int
by_place(const void *x, const void *y)
{
	const struct lint_finding *a = x, *b = y;
	int order = slice_cmp(a->file, b->file);

	if (order == 0 && a->line != b->line)
		order = a->line < b->line ? -1 : 1;
	return order ? order : slice_cmp(a->text, b->text);
}

struct lint *
lint_makefile(struct makefile *m, const char *name)
{
	struct lint *l = xcalloc(1, sizeof *l);
	struct lint_parts *p = l->parts = xcalloc(1, sizeof *p);
	const struct makefile_rule *before = NULL;
	size_t n = 0;

	p->m = m;
	for (size_t i = 0; i < m->rules; i++) {
		p->rule = &m->rule[i];
		/* One recipe of many targets is said once. */
		if (before && slice_eq(before->file, p->rule->file) &&
		    before->recipe[0].line == p->rule->recipe[0].line &&
		    before->phony == p->rule->phony && before->precious == p->rule->precious)
			continue;
		before = p->rule;
		if (!is_shell(shell_name(p->rule)))
			continue;
		if (m->oneshell)
			check_whole(l);
		else
			check_lines(l);
	}
	check_all(l, name);
	if (l->n > 0)
		qsort(l->finding, l->n, sizeof *l->finding, by_place);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || by_place(&l->finding[n - 1], &l->finding[i]) != 0)
			l->finding[n++] = l->finding[i];
	l->n = n;
	return l;
}

void
lint_put(const struct lint *l, struct buf *to)
{
	for (size_t i = 0; i < l->n; i++)
		buf_printf(to, "%.*s:%" PRIu64 ": %.*s\n", SLICE_ARG(l->finding[i].file),
		    l->finding[i].line, SLICE_ARG(l->finding[i].text));
}

void
lint_free(struct lint *l)
{
	free(l->finding);
	arena_free(&l->parts->arena);
	free(l->parts);
	free(l);
}
