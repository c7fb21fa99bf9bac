/* pick - keeps the records for which an expression holds, and of them the fields that are wanted; see leat-pick(1) */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "expr/expr.h"
#include "flow/fields.h"
#include "tool/tool.h"

enum { FIELDS = 256, DROP, FILTER_STATE };

static const struct tool_option options[] = { { FIELDS, "fields", "LIST",
						  "keep only these fields, and t: a,b,c" },
	{ DROP, "drop", "LIST", "leave out these fields" },
	{ 'v', "invert", NULL, "keep the records for which EXPR does not hold" },
	{ 'n', "limit", "N", "keep the first N, and drop the rest unread" },
	{ FILTER_STATE, "filter-state", NULL,
	    "state records (mmap, comm, ...) pass only if picked, too" },
	{ 0 } };
static const struct tool_spec spec = { "pick", "keeps the records for which an expression holds",
	"EXPR [TRACE...]", options, TOOL_TRACE_OUT };

static struct {
	struct expr *expr;
	struct fields *fields;
	bool invert, filter_state;
	uint64_t left; /* of -n */
} pick = { .left = UINT64_MAX };

static bool
is_filtered(const struct trace_shape *shape)
{
	return !trace_is_ledger(shape) && (pick.filter_state || !trace_is_state(shape));
}

/* Keeps only the first so many of those that are kept. */
static void
cut(struct tool_filter *f, struct trace_block *b, unsigned char *const *keep)
{
	const uint16_t *sequence = trace_sequence(b);
	uint32_t *row = xcalloc(b->shapes, sizeof *row);

	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		unsigned char *k = &keep[s][row[s]++];

		if (!*k || !is_filtered(b->shape[s]))
			continue;
		if (pick.left > 0)
			pick.left--;
		else
			*k = 0;
	}
	f->enough = pick.left == 0;
	free(row);
}

static void
rows(struct tool_filter *f, struct trace_block *b, unsigned char *const *keep)
{
	for (unsigned s = 0; s < b->shapes; s++) {
		if (!is_filtered(b->shape[s]))
			continue;
		if (f->enough) {
			memset(keep[s], 0, b->rows[s]);
			continue;
		}
		expr_rows(pick.expr, b, s, keep[s]);
		for (uint32_t row = 0; pick.invert && row < b->rows[s]; row++)
			keep[s][row] ^= 1;
	}
	if (pick.left < UINT64_MAX && !f->enough)
		cut(f, b, keep);
}

static unsigned
source(struct tool_filter *f, struct trace_block *b, unsigned s)
{
	return trace_is_state(b->shape[s]) ? trace_pick_source(f->out, b, s)
					   : fields_source(pick.fields, f->out, b, s);
}

static void
finish(struct tool_filter *f)
{
	struct slice name;

	if (f->enough)
		return;
	if (expr_unmet(pick.expr, &name))
		tool_warn("no record has a field %.*s, which the expression compares"
			  " (a string needs quotes: \"%.*s\")",
		    SLICE_ARG(name), SLICE_ARG(name));
	if (pick.fields && fields_unmet(pick.fields, &name))
		tool_warn("no record that was picked has a field %.*s", SLICE_ARG(name));
}

int
main(int argc, char **argv)
{
	struct tool_filter f = { .rows = rows, .finish = finish };
	const char *arg, *text, *only = NULL, *without = NULL;
	struct error e;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case FIELDS:
			only = arg;
			break;
		case DROP:
			without = arg;
			break;
		case 'v':
			pick.invert = true;
			break;
		case 'n':
			pick.left = tool_number("--limit", arg, 1, UINT64_MAX - 1);
			break;
		case FILTER_STATE:
			pick.filter_state = true;
			break;
		}
	text = tool_operand("EXPR");
	pick.expr = expr_new(slice_of(text), &e);
	if (pick.expr == NULL)
		tool_die("%s\nleat-expr(7) tells what expressions there are", e.text);
	if (only || without) {
		pick.fields = fields_new(slice_of(only), slice_of(without), &e);
		if (pick.fields == NULL)
			tool_usage_error("%s", e.text);
		f.source = source;
	}
	return tool_filter_run(&f);
}
