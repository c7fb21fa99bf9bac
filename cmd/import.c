/* import - foreign formats to a trace; see leat-import(1) */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "form/perf_data.h"
#include "form/perf_script.h"
#include "form/sniff.h"
#include "tool/tool.h"

enum { LIST = 256, HEAD = 64 << 10 };

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

static const struct format formats[] = {
	{ "perf.data", "what perf record writes: file or pipe form, compressed or not",
	    perf_data_is, import_perf_data },
	{ "perf-script", "what perf script prints, with any -F, and its like", perf_script_is,
	    import_perf_script },
};
enum { FORMATS = sizeof formats / sizeof *formats };

static const struct tool_option options[] = { { LIST, "list", NULL, "list the formats" }, { 0 } };
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

int
main(int argc, char **argv)
{
	const struct format *format = NULL;
	char **operand;
	const char *arg;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		if (c == LIST) {
			for (size_t i = 0; i < FORMATS; i++)
				printf("%-12s %s\n", formats[i].name, formats[i].what);
			return tool_end();
		}
	operand = tool_operands();
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
