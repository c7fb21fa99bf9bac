/* policy_hints.c - part of policy.h: how a machine becomes what it should be */
#include <string.h>

#include "experiment/policy.h"

/* %s is what is wanted; a hint that holds one is given only where a single value is. An exact `wanted` comes before NULL;
 * "<" and ">" say that the hint is for making the value less, or more. */
static const struct {
	const char *name, *wanted, *hint;
} hint[] = { { "governor", NULL, "cpupower frequency-set -g %s" },
	{ "freq_min", NULL, "cpupower frequency-set -d %s" },
	{ "freq_max", NULL, "cpupower frequency-set -u %s" },
	{ "freq", NULL, "cpupower frequency-set -d FREQ -u FREQ holds it there" },
	{ "epp", NULL, "cpupower set --epp %s" }, { "epb", NULL, "cpupower set --perf-bias %s" },
	{ "intel_pstate", NULL, "echo %s >/sys/devices/system/cpu/intel_pstate/status" },
	{ "amd_pstate", NULL, "echo %s >/sys/devices/system/cpu/amd_pstate/status" },
	{ "platform_profile", NULL, "echo %s >/sys/firmware/acpi/platform_profile" },
	{ "mains", NULL, "plug the machine in" },
	{ "smt", "off", "echo off >/sys/devices/system/cpu/smt/control" },
	{ "smt", "on", "echo on >/sys/devices/system/cpu/smt/control" },
	{ "cstates_disabled", NULL, "cpupower idle-set -D 0 disables all, -E enables them" },
	{ "cpu_dma_latency", NULL, "write the latency to /dev/cpu_dma_latency, and keep it open" },
	{ "cpus_isolated", NULL, "boot with isolcpus=%s" },
	{ "cpus_nohz_full", NULL, "boot with nohz_full=%s" },
	{ "cpus_online", NULL, "chcpu -e or -d CPUS" },
	{ "aslr", "off", "sysctl kernel.randomize_va_space=0, or run with setarch -R" },
	{ "aslr", "full", "sysctl kernel.randomize_va_space=2" },
	{ "aslr_process", "off", "run with setarch -R" },
	{ "aslr_process", "on", "run without setarch -R" },
	{ "thp", NULL, "echo %s >/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "thp_defrag", NULL, "echo %s >/sys/kernel/mm/transparent_hugepage/defrag" },
	{ "ksm", "off", "echo 2 >/sys/kernel/mm/ksm/run" }, { "swap", "<", "swapoff -a" },
	{ "swappiness", NULL, "sysctl vm.swappiness=%s" },
	{ "numa_balancing", "off", "sysctl kernel.numa_balancing=0" },
	{ "numa_balancing", "on", "sysctl kernel.numa_balancing=1" },
	{ "numa_balancing", NULL, "sysctl kernel.numa_balancing=%s" },
	{ "numa_demotion", "off", "echo 0 >/sys/kernel/mm/numa/demotion_enabled" },
	{ "numa_demotion", "on", "echo 1 >/sys/kernel/mm/numa/demotion_enabled" },
	{ "zswap", "off", "echo 0 >/sys/module/zswap/parameters/enabled" },
	{ "zone_reclaim", NULL, "sysctl vm.zone_reclaim_mode=%s" },
	{ "max_map_count", NULL, "sysctl vm.max_map_count=%s" },
	{ "overcommit", NULL, "sysctl vm.overcommit_memory=%s" },
	{ "memory_available", ">", "end what uses memory" },
	{ "memory_free", ">", "sync; echo 3 >/proc/sys/vm/drop_caches" },
	{ "clocksource", NULL,
	    "echo %s >/sys/devices/system/clocksource/clocksource0/current_clocksource" },
	{ "clock_synchronised", NULL, "start chronyd or systemd-timesyncd, and wait" },
	{ "perf_paranoid", NULL, "sysctl kernel.perf_event_paranoid=%s" },
	{ "perf_max_sample_rate", NULL, "sysctl kernel.perf_event_max_sample_rate=%s" },
	{ "perf_cpu_time_max_percent", NULL, "sysctl kernel.perf_cpu_time_max_percent=%s" },
	{ "perf_max_stack", NULL, "sysctl kernel.perf_event_max_stack=%s" },
	{ "perf_mlock_kb", NULL, "sysctl kernel.perf_event_mlock_kb=%s" },
	{ "kptr_restrict", NULL, "sysctl kernel.kptr_restrict=%s" },
	{ "ptrace_scope", NULL, "sysctl kernel.yama.ptrace_scope=%s" },
	{ "nmi_watchdog", "off", "sysctl kernel.nmi_watchdog=0" },
	{ "nmi_watchdog", "on", "sysctl kernel.nmi_watchdog=1" },
	{ "watchdog", "off", "sysctl kernel.watchdog=0" },
	{ "timer_migration", "off", "sysctl kernel.timer_migration=0" },
	{ "autogroup", "off", "sysctl kernel.sched_autogroup_enabled=0" },
	{ "load", "<", "wait until the machine is idle; see top" },
	{ "running", "<", "wait until the machine is idle; see top" },
	{ "pressure_cpu", "<", "wait until the machine is idle; see top" },
	{ "temperature", "<", "let the machine cool down" },
	{ "throttled_core", "<", "the processor was too hot since it was started; let it cool" },
	{ "throttled_package", "<", "the processor was too hot since it was started; let it cool" },
	{ "disk_free", ">", "make room on the disk of the current directory" },
	{ "git_dirty", "no", "commit the changes" }, { "limit_stack", NULL, "ulimit -s" },
	{ "limit_memlock", NULL, "ulimit -l" }, { "limit_nofile", NULL, "ulimit -n %s" },
	{ "limit_core", NULL, "ulimit -c" }, { "umask", NULL, "umask %s" },
	{ "affinity", NULL, "taskset -c %s" }, { "scheduler", NULL, "chrt, see chrt(1)" },
	{ "nice", NULL, "nice -n %s" }, { "memory_policy", NULL, "numactl, see numactl(8)" },
	{ "uid", "0", "be root" } };

/* With what turbo is switched depends on the driver. */
static const char *
turbo(struct slice wanted, struct slice driver)
{
	bool off = slice_eq(wanted, SLICE("off")) || slice_eq(wanted, SLICE("0")) ||
		   slice_eq(wanted, SLICE("no"));

	if (slice_eq(driver, SLICE("intel_pstate")) || slice_eq(driver, SLICE("intel_cpufreq")))
		return off ? "echo 1 >/sys/devices/system/cpu/intel_pstate/no_turbo"
			   : "echo 0 >/sys/devices/system/cpu/intel_pstate/no_turbo";
	return off ? "echo 0 >/sys/devices/system/cpu/cpufreq/boost"
		   : "echo 1 >/sys/devices/system/cpu/cpufreq/boost";
}

void
policy_hint(
    struct buf *to, struct slice name, struct slice wanted, const char *way, struct slice driver)
{
	const char *text = NULL, *at;

	if (slice_eq(name, SLICE("turbo")) && wanted.n > 0)
		text = turbo(wanted, driver);
	for (unsigned i = 0; i < sizeof hint / sizeof hint[0] && text == NULL; i++)
		if (slice_eq(name, slice_of(hint[i].name)) &&
		    (hint[i].wanted == NULL || strcmp(hint[i].wanted, way) == 0 ||
			slice_eq(wanted, slice_of(hint[i].wanted))))
			text = hint[i].hint;
	if (text == NULL || (strstr(text, "%s") && wanted.n == 0))
		return;
	at = strstr(text, "%s");
	buf_printf(to, ": ");
	if (at) {
		buf_put(to, text, (size_t)(at - text));
		buf_slice(to, wanted);
		text = at + 2;
	}
	buf_printf(to, "%s", text);
}
