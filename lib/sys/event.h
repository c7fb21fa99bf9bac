/* event.h - event names to what perf_event_open(2) takes
 *
 *	cycles cpu-clock page-faults L1-dcache-load-misses ...	the names of perf
 *	r1a2							a raw code of the CPU, in hex
 *	mem:ADDR[/LEN][:rwx]					a breakpoint on data (rw, 4 bytes) or code (x)
 *	SUBSYSTEM:TRACEPOINT					a tracepoint
 *	cpu/mem-loads,ldlat=30/ msr/tsc/ ...			what the kernel says of a unit (pmu.h)
 *	perf::PERF_COUNT_SW_CPU_CLOCK, MEM_INST_RETIRED:ALL_LOADS ...	all that libpfm4 knows
 *
 * Behind a colon each may carry modifiers: u user, k kernel, h hypervisor, G guest, H host (only these are counted),
 * p to ppp (precise), P (as precise as can be), D (pinned), e (exclusive).
 *
 * Units:     none.
 * Ownership: sys_event_free() releases the struct's strings.
 * Errors:    -1 with the text, which suggests names that are like the wrong one.
 * Source:    perf_event_open(2), perf-list(1), libpfm(3).
 */
#ifndef SYS_EVENT_H
#define SYS_EVENT_H

#include <linux/perf_event.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "perf/attr.h"

struct sys_event {
	struct perf_event_attr attr;
	char *name;          /* as it was asked for; of a tracepoint without modifiers */
	struct slice system; /* of a tracepoint: in name */
	char *format;        /* of a tracepoint: the text of its format file; else NULL */
	size_t format_n;
	bool has_privilege; /* u, k or h was asked for */
	int *cpu;           /* a unit that is not on all CPUs: those that it is on */
	unsigned cpus;      /* 0: all */
	bool
	    access; /* to be set before sys_event_sample(): its samples shall be accesses to memory */
	bool counts; /* likewise: it takes no samples, and leads the group of the event behind it */
};

#define SYS_EVENT_INIT ((struct sys_event){ 0 })

int sys_event_parse(struct sys_event *event, const char *text, struct error *e);

/* cycles where this machine has a PMU that counts them, else cpu-clock; returns whether it has. */
bool sys_event_default(struct sys_event *event);

/* Cuts the first event off a list with commas; *list is NULL behind the last. The part is the caller's. */
char *sys_event_cut(const char **list);

enum sys_call_graph { SYS_CHAIN_NONE, SYS_CHAIN_FP, SYS_CHAIN_DWARF, SYS_CHAIN_LBR };

struct sys_sampling {
	uint64_t frequency; /* Hz, where period is 0; not of tracepoints and breakpoints */
	bool
	    asked; /* the frequency is the user's, and not ours: page faults are sampled so, too, as accesses */
	uint64_t period;
	enum sys_call_graph chain;
	uint32_t stack_bytes; /* of a DWARF stack dump: a multiple of 8 below 65,536 */
};

/* What to sample, in event->attr. -1 where this machine's registers are not known. */
int sys_event_sample(struct sys_event *event, const struct sys_sampling *sampling, struct error *e);

void sys_event_free(struct sys_event *event);

#endif
