/* usage_cgroup.c - part of usage.h: what a cgroup uses, of version 2, or 1, or both */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "sys/usage_parts.h"

/* Where hierarchies are mounted: the first two are of version 2. */
static const char *const mount[] = { "", "unified/", "memory/", "cpuacct/", "cpu/", "cpu,cpuacct/",
	"cpuacct,cpu/", "blkio/", "pids/", "cpuset/", "systemd/", "perf_event/", "freezer/" };

enum { MOUNTS = sizeof mount / sizeof mount[0] };

static bool
file(struct usage_parts *p, struct slice *text, const char *at, const struct usage_cgroup *c,
    const char *name)
{
	return usage_text(p, text, "sys/fs/cgroup/%s%s/%s", at, c->path, name);
}

static bool
two(struct usage_parts *p, struct slice *text, const struct usage_cgroup *c, const char *name)
{
	return file(p, text, "", c, name) || file(p, text, "unified/", c, name);
}

static bool
number(struct slice text, int64_t *v)
{
	text = slice_cut(&text, '\n');
	return num_i64(slice_trim(text), v) == 0;
}

static void
cpu_one(struct usage_parts *p, const struct usage_cgroup *c, struct slice name)
{
	struct slice s;
	uint64_t v;
	int64_t ns;

	if (file(p, &s, "cpuacct/", c, "cpuacct.usage") && number(s, &ns))
		usage_time(p, "cgroup", "cpu", name, (uint64_t)ns, 1, USAGE_FALL_LOST, "cpus");
	if (file(p, &s, "cpuacct/", c, "cpuacct.stat")) {
		if (usage_line(s, "user", &v))
			usage_time(p, "cgroup", "user", name, v, (uint64_t)p->tick_ns,
			    USAGE_FALL_LOST, "cpus");
		if (usage_line(s, "system", &v))
			usage_time(p, "cgroup", "system", name, v, (uint64_t)p->tick_ns,
			    USAGE_FALL_LOST, "cpus");
	}
	if (file(p, &s, "cpu/", c, "cpu.stat")) {
		if (usage_line(s, "nr_periods", &v))
			usage_count(p, "cgroup", "periods", name, v, 1, NULL);
		if (usage_line(s, "nr_throttled", &v))
			usage_count(p, "cgroup", "throttled_periods", name, v, 1, NULL);
		if (usage_line(s, "throttled_time", &v))
			usage_time(p, "cgroup", "throttled", name, v, 1, USAGE_FALL_LOST, "share");
	}
}

static void
cpu(struct usage_parts *p, const struct usage_cgroup *c, struct slice name)
{
	static const struct {
		const char *key, *name, *share;
	} line[] = { { "usage_usec", "cpu", "cpus" }, { "user_usec", "user", "cpus" },
		{ "system_usec", "system", "cpus" }, { "throttled_usec", "throttled", "share" } };
	struct slice s;
	uint64_t v;

	/* In a hybrid setup version 2 has no cpu controller, and version 1 has. */
	if (file(p, &s, "cpuacct/", c, "cpuacct.usage") || !two(p, &s, c, "cpu.stat")) {
		cpu_one(p, c, name);
		return;
	}
	for (unsigned i = 0; i < sizeof line / sizeof line[0]; i++)
		if (usage_line(s, line[i].key, &v))
			usage_time(p, "cgroup", line[i].name, name, v, 1000, USAGE_FALL_LOST,
			    line[i].share);
	if (usage_line(s, "nr_periods", &v))
		usage_count(p, "cgroup", "periods", name, v, 1, NULL);
	if (usage_line(s, "nr_throttled", &v))
		usage_count(p, "cgroup", "throttled_periods", name, v, 1, NULL);
}

/* No limit is "max", or in version 1 nearly 2^63. */
static void
bytes(struct usage_parts *p, struct slice text, const char *name, struct slice device)
{
	int64_t v;

	if (number(text, &v) && v < INT64_MAX - (1 << 20))
		usage_int(p, "cgroup", name, device, v, "bytes");
}

static void
memory_one(struct usage_parts *p, const struct usage_cgroup *c, struct slice name)
{
	struct slice s;
	uint64_t v;

	if (!file(p, &s, "memory/", c, "memory.usage_in_bytes"))
		return;
	bytes(p, s, "memory_bytes", name);
	if (file(p, &s, "memory/", c, "memory.limit_in_bytes"))
		bytes(p, s, "memory_max_bytes", name);
	if (file(p, &s, "memory/", c, "memory.max_usage_in_bytes"))
		bytes(p, s, "memory_peak_bytes", name);
	if (file(p, &s, "memory/", c, "memory.stat")) {
		if (usage_line(s, "total_rss", &v))
			usage_int(p, "cgroup", "anon_bytes", name, (int64_t)v, "bytes");
		if (usage_line(s, "total_cache", &v))
			usage_int(p, "cgroup", "file_bytes", name, (int64_t)v, "bytes");
		if (usage_line(s, "total_pgfault", &v))
			usage_count(p, "cgroup", "faults", name, v, 1, NULL);
		if (usage_line(s, "total_pgmajfault", &v))
			usage_count(p, "cgroup", "major_faults", name, v, 1, NULL);
	}
	if (file(p, &s, "memory/", c, "memory.failcnt") && num_u64(slice_cut(&s, '\n'), &v) == 0)
		usage_count(p, "cgroup", "memory_limit_hits", name, v, 1, NULL);
	if (file(p, &s, "memory/", c, "memory.oom_control") && usage_line(s, "oom_kill", &v))
		usage_count(p, "cgroup", "oom_kills", name, v, 1, NULL);
}

static void
memory(struct usage_parts *p, const struct usage_cgroup *c, struct slice name)
{
	struct slice s;
	uint64_t v;

	if (!two(p, &s, c, "memory.current")) {
		memory_one(p, c, name);
		return;
	}
	bytes(p, s, "memory_bytes", name);
	if (two(p, &s, c, "memory.max"))
		bytes(p, s, "memory_max_bytes", name);
	if (two(p, &s, c, "memory.peak"))
		bytes(p, s, "memory_peak_bytes", name);
	if (two(p, &s, c, "memory.swap.current"))
		bytes(p, s, "swap_bytes", name);
	if (two(p, &s, c, "memory.stat")) {
		if (usage_line(s, "anon", &v))
			usage_int(p, "cgroup", "anon_bytes", name, (int64_t)v, "bytes");
		if (usage_line(s, "file", &v))
			usage_int(p, "cgroup", "file_bytes", name, (int64_t)v, "bytes");
		if (usage_line(s, "pgfault", &v))
			usage_count(p, "cgroup", "faults", name, v, 1, NULL);
		if (usage_line(s, "pgmajfault", &v))
			usage_count(p, "cgroup", "major_faults", name, v, 1, NULL);
	}
	if (two(p, &s, c, "memory.events")) {
		if (usage_line(s, "max", &v))
			usage_count(p, "cgroup", "memory_limit_hits", name, v, 1, NULL);
		if (usage_line(s, "oom_kill", &v))
			usage_count(p, "cgroup", "oom_kills", name, v, 1, NULL);
	}
}

enum { READ_BYTES, WRITTEN_BYTES, READS, WRITES, SUMS };

static void
put_io(struct usage_parts *p, struct slice name, const uint64_t *sum)
{
	usage_count(p, "cgroup", "read_bytes", name, sum[READ_BYTES], 1, "bytes");
	usage_count(p, "cgroup", "written_bytes", name, sum[WRITTEN_BYTES], 1, "bytes");
	usage_count(p, "cgroup", "reads", name, sum[READS], 1, NULL);
	usage_count(p, "cgroup", "writes", name, sum[WRITES], 1, NULL);
}

/* "8:0 Read 4096" of all devices. */
static void
add_one(struct slice text, uint64_t *reads, uint64_t *writes)
{
	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n'), word;
		uint64_t v;

		slice_cut(&line, ' ');
		word = slice_cut(&line, ' ');
		if (num_u64(line, &v) < 0)
			continue;
		if (slice_eq(word, SLICE("Read")))
			*reads += v;
		else if (slice_eq(word, SLICE("Write")))
			*writes += v;
	}
}

static void
io(struct usage_parts *p, const struct usage_cgroup *c, struct slice name)
{
	static const char *const key[SUMS] = { "rbytes", "wbytes", "rios", "wios" };
	uint64_t sum[SUMS] = { 0 }, v;
	struct slice s;

	if (two(p, &s, c, "io.stat")) {
		while (s.n > 0) {
			struct slice line = slice_cut(&s, '\n');

			while (line.n > 0) {
				struct slice value = slice_cut(&line, ' '),
					     word = slice_cut(&value, '=');

				for (int i = 0; i < SUMS; i++)
					if (slice_eq(word, slice_of(key[i])) &&
					    num_u64(value, &v) == 0)
						sum[i] += v;
			}
		}
		put_io(p, name, sum);
		return;
	}
	if (!file(p, &s, "blkio/", c, "blkio.throttle.io_service_bytes"))
		return;
	add_one(s, &sum[READ_BYTES], &sum[WRITTEN_BYTES]);
	if (file(p, &s, "blkio/", c, "blkio.throttle.io_serviced"))
		add_one(s, &sum[READS], &sum[WRITES]);
	put_io(p, name, sum);
}

static void
pressure(struct usage_parts *p, const struct usage_cgroup *c, struct slice name)
{
	static const struct {
		const char *file, *name;
	} what[] = { { "cpu.pressure", "pressure_cpu" }, { "memory.pressure", "pressure_memory" },
		{ "io.pressure", "pressure_io" } };
	struct slice s;
	uint64_t us;

	for (unsigned i = 0; i < sizeof what / sizeof what[0]; i++)
		if (two(p, &s, c, what[i].file) && usage_pressure(s, "some", &us))
			usage_time(
			    p, "cgroup", what[i].name, name, us, 1000, USAGE_FALL_LOST, "share");
}

static bool
is_there(struct usage_parts *p, const char *path)
{
	for (int i = 0; i < MOUNTS; i++)
		if (usage_exists(p, "sys/fs/cgroup/%s%s/cgroup.procs", mount[i], path))
			return true;
	return false;
}

bool
usage_of_cgroup(struct usage_parts *p, const struct usage_cgroup *c)
{
	struct slice name = slice_of(c->called ? c->called : c->path), s;
	int64_t v;

	if (!is_there(p, c->path))
		return false;
	cpu(p, c, name);
	memory(p, c, name);
	io(p, c, name);
	if ((two(p, &s, c, "pids.current") || file(p, &s, "pids/", c, "pids.current")) &&
	    number(s, &v))
		usage_int(p, "cgroup", "pids", name, v, NULL);
	pressure(p, c, name);
	return true;
}

/* A name below a mount point, as /proc/PID/cgroup has it, or the path of a directory there. */
char *
usage_cgroup_path(struct usage_parts *p, const char *written)
{
	struct slice path = slice_of(written), root = slice_of(p->root);
	static const struct slice top = { "/sys/fs/cgroup/", 15 };
	bool absolute = false;
	char *copy;

	if (root.n > 0 && slice_starts(path, root) && path.n > root.n && path.p[root.n] == '/')
		path.p += root.n, path.n -= root.n;
	if (slice_starts(path, top)) {
		path.p += top.n, path.n -= top.n;
		absolute = true;
	}
	while (path.n > 0 && path.p[0] == '/')
		path.p++, path.n--;
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	for (int i = 1; i < MOUNTS && absolute; i++)
		if (slice_starts(path, slice_of(mount[i]))) {
			size_t n = strlen(mount[i]);

			path.p += n, path.n -= n;
			break;
		}
	copy = xstrndup(path.n > 0 ? path.p : ".", path.n > 0 ? path.n : 1);
	if (is_there(p, copy))
		return copy;
	free(copy);
	return NULL;
}
