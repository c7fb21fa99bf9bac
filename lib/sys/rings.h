/* rings.h - perf events opened, and their records in order of time
 *
 * Every event is opened on every CPU for every task (or for all tasks of the CPU); all events of one CPU share one ring.
 * One more event, which samples nothing, tells of mappings, names, births and deaths of tasks: the tracker. It is on
 * from the first moment, whether the others are or not.
 *
 *	sys_rings_open(&r, &config, &e);
 *	sys_rings_track(&r); sys_rings_enable(&r, true);	(or by exec: config.on_exec)
 *	while (...) {
 *		sys_rings_wait(&r, other, others, timeout_ms);
 *		sys_rings_round(&r, false);
 *		while (sys_rings_next(&r, &header))
 *			...
 *	}
 *
 * A round looks at what has come into all rings, and lets out what is older than the beginning of the round before:
 * by then no CPU can still be busy writing something older. Records stay where they are, in the rings, until they are
 * let out, and are merged from there: memory is 16 bytes for each record that waits, and nothing is copied. What comes
 * too late all the same is counted in `late` (samples), or is given the time of the record before it (all else).
 * A ring wakes us when a quarter of it is new, so that at most half of it waits for its order.
 *
 * Units:     bytes, nanoseconds of config.clock.
 * Ownership: the caller holds the struct, sys_rings_close() what it opened. A header is good until the next call.
 * Errors:    -1 and the text, which names the sysctl or capability where rights are missing.
 * Source:    perf_event_open(2); kernel/events/core.c and ring_buffer.c of Linux 6.1 and 6.18.
 */
#ifndef SYS_RINGS_H
#define SYS_RINGS_H

#include <linux/perf_event.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "perf/attr.h"

struct sys_rings_config {
	struct perf_event_attr
	    *attr; /* what to count and sample; how records are laid out is set here, in place */
	const char *const *name; /* of each attr, for messages */
	unsigned attrs;
	/* May be NULL, and so may be what it gives: attr i is on cpus[i].n CPUs only. */
	const struct sys_rings_cpus {
		const int *cpu;
		unsigned cpus; /* 0: all */
	} * only;
	const bool *leads; /* may be NULL: attr i leads the group of attr i + 1 */
	const pid_t *tid;  /* tasks, or NULL for all tasks of the CPUs */
	size_t tids;
	int cgroup; /* with tid NULL: a cgroup's directory, or -1 */
	const int *cpu;
	unsigned cpus;
	bool inherit;         /* children and threads of the tasks too */
	bool on_exec;         /* enabled by the exec of the (one) task */
	bool samples_on_exec; /* with on_exec: false when only the tracker is */
	size_t bytes;         /* of each ring, a power of two of pages */
	bool exact;           /* do not make do with smaller rings */
	clockid_t clock;
};

struct sys_rings {
	struct sys_ring *ring; /* private */
	unsigned rings;
	unsigned rings_cap;      /* private */
	struct sys_rings_fd *fd; /* private: all events */
	size_t fds;
	unsigned attrs;      /* of the config; number attrs is the tracker */
	size_t bytes;        /* of each ring, as granted */
	uint64_t late;       /* samples that came too late, and were left out */
	uint64_t unreadable; /* bytes of rings that were no records */
	struct perf_event_attr tracker;
	uint64_t limit, began, last; /* private */
	clockid_t clock;
	struct perf_layout layout; /* private: where times are */
	unsigned *heap, heaps;     /* private: rings with records, the oldest first */
	int current;               /* private: the ring of the record handed out, or -1 */
	unsigned char *scratch;    /* private: a record that wraps around, or whose time is set */
	struct pollfd *poll;       /* private */
	size_t polls;
};

int sys_rings_open(struct sys_rings *r, const struct sys_rings_config *config, struct error *e);

/* Registers each id with the number of its attr (config.attrs for the tracker). */
int sys_rings_ids(struct sys_rings *r, void (*fn)(uint64_t id, unsigned attr, void *context),
    void *context, struct error *e);

/* The tracker on; the sampling events on or off. */
int sys_rings_track(struct sys_rings *r, struct error *e);
int sys_rings_enable(struct sys_rings *r, bool on, struct error *e);

/* Waits until a ring wants to be emptied, one of `other` is ready (their revents are set), or time is up. */
int sys_rings_wait(struct sys_rings *r, struct pollfd *other, unsigned others, int timeout_ms);

/* Begins a round; the last one, after which nothing comes, lets out everything. */
void sys_rings_round(struct sys_rings *r, bool last);

/* The next record of the round: 1, or 0 at its end. It stands at a multiple of 8. */
int sys_rings_next(struct sys_rings *r, const struct perf_event_header **header);

struct sys_count {
	uint64_t value, enabled, running; /* ns of the tasks' time on a CPU */
	uint64_t lost;                    /* records that found no room; 0 on kernels before 6.0 */
};

/* Sum over all tasks and CPUs of attr (config.attrs for the tracker). */
void sys_rings_count(const struct sys_rings *r, unsigned attr, struct sys_count *count);

void sys_rings_close(struct sys_rings *r);

/* The CPUs that are online: *cpu is the caller's, for free(3). */
int sys_cpus_online(int **cpu, unsigned *cpus, struct error *e);

/* CPUs as people write them: 0-3,7. -1 where it is no such list. */
int sys_cpus_parse(const char *text, int **cpu, unsigned *cpus);

#endif
