/* stack_parts.h - what the files of stack.h share: memory that may be read, steps from frame to frame
 *
 * Where a frame's caller is to be found fits in 28 bits for nearly all code: CFA = sp or fp + offset, the return address
 * and the saved fp at fixed places below it. Together with 36 bits of the address that makes one word, so that a table of
 * words which all threads share needs no lock: whoever finds a word finds all of it. What does not fit says how it
 * is to be done: at a signal frame, by frame pointer, or by the slow walk, which starts in our own frame and follows
 * all registers by cfi_step().
 * Cost: 5 ns a frame met before; 0.5 us one that was not; a slow walk takes that for every frame.
 *
 * Units:     bytes, addresses.
 * Ownership: everything is the caller's, or static.
 * Errors:    a walk that cannot go on is cut.
 * Source:    own; see code/cfi.h.
 */
#ifndef INTERPOSE_STACK_PARTS_H
#define INTERPOSE_STACK_PARTS_H

#include "code/cfi.h"
#include "interpose/stack.h"

#if defined(__x86_64__)
#define STACK_ARCH (&arch_x86_64)
enum { STACK_SP = 7, STACK_FP = 6, STACK_PC = 16 };
#elif defined(__aarch64__)
#define STACK_ARCH (&arch_aarch64)
enum { STACK_SP = 31, STACK_FP = 29, STACK_PC = 32 };
#else
#error "architectures that lib/code/arch.h tells of"
#endif

/* ---- words of the table: how to step ---- */

enum { /* bit 0 clear: the usual case */
	WORD_SPECIAL = 1,
	WORD_CFA_FP = 2,    /* CFA = fp + offset, else sp + offset */
	WORD_CFA_SHIFT = 2, /* 13 bits: offset / 8 */
	WORD_SAVED_SHIFT =
	    15, /* 12 bits: (CFA - place) / 8; x86-64: of the fp, aarch64: of the return address, fp 8 below */
	WORD_FP_SAVED = 1 << 27,
	WORD_BITS = 28,

	/* bits 1 to 3 where bit 0 is set */
	WORD_ROOT = 0 << 1,
	WORD_SIGNAL = 1 << 1,
	WORD_GUESS = 2 << 1, /* no CFI: frame pointer */
	WORD_SLOW = 3 << 1,
	WORD_REALIGNED =
	    4 << 1, /* CFA = [fp + a], saved fp at [fp + b]: a, b / 8 in 12 bits each, from bit 4 */
	WORD_FIRST =
	    5
	    << 1, /* the first instruction of a function: nobody called it, its address was put there to begin */
	WORD_MADE = 6 << 1, /* code of no object: by frame pointer, or a signal frame */
	WORD_KINDS = 7 << 1,
};

/* The table: a line of the processor's cache is all that an address may be in. */
enum { STEP_LINE_BITS = 12, STEP_WAYS = 8 };

extern _Atomic uint64_t stack_steps[1 << STEP_LINE_BITS][STEP_WAYS];

uint32_t stack_step_find(uintptr_t addr);

/* How to step from a frame. addr is an address inside its instruction: the return address - 1, or where a signal
 * interrupted it. */
static inline uint32_t
stack_step_at(uintptr_t addr)
{
	uintptr_t tag = addr >> STEP_LINE_BITS;
	uint64_t word = atomic_load_explicit(
	    &stack_steps[(addr ^ tag) & ((1 << STEP_LINE_BITS) - 1)][tag % STEP_WAYS],
	    memory_order_relaxed);

	if (__builtin_expect(word >> WORD_BITS == tag && word != 0, 1))
		return (uint32_t)word & ((1u << WORD_BITS) - 1);
	return stack_step_find(addr);
}

/* ---- memory that may be read ---- */

enum { STACK_PAGE = 4096, STACK_RANGES = 4 };

struct stack_range {
	uintptr_t low, bytes;
};

/* Pieces of stacks that were found readable. */
struct stack_memory {
	struct stack_range range[STACK_RANGES];
	unsigned turn;
};

/* Finds, or makes, the range that holds 8 bytes at addr. With trusted false the kernel is asked, whatever is known: what
 * a guess led to may have been a stack that is gone. */
bool stack_range_of(
    struct stack_memory *m, uintptr_t addr, bool trusted, struct stack_range *range);

/* ---- the trail: the last walk of a thread, frame by frame ----
 *
 * A walk that comes to a frame of the last one (same pc, same sp, and same fp where one of the frames above needs it) has
 * only to look whether the words of the stack from there on are as they were. It takes its place on the trail below
 * the frame where both met: frames near the root stay for as long as they live. */

struct stack_step {
	uintptr_t pc, sp, fp; /* of the frame */
	/* The words which the step to its caller read, 0 for none: the return address, the fp where it had been saved, the
	 * CFA where that is kept in memory. Their values are those of the next frame. */
	uintptr_t ra_at, fp_at, cfa_at;
	bool uses_fp;  /* the step did */
	bool needs_fp; /* the step, or one above it, before it is loaded */
	bool exact;    /* pc is no return address: see WORD_FIRST, WORD_SIGNAL */
};

struct stack_trail {
	struct stack_step *last,
	    *next; /* room each; next is what a walk under way writes, at its end */
	unsigned room, first, end;
	bool root; /* the last frame is the first function's */
};

/* Follows the last walk from frame `from`, for at most max frames above it: how many hold. Their pcs go to frame[]. */
unsigned stack_trail_follow(
    const struct stack_trail *t, unsigned from, unsigned max, uint64_t *frame);

/* The n frames of the walk are those before frame `from` of the last. */
void stack_trail_join(struct stack_trail *t, unsigned from, unsigned n, unsigned depth);

/* Copies frames from..from+n of the last walk; fp is that of the first, what comes back that of the last. */
uintptr_t stack_trail_copy(
    const struct stack_trail *t, unsigned from, unsigned n, struct stack_step *to, uintptr_t fp);

/* The walk, of n frames, is the last one. */
void stack_trail_turn(struct stack_trail *t, unsigned n, unsigned depth, bool root);

/* ---- walks ---- */

struct stack_walk {
	struct stack_memory *memory;
	struct stack_trail *trail; /* NULL: nothing is remembered, nor used */
	uint64_t *frame;
	unsigned n, depth;
	bool cut;       /* ended before the root, and before the depth */
	bool untracked; /* the trail does not tell of it: a signal frame, a guess, a slow walk */
};

/* A word of the stack that a walk depended on, by its distance from the walk's sp. */
struct stack_word {
	uint64_t value;
	uint32_t at;
} __attribute__((packed, aligned(4)));

/* They stand in the order of their use. */
struct stack_words {
	struct stack_word *word;
	unsigned n, max; /* n > max: they were too many */
	bool fp;         /* the walk depends on the fp it started with */
};

/* Those of the first n frames of the last walk. */
void stack_trail_words(const struct stack_trail *t, unsigned n, struct stack_words *words);

void stack_walk_run(struct stack_walk *w, const struct stack_start *start);

/* The slow walk: the reference for the other. False where the chain did not pass start at all. */
bool stack_walk_slow(struct stack_walk *w, const struct stack_start *start);

/* Grows where objects are closed: what was remembered before does not hold. */
extern _Atomic unsigned stack_generation;

#endif
