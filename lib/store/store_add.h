/* store_add.h - runs into a database
 *
 * A run is one transaction: after a crash at any moment it is there whole, or not at all, and adding it again gives what
 * there would have been. A run that is there (same uuid) is left alone; of one whose place another run has (same
 * experiment, name and attempt) the new one takes the place.
 *
 * Units:     none.
 * Ownership: store_adder_new() to store_adder_free(), before the store is closed.
 * Errors:    -1 and the text, which begins with the path at fault; nothing of the run was added then. What is damaged in a
 *            trace is no error: what is readable is added, with `lost` records, and told.
 * Source:    own; leat-store(5).
 */
#ifndef STORE_STORE_ADD_H
#define STORE_STORE_ADD_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "trace/reader.h"

struct store_adder;

enum store_added {
	STORE_ADDED,
	STORE_THERE,    /* it was there already */
	STORE_REPLACED, /* its place had another run */
	STORE_COMPLETED /* it was there without its traces */
};

struct store_add_options {
	bool first_only; /* traces of repetition 1 only */
	/* What was damaged, "PATH:PLACE: WHAT", in this run or when it was added; may be NULL. */
	void (*damaged)(void *context, const char *what);
	/* fd is the trace that is read; totals of all so far; may be NULL. */
	void (*progress)(void *context, int fd, uint64_t records, uint64_t bytes);
	void *context;
};

struct store_adder *store_adder_new(
    struct store *s, const struct store_add_options *options, struct error *e);

int store_add(struct store_adder *a, const char *dir, enum store_added *what, struct error *e);

/* What the runs that were given lost: in their traces, and in what is damaged. */
uint64_t store_adder_lost(const struct store_adder *a);

void store_adder_free(struct store_adder *a);

#endif
