/* reader.h - records from a file descriptor, whatever their encoding
 *
 * The first bytes say lines or frames; an empty input is an empty trace. Two ways to read, not to be mixed:
 * trace_read() hands out blocks (block.h) whose columns are decoded when asked for; trace_next() hands out records one
 * by one, and is a thin layer over it.
 *
 * What is damaged is passed over: a `lost why=damaged` record with the byte range (fields from, to) stands in its place,
 * and a `lost why=truncated` at the end where a start has no end. Both are also counted in the reader.
 * Memory: one input buffer of at most a frame, one block.
 *
 * Units:     bytes; offsets from where the descriptor stood.
 * Ownership: trace_reader_new() to trace_reader_free(); the descriptor stays the caller's. A record or block borrows
 *            from the reader until the next call. Shapes live as long as the reader.
 * Errors:    trace_read() and trace_next() return -1 on an I/O error only, with the text in trace_reader_error().
 *            Damage is not an error: ask trace_reader_damage() at the end.
 * Source:    own; leat-trace(5).
 */
#ifndef TRACE_READER_H
#define TRACE_READER_H

#include "base/error.h"
#include "trace/block.h"
#include "trace/record.h"
#include "trace/writer.h"

struct trace_reader;

struct trace_reader *trace_reader_new(int fd);

/* n bytes of the input that somebody has read already, in order to see what it is; before anything is read. */
void trace_reader_unread(struct trace_reader *r, const void *bytes, size_t n);

/* Lines or frames; reads the first bytes if it must. An empty input says lines. -1 on an I/O error. */
int trace_reader_encoding(struct trace_reader *r);

/* Hop over frames without state records that lie outside since..until (both inclusive, in t), and leave out records
 * outside. State records are passed on always. Call before reading. */
void trace_reader_range(struct trace_reader *r, int64_t since, int64_t until);

/* From now on, hop over frames without state records; and how many records that were. */
void trace_reader_skip(struct trace_reader *r);
uint64_t trace_reader_skipped(const struct trace_reader *r);

/* The next block: 1 with *block set, 0 at the end, -1. */
int trace_read(struct trace_reader *r, struct trace_block **block);

/* The next record: 1 with *record set, 0 at the end, -1. */
int trace_next(struct trace_reader *r, struct trace_record *record);

struct trace_frame {
	uint64_t offset; /* of its index */
	uint64_t stored; /* bytes of index and frame */
	uint64_t raw;    /* bytes of the block in it */
	uint64_t records;
	int64_t t_min, t_max; /* t_min > t_max where no record has a t */
	bool state;           /* holds records that later ones need, or the ledger */
};

/* The next frame that has an index, without unpacking it: 1, 0 at the end, -1; for frames only, and not to be mixed with
 * the other ways to read. What verifies not is counted as damage. */
int trace_read_index(struct trace_reader *r, struct trace_frame *frame);

/* For those who pass traces on. The next thing of an input of frames, where it is a whole frame whose index verifies and
 * that holds no state, without unpacking it: 1 with *frame set; 0 where it is anything else, for trace_read(); -1.
 * trace_pass_frame() writes it as it is stored, and moves on. */
int trace_peek_frame(struct trace_reader *r, struct trace_frame *frame);
int trace_pass_frame(struct trace_reader *r, struct trace_writer *w);

struct trace_line {
	struct slice text; /* a record as a line, with its LF */
	int64_t when;      /* its place in the order of the stream (record.h) */
	bool timed;        /* it has one */
	bool parsed;       /* record is set; so it is for start, end and lost */
	struct trace_record record;
};

/* The next line of an input of lines: one that is a valid record, or a lost record of the reader's in place of those
 * that are not. The same again until trace_take_line(), or trace_read(), moves on. 1, 0 at the end, -1. */
int trace_peek_line(struct trace_reader *r, struct trace_line *line);
void trace_take_line(struct trace_reader *r);

/* Both, without reading: moves on, and gives the line after that where it is here and need not be parsed. */
bool trace_step_line(struct trace_reader *r, struct trace_line *line);

/* Whether trace_next() has a record, or trace_read() a whole block, without waiting for input. A filter flushes its
 * writer before it waits. */
bool trace_reader_ready(struct trace_reader *r);

struct trace_damage {
	uint64_t places; /* damaged ranges or lines */
	uint64_t bytes;  /* in them */
	uint64_t lost;   /* n of the lost records of the trace itself */
	bool truncated;  /* cut off: the last frame is not whole, or a source has no end */
	/* "7: what" for line 7, "@1234: what" for a byte, of the first place; empty where there is none. */
	struct error first;
};

const struct trace_damage *trace_reader_damage(const struct trace_reader *r);

/* Where the reader stands: bytes consumed. */
uint64_t trace_reader_offset(const struct trace_reader *r);

/* A message with the place of the last record handed out, as "12" for line 12 or "@4096" for the byte at which its frame
 * begins: WHERE for messages about what a record says. */
void trace_reader_place(const struct trace_reader *r, struct error *place);

/* The same for a record of the block that was handed out last, by its number in the sequence. */
void trace_reader_place_in(const struct trace_reader *r, uint32_t record, struct error *place);

const char *trace_reader_error(const struct trace_reader *r);

void trace_reader_free(struct trace_reader *r);

#endif
