/* init.c - how a process begins and ends: the shared memory found, its slot taken */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "interpose/backing.h"
#include "interpose/hook.h"
#include "interpose/process.h"
#include "interpose/touch.h"

extern char **environ;

struct process process;

enum { POLICY_DEPTH = 16 }; /* for rules by site, where no chains are recorded */
enum state { NOT_BEGUN, BEGINNING, LIVE, OFF };

/* The first word is in memory that the kernel wipes in a child. */
struct wiped {
	_Atomic uint32_t state;
};

static struct wiped unwiped; /* until there is a page */
static struct wiped *wiped = &unwiped;
static int32_t parent; /* who we were when we began */

void
process_ring_bell(void)
{
	struct wire_header *h = process.wire;
	int kept = errno;

	if (atomic_load(&h->sleeping)) {
		atomic_fetch_add(&h->bell, 1);
		hook_syscall(SYS_futex, (long)&h->bell, FUTEX_WAKE, 1, 0, 0, 0);
	}
	errno = kept;
}

/* ---- the shared memory ---- */

/* Of the dynamic linker: where the stack began, with argc, argv and the environment. */
extern long *__libc_stack_end __attribute__((weak));

static const char *
find_variable(void)
{
	static const char name[] = WIRE_VARIABLE "=";
	const size_t n = sizeof name - 1;
	char **e = environ;

	/* before the C library begins */
	if (e == NULL && &__libc_stack_end && __libc_stack_end)
		e = (char **)(void *)(__libc_stack_end + 1 + *__libc_stack_end + 1);
	for (; e && *e; e++)
		if (strncmp(*e, name, n) == 0)
			return *e + n;
	return NULL;
}

static const char *
number(const char *s, int *v)
{
	*v = 0;
	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++)
		*v = *v < INT_MAX / 10 - 1 ? *v * 10 + (*s - '0') : INT_MAX;
	return s;
}

static struct wire_header *
map(int fd)
{
	static bool lost;
	struct wire_header *h;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != (off_t)WIRE_BYTES)
		return NULL;
	h = hook_mmap(NULL, WIRE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h == MAP_FAILED) {
		/* no room for the whole (RLIMIT_AS): the recorder is told that somebody is missing */
		if (lost)
			return NULL;
		lost = true;
		h = hook_mmap(NULL, sizeof *h, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (h != MAP_FAILED) {
			if (h->magic == WIRE_MAGIC)
				atomic_fetch_add(&h->lost_processes, 1);
			hook_munmap(h, sizeof *h);
		}
		return NULL;
	}
	if (h->magic != WIRE_MAGIC || h->version != WIRE_VERSION ||
	    h->bytes_of_header != sizeof *h || h->bytes != WIRE_BYTES) {
		hook_munmap(h, WIRE_BYTES);
		return NULL;
	}
	madvise(h, WIRE_BYTES, MADV_DONTDUMP);
	return h;
}

/* "PID:FD:NAME" */
static struct wire_header *
find_wire(void)
{
	const char *text = find_variable(), *colon, *end;
	char path[64], *to = path;
	struct wire_header *h = NULL;
	int pid, fd, opened;

	colon = text ? number(text, &pid) : NULL;
	end = colon && *colon == ':' ? number(colon + 1, &fd) : NULL;
	if (end == NULL || end - text > 32)
		return NULL;
	to = mempcpy(to, "/proc/", 6);
	to = mempcpy(to, text, (size_t)(colon - text));
	to = mempcpy(to, "/fd/", 4);
	to = mempcpy(to, colon + 1, (size_t)(end - colon - 1));
	*to = '\0';
	opened = (int)hook_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0);
	if (opened >= 0) {
		h = map(opened);
		hook_syscall(SYS_close, opened, 0, 0, 0, 0, 0);
	}
	return h ? h : map(fd);
}

/* ---- the process ---- */

static int
find_slot(struct wire_header *h)
{
	for (unsigned i = 0; i < WIRE_PROCESSES; i++) {
		uint32_t state = WIRE_FREE_SLOT, used;

		if (!atomic_compare_exchange_strong(&wire_process(h, i)->state, &state, WIRE_TAKEN))
			continue;
		used = atomic_load(&h->processes);
		while (used < i + 1 && !atomic_compare_exchange_weak(&h->processes, &used, i + 1))
			;
		return (int)i;
	}
	atomic_fetch_add(&h->lost_processes, 1);
	return -1;
}

static uint64_t
ticks_now(void)
{
	const struct thread clock = { .flags = process.clock == WIRE_RAW ? THREAD_RAW : 0 };

	return record_ticks(&clock, true);
}

static bool
take_slot(bool forked)
{
	struct wire_header *h = process.wire;
	int i = find_slot(h);
	struct wire_process *p;
	ssize_t n;

	process.pid = (int32_t)hook_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	process.slot = NULL;
	if (i < 0)
		return false;
	p = wire_process(h, (unsigned)i);
	p->pid = process.pid;
	p->ppid = forked ? parent : 0;
	p->touch = -1;
	p->began = ticks_now();
	atomic_store(&p->ended, 0);
	atomic_store(&p->notes, 0);
	p->note_errno = 0;
	p->serial++;
	for (unsigned k = 0; k < WIRE_COUNTS; k++)
		atomic_store(&p->count[k], 0);
	atomic_store(&p->hidden, 0);
	n = hook_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)p->exe,
	    sizeof p->exe - 1, 0, 0);
	p->exe[n > 0 ? n : 0] = '\0';
	process.number = (uint32_t)i;
	process.slot = p;
	return true;
}

/* A program that brings its own allocator calls that, and not us. One at a fixed address that takes the address of malloc
 * has a symbol, too, but without a definition: its entry in the PLT leads to us. */
static bool
own_malloc(void)
{
	struct dl_find_object found;
	void *p = dlsym(RTLD_DEFAULT, "malloc"), *symbol = NULL;
	Dl_info info;

	return p && _dl_find_object(p, &found) == 0 &&
	       (uintptr_t)found.dlfo_map_start != next_own() &&
	       dladdr1(p, &info, &symbol, RTLD_DL_SYMENT) != 0 &&
	       (symbol == NULL || ((const ElfW(Sym) *)symbol)->st_shndx != SHN_UNDEF);
}

static void
begin_process(bool forked)
{
	struct wire_header *h = process.wire;
	struct thread *t;

	if (process.backing) {
		if (forked)
			backing_forked(process.slot);
		else
			backing_begin(h->text, h->text_bytes, process.slot);
	}
	if (process.backing && !forked) {
		process.backing_by_site = backing_by_site();
		process.everywhere = backing_site(NULL, 0);
	}
	process.walk_depth = process.depth > 0         ? process.depth
			     : process.backing_by_site ? POLICY_DEPTH
						       : 0;
	if (process.walk_depth > 0)
		stack_begin();
	if (h->flags & WIRE_TOUCH)
		touch_begin(h, process.slot);
	atomic_store(&process.slot->state, WIRE_LIVE);
	t = thread_begin();
	if (t == NULL)
		return;
	record_note(t, forked ? WIRE_FORK : WIRE_EXEC);
	if (!forked)
		record_maps(t, 0, UINTPTR_MAX);
}

static bool
attach(void)
{
	struct wire_header *h = find_wire();
	void *page;

	if (h == NULL)
		return false;
	process.wire = h;
	process.clock = h->clock;
	process.depth = h->depth < WIRE_DEPTH_MAX ? h->depth : WIRE_DEPTH_MAX;
	process.lossy = h->flags & WIRE_LOSSY;
	process.free_stacks = h->flags & WIRE_FREE_STACKS;
	process.backing = h->flags & WIRE_BACKING;
	process.min = h->min;
	process.sample = h->sample;
	page = hook_mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	atomic_store(&((struct wiped *)page)->state, BEGINNING);
	madvise(page, 4096, MADV_WIPEONFORK);
	wiped = page;
	return true;
}

bool
process_live(void)
{
	uint32_t state = atomic_load(&wiped->state);
	bool forked = process.wire != NULL;

	if (state == LIVE)
		return true;
	if (state != NOT_BEGUN || !atomic_compare_exchange_strong(&wiped->state, &state, BEGINNING))
		return false;
	if (!forked)
		next_begin();
	if (forked || attach()) {
		if (take_slot(forked)) {
			begin_process(forked);
			parent = process.pid;
			atomic_store(&wiped->state, LIVE);
			return true;
		}
	}
	atomic_store(&wiped->state, OFF);
	return false;
}

static void
in_child(void)
{
	/* where the kernel has not wiped it */
	if (atomic_load(&wiped->state) != OFF || process.wire)
		atomic_store(&wiped->state, NOT_BEGUN);
	if (process.wire == NULL)
		return;
	thread_wipe();
	HOOK_ENTER();
}

static __attribute__((constructor)) void
begin(void)
{
	HOOK_ENTER();
	if (process.wire == NULL)
		return;
	thread_watch();
	pthread_atfork(NULL, NULL, in_child);
	if (process.slot && own_malloc())
		atomic_fetch_or(&process.slot->notes, WIRE_OWN_MALLOC);
}

static __attribute__((destructor)) void
end(void)
{
	struct thread *t = HOOK_ENTER();

	if (t == NULL || process.slot == NULL)
		return;
	record_note(t, WIRE_EXIT);
	if (process.wire->flags & WIRE_TOUCH)
		touch_end(process.wire, process.slot);
	atomic_store(&process.slot->ended, ticks_now());
	process_ring_bell();
}
