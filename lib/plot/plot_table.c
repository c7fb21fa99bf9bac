#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/num.h"
#include "plot/plot_table.h"

enum { READ_BYTES = 256 << 10, EXACT_BITS = 53 };

struct plot_table_parts {
	int fd; /* of plain numbers */
	struct buf in;
	bool eof;
	struct buf fields;
};

static uint64_t
hash_text(const void *context, uint32_t item)
{
	const struct plot_texts *texts = context;

	return hash_bytes(texts->text[item].p, texts->text[item].n);
}

uint32_t
plot_text(struct plot_texts *texts, struct slice s)
{
	uint64_t h = hash_bytes(s.p, s.n);

	for (struct hash_probe at = hash_first(&texts->set, h); hash_found(&texts->set, &at);
	     hash_next(&texts->set, &at))
		if (slice_eq(texts->text[at.item], s))
			return at.item;
	GROW(texts->text, texts->cap, texts->n);
	texts->text[texts->n] = arena_copy(&texts->arena, s);
	hash_add(&texts->set, h, (uint32_t)texts->n, hash_text, texts);
	return (uint32_t)texts->n++;
}

struct plot_table *
plot_table_new(enum kind kind, struct plot_texts *texts, struct plot_base *base)
{
	struct plot_table *t = xcalloc(1, sizeof *t);

	t->kind = kind;
	t->texts = texts;
	t->base = base;
	t->parts = xcalloc(1, sizeof *t->parts);
	t->lost = LOSSES_INIT;
	return t;
}

void
plot_table_free(struct plot_table *t)
{
	for (unsigned i = 0; i < t->columns; i++) {
		free(t->column[i].v);
		free(t->column[i].text);
	}
	free(t->column);
	if (t->source)
		table_free(t->source);
	losses_free(&t->lost);
	buf_free(&t->parts->in);
	buf_free(&t->parts->fields);
	free(t->parts);
	free(t);
}

int
plot_table_open(struct plot_table *t, struct kind_input *in, struct error *e)
{
	if (t->kind == KIND_NUMBERS || t->kind == KIND_EMPTY) {
		t->parts->fd = in->fd;
		buf_put(&t->parts->in, in->first, in->n);
		return 0;
	}
	t->source = table_new(in->fd, in->first, in->n);
	if (table_header(t->source) < 0)
		return error_set(e, "%s", t->source->error.text);
	t->type = t->source->kind;
	return t->where ? where_table(t->where, t->source, e) : 0;
}

bool
plot_table_has(const struct plot_table *t, struct slice name)
{
	if (t->kind == KIND_TRACE || t->kind == KIND_EMPTY)
		return true;
	if (t->source == NULL)
		return slice_eq(name, SLICE("value")) || slice_eq(name, SLICE("1"));
	return table_column(t->source, name) >= 0;
}

static int
no_column(struct plot_table *t, struct slice name, struct error *e)
{
	struct buf b = BUF_INIT;

	if (t->source == NULL)
		return error_set(e,
		    "no column %.*s: these are plain numbers, their column is called value",
		    SLICE_ARG(name));
	for (unsigned i = 0; i < t->source->columns; i++) {
		buf_char(&b, ' ');
		buf_slice(&b, t->source->name[i]);
	}
	error_set(e, "no column %.*s; there are:%s", SLICE_ARG(name), buf_str(&b));
	buf_free(&b);
	return -1;
}

int
plot_table_want(
    struct plot_table *t, unsigned role, struct slice name, enum plot_as as, struct error *e)
{
	struct plot_column *c;
	int place = 0;

	if (!plot_table_has(t, name))
		return no_column(t, name, e);
	if (t->source && t->source->columns > 0) {
		place = table_column(t->source, name);
		name = t->source->name[place];
	}
	GROW(t->column, t->column_cap, t->columns);
	c = &t->column[t->columns++];
	*c = (struct plot_column){
		.name = name, .role = role, .as = as, .base = &t->base[role], .place = place
	};
	return 0;
}

struct plot_column *
plot_table_column(const struct plot_table *t, unsigned role, unsigned n)
{
	for (unsigned i = 0; i < t->columns; i++)
		if (t->column[i].role == role && n-- == 0)
			return &t->column[i];
	return NULL;
}

/* ---- values ---- */

static bool
is_large(int64_t v)
{
	return v > (INT64_C(1) << EXACT_BITS) || v < -(INT64_C(1) << EXACT_BITS);
}

/* A whole number as a double, less the base. */
static double
whole(struct plot_base *base, int64_t v)
{
	if (base->base == 0 && !base->set && is_large(v))
		base->base = v;
	base->set = true;
	return (double)((__int128)v - base->base);
}

static double
address(struct plot_base *base, uint64_t v)
{
	if (base->base == 0 && !base->set && v > UINT64_C(1) << EXACT_BITS)
		base->base = (int64_t)v;
	base->set = base->hex = true;
	return (double)((__int128)v - (__int128)(uint64_t)base->base);
}

/* The number of a cell; NAN where it is none. */
static double
number(struct plot_base *base, struct slice s)
{
	uint64_t u;
	int64_t i;
	double d;

	if (num_i64(s, &i) == 0)
		return whole(base, i);
	if (s.n > 2 && s.p[0] == '0' && s.p[1] == 'x' && num_any(s, &u) == 0)
		return address(base, u);
	if (num_f64(s, &d) == 0) {
		base->set = true;
		return d - (double)base->base;
	}
	return NAN;
}

static void
put(struct plot_table *t, struct plot_column *c, double v, struct slice text, bool there)
{
	GROW(c->v, c->v_cap, t->rows);
	c->v[t->rows] = v;
	if (c->as == PLOT_TEXT) {
		GROW(c->text, c->text_cap, t->rows);
		c->text[t->rows] = there ? plot_text(t->texts, text) : PLOT_NO_TEXT;
	}
}

/* ---- tables and numbers ---- */

static bool
is_missing(struct slice s)
{
	return s.n == 0 || slice_eq(s, SLICE("-")) || slice_eq(s, SLICE("nan")) ||
	       slice_eq(s, SLICE("NaN")) || slice_eq(s, SLICE("NA"));
}

/* One row of cells; -1 with the text where one is no number that should be. */
static int
add_row(struct plot_table *t, struct error *e)
{
	bool lacks = false;

	for (unsigned i = 0; i < t->columns; i++) {
		struct plot_column *c = &t->column[i];
		struct slice s = slice_trim(t->source->cell[c->place]);
		double v = number(c->base, s);

		if (isnan(v) && c->as != PLOT_TEXT && !is_missing(s))
			return error_set(e, "%" PRIu64 ": the column %.*s is no number: %.*s",
			    t->source->line, SLICE_ARG(c->name), s.n > 60 ? 60 : (int)s.n, s.p);
		lacks |= isnan(v) && c->as == PLOT_NUMBER;
		put(t, c, v, t->source->cell[c->place], true);
	}
	if (lacks)
		t->passed++;
	else
		t->rows++;
	return 0;
}

static void
take_losses(struct plot_table *t)
{
	const struct table *s = t->source;

	for (size_t i = 0; i < s->words; i++) {
		struct slice why = SLICE("unknown");
		uint64_t n;

		if (!slice_eq(s->word[i].key, SLICE("lost")) || num_u64(s->word[i].value, &n) != 0)
			continue;
		for (size_t k = i + 1; k < s->words && s->word[k].line == s->word[i].line; k++)
			if (slice_eq(s->word[k].key, SLICE("why")))
				why = s->word[k].value;
		if (n > 0)
			losses_add(&t->lost, why, n);
	}
}

/* Plain numbers, one a line. */
static int
number_rows(struct plot_table *t, void (*complain)(void *context, const char *what), void *context)
{
	struct plot_table_parts *p = t->parts;
	uint64_t line = 0;
	size_t at = 0;
	struct error e;

	for (;;) {
		const char *lf = p->in.n > at ? memchr(p->in.p + at, '\n', p->in.n - at) : NULL;
		struct slice s;
		double v;

		if (lf == NULL && !p->eof) {
			ssize_t got;

			if (at > 0)
				memmove(p->in.p, p->in.p + at, p->in.n - at);
			p->in.n -= at;
			at = 0;
			got = io_read(p->fd, buf_room(&p->in, READ_BYTES), READ_BYTES);
			if (got < 0) {
				complain(context, strerror(errno));
				return -1;
			}
			p->in.n += (size_t)got;
			p->eof = got == 0;
			continue;
		}
		if (lf == NULL && at == p->in.n)
			return 0;
		s = (struct slice){ p->in.p + at, lf ? (size_t)(lf - p->in.p) - at : p->in.n - at };
		at += s.n + (lf != NULL);
		line++;
		if (s.n > 0 && s.p[s.n - 1] == '\r')
			s.n--;
		s = slice_trim(s);
		if (s.n == 0 || s.p[0] == '#' || t->columns == 0)
			continue;
		v = number(t->column[0].base, s);
		if (isnan(v) && !is_missing(s)) {
			error_set(&e, "%" PRIu64 ": no number: %.*s", line,
			    s.n > 60 ? 60 : (int)s.n, s.p);
			complain(context, e.text);
			continue;
		}
		put(t, &t->column[0], v, s, true);
		if (isnan(v) && t->column[0].as == PLOT_NUMBER)
			t->passed++;
		else
			t->rows++;
	}
}

/* A table in long form has the unit of each row's values in a column; it is known where they are alike. */
static void
take_unit(struct plot_table *t, int column)
{
	struct slice s;

	if (column < 0)
		return;
	s = slice_trim(t->source->cell[column]);
	if (!t->units)
		t->unit = arena_copy(&t->texts->arena, s);
	else if (!slice_eq(t->unit, s))
		t->unit.n = 0;
	t->units = true;
}

int
plot_table_rows(
    struct plot_table *t, void (*complain)(void *context, const char *what), void *context)
{
	struct error e;
	int got, unit;

	if (t->source == NULL)
		return number_rows(t, complain, context);
	unit = table_column(t->source, SLICE("unit"));
	while ((got = table_next(t->source)) != 0)
		if (got < 0) {
			complain(context, t->source->error.text);
			if (table_failed(t->source))
				return -1;
		} else if (t->where == NULL || where_row(t->where, t->source)) {
			if (add_row(t, &e) < 0)
				complain(context, e.text);
			take_unit(t, unit);
		}
	take_losses(t);
	if (t->where && where_end(t->where, &e) < 0) {
		struct buf b = BUF_INIT;

		buf_printf(&b, " %s", e.text);
		complain(context, buf_str(&b));
		buf_free(&b);
	}
	return 0;
}

/* ---- traces ---- */

static void
note_fields(struct plot_table *t, const struct trace_shape *shape)
{
	struct buf *all = &t->parts->fields;

	for (unsigned f = 0; f < shape->fields; f++) {
		struct slice name = shape->field[f].name, rest = buf_view(all);
		bool known = false;

		while (rest.n > 0)
			known |= slice_eq(slice_cut(&rest, ' '), name);
		if (known ||
		    (shape->field[f].kind > TRACE_NUM && shape->field[f].kind != TRACE_STR))
			continue;
		if (all->n > 0)
			buf_char(all, ' ');
		buf_slice(all, name);
	}
}

const char *
plot_table_fields(struct plot_table *t)
{
	return buf_str(&t->parts->fields);
}

static void
put_value(struct plot_table *t, struct plot_column *c, enum trace_kind kind, union trace_value v)
{
	struct buf text = BUF_INIT;
	double d = NAN;
	bool there = true;

	switch (kind) {
	case TRACE_INT:
		d = whole(c->base, v.i);
		if (c->as == PLOT_TEXT)
			buf_i64(&text, v.i);
		break;
	case TRACE_BIG:
		d = (double)((__int128)v.u - c->base->base);
		if (c->as == PLOT_TEXT)
			buf_u64(&text, v.u);
		break;
	case TRACE_ADDR:
		d = address(c->base, v.u);
		if (c->as == PLOT_TEXT)
			buf_hex(&text, v.u);
		break;
	case TRACE_NUM:
		d = v.d - (double)c->base->base;
		if (c->as == PLOT_TEXT)
			buf_f64(&text, v.d);
		break;
	case TRACE_STR:
		if (c->as == PLOT_TEXT)
			buf_slice(&text, v.s);
		break;
	default:
		there = false;
	}
	put(t, c, d, buf_view(&text), there);
	buf_free(&text);
}

static bool
is_number(enum trace_kind kind)
{
	return kind <= TRACE_NUM;
}

void
plot_table_block(struct plot_table *t, struct trace_block *b)
{
	const uint16_t *sequence = trace_sequence(b);
	uint32_t *row = xcalloc(b->shapes + 1, sizeof *row);
	int *at = xcalloc((size_t)b->shapes * t->columns + 1, sizeof *at);
	bool *use = xcalloc(b->shapes + 1, sizeof *use);

	losses_block(&t->lost, b);
	for (unsigned s = 0; s < b->shapes; s++) {
		const struct trace_shape *shape = b->shape[s];

		if (trace_is_ledger(shape))
			continue;
		note_fields(t, shape);
		t->records += b->rows[s];
		use[s] = true;
		for (unsigned i = 0; i < t->columns; i++) {
			int f = trace_field_index(shape, t->column[i].name);

			if (f >= 0 && t->column[i].as != PLOT_TEXT &&
			    !is_number(shape->field[f].kind))
				f = -1;
			at[s * t->columns + i] = f;
			use[s] &= f >= 0 || t->column[i].as != PLOT_NUMBER;
		}
		if (!use[s])
			t->passed += b->rows[s];
	}
	for (uint32_t n = 0; n < b->records; n++) {
		unsigned s = sequence ? sequence[n] : 0;
		uint32_t r = row[s]++;
		bool lacks = false;

		if (!use[s])
			continue;
		for (unsigned i = 0; i < t->columns; i++) {
			struct plot_column *c = &t->column[i];
			int f = at[s * t->columns + i];

			if (f < 0) {
				put(t, c, NAN, SLICE(""), false);
				continue;
			}
			put_value(t, c, b->shape[s]->field[f].kind,
			    trace_block_value(b, s, (unsigned)f, r));
			lacks |= c->as == PLOT_NUMBER && isnan(c->v[t->rows]);
		}
		if (lacks)
			t->passed++;
		else
			t->rows++;
	}
	free(row);
	free(at);
	free(use);
}
