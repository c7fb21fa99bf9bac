/* Readings of trees whose files change by known amounts, at known times. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/usage.h"
#include "unit.h"

static char root[] = "/tmp/sys_usage.XXXXXX";

static void
put(const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	for (const char *at = path; (at = strchr(at, '/')) != NULL; at++) {
		snprintf(whole, sizeof whole, "%s/%.*s", root, (int)(at - path), path);
		mkdir(whole, 0755);
	}
	snprintf(whole, sizeof whole, "%s/%s", root, path);
	unlink(whole); /* a file cut to nothing would be flushed */
	f = fopen(whole, "w");
	CLAIM(f != NULL);
	fputs(text, f);
	fclose(f);
}

static const struct usage_value *
find(const struct usage *u, const char *section, const char *name, const char *device)
{
	char whole[64];

	for (size_t i = 0; i < u->values; i++) {
		const struct usage_value *v = &u->value[i];

		snprintf(whole, sizeof whole, "%s%s", v->name, v->suffix);
		if (strcmp(v->section, section) == 0 && strcmp(whole, name) == 0 &&
		    slice_eq(v->device, slice_of(device)))
			return v;
	}
	return NULL;
}

static double
value(const struct usage *u, const char *section, const char *name, const char *device)
{
	const struct usage_value *v = find(u, section, name, device);

	CLAIM(v != NULL);
	return v->whole ? (double)v->i : v->d;
}

static void
close_to(double a, double b)
{
	CLAIM(fabs(a - b) <= 1e-9 * fabs(b));
}

static void
disks(const char *a, const char *b)
{
	char text[1024];

	snprintf(text, sizeof text, "   8       0 sda %s\n   8       1 sda1 %s\n%s", a, a, b);
	put("proc/diskstats", text);
}

/* 100 ticks a second here; shares are of what was counted. */
static void
of_cpus(void)
{
	int64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);
	struct usage *u;

	put("proc/stat", "cpu  100 20 50 1000 10 1 2 3 0 0\ncpu0 1 1 1 1\nctxt 500\nbtime "
			 "1\nprocesses 70\nprocs_running 3\nprocs_blocked 1\n");
	u = usage_new(&(struct usage_config){ .root = root }, NULL);
	CLAIM(u != NULL);
	usage_read(u, 5000000000);
	CLAIM(find(u, "cpu", "user", NULL) == NULL);
	CLAIM(value(u, "cpu", "run_queue", NULL) == 3);
	put("proc/stat", "cpu  130 30 70 1120 20 3 6 7 9 9\nctxt 1500\nprocesses 75\nprocs_running "
			 "1\nprocs_blocked 0\n");
	usage_read(u, 7500000000); /* 2.5 s later: 40 20 120 10 6 4 of 200 */
	close_to(value(u, "cpu", "user", NULL), 0.2);
	close_to(value(u, "cpu", "system", NULL), 0.1);
	close_to(value(u, "cpu", "idle", NULL), 0.6);
	close_to(value(u, "cpu", "iowait", NULL), 0.05);
	close_to(value(u, "cpu", "irq", NULL), 0.03);
	close_to(value(u, "cpu", "steal", NULL), 0.02);
	close_to(value(u, "cpu", "busy", NULL), 0.35);
	CLAIM(value(u, "cpu", "user_ns", NULL) == 40.0 * (double)tick);
	CLAIM(value(u, "cpu", "context_switches", NULL) == 1000);
	close_to(value(u, "cpu", "context_switches_rate", NULL), 400);
	close_to(value(u, "cpu", "forks_rate", NULL), 2);
	/* iowait is known to go back */
	put("proc/stat", "cpu  140 30 70 1210 15 3 6 7\nctxt 1500\n");
	usage_read(u, 8500000000);
	close_to(value(u, "cpu", "user", NULL), 0.1);
	CLAIM(value(u, "cpu", "iowait", NULL) == 0);
	CLAIM(u->fell == 0 && u->gone == 1); /* processes is no longer told */
	usage_free(u);
}

static void
of_disks(void)
{
	struct usage *u;

	put("sys/block/sda/size", "1");
	put("sys/block/sdb/size", "1");
	disks("100 0 2000 50 10 0 800 40 0 4294967290 100", "8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n");
	u = usage_new(&(struct usage_config){ .root = root }, NULL);
	usage_read(u, 0);
	disks(
	    "150 0 4000 150 10 0 800 40 3 494 350 0 0 0 0 0 0", "8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n");
	usage_read(u, 4000000000);
	CLAIM(value(u, "disk", "read_bytes", "sda") == 2000 * 512);
	close_to(value(u, "disk", "read_bytes_rate", "sda"), 500 * 512);
	CLAIM(value(u, "disk", "reads", "sda") == 50);
	CLAIM(value(u, "disk", "writes", "sda") == 0);
	close_to(value(u, "disk", "read_latency", "sda"), 2e6);
	CLAIM(find(u, "disk", "write_latency", "sda") == NULL);
	close_to(value(u, "disk", "busy", "sda"), 0.125); /* 500 ms: 32 bits wrapped */
	CLAIM(value(u, "disk", "in_flight", "sda") == 3);
	CLAIM(find(u, "disk", "reads", "sda1") == NULL); /* a partition */
	CLAIM(find(u, "disk", "reads", "sdb") == NULL);  /* never used */
	CLAIM(u->fell == 0 && u->gone == 0);
	/* What was idle counts from its first use; what was reset says nothing, and says so. */
	disks("10 0 400 15 12 0 800 40 0 494 350", "8 16 sdb 7 0 0 0 0 0 0 0 0 0 0\n");
	usage_read(u, 5000000000);
	CLAIM(value(u, "disk", "reads", "sdb") == 7);
	CLAIM(find(u, "disk", "reads", "sda") == NULL);
	CLAIM(value(u, "disk", "writes", "sda") == 2);
	CLAIM(u->fell == 3); /* reads, read_bytes, and reads as part of the latency */
	/* Gone, and back with new numbers: first nothing is known. */
	put("proc/diskstats", "   8 16 sdb 9 0 0 0 0 0 0 0 0 0 0\n");
	usage_read(u, 6000000000);
	CLAIM(find(u, "disk", "reads", "sda") == NULL);
	CLAIM(u->gone > 0 && u->fell == 0);
	CLAIM(value(u, "disk", "reads", "sdb") == 2);
	disks("1 0 1 1 1 0 1 1 0 1 1", "8 16 sdb 9 0 0 0 0 0 0 0 0 0 0\n");
	usage_read(u, 7000000000);
	CLAIM(find(u, "disk", "reads", "sda") == NULL);
	CLAIM(u->fell == 0);
	disks("4 0 1 1 1 0 1 1 0 1 1", "8 16 sdb 9 0 0 0 0 0 0 0 0 0 0\n");
	usage_read(u, 7500000000);
	CLAIM(value(u, "disk", "reads", "sda") == 3);
	close_to(value(u, "disk", "reads_rate", "sda"), 6);
	usage_free(u);
}

/* Many that come and go do not fill the memory, and do not disturb those that stay. */
static void
of_passing(void)
{
	struct usage *u = usage_new(&(struct usage_config){ .root = root }, NULL);

	put("proc/diskstats", "");
	for (int i = 0; i < 2000; i++) {
		char text[512];

		snprintf(text, sizeof text,
		    "Inter-| x\n face |bytes y\nveth%d: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
		    "eth0:%d 1 0 0 0 0 0 0 %d 1 0 0 0 0 0 0\n",
		    i, 100 * i + 1, 300 * i);
		put("proc/net/dev", text);
		usage_read(u, 1000000000ll * (i + 1));
		if (i == 0)
			continue;
		CLAIM(value(u, "network", "received_bytes", "eth0") == 100);
		close_to(value(u, "network", "sent_bytes_rate", "eth0"), 300);
		CLAIM(u->gone == 8);
	}
	usage_free(u);
	put("proc/net/dev", "");
}

static void
of_network(void)
{
	struct usage *u = usage_new(&(struct usage_config){ .root = root }, NULL);

	put("proc/net/snmp", "Ip: a b\nIp: 1 2\nTcp: RtoAlgorithm InSegs OutSegs RetransSegs "
			     "InErrs\nTcp: 1 100 200 5 0\n");
	usage_read(u, 1);
	put("proc/net/snmp", "Ip: a b\nIp: 1 2\nTcp: RtoAlgorithm InSegs OutSegs RetransSegs "
			     "InErrs\nTcp: 1 160 250 9 0\n");
	usage_read(u, 2000000001);
	close_to(value(u, "network", "tcp_received_rate", NULL), 30);
	CLAIM(value(u, "network", "tcp_sent", NULL) == 50);
	CLAIM(value(u, "network", "tcp_retransmits", NULL) == 4);
	usage_free(u);
}

static void
of_memory(void)
{
	struct usage *u = usage_new(&(struct usage_config){ .root = root }, NULL);

	put("proc/meminfo", "MemTotal:       1000 kB\nMemFree: 100 kB\nMemAvailable:    400 "
			    "kB\nCached: 7 kB\nDirty: 0 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n");
	put("proc/vmstat", "pgfault 1000\npgmajfault 10\n");
	put("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\nfull "
				    "avg10=0.00 avg60=0.00 avg300=0.00 total=500\n");
	usage_read(u, 1000000000);
	CLAIM(value(u, "memory", "used_bytes", NULL) == 600 * 1024);
	close_to(value(u, "memory", "used", NULL), 0.6);
	CLAIM(value(u, "memory", "cached_bytes", NULL) == 7 * 1024);
	CLAIM(value(u, "memory", "swap_used_bytes", NULL) == 30 * 1024);
	put("proc/vmstat", "pgfault 1600\npgmajfault 10\n");
	put("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=501000\nfull "
				    "avg10=0.00 avg60=0.00 avg300=0.00 total=500\n");
	usage_read(u, 3000000000);
	close_to(value(u, "memory", "faults_rate", NULL), 300);
	CLAIM(value(u, "memory", "major_faults", NULL) == 0);
	close_to(value(u, "memory", "pressure_memory", NULL), 0.25);
	CLAIM(value(u, "memory", "pressure_memory_full_ns", NULL) == 0);
	usage_free(u);
}

static void
of_cgroups(void)
{
	static const char *const cgroup[] = { "/a/b", "old", NULL };
	static const char *const called[] = { "web", NULL };
	struct usage *u;
	struct error e;

	CLAIM(usage_new(&(struct usage_config){ .root = root, .cgroup = cgroup }, &e) == NULL);
	CLAIM(strstr(e.text, "/a/b: no such cgroup") == e.text);
	put("sys/fs/cgroup/a/b/cgroup.procs", "");
	put("sys/fs/cgroup/a/b/cpu.stat",
	    "usage_usec 1000000\nuser_usec 600000\nsystem_usec 400000\nnr_periods 5\nnr_throttled "
	    "1\nthrottled_usec 1000\n");
	put("sys/fs/cgroup/a/b/memory.current", "4096\n");
	put("sys/fs/cgroup/a/b/memory.max", "max\n");
	put("sys/fs/cgroup/a/b/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n");
	put("sys/fs/cgroup/a/b/io.stat", "8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 "
					 "dios=0\n8:16 rbytes=50 wbytes=0 rios=1 wios=0\n");
	put("sys/fs/cgroup/a/b/pids.current", "12\n");
	put("sys/fs/cgroup/memory/old/cgroup.procs", "");
	put("sys/fs/cgroup/memory/old/memory.usage_in_bytes", "8192\n");
	put("sys/fs/cgroup/memory/old/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/cpuacct/old/cpuacct.usage", "1000000000\n");
	put("sys/fs/cgroup/cpu/old/cpu.stat",
	    "nr_periods 10\nnr_throttled 2\nthrottled_time 500000000\n");
	put("sys/fs/cgroup/blkio/old/blkio.throttle.io_service_bytes",
	    "8:0 Read 100\n8:0 Write 7\n8:0 Total 107\nTotal 107\n");
	u = usage_new(
	    &(struct usage_config){ .root = root, .cgroup = cgroup, .called = called }, &e);
	CLAIM(u != NULL);
	usage_read(u, 1000000000);
	CLAIM(value(u, "cgroup", "memory_bytes", "web") == 4096);
	CLAIM(find(u, "cgroup", "memory_max_bytes", "web") == NULL);
	CLAIM(value(u, "cgroup", "pids", "web") == 12);
	CLAIM(value(u, "cgroup", "memory_bytes", "old") == 8192);
	CLAIM(find(u, "cgroup", "memory_max_bytes", "old") == NULL);
	put("sys/fs/cgroup/a/b/cpu.stat",
	    "usage_usec 4000000\nuser_usec 3100000\nsystem_usec 900000\nnr_periods "
	    "25\nnr_throttled 11\nthrottled_usec 501000\n");
	put("sys/fs/cgroup/a/b/memory.max", "65536\n");
	put("sys/fs/cgroup/a/b/memory.events", "low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\n");
	put("sys/fs/cgroup/a/b/io.stat", "8:0 rbytes=1100 wbytes=200 rios=1 wios=2 dbytes=0 "
					 "dios=0\n8:16 rbytes=1050 wbytes=0 rios=3 wios=0\n");
	put("sys/fs/cgroup/cpuacct/old/cpuacct.usage", "2000000000\n");
	put("sys/fs/cgroup/cpu/old/cpu.stat",
	    "nr_periods 10\nnr_throttled 2\nthrottled_time 1000000000\n");
	put("sys/fs/cgroup/blkio/old/blkio.throttle.io_service_bytes",
	    "8:0 Read 300\n8:0 Write 7\n8:0 Total 307\nTotal 307\n");
	usage_read(u, 3000000000);
	close_to(value(u, "cgroup", "cpu", "web"), 1.5);
	close_to(value(u, "cgroup", "user", "web"), 1.25);
	CLAIM(value(u, "cgroup", "cpu_ns", "web") == 3e9);
	CLAIM(value(u, "cgroup", "throttled_periods", "web") == 10);
	close_to(value(u, "cgroup", "throttled", "web"), 0.25);
	CLAIM(value(u, "cgroup", "memory_max_bytes", "web") == 65536);
	CLAIM(value(u, "cgroup", "oom_kills", "web") == 1);
	CLAIM(value(u, "cgroup", "read_bytes", "web") == 2000);
	CLAIM(value(u, "cgroup", "reads", "web") == 2);
	close_to(value(u, "cgroup", "cpu", "old"), 0.5);
	close_to(value(u, "cgroup", "throttled", "old"), 0.25);
	CLAIM(value(u, "cgroup", "read_bytes", "old") == 200);
	CLAIM(u->missing == NULL);
	CLAIM(
	    unlink(strcat(strcpy((char[512]){ 0 }, root), "/sys/fs/cgroup/a/b/cgroup.procs")) == 0);
	usage_read(u, 4000000000);
	CLAIM(u->missing && strcmp(u->missing, "web") == 0);
	CLAIM(find(u, "cgroup", "memory_bytes", "web") == NULL);
	CLAIM(value(u, "cgroup", "memory_bytes", "old") == 8192);
	usage_free(u);
}

/* Whatever the files hold, nothing breaks. */
static void
of_nonsense(void)
{
	static const char *const path[] = { "proc/stat", "proc/diskstats", "proc/net/dev",
		"proc/net/snmp", "proc/meminfo", "proc/vmstat", "proc/pressure/cpu",
		"proc/loadavg" };
	static const char letter[] =
	    "cpu  0123456789 99999999999999999999 :-\n\n\tsda Tcp: eth0:some total=";
	static const char *const cgroup[] = { "old", NULL };
	struct usage *u = usage_new(&(struct usage_config){ .root = root, .cgroup = cgroup }, NULL);

	for (int round = 0; round < 300; round++) {
		char text[400];

		for (unsigned i = 0; i < sizeof path / sizeof path[0]; i++) {
			size_t n = unit_draw(sizeof text - 40);

			for (size_t k = 0; k < n; k++)
				text[k] = letter[unit_draw(sizeof letter - 1)];
			text[n] = '\0';
			put(path[i], text);
		}
		usage_read(u, round * 1000);
	}
	usage_free(u);
}

int
main(void)
{
	char command[64];

	CLAIM(mkdtemp(root) != NULL);
	of_cpus();
	of_disks();
	of_passing();
	of_network();
	of_memory();
	of_cgroups();
	of_nonsense();
	snprintf(command, sizeof command, "rm -rf %s", root);
	CLAIM(system(command) == 0);
	return 0;
}
