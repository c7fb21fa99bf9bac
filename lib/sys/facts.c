#include "sys/facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/num.h"
#include "sys/facts_parts.h"
#include "sys/rings.h"

enum { FILE_MAX = 16 << 20 };

static void
set_path(struct facts_reader *r, const char *format, va_list va)
{
	char path[512];

	vsnprintf(path, sizeof path, format, va);
	r->path.n = 0;
	if (!r->live)
		buf_printf(&r->path, "%s", r->config->root);
	buf_printf(&r->path, "/%s", path);
	buf_str(&r->path);
}

void
facts_denied(struct facts_reader *r, const char *what)
{
	r->facts->denied++;
	if (r->denied.n > 0)
		buf_char(&r->denied, ',');
	buf_printf(&r->denied, "%s", what);
}

/* Opened so that a FIFO in a copied tree does not hold us up. */
static bool
read_path(struct facts_reader *r)
{
	int fd = open(r->path.p, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	ssize_t got = -1;

	r->text.n = 0;
	if (fd >= 0) {
		while (
		    r->text.n < FILE_MAX && (got = io_read(fd, buf_room(&r->text, 4096), 4096)) > 0)
			r->text.n += (size_t)got;
	}
	if (got < 0 && (errno == EACCES || errno == EPERM))
		facts_denied(r, r->path.p);
	if (fd >= 0)
		close(fd);
	return got >= 0;
}

static struct slice
trim(struct slice s)
{
	while (s.n > 0 && strchr(" \t\n", s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && strchr(" \t\n", s.p[0]))
		s.p++, s.n--;
	return s;
}

bool
facts_text(struct facts_reader *r, struct slice *text, const char *format, ...)
{
	va_list va;

	va_start(va, format);
	set_path(r, format, va);
	va_end(va);
	if (!read_path(r))
		return false;
	*text = trim(buf_view(&r->text));
	if (text->n > 0 && text->p[text->n - 1] == '\0') /* a device tree's strings */
		text->n--;
	return true;
}

bool
facts_number(struct facts_reader *r, int64_t *v, const char *format, ...)
{
	va_list va;

	va_start(va, format);
	set_path(r, format, va);
	va_end(va);
	return read_path(r) && num_i64(trim(buf_view(&r->text)), v) == 0;
}

static int
by_name(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

size_t
facts_list(struct facts_reader *r, const char *path, const char *const **names)
{
	const char **name = NULL, **kept;
	size_t n = 0, cap = 0;
	struct dirent *entry;
	DIR *dir;

	r->path.n = 0;
	buf_printf(&r->path, "%s/%s", r->live ? "" : r->config->root, path);
	dir = opendir(buf_str(&r->path));
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		GROW(name, cap, n);
		name[n++] = arena_copy(&r->facts->arena, slice_of(entry->d_name)).p;
	}
	if (dir)
		closedir(dir);
	else if (errno == EACCES)
		facts_denied(r, r->path.p);
	if (n > 0)
		qsort(name, n, sizeof *name, by_name);
	kept = arena_alloc(&r->facts->arena, (n + 1) * sizeof *kept);
	if (n > 0)
		memcpy(kept, name, n * sizeof *kept);
	free(name);
	*names = kept;
	return n;
}

static struct fact *
put(struct facts_reader *r, const char *section, const char *name, enum fact_kind kind,
    const char *unit)
{
	struct facts *f = r->facts;
	struct fact *fact;

	GROW(f->fact, f->cap, f->facts);
	fact = &f->fact[f->facts++];
	*fact = (struct fact){ .section = section,
		.name = arena_copy(&f->arena, slice_of(name)),
		.kind = kind,
		.unit = unit };
	return fact;
}

void
facts_put_str(struct facts_reader *r, const char *section, const char *name, struct slice value)
{
	struct slice copy = arena_copy(&r->facts->arena, value.n > 0 ? value : SLICE("none"));

	put(r, section, name, FACT_STR, NULL)->s = copy;
}

void
facts_put_int(
    struct facts_reader *r, const char *section, const char *name, int64_t value, const char *unit)
{
	put(r, section, name, FACT_INT, unit)->i = value;
}

void
facts_put_num(
    struct facts_reader *r, const char *section, const char *name, double value, const char *unit)
{
	put(r, section, name, FACT_NUM, unit)->d = value;
}

void
facts_put_hash(
    struct facts_reader *r, const char *section, const char *name, const void *p, size_t n)
{
	char text[17];

	snprintf(text, sizeof text, "%016" PRIx64, hash_xxh64(p, n, 0));
	facts_put_str(r, section, name, slice_of(text));
}

static void
put_value(struct facts_reader *r, const char *section, const char *name, struct slice s,
    int64_t scale, const char *unit)
{
	int64_t v, scaled;

	if (num_i64(s, &v) == 0 && !__builtin_mul_overflow(v, scale, &scaled))
		facts_put_int(r, section, name, scaled, unit);
	else
		facts_put_str(r, section, name, s);
}

void
facts_put_file(struct facts_reader *r, const char *section, const char *name, const char *path,
    const char *unit)
{
	struct slice s;

	if (facts_text(r, &s, "%s", path))
		put_value(r, section, name, s, 1, unit);
}

void
facts_put_scaled(struct facts_reader *r, const char *section, const char *name, const char *path,
    int64_t scale, const char *unit)
{
	int64_t v, scaled;

	if (facts_number(r, &v, "%s", path) && !__builtin_mul_overflow(v, scale, &scaled))
		facts_put_int(r, section, name, scaled, unit);
}

void
facts_put_chosen(struct facts_reader *r, const char *section, const char *name, const char *path)
{
	struct slice s;
	const char *open, *close;

	if (!facts_text(r, &s, "%s", path))
		return;
	open = memchr(s.p, '[', s.n);
	close = open ? memchr(open, ']', (size_t)(s.p + s.n - open)) : NULL;
	if (close)
		s = (struct slice){ open + 1, (size_t)(close - open - 1) };
	put_value(r, section, name, s, 1, NULL);
}

void
facts_each_add(struct facts_reader *r, struct facts_each *e, int cpu, struct slice value)
{
	GROW(e->value, e->cap, e->n);
	GROW(e->cpu, e->cpu_cap, e->n);
	e->value[e->n] = arena_copy(&r->facts->arena, value.n > 0 ? value : SLICE("none"));
	e->cpu[e->n++] = cpu;
}

/* The CPUs whose value is that of item i, as 0-3,7. */
static void
put_list(struct buf *b, const struct facts_each *e, size_t i)
{
	int last = -2, first = -2;
	bool begun = false;

	for (size_t k = i; k < e->n; k++) {
		if (!slice_eq(e->value[k], e->value[i]))
			continue;
		if (e->cpu[k] == last + 1 && begun) {
			last = e->cpu[k];
			continue;
		}
		if (begun && last > first)
			buf_printf(b, "-%d", last);
		buf_printf(b, begun ? ",%d" : "%d", e->cpu[k]);
		first = last = e->cpu[k];
		begun = true;
	}
	if (last > first)
		buf_printf(b, "-%d", last);
}

static bool
seen_before(const struct facts_each *e, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (slice_eq(e->value[k], e->value[i]))
			return true;
	return false;
}

void
facts_each_put(struct facts_reader *r, struct facts_each *e, const char *section, const char *name,
    const char *unit)
{
	struct buf b = BUF_INIT;
	bool alike = e->n == r->cpus;

	for (size_t i = 1; i < e->n && alike; i++)
		alike = slice_eq(e->value[i], e->value[0]);
	for (size_t i = 0; i < e->n && !alike; i++) {
		if (seen_before(e, i))
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		for (size_t k = 0; k < e->value[i].n; k++) {
			char c = e->value[i].p[k];

			buf_char(&b, c == ' ' || c == '@' ? '_' : c);
		}
		buf_char(&b, '@');
		put_list(&b, e, i);
	}
	if (e->n > 0 && alike)
		put_value(r, section, name, e->value[0], 1, unit);
	else if (e->n > 0)
		put(r, section, name, FACT_STR, unit)->s =
		    arena_copy(&r->facts->arena, buf_view(&b));
	buf_free(&b);
	free(e->value);
	free(e->cpu);
	*e = (struct facts_each){ 0 };
}

void
facts_put_cpus(struct facts_reader *r, const char *section, const char *name, const char *file,
    int64_t scale, const char *unit)
{
	struct facts_each each = { 0 };

	for (unsigned i = 0; i < r->cpus; i++) {
		char text[32];
		struct slice s;
		int64_t v;

		if (!facts_text(r, &s, "sys/devices/system/cpu/cpu%d/%s", r->cpu[i], file))
			continue;
		if (scale != 1 && num_i64(s, &v) == 0 && !__builtin_mul_overflow(v, scale, &v)) {
			snprintf(text, sizeof text, "%" PRId64, v);
			s = slice_of(text);
		}
		facts_each_add(r, &each, r->cpu[i], s);
	}
	facts_each_put(r, &each, section, name, unit);
}

bool
facts_line(struct slice text, const char *key, struct slice *value)
{
	size_t n = strlen(key);

	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		if (line.n <= n || memcmp(line.p, key, n) != 0 || !strchr(" \t:", line.p[n]))
			continue;
		line.p += n, line.n -= n;
		line = trim(line);
		if (line.n > 0 && line.p[0] == ':')
			line.p++, line.n--;
		*value = trim(line);
		return true;
	}
	return false;
}

/* Without the list of those online, as in an old or partly copied tree, the directories say it. */
static void
find_cpus(struct facts_reader *r)
{
	const char *const *name;
	struct slice s;
	size_t n, cap = 0;

	if (facts_text(r, &s, "sys/devices/system/cpu/online")) {
		buf_str(&r->text);
		r->text.p[s.p - r->text.p + (ptrdiff_t)s.n] = '\0';
		if (sys_cpus_parse(s.p, &r->cpu, &r->cpus) == 0)
			return;
	}
	n = facts_list(r, "sys/devices/system/cpu", &name);
	for (size_t i = 0; i < n; i++) {
		uint64_t cpu;

		if (strncmp(name[i], "cpu", 3) != 0 || num_u64(slice_of(name[i] + 3), &cpu) < 0 ||
		    cpu > 1 << 16)
			continue;
		GROW(r->cpu, cap, r->cpus);
		r->cpu[r->cpus++] = (int)cpu;
	}
}

/* The first n facts become the last. */
static void
to_end(struct facts *f, size_t n)
{
	struct fact *first = xmalloc((n + 1) * sizeof *first);

	if (n > 0) {
		memcpy(first, f->fact, n * sizeof *first);
		memmove(f->fact, f->fact + n, (f->facts - n) * sizeof *first);
		memcpy(f->fact + f->facts - n, first, n * sizeof *first);
	}
	free(first);
}

void
facts_read(struct facts *f, const struct facts_config *config)
{
	struct facts_reader r = { .facts = f,
		.config = config,
		.live = config->root == NULL || strcmp(config->root, "/") == 0,
		.root = geteuid() == 0 };
	size_t loads;

	*f = (struct facts){ 0 };
	find_cpus(&r);
	facts_load(&r); /* first, before we are the load */
	loads = f->facts;
	facts_kernel(&r);
	facts_cpu(&r);
	facts_frequency(&r);
	facts_memory(&r);
	facts_virtual(&r);
	if (r.live) {
		facts_process(&r);
		facts_cgroup(&r);
		facts_tools(&r);
		facts_git(&r);
	}
	to_end(f, loads);
	f->denied_list = arena_copy(&f->arena, buf_view(&r.denied));
	buf_free(&r.path);
	buf_free(&r.text);
	buf_free(&r.denied);
	free(r.cpu);
}

const struct fact *
facts_find(const struct facts *f, struct slice name)
{
	for (size_t i = 0; i < f->facts; i++)
		if (slice_eq(f->fact[i].name, name))
			return &f->fact[i];
	return NULL;
}

void
facts_free(struct facts *f)
{
	free(f->fact);
	arena_free(&f->arena);
	*f = (struct facts){ 0 };
}
