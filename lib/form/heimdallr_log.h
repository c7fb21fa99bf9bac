/* heimdallr_log.h - the logs of allocations that Heimdallr writes, put right
 *
 * A line is `+SEC.NSEC,BASE,SIZE[,LIB+OFFSET]*` for an allocation, `-...` for its end; there is a file for each thread, in
 * which other threads' frees stand, too. Files are given one after another, in any order, in pieces of any size. Then
 * heimdallr_log_close() brings all into one order of time, and rights what the recorder had wrong:
 *
 *	duplicates	a forked child wrote its copy of the buffer once more: the same line again is dropped
 *	made up		what lives at exit was "freed" there: these ends are dropped where they can be told from real ones (behind
 *			the given end of the program; or, in logs with stacks, they have none)
 *	moved		an end was stamped when it was logged, behind the real free: where the address had been handed out again by then,
 *			the end is moved before that
 *
 * A chain is addresses of a synthetic space, in which library LIB begins at HEIMDALLR_LIB + (LIB << 32), far above all that
 * a program has; the first is 1 less than the log says, which is a return address.
 * Memory: 56 bytes a line, the distinct stacks, and 16 bytes for each address seen. About 100 ns a line.
 *
 * Units:     nanoseconds of CLOCK_MONOTONIC_RAW; bytes.
 * Ownership: the caller holds the struct, zeroed at first; heimdallr_log_free() the rest.
 * Errors:    none: lines that are wrong are counted, with the place of the first.
 * Source:    own; the format as Heimdallr's sources of 2023-09-14 describe it.
 */
#ifndef FORM_HEIMDALLR_LOG_H
#define FORM_HEIMDALLR_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"

#define HEIMDALLR_LIB  UINT64_C(0x0100000000000000)
#define HEIMDALLR_NONE UINT32_MAX

enum { HEIMDALLR_LIBS = 1 << 16 };

struct heimdallr_event {
	int64_t t;
	uint64_t addr, size;
	uint64_t seq;   /* of equal times, the order */
	uint32_t chain; /* number; 0 is none */
	uint32_t file;  /* number, in the order in which they came */
	uint32_t mate;  /* private */
	bool end;
};

struct heimdallr_chain {
	size_t at; /* in item[] */
	uint32_t n;
};

struct heimdallr_log {
	struct heimdallr_event *event;
	size_t events, cap;
	uint64_t *item;
	size_t items, item_cap;
	struct heimdallr_chain *chain;
	size_t chains, chain_cap;
	uint64_t *top; /* the largest offset in each library, + 1; 0: it is in no stack */
	size_t tops;

	uint64_t lines, bad, cut;            /* cut: files that end within a line */
	uint64_t duplicates, made_up, moved; /* see above */
	struct error first;                  /* bad line: "alloc_0_7.log:12: what" */

	/* Private: the file at hand, and the set of chains. */
	struct buf rest, name;
	uint64_t line;
	uint32_t files;
	struct hash_set set;
};

/* A file begins; its name is for messages. Returns its number. */
uint32_t heimdallr_log_file(struct heimdallr_log *l, struct slice name);
void heimdallr_log_feed(struct heimdallr_log *l, const char *p, size_t n);

/* It ends. */
void heimdallr_log_file_end(struct heimdallr_log *l);

/* All are in. end: when the program ended, INT64_MAX where that is not known. */
void heimdallr_log_close(struct heimdallr_log *l, int64_t end);

void heimdallr_log_free(struct heimdallr_log *l);

#endif
