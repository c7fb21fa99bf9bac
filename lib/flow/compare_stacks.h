/* compare_stacks.h - what changed between two sets of profiles, by function and by stack
 *
 * A file of folded lines is a run. What is compared are shares of a run's weight, so that long and short runs count alike: of each
 * stack (those samples whose stack it is), of each function by itself (its stacks end in it) and in total (it stands in them,
 * however often). The change is the difference of the mean shares, B - A; its interval is Welch's.
 *
 * p: the difference is divided by its standard error plus that of a typical row of the same mean (so that what was seen in a
 * handful of samples does not win by luck). Then the runs are dealt to the two sides anew, in all ways where there are at
 * most COMPARE_DEALS, and p is how often any difference in such a deal was as large: all functions and stacks together say
 * what chance does, as otherwise the 252 ways to deal 5 and 5 runs could never single out one of a thousand. q is by Benjamini
 * and Hochberg over all rows that are tested (stat/fdr.h): those whose mean share over the runs of both sides is at least
 * least_share, as what was hardly seen at all could only cost the others their significance. (The mean over both sides
 * says nothing about their difference, so that choosing by it changes no p.) Where nothing differs, something is called different in at most `fdr` of cases, as
 * the largest difference is then one of equally likely deals.
 * Memory: 8 bytes for each stack, and 16 for each function, of each run, and the distinct names.
 * Cost: rows * runs * deals; deals are fewer where that exceeds 4e8.
 *
 * Units:     shares of 1; weights as in the files.
 * Ownership: compare_stacks_new() to compare_stacks_free().
 * Errors:    -1 with the text where a file is of no use; lines that are none are counted (bad, first_bad of the last file).
 * Source:    V. Tusher, R. Tibshirani, G. Chu, "Significance analysis of microarrays" (2001); the two columns: difffolded.pl of B.
 *            Gregg's FlameGraph.
 */
#ifndef FLOW_COMPARE_STACKS_H
#define FLOW_COMPARE_STACKS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "flow/losses.h"
#include "form/kind.h"

enum { COMPARE_DEALS = 1000 };

enum compare_what { COMPARE_SELF, COMPARE_TOTAL, COMPARE_STACK };

struct compare_change {
	enum compare_what what;
	struct slice name; /* of the function, or the stack */
	double a, b;       /* mean shares */
	double lo, hi;  /* of b - a; NAN where there are fewer than RESAMPLE_FEW runs on a side */
	double p, q;    /* NAN as above, and for what is not tested */
	bool small;     /* share below least_share: not tested */
	bool different; /* q <= fdr, and 0 is not in the interval */
};

struct compare_stacks_options {
	double confidence, fdr;
	double least_share; /* of 1 */
	uint64_t seed;
};

struct compare_stacks {
	uint32_t runs[2]; /* of use */
	double weight[2]; /* of all runs of a side */
	uint64_t bad;
	struct error first_bad;
	struct compare_change *
	    change; /* after compare_stacks_test(): by size of difference, falling; then by what and name */
	size_t changes;
	struct compare_stacks_parts *parts;
};

struct compare_stacks *compare_stacks_new(void);

/* Adds a run to side 0 or 1. */
int compare_stacks_read(
    struct compare_stacks *c, unsigned side, const struct kind_input *in, struct error *e);

void compare_stacks_test(struct compare_stacks *c, const struct compare_stacks_options *o);

/* Appends the table, of `limit` rows at most, in percent; and how many are different. */
size_t compare_stacks_table(const struct compare_stacks *c, const struct compare_stacks_options *o,
    uint64_t limit, const struct losses *losses, struct buf *to);

/* Appends `stack A B` for each stack, sorted bytewise: its mean share on each side, times the weight of the side that has more.
 * significant: where a stack is not different, A is made B, so that a differential flame graph leaves it uncoloured. */
void compare_stacks_lines(const struct compare_stacks *c, bool significant, struct buf *to);

void compare_stacks_free(struct compare_stacks *c);

#endif
