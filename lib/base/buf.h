/* buf.h - bytes that grow at their end
 *
 * Units:     bytes.
 * Ownership: the struct holds its bytes, buf_free() releases them; p moves when the buffer grows.
 * Errors:    none but out of memory (alloc.h).
 * Source:    own.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/slice.h"

struct buf {
	char *p;
	size_t n, cap;
};

#define BUF_INIT ((struct buf){ 0 })

/* Room for more bytes after the end; returns the end. */
static inline char *
buf_room(struct buf *b, size_t more)
{
	if (b->cap - b->n < more)
		b->p = xgrow(b->p, &b->cap, b->n + more, 1);
	return b->p + b->n;
}

static inline void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n > 0)
		memcpy(buf_room(b, n), p, n);
	b->n += n;
}

static inline void
buf_slice(struct buf *b, struct slice s)
{
	buf_put(b, s.p, s.n);
}

static inline void
buf_char(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->n++;
}

static inline void
buf_leb128(struct buf *b, uint64_t v)
{
	unsigned char *p = (unsigned char *)buf_room(b, LEB128_MAX);

	b->n += (size_t)(leb128_put(p, v) - p);
}

/* Decimal, and hex with 0x. */
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_hex(struct buf *b, uint64_t v);

/* The shortest decimal that reads back the same ("5", "0.1", "1e+22"); nan, inf, -inf. */
void buf_f64(struct buf *b, double v);

void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes as a C string; a NUL stands behind them, and does not count. Good until the next change. */
char *buf_str(struct buf *b);

static inline struct slice
buf_view(const struct buf *b)
{
	return (struct slice){ b->p, b->n };
}

void buf_free(struct buf *b);

#endif
