#include "code/space.h"

#include <stdlib.h>

#include "base/alloc.h"

static uint64_t
pid_hash(int64_t pid)
{
	return hash_mix(0, (uint64_t)pid);
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct spaces *s = context;

	return pid_hash(s->process[item].pid);
}

static struct spaces_process *
process(struct spaces *s, int64_t pid, bool make)
{
	uint64_t hash;

	if (s->last < s->processes && s->process[s->last].pid == pid)
		return &s->process[s->last];
	hash = pid_hash(pid);
	for (struct hash_probe at = hash_first(&s->by_pid, hash); hash_found(&s->by_pid, &at);
	     hash_next(&s->by_pid, &at))
		if (s->process[at.item].pid == pid) {
			s->last = at.item;
			return &s->process[at.item];
		}
	if (!make)
		return NULL;
	GROW(s->process, s->cap, s->processes);
	s->last = s->processes++;
	s->process[s->last] = (struct spaces_process){ .pid = pid };
	hash_add(&s->by_pid, hash, (uint32_t)s->last, rehash, s);
	return &s->process[s->last];
}

static void
release(struct space *space)
{
	if (space == NULL || --space->refs > 0)
		return;
	free(space->map);
	free(space);
}

/* The space of a process for a change: its own copy, under a new serial number. */
static struct space *
own(struct spaces *s, struct spaces_process *p)
{
	struct space *old = p->space;

	if (old == NULL || old->refs > 1) {
		p->space = xcalloc(1, sizeof *p->space);
		p->space->refs = 1;
		if (old) {
			p->space->cap = p->space->maps = old->maps;
			p->space->map = xmalloc((old->maps + 1) * sizeof *old->map);
			if (old->maps > 0)
				memcpy(p->space->map, old->map, old->maps * sizeof *old->map);
			release(old);
		}
	}
	p->space->serial = ++s->serial;
	p->ended = 0;
	return p->space;
}

/* The first mapping that ends above addr. */
static size_t
above(const struct space *s, uint64_t addr)
{
	size_t low = 0, high = s->maps;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->map[mid].end > addr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

void
spaces_map(struct spaces *s, int64_t pid, struct space_map new)
{
	struct spaces_process *p = process(s, pid, true);
	struct space_map left = { 0 }, right = { 0 }, *map;
	struct space *space;
	size_t first, last, put = 1;

	if (new.end <= new.start)
		return;
	space = p->space;
	if (space && p->ended == 0) { /* told again: nothing changes */
		const struct space_map *same = space_find(space, new.start);

		if (same && same->start == new.start && same->end == new.end &&
		    same->offset == new.offset && same->object == new.object &&
		    same->pid == new.pid)
			return;
	}
	space = own(s, p);
	first = last = above(space, new.start);
	while (last < space->maps && space->map[last].start < new.end)
		last++;
	if (first < last) {
		map = space->map;
		if (map[first].start < new.start) {
			left = map[first];
			left.end = new.start;
			put++;
		}
		if (map[last - 1].end > new.end) {
			right = map[last - 1];
			right.offset += new.end - right.start;
			right.start = new.end;
			put++;
		}
	}
	GROW(space->map, space->cap, space->maps + put);
	map = space->map;
	if (last < space->maps)
		memmove(map + first + put, map + last, (space->maps - last) * sizeof *map);
	space->maps = space->maps - (last - first) + put;
	map += first;
	if (left.end)
		*map++ = left;
	*map++ = new;
	if (right.end)
		*map = right;
}

void
spaces_fork(struct spaces *s, int64_t parent, int64_t child)
{
	struct spaces_process *p = process(s, parent, false);
	struct space *space = p ? p->space : NULL;

	if (parent == child)
		return; /* a thread */
	if (space)
		space->refs++;
	p = process(s, child, true);
	release(p->space);
	p->space = space;
	p->ended = 0;
}

void
spaces_exec(struct spaces *s, int64_t pid)
{
	struct spaces_process *p = process(s, pid, true);

	release(p->space);
	p->space = NULL;
	own(s, p);
}

void
spaces_exit(struct spaces *s, int64_t pid)
{
	struct spaces_process *p = process(s, pid, false);
	uint64_t n;

	if (p == NULL || p->ended)
		return;
	n = ++s->exits;
	p->ended = n;
	if (s->ended == NULL)
		s->ended = xcalloc(SPACES_ENDED, sizeof *s->ended);
	if (n > SPACES_ENDED) {
		struct spaces_process *old = &s->process[s->ended[n % SPACES_ENDED]];

		if (old->ended == n - SPACES_ENDED) {
			release(old->space);
			old->space = NULL;
		}
	}
	s->ended[n % SPACES_ENDED] = (uint32_t)(p - s->process);
}

struct space *
spaces_of(struct spaces *s, int64_t pid)
{
	struct spaces_process *p = process(s, pid, false);

	return p ? p->space : NULL;
}

void
spaces_clear(struct spaces *s)
{
	for (size_t i = 0; i < s->processes; i++)
		release(s->process[i].space);
	s->processes = 0;
	s->last = 0;
	hash_clear(&s->by_pid);
	s->exits = 0;
}

void
spaces_free(struct spaces *s)
{
	spaces_clear(s);
	free(s->process);
	free(s->ended);
	hash_free(&s->by_pid);
	*s = SPACES_INIT;
}

const struct space_map *
space_find(struct space *s, uint64_t addr)
{
	size_t i = s->last;

	if (i < s->maps && addr - s->map[i].start < s->map[i].end - s->map[i].start)
		return &s->map[i];
	i = above(s, addr);
	if (i == s->maps || s->map[i].start > addr)
		return NULL;
	s->last = i;
	return &s->map[i];
}

/* ---- symbols ---- */

static int
by_addr(const void *a, const void *b)
{
	const struct space_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void
space_symbols_add(
    struct space_symbols *s, uint64_t addr, uint64_t size, struct slice name, struct slice object)
{
	const struct space_symbol *last = s->symbols ? &s->symbol[s->symbols - 1] : NULL;
	struct slice of;

	/* Most symbols come with the object of the one before. */
	of = last && slice_eq(last->object, object) ? last->object : arena_copy(&s->text, object);
	GROW(s->symbol, s->cap, s->symbols);
	if (s->sorted == s->symbols && (s->symbols == 0 || s->symbol[s->symbols - 1].addr < addr))
		s->sorted++;
	s->symbol[s->symbols++] =
	    (struct space_symbol){ addr, size, arena_copy(&s->text, name), of, s->order++ };
}

/* Sorts what came out of order, and merges it into the rest. */
static void
settle(struct space_symbols *s)
{
	size_t more = s->symbols - s->sorted, old = s->sorted, to = 0, i = 0, j = 0;
	struct space_symbol *new = s->symbol + old, *all;

	qsort(new, more, sizeof *new, by_addr);
	all = xmalloc(s->symbols * sizeof *all);
	while (i < old || j < more) {
		struct space_symbol *next;

		if (j == more || (i < old && s->symbol[i].addr <= new[j].addr))
			next = &s->symbol[i++];
		else
			next = &new[j++];
		if (to > 0 && all[to - 1].addr == next->addr)
			to--;
		all[to++] = *next;
	}
	free(s->symbol);
	s->symbol = all;
	s->cap = s->symbols;
	s->symbols = s->sorted = to;
}

const struct space_symbol *
space_symbols_find(struct space_symbols *s, uint64_t addr)
{
	size_t low = 0, high;
	const struct space_symbol *symbol;

	if (s->sorted < s->symbols)
		settle(s);
	high = s->symbols;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->symbol[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return NULL;
	symbol = &s->symbol[low - 1];
	if (symbol->size > 0 && addr - symbol->addr >= symbol->size)
		return NULL;
	return symbol;
}

void
space_symbols_clear(struct space_symbols *s)
{
	s->symbols = s->sorted = 0;
	arena_reset(&s->text);
}

void
space_symbols_free(struct space_symbols *s)
{
	free(s->symbol);
	arena_free(&s->text);
	*s = SPACE_SYMBOLS_INIT;
}
