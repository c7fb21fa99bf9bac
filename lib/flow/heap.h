/* heap.h - what is allocated at each moment, as alloc and free records tell it
 *
 * Objects stand in a table by process and address, from their alloc to their free. What mmap, mremap, brk and shmat gave are
 * ranges: a free takes away what it covers, a part of one or several. An alloc over what is live ends that first. exec
 * and exit end all that the process has. A child that was forked has nothing of its own: what it frees of its parent's is
 * counted as `inherited`. Processes are told apart by their host and pid, so that the sources of a merge agree.
 *
 *	heap.born = ...; heap.gone = ...;	// who is told
 *	heap_begin(&heap, b);			// once for a block
 *	heap_row(&heap, b, s, row);		// each row, in the order of the stream
 *
 * Memory: some 80 bytes for each object that is live. Cost: about 50 ns a record.
 *
 * Units:     bytes; t as in the trace. An alloc with a weight (sampling) counts as so many bytes.
 * Ownership: the caller holds the struct, heap_free() what it points to. Objects are good until the next call.
 * Errors:    none: what does not fit is counted.
 * Source:    own; leat-trace(5).
 */
#ifndef FLOW_HEAP_H
#define FLOW_HEAP_H

#include "base/arena.h"
#include "base/hash.h"
#include "trace/block.h"

struct heap_object {
	uint64_t addr, size;
	uint64_t
	    bytes; /* that it stands for: its size, or the weight of its alloc; 0: the slot is empty */
	int64_t t;      /* of its alloc */
	uint32_t space; /* process; heap_space() */
	uint32_t site;  /* as heap.site() said */
	uint32_t tag;   /* the caller's, 0 at first */
	bool range;
};

struct heap_event {
	int64_t t, tid;
	uint64_t bytes;    /* that came, or went: fewer than the object has where a part went */
	uint64_t from, to; /* gone: the addresses */
	bool whole;        /* gone: the last part */
	bool freed;        /* gone: by a free, and not with its process */
};

struct heap_shape;

struct heap {
	void *context;
	/* The site of a list (of TRACE_STRS, root first, or TRACE_ADDRS, leaf first); kind TRACE_KINDS: of none. */
	uint32_t (*site)(void *context, struct trace_block *b, enum trace_kind kind, uint32_t list);
	void (*born)(void *context, struct heap_object *o, const struct heap_event *e);
	void (*gone)(void *context, struct heap_object *o, const struct heap_event *e);

	uint64_t allocs, frees;
	uint64_t unknown;   /* frees of what was not known to be live */
	uint64_t inherited; /* of these, by a child that was forked */
	uint64_t replaced;  /* objects that were live where another began */

	/* private */
	struct heap_object *slot;
	size_t mask, used;
	struct heap_range {
		uint64_t lo, hi;
		uint32_t space;
	} * range; /* those of objects that are ranges, by space and lo */
	size_t ranges, range_cap;
	struct heap_space {
		int64_t pid;
		uint32_t host;
		bool forked;
		uint64_t live;
	} * space;
	size_t spaces, space_cap;
	struct hash_set space_set;
	struct slice *host;
	size_t hosts, host_cap;
	uint32_t *source; /* source[src] is a host */
	size_t source_cap;
	int64_t last_src, last_pid;
	uint32_t last_space;
	struct arena arena;
	struct heap_shape *shape; /* of the block */
	size_t shape_cap;
	unsigned char *op; /* of its strings */
	size_t op_cap;
};

void heap_init(struct heap *h);
void heap_free(struct heap *h);

/* Looks at the shapes of a block. Whether rows of shape s are for heap_row(). */
void heap_begin(struct heap *h, struct trace_block *b);
bool heap_wants(const struct heap *h, unsigned s);
void heap_row(struct heap *h, struct trace_block *b, unsigned s, uint32_t row);

/* The number of a process. */
uint32_t heap_space(struct heap *h, int64_t src, int64_t pid);
int64_t heap_pid(const struct heap *h, uint32_t space);

/* The live object that begins at addr, or NULL. */
struct heap_object *heap_at(struct heap *h, uint32_t space, uint64_t addr);

/* The next live object: begin with *at = 0; NULL at the end. */
struct heap_object *heap_next(struct heap *h, size_t *at);

#endif
