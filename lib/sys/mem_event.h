/* mem_event.h - which events sample accesses to memory best on a machine
 *
 * The first of these that the machine has, and the kernel opens:
 *
 *	cpu/mem-loads/ cpu/mem-stores/		Intel (PEBS), POWER: as the kernel describes them for this CPU; on hybrid
 *						machines of cpu_core and cpu_atom; led by mem-loads-aux where there is one
 *	ibs_op/cnt_ctl=1/			AMD: both kinds, told apart by the machine
 *	MEM_TRANS_RETIRED:LOAD_LATENCY ...	libpfm4's names, where an older kernel has none
 *	r4003E r20016				marked loads and stores of POWER
 *	exceptions:page_fault_user		first touches of pages: address, read or write
 *	page-faults				the same by address alone
 *
 * ARM's SPE comes in a buffer of its own, which nobody here decodes: said, and passed over.
 *
 * Units:     ldlat: cycles.
 * Ownership: the caller holds the struct; its texts are inside.
 * Errors:    -1 with the text where not even page faults can be sampled.
 * Source:    events of arch/{x86,powerpc}/events of Linux 6.18; own.
 */
#ifndef SYS_MEM_EVENT_H
#define SYS_MEM_EVENT_H

#include <stdbool.h>

#include "base/error.h"

enum { SYS_MEM_LOADS = 1, SYS_MEM_STORES = 2, SYS_MEM_BOTH = 3, SYS_MEM_EVENTS = 8 };

struct sys_mem_want {
	unsigned kinds;
	unsigned ldlat; /* loads of so many cycles and more, where the machine can; 0: all */
};

/* The machine, so that another can be put in its place: where its units are, what uname(2) calls it, and whether the
 * kernel opens an event (of its name; leader may be NULL), with the reason where not. */
struct sys_mem_machine {
	const char *root, *arch;
	bool (*opens)(const char *name, const char *leader, struct error *e, void *context);
	void *context;
};

struct sys_mem_choice {
	struct sys_mem_event {
		char text[80];   /* for sys_event_parse() */
		char leader[80]; /* an event that has to lead its group; empty where none has to */
		unsigned kinds;  /* of accesses that it samples */
	} event[SYS_MEM_EVENTS];
	unsigned n;
	bool faults;    /* no accesses but page faults */
	bool blind;     /* ... which do not say whether they read or write */
	char said[400]; /* what was passed over, and why; empty where it was nothing */
};

int sys_mem_choose(struct sys_mem_choice *c, const struct sys_mem_want *want,
    const struct sys_mem_machine *machine, struct error *e);

/* The event that has to lead the group of this one, "" where none has to: cpu/mem-loads/ of some machines. */
void sys_mem_leader(const char *root, const char *text, char leader[80]);

/* Whether the kernel opens an event for a task of this process's (or all tasks of CPU 0), for machine.opens: context is a
 * const bool, true for CPUs. */
bool sys_mem_opens(const char *name, const char *leader, struct error *e, void *context);

#endif
