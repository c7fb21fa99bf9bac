#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/num.h"
#include "form/histogram_parts.h"
#include "form/table.h"

/* What is known of a histogram before its bins. */
struct head {
	struct slice key, unit, scale, bits, min, max, bins;
};

/* What is known of a group, and is checked when all bins are there. */
struct group {
	struct hist *hist;
	struct histogram_moments_text moments;
	uint64_t count;
	uint64_t line;
};

struct groups {
	struct group *group;
	size_t n, cap;
};

static int
begin(struct histogram *h, const struct head *head, const struct slice *by, unsigned bys,
    struct error *e)
{
	struct hist_scheme s = { 0 };
	uint64_t n;

	if (slice_eq(head->scale, SLICE("log"))) {
		s.scale = HIST_LOG;
		if (num_u64(head->bits, &n) < 0 || n < 1 || n > HIST_BITS_MAX)
			return error_set(e, "bits is no number from 1 to %d", HIST_BITS_MAX);
		s.bits = (unsigned)n;
	} else if (slice_eq(head->scale, SLICE("log2"))) {
		s.scale = HIST_LOG2;
	} else if (slice_eq(head->scale, SLICE("linear"))) {
		s.scale = HIST_LINEAR;
		if (num_f64(head->min, &s.min) < 0 || num_f64(head->max, &s.max) < 0 ||
		    !isfinite(s.min) || !isfinite(s.max - s.min) || s.min >= s.max)
			return error_set(e, "min and max are no numbers that rise");
		if (num_u64(head->bins, &n) < 0 || n < 1 || n > HIST_BINS_MAX)
			return error_set(e, "bins is no number from 1 to %d", HIST_BINS_MAX);
		s.bins = (uint32_t)n;
	} else {
		return error_set(e, "the scale is none of log, log2, linear");
	}
	histogram_begin(h, head->key, head->unit, by, bys, &s);
	return 0;
}

static int
finish(const struct groups *g, struct error *e)
{
	for (size_t i = 0; i < g->n; i++) {
		struct error what;

		if (g->group[i].hist->count != g->group[i].count)
			return error_set(e,
			    "%" PRIu64 ": count=%" PRIu64 ", but the bins hold %" PRIu64
			    ": a part is missing",
			    g->group[i].line, g->group[i].count, g->group[i].hist->count);
		if (histogram_parse_moments(g->group[i].hist, &g->group[i].moments, &what) < 0)
			return error_set(e, "%" PRIu64 ": %s", g->group[i].line, what.text);
	}
	return 0;
}

static void
add_group(struct groups *g, const struct group *one)
{
	GROW(g->group, g->cap, g->n);
	g->group[g->n++] = *one;
}

/* ---- TSV ---- */

/* The value of the word with this key among n words; p is NULL where there is none. */
static struct slice
word_of(const struct table_word *w, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(w[i].key, slice_of(key)))
			return w[i].value;
	return (struct slice){ NULL, 0 };
}

static int
group_line(
    struct histogram *h, struct groups *g, const struct table_word *w, size_t n, struct error *e)
{
	struct buf name = BUF_INIT;
	struct slice *label;
	struct slice count, nan;
	struct group one = { .line = w->line };
	int r = 0;

	/* The labels stand first, whatever they are called. */
	if (n < 1 + (size_t)h->bys)
		return error_set(e, "%" PRIu64 ": a group without its labels", one.line);
	label = xcalloc(h->bys + 1, sizeof *label);
	for (unsigned i = 0; i < h->bys; i++) {
		label[i] = w[1 + i].value;
		name.n = 0;
		histogram_put_name(&name, h->by[i]);
		if (!slice_eq(w[1 + i].key, buf_view(&name)))
			r = error_set(e, "%" PRIu64 ": the group's label is not called %.*s",
			    one.line, SLICE_ARG(h->by[i]));
	}
	buf_free(&name);
	w += 1 + h->bys;
	n -= 1 + h->bys;
	count = word_of(w, n, "count");
	nan = word_of(w, n, "nan");
	if (r == 0 && num_u64(count, &one.count) < 0)
		r = error_set(e, "%" PRIu64 ": the group has no count", one.line);
	if (r == 0) {
		size_t groups = h->groups;

		one.hist = histogram_group(h, label);
		if (h->bys > 0 ? h->groups == groups : g->n > 0)
			r = error_set(e, "%" PRIu64 ": this group was there before", one.line);
	}
	if (r == 0) {
		if (nan.n > 0 && num_u64(nan, &one.hist->nan) < 0)
			r = error_set(e, "%" PRIu64 ": nan is no count", one.line);
		if (slice_eq(word_of(w, n, "values"), SLICE("real")))
			hist_make_real(one.hist);
		one.hist->full = word_of(w, n, "full").n > 0;
		one.moments = (struct histogram_moments_text){ word_of(w, n, "min"),
			word_of(w, n, "max"), word_of(w, n, "sum"), word_of(w, n, "sum_rest"),
			word_of(w, n, "sum2"), word_of(w, n, "sum2_rest") };
		add_group(g, &one);
	}
	free(label);
	return r;
}

static int
comment_line(
    struct histogram *h, struct groups *g, const struct table_word *w, size_t n, struct error *e)
{
	uint64_t count;

	if (slice_eq(w->key, SLICE("group")) && w->value.n == 0)
		return group_line(h, g, w, n, e);
	if (slice_eq(w->key, SLICE("hist")) && w->value.n == 0)
		return 0;
	if (num_u64(w->value, &count) < 0)
		return 0; /* somebody else's comment */
	if (slice_eq(w->key, SLICE("missing")))
		h->missing += count;
	else if (slice_eq(w->key, SLICE("without")))
		h->without += count;
	else if (slice_eq(w->key, SLICE("lost")))
		histogram_lost(h,
		    n > 1 && slice_eq(w[1].key, SLICE("why")) ? w[1].value : SLICE("unknown"),
		    count);
	return 0;
}

static int
tsv_head(struct histogram *h, struct groups *g, const struct table *t, struct error *e)
{
	const struct table_word *w = t->word;
	struct head head;
	size_t first = 0;
	struct error what;

	while (first < t->words && w[first].line == w[0].line)
		first++;
	if (!slice_eq(t->kind, SLICE("hist")))
		return error_set(e, "1: no histogram: it does not begin with `# hist`");
	if (t->columns < 3 || !slice_eq(t->name[t->columns - 3], SLICE("lo")) ||
	    !slice_eq(t->name[t->columns - 2], SLICE("hi")) ||
	    !slice_eq(t->name[t->columns - 1], SLICE("count")))
		return error_set(
		    e, "%" PRIu64 ": no histogram: the last columns are not lo hi count", t->line);
	head = (struct head){ word_of(w, first, "key"), word_of(w, first, "unit"),
		word_of(w, first, "scale"), word_of(w, first, "bits"), word_of(w, first, "min"),
		word_of(w, first, "max"), word_of(w, first, "bins") };
	if (begin(h, &head, t->name, t->columns - 3, &what) < 0)
		return error_set(e, "1: %s", what.text);
	for (size_t i = first; i < t->words;) {
		size_t n = 1;

		while (i + n < t->words && w[i + n].line == w[i].line)
			n++;
		if (comment_line(h, g, w + i, n, e) < 0)
			return -1;
		i += n;
	}
	return 0;
}

static int
tsv_row(struct histogram *h, const struct groups *g, const struct table *t, struct error *e)
{
	size_t groups = h->groups;
	struct hist *hist = histogram_group(h, t->cell);
	unsigned at = h->bys;
	struct error what;
	double lo, hi;
	uint64_t n;

	if (h->groups != groups || g->n == 0)
		return error_set(e,
		    "%" PRIu64 ": no `# group` line says this group's min, max and sums", t->line);
	if (histogram_parse_bound(t->cell[at], &lo) < 0 ||
	    histogram_parse_bound(t->cell[at + 1], &hi) < 0 || num_u64(t->cell[at + 2], &n) < 0)
		return error_set(e, "%" PRIu64 ": lo, hi and count are no numbers", t->line);
	if (hist_add_bin(hist, lo, hi, n, &what) < 0)
		return error_set(e, "%" PRIu64 ": %s", t->line, what.text);
	return 0;
}

static int
read_tsv(struct histogram *h, struct groups *g, struct table *t, struct error *e)
{
	int got = table_header(t);

	if (got == 0)
		return error_set(e, "no histogram: nothing but comments");
	if (got > 0 && tsv_head(h, g, t, e) < 0)
		return -1;
	while (got > 0 && (got = table_next(t)) > 0)
		if (tsv_row(h, g, t, e) < 0)
			return -1;
	if (got < 0)
		return error_set(e, "%s", t->error.text);
	return finish(g, e);
}

/* ---- JSON ---- */

enum { DEPTH_MAX = 64 };

struct json {
	const char *p, *end;
	const char *counted; /* `line` is that of this place */
	uint64_t line;
	struct arena arena;
	struct error *e;
};

static uint64_t
json_line(struct json *j, const char *at)
{
	for (; j->counted < at; j->counted++)
		j->line += *j->counted == '\n';
	for (; j->counted > at; j->counted--)
		j->line -= j->counted[-1] == '\n';
	return j->line;
}

static int
json_wrong(struct json *j, const char *what)
{
	return error_set(j->e, "%" PRIu64 ": %s", json_line(j, j->p), what);
}

static char
json_peek(struct json *j)
{
	while (j->p < j->end && strchr(" \t\r\n", *j->p) && *j->p)
		j->p++;
	return (char)(j->p < j->end ? *j->p : '\0');
}

static bool
json_take(struct json *j, char c)
{
	if (json_peek(j) != c || j->p == j->end)
		return false;
	j->p++;
	return true;
}

static int
json_hex(struct json *j, unsigned *v)
{
	uint64_t u;

	if (j->end - j->p < 4 || num_hex((struct slice){ j->p, 4 }, &u) < 0)
		return -1;
	j->p += 4;
	*v = (unsigned)u;
	return 0;
}

static void
put_utf8(struct buf *b, unsigned v)
{
	if (v < 0x80) {
		buf_char(b, (char)v);
		return;
	}
	if (v < 0x800) {
		buf_char(b, (char)(0xc0 | v >> 6));
	} else {
		if (v < 0x10000) {
			buf_char(b, (char)(0xe0 | v >> 12));
		} else {
			buf_char(b, (char)(0xf0 | v >> 18));
			buf_char(b, (char)(0x80 | (v >> 12 & 0x3f)));
		}
		buf_char(b, (char)(0x80 | (v >> 6 & 0x3f)));
	}
	buf_char(b, (char)(0x80 | (v & 0x3f)));
}

/* What follows a backslash. */
static int
json_escape(struct json *j, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = (char)(j->p < j->end ? *j->p : '\0');
	const char *at = c ? strchr(from, c) : NULL;
	unsigned v, low;

	j->p += c != '\0';
	if (at) {
		buf_char(b, to[at - from]);
		return 0;
	}
	if (c != 'u' || json_hex(j, &v) < 0)
		return json_wrong(j, "no such escape in a string");
	if (v >= 0xd800 && v < 0xdc00) {
		if (j->end - j->p < 6 || j->p[0] != '\\' || j->p[1] != 'u')
			return json_wrong(j, "half of a surrogate pair");
		j->p += 2;
		if (json_hex(j, &low) < 0 || low < 0xdc00 || low > 0xdfff)
			return json_wrong(j, "half of a surrogate pair");
		v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
	}
	if (v >= 0xdc80 && v < 0xdd00)
		buf_char(b, (char)(v - 0xdc00)); /* a byte that was no UTF-8 */
	else if (v >= 0xdc00 && v < 0xe000)
		return json_wrong(j, "half of a surrogate pair");
	else
		put_utf8(b, v);
	return 0;
}

static int
json_read_string(struct json *j, struct slice *s)
{
	struct buf b = BUF_INIT;

	if (!json_take(j, '"'))
		return json_wrong(j, "no string where one belongs");
	while (j->p < j->end && *j->p != '"') {
		if ((unsigned char)*j->p < ' ') {
			buf_free(&b);
			return json_wrong(j, "a control byte in a string");
		}
		if (*j->p != '\\') {
			buf_char(&b, *j->p++);
			continue;
		}
		j->p++;
		if (json_escape(j, &b) < 0) {
			buf_free(&b);
			return -1;
		}
	}
	*s = arena_copy(&j->arena, buf_view(&b));
	buf_free(&b);
	if (j->p == j->end)
		return json_wrong(j, "a string does not end");
	j->p++;
	return 0;
}

/* A number, true, false or null as it stands there. */
static int
json_word(struct json *j, struct slice *s)
{
	const char *from;
	double d;

	json_peek(j);
	from = j->p;
	while (j->p < j->end && *j->p && !strchr(" \t\r\n,:[]{}\"", *j->p))
		j->p++;
	*s = (struct slice){ from, (size_t)(j->p - from) };
	if (slice_eq(*s, SLICE("null")) || slice_eq(*s, SLICE("true")) ||
	    slice_eq(*s, SLICE("false")))
		return 0;
	/* JSON's numbers begin with a digit or a minus. */
	if (s->n == 0 || (from[0] != '-' && (unsigned)(from[0] - '0') > 9) ||
	    (s->n < 60 && num_f64(*s, &d) < 0))
		return json_wrong(j, "no value where one belongs");
	return 0;
}

/* Text of a scalar; null is empty. */
static int
json_scalar(struct json *j, struct slice *s)
{
	if (json_peek(j) == '"')
		return json_read_string(j, s);
	if (json_word(j, s) < 0)
		return -1;
	if (slice_eq(*s, SLICE("null")))
		s->n = 0;
	return 0;
}

static int
json_u64(struct json *j, uint64_t *v)
{
	struct slice s;

	if (json_scalar(j, &s) < 0)
		return -1;
	return num_u64(s, v) < 0 ? json_wrong(j, "no count where one belongs") : 0;
}

/* Calls member() behind each name of an object; it reads the value. */
static int
json_object(
    struct json *j, int (*member)(struct json *j, struct slice name, void *context), void *context)
{
	struct slice name;

	if (!json_take(j, '{'))
		return json_wrong(j, "no object where one belongs");
	if (json_take(j, '}'))
		return 0;
	do {
		if (json_read_string(j, &name) < 0)
			return -1;
		if (!json_take(j, ':'))
			return json_wrong(j, "no : behind a name");
		if (member(j, name, context) < 0)
			return -1;
	} while (json_take(j, ','));
	return json_take(j, '}') ? 0 : json_wrong(j, "neither , nor } behind a member");
}

static int
json_array(struct json *j, int (*item)(struct json *j, void *context), void *context)
{
	if (!json_take(j, '['))
		return json_wrong(j, "no list where one belongs");
	if (json_take(j, ']'))
		return 0;
	do {
		if (item(j, context) < 0)
			return -1;
	} while (json_take(j, ','));
	return json_take(j, ']') ? 0 : json_wrong(j, "neither , nor ] behind an item");
}

static int json_skip(struct json *j, unsigned depth);

static int
skip_member(struct json *j, struct slice name, void *depth)
{
	(void)name;
	return json_skip(j, *(unsigned *)depth + 1);
}

static int
skip_item(struct json *j, void *depth)
{
	return json_skip(j, *(unsigned *)depth + 1);
}

static int
json_skip(struct json *j, unsigned depth)
{
	struct slice s;
	char c = json_peek(j);

	if (depth > DEPTH_MAX)
		return json_wrong(j, "too deep");
	if (c == '{')
		return json_object(j, skip_member, &depth);
	if (c == '[')
		return json_array(j, skip_item, &depth);
	return json_scalar(j, &s);
}

struct names {
	struct slice *name;
	size_t n, cap;
};

static int
name_item(struct json *j, void *context)
{
	struct names *names = context;

	GROW(names->name, names->cap, names->n);
	return json_read_string(j, &names->name[names->n++]);
}

/* The members of a histogram, and where its groups are, which are read when the rest is known. */
struct json_head {
	struct histogram *h;
	struct head head;
	struct slice kind;
	struct names by;
	const char *groups;
};

struct json_loss {
	struct slice why;
	uint64_t n;
};

static int
loss_member(struct json *j, struct slice name, void *context)
{
	struct json_loss *l = context;

	if (slice_eq(name, SLICE("n")))
		return json_u64(j, &l->n);
	if (slice_eq(name, SLICE("why")))
		return json_read_string(j, &l->why);
	return json_skip(j, 1);
}

static int
loss_item(struct json *j, void *context)
{
	struct json_loss l = { SLICE("unknown"), 0 };

	if (json_object(j, loss_member, &l) < 0)
		return -1;
	histogram_lost(context, l.why, l.n);
	return 0;
}

static int
head_member(struct json *j, struct slice name, void *context)
{
	struct json_head *h = context;
	const struct {
		const char *name;
		struct slice *to;
	} scalar[] = { { "kind", &h->kind }, { "key", &h->head.key }, { "unit", &h->head.unit },
		{ "scale", &h->head.scale }, { "bits", &h->head.bits }, { "min", &h->head.min },
		{ "max", &h->head.max }, { "bins", &h->head.bins } };

	for (size_t i = 0; i < sizeof scalar / sizeof *scalar; i++)
		if (slice_eq(name, slice_of(scalar[i].name)))
			return json_scalar(j, scalar[i].to);
	if (slice_eq(name, SLICE("by")))
		return json_array(j, name_item, &h->by);
	if (slice_eq(name, SLICE("lost")))
		return json_array(j, loss_item, h->h);
	if (slice_eq(name, SLICE("missing")))
		return json_u64(j, &h->h->missing);
	if (slice_eq(name, SLICE("without")))
		return json_u64(j, &h->h->without);
	if (slice_eq(name, SLICE("groups")))
		h->groups = (json_peek(j), j->p);
	return json_skip(j, 1);
}

struct json_group {
	struct histogram *h;
	struct groups *all;
	struct group group;
	struct names label;
	struct slice values;
	uint64_t nan, full;
	const char *bins;
};

static int
group_member(struct json *j, struct slice name, void *context)
{
	struct json_group *g = context;
	struct histogram_moments_text *m = &g->group.moments;
	const struct {
		const char *name;
		struct slice *to;
	} scalar[] = { { "values", &g->values }, { "min", &m->min }, { "max", &m->max },
		{ "sum", &m->sum }, { "sum_rest", &m->sum_rest }, { "sum2", &m->sum2 },
		{ "sum2_rest", &m->sum2_rest } };

	for (size_t i = 0; i < sizeof scalar / sizeof *scalar; i++)
		if (slice_eq(name, slice_of(scalar[i].name)))
			return json_scalar(j, scalar[i].to);
	if (slice_eq(name, SLICE("label")))
		return json_array(j, name_item, &g->label);
	if (slice_eq(name, SLICE("count")))
		return json_u64(j, &g->group.count);
	if (slice_eq(name, SLICE("nan")))
		return json_u64(j, &g->nan);
	if (slice_eq(name, SLICE("full")))
		return json_u64(j, &g->full);
	if (slice_eq(name, SLICE("bins")))
		g->bins = (json_peek(j), j->p);
	return json_skip(j, 1);
}

static int
bin_item(struct json *j, void *context)
{
	struct slice lo, hi, n;
	struct error what;
	double low, high;
	uint64_t count;

	if (!json_take(j, '[') || json_scalar(j, &lo) < 0 || !json_take(j, ',') ||
	    json_scalar(j, &hi) < 0 || !json_take(j, ',') || json_scalar(j, &n) < 0 ||
	    !json_take(j, ']'))
		return json_wrong(j, "a bin is no [lo,hi,count]");
	if (histogram_parse_bound(lo, &low) < 0 || histogram_parse_bound(hi, &high) < 0 ||
	    num_u64(n, &count) < 0)
		return json_wrong(j, "lo, hi and count are no numbers");
	if (hist_add_bin(context, low, high, count, &what) < 0)
		return json_wrong(j, what.text);
	return 0;
}

static int
fill_group(struct json *j, struct json_group *g)
{
	size_t groups = g->h->groups;
	const char *back = j->p;

	if (g->label.n != g->h->bys)
		return json_wrong(j, "a group has not as many labels as `by` has names");
	if (g->bins == NULL)
		return json_wrong(j, "a group without bins");
	g->group.hist = histogram_group(g->h, g->label.name);
	if (g->h->bys > 0 ? g->h->groups == groups : g->all->n > 0)
		return json_wrong(j, "this group was there before");
	g->group.hist->nan = g->nan;
	g->group.hist->full = g->full > 0;
	if (slice_eq(g->values, SLICE("real")))
		hist_make_real(g->group.hist);
	j->p = g->bins;
	if (json_array(j, bin_item, g->group.hist) < 0)
		return -1;
	j->p = back;
	add_group(g->all, &g->group);
	return 0;
}

struct json_groups {
	struct histogram *h;
	struct groups *all;
};

static int
group_item(struct json *j, void *context)
{
	const struct json_groups *all = context;
	struct json_group g = { .h = all->h, .all = all->all };
	int r;

	json_peek(j);
	g.group.line = json_line(j, j->p);
	r = json_object(j, group_member, &g);
	if (r == 0)
		r = fill_group(j, &g);
	free(g.label.name);
	return r;
}

static int
read_json(struct histogram *h, struct groups *g, struct json *j)
{
	struct json_head head = { .h = h };
	struct json_groups all = { h, g };
	struct error what;
	int r = json_object(j, head_member, &head);

	if (r == 0 && !slice_eq(head.kind, SLICE("hist")))
		r = json_wrong(j, "no histogram: \"kind\" is not \"hist\"");
	if (r == 0 && (json_peek(j), j->p < j->end))
		r = json_wrong(j, "something stands behind the histogram");
	if (r == 0 && head.groups == NULL)
		r = json_wrong(j, "no histogram: it has no groups");
	if (r == 0 && begin(h, &head.head, head.by.name, (unsigned)head.by.n, &what) < 0)
		r = error_set(j->e, "1: %s", what.text);
	free(head.by.name);
	if (r < 0)
		return -1;
	j->p = head.groups;
	if (json_array(j, group_item, &all) < 0)
		return -1;
	return finish(g, j->e);
}

/* ---- */

static int
slurp(struct buf *b, int fd, struct error *e)
{
	ssize_t got;

	do {
		got = io_read(fd, buf_room(b, 64 << 10), 64 << 10);
		if (got < 0)
			return error_set(e, "%s", strerror(errno));
		b->n += (size_t)got;
	} while (got > 0);
	return 0;
}

int
histogram_read(struct histogram *h, int fd, const void *first, size_t n, struct error *e)
{
	struct groups g = { 0 };
	const char *p = first;
	char c;
	int r;

	if (n == 0) {
		ssize_t got = io_read(fd, &c, 1);

		if (got < 0)
			return error_set(e, "%s", strerror(errno));
		p = &c;
		n = (size_t)got;
	}
	if (n > 0 && *p == '{') {
		struct buf b = BUF_INIT;
		struct json j = { .e = e, .line = 1 };

		buf_put(&b, p, n);
		r = slurp(&b, fd, e);
		j.p = j.counted = b.p;
		j.end = b.p + b.n;
		if (r == 0)
			r = read_json(h, &g, &j);
		arena_free(&j.arena);
		buf_free(&b);
	} else {
		struct table *t = table_new(fd, p, n);

		r = read_tsv(h, &g, t, e);
		table_free(t);
	}
	free(g.group);
	return r;
}
