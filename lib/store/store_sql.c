#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "form/table.h"
#include "stat/resample.h"
#include "store/store_runs.h"
#include "store/store_sql.h"

/* ---- functions ---- */

/* What median, quantile and stddev have seen of a group. */
struct group {
	double *value, q;
	size_t n, cap;
};

static void
group_step(sqlite3_context *context, int args, sqlite3_value **arg)
{
	struct group *g = sqlite3_aggregate_context(context, sizeof *g);

	if (g == NULL || sqlite3_value_numeric_type(arg[0]) == SQLITE_NULL)
		return;
	if (sqlite3_value_numeric_type(arg[0]) == SQLITE_TEXT ||
	    sqlite3_value_numeric_type(arg[0]) == SQLITE_BLOB) {
		sqlite3_result_error(context, "median, quantile, stddev: not a number", -1);
		return;
	}
	g->q = args > 1 ? sqlite3_value_double(arg[1]) : 0.5;
	if (!(g->q >= 0 && g->q <= 1)) {
		sqlite3_result_error(context, "quantile(x, q): q is from 0 to 1", -1);
		return;
	}
	GROW(g->value, g->cap, g->n);
	g->value[g->n++] = sqlite3_value_double(arg[0]);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
result_number(sqlite3_context *context, double v)
{
	if (v == trunc(v) && fabs(v) < 0x1p53)
		sqlite3_result_int64(context, (int64_t)v);
	else
		sqlite3_result_double(context, v);
}

static void
quantile_final(sqlite3_context *context)
{
	struct group *g = sqlite3_aggregate_context(context, 0);
	struct resample_sample s = { .mean = NAN };

	if (g == NULL)
		return;
	if (g->n > 0) {
		qsort(g->value, g->n, sizeof *g->value, by_value);
		s.value = g->value;
		s.n = g->n;
		result_number(context, resample_statistic(&s, g->q));
	}
	free(g->value);
}

static void
stddev_final(sqlite3_context *context)
{
	struct group *g = sqlite3_aggregate_context(context, 0);
	double mean = 0, sum = 0;

	if (g == NULL)
		return;
	for (size_t i = 0; i < g->n; i++)
		mean += g->value[i] / (double)g->n;
	for (size_t i = 0; i < g->n; i++)
		sum += (g->value[i] - mean) * (g->value[i] - mean);
	if (g->n > 1)
		sqlite3_result_double(context, sqrt(sum / (double)(g->n - 1)));
	free(g->value);
}

static void
addr(sqlite3_context *context, int args, sqlite3_value **arg)
{
	char text[24];

	(void)args;
	if (sqlite3_value_type(arg[0]) != SQLITE_INTEGER)
		return;
	snprintf(text, sizeof text, "0x%llx", (unsigned long long)sqlite3_value_int64(arg[0]));
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void
add_functions(sqlite3 *db)
{
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

	sqlite3_create_function(db, "median", 1, flags, NULL, NULL, group_step, quantile_final);
	sqlite3_create_function(db, "quantile", 2, flags, NULL, NULL, group_step, quantile_final);
	sqlite3_create_function(db, "stddev", 1, flags, NULL, NULL, group_step, stddev_final);
	sqlite3_create_function(db, "addr", 1, flags, NULL, addr, NULL, NULL);
}

/* ---- the table results ---- */

/* Levels that are numbers, and written as such, are compared as numbers. */
static void
bind_level(sqlite3_stmt *q, int parameter, struct slice level)
{
	struct buf b = BUF_INIT;
	int64_t i;
	double v;

	if (level.p && num_i64(level, &i) == 0)
		buf_i64(&b, i);
	if (b.n > 0 && slice_eq(buf_view(&b), level)) {
		sqlite3_bind_int64(q, parameter, i);
		buf_free(&b);
		return;
	}
	b.n = 0;
	if (level.p && num_f64(level, &v) == 0 && isfinite(v) && v != trunc(v))
		buf_f64(&b, v);
	if (b.n > 0 && slice_eq(buf_view(&b), level))
		sqlite3_bind_double(q, parameter, v);
	else
		store_bind(q, parameter, level);
	buf_free(&b);
}

static void
bind_value(sqlite3_stmt *q, int parameter, const struct store_value *v)
{
	switch (v->kind) {
	case STORE_INT:
		sqlite3_bind_int64(q, parameter, v->i);
		break;
	case STORE_REAL:
		sqlite3_bind_double(q, parameter, v->real);
		break;
	case STORE_TEXT:
		store_bind(q, parameter, v->text);
		break;
	case STORE_NONE:
		sqlite3_bind_null(q, parameter);
		break;
	}
}

static void
bind_known(sqlite3_stmt *q, int parameter, int64_t v)
{
	if (v >= 0)
		sqlite3_bind_int64(q, parameter, v);
	else
		sqlite3_bind_null(q, parameter);
}

static void
bind_run(sqlite3_stmt *q, const struct store_runs *r, const struct store_run *x)
{
	int at = 1;

	store_bind(q, at++, x->experiment);
	store_bind(q, at++, x->name);
	for (unsigned i = 0; i < r->factors; i++)
		bind_level(q, at++, x->level[i]);
	bind_known(q, at++, x->rep);
	bind_known(q, at++, x->position);
	sqlite3_bind_int64(q, at++, x->dry);
	sqlite3_bind_int64(q, at++, x->failed);
	bind_known(q, at++, x->attempt);
	store_bind(q, at++, x->host);
	bind_known(q, at++, x->started_ns);
	sqlite3_bind_int64(q, at++, x->lost);
	for (unsigned i = 0; i < r->metrics; i++)
		bind_value(q, at++, &x->value[i]);
	sqlite3_bind_int64(q, at++, x->id);
}

static void
put_quoted(struct buf *b, struct slice name)
{
	buf_char(b, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			buf_char(b, '"');
		buf_char(b, name.p[i]);
	}
	buf_char(b, '"');
}

static int
fill_results(struct store *s, struct store_runs *r, struct error *e)
{
	struct buf make = BUF_INIT, insert = BUF_INIT;
	sqlite3_stmt *q = NULL;
	size_t columns;
	struct slice *title = store_runs_columns(r, &columns);
	int got;

	buf_slice(&make, SLICE("PRAGMA temp_store = memory; CREATE TEMP TABLE results("));
	buf_slice(&insert, SLICE("INSERT INTO temp.results VALUES("));
	for (size_t i = 0; i < columns; i++) {
		put_quoted(&make, title[i]);
		buf_slice(&make, SLICE(", "));
		buf_slice(&insert, SLICE("?, "));
	}
	buf_slice(&make, SLICE("run)"));
	buf_slice(&insert, SLICE("?)"));
	got = store_exec(s, buf_str(&make), e);
	if (got == 0 && (q = store_prepare(s, buf_str(&insert), e)) == NULL)
		got = -1;
	for (size_t i = 0; got == 0 && i < r->runs; i++) {
		bind_run(q, r, &r->run[i]);
		got = store_step(s, q, e);
		sqlite3_reset(q);
	}
	sqlite3_finalize(q);
	buf_free(&make);
	buf_free(&insert);
	free(title);
	return got;
}

static bool
mentions(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

static int
add_results(struct store *s, struct error *e)
{
	struct store_runs r;
	int got = store_runs_read(&r, s, e);

	if (got == 0)
		got = fill_results(s, &r, e);
	store_runs_free(&r);
	return got;
}

/* ---- the query ---- */

/* The line of the query that the error is in, and below it where; it is the text's last. */
static void
put_place(struct buf *b, const char *query, int offset)
{
	enum { AROUND = 60 };
	const char *at = query + offset, *from = at, *to = at;

	if (offset < 0 || (size_t)offset > strlen(query))
		return;
	while (from > query && from[-1] != '\n' && at - from < AROUND)
		from--;
	while (*to && *to != '\n' && to - at < AROUND)
		to++;
	buf_printf(b, "\n  %.*s\n  ", (int)(to - from), from);
	for (const char *p = from; p < at; p++)
		if (*p == '\t')
			buf_char(b, '\t');
		else if ((*p & 0xc0) != 0x80) /* not inside a character */
			buf_char(b, ' ');
	buf_char(b, '^');
}

static int
query_error(struct store *s, const char *query, struct error *e)
{
	struct buf b = BUF_INIT;

	store_error(s, NULL, e);
	buf_printf(&b, "%s", e->text);
	put_place(&b, query, sqlite3_error_offset(store_db(s)));
	error_set(e, "%s", buf_str(&b));
	buf_free(&b);
	return -1;
}

/* The statement, if it is one, and only asks. */
static sqlite3_stmt *
prepare(struct store *s, const char *query, struct error *e)
{
	sqlite3_stmt *q = NULL, *more = NULL;
	const char *rest = query;

	if (sqlite3_prepare_v2(store_db(s), query, -1, &q, &rest) != SQLITE_OK) {
		query_error(s, query, e);
		return NULL;
	}
	if (q == NULL) {
		error_set(e, "%s: the query is empty", store_path(s));
		return NULL;
	}
	/* What follows may be blanks and comments; a statement even if it is wrong. */
	while (more == NULL && *rest) {
		const char *next = rest;

		if (sqlite3_prepare_v2(store_db(s), rest, -1, &more, &next) != SQLITE_OK ||
		    more != NULL) {
			error_set(e, "%s: several statements: one query at a time", store_path(s));
			goto bad;
		}
		if (next == rest)
			break;
		rest = next;
	}
	if (!sqlite3_stmt_readonly(q)) {
		error_set(e,
		    "%s: this would change the database, and sql only reads it (a copy is made "
		    "with cp)",
		    store_path(s));
		goto bad;
	}
	if (sqlite3_column_count(q) == 0) {
		error_set(e, "%s: this is no question: it gives no columns", store_path(s));
		goto bad;
	}
	return q;
bad:
	sqlite3_finalize(more);
	sqlite3_finalize(q);
	return NULL;
}

static void
put_hex(struct buf *to, struct slice s)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		buf_char(to, digit[(unsigned char)s.p[i] >> 4]);
		buf_char(to, digit[s.p[i] & 15]);
	}
}

static void
put_column(struct buf *to, sqlite3_stmt *q, int i)
{
	struct store_value v = { .kind = STORE_NONE };

	switch (sqlite3_column_type(q, i)) {
	case SQLITE_INTEGER:
		v.kind = STORE_INT;
		v.i = sqlite3_column_int64(q, i);
		break;
	case SQLITE_FLOAT:
		v.kind = STORE_REAL;
		v.real = sqlite3_column_double(q, i);
		break;
	case SQLITE_TEXT:
		v.kind = STORE_TEXT;
		v.text = store_text(q, i);
		break;
	case SQLITE_BLOB:
		put_hex(to, store_text(q, i));
		break;
	}
	store_put_value(to, &v);
}

static void
put_head(struct buf *to, sqlite3_stmt *q, const char *query)
{
	buf_slice(to, SLICE("# store table=sql"));
	table_put_word(to, "query", slice_trim(slice_of(query)));
	buf_char(to, '\n');
	for (int i = 0; i < sqlite3_column_count(q); i++) {
		if (i > 0)
			buf_char(to, '\t');
		table_put_cell(to, slice_of(sqlite3_column_name(q, i)));
	}
	buf_char(to, '\n');
}

int
store_sql(struct store *s, const char *query, const struct store_out *out, struct error *e)
{
	struct buf to = BUF_INIT;
	sqlite3_stmt *q;
	int got, result = 0;

	add_functions(store_db(s));
	if (mentions(query, "results") && add_results(s, e) < 0)
		return -1;
	if ((q = prepare(s, query, e)) == NULL)
		return -1;
	put_head(&to, q, query);
	while ((got = store_step(s, q, e)) > 0 && result == 0) {
		for (int i = 0; i < sqlite3_column_count(q); i++) {
			if (i > 0)
				buf_char(&to, '\t');
			put_column(&to, q, i);
		}
		buf_char(&to, '\n');
		if (to.n >= STORE_CHUNK)
			result = out->put(out->context, &to);
	}
	if (result == 0)
		result = out->put(out->context, &to);
	if (result < 0)
		*e = (struct error){ 0 };
	sqlite3_finalize(q);
	buf_free(&to);
	return got < 0 ? -1 : result;
}

void
store_sql_interrupt(struct store *s)
{
	sqlite3_interrupt(store_db(s));
}
