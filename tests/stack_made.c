/* stack_made.c - chains through code that was made at run time, which has no call frame information (x86-64)
 *
 * Two frames of such code are between main and the hook. Where it keeps frame pointers, the chain passes through to
 * the first function; where fp holds anything else, it is cut there, and nothing is read that is not there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "interpose/stack.h"
#include "interpose/stack_parts.h"

enum { DEPTH = 16 };

static struct stack_cache *cache;
static uint64_t frame[DEPTH];
static unsigned n, times = 1;
static bool cut, agrees;

void
stack_new_object(uintptr_t start, uintptr_t end)
{
	(void)start;
	(void)end;
}

__attribute__((noinline, optimize("no-omit-frame-pointer"))) void
take(void)
{
	struct stack_start start = STACK_START();
	struct stack_memory memory = { 0 };
	uint64_t slow[DEPTH];
	struct stack_walk w = { .memory = &memory, .frame = slow, .depth = DEPTH };
	struct stack_chain chain;

	for (unsigned i = 0; i < times; i++)
		stack_take(cache, &start, &chain);
	n = chain.n;
	cut = chain.cut;
	memcpy(frame, chain.frame, n * sizeof *frame);
	agrees = stack_walk_slow(&w, &start) && w.n == n && w.cut == cut &&
		 memcmp(slow, frame, n * sizeof *frame) == 0;
}

static unsigned char *code;

/* push %rbp; mov %rsp, %rbp or mov $fp, %rbp; call to; mov %rbp... restored by pop from the stack; ret */
static void (*make(size_t at, bool keeps, uint64_t fp, void (*to)(void)))(void)
{
	unsigned char *p = code + at;
	uint64_t to_at = (uint64_t)(uintptr_t)to;

	*p++ = 0x55;
	if (keeps) {
		memcpy(p, "\x48\x89\xe5", 3);
		p += 3;
	} else {
		memcpy(p, "\x48\xbd", 2);
		memcpy(p + 2, &fp, 8);
		p += 10;
	}
	memcpy(p, "\x48\xb8", 2);
	memcpy(p + 2, &to_at, 8);
	memcpy(p + 10, "\xff\xd0\x5d\xc3", 4);
	return (void (*)(void))(void *)(code + at);
}

static void
show(const char *what, void (*call)(void))
{
	unsigned made = 0;

	call();
	for (unsigned i = 0; i < n; i++)
		made += frame[i] - (uintptr_t)code < 4096;
	printf("%s: %u made frames, %s, %s\n", what, made,
	    cut            ? "cut"
	    : n > made + 2 ? "to the root"
			   : "short",
	    agrees ? "agrees" : "differs");
}

int
main(int argc, char **argv)
{
	char *none = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*one)(void);

	code = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cache = stack_cache_begin(calloc(1, stack_cache_bytes(DEPTH)), DEPTH);
	munmap(none, 8192);
	stack_begin();
	one = make(0, true, 0, make(64, true, 0, take));
	show("frame pointers", one);
	if (argc > 1) {
		struct timespec a, b;

		times = (unsigned)atoi(argv[1]);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		one();
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		printf("%.0f ns\n",
		    (double)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec) / times);
		return argv[0] == NULL;
	}
	show("fp is a number", make(128, true, 0, make(192, false, 12345, take)));
	show("fp is nowhere", make(256, true, 0, make(320, false, 0x7fffffffe000, take)));
	show("fp was unmapped",
	    make(384, true, 0, make(448, false, (uint64_t)(uintptr_t)none, take)));
	show("fp is no address", make(512, true, 0, make(576, false, 0x8000000000000000, take)));
	show("fp is code",
	    make(640, true, 0, make(704, false, (uint64_t)(uintptr_t)show & ~7ull, take)));
	return 0;
}
