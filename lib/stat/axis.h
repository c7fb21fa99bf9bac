/* axis.h - bins along one axis: found while the numbers come, given, or only where there are numbers
 *
 * Numbers get slots, below scheme.bins; slots become bins at the end. What was counted in slots moves when an axis must
 * make room: axis_place() then returns where each old slot went, and its caller folds its counters.
 *
 * Without a range: a bin is 2^e wide and begins at a multiple of that, with the smallest e for which bins from the
 * smallest number to the largest are enough; so between half and all of them are used, and nothing depends on the order
 * of the numbers. e is not below 0 while all numbers are ints. On a log axis the same is done with logarithms, in 1/4096 of
 * an octave: all bins have the same ratio, of 2^(2^e/4096).
 *
 * With a range lo..hi: equal bins (of logarithms, on a log axis); lo is inside, hi is not.
 *
 * Compact: pieces of 2^g that hold numbers are kept in a table of at most `bins`, with the smallest g for which that is
 * enough. At the end a bin is 2^e wide, e >= g, and gaps of more than 1/32 of the axis (and a page) are squeezed out, at
 * most AXIS_SEAMS of them; e is the smallest for which the rest fits. Counts are exact, places to 2^e. Not below 0.
 *
 * Where all numbers were ints, bins that hold no int are joined to the one before.
 * Ints are exact over -2^63 .. 2^64-1. Cost: O(1) a number; making room is O(bins), and happens at most about log2(bins)
 * times whenever the range doubles.
 *
 * Units:     none.
 * Ownership: the caller holds the struct, axis_free() what it points to.
 * Errors:    axis_init() returns -1 with the text where the scheme makes no sense. Numbers that have no place are told by
 *            axis_screen().
 * Source:    own.
 */
#ifndef STAT_AXIS_H
#define STAT_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { AXIS_BINS_MAX = 1 << 16, AXIS_CHUNK = 4096, AXIS_SEAMS = 64, AXIS_PAGE = 4096 };

/* What the words of a column are: int64_t, uint64_t, the bits of a double. */
enum axis_kind { AXIS_INT, AXIS_UNSIGNED, AXIS_REAL };

struct axis_number {
	bool real;
	__int128 i; /* where not real */
	double d;   /* where real */
};

struct axis_scheme {
	bool log, compact, ranged;
	struct axis_number lo, hi; /* where ranged */
	uint32_t bins;
};

struct axis_bin {
	struct axis_number lo, hi; /* lo <= number < hi */
};

struct axis {
	struct axis_scheme scheme;
	bool any, ints, reals; /* which numbers were placed */
	uint32_t bins;         /* after axis_settle() */
	struct axis_bin *bin;  /* those; a gap between two is a seam */

	/* private */
	int e;
	__int128 origin, first,
	    last;      /* in bins of 2^e: of slot 0, of the smallest and largest number */
	bool down, up; /* the range has grown so */
	double magnitude;
	struct axis_number low, high; /* of ints in the range: low <= i < high */
	double low_real, high_real, per_bin, fraction;
	bool wide;
	uint64_t *edge; /* of ints or of keys, from the lowest; of the steps of an octave */
	double *edge_real;
	uint32_t *guess;
	unsigned guess_shift;
	uint64_t *piece; /* compact: piece[slot] */
	uint32_t *table, pieces, table_mask;
	uint32_t *map, *step;
	uint64_t *key;
};

int axis_init(struct axis *a, const struct axis_scheme *scheme, struct error *e);
void axis_free(struct axis *a);

/* Why a number has no place; the larger one counts where a point has two reasons. */
enum axis_verdict {
	AXIS_FITS,
	AXIS_OUTSIDE,      /* of the range; infinite; below 0 on a compact axis */
	AXIS_NOT_POSITIVE, /* on a log axis */
	AXIS_NAN,
	AXIS_VERDICTS
};

/* Whether numbers of this kind may have no place; where not, axis_screen() need not be called. */
bool axis_screens(const struct axis *a, enum axis_kind kind);

/* Raises verdict[i] where v[i] has no place. */
void axis_screen(
    const struct axis *a, enum axis_kind kind, const uint64_t *v, size_t n, unsigned char *verdict);

/* The slots of n <= AXIS_CHUNK numbers, all of which fit. Returns NULL, or map[scheme.bins], good until the next call: what
 * was counted in slot s before the call belongs into slot map[s] now (slots that nobody was given say anything). */
const uint32_t *axis_place(
    struct axis *a, enum axis_kind kind, const uint64_t *v, size_t n, uint32_t *slot);

/* Ends with a->bins and a->bin, in rising order; returns the map from slots to bins. No more numbers can be placed. */
const uint32_t *axis_settle(struct axis *a, bool pages);

/* Numbers as doubles, and their order. */
double axis_real(struct axis_number n);

#endif
