/* hash.h - hashes of bytes, and a set of items that are found by their hash
 *
 * hash_bytes() is for tables inside one process, and is not part of any format; hash_xxh64() is, as a checksum.
 *
 * A struct hash_set maps a 64-bit hash to item numbers (u32), which its caller compares; items live with the caller,
 * in an array. Open addressing, at most 5/8 full, 8 bytes a slot (the upper half of the hash, and the number).
 *
 *	for (struct hash_probe at = hash_first(&set, h); hash_found(&set, &at); hash_next(&set, &at))
 *		if (equal(items[at.item], wanted)) return at.item;
 *	hash_add(&set, h, number_of_new_item);
 *
 * Units:     items.
 * Ownership: the caller holds the struct, hash_free() its slots.
 * Errors:    none but out of memory (alloc.h).
 * Source:    own; XXH64: xxHash fast digest algorithm, specification 0.1.1 (Y. Collet).
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

static inline uint64_t
hash_mix(uint64_t h, uint64_t v)
{
	__uint128_t m = (__uint128_t)(h ^ v ^ 0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
hash_bytes(const void *bytes, size_t n)
{
	const char *p = bytes;
	uint64_t h = n * 0x9e3779b97f4a7c15, tail = 0;

	for (; n >= 8; p += 8, n -= 8)
		h = hash_mix(h, load64(p));
	if (n >= 4)
		tail = (uint64_t)load32(p) << 32 | load32(p + n - 4);
	else if (n > 0)
		tail = (uint64_t)(unsigned char)p[0] << 16 |
		       (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
	return hash_mix(h, tail);
}

uint64_t hash_xxh64(const void *bytes, size_t n, uint64_t seed);

struct hash_set {
	struct hash_slot {
		uint32_t tag, item; /* item is the number + 1; 0 is an empty slot */
	} * slot;
	size_t mask; /* slots - 1; 0 before the first item */
	size_t items;
};

#define HASH_SET_INIT ((struct hash_set){ 0 })

struct hash_probe {
	size_t at;
	uint32_t tag, item;
};

static inline struct hash_probe
hash_first(const struct hash_set *s, uint64_t hash)
{
	return (struct hash_probe){ (size_t)hash & s->mask, (uint32_t)(hash >> 32), 0 };
}

/* True when the probe stands on an item with this hash, whose number is then in at->item. */
static inline bool
hash_found(const struct hash_set *s, struct hash_probe *at)
{
	if (s->slot == NULL)
		return false;
	for (; s->slot[at->at].item; at->at = (at->at + 1) & s->mask)
		if (s->slot[at->at].tag == at->tag) {
			at->item = s->slot[at->at].item - 1;
			return true;
		}
	return false;
}

static inline void
hash_next(const struct hash_set *s, struct hash_probe *at)
{
	at->at = (at->at + 1) & s->mask;
}

/* Adds an item that is not there; item < 2^32 - 1. rehash gives the hash of an item number when the table must grow
 * (the slot keeps only half of it); its context is passed through. */
void hash_add(struct hash_set *s, uint64_t hash, uint32_t item,
    uint64_t (*rehash)(const void *context, uint32_t item), const void *context);

/* Forgets all items, keeps the room. */
void hash_clear(struct hash_set *s);
void hash_free(struct hash_set *s);

#endif
