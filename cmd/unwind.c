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

static void
input(struct tool_filter *f)
{
	flow_unwind_input(f->context);
}

static void
row(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t i)
{
	struct error e;

	switch (flow_unwind_row(f->context, b, s, i, f->out, &e)) {
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
	flow_unwind_lost(f->context, lost, f);
}

int
main(int argc, char **argv)
{
	struct flow_unwind_options how = { .inlines = true };
	struct tool_filter f = { .row = row, .input = input, .finish = finish };
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
		case NO_DEMANGLE:
			how.mangled = true;
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
	f.context = flow_unwind_new(&how, &e);
	if (f.context == NULL)
		tool_die("%s", e.text);
	c = tool_filter_run(&f);
	flow_unwind_free(f.context);
	free(files);
	return c;
}
