#include "store/dictionary.h"

#include <stdlib.h>

#include "base/alloc.h"

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct dictionary *d = context;

	return hash_bytes(d->item[item].p, d->item[item].n);
}

uint32_t
dictionary_number(struct dictionary *d, struct slice bytes, bool *fresh)
{
	uint64_t h = hash_bytes(bytes.p, bytes.n);

	*fresh = false;
	for (struct hash_probe at = hash_first(&d->set, h); hash_found(&d->set, &at);
	     hash_next(&d->set, &at))
		if (slice_eq(d->item[at.item], bytes))
			return at.item + 1;
	*fresh = true;
	GROW(d->item, d->cap, d->items);
	d->item[d->items] = arena_copy(&d->arena, bytes);
	hash_add(&d->set, h, (uint32_t)d->items, rehash, d);
	return (uint32_t)++d->items;
}

void
dictionary_clear(struct dictionary *d)
{
	arena_reset(&d->arena);
	hash_clear(&d->set);
	d->items = 0;
}

void
dictionary_free(struct dictionary *d)
{
	arena_free(&d->arena);
	hash_free(&d->set);
	free(d->item);
}
