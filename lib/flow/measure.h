/* measure.h - the values of a field or a column, by group, into histograms
 *
 * What is measured is a field of records, a column of a table, or plain numbers; ints, addrs and nums count, with the weight
 * of another field where one is given. Nothing is dropped silently: h->without counts records (not those of the ledger
 * and of state) that lack the field, h->missing empty cells, and as lost: not-a-number (a field or cell that is none) and
 * not-a-weight (a weight that is no whole number of 0 and up). What a trace says was lost is lost here, too.
 *
 * The histogram begins with the first input, so that the unit of addresses is known, and a histogram that is read first
 * can bring its bins along.
 * Memory: the bins of each group; a block's values.
 *
 * Units:     those of the key, see histogram.h.
 * Ownership: measure_new() to measure_free(); the histogram is the measure's.
 * Errors:    -1 with the text where an input does not fit to the histogram or has no such column; what is wrong with
 *            values is counted, and the first case told: wrong, first, with the line of a table where there is one.
 * Source:    own.
 */
#ifndef FLOW_MEASURE_H
#define FLOW_MEASURE_H

#include "form/histogram.h"
#include "form/numbers.h"
#include "form/table.h"
#include "trace/block.h"

struct measure_options {
	struct slice key;    /* p NULL: dur_ns of traces, the only column of tables */
	struct slice weight; /* p NULL: 1 */
	struct slice column; /* of tables, name or number; p NULL: key */
	const struct slice *by;
	unsigned bys;
	struct hist_scheme scheme;
	bool any_scheme; /* a histogram that is the first input brings its own */
};

struct measure {
	struct measure_options o;
	struct histogram h;
	uint64_t records;   /* that could have the field, and rows */
	uint64_t wrong;     /* how many values were no numbers, or had no weight */
	struct error first; /* of them; the caller may clear it for the next input */
	struct buf fields;  /* " a b c": numeric fields of records that lack the key */
	struct measure_parts *parts;
};

struct measure *measure_new(const struct measure_options *o);

/* All records of a block. */
int measure_block(struct measure *m, struct trace_block *b, struct error *e);

/* Numbers have no groups. */
int measure_numbers(struct measure *m, const struct numbers_batch *batch, struct error *e);

/* Looks for the columns. */
int measure_table(struct measure *m, const struct table *t, struct error *e);

/* The row that table_next() gave. */
void measure_row(struct measure *m, const struct table *t);

/* What the `#` lines of the table said was lost, at its end. */
void measure_table_end(struct measure *m, const struct table *t);

/* Adds a histogram that was read. */
int measure_histogram(struct measure *m, const struct histogram *h, struct error *e);

/* After the last input: the histogram has begun, and its groups are sorted. */
struct histogram *measure_end(struct measure *m);

void measure_free(struct measure *m);

#endif
