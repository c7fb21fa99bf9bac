/* profile.h - self and total of the functions of many stacks, and who calls them
 *
 * A function's self is the weight of the stacks that end in it, its total that of all stacks it stands in, however often
 * (recursion counts once). Each stack gives a function's total to one caller: that of its occurrence nearest to the
 * root, so that the shares of callers add up to the total. Adding a stack is O(frames).
 *
 * Units:     those of the weights.
 * Ownership: the caller holds the struct, profile_free() what it points to.
 * Errors:    none; sums stop at 2^64-1.
 * Source:    own.
 */
#ifndef STAT_PROFILE_H
#define STAT_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define PROFILE_NOBODY UINT32_MAX /* the caller of a root */

struct profile_function {
	uint32_t id;
	uint64_t self, total;
};

struct profile_caller {
	uint32_t id, caller;
	uint64_t weight;
};

struct profile {
	uint64_t sum; /* of all stacks, those without frames included */
	struct profile_function *function;
	size_t functions;
	struct profile_caller *caller;
	size_t callers;
	struct hash_set caller_set; /* private, as all below */
	uint64_t *seen;
	uint64_t stacks;
	size_t function_cap, caller_cap, seen_cap;
};

#define PROFILE_INIT ((struct profile){ 0 })

/* A stack of function numbers, root first. Numbers are dense from 0. */
void profile_add(struct profile *p, const uint32_t *id, size_t n, uint64_t weight);

/* Sorts: functions by self, then total (both falling), then by cmp; callers by function in number order, then by weight
 * (falling), then by cmp. cmp says how the names of two function numbers sort (PROFILE_NOBODY never gets there). */
void profile_sort(struct profile *p, int (*cmp)(const void *context, uint32_t a, uint32_t b),
    const void *context);

/* The callers of a function, after profile_sort(): *n of them. */
const struct profile_caller *profile_callers(const struct profile *p, uint32_t id, size_t *n);

void profile_free(struct profile *p);

#endif
