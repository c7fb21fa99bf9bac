/* recording.h - from perf events to a trace, while it happens
 *
 * A machine that is stepped until it says that all is over. Its parts: what to sample (record_event.h); the command at
 * its start line (sys/command.h); what ends it (record_watch.h); the rings of the CPUs, which give the kernel's records in
 * order of time (sys/rings.h); and what makes a trace of them (record_intake.h).
 *
 *	recording_open(&r, &config, &e);	the command waits, the rings are open
 *	recording_start(&r, writer, &e);	what was there before is written, and off it goes
 *	while (recording_step(&r, &e) > 0)	at most 30 ms each
 *		...
 *	recording_finish(&r, &e);		all that was recorded is in the trace
 *	recording_wait(&r);			for a command that goes on after `stop`
 *	recording_close(&r);
 *
 * A round over the rings every 30 ms, or when one is a quarter full: a record is in the trace, and let out where somebody
 * reads, two rounds after it came. Records of the kernel's half come 60 ms later the first time (kernel_symbols.h).
 *
 * Units:     nanoseconds of the clock, bytes.
 * Ownership: the caller holds both structs; what the config points to must live until recording_close().
 * Errors:    -1 and the text. What was lost is no error, and counted.
 * Source:    own.
 */
#ifndef FLOW_RECORDING_H
#define FLOW_RECORDING_H

#include "flow/record_event.h"
#include "flow/record_intake.h"
#include "flow/record_watch.h"
#include "sys/command.h"
#include "sys/rings.h"

struct recording_config {
	struct record_own_start start;
	struct record_listener listener;

	struct record_events *events; /* none: the default */
	struct sys_sampling sampling;

	/* What to record: some CPUs' tasks, all (system_wide) or those of a cgroup; or targets; or the command alone. */
	bool system_wide;
	int cgroup; /* -1: none */
	const int *cpu;
	unsigned cpus; /* 0: all that are online */
	const pid_t *target;
	size_t targets;
	bool threads_only; /* targets are threads, not processes */

	char **command; /* NULL: none */
	bool out_to_err;
	sigset_t signals; /* that end the recording: the caller has blocked them */
	sigset_t mask;    /* of the command */

	clockid_t clock;
	size_t ring_bytes; /* exactly; 0: 1 MiB, with stack dumps 8, or less where need be */
	int64_t delay_ms;  /* until sampling begins; -1: when the control FIFO says so */
	struct sys_control *control;
	bool live; /* somebody reads while it is written: nothing is held back */
};

struct recording {
	const struct recording_config *config;
	struct sys_command command;
	int refused; /* errno of the command that could not be run */
	struct record_intake intake;

	/* private */
	struct sys_limits limits; /* at the start */
	int *online;
	const int *cpu;
	unsigned cpus;
	struct sys_rings rings;
	struct record_watch watch;
	struct trace_writer *w;
	uint64_t round_at, clock_at, enable_at; /* of io_now_ns() */
};

int recording_open(struct recording *r, const struct recording_config *config, struct error *e);
int recording_start(struct recording *r, struct trace_writer *w, struct error *e);

/* 1, or 0 where all is over. */
int recording_step(struct recording *r, struct error *e);
int recording_finish(struct recording *r, struct error *e);

/* Until the command has ended, or a second signal came. */
void recording_wait(struct recording *r);

/* Ends a command that runs, because of an error. */
void recording_abandon(struct recording *r);
void recording_close(struct recording *r);

#endif
