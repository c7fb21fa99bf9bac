/* uprobe.h - events at instructions of user programs
 *
 * An event is made in tracefs, and has any number of places, each a file and an offset in it; whoever opens it as a tracepoint
 * (perf_event_open(2)) gets a sample wherever one of its processes comes by. All places of an event fetch the same
 * values; a constant among them tells the places apart. One event for many places, and not one for each place,
 * thread and CPU, keeps the cost of a hit apart from their number.
 *
 * The group has the number of this process in its name. What a process that was killed has left behind is removed by the next
 * one; it costs nothing meanwhile.
 *
 * A hit costs the program about 1 us, one at the return from a function another.
 *
 * Units:     bytes.
 * Ownership: the caller holds the struct, sys_uprobes_free() removes the events, which must be closed by then.
 * Errors:    -1 and the text.
 * Source:    Documentation/trace/uprobetracer.rst of Linux 6.1.
 */
#ifndef SYS_UPROBE_H
#define SYS_UPROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { SYS_UPROBE_EVENTS = 8 };

struct sys_uprobes {
	char group[32];
	int fd; /* private, as all below */
	const char *event[SYS_UPROBE_EVENTS];
	unsigned events;
};

#define SYS_UPROBES_INIT ((struct sys_uprobes){ .fd = -1 })

int sys_uprobes_open(struct sys_uprobes *u, struct error *e);

/* Adds a place to an event; fetch is what is read there, as uprobetracer has it. `event` must live. */
int sys_uprobes_add(struct sys_uprobes *u, const char *event, bool at_return, const char *path,
    uint64_t offset, const char *fetch, struct error *e);

void sys_uprobes_free(struct sys_uprobes *u);

#endif
