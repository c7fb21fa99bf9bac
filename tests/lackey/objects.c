/* 1,009 allocations, of 3000 + 8 i bytes each, from seven places, and 1 + 7 i % 13 accesses to each, some after others came and went. */
#include <stdlib.h>

enum { OBJECTS = 1009, PLACES = 7 };

static volatile long *object[OBJECTS];

#define PLACE(n)                                                                                   \
	__attribute__((noinline)) static void *place_##n(size_t size)                              \
	{                                                                                          \
		void *volatile p = malloc(size);                                                   \
		return p;                                                                          \
	}
PLACE(0)
PLACE(1)
PLACE(2)
PLACE(3)
PLACE(4)
PLACE(5)
PLACE(6)

static void *(*const place[PLACES])(
    size_t) = { place_0, place_1, place_2, place_3, place_4, place_5, place_6 };

int
main(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		long n = 1 + 7 * i % 13;

		object[i] = place[i % PLACES]((size_t)(3000 + 8 * i));
		for (long k = 0; k < n; k++)
			object[i][(k * 37) % (375 + i)] = k;
		/* Every other one goes after a while: its address is another's soon. */
		if (i >= 40 && i % 2)
			free((void *)object[i - 40 + 1 - i % 2]);
	}
	return 0;
}
