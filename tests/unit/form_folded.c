/* Folded lines: sums, what is no line, portions, and the way back. */
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "form/folded.h"
#include "unit.h"

static int
read_text(struct folded *f, struct slice text, size_t before, struct error *e)
{
	FILE *file = tmpfile();
	int r;

	CLAIM(file && io_write(fileno(file), text.p, text.n) == 0);
	CLAIM(lseek(fileno(file), (off_t)before, SEEK_SET) == (off_t)before);
	r = folded_read(f, fileno(file), text.p, before, e);
	fclose(file);
	return r;
}

static struct slice
lines(struct folded *f, struct buf *b)
{
	b->n = 0;
	folded_sort(f);
	folded_lines(f, b);
	return buf_view(b);
}

int
main(void)
{
	static const char *const bad[] = { "noweight\n", "a;b x\n", "a;b 1.5\n", "a;b -1\n",
		"a;b 1 2\n", "a;b 18446744073709551616\n", "a;b 5" };
	struct folded f = FOLDED_INIT;
	struct buf b = BUF_INIT, big = BUF_INIT;
	struct error e;
	uint64_t sum = 0;

	CLAIM(read_text(&f, SLICE("b;c 5\na 1\r\n\nb;c 7\nx y;z w 2\n"), 3, &e) == 0);
	CLAIM(f.lines == 4 && f.bad == 0 && f.stacks == 3);
	CLAIM(slice_eq(lines(&f, &b), SLICE("a 1\nb;c 12\nx y;z w 2\n")));
	/* sorted, it can be added to */
	folded_add(&f, SLICE("b;c"), 3);
	folded_add(&f, SLICE("0"), 1);
	CLAIM(f.stacks == 4);
	CLAIM(slice_eq(lines(&f, &b), SLICE("0 1\na 1\nb;c 15\nx y;z w 2\n")));
	/* a sum stays at its limit, and that counts */
	CLAIM(read_text(&f, SLICE("a 18446744073709551614\na 1\n"), 0, &e) == 0);
	CLAIM(f.bad == 1 && strcmp(f.first_bad.text, "2: a sum exceeds 2^64-1") == 0);
	CLAIM(slice_eq(lines(&f, &b), SLICE("0 1\na 18446744073709551615\nb;c 15\nx y;z w 2\n")));
	folded_free(&f);

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		b.n = 0;
		buf_printf(&b, "a;b 1\n%s", bad[i]);
		CLAIM(read_text(&f, buf_view(&b), 0, &e) == 0);
		CLAIM(f.bad == 1 && f.stacks == 1 && f.stack[0].weight == 1);
		CLAIM(strncmp(f.first_bad.text, "2: ", 3) == 0);
		folded_free(&f);
	}
	CLAIM(folded_read(&f, -1, NULL, 0, &e) == -1 && e.text[0]);

	/* more than a read at once, twice */
	for (unsigned i = 0; i < 60000; i++) {
		buf_printf(&big, "main;f%u;g%u %u\n", i % 700, i % 13, i);
		sum += i;
	}
	CLAIM(read_text(&f, buf_view(&big), 8000, &e) == 0 &&
	      read_text(&f, buf_view(&big), 0, &e) == 0);
	CLAIM(f.lines == 120000 && f.bad == 0 && f.stacks == 700 * 13);
	for (size_t i = 0; i < f.stacks; i++)
		sum -= f.stack[i].weight / 2;
	CLAIM(sum == 0);
	/* and back */
	b.n = 0;
	lines(&f, &b);
	big.n = 0;
	{
		struct folded again = FOLDED_INIT;

		CLAIM(read_text(&again, buf_view(&b), 0, &e) == 0);
		CLAIM(slice_eq(lines(&again, &big), buf_view(&b)));
		folded_free(&again);
	}
	folded_free(&f);
	buf_free(&b);
	buf_free(&big);
	return 0;
}
