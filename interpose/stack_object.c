#include "interpose/stack_object.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "interpose/stack_parts.h"

#if defined(DLFO_STRUCT_HAS_EH_DBASE) && !defined(STACK_OWN_LIST) /* tests build both */

static bool
find(uintptr_t addr, struct stack_object *o)
{
	struct dl_find_object found;

	if (_dl_find_object((void *)addr, &found) != 0)
		return false;
	o->start = (uintptr_t)found.dlfo_map_start;
	o->end = (uintptr_t)found.dlfo_map_end;
	o->hdr = found.dlfo_eh_frame;
	return true;
}

static void
list_make(void)
{
}

#else

enum { LIST = 1024, MISSES = 64 };

/* The one that is not current is made anew; a reader that is so late that it becomes current twice may miss. */
static struct list {
	unsigned n;
	struct stack_object object[LIST];
} lists[2];

static _Atomic unsigned current;
static atomic_flag making = ATOMIC_FLAG_INIT;
static _Atomic uintptr_t missed[MISSES]; /* pages of no object: code that was made at run time */

static int
list_add(struct dl_phdr_info *info, size_t size, void *to)
{
	struct list *list = to;
	struct stack_object o = { .start = UINTPTR_MAX };

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			o.hdr = (const unsigned char *)at;
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (at < o.start)
			o.start = at & ~(uintptr_t)(STACK_PAGE - 1);
		if (at + info->dlpi_phdr[i].p_memsz > o.end)
			o.end = at + info->dlpi_phdr[i].p_memsz;
	}
	if (o.start < o.end && list->n < LIST)
		list->object[list->n++] = o;
	return 0;
}

static void
list_make(void)
{
	unsigned next;

	if (atomic_flag_test_and_set(&making))
		return;
	next = !atomic_load(&current);
	lists[next].n = 0;
	dl_iterate_phdr(list_add, &lists[next]);
	atomic_store(&current, next);
	atomic_flag_clear(&making);
}

static bool
list_find(uintptr_t addr, struct stack_object *o)
{
	const struct list *list = &lists[atomic_load(&current)];

	for (unsigned i = 0; i < list->n; i++)
		if (addr - list->object[i].start < list->object[i].end - list->object[i].start) {
			*o = list->object[i];
			return true;
		}
	return false;
}

static bool
find(uintptr_t addr, struct stack_object *o)
{
	uintptr_t page = addr / STACK_PAGE;

	if (list_find(addr, o))
		return true;
	if (atomic_load(&missed[page % MISSES]) == page)
		return false;
	list_make(); /* it may have been opened since */
	if (list_find(addr, o))
		return true;
	atomic_store(&missed[page % MISSES], page);
	return false;
}

#endif

/* ---- objects that were met ---- */

enum { SEEN = 2048, GONE = 1 };

static struct seen {
	_Atomic uintptr_t start; /* 0 free, GONE */
	uintptr_t end;
	const unsigned char *hdr;
} seen[SEEN];

/* True where it is new. */
static bool
see(const struct stack_object *o)
{
	unsigned at = (unsigned)(o->start >> 12) % SEEN;

	for (unsigned i = 0; i < SEEN; i++, at = (at + 1) % SEEN) {
		uintptr_t is = atomic_load(&seen[at].start);

		if (is == 0 && atomic_compare_exchange_strong(&seen[at].start, &is, o->start)) {
			seen[at].end = o->end;
			seen[at].hdr = o->hdr;
			return true;
		}
		if (is == o->start)
			return false;
	}
	return false;
}

void
stack_objects_look(void)
{
	list_make();
	for (unsigned i = 0; i < SEEN; i++) {
		uintptr_t start = atomic_load(&seen[i].start);
		struct stack_object now;

		if (start <= GONE)
			continue;
		if (!find(start, &now) || now.start != start || now.end != seen[i].end ||
		    now.hdr != seen[i].hdr)
			atomic_store(&seen[i].start, GONE);
	}
}

bool
stack_object_of(uintptr_t addr, struct stack_object *o)
{
	if (!find(addr, o))
		return false;
	if (see(o))
		stack_new_object(o->start, o->end);
	return true;
}

static int
begin(struct dl_phdr_info *info, size_t size, void *context)
{
	struct stack_object o;

	(void)size;
	(void)context;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD) {
			if (find(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, &o))
				see(&o);
			break;
		}
	return 0;
}

void
stack_begin(void)
{
	static bool begun;

	if (!begun) {
		list_make();
		dl_iterate_phdr(begin, NULL);
	}
	begun = true;
}

/* ---- their call frame information ---- */

static struct cfi_section
section(const struct stack_object *o, uintptr_t at, bool eh)
{
	uintptr_t n = o->end - at;

	return (struct cfi_section){
		.p = (const unsigned char *)at,
		.n = n < INT32_MAX ? n : INT32_MAX - 1,
		.addr = at,
		.eh = eh,
	};
}

bool
stack_object_row(const struct stack_object *o, uintptr_t addr, struct cfi_section *s,
    struct cfi_row *row, struct cfi_rule *rule, bool *first)
{
	uintptr_t hdr_at = (uintptr_t)o->hdr;
	struct cfi_section hdr;
	struct cfi_table table;
	struct cfi_fde fde;
	uint64_t eh_frame, at;

	if (hdr_at - o->start >= o->end - o->start)
		return false;
	hdr = section(o, hdr_at, false);
	if (cfi_table(&hdr, &table, &eh_frame) < 0 || eh_frame < o->start || eh_frame >= o->end)
		return false;
	*s = section(o, eh_frame, true);
	if (cfi_table_find(&table, addr, &at) < 0 || at < eh_frame || at >= o->end)
		return false;
	if (cfi_fde(s, at - eh_frame, &fde) < 0 || addr < fde.pc || addr >= fde.end)
		return false;
	*first = addr == fde.pc;
	return cfi_row_of(s, &fde, STACK_ARCH, addr - fde.pc, row, rule) == 0;
}

bool
stack_is_trampoline(const struct stack_object *object, uintptr_t pc)
{
	struct slice want = STACK_ARCH->sigreturn;

	return object->end - pc >= want.n && memcmp((const void *)pc, want.p, want.n) == 0;
}
