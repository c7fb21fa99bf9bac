#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "flow/clocks.h"

/* Readings this near to each other say nothing of how fast a clock runs; a clock that was not set differs by no more than
 * STEERED of a second in a second, and a reading is exact to NOISE. Starting a machine takes longer than BOOT. */
static const int64_t NEAR = 100000000, NOISE = 1000000, BOOT = 10000000000;
static const int64_t STEERED = 1000; /* parts: 0.1 % */

static bool
is_kernel_clock(struct slice name)
{
	static const char *const names[] = { "monotonic_raw", "monotonic", "realtime", "boottime",
		"tai", "perf" };

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_eq(name, slice_of(names[i])))
			return true;
	return false;
}

static int
name_of(const struct clocks *c, struct slice name)
{
	for (unsigned i = 0; i < c->names; i++)
		if (slice_eq(c->name[i], name))
			return (int)i;
	return -1;
}

void
clocks_add(struct clocks *c, unsigned stream, struct slice host, const struct trace_record *r)
{
	int t = trace_field_of(r->shape, SLICE("t"), TRACE_INT);
	struct clocks_reading *x;

	if (t < 0)
		return;
	GROW(c->reading, c->cap, c->readings);
	x = &c->reading[c->readings++];
	*x = (struct clocks_reading){
		.stream = stream, .host = arena_copy(&c->arena, host), .t = r->value[t].i
	};
	for (unsigned f = 0; f < r->shape->fields; f++) {
		struct slice name = r->shape->field[f].name;
		int n = name_of(c, name);

		if ((int)f == t || r->shape->field[f].kind != TRACE_INT ||
		    slice_eq(name, SLICE("src")))
			continue;
		if (n < 0 && c->names == CLOCKS_NAMES)
			continue;
		if (n < 0) {
			n = (int)c->names++;
			c->name[n] = arena_copy(&c->arena, name);
		}
		x->value[n] = r->value[f].i;
		x->known |= 1u << n;
	}
}

static const struct clocks_reading *
first_of(const struct clocks *c, unsigned stream, unsigned known)
{
	for (size_t i = 0; i < c->readings; i++)
		if (c->reading[i].stream == stream && (c->reading[i].known & known) == known)
			return &c->reading[i];
	return NULL;
}

bool
clocks_other_boot(const struct clocks *c, unsigned one, unsigned other)
{
	int real = name_of(c, SLICE("realtime")), boot = name_of(c, SLICE("boottime"));
	const struct clocks_reading *a, *b;
	int64_t difference;

	if (real < 0 || boot < 0)
		return false;
	a = first_of(c, one, 1u << real | 1u << boot);
	b = first_of(c, other, 1u << real | 1u << boot);
	if (a == NULL || b == NULL)
		return false;
	difference = (a->value[real] - a->value[boot]) - (b->value[real] - b->value[boot]);
	return difference > BOOT || difference < -BOOT;
}

static bool
same_host(struct slice a, struct slice b)
{
	return a.n == 0 || b.n == 0 || slice_eq(a, b);
}

bool
clock_axis_same(const struct clock_axis *a, const struct clock_axis *b)
{
	if (a->clock.n == 0 || b->clock.n == 0)
		return true;
	return slice_eq(a->clock, b->clock) &&
	       (slice_eq(a->clock, SLICE("realtime")) || same_host(a->host, b->host));
}

/* ---- maps ---- */

static int
by_x(const void *a, const void *b)
{
	int64_t x = ((const struct clock_point *)a)->x, y = ((const struct clock_point *)b)->x;

	return x < y ? -1 : x > y;
}

static void
add_point(struct clock_map *m, int64_t x, int64_t y)
{
	GROW(m->point, m->cap, m->points);
	m->point[m->points++] = (struct clock_point){ x, y };
}

/* In order, without doubles; -1 where y goes back. */
static int
settle(struct clock_map *m, struct slice name, struct error *e)
{
	size_t n = 0;

	qsort(m->point, m->points, sizeof *m->point, by_x);
	for (size_t i = 0; i < m->points; i++) {
		struct clock_point p = m->point[i];

		if (n > 0 && p.x == m->point[n - 1].x)
			continue;
		if (n > 0 && p.y <= m->point[n - 1].y) {
			/* Two that were read together may cross by what reading takes. */
			if (m->point[n - 1].y - p.y <= NOISE)
				continue;
			return error_set(e,
			    "its clock %.*s was set back by %" PRId64
			    " ns while it ran: --clock another one",
			    SLICE_ARG(name), m->point[n - 1].y - p.y + (p.x - m->point[n - 1].x));
		}
		m->point[n++] = p;
	}
	m->points = n;
	return 0;
}

/* How the map runs from point a to b: false where it says nothing of the speed, or the clock was set in between. */
static bool
is_straight(const struct clock_map *m, const struct clock_point *a, const struct clock_point *b)
{
	int64_t dx = b->x - a->x, off = (b->y - a->y) - dx;

	if (!m->alike)
		return true;
	return dx >= NEAR && (off < 0 ? -off : off) <= dx / STEERED + NOISE;
}

static int64_t
on_line(const struct clock_point *a, const struct clock_point *b, int64_t x)
{
	__int128 y = (__int128)(x - a->x) * (b->y - a->y), dx = b->x - a->x;

	y += y < 0 ? -dx / 2 : dx / 2;
	y = y / dx + a->y;
	return y > INT64_MAX ? INT64_MAX : y < INT64_MIN ? INT64_MIN : (int64_t)y;
}

static int64_t
map_at(struct clock_map *m, int64_t x)
{
	const struct clock_point *p = m->point;
	size_t last = m->points - 1, i = m->at;
	int64_t y;

	/* The segment that begins at i, or the points at both ends. */
	while (i > 0 && x < p[i].x)
		i--;
	while (i < last && x >= p[i + 1].x)
		i++;
	m->at = i;
	if (x < p[0].x)
		return last > 0 && is_straight(m, &p[0], &p[1]) ? on_line(&p[0], &p[1], x)
								: p[0].y + (x - p[0].x);
	if (i == last)
		return last > 0 && is_straight(m, &p[i - 1], &p[i]) ? on_line(&p[i - 1], &p[i], x)
								    : p[i].y + (x - p[i].x);
	if (is_straight(m, &p[i], &p[i + 1]))
		return on_line(&p[i], &p[i + 1], x);
	y = p[i].y + (x - p[i].x);
	return y < p[i + 1].y ? y : p[i + 1].y;
}

int64_t
clock_path_at(struct clock_path *path, int64_t t)
{
	for (unsigned i = 0; i < path->maps; i++)
		t = map_at(&path->map[i], t);
	return t;
}

void
clock_path_free(struct clock_path *path)
{
	for (unsigned i = 0; i < 2; i++)
		free(path->map[i].point);
	*path = (struct clock_path){ 0 };
}

/* From t of a stream to a clock, by the stream's own readings; from a clock to another, by those of all streams of the
 * host. 1 where there is a map, 0, -1. */
static int
make_map(const struct clocks *c, int stream, struct slice host, struct slice from, struct slice to,
    struct clock_map *m, struct error *e)
{
	int x = name_of(c, from), y = name_of(c, to);

	*m = (struct clock_map){ .alike = is_kernel_clock(from) && is_kernel_clock(to) };
	if (y < 0 || (stream < 0 && x < 0))
		return 0;
	for (size_t i = 0; i < c->readings; i++) {
		const struct clocks_reading *r = &c->reading[i];

		if ((r->known >> y & 1) == 0 || !same_host(r->host, host))
			continue;
		if (stream >= 0 ? r->stream == (unsigned)stream : (r->known >> x & 1) != 0)
			add_point(m, stream >= 0 ? r->t : r->value[x], r->value[y]);
	}
	if (m->points == 0)
		return 0;
	if (settle(m, to, e) < 0)
		return -1;
	return m->alike || m->points > 1;
}

int
clocks_path(const struct clocks *c, unsigned stream, const struct clock_axis *from,
    const struct clock_axis *to, struct clock_path *path, struct error *e)
{
	const struct slice real = SLICE("realtime");
	bool together = same_host(from->host, to->host) || slice_eq(to->clock, real);
	struct clock_map *m = path->map;
	int got;

	*path = (struct clock_path){ 0 };
	if (clock_axis_same(from, to))
		return 0;
	path->maps = 1;
	if (together) {
		got = make_map(c, (int)stream, from->host, from->clock, to->clock, m, e);
		if (got == 0) {
			free(m->point);
			got = make_map(c, -1, from->host, from->clock, to->clock, m, e);
		}
		if (got == 0)
			error_set(e,
			    "no `clock` record of it reads %.*s (its own clock is %.*s):"
			    " its times cannot be placed there",
			    SLICE_ARG(to->clock), SLICE_ARG(from->clock));
		return got > 0 ? 0 : -1;
	}
	/* Another host's: over realtime. */
	if (!slice_eq(from->clock, real)) {
		got = make_map(c, (int)stream, from->host, from->clock, real, m++, e);
		if (got == 0)
			error_set(e, "no `clock` record of it reads realtime, the clock that two "
				     "hosts share");
		if (got <= 0)
			return -1;
		path->maps = 2;
	}
	got = make_map(c, -1, to->host, real, to->clock, m, e);
	if (got == 0)
		error_set(e, "no `clock` record of host %.*s reads realtime and %.*s",
		    SLICE_ARG(to->host), SLICE_ARG(to->clock));
	return got > 0 ? 0 : -1;
}

void
clocks_free(struct clocks *c)
{
	free(c->reading);
	arena_free(&c->arena);
	*c = CLOCKS_INIT;
}
