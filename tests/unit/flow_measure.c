/* What is measured of blocks and tables, by group and weight, against histograms filled by hand. */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "flow/measure.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

enum { RECORDS = 80000, CPUS = 7 };

static const struct hist_scheme scheme = { HIST_LOG, HIST_BITS, 0, 0, 0 };

static void
same(const struct hist *a, const struct hist *b)
{
	struct hist_bin x, y;
	size_t at_x = 0, at_y = 0;

	CLAIM(a->count == b->count && a->nan == b->nan && a->real == b->real);
	while (hist_next(a, &at_x, &x)) {
		CLAIM(hist_next(b, &at_y, &y));
		CLAIM(x.lo == y.lo && x.hi == y.hi && x.count == y.count);
	}
	CLAIM(!hist_next(b, &at_y, &y));
	if (a->count == 0)
		return;
	CLAIM(hist_min(a) == hist_min(b) && hist_max(a) == hist_max(b));
	CLAIM(fabs(hist_mean(a) - hist_mean(b)) <= 1e-14 * fabs(hist_mean(b)));
	if (!a->real)
		CLAIM(
		    a->moments.sum == b->moments.sum && a->moments.sum2.low == b->moments.sum2.low);
}

static struct hist by_hand[CPUS], all, weighted;

static void
write_trace(int fd)
{
	struct trace_field f[] = { { SLICE("v"), TRACE_INT }, { SLICE("cpu"), TRACE_INT },
		{ SLICE("w"), TRACE_INT } };
	struct trace_field odd[] = { { SLICE("v"), TRACE_STR } },
			   other[] = { { SLICE("x"), TRACE_INT } };
	struct trace_field lost[] = { { SLICE("n"), TRACE_INT }, { SLICE("why"), TRACE_STR } };
	struct trace_writer *w = trace_writer_new(fd, TRACE_FRAMES, TRACE_RAW);
	unsigned ints = trace_writer_shape(w, SLICE("a"), f, 3), big, nums;
	union trace_value v[3];
	struct error e;

	f[0].kind = TRACE_BIG;
	big = trace_writer_shape(w, SLICE("a"), f, 3);
	f[0].kind = TRACE_NUM;
	nums = trace_writer_shape(w, SLICE("b"), f, 3);
	for (int c = 0; c < CPUS; c++)
		hist_init(&by_hand[c], &scheme);
	hist_init(&all, &scheme);
	hist_init(&weighted, &scheme);
	for (int i = 0; i < RECORDS; i++) {
		unsigned cpu = (unsigned)(unit_random() % CPUS),
			 sort = (unsigned)(unit_random() % 100);
		uint64_t weight = unit_random() % 5;
		struct hist *to[] = { &by_hand[cpu], &all };

		v[0].u = unit_random() >> unit_random() % 64;
		v[1].i = cpu;
		v[2].i = (int64_t)weight;
		/* cpu 0 has ints only */
		if (sort == 0)
			v[0].u |= (uint64_t)1 << 63;
		else if (sort == 1 && cpu > 0)
			v[0].d = unit_random() % 7 ? ldexp((double)v[0].u, -40) : NAN;
		for (int k = 0; k < 2; k++)
			if (sort == 0)
				hist_add_u64(to[k], v[0].u, 1);
			else if (sort == 1 && cpu > 0)
				hist_add_f64(to[k], v[0].d, 1);
			else
				hist_add_i64(to[k], v[0].i, 1);
		if (sort == 0)
			hist_add_u64(&weighted, v[0].u, weight);
		else if (sort == 1 && cpu > 0)
			hist_add_f64(&weighted, v[0].d, weight);
		else
			hist_add_i64(&weighted, v[0].i, weight);
		trace_put(w, sort == 0 ? big : sort == 1 && cpu > 0 ? nums : ints, v);
	}
	v[0].s = SLICE("text");
	trace_put(w, trace_writer_shape(w, SLICE("a"), odd, 1), v);
	for (v[0].i = 0; v[0].i < 5; v[0].i++)
		trace_put(w, trace_writer_shape(w, SLICE("c"), other, 1), v);
	trace_put(w, trace_writer_shape(w, SLICE("comm"), other, 1), v);
	v[0].i = 9;
	v[1].s = SLICE("ring-full");
	trace_put(w, trace_writer_shape(w, SLICE("lost"), lost, 2), v);
	CLAIM(trace_writer_close(w, &e) == 0);
}

static struct measure *
measure_of(int fd, const struct measure_options *o)
{
	struct measure *m = measure_new(o);
	struct trace_reader *r;
	struct trace_block *b;
	struct error e;

	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	r = trace_reader_new(fd);
	while (trace_read(r, &b) > 0)
		CLAIM(measure_block(m, b, &e) == 0);
	trace_reader_free(r);
	measure_end(m);
	return m;
}

static void
check_trace(void)
{
	static const struct slice by = { "cpu", 3 };
	struct measure_options o = { .key = SLICE("v"), .scheme = scheme };
	int fd = fileno(tmpfile());
	struct measure *m;

	write_trace(fd);
	m = measure_of(fd, &o);
	CLAIM(m->h.groups == 1);
	same(m->h.group[0].hist, &all);
	CLAIM(m->records == RECORDS + 6 && m->h.without == 5 && m->wrong == 1);
	CLAIM(strcmp(m->first.text, "the field v of a is a str, no number") == 0);
	CLAIM(m->h.losses == 2 && m->h.loss[0].n == 1 && m->h.loss[1].n == 9);
	CLAIM(slice_eq(m->h.loss[1].why, SLICE("ring-full")));
	CLAIM(strcmp(buf_str(&m->fields), " x") == 0);
	measure_free(m);

	o.by = &by;
	o.bys = 1;
	m = measure_of(fd, &o);
	CLAIM(m->h.groups == CPUS);
	for (int c = 0; c < CPUS; c++) {
		CLAIM(m->h.group[c].label[0].n == 1 && m->h.group[c].label[0].p[0] == '0' + c);
		same(m->h.group[c].hist, &by_hand[c]);
	}
	CLAIM(!by_hand[0].real && by_hand[1].real);
	measure_free(m);

	o.bys = 0;
	o.weight = SLICE("w");
	m = measure_of(fd, &o);
	same(m->h.group[0].hist, &weighted);
	measure_free(m);
}

static void
check_table(void)
{
	static const char text[] =
	    "g\tv_ns\tw\na\t1\t2\nb\t-\t1\na\t2.5\t0\nb\t-3\tx\nb\tx\t1\nb\t7\t3\n";
	static const struct slice by = { "g", 1 };
	struct measure_options o = {
		.key = SLICE("v_ns"), .weight = SLICE("w"), .by = &by, .bys = 1, .scheme = scheme
	};
	struct measure *m = measure_new(&o);
	struct table *t = table_new(open("/dev/null", O_RDONLY), text, sizeof text - 1);
	struct numbers_batch batch = { NUMBERS_UNSIGNED, 0, { NULL } };
	struct error e;

	CLAIM(table_header(t) == 1 && measure_table(m, t, &e) == 0);
	while (table_next(t) > 0)
		measure_row(m, t);
	measure_table_end(m, t);
	measure_end(m);
	CLAIM(slice_eq(m->h.unit, SLICE("ns")) && m->h.groups == 2 && m->h.missing == 1 &&
	      m->wrong == 2);
	CLAIM(m->h.group[0].hist->count == 2 && hist_max(m->h.group[0].hist) == 1);
	CLAIM(m->h.group[1].hist->count == 3 && hist_min(m->h.group[1].hist) == 7);
	CLAIM(strcmp(m->first.text, "5: the weight is no whole number") == 0);
	CLAIM(measure_numbers(m, &batch, &e) == -1);
	table_free(t);
	measure_free(m);
}

/* Units and groups must be the same. */
static void
check_refused(void)
{
	static const struct slice by = { "g", 1 };
	struct measure_options o = { .key = SLICE("size"), .scheme = scheme, .any_scheme = true };
	const struct hist_scheme log2 = { .scale = HIST_LOG2 };
	struct histogram other = HISTOGRAM_INIT, grouped = HISTOGRAM_INIT;
	struct measure *m = measure_new(&o);
	uint64_t one = 1;
	struct numbers_batch batch = { NUMBERS_UNSIGNED, 1, { &one } };
	struct error e;

	histogram_begin(&other, SLICE("x_ns"), SLICE(""), NULL, 0, &scheme);
	histogram_begin(&grouped, SLICE("size"), SLICE(""), &by, 1, &log2);
	CLAIM(measure_histogram(m, &other, &e) == 0 && measure_numbers(m, &batch, &e) == -1);
	CLAIM(
	    strstr(e.text, "values of size in bytes cannot be added to a histogram of x_ns in ns"));
	measure_free(m);
	m = measure_new(&o);
	CLAIM(measure_histogram(m, &grouped, &e) == 0 && m->h.scheme.scale == HIST_LOG2);
	CLAIM(measure_numbers(m, &batch, &e) == -1 && strstr(e.text, "has groups"));
	measure_free(m);
	o.any_scheme = false;
	m = measure_new(&o);
	CLAIM(measure_histogram(m, &grouped, &e) == -1 && strstr(e.text, "other bins"));
	measure_free(m);
	histogram_free(&other);
	histogram_free(&grouped);
}

int
main(void)
{
	check_trace();
	check_table();
	check_refused();
	return 0;
}
