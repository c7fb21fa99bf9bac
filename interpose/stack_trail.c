/* stack_trail.c - the last walk of a thread, and what of it still holds */
#include <string.h>

#include "interpose/stack_parts.h"

static inline uint64_t
word_at(uintptr_t at)
{
	return *(const uint64_t *)at;
}

/* Whether the step from frame a would lead to frame b = a + 1 once more. In the order of the walk: as long as words are the
 * same, the next one is where it was. */
static inline bool
holds(const struct stack_step *a)
{
	const struct stack_step *b = a + 1;

	return (a->cfa_at == 0 || word_at(a->cfa_at) == b->sp) &&
	       (word_at(a->ra_at) & STACK_ARCH->code_mask) == b->pc &&
	       (a->fp_at == 0 || !b->needs_fp || word_at(a->fp_at) == b->fp);
}

unsigned
stack_trail_follow(const struct stack_trail *t, unsigned from, unsigned max, uint64_t *frame)
{
	const struct stack_step *s = &t->last[from];
	unsigned n = 0;

	if (max > t->end - from - 1)
		max = t->end - from - 1;
	while (n < max && holds(&s[n])) {
		frame[n] = s[n + 1].pc + s[n + 1].exact;
		n++;
	}
	return n;
}

/* Sets needs_fp of n frames, from that of the frame above them. */
static void
set_needs(struct stack_step *s, unsigned n, bool needs)
{
	while (n-- > 0)
		s[n].needs_fp = needs = s[n].uses_fp || (s[n].fp_at == 0 && needs);
}

void
stack_trail_join(struct stack_trail *t, unsigned from, unsigned n, unsigned depth)
{
	const struct stack_step *p = t->next + (t->room - depth);

	if (from < n) {
		unsigned keep = t->end - from;

		if (keep > depth) {
			keep = depth;
			t->root = false;
		}
		memmove(t->last + t->room - keep, t->last + from, keep * sizeof *p);
		from = t->room - keep;
		t->end = t->room;
	}
	t->first = from - n;
	memcpy(t->last + t->first, p, n * sizeof *p);
	set_needs(t->last + t->first, n, t->last[from].needs_fp);
}

uintptr_t
stack_trail_copy(
    const struct stack_trail *t, unsigned from, unsigned n, struct stack_step *to, uintptr_t fp)
{
	const struct stack_step *s = &t->last[from];

	/* What fp is where nobody needed it has not been looked at. */
	for (unsigned i = 0; i <= n; i++) {
		to[i] = s[i];
		to[i].fp = fp;
		if (i < n && s[i].fp_at)
			fp = word_at(s[i].fp_at);
	}
	return fp;
}

void
stack_trail_turn(struct stack_trail *t, unsigned n, unsigned depth, bool root)
{
	struct stack_step *was = t->last;

	t->last = t->next;
	t->next = was;
	t->first = t->room - depth;
	t->end = t->first + n;
	t->root = root;
	/* The step from the last frame is that of nobody. */
	t->last[t->end - 1].uses_fp = false;
	t->last[t->end - 1].fp_at = 0;
	set_needs(t->last + t->first, n, false);
}

static inline void
put(struct stack_words *w, uintptr_t at, uint64_t value)
{
	if (w->n >= w->max || at > UINT32_MAX) {
		w->n = w->max + 1;
		return;
	}
	w->word[w->n++] = (struct stack_word){ value, (uint32_t)at };
}

void
stack_trail_words(const struct stack_trail *t, unsigned n, struct stack_words *words)
{
	const struct stack_step *s = &t->last[t->first];
	uintptr_t base = s->sp;
	bool needs[WIRE_DEPTH_MAX];

	/* Not those that frames above the last one need. */
	needs[n - 1] = false;
	for (unsigned i = n - 1; i-- > 0;)
		needs[i] = s[i].uses_fp || (s[i].fp_at == 0 && needs[i + 1]);
	words->n = 0;
	words->fp = needs[0];
	for (unsigned i = 0; i + 1 < n; i++) {
		if (s[i].cfa_at)
			put(words, s[i].cfa_at - base, s[i + 1].sp);
		put(words, s[i].ra_at - base, word_at(s[i].ra_at));
		if (s[i].fp_at && needs[i + 1])
			put(words, s[i].fp_at - base, s[i + 1].fp);
	}
}
