/* run.h - an attempt at a run: a command, what is done before and after it, and the record of it
 *
 * In a directory (place): the command has the directory as its current one, /dev/null as its standard input, the files stdout
 * and stderr, the environment of the run, and a session of its own. What it leaves running is ended. Without one it is run as
 * time(1) runs it: nothing is between it and the terminal.
 *
 * The command is timed alone. While it runs, this process sleeps; it wakes for a signal, the end of the timeout, and once in a
 * quarter of a lease.
 *
 * Units:     nanoseconds.
 * Ownership: run_attempt() fills the result, run_result_free() releases it. The rest stays the caller's.
 * Errors:    what goes wrong is the result: a run that failed, and why.
 * Source:    own.
 */
#ifndef EXPERIMENT_RUN_H
#define EXPERIMENT_RUN_H

#include <signal.h>

#include "base/buf.h"
#include "experiment/run_place.h"
#include "experiment/run_record.h"

struct run_config {
	struct run_about about;
	char **command;            /* NULL-ended */
	const char *const *before; /* commands for sh, in the directory; NULL-ended, or NULL */
	const char *const *after;
	const char *top;         /* absolute: where leat run was started */
	struct run_place *place; /* NULL: none */
	struct trace_writer *w;  /* without a place: the trace */
	bool out_to_err;      /* without a place: the command's standard output is standard error */
	sigset_t signals;     /* blocked; those that end a run */
	const sigset_t *mask; /* before they were */
};

struct run_result {
	bool ok;
	int status; /* 0, or the command's, 124 on a timeout, 126, 127, 128 + a signal, 125 for what is not the command's */
	int signal; /* that ended us, or 0 */
	int64_t wall_ns; /* of the command */
	uint64_t left;   /* processes that it left running */
	struct buf why;  /* it failed: in words */
	struct buf last; /* the last line of its standard error */
};

/* A run that succeeded is in its place, one that failed in place->kept. */
void run_attempt(const struct run_config *c, struct run_result *result);

void run_result_free(struct run_result *result);

/* A name that no other attempt has; static. */
const char *run_new_id(void);

/* The command with numactl before it, as the cell says; NULL where numactl is missing. The caller's, for free(3), its strings
 * but for numactl's are those of command. */
char **run_on_nodes(char **command, const struct plan_run *cell, struct error *e);

#endif
