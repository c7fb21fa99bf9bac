/* line.h - records as lines of text
 *
 * Units:     none.
 * Ownership: line_parse() gives values that borrow from the line and from the parser, until the next call.
 * Errors:    line_parse() returns -1 with the text, which begins with the column (in bytes, from 1) of what is wrong.
 * Source:    own; leat-trace(5).
 */
#ifndef TRACE_LINE_H
#define TRACE_LINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "trace/record.h"
#include "trace/shapes.h"

#define LINE_MAGIC SLICE("#leat 1\n")

struct line_parser {
	struct shapes *shapes;
	struct arena arena;
	struct trace_field *field;
	size_t field_cap;
	union trace_value *value;
	size_t value_cap;
	const struct trace_shape
	    *last; /* most lines have the shape of one that came shortly before */
};

/* Parses a line without its LF. Returns 1 with *record set, 0 for an empty or comment line, -1. */
int line_parse(
    struct line_parser *p, struct slice line, struct trace_record *record, struct error *e);

void line_parser_free(struct line_parser *p);

/* Appends the record in canonical form, with LF. */
void line_put(struct buf *out, const struct trace_record *record);

#endif
