/* claim.h - who makes a run, so that no two do
 *
 * The results of an experiment are a directory:
 *
 *	runs/NAME/		a run that succeeded, whole
 *	part/NAME/		one that is being made, or was when its maker was killed
 *	part/NAME.claim		who makes it
 *	failed/NAME.N/		the Nth attempt at it that failed
 *
 * A run is moved between them with rename(2), and that is its only change of state. A claim is alive while the process that it
 * names is; where that cannot be looked at (another host, boot or namespace) until its time is over, which
 * its maker renews. Claims are changed under a lock, part/.lock, so that of many that want a run one gets it; they are
 * replaced whole, so that they can be looked at without it.
 *
 * The clocks of hosts that share results should agree to within a lease.
 *
 * Units:     nanoseconds; start in clock ticks since boot.
 * Ownership: none is kept; a claim is a file.
 * Errors:    -1 and the text.
 * Source:    own; flock(2), rename(2), proc_pid_stat(5).
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
	char host[65];  /* as a batch system calls it ($SLURMD_NODENAME), else its name */
	char boot[37];  /* /proc/sys/kernel/random/boot_id */
	uint64_t space; /* the namespaces of PIDs and of time */
	pid_t pid;      /* 0: nobody */
	uint64_t start; /* of that process: a number alone is used again */
	char id[37];    /* of this attempt; all that it starts has run_id=ID in its environment */
	pid_t session;  /* of the command, to be ended with it; 0: none yet */
	uint64_t session_start;
	int64_t until_ns; /* CLOCK_REALTIME: after that it is dead for who cannot look */
};

enum {
	CLAIM_LEASE_S = 60, /* what makers take and renew */

	/* for claim_take_as() */
	CLAIM_AGAIN = 1, /* also where it is done: the new one will take its place */
	CLAIM_INHERIT =
	    2 /* also where an ancestor of the owner holds it: `plan --next` takes for its caller */
};

/* The state of a run, and in *owner (may be NULL) who has it where it is held or left, or is done and made again; pid 0
 * where nobody has or that is not known. */
int claim_look(const char *results, struct slice name, enum claim_state *state,
    struct claim_owner *owner, struct error *e);

/* Takes the run for the process owner if it is free or left, for lease_ns: 1; 0 where it is held or done; -1. What a dead
 * maker on this machine left running is killed first, and its part/NAME becomes failed/NAME.N. The directories are made
 * where they are missing. */
int claim_take(
    const char *results, struct slice name, pid_t owner, uint64_t lease_ns, struct error *e);
int claim_take_as(const char *results, struct slice name, pid_t owner, uint64_t lease_ns,
    unsigned how, struct error *e);

/* Who has the claim, be he dead or alive, and the run done or not: 1; 0 where nobody has; -1. */
int claim_owner(const char *results, struct slice name, struct claim_owner *owner, struct error *e);

/* Whether an ancestor of this process has it: then CLAIM_INHERIT takes it. */
bool claim_is_inherited(const struct claim_owner *owner);

/* Waits until the owner may have ended it: until the process has ended, or for a second. */
void claim_wait(const struct claim_owner *owner);

/* Renews this process's claim, with the session of the command. */
int claim_renew(
    const char *results, struct slice name, pid_t session, uint64_t lease_ns, struct error *e);

/* Ends this process's claim: part/NAME becomes runs/NAME (what was there becomes the next failed/NAME.N), or the next
 * failed/NAME.N, whose N is put into *attempt (may be NULL; 0 where there was no part/NAME). An error where it is another's by
 * now. */
int claim_succeed(const char *results, struct slice name, struct error *e);
int claim_fail(const char *results, struct slice name, unsigned *attempt, struct error *e);

/* How many failed/NAME.N there are, up to the first N that is not. */
unsigned claim_failures(const char *results, struct slice name);

/* What this host is called in claims. */
void claim_host(char host[65]);

/* The lock of this host for results: one run at a time. Waits; the descriptor, or -1. What the last holder left running when
 * it was killed is killed first. claim_turn_note() says whose turn it is: the claim of name; claim_turn_end() lets the next one go. */
int claim_turn(const char *results, struct error *e);
int claim_turn_note(int turn, const char *results, struct slice name, struct error *e);
void claim_turn_end(int turn);

#endif
