#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "form/table.h"

enum { READ_BYTES = 64 << 10 };

struct table_parts {
	int fd;
	struct buf in; /* bytes [at, in.n) are not consumed */
	size_t at;
	bool eof, failed, headed, header, csv;
	bool pending;         /* the first row, read in place of a header, is the next row */
	uint64_t offset;      /* of in.p[0] */
	uint64_t lines;       /* consumed */
	struct arena kept;    /* names and words */
	struct arena present; /* cells of the row */
	size_t cell_cap, word_cap;

	struct csv_parser parser;
	struct buf text;      /* of the cells of the row that is being put together */
	struct buf cell_ends; /* size_t each */
	bool row_done;
};

struct table *
table_new(int fd, const void *first, size_t n)
{
	struct table *t = xcalloc(1, sizeof *t);

	t->parts = xcalloc(1, sizeof *t->parts);
	t->parts->fd = fd;
	buf_put(&t->parts->in, first, n);
	return t;
}

void
table_free(struct table *t)
{
	struct table_parts *p = t->parts;

	if (p->csv)
		csv_free(&p->parser);
	buf_free(&p->in);
	buf_free(&p->text);
	buf_free(&p->cell_ends);
	arena_free(&p->kept);
	arena_free(&p->present);
	free(p);
	free(t->name);
	free(t->cell);
	free(t->word);
	free(t);
}

bool
table_failed(const struct table *t)
{
	return t->parts->failed;
}

uint64_t
table_offset(const struct table *t)
{
	return t->parts->offset + t->parts->at;
}

/* More bytes behind those that are there: 1, 0 at the end, -1. */
static int
more(struct table *t)
{
	struct table_parts *p = t->parts;
	ssize_t got;

	if (p->eof)
		return 0;
	if (p->at > 0) {
		memmove(p->in.p, p->in.p + p->at, p->in.n - p->at);
		p->offset += p->at;
		p->in.n -= p->at;
		p->at = 0;
	}
	got = io_read(p->fd, buf_room(&p->in, READ_BYTES), READ_BYTES);
	if (got < 0) {
		p->failed = true;
		return error_set(&t->error, "%s", strerror(errno));
	}
	p->in.n += (size_t)got;
	p->eof = got == 0;
	return got > 0;
}

/* The next line without its LF and CR: 1, 0 at the end, -1. It is not consumed. */
static int
peek_line(struct table *t, struct slice *line)
{
	struct table_parts *p = t->parts;
	size_t looked = 0;

	for (;;) {
		const char *start = p->in.p + p->at, *lf = NULL;
		size_t there = p->in.n - p->at;
		int got;

		if (there > looked)
			lf = memchr(start + looked, '\n', there - looked);
		looked = there;
		if (lf == NULL) {
			got = more(t);
			if (got < 0)
				return -1;
			if (got > 0)
				continue;
			if (there == 0)
				return 0;
			start = p->in.p + p->at;
		}
		*line = (struct slice){ start, lf ? (size_t)(lf - start) : there };
		return 1;
	}
}

static void
consume_line(struct table *t, struct slice line)
{
	struct table_parts *p = t->parts;

	p->at += line.n;
	p->at += p->at < p->in.n; /* its LF */
	p->lines++;
}

static struct slice
without_cr(struct slice s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/* The words of a `#` line: key=value with the value in double quotes where it must be; the first word of the first such
 * line may be the kind. */
static void
words(struct table *t, struct slice line)
{
	struct table_parts *p = t->parts;
	bool first = true;

	line = slice_trim((struct slice){ line.p + 1, line.n - 1 });
	while (line.n > 0) {
		size_t i = 0;
		struct table_word w = { .line = (uint32_t)p->lines };

		while (i < line.n && line.p[i] != '=' && line.p[i] != ' ' && line.p[i] != '\t')
			i++;
		w.key = arena_copy(&p->kept, (struct slice){ line.p, i });
		line = (struct slice){ line.p + i, line.n - i };
		if (line.n > 0 && line.p[0] == '=') {
			struct buf b = BUF_INIT;
			bool quoted = line.n > 1 && line.p[1] == '"';

			for (i = 1 + quoted; i < line.n; i++) {
				char c = line.p[i];

				if (quoted ? c == '"' : c == ' ' || c == '\t')
					break;
				if (quoted && c == '\\' && i + 1 < line.n) {
					c = line.p[++i];
					c = (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c);
				}
				buf_char(&b, c);
			}
			i += quoted && i < line.n;
			w.value = arena_copy(&p->kept, buf_view(&b));
			buf_free(&b);
			line = (struct slice){ line.p + i, line.n - i };
		} else if (first && t->kind.n == 0) {
			t->kind = w.key;
		}
		GROW(t->word, p->word_cap, t->words);
		t->word[t->words++] = w;
		first = false;
		line = slice_trim(line);
	}
}

/* ---- rows ---- */

static void
add_cell(struct table *t, unsigned i, struct slice s)
{
	GROW(t->cell, t->parts->cell_cap, i);
	t->cell[i] = s;
}

static struct slice
unescape(struct arena *a, struct slice s)
{
	char *to;
	size_t n = 0;

	if (memchr(s.p, '\\', s.n) == NULL)
		return s;
	to = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.n && strchr("tn\\", s.p[i + 1])) {
			c = s.p[++i];
			c = (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c);
		}
		to[n++] = c;
	}
	return (struct slice){ to, n };
}

/* One row of TSV into t->cell: how many cells, 0 at the end of the input, -1. */
static int
tsv_row(struct table *t)
{
	struct table_parts *p = t->parts;
	struct slice line, rest;
	unsigned n = 0;
	int got;

	for (;;) {
		got = peek_line(t, &line);
		if (got <= 0)
			return got;
		consume_line(t, line);
		line = without_cr(line);
		if (line.n > 0 && line.p[0] == '#')
			words(t, line);
		else if (line.n > 0)
			break;
	}
	arena_reset(&p->present);
	t->line = p->lines;
	rest = line;
	for (;;) {
		bool last = memchr(rest.p, '\t', rest.n) == NULL;

		add_cell(t, n++, unescape(&p->present, slice_cut(&rest, '\t')));
		if (last)
			return (int)n;
	}
}

static void
csv_cell(void *bytes, size_t n, void *context)
{
	struct table_parts *p = context;

	buf_put(&p->text, bytes, n);
	buf_put(&p->cell_ends, &p->text.n, sizeof p->text.n);
}

static void
csv_end(int c, void *context)
{
	struct table_parts *p = context;

	(void)c;
	p->row_done = true;
}

/* Cells of a line of CSV without quotes, and without the blanks around them, as libcsv takes them off. */
static int
plain_row(struct table *t, struct slice line)
{
	unsigned n = 0;
	bool last;

	do {
		last = memchr(line.p, ',', line.n) == NULL;
		add_cell(t, n++, slice_trim(slice_cut(&line, ',')));
	} while (!last);
	return (int)n;
}

static int quoted_row(struct table *t);

/* The same of CSV: lines with quotes are libcsv's, all others need no parser. */
static int
csv_row(struct table *t)
{
	struct table_parts *p = t->parts;
	struct slice line;
	int got;

	do {
		got = peek_line(t, &line);
		if (got <= 0)
			return got;
		if (memchr(line.p, '"', line.n))
			return quoted_row(t);
		consume_line(t, line);
		line = without_cr(line);
	} while (line.n == 0);
	if (memchr(line.p, '\r', line.n)) {
		p->failed = true;
		return error_set(
		    &t->error, "%" PRIu64 ": a CR within a row: lines end with LF", p->lines);
	}
	t->line = p->lines;
	return plain_row(t, line);
}

/* libcsv is fed byte by byte up to the end of the row, so that the place is known. */
static int
quoted_row(struct table *t)
{
	struct table_parts *p = t->parts;
	size_t cells, from = 0;
	bool any = false;

	p->text.n = p->cell_ends.n = 0;
	p->row_done = false;
	t->line = p->lines + 1;
	while (!p->row_done) {
		if (p->at == p->in.n) {
			int got = more(t);

			if (got < 0)
				return -1;
			if (got == 0) {
				if (csv_fini(&p->parser, csv_cell, csv_end, p) != 0) {
					p->failed = true;
					return error_set(&t->error,
					    "%" PRIu64 ": a quote is not closed", t->line);
				}
				break;
			}
		}
		if (!any && (p->in.p[p->at] == '\n' || p->in.p[p->at] == '\r'))
			t->line = p->lines + 1 + (p->in.p[p->at] == '\n');
		else
			any = true;
		p->lines += p->in.p[p->at] == '\n';
		if (csv_parse(&p->parser, p->in.p + p->at, 1, csv_cell, csv_end, p) != 1) {
			int wrong = csv_error(&p->parser);

			p->failed = true;
			return error_set(
			    &t->error, "%" PRIu64 ": %s", t->line, csv_strerror(wrong));
		}
		p->at++;
	}
	cells = p->cell_ends.n / sizeof(size_t);
	for (size_t i = 0; i < cells; i++) {
		size_t end;

		memcpy(&end, p->cell_ends.p + i * sizeof end, sizeof end);
		add_cell(t, (unsigned)i, (struct slice){ p->text.p + from, end - from });
		from = end;
	}
	return (int)cells;
}

static int
row(struct table *t)
{
	return t->parts->csv ? csv_row(t) : tsv_row(t);
}

/* A first row of numbers names nothing: it is data already. */
static bool
all_numbers(const struct table *t)
{
	double d;

	for (unsigned i = 0; i < t->columns; i++)
		if (num_f64(t->cell[i], &d) < 0)
			return false;
	return true;
}

int
table_header(struct table *t)
{
	struct table_parts *p = t->parts;
	struct slice line;
	int got;

	if (p->headed)
		return p->header;
	/* The mark that some programs put before UTF-8 is no part of a name. */
	while (p->in.n - p->at < 3 && !p->eof)
		if (more(t) < 0)
			return -1;
	if (p->at == 0 && p->in.n >= 3 && memcmp(p->in.p, "\xef\xbb\xbf", 3) == 0)
		p->at = 3;
	for (;;) {
		got = peek_line(t, &line);
		if (got < 0)
			return -1;
		if (got == 0) {
			p->headed = true;
			return 0;
		}
		if (without_cr(line).n > 0 && line.p[0] != '#')
			break;
		consume_line(t, line);
		if (line.n > 0 && line.p[0] == '#')
			words(t, without_cr(line));
	}
	p->csv = memchr(line.p, ',', line.n) && !memchr(line.p, '\t', line.n);
	if (p->csv && csv_init(&p->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
		p->csv = false;
		p->failed = true;
		return error_set(&t->error, "libcsv does not start");
	}
	got = row(t);
	if (got < 0)
		return -1;
	p->headed = p->header = true;
	t->columns = (unsigned)got;
	t->name = xcalloc((size_t)got + 1, sizeof *t->name);
	p->pending = all_numbers(t);
	for (int i = 0; i < got; i++) {
		char number[16];

		snprintf(number, sizeof number, "%d", i + 1);
		t->name[i] = arena_copy(&p->kept, p->pending ? slice_of(number) : t->cell[i]);
	}
	return 1;
}

int
table_next(struct table *t)
{
	int got = t->parts->failed ? 0 : table_header(t);

	if (got <= 0)
		return got;
	if (t->parts->pending) {
		t->parts->pending = false;
		t->cells = t->columns;
		return 1;
	}
	got = row(t);
	t->cells = got > 0 ? (unsigned)got : 0;
	if (got <= 0)
		return got;
	if ((unsigned)got != t->columns)
		return error_set(&t->error, "%" PRIu64 ": %d cells, the header has %u", t->line,
		    got, t->columns);
	return 1;
}

int
table_column(const struct table *t, struct slice name)
{
	uint64_t n;

	for (unsigned i = 0; i < t->columns; i++)
		if (slice_eq(t->name[i], name))
			return (int)i;
	if (num_u64(name, &n) == 0 && n >= 1 && n <= t->columns)
		return (int)n - 1;
	return -1;
}

struct slice
table_word(const struct table *t, struct slice key)
{
	for (size_t i = 0; i < t->words; i++)
		if (slice_eq(t->word[i].key, key))
			return t->word[i].value;
	return (struct slice){ NULL, 0 };
}

/* ---- writing ---- */

void
table_put_cell(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '\t':
			buf_slice(b, SLICE("\\t"));
			break;
		case '\n':
			buf_slice(b, SLICE("\\n"));
			break;
		case '\\':
			buf_slice(b, SLICE("\\\\"));
			break;
		default:
			buf_char(b, s.p[i]);
		}
}

void
table_put_word(struct buf *b, const char *key, struct slice value)
{
	bool quote = value.n == 0;

	for (size_t i = 0; i < value.n; i++)
		quote |= value.p[i] == ' ' || value.p[i] == '"' || value.p[i] == '\\' ||
			 (unsigned char)value.p[i] < ' ';
	buf_printf(b, " %s=", key);
	if (!quote) {
		buf_slice(b, value);
		return;
	}
	buf_char(b, '"');
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			buf_char(b, '\\');
		if (value.p[i] == '\t' || value.p[i] == '\n')
			buf_slice(b, value.p[i] == '\t' ? SLICE("\\t") : SLICE("\\n"));
		else
			buf_char(b, value.p[i]);
	}
	buf_char(b, '"');
}
