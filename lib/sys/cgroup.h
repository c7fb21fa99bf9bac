/* cgroup.h - a cgroup's directory by its name
 *
 * Units:     none.
 * Ownership: the descriptor is the caller's.
 * Errors:    -1 and the text.
 * Source:    cgroups(7); the mount points are those of systemd.
 */
#ifndef SYS_CGROUP_H
#define SYS_CGROUP_H

#include "base/error.h"

/* A path, or a name below where cgroups are mounted: a descriptor for perf_event_open(2). */
int sys_cgroup_open(const char *name, struct error *e);

#endif
