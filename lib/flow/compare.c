#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "flow/compare.h"
#include "form/table.h"
#include "stat/fdr.h"

/* A row of the table: one statistic of one group. */
struct row {
	struct resample_sample side[2];
	double *values[2]; /* of the sides, where they are not those of a run */
	struct resample_bin *bins[2];
	struct resample_answer answer;
	uint64_t stream;
	double q;
};

/* ---- samples ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* No bin reaches beyond what was measured, and a whole number is in the middle of a bin of its own. */
static struct resample_bin *
bins_of(const struct hist *h, size_t *n)
{
	double min = hist_min(h), max = hist_max(h), half = h->real ? 0 : 0.5,
	       whole = h->real ? 0 : 1;
	struct resample_bin *bin = NULL;
	struct hist_bin one;
	size_t at = 0, cap = 0;

	*n = 0;
	while (hist_next(h, &at, &one)) {
		GROW(bin, cap, *n);
		bin[(*n)++] = (struct resample_bin){ fmax(one.lo, min) - half,
			fmin(one.hi - whole, max) + half, one.count };
	}
	return bin;
}

/* All values of a run; what must be freed goes to *bins. */
static struct resample_sample
sample_of_run(const struct compare_run *run, struct resample_bin **bins)
{
	struct resample_sample s = { .mean = NAN };

	*bins = NULL;
	if (run->hist) {
		s.bin = *bins = bins_of(run->hist, &s.bins);
		s.mean = hist_mean(run->hist);
	} else {
		s.value = run->value;
		s.n = run->n;
	}
	return s;
}

static size_t
values_of(const struct compare_side *side)
{
	size_t n = 0;

	for (size_t i = 0; i < side->runs; i++)
		n += side->run[i].n;
	return n;
}

/* The values of a side for a row: those of its only run, of all runs, or a statistic of each run. */
static void
sample(
    struct row *row, unsigned s, const struct compare_side *side, double q, bool several, bool pool)
{
	size_t n = 0;

	row->side[s] = (struct resample_sample){ .mean = NAN };
	if (side->runs == 0)
		return;
	if (!several && side->runs == 1) {
		row->side[s] = sample_of_run(&side->run[0], &row->bins[s]);
		return;
	}
	row->values[s] = xcalloc((pool ? values_of(side) : side->runs) + 1, sizeof(double));
	for (size_t i = 0; i < side->runs; i++) {
		const struct compare_run *run = &side->run[i];
		struct resample_bin *bins;
		struct resample_sample all;

		if (pool) {
			memcpy(row->values[s] + n, run->value, run->n * sizeof(double));
			n += run->n;
			continue;
		}
		all = sample_of_run(run, &bins);
		row->values[s][n++] = resample_statistic(&all, q);
		free(bins);
	}
	qsort(row->values[s], n, sizeof(double), by_value);
	row->side[s].value = row->values[s];
	row->side[s].n = n;
}

static void
row_free(struct row *row)
{
	for (unsigned s = 0; s < 2; s++) {
		free(row->values[s]);
		free(row->bins[s]);
	}
}

/* Whether B / A would say nothing: a value is negative, or a statistic not above 0. */
static bool
no_ratio(const struct row *row, double q)
{
	for (unsigned s = 0; s < 2; s++) {
		const struct resample_sample *x = &row->side[s];

		if (x->n == 0 && x->bins == 0)
			continue;
		if ((x->value ? x->value[0] : x->bin[0].lo) < 0 || !(resample_statistic(x, q) > 0))
			return true;
	}
	return false;
}

/* ---- text ---- */

void
compare_put_number(struct buf *to, double v, int digits)
{
	if (isnan(v))
		buf_char(to, '-');
	else
		buf_printf(to, "%.*g", digits, v == 0 ? 0 : v);
}

void
compare_put_change(struct buf *to, double change, bool difference, const char *unit)
{
	if (!difference && change >= 10)
		buf_printf(to, "x%.3g", change);
	else if (!difference)
		buf_printf(to, "%+.3g%%", 100 * (change - 1));
	else
		buf_printf(to, "%+.3g%s", change, unit);
}

static void
put_name(struct buf *to, double q)
{
	if (q == RESAMPLE_MEAN)
		buf_slice(to, SLICE("mean"));
	else if (q == 0.5)
		buf_slice(to, SLICE("median"));
	else
		buf_printf(to, "p%.10g", 100 * q);
}

static bool
changed(const struct resample_answer *a, bool difference)
{
	double none = difference ? 0 : 1;

	return a->lo > none || a->hi < none;
}

static size_t
runs_of(const struct resample_sample *s)
{
	uint64_t n = s->n;

	for (size_t i = 0; i < s->bins; i++)
		n += s->bin[i].count;
	return (size_t)n;
}

/* The row without its group; true where it is different. */
static bool
put_row(struct buf *to, const struct row *row, double q, bool difference, double fdr)
{
	const struct resample_answer *a = &row->answer;
	bool different = changed(a, difference) && row->q <= fdr;
	size_t runs[2] = { runs_of(&row->side[0]), runs_of(&row->side[1]) };
	double number[] = { a->change, a->lo, a->hi };

	put_name(to, q);
	buf_printf(to, "\t%zu\t%zu\t", runs[0], runs[1]);
	compare_put_number(to, a->a, 10);
	buf_char(to, '\t');
	compare_put_number(to, a->b, 10);
	for (unsigned i = 0; i < 3; i++) {
		buf_char(to, '\t');
		compare_put_number(to, number[i], 6);
	}
	buf_char(to, '\t');
	compare_put_number(to, a->p, 4);
	buf_char(to, '\t');
	compare_put_number(to, row->q, 4);
	buf_char(to, '\t');
	if (runs[0] == 0 || runs[1] == 0)
		buf_printf(to, "only %s", runs[0] ? "A" : "B");
	else if (isnan(a->lo))
		buf_slice(to, SLICE("too few"));
	else if (!different)
		buf_char(to, '~');
	else
		compare_put_change(to, a->change, difference, "");
	buf_char(to, '\n');
	return different;
}

/* Which rows a side took: "program=heap data=random". */
static void
put_where(struct buf *to, const char *key, const struct where *w)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < w->n; i++)
		buf_printf(&b, "%s%.*s=%.*s", i ? " " : "", SLICE_ARG(w->condition[i].column),
		    SLICE_ARG(w->condition[i].value));
	if (b.n > 0)
		table_put_word(to, key, buf_view(&b));
	buf_free(&b);
}

static void
put_head(struct buf *to, const struct compare_runs *r, const struct compare_options *o, bool pool,
    const struct buf *geomeans)
{
	const char *kind = r->kind == KIND_HISTOGRAM ? "histograms"
			   : r->kind == KIND_TABLE   ? "table"
						     : "numbers";
	bool several = r->files[0] > 1 || r->files[1] > 1;

	buf_printf(to, "# compare kind=%s a=%u b=%u run=%s", kind, r->used[0], r->used[1],
	    several && !pool ? "file" : "value");
	if (r->column.p)
		table_put_word(to, "column", r->column);
	if (r->unit.n > 0)
		table_put_word(to, "unit", r->unit);
	put_where(to, "where_a", &r->where[0]);
	put_where(to, "where_b", &r->where[1]);
	buf_printf(to, " decides=%s seed=%" PRIu64 " resamples=%u confidence=%.6g%% fdr=%.6g%%\n",
	    o->mean ? "mean" : "median", o->seed, o->resamples, 100 * o->confidence, 100 * o->fdr);
	losses_put(&r->losses, to);
	if (r->missing > 0)
		buf_printf(to, "# missing=%" PRIu64 "\n", r->missing);
	if (r->without > 0)
		buf_printf(to, "# without=%" PRIu64 "\n", r->without);
	buf_slice(to, buf_view(geomeans));
	for (unsigned i = 0; i < r->bys; i++) {
		table_put_cell(to, r->by[i]);
		buf_char(to, '\t');
	}
}

/* ---- several groups ---- */

enum { DEALS = 1000 };

/* q of one statistic of all groups: p of what chance does to the changes of all of them, corrected for their number. The
 * rows are `stride` apart. */
static void
adjust(struct row *row, size_t groups, size_t stride, const struct resample_question *question)
{
	double *p = xcalloc(2 * groups + DEALS + 1, sizeof *p), *size = p + groups,
	       *dealt = size + groups;
	struct resample_question one = *question;
	struct fdr_pool pool;
	bool bins = false;
	size_t n;

	for (size_t g = 0; g < groups; g++) {
		struct row *x = &row[g * stride];

		p[g] = x->answer.p;
		bins |= x->side[0].bins > 0 || x->side[1].bins > 0;
		one.stream = x->stream;
		size[g] = groups > 1 && !bins
			      ? resample_deal(&one, &x->side[0], &x->side[1], dealt, 1, &n)
			      : NAN;
	}
	if (groups > 1 && !bins) {
		fdr_pool_init(&pool, size, groups);
		for (size_t g = 0; g < groups; g++) {
			struct row *x = &row[g * stride];

			one.stream = x->stream;
			resample_deal(&one, &x->side[0], &x->side[1], dealt, DEALS, &n);
			for (size_t i = 0; i < n; i++)
				fdr_pool_add(&pool, dealt[i], 1 / (double)n);
		}
		fdr_pool_done(&pool, size, p, groups);
	}
	if (groups > 1)
		fdr_adjust(p, p, groups);
	for (size_t g = 0; g < groups; g++)
		row[g * stride].q = p[g];
	free(p);
}

/* The geometric mean of the ratios of a statistic, and its interval: resamples of all groups together are one of it. */
static void
put_geomean(struct buf *to, const struct row *row, size_t groups, size_t stride, double q,
    const struct compare_options *o, double *log_ratios)
{
	double sum = 0, n = 0;
	size_t out;

	for (size_t g = 0; g < groups; g++)
		if (!isnan(row[g * stride].answer.lo)) {
			sum += log(row[g * stride].answer.change);
			n++;
		}
	if (n < 2)
		return;
	qsort(log_ratios, o->resamples, sizeof *log_ratios, by_value);
	out = (size_t)((1 - o->confidence) / 2 * o->resamples);
	buf_printf(to, "# geomean=%.6g lo=%.6g hi=%.6g of=%.0f what=", exp(sum / n),
	    exp(log_ratios[out] / n), exp(log_ratios[o->resamples - 1 - out] / n), n);
	put_name(to, q);
	buf_char(to, '\n');
}

/* ---- the table ---- */

void
compare_table(struct compare_runs *r, const struct compare_options *o, struct buf *to,
    struct compare_result *result)
{
	unsigned statistics = 2 + o->percentiles;
	bool pool = o->pool && r->kind != KIND_HISTOGRAM,
	     several = (r->files[0] > 1 || r->files[1] > 1) && !pool;
	struct row *row = xcalloc(r->groups * statistics + 1, sizeof *row);
	double q[2 + COMPARE_PERCENTILES_MAX] = { 0.5, RESAMPLE_MEAN };
	double *log_ratios = xmalloc((size_t)o->resamples * sizeof *log_ratios);

	struct buf geomeans = BUF_INIT;

	*result = (struct compare_result){ .difference = o->difference };
	compare_runs_sort(r);
	for (unsigned i = 0; i < o->percentiles; i++)
		q[2 + i] = o->percentile[i];
	for (size_t g = 0; g < r->groups; g++)
		for (unsigned i = 0; i < statistics; i++) {
			struct row *x = &row[g * statistics + i];

			for (unsigned s = 0; s < 2; s++)
				sample(x, s, &r->group[g].side[s], q[i], several, pool);
			result->difference |=
			    no_ratio(x, several && q[i] != RESAMPLE_MEAN ? 0.5 : q[i]);
		}
	for (unsigned i = 0; i < statistics; i++) {
		/* Of runs that are files, the middle one is asked for whatever each of them says. */
		struct resample_question question = { several && q[i] != RESAMPLE_MEAN ? 0.5 : q[i],
			result->difference, o->confidence, o->resamples, o->seed, 0,
			r->groups > 1 && !result->difference ? log_ratios : NULL };

		memset(log_ratios, 0, o->resamples * sizeof *log_ratios);
		for (size_t g = 0; g < r->groups; g++) {
			struct row *x = &row[g * statistics + i];
			struct slice label = r->group[g].label;

			x->stream = question.stream =
			    hash_xxh64(label.p, label.n, (uint64_t)(int64_t)(q[i] * 1e6));
			resample_compare(&question, &x->side[0], &x->side[1], &x->answer);
		}
		adjust(row + i, r->groups, statistics, &question);
		if (question.log_ratios)
			put_geomean(&geomeans, row + i, r->groups, statistics, q[i], o, log_ratios);
	}
	put_head(to, r, o, pool, &geomeans);
	buf_printf(to, "what\truns_A\truns_B\tA\tB\t%s\tlo\thi\tp\tq\tverdict\n",
	    result->difference ? "difference" : "ratio");
	for (size_t g = 0; g < r->groups; g++) {
		const struct row *first = &row[g * statistics];
		bool alone = runs_of(&first->side[0]) == 0 || runs_of(&first->side[1]) == 0;

		result->alone += alone;
		result->few += !alone && isnan(first->answer.lo);
		for (unsigned i = 0; i < statistics; i++) {
			bool different;

			if (r->bys > 0) {
				buf_slice(to, r->group[g].label);
				buf_char(to, '\t');
			}
			different = put_row(to, &first[i], q[i], result->difference, o->fdr);
			result->rows++;
			result->different += different && i == (o->mean ? 1 : 0);
			row_free(&row[g * statistics + i]);
		}
	}
	buf_free(&geomeans);
	free(log_ratios);
	free(row);
}
