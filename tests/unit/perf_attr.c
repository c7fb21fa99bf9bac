/* Attributes of any size, the layout of records, names, and registers. */
#include "unit.h"

#include "perf/attr.h"

static void
sizes(void)
{
	char bytes[512] = { 0 };
	struct perf_event_attr want = { .type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = 77,
		.sample_regs_user = 0xff,
		.sig_data = 5 };

	for (uint32_t size = 0; size <= sizeof bytes; size++) {
		struct perf_event_attr got;
		uint32_t use = size == 0 ? PERF_ATTR_SIZE_VER0 : size;
		int result;

		want.size = size;
		memset(bytes, 0xee, sizeof bytes); /* what a newer kernel has */
		memcpy(bytes, &want, sizeof want);
		result = perf_attr_read(&got, (struct slice){ bytes, sizeof bytes }, NULL);
		CLAIM((result == 0) == (size == 0 || size >= PERF_ATTR_SIZE_VER0));
		if (result < 0)
			continue;
		CLAIM(got.type == PERF_TYPE_SOFTWARE && got.config == 1 && got.sample_period == 77);
		CLAIM(got.size == use);
		CLAIM(got.sample_regs_user == (use > PERF_ATTR_SIZE_VER2 ? 0xff : 0));
		CLAIM(got.sig_data == (use > PERF_ATTR_SIZE_VER6 ? 5 : 0));
	}
	/* Fewer bytes than it says it has: what is there counts. */
	want.size = PERF_ATTR_SIZE_VER7;
	memcpy(bytes, &want, sizeof want);
	for (size_t n = 0; n < sizeof want; n++) {
		struct perf_event_attr got;
		int result = perf_attr_read(&got, (struct slice){ bytes, n }, NULL);

		CLAIM((result == 0) == (n >= PERF_ATTR_SIZE_VER0));
		CLAIM(result < 0 || got.size == n);
	}
}

static void
name_is(struct perf_event_attr a, const char *name)
{
	struct buf b = BUF_INIT;

	perf_attr_name(&a, &b);
	if (strcmp(buf_str(&b), name) != 0)
		fprintf(stderr, "%s, not %s\n", buf_str(&b), name);
	CLAIM(strcmp(buf_str(&b), name) == 0);
	buf_free(&b);
}

static void
names(void)
{
	name_is((struct perf_event_attr){ .type = PERF_TYPE_HARDWARE }, "cycles");
	name_is((struct perf_event_attr){ .type = PERF_TYPE_HARDWARE, .config = 9 }, "ref-cycles");
	name_is((struct perf_event_attr){ .type = PERF_TYPE_HARDWARE, .config = 10 },
	    "pmu 0 config 0xa");
	name_is(
	    (struct perf_event_attr){
		.type = PERF_TYPE_HARDWARE, .exclude_kernel = 1, .exclude_hv = 1 },
	    "cycles:u");
	name_is(
	    (struct perf_event_attr){ .type = PERF_TYPE_HARDWARE, .precise_ip = 2 }, "cycles:pp");
	name_is((struct perf_event_attr){ .type = PERF_TYPE_SOFTWARE }, "cpu-clock");
	name_is((struct perf_event_attr){ .type = PERF_TYPE_SOFTWARE, .config = 1ull << 63 },
	    "pmu 1 config 0x8000000000000000");
	name_is((struct perf_event_attr){ .type = PERF_TYPE_HW_CACHE, .config = 0x10000 },
	    "L1-dcache-load-misses");
	name_is(
	    (struct perf_event_attr){ .type = PERF_TYPE_HW_CACHE, .config = 0x103 }, "dTLB-stores");
	name_is((struct perf_event_attr){ .type = PERF_TYPE_HW_CACHE, .config = 0x7 },
	    "pmu 3 config 0x7");
	name_is((struct perf_event_attr){ .type = PERF_TYPE_RAW, .config = 0x1a2 }, "raw 0x1a2");
	name_is(
	    (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT, .bp_addr = 0x1000, .bp_type = 3 },
	    "mem:0x1000:rw");
}

static void
layouts(void)
{
	struct perf_event_attr a = { .sample_id_all = 1,
		.sample_period = 100,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			       PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_CPU };
	struct perf_layout l;
	struct error e;

	CLAIM(perf_layout_init(&l, &a, &e) == 0);
	CLAIM(l.fixed == 48 && l.sample_time_at == 24 && l.sample_id_at == 40);
	CLAIM(l.trailer == 32 && l.trailer_id_at == 16 && l.trailer_time_at == 24);
	CLAIM(l.period == 100);

	a.sample_type |= PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_STREAM_ID;
	a.freq = 1;
	CLAIM(perf_layout_init(&l, &a, &e) == 0);
	CLAIM(l.sample_time_at == 32 && l.sample_id_at == 8 && l.period == 0);
	CLAIM(l.trailer == 48 && l.trailer_id_at == 8 && l.trailer_time_at == 40);

	a.sample_id_all = 0;
	CLAIM(perf_layout_init(&l, &a, &e) == 0);
	CLAIM(l.trailer == 0 && l.trailer_id_at == 0 && l.trailer_time_at == 0);

	a.sample_type = PERF_SAMPLE_IP;
	CLAIM(perf_layout_init(&l, &a, &e) == 0);
	CLAIM(l.sample_time_at == 0 && l.sample_id_at == 0);

	a.sample_type |= PERF_SAMPLE_MAX;
	CLAIM(perf_layout_init(&l, &a, &e) < 0);
}

static void
registers(void)
{
	struct perf_regs r;

	/* perf's x86 numbers: ax bx cx dx si di bp sp ip flags cs ss ds es fs gs r8..r15. */
	perf_regs_map(&r, PERF_MACHINE_X86_64, 0xff0fff); /* what perf record asks for */
	CLAIM(r.n == 17);
	CLAIM(r.at[0] == 0 && r.at[1] == 3 && r.at[2] == 2 && r.at[3] == 1); /* rax rdx rcx rbx */
	CLAIM(r.at[4] == 4 && r.at[5] == 5 && r.at[6] == 6 && r.at[7] == 7);
	for (int i = 8; i < 16; i++)
		CLAIM(r.at[i] == i + 4); /* behind flags, cs and ss */
	CLAIM(r.at[16] == 8);
	perf_regs_map(&r, PERF_MACHINE_X86_64, perf_regs_mask(PERF_MACHINE_X86_64));
	CLAIM(r.n == 17 && r.at[8] == 9 && r.at[15] == 16 && r.at[16] == 8);
	perf_regs_map(&r, PERF_MACHINE_X86_64, 0xff0fff & ~2ull);
	CLAIM(r.n == 0);
	perf_regs_map(&r, PERF_MACHINE_AARCH64, perf_regs_mask(PERF_MACHINE_AARCH64));
	CLAIM(r.n == 33 && r.at[0] == 0 && r.at[31] == 31 && r.at[32] == 32);
	perf_regs_map(&r, PERF_MACHINE_UNKNOWN, ~0ull);
	CLAIM(r.n == 0);
	CLAIM(perf_machine_of(SLICE("x86_64")) == PERF_MACHINE_X86_64);
	CLAIM(perf_machine_of(SLICE("aarch64")) == PERF_MACHINE_AARCH64);
	CLAIM(perf_machine_of(SLICE("i686")) == PERF_MACHINE_UNKNOWN);
}

int
main(void)
{
	sizes();
	names();
	layouts();
	registers();
	return 0;
}
