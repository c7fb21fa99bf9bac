/* facts_load.c - part of facts.h: what changes by itself */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/facts_parts.h"

static const char load[] = FACTS_VOLATILE;

/* loadavg: "0.17 0.36 0.73 1/123 4567". */
static void
put_load(struct facts_reader *r)
{
	static const char *const name[] = { "load", "load5", "load15" };
	struct slice s, tasks;
	double v;
	int64_t n;

	if (facts_text(r, &s, "proc/loadavg")) {
		for (int i = 0; i < 3; i++)
			if (num_f64(slice_cut(&s, ' '), &v) == 0)
				facts_put_num(r, load, name[i], v, NULL);
		tasks = slice_cut(&s, ' ');
		if (num_i64(slice_cut(&tasks, '/'), &n) == 0)
			facts_put_int(r, load, "running", n, NULL);
		if (num_i64(tasks, &n) == 0)
			facts_put_int(r, load, "tasks", n, NULL);
	}
	if (facts_text(r, &s, "proc/uptime") && num_f64(slice_cut(&s, ' '), &v) == 0 && v >= 0 &&
	    v < 9e9)
		facts_put_int(r, load, "uptime", (int64_t)(v * 1e9 + 0.5), "ns");
}

/* "some avg10=0.00 ..." of what tasks waited for, in percent of the time. */
static void
put_pressure(struct facts_reader *r)
{
	static const char *const what[] = { "cpu", "memory", "io" };

	for (int i = 0; i < 3; i++) {
		struct slice s, line, word;
		char name[32];
		double v;

		if (!facts_text(r, &s, "proc/pressure/%s", what[i]) ||
		    !facts_line(s, "some", &line))
			continue;
		word = slice_cut(&line, ' ');
		slice_cut(&word, '=');
		snprintf(name, sizeof name, "pressure_%s", what[i]);
		if (num_f64(word, &v) == 0)
			facts_put_num(r, load, name, v, "percent");
	}
}

static void
put_memory(struct facts_reader *r)
{
	static const struct {
		const char *key, *name;
	} line[] = { { "MemFree", "memory_free" }, { "MemAvailable", "memory_available" },
		{ "SwapFree", "swap_free" } };
	struct slice s, value;
	int64_t v;

	if (!facts_text(r, &s, "proc/meminfo"))
		return;
	for (unsigned i = 0; i < sizeof line / sizeof line[0]; i++)
		if (facts_line(s, line[i].key, &value) &&
		    num_i64(slice_cut(&value, ' '), &v) == 0 &&
		    !__builtin_mul_overflow(v, 1024, &v))
			facts_put_int(r, load, line[i].name, v, "bytes");
	if (facts_line(s, "HugePages_Free", &value) && num_i64(value, &v) == 0)
		facts_put_int(r, load, "hugepages_free", v, NULL);
}

/* Cores count each for itself; all of a package count the same events. */
static void
put_throttle(struct facts_reader *r)
{
	int64_t core = 0, package = 0, time = 0;
	bool any = false, timed = false;

	for (unsigned i = 0; i < r->cpus; i++) {
		char path[96];
		int64_t v;

		snprintf(
		    path, sizeof path, "sys/devices/system/cpu/cpu%d/thermal_throttle", r->cpu[i]);
		if (!facts_number(r, &v, "%s/core_throttle_count", path))
			continue;
		any = true;
		core += v;
		if (facts_number(r, &v, "%s/package_throttle_count", path) && v > package)
			package = v;
		if (facts_number(r, &v, "%s/core_throttle_total_time_ms", path)) {
			time += v;
			timed = true;
		}
	}
	if (any) {
		facts_put_int(r, load, "throttled_core", core, NULL);
		facts_put_int(r, load, "throttled_package", package, NULL);
	}
	if (timed)
		facts_put_int(r, load, "throttled_time", time * 1000000, "ns");
}

static void
warmer(int64_t v, int64_t *most)
{
	if (v > -100000 && v < 1000000 && v > *most)
		*most = v;
}

/* The warmest of the sensors that belong to processors; of all zones where none says so. */
static void
put_temperature(struct facts_reader *r)
{
	static const char *const chip[] = { "coretemp", "k10temp", "zenpower", "cpu_thermal" };
	int64_t most = INT64_MIN, any = INT64_MIN, v;
	const char *const *name;
	struct slice s;
	size_t n = facts_list(r, "sys/class/hwmon", &name);

	for (size_t i = 0; i < n; i++) {
		bool cpu = false;

		if (!facts_text(r, &s, "sys/class/hwmon/%s/name", name[i]))
			continue;
		for (unsigned k = 0; k < sizeof chip / sizeof chip[0]; k++)
			cpu |= slice_eq(s, slice_of(chip[k]));
		for (int k = 1; cpu && k <= 256; k++) {
			if (facts_number(r, &v, "sys/class/hwmon/%s/temp%d_input", name[i], k))
				warmer(v, &most);
			else if (k > 3)
				break;
		}
	}
	n = facts_list(r, "sys/class/thermal", &name);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(name[i], "thermal_zone", 12) != 0 ||
		    !facts_number(r, &v, "sys/class/thermal/%s/temp", name[i]))
			continue;
		warmer(v, &any);
		if (facts_text(r, &s, "sys/class/thermal/%s/type", name[i]) &&
		    (slice_eq(s, SLICE("x86_pkg_temp")) || slice_starts(s, SLICE("cpu"))))
			warmer(v, &most);
	}
	if (most == INT64_MIN)
		most = any;
	if (most != INT64_MIN)
		facts_put_num(r, load, "temperature", (double)most / 1000, "celsius");
}

/* The frequency as it is at this moment; to the MHz, as what is finer is noise. */
static void
put_frequency(struct facts_reader *r)
{
	struct facts_each each = { 0 };
	struct slice rest, s;
	int64_t v;
	double mhz;
	int cpu = -1;
	char text[32];

	for (unsigned i = 0; i < r->cpus; i++)
		if (facts_number(r, &v, "sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq",
			r->cpu[i]) &&
		    v >= 0 && v < INT64_MAX / 1000) {
			snprintf(
			    text, sizeof text, "%" PRId64, (v + 500) / 1000 * (int64_t)1000000);
			facts_each_add(r, &each, r->cpu[i], slice_of(text));
		}
	if (each.n == 0 && facts_text(r, &rest, "proc/cpuinfo"))
		while (rest.n > 0) {
			struct slice line = slice_cut(&rest, '\n');

			if (facts_line(line, "processor", &s) && num_i64(s, &v) == 0 && v >= 0 &&
			    v < 1 << 16)
				cpu = (int)v;
			else if (cpu >= 0 && facts_line(line, "cpu MHz", &s) &&
				 num_f64(s, &mhz) == 0 && mhz >= 0 && mhz < 1e9) {
				snprintf(
				    text, sizeof text, "%" PRId64, (int64_t)(mhz + 0.5) * 1000000);
				facts_each_add(r, &each, cpu, slice_of(text));
			}
		}
	facts_each_put(r, &each, load, "freq", "hz");
}

static void
put_disk(struct facts_reader *r)
{
	struct statvfs v;

	if (statvfs(".", &v) < 0)
		return;
	facts_put_int(r, load, "disk_free", (int64_t)((uint64_t)v.f_bavail * v.f_frsize), "bytes");
}

/* What may be read by root alone, and by opening which nothing changes. */
static void
put_dma_latency(struct facts_reader *r)
{
	int32_t us;
	struct slice s;

	if (!r->root || !r->live)
		return;
	if (facts_text(r, &s, "dev/cpu_dma_latency") && r->text.n == sizeof us) {
		memcpy(&us, r->text.p, sizeof us);
		facts_put_int(r, load, "cpu_dma_latency", (int64_t)us * 1000, "ns");
	}
}

void
facts_load(struct facts_reader *r)
{
	put_load(r);
	put_pressure(r);
	put_memory(r);
	put_frequency(r);
	put_throttle(r);
	put_temperature(r);
	if (r->live)
		put_disk(r);
	put_dma_latency(r);
}
