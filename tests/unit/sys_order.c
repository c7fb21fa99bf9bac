/* The order of rings that a test fills: everything comes out once, whole and in order, not before its round, and what is
 * late is counted or set right. */
#include "../../lib/sys/rings.c"
#include "unit.h"

enum { RINGS = 3, BYTES = 4096, STEPS = 60000, HEADER = 8 };

static uint64_t seed = 7, pushed, popped, refused_n;

static uint64_t
random_below(uint64_t n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

static bool
push(struct sys_ring *ring, uint32_t type, uint64_t time, size_t words)
{
	uint64_t head = ring->page->data_head, word[32];
	struct perf_event_header h = { .type = type, .size = (uint16_t)(words * 8) };

	if (head + words * 8 - ring->page->data_tail > BYTES) {
		refused_n++;
		return false;
	}
	for (size_t i = 1; i < words; i++)
		word[i] = time * 31 + i;
	memcpy(word, &h, sizeof h);
	/* samples have their time in front, others at their end */
	word[type == PERF_RECORD_SAMPLE ? 2 : words - 1] = time;
	for (size_t i = 0; i < words; i++)
		store64(ring->data + ((head + i * 8) & ring->mask), word[i]);
	__atomic_store_n(&ring->page->data_head, head + words * 8, __ATOMIC_RELEASE);
	pushed++;
	return true;
}

static uint64_t
time_of(const struct perf_event_header *h)
{
	return load64((const char *)h + (h->type == PERF_RECORD_SAMPLE ? 16 : h->size - 8));
}

static bool
is_whole(const struct perf_event_header *h)
{
	size_t words = h->size / 8, at = h->type == PERF_RECORD_SAMPLE ? 2 : words - 1;

	for (size_t i = 1; i < words; i++)
		if (i != at && load64((const char *)h + i * 8) != time_of(h) * 31 + i)
			return false;
	return true;
}

/* A round that lets out what is older than limit. */
static void
round_to(struct sys_rings *r, uint64_t limit, bool last)
{
	static uint64_t before;
	const struct perf_event_header *h;

	r->began = limit;
	sys_rings_round(r, last);
	while (sys_rings_next(r, &h)) {
		CLAIM(time_of(h) >= before);
		CLAIM(last || time_of(h) < limit);
		CLAIM(is_whole(h));
		before = time_of(h);
		popped++;
	}
	for (unsigned i = 0; i < r->rings; i++) {
		const struct sys_ring *ring = &r->ring[i];

		CLAIM(ring->tail == ring->page->data_tail && ring->tail <= ring->page->data_head);
		for (size_t k = ring->first; k < ring->n; k++)
			CLAIM(ring->queue[k].time >= limit);
		/* what is let out is given back */
		if (ring->first == ring->n)
			CLAIM(ring->tail == ring->page->data_head);
	}
}

int
main(void)
{
	struct sys_rings r = {
		.rings = RINGS, .rings_cap = RINGS, .clock = CLOCK_MONOTONIC, .current = -1
	};
	const struct perf_event_header *h;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t t = 1, limit = 0;

	r.ring = xcalloc(RINGS, sizeof *r.ring);
	r.heap = xcalloc(RINGS, sizeof *r.heap);
	r.scratch = xmalloc(RECORD_MAX);
	r.layout.sample_time_at = 16;
	r.layout.trailer_time_at = 8;
	for (unsigned i = 0; i < RINGS; i++) {
		r.ring[i].page = mmap(
		    NULL, page + BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CLAIM(r.ring[i].page != MAP_FAILED);
		r.ring[i].data = (unsigned char *)r.ring[i].page + page;
		r.ring[i].mask = BYTES - 1;
		r.ring[i].ordered = true;
	}
	for (int i = 0; i < STEPS; i++) {
		struct sys_ring *ring = &r.ring[random_below(RINGS)];
		size_t words = 4 + random_below(20);
		uint32_t type = random_below(3) ? PERF_RECORD_SAMPLE : PERF_RECORD_COMM;

		t += 1 + random_below(3);
		if (random_below(10) == 0) { /* an interrupt: the later record stands first */
			push(ring, type, t + 1, words);
			push(ring, PERF_RECORD_SAMPLE, t, 5);
			t++;
		} else {
			push(ring, type, t, words);
		}
		if (random_below(25) == 0) {
			round_to(&r, limit, false);
			limit = t + 1; /* nothing older comes from here on */
		}
	}
	round_to(&r, limit, true);
	CLAIM(popped == pushed && pushed > STEPS / 2);
	CLAIM(r.late == 0 && r.unreadable == 0);

	/* late: a sample is counted, anything else gets the time of what was before it */
	CLAIM(push(&r.ring[0], PERF_RECORD_SAMPLE, t + 10, 6));
	r.began = t + 100;
	sys_rings_round(&r, false);
	CLAIM(sys_rings_next(&r, &h) == 1 && sys_rings_next(&r, &h) == 0);
	CLAIM(push(&r.ring[1], PERF_RECORD_SAMPLE, t + 5, 6) &&
	      push(&r.ring[2], PERF_RECORD_EXIT, t + 6, 6));
	r.began = t + 100;
	sys_rings_round(&r, false);
	CLAIM(sys_rings_next(&r, &h) == 1 && h->type == PERF_RECORD_EXIT && time_of(h) == t + 10);
	CLAIM(sys_rings_next(&r, &h) == 0 && r.late == 1);

	/* what is no record is passed over, and counted */
	CLAIM(push(&r.ring[0], PERF_RECORD_COMM, t + 20, 6));
	store64(r.ring[0].data + (r.ring[0].page->data_tail & r.ring[0].mask), 0);
	sys_rings_round(&r, true);
	CLAIM(sys_rings_next(&r, &h) == 0 && r.unreadable == 48);
	CLAIM(r.ring[0].page->data_tail == r.ring[0].page->data_head);
	sys_rings_close(&r);
	return 0;
}
