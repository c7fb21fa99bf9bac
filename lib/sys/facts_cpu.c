/* facts_cpu.c - part of facts.h: the processors, their topology, frequencies and idle states */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "sys/facts_parts.h"

/* What /proc/cpuinfo calls it, and what we do; of x86, then of ARM, s390 and RISC-V. */
static const struct {
	const char *key, *name;
} cpuinfo[] = { { "vendor_id", "cpu_vendor" }, { "cpu family", "cpu_family" },
	{ "model", "cpu_model_number" }, { "model name", "cpu_model" },
	{ "stepping", "cpu_stepping" }, { "microcode", "microcode" },
	{ "CPU implementer", "cpu_implementer" }, { "CPU architecture", "cpu_architecture" },
	{ "CPU variant", "cpu_variant" }, { "CPU part", "cpu_part" },
	{ "CPU revision", "cpu_revision" }, { "isa", "cpu_isa" }, { "uarch", "cpu_model" },
	{ "mvendorid", "cpu_vendor" } };

enum { KEYS = sizeof cpuinfo / sizeof cpuinfo[0] };

static struct slice
key_of(struct slice line, struct slice *value)
{
	struct slice key = slice_cut(&line, ':');

	*value = slice_trim(line);
	while (key.n > 0 && strchr(" \t", key.p[key.n - 1]))
		key.n--;
	return key;
}

/* "model" must not find "model name": keys are compared whole. */
static void
put_cpuinfo(struct facts_reader *r)
{
	struct facts_each each[KEYS] = { { 0 } }, flags = { 0 };
	struct slice rest, value;
	int cpu = -1;

	if (!facts_text(r, &rest, "proc/cpuinfo"))
		return;
	while (rest.n > 0) {
		struct slice key = key_of(slice_cut(&rest, '\n'), &value);
		uint64_t v;

		if (slice_eq(key, SLICE("processor")) && num_u64(value, &v) == 0 && v < 1 << 16)
			cpu = (int)v;
		if (cpu < 0)
			continue;
		if (slice_eq(key, SLICE("flags")) || slice_eq(key, SLICE("Features")))
			facts_each_add(r, &flags, cpu, value);
		for (unsigned i = 0; i < KEYS; i++)
			if (slice_eq(key, slice_of(cpuinfo[i].key)))
				facts_each_add(r, &each[i], cpu, value);
	}
	for (unsigned i = 0; i < KEYS; i++)
		facts_each_put(r, &each[i], "cpu", cpuinfo[i].name, NULL);
	for (size_t i = 0; i < flags.n; i++) { /* a hash does, and says where CPUs differ */
		struct facts *f = r->facts;
		size_t n = f->facts;

		facts_put_hash(r, "cpu", "", flags.value[i].p, flags.value[i].n);
		flags.value[i] = f->fact[n].s;
		f->facts = n;
	}
	facts_each_put(r, &flags, "cpu", "cpu_flags", NULL);
}

/* How many different values a file of the CPUs has, taken with that of their socket. */
static int64_t
count_different(struct facts_reader *r, const char *file, bool with_socket)
{
	struct buf *seen = xcalloc(r->cpus + 1, sizeof *seen);
	int64_t different = 0;

	for (unsigned i = 0; i < r->cpus; i++) {
		struct buf b = BUF_INIT;
		struct slice s;
		int64_t k;

		if (!facts_text(r, &s, "sys/devices/system/cpu/cpu%d/%s", r->cpu[i], file))
			continue;
		buf_slice(&b, s);
		if (with_socket && facts_text(r, &s, "sys/devices/system/cpu/cpu%d/%s", r->cpu[i],
				       "topology/physical_package_id"))
			buf_printf(&b, " %.*s", SLICE_ARG(s));
		for (k = 0; k < different; k++)
			if (slice_eq(buf_view(&seen[k]), buf_view(&b)))
				break;
		if (k == different)
			seen[different++] = b;
		else
			buf_free(&b);
	}
	for (int64_t k = 0; k < different; k++)
		buf_free(&seen[k]);
	free(seen);
	return different;
}

static void
put_topology(struct facts_reader *r)
{
	static const struct {
		const char *name, *path;
	} list[] = { { "cpus_online", "online" }, { "cpus_present", "present" },
		{ "cpus_offline", "offline" }, { "cpus_isolated", "isolated" },
		{ "cpus_nohz_full", "nohz_full" }, { 0 } };
	int64_t sockets, cores, active;
	char path[128];

	if (r->cpus > 0)
		facts_put_int(r, "cpu", "cpus", r->cpus, NULL);
	for (unsigned i = 0; list[i].name; i++) {
		struct slice s;

		/* always text: "0" is a list of one */
		if (facts_text(r, &s, "sys/devices/system/cpu/%s", list[i].path))
			facts_put_str(r, "cpu", list[i].name,
			    slice_eq(s, SLICE("(null)")) ? SLICE("none") : s);
	}
	sockets = count_different(r, "topology/physical_package_id", false);
	cores = count_different(r, "topology/core_id", true);
	if (sockets > 0)
		facts_put_int(r, "cpu", "sockets", sockets, NULL);
	if (cores > 0)
		facts_put_int(r, "cpu", "cores", cores, NULL);
	if (facts_number(r, &active, "sys/devices/system/cpu/smt/active"))
		facts_put_str(r, "cpu", "smt", active ? SLICE("on") : SLICE("off"));
	else if (cores > 0)
		facts_put_str(r, "cpu", "smt", r->cpus > cores ? SLICE("on") : SLICE("off"));
	facts_put_file(r, "cpu", "smt_control", "sys/devices/system/cpu/smt/control", NULL);
	for (int i = 0; i < 8; i++) {
		char name[64], type;
		uint64_t size;
		struct slice s;
		int64_t level;

		snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%d/cache/index%d",
		    r->cpus > 0 ? r->cpu[0] : 0, i);
		if (!facts_number(r, &level, "%s/level", path) ||
		    !facts_text(r, &s, "%s/type", path) || s.n == 0)
			continue;
		type = s.p[0];
		if (!facts_text(r, &s, "%s/size", path) || s.n < 2 || s.p[s.n - 1] != 'K')
			continue;
		s.n--;
		if (num_u64(s, &size) < 0 || size > 1u << 30)
			continue;
		snprintf(name, sizeof name, "cache_l%" PRId64 "%s", level,
		    type == 'D'   ? "d"
		    : type == 'I' ? "i"
				  : "");
		facts_put_int(r, "cpu", name, (int64_t)size * 1024, "bytes");
	}
}

void
facts_cpu(struct facts_reader *r)
{
	put_cpuinfo(r);
	put_topology(r);
}

/* Whether the processor may go beyond its rated frequency; three drivers, three ways to say it. */
static void
put_turbo(struct facts_reader *r)
{
	struct facts_each each = { 0 };
	int64_t v;

	if (facts_number(r, &v, "sys/devices/system/cpu/intel_pstate/no_turbo")) {
		facts_put_str(r, "frequency", "turbo", v ? SLICE("off") : SLICE("on"));
		return;
	}
	if (facts_number(r, &v, "sys/devices/system/cpu/cpufreq/boost")) {
		facts_put_str(r, "frequency", "turbo", v ? SLICE("on") : SLICE("off"));
		return;
	}
	for (unsigned i = 0; i < r->cpus; i++)
		if (facts_number(r, &v, "sys/devices/system/cpu/cpu%d/cpufreq/boost", r->cpu[i]))
			facts_each_add(r, &each, r->cpu[i], v ? SLICE("on") : SLICE("off"));
	facts_each_put(r, &each, "frequency", "turbo", NULL);
}

/* The idle states of each CPU, and those that are disabled. */
static void
put_idle(struct facts_reader *r)
{
	struct facts_each states = { 0 }, disabled = { 0 };

	for (unsigned i = 0; i < r->cpus; i++) {
		struct buf all = BUF_INIT, off = BUF_INIT;

		for (int k = 0; k < 32; k++) {
			struct slice s;
			int64_t v;

			if (!facts_text(r, &s, "sys/devices/system/cpu/cpu%d/cpuidle/state%d/name",
				r->cpu[i], k))
				break;
			buf_printf(&all, "%s%.*s", k ? "," : "", SLICE_ARG(s));
			s = (struct slice){ all.p + all.n - s.n, s.n };
			if (facts_number(r, &v,
				"sys/devices/system/cpu/cpu%d/cpuidle/state%d/disable", r->cpu[i],
				k) &&
			    v)
				buf_printf(&off, "%s%.*s", off.n ? "," : "", SLICE_ARG(s));
		}
		if (all.n > 0) {
			facts_each_add(r, &states, r->cpu[i], buf_view(&all));
			facts_each_add(r, &disabled, r->cpu[i], buf_view(&off));
		}
		buf_free(&all);
		buf_free(&off);
	}
	facts_put_file(r, "frequency", "cpuidle_driver",
	    "sys/devices/system/cpu/cpuidle/current_driver", NULL);
	facts_put_file(r, "frequency", "cpuidle_governor",
	    "sys/devices/system/cpu/cpuidle/current_governor", NULL);
	facts_each_put(r, &states, "frequency", "cstates", NULL);
	facts_each_put(r, &disabled, "frequency", "cstates_disabled", NULL);
}

void
facts_frequency(struct facts_reader *r)
{
	static const struct {
		const char *name, *file;
		int64_t scale;
		const char *unit;
	} each[] = { { "cpufreq_driver", "cpufreq/scaling_driver", 1, NULL },
		{ "governor", "cpufreq/scaling_governor", 1, NULL },
		{ "freq_min", "cpufreq/scaling_min_freq", 1000, "hz" },
		{ "freq_max", "cpufreq/scaling_max_freq", 1000, "hz" },
		{ "freq_hardware_min", "cpufreq/cpuinfo_min_freq", 1000, "hz" },
		{ "freq_hardware_max", "cpufreq/cpuinfo_max_freq", 1000, "hz" },
		{ "freq_base", "cpufreq/base_frequency", 1000, "hz" },
		{ "epp", "cpufreq/energy_performance_preference", 1, NULL },
		{ "epb", "power/energy_perf_bias", 1, NULL },
		{ "pm_qos_latency", "power/pm_qos_resume_latency_us", 1000, "ns" }, { 0 } };
	const char *const *name;
	size_t n;

	for (unsigned i = 0; each[i].name; i++)
		facts_put_cpus(
		    r, "frequency", each[i].name, each[i].file, each[i].scale, each[i].unit);
	put_turbo(r);
	facts_put_file(
	    r, "frequency", "intel_pstate", "sys/devices/system/cpu/intel_pstate/status", NULL);
	facts_put_file(
	    r, "frequency", "amd_pstate", "sys/devices/system/cpu/amd_pstate/status", NULL);
	facts_put_file(
	    r, "frequency", "platform_profile", "sys/firmware/acpi/platform_profile", NULL);
	put_idle(r);
	n = facts_list(r, "sys/class/power_supply", &name);
	for (size_t i = 0; i < n; i++) {
		struct slice s;
		int64_t v;

		if (!facts_text(r, &s, "sys/class/power_supply/%s/type", name[i]) ||
		    !slice_eq(s, SLICE("Mains")) ||
		    !facts_number(r, &v, "sys/class/power_supply/%s/online", name[i]))
			continue;
		facts_put_str(r, "frequency", "mains", v ? SLICE("on") : SLICE("off"));
		break;
	}
}
