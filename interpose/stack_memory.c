/* stack_memory.c - whether memory can be read, without a fault and without memory of its own */
#include <asm/unistd.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#include "interpose/stack_parts.h"

/* System calls that leave errno as it is. */
#if defined(__x86_64__)
static long
call(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#else
static long
call(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#endif

/* rt_sigprocmask(2) copies the mask before it looks at what to do with it: what it cannot do tells that memory is there.
 * process_vm_readv(2) says it plainly, but is forbidden in some containers. */
static bool
readable_by_mask(uintptr_t addr)
{
	return call(__NR_rt_sigprocmask, ~0l, (long)addr, 0, 8, 0, 0) == -EINVAL;
}

static bool
readable_by_copy(uintptr_t addr)
{
	char to[8];
	struct iovec local = { to, 8 }, remote = { (void *)addr, 8 };

	return call(__NR_process_vm_readv, call(__NR_getpid, 0, 0, 0, 0, 0, 0), (long)&local, 1,
		   (long)&remote, 1, 0) == 8;
}

enum { WAY_UNKNOWN, WAY_MASK, WAY_COPY, WAY_NONE };

static _Atomic int way;

static bool
readable(uintptr_t addr)
{
	int by = atomic_load_explicit(&way, memory_order_relaxed);

	if (by == WAY_UNKNOWN) {
		uintptr_t there = (uintptr_t)&by & ~(uintptr_t)7;

		by = readable_by_mask(there) && !readable_by_mask(8)   ? WAY_MASK
		     : readable_by_copy(there) && !readable_by_copy(8) ? WAY_COPY
								       : WAY_NONE;
		atomic_store_explicit(&way, by, memory_order_relaxed);
	}
	return by == WAY_MASK ? readable_by_mask(addr) : by == WAY_COPY && readable_by_copy(addr);
}

bool
stack_range_of(struct stack_memory *m, uintptr_t addr, bool trusted, struct stack_range *range)
{
	uintptr_t page = addr & ~(uintptr_t)(STACK_PAGE - 1);
	struct stack_range *r;

	if (addr % 8 != 0)
		return false;
	if (m && trusted)
		for (unsigned i = 0; i < STACK_RANGES; i++)
			if (addr - m->range[i].low < m->range[i].bytes) {
				*range = m->range[i];
				return true;
			}
	if (!readable(addr) && (!trusted || atomic_load(&way) != WAY_NONE))
		return false;
	*range = (struct stack_range){ page, STACK_PAGE };
	if (m == NULL || !trusted)
		return true;
	for (unsigned i = 0; i < STACK_RANGES; i++) {
		r = &m->range[i];
		if (r->bytes > 0 && (page == r->low + r->bytes || page + STACK_PAGE == r->low)) {
			if (page < r->low)
				r->low = page;
			r->bytes += STACK_PAGE;
			*range = *r;
			return true;
		}
	}
	m->range[m->turn++ % STACK_RANGES] = *range;
	return true;
}
