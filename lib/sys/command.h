/* command.h - a child process that waits at the start line
 *
 * sys_command_prepare() forks a child that waits before it runs the command, so that events can be attached to it;
 * sys_command_go() lets it run. The child gets its signals as this process had them before it blocked any.
 *
 * Units:     none.
 * Ownership: the caller holds the struct and the descriptor in it; sys_command_free() closes it. A child that was
 *            never let go ends by itself with this process, or with sys_command_free().
 * Errors:    prepare: -1 and the text. go: the errno of exec, 0 where the command runs.
 * Source:    fork(2), pidfd_open(2) of Linux 5.3; own.
 */
#ifndef SYS_COMMAND_H
#define SYS_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct sys_command {
	pid_t pid;
	int pidfd;   /* readable when the command has ended */
	int go;      /* private: the start line */
	int failure; /* private: errno of exec, through a pipe that exec closes */
	bool ended;
	int status; /* of waitpid(2), once ended */
};

#define SYS_COMMAND_INIT ((struct sys_command){ .pidfd = -1, .go = -1, .failure = -1 })

/* argv ends with NULL. mask is the child's signal mask. With out_to_err, its standard output goes to standard error. */
int sys_command_prepare(
    struct sys_command *c, char **argv, const sigset_t *mask, bool out_to_err, struct error *e);

/* Lets the command run: 0, or the errno with which it could not. */
int sys_command_go(struct sys_command *c);

/* Whether the command has ended (c->status is then set); does not wait. */
bool sys_command_poll(struct sys_command *c);

/* The status for our own exit: the command's, or 128 + signal. */
int sys_command_exit(const struct sys_command *c);

/* The status of whoever ran it: 126 and 127 for an errno with which it was refused (0: it was not), 130 where it still runs
 * as we were interrupted, else the command's; where that is 0, or there is no command, `own`. */
int sys_command_status(const struct sys_command *c, int refused, int own);

void sys_command_free(struct sys_command *c);

#endif
