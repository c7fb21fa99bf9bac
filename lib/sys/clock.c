#include "sys/clock.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { ROUNDS = 5 };

int64_t
sys_clock_now(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t
tsc(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#elif defined(__aarch64__)
	uint64_t v;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
	return 0;
#endif
}

void
sys_clock_read(struct sys_clock_reading *reading)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		struct sys_clock_reading r;
		int64_t before = sys_clock_now(CLOCK_MONOTONIC_RAW), after;

		r.monotonic = sys_clock_now(CLOCK_MONOTONIC);
		r.tsc = tsc();
		r.realtime = sys_clock_now(CLOCK_REALTIME);
		r.boottime = sys_clock_now(CLOCK_BOOTTIME);
		after = sys_clock_now(CLOCK_MONOTONIC_RAW);
		r.monotonic_raw = before + (after - before) / 2;
		if (after - before < best) {
			best = after - before;
			*reading = r;
		}
	}
}

int64_t
sys_clock_of(const struct sys_clock_reading *r, clockid_t id)
{
	switch (id) {
	case CLOCK_MONOTONIC_RAW:
		return r->monotonic_raw;
	case CLOCK_MONOTONIC:
		return r->monotonic;
	case CLOCK_REALTIME:
		return r->realtime;
	case CLOCK_BOOTTIME:
		return r->boottime;
	default:
		return -1;
	}
}

int
sys_clock_find(const char *name, clockid_t *id, const char **canonical)
{
	static const struct {
		const char *name, *brief;
		clockid_t id;
	} clock[] = {
		{ "monotonic_raw", "raw", CLOCK_MONOTONIC_RAW },
		{ "monotonic", "mono", CLOCK_MONOTONIC },
		{ "realtime", "real", CLOCK_REALTIME },
		{ "boottime", "boot", CLOCK_BOOTTIME },
	};

	for (size_t i = 0; i < sizeof clock / sizeof clock[0]; i++)
		if (strcmp(name, clock[i].name) == 0 || strcmp(name, clock[i].brief) == 0) {
			*id = clock[i].id;
			*canonical = clock[i].name;
			return 0;
		}
	return -1;
}
