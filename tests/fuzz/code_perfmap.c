/* Any bytes as a perf map: read to an end, and what was named is found again. */
#include <stdint.h>

#include "code/perfmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perfmap m = PERFMAP_INIT;
	size_t used = perfmap_parse(&m, (struct slice){ (const char *)data, size });

	if (used > size || (used > 0 && data[used - 1] != '\n'))
		__builtin_trap();
	for (size_t i = 0; i < m.symbols.n; i++) {
		uint64_t addr = m.symbols.symbol[i].addr;

		if (m.symbols.symbol[i].size > 0 && symbols_find(&m.symbols, addr) == NULL)
			__builtin_trap();
	}
	perfmap_free(&m);
	return 0;
}
