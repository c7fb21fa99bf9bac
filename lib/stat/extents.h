/* extents.h - pieces of an address range, and which of them an address lies in
 *
 * Extents come and go, and may lie inside each other: an address belongs to the innermost, the one that begins last (of those
 * that begin together, the smallest). An extent of size 0 takes room as one of size 1.
 *
 * The range is cut into pages of 4 KiB, 64 KiB, 1 MiB ... 4 GiB. An extent is entered in all pages that it overlaps of the
 * size of which it overlaps at most five; a page is a slot of one hash table, with the beginnings in it sorted. So finding
 * is a probe for each size of page that is in use, small ones first, and a search among the beginnings in one page; large extents
 * cost no more than small ones, but for those of more than 16 GiB, which stand in a list. All of it lies in four arrays, so that a copy is a copy of these.
 * Memory: 40 bytes an extent, 8 to 16 for each page that it is in, 16 to 32 a page.
 * Cost: 30 ns where it is in the cache; extents_ask() a few addresses ahead hides most of what else it takes.
 *
 * Units:     addresses; an extent never reaches beyond 2^64.
 * Ownership: EXTENTS_INIT to extents_free(). Pointers to extents are good until the next change, numbers until the extent
 *            is removed.
 * Errors:    none but out of memory (base/alloc.h).
 * Source:    own.
 */
#ifndef STAT_EXTENTS_H
#define STAT_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTENTS_NONE UINT32_MAX

enum { EXTENTS_LEVELS = 6, EXTENTS_CHANGES = 1024 };

struct extent {
	uint64_t addr, size;
	/* the caller's */
	int64_t t;
	uint64_t serial;
	uint32_t site;
	uint16_t rank;
	uint16_t flags;
};

struct extents {
	struct extent *extent; /* by number; private from here */
	size_t cap, used;      /* used: numbers were given out below it */
	uint32_t spare;        /* chain of numbers that are free, by site */
	struct extents_slot {
		uint64_t key;   /* number of the page, and its level */
		uint32_t block; /* where its beginnings stand in word[] */
		uint32_t n : 24;
		uint32_t shift : 7; /* there is room for 1 << shift */
		uint32_t nested : 1;
	} * slot;
	size_t mask, pages; /* slots - 1; slots in use */
	unsigned hash_shift;
	uint32_t *word; /* blocks: beginnings in the page, then numbers of extents */
	size_t words, word_cap;
	uint32_t spare_block[32]; /* chains of blocks that are free, by shift */
	size_t level_pages[EXTENTS_LEVELS];
	uint32_t *giant; /* numbers of what is too large for pages */
	size_t giants, giant_cap;
	uint32_t change[EXTENTS_CHANGES]; /* of small pages, by their hash: counts */
	size_t extents;                   /* public: how many there are */
};

#define EXTENTS_INIT ((struct extents){ .spare = EXTENTS_NONE })

/* Enters an extent; its number. What it overlaps stays. */
uint32_t extents_add(struct extents *x, const struct extent *e);

void extents_remove(struct extents *x, uint32_t number);

/* The number of the innermost extent that holds the address, or EXTENTS_NONE. */
uint32_t extents_find(const struct extents *x, uint64_t addr);

/* That of the innermost that begins there, and has this rank. */
uint32_t extents_at(const struct extents *x, uint64_t addr, uint16_t rank);

/* Calls fn for each extent that overlaps addr .. addr + size - 1, until it returns false; it may change nothing. */
void extents_over(const struct extents *x, uint64_t addr, uint64_t size,
    bool (*fn)(void *context, uint32_t number, const struct extent *e), void *context);

/* Fetch what extents_find() will look at, step by step: each some addresses after the one before. */
void extents_ask(const struct extents *x, uint64_t addr);
void extents_look(const struct extents *x, uint64_t addr);

/* The last step tells what extents_guessed() needs to give what extents_find() would, mostly without a search. It may change meanwhile what
 * lives, but it must be the same struct. */
struct extents_guess {
	uint32_t number, change;
};

struct extents_guess extents_fetch(const struct extents *x, uint64_t addr);
uint32_t extents_guessed(const struct extents *x, uint64_t addr, const struct extents_guess *g);

/* Makes `to`, which is empty, a copy. */
void extents_copy(struct extents *to, const struct extents *from);

size_t extents_bytes(const struct extents *x);

void extents_free(struct extents *x);

#endif
