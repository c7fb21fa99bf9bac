/* stack.c - chains of a thread that were taken before: walks by the words that they depended on, chains by their frames */
#include "interpose/stack.h"

#include <string.h>

#include "interpose/stack_parts.h"

#ifdef STACK_COUNTS /* of tests */
static _Atomic unsigned long stack_counts[2];
#define COUNT(i) (stack_counts[i]++)
#else
#define COUNT(i) ((void)0)
#endif

enum {
	SETS = 128, /* of walks: those that begin alike, under a common wrapper, are in one */
	WAYS = 4,
	LINE = 64,
	TRAIL = 4,                /* times the depth: room of a trail */
	CHAINS = WIRE_CHAINS - 2, /* pairs; the last numbers name none */
};

struct walk {
	uintptr_t pc, sp, fp;
	uint32_t stamp; /* of its chain */
	uint16_t chain, words, n;
	bool by_fp, cut;
	struct stack_word word[];
};

struct stack_cache {
	unsigned depth, words_max;
	unsigned generation;
	uint32_t stamp;
	size_t walk_bytes;
	struct stack_memory memory;
	struct stack_trail trail;

	uint32_t tag[SETS][WAYS]; /* of the walks: what they began with, hashed; 0: none */
	uint8_t turn[SETS];       /* which is given up next: not the one that was used last */

	uint32_t
	    chain_stamp[CHAINS]; /* another one each time that the number means another chain */
	uint64_t chain_hash[CHAINS];
	uint16_t chain_n[CHAINS]; /* 0: none */

	/* Behind it: frames of the chains, frames of a walk that is under way, walks, the trail. */
	_Alignas(LINE) unsigned char more[];
};

static size_t
round_up(size_t n)
{
	return (n + LINE - 1) / LINE * LINE;
}

/* One for each frame, and a few that keep a frame pointer that is needed. */
static unsigned
words_for(unsigned depth)
{
	return depth + 4;
}

static size_t
walk_bytes(unsigned depth)
{
	return round_up(sizeof(struct walk) + words_for(depth) * sizeof(struct stack_word));
}

static uint64_t *
frames_of(struct stack_cache *c, unsigned number)
{
	return (uint64_t *)(void *)c->more + (size_t)number * c->depth;
}

static struct walk *
walk_of(struct stack_cache *c, unsigned i)
{
	unsigned char *walks = c->more + round_up((CHAINS + 1) * sizeof(uint64_t) * c->depth);

	return (struct walk *)(void *)(walks + i * c->walk_bytes);
}

static struct stack_step *
steps_of(struct stack_cache *c, unsigned which)
{
	return (struct stack_step *)(void *)walk_of(c, WAYS * SETS) + (size_t)which * c->trail.room;
}

size_t
stack_cache_bytes(unsigned depth)
{
	return sizeof(struct stack_cache) + round_up((CHAINS + 1) * sizeof(uint64_t) * depth) +
	       WAYS * SETS * walk_bytes(depth) +
	       (size_t)2 * TRAIL * depth * sizeof(struct stack_step);
}

static void
forget(struct stack_cache *c)
{
	c->generation = atomic_load(&stack_generation);
	c->trail.first = c->trail.end = 0;
	memset(c->tag, 0, sizeof c->tag);
	memset(c->chain_n, 0, sizeof c->chain_n);
}

struct stack_cache *
stack_cache_begin(void *memory, unsigned depth)
{
	struct stack_cache *c = memory;

	c->depth = depth;
	c->words_max = words_for(depth);
	c->walk_bytes = walk_bytes(depth);
	c->trail.room = TRAIL * depth;
	c->trail.last = steps_of(c, 0);
	c->trail.next = steps_of(c, 1);
	forget(c);
	return c;
}

static uint64_t
hash_of(const uint64_t *frame, unsigned n)
{
	uint64_t h = n, factor = 0x9e3779b97f4a7c15ull;

	for (unsigned i = 0; i < n; i++, factor += 0x6a09e667f3bcc908ull)
		h += (frame[i] ^ frame[i] >> 29) * factor;
	return h ^ h >> 32;
}

/* The number of a chain: that which it has, else one of the two places where it may be. */
static unsigned
number_of(struct stack_cache *c, const uint64_t *frame, unsigned n, bool *known)
{
	uint64_t hash = hash_of(frame, n);
	unsigned at = (unsigned)((hash & 0xffffffff) * (CHAINS / 2) >> 32) * 2;

	for (unsigned i = at; i < at + 2; i++)
		if (c->chain_n[i] == n && c->chain_hash[i] == hash &&
		    memcmp(frames_of(c, i), frame, n * sizeof *frame) == 0) {
			*known = true;
			return i;
		}
	if (c->chain_n[at] > 0 &&
	    (c->chain_n[at + 1] == 0 ||
		(int32_t)(c->chain_stamp[at + 1] - c->chain_stamp[at]) < 0)) /* it is older */
		at++;
	c->chain_stamp[at] = ++c->stamp;
	c->chain_hash[at] = hash;
	c->chain_n[at] = (uint16_t)n;
	memcpy(frames_of(c, at), frame, n * sizeof *frame);
	*known = false;
	return at;
}

static inline bool
as_before(const struct walk *w)
{
	const struct stack_word *word = w->word, *end = word + w->words;

	/* In the order of the walk: as long as they are the same, the walk would read the same. */
	while (word < end && *(const uint64_t *)(w->sp + word->at) == word->value)
		word++;
	return word == end;
}

/* The walk is remembered in place of another of its set. */
static void
remember(struct stack_cache *c, unsigned set, uint32_t tag, const struct stack_start *start,
    const struct stack_chain *chain)
{
	unsigned i = c->turn[set] % WAYS;
	struct walk *w = walk_of(c, WAYS * set + i);
	struct stack_words words = { .word = w->word, .max = c->words_max };

	stack_trail_words(&c->trail, chain->n, &words);
	if (words.n > words.max) {
		c->tag[set][i] = 0;
		return;
	}
	c->tag[set][i] = tag;
	c->turn[set]++;
	w->pc = start->pc;
	w->sp = start->sp;
	w->fp = start->fp;
	w->stamp = c->chain_stamp[chain->number];
	w->chain = chain->number;
	w->n = chain->n;
	w->words = (uint16_t)words.n;
	w->by_fp = words.fp;
	w->cut = chain->cut;
}

void
stack_take(struct stack_cache *c, const struct stack_start *start, struct stack_chain *chain)
{
	uint64_t h = (start->sp + (start->pc << 20 | start->pc >> 44)) * 0x9e3779b97f4a7c15ull;
	unsigned set = (unsigned)(h >> 56) % SETS;
	uint32_t tag = (uint32_t)(h >> 20) | 1;
	unsigned generation = atomic_load_explicit(&stack_generation, memory_order_relaxed);
	struct stack_walk walk;

	if (__builtin_expect(generation != c->generation, 0))
		forget(c);
	for (unsigned i = 0; i < WAYS; i++) {
		const struct walk *w;

		if (c->tag[set][i] != tag)
			continue;
		w = walk_of(c, WAYS * set + i);
		if (w->sp != start->sp || w->pc != start->pc || (w->by_fp && w->fp != start->fp) ||
		    c->chain_stamp[w->chain] != w->stamp || !as_before(w))
			continue;
		if (c->turn[set] % WAYS == i)
			c->turn[set]++;
		*chain = (struct stack_chain){ .number = w->chain,
			.known = true,
			.cut = w->cut,
			.n = w->n,
			.frame = frames_of(c, w->chain) };
		COUNT(0);
		return;
	}
	walk = (struct stack_walk){ .memory = &c->memory,
		.trail = &c->trail,
		.frame = frames_of(c, CHAINS),
		.depth = c->depth };
	stack_walk_run(&walk, start);
	chain->cut = walk.cut;
	chain->n = (uint16_t)walk.n;
	chain->number = (uint16_t)number_of(c, walk.frame, walk.n, &chain->known);
	chain->frame = frames_of(c, chain->number);
	/* A chain that never comes again need not take the place of one that does. */
	if (chain->known && !walk.untracked)
		remember(c, set, tag, start, chain);
}
