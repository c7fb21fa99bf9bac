/* Bins against sorted values; spreading keeps all that there is; densities integrate to 1. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "stat/density.h"
#include "unit.h"

enum { VALUES = 3000, POINTS = 2000 };

static uint64_t seed = 7;

static double
uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 11) / 9007199254740992.0;
}

static int
rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static bool
near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance;
}

static void
exact_values(void)
{
	static struct density_bin bin[VALUES];
	static double v[VALUES];
	double sum = 0, squares = 0;
	struct density_box box;
	size_t n;

	for (size_t i = 0; i < VALUES; i++) {
		v[i] = floor(uniform() * uniform() * 500) - 20;
		bin[i] = (struct density_bin){ v[i], v[i], 1 };
		sum += v[i];
	}
	n = density_sort(bin, VALUES);
	qsort(v, VALUES, sizeof v[0], rising);
	CLAIM(n < VALUES && density_total(bin, n) == VALUES);
	for (size_t i = 1; i < n; i++)
		CLAIM(bin[i - 1].lo < bin[i].lo);
	for (double q = 0; q <= 1; q += 0.0137) {
		size_t rank = (size_t)ceil(q * VALUES);

		CLAIM(density_quantile(bin, n, q) == v[rank ? rank - 1 : 0]);
	}
	CLAIM(near(density_mean(bin, n), sum / VALUES, 1e-9));
	for (size_t i = 0; i < VALUES; i++)
		squares += (v[i] - sum / VALUES) * (v[i] - sum / VALUES);
	CLAIM(near(density_stddev(bin, n), sqrt(squares / (VALUES - 1)), 1e-9));

	/* Whiskers end at values, within 1.5 interquartile ranges, and the next value is beyond. */
	density_box(bin, n, &box);
	CLAIM(box.low <= box.q1 && box.q1 <= box.median && box.median <= box.q3 &&
	      box.q3 <= box.high);
	CLAIM(box.high <= box.q3 + 1.5 * (box.q3 - box.q1));
	for (size_t i = 0; i < n; i++)
		CLAIM(bin[i].lo <= box.high || bin[i].lo > box.q3 + 1.5 * (box.q3 - box.q1));
	CLAIM(bin[0].lo == box.low);
}

static void
spreading(void)
{
	for (int round = 0; round < 200; round++) {
		struct density_bin bin[40];
		double edge[22], cell[21], below = 0, above = 0, sum = 0, at = -uniform() * 10,
					   total = 0;
		size_t n = 0, cells = 1 + (size_t)(uniform() * 20);

		for (; n < 40; n++) {
			double width = uniform() < 0.3 ? 0 : uniform();

			bin[n] = (struct density_bin){ at, at + width, 1 + floor(uniform() * 9) };
			at += width + uniform() * (width == 0 ? 1 : uniform() < 0.5);
			at += width == 0 ? 1e-6 : 0;
			total += bin[n].n;
		}
		edge[0] = -5;
		for (size_t i = 0; i < cells; i++)
			edge[i + 1] = edge[i] + 0.01 + uniform();
		density_spread(bin, n, edge, cells, cell, &below, &above);
		for (size_t i = 0; i < cells; i++) {
			CLAIM(cell[i] >= 0);
			sum += cell[i];
		}
		CLAIM(near(sum + below + above, total, 1e-9 * total));
		/* A cell has what of the bins lies in it. */
		for (size_t i = 0; i < cells; i++) {
			double want = 0;

			for (size_t k = 0; k < n; k++) {
				double width = bin[k].hi - bin[k].lo;
				double lo = fmax(bin[k].lo, edge[i]),
				       hi = fmin(bin[k].hi, edge[i + 1]);

				if (width == 0)
					want += bin[k].lo >= edge[i] && bin[k].lo < edge[i + 1]
						    ? bin[k].n
						    : 0;
				else if (hi > lo)
					want += bin[k].n * (hi - lo) / width;
			}
			CLAIM(near(cell[i], want, 1e-9));
		}
	}
	/* The last edge belongs to the last cell; ends that are infinite are outside. */
	double cell[2], below = 0, above = 0;

	density_spread((struct density_bin[]){ { -INFINITY, 0, 3 }, { 0, 0, 1 }, { 1, 1, 2 },
			   { 2, 2, 4 }, { 2, INFINITY, 5 } },
	    5, (double[]){ 0, 1, 2 }, 2, cell, &below, &above);
	CLAIM(below == 3 && cell[0] == 1 && cell[1] == 6 && above == 5);
}

static void
kernels(void)
{
	static struct density_bin bin[9000];
	static double x[POINTS], y[POINTS];
	double h, sum = 0, mean = 0;
	size_t n;

	/* More bins than are kept apart: the sum of three uniforms, of mean 1.5. */
	for (size_t i = 0; i < 9000; i++) {
		double v = uniform() + uniform() + uniform();

		bin[i] = (struct density_bin){ v, v, 1 };
	}
	n = density_sort(bin, 9000);
	h = density_bandwidth(bin, n);
	CLAIM(h > 0.01 && h < 0.2);
	for (size_t i = 0; i < POINTS; i++)
		x[i] = -2 + 7.0 * (double)i / POINTS;
	density_kernel(bin, n, h, x, POINTS, y);
	for (size_t i = 0; i < POINTS; i++) {
		CLAIM(y[i] >= 0);
		sum += y[i] * 7.0 / POINTS;
		mean += x[i] * y[i] * 7.0 / POINTS;
	}
	CLAIM(near(sum, 1, 1e-6) && near(mean, density_mean(bin, n), 1e-3));
	/* 0.75 in the middle: Irwin and Hall. */
	CLAIM(near(y[1000], 0.75, 0.05));

	/* Equal values have a width all the same. */
	bin[0] = (struct density_bin){ 5, 5, 100 };
	h = density_bandwidth(bin, 1);
	CLAIM(h > 0 && h < 1);
	bin[0] = (struct density_bin){ 0, 0, 1 };
	CLAIM(density_bandwidth(bin, 1) > 0);
}

int
main(void)
{
	struct density_bin one = { 3, 5, 2 };

	exact_values();
	spreading();
	kernels();
	CLAIM(isnan(density_quantile(NULL, 0, 0.5)) && isnan(density_mean(NULL, 0)));
	/* Two values in a bin stand at its quarters. */
	CLAIM(density_quantile(&one, 1, 0.5) == 3.5 && density_quantile(&one, 1, 1) == 4.5);
	return 0;
}
