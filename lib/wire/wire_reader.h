/* wire_reader.h - the records of all rings, in order of time
 *
 *	wire_reader_open(&r, file.header);
 *	for (;;) {
 *		wire_reader_wait(&r, 30);
 *		wire_reader_round(&r, false);
 *		while (wire_reader_next(&r, &event))
 *			...
 *		wire_reader_reap(&r, false);
 *	}
 *
 * A round looks at all rings, and lets out what is older than the beginning of the round before; records stay in their
 * rings until then, and are merged from there. A record that comes later all the same (its thread was stopped between the
 * time and the record) gets the time of the one before it, and is counted in `late`: what it tells of happened no earlier,
 * as a free is recorded before it is done, and nobody uses an allocation before it is recorded. So the order of addresses
 * is always right.
 *
 * Chains are kept by their numbers in each ring. What the workload has damaged is passed over, and counted.
 * Costs about 15 ns a record; a look at 100 slots costs 1 us.
 *
 * Units:     nanoseconds of CLOCK_MONOTONIC_RAW; bytes.
 * Ownership: the caller holds the struct, wire_reader_close() releases it; the file stays the caller's. An event is good
 *            until the next call.
 * Errors:    none.
 * Source:    own; the merge as in sys/rings.h.
 */
#ifndef WIRE_WIRE_READER_H
#define WIRE_WIRE_READER_H

#include "wire/wire_clock.h"

enum { WIRE_CHAIN_NOTE = 16 };

struct wire_chain {
	uint32_t n, cap;
	uint64_t *frame; /* leaf first */
	/* The caller's, zero when the chain is new. */
	_Alignas(8) unsigned char note[WIRE_CHAIN_NOTE];
};

struct wire_event {
	int64_t t; /* nanoseconds, never less than that of the event before */
	int32_t pid, tid;
	uint32_t process; /* number of its slot */
	uint32_t op;      /* enum wire_op; CHAIN and PAD are not told */
	uint32_t flags;
	uint32_t words; /* of word[] */
	const uint64_t *word;
	struct wire_chain *chain; /* NULL: none */
};

enum wire_reader_state {
	WIRE_READER_UNKNOWN,
	WIRE_READER_LIVE,
	WIRE_READER_GONE, /* the process has ended, records may still wait */
	WIRE_READER_DONE, /* and none of them does: for wire_reader_release() */
};

struct wire_reader_process {
	enum wire_reader_state state;
	int32_t pid;
	uint32_t rings;
	bool foreign;  /* its pid is not one of ours: nobody can tell whether it lives */
	bool executed; /* another program has taken its place */
};

struct wire_reader {
	struct wire_header *header;
	int32_t command;     /* a process of whose number there is no doubt; set by the caller */
	uint64_t late;       /* records whose time is that of the one before */
	uint64_t unreadable; /* bytes of rings that were no records */
	uint64_t unknown;    /* records of no known kind */
	uint64_t error_ns;   /* of a time, at most */
	unsigned pids;       /* processes seen */
	struct wire_reader_process *process; /* WIRE_PROCESSES */

	struct wire_ring *ring; /* private from here */
	unsigned rings;
	struct wire_head {
		uint64_t time;
		unsigned ring;
	} * heap; /* rings with records that may go out, the oldest first */
	unsigned heaps;
	bool taken; /* the first of them was handed out */
	uint64_t limit;
	int64_t last;
	struct wire_pair before, began;
	struct wire_line line;
	uint64_t reaped, looked; /* ns */
};

void wire_reader_open(struct wire_reader *r, struct wire_header *h);

/* Until a ring fills, a signal comes, or time is up. */
void wire_reader_wait(struct wire_reader *r, int timeout_ms);

/* Wakes wire_reader_wait(), or lets its next call return at once; for signal handlers. */
void wire_reader_ring(struct wire_header *h);

/* Begins a round; the last one lets out everything. */
void wire_reader_round(struct wire_reader *r, bool last);
bool wire_reader_next(struct wire_reader *r, struct wire_event *event);

/* All that is told from now on is no older. */
int64_t wire_reader_time(const struct wire_reader *r);

/* Gives back the slots of threads that have ended, and finds processes that have; nothing (false) where 10 ms have not
 * passed, but `now`. */
bool wire_reader_reap(struct wire_reader *r, bool now);

/* What a process and its threads have counted. */
void wire_reader_count(const struct wire_reader *r, unsigned process, uint64_t count[WIRE_COUNTS]);

/* The slot of a process that is DONE may be taken by another. */
void wire_reader_release(struct wire_reader *r, unsigned process);

void wire_reader_close(struct wire_reader *r);

#endif
