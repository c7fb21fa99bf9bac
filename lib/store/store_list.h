/* store_list.h - a row for each run of a database
 *
 *	# store table=list runs=30
 *	# failed=2
 *	# lost=7 why=trace
 *	experiment name FACTOR... rep position dry failed attempt host started_ns lost STATISTIC...
 *
 * Runs and columns have the order of store_runs.h. failed and dry are 0 or 1; attempt is 0 for a run that succeeded, N for
 * failed/NAME.N; lost counts the records that its
 * traces lack. A cell of what a run does not have is empty. Units that names do not tell are words unit_COLUMN= of a line.
 *
 * Units:     as in the database.
 * Ownership: none is kept.
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef STORE_STORE_LIST_H
#define STORE_STORE_LIST_H

#include <stdint.h>

#include "store/store.h"

/* *lost (may be NULL): the sum of what the table says of it. */
int store_list(struct store *s, const struct store_out *out, uint64_t *lost, struct error *e);

#endif
