/* pair.h - start and end events to spans
 *
 * A record for which `start` holds opens an interval under its key, one for which `end` holds closes an interval of the
 * same key; the two become a span record. What a second start with the same key does is the matching:
 *
 *	PAIR_FIRST  nothing: the interval that is open stays the one (the record is lost: restarted)
 *	PAIR_LAST   it takes the place of the one before it (which is lost: restarted)
 *	PAIR_NEST   both stay open; an end closes the youngest: calls and returns
 *	PAIR_FIFO   both stay open; an end closes the oldest: queues
 *
 * A record for which both hold ends first and starts then. An interval runs from the t of its start to where its end stands
 * in the order of the stream (t; of a span, its end). It never is negative.
 *
 * Keys are equal when their numbers are equal (an int 16 and an addr 0x10 are) or their bytes are.
 *
 * Shape of a span, by the shapes of its two records alone: t, dur_ns, name; with PAIR_NEST and PAIR_FIFO depth, how many
 * were open under the key when it began; with PAIR_NEST id and parent (0: none); the fields of the start; the fields of the
 * end but t and its key. A field of the start that is called like one of the span's own gets the prefix start_, one of the
 * end that is called like any of these end_. What leat-trace(5) has in `span` stands first, in that order.
 *
 * What is not part of a span is lost (unless it was passed on), with a reason: restarted, timeout, unmatched-start,
 * unmatched-end, no-key, no-time, out-of-order (the end stands before the start), too-long (2^63 ns and more). Lost records
 * are added up by reason over at most PAIR_LOST_EVERY records. A record that is both, and part of one span, is not lost.
 *
 * Memory: the open intervals with the fields of their starts, at their most; keys that are no more open are forgotten when
 * they are a quarter of the table.
 * Time: O(1) a record.
 *
 * Units:     as in leat-trace(5); timeout in the unit of t.
 * Ownership: pair_new() to pair_free(); options, expressions and names are the caller's, and must live as long.
 * Errors:    -1 where the writer fails (trace_writer_error() has the text).
 * Source:    own.
 */
#ifndef FLOW_PAIR_H
#define FLOW_PAIR_H

#include "expr/expr.h"
#include "trace/writer.h"

enum pair_match { PAIR_FIRST, PAIR_LAST, PAIR_NEST, PAIR_FIFO };

enum { PAIR_LOST_EVERY = 4096 };

enum pair_why {
	PAIR_RESTARTED = 1,
	PAIR_TIMEOUT,
	PAIR_UNMATCHED_START,
	PAIR_UNMATCHED_END,
	PAIR_NO_KEY,
	PAIR_NO_TIME,
	PAIR_OUT_OF_ORDER,
	PAIR_TOO_LONG,
	PAIR_WHYS
};

/* A field by which records belong together: its name in starts and in ends; of names joined by '|', the first one that the
 * record has. */
struct pair_key {
	struct slice start, end;
};

struct pair_options {
	struct expr *start, *end;
	const struct pair_key *key; /* none: all records have the same key */
	size_t keys;
	enum pair_match match;
	uint64_t timeout;  /* a start that is older is lost; 0: none is */
	struct slice name; /* of the spans; empty: the name of the start, or its type */
	bool keep;         /* what became part of a span passes on, too; state records always do */
};

struct pair_counts {
	uint64_t passed, used, made, lost; /* for the books */
	uint64_t starts, ends;             /* records that were such */
	uint64_t why[PAIR_WHYS];           /* what the lost records say */
	uint64_t open;                     /* intervals now */
};

struct pair;

struct pair *pair_new(const struct pair_options *o);

/* The position of the field that a part of a pair_key means, or -1. */
int pair_key_index(const struct trace_shape *shape, struct slice names);

/* The next record: row `row` of shape s of b. Call for all rows in the block's order, start, end and lost among them. */
int pair_row(
    struct pair *p, struct trace_block *b, unsigned s, uint32_t row, struct trace_writer *w);

/* Puts out the lost records that are being added up. */
int pair_flush(struct pair *p, struct trace_writer *w);

/* The end of the stream: what is open is lost. */
int pair_finish(struct pair *p, struct trace_writer *w);

const struct pair_counts *pair_counts(const struct pair *p);

const char *pair_why_name(enum pair_why why);

void pair_free(struct pair *p);

#endif
