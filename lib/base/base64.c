#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *to, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	char *out = buf_room(to, (n + 2) / 3 * 4);

	for (; n >= 3; p += 3, n -= 3) {
		*out++ = letters[p[0] >> 2];
		*out++ = letters[(p[0] & 3) << 4 | p[1] >> 4];
		*out++ = letters[(p[1] & 15) << 2 | p[2] >> 6];
		*out++ = letters[p[2] & 63];
	}
	if (n > 0) {
		*out++ = letters[p[0] >> 2];
		*out++ = letters[(p[0] & 3) << 4 | (n > 1 ? p[1] >> 4 : 0)];
		*out++ = n > 1 ? letters[(p[1] & 15) << 2] : '=';
		*out++ = '=';
	}
	to->n = (size_t)(out - to->p);
}

/* The six bits that a letter stands for, or -1. */
static int
digit(unsigned char c)
{
	if ((unsigned)(c | 32) - 'a' < 26)
		return c & 32 ? c - 'a' + 26 : c - 'A';
	if ((unsigned)c - '0' < 10)
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
base64_decode(struct buf *to, struct slice text)
{
	size_t pad = 0, start = to->n;
	uint32_t word = 0;

	if (text.n % 4 != 0)
		return -1;
	while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
		pad++;
	buf_room(to, text.n / 4 * 3);
	for (size_t i = 0; i < text.n - pad; i++) {
		int d = digit((unsigned char)text.p[i]);

		if (d < 0) {
			to->n = start;
			return -1;
		}
		word = word << 6 | (uint32_t)d;
		if (i % 4 == 3) {
			unsigned char triple[] = { (unsigned char)(word >> 16),
				(unsigned char)(word >> 8), (unsigned char)word };

			buf_put(to, triple, 3);
			word = 0;
		}
	}
	if (pad > 0) {
		unsigned char pair[] = { (unsigned char)(word >> (pad == 1 ? 10 : 4)),
			(unsigned char)(word >> 2) };

		if (word & (pad == 1 ? 3 : 15)) {
			to->n = start;
			return -1;
		}
		buf_put(to, pair, 3 - pad);
	}
	return 0;
}
