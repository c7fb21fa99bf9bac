/* site.h - allocation sites: the stacks of allocations as texts, each with a number
 *
 * A site is the functions of a list, root first, tidied (frame_name.h) and separated by ';'; or only its innermost `depth`. A
 * list of addresses, leaf first, gives hex. What has no stack is the site "[no stack]". A list is looked at once per block.
 *
 * Units:     none.
 * Ownership: the caller holds the struct, site_free() what it points to; names live as long.
 * Errors:    none.
 * Source:    own.
 */
#ifndef FLOW_SITE_H
#define FLOW_SITE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "trace/block.h"

struct site {
	unsigned depth;     /* 0: all */
	struct slice *name; /* of the sites, or what texts the caller added */
	size_t n;

	/* private */
	size_t cap;
	struct hash_set set;
	struct arena arena;
	struct buf text;
	uint32_t *list[2]; /* of the block: numbers of strings' and of addresses' lists */
	size_t list_cap[2];
};

/* The lists of this block are new. */
void site_begin(struct site *s, struct trace_block *b);

/* The number of a list of TRACE_STRS or TRACE_ADDRS; another kind: of none. */
uint32_t site_of(struct site *s, struct trace_block *b, enum trace_kind kind, uint32_t list);

/* The number of a text. */
uint32_t site_text(struct site *s, struct slice text);

void site_free(struct site *s);

#endif
