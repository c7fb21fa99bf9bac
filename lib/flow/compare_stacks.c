#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/hash.h"
#include "flow/compare.h"
#include "flow/compare_stacks.h"
#include "form/folded.h"
#include "form/table.h"
#include "stat/fdr.h"
#include "stat/profile.h"
#include "stat/random.h"
#include "stat/resample.h"

/* Names to dense numbers. */
struct names {
	struct slice *name;
	size_t n, cap;
	struct hash_set set;
	struct arena arena;
};

/* Shares by number; those beyond n are 0. */
struct shares {
	double *share;
	size_t n, cap;
};

struct run {
	unsigned side;
	double weight;
	struct shares of[3]; /* by enum compare_what */
};

struct compare_stacks_parts {
	struct names functions, stacks;
	struct run *run;
	size_t runs, cap;
};

/* ---- reading ---- */

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct names *n = context;

	return hash_bytes(n->name[item].p, n->name[item].n);
}

static uint32_t
intern(struct names *names, struct slice s)
{
	uint64_t h = hash_bytes(s.p, s.n);

	for (struct hash_probe at = hash_first(&names->set, h); hash_found(&names->set, &at);
	     hash_next(&names->set, &at))
		if (slice_eq(names->name[at.item], s))
			return at.item;
	GROW(names->name, names->cap, names->n);
	names->name[names->n] = arena_copy(&names->arena, s);
	hash_add(&names->set, h, (uint32_t)names->n, rehash, names);
	return (uint32_t)names->n++;
}

static void
share_set(struct shares *s, uint32_t i, double share)
{
	GROW(s->share, s->cap, i);
	while (s->n <= i)
		s->share[s->n++] = 0;
	s->share[i] = share;
}

struct compare_stacks *
compare_stacks_new(void)
{
	struct compare_stacks *c = xcalloc(1, sizeof *c);

	c->parts = xcalloc(1, sizeof *c->parts);
	return c;
}

static void
add_run(struct compare_stacks *c, unsigned side, const struct folded *f, double weight)
{
	struct compare_stacks_parts *parts = c->parts;
	struct profile profile = PROFILE_INIT;
	uint32_t *id = NULL;
	size_t cap = 0;
	struct run *run;

	GROW(parts->run, parts->cap, parts->runs);
	run = &parts->run[parts->runs++];
	*run = (struct run){ .side = side, .weight = weight };
	for (size_t i = 0; i < f->stacks; i++) {
		struct slice rest = f->stack[i].stack;
		size_t n = 0;

		share_set(&run->of[COMPARE_STACK], intern(&parts->stacks, rest),
		    (double)f->stack[i].weight / weight);
		while (rest.n > 0) {
			GROW(id, cap, n);
			id[n++] = intern(&parts->functions, slice_cut(&rest, ';'));
		}
		profile_add(&profile, id, n, f->stack[i].weight);
	}
	for (size_t i = 0; i < profile.functions; i++) {
		const struct profile_function *p = &profile.function[i];

		share_set(&run->of[COMPARE_SELF], p->id, (double)p->self / weight);
		share_set(&run->of[COMPARE_TOTAL], p->id, (double)p->total / weight);
	}
	profile_free(&profile);
	free(id);
}

int
compare_stacks_read(
    struct compare_stacks *c, unsigned side, const struct kind_input *in, struct error *e)
{
	struct folded f = FOLDED_INIT;
	double weight = 0;
	int result;

	result = folded_read(&f, in->fd, in->first, in->n, e);
	c->bad += f.bad;
	c->first_bad = f.first_bad;
	for (size_t i = 0; i < f.stacks; i++)
		weight += (double)f.stack[i].weight;
	if (result == 0 && weight > 0) {
		add_run(c, side, &f, weight);
		c->runs[side]++;
		c->weight[side] += weight;
	} else if (result == 0) {
		result = error_set(e, "no stack has a weight");
	}
	folded_free(&f);
	return result;
}

/* ---- testing ---- */

/* Rows of shares, one for each thing that is compared, the runs of A first. */
struct matrix {
	double *share, *sum, *squares;
	size_t rows, runs, na, nb;
};

static double
share_of(const struct shares *s, size_t i)
{
	return i < s->n ? s->share[i] : 0;
}

static void
gather(struct compare_stacks *c, struct matrix *m)
{
	const struct compare_stacks_parts *parts = c->parts;
	const struct names *names[] = { &parts->functions, &parts->functions, &parts->stacks };
	size_t row = 0;

	*m = (struct matrix){ .runs = parts->runs, .na = c->runs[0], .nb = c->runs[1] };
	m->rows = 2 * parts->functions.n + parts->stacks.n; /* at most */
	m->share = xcalloc(m->rows * m->runs + 1, sizeof *m->share);
	m->sum = xcalloc(m->rows + 1, sizeof *m->sum);
	m->squares = xcalloc(m->rows + 1, sizeof *m->squares);
	c->change = xcalloc(m->rows + 1, sizeof *c->change);
	for (size_t what = 0; what < 3; what++)
		for (size_t i = 0; i < names[what]->n; i++) {
			double *x = &m->share[row * m->runs];
			size_t at[2] = { 0, m->na };

			c->change[row].what = (enum compare_what)what;
			c->change[row].name = names[what]->name[i];
			for (size_t k = 0; k < parts->runs; k++) {
				const struct run *run = &parts->run[k];
				double share = share_of(&run->of[what], i);

				x[at[run->side]++] = share;
				m->sum[row] += share;
				m->squares[row] += share * share;
			}
			/* A function that only calls others has no self to compare. */
			row += m->sum[row] > 0;
		}
	m->rows = c->changes = row;
}

/* The difference of means of a row where these runs are A, and its standard error. */
static double
difference(const struct matrix *m, size_t row, const uint32_t *a, double *error)
{
	const double *x = &m->share[row * m->runs];
	double na = (double)m->na, nb = (double)m->nb, sum = 0, ma, mb, rest;

	for (size_t i = 0; i < m->na; i++)
		sum += x[a[i]];
	ma = sum / na;
	mb = (m->sum[row] - sum) / nb;
	rest = fmax(0, m->squares[row] - na * ma * ma - nb * mb * mb);
	*error = sqrt(rest / (na + nb - 2) * (1 / na + 1 / nb));
	return mb - ma;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Random runs for A, in rising order. */
static void
deal(struct random *r, uint32_t *a, size_t na, size_t n)
{
	size_t left = na;

	for (size_t i = 0; i < n; i++)
		if (random_below(r, n - i) < left)
			a[na - left--] = (uint32_t)i;
}

/* What is added to the standard error of a row: that of a typical row with its mean, as variances grow with the mean where
 * samples are counted. No way to deal the runs changes it. */
static double *
typical_errors(const struct matrix *m)
{
	double *floor = xmalloc((m->rows + 1) * sizeof *floor),
	       *sorted = xmalloc((m->rows + 1) * sizeof *sorted), n = (double)m->runs,
	       scale = sqrt(1 / (double)m->na + 1 / (double)m->nb), typical;

	for (size_t i = 0; i < m->rows; i++) {
		double mean = m->sum[i] / n;

		floor[i] = sqrt(mean);
		sorted[i] =
		    scale * sqrt(fmax(0, m->squares[i] - n * mean * mean) / (n - 1)) / floor[i];
	}
	qsort(sorted, m->rows, sizeof *sorted, by_value);
	/* none, where programs do the same in each run */
	typical = fmax(sorted[m->rows / 2], 1e-12);
	for (size_t i = 0; i < m->rows; i++)
		floor[i] *= typical;
	free(sorted);
	return floor;
}

static void
pooled_p(const struct matrix *m, uint64_t seed, double *p)
{
	uint32_t *a = xmalloc((m->na + 1) * sizeof *a);
	double *size = xmalloc((m->rows + 1) * sizeof *size), *floor = typical_errors(m), error;
	uint64_t ways = resample_ways(m->runs, m->na, COMPARE_DEALS), deals;
	struct fdr_pool pool;
	struct random r;

	resample_first(a, (uint32_t)m->na);
	for (size_t i = 0; i < m->rows; i++) {
		size[i] = fabs(difference(m, i, a, &error));
		size[i] /= error + floor[i];
	}
	deals = ways <= COMPARE_DEALS
		    ? ways
		    : (uint64_t)fmax(
			  100, fmin(COMPARE_DEALS, 4e8 / ((double)m->rows * (double)m->runs)));
	random_seed(&r, seed, 0);
	fdr_pool_init(&pool, size, m->rows);
	/* the first deal is the one that is there */
	for (uint64_t d = 0; d < deals; d++) {
		for (size_t i = 0; i < m->rows; i++) {
			double by_chance = fabs(difference(m, i, a, &error));

			fdr_pool_add(&pool, by_chance / (error + floor[i]), 1 / (double)deals);
		}
		if (ways <= COMPARE_DEALS)
			resample_next(a, (uint32_t)m->na, (uint32_t)m->runs);
		else
			deal(&r, a, m->na, m->runs);
	}
	fdr_pool_done(&pool, size, p, m->rows);
	free(a);
	free(size);
	free(floor);
}

static void
mean_and_error(const double *x, size_t n, double *mean, double *square)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	*mean = n ? sum / (double)n : 0;
	sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (x[i] - *mean) * (x[i] - *mean);
	*square = n > 1 ? sum / ((double)n - 1) / (double)n : 0;
}

static void
interval(struct compare_change *x, const struct matrix *m, size_t row, double confidence)
{
	double va, vb, df, out;

	mean_and_error(&m->share[row * m->runs], m->na, &x->a, &va);
	mean_and_error(&m->share[row * m->runs] + m->na, m->nb, &x->b, &vb);
	x->lo = x->hi = x->p = x->q = NAN;
	if (m->na < RESAMPLE_FEW || m->nb < RESAMPLE_FEW)
		return;
	df =
	    (va + vb) * (va + vb) / (va * va / ((double)m->na - 1) + vb * vb / ((double)m->nb - 1));
	out = va + vb > 0 ? sqrt(va + vb) * resample_t_quantile((1 + confidence) / 2, df) : 0;
	x->lo = x->b - x->a - out;
	x->hi = x->b - x->a + out;
}

static int
by_change(const void *a, const void *b)
{
	const struct compare_change *x = a, *y = b;
	double dx = fabs(x->b - x->a), dy = fabs(y->b - y->a);

	if (dx != dy)
		return dx > dy ? -1 : 1;
	return x->what != y->what ? (int)x->what - (int)y->what : slice_cmp(x->name, y->name);
}

/* Moves the rows that are tested to the front; how many there are. */
static size_t
choose(struct compare_stacks *c, struct matrix *m, double least)
{
	size_t chosen = 0;

	for (size_t i = 0; i < m->rows; i++) {
		struct compare_change change = c->change[i];
		double sum = m->sum[i], squares = m->squares[i];

		c->change[i].small = sum / (double)m->runs < least;
		if (c->change[i].small)
			continue;
		c->change[i] = c->change[chosen];
		c->change[chosen] = change;
		m->sum[i] = m->sum[chosen];
		m->sum[chosen] = sum;
		m->squares[i] = m->squares[chosen];
		m->squares[chosen] = squares;
		for (size_t k = 0; k < m->runs; k++) {
			double x = m->share[i * m->runs + k];

			m->share[i * m->runs + k] = m->share[chosen * m->runs + k];
			m->share[chosen * m->runs + k] = x;
		}
		chosen++;
	}
	return chosen;
}

void
compare_stacks_test(struct compare_stacks *c, const struct compare_stacks_options *o)
{
	struct matrix m;
	double *p;

	gather(c, &m);
	for (size_t i = 0; i < m.rows; i++)
		interval(&c->change[i], &m, i, o->confidence);
	if (m.na >= RESAMPLE_FEW && m.nb >= RESAMPLE_FEW)
		m.rows = choose(c, &m, o->least_share);
	else
		m.rows = 0;
	if (m.rows > 0) {
		p = xmalloc(m.rows * sizeof *p);
		pooled_p(&m, o->seed, p);
		for (size_t i = 0; i < m.rows; i++)
			c->change[i].p = p[i];
		fdr_adjust(p, p, m.rows);
		for (size_t i = 0; i < m.rows; i++) {
			struct compare_change *x = &c->change[i];

			x->q = p[i];
			x->different = x->q <= o->fdr && (x->lo > 0 || x->hi < 0);
		}
		free(p);
	}
	if (c->changes > 0)
		qsort(c->change, c->changes, sizeof *c->change, by_change);
	free(m.share);
	free(m.sum);
	free(m.squares);
}

/* ---- the table ---- */

size_t
compare_stacks_table(const struct compare_stacks *c, const struct compare_stacks_options *o,
    uint64_t limit, const struct losses *losses, struct buf *to)
{
	static const char *const names[] = { "self", "total", "stack" };
	size_t different = 0, small = 0;

	for (size_t i = 0; i < c->changes; i++) {
		different += c->change[i].different;
		small += c->change[i].small;
	}
	buf_printf(to,
	    "# compare kind=folded a=%u b=%u run=file unit=%% seed=%" PRIu64
	    " confidence=%.6g%% fdr=%.6g%%"
	    " least_share=%.6g%%\n# rows=%zu small=%zu different=%zu\n",
	    c->runs[0], c->runs[1], o->seed, 100 * o->confidence, 100 * o->fdr,
	    100 * o->least_share, c->changes, small, different);
	losses_put(losses, to);
	buf_printf(to, "what\tname\tA\tB\tdifference\tlo\thi\tp\tq\tverdict\n");
	for (size_t i = 0; i < c->changes && i < limit; i++) {
		const struct compare_change *x = &c->change[i];
		double number[] = { x->a, x->b, x->b - x->a, x->lo, x->hi };

		buf_printf(to, "%s\t", names[x->what]);
		table_put_cell(to, x->name);
		for (unsigned k = 0; k < 5; k++) {
			buf_char(to, '\t');
			compare_put_number(to, 100 * number[k], 6);
		}
		buf_char(to, '\t');
		compare_put_number(to, x->p, 4);
		buf_char(to, '\t');
		compare_put_number(to, x->q, 4);
		buf_char(to, '\t');
		if (x->small)
			buf_slice(to, SLICE("small"));
		else if (isnan(x->q))
			buf_slice(to, SLICE("too few"));
		else if (!x->different)
			buf_char(to, '~');
		else
			compare_put_change(to, 100 * (x->b - x->a), true, "pp");
		buf_char(to, '\n');
	}
	return different;
}

/* ---- two columns ---- */

static int
by_name(const void *a, const void *b)
{
	return slice_cmp((*(const struct compare_change *const *)a)->name,
	    (*(const struct compare_change *const *)b)->name);
}

void
compare_stacks_lines(const struct compare_stacks *c, bool significant, struct buf *to)
{
	const struct compare_change **stack = xmalloc((c->changes + 1) * sizeof *stack);
	double scale = fmin(fmax(c->weight[0], c->weight[1]), 1e15);
	size_t n = 0;

	for (size_t i = 0; i < c->changes; i++)
		if (c->change[i].what == COMPARE_STACK)
			stack[n++] = &c->change[i];
	qsort(stack, n, sizeof *stack, by_name);
	for (size_t i = 0; i < n; i++) {
		double b = rint(stack[i]->b * scale), a = rint(stack[i]->a * scale);

		buf_slice(to, stack[i]->name);
		buf_printf(to, " %.0f %.0f\n", significant && !stack[i]->different ? b : a, b);
	}
	free(stack);
}

static void
names_free(struct names *n)
{
	free(n->name);
	hash_free(&n->set);
	arena_free(&n->arena);
}

void
compare_stacks_free(struct compare_stacks *c)
{
	struct compare_stacks_parts *parts = c->parts;

	for (size_t i = 0; i < parts->runs; i++)
		for (unsigned what = 0; what < 3; what++)
			free(parts->run[i].of[what].share);
	free(parts->run);
	names_free(&parts->functions);
	names_free(&parts->stacks);
	free(parts);
	free(c->change);
	free(c);
}
