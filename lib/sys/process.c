#include "sys/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"

enum { WAIT_MS = 2000, START_FIELD = 22 };

static bool
ended(const struct sys_process *p)
{
	return p->state == 'Z' || p->state == 'X';
}

/* The fields behind the name, which may hold anything: "S 1 2 3 ...", the first of which is field 3. */
static int
parse(const char *text, struct sys_process *p)
{
	const char *at = strrchr(text, ')');
	long long field[START_FIELD + 1] = { 0 };

	if (at == NULL || at[1] != ' ' || at[2] == '\0')
		return -1;
	p->state = at[2];
	at += 3;
	for (int i = 4; i <= START_FIELD; i++) {
		char *end;

		field[i] = strtoll(at, &end, 10);
		if (end == at)
			return -1;
		at = end;
	}
	p->parent = (pid_t)field[4];
	p->session = (pid_t)field[6];
	p->start = (uint64_t)field[START_FIELD];
	return 0;
}

int
sys_process_read(pid_t pid, struct sys_process *p)
{
	char path[32], text[1024];
	ssize_t n;
	int fd;

	*p = (struct sys_process){ .pid = pid };
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = io_read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0) {
		errno = ESRCH;
		return -1;
	}
	text[n] = '\0';
	if (parse(text, p) < 0) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

bool
sys_process_lives(pid_t pid, uint64_t start)
{
	struct sys_process p;

	return sys_process_read(pid, &p) == 0 && p.start == start && !ended(&p);
}

int
sys_process_list(struct sys_process **list, size_t *n)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t cap = 0;

	*list = NULL;
	*n = 0;
	if (proc == NULL)
		return -1;
	while ((entry = readdir(proc))) {
		struct sys_process p;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    sys_process_read(atoi(entry->d_name), &p) < 0 || ended(&p))
			continue;
		GROW(*list, cap, *n);
		(*list)[(*n)++] = p;
	}
	closedir(proc);
	return 0;
}

bool
sys_process_has(pid_t pid, const char *entry)
{
	size_t length = strlen(entry) + 1, n;
	char path[32], *text;
	bool found = false;

	snprintf(path, sizeof path, "/proc/%d/environ", pid);
	if (io_slurp(path, &text, &n) < 0)
		return false;
	for (const char *at = text; at < text + n && !found; at += strlen(at) + 1)
		found = strlen(at) + 1 == length && memcmp(at, entry, length) == 0;
	free(text);
	return found;
}

int
sys_process_signal(const struct sys_process *p, int number)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0), result = 0;

	if (fd < 0)
		return errno == ESRCH ? 0 : -1;
	if (sys_process_lives(p->pid, p->start) &&
	    syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) < 0 && errno != ESRCH)
		result = -1;
	close(fd);
	return result;
}

static const struct sys_process *
find(const struct sys_process *list, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].pid == pid)
			return &list[i];
	return NULL;
}

/* Whether pid is p or one of its ancestors. */
static bool
is_above(const struct sys_process *list, size_t n, const struct sys_process *p, pid_t pid)
{
	/* a list is no moment: a circle in it is not impossible */
	for (size_t depth = 0; p && depth < n; depth++) {
		if (p->pid == pid)
			return true;
		p = find(list, n, p->parent);
	}
	return false;
}

size_t
sys_process_below(struct sys_process *list, size_t n, pid_t pid)
{
	bool *keep = xcalloc(n + 1, sizeof *keep);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		keep[i] = list[i].pid != pid && is_above(list, n, &list[i], pid);
	for (size_t i = 0; i < n; i++)
		if (keep[i])
			list[kept++] = list[i];
	free(keep);
	return kept;
}

static bool
belongs(const struct sys_process *p, const struct sys_process *other, size_t others)
{
	for (size_t i = 0; i < others; i++)
		if (p->session == other[i].session ||
		    (p->pid == other[i].pid && p->start == other[i].start))
			return true;
	return false;
}

size_t
sys_process_without(
    struct sys_process *list, size_t n, const struct sys_process *other, size_t others)
{
	bool *drop = xcalloc(n + 1, sizeof *drop);
	size_t kept = 0;
	bool more = others > 0;

	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			const struct sys_process *parent = find(list, n, list[i].parent);

			if (drop[i] ||
			    !(belongs(&list[i], other, others) || (parent && drop[parent - list])))
				continue;
			drop[i] = more = true;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!drop[i])
			list[kept++] = list[i];
	free(drop);
	return kept;
}

/* A session's number is not given to a new process while it has members; but when the leader is gone, and with it what told
 * the session from a later one of this number, only the environment tells. */
static bool
is_left(const struct sys_process *p, const struct sys_process_left *left, bool known)
{
	if (known && p->session == left->session)
		return true;
	return left->entry && sys_process_has(p->pid, left->entry);
}

static int
end_once(const struct sys_process_left *left)
{
	struct sys_process leader, *list;
	bool known = left->session > 0 && sys_process_read(left->session, &leader) == 0 &&
		     leader.start == left->start;
	const struct sys_process *self;
	size_t n;
	int count = 0;

	if (sys_process_list(&list, &n) < 0)
		return -1;
	self = find(list, n, left->except);
	for (size_t i = 0; i < n; i++) {
		if (list[i].pid == getpid() || is_above(list, n, self, list[i].pid))
			continue;
		/* the leader last: it is what the others are known by */
		if (list[i].pid == left->session || !is_left(&list[i], left, known))
			continue;
		sys_process_signal(&list[i], SIGKILL);
		count++;
	}
	if (known && !ended(&leader) && count == 0) {
		sys_process_signal(&leader, SIGKILL);
		count++;
	}
	free(list);
	return count;
}

int
sys_process_end(const struct sys_process_left *left)
{
	int total = 0;

	for (int ms = 0; ms < WAIT_MS; ms++) {
		int n = end_once(left);

		if (n <= 0)
			return n < 0 ? n : total;
		/* the same ones are seen again until they are gone */
		total = n > total ? n : total;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	errno = EBUSY;
	return -1;
}
