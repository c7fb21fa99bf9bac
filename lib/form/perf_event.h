/* perf_event.h - perf records to a trace
 *
 * What the recorder and the importer share: kernel records, in order of time, become records of a trace. Which event a
 * record belongs to is found by its id (sample_type with IDENTIFIER or ID), which the caller registers; where there is
 * one event only, or the id is 0, it is the first. Names of tasks are kept (comm, fork), so that samples carry `comm`.
 *
 *	PERF_RECORD_SAMPLE          sample, or event with the fields of its format for a tracepoint, or access (perf_access.h)
 *	MMAP MMAP2 (executable)     mmap       COMM comm       FORK fork       EXIT exit
 *	KSYMBOL (registered)        sym        LOST            lost why=ring-full
 *	LOST_SAMPLES                lost why=lost-samples      THROTTLE        lost why=throttled, n=1 each time
 *	AUX that was truncated      lost why=aux-truncated     anything else   counted as dropped, or lost where unknown
 *
 * A sample that reads counters (of a group, :S) becomes one record for each event whose counter moved, as in perf script.
 * A time of 0 is no time: such records get no t. Losses are summed by reason between flushes.
 * Memory: a name for each task, a buffer for one chain. Costs about 50 ns a sample beside trace_put().
 *
 * Units:     nanoseconds of the events' clock; weight is the period.
 * Ownership: perf_event_new() to perf_event_free(); the writer stays the caller's; formats must live as long.
 * Errors:    -1 where the writer fails. What can't be decoded is counted, and no error.
 * Source:    own; leat-trace(5).
 */
#ifndef FORM_PERF_EVENT_H
#define FORM_PERF_EVENT_H

#include "perf/attr.h"
#include "perf/format.h"
#include "perf/record.h"
#include "trace/writer.h"

struct perf_event_sink;

/* The machine matters for registers only, and may be set later, before the first perf_event_add(). */
struct perf_event_sink *perf_event_new(struct trace_writer *w, enum perf_machine machine);
void perf_event_machine(struct perf_event_sink *s, enum perf_machine machine);

/* A chain of max addresses or more was cut by the kernel (kernel.perf_event_max_stack), and counts lost why=stack-cut. An
 * event's own limit goes before it. 0, as at first: nothing is known. */
void perf_event_max_stack(struct perf_event_sink *s, uint32_t max);

/* Adds an event, returns its number: 0, 1, 2 ... An empty name becomes perf_attr_name(). format may be NULL: a tracepoint
 * then gives its raw bytes as `raw`. -1 with the text in e where its records have id or time at another place than those
 * of the events before, so that nobody could tell them apart. A sample_type that is not known is no error: samples of
 * that event are lost why=unsupported. */
int perf_event_add(struct perf_event_sink *s, const struct perf_event_attr *attr, struct slice name,
    const struct perf_format *format, struct error *e);

/* Another name or format for event number n (a perf.data pipe tells them late). */
void perf_event_rename(struct perf_event_sink *s, unsigned n, struct slice name);
void perf_event_format(struct perf_event_sink *s, unsigned n, const struct perf_format *format);

/* Samples of event number n are accesses: `access` records of the kinds that are wanted (PERF_ACCESS_ bits of
 * perf_access.h), and nothing else: the others are dropped, and counted. Without this, those samples are accesses of which
 * the machine says so, and all of a breakpoint on data. */
void perf_event_access(struct perf_event_sink *s, unsigned n, unsigned wanted);
uint64_t perf_event_others(const struct perf_event_sink *s, unsigned n);

/* Records with this id belong to event number n. */
void perf_event_id(struct perf_event_sink *s, uint64_t id, unsigned n);

/* The number of the event of an id, or -1. */
int perf_event_of(const struct perf_event_sink *s, uint64_t id);

unsigned perf_event_count(const struct perf_event_sink *s);

/* The time of a record, for sorting; 0 where it has none. */
uint64_t perf_event_time(const struct perf_event_sink *s, const struct perf_event_header *h);

/* Writes what a kernel record says. */
int perf_event_put(struct perf_event_sink *s, const struct perf_event_header *h);

/* The same for a record that comes too late for its place in time: a sample is lost why=late, what else it is written
 * without t. */
int perf_event_put_late(struct perf_event_sink *s, const struct perf_event_header *h);

/* Tasks and mappings from elsewhere (/proc): written like those of the kernel, and remembered. t 0: none. */
int perf_event_comm(struct perf_event_sink *s, uint64_t t, const struct perf_comm *c);
int perf_event_mmap(struct perf_event_sink *s, uint64_t t, const struct perf_mmap *m);
int perf_event_fork(struct perf_event_sink *s, uint64_t t, const struct perf_task *f);

/* Counts n losses; why is a constant string. Written by the next perf_event_flush(). */
void perf_event_lost(struct perf_event_sink *s, uint64_t n, const char *why);

/* Writes the losses since the last one, as `lost t n why`, with the latest t that was put. */
int perf_event_flush(struct perf_event_sink *s);

struct perf_event_books {
	uint64_t in;      /* kernel records put */
	uint64_t samples; /* sample and event records written */
	uint64_t made;    /* all records written but those of the ledger */
	uint64_t
	    dropped; /* kernel records that a trace has no place for: switches, namespaces, data mappings ... */
	uint64_t lost; /* sum of n of the losses */
	uint64_t last; /* the latest time put */
};

const struct perf_event_books *perf_event_books(const struct perf_event_sink *s);

void perf_event_free(struct perf_event_sink *s);

#endif
