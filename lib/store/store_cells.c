#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "store/store_cells.h"

/* Sizes and numbers by their values, before all others. */
static bool
as_number(struct slice s, double *v)
{
	uint64_t n;

	if (num_f64(s, v) == 0)
		return !isnan(*v);
	if (num_size(s, &n) < 0)
		return false;
	*v = (double)n;
	return true;
}

static int
level_cmp(struct slice a, struct slice b)
{
	double x = 0, y = 0;
	bool is_x, is_y;

	if (a.p == NULL || b.p == NULL)
		return (a.p != NULL) - (b.p != NULL);
	is_x = as_number(a, &x);
	is_y = as_number(b, &y);
	if (is_x != is_y)
		return is_x ? -1 : 1;
	if (is_x && x != y)
		return x < y ? -1 : 1;
	return slice_cmp(a, b);
}

/* What a run without levels is called: its name without ".REP"; nothing for others. */
static struct slice
bare_name(const struct store_run *x, unsigned factors)
{
	struct slice name = x->name;
	char rep[24];

	for (unsigned i = 0; i < factors; i++)
		if (x->level[i].p)
			return SLICE("");
	snprintf(rep, sizeof rep, ".%" PRId64, x->rep);
	if (slice_ends(name, slice_of(rep)))
		name.n -= strlen(rep);
	return name;
}

static int
cell_cmp(const void *a, const void *b, void *context)
{
	const struct store_run *x = *(const struct store_run *const *)a,
			       *y = *(const struct store_run *const *)b;
	const struct store_cells *s = context;
	int d = slice_cmp(x->experiment, y->experiment);

	for (unsigned i = 0; d == 0 && i < s->r->factors; i++)
		d = level_cmp(x->level[i], y->level[i]);
	return d ? d : slice_cmp(bare_name(x, s->r->factors), bare_name(y, s->r->factors));
}

/* Runs of one cell keep their order. */
static int
run_cmp(const void *a, const void *b, void *context)
{
	const struct store_run *x = *(const struct store_run *const *)a,
			       *y = *(const struct store_run *const *)b;
	int d = cell_cmp(a, b, context);

	return d ? d : x < y ? -1 : x > y;
}

bool
store_cells_counts(const struct store_cell *c, const struct store_run *x)
{
	return !x->failed && slice_eq(x->settings, c->settings);
}

static void
close_cell(struct store_cell *c)
{
	const struct store_run *last = c->first;

	for (size_t i = 1; i < c->runs; i++) {
		const struct store_run *x = c->run[i];

		if (x->started_ns > last->started_ns ||
		    (x->started_ns == last->started_ns && x->id > last->id))
			last = x;
	}
	c->settings = last->settings;
	c->dry = last->dry;
	for (size_t i = 0; i < c->runs; i++) {
		c->failed += c->run[i]->failed;
		c->good += store_cells_counts(c, c->run[i]);
	}
	c->others = c->runs - c->good - c->failed;
}

void
store_cells_make(struct store_cells *s, const struct store_runs *r)
{
	size_t cap = 0;

	*s = (struct store_cells){ .r = r };
	s->order = xcalloc(r->runs + 1, sizeof *s->order);
	for (size_t i = 0; i < r->runs; i++)
		s->order[i] = &r->run[i];
	qsort_r(s->order, r->runs, sizeof *s->order, run_cmp, s);
	for (size_t i = 0; i < r->runs; i++) {
		if (i == 0 || cell_cmp(&s->order[i - 1], &s->order[i], s) != 0) {
			GROW(s->cell, cap, s->cells);
			s->cell[s->cells++] = (struct store_cell){ .first = s->order[i],
				.bare = bare_name(s->order[i], r->factors),
				.run = &s->order[i] };
		}
		s->cell[s->cells - 1].runs++;
	}
	for (size_t i = 0; i < s->cells; i++)
		close_cell(&s->cell[i]);
}

void
store_cells_free(struct store_cells *s)
{
	free(s->order);
	free(s->cell);
	*s = (struct store_cells){ 0 };
}

void
store_cells_put(struct buf *b, const struct store_cells *s, const struct store_cell *c,
    const struct store_cell *other)
{
	const char *between = "";

	for (unsigned i = 0; i < s->r->factors; i++)
		if (c->first->level[i].p &&
		    (other == NULL || level_cmp(c->first->level[i], other->first->level[i]) != 0)) {
			buf_printf(b, "%s%.*s=%.*s", between, SLICE_ARG(s->r->factor[i]),
			    SLICE_ARG(c->first->level[i]));
			between = " ";
		}
	if (c->bare.n > 0 && other == NULL)
		buf_slice(b, c->bare);
}

/* ---- bases ---- */

/* A candidate is a base of cells that are equal to it but in the factors of free[]. */
struct bases {
	const struct store_cells *s;
	struct slice *level; /* of each factor, p NULL: any; NULL: dry cells */
	bool *free;
	const struct store_cell **candidate;
	size_t candidates;
	long without; /* cells */
	struct error *why;
};

static bool
is_candidate(const struct bases *b, const struct store_cell *c)
{
	if (b->level == NULL)
		return c->dry;
	for (unsigned i = 0; i < b->s->r->factors; i++) {
		struct slice has = c->first->level[i];

		if (b->level[i].p && (has.p == NULL || !slice_eq(b->level[i], has)))
			return false;
	}
	return true;
}

static int
base_cmp(const void *a, const void *b, void *context)
{
	const struct store_cell *x = *(const struct store_cell *const *)a,
				*y = *(const struct store_cell *const *)b;
	const struct bases *bases = context;

	for (unsigned i = 0; i < bases->s->r->factors; i++) {
		int d = bases->free[i] ? 0 : level_cmp(x->first->level[i], y->first->level[i]);

		if (d)
			return d;
	}
	return 0;
}

struct used {
	struct slice level;
	bool dry;
};

static int
by_level(const void *a, const void *b)
{
	return level_cmp(((const struct used *)a)->level, ((const struct used *)b)->level);
}

/* Whether dry and other cells have no level of the factor in common. */
static bool
tells_dry(const struct store_cell *cell, size_t n, unsigned factor)
{
	struct used *used = xcalloc(n + 1, sizeof *used);
	bool tells = true, seen[2] = { false, false };

	for (size_t i = 0; i < n; i++) {
		used[i] = (struct used){ cell[i].first->level[factor], cell[i].dry };
		seen[cell[i].dry] = true;
	}
	qsort(used, n, sizeof *used, by_level);
	for (size_t i = 1; i < n; i++)
		tells &= used[i].dry == used[i - 1].dry || by_level(&used[i], &used[i - 1]) != 0;
	free(used);
	return tells && seen[0] && seen[1];
}

static void
no_base(struct bases *b, const struct store_cell *c, const char *why)
{
	struct buf text = BUF_INIT;

	if (b->without++ > 0)
		return;
	store_cells_put(&text, b->s, c, NULL);
	error_set(b->why, "%s: %s", buf_str(&text), why);
	buf_free(&text);
}

/* The first candidate that is not before c, in the order of base_cmp(). */
static size_t
lower_bound(struct bases *b, const struct store_cell *c)
{
	size_t lo = 0, hi = b->candidates;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (base_cmp(&b->candidate[mid], &c, b) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Of the n cells of an experiment. */
static void
find_bases(struct bases *b, struct store_cell *cell, size_t n)
{
	unsigned factors = b->s->r->factors;

	b->candidates = 0;
	for (unsigned i = 0; i < factors; i++)
		b->free[i] = b->level ? b->level[i].p != NULL : tells_dry(cell, n, i);
	for (size_t i = 0; i < n; i++)
		if (is_candidate(b, &cell[i]))
			b->candidate[b->candidates++] = &cell[i];
	qsort_r(b->candidate, b->candidates, sizeof *b->candidate, base_cmp, b);
	for (size_t i = 0; i < n; i++) {
		const struct store_cell *c = &cell[i];
		size_t at = lower_bound(b, c), equal = at;

		if (is_candidate(b, c))
			continue;
		while (equal < b->candidates && equal < at + 2 &&
		       base_cmp(&b->candidate[equal], &c, b) == 0)
			equal++;
		if (equal == at + 1)
			cell[i].base = b->candidate[at];
		else if (equal > at)
			no_base(b, c, "several dry cells could be its base");
		else if (b->level)
			no_base(b, c, "no cell of --base has the same other levels");
		else if (b->candidates == 0)
			no_base(b, c, "no cell of its experiment is dry");
		else
			no_base(b, c, "no dry cell has the same other levels");
	}
}

/* "WHAT NAME; there are: a, b, c" */
static int
none_such(const char *what, struct slice name, const struct buf *there, struct error *e)
{
	return error_set(
	    e, "no %s %.*s; there are: %.*s", what, SLICE_ARG(name), SLICE_ARG(buf_view(there)));
}

static void
put_item(struct buf *b, struct slice name)
{
	if (b->n > 0)
		buf_slice(b, SLICE(", "));
	buf_slice(b, name);
}

static int
no_factor(const struct store_runs *r, struct slice name, struct error *e)
{
	struct buf there = BUF_INIT;

	for (unsigned i = 0; i < r->factors; i++)
		put_item(&there, r->factor[i]);
	none_such("factor", name, &there, e);
	buf_free(&there);
	return -1;
}

/* Whether a cell has the level; else the text says which there are. */
static int
check_level(struct bases *b, unsigned factor, struct slice level, struct error *e)
{
	const struct store_cells *s = b->s;
	struct used *used = xcalloc(s->cells + 1, sizeof *used);
	struct buf there = BUF_INIT;
	int result = -1;

	for (size_t i = 0; i < s->cells; i++)
		used[i].level = s->cell[i].first->level[factor];
	qsort(used, s->cells, sizeof *used, by_level);
	for (size_t i = 0; i < s->cells; i++) {
		if (used[i].level.p == NULL || (i > 0 && by_level(&used[i - 1], &used[i]) == 0))
			continue;
		put_item(&there, used[i].level);
		if (slice_eq(used[i].level, level))
			result = 0;
	}
	if (result < 0) {
		struct buf what = BUF_INIT;

		buf_printf(&what, "level of %.*s:", SLICE_ARG(s->r->factor[factor]));
		none_such(buf_str(&what), level, &there, e);
		buf_free(&what);
	}
	buf_free(&there);
	free(used);
	return result;
}

static int
factor_of(const struct store_runs *r, struct slice name)
{
	for (unsigned i = 0; i < r->factors; i++)
		if (slice_eq(r->factor[i], name))
			return (int)i;
	return -1;
}

/* Takes one FACTOR=LEVEL off the front. Levels may hold commas: one ends where a factor's name and = follow. */
static struct slice
cut_pair(const struct store_runs *r, struct slice *rest)
{
	struct slice pair = *rest;

	for (size_t i = 0; i < rest->n; i++) {
		struct slice after = { rest->p + i + 1, rest->n - i - 1 }, name = after;

		if (rest->p[i] == ',' && memchr(after.p, '=', after.n) &&
		    factor_of(r, slice_cut(&name, '=')) >= 0) {
			pair.n = i;
			*rest = after;
			return pair;
		}
	}
	*rest = (struct slice){ rest->p + rest->n, 0 };
	return pair;
}

static int
choose_levels(struct bases *b, const char *levels, struct error *e)
{
	const struct store_runs *r = b->s->r;
	struct slice rest = slice_of(levels);

	if (levels == NULL)
		return 0;
	b->level = xcalloc(r->factors + 1, sizeof *b->level);
	do {
		struct slice level = cut_pair(r, &rest), pair = level,
			     name = slice_cut(&level, '=');
		int factor = factor_of(r, name);

		if (name.n == pair.n)
			return error_set(e, "--base %.*s: not FACTOR=LEVEL", SLICE_ARG(pair));
		if (factor < 0)
			return no_factor(r, name, e);
		if (check_level(b, (unsigned)factor, level, e) < 0)
			return -1;
		b->level[factor] = level;
	} while (rest.n > 0);
	return 0;
}

long
store_cells_bases(struct store_cells *s, const char *levels, struct error *why, struct error *e)
{
	struct bases b = { .s = s, .why = why };
	long result = choose_levels(&b, levels, e);

	b.free = xcalloc(s->r->factors + 1, sizeof *b.free);
	b.candidate = xcalloc(s->cells + 1, sizeof *b.candidate);
	for (size_t i = 0, n; result == 0 && i < s->cells; i += n) {
		struct slice experiment = s->cell[i].first->experiment;

		n = 1;
		while (i + n < s->cells && slice_eq(experiment, s->cell[i + n].first->experiment))
			n++;
		find_bases(&b, &s->cell[i], n);
	}
	free(b.level);
	free(b.free);
	free(b.candidate);
	return result < 0 ? -1 : b.without;
}
