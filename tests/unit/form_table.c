/* Tables: what is written is read, in portions of any size; CSV as RFC 4180 has it; rows that do not fit. */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "form/table.h"
#include "unit.h"

/* A pipe that a child fills in small portions: the reader must wait in the middle of anything. */
static struct table *
table_of(struct slice text, size_t before, bool slow)
{
	int fd[2];

	CLAIM(pipe(fd) == 0);
	if (fork() == 0) {
		close(fd[0]);
		for (size_t i = before; i < text.n;) {
			size_t n = slow ? 1 + unit_random() % 7 : text.n - i;

			n = n < text.n - i ? n : text.n - i;
			if (io_write(fd[1], text.p + i, n) < 0)
				_exit(1);
			i += n;
		}
		_exit(0);
	}
	close(fd[1]);
	return table_new(fd[0], text.p, before);
}

static bool
is(struct slice s, const char *text)
{
	return slice_eq(s, slice_of(text));
}

static void
random_cell(struct buf *b)
{
	static const char letters[] = "ab ,\"\\\t\n;#=\xc3\xa9";

	b->n = 0;
	for (uint64_t n = unit_random() % 6; n > 0; n--)
		buf_char(b, letters[unit_random() % (sizeof letters - 1)]);
}

/* Cells that table_put_cell() wrote come back; a cell at the start of a line is no comment. */
static void
check_tsv(bool slow)
{
	enum { ROWS = 300, COLUMNS = 3 };
	static struct buf cell[ROWS][COLUMNS];
	struct buf text = BUF_INIT, odd = BUF_INIT;
	struct table *t;

	buf_printf(&text, "# kind a=1");
	random_cell(&odd);
	buf_printf(&odd, " \"x\\\t");
	table_put_word(&text, "odd", buf_view(&odd));
	table_put_word(&text, "none", SLICE(""));
	buf_printf(&text, "\n\n# lost=5 why=\"two words\"\none\ttwo\tthree\r\n");
	for (int r = 0; r < ROWS; r++) {
		for (int c = 0; c < COLUMNS; c++) {
			random_cell(&cell[r][c]);
			if (c == 0) {
				cell[r][c].n = 0;
				buf_printf(&cell[r][c], "r%d", r);
			}
			if (c > 0)
				buf_char(&text, '\t');
			table_put_cell(&text, buf_view(&cell[r][c]));
		}
		buf_char(&text, '\n');
		if (r % 50 == 0)
			buf_printf(&text, "# lost=1 why=later\n");
	}
	t = table_of(buf_view(&text), unit_random() % 40, slow);
	for (int r = 0; r < ROWS; r++) {
		CLAIM(table_next(t) == 1 && t->columns == COLUMNS);
		for (int c = 0; c < COLUMNS; c++)
			CLAIM(slice_eq(t->cell[c], buf_view(&cell[r][c])));
		CLAIM(t->line == (uint64_t)(5 + r + (r ? (r - 1) / 50 + 1 : 0)));
	}
	CLAIM(table_next(t) == 0 && table_next(t) == 0 && table_offset(t) == text.n);
	CLAIM(is(t->kind, "kind") && is(table_word(t, SLICE("a")), "1"));
	CLAIM(slice_eq(table_word(t, SLICE("odd")), buf_view(&odd)));
	CLAIM(table_word(t, SLICE("none")).p && table_word(t, SLICE("none")).n == 0);
	CLAIM(table_word(t, SLICE("nosuch")).p == NULL);
	CLAIM(is(table_word(t, SLICE("why")), "two words"));
	CLAIM(t->word[0].line == 1 && t->word[t->words - 1].line > 250);
	CLAIM(table_column(t, SLICE("two")) == 1 && table_column(t, SLICE("3")) == 2);
	CLAIM(table_column(t, SLICE("0")) == -1 && table_column(t, SLICE("4")) == -1 &&
	      table_column(t, SLICE("four")) == -1);
	table_free(t);
	buf_free(&text);
	buf_free(&odd);
}

static void
check_csv(bool slow)
{
	static const char text[] = "# a comment, with=words\n"
				   "name,\"b \"\"q\"\"\",c\r\n"
				   "1,\"x,y\",3\n"
				   "\n"
				   "\"two\nlines\",,\" kept \"\n"
				   "short,1\n"
				   " a , b ,c\r\n"
				   "5,6,7,8\n"
				   "last,\"\",9";
	struct table *t = table_of(slice_of(text), 10, slow);

	CLAIM(table_header(t) == 1 && t->columns == 3);
	CLAIM(is(t->name[0], "name") && is(t->name[1], "b \"q\"") && is(t->name[2], "c"));
	CLAIM(table_next(t) == 1 && t->line == 3 && is(t->cell[1], "x,y"));
	CLAIM(table_next(t) == 1 && t->line == 5);
	CLAIM(is(t->cell[0], "two\nlines") && t->cell[1].n == 0 && is(t->cell[2], " kept "));
	CLAIM(table_next(t) == -1 && !table_failed(t));
	CLAIM(strcmp(t->error.text, "7: 2 cells, the header has 3") == 0);
	CLAIM(table_next(t) == 1 && is(t->cell[0], "a") && is(t->cell[1], "b") && t->line == 8);
	CLAIM(table_next(t) == -1 && !table_failed(t));
	CLAIM(table_next(t) == 1 && is(t->cell[0], "last") && is(t->cell[2], "9") && t->line == 10);
	CLAIM(table_next(t) == 0 && is(table_word(t, SLICE("with")), "words"));
	table_free(t);
}

/* A row is the same with its cells in quotes, which libcsv reads, and without; blanks count in quotes only. */
static void
check_csv_quotes(bool slow)
{
	enum { ROWS = 400, COLUMNS = 4 };
	static struct buf cell[ROWS][COLUMNS];
	static bool quoted[ROWS];
	struct buf text = BUF_INIT;
	struct table *t;

	buf_printf(&text, "a,b,c,d\n");
	for (int r = 0; r < ROWS; r++) {
		quoted[r] = unit_random() % 2;
		for (int c = 0; c < COLUMNS; c++) {
			cell[r][c].n = 0;
			for (uint64_t n = unit_random() % 5; n > 0; n--)
				buf_char(&cell[r][c], "ab \t;#\\\xc3"[unit_random() % 8]);
			buf_printf(&text, quoted[r] ? "%s\"%.*s\"" : "%s%.*s", c ? "," : "",
			    SLICE_ARG(buf_view(&cell[r][c])));
		}
		buf_printf(&text, "%s", unit_random() % 3 ? "\n" : "\r\n");
	}
	t = table_of(buf_view(&text), 0, slow);
	for (int r = 0; r < ROWS; r++) {
		CLAIM(table_next(t) == 1 && t->line == (uint64_t)r + 2);
		for (int c = 0; c < COLUMNS; c++) {
			struct slice want = buf_view(&cell[r][c]);

			CLAIM(slice_eq(t->cell[c], quoted[r] ? want : slice_trim(want)));
		}
	}
	CLAIM(table_next(t) == 0 && table_offset(t) == text.n);
	table_free(t);
	buf_free(&text);
}

static void
check_bad(void)
{
	struct table *t = table_of(SLICE("a,b\n1,\"2\n3,4\n"), 0, false);

	CLAIM(table_next(t) == -1 && table_failed(t) && strncmp(t->error.text, "2: ", 3) == 0);
	CLAIM(table_next(t) == 0);
	table_free(t);
	t = table_of(SLICE("a,b\n1,2\"3\n"), 0, false);
	CLAIM(table_next(t) == -1 && table_failed(t));
	table_free(t);
	t = table_of(SLICE("# only=comments\n"), 0, false);
	CLAIM(table_next(t) == 0 && is(table_word(t, SLICE("only")), "comments"));
	table_free(t);
	t = table_of(SLICE(""), 0, false);
	CLAIM(table_header(t) == 0);
	table_free(t);
	/* one column, no row */
	t = table_of(SLICE("x"), 0, false);
	CLAIM(table_header(t) == 1 && t->columns == 1 && table_next(t) == 0);
	table_free(t);
	t = table_new(-1, "a\tb\n", 4);
	CLAIM(table_next(t) == -1 && table_failed(t) && t->error.text[0]);
	table_free(t);
}

int
main(void)
{
	for (int i = 0; i < 20; i++)
		check_tsv(i % 2);
	check_csv(false);
	check_csv(true);
	for (int i = 0; i < 20; i++)
		check_csv_quotes(i % 2);
	check_bad();
	return 0;
}
