#include <stdlib.h>

#include "base/alloc.h"
#include "flow/join_parts.h"

static uint64_t
string_rehash(const void *context, uint32_t item)
{
	const struct join_sites *s = context;

	return hash_bytes(s->string[item].p, s->string[item].n);
}

/* The same text is kept once: stacks share most of their names. */
static struct slice
keep(struct join_sites *s, struct slice text)
{
	uint64_t hash = hash_bytes(text.p, text.n);

	for (struct hash_probe at = hash_first(&s->string_set, hash);
	     hash_found(&s->string_set, &at); hash_next(&s->string_set, &at))
		if (slice_eq(s->string[at.item], text))
			return s->string[at.item];
	GROW(s->string, s->string_cap, s->strings);
	s->string[s->strings] = arena_copy(&s->arena, text);
	hash_add(&s->string_set, hash, (uint32_t)s->strings, string_rehash, s);
	return s->string[s->strings++];
}

static uint64_t
hash_list(enum trace_kind kind, const struct trace_list *list)
{
	uint64_t hash = hash_mix(kind, list->n);

	for (uint32_t i = 0; i < list->n; i++)
		hash = hash_mix(
		    hash, kind == TRACE_STRS ? hash_bytes(list->s[i].p, list->s[i].n) : list->u[i]);
	return hash;
}

static bool
same(enum trace_kind kind, const struct trace_list *a, const struct trace_list *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (kind == TRACE_STRS ? !slice_eq(a->s[i], b->s[i]) : a->u[i] != b->u[i])
			return false;
	return true;
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct join_sites *s = context;

	return s->site[item].hash;
}

static uint32_t
add(struct join_sites *s, enum trace_kind kind, const struct trace_list *list, uint64_t hash)
{
	size_t size = kind == TRACE_STRS ? sizeof *list->s : sizeof *list->u;
	void *items = arena_alloc(&s->arena, list->n * size + 1);

	if (kind == TRACE_STRS)
		for (uint32_t i = 0; i < list->n; i++)
			((struct slice *)items)[i] = keep(s, list->s[i]);
	else if (list->n > 0)
		memcpy(items, list->u, list->n * size);
	if (s->sites == 0)
		s->sites = 1; /* 0 is no site */
	GROW(s->site, s->cap, s->sites);
	GROW(s->list, s->list_cap, s->sites);
	GROW(s->link, s->link_cap, s->sites);
	s->site[s->sites] = (struct join_site){ hash, kind };
	s->list[s->sites] = (struct trace_list){ { .items = items }, list->n, NULL };
	s->link[s->sites] = 0;
	hash_add(&s->set, hash, (uint32_t)s->sites, rehash, s);
	return (uint32_t)s->sites++;
}

static uint32_t
number_of(struct join_sites *s, enum trace_kind kind, const struct trace_list *list)
{
	uint64_t hash = hash_list(kind, list);

	for (struct hash_probe at = hash_first(&s->set, hash); hash_found(&s->set, &at);
	     hash_next(&s->set, &at))
		if (s->site[at.item].kind == kind && same(kind, &s->list[at.item], list))
			return at.item;
	return add(s, kind, list, hash);
}

uint32_t
join_site_of(struct join_sites *s, struct trace_block *b, enum trace_kind kind, uint32_t list)
{
	struct join_known *k = &s->known[kind == TRACE_STRS];

	if (k->block != trace_block_serial(b)) {
		k->block = trace_block_serial(b);
		k->n = 0;
	}
	if (list >= k->n) {
		GROW(k->site, k->cap, b->lists[kind] - 1);
		memset(k->site + k->n, 0, (b->lists[kind] - k->n) * sizeof *k->site);
		k->n = b->lists[kind];
	}
	if (k->site[list] == 0) {
		struct trace_list items = trace_block_list(b, kind, list);

		k->site[list] = 1 + number_of(s, kind, &items);
	}
	return k->site[list] - 1;
}

void
join_sites_free(struct join_sites *s)
{
	free(s->site);
	free(s->list);
	free(s->link);
	free(s->string);
	free(s->known[0].site);
	free(s->known[1].site);
	hash_free(&s->set);
	hash_free(&s->string_set);
	arena_free(&s->arena);
}
