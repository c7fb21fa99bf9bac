#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "form/folded.h"

enum { READ_BYTES = 256 << 10 };

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct folded *f = context;

	return hash_bytes(f->stack[item].stack.p, f->stack[item].stack.n);
}

static void
bad_line(struct folded *f, uint64_t line, const char *what)
{
	if (f->first_bad.text[0] == '\0')
		error_set(&f->first_bad, "%" PRIu64 ": %s", line, what);
	f->bad++;
}

/* Whether the sum still fits. */
static bool
add(struct folded *f, struct slice stack, uint64_t weight)
{
	uint64_t h = hash_bytes(stack.p, stack.n);

	for (struct hash_probe at = hash_first(&f->set, h); hash_found(&f->set, &at);
	     hash_next(&f->set, &at)) {
		struct folded_stack *s = &f->stack[at.item];

		if (slice_eq(s->stack, stack)) {
			bool fits = s->weight <= UINT64_MAX - weight;

			s->weight = fits ? s->weight + weight : UINT64_MAX;
			return fits;
		}
	}
	GROW(f->stack, f->cap, f->stacks);
	f->stack[f->stacks] = (struct folded_stack){ arena_copy(&f->arena, stack), weight };
	hash_add(&f->set, h, (uint32_t)f->stacks++, rehash, f);
	return true;
}

void
folded_add(struct folded *f, struct slice stack, uint64_t weight)
{
	add(f, stack, weight);
}

static bool
is_number(struct slice s)
{
	double d;

	return num_f64(s, &d) == 0;
}

static void
one_line(struct folded *f, struct slice line, uint64_t number)
{
	const char *blank;
	struct slice stack, weight, before;
	uint64_t n;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0)
		return;
	blank = memrchr(line.p, ' ', line.n);
	if (blank == NULL) {
		bad_line(f, number, "no weight behind a blank");
		return;
	}
	stack = (struct slice){ line.p, (size_t)(blank - line.p) };
	weight = (struct slice){ blank + 1, line.n - stack.n - 1 };
	if (num_u64(weight, &n) < 0) {
		bad_line(f, number,
		    is_number(weight) ? "the weight is no whole number below 2^64"
				      : "the weight behind the last blank is no number");
		return;
	}
	blank = memrchr(stack.p, ' ', stack.n);
	before = blank ? (struct slice){ blank + 1, (size_t)(stack.p + stack.n - blank - 1) }
		       : SLICE("");
	if (num_u64(before, &n) == 0) {
		bad_line(f, number, "two weights: a difference of two profiles is no profile");
		return;
	}
	num_u64(weight, &n);
	f->lines++;
	if (!add(f, stack, n))
		bad_line(f, number, "a sum exceeds 2^64-1");
}

int
folded_read(struct folded *f, int fd, const void *first, size_t n, struct error *e)
{
	struct buf b = BUF_INIT;
	uint64_t line = 0;
	ssize_t got;

	f->first_bad.text[0] = '\0';
	buf_put(&b, first, n);
	do {
		char *p, *end, *lf;

		got = io_read(fd, buf_room(&b, READ_BYTES), READ_BYTES);
		if (got < 0) {
			buf_free(&b);
			return error_set(e, "%s", strerror(errno));
		}
		b.n += (size_t)got;
		p = b.p;
		end = b.p + b.n;
		while (p < end && (lf = memchr(p, '\n', (size_t)(end - p)))) {
			one_line(f, (struct slice){ p, (size_t)(lf - p) }, ++line);
			p = lf + 1;
		}
		b.n = (size_t)(end - p);
		if (b.n > 0)
			memmove(b.p, p, b.n);
	} while (got > 0);
	if (b.n > 0) {
		/* Without its LF, a weight may have lost digits. */
		bad_line(f, ++line, "the last line is cut off");
	}
	buf_free(&b);
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return slice_cmp(
	    ((const struct folded_stack *)a)->stack, ((const struct folded_stack *)b)->stack);
}

void
folded_sort(struct folded *f)
{
	if (f->stacks > 0)
		qsort(f->stack, f->stacks, sizeof *f->stack, by_name);
	/* The numbers in the set are those of before. */
	hash_clear(&f->set);
	for (size_t i = 0; i < f->stacks; i++)
		hash_add(&f->set, rehash(f, (uint32_t)i), (uint32_t)i, rehash, f);
}

void
folded_lines(const struct folded *f, struct buf *to)
{
	for (size_t i = 0; i < f->stacks; i++) {
		buf_slice(to, f->stack[i].stack);
		buf_char(to, ' ');
		buf_u64(to, f->stack[i].weight);
		buf_char(to, '\n');
	}
}

void
folded_free(struct folded *f)
{
	free(f->stack);
	hash_free(&f->set);
	arena_free(&f->arena);
	*f = FOLDED_INIT;
}
