/* record_watch.h - what a recorder waits for beside its rings, and what ends it
 *
 * Descriptors for poll(2): signals, the command, the processes that are recorded, the control FIFO. After each poll the
 * words that came are asked for, one by one, until there is none:
 *
 *	poll(w.poll, w.n, ...)
 *	while ((word = record_watch_next(&w)) > RECORD_WATCH_END)
 *		... switch on or off, record_watch_ack(&w) ...
 *
 * END is said where the command has ended, or all processes have, or `stop` came, or a signal. Signals are passed on to
 * the command, whose end is then waited for; the second one ends all the same.
 *
 * Units:     none.
 * Ownership: the caller holds the struct; command and control stay the caller's. record_watch_close() closes the rest.
 * Errors:    -1 and the text.
 * Source:    signalfd(2), pidfd_open(2).
 */
#ifndef FLOW_RECORD_WATCH_H
#define FLOW_RECORD_WATCH_H

#include <poll.h>

#include "sys/command.h"
#include "sys/control.h"

struct record_watch {
	struct pollfd *poll;
	unsigned n;
	unsigned interrupts; /* signals that came while the command ran */

	struct sys_command *command; /* private, as all below; NULL: none */
	struct sys_control *control;
	bool by_targets; /* their end is ours */
	unsigned running;
};

#define RECORD_WATCH_INIT ((struct record_watch){ 0 })

/* signals: blocked by the caller. command and control may be NULL; pid: processes, one that does not exist has ended. */
int record_watch_open(struct record_watch *w, const sigset_t *signals, struct sys_command *command,
    struct sys_control *control, const pid_t *pid, size_t pids, struct error *e);

enum record_watch_word {
	RECORD_WATCH_NONE,
	RECORD_WATCH_END,
	RECORD_WATCH_ENABLE,
	RECORD_WATCH_DISABLE
};

enum record_watch_word record_watch_next(struct record_watch *w);

/* The last word is obeyed. */
void record_watch_ack(struct record_watch *w);

/* Waits for the end of the command, or a second signal. */
void record_watch_command(struct record_watch *w);

void record_watch_close(struct record_watch *w);

#endif
