#include "flow/task.h"

#include <stdlib.h>

#include "base/alloc.h"

struct task_thread {
	int32_t src, tid;
	uint32_t name; /* + 1; 0: not known */
};

static uint64_t
thread_hash(int32_t src, int32_t tid)
{
	return hash_mix((uint64_t)(uint32_t)src, (uint32_t)tid);
}

static uint64_t
thread_rehash(const void *context, uint32_t item)
{
	const struct task *k = context;

	return thread_hash(k->thread[item].src, k->thread[item].tid);
}

static uint64_t
name_rehash(const void *context, uint32_t item)
{
	const struct task *k = context;

	return hash_bytes(k->name[item].p, k->name[item].n);
}

static struct task_thread *
thread_find(const struct task *k, int64_t src, int64_t tid)
{
	uint64_t h = thread_hash((int32_t)src, (int32_t)tid);
	struct hash_probe at;

	for (at = hash_first(&k->thread_set, h); hash_found(&k->thread_set, &at);
	     hash_next(&k->thread_set, &at)) {
		struct task_thread *t = &k->thread[at.item];

		if (t->src == (int32_t)src && t->tid == (int32_t)tid)
			return t;
	}
	return NULL;
}

static struct task_thread *
thread_intern(struct task *k, int64_t src, int64_t tid)
{
	struct task_thread *t = thread_find(k, src, tid);

	if (t != NULL)
		return t;
	GROW(k->thread, k->thread_cap, k->threads);
	t = &k->thread[k->threads];
	*t = (struct task_thread){ (int32_t)src, (int32_t)tid, 0 };
	hash_add(
	    &k->thread_set, thread_hash(t->src, t->tid), (uint32_t)k->threads, thread_rehash, k);
	k->threads++;
	return t;
}

void
task_comm(struct task *k, int64_t src, int64_t tid, struct slice name)
{
	uint64_t h = hash_bytes(name.p, name.n);
	struct hash_probe at;

	for (at = hash_first(&k->name_set, h); hash_found(&k->name_set, &at);
	     hash_next(&k->name_set, &at))
		if (slice_eq(k->name[at.item], name)) {
			thread_intern(k, src, tid)->name = at.item + 1;
			return;
		}
	GROW(k->name, k->name_cap, k->names);
	k->name[k->names] = arena_copy(&k->arena, name);
	hash_add(&k->name_set, h, (uint32_t)k->names, name_rehash, k);
	k->names++;
	thread_intern(k, src, tid)->name = (uint32_t)k->names;
}

void
task_fork(struct task *k, int64_t src, int64_t ptid, int64_t tid)
{
	const struct task_thread *parent = thread_find(k, src, ptid);
	uint32_t name = parent == NULL ? 0 : parent->name;

	/* An unknown parent's child is unknown, whoever had the number before. */
	if (ptid != tid)
		thread_intern(k, src, tid)->name = name;
}

bool
task_wants(const struct trace_shape *shape)
{
	return slice_eq(shape->type, SLICE("comm")) || slice_eq(shape->type, SLICE("fork"));
}

static int64_t
int_of(struct trace_block *b, unsigned s, struct slice field, uint32_t row, int64_t otherwise)
{
	int f = trace_field_of(b->shape[s], field, TRACE_INT);

	return f < 0 ? otherwise : (int64_t)trace_column(b, s, (unsigned)f)[row];
}

bool
task_row(struct task *k, struct trace_block *b, unsigned s, uint32_t row)
{
	const struct trace_shape *shape = b->shape[s];
	int64_t src = int_of(b, s, SLICE("src"), row, 0);
	int64_t tid = int_of(b, s, SLICE("tid"), row, int_of(b, s, SLICE("pid"), row, -1));

	if (slice_eq(shape->type, SLICE("comm"))) {
		int f = trace_field_index(shape, SLICE("name"));

		/* A name such as 123 that somebody wrote without quotes reads as an int: not a name. */
		if (f >= 0 && shape->field[f].kind == TRACE_STR)
			task_comm(k, src, tid,
			    trace_string(b, (uint32_t)trace_column(b, s, (unsigned)f)[row]));
		return true;
	}
	if (slice_eq(shape->type, SLICE("fork"))) {
		task_fork(k, src,
		    int_of(b, s, SLICE("ptid"), row, int_of(b, s, SLICE("ppid"), row, -1)), tid);
		return true;
	}
	return slice_eq(shape->type, SLICE("exit"));
}

struct slice
task_name(const struct task *k, int64_t src, int64_t tid)
{
	const struct task_thread *t = thread_find(k, src, tid);

	if (t != NULL && t->name > 0)
		return k->name[t->name - 1];
	return tid == 0 ? SLICE("swapper") : (struct slice){ "", 0 };
}

void
task_free(struct task *k)
{
	hash_free(&k->thread_set);
	hash_free(&k->name_set);
	free(k->thread);
	free(k->name);
	arena_free(&k->arena);
	*k = TASK_INIT;
}
