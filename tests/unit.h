/* unit.h - a unit test is a program that dies at its first false claim
 *
 * Units:     none.
 * Ownership: none.
 * Errors:    a false claim ends the process with status 1; unit_skip() with 77 and the reason.
 * Source:    own.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CLAIM(x) ((x) ? (void)0 : unit_fail(__FILE__, __LINE__, #x))

static inline void
unit_fail(const char *file, int line, const char *claim)
{
	fprintf(stderr, "%s:%d: false: %s\n", file, line, claim);
	exit(1);
}

/* Random numbers, the same in each run: xorshift64* of S. Vigna. A test may set the seed, but not to 0. */
static uint64_t unit_seed = 88172645463325252u;

static inline uint64_t
unit_random(void)
{
	unit_seed ^= unit_seed << 13;
	unit_seed ^= unit_seed >> 7;
	unit_seed ^= unit_seed << 17;
	return unit_seed * 0x2545f4914f6cdd1d;
}

/* 0 <= what comes < below. */
static inline uint64_t
unit_draw(uint64_t below)
{
	return (unit_random() >> 11) % below;
}

/* This machine cannot run the test. */
static inline void
unit_skip(const char *reason)
{
	fprintf(stderr, "skip: %s\n", reason);
	exit(77);
}

#endif
