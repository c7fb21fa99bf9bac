/* facts_process.c - part of facts.h: what a program that is started here gets: environment, limits, CPUs, its cgroup's */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/facts_parts.h"

extern char **environ;

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, so that the hash says the same of the same variables; the size is what moves the stack. */
static void
put_environment(struct facts_reader *r)
{
	size_t n = 0, bytes = 0;
	struct buf all = BUF_INIT;
	char **sorted;

	while (environ[n])
		bytes += strlen(environ[n++]) + 1;
	sorted = xcalloc(n + 1, sizeof *sorted);
	memcpy(sorted, environ, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_text);
	for (size_t i = 0; i < n; i++)
		buf_put(&all, sorted[i], strlen(sorted[i]) + 1);
	facts_put_int(r, "process", "environment", (int64_t)n, NULL);
	facts_put_int(r, "process", "environment_size", (int64_t)bytes, "bytes");
	facts_put_hash(r, "process", "environment_hash", all.p, all.n);
	buf_free(&all);
	free(sorted);
}

static void
put_limits(struct facts_reader *r)
{
	static const struct {
		const char *name;
		int resource;
		const char *unit;
	} limit[] = { { "stack", RLIMIT_STACK, "bytes" }, { "memlock", RLIMIT_MEMLOCK, "bytes" },
		{ "as", RLIMIT_AS, "bytes" }, { "data", RLIMIT_DATA, "bytes" },
		{ "core", RLIMIT_CORE, "bytes" }, { "fsize", RLIMIT_FSIZE, "bytes" },
		{ "nofile", RLIMIT_NOFILE, NULL }, { "nproc", RLIMIT_NPROC, NULL },
		{ "cpu", RLIMIT_CPU, NULL }, { "rtprio", RLIMIT_RTPRIO, NULL } };

	for (unsigned i = 0; i < sizeof limit / sizeof limit[0]; i++) {
		struct rlimit v;
		char name[32];

		if (getrlimit(limit[i].resource, &v) < 0)
			continue;
		snprintf(name, sizeof name, "limit_%s", limit[i].name);
		if (v.rlim_cur == RLIM_INFINITY)
			facts_put_str(r, "process", name, SLICE("unlimited"));
		else
			facts_put_int(r, "process", name, (int64_t)v.rlim_cur, limit[i].unit);
	}
}

/* The CPUs of a set as 0-3,7. */
static void
put_affinity(struct facts_reader *r)
{
	enum { CPUS = 8192 };
	cpu_set_t *set = CPU_ALLOC(CPUS);
	size_t size = CPU_ALLOC_SIZE(CPUS);
	struct buf b = BUF_INIT;

	CPU_ZERO_S(size, set);
	if (sched_getaffinity(0, size, set) == 0) {
		for (int i = 0, first; i < CPUS; i++) {
			if (!CPU_ISSET_S(i, size, set))
				continue;
			first = i;
			while (i + 1 < CPUS && CPU_ISSET_S(i + 1, size, set))
				i++;
			buf_printf(&b, i > first ? "%s%d-%d" : "%s%d", b.n ? "," : "", first, i);
		}
		facts_put_str(r, "process", "affinity", buf_view(&b));
	}
	buf_free(&b);
	CPU_FREE(set);
}

static void
put_scheduling(struct facts_reader *r)
{
	static const char *const policy[] = { "other", "fifo", "rr", "batch", "iso", "idle",
		"deadline", "ext" };
	static const char *const memory[] = { "default", "preferred", "bind", "interleave", "local",
		"preferred-many", "weighted-interleave" };
	int p = sched_getscheduler(0), mode = -1;

	put_affinity(r);
	facts_put_int(r, "process", "nice", getpriority(PRIO_PROCESS, 0), NULL);
	p &= ~SCHED_RESET_ON_FORK;
	if (p >= 0 && p < (int)(sizeof policy / sizeof policy[0]))
		facts_put_str(r, "process", "scheduler", slice_of(policy[p]));
	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0 && (mode &= 0xff) >= 0 &&
	    mode < (int)(sizeof memory / sizeof memory[0]))
		facts_put_str(r, "process", "memory_policy", slice_of(memory[mode]));
}

void
facts_process(struct facts_reader *r)
{
	char text[16];
	mode_t mask = umask(0);
	int p;

	umask(mask);
	put_environment(r);
	facts_put_int(r, "process", "uid", (int64_t)geteuid(), NULL);
	snprintf(text, sizeof text, "0%03o", (unsigned)mask);
	facts_put_str(r, "process", "umask", slice_of(text));
	p = personality(0xffffffff);
	if (p >= 0)
		facts_put_str(r, "process", "aslr_process",
		    p & ADDR_NO_RANDOMIZE ? SLICE("off") : SLICE("on"));
	put_scheduling(r);
	put_limits(r);
	facts_put_int(r, "process", "page", sysconf(_SC_PAGESIZE), "bytes");
}

/* The least limit of a cgroup and those around it; INT64_MAX where there is none. The path of a file in each is dir, path cut
 * shorter and shorter, file. */
static bool
least(struct facts_reader *r, const char *dir, struct slice path, const char *file, bool quota,
    double *limit)
{
	bool any = false;

	for (;;) {
		struct slice s, first;
		double v, period = 1;

		if (facts_text(r, &s, "sys/fs/cgroup/%s%.*s/%s", dir, SLICE_ARG(path), file)) {
			any = true;
			first = slice_cut(&s, ' ');
			if (num_f64(first, &v) == 0 && v >= 0) {
				if (quota && s.n > 0 && num_f64(s, &period) == 0 && period > 0)
					v /= period;
				if (v < *limit)
					*limit = v;
			}
		}
		while (path.n > 0 && path.p[path.n - 1] != '/')
			path.n--;
		if (path.n == 0)
			return any;
		path.n--;
	}
}

static void
put_limit(struct facts_reader *r, const char *name, bool any, double v, const char *unit)
{
	if (!any)
		return;
	if (v >= 9e18)
		facts_put_str(r, "cgroup", name, SLICE("max"));
	else if (v == (double)(int64_t)v)
		facts_put_int(r, "cgroup", name, (int64_t)v, unit);
	else
		facts_put_num(r, "cgroup", name, v, unit);
}

/* In version 1 each controller has a tree of its own, and no limit is the largest number of pages. */
static void
put_controller(struct facts_reader *r, const char *controller, struct slice path, bool one)
{
	double v = 1e19, period;
	const char *dir = one ? controller : "";
	bool any;
	struct slice s;

	if (strcmp(controller, "memory") == 0) {
		any = least(r, dir, path, one ? "memory.limit_in_bytes" : "memory.max", false, &v);
		put_limit(r, "cgroup_memory", any, v, "bytes");
	} else if (strcmp(controller, "pids") == 0) {
		any = least(r, dir, path, "pids.max", false, &v);
		put_limit(r, "cgroup_pids", any, v, NULL);
	} else if (strcmp(controller, "cpu") == 0 && !one) {
		any = least(r, dir, path, "cpu.max", true, &v);
		put_limit(r, "cgroup_cpus", any, v, NULL);
	} else if (strcmp(controller, "cpu") == 0) {
		any = least(r, dir, path, "cpu.cfs_quota_us", false, &v);
		period = 1e19;
		if (least(r, dir, path, "cpu.cfs_period_us", false, &period) && v < 9e18)
			v /= period;
		put_limit(r, "cgroup_cpus", any, v, NULL);
	} else if (strcmp(controller, "cpuset") == 0) {
		if (facts_text(r, &s, "sys/fs/cgroup/%s%.*s/%s", dir, SLICE_ARG(path),
			one ? "cpuset.effective_cpus" : "cpuset.cpus.effective"))
			facts_put_str(r, "cgroup", "cgroup_cpuset", s);
	}
}

void
facts_cgroup(struct facts_reader *r)
{
	static const char *const controller[] = { "cpu", "memory", "pids", "cpuset" };
	struct slice text, rest, own = { 0 };
	struct buf copy = BUF_INIT;

	if (!facts_text(r, &text, "proc/self/cgroup"))
		return;
	buf_slice(&copy, text);
	rest = buf_view(&copy);
	while (rest.n > 0) {
		struct slice path = slice_cut(&rest, '\n'), names;

		slice_cut(&path, ':');
		names = slice_cut(&path, ':');
		if (own.n == 0 || path.n > own.n)
			own = path;
		if (slice_eq(path, SLICE("/")))
			path.n = 0;
		for (unsigned i = 0; i < 4 && names.n == 0; i++)
			put_controller(r, controller[i], path, false);
		while (names.n > 0) {
			struct slice one = slice_cut(&names, ',');

			for (unsigned i = 0; i < 4; i++)
				if (slice_eq(one, slice_of(controller[i])))
					put_controller(r, controller[i], path, true);
		}
	}
	if (own.n > 0)
		facts_put_str(r, "cgroup", "cgroup", own);
	buf_free(&copy);
}
