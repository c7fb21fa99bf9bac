/* pool.h - an allocator of our own over one range of memory
 *
 * Two-level segregated fit: free blocks stand in lists by the power of two of their size and sixteen steps between; a block
 * is found, split, given back and joined with its neighbours in constant time. The range is reserved as a whole, and used
 * from its beginning: what lies behind `top` was never touched, and is zero.
 * A pool of a file (a DAX or tmpfs mount) asks the file system for blocks as it grows, so that a full one is a NULL here, and
 * no SIGBUS later; one of a node asks the node how much is free, and has its pages there.
 * One lock to a pool; not for signal handlers.
 */
#ifndef INTERPOSE_POOL_H
#define INTERPOSE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POOL_GRAIN = 16,
	POOL_STEPS = 16,             /* lists to a power of two */
	POOL_POWERS = 40,            /* blocks up to 2^(POWERS + 7) bytes */
	POOL_GROWS_BY = 2 << 20,     /* asked for at a time */
	POOL_RETURNS_FROM = 1 << 20, /* a free block so large gives its pages back (nodes) */
};

struct pool_block;

struct pool {
	_Atomic uint32_t lock;
	unsigned char *base, *end;    /* the range; NULL: could not be made */
	unsigned char *top;           /* blocks lie below */
	unsigned char *high;          /* the highest that top ever was */
	struct pool_block *end_block; /* that which ends at top */
	unsigned char *granted;       /* below: the file or the node has memory for it */
	int file;                     /* -1: anonymous */
	int node;                     /* -1: any */
	uint64_t powers;              /* those that have a list */
	uint32_t steps[POOL_POWERS];
	struct pool_block *list[POOL_POWERS][POOL_STEPS];
};

/* directory: of the file (which has no name), or NULL. node: -1 any. bytes is rounded up to pages. 0, or -1 with errno. */
int pool_open(struct pool *p, size_t bytes, const char *directory, int node);

/* align: a power of two, or 0. NULL where the pool is full. */
void *pool_take(struct pool *p, size_t size, size_t align, bool zero);
void pool_give(struct pool *p, void *at);
size_t pool_usable(const void *at);

static inline bool
pool_owns(const struct pool *p, const void *at)
{
	return (uintptr_t)at - (uintptr_t)p->base < (uintptr_t)(p->end - p->base);
}

/* Around fork(2): a file's pages would be the parent's and the child's at once, so the child gets a copy of them, in ordinary
 * memory. copy: what prepare returned. */
int pool_fork_prepare(struct pool *p);
void pool_fork_parent(struct pool *p, int copy);
void pool_fork_child(struct pool *p, int copy);

#endif
