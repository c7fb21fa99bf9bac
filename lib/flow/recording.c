#include "flow/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"

enum {
	ROUND_MS = 30, /* two rounds and the writing are below 100 ms */
	MS = 1000000,
	RING = 1 << 20,
	RING_DWARF = 8 << 20
};

static const uint64_t CLOCK_EVERY = 5000000000;

/* Whether the targets are tasks (a command, -p, --tid), and not all of some CPUs. */
static bool
by_task(const struct recording_config *c)
{
	return !c->system_wide && c->cgroup < 0;
}

static int
writer_failed(const struct recording *r, struct error *e)
{
	return error_set(e, "%s", trace_writer_error(r->w));
}

/* ---- open ---- */

static pid_t
process_of_target(const struct recording_config *c, size_t i)
{
	return c->threads_only ? sys_tasks_process(c->target[i]) : c->target[i];
}

static int
watch(struct recording *r, struct error *e)
{
	const struct recording_config *c = r->config;
	pid_t *pid = xcalloc(c->targets + 1, sizeof *pid);
	int result;

	for (size_t i = 0; i < c->targets; i++)
		pid[i] = process_of_target(c, i);
	result = record_watch_open(&r->watch, &c->signals, c->command ? &r->command : NULL,
	    c->control, pid, c->targets, e);
	free(pid);
	return result;
}

static void
add_tasks(pid_t **tid, size_t *tids, size_t *cap, const pid_t *more, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		GROW(*tid, *cap, *tids);
		(*tid)[(*tids)++] = more[i];
	}
}

/* The tasks to attach to: of processes all threads. */
static int
find_tasks(const struct recording *r, pid_t **tid, size_t *tids, struct error *e)
{
	const struct recording_config *c = r->config;
	size_t cap = 0;

	if (c->targets == 0)
		add_tasks(tid, tids, &cap, &r->command.pid, 1);
	for (size_t i = 0; i < c->targets; i++) {
		pid_t *threads;
		size_t n;

		if (c->threads_only) {
			if (sys_tasks_process(c->target[i]) < 0)
				return error_set(e, "--tid: no such thread");
			add_tasks(tid, tids, &cap, &c->target[i], 1);
		} else {
			if (sys_tasks_of(c->target[i], &threads, &n, e) < 0)
				return -1;
			add_tasks(tid, tids, &cap, threads, n);
			free(threads);
		}
	}
	return 0;
}

static int
open_rings(struct recording *r, struct error *e)
{
	const struct recording_config *c = r->config;
	struct record_events *events = c->events;
	struct perf_event_attr *attr = xcalloc(events->n, sizeof *attr);
	const char **name = xcalloc(events->n, sizeof *name);
	struct sys_rings_cpus *only = xcalloc(events->n, sizeof *only);
	bool *leads = xcalloc(events->n, sizeof *leads);
	struct sys_rings_config config = {
		.attr = attr,
		.name = name,
		.only = only,
		.leads = leads,
		.attrs = (unsigned)events->n,
		.cgroup = c->cgroup,
		.cpu = r->cpu,
		.cpus = r->cpus,
		.inherit = by_task(c) && !c->threads_only,
		.on_exec = by_task(c) && c->targets == 0,
		.samples_on_exec = c->delay_ms == 0,
		.bytes = c->ring_bytes                          ? c->ring_bytes
			 : c->sampling.chain == SYS_CHAIN_DWARF ? RING_DWARF
								: RING,
		.exact = c->ring_bytes > 0,
		.clock = c->clock,
	};
	pid_t *tid = NULL;
	int result = 0;

	for (size_t i = 0; i < events->n; i++) {
		attr[i] = events->event[i].event.attr;
		name[i] = events->event[i].event.name;
		only[i] = (struct sys_rings_cpus){ events->event[i].event.cpu,
			events->event[i].event.cpus };
		leads[i] = events->event[i].event.counts;
	}
	if (by_task(c)) {
		result = find_tasks(r, &tid, &config.tids, e);
		config.tid = tid;
	}
	if (result == 0)
		result = sys_rings_open(&r->rings, &config, e);
	/* with what the rings need of them */
	for (size_t i = 0; i < events->n; i++)
		events->event[i].event.attr = attr[i];
	free(attr);
	free(name);
	free(only);
	free(leads);
	free(tid);
	return result;
}

int
recording_open(struct recording *r, const struct recording_config *c, struct error *e)
{
	*r = (struct recording){ .config = c,
		.command = SYS_COMMAND_INIT,
		.cpu = c->cpu,
		.cpus = c->cpus,
		.rings = { .current = -1 },
		.intake = RECORD_INTAKE_INIT };
	sys_limits_read(&r->limits);
	if (record_events_settle(
		c->events, &c->sampling, &r->limits, sys_may_see_kernel(), &c->listener, e) < 0)
		return -1;
	if (r->cpus == 0) {
		if (sys_cpus_online(&r->online, &r->cpus, e) < 0)
			return -1;
		r->cpu = r->online;
	}
	if (c->command &&
	    sys_command_prepare(&r->command, c->command, &c->mask, c->out_to_err, e) < 0)
		return -1;
	return watch(r, e) < 0 ? -1 : open_rings(r, e);
}

/* ---- start ---- */

static void
note_id(uint64_t id, unsigned attr, void *context)
{
	struct recording *r = context;

	perf_event_id(r->intake.sink, id, attr);
}

static int
open_intake(struct recording *r, struct error *e)
{
	const struct recording_config *c = r->config;
	struct record_intake_config config = {
		.w = r->w,
		.events = c->events,
		.tracker = &r->rings.tracker,
		.clock = c->clock,
		.max_stack = r->limits.max_stack,
		.symbols = record_events_in_kernel(c->events) ? "/proc/kallsyms" : NULL,
		.listener = &c->listener,
	};

	return record_intake_open(&r->intake, &config, e) < 0
		   ? -1
		   : sys_rings_ids(&r->rings, note_id, r, e);
}

/* Tasks that exist already. Of a command no more than what it tells itself from its first moment on. */
static void
tell_tasks(struct recording *r, uint64_t t)
{
	const struct recording_config *c = r->config;

	if (!by_task(c))
		record_intake_tell(&r->intake, t, 0, 0);
	for (size_t i = 0; i < c->targets; i++)
		record_intake_tell(
		    &r->intake, t, process_of_target(c, i), c->threads_only ? c->target[i] : 0);
	if (r->intake.tasks.hidden > 0)
		record_note(&c->listener,
		    "no right to read the mappings of %llu processes (CAP_SYS_PTRACE)",
		    (unsigned long long)r->intake.tasks.hidden);
}

/* The trace up to where the kernel's records begin. */
static int
put_preface(struct recording *r, struct error *e)
{
	const struct recording_config *c = r->config;
	struct record_own *own = &r->intake.own;
	int64_t t = record_intake_clocks(&r->intake);

	if (record_own_start(own, &c->start) < 0 ||
	    record_intake_until(&r->intake, (uint64_t)t) < 0 ||
	    record_own_limits(own, t, &r->limits, "start") < 0 ||
	    record_events_put_rates(c->events, own, t) < 0)
		return writer_failed(r, e);
	/* a command need not wait for the kernel's symbols; but where all is recorded, our reading them would be, too */
	if (!by_task(c) && record_intake_read(&r->intake, true, (uint64_t)t) < 0)
		return writer_failed(r, e);
	if (sys_rings_track(&r->rings, e) < 0)
		return -1;
	tell_tasks(r, (uint64_t)t);
	return trace_flush(r->w) < 0 ? writer_failed(r, e) : 0;
}

int
recording_start(struct recording *r, struct trace_writer *w, struct error *e)
{
	const struct recording_config *c = r->config;
	bool by_exec = by_task(c) && c->targets == 0;

	r->w = w;
	if (open_intake(r, e) < 0 || put_preface(r, e) < 0)
		return -1;
	if (c->delay_ms == 0 && !by_exec && sys_rings_enable(&r->rings, true, e) < 0)
		return -1;
	if (c->command) {
		r->refused = sys_command_go(&r->command);
		if (r->refused != 0)
			record_warn(&c->listener, "%s: %s", c->command[0], strerror(r->refused));
	}
	r->clock_at = io_now_ns() + CLOCK_EVERY;
	r->enable_at = c->delay_ms > 0 ? io_now_ns() + (uint64_t)c->delay_ms * MS : UINT64_MAX;
	return 0;
}

/* ---- step ---- */

/* All that is ready, in order of time. */
static int
drain(struct recording *r, bool last)
{
	struct record_intake *in = &r->intake;
	const struct perf_event_header *h;
	int due;

	r->round_at = io_now_ns();
	sys_rings_round(&r->rings, last);
	while (sys_rings_next(&r->rings, &h))
		if (record_intake_put(in, h) < 0)
			return -1;
	if (last && record_intake_waits(in) && record_intake_read(in, true, 0) < 0)
		return -1;
	if (record_intake_until(in, r->rings.limit) < 0)
		return -1;
	/* a reader has waited for two rounds already; in a file, larger frames are smaller */
	due = trace_writer_due(r->w);
	return last || due == 0 || (r->config->live && due > 0) ? trace_flush(r->w) : 0;
}

/* Milliseconds until there is something to do by ourselves. */
static int
next_due(const struct recording *r)
{
	int timeout = trace_writer_due(r->w);
	uint64_t now = io_now_ns();

	if (timeout < 0 || timeout > ROUND_MS)
		timeout = ROUND_MS;
	if (record_intake_waits(&r->intake) || r->enable_at <= now)
		return 0;
	if (r->enable_at - now < (uint64_t)timeout * MS)
		timeout = (int)((r->enable_at - now) / MS);
	return timeout;
}

int
recording_step(struct recording *r, struct error *e)
{
	int ready = sys_rings_wait(&r->rings, r->watch.poll, r->watch.n, next_due(r));
	enum record_watch_word word;

	if (ready < 0)
		return error_set(e, "poll: %s", strerror(errno));
	if (r->enable_at <= io_now_ns()) {
		r->enable_at = UINT64_MAX;
		if (sys_rings_enable(&r->rings, true, e) < 0)
			return -1;
	}
	while ((word = record_watch_next(&r->watch)) > RECORD_WATCH_END) {
		if (sys_rings_enable(&r->rings, word == RECORD_WATCH_ENABLE, e) < 0)
			return -1;
		record_watch_ack(&r->watch);
	}
	if (word == RECORD_WATCH_END)
		return 0;
	/* while symbols are read, rounds stay as far apart as ever: nobody may be late by more than two */
	if (!record_intake_waits(&r->intake) || ready > 0 ||
	    io_now_ns() - r->round_at >= ROUND_MS * MS)
		if (drain(r, false) < 0)
			return writer_failed(r, e);
	if (record_intake_waits(&r->intake) && record_intake_read(&r->intake, false, 0) < 0)
		return writer_failed(r, e);
	if (io_now_ns() >= r->clock_at) {
		r->clock_at += CLOCK_EVERY;
		record_intake_clocks(&r->intake);
	}
	return 1;
}

/* ---- the end ---- */

/* How often each event was sampled while its tasks ran. */
static int
put_counts(struct recording *r, int64_t t)
{
	const struct recording_config *c = r->config;
	struct record_own *own = &r->intake.own;
	struct sys_count count;
	struct sys_limits now;

	sys_limits_read(&now);
	if (record_own_limits(own, t, &now, "end") < 0)
		return -1;
	if (now.max_rate >= 0 && now.max_rate < r->limits.max_rate)
		record_warn(&c->listener,
		    "the kernel lowered sysctl kernel.perf_event_max_sample_rate to %lld Hz "
		    "meanwhile",
		    (long long)now.max_rate);
	for (unsigned i = 0; i < c->events->n; i++) {
		sys_rings_count(&r->rings, i, &count);
		if (record_event_put_count(&c->events->event[i], &count, by_task(c) ? r->cpus : 1,
			own, t, &c->listener) < 0 ||
		    record_event_put_others(
			&c->events->event[i], perf_event_others(r->intake.sink, i), own, t) < 0)
			return -1;
	}
	return 0;
}

/* All that the rings had no room for. */
static uint64_t
count_full(const struct recording *r)
{
	struct sys_count count;
	uint64_t n = 0;

	for (unsigned i = 0; i <= r->rings.attrs; i++) {
		sys_rings_count(&r->rings, i, &count);
		n += count.lost;
	}
	return n;
}

int
recording_finish(struct recording *r, struct error *e)
{
	struct record_intake *in = &r->intake;
	const struct perf_event_books *books = perf_event_books(in->sink);
	int64_t t;

	if (sys_rings_enable(&r->rings, false, e) < 0)
		record_warn(&r->config->listener, "%s", e->text);
	if (drain(r, true) < 0)
		return writer_failed(r, e);
	t = record_intake_clocks(in);
	if (record_intake_lost(in, count_full(r), r->rings.late, r->rings.unreadable) < 0 ||
	    put_counts(r, t) < 0 || record_intake_until(in, (uint64_t)t) < 0 ||
	    record_own_end(&in->own, r->config->start.tool, books->made, books->lost) < 0 ||
	    trace_flush(r->w) < 0)
		return writer_failed(r, e);
	return 0;
}

void
recording_wait(struct recording *r)
{
	record_watch_command(&r->watch);
}

void
recording_abandon(struct recording *r)
{
	if (r->command.pid > 0 && r->command.go < 0 && !sys_command_poll(&r->command))
		kill(r->command.pid, SIGTERM);
	recording_close(r);
}

void
recording_close(struct recording *r)
{
	record_watch_close(&r->watch);
	sys_rings_close(&r->rings);
	record_intake_close(&r->intake);
	sys_command_free(&r->command);
	free(r->online);
	*r = (struct recording){ .command = SYS_COMMAND_INIT, .intake = RECORD_INTAKE_INIT };
}
