/* run_turn.h - when a run of a plan may be made
 *
 * It is made when it is not done, or was made with other settings than the plan has now; when nobody else makes it; and, unless
 * runs may share the machine, when no other run of these results is made on it. Whoever waits for the machine has claimed
 * nothing yet, so that two that wait for each other cannot be.
 *
 * Waiting costs nothing of the machine on which others measure: a lock, or a look each second.
 *
 * Units:     none.
 * Ownership: *turn is the caller's, for claim_turn_end().
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef EXPERIMENT_RUN_TURN_H
#define EXPERIMENT_RUN_TURN_H

#include <signal.h>

#include "experiment/claim.h"
#include "experiment/plan.h"

struct run_turn {
	const char *results;
	const struct plan_run *cell;
	bool share;
	const sigset_t *
	    signals; /* blocked when the run is ours; until then they may end us, as nothing is to be cleaned up */
	void (*waiting)(
	    struct slice name, const struct claim_owner *owner, void *context); /* called once */
	void *context;
};

/* 1 with the claim, and in *turn the machine (-1 where it is shared); 0 where the run is done already. */
int run_turn_get(const struct run_turn *how, int *turn, struct error *e);

#endif
