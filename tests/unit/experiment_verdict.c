/* Claims whose truth is known by construction: any number against any bounds, the same however it is written. */
#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "experiment/verdict.h"
#include "unit.h"

static int
file_of(const struct buf *b)
{
	int fd = memfd_create("claims", MFD_CLOEXEC);

	CLAIM(fd >= 0 && write(fd, b->p, b->n) == (ssize_t)b->n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* The verdicts of these claims for this table. */
static struct verdicts *
judge(const char *claims, const char *table)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct error e = { .text = "" };
	struct table *t;
	struct verdicts *c;
	int fd;

	buf_printf(&a, "%s", claims);
	buf_printf(&b, "%s", table);
	fd = file_of(&a);
	c = verdict_read(fd, &e);
	close(fd);
	CLAIM(c != NULL);
	fd = file_of(&b);
	t = table_new(fd, NULL, 0);
	CLAIM(table_header(t) == 1);
	verdict_table(c, t, "table");
	while (table_next(t) > 0)
		verdict_row(c, t);
	table_free(t);
	close(fd);
	verdict_judge(c);
	buf_free(&a);
	buf_free(&b);
	return c;
}

static enum verdict_kind
verdict(double v, const char *expect, const char *tolerance)
{
	struct buf claims = BUF_INIT, table = BUF_INIT;
	enum verdict_kind got;
	struct verdicts *c;

	buf_printf(
	    &claims, "claim,where,column,expect,tolerance\nx,k=a,v,%s,%s\n", expect, tolerance);
	buf_printf(&table, "k\tv\na\t");
	buf_f64(&table, v);
	buf_printf(&table, "\nb\t5\n");
	c = judge(buf_str(&claims), buf_str(&table));
	CLAIM(c->n == 1);
	got = c->one[0].verdict;
	CLAIM(c->count[got] == 1);
	verdict_free(c);
	buf_free(&claims);
	buf_free(&table);
	return got;
}

static enum verdict_kind
holds(bool yes)
{
	return yes ? VERDICT_HOLDS : VERDICT_FAILS;
}

static void
bounds(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		double v = ((double)unit_draw(41) - 20) / 4, n = ((double)unit_draw(41) - 20) / 4,
		       w = (double)unit_draw(9) / 4;
		char text[64], tolerance[32];

		snprintf(text, sizeof text, ">%.17g", n);
		CLAIM(verdict(v, text, "") == holds(v > n));
		snprintf(text, sizeof text, "< %.17g", n);
		CLAIM(verdict(v, text, "") == holds(v < n));
		snprintf(text, sizeof text, ">= %.17g", n);
		CLAIM(verdict(v, text, "") == holds(v >= n));
		snprintf(text, sizeof text, "<=%.17g", n);
		CLAIM(verdict(v, text, "") == holds(v <= n));
		snprintf(text, sizeof text, "%.17g..%.17g", n, n + w);
		CLAIM(verdict(v, text, "") == holds(n <= v && v <= n + w));
		snprintf(text, sizeof text, "%.17g", n);
		CLAIM(verdict(v, text, "") == holds(v == n));
		snprintf(tolerance, sizeof tolerance, "%.17g", w);
		CLAIM(verdict(v, text, tolerance) == holds(fabs(v - n) <= w));
		/* 25 % of quarters are exact. */
		CLAIM(verdict(v, text, "25%") == holds(fabs(v - n) <= fabs(n) / 4));
		snprintf(text, sizeof text, "%.17g±%.17g", n, w);
		CLAIM(verdict(v, text, "") == holds(fabs(v - n) <= w));
		snprintf(text, sizeof text, "%.17g +- 25%%", n);
		CLAIM(verdict(v, text, "") == holds(fabs(v - n) <= fabs(n) / 4));
		CLAIM(verdict(v, text, "1") == VERDICT_UNKNOWN);
	}
}

/* A ratio is that of its two cells; a row that is not there, or twice, is unknown, and never another row's value. */
static void
rows(void)
{
	for (unsigned i = 0; i < 500; i++) {
		struct buf claims = BUF_INIT, table = BUF_INIT;
		unsigned n[3] = { 0 }, r = 1 + (unsigned)unit_draw(5);
		double v[3] = { 0 }, got;
		struct verdicts *c;

		buf_printf(&claims, "claim,where,over,column,expect\n"
				    "a,k=0,,v,0..100\nb,k=1,k=2,v,>0\nc,k=2,k=9,v,>0\n");
		buf_printf(&table, "v,k\n");
		for (unsigned k = 0; k < r; k++) {
			unsigned key = (unsigned)unit_draw(3);

			v[key] = 1 + (double)unit_draw(64);
			n[key]++;
			buf_printf(&table, "%g,%u\n", v[key], key);
		}
		c = judge(buf_str(&claims), buf_str(&table));
		CLAIM(c->one[0].verdict == (n[0] == 1 ? VERDICT_HOLDS : VERDICT_UNKNOWN));
		CLAIM(c->one[1].verdict ==
		      (n[1] == 1 && n[2] == 1 ? VERDICT_HOLDS : VERDICT_UNKNOWN));
		CLAIM(c->one[2].verdict == VERDICT_UNKNOWN);
		for (unsigned k = 0; k < 3; k++)
			CLAIM((c->one[k].verdict == VERDICT_UNKNOWN) ==
			      (c->one[k].error.text[0] != '\0'));
		if (n[0] == 1)
			CLAIM(num_f64(c->one[0].got, &got) == 0 && got == v[0]);
		if (c->one[1].verdict == VERDICT_HOLDS)
			CLAIM(num_f64(c->one[1].got, &got) == 0 &&
			      fabs(got - v[1] / v[2]) <= 1e-5 * got);
		verdict_free(c);
		buf_free(&claims);
		buf_free(&table);
	}
}

/* Any bytes: an error or claims, and no fault. */
static void
junk(void)
{
	static const char letters[] = "ab=,,,\n\n\"' 1%.<>#\t";

	for (unsigned i = 0; i < 20000; i++) {
		struct buf b = BUF_INIT;
		struct verdicts *c;
		struct error e = { .text = "" };
		int fd;

		buf_printf(&b, "claim,where,over,column,expect,tolerance\n");
		for (unsigned k = (unsigned)unit_draw(60); k > 0; k--)
			buf_char(&b, letters[unit_draw(sizeof letters - 1)]);
		fd = file_of(&b);
		c = verdict_read(fd, &e);
		close(fd);
		CLAIM((c == NULL) == (e.text[0] != '\0'));
		if (c) {
			CLAIM(c->n > 0);
			verdict_judge(c);
			CLAIM(c->count[VERDICT_UNKNOWN] == c->n);
			verdict_free(c);
		}
		buf_free(&b);
	}
}

int
main(void)
{
	bounds();
	rows();
	junk();
	return 0;
}
