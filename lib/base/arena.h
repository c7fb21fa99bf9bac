/* arena.h - memory that is released all at once
 *
 * Chunks of at least 64 KiB; an allocation is a pointer bump. arena_reset() keeps the chunks for the next round.
 *
 * Units:     bytes.
 * Ownership: the arena holds what it hands out, until arena_reset() or arena_free().
 * Errors:    none but out of memory (alloc.h).
 * Source:    own.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *first, *at; /* private */
	size_t used;                    /* private: bytes of chunk `at` */
	size_t total;                   /* bytes handed out since the last reset */
};

#define ARENA_INIT ((struct arena){ 0 })

/* size bytes, aligned to 8, not cleared. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of s, followed by a NUL that is not part of the slice. */
struct slice arena_copy(struct arena *a, struct slice s);

void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
