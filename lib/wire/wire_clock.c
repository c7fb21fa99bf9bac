#include "wire/wire_clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/slice.h"

enum { TRIES = 5 };

static bool
has_flags(struct slice flags, struct slice a, struct slice b)
{
	bool has_a = false, has_b = false;

	while (flags.n > 0) {
		struct slice word = slice_cut(&flags, ' ');

		has_a = has_a || slice_eq(word, a);
		has_b = has_b || slice_eq(word, b);
	}
	return has_a && has_b;
}

/* The first line of flags: processors of one machine have the same. */
static bool
is_invariant(void)
{
	bool found = false;
	char *text;
	size_t n;

	if (io_slurp("/proc/cpuinfo", &text, &n) < 0)
		return false;
	for (struct slice rest = { text, n }; rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n');

		if (!slice_starts(line, SLICE("flags")))
			continue;
		found = has_flags(line, SLICE("constant_tsc"), SLICE("nonstop_tsc"));
		break;
	}
	free(text);
	return found;
}

bool
wire_clock_counter_is_sound(void)
{
	struct slice name;
	bool sound;
	char *text;
	size_t n;

#if defined __aarch64__
	return true;
#elif !defined __x86_64__
	return false;
#endif
	if (io_slurp(
		"/sys/devices/system/clocksource/clocksource0/current_clocksource", &text, &n) < 0)
		return false;
	name = slice_trim((struct slice){ text, n });
	if (name.n > 0 && name.p[name.n - 1] == '\n')
		name.n--;
	sound =
	    (slice_eq(name, SLICE("tsc")) || slice_eq(name, SLICE("kvm-clock"))) && is_invariant();
	free(text);
	return sound;
}

struct wire_pair
wire_clock_pair(enum wire_clock clock)
{
	struct wire_pair best = { .error = UINT64_MAX };

	if (clock == WIRE_RAW) {
		best.ticks = best.ns = wire_clock_raw();
		best.error = 0;
		return best;
	}
	for (int i = 0; i < TRIES; i++) {
		uint64_t before = wire_clock_raw(), ticks = wire_clock_ticks(clock),
			 after = wire_clock_raw(), error = (after - before + 1) / 2;

		if (error < best.error)
			best = (struct wire_pair){ ticks, before + (after - before) / 2, error };
	}
	return best;
}

struct wire_line
wire_line(const struct wire_pair *a, const struct wire_pair *b)
{
	struct wire_line line = { a->ticks, a->ns, 0 };

	if (b->ticks > a->ticks && b->ns > a->ns)
		line.rate =
		    (uint64_t)(((__uint128_t)(b->ns - a->ns) << 32) / (b->ticks - a->ticks));
	return line;
}
