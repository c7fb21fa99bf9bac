/* record - samples and traces with perf events; see leat-record(1)
 *
 * The options become the config of a recording (flow/recording.h), which is stepped until it is over.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "flow/recording.h"
#include "form/perf_access.h"
#include "sys/cgroup.h"
#include "tool/tool.h"

enum {
	DEFAULT_HZ = 999,
	STACK_BYTES = 8192,
	STACK_MAX = 65528 /* what the size of a record has room for */
};

enum {
	OPTION_CALL_GRAPH = 256,
	OPTION_TID,
	OPTION_CGROUP,
	OPTION_CONTROL,
	OPTION_MEM,
	OPTION_MEM_READ,
	OPTION_MEM_WRITE
};

static const struct tool_option options[] = {
	{ 'e', "event", "EVENT[:MOD]",
	    "what to sample; may be given more than once, or as a list" },
	{ OPTION_MEM, "mem", "WHAT",
	    "accesses to memory: loads, stores or both, as well as can be here" },
	{ OPTION_MEM_READ, "mem-read", "EVENT[:MOD]", "accesses: EVENT samples reads" },
	{ OPTION_MEM_WRITE, "mem-write", "EVENT[:MOD]", "accesses: EVENT samples writes" },
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

static void
add_targets(struct recording_config *c, const char *option, const char *list)
{
	static pid_t *target;
	static size_t cap;

	for (struct slice rest = slice_of(list); rest.n > 0;) {
		struct slice item = slice_cut(&rest, ',');
		char *one = xstrndup(item.p, item.n);

		GROW(target, cap, c->targets);
		target[c->targets++] = (pid_t)tool_number(option, one, 1, INT32_MAX);
		free(one);
	}
	if (c->targets == 0)
		tool_usage_error("%s: no number in \"%s\"", option, list);
	c->target = target;
}

static void
call_graph(struct sys_sampling *sampling, const char *how)
{
	struct slice rest = slice_of(how), kind = slice_cut(&rest, ',');
	uint64_t bytes = STACK_BYTES;

	if (slice_eq(kind, SLICE("fp")) && rest.n == 0) {
		sampling->chain = SYS_CHAIN_FP;
	} else if (slice_eq(kind, SLICE("lbr")) && rest.n == 0) {
		sampling->chain = SYS_CHAIN_LBR;
	} else if (slice_eq(kind, SLICE("dwarf"))) {
		if (rest.n > 0 && (num_size(rest, &bytes) < 0 || bytes < 8 || bytes > STACK_MAX))
			tool_usage_error(
			    "--call-graph: %.*s is no size of a stack dump (8 to %d bytes)",
			    SLICE_ARG(rest), STACK_MAX);
		sampling->chain = SYS_CHAIN_DWARF;
		sampling->stack_bytes = (uint32_t)(bytes + 7) & ~7u;
	} else {
		tool_usage_error("--call-graph: \"%s\" is none of fp, dwarf[,BYTES], lbr", how);
	}
}

/* WHAT[,ldlat=N] */
static void
read_mem(struct sys_mem_want *want, const char *arg)
{
	struct slice rest = slice_of(arg), kind = slice_cut(&rest, ',');
	uint64_t ldlat = 0;

	want->kinds = slice_eq(kind, SLICE("loads"))    ? SYS_MEM_LOADS
		      : slice_eq(kind, SLICE("stores")) ? SYS_MEM_STORES
		      : slice_eq(kind, SLICE("both"))   ? SYS_MEM_BOTH
							: 0;
	if (rest.n > 0 && slice_eq(slice_cut(&rest, '='), SLICE("ldlat")) &&
	    (num_u64(rest, &ldlat) < 0 || ldlat == 0 || ldlat > 65535))
		tool_usage_error("--mem: a latency is 1 to 65535 cycles");
	if (want->kinds == 0 || (kind.n < strlen(arg) && ldlat == 0))
		tool_usage_error("--mem: \"%s\" is none of loads, stores, both; or with a least "
				 "latency, like loads,ldlat=30",
		    arg);
	want->ldlat = (unsigned)ldlat;
}

static size_t
ring_bytes(const char *pages)
{
	uint64_t n = tool_number("-m", pages, 1, 1 << 20);

	if (n & (n - 1))
		tool_usage_error("-m: %s is no power of two", pages);
	return n * (size_t)sysconf(_SC_PAGESIZE);
}

static void
read_options(struct recording_config *c, int argc, char **argv)
{
	bool has_period = false, has_frequency = false, has_tid = false, has_pid = false;
	static struct sys_control control = SYS_CONTROL_INIT;
	static struct record_events events;
	struct sys_mem_want mem = { 0 };
	struct error e;
	const char *arg;
	unsigned kinds;
	int option, *cpu = NULL;

	c->control = &control;
	c->events = &events;
	tool_begin(&spec, argc, argv);
	while ((option = tool_option_next(&arg)))
		switch (option) {
		case 'e':
			if (record_events_add(&events, arg, &e) < 0)
				tool_die("%s", e.text);
			break;
		case OPTION_MEM:
			read_mem(&mem, arg);
			break;
		case OPTION_MEM_READ:
		case OPTION_MEM_WRITE:
			if (record_events_add_access(&events, arg,
				option == OPTION_MEM_READ ? PERF_ACCESS_READS : PERF_ACCESS_WRITES,
				&e) < 0)
				tool_die("%s", e.text);
			break;
		case 'F':
			c->sampling.frequency = tool_number("-F", arg, 1, 1000000000);
			has_frequency = c->sampling.asked = true;
			break;
		case 'c':
			c->sampling.period = tool_number("-c", arg, 1, INT64_MAX);
			has_period = true;
			break;
		case 'g':
			c->sampling.chain = SYS_CHAIN_FP;
			break;
		case OPTION_CALL_GRAPH:
			call_graph(&c->sampling, arg);
			break;
		case 'p':
			add_targets(c, "-p", arg);
			has_pid = true;
			break;
		case OPTION_TID:
			add_targets(c, "--tid", arg);
			has_tid = c->threads_only = true;
			break;
		case 'a':
			c->system_wide = true;
			break;
		case 'C':
			free(cpu);
			if (sys_cpus_parse(arg, &cpu, &c->cpus) < 0)
				tool_usage_error("-C: \"%s\" is no list of CPUs, like 0-3,7", arg);
			c->cpu = cpu;
			break;
		case OPTION_CGROUP:
			if ((c->cgroup = sys_cgroup_open(arg, &e)) < 0)
				tool_die("--cgroup: %s", e.text);
			break;
		case 'k':
			if (sys_clock_find(arg, &c->clock, &c->start.clock) < 0)
				tool_usage_error("-k: \"%s\" is none of monotonic_raw, monotonic, "
						 "realtime, boottime",
				    arg);
			break;
		case 'm':
			c->ring_bytes = ring_bytes(arg);
			break;
		case 'D':
			c->delay_ms = slice_eq(slice_of(arg), SLICE("-1"))
					  ? -1
					  : (int64_t)tool_number("-D", arg, 0, INT32_MAX);
			break;
		case OPTION_CONTROL:
			if (sys_control_open(&control, arg, &e) < 0)
				tool_die("--control: %s", e.text);
			break;
		}
	c->command = *tool_operands() ? tool_operands() : NULL;
	if (has_period && has_frequency)
		tool_usage_error("-F and -c exclude each other");
	if (has_pid && has_tid)
		tool_usage_error("-p and --tid exclude each other");
	kinds = (c->targets > 0) + c->system_wide + (c->cgroup >= 0);
	if (kinds > 1 || (c->cpus > 0 && c->targets > 0))
		tool_usage_error("-p or --tid, -a or -C, and --cgroup exclude each other");
	if (c->cpus > 0 && c->cgroup < 0)
		c->system_wide = true;
	if (kinds == 0 && !c->system_wide && c->command == NULL)
		tool_usage_error(
		    "nothing to record: a COMMAND, -p, --tid, -a, -C or --cgroup is missing");
	if (c->delay_ms < 0 && control.fd < 0)
		tool_usage_error("-D -1 waits for --control");
	if (mem.kinds != 0 && record_events_add_mem(&events, &mem, c->system_wide || c->cgroup >= 0,
				  &c->listener, &e) < 0)
		tool_die("--mem: %s", e.text);
}

static void
warn(const char *text, void *context)
{
	(void)context;
	tool_warn("%s", text);
}

static void
note(const char *text, void *context)
{
	if (!tool_is_quiet())
		warn(text, context);
}

static void
say_all(const struct recording *r, struct trace_writer *out)
{
	double bytes = (double)trace_writer_bytes(out);
	struct buf text = BUF_INIT;

	buf_printf(
	    &text, "%llu samples, ", (unsigned long long)perf_event_books(r->intake.sink)->samples);
	buf_printf(
	    &text, bytes < 1e6 ? "%.1f kB" : "%.1f MB", bytes < 1e6 ? bytes / 1e3 : bytes / 1e6);
	if (tool_output())
		buf_printf(&text, " in %s", tool_output());
	buf_printf(&text, ", ");
	record_losses_say(&r->intake.losses, &text);
	note(buf_str(&text), NULL);
	buf_free(&text);
}

int
main(int argc, char **argv)
{
	struct recording_config c = { .start = { "record", LEAT_VERSION, "monotonic_raw", argv },
		.listener = { note, warn, NULL },
		.sampling = { .frequency = DEFAULT_HZ },
		.cgroup = -1,
		.clock = CLOCK_MONOTONIC_RAW };
	struct trace_writer *out;
	struct recording r;
	struct error e;
	int going, status;

	read_options(&c, argc, argv);
	sigemptyset(&c.signals);
	sigaddset(&c.signals, SIGINT);
	sigaddset(&c.signals, SIGTERM);
	sigaddset(&c.signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &c.signals, &c.mask);
	c.out_to_err = tool_output() == NULL;
	if (recording_open(&r, &c, &e) < 0)
		goto failed;
	out = tool_trace_out(-1, true);
	c.live = !tool_output_is_file();
	if (recording_start(&r, out, &e) < 0)
		goto failed;
	while ((going = recording_step(&r, &e)) > 0)
		if (c.command == NULL)
			tool_progress(-1, trace_writer_records(out), trace_writer_bytes(out));
	if (going < 0 || recording_finish(&r, &e) < 0)
		goto failed;
	say_all(&r, out);
	if (tool_is_strict() && perf_event_books(r.intake.sink)->lost > 0)
		tool_status(125);
	status = tool_end();
	/* the trace is at its end, and its reader need not wait for a command that goes on */
	close(STDOUT_FILENO);
	recording_wait(&r);
	status = sys_command_status(&r.command, r.refused, status);
	recording_close(&r);
	record_events_free(c.events);
	return status;
failed:
	recording_abandon(&r);
	tool_die("%s", e.text);
}
