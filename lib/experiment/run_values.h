/* run_values.h - what the run.leat of a run says: its settings, and numbers that were measured
 *
 * Settings cost one open and one read; numbers, as much as reading the trace.
 *
 * Units:     those of the records.
 * Ownership: the caller's buffers.
 * Errors:    -1 with the text; a file that is not there is none (0).
 * Source:    own; leat-trace(5), leat-run(1).
 */
#ifndef EXPERIMENT_RUN_VALUES_H
#define EXPERIMENT_RUN_VALUES_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

/* The settings with which the run was made, into *settings: 1, 0 where it does not say. */
int run_settings(const char *path, struct buf *settings, struct error *e);

/* The numbers of the stat records with these names into value[], nan where there is none: how many were found, or -1. */
int run_numbers(
    const char *path, const struct slice *name, unsigned names, double *value, struct error *e);

#endif
