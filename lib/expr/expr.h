/* expr.h - expressions over records
 *
 * One grammar for pick, window and pair (leat-expr(7)): fields by name, `type`, || && ! == != < <= > >= =~, + - * / % &,
 * numbers with units, strings, `a in [..]`, `list has "item"`, has(field). A whole expression that is one bare word or
 * subsystem:name means name == WORD.
 *
 * An expression is compiled once, resolved once per shape, and its strings are compared once per distinct string or list
 * of a block; numbers are calculated and compared in loops over columns, about a nanosecond for each operation.
 *
 * A field that the record lacks makes the comparison in which it stands false.
 *
 * Units:     numbers with a time unit are nanoseconds, with a size unit bytes.
 * Ownership: expr_new() to expr_free(); the text is copied.
 * Errors:    expr_new() returns NULL with three lines of text: what is wrong and its column, the expression, a caret
 *            below the column. Evaluation cannot fail: what makes no sense (a string < a number) is false.
 * Source:    own.
 */
#ifndef FLOW_EXPR_H
#define FLOW_EXPR_H

#include "base/error.h"
#include "trace/block.h"
#include "trace/record.h"

struct expr;

struct expr *expr_new(struct slice text, struct error *e);

/* The text as it was given. */
struct slice expr_text(const struct expr *x);

/* Whether the expression holds for a record. */
bool expr_record(struct expr *x, const struct trace_record *r);

/* Whether it holds for row `row` of shape s of a block. The first that is asked for costs all rows of its shape. */
bool expr_row(struct expr *x, struct trace_block *b, unsigned s, uint32_t row);

/* Whether it holds for each row of shape s: holds[0 .. rows[s]) become 0 or 1. */
void expr_rows(struct expr *x, struct trace_block *b, unsigned s, unsigned char *holds);

/* Whether some field that is compared was in no shape that the expression has met, though it has met some; *name is then
 * the first such field. It may be a string that lacks its quotes (comm == app), and is worth a word at the end. */
bool expr_unmet(const struct expr *x, struct slice *name);

void expr_free(struct expr *x);

#endif
