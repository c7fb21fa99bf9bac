/* join - each access and the object that it falls into; see leat-join(1) */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "flow/join.h"
#include "tool/tool.h"

enum { SYMFS = 256, OBJECT };

static const struct tool_option options[] = {
	{ SYMFS, "symfs", "DIR", "look for the files of the trace below DIR" },
	{ OBJECT, "object", "FILE", "use FILE where its build id or name is asked for" },
	{ 0 },
};
static const struct tool_spec spec = { "join", "gives each access the object that it falls into",
	"[TRACE...]", options, TOOL_TRACE_OUT };

static void
check(struct tool_filter *f, int result)
{
	if (result < 0)
		tool_die("%s: %s", tool_output() ? tool_output() : "standard output",
		    trace_writer_error(f->out));
}

static void
row(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t i)
{
	check(f, join_row(f->context, b, s, i, f->out));
}

static void
waiting(struct tool_filter *f)
{
	check(f, join_flush(f->context, f->out));
}

static void
put_count(struct buf *b, uint64_t n)
{
	char text[32];
	int length = snprintf(text, sizeof text, "%" PRIu64, n);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			buf_char(b, ',');
		buf_char(b, text[i]);
	}
}

/* "1,000,000 accesses: 93.2 % object, 3.1 % stack, ..." */
static void
summary(const struct join_counts *c)
{
	struct buf b = BUF_INIT;

	put_count(&b, c->used);
	buf_printf(&b, c->used == 1 ? " access" : " accesses");
	for (unsigned k = 0; k < JOIN_KINDS; k++)
		if (c->kind[k] > 0)
			buf_printf(&b, "%s %.1f %% %s", b.p[b.n - 1] == 's' ? ":" : ",",
			    100.0 * (double)c->kind[k] / (double)c->used, join_kind_name(k));
	tool_warn("%s", buf_str(&b));
	buf_free(&b);
}

static void
report(const struct join_counts *c, uint64_t in)
{
	if (!tool_is_quiet() && c->used > 0)
		summary(c);
	if (in > 0 && c->used == 0)
		tool_warn("there is no access record (leat record --mem, leat interpose --touch)");
	else if (c->used > 0 && c->allocs == 0)
		tool_warn("there is no alloc record: merge the accesses with a trace of leat "
			  "interpose first");
	if (c->out_of_order > 0)
		tool_warn("%" PRIu64
			  " records are not in order of time (leat merge puts several traces in "
			  "one order, with --reorder also a single one)",
		    c->out_of_order);
	if (tool_is_strict() && c->free_missing > 0) {
		tool_warn("%" PRIu64 " frees are missing, and --strict was given", c->free_missing);
		tool_status(2);
	}
}

static void
finish(struct tool_filter *f)
{
	const struct join_counts *c = join_counts(f->context);
	uint64_t stats;

	check(f, join_finish(f->context, f->out, &stats));
	f->books.passed = c->passed;
	f->books.used = c->used;
	f->books.made = c->used + stats;
	report(c, f->books.in);
}

int
main(int argc, char **argv)
{
	struct tool_filter f = { .row = row, .waiting = waiting, .finish = finish };
	struct join_options how = { 0 };
	const char **files = NULL, *arg;
	size_t cap = 0;
	struct error e;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case SYMFS:
			how.symfs = arg;
			break;
		case OBJECT:
			GROW(files, cap, how.files);
			files[how.files++] = arg;
			break;
		}
	how.file = files;
	f.context = join_new(&how, &e);
	if (f.context == NULL)
		tool_die("%s", e.text);
	c = tool_filter_run(&f);
	join_free(f.context);
	free(files);
	return c;
}
