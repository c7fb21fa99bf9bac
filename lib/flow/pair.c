#include <stdlib.h>

#include "base/alloc.h"
#include "flow/pair_parts.h"

struct pair {
	struct pair_options o;
	struct pair_counts counts;
	struct pair_shapes shapes;
	struct pair_table table;
	struct pair_spans spans;
	struct buf key;
	bool timed;  /* now is known */
	int64_t now; /* the latest moment of the stream */
	int64_t last_id;
	/* lost records that are being added up */
	uint64_t lost[PAIR_WHYS];
	unsigned held; /* records since the first of them, 0: none */
};

struct pair *
pair_new(const struct pair_options *o)
{
	struct pair *p = xcalloc(1, sizeof *p);

	p->o = *o;
	pair_table_init(&p->table);
	return p;
}

void
pair_free(struct pair *p)
{
	pair_shapes_free(&p->shapes);
	pair_table_free(&p->table);
	pair_spans_free(&p->spans);
	buf_free(&p->key);
	free(p);
}

const struct pair_counts *
pair_counts(const struct pair *p)
{
	return &p->counts;
}

const char *
pair_why_name(enum pair_why why)
{
	static const char *const name[PAIR_WHYS] = { "", "restarted", "timeout", "unmatched-start",
		"unmatched-end", "no-key", "no-time", "out-of-order", "too-long" };

	return name[why];
}

/* ---- what is lost ---- */

static void
lose(struct pair *p, enum pair_why why, bool passed)
{
	p->lost[why]++;
	p->counts.why[why]++;
	p->counts.lost += !passed;
	p->held += p->held == 0;
}

static void
lose_open(struct pair *p, uint32_t open, enum pair_why why)
{
	const struct pair_open *o = &p->table.open[open];

	if (!o->used)
		lose(p, why, o->passed);
	pair_table_close(&p->table, open);
	p->counts.open--;
}

int
pair_flush(struct pair *p, struct trace_writer *w)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("n"), TRACE_INT }, { SLICE("why"), TRACE_STR } };
	unsigned skip = !p->timed;

	if (p->held == 0)
		return 0;
	p->held = 0;
	for (enum pair_why why = 1; why < PAIR_WHYS; why++) {
		union trace_value v[] = { { .i = p->now }, { .i = (int64_t)p->lost[why] },
			{ .s = slice_of(pair_why_name(why)) } };

		if (p->lost[why] > 0 &&
		    trace_put(w, trace_writer_shape(w, SLICE("lost"), field + skip, 3 - skip),
			v + skip) < 0)
			return -1;
		p->lost[why] = 0;
	}
	return 0;
}

int
pair_finish(struct pair *p, struct trace_writer *w)
{
	while (p->table.oldest != PAIR_NOBODY)
		lose_open(p, p->table.oldest, PAIR_UNMATCHED_START);
	return pair_flush(p, w);
}

/* ---- time ---- */

static bool
is_late(const struct pair *p, const struct pair_open *o, int64_t now)
{
	return p->o.timeout > 0 && now > o->stood &&
	       (uint64_t)now - (uint64_t)o->stood > p->o.timeout;
}

/* Where the row stands in the stream, and where it begins. */
static void
time_of(const struct pair_at *at, int64_t *t, int64_t *stands)
{
	struct pair_shape *shape = at->shape;

	if (shape->t_block != trace_block_serial(at->b)) {
		shape->t_block = trace_block_serial(at->b);
		shape->t = trace_column(at->b, at->s, (unsigned)shape->when.t);
		if (shape->when.dur >= 0)
			shape->dur = trace_column(at->b, at->s, (unsigned)shape->when.dur);
	}
	*t = *stands = (int64_t)shape->t[at->row];
	if (shape->dur && __builtin_add_overflow(*t, (int64_t)shape->dur[at->row], stands))
		*stands = INT64_MAX;
}

static void
advance(struct pair *p, int64_t stands)
{
	if (p->timed && stands <= p->now)
		return;
	p->timed = true;
	p->now = stands;
	while (
	    p->table.oldest != PAIR_NOBODY && is_late(p, &p->table.open[p->table.oldest], stands))
		lose_open(p, p->table.oldest, PAIR_TIMEOUT);
}

/* ---- starts and ends ---- */

/* The key of the row, in p->key; fields are those of starts, or those of ends. */
static bool
key_of(struct pair *p, const int *field, const struct pair_at *at)
{
	pair_columns(at);
	p->key.n = 0;
	for (size_t i = 0; i < p->o.keys; i++) {
		union trace_value v;

		if (field[i] < 0)
			return false;
		v = pair_value(at, (unsigned)field[i]);
		pair_key_put(&p->key, at->shape->own->field[field[i]].kind, &v);
	}
	buf_room(&p->key, PAIR_KEY_BYTES);
	return true;
}

/* A record that is being looked at. */
struct event {
	struct pair_at at;
	int64_t t, stands;
	bool passed, used;
};

static int
make_span(
    struct pair *p, struct event *v, uint32_t open, struct trace_writer *w, enum pair_why *why)
{
	struct pair_open *o = &p->table.open[open];
	struct pair_shape *shape = v->at.shape;
	uint64_t dur = (uint64_t)v->stands - (uint64_t)o->t;
	int put;

	if (v->stands < o->t || dur > INT64_MAX) {
		*why = v->stands < o->t ? PAIR_OUT_OF_ORDER : PAIR_TOO_LONG;
		lose_open(p, open, *why);
		return 0;
	}
	if (shape->start != o->shape) {
		shape->start = o->shape;
		shape->span = pair_span_of(&p->spans, &p->o, o->shape, shape->own, w);
	}
	put = pair_span_put(&p->spans, shape->span, o, (int64_t)dur, &v->at, w);
	p->counts.made++;
	p->counts.used += !o->passed && !o->used;
	p->counts.used += !v->passed;
	p->counts.open--;
	v->used = true;
	pair_table_close(&p->table, open);
	return put;
}

/* *why is 0 where a span was made. */
static int
end(struct pair *p, struct event *v, struct trace_writer *w, enum pair_why *why)
{
	uint32_t key, open;

	*why = PAIR_NO_KEY;
	if (!key_of(p, v->at.shape->key + p->o.keys, &v->at))
		return 0;
	*why = PAIR_UNMATCHED_END;
	key = pair_table_key(&p->table, &p->key, false);
	while (key != PAIR_NOBODY && p->table.key[key].n > 0) {
		open =
		    p->o.match == PAIR_NEST ? p->table.key[key].newest : p->table.key[key].oldest;
		if (!is_late(p, &p->table.open[open], v->stands)) {
			*why = 0;
			return make_span(p, v, open, w, why);
		}
		/* It is behind a later one, in a stream that is not in order. */
		lose_open(p, open, PAIR_TIMEOUT);
		key = pair_table_key(&p->table, &p->key, false);
	}
	return 0;
}

static enum pair_why
start(struct pair *p, const struct event *v)
{
	const struct pair_opened *k;
	struct pair_open *o;
	uint32_t key;
	int64_t parent = 0, depth;

	if (!key_of(p, v->at.shape->key, &v->at))
		return PAIR_NO_KEY;
	key = pair_table_key(&p->table, &p->key, true);
	if (p->table.key[key].n > 0 && p->o.match == PAIR_FIRST)
		return PAIR_RESTARTED;
	if (p->table.key[key].n > 0 && p->o.match == PAIR_LAST) {
		lose_open(p, p->table.key[key].newest, PAIR_RESTARTED);
		key = pair_table_key(&p->table, &p->key, true);
	}
	k = &p->table.key[key];
	depth = k->n;
	if (k->n > 0)
		parent = p->table.open[k->newest].id;
	o = pair_table_open(&p->table, key, &v->at);
	o->shape = v->at.shape->own;
	o->t = v->t;
	o->stood = v->stands;
	o->passed = v->passed;
	o->used = v->used;
	o->id = ++p->last_id;
	o->parent = parent;
	o->depth = depth;
	p->counts.open++;
	return 0;
}

static int
one_event(struct pair *p, struct event *v, bool starts, bool ends, struct trace_writer *w)
{
	const struct pair_at *at = &v->at;
	enum pair_why why = 0;

	if (p->o.keep || at->shape->state) {
		v->passed = true;
		p->counts.passed++;
		if (trace_put_row(w, at->b, at->s, at->row) < 0)
			return -1;
	}
	p->counts.starts += starts;
	p->counts.ends += ends;
	if (at->shape->when.t < 0) {
		lose(p, PAIR_NO_TIME, v->passed);
		return 0;
	}
	if (ends && end(p, v, w, &why) < 0)
		return -1;
	if (starts)
		why = start(p, v);
	if (why && !v->used)
		lose(p, why, v->passed);
	return 0;
}

int
pair_row(struct pair *p, struct trace_block *b, unsigned s, uint32_t row, struct trace_writer *w)
{
	struct pair_shape *shape = pair_shape_of(&p->shapes, b->shape[s], &p->o);
	struct event v = { .at = { shape, b, s, row } };
	bool starts, ends;

	if (p->held > 0 && ++p->held > PAIR_LOST_EVERY && pair_flush(p, w) < 0)
		return -1;
	if (shape->ledger)
		return trace_put_row(w, b, s, row);
	if (shape->when.t >= 0) {
		time_of(&v.at, &v.t, &v.stands);
		advance(p, v.stands);
	}
	ends = expr_row(p->o.end, b, s, row);
	starts = expr_row(p->o.start, b, s, row);
	if (starts || ends)
		return one_event(p, &v, starts, ends, w);
	p->counts.passed++;
	return trace_put_row(w, b, s, row);
}
