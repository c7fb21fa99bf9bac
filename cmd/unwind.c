/* unwind - addresses and stack dumps to named stacks; see leat-unwind(1) */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/io.h"
#include "flow/unwind.h"
#include "tool/tool.h"

enum { NO_INLINE = 256, NO_DEMANGLE, SYMFS, OBJECT, KEEP };

static const struct tool_option options[] = { { NO_INLINE, "no-inline", NULL,
						  "leave out inlined functions" },
	{ NO_DEMANGLE, "no-demangle", NULL, "leave names of C++ and Rust as the linker sees them" },
	{ SYMFS, "symfs", "DIR", "look for the files of the trace below DIR" },
	{ OBJECT, "object", "FILE",
	    "use FILE where its build id or name is asked for (vmlinux too)" },
	{ KEEP, "keep", NULL, "keep chain, regs and ustack" }, { 0 } };
static const struct tool_spec spec = { "unwind", "gives samples and events their stacks of names",
	"[TRACE...]", options, TOOL_TRACE_OUT };

/* Sources are machines, or times of one: each has processes, a kernel and losses of its own. */
static struct {
	struct flow_unwind_options how;
	struct flow_unwind **of; /* by src */
	size_t n, cap;
	int *field; /* of each shape of this input: its `src`; -1 none, -2 not looked up */
	size_t shapes, shape_cap;
} sources;

enum { SOURCES_MAX = 65536 };

static struct flow_unwind *
source(struct tool_filter *f, int64_t src)
{
	struct error e;

	if (src < 0 || src >= SOURCES_MAX)
		tool_die("%s: src=%lld is no number of a source (0 to %d)",
		    tool_where(f->path, f->reader), (long long)src, SOURCES_MAX - 1);
	for (; sources.n <= (size_t)src; sources.n++) {
		GROW(sources.of, sources.cap, sources.n);
		sources.of[sources.n] = NULL;
	}
	if (sources.of[src] == NULL) {
		sources.of[src] = flow_unwind_new(&sources.how, &e);
		if (sources.of[src] == NULL)
			tool_die("%s", e.text);
	}
	return sources.of[src];
}

static struct flow_unwind *
source_of(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t row)
{
	const struct trace_shape *shape = b->shape[s];

	for (; sources.shapes <= shape->id; sources.shapes++) {
		GROW(sources.field, sources.shape_cap, sources.shapes);
		sources.field[sources.shapes] = -2;
	}
	if (sources.field[shape->id] == -2)
		sources.field[shape->id] = trace_field_of(shape, SLICE("src"), TRACE_INT);
	if (sources.field[shape->id] < 0)
		return sources.of[0];
	return source(f, (int64_t)trace_column(b, s, (unsigned)sources.field[shape->id])[row]);
}

static void
input(struct tool_filter *f)
{
	(void)f;
	sources.shapes = 0;
	for (size_t i = 0; i < sources.n; i++)
		if (sources.of[i])
			flow_unwind_input(sources.of[i]);
}

static void
row(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t i)
{
	struct error e;

	switch (flow_unwind_row(source_of(f, b, s, i), b, s, i, f->out, &e)) {
	case FLOW_UNWIND_LEDGER:
		break;
	case FLOW_UNWIND_PASSED:
		f->books.passed++;
		break;
	case FLOW_UNWIND_MADE:
		f->books.used++;
		f->books.made++;
		break;
	default:
		tool_die("%s: %s", tool_where(f->path, f->reader), e.text);
	}
}

static void
lost(void *context, uint64_t n, const char *why)
{
	struct tool_filter *f = context;

	tool_lost(f->out, -1, n, why);
	if (tool_is_strict()) {
		tool_warn("%llu lost (%s), and --strict was given", (unsigned long long)n, why);
		tool_status(2);
	}
}

static void
finish(struct tool_filter *f)
{
	for (size_t i = 0; i < sources.n; i++)
		if (sources.of[i])
			flow_unwind_lost(sources.of[i], lost, f);
}

int
main(int argc, char **argv)
{
	struct flow_unwind_options *how = &sources.how;
	struct tool_filter f = { .row = row, .input = input, .finish = finish };
	const char **files = NULL, *arg;
	size_t files_cap = 0;
	int c;

	how->inlines = true;
	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case NO_INLINE:
			how->inlines = false;
			break;
		case NO_DEMANGLE:
			how->mangled = true;
			break;
		case SYMFS:
			how->symfs = arg;
			break;
		case OBJECT:
			GROW(files, files_cap, how->files);
			files[how->files++] = arg;
			break;
		case KEEP:
			how->keep = true;
			break;
		}
	how->file = files;
	source(&f, 0);
	c = tool_filter_run(&f);
	for (size_t i = 0; i < sources.n; i++)
		if (sources.of[i])
			flow_unwind_free(sources.of[i]);
	free(sources.of);
	free(sources.field);
	free(files);
	return c;
}
