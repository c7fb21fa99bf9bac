#include "flow/allocator.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/num.h"
#include "base/slice.h"
#include "code/object.h"
#include "code/prologue.h"

#define GIVES(name, is, n)                                                                         \
	{                                                                                          \
		.symbol = name, .op = is, .size = n, .count = -1, .align = -1, .old = -1           \
	}
#define ALIGNS(name, is, n, by)                                                                    \
	{                                                                                          \
		.symbol = name, .op = is, .size = n, .count = -1, .align = by, .old = -1           \
	}
#define NEW(name, is, by)                                                                          \
	{                                                                                          \
		.symbol = name, .op = is, .size = 0, .count = -1, .align = by, .old = -1,          \
		.may_throw = true                                                                  \
	}
#define TAKES(name, is, n, above)                                                                  \
	{                                                                                          \
		.symbol = name, .free_op = is, .size = n, .count = -1, .align = -1, .old = 0,      \
		.rank = above                                                                      \
	}

/* Of two names at one address, that which comes first counts. */
const struct allocator_function allocator_function[] = {
	GIVES("malloc", "malloc", 0),
	{ .symbol = "calloc", .op = "calloc", .size = 1, .count = 0, .align = -1, .old = -1 },
	{ .symbol = "realloc",
	    .op = "realloc",
	    .free_op = "realloc",
	    .size = 1,
	    .count = -1,
	    .align = -1,
	    .old = 0 },
	{ .symbol = "reallocarray",
	    .op = "reallocarray",
	    .free_op = "realloc",
	    .size = 2,
	    .count = 1,
	    .align = -1,
	    .old = 0 },
	{ .symbol = "posix_memalign",
	    .op = "posix_memalign",
	    .size = 2,
	    .count = -1,
	    .align = 1,
	    .old = -1,
	    .by_pointer = true },
	ALIGNS("aligned_alloc", "aligned_alloc", 1, 0),
	ALIGNS("memalign", "memalign", 1, 0),
	GIVES("valloc", "valloc", 0),
	GIVES("pvalloc", "pvalloc", 0),
	TAKES("free", "free", -1, 1),
	TAKES("cfree", "free", -1, 2),
	/* operator new and delete; new[] may call new, delete[] delete, those with a size or an alignment those without */
	NEW("_Znwm", "new", -1),
	NEW("_ZnwmRKSt9nothrow_t", "new", -1),
	NEW("_ZnwmSt11align_val_t", "new", 1),
	NEW("_ZnwmSt11align_val_tRKSt9nothrow_t", "new", 1),
	NEW("_Znam", "new[]", -1),
	NEW("_ZnamRKSt9nothrow_t", "new[]", -1),
	NEW("_ZnamSt11align_val_t", "new[]", 1),
	NEW("_ZnamSt11align_val_tRKSt9nothrow_t", "new[]", 1),
	TAKES("_ZdlPv", "delete", -1, 3),
	TAKES("_ZdlPvRKSt9nothrow_t", "delete", -1, 4),
	TAKES("_ZdlPvm", "delete", 1, 4),
	TAKES("_ZdlPvSt11align_val_t", "delete", -1, 4),
	TAKES("_ZdlPvSt11align_val_tRKSt9nothrow_t", "delete", -1, 5),
	TAKES("_ZdlPvmSt11align_val_t", "delete", 1, 5),
	TAKES("_ZdaPv", "delete[]", -1, 6),
	TAKES("_ZdaPvRKSt9nothrow_t", "delete[]", -1, 7),
	TAKES("_ZdaPvm", "delete[]", 1, 7),
	TAKES("_ZdaPvSt11align_val_t", "delete[]", -1, 7),
	TAKES("_ZdaPvSt11align_val_tRKSt9nothrow_t", "delete[]", -1, 8),
	TAKES("_ZdaPvmSt11align_val_t", "delete[]", 1, 8),
	{ .symbol = "mmap",
	    .op = "mmap",
	    .size = 1,
	    .count = -1,
	    .align = -1,
	    .old = -1,
	    .mapping = true },
	{ .symbol = "mmap64",
	    .op = "mmap",
	    .size = 1,
	    .count = -1,
	    .align = -1,
	    .old = -1,
	    .mapping = true },
	{ .symbol = "munmap",
	    .free_op = "munmap",
	    .size = 1,
	    .count = -1,
	    .align = -1,
	    .old = 0,
	    .mapping = true },
	{ .symbol = "mremap",
	    .op = "mremap",
	    .free_op = "mremap",
	    .size = 2,
	    .count = -1,
	    .align = -1,
	    .old = 0,
	    .mapping = true },
};

const unsigned allocator_functions = sizeof allocator_function / sizeof allocator_function[0];

_Static_assert(
    sizeof allocator_function / sizeof allocator_function[0] <= ALLOCATOR_FUNCTIONS_MAX, "");

static int
function_of(struct slice name)
{
	for (unsigned i = 0; i < allocator_functions; i++)
		if (slice_eq(name, slice_of(allocator_function[i].symbol)))
			return (int)i;
	return -1;
}

/* ---- one object ---- */

struct mapped {
	uint64_t start, end;
	struct slice path, device, inode;
};

/* The path by which the kernel finds the same file. */
static char *
path_for_kernel(pid_t pid, const struct mapped *m)
{
	char *path = xstrndup(m->path.p, m->path.n), device[32];
	struct stat st;
	uint64_t inode;

	if (strpbrk(path, " \t:\\") == NULL && num_u64(m->inode, &inode) == 0 &&
	    stat(path, &st) == 0 && st.st_ino == inode) {
		snprintf(device, sizeof device, "%02x:%02x", major(st.st_dev), minor(st.st_dev));
		if (slice_eq(m->device, slice_of(device)))
			return path;
	}
	path = xrealloc(path, 96, 1);
	snprintf(path, 96, "/proc/%d/map_files/%llx-%llx", (int)pid, (unsigned long long)m->start,
	    (unsigned long long)m->end);
	return path;
}

static void
add_place(struct allocator *a, size_t first, const char *path, uint64_t offset, uint8_t function)
{
	for (size_t i = first; i < a->places; i++)
		if (a->place[i].offset == offset) {
			if (function < a->place[i].function)
				a->place[i].function = function;
			return;
		}
	GROW(a->place, a->cap, a->places);
	a->place[a->places++] =
	    (struct allocator_place){ xstrndup(path, strlen(path)), offset, function, false };
}

static bool
has_function(const struct allocator *a, size_t first, const char *symbol)
{
	for (size_t i = first; i < a->places; i++)
		if (strcmp(allocator_function[a->place[i].function].symbol, symbol) == 0)
			return true;
	return false;
}

/* Functions that other objects may call: what is local to one is not what the program calls. */
static void
read_table(struct allocator *a, size_t first, const char *path, struct object *o, const char *table,
    bool *libc)
{
	struct object_section *s = object_section(o, table);
	struct slice entries = object_contents(o, s), strings = { 0 };

	if (entries.n == 0 || s->link >= o->sections)
		return;
	strings = object_contents(o, &o->section[s->link]);
	for (size_t at = 0; at + sizeof(Elf64_Sym) <= entries.n; at += sizeof(Elf64_Sym)) {
		struct slice name;
		uint64_t offset;
		Elf64_Sym sym;
		int function;

		memcpy(&sym, entries.p + at, sizeof sym);
		if (sym.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(sym.st_info) != STT_FUNC ||
		    ELF64_ST_BIND(sym.st_info) == STB_LOCAL || sym.st_name >= strings.n)
			continue;
		name.p = strings.p + sym.st_name;
		name.n = strnlen(name.p, strings.n - sym.st_name);
		*libc = *libc || slice_eq(name, SLICE("__libc_start_main"));
		function = function_of(name);
		if (function >= 0 && object_offset(o, sym.st_value, &offset) == 0)
			add_place(a, first, path, offset, (uint8_t)function);
	}
}

/* How many arguments a probe at its entry has to read. */
static unsigned
arguments_of(const struct allocator_function *f)
{
	int most = f->by_pointer ? 0 : -1;

	if (most < f->size)
		most = f->size;
	if (most < f->count)
		most = f->count;
	if (most < f->align)
		most = f->align;
	return (unsigned)((most < f->old ? f->old : most) + 1);
}

/* From the entry to where a probe costs less. */
static void
move_places(struct allocator *a, size_t first, const struct object *o)
{
	if (o->machine != EM_X86_64)
		return;
	for (struct allocator_place *p = a->place + first; p < a->place + a->places; p++) {
		uint64_t address;

		if (object_vaddr(o, p->offset, &address) == 0)
			p->offset += prologue_place(object_bytes(o, address),
			    arguments_of(&allocator_function[p->function]));
	}
}

static int
read_object(struct allocator *a, pid_t pid, const struct mapped *m, struct error *e)
{
	char *path = path_for_kernel(pid, m);
	struct object *o = object_open(path, NULL, 0, (struct slice){ 0 }, NULL);
	size_t first = a->places;
	bool libc = false;
	int result = 0;

	if (o == NULL) {
		free(path); /* no object: something else that may be executed */
		return 0;
	}
	if (!o->is64) {
		result = error_set(e, "process %d: %.*s: programs of 32 bits are not known here",
		    (int)pid, SLICE_ARG(m->path));
	} else {
		read_table(a, first, path, o, ".dynsym", &libc);
		read_table(a, first, path, o, ".symtab", &libc);
		/* an allocator that is no C library has an operator new of its own kind */
		for (size_t i = first; i < a->places; i++)
			a->place[i].alone = !libc && has_function(a, first, "malloc");
		move_places(a, first, o);
	}
	if (a->places > first) {
		GROW(a->object, a->object_cap, a->objects);
		a->object[a->objects++] = xstrndup(m->path.p, m->path.n);
	}
	object_close(o);
	free(path);
	return result;
}

/* ---- a process ---- */

/* The linker has a malloc for itself, which no program calls once it runs. */
static bool
is_linker(struct slice path)
{
	struct slice name = slice_basename(path);

	return slice_starts(name, SLICE("ld-linux")) || slice_starts(name, SLICE("ld-2.")) ||
	       slice_starts(name, SLICE("ld64."));
}

static bool
read_line(struct slice line, struct mapped *m)
{
	struct slice range = slice_cut(&line, ' '), mode = slice_cut(&line, ' '), start;

	slice_cut(&line, ' ');
	start = slice_cut(&range, '-');
	m->device = slice_cut(&line, ' ');
	m->inode = slice_cut(&line, ' ');
	m->path = slice_trim(line);
	return num_hex(start, &m->start) == 0 && num_hex(range, &m->end) == 0 && mode.n >= 3 &&
	       mode.p[2] == 'x' && slice_starts(m->path, SLICE("/")) && !is_linker(m->path);
}

/* Whether a file, by device and inode, was not looked at yet. */
static bool
is_new(struct allocator *a, struct slice file)
{
	for (size_t i = 0; i < a->files; i++)
		if (slice_eq(slice_of(a->file[i]), file))
			return false;
	GROW(a->file, a->file_cap, a->files);
	a->file[a->files++] = xstrndup(file.p, file.n);
	return true;
}

int
allocator_find(struct allocator *a, pid_t pid, struct error *e)
{
	char path[64], *text;
	size_t n;
	int result = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	if (io_slurp(path, &text, &n) < 0)
		return errno == ENOENT || errno == ESRCH
			   ? error_set(e, "no process %d", (int)pid)
			   : error_set(e, "%s: %s", path, strerror(errno));
	for (struct slice rest = { text, n }; rest.n > 0 && result == 0;) {
		struct slice line = slice_cut(&rest, '\n'), file;
		struct mapped m;

		if (!read_line(line, &m))
			continue;
		file = (struct slice){ m.device.p, (size_t)(m.inode.p + m.inode.n - m.device.p) };
		if (is_new(a, file))
			result = read_object(a, pid, &m, e);
	}
	free(text);
	return result;
}

void
allocator_free(struct allocator *a)
{
	for (size_t i = 0; i < a->places; i++)
		free(a->place[i].path);
	for (size_t i = 0; i < a->objects; i++)
		free(a->object[i]);
	for (size_t i = 0; i < a->files; i++)
		free(a->file[i]);
	free(a->place);
	free(a->object);
	free(a->file);
	*a = ALLOCATOR_INIT;
}
