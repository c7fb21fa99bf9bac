/* hooks_malloc.c - malloc(3) and its family */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "interpose/hook.h"
#include "interpose/place.h"

/* Old programs, and C23: the headers do not declare them. */
void cfree(void *p);
void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t align, size_t size);

static void
failed(void)
{
	process_count(WIRE_FAILED, 1);
}

HOOK void *
malloc(size_t size)
{
	struct thread *t = HOOK_ENTER();
	void *p;

	if (hook_unlikely(t == NULL))
		return next.malloc(size);
	HOOK_INSIDE(t);
	p = PLACE_TAKE(t, size, 0, false);
	if (p == NULL)
		p = next.malloc(size);
	HOOK_OUTSIDE(t);
	if (hook_unlikely(p == NULL))
		failed();
	else
		RECORD_ALLOC(t, WIRE_MALLOC, p, size);
	return p;
}

HOOK void *
calloc(size_t n, size_t size)
{
	struct thread *t = HOOK_ENTER();
	size_t all;
	void *p = NULL;

	if (hook_unlikely(t == NULL))
		return next.calloc(n, size);
	HOOK_INSIDE(t);
	if (!__builtin_mul_overflow(n, size, &all))
		p = PLACE_TAKE(t, all, 0, true);
	if (p == NULL)
		p = next.calloc(n, size);
	HOOK_OUTSIDE(t);
	if (hook_unlikely(p == NULL))
		failed();
	else
		RECORD_ALLOC(t, WIRE_CALLOC, p, n * size);
	return p;
}

/* What the allocator behind us must not see: memory of a pool, of the buffer before there was an allocator. */
static bool
elsewhere(const void *p)
{
	return next_buffer_owns(p) || place_owns(p);
}

static size_t
usable(void *p)
{
	return next_buffer_owns(p) ? next_buffer_usable(p)
	       : place_owns(p)     ? backing_usable(p)
				   : next.malloc_usable_size(p);
}

static void
give(void *p)
{
	if (place_owns(p))
		backing_give(p);
	else if (!next_buffer_owns(p))
		next.free(p);
}

/* From one allocator to another. taken: memory of a pool, or NULL. */
static void *
move(void *old, size_t size, void *taken)
{
	void *p = taken ? taken : next.malloc(size);
	size_t had;

	if (p == NULL)
		return NULL;
	had = usable(old);
	memcpy(p, old, had < size ? had : size);
	give(old);
	return p;
}

static void *
reallocate(void *old, size_t size)
{
	if (old && elsewhere(old)) {
		if (size > 0)
			return move(old, size, NULL);
		give(old);
		return NULL;
	}
	return next.realloc(old, size);
}

/* What follows the end of the old one that was recorded before. */
#define REALLOCATED(t, what, was, now, bytes, recorded)                                            \
	do {                                                                                       \
		struct stack_start caller_ = STACK_START();                                        \
		reallocated(t, &caller_, what, was, now, bytes, recorded);                         \
	} while (0)

static void
reallocated(struct thread *t, const struct stack_start *caller, unsigned op, void *old, void *p,
    size_t size, bool recorded)
{
	struct record_event e = { .op = op, .addr = (uintptr_t)p, .size = size };

	if (recorded)
		e.old = (uintptr_t)old;
	if (p == NULL) {
		/* glibc frees when it is asked for no bytes */
		if (size == 0 && old)
			return;
		failed();
		/* the old one lives on */
		if (old == NULL || !recorded)
			return;
		e.addr = (uintptr_t)old;
		e.size = usable(old);
		e.kept = true;
	}
	record_alloc_long(t, caller, &e);
}

HOOK void *
realloc(void *old, size_t size)
{
	struct thread *t = HOOK_ENTER();
	void *p = NULL;
	bool recorded = false;

	if (hook_unlikely(t == NULL))
		return reallocate(old, size);
	if (old && !next_buffer_owns(old))
		recorded = RECORD_FREE(t, WIRE_FREE_REALLOC, old, 0);
	HOOK_INSIDE(t);
	if (hook_unlikely(process.backing) && size > 0) {
		p = PLACE_TAKE(t, size, 0, false);
		if (p && old)
			p = move(old, size, p);
	}
	if (p == NULL)
		p = reallocate(old, size);
	HOOK_OUTSIDE(t);
	REALLOCATED(t, WIRE_REALLOC, old, p, size, recorded);
	return p;
}

HOOK void *
reallocarray(void *old, size_t n, size_t size)
{
	struct thread *t = HOOK_ENTER();
	void *p = NULL;
	bool recorded = false, overflows;
	size_t all;

	overflows = __builtin_mul_overflow(n, size, &all);
	if (hook_unlikely(t == NULL))
		return !overflows && old && elsewhere(old) ? reallocate(old, all)
							   : next.reallocarray(old, n, size);
	if (old && !next_buffer_owns(old))
		recorded = RECORD_FREE(t, WIRE_FREE_REALLOC, old, 0);
	HOOK_INSIDE(t);
	if (hook_unlikely(process.backing) && !overflows && all > 0) {
		p = PLACE_TAKE(t, all, 0, false);
		if (p && old)
			p = move(old, all, p);
	}
	if (p == NULL)
		p = !overflows && old && elsewhere(old) ? reallocate(old, all)
							: next.reallocarray(old, n, size);
	HOOK_OUTSIDE(t);
	REALLOCATED(t, WIRE_REALLOCARRAY, old, p, overflows ? SIZE_MAX : all, recorded);
	return p;
}

HOOK void
free(void *p)
{
	struct thread *t;

	/* that of the buffer is ours, and nobody was told of it */
	if (p == NULL || hook_unlikely(next_buffer_owns(p)))
		return;
	t = HOOK_ENTER();
	if (hook_unlikely(t == NULL)) {
		give(p);
		return;
	}
	RECORD_FREE(t, WIRE_FREE, p, 0);
	if (hook_unlikely(place_owns(p))) {
		backing_give(p);
		return;
	}
	HOOK_INSIDE(t);
	next.free(p);
	HOOK_OUTSIDE(t);
}

HOOK void
cfree(void *p)
{
	struct thread *t = p ? HOOK_ENTER() : NULL;

	if (t)
		RECORD_FREE(t, WIRE_FREE, p, 0);
	if (p)
		give(p);
}

HOOK void
free_sized(void *p, size_t size)
{
	struct thread *t = p ? HOOK_ENTER() : NULL;

	if (t)
		RECORD_FREE(t, WIRE_FREE, p, size);
	if (p && next.free_sized && !elsewhere(p))
		next.free_sized(p, size);
	else if (p)
		give(p);
}

HOOK void
free_aligned_sized(void *p, size_t align, size_t size)
{
	struct thread *t = p ? HOOK_ENTER() : NULL;

	if (t)
		RECORD_FREE(t, WIRE_FREE, p, size);
	if (p && next.free_aligned_sized && !elsewhere(p))
		next.free_aligned_sized(p, align, size);
	else if (p)
		give(p);
}

/* ---- aligned ---- */

static bool
power_of_two(size_t n)
{
	return n > 0 && (n & (n - 1)) == 0;
}

#define ALIGNED(t, what, p, bytes, alignment)                                                      \
	do {                                                                                       \
		struct stack_start caller_ = STACK_START();                                        \
		record_alloc_long(t, &caller_,                                                     \
		    &(struct record_event){ .op = (what),                                          \
			.addr = (uintptr_t)(p),                                                    \
			.size = (bytes),                                                           \
			.align = (alignment) });                                                   \
	} while (0)

/* A pool is asked for an alignment that makes sense; all others are the allocator's to refuse. */
#define ALIGNED_HOOK(name, what, align, size, call)                                                \
	do {                                                                                       \
		struct thread *t = HOOK_ENTER();                                                   \
		void *p = NULL;                                                                    \
		if (hook_unlikely(t == NULL))                                                      \
			return call;                                                               \
		HOOK_INSIDE(t);                                                                    \
		if (power_of_two(align))                                                           \
			p = PLACE_TAKE(t, size, align, false);                                     \
		if (p == NULL)                                                                     \
			p = call;                                                                  \
		HOOK_OUTSIDE(t);                                                                   \
		if (hook_unlikely(p == NULL))                                                      \
			failed();                                                                  \
		else                                                                               \
			ALIGNED(t, what, p, size, align);                                          \
		return p;                                                                          \
	} while (0)

HOOK void *
aligned_alloc(size_t align, size_t size)
{
	ALIGNED_HOOK(
	    aligned_alloc, WIRE_ALIGNED_ALLOC, align, size, next.aligned_alloc(align, size));
}

HOOK void *
memalign(size_t align, size_t size)
{
	ALIGNED_HOOK(memalign, WIRE_MEMALIGN, align, size, next.memalign(align, size));
}

static size_t
page(void)
{
	static size_t bytes;

	if (bytes == 0)
		bytes = (size_t)sysconf(_SC_PAGESIZE);
	return bytes;
}

HOOK void *
valloc(size_t size)
{
	ALIGNED_HOOK(valloc, WIRE_VALLOC, page(), size, next.valloc(size));
}

HOOK void *
pvalloc(size_t size)
{
	ALIGNED_HOOK(pvalloc, WIRE_PVALLOC, page(), size, next.pvalloc(size));
}

HOOK int
posix_memalign(void **to, size_t align, size_t size)
{
	struct thread *t = HOOK_ENTER();
	void *p = NULL;
	int reason = 0;

	if (hook_unlikely(t == NULL))
		return next.posix_memalign(to, align, size);
	HOOK_INSIDE(t);
	if (power_of_two(align) && align % sizeof(void *) == 0)
		p = PLACE_TAKE(t, size, align, false);
	if (p)
		*to = p;
	else
		reason = next.posix_memalign(to, align, size);
	HOOK_OUTSIDE(t);
	if (hook_unlikely(reason != 0))
		failed();
	else if (*to)
		ALIGNED(t, WIRE_POSIX_MEMALIGN, *to, size, align);
	return reason;
}

HOOK size_t
malloc_usable_size(void *p)
{
	return p ? usable(p) : 0;
}
