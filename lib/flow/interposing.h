/* interposing.h - a command with a preloaded library, recorded while it runs
 *
 * A machine that is stepped until it says that all is over, as in recording.h. Its parts: the shared memory
 * (wire/wire_file.h), the command at its start line with the library in its environment (sys/command.h), what ends it
 * (record_watch.h), the rings of its threads in order of time (wire/wire_reader.h), what makes a trace of them
 * (interposed.h), and the pages that were written (touch.h).
 *
 *	interposing_open(&i, &config, &e);	the command waits
 *	interposing_start(&i, writer, &e);	off it goes
 *	while (interposing_step(&i, &e) > 0)	at most 30 ms each
 *		...
 *	interposing_finish(&i, &e);		all that was recorded is in the trace
 *	interposing_wait(&i);			for a command that goes on after a second signal
 *	interposing_close(&i);
 *
 * A round over the rings every 30 ms, or when one is half full. SIGCHLD is handled here while a command runs.
 *
 * Units:     nanoseconds of CLOCK_MONOTONIC_RAW, bytes.
 * Ownership: the caller holds both structs; what the config points to must live until interposing_close().
 * Errors:    -1 and the text. What was lost is no error, and counted.
 * Source:    own.
 */
#ifndef FLOW_INTERPOSING_H
#define FLOW_INTERPOSING_H

#include "flow/interposed.h"
#include "flow/record_watch.h"
#include "flow/touch.h"
#include "sys/command.h"
#include "wire/wire_file.h"

struct interposing_config {
	struct record_own_start start;
	struct record_listener listener;
	struct wire_config wire;
	const char *library; /* what is preloaded */
	uint64_t touch_ns;   /* between two looks at written pages; 0: none */

	char **command;
	bool out_to_err;
	sigset_t signals; /* that end the recording: the caller has blocked them */
	sigset_t mask;    /* of the command */
	bool live;        /* somebody reads while it is written: nothing is held back */
};

struct interposing {
	const struct interposing_config *config;
	struct sys_command command;
	int refused; /* errno of the command that could not be run */
	struct interposed sink;
	struct wire_reader reader;
	unsigned survivors; /* processes that the command has left behind */

	/* private */
	struct wire_file file;
	struct record_watch watch;
	struct trace_writer *w;
	struct touch *touch;
	struct buf link, link_dir; /* to the library, where its own path cannot be told */
	struct sys_clock_reading clocks;
	bool clocks_wait;
	uint64_t clock_at; /* of io_now_ns() */
};

int interposing_open(
    struct interposing *p, const struct interposing_config *config, struct error *e);
int interposing_start(struct interposing *p, struct trace_writer *w, struct error *e);

/* 1, or 0 where all is over. */
int interposing_step(struct interposing *p, struct error *e);
int interposing_finish(struct interposing *p, struct error *e);

/* Appends "1,234 allocations, 1,200 frees, 2 processes, 0 lost", and where there is something to say, what. */
void interposing_say(const struct interposing *p, struct buf *to);

/* Until the command has ended, or a second signal came. */
void interposing_wait(struct interposing *p);

/* Ends a command that runs, because of an error. */
void interposing_abandon(struct interposing *p);
void interposing_close(struct interposing *p);

#endif
