/* plugin.c - an object that allocates; NAME is the function that does */
#include <stdlib.h>

void *plugin(size_t size);

__attribute__((noinline)) static void *
NAME(size_t size)
{
	void *p = malloc(size);

	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

void *
plugin(size_t size)
{
	void *p = NAME(size);

	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}
