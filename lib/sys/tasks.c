#include "sys/tasks.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/num.h"

/* A file by the hash of what tells it apart: device and inode, or path. */
struct sys_tasks_file {
	uint64_t hash;
	struct sys_buildid id;
};

static uint64_t
rehash(const void *context, uint32_t item)
{
	return ((const struct sys_tasks *)context)->file[item].hash;
}

/* The file with this hash; *is_new where it was not there. 64 bits are enough to tell files apart. */
static struct sys_tasks_file *
file_of(struct sys_tasks *t, uint64_t hash, bool *is_new)
{
	*is_new = false;
	for (struct hash_probe at = hash_first(&t->set, hash); hash_found(&t->set, &at);
	     hash_next(&t->set, &at))
		if (t->file[at.item].hash == hash)
			return &t->file[at.item];
	GROW(t->file, t->cap, t->files);
	t->file[t->files] = (struct sys_tasks_file){ .hash = hash };
	hash_add(&t->set, hash, (uint32_t)t->files, rehash, t);
	*is_new = true;
	return &t->file[t->files++];
}

static int
compare_ids(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The numbers among the names of a directory, sorted. */
static int
numbers_in(const char *path, pid_t **number, size_t *n)
{
	size_t cap = 0;
	struct dirent *d;
	DIR *dir = opendir(path);

	*number = NULL;
	*n = 0;
	if (dir == NULL)
		return -1;
	while ((d = readdir(dir))) {
		uint64_t v;

		if (num_u64(slice_of(d->d_name), &v) < 0 || v > INT32_MAX)
			continue;
		GROW(*number, cap, *n);
		(*number)[(*n)++] = (pid_t)v;
	}
	closedir(dir);
	if (*n > 0)
		qsort(*number, *n, sizeof **number, compare_ids);
	return 0;
}

int
sys_tasks_of(pid_t pid, pid_t **tid, size_t *tids, struct error *e)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	if (numbers_in(path, tid, tids) < 0)
		return error_set(e, "process %d: %s", (int)pid,
		    errno == ENOENT ? "no such process" : strerror(errno));
	if (*tids == 0) {
		free(*tid);
		return error_set(e, "process %d: no such process", (int)pid);
	}
	return 0;
}

pid_t
sys_tasks_process(pid_t tid)
{
	char path[64], *text;
	pid_t pid = -1;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	if (io_slurp(path, &text, &n) < 0)
		return -1;
	for (struct slice rest = { text, n }; rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n'), name = slice_cut(&line, ':');
		uint64_t v;

		if (slice_eq(name, SLICE("Tgid")) && num_u64(slice_trim(line), &v) == 0)
			pid = (pid_t)v;
	}
	free(text);
	return pid;
}

static void
tell_comm(pid_t pid, pid_t tid, const struct sys_tasks_sink *sink)
{
	char path[64], *text;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	if (io_slurp(path, &text, &n) < 0)
		return;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	sink->comm(
	    &(struct perf_comm){ (uint32_t)pid, (uint32_t)tid, false, { text, n } }, sink->context);
	free(text);
}

static void
read_buildid(pid_t pid, const struct perf_mmap *m, struct sys_buildid *id)
{
	struct buf path = BUF_INIT;

	buf_printf(&path, "/proc/%d/map_files/%llx-%llx", (int)pid, (unsigned long long)m->addr,
	    (unsigned long long)(m->addr + m->size));
	if (m->size == 0 || sys_buildid_of_file(buf_str(&path), id) < 0) {
		path.n = 0;
		buf_printf(&path, "/proc/%d/root%.*s", (int)pid, SLICE_ARG(m->path));
		if (sys_buildid_of_file(buf_str(&path), id) < 0) {
			path.n = 0;
			buf_slice(&path, m->path);
			sys_buildid_of_file(buf_str(&path), id);
		}
	}
	buf_free(&path);
}

/* addr-addr perms offset dev inode      path */
static void
tell_mapping(struct sys_tasks *t, pid_t pid, struct slice line, const struct sys_tasks_sink *sink)
{
	struct slice range = slice_cut(&line, ' '), perms = slice_cut(&line, ' '),
		     offset = slice_cut(&line, ' ');
	struct slice low = slice_cut(&range, '-'), device = line, inode;
	struct perf_mmap m = { .pid = (uint32_t)pid, .tid = (uint32_t)pid };
	struct sys_tasks_file *file;
	uint64_t end, number;
	bool is_new;

	if (perms.n < 4 || perms.p[2] != 'x' || num_hex(low, &m.addr) < 0 ||
	    num_hex(range, &end) < 0 || num_hex(offset, &m.offset) < 0)
		return;
	slice_cut(&line, ' ');
	inode = slice_cut(&line, ' ');
	device.n = (size_t)(inode.p + inode.n - device.p); /* device and inode */
	m.size = end - m.addr;
	m.prot =
	    PROT_EXEC | (perms.p[0] == 'r' ? PROT_READ : 0) | (perms.p[1] == 'w' ? PROT_WRITE : 0);
	m.flags = perms.p[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
	while (line.n > 0 && line.p[0] == ' ') {
		line.p++;
		line.n--;
	}
	m.path = line.n > 0 ? line : SLICE("//anon");
	if (line.n > 0 && line.p[0] == '/' && num_u64(inode, &number) == 0 && number > 0) {
		file = file_of(t, hash_bytes(device.p, device.n), &is_new);
		if (is_new)
			read_buildid(pid, &m, &file->id);
		m.buildid = (struct slice){ (const char *)file->id.byte, file->id.size };
	}
	sink->mmap(&m, sink->context);
}

static void
tell_maps(struct sys_tasks *t, pid_t pid, const struct sys_tasks_sink *sink)
{
	char path[64], *text;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	if (io_slurp(path, &text, &n) < 0) {
		t->hidden += errno == EACCES || errno == EPERM;
		return;
	}
	for (struct slice rest = { text, n }; rest.n > 0;)
		tell_mapping(t, pid, slice_cut(&rest, '\n'), sink);
	free(text);
}

int
sys_tasks_tell(
    struct sys_tasks *t, pid_t pid, pid_t only, const struct sys_tasks_sink *sink, struct error *e)
{
	size_t tids;
	pid_t *tid;

	if (sys_tasks_of(pid, &tid, &tids, e) < 0)
		return -1;
	for (size_t i = 0; i < tids; i++)
		if (only == 0 || tid[i] == only)
			tell_comm(pid, tid[i], sink);
	free(tid);
	tell_maps(t, pid, sink);
	return 0;
}

int
sys_tasks_tell_all(struct sys_tasks *t, const struct sys_tasks_sink *sink, struct error *e)
{
	size_t pids;
	pid_t *pid;

	if (numbers_in("/proc", &pid, &pids) < 0)
		return error_set(e, "/proc: %s", strerror(errno));
	for (size_t i = 0; i < pids; i++)
		sys_tasks_tell(t, pid[i], 0, sink, NULL); /* it may have ended */
	free(pid);
	return 0;
}

/* ---- the kernel ---- */

struct telling {
	struct sys_tasks *tasks;
	const struct sys_tasks_sink *sink;
	struct utsname system;
};

/* Modules are named with _ where their files may have -. */
static bool
same_module(struct slice file, struct slice name)
{
	if (file.n < name.n + 3 || memcmp(file.p + name.n, ".ko", 3) != 0)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (file.p[i] != name.p[i] && !(file.p[i] == '-' && name.p[i] == '_'))
			return false;
	return true;
}

static void
module_path(const struct telling *tell, struct slice name, struct buf *to)
{
	for (struct slice rest = buf_view(&tell->tasks->modules); rest.n > 0;) {
		struct slice line = slice_cut(&rest, '\n'), file = slice_cut(&line, ':');

		if (same_module(slice_basename(file), name)) {
			buf_printf(
			    to, "/lib/modules/%s/%.*s", tell->system.release, SLICE_ARG(file));
			return;
		}
	}
	buf_printf(to, "[%.*s]", SLICE_ARG(name));
}

static void
tell_module(struct slice name, uint64_t addr, uint64_t size, void *context)
{
	struct telling *tell = context;
	struct perf_mmap m = {
		.pid = UINT32_MAX, .tid = 0, .addr = addr, .size = size, .prot = PROT_EXEC
	};
	struct buf path = BUF_INIT;
	struct sys_buildid id;

	if (addr == 0)
		return;
	buf_printf(&path, "/sys/module/%.*s/notes/.note.gnu.build-id", SLICE_ARG(name));
	if (sys_buildid_of_notes(buf_str(&path), &id) == 0)
		m.buildid = (struct slice){ (const char *)id.byte, id.size };
	path.n = 0;
	module_path(tell, name, &path);
	m.path = buf_view(&path);
	tell->sink->mmap(&m, tell->sink->context);
	buf_free(&path);
}

void
sys_tasks_tell_kernel(
    struct sys_tasks *t, const struct sys_ksyms *k, const struct sys_tasks_sink *sink)
{
	uint64_t from = sys_ksyms_address(k, SLICE("_text")),
		 to = sys_ksyms_address(k, SLICE("_etext"));
	struct telling tell = { .tasks = t, .sink = sink };
	struct sys_buildid id;
	char path[256], *text;
	size_t n;

	if (from == 0)
		from = sys_ksyms_address(k, SLICE("_stext"));
	if (from == 0 || to <= from)
		return;
	sys_buildid_of_notes("/sys/kernel/notes", &id);
	sink->mmap(&(struct perf_mmap){ .pid = UINT32_MAX,
		       .addr = from,
		       .size = to - from,
		       .prot = PROT_EXEC,
		       .buildid = { (const char *)id.byte, id.size },
		       .path = SLICE("[kernel.kallsyms]") },
	    sink->context);
	uname(&tell.system);
	snprintf(path, sizeof path, "/lib/modules/%s/modules.dep", tell.system.release);
	if (t->modules.n == 0 && access("/proc/modules", R_OK) == 0 &&
	    io_slurp(path, &text, &n) == 0) {
		buf_put(&t->modules, text, n);
		free(text);
	}
	sys_modules(tell_module, &tell);
}

int
sys_tasks_buildid(struct sys_tasks *t, pid_t pid, struct slice path, struct sys_buildid *id)
{
	struct perf_mmap m = { .path = path };
	bool is_new;
	struct sys_tasks_file *file;

	id->size = 0;
	if (path.n == 0 || path.p[0] != '/' || slice_starts(path, SLICE("//anon")) ||
	    slice_starts(path, SLICE("/dev/")))
		return 0;
	file = file_of(t, hash_bytes(path.p, path.n), &is_new);
	if (!is_new)
		return 0;
	read_buildid(pid, &m, &file->id);
	*id = file->id;
	return id->size > 0;
}

void
sys_tasks_free(struct sys_tasks *t)
{
	free(t->file);
	hash_free(&t->set);
	buf_free(&t->modules);
	*t = SYS_TASKS_INIT;
}
