/* unwind.h - records with addresses become records with the names of a call stack
 *
 * A sample, event, access, alloc or free with a chain, or with registers and a stack dump, gets `stack` and `origin`
 * instead. The kernel part is named by the trace's sym records (or an object given for the kernel), the user part by the objects that are mapped;
 * registers and dump are walked by CFI. State records are learned from, and pass on with everything else.
 *
 * Work is done once: a chain in an address space that has not changed is named once (O(1) per record after that), an
 * address of it too. The tables are bounded at about 64 MB together, and begin anew when full; beside them are the
 * symbols and DWARF tables of the objects that were hit (names.h).
 *
 * Units:     as in leat-trace(5).
 * Ownership: flow_unwind_new() to flow_unwind_free(); blocks and writers stay the caller's.
 * Errors:    -1 with the text in struct error: an unknown architecture, or the writer's. What has no name is counted.
 * Source:    own.
 */
#ifndef FLOW_UNWIND_H
#define FLOW_UNWIND_H

#include "base/error.h"
#include "trace/block.h"
#include "trace/writer.h"

struct flow_unwind_options {
	bool inlines;            /* name inlined functions too */
	bool mangled;            /* leave names of C++ and Rust as the linker sees them */
	bool keep;               /* leave chain, regs and ustack where they are */
	const char *symfs;       /* where the files of the trace's machine are, or NULL */
	const char *const *file; /* objects to use where build id or name match */
	size_t files;
};

struct flow_unwind;

struct flow_unwind *flow_unwind_new(const struct flow_unwind_options *o, struct error *e);

/* Another reader begins: its shapes have other numbers. */
void flow_unwind_input(struct flow_unwind *u);

enum flow_unwind_did { FLOW_UNWIND_LEDGER, FLOW_UNWIND_PASSED, FLOW_UNWIND_MADE };

/* The next record: row `row` of shape s of b. Call for the rows in the block's order. -1 or enum flow_unwind_did. */
int flow_unwind_row(struct flow_unwind *u, struct trace_block *b, unsigned s, uint32_t row,
    struct trace_writer *w, struct error *e);

/* What has been lost since the last call: calls fn for each reason with n > 0. */
void flow_unwind_lost(
    struct flow_unwind *u, void (*fn)(void *context, uint64_t n, const char *why), void *context);

void flow_unwind_free(struct flow_unwind *u);

#endif
