#include "interpose/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "interpose/hook.h"

unsigned char next_buffer[NEXT_BUFFER] __attribute__((aligned(4096)));

static _Atomic size_t used;
static __thread bool searching;

/* ---- memory before there is an allocator ---- */

enum { GRAIN = 16 };

static void *
buffer_take(size_t align, size_t size)
{
	size_t from = atomic_load(&used), at;

	if (align < GRAIN)
		align = GRAIN;
	if (size > NEXT_BUFFER || align > NEXT_BUFFER)
		return NULL;
	do {
		/* its size stands before it */
		at = (from + GRAIN + align - 1) & ~(align - 1);
		if (at + size > NEXT_BUFFER)
			return NULL;
	} while (!atomic_compare_exchange_weak(&used, &from, at + size));
	*(size_t *)(void *)(next_buffer + at - GRAIN) = size;
	return next_buffer + at;
}

size_t
next_buffer_usable(const void *p)
{
	return *(const size_t *)(const void *)((const unsigned char *)p - GRAIN);
}

/* ---- what the table holds at first: as the functions themselves, but they look for them before ---- */

static bool
ready(void)
{
	if (searching)
		return false;
	next_begin();
	return true;
}

static void *
early_malloc(size_t size)
{
	return ready() ? next.malloc(size) : buffer_take(0, size);
}

static void *
early_calloc(size_t n, size_t size)
{
	size_t all;

	if (ready())
		return next.calloc(n, size);
	return __builtin_mul_overflow(n, size, &all) ? NULL : buffer_take(0, all);
}

static void *
early_realloc(void *p, size_t size)
{
	size_t had;
	void *to;

	if (ready())
		return next.realloc(p, size);
	to = buffer_take(0, size);
	if (to && p && next_buffer_owns(p)) {
		had = next_buffer_usable(p);
		memcpy(to, p, had < size ? had : size);
	}
	return to;
}

static void *
early_reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (ready())
		return next.reallocarray(p, n, size);
	return __builtin_mul_overflow(n, size, &all) ? NULL : early_realloc(p, all);
}

static void
early_free(void *p)
{
	if (ready())
		next.free(p);
}

static void *
early_memalign(size_t align, size_t size)
{
	return ready() ? next.memalign(align, size) : buffer_take(align, size);
}

static void *
early_aligned_alloc(size_t align, size_t size)
{
	return ready() ? next.aligned_alloc(align, size) : buffer_take(align, size);
}

static int
early_posix_memalign(void **p, size_t align, size_t size)
{
	if (ready())
		return next.posix_memalign(p, align, size);
	*p = buffer_take(align, size);
	return *p ? 0 : ENOMEM;
}

static void *
early_valloc(size_t size)
{
	return ready() ? next.valloc(size) : buffer_take(4096, size);
}

static void *
early_pvalloc(size_t size)
{
	return ready() ? next.pvalloc(size) : buffer_take(4096, (size + 4095) & ~(size_t)4095);
}

static size_t
early_malloc_usable_size(void *p)
{
	return ready() ? next.malloc_usable_size(p) : 0;
}

/* The kernel can be asked without anybody. */
static void *
early_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	if (ready())
		return next.mmap(at, n, protection, flags, fd, offset);
	return hook_mmap(at, n, protection, flags, fd, offset);
}

static int
early_munmap(void *at, size_t n)
{
	if (ready())
		return next.munmap(at, n);
	return (int)hook_syscall(SYS_munmap, (long)at, (long)n, 0, 0, 0, 0);
}

static void *
early_mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	if (ready())
		return next.mremap(old, old_size, size, flags);
	return (void *)hook_syscall(SYS_mremap, (long)old, (long)old_size, (long)size, flags, 0, 0);
}

static int
early_brk(void *to)
{
	if (ready())
		return next.brk(to);
	errno = ENOMEM;
	return -1;
}

static void *
early_sbrk(intptr_t by)
{
	if (ready())
		return next.sbrk(by);
	errno = ENOMEM;
	return (void *)-1;
}

static void *
early_shmat(int id, const void *at, int flags)
{
	if (ready())
		return next.shmat(id, at, flags);
	return (void *)hook_syscall(SYS_shmat, id, (long)at, flags, 0, 0, 0);
}

static int
early_shmdt(const void *at)
{
	if (ready())
		return next.shmdt(at);
	return (int)hook_syscall(SYS_shmdt, (long)at, 0, 0, 0, 0, 0);
}

static int
early_dlclose(void *handle)
{
	return ready() ? next.dlclose(handle) : -1;
}

struct next_table next = {
	.malloc = early_malloc,
	.calloc = early_calloc,
	.realloc = early_realloc,
	.reallocarray = early_reallocarray,
	.free = early_free,
	.posix_memalign = early_posix_memalign,
	.aligned_alloc = early_aligned_alloc,
	.memalign = early_memalign,
	.valloc = early_valloc,
	.pvalloc = early_pvalloc,
	.malloc_usable_size = early_malloc_usable_size,
	.mmap = early_mmap,
	.munmap = early_munmap,
	.mremap = early_mremap,
	.brk = early_brk,
	.sbrk = early_sbrk,
	.shmat = early_shmat,
	.shmdt = early_shmdt,
	.dlclose = early_dlclose,
};

/* ---- finding them ---- */

struct range {
	uintptr_t low, high;
};

enum { OPERATORS = 32 };

static struct range own, allocator; /* whole objects; the C library is none: it calls nobody */
static struct range part[OPERATORS];
static _Atomic unsigned parts;

static bool
holds(const struct range *range, uintptr_t pc)
{
	return pc - range->low < range->high - range->low;
}

bool
next_is_allocator(uintptr_t pc)
{
	unsigned n = atomic_load_explicit(&parts, memory_order_acquire);

	if (holds(&own, pc) || holds(&allocator, pc))
		return true;
	for (unsigned i = 0; i < n && i < OPERATORS; i++)
		if (holds(&part[i], pc))
			return true;
	return false;
}

bool
next_is_own(uintptr_t pc)
{
	return holds(&own, pc);
}

uintptr_t
next_own(void)
{
	return own.low;
}

static struct range
object_of(const void *p)
{
	struct dl_find_object found;

	if (p && _dl_find_object((void *)(uintptr_t)p, &found) == 0)
		return (
		    struct range){ (uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end };
	return (struct range){ 0, 0 };
}

/* A function of a library that does more than to allocate. */
static void
add_part(const void *p)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;
	unsigned i;

	if (holds(&own, (uintptr_t)p) || holds(&allocator, (uintptr_t)p) ||
	    dladdr1(p, &info, (void **)&symbol, RTLD_DL_SYMENT) == 0 || symbol == NULL)
		return;
	for (i = 0; i < atomic_load(&parts) && i < OPERATORS; i++)
		if (part[i].low == (uintptr_t)info.dli_saddr)
			return;
	if (i < OPERATORS) {
		part[i] = (struct range){ (uintptr_t)info.dli_saddr,
			(uintptr_t)info.dli_saddr + symbol->st_size };
		atomic_store_explicit(&parts, i + 1, memory_order_release);
	}
}

/* A function that is not there stays what it was. */
static void
find(void *at, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p)
		memcpy(at, &p, sizeof p);
}

void
next_begin(void)
{
	struct next_table found = next;
	struct range libc;

	if (searching)
		return;
	searching = true;
	find(&found.malloc, "malloc");
	find(&found.calloc, "calloc");
	find(&found.realloc, "realloc");
	find(&found.reallocarray, "reallocarray");
	find(&found.free, "free");
	find(&found.posix_memalign, "posix_memalign");
	find(&found.aligned_alloc, "aligned_alloc");
	find(&found.memalign, "memalign");
	find(&found.valloc, "valloc");
	find(&found.pvalloc, "pvalloc");
	find(&found.malloc_usable_size, "malloc_usable_size");
	find(&found.mmap, "mmap");
	find(&found.munmap, "munmap");
	find(&found.mremap, "mremap");
	find(&found.brk, "brk");
	find(&found.sbrk, "sbrk");
	find(&found.shmat, "shmat");
	find(&found.shmdt, "shmdt");
	find(&found.dlclose, "dlclose");
	find(&found.free_sized, "free_sized");
	find(&found.free_aligned_sized, "free_aligned_sized");
	own = object_of((void *)next_begin);
	libc = object_of((void *)dlsym);
	allocator = object_of((void *)found.malloc);
	if (allocator.low == libc.low)
		allocator = (struct range){ 0, 0 };
	add_part((void *)found.reallocarray);
	next = found;
	searching = false;
}

void *
next_operator(void *_Atomic *at, const char *name)
{
	static const char *const library[] = { "libstdc++.so.6", "libc++.so.1" };
	bool was = searching;
	void *p, *handle;

	searching = true;
	p = dlsym(RTLD_NEXT, name);
	for (unsigned i = 0; p == NULL && i < sizeof library / sizeof *library; i++) {
		handle = dlopen(library[i], RTLD_LAZY | RTLD_NOLOAD);
		if (handle)
			p = dlsym(handle, name);
	}
	if (p) {
		add_part(p);
		atomic_store(at, p);
	}
	searching = was;
	return p;
}
