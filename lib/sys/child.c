#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/clock.h"

/* What the child tells of itself, in memory of both. */
struct sys_child_page {
	int64_t began;
	struct rusage before;
	int refused; /* errno */
};

static int
set_up(const struct sys_child_config *c, pid_t parent)
{
	const int wanted[3] = { c->in, c->out, c->err };

	if (c->session) {
		setsid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(125);
	}
	for (int fd = 0; fd < 3; fd++)
		if (wanted[fd] >= 0 && wanted[fd] != fd && dup2(wanted[fd], fd) < 0)
			return -1;
	return c->directory ? chdir(c->directory) : 0;
}

static _Noreturn void
child(const struct sys_child_config *c, struct sys_child_page *page, pid_t parent, int go)
{
	char byte;

	if (set_up(c, parent) < 0)
		goto failed;
	if (io_read(go, &byte, 1) != 1)
		_exit(125);
	if (c->session)
		syscall(SYS_close_range, 3, ~0u, 0);
	sigprocmask(SIG_SETMASK, c->mask, NULL);
	getrusage(RUSAGE_SELF, &page->before);
	page->began = sys_clock_now(CLOCK_MONOTONIC_RAW);
	if (c->environment)
		execvpe(c->argv[0], c->argv, c->environment);
	else
		execvp(c->argv[0], c->argv);
failed:
	page->refused = errno;
	_exit(127);
}

int
sys_child_prepare(struct sys_child *c, const struct sys_child_config *config, struct error *e)
{
	pid_t parent = getpid();
	int go[2];

	*c = SYS_CHILD_INIT;
	c->page =
	    mmap(NULL, sizeof *c->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->page == MAP_FAILED) {
		c->page = NULL;
		return error_set(e, "no memory for a process: %s", strerror(errno));
	}
	if (pipe2(go, O_CLOEXEC) < 0) {
		error_set(e, "cannot make a pipe: %s", strerror(errno));
		sys_child_free(c);
		return -1;
	}
	c->pid = fork();
	if (c->pid == 0) {
		close(go[1]);
		child(config, c->page, parent, go[0]);
	}
	c->start_line = go[0];
	c->go = go[1];
	if (c->pid < 0) {
		error_set(e, "cannot start a process: %s", strerror(errno));
		c->pid = 0;
		sys_child_free(c);
		return -1;
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0) {
		error_set(e, "cannot watch the command: pidfd_open: %s", strerror(errno));
		sys_child_free(c);
		return -1;
	}
	fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/* Whether exec succeeded is not waited for: the page tells when the child has ended. The write cannot fail: both ends are
 * open here. */
void
sys_child_go(struct sys_child *c)
{
	c->began = sys_clock_now(CLOCK_MONOTONIC_RAW);
	(void)!io_write(c->go, "!", 1);
	close(c->go);
	close(c->start_line);
	c->go = c->start_line = -1;
}

static struct timeval
since(struct timeval then, struct timeval now)
{
	int64_t us = (now.tv_sec - then.tv_sec) * INT64_C(1000000) + now.tv_usec - then.tv_usec;

	/* the kernel divides the sum of both anew each time, by its ticks */
	if (us < 0)
		us = 0;
	return (struct timeval){ us / 1000000, us % 1000000 };
}

static long
less(long now, long then)
{
	return now > then ? now - then : 0;
}

static void
subtract(struct rusage *usage, const struct rusage *before)
{
	usage->ru_utime = since(before->ru_utime, usage->ru_utime);
	usage->ru_stime = since(before->ru_stime, usage->ru_stime);
	usage->ru_minflt = less(usage->ru_minflt, before->ru_minflt);
	usage->ru_majflt = less(usage->ru_majflt, before->ru_majflt);
	usage->ru_nvcsw = less(usage->ru_nvcsw, before->ru_nvcsw);
	usage->ru_nivcsw = less(usage->ru_nivcsw, before->ru_nivcsw);
	usage->ru_inblock = less(usage->ru_inblock, before->ru_inblock);
	usage->ru_oublock = less(usage->ru_oublock, before->ru_oublock);
}

bool
sys_child_poll(struct sys_child *c)
{
	int64_t now = sys_clock_now(CLOCK_MONOTONIC_RAW);

	if (!c->ended && c->pid > 0 && wait4(c->pid, &c->status, WNOHANG, &c->usage) == c->pid) {
		c->ended = true;
		if (c->page->began > 0) {
			c->began = c->page->began;
			subtract(&c->usage, &c->page->before);
		}
		c->wall = now - c->began;
	}
	return c->ended;
}

int
sys_child_refused(const struct sys_child *c)
{
	return c->page ? c->page->refused : 0;
}

int
sys_child_exit(const struct sys_child *c)
{
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}

void
sys_child_free(struct sys_child *c)
{
	bool waits = c->go >= 0;

	if (c->go >= 0)
		close(c->go);
	if (c->start_line >= 0)
		close(c->start_line);
	if (c->pidfd >= 0)
		close(c->pidfd);
	/* it stood at the start line: the closed pipe ended it */
	if (c->pid > 0 && !c->ended && waits)
		waitpid(c->pid, &c->status, 0);
	if (c->page)
		munmap(c->page, sizeof *c->page);
	*c = SYS_CHILD_INIT;
}

void
sys_child_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int
sys_child_running(
    const struct sys_process *others, size_t n_others, struct sys_process **list, size_t *n)
{
	if (sys_process_list(list, n) < 0)
		return -1;
	*n = sys_process_below(*list, *n, getpid());
	*n = sys_process_without(*list, *n, others, n_others);
	return 0;
}

/* Those that ended, but for the one whose end somebody else looks at. */
static bool
reap(pid_t except)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			return false;
		if (info.si_pid == 0 || info.si_pid == except)
			return true;
		waitpid(info.si_pid, NULL, 0);
	}
}

int
sys_child_signal_all(const struct sys_process *others, size_t n_others, int number, pid_t except)
{
	struct sys_process *list;
	size_t n;
	int count;

	/* the usual case costs one call */
	if (!reap(except))
		return 0;
	if (sys_child_running(others, n_others, &list, &n) < 0)
		return -1;
	count = (int)n;
	for (size_t i = 0; i < n; i++)
		if (number > 0)
			sys_process_signal(&list[i], number);
	free(list);
	return count;
}
