#include "form/heimdallr_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { LINE_MAX_BYTES = 64 << 10, STACK_MAX = 1024 };

/* ---- lines ---- */

static const char *
take_decimal(const char *p, const char *end, uint64_t most, uint64_t *out)
{
	uint64_t v = 0;
	const char *q = p;

	for (; q < end && *q >= '0' && *q <= '9'; q++) {
		v = v * 10 + (uint64_t)(*q - '0');
		if (v > most)
			return NULL;
	}
	*out = v;
	return q == p ? NULL : q;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static const char *
take_hex(const char *p, const char *end, uint64_t *out)
{
	uint64_t v = 0;
	const char *q = p;

	for (; q < end && hex_digit(*q) >= 0; q++) {
		if (v >> 60)
			return NULL;
		v = v << 4 | (uint64_t)hex_digit(*q);
	}
	*out = v;
	return q == p ? NULL : q;
}

static uint64_t
chain_hash(const uint64_t *item, uint32_t n)
{
	return hash_bytes(item, n * sizeof *item);
}

static uint64_t
chain_rehash(const void *context, uint32_t number)
{
	const struct heimdallr_log *l = context;

	return chain_hash(l->item + l->chain[number].at, l->chain[number].n);
}

/* The number of the chain of the last n items, which go again where it is known. */
static uint32_t
chain_number(struct heimdallr_log *l, size_t at)
{
	uint32_t n = (uint32_t)(l->items - at);
	uint64_t h = chain_hash(l->item + at, n);

	for (struct hash_probe p = hash_first(&l->set, h); hash_found(&l->set, &p);
	     hash_next(&l->set, &p))
		if (l->chain[p.item].n == n &&
		    memcmp(l->item + l->chain[p.item].at, l->item + at, n * sizeof *l->item) == 0) {
			l->items = at;
			return p.item;
		}
	GROW(l->chain, l->chain_cap, l->chains);
	l->chain[l->chains] = (struct heimdallr_chain){ at, n };
	hash_add(&l->set, h, (uint32_t)l->chains, chain_rehash, l);
	return (uint32_t)l->chains++;
}

static bool
add_frame(struct heimdallr_log *l, size_t first, uint64_t lib, uint64_t offset)
{
	if (l->items - first >= STACK_MAX)
		return false;
	if (lib >= l->tops) {
		size_t old = l->tops;

		l->top = xgrow(l->top, &l->tops, lib + 1, sizeof *l->top);
		memset(l->top + old, 0, (l->tops - old) * sizeof *l->top);
	}
	if (offset >= l->top[lib])
		l->top[lib] = offset + 1;
	GROW(l->item, l->item_cap, l->items);
	l->item[l->items] =
	    HEIMDALLR_LIB + (lib << 32) + offset - (l->items == first && offset > 0);
	l->items++;
	return true;
}

/* NULL, or what is wrong. */
static const char *
parse(struct heimdallr_log *l, struct slice line, struct heimdallr_event *v)
{
	const char *p = line.p, *end = p + line.n, *q;
	uint64_t seconds, fraction, lib, offset;
	size_t first = l->items;

	if (p == end || (*p != '+' && *p != '-'))
		return "it begins with neither + nor -";
	v->end = *p++ == '-';
	q = take_decimal(p, end, INT64_MAX / 1000000000 - 1, &seconds);
	if (q == NULL || q == end || *q != '.')
		return "no time";
	p = q + 1;
	q = take_decimal(p, end, 999999999, &fraction);
	if (q == NULL || q - p != 9)
		return "a time without nine digits behind the point";
	v->t = (int64_t)(seconds * 1000000000 + fraction);
	if (q == end || *q != ',' || (q = take_hex(q + 1, end, &v->addr)) == NULL)
		return "no address";
	if (q == end || *q != ',' || (q = take_hex(q + 1, end, &v->size)) == NULL)
		return "no size";
	if (v->size > INT64_MAX)
		return "a size that no memory has";
	while (q < end) {
		if (*q != ',' || (q = take_decimal(q + 1, end, HEIMDALLR_LIBS - 1, &lib)) == NULL ||
		    q == end || *q != '+' || (q = take_hex(q + 1, end, &offset)) == NULL ||
		    offset > UINT32_MAX || !add_frame(l, first, lib, offset)) {
			l->items = first;
			return "a frame that is not LIBRARY+OFFSET";
		}
	}
	v->chain = l->items > first ? chain_number(l, first) : 0;
	return NULL;
}

static void
bad_line(struct heimdallr_log *l, const char *what)
{
	l->bad++;
	if (l->first.text[0] == '\0')
		error_set(&l->first, "%.*s:%" PRIu64 ": %s", SLICE_ARG(buf_view(&l->name)), l->line,
		    what);
}

static void
add_line(struct heimdallr_log *l, struct slice line)
{
	struct heimdallr_event v = { .file = l->files - 1, .mate = HEIMDALLR_NONE };
	const char *wrong;

	l->line++;
	if (line.n == 0)
		return;
	l->lines++;
	wrong = parse(l, line, &v);
	if (wrong == NULL && l->events >= HEIMDALLR_NONE)
		wrong = "more than 2^32 lines";
	if (wrong) {
		bad_line(l, wrong);
		return;
	}
	GROW(l->event, l->cap, l->events);
	v.seq = 2 * (uint64_t)l->events + 1;
	l->event[l->events++] = v;
}

uint32_t
heimdallr_log_file(struct heimdallr_log *l, struct slice name)
{
	if (l->chains == 0) {
		GROW(l->chain, l->chain_cap, 0);
		l->chain[l->chains++] = (struct heimdallr_chain){ 0 };
	}
	l->name.n = l->rest.n = 0;
	buf_slice(&l->name, name);
	l->line = 0;
	return l->files++;
}

void
heimdallr_log_feed(struct heimdallr_log *l, const char *p, size_t n)
{
	const char *end = p + n, *lf;

	while ((lf = memchr(p, '\n', (size_t)(end - p)))) {
		if (l->rest.n > 0) {
			buf_put(&l->rest, p, (size_t)(lf - p));
			add_line(l, buf_view(&l->rest));
			l->rest.n = 0;
		} else {
			add_line(l, (struct slice){ p, (size_t)(lf - p) });
		}
		p = lf + 1;
	}
	/* What is too long is bad however it goes on: no need to keep all of it. */
	if (l->rest.n < LINE_MAX_BYTES)
		buf_put(&l->rest, p, (size_t)(end - p));
}

void
heimdallr_log_file_end(struct heimdallr_log *l)
{
	if (l->rest.n > 0) {
		l->lines++;
		l->cut++;
		if (l->first.text[0] == '\0')
			error_set(&l->first, "%.*s:%" PRIu64 ": cut off",
			    SLICE_ARG(buf_view(&l->name)), l->line + 1);
	}
	l->rest.n = 0;
}

/* ---- putting right ---- */

static int
by_time(const void *a, const void *b)
{
	const struct heimdallr_event *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void
sort(struct heimdallr_log *l)
{
	bool sorted = true;

	for (size_t i = 1; i < l->events && sorted; i++)
		sorted = by_time(&l->event[i - 1], &l->event[i]) <= 0;
	if (!sorted)
		qsort(l->event, l->events, sizeof *l->event, by_time);
}

static bool
is_twice(const struct heimdallr_log *l, size_t kept, const struct heimdallr_event *v)
{
	for (size_t i = kept; i-- > 0 && l->event[i].t == v->t;) {
		const struct heimdallr_event *x = &l->event[i];

		if (x->addr == v->addr && x->size == v->size && x->end == v->end &&
		    x->file == v->file && x->chain == v->chain)
			return true;
	}
	return false;
}

/* Drops what was written twice, and ends that were made up. */
static void
clean(struct heimdallr_log *l, int64_t end)
{
	bool stacks = l->chains > 1;
	size_t kept = 0;

	for (size_t i = 0; i < l->events; i++) {
		const struct heimdallr_event *v = &l->event[i];

		if (v->end && (v->t >= end || (stacks && v->chain == 0)))
			l->made_up++;
		else if (is_twice(l, kept, v))
			l->duplicates++;
		else
			l->event[kept++] = *v;
	}
	l->events = kept;
}

/* What is open at an address, in one file or in all. */
struct place {
	uint64_t addr;
	uint32_t file;
	uint32_t older, newer; /* allocations without an end */
	uint32_t ended, by;    /* the last one that was ended, since which none began */
};

struct places {
	struct place *place;
	size_t n, cap;
	struct hash_set set;
};

static uint64_t
place_hash(uint64_t addr, uint32_t file)
{
	return hash_mix(hash_mix(file, addr), addr >> 4);
}

static uint64_t
place_rehash(const void *context, uint32_t number)
{
	const struct places *s = context;

	return place_hash(s->place[number].addr, s->place[number].file);
}

static struct place *
place_at(struct places *s, uint64_t addr, uint32_t file)
{
	uint64_t h = place_hash(addr, file);

	for (struct hash_probe p = hash_first(&s->set, h); hash_found(&s->set, &p);
	     hash_next(&s->set, &p))
		if (s->place[p.item].addr == addr && s->place[p.item].file == file)
			return &s->place[p.item];
	GROW(s->place, s->cap, s->n);
	s->place[s->n] = (struct place){ addr, file, HEIMDALLR_NONE, HEIMDALLR_NONE, HEIMDALLR_NONE,
		HEIMDALLR_NONE };
	hash_add(&s->set, h, (uint32_t)s->n, place_rehash, s);
	return &s->place[s->n++];
}

static void
places_free(struct places *s)
{
	free(s->place);
	hash_free(&s->set);
}

static void
mate(struct heimdallr_log *l, uint32_t began, uint32_t end)
{
	l->event[began].mate = end;
	l->event[end].mate = began;
}

/* Which end belongs to which allocation: both stand in one file, that of the thread that allocated. Where two are open, because
 * an end was stamped late or is missing, it is the newer one's; but where another end follows at once, that was the
 * older one's, and this the newer one's. */
static void
pair(struct heimdallr_log *l)
{
	struct places s = { 0 };

	for (size_t n = 0; n < l->events; n++) {
		struct place *p = place_at(&s, l->event[n].addr, l->event[n].file);
		uint32_t i = (uint32_t)n;

		if (!l->event[i].end) {
			if (p->newer != HEIMDALLR_NONE)
				p->older = p->newer;
			p->newer = i;
			p->ended = HEIMDALLR_NONE;
		} else if (p->newer != HEIMDALLR_NONE) {
			mate(l, p->newer, i);
			p->ended = p->newer;
			p->by = i;
			p->newer = HEIMDALLR_NONE;
		} else if (p->older != HEIMDALLR_NONE && p->ended != HEIMDALLR_NONE) {
			mate(l, p->older, p->by);
			mate(l, p->ended, i);
			p->older = p->ended = HEIMDALLR_NONE;
		}
	}
	places_free(&s);
}

/* Moves ends before the allocation that got their address. */
static void
move(struct heimdallr_log *l)
{
	struct places s = { 0 };

	for (size_t n = 0; n < l->events; n++) {
		struct place *p = place_at(&s, l->event[n].addr, 0);
		uint32_t i = (uint32_t)n;

		if (!l->event[i].end) {
			uint32_t end =
			    p->newer == HEIMDALLR_NONE ? HEIMDALLR_NONE : l->event[p->newer].mate;

			if (end != HEIMDALLR_NONE && end > i) {
				l->event[end].t = l->event[i].t;
				l->event[end].seq = l->event[i].seq - 1;
				l->moved++;
			}
			p->newer = i;
		} else if (l->event[i].mate == HEIMDALLR_NONE || l->event[i].mate == p->newer) {
			p->newer = HEIMDALLR_NONE;
		}
	}
	places_free(&s);
}

void
heimdallr_log_close(struct heimdallr_log *l, int64_t end)
{
	sort(l);
	clean(l, end);
	pair(l);
	move(l);
	if (l->moved > 0)
		sort(l);
}

void
heimdallr_log_free(struct heimdallr_log *l)
{
	free(l->event);
	free(l->item);
	free(l->chain);
	free(l->top);
	buf_free(&l->rest);
	buf_free(&l->name);
	hash_free(&l->set);
	*l = (struct heimdallr_log){ 0 };
}
