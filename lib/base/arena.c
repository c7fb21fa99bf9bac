#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(16) char bytes[];
};

enum { CHUNK_MIN = 65536 };

static struct arena_chunk *
chunk_new(size_t size)
{
	struct arena_chunk *c;

	if (size < CHUNK_MIN)
		size = CHUNK_MIN;
	c = xmalloc(sizeof *c + size);
	c->next = NULL;
	c->size = size;
	return c;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->at;
	void *p;

	size = (size + 7) & ~(size_t)7;
	while (c == NULL || c->size - a->used < size) {
		struct arena_chunk *next = c ? c->next : a->first;

		if (next == NULL || next->size < size) {
			struct arena_chunk *fresh = chunk_new(size);

			fresh->next = next;
			if (c)
				c->next = fresh;
			else
				a->first = fresh;
			next = fresh;
		}
		a->at = c = next;
		a->used = 0;
	}
	p = c->bytes + a->used;
	a->used += size;
	a->total += size;
	return p;
}

struct slice
arena_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct slice){ p, s.n };
}

void
arena_reset(struct arena *a)
{
	a->at = NULL;
	a->used = 0;
	a->total = 0;
}

void
arena_free(struct arena *a)
{
	struct arena_chunk *c = a->first;

	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
	*a = ARENA_INIT;
}
