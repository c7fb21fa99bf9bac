#include "sys/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

static _Noreturn void
child(char **argv, const sigset_t *mask, bool out_to_err, int go, int failure)
{
	char byte;
	int reason;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (out_to_err && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		goto failed;
	if (io_read(go, &byte, 1) != 1)
		_exit(125);
	prctl(PR_SET_PDEATHSIG, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
failed:
	reason = errno;
	_exit(io_write(failure, &reason, sizeof reason) == 0 ? 127 : 125);
}

int
sys_command_prepare(
    struct sys_command *c, char **argv, const sigset_t *mask, bool out_to_err, struct error *e)
{
	int go[2], failure[2];

	*c = SYS_COMMAND_INIT;
	if (pipe2(go, O_CLOEXEC) < 0)
		return error_set(e, "cannot make a pipe: %s", strerror(errno));
	if (pipe2(failure, O_CLOEXEC) < 0) {
		error_set(e, "cannot make a pipe: %s", strerror(errno));
		close(go[0]);
		close(go[1]);
		return -1;
	}
	c->pid = fork();
	if (c->pid == 0) {
		close(go[1]);
		child(argv, mask, out_to_err, go[0], failure[1]);
	}
	close(go[0]);
	close(failure[1]);
	c->go = go[1];
	c->failure = failure[0];
	if (c->pid < 0) {
		error_set(e, "cannot start a process: %s", strerror(errno));
		c->pid = 0;
		sys_command_free(c);
		return -1;
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0) {
		error_set(e, "cannot watch the command: pidfd_open: %s", strerror(errno));
		sys_command_free(c);
		return -1;
	}
	return 0;
}

int
sys_command_go(struct sys_command *c)
{
	int reason = 0;

	if (io_write(c->go, "!", 1) < 0)
		reason = errno;
	else if (io_read_full(c->failure, &reason, sizeof reason) != sizeof reason)
		reason = 0;
	close(c->go);
	close(c->failure);
	c->go = c->failure = -1;
	return reason;
}

bool
sys_command_poll(struct sys_command *c)
{
	if (!c->ended && c->pid > 0 && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
	return c->ended;
}

int
sys_command_exit(const struct sys_command *c)
{
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}

int
sys_command_status(const struct sys_command *c, int refused, int own)
{
	if (refused)
		return refused == ENOENT ? 127 : 126;
	if (c->ended)
		return sys_command_exit(c) ? sys_command_exit(c) : own;
	return c->pid > 0 ? 128 + SIGINT : own;
}

void
sys_command_free(struct sys_command *c)
{
	if (c->go >= 0)
		close(c->go);
	if (c->failure >= 0)
		close(c->failure);
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->pid > 0 && !c->ended && c->go >= 0)
		waitpid(c->pid, &c->status,
		    0); /* it stood at the start line: the closed pipe ended it */
	*c = SYS_COMMAND_INIT;
}
