#include "sys/uprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "sys/tracefs.h"

#define PREFIX "leat_"

static int
command(int fd, const char *text)
{
	return io_write(fd, text, strlen(text));
}

/* "p:leat_314/enter PATH:OFFSET ..." of a process that is no more. */
static void
remove_one(int fd, struct slice line)
{
	struct slice word = slice_cut(&line, ' '), group, number;
	struct buf text = BUF_INIT;
	uint64_t pid;

	slice_cut(&word, ':');
	group = word;
	group = slice_cut(&group, '/');
	number = group;
	if (!slice_starts(group, SLICE(PREFIX)))
		return;
	number.p += sizeof PREFIX - 1;
	number.n -= sizeof PREFIX - 1;
	if (num_u64(number, &pid) < 0 || pid == 0 || pid > INT32_MAX || kill((pid_t)pid, 0) == 0 ||
	    errno != ESRCH)
		return;
	buf_printf(&text, "-:%.*s", SLICE_ARG(word));
	command(fd, buf_str(&text)); /* it is in use where the number is of another namespace */
	buf_free(&text);
}

static void
remove_old(int fd, const char *path)
{
	char *text;
	size_t n;

	if (io_slurp(path, &text, &n) < 0)
		return;
	for (struct slice rest = { text, n }; rest.n > 0;)
		remove_one(fd, slice_cut(&rest, '\n'));
	free(text);
}

int
sys_uprobes_open(struct sys_uprobes *u, struct error *e)
{
	const char *at = sys_tracefs(e);
	char path[256];

	*u = SYS_UPROBES_INIT;
	if (at == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/uprobe_events", at);
	snprintf(u->group, sizeof u->group, PREFIX "%d", (int)getpid());
	u->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (u->fd < 0)
		return errno == ENOENT ? error_set(e, "this kernel has no uprobes (%s)", path)
				       : error_set(e, "%s: %s", path, strerror(errno));
	remove_old(u->fd, path);
	return 0;
}

static void
remember(struct sys_uprobes *u, const char *event)
{
	for (unsigned i = 0; i < u->events; i++)
		if (strcmp(u->event[i], event) == 0)
			return;
	if (u->events < SYS_UPROBE_EVENTS)
		u->event[u->events++] = event;
}

int
sys_uprobes_add(struct sys_uprobes *u, const char *event, bool at_return, const char *path,
    uint64_t offset, const char *fetch, struct error *e)
{
	struct buf text = BUF_INIT;
	int result;

	buf_printf(&text, "%c:%s/%s %s:0x%llx %s", at_return ? 'r' : 'p', u->group, event, path,
	    (unsigned long long)offset, fetch);
	result = command(u->fd, buf_str(&text));
	if (result < 0)
		error_set(e, "a probe at %s+0x%llx: %s", path, (unsigned long long)offset,
		    strerror(errno));
	else
		remember(u, event);
	buf_free(&text);
	return result;
}

void
sys_uprobes_free(struct sys_uprobes *u)
{
	char text[96];

	for (unsigned i = 0; i < u->events; i++) {
		snprintf(text, sizeof text, "-:%s/%s", u->group, u->event[i]);
		command(u->fd, text);
	}
	if (u->fd >= 0)
		close(u->fd);
	*u = SYS_UPROBES_INIT;
}
