/* stack.h - the chain of the caller of a hook, taken inside the workload
 *
 * Frames are found by the CFI rules of lib/code, objects by _dl_find_object() or a list of our own. How to step from an
 * address is worked out once and kept in a table of the process (256 KiB, no lock: stack_parts.h). A thread's cache
 * remembers recent walks with every word of the stack that they depended on: where all of these are as they were, so is
 * the chain, and nothing is walked. Else a walk goes on only until it meets the last one, where a few frames are new.
 * Nothing here allocates by malloc, takes a lock that the program could hold, changes errno, or reads memory that is
 * not there: what no rule led to is asked of the kernel first.
 * Frames of code without CFI are followed by frame pointer, where a call stands before the address that it leads to.
 * Cost (AMD EPYC, a guest): 11 to 22 ns for a chain of 8 to 32 frames that was remembered, 7 ns a frame that is stepped, 1 to
 * 2 us for an address that is new to the process, 0.5 us for two frames without CFI. A cache of depth 16 has 311 KiB, of
 * which what is used is touched.
 *
 * Units:     addresses.
 * Ownership: memory of a cache is the caller's.
 * Errors:    a chain that cannot be followed is cut, and says so.
 * Source:    own; see code/cfi.h.
 */
#ifndef INTERPOSE_STACK_H
#define INTERPOSE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

/* Registers of the caller as they are when the hook returns. Hooks are compiled with frame pointers. */
struct stack_start {
	uintptr_t pc, sp, fp;
};

#define STACK_START()                                                                              \
	((struct stack_start){                                                                     \
	    (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0)),                 \
	    (uintptr_t)__builtin_dwarf_cfa(), *(const uintptr_t *)__builtin_frame_address(0) })

struct stack_chain {
	uint16_t number; /* below WIRE_CHAINS - 1: the name of the chain in this thread's ring */
	bool known; /* the ring was told: else WIRE_CHAIN has to be written before the record */
	bool cut;   /* ended before the root, and before the depth */
	uint16_t n; /* frames */
	const uint64_t *
	    frame; /* leaf first: return addresses, the first of them minus 1; good until the next take */
};

/* Of one thread. */
struct stack_cache;
size_t stack_cache_bytes(unsigned depth);

/* In memory that is zero. */
struct stack_cache *stack_cache_begin(void *memory, unsigned depth);

/* The process begins, or has forked; the library is told of objects that it did not know by stack_new_object() from then on. */
void stack_begin(void);

/* After dlclose(3): nothing that was remembered holds. */
void stack_objects_changed(void);

void stack_take(struct stack_cache *c, const struct stack_start *start, struct stack_chain *chain);

/* Without a cache, for a signal handler: returns how many frames. */
unsigned stack_walk(const struct stack_start *start, uint64_t *frame, unsigned depth, bool *cut);

/* Of interpose/record.c: an object was met that was not there at stack_begin(). */
void stack_new_object(uintptr_t start, uintptr_t end);

#endif
