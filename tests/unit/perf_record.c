/* Records: what was put together part by part is read back, and what is cut anywhere is an error, for every combination of
 * parts that a fixed sequence of random numbers gives. */
#include "unit.h"

#include <string.h>
#include <sys/mman.h>

#include "perf/record.h"

static uint64_t words[8192];
static size_t n;

static uint64_t
next(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void
put(uint64_t v)
{
	words[n++] = v;
}

static struct perf_event_header *
seal(uint32_t type, uint16_t misc)
{
	struct perf_event_header h = { .type = type, .misc = misc, .size = (uint16_t)(n * 8) };

	memcpy(words, &h, sizeof h);
	return (void *)words;
}

static void
begin(void)
{
	n = 0;
	put(0);
}

/* A sample of all that l says, with what was put in it in *want. */
static struct perf_event_header *
sample(const struct perf_layout *l, struct perf_sample *want)
{
	uint64_t type = l->sample_type, k;

	memset(want, 0, sizeof *want);
	want->period = l->period;
	begin();
#define WORD(bit, field)                                                                           \
	if (type & (bit)) {                                                                        \
		want->field = next();                                                              \
		put(want->field);                                                                  \
	}
	WORD(PERF_SAMPLE_IDENTIFIER, id)
	WORD(PERF_SAMPLE_IP, ip)
	if (type & PERF_SAMPLE_TID) {
		want->pid = (uint32_t)next();
		want->tid = (uint32_t)next();
		put(want->pid | (uint64_t)want->tid << 32);
	}
	WORD(PERF_SAMPLE_TIME, time)
	WORD(PERF_SAMPLE_ADDR, addr)
	WORD(PERF_SAMPLE_ID, id)
	WORD(PERF_SAMPLE_STREAM_ID, stream_id)
	if (type & PERF_SAMPLE_CPU) {
		want->cpu = (uint32_t)next();
		put(want->cpu | 0xdeadull << 32);
	}
	WORD(PERF_SAMPLE_PERIOD, period)
	if (type & PERF_SAMPLE_READ) {
		uint64_t f = l->read_format;
		size_t at = n;

		k = f & PERF_FORMAT_GROUP ? next() % 4 : 1;
		if (f & PERF_FORMAT_GROUP)
			put(k);
		else
			put(next());
		if (f & PERF_FORMAT_TOTAL_TIME_ENABLED)
			put(next());
		if (f & PERF_FORMAT_TOTAL_TIME_RUNNING)
			put(next());
		for (uint64_t i = 0; i < k; i++) {
			if (f & PERF_FORMAT_GROUP)
				put(next());
			if (f & PERF_FORMAT_ID)
				put(next());
			if (f & PERF_FORMAT_LOST)
				put(next());
		}
		want->read = (struct slice){ (char *)(words + at), (n - at) * 8 };
	}
	if (type & PERF_SAMPLE_CALLCHAIN) {
		put(want->chain_n = next() % 8);
		want->chain = words + n;
		for (k = 0; k < want->chain_n; k++)
			put(next());
	}
	if (type & PERF_SAMPLE_RAW) {
		uint32_t size =
		    (uint32_t)(4 + next() % 5 * 8); /* with its length a multiple of 8 */

		memcpy(words + n, &size, 4);
		want->raw = (struct slice){ (char *)(words + n) + 4, size };
		n += (4 + size) / 8;
	}
	if (type & PERF_SAMPLE_BRANCH_STACK) {
		put(want->branch_n = next() % 4);
		want->branch_hw_idx = ~0ull;
		if (l->branch_type & PERF_SAMPLE_BRANCH_HW_INDEX) {
			want->branch_hw_idx = next();
			put(want->branch_hw_idx);
		}
		want->branch = (void *)(words + n);
		for (k = 0; k < 3 * want->branch_n; k++)
			put(next());
		if (l->branch_type & 1 << 19)
			for (k = 0; k < want->branch_n; k++)
				put(next());
	}
#define REGS(bit, abi, regs, count)                                                                \
	if (type & (bit)) {                                                                        \
		put(want->abi = next() % 3);                                                       \
		want->regs = want->abi ? words + n : NULL;                                         \
		for (k = 0; want->abi && k < (count); k++)                                         \
			put(next());                                                               \
	}
	REGS(PERF_SAMPLE_REGS_USER, user_abi, user, l->user_n)
	if (type & PERF_SAMPLE_STACK_USER) {
		put(want->stack_asked = next() % 4 * 16);
		want->stack = (struct slice){ 0 };
		if (want->stack_asked) {
			want->stack.p = (char *)(words + n);
			n += want->stack_asked / 8;
			want->stack.n = next() % (want->stack_asked + 1);
			put(want->stack.n);
		}
	}
	WORD(PERF_SAMPLE_WEIGHT_TYPE, weight)
	WORD(PERF_SAMPLE_DATA_SRC, data_src)
	WORD(PERF_SAMPLE_TRANSACTION, transaction)
	REGS(PERF_SAMPLE_REGS_INTR, intr_abi, intr, l->intr_n)
	WORD(PERF_SAMPLE_PHYS_ADDR, phys_addr)
	WORD(PERF_SAMPLE_CGROUP, cgroup)
	WORD(PERF_SAMPLE_DATA_PAGE_SIZE, data_page_size)
	WORD(PERF_SAMPLE_CODE_PAGE_SIZE, code_page_size)
	if (type & PERF_SAMPLE_AUX) {
		put(want->aux.n = next() % 3 * 8);
		want->aux.p = (char *)(words + n);
		n += want->aux.n / 8;
	}
	return seal(PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER);
}

static void
samples(void)
{
	for (int i = 0; i < 20000; i++) {
		struct perf_event_attr a = { .sample_type = next() & (PERF_SAMPLE_MAX - 1),
			.read_format = next() & (PERF_FORMAT_MAX - 1),
			.branch_sample_type = next() & (1 << 17 | 1 << 19),
			.sample_regs_user = next() & 0xff0fff,
			.sample_regs_intr = next() & 0xff,
			.sample_id_all = 1,
			.sample_period = 1000 };
		struct perf_event_header *h;
		struct perf_sample want, got;
		struct perf_layout l;
		uint16_t size;

		CLAIM(perf_layout_init(&l, &a, NULL) == 0);
		h = sample(&l, &want);
		CLAIM(perf_sample_read(&l, h, &got) == 0);
		CLAIM(memcmp(&want, &got, sizeof got) == 0);
		if (l.sample_time_at)
			CLAIM(load64((char *)h + l.sample_time_at) == want.time);
		if (l.sample_id_at &&
		    (a.sample_type & (PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_ID)) == PERF_SAMPLE_ID)
			CLAIM(load64((char *)h + l.sample_id_at) == want.id);
		/* A record that is cut says so, but where only a stack's unused end is. */
		size = h->size;
		for (unsigned cut = 8; cut < size; cut += 1 + (unsigned)next() % 5) {
			h->size = (uint16_t)(size - cut);
			if (h->size >= 8)
				CLAIM(perf_sample_read(&l, h, &got) < 0);
		}
	}
}

/* Lengths that add up to more than 2^64. */
static void
overflows(void)
{
	struct perf_event_attr a = { .sample_type = PERF_SAMPLE_CALLCHAIN };
	struct perf_layout l;
	struct perf_sample s;

	for (int bit = 2; bit < 64; bit++) {
		a.sample_type = PERF_SAMPLE_CALLCHAIN;
		perf_layout_init(&l, &a, NULL);
		begin();
		put(1ull << bit);
		put(1);
		CLAIM(perf_sample_read(&l, seal(PERF_RECORD_SAMPLE, 0), &s) < 0);
		words[1] = -(1ull << bit);
		CLAIM(perf_sample_read(&l, seal(PERF_RECORD_SAMPLE, 0), &s) < 0);
		words[1] = 0;
		CLAIM(perf_sample_read(&l, seal(PERF_RECORD_SAMPLE, 0), &s) == 0);
	}
	a.sample_type = PERF_SAMPLE_STACK_USER;
	perf_layout_init(&l, &a, NULL);
	begin();
	put(8);
	put(0);
	put(9); /* more copied than there was room */
	CLAIM(perf_sample_read(&l, seal(PERF_RECORD_SAMPLE, 0), &s) < 0);
	words[3] = 8;
	CLAIM(perf_sample_read(&l, seal(PERF_RECORD_SAMPLE, 0), &s) == 0 && s.stack.n == 8);
}

static void
text(const char *s)
{
	size_t size = (strlen(s) + 8) & ~7ull;

	memset(words + n, 0, size);
	memcpy(words + n, s, strlen(s));
	n += size / 8;
}

static void
trailer(void)
{
	put(7 | 8ull << 32);
	put(4711);
	put(3);
	put(99);
}

static void
others(void)
{
	struct perf_event_attr a = { .sample_id_all = 1,
		.sample_type =
		    PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER };
	struct perf_event_header *h;
	struct perf_trailer t;
	struct perf_layout l;
	struct perf_mmap m;
	struct perf_comm c;
	struct perf_task f;
	struct perf_loss x;
	struct perf_ksymbol k;
	struct perf_aux aux;
	struct perf_switch sw;
	struct perf_cgroup cg;
	struct perf_text_poke poke;
	struct perf_bpf bpf;
	struct perf_namespaces ns;

	CLAIM(perf_layout_init(&l, &a, NULL) == 0);

	begin();
	put(10 | 11ull << 32);
	put(0x400000);
	put(0x1000);
	put(0x2000);
	text("/bin/x");
	trailer();
	h = seal(PERF_RECORD_MMAP, 0);
	CLAIM(perf_trailer_read(&l, h, &t) == 0);
	CLAIM(t.pid == 7 && t.tid == 8 && t.time == 4711 && t.cpu == 3 && t.has_cpu && t.id == 99);
	CLAIM(perf_mmap_read(&l, h, &m) == 0);
	CLAIM(m.pid == 10 && m.tid == 11 && m.addr == 0x400000 && m.size == 0x1000);
	CLAIM(m.offset == 0x2000 && slice_eq(m.path, SLICE("/bin/x")) && m.prot == PROT_EXEC);
	h->misc = PERF_RECORD_MISC_MMAP_DATA;
	CLAIM(perf_mmap_read(&l, h, &m) == 0 && m.prot == 0);
	h->size = (uint16_t)(8 + 32 + l.trailer);
	CLAIM(perf_mmap_read(&l, h, &m) == 0 && m.path.n == 0);
	h->size -= 8;
	CLAIM(perf_mmap_read(&l, h, &m) < 0);
	h->size = 8;
	CLAIM(perf_trailer_read(&l, h, &t) < 0);

	begin();
	put((uint32_t)-1);
	put(1);
	put(2);
	put(3);
	put(0x0605040300000014); /* size 20, 3 reserved */
	put(0x0e0d0c0b0a090807);
	put(0x161514131211100f);
	put(5 | 2ull << 32);
	text("/lib/y z.so");
	trailer();
	h = seal(PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID);
	CLAIM(perf_mmap_read(&l, h, &m) == 0);
	CLAIM(m.buildid.n == 20 && m.buildid.p[0] == 3 && m.buildid.p[19] == 0x16);
	CLAIM(m.prot == 5 && m.flags == 2 && slice_eq(m.path, SLICE("/lib/y z.so")));
	CLAIM((int32_t)m.pid == -1);
	h->misc = 0;
	CLAIM(perf_mmap_read(&l, h, &m) == 0 && m.buildid.n == 0);

	begin();
	put(10 | 11ull << 32);
	text("a comm");
	trailer();
	CLAIM(perf_comm_read(&l, seal(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC), &c) == 0);
	CLAIM(c.pid == 10 && c.tid == 11 && c.exec && slice_eq(c.name, SLICE("a comm")));
	CLAIM(perf_comm_read(&l, seal(PERF_RECORD_COMM, 0), &c) == 0 && !c.exec);

	begin();
	put(1 | 2ull << 32);
	put(3 | 4ull << 32);
	put(5);
	trailer();
	CLAIM(perf_task_read(&l, seal(PERF_RECORD_FORK, 0), &f) == 0);
	CLAIM(f.pid == 1 && f.ppid == 2 && f.tid == 3 && f.ptid == 4 && f.time == 5);
	CLAIM(perf_loss_read(&l, seal(PERF_RECORD_THROTTLE, 0), &x) == 0);
	CLAIM(x.time == (1 | 2ull << 32) && x.id == (3 | 4ull << 32));
	CLAIM(perf_loss_read(&l, seal(PERF_RECORD_LOST, 0), &x) == 0 && x.n == (3 | 4ull << 32));
	CLAIM(perf_loss_read(&l, seal(PERF_RECORD_LOST_SAMPLES, 0), &x) == 0);
	CLAIM(x.n == (1 | 2ull << 32));
	CLAIM(perf_aux_read(&l, seal(PERF_RECORD_AUX, 0), &aux) == 0 && aux.flags == 5);
	CLAIM(
	    perf_switch_read(&l, seal(PERF_RECORD_SWITCH, PERF_RECORD_MISC_SWITCH_OUT), &sw) == 0);
	CLAIM(sw.out && !sw.preempt && sw.next_prev_pid == 0);
	CLAIM(perf_switch_read(&l, seal(PERF_RECORD_SWITCH_CPU_WIDE, 0), &sw) == 0);
	CLAIM(!sw.out && sw.next_prev_pid == 1 && sw.next_prev_tid == 2);
	CLAIM(perf_bpf_read(&l, seal(PERF_RECORD_BPF_EVENT, 0), &bpf) == 0);
	CLAIM(bpf.type == 1 && bpf.id == 2 && bpf.tag.n == 8);

	begin();
	put(0xffffffffc0000000);
	put(64 | 1ull << 32);
	text("bpf_prog_1");
	trailer();
	h = seal(PERF_RECORD_KSYMBOL, 0);
	CLAIM(perf_ksymbol_read(&l, h, &k) == 0);
	CLAIM(k.addr == 0xffffffffc0000000 && k.size == 64 && k.type == 1 && k.flags == 0);
	CLAIM(slice_eq(k.name, SLICE("bpf_prog_1")));
	CLAIM(perf_cgroup_read(&l, h, &cg) == 0 && cg.id == k.addr);

	begin();
	put(0x1000);
	put(2 | 4ull << 16 | 0x0102ull << 32 | 0x0304ull << 48);
	put(0x0506);
	trailer();
	h = seal(PERF_RECORD_TEXT_POKE, 0);
	CLAIM(perf_text_poke_read(&l, h, &poke) == 0);
	CLAIM(poke.old.n == 2 && poke.old.p[0] == 2 && poke.new.n == 4 && poke.new.p[0] == 4);
	words[2] = 2 | 11ull << 16;
	CLAIM(perf_text_poke_read(&l, h, &poke) < 0);

	begin();
	put(1 | 2ull << 32);
	put(2);
	for (int i = 0; i < 4; i++)
		put((uint64_t)i);
	trailer();
	h = seal(PERF_RECORD_NAMESPACES, 0);
	CLAIM(perf_namespaces_read(&l, h, &ns) == 0 && ns.n == 2 && ns.link[3] == 3);
	words[2] = 3;
	CLAIM(perf_namespaces_read(&l, h, &ns) < 0);
}

static void
chains(void)
{
	const uint64_t chain[] = { PERF_CONTEXT_KERNEL, 0xffffffff81000001, 0xffffffff81000002,
		PERF_CONTEXT_USER, 0x401000, 0, 0x402000, PERF_CONTEXT_GUEST_KERNEL, 5, 6,
		PERF_CONTEXT_USER, 0x403000, (uint64_t)-640, 0xc00c1e };
	const uint64_t want[] = { 0xffffffff81000001, 0xffffffff81000002, 0x401000, 0, 0x402000,
		0x403000 };
	struct perf_sample s = { .chain = chain, .chain_n = 14 };
	uint64_t got[14];
	uint32_t guest;

	CLAIM(perf_chain_plain(&s, got, &guest) == 6 && guest == 2);
	CLAIM(memcmp(got, want, sizeof want) == 0);
}

int
main(void)
{
	samples();
	overflows();
	others();
	chains();
	CLAIM(strcmp(perf_record_name(PERF_RECORD_MMAP2), "MMAP2") == 0);
	CLAIM(!perf_record_name(0) && !perf_record_name(PERF_RECORD_KNOWN) &&
	      perf_record_name(PERF_RECORD_KNOWN - 1));
	return 0;
}
