#include "trace/column.h"

/* These loops run over whole columns: vectors of what the processor has make them three times as fast. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define VECTOR_LOOPS __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define VECTOR_LOOPS
#endif

enum { WIDTH = 15, DELTA = 16, WIDTH_MAX = 8, SAMPLED = 256 };

static unsigned
width_of(uint64_t range)
{
	return range ? (unsigned)(71 - __builtin_clzll(range)) / 8 : 0;
}

struct range {
	int64_t min, max;
};

VECTOR_LOOPS static struct range
range_of(const uint64_t *v, size_t n)
{
	struct range r = { (int64_t)v[0], (int64_t)v[0] };

	for (size_t i = 1; i < n; i++) {
		int64_t x = (int64_t)v[i];

		r.min = x < r.min ? x : r.min;
		r.max = x > r.max ? x : r.max;
	}
	return r;
}

VECTOR_LOOPS static struct range
range_of_deltas(const uint64_t *v, size_t n)
{
	struct range r = { (int64_t)(v[1] - v[0]), (int64_t)(v[1] - v[0]) };

	for (size_t i = 2; i < n; i++) {
		int64_t x = (int64_t)(v[i] - v[i - 1]);

		r.min = x < r.min ? x : r.min;
		r.max = x > r.max ? x : r.max;
	}
	return r;
}

#define PACK(type, value)                                                                          \
	for (size_t i = 0; i < n; i++) {                                                           \
		type x = (type)(value);                                                            \
		memcpy(out + i * sizeof x, &x, sizeof x);                                          \
	}

/* The words of v[i] - base, or of v[i] - v[i - 1] - base where v[-1] is there to be read. */
VECTOR_LOOPS static void
pack(char *out, const uint64_t *v, size_t n, uint64_t base, bool delta, unsigned width)
{
	if (delta) {
		if (width == 1) {
			PACK(uint8_t, v[i] - (v - 1)[i] - base)
		} else if (width == 2) {
			PACK(uint16_t, v[i] - (v - 1)[i] - base)
		} else if (width == 4) {
			PACK(uint32_t, v[i] - (v - 1)[i] - base)
		} else {
			for (size_t i = 0; i < n; i++) {
				uint64_t x = v[i] - (v - 1)[i] - base;

				memcpy(out + i * width, &x, sizeof x);
			}
		}
		return;
	}
	if (width == 1) {
		PACK(uint8_t, v[i] - base)
	} else if (width == 2) {
		PACK(uint16_t, v[i] - base)
	} else if (width == 4) {
		PACK(uint32_t, v[i] - base)
	} else {
		for (size_t i = 0; i < n; i++) {
			uint64_t x = v[i] - base;

			memcpy(out + i * width, &x, sizeof x);
		}
	}
}

/* Whether deltas are the smaller numbers where both need as many bytes: an outlier makes them as wide, and what is small
 * compresses. A few values tell. */
static bool
deltas_are_smaller(const uint64_t *v, size_t n, uint64_t least, uint64_t least_delta)
{
	size_t step = n / SAMPLED + 1;
	int bits = 0;

	for (size_t i = 1; i < n; i += step)
		bits += __builtin_clzll((v[i] - v[i - 1] - least_delta) | 1) -
			__builtin_clzll((v[i] - least) | 1);
	return bits > 0;
}

void
column_put(struct buf *b, const uint64_t *v, size_t n, bool id)
{
	struct range plain, deltas = { 0 };
	unsigned width, delta_width = WIDTH_MAX;
	bool delta = false;

	if (n == 0) {
		buf_char(b, 0);
		return;
	}
	plain = range_of(v, n);
	width = width_of((uint64_t)plain.max - (uint64_t)plain.min);
	if (!id && n > 1 && width > 0) {
		deltas = range_of_deltas(v, n);
		delta_width = width_of((uint64_t)deltas.max - (uint64_t)deltas.min);
		delta = delta_width < width ||
			(delta_width == width &&
			    deltas_are_smaller(v, n, (uint64_t)plain.min, (uint64_t)deltas.min));
	}
	if (delta) {
		buf_char(b, (char)(DELTA + delta_width));
		buf_leb128(b, zigzag(deltas.min));
		buf_leb128(b, zigzag((int64_t)v[0]));
		v++;
		n--;
		width = delta_width;
	} else {
		buf_char(b, (char)width);
		buf_leb128(b, zigzag(plain.min));
	}
	if (width == 0)
		return;
	/* Words of odd widths are stored eight bytes wide, the next one over the surplus of the last. */
	buf_room(b, n * width + sizeof(uint64_t));
	pack(b->p + b->n, v, n, (uint64_t)(delta ? deltas.min : plain.min), delta, width);
	b->n += n * width;
}

/* Reads what stands before the values. */
static const unsigned char *
head(const unsigned char *p, const unsigned char *end, size_t n, unsigned *mode, uint64_t *base,
    uint64_t *first)
{
	uint64_t word;

	if (p >= end)
		return NULL;
	*mode = *p++;
	if ((*mode & WIDTH) > WIDTH_MAX || (*mode & ~(WIDTH | DELTA)))
		return NULL;
	if (n == 0)
		return p;
	p = leb128_get(p, end, &word);
	if (p == NULL)
		return NULL;
	*base = (uint64_t)unzigzag(word);
	if (*mode & DELTA) {
		p = leb128_get(p, end, &word);
		*first = (uint64_t)unzigzag(word);
	}
	return p;
}

const unsigned char *
column_skip(const unsigned char *p, const unsigned char *end, size_t n)
{
	uint64_t base, first;
	unsigned mode;

	p = head(p, end, n, &mode, &base, &first);
	if (p == NULL || n == 0)
		return p;
	if (mode & DELTA)
		n--;
	if ((mode & WIDTH) && n > (size_t)(end - p) / (mode & WIDTH))
		return NULL;
	return p + n * (mode & WIDTH);
}

#define UNPACK(type)                                                                               \
	for (size_t i = 0; i < n; i++) {                                                           \
		type x;                                                                            \
		memcpy(&x, p + i * sizeof x, sizeof x);                                            \
		v[i] = base + x;                                                                   \
	}

/* A word of 3, 5, 6 or 7 bytes. */
static uint64_t
odd(const unsigned char *p, unsigned width)
{
	uint64_t x = 0;

	memcpy(&x, p, width);
	return x;
}

VECTOR_LOOPS static void
unpack(const unsigned char *p, size_t n, unsigned width, uint64_t base, uint64_t *v)
{
	switch (width) {
	case 0:
		for (size_t i = 0; i < n; i++)
			v[i] = base;
		break;
	case 1:
		UNPACK(uint8_t)
		break;
	case 2:
		UNPACK(uint16_t)
		break;
	case 4:
		UNPACK(uint32_t)
		break;
	case 8:
		UNPACK(uint64_t)
		break;
	default:
		/* Words of odd widths are read four or eight bytes wide, all but the last, behind which nothing may stand. */
		if (width == 3) {
			for (size_t i = 0; i + 1 < n; i++)
				v[i] = base + (load32(p + 3 * i) & 0xffffff);
		} else {
			uint64_t mask = ((uint64_t)1 << 8 * width) - 1;

			for (size_t i = 0; i + 1 < n; i++)
				v[i] = base + (load64(p + i * width) & mask);
		}
		if (n > 0)
			v[n - 1] = base + odd(p + (n - 1) * width, width);
	}
}

const unsigned char *
column_get(const unsigned char *p, size_t n, uint64_t *v)
{
	uint64_t base = 0, first = 0;
	unsigned mode, width;

	p = head(p, p + 1 + 2 * LEB128_MAX, n, &mode, &base, &first);
	if (n == 0)
		return p;
	width = mode & WIDTH;
	if ((mode & DELTA) == 0) {
		unpack(p, n, width, base, v);
		return p + n * width;
	}
	v[0] = first;
	unpack(p, n - 1, width, base, v + 1);
	for (size_t i = 1; i < n; i++)
		v[i] += v[i - 1];
	return p + (n - 1) * width;
}

uint64_t
column_max(const unsigned char *p, size_t n)
{
	uint64_t base = 0, first = 0, max = 0;
	unsigned mode, width;

	p = head(p, p + 1 + 2 * LEB128_MAX, n, &mode, &base, &first);
	if (mode & DELTA)
		return UINT64_MAX;
	width = mode & WIDTH;
	if (width == 1) {
		uint8_t top = 0;

		for (size_t i = 0; i < n; i++)
			top = p[i] > top ? p[i] : top;
		max = top;
	} else if (width == 2) {
		uint16_t top = 0;

		for (size_t i = 0; i < n; i++) {
			uint16_t x = load16(p + 2 * i);

			top = x > top ? x : top;
		}
		max = top;
	} else {
		for (size_t i = 0; width > 0 && i < n; i++) {
			uint64_t x = odd(p + i * width, width);

			max = x > max ? x : max;
		}
	}
	return base + max < base ? UINT64_MAX : base + max;
}
