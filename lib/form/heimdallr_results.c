#include "form/heimdallr_results.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/io.h"

static int
by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int
find(const char *from, struct arena *arena, struct slice **name, size_t *n, struct error *e)
{
	DIR *dir = opendir(from);
	struct dirent *entry;
	size_t cap = 0;
	int64_t rep;

	*name = NULL;
	*n = 0;
	if (dir == NULL)
		return error_set(e, "%s: %s", from, strerror(errno));
	while ((entry = readdir(dir))) {
		struct slice s = slice_of(entry->d_name);
		struct stat st;

		if (!heimdallr_run_name(s, NULL, NULL, &rep) ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
			continue;
		GROW(*name, cap, *n);
		(*name)[(*n)++] = arena_copy(arena, s);
	}
	closedir(dir);
	if (*n > 0)
		qsort(*name, *n, sizeof **name, by_bytes);
	return 0;
}

bool
heimdallr_results_is(const char *path)
{
	struct arena arena = ARENA_INIT;
	struct slice *name;
	struct error e;
	size_t n;

	find(path, &arena, &name, &n, &e);
	free(name);
	arena_free(&arena);
	return n > 0;
}

static int
make_directory(const char *path, struct error *e)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return error_set(e, "%s: %s", path, strerror(errno));
	return 0;
}

static int
path_open(struct buf *path, const char *dir, const char *file, struct error *e)
{
	int fd;

	path->n = 0;
	buf_printf(path, "%s/%s", dir, file);
	fd = open(buf_str(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		error_set(e, "%s: %s", path->p, strerror(errno));
	return fd;
}

/* What the workload said; a file that is not there is one that is empty. */
static int
copy(const char *from, const char *file, const char *to, const char *as, struct error *e)
{
	struct buf path = BUF_INIT;
	int in, out = path_open(&path, to, as, e), result = out < 0 ? -1 : 0;
	char chunk[64 << 10];
	ssize_t got = 0;

	buf_free(&path);
	if (out < 0)
		return -1;
	buf_printf(&path, "%s/%s", from, file);
	in = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	while (result == 0 && in >= 0 && (got = io_read(in, chunk, sizeof chunk)) > 0)
		if (io_write(out, chunk, (size_t)got) < 0)
			result = error_set(e, "%s/%s: %s", to, as, strerror(errno));
	if (got < 0)
		result = error_set(e, "%s: %s", path.p, strerror(errno));
	if (in >= 0)
		close(in);
	if (close(out) < 0 && result == 0)
		result = error_set(e, "%s/%s: %s", to, as, strerror(errno));
	buf_free(&path);
	return result;
}

struct conversion {
	const char *from, *to; /* of the run */
	const struct heimdallr_options *o;
	int level;
	struct heimdallr_run *run;
	struct heimdallr_stats stats;
	struct error *e;
};

static int
close_trace(struct conversion *c, struct trace_writer *w, int fd, const char *path, int result)
{
	struct error full;

	if (trace_writer_close(w, &full) < 0 && result == 0)
		result = error_set(c->e, "%s: %s", path, full.text);
	if (close(fd) < 0 && result == 0)
		result = error_set(c->e, "%s: %s", path, strerror(errno));
	return result;
}

static int
convert(struct conversion *c)
{
	struct heimdallr_options o = *c->o;
	struct buf path = BUF_INIT;
	struct trace_writer *w;
	bool traced = heimdallr_is_traced(c->from);
	int result = 0, fd;

	o.bare = true;
	if (heimdallr_run_read(c->run, c->from, c->e) < 0)
		return -1;
	if (traced) {
		fd = path_open(&path, c->to, "trace.leat", c->e);
		if (fd < 0)
			result = -1;
		if (result == 0) {
			w = trace_writer_new(fd, TRACE_FRAMES, c->level);
			result = heimdallr_import(c->from, c->run, w, &o, &c->stats, c->e);
			result = close_trace(c, w, fd, path.p, result);
		}
	}
	if (result == 0) {
		fd = path_open(&path, c->to, "run.leat", c->e);
		if (fd < 0)
			result = -1;
	}
	if (result == 0) {
		w = trace_writer_new(fd, TRACE_LINES, TRACE_RAW);
		result = heimdallr_put_run(c->run, !traced, w, &o, c->e);
		result = close_trace(c, w, fd, path.p, result);
	}
	buf_free(&path);
	if (result == 0)
		result = copy(c->from, "console.log", c->to, "stdout", c->e);
	if (result == 0)
		result = copy(c->from, "error.log", c->to, "stderr", c->e);
	return result;
}

int
heimdallr_results(const char *from, const char *to, const struct heimdallr_options *o, int level,
    void (*done)(const char *path, const struct heimdallr_run *run,
	const struct heimdallr_stats *stats, void *context),
    void *context, struct heimdallr_results *results, struct error *e)
{
	struct arena arena = ARENA_INIT;
	struct buf source = BUF_INIT, part = BUF_INIT, whole = BUF_INIT;
	struct slice *name;
	size_t n;
	int result = find(from, &arena, &name, &n, e);

	*results = (struct heimdallr_results){ 0 };
	if (result == 0 && n == 0)
		result = error_set(e,
		    "%s: no run of Heimdallr is in it: those are directories "
		    "PROGRAM.MODE.REPETITION",
		    from);
	if (result == 0)
		result = make_directory(to, e);
	buf_printf(&part, "%s/part", to);
	buf_printf(&whole, "%s/runs", to);
	if (result == 0 &&
	    (make_directory(buf_str(&part), e) < 0 || make_directory(buf_str(&whole), e) < 0))
		result = -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		struct heimdallr_run run = { 0 };
		struct conversion c = { .o = o, .level = level, .run = &run, .e = e };

		source.n = part.n = whole.n = 0;
		buf_printf(&source, "%s/%.*s", from, SLICE_ARG(name[i]));
		buf_printf(&part, "%s/part/%.*s", to, SLICE_ARG(name[i]));
		buf_printf(&whole, "%s/runs/%.*s", to, SLICE_ARG(name[i]));
		c.from = buf_str(&source);
		c.to = buf_str(&part);
		if (access(buf_str(&whole), F_OK) == 0) {
			results->there++;
			continue;
		}
		result = make_directory(c.to, e);
		if (result == 0)
			result = convert(&c);
		if (result == 0 && rename(c.to, whole.p) < 0)
			result = error_set(e, "%s: %s", whole.p, strerror(errno));
		if (result == 0) {
			results->made++;
			results->damaged +=
			    c.stats.bad_lines + c.stats.damaged > 0 || c.stats.truncated;
			if (done)
				done(c.from, &run, &c.stats, context);
		}
		heimdallr_run_free(&run);
	}
	if (result == 0) {
		part.n = 0;
		buf_printf(&part, "%s/part", to);
		rmdir(buf_str(&part));
	}
	buf_free(&source);
	buf_free(&part);
	buf_free(&whole);
	free(name);
	arena_free(&arena);
	return result;
}
