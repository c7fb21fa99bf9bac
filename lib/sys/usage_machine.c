/* usage_machine.c - part of usage.h: what the whole machine does */
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/usage_parts.h"

static const struct slice none = { 0 };

enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, STATES };

/* Shares are of the time that the kernel counted, so that they add up to 1. What two CPUs wrote at once may go back. */
static void
cpu_states(struct usage_parts *p, struct slice line)
{
	static const struct {
		const char *name, *share;
		unsigned states;
	} state[] = { { "user_ns", "user", 1 << USER | 1 << NICE },
		{ "system_ns", "system", 1 << SYSTEM }, { "idle_ns", "idle", 1 << IDLE },
		{ "iowait_ns", "iowait", 1 << IOWAIT },
		{ "irq_ns", "irq", 1 << IRQ | 1 << SOFTIRQ }, { "steal_ns", "steal", 1 << STEAL } };
	static const char *const key[STATES] = { "user", "nice", "system", "idle", "iowait", "irq",
		"softirq", "steal" };
	uint64_t now, delta[STATES] = { 0 }, sum = 0;
	bool known = true;

	for (int i = 0; i < STATES; i++) {
		line = slice_trim(line);
		if (num_u64(slice_cut(&line, ' '), &now) < 0)
			break;
		known &= usage_delta(p, "cpu", key[i], none, now, USAGE_FALL_ZERO, &delta[i]);
		sum += delta[i];
	}
	if (!known)
		return;
	for (unsigned i = 0; i < sizeof state / sizeof state[0]; i++) {
		uint64_t ticks = 0;

		for (int k = 0; k < STATES; k++)
			ticks += state[i].states >> k & 1 ? delta[k] : 0;
		usage_int(p, "cpu", state[i].name, none, (int64_t)ticks * p->tick_ns, "ns");
		if (sum > 0)
			usage_num(
			    p, "cpu", state[i].share, none, (double)ticks / (double)sum, "share");
	}
	if (sum > 0)
		usage_num(p, "cpu", "busy", none,
		    (double)(sum - delta[IDLE] - delta[IOWAIT]) / (double)sum, "share");
}

static void
pressure(struct usage_parts *p, const char *section, const char *what, const char *some,
    const char *full)
{
	struct slice s;
	uint64_t us;

	if (!usage_text(p, &s, "proc/pressure/%s", what))
		return;
	if (usage_pressure(s, "some", &us))
		usage_time(p, section, some, none, us, 1000, USAGE_FALL_LOST, "share");
	if (full && usage_pressure(s, "full", &us))
		usage_time(p, section, full, none, us, 1000, USAGE_FALL_LOST, "share");
}

static void
cpu(struct usage_parts *p)
{
	static const char *const load[] = { "load", "load5", "load15" };
	struct slice s, line;
	uint64_t v;
	double d;

	if (usage_text(p, &s, "proc/stat")) {
		line = s;
		line = slice_cut(&line, '\n');
		if (slice_eq(slice_cut(&line, ' '), SLICE("cpu")))
			cpu_states(p, line);
		if (usage_line(s, "ctxt", &v))
			usage_count(p, "cpu", "context_switches", none, v, 1, NULL);
		if (usage_line(s, "intr", &v))
			usage_count(p, "cpu", "interrupts", none, v, 1, NULL);
		if (usage_line(s, "processes", &v))
			usage_count(p, "cpu", "forks", none, v, 1, NULL);
		if (usage_line(s, "procs_running", &v))
			usage_int(p, "cpu", "run_queue", none, (int64_t)v, NULL);
		if (usage_line(s, "procs_blocked", &v))
			usage_int(p, "cpu", "blocked", none, (int64_t)v, NULL);
	}
	if (usage_text(p, &s, "proc/loadavg"))
		for (int i = 0; i < 3; i++)
			if (num_f64(slice_cut(&s, ' '), &d) == 0)
				usage_num(p, "cpu", load[i], none, d, NULL);
	pressure(p, "cpu", "cpu", "pressure_cpu", NULL);
}

static void
memory(struct usage_parts *p)
{
	static const struct {
		const char *key, *name;
	} gauge[] = { { "MemFree", "free_bytes" }, { "Buffers", "buffers_bytes" },
		{ "Cached", "cached_bytes" }, { "AnonPages", "anon_bytes" },
		{ "Slab", "slab_bytes" }, { "Dirty", "dirty_bytes" },
		{ "Writeback", "writeback_bytes" } };
	static const struct {
		const char *key, *name;
		bool pages;
	} counter[] = { { "pgfault", "faults", false }, { "pgmajfault", "major_faults", false },
		{ "pswpin", "swap_in_bytes", true }, { "pswpout", "swap_out_bytes", true },
		{ "pgmigrate_success", "migrated", false },
		{ "thp_fault_alloc", "huge_faults", false }, { "oom_kill", "oom_kills", false } };
	uint64_t total, available, v, page = 4096;
	struct slice s;

	if (usage_text(p, &s, "proc/meminfo")) {
		if (usage_line(s, "MemTotal", &total) &&
		    usage_line(s, "MemAvailable", &available)) {
			usage_int(p, "memory", "used_bytes", none,
			    ((int64_t)total - (int64_t)available) * 1024, "bytes");
			usage_int(p, "memory", "available_bytes", none, (int64_t)available * 1024,
			    "bytes");
			if (total > 0)
				usage_num(p, "memory", "used", none,
				    1 - (double)available / (double)total, "share");
		}
		for (unsigned i = 0; i < sizeof gauge / sizeof gauge[0]; i++)
			if (usage_line(s, gauge[i].key, &v))
				usage_int(
				    p, "memory", gauge[i].name, none, (int64_t)v * 1024, "bytes");
		if (usage_line(s, "SwapTotal", &total) && usage_line(s, "SwapFree", &v))
			usage_int(p, "memory", "swap_used_bytes", none,
			    ((int64_t)total - (int64_t)v) * 1024, "bytes");
	}
	if (p->root[0] == '\0')
		page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (usage_text(p, &s, "proc/vmstat"))
		for (unsigned i = 0; i < sizeof counter / sizeof counter[0]; i++)
			if (usage_line(s, counter[i].key, &v))
				usage_count(p, "memory", counter[i].name, none, v,
				    counter[i].pages ? page : 1, counter[i].pages ? "bytes" : NULL);
	pressure(p, "memory", "memory", "pressure_memory", "pressure_memory_full");
}

/* The fields behind the name, of which there were 11 at first. Milliseconds have 32 bits. */
enum {
	READS = 0,
	READ_SECTORS = 2,
	READ_MS,
	WRITES,
	WRITE_SECTORS = 6,
	WRITE_MS,
	IN_FLIGHT,
	BUSY_MS,
	QUEUE_MS,
	FIELDS
};

/* The mean time of an operation, where there were some. */
static void
latency(
    struct usage_parts *p, const char *name, struct slice device, uint64_t operations, uint64_t ms)
{
	char count[32];
	uint64_t n, time;
	bool known;

	snprintf(count, sizeof count, "%s_n", name);
	known = usage_delta(p, "disk", count, device, operations, USAGE_FALL_LOST, &n);
	known &= usage_delta(p, "disk", name, device, ms, USAGE_WRAP_32, &time);
	if (known && n > 0)
		usage_num(p, "disk", name, device, (double)time * 1e6 / (double)n, "ns");
}

static void
one_disk(struct usage_parts *p, struct slice name, const uint64_t *v)
{
	uint64_t any = 0;

	for (int i = 0; i < FIELDS; i++)
		any |= v[i];
	p->mute = any == 0;
	usage_count(p, "disk", "read_bytes", name, v[READ_SECTORS], 512, "bytes");
	usage_count(p, "disk", "written_bytes", name, v[WRITE_SECTORS], 512, "bytes");
	usage_count(p, "disk", "reads", name, v[READS], 1, NULL);
	usage_count(p, "disk", "writes", name, v[WRITES], 1, NULL);
	usage_time(p, "disk", "busy", name, v[BUSY_MS], 1000000, USAGE_WRAP_32, "share");
	usage_time(p, "disk", "queue", name, v[QUEUE_MS], 1000000, USAGE_WRAP_32, NULL);
	latency(p, "read_latency", name, v[READS], v[READ_MS]);
	latency(p, "write_latency", name, v[WRITES], v[WRITE_MS]);
	usage_int(p, "disk", "in_flight", name, (int64_t)v[IN_FLIGHT], NULL);
	p->mute = false;
}

static void
disk(struct usage_parts *p)
{
	bool blocks = usage_exists(p, "sys/block");
	struct slice rest;

	if (!usage_text(p, &rest, "proc/diskstats"))
		return;
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n'), name = { 0 };
		uint64_t v[FIELDS];
		int got = -3;

		for (; got < FIELDS && line.n > 0; got++) {
			struct slice word;

			line = slice_trim(line);
			word = slice_cut(&line, ' ');
			if (got == -1)
				name = word;
			else if (got >= 0 && num_u64(word, &v[got]) < 0)
				break;
		}
		if (got < FIELDS || name.n > 64)
			continue;
		if (blocks && !usage_exists(p, "sys/block/%.*s", SLICE_ARG(name)))
			continue; /* a partition */
		one_disk(p, name, v);
	}
	pressure(p, "disk", "io", "pressure_io", "pressure_io_full");
}

static void
interfaces(struct usage_parts *p)
{
	static const struct {
		const char *name, *unit;
		int field;
	} counter[] = { { "received_bytes", "bytes", 0 }, { "received_packets", NULL, 1 },
		{ "received_errors", NULL, 2 }, { "received_drops", NULL, 3 },
		{ "sent_bytes", "bytes", 8 }, { "sent_packets", NULL, 9 },
		{ "sent_errors", NULL, 10 }, { "sent_drops", NULL, 11 } };
	struct slice rest;

	if (!usage_text(p, &rest, "proc/net/dev"))
		return;
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n'), name = line;
		const char *colon = line.n > 0 ? memrchr(line.p, ':', line.n) : NULL;
		uint64_t v[16], any = 0;
		int got = 0;

		if (colon == NULL)
			continue;
		name = slice_trim((struct slice){ line.p, (size_t)(colon - line.p) });
		line = (struct slice){ colon + 1, (size_t)(line.p + line.n - colon - 1) };
		for (; got < 16; got++) {
			line = slice_trim(line);
			if (num_u64(slice_cut(&line, ' '), &v[got]) < 0)
				break;
			any |= v[got];
		}
		p->mute = any == 0;
		for (unsigned i = 0; i < sizeof counter / sizeof counter[0] && got >= 12; i++)
			usage_count(p, "network", counter[i].name, name, v[counter[i].field], 1,
			    counter[i].unit);
		p->mute = false;
	}
}

/* A line of names, and below it one of numbers, both behind "Tcp:". */
static bool
snmp(struct slice text, const char *protocol, const char *key, uint64_t *v)
{
	struct slice names = { 0 };

	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		if (!slice_eq(slice_cut(&line, ' '), slice_of(protocol)))
			continue;
		if (names.n == 0) {
			names = line;
			continue;
		}
		while (names.n > 0) {
			struct slice name = slice_cut(&names, ' '), word = slice_cut(&line, ' ');

			if (slice_eq(name, slice_of(key)))
				return num_u64(word, v) == 0;
		}
		return false;
	}
	return false;
}

static void
network(struct usage_parts *p)
{
	static const struct {
		const char *protocol, *key, *name;
	} counter[] = { { "Tcp:", "InSegs", "tcp_received" }, { "Tcp:", "OutSegs", "tcp_sent" },
		{ "Tcp:", "RetransSegs", "tcp_retransmits" }, { "Tcp:", "InErrs", "tcp_errors" },
		{ "Udp:", "InDatagrams", "udp_received" }, { "Udp:", "OutDatagrams", "udp_sent" },
		{ "Udp:", "InErrors", "udp_errors" }, { "Udp:", "RcvbufErrors", "udp_drops" } };
	struct slice s;
	uint64_t v;

	interfaces(p);
	if (usage_text(p, &s, "proc/net/snmp"))
		for (unsigned i = 0; i < sizeof counter / sizeof counter[0]; i++)
			if (snmp(s, counter[i].protocol, counter[i].key, &v))
				usage_count(p, "network", counter[i].name, none, v, 1, NULL);
}

void
usage_machine(struct usage_parts *p)
{
	cpu(p);
	memory(p);
	disk(p);
	network(p);
}
