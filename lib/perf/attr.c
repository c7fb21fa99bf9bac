#include "perf/attr.h"

#include <stdlib.h>
#include <string.h>

/* Newer than the headers of some distributions. */
#define BRANCH_COUNTERS (1ull << 19)

enum perf_machine
perf_machine_of(struct slice name)
{
	if (slice_eq(name, SLICE("x86_64")))
		return PERF_MACHINE_X86_64;
	if (slice_eq(name, SLICE("aarch64")) || slice_eq(name, SLICE("arm64")))
		return PERF_MACHINE_AARCH64;
	return PERF_MACHINE_UNKNOWN;
}

enum perf_machine
perf_machine_here(void)
{
#if defined(__x86_64__)
	return PERF_MACHINE_X86_64;
#elif defined(__aarch64__)
	return PERF_MACHINE_AARCH64;
#else
	return PERF_MACHINE_UNKNOWN;
#endif
}

/* perf's number of each register, in DWARF's order: rax rdx rcx rbx rsi rdi rbp rsp r8 .. r15 rip. */
static const uint8_t x86_64_regs[] = { 0, 3, 2, 1, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 8 };

enum { X86_64_REGS = 17, AARCH64_REGS = 33 };

uint64_t
perf_regs_mask(enum perf_machine machine)
{
	uint64_t mask = 0;

	switch (machine) {
	case PERF_MACHINE_X86_64:
		for (int i = 0; i < X86_64_REGS; i++)
			mask |= 1ull << x86_64_regs[i];
		return mask;
	case PERF_MACHINE_AARCH64: /* x0 .. x30 sp pc in both orders */
		return (1ull << AARCH64_REGS) - 1;
	case PERF_MACHINE_UNKNOWN:
		break;
	}
	return 0;
}

void
perf_regs_map(struct perf_regs *r, enum perf_machine machine, uint64_t mask)
{
	uint64_t all = perf_regs_mask(machine);

	*r = (struct perf_regs){ 0 };
	if (all == 0 || (mask & all) != all)
		return;
	r->n = machine == PERF_MACHINE_X86_64 ? X86_64_REGS : AARCH64_REGS;
	for (int i = 0; i < r->n; i++) {
		int bit = machine == PERF_MACHINE_X86_64 ? x86_64_regs[i] : i;

		r->at[i] = (uint8_t)__builtin_popcountll(mask & ((1ull << bit) - 1));
	}
}

int
perf_attr_read(struct perf_event_attr *attr, struct slice bytes, struct error *e)
{
	uint32_t size;

	memset(attr, 0, sizeof *attr);
	if (bytes.n < PERF_ATTR_SIZE_VER0)
		return error_set(e, "attribute of %zu bytes is too short", bytes.n);
	size = load32(bytes.p + offsetof(struct perf_event_attr, size));
	if (size == 0) /* written before there was a second version */
		size = PERF_ATTR_SIZE_VER0;
	if (size < PERF_ATTR_SIZE_VER0)
		return error_set(e, "attribute says that it has %u bytes", size);
	if (size > bytes.n)
		size = (uint32_t)bytes.n;
	memcpy(attr, bytes.p, size < sizeof *attr ? size : sizeof *attr);
	attr->size = size;
	return 0;
}

static const char *const hardware[] = { "cycles", "instructions", "cache-references",
	"cache-misses", "branches", "branch-misses", "bus-cycles", "stalled-cycles-frontend",
	"stalled-cycles-backend", "ref-cycles" };
static const char *const software[] = { "cpu-clock", "task-clock", "page-faults",
	"context-switches", "cpu-migrations", "minor-faults", "major-faults", "alignment-faults",
	"emulation-faults", "dummy", "bpf-output", "cgroup-switches" };
static const char *const cache[] = { "L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch",
	"node" };
static const char *const cache_op[][2] = { { "load", "loads" }, { "store", "stores" },
	{ "prefetch", "prefetches" } };

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void
base_name(const struct perf_event_attr *a, struct buf *to)
{
	uint64_t config = a->config & PERF_HW_EVENT_MASK; /* the upper half may name a PMU */
	uint64_t op = config >> 8 & 255, result = config >> 16 & 255;

	if (a->type == PERF_TYPE_HARDWARE && config < COUNT(hardware))
		buf_printf(to, "%s", hardware[config]);
	else if (a->type == PERF_TYPE_SOFTWARE && a->config < COUNT(software))
		buf_printf(to, "%s", software[a->config]);
	else if (a->type == PERF_TYPE_HW_CACHE && (config & 255) < COUNT(cache) &&
		 op < COUNT(cache_op) && result < 2)
		buf_printf(to, result ? "%s-%s-misses" : "%s-%s", cache[config & 255],
		    cache_op[op][result == 0]);
	else if (a->type == PERF_TYPE_RAW)
		buf_printf(to, "raw 0x%llx", (unsigned long long)a->config);
	else if (a->type == PERF_TYPE_TRACEPOINT)
		buf_printf(to, "tracepoint %llu", (unsigned long long)a->config);
	else if (a->type == PERF_TYPE_BREAKPOINT)
		buf_printf(to, "mem:0x%llx:%s%s%s", (unsigned long long)a->bp_addr,
		    a->bp_type & 1 ? "r" : "", a->bp_type & 2 ? "w" : "",
		    a->bp_type & 4 ? "x" : "");
	else
		buf_printf(to, "pmu %u config 0x%llx", a->type, (unsigned long long)a->config);
}

void
perf_attr_name(const struct perf_event_attr *a, struct buf *to)
{
	bool some = a->exclude_kernel || a->exclude_user || a->exclude_hv;

	base_name(a, to);
	if (!some && !a->precise_ip)
		return;
	buf_char(to, ':');
	if (some && !a->exclude_kernel)
		buf_char(to, 'k');
	if (some && !a->exclude_user)
		buf_char(to, 'u');
	if (some && !a->exclude_hv)
		buf_char(to, 'h');
	for (unsigned i = 0; i < a->precise_ip; i++)
		buf_char(to, 'p');
}

#define FIXED                                                                                      \
	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |            \
	    PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU |          \
	    PERF_SAMPLE_PERIOD)

/* The offset of word `bit` in a sample, given that those of `before` come first. */
static uint8_t
offset(uint64_t type, uint64_t bit, uint64_t before)
{
	return type & bit ? (uint8_t)(8 + 8 * __builtin_popcountll(type & before)) : 0;
}

int
perf_layout_init(struct perf_layout *l, const struct perf_event_attr *attr, struct error *e)
{
	const uint64_t id = PERF_SAMPLE_IDENTIFIER;
	const uint64_t in_trailer = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
				    PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU |
				    PERF_SAMPLE_IDENTIFIER;
	uint64_t type = attr->sample_type;

	*l = (struct perf_layout){
		.sample_type = type,
		.read_format = attr->read_format,
		.branch_type = attr->branch_sample_type,
		.regs_user = attr->sample_regs_user,
		.regs_intr = attr->sample_regs_intr,
		.period = attr->freq ? 0 : attr->sample_period,
		.user_n = (uint16_t)__builtin_popcountll(attr->sample_regs_user),
		.intr_n = (uint16_t)__builtin_popcountll(attr->sample_regs_intr),
	};
	l->fixed = (uint16_t)(8 * __builtin_popcountll(type & FIXED));
	l->sample_time_at = offset(type, PERF_SAMPLE_TIME, id | PERF_SAMPLE_IP | PERF_SAMPLE_TID);
	if (type & id)
		l->sample_id_at = 8;
	else
		l->sample_id_at = offset(type, PERF_SAMPLE_ID,
		    PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR);
	if (attr->sample_id_all) {
		/* Backwards: IDENTIFIER CPU STREAM_ID ID TIME TID. */
		uint64_t behind_id = PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU;

		l->trailer = (uint16_t)(8 * __builtin_popcountll(type & in_trailer));
		l->trailer_time_at =
		    offset(type, PERF_SAMPLE_TIME, id | behind_id | PERF_SAMPLE_ID);
		l->trailer_id_at = type & id ? 8 : offset(type, PERF_SAMPLE_ID, behind_id);
	}
	if (type & ~(uint64_t)(PERF_SAMPLE_MAX - 1))
		return error_set(e, "unknown bits in sample_type 0x%llx", (unsigned long long)type);
	if (attr->read_format & ~(uint64_t)(PERF_FORMAT_MAX - 1) && type & PERF_SAMPLE_READ)
		return error_set(
		    e, "unknown bits in read_format 0x%llx", (unsigned long long)attr->read_format);
	if (type & PERF_SAMPLE_BRANCH_STACK &&
	    attr->branch_sample_type & ~(uint64_t)((PERF_SAMPLE_BRANCH_MAX - 1) | BRANCH_COUNTERS))
		return error_set(e, "unknown bits in branch_sample_type 0x%llx",
		    (unsigned long long)attr->branch_sample_type);
	return 0;
}
