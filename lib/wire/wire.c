#include "wire/wire.h"

#include <linux/futex.h>

static const char *const op_names[WIRE_OPS] = {
	[WIRE_MALLOC] = "malloc",
	[WIRE_CALLOC] = "calloc",
	[WIRE_REALLOC] = "realloc",
	[WIRE_REALLOCARRAY] = "reallocarray",
	[WIRE_POSIX_MEMALIGN] = "posix_memalign",
	[WIRE_ALIGNED_ALLOC] = "aligned_alloc",
	[WIRE_MEMALIGN] = "memalign",
	[WIRE_VALLOC] = "valloc",
	[WIRE_PVALLOC] = "pvalloc",
	[WIRE_NEW] = "new",
	[WIRE_NEW_ARRAY] = "new[]",
	[WIRE_MMAP] = "mmap",
	[WIRE_MREMAP] = "mremap",
	[WIRE_BRK] = "brk",
	[WIRE_SHMAT] = "shmat",
	[WIRE_FREE] = "free",
	[WIRE_FREE_REALLOC] = "realloc",
	[WIRE_DELETE] = "delete",
	[WIRE_DELETE_ARRAY] = "delete[]",
	[WIRE_MUNMAP] = "munmap",
	[WIRE_FREE_MREMAP] = "mremap",
	[WIRE_FREE_BRK] = "brk",
	[WIRE_SHMDT] = "shmdt",
};

const char *
wire_op_name(enum wire_op op)
{
	return op < WIRE_OPS ? op_names[op] : NULL;
}

/* The kernel marks the word of a robust lock when its owner dies; where there is no owner, it has let go. */
bool
wire_recorder_died(const struct wire_header *h)
{
	uint32_t word = atomic_load_explicit(
	    (const _Atomic uint32_t *)(const void *)h->life, memory_order_relaxed);

	return (word & FUTEX_OWNER_DIED) || (word & FUTEX_TID_MASK) == 0;
}
