/* stack_chains.c - random call chains, taken by interpose/stack.h and by witnesses
 *
 *	stack_chains SECONDS|COUNT [SEED]
 *
 * Functions of many shapes call each other at random; at the end of each way the chain is taken with the cache, without
 * it, by the slow walk, and, where it was built with -DWITH_LIBUNWIND, by libunwind (unw_step()). Any two that differ are
 * printed. The last line is `chains=N compared=N known=N cut=N differences=N`. */
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#ifdef WITH_LIBUNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#endif

#include "interpose/stack.h"
#include "interpose/stack_parts.h"

enum { DEPTH = 16, SHAPES = 14 };

static _Atomic unsigned long chains, compared, knowns, cuts, differences;
static __thread struct stack_cache *cache;
static __thread uint64_t state;
static __thread bool no_witness; /* where libunwind cannot know */
volatile int zero;

void
stack_new_object(uintptr_t start, uintptr_t end)
{
	(void)start;
	(void)end;
}

static unsigned
random_below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 16) % n);
}

static void
differ(const char *what, const uint64_t *a, unsigned n, const uint64_t *b, unsigned m)
{
	if (differences++ > 5)
		return;
	printf("%s:\n", what);
	for (unsigned i = 0; i < n || i < m; i++) {
		Dl_info x = { 0 }, y = { 0 };

		if (i < n)
			dladdr((void *)(a[i] - 1), &x);
		if (i < m)
			dladdr((void *)(b[i] - 1), &y);
		printf("%2u %16lx %-24s %16lx %s%s\n", i, i < n ? a[i] : 0,
		    x.dli_sname ? x.dli_sname : "?", i < m ? b[i] : 0,
		    y.dli_sname ? y.dli_sname : "?", i < n && i < m && a[i] == b[i] ? "" : " <-");
	}
}

static bool
same(const uint64_t *a, unsigned n, const uint64_t *b, unsigned m)
{
	return n == m && memcmp(a, b, n * sizeof *a) == 0;
}

/* A hook: what is taken is the chain of its caller. */
__attribute__((noinline, optimize("no-omit-frame-pointer"))) void
take(void)
{
	struct stack_start start = STACK_START();
	struct stack_chain chain;
	struct stack_memory memory = { 0 };
	uint64_t plain[DEPTH], slow[DEPTH];
	struct stack_walk w = { .memory = &memory, .frame = slow, .depth = DEPTH };
	unsigned n;
	bool cut;

	if (cache == NULL)
		cache = stack_cache_begin(calloc(1, stack_cache_bytes(DEPTH)), DEPTH);
	chains++;
	stack_take(cache, &start, &chain);
	knowns += chain.known;
	cuts += chain.cut;
	n = stack_walk(&start, plain, DEPTH, &cut);
	if (!same(chain.frame, chain.n, plain, n) || cut != chain.cut)
		differ("cached, plain", chain.frame, chain.n, plain, n);
	if (!stack_walk_slow(&w, &start))
		printf("the slow walk did not pass\n");
	compared++;
	if (!same(chain.frame, chain.n, slow, w.n) || w.cut != chain.cut)
		differ(
		    w.cut ? "cached, slow (cut)" : "cached, slow", chain.frame, chain.n, slow, w.n);
#ifdef WITH_LIBUNWIND
	if (!no_witness) {
		unw_context_t context;
		unw_cursor_t cursor;
		uint64_t theirs[DEPTH];
		unsigned m = 0;
		bool trampoline, exact = false;

		unw_getcontext(&context);
		unw_init_local(&cursor, &context);
		while (m < DEPTH && unw_step(&cursor) > 0) {
			unw_word_t ip;

			unw_get_reg(&cursor, UNW_REG_IP, &ip);
			if (ip == 0)
				break;
			/* Addresses of ours are looked up one before: the exact ones are one more. */
			trampoline = memcmp((void *)ip, STACK_ARCH->sigreturn.p,
					 STACK_ARCH->sigreturn.n) == 0;
			theirs[m] = ip + (trampoline || exact) - (m == 0);
			exact = trampoline;
			m++;
		}
		if (!same(chain.frame, chain.n, theirs, m))
			differ("cached, libunwind", chain.frame, chain.n, theirs, m);
	}
#endif
}

typedef void (*shape)(unsigned depth);
static shape shapes[SHAPES];

static void
next(unsigned depth)
{
	if (depth == 0)
		take();
	else
		shapes[random_below(SHAPES)](depth - 1);
}

#define SHAPE(name) __attribute__((noinline, noclone)) static void name(unsigned depth)

SHAPE(plain)
{
	next(depth);
	__asm__ volatile("");
}

SHAPE(twice)
{
	next(depth / 2);
	next(depth);
	__asm__ volatile("");
}

SHAPE(large)
{
	volatile char room[5000];

	room[depth] = 1;
	next(depth);
	room[1] = room[depth];
}

SHAPE(room_by_size)
{
	volatile char *room = alloca(16 + 16 * random_below(100));

	room[0] = 1;
	next(depth);
	room[1] = room[0];
}

SHAPE(array_by_size)
{
	unsigned n = 1 + random_below(100);
	volatile long room[n];

	room[n - 1] = 1;
	next(depth);
	room[0] = room[n - 1];
}

SHAPE(realigned)
{
	volatile _Alignas(64) char room[64];

	room[0] = 1;
	next(depth);
	room[1] = room[0];
}

SHAPE(realigned_by_size)
{
	volatile _Alignas(128) char room[128];
	volatile char *more = alloca(8 + 8 * random_below(50));

	room[0] = more[0] = 1;
	next(depth);
	room[1] = more[0];
	more[1] = room[1];
}

SHAPE(registers)
{
	long a = zero + 1, b = zero + 2, c = zero + 3, d = zero + 4, e = zero + 5, f = zero + 6;

	for (int i = 0; i < 2; i++) {
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
		if (i == 1)
			next(depth);
		a += b * c;
		d += e * f;
	}
	zero = (int)(a + d) * 0;
}

SHAPE(many_arguments)
{
	extern void with_many(unsigned, long, long, long, long, long, long, long, long);

	with_many(depth, 1, 2, 3, 4, 5, 6, 7, 8);
	__asm__ volatile("");
}

__attribute__((noinline, noclone)) void
with_many(unsigned depth, long a, long b, long c, long d, long e, long f, long g, long h)
{
	next(depth);
	zero = (int)(a + b + c + d + e + f + g + h) * 0;
}

SHAPE(tail)
{
	next(depth); /* where it is optimized: no frame is left */
}

static int
less(const void *a, const void *b)
{
	static __thread unsigned calls;

	if (calls++ % 7 == 0)
		next(2);
	return *(const int *)a - *(const int *)b;
}

SHAPE(through_libc)
{
	int v[3] = { 3, 1, 2 };

	qsort(v, 3, sizeof *v, less);
	next(depth);
	__asm__ volatile("");
}

SHAPE(jump)
{
	jmp_buf back;
	volatile unsigned d = depth;

	if (setjmp(back) == 0) {
		next(d);
		longjmp(back, 1);
	}
	next(d / 2);
}

static __thread unsigned signal_depth;

static void
handler(int number)
{
	(void)number;
	next(signal_depth);
}

SHAPE(by_signal)
{
	/* On a coroutine's stack it would begin at the top of the signal stack, which may be in use. */
	if (!no_witness && random_below(4) == 0) {
		signal_depth = depth;
		raise(SIGUSR1);
	}
	next(depth);
	__asm__ volatile("");
}

static __thread ucontext_t from, to;
static __thread unsigned coroutine_depth;

static void
coroutine(void)
{
	bool was = no_witness;

	no_witness = true; /* its root is a matter of taste */
	next(coroutine_depth);
	no_witness = was;
}

SHAPE(by_coroutine)
{
	static __thread bool inside;

	if (!inside && random_below(4) == 0) {
		size_t n = 256 << 10;
		char *stack =
		    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		inside = true;
		getcontext(&to);
		to.uc_stack.ss_sp = stack;
		to.uc_stack.ss_size = n;
		to.uc_link = &from;
		coroutine_depth = depth;
		makecontext(&to, coroutine, 0);
		swapcontext(&from, &to);
		munmap(stack, n);
		inside = false;
	}
	next(depth);
	__asm__ volatile("");
}

static shape shapes[SHAPES] = { plain, twice, large, room_by_size, array_by_size, realigned,
	realigned_by_size, registers, many_arguments, tail, through_libc, jump, by_signal,
	by_coroutine };

/* Walks that begin alike, in a frame of the same place, and part in one frame alone: the last, the one before ... */
__attribute__((noinline, noclone)) static void
straight(unsigned depth)
{
	if (depth == 0)
		take();
	else
		straight(depth - 1);
	__asm__ volatile("");
}

__attribute__((noinline, noclone)) static void
part(unsigned depth, bool here)
{
	if (here) {
		straight(depth);
		__asm__ volatile("# one"); /* so that there are two calls */
	} else {
		straight(depth);
		__asm__ volatile("# other");
	}
}

static void
part_at_all_depths(void)
{
	for (unsigned depth = 0; depth < DEPTH + 4; depth++)
		for (unsigned i = 0; i < 12; i++)
			part(depth, i / 3 % 2);
}

static unsigned long wanted;

static void *
thread(void *seed)
{
	state = (uint64_t)(uintptr_t)seed * 0x9e3779b97f4a7c15ull + 1;
	while (chains < wanted)
		next(1 + random_below(12));
	return NULL;
}

int
main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK | SA_NODEFER };
	stack_t alt = { .ss_size = 1 << 20 };
	uintptr_t seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	pthread_t id[2];

	wanted = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000;
	alt.ss_sp = malloc(alt.ss_size);
	sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &act, NULL);
	stack_begin();
	part_at_all_depths();
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&id[i], NULL, thread, (void *)(seed * 3 + i + 1));
	thread((void *)(seed * 3));
	for (unsigned i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	printf("chains=%lu compared=%lu known=%lu cut=%lu differences=%lu\n", chains, compared,
	    knowns, cuts, differences);
	return differences > 0;
}
