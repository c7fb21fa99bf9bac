/* report.h - what is told of a plan: to shells, to make, to people
 *
 * Each function appends its text to a buffer. The makefile has RUNS (all, in order), REDO (done with settings of an older
 * table), DRY, CELLS (names without the repetition, of those that are not dry), and RUNS_CELL for every cell. Names need no
 * quotes (experiment/plan.h). The cost is that of the text, and of reading why runs failed.
 *
 * Units:     durations in nanoseconds where the name says so.
 * Ownership: the buffer is the caller's.
 * Errors:    none: what cannot be read is not told.
 * Source:    own.
 */
#ifndef EXPERIMENT_REPORT_H
#define EXPERIMENT_REPORT_H

#include "base/buf.h"
#include "experiment/progress.h"

/* Assignments of all settings of a run, each of them always, so that none is left over from the run before. results: the
 * directory as the user calls it. */
void report_shell(
    struct buf *b, const char *results, const struct plan *p, const struct plan_run *r);

/* A table with a row for each run, and the line that leat plan --count prints. Of a look with `stale`. */
void report_status(struct buf *b, const struct progress *p);
void report_count(struct buf *b, const struct progress *p);

/* Variables of a makefile. Of a look with `stale`. */
void report_makefile(struct buf *b, const struct progress *p);

#endif
