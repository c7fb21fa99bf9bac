#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/num.h"
#include "experiment/verdict.h"

enum { SEEN_MAX = 8 };

struct condition {
	struct slice name, value;
	int column; /* in the present table */
};

/* One row that is looked for, and what was found of it. */
struct lookup {
	const char *what; /* "where" or "over" */
	struct condition *condition;
	size_t conditions;
	struct slice column;
	int place; /* of column in the present table */

	size_t tables; /* that have all columns */
	uint64_t rows; /* in which all conditions hold */
	struct slice cell, first, second;
	struct slice *row; /* the first, while no second is there, to say in what they differ */
	size_t row_cap;
	struct slice differ;
	struct slice missing; /* the first table without a column: which one, and what there is */

	/* Rows in which the first `deep` conditions held and no further: what they had instead. */
	size_t deep;
	struct slice seen[SEEN_MAX];
	size_t seens; /* SEEN_MAX + 1: more than that */
};

struct verdict_parts {
	double lo, hi; /* what is allowed */
	bool lo_open, hi_open;
	struct lookup where, below;
	bool divided;
};

struct verdict_memory {
	struct arena arena;
	size_t cap;
	struct slice path; /* of the present table */
};

/* ---- the table of claims ---- */

static int
number(struct slice s, double *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	struct slice digits = { s.p + minus, s.n - minus };
	uint64_t n;

	if (num_f64(s, out) == 0)
		return isfinite(*out) ? 0 : -1;
	if (num_duration(digits, &n) != 0 && num_size(digits, &n) != 0)
		return -1;
	*out = minus ? -(double)n : (double)n;
	return 0;
}

static bool
cut_start(struct slice *s, struct slice prefix)
{
	if (!slice_starts(*s, prefix))
		return false;
	*s = slice_trim((struct slice){ s->p + prefix.n, s->n - prefix.n });
	return true;
}

/* Cuts s at a word: what stands before and behind. */
static bool
cut_at(struct slice s, struct slice word, struct slice *before, struct slice *behind)
{
	const char *at = s.n ? memmem(s.p, s.n, word.p, word.n) : NULL;

	if (at == NULL)
		return false;
	*before = slice_trim((struct slice){ s.p, (size_t)(at - s.p) });
	*behind = slice_trim((struct slice){ at + word.n, (size_t)(s.p + s.n - at) - word.n });
	return true;
}

static int
parse_bound(struct verdict_parts *p, struct slice s, bool upper, bool open, struct error *e)
{
	double v;

	if (number(s, &v) < 0)
		return error_set(e, "expect: '%.*s' is no number", SLICE_ARG(s));
	if (upper)
		p->hi = v, p->hi_open = open;
	else
		p->lo = v, p->lo_open = open;
	return 0;
}

static int
parse_tolerance(struct verdict_parts *p, struct slice s, struct error *e)
{
	struct slice digits = s;
	bool share = slice_ends(s, SLICE("%"));
	double v;

	digits.n -= share;
	if (number(slice_trim(digits), &v) < 0 || v < 0)
		return error_set(e,
		    "tolerance: '%.*s' is neither a number nor a share such as 10%%", SLICE_ARG(s));
	if (share)
		v *= fabs(p->lo) / 100;
	p->lo -= v;
	p->hi += v;
	return 0;
}

static int
parse_expect(struct verdict_parts *p, struct slice s, struct slice tolerance, struct error *e)
{
	struct slice lo, hi;
	bool bound = true;

	p->lo = -INFINITY;
	p->hi = INFINITY;
	if (s.n == 0)
		return error_set(e, "expect is empty: a number, >=N, <=N, >N, <N or LO..HI");
	if (cut_start(&s, SLICE(">=")) || cut_start(&s, SLICE("≥"))) {
		if (parse_bound(p, s, false, false, e) < 0)
			return -1;
	} else if (cut_start(&s, SLICE("<=")) || cut_start(&s, SLICE("≤"))) {
		if (parse_bound(p, s, true, false, e) < 0)
			return -1;
	} else if (cut_start(&s, SLICE(">"))) {
		if (parse_bound(p, s, false, true, e) < 0)
			return -1;
	} else if (cut_start(&s, SLICE("<"))) {
		if (parse_bound(p, s, true, true, e) < 0)
			return -1;
	} else if (cut_at(s, SLICE(".."), &lo, &hi)) {
		if (parse_bound(p, lo, false, false, e) < 0 ||
		    parse_bound(p, hi, true, false, e) < 0)
			return -1;
		if (p->lo > p->hi)
			return error_set(e, "expect: %.*s: LO is above HI", SLICE_ARG(s));
	} else {
		bound = false;
		if (cut_at(s, SLICE("±"), &lo, &hi) || cut_at(s, SLICE("+-"), &lo, &hi)) {
			if (tolerance.n > 0)
				return error_set(e, "two tolerances: %.*s in expect, and %.*s",
				    SLICE_ARG(hi), SLICE_ARG(tolerance));
			s = lo;
			tolerance = hi;
		}
		if (parse_bound(p, s, false, false, e) < 0)
			return -1;
		p->hi = p->lo;
	}
	if (tolerance.n == 0)
		return 0;
	if (bound)
		return error_set(e, "a tolerance is for a number, and not for a bound (%.*s)",
		    SLICE_ARG(tolerance));
	return parse_tolerance(p, tolerance, e);
}

/* Words COLUMN=VALUE: how many, or -1. */
static int
parse_conditions(struct verdicts *c, struct lookup *l, struct slice s, struct error *e)
{
	struct arena *a = &c->memory->arena;
	size_t cap = 0;

	s = slice_trim(s);
	while (s.n > 0) {
		struct condition new = { .column = -1 };
		size_t i = 0;

		while (i < s.n && s.p[i] != '=' && s.p[i] != ' ' && s.p[i] != '\t')
			i++;
		if (i == 0 || i == s.n || s.p[i] != '=')
			return error_set(e, "%s: '%.*s' is no COLUMN=VALUE", l->what, (int)i, s.p);
		new.name = arena_copy(a, (struct slice){ s.p, i });
		s = (struct slice){ s.p + i + 1, s.n - i - 1 };
		if (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
			const char *end = memchr(s.p + 1, s.p[0], s.n - 1);

			if (end == NULL)
				return error_set(
				    e, "%s: %c is not closed: %.*s", l->what, s.p[0], SLICE_ARG(s));
			i = (size_t)(end - s.p);
			new.value = arena_copy(a, (struct slice){ s.p + 1, i - 1 });
			i++;
			if (i < s.n && s.p[i] != ' ' && s.p[i] != '\t')
				return error_set(
				    e, "%s: no blank behind %.*s", l->what, (int)i, s.p);
		} else {
			for (i = 0; i < s.n && s.p[i] != ' ' && s.p[i] != '\t';)
				i++;
			new.value = arena_copy(a, (struct slice){ s.p, i });
		}
		s = slice_trim((struct slice){ s.p + i, s.n - i });
		GROW(l->condition, cap, l->conditions);
		l->condition[l->conditions++] = new;
	}
	return 0;
}

enum { CLAIM, WHERE, OVER, COLUMN, EXPECT, TOLERANCE, NOTE, COLUMNS };
static const struct slice column_name[COLUMNS] = { { "claim", 5 }, { "where", 5 }, { "over", 4 },
	{ "column", 6 }, { "expect", 6 }, { "tolerance", 9 }, { "note", 4 } };

static int
find_columns(const struct table *t, int at[COLUMNS], struct error *e)
{
	for (unsigned i = 0; i < t->columns; i++) {
		bool known = false;

		for (unsigned k = 0; k < COLUMNS; k++)
			known |= slice_eq(t->name[i], column_name[k]);
		if (!known)
			return error_set(e,
			    "%" PRIu64
			    ": no column of claims is called '%.*s'; they are: claim where "
			    "over column expect tolerance note",
			    t->line, SLICE_ARG(t->name[i]));
	}
	for (unsigned k = 0; k < COLUMNS; k++) {
		at[k] = -1;
		for (unsigned i = 0; i < t->columns; i++)
			if (slice_eq(t->name[i], column_name[k])) {
				if (at[k] >= 0)
					return error_set(e, "%" PRIu64 ": two columns %.*s",
					    t->line, SLICE_ARG(t->name[i]));
				at[k] = (int)i;
			}
		if (at[k] < 0 && k != OVER && k != TOLERANCE && k != NOTE)
			return error_set(e,
			    "%" PRIu64 ": no column %.*s: a table of claims begins with "
			    "claim,where,over,column,expect,tolerance",
			    t->line, SLICE_ARG(column_name[k]));
	}
	return 0;
}

static struct slice
cell(const struct table *t, const int at[COLUMNS], int k)
{
	return at[k] < 0 ? SLICE("") : slice_trim(t->cell[at[k]]);
}

static struct slice
unknown_name(struct arena *a, uint64_t line)
{
	char text[40];

	snprintf(text, sizeof text, "(line %" PRIu64 ")", line);
	return arena_copy(a, slice_of(text));
}

static void
parse_row(
    struct verdicts *c, const struct table *t, const int at[COLUMNS], struct verdict_claim *one)
{
	struct verdict_parts *p = one->parts;
	struct arena *a = &c->memory->arena;
	struct slice expect = cell(t, at, EXPECT), tolerance = cell(t, at, TOLERANCE),
		     over = cell(t, at, OVER), column = cell(t, at, COLUMN), below;
	struct error *e = &one->error;
	struct buf b = BUF_INIT;

	if (cell(t, at, CLAIM).n > 0)
		one->claim = arena_copy(a, cell(t, at, CLAIM));
	buf_slice(&b, expect);
	if (tolerance.n > 0) {
		buf_slice(&b, SLICE("±"));
		buf_slice(&b, tolerance);
	}
	one->expect = arena_copy(a, buf_view(&b));
	buf_free(&b);
	p->where.what = "where";
	p->below.what = "over";
	if (column.n == 0) {
		error_set(e, "column is empty: it names the column of the value");
		return;
	}
	p->where.column = p->below.column = arena_copy(a, column);
	if (parse_expect(p, expect, tolerance, e) < 0 ||
	    parse_conditions(c, &p->where, cell(t, at, WHERE), e) < 0 ||
	    parse_conditions(c, &p->below, over, e) < 0)
		return;
	p->divided = over.n > 0;
	if (cut_at(p->where.column, SLICE("/"), &column, &below) && column.n > 0 && below.n > 0) {
		p->where.column = column;
		p->below.column = below;
		if (!p->divided && parse_conditions(c, &p->below, cell(t, at, WHERE), e) < 0)
			return;
		p->divided = true;
	}
}

struct verdicts *
verdict_read(int fd, struct error *e)
{
	struct verdicts *c = xcalloc(1, sizeof *c);
	struct table *t = table_new(fd, NULL, 0);
	int at[COLUMNS], got = table_header(t);

	c->memory = xcalloc(1, sizeof *c->memory);
	if (got < 0)
		error_set(e, "%s", t->error.text);
	else if (got == 0)
		got = error_set(e, "1: no claims: a table of them begins with "
				   "claim,where,over,column,expect,tolerance");
	else
		got = find_columns(t, at, e);
	while (got >= 0 && (got = table_next(t)) != 0) {
		struct verdict_claim one = {
			.line = t->line, .got = SLICE("-"), .verdict = VERDICT_UNKNOWN
		};

		/* A comment between the rows of CSV is a row of another length. */
		if (!table_failed(t) && slice_starts(t->cell[0], SLICE("#"))) {
			got = 1;
			continue;
		}
		one.parts = xcalloc(1, sizeof *one.parts);
		one.claim = unknown_name(&c->memory->arena, t->line);
		one.expect = SLICE("-");
		if (got > 0) {
			parse_row(c, t, at, &one);
		} else {
			/* (its text begins with the line, which is said anyway) */
			struct slice text = slice_of(t->error.text), line = slice_cut(&text, ':');

			error_set(&one.error, "%s", text.n ? slice_trim(text).p : line.p);
		}
		GROW(c->one, c->memory->cap, c->n);
		c->one[c->n++] = one;
		got = table_failed(t) ? 0 : 1;
		if (got == 0)
			break;
	}
	table_free(t);
	if (got < 0) {
		verdict_free(c);
		return NULL;
	}
	if (c->n == 0) {
		verdict_free(c);
		error_set(e, "1: no claims: there is nothing but a header");
		return NULL;
	}
	return c;
}

/* ---- the tables of results ---- */

static struct slice
missing_column(struct verdicts *c, const struct table *t, struct slice name)
{
	struct buf b = BUF_INIT;
	struct slice s;

	buf_printf(
	    &b, "%.*s has no column %.*s; there are:", SLICE_ARG(c->memory->path), SLICE_ARG(name));
	for (unsigned i = 0; i < t->columns && i < 64; i++)
		buf_printf(&b, " %.*s", SLICE_ARG(t->name[i]));
	s = arena_copy(&c->memory->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* Where the columns of a lookup are in this table; place is -1 where it has not all. */
static void
place(struct verdicts *c, const struct table *t, struct lookup *l)
{
	l->place = table_column(t, l->column);
	if (l->place < 0 && l->missing.n == 0)
		l->missing = missing_column(c, t, l->column);
	for (size_t i = 0; i < l->conditions; i++) {
		l->condition[i].column = table_column(t, l->condition[i].name);
		if (l->condition[i].column >= 0)
			continue;
		l->place = -1;
		if (l->missing.n == 0)
			l->missing = missing_column(c, t, l->condition[i].name);
	}
	l->tables += l->place >= 0;
}

void
verdict_table(struct verdicts *c, const struct table *t, const char *path)
{
	c->memory->path = arena_copy(&c->memory->arena, slice_of(path));
	for (size_t i = 0; i < c->n; i++) {
		struct verdict_claim *one = &c->one[i];

		if (one->error.text[0])
			continue;
		place(c, t, &one->parts->where);
		if (one->parts->divided)
			place(c, t, &one->parts->below);
	}
}

static struct slice
place_of(struct verdicts *c, const struct table *t)
{
	struct buf b = BUF_INIT;
	struct slice s;

	buf_printf(&b, "%.*s:%" PRIu64, SLICE_ARG(c->memory->path), t->line);
	s = arena_copy(&c->memory->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

static void
found(struct verdicts *c, const struct table *t, struct lookup *l)
{
	struct arena *a = &c->memory->arena;

	if (l->rows++ == 0) {
		l->first = place_of(c, t);
		l->cell = arena_copy(a, t->cell[l->place]);
		for (unsigned i = 0; i < t->columns; i++) {
			GROW(l->row, l->row_cap, i);
			l->row[i] = arena_copy(a, t->cell[i]);
		}
	} else if (l->rows == 2) {
		struct buf b = BUF_INIT;

		l->second = place_of(c, t);
		for (unsigned i = 0; i < t->columns && i < l->row_cap; i++)
			if ((int)i != l->place && !slice_eq(l->row[i], t->cell[i])) {
				buf_printf(&b, "%.*s=%.*s and %.*s", SLICE_ARG(t->name[i]),
				    SLICE_ARG(l->row[i]), SLICE_ARG(t->cell[i]));
				break;
			}
		l->differ = arena_copy(a, buf_view(&b));
		buf_free(&b);
	}
}

static void
look(struct verdicts *c, const struct table *t, struct lookup *l)
{
	struct slice v;
	size_t i = 0;

	if (l->place < 0)
		return;
	while (
	    i < l->conditions && slice_eq(t->cell[l->condition[i].column], l->condition[i].value))
		i++;
	if (i == l->conditions) {
		found(c, t, l);
		return;
	}
	if (i < l->deep || l->rows > 0 || (i == l->deep && l->seens > SEEN_MAX))
		return;
	if (i > l->deep)
		l->seens = 0;
	l->deep = i;
	v = t->cell[l->condition[i].column];
	for (size_t k = 0; k < l->seens && k < SEEN_MAX; k++)
		if (slice_eq(l->seen[k], v))
			return;
	if (l->seens < SEEN_MAX)
		l->seen[l->seens] = arena_copy(&c->memory->arena, v);
	l->seens += l->seens <= SEEN_MAX;
}

void
verdict_row(struct verdicts *c, const struct table *t)
{
	for (size_t i = 0; i < c->n; i++) {
		struct verdict_claim *one = &c->one[i];

		if (one->error.text[0])
			continue;
		look(c, t, &one->parts->where);
		if (one->parts->divided)
			look(c, t, &one->parts->below);
	}
}

/* ---- verdicts ---- */

static int
no_row(const struct lookup *l, struct error *e)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s: no row has", l->what);
	for (size_t i = 0; i < l->conditions && i <= l->deep; i++)
		buf_printf(&b, " %.*s=%.*s", SLICE_ARG(l->condition[i].name),
		    SLICE_ARG(l->condition[i].value));
	if (l->conditions == 0)
		buf_printf(&b, " anything: the table is empty");
	else if (l->seens == 0)
		buf_printf(&b, ": the table is empty");
	else
		buf_printf(&b, "; there %s:", l->deep == 0 ? "are" : "are with the first");
	for (size_t k = 0; k < l->seens && k < SEEN_MAX; k++)
		buf_printf(&b, " %.*s", SLICE_ARG(l->seen[k]));
	if (l->seens > SEEN_MAX)
		buf_printf(&b, " ...");
	error_set(e, "%s", buf_str(&b));
	buf_free(&b);
	return -1;
}

static int
value(const struct lookup *l, double *v, struct error *e)
{
	if (l->tables == 0)
		return error_set(
		    e, "%s: %s", l->what, l->missing.n ? l->missing.p : "the table is empty");
	if (l->rows == 0)
		return no_row(l, e);
	if (l->rows > 1)
		return error_set(e, "%s: %" PRIu64 " rows, %.*s and %.*s%s: one is needed%s%.*s",
		    l->what, l->rows, SLICE_ARG(l->first), SLICE_ARG(l->second),
		    l->rows > 2 ? ", ..." : "", l->differ.n ? "; they differ in " : "",
		    SLICE_ARG(l->differ));
	if (num_f64(slice_trim(l->cell), v) < 0 || isnan(*v))
		return error_set(e, "%s: %.*s: '%.*s' in column %.*s is no number", l->what,
		    SLICE_ARG(l->first), SLICE_ARG(l->cell), SLICE_ARG(l->column));
	return 0;
}

static bool
allowed(const struct verdict_parts *p, double v)
{
	return (p->lo_open ? v > p->lo : v >= p->lo) && (p->hi_open ? v < p->hi : v <= p->hi);
}

static int
judge(struct verdicts *c, struct verdict_claim *one)
{
	struct verdict_parts *p = one->parts;
	struct buf b = BUF_INIT;
	struct slice text;
	double v, w, shown;

	if (one->error.text[0] || value(&p->where, &v, &one->error) < 0 ||
	    (p->divided && value(&p->below, &w, &one->error) < 0))
		return -1;
	if (p->divided && w == 0)
		return error_set(&one->error, "%s: %.*s is 0, by which nothing can be divided",
		    p->below.what, SLICE_ARG(p->below.column));
	if (p->divided) {
		v /= w;
		/* Six digits are for people, unless rounding would hide the reason. */
		buf_printf(&b, "%.6g", v);
		if (num_f64(buf_view(&b), &shown) < 0 || allowed(p, shown) != allowed(p, v)) {
			b.n = 0;
			buf_f64(&b, v);
		}
		text = buf_view(&b);
	} else {
		text = slice_trim(p->where.cell);
	}
	one->got = arena_copy(&c->memory->arena, text);
	one->verdict = allowed(p, v) ? VERDICT_HOLDS : VERDICT_FAILS;
	buf_free(&b);
	return 0;
}

void
verdict_judge(struct verdicts *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (judge(c, &c->one[i]) < 0)
			c->one[i].verdict = VERDICT_UNKNOWN;
		c->count[c->one[i].verdict]++;
	}
}

const char *
verdict_word(enum verdict_kind v)
{
	static const char *const word[] = { "holds", "fails", "unknown" };

	return word[v];
}

/* ---- tables of verdicts ---- */

void
verdict_put_tsv(const struct verdicts *c, struct buf *to)
{
	buf_printf(to, "claim\texpect\tgot\tverdict\n");
	for (size_t i = 0; i < c->n; i++) {
		table_put_cell(to, c->one[i].claim);
		buf_char(to, '\t');
		table_put_cell(to, c->one[i].expect);
		buf_char(to, '\t');
		table_put_cell(to, c->one[i].got);
		buf_printf(to, "\t%s\n", verdict_word(c->one[i].verdict));
	}
}

/* Bytes that begin a character: columns are as wide as people see them, in nearly all languages. */
static size_t
width(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
summary(const struct verdicts *c, struct buf *to)
{
	buf_printf(to, "%zu of %zu claim%s hold%s", c->count[VERDICT_HOLDS], c->n,
	    c->n == 1 ? "" : "s", c->count[VERDICT_HOLDS] == 1 ? "s" : "");
	if (c->count[VERDICT_UNKNOWN] > 0)
		buf_printf(to, ", %zu unknown", c->count[VERDICT_UNKNOWN]);
	buf_printf(to, "\n");
}

void
verdict_put_text(const struct verdicts *c, struct buf *to)
{
	static const struct verdict_claim head = {
		.claim = { "claim", 5 }, .expect = { "expect", 6 }, .got = { "got", 3 }
	};
	size_t wide[3] = { 0 };

	for (size_t i = 0; i <= c->n; i++) {
		const struct verdict_claim *one = i ? &c->one[i - 1] : &head;
		const struct slice s[3] = { one->claim, one->expect, one->got };

		for (size_t k = 0; k < 3; k++)
			wide[k] = width(s[k]) > wide[k] ? width(s[k]) : wide[k];
	}
	for (size_t i = 0; i <= c->n; i++) {
		const struct verdict_claim *one = i ? &c->one[i - 1] : &head;
		const struct slice s[3] = { one->claim, one->expect, one->got };

		for (size_t k = 0; k < 3; k++) {
			/* Numbers to the right. */
			if (k == 2)
				buf_printf(to, "%*s", (int)(wide[k] - width(s[k])), "");
			table_put_cell(to, s[k]);
			buf_printf(to, "%*s", (int)(k == 2 ? 2 : wide[k] - width(s[k]) + 2), "");
		}
		buf_printf(to, "%s\n", i ? verdict_word(one->verdict) : "verdict");
	}
	summary(c, to);
}

static void
put_markdown(struct buf *to, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (strchr("\\|*_<>`[]", s.p[i]) && s.p[i])
			buf_char(to, '\\');
		buf_char(to, s.p[i] == '\n' ? ' ' : s.p[i]);
	}
	buf_printf(to, " | ");
}

void
verdict_put_markdown(const struct verdicts *c, struct buf *to)
{
	buf_printf(to, "| claim | expected | got | verdict |\n|---|---|---:|---|\n");
	for (size_t i = 0; i < c->n; i++) {
		const struct verdict_claim *one = &c->one[i];

		buf_printf(to, "| ");
		put_markdown(to, one->claim);
		put_markdown(to, one->expect);
		put_markdown(to, one->got);
		buf_printf(to, one->verdict == VERDICT_HOLDS ? "%s |\n" : "**%s** |\n",
		    verdict_word(one->verdict));
	}
	buf_printf(to, "\n");
	summary(c, to);
}

void
verdict_free(struct verdicts *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct verdict_parts *p = c->one[i].parts;

		free(p->where.condition);
		free(p->below.condition);
		free(p->where.row);
		free(p->below.row);
		free(p);
	}
	free(c->one);
	arena_free(&c->memory->arena);
	free(c->memory);
	free(c);
}
