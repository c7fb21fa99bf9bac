/* thread.h - a thread: its slot and its ring, taken at its first event
 *
 * Its state lies in memory that fork(2) wipes: the child finds it empty, and begins anew, for the price of the test that
 * every event makes anyway. States are kept by the number of the slot, so that those of threads that ended are used again.
 */
#ifndef INTERPOSE_THREAD_H
#define INTERPOSE_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "interpose/next.h"
#include "interpose/stack.h"
#include "wire/wire.h"

enum {                       /* thread.flags; all zero: the short way */
	THREAD_CHAINS = 1,   /* of allocations */
	THREAD_FREES = 2,    /* of frees, too */
	THREAD_SELECTS = 4,  /* --min, --sample */
	THREAD_BACKING = 8,  /* a policy */
	THREAD_BY_SITE = 16, /* which asks for the chain before */
	THREAD_RAW = 32,     /* the clock is the kernel's */
};

enum thread_where {
	THREAD_NOT_BEGUN, /* and in the child of a fork */
	THREAD_OUTSIDE,
	THREAD_INSIDE, /* a function of next runs */
	THREAD_OWN,    /* the library itself calls: nothing is recorded */
	THREAD_DONE,   /* the recorder is gone: nothing ever will be */
};

struct thread {
	enum thread_where where;
	uintptr_t outer_sp;
	struct wire_thread *slot;
	unsigned char *ring;
	uint64_t mask, bytes;
	_Atomic uint64_t reserved; /* what lies between head and here is being written */
	uintptr_t writing;         /* by whom: a stack pointer */
	_Atomic uint64_t limit;    /* head may go so far without a look at tail */
	uint32_t flags;
	uint32_t serial;   /* of the slot when it was ours */
	uintptr_t walking; /* the cache is in use: the stack pointer of who uses it */
	uint32_t beside;   /* chains since that were taken without it */
	double until;      /* bytes until the next sample */
	uint64_t random;   /* 0: not begun */
	struct stack_cache *cache;
	uint64_t told[WIRE_CHAINS / 64];   /* chains that the ring knows */
	uint64_t placed[WIRE_CHAINS / 64]; /* chains of which `site` is known: */
	uint32_t site[WIRE_CHAINS];        /* the rules of the policy that hold for them */
};

extern __thread struct thread *thread_self __attribute__((tls_model("initial-exec")));

struct thread *thread_enter_slowly(uintptr_t pc, uintptr_t sp);

/* The thread, or NULL: what is called now is not to be recorded. pc, sp: of the caller of the hook. */
static inline __attribute__((always_inline)) struct thread *
thread_enter(uintptr_t pc, uintptr_t sp)
{
	struct thread *t = thread_self;

	if (__builtin_expect(t == NULL || t->where != THREAD_OUTSIDE, 0))
		return thread_enter_slowly(pc, sp);
	return t;
}

/* What to return to: a signal handler may have come in between. */
struct thread_outer {
	enum thread_where where;
	uintptr_t sp;
};

static inline struct thread_outer
thread_inside(struct thread *t, enum thread_where where, uintptr_t sp)
{
	struct thread_outer was = { t->where, t->outer_sp };

	t->outer_sp = sp;
	t->where = where;
	return was;
}

static inline void
thread_outside(struct thread *t, struct thread_outer was)
{
	t->where = was.where;
	t->outer_sp = was.sp;
}

/* Once, in the constructor: the end of a thread is noted from then on. */
void thread_watch(void);

/* In the child of a fork, where the kernel has not done it. */
void thread_wipe(void);

/* A thread for the process that begins now. */
struct thread *thread_begin(void);

#endif
