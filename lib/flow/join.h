/* join.h - each access and the object that it falls into
 *
 * alloc, free, fork, exec and exit records say what lives in each process at each moment of the stream, mmap records what else
 * is there. An access record gets, behind its own fields, what lies at its address: `kind`, and by kind
 *
 *	object   object offset object_size age_ns serial site   a live allocation, the innermost
 *	page     objects                                        a range of pages with several of them (see below)
 *	stack    name                                           a mapping called [stack...], or just below it
 *	heap                                                    memory of the heap, or anonymous, outside known objects
 *	global   object offset object_size name                 a variable of an ELF symbol table, or a section for data
 *	file     offset name                                    a mapped file
 *	kernel   unknown
 *
 * Everything else passes as it is.
 *
 * What lives. An allocation by malloc and its kin, from its record to its free. One that comes where another lives ends that
 * (its free was lost: free-missing). mmap, mremap, brk and shmat make regions; these may hold objects, and a region over an older one
 * takes its place, as MAP_FIXED does; what a munmap or brk cuts off is gone with all objects in it, and the rest lives on, in two
 * pieces where the middle went. An allocator that is not known may put its objects (op is any other name) in
 * both. A realloc or mremap is a free before the call and an alloc after it: between the two the old object is there still,
 * until its place is taken; an alloc of the same address and size (a call that failed) lets it go on as if nothing had been.
 * A fork copies all to the child, an exec and the exit of a process end all.
 *
 * An access belongs to the object of its first byte. One of 4096 bytes and more is of a range (pages that were written): it is that of
 * the object that lies alone in it, or has half of it and more; else it is of kind page.
 *
 * Processes are those of a host: sources of one host (src, start.host) share them.
 *
 * Memory: the live objects (extents.h), each distinct site once, a word for each 64 KiB where objects of malloc ever were.
 * Processes share after a fork until one of them changes.
 * Cost: an access takes a look-up in the live objects, the rest is copying.
 *
 * Units:     as in leat-trace(5).
 * Ownership: join_new() to join_free(); blocks and writers stay the caller's.
 * Errors:    -1 where the writer fails (trace_writer_error() has the text).
 * Source:    own.
 */
#ifndef FLOW_JOIN_H
#define FLOW_JOIN_H

#include "trace/block.h"
#include "trace/writer.h"

enum join_kind {
	JOIN_OBJECT,
	JOIN_PAGE,
	JOIN_STACK,
	JOIN_HEAP,
	JOIN_GLOBAL,
	JOIN_FILE,
	JOIN_KERNEL,
	JOIN_UNKNOWN,
	JOIN_KINDS
};

struct join_options {
	const char *symfs;       /* where the files of the trace's machine are, or NULL */
	const char *const *file; /* objects to use where build id or name match */
	size_t files;
};

struct join_counts {
	uint64_t passed, used;     /* for the books; made is used */
	uint64_t kind[JOIN_KINDS]; /* accesses */
	uint64_t allocs, frees;    /* records */
	uint64_t no_address;       /* accesses without an addr: they pass as unknown */
	uint64_t straddling;       /* accesses that reach beyond the end of their object */
	uint64_t free_unknown;     /* frees of what is not known to live */
	uint64_t free_missing;     /* allocations of what was live */
	uint64_t out_of_order;     /* records that stand behind later ones */
	uint64_t live, live_most;  /* objects now, and at most */
	uint64_t copies;           /* of the objects of a process, after forks */
};

struct join;

/* NULL where a file cannot be used. */
struct join *join_new(const struct join_options *o, struct error *e);

/* The next record: row `row` of shape s of b. Call for all rows in the block's order, start, end and lost among them. */
int join_row(
    struct join *j, struct trace_block *b, unsigned s, uint32_t row, struct trace_writer *w);

/* Puts out what is held back: at the latest before the caller waits. */
int join_flush(struct join *j, struct trace_writer *w);

/* The end of the stream: lost and stat records; *made gets how many of the latter. */
int join_finish(struct join *j, struct trace_writer *w, uint64_t *made);

const struct join_counts *join_counts(const struct join *j);

const char *join_kind_name(enum join_kind kind);

void join_free(struct join *j);

#endif
