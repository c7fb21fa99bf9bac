/* claim.h - who makes a run, so that no two do
 *
 * The results of an experiment are a directory:
 *
 *	runs/NAME/		a run that succeeded, whole
 *	part/NAME/		one that is being made, or was when its maker was killed
 *	part/NAME.claim		who makes it: host, boot, pid, start of that process, and until when the claim holds
 *	failed/NAME.N/		the Nth attempt at it that failed
 *
 * A run is moved between them with rename(2), and that is its only change of state. A claim is alive while the process that it
 * names is; that of another host while its time is not over (its maker renews it). Claims are looked at and changed under
 * a lock of the directory part/, so that of many that want a run one gets it.
 *
 * Units:     nanoseconds.
 * Ownership: none is kept; a claim is a file.
 * Errors:    -1 and the text.
 * Source:    own; flock(2), proc_pid_stat(5).
 */
#ifndef EXPERIMENT_CLAIM_H
#define EXPERIMENT_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

enum claim_state {
	CLAIM_FREE, /* nothing is there */
	CLAIM_HELD, /* somebody makes it */
	CLAIM_LEFT, /* part/NAME is there, or a claim, whose maker is gone */
	CLAIM_DONE  /* runs/NAME is there */
};

struct claim_owner {
	char host[65];
	char boot[37]; /* /proc/sys/kernel/random/boot_id */
	pid_t pid;
	uint64_t start;   /* field 22 of /proc/PID/stat */
	pid_t session;    /* of the command, to be ended with it; 0: none yet */
	int64_t until_ns; /* CLOCK_REALTIME: after that it is dead for other hosts */
};

/* The state of a run, and in *owner (may be NULL) who has it where it is held or left. */
int claim_look(const char *results, struct slice name, enum claim_state *state,
    struct claim_owner *owner, struct error *e);

/* Takes the run for the process owner if it is free or left, for lease_ns: 1; 0 where it is held or done; -1. What a dead
 * maker on this machine left running is killed first, and its part/NAME becomes failed/NAME.N. */
int claim_take(
    const char *results, struct slice name, pid_t owner, uint64_t lease_ns, struct error *e);

/* Renews an own claim, with the session of the command. */
int claim_renew(
    const char *results, struct slice name, pid_t session, uint64_t lease_ns, struct error *e);

/* Ends the claim: part/NAME becomes runs/NAME, or the next failed/NAME.N, whose N is put into *attempt (may be NULL). */
int claim_succeed(const char *results, struct slice name, struct error *e);
int claim_fail(const char *results, struct slice name, unsigned *attempt, struct error *e);

/* How many failed/NAME.N there are. */
unsigned claim_failures(const char *results, struct slice name);

#endif
