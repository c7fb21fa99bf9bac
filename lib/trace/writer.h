/* writer.h - records to a file descriptor, as lines or as frames
 *
 *	struct trace_field f[] = { { SLICE("t"), TRACE_INT }, { SLICE("tid"), TRACE_INT }, { SLICE("chain"), TRACE_ADDRS } };
 *	unsigned sample = trace_writer_shape(w, SLICE("sample"), f, 3);
 *	union trace_value v[] = { { .i = t }, { .i = tid }, { .list = { .u = chain, .n = n } } };
 *	trace_put(w, sample, v);
 *
 * Records are gathered in a block, which goes out when it holds 1 MiB of raw bytes, or when the caller flushes. A
 * caller that waits for input calls trace_writer_due() to learn how long it may wait before it must flush.
 * Memory: one block. Putting is O(fields) plus a hash of each string or list that differs from the last in its column.
 *
 * Units:     bytes; time of the caller's clock io_now_ns().
 * Ownership: trace_writer_new() to trace_writer_close(); the descriptor stays the caller's. What is put is copied.
 * Errors:    -1, and the text in trace_writer_error(); an error sticks, later calls return -1 and do nothing.
 * Source:    own; leat-trace(5).
 */
#ifndef TRACE_WRITER_H
#define TRACE_WRITER_H

#include "base/error.h"
#include "trace/block.h"
#include "trace/record.h"

enum trace_encoding { TRACE_LINES, TRACE_FRAMES };

struct trace_writer;

enum { TRACE_RAW = 0, TRACE_LEVEL_DEFAULT = 3 };

/* level: TRACE_RAW for frames of raw blocks (pipes), else zstd's; of no effect on lines. */
struct trace_writer *trace_writer_new(int fd, enum trace_encoding encoding, int level);

enum trace_encoding trace_writer_encoding(const struct trace_writer *w);

/* The number of a shape, made where it is new: for trace_put(). Names are copied. The same type, names and kinds give
 * the same number. Field names must differ from each other. */
unsigned trace_writer_shape(
    struct trace_writer *w, struct slice type, const struct trace_field *field, unsigned fields);

/* Adds a record: value[i] for each field of the shape. */
int trace_put(struct trace_writer *w, unsigned shape, const union trace_value *value);

/* Adds a record of a reader as it is. */
int trace_put_record(struct trace_writer *w, const struct trace_record *r);

/* Adds all records of a reader's block as they are, column by column where frames are written. */
int trace_put_block(struct trace_writer *w, struct trace_block *b);

/* The same for n records of the block that follow each other, from number `first` on; row[s] is the row of the next record
 * of shape s, and moves on. */
int trace_put_range(
    struct trace_writer *w, struct trace_block *b, uint32_t first, uint32_t n, uint32_t *row);

/* Adds row `row` of shape s of a reader's block as it is. Frames cost a copy of words: strings and lists are looked up
 * once per distinct one of the block, in whatever order rows of several blocks come. What the block holds must not change between its first row and its
 * last: a block that is still gathered is sealed first. */
int trace_put_row(struct trace_writer *w, struct trace_block *b, unsigned s, uint32_t row);

/* Adds a row with other fields: field i of the writer's `shape` is the row's field from[i], which must be of its kind, or
 * word[~from[i]] where that is negative (an int, big, addr, or a num's bits). */
int trace_put_row_as(struct trace_writer *w, unsigned shape, struct trace_block *b, unsigned s,
    uint32_t row, const int *from, const uint64_t *word);

/* Rows of several blocks in turn, copied column by column: the rows that are picked are put, in their order, by
 * trace_put_picked(), until which the blocks must stay. The source is the number of shape s of a block, good until then. */
struct trace_pick {
	uint32_t source, row;
};

unsigned trace_pick_source(struct trace_writer *w, struct trace_block *b, unsigned s);

/* The same with other fields: field i of the writer's `shape` is field from[i] of shape s, and of its kind. `from` must stay,
 * too. */
unsigned trace_pick_source_as(
    struct trace_writer *w, struct trace_block *b, unsigned s, unsigned shape, const int *from);

/* The same with fields that the block does not have: where from[i] is negative, field i is column extra[~from[i]] of the
 * caller's, which has a value for each row of shape s that is picked: a word, or where its kind is str or a list, the number
 * of one of the caller's strings or lists. These must not change, and neither may `link`, which is the writer's: as many words,
 * 0 at first, so that each is hashed once a block. Not for bytes. */
struct trace_extra {
	const uint64_t *v;
	const struct slice *string;    /* by number, for a str */
	const struct trace_list *list; /* likewise for a list */
	uint64_t *link;
};

unsigned trace_pick_source_with(struct trace_writer *w, struct trace_block *b, unsigned s,
    unsigned shape, const int *from, const struct trace_extra *extra);

int trace_put_picked(struct trace_writer *w, const struct trace_pick *pick, uint32_t n);

/* What was stored by another writer, as it is: a whole frame behind its index, or a record as a line with its LF. Only for
 * a writer of that encoding. */
int trace_put_stored(struct trace_writer *w, const void *frame, size_t n, uint64_t records);
int trace_put_line(struct trace_writer *w, struct slice line);

/* Whether a stored frame is as good as one of this writer: frames are written, it is not small, and it is compressed where
 * ours would be. */
bool trace_writer_takes(const struct trace_writer *w, uint64_t stored, uint64_t raw);

/* Milliseconds until the oldest record held is 100 ms old: 0 flush now, -1 nothing is held. */
int trace_writer_due(const struct trace_writer *w);

/* Lets out what is held. */
int trace_flush(struct trace_writer *w);

/* Flushes and releases the writer. An output without records is empty lines or empty frames: both are valid. */
int trace_writer_close(struct trace_writer *w, struct error *e);

const char *trace_writer_error(const struct trace_writer *w);

/* Bytes and records written so far (held ones not counted as bytes). */
uint64_t trace_writer_bytes(const struct trace_writer *w);
uint64_t trace_writer_records(const struct trace_writer *w);

#endif
