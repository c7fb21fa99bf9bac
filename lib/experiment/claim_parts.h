/* claim_parts.h - what the files of claim.h share: owners of claims
 *
 * Units:     nanoseconds.
 * Ownership: none is kept.
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef EXPERIMENT_CLAIM_PARTS_H
#define EXPERIMENT_CLAIM_PARTS_H

#include "base/buf.h"
#include "experiment/claim.h"

/* As text, a line for each field. What is damaged names nobody. */
void claim_owner_put(struct buf *b, const struct claim_owner *o);
void claim_owner_parse(struct slice text, struct claim_owner *o);

/* 1; 0 where there is none. */
int claim_owner_read(const char *path, struct claim_owner *o, struct error *e);

/* The process pid, with an id of its own. */
int claim_owner_new(struct claim_owner *o, pid_t pid, uint64_t lease_ns, struct error *e);

bool claim_owner_lives(const struct claim_owner *o);

/* Whether the owner is pid, or an ancestor of it by so many generations at least. */
bool claim_owner_is_above(const struct claim_owner *o, pid_t pid, int least);

/* Ends what was started for a claim, and goes on without its maker. */
int claim_owner_end_left(const struct claim_owner *o, struct error *e);

/* The results, with the three directories in them. */
int claim_directories(const char *results, struct error *e);

#endif
