/* rows.h - blocks of records to rows of raw tables
 *
 * A block becomes one INSERT ... SELECT for each table that its records go to; what is selected from is a virtual table
 * that reads the block's columns, so that a row costs no call of ours into SQLite. Strings, lists and threads are
 * looked up once for each distinct one of a block. Memory: the distinct strings and lists of a run, 40 bytes for each
 * allocation that was not freed.
 *
 * Units:     none.
 * Ownership: rows_new() to rows_free(), which is called before the store is closed.
 * Errors:    -1 and the text; the caller rolls back.
 * Source:    own; https://www.sqlite.org/vtab.html.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/store.h"
#include "trace/block.h"

struct rows;

/* NULL with the text. One at a time for a store. */
struct rows *rows_new(struct store *s, struct error *e);

/* What follows are records of this run, and of a (further) trace of it. */
void rows_run(struct rows *r, int64_t run);
void rows_trace(struct rows *r);

int rows_block(struct rows *r, struct trace_block *b, struct error *e);

/* How many records the run has so far, and how many their `lost` records tell of. */
uint64_t rows_count(const struct rows *r);
uint64_t rows_lost(const struct rows *r);

/* The end of the trace, which tells when allocations ended; and of the run, which tells its threads. */
int rows_trace_end(struct rows *r, struct error *e);
int rows_run_end(struct rows *r, struct error *e);

void rows_free(struct rows *r);

#endif
