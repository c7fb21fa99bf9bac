#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "flow/window.h"
#include "flow/window_parts.h"

enum { LANES = 64, CHUNKS = 8, RECENT_BITS = 8 };

/* What is known of a shape of a reader, or of a chunk. */
struct fact {
	bool marked;
	bool ledger, start, state, clock;
	int t, dur, per, lane;
	unsigned to; /* the writer's shape of a marked record, whose fields are from[] */
	int *from;
};

/* The columns of a shape of the present block. */
struct view {
	const struct fact *fact;
	const int64_t *t, *dur;
	const uint64_t *per, *lane;
	unsigned char *starts, *ends;
	struct inside {
		uint64_t window;
		int64_t origin;
	} * inside; /* of each row; where marks are put later */
};

/* What a record turned out to be. EXCLUDED: it opens or closes a window, and is not wanted. */
struct verdict {
	enum place { OUTSIDE, EXCLUDED, IN } place;
	uint64_t window;
	int64_t origin;
};

struct window {
	struct window_options o;
	struct window_counts counts;
	struct fact **fact; /* by serial of the shape */
	size_t fact_cap;

	/* The present block. */
	uint32_t left; /* rows that are still to come */
	struct view *view;
	size_t view_cap;
	uint32_t *row;
	size_t row_cap;
	unsigned char *fires, **holds;
	size_t fires_cap, holds_cap;
	struct inside *inside;
	size_t inside_cap;

	/* The stream. */
	bool begun, timed; /* it has records; and some that have a t and are no state */
	int64_t now;       /* the latest t of these */
	int64_t last;      /* where the last record stands */
	uint64_t cuts;     /* places where it goes back by more than what waits or trails */
	bool start_timed, end_timed, start_relative, end_relative;
	int64_t start_n, end_n; /* as given */
	int64_t start_at, end_at;
	int64_t trailing_until; /* no window trails beyond */
	uint64_t open;          /* windows */
	uint64_t loss;          /* rows that were given up, and belong to the window that opens */

	struct window_states states;
	uint32_t recent[1 << RECENT_BITS]; /* states by their number; a hint */
	struct window_ring ring;
};

static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static int64_t
minus(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b > 0 ? INT64_MIN : INT64_MAX;
	return difference;
}

/* ---- the stream ---- */

static void
reset_times(struct window *w)
{
	w->begun = w->timed = false;
	w->now = w->last = w->trailing_until = INT64_MIN;
	w->start_at = w->start_relative ? INT64_MAX : w->start_n;
	w->end_at = w->end_relative ? INT64_MAX : w->end_n;
}

/* A start that does not lead the stream begins a new one: the windows of the last one are over. */
static void
begin_stream(struct window *w)
{
	for (size_t n = 0; n < w->states.n; n++) {
		struct window_state *c = &w->states.state[n];

		w->counts.unfinished += c->used && c->open && c->number > w->o.skip;
		c->open = c->fired = c->trailing = false;
		c->lanes = c->on = c->off = 0;
	}
	w->open = 0;
	reset_times(w);
}

/* Where a record stands in its stream. The t of state records makes no time: a source may tell them late. */
static int64_t
time_of(struct window *w, const struct view *v, uint32_t row)
{
	int64_t at;

	w->begun = true;
	if (v->t == NULL)
		return w->last;
	at = v->t[row];
	if (v->fact->state)
		return w->last = at < w->now ? w->now : at;
	if (!w->timed && w->start_relative)
		w->start_at = plus(at, w->start_n);
	if (!w->timed && w->end_relative)
		w->end_at = plus(at, w->end_n);
	w->timed = true;
	if (v->dur && v->dur[row] > 0)
		at = plus(at, v->dur[row]);
	if (at < w->now) {
		int64_t step = minus(w->now, at);

		w->counts.backs++;
		if (step <= w->o.before || step <= w->o.after)
			return w->last = at;
		w->cuts++;
		w->trailing_until = INT64_MIN;
	}
	return w->now = w->last = at;
}

struct window *
window_new(const struct window_options *o)
{
	struct window *w = xcalloc(1, sizeof *w);

	w->o = *o;
	if (o->tracerv) {
		w->o.start = o->tracerv->start;
		w->o.end = o->tracerv->end;
	} else {
		w->start_timed = trigger_is_time(o->start, &w->start_n, &w->start_relative);
		if (trigger_is_none(o->start)) {
			w->start_timed = true;
			w->start_n = INT64_MIN;
		}
		if (o->end)
			w->end_timed = trigger_is_time(o->end, &w->end_n, &w->end_relative);
	}
	reset_times(w);
	return w;
}

bool
window_waits(const struct window *w)
{
	return w->o.before > 0;
}

bool
window_marks(const struct window *w)
{
	return w->o.slice.n > 0 || w->o.align;
}

const struct window_counts *
window_counts(const struct window *w)
{
	return &w->counts;
}

static bool
may_open(const struct window *w)
{
	uint64_t opened = w->counts.windows;

	return opened < w->o.skip || opened - w->o.skip < w->o.limit;
}

bool
window_done(const struct window *w)
{
	return !may_open(w) && w->open == 0 && (w->o.after <= 0 || w->now > w->trailing_until);
}

/* ---- shapes ---- */

static struct fact *
fact_of(struct window *w, const struct trace_shape *shape)
{
	struct fact *f;

	if (shape->serial >= w->fact_cap) {
		size_t had = w->fact_cap;

		GROW(w->fact, w->fact_cap, shape->serial);
		memset(w->fact + had, 0, (w->fact_cap - had) * sizeof *w->fact);
	}
	if (w->fact[shape->serial])
		return w->fact[shape->serial];
	f = w->fact[shape->serial] = xcalloc(1, sizeof *f);
	f->per = f->lane = -1;
	f->ledger = trace_is_ledger(shape);
	f->start = slice_eq(shape->type, SLICE("start"));
	f->state = trace_is_state(shape);
	f->clock = slice_eq(shape->type, SLICE("clock"));
	f->t = trace_when(shape).t;
	f->dur = trace_when(shape).dur;
	if (w->o.per.n > 0)
		f->per = trace_field_index(shape, w->o.per);
	if (w->o.tracerv)
		f->lane = trace_field_of(shape, SLICE("lane"), TRACE_INT);
	return f;
}

/* The triggers' answers for the block, and its columns. */
static int
enter_block(struct window *w, struct trace_block *b, struct error *e)
{
	size_t at = 0;

	w->left = b->records;
	GROW(w->view, w->view_cap, b->shapes);
	GROW(w->row, w->row_cap, b->shapes);
	GROW(w->holds, w->holds_cap, b->shapes);
	GROW(w->fires, w->fires_cap, 2 * (size_t)b->records);
	GROW(w->inside, w->inside_cap, b->records);
	for (unsigned s = 0; s < b->shapes; s++) {
		const struct fact *f = fact_of(w, b->shape[s]);
		struct view *v = &w->view[s];

		w->row[s] = 0;
		*v = (struct view){ .fact = f };
		v->starts = w->fires + at;
		v->ends = w->fires + b->records + at;
		v->inside = w->inside + at;
		at += b->rows[s];
		if (f->t >= 0)
			v->t = (const int64_t *)trace_column(b, s, (unsigned)f->t);
		if (f->dur >= 0)
			v->dur = (const int64_t *)trace_column(b, s, (unsigned)f->dur);
		if (f->per >= 0) {
			if (b->shape[s]->field[f->per].kind > TRACE_STR)
				return error_set(e,
				    "the field %.*s of a %.*s is a %s: there is no state for each",
				    SLICE_ARG(w->o.per), SLICE_ARG(b->shape[s]->type),
				    trace_kind_name(b->shape[s]->field[f->per].kind));
			v->per = trace_column(b, s, (unsigned)f->per);
		}
		if (f->lane >= 0)
			v->lane = trace_column(b, s, (unsigned)f->lane);
	}
	for (unsigned s = 0; s < b->shapes; s++)
		w->holds[s] = w->view[s].starts;
	if (w->o.start)
		trigger_block(w->o.start, b, w->holds);
	else
		memset(w->fires, 0, b->records);
	for (unsigned s = 0; s < b->shapes; s++)
		w->holds[s] = w->view[s].ends;
	if (w->o.end)
		trigger_block(w->o.end, b, w->holds);
	else
		memset(w->fires + b->records, 0, b->records);
	return 0;
}

/* ---- states ---- */

static bool
is_idle(const void *context, const struct window_state *c)
{
	const struct window *w = context;

	return !c->open && !c->fired && c->first_waiting == 0 &&
	       (!c->trailing || c->until < w->now) && (c->lanes | c->on | c->off) == 0;
}

static uint32_t
state_of(struct window *w, struct trace_block *b, unsigned s, uint32_t row)
{
	const struct view *v = &w->view[s];
	struct window_key key = { 0 };
	uint32_t *recent;

	if (v->per) {
		enum trace_kind kind = b->shape[s]->field[v->fact->per].kind;

		key.kind = 1 + kind;
		if (kind == TRACE_STR) {
			key.s = trace_string(b, (uint32_t)v->per[row]);
			return window_states_get(&w->states, &key, is_idle, w);
		}
		key.word = v->per[row];
	} else if (w->states.n > 0 && w->o.per.n == 0) {
		return 0;
	}
	recent = &w->recent[key.word * 0x9e3779b97f4a7c15 >> (64 - RECENT_BITS)];
	if (*recent < w->states.n) {
		const struct window_state *c = &w->states.state[*recent];

		if (c->used && c->key.kind == key.kind && c->key.word == key.word)
			return *recent;
	}
	return *recent = window_states_get(&w->states, &key, is_idle, w);
}

/* Whether the beat of this record is traced. What it says takes effect with the next beat. */
static bool
beat(struct window *w, struct window_state *c, const struct view *v, uint32_t row, int64_t at)
{
	const struct trigger_tracerv *t = w->o.tracerv;
	uint64_t lane = v->lane ? v->lane[row] : 0;

	if (t->selector == 0)
		return true;
	if (t->selector == 1)
		return at >= 0 && (uint64_t)at >= t->first && (uint64_t)at <= t->last;
	if (c->beat != at || (c->lanes | c->on | c->off) == 0) {
		c->lanes = (c->lanes & ~c->off) | c->on;
		c->on = c->off = 0;
		c->beat = at;
	}
	if (lane >= LANES) {
		w->counts.lanes++;
	} else {
		c->on |= (uint64_t)v->starts[row] << lane;
		c->off |= (uint64_t)v->ends[row] << lane;
	}
	return c->lanes != 0;
}

static void
close_window(struct window *w, struct window_state *c, int64_t at)
{
	c->open = false;
	w->open--;
	c->trailing = w->o.after > 0;
	if (!c->trailing)
		return;
	c->until = plus(at, w->o.after);
	if (c->until > w->trailing_until)
		w->trailing_until = c->until;
}

static void keep_waiting(struct window *w, struct window_state *c, int64_t from, int64_t at);

static void
open_window(struct window *w, struct window_state *c, int64_t at)
{
	c->open = true;
	c->trailing = false;
	c->number = ++w->counts.windows;
	c->last = at;
	c->origin = at > INT64_MIN ? at : 0;
	if (w->start_timed && w->start_at > INT64_MIN)
		c->origin = w->start_at;
	if (w->o.tracerv && w->o.tracerv->selector == 1 && w->o.tracerv->first <= INT64_MAX)
		c->origin = (int64_t)w->o.tracerv->first;
	w->open++;
	if (c->number <= w->o.skip)
		return;
	w->counts.kept++;
	if (c->first_waiting)
		keep_waiting(w, c, minus(at, w->o.before), at);
}

static struct verdict
inside(const struct window *w, const struct window_state *c, bool excluded)
{
	if (c->number <= w->o.skip)
		return (struct verdict){ .place = OUTSIDE };
	return (struct verdict){ excluded ? EXCLUDED : IN, c->number, c->origin };
}

static struct verdict
decide(struct window *w, struct window_state *c, const struct view *v, uint32_t row, int64_t at)
{
	bool starts = v->starts[row], ends = v->ends[row], past = false;
	/* What opens is no record where it is a time, and TracerV leaves it out by itself. */
	bool no_start = w->o.no_start && !w->start_timed && !w->o.tracerv;
	struct verdict last = { .place = OUTSIDE };

	if (c->cuts != w->cuts)
		c->trailing = false;
	c->cuts = w->cuts;
	if (w->o.tracerv) {
		starts = beat(w, c, v, row, at);
		past = !starts;
	}
	if (w->start_timed) {
		c->fired &= at >= w->start_at;
		starts = !c->fired && at >= w->start_at;
		c->fired |= starts;
	}
	if (w->end_timed)
		past = at > w->end_at;
	if (c->open && past)
		close_window(w, c, w->end_timed ? w->end_at : c->last);
	if (c->open) {
		c->last = at;
		last = inside(w, c, ends && w->o.no_end && !w->o.tracerv);
		if (!ends || w->o.tracerv)
			return last;
		close_window(w, c, at);
		if (!starts)
			return last;
	}
	if (starts && !past && may_open(w)) {
		struct verdict first;

		open_window(w, c, at);
		if (w->o.alone)
			close_window(w, c, at);
		first = inside(w, c, no_start);
		/* What closes one window and opens the next is in the latter, unless starts are not wanted. */
		return first.place == IN || last.place == OUTSIDE ? first : last;
	}
	if (last.place == OUTSIDE && c->trailing && at <= c->until)
		return inside(w, c, false);
	return last;
}

/* What of the record, which is no part of the ledger. */
static struct verdict
place(
    struct window *w, struct trace_block *b, unsigned s, uint32_t row, uint32_t *state, int64_t *at)
{
	const struct view *v = &w->view[s];

	*at = time_of(w, v, row);
	*state = state_of(w, b, s, row);
	return decide(w, &w->states.state[*state], v, row, *at);
}

/* ---- marks ---- */

static int
failed(const struct trace_writer *out, struct error *e)
{
	return error_set(e, "%s", trace_writer_error(out));
}

static int
mark_shape(struct window *w, struct fact *f, struct trace_writer *out,
    const struct trace_shape *shape, struct error *e)
{
	struct trace_field *field = xcalloc(shape->fields + 1, sizeof *field);
	unsigned n = shape->fields;

	if (w->o.slice.n > 0 && trace_field_index(shape, w->o.slice) >= 0) {
		free(field);
		return error_set(e, "a %.*s has a field %.*s already: --slice needs another name",
		    SLICE_ARG(shape->type), SLICE_ARG(w->o.slice));
	}
	f->from = xcalloc(n + 1, sizeof *f->from);
	for (unsigned i = 0; i < n; i++) {
		field[i] = shape->field[i];
		f->from[i] = (int)i;
	}
	if (w->o.align && f->t >= 0 && !f->clock)
		f->from[f->t] = ~1;
	if (w->o.slice.n > 0) {
		f->from[n] = ~0;
		field[n++] = (struct trace_field){ w->o.slice, TRACE_INT };
	}
	f->to = trace_writer_shape(out, shape->type, field, n);
	f->marked = true;
	free(field);
	return 0;
}

static int
put_inside(struct window *w, struct trace_writer *out, struct trace_block *b, unsigned s,
    uint32_t row, uint64_t window, int64_t origin, struct error *e)
{
	uint64_t word[2] = { window, 0 };
	struct fact *f;

	if (window == 0 || !window_marks(w))
		return trace_put_row(out, b, s, row) < 0 ? failed(out, e) : 0;
	f = fact_of(w, b->shape[s]);
	if (!f->marked && mark_shape(w, f, out, b->shape[s], e) < 0)
		return -1;
	if (f->t >= 0)
		word[1] = trace_column(b, s, (unsigned)f->t)[row] - (uint64_t)origin;
	return trace_put_row_as(out, f->to, b, s, row, f->from, word) < 0 ? failed(out, e) : 0;
}

/* ---- nothing waits ---- */

/* Whether only the triggers of records matter, and one state. */
static bool
is_simple(const struct window *w)
{
	return !w->start_timed && !w->end_timed && !w->o.tracerv && w->o.per.n == 0 &&
	       w->o.after <= 0 && !w->o.align && w->states.n > 0;
}

int
window_rows(struct window *w, struct trace_block *b, unsigned char *const *keep, struct error *e)
{
	const uint16_t *sequence = trace_sequence(b);
	bool marks = window_marks(w), all = w->o.slice.n > 0, simple = is_simple(w);

	if (enter_block(w, b, e) < 0)
		return -1;
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		uint32_t row = w->row[s]++, state;
		const struct view *v = &w->view[s];
		const struct window_state *c = w->states.state;
		struct verdict what;
		int64_t at;

		if (v->fact->ledger) {
			if (v->fact->start && w->begun)
				begin_stream(w);
			continue;
		}
		if (simple && !(c->open ? v->ends[row] : v->starts[row])) {
			bool in = c->open && c->number > w->o.skip;

			w->begun = true;
			keep[s][row] = in || v->fact->state || all;
			if (marks)
				v->inside[row] = (struct inside){ in ? c->number : 0, 0 };
			continue;
		}
		what = place(w, b, s, row, &state, &at);
		keep[s][row] = what.place == IN || v->fact->state || all;
		if (marks)
			v->inside[row] =
			    (struct inside){ what.place == IN ? what.window : 0, what.origin };
	}
	return 0;
}

int
window_put(struct window *w, struct trace_writer *out, struct trace_block *b, unsigned s,
    uint32_t row, struct error *e)
{
	const struct inside *in = &w->view[s].inside[row];

	return put_inside(w, out, b, s, row, in->window, in->origin, e);
}

/* ---- something may wait ---- */

/* What was given up belongs to a window. */
static void
count_loss(struct window *w, const struct window_held *h)
{
	bool marks = window_marks(w);

	w->loss += marks || !h->passes;
	w->counts.lost += !h->passes;
	w->counts.unmarked += marks && h->passes;
}

/* A window opens: what waits for this state, and came in from..at, is in it, and nothing of it waits any more. */
static void
keep_waiting(struct window *w, struct window_state *c, int64_t from, int64_t at)
{
	for (uint64_t n = c->first_waiting; n; n = window_ring_at(&w->ring, n - 1)->next) {
		struct window_held *h = window_ring_at(&w->ring, n - 1);
		bool in = h->at >= from && h->at <= at;

		if (h->verdict == GONE) {
			if (in)
				count_loss(w, h);
			w->counts.dropped += !in && !h->passes;
			h->verdict = DROPPED;
		} else if (h->verdict == WAITS && in) {
			h->verdict = INSIDE;
			h->window = c->number;
			h->at = c->origin;
		} else if (h->verdict == WAITS) {
			h->verdict = h->passes ? PASSES : DROPPED;
			w->counts.dropped += !h->passes;
		}
	}
	c->first_waiting = c->last_waiting = 0;
}

static int
put_loss(struct trace_writer *out, int64_t t, uint64_t n, struct error *e)
{
	const struct trace_field field[] = { { SLICE("t"), TRACE_INT }, { SLICE("n"), TRACE_INT },
		{ SLICE("why"), TRACE_STR } };
	const union trace_value v[] = { { .i = t }, { .u = n }, { .s = SLICE("window-full") } };

	return trace_put(out, trace_writer_shape(out, SLICE("lost"), field, 3), v) < 0
		   ? failed(out, e)
		   : 0;
}

/* Puts out row ring.out as it was decided; one that waits still is given up. */
static int
put_held(struct window *w, struct trace_writer *out, struct trace_block *present, struct error *e)
{
	struct window_held *h = window_ring_at(&w->ring, w->ring.out);
	uint64_t window = h->verdict == INSIDE ? h->window : 0;

	if (h->verdict == LOSS)
		return put_loss(out, h->at, h->window, e);
	if (h->verdict == WAITS) {
		h->verdict = GONE;
		if (!h->passes)
			return 0;
	} else if (h->verdict == DROPPED) {
		return 0;
	}
	w->counts.passed += !h->ledger;
	return put_inside(
	    w, out, window_ring_block(&w->ring, present), h->shape, h->row, window, h->at, e);
}

/* The oldest row is not needed any more. */
static void
forget_head(struct window *w)
{
	struct window_ring *r = &w->ring;
	struct window_held *h = window_ring_at(r, r->head++);
	struct window_state *c;

	if (h->state == UINT32_MAX)
		return;
	c = &w->states.state[h->state];
	if (c->first_waiting != r->head)
		return;
	c->first_waiting = h->next;
	if (h->next == 0)
		c->last_waiting = 0;
}

/* Puts out what is decided; what waits and is older than `from` is in no window. */
static int
release(struct window *w, struct trace_writer *out, struct trace_block *present, int64_t from,
    struct error *e)
{
	struct window_ring *r = &w->ring;

	for (; r->out < r->end; window_ring_step(r)) {
		struct window_held *h = window_ring_at(r, r->out);

		if (h->verdict == WAITS) {
			if (h->at >= from)
				break;
			h->verdict = h->passes ? PASSES : DROPPED;
			w->counts.dropped += !h->passes;
		}
		if (put_held(w, out, present, e) < 0)
			return -1;
	}
	while (r->head < r->out) {
		struct window_held *h = window_ring_at(r, r->head);

		if (h->verdict == GONE && h->at >= from)
			break;
		w->counts.dropped += h->verdict == GONE && !h->passes;
		forget_head(w);
	}
	return 0;
}

static struct window_held *
hold(struct window *w, enum window_verdict verdict, unsigned s, uint32_t row, int64_t at)
{
	struct window_held *h = window_ring_add(&w->ring);

	*h = (struct window_held){ .at = at,
		.state = UINT32_MAX,
		.row = row,
		.shape = (uint16_t)s,
		.verdict = (uint8_t)verdict };
	return h;
}

static bool
is_empty(const struct window_ring *r)
{
	return r->out == r->end;
}

static int
tell_loss(struct window *w, struct trace_writer *out, int64_t at, struct error *e)
{
	uint64_t n = w->loss;

	w->loss = 0;
	if (n == 0)
		return 0;
	if (is_empty(&w->ring))
		return put_loss(out, at, n, e);
	hold(w, LOSS, 0, 0, at)->window = n;
	return 0;
}

/* Chunks are given up until the rest has room; of what is given up its place is remembered, until that takes half. */
static int
make_room(struct window *w, struct trace_writer *out, struct trace_block *present, struct error *e)
{
	struct window_ring *r = &w->ring;
	size_t row = sizeof(struct window_held);

	while (r->first && r->bytes + (r->end - r->head) * row > w->o.room) {
		uint64_t end = r->first->end;

		for (; r->out < end; window_ring_step(r))
			if (put_held(w, out, present, e) < 0)
				return -1;
	}
	while (r->head < r->out && (r->end - r->head) * row > w->o.room / 2) {
		struct window_held *h = window_ring_at(r, r->head);

		if (h->verdict == GONE)
			count_loss(w, h);
		forget_head(w);
	}
	return tell_loss(w, out, w->now, e);
}

static int
take(struct window *w, struct trace_writer *out, struct trace_block *b, unsigned s, uint32_t row,
    struct error *e)
{
	const struct fact *f = w->view[s].fact;
	bool passes = f->state || w->o.slice.n > 0;
	uint64_t cuts = w->cuts;
	struct window_state *c;
	struct window_held *h;
	struct verdict what;
	uint32_t state;
	int64_t at;

	what = place(w, b, s, row, &state, &at);
	if (tell_loss(w, out, at, e) < 0)
		return -1;
	if (release(w, out, b,
		w->cuts != cuts || !may_open(w) ? INT64_MAX : minus(w->now, w->o.before), e) < 0)
		return -1;
	if (what.place == OUTSIDE && may_open(w)) {
		c = &w->states.state[state];
		h = hold(w, WAITS, s, row, at);
		h->state = state;
		h->passes = passes;
		if (c->last_waiting)
			window_ring_at(&w->ring, c->last_waiting - 1)->next = w->ring.end;
		else
			c->first_waiting = w->ring.end;
		c->last_waiting = w->ring.end;
	} else if (what.place != IN && !passes) {
		w->counts.dropped++;
	} else if (is_empty(&w->ring)) {
		w->counts.passed++;
		return put_inside(
		    w, out, b, s, row, what.place == IN ? what.window : 0, what.origin, e);
	} else {
		h = hold(w, what.place == IN ? INSIDE : PASSES, s, row, what.origin);
		h->window = what.window;
	}
	return 0;
}

static int
take_ledger(struct window *w, struct trace_writer *out, struct trace_block *b, unsigned s,
    uint32_t row, struct error *e)
{
	if (w->view[s].fact->start && w->begun) {
		if (release(w, out, b, INT64_MAX, e) < 0)
			return -1;
		begin_stream(w);
	}
	if (!is_empty(&w->ring)) {
		hold(w, PASSES, s, row, 0)->ledger = true;
		return 0;
	}
	return trace_put_row(out, b, s, row) < 0 ? failed(out, e) : 0;
}

int
window_row(struct window *w, struct trace_writer *out, struct trace_block *b, unsigned s,
    uint32_t row, struct error *e)
{
	if (w->left == 0 && enter_block(w, b, e) < 0)
		return -1;
	if ((w->view[s].fact->ledger ? take_ledger : take)(w, out, b, s, row, e) < 0)
		return -1;
	if (--w->left > 0)
		return 0;
	window_ring_settle(&w->ring, b, w->o.room / CHUNKS);
	return make_room(w, out, b, e);
}

int
window_finish(struct window *w, struct trace_writer *out, struct error *e)
{
	if (release(w, out, NULL, INT64_MAX, e) < 0)
		return -1;
	for (size_t n = 0; n < w->states.n; n++) {
		const struct window_state *c = &w->states.state[n];

		w->counts.unfinished += c->used && c->open && c->number > w->o.skip;
	}
	return 0;
}

void
window_free(struct window *w)
{
	for (size_t n = 0; n < w->fact_cap; n++) {
		if (w->fact[n])
			free(w->fact[n]->from);
		free(w->fact[n]);
	}
	window_states_free(&w->states);
	window_ring_free(&w->ring);
	free(w->fact);
	free(w->view);
	free(w->row);
	free(w->fires);
	free(w->holds);
	free(w->inside);
	free(w);
}
