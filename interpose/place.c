#include "interpose/place.h"

void *
place_take(struct thread *t, const struct stack_start *caller, size_t size, size_t align, bool zero)
{
	uint64_t frame[WIRE_DEPTH_MAX];
	uint32_t site = process.everywhere;

	if (t->flags & THREAD_BY_SITE)
		site = record_site(t, caller, frame);
	return backing_take(site, size, align, zero);
}
