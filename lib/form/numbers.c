#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/io.h"
#include "base/num.h"
#include "form/numbers.h"

enum {
	READ_BYTES = 256 << 10,
	SLACK = 32, /* that may be read behind the end */
	BATCH = 4096,
	DIGITS = 15, /* of which every number is a double */
	SHOWN = 40   /* bytes of a bad line */
};

struct numbers {
	int fd;
	char *buf; /* bytes [at, end) are not consumed */
	size_t at, end, cap;
	uint64_t offset; /* of buf[0] */
	uint64_t line;   /* lines consumed */
	uint64_t bad;
	bool eof;
	struct error first_bad, error;

	enum numbers_kind kind;
	size_t n;
	union {
		uint64_t u[BATCH];
		double d[BATCH];
	} v;
};

struct numbers *
numbers_new(int fd, const void *first, size_t n)
{
	struct numbers *r = xcalloc(1, sizeof *r);

	r->fd = fd;
	r->buf = xgrow(NULL, &r->cap, n + READ_BYTES + SLACK, 1);
	memset(r->buf, 0, r->cap);
	if (n > 0)
		memcpy(r->buf, first, n);
	r->end = n;
	return r;
}

void
numbers_free(struct numbers *r)
{
	free(r->buf);
	free(r);
}

uint64_t
numbers_bad(const struct numbers *r, struct error *first)
{
	*first = r->first_bad;
	return r->bad;
}

uint64_t
numbers_offset(const struct numbers *r)
{
	return r->offset + r->at;
}

const char *
numbers_error(const struct numbers *r)
{
	return r->error.text;
}

/* ---- one number ---- */

/* -?D+(.D*)? of at most 15 digits: such a decimal is a quotient of two doubles that are exact, rounded once. */
static bool
short_decimal(struct slice s, double *v)
{
	static const double power[DIGITS + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
		1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	bool minus = s.n > 0 && s.p[0] == '-';
	size_t point = 0, digits = 0;
	uint64_t mantissa = 0;

	for (size_t i = minus; i < s.n; i++) {
		unsigned d = (unsigned)(unsigned char)s.p[i] - '0';

		if (d <= 9) {
			mantissa = mantissa * 10 + d;
			if (++digits > DIGITS)
				return false;
		} else if (s.p[i] == '.' && point == 0 && digits > 0) {
			point = i + 1;
		} else {
			return false;
		}
	}
	if (digits == 0)
		return false;
	*v = (double)mantissa / power[point ? s.n - point : 0];
	if (minus)
		*v = -*v;
	return true;
}

int
numbers_parse(struct slice s, enum numbers_kind *kind, uint64_t *bits)
{
	int64_t i;
	double d;

	*kind = NUMBERS_UNSIGNED;
	if (num_any(s, bits) == 0)
		return 0;
	*kind = NUMBERS_SIGNED;
	if (num_i64(s, &i) == 0) {
		*bits = (uint64_t)i;
		return 0;
	}
	*kind = NUMBERS_REAL;
	if (!short_decimal(s, &d) && num_f64(s, &d) < 0)
		return -1;
	memcpy(bits, &d, sizeof d);
	return 0;
}

/* ---- batches ---- */

static bool
exact_as_double(uint64_t v, bool is_signed)
{
	uint64_t limit = (uint64_t)1 << 53;

	return is_signed ? v + limit <= 2 * limit : v <= limit;
}

static double
as_double(uint64_t v, enum numbers_kind kind)
{
	return kind == NUMBERS_SIGNED ? (double)(int64_t)v : (double)v;
}

/* Makes the batch one of this kind where that loses nothing. */
static bool
widen(struct numbers *r, enum numbers_kind kind)
{
	uint64_t all = 0;

	if (kind == NUMBERS_REAL) {
		for (size_t i = 0; i < r->n; i++)
			if (!exact_as_double(r->v.u[i], r->kind == NUMBERS_SIGNED))
				return false;
		for (size_t i = 0; i < r->n; i++)
			r->v.d[i] = as_double(r->v.u[i], r->kind);
	} else {
		for (size_t i = 0; i < r->n; i++)
			all |= r->v.u[i];
		if (all >> 63)
			return false;
	}
	r->kind = kind;
	return true;
}

/* Adds a number; false where it does not fit with what is there. */
static bool
put(struct numbers *r, enum numbers_kind kind, uint64_t bits)
{
	if (r->n == 0)
		r->kind = kind;
	if (kind > r->kind && !widen(r, kind))
		return false;
	if (kind < r->kind) {
		if (r->kind == NUMBERS_SIGNED) {
			if (bits >> 63)
				return false;
		} else {
			if (!exact_as_double(bits, kind == NUMBERS_SIGNED))
				return false;
			r->v.d[r->n++] = as_double(bits, kind);
			return true;
		}
	}
	r->v.u[r->n++] = bits;
	return true;
}

/* ---- lines ---- */

static void
bad_line(struct numbers *r, struct slice s)
{
	char shown[SHOWN + 1];
	size_t n = s.n < SHOWN ? s.n : SHOWN;

	if (r->bad++ > 0)
		return;
	for (size_t i = 0; i < n; i++)
		shown[i] = (char)((unsigned char)s.p[i] < ' ' || s.p[i] == 127 ? '?' : s.p[i]);
	shown[n] = '\0';
	error_set(&r->first_bad, "%" PRIu64 ": \"%s%s\" is no number", r->line, shown,
	    s.n > n ? "..." : "");
}

/* Any line; false where it must wait for the next batch. */
static bool
any_line(struct numbers *r, struct slice s)
{
	enum numbers_kind kind;
	uint64_t bits;

	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	s = slice_trim(s);
	if (s.n == 0 || s.p[0] == '#') {
		r->line++;
		return true;
	}
	if (numbers_parse(s, &kind, &bits) < 0) {
		r->line++;
		bad_line(r, s);
		return true;
	}
	if (!put(r, kind, bits))
		return false;
	r->line++;
	return true;
}

/* Eight digits, the first in the lowest byte; bytes that were shifted in count as 0. */
static inline uint64_t
eight(uint64_t w)
{
	w = (w & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
	w = (w & 0x00ff00ff00ff00ff) * 6553601 >> 16;
	return (w & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

/* A bit in the highest of the byte of the first that is no digit (and perhaps in later ones). */
static inline uint64_t
no_digits(uint64_t w)
{
	uint64_t t = w ^ 0x3030303030303030;

	return ((t + 0x7676767676767676) | t) & 0x8080808080808080;
}

static inline uint64_t
some(uint64_t w, unsigned digits)
{
	return eight(w << 8 << (56 - 8 * digits));
}

/* Lines of up to 19 digits and nothing else, until another one comes; returns where that begins. */
static const char *
plain_lines(struct numbers *r, const char *p, const char *end)
{
	static const uint64_t power[8] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000 };
	uint64_t *v = r->v.u + r->n, *full = r->v.u + BATCH, *from = v;

	while (p < end && v < full) {
		uint64_t w = load64(p), stop = no_digits(w), value;
		unsigned digits;

		if (__builtin_expect(stop != 0, 1)) {
			digits = (unsigned)__builtin_ctzll(stop) / 8;
			if (p[digits] != '\n' || digits == 0)
				break;
			value = some(w, digits);
			p += digits + 1;
		} else {
			uint64_t more = load64(p + 8), most;
			unsigned at = 8;

			value = eight(w);
			stop = no_digits(more);
			if (stop == 0) {
				/* Up to 19 digits fit. */
				most = load64(p + 16);
				stop = no_digits(most);
				value = value * 100000000 + eight(more);
				more = most;
				at = 16;
				if (stop == 0 || (unsigned)__builtin_ctzll(stop) / 8 > 3)
					break;
			}
			digits = (unsigned)__builtin_ctzll(stop) / 8;
			if (p[at + digits] != '\n')
				break;
			value = value * power[digits] + some(more, digits);
			if (value >> 63 && r->kind == NUMBERS_SIGNED)
				break;
			p += at + digits + 1;
		}
		*v++ = value;
	}
	r->n = (size_t)(v - r->v.u);
	r->line += (uint64_t)(v - from);
	return p;
}

/* The digits at p, at most eight, and what they say. */
static inline unsigned
digits_at(const char *p, uint64_t *value)
{
	uint64_t w = load64(p), stop = no_digits(w);
	unsigned digits = 8;

	if (stop) {
		digits = (unsigned)__builtin_ctzll(stop) / 8;
		*value = some(w, digits);
	} else {
		*value = eight(w);
	}
	return digits;
}

/* Lines -?D+(.D+)? of up to eight digits before and seven behind the point, as doubles. */
static const char *
plain_decimals(struct numbers *r, const char *p, const char *end)
{
	static const double power[8] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7 };
	static const uint64_t factor[8] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000 };

	while (p < end && r->n < BATCH) {
		bool minus = *p == '-';
		const char *at = p + minus;
		uint64_t whole, part = 0;
		unsigned digits = digits_at(at, &whole), behind = 0;
		double v;

		at += digits;
		if (digits > 0 && *at == '.') {
			behind = digits_at(++at, &part);
			at += behind;
			if (behind == 0 || behind > 7)
				break;
		}
		if (digits == 0 || *at != '\n')
			break;
		v = (double)(whole * factor[behind] + part) / power[behind];
		r->v.d[r->n++] = minus ? -v : v;
		r->line++;
		p = at + 1;
	}
	return p;
}

/* Consumes lines of [p, end), which ends with an LF, until the batch is full or of another kind. */
static void
lines(struct numbers *r, const char *p, const char *end)
{
	while (p < end && r->n < BATCH) {
		const char *lf;

		if (r->n == 0)
			r->kind = NUMBERS_UNSIGNED;
		p = r->kind == NUMBERS_REAL ? plain_decimals(r, p, end) : plain_lines(r, p, end);
		if (p == end || r->n == BATCH)
			break;
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!any_line(r, (struct slice){ p, (size_t)(lf - p) }))
			break;
		p = lf + 1;
	}
	r->at = (size_t)(p - r->buf);
}

/* More bytes: 1, 0 at the end, -1. */
static int
more(struct numbers *r)
{
	ssize_t got;

	if (r->eof)
		return 0;
	if (r->at > 0) {
		memmove(r->buf, r->buf + r->at, r->end - r->at);
		r->offset += r->at;
		r->end -= r->at;
		r->at = 0;
	}
	if (r->cap - r->end < READ_BYTES / 2 + SLACK)
		r->buf = xgrow(r->buf, &r->cap, r->end + READ_BYTES + SLACK, 1);
	got = io_read(r->fd, r->buf + r->end, r->cap - r->end - SLACK);
	if (got < 0)
		return error_set(&r->error, "%s", strerror(errno));
	r->end += (size_t)got;
	r->eof = got == 0;
	memset(r->buf + r->end, 0, SLACK);
	return got > 0;
}

int
numbers_next(struct numbers *r, struct numbers_batch *batch)
{
	r->n = 0;
	while (r->n == 0) {
		const char *from = r->buf + r->at;
		const char *lf = memrchr(from, '\n', r->end - r->at);
		int got;

		if (lf) {
			lines(r, from, lf + 1);
			continue;
		}
		got = more(r);
		if (got < 0)
			return -1;
		if (got > 0)
			continue;
		if (r->at == r->end)
			return 0;
		/* The last line may have no LF. */
		r->buf[r->end++] = '\n';
		memset(r->buf + r->end, 0, SLACK - 1);
	}
	*batch = (struct numbers_batch){ r->kind, r->n, { r->v.u } };
	return 1;
}
