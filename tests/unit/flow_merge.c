/* Merging gives the order of a model that sorts everything at once, whatever the encodings; it is associative, loses
 * nothing but what comes late, and counts that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "flow/merge.h"
#include "trace/line.h"
#include "unit.h"

enum { INPUTS = 6, RECORDS = 400 };

/* A record as a line, and its place in the order: by key, then input, then its number there. */
struct line {
	char text[160];
	int64_t key;
	unsigned input, number;
};

static int
by_place(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->input != y->input)
		return x->input < y->input ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* n records of input i in order, with many equal times; step 0 gives times that no other record has. */
static void
draw_records(struct line *line, unsigned n, unsigned i, unsigned step)
{
	int64_t t = (int64_t)unit_draw(50), last = INT64_MIN;

	for (unsigned k = 0; k < n; k++) {
		struct line *l = &line[k];

		t += step ? (int64_t)unit_draw(step) : 1 + (int64_t)unit_draw(9);
		if (step == 0)
			t = t / INPUTS * INPUTS + INPUTS + (int64_t)i;
		l->input = i;
		l->number = k;
		l->key = t;
		switch (step ? unit_draw(6) : unit_draw(4)) {
		case 0:
			sprintf(l->text, "a\tt=%lld\tfrom=%u\tnumber=%u\n", (long long)t, i, k);
			break;
		case 1:
			sprintf(l->text,
			    "b\tt=%lld\tname=f%u\tstack=main;g%u;\tfrom=%u\tnumber=%u\n",
			    (long long)t, k % 5, k % 7, i, k);
			break;
		case 2: {
			long long dur = (long long)unit_draw(100);

			sprintf(l->text, "span\tt=%lld\tdur_ns=%lld\tfrom=%u\tnumber=%u\n",
			    (long long)t - dur, dur, i, k);
			break;
		}
		case 3:
			sprintf(l->text, "mmap\tt=%lld\tx=\"a b\"\ty=@AAEC\tfrom=%u\tnumber=%u\n",
			    (long long)t, i, k);
			break;
		default:
			l->key = last;
			sprintf(l->text, "bare\tfrom=%u\tnumber=%u\n", i, k);
		}
		last = l->key;
	}
}

/* ---- traces in memory ---- */

static int
memory(const struct buf *b)
{
	int fd = memfd_create("trace", 0);

	CLAIM(write(fd, b->p, b->n) == (ssize_t)b->n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* The lines as a trace in some encoding, its frames of any size. start: which source, 0 for none. */
static int
trace_of(const struct line *line, unsigned n, unsigned start)
{
	struct buf text = BUF_INIT;
	struct trace_reader *r;
	struct trace_writer *w;
	struct trace_record record;
	int lines, frames, level;

	buf_slice(&text, LINE_MAGIC);
	if (start)
		buf_printf(&text, "start\ttool=s%u\tclock=monotonic\n", start);
	for (unsigned k = 0; k < n; k++)
		buf_printf(&text, "%s", line[k].text);
	if (start)
		buf_printf(&text, "end\ttool=s%u\tmade=%u\n", start, n);
	lines = memory(&text);
	buf_free(&text);
	if (unit_draw(2))
		return lines;
	frames = memfd_create("trace", 0);
	level = unit_draw(2) ? TRACE_RAW : 1;
	r = trace_reader_new(lines);
	w = trace_writer_new(frames, TRACE_FRAMES, level);
	while (trace_next(r, &record) > 0) {
		CLAIM(trace_put_record(w, &record) == 0);
		if (unit_draw(60) == 0)
			CLAIM(trace_flush(w) == 0);
	}
	CLAIM(trace_writer_close(w, NULL) == 0);
	trace_reader_free(r);
	close(lines);
	lseek(frames, 0, SEEK_SET);
	return frames;
}

/* ---- merging ---- */

static unsigned told;

static int
reading(void *context, int fd, struct trace_reader *r, bool ready)
{
	(void)context;
	(void)fd;
	(void)r;
	CLAIM(ready);
	return 0;
}

static void
tell(void *context, bool wrong, const char *text)
{
	(void)context;
	CLAIM(text[0] != '\0');
	told += wrong;
}

static void
done(void *context, const char *path, struct trace_reader *r, int got)
{
	(void)context;
	(void)path;
	CLAIM(got == 0);
	CLAIM(trace_reader_damage(r)->places == 0 && !trace_reader_damage(r)->truncated);
	trace_reader_free(r);
}

static struct merge_books books;

static int
merged(const int *fd, unsigned n, enum trace_encoding encoding, int64_t reorder)
{
	const struct merge_hooks hooks = { NULL, reading, tell, done };
	struct merge_options how = { .reordering = reorder >= 0, .reorder = reorder };
	int to = memfd_create("merged", 0);
	struct trace_writer *w = trace_writer_new(to, encoding, TRACE_RAW);
	struct merge *m = merge_new(w, &how, &hooks);
	struct error e = { "" };

	for (unsigned i = 0; i < n; i++) {
		lseek(fd[i], 0, SEEK_SET);
		merge_add(m, fd[i], "input", trace_reader_new(fd[i]));
	}
	CLAIM(merge_begin(m, &e) == 0);
	CLAIM(merge_run(m, &e) == 0);
	books = *merge_books(m);
	CLAIM(books.in == books.passed + books.lost);
	merge_free(m);
	CLAIM(trace_writer_close(w, NULL) == 0);
	lseek(to, 0, SEEK_SET);
	return to;
}

static const char *const ledger[] = { "#leat", "start\t", "end\t", "lost\t" };

/* The lines of a trace, without those of the ledger, and without src. */
static struct buf
plain(int fd, bool keep_src)
{
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_record record;
	struct buf all = BUF_INIT, out = BUF_INIT;
	struct slice rest;

	while (trace_next(r, &record) > 0)
		line_put(&all, &record);
	trace_reader_free(r);
	lseek(fd, 0, SEEK_SET);
	for (rest = buf_view(&all); rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n');
		bool skip = false;
		const char *src;

		for (unsigned i = 0; i < 4; i++)
			skip |= slice_starts(line, slice_of(ledger[i]));
		if (skip)
			continue;
		src = keep_src ? NULL : memmem(line.p, line.n, "\tsrc=", 5);
		if (src) {
			const char *behind = src + 5;

			while (behind < line.p + line.n && *behind != '\t')
				behind++;
			buf_put(&out, line.p, (size_t)(src - line.p));
			buf_put(&out, behind, (size_t)(line.p + line.n - behind));
		} else {
			buf_slice(&out, line);
		}
		buf_char(&out, '\n');
	}
	buf_free(&all);
	return out;
}

static void
claim_same(int fd, const struct buf *want, bool keep_src)
{
	struct buf got = plain(fd, keep_src);

	if (got.n != want->n || memcmp(got.p, want->p, got.n) != 0) {
		size_t at = 0;

		while (at < got.n && at < want->n && got.p[at] == want->p[at])
			at++;
		fprintf(stderr, "differs at %zu: got ...%.*s, want ...%.*s\n", at,
		    (int)(got.n - at < 200 ? got.n - at : 200), got.p + at,
		    (int)(want->n - at < 200 ? want->n - at : 200), want->p + at);
		CLAIM(false);
	}
	buf_free(&got);
}

static struct line all[INPUTS * RECORDS];

static void
order_is_that_of_a_sort(void)
{
	for (unsigned round = 0; round < 120; round++) {
		unsigned inputs = 1 + (unsigned)unit_draw(INPUTS), total = 0,
			 step = 1 + (unsigned)unit_draw(40);
		unsigned sources = (unsigned)unit_draw(3);
		struct buf want = BUF_INIT, left, right;
		int fd[INPUTS], out[2], two[2], part[2];

		for (unsigned i = 0; i < inputs; i++) {
			unsigned n = (unsigned)unit_draw(RECORDS);
			struct line *line = all + total;

			draw_records(line, n, i, step);
			fd[i] = trace_of(line, n, sources == 0 ? 0 : sources == 1 ? 1 : 1 + i % 3);
			total += n;
		}
		qsort(all, total, sizeof *all, by_place);
		for (unsigned k = 0; k < total; k++)
			buf_printf(&want, "%s", all[k].text);
		for (unsigned k = 0; k < 2; k++) {
			out[k] = merged(fd, inputs, k ? TRACE_FRAMES : TRACE_LINES, -1);
			claim_same(out[k], &want, false);
			CLAIM(books.in == total && books.lost == 0);
		}
		left = plain(out[0], true);
		claim_same(out[1], &left, true);
		/* The same in two steps, whichever the split. */
		for (unsigned at = 1; at < inputs; at++) {
			part[0] = merged(fd, at, TRACE_LINES, -1);
			part[1] = merged(fd + at, inputs - at, TRACE_FRAMES, -1);
			two[0] = merged(part, 2, unit_draw(2) ? TRACE_LINES : TRACE_FRAMES, -1);
			claim_same(two[0], &left, true);
			close(part[0]);
			close(part[1]);
			close(two[0]);
		}
		/* In another order of inputs it is the same records. */
		if (inputs > 1) {
			int other[INPUTS];
			struct line *line;
			unsigned n = 0;

			for (unsigned i = 0; i < inputs; i++)
				other[i] = fd[inputs - 1 - i];
			two[0] = merged(other, inputs, TRACE_FRAMES, -1);
			CLAIM(books.in == total && books.lost == 0);
			for (unsigned k = 0; k < total; k++)
				all[k].input = inputs - 1 - all[k].input;
			qsort(all, total, sizeof *all, by_place);
			right = BUF_INIT;
			for (line = all; n < total; n++)
				buf_printf(&right, "%s", line[n].text);
			claim_same(two[0], &right, false);
			buf_free(&right);
			close(two[0]);
		}
		for (unsigned i = 0; i < inputs; i++)
			close(fd[i]);
		close(out[0]);
		close(out[1]);
		buf_free(&want);
		buf_free(&left);
	}
	CLAIM(told == 0);
}

/* Records that are displaced by no more than the window are put in order again; what is displaced further is lost, and
 * counted. */
static void
disorder_is_mended_or_told(void)
{
	for (unsigned round = 0; round < 60; round++) {
		unsigned inputs = 1 + (unsigned)unit_draw(4), total = 0, lost = 0;
		int64_t window = (int64_t)unit_draw(300);
		struct buf want = BUF_INIT, text;
		int fd[INPUTS], out;
		struct line *kept = calloc(INPUTS * RECORDS, sizeof *kept);
		unsigned keeps = 0;
		bool within = unit_draw(2);

		for (unsigned i = 0; i < inputs; i++) {
			struct line *line = all + total;
			unsigned n = 1 + (unsigned)unit_draw(RECORDS);
			int64_t most = INT64_MIN;

			draw_records(line, n, i, 0);
			for (unsigned k = 0; k + 1 < n; k++) {
				unsigned other = k + (unsigned)unit_draw(12);
				struct line x = line[k];

				if (other >= n)
					continue;
				line[k] = line[other];
				line[other] = x;
			}
			if (within)
				for (unsigned k = 0; k < n; k++) {
					if (line[k].key > most)
						most = line[k].key;
					if (most - line[k].key > window)
						window = most - line[k].key;
				}
			fd[i] = trace_of(line, n, 0);
			total += n;
		}
		for (unsigned k = 0, i = 0; i < inputs; i++) {
			int64_t most = INT64_MIN;

			for (; k < total && all[k].input == i; k++) {
				if (most > INT64_MIN && all[k].key < most - window) {
					lost++;
					continue;
				}
				if (all[k].key > most)
					most = all[k].key;
				kept[keeps++] = all[k];
			}
		}
		qsort(kept, keeps, sizeof *kept, by_place);
		for (unsigned k = 0; k < keeps; k++)
			buf_printf(&want, "%s", kept[k].text);
		told = 0;
		out = merged(fd, inputs, unit_draw(2) ? TRACE_FRAMES : TRACE_LINES, window);
		CLAIM(books.in == total && books.lost == lost);
		CLAIM(within ? lost == 0 : true);
		CLAIM((told > 0) == (lost > 0));
		claim_same(out, &want, true);
		close(out);
		/* Without a window the books balance, too, and what is left is sorted. */
		out = merged(fd, inputs, unit_draw(2) ? TRACE_FRAMES : TRACE_LINES, -1);
		CLAIM(books.in == total);
		fd[0] = out;
		told = 0;
		close(merged(fd, 1, TRACE_LINES, -1));
		CLAIM(told == 0 && books.lost == 0);
		text = plain(out, true);
		buf_free(&text);
		close(out);
		free(kept);
		buf_free(&want);
	}
}

int
main(void)
{
	order_is_that_of_a_sort();
	disorder_is_mended_or_told();
	return 0;
}
