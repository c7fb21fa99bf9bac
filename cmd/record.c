/* record - samples and traces with perf events
 *
 * Options say what to measure and where; lib/sys opens it and hands out the kernel's records in order of time; lib/form
 * writes them into the trace. Here is what joins them: what stands around the kernel's records (start, clocks, rates,
 * address spaces that existed before, symbols of the kernel), and the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/num.h"
#include "form/perf_event.h"
#include "perf/format.h"
#include "sys/clock.h"
#include "sys/command.h"
#include "sys/control.h"
#include "sys/event.h"
#include "sys/ksyms.h"
#include "sys/limits.h"
#include "sys/rings.h"
#include "sys/tasks.h"
#include "tool/tool.h"
#include "tool/version.h"

enum {
	DEFAULT_HZ = 999,
	STACK_BYTES = 8192,
	STACK_MAX = 65528, /* what the size of a record has room for */
	ROUND_MS = 30,     /* two rounds and the writing are below 100 ms */
	CLOCK_NS = 1000000000,
	CLOCK_EVERY = 5, /* seconds between clock records */
	RING = 1 << 20,
	RING_DWARF = 8 << 20
};

enum { OPTION_CALL_GRAPH = 256, OPTION_TID, OPTION_CGROUP, OPTION_CONTROL };

static const struct tool_option options[] = {
	{ 'e', "event", "EVENT[:MOD]",
	    "what to sample; may be given more than once, or as a list" },
	{ 'F', "freq", "HZ", "sample so often (999)" },
	{ 'c', "count", "PERIOD", "sample every PERIOD events" },
	{ 'g', NULL, NULL, "take call chains, as --call-graph fp does" },
	{ OPTION_CALL_GRAPH, "call-graph", "HOW", "fp, dwarf[,BYTES] (8192 of stack) or lbr" },
	{ 'p', "pid", "PID[,PID...]", "processes that run already, with all their threads" },
	{ OPTION_TID, "tid", "TID[,TID...]", "threads that run already, alone" },
	{ 'a', "all-cpus", NULL, "all that runs" },
	{ 'C', "cpu", "CPUS", "all that runs on these CPUs: 0-3,7" },
	{ OPTION_CGROUP, "cgroup", "PATH", "all that runs in this cgroup" },
	{ 'k', "clockid", "CLOCK", "monotonic_raw (default), monotonic, realtime, boottime" },
	{ 'm', "mmap-pages", "PAGES", "size of the ring of each CPU: a power of two" },
	{ 'D', "delay", "MS", "begin after MS milliseconds; -1: when told by --control" },
	{ OPTION_CONTROL, "control", "FIFO[,ACK]", "obey `enable`, `disable` and `stop`" }, { 0 }
};

static const struct tool_spec spec = { "record", "samples and traces with perf events",
	"[--] [COMMAND [ARG...]]", options, TOOL_TRACE_OUT | TOOL_WRAPPER };

struct one_event {
	struct sys_event event;
	struct perf_layout layout;
	struct perf_format format;
	bool has_format;
	uint64_t samples;
};

static struct {
	struct one_event *event;
	size_t events, events_cap;
	struct sys_sampling sampling;
	bool has_chain;
	pid_t *target; /* of -p and --tid */
	size_t targets, targets_cap;
	bool threads_only, system_wide;
	int *cpu;
	unsigned cpus;
	int cgroup;
	clockid_t clock;
	const char *clock_name;
	uint64_t ring_pages;
	int64_t delay_ms; /* -1: by --control alone */
	struct sys_control control;
	char **command;
} want = { .sampling = { .frequency = DEFAULT_HZ },
	.cgroup = -1,
	.clock = CLOCK_MONOTONIC_RAW,
	.clock_name = "monotonic_raw" };

static struct trace_writer *out;
static struct perf_event_sink *sink;
static struct sys_rings rings;
static struct sys_command command = { .pidfd = -1, .go = -1, .failure = -1 };
static struct sys_tasks tasks;
static struct sys_ksyms ksyms;
static struct sys_limits limits; /* at the start */
static uint64_t ring_full;       /* told by the kernel's own records */
static uint64_t made;            /* records that did not go through the sink */
static struct sys_clock_reading clocks;
static bool clocks_wait; /* for their place in the order of time */
static bool into_file;
static struct error e;

static _Noreturn void
fail(const char *text)
{
	if (command.pid > 0 && command.go < 0 && !sys_command_poll(&command))
		kill(command.pid, SIGTERM);
	tool_die("%s", text);
}

static void
checked(int result)
{
	if (result < 0)
		fail(trace_writer_error(out));
}

/* ---- options ---- */

static void
add_event(const char *list)
{
	while (list) {
		char *one = sys_event_cut(&list);
		struct one_event *new;

		GROW(want.event, want.events_cap, want.events);
		new = &want.event[want.events++];
		*new = (struct one_event){ 0 };
		if (sys_event_parse(&new->event, one, &e) < 0)
			tool_die("%s", e.text);
		free(one);
	}
}

static void
add_targets(const char *option, const char *list)
{
	for (struct slice rest = slice_of(list); rest.n > 0;) {
		char *one;
		struct slice item = slice_cut(&rest, ',');

		one = xstrndup(item.p, item.n);
		GROW(want.target, want.targets_cap, want.targets);
		want.target[want.targets++] = (pid_t)tool_number(option, one, 1, INT32_MAX);
		free(one);
	}
	if (want.targets == 0)
		tool_usage_error("%s: no number in \"%s\"", option, list);
}

static void
call_graph(const char *how)
{
	struct slice rest = slice_of(how), kind = slice_cut(&rest, ',');
	uint64_t bytes = STACK_BYTES;

	if (slice_eq(kind, SLICE("fp")) && rest.n == 0) {
		want.sampling.chain = SYS_CHAIN_FP;
	} else if (slice_eq(kind, SLICE("lbr")) && rest.n == 0) {
		want.sampling.chain = SYS_CHAIN_LBR;
	} else if (slice_eq(kind, SLICE("dwarf"))) {
		if (rest.n > 0 && (num_size(rest, &bytes) < 0 || bytes < 8 || bytes > STACK_MAX))
			tool_usage_error(
			    "--call-graph: %.*s is no size of a stack dump (8 to %d bytes)",
			    SLICE_ARG(rest), STACK_MAX);
		want.sampling.chain = SYS_CHAIN_DWARF;
		want.sampling.stack_bytes = (uint32_t)(bytes + 7) & ~7u;
	} else {
		tool_usage_error("--call-graph: \"%s\" is none of fp, dwarf[,BYTES], lbr", how);
	}
}

/* A path, or a name below where cgroups are mounted. */
static int
open_cgroup(const char *path)
{
	static const char *const below[] = { "", "/sys/fs/cgroup/", "/sys/fs/cgroup/perf_event/",
		"/sys/fs/cgroup/unified/" };
	int reason = ENOENT;

	for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
		char full[4096];
		int fd;

		snprintf(full, sizeof full, "%s%s", below[i], path);
		fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			reason = errno;
		if (path[0] == '/')
			break;
	}
	tool_die("--cgroup: %s: %s", path, strerror(reason));
}

static void
read_options(int argc, char **argv)
{
	const char *arg;
	bool has_period = false, has_frequency = false, has_tid = false, has_pid = false;
	unsigned kinds;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'e':
			add_event(arg);
			break;
		case 'F':
			want.sampling.frequency = tool_number("-F", arg, 1, 1000000000);
			has_frequency = true;
			break;
		case 'c':
			want.sampling.period = tool_number("-c", arg, 1, INT64_MAX);
			has_period = true;
			break;
		case 'g':
			want.sampling.chain = SYS_CHAIN_FP;
			break;
		case OPTION_CALL_GRAPH:
			call_graph(arg);
			break;
		case 'p':
			add_targets("-p", arg);
			has_pid = true;
			break;
		case OPTION_TID:
			add_targets("--tid", arg);
			has_tid = want.threads_only = true;
			break;
		case 'a':
			want.system_wide = true;
			break;
		case 'C':
			free(want.cpu);
			if (sys_cpus_parse(arg, &want.cpu, &want.cpus) < 0)
				tool_usage_error("-C: \"%s\" is no list of CPUs, like 0-3,7", arg);
			break;
		case OPTION_CGROUP:
			want.cgroup = open_cgroup(arg);
			break;
		case 'k':
			if (sys_clock_find(arg, &want.clock, &want.clock_name) < 0)
				tool_usage_error("-k: \"%s\" is none of monotonic_raw, monotonic, "
						 "realtime, boottime",
				    arg);
			break;
		case 'm':
			want.ring_pages = tool_number("-m", arg, 1, 1 << 20);
			if (want.ring_pages & (want.ring_pages - 1))
				tool_usage_error("-m: %s is no power of two", arg);
			break;
		case 'D':
			want.delay_ms = strcmp(arg, "-1") == 0
					    ? -1
					    : (int64_t)tool_number("-D", arg, 0, INT32_MAX);
			break;
		case OPTION_CONTROL:
			if (sys_control_open(&want.control, arg, &e) < 0)
				tool_die("--control: %s", e.text);
			break;
		}
	want.command = tool_operands();
	if (want.command[0] == NULL)
		want.command = NULL;
	if (has_period && has_frequency)
		tool_usage_error("-F and -c exclude each other");
	if (has_pid && has_tid)
		tool_usage_error("-p and --tid exclude each other");
	kinds = (want.targets > 0) + want.system_wide + (want.cgroup >= 0);
	if (kinds > 1 || (want.cpu && want.targets > 0))
		tool_usage_error("-p or --tid, -a or -C, and --cgroup exclude each other");
	if (want.cpu && want.cgroup < 0)
		want.system_wide = true;
	if (kinds == 0 && !want.system_wide && want.command == NULL)
		tool_usage_error(
		    "nothing to record: a COMMAND, -p, --tid, -a, -C or --cgroup is missing");
	if (want.delay_ms < 0 && want.control.fd < 0)
		tool_usage_error("-D -1 waits for --control");
}

/* Whether the targets are tasks (a command, -p, --tid), and not all of some CPUs. */
static bool
by_task(void)
{
	return !want.system_wide && want.cgroup < 0;
}

/* What to sample, with what this machine and our rights allow. */
static void
settle_events(void)
{
	bool kernel = sys_may_see_kernel(), lowered = false, user_only = false;

	sys_limits_read(&limits);
	if (want.events == 0) {
		GROW(want.event, want.events_cap, 0);
		want.event[0] = (struct one_event){ 0 };
		if (!sys_event_default(&want.event[0].event) && !tool_is_quiet())
			tool_warn("no PMU counts cycles here: sampling cpu-clock");
		want.events = 1;
	}
	if (limits.max_rate > 0 && want.sampling.frequency > (uint64_t)limits.max_rate) {
		lowered = true;
		tool_warn("%llu Hz is more than sysctl kernel.perf_event_max_sample_rate allows: "
			  "sampling at %lld Hz",
		    (unsigned long long)want.sampling.frequency, (long long)limits.max_rate);
	}
	for (size_t i = 0; i < want.events; i++) {
		struct one_event *one = &want.event[i];
		struct sys_sampling sampling = want.sampling;

		if (lowered)
			sampling.frequency = (uint64_t)limits.max_rate;
		if (!kernel && !one->event.has_privilege &&
		    one->event.attr.type != PERF_TYPE_TRACEPOINT) {
			one->event.attr.exclude_kernel = one->event.attr.exclude_hv = 1;
			user_only = true;
		}
		if (sys_event_sample(&one->event, &sampling, &e) < 0)
			tool_die("%s", e.text);
		if (one->event.format == NULL)
			continue;
		if (perf_format_parse(&one->format, one->event.system,
			(struct slice){ one->event.format, one->event.format_n }, &e) < 0)
			tool_warn("%s: %s: its fields stay raw", one->event.name, e.text);
		else
			one->has_format = true;
	}
	if (user_only && limits.has_paranoid && limits.paranoid < 3 && !tool_is_quiet())
		tool_warn("no right to see the kernel (CAP_PERFMON, or sysctl "
			  "kernel.perf_event_paranoid below 2, "
			  "now %lld): user part only",
		    (long long)limits.paranoid);
}

/* ---- opening ---- */

static void
note_id(uint64_t id, unsigned attr, void *context)
{
	(void)context;
	perf_event_id(sink, id, attr);
}

/* The tasks to attach to: of -p all threads of the processes. */
static void
find_tasks(pid_t **tid, size_t *tids)
{
	size_t cap = 0;

	*tid = NULL;
	*tids = 0;
	if (want.targets == 0) {
		GROW(*tid, cap, 0);
		(*tid)[(*tids)++] = command.pid;
		return;
	}
	for (size_t i = 0; i < want.targets; i++) {
		pid_t *threads = &want.target[i];
		size_t n = 1;

		if (want.threads_only ? sys_tasks_process(*threads) < 0
				      : sys_tasks_of(want.target[i], &threads, &n, &e) < 0)
			fail(want.threads_only ? "--tid: no such thread" : e.text);
		for (size_t k = 0; k < n; k++) {
			GROW(*tid, cap, *tids);
			(*tid)[(*tids)++] = threads[k];
		}
		if (!want.threads_only)
			free(threads);
	}
}

static void
open_rings(void)
{
	struct perf_event_attr *attr = xcalloc(want.events, sizeof *attr);
	const char **name = xcalloc(want.events, sizeof *name);
	struct sys_rings_config config = {
		.attr = attr,
		.name = name,
		.attrs = (unsigned)want.events,
		.cgroup = want.cgroup,
		.inherit = by_task() && !want.threads_only,
		.on_exec = by_task() && want.targets == 0,
		.samples_on_exec = want.delay_ms == 0,
		.bytes = want.sampling.chain == SYS_CHAIN_DWARF ? RING_DWARF : RING,
		.exact = want.ring_pages > 0,
		.clock = want.clock,
	};
	pid_t *tid = NULL;

	if (want.ring_pages)
		config.bytes = want.ring_pages * (size_t)sysconf(_SC_PAGESIZE);
	for (size_t i = 0; i < want.events; i++) {
		attr[i] = want.event[i].event.attr;
		name[i] = want.event[i].event.name;
	}
	if (want.cpu == NULL && sys_cpus_online(&want.cpu, &want.cpus, &e) < 0)
		fail(e.text);
	config.cpu = want.cpu;
	config.cpus = want.cpus;
	if (by_task()) {
		find_tasks(&tid, &config.tids);
		config.tid = tid;
	}
	if (sys_rings_open(&rings, &config, &e) < 0)
		fail(e.text);
	for (size_t i = 0; i < want.events; i++) {
		want.event[i].event.attr = attr[i];
		if (perf_layout_init(&want.event[i].layout, &attr[i], &e) < 0)
			fail(e.text);
	}
	free(attr);
	free(name);
	free(tid);
}

/* ---- what stands around the kernel's records ---- */

static void
put(struct slice type, const struct trace_field *field, unsigned fields,
    const union trace_value *value)
{
	unsigned shape = trace_writer_shape(out, type, field, fields);

	made += !slice_eq(type, SLICE("start")) && !slice_eq(type, SLICE("end"));
	checked(trace_put(out, shape, value));
}

static void
put_start(char **argv)
{
	static const struct trace_field field[] = { { SLICE("tool"), TRACE_STR },
		{ SLICE("version"), TRACE_STR }, { SLICE("clock"), TRACE_STR },
		{ SLICE("host"), TRACE_STR }, { SLICE("pid"), TRACE_INT },
		{ SLICE("arch"), TRACE_STR }, { SLICE("release"), TRACE_STR },
		{ SLICE("argv"), TRACE_STRS } };
	struct utsname system;
	struct slice *word;
	uint32_t n = 0;

	while (argv[n])
		n++;
	word = xcalloc(n + 1, sizeof *word);
	for (uint32_t i = 0; i < n; i++)
		word[i] = slice_of(argv[i]);
	word[0] = SLICE("record");
	uname(&system);
	put(SLICE("start"), field, 8,
	    (union trace_value[]){ { .s = SLICE("record") }, { .s = SLICE(LEAT_VERSION) },
		{ .s = slice_of(want.clock_name) }, { .s = slice_of(system.nodename) },
		{ .i = getpid() }, { .s = slice_of(system.machine) },
		{ .s = slice_of(system.release) }, { .list = { .s = word, .n = n } } });
	free(word);
}

static void
put_clocks(void)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("monotonic_raw"), TRACE_INT }, { SLICE("monotonic"), TRACE_INT },
		{ SLICE("realtime"), TRACE_INT }, { SLICE("boottime"), TRACE_INT },
		{ SLICE("tsc"), TRACE_INT } };

	put(SLICE("clock"), field, clocks.tsc ? 6 : 5,
	    (union trace_value[]){ { .i = sys_clock_of(&clocks, want.clock) },
		{ .i = clocks.monotonic_raw }, { .i = clocks.monotonic }, { .i = clocks.realtime },
		{ .i = clocks.boottime }, { .i = (int64_t)clocks.tsc } });
	clocks_wait = false;
}

static void
put_stat(int64_t t, const char *name, double value, const char *unit, const char *section)
{
	static const struct trace_field whole[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("value"), TRACE_INT },
		{ SLICE("unit"), TRACE_STR }, { SLICE("section"), TRACE_STR } };
	static const struct trace_field broken[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("value"), TRACE_NUM },
		{ SLICE("unit"), TRACE_STR }, { SLICE("section"), TRACE_STR } };
	bool is_whole = value == (double)(int64_t)value;
	union trace_value v[] = { { .i = t }, { .s = slice_of(name) }, { .d = value },
		{ .s = slice_of(unit) }, { .s = slice_of(section) } };

	if (is_whole)
		v[2].i = (int64_t)value;
	put(SLICE("stat"), is_whole ? whole : broken, 5, v);
}

static void
put_limits(int64_t t, const struct sys_limits *l, const char *section)
{
	if (l->max_rate >= 0)
		put_stat(t, "perf_event_max_sample_rate", (double)l->max_rate, "hz", section);
	if (l->cpu_percent >= 0)
		put_stat(
		    t, "perf_cpu_time_max_percent", (double)l->cpu_percent, "percent", section);
}

static void
tell_comm(const struct perf_comm *comm, void *t)
{
	checked(perf_event_comm(sink, *(uint64_t *)t, comm));
}

static void
tell_mmap(const struct perf_mmap *mmap, void *t)
{
	checked(perf_event_mmap(sink, *(uint64_t *)t, mmap));
}

/* The trace up to where the kernel's records begin. */
static void
put_preface(char **argv)
{
	uint64_t t;
	struct sys_tasks_sink tell = { tell_comm, tell_mmap, &t };
	bool kernel = false;

	sys_clock_read(&clocks);
	t = (uint64_t)sys_clock_of(&clocks, want.clock);
	put_start(argv);
	put_clocks();
	put_limits((int64_t)t, &limits, "start");
	for (size_t i = 0; i < want.events; i++) {
		const struct perf_event_attr *a = &want.event[i].event.attr;

		if (a->freq)
			put_stat((int64_t)t, "rate_requested", (double)a->sample_freq, "hz",
			    want.event[i].event.name);
		kernel = kernel || !a->exclude_kernel;
	}
	if (kernel && sys_ksyms_load(&ksyms, "/proc/kallsyms", &e) < 0 && !tool_is_quiet())
		tool_warn("no names for the kernel: %s", e.text);
	sys_tasks_tell_kernel(&tasks, &ksyms, &tell);
	checked(sys_rings_track(&rings, &e) < 0 ? (fail(e.text), -1) : 0);
	if (!by_task()) {
		sys_tasks_tell_all(&tasks, &tell, NULL);
	} else {
		for (size_t i = 0; i < want.targets; i++) {
			pid_t pid =
			    want.threads_only ? sys_tasks_process(want.target[i]) : want.target[i];

			sys_tasks_tell(
			    &tasks, pid, want.threads_only ? want.target[i] : 0, &tell, NULL);
		}
	}
	if (tasks.hidden > 0 && !tool_is_quiet())
		tool_warn("no right to read the mappings of %llu processes (CAP_SYS_PTRACE)",
		    (unsigned long long)tasks.hidden);
	checked(trace_flush(out));
}

/* ---- the kernel's records ---- */

static void
put_symbol(uint64_t t, uint64_t addr)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("addr"), TRACE_ADDR }, { SLICE("size"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("object"), TRACE_STR } };
	struct sys_ksym sym;
	char object[128] = "[kernel.kallsyms]";

	/* the markers of a chain are the last 4095 numbers */
	if (addr >> 63 == 0 || addr >= PERF_CONTEXT_MAX || !sys_ksyms_first(&ksyms, addr, &sym))
		return;
	if (sym.module.n > 0)
		snprintf(object, sizeof object, "[%.*s]", SLICE_ARG(sym.module));
	put(SLICE("sym"), field, 5,
	    (union trace_value[]){ { .i = (int64_t)t }, { .u = sym.addr },
		{ .i = (int64_t)sym.size }, { .s = sym.name }, { .s = slice_of(object) } });
}

static void
put_sample(const struct perf_event_header *h)
{
	struct one_event *one = want.event;
	struct perf_sample s;
	uint64_t frames = 0;
	int n = 0;

	if (want.events > 1)
		n = perf_event_of(sink, load64((const char *)h + one->layout.sample_id_at));
	one += n > 0 && (size_t)n < want.events ? n : 0;
	one->samples++;
	if (perf_sample_read(&one->layout, h, &s) == 0) {
		put_symbol(s.time, s.ip);
		for (uint64_t i = 0; i < s.chain_n; i++) {
			frames += s.chain[i] < PERF_CONTEXT_MAX;
			put_symbol(s.time, s.chain[i]);
		}
		/* as many as the kernel takes are hardly ever all */
		if (limits.max_stack > 0 && frames >= (uint64_t)limits.max_stack)
			perf_event_lost(sink, 1, "stack-cut");
	}
	checked(perf_event_put(sink, h));
}

/* A mapped file whose build id the kernel did not tell. */
static void
put_object(const struct perf_event_header *h)
{
	static const struct trace_field field[] = { { SLICE("path"), TRACE_STR },
		{ SLICE("buildid"), TRACE_BYTES } };
	struct sys_buildid id;
	struct perf_mmap m;

	if ((h->type == PERF_RECORD_MMAP || h->type == PERF_RECORD_MMAP2) &&
	    perf_mmap_read(&want.event->layout, h, &m) == 0 && m.buildid.n == 0 &&
	    (int32_t)m.pid != -1 && sys_tasks_buildid(&tasks, (pid_t)m.pid, m.path, &id))
		put(SLICE("object"), field, 2,
		    (union trace_value[]){
			{ .s = m.path }, { .s = { (const char *)id.byte, id.size } } });
}

/* All that is ready, in order of time. */
static void
drain(bool last)
{
	const struct perf_event_header *h;
	struct perf_loss loss;

	sys_rings_round(&rings, last);
	while (sys_rings_next(&rings, &h)) {
		if (clocks_wait &&
		    perf_event_time(sink, h) >= (uint64_t)sys_clock_of(&clocks, want.clock))
			put_clocks();
		if (h->type == PERF_RECORD_SAMPLE) {
			put_sample(h);
			continue;
		}
		if (h->type == PERF_RECORD_LOST &&
		    perf_loss_read(&want.event->layout, h, &loss) == 0)
			ring_full += loss.n;
		checked(perf_event_put(sink, h));
		put_object(h);
	}
	if (clocks_wait && (last || rings.limit > (uint64_t)sys_clock_of(&clocks, want.clock)))
		put_clocks();
	/* a reader has waited for two rounds already; in a file, larger frames are smaller */
	if (last || trace_writer_due(out) == 0 || (!into_file && trace_writer_due(out) > 0))
		checked(trace_flush(out));
}

/* ---- running ---- */

enum { ON_SIGNAL, ON_COMMAND, ON_CONTROL, ON_TARGET };

static struct pollfd *watch; /* of the enum above; then one for each target */
static unsigned watches, running_targets;
static unsigned interrupts;

static void
set_watches(const sigset_t *signals)
{
	watches = ON_TARGET + (unsigned)want.targets;
	watch = xcalloc(watches, sizeof *watch);
	for (unsigned i = 0; i < watches; i++)
		watch[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	watch[ON_SIGNAL].fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch[ON_SIGNAL].fd < 0)
		tool_die("signalfd: %s", strerror(errno));
	watch[ON_CONTROL].fd = want.control.fd;
	for (size_t i = 0; i < want.targets; i++) {
		pid_t pid = want.threads_only ? sys_tasks_process(want.target[i]) : want.target[i];

		watch[ON_TARGET + i].fd = (int)syscall(SYS_pidfd_open, pid, 0);
		running_targets += watch[ON_TARGET + i].fd >= 0;
	}
}

/* True when the recording is to end. A terminal's Ctrl-C reaches the command by itself. */
static bool
interrupted(void)
{
	struct signalfd_siginfo s;
	bool end = false;

	while (read(watch[ON_SIGNAL].fd, &s, sizeof s) == sizeof s) {
		if (command.pid > 0 && !command.ended && s.ssi_code <= 0)
			kill(command.pid, (int)s.ssi_signo);
		/* a command ends the recording by its own end; a second signal does not wait for that */
		end = end || command.pid == 0 || ++interrupts > 1;
	}
	return end;
}

static bool
controlled(void)
{
	for (;;) {
		enum sys_control_word w = sys_control_next(&want.control);

		if (w == SYS_CONTROL_NONE)
			return false;
		if (w != SYS_CONTROL_STOP &&
		    sys_rings_enable(&rings, w == SYS_CONTROL_ENABLE, &e) < 0)
			fail(e.text);
		sys_control_ack(&want.control);
		if (w == SYS_CONTROL_STOP)
			return true;
	}
}

static bool
targets_ended(void)
{
	for (unsigned i = ON_TARGET; i < watches; i++)
		if (watch[i].fd >= 0 && watch[i].revents) {
			close(watch[i].fd);
			watch[i].fd = -1;
			running_targets--;
		}
	return want.targets > 0 && running_targets == 0;
}

static void
run(void)
{
	uint64_t next_clock = io_now_ns() + (uint64_t)CLOCK_EVERY * CLOCK_NS;
	uint64_t enable_at =
	    want.delay_ms > 0 ? io_now_ns() + (uint64_t)want.delay_ms * 1000000 : UINT64_MAX;
	bool end = false;

	while (!end) {
		int timeout = trace_writer_due(out);
		uint64_t now = io_now_ns();

		if (timeout < 0 || timeout > ROUND_MS)
			timeout = ROUND_MS;
		if (enable_at <= now)
			timeout = 0;
		else if (enable_at - now < (uint64_t)timeout * 1000000)
			timeout = (int)((enable_at - now) / 1000000);
		if (sys_rings_wait(&rings, watch, watches, timeout) < 0)
			fail(strerror(errno));
		if (enable_at <= io_now_ns()) {
			enable_at = UINT64_MAX;
			if (sys_rings_enable(&rings, true, &e) < 0)
				fail(e.text);
		}
		if (watch[ON_SIGNAL].revents)
			end = interrupted();
		if (watch[ON_COMMAND].revents)
			end = sys_command_poll(&command) || end;
		if (watch[ON_CONTROL].revents)
			end = controlled() || end;
		if (want.targets > 0)
			end = targets_ended() || end;
		if (!end)
			drain(false);
		if (!clocks_wait && io_now_ns() >= next_clock) {
			next_clock += (uint64_t)CLOCK_EVERY * CLOCK_NS;
			sys_clock_read(&clocks);
			clocks_wait = sys_clock_of(&clocks, want.clock) >= 0;
		}
		if (want.command == NULL)
			tool_progress(-1, trace_writer_records(out), trace_writer_bytes(out));
	}
}

/* ---- the end ---- */

/* How often an event was sampled for each second in which its tasks ran. */
static void
put_rate(int64_t t, const struct one_event *one, const struct sys_count *count)
{
	const struct perf_event_attr *a = &one->event.attr;
	double hz = (double)one->samples * 1e9 / (double)count->running;
	/* a task's event on a CPU counts as enabled while the task runs on another one */
	uint64_t enabled = by_task() ? count->enabled / want.cpus : count->enabled;
	bool is_clock = a->type == PERF_TYPE_SOFTWARE && (a->config == PERF_COUNT_SW_CPU_CLOCK ||
							     a->config == PERF_COUNT_SW_TASK_CLOCK);

	put_stat(t, "rate_effective", hz, "hz", one->event.name);
	put_stat(t, "running_ns", (double)count->running, "ns", one->event.name);
	if (count->running + count->running / 100 < enabled)
		put_stat(t, "enabled_ns", (double)enabled, "ns", one->event.name);
	if (is_clock && one->samples > 100 && hz < 0.8 * (double)a->sample_freq)
		tool_warn("%s: sampled at %.0f Hz instead of %llu Hz", one->event.name, hz,
		    (unsigned long long)a->sample_freq);
}

/* What no record of the kernel told of, and then how often each event was sampled while its tasks ran. */
static void
put_counts(int64_t t)
{
	struct sys_count *count = xcalloc(want.events + 1, sizeof *count);
	struct sys_limits now;
	uint64_t all = 0;

	for (unsigned i = 0; i <= want.events; i++) {
		sys_rings_count(&rings, i, &count[i]);
		all += count[i].lost;
	}
	/* the kernel tells of what it lost when there is room again: of the last loss there may be no record */
	if (all > ring_full)
		perf_event_lost(sink, all - ring_full, "ring-full");
	perf_event_lost(sink, rings.late, "late");
	perf_event_lost(sink, rings.unreadable, "damaged");
	checked(perf_event_flush(sink));

	sys_limits_read(&now);
	put_limits(t, &now, "end");
	if (now.max_rate >= 0 && now.max_rate < limits.max_rate)
		tool_warn("the kernel lowered sysctl kernel.perf_event_max_sample_rate to %lld Hz "
			  "meanwhile",
		    (long long)now.max_rate);
	for (size_t i = 0; i < want.events; i++)
		if (want.event[i].event.attr.freq && count[i].running > 0)
			put_rate(t, &want.event[i], &count[i]);
	free(count);
}

static void
finish(void)
{
	static const struct trace_field field[] = { { SLICE("tool"), TRACE_STR },
		{ SLICE("made"), TRACE_INT }, { SLICE("lost"), TRACE_INT } };
	const struct perf_event_books *books = perf_event_books(sink);
	char size[32];
	double bytes;

	if (sys_rings_enable(&rings, false, &e) < 0)
		tool_warn("%s", e.text);
	drain(true);
	sys_clock_read(&clocks);
	put_counts(sys_clock_of(&clocks, want.clock));
	put_clocks();
	put(SLICE("end"), field, 3,
	    (union trace_value[]){ { .s = SLICE("record") }, { .i = (int64_t)(books->made + made) },
		{ .i = (int64_t)books->lost } });
	checked(trace_flush(out));
	bytes = (double)trace_writer_bytes(out);
	snprintf(size, sizeof size, bytes < 1e6 ? "%.1f kB" : "%.1f MB",
	    bytes < 1e6 ? bytes / 1e3 : bytes / 1e6);
	if (!tool_is_quiet())
		tool_warn("%llu samples, %s%s%s, %llu lost", (unsigned long long)books->samples,
		    size, tool_output() ? " in " : "", tool_output() ? tool_output() : "",
		    (unsigned long long)books->lost);
	if (tool_is_strict() && books->lost > 0)
		tool_status(125);
}

/* After `stop` the trace is at its end, and its reader need not wait; our status is the command's all the same. */
static void
wait_command(void)
{
	struct pollfd *end = &watch[ON_COMMAND];

	close(STDOUT_FILENO);
	watch[ON_CONTROL].fd = -1;
	while (!sys_command_poll(&command) && !(watch[ON_SIGNAL].revents && interrupted())) {
		end->revents = watch[ON_SIGNAL].revents = 0;
		if (poll(watch, ON_TARGET, -1) < 0 && errno != EINTR)
			return;
	}
}

int
main(int argc, char **argv)
{
	bool trace_on_stdout;
	sigset_t signals, before;
	struct stat st;
	int reason = 0, status;

	want.control = SYS_CONTROL_INIT;
	read_options(argc, argv);
	settle_events();
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	trace_on_stdout = tool_output() == NULL;
	if (want.command &&
	    sys_command_prepare(&command, want.command, &before, trace_on_stdout, &e) < 0)
		tool_die("%s", e.text);
	set_watches(&signals);
	open_rings();
	out = tool_trace_out(-1, true);
	into_file = (trace_on_stdout ? fstat(STDOUT_FILENO, &st) : stat(tool_output(), &st)) == 0 &&
		    S_ISREG(st.st_mode);
	sink = perf_event_new(out, perf_machine_here());
	for (size_t i = 0; i < want.events; i++)
		if (perf_event_add(sink, &want.event[i].event.attr,
			slice_of(want.event[i].event.name),
			want.event[i].has_format ? &want.event[i].format : NULL, &e) < 0)
			fail(e.text);
	if (perf_event_add(sink, &rings.tracker, SLICE("tracker"), NULL, &e) < 0 ||
	    sys_rings_ids(&rings, note_id, NULL, &e) < 0)
		fail(e.text);
	put_preface(argv);
	if (want.delay_ms == 0 && !(by_task() && want.targets == 0) &&
	    sys_rings_enable(&rings, true, &e) < 0)
		fail(e.text);
	if (want.command) {
		watch[ON_COMMAND].fd = command.pidfd;
		reason = sys_command_go(&command);
		if (reason != 0)
			tool_warn("%s: %s", want.command[0], strerror(reason));
	}
	run();
	finish();
	status = tool_end();
	if (want.command && !command.ended && interrupts < 2)
		wait_command();
	if (reason != 0)
		return reason == ENOENT ? 127 : 126;
	if (command.ended && sys_command_exit(&command) != 0)
		return sys_command_exit(&command);
	return want.command && !command.ended ? 128 + SIGINT : status;
}
