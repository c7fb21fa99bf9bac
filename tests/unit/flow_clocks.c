/* A time placed on another clock is where that clock stood, to what the readings allow; the way back comes out where it
 * began; order is kept; what cannot be placed is told. */
#include <stdlib.h>
#include <string.h>

#include "flow/clocks.h"
#include "trace/shapes.h"
#include "unit.h"

static struct shapes shapes;

/* A reading of a host whose monotonic runs 20 ppm faster than its raw clock, and changes its speed at 50 s; whose
 * realtime is `wall` ahead of its monotonic. */
static int64_t
monotonic_at(int64_t raw)
{
	int64_t first = raw < 50000000000 ? raw : 50000000000;

	return raw + first / 50000 + (raw - first) / 20000 + 777;
}

static void
add(struct clocks *c, unsigned stream, const char *host, bool on_raw, int64_t raw, int64_t wall)
{
	const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("monotonic_raw"), TRACE_INT }, { SLICE("monotonic"), TRACE_INT },
		{ SLICE("realtime"), TRACE_INT }, { SLICE("boottime"), TRACE_INT },
		{ SLICE("src"), TRACE_INT } };
	int64_t mono = monotonic_at(raw);
	union trace_value v[] = { { .i = on_raw ? raw : mono }, { .i = raw }, { .i = mono },
		{ .i = mono + wall }, { .i = mono + 5 }, { .i = 3 } };
	struct trace_record r = { shapes_get(&shapes, SLICE("clock"), field, 6), v };

	clocks_add(c, stream, slice_of(host), &r);
}

static bool
near(int64_t a, int64_t b, int64_t by)
{
	return a - b <= by && b - a <= by;
}

static struct clock_axis
axis(const char *clock, const char *host)
{
	return (struct clock_axis){ slice_of(clock), slice_of(host) };
}

static const int64_t WALL = 1700000000000000000;

static void
times_are_placed_where_the_clock_stood(void)
{
	struct clocks c = CLOCKS_INIT;
	struct clock_axis raw = axis("monotonic_raw", "n1"), mono = axis("monotonic", "n1"),
			  real = axis("realtime", ""), far = axis("monotonic", "n2");
	struct clock_path there, back, over;
	struct error e;
	int64_t before = INT64_MIN;

	for (int64_t s = 10; s <= 90; s += 5) {
		add(&c, 0, "n1", true, s * 1000000000, WALL);
		add(&c, 1, "n2", false, s * 1000000000 + 4000000000, WALL - 3000000000);
	}
	CLAIM(clock_axis_same(&raw, &raw) && !clock_axis_same(&raw, &mono));
	CLAIM(!clock_axis_same(&mono, &far) && clock_axis_same(&real, &real));
	CLAIM(clocks_path(&c, 0, &raw, &raw, &there, &e) == 0 && there.maps == 0);
	CLAIM(clock_path_at(&there, 12345) == 12345);
	CLAIM(clocks_path(&c, 0, &raw, &mono, &there, &e) == 0 && there.maps == 1);
	CLAIM(clocks_path(&c, 7, &mono, &raw, &back, &e) == 0); /* a stream without readings */
	for (int64_t t = 1000000000; t < 100000000000; t += 37012345) {
		int64_t at = clock_path_at(&there, t);

		CLAIM(near(at, monotonic_at(t), 2));
		CLAIM(at > before);
		CLAIM(near(clock_path_at(&back, at), t, 2));
		before = at;
	}
	/* Out of order, too: what was found for the last time is a hint. */
	CLAIM(near(clock_path_at(&there, 11000000000), monotonic_at(11000000000), 2));
	clock_path_free(&back);
	clock_path_free(&there);

	CLAIM(clocks_path(&c, 1, &far, &real, &over, &e) == 0 && over.maps == 1);
	CLAIM(near(clock_path_at(&over, monotonic_at(33000000000)),
	    monotonic_at(33000000000) + WALL - 3000000000, 2));
	clock_path_free(&over);
	/* From one host's monotonic to the other's: 3 s apart. */
	CLAIM(clocks_path(&c, 1, &far, &mono, &over, &e) == 0 && over.maps == 2);
	CLAIM(near(clock_path_at(&over, monotonic_at(33000000000)),
	    monotonic_at(33000000000) - 3000000000, 3));
	clock_path_free(&over);
	CLAIM(!clocks_other_boot(&c, 0, 1));
	add(&c, 2, "n1", true, 5000000000, WALL + 60000000000);
	CLAIM(clocks_other_boot(&c, 0, 2));
	clocks_free(&c);
}

static void
one_reading_does_for_clocks_of_the_kernel(void)
{
	struct clocks c = CLOCKS_INIT;
	struct clock_axis raw = axis("monotonic_raw", "n1"), real = axis("realtime", "n1"),
			  cycles = axis("cycles", "sim");
	struct clock_path way;
	struct error e;
	const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("realtime"), TRACE_INT } };
	union trace_value v[] = { { .i = 1000 }, { .i = 500 } };
	struct trace_record r;

	add(&c, 0, "n1", true, 1000000000, WALL);
	CLAIM(clocks_path(&c, 0, &raw, &real, &way, &e) == 0);
	CLAIM(clock_path_at(&way, 1000000000) == monotonic_at(1000000000) + WALL);
	CLAIM(clock_path_at(&way, 999999000) == monotonic_at(1000000000) + WALL - 1000);
	clock_path_free(&way);
	/* A simulator: 1 cycle is 0.5 ns, which two readings tell, and one does not. */
	r = (struct trace_record){ shapes_get(&shapes, SLICE("clock"), field, 2), v };
	clocks_add(&c, 1, SLICE("sim"), &r);
	CLAIM(clocks_path(&c, 1, &cycles, &real, &way, &e) < 0);
	clock_path_free(&way);
	v[0].i = 3000;
	v[1].i = 1500;
	clocks_add(&c, 1, SLICE("sim"), &r);
	CLAIM(clocks_path(&c, 1, &cycles, &real, &way, &e) == 0);
	CLAIM(clock_path_at(&way, 2000) == 1000 && clock_path_at(&way, 5000) == 2500 &&
	      clock_path_at(&way, 0) == 0);
	clock_path_free(&way);
	clocks_free(&c);
}

static void
what_cannot_be_placed_is_told(void)
{
	struct clocks c = CLOCKS_INIT;
	struct clock_axis raw = axis("monotonic_raw", "n1"), real = axis("realtime", "n1"),
			  cycles = axis("cycles", ""), none = axis("", "");
	struct clock_path way;
	struct error e;

	CLAIM(clock_axis_same(&none, &raw) && clock_axis_same(&raw, &none));
	CLAIM(clocks_path(&c, 0, &raw, &real, &way, &e) < 0);
	CLAIM(strstr(e.text, "realtime") != NULL);
	clock_path_free(&way);
	add(&c, 0, "n1", true, 1000000000, WALL);
	CLAIM(clocks_path(&c, 0, &raw, &cycles, &way, &e) < 0);
	CLAIM(strstr(e.text, "cycles") != NULL);
	clock_path_free(&way);
	/* Realtime was set back by an hour. */
	add(&c, 0, "n1", true, 6000000000, WALL - 3600000000000);
	CLAIM(clocks_path(&c, 0, &raw, &real, &way, &e) < 0);
	CLAIM(strstr(e.text, "set back by 3599999") != NULL);
	clock_path_free(&way);
	/* And forward: it jumps between two readings, and runs as it did before and behind. */
	clocks_free(&c);
	add(&c, 0, "n1", true, 1000000000, WALL);
	add(&c, 0, "n1", true, 6000000000, WALL + 3600000000000);
	CLAIM(clocks_path(&c, 0, &raw, &real, &way, &e) == 0);
	CLAIM(near(clock_path_at(&way, 2000000000), monotonic_at(2000000000) + WALL, 100000));
	CLAIM(near(clock_path_at(&way, 7000000000), monotonic_at(7000000000) + WALL + 3600000000000,
	    100000));
	clock_path_free(&way);
	clocks_free(&c);
}

int
main(void)
{
	times_are_placed_where_the_clock_stood();
	one_reading_does_for_clocks_of_the_kernel();
	what_cannot_be_placed_is_told();
	shapes_free(&shapes);
	return 0;
}
