#include "store/lives.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { NONE = UINT32_MAX };

struct lives_place {
	uint64_t space, addr;
	uint32_t top; /* the latest open one, or NONE */
};

static uint64_t
hash_of(uint64_t space, uint64_t addr)
{
	return hash_mix(space, addr);
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct lives *l = context;

	return hash_of(l->place[item].space, l->place[item].addr);
}

static struct lives_place *
find(struct lives *l, uint64_t space, uint64_t addr)
{
	uint64_t h = hash_of(space, addr);

	for (struct hash_probe at = hash_first(&l->set, h); hash_found(&l->set, &at);
	     hash_next(&l->set, &at))
		if (l->place[at.item].addr == addr && l->place[at.item].space == space)
			return &l->place[at.item];
	return NULL;
}

void
lives_begin(struct lives *l, uint64_t space, uint64_t addr, uint64_t number)
{
	struct lives_place *p = find(l, space, addr);

	if (p == NULL) {
		GROW(l->place, l->place_cap, l->places);
		p = &l->place[l->places];
		*p = (struct lives_place){ space, addr, NONE };
		hash_add(&l->set, hash_of(space, addr), (uint32_t)l->places++, rehash, l);
	}
	GROW(l->life, l->cap, l->lives);
	l->life[l->lives] = (struct life){ number, LIVES_OPEN, 0, p->top };
	p->top = (uint32_t)l->lives++;
}

void
lives_end(struct lives *l, uint64_t space, uint64_t addr, uint64_t number, int64_t t)
{
	struct lives_place *p = find(l, space, addr);
	struct life *life;

	if (p == NULL || p->top == NONE)
		return;
	life = &l->life[p->top];
	life->end = number;
	life->until = t;
	p->top = life->below;
}

void
lives_clear(struct lives *l)
{
	hash_clear(&l->set);
	l->lives = l->places = 0;
}

void
lives_free(struct lives *l)
{
	hash_free(&l->set);
	free(l->life);
	free(l->place);
}
