/* usage.h - how CPUs, memory, disks, network and cgroups are used, reading by reading
 *
 * A reading is a list of named values. Those of counters cover the time since the reading before: what was counted, and as
 * NAME_rate the same for a second, by the time that really passed. Times that are counted (NAME_ns) have their share of
 * the time that passed as NAME. Other values (memory, load) are as they are at the reading. The first reading has no counters.
 *
 * A device or an interface that comes has values from its second reading on. One that goes, and a counter that falls (it
 * wrapped or was reset), has none in that reading: these values are counted in `gone` and `fell`. Counters of 32 bits wrap
 * as such. What has been idle since the start of the machine is left out until it is used. Partitions are left out, their disks
 * count them.
 *
 * Cost: some 10 files for each reading, and 10 for each cgroup.
 *
 * Units:     unit names them: ns, bytes, share (of the time; of all CPUs together where it is theirs), cpus, and /s behind
 *            them for rates.
 * Ownership: usage_new() to usage_free(); values live until the next reading.
 * Errors:    usage_new() returns NULL with the text where a cgroup is not there.
 * Source:    proc(5), Documentation/admin-guide/iostats.rst, cgroup-v2.rst and cgroup-v1/ of Linux 6.1.
 */
#ifndef SYS_USAGE_H
#define SYS_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct usage_value {
	const char *section; /* cpu memory disk network cgroup */
	const char *name;
	const char *suffix;  /* of the name: "", "_ns" or "_rate" */
	struct slice device; /* p NULL: none; of section cgroup, the cgroup */
	const char *unit;    /* NULL: a count */
	bool whole;
	union {
		int64_t i; /* whole */
		double d;
	};
};

struct usage_config {
	const char *root; /* NULL or "/": this machine */
	const char *const
	    *cgroup; /* paths below where cgroups are mounted, or absolute; ends with NULL */
	const char *const *called; /* how each is called in values; NULL: by its path */
};

struct usage {
	const struct usage_value *value;
	size_t values;
	uint64_t gone, fell; /* values that this reading could not tell */
	const char *missing; /* a cgroup that is no longer there, or NULL */
	struct usage_parts *parts;
};

struct usage *usage_new(const struct usage_config *config, struct error *e);

/* now: of a clock that runs evenly, as CLOCK_MONOTONIC_RAW; later than at the reading before. */
void usage_read(struct usage *u, int64_t now);

void usage_free(struct usage *u);

#endif
