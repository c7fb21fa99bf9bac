/* Whatever bytes come, quoted text is one string to gnuplot: no quote, no control byte, valid UTF-8. */
#include <math.h>
#include <string.h>

#include "plot/gnuplot.h"
#include "plot/gnuplot_axis.h"
#include "unit.h"

static uint64_t seed = 3;

static uint32_t
some(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* The length of the UTF-8 at the beginning, decoded the long way; 0 where there is none. */
static size_t
decoded(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = p[0] < 0x80       ? 1
			: p[0] >> 5 == 6  ? 2
			: p[0] >> 4 == 14 ? 3
			: p[0] >> 3 == 30 ? 4
					  : 0;
	uint32_t c = length < 2 ? p[0] : p[0] & (0x7f >> length);

	if (length == 0 || length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : length;
}

static void
check_quoted(const struct buf *b)
{
	CLAIM(b->n >= 2 && b->p[0] == '\'' && b->p[b->n - 1] == '\'');
	for (size_t i = 1; i < b->n - 1;) {
		size_t length = decoded((const unsigned char *)b->p + i, b->n - 1 - i);

		CLAIM(length > 0);
		CLAIM(b->p[i] != '\'' && (unsigned char)b->p[i] >= ' ' && b->p[i] != 0x7f);
		i += length;
	}
}

static void
quoting(void)
{
	struct buf b = BUF_INIT;

	for (int round = 0; round < 200000; round++) {
		static const char nasty[] =
		    "'`\"\\\n\t$@%{}\x00\x7f\xc2\xa0\xed\xa0\x80\xf4\x90\xef\xbf\xbe";
		char text[40];
		size_t n = some() % sizeof text;
		size_t max = some() % 3 ? 0 : 1 + some() % 12;

		for (size_t i = 0; i < n; i++)
			text[i] = some() % 2 ? nasty[some() % (sizeof nasty - 1)] : (char)some();
		b.n = 0;
		gnuplot_quote(&b, (struct slice){ text, n }, max);
		check_quoted(&b);
		if (max > 0)
			CLAIM(gnuplot_length((struct slice){ b.p + 1, b.n - 2 }) <= max);
		b.n = 0;
		gnuplot_quote_tick(&b, (struct slice){ text, n }, max);
		check_quoted(&b);
		/* Every % of a tick is doubled. */
		for (size_t i = 0; i < b.n; i++)
			if (b.p[i] == '%')
				CLAIM(b.p[++i] == '%');
	}
	b.n = 0;
	gnuplot_quote(&b, SLICE("a\nb\x01 \xc3\xa9 it's"), 0);
	CLAIM(strcmp(buf_str(&b), "'a\\nb\\x01 \xc3\xa9 it\xe2\x80\x99s'") == 0);
	b.n = 0;
	gnuplot_quote(&b, SLICE("0123456789abcdef"), 7);
	CLAIM(strcmp(buf_str(&b), "'012\xe2\x80\xa6"
				  "def'") == 0);
	buf_free(&b);
}

static const char *
value(enum gnuplot_unit unit, double v)
{
	static struct buf b;
	struct gnuplot_axis a = GNUPLOT_AXIS_INIT("x");

	a.unit = unit;
	b.n = 0;
	gnuplot_value(&b, &a, v);
	return buf_str(&b);
}

static void
units(void)
{
	struct gnuplot_axis a = GNUPLOT_AXIS_INIT("x");
	struct buf b = BUF_INIT;

	CLAIM(strcmp(value(GNUPLOT_NS, 1), "1 ns") == 0);
	CLAIM(strcmp(value(GNUPLOT_NS, 1000), "1 \xc2\xb5s") == 0);
	CLAIM(strcmp(value(GNUPLOT_NS, 2.5e6), "2.5 ms") == 0);
	CLAIM(strcmp(value(GNUPLOT_NS, 3.6e12), "3600 s") == 0);
	CLAIM(strcmp(value(GNUPLOT_BYTES, 4096), "4 KiB") == 0);
	CLAIM(strcmp(value(GNUPLOT_BYTES, 1023), "1023 B") == 0);
	CLAIM(strcmp(value(GNUPLOT_NONE, 1000000), "1 M") == 0);
	CLAIM(strcmp(value(GNUPLOT_NONE, -0.5), "-0.5") == 0);
	CLAIM(strcmp(value(GNUPLOT_SHARE, 0.001), "0.1 %") == 0);
	CLAIM(strcmp(value(GNUPLOT_ADDRESS, 4096), "0x1000") == 0);
	a.unit = GNUPLOT_ADDRESS;
	a.base = 0xffffffff81000001;
	gnuplot_value(&b, &a, 4);
	CLAIM(strcmp(buf_str(&b), "0xffffffff81000005") == 0);
	CLAIM(gnuplot_unit_of_field(SLICE("dur_ns")) == GNUPLOT_NS &&
	      gnuplot_unit_of_field(SLICE("t")) == GNUPLOT_NS);
	CLAIM(gnuplot_unit_of_field(SLICE("rss_bytes")) == GNUPLOT_BYTES);
	CLAIM(gnuplot_unit_of_field(SLICE("tid")) == GNUPLOT_NONE);

	/* A settled axis: numbers and label belong together, at any size. */
	for (double size = 1; size < 1e15; size *= 3) {
		a = GNUPLOT_AXIS_INIT("x");
		a.unit = GNUPLOT_NS;
		gnuplot_axis_add(&a, 0);
		gnuplot_axis_add(&a, size);
		gnuplot_axis_settle(&a);
		CLAIM(size / a.scale < 2000 || a.scale == 1e9);
		CLAIM(size / a.scale >= 1);
	}
	buf_free(&b);
}

/* Logarithmic axes have at least two named ticks wherever there is room for them, and none outside. */
static void
ticks(void)
{
	struct buf b = BUF_INIT;

	for (int round = 0; round < 3000; round++) {
		struct gnuplot_axis a = GNUPLOT_AXIS_INIT("x");
		double lo = pow(10, some() % 1000 / 100.0),
		       hi = lo * pow(10, 0.5 + some() % 1000 / 100.0);
		unsigned names = 0;
		char *p;

		a.unit =
		    (enum gnuplot_unit[]){ GNUPLOT_NONE, GNUPLOT_NS, GNUPLOT_BYTES }[round % 3];
		a.log = true;
		gnuplot_axis_add(&a, lo);
		gnuplot_axis_add(&a, hi);
		gnuplot_axis_settle(&a);
		b.n = 0;
		gnuplot_axis_put(&b, &a);
		p = strstr(buf_str(&b), "tics (");
		CLAIM(p != NULL && a.scale == 1);
		for (p += 6; *p == '\'' || *p == ',';) {
			double v;

			p += *p == ',' ? 2 : 0;
			CLAIM(*p == '\'');
			names += p[1] != '\'';
			p = strchr(p + 1, '\'') + 1;
			v = strtod(p, &p);
			CLAIM(v >= lo * 0.999 && v <= hi * 1.001);
			p += strncmp(p, " 1", 2) == 0 ? 2 : 0;
		}
		CLAIM(*p == ')');
		CLAIM(names >= 1 && names <= 22);
	}
	buf_free(&b);
}

int
main(void)
{
	quoting();
	units();
	ticks();
	CLAIM(gnuplot_terminal(SLICE("pdf")) == GNUPLOT_PDF &&
	      gnuplot_terminal(SLICE("x")) == GNUPLOT_TERMINALS);
	CLAIM(gnuplot_terminal_of_file(SLICE("a/b.html")) == GNUPLOT_CANVAS &&
	      gnuplot_terminal_of_file(SLICE("png")) == GNUPLOT_TERMINALS);
	/* Neighbours differ in colour, dash and mark. */
	for (size_t i = 1; i < 30; i++)
		CLAIM(strcmp(gnuplot_colour(i), gnuplot_colour(i - 1)) != 0 &&
		      gnuplot_mark(i) != gnuplot_mark(i - 1));
	for (size_t i = 0; i < 7; i++)
		CLAIM(gnuplot_dash(i) != gnuplot_dash(i + 7));
	return 0;
}
