/* run_environment.h - the environment of a run
 *
 * Ours, without what make says to its recipes; and of the run: top, run, run_id, experiment; with a plan each factor, rep,
 * command, dry, freq, cpu_node, mem_node, and the variables of the table. What is not set in the table is not set.
 *
 * Units:     none.
 * Ownership: run_environment() to run_environment_free().
 * Errors:    none.
 * Source:    own; environ(7).
 */
#ifndef EXPERIMENT_RUN_ENVIRONMENT_H
#define EXPERIMENT_RUN_ENVIRONMENT_H

#include <stddef.h>

#include "experiment/run_record.h"

/* NULL-ended. */
char **run_environment(const struct run_about *about, const char *top);

/* Bytes of its strings with their ends: what execve(2) copies onto the stack of the command. */
size_t run_environment_bytes(char *const *environment);

void run_environment_free(char **environment);

#endif
