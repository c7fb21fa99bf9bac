/* next.h - the functions that stand behind ours
 *
 * What the program would have called without us: found by dlsym(RTLD_NEXT), so that another allocator that is preloaded
 * behind us, or linked, is the one. Until they are found (dlsym(3) itself may allocate), memory comes from a small buffer
 * that is never given back. Each pointer of the table is good from the beginning: it finds the rest at its first call.
 */
#ifndef INTERPOSE_NEXT_H
#define INTERPOSE_NEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct next_table {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*reallocarray)(void *, size_t, size_t);
	void (*free)(void *);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*malloc_usable_size)(void *);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	int (*munmap)(void *, size_t);
	void *(*mremap)(void *, size_t, size_t, int, ...);
	int (*brk)(void *);
	void *(*sbrk)(intptr_t);
	void *(*shmat)(int, const void *, int);
	int (*shmdt)(const void *);
	int (*dlclose)(void *);
	/* NULL where the C library has none */
	void (*free_sized)(void *, size_t);
	void (*free_aligned_sized)(void *, size_t, size_t);
};

extern struct next_table next;

/* Whether code is that of an allocator: what it calls while it serves a call of ours is no call of the program's. */
bool next_is_allocator(uintptr_t pc);

/* Finds all of them but those of C++; may be called again. */
void next_begin(void);

/* The operator of C++ of that (mangled) name, also where libstdc++ was loaded by dlopen(3) with RTLD_LOCAL; kept in *at.
 * NULL: there is none. */
void *next_operator(void *_Atomic *at, const char *name);

/* Whether code is of this library, and where that begins. */
bool next_is_own(uintptr_t pc);
uintptr_t next_own(void);

/* Memory of the buffer. */
extern unsigned char next_buffer[];
enum { NEXT_BUFFER = 256 << 10 };

static inline bool
next_buffer_owns(const void *p)
{
	return (uintptr_t)p - (uintptr_t)next_buffer < NEXT_BUFFER;
}

size_t next_buffer_usable(const void *p);

#endif
