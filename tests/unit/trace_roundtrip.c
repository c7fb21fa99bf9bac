/* Records of every kind and shape come back from lines and from frames as they went in; a cut or changed file of frames
 * is read up to the damage and after it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "trace/frame.h"
#include "trace/line.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

static struct slice
draw_string(struct arena *a)
{
	static const char *const odd[] = { "", "123", "-7", "0x1f", "nan", "1e5", "-inf", "@AAEC",
		"a b", "a;b", "\"", "\\", "a\tb\n", "\x01\x7f\xff", "x=y", "\\s", ";",
		"operator new(unsigned long)", "99999999999999999999999" };
	size_t n;
	char *p;

	if (unit_draw(2))
		return slice_of(odd[unit_draw(sizeof odd / sizeof *odd)]);
	n = unit_draw(12);
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
		return (int64_t)(unit_draw(UINT64_MAX));
	}
}

static union trace_value
draw_value(struct arena *a, enum trace_kind kind)
{
	union trace_value v = { 0 };
	uint32_t n = (uint32_t)unit_draw(5);

	switch (kind) {
	case TRACE_INT:
		v.i = draw_int();
		break;
	case TRACE_BIG:
		v.u = UINT64_MAX - unit_draw(INT64_MAX);
		break;
	case TRACE_ADDR:
		v.u = unit_draw(3) ? unit_draw(UINT64_MAX) : unit_draw(16);
		break;
	case TRACE_NUM:
		v.d = unit_draw(5) ? (double)draw_int() / (double)(1 + unit_draw(1000)) : 1.0 / 0.0;
		break;
	case TRACE_STR:
	case TRACE_BYTES:
		v.s = draw_string(a);
		break;
	case TRACE_INTS:
	case TRACE_ADDRS:
		v.list = (struct trace_list){ .u = arena_alloc(a, (n + 1) * sizeof(uint64_t)),
			.n = n + 1 };
		for (uint32_t i = 0; i <= n; i++)
			((uint64_t *)v.list.items)[i] =
			    unit_draw(2) ? 4096 + unit_draw(3) : (uint64_t)draw_int();
		break;
	default:
		v.list = (struct trace_list){ .s = arena_alloc(a, (n + 1) * sizeof(struct slice)),
			.n = n };
		for (uint32_t i = 0; i < n; i++)
			((struct slice *)v.list.items)[i] = draw_string(a);
	}
	return v;
}

static const char *const types[] = { "sample", "access", "alloc", "free", "event", "mark", "span",
	"stat", "mmap", "comm", "fork", "exit", "object", "sym", "block", "run", "task", "insn",
	"wq", "pool", "worker", "start", "lost", "clock", "note", "end", "later_invention" };

enum { TYPES = sizeof types / sizeof *types };

/* One record of type k, with t so that frames have their times. */
static struct trace_record
draw_record(struct shapes *shapes, struct arena *a, unsigned k, int64_t t)
{
	static const char *const names[] = { "cpu", "pid", "x", "Y_1", "_z", "a9", "name",
		"stack" };
	unsigned fields = (unsigned)unit_draw(8);
	struct trace_field field[9];
	union trace_value *value = arena_alloc(a, sizeof *value * 9);

	field[0] = (struct trace_field){ SLICE("t"), TRACE_INT };
	value[0].i = t;
	for (unsigned f = 1; f <= fields; f++) {
		field[f] = (struct trace_field){ slice_of(names[f - 1]),
			(enum trace_kind)unit_draw(TRACE_KINDS) };
		value[f] = draw_value(a, field[f].kind);
	}
	return (struct trace_record){ shapes_get(shapes, slice_of(types[k]), field, fields + 1),
		value };
}

static int
memory(const void *p, size_t n)
{
	int fd = memfd_create("trace", 0);

	CLAIM(fd >= 0 && write(fd, p, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* All of a descriptor from its beginning. */
static struct buf
contents(int fd)
{
	struct buf b = BUF_INIT;
	off_t n = lseek(fd, 0, SEEK_END);

	CLAIM(pread(fd, buf_room(&b, (size_t)n + 1), (size_t)n, 0) == n);
	b.n = (size_t)n;
	return b;
}

/* The records of a trace as lines; *damage gets what the reader counted. */
static struct buf
read_as_lines(int fd, struct trace_damage *damage)
{
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_record record;
	struct buf text = BUF_INIT;
	int got;

	while ((got = trace_next(r, &record)) > 0)
		line_put(&text, &record);
	*damage = *trace_reader_damage(r);
	if (got < 0)
		damage->places = UINT64_MAX;
	trace_reader_free(r);
	return text;
}

/* All rows of a block in order: one by one, by ranges, or with a shape that is given. */
static void
put_rows(struct trace_writer *w, struct trace_block *b)
{
	const uint16_t *sequence = trace_sequence(b);
	uint32_t *row = calloc(b->shapes, sizeof *row);
	int from[16];

	for (uint32_t i = 0; i < b->records;) {
		unsigned s = sequence ? sequence[i] : 0;
		const struct trace_shape *shape = b->shape[s];
		uint64_t word = 0;

		if (unit_draw(3) == 0) {
			uint32_t n = 1 + (uint32_t)unit_draw(b->records - i);

			CLAIM(trace_put_range(w, b, i, n, row) == 0);
			i += n;
			continue;
		}
		i++;
		if (unit_draw(2)) {
			CLAIM(trace_put_row(w, b, s, row[s]++) == 0);
			continue;
		}
		for (unsigned f = 0; f < shape->fields; f++) {
			from[f] = (int)f;
			if (f == 0 && shape->field[0].kind <= TRACE_NUM) {
				from[f] = ~0;
				word = trace_column(b, s, 0)[row[s]];
			}
		}
		CLAIM(trace_put_row_as(w,
			  trace_writer_shape(w, shape->type, shape->field, shape->fields), b, s,
			  row[s]++, from, &word) == 0);
	}
	free(row);
}

/* A copy of the trace in fd in the other encoding, or the same. */
static int
rewritten(int fd, enum trace_encoding encoding, int level, size_t every, bool blocks)
{
	int to = memfd_create("copy", 0);
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_writer *w = trace_writer_new(to, encoding, level);
	struct trace_record record;
	struct trace_block *block;
	size_t n = 0;

	if (blocks)
		while (trace_read(r, &block) > 0) {
			if (unit_draw(2))
				put_rows(w, block);
			else
				CLAIM(trace_put_block(w, block) == 0);
			if (every && unit_draw(3) == 0)
				CLAIM(trace_flush(w) == 0);
		}
	else
		while (trace_next(r, &record) > 0) {
			CLAIM(trace_put_record(w, &record) == 0);
			if (every && ++n % every == 0)
				CLAIM(trace_flush(w) == 0);
		}
	CLAIM(trace_writer_close(w, NULL) == 0);
	trace_reader_free(r);
	CLAIM(lseek(to, 0, SEEK_SET) == 0);
	return to;
}

/* n records as canonical lines. */
static struct buf
draw_lines(size_t n)
{
	struct shapes shapes = { 0 };
	struct arena a = ARENA_INIT;
	struct buf text = BUF_INIT;

	buf_slice(&text, LINE_MAGIC);
	for (size_t i = 0; i < n; i++) {
		struct trace_record r =
		    draw_record(&shapes, &a, (unsigned)(i % TYPES), (int64_t)(1000 + i * 7));

		line_put(&text, &r);
	}
	/* Every source that was opened is closed, so that nothing counts as cut off. */
	for (size_t i = 0; i < n / TYPES + 1; i++)
		buf_slice(&text, SLICE("end\ttool=test\n"));
	shapes_free(&shapes);
	arena_free(&a);
	return text;
}

static void
lines_to_frames_to_lines_is_the_identity(void)
{
	for (unsigned round = 0; round < 40; round++) {
		struct buf text = draw_lines(round * 37), back;
		int lines = memory(text.p, text.n);
		int frames = rewritten(
		    lines, TRACE_FRAMES, round % 3 == 0 ? TRACE_RAW : 3, round % 5, round & 1);
		int again = rewritten(frames, TRACE_FRAMES, TRACE_RAW, 0, !(round & 1));
		int last = rewritten(again, TRACE_LINES, 0, 0, round & 1);

		back = contents(last);
		CLAIM(back.n == text.n);
		CLAIM(memcmp(back.p, text.p, text.n) == 0);
		buf_free(&text);
		buf_free(&back);
		close(lines);
		close(frames);
		close(again);
		close(last);
	}
}

/* Rows of several readers in turn, to a writer whose blocks end in between: each reader's records come out in its order
 * and as they were. */
static void
rows_of_several_readers_keep_their_strings(void)
{
	enum { READERS = 3 };

	for (unsigned round = 0; round < 30; round++) {
		struct trace_reader *r[READERS];
		struct trace_block *b[READERS] = { 0 };
		uint32_t *row[READERS] = { 0 }, at[READERS] = { 0 };
		struct shapes shapes = { 0 };
		struct buf want = BUF_INIT, got;
		int to = memfd_create("copy", 0), back;
		struct trace_writer *w = trace_writer_new(to, TRACE_FRAMES, TRACE_RAW);
		unsigned left = READERS;

		for (unsigned i = 0; i < READERS; i++) {
			struct buf text = draw_lines(20 + round * 11);
			int lines = memory(text.p, text.n);

			r[i] = trace_reader_new(
			    i ? rewritten(lines, TRACE_FRAMES, TRACE_RAW, 0, false) : lines);
			buf_free(&text);
		}
		buf_slice(&want, LINE_MAGIC);
		while (left > 0) {
			unsigned i = (unsigned)unit_draw(READERS), s;
			const uint16_t *sequence;
			struct trace_record record;
			union trace_value value[16];

			if (r[i] == NULL)
				continue;
			if (b[i] == NULL || at[i] == b[i]->records) {
				if (trace_read(r[i], &b[i]) <= 0) {
					trace_reader_free(r[i]);
					free(row[i]);
					r[i] = NULL;
					left--;
					continue;
				}
				free(row[i]);
				row[i] = calloc(b[i]->shapes, sizeof *row[i]);
				at[i] = 0;
			}
			sequence = trace_sequence(b[i]);
			s = sequence ? sequence[at[i]] : 0;
			at[i]++;
			for (unsigned f = 0; f < b[i]->shape[s]->fields; f++)
				value[f] = trace_block_value(b[i], s, f, row[i][s]);
			record = (struct trace_record){ b[i]->shape[s], value };
			line_put(&want, &record);
			CLAIM(trace_put_row(w, b[i], s, row[i][s]++) == 0);
			if (unit_draw(40) == 0)
				CLAIM(trace_flush(w) == 0);
		}
		CLAIM(trace_writer_close(w, NULL) == 0);
		lseek(to, 0, SEEK_SET);
		back = rewritten(to, TRACE_LINES, 0, 0, false);
		got = contents(back);
		CLAIM(got.n == want.n && memcmp(got.p, want.p, want.n) == 0);
		buf_free(&want);
		buf_free(&got);
		shapes_free(&shapes);
		close(to);
		close(back);
	}
}

/* Everything read from a damaged trace was in the whole one, and what is missing is told. */
static void
check_damaged(const struct buf *whole, const void *p, size_t n, bool must_tell)
{
	struct trace_damage damage;
	int fd = memory(p, n);
	struct buf text = read_as_lines(fd, &damage);
	const char *at = whole->p;
	bool complete = text.n == whole->n;

	for (struct slice rest = buf_view(&text); rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n');

		if (slice_starts(line, SLICE("lost\t")) && memmem(line.p, line.n, "why=", 4)) {
			complete = false;
			continue;
		}
		at = memmem(at, (size_t)(whole->p + whole->n - at), line.p, line.n);
		CLAIM(at != NULL);
		at += line.n;
	}
	if (must_tell && !complete)
		CLAIM(damage.places > 0 || damage.truncated);
	buf_free(&text);
	close(fd);
}

static void
damage_is_told_and_passed_over(void)
{
	struct buf text = draw_lines(60), frames, whole;
	struct trace_damage damage;
	int lines = memory(text.p, text.n), fd;

	for (int level = TRACE_RAW; level <= 3; level += 3) {
		lseek(lines, 0, SEEK_SET);
		fd = rewritten(lines, TRACE_FRAMES, level, 9, false);
		whole = read_as_lines(fd, &damage);
		CLAIM(damage.places == 0 && !damage.truncated);
		frames = contents(fd);
		for (size_t cut = 0, boundary = 0; cut < frames.n; cut++) {
			struct frame_index index;

			if (cut > boundary) {
				CLAIM(frame_index_get(
				    frames.p + boundary, frames.n - boundary, &index));
				boundary += FRAME_INDEX_BYTES + index.stored;
			}
			check_damaged(&whole, frames.p, cut, cut != boundary);
		}
		for (size_t at = 0; at < frames.n; at++) {
			char had = frames.p[at];

			frames.p[at] = (char)(had ^ (1 << at % 8));
			check_damaged(&whole, frames.p, frames.n, true);
			frames.p[at] = (char)~had;
			check_damaged(&whole, frames.p, frames.n, true);
			frames.p[at] = had;
		}
		buf_free(&whole);
		buf_free(&frames);
		close(fd);
	}
	buf_free(&text);
	close(lines);
}

int
main(void)
{
	lines_to_frames_to_lines_is_the_identity();
	rows_of_several_readers_keep_their_strings();
	damage_is_told_and_passed_over();
	return 0;
}
