#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "flow/clocks.h"
#include "flow/merge.h"
#include "flow/merge_sources.h"

enum {
	RANGE = 64,       /* so many records of one block are copied at once */
	PICKS = 16384,    /* and so many of several */
	TELL_LATE = 32768 /* lines between two records of what came late */
};

/* What a shape is, in one input. */
struct plan {
	unsigned round; /* of m->round in which this was found out */
	enum { PLAIN, EDITED, LEDGER } how;
	bool start, clock, ledger;
	struct trace_when when;
	int src;           /* field, or -1 */
	unsigned out;      /* shape of the output, of EDITED */
	unsigned out_size; /* its fields, and room for as many in from */
	int *from;
};

/* A copy of a block, as long as records of it are held back. */
struct held {
	struct trace_block *block;
	uint32_t left;
};

struct held_record {
	int64_t key;
	uint64_t order;
	struct held *held;
	uint32_t shape, row;
};

/* AT_UNREAD: a line that was peeked at is to be read as a block. */
enum head { AT_END, AT_ROW, AT_FRAME, AT_LINE, AT_HELD, AT_UNREAD };

/* What the keys of a block's records are made of. */
struct view {
	const uint64_t *t, *dur;
	bool start, clock, ledger;
	uint32_t row;
	unsigned source; /* for trace_pick(), in this round of picking */
	uint64_t round;
};

struct input {
	int fd;
	unsigned index;
	const char *path;
	struct trace_reader *reader;
	enum head head;
	int64_t key; /* of the record whose turn it is */

	struct trace_block *block;
	const uint16_t *sequence;
	uint32_t next, end,
	    *row; /* keys are known up to end: a start that opens another source, or all */
	size_t row_cap;
	struct view *view;
	size_t view_cap;
	int64_t *keys; /* of the records of the block, never falling where none is late */
	size_t key_cap;
	bool *late; /* which of them are */
	size_t late_cap;
	bool any_late, plain; /* of the block: some are; all can be passed on as they are */
	struct plan *plan;    /* by shape id */
	size_t plan_cap;
	unsigned plain_round;
	struct trace_frame frame;
	struct trace_line line;

	int64_t last, most;          /* key of the record before; the largest so far */
	int64_t read;                /* the largest before it was moved */
	uint64_t late_n, since_late; /* what came late and is not told yet, and lines since */
	bool told, ended;

	struct held_record *heap;
	size_t heaped, heap_cap;
	uint64_t order;

	struct merge_scope scope;
	struct clock_axis axis;
	struct slice host; /* of the source */
	struct clock_path way;
	bool moved, scanned; /* times are; all clock records are known */
	struct start {
		const struct trace_shape *shape;
		union trace_value *value;
	} * start;
	size_t starts, start_cap;
	int got; /* of the last read behind the starts: 0 at the end, -1 */
};

struct merge {
	struct trace_writer *out;
	struct merge_options options;
	struct merge_hooks hooks;
	struct input **input;
	size_t inputs, cap;
	struct top {
		int64_t key;
		unsigned index;
	} * heap;
	size_t tops;
	struct merge_sources sources;
	struct clocks clocks;
	struct clock_axis axis;
	bool several, lines;     /* sources; lines are copied */
	struct trace_pick *pick; /* rows that are put together, while their blocks stay */
	uint32_t picks;
	uint64_t picking; /* round of that */
	unsigned round;
	int64_t last; /* key of what was put out last */
	struct merge_books books;
	struct arena kept, arena; /* for good; for one step */
	struct error *error;

	struct trace_field *field; /* of a record that is made */
	union trace_value *value;
	size_t field_cap, value_cap;
};

struct merge *
merge_new(
    struct trace_writer *out, const struct merge_options *options, const struct merge_hooks *hooks)
{
	struct merge *m = xcalloc(1, sizeof *m);

	m->out = out;
	m->options = *options;
	m->hooks = *hooks;
	m->round = 1;
	m->picking = 1;
	m->pick = xmalloc(PICKS * sizeof *m->pick);
	m->last = INT64_MIN;
	return m;
}

void
merge_add(struct merge *m, int fd, const char *path, struct trace_reader *r)
{
	struct input *in = xcalloc(1, sizeof *in);

	in->fd = fd;
	in->path = path;
	in->reader = r;
	in->index = (unsigned)m->inputs;
	in->last = in->most = in->read = INT64_MIN;
	in->scope.own = -1;
	GROW(m->input, m->cap, m->inputs);
	m->input[m->inputs++] = in;
}

const struct merge_books *
merge_books(const struct merge *m)
{
	return &m->books;
}

static int
output_failed(struct merge *m)
{
	return error_set(m->error, "%s", trace_writer_error(m->out));
}

/* The rows that were picked go out: before anything else is put, and before one of their blocks goes. */
static int
put_picked(struct merge *m)
{
	uint32_t n = m->picks;

	if (n == 0)
		return 0;
	m->picks = 0;
	m->picking++;
	m->books.in += n;
	m->books.passed += n;
	return trace_put_picked(m->out, m->pick, n) < 0 ? output_failed(m) : 0;
}

/* ---- records of the ledger, and those that are made ---- */

static union trace_value
keep_value(struct arena *a, enum trace_kind kind, union trace_value v)
{
	if (kind == TRACE_STR || kind == TRACE_BYTES) {
		v.s = arena_copy(a, v.s);
	} else if (kind == TRACE_INTS || kind == TRACE_ADDRS) {
		uint64_t *item = arena_alloc(a, v.list.n * sizeof *item);

		for (uint32_t i = 0; i < v.list.n; i++)
			item[i] = v.list.u[i];
		v.list = (struct trace_list){ .u = item, .n = v.list.n };
	} else if (kind == TRACE_STRS) {
		struct slice *item = arena_alloc(a, v.list.n * sizeof *item);

		for (uint32_t i = 0; i < v.list.n; i++)
			item[i] = arena_copy(a, v.list.s[i]);
		v.list = (struct trace_list){ .s = item, .n = v.list.n };
	}
	return v;
}

static void
add_field(struct merge *m, unsigned n, struct trace_field field, union trace_value v)
{
	GROW(m->field, m->field_cap, n);
	GROW(m->value, m->value_cap, n);
	m->field[n] = field;
	m->value[n] = v;
}

/* src of a start, an end or a loss: the number, or the list of the numbers, by which the output knows what it is of. */
static bool
scope_value(struct merge *m, struct input *in, const struct trace_record *r, struct trace_field *f,
    union trace_value *v)
{
	int src = trace_field_index(r->shape, SLICE("src"));
	enum trace_kind kind = src < 0 ? TRACE_INT : r->shape->field[src].kind;
	int64_t *list;
	uint32_t n;

	*f = (struct trace_field){ SLICE("src"), kind };
	if (src >= 0)
		*v = r->value[src];
	if (src >= 0 && kind == TRACE_INT) {
		v->i = merge_scope_of(&m->sources, &in->scope, v->i);
		return true;
	}
	if (src >= 0 && kind != TRACE_INTS)
		return true;
	if (src < 0 && in->scope.own >= 0) {
		v->i = in->scope.own;
		return true;
	}
	/* A filter of several sources; a loss that does not say of which is not theirs to say. */
	if (src < 0 && (in->scope.pairs == 0 || slice_eq(r->shape->type, SLICE("lost"))))
		return false;
	n = src < 0 ? (uint32_t)in->scope.pairs : r->value[src].list.n;
	list = arena_alloc(&m->arena, n * sizeof *list);
	for (uint32_t i = 0; i < n; i++)
		list[i] = src < 0
			      ? in->scope.pair[i].is
			      : merge_scope_of(&m->sources, &in->scope, r->value[src].list.i[i]);
	f->kind = TRACE_INTS;
	*v = (union trace_value){ .list = { .i = list, .n = n } };
	return true;
}

static int
put_made(struct merge *m, struct slice type, unsigned fields)
{
	unsigned shape = trace_writer_shape(m->out, type, m->field, fields);

	if (put_picked(m) < 0)
		return -1;
	return trace_put(m->out, shape, m->value) < 0 ? output_failed(m) : 0;
}

/* A start, an end or a loss, scoped and placed. */
static int
put_ledger(struct merge *m, struct input *in, const struct trace_record *r, int64_t key)
{
	const struct trace_shape *shape = r->shape;
	bool start = slice_eq(shape->type, SLICE("start")), scoped = false;
	int has_src = trace_field_index(shape, SLICE("src")),
	    t = trace_field_of(shape, SLICE("t"), TRACE_INT);
	struct trace_field scope;
	union trace_value number;
	unsigned n = 0;

	if (m->several)
		scoped = scope_value(m, in, r, &scope, &number);
	for (unsigned f = 0; f < shape->fields; f++) {
		struct slice name = shape->field[f].name;
		union trace_value v = r->value[f];

		if (scoped && has_src < 0 && f == (t == 0))
			add_field(m, n++, scope, number);
		if (start && in->moved && slice_eq(name, SLICE("clock_host")))
			continue;
		if ((int)f == has_src && scoped) {
			add_field(m, n++, scope, number);
			continue;
		}
		if ((int)f == t && in->moved)
			v.i = key;
		if (start && in->moved && slice_eq(name, SLICE("clock")) &&
		    shape->field[f].kind == TRACE_STR) {
			add_field(
			    m, n++, shape->field[f], (union trace_value){ .s = m->axis.clock });
			if (m->axis.host.n > 0 && in->host.n > 0 &&
			    !slice_eq(m->axis.host, in->host))
				add_field(m, n++,
				    (struct trace_field){ SLICE("clock_host"), TRACE_STR },
				    (union trace_value){ .s = m->axis.host });
			continue;
		}
		add_field(m, n++, shape->field[f], v);
	}
	if (scoped && has_src < 0 && shape->fields <= (t == 0))
		add_field(m, n++, scope, number);
	return put_made(m, shape->type, n);
}

/* What came late since this was told last. */
static int
put_late(struct merge *m, struct input *in)
{
	unsigned n = 0;

	if (in->late_n == 0)
		return 0;
	if (m->last > INT64_MIN)
		add_field(m, n++, (struct trace_field){ SLICE("t"), TRACE_INT },
		    (union trace_value){ .i = m->last });
	if (m->several && in->scope.own >= 0)
		add_field(m, n++, (struct trace_field){ SLICE("src"), TRACE_INT },
		    (union trace_value){ .i = in->scope.own });
	add_field(m, n++, (struct trace_field){ SLICE("n"), TRACE_INT },
	    (union trace_value){ .i = (int64_t)in->late_n });
	add_field(m, n++, (struct trace_field){ SLICE("why"), TRACE_STR },
	    (union trace_value){ .s = SLICE("late") });
	m->books.lost += in->late_n;
	in->late_n = in->since_late = 0;
	return put_made(m, SLICE("lost"), n);
}

static void
note_late(struct merge *m, struct input *in, int64_t before, int64_t key, const struct error *place)
{
	struct error e;

	in->late_n++;
	m->books.in++;
	if (in->told)
		return;
	in->told = true;
	error_set(&e, "%s%s%s: t goes back from %" PRId64 " to %" PRId64 "%s", in->path,
	    place->text[0] == '@' ? "" : ":", place->text, before, key,
	    m->options.reordering
		? ", further than --reorder mends: what comes so late is lost"
		: ": what comes late is lost; --reorder DUR mends disorder of up to DUR");
	m->hooks.tell(m->hooks.context, true, e.text);
}

/* ---- starts and clocks ---- */

static struct slice
str_of(const struct trace_shape *shape, const union trace_value *value, struct slice name)
{
	int f = trace_field_of(shape, name, TRACE_STR);

	return f < 0 ? SLICE("") : value[f].s;
}

/* Which clock the times of an input are of. The boot belongs to the host where it is known. */
static void
set_axis(struct merge *m, struct input *in, const struct trace_shape *shape,
    const union trace_value *value)
{
	struct slice host = str_of(shape, value, SLICE("host")),
		     other = str_of(shape, value, SLICE("clock_host"));

	in->axis.clock = arena_copy(&m->kept, str_of(shape, value, SLICE("clock")));
	in->host = arena_copy(&m->kept, host);
	in->axis.host = other.n ? arena_copy(&m->kept, other) : in->host;
	if (slice_eq(in->axis.clock, SLICE("realtime")))
		in->axis.host = in->host;
}

static int
clocks_fail(struct merge *m, const struct input *in, const struct error *e)
{
	return error_set(m->error, "%s: %s", in->path, e->text);
}

static int
find_way(struct merge *m, struct input *in)
{
	struct error e;

	clock_path_free(&in->way);
	if (clocks_path(&m->clocks, in->index, &in->axis, &m->axis, &in->way, &e) < 0)
		return clocks_fail(m, in, &e);
	in->moved = in->way.maps > 0;
	return 0;
}

/* A start in the middle: another source from here on. */
static int
start_again(struct merge *m, struct input *in, const struct trace_record *r)
{
	bool first = !in->scope.led;

	if (m->inputs == 1)
		return 0;
	merge_sources_start(&m->sources, &in->scope, r);
	if (m->sources.n > 1 && !m->several) {
		m->several = true;
		m->round++;
	}
	if (!first)
		return 0;
	m->round++;
	set_axis(m, in, r->shape, r->value);
	if (m->axis.clock.n == 0)
		m->axis = in->axis;
	return find_way(m, in);
}

/* ---- blocks ---- */

static int64_t
saturating_sub(int64_t a, int64_t b)
{
	int64_t d;

	return __builtin_sub_overflow(a, b, &d) ? INT64_MIN : d;
}

static int64_t
span_end(int64_t t, int64_t dur)
{
	int64_t end;

	return dur <= 0 ? t : __builtin_add_overflow(t, dur, &end) ? INT64_MAX : end;
}

/* How records of this shape are put: with a src that is added or renamed, and a t that is moved. */
static void
make_plan(struct merge *m, struct input *in, struct plan *p, const struct trace_shape *shape)
{
	bool add, rename, move;
	struct trace_field *field;
	unsigned n = 0;

	p->round = m->round;
	p->when = trace_when(shape);
	p->start = slice_eq(shape->type, SLICE("start"));
	p->clock = slice_eq(shape->type, SLICE("clock"));
	p->ledger = trace_is_ledger(shape);
	p->src = trace_field_index(shape, SLICE("src"));
	add = m->several && p->src < 0 && in->scope.own >= 0;
	p->src = p->src >= 0 && shape->field[p->src].kind == TRACE_INT ? p->src : -1;
	rename = m->several && p->src >= 0 && in->scope.renamed;
	move = in->moved && p->when.t >= 0;
	p->how = p->ledger ? LEDGER : add || rename || move ? EDITED : PLAIN;
	if (p->how != EDITED)
		return;
	field = xcalloc(shape->fields + 1, sizeof *field);
	p->from = xrealloc(p->from, shape->fields + 1, sizeof *p->from);
	for (unsigned f = 0; f < shape->fields; f++) {
		if (add && f == (p->when.t == 0)) {
			field[n] = (struct trace_field){ SLICE("src"), TRACE_INT };
			p->from[n++] = ~1;
		}
		field[n] = shape->field[f];
		p->from[n++] = (int)f == p->when.t && move  ? ~0
			       : (int)f == p->src && rename ? ~1
							    : (int)f;
	}
	if (add && shape->fields <= (p->when.t == 0)) {
		field[n] = (struct trace_field){ SLICE("src"), TRACE_INT };
		p->from[n++] = ~1;
	}
	p->out = trace_writer_shape(m->out, shape->type, field, n);
	p->out_size = n;
	free(field);
}

static struct plan *
plan_of(struct merge *m, struct input *in, const struct trace_shape *shape)
{
	if (shape->id >= in->plan_cap) {
		size_t had = in->plan_cap;

		GROW(in->plan, in->plan_cap, shape->id);
		memset(in->plan + had, 0, (in->plan_cap - had) * sizeof *in->plan);
	}
	if (in->plan[shape->id].round != m->round)
		make_plan(m, in, &in->plan[shape->id], shape);
	return &in->plan[shape->id];
}

static void
record_of(struct merge *m, struct trace_block *b, unsigned s, uint32_t row, struct trace_record *r)
{
	union trace_value *value = arena_alloc(&m->arena, b->shape[s]->fields * sizeof *value);

	for (unsigned f = 0; f < b->shape[s]->fields; f++)
		value[f] = trace_block_value(b, s, f, row);
	*r = (struct trace_record){ b->shape[s], value };
}

/* The block that was read. */
static void
enter_block(struct input *in, struct trace_block *b)
{
	in->block = b;
	in->sequence = trace_sequence(b);
	in->next = in->end = 0;
	in->plain_round = 0;
	GROW(in->row, in->row_cap, b->shapes);
	memset(in->row, 0, b->shapes * sizeof *in->row);
	GROW(in->view, in->view_cap, b->shapes);
	for (unsigned s = 0; s < b->shapes; s++) {
		struct trace_when when = trace_when(b->shape[s]);

		in->view[s] = (struct view){
			.t = when.t < 0 ? NULL : trace_column(b, s, (unsigned)when.t),
			.dur = when.dur < 0 ? NULL : trace_column(b, s, (unsigned)when.dur),
			.start = slice_eq(b->shape[s]->type, SLICE("start")),
			.clock = slice_eq(b->shape[s]->type, SLICE("clock")),
			.ledger = trace_is_ledger(b->shape[s]),
		};
	}
	GROW(in->keys, in->key_cap, b->records);
	in->any_late = false;
}

static void
mark_late(struct merge *m, struct input *in, uint32_t i, int64_t key)
{
	struct error place;

	if (!in->any_late) {
		GROW(in->late, in->late_cap, in->block->records);
		memset(in->late, 0, in->block->records * sizeof *in->late);
	}
	in->any_late = in->late[i] = true;
	trace_reader_place_in(in->reader, i, &place);
	note_late(m, in, in->most, key, &place);
}

/* A clock was read: what comes behind it is placed by that, too, where not all readings are known. */
static int
read_clock(struct merge *m, struct input *in, unsigned s, uint32_t row)
{
	struct trace_record r;

	if (!in->moved || in->scanned)
		return 0;
	record_of(m, in->block, s, row, &r);
	clocks_add(&m->clocks, in->index, in->host, &r);
	return find_way(m, in);
}

/* The keys of the records of a block from in->end on, up to a start that opens another source. */
static int
find_keys(struct merge *m, struct input *in)
{
	struct trace_block *b = in->block;
	int64_t reorder = m->options.reordering ? m->options.reorder : 0;
	uint32_t i = in->end;
	bool first = true;

	for (; i < b->records; i++, first = false) {
		unsigned s = in->sequence ? in->sequence[i] : 0;
		struct view *v = &in->view[s];
		uint32_t row = v->row++;
		struct trace_record r;
		int64_t key;

		if (v->start && !in->scope.led && !first) {
			v->row--;
			break;
		}
		if (v->start) {
			record_of(m, b, s, row, &r);
			if (start_again(m, in, &r) < 0)
				return -1;
		} else if (v->clock && read_clock(m, in, s, row) < 0) {
			return -1;
		}
		in->scope.led = v->start;
		if (v->t == NULL) {
			in->keys[i] = in->last;
			continue;
		}
		key = (int64_t)v->t[row];
		if (v->dur)
			key = span_end(key, (int64_t)v->dur[row]);
		if (in->moved) {
			bool forward = key >= in->read;

			in->read = forward ? key : in->read;
			key = clock_path_at(&in->way, key);
			/* A new reading may take back what the last one let us expect. */
			key = forward && key < in->most ? in->most : key;
		}
		if (v->ledger && key < in->last)
			key = in->last;
		if (key < in->most && key < saturating_sub(in->most, reorder)) {
			mark_late(m, in, i, key);
			in->keys[i] = in->last;
			continue;
		}
		in->keys[i] = in->last = key;
		if (key > in->most)
			in->most = key;
	}
	in->end = i;
	return 0;
}

/* One record of a block. */
static int
put_row(
    struct merge *m, struct input *in, struct trace_block *b, unsigned s, uint32_t row, int64_t key)
{
	const struct plan *p = plan_of(m, in, b->shape[s]);
	struct trace_record r;
	uint64_t word[2] = { 0 };
	int result;

	if (p->how == LEDGER) {
		record_of(m, b, s, row, &r);
		return put_ledger(m, in, &r, key);
	}
	m->books.in++;
	m->books.passed++;
	if (p->how == PLAIN) {
		result = trace_put_row(m->out, b, s, row);
	} else {
		int64_t dur =
		    p->when.dur < 0 ? 0 : (int64_t)trace_column(b, s, (unsigned)p->when.dur)[row];

		word[0] = (uint64_t)(dur > 0 ? saturating_sub(key, dur) : key);
		word[1] = p->src < 0 ? (uint64_t)in->scope.own
				     : (uint64_t)merge_scope_of(&m->sources, &in->scope,
					   (int64_t)trace_column(b, s, (unsigned)p->src)[row]);
		result = trace_put_row_as(m->out, p->out, b, s, row, p->from, word);
	}
	return result < 0 ? output_failed(m) : 0;
}

/* ---- the heap of inputs ---- */

static bool
before(struct top a, struct top b)
{
	return a.key < b.key || (a.key == b.key && a.index < b.index);
}

static void
sift_down(struct merge *m, size_t i)
{
	struct top x = m->heap[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= m->tops)
			break;
		if (c + 1 < m->tops && before(m->heap[c + 1], m->heap[c]))
			c++;
		if (!before(m->heap[c], x))
			break;
		m->heap[i] = m->heap[c];
		i = c;
	}
	m->heap[i] = x;
}

/* What comes next of all other inputs. */
static struct top
bound(const struct merge *m)
{
	if (m->tops < 2)
		return (struct top){ INT64_MAX, UINT32_MAX };
	if (m->tops == 2 || before(m->heap[1], m->heap[2]))
		return m->heap[1];
	return m->heap[2];
}

/* ---- what was read and is held back ---- */

static bool
held_before(const struct held_record *a, const struct held_record *b)
{
	return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void
hold(struct input *in, struct held_record x)
{
	size_t i = in->heaped++;

	GROW(in->heap, in->heap_cap, i);
	for (; i > 0 && held_before(&x, &in->heap[(i - 1) / 2]); i = (i - 1) / 2)
		in->heap[i] = in->heap[(i - 1) / 2];
	in->heap[i] = x;
}

static struct held_record
take_held(struct input *in)
{
	struct held_record top = in->heap[0], x = in->heap[--in->heaped];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= in->heaped)
			break;
		if (c + 1 < in->heaped && held_before(&in->heap[c + 1], &in->heap[c]))
			c++;
		if (!held_before(&in->heap[c], &x))
			break;
		in->heap[i] = in->heap[c];
		i = c;
	}
	in->heap[i] = x;
	return top;
}

static void
hold_block(struct input *in)
{
	struct held *h = xcalloc(1, sizeof *h);

	h->block = trace_block_copy(in->block);
	for (; in->next < in->end; in->next++) {
		unsigned s = in->sequence ? in->sequence[in->next] : 0;
		uint32_t row = in->row[s]++;

		if (in->any_late && in->late[in->next])
			continue;
		h->left++;
		hold(in, (struct held_record){ in->keys[in->next], in->order++, h, s, row });
	}
	if (h->left == 0) {
		trace_block_free(h->block);
		free(h);
	}
}

/* ---- the next record of an input ---- */

static int
reading(struct merge *m, struct input *in)
{
	bool ready = trace_reader_ready(in->reader);

	if (put_picked(m) < 0)
		return -1;
	if (!ready && put_late(m, in) < 0)
		return -1;
	return m->hooks.reading(m->hooks.context, in->fd, in->reader, ready);
}

/* What is held back still lives in the reader's shapes. */
static void
release(struct merge *m, struct input *in)
{
	if (in->heaped > 0 || in->reader == NULL)
		return;
	m->hooks.done(m->hooks.context, in->path, in->reader, in->got);
	in->reader = NULL;
}

static int
end_input(struct merge *m, struct input *in, int got)
{
	in->ended = true;
	in->got = got;
	in->block = NULL;
	if (put_late(m, in) < 0)
		return -1;
	release(m, in);
	return 0;
}

static bool
may_copy(const struct merge *m, const struct input *in)
{
	return !m->options.anew && !m->options.reordering && !in->moved &&
	       !(m->several && (in->scope.own >= 0 || in->scope.renamed));
}

static int
read_block(struct merge *m, struct input *in)
{
	struct trace_block *b;
	int got;

	if (put_picked(m) < 0)
		return -1;
	got = trace_read(in->reader, &b);
	in->head = AT_END;
	if (got <= 0)
		return end_input(m, in, got);
	enter_block(in, b);
	if (find_keys(m, in) < 0)
		return -1;
	in->head = AT_ROW;
	in->key = in->keys[0];
	return 0;
}

/* A block, or a frame that may not need to be unpacked. */
static int
next_block(struct merge *m, struct input *in)
{
	const struct trace_frame *f = &in->frame;
	bool timed;
	int got;

	in->head = AT_END;
	if (put_late(m, in) < 0 || reading(m, in) < 0)
		return -1;
	if (!may_copy(m, in))
		return read_block(m, in);
	got = trace_peek_frame(in->reader, &in->frame);
	if (got < 0)
		return end_input(m, in, got);
	timed = f->t_min <= f->t_max;
	if (got == 0 || (timed && f->t_min < in->most) ||
	    !trace_writer_takes(m->out, f->stored, f->raw))
		return read_block(m, in);
	in->head = AT_FRAME;
	in->key = timed ? f->t_min : in->last;
	in->scope.led = false;
	return 0;
}

static int
next_held(struct merge *m, struct input *in)
{
	for (;;) {
		bool more = in->block && in->end < in->block->records;

		/* What stands before a start that opens another source goes out before it. */
		if (in->heaped > 0 &&
		    (more || in->ended ||
			in->heap[0].key <= saturating_sub(in->most, m->options.reorder)))
			break;
		if (in->ended)
			break;
		if (more ? find_keys(m, in) < 0 : next_block(m, in) < 0)
			return -1;
		if (!in->ended)
			hold_block(in);
	}
	if (in->ended)
		release(m, in);
	in->head = in->heaped ? AT_HELD : AT_END;
	if (in->heaped)
		in->key = in->heap[0].key;
	return 0;
}

/* Lines are copied until one opens another source. */
static int
next_line(struct merge *m, struct input *in)
{
	for (;;) {
		int64_t key = in->last;
		struct error place;
		int got;

		if (!trace_reader_ready(in->reader) || in->since_late > TELL_LATE) {
			if (put_late(m, in) < 0 || reading(m, in) < 0)
				return -1;
		}
		got = trace_peek_line(in->reader, &in->line);
		in->head = got > 0 ? AT_LINE : AT_END;
		if (got <= 0)
			return end_input(m, in, got);
		in->since_late += in->late_n > 0;
		if (in->line.timed)
			key = in->line.when;
		if (in->line.parsed && key < in->last && trace_is_ledger(in->line.record.shape))
			key = in->last;
		if (key >= in->last) {
			in->key = in->last = in->most = key;
			return 0;
		}
		if (!in->told)
			trace_reader_place(in->reader, &place);
		note_late(m, in, in->most, key, &place);
		trace_take_line(in->reader);
	}
}

static int
advance(struct merge *m, struct input *in)
{
	if (m->lines)
		return next_line(m, in);
	if (m->options.reordering)
		return next_held(m, in);
	if (in->head != AT_ROW || in->next == in->block->records)
		return next_block(m, in);
	if (in->next == in->end && find_keys(m, in) < 0)
		return -1;
	in->key = in->keys[in->next];
	return 0;
}

/* ---- putting ---- */

/* Whether all records of the block can be passed on as they are. */
static void
look_at_plans(struct merge *m, struct input *in)
{
	in->plain_round = m->round;
	in->plain = !in->any_late;
	for (unsigned s = 0; s < in->block->shapes && in->plain; s++)
		in->plain = plan_of(m, in, in->block->shape[s])->how == PLAIN;
}

static inline unsigned
source_of(struct merge *m, struct input *in, unsigned s)
{
	struct view *v = &in->view[s];

	if (v->round != m->picking) {
		v->source = trace_pick_source(m->out, in->block, s);
		v->round = m->picking;
	}
	return v->source;
}

/* Rows that can be passed on as they are are picked, of whatever input is next, until it is none of those; of each block
 * the last row is left, so that all blocks stay. */
static int
pick_rows(struct merge *m)
{
	struct top top = m->heap[0];
	struct input *in = m->input[top.index];

	for (;;) {
		uint32_t at = in->next;
		unsigned s = in->sequence ? in->sequence[at] : 0;

		m->pick[m->picks++] = (struct trace_pick){ source_of(m, in, s), in->row[s]++ };
		m->last = top.key;
		in->next = at + 1;
		top.key = in->keys[at + 1];
		m->heap[0].key = top.key;
		if (m->tops > 1 &&
		    (before(m->heap[1], top) || (m->tops > 2 && before(m->heap[2], top)))) {
			sift_down(m, 0);
			top = m->heap[0];
			in = m->input[top.index];
		}
		if (m->picks == PICKS)
			return put_picked(m) < 0 ? -1 : 1;
		if (in->head != AT_ROW || in->next + 1 >= in->end || !in->plain ||
		    in->plain_round != m->round)
			return 1;
	}
}

/* A run of records of one input, or what pick_rows() takes: 1 then. */
static int
put_rows(struct merge *m, struct input *in, struct top limit)
{
	struct trace_block *b = in->block;
	uint32_t n = 1, most = in->end - in->next;

	if (in->plain_round != m->round || in->any_late)
		look_at_plans(m, in);
	while (n < most && before((struct top){ in->keys[in->next + n], in->index }, limit))
		n++;
	if (in->plain && n < RANGE && in->next + 1 < in->end)
		return pick_rows(m);
	if (put_picked(m) < 0)
		return -1;
	m->last = in->keys[in->next + n - 1];
	if (in->plain) {
		m->books.in += n;
		m->books.passed += n;
		if (trace_put_range(m->out, b, in->next, n, in->row) < 0)
			return output_failed(m);
		in->next += n;
		return 0;
	}
	for (; n > 0; n--, in->next++) {
		unsigned s = in->sequence ? in->sequence[in->next] : 0;
		uint32_t row = in->row[s]++;

		if (in->any_late && in->late[in->next])
			continue;
		if (put_row(m, in, b, s, row, in->keys[in->next]) < 0)
			return -1;
	}
	return 0;
}

/* The frame as it is where nothing of another input falls into it; else it is unpacked. */
static int
put_frame(struct merge *m, struct input *in, struct top limit)
{
	if (in->frame.t_min > in->frame.t_max ||
	    before((struct top){ in->frame.t_max, in->index }, limit)) {
		m->books.in += in->frame.records;
		m->books.passed += in->frame.records;
		if (in->frame.t_min <= in->frame.t_max)
			m->last = in->last = in->most = in->frame.t_max;
		if (put_picked(m) < 0)
			return -1;
		if (trace_pass_frame(in->reader, m->out) < 0)
			return output_failed(m);
		in->head = AT_END;
		return 0;
	}
	return read_block(m, in);
}

static int
put_held(struct merge *m, struct input *in)
{
	struct held_record x = take_held(in);

	m->last = x.key;
	if (put_row(m, in, x.held->block, x.shape, x.row, x.key) < 0)
		return -1;
	if (--x.held->left == 0) {
		trace_block_free(x.held->block);
		free(x.held);
	}
	return 0;
}

/* From lines to blocks, because records have to be changed from here on; what was peeked at is still to be read. */
static void
leave_lines(struct merge *m)
{
	m->lines = false;
	for (size_t i = 0; i < m->inputs; i++)
		if (m->input[i]->head == AT_LINE)
			m->input[i]->head = AT_UNREAD;
}

/* A line that is no plain record: the ledger, and what reads as another than the lines before. */
static int
put_parsed_line(struct merge *m, struct input *in)
{
	const struct trace_record *r = &in->line.record;
	bool ledger = trace_is_ledger(r->shape);

	m->books.in += !ledger;
	m->books.passed += !ledger;
	if (!slice_eq(r->shape->type, SLICE("start")))
		in->scope.led = false;
	else if (start_again(m, in, r) < 0)
		return -1;
	else
		in->scope.led = true;
	if (!m->several && !in->moved)
		return trace_put_line(m->out, in->line.text) < 0 ? output_failed(m) : 0;
	if (put_ledger(m, in, r, in->key) < 0)
		return -1;
	trace_take_line(in->reader);
	leave_lines(m);
	return 0;
}

static int
put_lines(struct merge *m, struct input *in, struct top limit)
{
	uint64_t n = 0;
	int got = 0;

	do {
		m->last = in->key;
		if (in->line.parsed) {
			got = put_parsed_line(m, in);
			if (got < 0 || !m->lines)
				break;
		} else {
			n++;
			in->scope.led = false;
			if (trace_put_line(m->out, in->line.text) < 0)
				return output_failed(m);
		}
		/* Most lines are here, and in order. */
		if (trace_step_line(in->reader, &in->line) && in->late_n == 0 &&
		    (!in->line.timed || in->line.when >= in->last)) {
			if (in->line.timed)
				in->key = in->last = in->most = in->line.when;
			else
				in->key = in->last;
			continue;
		}
		got = next_line(m, in);
	} while (
	    got == 0 && in->head == AT_LINE && before((struct top){ in->key, in->index }, limit));
	m->books.in += n;
	m->books.passed += n;
	return got;
}

/* ---- the beginning ---- */

static void
keep_start(struct merge *m, struct input *in, const struct trace_record *r)
{
	unsigned n = r->shape->fields;
	union trace_value *value = arena_alloc(&m->kept, n * sizeof *value);

	for (unsigned f = 0; f < n; f++)
		value[f] = keep_value(&m->kept, r->shape->field[f].kind, r->value[f]);
	GROW(in->start, in->start_cap, in->starts);
	in->start[in->starts++] = (struct start){ r->shape, value };
}

static int
starts_of_lines(struct merge *m, struct input *in)
{
	for (;;) {
		if (reading(m, in) < 0)
			return -1;
		in->got = trace_peek_line(in->reader, &in->line);
		if (in->got <= 0 || !in->line.parsed ||
		    !slice_eq(in->line.record.shape->type, SLICE("start")))
			return 0;
		keep_start(m, in, &in->line.record);
		trace_take_line(in->reader);
	}
}

static int
starts_of_frames(struct merge *m, struct input *in)
{
	struct trace_block *b;
	struct trace_record r;

	for (;;) {
		if (reading(m, in) < 0)
			return -1;
		in->got = trace_peek_frame(in->reader, &in->frame);
		if (in->got != 0) /* one without starts, to be unpacked or not */
			return 0;
		in->got = trace_read(in->reader, &b);
		if (in->got <= 0)
			return 0;
		enter_block(in, b);
		for (; in->next < b->records; in->next++) {
			unsigned s = in->sequence ? in->sequence[in->next] : 0;

			if (!in->view[s].start)
				break;
			record_of(m, b, s, in->view[s].row++, &r);
			in->row[s]++;
			keep_start(m, in, &r);
		}
		in->end = in->next;
		if (in->next < b->records)
			return 0;
	}
}

/* The clock records of an input that can be read twice; all of them, or those that come first. */
static void
scan_clocks(struct merge *m, struct input *in, bool all)
{
	struct trace_reader *r;
	struct trace_block *b;
	struct stat st;
	char path[64];
	int fd;

	if (fstat(in->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", in->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	r = trace_reader_new(fd);
	trace_reader_skip(r);
	while (trace_read(r, &b) > 0) {
		for (unsigned s = 0; s < b->shapes; s++) {
			struct trace_record record;

			if (!slice_eq(b->shape[s]->type, SLICE("clock")))
				continue;
			for (uint32_t row = 0; row < b->rows[s]; row++) {
				record_of(m, b, s, row, &record);
				clocks_add(&m->clocks, in->index, in->host, &record);
			}
		}
		if (!all)
			break;
	}
	in->scanned = all;
	trace_reader_free(r);
	close(fd);
}

/* Of an input that can be read once, those in what was read first. */
static int
look_for_clocks(struct merge *m, struct input *in)
{
	struct trace_block *b;
	struct trace_record r;

	if (in->got <= 0)
		return 0;
	if (in->block == NULL) {
		in->got = trace_read(in->reader, &b);
		if (in->got <= 0)
			return 0;
		enter_block(in, b);
	}
	for (unsigned s = 0; s < in->block->shapes; s++)
		for (uint32_t row = 0; in->view[s].clock && row < in->block->rows[s]; row++) {
			record_of(m, in->block, s, row, &r);
			clocks_add(&m->clocks, in->index, in->host, &r);
		}
	return 0;
}

static bool
known_axis(const struct input *in)
{
	return in->axis.clock.n > 0;
}

/* The same host, started anew, is another: its clocks began anew, too. */
static void
tell_boots_apart(struct merge *m)
{
	unsigned boots = 1;

	if (m->sources.n < 2)
		return;
	for (size_t i = 0; i < m->inputs; i++)
		scan_clocks(m, m->input[i], false);
	for (size_t i = 1; i < m->inputs; i++) {
		struct input *in = m->input[i];
		struct buf name = BUF_INIT;

		if (in->host.n == 0 || !slice_eq(in->host, m->input[0]->host) ||
		    !clocks_other_boot(&m->clocks, 0, in->index))
			continue;
		buf_printf(&name, "%.*s, boot %u", SLICE_ARG(in->host), ++boots);
		in->host = in->axis.host = arena_copy(&m->kept, buf_view(&name));
		buf_free(&name);
	}
	clocks_free(&m->clocks);
	for (size_t i = 0; i < m->inputs; i++)
		m->input[i]->scanned = false;
}

/* Which axis the output is on, and which inputs have to be moved there. */
static int
choose_axis(struct merge *m)
{
	const char *clock = m->options.clock;
	const struct input *first = NULL, *other = NULL, *silent = NULL;
	bool same = true;
	struct error e;

	for (size_t i = 0; i < m->inputs; i++) {
		const struct input *in = m->input[i];

		if (!known_axis(in)) {
			silent = in->got > 0 && silent == NULL ? in : silent;
			continue;
		}
		first = first ? first : in;
		same = same && clock_axis_same(&first->axis, &in->axis);
		if (other == NULL && in->host.n > 0 && first->host.n > 0 &&
		    !slice_eq(in->host, first->host))
			other = in;
	}
	if (first == NULL)
		return clock == NULL || strcmp(clock, "first") == 0
			   ? 0
			   : error_set(m->error,
				 "%s: no input says which clock its times are of (clock= of its "
				 "start): --clock cannot place them",
				 m->input[0]->path);
	m->axis = first->axis;
	if (clock && strcmp(clock, "first") != 0) {
		m->axis.clock = slice_of(clock);
		same = same && clock_axis_same(&first->axis, &m->axis);
	} else if (clock == NULL && !same && other) {
		m->axis.clock = SLICE("realtime");
	}
	if (slice_eq(m->axis.clock, SLICE("realtime")))
		m->axis.host = SLICE("");
	if (same)
		return 0;
	if (other)
		error_set(&e,
		    "hosts %.*s and %.*s share realtime only: times are placed on %.*s by it, as "
		    "exact as the two agree",
		    SLICE_ARG(first->host), SLICE_ARG(other->host), SLICE_ARG(m->axis.clock));
	if (other)
		m->hooks.tell(m->hooks.context, false, e.text);
	if (silent) {
		error_set(&e, "%s does not say its clock: its times are taken for %.*s",
		    silent->path, SLICE_ARG(m->axis.clock));
		m->hooks.tell(m->hooks.context, false, e.text);
	}
	for (size_t i = 0; i < m->inputs; i++) {
		scan_clocks(m, m->input[i], true);
		if (!m->input[i]->scanned && look_for_clocks(m, m->input[i]) < 0)
			return -1;
	}
	for (size_t i = 0; i < m->inputs; i++)
		if (known_axis(m->input[i]) && find_way(m, m->input[i]) < 0)
			return -1;
	return 0;
}

int
merge_begin(struct merge *m, struct error *e)
{
	m->error = e;
	m->lines = trace_writer_encoding(m->out) == TRACE_LINES && !m->options.reordering;
	for (size_t i = 0; i < m->inputs; i++) {
		struct input *in = m->input[i];
		int encoding = trace_reader_encoding(in->reader);

		in->got = encoding;
		if (encoding < 0)
			continue;
		if ((encoding == TRACE_LINES ? starts_of_lines(m, in) : starts_of_frames(m, in)) <
		    0)
			return -1;
		m->lines = m->lines && encoding == TRACE_LINES;
		for (size_t k = 0; k < in->starts; k++) {
			struct trace_record r = { in->start[k].shape, in->start[k].value };

			merge_sources_start(&m->sources, &in->scope, &r);
			if (!known_axis(in))
				set_axis(m, in, r.shape, r.value);
		}
		if (in->starts == 0 && in->got > 0)
			merge_sources_nameless(&m->sources, &in->scope);
		in->scope.led = false;
	}
	m->several = m->sources.n > 1 && m->inputs > 1;
	tell_boots_apart(m);
	if (choose_axis(m) < 0)
		return -1;
	for (size_t i = 0; i < m->inputs; i++) {
		struct input *in = m->input[i];

		m->lines = m->lines && !in->moved &&
			   !(m->several && (in->scope.own >= 0 || in->scope.renamed));
		for (size_t k = 0; k < in->starts; k++) {
			struct trace_record r = { in->start[k].shape, in->start[k].value };

			if (put_ledger(m, in, &r, 0) < 0)
				return -1;
		}
	}
	return 0;
}

/* The first record of an input whose starts were read. */
static int
first_record(struct merge *m, struct input *in)
{
	if (in->got <= 0)
		return end_input(m, in, in->got);
	if (m->lines)
		return next_line(m, in);
	if (m->options.reordering)
		return next_held(m, in);
	if (in->block == NULL)
		return next_block(m, in);
	in->head = AT_ROW;
	return advance(m, in);
}

int
merge_run(struct merge *m, struct error *e)
{
	m->error = e;
	m->heap = xcalloc(m->inputs + 1, sizeof *m->heap);
	for (size_t i = 0; i < m->inputs; i++) {
		struct input *in = m->input[i];

		if (first_record(m, in) < 0)
			return -1;
		if (in->head != AT_END)
			m->heap[m->tops++] = (struct top){ in->key, in->index };
	}
	for (size_t i = m->tops; i-- > 0;)
		sift_down(m, i);
	while (m->tops > 0) {
		struct input *in = m->input[m->heap[0].index];
		struct top limit = bound(m);
		int got = 0;

		arena_reset(&m->arena);
		switch (in->head) {
		case AT_ROW:
			got = put_rows(m, in, limit);
			break;
		case AT_FRAME:
			got = put_frame(m, in, limit);
			break;
		case AT_LINE:
			got = put_lines(m, in, limit);
			break;
		case AT_HELD:
			got = put_held(m, in);
			break;
		case AT_UNREAD:
		case AT_END:
			break;
		}
		if (got < 0)
			return -1;
		if (got > 0) /* the heap is in order */
			continue;
		if (m->options.reordering)
			got = next_held(m, in);
		else if (in->head != AT_LINE && !in->ended)
			got = advance(m, in);
		if (got < 0)
			return -1;
		if (in->head == AT_END) {
			m->heap[0] = m->heap[--m->tops];
		} else {
			m->heap[0].key = in->key;
		}
		sift_down(m, 0);
	}
	return 0;
}

void
merge_free(struct merge *m)
{
	for (size_t i = 0; i < m->inputs; i++) {
		struct input *in = m->input[i];

		for (size_t k = 0; k < in->plan_cap; k++)
			free(in->plan[k].from);
		for (size_t k = 0; k < in->heaped; k++)
			if (--in->heap[k].held->left == 0) {
				trace_block_free(in->heap[k].held->block);
				free(in->heap[k].held);
			}
		free(in->plan);
		free(in->row);
		free(in->view);
		free(in->keys);
		free(in->late);
		free(in->heap);
		free(in->start);
		merge_scope_free(&in->scope);
		clock_path_free(&in->way);
		free(in);
	}
	free(m->input);
	free(m->pick);
	free(m->heap);
	free(m->field);
	free(m->value);
	merge_sources_free(&m->sources);
	clocks_free(&m->clocks);
	arena_free(&m->kept);
	arena_free(&m->arena);
	free(m);
}
