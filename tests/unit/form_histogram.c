/* Histograms as text: what is written is read back the same; what is damaged is told, and never more than that. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "form/histogram.h"
#include "unit.h"

static int
read_text(struct histogram *h, struct slice text, size_t before, struct error *e)
{
	FILE *f = tmpfile();
	int r;

	CLAIM(f && io_write(fileno(f), text.p, text.n) == 0);
	CLAIM(lseek(fileno(f), (off_t)before, SEEK_SET) == (off_t)before);
	r = histogram_read(h, fileno(f), text.p, before, e);
	fclose(f);
	return r;
}

static struct slice
label_of(unsigned i)
{
	static const char *const odd[] = { "", "-", "a b", "tab\there", "back\\slash", "quote\"d",
		"=", "\xc3\xa9", "\xff\xfe", "line\nfeed", "10", "9", "count", "\x01" };

	return slice_of(odd[i % (sizeof odd / sizeof *odd)]);
}

static void
fill(struct histogram *h, unsigned values, bool real)
{
	for (unsigned i = 0; i < values; i++) {
		struct slice label[2] = { label_of((unsigned)unit_random() % 14),
			label_of((unsigned)unit_random() % 3) };
		struct hist *g = histogram_group(h, label);
		unsigned width = 1 + (unsigned)(unit_random() % 63);
		int64_t v = (int64_t)unit_random() >> width;

		if (real && unit_random() % 3 == 0)
			hist_add_f64(g, ldexp((double)v, -30), 1 + unit_random() % 5);
		else if (unit_random() % 50 == 0)
			hist_add_f64(g, NAN, 1);
		else
			hist_add_i64(g, v, 1 + unit_random() % 3);
	}
}

static void
check_round_trip(const struct hist_scheme *scheme, unsigned bys, unsigned values, bool real)
{
	static const struct slice by[2] = { { "a \"=\tb", 6 }, { "min", 3 } };
	struct histogram h = HISTOGRAM_INIT, back = HISTOGRAM_INIT, sum = HISTOGRAM_INIT;
	struct buf tsv = BUF_INIT, json = BUF_INIT, again = BUF_INIT;
	struct error e;

	histogram_begin(&h, SLICE("a \"key\"_ns"), SLICE(""), by, bys, scheme);
	fill(&h, values, real);
	histogram_lost(&h, SLICE("ring-full"), 3);
	histogram_lost(&h, SLICE("two words"), 4);
	histogram_lost(&h, SLICE("ring-full"), 5);
	h.missing = 7;
	h.without = 1000;
	histogram_sort(&h);
	histogram_put_tsv(&h, &tsv);
	histogram_put_json(&h, &json);

	CLAIM(read_text(&back, buf_view(&tsv), tsv.n / 3, &e) == 0);
	CLAIM(slice_eq(back.key, h.key) && slice_eq(back.unit, SLICE("ns")));
	CLAIM(back.losses == 2 && back.loss[0].n == 8 && back.missing == 7 && back.without == 1000);
	histogram_put_tsv(&back, &again);
	CLAIM(slice_eq(buf_view(&again), buf_view(&tsv)));
	again.n = 0;
	histogram_put_json(&back, &again);
	CLAIM(slice_eq(buf_view(&again), buf_view(&json)));
	histogram_free(&back);

	CLAIM(read_text(&back, buf_view(&json), 1, &e) == 0);
	again.n = 0;
	histogram_put_tsv(&back, &again);
	CLAIM(slice_eq(buf_view(&again), buf_view(&tsv)));

	/* a merge with nothing is the same, and with itself twice as much */
	CLAIM(histogram_merge(&sum, &back, &e) == 0);
	histogram_sort(&sum);
	again.n = 0;
	histogram_put_tsv(&sum, &again);
	CLAIM(slice_eq(buf_view(&again), buf_view(&tsv)));
	CLAIM(histogram_merge(&sum, &back, &e) == 0);
	CLAIM(sum.groups == h.groups && sum.loss[0].n == 16 && sum.missing == 14);
	for (size_t i = 0; i < sum.groups; i++) {
		CLAIM(sum.group[i].hist->count == 2 * h.group[i].hist->count);
		CLAIM(sum.group[i].hist->nan == 2 * h.group[i].hist->nan);
		if (h.group[i].hist->count > 0)
			CLAIM(hist_mean(sum.group[i].hist) == hist_mean(h.group[i].hist));
	}
	buf_free(&tsv);
	buf_free(&json);
	buf_free(&again);
	histogram_free(&h);
	histogram_free(&back);
	histogram_free(&sum);
}

/* The merge of the parts is the whole, byte by byte. */
static void
check_merge(void)
{
	static const struct slice by = { "comm", 4 };
	const struct hist_scheme scheme = { HIST_LOG, HIST_BITS, 0, 0, 0 };
	struct histogram whole = HISTOGRAM_INIT, part[3], sum = HISTOGRAM_INIT;
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct error e;

	histogram_begin(&whole, SLICE("size"), SLICE(""), &by, 1, &scheme);
	for (int i = 0; i < 3; i++) {
		part[i] = HISTOGRAM_INIT;
		histogram_begin(&part[i], SLICE("size"), SLICE(""), &by, 1, &scheme);
	}
	for (int i = 0; i < 5000; i++) {
		struct slice label = label_of((unsigned)unit_random() % 14);
		uint64_t v = unit_random() >> unit_random() % 64;

		hist_add_u64(histogram_group(&whole, &label), v, 1);
		hist_add_u64(histogram_group(&part[unit_random() % 3], &label), v, 1);
	}
	for (int i = 2; i >= 0; i--)
		CLAIM(histogram_merge(&sum, &part[i], &e) == 0);
	histogram_sort(&whole);
	histogram_sort(&sum);
	histogram_put_tsv(&whole, &a);
	histogram_put_tsv(&sum, &b);
	CLAIM(slice_eq(buf_view(&a), buf_view(&b)));
	/* numbers stand before words, by value */
	CLAIM(slice_eq(sum.group[0].label[0], SLICE("9")) &&
	      slice_eq(sum.group[1].label[0], SLICE("10")));
	buf_free(&a);
	buf_free(&b);
	histogram_free(&whole);
	histogram_free(&sum);
	for (int i = 0; i < 3; i++)
		histogram_free(&part[i]);
}

/* Every beginning of the text, and every text with a byte changed, is read or refused; a beginning is never the whole. */
static void
check_damage(void)
{
	static const struct slice by = { "comm", 4 };
	const struct hist_scheme scheme = { HIST_LOG, HIST_BITS, 0, 0, 0 };
	struct histogram h = HISTOGRAM_INIT;
	struct buf text[2] = { BUF_INIT, BUF_INIT };

	histogram_begin(&h, SLICE("x"), SLICE(""), &by, 1, &scheme);
	fill(&h, 12, true);
	histogram_put_tsv(&h, &text[0]);
	histogram_put_json(&h, &text[1]);
	for (int t = 0; t < 2; t++)
		for (size_t i = 0; i < text[t].n; i++) {
			struct histogram back = HISTOGRAM_INIT;
			struct error e = { "" };
			char old = text[t].p[i];
			struct slice cut = { text[t].p, i };

			/* the last LF may be missing */
			if (i + 2 < text[t].n)
				CLAIM(read_text(&back, cut, 0, &e) == -1 && e.text[0]);
			histogram_free(&back);
			back = HISTOGRAM_INIT;
			text[t].p[i] = (char)(old ^ (1 << unit_random() % 7));
			if (read_text(&back, buf_view(&text[t]), text[t].n, &e) == 0) {
				struct buf out = BUF_INIT;

				histogram_put_bars(&back, 80, true, &out);
				histogram_put_percentiles(&back, &out);
				histogram_put_summary(&back, &out);
				buf_free(&out);
			}
			histogram_free(&back);
			text[t].p[i] = old;
		}
	histogram_free(&h);
	buf_free(&text[0]);
	buf_free(&text[1]);
}

static void
check_refused(void)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "no histogram: nothing but comments" },
		{ "lo\thi\tcount\n", "1: no histogram: it does not begin with `# hist`" },
		{ "# hist scale=log bits=7\nlo\thi\n",
		    "2: no histogram: the last columns are not lo hi count" },
		{ "# hist scale=log bits=0\nlo\thi\tcount\n", "1: bits is no number from 1 to 14" },
		{ "# hist scale=odd\nlo\thi\tcount\n",
		    "1: the scale is none of log, log2, linear" },
		{ "# hist scale=linear min=5 max=5 bins=1\nlo\thi\tcount\n",
		    "1: min and max are no numbers that rise" },
		{ "# hist scale=linear min=0 max=5 bins=99999999\nlo\thi\tcount\n",
		    "1: bins is no number from 1 to 16777216" },
		{ "# hist scale=log bits=7\nlo\thi\tcount\n1\t2\t3\n",
		    "3: no `# group` line says this group's min, max and sums" },
		{ "# hist scale=log bits=7\n# group count=3 min=1 max=1 sum=3 "
		  "sum2=3\nlo\thi\tcount\n1\t2\t2\n",
		    "2: count=3, but the bins hold 2: a part is missing" },
		{ "# hist scale=log bits=7\n# group count=3 min=7 max=7 sum=3 "
		  "sum2=3\nlo\thi\tcount\n1\t2\t3\n",
		    "2: min and max do not lie in the first and the last bin" },
		{ "# hist scale=log bits=7\n# group count=3 min=1 max=1 sum=x "
		  "sum2=3\nlo\thi\tcount\n1\t2\t3\n",
		    "2: sum and sum2 are no whole numbers" },
		{ "# hist scale=log bits=7\n# group count=3 min=1 max=1 sum=3 "
		  "sum2=3\nlo\thi\tcount\n1\t3\t3\n",
		    "4: 1..3 is no bin of this histogram" },
		{ "# hist scale=log bits=7\n# group count=1 min=1 max=1 sum=1 sum2=1\n# group "
		  "count=1\nlo\thi\tcount\n",
		    "3: this group was there before" },
		{ "{\"kind\":\"hist\"}", "1: no histogram: it has no groups" },
		{ "{\"kind\":\"hist\",\n\"groups\":[]} x",
		    "2: something stands behind the histogram" },
		{ "{\"kind\":\"hist\",\"groups\":[],\"scale\":\"log\",\"bits\":1.5}",
		    "1: bits is no number from 1 to 14" },
		{ "{\"kind\":\"hist\",\"scale\":\"log2\",\n\"groups\":[{}]}",
		    "2: a group without bins" },
		{ "{\"kind\":\"hist\",\"scale\":\"log2\",\n\"groups\":[{\"bins\":[[1,2]]}]}",
		    "2: a bin is no [lo,hi,count]" },
		{ "{\"a\":\"\\ud800\"}", "1: half of a surrogate pair" },
		{ "{\"a\":nul}", "1: no value where one belongs" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct histogram h = HISTOGRAM_INIT;
		struct error e;

		CLAIM(read_text(&h, slice_of(bad[i].text), 0, &e) == -1);
		if (strcmp(e.text, bad[i].error) != 0)
			fprintf(stderr, "%s\n", e.text);
		CLAIM(strcmp(e.text, bad[i].error) == 0);
		histogram_free(&h);
	}
}

/* A deep nest of somebody else's JSON is refused, and does not use up the stack. */
static void
check_deep(void)
{
	struct histogram h = HISTOGRAM_INIT;
	struct buf b = BUF_INIT;
	struct error e;

	buf_printf(&b, "{\"a\":");
	for (int i = 0; i < 1000000; i++)
		buf_char(&b, '[');
	CLAIM(read_text(&h, buf_view(&b), 0, &e) == -1);
	CLAIM(strcmp(e.text, "1: too deep") == 0);
	histogram_free(&h);
	buf_free(&b);
}

int
main(void)
{
	const struct hist_scheme scheme[] = { { HIST_LOG, HIST_BITS, 0, 0, 0 },
		{ HIST_LOG, 3, 0, 0, 0 }, { .scale = HIST_LOG2 }, { HIST_LINEAR, 0, -1e6, 1e6, 33 },
		{ HIST_LINEAR, 0, 0.1, 0.7, 3 } };

	for (size_t s = 0; s < sizeof scheme / sizeof *scheme; s++)
		for (unsigned bys = 0; bys <= 2; bys++)
			for (unsigned values = 0; values < 3000; values = values * 5 + 1)
				for (int real = 0; real < 2; real++)
					check_round_trip(&scheme[s], bys, values, real);
	check_merge();
	check_refused();
	check_deep();
	check_damage();
	return 0;
}
