/* block.h - a batch of records as columns per shape
 *
 * What readers hand out and writers gather. The records of one shape are the rows of that shape's columns; the sequence
 * says how rows of different shapes follow each other. Strings and lists are numbers (ids) into dictionaries of the
 * block, so that a tool does its work once per distinct string, chain or stack, and not once per record.
 *
 *	for (unsigned s = 0; s < b->shapes; s++) {
 *		int f = trace_field_of(b->shape[s], SLICE("chain"), TRACE_ADDRS);
 *		const uint64_t *id = f < 0 ? NULL : trace_column(b, s, f);
 *		for (uint32_t row = 0; id && row < b->rows[s]; row++)
 *			seen[id[row]]++;
 *	}
 *
 * A column holds uint64_t: an int as its two's complement, an addr as it is, a num as its bits, a str as the id of a
 * string, bytes and lists as ids of their dictionaries.
 *
 * Units:     none.
 * Ownership: the reader's or writer's; good until the next trace_read().
 * Errors:    none: a block is checked when it is decoded, before anybody sees it.
 * Source:    own; leat-trace(5).
 */
#ifndef TRACE_BLOCK_H
#define TRACE_BLOCK_H

#include "trace/record.h"

struct trace_block {
	unsigned shapes;
	const struct trace_shape *
	    *shape;       /* shape[s], s < shapes; shape->id is the reader's number of it */
	uint32_t *rows;   /* rows[s] records of shape s */
	uint32_t records; /* all rows */
	uint32_t strings; /* ids of strings are below */
	uint32_t
	    lists[TRACE_KINDS]; /* ids of TRACE_INTS, TRACE_ADDRS, TRACE_STRS lists are below */
	int64_t t_min, t_max;   /* of the records with a t; t_min > t_max where none has */
	struct trace_block_parts *parts; /* private */
};

/* A number that no other filling of a block has in this process, so that what was found out about its strings and lists
 * can be kept as long as they mean the same. */
uint64_t trace_block_serial(const struct trace_block *b);

/* A copy that stays when the reader goes on, as long as the reader itself. */
struct trace_block *trace_block_copy(struct trace_block *b);
void trace_block_free(struct trace_block *copy);

/* The column of field f (< shape[s]->fields) of shape s: rows[s] values, decoded on the first call. */
const uint64_t *trace_column(struct trace_block *b, unsigned s, unsigned f);

/* The sequence: for each record, in order, the s of its shape. NULL where there is only one shape. */
const uint16_t *trace_sequence(struct trace_block *b);

struct slice trace_string(struct trace_block *b, uint32_t id);
struct slice trace_bytes(struct trace_block *b, uint32_t id);

/* List number id of TRACE_INTS, TRACE_ADDRS or TRACE_STRS, with a memo that the block keeps. */
struct trace_list trace_block_list(struct trace_block *b, enum trace_kind kind, uint32_t id);

/* List number id of TRACE_STRS as ids of strings: *n ids. */
const uint64_t *trace_string_ids(struct trace_block *b, uint32_t id, uint32_t *n);

/* Value `row` of a column as a record has it. */
union trace_value trace_block_value(struct trace_block *b, unsigned s, unsigned f, uint32_t row);

#endif
