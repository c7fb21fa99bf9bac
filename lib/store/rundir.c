#include "store/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "store/shape.h"
#include "trace/reader.h"

/* Clocks of a clock record that are not the one of t, in the order in which they are looked for. */
struct clocks {
	bool known;
	int64_t t, realtime;
};

static union trace_value
value_of(const struct trace_record *r, const char *name, enum trace_kind *kind)
{
	int f = trace_field_index(r->shape, slice_of(name));

	*kind = f < 0 ? TRACE_KINDS : r->shape->field[f].kind;
	return f < 0 ? (union trace_value){ 0 } : r->value[f];
}

/* The value as text: a level 4 is written as a number in lines, too. */
static struct slice
text_of(struct rundir *d, const struct trace_record *r, const char *name)
{
	enum trace_kind kind;
	union trace_value v = value_of(r, name, &kind);
	struct buf b = BUF_INIT;
	struct slice s;

	if (kind == TRACE_KINDS)
		return (struct slice){ 0 };
	if (kind == TRACE_STR)
		return arena_copy(&d->arena, v.s);
	shape_put_text(&b, kind, v);
	s = arena_copy(&d->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

static bool
int_of(const struct trace_record *r, const char *name, int64_t *n)
{
	enum trace_kind kind;
	union trace_value v = value_of(r, name, &kind);

	if (kind == TRACE_INT || kind == TRACE_BIG)
		*n = v.i;
	return kind == TRACE_INT || kind == TRACE_BIG;
}

/* Items NAME=VALUE, or names in one list and values in another. */
static struct slice
item(struct rundir *d, const struct trace_list *list, enum trace_kind kind, uint32_t i)
{
	char digits[24];

	if (kind == TRACE_STRS)
		return arena_copy(&d->arena, list->s[i]);
	snprintf(
	    digits, sizeof digits, kind == TRACE_INTS ? "%lld" : "0x%llx", (long long)list->i[i]);
	return arena_copy(&d->arena, slice_of(digits));
}

static int
read_factors(struct rundir *d, const struct trace_record *r, struct error *e)
{
	enum trace_kind names, levels;
	union trace_value name = value_of(r, "factors", &names),
			  level = value_of(r, "levels", &levels);

	if (names == TRACE_KINDS && levels == TRACE_KINDS)
		return 0;
	if (names < TRACE_INTS || levels < TRACE_INTS || names == TRACE_KINDS ||
	    levels == TRACE_KINDS || name.list.n != level.list.n)
		return error_set(e, "factors and levels are not two lists of one length");
	d->factor = xcalloc(name.list.n + 1, sizeof *d->factor);
	for (uint32_t i = 0; i < name.list.n; i++)
		d->factor[d->factors++] = (struct rundir_pair){ item(d, &name.list, names, i),
			item(d, &level.list, levels, i) };
	return 0;
}

static void
read_variables(struct rundir *d, const struct trace_record *r)
{
	enum trace_kind kind;
	union trace_value v = value_of(r, "variables", &kind);

	if (kind != TRACE_STRS)
		return;
	d->variable = xcalloc(v.list.n + 1, sizeof *d->variable);
	for (uint32_t i = 0; i < v.list.n; i++) {
		struct slice rest = item(d, &v.list, kind, i), name = slice_cut(&rest, '=');

		d->variable[d->variables++] = (struct rundir_pair){ name, rest };
	}
}

static int
read_run(struct rundir *d, const struct trace_record *r, struct error *e)
{
	static const char *const number[RUNDIR_NUMBERS] = { [RUNDIR_REP] = "rep",
		[RUNDIR_POSITION] = "position",
		[RUNDIR_SEED] = "seed",
		[RUNDIR_FREQ] = "freq",
		[RUNDIR_CPU_NODE] = "cpu_node",
		[RUNDIR_MEM_NODE] = "mem_node",
		[RUNDIR_TIMEOUT] = "timeout_ns",
		[RUNDIR_STARTED] = "t" };
	int64_t dry;

	if (d->uuid.n > 0)
		return error_set(e, "two run records");
	d->name = text_of(d, r, "name");
	d->uuid = text_of(d, r, "id");
	if (d->name.n == 0 || d->uuid.n == 0)
		return error_set(e, "a run record without name and id");
	d->experiment = text_of(d, r, "experiment");
	d->settings = text_of(d, r, "settings");
	d->command = text_of(d, r, "command");
	for (unsigned i = 0; i < RUNDIR_NUMBERS; i++)
		d->has[i] = int_of(r, number[i], &d->number[i]);
	d->dry = int_of(r, "dry", &dry) && dry != 0;
	read_variables(d, r);
	return read_factors(d, r, e);
}

static void
read_value(struct rundir *d, const struct trace_record *r, const char *moment)
{
	struct rundir_value v = { .moment = slice_of(moment) };
	enum trace_kind kind;
	union trace_value x = value_of(r, "value", &kind);

	v.section = text_of(d, r, "section");
	v.name = text_of(d, r, "name");
	v.unit = text_of(d, r, "unit");
	if (kind == TRACE_INT || kind == TRACE_BIG) {
		v.kind = RUNDIR_INT;
		v.i = x.i;
		if (kind == TRACE_BIG) {
			v.kind = RUNDIR_REAL;
			v.real = (double)x.u;
		}
	} else if (kind == TRACE_NUM && !isnan(x.d)) {
		v.kind = RUNDIR_REAL;
		v.real = x.d;
	} else {
		v.kind = RUNDIR_TEXT;
		v.text = text_of(d, r, "value");
	}
	GROW(d->value, d->value_cap, d->values);
	d->value[d->values++] = v;
	if (moment[0])
		return;
	/* A run that ended badly, wherever its directory is. */
	if (slice_eq(v.section, SLICE("run")) && v.kind == RUNDIR_INT && v.i != 0 &&
	    (slice_eq(v.name, SLICE("exit_status")) || slice_eq(v.name, SLICE("signal")) ||
		slice_eq(v.name, SLICE("timed_out"))))
		d->failed = true;
}

static void
read_start(struct rundir *d, const struct trace_record *r)
{
	if (d->host.n > 0)
		return;
	d->host = text_of(d, r, "host");
	d->arch = text_of(d, r, "arch");
	d->release = text_of(d, r, "release");
}

/* run.leat: all of it, or an error. */
static int
read_record(struct rundir *d, const struct trace_record *r, struct clocks *c, struct error *e)
{
	if (slice_eq(r->shape->type, SLICE("start")))
		read_start(d, r);
	else if (slice_eq(r->shape->type, SLICE("clock")))
		c->known =
		    c->known || (int_of(r, "t", &c->t) && int_of(r, "realtime", &c->realtime));
	else if (slice_eq(r->shape->type, SLICE("run")))
		return read_run(d, r, e);
	else if (slice_eq(r->shape->type, SLICE("stat")))
		read_value(d, r, "");
	return 0;
}

static int
open_in(const char *path, const char *file, struct buf *name)
{
	name->n = 0;
	buf_printf(name, "%s/%s", path, file);
	return open(buf_str(name), O_RDONLY | O_CLOEXEC);
}

static int
read_run_file(struct rundir *d, const char *path, struct buf *name, struct error *e)
{
	int fd = open_in(path, "run.leat", name), got, result = 0;
	struct clocks clocks = { 0 };
	struct trace_record r;
	struct trace_reader *in;
	struct error what = { { 0 } }, place;

	if (fd < 0)
		return error_set(e, "%s: %s: no run is there", buf_str(name), strerror(errno));
	in = trace_reader_new(fd);
	while (result == 0 && (got = trace_next(in, &r)) > 0)
		result = read_record(d, &r, &clocks, &what);
	if (result < 0) {
		trace_reader_place(in, &place);
		error_set(e, "%s:%s: %s", buf_str(name), place.text, what.text);
	} else if (got < 0) {
		result = error_set(e, "%s: %s", buf_str(name), trace_reader_error(in));
	} else if (trace_reader_damage(in)->places > 0) {
		result = error_set(e, "%s:%s", buf_str(name), trace_reader_damage(in)->first.text);
	} else if (trace_reader_damage(in)->truncated) {
		result = error_set(e, "%s: it was cut off", buf_str(name));
	} else if (d->uuid.n == 0) {
		result = error_set(e, "%s: it holds no run record", buf_str(name));
	}
	if (clocks.known && d->has[RUNDIR_STARTED])
		d->number[RUNDIR_STARTED] += clocks.realtime - clocks.t;
	else
		d->has[RUNDIR_STARTED] = false;
	trace_reader_free(in);
	close(fd);
	return result;
}

/* before.leat or after.leat, where it is. */
static void
read_machine(struct rundir *d, const char *path, const char *moment, struct buf *name)
{
	struct buf file = BUF_INIT;
	const struct trace_damage *damage;
	struct trace_reader *in;
	struct trace_record r;
	int fd, got;

	buf_printf(&file, "%s.leat", moment);
	fd = open_in(path, buf_str(&file), name);
	buf_free(&file);
	if (fd < 0) {
		if (errno != ENOENT) {
			d->lost++;
			error_set(&d->damage, "%s: %s", buf_str(name), strerror(errno));
		}
		return;
	}
	in = trace_reader_new(fd);
	while ((got = trace_next(in, &r)) > 0)
		if (slice_eq(r.shape->type, SLICE("info")))
			read_value(d, &r, moment);
	damage = trace_reader_damage(in);
	if (got < 0 || damage->places > 0 || damage->truncated) {
		d->lost += damage->lost + (damage->lost == 0);
		if (d->damage.text[0] == '\0')
			error_set(&d->damage, "%s:%s", buf_str(name),
			    got < 0              ? trace_reader_error(in)
			    : damage->places > 0 ? damage->first.text
						 : " it was cut off");
	}
	trace_reader_free(in);
	close(fd);
}

static int
by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int
find_traces(struct rundir *d, const char *path, struct error *e)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return error_set(e, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		struct slice name = slice_of(entry->d_name);

		if (!slice_ends(name, SLICE(".leat")) || slice_eq(name, SLICE("run.leat")) ||
		    slice_eq(name, SLICE("before.leat")) || slice_eq(name, SLICE("after.leat")))
			continue;
		GROW(d->trace, d->trace_cap, d->traces);
		d->trace[d->traces++] = arena_copy(&d->arena, name);
	}
	closedir(dir);
	if (d->traces > 0)
		qsort(d->trace, d->traces, sizeof *d->trace, by_bytes);
	return 0;
}

/* Of failed/NAME.N, N; else 0. */
static uint64_t
attempt_in(struct slice path, struct slice run)
{
	struct slice last = slice_basename(path), above, digits;
	uint64_t n;

	if (last.p == path.p)
		return 0;
	above = slice_basename((struct slice){ path.p, (size_t)(last.p - path.p - 1) });
	if (!slice_eq(above, SLICE("failed")) || !slice_starts(last, run) || last.n < run.n + 2 ||
	    last.p[run.n] != '.')
		return 0;
	digits = (struct slice){ last.p + run.n + 1, last.n - run.n - 1 };
	return num_u64(digits, &n) == 0 ? n : 0;
}

/* From wherever the directory is seen. */
static uint64_t
attempt_of(const char *dir, struct slice run)
{
	char *path = realpath(dir, NULL);
	uint64_t n = path ? attempt_in(slice_of(path), run) : 0;

	free(path);
	return n;
}

int
rundir_read(struct rundir *d, const char *path, struct error *e)
{
	struct slice dir = slice_of(path);
	struct buf name = BUF_INIT;
	int got;

	while (dir.n > 1 && dir.p[dir.n - 1] == '/')
		dir.n--;
	d->dir = arena_copy(&d->arena, dir);
	got = read_run_file(d, d->dir.p, &name, e);
	if (got == 0) {
		d->attempt = attempt_of(d->dir.p, d->name);
		d->failed = d->failed || d->attempt > 0;
		read_machine(d, d->dir.p, "before", &name);
		read_machine(d, d->dir.p, "after", &name);
		got = find_traces(d, d->dir.p, e);
	}
	buf_free(&name);
	return got;
}

void
rundir_free(struct rundir *d)
{
	free(d->factor);
	free(d->variable);
	free(d->value);
	free(d->trace);
	arena_free(&d->arena);
	*d = (struct rundir){ 0 };
}
