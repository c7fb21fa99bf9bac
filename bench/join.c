/* join - a trace of allocations and accesses, for bench/join.sh: join RECORDS LIVE lean|rich lines|frames >TRACE
 *
 * Two allocations, two frees and six accesses, over and over, where LIVE objects live, of 16 to 240 bytes in places of 256. rich:
 * accesses have the fields that samples of a PMU have, and stacks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "stat/random.h"
#include "trace/writer.h"

enum { STACKS = 4096, DEPTH = 10, PLACE = 256 };

static struct random random_state;
static struct trace_writer *w;
static struct slice name[1000], origin[DEPTH];
static struct trace_list stack[STACKS], origins;
static struct trace_memo memo[STACKS], origins_memo;
static uint32_t *place; /* the first `live` of them are taken */
static uint8_t *size;
static int64_t t;

static uint64_t
draw(uint64_t below)
{
	return random_below(&random_state, below);
}

static void
make_stacks(void)
{
	for (unsigned i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof text, "function_%u", i);
		name[i] = slice_of(xstrndup(text, strlen(text)));
	}
	for (unsigned i = 0; i < DEPTH; i++)
		origin[i] = SLICE("u:program");
	origins = (struct trace_list){ { .s = origin }, DEPTH, &origins_memo };
	for (unsigned i = 0; i < STACKS; i++) {
		struct slice *s = xcalloc(DEPTH, sizeof *s);

		for (unsigned k = 0; k < DEPTH; k++) /* callers are fewer than what they call */
			s[k] = name[draw(1 + k * k * 12)];
		stack[i] = (struct trace_list){ { .s = s }, DEPTH, &memo[i] };
	}
}

static uint64_t
address(uint32_t p)
{
	return 0x7f0000000010 + (uint64_t)p * PLACE;
}

static void
put_alloc(unsigned shape, uint32_t p)
{
	uint64_t s = draw(64) * draw(64);

	size[p] = (uint8_t)(16 + draw(225));
	t += 50;
	trace_put(w, shape,
	    (union trace_value[]){ { .i = t }, { .i = 7 }, { .i = 7 }, { .s = SLICE("malloc") },
		{ .u = address(p) }, { .i = size[p] }, { .list = stack[s] }, { .list = origins } });
}

static void
put_access(unsigned shape, uint32_t p, bool rich)
{
	uint64_t addr = address(p) + draw(size[p]);
	struct slice op = draw(3) ? SLICE("r") : SLICE("w");

	t += 20;
	if (!rich)
		trace_put(w, shape,
		    (union trace_value[]){
			{ .i = t }, { .i = 7 }, { .s = op }, { .u = addr }, { .i = 8 } });
	else
		trace_put(w, shape,
		    (union trace_value[]){ { .i = t }, { .i = (int64_t)draw(2) }, { .i = 7 },
			{ .i = 7 + (int64_t)draw(6) }, { .s = SLICE("mem-loads") }, { .s = op },
			{ .u = addr }, { .i = 8 }, { .i = 1000 }, { .i = 4 + (int64_t)draw(300) },
			{ .s = draw(3) ? SLICE("L1 hit") : SLICE("RAM hit") }, { .i = 0 },
			{ .u = 0x555500000000 + draw(4096) }, { .list = stack[draw(STACKS)] },
			{ .list = origins } });
}

int
main(int argc, char **argv)
{
	static const struct trace_field
	    alloc[] = { { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("tid"), TRACE_INT }, { SLICE("op"), TRACE_STR },
		    { SLICE("addr"), TRACE_ADDR }, { SLICE("size"), TRACE_INT },
		    { SLICE("stack"), TRACE_STRS }, { SLICE("origin"), TRACE_STRS } },
	    lean[] = { { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("op"), TRACE_STR }, { SLICE("addr"), TRACE_ADDR },
		    { SLICE("size"), TRACE_INT } },
	    rich[] = { { SLICE("t"), TRACE_INT }, { SLICE("cpu"), TRACE_INT },
		    { SLICE("pid"), TRACE_INT }, { SLICE("tid"), TRACE_INT },
		    { SLICE("event"), TRACE_STR }, { SLICE("op"), TRACE_STR },
		    { SLICE("addr"), TRACE_ADDR }, { SLICE("size"), TRACE_INT },
		    { SLICE("weight"), TRACE_INT }, { SLICE("latency"), TRACE_INT },
		    { SLICE("level"), TRACE_STR }, { SLICE("node"), TRACE_INT },
		    { SLICE("ip"), TRACE_ADDR }, { SLICE("stack"), TRACE_STRS },
		    { SLICE("origin"), TRACE_STRS } };
	unsigned shape_alloc, shape_free, shape_access;
	uint32_t live, places;
	long records;
	struct error e;
	bool is_rich;

	if (argc != 5)
		return 2;
	records = atol(argv[1]);
	live = (uint32_t)atol(argv[2]);
	is_rich = strcmp(argv[3], "rich") == 0;
	w = trace_writer_new(
	    1, strcmp(argv[4], "lines") == 0 ? TRACE_LINES : TRACE_FRAMES, TRACE_RAW);
	random_seed(&random_state, 5, live);
	make_stacks();
	places = live + live / 8 + 4;
	place = xcalloc(places, sizeof *place);
	size = xcalloc(places, sizeof *size);
	for (uint32_t i = 0; i < places; i++)
		place[i] = i;
	for (uint32_t i = places - 1; i > 0; i--) {
		uint32_t k = (uint32_t)draw(i + 1), other = place[k];

		place[k] = place[i];
		place[i] = other;
	}
	shape_alloc = trace_writer_shape(w, SLICE("alloc"), alloc, 8);
	shape_free = trace_writer_shape(w, SLICE("free"), alloc, 5);
	shape_access = is_rich ? trace_writer_shape(w, SLICE("access"), rich, 15)
			       : trace_writer_shape(w, SLICE("access"), lean, 5);
	for (uint32_t i = 0; i < live; i++)
		put_alloc(shape_alloc, place[i]);
	for (long n = live; n < records; n += 10) {
		for (unsigned i = 0; i < 2; i++)
			put_alloc(shape_alloc, place[live + i]);
		for (unsigned i = 0; i < 6; i++)
			put_access(shape_access, place[draw(live + 2)], is_rich);
		for (unsigned i = 0; i < 2; i++) {
			uint32_t k = (uint32_t)draw(live), p = place[k];

			t += 50;
			trace_put(w, shape_free,
			    (union trace_value[]){ { .i = t }, { .i = 7 }, { .i = 7 },
				{ .s = SLICE("free") }, { .u = address(p) } });
			/* The two new ones come into the places of those that went, and these wait at the end. */
			place[k] = place[live + i];
			place[live + i] = place[live + 2 + (p & 1)];
			place[live + 2 + (p & 1)] = p;
		}
	}
	return trace_writer_close(w, &e) < 0;
}
