/* What a trace holds comes back out of a database as it went in, whatever it is: records of all types, with fields of the
 * vocabulary and others, of the kinds that their columns hold and others, as lines and as frames, several traces of a
 * run, several runs. What ends which allocation is what a search says. Any change of a database is an error, or seen. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/lives.h"
#include "store/schema.h"
#include "store/store_add.h"
#include "store/store_get.h"
#include "trace/line.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

static char directory[] = "/tmp/leat.store.XXXXXX";

static const char *const types[] = { "access", "alloc", "free", "span", "sample", "event", "stat",
	"mark", "mmap", "comm", "lost", "start", "clock", "info", "run", "zebra" };
static const char *const names[] = { "t", "src", "cpu", "pid", "tid", "op", "addr", "size",
	"weight", "latency", "level", "tlb", "node", "ip", "chain", "stack", "align", "old",
	"dur_ns", "name", "id", "parent", "host", "value", "comm", "event", "regs", "ustack",
	"origin", "unit", "section", "_x", "Y9", "more", "shape", "thread", "arg_id" };

enum { TYPES = sizeof types / sizeof *types, NAMES = sizeof names / sizeof *names, FIELDS = 12 };

static struct slice
draw_string(struct arena *a)
{
	static const struct slice odd[] = { SLICE(""), SLICE("123"), SLICE("-7"), SLICE("0x1f"),
		SLICE("nan"), SLICE("1e5"), SLICE("@AAEC"), SLICE("a b"), SLICE("a;b"), SLICE("\""),
		SLICE("\\"), SLICE("a\tb\n\r"), SLICE("\x01\x7f\xff"), SLICE("x=y"), SLICE("\\s"),
		SLICE(";"), SLICE("nul \0 within"), SLICE("{\"a\":[1,2]}"), SLICE("\xc3\xa4"),
		SLICE("load"), SLICE("store"), SLICE("99999999999999999999999") };
	size_t n;
	char *p;

	if (unit_draw(3))
		return odd[unit_draw(sizeof odd / sizeof *odd)];
	n = unit_draw(20);
	p = arena_alloc(a, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)unit_draw(256);
	return (struct slice){ p, n };
}

static int64_t
draw_int(void)
{
	switch (unit_draw(4)) {
	case 0:
		return (int64_t)unit_draw(10);
	case 1:
		return -(int64_t)unit_draw(100000);
	case 2:
		return unit_draw(2) ? INT64_MAX : INT64_MIN;
	default:
		return (int64_t)(unit_random());
	}
}

static double
draw_num(void)
{
	static const double odd[] = { 0.0, -0.0, 5.0, 1e22, 5e-324, INFINITY, -INFINITY, NAN, 0.1,
		-3e9, 9007199254740993.0, 1.7976931348623157e308 };

	return unit_draw(2) ? odd[unit_draw(sizeof odd / sizeof *odd)]
			    : (double)draw_int() / (double)(1 + unit_draw(1000));
}

static union trace_value
draw_value(struct arena *a, enum trace_kind kind)
{
	union trace_value v = { 0 };
	uint32_t n = (uint32_t)unit_draw(5);
	uint64_t *item = arena_alloc(a, (n + 1) * sizeof *item);
	struct slice *text = arena_alloc(a, (n + 1) * sizeof *text);

	for (uint32_t i = 0; i <= n; i++) {
		item[i] = unit_draw(2) ? 4096 + unit_draw(3) : (uint64_t)draw_int();
		text[i] = draw_string(a);
	}
	switch (kind) {
	case TRACE_INT:
		v.i = draw_int();
		break;
	case TRACE_BIG:
		v.u = UINT64_MAX - unit_draw(INT64_MAX);
		break;
	case TRACE_ADDR:
		v.u = unit_draw(2) ? unit_random() : UINT64_C(0xffffffff81000000) + unit_draw(4096);
		break;
	case TRACE_NUM:
		v.d = draw_num();
		break;
	case TRACE_STR:
	case TRACE_BYTES:
		v.s = draw_string(a);
		break;
	case TRACE_STRS:
		v.list = (struct trace_list){ .s = text, .n = n };
		break;
	default:
		v.list = (struct trace_list){ .u = item, .n = n + 1 };
	}
	return v;
}

/* Mostly of the kind that the field has in the vocabulary. */
static enum trace_kind
draw_kind(const char *name)
{
	if (unit_draw(6) == 0)
		return (enum trace_kind)unit_draw(TRACE_KINDS);
	if (strcmp(name, "addr") == 0 || strcmp(name, "ip") == 0 || strcmp(name, "old") == 0)
		return TRACE_ADDR;
	if (strcmp(name, "chain") == 0 || strcmp(name, "regs") == 0)
		return TRACE_ADDRS;
	if (strcmp(name, "stack") == 0 || strcmp(name, "origin") == 0)
		return TRACE_STRS;
	if (strcmp(name, "ustack") == 0)
		return TRACE_BYTES;
	if (strchr("onelcuht", name[0]) && strcmp(name, "t") != 0 && strcmp(name, "tid") != 0)
		return TRACE_STR;
	return TRACE_INT;
}

static struct trace_record
draw_record(struct shapes *shapes, struct arena *a)
{
	struct trace_field field[FIELDS];
	union trace_value *value = arena_alloc(a, sizeof *value * FIELDS);
	unsigned want = (unsigned)unit_draw(FIELDS), n = 0;
	bool used[NAMES] = { false };

	for (unsigned f = 0; f < want; f++) {
		size_t k = unit_draw(NAMES);

		if (used[k])
			continue;
		used[k] = true;
		field[n] = (struct trace_field){ slice_of(names[k]), draw_kind(names[k]) };
		value[n] = draw_value(a, field[n].kind);
		n++;
	}
	return (struct trace_record){
		shapes_get(shapes, slice_of(types[unit_draw(TYPES)]), field, n), value
	};
}

static const char *
path_of(const char *run, const char *file)
{
	static char path[2][256];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s/%s", directory, run, file);
	return path[turn];
}

static void
write_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CLAIM(fd >= 0 && write(fd, p, n) == (ssize_t)n && close(fd) == 0);
}

/* A run directory with nothing but run.leat. */
static void
make_run(const char *run, unsigned rep)
{
	char text[512];
	int n = snprintf(text, sizeof text,
	    "#leat 1\nstart\tt=5\ttool=run\tclock=monotonic_raw\thost=box\n"
	    "run\tt=7\tname=%s\tid=uuid-of-%s\texperiment=unit\trep=%u\tdry=0\n"
	    "end\ttool=run\tmade=1\tlost=0\n",
	    run, run, rep);

	mkdir(path_of(run, ""), 0755);
	write_file(path_of(run, "run.leat"), text, (size_t)n);
}

/* A trace of n drawn records in the run, in one of several ways; what it is in lines. */
static struct buf
make_trace(const char *run, const char *file, size_t n)
{
	struct shapes shapes = { 0 };
	struct arena a = ARENA_INIT;
	struct buf text = BUF_INIT;
	struct trace_record kept[50];
	int fd = open(path_of(run, file), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct trace_writer *w =
	    trace_writer_new(fd, unit_draw(3) ? TRACE_FRAMES : TRACE_LINES, (int)unit_draw(2) * 3);

	CLAIM(fd >= 0);
	buf_slice(&text, LINE_MAGIC);
	for (unsigned i = 0; i < 50; i++)
		kept[i] = draw_record(&shapes, &a);
	for (size_t i = 0; i < n; i++) {
		/* Shapes and values come again, as they do in life. */
		struct trace_record r =
		    unit_draw(3) ? kept[unit_draw(50)] : draw_record(&shapes, &a);

		line_put(&text, &r);
		CLAIM(trace_put_record(w, &r) == 0);
		if (unit_draw(200) == 0)
			CLAIM(trace_flush(w) == 0);
	}
	CLAIM(trace_writer_close(w, NULL) == 0 && close(fd) == 0);
	shapes_free(&shapes);
	arena_free(&a);
	return text;
}

/* What a file is in lines to those who read it: a `lost` stands for the end that a start lacks. */
static struct buf
lines_of(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_record record;
	struct buf text = BUF_INIT;

	buf_slice(&text, LINE_MAGIC);
	while (trace_next(r, &record) > 0)
		line_put(&text, &record);
	trace_reader_free(r);
	close(fd);
	return text;
}

static struct buf
get(struct store *s, const char *run, const char *trace)
{
	struct buf text = BUF_INIT;
	struct store_get *g;
	struct trace_record r;
	struct error e;
	int64_t id;
	int got;

	CLAIM(store_find(s, slice_of(run), &id, &e) == 0);
	g = store_get_new(s, id, trace, &e);
	CLAIM(g != NULL);
	buf_slice(&text, LINE_MAGIC);
	while ((got = store_get_next(g, &r, &e)) > 0)
		line_put(&text, &r);
	if (got < 0)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(got == 0);
	store_get_free(g);
	return text;
}

static bool
same(struct buf a, struct buf b)
{
	bool equal = slice_eq(buf_view(&a), buf_view(&b));

	buf_free(&a);
	buf_free(&b);
	return equal;
}

static void
add(struct store_adder *a, const char *run, enum store_added expected)
{
	enum store_added what;
	struct error e;
	int got = store_add(a, path_of(run, ""), &what, &e);

	if (got < 0)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(got == 0 && what == expected);
}

static void
traces_come_back(void)
{
	enum { RUNS = 12 };
	const char *db = strdup(path_of(".", "random.db"));
	struct store_add_options how = { 0 };
	struct error e;
	struct store *s = store_open(db, STORE_WRITE, &e);
	struct store_adder *a = store_adder_new(s, &how, &e);
	char run[RUNS][16];

	CLAIM(s && a);
	for (unsigned i = 0; i < RUNS; i++) {
		snprintf(run[i], sizeof run[i], "run%u", i);
		make_run(run[i], i + 1);
		for (const char *file = "a.leat"; file;
		     file = *file == 'a' && i % 3 ? "b.leat" : NULL) {
			struct buf text = make_trace(run[i], file, i * i * 40);
			struct buf read = lines_of(path_of(run[i], file));

			/* The drawn records, and at most what a reader adds at the end. */
			CLAIM(read.n >= text.n && memcmp(read.p, text.p, text.n) == 0);
			buf_free(&text);
			buf_free(&read);
		}
		add(a, run[i], STORE_ADDED);
		add(a, run[i], STORE_THERE);
	}
	store_adder_free(a);
	store_close(s);
	s = store_open(db, STORE_READ, &e);
	CLAIM(s);
	for (unsigned i = 0; i < RUNS; i++) {
		CLAIM(same(get(s, run[i], "a.leat"), lines_of(path_of(run[i], "a.leat"))));
		if (i % 3)
			CLAIM(same(get(s, run[i], "b"), lines_of(path_of(run[i], "b.leat"))));
	}
	store_close(s);
}

/* The database file with some bytes changed: every outcome is good but a crash. */
static void
damage_is_no_crash(void)
{
	const char *good = path_of(".", "random.db");
	int fd = open(good, O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	char *bytes = malloc((size_t)size), *copy = malloc((size_t)size);
	unsigned refused = 0;

	CLAIM(pread(fd, bytes, (size_t)size, 0) == size);
	close(fd);
	for (unsigned round = 0; round < 60; round++) {
		struct trace_record r;
		struct store_get *g = NULL;
		struct store *s;
		struct error e;
		int64_t id;
		int got = -1;

		memcpy(copy, bytes, (size_t)size);
		for (unsigned i = 0; i < 200; i++)
			copy[1024 + unit_draw((uint64_t)size - 1024)] = (char)unit_draw(256);
		write_file(path_of(".", "bad.db"), copy, (size_t)size);
		s = store_open(path_of(".", "bad.db"), STORE_READ, &e);
		if (s && store_find(s, SLICE("run9"), &id, &e) == 0 &&
		    (g = store_get_new(s, id, NULL, &e)))
			while ((got = store_get_next(g, &r, &e)) > 0)
				;
		refused += got < 0;
		CLAIM(got == 0 || e.text[0]);
		store_get_free(g);
		store_close(s);
	}
	CLAIM(refused > 10);
	free(bytes);
	free(copy);
}

static void
lives_are_what_a_search_says(void)
{
	enum { N = 3000 };
	static struct {
		bool free, ended;
		uint64_t space, addr, end;
	} all[N];
	struct lives l = { 0 };

	for (uint64_t i = 0; i < N; i++) {
		all[i].free = unit_draw(2);
		all[i].space = unit_draw(2);
		all[i].addr = unit_draw(100) * 16;
		if (!all[i].free) {
			lives_begin(&l, all[i].space, all[i].addr, i);
			continue;
		}
		lives_end(&l, all[i].space, all[i].addr, i, (int64_t)i * 10);
		for (uint64_t k = i; k-- > 0;)
			if (!all[k].free && !all[k].ended && all[k].space == all[i].space &&
			    all[k].addr == all[i].addr) {
				all[k].ended = true;
				all[k].end = i;
				break;
			}
	}
	for (size_t i = 0; i < l.lives; i++) {
		const struct life *life = &l.life[i];

		CLAIM(i == 0 || l.life[i - 1].begin < life->begin);
		CLAIM(all[life->begin].ended == (life->end != LIVES_OPEN));
		CLAIM(!all[life->begin].ended || (life->end == all[life->begin].end &&
						     life->until == (int64_t)life->end * 10));
	}
	lives_free(&l);
}

int
main(void)
{
	char command[64];

	CLAIM(mkdtemp(directory));
	traces_come_back();
	damage_is_no_crash();
	lives_are_what_a_search_says();
	snprintf(command, sizeof command, "rm -r %s", directory);
	CLAIM(system(command) == 0);
	return 0;
}
