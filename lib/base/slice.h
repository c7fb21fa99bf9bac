/* slice.h - a borrowed run of bytes
 *
 * A struct slice never owns its bytes and is not NUL-terminated. It is passed by value. Print it with
 * printf("%.*s", SLICE_ARG(s)).
 *
 * Units:     bytes.
 * Ownership: whoever made the bytes keeps them; a slice is good as long as they are.
 * Errors:    none.
 * Source:    own.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* The slice of a string literal. */
#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })
#define SLICE_ARG(s)   (int)(s).n, (s).p

/* The slice of a C string; NULL gives the empty slice. */
struct slice slice_of(const char *s);

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte order, a prefix before what extends it: <0, 0 or >0. */
int slice_cmp(struct slice a, struct slice b);

bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);

/* Cuts *s at its first delim, or at its end, and returns what stood before; *s keeps what follows. */
struct slice slice_cut(struct slice *s, char delim);

/* Without blanks and TABs at both ends. */
struct slice slice_trim(struct slice s);

/* What follows the last '/'; all of s where there is none. */
struct slice slice_basename(struct slice s);

#endif
