/* heat.h - points out of traces and tables into a grid
 *
 * A point is a record, or a row of a table, that has the fields of both axes, and of the weight where there is one, as
 * numbers. Records of the stream itself (state and ledger) are no points. Whole columns of blocks go into the grid; rows
 * of tables are gathered into columns.
 *
 * Units:     of a field, by its kind and name (t *_ns size *_size *_bytes *addr address): "ns", "bytes", "addr", what the
 *            clock of the trace counts, or empty.
 * Ownership: the caller holds the struct, heat_free() what it points to; the grid is the caller's.
 * Errors:    -1 with the text, without a place; what was readable is in the grid. heat_block() and heat_row() can be
 *            called again, and count what they could not use as `without`.
 * Source:    own; leat-trace(5).
 */
#ifndef FLOW_HEAT_H
#define FLOW_HEAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "flow/losses.h"
#include "form/table.h"
#include "stat/grid.h"
#include "trace/block.h"

enum { HEAT_X, HEAT_Y, HEAT_W, HEAT_FIELDS };

struct heat {
	struct grid *grid;
	struct slice name[HEAT_FIELDS]; /* that of the weight may be empty */
	bool addr[HEAT_FIELDS];         /* the field has addresses */
	uint64_t records, without;      /* seen; those that lack a field */
	struct losses losses;
	struct buf others; /* " a b c": fields of records that lacked ours, some 200 bytes */

	/* private */
	struct slice clock; /* what t counts, where it is not time */
	struct arena arena;
	int column[HEAT_FIELDS];
	struct heat_rows *rows;
};

/* A grid that is weighted wants a name for the weight. */
void heat_init(struct heat *h, struct grid *grid, struct slice x, struct slice y, struct slice w);
void heat_free(struct heat *h);

int heat_block(struct heat *h, struct trace_block *b, struct error *e);

/* Finds the columns; then a call for each row; then the rows that were gathered, and what the table says was lost. */
int heat_header(struct heat *h, const struct table *t, struct error *e);
int heat_row(struct heat *h, const struct table *t, struct error *e);
void heat_table_end(struct heat *h, const struct table *t);

/* The unit of HEAT_X or HEAT_Y. */
struct slice heat_unit(const struct heat *h, unsigned field);

#endif
