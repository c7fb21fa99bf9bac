/* task.h - what tasks are called, as comm, fork and exit records pass by
 *
 * A thread has the name of its last comm record, else that which its parent had when it forked. A name outlives the exit
 * of its thread, for samples that come late, until the number is used again. Thread 0 is "swapper". Memory: 16 bytes
 * for each thread ever seen, and the distinct names.
 *
 * Units:     ids are those of the trace; src is 0 where records have none.
 * Ownership: the struct holds all names, until task_free().
 * Errors:    none.
 * Source:    own.
 */
#ifndef FLOW_TASK_H
#define FLOW_TASK_H

#include "base/arena.h"
#include "base/hash.h"
#include "trace/block.h"

struct task {
	struct hash_set thread_set, name_set; /* private, as all below */
	struct task_thread *thread;
	size_t threads, thread_cap;
	struct slice *name;
	size_t names, name_cap;
	struct arena arena;
};

#define TASK_INIT ((struct task){ 0 })

void task_comm(struct task *k, int64_t src, int64_t tid, struct slice name);
void task_fork(struct task *k, int64_t src, int64_t ptid, int64_t tid);

/* Row `row` of shape s: true where it was a comm, fork or exit record. */
bool task_row(struct task *k, struct trace_block *b, unsigned s, uint32_t row);

/* Whether task_row() learns from records of this shape. */
bool task_wants(const struct trace_shape *shape);

/* The name that the thread has now; the empty slice where it is not known. Stays where it is until task_free(). */
struct slice task_name(const struct task *k, int64_t src, int64_t tid);

void task_free(struct task *k);

#endif
