#include "store/shape.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

static const char *const kinds[TRACE_KINDS] = { [TRACE_INT] = "int",
	[TRACE_BIG] = "big",
	[TRACE_ADDR] = "addr",
	[TRACE_NUM] = "num",
	[TRACE_STR] = "str",
	[TRACE_BYTES] = "bytes",
	[TRACE_INTS] = "ints",
	[TRACE_ADDRS] = "addrs",
	[TRACE_STRS] = "strs" };

const struct schema_table *
shape_table(struct slice type)
{
	for (unsigned t = 0; t < SCHEMA_TABLES - 1; t++)
		if (slice_eq(slice_of(schema_table[t].type), type))
			return &schema_table[t];
	return &schema_table[SCHEMA_TABLES - 1];
}

static bool
holds(const struct schema_column *c, const struct trace_field *f)
{
	bool number = f->kind == TRACE_INT || f->kind == TRACE_BIG || f->kind == TRACE_ADDR ||
		      f->kind == TRACE_NUM;

	if (c->kind == SCHEMA_THREAD)
		return f->kind == TRACE_INT &&
		       (slice_eq(f->name, SLICE("src")) || slice_eq(f->name, SLICE("pid")) ||
			   slice_eq(f->name, SLICE("tid")));
	if (!slice_eq(schema_field(c), f->name))
		return false;
	switch (c->kind) {
	case SCHEMA_NUMBER:
	case SCHEMA_ADDR:
		return number;
	case SCHEMA_VALUE:
		return number || f->kind == TRACE_STR;
	case SCHEMA_STRING:
		return f->kind == TRACE_STR;
	case SCHEMA_STACK:
		return f->kind == TRACE_STRS;
	case SCHEMA_CHAIN:
		return f->kind == TRACE_ADDRS;
	default:
		return f->kind == TRACE_BYTES;
	}
}

int
shape_column(const struct schema_table *t, const struct trace_field *f)
{
	for (unsigned c = 0; c < t->columns; c++)
		if (holds(&t->column[c], f))
			return (int)c;
	return SHAPE_MORE;
}

void
shape_put(struct buf *b, const struct schema_table *t, const struct trace_shape *shape)
{
	for (unsigned i = 0; i < shape->fields; i++) {
		const struct trace_field *f = &shape->field[i];
		int c = shape_column(t, f);

		buf_printf(b, "%s%.*s:%s:%s", i ? " " : "", SLICE_ARG(f->name), kinds[f->kind],
		    c == SHAPE_MORE ? "" : t->column[c].name);
	}
}

int
shape_next(struct slice *text, const struct schema_table *t, struct trace_field *f, int *column)
{
	struct slice word, kind;
	bool known = false;

	if (text->n == 0)
		return 0;
	word = slice_cut(text, ' ');
	f->name = slice_cut(&word, ':');
	kind = slice_cut(&word, ':');
	for (unsigned k = 0; k < TRACE_KINDS; k++)
		if (slice_eq(kind, slice_of(kinds[k]))) {
			f->kind = (enum trace_kind)k;
			known = true;
		}
	*column = SHAPE_MORE;
	for (unsigned c = 0; c < t->columns; c++)
		if (slice_eq(word, slice_of(t->column[c].name)))
			*column = (int)c;
	if (!known || f->name.n == 0 || (*column == SHAPE_MORE) != (word.n == 0) ||
	    (*column != SHAPE_MORE && !holds(&t->column[*column], f)))
		return -1;
	return 1;
}

void
shape_put_text(struct buf *b, enum trace_kind kind, union trace_value v)
{
	struct trace_field f = { SLICE("v"), kind };
	struct trace_shape shape = { .type = SLICE("x"), .fields = 1, .field = &f };
	struct trace_record r = { &shape, &v };
	size_t from = b->n;

	/* x TAB v= ... LF */
	line_put(b, &r);
	b->n--;
	memmove(b->p + from, b->p + from + 4, b->n - from - 4);
	b->n -= 4;
}

/* A copy of a list or bytes. */
static union trace_value
copy(struct arena *to, enum trace_kind kind, union trace_value v)
{
	uint32_t n = v.list.n;

	if (kind == TRACE_BYTES) {
		v.s = arena_copy(to, v.s);
	} else if (kind == TRACE_STRS) {
		struct slice *item = arena_alloc(to, n * sizeof *item);

		for (uint32_t i = 0; i < n; i++)
			item[i] = arena_copy(to, v.list.s[i]);
		v.list.s = item;
	} else {
		uint64_t *item = arena_alloc(to, n * sizeof *item);

		memcpy(item, v.list.items, n * sizeof *item);
		v.list.u = item;
	}
	if (kind != TRACE_BYTES)
		v.list.memo = NULL;
	return v;
}

int
shape_read_text(enum trace_kind kind, struct slice text, struct arena *to, union trace_value *value,
    struct error *e)
{
	struct shapes shapes = { 0 };
	struct line_parser p = { .shapes = &shapes };
	struct buf line = BUF_INIT;
	struct trace_record r;
	int got;

	buf_slice(&line, SLICE("x\tv="));
	buf_slice(&line, text);
	got = line_parse(&p, buf_view(&line), &r, e);
	if (got == 0 || (got > 0 && r.shape->fields != 1))
		got = error_set(e, "no value");
	if (got > 0 && r.shape->field[0].kind != kind) {
		/* An empty list is of any kind. */
		if (r.shape->field[0].kind < TRACE_INTS || kind < TRACE_INTS ||
		    r.value[0].list.n > 0)
			got = error_set(e, "a value that is no %s", trace_kind_name(kind));
	}
	if (got > 0)
		*value = copy(to, kind, r.value[0]);
	line_parser_free(&p);
	shapes_free(&shapes);
	buf_free(&line);
	return got > 0 ? 0 : -1;
}

/* ---- more ---- */

static void
put_string(struct buf *json, struct slice s)
{
	buf_char(json, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\') {
			buf_char(json, '\\');
			buf_char(json, (char)c);
		} else if (c < 0x20) {
			buf_printf(json, "\\u%04x", c);
		} else {
			buf_char(json, (char)c);
		}
	}
	buf_char(json, '"');
}

void
shape_put_more(struct buf *json, char before, const struct trace_field *f, union trace_value v)
{
	struct buf text = BUF_INIT;

	buf_char(json, before);
	put_string(json, f->name);
	buf_char(json, ':');
	switch (f->kind) {
	case TRACE_INT:
		buf_i64(json, v.i);
		break;
	case TRACE_BIG:
		buf_u64(json, v.u);
		break;
	case TRACE_STR:
		put_string(json, v.s);
		break;
	case TRACE_NUM:
		if (isfinite(v.d)) {
			buf_f64(json, v.d);
			break;
		}
		/* fall through */
	default:
		shape_put_text(&text, f->kind, v);
		put_string(json, buf_view(&text));
		buf_free(&text);
	}
}

/* A string off the text, which begins with its quote. */
static int
take_string(struct slice *json, struct buf *to)
{
	const char *p = json->p + 1, *end = json->p + json->n;

	for (; p < end && *p != '"'; p++) {
		uint64_t u;

		if (*p != '\\') {
			buf_char(to, *p);
			continue;
		}
		if (++p == end)
			return -1;
		if (*p == '"' || *p == '\\') {
			buf_char(to, *p);
		} else if (*p == 'u' && end - p > 4 &&
			   num_hex((struct slice){ p + 1, 4 }, &u) == 0 && u < 0x20) {
			buf_char(to, (char)u);
			p += 4;
		} else {
			return -1;
		}
	}
	if (p >= end)
		return -1;
	*json = (struct slice){ p + 1, (size_t)(end - p - 1) };
	return 0;
}

int
shape_next_more(struct slice *json, struct slice *name, struct buf *to)
{
	struct slice rest = *json;
	const char *quote;

	to->n = 0;
	if (slice_eq(rest, SLICE("}")) || rest.n == 0)
		return 0;
	/* { or , and the name, which has no escapes */
	if (rest.n < 4 || (rest.p[0] != '{' && rest.p[0] != ',') || rest.p[1] != '"')
		return -1;
	quote = memchr(rest.p + 2, '"', rest.n - 2);
	if (quote == NULL || rest.p + rest.n - quote < 3 || quote[1] != ':')
		return -1;
	*name = (struct slice){ rest.p + 2, (size_t)(quote - rest.p - 2) };
	rest = (struct slice){ quote + 2, (size_t)(rest.p + rest.n - quote - 2) };
	if (rest.p[0] == '"') {
		if (take_string(&rest, to) < 0)
			return -1;
	} else {
		while (rest.n > 0 && rest.p[0] != ',' && rest.p[0] != '}') {
			buf_char(to, rest.p[0]);
			rest.p++;
			rest.n--;
		}
	}
	*json = rest;
	return 1;
}
