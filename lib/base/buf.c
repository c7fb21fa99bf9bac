#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

void
buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t n = sizeof digits;

	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	buf_put(b, digits + n, sizeof digits - n);
}

void
buf_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void
buf_hex(struct buf *b, uint64_t v)
{
	char digits[18];
	size_t n = sizeof digits;

	do
		digits[--n] = "0123456789abcdef"[v & 15];
	while (v >>= 4);
	digits[--n] = 'x';
	digits[--n] = '0';
	buf_put(b, digits + n, sizeof digits - n);
}

void
buf_f64(struct buf *b, double v)
{
	char text[40];

	if (isnan(v) || isinf(v)) {
		buf_slice(b, slice_of(isnan(v) ? "nan" : v < 0 ? "-inf" : "inf"));
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_slice(b, slice_of(text));
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	va_start(ap, format);
	vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, format, ap);
	va_end(ap);
	b->n += (size_t)n;
}

char *
buf_str(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->p;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT;
}
