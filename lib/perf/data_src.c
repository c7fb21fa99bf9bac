#include "perf/data_src.h"

#include <linux/perf_event.h>
#include <string.h>

/* Of the union, whose bit fields are laid out the other way round on big-endian machines, with the same bits. */
enum { HOPS_SHIFT = 43, LVLNUM_NONE = 0 };

/* What this was compiled with may be older than the kernel that sampled. */
static const char *const place[16] = { [0x1] = "L1",
	[0x2] = "L2",
	[0x3] = "L3",
	[0x4] = "L4",
	[0x5] = "L2 MHB",
	[0x6] = "MSC",
	[0x7] = "L0",
	[0x8] = "uncached",
	[0x9] = "CXL",
	[0xa] = "I/O",
	[0xb] = "any cache",
	[0xc] = "LFB",
	[0xd] = "RAM",
	[0xe] = "PMEM" };

static const char *const hops[8] = { "remote", "remote-core", "remote-node", "remote-socket",
	"remote-board", "remote", "remote", "remote" };

/* The old bits of levels, behind NA, HIT and MISS. */
static const char *const level[] = { "L1", "LFB", "L2", "L3", "RAM", "remote RAM", "2-hop RAM",
	"remote cache", "2-hop cache", "I/O", "uncached" };
static const char *const tlb[] = { "L1", "L2", "Walker", "Fault" };
static const char *const snoop[] = { "none", "hit", "miss", "hitm" };
static const char *const snoopx[] = { "fwd", "peer" };

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static unsigned
part(uint64_t bits, unsigned shift, unsigned width)
{
	return (unsigned)(bits >> shift) & ((1u << width) - 1);
}

/* Every text has room for all of its words at once. */
static void
add(char *to, const char *between, const char *word)
{
	if (to[0])
		strcat(to, between);
	strcat(to, word);
}

static void
add_set(char *to, unsigned set, const char *const *name, size_t names)
{
	for (size_t i = 0; i < names; i++)
		if (set >> i & 1)
			add(to, " or ", name[i]);
}

static void
add_outcome(char *to, unsigned set)
{
	if (set & PERF_MEM_LVL_HIT)
		add(to, " ", "hit");
	else if (set & PERF_MEM_LVL_MISS)
		add(to, " ", "miss");
}

static void
read_op(struct perf_data_src *d, unsigned op)
{
	if (op & PERF_MEM_OP_NA)
		return;
	if (op & PERF_MEM_OP_EXEC)
		strcpy(d->op, "x");
	else if (op & PERF_MEM_OP_STORE)
		strcpy(d->op, op & PERF_MEM_OP_LOAD ? "rw" : "w");
	else if (op)
		strcpy(d->op, "r");
}

static void
read_level(struct perf_data_src *d, uint64_t bits)
{
	unsigned set = part(bits, PERF_MEM_LVL_SHIFT, 14);
	unsigned number = part(bits, PERF_MEM_LVLNUM_SHIFT, 4);
	unsigned hop = part(bits, HOPS_SHIFT, 3);
	bool remote = part(bits, PERF_MEM_REMOTE_SHIFT, 1);

	if (number != LVLNUM_NONE && number != PERF_MEM_LVLNUM_NA) {
		if (remote || hop)
			add(d->level, " ", hops[hop]);
		add(d->level, " ", place[number] ? place[number] : "?");
		/* it was found where it is said to have been, unless told otherwise */
		add_outcome(d->level, set & PERF_MEM_LVL_MISS ? set : PERF_MEM_LVL_HIT);
	} else if (!(set & PERF_MEM_LVL_NA)) {
		add_set(d->level, set >> 3, level, COUNT(level));
		add_outcome(d->level, set);
	}
}

static void
read_tlb(struct perf_data_src *d, unsigned set)
{
	if (set & PERF_MEM_TLB_NA)
		return;
	add_set(d->tlb, set >> 3, tlb, COUNT(tlb));
	add_outcome(d->tlb, set);
}

static void
read_snoop(struct perf_data_src *d, uint64_t bits)
{
	unsigned set = part(bits, PERF_MEM_SNOOP_SHIFT, 5);

	if (!(set & PERF_MEM_SNOOP_NA))
		add_set(d->snoop, set >> 1, snoop, COUNT(snoop));
	add_set(d->snoop, part(bits, PERF_MEM_SNOOPX_SHIFT, 2), snoopx, COUNT(snoopx));
}

void
perf_data_src_read(struct perf_data_src *d, uint64_t bits)
{
	*d = (struct perf_data_src){ 0 };
	read_op(d, part(bits, PERF_MEM_OP_SHIFT, 5));
	read_level(d, bits);
	read_tlb(d, part(bits, PERF_MEM_TLB_SHIFT, 7));
	read_snoop(d, bits);
	d->locked = part(bits, PERF_MEM_LOCK_SHIFT, 2) & PERF_MEM_LOCK_LOCKED;
}
