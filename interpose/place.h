/* place.h - what a policy has to say to an allocation
 *
 * The rules that hold for a chain are remembered by its number, as long as the thread's ring knows that.
 */
#ifndef INTERPOSE_PLACE_H
#define INTERPOSE_PLACE_H

#include "interpose/backing.h"
#include "interpose/hook.h"
#include "interpose/process.h"

/* Memory of a pool, or NULL: it is the allocator's. */
void *place_take(
    struct thread *t, const struct stack_start *caller, size_t size, size_t align, bool zero);

#define PLACE_TAKE(t, size, align, zero)                                                           \
	({                                                                                         \
		void *taken_ = NULL;                                                               \
		/* not in a signal handler that came while the allocator runs: pools have locks */ \
		if (hook_unlikely((t)->flags & THREAD_BACKING) &&                                  \
		    hook_was.where == THREAD_OUTSIDE) {                                            \
			struct stack_start caller_ = STACK_START();                                \
			taken_ = place_take(t, &caller_, size, align, zero);                       \
		}                                                                                  \
		taken_;                                                                            \
	})

static inline bool
place_owns(const void *p)
{
	return hook_unlikely(process.backing) && backing_owns(p);
}

#endif
