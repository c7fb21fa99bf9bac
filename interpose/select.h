/* select.h - which allocations are recorded, and which frees belong to them: --min and --sample
 *
 * Sampling is a Poisson process over the bytes that are allocated: an allocation of s bytes is recorded with probability
 * 1 - exp(-s / rate), and stands for s / (1 - exp(-s / rate)) bytes, so that sums over any set of allocations are unbiased.
 *
 * The addresses that were recorded stand in a table without locks: lines of eight, in levels that are eight times as large
 * each, made when the one before is full. An address is in one place at most. Looking for one that is not there costs a
 * line of each level.
 *
 * Source: the scheme is that of jemalloc's prof_sample and of tcmalloc; own.
 */
#ifndef INTERPOSE_SELECT_H
#define INTERPOSE_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "interpose/thread.h"

/* Whether an allocation of that size is recorded; *weight: the bytes that it stands for, 0 where all are recorded. */
bool select_size(struct thread *t, uint64_t size, uint64_t *weight);

/* false: there is no memory for the table. */
bool select_keep(uintptr_t address);

/* Whether it was kept; it no longer is. */
bool select_drop(uintptr_t address);

#endif
