/* sysinfo - what machine this is, in which state, and how it is used; see leat-sysinfo(1)
 *
 * Facts once, or readings of their use until a signal comes; or facts, of here or from a trace, held against a policy, or
 * against each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/num.h"
#include "experiment/infos.h"
#include "experiment/policy.h"
#include "flow/record_own.h"
#include "sys/container.h"
#include "tool/tool.h"

/* How old readings become before they are let out: a frame of many is much smaller than many frames. */
enum { FILE_MS = 10000, PIPE_MS = 99 };

enum { CGROUP = 256, CONTAINER, CHECK, REQUIRE, FROM, DIFF, ALL, ROOT, TOOL };

static const struct tool_option options[] = {
	{ 'i', "interval", "SECS", "how the machine is used, so often (1, 0.5, 200ms)" },
	{ 'n', "limit", "N", "end after N readings" },
	{ CGROUP, "cgroup", "PATH", "the use of this cgroup, too" },
	{ CONTAINER, "container", "NAME", "the use of this container, too" },
	{ CHECK, "check", "POLICY",
	    "status 1 and reasons where a rule of this file does not hold" },
	{ REQUIRE, "require", "RULE", "the same for one rule: governor=performance" },
	{ FROM, "from", "TRACE", "check the facts of a trace, not those of this machine" },
	{ DIFF, "diff", "A B", "a table of the facts of two traces that differ" },
	{ ALL, "all", NULL, "with --diff: those that change by themselves, too" },
	{ ROOT, "root", "DIR", "read /proc, /sys, /etc below DIR" },
	{ TOOL, "tool", "NAME", "the version of this tool, not those of cc ld make gnuplot perf" },
	{ 0 }
};

static const struct tool_spec spec = { "sysinfo",
	"what machine this is, in which state, and how it is used", "", options, TOOL_TRACE_OUT };

struct list {
	const char **item; /* ends with NULL */
	size_t n, cap;
};

struct wanted {
	const char *root, *from, *diff;
	struct list tool, cgroup, called;
	struct policy *policy;
	uint64_t interval, readings; /* 0: none, without end */
	bool check, all;
};

static void
add(struct list *l, const char *s)
{
	GROW(l->item, l->cap, l->n + 1);
	l->item[l->n++] = s;
	l->item[l->n] = NULL;
}

/* A number alone is seconds here, as for other tools that read again and again. */
static uint64_t
seconds(const char *arg)
{
	uint64_t ns;
	double s;

	if (num_f64(slice_of(arg), &s) == 0 && s > 0 && s < 1e9)
		ns = (uint64_t)(s * 1e9);
	else
		ns = tool_duration("-i", arg);
	if (ns < 1000000)
		tool_usage_error("-i: %s is shorter than 1ms", arg);
	return ns;
}

static void
add_policy(struct wanted *w, const char *path)
{
	struct error e;
	char *text;
	size_t n;

	if (io_slurp(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &n) < 0)
		tool_die("%s: %s", path, strerror(errno));
	if (policy_read(w->policy, (struct slice){ text, n }, path, &e) < 0)
		tool_die("%s", e.text);
	free(text);
	w->check = true;
}

static void
read_options(struct wanted *w, int argc, char **argv)
{
	struct list container = { 0 };
	struct error e;
	const char *arg;
	int option;

	tool_begin(&spec, argc, argv);
	while ((option = tool_option_next(&arg)))
		switch (option) {
		case 'i':
			w->interval = seconds(arg);
			break;
		case 'n':
			w->readings = tool_number("-n", arg, 1, INT64_MAX);
			break;
		case CGROUP:
			add(&w->cgroup, arg);
			add(&w->called, NULL);
			break;
		case CONTAINER:
			add(&container, arg);
			break;
		case CHECK:
			add_policy(w, arg);
			break;
		case REQUIRE:
			if (policy_add(w->policy, slice_of(arg), "--require", &e) < 0)
				tool_die("%s", e.text);
			w->check = true;
			break;
		case FROM:
			w->from = arg;
			break;
		case DIFF:
			w->diff = arg;
			break;
		case ALL:
			w->all = true;
			break;
		case ROOT:
			w->root = arg;
			break;
		case TOOL:
			add(&w->tool, arg);
			break;
		}
	if ((w->interval > 0) + w->check + (w->diff != NULL) > 1)
		tool_usage_error("-i, --check or --require, and --diff exclude each other");
	if (w->interval == 0 && (w->readings > 0 || w->cgroup.n > 0 || container.n > 0))
		tool_usage_error("-n, --cgroup and --container go with -i");
	if (w->from && !w->check)
		tool_usage_error("--from goes with --check or --require");
	if (w->all && !w->diff)
		tool_usage_error("--all goes with --diff");
	if (w->root && access(w->root, R_OK | X_OK) < 0)
		tool_die("--root: %s: %s", w->root, strerror(errno));
	for (size_t i = 0; i < container.n; i++) {
		const char *path = sys_container_find(w->root, container.item[i], &e);

		if (path == NULL)
			tool_die("--container: %s", e.text);
		add(&w->cgroup, path);
		add(&w->called, container.item[i]);
	}
	free(container.item);
}

static void
begin(struct record_own *own, char **argv, bool live)
{
	const struct record_own_start start = { "sysinfo", LEAT_VERSION, "monotonic_raw", argv };
	struct sys_clock_reading clocks;

	own->w = tool_trace_out(-1, live);
	sys_clock_read(&clocks);
	record_own_start(own, &start);
	record_own_clock(own, clocks.monotonic_raw, &clocks);
}

static void
read_facts(const struct wanted *w, struct facts *facts)
{
	static const char *const tools[] = { "cc", "ld", "make", "gnuplot", "perf", NULL };

	facts_read(facts,
	    &(struct facts_config){ w->root, w->tool.n > 0 ? w->tool.item : tools, LEAT_VERSION });
}

static void
tell_facts(const struct wanted *w, char **argv)
{
	struct record_own own = { 0 };
	struct facts facts;
	uint64_t made;
	int64_t t;

	begin(&own, argv, false);
	t = sys_clock_now(CLOCK_MONOTONIC_RAW);
	read_facts(w, &facts);
	made = infos_put(own.w, t, &facts);
	record_own_end(&own, "sysinfo", made, facts.denied);
	if (facts.denied > 0 && tool_is_strict())
		tool_status(2);
	facts_free(&facts);
}

/* Until the next deadline, or a signal: false. */
static bool
wait_until(int64_t deadline, const sigset_t *signals)
{
	for (;;) {
		int64_t left = deadline - sys_clock_now(CLOCK_MONOTONIC);
		struct timespec time = { left / 1000000000, left % 1000000000 };

		if (left <= 0)
			time = (struct timespec){ 0, 0 };
		if (sigtimedwait(signals, NULL, &time) >= 0)
			return false;
		if (errno == EAGAIN && left <= 0)
			return true;
	}
}

/* Readings that come late leave out those that they overtook: each says how long it was. */
static void
tell_usage(const struct wanted *w, char **argv)
{
	struct usage_config config = { w->root, w->cgroup.item, w->called.item };
	int64_t interval = (int64_t)w->interval, deadline, t, flushed = 0, patience;
	struct record_own own = { 0 };
	struct sys_clock_reading clocks;
	uint64_t made = 0, lost = 0;
	const char *missing = NULL;
	struct usage *usage;
	struct error e;
	sigset_t signals;

	usage = usage_new(&config, &e);
	if (usage == NULL)
		tool_die("--cgroup: %s", e.text);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	begin(&own, argv, true);
	patience = (tool_output_is_file() ? FILE_MS : PIPE_MS) * (int64_t)1000000;
	deadline = sys_clock_now(CLOCK_MONOTONIC);
	usage_read(usage, sys_clock_now(CLOCK_MONOTONIC_RAW));
	for (uint64_t n = 0; w->readings == 0 || n < w->readings; n++) {
		int64_t now = sys_clock_now(CLOCK_MONOTONIC);

		deadline += interval;
		if (now > deadline)
			deadline += (now - deadline) / interval * interval;
		if (!wait_until(deadline, &signals))
			break;
		t = sys_clock_now(CLOCK_MONOTONIC_RAW);
		usage_read(usage, t);
		made += infos_put_usage(own.w, t, usage);
		lost += usage->gone + usage->fell;
		if (usage->missing && missing == NULL)
			tool_warn("%s: this cgroup is gone; it is waited for", usage->missing);
		missing = usage->missing;
		if (now - flushed < patience)
			continue;
		flushed = now;
		if (trace_flush(own.w) < 0)
			break;
	}
	sys_clock_read(&clocks);
	record_own_clock(&own, clocks.monotonic_raw, &clocks);
	record_own_end(&own, "sysinfo", made, lost);
	if (lost > 0 && tool_is_strict())
		tool_status(2);
	usage_free(usage);
}

static void
read_trace(const char *path, struct infos *infos)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), got;
	struct trace_record record;
	struct trace_reader *r;

	if (fd < 0)
		tool_die("%s: %s", path, strerror(errno));
	r = trace_reader_new(fd);
	while ((got = trace_next(r, &record)) > 0)
		infos_add_record(infos, &record);
	tool_reader_done(path, r, got);
	if (fd != STDIN_FILENO)
		close(fd);
	if (infos->n == 0)
		tool_die("%s: no info records: is it a trace of leat sysinfo?", path);
}

static void
check(const struct wanted *w)
{
	struct infos infos = INFOS_INIT;
	struct buf out = BUF_INIT;
	struct facts facts;

	if (w->from) {
		read_trace(w->from, &infos);
	} else {
		read_facts(w, &facts);
		for (size_t i = 0; i < facts.facts; i++)
			infos_add(&infos, &facts.fact[i]);
		facts_free(&facts);
	}
	if (policy_check(w->policy, &infos, w->from ? "this trace" : "this machine", &out) > 0)
		tool_status(1);
	if (out.n > 0)
		fwrite(out.p, 1, out.n, tool_out());
	buf_free(&out);
	infos_free(&infos);
}

static void
diff(const struct wanted *w)
{
	const char *other = tool_operand("--diff A: the second trace, B,");
	struct infos a = INFOS_INIT, b = INFOS_INIT;
	struct buf out = BUF_INIT;

	if (*tool_operands())
		tool_usage_error("an operand too many: %s", *tool_operands());
	read_trace(w->diff, &a);
	read_trace(other, &b);
	if (infos_diff(&a, &b, w->diff, other, w->all, &out) > 0)
		tool_status(1);
	fwrite(out.p, 1, out.n, tool_out());
	buf_free(&out);
	infos_free(&a);
	infos_free(&b);
}

int
main(int argc, char **argv)
{
	struct wanted w = { .policy = policy_new() };

	read_options(&w, argc, argv);
	if (!w.diff && *tool_operands())
		tool_usage_error("an operand: %s", *tool_operands());
	if (w.diff)
		diff(&w);
	else if (w.check)
		check(&w);
	else if (w.interval > 0)
		tell_usage(&w, argv);
	else
		tell_facts(&w, argv);
	policy_free(w.policy);
	return tool_end();
}
