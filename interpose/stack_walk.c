/* stack_walk.c - from frame to frame: the usual walk, and the slow one that follows all registers */
#include <string.h>

#include "interpose/stack_object.h"
#include "interpose/stack_parts.h"

/* ---- reading ---- */

struct reader {
	struct stack_walk *w;
	struct stack_range range;
	struct stack_range code; /* of no object, or of one that a guess led to: it can be read */
	bool trusted;
};

static __attribute__((noinline)) bool
read_far(struct reader *r, uintptr_t addr, uint64_t *to)
{
	if (!stack_range_of(r->w->memory, addr, r->trusted, &r->range))
		return false;
	*to = *(const uint64_t *)addr;
	return true;
}

static inline bool
read_word(struct reader *r, uintptr_t addr, uint64_t *to)
{
	if (__builtin_expect(addr - r->range.low >= r->range.bytes || addr % 8 != 0, 0)) {
		uint64_t value; /* so that *to may be in a register */

		if (!read_far(r, addr, &value))
			return false;
		*to = value;
		return true;
	}
	*to = *(const uint64_t *)addr;
	return true;
}

/* ---- frames without CFI ---- */

static bool
code_is_there(struct reader *r, uintptr_t at, size_t n)
{
	uintptr_t last = at + n - 1;

	if (at < STACK_PAGE)
		return false;
	for (;; at = last) {
		if (at - r->code.low >= r->code.bytes &&
		    !stack_range_of(r->w->memory, at & ~(uintptr_t)7, false, &r->code))
			return false;
		if (at == last)
			return true;
	}
}

static bool
is_trampoline(struct reader *r, uintptr_t pc)
{
	struct slice want = STACK_ARCH->sigreturn;

	return code_is_there(r, pc, want.n) && memcmp((const void *)pc, want.p, want.n) == 0;
}

/* Whether the instruction before a return address may be a call. */
static bool
follows_call(struct reader *r, uintptr_t pc)
{
	const unsigned char *p = (const unsigned char *)pc;

	if (!code_is_there(r, pc - 8, 8))
		return false;
#if defined(__x86_64__)
	if (p[-5] == 0xe8)
		return true;
	/* FF /2 with a register, or memory by 1, 2, 5 or 6 bytes more. */
	return (p[-2] == 0xff && (p[-1] & 0x38) == 0x10) ||
	       (p[-3] == 0xff && (p[-2] & 0x38) == 0x10) ||
	       (p[-4] == 0xff && (p[-3] & 0x38) == 0x10) ||
	       (p[-6] == 0xff && (p[-5] & 0x38) == 0x10) ||
	       (p[-7] == 0xff && (p[-6] & 0x38) == 0x10);
#else
	uint32_t code;

	memcpy(&code, p - 4, sizeof code);
	return code >> 26 == 0x25 || (code & 0xfefff800) == 0xd63f0800 ||
	       (code & 0xfffffc1f) == 0xd63f0000;
#endif
}

enum step { GO_ON, ROOT, CUT };

/* Frame records are alike: [fp] the caller's fp, [fp + 8] the return address. */
static enum step
guess(struct reader *r, struct stack_start *at)
{
	uint64_t up, ra;

	if (at->fp == 0) /* start-up code clears it */
		return r->w->n > 1 ? ROOT : CUT;
	if (at->fp < at->sp || at->fp % 8 != 0)
		return CUT;
	/* The page of sp is in use: it was reached by rules. What follows is asked for. */
	if (r->trusted) {
		r->trusted = false;
		r->range =
		    (struct stack_range){ at->sp & ~(uintptr_t)(STACK_PAGE - 1), STACK_PAGE };
	}
	if (!read_word(r, at->fp, &up) || !read_word(r, at->fp + 8, &ra))
		return CUT;
	ra &= STACK_ARCH->code_mask;
	if (ra == 0)
		return ROOT;
	if (!follows_call(r, ra))
		return CUT;
	*at = (struct stack_start){ .pc = ra, .sp = at->fp + 16, .fp = up };
	return GO_ON;
}

/* ---- the usual walk ---- */

/* Addresses of a chain are looked up one before: where no call is before it, one more is given. */
static bool
is_exact(struct reader *r, uint32_t word, uintptr_t addr)
{
	return word == (WORD_SPECIAL | WORD_SIGNAL) || word == (WORD_SPECIAL | WORD_FIRST) ||
	       (word == (WORD_SPECIAL | WORD_MADE) && is_trampoline(r, addr + 1));
}

static inline int64_t
field12(uint32_t word, unsigned shift)
{
	return (int64_t)((int32_t)(word << (20 - shift)) >> 20) * 8;
}

/* Paths that part and meet more often have little in common. */
enum { MEETINGS = 2 };

static inline __attribute__((always_inline)) void
walk(struct stack_walk *w, const struct stack_start *start, struct stack_trail *t)
{
	const int16_t *saved = STACK_ARCH->sigcontext;
	uintptr_t pc = start->pc, sp = start->sp, fp = start->fp, addr = pc - 1;
	struct reader r = { .w = w, .trusted = true };
	unsigned n = 1, depth = w->depth, j = t ? t->first : 0, meetings = 0;
	struct stack_step *p = t ? t->next + (t->room - depth) : NULL;
	uint64_t ra;
	bool root = false;

	w->cut = w->untracked = false;
	w->n = 0;
	if (depth == 0)
		return;
	w->frame[0] = addr;
	if (t)
		p[0] = (struct stack_step){ .pc = pc, .sp = sp, .fp = fp };
	while (n < depth) {
		uint32_t word;
		uintptr_t cfa, at, fp_at = 0, cfa_at = 0;
		enum step step = CUT;
		bool uses_fp = false;

		if (t) {
			while (j < t->end && t->last[j].sp < sp)
				j++;
			if (j < t->end && t->last[j].sp == sp && t->last[j].pc == pc &&
			    (!t->last[j].needs_fp || t->last[j].fp == fp)) {
				unsigned more = stack_trail_follow(t, j, depth - n, &w->frame[n]);

				w->frame[n - 1] += n > 1 && t->last[j].exact;
				if (n + more == depth || (t->root && j + more + 1 == t->end)) {
					stack_trail_join(t, j, n - 1, depth);
					n += more;
					w->n = n;
					return;
				}
				fp = stack_trail_copy(t, j, more, &p[n - 1], fp);
				n += more;
				j += more;
				pc = t->last[j].pc;
				sp = t->last[j].sp;
				addr = pc - 1;
				j = ++meetings < MEETINGS ? j + 1 : t->end;
			}
		}
		word = stack_step_at(addr);
		cfa = sp;
		if (__builtin_expect(!(word & WORD_SPECIAL), 1)) {
			if (word & WORD_CFA_FP) {
				cfa = fp;
				uses_fp = true;
			}
			cfa += (word << (3 - WORD_CFA_SHIFT)) & 0xfff8;
#if defined(__x86_64__)
			at = cfa - 8;
#else
			at = cfa - ((word >> (WORD_SAVED_SHIFT - 3)) & 0x7ff8);
#endif
			if (cfa < sp || !read_word(&r, at, &ra))
				break;
			if (word & WORD_FP_SAVED) {
#if defined(__x86_64__)
				fp_at = cfa - ((word >> (WORD_SAVED_SHIFT - 3)) & 0x7ff8);
#else
				fp_at = at - 8;
#endif
				if (!read_word(&r, fp_at, &fp))
					break;
			}
			pc = ra & STACK_ARCH->code_mask;
			step = GO_ON;
		} else if ((word & WORD_KINDS) == WORD_REALIGNED) {
			cfa_at = fp + (uintptr_t)field12(word, 4);
			fp_at = fp + (uintptr_t)field12(word, 16);
			uses_fp = true;
			if (cfa_at < sp || !read_word(&r, cfa_at, &cfa) || cfa <= sp)
				break;
			at = cfa - 8;
			if (!read_word(&r, at, &ra) || !read_word(&r, fp_at, &fp))
				break;
			pc = ra;
			step = GO_ON;
		} else {
			struct stack_start now;
			bool exact = false;

			if (word == (WORD_SPECIAL | WORD_MADE))
				word = WORD_SPECIAL |
				       (is_trampoline(&r, addr + 1) ? WORD_SIGNAL : WORD_GUESS);
			switch (word & WORD_KINDS) {
			case WORD_FIRST:
				w->frame[n - 1] = pc + (n > 1);
				if (t)
					p[n - 1].exact = true;
				root = true;
				goto out;
			case WORD_ROOT:
				root = true;
				goto out;
			case WORD_SIGNAL:
				/* Its caller was interrupted: that address is exact, too. */
				w->frame[n - 1] = pc + (n > 1);
				if (!read_word(&r, sp + (uintptr_t)saved[STACK_FP], &fp) ||
				    !read_word(&r, sp + (uintptr_t)saved[STACK_PC], &pc) ||
				    !read_word(&r, sp + (uintptr_t)saved[STACK_SP], &sp))
					goto out;
				exact = true;
				break;
			case WORD_GUESS:
				w->n = n;
				now = (struct stack_start){ pc, sp, fp };
				step = guess(&r, &now);
				pc = now.pc;
				sp = now.sp;
				fp = now.fp;
				if (step != GO_ON) {
					root = step == ROOT;
					goto out;
				}
				break;
			default:
				if (stack_walk_slow(w, start))
					return;
				goto out;
			}
			w->untracked = true;
			t = NULL;
			addr = pc - !exact;
			w->frame[n++] = pc + exact;
			continue;
		}
		if (__builtin_expect(pc <= STACK_PAGE, 0)) {
			root = pc == 0;
			break;
		}
		if (t) {
			p[n - 1].ra_at = at;
			p[n - 1].fp_at = fp_at;
			p[n - 1].cfa_at = cfa_at;
			p[n - 1].uses_fp = uses_fp;
			p[n] = (struct stack_step){ .pc = pc, .sp = cfa, .fp = fp };
		}
		sp = cfa;
		addr = pc - 1;
		w->frame[n++] = pc;
	}
	if (n == depth && n > 1 && is_exact(&r, stack_step_at(addr), addr)) {
		w->frame[n - 1] = pc + 1;
		if (t)
			p[n - 1].exact = true;
	}
out:
	w->cut = n < depth && !root;
	w->n = n;
	if (t && !w->untracked)
		stack_trail_turn(t, n, depth, root);
}

void
stack_walk_run(struct stack_walk *w, const struct stack_start *start)
{
	if (w->trail)
		walk(w, start, w->trail);
	else
		walk(w, start, NULL);
}

/* ---- the slow walk ---- */

/* The registers that calls preserve, sp and pc. */
static inline __attribute__((always_inline)) void
capture(uint64_t *r)
{
#if defined(__x86_64__)
	uint64_t temp;

	__asm__ volatile("movq %%rbx, 24(%1)\n\t"
			 "movq %%rbp, 48(%1)\n\t"
			 "movq %%rsp, 56(%1)\n\t"
			 "movq %%r12, 96(%1)\n\t"
			 "movq %%r13, 104(%1)\n\t"
			 "movq %%r14, 112(%1)\n\t"
			 "movq %%r15, 120(%1)\n\t"
			 "leaq 0f(%%rip), %0\n"
			 "0:\n\t"
			 "movq %0, 128(%1)"
			 : "=&r"(temp)
			 : "r"(r)
			 : "memory");
#else
	uint64_t temp;

	__asm__ volatile("stp x19, x20, [%1, #152]\n\t"
			 "stp x21, x22, [%1, #168]\n\t"
			 "stp x23, x24, [%1, #184]\n\t"
			 "stp x25, x26, [%1, #200]\n\t"
			 "stp x27, x28, [%1, #216]\n\t"
			 "stp x29, x30, [%1, #232]\n\t"
			 "mov %0, sp\n\t"
			 "str %0, [%1, #248]\n\t"
			 "adr %0, 0f\n"
			 "0:\n\t"
			 "str %0, [%1, #256]"
			 : "=&r"(temp)
			 : "r"(r)
			 : "memory");
#endif
}

static bool
read_any(void *context, uint64_t addr, void *to, size_t n)
{
	struct reader *r = context;
	uint64_t low, high;

	/* Expressions may read less than a word, and not on its boundary. */
	if (addr % 8 == 0 && n == 8)
		return read_word(r, addr, to);
	if (n > 8 || !read_word(r, addr & ~7ull, &low))
		return false;
	if (addr % 8 + n > 8 && !read_word(r, (addr & ~7ull) + 8, &high))
		return false;
	memcpy(to, (const void *)addr, n);
	return true;
}

static const struct cfi_rule *
signal_rules(struct cfi_row *row, struct cfi_rule *rule)
{
	*row = (struct cfi_row){ .cfa_reg = STACK_SP, .ra = STACK_PC, .flags = CFI_SIGNAL };
	for (uint8_t i = 0; i < STACK_ARCH->regs; i++)
		if (STACK_ARCH->sigcontext[i] >= 0)
			rule[row->rules++] =
			    (struct cfi_rule){ i, CFI_AT, STACK_ARCH->sigcontext[i] };
	return rule;
}

enum { OWN_FRAMES = 64 };

__attribute__((noinline)) bool
stack_walk_slow(struct stack_walk *w, const struct stack_start *start)
{
	struct reader r = { .w = w, .trusted = true };
	struct cfi_memory memory = { .read = read_any, .context = &r };
	struct cfi_rule rule[ARCH_REGS];
	struct cfi_section s;
	struct cfi_row row;
	uint64_t reg[ARCH_REGS] = { 0 };
	uint64_t sp;
	uintptr_t addr;
	unsigned own = 0;
	bool passed = false;

	w->n = 0;
	w->cut = false;
	w->untracked = true;
	capture(reg);
	addr = reg[STACK_PC];
	for (;;) {
		struct stack_object object;
		bool known, fits = false, signal = false, first = false;

		if (!passed && reg[STACK_PC] == start->pc && reg[STACK_SP] == start->sp)
			passed = true;
		if (!passed && ++own > OWN_FRAMES)
			return false;
		known = stack_object_of(addr, &object);
		signal =
		    known ? stack_is_trampoline(&object, addr + 1) : is_trampoline(&r, addr + 1);
		if (!signal && known)
			fits = stack_object_row(&object, addr, &s, &row, rule, &first);
		if (!signal && known && !fits &&
		    (!stack_object_row(&object, addr + 1, &s, &row, rule, &first)))
			first = false;
		first &= !fits;
		if (signal || first || (fits && row.flags & CFI_SIGNAL))
			addr = reg[STACK_PC]; /* exact, as where it was interrupted */
		if (passed) {
			w->frame[w->n] = w->n == 0 ? addr : addr + 1;
			if (++w->n >= w->depth)
				return true;
		}
		if (signal)
			signal_rules(&row, rule);
		if (first || (fits && row.flags & CFI_ROOT))
			return passed;
		sp = reg[STACK_SP];
		if (!signal && !fits) {
			struct stack_start now = { reg[STACK_PC], reg[STACK_SP], reg[STACK_FP] };
			enum step step = guess(&r, &now);

			w->cut = step == CUT;
			if (step != GO_ON)
				return passed;
			reg[STACK_PC] = now.pc;
			reg[STACK_SP] = now.sp;
			reg[STACK_FP] = now.fp;
			addr = now.pc - 1;
			continue;
		}
		if (cfi_step(&row, rule, &s, 0, STACK_ARCH, reg, &memory) != 0) {
			w->cut = true;
			return passed;
		}
		if (reg[STACK_PC] <= STACK_PAGE && !(row.flags & CFI_SIGNAL)) {
			w->cut = reg[STACK_PC] != 0;
			return passed;
		}
		if (!(row.flags & CFI_SIGNAL) && reg[STACK_SP] < sp) {
			w->cut = true;
			return passed;
		}
		addr = reg[STACK_PC] - !(row.flags & CFI_SIGNAL);
	}
}

unsigned
stack_walk(const struct stack_start *start, uint64_t *frame, unsigned depth, bool *cut)
{
	struct stack_memory memory = { 0 };
	struct stack_walk w = { .memory = &memory, .frame = frame, .depth = depth };

	walk(&w, start, NULL);
	*cut = w.cut;
	return w.n;
}
