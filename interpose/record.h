/* record.h - from a hook to the ring of its thread
 *
 * A record is reserved, written, and published. Reserving is one instruction that fails where a signal handler of the same
 * thread has come in between; so a handler's records lie behind the one that it interrupted, and are published with it,
 * by whoever wrote the first of them. Nothing is locked. Where a handler leaves by longjmp(3) what it interrupted, the next
 * record finds the gap, and makes it a WIRE_PAD.
 *
 * The time is taken when there is room, and of an allocation after it is done: the counter is not read before (lfence).
 */
#ifndef INTERPOSE_RECORD_H
#define INTERPOSE_RECORD_H

#include <time.h>

#include "interpose/thread.h"

struct record_event {
	unsigned op;
	uintptr_t addr;
	uint64_t size;
	uint64_t old, align; /* 0: none */
	uint64_t weight;     /* 0: none */
	bool kept;           /* recorded, whatever --min and --sample say: what it ends was */
};

/* Room for a record of so many bytes, wherever the ring stands; waits for it. false: it is lost (and counted). */
bool record_room(struct thread *t, uint64_t bytes);

/* The long ways: with chain, choice, old, align. */
void record_alloc_long(struct thread *t, const struct stack_start *caller, struct record_event *e);
bool record_free_long(
    struct thread *t, const struct stack_start *caller, unsigned op, const void *p, uint64_t size);

/* The rules of the policy that hold for the caller: those of its chain, remembered by its number. frame: room for
 * WIRE_DEPTH_MAX. */
uint32_t record_site(struct thread *t, const struct stack_start *caller, uint64_t *frame);

/* Text of /proc/self/maps: the whole, or what lies between these addresses. */
void record_maps(struct thread *t, uintptr_t from, uintptr_t to);

/* That of a thread, as a line of that text. */
void record_stack(struct thread *t, uintptr_t low, size_t bytes);

/* WIRE_EXEC and its like. */
void record_note(struct thread *t, unsigned op);

static inline __attribute__((always_inline)) uint64_t
record_ticks(const struct thread *t, bool after)
{
	struct timespec now;

	if (__builtin_expect(t->flags & THREAD_RAW, 0)) {
		clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	}
#if defined __x86_64__
	if (after)
		__builtin_ia32_lfence();
	return __builtin_ia32_rdtsc();
#elif defined __aarch64__
	uint64_t v;

	(void)after;
	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(v) : : "memory");
	return v;
#else
#error "neither x86-64 nor aarch64"
#endif
}

/* Nobody but this thread and its signal handlers writes there. */
static inline __attribute__((always_inline)) bool
record_exchange(_Atomic uint64_t *at, uint64_t from, uint64_t to)
{
#if defined __x86_64__
	bool done;

	/* without a lock prefix: one instruction, which no signal divides */
	__asm__ volatile("cmpxchgq %3, %1"
			 : "=@ccz"(done), "+m"(*at), "+a"(from)
			 : "r"(to)
			 : "memory");
	return done;
#else
	return atomic_compare_exchange_strong_explicit(
	    at, &from, to, memory_order_relaxed, memory_order_relaxed);
#endif
}

struct record_place {
	struct wire_record *at; /* NULL: there is no room, and the record is lost */
	bool outermost;         /* nobody was interrupted */
};

/* What lies before is being written by somebody whom we interrupted; false: by nobody any more, and it is out of the way. */
bool record_interrupted(struct thread *t, uintptr_t sp);

static inline __attribute__((always_inline)) struct record_place
record_reserve(struct thread *t, uint64_t bytes)
{
	const uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

	for (;;) {
		uint64_t from = atomic_load_explicit(&t->reserved, memory_order_relaxed);
		bool outermost = from == atomic_load_explicit(&t->slot->head, memory_order_relaxed);

		if (__builtin_expect(outermost, 1))
			t->writing = sp;
		else if (!record_interrupted(t, sp))
			continue;
		if (__builtin_expect(
			from + bytes > atomic_load_explicit(&t->limit, memory_order_relaxed), 0)) {
			if (!record_room(t, bytes))
				return (struct record_place){ NULL, false };
			continue;
		}
		if (__builtin_expect(record_exchange(&t->reserved, from, from + bytes), 1))
			return (struct record_place){
				(struct wire_record *)(void *)(t->ring + (from & t->mask)),
				outermost
			};
	}
}

static inline __attribute__((always_inline)) void
record_publish(struct thread *t, struct record_place place)
{
	uint64_t to;

	if (__builtin_expect(!place.outermost, 0))
		return;
	do {
		to = atomic_load_explicit(&t->reserved, memory_order_relaxed);
		atomic_store_explicit(&t->slot->head, to, memory_order_release);
		atomic_signal_fence(memory_order_seq_cst);
	} while (
	    __builtin_expect(atomic_load_explicit(&t->reserved, memory_order_relaxed) != to, 0));
}

static inline __attribute__((always_inline)) void
record_short(struct thread *t, unsigned op, uintptr_t addr, uint64_t size, bool after)
{
	struct record_place place = record_reserve(t, 32);
	struct wire_record *r = place.at;

	if (__builtin_expect(r == NULL, 0))
		return;
	r->op = (uint8_t)op;
	r->flags = 0;
	r->chain = WIRE_NO_CHAIN;
	r->words = 4;
	r->word[0] = addr;
	r->word[1] = size;
	r->t = record_ticks(t, after);
	record_publish(t, place);
}

/* What a hook ends with: RECORD_ALLOC(t, WIRE_MALLOC, p, size). Macros, as the caller's registers are those of the hook. */
#define RECORD_ALLOC(t, what, p, bytes)                                                            \
	do {                                                                                       \
		if (__builtin_expect((t)->flags & (THREAD_CHAINS | THREAD_SELECTS), 0)) {          \
			struct stack_start caller_ = STACK_START();                                \
			record_alloc_long(t, &caller_,                                             \
			    &(struct record_event){                                                \
				.op = (what), .addr = (uintptr_t)(p), .size = (bytes) });          \
		} else {                                                                           \
			record_short(t, what, (uintptr_t)(p), bytes, true);                        \
		}                                                                                  \
	} while (0)

/* And what it begins with, where it ends something: whether the beginning was recorded. */
#define RECORD_FREE(t, what, p, bytes)                                                             \
	({                                                                                         \
		bool recorded_ = true;                                                             \
		if (__builtin_expect((t)->flags & (THREAD_FREES | THREAD_SELECTS), 0)) {           \
			struct stack_start caller_ = STACK_START();                                \
			recorded_ = record_free_long(t, &caller_, what, p, bytes);                 \
		} else {                                                                           \
			record_short(t, what, (uintptr_t)(p), bytes, false);                       \
		}                                                                                  \
		recorded_;                                                                         \
	})

#endif
