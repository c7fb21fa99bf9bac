/* plot_table.h - the columns of a table, of plain numbers or of a trace that a figure needs, in memory
 *
 * A column is wanted as numbers, or as text too; nothing else is kept. A table is asked for its names first, so that
 * defaults can follow from them; a trace has no header, and its fields are wanted by name. A record without a field that must
 * be there is passed over and counted. Memory: 8 bytes a number, 4 a text.
 *
 *	plot_table_open(t, fd, first, n, kind, &e);	// not for a trace
 *	plot_table_want(t, ROLE, SLICE("t"), PLOT_NUMBER, &e);
 *	plot_table_rows(t, complain, context);		// or plot_table_block(t, b) for each block of a trace
 *
 * Numbers beyond 2^53 are kept as differences to the first one of their column, so that addresses and clocks keep all
 * their digits; tables that are drawn in one figure share these bases.
 *
 * Units:     none.
 * Ownership: plot_table_new() to plot_table_free(); texts live in struct plot_texts, which several tables share.
 * Errors:    -1 with the text.
 * Source:    own.
 */
#ifndef FLOW_PLOT_TABLE_H
#define FLOW_PLOT_TABLE_H

#include "base/arena.h"
#include "base/hash.h"
#include "flow/losses.h"
#include "form/kind.h"
#include "form/table.h"
#include "form/where.h"
#include "trace/block.h"

/* Distinct texts by number. */
struct plot_texts {
	struct slice *text;
	size_t n, cap;
	struct hash_set set;
	struct arena arena;
};

uint32_t plot_text(struct plot_texts *texts, struct slice s);

enum { PLOT_NO_TEXT = 0xffffffff };

enum plot_as {
	PLOT_NUMBER, /* a row without the field is none */
	PLOT_MAYBE,  /* a number; NAN where the field is missing */
	PLOT_TEXT    /* text, and a number where it is one; missing is PLOT_NO_TEXT */
};

enum { PLOT_ROLES = 12 };

struct plot_base {
	bool set;
	bool hex;     /* cells are addresses: 0x... */
	int64_t base; /* two's complement for addresses */
};

struct plot_column {
	struct slice name;
	unsigned role;
	enum plot_as as;
	struct plot_base *base; /* shared */
	double *v;
	uint32_t *text; /* PLOT_TEXT only */
	size_t v_cap, text_cap;
	int place; /* in the table */
};

struct plot_table {
	enum kind kind;
	struct slice name;    /* what the figure calls it: the caller's */
	struct slice type;    /* of a table: "hist", "heat" ... */
	struct table *source; /* header and words; NULL for traces and numbers */
	struct plot_column *column;
	unsigned columns;
	size_t column_cap;
	size_t rows;
	uint64_t passed;     /* rows or records that lack a field */
	uint64_t records;    /* that are not of the ledger */
	struct where *where; /* which rows of a table; NULL: all. Borrowed */
	struct slice unit; /* what the column `unit` says in all of them; empty where it does not */
	bool units;        /* private: a row has been seen */
	struct losses lost;
	struct plot_texts *texts;
	struct plot_base *base; /* of the roles */
	struct plot_table_parts *parts;
};

/* base: PLOT_ROLES of them, shared by all tables of a figure. */
struct plot_table *plot_table_new(enum kind kind, struct plot_texts *texts, struct plot_base *base);

/* Reads the header. Plain numbers become a table with the one column "value". */
int plot_table_open(struct plot_table *t, struct kind_input *in, struct error *e);

/* Whether there is such a column; always for a trace. */
bool plot_table_has(const struct plot_table *t, struct slice name);

/* A column more; -1 where the table has none of this name or number, with those that it has. */
int plot_table_want(
    struct plot_table *t, unsigned role, struct slice name, enum plot_as as, struct error *e);

/* The column with this role (number n of those), or NULL. */
struct plot_column *plot_table_column(const struct plot_table *t, unsigned role, unsigned n);

/* All rows, or those of `where`; complain() is told of each that could not be read. -1 where the input could not be read on. */
int plot_table_rows(
    struct plot_table *t, void (*complain)(void *context, const char *what), void *context);

void plot_table_block(struct plot_table *t, struct trace_block *b);

/* The fields that records of the trace have, separated by blanks: for messages. */
const char *plot_table_fields(struct plot_table *t);

void plot_table_free(struct plot_table *t);

#endif
