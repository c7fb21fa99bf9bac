/* facts_kernel.c - part of facts.h: kernel, perf, clocks, vulnerabilities */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#include "sys/facts_parts.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

struct named {
	const char *name, *path;
};

static void
put_sysctls(struct facts_reader *r, const char *section, const struct named *list)
{
	for (; list->name; list++) {
		char path[128];

		snprintf(path, sizeof path, "proc/sys/%s", list->path);
		facts_put_file(r, section, list->name, path, NULL);
	}
}

/* The configuration as it was built in, compressed: the same bytes for the same configuration. */
static void
put_config(struct facts_reader *r, struct slice release)
{
	struct slice s;
	char name[128];

	snprintf(name, sizeof name, "%.*s", SLICE_ARG(release));
	if (facts_text(r, &s, "proc/config.gz") || facts_text(r, &s, "boot/config-%s", name) ||
	    facts_text(r, &s, "lib/modules/%s/config", name))
		facts_put_hash(r, "kernel", "kernel_config", s.p, s.n);
}

static void
put_aslr(struct facts_reader *r)
{
	static const char *const word[] = { "off", "conservative", "full" };
	int64_t v;

	if (facts_number(r, &v, "proc/sys/kernel/randomize_va_space") && v >= 0 && v <= 2)
		facts_put_str(r, "kernel", "aslr", slice_of(word[v]));
}

static void
put_vulnerabilities(struct facts_reader *r)
{
	const char *const *name;
	size_t n = facts_list(r, "sys/devices/system/cpu/vulnerabilities", &name);

	for (size_t i = 0; i < n; i++) {
		struct slice s;
		char fact[128];

		if (!facts_text(r, &s, "sys/devices/system/cpu/vulnerabilities/%s", name[i]))
			continue;
		snprintf(fact, sizeof fact, "vulnerability_%s", name[i]);
		facts_put_str(r, "vulnerability", fact, s);
	}
}

/* What the CPU itself says of its counter, where it does. */
static void
put_tsc(struct facts_reader *r)
{
#if defined(__x86_64__)
	unsigned a, b, c, d, last;

	if (!r->live)
		return;
	if (__get_cpuid_count(0x15, 0, &a, &b, &c, &d) && a && b && c) {
		facts_put_int(r, "clock", "tsc_freq", (int64_t)((uint64_t)c * b / a), "hz");
	} else if (__get_cpuid(1, &a, &b, &c, &d) && c >> 31) { /* a hypervisor may say it */
		__cpuid(0x40000000, last, b, c, d);
		if (last >= 0x40000010 && last < 0x40000100) {
			__cpuid(0x40000010, a, b, c, d);
			if (a > 0)
				facts_put_int(r, "clock", "tsc_freq", (int64_t)a * 1000, "hz");
		}
	}
#else
	(void)r;
#endif
}

static void
put_clock(struct facts_reader *r)
{
	const char *dir = "sys/devices/system/clocksource/clocksource0";
	char path[128];

	snprintf(path, sizeof path, "%s/current_clocksource", dir);
	facts_put_file(r, "clock", "clocksource", path, NULL);
	snprintf(path, sizeof path, "%s/available_clocksource", dir);
	facts_put_file(r, "clock", "clocksources", path, NULL);
	put_tsc(r);
	if (r->live) {
		struct timex t = { 0 };
		int state = adjtimex(&t);

		if (state >= 0)
			facts_put_str(r, "clock", "clock_synchronised",
			    t.status & STA_UNSYNC ? SLICE("no") : SLICE("yes"));
	}
}

void
facts_kernel(struct facts_reader *r)
{
	static const struct named kernel[] = { { "tainted", "kernel/tainted" },
		{ "autogroup", "kernel/sched_autogroup_enabled" },
		{ "sched_rt_runtime_us", "kernel/sched_rt_runtime_us" },
		{ "timer_migration", "kernel/timer_migration" }, { "watchdog", "kernel/watchdog" },
		{ "nmi_watchdog", "kernel/nmi_watchdog" },
		{ "kptr_restrict", "kernel/kptr_restrict" },
		{ "dmesg_restrict", "kernel/dmesg_restrict" },
		{ "ptrace_scope", "kernel/yama/ptrace_scope" },
		{ "unprivileged_bpf_disabled", "kernel/unprivileged_bpf_disabled" }, { 0 } };
	static const struct named perf[] = { { "perf_paranoid", "kernel/perf_event_paranoid" },
		{ "perf_max_sample_rate", "kernel/perf_event_max_sample_rate" },
		{ "perf_cpu_time_max_percent", "kernel/perf_cpu_time_max_percent" },
		{ "perf_max_stack", "kernel/perf_event_max_stack" },
		{ "perf_mlock_kb", "kernel/perf_event_mlock_kb" }, { 0 } };
	struct slice s, value;

	facts_put_file(r, "kernel", "host", "proc/sys/kernel/hostname", NULL);
	if (facts_text(r, &s, "proc/sys/kernel/osrelease")) {
		char release[128];

		snprintf(release, sizeof release, "%.*s", SLICE_ARG(s));
		facts_put_str(r, "kernel", "kernel", slice_of(release));
		put_config(r, slice_of(release));
	}
	facts_put_file(r, "kernel", "kernel_version", "proc/sys/kernel/version", NULL);
	facts_put_file(r, "kernel", "kernel_arch", "proc/sys/kernel/arch", NULL);
	facts_put_file(r, "kernel", "cmdline", "proc/cmdline", NULL);
	if ((facts_text(r, &s, "etc/os-release") || facts_text(r, &s, "usr/lib/os-release")) &&
	    s.n > 0) {
		while (s.n > 0) {
			value = slice_cut(&s, '\n');
			if (!slice_starts(value, SLICE("PRETTY_NAME=")))
				continue;
			value.p += 12, value.n -= 12;
			if (value.n > 1 && value.p[0] == '"')
				value.p++, value.n -= 2;
			facts_put_str(r, "kernel", "os", value);
			break;
		}
	}
	facts_put_file(r, "kernel", "boot_id", "proc/sys/kernel/random/boot_id", NULL);
	put_aslr(r);
	put_sysctls(r, "kernel", kernel);
	put_vulnerabilities(r);
	put_sysctls(r, "perf", perf);
	put_clock(r);
}
