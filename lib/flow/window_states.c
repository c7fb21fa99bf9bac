#include <stdlib.h>

#include "base/alloc.h"
#include "flow/window_parts.h"

enum { SWEEP_FIRST = 4096 };

static uint64_t
key_hash(const struct window_key *key)
{
	return key->s.p ? hash_bytes(key->s.p, key->s.n) : hash_mix(key->kind, key->word);
}

static uint64_t
rehash(const void *context, uint32_t n)
{
	const struct window_states *a = context;

	return key_hash(&a->state[n].key);
}

static bool
same_key(const struct window_key *a, const struct window_key *b)
{
	return a->kind == b->kind && a->word == b->word && slice_eq(a->s, b->s);
}

/* Forgets the states that a new one would equal. */
static void
sweep(struct window_states *a, bool (*idle)(const void *context, const struct window_state *c),
    const void *context)
{
	hash_clear(&a->set);
	for (uint32_t n = 0; n < a->n; n++) {
		struct window_state *c = &a->state[n];

		if (c->used && idle(context, c)) {
			free((char *)(uintptr_t)c->key.s.p);
			c->used = false;
			GROW(a->free, a->free_cap, a->frees);
			a->free[a->frees++] = n;
		} else if (c->used) {
			hash_add(&a->set, key_hash(&c->key), n, rehash, a);
		}
	}
	a->sweep_at = 2 * (a->n - a->frees);
	if (a->sweep_at < SWEEP_FIRST)
		a->sweep_at = SWEEP_FIRST;
}

uint32_t
window_states_get(struct window_states *a, const struct window_key *key,
    bool (*idle)(const void *context, const struct window_state *c), const void *context)
{
	uint64_t h = key_hash(key);
	uint32_t n;

	for (struct hash_probe at = hash_first(&a->set, h); hash_found(&a->set, &at);
	     hash_next(&a->set, &at))
		if (same_key(&a->state[at.item].key, key))
			return at.item;
	if (a->sweep_at == 0)
		a->sweep_at = SWEEP_FIRST;
	if (a->n - a->frees >= a->sweep_at)
		sweep(a, idle, context);
	if (a->frees > 0) {
		n = a->free[--a->frees];
	} else {
		GROW(a->state, a->cap, a->n);
		n = (uint32_t)a->n++;
	}
	a->state[n] = (struct window_state){ .key = *key, .used = true };
	if (key->s.p)
		a->state[n].key.s.p = xstrndup(key->s.p, key->s.n);
	hash_add(&a->set, h, n, rehash, a);
	return n;
}

void
window_states_free(struct window_states *a)
{
	for (size_t n = 0; n < a->n; n++)
		if (a->state[n].used)
			free((char *)(uintptr_t)a->state[n].key.s.p);
	free(a->state);
	free(a->free);
	hash_free(&a->set);
}
