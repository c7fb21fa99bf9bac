/* stack_preload.c - preloaded into a real program: takes the chain of every allocation, and proves it
 *
 *	STACK_DEPTH=16 STACK_CHECK=N LD_PRELOAD=./stack_preload.so PROGRAM
 *
 * Built with -DWITH_LIBUNWIND, STACK_PEER=1 takes them by unw_backtrace() instead. One chain in N (0: none) is walked slowly, too, with all registers and without anything remembered. At the end a line goes
 * to descriptor 2: `stack_preload: takes=N known=N remembered=N checked=N differences=N cut=N`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef WITH_LIBUNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#endif

#include "interpose/stack.c"

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

static __thread struct stack_cache *cache __attribute__((tls_model("initial-exec")));
static __thread bool inside __attribute__((tls_model("initial-exec")));
static unsigned depth, check;
static bool begun, peer;
static _Atomic unsigned long takes, known, checked, differences, cuts;

void
stack_new_object(uintptr_t start, uintptr_t end)
{
	(void)start;
	(void)end;
}

static __attribute__((constructor)) void
begin(void)
{
	const char *d = getenv("STACK_DEPTH"), *n = getenv("STACK_CHECK");

	depth = d ? (unsigned)atoi(d) : 16;
	check = n ? (unsigned)atoi(n) : 1;
	peer = getenv("STACK_PEER") != NULL;
	stack_begin();
	begun = true;
}

static void
print(const char *what, const struct stack_chain *chain, const struct stack_walk *w)
{
	char line[200];
	int n = snprintf(line, sizeof line, "# %s: %u and %u frames, cut %d and %d\n", what,
	    chain->n, w->n, chain->cut, w->cut);

	if (write(2, line, (size_t)n) < 0)
		return;
	for (unsigned i = 0; i < depth; i++) {
		n = snprintf(line, sizeof line, "# %2u %16lx %16lx\n", i,
		    i < chain->n ? chain->frame[i] : 0, i < w->n ? w->frame[i] : 0);
		if (write(2, line, (size_t)n) < 0)
			return;
	}
}

__attribute__((noinline)) static void
take(const struct stack_start *start)
{
	struct stack_chain chain;
	int keep = errno;

	if (!begun || inside || depth == 0)
		return;
	inside = true;
#ifdef WITH_LIBUNWIND
	if (peer) {
		void *frame[WIRE_DEPTH_MAX];

		takes += unw_backtrace(frame, (int)depth) > 0;
		inside = false;
		errno = keep;
		return;
	}
#endif
	if (cache == NULL)
		cache =
		    stack_cache_begin(mmap(NULL, stack_cache_bytes(depth), PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			depth);
	stack_take(cache, start, &chain);
	takes++;
	known += chain.known;
	cuts += chain.cut;
	if (check && takes % check == 0) {
		struct stack_memory memory = { 0 };
		uint64_t frame[WIRE_DEPTH_MAX];
		struct stack_walk w = { .memory = &memory, .frame = frame, .depth = depth };

		checked++;
		if (!stack_walk_slow(&w, start) || w.n != chain.n || w.cut != chain.cut ||
		    memcmp(frame, chain.frame, w.n * sizeof *frame) != 0)
			if (differences++ < 3)
				print("differs", &chain, &w);
	}
	inside = false;
	errno = keep;
}

#define HOOK __attribute__((visibility("default"), noinline, optimize("no-omit-frame-pointer")))

HOOK void *
malloc(size_t n)
{
	struct stack_start start = STACK_START();

	take(&start);
	return __libc_malloc(n);
}

HOOK void *
calloc(size_t n, size_t m)
{
	struct stack_start start = STACK_START();

	take(&start);
	return __libc_calloc(n, m);
}

HOOK void *
realloc(void *p, size_t n)
{
	struct stack_start start = STACK_START();

	take(&start);
	return __libc_realloc(p, n);
}

static __attribute__((destructor)) void
end(void)
{
	char line[300];
	int n = snprintf(line, sizeof line,
	    "stack_preload: takes=%lu known=%lu remembered=%lu partly=%lu checked=%lu "
	    "differences=%lu cut=%lu\n",
	    takes, known, (unsigned long)stack_counts[0], (unsigned long)stack_counts[1], checked,
	    differences, cuts);

	if (write(2, line, (size_t)n) < 0)
		_exit(1);
}
