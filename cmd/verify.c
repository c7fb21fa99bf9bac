/* verify - published values held against tables of results; see leat-verify(1) */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "experiment/verdict.h"
#include "form/kind.h"
#include "tool/tool.h"

enum { MARKDOWN = 256, TSV };

static const struct tool_option options[] = {
	{ MARKDOWN, "markdown", NULL, "the verdicts as a table in Markdown" },
	{ TSV, "tsv", NULL, "as TSV, even on a terminal" },
	{ 0 },
};
static const struct tool_spec spec = { "verify",
	"published values held against tables of results: does each claim hold",
	"CLAIMS [TABLE...]", options, TOOL_TABLE_OUT };

static struct {
	struct verdicts *claims;
	struct buf lost; /* `#` lines of losses, for the output */
	uint64_t bad;
} verify;

/* What a table says of losses stands above the verdicts, too. */
static void
pass_losses(const struct table *t, const char *path)
{
	for (size_t i = 0; i < t->words; i++) {
		const struct table_word *w = &t->word[i];

		if (!slice_eq(w->key, SLICE("lost")) || slice_eq(w->value, SLICE("0")))
			continue;
		buf_printf(&verify.lost, "# lost=%.*s", SLICE_ARG(w->value));
		for (size_t k = i + 1; k < t->words && t->word[k].line == w->line; k++)
			if (slice_eq(t->word[k].key, SLICE("why")))
				table_put_word(&verify.lost, "why", t->word[k].value);
		table_put_word(&verify.lost, "table", slice_of(path));
		buf_char(&verify.lost, '\n');
		if (tool_is_strict()) {
			tool_warn(
			    "%s: %.*s lost, and --strict was given", path, SLICE_ARG(w->value));
			tool_status(2);
		}
	}
}

static void
read_table(int fd, const char *path, void *context)
{
	struct kind_input in;
	enum kind kind;
	struct table *t;
	uint64_t bad = 0, rows = 0;
	int got;

	(void)context;
	if (kind_of(&in, fd, &kind) < 0) {
		tool_warn("%s: %s", path, strerror(errno));
		tool_status(2);
		return;
	}
	if (kind == KIND_TRACE || kind == KIND_FOLDED || (in.n > 0 && in.first[0] == '{'))
		tool_die("%s: not a table, but %s", path, kind_name(kind));
	t = table_new(fd, in.first, in.n);
	got = table_header(t);
	if (got > 0)
		verdict_table(verify.claims, t, path);
	while (got != 0 && (got = table_next(t)) != 0) {
		if (got > 0) {
			verdict_row(verify.claims, t);
		} else if (bad++ == 0) {
			tool_warn("%s:%s", path, t->error.text);
			tool_status(2);
		}
		if (table_failed(t))
			break;
		tool_progress(fd, ++rows, table_offset(t));
	}
	if (bad > 1)
		tool_warn("%s: %" PRIu64 " more rows like this", path, bad - 1);
	if (bad > 0)
		buf_printf(&verify.lost, "# lost=%" PRIu64 " why=bad-row\n", bad);
	pass_losses(t, path);
	table_free(t);
}

static struct verdicts *
read_claims(const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct verdicts *c;
	struct error e;

	if (fd < 0)
		tool_die("%s: %s", path, strerror(errno));
	if (standard && tool_operands()[0] == NULL)
		tool_die("the claims are standard input: name the TABLE");
	c = verdict_read(fd, &e);
	if (c == NULL)
		tool_die("%s:%s", path, e.text);
	if (!standard)
		close(fd);
	return c;
}

/* Unknown ones always; failed ones where nobody sees the table. */
static void
say(const char *path, bool seen)
{
	for (size_t i = 0; i < verify.claims->n; i++) {
		const struct verdict_claim *one = &verify.claims->one[i];

		if (one->verdict == VERDICT_UNKNOWN)
			tool_warn("%s:%" PRIu64 ": %s", path, one->line, one->error.text);
		else if (one->verdict == VERDICT_FAILS && !seen)
			tool_warn("%s:%" PRIu64 ": %.*s: %.*s was expected, and got %.*s", path,
			    one->line, SLICE_ARG(one->claim), SLICE_ARG(one->expect),
			    SLICE_ARG(one->got));
	}
}

int
main(int argc, char **argv)
{
	struct buf out = BUF_INIT;
	const char *arg, *path;
	int c, form = 0;
	bool terminal;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg))) {
		if (form && form != c)
			tool_usage_error("--markdown, --tsv: one of them");
		form = c;
	}
	path = tool_operand("CLAIMS, a table of claims,");
	terminal = tool_output() == NULL && isatty(STDOUT_FILENO);
	verify.claims = read_claims(path);
	tool_inputs(read_table, NULL);
	verdict_judge(verify.claims);
	if (form == MARKDOWN) {
		verdict_put_markdown(verify.claims, &out);
	} else if (form == 0 && terminal) {
		verdict_put_text(verify.claims, &out);
	} else {
		buf_printf(&out, "# verify claims=%zu holds=%zu fails=%zu unknown=%zu\n",
		    verify.claims->n, verify.claims->count[VERDICT_HOLDS],
		    verify.claims->count[VERDICT_FAILS], verify.claims->count[VERDICT_UNKNOWN]);
		buf_slice(&out, buf_view(&verify.lost));
		verdict_put_tsv(verify.claims, &out);
	}
	fwrite(out.p, 1, out.n, tool_out());
	say(path, terminal);
	tool_status(verify.claims->count[VERDICT_UNKNOWN] ? 2
		    : verify.claims->count[VERDICT_FAILS] ? 1
							  : 0);
	buf_free(&out);
	buf_free(&verify.lost);
	verdict_free(verify.claims);
	return tool_end();
}
