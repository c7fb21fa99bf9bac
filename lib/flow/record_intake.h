/* record_intake.h - the kernel's records, and what has to stand before them, into a trace
 *
 * Takes perf records in order of time. form/perf_event.h says what becomes of each; here is what they need besides:
 *
 *	symbols		of the kernel, before the first sample with an address in them (kernel_symbols.h). While they are
 *			read, all records wait in memory, so that the rings stay empty.
 *	build ids	of mapped files, where the kernel could not read them in time
 *	clocks		at their place in the order of time
 *	losses		by their reasons
 *
 *	while (sys_rings_next(&rings, &h))
 *		record_intake_put(&in, h);
 *	if (record_intake_waits(&in))
 *		record_intake_read(&in, false);		(a piece of about 1 ms)
 *
 * A sample is decoded once more than by the sink alone, and each address of its chain is looked for in a small table.
 *
 * Units:     nanoseconds of the trace's clock.
 * Ownership: the caller holds the struct, record_intake_close() releases it; what the config points to stays the
 *            caller's.
 * Errors:    -1 where the writer fails: trace_writer_error(). Records that nobody can read are losses.
 * Source:    own.
 */
#ifndef FLOW_RECORD_INTAKE_H
#define FLOW_RECORD_INTAKE_H

#include "flow/kernel_symbols.h"
#include "flow/record_event.h"
#include "flow/record_own.h"
#include "form/perf_event.h"
#include "sys/tasks.h"

/* What the trace does not have: the sum of its `lost` records, apart. */
struct record_losses {
	uint64_t ring_full;    /* records that found no room in a ring */
	uint64_t lost_samples; /* samples that found none in the CPU's own buffer */
	uint64_t late;         /* samples that came when younger ones were written */
	uint64_t damaged;      /* records that nobody could read, bytes that were none */
	uint64_t throttled;    /* times that the kernel stopped an event for a while */
	uint64_t cut;          /* samples that are there, with less than their whole stack */
};

/* Appends "12 lost (ring-full 10, late 2), 3 stacks cut, throttled 5 times"; what is 0 is left out, but for the first. */
void record_losses_say(const struct record_losses *losses, struct buf *to);

struct record_intake {
	struct record_own own;
	struct perf_event_sink *sink;
	struct record_losses losses;

	/* private */
	struct record_events *events;
	const struct record_listener *listener;
	clockid_t clock;
	struct perf_layout tracker;
	struct sys_tasks tasks;
	struct kernel_symbols symbols;
	struct buf backlog; /* waits: taken..n */
	size_t taken;
	struct sys_clock_reading clocks;
	bool clocks_wait;
};

#define RECORD_INTAKE_INIT                                                                         \
	((struct record_intake){ .tasks = SYS_TASKS_INIT, .symbols = KERNEL_SYMBOLS_INIT })

struct record_intake_config {
	struct trace_writer *w;
	struct record_events *events;
	/* the event that tells of mappings and tasks: its number is events->n */
	const struct perf_event_attr *tracker;
	clockid_t clock;
	int64_t max_stack;   /* chains so long were cut; -1: not known */
	const char *symbols; /* /proc/kallsyms; NULL: the kernel is not sampled */
	const struct record_listener *listener;
};

int record_intake_open(
    struct record_intake *in, const struct record_intake_config *config, struct error *e);

/* What was there before: tasks and mappings of a process (of one task where `only` is not 0), or with pid 0 of all. */
void record_intake_tell(struct record_intake *in, uint64_t t, pid_t pid, pid_t only);

int record_intake_put(struct record_intake *in, const struct perf_event_header *h);

/* Whether records wait, for the kernel's symbols or for their turn behind. */
static inline bool
record_intake_waits(const struct record_intake *in)
{
	return in->backlog.n > 0;
}

/* Reads the kernel's symbols, and then takes what waited for them: a piece at a time, or all. t: the time from which they
 * are known, where nothing waits. */
int record_intake_read(struct record_intake *in, bool all, uint64_t t);

/* Reads the clocks, returns what the trace's own says. They are written when records of that time are. */
int64_t record_intake_clocks(struct record_intake *in);

/* All that is older than t is put. */
int record_intake_until(struct record_intake *in, uint64_t t);

/* Counts and writes losses that no record told of. full: of all that the rings had no room for. */
int record_intake_lost(struct record_intake *in, uint64_t full, uint64_t late, uint64_t damaged);

void record_intake_close(struct record_intake *in);

#endif
