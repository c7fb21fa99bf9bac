#include "store/store_add.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/rows.h"
#include "store/rundir.h"
#include "store/schema.h"

enum { RUN, FACTOR, VARIABLE, STAT, INFO, TRACE, FIND_UUID, FIND_PLACE, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	[RUN] = "INSERT INTO run VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		"?, ?, ?, ?, ?)",
	[FACTOR] = "INSERT INTO factor VALUES(?, ?, ?, ?)",
	[VARIABLE] = "INSERT INTO variable VALUES(?, ?, ?, ?)",
	[STAT] = "INSERT INTO stat VALUES(?, ?, ?, ?, ?, ?)",
	[INFO] = "INSERT INTO info VALUES(?, ?, ?, ?, ?, ?, ?)",
	[TRACE] = "INSERT INTO trace VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
	[FIND_UUID] = "SELECT id, traced, lost FROM run WHERE uuid = ?",
	[FIND_PLACE] = "SELECT id FROM run WHERE experiment = ? AND name = ? AND attempt = ?",
};

struct store_adder {
	struct store *store;
	struct rows *rows;
	struct store_add_options how;
	sqlite3_stmt *q[STATEMENTS];
	uint64_t records, bytes; /* of the traces before */
	uint64_t lost;           /* of all runs */
};

static int
run_statement(struct store_adder *a, int which, struct error *e)
{
	int got = store_step(a->store, a->q[which], e);

	sqlite3_reset(a->q[which]);
	return got < 0 ? -1 : 0;
}

/* ---- what is there ---- */

/* The run with this statement's parameters: its id, 0 for none, -1; *traced and *lost as it says. */
static int64_t
find(struct store_adder *a, int which, bool *traced, uint64_t *lost, struct error *e)
{
	int got = store_step(a->store, a->q[which], e);
	int64_t id = got > 0 ? sqlite3_column_int64(a->q[which], 0) : got;

	if (got > 0 && traced) {
		*traced = sqlite3_column_int(a->q[which], 1) != 0;
		*lost = (uint64_t)sqlite3_column_int64(a->q[which], 2);
	}
	sqlite3_reset(a->q[which]);
	return id;
}

/* What a run that is there lost when it was added is not less lost now. */
static int
tell_again(struct store_adder *a, int64_t run, const char *dir, struct error *e)
{
	sqlite3_stmt *q = store_prepare(
	    a->store, "SELECT name, damage FROM trace WHERE run = ? AND damage NOT NULL", e);
	struct buf b = BUF_INIT;
	int got = -1;

	if (q)
		sqlite3_bind_int64(q, 1, run);
	while (q && (got = store_step(a->store, q, e)) > 0) {
		b.n = 0;
		buf_printf(&b, "%s/%s:%s (when it was added)", dir, sqlite3_column_text(q, 0),
		    sqlite3_column_text(q, 1));
		if (a->how.damaged)
			a->how.damaged(a->how.context, buf_str(&b));
	}
	buf_free(&b);
	sqlite3_finalize(q);
	return got;
}

/* What is damaged in before.leat or after.leat. */
static void
tell_machine(struct store_adder *a, const struct rundir *d)
{
	if (d->damage.text[0] && a->how.damaged)
		a->how.damaged(a->how.context, d->damage.text);
}

/* All rows of a run: they are a range in each table. */
static int
forget(struct store_adder *a, int64_t run, struct error *e)
{
	static const char *const of_run[] = { "factor", "variable", "stat", "info", "trace" };
	static const char *const ranges[] = { "shape", "string", "stack", "chain", "thread",
		"life" };
	const long long first = (long long)((uint64_t)run << SCHEMA_RUN_SHIFT),
			last = first + ((1LL << SCHEMA_RUN_SHIFT) - 1);
	struct buf b = BUF_INIT;
	int got;

	buf_printf(&b, "DELETE FROM run WHERE id = %lld;", (long long)run);
	for (unsigned i = 0; i < sizeof of_run / sizeof *of_run; i++)
		buf_printf(&b, "DELETE FROM %s WHERE run = %lld;", of_run[i], (long long)run);
	for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
		buf_printf(
		    &b, "DELETE FROM %s WHERE id BETWEEN %lld AND %lld;", ranges[i], first, last);
	for (unsigned t = 0; t < SCHEMA_TABLES; t++)
		buf_printf(&b, "DELETE FROM raw_%s WHERE id BETWEEN %lld AND %lld;",
		    schema_table[t].name, first, last);
	got = store_exec(a->store, buf_str(&b), e);
	buf_free(&b);
	return got;
}

/* ---- what a run is ---- */

static int
put_pairs(struct store_adder *a, int which, int64_t run, const struct rundir_pair *pair, size_t n,
    struct error *e)
{
	sqlite3_stmt *q = a->q[which];

	for (size_t i = 0; i < n; i++) {
		sqlite3_bind_int64(q, 1, run);
		sqlite3_bind_int64(q, 2, (int64_t)i);
		store_bind(q, 3, pair[i].name);
		store_bind(q, 4, pair[i].value);
		if (run_statement(a, which, e) < 0)
			return -1;
	}
	return 0;
}

static int
put_values(struct store_adder *a, int64_t run, const struct rundir *d, struct error *e)
{
	for (size_t i = 0; i < d->values; i++) {
		const struct rundir_value *v = &d->value[i];
		int which = v->moment.n > 0 ? INFO : STAT, at = 1;
		sqlite3_stmt *q = a->q[which];

		sqlite3_bind_int64(q, at++, run);
		if (which == INFO)
			store_bind(q, at++, v->moment);
		sqlite3_bind_int64(q, at++, (int64_t)i);
		store_bind(q, at++, v->section);
		store_bind(q, at++, v->name);
		if (v->kind == RUNDIR_INT)
			sqlite3_bind_int64(q, at++, v->i);
		else if (v->kind == RUNDIR_REAL)
			sqlite3_bind_double(q, at++, v->real);
		else
			store_bind(q, at++, v->text);
		store_bind(q, at++, v->unit);
		if (run_statement(a, which, e) < 0)
			return -1;
	}
	return 0;
}

static void
bind_number(sqlite3_stmt *q, int at, const struct rundir *d, enum rundir_number n)
{
	if (d->has[n])
		sqlite3_bind_int64(q, at, d->number[n]);
	else
		sqlite3_bind_null(q, at);
}

static int
put_run(struct store_adder *a, int64_t run, const struct rundir *d, bool traced, struct error *e)
{
	sqlite3_stmt *q = a->q[RUN];

	sqlite3_bind_int64(q, 1, run);
	store_bind(q, 2, d->experiment.p ? d->experiment : SLICE(""));
	store_bind(q, 3, d->name);
	sqlite3_bind_int64(q, 4, (int64_t)d->attempt);
	bind_number(q, 5, d, RUNDIR_REP);
	bind_number(q, 6, d, RUNDIR_POSITION);
	bind_number(q, 7, d, RUNDIR_SEED);
	store_bind(q, 8, d->settings);
	store_bind(q, 9, d->command);
	sqlite3_bind_int(q, 10, d->dry);
	sqlite3_bind_int(q, 11, d->failed);
	store_bind(q, 12, d->uuid);
	store_bind(q, 13, d->host);
	store_bind(q, 14, d->arch);
	store_bind(q, 15, d->release);
	bind_number(q, 16, d, RUNDIR_STARTED);
	bind_number(q, 17, d, RUNDIR_FREQ);
	bind_number(q, 18, d, RUNDIR_CPU_NODE);
	bind_number(q, 19, d, RUNDIR_MEM_NODE);
	bind_number(q, 20, d, RUNDIR_TIMEOUT);
	store_bind(q, 21, d->dir);
	sqlite3_bind_int(q, 22, traced);
	sqlite3_bind_int64(q, 23, (int64_t)rows_count(a->rows));
	sqlite3_bind_int64(q, 24, (int64_t)(d->lost + rows_lost(a->rows)));
	if (run_statement(a, RUN, e) < 0 || put_values(a, run, d, e) < 0)
		return -1;
	if (put_pairs(a, FACTOR, run, d->factor, d->factors, e) < 0)
		return -1;
	return put_pairs(a, VARIABLE, run, d->variable, d->variables, e);
}

/* ---- its traces ---- */

/* A trace of a run, and what of it was read. */
struct part {
	struct slice name;
	size_t ord;
	uint64_t first, lost; /* records before it, and what they tell is lost */
	enum trace_encoding encoding;
	struct error damage; /* "PLACE: WHAT", or " WHAT"; empty for none */
};

static int
put_part(
    struct store_adder *a, int64_t run, const struct part *p, const char *path, struct error *e)
{
	sqlite3_stmt *q = a->q[TRACE];
	const char *what = p->damage.text[0] ? p->damage.text : NULL;
	struct buf b = BUF_INIT;

	sqlite3_bind_int64(q, 1, run);
	sqlite3_bind_int64(q, 2, (int64_t)p->ord);
	store_bind(q, 3, p->name);
	store_bind(q, 4, p->encoding == TRACE_FRAMES ? SLICE("frames") : SLICE("lines"));
	sqlite3_bind_int64(q, 5, (int64_t)p->first);
	sqlite3_bind_int64(q, 6, (int64_t)(rows_count(a->rows) - p->first));
	sqlite3_bind_int64(q, 7, (int64_t)(rows_lost(a->rows) - p->lost));
	store_bind(q, 8, slice_of(what));
	if (what == NULL)
		sqlite3_bind_null(q, 8);
	if (what && a->how.damaged) {
		buf_printf(&b, "%s:%s", path, what);
		a->how.damaged(a->how.context, buf_str(&b));
		buf_free(&b);
	}
	return run_statement(a, TRACE, e);
}

/* All records of a file. What cannot be read is damage, as what does not verify is. */
static int
read_part(struct store_adder *a, int fd, struct part *p, struct error *e)
{
	struct trace_reader *in = trace_reader_new(fd);
	const struct trace_damage *damage;
	struct trace_block *b;
	int got, result = 0;

	while (result == 0 && (got = trace_read(in, &b)) > 0) {
		result = rows_block(a->rows, b, e);
		if (a->how.progress)
			a->how.progress(a->how.context, fd, a->records + rows_count(a->rows),
			    a->bytes + trace_reader_offset(in));
	}
	damage = trace_reader_damage(in);
	if (result == 0 && got < 0)
		error_set(&p->damage, " %s", trace_reader_error(in));
	else if (damage->places > 0)
		p->damage = damage->first;
	else if (damage->truncated)
		error_set(&p->damage, " it was cut off");
	if (result == 0 && got == 0)
		p->encoding = trace_reader_encoding(in);
	a->bytes += trace_reader_offset(in);
	trace_reader_free(in);
	return result;
}

static int
add_trace(struct store_adder *a, int64_t run, const struct rundir *d, size_t ord, struct error *e)
{
	struct part p = { .name = d->trace[ord],
		.ord = ord,
		.first = rows_count(a->rows),
		.lost = rows_lost(a->rows) };
	struct buf path = BUF_INIT;
	int fd, got = 0;

	buf_printf(&path, "%s/%.*s", d->dir.p, SLICE_ARG(p.name));
	rows_trace(a->rows);
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error_set(&p.damage, " %s", strerror(errno));
	} else {
		got = read_part(a, fd, &p, e);
		close(fd);
	}
	if (got == 0)
		got = rows_trace_end(a->rows, e);
	if (got == 0)
		got = put_part(a, run, &p, buf_str(&path), e);
	buf_free(&path);
	return got;
}

/* ---- a run ---- */

static int
add_run(struct store_adder *a, int64_t run, const struct rundir *d, bool traced, struct error *e)
{
	rows_run(a->rows, run);
	for (size_t i = 0; traced && i < d->traces; i++)
		if (add_trace(a, run, d, i, e) < 0)
			return -1;
	if (rows_run_end(a->rows, e) < 0 || put_run(a, run, d, traced, e) < 0)
		return -1;
	a->records += rows_count(a->rows);
	a->lost += d->lost + rows_lost(a->rows);
	tell_machine(a, d);
	return 0;
}

/* Inside a transaction. 0 with *what; -1. */
static int
place_run(struct store_adder *a, const struct rundir *d, enum store_added *what, struct error *e)
{
	bool traced = !a->how.first_only || !d->has[RUNDIR_REP] || d->number[RUNDIR_REP] == 1;
	bool was_traced = false;
	uint64_t lost = 0;
	int64_t run;

	store_bind(a->q[FIND_UUID], 1, d->uuid);
	run = find(a, FIND_UUID, &was_traced, &lost, e);
	*what = STORE_ADDED;
	if (run > 0) {
		if (was_traced || !traced || d->traces == 0) {
			*what = STORE_THERE;
			a->lost += lost;
			tell_machine(a, d);
			return tell_again(a, run, d->dir.p, e);
		}
		*what = STORE_COMPLETED;
	} else if (run == 0) {
		store_bind(a->q[FIND_PLACE], 1, d->experiment.p ? d->experiment : SLICE(""));
		store_bind(a->q[FIND_PLACE], 2, d->name);
		sqlite3_bind_int64(a->q[FIND_PLACE], 3, (int64_t)d->attempt);
		run = find(a, FIND_PLACE, NULL, NULL, e);
		if (run > 0)
			*what = STORE_REPLACED;
	}
	if (run > 0 && forget(a, run, e) < 0)
		return -1;
	if (run == 0) {
		sqlite3_stmt *q =
		    store_prepare(a->store, "SELECT coalesce(max(id), 0) + 1 FROM run", e);

		run = q && store_step(a->store, q, e) > 0 ? sqlite3_column_int64(q, 0) : -1;
		sqlite3_finalize(q);
	}
	return run < 0 ? -1 : add_run(a, run, d, traced, e);
}

int
store_add(struct store_adder *a, const char *dir, enum store_added *what, struct error *e)
{
	struct rundir d = { 0 };
	int got = rundir_read(&d, dir, e);

	if (got == 0)
		got = store_exec(a->store, "BEGIN IMMEDIATE", e);
	if (got == 0) {
		got = place_run(a, &d, what, e);
		if (got == 0)
			got = store_exec(a->store, "COMMIT", e);
		if (got < 0)
			sqlite3_exec(store_db(a->store), "ROLLBACK", NULL, NULL, NULL);
	}
	rundir_free(&d);
	return got;
}

uint64_t
store_adder_lost(const struct store_adder *a)
{
	return a->lost;
}

struct store_adder *
store_adder_new(struct store *s, const struct store_add_options *options, struct error *e)
{
	struct store_adder *a = xcalloc(1, sizeof *a);

	a->store = s;
	a->how = *options;
	a->rows = rows_new(s, e);
	for (int i = 0; a->rows && i < STATEMENTS; i++)
		if ((a->q[i] = store_prepare(s, sql[i], e)) == NULL)
			break;
	if (a->q[STATEMENTS - 1])
		return a;
	store_adder_free(a);
	return NULL;
}

void
store_adder_free(struct store_adder *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(a->q[i]);
	rows_free(a->rows);
	free(a);
}
