/* data_src.h - where an access found its data, as the machine says it in 64 bits
 *
 * PERF_SAMPLE_DATA_SRC in words. A place is told twice by newer kernels: in the old bits of levels, and as number, remote
 * and hops, which know more and count here where they say anything.
 *
 *	op	r (load, prefetch), w (store), rw, x (code); empty: no access, or the machine does not say
 *	level	[WHERE] PLACE hit|miss: PLACE is L0 to L4, L2 MHB, MSC, LFB, any cache, RAM, PMEM, CXL, I/O, uncached;
 *		WHERE is remote, or where hops are told: remote-core (of this node), remote-node (of this socket),
 *		remote-socket, remote-board; 2-hop in the old bits
 *	tlb	L1, L2, L1 or L2, Walker, Fault, then hit or miss, as perf mem has it
 *	snoop	none, hit, miss, hitm, fwd, peer
 *
 * Several places at once are joined by "or". Costs about 100 ns: keep what was decoded, the same values come again.
 *
 * Units:     none.
 * Ownership: the caller holds the struct; its texts are inside.
 * Errors:    none. What is not told is empty; values that are not known yet are "?".
 * Source:    union perf_mem_data_src of include/uapi/linux/perf_event.h, Linux 6.18.
 */
#ifndef PERF_DATA_SRC_H
#define PERF_DATA_SRC_H

#include <stdbool.h>
#include <stdint.h>

struct perf_data_src {
	char op[3];
	char level[128], tlb[48], snoop[48];
	bool locked; /* an atomic instruction */
};

void perf_data_src_read(struct perf_data_src *d, uint64_t bits);

#endif
