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

enum { WALKS = 512, LINE = 64, CHAINS = WIRE_CHAINS - 2 /* pairs; the last numbers name none */ };

struct walk {
	uintptr_t pc, sp, fp; /* sp 0: none */
	uint32_t stamp;       /* of its chain */
	uint16_t chain, words;
	bool by_fp, guessed, cut;
};

struct chain {
	uint64_t hash;
	uint32_t stamp; /* another one each time that the number means another chain */
	uint16_t n;     /* 0: none */
};

struct stack_cache {
	unsigned depth, words_max;
	unsigned generation;
	uint32_t stamp;
	size_t walk_bytes;
	struct stack_memory memory;
	struct chain chain[CHAINS];
	/* Behind it: frames of the chains, frames of a walk that is under way, walks. */
	_Alignas(LINE) unsigned char more[];
};

static size_t
round_up(size_t n)
{
	return (n + LINE - 1) / LINE * LINE;
}

static unsigned
words_for(unsigned depth)
{
	return depth + depth / 2 + 2;
}

static size_t
walk_bytes(unsigned depth)
{
	return round_up(
	    sizeof(struct walk) + words_for(depth) * (sizeof(uint32_t) + sizeof(uint64_t)));
}

static uint64_t *
frames_of(struct stack_cache *c, unsigned number)
{
	return (uint64_t *)(void *)c->more + (size_t)number * c->depth;
}

static struct walk *
walk_of(struct stack_cache *c, unsigned i)
{
	return (struct walk *)(void *)(c->more +
				       round_up((CHAINS + 1) * sizeof(uint64_t) * c->depth) +
				       i * c->walk_bytes);
}

size_t
stack_cache_bytes(unsigned depth)
{
	return sizeof(struct stack_cache) + round_up((CHAINS + 1) * sizeof(uint64_t) * depth) +
	       WALKS * walk_bytes(depth);
}

static void
forget(struct stack_cache *c)
{
	c->generation = atomic_load(&stack_generation);
	for (unsigned i = 0; i < CHAINS; i++) {
		c->chain[i].n = 0;
		c->chain[i].stamp = ++c->stamp;
	}
}

struct stack_cache *
stack_cache_begin(void *memory, unsigned depth)
{
	struct stack_cache *c = memory;

	c->depth = depth;
	c->words_max = words_for(depth);
	c->walk_bytes = walk_bytes(depth);
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
		if (c->chain[i].n == n && c->chain[i].hash == hash &&
		    memcmp(frames_of(c, i), frame, n * sizeof *frame) == 0) {
			*known = true;
			return i;
		}
	/* The older of the two. */
	if (c->chain[at].n > 0 &&
	    (c->chain[at + 1].n == 0 || (int32_t)(c->chain[at + 1].stamp - c->chain[at].stamp) < 0))
		at++;
	c->chain[at] = (struct chain){ hash, ++c->stamp, (uint16_t)n };
	memcpy(frames_of(c, at), frame, n * sizeof *frame);
	*known = false;
	return at;
}

static bool
as_before(const struct stack_cache *c, const struct walk *w, const struct stack_start *start)
{
	const uint64_t *value = (const uint64_t *)(const void *)(w + 1);
	const uint32_t *at = (const uint32_t *)(const void *)(value + c->words_max);
	unsigned i = 0, n = w->words;

	/* In the order of the walk: as long as they are the same, the walk would read the same. */
	while (i < n && *(const uint64_t *)(start->sp + at[i]) == value[i])
		i++;
	return i == n;
}

void
stack_take(struct stack_cache *c, const struct stack_start *start, struct stack_chain *chain)
{
	uintptr_t h = (start->sp >> 3) * 0x9e3779b97f4a7c15ull ^ start->pc * 0xc2b2ae3d27d4eb4full;
	struct walk *w = walk_of(c, (unsigned)(h >> 40) % WALKS);
	unsigned generation = atomic_load_explicit(&stack_generation, memory_order_relaxed);
	struct stack_walk walk;

	if (__builtin_expect(generation != c->generation, 0))
		forget(c);
	if (w->sp == start->sp && w->pc == start->pc && (!w->by_fp || w->fp == start->fp) &&
	    c->chain[w->chain].stamp == w->stamp && as_before(c, w, start)) {
		COUNT(0);
		*chain = (struct stack_chain){ .number = w->chain,
			.known = true,
			.cut = w->cut,
			.n = c->chain[w->chain].n,
			.frame = frames_of(c, w->chain) };
		return;
	}
	walk = (struct stack_walk){ .memory = &c->memory,
		.frame = frames_of(c, CHAINS),
		.depth = c->depth,
		.value = (uint64_t *)(void *)(w + 1),
		.at = (uint32_t *)(void *)((uint64_t *)(void *)(w + 1) + c->words_max),
		.words_max = c->words_max };
	w->sp = 0;
	stack_walk_run(&walk, start);
	chain->cut = walk.cut;
	chain->n = (uint16_t)walk.n;
	chain->number = (uint16_t)number_of(c, walk.frame, walk.n, &chain->known);
	chain->frame = frames_of(c, chain->number);
	if (walk.words > c->words_max || walk.untracked || walk.guessed)
		return;
	w->pc = start->pc;
	w->sp = start->sp;
	w->fp = start->fp;
	w->stamp = c->chain[chain->number].stamp;
	w->chain = chain->number;
	w->words = (uint16_t)walk.words;
	w->by_fp = walk.fp;
	w->cut = walk.cut;
}

void
stack_chain_lost(struct stack_cache *c, unsigned number)
{
	c->chain[number].n = 0;
	c->chain[number].stamp = ++c->stamp;
}
