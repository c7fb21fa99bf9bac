/* wire_reader - records of many threads come out whole, once, in an order in which no address lives twice */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "wire/wire_file.h"
#include "wire/wire_reader.h"

enum { THREADS = 6, PAIRS = 30000, ADDRESSES = 64, NUMBERS = 40 };

static struct wire_header *h;

/* ---- a writer, as simple as can be ---- */

struct writer {
	struct wire_thread *slot;
	uint64_t random;
	uint64_t told[NUMBERS]; /* which chain a number means */
	uint64_t waits;
	unsigned number;
};

static uint64_t
draw(struct writer *w, uint64_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (w->random >> 33) % below;
}

static void
take_slot(struct writer *w, unsigned number, uint64_t bytes)
{
	struct wire_thread *s = wire_thread(h, number);
	uint32_t used = atomic_load(&h->threads);

	CLAIM(atomic_load(&s->state) == WIRE_FREE_SLOT);
	atomic_store(&s->state, WIRE_TAKEN);
	s->pid = getpid();
	s->tid = (int32_t)syscall(SYS_gettid);
	s->process = 0;
	s->ring = WIRE_AT_RINGS + (uint64_t)number * WIRE_LARGE_BYTES;
	s->bytes = bytes;
	s->serial++;
	while (used < number + 1 && !atomic_compare_exchange_weak(&h->threads, &used, number + 1))
		;
	*w = (struct writer){ .slot = s, .random = number + 7, .number = number };
	atomic_store(&s->state, WIRE_LIVE);
}

static struct wire_record *
room(struct writer *w, unsigned words)
{
	struct wire_thread *s = w->slot;
	uint64_t bytes = 8ull * words;

	for (;;) {
		uint64_t head = atomic_load(&s->head), tail = atomic_load(&s->tail);
		uint64_t from = head % s->bytes, straight = s->bytes - from;
		struct wire_record *r = (void *)((unsigned char *)h + s->ring + from);

		if (s->bytes - (head - tail) < (bytes > straight ? straight : bytes)) {
			uint32_t was = atomic_load(&s->room);
			const struct timespec turn = { .tv_nsec = 10000000 };

			w->waits++;
			atomic_store(&s->waiting, 1);
			if (atomic_load(&s->tail) == tail) {
				wire_reader_ring(h);
				syscall(SYS_futex, &s->room, FUTEX_WAIT, was, &turn, NULL, 0);
			}
			atomic_store(&s->waiting, 0);
			continue;
		}
		if (bytes <= straight)
			return r;
		*r = (struct wire_record){
			.op = WIRE_PAD, .chain = WIRE_NO_CHAIN, .words = (uint32_t)(straight / 8)
		};
		atomic_store(&s->head, head + straight);
	}
}

static void
publish(struct writer *w, const struct wire_record *r)
{
	uint64_t head = atomic_load(&w->slot->head);

	/* whoever is stopped here is late */
	if (draw(w, 64) == 0)
		sched_yield();
	if (draw(w, 8192) == 0)
		usleep(300);
	atomic_store(&w->slot->head, head + 8ull * r->words);
}

/* The frames of chain `id`. */
static unsigned
frames(uint64_t id, uint64_t *frame)
{
	unsigned n = 1 + (unsigned)(id % 19);

	for (unsigned i = 0; i < n; i++)
		frame[i] = id * 1000 + i;
	return n;
}

static uint16_t
tell_chain(struct writer *w, uint64_t id)
{
	unsigned number = (unsigned)(id % NUMBERS);
	uint64_t frame[32];
	unsigned n = frames(id, frame), words = (3 + n + 1) & ~1u;
	struct wire_record *r;

	if (w->told[number] == id)
		return (uint16_t)number;
	w->told[number] = id;
	r = room(w, words);
	r->t = 0;
	r->op = WIRE_CHAIN;
	r->flags = 0;
	r->chain = (uint16_t)number;
	r->words = words;
	r->word[0] = n;
	memcpy(r->word + 1, frame, n * sizeof *frame);
	publish(w, r);
	return (uint16_t)number;
}

static void
tell(struct writer *w, unsigned op, uint64_t addr, uint64_t size, uint64_t old)
{
	uint16_t chain = op == WIRE_FREE ? WIRE_NO_CHAIN : tell_chain(w, size);
	unsigned words = old ? 6 : 4;
	struct wire_record *r = room(w, words);

	r->op = (uint8_t)op;
	r->flags = old ? WIRE_HAS_OLD : 0;
	r->chain = chain;
	r->words = words;
	r->word[0] = addr;
	r->word[1] = size;
	if (old)
		r->word[2] = old;
	r->t = wire_clock_ticks(h->clock);
	publish(w, r);
}

/* ---- many threads ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t pool[ADDRESSES];
static unsigned pooled;
static _Atomic unsigned running;
static _Atomic uint64_t waited;

static void *
work(void *argument)
{
	struct writer w;
	uint64_t held[4] = { 0 };

	take_slot(&w, (unsigned)(uintptr_t)argument, (uintptr_t)argument % 2 ? 8192 : 65536);
	for (unsigned i = 0; i < PAIRS; i++) {
		uint64_t *at = &held[draw(&w, 4)];

		if (*at) {
			/* a free is told before it is done */
			tell(&w, WIRE_FREE, *at, 0, 0);
			pthread_mutex_lock(&lock);
			pool[pooled++] = *at;
			pthread_mutex_unlock(&lock);
			*at = 0;
			continue;
		}
		pthread_mutex_lock(&lock);
		*at = pooled > 0 ? pool[--pooled] : 0;
		pthread_mutex_unlock(&lock);
		/* an allocation after */
		if (*at)
			tell(&w, WIRE_MALLOC, *at, 1 + draw(&w, 500), draw(&w, 3) == 0 ? 77 : 0);
	}
	for (int k = 0; k < 4; k++)
		if (held[k])
			tell(&w, WIRE_FREE, held[k], 0, 0);
	w.slot->count[WIRE_STACKS] = w.number + 1;
	atomic_fetch_add(&waited, w.waits);
	atomic_store(&w.slot->state, WIRE_ENDING);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

struct seen {
	bool live[ADDRESSES + 1];
	uint64_t allocs, frees;
	int64_t last;
};

static void
take_all(struct wire_reader *r, struct seen *seen, bool last)
{
	struct wire_event e;

	wire_reader_round(r, last);
	while (wire_reader_next(r, &e)) {
		uint64_t addr = e.word[0], frame[32];

		CLAIM(e.t >= seen->last && e.t <= (int64_t)wire_clock_raw());
		seen->last = e.t;
		CLAIM(addr >= 1 && addr <= ADDRESSES && e.pid == getpid() && e.process == 0);
		if (e.op == WIRE_MALLOC) {
			unsigned n = frames(e.word[1], frame);

			CLAIM(!seen->live[addr]);
			seen->live[addr] = true;
			seen->allocs++;
			CLAIM(e.chain && e.chain->n == n);
			CLAIM(memcmp(e.chain->frame, frame, n * sizeof *frame) == 0);
			CLAIM(!(e.flags & WIRE_HAS_OLD) || (e.words >= 3 && e.word[2] == 77));
			continue;
		}
		CLAIM(e.op == WIRE_FREE && e.chain == NULL && seen->live[addr]);
		seen->live[addr] = false;
		seen->frees++;
	}
	CLAIM(wire_reader_time(r) >= seen->last);
}

static void
test_threads(struct wire_reader *r)
{
	pthread_t thread[THREADS];
	struct seen seen = { 0 };

	for (pooled = 0; pooled < ADDRESSES; pooled++)
		pool[pooled] = pooled + 1;
	/* each slot has two lives */
	for (int life = 0; life < 2; life++) {
		uint64_t count[WIRE_COUNTS];

		running = THREADS;
		for (uintptr_t i = 0; i < THREADS; i++)
			pthread_create(&thread[i], NULL, work, (void *)i);
		while (atomic_load(&running) > 0) {
			wire_reader_wait(r, 5);
			take_all(r, &seen, false);
			wire_reader_reap(r, false);
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
		for (int round = 0; round < 3; round++) {
			take_all(r, &seen, false);
			wire_reader_reap(r, true);
		}
		take_all(r, &seen, false);
		pooled = ADDRESSES;
		for (int i = 0; i < ADDRESSES; i++)
			pool[i] = (uint64_t)i + 1;
		for (unsigned i = 0; i < THREADS; i++)
			CLAIM(atomic_load(&wire_thread(h, i)->state) == WIRE_FREE_SLOT);
		wire_reader_count(r, 0, count);
		CLAIM(count[WIRE_STACKS] == (uint64_t)(life + 1) * THREADS * (THREADS + 1) / 2);
	}
	CLAIM(seen.allocs == seen.frees && seen.allocs > PAIRS);
	CLAIM(r->unreadable == 0 && r->unknown == 0);
	CLAIM(atomic_load(&waited) > 0); /* the small rings were full at times */
	for (int i = 1; i <= ADDRESSES; i++)
		CLAIM(!seen.live[i]);
	CLAIM(r->process[0].state == WIRE_READER_LIVE && r->process[0].rings == 0 && r->pids == 1);
}

/* What came since the beginning of the round before stays; the next round lets it out, in order of time whatever the rings,
 * and the last one everything. */
static void
test_rounds(struct wire_reader *r)
{
	struct wire_event e;
	struct writer w[2];

	take_slot(&w[0], 0, 8192);
	take_slot(&w[1], 1, 8192);
	for (int turn = 0; turn < 1000; turn++) {
		wire_reader_round(r, false);
		CLAIM(!wire_reader_next(r, &e));
		tell(&w[turn % 2], WIRE_MALLOC, 1, 9, 0);
		tell(&w[(turn + 1) % 2], WIRE_MALLOC, 2, 9, 0);
		tell(&w[turn % 2], WIRE_FREE, 1, 0, 0);
		tell(&w[(turn + 1) % 2], WIRE_FREE, 2, 0, 0);
		wire_reader_round(r, turn % 10 == 0);
		for (int i = 0; turn % 10 == 0 && i < 4; i++)
			CLAIM(wire_reader_next(r, &e) && e.word[0] == (uint64_t)(1 + i % 2));
		CLAIM(!wire_reader_next(r, &e));
		wire_reader_round(r, false);
		for (int i = 0; turn % 10 != 0 && i < 4; i++)
			CLAIM(wire_reader_next(r, &e) && e.word[0] == (uint64_t)(1 + i % 2));
		CLAIM(!wire_reader_next(r, &e));
	}
	CLAIM(r->late == 0);
	for (int i = 0; i < 2; i++)
		atomic_store(&w[i].slot->state, WIRE_FREE_SLOT);
	wire_reader_close(r);
	wire_reader_open(r, h);
}

/* A thread that is gone without a word, with records in its ring. */
static void *
vanish(void *argument)
{
	struct writer w;

	(void)argument;
	take_slot(&w, 3, 8192);
	tell(&w, WIRE_MALLOC, 5, 3, 0);
	return NULL;
}

static void
test_vanished(struct wire_reader *r)
{
	struct seen seen = { 0 };
	pthread_t thread;

	pthread_create(&thread, NULL, vanish, NULL);
	pthread_join(thread, NULL);
	take_all(r, &seen, false);
	wire_reader_reap(r, true);
	for (int i = 0; i < 3; i++)
		take_all(r, &seen, false);
	CLAIM(seen.allocs == 1 && atomic_load(&wire_thread(h, 3)->state) == WIRE_FREE_SLOT);
}

/* Whatever the workload writes over its rings, the reader ends its rounds. */
static void
test_damage(struct wire_reader *r)
{
	struct wire_event e;
	struct writer w;

	take_slot(&w, 1, 8192);
	for (int turn = 0; turn < 20000; turn++) {
		uint64_t *ring = (void *)((unsigned char *)h + w.slot->ring);
		uint64_t tail = atomic_load(&w.slot->tail);

		for (int k = 0; k < 40; k++)
			ring[unit_draw(1024)] = unit_draw(4) ? unit_draw(1 << 20) : unit_random();
		/* lengths that may be */
		for (int k = 0; k < 40; k++)
			ring[unit_draw(1024)] = unit_draw(WIRE_OPS + 3) | unit_draw(8) << 8 |
						unit_draw(WIRE_CHAINS + 9) << 16 |
						unit_draw(12) << 32;
		atomic_store(
		    &w.slot->head, unit_draw(50) ? tail + unit_draw(1025) * 8 : unit_random());
		wire_reader_round(r, turn % 7 == 0);
		for (int n = 0; wire_reader_next(r, &e); n++) {
			CLAIM(n < 8192 && e.op > WIRE_PAD && e.op < WIRE_OPS && e.op != WIRE_CHAIN);
			CLAIM(e.words <= 1024);
			CLAIM((const unsigned char *)(e.word + e.words) <=
			      (const unsigned char *)ring + 8192);
			CLAIM(e.chain == NULL || (e.chain->n > 0 && e.chain->n <= WIRE_DEPTH_MAX));
		}
	}
	CLAIM(r->unreadable > 0 && r->unknown > 0);
	/* a slot that makes no sense is none */
	w.slot = wire_thread(h, 2);
	w.slot->ring = WIRE_BYTES - 8;
	w.slot->bytes = 1 << 30;
	w.slot->process = 1 << 30;
	atomic_store(&w.slot->head, 1 << 20);
	atomic_store(&w.slot->state, WIRE_LIVE);
	wire_reader_round(r, true);
	while (wire_reader_next(r, &e))
		CLAIM(e.tid != w.slot->tid || e.process == 0);
}

/* ---- the rest ---- */

static void
test_death(void)
{
	struct wire_config config = { .depth = 500, .text = SLICE("min 1\n") };
	struct wire_file f;
	struct wire_header *other;
	struct error e;
	int pipes[2], fd;
	char path[64];
	pid_t pid;

	CLAIM(pipe(pipes) == 0);
	pid = fork();
	if (pid == 0) {
		if (wire_file_make(&f, &config, &e) == 0 && write(pipes[1], &f.fd, sizeof f.fd) > 0)
			pause();
		_exit(1);
	}
	CLAIM(read(pipes[0], &fd, sizeof fd) == sizeof fd);
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
	fd = open(path, O_RDWR);
	CLAIM(fd >= 0);
	other = mmap(NULL, WIRE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CLAIM(other != MAP_FAILED && other->magic == WIRE_MAGIC && other->bytes == WIRE_BYTES);
	CLAIM(other->depth == WIRE_DEPTH_MAX && memcmp(other->text, "min 1\n", 6) == 0);
	CLAIM(!wire_recorder_died(other));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CLAIM(wire_recorder_died(other));
	munmap(other, WIRE_BYTES);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_clock(enum wire_clock clock)
{
	struct wire_pair before = wire_clock_pair(clock), after;
	struct {
		uint64_t low, ticks, high;
	} at[1000];
	struct wire_line line;
	uint64_t last = 0, error;

	for (int i = 0; i < 1000; i++) {
		at[i].low = wire_clock_raw();
		at[i].ticks = wire_clock_ticks(clock);
		at[i].high = wire_clock_raw();
		if (i % 100 == 0)
			usleep(200);
	}
	after = wire_clock_pair(clock);
	line = wire_line(&before, &after);
	error = before.error > after.error ? before.error : after.error;
	for (int i = 0; i < 1000; i++) {
		uint64_t ns = wire_line_ns(&line, at[i].ticks);

		CLAIM(ns >= last);
		CLAIM(ns + error + 2 >= at[i].low && ns <= at[i].high + error + 2);
		last = ns;
	}
	CLAIM(wire_line_ns(&line, 0) == before.ns);
}

int
main(void)
{
	struct wire_config config = { .clock = WIRE_COUNTER, .depth = 16 };
	struct wire_process *p;
	struct wire_reader r;
	struct wire_file f;
	struct error e;

	test_clock(WIRE_RAW);
	test_death();
	if (!wire_clock_counter_is_sound())
		config.clock = WIRE_RAW;
	test_clock(config.clock);
	CLAIM(wire_file_make(&f, &config, &e) == 0);
	h = f.header;
	CLAIM(!wire_recorder_died(h));
	p = wire_process(h, 0);
	p->pid = getpid();
	atomic_store(&h->processes, 1);
	atomic_store(&p->state, WIRE_LIVE);
	wire_reader_open(&r, h);
	test_rounds(&r);
	test_threads(&r);
	test_vanished(&r);
	test_damage(&r);
	wire_reader_close(&r);
	wire_file_end(&f);
	CLAIM(wire_recorder_died(h));
	wire_file_free(&f);
	return 0;
}
