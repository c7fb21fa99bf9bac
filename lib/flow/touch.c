#include "flow/touch.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "sys/clock.h"
#include "sys/pages.h"

static const char library[] = "/interpose.so";

/* Pages that were written next to each other. */
struct run {
	uint64_t t, start, end;
	uint32_t page;
	pid_t pid;
};

struct process {
	bool open, refused;
	uint32_t serial;
	struct sys_pages pages;
};

struct touch {
	uint64_t every, next; /* of io_now_ns() */
	const struct record_listener *listener;
	struct process *process; /* by slot */
	size_t processes, process_cap;
	pid_t looking; /* at this process */
	bool silent;   /* what it has written is its parent's */
	struct run *run;
	size_t first, fresh, n,
	    cap; /* run[first..n) wait; those from `fresh` on have no time yet */
	bool warned;

	/* to be told in the end */
	uint64_t looks, late, pages, refused, unseen, unopened, cpu_ns;
};

struct touch *
touch_new(uint64_t every_ns, const struct record_listener *l)
{
	struct touch *t = xcalloc(1, sizeof *t);

	t->every = every_ns > 0 ? every_ns : 1;
	t->listener = l;
	t->next = io_now_ns() + t->every;
	return t;
}

int
touch_due(const struct touch *t)
{
	uint64_t now = io_now_ns();

	return now >= t->next ? 0 : (int)((t->next - now) / 1000000 + 1);
}

/* ---- a look ---- */

static void
written(uint64_t start, uint64_t end, uint64_t page, void *context)
{
	struct touch *t = context;

	if (t->silent)
		return;
	GROW(t->run, t->cap, t->n);
	t->run[t->n++] = (struct run){ 0, start, end, (uint32_t)page, t->looking };
	t->pages += (end - start) / page;
}

static void
looked(void *context)
{
	struct touch *t = context;
	uint64_t now = (uint64_t)sys_clock_now(CLOCK_MONOTONIC_RAW);

	while (t->fresh < t->n)
		t->run[t->fresh++].t = now;
}

static void
leave(struct touch *t, struct process *p)
{
	if (!p->open)
		return;
	t->refused += p->pages.refused;
	sys_pages_close(&p->pages);
	p->open = false;
}

static void
unseen(struct touch *t, const char *why)
{
	if (!t->warned)
		record_warn(t->listener, "--touch: %s: pages that it writes are not told", why);
	t->warned = true;
}

static void
look(struct touch *t, struct process *p, const struct wire_process *slot)
{
	struct sys_pages_sink sink = { written, looked, t,
		.excepts = atomic_load_explicit(&slot->hidden, memory_order_acquire),
		.except_path = library };
	uint64_t except[WIRE_HIDDEN][2];
	struct error e;
	int result;

	if (sink.excepts > WIRE_HIDDEN)
		sink.excepts = WIRE_HIDDEN;
	memcpy(except, slot->hide, sizeof except);
	sink.except = except;
	t->looking = p->pages.pid;
	result = sys_pages_look(&p->pages, &sink, &e);
	looked(t);
	if (result == -1)
		unseen(t, e.text);
	if (result < 0) {
		leave(t, p);
		p->refused = true;
	}
}

/* ---- processes ---- */

static void
meet(struct touch *t, struct process *p, const struct wire_process *slot)
{
	struct error e;
	int result;

	*p = (struct process){ .serial = slot->serial, .refused = true };
	if (atomic_load(&slot->notes) & WIRE_NO_TOUCH) {
		error_set(&e, "process %d: userfaultfd: %s%s", (int)slot->pid,
		    strerror(slot->note_errno),
		    slot->note_errno == EINVAL ? " (Linux 6.7 is the first that can)" : "");
		t->unseen++;
		unseen(t, e.text);
		return;
	}
	result = sys_pages_open(&p->pages, slot->pid, slot->touch, &e);
	p->open = result == 0;
	p->refused = result < 0;
	if (result == SYS_PAGES_GONE) {
		t->unopened++;
	} else if (result < 0) {
		t->unseen++;
		unseen(t, e.text);
	}
}

static bool
lives(const struct wire_process *slot)
{
	uint32_t state = atomic_load_explicit(&slot->state, memory_order_acquire);

	return (state == WIRE_LIVE || state == WIRE_ENDING) &&
	       (slot->touch > 0 || atomic_load(&slot->notes) & WIRE_NO_TOUCH);
}

static void
answer(struct wire_process *slot)
{
	atomic_store(&slot->look, WIRE_LOOK_DONE);
	syscall(SYS_futex, &slot->look, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void
visit(struct touch *t, unsigned i, struct wire_process *slot, bool due)
{
	struct process *p = &t->process[i];
	uint32_t asked = atomic_load(&slot->look);
	bool living = asked == WIRE_LOOK_FIRST || lives(slot);

	if ((p->open || p->refused) && p->serial != slot->serial) {
		leave(t, p);
		*p = (struct process){ 0 };
	}
	if (living && !p->open && !p->refused)
		meet(t, p, slot);
	/* one that is gone is found out by looking; its slot may wait long until it is used again */
	t->silent = asked == WIRE_LOOK_FIRST;
	if (p->open && (due || t->silent || asked == WIRE_LOOK_LAST))
		look(t, p, slot);
	if (asked == WIRE_LOOK_FIRST || asked == WIRE_LOOK_LAST)
		answer(slot);
}

static uint64_t
cpu_now(void)
{
	return (uint64_t)sys_clock_now(CLOCK_THREAD_CPUTIME_ID);
}

void
touch_step(struct touch *t, const struct wire_header *h)
{
	unsigned slots = atomic_load_explicit(&h->processes, memory_order_acquire);
	uint64_t now = io_now_ns(), began = cpu_now();
	bool due = now >= t->next;

	if (slots > WIRE_PROCESSES)
		slots = WIRE_PROCESSES;
	while (t->processes < slots) {
		GROW(t->process, t->process_cap, t->processes);
		t->process[t->processes++] = (struct process){ 0 };
	}
	for (unsigned i = 0; i < slots; i++)
		visit(t, i, wire_process(h, i), due);
	if (due) {
		uint64_t over = io_now_ns();

		t->looks++;
		t->next += t->every;
		if (t->next <= over) { /* looks that there was no time for are left out, and told */
			uint64_t missed = (over - t->next) / t->every + 1;

			t->late += missed;
			t->next += missed * t->every;
		}
	}
	t->cpu_ns += cpu_now() - began;
}

/* ---- records ---- */

bool
touch_next(const struct touch *t, uint64_t *when)
{
	if (t->first == t->n)
		return false;
	*when = t->run[t->first].t;
	return true;
}

static int
put_run(struct touch *t, struct record_own *own, unsigned shape, const struct run *r)
{
	union trace_value v[] = { { .i = (int64_t)r->t }, { .i = r->pid }, { .s = SLICE("touch") },
		{ .s = SLICE("w") }, { .u = r->start }, { .i = r->page } };

	(void)t;
	for (; v[4].u < r->end; v[4].u += r->page) {
		if (trace_put(own->w, shape, v) < 0)
			return -1;
		own->made++;
	}
	return 0;
}

int
touch_put(struct touch *t, struct record_own *own, uint64_t until)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("pid"), TRACE_INT }, { SLICE("event"), TRACE_STR },
		{ SLICE("op"), TRACE_STR }, { SLICE("addr"), TRACE_ADDR },
		{ SLICE("size"), TRACE_INT } };
	unsigned shape;

	if (t->first == t->n || t->run[t->first].t > until)
		return 0;
	shape = trace_writer_shape(own->w, SLICE("access"), field, sizeof field / sizeof field[0]);
	for (; t->first < t->n && t->run[t->first].t <= until; t->first++)
		if (put_run(t, own, shape, &t->run[t->first]) < 0)
			return -1;
	if (t->first == t->n)
		t->first = t->fresh = t->n = 0;
	return 0;
}

int
touch_finish(struct touch *t, struct record_own *own, uint64_t now)
{
	const struct {
		const char *name, *unit;
		uint64_t value;
	} stat[] = { { "touch_every_ns", "ns", t->every }, { "touch_looks", "count", t->looks },
		{ "touch_late", "count", t->late }, { "touch_pages", "count", t->pages },
		{ "touch_refused", "count", t->refused }, { "touch_unseen", "count", t->unseen },
		{ "touch_ended", "count", t->unopened }, { "touch_cpu_ns", "ns", t->cpu_ns } };

	for (size_t i = 0; i < t->processes; i++)
		leave(t, &t->process[i]);
	if (touch_put(t, own, UINT64_MAX) < 0)
		return -1;
	for (size_t i = 0; i < sizeof stat / sizeof stat[0]; i++)
		if (record_own_stat(own, (int64_t)now, stat[i].name, (double)stat[i].value,
			stat[i].unit, "touch") < 0)
			return -1;
	return 0;
}

void
touch_free(struct touch *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->processes; i++)
		leave(t, &t->process[i]);
	free(t->process);
	free(t->run);
	free(t);
}
