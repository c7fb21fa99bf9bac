/* books.h - the ledger of a stream, added up
 *
 * Each `start` opens a stage, each `end` closes the latest open one of its tool. A stage's input is what those stages
 * put out that ended after it started, and that no other stage has taken; what nobody took must be what the stream holds.
 * Memory: a few words a stage and a reason of loss.
 *
 * Units:     records; start, end and lost are not counted.
 * Ownership: the caller holds the struct, books_free() what it points to.
 * Errors:    none: what does not add up is the result.
 * Source:    own; leat-trace(5), "The ledger of loss".
 */
#ifndef FLOW_BOOKS_H
#define FLOW_BOOKS_H

#include "base/arena.h"
#include "base/error.h"
#include "trace/record.h"

struct books_stage {
	struct slice tool;
	bool ended, taken;
	uint64_t ended_at; /* order of ends, from 1 */
	uint64_t started_at;
	int64_t in, passed, used, made, dropped, lost;
	struct error verdict; /* empty where the stage balances */
};

struct books {
	struct books_stage *stage; /* in order of their starts */
	size_t stages, stage_cap;
	struct books_reason {
		struct slice why;
		uint64_t n;
	} * reason; /* in order of appearance */
	size_t reasons, reason_cap;
	uint64_t records;
	uint64_t events; /* starts and ends so far */
	struct arena names;
};

#define BOOKS_INIT ((struct books){ 0 })

void books_add(struct books *b, const struct trace_record *r);

/* Writes the verdicts; returns the first stage that does not balance, or NULL. */
const struct books_stage *books_balance(struct books *b);

void books_free(struct books *b);

#endif
