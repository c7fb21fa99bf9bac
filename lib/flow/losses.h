/* losses.h - what a trace says was lost, added up by reason, for those who summarise it
 *
 * Units:     records, as `lost n` says.
 * Ownership: the caller holds the struct, losses_free() what it points to.
 * Errors:    none.
 * Source:    leat-trace(5), "The ledger of loss".
 */
#ifndef FLOW_LOSSES_H
#define FLOW_LOSSES_H

#include "base/arena.h"
#include "base/buf.h"
#include "trace/block.h"

struct losses {
	struct losses_reason {
		struct slice why;
		uint64_t n;
	} * reason; /* in order of appearance */
	size_t reasons, cap;
	struct arena arena;
};

#define LOSSES_INIT ((struct losses){ 0 })

/* Adds the lost records of a block; those of one record; a count that the caller knows. */
void losses_block(struct losses *l, struct trace_block *b);
void losses_record(struct losses *l, const struct trace_record *r);
void losses_add(struct losses *l, struct slice why, uint64_t n);

/* Appends a line `# lost=N why=REASON` for each reason, quoted as words of tables are (form/table.h). */
void losses_put(const struct losses *l, struct buf *to);

void losses_free(struct losses *l);

#endif
