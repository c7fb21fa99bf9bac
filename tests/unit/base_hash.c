#include "base/alloc.h"
#include "base/hash.h"
#include "unit.h"

static uint64_t *items;

static uint64_t
rehash(const void *context, uint32_t item)
{
	CLAIM(context == &items);
	return hash_mix(0, items[item]);
}

static uint32_t
find(const struct hash_set *s, uint64_t v)
{
	for (struct hash_probe at = hash_first(s, hash_mix(0, v)); hash_found(s, &at);
	     hash_next(s, &at))
		if (items[at.item] == v)
			return at.item;
	return UINT32_MAX;
}

static void
what_was_added_is_found_and_nothing_else(void)
{
	enum { N = 100000 };
	struct hash_set s = HASH_SET_INIT;

	items = xcalloc(N, sizeof *items);
	CLAIM(find(&s, 0) == UINT32_MAX);
	for (uint32_t i = 0; i < N; i++) {
		items[i] = (uint64_t)i * 3;
		hash_add(&s, hash_mix(0, items[i]), i, rehash, &items);
		CLAIM(s.items == i + 1);
		CLAIM(s.items * 8 <= (s.mask + 1) * 5);
	}
	for (uint32_t i = 0; i < N; i++) {
		CLAIM(find(&s, (uint64_t)i * 3) == i);
		CLAIM(find(&s, (uint64_t)i * 3 + 1) == UINT32_MAX);
	}
	hash_clear(&s);
	CLAIM(s.items == 0 && find(&s, 3) == UINT32_MAX);
	hash_free(&s);
	CLAIM(s.slot == NULL);
	free(items);
}

/* Items with the same hash are all found: the caller compares. */
static void
collisions(void)
{
	struct hash_set s = HASH_SET_INIT;
	unsigned found = 0;

	for (uint32_t i = 0; i < 20; i++)
		hash_add(&s, 77, i, rehash, &items);
	for (struct hash_probe at = hash_first(&s, 77); hash_found(&s, &at); hash_next(&s, &at))
		found |= 1u << at.item;
	CLAIM(found == (1u << 20) - 1);
	hash_free(&s);
}

/* Values that other implementations publish. */
static void
xxh64_is_that_of_others(void)
{
	char bytes[100];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	CLAIM(hash_xxh64("", 0, 0) == 0xef46db3751d8e999);
	CLAIM(hash_xxh64("a", 1, 0) == 0xd24ec4f1a98c6e5b);
	CLAIM(hash_xxh64("abc", 3, 0) == 0x44bc2cf5ad770999);
	CLAIM(hash_xxh64("Nobody inspects the spammish repetition", 39, 0) == 0xfbcea83c8a378bf1);
	CLAIM(hash_xxh64(bytes, 100, 0) != hash_xxh64(bytes, 99, 0));
	CLAIM(hash_xxh64(bytes, 100, 0) != hash_xxh64(bytes, 100, 1));
}

/* No byte and no length is without effect, at any position. */
static void
every_byte_counts(void)
{
	unsigned char bytes[80] = { 0 };

	for (size_t n = 1; n < sizeof bytes; n++) {
		uint64_t h = hash_bytes(bytes, n), x = hash_xxh64(bytes, n, 0);

		CLAIM(h != hash_bytes(bytes, n - 1) && x != hash_xxh64(bytes, n - 1, 0));
		for (size_t i = 0; i < n; i++) {
			bytes[i] = 1;
			CLAIM(hash_bytes(bytes, n) != h && hash_xxh64(bytes, n, 0) != x);
			bytes[i] = 0;
		}
	}
}

int
main(void)
{
	what_was_added_is_found_and_nothing_else();
	collisions();
	xxh64_is_that_of_others();
	every_byte_counts();
	return 0;
}
