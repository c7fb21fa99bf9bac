/* plan_table.c - part of plan.h: from a table of levels to cells */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "experiment/plan_parts.h"
#include "form/table.h"

/* What a level can set; variables follow. */
enum { COMMAND, DRY, FREQ, CPU_NODE, MEM_NODE, TIMEOUT, SETTINGS };

static const char *const setting_name[] = { "command", "dry", "freq", "cpu_node", "mem_node",
	"timeout" };

struct level {
	struct slice name;
	uint64_t line;
	struct slice *set;         /* [SETTINGS + variables]; n 0: not */
	uint64_t number[SETTINGS]; /* of those but COMMAND */
	struct slice except;       /* as it stands in the table */
	struct pair {
		unsigned factor;
		uint32_t level;
	} * excluded;
	size_t excludeds, excluded_cap;
};

struct factor {
	struct slice name;
	uint64_t line;
	struct level *level;
	uint32_t levels;
	size_t cap;
	struct hash_set names;
};

struct levels {
	struct plan *plan;
	struct table *table;
	struct error *error;
	/* Of each column: its setting, or one of these. */
	int *column;
	struct factor factor[PLAN_FACTORS_MAX];
	unsigned factors;
	uint64_t repetitions, seed, timeout; /* 0: not in the table */
	unsigned sequence;                   /* the factor, or PLAN_FACTORS_MAX */
	uint32_t chosen[PLAN_FACTORS_MAX];
	struct buf command;
};

enum { COLUMN_FACTOR = -1, COLUMN_LEVEL = -2, COLUMN_EXCEPT = -3 };

/* ---- names that are meant ---- */

/* How many letters must be changed, put in, left out or swapped with their neighbours. */
static unsigned
distance(struct slice a, struct slice b)
{
	enum { MOST = 64 };
	unsigned row[3][MOST + 1];

	if (a.n > MOST || b.n > MOST)
		return MOST;
	for (unsigned j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *twice = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned d = before[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			if (before[j] + 1 < d)
				d = before[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && twice[j - 2] + 1 < d)
				d = twice[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[a.n % 3][b.n];
}

struct nearest {
	struct slice wanted, name;
	unsigned distance;
};

static void
nearer(struct nearest *n, struct slice name)
{
	unsigned d = distance(n->wanted, name);

	if (n->name.p == NULL || d < n->distance) {
		n->name = name;
		n->distance = d;
	}
}

/* "; NAME is meant?", or nothing where no name is near. */
static const char *
meant(const struct nearest *n, char text[128])
{
	text[0] = '\0';
	if (n->name.p && n->distance <= 1 + n->wanted.n / 3)
		snprintf(text, 128, ": is %.*s meant?", SLICE_ARG(n->name));
	return text;
}

static int wrong_at(const struct levels *l, uint64_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
wrong_at(const struct levels *l, uint64_t line, const char *format, ...)
{
	char text[440];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(l->error, "%" PRIu64 ": %s", line, text);
}

/* ---- the header ---- */

static int
unknown_column(const struct levels *l, struct slice name)
{
	static const char *const known[] = { "factor", "level", "except" };
	struct nearest n = { .wanted = name };
	char text[128];

	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		nearer(&n, slice_of(known[i]));
	for (unsigned i = 0; i < SETTINGS; i++)
		nearer(&n, slice_of(setting_name[i]));
	if (name.n == 0)
		return wrong_at(l, l->table->line, "a column has no name");
	return wrong_at(l, l->table->line,
	    "unknown column %.*s%s (columns are factor, level, command, dry, freq, cpu_node, "
	    "mem_node, "
	    "timeout, except, and variables in capitals)",
	    SLICE_ARG(name), meant(&n, text));
}

static int
column_meaning(struct levels *l, struct slice name)
{
	if (slice_eq(name, SLICE("factor")))
		return COLUMN_FACTOR;
	if (slice_eq(name, SLICE("level")))
		return COLUMN_LEVEL;
	if (slice_eq(name, SLICE("except")))
		return COLUMN_EXCEPT;
	for (int i = 0; i < SETTINGS; i++)
		if (slice_eq(name, slice_of(setting_name[i])))
			return i;
	if (!plan_is_variable_name(name))
		return INT32_MIN;
	plan_add_variable(l->plan, name);
	return SETTINGS + (int)l->plan->variables - 1;
}

static int
read_header(struct levels *l)
{
	struct table *t = l->table;
	bool factor = false, level = false;
	int got = table_header(t);

	if (got < 0)
		return error_set(l->error, "%s", t->error.text);
	if (got == 0)
		return error_set(l->error, "no table: its first line is factor,level,...");
	l->column = xcalloc(t->columns + 1, sizeof *l->column);
	for (unsigned i = 0; i < t->columns; i++) {
		struct slice name = slice_trim(t->name[i]);

		for (unsigned k = 0; k < i; k++)
			if (slice_eq(slice_trim(t->name[k]), name))
				return wrong_at(
				    l, t->line, "column %.*s stands twice", SLICE_ARG(name));
		l->column[i] = column_meaning(l, name);
		if (l->column[i] == INT32_MIN)
			return unknown_column(l, name);
		factor |= l->column[i] == COLUMN_FACTOR;
		level |= l->column[i] == COLUMN_LEVEL;
	}
	if (!factor || !level)
		return wrong_at(l, t->line,
		    "no column %s: a table of levels begins with factor,level,...",
		    factor ? "level" : "factor");
	return 0;
}

/* ---- rows ---- */

/* A number that stands for itself: repetitions, seed, timeout. */
static int
read_constant(struct levels *l, struct slice name, struct slice value, uint64_t *to)
{
	bool duration = to == &l->timeout;

	if (*to != 0)
		return wrong_at(l, l->table->line, "%.*s is set twice", SLICE_ARG(name));
	if ((duration ? num_duration(value, to) : num_u64(value, to)) < 0 || *to == 0)
		return wrong_at(l, l->table->line, "%.*s: %.*s is no %s", SLICE_ARG(name),
		    SLICE_ARG(value),
		    duration ? "duration above 0, such as 10s" : "number from 1 on");
	for (unsigned i = 0; i < l->table->columns && i < l->table->cells; i++)
		if (l->column[i] != COLUMN_FACTOR && l->column[i] != COLUMN_LEVEL &&
		    slice_trim(l->table->cell[i]).n > 0)
			return wrong_at(l, l->table->line,
			    "%.*s is no factor: it takes a number and nothing else",
			    SLICE_ARG(name));
	return 0;
}

static int
read_setting(struct levels *l, struct level *to, unsigned i, struct slice s)
{
	uint64_t *n = &to->number[i];
	uint64_t line = l->table->line;
	bool good = true;

	switch (i) {
	case DRY:
		*n = slice_eq(s, SLICE("yes"));
		if (*n == 0 && !slice_eq(s, SLICE("no")))
			return wrong_at(l, line, "dry: %.*s is neither yes nor no", SLICE_ARG(s));
		return 0;
	case FREQ:
		good = num_u64(s, n) == 0 && *n > 0 && *n <= 1000000000;
		break;
	case CPU_NODE:
	case MEM_NODE:
		good = num_u64(s, n) == 0 && *n < 4096;
		break;
	case TIMEOUT:
		if (num_duration(s, n) < 0 || *n == 0)
			return wrong_at(l, line,
			    "timeout: %.*s is no duration above 0, such as 10s", SLICE_ARG(s));
		return 0;
	}
	if (!good)
		return wrong_at(l, line, "%s: %.*s is no number%s", setting_name[i], SLICE_ARG(s),
		    i == FREQ ? " of samples a second" : " of a node");
	return 0;
}

static struct factor *
factor_named(struct levels *l, struct slice name)
{
	for (unsigned i = 0; i < l->factors; i++)
		if (slice_eq(l->factor[i].name, name))
			return &l->factor[i];
	return NULL;
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct factor *f = context;

	return hash_bytes(f->level[item].name.p, f->level[item].name.n);
}

static struct level *
level_named(struct factor *f, struct slice name)
{
	for (struct hash_probe at = hash_first(&f->names, hash_bytes(name.p, name.n));
	     hash_found(&f->names, &at); hash_next(&f->names, &at))
		if (slice_eq(f->level[at.item].name, name))
			return &f->level[at.item];
	return NULL;
}

static struct factor *
add_factor(struct levels *l, struct slice name)
{
	if (plan_is_reserved(name)) {
		wrong_at(l, l->table->line,
		    "a factor cannot be called %.*s: the name has a meaning already",
		    SLICE_ARG(name));
		return NULL;
	}
	if (!plan_is_factor_name(name)) {
		wrong_at(l, l->table->line,
		    "a factor cannot be called %.*s: names are of the letters a to z, digits and _ "
		    "(the "
		    "command has the level in a variable of this name)",
		    SLICE_ARG(name));
		return NULL;
	}
	if (l->factors == PLAN_FACTORS_MAX) {
		wrong_at(l, l->table->line, "more than %d factors", PLAN_FACTORS_MAX);
		return NULL;
	}
	plan_add_factor(l->plan, name);
	l->factor[l->factors] =
	    (struct factor){ .name = l->plan->factor[l->factors], .line = l->table->line };
	return &l->factor[l->factors++];
}

static int
read_level(struct levels *l, struct factor *f, struct slice name)
{
	struct table *t = l->table;
	struct arena *a = &l->plan->parts->arena;
	struct level *to = level_named(f, name);

	if (to)
		return wrong_at(l, t->line, "level %.*s of %.*s stands in line %" PRIu64 ", too",
		    SLICE_ARG(name), SLICE_ARG(f->name), to->line);
	GROW(f->level, f->cap, f->levels);
	to = &f->level[f->levels];
	*to = (struct level){ .name = arena_copy(a, name), .line = t->line };
	hash_add(&f->names, hash_bytes(name.p, name.n), f->levels, rehash, f);
	f->levels++;
	to->set = xcalloc(SETTINGS + l->plan->variables, sizeof *to->set);
	for (unsigned i = 0; i < t->columns && i < t->cells; i++) {
		struct slice s = slice_trim(t->cell[i]);

		if (memchr(s.p, '\0', s.n))
			return wrong_at(l, t->line, "a cell holds a NUL byte");
		if (s.n == 0 || l->column[i] == COLUMN_FACTOR || l->column[i] == COLUMN_LEVEL)
			continue;
		s = arena_copy(a, s);
		if (l->column[i] == COLUMN_EXCEPT) {
			to->except = s;
			continue;
		}
		to->set[l->column[i]] = s;
		if (l->column[i] < SETTINGS && read_setting(l, to, (unsigned)l->column[i], s) < 0)
			return -1;
	}
	return 0;
}

static int
read_row(struct levels *l)
{
	struct table *t = l->table;
	struct slice name = { 0 }, level = { 0 };
	struct factor *f;

	for (unsigned i = 0; i < t->columns && i < t->cells; i++)
		if (l->column[i] == COLUMN_FACTOR)
			name = slice_trim(t->cell[i]);
		else if (l->column[i] == COLUMN_LEVEL)
			level = slice_trim(t->cell[i]);
	if (name.n > 0 && name.p[0] == '#')
		return 0;
	if (name.n == 0)
		return wrong_at(
		    l, t->line, "a row without a factor: its name stands in each row of it");
	if (memchr(name.p, '\0', name.n))
		return wrong_at(l, t->line, "a cell holds a NUL byte");
	if (slice_eq(name, SLICE("repetitions")))
		return read_constant(l, name, level, &l->repetitions);
	if (slice_eq(name, SLICE("seed")))
		return read_constant(l, name, level, &l->seed);
	if (slice_eq(name, SLICE("timeout")))
		return read_constant(l, name, level, &l->timeout);
	f = factor_named(l, name);
	if (f == NULL && (f = add_factor(l, name)) == NULL)
		return -1;
	if (level.n == 0)
		return wrong_at(l, t->line,
		    "factor %.*s has no level here: the cell of column level is empty",
		    SLICE_ARG(name));
	return read_level(l, f, level);
}

static int
read_rows(struct levels *l)
{
	struct table *t = l->table;
	int got;

	while ((got = table_next(t)) != 0) {
		/* Cells that set nothing may be left out at the end of a row. */
		bool fits = got > 0 || (t->cells > 0 && t->cells <= t->columns);

		for (unsigned i = t->columns; !fits && !table_failed(t) && i < t->cells; i++) {
			if (slice_trim(t->cell[i]).n > 0)
				break;
			fits = i + 1 == t->cells;
		}
		if (table_failed(t) || !fits)
			return error_set(l->error, "%s (a cell with a comma needs quotes: \"a,b\")",
			    t->error.text);
		if (read_row(l) < 0)
			return -1;
	}
	if (l->factors == 0)
		return error_set(l->error, "no factors: a row is factor,level,...");
	return 0;
}

/* ---- except ---- */

static int
unknown_in_except(struct levels *l, const struct level *of, struct factor *f, struct slice name)
{
	struct nearest n = { .wanted = name };
	char text[128];

	if (f)
		for (uint32_t i = 0; i < f->levels; i++)
			nearer(&n, f->level[i].name);
	else
		for (unsigned i = 0; i < l->factors; i++)
			nearer(&n, l->factor[i].name);
	if (f)
		return wrong_at(l, of->line, "except: %.*s has no level %.*s%s", SLICE_ARG(f->name),
		    SLICE_ARG(name), meant(&n, text));
	return wrong_at(
	    l, of->line, "except: unknown factor %.*s%s", SLICE_ARG(name), meant(&n, text));
}

static void
exclude(struct level *level, unsigned factor, uint32_t other)
{
	GROW(level->excluded, level->excluded_cap, level->excludeds);
	level->excluded[level->excludeds++] = (struct pair){ factor, other };
}

/* The next word FACTOR=LEVEL, where LEVEL with blanks has quotes. */
static int
except_word(struct slice *rest, struct slice *factor, struct slice *level)
{
	size_t i = 0;

	*rest = slice_trim(*rest);
	while (i < rest->n && rest->p[i] != '=' && rest->p[i] != ' ')
		i++;
	*factor = (struct slice){ rest->p, i };
	if (i == 0 || i == rest->n || rest->p[i] != '=')
		return -1;
	*rest = (struct slice){ rest->p + i + 1, rest->n - i - 1 };
	if (rest->n > 0 && rest->p[0] == '"') {
		*rest = (struct slice){ rest->p + 1, rest->n - 1 };
		if (memchr(rest->p, '"', rest->n) == NULL)
			return -1;
		*level = slice_cut(rest, '"');
	} else {
		for (i = 0; i < rest->n && rest->p[i] != ' ' && rest->p[i] != '\t';)
			i++;
		*level = (struct slice){ rest->p, i };
		*rest = (struct slice){ rest->p + i, rest->n - i };
	}
	*rest = slice_trim(*rest);
	return level->n > 0 ? 0 : -1;
}

static int
read_except(struct levels *l, unsigned own, uint32_t number)
{
	struct level *of = &l->factor[own].level[number];
	struct slice rest = of->except, factor, level;

	while (rest.n > 0) {
		struct factor *f;
		struct level *with;

		if (except_word(&rest, &factor, &level) < 0)
			return wrong_at(l, of->line,
			    "except: %.*s is no list of words factor=level", SLICE_ARG(of->except));
		f = factor_named(l, factor);
		if (f == NULL)
			return unknown_in_except(l, of, NULL, factor);
		if (f == &l->factor[own])
			return wrong_at(l, of->line, "except: a cell has one level of %.*s anyhow",
			    SLICE_ARG(factor));
		with = level_named(f, level);
		if (with == NULL)
			return unknown_in_except(l, of, f, level);
		exclude(of, (unsigned)(f - l->factor), (uint32_t)(with - f->level));
		exclude(with, own, number);
	}
	return 0;
}

/* ---- cells ---- */

static bool
goes_with(const struct levels *l, unsigned factor, uint32_t number)
{
	const struct level *level = &l->factor[factor].level[number];

	for (size_t i = 0; i < level->excludeds; i++)
		if (level->excluded[i].factor < factor &&
		    l->chosen[level->excluded[i].factor] == level->excluded[i].level)
			return false;
	return true;
}

static const struct level *
chosen(const struct levels *l, unsigned factor)
{
	return &l->factor[factor].level[l->chosen[factor]];
}

static int
set_twice(const struct levels *l, unsigned setting, unsigned a, unsigned b)
{
	struct slice name = setting < SETTINGS ? slice_of(setting_name[setting])
					       : l->plan->variable[setting - SETTINGS];

	return wrong_at(l, chosen(l, b)->line,
	    "%.*s is set by %.*s=%.*s (line %" PRIu64
	    ") and by %.*s=%.*s, and they go together: set it by one factor, or say `except`",
	    SLICE_ARG(name), SLICE_ARG(l->factor[a].name), SLICE_ARG(chosen(l, a)->name),
	    chosen(l, a)->line, SLICE_ARG(l->factor[b].name), SLICE_ARG(chosen(l, b)->name));
}

/* The cell of the levels that are chosen. */
static int
add_cell(struct levels *l)
{
	struct plan *p = l->plan;
	struct arena *a = &p->parts->arena;
	struct slice *level = arena_alloc(a, p->factors * sizeof *level + 1);
	struct slice *value = arena_alloc(a, p->variables * sizeof *value + 1);
	struct plan_run c = { .cpu_node = -1, .mem_node = -1, .level = level, .value = value };

	if (p->cells == PLAN_CELLS_MAX)
		return error_set(
		    l->error, "more than %d cells: fewer levels, or `except`", PLAN_CELLS_MAX);
	l->command.n = 0;
	for (unsigned f = 0; f < p->factors; f++) {
		struct slice s = chosen(l, f)->set[COMMAND];

		level[f] = chosen(l, f)->name;
		if (s.n > 0 && l->command.n > 0)
			buf_char(&l->command, ' ');
		buf_slice(&l->command, s);
	}
	c.timeout_ns = l->timeout;
	for (unsigned i = COMMAND + 1; i < SETTINGS + p->variables; i++) {
		const struct level *by = NULL;
		unsigned of = 0;

		for (unsigned f = 0; f < p->factors; f++) {
			if (chosen(l, f)->set[i].n == 0)
				continue;
			if (by)
				return set_twice(l, i, of, f);
			by = chosen(l, f);
			of = f;
		}
		if (i >= SETTINGS)
			value[i - SETTINGS] = by ? by->set[i] : (struct slice){ 0 };
		if (by == NULL)
			continue;
		switch (i) {
		case DRY:
			c.dry = by->number[i];
			break;
		case FREQ:
			c.freq = by->number[i];
			break;
		case CPU_NODE:
			c.cpu_node = (int64_t)by->number[i];
			break;
		case MEM_NODE:
			c.mem_node = (int64_t)by->number[i];
			break;
		case TIMEOUT:
			c.timeout_ns = by->number[i];
			break;
		}
	}
	c.command = arena_copy(a, buf_view(&l->command));
	c.name = plan_stem(p, level);
	plan_add_cell(p, &c, l->sequence < p->factors ? l->chosen[l->sequence] : 0);
	return 0;
}

static int
choose(struct levels *l, unsigned factor)
{
	if (factor == l->factors)
		return add_cell(l);
	for (uint32_t i = 0; i < l->factor[factor].levels; i++) {
		if (!goes_with(l, factor, i))
			continue;
		l->chosen[factor] = i;
		if (choose(l, factor + 1) < 0)
			return -1;
	}
	return 0;
}

static int
find_sequence(struct levels *l, struct slice name)
{
	struct nearest n = { .wanted = name };
	char text[128];

	l->sequence = PLAN_FACTORS_MAX;
	if (name.n == 0)
		return 0;
	for (unsigned i = 0; i < l->factors; i++) {
		nearer(&n, l->factor[i].name);
		if (slice_eq(l->factor[i].name, name)) {
			l->sequence = i;
			l->plan->sequence = l->factor[i].name;
			return 0;
		}
	}
	return error_set(
	    l->error, "the sequence: unknown factor %.*s%s", SLICE_ARG(name), meant(&n, text));
}

static int
make(struct levels *l, const struct plan_options *options)
{
	struct plan *p = l->plan;
	uint64_t repetitions;

	if (read_header(l) < 0 || read_rows(l) < 0)
		return -1;
	for (unsigned f = 0; f < l->factors; f++)
		for (uint32_t i = 0; i < l->factor[f].levels; i++)
			if (read_except(l, f, i) < 0)
				return -1;
	if (find_sequence(l, options->sequence) < 0 || choose(l, 0) < 0)
		return -1;
	if (p->cells == 0)
		return error_set(
		    l->error, "no cells are left: `except` takes all combinations away");
	p->seed = options->seed ? options->seed : l->seed ? l->seed : 1;
	repetitions = options->repetitions ? options->repetitions
		      : l->repetitions     ? l->repetitions
					   : 1;
	if (plan_sort_cells(p, l->error) < 0)
		return -1;
	if (repetitions > PLAN_RUNS_MAX)
		return error_set(l->error, "more than %d repetitions", PLAN_RUNS_MAX);
	if (plan_add_blocks(p, 1, repetitions, NULL, l->error) < 0)
		return -1;
	return plan_index(p, l->error);
}

struct plan *
plan_make(int fd, const struct plan_options *options, struct error *e)
{
	struct levels *l = xcalloc(1, sizeof *l);
	struct plan *p = plan_new();

	l->plan = p;
	l->error = e;
	l->table = table_new(fd, NULL, 0);
	if (make(l, options) < 0) {
		plan_free(p);
		p = NULL;
	}
	for (unsigned f = 0; f < l->factors; f++) {
		for (uint32_t i = 0; i < l->factor[f].levels; i++) {
			free(l->factor[f].level[i].set);
			free(l->factor[f].level[i].excluded);
		}
		free(l->factor[f].level);
		hash_free(&l->factor[f].names);
	}
	free(l->column);
	buf_free(&l->command);
	table_free(l->table);
	free(l);
	return p;
}
