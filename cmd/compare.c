/* compare - what changed between two sets of runs; see leat-compare(1) */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "flow/compare.h"
#include "flow/compare_stacks.h"
#include "tool/tool.h"

enum {
	MEAN = 256,
	PERCENTILES,
	POOL,
	DIFFERENCE,
	SEED,
	RESAMPLES,
	CONFIDENCE,
	FDR,
	LEAST_SHARE,
	FOLDED,
	SIGNIFICANT,
	WHERE,
	WHERE_A,
	WHERE_B
};

static const struct tool_option options[] = {
	{ 'c', "column", "NAME", "compare this column of tables (a name, or a number from 1)" },
	{ 'b', "by", "COLUMNS", "compare each group of tables by itself" },
	{ WHERE, "where", "COLUMN=VALUE", "only rows of tables that have it; may be given again" },
	{ WHERE_A, "where-a", "COLUMN=VALUE", "the same for A alone; one table can be both sides" },
	{ WHERE_B, "where-b", "COLUMN=VALUE", "and for B" },
	{ MEAN, "mean", NULL, "the means decide (status, groups), not the medians" },
	{ PERCENTILES, "percentiles", "LIST", "compare these, too: 90,99" },
	{ POOL, "pool", NULL, "values of all files are runs, not the files" },
	{ DIFFERENCE, "difference", NULL, "B - A instead of B / A" },
	{ FOLDED, "folded", NULL,
	    "of folded stacks: write `stack A B` for differential flame graphs" },
	{ SIGNIFICANT, "significant", NULL, "and level all that is not different" },
	{ 'n', "limit", "N", "of folded stacks: N rows, those that differ most" },
	{ CONFIDENCE, "confidence", "PERCENT", "of the intervals (default 95)" },
	{ FDR, "fdr", "PERCENT", "how many of those called different may be wrong (default 5)" },
	{ LEAST_SHARE, "least-share", "PERCENT",
	    "of folded stacks: test no smaller ones (default 0.5)" },
	{ RESAMPLES, "resamples", "N", "resamples (default 9999)" },
	{ SEED, "seed", "N", "of the random numbers (default 1)" }, { 0 }
};
static const struct tool_spec spec = { "compare",
	"says what changed between two sets of runs: numbers, histograms, folded stacks",
	"A... -- B...", options, TOOL_TABLE_OUT };

static struct {
	unsigned side;
	enum kind kind; /* of all files but empty ones; KIND_EMPTY before the first */
	const char *first;
	struct compare_runs runs;
	struct compare_stacks *stacks;
	bool by;              /* -b was given */
	bool sides;           /* --where-a or --where-b was */
	struct losses losses; /* files that are no runs; bad lines of folded files */
} in = { .kind = KIND_EMPTY };

static bool
is_kind(enum kind kind)
{
	return kind == KIND_NUMBERS || kind == KIND_TABLE || kind == KIND_HISTOGRAM ||
	       kind == KIND_FOLDED;
}

static const char *
hint(enum kind kind)
{
	return kind == KIND_TRACE
		   ? " (leat hist and leat fold make histograms and folded stacks of it)"
		   : "";
}

static void
no_run(const char *path, const char *what, const char *why)
{
	tool_warn("%s: %s: not a run", path, what);
	tool_status(2);
	losses_add(&in.losses, slice_of(why), 1);
}

static void
read_file(int fd, const char *path, void *context)
{
	struct kind_input *input = context;
	uint64_t bad = in.runs.bad + in.stacks->bad;
	const struct error *first;
	struct error e;
	enum kind kind;
	int result;

	if (kind_of(input, fd, &kind) < 0) {
		no_run(path, strerror(errno), "unreadable-file");
		return;
	}
	if (kind == KIND_EMPTY) {
		no_run(path, "empty", "empty-file");
		return;
	}
	if (!is_kind(kind))
		tool_die("%s: %s: neither numbers, a table, a histogram nor folded stacks%s", path,
		    kind_name(kind), hint(kind));
	if (in.kind == KIND_EMPTY) {
		in.kind = kind;
		in.first = path;
	}
	if (kind != in.kind)
		tool_die("%s: %s, while %s is %s: all must be of one kind", path, kind_name(kind),
		    in.first, kind_name(in.kind));
	if (kind != KIND_TABLE &&
	    (in.runs.column.p || in.by || in.runs.where[0].n > 0 || in.runs.where[1].n > 0))
		tool_usage_error(
		    "%s: %s: -c, -b and --where are for tables", path, kind_name(kind));
	if (kind == KIND_FOLDED) {
		result = compare_stacks_read(in.stacks, in.side, input, &e);
		first = &in.stacks->first_bad;
	} else {
		result = compare_runs_read(&in.runs, in.side, input, kind, &e);
		first = &in.runs.first_bad;
	}
	bad = in.runs.bad + in.stacks->bad - bad;
	if (bad > 0) {
		tool_warn("%s:%s (%" PRIu64 " such line%s left out)", path, first->text, bad,
		    bad == 1 ? "" : "s");
		tool_status(2);
	}
	if (kind == KIND_FOLDED && bad > 0)
		losses_add(&in.losses, SLICE("bad-line"), bad);
	if (result < 0 && kind == KIND_TABLE)
		tool_usage_error("%s: %s", path, e.text);
	if (result < 0)
		no_run(path, e.text, "unusable-file");
}

static void
read_side(unsigned side, uint32_t files)
{
	struct kind_input *input = xmalloc(sizeof *input);

	in.side = side;
	tool_inputs(read_file, input);
	free(input);
	/* One that cannot be read is a run that is missing, not a reason to take the values of another one for runs. */
	in.runs.files[side] = files ? files : 1;
}

/* How many operands stand before the `--` between the sides: getopt takes the first `--` of the command line away, and it is
 * the one between them unless all files follow. arg[]: the command line as it was. */
static uint32_t
find_separator(char **arg, char **operand, bool *there)
{
	uint32_t at = 0, dashes = 0, n = 0, before = 0;
	bool taken = false;

	for (; operand[n]; n++)
		if (strcmp(operand[n], "--") == 0) {
			at = n;
			dashes++;
		}
	for (uint32_t i = 1, seen = 0; arg[i]; i++) {
		bool is_operand = seen < n && operand[seen] == arg[i]; /* they keep their order */

		if (strcmp(arg[i], "--") == 0 && !is_operand) {
			taken = true;
			before = seen;
		}
		seen += is_operand;
	}
	*there = dashes > 0;
	if (dashes + (taken && before > 0) > 1)
		tool_usage_error("-- stands between the two sets of files, and once");
	if (dashes == 0 && !taken)
		tool_usage_error(
		    "two sets of files are compared, with -- between them: A... -- B...");
	if (n == dashes)
		tool_usage_error("there are no files before and behind --");
	return dashes ? at : before;
}

/* One table, of which each side takes its rows. */
static bool
is_one_table(char **arg, char **operand)
{
	if (!in.sides || operand[0] == NULL || operand[1])
		return false;
	for (; *arg; arg++)
		if (strcmp(*arg, "--") == 0)
			return false;
	if (strcmp(operand[0], "-") == 0)
		tool_usage_error("standard input is read once, and cannot be both sides");
	return true;
}

/* A... -- B...; one of them may be standard input. */
static void
read_sides(char **arg)
{
	char **operand = tool_operands(), *behind;
	bool there;
	uint32_t a, b = 0;

	if (is_one_table(arg, operand)) {
		in.runs.one_table = true;
		read_side(0, 1);
		read_side(1, 1);
		return;
	}
	a = find_separator(arg, operand, &there);
	behind = operand[a];
	operand[a] = NULL;
	read_side(0, a);
	operand[a] = behind;
	for (uint32_t i = 0; i < a + there; i++)
		tool_operand("A");
	while (tool_operands()[b])
		b++;
	read_side(1, b);
}

static void
parse_percentiles(struct compare_options *o, const char *arg)
{
	struct slice rest = slice_of(arg);

	for (o->percentiles = 0; rest.n > 0; o->percentiles++) {
		struct slice one = slice_cut(&rest, ',');
		char *text = xstrndup(one.p, one.n);

		if (o->percentiles == COMPARE_PERCENTILES_MAX)
			tool_usage_error("--percentiles: at most %d", COMPARE_PERCENTILES_MAX);
		o->percentile[o->percentiles] = tool_percent("--percentiles", text);
		free(text);
	}
}

static void
parse_by(const char *arg)
{
	struct slice rest = slice_of(arg);
	size_t cap = 0;

	for (in.runs.bys = 0; rest.n > 0; in.runs.bys++) {
		GROW(in.runs.by, cap, in.runs.bys);
		in.runs.by[in.runs.bys] = slice_cut(&rest, ',');
	}
}

static void
add_where(unsigned side, const char *option, const char *arg)
{
	struct error e;

	if (where_add(&in.runs.where[side], arg, &e) < 0)
		tool_usage_error("%s %s: %s", option, arg, e.text);
}

static void
compare_runs(const struct compare_options *o, struct buf *table)
{
	struct compare_result result;

	for (size_t i = 0; i < in.losses.reasons; i++)
		losses_add(&in.runs.losses, in.losses.reason[i].why, in.losses.reason[i].n);
	compare_table(&in.runs, o, table, &result);
	if (result.difference && !o->difference)
		tool_warn(
		    "some values are below 0, or a median or mean is 0: differences, not ratios");
	if (result.few > 0)
		tool_warn("%zu of %zu: fewer than %d runs on a side, so no interval and no verdict",
		    result.few, in.runs.groups, RESAMPLE_FEW);
	if (result.alone > 0)
		tool_warn("%zu of %zu: on one side only", result.alone, in.runs.groups);
	if (in.runs.groups == 0) {
		tool_warn("there are no values");
		tool_status(2);
	}
	if (result.different > 0)
		tool_status(1);
	if (tool_is_strict() && in.runs.losses.reasons > 0) {
		tool_warn("something was lost, and --strict was given");
		tool_status(2);
	}
}

static void
compare_folded(const struct compare_options *o, double least_share, bool lines, bool significant,
    uint64_t limit, struct buf *to)
{
	struct compare_stacks_options so = { o->confidence, o->fdr, least_share, o->seed };
	const uint32_t *n = in.stacks->runs;
	struct buf table = BUF_INIT;

	if (n[0] == 0 || n[1] == 0)
		tool_die("there is no run on side %s", n[0] ? "B" : "A");
	compare_stacks_test(in.stacks, &so);
	if (n[0] < RESAMPLE_FEW || n[1] < RESAMPLE_FEW)
		tool_warn("%u and %u runs: fewer than %d on a side, so no verdict%s", n[0], n[1],
		    RESAMPLE_FEW, significant ? ": nothing is significant" : "");
	if (compare_stacks_table(in.stacks, &so, limit, &in.losses, &table) > 0)
		tool_status(1);
	if (lines)
		compare_stacks_lines(in.stacks, significant, to);
	else
		buf_slice(to, buf_view(&table));
	buf_free(&table);
	if (tool_is_strict() && in.losses.reasons > 0) {
		tool_warn("something was lost, and --strict was given");
		tool_status(2);
	}
}

int
main(int argc, char **argv)
{
	struct compare_options o = {
		.confidence = 0.95, .fdr = 0.05, .resamples = RESAMPLE_DEFAULT, .seed = 1
	};
	bool lines = false, significant = false;
	uint64_t limit = UINT64_MAX;
	double least_share = 0.005;
	struct buf out = BUF_INIT;
	const char *arg;
	char **arg_list;
	int c;

	arg_list = xcalloc((size_t)argc + 1, sizeof *arg_list);
	memcpy(arg_list, argv, (size_t)argc * sizeof *arg_list);
	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'c':
			in.runs.column = slice_of(arg);
			break;
		case 'b':
			parse_by(arg);
			in.by = true;
			break;
		case WHERE:
			add_where(0, "--where", arg);
			add_where(1, "--where", arg);
			break;
		case WHERE_A:
			add_where(0, "--where-a", arg);
			in.sides = true;
			break;
		case WHERE_B:
			add_where(1, "--where-b", arg);
			in.sides = true;
			break;
		case 'n':
			limit = tool_number("-n", arg, 1, UINT64_MAX);
			break;
		case MEAN:
			o.mean = true;
			break;
		case PERCENTILES:
			parse_percentiles(&o, arg);
			break;
		case POOL:
			o.pool = true;
			break;
		case DIFFERENCE:
			o.difference = true;
			break;
		case SEED:
			o.seed = tool_number("--seed", arg, 0, UINT64_MAX);
			break;
		case RESAMPLES:
			o.resamples = (uint32_t)tool_number("--resamples", arg, 99, 10000000);
			break;
		case CONFIDENCE:
			o.confidence = tool_percent("--confidence", arg);
			break;
		case FDR:
			o.fdr = tool_percent("--fdr", arg);
			break;
		case LEAST_SHARE:
			least_share = tool_percent("--least-share", arg);
			break;
		case FOLDED:
			lines = true;
			break;
		case SIGNIFICANT:
			significant = true;
			break;
		}
	if (significant && !lines)
		tool_usage_error(
		    "--significant is for --folded (the table says what is significant)");
	in.stacks = compare_stacks_new();
	read_sides(arg_list);
	if (in.kind == KIND_EMPTY)
		tool_die("there are no runs");
	if (in.kind != KIND_FOLDED && (lines || limit != UINT64_MAX))
		tool_usage_error("%s is for folded stacks, not for %s", lines ? "--folded" : "-n",
		    kind_name(in.kind));
	if (in.kind == KIND_FOLDED && (o.percentiles > 0 || o.mean || o.pool))
		tool_usage_error("--mean, --percentiles and --pool are not for folded stacks");
	if (in.kind == KIND_FOLDED)
		compare_folded(&o, least_share, lines, significant, limit, &out);
	else
		compare_runs(&o, &out);
	fwrite(out.p, 1, out.n, tool_out());
	buf_free(&out);
	compare_runs_free(&in.runs);
	compare_stacks_free(in.stacks);
	losses_free(&in.losses);
	return tool_end();
}
