/* run_record.h - what a run's trace says of it: start, clock, run, stat, end
 *
 * Units:     t in nanoseconds of CLOCK_MONOTONIC_RAW; stats as their unit says.
 * Ownership: the caller holds the struct; the writer stays the caller's.
 * Errors:    -1 where the writer fails: trace_writer_error(); run_record_values() says more.
 * Source:    own; leat-trace(5), leat-run(1).
 */
#ifndef EXPERIMENT_RUN_RECORD_H
#define EXPERIMENT_RUN_RECORD_H

#include "experiment/plan.h"
#include "sys/child.h"
#include "trace/writer.h"

struct run_record {
	struct trace_writer *w;
	uint64_t made;
};

/* Which run it is. */
struct run_about {
	const char *tool, *version;
	char **argv; /* of the tool; its first item is written as the tool's name */
	struct slice name, experiment, command;
	const char *id;
	const struct plan *plan;     /* NULL: none */
	const struct plan_run *cell; /* NULL: none */
	uint64_t timeout_ns;
};

int run_record_start(struct run_record *r, const struct run_about *about);
int run_record_run(struct run_record *r, const struct run_about *about, int64_t t);

int run_record_int(struct run_record *r, int64_t t, const char *section, struct slice name,
    int64_t v, struct slice unit);
int run_record_num(struct run_record *r, int64_t t, const char *section, struct slice name,
    double v, struct slice unit);

/* What the command took; and how it ended: what a shell would say, and the signal. */
int run_record_usage(struct run_record *r, int64_t t, const struct sys_child *c);

/* What the command has measured by itself: directory/values, where there is such a file. -1 with the text, which calls it
 * `called` where one of its lines is wrong. */
int run_record_values(
    struct run_record *r, const char *directory, const char *called, struct error *e);

/* Why a run failed, in words: an `info` record. */
int run_record_failure(struct run_record *r, int64_t t, const char *why);

int run_record_end(struct run_record *r, const struct run_about *about);

#endif
