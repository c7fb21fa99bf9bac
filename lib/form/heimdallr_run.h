/* heimdallr_run.h - what a run of Heimdallr's was, and what it took
 *
 * A run is a directory PROGRAM.MODE.REPETITION with cmd.log, time.log (of GNU time), console.log and error.log beside what was
 * traced. Above it stand modes.lst (MODE HMS MEM CPU DRY FREQ) and runs.lst (REPETITION COMMAND).
 * What is missing is not known; what contradicts itself is told in notes.
 *
 * Units:     nanoseconds; bytes; begin and end in CLOCK_MONOTONIC_RAW.
 * Ownership: heimdallr_run_free() frees all, slices too.
 * Errors:    -1 with the text where the directory is none of a run. Files that are damaged are notes.
 * Source:    own; time(1) of GNU for the layout of time.log.
 */
#ifndef FORM_HEIMDALLR_RUN_H
#define FORM_HEIMDALLR_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

struct heimdallr_usage {
	bool known; /* there was a time.log with at least the three times */
	int64_t user_ns, sys_ns, wall_ns;
	int64_t maxrss_bytes, major_faults, minor_faults, in_blocks, out_blocks; /* -1: not said */
	int64_t exit_status, signal;
};

struct heimdallr_run {
	struct slice name, program, mode, experiment;
	int64_t rep;
	struct slice command; /* the workload's; empty: nobody says */
	bool has_mode;        /* modes.lst has it: */
	int64_t hms, mem, cpu, freq;
	bool dry; /* as the table asked */
	struct heimdallr_usage usage;
	bool has_begin, has_end;
	int64_t begin, end; /* of the library in the workload, as it printed them */
	struct slice *note; /* what the user should know, a line each */
	size_t notes, note_cap;
	struct arena arena;
};

/* Zeroed before. */
int heimdallr_run_read(struct heimdallr_run *r, const char *path, struct error *e);
void heimdallr_run_free(struct heimdallr_run *r);

/* PROGRAM.MODE.REPETITION: whether a directory's name is one; program and mode may be NULL. */
bool heimdallr_run_name(struct slice name, struct slice *program, struct slice *mode, int64_t *rep);

/* What time(1) wrote. False where it lacks one of the three times. */
bool heimdallr_run_usage(struct slice text, struct heimdallr_usage *u);

/* The workload's part of a command line that may begin with numactl, time, perf record and env. */
struct slice heimdallr_run_workload(struct slice line);

void heimdallr_run_tell(struct heimdallr_run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
