#include "wire/wire_reader.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/slice.h"

enum {
	HEAD = sizeof(struct wire_record),
	REAP_NS = 10000000,
	LOOK_NS = 500000000, /* at those that did not say that they end */
};

struct wire_ring {
	struct wire_thread *slot;
	const unsigned char *data;
	uint64_t size, at, seen, tail;
	uint32_t process;
	int32_t pid, tid;
	uint64_t time;  /* of the record at `at` */
	uint32_t words; /* its length: the workload may write over it at any time */
	bool known, gone;
	struct wire_chain *chain;
};

static long
futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

void
wire_reader_open(struct wire_reader *r, struct wire_header *h)
{
	*r = (struct wire_reader){ .header = h };
	r->process = xcalloc(WIRE_PROCESSES, sizeof *r->process);
	r->ring = xcalloc(WIRE_THREADS, sizeof *r->ring);
	r->heap = xcalloc(WIRE_THREADS, sizeof *r->heap);
	r->began = r->before = wire_clock_pair(h->clock);
	r->last = (int64_t)r->began.ns;
}

/* ---- waiting ---- */

static bool
any_is_half_full(const struct wire_reader *r)
{
	for (unsigned i = 0; i < r->rings; i++) {
		const struct wire_ring *ring = &r->ring[i];

		if (ring->known && atomic_load(&ring->slot->head) - ring->tail > ring->size / 2)
			return true;
	}
	return false;
}

void
wire_reader_wait(struct wire_reader *r, int timeout_ms)
{
	const struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	struct wire_header *h = r->header;
	uint32_t bell = atomic_load(&h->bell);

	if (timeout_ms <= 0 || any_is_half_full(r))
		return;
	/* whoever fills a ring before it sees this rings when it is full */
	atomic_store(&h->sleeping, 1);
	if (!any_is_half_full(r))
		futex(&h->bell, FUTEX_WAIT, bell, &timeout);
	atomic_store(&h->sleeping, 0);
}

void
wire_reader_ring(struct wire_header *h)
{
	int reason = errno;

	atomic_fetch_add(&h->bell, 1);
	futex(&h->bell, FUTEX_WAKE, 1, NULL);
	errno = reason;
}

/* ---- a ring ---- */

static void
give_back(struct wire_ring *ring)
{
	struct wire_thread *slot = ring->slot;

	if (ring->tail == ring->at)
		return;
	ring->tail = ring->at;
	atomic_store(&slot->tail, ring->at);
	/* a thread that is woken for a few records would sleep again at once */
	if (ring->seen - ring->at <= ring->size / 2 && atomic_load(&slot->waiting)) {
		atomic_fetch_add(&slot->room, 1);
		futex(&slot->room, FUTEX_WAKE, 1, NULL);
	}
}

static void
forget_chains(struct wire_ring *ring)
{
	if (ring->chain)
		for (unsigned i = 0; i < WIRE_CHAINS; i++)
			ring->chain[i].n = 0;
}

static bool
power_of_two(uint64_t n)
{
	return n > 0 && (n & (n - 1)) == 0;
}

/* A slot that was taken; false where it makes no sense. */
static bool
meet(struct wire_reader *r, struct wire_ring *ring, struct wire_thread *slot)
{
	uint64_t at = slot->ring, bytes = slot->bytes;
	uint32_t process = slot->process;

	if (!power_of_two(bytes) || bytes < 4096 || at % 8 || at < WIRE_AT_RINGS ||
	    at > WIRE_BYTES || bytes > WIRE_BYTES - at || process >= WIRE_PROCESSES)
		return false;
	ring->slot = slot;
	ring->data = (const unsigned char *)r->header + at;
	ring->size = bytes;
	ring->process = process;
	ring->pid = slot->pid;
	ring->tid = slot->tid;
	ring->at = ring->seen = ring->tail = atomic_load(&slot->tail);
	ring->known = true;
	ring->gone = false;
	forget_chains(ring);
	r->process[process].rings++;
	return true;
}

/* What the thread has counted is the process's from now on. */
static void
part(struct wire_reader *r, struct wire_ring *ring)
{
	struct wire_process *process = wire_process(r->header, ring->process);

	for (unsigned i = 0; i < WIRE_COUNTS; i++)
		atomic_fetch_add(&process->count[i], atomic_exchange(&ring->slot->count[i], 0));
	ring->known = ring->gone = false;
	r->process[ring->process].rings--;
	atomic_store(&ring->slot->state, WIRE_FREE_SLOT);
}

static void
learn_chain(struct wire_ring *ring, const struct wire_record *record)
{
	uint64_t n = ring->words > HEAD / 8 ? record->word[0] : 0;
	unsigned number = record->chain;
	const uint64_t *frame = record->word + 1;
	struct wire_chain *c;

	if (number >= WIRE_CHAINS || n == 0 || n > WIRE_DEPTH_MAX || n > ring->words - HEAD / 8 - 1)
		return;
	if (ring->chain == NULL)
		ring->chain = xcalloc(WIRE_CHAINS, sizeof *ring->chain);
	c = &ring->chain[number];
	if (n > c->cap) {
		c->frame = xrealloc(c->frame, n, sizeof *c->frame);
		c->cap = (uint32_t)n;
	}
	memcpy(c->frame, frame, n * sizeof *frame);
	c->n = (uint32_t)n;
	memset(c->note, 0, sizeof c->note);
}

/* Comes to the next record that is to be told: its time and length are then known. False where there is none. */
static bool
advance(struct wire_reader *r, struct wire_ring *ring)
{
	while (ring->at < ring->seen) {
		uint64_t from = ring->at & (ring->size - 1), straight = ring->size - from;
		const struct wire_record *record = (const void *)(ring->data + from);
		uint64_t left = ring->seen - ring->at, bytes;

		if (straight < HEAD) {
			ring->at += straight;
			continue;
		}
		ring->words = record->words;
		bytes = (uint64_t)ring->words * 8;
		if (bytes < HEAD || bytes > left || bytes > straight) {
			r->unreadable += left;
			ring->at = ring->seen;
			break;
		}
		ring->time = record->t;
		if (record->op == WIRE_CHAIN)
			learn_chain(ring, record);
		else if (record->op >= WIRE_OPS)
			r->unknown++;
		else if (record->op != WIRE_PAD)
			return true;
		ring->at += bytes;
	}
	return false;
}

/* ---- the heap ---- */

static void
sink(struct wire_reader *r, unsigned at)
{
	struct wire_head *heap = r->heap, moving = heap[at];

	for (;;) {
		unsigned least = 2 * at + 1;

		if (least >= r->heaps)
			break;
		if (least + 1 < r->heaps && heap[least + 1].time < heap[least].time)
			least++;
		if (heap[least].time >= moving.time)
			break;
		heap[at] = heap[least];
		at = least;
	}
	heap[at] = moving;
}

/* ---- rounds ---- */

static void
look(struct wire_reader *r, unsigned i)
{
	struct wire_thread *slot = wire_thread(r->header, i);
	struct wire_ring *ring = &r->ring[i];
	uint64_t head;

	if (!ring->known) {
		uint32_t state = atomic_load(&slot->state);

		if ((state != WIRE_LIVE && state != WIRE_ENDING) || !meet(r, ring, slot))
			return;
	}
	head = atomic_load_explicit(&slot->head, memory_order_acquire);
	if (head - ring->at > ring->size || head % 8) {
		r->unreadable += ring->size;
		ring->at = ring->seen = head;
		return;
	}
	ring->seen = head;
	if (head == ring->at) {
		if (ring->gone)
			part(r, ring);
		return;
	}
	if (!advance(r, ring)) {
		give_back(ring);
		return;
	}
	if (ring->time <= r->limit)
		r->heap[r->heaps++] = (struct wire_head){ ring->time, i };
}

/* Processes that are new; one that has the number of another has taken its place. */
static void
look_at_processes(struct wire_reader *r)
{
	unsigned n = atomic_load(&r->header->processes);

	if (n > WIRE_PROCESSES)
		n = WIRE_PROCESSES;
	for (unsigned i = 0; i < n; i++) {
		const struct wire_process *p = wire_process(r->header, i);
		struct wire_reader_process *mine = &r->process[i];

		if (mine->state != WIRE_READER_UNKNOWN || atomic_load(&p->state) != WIRE_LIVE)
			continue;
		for (unsigned k = 0; k < n; k++)
			if (r->process[k].state == WIRE_READER_LIVE &&
			    r->process[k].pid == p->pid && !r->process[k].foreign) {
				r->process[k].state = WIRE_READER_GONE;
				r->process[k].executed = true;
			}
		*mine = (struct wire_reader_process){ .state = WIRE_READER_LIVE,
			.pid = p->pid,
			.rings = mine->rings,
			/* it may have ended already: then it has said so, or nobody ever knows */
			.foreign =
			    p->pid <= 0 || (p->pid != r->command && atomic_load(&p->ended) == 0 &&
					       kill(p->pid, 0) < 0 && errno == ESRCH) };
		r->pids++;
	}
}

static bool
is_superseded(const struct wire_reader *r, const struct wire_ring *ring)
{
	return ring->known && r->process[ring->process].executed;
}

void
wire_reader_round(struct wire_reader *r, bool last)
{
	struct wire_pair now;
	unsigned n;

	now = wire_clock_pair(r->header->clock);
	r->limit = last ? UINT64_MAX : r->began.ticks;
	r->line = wire_line(&r->before, last ? &now : &r->began);
	r->before = r->began;
	r->began = now;
	if (now.error > r->error_ns)
		r->error_ns = now.error;
	r->heaps = 0;
	r->taken = false;
	look_at_processes(r);
	n = atomic_load(&r->header->threads);
	r->rings = n < WIRE_THREADS ? n : WIRE_THREADS;
	for (unsigned i = 0; i < r->rings; i++) {
		if (is_superseded(r, &r->ring[i]))
			r->ring[i].gone = true;
		look(r, i);
	}
	for (unsigned i = r->heaps / 2; i-- > 0;)
		sink(r, i);
}

static void
finish_round(struct wire_reader *r)
{
	for (unsigned i = 0; i < r->rings; i++)
		if (r->ring[i].known)
			give_back(&r->ring[i]);
	/* all that was looked at has gone out up to here */
	if (r->limit != UINT64_MAX && (int64_t)r->before.ns > r->last)
		r->last = (int64_t)r->before.ns;
}

/* Past the record that was handed out. */
static void
move_on(struct wire_reader *r)
{
	struct wire_ring *ring = &r->ring[r->heap[0].ring];

	ring->at += (uint64_t)ring->words * 8;
	/* in steps: the line of the cache belongs to who writes */
	if (ring->at - ring->tail > ring->size / 8)
		give_back(ring);
	if (advance(r, ring) && ring->time <= r->limit)
		r->heap[0].time = ring->time;
	else
		r->heap[0] = r->heap[--r->heaps];
	if (r->heaps > 1)
		sink(r, 0);
}

bool
wire_reader_next(struct wire_reader *r, struct wire_event *event)
{
	const struct wire_record *record;
	const struct wire_ring *ring;
	int64_t t;

	if (r->taken)
		move_on(r);
	r->taken = r->heaps > 0;
	if (!r->taken) {
		finish_round(r);
		return false;
	}
	ring = &r->ring[r->heap[0].ring];
	record = (const void *)(ring->data + (ring->at & (ring->size - 1)));
	t = (int64_t)wire_line_ns(&r->line, ring->time);
	r->late += ring->time < r->line.ticks;
	if (t < r->last)
		t = r->last;
	r->last = t;
	*event = (struct wire_event){ .t = t,
		.pid = ring->pid,
		.tid = ring->tid,
		.process = ring->process,
		.op = record->op,
		.flags = record->flags,
		.words = ring->words - HEAD / 8,
		.word = record->word };
	if (record->chain < WIRE_CHAINS && ring->chain && ring->chain[record->chain].n > 0)
		event->chain = &ring->chain[record->chain];
	return true;
}

int64_t
wire_reader_time(const struct wire_reader *r)
{
	return r->last;
}

/* ---- ends ---- */

static bool
thread_is_gone(int32_t pid, int32_t tid)
{
	return syscall(SYS_tgkill, pid, tid, 0) < 0 && errno == ESRCH;
}

/* A zombie has ended, too, as whoever should wait for it may never do; but where its first thread alone has, others run:
 * the 20th field of its state counts them. */
static bool
process_is_gone(int32_t pid)
{
	char path[64], *text, *name_end;
	bool gone = false;
	size_t n;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return true;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (io_slurp(path, &text, &n) < 0)
		return errno == ENOENT || errno == ESRCH;
	name_end = strrchr(text, ')');
	if (name_end && name_end[1] == ' ') {
		struct slice rest = slice_of(name_end + 2), state = slice_cut(&rest, ' ');

		for (int field = 4; field < 20; field++)
			slice_cut(&rest, ' ');
		gone = slice_eq(state, SLICE("X")) ||
		       (slice_eq(state, SLICE("Z")) && slice_starts(rest, SLICE("1 ")));
	}
	free(text);
	return gone;
}

bool
wire_reader_reap(struct wire_reader *r, bool now)
{
	uint64_t t = io_now_ns();
	bool all = now || t - r->looked >= LOOK_NS;

	if (!now && t - r->reaped < REAP_NS)
		return false;
	r->reaped = t;
	if (all)
		r->looked = t;
	/* gone since the time before: a round has looked at all that it left */
	for (unsigned i = 0; i < WIRE_PROCESSES; i++)
		if (r->process[i].state == WIRE_READER_GONE && r->process[i].rings == 0)
			r->process[i].state = WIRE_READER_DONE;
	for (unsigned i = 0; i < WIRE_PROCESSES; i++) {
		struct wire_reader_process *p = &r->process[i];

		if (p->state == WIRE_READER_LIVE && !p->foreign &&
		    (all || atomic_load(&wire_process(r->header, i)->ended) != 0) &&
		    process_is_gone(p->pid))
			p->state = WIRE_READER_GONE;
	}
	for (unsigned i = 0; i < r->rings; i++) {
		struct wire_ring *ring = &r->ring[i];
		const struct wire_reader_process *p;

		if (!ring->known || ring->gone)
			continue;
		p = &r->process[ring->process];
		if (p->state == WIRE_READER_GONE)
			ring->gone = true;
		else if (!p->foreign && p->state == WIRE_READER_LIVE &&
			 (all || atomic_load(&ring->slot->state) == WIRE_ENDING))
			ring->gone = thread_is_gone(ring->pid, ring->tid);
	}
	return true;
}

void
wire_reader_count(const struct wire_reader *r, unsigned process, uint64_t count[WIRE_COUNTS])
{
	const struct wire_process *p = wire_process(r->header, process);

	for (unsigned k = 0; k < WIRE_COUNTS; k++)
		count[k] = atomic_load(&p->count[k]);
	for (unsigned i = 0; i < r->rings && r->process[process].rings > 0; i++)
		if (r->ring[i].known && r->ring[i].process == process)
			for (unsigned k = 0; k < WIRE_COUNTS; k++)
				count[k] += atomic_load(&r->ring[i].slot->count[k]);
}

void
wire_reader_release(struct wire_reader *r, unsigned process)
{
	r->process[process] = (struct wire_reader_process){ 0 };
	atomic_store(&wire_process(r->header, process)->state, WIRE_FREE_SLOT);
}

void
wire_reader_close(struct wire_reader *r)
{
	for (unsigned i = 0; r->ring && i < WIRE_THREADS; i++)
		if (r->ring[i].chain) {
			for (unsigned k = 0; k < WIRE_CHAINS; k++)
				free(r->ring[i].chain[k].frame);
			free(r->ring[i].chain);
		}
	free(r->process);
	free(r->ring);
	free(r->heap);
	*r = (struct wire_reader){ 0 };
}
