#include "flow/record_event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "form/perf_access.h"
#include "sys/pmu.h"

void
record_note(const struct record_listener *l, const char *format, ...)
{
	struct error text;
	va_list args;

	va_start(args, format);
	vsnprintf(text.text, sizeof text.text, format, args);
	va_end(args);
	l->note(text.text, l->context);
}

void
record_warn(const struct record_listener *l, const char *format, ...)
{
	struct error text;
	va_list args;

	va_start(args, format);
	vsnprintf(text.text, sizeof text.text, format, args);
	va_end(args);
	l->warn(text.text, l->context);
}

static struct record_event *
add(struct record_events *events)
{
	GROW(events->event, events->cap, events->n);
	events->event[events->n] = (struct record_event){ 0 };
	return &events->event[events->n++];
}

int
record_events_add(struct record_events *events, const char *list, struct error *e)
{
	int result = 0;

	while (list && result == 0) {
		char *one = sys_event_cut(&list);

		result = sys_event_parse(&add(events)->event, one, e);
		free(one);
	}
	return result;
}

/* One event, behind the one that has to lead its group. */
static int
add_access(struct record_events *events, const char *name, const char *leader, unsigned wanted,
    struct error *e)
{
	struct record_event *one;

	if (leader[0]) {
		one = add(events);
		if (sys_event_parse(&one->event, leader, e) < 0)
			return -1;
		one->event.counts = true;
	}
	one = add(events);
	if (sys_event_parse(&one->event, name, e) < 0)
		return -1;
	one->event.access = true;
	one->access = wanted;
	return 0;
}

int
record_events_add_access(
    struct record_events *events, const char *list, unsigned wanted, struct error *e)
{
	int result = 0;

	while (list && result == 0) {
		char *one = sys_event_cut(&list), leader[80];

		sys_mem_leader(SYS_PMU_ROOT, one, leader);
		result = add_access(events, one, leader, wanted, e);
		free(one);
	}
	return result;
}

/* Sampling by a PMU needs no more than what is sampled; without one, the user must know what is not. */
static void
say_mem(const struct sys_mem_choice *c, const struct record_listener *l)
{
	struct buf text = BUF_INIT;

	if (c->faults) {
		buf_printf(&text,
		    "no PMU samples accesses here: page faults (first touches of pages) only%s",
		    c->blind ? ", which do not say whether they read or wrote" : "");
	} else {
		for (unsigned i = 0; i < c->n; i++)
			buf_printf(&text, "%s%s by %s", i > 0 ? ", " : "",
			    c->event[i].kinds == SYS_MEM_LOADS    ? "loads"
			    : c->event[i].kinds == SYS_MEM_STORES ? "stores"
								  : "loads and stores",
			    c->event[i].text);
	}
	if (c->said[0])
		buf_printf(&text, " (%s)", c->said);
	record_note(l, "%s", buf_str(&text));
	buf_free(&text);
}

int
record_events_add_mem(struct record_events *events, const struct sys_mem_want *want, bool cpus,
    const struct record_listener *l, struct error *e)
{
	struct sys_mem_choice choice;
	struct utsname name;

	uname(&name);
	if (sys_mem_choose(&choice, want,
		&(struct sys_mem_machine){ SYS_PMU_ROOT, name.machine, sys_mem_opens, &cpus },
		e) < 0)
		return -1;
	for (unsigned i = 0; i < choice.n; i++) {
		const struct sys_mem_event *one = &choice.event[i];
		unsigned wanted =
		    (one->kinds & SYS_MEM_LOADS ? PERF_ACCESS_READS : 0) |
		    (one->kinds & SYS_MEM_STORES
			    ? PERF_ACCESS_WRITES
			    : 0); /* what does not say its kind is of both, and of any kind where all are wanted */
		if (choice.blind || (want->kinds == SYS_MEM_BOTH && one->kinds == SYS_MEM_BOTH))
			wanted = PERF_ACCESS_ALL;
		if (add_access(events, one->text, one->leader, wanted, e) < 0)
			return -1;
		if (choice.faults)
			events->event[events->n - 1].shown = "page-fault";
	}
	say_mem(&choice, l);
	return 0;
}

int
record_events_settle(struct record_events *events, const struct sys_sampling *sampling,
    const struct sys_limits *limits, bool may_see_kernel, const struct record_listener *l,
    struct error *e)
{
	struct sys_sampling allowed = *sampling;
	bool user_only = false;

	if (events->n == 0 && !sys_event_default(&add(events)->event))
		record_note(l, "no PMU counts cycles here: sampling cpu-clock");
	if (limits->max_rate > 0 && sampling->frequency > (uint64_t)limits->max_rate) {
		allowed.frequency = (uint64_t)limits->max_rate;
		record_warn(l,
		    "%llu Hz is more than sysctl kernel.perf_event_max_sample_rate allows: "
		    "sampling at %lld Hz",
		    (unsigned long long)sampling->frequency, (long long)limits->max_rate);
	}
	for (size_t i = 0; i < events->n; i++) {
		struct record_event *one = &events->event[i];
		struct sys_event *event = &one->event;

		if (!may_see_kernel && !event->has_privilege &&
		    event->attr.type != PERF_TYPE_TRACEPOINT) {
			event->attr.exclude_kernel = event->attr.exclude_hv = 1;
			user_only = true;
		}
		if (sys_event_sample(event, &allowed, e) < 0)
			return -1;
		if (event->access && sampling->asked && !event->attr.freq)
			record_note(l, "%s: -F is for events of a PMU: each of these is taken",
			    one->shown ? one->shown : event->name);
		if (event->format == NULL)
			continue;
		one->has_format = perf_format_parse(&one->format, event->system,
				      (struct slice){ event->format, event->format_n }, e) == 0;
		if (!one->has_format)
			record_warn(l, "%s: %s: its fields stay raw", event->name, e->text);
	}
	if (user_only && limits->has_paranoid && limits->paranoid < 3)
		record_note(l,
		    "no right to see the kernel (CAP_PERFMON, or sysctl kernel.perf_event_paranoid "
		    "below 2, now %lld): user part only",
		    (long long)limits->paranoid);
	return 0;
}

bool
record_events_in_kernel(const struct record_events *events)
{
	for (size_t i = 0; i < events->n; i++)
		/* an access is told by the address of the user's instruction, wherever the kernel samples it */
		if (!events->event[i].event.attr.exclude_kernel &&
		    !events->event[i].event.attr.exclude_callchain_kernel)
			return true;
	return false;
}

int
record_events_put_rates(const struct record_events *events, struct record_own *own, int64_t t)
{
	for (size_t i = 0; i < events->n; i++) {
		const struct sys_event *event = &events->event[i].event;

		if (event->attr.freq && record_own_stat(own, t, "rate_requested",
					    (double)event->attr.sample_freq, "hz", event->name) < 0)
			return -1;
	}
	return 0;
}

/* Samples that were no accesses, or not wanted ones: as many as are missing from the trace. */
int
record_event_put_others(
    const struct record_event *event, uint64_t others, struct record_own *own, int64_t t)
{
	return others == 0 ? 0
			   : record_own_stat(
				 own, t, "other_samples", (double)others, "", event->event.name);
}

int
record_event_put_count(const struct record_event *event, const struct sys_count *count,
    unsigned sharing, struct record_own *own, int64_t t, const struct record_listener *l)
{
	const struct perf_event_attr *a = &event->event.attr;
	const char *name = event->event.name;
	uint64_t enabled = count->enabled / sharing;
	bool is_clock = a->type == PERF_TYPE_SOFTWARE && (a->config == PERF_COUNT_SW_CPU_CLOCK ||
							     a->config == PERF_COUNT_SW_TASK_CLOCK);
	double hz;

	if (!a->freq || count->running == 0)
		return 0;
	hz = (double)event->samples * 1e9 / (double)count->running;
	if (record_own_stat(own, t, "rate_effective", hz, "hz", name) < 0 ||
	    record_own_stat(own, t, "running_ns", (double)count->running, "ns", name) < 0)
		return -1;
	if (count->running + count->running / 100 < enabled &&
	    record_own_stat(own, t, "enabled_ns", (double)enabled, "ns", name) < 0)
		return -1;
	if (is_clock && event->samples > 100 && hz < 0.8 * (double)a->sample_freq)
		record_warn(l, "%s: sampled at %.0f Hz instead of %llu Hz", name, hz,
		    (unsigned long long)a->sample_freq);
	return 0;
}

void
record_events_free(struct record_events *events)
{
	for (size_t i = 0; i < events->n; i++) {
		sys_event_free(&events->event[i].event);
		if (events->event[i].has_format)
			perf_format_free(&events->event[i].format);
	}
	free(events->event);
	*events = (struct record_events){ 0 };
}
