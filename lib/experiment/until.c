#include "experiment/until.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "experiment/run_values.h"
#include "stat/order.h"

static const double confidence = 0.95;

double
until_width(const double *sorted, uint64_t n, double *median)
{
	uint64_t lo, hi;
	double half;

	*median = n == 0 ? NAN : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
	if (!order_interval(n, 0.5, confidence, &lo, &hi))
		return INFINITY;
	half = (sorted[hi - 1] - sorted[lo - 1]) / 2;
	return half == 0 ? 0 : half / fabs(*median);
}

uint64_t
until_more(uint64_t n, double width, double wanted)
{
	double more;

	if (width <= wanted)
		return 0;
	if (n < UNTIL_LEAST)
		return UNTIL_LEAST - n;
	more = ceil((double)n * (width / wanted * (width / wanted) - 1));
	/* A quarter at least: a look that adds one value is a chance to stop, and tells little. */
	if (!(more < (double)n))
		return n;
	return more > (double)n / 4 ? (uint64_t)more : (n + 3) / 4;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct value {
	uint32_t cell;
	double value;
};

static int
by_cell(const void *a, const void *b)
{
	const struct value *x = a, *y = b;

	return (x->cell > y->cell) - (x->cell < y->cell);
}

/* The values of all runs that are done. */
static int
read_values(const struct progress *p, struct slice metric, struct until_cell *cell,
    struct value *value, size_t *n, struct error *e)
{
	for (size_t i = 0; i < p->plan->runs; i++) {
		const struct plan_run *run = &p->plan->run[i];
		struct until_cell *c = &cell[run->cell];
		char *path;
		int got;

		c->repetitions++;
		switch (p->run[i].state) {
		case PROGRESS_DONE:
			break;
		case PROGRESS_FAILED:
			c->failed++;
			continue;
		default:
			c->todo++;
			continue;
		}
		if (asprintf(&path, "%s/runs/%.*s/run.leat", p->results, SLICE_ARG(run->name)) < 0)
			abort();
		got = run_numbers(path, &metric, 1, &value[*n].value, e);
		free(path);
		if (got < 0)
			return -1;
		if (got > 0)
			value[(*n)++].cell = run->cell;
	}
	return 0;
}

int
until_look(const struct progress *p, struct slice metric, struct until_cell *cell, struct error *e)
{
	struct value *value = xcalloc(p->plan->runs + 1, sizeof *value);
	double *of_cell = xcalloc(p->plan->runs + 1, sizeof *of_cell);
	size_t n = 0;
	int result;

	for (uint64_t i = 0; i < p->plan->cells; i++)
		cell[i] = (struct until_cell){ .median = NAN, .width = INFINITY };
	result = read_values(p, metric, cell, value, &n, e);
	if (result == 0 && n > 0)
		qsort(value, n, sizeof *value, by_cell);
	for (size_t i = 0; result == 0 && i < n;) {
		uint32_t number = value[i].cell;
		struct until_cell *c = &cell[number];

		for (; i < n && value[i].cell == number; i++)
			of_cell[c->values++] = value[i].value;
		qsort(of_cell, c->values, sizeof *of_cell, by_value);
		c->width = until_width(of_cell, c->values, &c->median);
	}
	free(value);
	free(of_cell);
	return result;
}
