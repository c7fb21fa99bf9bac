/* values.h - numbers that a workload measured itself
 *
 * A file `values` has a line for each: NAME VALUE [UNIT], with blanks or TABs between. VALUE is a finite number; a name stands
 * once. Empty lines, and those that begin with #, say nothing.
 *
 * Units:     as the file says them.
 * Ownership: what values_read() hands out borrows from the file's text, until the call returns.
 * Errors:    -1 and the text, which begins with the line number.
 * Source:    own.
 */
#ifndef EXPERIMENT_VALUES_H
#define EXPERIMENT_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct values_one {
	struct slice name, unit; /* unit: empty where there is none */
	bool whole;              /* it is i, else d */
	int64_t i;
	double d;
};

/* Calls put for each line; all lines are looked at before the first call. put returns -1 to end it. */
int values_read(struct slice text, int (*put)(const struct values_one *v, void *context),
    void *context, struct error *e);

#endif
