/* stack_reload.c - chains through objects that come, go, and take each other's place
 *
 *	stack_reload A.so B.so	each has a function enter(void (*call)(void)), with frames of their own size
 *
 * Prints for each of several rounds whether its chain is that of the slow walk, whether the object lies where the one
 * before lay, and how many objects were told of in all. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interpose/stack.h"
#include "interpose/stack_parts.h"

enum { DEPTH = 16 };

static struct stack_cache *cache;
static bool same;
static unsigned known, told;

void
stack_new_object(uintptr_t start, uintptr_t end)
{
	told += start < end;
}

__attribute__((noinline, optimize("no-omit-frame-pointer"))) void
take(void)
{
	struct stack_start start = STACK_START();
	struct stack_memory memory = { 0 };
	uint64_t slow[DEPTH];
	struct stack_walk w = { .memory = &memory, .frame = slow, .depth = DEPTH };
	struct stack_chain chain;

	stack_take(cache, &start, &chain);
	known = chain.known;
	same = stack_walk_slow(&w, &start) && w.n == chain.n && !chain.cut && chain.n >= 4 &&
	       memcmp(slow, chain.frame, w.n * sizeof *slow) == 0;
}

int
main(int argc, char **argv)
{
	void *was = NULL;

	if (argc < 3)
		return 2;
	cache = stack_cache_begin(calloc(1, stack_cache_bytes(DEPTH)), DEPTH);
	stack_begin();
	for (int i = 0; i < 6; i++) {
		void *object = dlopen(argv[1 + i % 2], RTLD_NOW);
		void (*enter)(void (*)(void)) =
		    object ? (void (*)(void (*)(void)))dlsym(object, "enter") : NULL;
		Dl_info info = { 0 };

		if (enter == NULL)
			return 2;
		dladdr((void *)enter, &info);
		for (int k = 0; k < 2; k++) {
			enter(take);
			printf("%s, %s, %s, told %u\n", same ? "same" : "differs",
			    info.dli_fbase == was || i == 0 ? "same place" : "elsewhere",
			    known ? "known" : "new", told);
		}
		was = info.dli_fbase;
		dlclose(object);
		stack_objects_changed();
	}
	return 0;
}
