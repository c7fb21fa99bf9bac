/* backing_policy.h - where allocations should lie: what the user writes, and what the preloaded library reads
 *
 *	node=N[,size=BYTES]		memory of NUMA node N
 *	path=DIR[,size=BYTES]		a file in DIR: a DAX or tmpfs mount
 *	rules=FILE			lines `SITE-PATTERN POLICY`, POLICY one of the two above; # begins a comment
 *
 * becomes lines `pool N node=N size=BYTES`, `pool N path=DIR size=BYTES`, `min BYTES`, `rule N PATTERN`. Nodes and directories
 * are tried here, before anything runs: the size of a pool is that of the node's memory, or of what is free in DIR, unless it is
 * given.
 *
 * Units:     bytes.
 * Ownership: the text is appended to the caller's buffer.
 * Errors:    -1 and the text, with the line of a file.
 * Source:    own.
 */
#ifndef FLOW_BACKING_POLICY_H
#define FLOW_BACKING_POLICY_H

#include "base/buf.h"
#include "base/error.h"

enum { BACKING_POLICY_POOLS = 8, BACKING_POLICY_RULES = 32 };

/* min: of what is placed. */
int backing_policy(const char *policy, uint64_t min, struct buf *text, struct error *e);

#endif
