/* The format of a tracepoint, and a raw record behind a NUL that is read by it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "perf/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t result; /* so that every byte is really looked at */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *nul = size ? memchr(data, 0, size) : NULL;
	struct slice text = { (const char *)data, nul ? (size_t)(nul - (const char *)data) : size };
	struct slice raw = { nul, nul ? size - text.n : 0 };
	struct perf_format f;
	struct error e;
	uint64_t sum = 0;

	if (perf_format_parse(&f, SLICE("s"), text, &e) < 0)
		return 0;
	for (unsigned i = 0; i < f.fields; i++) {
		union perf_value v;

		if (perf_field_read(&f.field[i], raw, &v) < 0)
			continue;
		switch (f.field[i].kind) {
		case PERF_FIELD_INT:
		case PERF_FIELD_ADDR:
			sum += v.u;
			break;
		case PERF_FIELD_INTS:
		case PERF_FIELD_ADDRS:
			for (uint32_t k = 0; k < v.s.n / f.field[i].item; k++)
				sum += perf_field_item(&f.field[i], v.s, k);
			break;
		case PERF_FIELD_STR:
		case PERF_FIELD_BYTES:
			for (size_t k = 0; k < v.s.n; k++)
				sum += (unsigned char)v.s.p[k];
			break;
		}
	}
	perf_format_free(&f);
	result = sum;
	return 0;
}
