/* interpose - every allocation of a command; see leat-interpose(1)
 *
 * The options become the config of a recording of rings (flow/interposing.h), or with -p of uprobes (flow/attach.h), which
 * is stepped until it is over.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "flow/attach.h"
#include "flow/backing_policy.h"
#include "flow/interposing.h"
#include "tool/tool.h"

enum {
	OPTION_MIN = 256,
	OPTION_SAMPLE,
	OPTION_BACKING,
	OPTION_FREE_STACKS,
	OPTION_LOSSY,
	OPTION_TOUCH,
	OPTION_CLOCK,
	OPTION_CALL_GRAPH
};

enum {
	DEPTH = 16,
	STACK_BYTES = 8192,
	STACK_MAX = 65528 /* what the size of a record has room for */
};

static const struct tool_option options[] = { { 'd', "depth", "DEPTH",
						  "frames of an allocation's stack (16); 0: none" },
	{ OPTION_FREE_STACKS, "free-stacks", NULL, "stacks of frees, too" },
	{ OPTION_MIN, "min", "SIZE", "leave out what is smaller; with --backing, do not place it" },
	{ OPTION_SAMPLE, "sample", "BYTES",
	    "record one allocation in so many bytes, with its weight" },
	{ OPTION_BACKING, "backing", "POLICY",
	    "where to place them: node=N, path=DIR[,size=BYTES], rules=FILE" },
	{ OPTION_TOUCH, "touch", "MS", "pages written since the last look, every MS milliseconds" },
	{ OPTION_LOSSY, "lossy", NULL,
	    "when a buffer is full, count what is lost, and do not wait" },
	{ OPTION_CLOCK, "clock", "CLOCK",
	    "read raw (clock_gettime), or counter, where it is sound" },
	{ 'p', "pid", "PID[,PID...]", "attach to processes that run, by uprobes" },
	{ OPTION_CALL_GRAPH, "call-graph", "HOW", "with -p: fp, or dwarf[,BYTES] (8192 of stack)" },
	{ 0 } };

static const struct tool_spec spec = { "interpose", "every allocation of a command",
	"[--] [COMMAND [ARG...]]", options, TOOL_TRACE_OUT | TOOL_WRAPPER };

/* PREFIX/libexec/leat/interpose has its library in PREFIX/lib/leat. */
static char *
find_library(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	struct buf path = BUF_INIT;
	struct slice dir;

	if (n < 0)
		tool_die("/proc/self/exe: %m");
	dir = (struct slice){ self, (size_t)n };
	for (int up = 0; up < 3; up++) {
		dir.n -= slice_basename(dir).n;
		while (dir.n > 1 && dir.p[dir.n - 1] == '/')
			dir.n--;
	}
	buf_printf(&path, "%.*s/lib/leat/interpose.so", SLICE_ARG(dir));
	return buf_str(&path);
}

static enum wire_clock
read_clock(const char *name)
{
	if (slice_eq(slice_of(name), SLICE("raw")))
		return WIRE_RAW;
	if (!slice_eq(slice_of(name), SLICE("counter")))
		tool_usage_error("--clock: \"%s\" is neither raw nor counter", name);
	if (!wire_clock_counter_is_sound())
		tool_warn("the kernel does not keep time by the counter: times may differ from CPU "
			  "to CPU");
	return WIRE_COUNTER;
}

/* What was asked for: a command with the library in it, or with -p processes that run. */
struct request {
	struct interposing_config command;
	struct attach_config attach;
};

static void
add_targets(struct attach_config *c, const char *list)
{
	static pid_t *target;
	static size_t cap;

	for (struct slice rest = slice_of(list); rest.n > 0;) {
		struct slice item = slice_cut(&rest, ',');
		char *one = xstrndup(item.p, item.n);

		GROW(target, cap, c->targets);
		target[c->targets++] = (pid_t)tool_number("-p", one, 1, INT32_MAX);
		free(one);
	}
	if (c->targets == 0)
		tool_usage_error("-p: no number in \"%s\"", list);
	c->target = target;
}

static uint32_t
stack_bytes(const char *how)
{
	struct slice rest = slice_of(how), kind = slice_cut(&rest, ',');
	uint64_t bytes = STACK_BYTES;

	if (slice_eq(kind, SLICE("fp")) && rest.n == 0)
		return 0;
	if (!slice_eq(kind, SLICE("dwarf")))
		tool_usage_error("--call-graph: \"%s\" is none of fp, dwarf[,BYTES]", how);
	if (rest.n > 0 && (num_size(rest, &bytes) < 0 || bytes < 8 || bytes > STACK_MAX))
		tool_usage_error("--call-graph: %.*s is no size of a stack dump (8 to %d bytes)",
		    SLICE_ARG(rest), STACK_MAX);
	return (uint32_t)(bytes + 7) & ~7u;
}

static void
read_options(struct request *request, int argc, char **argv)
{
	struct interposing_config *c = &request->command;
	struct attach_config *a = &request->attach;
	static struct buf policy;
	const char *arg, *backing = NULL;
	bool clock_given = false, graph_given = false;
	struct error e;
	int option;

	c->wire.clock = wire_clock_counter_is_sound() ? WIRE_COUNTER : WIRE_RAW;
	c->wire.depth = DEPTH;
	tool_begin(&spec, argc, argv);
	while ((option = tool_option_next(&arg)))
		switch (option) {
		case 'd':
			c->wire.depth = (uint32_t)tool_number("-d", arg, 0, WIRE_DEPTH_MAX);
			break;
		case OPTION_FREE_STACKS:
			c->wire.flags |= WIRE_FREE_STACKS;
			break;
		case OPTION_MIN:
			c->wire.min = tool_size("--min", arg);
			break;
		case OPTION_SAMPLE:
			c->wire.sample = tool_size("--sample", arg);
			break;
		case OPTION_BACKING:
			backing = arg;
			break;
		case OPTION_TOUCH:
			c->touch_ns = tool_number("--touch", arg, 1, 3600000) * 1000000;
			c->wire.flags |= WIRE_TOUCH;
			break;
		case OPTION_LOSSY:
			c->wire.flags |= WIRE_LOSSY;
			break;
		case OPTION_CLOCK:
			c->wire.clock = read_clock(arg);
			clock_given = true;
			break;
		case 'p':
			add_targets(a, arg);
			break;
		case OPTION_CALL_GRAPH:
			a->stack_bytes = stack_bytes(arg);
			graph_given = true;
			break;
		}
	c->command = a->command = *tool_operands() ? tool_operands() : NULL;
	if (a->targets > 0) {
		if (backing || c->touch_ns || c->wire.sample || clock_given ||
		    (c->wire.flags & WIRE_LOSSY))
			tool_usage_error(
			    "-p takes -d, --call-graph, --free-stacks and --min, and nothing else");
		a->depth = c->wire.depth;
		a->free_stacks = c->wire.flags & WIRE_FREE_STACKS;
		a->min = c->wire.min;
		return;
	}
	if (c->command == NULL)
		tool_usage_error("nothing to record: a COMMAND or -p is missing");
	if (graph_given)
		tool_usage_error("--call-graph is for -p: the library needs none");
	if (backing) {
		if (backing_policy(backing, c->wire.min, &policy, &e) < 0)
			tool_die("--backing: %s", e.text);
		c->wire.text = buf_view(&policy);
		c->wire.flags |= WIRE_BACKING;
	}
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
say_bytes(struct buf *text, const struct trace_writer *out)
{
	double bytes = (double)trace_writer_bytes(out);

	buf_printf(
	    text, bytes < 1e6 ? "; %.1f kB" : "; %.1f MB", bytes < 1e6 ? bytes / 1e3 : bytes / 1e6);
	if (tool_output())
		buf_printf(text, " in %s", tool_output());
}

static void
say_end(struct buf *text, const struct trace_writer *out)
{
	say_bytes(text, out);
	note(buf_str(text), NULL);
	buf_free(text);
}

static int
attach(struct attach_config *c)
{
	struct buf text = BUF_INIT;
	struct trace_writer *out;
	struct attach a;
	struct error e;
	int going, status;

	if (attach_open(&a, c, &e) < 0)
		goto failed;
	out = tool_trace_out(-1, true);
	c->live = !tool_output_is_file();
	if (attach_start(&a, out, &e) < 0)
		goto failed;
	while ((going = attach_step(&a, &e)) > 0)
		if (c->command == NULL)
			tool_progress(-1, trace_writer_records(out), trace_writer_bytes(out));
	if (going < 0 || attach_finish(&a, &e) < 0)
		goto failed;
	attach_say(&a, &text);
	say_end(&text, out);
	if (tool_is_strict() && attach_lost(&a) > 0)
		tool_status(125);
	status = tool_end();
	close(STDOUT_FILENO);
	attach_wait(&a);
	status = sys_command_status(&a.command, a.refused, status);
	attach_close(&a);
	return status;
failed:
	attach_abandon(&a);
	tool_die("%s", e.text);
}

static int
interpose(struct interposing_config *c)
{
	struct buf text = BUF_INIT;
	struct trace_writer *out;
	struct interposing p;
	struct error e;
	int going, status;

	c->library = find_library();
	if (interposing_open(&p, c, &e) < 0)
		goto failed;
	out = tool_trace_out(-1, true);
	c->live = !tool_output_is_file();
	if (interposing_start(&p, out, &e) < 0)
		goto failed;
	while ((going = interposing_step(&p, &e)) > 0)
		;
	if (going < 0 || interposing_finish(&p, &e) < 0)
		goto failed;
	interposing_say(&p, &text);
	say_end(&text, out);
	if (tool_is_strict() && interposed_lost(&p.sink) > 0)
		tool_status(125);
	status = tool_end();
	/* the trace is at its end, and its reader need not wait for a command that goes on */
	close(STDOUT_FILENO);
	interposing_wait(&p);
	status = sys_command_status(&p.command, p.refused, status);
	interposing_close(&p);
	return status;
failed:
	interposing_abandon(&p);
	tool_die("%s", e.text);
}

int
main(int argc, char **argv)
{
	const struct record_own_start start = { "interpose", LEAT_VERSION, "monotonic_raw", argv };
	const struct record_listener listener = { note, warn, NULL };
	struct request request = { .command = { .start = start, .listener = listener },
		.attach = { .start = start, .listener = listener } };
	sigset_t signals, mask;

	read_options(&request, argc, argv);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &mask);
	request.command.signals = request.attach.signals = signals;
	request.command.mask = request.attach.mask = mask;
	request.command.out_to_err = request.attach.out_to_err = tool_output() == NULL;
	return request.attach.targets > 0 ? attach(&request.attach) : interpose(&request.command);
}
