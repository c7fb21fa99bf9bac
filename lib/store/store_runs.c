#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "form/table.h"
#include "store/store_runs.h"

/* Failed attempts came before the one that succeeded, whose number is 0. */
#define ORDER                                                                                      \
	" ORDER BY r.experiment, r.position IS NULL, r.position, r.name, r.attempt = 0, "          \
	"r.attempt, r.id"

/* Those of section run that `leat run` writes, in its order. */
static const char *const known[] = { "wall_ns", "user_ns", "sys_ns", "maxrss_bytes", "minor_faults",
	"major_faults", "voluntary_switches", "involuntary_switches", "in_blocks", "out_blocks",
	"exit_status", "signal", "timed_out", "stdout_bytes", "stderr_bytes", "environment_bytes" };

/* Columns of the list; factors stand behind the first two. */
static const char *const fixed[] = { "experiment", "name", "rep", "position", "dry", "failed",
	"attempt", "host", "started_ns", "lost" };

enum { FIXED = sizeof fixed / sizeof *fixed, BEFORE_FACTORS = 2 };

static struct slice
copy(struct store_runs *r, struct slice s)
{
	return s.p ? arena_copy(&r->arena, s) : s;
}

static int64_t
number(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, column);
}

static int
read_runs(struct store_runs *r, struct store *s, struct error *e)
{
	sqlite3_stmt *q = store_prepare(s,
	    "SELECT r.id, r.experiment, r.name, r.settings, r.host, r.rep, r.position, r.attempt,"
	    " r.started_ns, r.dry, r.failed, r.lost FROM run r" ORDER,
	    e);
	int got = -1;

	while (q && (got = store_step(s, q, e)) > 0) {
		GROW(r->run, r->run_cap, r->runs);
		r->run[r->runs++] = (struct store_run){
			.id = sqlite3_column_int64(q, 0),
			.experiment = copy(r, store_text(q, 1)),
			.name = copy(r, store_text(q, 2)),
			.settings = copy(r, store_text(q, 3)),
			.host = copy(r, store_text(q, 4)),
			.rep = number(q, 5),
			.position = number(q, 6),
			.attempt = number(q, 7),
			.started_ns = number(q, 8),
			.dry = sqlite3_column_int64(q, 9) != 0,
			.failed = sqlite3_column_int64(q, 10) != 0,
			.lost = sqlite3_column_int64(q, 11),
		};
	}
	sqlite3_finalize(q);
	return got;
}

/* Rows of a table with a column run, in the order of the runs: calls row() with the number of the run. */
static int
read_rows(struct store_runs *r, struct store *s, const char *sql,
    void (*row)(struct store_runs *r, size_t run, sqlite3_stmt *q), struct error *e)
{
	sqlite3_stmt *q = store_prepare(s, sql, e);
	int got = -1;
	size_t at = 0;

	while (q && (got = store_step(s, q, e)) > 0) {
		int64_t id = sqlite3_column_int64(q, 0);

		while (at < r->runs && r->run[at].id != id)
			at++;
		if (at < r->runs)
			row(r, at, q);
	}
	sqlite3_finalize(q);
	return got;
}

static unsigned
factor_of(struct store_runs *r, struct slice name)
{
	unsigned i = 0;

	while (i < r->factors && !slice_eq(r->factor[i], name))
		i++;
	if (i == r->factors) {
		GROW(r->factor, r->factor_cap, i);
		r->factor[r->factors++] = arena_copy(&r->arena, name);
	}
	return i;
}

static void
name_factor(struct store_runs *r, size_t run, sqlite3_stmt *q)
{
	(void)run;
	factor_of(r, store_text(q, 1));
}

static void
set_level(struct store_runs *r, size_t run, sqlite3_stmt *q)
{
	struct store_run *x = &r->run[run];
	struct slice level = store_text(q, 2);

	x->level[factor_of(r, store_text(q, 1))] =
	    level.p ? arena_copy(&r->arena, level) : SLICE("");
}

/* A metric's number. They are few, and come in the same order in each run: the search begins behind the last one found. */
static unsigned
metric_of(
    struct store_runs *r, struct slice section, struct slice name, struct slice unit, unsigned from)
{
	for (unsigned k = 0; k < r->metrics; k++) {
		unsigned i = (from + k) % r->metrics;
		const struct store_metric *m = &r->metric[i];

		if (slice_eq(m->name, name) && slice_eq(m->section, section) &&
		    slice_eq(m->unit, unit))
			return i;
	}
	GROW(r->metric, r->metric_cap, r->metrics);
	r->metric[r->metrics] = (struct store_metric){ .section = arena_copy(&r->arena, section),
		.name = arena_copy(&r->arena, name),
		.unit = arena_copy(&r->arena, unit) };
	return r->metrics++;
}

static void
name_metric(struct store_runs *r, size_t run, sqlite3_stmt *q)
{
	(void)run;
	metric_of(r, store_text(q, 1), store_text(q, 2), store_text(q, 4), 0);
}

static void
set_value(struct store_runs *r, size_t run, sqlite3_stmt *q)
{
	unsigned i = metric_of(r, store_text(q, 1), store_text(q, 2), store_text(q, 4), r->guess);
	struct store_value *v = &r->run[run].value[i];

	r->guess = i + 1;
	if (v->kind != STORE_NONE) {
		v->again = true;
		return;
	}
	switch (sqlite3_column_type(q, 3)) {
	case SQLITE_INTEGER:
		v->kind = STORE_INT;
		v->i = sqlite3_column_int64(q, 3);
		v->real = (double)v->i;
		break;
	case SQLITE_FLOAT:
		v->kind = STORE_REAL;
		v->real = sqlite3_column_double(q, 3);
		break;
	case SQLITE_NULL:
		break;
	default:
		v->kind = STORE_TEXT;
		v->text = arena_copy(&r->arena, store_text(q, 3));
	}
}

/* ---- the order of metrics, and their titles ---- */

static unsigned
rank_of(const struct store_metric *m)
{
	unsigned n = sizeof known / sizeof *known;

	if (slice_eq(m->section, SLICE("values")))
		return n + 1;
	if (!slice_eq(m->section, SLICE("run")))
		return n + 2;
	for (unsigned i = 0; i < n; i++)
		if (slice_eq(m->name, slice_of(known[i])))
			return i;
	return n;
}

/* By insertion, which keeps the order of those of one rank. */
static void
sort_metrics(struct store_runs *r)
{
	for (unsigned i = 1; i < r->metrics; i++) {
		struct store_metric m = r->metric[i];
		unsigned rank = rank_of(&m), k = i;

		for (; k > 0 && rank_of(&r->metric[k - 1]) > rank; k--)
			r->metric[k] = r->metric[k - 1];
		r->metric[k] = m;
	}
}

static bool
is_taken(struct slice name, const struct slice *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(taken[i], name))
			return true;
	return false;
}

struct slice
store_runs_title(struct store_runs *r, const char *prefix, struct slice name,
    const struct slice *taken, size_t n)
{
	struct buf b = BUF_INIT;

	buf_slice(&b, name);
	while (is_taken(buf_view(&b), taken, n)) {
		struct buf longer = BUF_INIT;

		buf_printf(&longer, "%s.", prefix);
		buf_slice(&longer, buf_view(&b));
		buf_free(&b);
		b = longer;
	}
	name = arena_copy(&r->arena, buf_view(&b));
	buf_free(&b);
	return name;
}

static void
title_metrics(struct store_runs *r)
{
	size_t n = FIXED;
	struct slice *taken = xcalloc(n + r->factors + r->metrics, sizeof *taken);

	for (size_t i = 0; i < n; i++)
		taken[i] = slice_of(fixed[i]);
	for (unsigned i = 0; i < r->factors; i++, n++)
		taken[n] = store_runs_title(r, "factor", r->factor[i], taken, n);
	for (unsigned i = 0; i < r->metrics; i++, n++) {
		struct store_metric *m = &r->metric[i];
		struct buf prefix = BUF_INIT;

		m->title = m->name;
		/* The same name again, with another unit. */
		if (m->unit.n > 0 && is_taken(m->name, taken, n)) {
			struct buf b = BUF_INIT;

			buf_printf(&b, "%.*s.%.*s", SLICE_ARG(m->name), SLICE_ARG(m->unit));
			for (unsigned k = 0; k < i; k++)
				if (slice_eq(r->metric[k].name, m->name) &&
				    slice_eq(r->metric[k].section, m->section)) {
					m->title = arena_copy(&r->arena, buf_view(&b));
					break;
				}
			buf_free(&b);
		}
		buf_slice(&prefix, m->section);
		taken[n] = m->title = store_runs_title(r, buf_str(&prefix), m->title, taken, n);
		buf_free(&prefix);
	}
	free(taken);
}

struct slice *
store_runs_columns(struct store_runs *r, size_t *n)
{
	struct slice *title = xcalloc(FIXED + r->factors + r->metrics, sizeof *title),
		     *taken = xcalloc(FIXED + r->factors, sizeof *taken);
	size_t so_far = FIXED;

	*n = 0;
	for (size_t i = 0; i < FIXED; i++)
		taken[i] = slice_of(fixed[i]);
	for (size_t i = 0; i < FIXED; i++) {
		title[(*n)++] = taken[i];
		for (unsigned f = 0; i + 1 == BEFORE_FACTORS && f < r->factors; f++, so_far++)
			title[(*n)++] = taken[so_far] =
			    store_runs_title(r, "factor", r->factor[f], taken, so_far);
	}
	for (unsigned i = 0; i < r->metrics; i++)
		title[(*n)++] = r->metric[i].title;
	free(taken);
	return title;
}

/* ---- all of it ---- */

static void *
cleared(struct store_runs *r, size_t size)
{
	void *p = arena_alloc(&r->arena, size + 1);

	memset(p, 0, size + 1);
	return p;
}

static int
read_all(struct store_runs *r, struct store *s, struct error *e)
{
	static const char factors[] =
	    "SELECT r.id, f.name, f.level FROM run r JOIN factor f ON f.run = r.id" ORDER ", f.ord";
	static const char stats[] = "SELECT r.id, t.section, t.name, t.value, t.unit FROM run r "
				    "JOIN stat t ON t.run = r.id" ORDER ", t.ord";

	if (read_runs(r, s, e) < 0 || read_rows(r, s, factors, name_factor, e) < 0 ||
	    read_rows(r, s, stats, name_metric, e) < 0)
		return -1;
	sort_metrics(r);
	title_metrics(r);
	for (size_t i = 0; i < r->runs; i++) {
		r->run[i].level = cleared(r, r->factors * sizeof *r->run[i].level);
		r->run[i].value = cleared(r, r->metrics * sizeof *r->run[i].value);
	}
	if (read_rows(r, s, factors, set_level, e) < 0 || read_rows(r, s, stats, set_value, e) < 0)
		return -1;
	return 0;
}

int
store_runs_read(struct store_runs *r, struct store *s, struct error *e)
{
	bool alone = sqlite3_get_autocommit(store_db(s)) != 0;
	int got;

	*r = (struct store_runs){ .arena = ARENA_INIT };
	/* All of it is of one moment, as is what a store for reading gives. */
	if (alone && store_exec(s, "BEGIN", e) < 0)
		return -1;
	got = read_all(r, s, e);
	if (alone)
		sqlite3_exec(store_db(s), "ROLLBACK", NULL, NULL, NULL);
	return got;
}

void
store_runs_free(struct store_runs *r)
{
	free(r->run);
	free(r->factor);
	free(r->metric);
	arena_free(&r->arena);
	*r = (struct store_runs){ .arena = ARENA_INIT };
}

/* ---- cells ---- */

void
store_put_number(struct buf *to, double v, int digits)
{
	if (isnan(v))
		return;
	if (v == trunc(v) && fabs(v) < 0x1p53)
		buf_printf(to, "%.0f", v == 0 ? 0 : v);
	else
		buf_printf(to, "%.*g", digits, v);
}

void
store_put_value(struct buf *to, const struct store_value *v)
{
	switch (v->kind) {
	case STORE_NONE:
		break;
	case STORE_INT:
		buf_i64(to, v->i);
		break;
	case STORE_REAL:
		if (v->real == trunc(v->real) && fabs(v->real) < 0x1p53)
			store_put_number(to, v->real, 17);
		else
			buf_f64(to, v->real);
		break;
	case STORE_TEXT:
		table_put_cell(to, v->text);
		break;
	}
}
