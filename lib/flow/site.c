#include <stdlib.h>

#include "base/alloc.h"
#include "flow/frame_name.h"
#include "flow/site.h"

static const uint32_t NONE = UINT32_MAX;

static const enum trace_kind kinds[] = { TRACE_STRS, TRACE_ADDRS };

static uint64_t
hash_name(const void *context, uint32_t item)
{
	const struct site *s = context;

	return hash_bytes(s->name[item].p, s->name[item].n);
}

uint32_t
site_text(struct site *s, struct slice text)
{
	uint64_t hash = hash_bytes(text.p, text.n);

	for (struct hash_probe at = hash_first(&s->set, hash); hash_found(&s->set, &at);
	     hash_next(&s->set, &at))
		if (slice_eq(s->name[at.item], text))
			return at.item;
	GROW(s->name, s->cap, s->n);
	s->name[s->n] = arena_copy(&s->arena, text);
	hash_add(&s->set, hash, (uint32_t)s->n, hash_name, s);
	return (uint32_t)s->n++;
}

void
site_begin(struct site *s, struct trace_block *b)
{
	for (unsigned i = 0; i < 2; i++) {
		uint32_t n = b->lists[kinds[i]];

		GROW(s->list[i], s->list_cap[i], n);
		memset(s->list[i], 0xff, n * sizeof *s->list[i]);
	}
}

uint32_t
site_of(struct site *s, struct trace_block *b, enum trace_kind kind, uint32_t list)
{
	bool names = kind == TRACE_STRS;
	struct trace_list l;
	uint32_t n, *known;

	if (!names && kind != TRACE_ADDRS)
		return site_text(s, SLICE("[no stack]"));
	known = &s->list[!names][list];
	if (*known != NONE)
		return *known;
	l = trace_block_list(b, kind, list);
	n = s->depth > 0 && s->depth < l.n ? s->depth : l.n;
	s->text.n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&s->text, ';');
		if (names)
			frame_name(&s->text, l.s[l.n - n + i], true);
		else
			buf_hex(&s->text, l.u[n - 1 - i]);
	}
	return *known = site_text(s, n ? buf_view(&s->text) : SLICE("[no stack]"));
}

void
site_free(struct site *s)
{
	free(s->name);
	free(s->list[0]);
	free(s->list[1]);
	hash_free(&s->set);
	arena_free(&s->arena);
	buf_free(&s->text);
	*s = (struct site){ 0 };
}
