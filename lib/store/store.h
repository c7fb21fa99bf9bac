/* store.h - the database of an experiment: many runs in one SQLite file
 *
 * The schema is in schema.h, and leat-store(5) tells what it means. A store is opened for reading, which changes nothing (but
 * for a writer's half-made change, which whoever comes next takes back), or for writing, where a file that is not there
 * is made. Who finds the file locked waits: writers come one after the other, and readers see whole runs.
 *
 * Units:     those of the schema.
 * Ownership: store_open() to store_close(), which also finalizes statements that were left.
 * Errors:    NULL or -1, and the text, which begins with the path.
 * Source:    own; SQLite 3.40, https://www.sqlite.org/fileformat2.html, /lang.html.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

enum store_mode { STORE_READ, STORE_WRITE };

struct store;

/* Called once, with the path, by whoever has waited two seconds for a lock; NULL for nobody. */
void store_on_wait(void (*tell)(const char *path));

/* path: a file. Errors: it is not there (reading), no database, none of ours, or of another version of the schema. */
struct store *store_open(const char *path, enum store_mode mode, struct error *e);
void store_close(struct store *s);

sqlite3 *store_db(struct store *s);
const char *store_path(const struct store *s);

/* Sets "PATH: WHAT: what SQLite says of its last error"; what may be NULL. Returns -1. */
int store_error(struct store *s, const char *what, struct error *e);

/* A statement, or NULL with the text; and one or more statements that give no rows. */
sqlite3_stmt *store_prepare(struct store *s, const char *sql, struct error *e);
int store_exec(struct store *s, const char *sql, struct error *e);

/* The next row: 1, 0 at the end, -1. */
int store_step(struct store *s, sqlite3_stmt *q, struct error *e);

/* Values of a row as bytes, which live until the next step; and to a parameter, copied. p NULL is NULL. */
struct slice store_text(sqlite3_stmt *q, int column);
void store_bind(sqlite3_stmt *q, int parameter, struct slice text);

/* Where a module puts what it prints: put() takes the bytes away (n = 0) and returns 0, or -1 where no more is wanted, which
 * ends the module with -1 and an empty text. Called whenever there is about STORE_CHUNK, and at the end. */
struct store_out {
	int (*put)(void *context, struct buf *b);
	void *context;
};

enum { STORE_CHUNK = 64 * 1024 };

#endif
