#include <stdlib.h>

#include "base/alloc.h"
#include "flow/join_parts.h"

enum { AREA_SHIFT = 16, MOVING = 1 };

static const uint64_t NO_AREA = UINT64_MAX;

/* ---- processes ---- */

static uint64_t
hash_of(uint32_t host, int64_t pid)
{
	return hash_mix(host, (uint64_t)pid);
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct join_lives *l = context;

	return hash_of(l->process[item]->host, l->process[item]->pid);
}

struct join_process *
join_process(struct join_lives *l, uint32_t host, int64_t pid, bool make)
{
	struct join_process *p = l->last;
	uint64_t hash;

	if (p && p->pid == pid && p->host == host)
		return p;
	hash = hash_of(host, pid);
	for (struct hash_probe at = hash_first(&l->by_pid, hash); hash_found(&l->by_pid, &at);
	     hash_next(&l->by_pid, &at)) {
		p = l->process[at.item];
		if (p->pid == pid && p->host == host)
			return l->last = p;
	}
	if (!make)
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->pid = pid;
	p->host = host;
	p->fork_src = -1;
	GROW(l->process, l->cap, l->processes);
	l->process[l->processes] = p;
	hash_add(&l->by_pid, hash, (uint32_t)l->processes++, rehash, l);
	return l->last = p;
}

/* ---- the memory of a process ---- */

static uint64_t
area_hash(const void *context, uint32_t item)
{
	const struct join_memory *m = context;

	return hash_mix(0, m->area[item]);
}

static bool
has_area(const struct join_memory *m, uint64_t area)
{
	uint64_t hash = hash_mix(0, area);

	for (struct hash_probe at = hash_first(&m->area_set, hash); hash_found(&m->area_set, &at);
	     hash_next(&m->area_set, &at))
		if (m->area[at.item] == area)
			return true;
	return false;
}

static void
note_area(struct join_memory *m, uint64_t addr)
{
	uint64_t area = addr >> AREA_SHIFT;

	if (area == m->last_area)
		return;
	m->last_area = area;
	if (has_area(m, area))
		return;
	GROW(m->area, m->area_cap, m->areas);
	m->area[m->areas] = area;
	hash_add(&m->area_set, hash_mix(0, area), (uint32_t)m->areas++, area_hash, m);
}

static void
count_live(struct join_lives *l, int64_t change)
{
	l->counts->live += (uint64_t)change;
	if (l->counts->live > l->counts->live_most)
		l->counts->live_most = l->counts->live;
}

static void
release(struct join_lives *l, struct join_memory *m)
{
	if (m == NULL || --m->refs > 0)
		return;
	count_live(l, -(int64_t)m->objects.extents);
	extents_free(&m->objects);
	hash_free(&m->area_set);
	free(m->area);
	free(m);
}

/* The memory of a process for a change: its own. */
static struct join_memory *
own(struct join_lives *l, struct join_process *p)
{
	struct join_memory *old = p->memory, *m;

	p->lives = true;
	if (old && old->refs == 1)
		return old;
	p->memory = m = xcalloc(1, sizeof *m);
	m->refs = 1;
	m->id = ++l->memories;
	m->objects = EXTENTS_INIT;
	m->last_area = NO_AREA;
	if (old == NULL)
		return m;
	old->refs--;
	l->counts->copies++;
	extents_copy(&m->objects, &old->objects);
	m->others = old->others;
	for (size_t i = 0; i < old->areas; i++)
		note_area(m, old->area[i] << AREA_SHIFT);
	count_live(l, (int64_t)m->objects.extents);
	return m;
}

static uint32_t
add(struct join_lives *l, struct join_memory *m, const struct extent *e)
{
	m->others += e->rank == JOIN_OTHER;
	count_live(l, 1);
	return extents_add(&m->objects, e);
}

static void
drop(struct join_lives *l, struct join_memory *m, uint32_t number)
{
	m->others -= m->objects.extent[number].rank == JOIN_OTHER;
	extents_remove(&m->objects, number);
	count_live(l, -1);
}

static bool
find_one(void *context, uint32_t number, const struct extent *e)
{
	struct join_lives *l = context;

	(void)e;
	GROW(l->found, l->found_cap, l->founds);
	l->found[l->founds++] = number;
	return true;
}

/* Those that overlap the range become l->found. */
static void
find(struct join_lives *l, const struct join_memory *m, uint64_t addr, uint64_t size)
{
	l->founds = 0;
	extents_over(&m->objects, addr, size, find_one, l);
}

/* ---- a realloc that is going on ---- */

static void
forget_moving(struct join_process *p, size_t i)
{
	p->moving[i] = p->moving[--p->movings];
}

/* An object ends: who waits for it waits no more. */
static void
drop_object(struct join_lives *l, struct join_process *p, uint32_t number)
{
	for (size_t i = 0; i < p->movings; i++)
		if (p->moving[i].number == number)
			forget_moving(p, i--);
	drop(l, p->memory, number);
}

/* The thread does something else than to come back from its realloc: that gave NULL and freed, or its record is lost. */
static void
end_moving(struct join_lives *l, struct join_process *p, int64_t tid)
{
	for (size_t i = 0; i < p->movings; i++)
		if (p->moving[i].tid == tid) {
			uint32_t number = p->moving[i].number;

			forget_moving(p, i--);
			drop(l, own(l, p), number);
		}
}

/* The alloc that a realloc ends with: true where the old object goes on. */
static bool
moved(struct join_lives *l, struct join_process *p, const struct join_alloc *a)
{
	for (size_t i = 0; i < p->movings; i++) {
		uint32_t number = p->moving[i].number;
		struct extent *e = &p->memory->objects.extent[number];

		if (e->addr != a->old || (p->moving[i].tid != a->tid && a->tid >= 0))
			continue;
		forget_moving(p, i);
		e->flags = 0;
		if (a->addr == a->old && a->size == e->size)
			return true;
		drop(l, p->memory, number);
		return false;
	}
	return false;
}

static void
begin_moving(struct join_process *p, int64_t tid, uint32_t number)
{
	p->memory->objects.extent[number].flags = MOVING;
	GROW(p->moving, p->moving_cap, p->movings);
	p->moving[p->movings++] = (struct join_moving){ tid, number };
}

/* ---- allocations and frees ---- */

/* What is left of a region when the range goes; objects in the range go with it. */
static void
cut(struct join_lives *l, struct join_process *p, uint64_t addr, uint64_t size)
{
	uint64_t last = addr + size - 1;

	find(l, p->memory, addr, size);
	for (size_t i = 0; i < l->founds; i++) {
		struct extent e = p->memory->objects.extent[l->found[i]];
		uint64_t e_last = e.addr + (e.size ? e.size : 1) - 1;

		drop_object(l, p, l->found[i]);
		if (e.rank != JOIN_REGION)
			continue;
		if (e.addr < addr) {
			struct extent left = e;

			left.size = addr - e.addr;
			left.flags = 0;
			add(l, p->memory, &left);
		}
		if (e_last > last) {
			struct extent right = e;

			right.addr = last + 1;
			right.size = e_last - last;
			right.flags = 0;
			add(l, p->memory, &right);
		}
	}
}

/* What cannot live any more because something of this rank came here. */
static void
make_room(struct join_lives *l, struct join_process *p, const struct join_alloc *a)
{
	if (a->rank == JOIN_REGION) {
		cut(l, p, a->addr, a->size ? a->size : 1);
		return;
	}
	find(l, p->memory, a->addr, a->size);
	for (size_t i = 0; i < l->founds; i++) {
		const struct extent *e = &p->memory->objects.extent[l->found[i]];

		if (e->rank < a->rank)
			continue;
		if (e->flags != MOVING)
			l->counts->free_missing++;
		drop_object(l, p, l->found[i]);
	}
}

void
join_lives_alloc(struct join_lives *l, struct join_process *p, const struct join_alloc *a)
{
	struct join_memory *m = own(l, p);
	uint64_t size = a->size;

	if (p->movings > 0) {
		if (a->old && moved(l, p, a))
			return;
		end_moving(l, p, a->tid);
	}
	if (size > 0 && size - 1 > UINT64_MAX - a->addr)
		size = UINT64_MAX - a->addr;
	make_room(l, p, a);
	if (a->rank == JOIN_HEAP_OBJECT)
		note_area(m, a->addr);
	add(l, m,
	    &(struct extent){ .addr = a->addr,
		.size = size,
		.t = a->t,
		.serial = ++l->serial,
		.site = a->site,
		.rank = (uint16_t)a->rank });
}

/* An object goes, and with it what lies in it. */
static void
end_object(struct join_lives *l, struct join_process *p, uint32_t number)
{
	struct extent e = p->memory->objects.extent[number];

	drop_object(l, p, number);
	if (p->memory->others == 0 || e.rank == JOIN_OTHER)
		return;
	find(l, p->memory, e.addr, e.size);
	for (size_t i = 0; i < l->founds; i++)
		if (p->memory->objects.extent[l->found[i]].rank > e.rank)
			drop_object(l, p, l->found[i]);
}

static uint32_t
region_at(const struct join_process *p, uint64_t addr)
{
	return extents_at(&p->memory->objects, addr, JOIN_REGION);
}

static void
end_range(struct join_lives *l, struct join_process *p, uint64_t addr, uint64_t size)
{
	uint32_t number = region_at(p, addr);

	if (size == 0) {
		if (number == EXTENTS_NONE) {
			l->counts->free_unknown++;
			return;
		}
		size = p->memory->objects.extent[number].size;
	}
	if (size == 0 || size - 1 > UINT64_MAX - addr)
		size = UINT64_MAX - addr;
	find(l, p->memory, addr, size);
	if (l->founds == 0)
		l->counts->free_unknown++;
	else
		cut(l, p, addr, size);
}

void
join_lives_free(struct join_lives *l, struct join_process *p, enum join_end how, int64_t tid,
    uint64_t addr, uint64_t size)
{
	enum join_rank rank = how == JOIN_END_OTHER                              ? JOIN_OTHER
			      : how == JOIN_END_OBJECT || how == JOIN_END_MOVING ? JOIN_HEAP_OBJECT
										 : JOIN_REGION;
	uint32_t number;

	own(l, p);
	if (p->movings > 0)
		end_moving(l, p, tid);
	if (how == JOIN_END_RANGE) {
		end_range(l, p, addr, size);
		return;
	}
	number = extents_at(&p->memory->objects, addr, (uint16_t)rank);
	if (number == EXTENTS_NONE && rank == JOIN_OTHER)
		number = extents_at(&p->memory->objects, addr, JOIN_HEAP_OBJECT);
	if (number == EXTENTS_NONE && how == JOIN_END_MOVING_REGION && size > 0) {
		end_range(l, p, addr, size);
		return;
	}
	if (number == EXTENTS_NONE) {
		l->counts->free_unknown++;
		return;
	}
	if (how == JOIN_END_MOVING_REGION && size > 0 &&
	    size != p->memory->objects.extent[number].size)
		end_range(l, p, addr, size); /* a part moves */
	else if (how == JOIN_END_MOVING || how == JOIN_END_MOVING_REGION)
		begin_moving(p, tid, number);
	else
		end_object(l, p, number);
}

/* ---- processes that begin and end ---- */

void
join_lives_end(struct join_lives *l, struct join_process *p)
{
	release(l, p->memory);
	p->memory = NULL;
	p->movings = 0;
	p->lives = false;
	p->fork_src = -1;
}

void
join_lives_fork(struct join_lives *l, uint32_t host, int64_t parent, int64_t child, int64_t src)
{
	struct join_process *from = join_process(l, host, parent, false), *p;

	if (parent == child)
		return; /* a thread */
	p = join_process(l, host, child, true);
	/* Told again, by another source: the child may have changed since. */
	if (p->lives && p->fork_src >= 0 && p->fork_src != src)
		return;
	join_lives_end(l, p);
	p->lives = true;
	p->fork_src = src;
	if (from && from->memory) {
		p->memory = from->memory;
		p->memory->refs++;
	}
}

void
join_lives_clear(struct join_lives *l, uint32_t host)
{
	for (size_t i = 0; i < l->processes; i++)
		if (l->process[i]->host == host)
			join_lives_end(l, l->process[i]);
}

bool
join_lives_near(const struct join_process *p, uint64_t addr)
{
	return p && p->memory && has_area(p->memory, addr >> AREA_SHIFT);
}

/* How much of the range is the extent's, without what it shares with those that may lie in it. */
static uint64_t
part_of(const struct join_lives *l, const struct join_memory *m, const struct extent *e,
    uint64_t addr, uint64_t last)
{
	uint64_t from = e->addr > addr ? e->addr : addr, to = e->addr + (e->size ? e->size : 1) - 1,
		 part;

	to = to < last ? to : last;
	part = to - from + 1;
	for (size_t i = 0; i < l->founds; i++) {
		const struct extent *in = &m->objects.extent[l->found[i]];
		uint64_t in_to = in->addr + (in->size ? in->size : 1) - 1,
			 in_from = in->addr > from ? in->addr : from;

		in_to = in_to < to ? in_to : to;
		if (in->rank > e->rank && in_from <= in_to)
			part -= part < in_to - in_from + 1 ? part : in_to - in_from + 1;
	}
	return part;
}

uint32_t
join_lives_range(
    struct join_lives *l, const struct join_process *p, uint64_t addr, uint64_t size, unsigned *n)
{
	uint64_t last = addr + size - 1, most = 0;
	uint32_t best = EXTENTS_NONE;

	*n = 0;
	if (p == NULL || p->memory == NULL)
		return EXTENTS_NONE;
	find(l, p->memory, addr, size);
	for (size_t i = 0; i < l->founds; i++) {
		uint64_t part =
		    part_of(l, p->memory, &p->memory->objects.extent[l->found[i]], addr, last);

		*n += part > 0;
		if (part > most) {
			most = part;
			best = l->found[i];
		}
	}
	return *n <= 1 || most >= size - size / 2 ? best : EXTENTS_NONE;
}

void
join_lives_free_all(struct join_lives *l)
{
	for (size_t i = 0; i < l->processes; i++) {
		join_lives_end(l, l->process[i]);
		free(l->process[i]->moving);
		free(l->process[i]->instance);
		free(l->process[i]);
	}
	free(l->process);
	free(l->found);
	hash_free(&l->by_pid);
}
