/* perf_access.h - the memory access that a sample of a perf event is
 *
 * What makes a sample an access:
 *
 *	data_src	the machine says of each sample what it was: PERF_SAMPLE_DATA_SRC with a load or store in it
 *	breakpoint	on data: its kind is the op, its length the size
 *	page fault	exceptions:page_fault_user, whose error code says read, write or fetch (x86)
 *	named		the user called the event one of reads or writes; what the machine says goes before that
 *
 * An event that nobody named is asked: its samples that are accesses are told from those that are none.
 * Decoded data_src are kept, 256 at a time.
 *
 * Units:     bytes; latency in cycles, as the CPU gives it.
 * Ownership: texts of an access are constant or the decoder's, and live until its next sample.
 * Errors:    none.
 * Source:    perf_event_open(2); x86: Intel SDM 3A 4.7 (error code of a page fault).
 */
#ifndef FORM_PERF_ACCESS_H
#define FORM_PERF_ACCESS_H

#include "perf/attr.h"
#include "perf/data_src.h"
#include "perf/format.h"
#include "perf/record.h"

enum perf_access_source {
	PERF_ACCESS_NONE,
	PERF_ACCESS_DATA_SRC,
	PERF_ACCESS_BREAKPOINT,
	PERF_ACCESS_FAULT,
	PERF_ACCESS_ADDRESS /* no more than its address is told */
};

/* What is wanted of an event: bits; 0 where nobody asked. */
enum { PERF_ACCESS_READS = 1, PERF_ACCESS_WRITES = 2, PERF_ACCESS_CODE = 4, PERF_ACCESS_ALL = 7 };

/* Of one event. */
struct perf_access_kind {
	enum perf_access_source source;
	unsigned wanted;
	struct slice op;                                    /* of all, where no sample says it */
	uint64_t size;                                      /* of all, or 0 */
	const struct perf_field *address, *ip, *error_code; /* of a page fault */
};

/* wanted 0: only what is an access beyond doubt. format: of a tracepoint, or NULL; it must live as long. */
void perf_access_kind_init(struct perf_access_kind *k, const struct perf_event_attr *attr,
    const struct perf_format *format, enum perf_machine machine, unsigned wanted);

struct perf_access {
	struct slice op;
	uint64_t addr, size, latency, ip;
	bool has_addr, has_ip;
	struct slice level, tlb, snoop; /* empty where not told */
	bool locked;
};

struct perf_access_decoder {
	struct {
		uint64_t bits;
		bool used;
		struct perf_data_src words;
	} kept[256];
};

/* 1: it is one; 0: it is none; -1: it is one that was not wanted. */
int perf_access_read(struct perf_access_decoder *d, const struct perf_access_kind *k,
    const struct perf_layout *layout, const struct perf_sample *x, struct perf_access *a);

#endif
