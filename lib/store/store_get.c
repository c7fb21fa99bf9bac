#include "store/store_get.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "store/schema.h"
#include "store/shape.h"

/* A shape as the database has it. */
struct form {
	const struct trace_shape *shape; /* NULL: not looked up yet */
	const struct schema_table *table;
	int *column; /* of each field */
	bool more;   /* it has fields there */
};

enum { STRING, STACK, CHAIN, THREAD, SHAPE, LOOKUPS };

/* What a number of a dictionary stands for, once looked up. */
struct word {
	union trace_value value;
	struct trace_memo memo;
};

struct words {
	struct word **word; /* NULL: not looked up yet */
	size_t words, cap;
};

struct store_get {
	struct store *store;
	int64_t base, next, last; /* the next id, and the one behind the last */
	struct buf name;
	bool frames, begun; /* a transaction, so that all is of one moment */
	uint64_t lost;
	sqlite3_stmt *rows[SCHEMA_TABLES];
	int64_t at[SCHEMA_TABLES]; /* id of the present row; INT64_MAX: none */
	unsigned now;              /* the table of the last record */
	sqlite3_stmt *find[LOOKUPS];
	struct words words[THREAD]; /* of STRING STACK CHAIN */
	struct thread {
		bool known;
		int64_t part[3];
	} * thread;
	size_t threads, thread_cap;
	struct form *form;
	size_t forms, form_cap;
	struct shapes shapes;
	struct arena arena, record;
	union trace_value *value;
	size_t value_cap;
	struct buf text;
};

/* ---- which run, which trace ---- */

/* Counts the runs that the statement finds, and closes it: their number, -1. */
static int
find_run(struct store *s, const char *sql, struct slice name, int64_t attempt, int64_t *id,
    struct buf *names, struct error *e)
{
	sqlite3_stmt *q = store_prepare(s, sql, e);
	int got = -1, n = 0;

	if (q == NULL)
		return -1;
	store_bind(q, 1, name);
	if (sqlite3_bind_parameter_count(q) > 1)
		sqlite3_bind_int64(q, 2, attempt);
	while ((got = store_step(s, q, e)) > 0) {
		*id = sqlite3_column_int64(q, 0);
		buf_printf(names, "%s%s/%s", n ? ", " : "", sqlite3_column_text(q, 1),
		    sqlite3_column_text(q, 2));
		n++;
	}
	sqlite3_finalize(q);
	return got < 0 ? -1 : n;
}

#define FIND     "SELECT id, experiment, name FROM run WHERE "
#define OF_NAMES "(name = ?1 OR experiment || '/' || name = ?1) AND attempt = ?2"

static int
find_any(struct store *s, struct slice run, int64_t *id, struct buf *names, struct error *e)
{
	struct slice stem = run;
	uint64_t attempt;
	int n = find_run(s, FIND OF_NAMES, run, 0, id, names, e);

	if (n == 0)
		n = find_run(s, FIND "uuid = ?1", run, 0, id, names, e);
	while (n == 0 && stem.n > 0 && stem.p[stem.n - 1] != '.')
		stem.n--;
	if (n == 0 && stem.n > 1 &&
	    num_u64((struct slice){ run.p + stem.n, run.n - stem.n }, &attempt) == 0) {
		stem.n--;
		n = find_run(s, FIND OF_NAMES, stem, (int64_t)attempt, id, names, e);
	}
	if (n == 0 && num_u64(run, &attempt) == 0)
		n = find_run(s, FIND "id = CAST(?1 AS INTEGER)", run, 0, id, names, e);
	return n;
}

int
store_find(struct store *s, struct slice run, int64_t *id, struct error *e)
{
	struct buf names = BUF_INIT;
	int n = find_any(s, run, id, &names, e);

	if (n == 0)
		error_set(e, "%s: no run %.*s (leat store list shows what runs there are)",
		    store_path(s), SLICE_ARG(run));
	else if (n > 1)
		error_set(e, "%s: several runs are %.*s: %s", store_path(s), SLICE_ARG(run),
		    buf_str(&names));
	buf_free(&names);
	return n == 1 ? 0 : -1;
}

static bool
is_called(struct slice file, const char *wanted)
{
	struct slice name = slice_of(wanted);

	return wanted == NULL || slice_eq(file, name) ||
	       (slice_starts(file, name) && file.n == name.n + 5);
}

/* Finds the trace: 0, -1. */
static int
choose(struct store_get *g, int64_t run, const char *wanted, struct error *e)
{
	sqlite3_stmt *q = store_prepare(g->store,
	    "SELECT name, encoding, first, records, lost FROM trace WHERE run = ? ORDER BY ord", e);
	struct buf all = BUF_INIT;
	int got = -1, found = 0;

	if (q)
		sqlite3_bind_int64(q, 1, run);
	while (q && (got = store_step(g->store, q, e)) > 0) {
		struct slice name = store_text(q, 0);

		buf_printf(&all, " %.*s", SLICE_ARG(name));
		if (!is_called(name, wanted))
			continue;
		found++;
		g->name.n = 0;
		buf_slice(&g->name, name);
		g->frames = slice_eq(store_text(q, 1), SLICE("frames"));
		g->next = g->base + sqlite3_column_int64(q, 2);
		g->lost = (uint64_t)sqlite3_column_int64(q, 4);
		g->last = g->next + sqlite3_column_int64(q, 3);
	}
	sqlite3_finalize(q);
	if (got == 0 && all.n == 0)
		got = error_set(e, "%s: run %lld was added without traces", store_path(g->store),
		    (long long)run);
	else if (got == 0 && found == 0)
		got = error_set(e, "%s: the run has no trace %s; there are:%s",
		    store_path(g->store), wanted, buf_str(&all));
	else if (got == 0 && found > 1)
		got = error_set(e, "%s: the run has several traces (--trace NAME chooses one):%s",
		    store_path(g->store), buf_str(&all));
	buf_free(&all);
	return got;
}

/* ---- dictionaries ---- */

static int
broken(struct store_get *g, const char *what, struct error *e)
{
	return error_set(e, "%s: record %" PRId64 " of %s: %s: the database was changed or damaged",
	    store_path(g->store), g->next - g->base, buf_str(&g->name), what);
}

/* Steps to the row with this number of a dictionary: 0, -1. */
static int
look_up(struct store_get *g, int which, int64_t number, struct error *e)
{
	int got;

	sqlite3_reset(g->find[which]);
	sqlite3_bind_int64(g->find[which], 1, g->base + number);
	got = store_step(g->store, g->find[which], e);
	return got > 0 ? 0 : got < 0 ? -1 : broken(g, "a number that no name has", e);
}

static int
word_of(struct store_get *g, int which, int64_t number, union trace_value *v, struct error *e)
{
	static const enum trace_kind kind[] = { TRACE_STR, TRACE_STRS, TRACE_ADDRS };
	struct words *w = &g->words[which];
	struct slice text;

	if (number <= 0 || number >= UINT32_MAX)
		return broken(g, "a number that no name has", e);
	if ((uint64_t)number < w->words && w->word[number]) {
		*v = w->word[number]->value;
	} else {
		if (look_up(g, which, number, e) < 0)
			return -1;
		text = store_text(g->find[which], 0);
		if (which == STRING)
			v->s = arena_copy(&g->arena, text);
		else if (shape_read_text(kind[which], text, &g->arena, v, e) < 0)
			return broken(g, "a list that does not read", e);
		GROW(w->word, w->cap, number);
		while (w->words <= (size_t)number)
			w->word[w->words++] = NULL;
		w->word[number] = arena_alloc(&g->arena, sizeof **w->word);
		*w->word[number] = (struct word){ .value = *v };
	}
	if (which != STRING)
		v->list.memo = &w->word[number]->memo;
	return 0;
}

static int
thread_of(
    struct store_get *g, int64_t number, struct slice field, union trace_value *v, struct error *e)
{
	struct thread *t;

	if (number < 0 || number >= UINT32_MAX)
		return broken(g, "a number too large", e);
	GROW(g->thread, g->thread_cap, number);
	while (g->threads <= (size_t)number)
		g->thread[g->threads++] = (struct thread){ 0 };
	t = &g->thread[number];
	if (!t->known) {
		if (look_up(g, THREAD, number, e) < 0)
			return -1;
		for (int i = 0; i < 3; i++)
			t->part[i] = sqlite3_column_int64(g->find[THREAD], i);
		t->known = true;
	}
	v->i = t->part[field.p[0] == 's' ? 0 : field.p[0] == 'p' ? 1 : 2];
	return 0;
}

/* ---- shapes ---- */

static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			(i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return s.n > 0;
}

static int
make_form(struct store_get *g, struct form *f, int64_t number, struct error *e)
{
	struct trace_field *field = NULL;
	struct slice type, text;
	size_t cap = 0, n = 0;
	bool good = true;
	int got = 0;

	if (look_up(g, SHAPE, number, e) < 0)
		return -1;
	type = arena_copy(&g->arena, store_text(g->find[SHAPE], 0));
	text = arena_copy(&g->arena, store_text(g->find[SHAPE], 1));
	f->table = &schema_table[g->now];
	f->column = arena_alloc(&g->arena, (text.n + 1) * sizeof *f->column);
	GROW(field, cap, 0);
	while (good && (got = shape_next(&text, f->table, &field[n], &f->column[n])) > 0) {
		f->more = f->more || f->column[n] == SHAPE_MORE;
		good = is_name(field[n].name);
		for (size_t i = 0; i < n; i++)
			good = good && !slice_eq(field[i].name, field[n].name);
		n++;
		GROW(field, cap, n);
	}
	if (got == 0 && good && is_name(type)) {
		f->shape = shapes_get(&g->shapes, type, field, (unsigned)n);
		GROW(g->value, g->value_cap, n);
	}
	free(field);
	return f->shape ? 0 : broken(g, "a shape that does not read", e);
}

static int
form_of(struct store_get *g, int64_t number, struct form **form, struct error *e)
{
	if (number < 0 || number >= UINT32_MAX)
		return broken(g, "a shape that is not there", e);
	GROW(g->form, g->form_cap, number);
	while (g->forms <= (size_t)number)
		g->form[g->forms++] = (struct form){ 0 };
	*form = &g->form[number];
	if ((*form)->shape == NULL)
		return make_form(g, *form, number, e);
	return (*form)->table == &schema_table[g->now] ? 0
						       : broken(g, "a shape of another table", e);
}

/* ---- values ---- */

static int
from_column(struct store_get *g, const struct trace_field *f, const struct schema_column *c, int at,
    union trace_value *v, struct error *e)
{
	sqlite3_stmt *q = g->rows[g->now];

	if (c->kind == SCHEMA_THREAD)
		return thread_of(g, sqlite3_column_int64(q, at), f->name, v, e);
	if (c->kind == SCHEMA_STRING)
		return word_of(g, STRING, sqlite3_column_int64(q, at), v, e);
	if (c->kind == SCHEMA_STACK)
		return word_of(g, STACK, sqlite3_column_int64(q, at), v, e);
	if (c->kind == SCHEMA_CHAIN)
		return word_of(g, CHAIN, sqlite3_column_int64(q, at), v, e);
	switch (f->kind) {
	case TRACE_NUM:
		/* SQLite has no NaN: it is NULL there. */
		v->d =
		    sqlite3_column_type(q, at) == SQLITE_NULL ? NAN : sqlite3_column_double(q, at);
		return 0;
	case TRACE_STR:
	case TRACE_BYTES:
		v->s = store_text(q, at);
		return v->s.p ? 0 : broken(g, "a value is missing", e);
	default:
		v->i = sqlite3_column_int64(q, at);
		if (sqlite3_column_type(q, at) != SQLITE_INTEGER)
			return broken(g, "a value is no number", e);
		return f->kind != TRACE_BIG || v->i < 0 ? 0 : broken(g, "a value is too small", e);
	}
}

static int
from_more(struct store_get *g, const struct trace_field *f, struct slice *more,
    union trace_value *v, struct error *e)
{
	struct error what;
	struct slice name, text;
	int got = shape_next_more(more, &name, &g->text);

	text = buf_view(&g->text);
	if (got <= 0 || !slice_eq(name, f->name))
		return broken(g, "a field is missing", e);
	switch (f->kind) {
	case TRACE_INT:
		got = num_i64(text, &v->i);
		break;
	case TRACE_BIG:
		got = num_u64(text, &v->u) < 0 || v->i >= 0 ? -1 : 0;
		break;
	case TRACE_ADDR:
		got = slice_starts(text, SLICE("0x"))
			  ? num_hex((struct slice){ text.p + 2, text.n - 2 }, &v->u)
			  : -1;
		break;
	case TRACE_NUM:
		got = num_f64(text, &v->d);
		break;
	case TRACE_STR:
		v->s = arena_copy(&g->record, text);
		got = 0;
		break;
	default:
		got = shape_read_text(f->kind, text, &g->record, v, &what);
	}
	return got < 0 ? broken(g, "a value that does not read", e) : 0;
}

/* ---- rows ---- */

static int
step(struct store_get *g, unsigned t, struct error *e)
{
	int got = store_step(g->store, g->rows[t], e);

	g->at[t] = got > 0 ? sqlite3_column_int64(g->rows[t], 0) : INT64_MAX;
	return got;
}

int
store_get_next(struct store_get *g, struct trace_record *r, struct error *e)
{
	struct form *form = NULL;
	sqlite3_stmt *q;
	struct slice more;
	int got = 0;

	if (g->next == g->last)
		return 0;
	/* The row of the last record was in use until now. */
	if (g->now < SCHEMA_TABLES && step(g, g->now, e) < 0)
		return -1;
	g->now = 0;
	for (unsigned t = 1; t < SCHEMA_TABLES; t++)
		if (g->at[t] < g->at[g->now])
			g->now = t;
	if (g->at[g->now] != g->next)
		return broken(g, "it is missing", e);
	q = g->rows[g->now];
	if (form_of(g, sqlite3_column_int64(q, 1), &form, e) < 0)
		return -1;
	if (form->more) {
		arena_reset(&g->record);
		more = store_text(q, (int)form->table->columns + 2);
	}
	for (unsigned f = 0; got == 0 && f < form->shape->fields; f++) {
		const struct trace_field *field = &form->shape->field[f];
		int c = form->column[f];

		if (c == SHAPE_MORE)
			got = from_more(g, field, &more, &g->value[f], e);
		else
			got =
			    from_column(g, field, &form->table->column[c], c + 2, &g->value[f], e);
	}
	if (got < 0)
		return -1;
	*r = (struct trace_record){ form->shape, g->value };
	g->next++;
	return 1;
}

static int
prepare(struct store_get *g, struct error *e)
{
	static const char *const find[LOOKUPS] = { [STRING] =
						       "SELECT text FROM string WHERE id = ?",
		[STACK] = "SELECT names FROM stack WHERE id = ?",
		[CHAIN] = "SELECT addrs FROM chain WHERE id = ?",
		[THREAD] = "SELECT src, pid, tid FROM thread WHERE id = ?",
		[SHAPE] = "SELECT type, fields FROM shape WHERE id = ?" };

	for (int i = 0; i < LOOKUPS; i++)
		if ((g->find[i] = store_prepare(g->store, find[i], e)) == NULL)
			return -1;
	for (unsigned t = 0; t < SCHEMA_TABLES; t++) {
		struct buf sql = BUF_INIT;

		buf_printf(&sql, "SELECT * FROM raw_%s WHERE id >= ? AND id < ? ORDER BY id",
		    schema_table[t].name);
		g->rows[t] = store_prepare(g->store, buf_str(&sql), e);
		buf_free(&sql);
		if (g->rows[t] == NULL)
			return -1;
		sqlite3_bind_int64(g->rows[t], 1, g->next);
		sqlite3_bind_int64(g->rows[t], 2, g->last);
		if (step(g, t, e) < 0)
			return -1;
	}
	g->now = SCHEMA_TABLES;
	return 0;
}

struct store_get *
store_get_new(struct store *s, int64_t run, const char *trace, struct error *e)
{
	struct store_get *g = xcalloc(1, sizeof *g);

	g->store = s;
	g->base = (int64_t)((uint64_t)run << SCHEMA_RUN_SHIFT);
	g->begun = store_exec(s, "BEGIN", e) == 0;
	if (g->begun && choose(g, run, trace, e) == 0 && prepare(g, e) == 0)
		return g;
	store_get_free(g);
	return NULL;
}

enum trace_encoding
store_get_encoding(const struct store_get *g)
{
	return g->frames ? TRACE_FRAMES : TRACE_LINES;
}

uint64_t
store_get_lost(const struct store_get *g)
{
	return g->lost;
}

void
store_get_free(struct store_get *g)
{
	if (g == NULL)
		return;
	for (unsigned t = 0; t < SCHEMA_TABLES; t++)
		sqlite3_finalize(g->rows[t]);
	for (int i = 0; i < LOOKUPS; i++)
		sqlite3_finalize(g->find[i]);
	if (g->begun)
		store_exec(g->store, "COMMIT", NULL);
	for (int i = 0; i < THREAD; i++)
		free(g->words[i].word);
	free(g->thread);
	free(g->form);
	free(g->value);
	shapes_free(&g->shapes);
	arena_free(&g->arena);
	arena_free(&g->record);
	buf_free(&g->name);
	buf_free(&g->text);
	free(g);
}
