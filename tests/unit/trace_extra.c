/* Picked rows with columns of the caller's come out as if they had been put one by one, in lines and in frames, also where a block
 * is so full that rows go singly. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

enum { ROWS = 70000, NAMES = 5, LISTS = 50 };

static struct slice name[NAMES] = { SLICE("a"), SLICE("b b"), SLICE(""), SLICE("long name of five"),
	SLICE("e") };
static struct trace_list list[LISTS];
static uint64_t name_link[NAMES], list_link[LISTS];
static uint64_t number[ROWS], names[ROWS], lists[ROWS];

static int
memory(void)
{
	int fd = memfd_create("trace", 0);

	CLAIM(fd >= 0);
	return fd;
}

/* A trace of two shapes, t and blob in turn with t alone. */
static int
input(bool bytes)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("text"), TRACE_STR }, { SLICE("blob"), TRACE_BYTES } };
	int fd = memory();
	struct trace_writer *w = trace_writer_new(fd, TRACE_FRAMES, TRACE_RAW);
	unsigned one = trace_writer_shape(w, SLICE("one"), field, bytes ? 3 : 2);
	unsigned two = trace_writer_shape(w, SLICE("two"), field, 1);
	struct error e;

	for (int64_t t = 0; t < ROWS; t++)
		CLAIM(trace_put(w, t % 3 ? one : two,
			  (union trace_value[]){ { .i = t }, { .s = name[t % NAMES] },
			      { .s = name[(t / 7) % NAMES] } }) == 0);
	CLAIM(trace_writer_close(w, &e) == 0);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* The same with more columns: by picks, or record by record. */
static int
output(bool bytes, bool by_picks, enum trace_encoding encoding)
{
	static const struct trace_field field[] = { { SLICE("number"), TRACE_INT },
		{ SLICE("t"), TRACE_INT }, { SLICE("name"), TRACE_STR },
		{ SLICE("text"), TRACE_STR }, { SLICE("items"), TRACE_ADDRS },
		{ SLICE("blob"), TRACE_BYTES } };
	static const int from[] = { ~0, 0, ~1, 1, ~2, 2 };
	struct trace_extra extra[] = { { .v = number }, { names, name, NULL, name_link },
		{ lists, NULL, list, list_link } };
	int in = input(bytes), fd = memory();
	struct trace_reader *r = trace_reader_new(in);
	struct trace_writer *w = trace_writer_new(fd, encoding, TRACE_RAW);
	unsigned made = trace_writer_shape(w, SLICE("made"), field, bytes ? 6 : 5);
	struct trace_block *b;
	struct error e;

	while (trace_read(r, &b) == 1) {
		struct trace_pick *pick = xcalloc(b->records, sizeof *pick);
		const uint16_t *sequence = trace_sequence(b);
		uint32_t row[2] = { 0 };
		unsigned source[2] = { 0 };

		CLAIM(b->shapes <= 2 && b->records <= ROWS);
		for (unsigned s = 0; s < b->shapes && by_picks; s++)
			source[s] = slice_eq(b->shape[s]->type, SLICE("one"))
					? trace_pick_source_with(w, b, s, made, from, extra)
					: trace_pick_source(w, b, s);
		for (uint32_t i = 0; i < b->records; i++) {
			unsigned s = sequence ? sequence[i] : 0;
			uint32_t at = row[s]++;

			if (by_picks) {
				pick[i] = (struct trace_pick){ source[s], at };
			} else if (slice_eq(b->shape[s]->type, SLICE("two"))) {
				CLAIM(trace_put_row(w, b, s, at) == 0);
			} else {
				union trace_value v[6] = { { .u = number[at] },
					trace_block_value(b, s, 0, at), { .s = name[names[at]] },
					trace_block_value(b, s, 1, at),
					{ .list = list[lists[at]] } };

				if (bytes)
					v[5] = trace_block_value(b, s, 2, at);
				CLAIM(trace_put(w, made, v) == 0);
			}
		}
		CLAIM(!by_picks || trace_put_picked(w, pick, b->records) == 0);
		free(pick);
	}
	trace_reader_free(r);
	CLAIM(trace_writer_close(w, &e) == 0);
	close(in);
	return fd;
}

/* The records of both as text. */
static void
same(int a, int b)
{
	struct trace_reader *ra, *rb;
	struct trace_record x, y;
	uint64_t n = 0;

	CLAIM(lseek(a, 0, SEEK_SET) == 0 && lseek(b, 0, SEEK_SET) == 0);
	ra = trace_reader_new(a);
	rb = trace_reader_new(b);
	while (trace_next(ra, &x) == 1) {
		CLAIM(trace_next(rb, &y) == 1);
		CLAIM(slice_eq(x.shape->type, y.shape->type) && x.shape->fields == y.shape->fields);
		for (unsigned f = 0; f < x.shape->fields; f++) {
			enum trace_kind kind = x.shape->field[f].kind;

			CLAIM(slice_eq(x.shape->field[f].name, y.shape->field[f].name) &&
			      (kind == y.shape->field[f].kind || kind >= TRACE_INTS));
			if (kind == TRACE_STR || kind == TRACE_BYTES)
				CLAIM(slice_eq(x.value[f].s, y.value[f].s));
			else if (kind >= TRACE_INTS) /* an empty one has no kind in lines */
				CLAIM(x.value[f].list.n == y.value[f].list.n &&
				      memcmp(x.value[f].list.u, y.value[f].list.u,
					  x.value[f].list.n * sizeof(uint64_t)) == 0);
			else
				CLAIM(x.value[f].u == y.value[f].u);
		}
		n++;
	}
	CLAIM(trace_next(rb, &y) == 0 && n == ROWS);
	trace_reader_free(ra);
	trace_reader_free(rb);
	close(a);
	close(b);
}

int
main(void)
{
	for (unsigned i = 0; i < LISTS; i++) {
		uint64_t *items = xcalloc(i % 9 + 1, sizeof *items);

		for (unsigned k = 0; k < i % 9; k++)
			items[k] = unit_random();
		list[i] = (struct trace_list){ { .u = items }, i % 9, NULL };
	}
	for (unsigned i = 0; i < ROWS; i++) {
		number[i] = unit_draw(1 << 20);
		names[i] = unit_draw(NAMES);
		lists[i] = unit_draw(LISTS);
	}
	for (int bytes = 0; bytes < 2; bytes++)
		for (int frames = 0; frames < 2; frames++)
			same(output(bytes, true, frames ? TRACE_FRAMES : TRACE_LINES),
			    output(bytes, false, TRACE_LINES));
	return 0;
}
