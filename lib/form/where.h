/* where.h - rows of a table by the values that they have in some columns: --where COLUMN=VALUE
 *
 * Conditions on different columns must all hold; of several on one column, one must. Values are compared as text.
 *
 * Units:     rows.
 * Ownership: the caller holds the struct and what it parsed, where_free() the rest.
 * Errors:    -1 with the text.
 * Source:    own.
 */
#ifndef FORM_WHERE_H
#define FORM_WHERE_H

#include "base/arena.h"
#include "base/error.h"
#include "form/table.h"

enum { WHERE_SEEN = 8 };

struct where {
	struct where_condition {
		struct slice column, value;
		int place;   /* in the present table */
		int another; /* of the same column, in a ring; itself where there is none */
	} * condition;
	size_t n, cap;
	uint64_t rows, kept; /* of the present table */
	/* For a message, while none was kept: the furthest condition that failed, and what rows had there. */
	size_t deep;
	struct slice seen[WHERE_SEEN];
	size_t seens; /* WHERE_SEEN + 1: more */
	struct arena arena;
};

#define WHERE_INIT ((struct where){ 0 })

/* Adds COLUMN=VALUE. */
int where_add(struct where *w, const char *text, struct error *e);

/* A table begins: where its columns are. */
int where_table(struct where *w, const struct table *t, struct error *e);

/* Whether the row that table_next() gave is one; without conditions each is. */
bool where_row(struct where *w, const struct table *t);

/* The table has ended: 0; -1 where it has rows, and none was kept, with what there is instead. */
int where_end(const struct where *w, struct error *e);

void where_free(struct where *w);

#endif
