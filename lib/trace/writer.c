#include <errno.h>
#include <stdlib.h>

#include "base/io.h"
#include "trace/block_parts.h"
#include "trace/frame.h"
#include "trace/line.h"
#include "trace/writer.h"

enum { LATENCY_MS = 100, LINES_BYTES = 256 << 10 };

struct trace_writer {
	int fd, level;
	enum trace_encoding encoding;
	struct shapes shapes;
	struct trace_block *block; /* frames */
	struct frame_codec *codec;
	struct buf out;      /* text, or the encoding of the block */
	uint64_t held_since; /* io_now_ns() of the oldest record held, 0 where none is */
	uint64_t bytes, records;
	bool begun, failed;
	struct error error;
	uint32_t *
	    foreign; /* 1 + the number of a reader's shape, by its serial: readers may take turns */
	size_t foreign_cap;
	const struct trace_shape **range; /* of the shapes of a block */
	size_t range_cap;
	uint32_t *row;
	size_t row_cap;
	struct block_source *source; /* of picked rows */
	unsigned sources;
	size_t source_cap;
	union trace_value *value; /* of a record taken from a block */
	size_t value_cap;
};

struct trace_writer *
trace_writer_new(int fd, enum trace_encoding encoding, int level)
{
	struct trace_writer *w = xcalloc(1, sizeof *w);

	w->fd = fd;
	w->encoding = encoding;
	w->level = level;
	io_enlarge_pipe(fd);
	if (encoding == TRACE_FRAMES) {
		w->block = block_new(&w->shapes);
		w->codec = frame_codec_new();
	}
	return w;
}

enum trace_encoding
trace_writer_encoding(const struct trace_writer *w)
{
	return w->encoding;
}

unsigned
trace_writer_shape(
    struct trace_writer *w, struct slice type, const struct trace_field *field, unsigned fields)
{
	return shapes_get(&w->shapes, type, field, fields)->id;
}

static int
fail(struct trace_writer *w, const char *why)
{
	w->failed = true;
	return error_set(&w->error, "%s", why);
}

static int
write_block(struct trace_writer *w)
{
	struct frame_index index = { .records = w->block->records,
		.t_min = w->block->t_min,
		.t_max = w->block->t_max,
		.flags = w->block->parts->state ? FRAME_STATE : 0 };
	ssize_t n;

	w->out.n = 0;
	block_encode(w->block, &w->out);
	block_clear(w->block);
	if (w->out.n > BLOCK_BYTES_READ)
		return fail(w, "a record of more than 1 GiB");
	index.raw = (uint32_t)w->out.n;
	n = frame_write(w->codec, w->fd, w->out.p, &index, w->level, &w->error);
	if (n < 0) {
		w->failed = true;
		return -1;
	}
	w->bytes += (uint64_t)n;
	return 0;
}

static int
write_lines(struct trace_writer *w)
{
	if (io_write(w->fd, w->out.p, w->out.n) < 0)
		return fail(w, strerror(errno));
	w->bytes += w->out.n;
	w->out.n = 0;
	return 0;
}

int
trace_flush(struct trace_writer *w)
{
	if (w->failed)
		return -1;
	if (w->held_since == 0)
		return 0;
	w->held_since = 0;
	return w->encoding == TRACE_FRAMES ? write_block(w) : write_lines(w);
}

static void
begin_lines(struct trace_writer *w)
{
	if (!w->begun)
		buf_slice(&w->out, LINE_MAGIC);
	w->begun = true;
}

static inline void
begin_records(struct trace_writer *w, uint32_t n)
{
	if (w->held_since == 0)
		w->held_since = io_now_ns();
	w->begun = true;
	w->records += n;
}

int
trace_put(struct trace_writer *w, unsigned shape, const union trace_value *value)
{
	const struct trace_shape *s = w->shapes.shape[shape];

	if (w->failed)
		return -1;
	if (w->encoding == TRACE_LINES)
		begin_lines(w);
	begin_records(w, 1);
	if (w->encoding == TRACE_FRAMES)
		return block_put(w->block, s, value) ? trace_flush(w) : 0;
	line_put(&w->out, &(struct trace_record){ s, value });
	return w->out.n >= LINES_BYTES ? trace_flush(w) : 0;
}

/* The writer's number of a reader's shape. */
static unsigned
shape_of(struct trace_writer *w, const struct trace_shape *s)
{
	if (s->serial >= w->foreign_cap) {
		size_t had = w->foreign_cap;

		GROW(w->foreign, w->foreign_cap, s->serial);
		memset(w->foreign + had, 0, (w->foreign_cap - had) * sizeof *w->foreign);
	}
	if (w->foreign[s->serial] == 0)
		w->foreign[s->serial] = 1 + trace_writer_shape(w, s->type, s->field, s->fields);
	return w->foreign[s->serial] - 1;
}

int
trace_put_record(struct trace_writer *w, const struct trace_record *r)
{
	return trace_put(w, shape_of(w, r->shape), r->value);
}

int
trace_put_row_as(struct trace_writer *w, unsigned shape, struct trace_block *b, unsigned s,
    uint32_t row, const int *from, const uint64_t *word)
{
	const struct trace_shape *to = w->shapes.shape[shape];

	if (w->encoding == TRACE_FRAMES) {
		begin_records(w, 1);
		return w->failed                                            ? -1
		       : block_put_row(w->block, to, b, s, row, from, word) ? trace_flush(w)
									    : 0;
	}
	GROW(w->value, w->value_cap, to->fields);
	for (unsigned f = 0; f < to->fields; f++)
		if (from && from[f] < 0)
			w->value[f].u = word[~from[f]];
		else
			w->value[f] = trace_block_value(b, s, from ? (unsigned)from[f] : f, row);
	return trace_put(w, shape, w->value);
}

int
trace_put_row(struct trace_writer *w, struct trace_block *b, unsigned s, uint32_t row)
{
	return trace_put_row_as(w, shape_of(w, b->shape[s]), b, s, row, NULL, NULL);
}

int
trace_put_range(
    struct trace_writer *w, struct trace_block *b, uint32_t first, uint32_t n, uint32_t *row)
{
	const uint16_t *sequence = trace_sequence(b);

	if (w->encoding == TRACE_LINES) {
		for (uint32_t i = first; i < first + n; i++) {
			unsigned s = sequence ? sequence[i] : 0;

			if (trace_put_row(w, b, s, row[s]++) < 0)
				return -1;
		}
		return 0;
	}
	if (n == 0)
		return 0;
	GROW(w->range, w->range_cap, b->shapes);
	for (unsigned s = 0; s < b->shapes; s++) {
		unsigned shape = shape_of(w, b->shape[s]); /* may move the table of shapes */

		w->range[s] = w->shapes.shape[shape];
	}
	for (;;) {
		uint32_t done;

		if (w->failed)
			return -1;
		done = block_put_range(w->block, w->range, b, first, n, row);
		begin_records(w, done);
		if (block_full(w->block) && trace_flush(w) < 0)
			return -1;
		first += done;
		n -= done;
		if (n == 0)
			return 0;
	}
}

int
trace_put_block(struct trace_writer *w, struct trace_block *b)
{
	GROW(w->row, w->row_cap, b->shapes);
	memset(w->row, 0, b->shapes * sizeof *w->row);
	return trace_put_range(w, b, 0, b->records, w->row);
}

unsigned
trace_pick_source(struct trace_writer *w, struct trace_block *b, unsigned s)
{
	return trace_pick_source_as(w, b, s, shape_of(w, b->shape[s]), NULL);
}

unsigned
trace_pick_source_as(
    struct trace_writer *w, struct trace_block *b, unsigned s, unsigned shape, const int *from)
{
	GROW(w->source, w->source_cap, w->sources);
	w->source[w->sources] = (struct block_source){ b, s, w->shapes.shape[shape], from, NULL };
	return w->sources++;
}

unsigned
trace_pick_source_with(struct trace_writer *w, struct trace_block *b, unsigned s, unsigned shape,
    const int *from, const struct trace_extra *extra)
{
	unsigned source = trace_pick_source_as(w, b, s, shape, from);

	w->source[source].extra = extra;
	return source;
}

int
trace_put_picked(struct trace_writer *w, const struct trace_pick *pick, uint32_t n)
{
	unsigned sources = w->sources;

	w->sources = 0;
	if (w->encoding == TRACE_LINES)
		for (; n > 0; pick++, n--) {
			const struct block_source *from = &w->source[pick->source];

			GROW(w->value, w->value_cap, from->shape->fields);
			block_source_row(from, pick->row, w->value);
			if (trace_put(w, from->shape->id, w->value) < 0)
				return -1;
		}
	while (n > 0) {
		uint32_t done;

		if (w->failed)
			return -1;
		done = block_put_picks(w->block, w->source, sources, pick, n);
		begin_records(w, done);
		if (block_full(w->block) && trace_flush(w) < 0)
			return -1;
		pick += done;
		n -= done;
	}
	return 0;
}

bool
trace_writer_takes(const struct trace_writer *w, uint64_t stored, uint64_t raw)
{
	return w->encoding == TRACE_FRAMES && raw >= BLOCK_BYTES / 16 &&
	       (w->level == TRACE_RAW || stored < raw);
}

int
trace_put_stored(struct trace_writer *w, const void *frame, size_t n, uint64_t records)
{
	if (trace_flush(w) < 0)
		return -1;
	if (io_write(w->fd, frame, n) < 0)
		return fail(w, strerror(errno));
	w->begun = true;
	w->bytes += n;
	w->records += records;
	return 0;
}

int
trace_put_line(struct trace_writer *w, struct slice line)
{
	if (w->failed)
		return -1;
	begin_lines(w);
	begin_records(w, 1);
	buf_slice(&w->out, line);
	return w->out.n >= LINES_BYTES ? trace_flush(w) : 0;
}

int
trace_writer_due(const struct trace_writer *w)
{
	uint64_t age;

	if (w->held_since == 0)
		return -1;
	age = (io_now_ns() - w->held_since) / 1000000;
	return age >= LATENCY_MS ? 0 : (int)(LATENCY_MS - age);
}

int
trace_writer_close(struct trace_writer *w, struct error *e)
{
	int result;

	/* An empty trace has its first line, or a frame without records, so that zstd -t takes it. */
	if (!w->begun) {
		begin_lines(w);
		w->held_since = 1;
	}
	result = trace_flush(w);
	if (result < 0)
		error_set(e, "%s", w->error.text);
	shapes_free(&w->shapes);
	if (w->block)
		block_free(w->block);
	if (w->codec)
		frame_codec_free(w->codec);
	buf_free(&w->out);
	free(w->foreign);
	free(w->value);
	free(w->range);
	free(w->source);
	free(w->row);
	free(w);
	return result;
}

const char *
trace_writer_error(const struct trace_writer *w)
{
	return w->error.text;
}

uint64_t
trace_writer_bytes(const struct trace_writer *w)
{
	return w->bytes;
}

uint64_t
trace_writer_records(const struct trace_writer *w)
{
	return w->records;
}
