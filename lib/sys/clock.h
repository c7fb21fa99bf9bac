/* clock.h - readings of several clocks at one moment
 *
 * A trace has one clock; these pairs place it among the others. The clocks are read between two readings of
 * CLOCK_MONOTONIC_RAW, five times; the round with the smallest distance between the two is taken, and the middle of the
 * two is its monotonic_raw. On a quiet machine that is exact to some tens of nanoseconds.
 *
 * Units:     nanoseconds; tsc in cycles.
 * Ownership: none.
 * Errors:    sys_clock_find() returns -1 where the name is unknown.
 * Source:    clock_gettime(2); own.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct sys_clock_reading {
	int64_t monotonic_raw, monotonic, realtime, boottime;
	uint64_t tsc; /* 0 where the machine has none that programs may read */
};

void sys_clock_read(struct sys_clock_reading *reading);

/* One clock. */
int64_t sys_clock_now(clockid_t id);

/* What a reading says of the clock with this id; -1 where it is none of the four. */
int64_t sys_clock_of(const struct sys_clock_reading *reading, clockid_t id);

/* The clock with this name (monotonic_raw raw monotonic mono realtime real boottime boot), and the first, long form of
 * its name in *canonical. */
int sys_clock_find(const char *name, clockid_t *id, const char **canonical);

#endif
