/* perf_data.h - perf.data files and pipes to a trace
 *
 * Reads what `perf record` writes, the file form and the pipe form (-o -), compressed (-z) or not, from front to back.
 * Records are sorted by time as perf does: at each round that perf finished, what is not later than the end of the
 * round before is let out; what comes later than that counts as `lost why=late` and is left out. The trace:
 *
 *	start tool=perf version clock host arch release argv       what the features of the file say
 *	clock t REALTIME-OR-OTHER ...                              where the file has clock data
 *	object path buildid                                        the table of build ids
 *	mmap comm fork exit sym sample event lost                  perf_event.h
 *	end tool=perf in made dropped lost
 *
 * A file in the file form that comes through a pipe is copied to an unnamed file in TMPDIR first, as what describes it
 * stands at its end. Memory: the records of two rounds, at most options.memory bytes (then what is oldest is let out).
 *
 * Units:     bytes; nanoseconds of the clock that perf recorded with.
 * Ownership: the descriptor and the writer stay the caller's; the writer is not closed, nor flushed.
 * Errors:    -1 with the text (with "@byte" where a place is known) where nothing of the input can be used, or reading or
 *            writing fails. Damage behind the header is not an error: lost why=damaged or why=truncated, and stats.
 * Source:    tools/perf/Documentation/perf.data-file-format.txt of Linux 6.1 and 6.18.
 */
#ifndef FORM_PERF_DATA_H
#define FORM_PERF_DATA_H

#include "base/error.h"
#include "base/slice.h"
#include "trace/writer.h"

/* Whether these first bytes (at least 8) are a perf.data of either form and byte order. */
bool perf_data_is(struct slice start);

struct perf_data_options {
	struct slice head; /* bytes that were already read from fd (to sniff); may be empty */
	size_t memory;     /* for records that wait to be sorted; 0 for 512 MiB */
	void (*progress)(
	    uint64_t records, uint64_t bytes, void *context); /* about every MiB; may be NULL */
	void *context;
};

struct perf_data_stats {
	uint64_t bytes;     /* read */
	uint64_t records;   /* of the kernel, decompressed */
	uint64_t samples;   /* samples and events written */
	uint64_t dropped;   /* records that a trace has no place for */
	uint64_t lost;      /* sum of all losses, those that the kernel told of included */
	uint64_t damaged;   /* places of damage */
	bool truncated;     /* the file ends too early, or perf did not finish it */
	struct error first; /* the first damage: "@4711: ..."; empty where there is none */
};

/* options may be NULL. */
int perf_data_import(int fd, struct trace_writer *w, const struct perf_data_options *options,
    struct perf_data_stats *stats, struct error *e);

#endif
