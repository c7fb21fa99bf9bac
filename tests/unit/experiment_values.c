/* Values of workloads: what was written is what is read, and what is no value is told with its line. */
#include "experiment/values.h"

#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "unit.h"

enum { MANY = 500 };

static struct {
	struct values_one v[MANY];
	unsigned n;
} seen;

static int
keep(const struct values_one *v, void *context)
{
	(void)context;
	CLAIM(seen.n < MANY);
	seen.v[seen.n++] = *v;
	return 0;
}

static int
stop(const struct values_one *v, void *context)
{
	(void)v;
	return ++*(int *)context == 3 ? -1 : 0;
}

static int
values_of(const char *text, size_t n, struct error *e)
{
	seen.n = 0;
	return values_read((struct slice){ text, n }, keep, NULL, e);
}

static void
blanks(struct buf *b, bool least)
{
	for (uint64_t i = unit_draw(3) + least; i > 0; i--)
		buf_char(b, unit_draw(2) ? ' ' : '\t');
}

/* Any values between any blanks. */
static void
round_trip(void)
{
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = (unsigned)unit_draw(MANY);
		struct buf b = BUF_INIT;
		struct error e;
		uint64_t seed = unit_seed;

		for (unsigned i = 0; i < n; i++) {
			while (unit_draw(5) == 0)
				buf_printf(&b, unit_draw(2) ? "# a b c d\n" : " \t\n");
			blanks(&b, false);
			buf_printf(&b, "n%u.%llx", i, (unsigned long long)unit_draw(1000));
			blanks(&b, true);
			if (unit_draw(2))
				buf_i64(&b, (int64_t)unit_random());
			else
				buf_f64(&b, (double)unit_draw(1000000) / 8 + 0.5);
			if (unit_draw(2)) {
				blanks(&b, true);
				buf_printf(&b, "u%u", i % 7);
			}
			blanks(&b, false);
			buf_printf(&b, i + 1 == n && unit_draw(2) ? ""
				       : unit_draw(9)             ? "\n"
								  : "\r\n");
		}
		CLAIM(values_of(b.p, b.n, &e) == 0);
		CLAIM(seen.n == n);
		unit_seed = seed;
		for (unsigned i = 0; i < n; i++) {
			struct buf name = BUF_INIT, unit = BUF_INIT;
			int64_t whole = 0;
			double d = 0;
			bool is_whole;

			while (unit_draw(5) == 0)
				unit_draw(2);
			for (uint64_t k = unit_draw(3); k > 0; k--)
				unit_draw(2);
			buf_printf(&name, "n%u.%llx", i, (unsigned long long)unit_draw(1000));
			for (uint64_t k = unit_draw(3) + 1; k > 0; k--)
				unit_draw(2);
			is_whole = unit_draw(2);
			if (is_whole)
				whole = (int64_t)unit_random();
			else
				d = (double)unit_draw(1000000) / 8 + 0.5;
			if (unit_draw(2)) {
				for (uint64_t k = unit_draw(3) + 1; k > 0; k--)
					unit_draw(2);
				buf_printf(&unit, "u%u", i % 7);
			}
			for (uint64_t k = unit_draw(3); k > 0; k--)
				unit_draw(2);
			if (!(i + 1 == n && unit_draw(2)))
				unit_draw(9);
			CLAIM(slice_eq(seen.v[i].name, buf_view(&name)));
			CLAIM(slice_eq(seen.v[i].unit, buf_view(&unit)));
			/* 7.0 may be written as 7 */
			CLAIM(is_whole          ? seen.v[i].whole && seen.v[i].i == whole
			      : seen.v[i].whole ? (double)seen.v[i].i == d
						: seen.v[i].d == d);
			buf_free(&name);
			buf_free(&unit);
		}
		buf_free(&b);
	}
}

static void
refused(const char *text, size_t n, const char *what)
{
	struct error e = { "" };

	CLAIM(values_of(text, n, &e) < 0);
	CLAIM(strstr(e.text, what) == e.text);
	CLAIM(seen.n == 0); /* not even those before it */
}

int
main(void)
{
	int calls = 0;
	struct error e;

	round_trip();
	CLAIM(values_of("", 0, &e) == 0 && seen.n == 0);
	refused("a\n", 2, "1: 'a' has no value");
	refused("a 1\nb 2\n\nc\n", 11, "4: 'c' has no value");
	refused("a 1 b c", 7, "1: 'c' is too much");
	refused("a 1\na 1", 7, "2: 'a' is there already");
	refused("a inf", 5, "1: 'inf' is no number");
	refused("a 1e999", 7, "1: '1e999' is no number");
	refused("a 0x10", 6, "1: '0x10' is no number");
	refused("a 1\0", 4, "1: a NUL byte");
	CLAIM(values_read(SLICE("a 1\nb 2\nc 3\nd 4\n"), stop, &calls, &e) < 0 && calls == 3);
	/* any bytes at all */
	for (unsigned round = 0; round < 20000; round++) {
		char bytes[64];
		size_t n = unit_draw(sizeof bytes);

		for (size_t i = 0; i < n; i++)
			bytes[i] = "ab1.-e #\n\t\r\0x"[unit_draw(13)];
		CLAIM(values_of(bytes, n, &e) == 0 || seen.n == 0);
	}
	return 0;
}
