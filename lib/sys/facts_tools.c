/* facts_tools.c - part of facts.h: versions of tools, and the commit of the current directory */
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/facts_parts.h"

enum { PATIENCE_MS = 10000, VERSION_MAX = 1 << 20, DIFF_MAX = 256 << 20 };

extern char **environ;

/* Reads two pipes until both have ended: false where there is too much, or it takes too long. */
static bool
read_both(int fd[2], struct buf *to[2], size_t most)
{
	uint64_t until = io_now_ns() + (uint64_t)PATIENCE_MS * 1000000;
	struct pollfd p[2] = { { fd[0], POLLIN, 0 }, { fd[1], POLLIN, 0 } };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		uint64_t now = io_now_ns();

		if (now >= until)
			return false;
		if (poll(p, 2, (int)((until - now) / 1000000) + 1) < 0 && errno != EINTR)
			return false;
		for (int i = 0; i < 2; i++) {
			ssize_t got;

			if (p[i].fd < 0 || p[i].revents == 0)
				continue;
			got = io_read(p[i].fd, buf_room(to[i], 65536), 65536);
			if (got <= 0)
				p[i].fd = -1;
			else
				to[i]->n += (size_t)got;
			if (to[i]->n > most)
				return false;
		}
	}
	return true;
}

/* The child has the C locale, nothing to read, a group of its own (so that it can be ended with what it started), and its
 * signals as they are by default. */
int
facts_run(char *const *argv, size_t most, struct buf *out, struct buf *err)
{
	struct buf both[2] = { BUF_INIT, BUF_INIT }, *to[2] = { &both[0], &both[1] };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int pipes[2][2], fd[2], status = -1;
	sigset_t none, fatal;
	bool whole;
	char **env;
	size_t n = 0, kept = 0;
	pid_t pid;

	if (pipe2(pipes[0], O_CLOEXEC) < 0)
		return -1;
	if (pipe2(pipes[1], O_CLOEXEC) < 0) {
		close(pipes[0][0]);
		close(pipes[0][1]);
		return -1;
	}
	while (environ[n])
		n++;
	env = xcalloc(n + 2, sizeof *env);
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "LC_ALL=", 7) != 0 &&
		    strncmp(environ[i], "LANGUAGE=", 9) != 0)
			env[kept++] = environ[i];
	env[kept] = (char[]){ "LC_ALL=C" };
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, pipes[0][1], 1);
	posix_spawn_file_actions_adddup2(&files, pipes[1][1], 2);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	sigemptyset(&fatal);
	sigaddset(&fatal, SIGINT);
	sigaddset(&fatal, SIGTERM);
	sigaddset(&fatal, SIGPIPE);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &fatal);
	posix_spawnattr_setflags(
	    &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (posix_spawnp(&pid, argv[0], &files, &attributes, argv, env) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	free(env);
	for (int i = 0; i < 2; i++) {
		close(pipes[i][1]);
		fd[i] = pipes[i][0];
	}
	whole = pid > 0 && read_both(fd, to, most);
	close(fd[0]);
	close(fd[1]);
	if (pid > 0 && !whole)
		kill(-pid, SIGKILL);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	*out = both[0];
	if (err)
		*err = both[1];
	else
		buf_free(&both[1]);
	return whole && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The first line that NAME --version writes; some write it on standard error. */
static void
put_tool(struct facts_reader *r, const char *name)
{
	char *argv[] = { (char *)name, (char[]){ "--version" }, NULL };
	struct slice base = slice_basename(slice_of(name)), line;
	struct buf out = BUF_INIT, err = BUF_INIT, fact = BUF_INIT;

	if (facts_run(argv, VERSION_MAX, &out, &err) == 0) {
		line = buf_view(out.n > 0 ? &out : &err);
		line = slice_trim(slice_cut(&line, '\n'));
		buf_printf(&fact, "tool_%.*s", SLICE_ARG(base));
		if (line.n > 0)
			facts_put_str(r, "tools", buf_str(&fact), line);
	}
	buf_free(&out);
	buf_free(&err);
	buf_free(&fact);
}

void
facts_tools(struct facts_reader *r)
{
	const char *const *tool = r->config->tool;

	if (r->config->version)
		facts_put_str(r, "tools", "tool_leat", slice_of(r->config->version));
	facts_put_str(r, "tools", "libc", slice_of(gnu_get_libc_version()));
	for (; tool && *tool; tool++)
		put_tool(r, *tool);
}

static int
git(const char *const *words, size_t most, struct buf *out, struct buf *err)
{
	const char *argv[16] = { "git", "--no-optional-locks", "--no-pager", "-c",
		"core.fsmonitor=false", "-c", "core.quotePath=true" };

	for (unsigned i = 7; i < 15 && *words; i++)
		argv[i] = *words++;
	return facts_run((char *const *)argv, most, out, err);
}

/* The commit, whether files under its control were changed, and what the change is, by its hash. */
void
facts_git(struct facts_reader *r)
{
	static const char *const commit[] = { "rev-parse", "--verify", "-q", "HEAD", NULL };
	static const char *const status[] = { "status", "--porcelain", "--untracked-files=no",
		NULL };
	static const char *const diff[] = { "diff", "--no-ext-diff", "--no-textconv", "--no-color",
		"--binary", "HEAD", NULL };
	struct buf out = BUF_INIT, err = BUF_INIT;
	struct slice s;
	bool dirty;

	if (git(commit, VERSION_MAX, &out, &err) != 0) {
		if (err.n > 0 && memmem(err.p, err.n, "dubious ownership", 17))
			facts_denied(r, "git");
		goto done;
	}
	s = buf_view(&out);
	facts_put_str(r, "git", "git_commit", slice_cut(&s, '\n'));
	buf_free(&out);
	buf_free(&err);
	out = BUF_INIT;
	err = BUF_INIT;
	if (git(status, DIFF_MAX, &out, NULL) != 0)
		goto done;
	dirty = out.n > 0;
	facts_put_str(r, "git", "git_dirty", dirty ? SLICE("yes") : SLICE("no"));
	buf_free(&out);
	out = BUF_INIT;
	if (dirty && git(diff, DIFF_MAX, &out, NULL) == 0)
		facts_put_hash(r, "git", "git_diff", out.p, out.n);
done:
	buf_free(&out);
	buf_free(&err);
}
