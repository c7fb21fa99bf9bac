#include "form/heimdallr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/num.h"
#include "form/heimdallr_log.h"
#include "form/perf_data.h"
#include "form/perf_script.h"
#include "trace/reader.h"

#define LATEST INT64_MAX

enum { CHUNK = 1 << 20, FIELDS = 16, SLACK_NS = 5000000, DEFAULT_PID = 1 };

enum { WITH_OP = 1, WITH_STACK = 2, VARIANTS = 4 };

enum { FROM_OP = -1, FROM_PID = -2 }; /* fields of an access that its sample does not have */

/* What becomes of a shape of perf's records. */
struct route {
	enum { NOT_SEEN, PASS, ACCESS } what;
	int t, dur, event;
	int stack;
	unsigned shape[4]; /* of accesses: WITH_OP and WITH_STACK, or not */
	unsigned fields[4];
	int *from[4];
};

struct log_file {
	struct slice name;
	int64_t handler, tid;
};

struct import {
	const char *path;
	struct heimdallr_run *run;
	struct trace_writer *w;
	const struct heimdallr_options *o;
	struct heimdallr_stats *stats;
	struct error *e;
	struct arena arena;
	uint64_t made;

	struct log_file *file;
	size_t files, file_cap;
	struct heimdallr_log log;
	struct slice *lib; /* by number: its path, or p NULL */
	size_t libs;

	/* perf's part, as a trace in a file without a name. */
	int perf; /* -1: none */
	bool text;
	struct slice access; /* name of the file */
	struct slice clock, host, arch, release;
	struct slice *argv;
	uint32_t argc;
	int64_t pid, mapped, exited, first, last; /* on its clock; -1: not there */
	bool has_comm;
	struct route *route;
	size_t routes;
	union trace_value *value;
	size_t value_cap;
	struct slice untold; /* the last event of which nobody knows what it counts */

	int64_t offset, offset_error;
	bool has_offset;
	int64_t begin, end;        /* of everything, in the trace's time */
	uint64_t bad, cut, broken; /* lost here; perf's part tells its own losses */
};

/* ---- records ---- */

struct draft {
	struct trace_field f[FIELDS];
	union trace_value v[FIELDS];
	unsigned n;
};

static void
add(struct draft *d, const char *name, enum trace_kind kind, union trace_value v)
{
	d->f[d->n] = (struct trace_field){ slice_of(name), kind };
	d->v[d->n++] = v;
}

static void
add_int(struct draft *d, const char *name, int64_t v)
{
	add(d, name, TRACE_INT, (union trace_value){ .i = v });
}

static void
add_addr(struct draft *d, const char *name, uint64_t v)
{
	add(d, name, TRACE_ADDR, (union trace_value){ .u = v });
}

static void
add_str(struct draft *d, const char *name, struct slice s)
{
	add(d, name, TRACE_STR, (union trace_value){ .s = s });
}

static void
add_strs(struct draft *d, const char *name, const struct slice *s, uint32_t n)
{
	add(d, name, TRACE_STRS, (union trace_value){ .list = { .s = s, .n = n } });
}

static void
put(struct trace_writer *w, const char *type, const struct draft *d)
{
	trace_put(w, trace_writer_shape(w, slice_of(type), d->f, d->n), d->v);
}

static void
put_stat(struct trace_writer *w, uint64_t *made, int64_t t, const char *section, const char *name,
    int64_t v, const char *unit)
{
	struct draft d = { .n = 0 };

	if (v < 0 && strcmp(section, "run") == 0)
		return;
	add_int(&d, "t", t);
	add_str(&d, "name", slice_of(name));
	add_int(&d, "value", v);
	add_str(&d, "unit", slice_of(unit));
	add_str(&d, "section", slice_of(section));
	put(w, "stat", &d);
	++*made;
}

/* Which run it is: its id follows from what is known of it, so that the same directory is the same run. */
static void
put_run(struct trace_writer *w, uint64_t *made, const struct heimdallr_run *r, bool dry, int64_t t)
{
	static const struct slice factors[] = { SLICE("workload"), SLICE("mode") };
	struct slice levels[] = { r->program, r->mode }, variable;
	struct buf b = BUF_INIT;
	struct draft d = { .n = 0 };
	char id[24], settings[24], hms[32];

	buf_printf(&b, "%.*s %.*s %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
	    SLICE_ARG(r->program), SLICE_ARG(r->mode), dry, r->hms, r->mem, r->cpu, r->freq);
	snprintf(settings, sizeof settings, "%016" PRIx64, hash_xxh64(b.p, b.n, 0));
	buf_printf(&b, "%.*s %.*s %" PRId64 " %" PRId64, SLICE_ARG(r->experiment),
	    SLICE_ARG(r->name), r->usage.wall_ns, r->begin);
	snprintf(id, sizeof id, "%016" PRIx64, hash_xxh64(b.p, b.n, 1));
	buf_free(&b);
	snprintf(hms, sizeof hms, "hms=%" PRId64, r->hms);
	variable = slice_of(hms);
	add_int(&d, "t", t);
	add_str(&d, "name", r->name);
	add_str(&d, "id", slice_of(id));
	add_str(&d, "experiment", r->experiment);
	add_int(&d, "rep", r->rep);
	add_str(&d, "settings", slice_of(settings));
	add_strs(&d, "factors", factors, 2);
	add_strs(&d, "levels", levels, 2);
	if (r->has_mode)
		add_strs(&d, "variables", &variable, 1);
	if (r->command.n > 0)
		add_str(&d, "command", r->command);
	add_int(&d, "dry", dry);
	if (r->has_mode) {
		add_int(&d, "freq", r->freq);
		add_int(&d, "cpu_node", r->cpu);
		add_int(&d, "mem_node", r->mem);
	}
	put(w, "run", &d);
	++*made;
}

static void
put_usage(struct trace_writer *w, uint64_t *made, const struct heimdallr_run *r, int64_t t)
{
	const struct heimdallr_usage *u = &r->usage;

	if (!u->known)
		return;
	put_stat(w, made, t, "run", "wall_ns", u->wall_ns, "ns");
	put_stat(w, made, t, "run", "user_ns", u->user_ns, "ns");
	put_stat(w, made, t, "run", "sys_ns", u->sys_ns, "ns");
	put_stat(w, made, t, "run", "maxrss_bytes", u->maxrss_bytes, "bytes");
	put_stat(w, made, t, "run", "minor_faults", u->minor_faults, "");
	put_stat(w, made, t, "run", "major_faults", u->major_faults, "");
	put_stat(w, made, t, "run", "in_blocks", u->in_blocks, "");
	put_stat(w, made, t, "run", "out_blocks", u->out_blocks, "");
	put_stat(w, made, t, "run", "exit_status", u->exit_status, "");
	put_stat(w, made, t, "run", "signal", u->signal, "");
}

static void
put_lost(struct trace_writer *w, uint64_t n, const char *why)
{
	struct draft d = { .n = 0 };

	if (n == 0)
		return;
	add_int(&d, "n", (int64_t)n);
	add_str(&d, "why", slice_of(why));
	put(w, "lost", &d);
}

static void
put_start(struct trace_writer *w, const struct heimdallr_options *o, const struct import *im)
{
	struct draft d = { .n = 0 };

	add_str(&d, "tool", SLICE("heimdallr"));
	if (o->version.n > 0)
		add_str(&d, "version", o->version);
	add_str(&d, "clock", SLICE("monotonic_raw"));
	if (im && im->host.n > 0)
		add_str(&d, "host", im->host);
	if (im && im->arch.n > 0)
		add_str(&d, "arch", im->arch);
	if (im && im->release.n > 0)
		add_str(&d, "release", im->release);
	if (im && im->argc > 0)
		add_strs(&d, "argv", im->argv, im->argc);
	put(w, "start", &d);
}

static void
put_end(struct trace_writer *w, uint64_t made, uint64_t lost)
{
	struct draft d = { .n = 0 };

	add_str(&d, "tool", SLICE("heimdallr"));
	add_int(&d, "made", (int64_t)made);
	add_int(&d, "lost", (int64_t)lost);
	put(w, "end", &d);
}

/* ---- events ---- */

static bool
is_event(struct slice event, struct slice list)
{
	struct slice one, base = event;

	base = slice_cut(&base, ':');
	while (list.n > 0) {
		one = slice_trim(slice_cut(&list, ','));
		if (one.n > 0 && ((one.n == event.n && strncasecmp(one.p, event.p, one.n) == 0) ||
				     (one.n == base.n && strncasecmp(one.p, base.p, one.n) == 0)))
			return true;
	}
	return false;
}

static bool
has_part(struct slice s, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= s.n; i++)
		if (strncasecmp(s.p + i, part, n) == 0)
			return true;
	return false;
}

static struct slice
unquoted(struct slice s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct slice){ s.p + 1, s.n - 2 };
	return s;
}

/* Raw codes: POWER9's completed loads and stores, Intel's retired loads and stores, and load latency and precise store. */
enum heimdallr_op
heimdallr_event_op(struct slice event, const struct heimdallr_options *o)
{
	static const struct slice loads = SLICE("r4003e,r81d0,r1cd,r01cd"),
				  stores = SLICE("r20016,r82d0,r2cd,r02cd");
	bool read, write;

	event = unquoted(event);
	read = is_event(event, o->reads);
	write = is_event(event, o->writes);
	if (!read && !write) {
		read = is_event(event, loads) || has_part(event, "load") || has_part(event, "_ld_");
		write =
		    is_event(event, stores) || has_part(event, "store") || has_part(event, "_st_");
	}
	if (read == write)
		return HEIMDALLR_UNKNOWN;
	return read ? HEIMDALLR_READ : HEIMDALLR_WRITE;
}

/* ---- what is there ---- */

static bool
log_name(struct slice name, struct log_file *f)
{
	struct slice rest = name, word;

	if (!slice_starts(name, SLICE("alloc_")) || !slice_ends(name, SLICE(".log")))
		return false;
	rest = (struct slice){ name.p + 6, name.n - 10 };
	word = slice_cut(&rest, '_');
	f->name = name;
	return name.n > 10 && num_i64(word, &f->handler) == 0 && num_i64(rest, &f->tid) == 0;
}

static bool
is_access(struct slice name)
{
	return slice_eq(name, SLICE("access.dat")) || slice_eq(name, SLICE("access.txt")) ||
	       slice_eq(name, SLICE("access.script"));
}

bool
heimdallr_is_traced(const char *path)
{
	DIR *dir = opendir(path);
	struct log_file f;
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = log_name(slice_of(entry->d_name), &f) || is_access(slice_of(entry->d_name));
	if (dir)
		closedir(dir);
	return found;
}

static int
by_handler(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;

	return (x->handler > y->handler) - (x->handler < y->handler);
}

static int
look(struct import *im)
{
	DIR *dir = opendir(im->path);
	struct dirent *entry;

	if (dir == NULL)
		return error_set(im->e, "%s: %s", im->path, strerror(errno));
	while ((entry = readdir(dir))) {
		struct slice name = slice_of(entry->d_name);
		struct log_file f;

		if (log_name(name, &f)) {
			GROW(im->file, im->file_cap, im->files);
			f.name = arena_copy(&im->arena, name);
			im->file[im->files++] = f;
		} else if (is_access(name) &&
			   (im->access.n == 0 || slice_cmp(name, im->access) < 0)) {
			im->access = arena_copy(&im->arena, name);
		}
	}
	closedir(dir);
	if (im->files > 0)
		qsort(im->file, im->files, sizeof *im->file, by_handler);
	return 0;
}

static int
open_in(const struct import *im, struct slice name)
{
	struct buf path = BUF_INIT;
	int fd;

	buf_printf(&path, "%s/%.*s", im->path, SLICE_ARG(name));
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	buf_free(&path);
	return fd;
}

/* ---- allocations ---- */

static int
read_logs(struct import *im)
{
	char *chunk = xmalloc(CHUNK);
	uint64_t bytes = 0;
	ssize_t got = 0;

	for (size_t i = 0; i < im->files && got >= 0; i++) {
		int fd = open_in(im, im->file[i].name);

		if (fd < 0) {
			free(chunk);
			return error_set(im->e, "%s/%.*s: %s", im->path,
			    SLICE_ARG(im->file[i].name), strerror(errno));
		}
		heimdallr_log_file(&im->log, im->file[i].name);
		while ((got = io_read(fd, chunk, CHUNK)) > 0) {
			heimdallr_log_feed(&im->log, chunk, (size_t)got);
			bytes += (uint64_t)got;
			if (im->o->progress)
				im->o->progress(im->log.events, bytes, im->o->context);
		}
		heimdallr_log_file_end(&im->log);
		close(fd);
		if (got < 0)
			error_set(im->e, "%s/%.*s: %s", im->path, SLICE_ARG(im->file[i].name),
			    strerror(errno));
	}
	free(chunk);
	if (got < 0)
		return -1;
	heimdallr_log_close(&im->log, im->run->has_end ? im->run->end : LATEST);
	im->bad += im->log.bad;
	im->cut += im->log.cut;
	im->stats->first = im->log.first;
	return 0;
}

/* NUMBER: PATH; without a path it is the program. */
static void
read_maps(struct import *im)
{
	struct slice text, line, rest;
	uint64_t line_number = 0, number;
	int fd = open_in(im, SLICE("maps.log"));
	char *p = NULL;
	size_t n = 0, cap = 0;
	ssize_t got;

	if (fd < 0) {
		if (im->log.tops > 0)
			heimdallr_run_tell(
			    im->run, "maps.log: %s: stacks have no names", strerror(errno));
		return;
	}
	do {
		p = xgrow(p, &cap, n + CHUNK, 1);
		got = io_read(fd, p + n, CHUNK);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	close(fd);
	text = arena_copy(&im->arena, (struct slice){ p, n });
	free(p);
	while (text.n > 0) {
		bool whole = memchr(text.p, '\n', text.n) != NULL;

		line = rest = slice_cut(&text, '\n');
		line_number++;
		if (line.n == 0)
			continue;
		if (!whole || num_u64(slice_cut(&rest, ':'), &number) < 0 ||
		    number >= HEIMDALLR_LIBS || rest.p == line.p) {
			im->cut += !whole;
			im->bad += whole;
			if (im->stats->first.text[0] == '\0')
				error_set(&im->stats->first, "maps.log:%" PRIu64 ": %s",
				    line_number, whole ? "not NUMBER: PATH" : "cut off");
			continue;
		}
		if (number >= im->libs) {
			im->lib = xrealloc(im->lib, number + 1, sizeof *im->lib);
			memset(im->lib + im->libs, 0, (number + 1 - im->libs) * sizeof *im->lib);
			im->libs = number + 1;
		}
		im->lib[number] = slice_trim(rest);
		if (im->lib[number].p == NULL)
			im->lib[number].p = "";
	}
}

/* ---- perf's part ---- */

static int64_t
int_of(const struct trace_record *r, const char *name, int64_t otherwise)
{
	int f = trace_field_of(r->shape, slice_of(name), TRACE_INT);

	return f < 0 ? otherwise : r->value[f].i;
}

static struct slice
str_of(const struct trace_record *r, const char *name)
{
	int f = trace_field_of(r->shape, slice_of(name), TRACE_STR);

	return f < 0 ? (struct slice){ 0 } : r->value[f].s;
}

static int
temporary(struct error *e)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		error_set(
		    e, "no temporary file in %s: %s", dir && *dir ? dir : "/tmp", strerror(errno));
	return fd;
}

/* access.dat into a trace of its own, because what it says is needed before its records are. */
static int
spool(struct import *im)
{
	int fd = open_in(im, im->access), result;
	struct trace_writer *w;
	char head[4096];
	size_t n = 0;
	ssize_t got;
	struct slice start;

	if (fd < 0)
		return error_set(
		    im->e, "%s/%.*s: %s", im->path, SLICE_ARG(im->access), strerror(errno));
	im->perf = temporary(im->e);
	if (im->perf < 0) {
		close(fd);
		return -1;
	}
	while (n < sizeof head && (got = io_read(fd, head + n, sizeof head - n)) > 0)
		n += (size_t)got;
	start = (struct slice){ head, n };
	w = trace_writer_new(im->perf, TRACE_FRAMES, TRACE_RAW);
	if (perf_data_is(start)) {
		struct perf_data_options o = {
			.head = start, .progress = im->o->progress, .context = im->o->context
		};
		struct perf_data_stats st;

		result = perf_data_import(fd, w, &o, &st, im->e);
		im->stats->damaged = st.damaged;
		im->stats->truncated |= st.truncated;
		im->stats->lost += st.lost;
		if (im->stats->first.text[0] == '\0' && st.first.text[0])
			error_set(
			    &im->stats->first, "%.*s%s", SLICE_ARG(im->access), st.first.text);
	} else {
		struct perf_script_options o = {
			.head = start, .progress = im->o->progress, .context = im->o->context
		};
		struct perf_script_stats st;

		im->text = true;
		result = perf_script_import(fd, w, &o, &st, im->e);
		im->stats->bad_lines += st.bad_lines;
		im->stats->truncated |= st.truncated;
		im->stats->lost += st.lost;
		if (im->stats->first.text[0] == '\0' && st.first.text[0])
			error_set(
			    &im->stats->first, "%.*s: %s", SLICE_ARG(im->access), st.first.text);
	}
	close(fd);
	if (trace_writer_close(w, result < 0 ? NULL : im->e) < 0)
		return -1;
	/* What cannot be read at all is a run without accesses, which is told. */
	if (result < 0) {
		heimdallr_run_tell(
		    im->run, "%.*s: %s: there are no accesses", SLICE_ARG(im->access), im->e->text);
		im->stats->damaged++;
		im->broken++;
	}
	return 0;
}

static void
copy_argv(struct import *im, const struct trace_record *r)
{
	int f = trace_field_of(r->shape, SLICE("argv"), TRACE_STRS);

	if (f < 0 || im->argc > 0)
		return;
	im->argc = r->value[f].list.n;
	im->argv = arena_alloc(&im->arena, (im->argc + 1) * sizeof *im->argv);
	for (uint32_t i = 0; i < im->argc; i++)
		im->argv[i] = arena_copy(&im->arena, r->value[f].list.s[i]);
}

/* What is in perf's part that places it in time. */
static void
note_record(struct import *im, const struct trace_record *r)
{
	struct slice type = r->shape->type, path;
	int64_t t = int_of(r, "t", -1), pid = int_of(r, "pid", -1);

	if (slice_eq(type, SLICE("start"))) {
		im->clock = arena_copy(&im->arena, str_of(r, "clock"));
		im->host = arena_copy(&im->arena, str_of(r, "host"));
		im->arch = arena_copy(&im->arena, str_of(r, "arch"));
		im->release = arena_copy(&im->arena, str_of(r, "release"));
		copy_argv(im, r);
	} else if (slice_eq(type, SLICE("mmap"))) {
		path = slice_basename(str_of(r, "path"));
		if (im->mapped < 0 && t >= 0 && slice_starts(path, SLICE("libtracealloc."))) {
			im->mapped = t;
			im->pid = pid;
		}
	} else if (slice_eq(type, SLICE("exit"))) {
		if (pid == im->pid && im->mapped >= 0 && int_of(r, "tid", pid) == pid)
			im->exited = t;
	} else if (slice_eq(type, SLICE("comm"))) {
		im->has_comm = true;
	} else if (slice_eq(type, SLICE("sample")) && t >= 0) {
		if (im->first < 0)
			im->first = t;
		im->last = t;
	}
}

static struct trace_reader *
perf_reader(const struct import *im)
{
	return lseek(im->perf, 0, SEEK_SET) < 0 ? NULL : trace_reader_new(im->perf);
}

static int
survey(struct import *im)
{
	struct trace_reader *in = perf_reader(im);
	struct trace_record r;
	int got;

	if (in == NULL)
		return error_set(im->e, "temporary file: %s", strerror(errno));
	while ((got = trace_next(in, &r)) > 0)
		note_record(im, &r);
	if (got < 0)
		error_set(im->e, "temporary file: %s", trace_reader_error(in));
	trace_reader_free(in);
	return got;
}

/* ---- clocks ---- */

static void
tell_offset(struct import *im, const char *from)
{
	double ms = (double)im->offset * 1e-6, error = (double)im->offset_error * 1e-6;

	heimdallr_run_tell(im->run,
	    "perf's clock is %.3f ms %s that of the allocations, known to %.3f ms from %s: its "
	    "times are moved by that (--offset says otherwise)",
	    ms < 0 ? -ms : ms, ms < 0 ? "behind" : "ahead of", error, from);
}

/* perf's clock minus that of the allocations. */
static void
find_offset(struct import *im)
{
	const struct heimdallr_run *r = im->run;
	int64_t begin, end, low, high;
	bool exact = im->mapped >= 0 && im->exited >= 0;

	im->has_offset = true;
	if (im->o->has_offset) {
		im->offset = im->o->offset;
		return;
	}
	if (slice_eq(im->clock, SLICE("monotonic_raw")))
		return;
	if ((im->log.events == 0 && !(r->has_begin && r->has_end)) || (!exact && im->first < 0)) {
		im->has_offset = false;
		if (im->perf >= 0 && im->log.events > 0 && (im->first >= 0 || exact))
			heimdallr_run_tell(im->run,
			    "nothing says how perf's clock stands to that of the allocations");
		return;
	}
	begin = r->has_begin ? r->begin : im->log.event[0].t;
	end = r->has_end ? r->end : im->log.event[im->log.events - 1].t;
	if (im->log.events > 0 && im->log.event[0].t < begin)
		begin = im->log.event[0].t;
	if (im->log.events > 0 && im->log.event[im->log.events - 1].t > end)
		end = im->log.event[im->log.events - 1].t;
	low = (exact ? im->mapped : im->first) - begin;
	high = (exact ? im->exited : im->last) - end;
	im->offset = low / 2 + high / 2;
	im->offset_error = (high > low ? high - low : low - high) / 2 + 1;
	/* One clock, as perf record -k has it; a sample need not stand at either end of a program. */
	if ((low <= high ? low : high) - (exact ? 0 : SLACK_NS) <= 0 &&
	    (low <= high ? high : low) + (exact ? 0 : SLACK_NS) >= 0) {
		im->offset = 0;
		return;
	}
	tell_offset(
	    im, exact ? "the begin and the end of the process" : "the first and the last sample");
	if (exact && low > high)
		heimdallr_run_tell(im->run, "but the process would have ended before its last "
					    "allocation: are access.dat and the logs of one run?");
}

/* ---- putting together ---- */

static int
field_rank(struct slice name)
{
	static const char *const order[] = { "t", "src", "cpu", "pid", "tid", "event", "op", "addr",
		"size", "weight", "latency", "level", "tlb", "node", "ip", "chain", "stack" };
	int n = sizeof order / sizeof *order;

	for (int i = 0; i < n; i++)
		if (slice_eq(name, slice_of(order[i])))
			return i;
	return n;
}

/* The fields of an access in their order: those of the sample, but for a stack that is empty; op where it is known, and the pid
 * where the sample has none. Names of tasks are said by comm records, but in text. */
static void
route_access(struct import *im, struct route *to, const struct trace_shape *s, unsigned variant)
{
	unsigned n = 0, most = s->fields + 2;
	struct trace_field *f = xcalloc(most, sizeof *f);
	int *from = xcalloc(most, sizeof *from);
	static const struct trace_field op = { SLICE("op"), TRACE_STR },
					pid = { SLICE("pid"), TRACE_INT };

	for (int rank = 0; rank < 18; rank++) {
		if (rank == 3 && trace_field_index(s, SLICE("pid")) < 0) {
			f[n] = pid;
			from[n++] = FROM_PID;
		}
		if (rank == 6 && (variant & WITH_OP)) {
			f[n] = op;
			from[n++] = FROM_OP;
		}
		for (unsigned i = 0; i < s->fields; i++) {
			struct slice name = s->field[i].name;

			if (field_rank(name) != rank || slice_eq(name, op.name) ||
			    (!im->text && slice_eq(name, SLICE("comm"))) ||
			    (!(variant & WITH_STACK) && (slice_eq(name, SLICE("stack")) ||
							    slice_eq(name, SLICE("origin")))))
				continue;
			f[n] = s->field[i];
			from[n++] = (int)i;
		}
	}
	to->shape[variant] = trace_writer_shape(im->w, SLICE("access"), f, n);
	to->fields[variant] = n;
	to->from[variant] = from;
	free(f);
}

static struct route *
route_of(struct import *im, const struct trace_shape *s)
{
	struct route *to;

	if (s->id >= im->routes) {
		size_t n = s->id + 16;

		im->route = xrealloc(im->route, n, sizeof *im->route);
		memset(im->route + im->routes, 0, (n - im->routes) * sizeof *im->route);
		im->routes = n;
	}
	to = &im->route[s->id];
	if (to->what != NOT_SEEN)
		return to;
	to->what = PASS;
	to->t = trace_field_of(s, SLICE("t"), TRACE_INT);
	to->event = trace_field_of(s, SLICE("event"), TRACE_STR);
	if (slice_eq(s->type, SLICE("sample")) &&
	    trace_field_of(s, SLICE("addr"), TRACE_ADDR) >= 0 && to->event >= 0) {
		to->what = ACCESS;
		to->stack = trace_field_of(s, SLICE("stack"), TRACE_STRS);
		for (unsigned i = 0; i < VARIANTS; i++)
			route_access(im, to, s, i);
	}
	return to;
}

static void
untold(struct import *im, struct slice event)
{
	if (slice_eq(event, im->untold))
		return;
	im->untold = arena_copy(&im->arena, event);
	heimdallr_run_tell(im->run,
	    "%.*s: loads or stores? Its accesses have no op (--mem-read or --mem-write says)",
	    SLICE_ARG(event));
}

static void
put_access(struct import *im, const struct route *to, const struct trace_record *r)
{
	static const struct slice letter[] = { SLICE("r"), SLICE("w"), SLICE("") };
	struct slice event = unquoted(r->value[to->event].s);
	enum heimdallr_op op = heimdallr_event_op(event, im->o);
	bool known = op != HEIMDALLR_UNKNOWN;
	unsigned variant = (known ? WITH_OP : 0) |
			   (to->stack >= 0 && r->value[to->stack].list.n > 0 ? WITH_STACK : 0);

	if (!known)
		untold(im, event);
	for (unsigned i = 0; i < to->fields[variant]; i++) {
		int from = to->from[variant][i];

		if (from == FROM_OP)
			im->value[i].s = letter[op];
		else if (from == FROM_PID)
			im->value[i].i = im->pid;
		else
			im->value[i] = r->value[from];
		if (from == to->t && from >= 0)
			im->value[i].i -= im->offset;
		if (from == to->event)
			im->value[i].s = event;
	}
	trace_put(im->w, to->shape[variant], im->value);
	im->made++;
	im->stats->accesses++;
}

/* Anything else as it is, but for its time. */
static void
put_other(struct import *im, const struct route *to, const struct trace_record *r)
{
	unsigned shape =
	    trace_writer_shape(im->w, r->shape->type, r->shape->field, r->shape->fields);

	memcpy(im->value, r->value, r->shape->fields * sizeof *im->value);
	if (to->t >= 0)
		im->value[to->t].i -= im->offset;
	trace_put(im->w, shape, im->value);
	if (slice_eq(r->shape->type, SLICE("lost")))
		return;
	im->made++;
	if (slice_eq(r->shape->type, SLICE("sample")) || slice_eq(r->shape->type, SLICE("event")))
		im->stats->samples++;
	else if (slice_eq(r->shape->type, SLICE("access")))
		im->stats->accesses++;
}

static void
put_perf(struct import *im, const struct trace_record *r)
{
	struct route *to = route_of(im, r->shape);

	/* Its source is this one now, and its clock this one's. */
	if (slice_eq(r->shape->type, SLICE("start")) || slice_eq(r->shape->type, SLICE("end")) ||
	    (slice_eq(r->shape->type, SLICE("clock")) && im->offset != 0))
		return;
	GROW(im->value, im->value_cap, r->shape->fields + 2);
	if (to->what == ACCESS)
		put_access(im, to, r);
	else
		put_other(im, to, r);
}

/* The program and the libraries whose addresses are in stacks. */
static void
put_images(struct import *im, int64_t t)
{
	struct slice program = im->run->command, name;
	struct draft d;

	program = slice_cut(&program, ' ');
	if (!im->has_comm && (program.n > 0 || im->run->program.n > 0)) {
		name = slice_basename(program.n > 0 ? program : im->run->program);
		d = (struct draft){ .n = 0 };
		add_int(&d, "t", t);
		add_int(&d, "pid", im->pid);
		add_int(&d, "tid", im->pid);
		add_str(&d, "name", (struct slice){ name.p, name.n < 15 ? name.n : 15 });
		add_int(&d, "exec", 1);
		put(im->w, "comm", &d);
		im->made++;
	}
	for (size_t i = 0; i < im->log.tops; i++) {
		struct slice path = i < im->libs ? im->lib[i] : (struct slice){ 0 };
		char number[48];

		if (im->log.top[i] == 0)
			continue;
		if (path.p == NULL) {
			snprintf(number, sizeof number, "[library %zu of maps.log]", i);
			path = slice_of(number);
			if (im->libs > 0)
				heimdallr_run_tell(im->run,
				    "maps.log does not have library %zu: its frames have no names",
				    i);
		} else if (path.n == 0) {
			path = program.n > 0 ? program : SLICE("[program]");
		}
		d = (struct draft){ .n = 0 };
		add_int(&d, "t", t);
		add_int(&d, "pid", im->pid);
		add_int(&d, "tid", im->pid);
		add_addr(&d, "addr", HEIMDALLR_LIB + ((uint64_t)i << 32));
		add_int(&d, "size", (int64_t)((im->log.top[i] + 4095) & ~UINT64_C(4095)));
		add_int(&d, "offset", 0);
		add_str(&d, "path", path);
		put(im->w, "mmap", &d);
		im->made++;
	}
}

static void
put_event(struct import *im, const struct heimdallr_event *v)
{
	const struct heimdallr_chain *c = &im->log.chain[v->chain];
	struct draft d = { .n = 0 };

	add_int(&d, "t", v->t);
	add_int(&d, "pid", im->pid);
	add_int(&d, "tid", im->file[v->file].tid);
	add_str(&d, "op", v->end ? SLICE("free") : SLICE("alloc"));
	add_addr(&d, "addr", v->addr);
	add_int(&d, "size", (int64_t)v->size);
	if (c->n > 0)
		add(&d, "chain", TRACE_ADDRS,
		    (union trace_value){ .list = { .u = im->log.item + c->at, .n = c->n } });
	put(im->w, v->end ? "free" : "alloc", &d);
	im->made++;
	if (v->end)
		im->stats->frees++;
	else
		im->stats->allocs++;
}

/* Both in the order of time. */
static int
put_all(struct import *im)
{
	struct trace_reader *in = im->perf < 0 ? NULL : perf_reader(im);
	struct trace_record r;
	size_t next = 0;
	int got = in ? trace_next(in, &r) : 0;
	bool images = false;

	while (got > 0 || next < im->log.events) {
		struct trace_when when = { -1, -1 };
		bool timed;

		if (got > 0)
			when = trace_when(r.shape);
		timed = when.t >= 0 && r.shape->field[when.t].kind == TRACE_INT;
		if (next < im->log.events &&
		    (got <= 0 ||
			(timed && im->log.event[next].t <= r.value[when.t].i - im->offset))) {
			if (!images)
				put_images(im, im->log.event[next].t);
			images = true;
			im->end = im->log.event[next].t;
			put_event(im, &im->log.event[next++]);
		} else {
			if (timed)
				im->end = r.value[when.t].i - im->offset;
			put_perf(im, &r);
			got = trace_next(in, &r);
		}
		if (trace_writer_error(im->w)[0])
			break;
	}
	if (got < 0)
		error_set(im->e, "temporary file: %s", trace_reader_error(in));
	if (in)
		trace_reader_free(in);
	return got < 0 ? -1 : 0;
}

static void
put_own_stats(struct import *im)
{
	static const char section[] = "heimdallr";
	int64_t t = im->end;

	if (im->perf >= 0 && im->has_offset) {
		put_stat(im->w, &im->made, t, section, "clock_offset_ns", im->offset, "ns");
		put_stat(im->w, &im->made, t, section, "clock_error_ns", im->offset_error, "ns");
	}
	if (im->files > 0) {
		put_stat(
		    im->w, &im->made, t, section, "duplicates", (int64_t)im->log.duplicates, "");
		put_stat(
		    im->w, &im->made, t, section, "frees_at_exit", (int64_t)im->log.made_up, "");
		put_stat(im->w, &im->made, t, section, "frees_moved", (int64_t)im->log.moved, "");
	}
}

static int
import(struct import *im)
{
	struct heimdallr_run *r = im->run;
	bool dry;

	if (look(im) < 0 || read_logs(im) < 0)
		return -1;
	im->pid = im->files > 0 ? im->file[0].tid : DEFAULT_PID;
	if (im->access.n > 0 && (spool(im) < 0 || survey(im) < 0))
		return -1;
	find_offset(im);
	dry = im->files == 0 && im->access.n == 0;
	if (!dry && r->has_mode && r->dry && r->freq == 0)
		heimdallr_run_tell(
		    r, "modes.lst calls %.*s dry, but it was traced", SLICE_ARG(r->mode));
	im->begin = LATEST;
	if (im->log.events > 0)
		im->begin = im->log.event[0].t;
	if (im->first >= 0 && im->first - im->offset < im->begin)
		im->begin = im->first - im->offset;
	if (im->mapped >= 0 && im->mapped - im->offset < im->begin)
		im->begin = im->mapped - im->offset;
	if (r->has_begin && r->begin < im->begin)
		im->begin = r->begin;
	if (im->begin == LATEST)
		im->begin = 0;
	im->end = im->begin;
	put_start(im->w, im->o, im);
	if (!im->o->bare)
		put_run(im->w, &im->made, r, dry, im->begin);
	read_maps(im);
	if (put_all(im) < 0)
		return -1;
	if (!im->o->bare)
		put_usage(im->w, &im->made, r, im->end);
	put_own_stats(im);
	put_lost(im->w, im->bad, "bad-line");
	put_lost(im->w, im->cut, "truncated");
	put_lost(im->w, im->broken, "damaged");
	im->stats->bad_lines += im->bad;
	im->stats->truncated |= im->cut > 0;
	im->stats->lost += im->bad + im->cut + im->broken;
	put_end(im->w, im->made, im->stats->lost);
	return trace_writer_error(im->w)[0] ? error_set(im->e, "%s", trace_writer_error(im->w)) : 0;
}

int
heimdallr_import(const char *path, struct heimdallr_run *run, struct trace_writer *w,
    const struct heimdallr_options *o, struct heimdallr_stats *stats, struct error *e)
{
	struct import im = { .path = path,
		.run = run,
		.w = w,
		.o = o,
		.stats = stats,
		.e = e,
		.perf = -1,
		.mapped = -1,
		.exited = -1,
		.first = -1,
		.last = -1 };
	int result;

	*stats = (struct heimdallr_stats){ 0 };
	result = import(&im);
	for (size_t i = 0; i < im.routes; i++)
		for (unsigned k = 0; k < VARIANTS; k++)
			free(im.route[i].from[k]);
	free(im.route);
	free(im.value);
	free(im.file);
	free(im.lib);
	heimdallr_log_free(&im.log);
	arena_free(&im.arena);
	if (im.perf >= 0)
		close(im.perf);
	return result;
}

int
heimdallr_put_run(const struct heimdallr_run *run, bool dry, struct trace_writer *w,
    const struct heimdallr_options *o, struct error *e)
{
	uint64_t made = 0;

	put_start(w, o, NULL);
	put_run(w, &made, run, dry, run->begin);
	put_usage(w, &made, run, run->has_end ? run->end : run->begin);
	put_end(w, made, 0);
	return trace_writer_error(w)[0] ? error_set(e, "%s", trace_writer_error(w)) : 0;
}
