/* cat - lines to frames and back, many traces to one, what is left of damaged ones; see leat-cat(1) */
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "tool/tool.h"

enum { OPTION_INDEX = 256, OPTION_SINCE, OPTION_UNTIL };

static const struct tool_option options[] = {
	{ OPTION_INDEX, "index", NULL, "list the frames instead: place, sizes, records, times" },
	{ OPTION_SINCE, "since", "T", "leave out what is before T (ns, or with a unit: 1.5s)" },
	{ OPTION_UNTIL, "until", "T", "leave out what is after T" },
	{ 0 },
};

static const struct tool_spec spec = { "cat",
	"lines to frames and back; concatenation, salvage, index", "[TRACE...]", options,
	TOOL_TRACE_OUT };

static struct {
	struct trace_writer *out;
	int64_t since, until;
	bool ranged;
} cat = { .since = INT64_MIN, .until = INT64_MAX };

static _Noreturn void
output_failed(void)
{
	tool_die("%s: %s", tool_output() ? tool_output() : "standard output",
	    trace_writer_error(cat.out));
}

/* What is held goes out when it is old enough, not at each pause: a slow input makes no small frames. */
static void
wait_for_input(int fd)
{
	int due = trace_writer_due(cat.out);

	if (due >= 0 && io_wait(fd, due) != 1 && trace_flush(cat.out) < 0)
		output_failed();
}

/* Whether the next frame can be passed on as it is stored: 1 with the frame, 0 with frame->stored 0, -1. */
static int
pass(struct trace_reader *r, struct trace_frame *frame)
{
	int got = tool_level() >= 0 ? 0 : trace_peek_frame(r, frame);

	if (got > 0 && trace_writer_takes(cat.out, frame->stored, frame->raw))
		return 1;
	frame->stored = 0;
	return got < 0 ? -1 : 0;
}

static void
copy(int fd, const char *path, void *context)
{
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_frame frame;
	struct trace_block *b;
	uint64_t records = 0;
	int got;

	(void)context;
	if (cat.ranged)
		trace_reader_range(r, cat.since, cat.until);
	if (trace_reader_encoding(r) >= 0 && cat.out == NULL)
		cat.out = tool_trace_out(trace_reader_encoding(r), false);
	while ((got = pass(r, &frame)) > 0 || (got == 0 && (got = trace_read(r, &b)) > 0)) {
		if (frame.stored > 0 ? trace_pass_frame(r, cat.out) < 0
				     : trace_put_block(cat.out, b) < 0)
			output_failed();
		if (!trace_reader_ready(r))
			wait_for_input(fd);
		records += frame.stored > 0 ? frame.records : b->records;
		tool_progress(fd, records, trace_reader_offset(r));
	}
	tool_reader_done(path, r, got);
}

static void
list(int fd, const char *path, void *context)
{
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_frame frame;
	FILE *out = tool_out();
	int got;

	(void)context;
	while ((got = trace_read_index(r, &frame)) > 0) {
		fprintf(out, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t", frame.offset,
		    frame.stored, frame.raw, frame.records);
		if (frame.t_min <= frame.t_max)
			fprintf(out, "%" PRId64 "\t%" PRId64, frame.t_min, frame.t_max);
		else
			fputs("-\t-", out);
		fprintf(out, "\t%s\n", frame.state ? "state" : "-");
	}
	tool_reader_done(path, r, got);
}

static int64_t
time_of(const char *option, const char *arg)
{
	int64_t t;

	if (num_i64(slice_of(arg), &t) == 0)
		return t;
	return (int64_t)tool_duration(option, arg);
}

int
main(int argc, char **argv)
{
	const char *arg;
	bool index = false;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case OPTION_INDEX:
			index = true;
			break;
		case OPTION_SINCE:
			cat.since = time_of("--since", arg);
			cat.ranged = true;
			break;
		case OPTION_UNTIL:
			cat.until = time_of("--until", arg);
			cat.ranged = true;
			break;
		}
	if (cat.since > cat.until)
		tool_usage_error("--since is later than --until");
	if (index) {
		fputs("offset\tstored\traw\trecords\tt_min\tt_max\tflags\n", tool_out());
		tool_inputs(list, NULL);
	} else {
		tool_inputs(copy, NULL);
	}
	return tool_end();
}
