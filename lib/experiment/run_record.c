#include "experiment/run_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "experiment/values.h"
#include "sys/clock.h"

enum { FIELDS = 24 };

/* A record that is put together field by field, those that are known. */
struct draft {
	struct trace_field field[FIELDS];
	union trace_value value[FIELDS];
	unsigned n;
};

static void
add(struct draft *d, struct slice name, enum trace_kind kind, union trace_value value)
{
	d->field[d->n] = (struct trace_field){ name, kind };
	d->value[d->n++] = value;
}

static void
add_int(struct draft *d, struct slice name, int64_t v)
{
	add(d, name, TRACE_INT, (union trace_value){ .i = v });
}

static void
add_str(struct draft *d, struct slice name, struct slice s)
{
	add(d, name, TRACE_STR, (union trace_value){ .s = s });
}

static int
put(struct run_record *r, struct slice type, const struct draft *d)
{
	return trace_put(r->w, trace_writer_shape(r->w, type, d->field, d->n), d->value);
}

static int
make(struct run_record *r, struct slice type, const struct draft *d)
{
	r->made++;
	return put(r, type, d);
}

static int
put_clock(struct run_record *r)
{
	struct sys_clock_reading now;
	struct draft d = { .n = 0 };

	sys_clock_read(&now);
	add_int(&d, SLICE("t"), now.monotonic_raw);
	add_int(&d, SLICE("monotonic_raw"), now.monotonic_raw);
	add_int(&d, SLICE("monotonic"), now.monotonic);
	add_int(&d, SLICE("realtime"), now.realtime);
	add_int(&d, SLICE("boottime"), now.boottime);
	if (now.tsc)
		add_int(&d, SLICE("tsc"), (int64_t)now.tsc);
	return make(r, SLICE("clock"), &d);
}

int
run_record_start(struct run_record *r, const struct run_about *about)
{
	struct draft d = { .n = 0 };
	struct utsname system;
	struct slice *word;
	uint32_t n = 0;
	int result;

	while (about->argv[n])
		n++;
	word = xcalloc(n + 1, sizeof *word);
	for (uint32_t i = 0; i < n; i++)
		word[i] = slice_of(i == 0 ? about->tool : about->argv[i]);
	uname(&system);
	add_str(&d, SLICE("tool"), slice_of(about->tool));
	add_str(&d, SLICE("version"), slice_of(about->version));
	add_str(&d, SLICE("clock"), SLICE("monotonic_raw"));
	add_str(&d, SLICE("host"), slice_of(system.nodename));
	add_int(&d, SLICE("pid"), getpid());
	add_str(&d, SLICE("arch"), slice_of(system.machine));
	add_str(&d, SLICE("release"), slice_of(system.release));
	add(&d, SLICE("argv"), TRACE_STRS, (union trace_value){ .list = { .s = word, .n = n } });
	result = put(r, SLICE("start"), &d);
	free(word);
	return result < 0 ? result : put_clock(r);
}

/* NAME=VALUE of the variables that are set; *n of them, in one allocation each. */
static struct slice *
variables(const struct plan *p, const struct plan_run *cell, uint32_t *n)
{
	struct slice *list = xcalloc(p->variables + 1, sizeof *list);

	*n = 0;
	for (unsigned i = 0; i < p->variables; i++) {
		struct buf b = BUF_INIT;

		if (cell->value[i].p == NULL)
			continue;
		buf_slice(&b, p->variable[i]);
		buf_char(&b, '=');
		buf_slice(&b, cell->value[i]);
		list[(*n)++] = buf_view(&b);
	}
	return list;
}

static void
add_strs(struct draft *d, struct slice name, const struct slice *list, uint32_t n)
{
	add(d, name, TRACE_STRS, (union trace_value){ .list = { .s = list, .n = n } });
}

static void
add_settings(struct draft *d, const struct plan_run *cell)
{
	add_int(d, SLICE("dry"), cell ? cell->dry : 0);
	if (cell == NULL)
		return;
	if (cell->freq)
		add_int(d, SLICE("freq"), (int64_t)cell->freq);
	if (cell->cpu_node >= 0)
		add_int(d, SLICE("cpu_node"), cell->cpu_node);
	if (cell->mem_node >= 0)
		add_int(d, SLICE("mem_node"), cell->mem_node);
}

int
run_record_run(struct run_record *r, const struct run_about *about, int64_t t)
{
	const struct plan_run *cell = about->cell;
	const struct plan *plan = about->plan;
	struct slice *variable = NULL;
	struct draft d = { .n = 0 };
	uint32_t n = 0;
	int result;

	add_int(&d, SLICE("t"), t);
	add_str(&d, SLICE("name"), about->name);
	add_str(&d, SLICE("id"), slice_of(about->id));
	add_str(&d, SLICE("experiment"), about->experiment);
	if (cell) {
		add_int(&d, SLICE("rep"), (int64_t)cell->rep);
		add_int(&d, SLICE("position"), (int64_t)cell->position);
		add_int(&d, SLICE("seed"), (int64_t)plan->seed);
		add_str(&d, SLICE("settings"), cell->settings);
		add_strs(&d, SLICE("factors"), plan->factor, plan->factors);
		add_strs(&d, SLICE("levels"), cell->level, plan->factors);
		variable = variables(plan, cell, &n);
		add_strs(&d, SLICE("variables"), variable, n);
	}
	add_str(&d, SLICE("command"), about->command);
	add_settings(&d, cell);
	if (about->timeout_ns)
		add_int(&d, SLICE("timeout_ns"), (int64_t)about->timeout_ns);
	result = make(r, SLICE("run"), &d);
	for (uint32_t i = 0; i < n; i++)
		free((char *)variable[i].p);
	free(variable);
	return result;
}

static int
put_stat(struct run_record *r, int64_t t, const char *section, struct slice name,
    enum trace_kind kind, union trace_value v, struct slice unit)
{
	struct draft d = { .n = 0 };

	add_int(&d, SLICE("t"), t);
	add_str(&d, SLICE("name"), name);
	add(&d, SLICE("value"), kind, v);
	if (unit.n > 0)
		add_str(&d, SLICE("unit"), unit);
	add_str(&d, SLICE("section"), slice_of(section));
	return make(r, SLICE("stat"), &d);
}

int
run_record_int(struct run_record *r, int64_t t, const char *section, struct slice name, int64_t v,
    struct slice unit)
{
	return put_stat(r, t, section, name, TRACE_INT, (union trace_value){ .i = v }, unit);
}

int
run_record_num(struct run_record *r, int64_t t, const char *section, struct slice name, double v,
    struct slice unit)
{
	return put_stat(r, t, section, name, TRACE_NUM, (union trace_value){ .d = v }, unit);
}

static int64_t
ns_of(struct timeval v)
{
	return v.tv_sec * INT64_C(1000000000) + v.tv_usec * INT64_C(1000);
}

int
run_record_usage(struct run_record *r, int64_t t, const struct sys_child *c)
{
	const struct rusage *u = &c->usage;
	const struct {
		const char *name;
		int64_t value;
		const char *unit;
	} line[] = {
		{ "wall_ns", c->wall, "ns" },
		{ "user_ns", ns_of(u->ru_utime), "ns" },
		{ "sys_ns", ns_of(u->ru_stime), "ns" },
		{ "maxrss_bytes", u->ru_maxrss * INT64_C(1024), "bytes" },
		{ "minor_faults", u->ru_minflt, "" },
		{ "major_faults", u->ru_majflt, "" },
		{ "voluntary_switches", u->ru_nvcsw, "" },
		{ "involuntary_switches", u->ru_nivcsw, "" },
		{ "in_blocks", u->ru_inblock, "" },
		{ "out_blocks", u->ru_oublock, "" },
		{ "exit_status", sys_child_exit(c), "" },
		{ "signal", WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0, "" },
	};

	for (size_t i = 0; i < sizeof line / sizeof *line; i++)
		if (run_record_int(r, t, "run", slice_of(line[i].name), line[i].value,
			slice_of(line[i].unit)) < 0)
			return -1;
	return 0;
}

static int
put_value(const struct values_one *v, void *context)
{
	struct run_record *r = context;
	int64_t t = sys_clock_now(CLOCK_MONOTONIC_RAW);

	return v->whole ? run_record_int(r, t, "values", v->name, v->i, v->unit)
			: run_record_num(r, t, "values", v->name, v->d, v->unit);
}

int
run_record_values(struct run_record *r, const char *directory, const char *called, struct error *e)
{
	struct error wrong;
	struct stat st;
	char *path, *text;
	size_t n;
	int result = 0;

	if (asprintf(&path, "%s/values", directory) < 0)
		abort();
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
		/* none; or what is no file to wait for */
	} else if (io_slurp(path, &text, &n) == 0) {
		if (values_read((struct slice){ text, n }, put_value, r, &wrong) < 0)
			result = error_set(e, "%s:%s", called, wrong.text);
		free(text);
	} else {
		result = error_set(e, "%s: %s", path, strerror(errno));
	}
	free(path);
	return result;
}

int
run_record_failure(struct run_record *r, int64_t t, const char *why)
{
	struct draft d = { .n = 0 };

	add_int(&d, SLICE("t"), t);
	add_str(&d, SLICE("section"), SLICE("run"));
	add_str(&d, SLICE("name"), SLICE("failure"));
	add_str(&d, SLICE("value"), slice_of(why));
	return make(r, SLICE("info"), &d);
}

int
run_record_end(struct run_record *r, const struct run_about *about)
{
	struct draft d = { .n = 0 };

	add_str(&d, SLICE("tool"), slice_of(about->tool));
	add_int(&d, SLICE("made"), (int64_t)r->made);
	add_int(&d, SLICE("lost"), 0);
	return put(r, SLICE("end"), &d);
}
