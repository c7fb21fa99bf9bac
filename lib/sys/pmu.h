/* pmu.h - events of a unit as the kernel names them: PMU/TERM,TERM.../
 *
 * A term is NAME=VALUE, where NAME is a field of the unit (format/NAME says which bits of config it has), config, config1
 * or config2 (all of them); NAME alone is an event of the unit (events/NAME, which is a list of terms itself) or a field set
 * to 1. What comes later counts.
 *
 *	cpu/mem-loads,ldlat=30/		ibs_op/cnt_ctl=1/	msr/tsc/
 *
 * Units:     none; numbers are decimal, or hex with 0x.
 * Ownership: sys_pmu_cpus() gives the caller a list for free(3).
 * Errors:    -1 with the text, which names what the unit has; 0 of sys_pmu_event(): it is no such name.
 * Source:    Documentation/ABI/testing/sysfs-bus-event_source-devices-{format,events} of Linux 6.18.
 */
#ifndef SYS_PMU_H
#define SYS_PMU_H

#include <linux/perf_event.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

/* Where the units are. */
#define SYS_PMU_ROOT "/sys/bus/event_source/devices"

/* Whether the unit PMU has such a file: "events/mem-loads"; "" for the unit itself. */
bool sys_pmu_has(const char *root, const char *pmu, const char *file);

/* Type and config of the event, 1; 0 where text has no such form or there is no such unit. *rest is what follows the
 * second slash. */
int sys_pmu_event(const char *root, struct slice text, struct perf_event_attr *attr,
    struct slice *rest, struct error *e);

/* The CPUs that the unit is on, of text as above: 0 and *cpus = 0 where it is on all. */
int sys_pmu_cpus(const char *root, struct slice text, int **cpu, unsigned *cpus);

#endif
