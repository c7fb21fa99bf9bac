/* merge_sources.h - the numbers of the sources that several traces hold
 *
 * Where a stream holds records of more than one source, they carry `src`, by which ids, pids and clocks are scoped. A source
 * is known by its `start`: traces whose first starts are equal, but for src, are pieces of one; traces that have none are
 * together one. Sources are numbered in order of their first appearance; the numbers that a trace has already are
 * replaced. A start or end of a filter that worked on several sources carries the list of them.
 * Memory: a line a source.
 *
 * Units:     none.
 * Ownership: the caller holds the structs, the free functions what they point to.
 * Errors:    none.
 * Source:    own; leat-trace(5).
 */
#ifndef FLOW_MERGE_SOURCES_H
#define FLOW_MERGE_SOURCES_H

#include "base/arena.h"
#include "trace/record.h"

struct merge_sources {
	struct slice *identity;
	unsigned n;
	size_t cap;
	struct arena arena;
};

/* What one trace calls the sources, and how they are called in the output. */
struct merge_scope {
	struct merge_scope_pair {
		int64_t was, is;
		unsigned group; /* of starts that follow each other */
	} * pair;
	size_t pairs, cap;
	int64_t own; /* of what has no src; -1 where that stays so */
	bool led;    /* a start came, and nothing but starts behind it */
	unsigned group;
	bool renamed; /* some pair is none of equals */
};

/* A start of this trace. Whoever reads clears scope->led at what is none. */
void merge_sources_start(
    struct merge_sources *s, struct merge_scope *scope, const struct trace_record *start);

/* A trace with records and without starts. */
void merge_sources_nameless(struct merge_sources *s, struct merge_scope *scope);

/* What number `was` of this trace is called. */
int64_t merge_scope_of(struct merge_sources *s, struct merge_scope *scope, int64_t was);

void merge_scope_free(struct merge_scope *scope);
void merge_sources_free(struct merge_sources *s);

#endif
