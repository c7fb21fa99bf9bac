/* stack_time.c - nanoseconds to take a chain: interpose/stack.h beside libunwind and glibc, in one process
 *
 *	stack_time [ROUNDS]
 *
 * `again` takes the same chain again and again from one place, `tree` the chains of a tree of calls: each is another one
 * than the last, differing at random in all of its frames (left or right at each level), of which none is remembered
 * where there are many. The calls themselves are taken off. The least of the rounds counts, in CPU time. */
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "interpose/stack.h"

enum { WAYS = 5, TAKES = 20000 };

static struct stack_cache *cache;
static unsigned way, depth, times;
static uint64_t frame[128], sum, taken, known;
static volatile int zero;

void
stack_new_object(uintptr_t start, uintptr_t end)
{
	(void)start;
	(void)end;
}

__attribute__((noinline, noclone, optimize("no-omit-frame-pointer"))) static void
take(void)
{
	struct stack_start start = STACK_START();
	struct stack_chain chain;
	bool cut;

	switch (way) {
	case 0:
		break;
	case 1:
		stack_take(cache, &start, &chain);
		taken++;
		known += chain.known;
		sum += chain.number;
		break;
	case 2:
		sum += stack_walk(&start, frame, depth, &cut);
		break;
	case 3:
		sum += (uint64_t)unw_backtrace((void **)frame, (int)depth);
		break;
	case 4:
		sum += (uint64_t)backtrace((void **)frame, (int)depth);
		break;
	}
	__asm__ volatile("");
}

static void left(unsigned, uint64_t), right(unsigned, uint64_t);

static inline __attribute__((always_inline)) void
down(unsigned level, uint64_t path)
{
	if (level == 0)
		for (unsigned i = 0; i < times; i++)
			take();
	else if (path & 1)
		left(level - 1, path >> 1);
	else
		right(level - 1, path >> 1);
	__asm__ volatile("");
}

__attribute__((noinline, noclone)) static void
left(unsigned level, uint64_t path)
{
	volatile long room[3];

	room[0] = zero;
	down(level, path);
	room[1] = room[0];
}

__attribute__((noinline, noclone)) static void
right(unsigned level, uint64_t path)
{
	volatile long room[4];

	room[0] = zero;
	down(level, path);
	room[1] = room[0];
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* paths: how many ways there are through the tree. */
static double
measure(unsigned paths)
{
	uint64_t state = 88172645463325252ull;
	double began = now();

	for (unsigned i = 0; i < TAKES / times; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		left(depth,
		    paths == 1 ? 0x5555555555555555 : (state >> 8) % paths * 0x9e3779b97f4a7c15ull);
	}
	return (now() - began) / TAKES;
}

int
main(int argc, char **argv)
{
	static const char *const name[WAYS] = { "calls", "ours", "ours-no-cache", "unw_backtrace",
		"backtrace" };
	static const struct {
		const char *name;
		unsigned times, paths;
	} shape[] = { { "again", 1000, 1 }, { "tree-100", 1, 100 }, { "tree-300", 1, 300 },
		{ "tree-many", 1, 1u << 30 } };
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 9;

	stack_begin();
	for (unsigned k = 0; k < sizeof shape / sizeof *shape; k++)
		for (depth = 8; depth <= 32; depth *= 2) {
			double least[WAYS];

			cache = stack_cache_begin(calloc(1, stack_cache_bytes(depth)), depth);
			taken = known = 0;
			times = shape[k].times;
			for (way = 0; way < WAYS; way++) {
				least[way] = 1e9;
				for (unsigned i = 0; i < rounds; i++) {
					double t = measure(shape[k].paths);

					if (t < least[way])
						least[way] = t;
				}
			}
			for (way = 1; way < WAYS; way++)
				printf("%s\t%u\t%s\t%.1f\n", shape[k].name, depth, name[way],
				    least[way] - least[0]);
			printf("%s\t%u\tknown\t%.3f\n", shape[k].name, depth,
			    (double)known / (double)taken);
		}
	return sum == 1;
}
