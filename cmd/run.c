/* run - a command, what it took, and what became of it; see leat-run(1)
 *
 * The options say which run it is: of a plan, in a directory of its own, or none of both. run_attempt() makes it
 * (experiment/run.h); here it gets its turn and its claim, and is spoken of.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "experiment/run.h"
#include "experiment/run_turn.h"
#include "tool/tool.h"

enum {
	OPTION_PLAN = 256,
	OPTION_CELL,
	OPTION_RESULTS,
	OPTION_SHARE,
	OPTION_DIR,
	OPTION_TIMEOUT,
	OPTION_BEFORE,
	OPTION_AFTER,
	OPTION_EXPERIMENT,
	OPTION_VERBOSE
};

static const struct tool_option options[] = {
	{ OPTION_PLAN, "plan", "PLAN", "a run of this plan; needs --cell and --results" },
	{ OPTION_CELL, "cell", "NAME", "the run's name in the plan" },
	{ OPTION_RESULTS, "results", "DIR", "where runs are: DIR/runs/NAME, DIR/failed/NAME.N" },
	{ OPTION_SHARE, "share", NULL, "do not wait until no other run is made on this machine" },
	{ OPTION_DIR, "dir", "DIR", "run in DIR, and keep there what is written" },
	{ OPTION_TIMEOUT, "timeout", "DURATION", "end the command after so long: 90s, 5m" },
	{ OPTION_BEFORE, "before", "CMD", "for sh, before what is measured" },
	{ OPTION_AFTER, "after", "CMD", "for sh, after it, also where it failed" },
	{ OPTION_EXPERIMENT, "experiment", "NAME", "what the run is a part of (this directory)" },
	{ OPTION_VERBOSE, "verbose", NULL, "say of each run what it took, as on a terminal" }, { 0 }
};

static const struct tool_spec spec = { "run", "a command, what it took, and what became of it",
	"[--] [COMMAND [ARG...]]", options, TOOL_TRACE_OUT | TOOL_WRAPPER };

struct request {
	const char *plan, *cell, *results, *dir, *experiment, *top;
	char **before, **after;
	size_t befores, afters, before_cap, after_cap;
	uint64_t timeout_ns;
	bool share, verbose;
};

/* ---- options ---- */

static void
add_hook(char ***list, size_t *n, size_t *cap, const char *command)
{
	GROW(*list, *cap, *n + 1);
	(*list)[(*n)++] = (char *)command;
	(*list)[*n] = NULL;
}

static void
read_options(struct request *q, int argc, char **argv)
{
	const char *arg;
	int option;

	tool_begin(&spec, argc, argv);
	while ((option = tool_option_next(&arg)))
		switch (option) {
		case OPTION_PLAN:
			q->plan = arg;
			break;
		case OPTION_CELL:
			q->cell = arg;
			break;
		case OPTION_RESULTS:
			q->results = arg;
			break;
		case OPTION_SHARE:
			q->share = true;
			break;
		case OPTION_DIR:
			q->dir = arg;
			break;
		case OPTION_TIMEOUT:
			q->timeout_ns = tool_duration("--timeout", arg);
			break;
		case OPTION_BEFORE:
			add_hook(&q->before, &q->befores, &q->before_cap, arg);
			break;
		case OPTION_AFTER:
			add_hook(&q->after, &q->afters, &q->after_cap, arg);
			break;
		case OPTION_EXPERIMENT:
			q->experiment = arg;
			break;
		case OPTION_VERBOSE:
			q->verbose = true;
			break;
		}
	if (q->plan && q->dir)
		tool_usage_error("--plan and --dir exclude each other");
	if (q->plan && (q->cell == NULL || q->results == NULL))
		tool_usage_error("--plan needs --cell and --results");
	if (q->plan == NULL && (q->cell || q->results || q->share))
		tool_usage_error("--cell, --results and --share are for runs of a --plan");
	if ((q->plan || q->dir) && (tool_output() || tool_trace_asked()))
		tool_usage_error(
		    "-o, -t, -f and -z are not for runs in a directory: their trace is the "
		    "file run.leat in it");
	if (q->plan == NULL && *tool_operands() == NULL)
		tool_usage_error("a COMMAND is missing");
}

/* ---- which run ---- */

static const struct plan *
read_plan(const char *path)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	const struct plan *p;
	struct error e;

	if (fd < 0)
		tool_die("%s: %s", path, strerror(errno));
	p = plan_read(fd, &e);
	if (p == NULL)
		tool_die("%s:%s", path, e.text);
	close(fd);
	return p;
}

static struct slice
joined(char **word)
{
	struct buf b = BUF_INIT;

	for (; *word; word++) {
		buf_slice(&b, slice_of(*word));
		if (word[1])
			buf_char(&b, ' ');
	}
	return buf_view(&b);
}

static void
of_plan(struct run_config *c, const struct request *q)
{
	struct run_about *about = &c->about;
	static char *shell[4] = { "sh", "-c" };

	about->plan = read_plan(q->plan);
	about->cell = plan_find(about->plan, slice_of(q->cell));
	if (about->cell == NULL)
		tool_die("%s: there is no run %s in it: `cut -f1 %s` lists them", q->plan, q->cell,
		    q->plan);
	about->name = about->cell->name;
	about->command = about->cell->command;
	if (about->timeout_ns == 0)
		about->timeout_ns = about->cell->timeout_ns;
	if (about->cell->command.n == 0 && (about->cell->dry || *tool_operands() == NULL))
		tool_die("%s: nothing to run: the table has no command for %s%s", q->plan, q->cell,
		    about->cell->dry ? ", which is dry" : ", and none stands behind --");
	shell[2] = xstrndup(about->command.p, about->command.n);
	c->command = about->cell->dry || *tool_operands() == NULL ? shell : tool_operands();
	if (about->command.n == 0)
		about->command = joined(c->command);
}

static void
describe(struct run_config *c, const struct request *q, char **argv)
{
	struct run_about *about = &c->about;
	struct error e;

	*about = (struct run_about){ .tool = "run",
		.version = LEAT_VERSION,
		.argv = argv,
		.experiment =
		    q->experiment ? slice_of(q->experiment) : slice_basename(slice_of(q->top)),
		.timeout_ns = q->timeout_ns };
	c->top = q->top;
	c->before = (const char *const *)q->before;
	c->after = (const char *const *)q->after;
	if (q->plan) {
		of_plan(c, q);
	} else {
		c->command = tool_operands();
		about->name = slice_basename(slice_of(c->command[0]));
		about->command = joined(c->command);
	}
	c->command = run_on_nodes(c->command, about->cell, &e);
	if (c->command == NULL)
		tool_die("%s", e.text);
}

/* ---- its turn ---- */

static void
say_waiting(struct slice name, const struct claim_owner *owner, void *context)
{
	(void)context;
	if (!tool_is_quiet())
		tool_warn("%.*s: waiting for process %d on %s, which makes it", SLICE_ARG(name),
		    owner->pid, owner->host);
}

/* ---- what became of it ---- */

static void
say(const struct run_config *c, const struct request *q, const struct run_result *r)
{
	const struct run_about *about = &c->about;
	const char *kept = c->place->kept;
	size_t n = strlen(q->top);

	if (!r->ok) {
		if (kept && strncmp(kept, q->top, n) == 0 && kept[n] == '/')
			kept += n + 1;
		tool_warn("%.*s failed: %.*s%s%.*s%s%s", SLICE_ARG(about->name),
		    SLICE_ARG(buf_view(&r->why)), r->last.n ? "; last line of stderr: " : "",
		    SLICE_ARG(buf_view(&r->last)), kept ? "; kept in " : "", kept ? kept : "");
		return;
	}
	if (r->left > 0 && !tool_is_quiet())
		tool_warn("%.*s: %llu process%s that the command left running %s ended",
		    SLICE_ARG(about->name), (unsigned long long)r->left, r->left == 1 ? "" : "es",
		    r->left == 1 ? "was" : "were");
	if (!q->verbose && (tool_is_quiet() || !isatty(STDERR_FILENO)))
		return;
	if (about->cell)
		fprintf(stderr, "[%llu/%zu] ", (unsigned long long)about->cell->position,
		    about->plan->runs);
	fprintf(stderr, "%.*s %.2f s\n", SLICE_ARG(about->name), (double)r->wall_ns / 1e9);
}

static int
in_directory(struct run_config *c, const struct request *q)
{
	struct run_place place = RUN_PLACE_INIT;
	struct run_result r;
	struct error e;
	int turn = -1, status;

	if (q->plan) {
		struct run_turn how = { .results = q->results,
			.cell = c->about.cell,
			.share = q->share,
			.signals = &c->signals,
			.waiting = say_waiting };
		int got = run_turn_get(&how, &turn, &e);

		if (got < 0)
			tool_die("%s", e.text);
		if (got == 0) {
			if (!tool_is_quiet())
				tool_warn("%.*s is done already", SLICE_ARG(c->about.name));
			return tool_end();
		}
	}
	sigprocmask(SIG_BLOCK, &c->signals, NULL);
	if ((q->plan ? run_place_of_plan(&place, q->results, c->about.name, &e)
		     : run_place_of_directory(&place, q->dir, &e)) < 0)
		tool_die("%s", e.text);
	c->place = &place;
	c->about.id = place.id;
	if (q->dir)
		c->about.name = place.name;
	run_attempt(c, &r);
	claim_turn_end(turn);
	say(c, q, &r);
	status = r.status;
	/* whoever waits for us shall see what ended us */
	sigprocmask(SIG_SETMASK, c->mask, NULL);
	if (r.signal) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		raise(r.signal);
	}
	run_result_free(&r);
	run_place_close(&place);
	tool_status(status);
	return tool_end();
}

static int
as_time(struct run_config *c)
{
	struct run_result r;
	int status;

	c->w = tool_trace_out(-1, false);
	c->out_to_err = tool_output() == NULL;
	c->about.id = run_new_id();
	sigprocmask(SIG_BLOCK, &c->signals, NULL);
	run_attempt(c, &r);
	/* a status is the command's own way to say it; but what is ours, and what it could not say */
	if (r.status >= 124 && r.status <= 127)
		tool_warn("%s", buf_str(&r.why));
	status = tool_end();
	if (r.status)
		status = r.status;
	run_result_free(&r);
	return status;
}

int
main(int argc, char **argv)
{
	struct request q = { .top = getcwd(NULL, 0) };
	struct run_config c = { 0 };
	sigset_t mask;

	read_options(&q, argc, argv);
	if (q.top == NULL)
		tool_die("the current directory: %s", strerror(errno));
	sigemptyset(&c.signals);
	sigaddset(&c.signals, SIGINT);
	sigaddset(&c.signals, SIGTERM);
	sigaddset(&c.signals, SIGHUP);
	sigaddset(&c.signals, SIGQUIT);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	c.mask = &mask;
	describe(&c, &q, argv);
	return q.plan || q.dir ? in_directory(&c, &q) : as_time(&c);
}
