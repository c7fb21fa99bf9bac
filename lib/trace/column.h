/* column.h - the coding of a column of 64-bit values
 *
 * A column is an offset from its smallest value, or from value to value, in as few whole bytes as hold them all: a
 * decoder is one loop without branches, and zstd finds what repeats because values stand at fixed distances.
 *
 *	mode    1 byte: width of a value, 0 to 8, plus 16 where the values are deltas
 *	base    LEB128 of the zigzag: the smallest value (or delta); values compare as signed
 *	first   LEB128 of the zigzag: value 0; only with deltas
 *	values  n (with deltas n - 1) little-endian words of `width` bytes, to be added to base (modulo 2^64)
 *
 * Neither base, first nor values are there where n is 0.
 *
 * Units:     none.
 * Ownership: the caller's arrays.
 * Errors:    column_skip() returns NULL where the bytes end too early or the mode is unknown; the other readers expect a
 *            column that column_skip() has passed.
 * Source:    own; the offset coding is known as frame of reference (Goldstein, Ramakrishnan, Shaft, ICDE 1998).
 */
#ifndef TRACE_COLUMN_H
#define TRACE_COLUMN_H

#include <stdint.h>

#include "base/buf.h"

/* Appends v[0..n). Ids are never coded as deltas, so that column_max() is cheap. */
void column_put(struct buf *b, const uint64_t *v, size_t n, bool id);

/* What follows the column of n values at p, or NULL. */
const unsigned char *column_skip(const unsigned char *p, const unsigned char *end, size_t n);

/* Decodes into v[0..n), returns what follows. */
const unsigned char *column_get(const unsigned char *p, size_t n, uint64_t *v);

/* The largest of n > 0 values, unsigned; UINT64_MAX for deltas. */
uint64_t column_max(const unsigned char *p, size_t n);

#endif
