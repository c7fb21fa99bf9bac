/* plan.h - the runs of an experiment: cells of a table in randomised complete blocks
 *
 * A table of levels (CSV or TSV) has a row for each level of each factor:
 *
 *	factor,level,command,dry,freq,timeout,THREADS
 *	program,quick,$top/sort quick
 *	program,merge,$top/sort merge
 *	data,random,random,,,,4
 *	repetitions,5
 *
 * A cell is one level of every factor; the settings of its levels join: commands are put one behind the other in the order
 * of the factors, any other setting may come from one level only. Columns: factor level (both needed), command, dry (yes, no),
 * freq (a second), cpu_node, mem_node, timeout (a duration), except (words factor=level that this level does not go
 * with), and names in capitals, which are variables of the run's environment. An empty cell sets nothing. Factors
 * repetitions, seed and timeout stand for themselves. Names of factors are [a-z][a-z0-9_]*, and none of the words above.
 *
 * A run is a cell and a repetition. Its name is its levels and the repetition with dots between; bytes other than
 * [A-Za-z0-9_-] are +xx, so that no two cells share one. A name that is too long for a file has the hash of the whole behind
 * `++` instead of its end. A repetition is a block: it holds every cell once, in an order of its own that follows from the
 * seed, its number and the names of the cells alone, so that a plan can grow.
 *
 * Making costs a sort of the cells, and for each block a draw for each cell (Fisher-Yates).
 *
 * Written, a plan is a table of kind `plan`, a row for each run in order of execution:
 *	# plan seed=1 repetitions=5 cells=6 runs=30 factors=program,data [sequence=data]
 *	name rep position FACTOR... command dry freq cpu_node mem_node timeout_ns VARIABLE... settings
 * settings is the XXH64 of all that makes the cell what it is, in hex, with a letter in front so that
 * nothing takes it for a number: a run with another one is of an older table. The timeout is not in it: a run that ended in
 * time is the same.
 *
 * Units:     timeout_ns nanoseconds, freq a second.
 * Ownership: a plan owns all its strings, until plan_free(); a NUL stands behind each.
 * Errors:    NULL or -1 with the text, which begins with the line where there is one.
 * Source:    R. A. Fisher's randomised complete blocks; T. Mytkowicz et al., "Producing wrong data without doing anything
 *            obviously wrong" (ASPLOS 2009), for why.
 */
#ifndef EXPERIMENT_PLAN_H
#define EXPERIMENT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

struct plan_run {
	struct slice name;
	uint32_t cell;             /* its number, from 0: plan->cell[] */
	uint64_t rep;              /* from 1 */
	uint64_t position;         /* in order of execution, from 1 */
	const struct slice *level; /* of each factor */
	struct slice command;      /* empty: none */
	bool dry;
	uint64_t freq;              /* 0: not set */
	int64_t cpu_node, mem_node; /* -1: not set */
	uint64_t timeout_ns;        /* 0: none */
	const struct slice *value;  /* of each variable; p NULL: not set */
	struct slice settings;
};

struct plan {
	uint64_t seed, repetitions, cells;
	const struct slice *factor;
	unsigned factors;
	const struct slice *variable;
	unsigned variables;
	struct slice sequence;      /* the factor that is not shuffled, or empty */
	const struct plan_run *run; /* in order of execution */
	size_t runs;
	const struct plan_run
	    *cell; /* [cells], by name, which is without the repetition; rep and position are 0 */
	struct plan_parts *parts;
};

struct plan_options {
	uint64_t seed, repetitions; /* 0: as the table says, else 1 and 1 */
	struct slice sequence;
};

/* From a table of levels: the plan of it. */
struct plan *plan_make(int fd, const struct plan_options *options, struct error *e);

/* From a written plan. */
struct plan *plan_read(int fd, struct error *e);

/* Adds blocks behind the last: cell i is in the first more[i] of them. 0, -1 where that is too much. */
int plan_extend(struct plan *p, const uint64_t *more, struct error *e);

void plan_put(struct buf *b, const struct plan *p);

/* The run with this name, or NULL. */
const struct plan_run *plan_find(const struct plan *p, struct slice name);

void plan_free(struct plan *p);

#endif
