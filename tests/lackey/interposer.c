/* Logs each allocation and free of the program it is preloaded into, and stores to a page at MARKER beside each, so that the trace of
 * accesses of valgrind's lackey holds their places: a free before it, an allocation after it.
 *
 * A line of the log, in $LACKEY_LOG: OP ADDR SIZE OLD SITE, numbers in hex. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARKER 0x5a5a00000000

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void __libc_free(void *);
size_t malloc_usable_size(void *);

static char buffer[1 << 16];
static size_t used;
static int fd = -1;
static volatile uint64_t *marker;

static void
flush(void)
{
	if (fd < 0) {
		const char *name = getenv("LACKEY_LOG");

		fd =
		    open(name ? name : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	}
	if (write(fd, buffer, used) == (ssize_t)used)
		used = 0;
}

static void
put(uint64_t v)
{
	int shift = 60;

	buffer[used++] = ' ';
	while (shift > 0 && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		buffer[used++] = "0123456789abcdef"[v >> shift & 15];
}

static void
note(char op, void *addr, uint64_t size, void *old, void *site)
{
	if (marker == NULL)
		marker = mmap((void *)MARKER, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (used > sizeof buffer - 128)
		flush();
	buffer[used++] = op;
	put((uintptr_t)addr);
	put(size);
	put((uintptr_t)old);
	put((uintptr_t)site);
	buffer[used++] = '\n';
	*marker = 1;
}

void *
malloc(size_t size)
{
	void *p = __libc_malloc(size);

	if (p)
		note('m', p, size, NULL, __builtin_return_address(0));
	return p;
}

void *
calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	if (p)
		note('c', p, n * size, NULL, __builtin_return_address(0));
	return p;
}

void *
realloc(void *old, size_t size)
{
	void *p;

	if (old)
		note('R', old, 0, NULL, NULL);
	p = __libc_realloc(old, size);
	if (p)
		note('r', p, size, old, __builtin_return_address(0));
	else if (old && size > 0)
		note('r', old, malloc_usable_size(old), old, __builtin_return_address(0));
	return p;
}

void
free(void *p)
{
	if (p)
		note('f', p, 0, NULL, NULL);
	__libc_free(p);
}

/* What is freed behind this is not in the log, and its markers are not looked for. */
__attribute__((destructor)) static void
finish(void)
{
	flush();
}
