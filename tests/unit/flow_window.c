/* Windows of random traces, against a model that looks each record's window up in a list; what is given up for want of
 * room is counted, record by record; TracerV against its registers, cycle by cycle. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "flow/window.h"
#include "flow/window_parts.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

/* ---- traces ---- */

enum type { SAMPLE, SPAN, NOTE, MMAP, LOST, START };
enum { MOST = 400, NEVER = -1 };

struct rec {
	enum type type;
	int64_t t, dur, at; /* at: where it stands */
	int tid, comm, x;   /* tid, comm -1: no such field */
	bool timeless;
};

static const char *const comms[] = { "a", "bb", "\"c c\"" };

static void
put_line(struct buf *to, const struct rec *r, int64_t shift, uint64_t number)
{
	static const char *const name[] = { "sample", "span", "note", "mmap", "lost", "start" };

	buf_printf(to, "%s", name[r->type]);
	if (r->type == START) {
		buf_printf(to, "\ttool=x\nend\ttool=x\n");
		return;
	}
	if (!r->timeless)
		buf_printf(to, "\tt=%lld", (long long)(r->t - shift));
	if (r->type == LOST) {
		buf_printf(to, "\tn=2\twhy=ring-full\n");
		return;
	}
	if (r->type == SPAN)
		buf_printf(to, "\tdur_ns=%lld", (long long)r->dur);
	if (r->tid >= 0)
		buf_printf(to, "\ttid=%d", r->tid);
	if (r->comm >= 0)
		buf_printf(to, "\tcomm=%s", comms[r->comm]);
	buf_printf(to, "\tx=%d", r->x);
	if (number)
		buf_printf(to, "\tw=%llu", (unsigned long long)number);
	buf_char(to, '\n');
}

/* Parts of a stream in order of time, each behind a start. */
static unsigned
draw_trace(struct rec *r, unsigned n, int xs, int steps)
{
	unsigned parts = 1 + (unsigned)unit_draw(3);
	int64_t now = INT64_MIN, clock = 0;

	for (unsigned i = 0; i < n; i++) {
		r[i] = (struct rec){ .type = (enum type)unit_draw(LOST + 1),
			.tid = (int)unit_draw(4) - 1,
			.comm = (int)unit_draw(4) - 1,
			.x = (int)unit_draw((uint64_t)xs) };
		if (r[i].type == LOST && unit_draw(3))
			r[i].type = SAMPLE;
		if (i == 0 || (parts > 1 && unit_draw(n) < parts)) {
			r[i].type = START;
			now = INT64_MIN;
			clock = (int64_t)unit_draw(20) - 5;
			continue;
		}
		clock += (int64_t)unit_draw((uint64_t)steps);
		r[i].t = r[i].at = clock;
		if (r[i].type == SPAN) {
			r[i].dur = (int64_t)unit_draw(30);
			r[i].t -= r[i].dur;
		}
		if (r[i].type == NOTE && unit_draw(2)) {
			r[i].timeless = true;
			r[i].at = now;
		}
		if (!r[i].timeless && r[i].type != LOST)
			now = clock;
	}
	return n;
}

/* ---- the model ---- */

struct model {
	struct window_options o;
	int start_x, end_x; /* NEVER: not by a record */
	bool start_timed, end_timed, start_relative, end_relative, start_none;
	int64_t start_n, end_n;
};

struct win {
	unsigned open, close; /* records; close MOST: never */
	int64_t from, to, origin;
	int key;
	bool at_record; /* a record closes it */
};

static bool
is_counted(const struct rec *r)
{
	return r->type != START && r->type != LOST;
}

static int
key_of(const struct model *m, const struct rec *r)
{
	return m->o.per.n == 0 ? 0 : slice_eq(m->o.per, SLICE("tid")) ? r->tid : r->comm;
}

/* The windows of records from..to with this key, whatever their number. */
static unsigned
windows_of(
    const struct model *m, const struct rec *r, unsigned from, unsigned to, int key, struct win *w)
{
	int64_t start_at = m->start_n, end_at = m->end_n, base = INT64_MAX;
	unsigned n = 0, known = to;
	bool fired = false;

	for (unsigned i = to; i-- > from;)
		if (is_counted(&r[i]) && r[i].type != MMAP && !r[i].timeless) {
			base = r[i].t;
			known = i;
		}
	for (unsigned i = from; i < to;) {
		unsigned k, end;
		int64_t since = start_at, until = end_at;

		if (m->start_relative)
			since = base == INT64_MAX ? INT64_MAX : base + m->start_n;
		if (m->end_relative)
			until = base == INT64_MAX ? INT64_MAX : base + m->end_n;
		for (k = i; k < to; k++) {
			bool starts = r[k].x == m->start_x;

			if (!is_counted(&r[k]) || key_of(m, &r[k]) != key)
				continue;
			if (m->start_timed || m->start_none) {
				starts = !fired &&
					 (m->start_none || (r[k].at >= since &&
							       (!m->start_relative || k >= known)));
				fired |= starts;
			}
			if (starts &&
			    !(m->end_timed && r[k].at > until && (!m->end_relative || k >= known)))
				break;
		}
		if (k == to)
			return n;
		w[n] = (struct win){ .open = k, .close = MOST, .from = r[k].at, .key = key };
		w[n].origin = m->start_timed ? since : r[k].at == INT64_MIN ? 0 : r[k].at;
		for (end = k + 1; end < to; end++) {
			if (!is_counted(&r[end]) || key_of(m, &r[end]) != key)
				continue;
			if (r[end].x == m->end_x || (m->end_timed && r[end].at > until &&
							(!m->end_relative || end >= known)))
				break;
		}
		if (m->o.alone)
			end = k;
		i = end;
		if (m->o.alone) {
			w[n].close = k;
			w[n].to = r[k].at;
			w[n].at_record = false;
			i = end + 1;
		} else if (end < to && m->end_timed) {
			w[n].close = end - 1;
			w[n].to = until;
		} else if (end < to) {
			w[n].close = end;
			w[n].to = r[end].at;
			w[n].at_record = true;
		} else {
			w[n].close = to - 1;
			w[n].to = INT64_MAX;
			return n + 1;
		}
		n++;
	}
	return n;
}

static int
by_open(const void *a, const void *b)
{
	const struct win *x = a, *y = b;

	return x->open < y->open ? -1 : x->open > y->open;
}

static int64_t
add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? b < 0 ? INT64_MIN : INT64_MAX : sum;
}

enum { EXCLUDED = -2, OUTSIDE = -1 };

/* Index into w of the window that record i is in, or one of the above. */
static int
place(const struct model *m, const struct rec *r, unsigned i, const struct win *w, unsigned n)
{
	bool no_start = m->o.no_start && !m->start_timed && !m->start_none;
	int key = key_of(m, &r[i]), opens = -1, last = -1, next = -1, closes = -1;
	bool excluded = false;

	for (unsigned k = 0; k < n; k++) {
		bool kept = k >= m->o.skip && k < m->o.skip + m->o.limit;

		if (w[k].key != key || k >= m->o.skip + m->o.limit)
			continue;
		if (w[k].open == i)
			opens = (int)k;
		else if (w[k].open < i)
			last = (int)k;
		else if (next < 0 && kept)
			next = (int)k;
		if (w[k].close == i && w[k].open < i && w[k].at_record)
			closes = (int)k;
	}
	if (opens >= 0 && (unsigned)opens >= m->o.skip) {
		if (!no_start)
			return opens;
		excluded = true;
	}
	if (closes >= 0 && (unsigned)closes >= m->o.skip) {
		if (!m->o.no_end)
			return closes;
		excluded = true;
	}
	if (excluded)
		return EXCLUDED;
	if (opens < 0 && last >= 0 && (unsigned)last >= m->o.skip) {
		if (i <= w[last].close)
			return last;
		if (m->o.after > 0 && r[i].at <= add(w[last].to, m->o.after))
			return last;
	}
	if (next >= 0 && m->o.before > 0 && r[i].at >= add(w[next].from, -m->o.before))
		return next;
	return OUTSIDE;
}

/* What must come out, and how many windows are kept. */
static unsigned
expected(const struct model *m, const struct rec *r, unsigned n, struct buf *out)
{
	static struct win w[MOST * 5];
	unsigned windows = 0, kept = 0;

	for (unsigned from = 0, to; from < n; from = to) {
		unsigned first = windows;

		for (to = from + 1; to < n && r[to].type != START; to++)
			;
		if (m->o.per.n == 0)
			windows += windows_of(m, r, from, to, 0, w + windows);
		for (int key = -1; m->o.per.n > 0 && key < 4; key++)
			windows += windows_of(m, r, from, to, key, w + windows);
		qsort(w + first, windows - first, sizeof *w, by_open);
	}
	for (unsigned from = 0, to, k = 0; from < n; from = to) {
		unsigned last;

		for (to = from + 1; to < n && r[to].type != START; to++)
			;
		for (last = k; last < windows && w[last].open < to; last++)
			;
		for (unsigned i = from; i < to; i++) {
			struct model part = *m;
			int p;

			if (!is_counted(&r[i])) {
				put_line(out, &r[i], 0, 0);
				continue;
			}
			/* The windows of this part alone can hold its records. */
			part.o.skip = m->o.skip > k ? m->o.skip - k : 0;
			part.o.limit = m->o.skip + m->o.limit > k
					   ? m->o.skip + m->o.limit - k - part.o.skip
					   : 0;
			p = place(&part, r, i, w + k, last - k);
			if (p >= 0)
				put_line(out, &r[i],
				    m->o.align && !r[i].timeless ? w[k + (unsigned)p].origin : 0,
				    m->o.slice.n ? k + (unsigned)p + 1 : 0);
			else if (m->o.slice.n || r[i].type == MMAP)
				put_line(out, &r[i], 0, 0);
		}
		k = last;
	}
	for (unsigned k = 0; k < windows; k++)
		kept += k >= m->o.skip && k < m->o.skip + m->o.limit;
	return kept;
}

/* ---- the module ---- */

static int
file(void)
{
	return memfd_create("trace", 0);
}

/* Frames of random length, so that windows and what waits lie across blocks. */
static int
frames_of(const struct buf *lines, unsigned records)
{
	struct trace_writer *w;
	struct trace_reader *r;
	struct trace_record record;
	int text = file(), fd = file();
	struct error e;

	CLAIM(write(text, "#leat 1\n", 8) == 8);
	CLAIM(
	    write(text, lines->p, lines->n) == (ssize_t)lines->n && lseek(text, 0, SEEK_SET) == 0);
	r = trace_reader_new(text);
	w = trace_writer_new(fd, TRACE_FRAMES, TRACE_RAW);
	while (trace_next(r, &record) == 1) {
		CLAIM(trace_put_record(w, &record) == 0);
		if (unit_draw(records / 8 + 2) == 0)
			CLAIM(trace_flush(w) == 0);
	}
	CLAIM(trace_writer_close(w, &e) == 0);
	trace_reader_free(r);
	close(text);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void
filter_block(struct window *w, struct trace_writer *out, struct trace_block *b)
{
	static unsigned char flags[1 << 17], *keep[4096];
	static uint32_t row[4096];
	const uint16_t *sequence = trace_sequence(b);
	uint32_t at = 0;
	struct error e;

	for (unsigned s = 0; s < b->shapes; s++) {
		row[s] = 0;
		keep[s] = flags + at;
		at += b->rows[s];
	}
	memset(flags, 1, at);
	if (!window_waits(w))
		CLAIM(window_rows(w, b, keep, &e) == 0);
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		uint32_t k = row[s]++;

		if (window_waits(w))
			CLAIM(window_row(w, out, b, s, k, &e) == 0);
		else if (keep[s][k] && window_marks(w) && !trace_is_ledger(b->shape[s]))
			CLAIM(window_put(w, out, b, s, k, &e) == 0);
		else if (keep[s][k])
			CLAIM(trace_put_row(out, b, s, k) == 0);
	}
}

/* Frames as lines. */
static int
lines_of(int frames)
{
	struct trace_reader *r = trace_reader_new(frames);
	int to = file();
	struct trace_writer *w = trace_writer_new(to, TRACE_LINES, 0);
	struct trace_record record;
	struct error e;

	while (trace_next(r, &record) == 1)
		CLAIM(trace_put_record(w, &record) == 0);
	CLAIM(trace_writer_close(w, &e) == 0);
	trace_reader_free(r);
	close(frames);
	return to;
}

/* What comes out, in lines; as often by way of frames. */
static struct window_counts
run(const struct window_options *o, const struct buf *lines, unsigned records, struct buf *out)
{
	int fd = frames_of(lines, records), to = file();
	struct trace_reader *r = trace_reader_new(fd);
	bool frames = unit_draw(2);
	struct trace_writer *writer =
	    trace_writer_new(to, frames ? TRACE_FRAMES : TRACE_LINES, TRACE_RAW);
	struct window *w = window_new(o);
	struct window_counts counts;
	struct trace_block *b;
	struct error e;
	off_t size;

	while (trace_read(r, &b) == 1)
		filter_block(w, writer, b);
	CLAIM(window_finish(w, writer, &e) == 0);
	counts = *window_counts(w);
	CLAIM(trace_writer_close(writer, &e) == 0);
	if (frames) {
		lseek(to, 0, SEEK_SET);
		to = lines_of(to);
	}
	size = lseek(to, 0, SEEK_END);
	out->n = 0;
	if (size > 8) {
		CLAIM(pread(to, buf_room(out, (size_t)size), (size_t)size, 0) == size);
		out->n = (size_t)size - 8;
		memmove(out->p, out->p + 8, out->n);
	}
	window_free(w);
	trace_reader_free(r);
	close(fd);
	close(to);
	return counts;
}

/* Says the options and the first line that differs. */
static void
differ(const struct model *m, const struct buf *in, const struct buf *want, const struct buf *got)
{
	size_t at = 0;
	struct slice w, g;

	if (want->n == got->n && memcmp(want->p, got->p, got->n) == 0)
		return;
	while (at < want->n && at < got->n && want->p[at] == got->p[at])
		at++;
	while (at > 0 && want->p[at - 1] != '\n')
		at--;
	w = (struct slice){ want->p + at, want->n - at };
	g = (struct slice){ got->p + at, got->n - at };
	w = slice_cut(&w, '\n');
	g = slice_cut(&g, '\n');
	fprintf(stderr,
	    "%.*sstart %d (none %d timed %d %lld relative %d) end %d (timed %d %lld) skip %llu "
	    "limit %llu"
	    " before %lld after %lld per %.*s no_start %d no_end %d alone %d slice %.*s align %d\n"
	    "wanted: %.*s\ngot:    %.*s\n",
	    (int)in->n, in->p, m->start_x, m->start_none, m->start_timed, (long long)m->start_n,
	    m->start_relative, m->end_x, m->end_timed, (long long)m->end_n,
	    (unsigned long long)m->o.skip, (unsigned long long)m->o.limit, (long long)m->o.before,
	    (long long)m->o.after, SLICE_ARG(m->o.per), m->o.no_start, m->o.no_end, m->o.alone,
	    SLICE_ARG(m->o.slice), m->o.align, SLICE_ARG(w), SLICE_ARG(g));
	CLAIM(!"as the model");
}

static struct trigger *
trigger(const char *text)
{
	struct error e;
	struct trigger *x = trigger_new(slice_of(text), &e);

	CLAIM(x != NULL);
	return x;
}

static struct trigger *
draw_trigger(int *x, bool *timed, bool *relative, bool *none, int64_t *n)
{
	char text[64];

	*x = NEVER;
	*timed = *relative = *none = false;
	switch (unit_draw(6)) {
	case 0:
		*none = true;
		return trigger("none");
	case 1:
		*timed = true;
		*relative = unit_draw(2);
		*n = (int64_t)unit_draw(120);
		snprintf(text, sizeof text, "t=%s%lld", *relative ? "+" : "", (long long)*n);
		return trigger(text);
	default:
		*x = (int)unit_draw(4);
		snprintf(text, sizeof text, "x == %d", *x);
		return trigger(text);
	}
}

static struct model
draw_model(void)
{
	static const struct slice pers[] = { { "", 0 }, { "tid", 3 }, { "comm", 4 } };
	struct model m = { .o = { .room = 1 << 28 } };
	bool none;

	m.o.start =
	    draw_trigger(&m.start_x, &m.start_timed, &m.start_relative, &m.start_none, &m.start_n);
	m.o.end = draw_trigger(&m.end_x, &m.end_timed, &m.end_relative, &none, &m.end_n);
	m.o.alone = unit_draw(5) == 0;
	if (m.o.alone) {
		m.end_x = NEVER;
		m.end_timed = false;
		trigger_free(m.o.end);
		m.o.end = trigger("none");
	}
	m.o.no_start = unit_draw(3) == 0;
	m.o.no_end = unit_draw(3) == 0;
	m.o.skip = unit_draw(2) ? 0 : unit_draw(4);
	m.o.limit = unit_draw(2) ? 1 << 20 : 1 + unit_draw(4);
	m.o.before = unit_draw(3) ? (int64_t)unit_draw(40) : 0;
	m.o.after = unit_draw(3) ? (int64_t)unit_draw(40) : 0;
	m.o.per = pers[unit_draw(3)];
	m.o.slice = unit_draw(3) ? SLICE("") : SLICE("w");
	m.o.align = unit_draw(3) == 0;
	return m;
}

static void
free_model(struct model *m)
{
	trigger_free(m->o.start);
	trigger_free(m->o.end);
}

static unsigned
lines_in(const struct buf *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == '\n';
	return n;
}

static void
random_windows(unsigned rounds)
{
	static struct rec r[MOST];
	struct buf in = BUF_INIT, want = BUF_INIT, got = BUF_INIT;

	for (unsigned round = 0; round < rounds; round++) {
		struct model m = draw_model();
		unsigned n = draw_trace(r, 2 + (unsigned)unit_draw(round % 8 ? 60 : MOST - 2),
		    4 + (int)unit_draw(12), 8);
		struct window_counts c;
		unsigned kept, counted = 0;

		in.n = want.n = 0;
		for (unsigned i = 0; i < n; i++) {
			put_line(&in, &r[i], 0, 0);
			counted += is_counted(&r[i]);
		}
		kept = expected(&m, r, n, &want);
		c = run(&m.o, &in, n, &got);
		differ(&m, &in, &want, &got);
		CLAIM(c.kept == kept && c.lost == 0 && c.unmarked == 0 && c.backs == 0);
		if (m.o.before > 0)
			CLAIM(c.passed + c.dropped == counted);
		free_model(&m);
	}
	buf_free(&in);
	buf_free(&want);
	buf_free(&got);
}

/* Windows of a concatenation are the concatenation of windows. */
static void
concatenations(unsigned rounds)
{
	static struct rec r[2 * MOST];
	struct buf a = BUF_INIT, b = BUF_INIT, whole = BUF_INIT, of_a = BUF_INIT, of_b = BUF_INIT;

	for (unsigned round = 0; round < rounds; round++) {
		struct model m = draw_model();
		unsigned n = draw_trace(r, 2 + (unsigned)unit_draw(50), 6, 8);
		unsigned k = draw_trace(r + n, 2 + (unsigned)unit_draw(50), 6, 8);
		struct buf both = BUF_INIT;

		m.o.skip = 0;
		m.o.limit = UINT64_MAX;
		m.o.slice = SLICE("");
		a.n = b.n = 0;
		for (unsigned i = 0; i < n; i++)
			put_line(&a, &r[i], 0, 0);
		for (unsigned i = n; i < n + k; i++)
			put_line(&b, &r[i], 0, 0);
		buf_put(&both, a.p, a.n);
		buf_put(&both, b.p, b.n);
		run(&m.o, &both, n + k, &whole);
		run(&m.o, &a, n, &of_a);
		run(&m.o, &b, k, &of_b);
		buf_put(&of_a, of_b.p, of_b.n);
		differ(&m, &both, &of_a, &whole);
		buf_free(&both);
		free_model(&m);
	}
	buf_free(&a);
	buf_free(&b);
	buf_free(&whole);
	buf_free(&of_a);
	buf_free(&of_b);
}

/* ---- room ---- */

/* The n of all lost records why=window-full, which are taken out. */
static uint64_t
take_losses(struct buf *b)
{
	uint64_t sum = 0;
	size_t to = 0;

	for (size_t i = 0, end; i < b->n; i = end) {
		const char *line = b->p + i, *lf = memchr(line, '\n', b->n - i);
		struct slice s = { line, (size_t)(lf - line) };

		end = i + s.n + 1;
		if (slice_ends(s, SLICE("\twhy=window-full"))) {
			const char *n = memmem(s.p, s.n, "\tn=", 3);

			CLAIM(n != NULL);
			sum += strtoull(n + 3, NULL, 10);
			continue;
		}
		memmove(b->p + to, line, end - i);
		to += end - i;
	}
	b->n = to;
	return sum;
}

/* Whether the lines of a are some of those of b, in order. */
static bool
is_part(const struct buf *a, const struct buf *b)
{
	size_t at = 0;

	for (size_t i = 0, end; i < a->n; i = end) {
		end = (size_t)((char *)memchr(a->p + i, '\n', a->n - i) - a->p) + 1;
		for (;;) {
			size_t next;

			if (at >= b->n)
				return false;
			next = (size_t)((char *)memchr(b->p + at, '\n', b->n - at) - b->p) + 1;
			if (next - at == end - i && memcmp(a->p + i, b->p + at, end - i) == 0) {
				at = next;
				break;
			}
			at = next;
		}
	}
	return true;
}

static void
little_room(unsigned rounds)
{
	static struct rec r[MOST];
	struct buf in = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
	uint64_t lost = 0, unmarked = 0;

	for (unsigned round = 0; round < rounds; round++) {
		struct model m = draw_model();
		unsigned n = draw_trace(r, MOST, 16, 3), counted = 0;
		struct window_counts c;
		uint64_t told;

		if (m.o.before == 0)
			m.o.before = 30;
		m.o.room = unit_draw(3) ? 80000 + unit_draw(20000) : unit_draw(12000);
		in.n = want.n = 0;
		for (unsigned i = 0; i < n; i++) {
			put_line(&in, &r[i], 0, 0);
			counted += is_counted(&r[i]);
		}
		expected(&m, r, n, &want);
		c = run(&m.o, &in, n, &got);
		told = take_losses(&got);
		CLAIM(c.passed + c.dropped + c.lost == counted);
		CLAIM(told == c.lost + c.unmarked);
		if (m.o.slice.n > 0)
			CLAIM(c.lost == 0 && lines_in(&got) == lines_in(&want));
		else if (!m.o.align)
			CLAIM(is_part(&got, &want));
		/* The place of what was given up is known, where half the room holds all places. */
		if (m.o.room > 2 * MOST * 48)
			CLAIM(lines_in(&want) - lines_in(&got) == c.lost);
		else
			CLAIM(lines_in(&want) - lines_in(&got) <= c.lost);
		lost += c.lost;
		unmarked += c.unmarked;
		free_model(&m);
	}
	CLAIM(lost > 300 && unmarked > 30);
	buf_free(&in);
	buf_free(&want);
	buf_free(&got);
}

/* ---- states ---- */

static bool
is_closed(const void *context, const struct window_state *c)
{
	(void)context;
	return !c->open;
}

/* Those that are closed are forgotten, the others are found again. */
static void
states(void)
{
	struct window_states a = { 0 };
	char text[32];

	for (int i = 0; i < 100000; i++) {
		struct window_key key = { .kind = 1 };
		uint32_t n;

		if (i % 2)
			key.word = (uint64_t)i;
		else
			key.s =
			    (struct slice){ text, (size_t)snprintf(text, sizeof text, "k%d", i) };
		n = window_states_get(&a, &key, is_closed, NULL);
		CLAIM(n == window_states_get(&a, &key, is_closed, NULL));
		CLAIM(!a.state[n].open && a.state[n].number == 0);
		a.state[n].open = i % 1000 < 2;
		a.state[n].number = (uint64_t)i + 1;
		memset(text, 0, sizeof text);
	}
	CLAIM(a.n < 10000);
	for (int i = 0; i < 100000; i += i % 1000 ? 999 : 1) {
		struct window_key key = { .kind = 1 };
		uint32_t n;

		if (i % 2)
			key.word = (uint64_t)i;
		else
			key.s =
			    (struct slice){ text, (size_t)snprintf(text, sizeof text, "k%d", i) };
		n = window_states_get(&a, &key, is_closed, NULL);
		CLAIM(a.state[n].open && a.state[n].number == (uint64_t)i + 1);
	}
	window_states_free(&a);
}

/* Many threads, each with one window, while one is open all the time. */
static void
many_states(void)
{
	struct window_options o = { .start = trigger("x == 1"),
		.end = trigger("x == 2"),
		.limit = UINT64_MAX,
		.per = SLICE("tid"),
		.room = 1 << 20 };
	struct buf in = BUF_INIT, got = BUF_INIT;
	struct window_counts c;

	buf_printf(&in, "start\ttool=x\nend\ttool=x\nsample\tt=0\ttid=-1\tx=1\n");
	for (int i = 0; i < 20000; i++)
		for (int x = 0; x < 4; x++)
			buf_printf(&in, "sample\tt=%d\ttid=%d\tx=%d\n", i, i, x);
	buf_printf(&in, "sample\tt=20000\ttid=-1\tx=0\nsample\tt=20000\ttid=-1\tx=2\n");
	c = run(&o, &in, 80000, &got);
	CLAIM(c.windows == 20001 && c.unfinished == 0 && lines_in(&got) == 40005);
	trigger_free(o.start);
	trigger_free(o.end);
	buf_free(&in);
	buf_free(&got);
}

/* ---- TracerV ---- */

/* The hardware: registers of each lane, set and cleared one cycle after what they see. */
static void
tracerv(unsigned rounds)
{
	struct buf in = BUF_INIT, want = BUF_INIT, got = BUF_INIT;

	for (unsigned round = 0; round < rounds; round++) {
		unsigned selector = (unsigned)unit_draw(4), start = (unsigned)unit_draw(6),
			 end = (unsigned)unit_draw(6), lanes = 1 + (unsigned)unit_draw(4);
		bool on[2][4] = { 0 };
		struct trigger_tracerv t;
		struct window_options o = {
			.tracerv = &t, .limit = UINT64_MAX, .per = SLICE("cpu"), .room = 1 << 20
		};
		struct error e;
		char text[80];

		if (selector == 3)
			snprintf(text, sizeof text, "3,%s0000000f%08x,f%08x",
			    unit_draw(2) ? "0x" : "", start | 0xabc0, end);
		else
			snprintf(text, sizeof text, unit_draw(2) ? "%u,%x,%x" : "%u, %x, %x",
			    selector, start, end);
		if (selector == 1 && unit_draw(3) == 0) {
			end = 1000000;
			snprintf(text, sizeof text, "1,%u,-1", start);
		}
		CLAIM(trigger_tracerv(slice_of(text), &t, &e) == 0);
		in.n = want.n = 0;
		for (unsigned cycle = 0; cycle < 40; cycle++)
			for (unsigned cpu = 0; cpu < 2; cpu++) {
				bool set[4] = { 0 }, clear[4] = { 0 }, any = false;

				for (unsigned l = 0; l < 4; l++)
					any |= on[cpu][l];
				any |= selector == 0;
				if (selector == 1)
					any = cycle >= start && cycle <= end;
				for (unsigned l = 0; l < lanes; l++) {
					unsigned v = (unsigned)unit_draw(12);
					size_t from = in.n;

					if (unit_draw(3) == 0)
						continue;
					buf_printf(&in,
					    "insn\tt=%u\tcpu=%u\tlane=%u\tpc=0x%x\tinsn=0x%x\n",
					    cycle, cpu, l, v, v | (unsigned)unit_draw(2) << 8);
					if (any)
						buf_put(&want, in.p + from, in.n - from);
					set[l] = v == start;
					clear[l] = v == end;
				}
				for (unsigned l = 0; l < 4 && selector >= 2; l++)
					on[cpu][l] = set[l] || (on[cpu][l] && !clear[l]);
			}
		run(&o, &in, 200, &got);
		if (want.n != got.n || memcmp(want.p, got.p, got.n) != 0)
			fprintf(stderr, "%s\n--- input\n%.*s--- wanted\n%.*s--- got\n%.*s", text,
			    (int)in.n, in.p, (int)want.n, want.p, (int)got.n, got.p);
		CLAIM(want.n == got.n && memcmp(want.p, got.p, got.n) == 0);
		trigger_free(t.start);
		trigger_free(t.end);
	}
	buf_free(&in);
	buf_free(&want);
	buf_free(&got);
}

int
main(void)
{
	random_windows(800);
	concatenations(150);
	little_room(150);
	states();
	many_states();
	tracerv(300);
	return 0;
}
