/* record_own.h - what a recorder writes beside what it records: start, clock, stat, sym, object, end
 *
 * Whoever records writes these of itself, whatever the source of its measurements is: who measured, on which clock, at
 * which rates, and how it ended. All but start and end count as made.
 *
 * Units:     t in nanoseconds of the trace's clock.
 * Ownership: the caller holds the struct; the writer stays the caller's.
 * Errors:    -1 where the writer fails: trace_writer_error().
 * Source:    own; leat-trace(5).
 */
#ifndef FLOW_RECORD_OWN_H
#define FLOW_RECORD_OWN_H

#include "sys/buildid.h"
#include "sys/clock.h"
#include "sys/ksyms.h"
#include "sys/limits.h"
#include "trace/writer.h"

struct record_own {
	struct trace_writer *w;
	uint64_t made;
};

struct record_own_start {
	const char *tool, *version, *clock;
	char **argv; /* its first item is written as the tool's name */
};

/* Host, machine, kernel and pid are those of this process. */
int record_own_start(struct record_own *o, const struct record_own_start *start);

/* What all clocks said at t. */
int record_own_clock(struct record_own *o, int64_t t, const struct sys_clock_reading *clocks);

/* A number that is whole is written as such. */
int record_own_stat(struct record_own *o, int64_t t, const char *name, double value,
    const char *unit, const char *section);

/* The kernel's limits on sampling, as far as they are known. */
int record_own_limits(
    struct record_own *o, int64_t t, const struct sys_limits *limits, const char *section);

/* A function of the kernel or of one of its modules. */
int record_own_sym(struct record_own *o, int64_t t, const struct sys_ksym *sym);

/* The build id of a file that is mapped somewhere under this path. */
int record_own_object(struct record_own *o, struct slice path, const struct sys_buildid *id);

/* made: records that others wrote. */
int record_own_end(struct record_own *o, const char *tool, uint64_t made, uint64_t lost);

#endif
