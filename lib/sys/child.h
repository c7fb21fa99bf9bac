/* child.h - a command that is started, timed, and ended with all that it began
 *
 * sys_child_prepare() forks a process that waits at the start line with everything set; sys_child_go() lets it execute the
 * command. Its time and its resources are counted from the moment before exec on: what the process did before it is
 * subtracted. (Of the resident set only the largest is known: a command that needs less than the forked process had, about
 * 1 MB, seems to need that.)
 *
 * In a session of its own, the command has no descriptor but the three, and is killed when this process ends. What it starts in
 * turn comes to this process (a subreaper) when its parents end, so that all that it leaves running can be found and ended.
 *
 * Units:     nanoseconds of CLOCK_MONOTONIC_RAW.
 * Ownership: the caller holds the struct; sys_child_free() closes what is in it, and ends a child that was never let go.
 * Errors:    prepare: -1 and the text. Whether exec failed, sys_child_refused() tells at the end.
 * Source:    wait4(2), prctl(2), pidfd_open(2), setsid(2); own.
 */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "sys/process.h"

struct sys_child_config {
	char **argv, **environment; /* NULL-ended; environment NULL: ours */
	const char *directory;      /* NULL: ours */
	int in, out, err;           /* descriptors; -1: ours */
	bool session;
	const sigset_t *mask;
};

struct sys_child {
	pid_t pid;
	int pidfd;          /* readable when the command has ended */
	int go, start_line; /* private: both ends of the pipe at which the child waits */
	struct sys_child_page *page;
	bool ended;
	int status;          /* of wait4(2), once ended */
	struct rusage usage; /* of the command and those of its children that it waited for */
	int64_t began,
	    wall; /* began: when go was said, until the command has ended; then as the child saw it */
};

#define SYS_CHILD_INIT ((struct sys_child){ .pidfd = -1, .go = -1, .start_line = -1 })

int sys_child_prepare(struct sys_child *c, const struct sys_child_config *config, struct error *e);
void sys_child_go(struct sys_child *c);

/* Whether the command has ended; does not wait. */
bool sys_child_poll(struct sys_child *c);

/* errno, where it has ended because the command could not be executed; else 0. */
int sys_child_refused(const struct sys_child *c);

/* As a shell has it: the command's, or 128 + signal. */
int sys_child_exit(const struct sys_child *c);

void sys_child_free(struct sys_child *c);

/* From now on, orphans among our descendants come to us. */
void sys_child_adopt(void);

/* Our descendants that run, without those that belong to others. The list is the caller's. */
int sys_child_running(
    const struct sys_process *others, size_t n_others, struct sys_process **list, size_t *n);

/* Sends them the signal (0: none); how many there were, or -1. Those that have ended are waited for, all but `except`. */
int sys_child_signal_all(
    const struct sys_process *others, size_t n_others, int number, pid_t except);

#endif
