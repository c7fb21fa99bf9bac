#include "flow/record_intake.h"

enum { PIECE = 1 << 16 };

/* ---- losses ---- */

void
record_losses_say(const struct record_losses *l, struct buf *to)
{
	const struct {
		const char *why;
		uint64_t n;
	} lost[] = { { "ring-full", l->ring_full }, { "lost-samples", l->lost_samples },
		{ "late", l->late }, { "damaged", l->damaged } };
	const char *before = " (";

	buf_u64(to, l->ring_full + l->lost_samples + l->late + l->damaged);
	buf_slice(to, SLICE(" lost"));
	for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++)
		if (lost[i].n > 0) {
			buf_printf(
			    to, "%s%s %llu", before, lost[i].why, (unsigned long long)lost[i].n);
			before = ", ";
		}
	if (before[0] == ',')
		buf_char(to, ')');
	if (l->cut > 0)
		buf_printf(
		    to, ", %llu stack%s cut", (unsigned long long)l->cut, l->cut == 1 ? "" : "s");
	if (l->throttled > 0)
		buf_printf(to, ", throttled %llu time%s", (unsigned long long)l->throttled,
		    l->throttled == 1 ? "" : "s");
}

int
record_intake_lost(struct record_intake *in, uint64_t full, uint64_t late, uint64_t damaged)
{
	struct record_losses *l = &in->losses;

	/* the kernel tells of what it lost when there is room again: of the last loss there may be no record */
	if (full > l->ring_full) {
		perf_event_lost(in->sink, full - l->ring_full, "ring-full");
		l->ring_full = full;
	}
	perf_event_lost(in->sink, late, "late");
	perf_event_lost(in->sink, damaged, "damaged");
	l->late += late;
	l->damaged += damaged;
	return perf_event_flush(in->sink);
}

/* ---- before the first record ---- */

int
record_intake_open(struct record_intake *in, const struct record_intake_config *c, struct error *e)
{
	*in = (struct record_intake){ .own = { c->w, 0 },
		.sink = perf_event_new(c->w, perf_machine_here()),
		.events = c->events,
		.listener = c->listener,
		.clock = c->clock,
		.tasks = SYS_TASKS_INIT,
		.symbols = { .path = c->symbols, .table = SYS_KSYMS_INIT } };
	if (c->max_stack > 0)
		perf_event_max_stack(in->sink, (uint32_t)c->max_stack);
	for (size_t i = 0; i < c->events->n; i++) {
		struct record_event *one = &c->events->event[i];

		if (perf_layout_init(&one->layout, &one->event.attr, e) < 0 ||
		    perf_event_add(in->sink, &one->event.attr,
			slice_of(one->shown ? one->shown : one->event.name),
			one->has_format ? &one->format : NULL, e) < 0)
			return -1;
		if (one->access != 0)
			perf_event_access(in->sink, (unsigned)i, one->access);
	}
	if (perf_layout_init(&in->tracker, c->tracker, e) < 0)
		return -1;
	return perf_event_add(in->sink, c->tracker, SLICE("tracker"), NULL, e) < 0 ? -1 : 0;
}

/* What no record of the kernel tells of. An error of the writer stays with it, and is seen by the next who writes. */
struct telling {
	struct perf_event_sink *sink;
	uint64_t t;
};

static void
tell_comm(const struct perf_comm *comm, void *context)
{
	const struct telling *tell = context;

	perf_event_comm(tell->sink, tell->t, comm);
}

static void
tell_mmap(const struct perf_mmap *mmap, void *context)
{
	const struct telling *tell = context;

	perf_event_mmap(tell->sink, tell->t, mmap);
}

void
record_intake_tell(struct record_intake *in, uint64_t t, pid_t pid, pid_t only)
{
	struct sys_tasks_sink sink = { tell_comm, tell_mmap, &(struct telling){ in->sink, t } };

	if (pid == 0)
		sys_tasks_tell_all(&in->tasks, &sink, NULL);
	else
		sys_tasks_tell(&in->tasks, pid, only, &sink, NULL); /* it may have ended */
}

/* ---- clocks ---- */

static uint64_t
clocks_at(const struct record_intake *in)
{
	return (uint64_t)sys_clock_of(&in->clocks, in->clock);
}

int64_t
record_intake_clocks(struct record_intake *in)
{
	sys_clock_read(&in->clocks);
	in->clocks_wait = true;
	return (int64_t)clocks_at(in);
}

static int
put_clocks_before(struct record_intake *in, uint64_t t)
{
	if (!in->clocks_wait || t < clocks_at(in))
		return 0;
	in->clocks_wait = false;
	return record_own_clock(&in->own, (int64_t)clocks_at(in), &in->clocks);
}

int
record_intake_until(struct record_intake *in, uint64_t t)
{
	return record_intake_waits(in) ? 0 : put_clocks_before(in, t);
}

/* ---- records ---- */

/* The event that a sample is of: the first where nobody knows. */
static struct record_event *
event_of(const struct record_intake *in, const struct perf_event_header *h)
{
	const struct record_events *events = in->events;
	int n = 0;

	if (events->n > 1)
		n = perf_event_of(
		    in->sink, load64((const char *)h + events->event->layout.sample_id_at));
	return &events->event[n > 0 && (size_t)n < events->n ? n : 0];
}

static int
take_sample(struct record_intake *in, const struct perf_event_header *h)
{
	const struct perf_event_books *books = perf_event_books(in->sink);
	uint64_t samples = books->samples, lost = books->lost;
	struct record_event *one = event_of(in, h);
	struct perf_sample s;

	one->samples++;
	if (perf_sample_read(&one->layout, h, &s) == 0 &&
	    kernel_symbols_put(&in->symbols, &in->own, &s) < 0)
		return -1;
	if (perf_event_put(in->sink, h) < 0)
		return -1;
	/* of a sample that was written, what is lost is a part of its stack */
	if (books->samples > samples)
		in->losses.cut += books->lost - lost;
	else
		in->losses.damaged += books->lost - lost;
	return 0;
}

/* A mapped file whose build id the kernel did not tell. */
static int
put_object(struct record_intake *in, const struct perf_event_header *h)
{
	struct sys_buildid id;
	struct perf_mmap m;

	if ((h->type == PERF_RECORD_MMAP || h->type == PERF_RECORD_MMAP2) &&
	    perf_mmap_read(&in->tracker, h, &m) == 0 && m.buildid.n == 0 && (int32_t)m.pid != -1 &&
	    sys_tasks_buildid(&in->tasks, (pid_t)m.pid, m.path, &id))
		return record_own_object(&in->own, m.path, &id);
	return 0;
}

static int
take_other(struct record_intake *in, const struct perf_event_header *h)
{
	const struct perf_event_books *books = perf_event_books(in->sink);
	uint64_t lost = books->lost;

	if (perf_event_put(in->sink, h) < 0 || put_object(in, h) < 0)
		return -1;
	lost = books->lost - lost;
	if (h->type == PERF_RECORD_LOST)
		in->losses.ring_full += lost;
	else if (h->type == PERF_RECORD_LOST_SAMPLES)
		in->losses.lost_samples += lost;
	else if (h->type == PERF_RECORD_THROTTLE)
		in->losses.throttled += lost;
	else
		in->losses.damaged += lost;
	return 0;
}

static int
take(struct record_intake *in, const struct perf_event_header *h)
{
	if (in->clocks_wait && put_clocks_before(in, perf_event_time(in->sink, h)) < 0)
		return -1;
	return h->type == PERF_RECORD_SAMPLE ? take_sample(in, h) : take_other(in, h);
}

static bool
must_wait(const struct record_intake *in, const struct perf_event_header *h)
{
	struct perf_sample s;

	if (record_intake_waits(in))
		return true;
	return h->type == PERF_RECORD_SAMPLE && !kernel_symbols_over(&in->symbols) &&
	       perf_sample_read(&event_of(in, h)->layout, h, &s) == 0 &&
	       kernel_symbols_missing(&in->symbols, &s);
}

int
record_intake_put(struct record_intake *in, const struct perf_event_header *h)
{
	if (!must_wait(in, h))
		return take(in, h);
	buf_put(&in->backlog, h, h->size);
	return 0;
}

/* The kernel's symbols are there, or will never be. */
static int
begin_kernel(struct record_intake *in, uint64_t t)
{
	struct sys_tasks_sink sink = { tell_comm, tell_mmap, &(struct telling){ in->sink, t } };

	if (put_clocks_before(in, t) < 0)
		return -1;
	sys_tasks_tell_kernel(&in->tasks, &in->symbols.table, &sink);
	return 0;
}

/* Of what waited, about so many bytes. */
static int
take_waiting(struct record_intake *in, size_t bytes)
{
	struct buf *b = &in->backlog;
	size_t end = b->n - in->taken < bytes ? b->n : in->taken + bytes;

	while (in->taken < end) {
		const struct perf_event_header *h = (const void *)(b->p + in->taken);

		in->taken += h->size;
		if (take(in, h) < 0)
			return -1;
	}
	if (in->taken < b->n)
		return 0;
	buf_free(b);
	in->taken = 0;
	return 0;
}

int
record_intake_read(struct record_intake *in, bool all, uint64_t t)
{
	struct error e;

	while (!kernel_symbols_over(&in->symbols)) {
		int more = kernel_symbols_read(&in->symbols, &e);

		if (more < 0)
			record_note(in->listener, "no names for the kernel: %s", e.text);
		if (record_intake_waits(in))
			t = perf_event_time(in->sink, (const void *)in->backlog.p);
		if (more <= 0 && begin_kernel(in, t) < 0)
			return -1;
		if (!all)
			return 0;
	}
	return take_waiting(in, all ? SIZE_MAX : PIECE);
}

void
record_intake_close(struct record_intake *in)
{
	perf_event_free(in->sink);
	sys_tasks_free(&in->tasks);
	kernel_symbols_free(&in->symbols);
	buf_free(&in->backlog);
	*in = RECORD_INTAKE_INIT;
}
