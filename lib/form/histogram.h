/* histogram.h - histograms by group as text: TSV, JSON, HdrHistogram's percentiles
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
 * Without groups the second line has no group words, and the table no columns before lo. What is read back is the same
 * histogram: min, max and sums come from the `# group` lines, everything else from the bins.
 *
 * Units:     unit: "ns", "bytes", or empty, from the name of the key.
 * Ownership: the caller holds the struct, histogram_free() what it points to.
 * Errors:    -1 with the text (line first, where there is one).
 * Source:    own; HdrHistogram's percentile output (HistogramLogProcessor, "Value Percentile TotalCount 1/(1-Percentile)").
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
	struct hash_set set; /* private: labels */
	struct arena arena;
};

#define HISTOGRAM_INIT ((struct histogram){ 0 })

/* The histogram of the group with these labels (one for each of h->by), made where it is new. */
struct hist *histogram_group(struct histogram *h, const struct slice *label);

/* TSV or JSON as leat-hist writes it; first: n bytes that were read already. */
int histogram_read(struct histogram *h, int fd, const void *first, size_t n, struct error *e);

/* Adds all of `from`: -1 where keys' units, groups' names or schemes differ. An empty h (no scheme yet) becomes `from`. */
int histogram_merge(struct histogram *h, const struct histogram *from, struct error *e);

void histogram_sort(struct histogram *h); /* groups by their labels, bytewise */

void histogram_put_tsv(struct histogram *h, struct buf *to);
void histogram_put_summary(struct histogram *h, struct buf *to); /* one row a group */
void histogram_put_json(struct histogram *h, struct buf *to);
void histogram_put_percentiles(struct histogram *h, struct buf *to); /* HdrHistogram's text */

void histogram_free(struct histogram *h);

#endif
