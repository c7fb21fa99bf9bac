/* run_place.h - the directory of a run while it is made, and what becomes of it
 *
 * A run of a plan is made in RESULTS/part/NAME under a claim (claim.h). One in a directory DIR of its own is made in DIR.part,
 * and becomes DIR, or DIR.failed.N; a DIR that is there already is left alone.
 *
 * Before it becomes a result all that is in it is brought to the disk, so that what is there after a crash is whole.
 *
 * Units:     none.
 * Ownership: run_place_open() to run_place_close(); a place that is closed without an end stays where it is.
 * Errors:    -1 and the text.
 * Source:    own; fsync(2), rename(2).
 */
#ifndef EXPERIMENT_RUN_PLACE_H
#define EXPERIMENT_RUN_PLACE_H

#include "experiment/claim.h"

struct run_place {
	char *results; /* NULL: not a plan's */
	struct slice name;
	char *path;   /* where it is made: absolute */
	char *target; /* where it goes; NULL: claim.h knows */
	char *kept;   /* where it went as failed */
	char id[37];  /* of the attempt */
	int lock;     /* private */
};

#define RUN_PLACE_INIT ((struct run_place){ .lock = -1 })

/* For a claim that was taken by this process. */
int run_place_of_plan(struct run_place *p, const char *results, struct slice name, struct error *e);

int run_place_of_directory(struct run_place *p, const char *directory, struct error *e);

/* The claim goes on, and what it started is to be ended with it. */
int run_place_keep(struct run_place *p, pid_t session, struct error *e);

int run_place_succeed(struct run_place *p, struct error *e);

/* p->kept says where it is then. */
int run_place_fail(struct run_place *p, struct error *e);

void run_place_close(struct run_place *p);

#endif
