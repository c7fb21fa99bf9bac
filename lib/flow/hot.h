/* hot.h - accesses added up by where their memory was allocated, and what that place had allocated
 *
 * A row is a site (the stack of an allocation, or its innermost `depth` functions), an object, a page, or a kind of memory. What is
 * no object has rows of its own: [stack], [heap], [global] NAME, [file] PATH. Bytes of sites are exact, from alloc and
 * free records (heap.h): `peak` is the largest sum that was live at once, `at_peak` what was live when all sites together had
 * most, `live` what is left at the end. Bytes of other memory are those of its symbol, else of the pages that were touched.
 *
 * Memory: the rows; with sites, some 80 bytes for each live object more, and 16 for each page of other memory that
 * was touched. The timeline keeps for each site at most HOT_BINS points.
 *
 * Units:     bytes; weights are those of the field; ns.
 * Ownership: hot_new() to hot_free(); slices live as long.
 * Errors:    hot_block() returns -1 with the text where a field makes no sense; what is only missing is counted.
 * Source:    own. Temporary allocations as heaptrack has them: freed before their thread allocates again.
 */
#ifndef FLOW_HOT_H
#define FLOW_HOT_H

#include "base/buf.h"
#include "base/error.h"
#include "flow/heap.h"
#include "flow/losses.h"

enum hot_by { HOT_SITE, HOT_OBJECT, HOT_PAGE, HOT_KIND, HOT_BYS };

enum hot_sort {
	HOT_WEIGHT,
	HOT_DENSITY,
	HOT_PEAK,
	HOT_AT_PEAK,
	HOT_LIVE,
	HOT_ALLOCS,
	HOT_ALLOC_BYTES,
	HOT_TEMPORARY,
	HOT_SORTS
};

enum { HOT_BINS = 512 };

struct hot_options {
	enum hot_by by;
	unsigned depth;      /* functions of a site; 0: all */
	struct slice weight; /* a field; "count": 1 each */
	bool timeline;
};

struct hot_row {
	struct slice name; /* functions, root first, separated by ';'; an address; [stack] */
	struct slice kind; /* as join says; empty where it was not accessed */
	struct slice site; /* of an object */
	uint64_t accesses, weight, reads, writes;
	uint64_t peak, at_peak, live; /* bytes; of an object or page: peak is its size */
	uint64_t allocs, alloc_bytes, temporary, live_n;
	uint64_t freed, life_sum; /* how many were freed, and how long they lived, in ns */
	uint64_t addr;
	int64_t pid; /* of objects and pages */

	/* private */
	uint64_t key[2];
	uint32_t type, peak_serial;
	struct hot_point {
		uint32_t bin;
		uint64_t live;
	} * point;
	size_t points, point_cap;
};

struct hot {
	struct hot_options o;
	struct hot_row *row;
	size_t rows;
	uint64_t accesses, weight, reads, writes;
	uint64_t unjoined;  /* accesses without kind */
	uint64_t no_weight; /* counted as 1 */
	uint64_t negative;  /* weights, left out */
	uint64_t records;   /* not of the ledger */
	struct hot_row all; /* of all sites: peak, live ... */
	int64_t first_t, peak_t;
	bool timed;
	struct losses losses;
	struct heap heap;
	struct hot_parts *parts;
};

struct hot *hot_new(const struct hot_options *o);
int hot_block(struct hot *h, struct trace_block *b, struct error *e);

/* After the last block: rows have their names and at_peak, and stand in this order, the most first; of equal ones by name. */
void hot_sort(struct hot *h, enum hot_sort by);

/* By name ("weight", "density", "peak" ...); HOT_SORTS and HOT_BYS: not known. */
enum hot_sort hot_sort_named(struct slice name);
enum hot_by hot_by_named(struct slice name);

/* Accesses for each MiB; 0 where the bytes are not known. */
double hot_density(const struct hot_row *r);

/* Share of the weight that the densest rows serve, by how many bytes they have: calls point() from (0, 0) on, with some `steps`
 * points. The rows are left in the order of HOT_DENSITY. */
void hot_curve(struct hot *h, unsigned steps,
    void (*point)(void *context, uint64_t bytes, double share), void *context);

/* Live bytes of the first n rows, and of the others as the row NULL, at the end of each of some HOT_BINS equal times. */
void hot_timeline(struct hot *h, size_t n,
    void (*point)(void *context, int64_t t, const struct hot_row *r, uint64_t live), void *context);

void hot_free(struct hot *h);

#endif
