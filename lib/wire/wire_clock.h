/* wire_clock.h - the processor's counter, and what it means in nanoseconds
 *
 * Whoever records reads the counter alone; the recorder reads it together with CLOCK_MONOTONIC_RAW, at the beginning of
 * each of its rounds, and places a time between the two readings around it, on a straight line. So the error of a time is
 * that of a reading, and does not grow: half of what lies between two calls of clock_gettime(2), some tens of nanoseconds.
 *
 * Units:     ticks of the clock; nanoseconds of CLOCK_MONOTONIC_RAW.
 * Ownership: none.
 * Errors:    none.
 * Source:    Intel SDM 3B 18.17 (invariant TSC); Arm ARM D13 (CNTVCT_EL0); own.
 */
#ifndef WIRE_WIRE_CLOCK_H
#define WIRE_WIRE_CLOCK_H

#include <time.h>

#include "wire/wire.h"

static inline uint64_t
wire_clock_raw(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What the clock says now. */
static inline uint64_t
wire_clock_ticks(enum wire_clock clock)
{
	if (clock == WIRE_RAW)
		return wire_clock_raw();
#if defined __x86_64__
	return __builtin_ia32_rdtsc();
#elif defined __aarch64__
	uint64_t v;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
	return 0;
#endif
}

/* Whether the counter runs evenly, and alike on all CPUs: the kernel itself keeps time by it. */
bool wire_clock_counter_is_sound(void);

/* The same moment on both clocks; `error` is how far apart they may be at most. */
struct wire_pair {
	uint64_t ticks, ns, error;
};

struct wire_pair wire_clock_pair(enum wire_clock clock);

/* A straight line through two pairs, the first of them not the later. */
struct wire_line {
	uint64_t ticks, ns; /* where it begins */
	uint64_t rate;      /* nanoseconds a tick, times 2^32 */
};

struct wire_line wire_line(const struct wire_pair *a, const struct wire_pair *b);

static inline uint64_t
wire_line_ns(const struct wire_line *line, uint64_t ticks)
{
	/* what is before the beginning is at it */
	if (ticks <= line->ticks)
		return line->ns;
	return line->ns + (uint64_t)(((__uint128_t)(ticks - line->ticks) * line->rate) >> 32);
}

#endif
