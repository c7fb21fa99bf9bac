/* alloc.h - memory that is always there
 *
 * Out of memory ends the process with status 2 and one line on standard error; no other error in lib/ is treated so.
 *
 * Units:     bytes and items.
 * Ownership: results are the caller's, for free(3).
 * Errors:    none that return.
 * Source:    own.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrndup(const char *p, size_t n);

/* Room for at least need items of size bytes in an array of *cap: grows it by half or more, and returns where it is. */
void *xgrow(void *p, size_t *cap, size_t need, size_t size);

/* Makes room in array a of capacity cap (a size_t) for index n. */
#define GROW(a, cap, n)                                                                            \
	((size_t)(n) < (cap) ? (void)0                                                             \
			     : (void)((a) = xgrow((a), &(cap), (size_t)(n) + 1, sizeof *(a))))

#endif
