/* until.h - how many more repetitions until medians are known well enough
 *
 * A cell is narrow enough when the interval that holds its true median with 95 % confidence (stat/order.h) is not wider, to
 * either side on average, than a given share of the median. Where it is wider, repetitions are added: as many as the width
 * calls for, which shrinks with the square root of their number, but at most as many as there are. So the number at least grows
 * by a part before it is looked at again: each look is another chance to stop at an interval that is narrow by luck and
 * beside the truth.
 *
 * Units:     widths are shares of the median (0.02: 2 %).
 * Ownership: the caller's arrays.
 * Errors:    -1 with the text.
 * Source:    H. A. David, H. N. Nagaraja, "Order Statistics", 3rd edition, section 7.1; own.
 */
#ifndef EXPERIMENT_UNTIL_H
#define EXPERIMENT_UNTIL_H

#include "experiment/progress.h"

enum { UNTIL_LEAST = 6 }; /* values, below which there is no such interval */

struct until_cell {
	uint64_t values;      /* runs that have the number that is looked at */
	uint64_t repetitions; /* of the plan */
	uint64_t todo;        /* of them are not made yet, or are being made */
	uint64_t failed;
	double median, width; /* nan, inf where they are not known */
};

/* Half the width of the interval of the median of sorted values, as a share of it; inf where there are too few. */
double until_width(const double *sorted, uint64_t n, double *median);

/* How many repetitions to add to n, whose interval is this wide, so that it becomes `wanted`; 0 where it is. */
uint64_t until_more(uint64_t n, double width, double wanted);

/* Of each cell of the plan, what runs that are done say of a metric (a stat record of theirs). */
int until_look(
    const struct progress *p, struct slice metric, struct until_cell *cell, struct error *e);

#endif
