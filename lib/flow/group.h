/* group.h - records by the values of some fields: each distinct combination has a number
 *
 * The rows of a block get the numbers of their groups. A string or a stack is looked at once per block, a number once per
 * run of the same; the rest is one probe of a hash table for each row and field. A record that lacks a field has the label "-".
 * Memory: the distinct values and combinations.
 *
 * Units:     none.
 * Ownership: group_new() to group_free(); labels live as long. Rows' numbers live until the next call.
 * Errors:    group_rows() returns NULL with the text where a field is no number, string or stack.
 * Source:    own.
 */
#ifndef FLOW_GROUP_H
#define FLOW_GROUP_H

#include "base/error.h"
#include "trace/block.h"

struct group;

struct group *group_new(const struct slice *by, unsigned n);

/* The groups of the rows of shape s, numbered from 0 in order of appearance. */
const uint32_t *group_rows(struct group *g, struct trace_block *b, unsigned s, struct error *e);

/* How many there are so far. */
uint32_t group_count(const struct group *g);

/* The labels of a group, one for each field. */
const struct slice *group_label(const struct group *g, uint32_t number);

void group_free(struct group *g);

#endif
