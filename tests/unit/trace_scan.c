/* Lines that are handed out as they are tell what parsing them tells: the same records, the same times, the same damage,
 * for valid lines and for lines that some bytes were changed in. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/line.h"
#include "trace/reader.h"
#include "unit.h"

static const char *const values[] = { "1", "-5", "0", "007", "123456789012345678",
	"9223372036854775807", "18446744073709551615", "0x1f", "1.5", "nan", "name", "a:b", "a;b;",
	";", "", "\"a b\"", "\"a;b\"", "\"", "@AAEC", "@A", "\\s1;2;", "a\\;b;", "a;b", "x=y",
	"a_rather_long_value_that_fills_a_window_of_sixty_four_bytes_and_more;", "\\", "\"\\q\"" };

static void
draw_line(struct buf *b)
{
	static const char *const types[] = { "x", "sample", "span", "a_long_name_of_a_type",
		"1bad" };
	static const char *const names[] = { "cpu", "name", "stack", "dur_ns", "a_long_name", "x" };
	unsigned fields = (unsigned)unit_draw(5);

	buf_printf(b, "%s", types[unit_draw(unit_draw(9) ? 4 : 5)]);
	if (unit_draw(5))
		buf_printf(b, "\tt=%s",
		    unit_draw(6) ? (const char *[]){ "5", "12345678", "1000000000123",
				       "16652577192076" }[unit_draw(4)]
				 : values[unit_draw(sizeof values / sizeof *values)]);
	for (unsigned f = 0; f < fields; f++)
		buf_printf(b, "\t%s=%s", names[f],
		    values[unit_draw(unit_draw(4) ? 14 : sizeof values / sizeof *values)]);
	if (unit_draw(30) == 0)
		buf_char(b, '\t');
	buf_char(b, '\n');
}

static int
memory(const struct buf *b)
{
	int fd = memfd_create("lines", 0);

	CLAIM(write(fd, b->p, b->n) == (ssize_t)b->n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* The place of a record in the order of the stream, as text. */
static void
put_when(struct buf *b, const struct trace_record *r)
{
	struct trace_when when = trace_when(r->shape);
	int64_t end;

	if (when.t < 0) {
		buf_printf(b, " -\n");
		return;
	}
	end = r->value[when.t].i;
	if (when.dur >= 0 && r->value[when.dur].i > 0 &&
	    __builtin_add_overflow(end, r->value[when.dur].i, &end))
		end = INT64_MAX;
	buf_printf(b, " %lld\n", (long long)end);
}

static void
claim_alike(const struct buf *text)
{
	int one = memory(text), other = memory(text);
	struct trace_reader *parsed = trace_reader_new(one), *lines = trace_reader_new(other);
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct shapes shapes = { 0 };
	struct line_parser parser = { .shapes = &shapes };
	const struct trace_damage *a = trace_reader_damage(parsed), *b = trace_reader_damage(lines);
	struct trace_record record;
	struct trace_line line;
	struct error e;

	while (trace_next(parsed, &record) > 0) {
		line_put(&want, &record);
		put_when(&want, &record);
	}
	while (trace_peek_line(lines, &line) > 0) {
		for (bool more = true; more;) {
			CLAIM(line_parse(&parser, (struct slice){ line.text.p, line.text.n - 1 },
				  &record, &e) == 1);
			line_put(&got, &record);
			if (line.timed)
				buf_printf(&got, " %lld\n", (long long)line.when);
			else
				buf_printf(&got, " -\n");
			more = trace_step_line(lines, &line);
		}
	}
	CLAIM(want.n == got.n && memcmp(want.p, got.p, want.n) == 0);
	CLAIM(a->places == b->places && a->bytes == b->bytes && a->truncated == b->truncated &&
	      strcmp(a->first.text, b->first.text) == 0);
	trace_reader_free(parsed);
	trace_reader_free(lines);
	line_parser_free(&parser);
	shapes_free(&shapes);
	buf_free(&want);
	buf_free(&got);
	close(one);
	close(other);
}

int
main(void)
{
	for (unsigned round = 0; round < 400; round++) {
		struct buf text = BUF_INIT;
		unsigned lines = 1 + (unsigned)unit_draw(60),
			 changes = round % 2 ? (unsigned)unit_draw(10) : 0;
		static const char odd[] = "\t\n;=\"\\@#0-x.ae\x01\xff";

		buf_slice(&text, LINE_MAGIC);
		for (unsigned i = 0; i < lines; i++)
			draw_line(&text);
		for (; changes > 0; changes--)
			text.p[8 + unit_draw(text.n - 8)] = odd[unit_draw(sizeof odd - 1)];
		if (unit_draw(10) == 0)
			text.n -= unit_draw(5);
		claim_alike(&text);
		buf_free(&text);
	}
	return 0;
}
