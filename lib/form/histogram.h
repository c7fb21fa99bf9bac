/* histogram.h - histograms by group as text: TSV, JSON, HdrHistogram's percentiles, bars
 *
 * A struct histogram is what `leat hist` writes and reads: one hist (stat/hist.h) for each group of values, and what was
 * lost. TSV:
 *
 *	# hist key=dur_ns unit=ns scale=log bits=7 error=0.4%
 *	# group comm=app count=23 min=7000120 max=7090113 sum=... sum2=... mean=... stddev=... p50=... (all of the summary)
 *	# lost=3 why=ring-full
 *	comm	lo	hi	count
 *	app	7000064	7032832	20
 *
 * Without groups the second line has no group words, and the table no columns before lo; it is there even for no value.
 * The words of a group: its labels, values=real where there are fractions, full=1 where its count could not grow, count,
 * nan (if any), min, max, sum and sum2 (of squares; with _rest, what a double does not hold), mean, stddev, p50 to p99.99,
 * p50_low and p50_high (95 %). What is read back is the same histogram: min, max and sums come from the `# group` lines,
 * everything else from the bins. JSON says the same, nan is null there; bytes that are no UTF-8 are \udc80 to \udcff.
 *
 * Units:     unit: "ns", "bytes", "addr" (bounds and values are then in hex) or empty, from the name of the key.
 * Ownership: the caller holds the struct, histogram_free() what it points to.
 * Errors:    -1 with the text (line first, where there is one).
 * Source:    own; HdrHistogram's percentile output ("Value Percentile TotalCount 1/(1-Percentile)"); RFC 8259.
 */
#ifndef FORM_HISTOGRAM_H
#define FORM_HISTOGRAM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "stat/hist.h"

struct histogram_group {
	struct slice *label; /* one for each of `by` */
	struct hist *hist;
};

struct histogram_loss {
	struct slice why;
	uint64_t n;
};

struct histogram {
	struct slice key, unit;
	struct slice *by; /* names of the group columns */
	unsigned bys;
	struct hist_scheme scheme;
	struct histogram_group *group; /* in order of appearance until histogram_sort() */
	size_t groups, group_cap;
	struct histogram_loss *loss;
	size_t losses, loss_cap;
	uint64_t missing;    /* empty cells and the like: `# missing=N` */
	uint64_t without;    /* records that have no such field: `# without=N` */
	bool set_up;         /* histogram_begin() was called */
	struct hash_set set; /* private: labels */
	struct arena arena;
};

#define HISTOGRAM_INIT ((struct histogram){ 0 })

/* Says what is counted, in which bins, by which columns; names are copied. The unit is that which the key's name tells, or
 * a given one. A histogram without groups has its only one from now on. */
void histogram_begin(struct histogram *h, struct slice key, struct slice unit,
    const struct slice *by, unsigned bys, const struct hist_scheme *scheme);

/* "ns" for t and *_ns, "bytes" for size, *_size and *_bytes, else nothing. */
struct slice histogram_unit(struct slice key);

/* The histogram of the group with these labels (one for each of h->by), made where it is new. It stays where it is. */
struct hist *histogram_group(struct histogram *h, const struct slice *label);

void histogram_lost(struct histogram *h, struct slice why, uint64_t n);

/* TSV or JSON as leat-hist writes it, into an empty h; first: n bytes that were read already. */
int histogram_read(struct histogram *h, int fd, const void *first, size_t n, struct error *e);

/* Adds all of `from`: -1 where keys' units, groups' names or schemes differ. An empty h (no scheme yet) becomes `from`. */
int histogram_merge(struct histogram *h, const struct histogram *from, struct error *e);

void histogram_sort(
    struct histogram *h); /* groups by their labels: numbers by value, else bytewise */

void histogram_put_tsv(struct histogram *h, struct buf *to);
void histogram_put_summary(struct histogram *h, struct buf *to); /* one row a group */
void histogram_put_json(struct histogram *h, struct buf *to);
void histogram_put_percentiles(struct histogram *h, struct buf *to); /* HdrHistogram's text */

/* Bars for a terminal of so many columns, 40 rows at most for each group: bins are joined. utf8: bars of eighths. */
void histogram_put_bars(struct histogram *h, unsigned width, bool utf8, struct buf *to);

void histogram_free(struct histogram *h);

#endif
