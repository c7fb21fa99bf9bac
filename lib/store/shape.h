/* shape.h - which fields a stored record has, and where they are
 *
 * The text of a shape in the database is its fields in their order, each NAME:KIND:COLUMN with a blank between; the
 * column is empty where the field is in `more`. It says all that is needed to make the record again, also where a later
 * version has other columns.
 *
 * Units:     none.
 * Ownership: the caller holds the structs; names borrow from what they were made of.
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef STORE_SHAPE_H
#define STORE_SHAPE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/schema.h"
#include "trace/line.h"
#include "trace/record.h"

enum { SHAPE_MORE = -1 };

/* The table of a type. */
const struct schema_table *shape_table(struct slice type);

/* The column of a table in which the field stands, or SHAPE_MORE. */
int shape_column(const struct schema_table *t, const struct trace_field *f);

void shape_put(struct buf *b, const struct schema_table *t, const struct trace_shape *shape);

/* Takes the next field off the text: 1, 0 at the end, -1. */
int shape_next(
    struct slice *text, const struct schema_table *t, struct trace_field *f, int *column);

/* A list or bytes as the text that lines have; and back, as a copy in an arena. */
void shape_put_text(struct buf *b, enum trace_kind kind, union trace_value v);
int shape_read_text(enum trace_kind kind, struct slice text, struct arena *to,
    union trace_value *value, struct error *e);

/* `more` is a JSON object: ints and nums are numbers, a str a string as it is, all others (and nan and inf) strings of what
 * lines have. Appends a member with `before` in front of it ('{' or ','); and takes the value of the next member off the
 * text, str and text with its escapes undone into *to, numbers as they are: 1, 0 at the end, -1. */
void shape_put_more(
    struct buf *json, char before, const struct trace_field *f, union trace_value v);
int shape_next_more(struct slice *json, struct slice *name, struct buf *to);

#endif
