/* error.h - one line that says what went wrong, carried up to a caller that can print it
 *
 * Units:     none.
 * Ownership: the caller holds the struct.
 * Errors:    none; a text that is too long is cut.
 * Source:    own.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
	char text[512];
};

/* Sets the text, and returns -1, so that a function can end with `return error_set(e, ...)`. e may be NULL. */
int error_set(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
