/* Random lives of objects in processes that fork, exec and exit, against lists of them; attribution does not depend on the encoding. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "flow/join.h"
#include "trace/reader.h"
#include "unit.h"

enum { PIDS = 5, MOST = 400, STEPS = 60000, SLOTS = 64, SLOT = 4096 };

struct object {
	uint64_t addr, size, serial;
	int64_t t;
	bool region;
};

/* What lives in a process, in order of coming. */
static struct {
	struct object o[MOST];
	unsigned n;
} lives[PIDS];

static struct trace_writer *w;
static uint64_t serial;
static int64_t now;

/* What each access should get: the serial of its object, 0 for none. */
static struct {
	uint64_t serial, offset, size;
	int64_t age;
} want[STEPS];
static unsigned wants;

enum { ALLOC, FREE, FORK, COMM, EXIT, ACCESS, SHAPES };

static unsigned shape[SHAPES];

static void
make_shapes(void)
{
	static const struct trace_field f[SHAPES][6] = {
		{ { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("tid"), TRACE_INT }, { SLICE("op"), TRACE_STR },
		    { SLICE("addr"), TRACE_ADDR }, { SLICE("size"), TRACE_INT } },
		{ { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("tid"), TRACE_INT }, { SLICE("op"), TRACE_STR },
		    { SLICE("addr"), TRACE_ADDR }, { SLICE("size"), TRACE_INT } },
		{ { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("tid"), TRACE_INT }, { SLICE("ppid"), TRACE_INT },
		    { SLICE("ptid"), TRACE_INT } },
		{ { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("tid"), TRACE_INT }, { SLICE("name"), TRACE_STR },
		    { SLICE("exec"), TRACE_INT } },
		{ { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("tid"), TRACE_INT } },
		{ { SLICE("t"), TRACE_INT }, { SLICE("pid"), TRACE_INT },
		    { SLICE("addr"), TRACE_ADDR } },
	};
	static const unsigned n[SHAPES] = { 6, 6, 5, 5, 3, 3 };
	static const char *const type[SHAPES] = { "alloc", "free", "fork", "comm", "exit",
		"access" };

	for (unsigned i = 0; i < SHAPES; i++)
		shape[i] = trace_writer_shape(w, slice_of(type[i]), f[i], n[i]);
}

static uint64_t
end_of(const struct object *o)
{
	return o->addr + (o->size ? o->size : 1);
}

static void
drop(unsigned pid, unsigned i)
{
	lives[pid].n--;
	memmove(
	    &lives[pid].o[i], &lives[pid].o[i + 1], (lives[pid].n - i) * sizeof lives[pid].o[0]);
}

static void
push(unsigned pid, struct object o)
{
	CLAIM(lives[pid].n < MOST);
	lives[pid].o[lives[pid].n++] = o;
}

/* A range goes: regions are cut, objects in it end. */
static void
cut(unsigned pid, uint64_t lo, uint64_t hi)
{
	for (unsigned i = 0; i < lives[pid].n; i++) {
		struct object o = lives[pid].o[i], part = o;

		if (end_of(&o) <= lo || o.addr >= hi)
			continue;
		drop(pid, i--);
		if (!o.region)
			continue;
		if (o.addr < lo) {
			part.size = lo - o.addr;
			push(pid, part);
		}
		if (end_of(&o) > hi) {
			part.addr = hi;
			part.size = end_of(&o) - hi;
			push(pid, part);
		}
	}
}

static uint64_t
some_address(void)
{
	return 0x7f0000000000 + unit_draw(SLOTS) * SLOT + unit_draw(SLOT);
}

static void
put(unsigned what, unsigned pid, const char *op, uint64_t addr, uint64_t size)
{
	union trace_value v[6] = { { .i = now }, { .i = 100 + pid }, { .i = 100 + pid },
		{ .s = slice_of(op) }, { .u = addr }, { .u = size } };

	CLAIM(trace_put(w, shape[what], v) == 0);
}

static void
alloc(unsigned pid, bool region)
{
	uint64_t addr = some_address(), size = unit_draw(region ? 20 * SLOT : 3000);

	if (lives[pid].n > MOST / 2)
		return;
	if (region) {
		addr &= ~(uint64_t)(SLOT - 1);
		size = (size & ~(uint64_t)(SLOT - 1)) + SLOT;
		cut(pid, addr, addr + size);
	} else {
		addr &= ~(uint64_t)15;
		/* It lies in a region or outside of it. */
		for (unsigned i = 0; i < lives[pid].n; i++) {
			const struct object *o = &lives[pid].o[i];
			uint64_t end = addr + (size ? size : 1);

			if (o->region && addr < end_of(o) && end > o->addr &&
			    (addr < o->addr || end > end_of(o)))
				return;
		}
		/* What malloc gives again, it had back. */
		for (unsigned i = 0; i < lives[pid].n; i++) {
			struct object *o = &lives[pid].o[i];

			if (!o->region && end_of(o) > addr && o->addr < addr + (size ? size : 1))
				drop(pid, i--);
		}
	}
	push(pid, (struct object){ addr, size, ++serial, now, region });
	put(ALLOC, pid, region ? "mmap" : "malloc", addr, size);
}

static void
release(unsigned pid)
{
	unsigned i;

	if (lives[pid].n == 0)
		return;
	i = (unsigned)unit_draw(lives[pid].n);
	if (lives[pid].o[i].region) {
		uint64_t addr = some_address() & ~(uint64_t)(SLOT - 1),
			 size = (1 + unit_draw(9)) * SLOT;

		cut(pid, addr, addr + size);
		put(FREE, pid, "munmap", addr, size);
	} else {
		put(FREE, pid, unit_draw(2) ? "free" : "delete[]", lives[pid].o[i].addr, 0);
		drop(pid, i);
	}
}

/* realloc: the old one ends where the alloc says where it went. */
static void
move(unsigned pid)
{
	unsigned i;
	struct object o;

	if (lives[pid].n == 0 || lives[pid].n > MOST / 2)
		return;
	i = (unsigned)unit_draw(lives[pid].n);
	o = lives[pid].o[i];
	if (o.region)
		return;
	put(FREE, pid, "realloc", o.addr, 0);
	drop(pid, i);
	/* It gave NULL and freed: another call of the thread says that it is over. */
	alloc(pid, false);
}

static void
look(unsigned pid)
{
	uint64_t addr = some_address();
	const struct object *best = NULL;

	if (lives[pid].n > 0 && unit_draw(4)) {
		const struct object *o = &lives[pid].o[unit_draw(lives[pid].n)];

		addr = o->addr + unit_draw(end_of(o) - o->addr);
	}
	for (unsigned i = 0; i < lives[pid].n; i++) {
		const struct object *o = &lives[pid].o[i];

		if (addr >= o->addr && addr < end_of(o) && (best == NULL || !o->region))
			best = o;
	}
	memset(&want[wants], 0, sizeof want[wants]);
	if (best) {
		want[wants].serial = best->serial;
		want[wants].offset = addr - best->addr;
		want[wants].size = best->size;
		want[wants].age = now - best->t;
	}
	wants++;
	CLAIM(trace_put(w, shape[ACCESS],
		  (union trace_value[]){ { .i = now }, { .i = 100 + pid }, { .u = addr } }) == 0);
}

static void
process(unsigned pid)
{
	unsigned child = (unsigned)unit_draw(PIDS);
	int64_t p = 100 + pid, c = 100 + child;

	if (unit_draw(3) == 0 && child != pid) {
		CLAIM(trace_put(w, shape[EXIT],
			  (union trace_value[]){ { .i = now }, { .i = c }, { .i = c } }) == 0);
		CLAIM(trace_put(w, shape[FORK],
			  (union trace_value[]){
			      { .i = now }, { .i = c }, { .i = c }, { .i = p }, { .i = p } }) == 0);
		lives[child] = lives[pid];
	} else if (unit_draw(4) == 0) {
		CLAIM(trace_put(w, shape[COMM],
			  (union trace_value[]){ { .i = now }, { .i = p }, { .i = p },
			      { .s = SLICE("x") }, { .i = 1 } }) == 0);
		lives[pid].n = 0;
	} else if (unit_draw(8) == 0) {
		CLAIM(trace_put(w, shape[EXIT],
			  (union trace_value[]){ { .i = now }, { .i = p }, { .i = p } }) == 0);
		lives[pid].n = 0;
	}
}

static int
make_trace(enum trace_encoding encoding)
{
	int fd = memfd_create("trace", 0);
	struct error e;

	memset(lives, 0, sizeof lives);
	wants = 0;
	serial = 0;
	now = 0;
	unit_seed = 17;
	w = trace_writer_new(fd, encoding, TRACE_RAW);
	make_shapes();
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned pid = (unsigned)unit_draw(PIDS), what = (unsigned)unit_draw(100);

		now += (int64_t)unit_draw(3);
		if (what < 25)
			alloc(pid, false);
		else if (what < 28)
			alloc(pid, true);
		else if (what < 46)
			release(pid);
		else if (what < 49)
			move(pid);
		else if (what == 49 && unit_draw(4) == 0)
			process(pid);
		else
			look(pid);
	}
	CLAIM(trace_writer_close(w, &e) == 0);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int64_t
field(const struct trace_record *r, const char *name)
{
	int f = trace_field_index(r->shape, slice_of(name));

	CLAIM(f >= 0);
	return r->value[f].i;
}

static void
join_it(enum trace_encoding from, enum trace_encoding to)
{
	int in = make_trace(from), out = memfd_create("joined", 0);
	struct trace_reader *r = trace_reader_new(in);
	struct join *j;
	struct trace_record record;
	struct trace_block *b;
	struct error e;
	uint64_t made, objects = 0;
	unsigned n = 0;

	j = join_new(&(struct join_options){ 0 }, &e);
	CLAIM(j);
	w = trace_writer_new(out, to, TRACE_RAW);
	while (trace_read(r, &b) == 1) {
		const uint16_t *sequence = trace_sequence(b);
		uint32_t row[SHAPES] = { 0 };

		CLAIM(b->shapes <= SHAPES);
		for (uint32_t i = 0; i < b->records; i++) {
			unsigned s = sequence ? sequence[i] : 0;

			CLAIM(join_row(j, b, s, row[s]++, w) == 0);
		}
	}
	CLAIM(join_finish(j, w, &made) == 0 && trace_writer_close(w, &e) == 0);
	trace_reader_free(r);
	CLAIM(lseek(out, 0, SEEK_SET) == 0);
	r = trace_reader_new(out);
	while (trace_next(r, &record) == 1) {
		int kind = trace_field_index(record.shape, SLICE("kind"));

		if (!slice_eq(record.shape->type, SLICE("access")))
			continue;
		CLAIM(kind >= 0 && n < wants);
		if (want[n].serial == 0) {
			CLAIM(slice_eq(record.value[kind].s, SLICE("heap")) ||
			      slice_eq(record.value[kind].s, SLICE("unknown")));
		} else {
			CLAIM(slice_eq(record.value[kind].s, SLICE("object")));
			CLAIM((uint64_t)field(&record, "serial") == want[n].serial);
			CLAIM((uint64_t)field(&record, "offset") == want[n].offset);
			CLAIM((uint64_t)field(&record, "object_size") == want[n].size);
			CLAIM(field(&record, "age_ns") == want[n].age);
			objects++;
		}
		n++;
	}
	CLAIM(n == wants && objects > n / 4 && join_counts(j)->kind[JOIN_OBJECT] == objects);
	CLAIM(join_counts(j)->copies > 10);
	trace_reader_free(r);
	join_free(j);
	close(in);
	close(out);
}

int
main(void)
{
	join_it(TRACE_LINES, TRACE_LINES);
	join_it(TRACE_FRAMES, TRACE_FRAMES);
	join_it(TRACE_FRAMES, TRACE_LINES);
	return 0;
}
