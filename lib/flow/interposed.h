/* interposed.h - from what a preloaded library recorded to the records of a trace
 *
 * Takes the events of wire/wire_reader.h in their order, and writes alloc, free, mmap, comm, fork and exit records; at the
 * end of each process its counters as stat records (section interpose, with its pid) and its losses. Build ids of mapped files are read
 * here, once for each file.
 * Costs about 40 ns a record besides what the writer's blocks cost; chains carry the place that they have in the block.
 *
 * Units:     nanoseconds of the trace's clock, bytes.
 * Ownership: the caller holds the struct, interposed_free() releases it; the writer and the header stay the caller's.
 * Errors:    -1 where the writer fails: trace_writer_error().
 * Source:    own; leat-trace(5).
 */
#ifndef FLOW_INTERPOSED_H
#define FLOW_INTERPOSED_H

#include "base/hash.h"
#include "flow/call_shape.h"
#include "flow/record_event.h"
#include "flow/record_own.h"
#include "wire/wire_reader.h"

struct interposed_sums {
	uint64_t allocations, frees; /* records */
	uint64_t processes;
	uint64_t lost_full, lost_signal, lost_threads, lost_processes, damaged;
	uint64_t counts[WIRE_COUNTS]; /* of all processes */
};

struct interposed {
	struct record_own own;
	struct interposed_sums sums;

	/* private */
	const struct wire_header *header;
	const struct record_listener *listener;
	unsigned shape[CALL_SHAPES]; /* of alloc and free, by what they have: number + 1 */
	struct interposed_process {
		uint64_t allocations, frees;
	} * process;
	struct interposed_file {
		uint64_t hash;
		struct sys_buildid id;
	} * file;
	size_t files, file_cap;
	struct hash_set by_hash;
	struct buf text; /* of the exe in a message */
	unsigned notes;  /* that were told: of enum wire_note */
};

/* t of own records must not be older than what was put. */
void interposed_open(struct interposed *s, struct trace_writer *w, const struct wire_header *h,
    const struct record_listener *listener);

int interposed_put(struct interposed *s, const struct wire_event *event);

/* What a process has counted; with `ended`, its exit. */
int interposed_process(
    struct interposed *s, const struct wire_reader *r, unsigned process, int64_t t, bool ended);

/* Losses that belong to no process, and what the reader counted. */
int interposed_finish(struct interposed *s, const struct wire_reader *r, int64_t t);

uint64_t interposed_lost(const struct interposed *s);

/* Appends "1,234 allocations, 1,200 frees, 2 processes". */
void interposed_say(const struct interposed *s, struct buf *to);

void interposed_free(struct interposed *s);

#endif
