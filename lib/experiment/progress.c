#include "experiment/progress.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "experiment/run_values.h"
#include "sys/process.h"

const char *
progress_name(enum progress_state s)
{
	static const char *const name[] = { "todo", "running", "done", "stale", "failed",
		"killed" };

	return name[s];
}

static char *
path_of(const char *results, const char *directory, struct slice name, const char *end)
{
	char *path;

	if (asprintf(&path, "%s/%s/%.*s%s", results, directory, SLICE_ARG(name), end) < 0)
		abort();
	return path;
}

/* ---- looking ---- */

/* Calls fn for each entry of a directory that may not be there. */
static int
each_entry(struct progress *p, const char *directory,
    void (*fn)(struct progress *p, struct slice name), struct error *e)
{
	char *path = path_of(p->results, directory, SLICE(""), "");
	DIR *dir = opendir(path);
	struct dirent *entry;
	int result = 0;

	if (dir == NULL && errno != ENOENT)
		result = error_set(e, "%s: %s", path, strerror(errno));
	while (dir && (errno = 0, entry = readdir(dir)))
		fn(p, slice_of(entry->d_name));
	if (dir && errno != 0)
		result = error_set(e, "%s: %s", path, strerror(errno));
	if (dir)
		closedir(dir);
	free(path);
	return result;
}

static struct progress_run *
run_named(struct progress *p, struct slice name)
{
	const struct plan_run *run = plan_find(p->plan, name);

	return run ? &p->run[run - p->plan->run] : NULL;
}

/* 1, 0 also where there is nothing, or where it does not say. */
static int
is_of_old(const char *results, const char *directory, struct slice name, const struct plan_run *run,
    struct error *e)
{
	struct buf settings = BUF_INIT;
	char *path = path_of(results, directory, name, "/run.leat");
	int got = run_settings(path, &settings, e);

	if (got > 0)
		got = !slice_eq(buf_view(&settings), run->settings);
	buf_free(&settings);
	free(path);
	return got;
}

static int
is_stale(const struct progress *p, size_t i, struct error *e)
{
	return is_of_old(p->results, "runs", p->plan->run[i].name, &p->plan->run[i], e);
}

static void
see_failed(struct progress *p, struct slice name)
{
	size_t dot = name.n;
	struct progress_run *run;
	uint64_t n;

	while (dot > 0 && name.p[dot - 1] != '.')
		dot--;
	if (dot == 0 || num_u64((struct slice){ name.p + dot, name.n - dot }, &n) < 0)
		return;
	run = run_named(p, (struct slice){ name.p, dot - 1 });
	if (run == NULL || n > UINT32_MAX)
		return;
	if (n > run->kept)
		run->kept = (unsigned)n;
	if (is_of_old(p->results, "failed", name, &p->plan->run[run - p->run], NULL) > 0)
		return;
	run->attempts++;
	if (n > run->last)
		run->last = (unsigned)n;
	run->state = PROGRESS_FAILED;
}

/* In part/ is NAME, NAME.claim or both; who is alive is found out later. */
static void
see_part(struct progress *p, struct slice name)
{
	struct progress_run *run;

	if (slice_ends(name, SLICE(".claim")))
		name.n -= 6;
	run = run_named(p, name);
	if (run)
		run->state = PROGRESS_RUNNING;
}

static void
see_done(struct progress *p, struct slice name)
{
	struct progress_run *run = run_named(p, name);

	if (run && !run->again)
		run->state = PROGRESS_DONE;
}

static int
look_at(struct progress *p, const struct plan_run *run, struct error *e)
{
	struct progress_run *to = &p->run[run - p->plan->run];
	struct claim_owner owner;
	enum claim_state state;

	if (claim_look(p->results, run->name, &state, &owner, e) < 0)
		return -1;
	to->again = state == CLAIM_DONE && owner.pid > 0;
	if (state == CLAIM_HELD || to->again)
		to->state = PROGRESS_RUNNING;
	else if (state == CLAIM_LEFT)
		to->state = PROGRESS_KILLED;
	else if (state == CLAIM_DONE)
		to->state = PROGRESS_DONE;
	else
		to->state = to->attempts > 0 ? PROGRESS_FAILED : PROGRESS_TODO;
	return 0;
}

struct progress *
progress_look(const char *results, const struct plan *plan, bool stale, struct error *e)
{
	struct progress *p = xcalloc(1, sizeof *p);
	bool good;

	p->plan = plan;
	p->results = xstrndup(results, strlen(results));
	p->run = xcalloc(plan->runs + 1, sizeof *p->run);
	/* In the order in which runs move: one that moves meanwhile is seen where it comes to. */
	good =
	    each_entry(p, "failed", see_failed, e) == 0 && each_entry(p, "part", see_part, e) == 0;
	for (size_t i = 0; good && i < plan->runs; i++)
		if (p->run[i].state == PROGRESS_RUNNING)
			good = look_at(p, &plan->run[i], e) == 0;
	good = good && each_entry(p, "runs", see_done, e) == 0;
	for (size_t i = 0; good && stale && i < plan->runs; i++)
		if (p->run[i].state == PROGRESS_DONE) {
			int got = is_stale(p, i, e);

			good = got >= 0;
			if (got > 0)
				p->run[i].state = PROGRESS_STALE;
		}
	for (size_t i = 0; i < plan->runs; i++)
		p->count[p->run[i].state]++;
	if (!good) {
		progress_free(p);
		return NULL;
	}
	return p;
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	free((char *)p->results);
	free(p->run);
	free(p);
}

/* ---- the next ---- */

/* 1 where it is taken. */
static int
take(struct progress *p, size_t i, pid_t owner, uint64_t lease_ns, struct error *e)
{
	const struct plan_run *run = &p->plan->run[i];
	bool again = p->run[i].state == PROGRESS_STALE;
	char *part;
	int got;

	/* Another may have tried it, and failed, since we looked. */
	if (claim_failures(p->results, run->name) > p->run[i].kept)
		return 0;
	got = claim_take_as(p->results, run->name, owner, lease_ns, again ? CLAIM_AGAIN : 0, e);
	/* Or have made it again. */
	if (got > 0 && again && is_stale(p, i, e) == 0)
		return claim_fail(p->results, run->name, NULL, e);
	if (got <= 0)
		return got;
	part = path_of(p->results, "part", run->name, "");
	if (mkdir(part, 0777) < 0 && errno != EEXIST)
		got = error_set(e, "%s: %s", part, strerror(errno));
	free(part);
	return got;
}

int
progress_next(struct progress *p, pid_t owner, uint64_t lease_ns, unsigned attempts,
    const struct plan_run **run, struct error *e)
{
	unsigned least = 0;
	int got = 0;

	for (size_t i = 0; got == 0 && i < p->plan->runs; i++) {
		enum progress_state *state = &p->run[i].state;

		*run = &p->plan->run[i];
		if (*state == PROGRESS_DONE) {
			got = is_stale(p, i, e);
			if (got > 0)
				*state = PROGRESS_STALE;
			got = got < 0 ? -1 : 0;
		}
		if (got == 0 && (*state == PROGRESS_TODO || *state == PROGRESS_KILLED ||
				    *state == PROGRESS_STALE))
			got = take(p, i, owner, lease_ns, e);
	}
	/* Rounds: all that failed n times before one that failed more often. */
	while (got == 0) {
		unsigned next = UINT32_MAX;

		for (size_t i = 0; i < p->plan->runs; i++)
			if (p->run[i].state == PROGRESS_FAILED && p->run[i].attempts > least &&
			    p->run[i].attempts < next)
				next = p->run[i].attempts;
		least = next;
		if (least == UINT32_MAX || least >= attempts)
			break;
		for (size_t i = 0; got == 0 && i < p->plan->runs; i++)
			if (p->run[i].state == PROGRESS_FAILED && p->run[i].attempts == least) {
				*run = &p->plan->run[i];
				got = take(p, i, owner, lease_ns, e);
			}
	}
	return got;
}

/* ---- what is known of runs ---- */

void
progress_reason(const char *results, struct slice name, unsigned n, struct buf *reason)
{
	static const struct slice names[] = { SLICE("timed_out"), SLICE("signal"),
		SLICE("exit_status") };
	double value[3];
	char end[32], *path;

	snprintf(end, sizeof end, ".%u/run.leat", n);
	path = path_of(results, "failed", name, end);
	if (run_numbers(path, names, 3, value, NULL) > 0) {
		if (value[0] > 0)
			buf_printf(reason, "timeout");
		else if (value[1] > 0)
			buf_printf(reason, "signal %.0f", value[1]);
		else if (value[2] > 0)
			buf_printf(reason, "exit %.0f", value[2]);
	}
	free(path);
}

/* How many runs are to be made of each cell: NULL where none is. */
static uint32_t *
left_of_cells(const struct progress *p, uint64_t *running)
{
	uint32_t *left = xcalloc(p->plan->cells + 1, sizeof *left);
	bool any = false;

	for (size_t i = 0; i < p->plan->runs; i++) {
		enum progress_state s = p->run[i].state;

		*running += s == PROGRESS_RUNNING;
		if (s != PROGRESS_DONE && s != PROGRESS_FAILED) {
			left[p->plan->run[i].cell]++;
			any = true;
		}
	}
	if (any)
		return left;
	free(left);
	return NULL;
}

double
progress_eta_ns(const struct progress *p, struct error *e)
{
	/* So many runs are looked into: of a cell, and of those of which nothing is left. */
	enum { OF_CELL = 10, OF_OTHERS = 1000 };
	static const struct slice wall[] = { SLICE("wall_ns") };
	uint64_t known = 0, running = 0;
	uint32_t *left = left_of_cells(p, &running), *n;
	double *sum, eta = 0, all = 0, value;
	int got = 0;

	if (left == NULL)
		return NAN;
	sum = xcalloc(p->plan->cells + 1, sizeof *sum);
	n = xcalloc(p->plan->cells + 1, sizeof *n);
	for (size_t i = 0; got >= 0 && i < p->plan->runs; i++) {
		const struct plan_run *run = &p->plan->run[i];
		char *path;

		if (p->run[i].state != PROGRESS_DONE || n[run->cell] == OF_CELL ||
		    (left[run->cell] == 0 && known >= OF_OTHERS))
			continue;
		path = path_of(p->results, "runs", run->name, "/run.leat");
		got = run_numbers(path, wall, 1, &value, e);
		free(path);
		if (got > 0) {
			sum[run->cell] += value;
			n[run->cell]++;
			all += value;
			known++;
		}
	}
	for (uint64_t i = 0; i < p->plan->cells; i++)
		if (left[i] > 0)
			eta += left[i] * (n[i] > 0 ? sum[i] / n[i] : all / (double)known);
	free(left);
	free(sum);
	free(n);
	return got < 0 || known == 0 ? NAN : eta / (double)(running > 1 ? running : 1);
}

/* ---- who calls ---- */

/* The program and the arguments of a process. */
static bool
identity(pid_t pid, struct buf *b)
{
	char path[64], exe[4096], *arguments;
	ssize_t n;
	size_t size;

	b->n = 0;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof exe);
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	if (n < 0 || io_slurp(path, &arguments, &size) < 0)
		return false;
	buf_put(b, exe, (size_t)n);
	buf_put(b, arguments, size);
	free(arguments);
	return true;
}

pid_t
progress_caller(void)
{
	pid_t caller = getppid();
	struct buf own = BUF_INIT, above = BUF_INIT;
	struct sys_process p;

	while (identity(caller, &own) && sys_process_read(caller, &p) == 0 && p.parent > 1 &&
	       identity(p.parent, &above) && slice_eq(buf_view(&own), buf_view(&above)))
		caller = p.parent;
	buf_free(&own);
	buf_free(&above);
	return caller;
}
