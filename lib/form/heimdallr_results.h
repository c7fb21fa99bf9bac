/* heimdallr_results.h - a whole directory of results of Heimdallr's to runs that a store takes
 *
 * Each PROGRAM.MODE.REPETITION in it becomes TO/runs/PROGRAM.MODE.REPETITION with run.leat, stdout, stderr, and trace.leat where
 * something was traced: what leat-run(1) and a recorder would have left. A run is made in TO/part, and is in TO/runs when
 * it is whole; one that is there is not made again.
 *
 * Units:     bytes.
 * Ownership: paths stay the caller's.
 * Errors:    -1 with the text where a directory cannot be read or written, or a disk is full; runs before it are done. A
 *            run that is damaged is made with what could be read.
 * Source:    own.
 */
#ifndef FORM_HEIMDALLR_RESULTS_H
#define FORM_HEIMDALLR_RESULTS_H

#include "form/heimdallr.h"

struct heimdallr_results {
	uint64_t made, there,
	    damaged; /* runs: made now, made before; of those made, not read in full */
};

/* done() is called behind each run that was made, with its path and what is to be said of it. */
int heimdallr_results(const char *from, const char *to, const struct heimdallr_options *o,
    int level,
    void (*done)(const char *path, const struct heimdallr_run *run,
	const struct heimdallr_stats *stats, void *context),
    void *context, struct heimdallr_results *results, struct error *e);

/* Whether a directory holds runs. */
bool heimdallr_results_is(const char *path);

#endif
