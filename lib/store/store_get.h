/* store_get.h - a trace out of a database, as it went in
 *
 * A run's records are a range of ids in each table; they are read side by side and merged by id. Memory: the distinct
 * strings and lists that came by.
 *
 * Units:     none.
 * Ownership: store_get_new() to store_get_free(), before the store is closed.
 * Errors:    NULL or -1, and the text.
 * Source:    own; leat-store(5).
 */
#ifndef STORE_STORE_GET_H
#define STORE_STORE_GET_H

#include <stdint.h>

#include "store/store.h"
#include "trace/writer.h"

struct store_get;

/* The run with this name (of attempt 0), this NAME.N (attempt N), EXPERIMENT/ before either, uuid, or id. */
int store_find(struct store *s, struct slice run, int64_t *id, struct error *e);

/* A trace of a run by the name of its file, with or without .leat; NULL where the run has only one. */
struct store_get *store_get_new(struct store *s, int64_t run, const char *trace, struct error *e);

/* How it was encoded, and what its `lost` records tell of. */
enum trace_encoding store_get_encoding(const struct store_get *g);
uint64_t store_get_lost(const struct store_get *g);

/* The next record: 1, 0 at the end, -1; it borrows from g until the next call. */
int store_get_next(struct store_get *g, struct trace_record *r, struct error *e);

void store_get_free(struct store_get *g);

#endif
