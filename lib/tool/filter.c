#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/io.h"
#include "tool/state.h"

enum {
	LATENCY_MS = 100,   /* what is ready waits no longer than this */
	DENSE = 64,         /* a part of so many that is not kept makes runs worth looking for */
	CHECK_EVERY = 1024, /* records between two looks at the clock while input is always ready */
};

enum stands { UNKNOWN, START, LEDGER, OTHER };

/* What the driver keeps beside the tool's struct. */
struct run {
	struct tool_filter *f;
	unsigned char *stands; /* of the shapes of this reader, by id */
	size_t cap;
	uint32_t *row; /* of each shape of the block, the next one */
	size_t row_cap;
	uint32_t *ahead; /* the same, while a run is looked for */
	size_t ahead_cap;
	unsigned char **keep; /* of each shape of the block, what rows() says of its rows */
	size_t keep_cap;
	unsigned char *kept;
	size_t kept_cap;
	unsigned *source; /* of each shape, what the writer calls it */
	size_t source_cap;
	struct trace_pick *pick;
	size_t pick_cap;
	bool started;      /* our own start is written */
	bool given;        /* the tool has had records since waiting() was called */
	uint64_t given_at; /* when we first had no input after that; 0: not looked yet */
	uint64_t bytes;    /* of the inputs before this one */
};

static _Noreturn void
output_failed(struct trace_writer *w)
{
	const char *name = tool_state.output ? tool_state.output : "standard output";

	tool_die("%s: %s", name, trace_writer_error(w));
}

static void
put(struct trace_writer *w, unsigned shape, const union trace_value *v)
{
	if (trace_put(w, shape, v) != 0)
		output_failed(w);
}

void
tool_start(struct trace_writer *w)
{
	const struct trace_field field[] = { { SLICE("tool"), TRACE_STR },
		{ SLICE("version"), TRACE_STR }, { SLICE("argv"), TRACE_STRS } };
	struct slice *argv = xcalloc((size_t)tool_state.argc + 1, sizeof *argv);
	union trace_value v[3] = { { .s = slice_of(tool_state.spec->name) },
		{ .s = SLICE(LEAT_VERSION) },
		{ .list = {
		      .s = argv, .n = (uint32_t)(tool_state.argc > 0 ? tool_state.argc : 1) } } };

	argv[0] = slice_of(tool_state.spec->name);
	for (int i = 1; i < tool_state.argc; i++)
		argv[i] = slice_of(tool_state.argv[i]);
	put(w, trace_writer_shape(w, SLICE("start"), field, 3), v);
	free(argv);
}

void
tool_finish(struct trace_writer *w, const struct tool_books *b)
{
	const struct trace_field field[] = { { SLICE("tool"), TRACE_STR },
		{ SLICE("in"), TRACE_INT }, { SLICE("passed"), TRACE_INT },
		{ SLICE("used"), TRACE_INT }, { SLICE("made"), TRACE_INT },
		{ SLICE("dropped"), TRACE_INT }, { SLICE("lost"), TRACE_INT } };
	union trace_value v[7] = { { .s = slice_of(tool_state.spec->name) },
		{ .i = (int64_t)b->in }, { .i = (int64_t)b->passed }, { .i = (int64_t)b->used },
		{ .i = (int64_t)b->made }, { .i = (int64_t)b->dropped },
		{ .i = (int64_t)b->lost } };

	put(w, trace_writer_shape(w, SLICE("end"), field, 7), v);
}

void
tool_lost(struct trace_writer *w, int64_t t, uint64_t n, const char *why)
{
	const struct trace_field field[] = { { SLICE("t"), TRACE_INT }, { SLICE("n"), TRACE_INT },
		{ SLICE("why"), TRACE_STR } };
	union trace_value v[3] = { { .i = t }, { .i = (int64_t)n }, { .s = slice_of(why) } };
	unsigned skip = t < 0;

	put(w, trace_writer_shape(w, SLICE("lost"), field + skip, 3 - skip), v + skip);
}

void
tool_pass(struct tool_filter *f, const struct trace_record *r)
{
	if (trace_put_record(f->out, r) != 0)
		output_failed(f->out);
	f->books.passed++;
}

/* What a shape is to the driver, looked up once. */
static enum stands
shape_stands(struct run *run, const struct trace_shape *shape)
{
	unsigned char *c;

	if (shape->id >= run->cap) {
		size_t old = run->cap;

		GROW(run->stands, run->cap, shape->id);
		memset(run->stands + old, UNKNOWN, run->cap - old);
	}
	c = &run->stands[shape->id];
	if (*c == UNKNOWN)
		*c = slice_eq(shape->type, SLICE("start")) ? START
		     : trace_is_ledger(shape)              ? LEDGER
							   : OTHER;
	return *c;
}

static void
flush(struct tool_filter *f)
{
	if (trace_flush(f->out) != 0)
		output_failed(f->out);
}

/* Before we wait for input: what the tool or the writer holds goes out when it is LATENCY_MS old. */
static void
wait_for_input(struct run *run, int fd)
{
	struct tool_filter *f = run->f;
	int due = trace_writer_due(f->out);

	if (f->waiting && run->given) {
		uint64_t now = io_now_ns(), age;

		if (run->given_at == 0)
			run->given_at = now;
		age = (now - run->given_at) / 1000000;
		if (age >= LATENCY_MS)
			due = 0;
		else if (due < 0 || due > LATENCY_MS - (int)age)
			due = LATENCY_MS - (int)age;
	}
	if (due < 0 || io_wait(fd, due) == 1)
		return;
	if (f->waiting && run->given)
		f->waiting(f);
	run->given = false;
	run->given_at = 0;
	flush(f);
}

static void
own_start(struct run *run)
{
	if (!run->started)
		tool_start(run->f->out);
	run->started = true;
}

static void
one_record(struct run *run, const struct trace_record *r)
{
	struct tool_filter *f = run->f;
	enum stands stands = shape_stands(run, r->shape);

	if (stands != START)
		own_start(run);
	if (stands == OTHER) {
		f->books.in++;
		run->given = true;
		f->record(f, r);
	} else if (trace_put_record(f->out, r) != 0) {
		output_failed(f->out);
	}
}

/* How many of these are 1. */
static uint32_t
ones(const unsigned char *p, uint32_t n)
{
	uint32_t sum = 0;

	for (; n >= 8; p += 8, n -= 8)
		sum += (uint32_t)(load64(p) * 0x0101010101010101 >> 56);
	for (; n > 0; p++, n--)
		sum += *p;
	return sum;
}

/* Asks rows() what of a block is to be kept, and counts; returns how many records that are. */
static uint32_t
ask(struct run *run, struct trace_block *b)
{
	struct tool_filter *f = run->f;
	uint32_t at = 0, kept = 0;

	GROW(run->keep, run->keep_cap, b->shapes);
	GROW(run->kept, run->kept_cap, b->records);
	for (unsigned s = 0; s < b->shapes; s++) {
		run->keep[s] = run->kept + at;
		at += b->rows[s];
		memset(run->keep[s], 1, b->rows[s]);
	}
	f->rows(f, b, run->keep);
	for (unsigned s = 0; s < b->shapes; s++) {
		uint32_t n = ones(run->keep[s], b->rows[s]);

		kept += n;
		if (shape_stands(run, b->shape[s]) != OTHER)
			continue;
		f->books.in += b->rows[s];
		f->books.passed += n;
		f->books.dropped += b->rows[s] - n;
	}
	return kept;
}

/* Puts out the kept rows from record i on, picked from all over the block. */
static void
put_picked(struct run *run, struct trace_block *b, uint32_t i, uint32_t kept)
{
	const uint16_t *sequence = trace_sequence(b);
	struct tool_filter *f = run->f;
	uint32_t n = 0;

	GROW(run->source, run->source_cap, b->shapes);
	GROW(run->pick, run->pick_cap, kept);
	for (unsigned s = 0; s < b->shapes; s++)
		if (memchr(run->keep[s], 1, b->rows[s]))
			run->source[s] = f->source && shape_stands(run, b->shape[s]) == OTHER
					     ? f->source(f, b, s)
					     : trace_pick_source(f->out, b, s);
	for (; n < kept; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		uint32_t row = run->row[s]++;

		/* Without a branch, for it would be guessed wrong half of the time. */
		run->pick[n] = (struct trace_pick){ run->source[s], row };
		n += run->keep[s][row];
	}
	if (trace_put_picked(f->out, run->pick, n) != 0)
		output_failed(f->out);
}

/* Puts out the kept rows from record i on, where most are: those that follow each other at once. */
static void
put_runs(struct run *run, struct trace_block *b, uint32_t i, uint32_t kept)
{
	const uint16_t *sequence = trace_sequence(b);
	struct trace_writer *out = run->f->out;

	while (kept > 0) {
		uint32_t first, n;

		for (;; i++) { /* to the next one that is kept */
			unsigned s = sequence ? sequence[i] : 0;

			if (run->keep[s][run->row[s]])
				break;
			run->row[s]++;
		}
		memcpy(run->ahead, run->row, b->shapes * sizeof *run->row);
		for (first = i; i < b->records; i++) {
			unsigned s = sequence ? sequence[i] : 0;

			if (!run->keep[s][run->ahead[s]])
				break;
			run->ahead[s]++;
		}
		n = i - first;
		kept -= n;
		if (trace_put_range(out, b, first, n, run->row) != 0)
			output_failed(out);
	}
}

/* Has row() put out the kept rows from record i on. */
static void
rows_by_tool(struct run *run, struct trace_block *b, uint32_t i, uint32_t kept)
{
	const uint16_t *sequence = trace_sequence(b);
	struct tool_filter *f = run->f;

	for (; kept > 0; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		uint32_t row = run->row[s]++;

		if (!run->keep[s][row])
			continue;
		kept--;
		if (shape_stands(run, b->shape[s]) == OTHER)
			f->row(f, b, s, row);
		else if (trace_put_row(f->out, b, s, row) != 0)
			output_failed(f->out);
	}
}

static void
filtered_block(struct run *run, struct trace_block *b)
{
	const uint16_t *sequence = trace_sequence(b);
	struct tool_filter *f = run->f;
	uint32_t kept = ask(run, b), i = 0;

	run->given = true;
	GROW(run->row, run->row_cap, b->shapes);
	GROW(run->ahead, run->ahead_cap, b->shapes);
	memset(run->row, 0, b->shapes * sizeof *run->row);
	for (; !run->started && i < b->records; i++, kept--) {
		unsigned s = sequence ? sequence[i] : 0;

		if (shape_stands(run, b->shape[s]) != START) {
			own_start(run);
			break;
		}
		if (trace_put_row(f->out, b, s, run->row[s]++) != 0)
			output_failed(f->out);
	}
	if (kept == 0)
		return;
	if (f->row)
		rows_by_tool(run, b, i, kept);
	else if (f->source || b->records - i - kept > b->records / DENSE)
		put_picked(run, b, i, kept);
	else
		put_runs(run, b, i, kept);
}

static void
one_block(struct run *run, struct trace_block *b)
{
	const uint16_t *sequence = trace_sequence(b);
	struct tool_filter *f = run->f;

	GROW(run->row, run->row_cap, b->shapes);
	memset(run->row, 0, b->shapes * sizeof *run->row);
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		enum stands stands = shape_stands(run, b->shape[s]);

		if (stands != START)
			own_start(run);
		f->books.in += stands == OTHER;
		f->row(f, b, s, run->row[s]++);
	}
	run->given = true;
}

/* One record, or one block for tools that want rows: 1, 0 at the end, -1. */
static int
step(struct run *run)
{
	struct trace_record record;
	struct trace_block *b;
	int got;

	if (run->f->enough)
		trace_reader_skip(run->f->reader);
	if (run->f->rows) {
		got = trace_read(run->f->reader, &b);
		if (got > 0)
			filtered_block(run, b);
	} else if (run->f->row) {
		got = trace_read(run->f->reader, &b);
		if (got > 0)
			one_block(run, b);
	} else {
		got = trace_next(run->f->reader, &record);
		if (got > 0)
			one_record(run, &record);
	}
	return got;
}

static void
one_input(int fd, const char *path, void *context)
{
	struct run *run = context;
	struct tool_filter *f = run->f;
	int encoding, got;

	f->path = path;
	f->reader = trace_reader_new(fd);
	encoding = trace_reader_encoding(f->reader);
	if (f->out == NULL)
		f->out = tool_trace_out(encoding < 0 ? TRACE_LINES : encoding, false);
	if (run->cap > 0)
		memset(run->stands, UNKNOWN, run->cap);
	if (f->input)
		f->input(f);
	for (unsigned n = 1;; n++) {
		if (!trace_reader_ready(f->reader)) {
			wait_for_input(run, fd);
			tool_progress(fd, f->books.in, run->bytes + trace_reader_offset(f->reader));
		} else if (f->row || f->rows || n % CHECK_EVERY == 0) {
			if (trace_writer_due(f->out) == 0)
				flush(f);
			tool_progress(fd, f->books.in, run->bytes + trace_reader_offset(f->reader));
		}
		got = step(run);
		if (got <= 0)
			break;
	}
	run->bytes += trace_reader_offset(f->reader);
	f->books.in += trace_reader_skipped(f->reader);
	f->books.dropped += trace_reader_skipped(f->reader);
	tool_reader_done(path, f->reader, got);
	f->reader = NULL;
}

int
tool_filter_run(struct tool_filter *f)
{
	struct run run = { .f = f };

	tool_inputs(one_input, &run);
	if (f->out == NULL)
		return tool_end(); /* nothing could be opened, which is no empty trace */
	own_start(&run);
	if (f->finish)
		f->finish(f);
	tool_finish(f->out, &f->books);
	free(run.stands);
	free(run.row);
	free(run.ahead);
	free(run.keep);
	free(run.kept);
	free(run.source);
	free(run.pick);
	return tool_end();
}
