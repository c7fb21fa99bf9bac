#include "base/bytes.h"

const unsigned char *
leb128_get(const unsigned char *p, const unsigned char *end, uint64_t *v)
{
	uint64_t value = 0;

	for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
		uint64_t bits = *p & 0x7f;

		if (shift == 63 && bits > 1)
			return NULL;
		value |= bits << shift;
		if ((*p++ & 0x80) == 0) {
			*v = value;
			return p;
		}
	}
	return NULL;
}

const unsigned char *
sleb128_get(const unsigned char *p, const unsigned char *end, int64_t *v)
{
	uint64_t value = 0;
	unsigned shift = 0;

	while (p < end && shift < 70) {
		unsigned char byte = *p++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if (shift < 64 && (byte & 0x40))
			value |= ~(uint64_t)0 << shift;
		*v = (int64_t)value;
		return p;
	}
	return NULL;
}
