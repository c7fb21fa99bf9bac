/* interpose_backing - which pool an allocation comes from, by its size and its site; and what a full one does */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../interpose/backing.c"
#include "../../interpose/names.c"
#include "../../interpose/pool.c"
#include "unit.h"

static struct wire_process counts;

int hot_tree(void);
int cold_list(void);
int xmalloc(void);

__attribute__((noinline)) int
hot_tree(void)
{
	__asm__ volatile("" ::: "memory");
	return 1;
}

__attribute__((noinline)) int
cold_list(void)
{
	__asm__ volatile("" ::: "memory");
	return 2;
}

__attribute__((noinline)) int
xmalloc(void)
{
	__asm__ volatile("" ::: "memory");
	return 3;
}

static uint64_t
in(int (*function)(void))
{
	return (uint64_t)(uintptr_t)function + 1;
}

int
main(void)
{
	static const char text[] = "pool 0 path=/tmp size=8388608\n"
				   "pool 1 node=0 size=16777216\n"
				   "min 4096\n"
				   "rule 1 hot_*\n"
				   "min 1\n"
				   "rule 0 interpose_backing:cold_list\n"
				   "rule 0 nowhere.so:*\n"
				   "min 65536\n"
				   "rule 1 *\n";
	uint64_t hot[] = { in(xmalloc), in(hot_tree) }, cold[] = { in(xmalloc), in(cold_list) },
		 other[] = { in(xmalloc) };
	uint32_t by_hot, by_cold, by_other;
	unsigned char *a, *b, *c, *d;
	struct names_place place;
	unsigned full = 0;
	int status;

	names_find((uintptr_t)hot_tree, &place);
	CLAIM(strcmp(place.function, "hot_tree") == 0 &&
	      strcmp(place.object, "interpose_backing") == 0);
	names_find((uintptr_t)getpid, &place);
	CLAIM(strncmp(place.object, "libc.so", 7) == 0);
	names_find(4096, &place);
	CLAIM(*place.function == '\0' && *place.object == '\0');
	CLAIM(matches("a*b?c*", "axxbbbycz") && !matches("a*b", "abc") && matches("*", ""));

	backing_begin(text, strlen(text), &counts);
	CLAIM(pools == 2 && rules == 4 && backing_by_site());
	by_hot = backing_site(hot, 2);
	by_cold = backing_site(cold, 2);
	by_other = backing_site(other, 1);
	CLAIM(by_hot == (1u | 8u) && by_cold == (2u | 8u) && by_other == 8u);
	CLAIM(backing_site(hot, 2) == by_hot);

	/* by size, by site, in the order of the rules */
	a = backing_take(by_hot, 4096, 0, true);
	CLAIM(a && pool_owns(&pool[1], a) && backing_owns(a));
	CLAIM(backing_take(by_hot, 4095, 0, true) == NULL);
	b = backing_take(by_cold, 24, 64, false);
	CLAIM(b && pool_owns(&pool[0], b) && (uintptr_t)b % 64 == 0);
	CLAIM(backing_take(by_other, 65535, 0, false) == NULL);
	c = backing_take(by_other, 65536, 0, false);
	CLAIM(c && pool_owns(&pool[1], c) && !backing_owns(&counts) && !backing_owns(NULL));
	CLAIM(
	    counts.count[WIRE_BACKED] == 3 && counts.count[WIRE_BACKED_BYTES] == 4096 + 24 + 65536);
	CLAIM(backing_usable(b) >= 24);

	/* a full pool is said, and has room again later */
	while ((d = backing_take(by_cold, 1 << 20, 0, false)))
		full++;
	CLAIM(
	    full == 7 && counts.count[WIRE_FULL] == 1 && counts.count[WIRE_FULL_BYTES] == 1 << 20);
	backing_give(a);
	backing_give(b);
	backing_give(c);
	CLAIM(backing_take(by_other, 65536, 0, true) != NULL);

	/* a child has its own */
	b = backing_take(by_cold, 100, 0, false);
	memset(b, 1, 100);
	if (fork() == 0) {
		usleep(30000);
		_exit(b[0] == 1 && b[99] == 1 && backing_owns(b) ? 0 : 1);
	}
	memset(b, 2, 100);
	CLAIM(wait(&status) > 0 && status == 0);
	backing_objects_changed();
	CLAIM(backing_site(cold, 2) == by_cold);
	return 0;
}
