/* plan - the runs of an experiment, and how far they are; see leat-plan(1) */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "experiment/report.h"
#include "experiment/run_note.h"
#include "experiment/until.h"
#include "tool/tool.h"

enum {
	REPETITIONS = 256,
	SEED,
	SEQUENCE,
	RESULTS,
	NEXT,
	DONE,
	FAILED,
	RETRY,
	OWNER,
	LEASE,
	FORMAT,
	STATUS,
	COUNT,
	MAKE,
	UNTIL,
	METRIC,
	MOST
};

static const struct tool_option options[] = {
	{ REPETITIONS, "repetitions", "N", "blocks: how often each cell is run" },
	{ SEED, "seed", "N", "what the order of runs follows from" },
	{ SEQUENCE, "sequence", "FACTOR", "run the levels of FACTOR one after another" },
	{ RESULTS, "results", "DIR", "of the options below: where the runs are (default results)" },
	{ NEXT, "next", NULL, "take the first run that is to do, and print its name" },
	{ DONE, "done", "NAME", "the run that was taken succeeded" },
	{ FAILED, "failed", "NAME", "the run that was taken failed" },
	{ RETRY, "retry", "[N]", "with --next: runs that failed, too, until they failed N times" },
	{ OWNER, "owner", "PID", "with --next: who makes the run (default: the shell that calls)" },
	{ LEASE, "lease", "DUR",
	    "with --next: how long it may take, for other hosts (default 24h)" },
	{ FORMAT, "format", "FORM", "with --next: name, or shell for assignments of all settings" },
	{ STATUS, "status", NULL, "a table of what is done" },
	{ COUNT, "count", NULL, "a line on what is done" },
	{ MAKE, "make", NULL, "the names as variables of a makefile" },
	{ UNTIL, "until", "CI=N%", "add repetitions until the medians are known to N %" },
	{ METRIC, "metric", "NAME", "with --until: of what (default wall_ns)" },
	{ MOST, "most", "N", "with --until: repetitions of a cell at most (default 100)" },
	{ 0 },
};
static const struct tool_spec spec = { "plan", "runs of an experiment in randomised blocks",
	"[TABLE | PLAN]", options, TOOL_TABLE_OUT };

static struct {
	struct plan_options make;
	const char *results, *name;
	bool shell;
	unsigned attempts;
	pid_t owner;
	uint64_t lease_ns;
	double width;
	const char *width_text, *metric;
	uint64_t most;
} how = { .results = "results",
	.attempts = 1,
	.metric = "wall_ns",
	.most = 100,
	.lease_ns = 24 * UINT64_C(3600000000000) };

static _Noreturn void
die_in(const char *path, const struct error *e)
{
	tool_die("%s:%s%s", path, isdigit((unsigned char)e->text[0]) ? "" : " ", e->text);
}

static void
check(int result, const struct error *e)
{
	if (result < 0)
		tool_die("%s", e->text);
}

static void
put(struct buf *b)
{
	fwrite(b->p, 1, b->n, tool_out());
	buf_free(b);
}

/* ---- the input ---- */

static struct plan *
input(bool table)
{
	char **operands = tool_operands();
	const char *path = *operands ? *operands : "-";
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct error e;
	struct plan *p;

	if (*operands && operands[1])
		tool_usage_error("%s: one table or plan at a time", operands[1]);
	if (fd < 0)
		tool_die("%s: %s", path, strerror(errno));
	p = table ? plan_make(fd, &how.make, &e) : plan_read(fd, &e);
	if (p == NULL)
		die_in(standard ? "standard input" : path, &e);
	if (!standard)
		close(fd);
	return p;
}

static struct progress *
look(const struct plan *p, bool stale)
{
	struct error e;
	struct progress *progress = progress_look(how.results, p, stale, &e);

	if (progress == NULL)
		tool_die("%s", e.text);
	return progress;
}

/* ---- the plan ---- */

static void
do_make(void)
{
	struct plan *p = input(true);
	struct buf b = BUF_INIT;

	if (p->sequence.n > 0 && !tool_is_quiet())
		tool_warn("the levels of %.*s run one after another: whatever drifts with time "
			  "looks like "
			  "an effect of it",
		    SLICE_ARG(p->sequence));
	plan_put(&b, p);
	put(&b);
}

/* ---- taking and giving back ---- */

static void
do_next(void)
{
	struct plan *p = input(false);
	struct progress *progress = look(p, false);
	const struct plan_run *run;
	struct buf b = BUF_INIT;
	struct error e;
	int got;

	got = progress_next(progress, how.owner ? how.owner : progress_caller(), how.lease_ns,
	    how.attempts, &run, &e);
	check(got, &e);
	if (got == 0) {
		const size_t *n;

		progress_free(progress);
		progress = look(p, false);
		n = progress->count;
		if (n[PROGRESS_DONE] == p->runs)
			tool_warn("all %zu runs are done", p->runs);
		else
			tool_warn("nothing to do: %zu of %zu runs are done, %zu are being made, "
				  "%zu failed%s",
			    n[PROGRESS_DONE], p->runs, n[PROGRESS_RUNNING], n[PROGRESS_FAILED],
			    n[PROGRESS_FAILED] > 0 && how.attempts == 1
				? " (--retry gives them again)"
				: "");
		tool_status(1);
		return;
	}
	if (how.shell) {
		report_shell(&b, how.results, p, run);
	} else {
		buf_slice(&b, run->name);
		buf_char(&b, '\n');
	}
	put(&b);
}

/* A run without a record gets one that says which it was. */
static void
note(const struct plan *p, const struct plan_run *run, const struct claim_owner *owner)
{
	char *argv[] = { "plan", "--done", (char *)how.name, NULL };
	char *top = getcwd(NULL, 0), *directory;
	struct run_about about = { .tool = "plan",
		.version = LEAT_VERSION,
		.argv = argv,
		.name = run->name,
		.experiment = slice_basename(slice_of(top ? top : "")),
		.command = run->command,
		.id = owner->id,
		.plan = p,
		.cell = run };
	struct error e;

	if (asprintf(&directory, "%s/part/%s", how.results, how.name) < 0)
		abort();
	check(run_note(directory, &about, &e), &e);
	free(directory);
	free(top);
}

static void
do_end(bool success)
{
	struct plan *p = input(false);
	struct slice name = slice_of(how.name);
	const struct plan_run *run = plan_find(p, name);
	struct claim_owner owner;
	enum claim_state state;
	struct error e;
	unsigned n;

	if (run == NULL)
		tool_die("%s: the plan has no such run", how.name);
	check(claim_look(how.results, name, &state, &owner, &e), &e);
	if (success && state == CLAIM_DONE && owner.pid == 0)
		return;
	if (owner.pid == 0 || state == CLAIM_LEFT)
		tool_die("%s: nobody makes this run (leat plan --next gives one)", how.name);
	if (success)
		note(p, run, &owner);
	check(
	    success ? claim_succeed(how.results, name, &e) : claim_fail(how.results, name, &n, &e),
	    &e);
}

/* ---- how far it is ---- */

static void
do_report(void (*report)(struct buf *b, const struct progress *p))
{
	struct progress *p = look(input(false), true);
	struct buf b = BUF_INIT;

	report(&b, p);
	put(&b);
}

/* ---- more repetitions ---- */

/* A number of nanoseconds with the unit that suits it, any other as it is. */
static void
put_quantity(struct buf *b, double v)
{
	static const char *const unit[] = { "ns", "us", "ms", "s" };
	unsigned i = 0;

	if (slice_ends(slice_of(how.metric), SLICE("_ns")))
		for (; fabs(v) >= 1000 && i < 3; i++)
			v /= 1000;
	else
		i = 4;
	buf_printf(b, "%.4g", v);
	if (i < 4)
		buf_printf(b, " %s", unit[i]);
}

/* How many repetitions to add to a cell, and what there is to say of it. */
static uint64_t
judge(const struct plan_run *cell, const struct until_cell *c)
{
	uint64_t more = until_more(c->values, c->width, how.width), room;
	struct buf b = BUF_INIT;

	if (c->values == 0) {
		buf_printf(&b, "no %s yet", how.metric);
	} else if (isinf(c->width)) {
		buf_printf(&b, "too few for an interval");
	} else {
		buf_printf(&b, "median ");
		put_quantity(&b, c->median);
		buf_printf(&b, ", half of its interval %.2g %%", c->width * 100);
	}
	buf_printf(&b, ", %" PRIu64 " runs", c->values);
	room = how.most > c->repetitions ? how.most - c->repetitions : 0;
	if (more == 0) {
		buf_printf(&b, ": enough");
	} else if (c->todo > 0) {
		buf_printf(&b, ": %" PRIu64 " of the plan are to be made first", c->todo);
		more = 0;
	} else if (c->values == 0 && c->repetitions > 0) {
		buf_printf(&b, ": more would not help");
		more = 0;
	} else {
		more = more < room ? more : room;
		if (more > 0)
			buf_printf(&b, ": %" PRIu64 " more", more);
		else
			buf_printf(&b, ": not enough, but --most is %" PRIu64, how.most);
	}
	if (c->failed > 0)
		buf_printf(&b, " (%" PRIu64 " failed)", c->failed);
	if (!tool_is_quiet() || (more == 0 && c->width > how.width))
		tool_warn("%.*s: %.*s", SLICE_ARG(cell->name), SLICE_ARG(buf_view(&b)));
	buf_free(&b);
	return more;
}

static void
do_until(void)
{
	struct plan *plan = input(false);
	struct progress *p = look(plan, true);
	struct until_cell *cell = xcalloc(plan->cells + 1, sizeof *cell);
	uint64_t *more = xcalloc(plan->cells + 1, sizeof *more);
	struct buf b = BUF_INIT;
	struct error e;
	bool wait = false;

	check(until_look(p, slice_of(how.metric), cell, &e), &e);
	for (uint64_t i = 0; i < plan->cells; i++) {
		more[i] = judge(&plan->cell[i], &cell[i]);
		wait |= more[i] > 0 || (cell[i].todo > 0 && !(cell[i].width <= how.width));
	}
	if (plan_extend(plan, more, &e) < 0)
		tool_die("%s", e.text);
	tool_status(wait ? 1 : 0);
	plan_put(&b, plan);
	put(&b);
}

/* ---- options ---- */

static void
parse_width(const char *arg)
{
	struct slice s = slice_of(arg);
	bool percent = slice_ends(s, SLICE("%"));

	if (slice_starts(s, SLICE("CI=")))
		s = (struct slice){ s.p + 3, s.n - 3 };
	if (percent)
		s.n--;
	if (num_f64(s, &how.width) < 0 || !(how.width > 0) || isinf(how.width))
		tool_usage_error("--until %s: not CI=N%%, such as CI=2%%", arg);
	if (percent)
		how.width /= 100;
}

static void
parse(int c, const char *arg)
{
	switch (c) {
	case REPETITIONS:
		how.make.repetitions = tool_number("--repetitions", arg, 1, 1000000);
		break;
	case SEED:
		how.make.seed = tool_number("--seed", arg, 1, UINT64_MAX);
		break;
	case SEQUENCE:
		how.make.sequence = slice_of(arg);
		break;
	case RESULTS:
		how.results = arg;
		break;
	case RETRY:
		how.attempts =
		    arg ? (unsigned)tool_number("--retry", arg, 1, UINT32_MAX) : UINT32_MAX;
		break;
	case OWNER:
		how.owner = (pid_t)tool_number("--owner", arg, 1, INT32_MAX);
		break;
	case LEASE:
		how.lease_ns = tool_duration("--lease", arg);
		break;
	case FORMAT:
		how.shell = strcmp(arg, "shell") == 0;
		if (!how.shell && strcmp(arg, "name") != 0)
			tool_usage_error("--format %s: neither name nor shell", arg);
		break;
	case METRIC:
		how.metric = arg;
		break;
	case MOST:
		how.most = tool_number("--most", arg, 1, 1000000);
		break;
	}
}

int
main(int argc, char **argv)
{
	const char *arg;
	int c, action = 0;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case UNTIL:
			parse_width(arg);
			/* fall through */
		case DONE:
		case FAILED:
			if (c != UNTIL)
				how.name = arg;
			/* fall through */
		case NEXT:
		case STATUS:
		case COUNT:
		case MAKE:
			if (action != 0 && action != c)
				tool_usage_error("--next, --done, --failed, --status, --count, "
						 "--make and --until "
						 "exclude each other");
			action = c;
			break;
		default:
			parse(c, arg);
		}
	switch (action) {
	case 0:
		do_make();
		break;
	case NEXT:
		do_next();
		break;
	case DONE:
	case FAILED:
		do_end(action == DONE);
		break;
	case STATUS:
		do_report(report_status);
		break;
	case COUNT:
		do_report(report_count);
		break;
	case MAKE:
		do_report(report_makefile);
		break;
	case UNTIL:
		do_until();
		break;
	}
	return tool_end();
}
