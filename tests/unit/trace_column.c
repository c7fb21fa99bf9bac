/* A column decodes to what was put, in as few bytes as its range allows, and nothing is read beyond its end. */
#include <stdlib.h>

#include "trace/column.h"
#include "unit.h"

static uint64_t seed = 1;

static uint64_t
draw(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return seed ^ seed >> 29;
}

static void
same_after_coding(const uint64_t *v, size_t n, bool id)
{
	struct buf b = BUF_INIT;
	uint64_t *back = malloc((n + 1) * sizeof *back), max = 0;
	unsigned char *exact;
	const unsigned char *end;

	column_put(&b, v, n, id);
	exact = malloc(b.n);
	memcpy(exact, b.p, b.n);
	end = exact + b.n;
	CLAIM(column_skip(exact, end, n) == end);
	for (size_t cut = 0; cut < b.n && cut < 40; cut++)
		CLAIM(column_skip(exact, exact + cut, n) == NULL);
	back[n] = 0x5a5a;
	CLAIM(column_get(exact, n, back) == end);
	CLAIM(back[n] == 0x5a5a);
	for (size_t i = 0; i < n; i++) {
		CLAIM(back[i] == v[i]);
		max = v[i] > max ? v[i] : max;
	}
	if (id && n > 0)
		CLAIM(column_max(exact, n) >= max);
	if (id && n > 0 && max < INT64_MAX)
		CLAIM(column_max(exact, n) == max);
	free(exact);
	free(back);
	buf_free(&b);
}

static void
any_width_any_length(void)
{
	uint64_t v[300];

	for (unsigned bits = 0; bits <= 64; bits++)
		for (unsigned round = 0; round < 40; round++) {
			size_t n = round < 5 ? round : draw() % 300;
			uint64_t base = draw();

			for (size_t i = 0; i < n; i++)
				v[i] = base + (bits ? draw() >> (64 - bits) : 0);
			same_after_coding(v, n, false);
			for (size_t i = 1; i < n; i++)
				v[i] = v[i - 1] + (bits ? draw() >> (64 - bits) : 0);
			same_after_coding(v, n, false);
			for (size_t i = 0; i < n; i++)
				v[i] = bits ? draw() >> (64 - bits) : 0;
			same_after_coding(v, n, true);
		}
}

static size_t
size_of(const uint64_t *v, size_t n)
{
	struct buf b = BUF_INIT;
	size_t size;

	column_put(&b, v, n, false);
	size = b.n;
	buf_free(&b);
	return size;
}

static void
no_more_bytes_than_needed(void)
{
	uint64_t v[256];

	for (size_t i = 0; i < 256; i++)
		v[i] = 7;
	CLAIM(size_of(v, 256) == 2);
	for (size_t i = 0; i < 256; i++)
		v[i] = 1000000 * i;
	CLAIM(size_of(v, 256) == 1 + 3 + 1);
	for (size_t i = 0; i < 256; i++)
		v[i] = 0xffffffff81000000 + (i * 37) % 251;
	CLAIM(size_of(v, 256) == 1 + 5 + 256);
	for (size_t i = 0; i < 256; i++)
		v[i] = (i % 2 ? 0xffffffff81000000 : 0x7f0000000000) + i;
	CLAIM(size_of(v, 256) <= 1 + 8 + 10 + 256 * 6);
}

int
main(void)
{
	any_width_any_length();
	no_more_bytes_than_needed();
	return 0;
}
