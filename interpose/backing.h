/* backing.h - memory from where a policy says
 *
 * The text of the policy (header.text) is made by the recorder: a line `pool N node=N` or `pool N path=DIR size=BYTES` for
 * each pool, and `rule N PATTERN` for each rule, in order: the first that matches decides. PATTERN is `*`, or matches
 * the name of a function of the chain (with * and ?), or, as OBJECT:FUNCTION, those of one object. `min BYTES` before
 * a rule: it is of allocations of so many bytes and more.
 * What a pool gave is known by its address, so free() of any thread finds its way back.
 */
#ifndef INTERPOSE_BACKING_H
#define INTERPOSE_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

/* The process begins: reads the policy. Pools are made at their first use. */
void backing_begin(const char *text, size_t n, struct wire_process *counts);
void backing_forked(struct wire_process *counts);

/* Whether rules ask for the functions of a chain: then a chain is taken before the allocation. */
bool backing_by_site(void);

/* The rules that may hold for a chain: to be remembered for as long as the chain's number means it. */
uint32_t backing_site(const uint64_t *frame, unsigned n);

/* After dlclose(3): what was remembered of addresses does not hold. */
void backing_objects_changed(void);

/* Memory of the pool that holds for these rules, or NULL: none does, or it is full (counted). align is a power of two, 0
 * for malloc's own. */
void *backing_take(uint32_t site, size_t size, size_t align, bool zero);

/* Two compares where there is no pool. */
bool backing_owns(const void *p);
size_t backing_usable(const void *p);
void backing_give(void *p);

#endif
