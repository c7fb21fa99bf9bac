/* trigger.h - what opens and closes a window
 *
 *	none		nothing
 *	t=N t=+N	the stream reaches time (or cycle) N; with +, counted from its first record
 *	pc=ADDR		a record whose pc, else ip, else first address of chain, is ADDR
 *	pc=SYMBOL	... is the address of a sym record of that name; or whose stack ends in it
 *	insn=V[/MASK]	a record with ((insn ^ V) & MASK) == 0
 *	mark=X		a mark with the code X, or the name X
 *	EXPR		a record for which the expression holds (expr.h)
 *
 * A block is asked at once: one loop over a column, strings and lists once per distinct one.
 *
 * Units:     N as num_duration(): nanoseconds, or what t counts.
 * Ownership: trigger_new() to trigger_free(); texts are copied.
 * Errors:    NULL or -1, with the text.
 * Source:    own; TracerV's triggers: FireSim, TracerVModule and its [tracing] section.
 */
#ifndef FLOW_TRIGGER_H
#define FLOW_TRIGGER_H

#include "base/error.h"
#include "trace/block.h"

struct trigger;

struct trigger *trigger_new(struct slice text, struct error *e);

bool trigger_is_none(const struct trigger *x);

/* Whether it is t=N, and N; *relative: counted from the first record. */
bool trigger_is_time(const struct trigger *x, int64_t *n, bool *relative);

/* Whether it fires at each row of each shape: holds[s][row] become 0 or 1. Blocks come in order: sym records of one
 * are known from there on. none and t=N fire at no record. */
void trigger_block(struct trigger *x, struct trace_block *b, unsigned char *const *holds);

/* What a word at the end may say, as expr_unmet(): a field that no record has; *name borrows. */
bool trigger_unmet(const struct trigger *x, struct slice *name);

/* Whether it is pc=SYMBOL, and no sym record had this name; *name borrows. */
bool trigger_unknown(const struct trigger *x, struct slice *name);

void trigger_free(struct trigger *x);

/* SELECTOR,START,END of FireSim: 0 everything; 1 cycles first to last; 2 and 3 a pc, or mask and value of an
 * instruction, as triggers. END -1: all bits are set. */
struct trigger_tracerv {
	unsigned selector;
	uint64_t first, last;
	struct trigger *start, *end;
};

int trigger_tracerv(struct slice text, struct trigger_tracerv *out, struct error *e);

#endif
