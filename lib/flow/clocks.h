/* clocks.h - placing the times of one clock on another
 *
 * A `clock` record of a trace reads several clocks of a host at one moment. Between two such readings a clock runs straight
 * against another (they are seconds apart, and the kernel steers by some ppm), before the first and behind the last it runs
 * on as it did there. One reading alone does for two clocks of the kernel, which differ by ppm. Between hosts, realtime
 * alone is common: how well it agrees is what NTP or PTP made of it.
 *
 * An axis is a clock of a host. A path leads from one axis to another in one or two such maps.
 * Memory: the readings.
 *
 * Units:     those of the clocks: nanoseconds, or what the trace counts.
 * Ownership: the caller holds the structs, clocks_free() and clock_path_free() what they point to; slices are copied.
 * Errors:    clocks_path() returns -1 with the text where no reading leads from one axis to the other, or a clock was set
 *            back between two readings.
 * Source:    own; leat-trace(5).
 */
#ifndef FLOW_CLOCKS_H
#define FLOW_CLOCKS_H

#include "base/arena.h"
#include "base/error.h"
#include "trace/record.h"

enum { CLOCKS_NAMES = 16 }; /* different clocks; readings of more are not kept */

struct clock_axis {
	struct slice clock; /* empty: not said */
	struct slice host;  /* empty: not said, or of no importance (realtime) */
};

struct clocks {
	struct clocks_reading {
		unsigned stream;
		struct slice host;
		int64_t t;                   /* on the axis of the stream */
		int64_t value[CLOCKS_NAMES]; /* by name */
		unsigned known;              /* bits: which values there are */
	} * reading;
	size_t readings, cap;
	struct slice name[CLOCKS_NAMES];
	unsigned names;
	struct arena arena;
};

#define CLOCKS_INIT ((struct clocks){ 0 })

/* Adds a `clock` record of a stream (numbered by the caller), which was read on this host. */
void clocks_add(struct clocks *c, unsigned stream, struct slice host, const struct trace_record *r);

/* Whether the same host was started anew between the two streams: its realtime minus its boottime is another. False where
 * that is not known. */
bool clocks_other_boot(const struct clocks *c, unsigned one, unsigned other);

/* Whether a time on one axis is one on the other as it stands. An axis that does not say its clock fits with any. */
bool clock_axis_same(const struct clock_axis *a, const struct clock_axis *b);

struct clock_map {
	struct clock_point {
		int64_t x, y;
	} * point; /* ascending in x and y */
	size_t points, cap, at;
	bool alike; /* both in nanoseconds: they differ by ppm */
};

struct clock_path {
	struct clock_map map[2];
	unsigned maps; /* 0: as it stands */
};

/* The way from the axis of a stream to another. */
int clocks_path(const struct clocks *c, unsigned stream, const struct clock_axis *from,
    const struct clock_axis *to, struct clock_path *path, struct error *e);

/* A time on the other axis; never earlier for a later t. */
int64_t clock_path_at(struct clock_path *path, int64_t t);

void clock_path_free(struct clock_path *path);
void clocks_free(struct clocks *c);

#endif
