#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "stat/density.h"

enum { KERNEL_BINS = 4096 };

static int
by_place(const void *pa, const void *pb)
{
	const struct density_bin *a = pa, *b = pb;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

size_t
density_sort(struct density_bin *bin, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(bin, n, sizeof *bin, by_place);
	for (size_t i = 0; i < n; i++)
		if (kept > 0 && by_place(&bin[kept - 1], &bin[i]) == 0)
			bin[kept - 1].n += bin[i].n;
		else
			bin[kept++] = bin[i];
	return kept;
}

double
density_total(const struct density_bin *bin, size_t n)
{
	double total = 0;

	for (size_t i = 0; i < n; i++)
		total += bin[i].n;
	return total;
}

double
density_quantile(const struct density_bin *bin, size_t n, double q)
{
	double total = density_total(bin, n), rank = ceil(q * total), before = 0;

	if (n == 0)
		return NAN;
	if (rank < 1)
		rank = 1;
	for (size_t i = 0; i < n; i++) {
		if (before + bin[i].n >= rank || i == n - 1)
			return bin[i].lo +
			       (bin[i].hi - bin[i].lo) * ((rank - before - 0.5) / bin[i].n);
		before += bin[i].n;
	}
	return bin[n - 1].hi;
}

static double
middle(const struct density_bin *b)
{
	return b->lo + (b->hi - b->lo) / 2;
}

double
density_mean(const struct density_bin *bin, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += middle(&bin[i]) * bin[i].n;
	return n ? sum / density_total(bin, n) : NAN;
}

double
density_stddev(const struct density_bin *bin, size_t n)
{
	double mean = density_mean(bin, n), total = density_total(bin, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += bin[i].n * (middle(&bin[i]) - mean) * (middle(&bin[i]) - mean);
	return total > 1 ? sqrt(sum / (total - 1)) : NAN;
}

void
density_spread(const struct density_bin *bin, size_t n, const double *edge, size_t cells,
    double *cell, double *below, double *above)
{
	size_t first = 0;

	for (size_t c = 0; c < cells; c++)
		cell[c] = 0;
	for (size_t i = 0; i < n; i++) {
		double lo = bin[i].lo, hi = bin[i].hi, width = hi - lo;

		while (first < cells && edge[first + 1] <= lo)
			first++;
		if (width <= 0 || !isfinite(width)) {
			if ((isinf(lo) && lo < 0) || lo < edge[0])
				*below += bin[i].n;
			else if (first < cells)
				cell[first] += bin[i].n;
			else if (lo == edge[cells] && width == 0)
				cell[cells - 1] += bin[i].n;
			else
				*above += bin[i].n;
			continue;
		}
		if (lo < edge[0])
			*below += bin[i].n * (fmin(hi, edge[0]) - lo) / width;
		if (hi > edge[cells])
			*above += bin[i].n * (hi - fmax(lo, edge[cells])) / width;
		for (size_t c = first; c < cells && edge[c] < hi; c++) {
			double part = fmin(hi, edge[c + 1]) - fmax(lo, edge[c]);

			if (part >= width)
				cell[c] += bin[i].n;
			else if (part > 0)
				cell[c] += bin[i].n * part / width;
		}
	}
}

void
density_box(const struct density_bin *bin, size_t n, struct density_box *box)
{
	double reach;

	box->q1 = density_quantile(bin, n, 0.25);
	box->median = density_quantile(bin, n, 0.5);
	box->q3 = density_quantile(bin, n, 0.75);
	box->low = box->q1;
	box->high = box->q3;
	reach = 1.5 * (box->q3 - box->q1);
	for (size_t i = 0; i < n; i++)
		if (bin[i].lo >= box->q1 - reach) {
			box->low = fmin(bin[i].lo, box->q1);
			break;
		}
	for (size_t i = n; i-- > 0;)
		if (bin[i].hi <= box->q3 + reach) {
			box->high = fmax(bin[i].hi, box->q3);
			break;
		}
}

double
density_bandwidth(const struct density_bin *bin, size_t n)
{
	double s = density_stddev(bin, n), total = density_total(bin, n);
	double iqr = (density_quantile(bin, n, 0.75) - density_quantile(bin, n, 0.25)) / 1.34;
	double spread = iqr > 0 && iqr < s ? iqr : s;

	if (n == 0)
		return NAN;
	if (!(spread > 0))
		return bin[0].lo != 0 ? fabs(bin[0].lo) * 1e-3 : 1e-3;
	return 0.9 * spread * pow(total, -0.2);
}

void
density_kernel(const struct density_bin *bin, size_t n, double bandwidth, const double *x,
    size_t points, double *y)
{
	struct density_bin *few = NULL;
	double total = density_total(bin, n);
	double scale = 1 / (total * bandwidth * sqrt(2 * M_PI));

	if (n > KERNEL_BINS) {
		double from = bin[0].lo, step = (bin[n - 1].hi - from) / KERNEL_BINS;
		size_t k = 0;

		/* The mean of what is merged, so that no mass is moved by more than a step. */
		few = xcalloc(KERNEL_BINS, sizeof *few);
		for (size_t i = 0; i < n;) {
			double sum = 0, weight = 0, end = from + step * (double)(k + 1);

			for (; i < n && (middle(&bin[i]) <= end || k == KERNEL_BINS - 1); i++) {
				sum += middle(&bin[i]) * bin[i].n;
				weight += bin[i].n;
			}
			if (weight > 0)
				few[k] = (struct density_bin){ sum / weight, sum / weight, weight };
			k++;
		}
		bin = few;
		n = k;
	}
	for (size_t p = 0; p < points; p++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++) {
			double u = (x[p] - middle(&bin[i])) / bandwidth;

			if (fabs(u) < 9)
				sum += bin[i].n * exp(-0.5 * u * u);
		}
		y[p] = sum * scale;
	}
	free(few);
}
