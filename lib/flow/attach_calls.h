/* attach_calls.h - allocations and their ends from entries into functions and returns from them
 *
 * Each thread has the calls that have begun and not returned. Only the outermost counts: the malloc inside an operator new, and
 * what an allocator asks of the kernel for itself, are not told again. Of functions that only give back, the return is not
 * watched; that one calls the next for the same address is known by their ranks, and that free() unmaps by the range.
 * An operator new can be left by an exception, and a watched return would be in its way: it is entered only, and what malloc()
 * gives inside it is told as what it gave, with its size and chain. A call that never returns, as an exception or longjmp(3) ended it, is known by the stack: later ones stand above it.
 *
 * Beside them stand the addresses that live, per process: what is given back and was never seen to be given is older than
 * the recording, or was left out, and is counted, not told; but all that is unmapped is.
 *
 * Costs about 100 ns an event; memory 24 bytes for each object that lives, and a few hundred for each thread.
 *
 * Units:     t as the caller has it; bytes.
 * Ownership: attach_calls_new() to attach_calls_free(). Chains are the caller's.
 * Errors:    -1 where the sink says so.
 * Source:    own.
 */
#ifndef FLOW_ATTACH_CALLS_H
#define FLOW_ATTACH_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "flow/allocator.h"

/* Where a call came from: addresses, or what an unwinder needs to find them. */
struct attach_chain {
	const uint64_t *frame; /* leaf first */
	uint32_t n;
	uint32_t regs_n; /* 0: none; at most ATTACH_REGS */
	const uint64_t *regs;
	struct slice stack;
};

enum { ATTACH_REGS = 40 };

struct attach_alloc {
	uint64_t t, addr, size, align, old; /* 0: none */
	uint32_t pid, tid;
	const char *op;
	struct attach_chain chain;
};

/* Returns 0, or -1 to end all. */
struct attach_sink {
	int (*alloc)(const struct attach_alloc *a, void *context);
	int (*free)(const struct attach_alloc *a, void *context);
	void *context;
};

struct attach_counts {
	uint64_t allocs, frees;
	uint64_t unknown;   /* frees of what was there before, or was left out: not told */
	uint64_t failed;    /* allocations that gave nothing */
	uint64_t below_min; /* allocations that were left out, */
	uint64_t nested;    /* calls inside others */
	uint64_t cut;       /* calls that never returned */
	uint64_t unpaired;  /* returns of calls whose beginning was not seen */
	uint64_t unread;    /* allocations whose address was not seen */
};

struct attach_calls;

/* word: by how much a return moves the stack pointer. min: smaller allocations are left out, and their ends. */
struct attach_calls *attach_calls_new(const struct attach_sink *sink, unsigned word, uint64_t min);

struct attach_call {
	uint64_t t, sp;
	uint32_t pid, tid;
	uint8_t function; /* of allocator_function[] */
	bool mark; /* an entry whose return is not watched: what is given inside it is its own */
};

int attach_calls_enter(struct attach_calls *c, const struct attach_call *call,
    const uint64_t arg[ALLOCATOR_ARGS], struct attach_chain chain);

/* value: what the function returned; for those that return it by a pointer, *stored, or NULL where it was not seen. */
int attach_calls_return(struct attach_calls *c, const struct attach_call *call, uint64_t value,
    const uint64_t *stored, struct attach_chain chain);

/* Argument 0 of the call that returns; 0 where its beginning was not seen. */
uint64_t attach_calls_pointer(const struct attach_calls *c, const struct attach_call *call);

/* A thread or process was made, or ended; or a program was executed. */
void attach_calls_fork(struct attach_calls *c, uint32_t parent, uint32_t pid, uint32_t tid);
void attach_calls_exit(struct attach_calls *c, uint32_t pid, uint32_t tid);
void attach_calls_exec(struct attach_calls *c, uint32_t pid, uint32_t tid);

/* Events were lost: no call that has begun is known to go on. */
void attach_calls_lost(struct attach_calls *c);

const struct attach_counts *attach_calls_counts(const struct attach_calls *c);

void attach_calls_free(struct attach_calls *c);

#endif
