/* bytes.h - numbers in bytes: unaligned little-endian words, LEB128, zigzag
 *
 * Units:     none.
 * Ownership: none.
 * Errors:    leb128_get() returns NULL where the bytes end too early or the number does not fit in 64 bits.
 * Source:    LEB128 and its signed form: DWARF 5, 7.6; zigzag: Protocol Buffers encoding.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "leat runs on little-endian machines");

#define BYTES_LOAD(type, p)                                                                        \
	({                                                                                         \
		type v_;                                                                           \
		memcpy(&v_, (p), sizeof v_);                                                       \
		v_;                                                                                \
	})

static inline uint16_t
load16(const void *p)
{
	return BYTES_LOAD(uint16_t, p);
}

static inline uint32_t
load32(const void *p)
{
	return BYTES_LOAD(uint32_t, p);
}

static inline uint64_t
load64(const void *p)
{
	return BYTES_LOAD(uint64_t, p);
}

static inline void
store32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void
store64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline uint64_t
zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

enum { LEB128_MAX = 10 };

/* Writes v at p (room for LEB128_MAX), returns the end. */
static inline unsigned char *
leb128_put(unsigned char *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	*p++ = (unsigned char)v;
	return p;
}

/* Reads an unsigned LEB128 number in p..end into *v, returns what follows it. */
const unsigned char *leb128_get(const unsigned char *p, const unsigned char *end, uint64_t *v);

/* The same for the signed form of DWARF (sign-extended, not zigzag). */
const unsigned char *sleb128_get(const unsigned char *p, const unsigned char *end, int64_t *v);

#endif
