/* allocator.h - the functions by which a running process gets memory, and gives it back
 *
 * Looks through the symbols of all objects that a process has mapped: malloc and what belongs to it, operator new and delete
 * in all their forms, mmap, munmap, mremap. So an allocator of the program's own is found as the C library's is, in a
 * static program too, if it has symbols. Functions under several names are found once.
 *
 * Costs a look at each symbol of each object, some milliseconds.
 *
 * Units:     bytes, offsets in files.
 * Ownership: the caller holds the struct, allocator_free() the paths.
 * Errors:    -1 and the text.
 * Source:    malloc(3), C++23 [new.delete]; Itanium C++ ABI for the names.
 */
#ifndef FLOW_ALLOCATOR_H
#define FLOW_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* What a call means; numbers of arguments, -1 for none. */
struct allocator_function {
	const char *symbol;
	const char *op;      /* of its `alloc`; NULL: gives none */
	const char *free_op; /* of its `free`; NULL: takes none */
	int8_t size, count;  /* the size is their product */
	int8_t align, old;   /* alignment; the address that is given back */
	uint8_t rank; /* of ends: a function may call those of a lower rank for the same address */
	bool by_pointer; /* the address is stored where argument 0 points */
	bool mapping;    /* mmap and the like: fails with -1 */
	bool
	    may_throw; /* operator new: a probe at its return would be in the way of the exception */
};

enum { ALLOCATOR_FUNCTIONS_MAX = 64, ALLOCATOR_ARGS = 3 };

extern const struct allocator_function allocator_function[];
extern const unsigned allocator_functions;

struct allocator_place {
	char *path; /* for the kernel: reaches deleted files, and those of containers */
	uint64_t offset;
	uint8_t function;
	bool
	    alone; /* an operator new of an allocator that has its own, and does not call malloc() for it */
};

struct allocator {
	struct allocator_place *place;
	size_t places, cap;
	char **object; /* those that have them, as maps names them */
	size_t objects, object_cap;
	char **file; /* private: device and inode of all that were looked at */
	size_t files, file_cap;
};

#define ALLOCATOR_INIT ((struct allocator){ 0 })

/* Adds what process pid has mapped; files that were looked at already are not looked at again. */
int allocator_find(struct allocator *a, pid_t pid, struct error *e);

void allocator_free(struct allocator *a);

#endif
