/* hook.h - what all hooks begin and end with
 *
 *	struct thread *t = HOOK_ENTER();
 *	if (t == NULL)
 *		return next.malloc(size);                 not to be recorded
 *	HOOK_INSIDE(t);
 *	p = next.malloc(size);
 *	HOOK_OUTSIDE(t);
 *	RECORD_ALLOC(t, WIRE_MALLOC, p, size);
 *
 * What the allocator itself calls between INSIDE and OUTSIDE is not recorded again: calls that come from its object, or from
 * an operator of C++. Others are recorded: those of a signal handler, or of a handler of new.
 */
#ifndef INTERPOSE_HOOK_H
#define INTERPOSE_HOOK_H

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "interpose/next.h"
#include "interpose/record.h"
#include "interpose/stack.h"
#include "interpose/thread.h"

/* The only names that this library exports. */
#define HOOK __attribute__((visibility("default")))

#define HOOK_PC      ((uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0)))
#define HOOK_ENTER() thread_enter(HOOK_PC, (uintptr_t)__builtin_dwarf_cfa())

#define HOOK_INSIDE(t)                                                                             \
	const struct thread_outer hook_was =                                                       \
	    thread_inside(t, THREAD_INSIDE, (uintptr_t)__builtin_dwarf_cfa())
#define HOOK_OUTSIDE(t) thread_outside(t, hook_was)

#define hook_unlikely(x) __builtin_expect(!!(x), 0)

static inline long
hook_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	return syscall(number, a, b, c, d, e, f);
}

/* Memory of our own, of which nobody is told. MAP_FAILED. */
static inline void *
hook_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	return (void *)hook_syscall(SYS_mmap, (long)at, (long)n, protection, flags, fd, offset);
}

static inline void
hook_munmap(void *at, size_t n)
{
	hook_syscall(SYS_munmap, (long)at, (long)n, 0, 0, 0, 0);
}

#endif
