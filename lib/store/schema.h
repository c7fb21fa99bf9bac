/* schema.h - the tables of a store, and which field of a record goes into which column
 *
 * What a run is and measured is in run, factor, variable, stat, info and trace. The records of its traces are in tables by
 * their type, raw_TABLE: a column for each field of the vocabulary, `shape` that says which fields the record had, of which
 * kind, in which order, and `more`, a JSON object of all that have no column or are of another kind. Types without a table
 * of their own are in raw_other. Everything of a run has ids from run << 40, so that a run is one range of rows; in raw
 * tables the id's lower 40 bits are the number of the record in its run. Strings, lists and threads are numbers into the
 * dictionaries string, stack, chain and thread, whose ids are the run's, too. Views without `raw_` show names.
 *
 * Units:     as in traces: t and *_ns nanoseconds.
 * Ownership: constants.
 * Errors:    none.
 * Source:    own; leat-store(5).
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	SCHEMA_VERSION = 1,
	SCHEMA_APPLICATION = 0x6c656174, /* "leat", in the file's header */
	SCHEMA_RUN_SHIFT = 40,
	SCHEMA_COLUMNS = 16 /* of a raw table at most, without id, shape and more */
};

enum schema_table_name {
	SCHEMA_ACCESS,
	SCHEMA_ALLOC,
	SCHEMA_FREE,
	SCHEMA_SPAN,
	SCHEMA_SAMPLE,
	SCHEMA_EVENT,
	SCHEMA_READING,
	SCHEMA_OTHER,
	SCHEMA_TABLES
};

/* What a column holds. A field of a kind that is not said here goes into `more`. */
enum schema_kind {
	SCHEMA_NUMBER, /* int, big, addr: 64 bits, as signed; num: a real */
	SCHEMA_ADDR,   /* the same; its view shows hex beside */
	SCHEMA_VALUE,  /* the same; or a str, as text */
	SCHEMA_STRING, /* a str: number in `string` */
	SCHEMA_STACK,  /* a list of str: number in `stack` */
	SCHEMA_CHAIN,  /* a list of addr: number in `chain` */
	SCHEMA_BYTES,  /* bytes: a blob */
	SCHEMA_THREAD  /* src, pid and tid, those that are ints: number in `thread` */
};

struct schema_column {
	const char *name;
	const char *field; /* NULL: the name */
	enum schema_kind kind;
};

struct schema_table {
	const char *name; /* without raw_ */
	const char *type; /* of its records; NULL: all others */
	struct schema_column column[SCHEMA_COLUMNS];
	unsigned columns;
};

extern const struct schema_table schema_table[SCHEMA_TABLES];

/* The field that a column is of. */
struct slice schema_field(const struct schema_column *c);

/* The statements that make all tables and views. */
void schema_put(struct buf *sql);

#endif
