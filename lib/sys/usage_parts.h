/* usage_parts.h - what the parts of usage.h share: reading files below a root, and values from counters
 *
 * Units:     as in usage.h.
 * Ownership: texts are good until the next one is read.
 * Errors:    false where there is nothing to read.
 * Source:    own.
 */
#ifndef SYS_USAGE_PARTS_H
#define SYS_USAGE_PARTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "sys/usage.h"

struct usage_counter {
	struct slice key;
	uint64_t last;    /* what it said */
	uint64_t reading; /* at this one */
};

struct usage_parts {
	struct usage usage;
	struct usage_value *value;
	size_t values, cap;
	struct usage_counter *counter;
	size_t counters, counter_cap;
	struct hash_set by_key;
	struct arena keys;
	struct arena names;  /* of devices, of this reading */
	struct slice device; /* the last one */
	uint64_t reading;
	int64_t now, elapsed; /* elapsed: since the reading before */
	bool mute;            /* counters are kept, and nothing is told */
	char *root;
	struct usage_cgroup {
		char *path;   /* below the mount points, without / around it */
		char *called; /* NULL: path */
	} * cgroup;
	size_t cgroups;
	int64_t tick_ns;
	struct buf text, path, key;
};

bool usage_text(struct usage_parts *p, struct slice *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether there is such a file. */
bool usage_exists(struct usage_parts *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A value as it is. */
void usage_int(struct usage_parts *p, const char *section, const char *name, struct slice device,
    int64_t v, const char *unit);
void usage_num(struct usage_parts *p, const char *section, const char *name, struct slice device,
    double v, const char *unit);

enum usage_falls {
	USAGE_FALL_LOST, /* a counter that fell says nothing */
	USAGE_FALL_ZERO, /* it is known to go back a little: nothing was counted */
	USAGE_WRAP_32    /* it has 32 bits */
};

/* What was counted since the reading before; false where that is not known. */
bool usage_delta(struct usage_parts *p, const char *section, const char *name, struct slice device,
    uint64_t now, enum usage_falls falls, uint64_t *delta);

/* A counter, times scale: NAME and NAME_rate; unit NULL or "bytes". */
void usage_count(struct usage_parts *p, const char *section, const char *name, struct slice device,
    uint64_t now, uint64_t scale, const char *unit);

/* A counter of time, times scale in ns: NAME_ns, and NAME as its share of the time that passed. */
void usage_time(struct usage_parts *p, const char *section, const char *name, struct slice device,
    uint64_t now, uint64_t scale, enum usage_falls falls, const char *share);

/* The number behind key in lines "key number" or "key: number kB". */
bool usage_line(struct slice text, const char *key, uint64_t *v);

/* The total= of a line of pressure: some or full; in us. */
bool usage_pressure(struct slice text, const char *line, uint64_t *us);

/* All that the machine does; all that a cgroup does, false where it is no longer there. */
void usage_machine(struct usage_parts *p);
bool usage_of_cgroup(struct usage_parts *p, const struct usage_cgroup *c);

/* The path of a cgroup below the mount points, from what somebody wrote; NULL where there is none. */
char *usage_cgroup_path(struct usage_parts *p, const char *written);

#endif
