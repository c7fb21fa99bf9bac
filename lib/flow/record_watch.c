#include "flow/record_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

/* One more for each target stands behind these. */
enum { ON_SIGNAL, ON_COMMAND, ON_CONTROL, ON_TARGET };

int
record_watch_open(struct record_watch *w, const sigset_t *signals, struct sys_command *command,
    struct sys_control *control, const pid_t *pid, size_t pids, struct error *e)
{
	*w = (struct record_watch){ .n = ON_TARGET + (unsigned)pids,
		.command = command,
		.control = control,
		.by_targets = pids > 0 };
	w->poll = xcalloc(w->n, sizeof *w->poll);
	for (unsigned i = 0; i < w->n; i++)
		w->poll[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	w->poll[ON_SIGNAL].fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->poll[ON_SIGNAL].fd < 0)
		return error_set(e, "signalfd: %s", strerror(errno));
	if (command)
		w->poll[ON_COMMAND].fd = command->pidfd;
	if (control)
		w->poll[ON_CONTROL].fd = control->fd;
	for (size_t i = 0; i < pids; i++) {
		int fd = (int)syscall(SYS_pidfd_open, pid[i], 0);

		w->poll[ON_TARGET + i].fd = fd;
		w->running += fd >= 0;
	}
	return 0;
}

/* True when the recording is to end. A terminal's Ctrl-C reaches the command by itself. */
static bool
interrupted(struct record_watch *w)
{
	struct signalfd_siginfo s;
	bool end = false;

	while (read(w->poll[ON_SIGNAL].fd, &s, sizeof s) == sizeof s) {
		if (w->command && !w->command->ended && s.ssi_code <= 0)
			kill(w->command->pid, (int)s.ssi_signo);
		end = end || w->command == NULL || ++w->interrupts > 1;
	}
	return end;
}

static bool
targets_ended(struct record_watch *w)
{
	for (unsigned i = ON_TARGET; i < w->n; i++)
		if (w->poll[i].fd >= 0 && w->poll[i].revents) {
			close(w->poll[i].fd);
			w->poll[i].fd = -1;
			w->running--;
		}
	return w->by_targets && w->running == 0;
}

enum record_watch_word
record_watch_next(struct record_watch *w)
{
	bool end = false;

	if (w->poll[ON_CONTROL].revents)
		switch (sys_control_next(w->control)) {
		case SYS_CONTROL_ENABLE:
			return RECORD_WATCH_ENABLE;
		case SYS_CONTROL_DISABLE:
			return RECORD_WATCH_DISABLE;
		case SYS_CONTROL_STOP:
			sys_control_ack(w->control);
			return RECORD_WATCH_END;
		case SYS_CONTROL_NONE:
			break;
		}
	if (w->poll[ON_SIGNAL].revents)
		end = interrupted(w);
	if (w->poll[ON_COMMAND].revents)
		end = sys_command_poll(w->command) || end;
	return targets_ended(w) || end ? RECORD_WATCH_END : RECORD_WATCH_NONE;
}

void
record_watch_ack(struct record_watch *w)
{
	sys_control_ack(w->control);
}

void
record_watch_command(struct record_watch *w)
{
	if (w->command == NULL || w->interrupts > 1)
		return;
	w->poll[ON_SIGNAL].revents = 0;
	while (!sys_command_poll(w->command) && !(w->poll[ON_SIGNAL].revents && interrupted(w))) {
		w->poll[ON_SIGNAL].revents = 0;
		if (poll(w->poll, ON_CONTROL, -1) < 0 && errno != EINTR)
			return;
	}
}

void
record_watch_close(struct record_watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (i != ON_COMMAND && i != ON_CONTROL && w->poll[i].fd >= 0)
			close(w->poll[i].fd);
	free(w->poll);
	*w = RECORD_WATCH_INIT;
}
