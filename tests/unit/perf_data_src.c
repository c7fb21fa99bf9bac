/* data_src in words: values that real machines gave, beside what perf script says of them, and any bits at all. */
#include <linux/perf_event.h>
#include <string.h>

#include "perf/data_src.h"
#include "unit.h"

static const struct {
	uint64_t bits;
	const char *op, *level, *tlb, *snoop;
	bool locked;
} real[] = {
	/* Intel, Skylake to Alder Lake: |OP LOAD|LVL L1 hit|SNP None|TLB L1 or L2 hit|LCK No|BLK Addr */
	{ 0x10268100142, "r", "L1 hit", "L1 or L2 hit", "none", false },
	{ 0x40268100142, "r", "L1 hit", "L1 or L2 hit", "none", false },
	{ 0x10450100442, "r", "L2 hit", "L2 miss", "none", false },
	{ 0x10668100842, "r", "L3 hit", "L1 or L2 hit", "none", false },
	{ 0x11868100242, "r", "LFB hit", "L1 or L2 hit", "none", false },
	/* of before there were numbers of levels */
	{ 0x68100142, "r", "L1 hit", "L1 or L2 hit", "none", false },
	{ 0x68100842, "r", "L3 hit", "L1 or L2 hit", "none", false },
	{ 0x68101042, "r", "RAM hit", "L1 or L2 hit", "none", false },
	{ 0x6a101042, "r", "RAM hit", "L1 or L2 hit", "none", true },
	/* AMD IBS: |OP LOAD|LVL LFB/MAB hit|SNP N/A|TLB L2 miss|LCK N/A|BLK  N/A */
	{ 0x51080242, "r", "LFB hit", "L2 miss", "", false },
	{ 0x49080142, "r", "L1 hit", "L2 hit", "", false },
	{ 0x51088842, "r", "L3 or remote cache hit", "L2 miss", "", false },
	{ 0x229080144, "w", "L1 hit", "L1 hit", "", false },
	{ 0x229080142, "r", "L1 hit", "L1 hit", "", false },
	{ 0x629800842, "r", "L3 hit", "L1 hit", "hitm", false },
	{ 0x1a49081042, "r", "RAM hit", "L2 hit", "", false },
	{ 0x1e29080024, "w", "", "L1 hit", "", false },
	/* ARM SPE, made by perf: SNP Peer, TLB Walker hit */
	{ 0x8688000842, "r", "L3 hit", "Walker hit", "", false },
	{ 0x288100144, "w", "L1 hit", "Walker hit", "none", false },
	/* nothing is known: of software events, by older kernels and newer */
	{ 0x5080021, "", "", "", "", false },
	{ 0x1e05080021, "", "", "", "", false },
	{ 0, "", "", "", "", false },
};

static uint64_t
place(uint64_t number, uint64_t remote, uint64_t hops)
{
	return PERF_MEM_OP_LOAD | PERF_MEM_LVL_HIT << PERF_MEM_LVL_SHIFT |
	       number << PERF_MEM_LVLNUM_SHIFT | remote << PERF_MEM_REMOTE_SHIFT | hops << 43;
}

static bool
is(uint64_t bits, const char *level)
{
	struct perf_data_src d;

	perf_data_src_read(&d, bits);
	return strcmp(d.level, level) == 0;
}

int
main(void)
{
	struct perf_data_src d;

	for (size_t i = 0; i < sizeof real / sizeof real[0]; i++) {
		const char *snoop = real[i].snoop;

		/* the bit of peers is behind the levels */
		if (real[i].bits == 0x8688000842)
			snoop = "peer";
		perf_data_src_read(&d, real[i].bits);
		if (strcmp(d.op, real[i].op) || strcmp(d.level, real[i].level) ||
		    strcmp(d.tlb, real[i].tlb) || strcmp(d.snoop, snoop) ||
		    d.locked != real[i].locked)
			fprintf(stderr, "0x%llx: %s|%s|%s|%s|%d\n",
			    (unsigned long long)real[i].bits, d.op, d.level, d.tlb, d.snoop,
			    d.locked);
		CLAIM(strcmp(d.op, real[i].op) == 0 && strcmp(d.level, real[i].level) == 0);
		CLAIM(strcmp(d.tlb, real[i].tlb) == 0 && strcmp(d.snoop, snoop) == 0);
		CLAIM(d.locked == real[i].locked);
	}

	/* where it was, whose it was; the number goes before the old bits */
	CLAIM(is(place(0xd, 0, 0), "RAM hit"));
	CLAIM(is(place(0xd, 1, 0), "remote RAM hit"));
	CLAIM(is(place(0xe, 1, 0), "remote PMEM hit"));
	CLAIM(is(place(0xb, 1, 1), "remote-core any cache hit"));
	CLAIM(is(place(0xb, 1, 2), "remote-node any cache hit"));
	CLAIM(is(place(0xd, 1, 3), "remote-socket RAM hit"));
	CLAIM(is(place(0xd, 1, 4), "remote-board RAM hit"));
	CLAIM(is(place(0x9, 0, 0), "CXL hit"));
	CLAIM(is(place(0x2, 0, 0) | PERF_MEM_LVL_L3 << PERF_MEM_LVL_SHIFT, "L2 hit"));
	CLAIM(is(PERF_MEM_OP_STORE | (PERF_MEM_LVL_L1 | PERF_MEM_LVL_MISS) << PERF_MEM_LVL_SHIFT,
	    "L1 miss"));
	CLAIM(
	    is(PERF_MEM_OP_LOAD | (PERF_MEM_LVL_REM_RAM2 | PERF_MEM_LVL_HIT) << PERF_MEM_LVL_SHIFT,
		"2-hop RAM hit"));
	CLAIM(is(PERF_MEM_OP_LOAD | (PERF_MEM_LVL_UNC | PERF_MEM_LVL_HIT) << PERF_MEM_LVL_SHIFT |
		     0xfull << PERF_MEM_LVLNUM_SHIFT,
	    "uncached hit"));

	/* kinds */
	perf_data_src_read(&d, PERF_MEM_OP_LOAD | PERF_MEM_OP_STORE);
	CLAIM(strcmp(d.op, "rw") == 0);
	perf_data_src_read(&d, PERF_MEM_OP_PFETCH);
	CLAIM(strcmp(d.op, "r") == 0);
	perf_data_src_read(&d, PERF_MEM_OP_EXEC);
	CLAIM(strcmp(d.op, "x") == 0);

	/* any bits, and all: every text ends within its room, and the same bits say the same */
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t bits = i == 0 ? ~0ull : i < 65 ? ~(1ull << (i - 1)) : unit_random();
		struct perf_data_src again;

		memset(&d, 0x55, sizeof d);
		perf_data_src_read(&d, bits);
		perf_data_src_read(&again, bits);
		CLAIM(memchr(d.op, 0, sizeof d.op) && memchr(d.level, 0, sizeof d.level));
		CLAIM(memchr(d.tlb, 0, sizeof d.tlb) && memchr(d.snoop, 0, sizeof d.snoop));
		CLAIM(strcmp(d.level, again.level) == 0 && strcmp(d.tlb, again.tlb) == 0);
	}
	/* the longest of all, which no machine says */
	perf_data_src_read(&d, PERF_MEM_OP_LOAD | 0x3ffeull << PERF_MEM_LVL_SHIFT |
				   0x1eull << PERF_MEM_SNOOP_SHIFT | 3ull << 38 |
				   0x7eull << PERF_MEM_TLB_SHIFT);
	CLAIM(strlen(d.level) < sizeof d.level && strlen(d.level) > 100);
	CLAIM(strlen(d.snoop) < sizeof d.snoop && strlen(d.tlb) < sizeof d.tlb);
	return 0;
}
