#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/schema.h"

enum { WAIT_MS = 10, WAIT_TOLD_MS = 2000 };

struct store {
	sqlite3 *db;
	char *path;
	bool told; /* that it waits */
};

static void (*on_wait)(const char *path);

void
store_on_wait(void (*tell)(const char *path))
{
	on_wait = tell;
}

sqlite3 *
store_db(struct store *s)
{
	return s->db;
}

const char *
store_path(const struct store *s)
{
	return s->path;
}

int
store_error(struct store *s, const char *what, struct error *e)
{
	return error_set(e, "%s: %s%s%s", s->path, what ? what : "", what ? ": " : "",
	    s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

sqlite3_stmt *
store_prepare(struct store *s, const char *sql, struct error *e)
{
	sqlite3_stmt *q;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK)
		return q;
	store_error(s, NULL, e);
	return NULL;
}

int
store_exec(struct store *s, const char *sql, struct error *e)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return store_error(s, NULL, e);
}

int
store_step(struct store *s, sqlite3_stmt *q, struct error *e)
{
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return store_error(s, NULL, e);
	}
}

struct slice
store_text(sqlite3_stmt *q, int column)
{
	const char *p = sqlite3_column_blob(q, column);
	int n = sqlite3_column_bytes(q, column);

	if (p == NULL && sqlite3_column_type(q, column) != SQLITE_NULL)
		p = "";
	return (struct slice){ p, (size_t)n };
}

void
store_bind(sqlite3_stmt *q, int parameter, struct slice text)
{
	if (text.p)
		sqlite3_bind_text64(q, parameter, text.p, text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_bind_null(q, parameter);
}

/* Whoever has the file will be done: a transaction is a run. What is locked for ever, by a stopped process, is for the user
 * to end. */
static int
wait_for_lock(void *store, int tries)
{
	struct store *s = store;

	usleep(WAIT_MS * 1000);
	if (tries >= WAIT_TOLD_MS / WAIT_MS && !s->told && on_wait) {
		s->told = true;
		on_wait(s->path);
	}
	return 1;
}

/* The one number that a pragma gives; -1 where it fails. */
static int64_t
number(struct store *s, const char *sql, struct error *e)
{
	sqlite3_stmt *q = store_prepare(s, sql, e);
	int64_t n = -1;

	if (q && store_step(s, q, e) > 0)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

/* Whether the file is ours: 1, 0 for one without tables, -1. */
static int
check(struct store *s, struct error *e)
{
	int64_t tables = number(s, "SELECT count(*) FROM sqlite_schema", e);
	int64_t application = tables < 0 ? -1 : number(s, "PRAGMA application_id", e);
	int64_t version = application < 0 ? -1 : number(s, "PRAGMA user_version", e);

	if (version < 0)
		return -1;
	if (tables == 0 && application == 0)
		return 0;
	if (application != SCHEMA_APPLICATION)
		return error_set(e, "%s: a database, but none that leat store made", s->path);
	if (version != SCHEMA_VERSION)
		return error_set(e,
		    "%s: its schema is version %lld, and this leat store knows version %d: %s",
		    s->path, (long long)version, SCHEMA_VERSION,
		    version < SCHEMA_VERSION ? "make it anew from the runs"
					     : "use the leat that made it, or make it anew");
	return 1;
}

/* Of what is appended nothing goes into a rollback journal, so that it is the cheapest one for bulk loads. Pages of 8 KiB
 * take 6 % less time than SQLite's 4 KiB; larger ones give little more, and every table has one. */
static int
begin_writing(struct store *s, struct error *e)
{
	struct buf sql = BUF_INIT;
	int got;

	if (store_exec(s, "PRAGMA page_size = 8192; BEGIN IMMEDIATE", e) < 0)
		return -1;
	got = check(s, e);
	if (got == 0) {
		schema_put(&sql);
		got = store_exec(s, buf_str(&sql), e);
		buf_free(&sql);
	}
	if (got >= 0)
		got = store_exec(s, "COMMIT; PRAGMA cache_size = -65536", e);
	if (got < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return got < 0 ? -1 : 0;
}

static int
begin_reading(struct store *s, struct error *e)
{
	int got = check(s, e);

	if (got == 0)
		return error_set(e, "%s: an empty database: nothing was added yet", s->path);
	if (got < 0)
		return -1;
	return store_exec(s, "PRAGMA cache_size = -65536; PRAGMA mmap_size = 1073741824", e);
}

static int
open_db(struct store *s, int flags, struct error *e)
{
	int status = sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_EXRESCODE, NULL);

	if (status != SQLITE_OK)
		return store_error(s, NULL, e);
	sqlite3_busy_handler(s->db, wait_for_lock, s);
	return 0;
}

/* A writer was killed, and its change must be taken back, which needs a writer. */
static void
roll_back(struct store *s)
{
	struct store writer = { .path = s->path };

	if (open_db(&writer, SQLITE_OPEN_READWRITE, NULL) == 0)
		number(&writer, "SELECT count(*) FROM sqlite_schema", NULL);
	sqlite3_close_v2(writer.db);
}

struct store *
store_open(const char *path, enum store_mode mode, struct error *e)
{
	struct store *s = xcalloc(1, sizeof *s);
	struct stat st;
	int got;

	s->path = xstrndup(path, strlen(path));
	if (mode == STORE_READ && stat(path, &st) < 0) {
		error_set(e, "%s: %s", path, strerror(errno));
		store_close(s);
		return NULL;
	}
	got = open_db(s,
	    mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	    e);
	if (got == 0 && mode == STORE_READ) {
		got = begin_reading(s, e);
		if (got < 0 && sqlite3_extended_errcode(s->db) == SQLITE_READONLY_ROLLBACK) {
			roll_back(s);
			got = begin_reading(s, e);
		}
	} else if (got == 0) {
		got = begin_writing(s, e);
	}
	if (got < 0) {
		store_close(s);
		return NULL;
	}
	return s;
}

void
store_close(struct store *s)
{
	sqlite3_stmt *q;

	if (s == NULL)
		return;
	while (s->db && (q = sqlite3_next_stmt(s->db, NULL)))
		sqlite3_finalize(q);
	sqlite3_close_v2(s->db);
	free(s->path);
	free(s);
}
