/* density.h - a sample as weighted bins: quantiles, other bins, a smooth density
 *
 * A sample is an array of bins in rising order that do not overlap; lo == hi is a value that is known exactly. Inside of a bin
 * the values are taken to be spread evenly, so that what is computed is off by at most the width of a bin. With exact
 * values the quantile is the order statistic of rank ceil(q * n), box plots are Tukey's.
 * Cost: linear in the bins, and for the density 4096 bins (more are merged) times the points that are asked for.
 *
 * Units:     those of the values.
 * Ownership: arrays are the caller's.
 * Errors:    none; an empty sample gives NAN.
 * Source:    B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986), 3.4.2; J. W. Tukey,
 *            Exploratory Data Analysis (1977), 2C.
 */
#ifndef STAT_DENSITY_H
#define STAT_DENSITY_H

#include <stddef.h>

struct density_bin {
	double lo, hi; /* lo <= hi */
	double n;      /* how many values, > 0 */
};

/* Sorts n bins by lo and adds up those that are equal; returns how many are left. */
size_t density_sort(struct density_bin *bin, size_t n);

double density_total(const struct density_bin *bin, size_t n);
double density_quantile(const struct density_bin *bin, size_t n, double q);
double density_mean(const struct density_bin *bin, size_t n);
double density_stddev(const struct density_bin *bin, size_t n); /* of the sample: n - 1 */

/* Spreads the sample over the cells edge[0]..edge[1], edge[1]..edge[2] ...: cell[i] for i < cells; what lies outside is added to
 * *below and *above. A value on an edge belongs to the upper cell, but that at the last edge to the last. */
void density_spread(const struct density_bin *bin, size_t n, const double *edge, size_t cells,
    double *cell, double *below, double *above);

/* Tukey's five: the quartiles, and the outermost values within 1.5 interquartile ranges of them. */
struct density_box {
	double low, q1, median, q3, high;
};

void density_box(const struct density_bin *bin, size_t n, struct density_box *box);

/* Silverman's rule of thumb, 0.9 min(s, IQR / 1.34) n^-1/5; some positive number where all values are equal. */
double density_bandwidth(const struct density_bin *bin, size_t n);

/* The density at x[0..points-1] with a Gaussian kernel: y[i], whose integral over all x is 1. */
void density_kernel(const struct density_bin *bin, size_t n, double bandwidth, const double *x,
    size_t points, double *y);

#endif
