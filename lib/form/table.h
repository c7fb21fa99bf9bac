/* table.h - tables of text: TSV and CSV with a header, and what `#` lines say of them
 *
 * Every table of leat is TSV: `#` lines of words key=value (a first word without = is the kind: "# hist scale=log"), a
 * header that names the columns, rows. A cell escapes TAB, LF and backslash as \t \n \\. Tables of others are CSV (RFC
 * 4180, by libcsv) where the header holds a comma and no TAB; `#` lines before the header are comments there, too.
 *
 *	struct table *t = table_new(fd);
 *	while ((got = table_next(t)) > 0)
 *		use(t->cell[i]) for i < t->columns
 *
 * A table whose first row is all numbers has no header: its columns are named 1, 2, 3.
 *
 * Memory: one row; comments and header are kept.
 *
 * Units:     none.
 * Ownership: table_new() to table_free(); the descriptor stays the caller's. Cells live until the next table_next().
 * Errors:    -1 with the text, which begins with the line number: unreadable input, a row with more or fewer cells than the
 *            header (0 for that row: see table_next()).
 * Source:    RFC 4180; libcsv 3.0.3.
 */
#ifndef FORM_TABLE_H
#define FORM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/* A word of a `#` line. */
struct table_word {
	struct slice key, value; /* value is empty for a kind */
	uint32_t line;           /* words of one `#` line have the same */
};

struct table {
	struct slice *name; /* of the columns */
	unsigned columns;
	struct slice *cell; /* of the present row */
	unsigned cells;     /* of the present row: as many as columns unless table_next() gave -1 */
	uint64_t line;      /* of the present row */
	struct slice kind;  /* of the first `#` line that has one, or empty */
	struct table_word *word;
	size_t words;
	struct error error; /* of the last call that gave -1 */
	struct table_parts *parts;
};

/* first: n bytes of the input that were read already. */
struct table *table_new(int fd, const void *first, size_t n);

/* Reads up to and with the header: 1, 0 for an input without a table, -1. table_next() does it where it was not done. */
int table_header(struct table *t);

/* The next row: 1, 0 at the end; -1 with t->error, after which the next row can be asked for unless t->failed says no
 * more can come. */
int table_next(struct table *t);
bool table_failed(const struct table *t);

/* The number of the column with this name, or with this number from 1; -1 where there is none. */
int table_column(const struct table *t, struct slice name_or_number);

/* The value of key in any `#` line, the first; NULL-slice (p NULL) where there is none. */
struct slice table_word(const struct table *t, struct slice key);

/* Bytes consumed. */
uint64_t table_offset(const struct table *t);

void table_free(struct table *t);

/* Writing: appends a cell with TAB, LF and backslash escaped, or ` key=value` of a `#` line with the value quoted where
 * it holds a blank, a quote or a backslash. */
struct buf;
void table_put_cell(struct buf *b, struct slice s);
void table_put_word(struct buf *b, const char *key, struct slice value);

#endif
