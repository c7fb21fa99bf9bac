/* merge.h - sorted traces to one by time
 *
 * Records stand in order of t, spans at their ends, records without t behind the one before them; of equal times, those of
 * the earlier input come first. The starts that lead the inputs lead the output. So merging is associative, and
 * commutative but for what stands at the same time.
 *
 * A record that is out of order by more than `reorder` is lost (why=late), counted, and told with its place. Within that,
 * what was read is held back until nothing earlier may come.
 *
 * Where inputs have different clocks, times are placed on one axis (clocks.h): a record keeps its length, and is placed by
 * its end. Where they hold more than one source, records carry src (merge_sources.h).
 *
 * Lines to lines are copied as they are; so are frames of frames that nothing of another input falls into. Everything
 * else is copied in blocks, by rows.
 * Cost: a heap of the inputs; memory: a block an input, and with `reorder` what lies in that time.
 *
 * Units:     nanoseconds, or what t counts.
 * Ownership: merge_new() to merge_free(); readers, writer and paths stay the caller's.
 * Errors:    -1 with the text, for the output and for clocks that do not fit. What is wrong with an input is told
 *            through the hooks.
 * Source:    own.
 */
#ifndef FLOW_MERGE_H
#define FLOW_MERGE_H

#include "base/error.h"
#include "trace/reader.h"
#include "trace/writer.h"

struct merge_options {
	bool reordering;
	int64_t reorder;
	const char *clock; /* the axis: a clock's name, "first", or NULL for what is needed */
	bool anew;         /* frames are to be packed anew */
};

struct merge_hooks {
	void *context;
	/* Before the next block or line of an input is read; ready: without waiting. */
	int (*reading)(void *context, int fd, struct trace_reader *r, bool ready);
	/* Something about an input; wrong: it is an error. */
	void (*tell)(void *context, bool wrong, const char *text);
	/* An input is at its end, with what its reader gave. */
	void (*done)(void *context, const char *path, struct trace_reader *r, int got);
};

struct merge *merge_new(
    struct trace_writer *out, const struct merge_options *options, const struct merge_hooks *hooks);

void merge_add(struct merge *m, int fd, const char *path, struct trace_reader *r);

/* Reads what leads the inputs, and writes their starts. */
int merge_begin(struct merge *m, struct error *e);

/* Writes the rest. */
int merge_run(struct merge *m, struct error *e);

struct merge_books {
	uint64_t in, passed, lost;
};

const struct merge_books *merge_books(const struct merge *m);

void merge_free(struct merge *m);

#endif
