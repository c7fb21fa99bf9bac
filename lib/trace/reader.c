#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "trace/block_parts.h"
#include "trace/frame.h"
#include "trace/line.h"
#include "trace/reader.h"
#include "trace/scan.h"

enum {
	READ_BYTES = 256 << 10, /* what one read asks for at least */
	SNIFF_BYTES =
	    2 << 20, /* how far a first index is looked for when the first bytes are damaged */
	LINE_BYTES = 1 << 30, /* a longer line is refused */
};

struct place {
	uint64_t from, to; /* bytes */
};

struct trace_reader {
	int fd;
	bool known, eof, finished;
	enum trace_encoding encoding;
	struct error error;

	char *buf;
	size_t cap, pos, end;
	uint64_t base; /* offset of buf[0] */

	struct shapes shapes;
	struct trace_block *block; /* of the input */
	struct trace_block *edge;  /* the part of it that lies in the range */
	struct trace_block *notes; /* lost records of our own, handed out before what follows */
	struct trace_damage damage;
	int64_t t_last;
	bool any_t;
	int64_t open; /* starts without an end so far */

	struct line_parser parser;
	uint64_t line;     /* of the last line parsed */
	uint64_t *line_of; /* of each record of the block */
	size_t line_cap;

	struct line_scan scan;
	struct trace_line peeked;
	size_t peeked_n;  /* bytes of the line that was handed out; 0 for a note, or none */
	uint32_t note_at; /* the note whose turn it is */
	bool peeking;
	const char *lines_end; /* behind the last LF in the buffer, while lines are handed out */
	struct buf note_text;

	struct frame_codec *codec;
	struct buf raw;    /* the unpacked frame */
	uint64_t frame_at; /* offset of its index */
	bool streaming;    /* inside a frame without an index */
	bool stream_begun;
	size_t raw_pos; /* of the next block in raw, when streaming */

	bool ranged;
	int64_t since, until;
	bool skipping;
	uint64_t skipped; /* records */

	/* the cursor */
	struct trace_block *at;
	uint32_t next; /* record of block `at` */
	const uint16_t *sequence;
	uint32_t *row;
	size_t row_cap;
	const uint64_t **column; /* of all shapes of the block, one behind the other */
	size_t column_cap;
	size_t *first_column;
	size_t first_cap;
	union trace_value *value;
	size_t value_cap;
	uint64_t record_line;
};

struct trace_reader *
trace_reader_new(int fd)
{
	struct trace_reader *r = xcalloc(1, sizeof *r);

	r->fd = fd;
	r->block = block_new(&r->shapes);
	r->notes = block_new(&r->shapes);
	r->parser.shapes = &r->shapes;
	io_enlarge_pipe(fd);
	return r;
}

void
trace_reader_free(struct trace_reader *r)
{
	block_free(r->block);
	block_free(r->notes);
	if (r->edge)
		block_free(r->edge);
	if (r->codec)
		frame_codec_free(r->codec);
	line_parser_free(&r->parser);
	line_scan_free(&r->scan);
	buf_free(&r->note_text);
	shapes_free(&r->shapes);
	buf_free(&r->raw);
	free(r->buf);
	free(r->line_of);
	free(r->row);
	free(r->column);
	free(r->first_column);
	free(r->value);
	free(r);
}

void
trace_reader_unread(struct trace_reader *r, const void *bytes, size_t n)
{
	r->buf = xgrow(r->buf, &r->cap, n + LINE_SCAN_AHEAD, 1);
	memcpy(r->buf, bytes, n);
	r->end = n;
}

const char *
trace_reader_error(const struct trace_reader *r)
{
	return r->error.text;
}

const struct trace_damage *
trace_reader_damage(const struct trace_reader *r)
{
	return &r->damage;
}

static uint64_t
offset(const struct trace_reader *r)
{
	return r->base + r->pos;
}

uint64_t
trace_reader_offset(const struct trace_reader *r)
{
	return offset(r);
}

void
trace_reader_range(struct trace_reader *r, int64_t since, int64_t until)
{
	r->ranged = true;
	r->since = since;
	r->until = until;
}

void
trace_reader_skip(struct trace_reader *r)
{
	r->skipping = true;
}

uint64_t
trace_reader_skipped(const struct trace_reader *r)
{
	return r->skipped;
}

/* ---- input ---- */

/* Wants `need` bytes from pos on. Returns how many are there, fewer only at the end; -1 on an I/O error. */
static ssize_t
fill(struct trace_reader *r, size_t need)
{
	while (r->end - r->pos < need && !r->eof) {
		size_t want = need > READ_BYTES ? need : READ_BYTES;
		ssize_t n;

		if (r->cap - r->pos < want + READ_BYTES && r->pos > 0) {
			memmove(r->buf, r->buf + r->pos, r->end - r->pos);
			r->base += r->pos;
			r->end -= r->pos;
			r->pos = 0;
		}
		if (r->cap < want + READ_BYTES)
			r->buf = xgrow(r->buf, &r->cap, want + READ_BYTES, 1);
		n = io_read(r->fd, r->buf + r->end, r->cap - r->end - LINE_SCAN_AHEAD);
		if (n < 0)
			return error_set(&r->error, "%s", strerror(errno));
		if (n == 0)
			r->eof = true;
		r->end += (size_t)n;
	}
	return (ssize_t)(r->end - r->pos);
}

/* Passes over n bytes that nobody wants to see. */
static int
hop(struct trace_reader *r, uint64_t n)
{
	size_t there = r->end - r->pos;

	if (n > there && !r->eof) {
		uint64_t more = n - there;
		off_t at = lseek(r->fd, 0, SEEK_CUR),
		      size = at < 0 ? -1 : lseek(r->fd, 0, SEEK_END);

		if (size >= 0) {
			if ((uint64_t)(size - at) < more)
				more = (uint64_t)(size - at);
			if (lseek(r->fd, at + (off_t)more, SEEK_SET) < 0)
				return error_set(&r->error, "%s", strerror(errno));
			r->base += r->end + more;
			r->pos = r->end = 0;
			return 0;
		}
	}
	while (n > 0) {
		ssize_t got = fill(r, 1);
		size_t step;

		if (got <= 0)
			return (int)got;
		step = (uint64_t)got < n ? (size_t)got : (size_t)n;
		r->pos += step;
		n -= step;
	}
	return 0;
}

static uint32_t
word_at(const struct trace_reader *r, size_t at)
{
	return load32(r->buf + r->pos + at);
}

/* Moves pos to the next index that verifies, or to the end. */
static int
resynchronise(struct trace_reader *r)
{
	struct frame_index index;

	for (;;) {
		ssize_t n = fill(r, FRAME_INDEX_BYTES);
		const char *p = r->buf + r->pos, *at;

		if (n < FRAME_INDEX_BYTES) {
			r->pos = r->end;
			return n < 0 ? -1 : 0;
		}
		at = memmem(p, (size_t)n, "\x50\x2a\x4d\x18", 4);
		if (at == NULL) {
			r->pos += (size_t)n - 3;
			continue;
		}
		r->pos += (size_t)(at - p);
		n = fill(r, FRAME_INDEX_BYTES);
		if (n < FRAME_INDEX_BYTES) {
			r->pos = r->end;
			return n < 0 ? -1 : 0;
		}
		if (frame_index_get(r->buf + r->pos, (size_t)n, &index))
			return 0;
		r->pos++;
	}
}

static bool
is_skippable(uint32_t word)
{
	return (word & ~(uint32_t)15) == FRAME_SKIPPABLE;
}

int
trace_reader_encoding(struct trace_reader *r)
{
	struct frame_index index;
	ssize_t n;

	if (r->known)
		return r->encoding;
	n = fill(r, 8);
	if (n < 0)
		return -1;
	r->known = true;
	r->encoding = TRACE_LINES;
	if (n == 0 || (slice_starts(LINE_MAGIC, (struct slice){ r->buf, n < 8 ? (size_t)n : 8 }) &&
			  r->buf[0] == '#'))
		return r->encoding;
	r->encoding = TRACE_FRAMES;
	if (n < 4 ? slice_starts(SLICE("\x50\x2a\x4d\x18"), (struct slice){ r->buf, (size_t)n })
		  : is_skippable(word_at(r, 0)) || word_at(r, 0) == FRAME_ZSTD)
		return r->encoding;
	/* The first bytes may be damaged: what holds an index is a trace. */
	n = fill(r, SNIFF_BYTES);
	for (ssize_t i = 0; i + FRAME_INDEX_BYTES <= n; i++)
		if (r->buf[i] == 0x50 && frame_index_get(r->buf + i, (size_t)(n - i), &index))
			return r->encoding;
	r->known = false;
	if (slice_starts((struct slice){ r->buf, (size_t)n }, SLICE("#leat ")))
		return error_set(
		    &r->error, "a trace of another version: this program reads #leat 1");
	return error_set(&r->error,
	    "not a trace: it begins neither with #leat 1 nor with a zstd frame"
	    " (`leat import --list` names the formats that can be converted)");
}

/* ---- loss of our own ---- */

static void
put_lost(struct trace_reader *r, struct trace_block *b, uint64_t n, const char *why,
    const struct place *place)
{
	struct trace_field field[5];
	union trace_value value[5];
	unsigned fields = 0;

	if (r->any_t) {
		field[fields] = (struct trace_field){ SLICE("t"), TRACE_INT };
		value[fields++].i = r->t_last;
	}
	field[fields] = (struct trace_field){ SLICE("n"), TRACE_INT };
	value[fields++].i = (int64_t)n;
	field[fields] = (struct trace_field){ SLICE("why"), TRACE_STR };
	value[fields++].s = slice_of(why);
	if (place) {
		field[fields] = (struct trace_field){ SLICE("from"), TRACE_INT };
		value[fields++].i = (int64_t)place->from;
		field[fields] = (struct trace_field){ SLICE("to"), TRACE_INT };
		value[fields++].i = (int64_t)place->to;
	}
	block_put(b, shapes_get(&r->shapes, SLICE("lost"), field, fields), value);
}

static void
note_damage(struct trace_reader *r, const struct place *place, const char *where, const char *what)
{
	if (r->damage.places++ == 0)
		error_set(&r->damage.first, "%s: %s", where, what);
	r->damage.bytes += place->to - place->from;
}

/* A damaged part of frames, up to where the reader stands now. */
static void
note_frames(struct trace_reader *r, uint64_t from, uint64_t records, bool cut, const char *what)
{
	struct place place = { from, offset(r) };
	char where[32];

	snprintf(where, sizeof where, "@%llu", (unsigned long long)from);
	note_damage(r, &place, where, what);
	if (cut) {
		r->damage.truncated = true;
		r->open = 0; /* the same loss, told once */
	}
	put_lost(r, r->notes, records, cut ? "truncated" : "damaged", &place);
}

/* ---- lines ---- */

static void
record_line(struct trace_reader *r)
{
	GROW(r->line_of, r->line_cap, r->block->records - 1);
	r->line_of[r->block->records - 1] = r->line;
}

/* Lines that do not parse become one lost record for each run of them. */
struct bad_lines {
	struct place place;
	uint64_t n;
};

static void
end_bad_lines(struct trace_reader *r, struct bad_lines *bad)
{
	if (bad->n == 0)
		return;
	put_lost(r, r->block, bad->n, "damaged", &bad->place);
	record_line(r);
	bad->n = 0;
}

/* The line that ends where the reader stands. */
static void
note_bad_line(struct trace_reader *r, struct bad_lines *bad, uint64_t from, const struct error *e)
{
	struct place place = { from, offset(r) };
	char where[32];

	snprintf(where, sizeof where, "%llu", (unsigned long long)r->line);
	note_damage(r, &place, where, e->text);
	if (bad->n++ == 0)
		bad->place = place;
	bad->place.to = place.to;
}

static void
parse_lines(struct trace_reader *r, size_t n)
{
	const char *p = r->buf + r->pos, *end = p + n;
	struct bad_lines bad = { 0 };

	while (p < end && !block_full(r->block)) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		struct trace_record record;
		struct error e;
		int got =
		    line_parse(&r->parser, (struct slice){ p, (size_t)(stop - p) }, &record, &e);
		uint64_t from = offset(r);

		r->line++;
		p = stop + 1;
		r->pos = (size_t)(p - r->buf);
		if (got < 0) {
			note_bad_line(r, &bad, from, &e);
		} else if (got > 0) {
			end_bad_lines(r, &bad);
			block_put(r->block, record.shape, record.value);
			record_line(r);
			if (r->block->t_max >= r->block->t_min) {
				r->any_t = true;
				r->t_last = r->block->t_max;
			}
		}
	}
	end_bad_lines(r, &bad);
}

/* The bytes up to the last LF that is there, reading where there is none: their number, 0 at the end (where the last line
 * may be cut off: a note then), -1. */
static ssize_t
whole_lines(struct trace_reader *r)
{
	ssize_t n = fill(r, 1);
	const char *last = n > 0 ? memrchr(r->buf + r->pos, '\n', (size_t)n) : NULL;

	while (n > 0 && last == NULL && !r->eof) {
		if (n > LINE_BYTES)
			return error_set(&r->error, "a line of more than 1 GiB");
		n = fill(r, (size_t)n + 1);
		last = n > 0 ? memrchr(r->buf + r->pos, '\n', (size_t)n) : NULL;
	}
	if (n <= 0)
		return n;
	if (last == NULL) {
		struct place place = { offset(r), offset(r) + (uint64_t)n };
		char where[32];

		snprintf(where, sizeof where, "%llu", (unsigned long long)++r->line);
		r->pos = r->end;
		note_damage(r, &place, where, "the last line is cut off");
		r->damage.truncated = true;
		r->open = 0;
		put_lost(r, r->notes, 1, "truncated", &place);
		return 0;
	}
	return last + 1 - (r->buf + r->pos);
}

static int
read_lines(struct trace_reader *r)
{
	for (;;) {
		ssize_t n = whole_lines(r);

		if (n <= 0)
			return (int)n;
		parse_lines(r, (size_t)n);
		if (r->block->records > 0)
			return 1;
	}
}

/* ---- frames ---- */

static bool
outside(const struct trace_reader *r, const struct frame_index *index)
{
	return r->ranged && (index->flags & FRAME_STATE) == 0 && index->t_min <= index->t_max &&
	       (index->t_max < r->since || index->t_min > r->until);
}

/* The frame behind the index at pos. 1 with the block filled, 0 when there is none in it for us, -1. */
static int
read_frame(struct trace_reader *r, const struct frame_index *index)
{
	struct error e = { "" };
	ssize_t n;

	r->frame_at = offset(r);
	if (r->skipping && (index->flags & FRAME_STATE) == 0) {
		uint64_t whole = (uint64_t)FRAME_INDEX_BYTES + index->stored;

		if (hop(r, whole) < 0)
			return -1;
		if (offset(r) - r->frame_at < whole)
			note_frames(
			    r, r->frame_at, index->records, true, "the last frame is cut off");
		else
			r->skipped += index->records;
		return 0;
	}
	if (outside(r, index))
		return hop(r, (uint64_t)FRAME_INDEX_BYTES + index->stored);
	if (index->raw > BLOCK_BYTES_READ || index->stored > BLOCK_BYTES_READ) {
		r->pos += FRAME_INDEX_BYTES;
		if (resynchronise(r) < 0)
			return -1;
		note_frames(r, r->frame_at, index->records, false, "a frame of more than 1 GiB");
		return 0;
	}
	n = fill(r, FRAME_INDEX_BYTES + (size_t)index->stored);
	if (n < 0)
		return -1;
	if ((size_t)n < FRAME_INDEX_BYTES + (size_t)index->stored) {
		/* Frames may still stand whole in what is there: a damaged length verifies no less than a cut file. */
		r->pos += FRAME_INDEX_BYTES;
		if (resynchronise(r) < 0)
			return -1;
		note_frames(
		    r, r->frame_at, index->records, r->pos == r->end, "the last frame is cut off");
		return 0;
	}
	if (r->codec == NULL)
		r->codec = frame_codec_new();
	if (frame_unpack(r->codec, r->buf + r->pos + FRAME_INDEX_BYTES, index, &r->raw, &e) < 0 ||
	    block_decode(r->block, r->raw.p, r->raw.n, &e) < 0) {
		block_clear(r->block);
		r->pos += FRAME_INDEX_BYTES;
		if (resynchronise(r) < 0)
			return -1;
		note_frames(r, r->frame_at, index->records, false, e.text);
		return 0;
	}
	r->pos += FRAME_INDEX_BYTES + (size_t)index->stored;
	return r->block->records > 0;
}

/* A block out of what a frame without an index unpacks to. */
static int
read_stream(struct trace_reader *r)
{
	struct error e = { "" };
	const char *what =
	    "what the frame holds is no block (lines packed by zstd are read through `zstd -dc`)";

	if (r->codec == NULL)
		r->codec = frame_codec_new();
	for (;;) {
		size_t left = r->raw.n - r->raw_pos, length, used;
		ssize_t n;
		int got;

		if (left >= sizeof(struct block_header)) {
			length = block_length(r->raw.p + r->raw_pos);
			if (length < sizeof(struct block_header) || length > BLOCK_BYTES_READ)
				break;
			if (left >= length) {
				if (block_decode(r->block, r->raw.p + r->raw_pos, length, &e) < 0) {
					what = e.text;
					break;
				}
				r->raw_pos += length;
				if (r->block->records > 0)
					return 1;
				block_clear(r->block);
				continue;
			}
		}
		if (!r->streaming) {
			if (left == 0) {
				r->raw.n = r->raw_pos = 0;
				return 0;
			}
			what = "the frame ends inside a block";
			break;
		}
		if (r->raw_pos > 0) {
			memmove(r->raw.p, r->raw.p + r->raw_pos, left);
			r->raw.n = left;
			r->raw_pos = 0;
		}
		n = fill(r, 1);
		if (n < 0)
			return -1;
		if (n == 0) {
			r->streaming = false;
			r->raw.n = r->raw_pos = 0;
			note_frames(r, r->frame_at, 1, true, "the last frame is cut off");
			return 0;
		}
		got = frame_stream(
		    r->codec, !r->stream_begun, r->buf + r->pos, (size_t)n, &used, &r->raw, &e);
		r->stream_begun = true;
		r->pos += used;
		if (got < 0) {
			what = e.text;
			break;
		}
		r->streaming = got == 0;
	}
	block_clear(r->block);
	r->streaming = false;
	r->raw.n = r->raw_pos = 0;
	if (resynchronise(r) < 0)
		return -1;
	note_frames(r, r->frame_at, 1, false, what);
	return 0;
}

/* 1 with the block filled, 0 at the end or when notes are to be handed out first, -1. */
static int
read_frames(struct trace_reader *r)
{
	while (r->notes->records == 0) {
		struct frame_index index;
		ssize_t n;
		int got = 0;

		if (r->streaming || r->raw_pos < r->raw.n) {
			got = read_stream(r);
			if (got != 0)
				return got;
			continue;
		}
		n = fill(r, FRAME_INDEX_BYTES);
		if (n <= 0)
			return (int)n;
		if (frame_index_get(r->buf + r->pos, (size_t)n, &index)) {
			got = read_frame(r, &index);
			r->raw_pos = r->raw.n;
		} else if (n >= 4 && word_at(r, 0) == FRAME_ZSTD) {
			r->frame_at = offset(r);
			r->streaming = true;
			r->stream_begun = false;
			r->raw.n = r->raw_pos = 0;
			got = read_stream(r);
		} else if (n >= 12 && is_skippable(word_at(r, 0)) &&
			   (word_at(r, 0) != FRAME_SKIPPABLE ||
			       memcmp(r->buf + r->pos + 8, "leat", 4) != 0)) {
			uint64_t from = offset(r), whole = (uint64_t)word_at(r, 4) + 8;

			got = hop(r, whole);
			if (got == 0 && offset(r) - from < whole)
				note_frames(r, from, 1, true, "the last frame is cut off");
		} else {
			uint64_t from = offset(r);
			bool cut = n < FRAME_INDEX_BYTES &&
				   is_skippable(n >= 4 ? word_at(r, 0) : FRAME_SKIPPABLE);

			r->pos++;
			if (resynchronise(r) < 0)
				return -1;
			note_frames(r, from, 1, cut && r->pos == r->end,
			    cut ? "the last index is cut off" : "no frame begins here");
		}
		if (got != 0)
			return got;
	}
	return 0;
}

/* ---- blocks ---- */

/* A loss that others told: its n, and whether it is that the trace was cut off. */
static void
count_loss(struct trace_reader *r, int64_t n, struct slice why)
{
	r->damage.lost += n < 0 ? 1 : (uint64_t)n;
	if (slice_eq(why, SLICE("truncated")))
		r->open = 0;
}

static void
count_losses(struct trace_reader *r, struct trace_block *b, unsigned s)
{
	int n = trace_field_of(b->shape[s], SLICE("n"), TRACE_INT);
	int why = trace_field_of(b->shape[s], SLICE("why"), TRACE_STR);

	for (uint32_t row = 0; row < b->rows[s]; row++)
		count_loss(r, n < 0 ? 1 : trace_block_value(b, s, (unsigned)n, row).i,
		    why < 0 ? SLICE("") : trace_block_value(b, s, (unsigned)why, row).s);
}

static void
count_record(struct trace_reader *r, const struct trace_record *record)
{
	int n = trace_field_of(record->shape, SLICE("n"), TRACE_INT);
	int why = trace_field_of(record->shape, SLICE("why"), TRACE_STR);

	if (slice_eq(record->shape->type, SLICE("start")))
		r->open++;
	else if (slice_eq(record->shape->type, SLICE("end")))
		r->open--;
	else
		count_loss(
		    r, n < 0 ? 1 : record->value[n].i, why < 0 ? SLICE("") : record->value[why].s);
}

static void
count_ledger(struct trace_reader *r, struct trace_block *b)
{
	for (unsigned s = 0; s < b->shapes; s++) {
		struct slice type = b->shape[s]->type;

		if (slice_eq(type, SLICE("start")))
			r->open += b->rows[s];
		else if (slice_eq(type, SLICE("end")))
			r->open -= b->rows[s];
		else if (slice_eq(type, SLICE("lost")))
			count_losses(r, b, s);
	}
}

static int64_t
end_of(int64_t t, int64_t dur)
{
	int64_t end;

	return dur <= 0 ? t : __builtin_add_overflow(t, dur, &end) ? INT64_MAX : end;
}

/* The records of b inside the range, and those that are passed on always. */
static struct trace_block *
cut_to_range(struct trace_reader *r, struct trace_block *b)
{
	const uint16_t *sequence = trace_sequence(b);
	struct cut {
		const uint64_t *t, *dur;
		bool always;
		uint32_t row;
	} * cut;
	bool inside = true;

	if (b->t_min > b->t_max || (b->t_min >= r->since && b->t_max <= r->until))
		return b;
	if (r->edge == NULL)
		r->edge = block_new(&r->shapes);
	block_clear(r->edge);
	cut = xcalloc(b->shapes, sizeof *cut);
	for (unsigned s = 0; s < b->shapes; s++) {
		struct trace_when when = trace_when(b->shape[s]);

		cut[s].t = when.t < 0 ? NULL : trace_column(b, s, (unsigned)when.t);
		cut[s].dur = when.dur < 0 ? NULL : trace_column(b, s, (unsigned)when.dur);
		cut[s].always = trace_is_state(b->shape[s]) || trace_is_ledger(b->shape[s]);
	}
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		struct cut *c = &cut[s];
		uint32_t row = c->row++;

		if (c->t) {
			int64_t t = (int64_t)c->t[row];

			inside = t <= r->until &&
				 (c->dur ? end_of(t, (int64_t)c->dur[row]) : t) >= r->since;
		}
		if (inside || c->always)
			block_put_row(r->edge, b->shape[s], b, s, row, NULL, NULL);
	}
	free(cut);
	return r->edge;
}

/* The input is at its end. */
static void
finish(struct trace_reader *r)
{
	r->finished = true;
	if (r->open <= 0)
		return;
	r->damage.truncated = true;
	put_lost(r, r->notes, 1, "truncated", NULL);
	r->open = 0;
}

int
trace_read(struct trace_reader *r, struct trace_block **block)
{
	for (;;) {
		int got = 0;

		if (trace_reader_encoding(r) < 0)
			return -1;
		r->peeking = false;
		r->lines_end = NULL;
		*block = r->block;
		if (r->notes->records > 0) {
			/* The block of notes is handed out; its place is taken by the one whose turn is over. */
			struct trace_block *notes = r->notes;

			r->notes = r->block;
			r->block = notes;
			block_clear(r->notes);
			GROW(r->line_of, r->line_cap, notes->records);
			for (uint32_t i = 0; i < notes->records; i++)
				r->line_of[i] = r->line;
			*block = notes;
			return 1;
		}
		if (r->finished)
			return 0;
		block_clear(r->block);
		got = r->encoding == TRACE_LINES ? read_lines(r) : read_frames(r);
		if (got < 0)
			return -1;
		if (got == 0) {
			if (r->notes->records == 0)
				finish(r);
			continue;
		}
		if (r->block->parts->state)
			count_ledger(r, r->block);
		if (r->block->t_min <= r->block->t_max) {
			r->any_t = true;
			r->t_last = r->block->t_max;
		}
		if (r->ranged)
			*block = cut_to_range(r, r->block);
		if ((*block)->records > 0)
			return 1;
	}
}

int
trace_read_index(struct trace_reader *r, struct trace_frame *frame)
{
	struct frame_index index;

	if (trace_reader_encoding(r) < 0)
		return -1;
	if (r->encoding == TRACE_LINES)
		return r->eof && r->end == 0 ? 0
					     : error_set(&r->error, "lines have no frames to list");
	for (;;) {
		ssize_t n = fill(r, FRAME_INDEX_BYTES);
		uint64_t from = offset(r);

		if (n <= 0)
			return (int)n;
		if (frame_index_get(r->buf + r->pos, (size_t)n, &index)) {
			uint64_t whole = (uint64_t)FRAME_INDEX_BYTES + index.stored;

			*frame = (struct trace_frame){ from, whole, index.raw, index.records,
				index.t_min, index.t_max, (index.flags & FRAME_STATE) != 0 };
			if (hop(r, whole) < 0)
				return -1;
			if (offset(r) - from < whole)
				note_frames(
				    r, from, index.records, true, "the last frame is cut off");
			return 1;
		}
		r->pos++;
		if (resynchronise(r) < 0)
			return -1;
		note_frames(r, from, 1, r->pos == r->end && n < FRAME_INDEX_BYTES,
		    "no index verifies here");
	}
}

/* ---- passing on ---- */

int
trace_peek_frame(struct trace_reader *r, struct trace_frame *frame)
{
	struct frame_index index;
	ssize_t n;

	if (trace_reader_encoding(r) < 0)
		return -1;
	if (r->encoding == TRACE_LINES || r->ranged || r->skipping || r->notes->records > 0 ||
	    r->streaming || r->raw_pos < r->raw.n)
		return 0;
	n = fill(r, FRAME_INDEX_BYTES);
	if (n < 0)
		return -1;
	if (!frame_index_get(r->buf + r->pos, (size_t)n, &index) ||
	    (index.flags & FRAME_STATE) != 0 || index.raw > BLOCK_BYTES_READ ||
	    index.stored > BLOCK_BYTES_READ)
		return 0;
	n = fill(r, FRAME_INDEX_BYTES + (size_t)index.stored);
	if (n < 0)
		return -1;
	if ((size_t)n < FRAME_INDEX_BYTES + (size_t)index.stored)
		return 0;
	*frame = (struct trace_frame){ offset(r), (uint64_t)FRAME_INDEX_BYTES + index.stored,
		index.raw, index.records, index.t_min, index.t_max, false };
	return 1;
}

int
trace_pass_frame(struct trace_reader *r, struct trace_writer *w)
{
	struct frame_index index;

	if (!frame_index_get(r->buf + r->pos, r->end - r->pos, &index))
		return -1;
	if (trace_put_stored(
		w, r->buf + r->pos, FRAME_INDEX_BYTES + (size_t)index.stored, index.records) < 0)
		return -1;
	r->frame_at = offset(r);
	r->pos += FRAME_INDEX_BYTES + (size_t)index.stored;
	if (index.t_min <= index.t_max) {
		r->any_t = true;
		r->t_last = index.t_max;
	}
	return 0;
}

static int64_t
when_of(const struct trace_record *record, bool *timed)
{
	struct trace_when when = trace_when(record->shape);
	int64_t t = when.t < 0 ? 0 : record->value[when.t].i;

	*timed = when.t >= 0;
	return when.dur < 0 ? t : end_of(t, record->value[when.dur].i);
}

/* Note number note_at as a line. */
static void
peek_note(struct trace_reader *r)
{
	const uint16_t *sequence = trace_sequence(r->notes);
	unsigned s = sequence ? sequence[r->note_at] : 0;
	const struct trace_shape *shape = r->notes->shape[s];
	uint32_t row = 0;

	for (uint32_t i = 0; sequence && i < r->note_at; i++)
		row += sequence[i] == s;
	if (sequence == NULL)
		row = r->note_at;
	GROW(r->value, r->value_cap, shape->fields);
	for (unsigned f = 0; f < shape->fields; f++)
		r->value[f] = trace_block_value(r->notes, s, f, row);
	r->peeked = (struct trace_line){ .parsed = true, .record = { shape, r->value } };
	r->peeked.when = when_of(&r->peeked.record, &r->peeked.timed);
	r->note_text.n = 0;
	line_put(&r->note_text, &r->peeked.record);
	r->peeked.text = buf_view(&r->note_text);
	r->peeked_n = 0;
}

/* What line_scan() does not know. 1 where the line is a record, 0 where it is passed over, -1 where it is none. */
static int
peek_parsed(struct trace_reader *r, const char *p, size_t n, struct error *e)
{
	int got = line_parse(&r->parser, (struct slice){ p, n - 1 }, &r->peeked.record, e);

	if (got <= 0)
		return got;
	r->peeked.text = (struct slice){ p, n };
	r->peeked.parsed = true;
	r->peeked.when = when_of(&r->peeked.record, &r->peeked.timed);
	r->peeked_n = n;
	if (!trace_is_ledger(r->peeked.record.shape))
		line_scan_add(&r->scan, r->peeked.record.shape);
	return 1;
}

/* A line into r->peeked: 1, 0 at the end, -1. */
static int
peek_line(struct trace_reader *r)
{
	struct bad_lines bad = { 0 };

	for (;;) {
		const char *p = r->buf + r->pos;
		struct line_found found;
		struct error e;
		size_t n;
		int got;

		if (r->notes->records > 0) {
			peek_note(r);
			return 1;
		}
		if (r->finished)
			return 0;
		if (r->lines_end == NULL || p == r->lines_end) {
			ssize_t lines;

			if (bad.n > 0) {
				put_lost(r, r->notes, bad.n, "damaged", &bad.place);
				bad.n = 0;
				continue;
			}
			lines = whole_lines(r);
			if (lines < 0)
				return -1;
			if (lines == 0 && r->notes->records == 0)
				finish(r);
			r->lines_end = lines ? r->buf + r->pos + lines : NULL;
			continue;
		}
		if (bad.n == 0 && line_scan(&r->scan, p, r->lines_end, &found)) {
			r->peeked.text = (struct slice){ p, found.n };
			r->peeked.when = found.when;
			r->peeked.timed = found.timed;
			r->peeked.parsed = false;
			r->peeked_n = found.n;
			return 1;
		}
		n = (size_t)((const char *)memchr(p, '\n', (size_t)(r->lines_end - p)) + 1 - p);
		got = peek_parsed(r, p, n, &e);
		if (got > 0 && bad.n > 0) {
			put_lost(r, r->notes, bad.n, "damaged", &bad.place);
			bad.n = 0;
			continue;
		}
		if (got > 0)
			return 1;
		r->pos += n;
		r->line++;
		if (got < 0)
			note_bad_line(r, &bad, offset(r) - n, &e);
	}
}

int
trace_peek_line(struct trace_reader *r, struct trace_line *line)
{
	int got = 1;

	if (trace_reader_encoding(r) < 0)
		return -1;
	if (!r->peeking)
		got = peek_line(r);
	if (got > 0) {
		r->peeking = true;
		r->record_line = r->line + (r->peeked_n > 0);
		*line = r->peeked;
	}
	return got;
}

void
trace_take_line(struct trace_reader *r)
{
	if (!r->peeking)
		return;
	r->peeking = false;
	if (r->peeked_n == 0) {
		if (++r->note_at == r->notes->records) {
			block_clear(r->notes);
			r->note_at = 0;
		}
		return;
	}
	r->pos += r->peeked_n;
	r->line++;
	if (r->peeked.parsed && trace_is_ledger(r->peeked.record.shape))
		count_record(r, &r->peeked.record);
	if (r->peeked.timed && (!r->any_t || r->peeked.when > r->t_last)) {
		r->any_t = true;
		r->t_last = r->peeked.when;
	}
}

bool
trace_step_line(struct trace_reader *r, struct trace_line *line)
{
	struct line_found found;
	const char *p;

	trace_take_line(r);
	p = r->buf + r->pos;
	if (r->lines_end == NULL || p >= r->lines_end || r->notes->records > 0 ||
	    !line_scan(&r->scan, p, r->lines_end, &found))
		return false;
	r->peeking = true;
	r->record_line = r->line + 1;
	r->peeked.text = line->text = (struct slice){ p, found.n };
	r->peeked.when = line->when = found.when;
	r->peeked.timed = line->timed = found.timed;
	r->peeked.parsed = line->parsed = false;
	r->peeked_n = found.n;
	return true;
}

/* ---- records ---- */

static void
enter_block(struct trace_reader *r, struct trace_block *b)
{
	size_t columns = 0;

	r->at = b;
	r->next = 0;
	r->sequence = trace_sequence(b);
	GROW(r->row, r->row_cap, b->shapes);
	GROW(r->first_column, r->first_cap, b->shapes);
	for (unsigned s = 0; s < b->shapes; s++) {
		r->row[s] = 0;
		r->first_column[s] = columns;
		GROW(r->column, r->column_cap, columns + b->shape[s]->fields);
		GROW(r->value, r->value_cap, b->shape[s]->fields);
		for (unsigned f = 0; f < b->shape[s]->fields; f++)
			r->column[columns++] = trace_column(b, s, f);
	}
}

int
trace_next(struct trace_reader *r, struct trace_record *record)
{
	const struct trace_shape *shape;
	const uint64_t **column;
	unsigned s;
	uint32_t row;

	while (r->at == NULL || r->next == r->at->records) {
		struct trace_block *b;
		int got = trace_read(r, &b);

		r->at = NULL;
		if (got <= 0)
			return got;
		enter_block(r, b);
	}
	s = r->sequence ? r->sequence[r->next] : 0;
	if (r->encoding == TRACE_LINES && r->at == r->block)
		r->record_line = r->line_of[r->next];
	r->next++;
	shape = r->at->shape[s];
	column = r->column + r->first_column[s];
	row = r->row[s]++;
	for (unsigned f = 0; f < shape->fields; f++) {
		uint64_t v = column[f][row];

		switch (shape->field[f].kind) {
		case TRACE_STR:
			r->value[f].s = r->at->parts->string[v];
			break;
		case TRACE_BYTES:
			r->value[f].s = r->at->parts->bytes[v];
			break;
		case TRACE_INTS:
		case TRACE_ADDRS:
		case TRACE_STRS:
			r->value[f].list =
			    trace_block_list(r->at, shape->field[f].kind, (uint32_t)v);
			break;
		default:
			r->value[f].u = v;
		}
	}
	*record = (struct trace_record){ shape, r->value };
	return 1;
}

bool
trace_reader_ready(struct trace_reader *r)
{
	struct frame_index index;
	size_t there = r->end - r->pos;

	if ((r->at && r->next < r->at->records) || r->notes->records > 0 || r->eof ||
	    r->raw_pos < r->raw.n || r->peeking || (r->lines_end && r->buf + r->pos < r->lines_end))
		return true;
	if (there > 0 && r->known) {
		const char *p = r->buf + r->pos;

		if (r->encoding == TRACE_LINES && memchr(p, '\n', there))
			return true;
		if (r->encoding == TRACE_FRAMES && frame_index_get(p, there, &index) &&
		    there >= FRAME_INDEX_BYTES + (size_t)index.stored)
			return true;
	}
	return io_wait(r->fd, 0) > 0;
}

void
trace_reader_place(const struct trace_reader *r, struct error *place)
{
	if (r->encoding == TRACE_LINES)
		error_set(
		    place, "%llu", (unsigned long long)(r->record_line ? r->record_line : r->line));
	else
		error_set(place, "@%llu", (unsigned long long)r->frame_at);
}

void
trace_reader_place_in(const struct trace_reader *r, uint32_t record, struct error *place)
{
	if (r->encoding == TRACE_LINES)
		error_set(place, "%llu", (unsigned long long)r->line_of[record]);
	else
		error_set(place, "@%llu", (unsigned long long)r->frame_at);
}
