#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "makefile/makefile_parts.h"

enum { READ_BYTES = 64 << 10 };

extern char **environ;

static const char end_makefile[] = "$(error leat-lint has read all)\n";

int
makefile_memory(const void *p, size_t n)
{
	int fd = memfd_create("makefile", 0);

	if (fd >= 0 && (io_write(fd, p, n) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
makefile_read_to_end(int fd, struct buf *b)
{
	ssize_t got;

	while ((got = io_read(fd, buf_room(b, READ_BYTES), READ_BYTES)) > 0)
		b->n += (size_t)got;
	return got < 0 ? -1 : 0;
}

/* What an outer make says of itself is not for this one; messages are to be in English. */
static char **
environment(void)
{
	static const char *const out[] = { "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=", "MAKEOVERRIDES=",
		"GNUMAKEFLAGS=", "LC_ALL=", "LANGUAGE=" };
	static char locale[] = "LC_ALL=C";
	size_t n = 0, have = 0;
	char **to;

	while (environ[have])
		have++;
	to = xcalloc(have + 2, sizeof *to);
	for (size_t i = 0; i < have; i++) {
		bool keep = true;

		for (size_t k = 0; k < sizeof out / sizeof *out; k++)
			keep &= strncmp(environ[i], out[k], strlen(out[k])) != 0;
		if (keep)
			to[n++] = environ[i];
	}
	to[n] = locale;
	return to;
}

static int
spawn(const char *path, int end, int out, int messages, const char *dir, char *const *assignments,
    pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t usual;
	char end_path[32], **argv, **env = environment();
	size_t n = 0, more = 0;
	int wrong;

	while (assignments && assignments[more])
		more++;
	argv = xcalloc(more + 8, sizeof *argv);
	snprintf(end_path, sizeof end_path, "/proc/self/fd/%d", end);
	argv[n++] = "make";
	argv[n++] = "-pq";
	argv[n++] = "-f";
	argv[n++] = (char *)path;
	argv[n++] = "-f";
	argv[n++] = end_path;
	for (size_t i = 0; i < more; i++)
		argv[n++] = assignments[i];
	posix_spawn_file_actions_init(&actions);
	if (dir)
		posix_spawn_file_actions_addchdir_np(&actions, dir);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
	posix_spawnattr_init(&attr);
	sigemptyset(&usual);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	wrong = posix_spawnp(pid, "make", &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	free(argv);
	free(env);
	return wrong;
}

/* The database into *out, what make said into *messages. */
int
makefile_ask(const char *path, const char *dir, char *const *assignments, struct buf *out,
    struct buf *messages, struct error *e)
{
	int end = makefile_memory(end_makefile, sizeof end_makefile - 1),
	    err = makefile_memory("", 0);
	int pipes[2], wrong, status;
	pid_t pid;

	if (end < 0 || err < 0 || pipe2(pipes, O_CLOEXEC) < 0) {
		wrong = errno;
		close(end);
		close(err);
		return error_set(e, "%s", strerror(wrong));
	}
	wrong = spawn(path, end, pipes[1], err, dir, assignments, &pid);
	close(pipes[1]);
	if (wrong == 0) {
		wrong = makefile_read_to_end(pipes[0], out) < 0 ? errno : 0;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		if (lseek(err, 0, SEEK_SET) < 0 || makefile_read_to_end(err, messages) < 0)
			wrong = errno;
	} else if (wrong == ENOENT) {
		error_set(e, "make: %s: is GNU make installed%s?", strerror(wrong),
		    dir ? ", and is the directory there" : "");
	}
	close(pipes[0]);
	close(err);
	close(end);
	if (wrong == ENOENT)
		return -1;
	return wrong ? error_set(e, "make: %s", strerror(wrong)) : 0;
}

bool
makefile_was_read(struct slice messages)
{
	/* (without the call around it, which is what $(error) prints) */
	return messages.n > 0 && memmem(messages.p, messages.n, end_makefile + 8, 22) != NULL;
}
