/* record.h - perf records from bytes
 *
 * The caller finds records (in a ring or a file) and hands each over as its header, behind which header.size bytes can
 * be read; it stands at an address that is a multiple of 8. Decoding copies numbers and borrows the rest: slices and
 * pointers in results point into the record. What is not in the sample_type of the layout is left zero.
 * Costs about 10 ns for a sample with a call chain.
 *
 * Units:     as the kernel has them: bytes, nanoseconds of the clock that the event was opened with.
 * Ownership: results borrow from the record.
 * Errors:    -1 where a length does not fit in the record; nothing beyond it is ever read.
 * Source:    include/uapi/linux/perf_event.h of Linux 6.18.
 */
#ifndef PERF_RECORD_H
#define PERF_RECORD_H

#include "base/slice.h"
#include "perf/attr.h"

/* Newer than the headers that this is compiled with. */
enum { PERF_RECORD_KNOWN = 22 }; /* types up to 21 are known */

struct perf_sample {
	uint64_t id; /* of IDENTIFIER, or of ID */
	uint64_t ip, time, addr, stream_id;
	uint32_t pid, tid, cpu;
	uint64_t period;       /* of the sample, or else the fixed one of the attr, or 0 */
	struct slice read;     /* as read(2) of the event gives it */
	const uint64_t *chain; /* chain_n words, with PERF_CONTEXT_ markers */
	uint64_t chain_n;
	struct slice raw;
	const struct perf_branch_entry *branch;
	uint64_t branch_n, branch_hw_idx;
	uint64_t user_abi;    /* PERF_SAMPLE_REGS_ABI_: NONE means no registers */
	const uint64_t *user; /* layout.user_n words, NULL where abi is NONE */
	struct slice stack;   /* as far as it was really copied */
	uint64_t stack_asked; /* how much was reserved */
	uint64_t weight, data_src, transaction;
	uint64_t intr_abi;
	const uint64_t *intr; /* layout.intr_n words */
	uint64_t phys_addr, cgroup, data_page_size, code_page_size;
	struct slice aux;
};

int perf_sample_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_sample *s);

/* What stands at the end of every other record, with sample_id_all; all zero without. */
struct perf_trailer {
	uint32_t pid, tid, cpu;
	bool has_cpu;
	uint64_t time, id, stream_id;
};

int perf_trailer_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_trailer *t);

struct perf_mmap {
	uint32_t pid, tid; /* pid is (uint32_t)-1 for the kernel */
	uint64_t addr, size, offset;
	struct slice buildid; /* empty where the record carries none */
	uint32_t prot, flags; /* of MMAP2; for MMAP prot is PROT_EXEC or 0, by its misc bit */
	struct slice path;
};

/* PERF_RECORD_MMAP and PERF_RECORD_MMAP2. */
int perf_mmap_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_mmap *m);

struct perf_comm {
	uint32_t pid, tid;
	bool exec;
	struct slice name;
};

int perf_comm_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_comm *c);

/* PERF_RECORD_FORK and PERF_RECORD_EXIT. */
struct perf_task {
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

int perf_task_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_task *t);

/* PERF_RECORD_LOST (id and n), PERF_RECORD_LOST_SAMPLES (n), PERF_RECORD_THROTTLE and UNTHROTTLE (id, time). */
struct perf_loss {
	uint64_t id, n, time;
};

int perf_loss_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_loss *x);

struct perf_ksymbol {
	uint64_t addr;
	uint32_t size;
	uint16_t type, flags; /* PERF_RECORD_KSYMBOL_TYPE_, PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER */
	struct slice name;
};

int perf_ksymbol_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_ksymbol *k);

struct perf_aux {
	uint64_t offset, size, flags; /* PERF_AUX_FLAG_ */
};

int perf_aux_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_aux *a);

/* PERF_RECORD_SWITCH and SWITCH_CPU_WIDE: in or out by misc; next_prev_ of the latter, else 0. */
struct perf_switch {
	bool out, preempt;
	uint32_t next_prev_pid, next_prev_tid;
};

int perf_switch_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_switch *s);

struct perf_cgroup {
	uint64_t id;
	struct slice path;
};

int perf_cgroup_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_cgroup *c);

struct perf_text_poke {
	uint64_t addr;
	struct slice old, new;
};

int perf_text_poke_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_text_poke *p);

struct perf_bpf {
	uint16_t type, flags;
	uint32_t id;
	struct slice tag;
};

int perf_bpf_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_bpf *b);

struct perf_namespaces {
	uint32_t pid, tid;
	uint64_t n;
	const uint64_t *link; /* n pairs of device and inode, by NET_NS_INDEX ... */
};

int perf_namespaces_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_namespaces *n);

/* Copies a chain without its context markers, and without what garbage on a stack put into their range. to has room for
 * s->chain_n words. Returns how many, and in *guest how many addresses of a guest were left out. A chain of a kernel that
 * marks the place of a deferred user part (PERF_CONTEXT_USER_DEFERRED) loses the marker and its cookie. */
uint32_t perf_chain_plain(const struct perf_sample *s, uint64_t *to, uint32_t *guest);

/* "SAMPLE", "MMAP2" ...; NULL for a type that is not known. */
const char *perf_record_name(uint32_t type);

#endif
