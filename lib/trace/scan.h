/* scan.h - lines that are passed on as they are: where they end, and their time
 *
 * A line is compared with the names of a line like it that was parsed before (a template); of its values, only what could
 * make them invalid is looked at. Whatever is unlike, quoted, escaped or odd is left to line_parse(). About 40 ns a line of
 * 100 bytes and 8 fields.
 *
 * Units:     none.
 * Ownership: the caller holds the struct, line_scan_free() what it points to; shapes must outlive it.
 * Errors:    none: what cannot be told is false.
 * Source:    own; leat-trace(5).
 */
#ifndef TRACE_SCAN_H
#define TRACE_SCAN_H

#include "trace/record.h"

enum { LINE_SCAN_AHEAD = 64 }; /* bytes behind the last line that may be read */

struct line_template;

/* What a record is to those who pass it on. */
struct line_found {
	size_t n;     /* bytes of the line with its LF */
	int64_t when; /* its place in the order of the stream (record.h) */
	bool timed;   /* it has one */
};

struct line_scan {
	struct line_template **template; /* that fitted last comes first */
	unsigned n;
	uint64_t last; /* serial of the shape that was added last */
	bool (*fits)(const struct line_template *t, const char *line, const char *end,
	    struct line_found *found); /* for this processor */
};

/* Whether the line at p, whose LF stands before `end`, is like one that was added. LINE_SCAN_AHEAD bytes can be read from
 * end on. */
bool line_scan(struct line_scan *s, const char *p, const char *end, struct line_found *found);

/* Lines of this shape are to be known. */
void line_scan_add(struct line_scan *s, const struct trace_shape *shape);

void line_scan_free(struct line_scan *s);

#endif
