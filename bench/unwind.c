/* unwind - the stacks of stack dumps as libdw walks them
 *
 *	leat unwind --no-inline --keep TRACE | unwind >THEIRS
 *
 * A witness that shares no code with lib/code/unwind.c and lib/code/cfi.c: elfutils' libdw reads the call frame
 * information itself, and walks from the same registers and the same bytes of stack. Its addresses are named by
 * lib/code/names.c (names are compared with those of perf), the kernel's part is taken from the stack, and all of it is
 * written as `perf script -F comm,pid,tid,time,ip,sym,dso` writes it, for tests/agree to compare. */
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "code/names.h"
#include "flow/address_space.h"
#include "trace/reader.h"

struct known { /* by the address space's number of the object */
	struct object *object;
	struct names *names;
	bool looked;
};

static struct address_space space;
static struct known *known;
static size_t knowns;

static struct {
	struct space *space;
	const struct arch *arch;
	const uint64_t *regs;
	struct slice stack;
	uint64_t serial;
	Dwfl *dwfl;
} now; /* the sample that libdw asks about */

static struct known *
known_of(const struct space_map *map)
{
	struct slice path = space.object[map->object].path;
	struct known *k;
	struct error e;

	if (map->object >= knowns) {
		known = xrealloc(known, space.objects, sizeof *known);
		memset(known + knowns, 0, (space.objects - knowns) * sizeof *known);
		knowns = space.objects;
	}
	k = &known[map->object];
	if (!k->looked) {
		k->looked = true;
		if (slice_eq(path, SLICE("[vdso]")))
			k->object = object_vdso(space.object[map->object].buildid, &e);
		else if (path.n > 0 && path.p[0] == '/')
			k->object =
			    object_open(path.p, NULL, 0, space.object[map->object].buildid, &e);
		if (k->object)
			k->names = names_open(k->object, NULL);
	}
	return k;
}

static pid_t
next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl, (void)arg;
	if (*thread)
		return 0;
	*thread = &now;
	return 1;
}

static bool
get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	(void)dwfl, (void)tid, (void)arg;
	*thread = &now;
	return true;
}

static bool
read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *to, void *arg)
{
	const struct space_map *map;
	struct slice bytes;
	uint64_t vaddr, at = addr - now.regs[now.arch->sp];
	struct known *k;

	(void)dwfl, (void)arg;
	if (now.stack.n >= 8 && at <= now.stack.n - 8) {
		memcpy(to, now.stack.p + at, 8);
		return true;
	}
	map = space_find(now.space, addr);
	k = map ? known_of(map) : NULL;
	if (k == NULL || k->object == NULL ||
	    object_vaddr(k->object, addr - map->start + map->offset, &vaddr) < 0)
		return false;
	bytes = object_bytes(k->object, vaddr);
	if (bytes.n < 8)
		return false;
	memcpy(to, bytes.p, 8);
	return true;
}

static bool
first_registers(Dwfl_Thread *thread, void *arg)
{
	Dwarf_Word regs[ARCH_REGS];

	(void)arg;
	for (int i = 0; i < now.arch->regs; i++)
		regs[i] = now.regs[i];
	if (now.arch == &arch_aarch64) {
		dwfl_thread_state_register_pc(thread, regs[now.arch->pc]);
		return dwfl_thread_state_registers(thread, 0, 32, regs);
	}
	return dwfl_thread_state_registers(thread, 0, now.arch->regs, regs);
}

static const Dwfl_Thread_Callbacks threads = { .next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = first_registers };

static int
no_debuginfo(Dwfl_Module *m, void **data, const char *name, Dwarf_Addr base, const char *file,
    const char *link, GElf_Word crc, char **found)
{
	(void)m, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)found;
	return -1;
}

static int
no_elf(Dwfl_Module *m, void **data, const char *name, Dwarf_Addr base, char **found, Elf **elf)
{
	(void)m, (void)data, (void)name, (void)base, (void)found, (void)elf;
	return -1;
}

static const Dwfl_Callbacks callbacks = { .find_elf = no_elf, .find_debuginfo = no_debuginfo };

/* libdw's view of the address space. */
static void
report(int64_t pid)
{
	if (now.dwfl && now.serial == now.space->serial)
		return;
	dwfl_end(now.dwfl);
	now.serial = now.space->serial;
	now.dwfl = dwfl_begin(&callbacks);
	dwfl_report_begin(now.dwfl);
	for (size_t i = 0; i < now.space->maps; i++) {
		const struct space_map *map = &now.space->map[i];
		struct slice path = space.object[map->object].path;
		struct known *k = known_of(map);
		uint64_t vaddr;

		if (k->object == NULL || path.p[0] != '/' ||
		    object_vaddr(k->object, map->offset, &vaddr) < 0)
			continue;
		for (size_t s = 0; s < k->object->segments; s++) /* the mapping of its code */
			if (k->object->segment[s].exec &&
			    vaddr - k->object->segment[s].vaddr + 4096 <=
				k->object->segment[s].memsz + 4096)
				dwfl_report_elf(
				    now.dwfl, path.p, path.p, -1, map->start - vaddr, true);
	}
	dwfl_report_end(now.dwfl, NULL, NULL);
	dwfl_attach_state(now.dwfl, NULL, (pid_t)pid, &threads, NULL);
}

static int
frame(Dwfl_Frame *f, void *arg)
{
	const struct names_frame *name;
	const struct space_map *map;
	uint64_t vaddr;
	Dwarf_Addr pc;
	bool exact;

	(void)arg;
	if (!dwfl_frame_pc(f, &pc, &exact))
		return DWARF_CB_ABORT;
	if (pc == 0)
		return DWARF_CB_ABORT;
	pc -= !exact;
	map = space_find(now.space, pc);
	if (map && known_of(map)->object &&
	    object_vaddr(known_of(map)->object, pc - map->start + map->offset, &vaddr) == 0 &&
	    names_find(known_of(map)->names, vaddr, false, &name) > 0)
		printf("\t%llx %.*s (x)\n", (unsigned long long)pc, SLICE_ARG(name->name));
	else
		printf("\t%llx [unknown] (x)\n", (unsigned long long)pc);
	return DWARF_CB_OK;
}

static void
sample(const struct trace_record *r)
{
	int t = trace_field_of(r->shape, SLICE("t"), TRACE_INT),
	    pid = trace_field_of(r->shape, SLICE("pid"), TRACE_INT),
	    tid = trace_field_of(r->shape, SLICE("tid"), TRACE_INT),
	    regs = trace_field_of(r->shape, SLICE("regs"), TRACE_ADDRS),
	    dump = trace_field_of(r->shape, SLICE("ustack"), TRACE_BYTES),
	    stack = trace_field_of(r->shape, SLICE("stack"), TRACE_STRS),
	    origin = trace_field_of(r->shape, SLICE("origin"), TRACE_STRS);

	if (t < 0 || pid < 0 || tid < 0 || stack < 0 || origin < 0)
		return;
	printf("x %lld/%lld %lld.%09lld:\n", (long long)r->value[pid].i, (long long)r->value[tid].i,
	    (long long)r->value[t].i / 1000000000, (long long)r->value[t].i % 1000000000);
	for (uint32_t i = r->value[stack].list.n; i-- > 0;)
		if (slice_starts(r->value[origin].list.s[i], SLICE("k:")))
			printf("\t0 %.*s (k)\n", SLICE_ARG(r->value[stack].list.s[i]));
	now.space = spaces_of(&space.spaces, r->value[pid].i);
	now.arch = space.arch;
	if (now.space && now.arch && regs >= 0 && r->value[regs].list.n == now.arch->regs) {
		now.regs = r->value[regs].list.u;
		now.stack = dump < 0 ? SLICE("") : r->value[dump].s;
		report(r->value[pid].i);
		dwfl_getthread_frames(now.dwfl, 1, frame, NULL);
	}
	putchar('\n');
}

int
main(void)
{
	struct trace_reader *reader = trace_reader_new(STDIN_FILENO);
	struct trace_record r;
	struct error e;

	while (trace_next(reader, &r) > 0) {
		if (address_space_wants(r.shape->type)) {
			if (address_space_record(&space, &r, &e) < 0) {
				fprintf(stderr, "unwind: %s\n", e.text);
				return 2;
			}
		} else if (slice_eq(r.shape->type, SLICE("sample"))) {
			sample(&r);
		}
	}
	dwfl_end(now.dwfl);
	return fflush(stdout) ? 2 : 0;
}
