/* tracefs.h - the kernel's tracepoints
 *
 * Found at /sys/kernel/tracing or /sys/kernel/debug/tracing. Where neither is there and the process may, it mounts
 * tracefs at the first, and leaves it mounted.
 *
 * Units:     none.
 * Ownership: results are the caller's, for free(3).
 * Errors:    -1 or NULL, and the text.
 * Source:    Documentation/trace/events.rst of Linux 6.1.
 */
#ifndef SYS_TRACEFS_H
#define SYS_TRACEFS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/* Where tracefs is; lives as long as the process. */
const char *sys_tracefs(struct error *e);

/* The number of a tracepoint, for perf_event_attr.config. */
int sys_tracepoint_id(struct slice subsystem, struct slice name, uint64_t *id, struct error *e);

/* The text of its format file, NUL-terminated, *n bytes. */
char *sys_tracepoint_format(struct slice subsystem, struct slice name, size_t *n, struct error *e);

/* Calls fn for each tracepoint of a subsystem, or of all where it is empty. */
void sys_tracepoints(struct slice subsystem,
    void (*fn)(const char *subsystem, const char *name, void *context), void *context);

#endif
