#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/num.h"
#include "trace/block_parts.h"
#include "trace/line.h"

static bool
digit(char c)
{
	return (unsigned)(unsigned char)c - '0' < 10;
}

/* ---- what a bare word is ---- */

static bool
reads_as_int(struct slice s, enum trace_kind *kind, union trace_value *v)
{
	uint64_t big;

	if (s.n == 0 || !(digit(s.p[0]) || (s.p[0] == '-' && s.n > 1)))
		return false;
	if (num_i64(s, &v->i) == 0) {
		*kind = TRACE_INT;
		return true;
	}
	if (num_u64(s, &big) == 0) {
		*kind = TRACE_BIG;
		v->u = big;
		return true;
	}
	return false;
}

static bool
reads_as_addr(struct slice s, uint64_t *v)
{
	return s.n > 2 && s.p[0] == '0' && s.p[1] == 'x' &&
	       num_hex((struct slice){ s.p + 2, s.n - 2 }, v) == 0;
}

/* -?D+(.D+)?(e[+-]?D+)? with a '.' or an 'e', or nan, inf, -inf. */
static bool
reads_as_num(struct slice s, double *v)
{
	const char *p = s.p, *end = s.p + s.n;
	bool real = false;
	char text[64];

	if (slice_eq(s, SLICE("nan"))) {
		*v = NAN;
		return true;
	}
	if (slice_eq(s, SLICE("inf")) || slice_eq(s, SLICE("-inf"))) {
		*v = s.p[0] == '-' ? -INFINITY : INFINITY;
		return true;
	}
	if (s.n >= sizeof text)
		return false;
	if (p < end && *p == '-')
		p++;
	if (p == end || !digit(*p))
		return false;
	while (p < end && digit(*p))
		p++;
	if (p < end && *p == '.') {
		real = true;
		if (++p == end || !digit(*p))
			return false;
		while (p < end && digit(*p))
			p++;
	}
	if (p < end && *p == 'e') {
		real = true;
		if (++p < end && (*p == '+' || *p == '-'))
			p++;
		if (p == end || !digit(*p))
			return false;
		while (p < end && digit(*p))
			p++;
	}
	if (p != end || !real)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*v = strtod(text, NULL); /* no tool calls setlocale(): the decimal sign is '.' */
	return true;
}

/* ---- parsing ---- */

struct scan {
	struct line_parser *p;
	const char *line;
	struct error *e;
};

static int
fail(struct scan *s, const char *at, const char *what)
{
	return error_set(s->e, "column %zu: %s", (size_t)(at - s->line) + 1, what);
}

static int
hex_digit(char c)
{
	if (digit(c))
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the escapes of text into *out, which borrows from text where there are none. */
static int
unescape(struct scan *s, struct slice text, struct slice *out)
{
	char *to;
	size_t n = 0;

	if (memchr(text.p, '\\', text.n) == NULL) {
		*out = text;
		return 0;
	}
	to = arena_alloc(&s->p->arena, text.n);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '\\') {
			to[n++] = text.p[i];
			continue;
		}
		if (++i == text.n)
			return fail(s, text.p + i - 1, "a backslash without what it escapes");
		switch (text.p[i]) {
		case 't':
			to[n++] = '\t';
			break;
		case 'n':
			to[n++] = '\n';
			break;
		case 'r':
			to[n++] = '\r';
			break;
		case '\\':
		case '"':
		case ';':
			to[n++] = text.p[i];
			break;
		case 'x':
			if (i + 2 < text.n && hex_digit(text.p[i + 1]) >= 0 &&
			    hex_digit(text.p[i + 2]) >= 0) {
				to[n++] = (char)(hex_digit(text.p[i + 1]) << 4 |
						 hex_digit(text.p[i + 2]));
				i += 2;
				break;
			}
			/* fall through */
		default:
			return fail(s, text.p + i - 1,
			    "an unknown escape; \\\\ \\\" \\; \\t \\n \\r \\xNN are known");
		}
	}
	*out = (struct slice){ to, n };
	return 0;
}

/* The ';' that ends the item at p, or NULL. */
static const char *
item_end(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == ';')
			return p;
	}
	return NULL;
}

static int
parse_list(struct scan *s, struct slice text, enum trace_kind *kind, union trace_value *v)
{
	const char *end = text.p + text.n, *from = text.p, *stop;
	bool marked = slice_starts(text, SLICE("\\s")), ints = !marked, addrs = !marked;
	struct slice *item;
	uint64_t *number;
	uint32_t n = 0;

	if (marked)
		from += 2;
	for (const char *p = from; p < end; p = stop + 1) {
		stop = item_end(p, end);
		if (stop == NULL)
			return fail(s, p, "an item of a list without ';' behind it");
		n++;
	}
	number = arena_alloc(&s->p->arena, n * sizeof *number);
	v->list = (struct trace_list){ .u = number, .n = n };
	n = 0;
	for (const char *p = from; p < end && (ints || addrs); p = stop + 1) {
		struct slice word;

		stop = item_end(p, end);
		word = (struct slice){ p, (size_t)(stop - p) };
		ints = ints && num_i64(word, (int64_t *)&number[n]) == 0;
		addrs = addrs && !ints && reads_as_addr(word, &number[n]);
		n++;
	}
	if (v->list.n > 0 && (ints || addrs)) {
		*kind = ints ? TRACE_INTS : TRACE_ADDRS;
		return 0;
	}
	item = arena_alloc(&s->p->arena, v->list.n * sizeof *item);
	n = 0;
	for (const char *p = from; p < end; p = stop + 1) {
		stop = item_end(p, end);
		if (unescape(s, (struct slice){ p, (size_t)(stop - p) }, &item[n++]) < 0)
			return -1;
	}
	*kind = TRACE_STRS;
	v->list.s = item;
	return 0;
}

static int
parse_bytes(struct scan *s, struct slice text, union trace_value *v)
{
	struct buf b = BUF_INIT;

	if (base64_decode(&b, text) < 0) {
		buf_free(&b);
		return fail(s, text.p, "bytes that are not base64");
	}
	v->s = arena_copy(&s->p->arena, buf_view(&b));
	buf_free(&b);
	return 0;
}

static int
parse_value(struct scan *s, struct slice text, enum trace_kind *kind, union trace_value *v)
{
	if (text.n == 0 || text.p[text.n - 1] == ';')
		return parse_list(s, text, kind, v);
	if (text.p[0] == '@') {
		*kind = TRACE_BYTES;
		return parse_bytes(s, (struct slice){ text.p + 1, text.n - 1 }, v);
	}
	if (text.p[0] == '"') {
		size_t i = 1;

		while (i < text.n && text.p[i] != '"')
			i += text.p[i] == '\\' ? 2 : 1;
		if (i != text.n - 1)
			return fail(
			    s, text.p, "a string whose closing quote does not end the value");
		*kind = TRACE_STR;
		return unescape(s, (struct slice){ text.p + 1, text.n - 2 }, &v->s);
	}
	if (reads_as_int(text, kind, v))
		return 0;
	*kind = TRACE_ADDR;
	if (reads_as_addr(text, &v->u))
		return 0;
	*kind = TRACE_NUM;
	if (reads_as_num(text, &v->d))
		return 0;
	if (memchr(text.p, ';', text.n))
		return fail(s, text.p, "a list whose last item has no ';' behind it");
	*kind = TRACE_STR;
	v->s = text;
	return 0;
}

static bool
has_shape(const struct trace_shape *shape, struct slice type, const struct trace_field *field,
    size_t fields)
{
	if (shape == NULL || shape->fields != fields || !slice_eq(shape->type, type))
		return false;
	for (size_t i = 0; i < fields; i++)
		if (shape->field[i].kind != field[i].kind ||
		    !slice_eq(shape->field[i].name, field[i].name))
			return false;
	return true;
}

/* The names of a shape that was met before need no check. */
static int
check_names(struct scan *s, struct slice type, const struct trace_field *field, size_t fields)
{
	if (!block_valid_name(type))
		return fail(s, type.p, "the type of a record must be letters, digits and _");
	for (size_t i = 0; i < fields; i++) {
		if (!block_valid_name(field[i].name))
			return fail(s, field[i].name.p,
			    "the name of a field must be letters, digits and _");
		for (size_t k = 0; k < i; k++)
			if (slice_eq(field[k].name, field[i].name))
				return fail(s, field[i].name.p, "a second field of the same name");
	}
	return 0;
}

int
line_parse(struct line_parser *p, struct slice line, struct trace_record *record, struct error *e)
{
	struct scan s = { p, line.p, e };
	struct slice type;
	size_t fields = 0;

	if (line.n == 0 || line.p[0] == '#')
		return 0;
	arena_reset(&p->arena);
	type = slice_cut(&line, '\t');
	while (line.n > 0) {
		struct slice value = slice_cut(&line, '\t');
		const char *equals = memchr(value.p, '=', value.n);

		if (equals == NULL)
			return fail(&s, value.p, "a field without '='");
		GROW(p->field, p->field_cap, fields);
		GROW(p->value, p->value_cap, fields);
		p->field[fields].name = (struct slice){ value.p, (size_t)(equals - value.p) };
		value.n -= (size_t)(equals + 1 - value.p);
		value.p = equals + 1;
		if (parse_value(&s, value, &p->field[fields].kind, &p->value[fields]) < 0)
			return -1;
		fields++;
	}
	if (!has_shape(p->last, type, p->field, fields)) {
		if (check_names(&s, type, p->field, fields) < 0)
			return -1;
		p->last = shapes_get(p->shapes, type, p->field, (unsigned)fields);
	}
	*record = (struct trace_record){ p->last, p->value };
	return 1;
}

void
line_parser_free(struct line_parser *p)
{
	arena_free(&p->arena);
	free(p->field);
	free(p->value);
}

/* ---- printing ---- */

static void
put_escaped(struct buf *out, struct slice s, char special)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\' || c == (unsigned char)special) {
			buf_char(out, '\\');
			buf_char(out, (char)c);
		} else if (c == '\t') {
			buf_slice(out, SLICE("\\t"));
		} else if (c == '\n') {
			buf_slice(out, SLICE("\\n"));
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(out, "\\x%02x", c);
		} else {
			buf_char(out, (char)c);
		}
	}
}

static bool
must_quote(struct slice s)
{
	union trace_value v;
	enum trace_kind kind;

	if (s.n == 0 || s.p[0] == '@')
		return true;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f || c == ';' || c == '=' || c == '"' || c == '\\')
			return true;
	}
	return reads_as_int(s, &kind, &v) || reads_as_addr(s, &v.u) || reads_as_num(s, &v.d);
}

static void
put_str(struct buf *out, struct slice s)
{
	if (!must_quote(s)) {
		buf_slice(out, s);
		return;
	}
	buf_char(out, '"');
	put_escaped(out, s, '"');
	buf_char(out, '"');
}

static void
put_num(struct buf *out, double d)
{
	size_t from = out->n;

	buf_f64(out, d);
	if (isfinite(d) && strpbrk(buf_str(out) + from, ".e") == NULL)
		buf_slice(out, SLICE(".0"));
}

static void
put_strs(struct buf *out, const struct trace_list *list)
{
	bool ints = list->n > 0, addrs = list->n > 0;
	int64_t i;
	uint64_t u;

	for (uint32_t k = 0; k < list->n && (ints || addrs); k++) {
		ints = ints && num_i64(list->s[k], &i) == 0;
		addrs = addrs && reads_as_addr(list->s[k], &u);
	}
	if (ints || addrs)
		buf_slice(out, SLICE("\\s"));
	for (uint32_t k = 0; k < list->n; k++) {
		put_escaped(out, list->s[k], ';');
		buf_char(out, ';');
	}
}

static void
put_value(struct buf *out, enum trace_kind kind, const union trace_value *v)
{
	switch (kind) {
	case TRACE_INT:
		buf_i64(out, v->i);
		break;
	case TRACE_BIG:
		buf_u64(out, v->u);
		break;
	case TRACE_ADDR:
		buf_hex(out, v->u);
		break;
	case TRACE_NUM:
		put_num(out, v->d);
		break;
	case TRACE_STR:
		put_str(out, v->s);
		break;
	case TRACE_BYTES:
		buf_char(out, '@');
		base64_encode(out, v->s.p, v->s.n);
		break;
	case TRACE_INTS:
		for (uint32_t i = 0; i < v->list.n; i++) {
			buf_i64(out, v->list.i[i]);
			buf_char(out, ';');
		}
		break;
	case TRACE_ADDRS:
		for (uint32_t i = 0; i < v->list.n; i++) {
			buf_hex(out, v->list.u[i]);
			buf_char(out, ';');
		}
		break;
	default:
		put_strs(out, &v->list);
	}
}

void
line_put(struct buf *out, const struct trace_record *record)
{
	const struct trace_shape *shape = record->shape;

	buf_slice(out, shape->type);
	for (unsigned f = 0; f < shape->fields; f++) {
		buf_char(out, '\t');
		buf_slice(out, shape->field[f].name);
		buf_char(out, '=');
		put_value(out, shape->field[f].kind, &record->value[f]);
	}
	buf_char(out, '\n');
}
