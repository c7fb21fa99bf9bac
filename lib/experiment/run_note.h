/* run_note.h - the record of a run that was not made by leat run
 *
 * A loop in a shell leaves no run.leat. This is one that says which run it was, and what numbers its file `values` holds: so
 * much is known without having started it.
 *
 * Units:     t in nanoseconds of CLOCK_MONOTONIC_RAW.
 * Ownership: none is kept.
 * Errors:    -1 with the text, which begins with the path; nothing is left then.
 * Source:    own; leat-trace(5), leat-run(1).
 */
#ifndef EXPERIMENT_RUN_NOTE_H
#define EXPERIMENT_RUN_NOTE_H

#include "experiment/run_record.h"

/* Writes DIRECTORY/run.leat where there is none, and makes the directory where it is missing. */
int run_note(const char *directory, const struct run_about *about, struct error *e);

#endif
