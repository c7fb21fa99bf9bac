#include "experiment/run_environment.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"

struct list {
	char **entry;
	size_t n, cap;
};

/* A run is no part of the make that began it: its jobs are not make's. */
static const char *const dropped[] = { "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES",
	"MAKE_TERMOUT", "MAKE_TERMERR", "MAKEFILES" };

static bool
is_named(const char *entry, struct slice name)
{
	return strncmp(entry, name.p, name.n) == 0 && entry[name.n] == '=';
}

static void
add(struct list *l, char *entry)
{
	GROW(l->entry, l->cap, l->n + 1);
	l->entry[l->n++] = entry;
	l->entry[l->n] = NULL;
}

/* What is not set for this run must not be what somebody else has set. */
static void
drop(struct list *l, struct slice name)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (is_named(l->entry[i], name))
			free(l->entry[i]);
		else
			l->entry[kept++] = l->entry[i];
	l->n = kept;
	l->entry[kept] = NULL;
}

static void
set(struct list *l, struct slice name, struct slice value)
{
	struct buf b = BUF_INIT;

	drop(l, name);
	buf_slice(&b, name);
	buf_char(&b, '=');
	buf_slice(&b, value);
	buf_char(&b, '\0');
	add(l, b.p);
}

static void
set_number(struct list *l, struct slice name, bool is_set, int64_t value)
{
	struct buf b = BUF_INIT;

	if (is_set) {
		buf_i64(&b, value);
		set(l, name, buf_view(&b));
	} else {
		drop(l, name);
	}
	buf_free(&b);
}

static void
set_cell(struct list *l, const struct plan *p, const struct plan_run *cell)
{
	for (unsigned i = 0; i < p->factors; i++)
		set(l, p->factor[i], cell->level[i]);
	for (unsigned i = 0; i < p->variables; i++)
		if (cell->value[i].p)
			set(l, p->variable[i], cell->value[i]);
	set_number(l, SLICE("rep"), true, (int64_t)cell->rep);
	set_number(l, SLICE("dry"), true, cell->dry);
	set_number(l, SLICE("freq"), cell->freq > 0, (int64_t)cell->freq);
	set_number(l, SLICE("cpu_node"), cell->cpu_node >= 0, cell->cpu_node);
	set_number(l, SLICE("mem_node"), cell->mem_node >= 0, cell->mem_node);
	set(l, SLICE("command"), cell->command);
}

char **
run_environment(const struct run_about *about, const char *top)
{
	struct list l = { 0 };

	GROW(l.entry, l.cap, 1);
	l.entry[0] = NULL;
	for (char **e = environ; *e; e++)
		add(&l, xstrndup(*e, strlen(*e)));
	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
		drop(&l, slice_of(dropped[i]));
	if (about->cell)
		set_cell(&l, about->plan, about->cell);
	set(&l, SLICE("top"), slice_of(top));
	set(&l, SLICE("run"), about->name);
	set(&l, SLICE("run_id"), slice_of(about->id));
	set(&l, SLICE("experiment"), about->experiment);
	return l.entry;
}

size_t
run_environment_bytes(char *const *environment)
{
	size_t n = 0;

	for (; *environment; environment++)
		n += strlen(*environment) + 1;
	return n;
}

void
run_environment_free(char **environment)
{
	for (char **e = environment; e && *e; e++)
		free(*e);
	free(environment);
}
