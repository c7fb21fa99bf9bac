#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "tool/state.h"

static char *temporary; /* the file of -o before it is whole; NULL where there is none */
static char *target;    /* its name then */
static FILE *table;
static struct trace_writer *trace;
static int trace_fd = -1;

const char *
tool_output(void)
{
	return tool_state.output && strcmp(tool_state.output, "-") != 0 ? tool_state.output : NULL;
}

bool
tool_output_is_file(void)
{
	struct stat st;

	return (tool_output() ? stat(tool_output(), &st) : fstat(STDOUT_FILENO, &st)) == 0 &&
	       S_ISREG(st.st_mode);
}

static const char *
output_name(void)
{
	return tool_output() ? tool_output() : "standard output";
}

void
tool_output_remove(void)
{
	if (temporary)
		unlink(temporary);
}

static void
remove_and_die(int number)
{
	tool_output_remove();
	signal(number, SIG_DFL);
	raise(number);
}

/* The first Ctrl-C is let pass, as without a temporary file. */
static void
first_interrupt(int number)
{
	signal(number, remove_and_die);
}

/* Whoever ends us must not leave a half-made file behind. */
static void
guard_temporary(void)
{
	static const int fatal[] = { SIGTERM, SIGHUP, SIGINT };

	for (unsigned i = 0; i < sizeof fatal / sizeof *fatal; i++) {
		struct sigaction act = { .sa_handler =
					     fatal[i] == SIGINT ? first_interrupt : remove_and_die,
			.sa_flags = SA_RESTART };
		struct sigaction old;

		if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(fatal[i], &act, NULL);
	}
}

/* The file of -o, under a temporary name beside its own; what is no file (a FIFO, /dev/null) is written as it is. */
static int
open_output(bool live)
{
	const char *path = tool_output();
	struct stat st;
	bool exists;
	mode_t mask;
	int fd;

	if (path == NULL)
		return STDOUT_FILENO;
	exists = stat(path, &st) == 0;
	if (live || (exists && !S_ISREG(st.st_mode))) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd < 0)
			tool_die("%s: %s", path, strerror(errno));
		return fd;
	}
	target = exists ? realpath(path, NULL) : NULL;
	if (target == NULL)
		target = xstrndup(path, strlen(path));
	temporary = xmalloc(strlen(target) + 8);
	stpcpy(stpcpy(temporary, target), ".XXXXXX");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		temporary = NULL;
		tool_die("%s: %s", path, strerror(errno));
	}
	if ((tool_state.spec->kind & TOOL_WRAPPER) == 0)
		guard_temporary();
	mask = umask(0);
	umask(mask);
	fchmod(fd, exists ? st.st_mode & 07777 : 0666 & ~mask);
	return fd;
}

FILE *
tool_out(void)
{
	int fd;

	if (table)
		return table;
	fd = open_output(false);
	if (fd == STDOUT_FILENO) {
		table = stdout;
	} else if ((table = fdopen(fd, "w")) == NULL) {
		tool_die("%s: %s", output_name(), strerror(errno));
	}
	if (!isatty(fd))
		setvbuf(table, NULL, _IOFBF, 1 << 16);
	return table;
}

struct trace_writer *
tool_trace_out(int like, bool live)
{
	enum trace_encoding encoding;
	struct stat st;
	int level = tool_state.level;

	if (trace)
		return trace;
	trace_fd = open_output(live);
	io_enlarge_pipe(trace_fd);
	if (tool_state.text)
		encoding = TRACE_LINES;
	else if (tool_state.frames)
		encoding = TRACE_FRAMES;
	else if (isatty(trace_fd))
		encoding = TRACE_LINES;
	else
		encoding = like < 0 ? TRACE_FRAMES : (enum trace_encoding)like;
	if (level < 0)
		level = fstat(trace_fd, &st) == 0 && S_ISREG(st.st_mode) ? TRACE_LEVEL_DEFAULT
									 : TRACE_RAW;
	trace = trace_writer_new(trace_fd, encoding, level);
	return trace;
}

bool
tool_trace_asked(void)
{
	return tool_state.text || tool_state.frames || tool_state.level >= 0;
}

int
tool_level(void)
{
	return tool_state.level;
}

int
tool_end(void)
{
	struct error e;

	tool_progress_clear();
	if (trace && trace_writer_close(trace, &e) != 0)
		tool_die("%s: %s", output_name(), e.text);
	if (trace && trace_fd != STDOUT_FILENO && close(trace_fd) != 0)
		tool_die("%s: %s", output_name(), strerror(errno));
	if (trace == NULL) {
		if (table == NULL)
			table = stdout;
		errno = 0;
		if (ferror(table) | fclose(table))
			tool_die("%s: %s", output_name(),
			    errno ? strerror(errno) : "not all was written");
	}
	if (temporary && rename(temporary, target) != 0)
		tool_die("%s: %s", target, strerror(errno));
	temporary = NULL;
	return tool_state.status;
}
