/* The table of what is live against a map of bytes, for random calls; and what is told of each that comes and goes. */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "flow/heap.h"
#include "trace/reader.h"
#include "unit.h"

enum { PAGES = 64, PAGE = 4096, BASE = 0x100000, CALLS = 20000, OBJECTS = 400, SPACES = 3 };

/* The model: of each page of a process the number of the mapping it belongs to; of each small object its size. */
static uint32_t page[SPACES][PAGES];
static uint64_t small[SPACES][OBJECTS];
static uint64_t live_bytes, told_bytes;
static uint32_t mappings;
static uint64_t unknown;

static uint32_t
no_site(void *context, struct trace_block *b, enum trace_kind kind, uint32_t list)
{
	(void)context;
	(void)b;
	(void)list;
	CLAIM(kind == TRACE_KINDS);
	return 5;
}

static void
born(void *context, struct heap_object *o, const struct heap_event *e)
{
	(void)context;
	CLAIM(o->site == 5 && o->tag == 0 && e->bytes == o->bytes);
	o->tag = 9;
	told_bytes += e->bytes;
}

static void
gone(void *context, struct heap_object *o, const struct heap_event *e)
{
	(void)context;
	CLAIM(o->tag == 9 && e->bytes <= o->bytes && e->from >= o->addr &&
	      e->to <= o->addr + o->size);
	CLAIM(!e->whole || e->bytes == o->bytes);
	told_bytes -= e->bytes;
}

static uint64_t
small_addr(unsigned i)
{
	return 0x5000000 + (uint64_t)i * 512;
}

static void
call(struct buf *to, int64_t t)
{
	unsigned s = (unsigned)unit_draw(SPACES), what = (unsigned)unit_draw(20),
		 i = (unsigned)unit_draw(OBJECTS);
	unsigned first = (unsigned)unit_draw(PAGES), n = 1 + (unsigned)unit_draw(PAGES - first);

	if (what < 8) {
		uint64_t size = 1 + unit_draw(500);

		live_bytes += size - small[s][i];
		small[s][i] = size;
		buf_printf(to, "alloc\tt=%lld\tpid=%u\ttid=%u\top=malloc\taddr=0x%llx\tsize=%llu\n",
		    (long long)t, s, s, (unsigned long long)small_addr(i),
		    (unsigned long long)size);
	} else if (what < 14) {
		unknown += small[s][i] == 0;
		live_bytes -= small[s][i];
		small[s][i] = 0;
		buf_printf(to, "free\tt=%lld\tpid=%u\ttid=%u\top=free\taddr=0x%llx\n", (long long)t,
		    s, s, (unsigned long long)small_addr(i));
	} else if (what < 19) {
		bool map = what < 17, any = false;

		mappings++;
		for (unsigned k = first; k < first + n; k++) {
			any |= page[s][k] != 0;
			live_bytes += (map ? PAGE : 0) - (page[s][k] ? PAGE : 0);
			page[s][k] = map ? mappings : 0;
		}
		unknown += !map && !any;
		buf_printf(to, "%s\tt=%lld\tpid=%u\ttid=%u\top=%s\taddr=0x%x\tsize=%u\n",
		    map ? "alloc" : "free", (long long)t, s, s, map ? "mmap" : "munmap",
		    BASE + first * PAGE, n * PAGE);
	} else if (unit_draw(100) == 0) {
		for (unsigned k = 0; k < OBJECTS; k++) {
			live_bytes -= small[s][k];
			small[s][k] = 0;
		}
		for (unsigned k = 0; k < PAGES; k++) {
			live_bytes -= page[s][k] ? PAGE : 0;
			page[s][k] = 0;
		}
		buf_printf(to,
		    unit_draw(2) ? "exit\tt=%lld\tpid=%u\ttid=%u\tppid=1\tptid=1\n"
				 : "comm\tt=%lld\tpid=%u\ttid=%u\tname=x\texec=1\n",
		    (long long)t, s, s);
	}
}

/* What the table has is what the model has, piece by piece. */
static void
compare(struct heap *h)
{
	uint64_t sum = 0, objects = 0, want = 0;
	struct heap_object *o;
	size_t at = 0;

	while ((o = heap_next(h, &at))) {
		unsigned s = (unsigned)heap_pid(h, o->space);

		sum += o->bytes;
		objects++;
		CLAIM(heap_at(h, o->space, o->addr) == o && s < SPACES);
		if (!o->range) {
			CLAIM(small[s][(o->addr - 0x5000000) / 512] == o->size);
			continue;
		}
		for (uint64_t a = o->addr; a < o->addr + o->size; a += PAGE)
			CLAIM(page[s][(a - BASE) / PAGE] == page[s][(o->addr - BASE) / PAGE]);
		CLAIM(page[s][(o->addr - BASE) / PAGE] != 0);
	}
	for (unsigned s = 0; s < SPACES; s++) {
		for (unsigned k = 0; k < OBJECTS; k++)
			want += small[s][k] > 0;
		for (unsigned k = 0; k < PAGES; k++)
			want += page[s][k] && (k == 0 || page[s][k - 1] != page[s][k]);
	}
	CLAIM(sum == live_bytes && told_bytes == live_bytes && objects == want);
}

int
main(void)
{
	struct buf text = BUF_INIT;
	struct trace_reader *r;
	struct trace_block *b;
	struct heap h;
	int fd[2];

	heap_init(&h);
	h.site = no_site;
	h.born = born;
	h.gone = gone;
	for (int round = 0; round < 20; round++) {
		FILE *f = tmpfile();

		text.n = 0;
		buf_slice(&text, SLICE("#leat 1\n"));
		for (int i = 0; i < CALLS / 20; i++)
			call(&text, round * 100000 + i);
		CLAIM(f && fwrite(text.p, 1, text.n, f) == text.n && fflush(f) == 0);
		fd[0] = fileno(f);
		lseek(fd[0], 0, SEEK_SET);
		r = trace_reader_new(fd[0]);
		while (trace_read(r, &b) > 0) {
			const uint16_t *sequence = trace_sequence(b);
			uint32_t row[64] = { 0 };

			CLAIM(b->shapes <= 64);
			heap_begin(&h, b);
			for (uint32_t i = 0; i < b->records; i++) {
				unsigned s = sequence ? sequence[i] : 0;

				if (heap_wants(&h, s))
					heap_row(&h, b, s, row[s]);
				row[s]++;
			}
		}
		trace_reader_free(r);
		fclose(f);
		compare(&h);
	}
	CLAIM(h.unknown == unknown);
	heap_free(&h);
	buf_free(&text);
	return 0;
}
