/* lives.h - which free ends which allocation
 *
 * The records of a trace in their order. A free, and a realloc whose `old` says so, ends the latest allocation at its
 * address, in its process, that was not ended. Memory: 40 bytes for each allocation.
 *
 * Units:     nanoseconds; numbers of records in their run.
 * Ownership: the caller holds the struct; lives_free() releases what is in it.
 * Errors:    none but out of memory.
 * Source:    own.
 */
#ifndef STORE_LIVES_H
#define STORE_LIVES_H

#include "base/hash.h"

struct life {
	uint64_t begin; /* number of the allocation */
	uint64_t end;   /* of the record that ended it; LIVES_OPEN where there is none */
	int64_t until;  /* its t */
	uint32_t below; /* private */
};

#define LIVES_OPEN UINT64_MAX

struct lives {
	struct life *life; /* in order of begin */
	size_t lives, cap;
	struct lives_place *place; /* private */
	size_t places, place_cap;
	struct hash_set set;
};

/* space: of which address space (a process) the address is. */
void lives_begin(struct lives *l, uint64_t space, uint64_t addr, uint64_t number);
void lives_end(struct lives *l, uint64_t space, uint64_t addr, uint64_t number, int64_t t);

void lives_clear(struct lives *l);
void lives_free(struct lives *l);

#endif
