/* record_event.h - what to sample, with what this machine and our rights allow
 *
 * The events of a recording, from their names to how often each was sampled in the end. A rate above the kernel's limit
 * is lowered to it, and who may not see the kernel samples the user part; both are said.
 *
 *	record_events_add(&events, "cycles,page-faults:u", &e);		(none: the default)
 *	record_events_settle(&events, &sampling, &limits, sys_may_see_kernel(), &listener, &e);
 *
 * Units:     Hz, events.
 * Ownership: the caller holds the struct, record_events_free() what it points to.
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef FLOW_RECORD_EVENT_H
#define FLOW_RECORD_EVENT_H

#include "flow/record_own.h"
#include "perf/attr.h"
#include "perf/format.h"
#include "sys/event.h"
#include "sys/limits.h"
#include "sys/mem_event.h"
#include "sys/rings.h"

/* Who is told what is no error: notes may be left out where quiet is wanted. */
struct record_listener {
	void (*note)(const char *text, void *context);
	void (*warn)(const char *text, void *context);
	void *context;
};

void record_note(const struct record_listener *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void record_warn(const struct record_listener *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct record_event {
	struct sys_event event;
	struct perf_layout layout; /* set once the event is open */
	struct perf_format format; /* of a tracepoint, where has_format */
	bool has_format;
	const char *shown; /* as the trace calls it; NULL: its name */
	unsigned
	    access; /* PERF_ACCESS_ bits: its samples are accesses of these kinds; 0: of none, or they say it */
	uint64_t samples;
};

struct record_events {
	struct record_event *event;
	size_t n, cap;
};

/* Adds the events of a list with commas. */
int record_events_add(struct record_events *events, const char *list, struct error *e);

/* The same, of events whose samples are accesses: PERF_ACCESS_ bits say which are wanted. */
int record_events_add_access(
    struct record_events *events, const char *list, unsigned wanted, struct error *e);

/* The best events for accesses that this machine has, and says which. cpus: not of tasks, but of all on a CPU. */
int record_events_add_mem(struct record_events *events, const struct sys_mem_want *want, bool cpus,
    const struct record_listener *l, struct error *e);

/* Completes what to sample; adds the default where there is no event. */
int record_events_settle(struct record_events *events, const struct sys_sampling *sampling,
    const struct sys_limits *limits, bool may_see_kernel, const struct record_listener *l,
    struct error *e);

/* Whether any of them takes samples in the kernel. */
bool record_events_in_kernel(const struct record_events *events);

/* Writes the rate that was asked for, of those that have one. */
int record_events_put_rates(const struct record_events *events, struct record_own *own, int64_t t);

/* Writes how often an event was sampled for each second in which it counted. A task's event on a CPU counts as enabled
 * while the task runs on another: sharing is the number of CPUs that it was opened on, or 1 where it is no task's. */
int record_event_put_count(const struct record_event *event, const struct sys_count *count,
    unsigned sharing, struct record_own *own, int64_t t, const struct record_listener *l);

/* Writes how many samples of an event of accesses were none, or of a kind that was not wanted. */
int record_event_put_others(
    const struct record_event *event, uint64_t others, struct record_own *own, int64_t t);

void record_events_free(struct record_events *events);

#endif
