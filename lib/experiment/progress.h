/* progress.h - how far the runs of a plan are
 *
 * What claim.h says of one run, for all of a plan at once: the directories of the results are read once, and only what is in
 * part/ is looked at one by one. That costs some 2 us for each entry, and 10 us more for each run that is done where it is asked
 * whether it is stale: made with other settings than those that the plan has by now.
 *
 * A stale run is not lost, and is not taken for the new one: it stays where it is until the new one succeeds, and becomes
 * failed/NAME.N then. What is there with other settings does not count as an attempt at this one. A run that does not say its
 * settings (no run.leat) is never stale.
 *
 * Units:     nanoseconds.
 * Ownership: progress_look() to progress_free(); the plan stays the caller's, and must stay.
 * Errors:    NULL or -1 with the text; results that are not there yet are none: all is to do.
 * Source:    own.
 */
#ifndef EXPERIMENT_PROGRESS_H
#define EXPERIMENT_PROGRESS_H

#include "experiment/claim.h"
#include "experiment/plan.h"

enum progress_state {
	PROGRESS_TODO,
	PROGRESS_RUNNING,
	PROGRESS_DONE,
	PROGRESS_STALE,
	PROGRESS_FAILED, /* its last attempt failed */
	PROGRESS_KILLED, /* who made it is gone, and left it half made */
	PROGRESS_STATES
};

struct progress_run {
	enum progress_state state;
	unsigned attempts; /* with the settings of the plan, that failed or were killed */
	unsigned last;     /* the number of the last of them */
	unsigned kept;     /* the last N of failed/NAME.N, also with other settings */
	bool again;        /* it is done, and being made again */
};

struct progress {
	const struct plan *plan;
	const char *results;
	struct progress_run *run; /* of each run of the plan */
	size_t count[PROGRESS_STATES];
};

/* The state of all runs; `stale`: look into those that are done, too. */
struct progress *progress_look(
    const char *results, const struct plan *p, bool stale, struct error *e);

/* Takes the first run in order that is to do, killed or stale, for the process owner, and makes its part/NAME; then
 * those that failed less than `attempts` times, the least often failed first. 1 with *run, 0 where there is none, -1. Others may
 * take runs meanwhile. */
int progress_next(struct progress *p, pid_t owner, uint64_t lease_ns, unsigned attempts,
    const struct plan_run **run, struct error *e);

/* Why attempt n at a run failed, in a few words: "exit 3", "signal 9", "timeout", or nothing where it does not say. */
void progress_reason(const char *results, struct slice name, unsigned n, struct buf *reason);

/* How long what is left will take if runs last as long as those of their cell did until now (those of all cells, where none
 * of it is done yet), and as many go on at once as now; nan where nothing is known, or left. */
double progress_eta_ns(const struct progress *p, struct error *e);

/* The process for which `leat plan --next` takes runs: the shell that called it, and not one that it forked for a
 * command substitution or a pipeline, which has its program and its arguments. */
pid_t progress_caller(void);

const char *progress_name(enum progress_state s);

void progress_free(struct progress *p);

#endif
