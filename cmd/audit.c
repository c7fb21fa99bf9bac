/* audit - do the counts of a pipeline add up? see leat-audit(1) */
#include <inttypes.h>

#include "flow/books.h"
#include "tool/tool.h"

static const struct tool_option options[] = { { 0 } };

static const struct tool_spec spec = { "audit", "checks that the books of a pipeline balance",
	"[TRACE...]", options, TOOL_TABLE_OUT };

static void
read_all(int fd, const char *path, void *context)
{
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_record record;
	uint64_t records = 0;
	int got;

	while ((got = trace_next(r, &record)) > 0) {
		books_add(context, &record);
		tool_progress(fd, ++records, trace_reader_offset(r));
	}
	tool_reader_done(path, r, got);
}

static void
print_stage(FILE *out, const struct books_stage *s)
{
	fprintf(out, "%.*s\t", SLICE_ARG(s->tool));
	if (!s->ended)
		fputs("-\t-\t-\t-\t-\t-", out);
	else {
		if (s->in < 0)
			fputs("-", out);
		else
			fprintf(out, "%" PRId64, s->in);
		fprintf(out, "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64,
		    s->passed, s->used, s->made, s->dropped, s->lost);
	}
	fprintf(out, "\t%s\n", s->verdict.text[0] ? s->verdict.text : "balanced");
}

int
main(int argc, char **argv)
{
	struct books books = BOOKS_INIT;
	const struct books_stage *wrong;
	const char *arg;
	FILE *out;

	tool_begin(&spec, argc, argv);
	while (tool_option_next(&arg))
		;
	tool_inputs(read_all, &books);
	out = tool_out();
	wrong = books_balance(&books);
	fputs("tool\tin\tpassed\tused\tmade\tdropped\tlost\tverdict\n", out);
	for (size_t i = 0; i < books.stages; i++)
		print_stage(out, &books.stage[i]);
	fprintf(out, "# records=%" PRIu64 "\n", books.records);
	for (size_t i = 0; i < books.reasons; i++)
		fprintf(out, "# lost=%" PRIu64 " why=%.*s\n", books.reason[i].n,
		    SLICE_ARG(books.reason[i].why));
	if (wrong) {
		tool_warn("the books of %.*s do not balance: %s", SLICE_ARG(wrong->tool),
		    wrong->verdict.text);
		tool_status(1);
	}
	books_free(&books);
	return tool_end();
}
