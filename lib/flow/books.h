/* books.h - the ledger of a stream, added up
 *
 * Each `start` opens a stage, each `end` closes an open one of its tool and its src: the first of those that started
 * together, the latest of others. A stage's input is what those stages put out that ended after it started, whose src it
 * covers, that did not start right behind it (a filter's own start comes after those of its input), and that no other
 * stage has taken; what nobody took must be what the stream holds. src is a number, a list of them, or missing, which
 * covers all. A stage that says its clock or its host, or not what it read, is a source: it takes nothing.
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
	bool source, ended, taken;
	int64_t *src; /* ascending */
	uint32_t srcs;
	bool scoped;       /* src says of which it is, else it is of all */
	uint64_t ended_at; /* order of ends, from 1 */
	uint64_t started_at;
	uint64_t group; /* starts that follow each other have the same */
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
	uint64_t group;
	bool starting; /* the last record was a start */
	struct arena names;
};

#define BOOKS_INIT ((struct books){ 0 })

void books_add(struct books *b, const struct trace_record *r);

/* Writes the verdicts; returns the first stage that does not balance, or NULL. */
const struct books_stage *books_balance(struct books *b);

void books_free(struct books *b);

#endif
