/* Profiles of known difference: what is called different, and how often where nothing differs.
 *
 * usage: flow_compare_stacks [EXPERIMENTS]	(600)
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "flow/compare_stacks.h"
#include "stat/random.h"
#include "unit.h"

enum { STACKS = 40, RUNS = 5 };

/* A file of folded lines, as a kind_input that holds all of it. */
static void
add(struct compare_stacks *c, unsigned side, struct buf *b, int nothing)
{
	static struct kind_input in;
	struct error e;

	CLAIM(b->n <= sizeof in.first);
	memcpy(in.first, b->p, b->n);
	in.n = b->n;
	in.fd = nothing;
	CLAIM(compare_stacks_read(c, side, &in, &e) == 0 && c->bad == 0);
	b->n = 0;
}

/* A run: the weight of stack i is i + 1 times 20, with noise of sampling and of the run; `changed` times `times` where i is below
 * `changed`. */
static void
run(struct random *r, struct buf *b, unsigned changed, double times, double noise)
{
	for (unsigned i = 0; i < STACKS; i++) {
		double mean =
		    20.0 * (i + 1) * exp(noise * random_normal(r)) * (i < changed ? times : 1);

		buf_printf(b, "main;f%u;g%u %.0f\n", i % 7, i, random_poisson(r, mean));
	}
}

/* Whether this stack or function has anything to do with those that are changed. */
static bool
is_changed(const struct compare_change *x, unsigned changed)
{
	struct slice g = x->name;

	if (x->what == COMPARE_STACK)
		for (unsigned semicolons = 0; semicolons < 2; semicolons++)
			slice_cut(&g, ';');
	for (unsigned i = 0; i < changed; i++) {
		char name[16];

		snprintf(name, sizeof name, "g%u", i);
		if (slice_eq(g, slice_of(name)))
			return true;
	}
	return false;
}

struct found {
	double any, right, wrong;
};

static struct found
experiment(unsigned n, const unsigned runs[2], unsigned changed, double times, int nothing)
{
	struct compare_stacks_options o = { 0.95, 0.05, changed ? 0.001 : 0.005, 1 };
	struct found sum = { 0 };
	struct buf b = BUF_INIT;
	struct random r;

	random_seed(&r, 1000 + changed, runs[1]);
	for (unsigned k = 0; k < n; k++) {
		struct compare_stacks *c = compare_stacks_new();
		unsigned right = 0, wrong = 0;

		o.seed = k;
		for (unsigned side = 0; side < 2; side++)
			for (unsigned i = 0; i < runs[side]; i++) {
				run(&r, &b, side ? changed : 0, times, 0.1);
				add(c, side, &b, nothing);
			}
		compare_stacks_test(c, &o);
		for (size_t i = 0; i < c->changes; i++) {
			const struct compare_change *x = &c->change[i];

			CLAIM(i == 0 || fabs(x[-1].b - x[-1].a) >= fabs(x->b - x->a));
			CLAIM(x->small ? isnan(x->p) && !x->different
				       : x->p > 0 && x->p <= 1 && x->q <= 1);
			CLAIM(x->lo <= x->hi);
			/* f and main change with what they call */
			if (!x->different ||
			    (changed && (x->name.p[0] == 'f' || slice_eq(x->name, SLICE("main")))))
				continue;
			if (is_changed(x, changed))
				right++;
			else
				wrong++;
		}
		sum.any += (right + wrong > 0) / (double)n;
		sum.right += right / (double)n;
		sum.wrong += right + wrong ? wrong / (double)(right + wrong) / n : 0;
		compare_stacks_free(c);
	}
	buf_free(&b);
	return sum;
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 600;
	int nothing[2];
	struct found found;
	double slack = 2.5 * sqrt(0.05 * 0.95 / n);

	CLAIM(pipe(nothing) == 0 && close(nothing[1]) == 0);
	/* Nothing differs: something is called different in at most 5 % of experiments. */
	found = experiment(n, (unsigned[]){ RUNS, RUNS }, 0, 1, nothing[0]);
	if (argc > 1)
		printf("equal profiles, 5 and 5 runs: %.2f %% called different\n", 100 * found.any);
	CLAIM(found.any <= 0.05 + slack);
	found = experiment(n / 4, (unsigned[]){ 6, 9 }, 0, 1, nothing[0]);
	if (argc > 1)
		printf("equal profiles, 6 and 9 runs: %.2f %% called different\n", 100 * found.any);
	CLAIM(found.any <= 0.05 + 2 * slack);
	/* Three stacks of forty, and their functions by self and in total, have doubled. */
	found = experiment(n / 4, (unsigned[]){ RUNS, RUNS }, 3, 2, nothing[0]);
	if (argc > 1)
		printf(
		    "three of %d doubled: %.2f of 9 rows found, %.2f %% of those found are wrong\n",
		    STACKS, found.right, 100 * found.wrong);
	CLAIM(found.right > 7 && found.wrong <= 0.05);
	return 0;
}
