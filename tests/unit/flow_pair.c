/* Spans of random events, against a list that is searched from end to end: which pairs, in which order, and what is lost. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/pair.h"
#include "trace/reader.h"
#include "unit.h"

enum {
	EVENTS = 300,
	ROUNDS = 600,
	SKIP_KEY = 1,
	SKIP_T = 2,
	STARTS = 4,
	ENDS = 8,
	OTHER_SHAPE = 16,
	BIG = 32
};

struct event {
	int64_t t;
	unsigned what; /* of the enum above */
	unsigned key, end_key;
};

struct found {
	int64_t start, end; /* numbers of the events */
	int64_t depth, parent;
};

struct result {
	struct found span[EVENTS];
	unsigned spans;
	uint64_t why[PAIR_WHYS];
	uint64_t used, lost, passed;
};

static uint64_t seed = 1;

static unsigned
any(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- the model ---- */

struct model_open {
	unsigned n; /* of the event */
	int64_t id, parent, depth;
	bool used;
};

struct model {
	const struct event *e;
	const struct pair_options *o;
	struct result *r;
	struct model_open open[EVENTS]; /* in order of opening */
	unsigned opens;
};

static void
model_lose(struct model *m, enum pair_why why, bool passed)
{
	m->r->why[why]++;
	m->r->lost += !passed;
}

static void
model_close(struct model *m, unsigned i)
{
	memmove(&m->open[i], &m->open[i + 1], (m->opens - i - 1) * sizeof *m->open);
	m->opens--;
}

static void
model_drop(struct model *m, unsigned i, enum pair_why why)
{
	if (!m->open[i].used)
		model_lose(m, why, m->o->keep);
	model_close(m, i);
}

/* The oldest or youngest of a key, or -1. */
static int
model_find(const struct model *m, unsigned key, bool youngest)
{
	int found = -1;

	for (unsigned i = 0; i < m->opens; i++)
		if (m->e[m->open[i].n].key == key && (found < 0 || youngest))
			found = (int)i;
	return found;
}

static bool
model_late(const struct model *m, unsigned i, int64_t now)
{
	return m->o->timeout > 0 && now - m->e[m->open[i].n].t > (int64_t)m->o->timeout;
}

/* 0 where a span was made. */
static enum pair_why
model_end(struct model *m, unsigned n)
{
	const struct event *v = &m->e[n];
	int i;

	if (v->what & SKIP_KEY)
		return PAIR_NO_KEY;
	while ((i = model_find(m, v->end_key, m->o->match == PAIR_NEST)) >= 0 &&
	       model_late(m, (unsigned)i, v->t))
		model_drop(m, (unsigned)i, PAIR_TIMEOUT);
	if (i < 0)
		return PAIR_UNMATCHED_END;
	if (m->e[m->open[i].n].t > v->t) {
		model_drop(m, (unsigned)i, PAIR_OUT_OF_ORDER);
		return PAIR_OUT_OF_ORDER;
	}
	m->r->span[m->r->spans++] =
	    (struct found){ m->open[i].n, n, m->open[i].depth, m->open[i].parent };
	m->r->used += !m->o->keep && !m->open[i].used;
	m->r->used += !m->o->keep;
	model_close(m, (unsigned)i);
	return 0;
}

static enum pair_why
model_start(struct model *m, unsigned n, bool used)
{
	const struct event *v = &m->e[n];
	static int64_t ids;
	int64_t depth = 0, parent = 0;
	int i;

	if (n == 0)
		ids = 0;
	if (v->what & SKIP_KEY)
		return PAIR_NO_KEY;
	i = model_find(m, v->key, true);
	if (i >= 0 && m->o->match == PAIR_FIRST)
		return PAIR_RESTARTED;
	if (i >= 0 && m->o->match == PAIR_LAST)
		model_drop(m, (unsigned)i, PAIR_RESTARTED);
	for (unsigned k = 0; k < m->opens; k++)
		if (m->e[m->open[k].n].key == v->key) {
			depth++;
			parent = m->open[k].n + 1; /* events, not ids */
		}
	m->open[m->opens++] = (struct model_open){ n, ++ids, parent, depth, used };
	return 0;
}

static void
model_run(const struct event *e, const struct pair_options *o, struct result *r)
{
	static struct model m;
	int64_t now = INT64_MIN;

	memset(r, 0, sizeof *r);
	m = (struct model){ .e = e, .o = o, .r = r };
	for (unsigned n = 0; n < EVENTS; n++) {
		enum pair_why why = 0;
		bool used = false;

		if (!(e[n].what & SKIP_T) && e[n].t > now) {
			now = e[n].t;
			while (m.opens > 0 && model_late(&m, 0, now))
				model_drop(&m, 0, PAIR_TIMEOUT);
		}
		if (!(e[n].what & (STARTS | ENDS))) {
			r->passed++;
			continue;
		}
		r->passed += o->keep;
		if (e[n].what & SKIP_T) {
			model_lose(&m, PAIR_NO_TIME, o->keep);
			continue;
		}
		if (e[n].what & ENDS) {
			why = model_end(&m, n);
			used = why == 0;
		}
		if (e[n].what & STARTS)
			why = model_start(&m, n, used);
		if (why && !used)
			model_lose(&m, why, o->keep);
	}
	while (m.opens > 0)
		model_drop(&m, 0, PAIR_UNMATCHED_START);
}

/* ---- the module ---- */

static int
events_to_trace(const struct event *e, enum trace_encoding encoding)
{
	int fd = memfd_create("events", 0);
	struct trace_writer *w = trace_writer_new(fd, encoding, TRACE_RAW);
	struct error error;

	for (unsigned n = 0; n < EVENTS; n++) {
		/* t n is_start is_end key [text]: keys of ends are called otherwise, and are of other kinds */
		struct trace_field f[8] = { { SLICE("t"), TRACE_INT } };
		union trace_value v[8] = { { .i = e[n].t } };
		unsigned fields = !(e[n].what & SKIP_T);
		bool starts = e[n].what & STARTS, ends = e[n].what & ENDS;

		f[fields] = (struct trace_field){ SLICE("n"), TRACE_INT };
		v[fields++].i = n;
		f[fields] = (struct trace_field){ SLICE("what"), TRACE_INT };
		v[fields++].i = starts | ends << 1;
		if (e[n].what & OTHER_SHAPE) {
			f[fields] = (struct trace_field){ SLICE("text"), TRACE_STR };
			v[fields++].s = SLICE("a text that is longer than a word");
		}
		if (!(e[n].what & SKIP_KEY) && starts) {
			f[fields] = (struct trace_field){ SLICE("key"), TRACE_INT };
			v[fields++].i = e[n].key;
		}
		if (!(e[n].what & SKIP_KEY) && ends && e[n].what & OTHER_SHAPE) {
			f[fields] = (struct trace_field){ SLICE("end_key"), TRACE_NUM };
			v[fields++].d = e[n].end_key;
		} else if (!(e[n].what & SKIP_KEY) && ends) {
			f[fields] = (struct trace_field){ SLICE("end_key"), TRACE_ADDR };
			v[fields++].u = e[n].end_key;
		}
		CLAIM(trace_put(w, trace_writer_shape(w, SLICE("event"), f, fields), v) == 0);
		if (any(40) == 0)
			CLAIM(trace_flush(w) == 0); /* another block */
	}
	CLAIM(trace_writer_close(w, &error) == 0);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int
pair_trace(int fd, const struct pair_options *o, struct pair_counts *counts)
{
	int to = memfd_create("spans", 0);
	struct trace_writer *w = trace_writer_new(to, TRACE_FRAMES, TRACE_RAW);
	struct trace_reader *r = trace_reader_new(fd);
	struct pair *p = pair_new(o);
	struct trace_block *b;
	struct error error;

	while (trace_read(r, &b) > 0) {
		const uint16_t *sequence = trace_sequence(b);
		uint32_t row[64] = { 0 };

		CLAIM(b->shapes <= 64);
		for (uint32_t i = 0; i < b->records; i++) {
			unsigned s = sequence ? sequence[i] : 0;

			CLAIM(pair_row(p, b, s, row[s]++, w) == 0);
		}
	}
	CLAIM(trace_reader_damage(r)->places == 0);
	CLAIM(pair_finish(p, w) == 0);
	*counts = *pair_counts(p);
	CLAIM(counts->open == 0);
	pair_free(p);
	trace_reader_free(r);
	CLAIM(trace_writer_close(w, &error) == 0);
	CLAIM(lseek(to, 0, SEEK_SET) == 0);
	return to;
}

static int64_t
get(const struct trace_record *r, const char *name)
{
	int f = trace_field_of(r->shape, slice_of(name), TRACE_INT);

	return f < 0 ? -1 : r->value[f].i;
}

/* The spans and lost records are those of the model, and the books balance. */
static void
compare(const struct event *e, const struct pair_options *o, const struct result *want, int fd,
    const struct pair_counts *counts)
{
	struct trace_reader *reader = trace_reader_new(fd);
	int64_t id[EVENTS + 1] = { 0 }, parent[EVENTS] = { 0 };
	uint64_t why[PAIR_WHYS] = { 0 }, passed = 0, sum = 0;
	struct trace_record r;
	int64_t latest = INT64_MIN;
	unsigned spans = 0;

	while (trace_next(reader, &r) > 0) {
		/* What is lost is told at the latest moment. */
		if (trace_when(r.shape).t >= 0) {
			int64_t stands =
			    get(&r, "t") + (get(&r, "dur_ns") > 0 ? get(&r, "dur_ns") : 0);

			CLAIM(!slice_eq(r.shape->type, SLICE("lost")) || stands >= latest);
			latest = stands > latest ? stands : latest;
		}
		if (slice_eq(r.shape->type, SLICE("span"))) {
			const struct found *f = &want->span[spans++];
			int text;

			CLAIM(spans <= want->spans);
			CLAIM(get(&r, "n") == f->start && get(&r, "end_n") == f->end);
			CLAIM(get(&r, "t") == e[f->start].t);
			CLAIM(get(&r, "dur_ns") == e[f->end].t - e[f->start].t);
			CLAIM(get(&r, "key") == e[f->start].key || !(e[f->start].what & STARTS));
			text = trace_field_of(r.shape, SLICE("text"), TRACE_STR);
			CLAIM((text >= 0) == !!((e[f->start].what | e[f->end].what) & OTHER_SHAPE));
			CLAIM(text < 0 || slice_eq(r.value[text].s,
					      SLICE("a text that is longer than a word")));
			if (o->match == PAIR_NEST || o->match == PAIR_FIFO)
				CLAIM(get(&r, "depth") == f->depth);
			else
				CLAIM(trace_field_index(r.shape, SLICE("depth")) < 0);
			if (o->match == PAIR_NEST) {
				id[f->start + 1] = get(&r, "id");
				parent[spans - 1] = get(&r, "parent");
				CLAIM(id[f->start + 1] > 0 &&
				      (parent[spans - 1] == 0) == (f->parent == 0));
			}
		} else if (slice_eq(r.shape->type, SLICE("lost"))) {
			int f = trace_field_of(r.shape, SLICE("why"), TRACE_STR);

			for (int i = 1; i < PAIR_WHYS; i++)
				if (slice_eq(
					r.value[f].s, slice_of(pair_why_name((enum pair_why)i))))
					why[i] += (uint64_t)get(&r, "n");
		} else {
			passed++;
		}
	}
	trace_reader_free(reader);
	/* An outer span comes after its inner ones, if it comes. */
	for (unsigned i = 0; i < spans; i++)
		CLAIM(want->span[i].parent == 0 || id[want->span[i].parent] == 0 ||
		      id[want->span[i].parent] == parent[i]);
	CLAIM(spans == want->spans && counts->made == spans);
	CLAIM(memcmp(why, want->why, sizeof why) == 0);
	CLAIM(memcmp(counts->why, want->why, sizeof why) == 0);
	CLAIM(counts->passed == passed && counts->passed == want->passed);
	CLAIM(counts->used == want->used && counts->lost == want->lost);
	CLAIM(counts->passed + counts->used + counts->lost == EVENTS);
	for (int i = 1; i < PAIR_WHYS; i++)
		sum += why[i];
	CLAIM(o->keep ? counts->lost == 0 : counts->lost == sum);
}

static void
round_of(unsigned n)
{
	static const struct pair_key key = { SLICE("key"), SLICE("end_key") };
	static struct event e[EVENTS];
	static struct result want;
	struct error error;
	struct pair_options o = { .start = expr_new(SLICE("what & 1 != 0"), &error),
		.end = expr_new(SLICE("what & 2 != 0"), &error),
		.key = &key,
		.keys = 1,
		.match = n % 4,
		.timeout = any(2) ? 1 + any(60) : 0,
		.keep = any(4) == 0 };
	unsigned keys = 1 + any(12), both = any(3), mess = any(2), other_keys = any(2);
	struct pair_counts counts;
	uint64_t sum = 0;
	int64_t t = 1000;
	int fd, spans;

	CLAIM(o.start && o.end);
	for (unsigned i = 0; i < EVENTS; i++) {
		t += any(4);
		e[i] = (struct event){ t - (mess && any(10) == 0 ? any(20) : 0),
			any(2) ? STARTS : ENDS, any(keys), 0 };
		e[i].end_key = other_keys ? any(keys) : e[i].key;
		if (both == 2 || (both == 1 && any(4) == 0))
			e[i].what = STARTS | ENDS;
		if (any(10) == 0)
			e[i].what = 0;
		e[i].what |= any(3) == 0 ? OTHER_SHAPE : 0;
		e[i].what |= mess && any(20) == 0 ? SKIP_KEY : 0;
		e[i].what |= mess && any(20) == 0 ? SKIP_T : 0;
	}
	model_run(e, &o, &want);
	fd = events_to_trace(e, any(2) ? TRACE_FRAMES : TRACE_LINES);
	spans = pair_trace(fd, &o, &counts);
	compare(e, &o, &want, spans, &counts);
	for (int i = 1; i < PAIR_WHYS; i++)
		sum += want.why[i];
	/* Where no record is both, spans and what is unmatched are all starts and ends. */
	if (both == 0)
		CLAIM(2 * counts.made + sum == counts.starts + counts.ends);
	close(fd);
	close(spans);
	expr_free(o.start);
	expr_free(o.end);
}

/* Millions of keys, of which few are open at a time, are forgotten; those that are open are not. */
static void
many_keys(void)
{
	static const struct pair_key key = { SLICE("key"), SLICE("key") };
	enum { KEYS = 200000, OPEN = 100 };
	struct error error;
	struct pair_options o = { .start = expr_new(SLICE("s"), &error),
		.end = expr_new(SLICE("e"), &error),
		.key = &key,
		.keys = 1,
		.match = PAIR_LAST };
	struct trace_field f[] = { { SLICE("t"), TRACE_INT }, { SLICE("name"), TRACE_STR },
		{ SLICE("key"), TRACE_STR } };
	int fd = memfd_create("events", 0), spans;
	struct trace_writer *w = trace_writer_new(fd, TRACE_FRAMES, TRACE_RAW);
	struct pair_counts counts;

	for (int64_t i = 0; i < KEYS + OPEN; i++) {
		char text[64];
		union trace_value v[] = { { .i = 2 * i }, { .s = SLICE("s") },
			{ .s = { text, 0 } } };

		/* every third is longer than what a key holds itself */
		v[2].s.n = (size_t)snprintf(text, sizeof text, i % 3 ? "%ld" : "%050ld", (long)i);
		if (i < KEYS)
			CLAIM(trace_put(w, trace_writer_shape(w, SLICE("event"), f, 3), v) == 0);
		if (i < OPEN)
			continue;
		v[0].i++;
		v[1].s = SLICE("e");
		v[2].s.n = (size_t)snprintf(
		    text, sizeof text, (i - OPEN) % 3 ? "%ld" : "%050ld", (long)(i - OPEN));
		CLAIM(trace_put(w, trace_writer_shape(w, SLICE("event"), f, 3), v) == 0);
	}
	CLAIM(trace_writer_close(w, &error) == 0);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	spans = pair_trace(fd, &o, &counts);
	CLAIM(counts.made == KEYS && counts.lost == 0 && counts.used == 2 * KEYS);
	close(fd);
	close(spans);
	expr_free(o.start);
	expr_free(o.end);
}

int
main(void)
{
	for (unsigned n = 0; n < ROUNDS; n++)
		round_of(n);
	many_keys();
	return 0;
}
