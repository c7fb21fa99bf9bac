#include "sys/tracefs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"

#define PLACE "/sys/kernel/tracing"

const char *
sys_tracefs(struct error *e)
{
	static const char *const place[] = { PLACE, "/sys/kernel/debug/tracing" };
	static const char *found;
	int reason = ENOENT;

	for (size_t i = 0; found == NULL && i < sizeof place / sizeof place[0]; i++) {
		char path[64];

		snprintf(path, sizeof path, "%s/events", place[i]);
		if (access(path, R_OK | X_OK) == 0)
			found = place[i];
		else if (errno == EACCES)
			reason = EACCES;
	}
	if (found == NULL && reason != EACCES) {
		if (mount("tracefs", PLACE, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
			found = PLACE;
		else
			reason = errno;
	}
	if (found == NULL)
		error_set(e, "tracepoints need tracefs at %s: %s", PLACE, strerror(reason));
	return found;
}

static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || s.p[i] == '\0')
			return false;
	return s.n > 0 && s.n < 200 && s.p[0] != '.';
}

static char *
slurp(struct slice subsystem, struct slice name, const char *file, size_t *n, struct error *e)
{
	const char *at = sys_tracefs(e);
	char path[512], *text;

	if (at == NULL)
		return NULL;
	if (!is_name(subsystem) || !is_name(name)) {
		error_set(
		    e, "%.*s:%.*s: no such tracepoint", SLICE_ARG(subsystem), SLICE_ARG(name));
		return NULL;
	}
	snprintf(path, sizeof path, "%s/events/%.*s/%.*s/%s", at, SLICE_ARG(subsystem),
	    SLICE_ARG(name), file);
	if (io_slurp(path, &text, n) < 0) {
		if (errno == ENOENT)
			error_set(e, "%.*s:%.*s: no such tracepoint", SLICE_ARG(subsystem),
			    SLICE_ARG(name));
		else
			error_set(e, "%s: %s", path, strerror(errno));
		return NULL;
	}
	return text;
}

int
sys_tracepoint_id(struct slice subsystem, struct slice name, uint64_t *id, struct error *e)
{
	size_t n;
	char *text = slurp(subsystem, name, "id", &n, e);
	int r;

	if (text == NULL)
		return -1;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	r = num_u64((struct slice){ text, n }, id);
	free(text);
	return r == 0 ? 0
		      : error_set(e, "%.*s:%.*s: its id is no number", SLICE_ARG(subsystem),
			    SLICE_ARG(name));
}

char *
sys_tracepoint_format(struct slice subsystem, struct slice name, size_t *n, struct error *e)
{
	return slurp(subsystem, name, "format", n, e);
}

static void
each_in(const char *events, const char *subsystem,
    void (*fn)(const char *subsystem, const char *name, void *context), void *context)
{
	char path[512];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof path, "%s/%s", events, subsystem);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && d->d_type == DT_DIR)
			fn(subsystem, d->d_name, context);
	closedir(dir);
}

void
sys_tracepoints(struct slice subsystem,
    void (*fn)(const char *subsystem, const char *name, void *context), void *context)
{
	const char *at = sys_tracefs(NULL);
	char events[64], one[256];
	struct dirent *d;
	DIR *dir;

	if (at == NULL || (subsystem.n > 0 && !is_name(subsystem)))
		return;
	snprintf(events, sizeof events, "%s/events", at);
	if (subsystem.n > 0) {
		snprintf(one, sizeof one, "%.*s", SLICE_ARG(subsystem));
		each_in(events, one, fn, context);
		return;
	}
	dir = opendir(events);
	if (dir == NULL)
		return;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && d->d_type == DT_DIR)
			each_in(events, d->d_name, fn, context);
	closedir(dir);
}
