/* window.h - what of a stream lies between a start and an end
 *
 * State is kept for each value of a field (--per), or once: closed, or in window i, the i-th that was opened in the
 * stream. What came up to `before` ahead of a start waits until it is known whether a start comes; it waits in order of
 * the stream, and what is decided behind it waits, too. What lies in a window goes out at once when nothing waits.
 *
 * Two ways to ask, by window_waits(): window_rows() says of a block what is kept; window_row() takes row after row and
 * puts out what is decided.
 * Cost: a few compares a record beside the triggers; what waits is copied once, if it still does at the end of its block.
 * Memory: what waits, up to `room`; about 100 bytes for each value of `per` that has a window or something that waits.
 *
 * Units:     times as the records' t.
 * Ownership: window_new() to window_free(); options are the caller's, and live as long.
 * Errors:    -1, with the text.
 * Source:    own; TracerV's states: FireSim, TracerVModule.
 */
#ifndef FLOW_WINDOW_H
#define FLOW_WINDOW_H

#include "base/error.h"
#include "flow/trigger.h"
#include "trace/block.h"
#include "trace/writer.h"

struct window_options {
	struct trigger *start, *end; /* NULL where there is tracerv */
	const struct trigger_tracerv *tracerv;
	bool alone;     /* a window is the record that opens it: there is no end */
	bool no_start;  /* leave out the record that opens a window */
	bool no_end;    /* and that which closes it */
	uint64_t skip;  /* windows that are not kept */
	uint64_t limit; /* then keep so many */
	int64_t before, after;
	struct slice per;   /* a field; empty: one state for all */
	struct slice slice; /* keep everything, and add this field: the number of the window */
	bool align;         /* t counts from the start of the window */
	size_t room;        /* bytes for what waits */
};

struct window;

struct window *window_new(const struct window_options *o);

/* Whether records may have to wait: then window_row(), else window_rows(). */
bool window_waits(const struct window *w);

/* keep[s][row] becomes 1 or 0 for all rows but those of start, end and lost. Where marks are to be added
 * (window_marks()), window_put() puts such a row of this block. */
int window_rows(
    struct window *w, struct trace_block *b, unsigned char *const *keep, struct error *e);
bool window_marks(const struct window *w);
int window_put(struct window *w, struct trace_writer *out, struct trace_block *b, unsigned s,
    uint32_t row, struct error *e);

/* Every row of every block, in order; start, end and lost among them. */
int window_row(struct window *w, struct trace_writer *out, struct trace_block *b, unsigned s,
    uint32_t row, struct error *e);

/* The end of the input: nothing waits any more. */
int window_finish(struct window *w, struct trace_writer *out, struct error *e);

/* Nothing that comes can be in a window. */
bool window_done(const struct window *w);

struct window_counts {
	uint64_t passed, dropped; /* window_row() only */
	uint64_t lost;            /* given up for want of room, and would have been in a window */
	uint64_t unmarked;        /* the same where everything is kept: passed without a number */
	uint64_t windows;         /* opened */
	uint64_t kept;            /* of these, neither skipped nor beyond the limit */
	uint64_t unfinished;      /* and not closed by their end */
	uint64_t backs;           /* places where t goes back */
	uint64_t lanes;           /* records whose lane is not in 0..63 */
};

const struct window_counts *window_counts(const struct window *w);

void window_free(struct window *w);

#endif
