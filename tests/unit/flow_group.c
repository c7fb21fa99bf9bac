/* Groups of rows against labels made by hand, over several blocks. */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "flow/group.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

enum { RECORDS = 100000 };

static const char *const comm[] = { "app", "x y", "7", "-", "" };

struct fact {
	int64_t cpu;
	uint64_t addr;
	double num;
	unsigned comm;
};

static struct fact fact[RECORDS];

static void
label_by_hand(struct buf *b, unsigned field, const struct fact *f, bool with_num)
{
	b->n = 0;
	switch (field) {
	case 0:
		buf_slice(b, slice_of(comm[f->comm]));
		break;
	case 1:
		buf_i64(b, f->cpu);
		break;
	case 2:
		buf_hex(b, f->addr);
		break;
	default:
		if (with_num)
			buf_f64(b, f->num);
		else
			buf_char(b, '-');
	}
}

static void
check(int fd, const struct slice *by, const unsigned *field, unsigned n)
{
	struct trace_reader *r;
	struct group *g = group_new(by, n);
	struct trace_block *b;
	struct buf want = BUF_INIT;
	struct error e;
	uint32_t seen = 0;

	lseek(fd, 0, SEEK_SET);
	r = trace_reader_new(fd);
	while (trace_read(r, &b) > 0)
		for (unsigned s = 0; s < b->shapes; s++) {
			bool with_num = trace_field_index(b->shape[s], SLICE("num")) >= 0;
			const uint64_t *id;
			const uint32_t *row = group_rows(g, b, s, &e);

			CLAIM(row);
			id = trace_column(
			    b, s, (unsigned)trace_field_index(b->shape[s], SLICE("id")));
			for (uint32_t i = 0; i < b->rows[s]; i++) {
				CLAIM(row[i] < group_count(g));
				for (unsigned k = 0; k < n; k++) {
					label_by_hand(&want, field[k], &fact[id[i]], with_num);
					CLAIM(slice_eq(group_label(g, row[i])[k], buf_view(&want)));
				}
			}
			seen += b->rows[s];
		}
	CLAIM(seen == RECORDS);
	/* no two groups have the same labels */
	for (uint32_t i = 0; i < group_count(g) && i < 300; i++)
		for (uint32_t j = 0; j < i; j++) {
			unsigned k = 0;

			while (k < n && slice_eq(group_label(g, i)[k], group_label(g, j)[k]))
				k++;
			CLAIM(k < n);
		}
	buf_free(&want);
	group_free(g);
	trace_reader_free(r);
}

int
main(void)
{
	static const struct slice by[] = { { "comm", 4 }, { "cpu", 3 }, { "addr", 4 },
		{ "num", 3 } };
	static const unsigned field[] = { 0, 1, 2, 3 }, back[] = { 3, 0 };
	const struct slice reversed[] = { by[3], by[0] };
	struct trace_field f[] = { { SLICE("id"), TRACE_INT }, { SLICE("comm"), TRACE_STR },
		{ SLICE("cpu"), TRACE_INT }, { SLICE("addr"), TRACE_ADDR },
		{ SLICE("num"), TRACE_NUM } };
	struct trace_field list[] = { { SLICE("stack"), TRACE_STRS },
		{ SLICE("cpus"), TRACE_INTS } };
	FILE *file = tmpfile();
	int fd = fileno(file);
	struct trace_writer *w = trace_writer_new(fd, TRACE_FRAMES, TRACE_RAW);
	unsigned with = trace_writer_shape(w, SLICE("a"), f, 5),
		 without = trace_writer_shape(w, SLICE("b"), f, 4);
	struct slice item[] = { SLICE("main"), SLICE("work") };
	int64_t cpus[] = { 1 };
	union trace_value lists[] = { { .list = { .s = item, .n = 2 } },
		{ .list = { .i = cpus, .n = 1 } } };
	struct slice stack = SLICE("stack"), numbers = SLICE("cpus");
	struct trace_reader *r;
	struct trace_block *b;
	struct group *g;
	struct error e;

	for (unsigned i = 0; i < RECORDS; i++) {
		/* runs of the same, few values, and many */
		if (i % 3 == 0 || i == 0)
			fact[i] = (struct fact){ (int64_t)(unit_random() % 5) - 2,
				unit_random() % 3, (double)(unit_random() % 4) / 4,
				(unsigned)(unit_random() % 5) };
		else
			fact[i] = fact[i - 1];
		if (i > RECORDS / 2)
			fact[i].cpu = (int64_t)(unit_random() % 5000);
		{
			union trace_value v[] = { { .i = i }, { .s = slice_of(comm[fact[i].comm]) },
				{ .i = fact[i].cpu }, { .u = fact[i].addr }, { .d = fact[i].num } };

			CLAIM(trace_put(w, unit_random() % 4 ? with : without, v) == 0);
		}
	}
	CLAIM(trace_writer_close(w, &e) == 0);
	for (unsigned n = 1; n <= 4; n++)
		check(fd, by, field, n);
	check(fd, by + 1, field + 1, 1);
	check(fd, by + 3, field + 3, 1);
	check(fd, reversed, back, 2);

	/* a stack is a group, by its whole text; a list of numbers is none */
	CLAIM(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	w = trace_writer_new(fd, TRACE_FRAMES, TRACE_RAW);
	CLAIM(trace_put(w, trace_writer_shape(w, SLICE("c"), list, 2), lists) == 0);
	CLAIM(trace_writer_close(w, &e) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	r = trace_reader_new(fd);
	g = group_new(&stack, 1);
	CLAIM(trace_read(r, &b) == 1 && group_rows(g, b, 0, &e) != NULL && group_count(g) == 1);
	CLAIM(slice_eq(group_label(g, 0)[0], SLICE("main;work")));
	group_free(g);
	g = group_new(&numbers, 1);
	CLAIM(group_rows(g, b, 0, &e) == NULL);
	CLAIM(strcmp(e.text,
		  "the field cpus of c is a list of int: groups are of numbers, strings and "
		  "stacks") == 0);
	group_free(g);
	trace_reader_free(r);
	return 0;
}
