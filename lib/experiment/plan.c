#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/plan_parts.h"
#include "form/table.h"
#include "stat/random.h"

/* Columns of plans and of the tables of results, columns and words of the table of levels, and variables that a run has
 * anyhow: what a factor of that name would hide. */
static const char *const reserved[] = { "factor", "level", "command", "dry", "freq", "cpu_node",
	"mem_node", "timeout", "timeout_ns", "except", "repetitions", "seed", "experiment", "name",
	"rep", "position", "settings", "id", "run", "run_id", "dir", "top", "failed", "attempt",
	"attempts", "host", "state", "started_ns", "metric", "unit", "runs", "min", "median",
	"median_lo", "median_hi", "mean", "stddev", "max", "base", "overhead", "overhead_lo",
	"overhead_hi" };

bool
plan_is_reserved(struct slice s)
{
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (slice_eq(s, slice_of(reserved[i])))
			return true;
	return false;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
plan_is_factor_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    (i == 0 || (s.p[i] != '_' && !is_digit(s.p[i]))))
			return false;
	return s.n > 0 && s.n < 64;
}

bool
plan_is_variable_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
		    (i == 0 || (s.p[i] != '_' && !is_digit(s.p[i]))))
			return false;
	return s.n > 0;
}

struct plan *
plan_new(void)
{
	struct plan *p = xcalloc(1, sizeof *p);

	p->parts = xcalloc(1, sizeof *p->parts);
	return p;
}

void
plan_free(struct plan *p)
{
	struct plan_parts *parts;

	if (p == NULL)
		return;
	parts = p->parts;
	arena_free(&parts->arena);
	hash_free(&parts->names);
	free(parts->factor);
	free(parts->variable);
	free(parts->cell);
	free(parts->run);
	free(parts->segment);
	free(parts);
	free(p);
}

void
plan_add_factor(struct plan *p, struct slice name)
{
	GROW(p->parts->factor, p->parts->factor_cap, p->factors);
	p->parts->factor[p->factors++] = arena_copy(&p->parts->arena, name);
	p->factor = p->parts->factor;
}

void
plan_add_variable(struct plan *p, struct slice name)
{
	GROW(p->parts->variable, p->parts->variable_cap, p->variables);
	p->parts->variable[p->variables++] = arena_copy(&p->parts->arena, name);
	p->variable = p->parts->variable;
}

/* ---- names ---- */

static void
put_level(struct buf *b, struct slice level)
{
	for (size_t i = 0; i < level.n; i++) {
		char c = level.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		/* A '-' in front would make an option of the name. */
		if (letter || is_digit(c) || c == '_' || (c == '-' && b->n > 0))
			buf_char(b, c);
		else
			buf_printf(b, "+%02x", (unsigned char)c);
	}
}

struct slice
plan_stem(struct plan *p, const struct slice *level)
{
	enum { DIGITS = 20, MOST = PLAN_NAME_MAX - 1 - DIGITS, HASHED = 2 + 16 };
	struct buf b = BUF_INIT;
	struct slice stem;

	for (unsigned i = 0; i < p->factors; i++) {
		if (i > 0)
			buf_char(&b, '.');
		put_level(&b, level[i]);
	}
	if (b.n > MOST) {
		uint64_t h = hash_xxh64(b.p, b.n, 0);

		/* `++` is in no name that was not shortened. */
		b.n = MOST - HASHED;
		buf_printf(&b, "++%016" PRIx64, h);
	}
	stem = arena_copy(&p->parts->arena, buf_view(&b));
	buf_free(&b);
	return stem;
}

/* ---- cells ---- */

void
plan_add_cell(struct plan *p, const struct plan_run *cell, uint32_t segment)
{
	struct plan_parts *parts = p->parts;

	GROW(parts->cell, parts->cell_cap, p->cells);
	GROW(parts->segment, parts->segment_cap, p->cells);
	parts->cell[p->cells] = *cell;
	parts->cell[p->cells].cell = (uint32_t)p->cells;
	parts->segment[p->cells] = segment;
	if (segment >= parts->segments)
		parts->segments = segment + 1;
	p->cells++;
	p->cell = parts->cell;
}

static int
by_name(const void *a, const void *b)
{
	return slice_cmp(((const struct plan_run *)a)->name, ((const struct plan_run *)b)->name);
}

static void
put_setting(struct buf *b, struct slice name, struct slice value)
{
	buf_slice(b, name);
	buf_char(b, '=');
	table_put_cell(b, value);
	buf_char(b, '\n');
}

static void
put_number(struct buf *b, const char *name, int64_t value)
{
	buf_printf(b, "%s=%" PRId64 "\n", name, value);
}

/* All that makes the cell what it is, each setting in a line; what is not set is left out, so that a new column changes
 * only the cells that use it. */
static struct slice
settings(struct plan *p, const struct plan_run *c, struct buf *b)
{
	char *hex = arena_alloc(&p->parts->arena, 17);
	uint64_t hash;

	b->n = 0;
	for (unsigned i = 0; i < p->factors; i++)
		put_setting(b, p->factor[i], c->level[i]);
	if (c->command.n > 0)
		put_setting(b, SLICE("command"), c->command);
	if (c->dry)
		put_number(b, "dry", 1);
	if (c->freq > 0)
		put_number(b, "freq", (int64_t)c->freq);
	if (c->cpu_node >= 0)
		put_number(b, "cpu_node", c->cpu_node);
	if (c->mem_node >= 0)
		put_number(b, "mem_node", c->mem_node);
	for (unsigned i = 0; i < p->variables; i++)
		if (c->value[i].p)
			put_setting(b, p->variable[i], c->value[i]);
	/* Its first digit is a letter, a to f: nothing takes it for a number. */
	hash = hash_xxh64(b->p, b->n, 0);
	hash = hash << 4 >> 4 | (10 + (hash >> 60) % 6) << 60;
	snprintf(hex, 17, "%016" PRIx64, hash);
	return (struct slice){ hex, 16 };
}

int
plan_sort_cells(struct plan *p, struct error *e)
{
	struct plan_run *cell = p->parts->cell;
	uint32_t *segment = xcalloc(p->cells + 1, sizeof *segment);
	uint32_t *number = xcalloc(p->cells + 1, sizeof *number);
	struct buf b = BUF_INIT;
	int result = 0;

	if (p->cells > 0)
		qsort(cell, p->cells, sizeof *cell, by_name);
	for (uint32_t i = 0; i < p->cells; i++) {
		if (i > 0 && slice_eq(cell[i].name, cell[i - 1].name))
			result = error_set(e,
			    "two cells would be called %.*s: give their levels shorter names",
			    SLICE_ARG(cell[i].name));
		segment[i] = p->parts->segment[cell[i].cell];
		number[cell[i].cell] = i;
		cell[i].cell = i;
		if (cell[i].settings.n == 0)
			cell[i].settings = settings(p, &cell[i], &b);
	}
	for (size_t i = 0; i < p->runs; i++)
		p->parts->run[i].cell = number[p->parts->run[i].cell];
	buf_free(&b);
	free(number);
	free(p->parts->segment);
	p->parts->segment = segment;
	p->parts->segment_cap = p->cells + 1;
	return result;
}

/* ---- blocks ---- */

static void
shuffle(uint32_t *order, uint32_t n, uint64_t seed, uint64_t block)
{
	struct random r;

	random_seed(&r, seed, block);
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = (uint32_t)random_below(&r, i), kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
}

static void
add_run(struct plan *p, uint32_t cell, uint64_t rep)
{
	struct plan_parts *parts = p->parts;
	struct plan_run *r;
	struct slice stem = parts->cell[cell].name;
	char *name = arena_alloc(&parts->arena, stem.n + 22);
	int n;

	GROW(parts->run, parts->run_cap, p->runs);
	r = &parts->run[p->runs];
	*r = parts->cell[cell];
	memcpy(name, stem.p, stem.n);
	n = snprintf(name + stem.n, 22, ".%" PRIu64, rep);
	r->name = (struct slice){ name, stem.n + (size_t)n };
	r->rep = rep;
	r->position = p->runs > 0 ? parts->run[p->runs - 1].position + 1 : 1;
	p->runs++;
	p->run = parts->run;
}

int
plan_add_blocks(
    struct plan *p, uint64_t first, uint64_t blocks, const uint64_t *more, struct error *e)
{
	struct plan_parts *parts = p->parts;
	uint32_t n = (uint32_t)p->cells, *order;
	uint64_t *at, total = 0;
	struct draw {
		uint32_t cell;
		uint64_t rep;
	} * drawn, *sorted;
	size_t count = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t add = more ? more[i] : blocks;

		if (add > PLAN_RUNS_MAX || (total += add) > PLAN_RUNS_MAX - p->runs)
			return error_set(e,
			    "more than %d runs: fewer repetitions, fewer levels, or `except`",
			    PLAN_RUNS_MAX);
	}
	order = xcalloc(n + 1, sizeof *order);
	drawn = xcalloc(total + 1, sizeof *drawn);
	for (uint64_t k = 0; k < blocks; k++) {
		shuffle(order, n, p->seed, first + k);
		for (uint32_t i = 0; i < n; i++)
			if (more == NULL || more[order[i]] > k)
				drawn[count++] = (struct draw){ order[i], first + k };
	}
	free(order);
	if (parts->segments > 1) {
		/* Each level of the sequence after the one before, and within it the blocks as they are. */
		at = xcalloc(parts->segments + 1, sizeof *at);
		sorted = xcalloc(count + 1, sizeof *sorted);
		for (size_t i = 0; i < count; i++)
			at[parts->segment[drawn[i].cell] + 1]++;
		for (uint32_t i = 1; i <= parts->segments; i++)
			at[i] += at[i - 1];
		for (size_t i = 0; i < count; i++)
			sorted[at[parts->segment[drawn[i].cell]]++] = drawn[i];
		free(at);
		free(drawn);
		drawn = sorted;
	}
	for (size_t i = 0; i < count; i++)
		add_run(p, drawn[i].cell, drawn[i].rep);
	free(drawn);
	if (first + blocks > p->repetitions + 1)
		p->repetitions = first + blocks - 1;
	return 0;
}

int
plan_extend(struct plan *p, const uint64_t *more, struct error *e)
{
	uint64_t blocks = 0, last = 0;

	for (uint64_t i = 0; i < p->cells; i++)
		if (more[i] > blocks)
			blocks = more[i];
	for (size_t i = 0; i < p->runs; i++)
		if (p->run[i].rep > last)
			last = p->run[i].rep;
	if (plan_add_blocks(p, last + 1, blocks, more, e) < 0)
		return -1;
	return plan_index(p, e);
}

/* ---- finding ---- */

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct plan *p = context;

	return hash_bytes(p->run[item].name.p, p->run[item].name.n);
}

const struct plan_run *
plan_find(const struct plan *p, struct slice name)
{
	const struct hash_set *names = &p->parts->names;

	for (struct hash_probe at = hash_first(names, hash_bytes(name.p, name.n));
	     hash_found(names, &at); hash_next(names, &at))
		if (slice_eq(p->run[at.item].name, name))
			return &p->run[at.item];
	return NULL;
}

int
plan_index(struct plan *p, struct error *e)
{
	for (size_t i = p->parts->names.items; i < p->runs; i++) {
		struct slice name = p->run[i].name;

		if (plan_find(p, name))
			return error_set(e, "two runs are called %.*s", SLICE_ARG(name));
		hash_add(&p->parts->names, hash_bytes(name.p, name.n), (uint32_t)i, rehash, p);
	}
	return 0;
}

/* ---- writing ---- */

static void
put_head(struct buf *b, const struct plan *p)
{
	buf_printf(b,
	    "# plan seed=%" PRIu64 " repetitions=%" PRIu64 " cells=%" PRIu64 " runs=%zu factors=",
	    p->seed, p->repetitions, p->cells, p->runs);
	for (unsigned i = 0; i < p->factors; i++)
		buf_printf(b, "%s%.*s", i > 0 ? "," : "", SLICE_ARG(p->factor[i]));
	if (p->sequence.n > 0) {
		table_put_word(b, "sequence", p->sequence);
		buf_printf(b,
		    "\n# note=\"the levels of %.*s run one after another: whatever drifts with "
		    "time "
		    "looks like an effect of it\"",
		    SLICE_ARG(p->sequence));
	}
	buf_slice(b, SLICE("\nname\trep\tposition"));
	for (unsigned i = 0; i < p->factors; i++)
		buf_printf(b, "\t%.*s", SLICE_ARG(p->factor[i]));
	buf_slice(b, SLICE("\tcommand\tdry\tfreq\tcpu_node\tmem_node\ttimeout_ns"));
	for (unsigned i = 0; i < p->variables; i++)
		buf_printf(b, "\t%.*s", SLICE_ARG(p->variable[i]));
	buf_slice(b, SLICE("\tsettings\n"));
}

/* Negative: not set. */
static void
put_optional(struct buf *b, int64_t v)
{
	buf_char(b, '\t');
	if (v >= 0)
		buf_i64(b, v);
}

void
plan_put(struct buf *b, const struct plan *p)
{
	put_head(b, p);
	for (size_t i = 0; i < p->runs; i++) {
		const struct plan_run *r = &p->run[i];

		buf_slice(b, r->name);
		buf_char(b, '\t');
		buf_u64(b, r->rep);
		buf_char(b, '\t');
		buf_u64(b, r->position);
		for (unsigned k = 0; k < p->factors; k++) {
			buf_char(b, '\t');
			table_put_cell(b, r->level[k]);
		}
		buf_char(b, '\t');
		table_put_cell(b, r->command);
		buf_char(b, '\t');
		buf_char(b, r->dry ? '1' : '0');
		put_optional(b, r->freq > 0 ? (int64_t)r->freq : -1);
		put_optional(b, r->cpu_node);
		put_optional(b, r->mem_node);
		put_optional(b, r->timeout_ns > 0 ? (int64_t)r->timeout_ns : -1);
		for (unsigned k = 0; k < p->variables; k++) {
			buf_char(b, '\t');
			table_put_cell(b, r->value[k]);
		}
		buf_char(b, '\t');
		buf_slice(b, r->settings);
		buf_char(b, '\n');
	}
}
