/* policy_parts.h - what the parts of policy.h share: a rule, and numbers in units
 *
 * Units:     those of the facts.
 * Ownership: the policy's.
 * Errors:    false where there is no number.
 * Source:    own.
 */
#ifndef EXPERIMENT_POLICY_PARTS_H
#define EXPERIMENT_POLICY_PARTS_H

#include <regex.h>

#include "experiment/policy.h"

enum policy_op {
	POLICY_EQ,
	POLICY_NE,
	POLICY_LT,
	POLICY_LE,
	POLICY_GT,
	POLICY_GE,
	POLICY_MATCH,
	POLICY_NO_MATCH,
	POLICY_IN
};

struct policy_rule {
	struct slice name, value;
	enum policy_op op;
	regex_t pattern;
	struct slice *item; /* of IN */
	size_t items, item_cap;
};

struct policy {
	struct policy_rule *rule;
	size_t rules, cap;
	struct arena arena;
};

/* What somebody wrote, as a number in the unit of a fact. */
bool policy_number(struct slice s, struct slice unit, double *v);

#endif
