#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "form/table.h"
#include "stat/order.h"
#include "stat/resample.h"
#include "store/store_cells.h"
#include "store/store_stat.h"

static const char *const fixed[] = { "experiment", "metric", "unit", "runs", "failed", "min",
	"median", "median_lo", "median_hi", "mean", "stddev", "max", "base", "overhead",
	"overhead_lo", "overhead_hi", "name" };
enum { FIXED = sizeof fixed / sizeof *fixed };

struct summary {
	const struct store_stat_options *o;
	struct store_runs r;
	struct store_cells cells;
	bool *wanted;                     /* of each metric */
	uint64_t *missing, *text, *again; /* values, of each metric */
	double *value[2];                 /* of a cell, and of its base */
	struct store_stat_told told;
};

/* ---- options ---- */

/* Who asks for a statistic by its name means it in all units. */
static void
with_other_units(struct summary *s, unsigned metric)
{
	const struct store_metric *asked = &s->r.metric[metric];

	for (unsigned i = metric + 1; i < s->r.metrics; i++)
		s->wanted[i] |= slice_eq(asked->title, asked->name) &&
				slice_eq(s->r.metric[i].name, asked->name) &&
				slice_eq(s->r.metric[i].section, asked->section);
}

static int
want(struct summary *s, struct slice name, struct error *e)
{
	struct buf there = BUF_INIT;
	bool found = slice_eq(name, SLICE("all"));

	for (unsigned i = 0; i < s->r.metrics; i++)
		if (slice_eq(s->r.metric[i].title, name) || slice_eq(name, SLICE("all"))) {
			s->wanted[i] = found = true;
			with_other_units(s, i);
		}
	if (found)
		return 0;
	for (unsigned i = 0; i < s->r.metrics; i++)
		buf_printf(&there, "%s%.*s", i ? ", " : "", SLICE_ARG(s->r.metric[i].title));
	error_set(e, "no metric %.*s; there %s%s", SLICE_ARG(name),
	    s->r.metrics ? "are: " : "is none", buf_str(&there));
	buf_free(&there);
	return -1;
}

static bool
is_number(const struct store_value *v)
{
	return (v->kind == STORE_INT || v->kind == STORE_REAL) && isfinite(v->real);
}

static bool
has_numbers(const struct summary *s, unsigned metric)
{
	for (size_t i = 0; i < s->r.runs; i++)
		if (is_number(&s->r.run[i].value[metric]))
			return true;
	return false;
}

static int
choose_metrics(struct summary *s, struct error *e)
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

		s->wanted[i] = slice_eq(m->section, SLICE("values")) && has_numbers(s, i);
		for (unsigned k = 0; slice_eq(m->section, SLICE("run")) && k < 4; k++)
			s->wanted[i] |= slice_eq(m->name, slice_of(usual[k]));
	}
	return 0;
}

/* ---- numbers ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The values of a metric in the runs of a cell, in rising order. */
static size_t
gather(const struct store_cell *c, unsigned metric, double *to)
{
	size_t n = 0;

	for (size_t i = 0; i < c->runs; i++) {
		const struct store_run *x = c->run[i];

		if (store_cells_counts(c, x) && is_number(&x->value[metric]))
			to[n++] = x->value[metric].real;
	}
	qsort(to, n, sizeof *to, by_value);
	return n;
}

/* Counts what is not among the numbers; a metric that no run of the cell has is none of its own. */
static void
count_losses(struct summary *s, const struct store_cell *c, unsigned metric)
{
	uint64_t missing = 0, text = 0, again = 0, there = 0;

	for (size_t i = 0; i < c->runs; i++) {
		const struct store_run *x = c->run[i];
		const struct store_value *v = &x->value[metric];

		if (!store_cells_counts(c, x))
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
put_numbers(struct buf *to, const struct summary *s, const double *v, size_t n)
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
stream_of(const struct summary *s, const struct store_cell *c, unsigned metric)
{
	struct buf b = BUF_INIT;
	uint64_t h;

	store_cells_put(&b, &s->cells, c, NULL);
	buf_char(&b, '\n');
	buf_slice(&b, s->r.metric[metric].title);
	h = hash_xxh64(b.p, b.n, 0);
	buf_free(&b);
	return h;
}

static void
put_overhead(
    struct buf *to, const struct summary *s, const struct store_cell *c, unsigned metric, size_t n)
{
	struct resample_sample a = { .value = s->value[1], .mean = NAN },
			       b = { .value = s->value[0], .n = n, .mean = NAN };
	struct resample_question question = { .q = 0.5,
		.confidence = s->o->confidence,
		.resamples = s->o->resamples,
		.seed = s->o->seed,
		.stream = stream_of(s, c, metric) };
	struct resample_answer answer = { .change = NAN, .lo = NAN, .hi = NAN };

	a.n = c->base ? gather(c->base, metric, s->value[1]) : 0;
	if (a.n > 0 && n > 0 && a.value[0] >= 0 && b.value[0] >= 0 &&
	    resample_statistic(&a, 0.5) > 0)
		resample_interval(&question, &a, &b, &answer);
	tab_number(to, answer.change - 1, 6);
	tab_number(to, answer.lo - 1, 6);
	tab_number(to, answer.hi - 1, 6);
}

static void
put_base(struct buf *to, const struct summary *s, const struct store_cell *c)
{
	struct buf b = BUF_INIT;

	buf_char(to, '\t');
	if (c->base == NULL)
		return;
	store_cells_put(&b, &s->cells, c->base, c);
	table_put_cell(to, buf_view(&b));
	buf_free(&b);
}

/* ---- the table ---- */

static bool
has_bare(const struct summary *s)
{
	for (size_t i = 0; i < s->cells.cells; i++)
		if (s->cells.cell[i].bare.n > 0)
			return true;
	return false;
}

static void
put_row(struct buf *to, struct summary *s, const struct store_cell *c, unsigned metric, bool bare)
{
	const struct store_metric *m = &s->r.metric[metric];
	size_t n = gather(c, metric, s->value[0]);

	/* Of a cell without runs, the failures stand by what all runs have. */
	if (n == 0 && (c->good > 0 || !slice_eq(m->section, SLICE("run"))))
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
put_lost(struct buf *to, struct summary *s, uint64_t n, const char *why, struct slice metric)
{
	if (n == 0)
		return;
	s->told.lost += n;
	buf_printf(to, "# lost=%" PRIu64 " why=%s", n, why);
	if (metric.p)
		table_put_word(to, "metric", metric);
	buf_char(to, '\n');
}

static void
put_head(struct buf *to, struct summary *s, bool bare)
{
	struct slice taken[FIXED];
	size_t failed = 0, others = 0;

	for (size_t i = 0; i < s->cells.cells; i++) {
		failed += s->cells.cell[i].failed;
		others += s->cells.cell[i].others;
	}
	buf_printf(to,
	    "# store table=stat runs=%zu cells=%zu confidence=%.6g%% seed=%" PRIu64
	    " resamples=%" PRIu32 "\n",
	    s->r.runs - failed, s->cells.cells, 100 * s->o->confidence, s->o->seed,
	    s->o->resamples);
	if (failed > 0)
		buf_printf(to, "# failed=%zu\n", failed);
	put_lost(to, s, others, "other-settings", (struct slice){ NULL, 0 });
	for (unsigned i = 0; i < s->r.metrics; i++)
		if (s->wanted[i]) {
			struct slice title = s->r.metric[i].title;

			for (size_t c = 0; c < s->cells.cells; c++)
				count_losses(s, &s->cells.cell[c], i);
			put_lost(to, s, s->missing[i], "missing", title);
			put_lost(to, s, s->text[i], "not-a-number", title);
			put_lost(to, s, s->again[i], "twice-in-a-run", title);
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
put_table(struct summary *s, const struct store_out *out)
{
	struct buf to = BUF_INIT;
	bool bare = has_bare(s);
	int result = 0;

	put_head(&to, s, bare);
	for (size_t i = 0; result == 0 && i < s->cells.cells; i++) {
		for (unsigned m = 0; m < s->r.metrics; m++)
			if (s->wanted[m])
				put_row(&to, s, &s->cells.cell[i], m, bare);
		if (to.n >= STORE_CHUNK)
			result = out->put(out->context, &to);
	}
	if (result == 0)
		result = out->put(out->context, &to);
	buf_free(&to);
	return result;
}

static int
prepare(struct summary *s, struct error *e)
{
	size_t n = s->r.metrics + 1;

	s->wanted = xcalloc(n, sizeof *s->wanted);
	s->missing = xcalloc(3 * n, sizeof *s->missing);
	s->text = s->missing + n;
	s->again = s->text + n;
	s->value[0] = xcalloc(2 * s->r.runs + 1, sizeof(double));
	s->value[1] = s->value[0] + s->r.runs;
	store_cells_make(&s->cells, &s->r);
	return choose_metrics(s, e);
}

static void
take_note(struct summary *s, long without, const struct error *why)
{
	if (without > 0)
		error_set(&s->told.note, "%ld of %zu cells have no base, so no overhead%s: %s",
		    without, s->cells.cells, s->o->base ? "" : " (--base FACTOR=LEVEL names one)",
		    why->text);
}

int
store_stat(struct store *store, const struct store_stat_options *options,
    const struct store_out *out, struct store_stat_told *told, struct error *e)
{
	struct store_stat_options o = *options;
	struct summary s = { .o = &o };
	struct error why, first = { "" };
	long without = -1;
	int result = store_runs_read(&s.r, store, e);

	o.confidence = o.confidence > 0 ? o.confidence : 0.95;
	o.resamples = o.resamples > 0 ? o.resamples : STORE_STAT_RESAMPLES;
	if (result == 0 && (prepare(&s, &why) < 0 ||
			       (without = store_cells_bases(&s.cells, o.base, &first, &why)) < 0))
		result = error_set(e, "%s: %.400s", store_path(store), why.text);
	if (without >= 0) {
		take_note(&s, without, &first);
		result = put_table(&s, out);
		if (result < 0)
			*e = (struct error){ 0 };
	}
	if (told)
		*told = s.told;
	free(s.wanted);
	free(s.missing);
	free(s.value[0]);
	store_cells_free(&s.cells);
	store_runs_free(&s.r);
	return result;
}
