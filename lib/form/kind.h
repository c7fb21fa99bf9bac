/* kind.h - what an input is, from its first bytes
 *
 * Units:     bytes.
 * Ownership: struct kind_input holds the bytes that were read; they are handed on to whoever reads the rest.
 * Errors:    kind_of() returns -1 on I/O errors, with errno set.
 * Source:    own; leat-trace(5), FlameGraph's folded lines, leat-hist(1).
 */
#ifndef FORM_KIND_H
#define FORM_KIND_H

#include <stddef.h>

#include "base/slice.h"

enum kind {
	KIND_EMPTY,
	KIND_TRACE,     /* lines or frames */
	KIND_FOLDED,    /* a;b;c 12 */
	KIND_HISTOGRAM, /* TSV that begins with "# hist ", or JSON of leat-hist */
	KIND_NUMBERS,   /* one number a line */
	KIND_TABLE,     /* TSV or CSV with a header */
	KIND_UNKNOWN
};

struct kind_input {
	int fd;
	size_t n; /* bytes that were read */
	char first[8192];
};

/* Reads until the kind is known: the first line that is no comment, or 8 KiB, or the end. */
int kind_of(struct kind_input *in, int fd, enum kind *kind);

/* "a trace", "folded stacks", "a histogram" ... */
const char *kind_name(enum kind kind);

#endif
