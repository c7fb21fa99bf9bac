/* unit.h - a unit test is a program that dies at its first false claim
 *
 * Units:     none.
 * Ownership: none.
 * Errors:    a false claim ends the process with status 1; unit_skip() with 77 and the reason.
 * Source:    own.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdio.h>
#include <stdlib.h>

#define CLAIM(x) ((x) ? (void)0 : unit_fail(__FILE__, __LINE__, #x))

static inline void
unit_fail(const char *file, int line, const char *claim)
{
	fprintf(stderr, "%s:%d: false: %s\n", file, line, claim);
	exit(1);
}

/* This machine cannot run the test. */
static inline void
unit_skip(const char *reason)
{
	fprintf(stderr, "skip: %s\n", reason);
	exit(77);
}

#endif
