/* unwind - addresses and stack dumps to named stacks; see leat-unwind(1) */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/io.h"
#include "flow/unwind.h"
#include "tool/tool.h"

enum { NO_INLINE = 256, SYMFS, OBJECT, KEEP };

static const struct tool_option options[] = { { NO_INLINE, "no-inline", NULL,
						  "leave out inlined functions" },
	{ SYMFS, "symfs", "DIR", "look for the files of the trace below DIR" },
	{ OBJECT, "object", "FILE",
	    "use FILE where its build id or name is asked for (vmlinux too)" },
	{ KEEP, "keep", NULL, "keep chain, regs and ustack" }, { 0 } };
static const struct tool_spec spec = { "unwind", "gives samples and events their stacks of names",
	"[TRACE...]", options, TOOL_TRACE_OUT };

struct run {
	struct flow_unwind *unwind;
	struct trace_writer *out;
	struct tool_books books;
	uint32_t *row;
	size_t row_cap;
	bool started;  /* our own start is written */
	uint64_t lost; /* n of all lost records, of the input and ours */
};

static void
flush(struct run *run)
{
	if (trace_flush(run->out) != 0)
		tool_die("%s", trace_writer_error(run->out));
}

static void
count_lost(struct run *run, struct trace_block *b, unsigned s, uint32_t row)
{
	int n;

	if (!slice_eq(b->shape[s]->type, SLICE("lost")))
		return;
	n = trace_field_of(b->shape[s], SLICE("n"), TRACE_INT);
	run->lost += n < 0 ? 1 : trace_column(b, s, (unsigned)n)[row];
}

static void
one_block(struct run *run, struct trace_block *b, const char *path, struct trace_reader *reader)
{
	const uint16_t *sequence = trace_sequence(b);
	struct error e;

	GROW(run->row, run->row_cap, b->shapes);
	memset(run->row, 0, b->shapes * sizeof *run->row);
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;

		if (!run->started && !slice_eq(b->shape[s]->type, SLICE("start"))) {
			tool_start(run->out);
			run->started = true;
		}
		switch (flow_unwind_row(run->unwind, b, s, run->row[s]++, run->out, &e)) {
		case FLOW_UNWIND_LEDGER:
			count_lost(run, b, s, run->row[s] - 1);
			continue;
		case FLOW_UNWIND_PASSED:
			run->books.passed++;
			break;
		case FLOW_UNWIND_MADE:
			run->books.used++;
			run->books.made++;
			break;
		default:
			tool_die("%s: %s", tool_where(path, reader), e.text);
		}
		run->books.in++;
	}
}

static void
one_input(int fd, const char *path, void *context)
{
	struct run *run = context;
	struct trace_reader *reader = trace_reader_new(fd);
	int encoding = trace_reader_encoding(reader), got, due;
	struct trace_block *b;

	if (run->out == NULL)
		run->out = tool_trace_out(encoding < 0 ? TRACE_LINES : encoding, false);
	flow_unwind_input(run->unwind);
	for (;;) {
		due = trace_writer_due(run->out);
		if (due == 0 || (due > 0 && !trace_reader_ready(reader) && io_wait(fd, due) != 1))
			flush(run);
		got = trace_read(reader, &b);
		if (got <= 0)
			break;
		one_block(run, b, path, reader);
		tool_progress(fd, run->books.in, trace_reader_offset(reader));
	}
	if (got < 0) {
		tool_warn("%s: %s", path, trace_reader_error(reader));
		tool_status(2);
	}
	tool_report_damage(path, reader);
	trace_reader_free(reader);
}

static void
lost(void *context, uint64_t n, const char *why)
{
	struct run *run = context;

	tool_lost(run->out, -1, n, why);
	run->lost += n;
}

int
main(int argc, char **argv)
{
	struct flow_unwind_options how = { .inlines = true };
	struct run run = { 0 };
	const char **files = NULL, *arg;
	size_t files_cap = 0;
	struct error e;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case NO_INLINE:
			how.inlines = false;
			break;
		case SYMFS:
			how.symfs = arg;
			break;
		case OBJECT:
			GROW(files, files_cap, how.files);
			files[how.files++] = arg;
			break;
		case KEEP:
			how.keep = true;
			break;
		}
	how.file = files;
	run.unwind = flow_unwind_new(&how, &e);
	if (run.unwind == NULL)
		tool_die("%s", e.text);
	tool_inputs(one_input, &run);
	if (run.out == NULL)
		run.out = tool_trace_out(TRACE_LINES, false);
	if (!run.started)
		tool_start(run.out);
	flow_unwind_lost(run.unwind, lost, &run);
	tool_finish(run.out, &run.books);
	flow_unwind_free(run.unwind);
	free(files);
	free(run.row);
	if (tool_is_strict() && run.lost > 0) {
		tool_warn("%llu lost, and --strict was given", (unsigned long long)run.lost);
		tool_status(2);
	}
	return tool_end();
}
