#include <stdlib.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/alloc.h"
#include "base/bytes.h"
#include "trace/scan.h"

enum { TEMPLATES = 16, DIGITS_MAX = 18 };

/* "name=" of a field, of which the first eight bytes are compared as a word. */
struct line_name {
	uint64_t word, mask;
	const char *p;
	size_t n;
};

struct line_template {
	const struct trace_shape *shape;
	struct trace_when when;
	struct line_name type; /* with the TAB, or the LF, behind it */
	struct line_name name[];
};

/* ---- sets of bytes in 64 ---- */

struct found {
	uint64_t separator, semicolon, backslash; /* bit i: byte i is TAB or LF, ; or \ */
};

#ifdef __SSE2__
static inline uint64_t
bits_16(__m128i x, unsigned at)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(x) << at;
}

static inline struct found
find(const char *p)
{
	struct found f = { 0 };

	for (unsigned i = 0; i < 64; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')),
			lf = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));

		f.separator |= bits_16(_mm_or_si128(tab, lf), i);
		f.semicolon |= bits_16(_mm_cmpeq_epi8(v, _mm_set1_epi8(';')), i);
		f.backslash |= bits_16(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')), i);
	}
	return f;
}

#define WIDER __attribute__((target("avx2")))

static inline WIDER struct found
find_wider(const char *p)
{
	struct found f = { 0 };

	for (unsigned i = 0; i < 64; i += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
		__m256i separator = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t')),
		    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n')));

		f.separator |= (uint64_t)(unsigned)_mm256_movemask_epi8(separator) << i;
		f.semicolon |= (uint64_t)(unsigned)_mm256_movemask_epi8(
				   _mm256_cmpeq_epi8(v, _mm256_set1_epi8(';')))
			       << i;
		f.backslash |= (uint64_t)(unsigned)_mm256_movemask_epi8(
				   _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')))
			       << i;
	}
	return f;
}
#else
static inline uint64_t
equal(uint64_t x, char c)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;
	uint64_t zero;

	x ^= 0x0101010101010101 * (unsigned char)c;
	zero = ~(((x & low) + low) | x | low); /* the top bit of bytes that are 0 */
	return (zero >> 7) * 0x0102040810204080 >> 56;
}

static inline struct found
find(const char *p)
{
	struct found f = { 0 };

	for (unsigned i = 0; i < 64; i += 8) {
		uint64_t x = load64(p + i);

		f.separator |= (equal(x, '\t') | equal(x, '\n')) << i;
		f.semicolon |= equal(x, ';') << i;
		f.backslash |= equal(x, '\\') << i;
	}
	return f;
}
#endif

/* ---- numbers ---- */

/* Eight digits, the first in the lowest byte. */
static inline bool
eight_digits(uint64_t x, int64_t *v)
{
	uint64_t high = 0xf0f0f0f0f0f0f0f0, zeros = 0x3030303030303030;

	if ((x & high) != zeros || ((x + 0x0606060606060606) & high) != zeros)
		return false;
	x -= zeros;
	x = x * 10 + (x >> 8);
	*v = (int64_t)(((x & 0x000000ff000000ff) * 0x000f424000000064 +
			   (x >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
		       32);
	return true;
}

/* n digits, 1 to DIGITS_MAX; 8 bytes may be read from p on. */
static inline bool
digits(const char *p, size_t n, int64_t *v)
{
	int64_t sum = 0, part;
	size_t first = n % 8;

	if (n == 0 || n > DIGITS_MAX)
		return false;
	if (first) {
		uint64_t x = load64(p) << (64 - 8 * first) | 0x3030303030303030 >> 8 * first;

		if (!eight_digits(x, &sum))
			return false;
	}
	for (p += first, n -= first; n > 0; p += 8, n -= 8) {
		if (!eight_digits(load64(p), &part))
			return false;
		sum = sum * 100000000 + part;
	}
	*v = sum;
	return true;
}

/* ---- lines ---- */

/* Whether these bytes begin with the name; eight of them can be read. */
static inline bool
begins(const char *p, const char *end, const struct line_name *name)
{
	if ((load64(p) ^ name->word) & name->mask)
		return false;
	return name->n <= 8 ||
	       ((size_t)(end - p) >= name->n && memcmp(p + 8, name->p + 8, name->n - 8) == 0);
}

/* Whether there is a backslash before the LF, if there is one. */
static bool
escapes(const char *p, uint64_t backslash)
{
	const char *lf = memchr(p, '\n', 64);

	return lf == NULL || (backslash & (((uint64_t)1 << (lf - p)) - 1)) != 0;
}

static inline __attribute__((always_inline)) bool
fits(struct found (*find_in)(const char *), const struct line_template *t, const char *line,
    const char *end, struct line_found *found)
{
	const char *from = line; /* of the field that is being looked at */
	unsigned fields = t->shape->fields, field = 0;
	bool semicolon = false; /* before this window, in this field */
	int64_t time = 0, dur = 0;

	if (!begins(line, end, &t->type))
		return false;
	for (const char *p = line;; p += 64) {
		struct found f = find_in(p);
		uint64_t left = f.separator, before = 0;

		if (f.backslash && escapes(p, f.backslash))
			return false;
		for (; left; left &= left - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(left);
			const char *stop = p + bit, *value;
			uint64_t below = ((uint64_t)1 << bit) - 1;
			const struct line_name *name;

			semicolon |= (f.semicolon & below & ~before) != 0;
			before = below;
			if (from == line) {
				if ((size_t)(stop - line) + 1 != t->type.n)
					return false;
			} else {
				if (field == fields)
					return false;
				name = &t->name[field];
				value = from + name->n;
				if (value > stop || !begins(from, end, name) || *value == '"' ||
				    *value == '@' || (semicolon && stop[-1] != ';'))
					return false;
				if ((int)field == t->when.t &&
				    !digits(value, (size_t)(stop - value), &time))
					return false;
				if ((int)field == t->when.dur &&
				    !digits(value, (size_t)(stop - value), &dur))
					return false;
				field++;
			}
			semicolon = false;
			from = stop + 1;
			if (*stop == '\n') {
				found->n = (size_t)(stop + 1 - line);
				found->timed = t->when.t >= 0;
				found->when = time + dur;
				return field == fields;
			}
		}
		semicolon |= (f.semicolon & ~before) != 0;
	}
}

static bool
fits_here(
    const struct line_template *t, const char *line, const char *end, struct line_found *found)
{
	return fits(find, t, line, end, found);
}

#ifdef WIDER
static WIDER bool
fits_wider(
    const struct line_template *t, const char *line, const char *end, struct line_found *found)
{
	return fits(find_wider, t, line, end, found);
}
#endif

bool
line_scan(struct line_scan *s, const char *p, const char *end, struct line_found *found)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct line_template *t = s->template[i];

		if (!s->fits(t, p, end, found))
			continue;
		if (i > 0) {
			memmove(s->template + 1, s->template, i * sizeof *s->template);
			s->template[0] = t;
		}
		return true;
	}
	return false;
}

static struct line_name
name_of(char *p, struct slice name, char behind)
{
	struct line_name n = { .p = p, .n = name.n + 1 };

	memcpy(p, name.p, name.n);
	p[name.n] = behind;
	memcpy(&n.word, p, n.n < 8 ? n.n : 8);
	n.mask = n.n >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * n.n) - 1;
	return n;
}

void
line_scan_add(struct line_scan *s, const struct trace_shape *shape)
{
	struct line_template *t;
	size_t bytes = shape->type.n + 1;
	char *text;

	if (shape->serial == s->last) /* was added, and does not help */
		return;
	s->last = shape->serial;
	for (unsigned i = 0; i < s->n; i++)
		if (s->template[i] -> shape == shape)
			return;
	/* A template knows names, not kinds: one with a t that is no int would take lines whose t is one. */
	if (trace_when(shape).t != trace_field_index(shape, SLICE("t")) ||
	    (slice_eq(shape->type, SLICE("span")) &&
		trace_when(shape).dur != trace_field_index(shape, SLICE("dur_ns"))))
		return;
	for (unsigned f = 0; f < shape->fields; f++)
		bytes += shape->field[f].name.n + 1;
	t = xmalloc(sizeof *t + shape->fields * sizeof *t->name + bytes);
	text = (char *)&t->name[shape->fields];
	t->shape = shape;
	t->when = trace_when(shape);
	t->type = name_of(text, shape->type, shape->fields ? '\t' : '\n');
	text += t->type.n;
	for (unsigned f = 0; f < shape->fields; f++) {
		t->name[f] = name_of(text, shape->field[f].name, '=');
		text += t->name[f].n;
	}
	s->fits = fits_here;
#ifdef WIDER
	if (__builtin_cpu_supports("avx2"))
		s->fits = fits_wider;
#endif
	if (s->template == NULL)
		s->template = xmalloc(TEMPLATES * sizeof *s->template);
	if (s->n == TEMPLATES)
		free(s->template[--s->n]);
	memmove(s->template + 1, s->template, s->n++ * sizeof *s->template);
	s->template[0] = t;
}

void
line_scan_free(struct line_scan *s)
{
	for (unsigned i = 0; i < s->n; i++)
		free(s->template[i]);
	free(s->template);
	*s = (struct line_scan){ 0 };
}
