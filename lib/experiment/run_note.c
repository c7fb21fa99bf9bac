#include "experiment/run_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/clock.h"

static int
write_all(
    int fd, const char *directory, const char *path, const struct run_about *about, struct error *e)
{
	struct trace_writer *w = trace_writer_new(fd, TRACE_LINES, 0);
	struct run_record r = { .w = w };
	struct error wrong;
	char *values;
	int result;

	if (asprintf(&values, "%s/values", directory) < 0)
		abort();
	run_record_start(&r, about);
	run_record_run(&r, about, sys_clock_now(CLOCK_MONOTONIC_RAW));
	result = run_record_values(&r, directory, values, e);
	free(values);
	run_record_end(&r, about);
	if (trace_writer_close(w, &wrong) < 0 && result == 0)
		result = error_set(e, "%s: %s", path, wrong.text);
	return result;
}

int
run_note(const char *directory, const struct run_about *about, struct error *e)
{
	char *path, *unfinished;
	int fd, result = 0;

	if (asprintf(&path, "%s/run.leat", directory) < 0 ||
	    asprintf(&unfinished, "%s/run.leat~", directory) < 0)
		abort();
	mkdir(directory, 0777); /* open() tells */
	if (access(path, F_OK) != 0) {
		fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd < 0) {
			result = error_set(e, "%s: %s", unfinished, strerror(errno));
		} else {
			result = write_all(fd, directory, unfinished, about, e);
			if (close(fd) < 0 && result == 0)
				result = error_set(e, "%s: %s", unfinished, strerror(errno));
			if (result == 0 && rename(unfinished, path) < 0)
				result = error_set(e, "%s: %s", path, strerror(errno));
			if (result < 0)
				unlink(unfinished);
		}
	}
	free(path);
	free(unfinished);
	return result;
}
