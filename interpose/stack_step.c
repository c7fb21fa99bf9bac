/* stack_step.c - how to step from an address: the object, its FDE, the row, and a word of it for the table */
#include <string.h>

#include "base/bytes.h"
#include "interpose/stack_object.h"
#include "interpose/stack_parts.h"

/* ---- from a row to a word ---- */

enum { OP_BREG = 0x70, OP_DEREF = 0x06 };

/* An expression that is `fp + offset`, and with deref what is stored there; offset in words that fit 12 bits. */
static bool
is_fp_offset(const struct cfi_section *s, size_t at, bool deref, int64_t *offset)
{
	const unsigned char *p = s->p + at, *end = p + *p + 1;

	if (*p > 8 || p[1] != OP_BREG + STACK_FP)
		return false;
	p = sleb128_get(p + 2, end, offset);
	if (p == NULL || *offset % 8 != 0 || *offset < -2048 * 8 || *offset >= 2048 * 8)
		return false;
	return deref ? p + 1 == end && *p == OP_DEREF : p == end;
}

/* gcc's code that realigns the stack keeps the CFA in a word below fp. */
static uint32_t
realigned(const struct cfi_section *s, const struct cfi_row *row, const struct cfi_rule *fp)
{
	int64_t cfa, saved;

	if (fp == NULL || fp->how != CFI_AT_EXPR ||
	    !is_fp_offset(s, (size_t)row->cfa, true, &cfa) ||
	    !is_fp_offset(s, (size_t)fp->value, false, &saved))
		return WORD_SPECIAL | WORD_SLOW;
	return WORD_SPECIAL | WORD_REALIGNED | ((uint32_t)(cfa / 8) & 0xfff) << 4 |
	       ((uint32_t)(saved / 8) & 0xfff) << 16;
}

static uint32_t
word_of(const struct cfi_section *s, const struct cfi_row *row, const struct cfi_rule *rule)
{
	const struct cfi_rule *fp = NULL, *ra = NULL;
	uint32_t word = 0;
	int32_t saved;

	if (row->flags & CFI_ROOT)
		return WORD_SPECIAL | WORD_ROOT;
	for (unsigned i = 0; i < row->rules; i++) {
		const struct cfi_rule *r = &rule[row->rule + i];

		if (r->reg == STACK_SP)
			return WORD_SPECIAL | WORD_SLOW;
		if (r->reg == STACK_FP)
			fp = r;
		if (r->reg == row->ra)
			ra = r;
	}
	if (row->flags & CFI_SIGNAL || ra == NULL || ra->how != CFI_AT)
		return WORD_SPECIAL | WORD_SLOW;
#if defined(__x86_64__)
	if (ra->value != -8)
		return WORD_SPECIAL | WORD_SLOW;
	if (row->flags & CFI_CFA_EXPR)
		return realigned(s, row, fp);
	saved = fp ? fp->value : 0;
#else
	(void)realigned;
	(void)s;
	saved = ra->value;
	if (row->flags & CFI_CFA_EXPR || saved >= 0 || (fp && fp->value != saved - 8))
		return WORD_SPECIAL | WORD_SLOW;
#endif
	if (fp && fp->how != CFI_AT)
		return WORD_SPECIAL | WORD_SLOW;
	if (row->cfa % 8 != 0 || row->cfa < 0 || row->cfa >= 1 << 16 || saved % 8 != 0 ||
	    saved > 0 || saved <= -4096 * 8)
		return WORD_SPECIAL | WORD_SLOW;
	if (row->cfa_reg == STACK_FP)
		word |= WORD_CFA_FP;
	else if (row->cfa_reg != STACK_SP)
		return WORD_SPECIAL | WORD_SLOW;
	word |= (uint32_t)(row->cfa / 8) << WORD_CFA_SHIFT;
	word |= (uint32_t)(-saved / 8) << WORD_SAVED_SHIFT;
	if (fp)
		word |= WORD_FP_SAVED;
	return word;
}

static uint32_t
find_step(uintptr_t addr, bool *keep)
{
	struct stack_object object;
	struct cfi_section s;
	struct cfi_rule rule[ARCH_REGS];
	struct cfi_row row;
	bool first;

	*keep = false;
	if (!stack_object_of(addr, &object))
		return WORD_SPECIAL | WORD_MADE;
	*keep = true;
	/* The signal frame before CFI: that of aarch64's vdso leads past the interrupted function. */
	if (stack_is_trampoline(&object, addr + 1))
		return WORD_SPECIAL | WORD_SIGNAL;
	if (!stack_object_row(&object, addr, &s, &row, rule, &first))
		return WORD_SPECIAL |
		       (stack_object_row(&object, addr + 1, &s, &row, rule, &first) && first
			       ? WORD_FIRST
			       : WORD_GUESS);
	return word_of(&s, &row, rule);
}

/* ---- the table ---- */

enum { TAG_BITS = 64 - WORD_BITS };

_Alignas(64) _Atomic uint64_t stack_steps[1 << STEP_LINE_BITS][STEP_WAYS];

static void
forget_steps(void)
{
	for (unsigned i = 0; i < 1 << STEP_LINE_BITS; i++)
		for (unsigned k = 0; k < STEP_WAYS; k++)
			if (atomic_load_explicit(&stack_steps[i][k], memory_order_relaxed))
				atomic_store_explicit(&stack_steps[i][k], 0, memory_order_relaxed);
}

_Atomic unsigned stack_generation;

void
stack_objects_changed(void)
{
	stack_objects_look();
	atomic_fetch_add(&stack_generation, 1);
	forget_steps();
}

static __attribute__((noinline)) uint32_t
step_missed(uintptr_t addr)
{
	uintptr_t tag = addr >> STEP_LINE_BITS;
	_Atomic uint64_t *line = stack_steps[(addr ^ tag) & ((1 << STEP_LINE_BITS) - 1)];
	unsigned generation = atomic_load(&stack_generation), way;
	bool keep;
	uint32_t word = find_step(addr, &keep);

	if (!keep || tag >> TAG_BITS || generation != atomic_load(&stack_generation))
		return word;
	for (way = 0; way < STEP_WAYS; way++)
		if (atomic_load_explicit(&line[(tag + way) % STEP_WAYS], memory_order_relaxed) == 0)
			break;
	atomic_store_explicit(&line[(tag + way) % STEP_WAYS], (uint64_t)tag << WORD_BITS | word,
	    memory_order_relaxed);
	return word;
}

uint32_t
stack_step_find(uintptr_t addr)
{
	uintptr_t tag = addr >> STEP_LINE_BITS;
	_Atomic uint64_t *line = stack_steps[(addr ^ tag) & ((1 << STEP_LINE_BITS) - 1)];

	for (unsigned i = 0; i < STEP_WAYS; i++) {
		uint64_t word =
		    atomic_load_explicit(&line[(tag + i) % STEP_WAYS], memory_order_relaxed);

		if (word == 0)
			break;
		if (word >> WORD_BITS == tag)
			return (uint32_t)word & ((1u << WORD_BITS) - 1);
	}
	return step_missed(addr);
}
