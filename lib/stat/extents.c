#include "stat/extents.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"

enum { PAGES_MOST = 4, LEVEL_BITS = 4, FIRST_SHIFT = 12, FEW = 8, LARGE = 2 << 20 };

static const uint64_t HASH = 0x9e3779b97f4a7c15;

static inline unsigned
shift_of(unsigned level)
{
	return FIRST_SHIFT + LEVEL_BITS * level;
}

static inline uint64_t
key_of(uint64_t addr, unsigned level)
{
	return (addr >> shift_of(level)) << 4 | (level + 1);
}

static inline uint32_t
in_page(uint64_t addr, unsigned level)
{
	return (uint32_t)(addr & (((uint64_t)1 << shift_of(level)) - 1));
}

static inline uint64_t
extent_of(const struct extent *e)
{
	return e->size ? e->size : 1;
}

/* The last address. */
static inline uint64_t
last_of(const struct extent *e)
{
	return e->addr + extent_of(e) - 1;
}

/* The size of pages of which it overlaps few; EXTENTS_LEVELS: none. */
static unsigned
level_of(const struct extent *e)
{
	unsigned level = 0;

	while (level < EXTENTS_LEVELS && extent_of(e) > (uint64_t)PAGES_MOST << shift_of(level))
		level++;
	return level;
}

/* ---- memory ---- */

static size_t
room_of(size_t bytes)
{
	return (bytes + LARGE - 1) / LARGE * LARGE;
}

/* What is large is looked at in no order, and then it takes as long to find the pages of memory as what stands in them: pages are
 * large, too, where the system has such. */
static void *
take(size_t bytes)
{
	size_t room = room_of(bytes), skip;
	char *p;

	if (bytes < LARGE)
		return xmalloc(bytes);
	p = mmap(NULL, room + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		xmalloc(SIZE_MAX / 2); /* ends the process */
	skip = -(uintptr_t)p % LARGE;
	if (skip > 0)
		munmap(p, skip);
	munmap(p + skip + room, LARGE - skip);
	madvise(p + skip, room, MADV_HUGEPAGE);
	return p + skip;
}

static void
give(void *p, size_t bytes)
{
	if (bytes < LARGE)
		free(p);
	else
		munmap(p, room_of(bytes));
}

static void *
grown(void *p, size_t *cap, size_t need, size_t size)
{
	size_t had = *cap * size, n = *cap + *cap / 2;
	void *to;

	n = n < need ? need : n;
	if (n * size < LARGE)
		return xgrow(p, cap, need, size);
	to = take(n * size);
	*cap = n;
	if (had >= LARGE &&
	    mremap(p, room_of(had), room_of(had), MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		return to;
	if (had > 0)
		memcpy(to, p, had);
	give(p, had);
	return to;
}

/* ---- the table of pages ---- */

static inline size_t
place_of(const struct extents *x, uint64_t key)
{
	return key * HASH >> x->hash_shift;
}

/* The slot with this key, or the empty one where it would be. */
static inline struct extents_slot *
slot_of(const struct extents *x, uint64_t key)
{
	size_t at = place_of(x, key);

	while (x->slot[at].key != key && x->slot[at].key != 0)
		at = (at + 1) & x->mask;
	return &x->slot[at];
}

static inline const struct extents_slot *
page_of(const struct extents *x, uint64_t addr, unsigned level)
{
	const struct extents_slot *s;

	if (x->level_pages[level] == 0)
		return NULL;
	s = slot_of(x, key_of(addr, level));
	return s->key ? s : NULL;
}

static void
grow_table(struct extents *x)
{
	struct extents_slot *old = x->slot;
	size_t n = old ? x->mask + 1 : 0;

	x->mask = n ? 2 * n - 1 : 15;
	x->hash_shift = (unsigned)__builtin_clzll(x->mask);
	x->slot = take((x->mask + 1) * sizeof *x->slot);
	memset(x->slot, 0, (x->mask + 1) * sizeof *x->slot);
	for (size_t i = 0; i < n; i++)
		if (old[i].key)
			*slot_of(x, old[i].key) = old[i];
	give(old, n * sizeof *old);
}

/* Those that stand behind an empty slot because it was taken move up. */
static void
drop_slot(struct extents *x, struct extents_slot *s)
{
	size_t hole = (size_t)(s - x->slot), at = hole;

	for (;;) {
		size_t home;

		at = (at + 1) & x->mask;
		if (x->slot[at].key == 0)
			break;
		home = place_of(x, x->slot[at].key);
		if (((at - home) & x->mask) >= ((at - hole) & x->mask)) {
			x->slot[hole] = x->slot[at];
			hole = at;
		}
	}
	x->slot[hole].key = 0;
	x->pages--;
}

/* ---- blocks ---- */

static uint32_t
take_block(struct extents *x, unsigned shift)
{
	uint32_t block = x->spare_block[shift];

	if (block) {
		x->spare_block[shift] = x->word[block];
		return block;
	}
	if (x->words == 0)
		x->words = 2; /* 0 is no block */
	block = (uint32_t)x->words;
	x->words += (size_t)2 << shift;
	if (x->words >= x->word_cap)
		x->word = grown(x->word, &x->word_cap, x->words + 1, sizeof *x->word);
	return block;
}

static void
give_block(struct extents *x, uint32_t block, unsigned shift)
{
	x->word[block] = x->spare_block[shift];
	x->spare_block[shift] = block;
}

static void
resize_block(struct extents *x, struct extents_slot *s, unsigned shift)
{
	uint32_t block = take_block(x, shift), *to = x->word + block;
	const uint32_t *from = x->word + s->block;

	memcpy(to, from, s->n * sizeof *to);
	memcpy(to + ((size_t)1 << shift), from + ((size_t)1 << s->shift), s->n * sizeof *to);
	give_block(x, s->block, s->shift);
	s->block = block;
	s->shift = shift & 127;
}

/* ---- a page ---- */

static inline size_t
change_of(uint64_t page)
{
	return (page * HASH >> 32) % EXTENTS_CHANGES;
}

static inline void
note_change(struct extents *x, uint64_t page, unsigned level)
{
	if (level == 0)
		x->change[change_of(page)]++;
}

static inline const uint32_t *
starts_of(const struct extents *x, const struct extents_slot *s)
{
	return x->word + s->block;
}

static inline const uint32_t *
numbers_of(const struct extents *x, const struct extents_slot *s)
{
	return x->word + s->block + ((size_t)1 << s->shift);
}

/* Where an extent begins in a page that it overlaps. */
static inline uint32_t
start_in(const struct extent *e, uint64_t page, unsigned level)
{
	return e->addr >> shift_of(level) == page ? (uint32_t)(e->addr - (page << shift_of(level)))
						  : 0;
}

/* How many of the sorted beginnings are not above `at`. */
static inline uint32_t
not_above(const uint32_t *start, uint32_t n, uint32_t at)
{
	const uint32_t *from = start;

	while (n > 1) {
		uint32_t half = n / 2;

		from = from[half] <= at ? from + half : from;
		n -= half;
	}
	return (uint32_t)(from - start) + (n > 0 && *from <= at);
}

/* The order in a page: by beginning, of equal ones the larger first, then the older. */
static bool
before(const struct extent *a, const struct extent *b)
{
	return a->addr != b->addr ? a->addr < b->addr : extent_of(a) >= extent_of(b);
}

static void
enter(struct extents *x, uint32_t number, uint64_t page, unsigned level)
{
	const struct extent *e = &x->extent[number];
	uint32_t start = start_in(e, page, level), at, *starts, *numbers;
	struct extents_slot *s;

	note_change(x, page, level);
	if (x->pages * 8 >= (x->mask + 1) * 5 || x->slot == NULL)
		grow_table(x);
	s = slot_of(x, page << 4 | (level + 1));
	if (s->key == 0) {
		uint32_t block = take_block(x, 0);

		*s = (struct extents_slot){ .key = page << 4 | (level + 1), .block = block };
		x->pages++;
		x->level_pages[level]++;
	}
	if (s->n == 1u << s->shift)
		resize_block(x, s, s->shift + 1u);
	starts = x->word + s->block;
	numbers = starts + ((size_t)1 << s->shift);
	at = not_above(starts, s->n, start);
	while (at > 0 && starts[at - 1] == start && !before(&x->extent[numbers[at - 1]], e))
		at--;
	memmove(starts + at + 1, starts + at, (s->n - at) * sizeof *starts);
	memmove(numbers + at + 1, numbers + at, (s->n - at) * sizeof *numbers);
	starts[at] = start;
	numbers[at] = number;
	s->n++;
	if ((at > 0 && last_of(&x->extent[numbers[at - 1]]) >= e->addr) ||
	    (at + 1 < s->n && (page << shift_of(level)) + starts[at + 1] <= last_of(e)))
		s->nested = 1;
}

static void
leave(struct extents *x, uint32_t number, uint64_t page, unsigned level)
{
	struct extents_slot *s = slot_of(x, page << 4 | (level + 1));
	uint32_t *starts = x->word + s->block, *numbers = starts + ((size_t)1 << s->shift);
	uint32_t at = not_above(starts, s->n, start_in(&x->extent[number], page, level)) - 1;

	note_change(x, page, level);
	while (numbers[at] != number)
		at--;
	memmove(starts + at, starts + at + 1, (s->n - at - 1) * sizeof *starts);
	memmove(numbers + at, numbers + at + 1, (s->n - at - 1) * sizeof *numbers);
	s->n--;
	if (s->n == 0) {
		give_block(x, s->block, s->shift);
		drop_slot(x, s);
		x->level_pages[level]--;
	} else if (s->shift > 2 && s->n <= 1u << (s->shift - 2)) {
		resize_block(x, s, s->shift - 1u);
	}
}

/* ---- extents ---- */

uint32_t
extents_add(struct extents *x, const struct extent *e)
{
	unsigned level = level_of(e);
	uint32_t number = x->spare;

	if (number != EXTENTS_NONE) {
		x->spare = x->extent[number].site;
	} else {
		if (x->used == x->cap)
			x->extent = grown(x->extent, &x->cap, x->used + 1, sizeof *x->extent);
		number = (uint32_t)x->used++;
	}
	x->extent[number] = *e;
	x->extents++;
	if (level == EXTENTS_LEVELS) {
		GROW(x->giant, x->giant_cap, x->giants);
		x->giant[x->giants++] = number;
		return number;
	}
	for (uint64_t page = e->addr >> shift_of(level), last = last_of(e) >> shift_of(level);
	     page <= last; page++)
		enter(x, number, page, level);
	return number;
}

void
extents_remove(struct extents *x, uint32_t number)
{
	const struct extent *e = &x->extent[number];
	unsigned level = level_of(e);
	size_t i = 0;

	if (level == EXTENTS_LEVELS) {
		while (x->giant[i] != number)
			i++;
		x->giant[i] = x->giant[--x->giants];
	} else {
		for (uint64_t page = e->addr >> shift_of(level),
			      last = last_of(e) >> shift_of(level);
		     page <= last; page++)
			leave(x, number, page, level);
	}
	x->extent[number].site = x->spare;
	x->spare = number;
	x->extents--;
}

/* Of the giants that hold the address, or begin there with this rank: the innermost. */
static uint32_t
find_giant(const struct extents *x, uint64_t addr, bool at, uint16_t rank)
{
	uint32_t best = EXTENTS_NONE;

	for (size_t i = 0; i < x->giants; i++) {
		const struct extent *e = &x->extent[x->giant[i]];

		if (at ? e->addr != addr || e->rank != rank : addr - e->addr >= extent_of(e))
			continue;
		if (best == EXTENTS_NONE || before(&x->extent[best], e))
			best = x->giant[i];
	}
	return best;
}

uint32_t
extents_find(const struct extents *x, uint64_t addr)
{
	for (unsigned level = 0; level < EXTENTS_LEVELS; level++) {
		const struct extents_slot *s = page_of(x, addr, level);
		const uint32_t *number;
		uint32_t at;

		if (s == NULL)
			continue;
		number = numbers_of(x, s);
		at = not_above(starts_of(x, s), s->n, in_page(addr, level));
		while (at-- > 0) {
			const struct extent *e = &x->extent[number[at]];

			if (addr - e->addr < extent_of(e))
				return number[at];
			if (!s->nested)
				break;
		}
	}
	return x->giants ? find_giant(x, addr, false, 0) : EXTENTS_NONE;
}

uint32_t
extents_at(const struct extents *x, uint64_t addr, uint16_t rank)
{
	for (unsigned level = 0; level < EXTENTS_LEVELS; level++) {
		const struct extents_slot *s = page_of(x, addr, level);
		const uint32_t *number;
		uint32_t at;

		if (s == NULL)
			continue;
		number = numbers_of(x, s);
		at = not_above(starts_of(x, s), s->n, in_page(addr, level));
		while (at-- > 0 && x->extent[number[at]].addr == addr)
			if (x->extent[number[at]].rank == rank)
				return number[at];
	}
	return x->giants ? find_giant(x, addr, true, rank) : EXTENTS_NONE;
}

struct over {
	const struct extents *x;
	uint64_t addr, last;
	bool (*fn)(void *context, uint32_t number, const struct extent *e);
	void *context;
};

/* Those of a page that overlap the range, and whose first page in it is this; from the last one down, so that only those are
 * looked at that may. */
static bool
over_page(const struct over *o, const struct extents_slot *s, uint64_t page, unsigned level)
{
	const uint32_t *number = numbers_of(o->x, s);
	uint32_t at = s->n;

	if (o->last >> shift_of(level) == page)
		at = not_above(starts_of(o->x, s), s->n, in_page(o->last, level));
	while (at-- > 0) {
		const struct extent *e = &o->x->extent[number[at]];
		uint64_t first = e->addr > o->addr ? e->addr : o->addr;

		if (last_of(e) < o->addr) {
			if (!s->nested)
				break;
			continue;
		}
		if (first >> shift_of(level) == page && !o->fn(o->context, number[at], e))
			return false;
	}
	return true;
}

static bool
over_level(const struct over *o, unsigned level)
{
	uint64_t from = o->addr >> shift_of(level), to = o->last >> shift_of(level);

	if (to - from < FEW || to - from < o->x->mask) {
		for (uint64_t page = from; page <= to; page++) {
			const struct extents_slot *s = slot_of(o->x, page << 4 | (level + 1));

			if (s->key && !over_page(o, s, page, level))
				return false;
		}
		return true;
	}
	for (size_t i = 0; i <= o->x->mask; i++) {
		const struct extents_slot *s = &o->x->slot[i];

		if ((s->key & 15) == level + 1 && s->key >> 4 >= from && s->key >> 4 <= to &&
		    !over_page(o, s, s->key >> 4, level))
			return false;
	}
	return true;
}

void
extents_over(const struct extents *x, uint64_t addr, uint64_t size,
    bool (*fn)(void *context, uint32_t number, const struct extent *e), void *context)
{
	struct over o = { x, addr, addr + (size ? size : 1) - 1, fn, context };

	for (unsigned level = 0; level < EXTENTS_LEVELS; level++)
		if (x->level_pages[level] > 0 && !over_level(&o, level))
			return;
	for (size_t i = 0; i < x->giants; i++) {
		const struct extent *e = &x->extent[x->giant[i]];

		if (e->addr <= o.last && last_of(e) >= addr && !fn(context, x->giant[i], e))
			return;
	}
}

void
extents_ask(const struct extents *x, uint64_t addr)
{
	if (x->slot)
		__builtin_prefetch(&x->slot[place_of(x, key_of(addr, 0))]);
}

void
extents_look(const struct extents *x, uint64_t addr)
{
	const struct extents_slot *s = page_of(x, addr, 0);

	if (s) {
		__builtin_prefetch(starts_of(x, s));
		__builtin_prefetch(numbers_of(x, s));
	}
}

struct extents_guess
extents_fetch(const struct extents *x, uint64_t addr)
{
	const struct extents_slot *s = page_of(x, addr, 0);
	uint32_t at = s ? not_above(starts_of(x, s), s->n, in_page(addr, 0)) : 0;
	struct extents_guess g = { EXTENTS_NONE, x->change[change_of(addr >> FIRST_SHIFT)] };

	if (at > 0) {
		const struct extent *e;

		g.number = numbers_of(x, s)[at - 1];
		e = &x->extent[g.number];
		__builtin_prefetch(e);
		__builtin_prefetch((const char *)(e + 1) - 1);
	}
	return g;
}

/* The last that begins before the address in its small page is the innermost that holds it, if it does: pages of this size come first. */
uint32_t
extents_guessed(const struct extents *x, uint64_t addr, const struct extents_guess *g)
{
	if (g->number != EXTENTS_NONE && g->change == x->change[change_of(addr >> FIRST_SHIFT)]) {
		const struct extent *e = &x->extent[g->number];

		if (addr - e->addr < extent_of(e))
			return g->number;
	}
	return extents_find(x, addr);
}

static void *
copy_of(const void *from, size_t n, size_t size)
{
	void *to = take(n * size);

	if (n > 0)
		memcpy(to, from, n * size);
	return to;
}

void
extents_copy(struct extents *to, const struct extents *from)
{
	*to = *from;
	to->cap = from->used;
	to->word_cap = from->words;
	to->giant_cap = from->giants;
	to->giant = copy_of(from->giant, from->giants, sizeof *from->giant);
	to->extent = copy_of(from->extent, from->used, sizeof *from->extent);
	to->word = copy_of(from->word, from->words, sizeof *from->word);
	if (from->slot)
		to->slot = copy_of(from->slot, from->mask + 1, sizeof *from->slot);
}

size_t
extents_bytes(const struct extents *x)
{
	return x->cap * sizeof *x->extent + x->word_cap * sizeof *x->word +
	       (x->slot ? (x->mask + 1) * sizeof *x->slot : 0);
}

void
extents_free(struct extents *x)
{
	give(x->extent, x->cap * sizeof *x->extent);
	give(x->slot, x->slot ? (x->mask + 1) * sizeof *x->slot : 0);
	give(x->word, x->word_cap * sizeof *x->word);
	free(x->giant);
	*x = EXTENTS_INIT;
}
