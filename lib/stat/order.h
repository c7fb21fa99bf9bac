/* order.h - which of the sorted values enclose a quantile
 *
 * Of n independent values, the number below the true quantile q is binomial (n, q): whatever their distribution is, the
 * quantile lies between the values of two ranks with a probability that the binomial distribution gives. Exact up to
 * ORDER_EXACT values: each side is missed with a probability of at most half of 1 - confidence. Beyond, the
 * Cornish-Fisher expansion of the binomial's quantiles, which is within one rank.
 *
 * Units:     ranks from 1 to n.
 * Ownership: none.
 * Errors:    order_interval() returns false where n is too small for such an interval.
 * Source:    H. A. David, H. N. Nagaraja, "Order Statistics", 3rd edition, section 7.1.
 */
#ifndef STAT_ORDER_H
#define STAT_ORDER_H

#include <stdbool.h>
#include <stdint.h>

enum { ORDER_EXACT = 100000 };

/* The ranks *lo < *hi whose values enclose the quantile 0 < q < 1 with at least this confidence. */
bool order_interval(uint64_t n, double q, double confidence, uint64_t *lo, uint64_t *hi);

/* The quantile p of the standard normal distribution, to nine digits. */
double order_normal(double p);

#endif
