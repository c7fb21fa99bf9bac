#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "makefile/makefile_parts.h"

static struct slice
value(struct makefile *m, const struct makefile_rule *r, struct slice name)
{
	const struct makefile_variable *v = makefile_lookup(m, r, name);
	struct buf b = BUF_INIT;
	struct slice s;

	if (v)
		makefile_expand(m, r, v->value, &b);
	s = arena_copy(&m->parts->arena, slice_trim(buf_view(&b)));
	buf_free(&b);
	return s;
}

static int
by_place(const void *x, const void *y)
{
	const struct makefile_rule *a = x, *b = y;
	int order = slice_cmp(a->file, b->file);

	if (order == 0 && a->recipe[0].line != b->recipe[0].line)
		order = a->recipe[0].line < b->recipe[0].line ? -1 : 1;
	return order ? order : slice_cmp(a->target, b->target);
}

/* MAKEFLAGS += -i, or --ignore-errors: `pq -i`. */
static void
ignore_by_flag(struct makefile *m)
{
	struct slice rest = value(m, NULL, SLICE("MAKEFLAGS"));
	bool first = true;

	while ((rest = slice_trim(rest)).n > 0) {
		struct slice word = slice_cut(&rest, ' ');

		if (slice_eq(word, SLICE("--")))
			break;
		if (slice_eq(word, SLICE("--ignore-errors")) ||
		    ((first || word.p[0] == '-') && !slice_starts(word, SLICE("--")) &&
			!memchr(word.p, '=', word.n) && memchr(word.p, 'i', word.n)))
			m->ignore_flag = true;
		first = false;
	}
}

static bool
is_made(const struct makefile *m, struct slice name)
{
	for (size_t i = 0; i < m->rules; i++)
		if (makefile_matches(m->rule[i].target, name))
			return true;
	return false;
}

/* Of what make has looked for in vain, that which an `include` without - names. */
static void
find_missing(struct makefile *m)
{
	struct makefile_parts *p = m->parts;
	const struct makefile_variable *list = makefile_lookup(m, NULL, SLICE("MAKEFILE_LIST"));
	struct makefile_names files = { 0 }, named = { 0 };
	size_t cap = 0;

	makefile_words(&files, list ? list->value : (struct slice){ NULL, 0 });
	for (size_t i = 0; i < files.n && p->absent.n > 0; i++) {
		const struct makefile_source *s = makefile_source(m, files.name[i]);
		struct slice rest = s->text, shown = s->shown;

		for (uint64_t n = 1; rest.n > 0; n++) {
			struct slice line = slice_trim(slice_cut(&rest, '\n'));
			struct buf b = BUF_INIT;

			if (!cut_start(&line, "include "))
				continue;
			makefile_expand(m, NULL, line, &b);
			named.n = 0;
			makefile_words(&named, buf_view(&b));
			for (size_t k = 0; k < named.n; k++)
				if (makefile_is_among(&p->absent, named.name[k])) {
					GROW(m->missing, cap, m->missings);
					m->missing[m->missings++] =
					    (struct makefile_missing){ shown, n,
						    arena_copy(&p->arena, named.name[k]),
						    is_made(m, named.name[k]) };
				}
			buf_free(&b);
		}
	}
	free(files.name);
	free(named.name);
}

/* Variables of explicit targets stand before their rule, whichever of several with two colons has them. */
static void
settle(struct makefile *m)
{
	struct makefile_parts *p = m->parts;

	for (size_t i = 0; i < m->rules; i++) {
		struct makefile_rule *r = &m->rule[i];

		r->phony = makefile_is_among(&p->phony, r->target);
		r->precious = makefile_is_among(&p->precious, r->target);
		r->ignored = m->ignore || makefile_is_among(&p->ignored, r->target);
		r->shell = value(m, r, SLICE("SHELL"));
		r->flags = value(m, r, SLICE(".SHELLFLAGS"));
	}
	if (m->rules > 0)
		qsort(m->rule, m->rules, sizeof *m->rule, by_place);
	ignore_by_flag(m);
	find_missing(m);
}

/* The database may say less than it should where make is older. */
static int
check_version(struct slice database, struct error *e)
{
	uint64_t major, minor;
	const char *at = memmem(database.p, database.n, "# GNU Make ", 11);
	struct slice s, number;

	if (at == NULL)
		return error_set(e, "make is not GNU make, whose makefiles these are");
	s = (struct slice){ at + 11, (size_t)(database.p + database.n - at) - 11 };
	s = slice_cut(&s, '\n');
	number = slice_cut(&s, '.');
	if (num_u64(number, &major) < 0)
		return error_set(e, "the version of make is not known: %.*s", SLICE_ARG(number));
	number = slice_cut(&s, '.');
	if (num_u64(number, &minor) < 0)
		minor = 0;
	if (major < 4 || (major == 4 && minor < 3))
		return error_set(e, "make 4.3 or newer is needed, and this is %llu.%llu",
		    (unsigned long long)major, (unsigned long long)minor);
	return 0;
}

/* make's own words: `FILE:12: *** missing separator.  Stop.` */
static int
refused(struct makefile *m, struct slice messages, struct error *e)
{
	struct slice line = { NULL, 0 }, name;
	struct buf b = BUF_INIT;

	while (messages.n > 0) {
		struct slice next = next_line(&messages);

		if (line.n == 0 || memmem(next.p, next.n, "***", 3))
			line = next;
	}
	if (slice_ends(line, SLICE("  Stop.")))
		line.n -= 7;
	if (line.n == 0)
		return error_set(e, "make could not read it, and did not say why");
	/* The place: as messages call the file. */
	name = line;
	name = slice_cut(&name, ':');
	if (name.n < line.n && name.n > 0 && !slice_starts(name, SLICE("make")) &&
	    memchr(name.p, ' ', name.n) == NULL) {
		buf_slice(&b, makefile_source(m, name)->shown);
		line = (struct slice){ line.p + name.n, line.n - name.n };
	}
	while (line.n > 0) {
		const char *at = memmem(line.p, line.n, "*** ", 4);
		size_t n = at ? (size_t)(at - line.p) : line.n;

		buf_put(&b, line.p, n);
		n += at ? 4 : 0;
		line = (struct slice){ line.p + n, line.n - n };
	}
	error_set(e, "%s", buf_str(&b));
	buf_free(&b);
	return -1;
}

static int
read_all(struct makefile *m, const char *path, const char *dir, char *const *assignments,
    struct error *e)
{
	struct buf out = BUF_INIT, messages = BUF_INIT;
	struct slice database;
	const char *at;
	int got = -1;

	if (makefile_ask(path, dir, assignments, &out, &messages, e) < 0)
		goto done;
	/* What the makefile itself prints, by $(info), stands before. */
	at = out.n ? memmem(out.p, out.n, "\n# Make data base", 17) : NULL;
	if (!makefile_was_read(buf_view(&messages))) {
		refused(m, buf_view(&messages), e);
		goto done;
	}
	if (at == NULL) {
		error_set(e, "make printed no rules");
		goto done;
	}
	if (check_version(buf_view(&out), e) < 0)
		goto done;
	database = arena_copy(
	    &m->parts->arena, (struct slice){ at + 1, (size_t)(out.p + out.n - at) - 1 });
	makefile_database(m, database);
	settle(m);
	got = 0;
done:
	buf_free(&out);
	buf_free(&messages);
	return got;
}

struct makefile *
makefile_read(const char *path, int fd, const char *name, const char *dir, char *const *assignments,
    struct error *e)
{
	struct makefile *m = xcalloc(1, sizeof *m);
	struct buf copy = BUF_INIT;
	char own[32];
	int memory = -1, got = 0;

	m->parts = xcalloc(1, sizeof *m->parts);
	m->parts->dir = dir;
	if (path == NULL) {
		if (makefile_read_to_end(fd, &copy) < 0 ||
		    (memory = makefile_memory(copy.p, copy.n)) < 0)
			got = error_set(e, "%s", strerror(errno));
		snprintf(own, sizeof own, "/proc/self/fd/%d", memory);
		path = own;
	}
	path = arena_copy(&m->parts->arena, slice_of(path)).p;
	makefile_add_source(m, slice_of(path), slice_of(name), memory >= 0 ? &copy : NULL);
	buf_free(&copy);
	if (got == 0)
		got = read_all(m, path, dir, assignments, e);
	if (memory >= 0)
		close(memory);
	if (got == 0)
		return m;
	makefile_free(m);
	return NULL;
}

uint64_t
makefile_find(struct makefile *m, struct slice word, struct slice *file)
{
	const struct makefile_variable *list = makefile_lookup(m, NULL, SLICE("MAKEFILE_LIST"));
	struct makefile_names names = { 0 };
	uint64_t found = 0;

	makefile_words(&names, list ? list->value : (struct slice){ NULL, 0 });
	for (size_t i = 0; i < names.n && found == 0; i++) {
		const struct makefile_source *s = makefile_source(m, names.name[i]);
		struct slice rest = s->text;

		for (uint64_t n = 1; rest.n > 0; n++)
			if (slice_starts(slice_trim(slice_cut(&rest, '\n')), word)) {
				*file = s->shown;
				found = n;
				break;
			}
	}
	free(names.name);
	return found;
}

void
makefile_free(struct makefile *m)
{
	struct makefile_parts *p = m->parts;

	for (size_t i = 0; i < m->rules; i++)
		free(m->rule[i].recipe);
	free(m->rule);
	free(p->variable);
	free(p->scope);
	for (size_t i = 0; i < p->sources; i++)
		free(p->source[i].line);
	free(p->source);
	free(p->pattern);
	hash_free(&p->index);
	free(p->phony.name);
	free(p->precious.name);
	free(p->ignored.name);
	free(p->absent.name);
	free(m->missing);
	arena_free(&p->arena);
	free(p);
	free(m);
}
