#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

static void
insert(struct hash_set *s, uint64_t hash, uint32_t item)
{
	size_t at = (size_t)hash & s->mask;

	while (s->slot[at].item)
		at = (at + 1) & s->mask;
	s->slot[at] = (struct hash_slot){ (uint32_t)(hash >> 32), item + 1 };
}

void
hash_add(struct hash_set *s, uint64_t hash, uint32_t item,
    uint64_t (*rehash)(const void *context, uint32_t item), const void *context)
{
	if (s->slot == NULL || (s->items + 1) * 8 > (s->mask + 1) * 5) {
		struct hash_slot *old = s->slot;
		size_t n = old ? s->mask + 1 : 0;

		s->mask = n ? n * 2 - 1 : 63;
		s->slot = xcalloc(s->mask + 1, sizeof *s->slot);
		for (size_t i = 0; i < n; i++)
			if (old[i].item)
				insert(s, rehash(context, old[i].item - 1), old[i].item - 1);
		free(old);
	}
	insert(s, hash, item);
	s->items++;
}

void
hash_clear(struct hash_set *s)
{
	if (s->slot && s->items > 0)
		memset(s->slot, 0, (s->mask + 1) * sizeof *s->slot);
	s->items = 0;
}

void
hash_free(struct hash_set *s)
{
	free(s->slot);
	*s = HASH_SET_INIT;
}

#define P1 0x9E3779B185EBCA87u
#define P2 0xC2B2AE3D27D4EB4Fu
#define P3 0x165667B19E3779F9u
#define P4 0x85EBCA77C2B2AE63u
#define P5 0x27D4EB2F165667C5u

static uint64_t
rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static uint64_t
lane(uint64_t acc, uint64_t v)
{
	return rotl(acc + v * P2, 31) * P1;
}

static uint64_t
merge_lane(uint64_t h, uint64_t acc)
{
	return (h ^ lane(0, acc)) * P1 + P4;
}

uint64_t
hash_xxh64(const void *bytes, size_t n, uint64_t seed)
{
	const unsigned char *p = bytes, *end = p + n;
	uint64_t h = seed + P5;

	if (n >= 32) {
		uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;

		for (; end - p >= 32; p += 32) {
			a = lane(a, load64(p));
			b = lane(b, load64(p + 8));
			c = lane(c, load64(p + 16));
			d = lane(d, load64(p + 24));
		}
		h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
		h = merge_lane(merge_lane(merge_lane(merge_lane(h, a), b), c), d);
	}
	h += n;
	for (; end - p >= 8; p += 8)
		h = rotl(h ^ lane(0, load64(p)), 27) * P1 + P4;
	if (end - p >= 4) {
		h = rotl(h ^ load32(p) * P1, 23) * P2 + P3;
		p += 4;
	}
	for (; p < end; p++)
		h = rotl(h ^ *p * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}
