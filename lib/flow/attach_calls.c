#include "flow/attach_calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"

enum { DEEP = 8, FRAMES = 128 };

struct begun {
	uint64_t sp, arg[ALLOCATOR_ARGS];
	uint64_t failed_sp; /* of a mark: what it called gave nothing, and may be called again */
	uint8_t function;
	bool mark;
};

struct thread {
	uint32_t pid, tid;
	unsigned n;
	struct begun begun[DEEP];
	uint64_t ended, ended_sp; /* the address that was given back last, */
	uint8_t rank;             /* by which function; 0: something else came since */
	uint64_t *frame;          /* the chain of begun[0], where that is a mark; */
	uint32_t frames, regs_n;
	uint64_t *regs;
	struct buf stack;
};

/* What lives. Open addressing; what is removed leaves no trace, as those behind it move up. */
struct live {
	struct live_slot {
		uint64_t addr, size;
		uint32_t pid; /* 0: an empty slot */
	} * slot;
	size_t mask, n;
};

struct attach_calls {
	struct attach_sink sink;
	struct attach_counts counts;
	unsigned word;
	uint64_t min;
	struct thread *thread;
	size_t threads, cap;
	struct hash_set by_tid;
	struct live live;
};

/* ---- what lives ---- */

static size_t
place_of(const struct live *l, uint32_t pid, uint64_t addr)
{
	return (size_t)hash_mix(addr, pid) & l->mask;
}

static struct live_slot *
live_find(const struct live *l, uint32_t pid, uint64_t addr)
{
	if (l->n == 0)
		return NULL;
	for (size_t i = place_of(l, pid, addr); l->slot[i].pid; i = (i + 1) & l->mask)
		if (l->slot[i].pid == pid && l->slot[i].addr == addr)
			return &l->slot[i];
	return NULL;
}

static void
live_add(struct live *l, uint32_t pid, uint64_t addr, uint64_t size)
{
	struct live_slot *had = live_find(l, pid, addr);
	size_t i;

	if (had) {
		had->size = size;
		return;
	}
	if (l->slot == NULL || l->n + 1 > (l->mask + 1) / 8 * 5) {
		struct live old = *l;

		l->mask = old.slot ? old.mask * 2 + 1 : 1023;
		l->slot = xcalloc(l->mask + 1, sizeof *l->slot);
		l->n = 0;
		for (size_t k = 0; old.slot && k <= old.mask; k++)
			if (old.slot[k].pid)
				live_add(l, old.slot[k].pid, old.slot[k].addr, old.slot[k].size);
		free(old.slot);
	}
	for (i = place_of(l, pid, addr); l->slot[i].pid;)
		i = (i + 1) & l->mask;
	l->slot[i] = (struct live_slot){ addr, size, pid };
	l->n++;
}

static void
live_remove(struct live *l, struct live_slot *at)
{
	size_t hole = (size_t)(at - l->slot);

	for (size_t i = (hole + 1) & l->mask; l->slot[i].pid; i = (i + 1) & l->mask) {
		size_t home = place_of(l, l->slot[i].pid, l->slot[i].addr);

		if (((i - home) & l->mask) >= ((i - hole) & l->mask)) {
			l->slot[hole] = l->slot[i];
			hole = i;
		}
	}
	l->slot[hole].pid = 0;
	l->n--;
}

/* All of a process: kept under another number too, or forgotten. */
static void
live_copy(struct live *l, uint32_t from, uint32_t to)
{
	struct live old = *l;

	l->slot = NULL;
	l->mask = l->n = 0;
	for (size_t i = 0; old.slot && i <= old.mask; i++) {
		const struct live_slot *s = &old.slot[i];

		if (s->pid && (s->pid != from || to != 0))
			live_add(l, s->pid, s->addr, s->size);
		if (s->pid == from && to != 0)
			live_add(l, to, s->addr, s->size);
	}
	free(old.slot);
}

/* ---- threads ---- */

static uint64_t
hash_of(uint32_t tid)
{
	return hash_mix(tid, 1);
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	return hash_of(((const struct attach_calls *)context)->thread[item].tid);
}

static struct thread *
find_thread(const struct attach_calls *c, uint32_t tid)
{
	uint64_t h = hash_of(tid);

	for (struct hash_probe at = hash_first(&c->by_tid, h); hash_found(&c->by_tid, &at);
	     hash_next(&c->by_tid, &at))
		if (c->thread[at.item].tid == tid)
			return &c->thread[at.item];
	return NULL;
}

static struct thread *
thread_of(struct attach_calls *c, uint32_t pid, uint32_t tid)
{
	struct thread *t = find_thread(c, tid);

	if (t == NULL) {
		GROW(c->thread, c->cap, c->threads);
		t = &c->thread[c->threads];
		*t = (struct thread){ .pid = pid, .tid = tid };
		hash_add(&c->by_tid, hash_of(tid), (uint32_t)c->threads++, rehash, c);
	}
	t->pid = pid;
	return t;
}

/* ---- calls ---- */

struct attach_calls *
attach_calls_new(const struct attach_sink *sink, unsigned word, uint64_t min)
{
	struct attach_calls *c = xcalloc(1, sizeof *c);

	c->sink = *sink;
	c->word = word;
	c->min = min;
	return c;
}

/* Calls that were left without a return: the stack has been above them since, or what they called gave nothing, and now they
 * call something else, which is how an exception begins. */
static bool
is_left(const struct begun *b, const struct attach_call *call)
{
	if (b->sp < call->sp || (b->sp == call->sp && b->function == call->function))
		return true;
	return b->mark && b->failed_sp && b->failed_sp != call->sp;
}

static void
drop_left(struct attach_calls *c, struct thread *t, const struct attach_call *call)
{
	while (t->n > 0 && is_left(&t->begun[t->n - 1], call)) {
		t->n--;
		c->counts.cut++;
	}
}

/* Whether one that gives back was called by another that does, for the same memory. */
static bool
is_part_of_end(const struct thread *t, const struct allocator_function *f,
    const struct attach_call *call, const uint64_t *arg)
{
	if (t->rank == 0 || call->sp > t->ended_sp)
		return false;
	if (f->mapping)
		return f->size == 1 && arg[0] <= t->ended && t->ended - arg[0] < arg[1];
	return arg[f->old] == t->ended && f->rank < t->rank;
}

static int
put_end(struct attach_calls *c, const struct attach_call *call, const struct allocator_function *f,
    const uint64_t *arg, struct attach_chain chain)
{
	struct attach_alloc a = { .t = call->t,
		.addr = arg[f->old],
		.size = f->size >= 0 && (f->op == NULL || f->mapping) ? arg[1] : 0,
		.pid = call->pid,
		.tid = call->tid,
		.op = f->free_op,
		.chain = chain };
	struct live_slot *known = live_find(&c->live, call->pid, a.addr);

	/* of what was there before, or was left out; but a range that is unmapped may be a part of something, or several */
	if (known == NULL && !f->mapping) {
		c->counts.unknown++;
		return 0;
	}
	if (known && f->op == NULL)
		live_remove(&c->live, known);
	c->counts.frees++;
	return c->sink.free(&a, c->sink.context);
}

static void
keep_chain(struct thread *t, struct attach_chain chain)
{
	if (t->frame == NULL) {
		t->frame = xcalloc(FRAMES, sizeof *t->frame);
		t->regs = xcalloc(ATTACH_REGS, sizeof *t->regs);
	}
	t->frames = chain.n < FRAMES ? chain.n : FRAMES;
	t->regs_n = chain.regs_n < ATTACH_REGS ? chain.regs_n : 0;
	if (t->frames > 0)
		memcpy(t->frame, chain.frame, t->frames * sizeof *t->frame);
	if (t->regs_n > 0)
		memcpy(t->regs, chain.regs, t->regs_n * sizeof *t->regs);
	t->stack.n = 0;
	buf_slice(&t->stack, chain.stack);
}

int
attach_calls_enter(struct attach_calls *c, const struct attach_call *call,
    const uint64_t arg[ALLOCATOR_ARGS], struct attach_chain chain)
{
	const struct allocator_function *f = &allocator_function[call->function];
	struct thread *t = thread_of(c, call->pid, call->tid);
	bool ends = f->free_op && arg[f->old] != 0, nested;

	drop_left(c, t, call);
	nested = t->n > 0 || (f->free_op && is_part_of_end(t, f, call, arg));
	if (f->op && t->n < DEEP) {
		struct begun *b = &t->begun[t->n];

		*b = (struct begun){
			.sp = call->sp, .function = call->function, .mark = call->mark
		};
		memcpy(b->arg, arg, sizeof b->arg);
		if (t->n++ == 0 && b->mark)
			keep_chain(t, chain);
	}
	if (nested) {
		c->counts.nested++;
		if (f->rank > 0 && t->n == 0)
			t->rank = f->rank;
		return 0;
	}
	t->rank = f->rank;
	t->ended = ends ? arg[f->old] : 0;
	t->ended_sp = call->sp;
	return ends ? put_end(c, call, f, arg, chain) : 0;
}

/* The realloc of an object that could not be had: the old one lives on. */
static int
put_failure(struct attach_calls *c, const struct attach_call *call,
    const struct allocator_function *f, const struct begun *b, struct attach_chain chain)
{
	uint64_t old = f->old >= 0 ? b->arg[f->old] : 0;
	struct live_slot *known = old ? live_find(&c->live, call->pid, old) : NULL;
	struct attach_alloc a = { .t = call->t,
		.addr = old,
		.old = old,
		.pid = call->pid,
		.tid = call->tid,
		.op = f->op,
		.chain = chain };

	if (known && !f->mapping && b->arg[f->size] == 0) {
		live_remove(&c->live, known); /* realloc(p, 0) is free(p) */
		return 0;
	}
	c->counts.failed++;
	if (known == NULL)
		return 0;
	a.size = known->size;
	c->counts.allocs++;
	return c->sink.alloc(&a, c->sink.context);
}

static int
put_begin(struct attach_calls *c, const struct attach_call *call,
    const struct allocator_function *f, const struct begun *b, uint64_t addr,
    struct attach_chain chain)
{
	struct attach_alloc a = { .t = call->t,
		.addr = addr,
		.size = b->arg[f->size] * (f->count >= 0 ? b->arg[f->count] : 1),
		.align = f->align >= 0 ? b->arg[f->align] : 0,
		.old = f->old >= 0 ? b->arg[f->old] : 0,
		.pid = call->pid,
		.tid = call->tid,
		.op = f->op,
		.chain = chain };
	struct live_slot *known = a.old ? live_find(&c->live, call->pid, a.old) : NULL;

	if (known)
		live_remove(&c->live, known);
	if (a.size < c->min) {
		c->counts.below_min++;
		return 0;
	}
	live_add(&c->live, call->pid, addr, a.size);
	c->counts.allocs++;
	return c->sink.alloc(&a, c->sink.context);
}

/* The call that returns: its place + 1, or 0. */
static unsigned
find_begun(const struct attach_calls *c, const struct thread *t, const struct attach_call *call)
{
	unsigned i = t->n;

	while (i > 0 && (t->begun[i - 1].function != call->function ||
			    t->begun[i - 1].sp + c->word != call->sp))
		i--;
	return i;
}

uint64_t
attach_calls_pointer(const struct attach_calls *c, const struct attach_call *call)
{
	const struct thread *t = find_thread(c, call->tid);
	unsigned i = t ? find_begun(c, t, call) : 0;

	return i > 0 ? t->begun[i - 1].arg[0] : 0;
}

int
attach_calls_return(struct attach_calls *c, const struct attach_call *call, uint64_t value,
    const uint64_t *stored, struct attach_chain chain)
{
	const struct allocator_function *f = &allocator_function[call->function];
	struct thread *t = thread_of(c, call->pid, call->tid);
	unsigned i = find_begun(c, t, call);
	struct begun b;
	bool failed;

	if (i == 0) {
		c->counts.unpaired++;
		return 0;
	}
	i--;
	c->counts.cut += t->n - i - 1;
	t->n = i;
	/* inside others of which all are marks, the outermost of these it is that gives */
	while (i > 0 && t->begun[i - 1].mark)
		i--;
	if (i > 0)
		return 0;
	failed = f->by_pointer ? value != 0 : f->mapping ? value == UINT64_MAX : value == 0;
	if (failed && t->n > 0) {
		for (unsigned k = 0; k < t->n; k++)
			t->begun[k].failed_sp = call->sp - c->word;
		c->counts.failed++;
		return 0;
	}
	b = t->begun[0];
	if (t->n > 0) {
		f = &allocator_function[b.function];
		chain = (struct attach_chain){ t->frame, t->frames, t->regs_n, t->regs,
			buf_view(&t->stack) };
		t->n = 0;
	}
	if (failed)
		return put_failure(c, call, f, &b, chain);
	if (stored)
		value = *stored;
	else if (f->by_pointer) {
		c->counts.unread++;
		return 0;
	}
	return put_begin(c, call, f, &b, value, chain);
}

/* ---- tasks ---- */

void
attach_calls_fork(struct attach_calls *c, uint32_t parent, uint32_t pid, uint32_t tid)
{
	struct thread *t = find_thread(c, tid);

	if (t)
		t->n = t->rank = 0; /* another thread, by a number that is used again */
	if (pid != parent && tid == pid)
		live_copy(&c->live, parent, pid);
}

void
attach_calls_exit(struct attach_calls *c, uint32_t pid, uint32_t tid)
{
	struct thread *t = find_thread(c, tid);

	(void)pid;
	if (t)
		t->n = t->rank = 0;
}

void
attach_calls_exec(struct attach_calls *c, uint32_t pid, uint32_t tid)
{
	attach_calls_exit(c, pid, tid);
	live_copy(&c->live, pid, 0);
}

void
attach_calls_lost(struct attach_calls *c)
{
	for (size_t i = 0; i < c->threads; i++) {
		c->counts.cut += c->thread[i].n;
		c->thread[i].n = c->thread[i].rank = 0;
	}
}

const struct attach_counts *
attach_calls_counts(const struct attach_calls *c)
{
	return &c->counts;
}

void
attach_calls_free(struct attach_calls *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->threads; i++) {
		free(c->thread[i].frame);
		free(c->thread[i].regs);
		buf_free(&c->thread[i].stack);
	}
	free(c->thread);
	free(c->live.slot);
	hash_free(&c->by_tid);
	free(c);
}
