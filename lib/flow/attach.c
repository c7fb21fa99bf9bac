#include "flow/attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/io.h"
#include "base/num.h"
#include "sys/tracefs.h"

enum {
	ROUND_MS = 30,
	MS = 1000000,
	RING = 4 << 20,
	RING_DUMPS = 16 << 20,
	CHAIN_MAX = 1024,
	STACK_BYTES = 4096
};

static const uint64_t CLOCK_EVERY = 5000000000;

enum kind { ENTER, END, MARK, RETURN, STORED };

static const char *const event_name[ATTACH_EVENTS] = { "enter", "free", "new", "return", "stored" };

/* How the machine passes what we want; and by how much a return moves the stack pointer. */
#if defined __x86_64__
static const char at_entry[] = "a0=%di:u64 a1=%si:u64 a2=%dx:u64 sp=%sp:u64 ra=+0(%sp):u64";
static const char at_return[] = "value=$retval:u64 sp=%sp:u64";
enum { WORD = 8 };
#elif defined __aarch64__
static const char at_entry[] = "a0=%x0:u64 a1=%x1:u64 a2=%x2:u64 sp=%sp:u64 ra=%x30:u64";
static const char at_return[] = "value=$retval:u64 sp=%sp:u64";
enum { WORD = 0 };
#else
static const char at_entry[] = "", at_return[] = "";
enum { WORD = 0 };
#endif

static int
writer_failed(const struct attach *a, struct error *e)
{
	return error_set(e, "%s", trace_writer_error(a->w));
}

/* ---- probes ---- */

/* One that cannot be set is told, and the others are. */
static void
set_probe(struct attach *a, enum kind kind, const struct allocator_place *p, const char *fetch)
{
	char what[160];
	struct error e;

	snprintf(what, sizeof what, "fn=\\%u:u8 %s", p->function, fetch);
	if (sys_uprobes_add(
		&a->probes, event_name[kind], kind >= RETURN, p->path, p->offset, what, &e) < 0)
		record_warn(
		    &a->config->listener, "%s: %s", allocator_function[p->function].symbol, e.text);
}

static int
find_allocators(struct attach *a, struct error *e)
{
	const struct attach_config *c = a->config;
	bool found = false;

	for (size_t i = 0; i < c->targets; i++)
		if (allocator_find(&a->allocator, c->target[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->allocator.places; i++)
		found = found || strcmp(allocator_function[a->allocator.place[i].function].symbol,
				     "malloc") == 0;
	if (!found)
		return error_set(e,
		    "process %d: no malloc() in the symbols of what it has mapped (is it a "
		    "stripped static program?)",
		    (int)c->target[0]);
	return 0;
}

static int
set_probes(struct attach *a, struct error *e)
{
	if (at_entry[0] == '\0')
		return error_set(e, "attaching: the registers of this machine are not known");
	if (sys_uprobes_open(&a->probes, e) < 0)
		return -1;
	for (size_t i = 0; i < a->allocator.places; i++) {
		const struct allocator_place *p = &a->allocator.place[i];
		const struct allocator_function *f = &allocator_function[p->function];

		bool mark = f->may_throw && !p->alone;

		set_probe(a, mark ? MARK : f->free_op ? END : ENTER, p, at_entry);
		if (f->op && !mark)
			set_probe(a, f->by_pointer ? STORED : RETURN, p, at_return);
	}
	return a->probes.events > 0 ? 0 : error_set(e, "no probe could be set");
}

static int
find_fields(struct attach *a, enum kind kind, const struct perf_format *format, struct error *e)
{
	struct attach_raw *raw = &a->raw[kind];
	const struct wanted {
		const char *name;
		uint32_t *to;
	} entry[] = { { "fn", &raw->fn }, { "sp", &raw->sp }, { "ra", &raw->ra },
		{ "a0", &raw->arg[0] }, { "a1", &raw->arg[1] }, { "a2", &raw->arg[2] } },
	  end[] = { { "fn", &raw->fn }, { "sp", &raw->sp }, { "value", &raw->value } };
	bool at_end = kind >= RETURN;
	size_t n = at_end ? sizeof end / sizeof *end : sizeof entry / sizeof *entry;

	for (size_t k = 0; k < n; k++) {
		const char *name = at_end ? end[k].name : entry[k].name;
		unsigned i = 0;

		while (i < format->fields && !slice_eq(format->field[i].name, slice_of(name)))
			i++;
		if (i == format->fields)
			return error_set(
			    e, "the kernel's event %s has no field %s", event_name[kind], name);
		*(at_end ? end[k].to : entry[k].to) = format->field[i].offset;
		if (raw->bytes < format->field[i].offset + format->field[i].size)
			raw->bytes = format->field[i].offset + format->field[i].size;
	}
	return 0;
}

static int
add_event(struct attach *a, enum kind kind, struct error *e)
{
	const struct attach_config *c = a->config;
	struct slice group = slice_of(a->probes.group), name = slice_of(event_name[kind]);
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_RAW,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.exclude_callchain_kernel = 1 };
	struct record_event *one;
	struct perf_format format;
	uint64_t id;
	char *text;
	size_t n;
	int result;

	if (sys_tracepoint_id(group, name, &id, e) < 0 ||
	    (text = sys_tracepoint_format(group, name, &n, e)) == NULL)
		return -1;
	result = perf_format_parse(&format, group, (struct slice){ text, n }, e);
	free(text);
	if (result < 0)
		return -1;
	result = find_fields(a, kind, &format, e);
	perf_format_free(&format);
	attr.config = id;
	if (c->depth > 0 && (kind >= MARK || (kind == END && c->free_stacks))) {
		int64_t most = a->limits.max_stack > 0 ? a->limits.max_stack : 127;

		if (c->stack_bytes > 0) {
			attr.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
			attr.sample_regs_user = perf_regs_mask(perf_machine_here());
			attr.sample_stack_user = c->stack_bytes;
		} else {
			attr.sample_type |= PERF_SAMPLE_CALLCHAIN;
			/* at an entry, two of them are known already */
			attr.sample_max_stack =
			    (uint16_t)(c->depth + 1 < most ? c->depth + 1 : most);
		}
	}
	if (kind == STORED) {
		attr.sample_type |= PERF_SAMPLE_STACK_USER;
		if (attr.sample_stack_user < STACK_BYTES)
			attr.sample_stack_user = STACK_BYTES;
	}
	GROW(a->events.event, a->events.cap, a->events.n);
	one = &a->events.event[a->events.n];
	*one = (struct record_event){ .event = { .attr = attr,
					  .name = xstrndup(
					      event_name[kind], strlen(event_name[kind])) } };
	a->number[a->events.n++] = kind;
	return result;
}

static int
add_events(struct attach *a, struct error *e)
{
	for (unsigned i = 0; i < a->probes.events; i++) {
		unsigned kind = 0;

		while (strcmp(a->probes.event[i], event_name[kind]) != 0)
			kind++;
		if (add_event(a, kind, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- open ---- */

static int
find_tasks(const struct attach *a, pid_t **tid, size_t *tids, struct error *e)
{
	const struct attach_config *c = a->config;
	size_t cap = 0;

	for (size_t i = 0; i < c->targets; i++) {
		pid_t *threads;
		size_t n;

		if (sys_tasks_of(c->target[i], &threads, &n, e) < 0)
			return -1;
		for (size_t k = 0; k < n; k++) {
			GROW(*tid, cap, *tids);
			(*tid)[(*tids)++] = threads[k];
		}
		free(threads);
	}
	return 0;
}

static int
open_rings(struct attach *a, struct error *e)
{
	struct perf_event_attr attr[ATTACH_EVENTS];
	const char *name[ATTACH_EVENTS];
	struct sys_rings_config config = { .attr = attr,
		.name = name,
		.attrs = (unsigned)a->events.n,
		.cgroup = -1,
		.cpu = a->cpu,
		.cpus = a->cpus,
		.inherit = true,
		.bytes = a->config->stack_bytes > 0 ? RING_DUMPS : RING,
		.clock = CLOCK_MONOTONIC_RAW };
	pid_t *tid = NULL;
	int result;

	for (size_t i = 0; i < a->events.n; i++) {
		attr[i] = a->events.event[i].event.attr;
		name[i] = a->events.event[i].event.name;
	}
	result = find_tasks(a, &tid, &config.tids, e);
	config.tid = tid;
	if (result == 0)
		result = sys_rings_open(&a->rings, &config, e);
	for (size_t i = 0; i < a->events.n; i++)
		a->events.event[i].event.attr = attr[i];
	free(tid);
	return result;
}

int
attach_open(struct attach *a, const struct attach_config *c, struct error *e)
{
	*a = (struct attach){ .config = c,
		.command = SYS_COMMAND_INIT,
		.probes = SYS_UPROBES_INIT,
		.rings = { .current = -1 },
		.intake = RECORD_INTAKE_INIT };
	sys_limits_read(&a->limits);
	perf_regs_map(&a->map, perf_machine_here(), perf_regs_mask(perf_machine_here()));
	a->arch = perf_machine_here() == PERF_MACHINE_AARCH64 ? &arch_aarch64 : &arch_x86_64;
	for (size_t i = 0; i < c->targets; i++)
		if (sys_tasks_process(c->target[i]) != c->target[i])
			return error_set(e, "no process %d", (int)c->target[i]);
	if (geteuid() != 0)
		return error_set(e, "attaching by uprobes needs root");
	if (find_allocators(a, e) < 0 || set_probes(a, e) < 0 || add_events(a, e) < 0 ||
	    sys_cpus_online(&a->cpu, &a->cpus, e) < 0)
		return -1;
	if (c->command &&
	    sys_command_prepare(&a->command, c->command, &c->mask, c->out_to_err, e) < 0)
		return -1;
	if (record_watch_open(&a->watch, &c->signals, c->command ? &a->command : NULL, NULL,
		c->target, c->targets, e) < 0)
		return -1;
	return open_rings(a, e);
}

/* ---- records ---- */

static int
put_call(struct attach *a, const struct attach_alloc *x, unsigned has)
{
	union trace_value v[CALL_FIELDS];
	unsigned n = 0;

	has |= (x->align > 0 ? CALL_ALIGN : 0) | (x->old > 0 ? CALL_OLD : 0) |
	       (x->chain.n > 0 ? CALL_CHAIN : 0) | (x->chain.regs_n > 0 ? CALL_REGS : 0);
	v[n++].i = (int64_t)x->t;
	v[n++].i = x->pid;
	v[n++].i = x->tid;
	v[n++].s = slice_of(x->op);
	v[n++].u = x->addr;
	if (has & CALL_SIZE)
		v[n++].i = (int64_t)(x->size <= INT64_MAX ? x->size : INT64_MAX);
	if (has & CALL_ALIGN)
		v[n++].i = (int64_t)x->align;
	if (has & CALL_OLD)
		v[n++].u = x->old;
	if (has & CALL_CHAIN)
		v[n++].list = (struct trace_list){ .u = x->chain.frame, .n = x->chain.n };
	if (has & CALL_REGS) {
		v[n++].list = (struct trace_list){ .u = x->chain.regs, .n = x->chain.regs_n };
		v[n++].s = x->chain.stack;
	}
	if (a->shape[has] == 0)
		a->shape[has] = 1 + call_shape(a->w, has);
	a->intake.own.made++;
	return trace_put(a->w, a->shape[has] - 1, v);
}

static int
put_alloc(const struct attach_alloc *x, void *context)
{
	return put_call(context, x, CALL_SIZE);
}

static int
put_free(const struct attach_alloc *x, void *context)
{
	return put_call(context, x, CALL_FREE | (x->size > 0 ? CALL_SIZE : 0));
}

/* Registers and stack as they are in the caller, on its call: at an entry, as they will be when it returns. */
static struct attach_chain
dump_of(struct attach *a, const struct perf_sample *s, bool entry, uint64_t caller)
{
	struct attach_chain c = { .regs_n = a->map.n, .regs = a->regs, .stack = s->stack };

	if (s->user == NULL || a->map.n == 0 || s->user_abi != PERF_SAMPLE_REGS_ABI_64)
		return (struct attach_chain){ .n = 0 };
	for (unsigned i = 0; i < a->map.n; i++)
		a->regs[i] = s->user[a->map.at[i]];
	if (entry) {
		a->regs[a->arch->pc] = caller;
		a->regs[a->arch->sp] += WORD;
		c.stack.n -= c.stack.n < WORD ? c.stack.n : WORD;
		c.stack.p += c.stack.n > 0 ? WORD : 0;
	}
	a->regs[a->arch->pc]--;
	return c;
}

/* Leaf first: the call, and what returned to is behind it. At an entry the kernel's chain begins with the function itself,
 * and may or may not have its caller, whose address we know. */
static struct attach_chain
chain_of(struct attach *a, const struct perf_sample *s, bool entry, uint64_t caller)
{
	uint32_t n, guest, skip;

	if (a->config->stack_bytes > 0)
		return dump_of(a, s, entry, caller);
	if (s->chain_n == 0 || s->chain_n > CHAIN_MAX)
		return (struct attach_chain){ .n = 0 };
	n = perf_chain_plain(s, a->chain + 1, &guest);
	if (!entry) {
		if (n == 0)
			return (struct attach_chain){ .n = 0 };
		a->chain[1]--;
		return (struct attach_chain){ .frame = a->chain + 1,
			.n = n < a->config->depth ? n : a->config->depth };
	}
	skip = n > 1 && a->chain[2] == caller ? 2 : n > 0 ? 1 : 0;
	a->chain[skip] = caller - 1;
	n = n + 1 - skip;
	return (struct attach_chain){ .frame = a->chain + skip,
		.n = n < a->config->depth ? n : a->config->depth };
}

static int
take_sample(struct attach *a, unsigned kind, const struct perf_sample *s)
{
	const struct attach_raw *raw = &a->raw[kind];
	const char *p = s->raw.p;
	struct attach_call call = { .t = s->time, .pid = s->pid, .tid = s->tid };
	uint64_t arg[ALLOCATOR_ARGS], value, at;

	call.function = (uint8_t)p[raw->fn];
	call.sp = load64(p + raw->sp);
	if (call.function >= allocator_functions)
		return 0;
	if (kind < RETURN) {
		uint64_t caller = load64(p + raw->ra);

		for (unsigned i = 0; i < ALLOCATOR_ARGS; i++)
			arg[i] = load64(p + raw->arg[i]);
		call.mark = kind == MARK;
		return attach_calls_enter(a->calls, &call, arg, chain_of(a, s, true, caller));
	}
	value = load64(p + raw->value);
	if (kind == RETURN)
		return attach_calls_return(a->calls, &call, value, NULL, chain_of(a, s, false, 0));
	/* where posix_memalign() has stored the address: on the stack of its caller, nearly always */
	at = attach_calls_pointer(a->calls, &call) - call.sp;
	return attach_calls_return(a->calls, &call, value,
	    at + 8 <= s->stack.n && at < s->stack.n ? &(uint64_t){ load64(s->stack.p + at) } : NULL,
	    chain_of(a, s, false, 0));
}

static int
take(struct attach *a, const struct perf_event_header *h)
{
	struct record_intake *in = &a->intake;
	union {
		struct perf_comm comm;
		struct perf_task task;
	} x;

	if (h->type == PERF_RECORD_SAMPLE) {
		int event =
		    a->events.n > 1
			? perf_event_of(in->sink,
			      load64((const char *)h + a->events.event->layout.sample_id_at))
			: 0;
		struct perf_sample s;

		if (event < 0 || (size_t)event >= a->events.n ||
		    perf_sample_read(&a->events.event[event].layout, h, &s) < 0 ||
		    s.raw.n < a->raw[a->number[event]].bytes) {
			perf_event_lost(in->sink, 1, "damaged");
			in->losses.damaged++;
			return 0;
		}
		if (record_intake_until(in, s.time) < 0)
			return -1;
		return take_sample(a, a->number[event], &s);
	}
	if (h->type == PERF_RECORD_FORK && perf_task_read(&in->tracker, h, &x.task) == 0)
		attach_calls_fork(a->calls, x.task.ppid, x.task.pid, x.task.tid);
	else if (h->type == PERF_RECORD_EXIT && perf_task_read(&in->tracker, h, &x.task) == 0)
		attach_calls_exit(a->calls, x.task.pid, x.task.tid);
	else if (h->type == PERF_RECORD_COMM && perf_comm_read(&in->tracker, h, &x.comm) == 0 &&
		 x.comm.exec)
		attach_calls_exec(a->calls, x.comm.pid, x.comm.tid);
	else if (h->type == PERF_RECORD_LOST || h->type == PERF_RECORD_LOST_SAMPLES)
		attach_calls_lost(a->calls);
	return record_intake_put(in, h);
}

/* All that is ready, in order of time. */
static int
drain(struct attach *a, bool last)
{
	const struct perf_event_header *h;
	int due;

	sys_rings_round(&a->rings, last);
	while (sys_rings_next(&a->rings, &h))
		if (take(a, h) < 0)
			return -1;
	if (record_intake_until(&a->intake, a->rings.limit) < 0)
		return -1;
	due = trace_writer_due(a->w);
	return last || due == 0 || (a->config->live && due > 0) ? trace_flush(a->w) : 0;
}

/* ---- start ---- */

static void
note_id(uint64_t id, unsigned attr, void *context)
{
	struct attach *a = context;

	perf_event_id(a->intake.sink, id, attr);
}

/* Mappings without code: the kernel's records, and what is told with them, are of code alone. */
static void
tell_data(struct attach *a, uint64_t t, pid_t pid)
{
	char path[64], *text;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	if (io_slurp(path, &text, &n) < 0)
		return;
	for (struct slice rest = { text, n }; rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n'), range = slice_cut(&line, ' '),
			     mode = slice_cut(&line, ' '), offset = slice_cut(&line, ' '),
			     start = slice_cut(&range, '-');
		struct perf_mmap m = { .pid = (uint32_t)pid, .tid = (uint32_t)pid };
		uint64_t end;

		slice_cut(&line, ' ');
		slice_cut(&line, ' ');
		line = slice_trim(line);
		if (mode.n < 3 || mode.p[2] == 'x' || num_hex(start, &m.addr) < 0 ||
		    num_hex(range, &end) < 0 || num_hex(offset, &m.offset) < 0)
			continue;
		m.size = end - m.addr;
		m.path = line.n > 0 ? line : SLICE("//anon");
		perf_event_mmap(a->intake.sink, t, &m);
	}
	free(text);
}

static int
put_preface(struct attach *a, struct error *e)
{
	const struct attach_config *c = a->config;
	struct record_intake *in = &a->intake;
	uint64_t t = (uint64_t)record_intake_clocks(in);

	if (record_own_start(&in->own, &c->start) < 0 || record_intake_until(in, t) < 0)
		return writer_failed(a, e);
	if (sys_rings_track(&a->rings, e) < 0)
		return -1;
	for (size_t i = 0; i < c->targets; i++) {
		record_intake_tell(in, t, c->target[i], 0);
		tell_data(a, t, c->target[i]);
	}
	return trace_flush(a->w) < 0 ? writer_failed(a, e) : 0;
}

int
attach_start(struct attach *a, struct trace_writer *w, struct error *e)
{
	const struct attach_config *c = a->config;
	const struct attach_sink sink = { put_alloc, put_free, a };
	const struct record_intake_config config = { .w = w,
		.events = &a->events,
		.tracker = &a->rings.tracker,
		.clock = CLOCK_MONOTONIC_RAW,
		.max_stack = -1,
		.listener = &c->listener };

	a->w = w;
	a->calls = attach_calls_new(&sink, WORD, c->min);
	a->chain = xcalloc(CHAIN_MAX + 2, sizeof *a->chain);
	if (record_intake_open(&a->intake, &config, e) < 0 ||
	    sys_rings_ids(&a->rings, note_id, a, e) < 0 || put_preface(a, e) < 0 ||
	    sys_rings_enable(&a->rings, true, e) < 0)
		return -1;
	if (c->command) {
		a->refused = sys_command_go(&a->command);
		if (a->refused != 0)
			record_warn(&c->listener, "%s: %s", c->command[0], strerror(a->refused));
	}
	a->clock_at = io_now_ns() + CLOCK_EVERY;
	return 0;
}

/* ---- step ---- */

int
attach_step(struct attach *a, struct error *e)
{
	int timeout = trace_writer_due(a->w);
	enum record_watch_word word;

	if (timeout < 0 || timeout > ROUND_MS)
		timeout = ROUND_MS;
	if (sys_rings_wait(&a->rings, a->watch.poll, a->watch.n, timeout) < 0)
		return error_set(e, "poll: %s", strerror(errno));
	while ((word = record_watch_next(&a->watch)) > RECORD_WATCH_END)
		;
	if (word == RECORD_WATCH_END)
		return 0;
	if (drain(a, false) < 0)
		return writer_failed(a, e);
	if (io_now_ns() >= a->clock_at) {
		a->clock_at += CLOCK_EVERY;
		record_intake_clocks(&a->intake);
	}
	return 1;
}

/* ---- the end ---- */

static int
put_stats(struct attach *a, int64_t t)
{
	const struct attach_counts *n = attach_calls_counts(a->calls);
	const struct {
		const char *name;
		uint64_t value;
	} stat[] = { { "allocations", n->allocs }, { "frees", n->frees },
		{ "frees_unknown", n->unknown }, { "failed", n->failed },
		{ "unsampled", n->below_min }, { "nested", n->nested }, { "unreturned", n->cut },
		{ "unpaired", n->unpaired } };

	for (size_t i = 0; i < sizeof stat / sizeof stat[0]; i++)
		if (record_own_stat(&a->intake.own, t, stat[i].name, (double)stat[i].value,
			"records", "interpose") < 0)
			return -1;
	return 0;
}

/* All that the rings had no room for. */
static uint64_t
count_full(const struct attach *a)
{
	struct sys_count count;
	uint64_t n = 0;

	for (unsigned i = 0; i <= a->rings.attrs; i++) {
		sys_rings_count(&a->rings, i, &count);
		n += count.lost;
	}
	return n;
}

int
attach_finish(struct attach *a, struct error *e)
{
	struct record_intake *in = &a->intake;
	const struct perf_event_books *books = perf_event_books(in->sink);
	int64_t t;

	if (sys_rings_enable(&a->rings, false, e) < 0)
		record_warn(&a->config->listener, "%s", e->text);
	if (drain(a, true) < 0)
		return writer_failed(a, e);
	t = record_intake_clocks(in);
	perf_event_lost(in->sink, attach_calls_counts(a->calls)->unread, "address-not-seen");
	if (record_intake_lost(in, count_full(a), a->rings.late, a->rings.unreadable) < 0 ||
	    put_stats(a, t) < 0 || record_intake_until(in, (uint64_t)t) < 0 ||
	    record_own_end(&in->own, a->config->start.tool, books->made, books->lost) < 0 ||
	    trace_flush(a->w) < 0)
		return writer_failed(a, e);
	return 0;
}

uint64_t
attach_lost(const struct attach *a)
{
	return perf_event_books(a->intake.sink)->lost;
}

void
attach_say(const struct attach *a, struct buf *to)
{
	const struct attach_counts *n = attach_calls_counts(a->calls);

	buf_printf(to, "%llu allocations, %llu frees", (unsigned long long)n->allocs,
	    (unsigned long long)n->frees);
	if (n->unknown > 0)
		buf_printf(to, ", %llu of what is older", (unsigned long long)n->unknown);
	buf_slice(to, SLICE(", "));
	record_losses_say(&a->intake.losses, to);
	if (n->unread > 0)
		buf_printf(to, ", %llu addresses not seen", (unsigned long long)n->unread);
	if (n->below_min > 0)
		buf_printf(to, ", %llu left out", (unsigned long long)n->below_min);
}

void
attach_wait(struct attach *a)
{
	record_watch_command(&a->watch);
}

void
attach_abandon(struct attach *a)
{
	if (a->command.pid > 0 && a->command.go < 0 && !sys_command_poll(&a->command))
		kill(a->command.pid, SIGTERM);
	attach_close(a);
}

void
attach_close(struct attach *a)
{
	record_watch_close(&a->watch);
	sys_rings_close(&a->rings);
	/* whoever has the events open keeps them from being removed */
	sys_uprobes_free(&a->probes);
	record_intake_close(&a->intake);
	record_events_free(&a->events);
	allocator_free(&a->allocator);
	attach_calls_free(a->calls);
	sys_command_free(&a->command);
	free(a->cpu);
	free(a->chain);
	*a = (struct attach){ .command = SYS_COMMAND_INIT,
		.probes = SYS_UPROBES_INIT,
		.rings = { .current = -1 },
		.intake = RECORD_INTAKE_INIT };
}
