/* Any bytes as a mangled name: demangled or not, in bounded time and memory. */
#include <stdint.h>

#include "code/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct slice out;

	if (demangle(&a, (struct slice){ (const char *)data, size }, &out) &&
	    (out.n == 0 || out.n > DEMANGLE_MAX))
		__builtin_trap();
	arena_free(&a);
	return 0;
}
