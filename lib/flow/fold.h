/* fold.h - records with stacks, counted by stack
 *
 * Takes a trace by blocks. The work on names is done once per distinct stack of a block; a record costs the look-up of
 * its stack's place and an addition. Frames and stacks are interned over all blocks: memory grows with distinct names and
 * stacks only. Of another field than `stack`, addresses stand leaf first, and accesses that lack it are a frame of their
 * kind: [stack], [global] ... Any record that has a `stack` counts; its event is the field `event` of a sample, the field `name` of an
 * event, else its type.
 *
 * Units:     weights are those of the field.
 * Ownership: fold_new() to fold_free(); all slices handed out live as long. Options are copied, but not their bytes.
 * Errors:    fold_block() returns -1 with the text where a field's kind makes no sense; what is only missing is counted.
 * Source:    own; the format of B. Gregg's FlameGraph.
 */
#ifndef FLOW_FOLD_H
#define FLOW_FOLD_H

#include "base/buf.h"
#include "base/error.h"
#include "trace/block.h"

struct fold;

enum { FOLD_BASES_MAX = 32 };

struct fold_options {
	struct slice weight;      /* a field, or "count" for 1 each */
	struct slice stack;       /* the field with the frames; empty: stack */
	const struct slice *base; /* fields before the root */
	unsigned bases;           /* at most FOLD_BASES_MAX */
	struct slice event;       /* only this one; "all": all; empty: the first one that comes */
	bool annotate;            /* _[k] _[i] _[j] */
	bool objects;             /* keep functions of different objects apart (fold_each()) */
	bool whole_names;         /* do not tidy names */
};

struct fold *fold_new(const struct fold_options *options);

int fold_block(struct fold *f, struct trace_block *b, struct error *e);

struct fold_tally {
	struct slice name;
	uint64_t n;
};

struct fold_stats {
	uint64_t records;                 /* with a stack, of the event */
	uint64_t without;                 /* with addresses or nothing: no stack */
	uint64_t unresolved;              /* of these, with addresses that unwind could name */
	uint64_t no_weight;               /* counted as 1 */
	uint64_t no_base;                 /* a field before the root was missing: [unknown] */
	uint64_t negative;                /* negative weights, left out */
	bool overflow;                    /* a sum stands at 2^64-1 */
	struct slice event;               /* that was taken; empty for all or none */
	const struct fold_tally *skipped; /* events that were not, the most first */
	size_t skips;
	const struct fold_tally *lost; /* by reason, in order of appearance */
	size_t losses;
	uint64_t lost_samples; /* of these, what would have been samples */
	uint64_t weight;       /* the sum */
};

const struct fold_stats *fold_stats(struct fold *f);

/* Adds the lost samples as a stack of the one frame [lost], each with the mean weight of those that are there. */
void fold_add_lost(struct fold *f);

/* All lines, sorted bytewise, each ended by a newline. */
void fold_lines(struct fold *f, struct buf *to);

/* Each distinct stack without what -b puts before it: ids of frames, root first. Frames are numbered from 0. */
void fold_each(const struct fold *f,
    void (*fn)(void *context, const uint32_t *frame, uint32_t n, uint64_t weight), void *context);
struct slice fold_frame_name(const struct fold *f, uint32_t frame);

/* As KIND:OBJECT says; empty where that is not known, or not kept. */
struct slice fold_frame_object(const struct fold *f, uint32_t frame);

void fold_free(struct fold *f);

#endif
