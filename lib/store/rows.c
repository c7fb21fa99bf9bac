#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/dictionary.h"
#include "store/lives.h"
#include "store/schema.h"
#include "store/shape.h"

enum { WORDS = 5 }; /* dictionaries: those below */
enum dictionary_name { STRINGS, STACKS, CHAINS, SHAPES, THREADS };
enum { ID, SHAPE, FIRST }; /* columns of the virtual table; then the table's, then more */

/* Where a column's value is. */
struct cell {
	enum cell_how { NOTHING, WORD, REAL, STRING, TEXT, BLOB, STACK, CHAIN, THREAD } how;
	int field;
	const uint64_t *word;
};

/* What is known of a shape of the reader, as long as the reader lives. */
struct plan {
	uint64_t serial; /* of the shape; 0: not made yet */
	unsigned table;
	uint32_t shape; /* its number in the run */
	struct cell cell[SCHEMA_COLUMNS];
	int src, pid, tid, t, addr, old; /* fields, or -1 */
	int name, n;                     /* of a comm record, of a lost record */
	unsigned *more;
	unsigned mores;
	uint32_t *thread; /* of the rows of the present block */
	size_t thread_cap;
};

struct pick {
	uint32_t n; /* number of the record in its block */
	uint32_t row;
	unsigned s;
};

/* A thread, and the last name that it was given. */
struct thread {
	int64_t src, pid, tid;
	uint64_t has; /* 1 src, 2 pid, 4 tid */
};

struct rows {
	struct store *store;
	sqlite3_stmt *insert[SCHEMA_TABLES], *add[WORDS], *life;
	int64_t base;         /* the first id of the run */
	uint64_t count, lost; /* records so far, and what they say was lost */
	struct dictionary word[WORDS];
	struct slice *comm; /* of threads */
	size_t comm_cap;
	struct arena comms;
	struct lives lives;
	struct plan *plan; /* by the reader's number of a shape */
	size_t plans, plan_cap;

	/* The block that is being read. */
	struct trace_block *block;
	struct plan **of; /* of its shapes */
	size_t of_cap;
	uint32_t *string, *stack, *chain; /* numbers of its strings and lists; 0: not known yet */
	size_t string_cap, stack_cap, chain_cap;
	struct pick *pick[SCHEMA_TABLES];
	size_t picks[SCHEMA_TABLES], pick_cap[SCHEMA_TABLES];
	unsigned table; /* what the virtual table shows */
	struct buf more, text;
};

/* ---- the virtual table ---- */

struct view {
	sqlite3_vtab base;
	struct rows *rows;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct rows *rows;
	const struct pick *at, *end;
};

static int
view_connect(
    sqlite3 *db, void *rows, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
	struct view *v;
	struct buf sql = BUF_INIT;
	int status;

	(void)argc;
	(void)argv;
	(void)message;
	buf_printf(&sql, "CREATE TABLE x(id, shape");
	for (unsigned c = 0; c < SCHEMA_COLUMNS; c++)
		buf_printf(&sql, ", c%u", c);
	buf_printf(&sql, ", more)");
	status = sqlite3_declare_vtab(db, buf_str(&sql));
	buf_free(&sql);
	if (status != SQLITE_OK)
		return status;
	v = xcalloc(1, sizeof *v);
	v->rows = rows;
	*out = &v->base;
	return SQLITE_OK;
}

static int
view_disconnect(sqlite3_vtab *v)
{
	free(v);
	return SQLITE_OK;
}

static int
view_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
	(void)v;
	info->estimatedCost = 1;
	return SQLITE_OK;
}

static int
view_open(sqlite3_vtab *v, sqlite3_vtab_cursor **out)
{
	struct cursor *c = xcalloc(1, sizeof *c);

	c->rows = ((struct view *)v)->rows;
	*out = &c->base;
	return SQLITE_OK;
}

static int
view_close(sqlite3_vtab_cursor *c)
{
	free(c);
	return SQLITE_OK;
}

static int
view_filter(sqlite3_vtab_cursor *base, int index, const char *name, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;

	(void)index;
	(void)name;
	(void)argc;
	(void)argv;
	c->at = c->rows->pick[c->rows->table];
	c->end = c->at + c->rows->picks[c->rows->table];
	return SQLITE_OK;
}

static int
view_next(sqlite3_vtab_cursor *c)
{
	((struct cursor *)c)->at++;
	return SQLITE_OK;
}

static int
view_eof(sqlite3_vtab_cursor *c)
{
	return ((struct cursor *)c)->at == ((struct cursor *)c)->end;
}

static void
result_more(sqlite3_context *to, struct rows *r, const struct plan *p, const struct pick *at)
{
	const struct trace_shape *shape = r->block->shape[at->s];

	if (p->mores == 0)
		return;
	r->more.n = 0;
	for (unsigned i = 0; i < p->mores; i++)
		shape_put_more(&r->more, i ? ',' : '{', &shape->field[p->more[i]],
		    trace_block_value(r->block, at->s, p->more[i], at->row));
	buf_char(&r->more, '}');
	sqlite3_result_text64(to, r->more.p, r->more.n, SQLITE_STATIC, SQLITE_UTF8);
}

static void
result_cell(sqlite3_context *to, struct rows *r, const struct cell *c, uint64_t word)
{
	struct slice s;
	double d;

	switch (c->how) {
	case WORD:
		sqlite3_result_int64(to, (int64_t)word);
		break;
	case REAL:
		memcpy(&d, &word, sizeof d);
		sqlite3_result_double(to, d);
		break;
	case STRING:
		sqlite3_result_int64(to, r->string[word]);
		break;
	case STACK:
		sqlite3_result_int64(to, r->stack[word]);
		break;
	case CHAIN:
		sqlite3_result_int64(to, r->chain[word]);
		break;
	case TEXT:
		s = trace_string(r->block, (uint32_t)word);
		sqlite3_result_text64(to, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
		break;
	case BLOB:
		s = trace_bytes(r->block, (uint32_t)word);
		sqlite3_result_blob64(to, s.n ? s.p : "", s.n, SQLITE_STATIC);
		break;
	default:
		break;
	}
}

static int
view_column(sqlite3_vtab_cursor *base, sqlite3_context *to, int column)
{
	struct rows *r = ((struct cursor *)base)->rows;
	const struct pick *at = ((struct cursor *)base)->at;
	const struct plan *p = r->of[at->s];

	if (column == ID) {
		sqlite3_result_int64(to, r->base + (int64_t)(r->count + at->n));
	} else if (column == SHAPE) {
		sqlite3_result_int64(to, p->shape);
	} else if (column == FIRST + SCHEMA_COLUMNS) {
		result_more(to, r, p, at);
	} else {
		const struct cell *c = &p->cell[column - FIRST];

		if (c->how == THREAD)
			sqlite3_result_int64(to, p->thread[at->row]);
		else if (c->how != NOTHING)
			result_cell(to, r, c, c->word[at->row]);
	}
	return SQLITE_OK;
}

static int
view_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *id)
{
	*id = ((struct cursor *)c)->at->n;
	return SQLITE_OK;
}

static const sqlite3_module view = { .iVersion = 1,
	.xConnect = view_connect,
	.xBestIndex = view_best_index,
	.xDisconnect = view_disconnect,
	.xOpen = view_open,
	.xClose = view_close,
	.xFilter = view_filter,
	.xNext = view_next,
	.xEof = view_eof,
	.xColumn = view_column,
	.xRowid = view_rowid };

/* ---- dictionaries ---- */

static int
add_word(struct rows *r, enum dictionary_name d, uint32_t number, struct slice text,
    struct slice second, struct error *e)
{
	sqlite3_stmt *q = r->add[d];
	int got;

	sqlite3_bind_int64(q, 1, r->base + number);
	sqlite3_bind_text64(q, 2, text.n ? text.p : "", text.n, SQLITE_STATIC, SQLITE_UTF8);
	if (d == SHAPES)
		sqlite3_bind_text64(
		    q, 3, second.n ? second.p : "", second.n, SQLITE_STATIC, SQLITE_UTF8);
	got = store_step(r->store, q, e);
	sqlite3_reset(q);
	return got < 0 ? -1 : 0;
}

static int
know_string(struct rows *r, uint64_t id, struct error *e)
{
	struct slice s = trace_string(r->block, (uint32_t)id);
	bool fresh;

	r->string[id] = dictionary_number(&r->word[STRINGS], s, &fresh);
	return fresh ? add_word(r, STRINGS, r->string[id], s, s, e) : 0;
}

static int
know_stack(struct rows *r, uint64_t id, struct error *e)
{
	union trace_value v = { .list = trace_block_list(r->block, TRACE_STRS, (uint32_t)id) };
	bool fresh;

	r->text.n = 0;
	shape_put_text(&r->text, TRACE_STRS, v);
	r->stack[id] = dictionary_number(&r->word[STACKS], buf_view(&r->text), &fresh);
	return fresh ? add_word(r, STACKS, r->stack[id], buf_view(&r->text), buf_view(&r->text), e)
		     : 0;
}

static int
know_chain(struct rows *r, uint64_t id, struct error *e)
{
	union trace_value v = { .list = trace_block_list(r->block, TRACE_ADDRS, (uint32_t)id) };
	struct slice key = { v.list.items, v.list.n * sizeof(uint64_t) };
	bool fresh;

	r->chain[id] = dictionary_number(&r->word[CHAINS], key, &fresh);
	if (!fresh)
		return 0;
	r->text.n = 0;
	shape_put_text(&r->text, TRACE_ADDRS, v);
	return add_word(r, CHAINS, r->chain[id], buf_view(&r->text), buf_view(&r->text), e);
}

static int64_t
word_at(struct trace_block *b, unsigned s, int field, uint32_t row)
{
	return field < 0 ? 0 : (int64_t)trace_column(b, s, (unsigned)field)[row];
}

/* Threads of all rows of a shape. They get their rows at the end of the run, with their names. */
static void
know_threads(struct rows *r, unsigned s, struct plan *p)
{
	unsigned has = (p->src >= 0 ? 1U : 0) | (p->pid >= 0 ? 2U : 0) | (p->tid >= 0 ? 4U : 0);
	struct thread last = { 0 };

	if (has == 0)
		return;
	GROW(p->thread, p->thread_cap, r->block->rows[s]);
	for (uint32_t row = 0; row < r->block->rows[s]; row++) {
		struct thread t = { .has = has };
		bool fresh;

		t.src = word_at(r->block, s, p->src, row);
		t.pid = word_at(r->block, s, p->pid, row);
		t.tid = word_at(r->block, s, p->tid, row);
		if (row > 0 && t.src == last.src && t.pid == last.pid && t.tid == last.tid) {
			p->thread[row] = p->thread[row - 1];
			continue;
		}
		last = t;
		p->thread[row] = dictionary_number(
		    &r->word[THREADS], (struct slice){ (const char *)&t, sizeof t }, &fresh);
		if (fresh) {
			GROW(r->comm, r->comm_cap, p->thread[row]);
			r->comm[p->thread[row]] = (struct slice){ 0 };
		}
	}
}

/* ---- plans ---- */

static int
field_of(const struct trace_shape *shape, const char *name)
{
	return trace_field_of(shape, slice_of(name), TRACE_INT);
}

static int
address_of(const struct trace_shape *shape, const char *name)
{
	int f = trace_field_index(shape, slice_of(name));

	return f >= 0 && shape->field[f].kind <= TRACE_ADDR ? f : -1;
}

static enum cell_how
how_of(enum schema_kind column, enum trace_kind field)
{
	switch (column) {
	case SCHEMA_STRING:
		return STRING;
	case SCHEMA_STACK:
		return STACK;
	case SCHEMA_CHAIN:
		return CHAIN;
	case SCHEMA_BYTES:
		return BLOB;
	case SCHEMA_THREAD:
		return THREAD;
	default:
		return field == TRACE_NUM ? REAL : field == TRACE_STR ? TEXT : WORD;
	}
}

static int
make_plan(struct rows *r, struct plan *p, const struct trace_shape *shape, struct error *e)
{
	const struct schema_table *t = shape_table(shape->type);
	struct buf key = BUF_INIT;
	bool fresh;
	int got = 0;

	free(p->more);
	*p = (struct plan){ .serial = shape->serial,
		.table = (unsigned)(t - schema_table),
		.thread = p->thread,
		.thread_cap = p->thread_cap,
		.src = field_of(shape, "src"),
		.pid = field_of(shape, "pid"),
		.tid = field_of(shape, "tid"),
		.t = field_of(shape, "t"),
		.addr = address_of(shape, "addr"),
		.old = address_of(shape, "old"),
		.name = slice_eq(shape->type, SLICE("comm"))
			    ? trace_field_of(shape, SLICE("name"), TRACE_STR)
			    : -1,
		.n = slice_eq(shape->type, SLICE("lost")) ? field_of(shape, "n") : -1 };
	p->more = xcalloc(shape->fields + 1, sizeof *p->more);
	for (unsigned f = 0; f < shape->fields; f++) {
		int c = shape_column(t, &shape->field[f]);

		if (c == SHAPE_MORE)
			p->more[p->mores++] = f;
		else
			p->cell[c] =
			    (struct cell){ .how = how_of(t->column[c].kind, shape->field[f].kind),
				    .field = (int)f };
	}
	buf_slice(&key, shape->type);
	buf_char(&key, '\0');
	shape_put(&key, t, shape);
	p->shape = dictionary_number(&r->word[SHAPES], buf_view(&key), &fresh);
	if (fresh)
		got = add_word(r, SHAPES, p->shape, shape->type,
		    (struct slice){ key.p + shape->type.n + 1, key.n - shape->type.n - 1 }, e);
	buf_free(&key);
	return got;
}

/* The plan of each shape of the block, and all that its rows refer to. */
static int
plan_block(struct rows *r, struct error *e)
{
	struct trace_block *b = r->block;

	GROW(r->of, r->of_cap, b->shapes);
	for (unsigned s = 0; s < b->shapes; s++) {
		unsigned id = b->shape[s]->id;

		GROW(r->plan, r->plan_cap, id);
		while (r->plans <= id)
			r->plan[r->plans++] = (struct plan){ 0 };
		if (r->plan[id].serial != b->shape[s]->serial &&
		    make_plan(r, &r->plan[id], b->shape[s], e) < 0)
			return -1;
	}
	for (unsigned s = 0; s < b->shapes; s++) {
		struct plan *p = r->of[s] = &r->plan[b->shape[s]->id];
		uint32_t rows = b->rows[s];

		know_threads(r, s, p);
		for (unsigned k = 0; k < SCHEMA_COLUMNS; k++) {
			struct cell *c = &p->cell[k];
			const uint64_t *word;
			int got = 0;

			if (c->how == NOTHING || c->how == THREAD)
				continue;
			word = c->word = trace_column(b, s, (unsigned)c->field);
			for (uint32_t i = 0; c->how == STRING && i < rows && got == 0; i++)
				got = r->string[word[i]] ? 0 : know_string(r, word[i], e);
			for (uint32_t i = 0; c->how == STACK && i < rows && got == 0; i++)
				got = r->stack[word[i]] ? 0 : know_stack(r, word[i], e);
			for (uint32_t i = 0; c->how == CHAIN && i < rows && got == 0; i++)
				got = r->chain[word[i]] ? 0 : know_chain(r, word[i], e);
			if (got < 0)
				return -1;
		}
	}
	return 0;
}

/* ---- blocks ---- */

static void
clear_numbers(uint32_t **number, size_t *cap, uint32_t n)
{
	GROW(*number, *cap, n);
	memset(*number, 0, (n + 1) * sizeof **number);
}

static void
note_comm(struct rows *r, const struct pick *at, const struct plan *p)
{
	const uint64_t *name = trace_column(r->block, at->s, (unsigned)p->name);

	if (p->tid >= 0)
		r->comm[p->thread[at->row]] =
		    arena_copy(&r->comms, trace_string(r->block, (uint32_t)name[at->row]));
}

static void
note_life(struct rows *r, const struct pick *at, const struct plan *p)
{
	uint64_t number = r->count + at->n, addr, space;
	struct trace_block *b = r->block;
	int64_t t = word_at(b, at->s, p->t, at->row);
	bool free = slice_eq(b->shape[at->s]->type, SLICE("free"));

	if (p->addr < 0 || p->t < 0)
		return;
	addr = (uint64_t)word_at(b, at->s, p->addr, at->row);
	space = hash_mix((uint64_t)word_at(b, at->s, p->src, at->row),
	    (uint64_t)word_at(b, at->s, p->pid, at->row));
	if (free) {
		lives_end(&r->lives, space, addr, number, t);
		return;
	}
	if (p->old >= 0)
		lives_end(
		    &r->lives, space, (uint64_t)word_at(b, at->s, p->old, at->row), number, t);
	lives_begin(&r->lives, space, addr, number);
}

/* Which rows go to which table, in the order of their records. */
static void
sort_out(struct rows *r)
{
	struct trace_block *b = r->block;
	const uint16_t *sequence = trace_sequence(b);
	uint32_t *row = xcalloc(b->shapes + 1, sizeof *row);

	memset(r->picks, 0, sizeof r->picks);
	for (uint32_t n = 0; n < b->records; n++) {
		unsigned s = sequence ? sequence[n] : 0;
		const struct plan *p = r->of[s];
		unsigned t = p->table;
		struct pick at = { n, row[s]++, s };

		GROW(r->pick[t], r->pick_cap[t], r->picks[t]);
		r->pick[t][r->picks[t]++] = at;
		if (p->n >= 0 && word_at(b, s, p->n, at.row) > 0)
			r->lost += (uint64_t)word_at(b, s, p->n, at.row);
		else if (p->name >= 0)
			note_comm(r, &at, p);
		else if (t == SCHEMA_ALLOC || t == SCHEMA_FREE)
			note_life(r, &at, p);
	}
	free(row);
}

int
rows_block(struct rows *r, struct trace_block *b, struct error *e)
{
	r->block = b;
	clear_numbers(&r->string, &r->string_cap, b->strings);
	clear_numbers(&r->stack, &r->stack_cap, b->lists[TRACE_STRS]);
	clear_numbers(&r->chain, &r->chain_cap, b->lists[TRACE_ADDRS]);
	if (plan_block(r, e) < 0)
		return -1;
	sort_out(r);
	for (r->table = 0; r->table < SCHEMA_TABLES; r->table++) {
		int got;

		if (r->picks[r->table] == 0)
			continue;
		got = store_step(r->store, r->insert[r->table], e);
		sqlite3_reset(r->insert[r->table]);
		if (got < 0)
			return -1;
	}
	r->count += b->records;
	return 0;
}

/* ---- beginning and end ---- */

static void
clear_plans(struct rows *r)
{
	for (size_t i = 0; i < r->plans; i++)
		r->plan[i].serial = 0;
}

void
rows_run(struct rows *r, int64_t run)
{
	r->base = (int64_t)((uint64_t)run << SCHEMA_RUN_SHIFT);
	r->count = r->lost = 0;
	for (unsigned d = 0; d < WORDS; d++)
		dictionary_clear(&r->word[d]);
	arena_reset(&r->comms);
	rows_trace(r);
}

void
rows_trace(struct rows *r)
{
	clear_plans(r);
	lives_clear(&r->lives);
}

uint64_t
rows_count(const struct rows *r)
{
	return r->count;
}

uint64_t
rows_lost(const struct rows *r)
{
	return r->lost;
}

int
rows_trace_end(struct rows *r, struct error *e)
{
	for (size_t i = 0; i < r->lives.lives; i++) {
		const struct life *l = &r->lives.life[i];
		int got;

		if (l->end == LIVES_OPEN)
			continue;
		sqlite3_bind_int64(r->life, 1, r->base + (int64_t)l->begin);
		sqlite3_bind_int64(r->life, 2, l->until);
		sqlite3_bind_int64(r->life, 3, (int64_t)l->end);
		got = store_step(r->store, r->life, e);
		sqlite3_reset(r->life);
		if (got < 0)
			return -1;
	}
	return 0;
}

static void
bind_part(sqlite3_stmt *q, int parameter, bool has, int64_t value)
{
	if (has)
		sqlite3_bind_int64(q, parameter, value);
	else
		sqlite3_bind_null(q, parameter);
}

int
rows_run_end(struct rows *r, struct error *e)
{
	sqlite3_stmt *q = r->add[THREADS];

	for (size_t i = 0; i < r->word[THREADS].items; i++) {
		struct thread t;
		int got;

		memcpy(&t, r->word[THREADS].item[i].p, sizeof t);
		sqlite3_bind_int64(q, 1, r->base + (int64_t)i + 1);
		bind_part(q, 2, t.has & 1, t.src);
		bind_part(q, 3, t.has & 2, t.pid);
		bind_part(q, 4, t.has & 4, t.tid);
		store_bind(q, 5, r->comm[i + 1]);
		got = store_step(r->store, q, e);
		sqlite3_reset(q);
		if (got < 0)
			return -1;
	}
	return 0;
}

static int
prepare(struct rows *r, struct error *e)
{
	static const char *const add[WORDS] = { [STRINGS] = "INSERT INTO string VALUES(?, ?)",
		[STACKS] = "INSERT INTO stack VALUES(?, ?)",
		[CHAINS] = "INSERT INTO chain VALUES(?, ?)",
		[SHAPES] = "INSERT INTO shape VALUES(?, ?, ?)",
		[THREADS] = "INSERT INTO thread VALUES(?, ?, ?, ?, ?)" };

	for (unsigned d = 0; d < WORDS; d++)
		if ((r->add[d] = store_prepare(r->store, add[d], e)) == NULL)
			return -1;
	r->life = store_prepare(r->store, "INSERT INTO life VALUES(?, ?, ?)", e);
	for (unsigned t = 0; t < SCHEMA_TABLES && r->life; t++) {
		struct buf sql = BUF_INIT;

		/* (OR ROLLBACK: what is there need not be kept for the case that a row fails) */
		buf_printf(
		    &sql, "INSERT OR ROLLBACK INTO raw_%s SELECT id, shape", schema_table[t].name);
		for (unsigned c = 0; c < schema_table[t].columns; c++)
			buf_printf(&sql, ", c%u", c);
		buf_printf(&sql, ", more FROM leat_rows");
		r->insert[t] = store_prepare(r->store, buf_str(&sql), e);
		buf_free(&sql);
		if (r->insert[t] == NULL)
			return -1;
	}
	return r->life ? 0 : -1;
}

struct rows *
rows_new(struct store *s, struct error *e)
{
	struct rows *r = xcalloc(1, sizeof *r);

	r->store = s;
	if (sqlite3_create_module(store_db(s), "leat_rows", &view, r) != SQLITE_OK) {
		store_error(s, NULL, e);
	} else if (prepare(r, e) == 0) {
		return r;
	}
	rows_free(r);
	return NULL;
}

void
rows_free(struct rows *r)
{
	if (r == NULL)
		return;
	for (unsigned t = 0; t < SCHEMA_TABLES; t++) {
		sqlite3_finalize(r->insert[t]);
		free(r->pick[t]);
	}
	for (unsigned d = 0; d < WORDS; d++) {
		sqlite3_finalize(r->add[d]);
		dictionary_free(&r->word[d]);
	}
	sqlite3_finalize(r->life);
	for (size_t i = 0; i < r->plan_cap && i < r->plans; i++) {
		free(r->plan[i].more);
		free(r->plan[i].thread);
	}
	free(r->plan);
	free(r->of);
	free(r->string);
	free(r->stack);
	free(r->chain);
	free(r->comm);
	arena_free(&r->comms);
	lives_free(&r->lives);
	buf_free(&r->more);
	buf_free(&r->text);
	free(r);
}
