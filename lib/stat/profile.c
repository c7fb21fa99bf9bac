#include "stat/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
caller_hash(uint32_t id, uint32_t caller)
{
	return hash_mix(id, caller);
}

static uint64_t
caller_rehash(const void *context, uint32_t item)
{
	const struct profile *p = context;

	return caller_hash(p->caller[item].id, p->caller[item].caller);
}

static void
caller_add(struct profile *p, uint32_t id, uint32_t caller, uint64_t weight)
{
	uint64_t h = caller_hash(id, caller);
	struct hash_probe at;

	for (at = hash_first(&p->caller_set, h); hash_found(&p->caller_set, &at);
	     hash_next(&p->caller_set, &at)) {
		struct profile_caller *c = &p->caller[at.item];

		if (c->id == id && c->caller == caller) {
			c->weight = sum(c->weight, weight);
			return;
		}
	}
	GROW(p->caller, p->caller_cap, p->callers);
	p->caller[p->callers] = (struct profile_caller){ id, caller, weight };
	hash_add(&p->caller_set, h, (uint32_t)p->callers, caller_rehash, p);
	p->callers++;
}

static void
function_room(struct profile *p, uint32_t id)
{
	GROW(p->function, p->function_cap, id);
	GROW(p->seen, p->seen_cap, id);
	for (; p->functions <= id; p->functions++) {
		p->function[p->functions] =
		    (struct profile_function){ (uint32_t)p->functions, 0, 0 };
		p->seen[p->functions] = 0;
	}
}

void
profile_add(struct profile *p, const uint32_t *id, size_t n, uint64_t weight)
{
	uint64_t stack = ++p->stacks;

	p->sum = sum(p->sum, weight);
	for (size_t i = 0; i < n; i++) {
		function_room(p, id[i]);
		if (p->seen[id[i]] == stack)
			continue;
		p->seen[id[i]] = stack;
		p->function[id[i]].total = sum(p->function[id[i]].total, weight);
		caller_add(p, id[i], i > 0 ? id[i - 1] : PROFILE_NOBODY, weight);
	}
	if (n > 0)
		p->function[id[n - 1]].self = sum(p->function[id[n - 1]].self, weight);
}

struct order {
	int (*cmp)(const void *context, uint32_t a, uint32_t b);
	const void *context;
};

static int
by_weight(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int
by_name(const struct order *o, uint32_t a, uint32_t b)
{
	int r;

	if (a == b)
		return 0;
	if (a == PROFILE_NOBODY || b == PROFILE_NOBODY)
		return a == PROFILE_NOBODY ? -1 : 1;
	r = o->cmp(o->context, a, b);
	return r ? r : a < b ? -1 : 1;
}

static int
function_cmp(const void *a, const void *b, void *order)
{
	const struct profile_function *x = a, *y = b;
	int r = by_weight(x->self, y->self);

	if (r == 0)
		r = by_weight(x->total, y->total);
	return r ? r : by_name(order, x->id, y->id);
}

static int
caller_cmp(const void *a, const void *b, void *order)
{
	const struct profile_caller *x = a, *y = b;
	int r = x->id < y->id ? -1 : x->id > y->id;

	if (r == 0)
		r = by_weight(x->weight, y->weight);
	return r ? r : by_name(order, x->caller, y->caller);
}

void
profile_sort(
    struct profile *p, int (*cmp)(const void *context, uint32_t a, uint32_t b), const void *context)
{
	struct order o = { cmp, context };

	if (p->functions > 0)
		qsort_r(p->function, p->functions, sizeof *p->function, function_cmp, &o);
	if (p->callers > 0)
		qsort_r(p->caller, p->callers, sizeof *p->caller, caller_cmp, &o);
	hash_clear(&p->caller_set);
}

const struct profile_caller *
profile_callers(const struct profile *p, uint32_t id, size_t *n)
{
	size_t low = 0, high = p->callers, first;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->caller[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	first = low;
	while (low < p->callers && p->caller[low].id == id)
		low++;
	*n = low - first;
	return p->caller + first;
}

void
profile_free(struct profile *p)
{
	free(p->function);
	free(p->caller);
	free(p->seen);
	hash_free(&p->caller_set);
	*p = PROFILE_INIT;
}
