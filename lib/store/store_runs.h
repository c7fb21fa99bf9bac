/* store_runs.h - the runs of a database with their levels and statistics, in memory
 *
 * What `leat store list` and `leat store stat` have in common. Runs stand in the order of the plan: experiment, position
 * (those without one behind), name, and the attempts that failed before the one that did not. Factors and statistics have the
 * order in which the runs in that order have them; statistics of section run come first, in a fixed order, then those
 * of section values, then others. Statistics of one name with several units, or in several sections, are several.
 *
 * Memory: some 40 bytes for a value, all values of all runs.
 *
 * Units:     none: as they are in the database.
 * Ownership: store_runs_free() frees all, slices too.
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef STORE_STORE_RUNS_H
#define STORE_STORE_RUNS_H

#include <stdint.h>

#include "base/arena.h"
#include "store/store.h"

/* Of a statistic in a run. */
struct store_value {
	enum store_value_kind { STORE_NONE, STORE_INT, STORE_REAL, STORE_TEXT } kind;
	bool again; /* the run has it more than once: this is the first */
	int64_t i;
	double real; /* of ints, too */
	struct slice text;
};

struct store_metric {
	struct slice section, name, unit;
	struct slice title; /* its name, or one that no other column of the list has */
};

struct store_run {
	int64_t id;
	struct slice experiment, name, settings, host; /* p NULL: not known */
	int64_t rep, position, attempt, started_ns;    /* -1: not known */
	int64_t lost;                                  /* records of its traces */
	bool dry, failed;
	struct slice *level;       /* of each factor; p NULL: it has none */
	struct store_value *value; /* of each metric */
};

struct store_runs {
	struct store_run *run;
	size_t runs;
	struct slice *factor;
	unsigned factors;
	struct store_metric *metric;
	unsigned metrics;
	struct arena arena; /* private, as is the rest */
	size_t run_cap, factor_cap, metric_cap;
	unsigned guess;
};

/* The columns of the list: experiment name FACTOR... rep position dry failed attempt host started_ns lost METRIC...; for
 * free(3). */
struct slice *store_runs_columns(struct store_runs *r, size_t *n);

int store_runs_read(struct store_runs *r, struct store *s, struct error *e);
void store_runs_free(struct store_runs *r);

/* A name for a column: `name`, or PREFIX.name where it is one of taken[] (n of them). */
struct slice store_runs_title(struct store_runs *r, const char *prefix, struct slice name,
    const struct slice *taken, size_t n);

/* A cell of a table: nothing for none; ints as they are, other numbers with up to `digits` digits, whole ones below 2^53
 * with all of theirs. */
void store_put_value(struct buf *to, const struct store_value *v);
void store_put_number(struct buf *to, double v, int digits);

#endif
