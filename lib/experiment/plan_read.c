/* plan_read.c - part of plan.h: a written plan, read */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "experiment/plan_parts.h"
#include "form/table.h"

enum { NAME, REP, POSITION, COMMAND, DRY, FREQ, CPU_NODE, MEM_NODE, TIMEOUT, SETTINGS, COLUMNS };

static const char *const column_name[] = { "name", "rep", "position", "command", "dry", "freq",
	"cpu_node", "mem_node", "timeout_ns", "settings" };

struct reading {
	struct plan *plan;
	struct table *table;
	struct error *error;
	unsigned column[COLUMNS];
	unsigned *level, *value; /* columns of factors and variables */
	struct hash_set stems;
	uint64_t *line; /* on which each cell was first */
	size_t line_cap;
	unsigned sequence; /* the factor, or PLAN_FACTORS_MAX */
};

static int
find_column(struct reading *r, struct slice name, unsigned *to)
{
	for (unsigned i = 0; i < r->table->columns; i++)
		if (slice_eq(r->table->name[i], name)) {
			*to = i;
			return 0;
		}
	return error_set(r->error,
	    "%" PRIu64 ": no column %.*s: this is no plan (leat plan makes one of a table)",
	    r->table->line, SLICE_ARG(name));
}

static int
word_number(struct reading *r, struct slice key, uint64_t *to)
{
	struct slice s = table_word(r->table, key);

	if (s.p == NULL || num_u64(s, to) < 0)
		return error_set(r->error,
		    "no number %.*s= in the first line: this is no plan (leat plan makes one)",
		    SLICE_ARG(key));
	return 0;
}

static int
read_factors(struct reading *r)
{
	struct slice rest = table_word(r->table, SLICE("factors"));
	struct slice sequence = table_word(r->table, SLICE("sequence"));

	r->sequence = PLAN_FACTORS_MAX;
	while (rest.n > 0) {
		struct slice name = slice_cut(&rest, ',');
		unsigned i = r->plan->factors;

		if (i == PLAN_FACTORS_MAX || !plan_is_factor_name(name) || plan_is_reserved(name))
			return error_set(
			    r->error, "factors=: %.*s can be no factor", SLICE_ARG(name));
		if (find_column(r, name, &r->level[i]) < 0)
			return -1;
		plan_add_factor(r->plan, name);
		if (slice_eq(name, sequence)) {
			r->sequence = i;
			r->plan->sequence = r->plan->factor[i];
		}
	}
	if (r->plan->factors == 0)
		return error_set(r->error,
		    "no factors= in the first line: this is no plan (leat plan makes one)");
	if (sequence.n > 0 && r->sequence == PLAN_FACTORS_MAX)
		return error_set(
		    r->error, "sequence=%.*s: none of the factors", SLICE_ARG(sequence));
	return 0;
}

static int
read_header(struct reading *r)
{
	struct table *t = r->table;
	int got = table_header(t);

	if (got < 0)
		return error_set(r->error, "%s", t->error.text);
	if (got == 0)
		return error_set(r->error, "the plan is empty");
	if (word_number(r, SLICE("seed"), &r->plan->seed) < 0 ||
	    word_number(r, SLICE("repetitions"), &r->plan->repetitions) < 0)
		return -1;
	r->level = xcalloc(PLAN_FACTORS_MAX, sizeof *r->level);
	r->value = xcalloc(t->columns + 1, sizeof *r->value);
	for (unsigned i = 0; i < COLUMNS; i++)
		if (find_column(r, slice_of(column_name[i]), &r->column[i]) < 0)
			return -1;
	if (read_factors(r) < 0)
		return -1;
	for (unsigned i = 0; i < t->columns; i++)
		if (plan_is_variable_name(t->name[i])) {
			r->value[r->plan->variables] = i;
			plan_add_variable(r->plan, t->name[i]);
		}
	return 0;
}

/* ---- rows ---- */

static struct slice
cell(const struct reading *r, unsigned column)
{
	return r->table->cell[r->column[column]];
}

/* An empty cell leaves *to as it is. */
static int
optional(struct reading *r, unsigned column, uint64_t *to)
{
	struct slice s = cell(r, column);

	if (s.n > 0 && (num_u64(s, to) < 0 || *to > INT64_MAX))
		return error_set(r->error, "%" PRIu64 ": %s: %.*s is no number", r->table->line,
		    column_name[column], SLICE_ARG(s));
	return 0;
}

/* Names become paths: they hold nothing that a plan of ours would not. */
static bool
is_name(struct slice s)
{
	if (s.n == 0 || s.n > PLAN_NAME_MAX || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '-' && c != '+' && c != '.')
			return false;
	}
	return true;
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct plan *p = context;

	return hash_bytes(p->cell[item].name.p, p->cell[item].name.n);
}

static uint32_t
segment(struct reading *r, const struct slice *level)
{
	struct plan *p = r->plan;

	if (r->sequence == PLAN_FACTORS_MAX)
		return 0;
	/* The levels follow one another: that of the cell before is the likeliest. */
	for (uint64_t i = p->cells; i-- > 0;)
		if (slice_eq(p->cell[i].level[r->sequence], level[r->sequence]))
			return p->parts->segment[i];
	return p->parts->segments;
}

/* The number of the cell with this stem; it is made of the present row where there is none. */
static int
find_cell(struct reading *r, struct slice stem, struct plan_run *run)
{
	struct plan *p = r->plan;
	struct arena *a = &p->parts->arena;
	struct table *t = r->table;
	uint64_t hash = hash_bytes(stem.p, stem.n);
	struct plan_run c = { .cpu_node = -1, .mem_node = -1 };
	struct slice *level, *value;
	uint64_t n = 0;

	for (struct hash_probe at = hash_first(&r->stems, hash); hash_found(&r->stems, &at);
	     hash_next(&r->stems, &at))
		if (slice_eq(p->cell[at.item].name, stem)) {
			*run = p->cell[at.item];
			if (!slice_eq(run->settings, cell(r, SETTINGS)))
				return error_set(r->error,
				    "%" PRIu64 ": the settings are not those of line %" PRIu64
				    ", which is of the same cell",
				    t->line, r->line[at.item]);
			return 0;
		}
	level = arena_alloc(a, p->factors * sizeof *level + 1);
	value = arena_alloc(a, p->variables * sizeof *value + 1);
	c.level = level;
	c.value = value;
	c.name = arena_copy(a, stem);
	for (unsigned i = 0; i < p->factors; i++)
		level[i] = arena_copy(a, t->cell[r->level[i]]);
	for (unsigned i = 0; i < p->variables; i++)
		value[i] = t->cell[r->value[i]].n > 0 ? arena_copy(a, t->cell[r->value[i]])
						      : (struct slice){ 0 };
	c.command = arena_copy(a, cell(r, COMMAND));
	c.settings = arena_copy(a, cell(r, SETTINGS));
	if (c.settings.n == 0)
		return error_set(r->error, "%" PRIu64 ": no settings", t->line);
	if (optional(r, DRY, &n) < 0)
		return -1;
	c.dry = n != 0;
	n = UINT64_MAX;
	if (optional(r, CPU_NODE, &n) < 0)
		return -1;
	c.cpu_node = (int64_t)n;
	n = UINT64_MAX;
	if (optional(r, MEM_NODE, &n) < 0)
		return -1;
	c.mem_node = (int64_t)n;
	if (optional(r, FREQ, &c.freq) < 0 || optional(r, TIMEOUT, &c.timeout_ns) < 0)
		return -1;
	if (p->cells == PLAN_CELLS_MAX)
		return error_set(r->error, "more than %d cells", PLAN_CELLS_MAX);
	GROW(r->line, r->line_cap, p->cells);
	r->line[p->cells] = t->line;
	plan_add_cell(p, &c, segment(r, level));
	hash_add(&r->stems, hash, (uint32_t)p->cells - 1, rehash, p);
	*run = p->cell[p->cells - 1];
	return 0;
}

static int
read_run(struct reading *r)
{
	struct plan_parts *parts = r->plan->parts;
	struct table *t = r->table;
	struct slice name = cell(r, NAME), rep = cell(r, REP), stem;
	struct plan_run run;
	uint64_t number = 0, position = 0;

	if (!is_name(name))
		return error_set(r->error, "%" PRIu64 ": %.*s can be no name of a run", t->line,
		    SLICE_ARG(name));
	if (num_u64(rep, &number) < 0 || number == 0)
		return error_set(r->error, "%" PRIu64 ": rep: %.*s is no number from 1 on", t->line,
		    SLICE_ARG(rep));
	stem = (struct slice){ name.p, name.n - (rep.n < name.n ? rep.n + 1 : name.n) };
	if (stem.n == 0 || name.p[stem.n] != '.' || !slice_ends(name, rep))
		return error_set(r->error,
		    "%" PRIu64 ": the name %.*s does not end with .%.*s, its repetition", t->line,
		    SLICE_ARG(name), SLICE_ARG(rep));
	for (unsigned i = 0; i < t->columns; i++)
		if (memchr(t->cell[i].p, '\0', t->cell[i].n))
			return error_set(r->error, "%" PRIu64 ": a cell holds a NUL byte", t->line);
	if (optional(r, POSITION, &position) < 0 || find_cell(r, stem, &run) < 0)
		return -1;
	if (r->plan->runs == PLAN_RUNS_MAX)
		return error_set(r->error, "more than %d runs", PLAN_RUNS_MAX);
	run.name = arena_copy(&parts->arena, name);
	run.rep = number;
	run.position = position;
	GROW(parts->run, parts->run_cap, r->plan->runs);
	parts->run[r->plan->runs++] = run;
	r->plan->run = parts->run;
	return 0;
}

static int
read_all(struct reading *r)
{
	int got;

	if (read_header(r) < 0)
		return -1;
	while ((got = table_next(r->table)) > 0)
		if (read_run(r) < 0)
			return -1;
	if (got < 0)
		return error_set(r->error, "%s", r->table->error.text);
	if (r->plan->runs == 0)
		return error_set(r->error, "the plan has no runs");
	if (plan_sort_cells(r->plan, r->error) < 0)
		return -1;
	return plan_index(r->plan, r->error);
}

struct plan *
plan_read(int fd, struct error *e)
{
	struct reading r = { .plan = plan_new(), .table = table_new(fd, NULL, 0), .error = e };

	if (read_all(&r) < 0) {
		plan_free(r.plan);
		r.plan = NULL;
	}
	free(r.level);
	free(r.value);
	free(r.line);
	hash_free(&r.stems);
	table_free(r.table);
	return r.plan;
}
