/* import - foreign formats to a trace; see leat-import(1) */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "form/heimdallr_results.h"
#include "form/perf_data.h"
#include "form/perf_script.h"
#include "form/sniff.h"
#include "tool/tool.h"

enum { LIST = 256, RESULTS, OFFSET, MEM_READ, MEM_WRITE, HEAD = 64 << 10 };

struct input {
	int fd;
	const char *path;
	struct slice head; /* what was read already */
};

struct format {
	const char *name, *what;
	bool (*is)(struct slice start);
	void (*import)(const struct input *in, struct trace_writer *w);
};

static struct heimdallr_options heimdallr = { .version = SLICE(LEAT_VERSION) };

static void
progress(uint64_t records, uint64_t bytes, void *context)
{
	tool_progress(*(const int *)context, records, bytes);
}

/* One line for what was lost, and status 2 where the input is to blame. */
static void
tell_damage(const char *path, uint64_t places, const char *what, bool truncated, const char *first)
{
	if (places > 0)
		tool_warn("%s: %" PRIu64 " %s not understood, the first at %s", path, places, what,
		    first);
	if (truncated)
		tool_warn("%s: ends in the middle of a sample or record", path);
	if (places > 0 || truncated)
		tool_status(2);
}

static void
import_perf_script(const struct input *in, struct trace_writer *w)
{
	int fd = in->fd;
	struct perf_script_options o = { .head = in->head, .progress = progress, .context = &fd };
	struct perf_script_stats st;
	struct error e;

	if (perf_script_import(in->fd, w, &o, &st, &e) < 0) {
		tool_warn("%s: %s", in->path, e.text);
		tool_status(2);
		return;
	}
	tell_damage(in->path, st.bad_lines, "lines", st.truncated, st.first.text);
	if (tool_is_strict() && st.lost > 0)
		tool_status(2);
}

static void
import_perf_data(const struct input *in, struct trace_writer *w)
{
	int fd = in->fd;
	struct perf_data_options o = { .head = in->head, .progress = progress, .context = &fd };
	struct perf_data_stats st;
	struct error e;

	if (perf_data_import(in->fd, w, &o, &st, &e) < 0) {
		tool_warn("%s: %s", in->path, e.text);
		tool_status(2);
		return;
	}
	tell_damage(in->path, st.damaged, "places", st.truncated, st.first.text);
	if (tool_is_strict() && st.lost > 0)
		tool_status(2);
}

/* What was found out about a run, and what could not be read. */
static void
tell_run(const char *path, const struct heimdallr_run *run, const struct heimdallr_stats *st,
    void *unused)
{
	(void)unused;
	for (size_t i = 0; i < run->notes; i++)
		tool_warn("%s: %.*s", path, SLICE_ARG(run->note[i]));
	if (st->bad_lines + st->damaged > 0)
		tool_warn("%s: %" PRIu64 " lines or places not understood, the first at %s", path,
		    st->bad_lines + st->damaged, st->first.text);
	if (st->truncated)
		tool_warn("%s: something ends too early%s%s", path,
		    st->bad_lines + st->damaged > 0 || !st->first.text[0] ? "" : ", at ",
		    st->bad_lines + st->damaged > 0 ? "" : st->first.text);
	if (st->bad_lines + st->damaged > 0 || st->truncated || (tool_is_strict() && st->lost > 0))
		tool_status(2);
}

static void
import_heimdallr(const struct input *in, struct trace_writer *w)
{
	int none = -1;
	struct heimdallr_run run = { 0 };
	struct heimdallr_stats st;
	struct error e;

	heimdallr.progress = progress;
	heimdallr.context = &none;
	if (heimdallr_run_read(&run, in->path, &e) < 0 ||
	    heimdallr_import(in->path, &run, w, &heimdallr, &st, &e) < 0) {
		tool_warn("%s%s", e.text,
		    heimdallr_results_is(in->path) ? " (it holds such runs: --results NEW makes "
						     "directories for leat store of all)"
						   : "");
		tool_status(2);
	} else {
		tell_run(in->path, &run, &st, NULL);
	}
	heimdallr_run_free(&run);
}

/* All runs of a directory, to another directory. */
static int
import_results(const char *from, const char *to)
{
	struct heimdallr_results results;
	struct error e;
	int level = tool_level();

	if (heimdallr_results(from, to, &heimdallr, level < 0 ? TRACE_LEVEL_DEFAULT : level,
		tell_run, NULL, &results, &e) < 0)
		tool_die("%s", e.text);
	if (!tool_is_quiet())
		tool_warn("%" PRIu64 " runs in %s/runs, %" PRIu64 " of them made now",
		    results.made + results.there, to, results.made);
	return tool_end();
}

static bool
is_nothing(struct slice start)
{
	(void)start;
	return false;
}

static const struct format formats[] = {
	{ "perf.data", "what perf record writes: file or pipe form, compressed or not",
	    perf_data_is, import_perf_data },
	{ "perf-script", "what perf script prints, with any -F, and its like", perf_script_is,
	    import_perf_script },
	{ "heimdallr", "a run of Heimdallr, a directory; with --results, all of them", is_nothing,
	    import_heimdallr },
};
enum { FORMATS = sizeof formats / sizeof *formats };

static const struct tool_option options[] = { { LIST, "list", NULL, "list the formats" },
	{ RESULTS, "results", "NEW",
	    "heimdallr: all runs of a directory, to directories NEW/runs/NAME" },
	{ OFFSET, "offset", "DURATION",
	    "heimdallr: so far perf's clock is ahead of the allocations'" },
	{ MEM_READ, "mem-read", "EVENTS", "heimdallr: samples of these are reads" },
	{ MEM_WRITE, "mem-write", "EVENTS", "heimdallr: samples of these are writes" }, { 0 } };
static const struct tool_spec spec = { "import", "turns recordings of other tools into a trace",
	"[FORMAT] [FILE...]", options, TOOL_TRACE_OUT };

static const struct format *
format_named(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (strcmp(name, formats[i].name) == 0)
			return &formats[i];
	return NULL;
}

static const struct format *
format_of(struct slice head)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (formats[i].is(head))
			return &formats[i];
	return NULL;
}

/* Enough of the start to know the format: the first lines that are no comment, or a block. Less where no more comes. */
static size_t
read_head(int fd, char *head)
{
	size_t n = 0;
	ssize_t got;

	while (n < HEAD && (got = io_read(fd, head + n, HEAD - n)) > 0) {
		n += (size_t)got;
		if (n >= 16 && format_of((struct slice){ head, n }) != NULL)
			break;
	}
	return n;
}

static void
import_input(int fd, const char *path, const struct format *format)
{
	struct input in = { fd, path, { "", 0 } };
	char *head = NULL;
	struct stat st;

	if (format == NULL && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		format = format_named("heimdallr");
	if (format == NULL) {
		head = xmalloc(HEAD);
		in.head = (struct slice){ head, read_head(fd, head) };
		format = format_of(in.head);
	}
	if (format != NULL) {
		format->import(&in, tool_trace_out(-1, false));
	} else {
		tool_warn(
		    "%s: no format that can be imported (leat import --list); it looks like %s",
		    path, sniff(in.head));
		tool_status(2);
	}
	free(head);
}

static void
import_file(const char *path, const struct format *format)
{
	int fd;

	if (strcmp(path, "-") == 0) {
		import_input(STDIN_FILENO, "standard input", format);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		tool_warn("%s: %s", path, strerror(errno));
		tool_status(2);
		return;
	}
	import_input(fd, path, format);
	close(fd);
}

static int64_t
signed_duration(const char *option, const char *arg)
{
	return *arg == '-' ? -(int64_t)tool_duration(option, arg + 1)
			   : (int64_t)tool_duration(option, arg);
}

int
main(int argc, char **argv)
{
	const struct format *format = NULL;
	char **operand;
	const char *arg, *results = NULL;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case LIST:
			for (size_t i = 0; i < FORMATS; i++)
				printf("%-12s %s\n", formats[i].name, formats[i].what);
			return tool_end();
		case RESULTS:
			results = arg;
			break;
		case OFFSET:
			heimdallr.has_offset = true;
			heimdallr.offset = signed_duration("--offset", arg);
			break;
		case MEM_READ:
			heimdallr.reads = slice_of(arg);
			break;
		default:
			heimdallr.writes = slice_of(arg);
		}
	operand = tool_operands();
	if (results) {
		if (*operand && operand[1] && strcmp(*operand, "heimdallr") == 0)
			operand++;
		if (*operand == NULL || operand[1])
			tool_usage_error("--results is for one directory with runs of Heimdallr");
		return import_results(*operand, results);
	}
	/* perf.data is a format and what everybody calls the file: alone, it is the file where there is one. */
	if (*operand != NULL && (format = format_named(*operand)) != NULL) {
		if (operand[1] == NULL && access(*operand, F_OK) == 0)
			format = NULL;
		else
			operand++;
	} else if (*operand != NULL && operand[1] != NULL && strchr(*operand, '/') == NULL &&
		   strcmp(*operand, "-") != 0 && access(*operand, F_OK) != 0) {
		tool_die("%s: neither a format (leat import --list) nor a file", *operand);
	}
	if (*operand == NULL && isatty(STDIN_FILENO))
		tool_usage_error("no file, and standard input is a terminal");
	if (*operand == NULL)
		import_file("-", format);
	for (; *operand != NULL; operand++)
		import_file(*operand, format);
	return tool_end();
}
