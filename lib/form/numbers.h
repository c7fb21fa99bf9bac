/* numbers.h - plain numbers, one a line, many at once
 *
 * A line is a number (decimal with an optional sign, fraction and exponent; 0x hex; nan, inf, -inf), with blanks around it
 * or not. Empty lines and those that begin with # are passed over; what else is no number is counted. Numbers are handed
 * out in batches of one kind; an int that a double holds exactly may come in a batch of doubles.
 * Memory: 256 KiB and a batch. Ints of up to 19 digits are read at about 150 million a second, doubles of up to 15 digits
 * without exponent at a third of that.
 *
 *	while ((got = numbers_next(n, &batch)) > 0)
 *		use(batch.kind, batch.u, batch.n);
 *
 * Units:     none.
 * Ownership: numbers_new() to numbers_free(); the descriptor stays the caller's. A batch lives until the next call.
 * Errors:    numbers_next() returns -1 with numbers_error() where the input cannot be read. Lines that are no numbers:
 *            numbers_bad().
 * Source:    own; eight digits at once: D. Lemire, "Quickly parsing eight digits" (2018); short decimals: W. D. Clinger,
 *            "How to read floating point numbers accurately" (1990).
 */
#ifndef FORM_NUMBERS_H
#define FORM_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum numbers_kind { NUMBERS_UNSIGNED, NUMBERS_SIGNED, NUMBERS_REAL };

struct numbers_batch {
	enum numbers_kind kind;
	size_t n;
	union {
		const uint64_t *u;
		const int64_t *i;
		const double *d;
	};
};

struct numbers;

/* first: n bytes of the input that were read already. */
struct numbers *numbers_new(int fd, const void *first, size_t n);

/* The next numbers, at least one: 1, 0 at the end, -1. */
int numbers_next(struct numbers *n, struct numbers_batch *batch);

/* How many lines were no numbers so far, and the first of them as "12: \"abc\" is no number". */
uint64_t numbers_bad(const struct numbers *n, struct error *first);

/* Bytes consumed. */
uint64_t numbers_offset(const struct numbers *n);

const char *numbers_error(const struct numbers *n);

void numbers_free(struct numbers *n);

/* One number: its kind and 64 bits, -1 where it is none. */
int numbers_parse(struct slice s, enum numbers_kind *kind, uint64_t *bits);

#endif
