/* merge - sorted traces to one by time; folded stacks and histograms added up; see leat-merge(1) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "flow/merge.h"
#include "form/folded.h"
#include "form/histogram.h"
#include "form/kind.h"
#include "tool/tool.h"

enum { OPTION_REORDER = 256, OPTION_CLOCK };

static const struct tool_option options[] = {
	{ OPTION_REORDER, "reorder", "DUR", "mend disorder of up to DUR in each input" },
	{ OPTION_CLOCK, "clock", "NAME",
	    "the clock of the output: monotonic_raw, monotonic, realtime, boottime, first" },
	{ 0 },
};

static const struct tool_spec spec = { "merge",
	"sorted traces to one by time; folded stacks and histograms to their sums",
	"[TRACE|FOLDED|HISTOGRAM...]", options, TOOL_TRACE_OUT };

static struct {
	struct input {
		int fd;
		const char *path;
		enum kind kind;
		struct kind_input first;
	} * *input;
	size_t inputs, cap;
	const struct input *sample; /* the first that is not empty */
	struct trace_writer *out;
	uint64_t bytes;
} job;

static void
add_input(int fd, const char *path)
{
	struct input *in = xcalloc(1, sizeof *in);

	in->fd = fd;
	in->path = path;
	io_enlarge_pipe(fd);
	if (kind_of(&in->first, fd, &in->kind) < 0) {
		tool_warn("%s: %s", path, strerror(errno));
		tool_status(2);
		close(fd);
		free(in);
		return;
	}
	GROW(job.input, job.cap, job.inputs);
	job.input[job.inputs++] = in;
}

/* All inputs are open at the same time. */
static void
open_inputs(void)
{
	char **operand = tool_operands();
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (*operand == NULL)
		add_input(STDIN_FILENO, "standard input");
	for (; *operand; operand++) {
		bool standard = strcmp(*operand, "-") == 0;
		int fd = standard ? STDIN_FILENO : open(*operand, O_RDONLY | O_CLOEXEC);

		if (fd >= 0) {
			add_input(fd, standard ? "standard input" : *operand);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			tool_die("%s: %s: %zu are open; raise `ulimit -n`, or merge some of the"
				 " files first and then the results",
			    *operand, strerror(errno), job.inputs);
		tool_warn("%s: %s", *operand, strerror(errno));
		tool_status(2);
	}
}

/* What the inputs are, all of them; nothing fits with anything. */
static enum kind
kind_of_all(void)
{
	for (size_t i = 0; i < job.inputs; i++) {
		struct input *in = job.input[i];

		if (in->kind == KIND_UNKNOWN)
			in->kind = KIND_TRACE; /* its reader knows best what is wrong */
		if (in->kind == KIND_EMPTY)
			continue;
		if (in->kind == KIND_NUMBERS || in->kind == KIND_TABLE)
			tool_die("%s: %s: what merges are traces, folded stacks and histograms",
			    in->path, kind_name(in->kind));
		if (job.sample && job.sample->kind != in->kind)
			tool_die("%s is %s, and %s is %s: only inputs of one kind merge",
			    job.sample->path, kind_name(job.sample->kind), in->path,
			    kind_name(in->kind));
		if (job.sample == NULL)
			job.sample = in;
	}
	return job.sample ? job.sample->kind : KIND_TRACE;
}

/* ---- traces ---- */

static int
reading(void *context, int fd, struct trace_reader *r, bool ready)
{
	int due = trace_writer_due(job.out);

	(void)context;
	tool_progress(fd, trace_writer_records(job.out), trace_writer_bytes(job.out));
	(void)r;
	if (due < 0 || (ready && due > 0) || (!ready && io_wait(fd, due) == 1))
		return 0;
	if (trace_flush(job.out) < 0)
		tool_die("%s: %s", tool_output() ? tool_output() : "standard output",
		    trace_writer_error(job.out));
	return 0;
}

static void
tell(void *context, bool wrong, const char *text)
{
	(void)context;
	tool_warn("%s", text);
	if (wrong)
		tool_status(2);
}

static void
done(void *context, const char *path, struct trace_reader *r, int got)
{
	(void)context;
	tool_reader_done(path, r, got);
}

static void
merge_traces(const struct merge_options *how)
{
	const struct merge_hooks hooks = { NULL, reading, tell, done };
	struct tool_books books = { 0 };
	struct merge *m = NULL;
	struct error e;

	for (size_t i = 0; i < job.inputs; i++) {
		struct input *in = job.input[i];
		struct trace_reader *r = trace_reader_new(in->fd);

		trace_reader_unread(r, in->first.first, in->first.n);
		if (m == NULL) {
			int like = trace_reader_encoding(r);

			job.out = tool_trace_out(like < 0 ? TRACE_LINES : like, false);
			m = merge_new(job.out, how, &hooks);
		}
		merge_add(m, in->fd, in->path, r);
	}
	if (merge_begin(m, &e) < 0)
		tool_die("%s", e.text);
	tool_start(job.out);
	if (merge_run(m, &e) < 0)
		tool_die("%s", e.text);
	books.in = merge_books(m)->in;
	books.passed = merge_books(m)->passed;
	books.lost = merge_books(m)->lost;
	tool_finish(job.out, &books);
	merge_free(m);
}

/* ---- sums ---- */

static void
put(const struct buf *text)
{
	fwrite(text->p, 1, text->n, tool_out());
}

static void
add_folded(void)
{
	struct folded sum = FOLDED_INIT;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < job.inputs; i++) {
		struct input *in = job.input[i];
		uint64_t bad = sum.bad;
		struct error e;

		if (folded_read(&sum, in->fd, in->first.first, in->first.n, &e) < 0) {
			tool_warn("%s: %s", in->path, e.text);
			tool_status(2);
		}
		if (sum.bad > bad) {
			tool_warn("%s:%s (%llu line%s left out)", in->path, sum.first_bad.text,
			    (unsigned long long)(sum.bad - bad), sum.bad - bad == 1 ? "" : "s");
			tool_status(2);
		}
	}
	folded_sort(&sum);
	folded_lines(&sum, &text);
	put(&text);
	buf_free(&text);
	folded_free(&sum);
}

static void
add_histograms(void)
{
	struct histogram sum = HISTOGRAM_INIT;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < job.inputs; i++) {
		struct input *in = job.input[i];
		struct histogram h = HISTOGRAM_INIT;
		struct error e;

		if (in->kind == KIND_EMPTY)
			continue;
		if (histogram_read(&h, in->fd, in->first.first, in->first.n, &e) < 0)
			tool_die("%s:%s", in->path, e.text);
		if (histogram_merge(&sum, &h, &e) < 0)
			tool_die("%s: %s", in->path, e.text);
		histogram_free(&h);
	}
	histogram_sort(&sum);
	histogram_put_tsv(&sum, &text);
	put(&text);
	buf_free(&text);
	histogram_free(&sum);
}

int
main(int argc, char **argv)
{
	static const char *const clocks[] = { "monotonic_raw", "monotonic", "realtime", "boottime",
		"first" };
	struct merge_options how = { 0 };
	const char *arg;
	enum kind kind;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case OPTION_REORDER:
			how.reordering = true;
			how.reorder = (int64_t)tool_duration("--reorder", arg);
			break;
		case OPTION_CLOCK:
			for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
				if (strcmp(arg, clocks[i]) == 0)
					how.clock = clocks[i];
			if (how.clock == NULL)
				tool_usage_error("--clock %s: it is monotonic_raw, monotonic,"
						 " realtime, boottime or first",
				    arg);
			break;
		}
	how.anew = tool_level() >= 0;
	open_inputs();
	if (job.inputs == 0)
		return tool_end(); /* nothing could be opened, which is no empty trace */
	kind = kind_of_all();
	if (kind == KIND_TRACE) {
		merge_traces(&how);
		return tool_end();
	}
	if (tool_trace_asked() || how.reordering || how.clock)
		tool_usage_error("%s is %s: -t, -f, -z, --reorder and --clock are for traces",
		    job.sample->path, kind_name(kind));
	if (kind == KIND_FOLDED)
		add_folded();
	else
		add_histograms();
	return tool_end();
}
