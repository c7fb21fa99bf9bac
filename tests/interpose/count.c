/* count.c - a preloaded library that does nothing but count, in the file that COUNT_TO names: allocations and frees, of all processes, to their last moment */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic unsigned long *counts;

static void
count(int what)
{
	static _Atomic unsigned long nothing[2];

	/* who records is not counted */
	if (counts == NULL && getenv("LEAT_INTERPOSE") == NULL)
		counts = nothing;
	if (counts == NULL) {
		const char *to = getenv("COUNT_TO");
		int fd = to ? open(to, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
		void *p = MAP_FAILED;

		if (fd >= 0 && ftruncate(fd, 4096) == 0)
			/* not by mmap(3), which is counted elsewhere */
			p = (void *)syscall(
			    SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			_exit(99);
		close(fd);
		counts = p;
	}
	counts[what]++;
}
static char early[1 << 16];
static _Atomic size_t used;
static __thread int inside;

static void *
next(void **f, const char *name)
{
	if (*f == NULL && !inside) {
		inside = 1;
		*f = dlsym(RTLD_NEXT, name);
		inside = 0;
	}
	return *f;
}

#define NEXT(result, parameters, name)                                                             \
	static void *found;                                                                        \
	result(*f) parameters = (result(*) parameters)next(&found, name)

static void *
first(size_t size)
{
	return early + atomic_fetch_add(&used, (size + 31) & ~(size_t)15);
}

static int
is_first(const char *p)
{
	return p >= early && p < early + sizeof early;
}

void *
malloc(size_t size)
{
	NEXT(void *, (size_t), "malloc");

	count(0);
	return f ? f(size) : first(size);
}

void *
calloc(size_t n, size_t size)
{
	NEXT(void *, (size_t, size_t), "calloc");

	count(0);
	return f ? f(n, size) : first(n * size);
}

void *
realloc(void *p, size_t size)
{
	NEXT(void *, (void *, size_t), "realloc");

	count(0);
	if (p)
		count(1);
	return f(p, size);
}

void
free(void *p)
{
	NEXT(void, (void *), "free");

	if (p == NULL || is_first(p))
		return;
	count(1);
	f(p);
}

int
posix_memalign(void **p, size_t align, size_t size)
{
	NEXT(int, (void **, size_t, size_t), "posix_memalign");

	count(0);
	return f(p, align, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	NEXT(void *, (size_t, size_t), "aligned_alloc");

	count(0);
	return f(align, size);
}

void *
memalign(size_t align, size_t size)
{
	NEXT(void *, (size_t, size_t), "memalign");

	count(0);
	return f(align, size);
}
