/* What to sample: lists, the default, limits and rights, and the rates in the end. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/record_event.h"
#include "unit.h"

static unsigned notes, warnings;
static char last[512];

static void
on_note(const char *text, void *context)
{
	CLAIM(context == last);
	strcpy(last, text);
	notes++;
}

static void
on_warning(const char *text, void *context)
{
	CLAIM(context == last);
	strcpy(last, text);
	warnings++;
}

static const struct record_listener listener = { on_note, on_warning, last };

static void
names(void)
{
	struct record_events events = { 0 };
	struct error e;

	CLAIM(record_events_add(&events, "cpu-clock,page-faults:u", &e) == 0 && events.n == 2);
	CLAIM(record_events_add(&events, "mem:0x1000/8:w", &e) == 0 && events.n == 3);
	CLAIM(strcmp(events.event[0].event.name, "cpu-clock") == 0);
	CLAIM(strcmp(events.event[1].event.name, "page-faults:u") == 0);
	CLAIM(events.event[1].event.attr.exclude_kernel && events.event[1].event.has_privilege);
	CLAIM(record_events_in_kernel(&events));
	CLAIM(record_events_add(&events, "page-faults,cpu-clok", &e) == -1);
	CLAIM(strstr(e.text, "cpu-clock") != NULL);
	record_events_free(&events);
	CLAIM(events.n == 0);
	record_events_free(&events);
}

static void
rights(void)
{
	struct sys_sampling sampling = { .frequency = 999 };
	struct sys_limits limits = { .max_rate = 500, .paranoid = 2, .has_paranoid = true };
	struct record_events events = { 0 };
	struct error e;

	/* the rate is lowered, and the kernel left out where nobody asked for it */
	CLAIM(record_events_add(&events, "cpu-clock,cpu-clock:k", &e) == 0);
	CLAIM(record_events_settle(&events, &sampling, &limits, false, &listener, &e) == 0);
	CLAIM(warnings == 1 && notes == 1 && strstr(last, "user part only"));
	CLAIM(events.event[0].event.attr.exclude_kernel && events.event[0].event.attr.exclude_hv);
	CLAIM(!events.event[1].event.attr.exclude_kernel);
	for (int i = 0; i < 2; i++)
		CLAIM(events.event[i].event.attr.freq &&
		      events.event[i].event.attr.sample_freq == 500);
	CLAIM(sampling.frequency == 999);
	record_events_free(&events);

	/* nothing of that with rights and a limit that is not known */
	limits = (struct sys_limits){ .max_rate = -1 };
	notes = warnings = 0;
	CLAIM(record_events_add(&events, "cpu-clock", &e) == 0);
	CLAIM(record_events_settle(&events, &sampling, &limits, true, &listener, &e) == 0);
	CLAIM(notes == 0 && warnings == 0 && record_events_in_kernel(&events));
	CLAIM(events.event[0].event.attr.sample_freq == 999);
	record_events_free(&events);

	/* a default there always is */
	CLAIM(record_events_settle(&events, &sampling, &limits, false, &listener, &e) == 0);
	CLAIM(events.n == 1 && !record_events_in_kernel(&events));
	CLAIM(strcmp(events.event[0].event.name, notes ? "cpu-clock" : "cycles") == 0);
	record_events_free(&events);
}

static void
rates(void)
{
	static const char want[] =
	    "#leat 1\n"
	    "stat\tt=5\tname=rate_requested\tvalue=1000\tunit=hz\tsection=cpu-clock\n"
	    "stat\tt=6\tname=rate_effective\tvalue=500\tunit=hz\tsection=cpu-clock\n"
	    "stat\tt=6\tname=running_ns\tvalue=2000000000\tunit=ns\tsection=cpu-clock\n"
	    "stat\tt=7\tname=rate_effective\tvalue=1000\tunit=hz\tsection=cpu-clock\n"
	    "stat\tt=7\tname=running_ns\tvalue=1000000000\tunit=ns\tsection=cpu-clock\n"
	    "stat\tt=7\tname=enabled_ns\tvalue=2000000000\tunit=ns\tsection=cpu-clock\n";
	struct sys_sampling sampling = { .frequency = 1000 };
	struct sys_limits limits = { .max_rate = -1 };
	struct sys_count count = { .enabled = 4000000000, .running = 2000000000 };
	int fd = memfd_create("trace", 0);
	struct record_own own = { trace_writer_new(fd, TRACE_LINES, 0), 0 };
	struct record_events events = { 0 };
	struct record_event *clock;
	char got[4096];
	struct error e;
	ssize_t n;

	notes = warnings = 0;
	CLAIM(record_events_add(&events, "cpu-clock,mem:0x1000/8:w", &e) == 0);
	CLAIM(record_events_settle(&events, &sampling, &limits, true, &listener, &e) == 0);
	clock = &events.event[0];
	CLAIM(record_events_put_rates(&events, &own, 5) == 0);
	/* on two CPUs, each had it half of the time; too slow, which is said */
	clock->samples = 1000;
	CLAIM(record_event_put_count(clock, &count, 2, &own, 6, &listener) == 0);
	CLAIM(warnings == 1 && strstr(last, "sampled at 500 Hz instead of 1000 Hz"));
	/* it had to share its counter */
	count = (struct sys_count){ .enabled = 4000000000, .running = 1000000000 };
	CLAIM(record_event_put_count(clock, &count, 2, &own, 7, &listener) == 0);
	/* never ran; has no rate */
	count.running = 0;
	CLAIM(record_event_put_count(clock, &count, 2, &own, 8, &listener) == 0);
	count.running = 1;
	CLAIM(record_event_put_count(&events.event[1], &count, 2, &own, 8, &listener) == 0);
	CLAIM(warnings == 1 && notes == 0 && own.made == 6);
	record_events_free(&events);
	CLAIM(trace_writer_close(own.w, &e) == 0);
	n = pread(fd, got, sizeof got - 1, 0);
	CLAIM(n > 0);
	got[n] = '\0';
	CLAIM(strcmp(got, want) == 0);
}

int
main(void)
{
	names();
	rights();
	rates();
	return 0;
}
