/* perf_script.h - the text of `perf script` to a trace
 *
 * Reads the text that perf script (any -F that leaves a time, or a thread and an event), simpleperf report-sample's
 * cousins and old perf versions print: a header line, the frames below it, leaf first, an empty line. The trace:
 *
 *	start tool=perf-script host arch release argv        argv and what `perf script --header` says, where it does
 *	sample t cpu pid tid comm event weight addr text stack origin     what the layout shows of these
 *	event t cpu pid tid comm name weight text stack origin            tracepoints, with their text
 *	lost t n why=ring-full                               PERF_RECORD_LOST lines, where they stand
 *	lost n why=...                                       at the end: bad-line, trace-error, stack-cut, truncated
 *	end tool=perf-script made lost
 *
 * Names are as perf prints them, without +0xOFFSET; [unknown] becomes the object in brackets; `a->b` of Java becomes a
 * frame and what is inlined in it. Lines of frames are interned as bytes (hash, and comparison), with a guess at the
 * line that follows each, so that a line seen before costs one comparison; stacks are interned as sequences of lines. The
 * lines of a sample that were seen together before, as most are, cost one comparison in all.
 * Memory: two buffers' worth of input, and the tables, which start anew when they exceed options.memory
 * (by no more than the sample does at which they do).
 *
 * Units:     bytes; t in nanoseconds of perf's clock (six digits of perf's time are microseconds).
 * Ownership: the descriptor and the writer stay the caller's; the writer is not closed, and flushed only before waiting.
 * Errors:    -1 with the text where reading or writing fails. What cannot be read is not an error: lost, and stats.
 * Source:    tools/perf/builtin-script.c and util/evsel_fprintf.c of Linux 6.1 (what is printed).
 */
#ifndef FORM_PERF_SCRIPT_H
#define FORM_PERF_SCRIPT_H

#include "base/error.h"
#include "base/slice.h"
#include "trace/writer.h"

/* Whether these first bytes look like such text. */
bool perf_script_is(struct slice start);

struct perf_script_options {
	struct slice head; /* bytes that were already read from fd (to sniff); may be empty */
	size_t memory;     /* for the tables; 0 for 128 MiB */
	void (*progress)(
	    uint64_t records, uint64_t bytes, void *context); /* about every MiB; may be NULL */
	void *context;
};

struct perf_script_stats {
	uint64_t bytes;     /* read */
	uint64_t samples;   /* samples and events written */
	uint64_t lost;      /* sum of all losses, those that perf told of included */
	uint64_t bad_lines; /* not understood, or below a header that was not */
	uint64_t resets;    /* of the tables */
	bool truncated;     /* the last sample was cut off */
	struct error first; /* the first bad line: "line 7: ..."; empty where there is none */
};

/* options may be NULL. */
int perf_script_import(int fd, struct trace_writer *w, const struct perf_script_options *options,
    struct perf_script_stats *stats, struct error *e);

#endif
