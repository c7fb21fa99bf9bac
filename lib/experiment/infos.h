/* infos.h - the facts of a machine as records, and from records, and how two sets differ
 *
 * A fact that a trace tells several times (before and after a run) is there several times, in that order.
 *
 * Units:     those of the facts: unit names them (sys/facts.h).
 * Ownership: the caller holds the struct, infos_free() what it points to; what is added is copied.
 * Errors:    none.
 * Source:    own; leat-trace(5), `info`.
 */
#ifndef EXPERIMENT_INFOS_H
#define EXPERIMENT_INFOS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "sys/facts.h"
#include "sys/usage.h"
#include "trace/writer.h"

struct info {
	struct slice section, name;
	struct slice text; /* the value as a trace has it; behind it a NUL */
	struct slice unit; /* empty: none */
	bool is_number;
	double number;
};

struct infos {
	struct info *info;
	size_t n, cap;
	struct arena arena;
};

#define INFOS_INIT ((struct infos){ 0 })

void infos_add(struct infos *s, const struct fact *f);

/* Whether it was an `info` record with a name and a value. */
bool infos_add_record(struct infos *s, const struct trace_record *r);

/* The last one with this name, or NULL. */
const struct info *infos_find(const struct infos *s, struct slice name);

/* A table of those that differ: section, name, value in a, in b (empty: not there); those that change by themselves only with
 * `all`. Returns how many. Where a fact is there several times, the last counts. */
size_t infos_diff(const struct infos *a, const struct infos *b, const char *a_name,
    const char *b_name, bool all, struct buf *to);

/* Writing. `info t section name value [unit]` of each fact, and `lost` of those that may not be read; `stat t name value
 * [unit] section [device|cgroup]` of each value of a reading, and `lost` of those that it could not tell. Errors stick in the
 * writer. Both return how many records other than lost they made. */
uint64_t infos_put(struct trace_writer *w, int64_t t, const struct facts *f);
uint64_t infos_put_usage(struct trace_writer *w, int64_t t, const struct usage *u);

void infos_free(struct infos *s);

#endif
