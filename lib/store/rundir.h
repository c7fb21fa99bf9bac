/* rundir.h - a run as its directory tells it
 *
 * run.leat says what was run and what was measured (see leat-run(1)), before.leat and after.leat what the machine was,
 * every other *.leat is a trace. A directory failed/NAME.N is attempt N of a run, any other is attempt 0.
 *
 * Units:     nanoseconds; started_ns of CLOCK_REALTIME.
 * Ownership: rundir_free() frees all, slices too.
 * Errors:    -1 and the text, which begins with the path. What is damaged in run.leat is an error: nothing of a run would
 *            be certain. What is damaged in before.leat and after.leat is counted in `lost`, with the first place in `damage`.
 * Source:    own.
 */
#ifndef STORE_RUNDIR_H
#define STORE_RUNDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum rundir_kind { RUNDIR_INT, RUNDIR_REAL, RUNDIR_TEXT };

/* A statistic, or a fact about the machine. */
struct rundir_value {
	struct slice moment; /* of a fact: before, after; empty for a statistic */
	struct slice section, name, unit;
	enum rundir_kind kind;
	int64_t i;
	double real;
	struct slice text;
};

struct rundir_pair {
	struct slice name, value;
};

/* Numbers that are not said: has says which are. */
enum rundir_number {
	RUNDIR_REP,
	RUNDIR_POSITION,
	RUNDIR_SEED,
	RUNDIR_FREQ,
	RUNDIR_CPU_NODE,
	RUNDIR_MEM_NODE,
	RUNDIR_TIMEOUT,
	RUNDIR_STARTED,
	RUNDIR_NUMBERS
};

struct rundir {
	struct slice dir, experiment, name, uuid, settings, command, host, arch, release;
	int64_t number[RUNDIR_NUMBERS];
	bool has[RUNDIR_NUMBERS];
	bool dry, failed;
	uint64_t attempt;
	struct rundir_pair *factor, *variable;
	size_t factors, variables;
	struct rundir_value *value;
	size_t values, value_cap;
	struct slice *trace; /* names of files, in order of bytes */
	size_t traces, trace_cap;
	uint64_t lost;
	struct error damage;
	struct arena arena;
};

/* Zeroed before. */
int rundir_read(struct rundir *d, const char *path, struct error *e);

void rundir_free(struct rundir *d);

#endif
