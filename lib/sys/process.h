/* process.h - processes as /proc shows them, and the end of those that nobody wants any more
 *
 * A number alone does not name a process, as numbers are used again: its number and its start do. Whoever is ended here is
 * looked at once more through a descriptor that cannot become another process's.
 *
 * A list costs one open and read for each process of the machine, some 10 us.
 *
 * Units:     start in clock ticks since boot.
 * Ownership: a list is the caller's, for free(3).
 * Errors:    -1 with errno; a process that ends while it is looked at is no longer there, which is no error.
 * Source:    proc_pid_stat(5), proc_pid_environ(5), pidfd_open(2), pidfd_send_signal(2); own.
 */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sys_process {
	pid_t pid, parent, session;
	char state; /* Z, X: it has ended, and was not waited for */
	uint64_t start;
};

int sys_process_read(pid_t pid, struct sys_process *p);

/* Whether the process that began at start is there, and has not ended. */
bool sys_process_lives(pid_t pid, uint64_t start);

/* All of them that have not ended. */
int sys_process_list(struct sys_process **list, size_t *n);

/* Whether this entry (NAME=VALUE) is in the environment with which it was started; false where we may not look. */
bool sys_process_has(pid_t pid, const char *entry);

/* 0 where the signal was sent or the process is gone. */
int sys_process_signal(const struct sys_process *p, int number);

/* What the list keeps: the descendants of pid, without it. */
size_t sys_process_below(struct sys_process *list, size_t n, pid_t pid);

/* What the list keeps: those that are not in another, made before, nor descend from one in it, nor are in the session of one. */
size_t sys_process_without(
    struct sys_process *list, size_t n, const struct sys_process *other, size_t others);

/* A set of processes: those that began with something that is no more. */
struct sys_process_left {
	pid_t session; /* 0: none */
	uint64_t
	    start; /* of its leader, by which the session is known to be the one that is meant */
	const char *entry; /* NAME=VALUE of their environment; NULL: none */
	pid_t except;      /* never this one nor its ancestors */
};

/* Kills them, and those that they start meanwhile: how many there were, or -1 with EBUSY where some are still there after
 * two seconds. */
int sys_process_end(const struct sys_process_left *left);

#endif
