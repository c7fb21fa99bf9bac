#include "form/perf_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/io.h"
#include "form/perf_event.h"

enum {
	CHUNK = 256 * 1024,
	MEMORY = 512 * 1024 * 1024,
	FILE_HEADER = 104,
	PIPE_HEADER = 16,
	MAX_STACK = 127,             /* kernel.perf_event_max_stack, as the file does not say it */
	MISC_BUILD_ID_SIZE = 1 << 15 /* the record says how long its build id is */
};

/* Records that perf adds to the kernel's. */
enum {
	USER_FIRST = 64,
	HEADER_ATTR = 64,
	TRACING_DATA = 66,
	BUILD_ID = 67,
	FINISHED_ROUND = 68,
	ID_INDEX = 69,
	AUXTRACE = 71,
	AUXTRACE_ERROR = 72,
	EVENT_UPDATE = 78,
	HEADER_FEATURE = 80,
	COMPRESSED = 81,
	COMPRESSED2 = 83,
	USER_LAST = 84
};

enum {
	FEATURE_TRACING_DATA = 1,
	FEATURE_BUILD_ID = 2,
	FEATURE_HOSTNAME = 3,
	FEATURE_OSRELEASE = 4,
	FEATURE_VERSION = 5,
	FEATURE_ARCH = 6,
	FEATURE_CMDLINE = 11,
	FEATURE_EVENT_DESC = 12,
	FEATURE_CLOCK_DATA = 29,
	FEATURES = 256
};

struct section {
	uint64_t at, size;
};

/* A piece of the input, whose records are used in place; it can be filled anew when nobody waits for one of them. */
struct chunk {
	char *p;
	uint32_t users;
};

struct entry {
	uint64_t time;
	uint32_t chunk, at;
};

/* Bytes that become records: those of the input, and those that were compressed in it. */
struct feed {
	bool open; /* has a chunk */
	uint32_t chunk;
	size_t at, end;
	uint64_t offset; /* of `at` in the input */
};

struct import {
	int fd;
	bool regular;
	uint64_t base; /* where the file starts, from the start of fd */
	uint64_t size; /* of the file, where it is regular */
	struct slice head;
	uint64_t unread; /* bytes that may still be read as records */
	bool unfinished; /* perf never said how long the data is */
	struct trace_writer *w;
	const struct perf_data_options *options;
	struct perf_data_stats *stats;
	struct error *e;
	struct perf_event_sink *sink;
	uint64_t told; /* bytes at the last call of progress() */

	struct chunk *chunk;
	size_t chunks, chunk_cap;
	uint32_t *spare;
	size_t spares, spare_cap;
	struct feed raw, unpacked;
	ZSTD_DStream *zstd;

	struct entry *entry, *merge;
	size_t entries, entry_cap, merge_cap;
	size_t *run; /* where ascending runs of entries begin */
	size_t run_cap;
	size_t waiting; /* bytes of the entries' records */
	uint64_t newest, next_flush, flushed;

	bool started;
	struct slice host, release, version, arch;
	struct slice *argv;
	uint32_t argc;
	bool has_clock;
	uint64_t wall_ns, clock_ns;
	uint32_t clock_id;
	int own_clock;        /* clockid of the events; -1: perf's own */
	struct buf build_ids; /* records, until the start is written */
	struct buf *kept;     /* what slices above point into */
	size_t keeps, kept_cap;

	struct perf_format **format;
	size_t formats, format_cap;
	struct perf_event_attr *attr;
	bool *named;
	size_t attrs, attr_cap, named_cap;

	struct section *early; /* damage of before the start */
	size_t earlies, early_cap;
	uint64_t made; /* records, beside those of the sink */
	uint64_t aux, ring_full, told_lost;
};

bool
perf_data_is(struct slice start)
{
	return start.n >= 8 &&
	       (memcmp(start.p, "PERFILE2", 8) == 0 || memcmp(start.p, "2ELIFREP", 8) == 0 ||
		   memcmp(start.p, "PERFFILE", 8) == 0);
}

/* Damage and loss. */

static void
put_lost(struct import *m, const char *why, uint64_t from, uint64_t to)
{
	const struct trace_field f[] = { { SLICE("n"), TRACE_INT }, { SLICE("why"), TRACE_STR },
		{ SLICE("from"), TRACE_INT }, { SLICE("to"), TRACE_INT } };
	const union trace_value v[] = { { .i = 1 }, { .s = slice_of(why) }, { .i = (int64_t)from },
		{ .i = (int64_t)to } };

	m->stats->lost++;
	trace_put(m->w, trace_writer_shape(m->w, SLICE("lost"), f, 4), v);
}

/* Tells of a damaged range, as soon as the trace has its start. */
static void
damaged(struct import *m, uint64_t from, uint64_t to, const char *what)
{
	if (m->stats->damaged++ == 0 && !m->stats->truncated)
		error_set(&m->stats->first, "@%llu: %s", (unsigned long long)from, what);
	if (m->started) {
		put_lost(m, "damaged", from, to);
		return;
	}
	GROW(m->early, m->early_cap, m->earlies);
	m->early[m->earlies++] = (struct section){ from, to - from };
}

static int start(struct import *m);

static void
truncated(struct import *m, uint64_t at, const char *what)
{
	if (!m->stats->truncated && m->stats->damaged == 0)
		error_set(&m->stats->first, "@%llu: %s", (unsigned long long)at, what);
	m->stats->truncated = true;
	if (start(m) == 0)
		put_lost(m, "truncated", at, at);
}

/* Parts of the header, from bytes. */

static int
take_u32(struct slice *s, uint32_t *v)
{
	if (s->n < 4)
		return -1;
	*v = load32(s->p);
	*s = (struct slice){ s->p + 4, s->n - 4 };
	return 0;
}

static int
take_u64(struct slice *s, uint64_t *v)
{
	if (s->n < 8)
		return -1;
	*v = load64(s->p);
	*s = (struct slice){ s->p + 8, s->n - 8 };
	return 0;
}

static int
take_bytes(struct slice *s, uint64_t n, struct slice *out)
{
	if (n > s->n)
		return -1;
	*out = (struct slice){ s->p, n };
	*s = (struct slice){ s->p + n, s->n - n };
	return 0;
}

/* A NUL-terminated string inside of s. */
static struct slice
c_string(struct slice s)
{
	return (struct slice){ s.p, s.n ? strnlen(s.p, s.n) : 0 };
}

/* A string of the header: its padded length, and its bytes. */
static int
take_string(struct slice *s, struct slice *out)
{
	uint32_t n;

	if (take_u32(s, &n) < 0 || take_bytes(s, n, out) < 0)
		return -1;
	*out = c_string(*out);
	return 0;
}

/* A copy that lives as long as the import. */
static struct slice
keep(struct import *m, struct slice s)
{
	GROW(m->kept, m->kept_cap, m->keeps);
	m->kept[m->keeps] = BUF_INIT;
	buf_slice(&m->kept[m->keeps], s);
	return buf_view(&m->kept[m->keeps++]);
}

/* Tracepoint formats. */

static void
add_format(struct import *m, struct slice system, struct slice text)
{
	struct perf_format *f = xcalloc(1, sizeof *f);

	if (perf_format_parse(f, system, text, NULL) < 0) {
		free(f);
		return;
	}
	GROW(m->format, m->format_cap, m->formats);
	m->format[m->formats++] = f;
}

static int
take_c_string(struct slice *s, struct slice *out)
{
	*out = c_string(*s);
	if (out->n == s->n)
		return -1;
	*s = (struct slice){ s->p + out->n + 1, s->n - out->n - 1 };
	return 0;
}

/* A page of text, with its size in 8 bytes. */
static int
take_page(struct slice *s, struct slice *out)
{
	uint64_t n;

	return take_u64(s, &n) < 0 ? -1 : take_bytes(s, n, out);
}

/* What trace-cmd(5) calls the initial part of trace.dat. */
static int
read_tracing_data(struct import *m, struct slice s)
{
	struct slice x, system;
	uint32_t n, count;

	if (!slice_starts(s, SLICE("\x17\x08\x44tracing")))
		return -1;
	s = (struct slice){ s.p + 10, s.n - 10 };
	/* Version; byte order, size of a long, page size. */
	if (take_c_string(&s, &x) < 0 || take_bytes(&s, 6, &x) < 0)
		return -1;
	for (int i = 0; i < 2; i++) /* header_page, header_event */
		if (take_c_string(&s, &x) < 0 || take_page(&s, &x) < 0)
			return -1;
	if (take_u32(&s, &n) < 0)
		return -1;
	while (n-- > 0) /* ftrace's own */
		if (take_page(&s, &x) < 0)
			return -1;
	if (take_u32(&s, &n) < 0)
		return -1;
	while (n-- > 0) {
		if (take_c_string(&s, &system) < 0 || take_u32(&s, &count) < 0)
			return -1;
		while (count-- > 0) {
			if (take_page(&s, &x) < 0)
				return -1;
			add_format(m, system, x);
		}
	}
	return 0; /* kallsyms, printk formats and command lines follow */
}

/* Gives event n its format, and a name where it has none. */
static void
use_format(struct import *m, unsigned n)
{
	if (m->attr[n].type != PERF_TYPE_TRACEPOINT)
		return;
	for (size_t i = 0; i < m->formats; i++) {
		const struct perf_format *f = m->format[i];
		struct buf name = BUF_INIT;

		if (f->id != m->attr[n].config)
			continue;
		perf_event_format(m->sink, n, f);
		if (!m->named[n]) {
			buf_printf(&name, "%.*s:%.*s", SLICE_ARG(f->system), SLICE_ARG(f->name));
			perf_event_rename(m->sink, n, buf_view(&name));
			buf_free(&name);
		}
		return;
	}
}

/* Events. */

static int
add_event(struct import *m, const struct perf_event_attr *attr)
{
	int n = perf_event_add(m->sink, attr, SLICE(""), NULL, m->e);

	if (n < 0)
		return -1;
	GROW(m->attr, m->attr_cap, m->attrs);
	GROW(m->named, m->named_cap, m->attrs);
	m->attr[m->attrs] = *attr;
	m->named[m->attrs++] = false;
	if (n == 0)
		m->own_clock = attr->use_clockid ? attr->clockid : -1;
	use_format(m, (unsigned)n);
	return n;
}

static void
name_event(struct import *m, unsigned n, struct slice name)
{
	if (name.n == 0)
		return;
	perf_event_rename(m->sink, n, name);
	m->named[n] = true;
}

static int
read_event_desc(struct import *m, struct slice s)
{
	uint32_t n, attr_size, ids;

	if (take_u32(&s, &n) < 0 || take_u32(&s, &attr_size) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		struct slice x, name, list;
		uint64_t id;
		int event = -1;

		if (take_bytes(&s, attr_size, &x) < 0 || take_u32(&s, &ids) < 0 ||
		    take_string(&s, &name) < 0 || take_bytes(&s, 8ull * ids, &list) < 0)
			return -1;
		if (take_u64(&list, &id) == 0)
			event = perf_event_of(m->sink, id);
		if (event < 0 && i < m->attrs)
			event = (int)i;
		if (event >= 0)
			name_event(m, (unsigned)event, name);
	}
	return 0;
}

/* The object that a build id record tells of. */
static int
put_build_id(struct import *m, const char *p, size_t n, uint16_t misc)
{
	const struct trace_field f[] = { { SLICE("path"), TRACE_STR },
		{ SLICE("buildid"), TRACE_BYTES } };
	union trace_value v[2];
	size_t size = 20;

	if (n < 36)
		return -1;
	if (misc & MISC_BUILD_ID_SIZE && (unsigned char)p[32] <= 20)
		size = (unsigned char)p[32];
	v[0].s = c_string((struct slice){ p + 36, n - 36 });
	v[1].s = (struct slice){ p + 12, size };
	if (slice_starts(v[0].s, SLICE("[kernel.kallsyms]")))
		v[0].s = SLICE("[kernel.kallsyms]");
	m->made++;
	return trace_put(m->w, trace_writer_shape(m->w, SLICE("object"), f, 2), v);
}

static int
read_build_ids(struct import *m, struct slice s)
{
	int result = 0;

	while (s.n >= 8) {
		size_t n = load16(s.p + 6);

		if (n < 36 || n > s.n)
			return -1;
		put_build_id(m, s.p, n, load16(s.p + 4));
		s = (struct slice){ s.p + n, s.n - n };
	}
	return s.n ? -1 : result;
}

static int
read_cmdline(struct import *m, struct slice s)
{
	size_t cap = 0;
	uint32_t n;

	if (take_u32(&s, &n) < 0)
		return -1;
	for (m->argc = 0; m->argc < n; m->argc++) {
		struct slice x;

		if (take_string(&s, &x) < 0)
			return -1;
		if (m->argc == 0) {
			free(m->argv);
			m->argv = NULL;
		}
		GROW(m->argv, cap, m->argc);
		m->argv[m->argc] = keep(m, x);
	}
	return 0;
}

static int
read_clock_data(struct import *m, struct slice s)
{
	uint32_t version;

	if (take_u32(&s, &version) < 0 || version != 1 || take_u32(&s, &m->clock_id) < 0 ||
	    take_u64(&s, &m->wall_ns) < 0 || take_u64(&s, &m->clock_ns) < 0 || m->wall_ns >> 63 ||
	    m->clock_ns >> 63)
		return -1;
	m->has_clock = true;
	return 0;
}

/* -1 where it is damaged. */
static int
read_feature(struct import *m, unsigned number, struct slice s)
{
	struct slice x, *to = NULL;

	switch (number) {
	case FEATURE_TRACING_DATA:
		if (read_tracing_data(m, s) < 0)
			return -1;
		for (unsigned i = 0; i < m->attrs; i++)
			use_format(m, i);
		return 0;
	case FEATURE_BUILD_ID:
		buf_slice(&m->build_ids, s);
		return 0;
	case FEATURE_HOSTNAME:
		to = &m->host;
		break;
	case FEATURE_OSRELEASE:
		to = &m->release;
		break;
	case FEATURE_VERSION:
		to = &m->version;
		break;
	case FEATURE_ARCH:
		to = &m->arch;
		break;
	case FEATURE_CMDLINE:
		return read_cmdline(m, s);
	case FEATURE_EVENT_DESC:
		return read_event_desc(m, s);
	case FEATURE_CLOCK_DATA:
		return read_clock_data(m, s);
	default:
		return 0; /* of no use in a trace */
	}
	if (take_string(&s, &x) < 0)
		return -1;
	*to = keep(m, x);
	if (number == FEATURE_ARCH)
		perf_event_machine(m->sink, perf_machine_of(*to));
	return 0;
}

/* The start of the trace. */

static struct slice
clock_name(int id)
{
	switch (id) {
	case 0:
		return SLICE("realtime");
	case 1:
		return SLICE("monotonic");
	case 4:
		return SLICE("monotonic_raw");
	case 7:
		return SLICE("boottime");
	case 11:
		return SLICE("tai");
	default:
		return SLICE("perf");
	}
}

static void
add_str(
    struct trace_field *f, union trace_value *v, unsigned *n, struct slice name, struct slice value)
{
	if (value.n == 0)
		return;
	f[*n] = (struct trace_field){ name, TRACE_STR };
	v[(*n)++].s = value;
}

static void
put_clock(struct import *m)
{
	struct slice name = clock_name((int)m->clock_id);
	struct trace_field f[3] = { { SLICE("t"), TRACE_INT }, { name, TRACE_INT },
		{ SLICE("realtime"), TRACE_INT } };
	union trace_value v[3] = { { .i = (int64_t)m->clock_ns }, { .i = (int64_t)m->clock_ns },
		{ .i = (int64_t)m->wall_ns } };
	unsigned n = slice_eq(name, SLICE("realtime")) ? 2 : 3;

	/* A clock of another kind than that of the events says nothing of t. */
	if (m->own_clock != (int)m->clock_id)
		return;
	m->made++;
	trace_put(m->w, trace_writer_shape(m->w, SLICE("clock"), f, n), v);
}

/* Writes what leads the trace, once. */
static int
start(struct import *m)
{
	struct trace_field f[8];
	union trace_value v[8];
	unsigned n = 0;

	if (m->started)
		return 0;
	m->started = true;
	add_str(f, v, &n, SLICE("tool"), SLICE("perf"));
	add_str(f, v, &n, SLICE("version"), m->version);
	add_str(f, v, &n, SLICE("clock"), clock_name(m->own_clock));
	add_str(f, v, &n, SLICE("host"), m->host);
	add_str(f, v, &n, SLICE("arch"), m->arch);
	add_str(f, v, &n, SLICE("release"), m->release);
	if (m->argc > 0) {
		f[n] = (struct trace_field){ SLICE("argv"), TRACE_STRS };
		v[n++].list = (struct trace_list){ .s = m->argv, .n = m->argc };
	}
	if (trace_put(m->w, trace_writer_shape(m->w, SLICE("start"), f, n), v) < 0)
		return -1;
	if (m->has_clock)
		put_clock(m);
	if (read_build_ids(m, buf_view(&m->build_ids)) < 0)
		damaged(m, 0, 0, "the table of build ids is damaged");
	buf_free(&m->build_ids);
	for (size_t i = 0; i < m->earlies; i++)
		put_lost(m, "damaged", m->early[i].at, m->early[i].at + m->early[i].size);
	return 0;
}

/* Chunks. */

static uint32_t
chunk_new(struct import *m)
{
	uint32_t c;

	if (m->spares > 0) {
		c = m->spare[--m->spares];
	} else {
		GROW(m->chunk, m->chunk_cap, m->chunks);
		c = (uint32_t)m->chunks++;
		m->chunk[c].p = xmalloc(CHUNK);
	}
	m->chunk[c].users = 1;
	return c;
}

static void
chunk_release(struct import *m, uint32_t c)
{
	if (--m->chunk[c].users > 0)
		return;
	GROW(m->spare, m->spare_cap, m->spares);
	m->spare[m->spares++] = c;
}

static const char *
feed_bytes(const struct import *m, const struct feed *f)
{
	return m->chunk[f->chunk].p + f->at;
}

/* Goes on in a new chunk, with what is left of the old one at its start. */
static void
feed_renew(struct import *m, struct feed *f)
{
	uint32_t c = chunk_new(m);
	size_t n = f->end - f->at;

	if (f->open) {
		memcpy(m->chunk[c].p, feed_bytes(m, f), n);
		chunk_release(m, f->chunk);
	}
	f->open = true;
	f->chunk = c;
	f->at = 0;
	f->end = n;
}

static void
feed_skip(struct feed *f, size_t n)
{
	f->at += n;
	f->offset += n;
}

/* Reads the input: at most n bytes, 0 at its end. While it waits, what was written is let out in time. */
static ssize_t
read_input(struct import *m, char *p, size_t n)
{
	ssize_t got;

	if (n > m->unread)
		n = (size_t)m->unread;
	if (n == 0)
		return 0;
	if (m->head.n > 0) {
		n = n < m->head.n ? n : m->head.n;
		memcpy(p, m->head.p, n);
		m->head = (struct slice){ m->head.p + n, m->head.n - n };
		got = (ssize_t)n;
	} else {
		while (!m->regular) {
			int due = trace_writer_due(m->w);

			if (due < 0 || io_wait(m->fd, due) != 0)
				break;
			if (trace_flush(m->w) < 0)
				return error_set(m->e, "%s", trace_writer_error(m->w));
		}
		got = io_read(m->fd, p, n);
		if (got < 0)
			return error_set(m->e, "read: %s", strerror(errno));
	}
	m->unread -= (uint64_t)got;
	m->stats->bytes += (uint64_t)got;
	if (m->options && m->options->progress && m->stats->bytes - m->told >= 1 << 20) {
		m->told = m->stats->bytes;
		m->options->progress(m->stats->records, m->told, m->options->context);
	}
	return got;
}

/* Sees to n bytes (<= 64 KiB) in one piece: 1, 0 where the input ends before, -1. */
static int
feed_need(struct import *m, struct feed *f, size_t n)
{
	while (f->end - f->at < n || !f->open) {
		ssize_t got;

		if (!f->open || CHUNK - f->at < n)
			feed_renew(m, f);
		got = read_input(m, m->chunk[f->chunk].p + f->end, CHUNK - f->end);
		if (got <= 0)
			return (int)got;
		f->end += (size_t)got;
	}
	return 1;
}

/* Copies n bytes of the input, whatever their number, to `to` (or nowhere): 1, 0 where it ends before, -1. */
static int
feed_take(struct import *m, struct feed *f, uint64_t n, struct buf *to)
{
	while (n > 0) {
		size_t have = f->end - f->at;
		int got;

		if (have == 0) {
			if (!to && m->regular && m->head.n == 0 && n > CHUNK && n <= m->unread &&
			    lseek(m->fd, (off_t)n, SEEK_CUR) >= 0) {
				m->unread -= n;
				m->stats->bytes += n;
				f->offset += n;
				return 1;
			}
			got = feed_need(m, f, 1);
			if (got <= 0)
				return got;
			continue;
		}
		if (have > n)
			have = (size_t)n;
		if (to)
			buf_put(to, feed_bytes(m, f), have);
		feed_skip(f, have);
		n -= have;
	}
	return 1;
}

/* Sorting. */

/* Merges two neighbouring runs a..b..c; equal times stay as they came. */
static void
merge(const struct entry *from, struct entry *to, size_t a, size_t b, size_t c)
{
	size_t left = a, right = b;

	for (size_t i = a; i < c; i++)
		if (left < b && (right >= c || from[left].time <= from[right].time))
			to[i] = from[left++];
		else
			to[i] = from[right++];
}

/* A natural merge sort: what the rings of the CPUs gave is sorted already. */
static void
sort_entries(struct import *m)
{
	size_t runs = 0;

	for (size_t i = 0; i < m->entries; i++)
		if (i == 0 || m->entry[i].time < m->entry[i - 1].time) {
			GROW(m->run, m->run_cap, runs + 1);
			m->run[runs++] = i;
		}
	if (runs <= 1)
		return;
	GROW(m->merge, m->merge_cap, m->entry_cap - 1);
	while (runs > 1) {
		struct entry *swap = m->entry;
		size_t cap = m->entry_cap, out = 0;

		m->run[runs] = m->entries;
		for (size_t r = 0; r < runs; r += 2) {
			size_t a = m->run[r], b = m->run[r + 1];
			size_t c = r + 2 <= runs ? m->run[r + 2] : b;

			merge(m->entry, m->merge, a, b, c);
			m->run[out++] = a;
		}
		runs = out;
		m->entry = m->merge;
		m->entry_cap = m->merge_cap;
		m->merge = swap;
		m->merge_cap = cap;
	}
}

/* Lets out what is not later than limit. */
static int
flush(struct import *m, uint64_t limit)
{
	size_t i;

	sort_entries(m);
	for (i = 0; i < m->entries && m->entry[i].time <= limit; i++) {
		const struct entry *x = &m->entry[i];
		const struct perf_event_header *h = (const void *)(m->chunk[x->chunk].p + x->at);

		if (i + 8 < m->entries) {
			const struct entry *next = &m->entry[i + 8];
			const char *p = m->chunk[next->chunk].p + next->at;

			__builtin_prefetch(p);
			__builtin_prefetch(p + 64);
		}
		if (perf_event_put(m->sink, h) < 0)
			return error_set(m->e, "%s", trace_writer_error(m->w));
		m->waiting -= h->size;
		m->flushed = x->time;
		chunk_release(m, x->chunk);
	}
	m->entries -= i;
	if (m->entries > 0)
		memmove(m->entry, m->entry + i, m->entries * sizeof *m->entry);
	if (perf_event_flush(m->sink) < 0)
		return error_set(m->e, "%s", trace_writer_error(m->w));
	return 0;
}

/* Perf took what all rings held: what it had taken the time before is complete. */
static int
finished_round(struct import *m)
{
	int result = flush(m, m->next_flush);

	m->next_flush = m->newest;
	return result;
}

/* Too much waits: the older half goes. */
static int
relieve(struct import *m)
{
	sort_entries(m);
	return flush(m, m->entry[m->entries / 2].time);
}

static int
take_record(struct import *m, struct feed *f, const struct perf_event_header *h)
{
	uint64_t t = perf_event_time(m->sink, h);
	size_t memory = m->options && m->options->memory ? m->options->memory : MEMORY;
	int result = 0;

	m->stats->records++;
	if (start(m) < 0)
		return error_set(m->e, "%s", trace_writer_error(m->w));
	if (h->type == PERF_RECORD_LOST && h->size >= 24) {
		m->ring_full += load64((const char *)h + 16);
	} else if (h->type == PERF_RECORD_LOST_SAMPLES && t == 0 && h->size >= 16) {
		/* Perf's own summary, from counters that have the records of LOST in them, too. */
		m->told_lost += load64((const char *)h + 8);
		return 0;
	}
	if (t == 0)
		result = perf_event_put(m->sink, h);
	else if (t < m->flushed)
		result = perf_event_put_late(m->sink, h);
	if (result < 0)
		return error_set(m->e, "%s", trace_writer_error(m->w));
	if (t == 0 || t < m->flushed)
		return 0;
	GROW(m->entry, m->entry_cap, m->entries);
	m->entry[m->entries++] = (struct entry){ t, f->chunk, (uint32_t)f->at };
	m->chunk[f->chunk].users++;
	m->waiting += h->size;
	if (t > m->newest)
		m->newest = t;
	return m->waiting > memory ? relieve(m) : 0;
}

/* Records of perf itself. */

static int
header_attr(struct import *m, struct slice s)
{
	struct perf_event_attr attr;
	uint64_t id;
	uint32_t size;
	int n;

	if (s.n < 72 || perf_attr_read(&attr, (struct slice){ s.p + 8, s.n - 8 }, NULL) < 0)
		return 1;
	size = load32(s.p + 12);
	if (size < PERF_ATTR_SIZE_VER0)
		size = PERF_ATTR_SIZE_VER0;
	if (size > s.n - 8)
		return 1;
	n = add_event(m, &attr);
	if (n < 0)
		return -1;
	s = (struct slice){ s.p + 8 + size, s.n - 8 - size };
	while (take_u64(&s, &id) == 0)
		perf_event_id(m->sink, id, (unsigned)n);
	return 0;
}

static int
event_update(struct import *m, struct slice s)
{
	uint64_t kind, id;
	int n;

	s = (struct slice){ s.p + 8, s.n - 8 };
	if (take_u64(&s, &kind) < 0 || take_u64(&s, &id) < 0)
		return 1;
	n = perf_event_of(m->sink, id);
	if (kind == 2 && n >= 0) /* the name; others are its unit, scale and CPUs */
		name_event(m, (unsigned)n, c_string(s));
	return 0;
}

static int
id_index(struct import *m, struct slice s)
{
	uint64_t n, id, event;
	struct slice x;

	s = (struct slice){ s.p + 8, s.n - 8 };
	if (take_u64(&s, &n) < 0)
		return 1;
	while (n-- > 0) {
		if (take_u64(&s, &id) < 0 || take_u64(&s, &event) < 0 || take_bytes(&s, 16, &x) < 0)
			return 1;
		if (event < m->attrs && perf_event_of(m->sink, id) < 0)
			perf_event_id(m->sink, id, (unsigned)event);
	}
	return 0;
}

static int read_records(struct import *m, struct feed *f, uint64_t from);

/* A piece of the stream of compressed records. */
static int
compressed(struct import *m, struct slice s, uint64_t offset)
{
	ZSTD_inBuffer in = { s.p, s.n, 0 };
	struct feed *f = &m->unpacked;

	if (!m->zstd) {
		m->zstd = ZSTD_createDStream();
		ZSTD_initDStream(m->zstd);
	}
	for (;;) {
		ZSTD_outBuffer out;
		size_t result;

		if (!f->open || CHUNK - f->end < 4096)
			feed_renew(m, f);
		out = (ZSTD_outBuffer){ m->chunk[f->chunk].p + f->end, CHUNK - f->end, 0 };
		result = ZSTD_decompressStream(m->zstd, &out, &in);
		if (ZSTD_isError(result)) {
			ZSTD_initDStream(m->zstd);
			f->at = f->end;
			return 1;
		}
		f->end += out.pos;
		if (read_records(m, f, offset) < 0)
			return -1;
		if (in.pos == in.size && out.pos < out.size)
			return 0;
	}
}

/* A record that perf put between those of the kernel: 0, 1 where it is damaged, 2 where the input ends, -1. */
static int
user_record(
    struct import *m, struct feed *f, uint32_t type, uint16_t misc, struct slice s, uint64_t offset)
{
	struct buf data = BUF_INIT;
	uint64_t n;
	int result = 0;

	if (f == &m->unpacked && type != FINISHED_ROUND)
		return 1;
	switch (type) {
	case HEADER_ATTR:
		return header_attr(m, s);
	case EVENT_UPDATE:
		return event_update(m, s);
	case ID_INDEX:
		return id_index(m, s);
	case HEADER_FEATURE:
		if (s.n < 16)
			return 1;
		n = load64(s.p + 8);
		if (n >= FEATURES)
			return 0;
		return read_feature(m, (unsigned)n, (struct slice){ s.p + 16, s.n - 16 }) < 0;
	case BUILD_ID:
		if (start(m) < 0)
			return error_set(m->e, "%s", trace_writer_error(m->w));
		return put_build_id(m, s.p, s.n, misc) < 0;
	case FINISHED_ROUND:
		return finished_round(m);
	case COMPRESSED:
		return compressed(m, (struct slice){ s.p + 8, s.n - 8 }, offset);
	case COMPRESSED2: /* its size comes first, and padding last */
		if (s.n < 16 || load64(s.p + 8) > s.n - 16)
			return 1;
		return compressed(m, (struct slice){ s.p + 16, (size_t)load64(s.p + 8) }, offset);
	case TRACING_DATA:
		if (s.n < 12)
			return 1;
		n = load32(s.p + 8);
		feed_skip(f, s.n);
		result = feed_take(m, f, (n + 7) & ~7ull, &data);
		if (result == 1)
			result = read_feature(m, FEATURE_TRACING_DATA,
				     (struct slice){ data.p, (size_t)n }) < 0;
		else
			result = result < 0 ? -1 : 2;
		buf_free(&data);
		return result;
	case AUXTRACE:
		if (s.n < 16)
			return 1;
		n = load64(s.p + 8);
		m->aux++;
		feed_skip(f, s.n);
		result = feed_take(m, f, n, NULL);
		return result == 1 ? 0 : result < 0 ? -1 : 2;
	case AUXTRACE_ERROR:
		perf_event_lost(m->sink, 1, "auxtrace-error");
		return 0;
	default:
		if (type > USER_LAST)
			perf_event_lost(m->sink, 1, "unknown-record");
		else
			m->stats->dropped++;
		return 0;
	}
}

/* All whole records of a feed. Of the input, to its end: 1 where nothing is left over, 0 where the last one is cut. Of
 * compressed ones (`from` is where they stood), as many as are there. -1 for an error. */
static int
read_records(struct import *m, struct feed *f, uint64_t from)
{
	bool input = f == &m->raw;

	for (;;) {
		const struct perf_event_header *h;
		struct perf_event_header head;
		uint64_t offset;
		int result;

		if (input) {
			result = feed_need(m, f, 8);
			if (result <= 0)
				return result < 0 ? -1 : f->at == f->end;
		} else if (f->end - f->at < 8) {
			return 0;
		}
		memcpy(&head, feed_bytes(m, f), sizeof head);
		offset = input ? f->offset : from;
		if (head.size < 8) {
			damaged(m, offset, offset + 8, "a record of less than 8 bytes");
			/* Nobody knows where the next one begins. */
			f->at = f->end;
			m->unread = input ? 0 : m->unread;
			return input ? 1 : 0;
		}
		if (input) {
			result = feed_need(m, f, head.size);
			if (result <= 0)
				return result;
		} else if (f->end - f->at < head.size) {
			return 0;
		}
		/* Behind an odd compressed record, the next stands where its words are not aligned. */
		if (head.type < USER_FIRST && f->at % 8 != 0)
			feed_renew(m, f);
		h = (const void *)feed_bytes(m, f);
		if (head.type < USER_FIRST) {
			if (take_record(m, f, h) < 0)
				return -1;
			feed_skip(f, head.size);
			continue;
		}
		result = user_record(m, f, head.type, head.misc,
		    (struct slice){ (const char *)h, head.size }, offset);
		if (result == 1)
			damaged(m, offset, offset + head.size, "a damaged record of perf");
		else if (result != 0)
			return result == 2 ? 0 : -1;
		if (f->offset == offset || !input)
			feed_skip(f, head.size);
	}
}

/* Files. */

static int
read_at(struct import *m, uint64_t at, uint64_t size, struct buf *to)
{
	buf_free(to);
	if (at > m->size || size > m->size - at)
		return -1;
	buf_room(to, size + 1);
	while (to->n < size) {
		ssize_t got =
		    pread(m->fd, to->p + to->n, size - to->n, (off_t)(m->base + at + to->n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		to->n += (size_t)got;
	}
	return 0;
}

static struct section
load_section(const char *p)
{
	return (struct section){ load64(p), load64(p + 8) };
}

static int
read_attrs(struct import *m, struct section s, uint64_t each)
{
	struct buf table = BUF_INIT, ids = BUF_INIT;
	int result = 0;

	if (each < PERF_ATTR_SIZE_VER0 + 16 || each > 65536 || s.size < each)
		return error_set(m->e, "@%d: a file without events", 16);
	if (read_at(m, s.at, s.size, &table) < 0)
		result = error_set(m->e, "@%llu: the file ends before its table of events",
		    (unsigned long long)s.at);
	for (uint64_t at = 0; result == 0 && at + each <= s.size; at += each) {
		const char *p = table.p + at;
		struct section where = load_section(p + each - 16);
		struct perf_event_attr attr;
		int n;

		if (perf_attr_read(&attr, (struct slice){ p, each - 16 }, NULL) < 0) {
			result = error_set(m->e, "@%llu: an event of a wrong size",
			    (unsigned long long)(s.at + at));
			break;
		}
		n = add_event(m, &attr);
		if (n < 0) {
			result = -1;
			break;
		}
		if (read_at(m, where.at, where.size, &ids) < 0) {
			damaged(m, s.at + at, s.at + at + each, "ids of an event out of the file");
			continue;
		}
		for (size_t i = 0; i + 8 <= ids.n; i += 8)
			perf_event_id(m->sink, load64(ids.p + i), (unsigned)n);
	}
	buf_free(&table);
	buf_free(&ids);
	return result;
}

/* The features behind the data: one section for each bit. */
static void
read_features(struct import *m, const char *bits, uint64_t at)
{
	struct buf table = BUF_INIT, s = BUF_INIT;
	unsigned n = 0, k = 0;

	for (int i = 0; i < FEATURES / 64; i++)
		n += (unsigned)__builtin_popcountll(load64(bits + 8 * i));
	if (read_at(m, at, 16ull * n, &table) < 0) {
		m->stats->truncated = true;
		error_set(&m->stats->first, "@%llu: the file ends before its features",
		    (unsigned long long)m->size);
		buf_free(&table);
		return;
	}
	for (unsigned i = 0; i < FEATURES; i++) {
		struct section where;

		if (!(load64(bits + i / 64 * 8) >> i % 64 & 1))
			continue;
		where = load_section(table.p + 16 * k++);
		if (read_at(m, where.at, where.size, &s) < 0 ||
		    read_feature(m, i, buf_view(&s)) < 0) {
			struct error what;

			error_set(&what, "feature %u of the file is damaged", i);
			damaged(m, where.at, where.at + where.size, what.text);
		}
	}
	buf_free(&table);
	buf_free(&s);
}

static int
read_file(struct import *m, const char *header)
{
	struct section data = load_section(header + 40);
	uint64_t end = data.at + data.size;
	int result;

	if (read_attrs(m, load_section(header + 24), load64(header + 16)) < 0)
		return -1;
	m->unfinished = data.size == 0;
	if (data.at > m->size || end < data.at)
		return error_set(m->e, "@40: the data is said to be at %llu of %llu bytes",
		    (unsigned long long)data.at, (unsigned long long)m->size);
	if (!m->unfinished)
		read_features(m, header + 72, end);
	if (start(m) < 0)
		return error_set(m->e, "%s", trace_writer_error(m->w));
	if (lseek(m->fd, (off_t)(m->base + data.at), SEEK_SET) < 0)
		return error_set(m->e, "seek: %s", strerror(errno));
	m->head = SLICE("");
	m->stats->bytes = data.at;
	m->unread = m->unfinished ? UINT64_MAX : data.size;
	m->raw.offset = data.at;
	result = read_records(m, &m->raw, 0);
	if (result < 0)
		return -1;
	if (m->unfinished)
		truncated(m, m->size, "perf did not finish this file");
	else if (result == 0 || m->unread > 0 || m->stats->truncated)
		truncated(m, m->size < end ? m->size : end, "the file is cut off");
	return 0;
}

static int
read_pipe(struct import *m)
{
	int result = feed_need(m, &m->raw, PIPE_HEADER);

	if (result <= 0)
		return result < 0 ? -1 : error_set(m->e, "@8: the header is cut off");
	feed_skip(&m->raw, PIPE_HEADER);
	result = read_records(m, &m->raw, 0);
	if (result == 0)
		truncated(m, m->stats->bytes, "the last record is cut off");
	return result < 0 ? -1 : 0;
}

/* A copy of what comes from a pipe, in a file without a name. */
static int
spool(struct import *m)
{
	const char *dir = getenv("TMPDIR");
	char *p = xmalloc(CHUNK);
	ssize_t got;
	int fd;

	fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		free(p);
		return error_set(m->e, "no temporary file in %s: %s", dir && *dir ? dir : "/tmp",
		    strerror(errno));
	}
	while ((got = read_input(m, p, CHUNK)) > 0)
		if (io_write(fd, p, (size_t)got) < 0) {
			got = error_set(m->e, "temporary file: %s", strerror(errno));
			break;
		}
	free(p);
	if (got < 0) {
		close(fd);
		return -1;
	}
	m->fd = fd;
	m->regular = true;
	m->base = 0;
	return 0;
}

static int
import(struct import *m)
{
	char header[FILE_HEADER];
	size_t have = 0;
	ssize_t got = 1;
	struct stat st;
	struct buf all = BUF_INIT;
	int result;

	while (have < PIPE_HEADER && got > 0) {
		got = read_input(m, header + have, PIPE_HEADER - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return -1;
	if (have >= 8 && memcmp(header, "2ELIFREP", 8) == 0)
		return error_set(
		    m->e, "@0: from a machine of the other byte order, which is not read");
	if (have >= 8 && memcmp(header, "PERFFILE", 8) == 0)
		return error_set(
		    m->e, "@0: a file of the first version of perf, which is not read");
	if (have < 8 || memcmp(header, "PERFILE2", 8) != 0)
		return error_set(m->e, "@0: no perf.data");
	if (have < PIPE_HEADER)
		return error_set(m->e, "@%zu: the header is cut off", have);
	/* Give the header back. */
	buf_put(&all, header, have);
	buf_slice(&all, m->head);
	m->head = buf_view(&all);
	m->unread = UINT64_MAX;
	m->stats->bytes = 0;
	if (load64(header + 8) == PIPE_HEADER) {
		m->regular = false;
		result = read_pipe(m);
		buf_free(&all);
		return result;
	}
	if (!m->regular && spool(m) < 0) {
		buf_free(&all);
		return -1;
	}
	m->head = SLICE("");
	buf_free(&all);
	if (fstat(m->fd, &st) < 0)
		return error_set(m->e, "stat: %s", strerror(errno));
	m->size = (uint64_t)st.st_size > m->base ? (uint64_t)st.st_size - m->base : 0;
	if (read_at(m, 0, FILE_HEADER, &all) < 0 || load64(header + 8) < FILE_HEADER) {
		buf_free(&all);
		return error_set(m->e, "@8: the header is cut off");
	}
	memcpy(header, all.p, FILE_HEADER);
	buf_free(&all);
	return read_file(m, header);
}

/* What is left at the end of the input. */
static int
finish(struct import *m)
{
	const struct perf_event_books *books = perf_event_books(m->sink);
	const struct trace_field f[] = { { SLICE("tool"), TRACE_STR }, { SLICE("made"), TRACE_INT },
		{ SLICE("dropped"), TRACE_INT }, { SLICE("lost"), TRACE_INT } };
	union trace_value v[4];

	if (start(m) < 0 || flush(m, UINT64_MAX) < 0)
		return -1;
	if (m->told_lost > m->ring_full)
		perf_event_lost(m->sink, m->told_lost - m->ring_full, "lost-samples");
	perf_event_lost(m->sink, m->aux, "auxtrace");
	if (perf_event_flush(m->sink) < 0)
		return -1;
	m->stats->samples = books->samples;
	m->stats->dropped += books->dropped;
	m->stats->lost += books->lost;
	v[0].s = SLICE("perf");
	v[1].i = (int64_t)(books->made + m->made);
	v[2].i = (int64_t)m->stats->dropped;
	v[3].i = (int64_t)m->stats->lost;
	return trace_put(m->w, trace_writer_shape(m->w, SLICE("end"), f, 4), v);
}

static void
import_free(struct import *m)
{
	perf_event_free(m->sink);
	for (size_t i = 0; i < m->chunks; i++)
		free(m->chunk[i].p);
	for (size_t i = 0; i < m->keeps; i++)
		buf_free(&m->kept[i]);
	for (size_t i = 0; i < m->formats; i++) {
		perf_format_free(m->format[i]);
		free(m->format[i]);
	}
	ZSTD_freeDStream(m->zstd);
	buf_free(&m->build_ids);
	free(m->chunk);
	free(m->spare);
	free(m->entry);
	free(m->merge);
	free(m->run);
	free(m->argv);
	free(m->early);
	free(m->kept);
	free(m->format);
	free(m->attr);
	free(m->named);
}

int
perf_data_import(int fd, struct trace_writer *w, const struct perf_data_options *options,
    struct perf_data_stats *stats, struct error *e)
{
	struct import m = { .fd = fd, .w = w, .options = options, .stats = stats, .e = e };
	off_t at = lseek(fd, 0, SEEK_CUR);
	int result;

	*stats = (struct perf_data_stats){ 0 };
	m.head = options ? options->head : SLICE("");
	m.regular = at >= 0;
	m.base = m.regular && (uint64_t)at > m.head.n ? (uint64_t)at - m.head.n : 0;
	m.unread = UINT64_MAX;
	m.own_clock = -1;
	if (!m.regular)
		io_enlarge_pipe(fd);
	m.sink = perf_event_new(w, PERF_MACHINE_UNKNOWN);
	perf_event_max_stack(m.sink, MAX_STACK);
	result = import(&m);
	if (result == 0 && finish(&m) < 0)
		result = error_set(e, "%s", trace_writer_error(w));
	if (m.fd != fd)
		close(m.fd);
	import_free(&m);
	return result;
}
