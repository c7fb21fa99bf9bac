/* Any bytes decode to a block that can be read whole, or to an error: what no checksum protects. */
#include <stdint.h>

#include "trace/block_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
sum_value(enum trace_kind kind, const union trace_value *v)
{
	uint64_t sum = 0;

	switch (kind) {
	case TRACE_STR:
	case TRACE_BYTES:
		for (size_t i = 0; i < v->s.n; i++)
			sum += (unsigned char)v->s.p[i];
		return sum;
	case TRACE_INTS:
	case TRACE_ADDRS:
		for (uint32_t i = 0; i < v->list.n; i++)
			sum += v->list.u[i];
		return sum;
	case TRACE_STRS:
		for (uint32_t i = 0; i < v->list.n; i++)
			sum += v->list.s[i].n;
		return sum;
	default:
		return v->u;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shapes shapes = { 0 };
	struct trace_block *b = block_new(&shapes);
	volatile uint64_t sum = 0;
	struct error e;

	if (size < 1 << 16 && block_decode(b, data, size, &e) == 0)
		for (unsigned s = 0; s < b->shapes; s++)
			for (unsigned f = 0; f < b->shape[s]->fields; f++)
				for (uint32_t row = 0; row < b->rows[s] && row < 1000; row++) {
					union trace_value v = trace_block_value(b, s, f, row);

					sum += sum_value(b->shape[s]->field[f].kind, &v);
				}
	block_free(b);
	shapes_free(&shapes);
	return 0;
}
