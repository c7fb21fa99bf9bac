/* heimdallr.h - a run of Heimdallr's to a trace
 *
 * Reads a directory PROGRAM.MODE.REPETITION: alloc_*.log, maps.log, access.dat (a perf.data, or what perf script prints of it; also
 * access.txt, access.script) and what heimdallr_run.h reads. The trace, in order of time:
 *
 *	start tool=heimdallr clock=monotonic_raw host arch release argv
 *	comm mmap		the libraries of maps.log, in a space of their own (heimdallr_log.h), so that stacks can be named
 *	alloc t pid tid op=alloc addr size chain
 *	free t pid tid op=free addr size chain
 *	access t cpu pid tid event op addr size weight ip chain		perf's samples that have an address
 *	sample mmap comm fork exit sym object lost			as they are in access.dat
 *	run, stat section=run|heimdallr					unless bare
 *	lost n why=bad-line|truncated
 *	end tool=heimdallr made lost
 *
 * perf's samples are on perf's clock, allocations on CLOCK_MONOTONIC_RAW: seconds may lie between. Whatever the library logged
 * happened between its own mmap and the exit of the process, which are in access.dat: that bounds what is between the clocks,
 * mostly to a few ms. Text has no mmaps: the first and the last sample are taken for the begin and the end of the program.
 * What was found is told, and written as stats clock_offset_ns and clock_error_ns; times of perf are moved by it.
 *
 * Memory: that of heimdallr_log.h. Samples go through a file without a name in TMPDIR.
 *
 * Units:     nanoseconds of CLOCK_MONOTONIC_RAW; bytes.
 * Ownership: the writer stays the caller's; the run that was read is, too.
 * Errors:    -1 with the text where the directory cannot be read, or writing fails. Damage is no error: lost, and stats.
 * Source:    own; the layout as Heimdallr's sources of 2023-09-14 describe it.
 */
#ifndef FORM_HEIMDALLR_H
#define FORM_HEIMDALLR_H

#include "base/error.h"
#include "form/heimdallr_run.h"
#include "trace/writer.h"

struct heimdallr_options {
	bool has_offset;
	int64_t offset; /* perf's clock minus CLOCK_MONOTONIC_RAW */
	struct slice reads,
	    writes; /* names of events, commas between; what is not named is known by its name */
	bool bare;  /* what was run and what it took is written elsewhere */
	struct slice version; /* for start; empty: none */
	void (*progress)(uint64_t records, uint64_t bytes, void *context); /* may be NULL */
	void *context;
};

struct heimdallr_stats {
	uint64_t allocs, frees, accesses, samples; /* written */
	uint64_t bad_lines, damaged;               /* of logs and maps; places in access.dat */
	uint64_t lost;                             /* sum of all losses */
	bool truncated;                            /* some file ends in the middle of something */
	struct error first;                        /* the first place */
};

enum heimdallr_op { HEIMDALLR_READ, HEIMDALLR_WRITE, HEIMDALLR_UNKNOWN };

/* What an event counts, by its name. */
enum heimdallr_op heimdallr_event_op(struct slice event, const struct heimdallr_options *o);

/* Notes for the user are added to run. */
int heimdallr_import(const char *path, struct heimdallr_run *run, struct trace_writer *w,
    const struct heimdallr_options *o, struct heimdallr_stats *stats, struct error *e);

/* The run alone: start, run, stats, end, as leat-run(1) has them in run.leat. */
int heimdallr_put_run(const struct heimdallr_run *run, bool dry, struct trace_writer *w,
    const struct heimdallr_options *o, struct error *e);

/* Whether anything was traced in this directory. */
bool heimdallr_is_traced(const char *path);

#endif
