#include <stdlib.h>

#include "base/alloc.h"
#include "base/num.h"
#include "flow/heat.h"

enum { OTHERS = 200 };

/* Rows of a table whose cells are of the same kinds. */
struct heat_rows {
	size_t n;
	enum axis_kind kind[HEAT_FIELDS];
	uint64_t v[HEAT_FIELDS][AXIS_CHUNK];
};

void
heat_init(struct heat *h, struct grid *grid, struct slice x, struct slice y, struct slice w)
{
	*h = (struct heat){ .grid = grid, .name = { x, y, w } };
}

void
heat_free(struct heat *h)
{
	losses_free(&h->losses);
	arena_free(&h->arena);
	buf_free(&h->others);
	free(h->rows);
}

static unsigned
fields(const struct heat *h)
{
	return h->grid->weighted ? HEAT_FIELDS : HEAT_W;
}

/* ---- traces ---- */

/* Which fields there are instead. */
static void
remember(struct heat *h, const struct trace_shape *shape)
{
	for (unsigned f = 0; f < shape->fields && h->others.n < OTHERS; f++) {
		struct slice name = shape->field[f].name, rest = buf_view(&h->others);
		bool known = false;

		while (rest.n > 0)
			known |= slice_eq(slice_cut(&rest, ' '), name);
		if (!known) {
			buf_char(&h->others, ' ');
			buf_slice(&h->others, name);
		}
	}
}

/* The columns of shape s: 1, 0 where it lacks one, -1 where one is no number. */
static int
columns(
    struct heat *h, struct trace_block *b, unsigned s, struct grid_column *column, struct error *e)
{
	const struct trace_shape *shape = b->shape[s];
	int found[HEAT_FIELDS];

	for (unsigned i = 0; i < fields(h); i++) {
		found[i] = trace_field_index(shape, h->name[i]);
		if (found[i] < 0) {
			remember(h, shape);
			return 0;
		}
	}
	for (unsigned i = 0; i < fields(h); i++) {
		enum trace_kind kind = shape->field[found[i]].kind;

		switch (kind) {
		case TRACE_INT:
			column[i].kind = AXIS_INT;
			break;
		case TRACE_ADDR:
			h->addr[i] = true;
			column[i].kind = AXIS_UNSIGNED;
			break;
		case TRACE_BIG:
			column[i].kind = AXIS_UNSIGNED;
			break;
		case TRACE_NUM:
			column[i].kind = AXIS_REAL;
			break;
		default:
			return error_set(e, "the field %.*s of a %.*s is no number but a %s",
			    SLICE_ARG(h->name[i]), SLICE_ARG(shape->type), trace_kind_name(kind));
		}
		column[i].v = trace_column(b, s, (unsigned)found[i]);
	}
	return 1;
}

/* t counts something else than time where a start says so. */
static void
look_at_start(struct heat *h, struct trace_block *b, unsigned s)
{
	static const char *const times[] = { "monotonic_raw", "monotonic", "realtime", "boottime",
		"tsc", NULL };
	int f = trace_field_of(b->shape[s], SLICE("clock"), TRACE_STR);
	struct slice clock;

	if (f < 0 || b->rows[s] == 0)
		return;
	clock = trace_block_value(b, s, (unsigned)f, 0).s;
	for (unsigned i = 0; times[i]; i++)
		if (slice_eq(clock, slice_of(times[i])))
			return;
	h->clock = arena_copy(&h->arena, clock);
}

int
heat_block(struct heat *h, struct trace_block *b, struct error *e)
{
	int result = 0;

	for (unsigned s = 0; s < b->shapes; s++) {
		struct grid_column c[HEAT_FIELDS] = { 0 };
		int got;

		if (slice_eq(b->shape[s]->type, SLICE("start")))
			look_at_start(h, b, s);
		if (trace_is_state(b->shape[s]) || trace_is_ledger(b->shape[s]))
			continue;
		h->records += b->rows[s];
		got = columns(h, b, s, c, result < 0 ? NULL : e);
		if (got > 0)
			grid_add(h->grid, c[HEAT_X], c[HEAT_Y], c[HEAT_W], b->rows[s]);
		else
			h->without += b->rows[s];
		if (got < 0)
			result = -1;
	}
	losses_block(&h->losses, b);
	return result;
}

/* ---- tables ---- */

int
heat_header(struct heat *h, const struct table *t, struct error *e)
{
	for (unsigned i = 0; i < fields(h); i++) {
		struct buf names = BUF_INIT;

		h->column[i] = table_column(t, h->name[i]);
		if (h->column[i] >= 0)
			continue;
		for (unsigned c = 0; c < t->columns && names.n < OTHERS; c++)
			buf_printf(&names, " %.*s", SLICE_ARG(t->name[c]));
		error_set(e, "no column %.*s; there are:%s", SLICE_ARG(h->name[i]),
		    names.n ? buf_str(&names) : " none");
		buf_free(&names);
		return -1;
	}
	if (h->rows == NULL)
		h->rows = xcalloc(1, sizeof *h->rows);
	return 0;
}

static void
add_rows(struct heat *h)
{
	struct heat_rows *r = h->rows;
	struct grid_column c[HEAT_FIELDS];

	for (unsigned i = 0; i < HEAT_FIELDS; i++)
		c[i] = (struct grid_column){ r->kind[i], r->v[i] };
	grid_add(h->grid, c[HEAT_X], c[HEAT_Y], c[HEAT_W], r->n);
	r->n = 0;
}

static int
number(struct slice s, enum axis_kind *kind, uint64_t *v)
{
	int64_t i;
	double d;

	*kind = AXIS_INT;
	if (num_i64(s, &i) == 0) {
		*v = (uint64_t)i;
		return 0;
	}
	*kind = AXIS_UNSIGNED;
	if (num_any(s, v) == 0)
		return 0;
	*kind = AXIS_REAL;
	if (num_f64(s, &d) < 0)
		return -1;
	memcpy(v, &d, sizeof d);
	return 0;
}

int
heat_row(struct heat *h, const struct table *t, struct error *e)
{
	struct heat_rows *r = h->rows;
	enum axis_kind kind[HEAT_FIELDS];
	uint64_t v[HEAT_FIELDS];
	bool same = true;

	h->records++;
	for (unsigned i = 0; i < fields(h); i++) {
		struct slice cell = slice_trim(t->cell[h->column[i]]);

		if (number(cell, &kind[i], &v[i]) < 0) {
			h->without++;
			if (cell.n == 0)
				return 0;
			return error_set(e, "the column %.*s holds no number: %.*s",
			    SLICE_ARG(h->name[i]), (int)(cell.n < 60 ? cell.n : 60), cell.p);
		}
		h->addr[i] |= cell.n > 1 && (cell.p[1] | 32) == 'x';
		same &= kind[i] == r->kind[i];
	}
	if (!same || r->n == AXIS_CHUNK)
		add_rows(h);
	for (unsigned i = 0; i < fields(h); i++) {
		r->kind[i] = kind[i];
		r->v[i][r->n] = v[i];
	}
	r->n++;
	return 0;
}

void
heat_table_end(struct heat *h, const struct table *t)
{
	add_rows(h);
	for (size_t i = 0; i < t->words; i++) {
		const struct table_word *w = &t->word[i];
		struct slice why = SLICE("unknown");
		uint64_t n;

		if (!slice_eq(w->key, SLICE("lost")) || num_u64(w->value, &n) < 0)
			continue;
		if (i + 1 < t->words && w[1].line == w->line && slice_eq(w[1].key, SLICE("why")))
			why = w[1].value;
		losses_add(&h->losses, why, n);
	}
}

struct slice
heat_unit(const struct heat *h, unsigned field)
{
	const struct axis *a = field == HEAT_X ? &h->grid->x : &h->grid->y;
	struct slice name = h->name[field];

	/* (tracepoints have addresses as plain ints) */
	if (!a->reals &&
	    (h->addr[field] || slice_ends(name, SLICE("addr")) || slice_eq(name, SLICE("address"))))
		return SLICE("addr");
	if (slice_eq(name, SLICE("t")) && h->clock.n > 0)
		return h->clock;
	if (slice_eq(name, SLICE("t")) || slice_ends(name, SLICE("_ns")))
		return SLICE("ns");
	if (slice_eq(name, SLICE("size")) || slice_ends(name, SLICE("_size")) ||
	    slice_ends(name, SLICE("_bytes")))
		return SLICE("bytes");
	return SLICE("");
}
