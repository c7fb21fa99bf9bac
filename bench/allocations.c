/* allocations - a workload that does nothing but allocate and free
 *
 *	allocations [THREADS [PAIRS [FRAMES]]]		1 thread, 1,000,000 pairs of free and malloc in each, 0 frames below
 *
 * Each thread keeps 1,024 blocks of 8 to 2,055 bytes, and replaces one after another, chosen by a generator of its own: sizes,
 * order and number of calls are the same in each run.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 1024, THREADS_MAX = 64 };

static long pairs = 1000000;
static int frames;

__attribute__((noinline)) static char *
make(size_t size, int below)
{
	char *p = below > 0 ? make(size, below - 1) : malloc(size);

	/* no tail call */
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

static void *
work(void *argument)
{
	uint32_t x = (uint32_t)(uintptr_t)argument * 2654435761u + 1;
	char *slot[SLOTS] = { 0 };

	for (long i = 0; i < pairs; i++) {
		unsigned k;

		x = x * 1664525u + 1013904223u;
		k = x >> 22;
		free(slot[k]);
		slot[k] = make(8 + (x >> 8 & 2047), frames);
		if (slot[k] == NULL)
			abort();
		*slot[k] = 1;
	}
	for (int i = 0; i < SLOTS; i++)
		free(slot[i]);
	return NULL;
}

int
main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t thread[THREADS_MAX];

	if (argc > 2)
		pairs = atol(argv[2]);
	if (argc > 3)
		frames = atoi(argv[3]);
	if (threads < 1 || threads > THREADS_MAX || pairs < 0 || frames < 0) {
		fprintf(stderr, "usage: allocations [THREADS [PAIRS [FRAMES]]]\n");
		return 2;
	}
	for (uintptr_t i = 0; i < (unsigned)threads; i++)
		pthread_create(&thread[i], NULL, work, (void *)(i + 1));
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
