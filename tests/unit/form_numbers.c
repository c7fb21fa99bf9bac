/* Plain numbers: every spelling, in portions of any size, against strtod and printf. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "form/numbers.h"
#include "unit.h"

static double
value_of(const struct numbers_batch *b, size_t i)
{
	switch (b->kind) {
	case NUMBERS_UNSIGNED:
		return (double)b->u[i];
	case NUMBERS_SIGNED:
		return (double)b->i[i];
	default:
		return b->d[i];
	}
}

/* Writes the text to a file and gives it to a reader that has the first bytes already. */
static struct numbers *
reader_of(struct slice text, size_t before)
{
	FILE *f = tmpfile();

	CLAIM(f && io_write(fileno(f), text.p, text.n) == 0);
	CLAIM(lseek(fileno(f), (off_t)before, SEEK_SET) == (off_t)before);
	return numbers_new(dup(fileno(f)), text.p, before);
}

/* What a line means, slowly. */
static bool
slow(const char *line, double *v)
{
	char *end;

	line += strspn(line, " \t");
	*v = line[0] == '0' && line[1] == 'x' ? (double)strtoull(line, &end, 16)
					      : strtod(line, &end);
	return end > line && end[strspn(end, " \t\r")] == '\0';
}

static void
put_random_line(struct buf *b)
{
	uint64_t r = unit_random();
	unsigned width = 1 + (unsigned)(unit_random() % 64);

	r >>= 64 - width;
	switch (unit_random() % 16) {
	case 0:
		buf_printf(b, "-%llu", (unsigned long long)r >> 1);
		break;
	case 1:
		buf_printf(b, "%.*f", (int)(unit_random() % 9), (double)(int64_t)(r >> 8) / 1000);
		break;
	case 2:
		buf_printf(b, "%.17g", ldexp((double)r, -(int)(unit_random() % 100)));
		break;
	case 3:
		buf_printf(
		    b, "%s%llu%s", r & 1 ? " " : "\t", (unsigned long long)r, r & 2 ? " " : "\r");
		break;
	case 4:
		buf_printf(b, "0x%llx", (unsigned long long)r);
		break;
	case 5:
		buf_printf(b, "%s%llu", r & 1 ? "00" : "0", (unsigned long long)r);
		break;
	case 6:
		buf_printf(b, "-%llu.%03llu", (unsigned long long)r % 1000000,
		    (unsigned long long)(r >> 20) % 1000);
		break;
	case 7:
		buf_printf(
		    b, "%lluE%d", (unsigned long long)r % 1000, (int)(unit_random() % 40) - 20);
		break;
	default:
		buf_u64(b, r);
	}
}

static void
check_random(size_t lines, unsigned mix)
{
	struct buf text = BUF_INIT;
	struct numbers_batch batch;
	struct numbers *n;
	struct error e;
	size_t line = 0, start = 0;
	uint64_t exact;

	for (size_t i = 0; i < lines; i++) {
		/* long runs of one sort, and single ones in between */
		if (mix == 0)
			buf_u64(&text, unit_random() >> (unit_random() % 64));
		else if (mix == 1)
			buf_printf(&text, "%lld", (long long)unit_random() >> (unit_random() % 64));
		else if (mix == 2)
			buf_printf(&text, "%.3f", (double)(int64_t)unit_random() / 1e15);
		else if (mix == 3 && i % 1000)
			buf_u64(&text, unit_random() % 1000);
		else
			put_random_line(&text);
		buf_char(&text, '\n');
	}
	if (lines % 2)
		text.n--; /* the last line has no end */
	n = reader_of(buf_view(&text), text.n < 100 ? text.n / 2 : unit_random() % 8192 % text.n);
	buf_str(&text);
	while (numbers_next(n, &batch) > 0) {
		CLAIM(batch.n > 0);
		for (size_t i = 0; i < batch.n; i++) {
			size_t length = strcspn(text.p + start, "\n");
			char *copy = strndup(text.p + start, length);
			double want;

			CLAIM(slow(copy, &want));
			CLAIM(value_of(&batch, i) == want);
			/* ints are exact to the last bit */
			if (batch.kind == NUMBERS_UNSIGNED && copy[0] > '0') {
				exact = strtoull(copy, NULL, 10);
				CLAIM(batch.u[i] == exact);
			}
			free(copy);
			start += length + 1;
			line++;
		}
	}
	CLAIM(line == lines && numbers_bad(n, &e) == 0 && numbers_offset(n) >= text.n);
	numbers_free(n);
	buf_free(&text);
}

static void
check_bad(void)
{
	static const char text[] =
	    "1\n\n# 5\nabc\n2\n1 2\n-\n+3\n1.2.3\n0x\n1e\n--1\n3\n1,5\n\x01\n99999999999999999999\n"
	    "123456789012345678901234567890123456789012345678901234567890123456789012345\n4";
	struct numbers *n = reader_of(slice_of(text), 3);
	struct numbers_batch b;
	double sum = 0, values = 0;
	struct error e;

	while (numbers_next(n, &b) > 0)
		for (size_t i = 0; i < b.n; i++, values++)
			sum += value_of(&b, i);
	CLAIM(values == 5 && sum == 1 + 2 + 3 + 1e20 + 4);
	CLAIM(numbers_bad(n, &e) == 11);
	CLAIM(strcmp(e.text, "4: \"abc\" is no number") == 0);
	numbers_free(n);
}

/* An int that no double holds does not become one because of its neighbours. */
static void
check_neighbours(void)
{
	struct numbers *n = reader_of(SLICE("0.5\n9007199254740993\n-9007199254740993\n3\n"), 0);
	struct numbers_batch b;

	CLAIM(numbers_next(n, &b) == 1 && b.kind == NUMBERS_REAL && b.n == 1 && b.d[0] == 0.5);
	CLAIM(numbers_next(n, &b) == 1 && b.kind == NUMBERS_SIGNED && b.n == 3);
	CLAIM(b.i[0] == 9007199254740993 && b.i[1] == -9007199254740993 && b.i[2] == 3);
	CLAIM(numbers_next(n, &b) == 0);
	numbers_free(n);
	n = reader_of(SLICE("9007199254740993\n0.5\n"), 0);
	CLAIM(numbers_next(n, &b) == 1 && b.kind == NUMBERS_UNSIGNED && b.u[0] == 9007199254740993);
	CLAIM(numbers_next(n, &b) == 1 && b.kind == NUMBERS_REAL && b.n == 1);
	numbers_free(n);
}

static void
check_parse(void)
{
	static const struct {
		const char *text;
		enum numbers_kind kind;
		double v;
	} good[] = { { "0", NUMBERS_UNSIGNED, 0 },
		{ "18446744073709551615", NUMBERS_UNSIGNED, 0x1p64 }, { "-0", NUMBERS_SIGNED, 0 },
		{ "-9223372036854775808", NUMBERS_SIGNED, -0x1p63 },
		{ "-9223372036854775809", NUMBERS_REAL, -0x1p63 }, { "0.1", NUMBERS_REAL, 0.1 },
		{ "-0.1", NUMBERS_REAL, -0.1 },
		{ "123456789.123456", NUMBERS_REAL, 123456789.123456 },
		{ "0.30000000000000004", NUMBERS_REAL, 0.30000000000000004 },
		{ "5.", NUMBERS_REAL, 5 }, { "inf", NUMBERS_REAL, INFINITY },
		{ "-inf", NUMBERS_REAL, -INFINITY }, { "1e-5", NUMBERS_REAL, 1e-5 },
		{ "0xff", NUMBERS_UNSIGNED, 255 } };
	static const char *const bad[] = { "", "-", ".", "-.", "1-", "1 ", "e5", "0xg", "1.5ms",
		"Inf", "--5" };
	enum numbers_kind kind;
	uint64_t bits;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct numbers_batch b = { .n = 1, { .u = &bits } };

		CLAIM(numbers_parse(slice_of(good[i].text), &kind, &bits) == 0);
		b.kind = kind;
		CLAIM(kind == good[i].kind && value_of(&b, 0) == good[i].v);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CLAIM(numbers_parse(slice_of(bad[i]), &kind, &bits) == -1);
}

int
main(void)
{
	for (unsigned mix = 0; mix < 5; mix++)
		for (size_t lines = 1; lines < 60000; lines = lines * 3 + 1)
			check_random(lines, mix);
	check_bad();
	check_neighbours();
	check_parse();
	return 0;
}
