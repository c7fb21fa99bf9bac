/* demangle.h - names of C++ and Rust as their programmers wrote them
 *
 * Functions are written without their parameters (`ns::f<int>`), as perf(1) prints them; legacy Rust names without
 * their hash. A few microseconds a name: keep the result. One thread at a time.
 *
 * Units:     bytes.
 * Ownership: the result is the arena's.
 * Errors:    false where the name is not mangled, is damaged, or would be longer than DEMANGLE_MAX.
 * Source:    Itanium C++ ABI 5.1, Rust RFC 2603, as in libiberty, which does the work.
 */
#ifndef CODE_DEMANGLE_H
#define CODE_DEMANGLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"

enum { DEMANGLE_MAX = 1 << 16 };

/* True for what may be mangled; cheap. */
static inline bool
demangle_wanted(struct slice name)
{
	return name.n > 2 && name.p[0] == '_' &&
	       (name.p[1] == 'Z' || name.p[1] == 'R' || name.p[1] == 'G');
}

bool demangle(struct arena *a, struct slice name, struct slice *out);

#endif
