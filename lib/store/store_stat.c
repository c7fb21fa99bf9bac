#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "form/table.h"
#include "stat/order.h"
#include "stat/resample.h"
#include "store/store_runs.h"
#include "store/store_stat.h"

static const char *const fixed[] = { "experiment", "metric", "unit", "runs", "failed", "min",
	"median", "median_lo", "median_hi", "mean", "stddev", "max", "base", "overhead",
	"overhead_lo", "overhead_hi", "name" };
enum { FIXED = sizeof fixed / sizeof *fixed };

struct cell {
	const struct store_run *first; /* whose experiment and levels are the cell's */
	struct slice bare;             /* of runs without levels: what they are called */
	size_t from, runs;             /* in stat.order */
	struct slice settings;         /* of the latest run */
	size_t failed;
	bool dry;
	const struct cell *base;
};

struct stat {
	const struct store_stat_options *o;
	struct store_runs r;
	const struct store_run **order; /* by cell */
	struct cell *cell;
	size_t cells;
	bool *wanted;             /* of each metric */
	uint64_t *missing, *text; /* values, of each metric */
	uint64_t *again;
	uint64_t others;          /* runs with other settings */
	double *value[2];         /* of a cell, and of its base */
	struct slice *base_level; /* of each factor, p NULL: any; NULL: dry cells */
	size_t without_base;      /* cells */
	struct error why;         /* of the first of them */
};

/* ---- cells ---- */

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
	const struct stat *s = context;
	int d = slice_cmp(x->experiment, y->experiment);

	for (unsigned i = 0; d == 0 && i < s->r.factors; i++)
		d = level_cmp(x->level[i], y->level[i]);
	return d ? d : slice_cmp(bare_name(x, s->r.factors), bare_name(y, s->r.factors));
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

static void
close_cell(struct stat *s, struct cell *c)
{
	const struct store_run *last = c->first;

	for (size_t i = 1; i < c->runs; i++) {
		const struct store_run *x = s->order[c->from + i];

		if (x->started_ns > last->started_ns ||
		    (x->started_ns == last->started_ns && x->id > last->id))
			last = x;
	}
	c->settings = last->settings;
	c->dry = last->dry;
	for (size_t i = 0; i < c->runs; i++) {
		const struct store_run *x = s->order[c->from + i];

		c->failed += x->failed;
		s->others += !x->failed && !slice_eq(x->settings, c->settings);
	}
}

static void
make_cells(struct stat *s)
{
	size_t cap = 0;

	s->order = xcalloc(s->r.runs + 1, sizeof *s->order);
	for (size_t i = 0; i < s->r.runs; i++)
		s->order[i] = &s->r.run[i];
	qsort_r(s->order, s->r.runs, sizeof *s->order, run_cmp, s);
	for (size_t i = 0; i < s->r.runs; i++) {
		if (i == 0 || cell_cmp(&s->order[i - 1], &s->order[i], s) != 0) {
			GROW(s->cell, cap, s->cells);
			s->cell[s->cells++] = (struct cell){ .first = s->order[i],
				.bare = bare_name(s->order[i], s->r.factors),
				.from = i };
		}
		s->cell[s->cells - 1].runs++;
	}
	for (size_t i = 0; i < s->cells; i++)
		close_cell(s, &s->cell[i]);
}

static void
put_cell_name(struct buf *b, const struct stat *s, const struct cell *c, const bool *differ)
{
	const char *between = "";

	for (unsigned i = 0; i < s->r.factors; i++)
		if (c->first->level[i].p && (differ == NULL || differ[i])) {
			buf_printf(b, "%s%.*s=%.*s", between, SLICE_ARG(s->r.factor[i]),
			    SLICE_ARG(c->first->level[i]));
			between = " ";
		}
	if (c->bare.n > 0)
		buf_slice(b, c->bare);
}

/* ---- bases ---- */

/* A candidate is a base of cells that are equal to it but in the factors of free[]. */
struct bases {
	const struct stat *s;
	bool *free;
	const struct cell **candidate;
	size_t candidates;
};

static bool
is_candidate(const struct stat *s, const struct cell *c)
{
	if (s->base_level == NULL)
		return c->dry;
	for (unsigned i = 0; i < s->r.factors; i++)
		if (s->base_level[i].p && (c->first->level[i].p == NULL ||
					      !slice_eq(s->base_level[i], c->first->level[i])))
			return false;
	return true;
}

static int
base_cmp(const void *a, const void *b, void *context)
{
	const struct cell *x = *(const struct cell *const *)a, *y = *(const struct cell *const *)b;
	const struct bases *bases = context;

	for (unsigned i = 0; i < bases->s->r.factors; i++) {
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
tells_dry(const struct cell *cell, size_t n, unsigned factor)
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
no_base(struct stat *s, const struct cell *c, const char *why)
{
	struct buf b = BUF_INIT;

	if (s->without_base++ > 0)
		return;
	put_cell_name(&b, s, c, NULL);
	error_set(&s->why, "%.*s: %s", SLICE_ARG(buf_view(&b)), why);
	buf_free(&b);
}

/* The first candidate that is not before c, in the order of base_cmp(). */
static size_t
lower_bound(struct bases *b, const struct cell *c)
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
find_bases(struct stat *s, struct cell *cell, size_t n)
{
	struct bases b = { .s = s };

	b.free = xcalloc(s->r.factors + 1, sizeof *b.free);
	b.candidate = xcalloc(n + 1, sizeof *b.candidate);
	for (unsigned i = 0; i < s->r.factors; i++)
		b.free[i] = s->base_level ? s->base_level[i].p != NULL : tells_dry(cell, n, i);
	for (size_t i = 0; i < n; i++)
		if (is_candidate(s, &cell[i]))
			b.candidate[b.candidates++] = &cell[i];
	qsort_r(b.candidate, b.candidates, sizeof *b.candidate, base_cmp, &b);
	for (size_t i = 0; i < n; i++) {
		const struct cell *c = &cell[i];
		size_t at;

		if (is_candidate(s, c))
			continue;
		at = lower_bound(&b, c);
		if (b.candidates == 0)
			no_base(s, c,
			    s->base_level ? "its experiment has no cell of --base"
					  : "its experiment has no dry cell");
		else if (at == b.candidates || base_cmp(&b.candidate[at], &c, &b) != 0)
			no_base(s, c,
			    s->base_level ? "there is no cell of --base with the same other levels"
					  : "there is no dry cell with the same other levels");
		else if (at + 1 < b.candidates && base_cmp(&b.candidate[at + 1], &c, &b) == 0)
			no_base(s, c, "several dry cells could be its base");
		else
			cell[i].base = b.candidate[at];
	}
	free(b.free);
	free(b.candidate);
}

static void
find_all_bases(struct stat *s)
{
	for (size_t i = 0, n; i < s->cells; i += n) {
		for (n = 1; i + n < s->cells && slice_eq(s->cell[i].first->experiment,
						    s->cell[i + n].first->experiment);
		     n++)
			;
		find_bases(s, &s->cell[i], n);
	}
}

/* ---- options ---- */

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
want(struct stat *s, struct slice name, struct error *e)
{
	struct buf there = BUF_INIT;
	bool found = false;
	int result = 0;

	for (unsigned i = 0; i < s->r.metrics; i++)
		if (slice_eq(s->r.metric[i].title, name) || slice_eq(name, SLICE("all")))
			s->wanted[i] = found = true;
	if (!found && !slice_eq(name, SLICE("all"))) {
		for (unsigned i = 0; i < s->r.metrics; i++)
			put_item(&there, s->r.metric[i].title);
		result = none_such("metric", name, &there, e);
		buf_free(&there);
	}
	return result;
}

static int
choose_metrics(struct stat *s, struct error *e)
{
	static const char *const usual[] = { "wall_ns", "user_ns", "sys_ns", "maxrss_bytes" };
	struct slice rest = slice_of(s->o->metrics);

	if (s->o->metrics && rest.n == 0)
		return error_set(e, "--metric: no name");
	while (rest.n > 0)
		if (want(s, slice_trim(slice_cut(&rest, ',')), e) < 0)
			return -1;
	for (unsigned i = 0; s->o->metrics == NULL && i < s->r.metrics; i++) {
		const struct store_metric *m = &s->r.metric[i];

		s->wanted[i] = slice_eq(m->section, SLICE("values"));
		for (unsigned k = 0; slice_eq(m->section, SLICE("run")) && k < 4; k++)
			s->wanted[i] |= slice_eq(m->name, slice_of(usual[k]));
	}
	return 0;
}

/* One FACTOR=LEVEL. */
static int
choose_base(struct stat *s, struct slice text, struct error *e)
{
	struct slice level = text, name = slice_cut(&level, '=');
	struct buf there = BUF_INIT;
	unsigned f = 0;
	int result = 0;

	if (name.n == text.n)
		return error_set(e, "--base %.*s: not FACTOR=LEVEL", SLICE_ARG(text));
	while (f < s->r.factors && !slice_eq(s->r.factor[f], name))
		f++;
	if (f == s->r.factors) {
		for (unsigned i = 0; i < s->r.factors; i++)
			put_item(&there, s->r.factor[i]);
		result = none_such("factor", name, &there, e);
	} else {
		struct slice last = { NULL, 0 };
		bool found = false;

		for (size_t i = 0; i < s->cells; i++) {
			struct slice has = s->cell[i].first->level[f];

			if (has.p == NULL)
				continue;
			found |= slice_eq(has, level);
			if (last.p == NULL || !slice_eq(has, last))
				put_item(&there, last = has);
		}
		if (!found)
			result =
			    none_such("cell with", (struct slice){ text.p, text.n }, &there, e);
		s->base_level[f] = level;
	}
	buf_free(&there);
	return result;
}

static int
choose_bases(struct stat *s, struct error *e)
{
	struct slice rest = slice_of(s->o->base);

	if (s->o->base == NULL)
		return 0;
	s->base_level = xcalloc(s->r.factors + 1, sizeof *s->base_level);
	do {
		if (choose_base(s, slice_cut(&rest, ','), e) < 0)
			return -1;
	} while (rest.n > 0);
	return 0;
}

/* ---- numbers ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static bool
counts(const struct cell *c, const struct store_run *x)
{
	return !x->failed && slice_eq(x->settings, c->settings);
}

static bool
is_number(const struct store_value *v)
{
	return (v->kind == STORE_INT || v->kind == STORE_REAL) && isfinite(v->real);
}

/* The values of a metric in the runs of a cell, in rising order. */
static size_t
gather(const struct stat *s, const struct cell *c, unsigned metric, double *to)
{
	size_t n = 0;

	for (size_t i = 0; i < c->runs; i++) {
		const struct store_run *x = s->order[c->from + i];

		if (counts(c, x) && is_number(&x->value[metric]))
			to[n++] = x->value[metric].real;
	}
	qsort(to, n, sizeof *to, by_value);
	return n;
}

/* Counts what is not among the numbers; a metric that no run of the cell has is none of its own. */
static void
count_losses(struct stat *s, const struct cell *c, unsigned metric)
{
	uint64_t missing = 0, text = 0, again = 0, there = 0;

	for (size_t i = 0; i < c->runs; i++) {
		const struct store_run *x = s->order[c->from + i];
		const struct store_value *v = &x->value[metric];

		if (!counts(c, x))
			continue;
		again += v->again;
		if (v->kind == STORE_NONE)
			missing++;
		else
			there++;
		text += v->kind != STORE_NONE && !is_number(v);
	}
	s->missing[metric] += there > 0 ? missing : 0;
	s->text[metric] += text;
	s->again[metric] += again;
}

static double
deviation(const double *v, size_t n, double mean)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return n > 1 ? sqrt(sum / (double)(n - 1)) : NAN;
}

static void
tab_number(struct buf *to, double v, int digits)
{
	buf_char(to, '\t');
	store_put_number(to, v, digits);
}

static void
put_numbers(struct buf *to, const struct stat *s, const double *v, size_t n)
{
	struct resample_sample sample = { .value = v, .n = n, .mean = NAN };
	double mean = n > 0 ? resample_statistic(&sample, RESAMPLE_MEAN) : NAN;
	uint64_t lo = 0, hi = 0;
	bool interval = n > 0 && order_interval(n, 0.5, s->o->confidence, &lo, &hi);

	tab_number(to, n > 0 ? v[0] : NAN, 15);
	tab_number(to, n > 0 ? resample_statistic(&sample, 0.5) : NAN, 15);
	tab_number(to, interval ? v[lo - 1] : NAN, 15);
	tab_number(to, interval ? v[hi - 1] : NAN, 15);
	tab_number(to, mean, 10);
	tab_number(to, deviation(v, n, mean), 10);
	tab_number(to, n > 0 ? v[n - 1] : NAN, 15);
}

/* A cell's intervals depend on nothing but its name and values. */
static uint64_t
stream_of(const struct stat *s, const struct cell *c, unsigned metric)
{
	struct buf b = BUF_INIT;
	uint64_t h;

	put_cell_name(&b, s, c, NULL);
	buf_char(&b, '\n');
	buf_slice(&b, s->r.metric[metric].title);
	h = hash_xxh64(b.p, b.n, 0);
	buf_free(&b);
	return h;
}

static void
put_overhead(struct buf *to, const struct stat *s, const struct cell *c, unsigned metric, size_t n)
{
	struct resample_sample a = { .value = s->value[1], .mean = NAN },
			       b = { .value = s->value[0], .n = n, .mean = NAN };
	struct resample_question question = { .q = 0.5,
		.confidence = s->o->confidence,
		.resamples = s->o->resamples,
		.seed = s->o->seed,
		.stream = stream_of(s, c, metric) };
	struct resample_answer answer = { .change = NAN, .lo = NAN, .hi = NAN };

	a.n = c->base ? gather(s, c->base, metric, s->value[1]) : 0;
	if (a.n > 0 && n > 0 && a.value[0] >= 0 && b.value[0] >= 0 &&
	    resample_statistic(&a, 0.5) > 0)
		resample_interval(&question, &a, &b, &answer);
	tab_number(to, answer.change - 1, 6);
	tab_number(to, answer.lo - 1, 6);
	tab_number(to, answer.hi - 1, 6);
}

static void
put_base(struct buf *to, const struct stat *s, const struct cell *c)
{
	struct buf b = BUF_INIT;
	bool *differ;

	buf_char(to, '\t');
	if (c->base == NULL)
		return;
	differ = xcalloc(s->r.factors + 1, sizeof *differ);
	for (unsigned i = 0; i < s->r.factors; i++)
		differ[i] = level_cmp(c->first->level[i], c->base->first->level[i]) != 0;
	put_cell_name(&b, s, c->base, differ);
	table_put_cell(to, buf_view(&b));
	buf_free(&b);
	free(differ);
}

/* ---- the table ---- */

static bool
has_bare(const struct stat *s)
{
	for (size_t i = 0; i < s->cells; i++)
		if (s->cell[i].bare.n > 0)
			return true;
	return false;
}

static void
put_row(struct buf *to, struct stat *s, const struct cell *c, unsigned metric, bool bare)
{
	const struct store_metric *m = &s->r.metric[metric];
	size_t n = gather(s, c, metric, s->value[0]), runs = 0;

	for (size_t i = 0; i < c->runs; i++)
		runs += counts(c, s->order[c->from + i]);
	/* Of a cell without runs, the failures stand by what all runs have. */
	if (n == 0 && (runs > 0 || !slice_eq(m->section, SLICE("run"))))
		return;
	table_put_cell(to, c->first->experiment);
	if (bare) {
		buf_char(to, '\t');
		table_put_cell(to, c->bare);
	}
	for (unsigned i = 0; i < s->r.factors; i++) {
		buf_char(to, '\t');
		table_put_cell(to, c->first->level[i]);
	}
	buf_char(to, '\t');
	table_put_cell(to, m->title);
	buf_char(to, '\t');
	table_put_cell(to, m->unit);
	buf_printf(to, "\t%zu\t%zu", n, c->failed);
	put_numbers(to, s, s->value[0], n);
	put_base(to, s, c);
	put_overhead(to, s, c, metric, n);
	buf_char(to, '\n');
}

static void
put_lost(struct buf *to, uint64_t n, const char *why, struct slice metric)
{
	if (n == 0)
		return;
	buf_printf(to, "# lost=%" PRIu64 " why=%s", n, why);
	if (metric.p)
		table_put_word(to, "metric", metric);
	buf_char(to, '\n');
}

static void
put_head(struct buf *to, struct stat *s, bool bare)
{
	struct slice taken[FIXED];
	size_t failed = 0;

	for (size_t i = 0; i < s->r.runs; i++)
		failed += s->r.run[i].failed;
	buf_printf(to,
	    "# store table=stat runs=%zu cells=%zu confidence=%.6g%% seed=%" PRIu64
	    " resamples=%" PRIu32 "\n",
	    s->r.runs - failed, s->cells, 100 * s->o->confidence, s->o->seed, s->o->resamples);
	if (failed > 0)
		buf_printf(to, "# failed=%zu\n", failed);
	put_lost(to, s->others, "other-settings", (struct slice){ NULL, 0 });
	for (unsigned i = 0; i < s->r.metrics; i++)
		if (s->wanted[i]) {
			struct slice title = s->r.metric[i].title;

			for (size_t c = 0; c < s->cells; c++)
				count_losses(s, &s->cell[c], i);
			put_lost(to, s->missing[i], "missing", title);
			put_lost(to, s->text[i], "not-a-number", title);
			put_lost(to, s->again[i], "twice-in-a-run", title);
		}
	for (size_t i = 0; i < FIXED; i++)
		taken[i] = slice_of(fixed[i]);
	buf_slice(to, taken[0]);
	if (bare)
		buf_slice(to, SLICE("\tname"));
	for (unsigned i = 0; i < s->r.factors; i++) {
		buf_char(to, '\t');
		table_put_cell(to, store_runs_title(&s->r, "factor", s->r.factor[i], taken, FIXED));
	}
	for (size_t i = 1; i < FIXED - 1; i++)
		buf_printf(to, "\t%s", fixed[i]);
	buf_char(to, '\n');
}

static int
put_table(struct stat *s, const struct store_out *out)
{
	struct buf to = BUF_INIT;
	bool bare = has_bare(s);
	int result = 0;

	put_head(&to, s, bare);
	for (size_t i = 0; result == 0 && i < s->cells; i++) {
		for (unsigned m = 0; m < s->r.metrics; m++)
			if (s->wanted[m])
				put_row(&to, s, &s->cell[i], m, bare);
		if (to.n >= STORE_CHUNK)
			result = out->put(out->context, &to);
	}
	if (result == 0)
		result = out->put(out->context, &to);
	buf_free(&to);
	return result;
}

static int
prepare(struct stat *s, struct error *e)
{
	size_t n = s->r.metrics + 1;

	s->wanted = xcalloc(n, sizeof *s->wanted);
	s->missing = xcalloc(3 * n, sizeof *s->missing);
	s->text = s->missing + n;
	s->again = s->text + n;
	s->value[0] = xcalloc(2 * s->r.runs + 1, sizeof(double));
	s->value[1] = s->value[0] + s->r.runs;
	make_cells(s);
	return choose_metrics(s, e) < 0 || choose_bases(s, e) < 0 ? -1 : 0;
}

static void
put_note(const struct stat *s)
{
	if (s->o->note == NULL)
		return;
	*s->o->note = (struct error){ 0 };
	if (s->without_base > 0)
		error_set(s->o->note, "%zu of %zu cells have no base, and so no overhead%s: %s",
		    s->without_base, s->cells,
		    s->base_level ? "" : " (--base FACTOR=LEVEL names one)", s->why.text);
}

int
store_stat(struct store *store, const struct store_stat_options *options,
    const struct store_out *out, struct error *e)
{
	struct store_stat_options o = *options;
	struct stat s = { .o = &o };
	int result = store_runs_read(&s.r, store, e);

	o.confidence = o.confidence > 0 ? o.confidence : 0.95;
	o.resamples = o.resamples > 0 ? o.resamples : STORE_STAT_RESAMPLES;
	if (result == 0)
		result = prepare(&s, e);
	if (result == 0) {
		find_all_bases(&s);
		result = put_table(&s, out);
		if (result < 0)
			*e = (struct error){ 0 };
		put_note(&s);
	}
	free(s.order);
	free(s.cell);
	free(s.wanted);
	free(s.missing);
	free(s.value[0]);
	free(s.base_level);
	store_runs_free(&s.r);
	return result;
}
