#include "form/perf_script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/num.h"

#define NONE UINT32_MAX

enum {
	READ_SIZE = 128 << 10, /* fits in L2 with the tables' hot part */
	LINE_MAX_BYTES = 1 << 20,
	FRAMES_MAX = 1 << 16, /* of a sample; the kernel's own limit is far below */
	GUESSES = 2,
	PREFIXES = 8,
	POOL_ALIGN = 2 << 20,
	POOL_MORE = 16 << 20, /* for the lines of the sample at which the tables are full */
	POOL_STACK = 1 << 20, /* of these for its stack, of at most FRAMES_MAX lines */
	MEMORY_DEFAULT = 128 << 20
};

enum has {
	HAS_T = 1,
	HAS_CPU = 2,
	HAS_PID = 4,
	HAS_TID = 8,
	HAS_COMM = 16,
	HAS_EVENT = 32,
	HAS_WEIGHT = 64,
	HAS_ADDR = 128,
	HAS_TEXT = 256,
	HAS_TRACEPOINT = 512,
	HAS_ALL = 1024
};

struct header {
	unsigned has;
	bool kept; /* comm stays where it is */
	int64_t t, cpu, pid, tid, weight;
	struct slice comm, event, rest;
	struct slice known; /* the event of the last header: mostly this one's, too */
};

enum line_kind { LINE_FRAME, LINE_SOURCE, LINE_BAD };

/* A distinct line below a header, its newline included. Known by its place in the pool in units of 8 bytes: what a guess
 * is checked with lies in one place. */
struct line {
	uint32_t n;
	uint32_t kind;
	uint32_t frame, frames;  /* in frame[], root first */
	uint32_t guess[GUESSES]; /* lines that followed it, latest first */
	char text[];
};

/* A frame as a line gives it. The object of an inlined one is that of the line below it. */
struct frame {
	struct slice name, origin;
	char kind; /* u k i j */
};

/* A distinct sequence of lines. Known by its place in the pool, too. */
struct stack {
	uint64_t hash;
	uint32_t lines;            /* below */
	uint32_t n;                /* names */
	bool cut, again, has_body; /* again: seen more than once */
	const struct slice *name;  /* n names, n origins; NULL before it is seen again */
	struct trace_memo name_memo, origin_memo;
	uint32_t line[];
};

/* All lines of a sample as they stood. Known by its place in the pool, as a line is. */
struct body {
	uint64_t hash;
	uint32_t stack, n, lines;
	char text[];
};

enum state { OUTSIDE, IN_SAMPLE, IN_BAD };

struct importer {
	struct trace_writer *w;
	struct perf_script_stats *stats;
	unsigned shape[HAS_ALL]; /* + 1; 0: not made yet */
	uint64_t line_number;
	bool started;

	/* Tables, which can start anew between two samples. */
	struct arena arena; /* what the pool has no room for */
	char *
	    pool; /* used as far as it is filled; lines may fill it to its end, others to `memory` */
	size_t pool_n;
	bool pool_full;
	struct hash_set line_set;
	struct frame *frame;
	size_t frames, frame_cap;
	struct slice *name; /* distinct names and origins of frames, each in one place */
	size_t names, name_cap;
	struct hash_set name_set;
	struct hash_set stack_set;
	struct hash_set body_set;
	size_t memory;

	/* The sample at hand. */
	enum state state;
	struct header header;
	struct buf header_text; /* what the slices of header point into */
	uint32_t *id;
	size_t ids, id_cap;
	struct slice *once; /* names and origins of a new stack */
	size_t once_cap;
	uint64_t hash;
	uint32_t last;
	bool cut;

	/* All lines of the sample at hand, where they are not known as a whole. */
	struct slice body, ahead; /* ahead: looked at, and not taken yet */
	uint64_t body_hash, body_line, body_events;
	const char *scanned; /* no empty line is looked for before this */

	/* The first parts of the last headers, latest first, as long as the rest has to be read only: a processor has long
	 * runs of one thread, and there are some processors. */
	struct prefix {
		struct buf text;
		struct header header;
	} prefix[PREFIXES];
	struct buf event;
	bool tracepoint;

	uint64_t trace_errors, stack_cuts;
	struct buf host, arch, release, argv;
};

static inline void *
pool_at(const struct importer *im, uint32_t id)
{
	return im->pool + (size_t)id * 8;
}

static inline struct line *
line_at(const struct importer *im, uint32_t id)
{
	return pool_at(im, id);
}

/* The pool: large pages, because what is compared lies all over it. */
static char *
pool_new(size_t size)
{
	void *p;

	if (posix_memalign(&p, POOL_ALIGN, size) != 0)
		return xmalloc(size);
	madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static void *
pool_alloc(struct importer *im, size_t size)
{
	void *p = im->pool + im->pool_n;

	size = (size + 7) & ~(size_t)7;
	if (im->pool_n >= im->memory || im->memory - im->pool_n < size)
		return arena_alloc(&im->arena, size);
	im->pool_n += size;
	return p;
}

static struct slice
pool_copy(struct importer *im, struct slice s)
{
	char *p = pool_alloc(im, s.n + 1);

	memcpy(p, s.p, s.n);
	return (struct slice){ p, s.n };
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static const char *
skip_word(const char *p, const char *end)
{
	while (p < end && !is_blank(*p))
		p++;
	return p;
}

static const char *
skip_hex(const char *p, const char *end)
{
	while (p < end && is_hex(*p))
		p++;
	return p;
}

/* The digits among the first eight bytes at p, and how many there are: all eight in three multiplications. */
static inline uint64_t
eight_digits(const char *p, unsigned *n)
{
	uint64_t x = load64(p) ^ 0x3030303030303030,
		 other = ((x + 0x0606060606060606) | x) & 0xf0f0f0f0f0f0f0f0;

	*n = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
	if (*n == 0)
		return 0;
	x <<= 8 * (8 - *n);
	x = x * 10 + (x >> 8);
	return ((x & 0x000000ff000000ff) * 0x000f424000000064 +
		   ((x >> 16 & 0x000000ff000000ff) * 0x0000271000000001)) >>
	       32;
}

static const char *
take_digits(const char *p, const char *end, int64_t *out)
{
	uint64_t v = 0;
	const char *q = p;

	for (; q < end && is_digit(*q); q++) {
		if (v > (uint64_t)(INT64_MAX - 9) / 10)
			return NULL;
		v = v * 10 + (uint64_t)(*q - '0');
	}
	*out = (int64_t)v;
	return q == p ? NULL : q;
}

/* Decimal digits at p into *out; NULL where there are none or too many. */
static inline const char *
take_number(const char *p, const char *end, int64_t *out)
{
	unsigned n;

	if (end - p < 8)
		return take_digits(p, end, out);
	*out = (int64_t)eight_digits(p, &n);
	if (n == 8)
		return take_digits(p, end, out);
	return n == 0 ? NULL : p + n;
}

static const char *
take_signed(const char *p, const char *end, int64_t *out)
{
	bool minus = p < end && *p == '-';

	p = take_number(p + minus, end, out);
	if (minus)
		*out = -*out;
	return p;
}

/* TID or PID/TID as a whole word. */
static const char *
take_task(const char *p, const char *end, struct header *h)
{
	p = take_signed(p, end, &h->tid);
	h->has &= ~(unsigned)HAS_PID;
	if (p != NULL && p < end && *p == '/') {
		h->pid = h->tid;
		h->has |= HAS_PID;
		p = take_signed(p + 1, end, &h->tid);
	}
	h->has |= HAS_TID;
	return p != NULL && p < end && is_blank(*p) ? p : NULL;
}

/* SECONDS.FRACTION: in nanoseconds. */
static const char *
take_time(const char *p, const char *end, int64_t *out)
{
	static const int64_t scale[] = { 0, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100,
		10, 1 };
	int64_t seconds, fraction;
	const char *q;

	p = take_number(p, end, &seconds);
	if (p == NULL || p == end || *p != '.' || seconds > INT64_MAX / 1000000000 - 1)
		return NULL;
	q = take_number(p + 1, end, &fraction);
	if (q == NULL || q - p > 10 || q == end || *q != ':')
		return NULL;
	*out = seconds * 1000000000 + fraction * scale[q - p - 1];
	return q + 1;
}

/* What follows the task: [CPU] [FLAGS] TIME: [PERIOD] EVENT: REST. With strict, there has to be a time; without, an
 * event. */
static bool
take_tail(const char *p, const char *end, struct header *h, bool strict)
{
	const char *q;
	int64_t v;

	h->has &= HAS_PID | HAS_TID | HAS_COMM;
	p = skip_blanks(p, end);
	if (p < end && *p == '[') {
		q = take_number(p + 1, end, &h->cpu);
		if (q == NULL || q + 1 >= end || *q != ']' || !is_blank(q[1]))
			return false;
		h->has |= HAS_CPU;
		p = skip_blanks(q + 1, end);
	}
	for (q = p; q < end && *q >= 'A' && *q <= 'Z'; q++)
		;
	if (q > p && q < end && is_blank(*q))
		p = skip_blanks(q, end);
	if ((q = take_time(p, end, &h->t)) != NULL) {
		h->has |= HAS_T;
		p = skip_blanks(q, end);
	} else if (strict) {
		return false;
	}
	q = take_number(p, end, &v);
	if (q != NULL && (q == end || is_blank(*q))) {
		h->weight = v;
		h->has |= HAS_WEIGHT;
		p = skip_blanks(q, end);
	}
	if (h->known.n > 0 && (size_t)(end - p) == h->known.n + 2 && end[-1] == ' ' &&
	    end[-2] == ':' && memcmp(p, h->known.p, h->known.n) == 0) {
		h->event = (struct slice){ p, h->known.n };
		h->has |= HAS_EVENT;
		h->rest = (struct slice){ end, 0 };
		return true;
	}
	q = skip_word(p, end);
	if (q - p > 1 && q[-1] == ':') {
		h->event = (struct slice){ p, (size_t)(q - p - 1) };
		h->has |= HAS_EVENT;
		p = q;
	} else if (!strict) {
		return false;
	}
	h->rest = slice_trim((struct slice){ p, (size_t)(end - p) });
	return true;
}

/* strict: a time; that is enough even for an indented line. *prefix is where the tail begins. */
static bool
header_parse(struct slice line, struct header *h, bool strict, const char **prefix)
{
	const char *end = line.p + line.n, *p = line.p, *q;

	for (p = skip_blanks(p, end); p < end; p = skip_blanks(skip_word(p, end), end)) {
		h->has = 0;
		h->comm = slice_trim((struct slice){ line.p, (size_t)(p - line.p) });
		if (h->comm.n > 0)
			h->has = HAS_COMM;
		*prefix = q = take_task(p, end, h);
		if (q != NULL && take_tail(q, end, h, strict))
			return true;
		if (!strict || (*p != '[' && !is_digit(*p)))
			continue;
		h->has &= HAS_COMM;
		if (take_tail(*prefix = p, end, h, true))
			return true;
	}
	return false;
}

/* Moves prefix[i] to the front. */
static struct prefix *
prefix_first(struct importer *im, unsigned i)
{
	struct prefix found = im->prefix[i];

	for (; i > 0; i--)
		im->prefix[i] = im->prefix[i - 1];
	im->prefix[0] = found;
	return &im->prefix[0];
}

/* A header that begins as one of the last did. */
static bool
header_recall(struct importer *im, struct slice line, struct header *h)
{
	for (unsigned i = 0; i < PREFIXES && im->prefix[i].text.n > 0; i++) {
		struct buf text = im->prefix[i].text;

		if (line.n <= text.n || !is_blank(line.p[text.n]) ||
		    memcmp(line.p, text.p, text.n) != 0)
			continue;
		*h = im->prefix[i].header;
		h->known = buf_view(&im->event);
		if (!take_tail(line.p + text.n, line.p + line.n, h, true))
			break;
		if (i > 0)
			prefix_first(im, i);
		return true;
	}
	h->kept = false;
	return false;
}

/* One that does not, and will be recalled. */
static bool
header_take(struct importer *im, struct slice line, struct header *h)
{
	const char *prefix;
	struct prefix *x;

	if (!header_parse(line, h, true, &prefix))
		return !is_blank(line.p[0]) && header_parse(line, h, false, &prefix);
	if (h->has & HAS_TID) {
		x = prefix_first(im, PREFIXES - 1);
		x->text.n = 0;
		buf_put(&x->text, line.p, (size_t)(prefix - line.p));
		h->comm.p = x->text.p + (h->comm.p - line.p);
		h->kept = true;
		x->header = *h;
	}
	return true;
}

static bool
is_tracepoint(struct slice event)
{
	const char *colon;
	size_t n;

	/* Quotes that a script has given perf are a part of the name. */
	if (event.n > 0 && event.p[event.n - 1] == '"')
		event.n--;
	colon = memrchr(event.p, ':', event.n);
	if (colon == NULL || memchr(event.p, '/', event.n) != NULL)
		return false;
	n = (size_t)(event.p + event.n - colon - 1);
	return n > 12 || strspn(colon + 1, "ukhHGpPSDWIeb") < n;
}

static bool
slice_is(struct slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* KIND:OBJECT of the object as perf names it, and how a frame without a name is called. */
static char
origin_of(struct importer *im, struct slice dso, struct slice *origin, struct slice *nameless)
{
	struct buf b = BUF_INIT;
	struct slice object, deleted = SLICE(" (deleted)"), map = SLICE("/tmp/perf-");
	bool bracket = dso.n > 0 && dso.p[0] == '[';
	char kind = 'u';

	if (slice_ends(dso, deleted))
		dso.n -= deleted.n;
	object = slice_basename(dso);
	if (dso.n == 0 || slice_is(dso, "[unknown]")) {
		object = SLICE("[unknown]");
	} else if (slice_starts(dso, SLICE("[JIT]")) || slice_starts(object, SLICE("jitted-")) ||
		   (slice_starts(dso, map) && slice_ends(dso, SLICE(".map")))) {
		kind = 'j';
		object = SLICE("[jit]");
	} else if (slice_starts(dso, SLICE("[kernel.")) ||
		   slice_starts(dso, SLICE("[guest.kernel.")) ||
		   slice_starts(object, SLICE("vmlinux"))) {
		kind = 'k';
		object = SLICE("[kernel]");
	} else if (bracket && !slice_is(dso, "[vdso]") && !slice_is(dso, "[vsyscall]") &&
		   !slice_is(dso, "[stack]") && !slice_is(dso, "[heap]") &&
		   !slice_is(dso, "[uprobes]")) {
		kind = 'k';
	} else if (slice_ends(object, SLICE(".ko")) || slice_ends(object, SLICE(".ko.xz")) ||
		   slice_ends(object, SLICE(".ko.gz")) || slice_ends(object, SLICE(".ko.zst"))) {
		kind = 'k';
	}
	buf_char(&b, kind);
	buf_char(&b, ':');
	buf_slice(&b, object);
	*origin = pool_copy(im, buf_view(&b));
	*nameless = (struct slice){ origin->p + 2, origin->n - 2 };
	if (kind == 'j')
		object = slice_basename(dso);
	if (kind == 'j' || object.p[0] != '[') {
		b.n = 0;
		bool already = object.n > 0 && object.p[0] == '[';

		buf_printf(&b, already ? "%.*s" : "[%.*s]", SLICE_ARG(object));
		*nameless = pool_copy(im, buf_view(&b));
	}
	buf_free(&b);
	return kind;
}

static uint64_t
name_rehash(const void *context, uint32_t item)
{
	const struct importer *im = context;

	return hash_bytes(im->name[item].p, im->name[item].n);
}

/* The same bytes in the one place where the writer has seen them before. */
static struct slice
name_intern(struct importer *im, struct slice s)
{
	uint64_t h = hash_bytes(s.p, s.n);

	for (struct hash_probe at = hash_first(&im->name_set, h); hash_found(&im->name_set, &at);
	     hash_next(&im->name_set, &at))
		if (slice_eq(im->name[at.item], s))
			return im->name[at.item];
	GROW(im->name, im->name_cap, im->names);
	im->name[im->names] = s;
	hash_add(&im->name_set, h, (uint32_t)im->names, name_rehash, im);
	return im->name[im->names++];
}

static void
frame_add(struct importer *im, struct line *l, struct slice name, struct slice origin, char kind)
{
	if (name.n == 0)
		return;
	GROW(im->frame, im->frame_cap, im->frames);
	im->frame[im->frames++] =
	    (struct frame){ name_intern(im, name), name_intern(im, origin), kind };
	l->frames++;
}

/* The frames of a name: `a->b` are a and what is inlined in it, but not in `operator->`, `fn() -> T`, or inside of
 * brackets. */
static void
name_add(struct importer *im, struct line *l, struct slice name, struct slice origin, char kind)
{
	struct slice inlined = origin;
	size_t from = 0, depth = 0;

	for (size_t i = 0; i < name.n; i++) {
		switch (name.p[i]) {
		case '(':
		case '[':
		case '{':
		case '<':
			depth++;
			break;
		case ')':
		case ']':
		case '}':
		case '>':
			depth -= depth > 0;
			break;
		case '-':
			if (i + 1 == name.n || name.p[i + 1] != '>')
				break;
			i++;
			if (depth > 0 || i == 1 || name.p[i - 2] == ' ' ||
			    slice_ends((struct slice){ name.p, i - 1 }, SLICE("operator")))
				break;
			frame_add(im, l, (struct slice){ name.p + from, i - 1 - from },
			    from == 0 ? origin : inlined, from == 0 ? kind : 'i');
			from = i + 1;
			break;
		}
	}
	frame_add(im, l, (struct slice){ name.p + from, name.n - from },
	    from == 0 ? origin : inlined, from == 0 ? kind : 'i');
}

/* Where ` (OBJECT)` begins in s, which ends with ')'; s.n where it does not. Objects can hold blanks and ` (deleted)`,
 * names can hold parentheses: an object begins with / or [, or is in the last pair. */
static size_t
find_object(struct slice s)
{
	size_t last = s.n;

	for (size_t i = 0; i + 2 < s.n; i++) {
		if (s.p[i] != '(' || (i > 0 && !is_blank(s.p[i - 1])))
			continue;
		if (s.p[i + 1] == '/' || s.p[i + 1] == '[')
			return i;
		if (last < s.n && slice_is((struct slice){ s.p + i, s.n - i }, "(deleted))"))
			break;
		last = i;
	}
	return last;
}

/* FILE:LINE, or OBJECT[ADDRESS], which -F +srcline puts below a frame. */
static bool
is_source(struct slice s)
{
	const char *p = s.p + s.n;

	if (s.n > 2 && p[-1] == ']') {
		for (p--; p > s.p && is_hex(p[-1]); p--)
			;
		return p - 1 > s.p && p[-1] == '[' && p < s.p + s.n - 1;
	}
	if (s.n > 1 && p[-1] == '?')
		return p[-2] == ':';
	while (p > s.p && is_digit(p[-1]))
		p--;
	return p > s.p && p < s.p + s.n && p[-1] == ':';
}

static void
line_parse(struct importer *im, struct line *l)
{
	struct slice whole = { l->text, l->n }, s, ip, dso = { "", 0 }, origin, nameless, name;
	const char *q;
	bool has_object = false, has_ip, inlined;
	size_t at;
	char kind;

	l->kind = LINE_BAD;
	l->frame = (uint32_t)im->frames;
	l->frames = 0;
	while (whole.n > 0 && (whole.p[whole.n - 1] == '\n' || whole.p[whole.n - 1] == '\r'))
		whole.n--;
	s = slice_trim(whole);
	if (s.n == 0)
		return;
	q = skip_hex(s.p, s.p + s.n);
	ip = (struct slice){ s.p, (size_t)(q - s.p) };
	has_ip = ip.n > 0 && ip.n <= 16 && (ip.n == s.n || is_blank(s.p[ip.n]));
	name = has_ip ? slice_trim((struct slice){ q, s.n - ip.n }) : s;
	if (name.n > 0 && name.p[name.n - 1] == ')' && (at = find_object(name)) < name.n) {
		dso = slice_trim((struct slice){ name.p + at + 1, name.n - at - 2 });
		name = slice_trim((struct slice){ name.p, at });
		has_object = true;
		if (name.n == 0 && has_ip && whole.p[0] == '\t' && q - whole.p < 17 &&
		    strcspn(ip.p, "0123456789 \t") >= ip.n) {
			/* perf pads addresses to 16 columns: this is a name of hex letters */
			name = ip;
			has_ip = false;
		}
	}
	for (at = name.n; at > 0 && is_hex(name.p[at - 1]); at--)
		;
	if (at < name.n && at > 3 && memcmp(name.p + at - 3, "+0x", 3) == 0)
		name.n = at - 3;
	else if (!has_ip && !has_object) {
		if (is_source(s))
			l->kind = LINE_SOURCE;
		return;
	}
	l->kind = LINE_FRAME;
	inlined = slice_is(dso, "inlined");
	if (inlined)
		dso.n = 0;
	kind = origin_of(im, dso, &origin, &nameless);
	if (inlined)
		kind = 'i';
	if (name.n == 0 || slice_is(name, "[unknown]"))
		name = nameless;
	name_add(im, l, name, origin, kind);
	if (l->frames == 0)
		frame_add(im, l, nameless, origin, kind);
}

/* Two chains of multiplications beside each other: lines are long, and there are many. */
static inline uint64_t
line_hash(const char *p, size_t n)
{
	uint64_t a = n, b = ~a;
	const char *end;

	if (n < 16)
		return hash_bytes(p, n);
	end = p + n - 16;
	for (; p < end; p += 16) {
		a = hash_mix(a, load64(p));
		b = hash_mix(b, load64(p + 8));
	}
	return hash_mix(hash_mix(a, load64(end)), hash_mix(b, load64(end + 8)));
}

static uint64_t
line_rehash(const void *context, uint32_t item)
{
	const struct line *l = line_at(context, item);

	return line_hash(l->text, l->n);
}

/* The line with this hash, or NONE. */
static inline uint32_t
line_find(const struct importer *im, const char *text, size_t n, uint64_t hash)
{
	struct hash_probe at;

	for (at = hash_first(&im->line_set, hash); hash_found(&im->line_set, &at);
	     hash_next(&im->line_set, &at)) {
		const struct line *l = line_at(im, at.item);

		if (l->n == n && memcmp(l->text, text, n) == 0)
			return at.item;
	}
	return NONE;
}

/* NONE where the pool is full, which starts anew behind this sample. */
static uint32_t
line_add(struct importer *im, const char *text, size_t n, uint64_t hash)
{
	uint32_t id = (uint32_t)(im->pool_n / 8);
	struct line *l = line_at(im, id);

	if (im->memory + POOL_MORE - POOL_STACK - im->pool_n < sizeof *l + n + 8) {
		im->pool_full = true;
		return NONE;
	}
	*l = (struct line){ .n = (uint32_t)n, .guess = { NONE, NONE } };
	memcpy(l->text, text, n);
	im->pool_n += (sizeof *l + n + 7) & ~(size_t)7;
	line_parse(im, l);
	hash_add(&im->line_set, hash, id, line_rehash, im);
	return id;
}

static uint64_t
stack_rehash(const void *context, uint32_t item)
{
	const struct stack *s = pool_at(context, item);

	return s->hash;
}

/* The names of a sequence of lines, root first. Those of a stack that came once are not kept: many come no more. */
static void
stack_build(struct importer *im, struct stack *s)
{
	struct slice *name, *origin, object = SLICE("[unknown]");
	struct buf b = BUF_INIT;
	char kind = 'u';
	uint32_t n = 0;

	s->n = s->cut;
	for (uint32_t i = 0; i < s->lines; i++)
		s->n += line_at(im, s->line[i])->frames;
	if (s->again) {
		name = pool_alloc(im, 2 * s->n * sizeof *name + 8);
		s->name = name;
	} else {
		GROW(im->once, im->once_cap, 2 * (size_t)s->n);
		name = im->once;
	}
	origin = name + s->n;
	if (s->cut) {
		name[n] = SLICE("[cut]");
		origin[n++] = SLICE("u:[cut]");
	}
	for (uint32_t i = s->lines; i-- > 0;) {
		const struct line *l = line_at(im, s->line[i]);

		for (uint32_t j = 0; j < l->frames; j++, n++) {
			const struct frame *f = &im->frame[l->frame + j];

			name[n] = f->name;
			origin[n] = f->origin;
			if (f->kind != 'i') {
				kind = f->kind;
				object = (struct slice){ f->origin.p + 2, f->origin.n - 2 };
				continue;
			}
			b.n = 0;
			buf_char(&b, kind == 'k' ? 'k' : 'i');
			buf_char(&b, ':');
			buf_slice(&b, object);
			origin[n] = name_intern(im, pool_copy(im, buf_view(&b)));
		}
	}
	buf_free(&b);
}

static struct stack *
stack_intern(struct importer *im)
{
	size_t bytes = im->ids * sizeof *im->id;
	uint64_t h = hash_mix(im->hash, im->ids << 1 | im->cut);
	struct hash_probe at;
	struct stack *s;
	uint32_t id;

	for (at = hash_first(&im->stack_set, h); hash_found(&im->stack_set, &at);
	     hash_next(&im->stack_set, &at)) {
		s = pool_at(im, at.item);
		if (s->lines == im->ids && s->cut == im->cut &&
		    (bytes == 0 || memcmp(s->line, im->id, bytes) == 0)) {
			s->again = true;
			return s;
		}
	}
	/* There is room: see POOL_STACK. */
	id = (uint32_t)(im->pool_n / 8);
	s = pool_at(im, id);
	im->pool_n += (sizeof *s + bytes + 7) & ~(size_t)7;
	*s = (struct stack){ .hash = h, .lines = (uint32_t)im->ids, .cut = im->cut };
	if (bytes > 0)
		memcpy(s->line, im->id, bytes);
	hash_add(&im->stack_set, h, id, stack_rehash, im);
	return s;
}

static void
tables_reset(struct importer *im)
{
	if (!im->pool_full && im->pool_n + im->arena.total + im->frames * sizeof *im->frame +
				      im->names * sizeof *im->name <=
				  im->memory)
		return;
	hash_clear(&im->line_set);
	hash_clear(&im->name_set);
	hash_clear(&im->stack_set);
	hash_clear(&im->body_set);
	im->pool_full = false;
	im->pool_n = im->frames = im->names = 0;
	im->last = NONE;
	arena_reset(&im->arena);
	im->stats->resets++;
}

static unsigned
shape_of(struct importer *im, unsigned has)
{
	static const struct {
		unsigned has;
		struct trace_field field;
	} all[] = {
		{ HAS_T, { SLICE("t"), TRACE_INT } },
		{ HAS_CPU, { SLICE("cpu"), TRACE_INT } },
		{ HAS_PID, { SLICE("pid"), TRACE_INT } },
		{ HAS_TID, { SLICE("tid"), TRACE_INT } },
		{ HAS_COMM, { SLICE("comm"), TRACE_STR } },
		{ HAS_EVENT, { SLICE("event"), TRACE_STR } },
		{ HAS_WEIGHT, { SLICE("weight"), TRACE_INT } },
		{ HAS_ADDR, { SLICE("addr"), TRACE_ADDR } },
		{ HAS_TEXT, { SLICE("text"), TRACE_STR } },
	};
	struct trace_field f[12];
	unsigned n = 0;

	if (im->shape[has] > 0)
		return im->shape[has] - 1;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (has & all[i].has) {
			f[n] = all[i].field;
			if (all[i].has == HAS_EVENT && (has & HAS_TRACEPOINT))
				f[n].name = SLICE("name");
			n++;
		}
	f[n++] = (struct trace_field){ SLICE("stack"), TRACE_STRS };
	f[n++] = (struct trace_field){ SLICE("origin"), TRACE_STRS };
	im->shape[has] = 1 + trace_writer_shape(im->w,
				 has & HAS_TRACEPOINT ? SLICE("event") : SLICE("sample"), f, n);
	return im->shape[has] - 1;
}

static void
split_words(struct buf *words, struct slice **item, uint32_t *n, size_t *cap)
{
	struct slice rest = buf_view(words);

	while (rest.n > 0) {
		struct slice word = slice_cut(&rest, ' ');

		if (word.n == 0)
			continue;
		GROW(*item, *cap, *n);
		(*item)[(*n)++] = word;
	}
}

/* The start of the trace, as late as possible: what --header says comes first. */
static void
start_put(struct importer *im)
{
	struct trace_field f[5] = { { SLICE("tool"), TRACE_STR } };
	union trace_value v[5] = { { .s = SLICE("perf-script") } };
	struct {
		struct slice name;
		struct buf *b;
	} known[] = { { SLICE("host"), &im->host }, { SLICE("arch"), &im->arch },
		{ SLICE("release"), &im->release } };
	struct slice *argv = NULL;
	size_t cap = 0;
	unsigned n = 1;

	im->started = true;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].b->n > 0) {
			f[n] = (struct trace_field){ known[i].name, TRACE_STR };
			v[n++].s = buf_view(known[i].b);
		}
	if (im->argv.n > 0) {
		uint32_t words = 0;

		split_words(&im->argv, &argv, &words, &cap);
		f[n] = (struct trace_field){ SLICE("argv"), TRACE_STRS };
		v[n++].list = (struct trace_list){ .s = argv, .n = words };
	}
	trace_put(im->w, trace_writer_shape(im->w, SLICE("start"), f, n), v);
	free(argv);
}

static inline void
start(struct importer *im)
{
	if (!im->started)
		start_put(im);
}

static void
put_lost(struct importer *im, unsigned has, int64_t t, uint64_t n, struct slice why)
{
	struct trace_field f[] = { { SLICE("t"), TRACE_INT }, { SLICE("n"), TRACE_INT },
		{ SLICE("why"), TRACE_STR } };
	union trace_value v[] = { { .i = t }, { .i = (int64_t)n }, { .s = why } };
	unsigned from = has & HAS_T ? 0 : 1;

	if (n == 0)
		return;
	start(im);
	im->stats->lost += n;
	trace_put(im->w, trace_writer_shape(im->w, SLICE("lost"), f + from, 3 - from), v + from);
}

static void
bad_line(struct importer *im, const char *text, size_t n)
{
	struct slice s = slice_trim((struct slice){ text, n > 80 ? 80 : n });

	if (im->stats->bad_lines++ == 0)
		error_set(&im->stats->first, "line %llu: neither a sample nor a frame: %.*s",
		    (unsigned long long)im->line_number, SLICE_ARG(s));
}

/* The sample at hand ends, and has this stack; NULL for that of its lines. */
static void
sample_end_as(struct importer *im, struct stack *s)
{
	const struct header *h = &im->header;
	const struct slice *name, *origin;
	union trace_value v[12];
	unsigned n = 0;

	if (im->state == IN_SAMPLE) {
		start(im);
		if (s == NULL)
			s = stack_intern(im);
		if (s->name == NULL)
			stack_build(im, s);
		name = s->name ? s->name : im->once;
		origin = name + s->n;
		if (h->has & HAS_T)
			v[n++].i = h->t;
		if (h->has & HAS_CPU)
			v[n++].i = h->cpu;
		if (h->has & HAS_PID)
			v[n++].i = h->pid;
		if (h->has & HAS_TID)
			v[n++].i = h->tid;
		if (h->has & HAS_COMM)
			v[n++].s = h->comm;
		if (h->has & HAS_EVENT)
			v[n++].s = h->event;
		if (h->has & HAS_WEIGHT)
			v[n++].i = h->weight;
		if (h->has & HAS_ADDR) {
			num_hex(h->rest, &v[n++].u);
		} else if (h->has & HAS_TEXT) {
			v[n++].s = h->rest;
		}
		v[n++].list = (struct trace_list){ { .s = name }, s->n, &s->name_memo };
		v[n++].list = (struct trace_list){ { .s = origin }, s->n, &s->origin_memo };
		trace_put(im->w, shape_of(im, h->has), v);
		im->stats->samples++;
		tables_reset(im);
	}
	im->state = OUTSIDE;
	im->ids = 0;
	im->hash = 0;
	im->last = NONE;
	im->cut = false;
	im->body.n = 0;
}

static void
sample_end(struct importer *im)
{
	sample_end_as(im, NULL);
}

static void
stack_cut(struct importer *im)
{
	im->stack_cuts += !im->cut;
	im->cut = true;
}

static inline void
frame_take(struct importer *im, uint32_t id)
{
	if (im->ids == FRAMES_MAX)
		stack_cut(im);
	if (im->cut)
		return;
	GROW(im->id, im->id_cap, im->ids);
	im->id[im->ids++] = id;
	im->hash = hash_mix(im->hash, id);
}

/* PERF_RECORD_* lines of --show-lost-events and its like: LOST counts, the others are no samples. */
static void
side_band(struct importer *im, const struct header *h)
{
	struct slice what = h->rest;
	const char *p = what.p, *end = what.p + what.n;
	int64_t n;

	if (!slice_starts(what, SLICE("PERF_RECORD_LOST")))
		return;
	p = skip_word(p, end);
	for (p = skip_blanks(p, end); p < end; p = skip_blanks(skip_word(p, end), end))
		if (take_number(p, end, &n) != NULL) {
			put_lost(im, h->has, h->t, (uint64_t)n, SLICE("ring-full"));
			return;
		}
}

/* What stands behind EVENT: on a header line: a tracepoint's text, an address, or the only frame. */
static void
rest_take(struct importer *im, struct header *h)
{
	const char *p = h->rest.p, *end = p + h->rest.n, *q = skip_hex(p, end);
	struct line *l;
	uint64_t addr, hash;
	uint32_t id;

	if (h->has & HAS_TRACEPOINT) {
		h->has |= HAS_TEXT;
		return;
	}
	if (q == end && num_hex(h->rest, &addr) == 0) {
		h->has |= HAS_ADDR;
		return;
	}
	if (q > p && is_blank(*q)) {
		const char *r = skip_blanks(q, end), *s = skip_hex(r, end);

		if (s > r && s < end && is_blank(*s) && *skip_blanks(s, end) != '(' &&
		    num_hex((struct slice){ p, (size_t)(q - p) }, &addr) == 0) {
			/* ADDRESS IP NAME */
			h->has |= HAS_ADDR;
			h->rest.n = (size_t)(q - p);
			p = r;
		}
		/* The caller keeps the newline behind the line. */
		hash = line_hash(p, (size_t)(end - p) + 1);
		id = line_find(im, p, (size_t)(end - p) + 1, hash);
		if (id == NONE)
			id = line_add(im, p, (size_t)(end - p) + 1, hash);
		if (id == NONE) {
			stack_cut(im);
			h->has &= ~(unsigned)HAS_ADDR;
			return;
		}
		l = line_at(im, id);
		if (l->kind == LINE_FRAME) {
			frame_take(im, id);
			return;
		}
		h->rest.n = (size_t)(end - h->rest.p);
		h->has &= ~(unsigned)HAS_ADDR;
	}
	h->has |= HAS_TEXT;
}

static void
sample_begin(struct importer *im, const struct header *parsed)
{
	struct header *h = &im->header;
	size_t rest;

	*h = *parsed;
	im->state = IN_SAMPLE;
	/* The line goes away with its buffer. An event is one of few, and mostly the last one. */
	if ((h->has & HAS_EVENT) && !slice_eq(h->event, buf_view(&im->event))) {
		im->event.n = 0;
		buf_slice(&im->event, h->event);
		im->tracepoint = is_tracepoint(h->event);
	}
	h->event = buf_view(&im->event);
	if ((h->has & HAS_EVENT) && im->tracepoint)
		h->has |= HAS_TRACEPOINT;
	if (h->rest.n == 0 && ((h->has & HAS_COMM) == 0 || h->kept))
		return;
	im->header_text.n = 0;
	buf_slice(&im->header_text, h->comm);
	rest = im->header_text.n;
	buf_slice(&im->header_text, h->rest);
	buf_char(&im->header_text, '\n');
	if (!h->kept)
		h->comm.p = im->header_text.p;
	h->rest.p = im->header_text.p + rest;
	if (h->rest.n > 0)
		rest_take(im, h);
}

/* The value of `# key : value`, appended. */
static void
comment(struct importer *im, struct slice s)
{
	struct {
		struct slice key;
		struct buf *b;
	} known[] = { { SLICE("# hostname : "), &im->host }, { SLICE("# arch : "), &im->arch },
		{ SLICE("# os release : "), &im->release }, { SLICE("# cmdline : "), &im->argv } };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_starts(s, known[i].key) && known[i].b->n == 0)
			buf_slice(known[i].b, slice_trim((struct slice){
						  s.p + known[i].key.n, s.n - known[i].key.n }));
}

/* A line that is no frame, or not known as one: text[n - 1] is its newline. */
static void
line_take(struct importer *im, const char *text, size_t n)
{
	struct slice s = { text, n - 1 };
	struct header h = { .known = buf_view(&im->event) };
	const char *prefix;
	int64_t lost;
	uint64_t hash;
	uint32_t id;

	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	if (s.n == 0) {
		sample_end(im);
		return;
	}
	if (is_blank(s.p[0]) && im->state != OUTSIDE) {
		if (im->state == IN_SAMPLE) {
			hash = line_hash(text, n);
			id = line_find(im, text, n, hash);
			/* Samples without frames have no empty line between them, and some have no comm: a
			 * time is the difference. */
			if (id == NONE && s.n < 256 && header_parse(s, &h, true, &prefix)) {
				sample_end(im);
				goto sample;
			}
			if (id == NONE)
				id = line_add(im, text, n, hash);
			if (id == NONE) {
				stack_cut(im);
				return;
			}
			if (line_at(im, id)->kind == LINE_FRAME) {
				frame_take(im, id);
				im->last = id;
				return;
			}
			if (line_at(im, id)->kind == LINE_SOURCE)
				return;
			if (slice_starts(slice_trim(s), SLICE("instruction trace error"))) {
				im->trace_errors++;
				return;
			}
		}
		bad_line(im, s.p, s.n);
		return;
	}
	if (s.p[0] == '#') {
		if (!header_parse(s, &h, true, &prefix)) {
			comment(im, s);
			return;
		}
		sample_end(im);
		goto sample;
	}
	sample_end(im);
	if (header_recall(im, s, &h))
		goto sample;
	if (slice_starts(slice_trim(s), SLICE("instruction trace error"))) {
		im->trace_errors++;
		return;
	}
	if (header_take(im, s, &h))
		goto sample;
	if (slice_starts(s, SLICE("LOST ")) && take_number(s.p + 5, s.p + s.n, &lost) != NULL) {
		put_lost(im, 0, 0, (uint64_t)lost, SLICE("ring-full"));
		return;
	}
	im->state = IN_BAD;
	bad_line(im, s.p, s.n);
	return;
sample:
	if ((h.has & HAS_EVENT) == 0 && slice_starts(h.rest, SLICE("PERF_RECORD_"))) {
		side_band(im, &h);
		return;
	}
	if ((h.has & HAS_EVENT) && slice_starts(h.event, SLICE("PERF_RECORD_"))) {
		h.rest.n += (size_t)(h.rest.p - h.event.p);
		h.rest.p = h.event.p;
		side_band(im, &h);
		return;
	}
	sample_begin(im, &h);
}

/* The common case: the next line is one that followed the last one before. True when it was taken. */
static inline const char *
guess(struct importer *im, const char *p, const char *end)
{
	struct line *last = line_at(im, im->last), *l;
	size_t room = (size_t)(end - p);

	for (unsigned i = 0; i < GUESSES; i++) {
		uint32_t id = last->guess[i];

		if (id == NONE)
			break;
		l = line_at(im, id);
		if (l->n > room || memcmp(l->text, p, l->n) != 0)
			continue;
		if (i > 0) {
			last->guess[i] = last->guess[0];
			last->guess[0] = id;
		}
		im->line_number++;
		frame_take(im, id);
		im->last = id;
		return p + l->n;
	}
	return NULL;
}

typedef char bytes16 __attribute__((vector_size(16)));

/* Whether an LF in 16 bytes stands before another. */
static inline bytes16
line_feed_pairs(const char *p)
{
	const bytes16 lf = { 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10 };
	bytes16 a, b;

	memcpy(&a, p, sizeof a);
	memcpy(&b, p + 1, sizeof b);
	return (bytes16)(a == lf) & (bytes16)(b == lf);
}

/* The empty line that ends a sample, and the hash of what stands before it; NULL where it is not in p..end. */
static const char *
body_end(const char *p, const char *end, uint64_t *hash)
{
	uint64_t a = 1, b = 2, c = 3, d = 4;
	const char *q;

	for (; end - p > 32; p += 32) {
		bytes16 pairs = line_feed_pairs(p) | line_feed_pairs(p + 16);

		if ((load64(&pairs) | load64((char *)&pairs + 8)) != 0)
			break;
		a = (a ^ load64(p)) * 0x9e3779b97f4a7c15;
		b = (b ^ load64(p + 8)) * 0x9e3779b97f4a7c15;
		c = (c ^ load64(p + 16)) * 0x9e3779b97f4a7c15;
		d = (d ^ load64(p + 24)) * 0x9e3779b97f4a7c15;
	}
	for (q = p; end - q > 1; q++) {
		q = memchr(q, '\n', (size_t)(end - q - 1));
		if (q == NULL)
			return NULL;
		if (q[1] == '\n') {
			*hash = hash_mix(hash_mix(hash_mix(a, b), hash_mix(c, d)),
			    hash_bytes(p, (size_t)(q - p)));
			return q + 1;
		}
	}
	return NULL;
}

static uint64_t
body_rehash(const void *context, uint32_t item)
{
	const struct body *b = pool_at(context, item);

	return b->hash;
}

/* What has to stay the same while the lines of a body are taken, so that they are frames and no more. */
static uint64_t
events(const struct importer *im)
{
	return im->stats->samples + im->stats->bad_lines + im->trace_errors + im->stack_cuts;
}

/* Looks for the end of the body at p, behind a header, and asks for its slot: it comes while the header is read. */
static void
body_look(struct importer *im, const char *p, const char *end)
{
	const char *q;

	if (p == end || !is_blank(*p) || p < im->scanned)
		return;
	q = body_end(p, end, &im->body_hash);
	im->scanned = q == NULL ? end : q;
	if (q == NULL)
		return;
	im->ahead = (struct slice){ p, (size_t)(q - p) };
	if (im->body_set.slot)
		__builtin_prefetch(&im->body_set.slot[im->body_hash & im->body_set.mask]);
}

/* A sample whose lines stood in the same way below another one is taken as a whole: most stacks are not new, and one
 * comparison is cheaper than one a line. Returns what follows the body that was looked at, or NULL. */
static const char *
body_take(struct importer *im)
{
	const char *p = im->ahead.p, *q = p + im->ahead.n;
	size_t n = im->ahead.n;

	im->ahead.n = 0;
	for (struct hash_probe at = hash_first(&im->body_set, im->body_hash);
	     hash_found(&im->body_set, &at); hash_next(&im->body_set, &at)) {
		const struct body *b = pool_at(im, at.item);

		__builtin_prefetch(pool_at(im, b->stack));
		if (b->n != n || memcmp(b->text, p, n) != 0)
			continue;
		im->line_number += b->lines + 1;
		sample_end_as(im, pool_at(im, b->stack));
		return q + 1;
	}
	im->body = (struct slice){ p, n };
	im->body_line = im->line_number;
	im->body_events = events(im);
	return NULL;
}

static void
body_keep(struct importer *im, struct stack *s)
{
	size_t size = (sizeof(struct body) + im->body.n + 7) & ~(size_t)7;
	uint32_t id = (uint32_t)(im->pool_n / 8);
	struct body *b = pool_at(im, id);

	if (im->pool_n >= im->memory || im->memory - im->pool_n < size)
		return;
	im->pool_n += size;
	*b = (struct body){ .hash = im->body_hash,
		.stack = (uint32_t)(((char *)s - im->pool) / 8),
		.n = (uint32_t)im->body.n,
		.lines = (uint32_t)(im->line_number - im->body_line) };
	memcpy(b->text, im->body.p, im->body.n);
	hash_add(&im->body_set, b->hash, id, body_rehash, im);
	s->has_body = true;
}

/* The empty line behind a sample, at p. A stack that came for the second time keeps its body: what comes once only, costs
 * no memory. */
static void
empty_line(struct importer *im, const char *p)
{
	struct stack *s = NULL;

	if (im->state == IN_SAMPLE && im->body.n > 0 && p == im->body.p + im->body.n &&
	    im->body_events == events(im)) {
		s = stack_intern(im);
		if (s->again && !s->has_body)
			body_keep(im, s);
	}
	im->line_number++;
	sample_end_as(im, s);
}

/* All whole lines in p..end; returns where the first that is not whole begins. */
static const char *
take(struct importer *im, const char *p, const char *end)
{
	const char *q;
	uint32_t before;

	im->scanned = p;
	while (p < end) {
		if (*p == '\n') {
			empty_line(im, p);
			p++;
			continue;
		}
		if (im->ahead.n > 0 && p == im->ahead.p && im->state == IN_SAMPLE && im->ids == 0 &&
		    !im->cut && (q = body_take(im)) != NULL) {
			p = q;
			continue;
		}
		if (im->last != NONE && (q = guess(im, p, end)) != NULL) {
			p = q;
			continue;
		}
		q = memchr(p, '\n', (size_t)(end - p));
		if (q == NULL)
			break;
		im->line_number++;
		if (im->state == OUTSIDE || !is_blank(*p))
			body_look(im, q + 1, end);
		before = im->last;
		im->last = NONE;
		line_take(im, p, (size_t)(q + 1 - p));
		if (before != NONE && im->last != NONE) {
			struct line *l = line_at(im, before);

			l->guess[1] = l->guess[0];
			l->guess[0] = im->last;
		}
		p = q + 1;
	}
	im->body.n = im->ahead.n = 0; /* the buffer moves */
	return p;
}

/* Waits for input, and lets out what is ready before it does. */
static ssize_t
fill(struct importer *im, int fd, char *p, size_t n)
{
	while (io_wait(fd, 0) == 0) {
		int due = trace_writer_due(im->w);

		if (due < 0) {
			io_wait(fd, -1);
			break;
		}
		if (due > 0 && io_wait(fd, due) > 0)
			break;
		trace_flush(im->w);
	}
	return io_read(fd, p, n);
}

/* The end of the input: a last line without newline is used where it is whole. */
static void
finish(struct importer *im, const char *p, size_t n)
{
	struct perf_script_stats *stats = im->stats;
	struct trace_field f[] = { { SLICE("tool"), TRACE_STR }, { SLICE("made"), TRACE_INT },
		{ SLICE("lost"), TRACE_INT } };
	union trace_value v[3];

	if (n > 0) {
		struct buf last = BUF_INIT;
		size_t ids = im->ids;

		buf_put(&last, p, n);
		buf_char(&last, '\n');
		im->line_number++;
		/* A frame or a header that was cut in the middle says something else than it did. */
		if (im->state == IN_SAMPLE && is_blank(p[0])) {
			if (p[n - 1] == ')' || (n > 1 && p[n - 1] == '\r'))
				line_take(im, last.p, last.n);
			if (im->ids == ids)
				bad_line(im, p, n);
		} else {
			bad_line(im, p, n);
			sample_end(im);
		}
		stats->truncated = true;
		buf_free(&last);
	}
	if (im->state == IN_SAMPLE && im->ids > 0 && im->last != NONE)
		stats->truncated = true;
	sample_end(im);
	start(im);
	put_lost(im, 0, 0, stats->bad_lines, SLICE("bad-line"));
	put_lost(im, 0, 0, im->trace_errors, SLICE("trace-error"));
	put_lost(im, 0, 0, im->stack_cuts, SLICE("stack-cut"));
	put_lost(im, 0, 0, stats->truncated, SLICE("truncated"));
	v[0].s = SLICE("perf-script");
	v[1].i = (int64_t)stats->samples;
	v[2].i = (int64_t)stats->lost;
	trace_put(im->w, trace_writer_shape(im->w, SLICE("end"), f, 3), v);
}

static int
import(struct importer *im, int fd, const struct perf_script_options *o, struct error *e)
{
	size_t cap = o->head.n + LINE_MAX_BYTES + READ_SIZE, n = o->head.n;
	char *buf = xmalloc(cap);
	uint64_t told = 0;
	bool skip = false;
	int r = 0;

	if (n > 0)
		memcpy(buf, o->head.p, n);
	im->stats->bytes = n;
	for (;;) {
		const char *rest = take(im, buf, buf + n);
		ssize_t got;

		n = (size_t)(buf + n - rest);
		memmove(buf, rest, n);
		if (n >= LINE_MAX_BYTES) {
			/* Nothing that perf prints is that long. */
			if (!skip) {
				sample_end(im);
				bad_line(im, buf, n);
				im->state = IN_BAD;
			}
			skip = true;
			n = 0;
		}
		if (trace_writer_error(im->w) != NULL && *trace_writer_error(im->w)) {
			r = error_set(e, "%s", trace_writer_error(im->w));
			break;
		}
		if (o->progress != NULL && im->stats->bytes - told >= 1 << 20) {
			told = im->stats->bytes;
			o->progress(im->stats->samples, told, o->context);
		}
		got = fill(im, fd, buf + n, READ_SIZE);
		if (got < 0) {
			r = error_set(e, "%s", strerror(errno));
			break;
		}
		if (got == 0)
			break;
		im->stats->bytes += (size_t)got;
		if (skip) {
			char *nl = memchr(buf, '\n', (size_t)got);
			size_t gone = nl == NULL ? (size_t)got : (size_t)(nl + 1 - buf);

			memmove(buf, buf + gone, (size_t)got - gone);
			got -= (ssize_t)gone;
			skip = nl == NULL;
			im->line_number += nl != NULL;
		}
		n += (size_t)got;
	}
	finish(im, buf, n);
	free(buf);
	return r;
}

int
perf_script_import(int fd, struct trace_writer *w, const struct perf_script_options *options,
    struct perf_script_stats *stats, struct error *e)
{
	struct perf_script_options o =
	    options == NULL ? (struct perf_script_options){ 0 } : *options;
	struct importer *im = xcalloc(1, sizeof *im);
	int r;

	*stats = (struct perf_script_stats){ 0 };
	im->w = w;
	im->stats = stats;
	im->memory = o.memory ? o.memory : MEMORY_DEFAULT;
	im->pool = pool_new(im->memory + POOL_MORE);
	im->last = NONE;
	io_enlarge_pipe(fd);
	r = import(im, fd, &o, e);
	arena_free(&im->arena);
	hash_free(&im->line_set);
	hash_free(&im->name_set);
	hash_free(&im->stack_set);
	hash_free(&im->body_set);
	free(im->pool);
	free(im->frame);
	free(im->name);
	free(im->id);
	free(im->once);
	buf_free(&im->header_text);
	for (unsigned i = 0; i < PREFIXES; i++)
		buf_free(&im->prefix[i].text);
	buf_free(&im->event);
	buf_free(&im->host);
	buf_free(&im->arch);
	buf_free(&im->release);
	buf_free(&im->argv);
	free(im);
	return r;
}

bool
perf_script_is(struct slice start)
{
	struct header h = { 0 };
	const char *prefix;

	for (unsigned lines = 0; start.n > 0 && lines < 200; lines++) {
		bool whole = memchr(start.p, '\n', start.n) != NULL;
		struct slice s = slice_cut(&start, '\n');

		if (s.n == 0 || s.p[0] == '#')
			continue;
		return (whole || lines == 0) &&
		       (header_parse(s, &h, true, &prefix) ||
			   (!is_blank(s.p[0]) && header_parse(s, &h, false, &prefix)));
	}
	return false;
}
