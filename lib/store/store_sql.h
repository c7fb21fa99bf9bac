/* store_sql.h - one question to a database, in its own language
 *
 * A table of what one SELECT gives: a line `# store table=sql query=...`, the names of the columns, the rows. NULL is an
 * empty cell, a blob is hex, a number with a fraction is the shortest that reads back the same. The database is not
 * changed: whatever would is an error.
 *
 * Beside those of SQLite there are the aggregates median(x), quantile(x, q) and stddev(x), which skip NULL, and hex of an
 * address, addr(x); and the view results, which is what `leat store list` prints: a row for each run, with its factors
 * and statistics as columns.
 *
 * Memory: a row; median and quantile keep the values of a group.
 *
 * Units:     none.
 * Ownership: none is kept.
 * Errors:    -1 and the text: what SQLite says, and where in the query; nothing in it, or several statements; one that writes.
 * Source:    own.
 */
#ifndef STORE_STORE_SQL_H
#define STORE_STORE_SQL_H

#include "store/store.h"

int store_sql(struct store *s, const char *query, const struct store_out *out, struct error *e);

/* Ends the query that runs, which then fails: for signal handlers. */
void store_sql_interrupt(struct store *s);

#endif
