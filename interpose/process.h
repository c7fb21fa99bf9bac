/* process.h - the process: its slot in the shared memory, from its first event to its end
 *
 * It begins with the constructor, or before, where another object allocates earlier; anew after fork(2) (memory that the
 * kernel wipes in the child tells, and pthread_atfork(3) where it does not), and after exec(2), by the environment.
 *
 * Source: madvise(2) MADV_WIPEONFORK.
 */
#ifndef INTERPOSE_PROCESS_H
#define INTERPOSE_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/wire.h"

struct process {
	struct wire_header *wire;
	struct wire_process *slot;
	uint32_t number; /* of the slot */
	int32_t pid;
	uint32_t clock;
	uint32_t depth;      /* of the chains that are recorded */
	uint32_t walk_depth; /* of those that are taken: a policy may need them, too */
	uint32_t everywhere; /* the rules that hold for any site */
	bool lossy, free_stacks, backing, backing_by_site;
	uint64_t min, sample;
};

extern struct process process;

/* Whether there is something to record to; begins what has to begin. */
bool process_live(void);

/* Counts in the slot of the process. */
static inline void
process_count(enum wire_count what, uint64_t n)
{
	if (process.slot)
		atomic_fetch_add_explicit(&process.slot->count[what], n, memory_order_relaxed);
}

/* Wakes the recorder if it sleeps. */
void process_ring_bell(void);

#endif
