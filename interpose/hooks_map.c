/* hooks_map.c - memory that comes from the kernel: mmap(2) and its like, and objects that go */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/shm.h>

#include "interpose/backing.h"
#include "interpose/hook.h"
#include "interpose/process.h"

#define MAPPED(t, what, at, bytes, was)                                                            \
	do {                                                                                       \
		struct stack_start caller_ = STACK_START();                                        \
		record_alloc_long(t, &caller_,                                                     \
		    &(struct record_event){ .op = (what),                                          \
			.addr = (uintptr_t)(at),                                                   \
			.size = (bytes),                                                           \
			.old = (uintptr_t)(was) });                                                \
	} while (0)

#define UNMAPPED(t, what, at, bytes)                                                               \
	do {                                                                                       \
		struct stack_start caller_ = STACK_START();                                        \
		record_free_long(t, &caller_, what, (const void *)(at), bytes);                    \
	} while (0)

/* This library maps memory, too. */
#define ENTER() (next_is_own(HOOK_PC) ? NULL : HOOK_ENTER())

static void
failed(void)
{
	process_count(WIRE_FAILED, 1);
}

HOOK void *
mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	struct thread *t = ENTER();
	void *p = next.mmap(at, n, protection, flags, fd, offset);

	if (t == NULL)
		return p;
	if (p == MAP_FAILED)
		failed();
	else
		MAPPED(t, WIRE_MMAP, p, n, 0);
	return p;
}

/* off_t has 64 bits wherever we run. */
HOOK void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset)
    __attribute__((alias("mmap")));

HOOK int
munmap(void *at, size_t n)
{
	struct thread *t = ENTER();
	int result;

	if (t)
		UNMAPPED(t, WIRE_MUNMAP, at, n);
	result = next.munmap(at, n);
	if (t && result < 0)
		/* it lives on */
		MAPPED(t, WIRE_MMAP, at, n, at);
	return result;
}

HOOK void *
mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	struct thread *t = ENTER();
	void *to = NULL, *p;
	va_list rest;

	if (flags & MREMAP_FIXED) {
		va_start(rest, flags);
		to = va_arg(rest, void *);
		va_end(rest);
	}
	if (t)
		UNMAPPED(t, WIRE_FREE_MREMAP, old, old_size);
	p = next.mremap(old, old_size, size, flags, to);
	if (t == NULL)
		return p;
	if (p == MAP_FAILED) {
		failed();
		MAPPED(t, WIRE_MREMAP, old, old_size, old);
	} else {
		MAPPED(t, WIRE_MREMAP, p, size, old);
	}
	return p;
}

HOOK int
brk(void *to)
{
	struct thread *t = ENTER();
	char *was = t ? next.sbrk(0) : NULL;
	int result;

	if (t && (char *)to < was)
		UNMAPPED(t, WIRE_FREE_BRK, to, (size_t)(was - (char *)to));
	result = next.brk(to);
	if (t && result < 0)
		failed();
	else if (t && (char *)to > was)
		MAPPED(t, WIRE_BRK, was, (size_t)((char *)to - was), 0);
	return result;
}

HOOK void *
sbrk(intptr_t by)
{
	struct thread *t = by ? ENTER() : NULL;
	char *was;

	if (t && by < 0)
		UNMAPPED(t, WIRE_FREE_BRK, (char *)next.sbrk(0) + by, (size_t)-by);
	was = next.sbrk(by);
	if (t && was == (void *)-1)
		failed();
	else if (t && by > 0)
		MAPPED(t, WIRE_BRK, was, (size_t)by, 0);
	return was;
}

HOOK void *
shmat(int id, const void *at, int flags)
{
	struct thread *t = ENTER();
	void *p = next.shmat(id, at, flags);
	struct shmid_ds about = { 0 };
	int kept = errno;

	if (t == NULL)
		return p;
	if (p == (void *)-1) {
		failed();
		return p;
	}
	shmctl(id, IPC_STAT, &about);
	errno = kept;
	MAPPED(t, WIRE_SHMAT, p, about.shm_segsz, 0);
	return p;
}

HOOK int
shmdt(const void *at)
{
	struct thread *t = ENTER();

	if (t)
		UNMAPPED(t, WIRE_SHMDT, at, 0);
	return next.shmdt(at);
}

/* Other code may come to the same addresses. */
HOOK int
dlclose(void *handle)
{
	int result = next.dlclose(handle);

	if (process.walk_depth > 0)
		stack_objects_changed();
	if (process.backing)
		backing_objects_changed();
	return result;
}
