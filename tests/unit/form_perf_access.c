/* Which samples are accesses, and what is told of them: breakpoints, page faults, what the machine says, what the user says. */
#include <linux/hw_breakpoint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "form/perf_access.h"
#include "form/perf_event.h"
#include "unit.h"

static struct trace_writer *w;
static struct perf_event_sink *sink;
static int out;

static void
begin(enum perf_machine machine)
{
	out = memfd_create("out", 0);
	w = trace_writer_new(out, TRACE_LINES, 0);
	sink = perf_event_new(w, machine);
}

static void
is(const char *want)
{
	char got[8192];
	ssize_t n;

	CLAIM(perf_event_flush(sink) == 0);
	perf_event_free(sink);
	CLAIM(trace_writer_close(w, NULL) == 0);
	n = pread(out, got, sizeof got - 1, 0);
	CLAIM(n >= 8);
	got[n] = 0;
	if (strcmp(got + 8, want) != 0)
		fprintf(stderr, "got:\n%swant:\n%s", got + 8, want);
	CLAIM(strcmp(got + 8, want) == 0);
	close(out);
}

static uint64_t words[64];

static void
put(const uint64_t *body, size_t n)
{
	struct perf_event_header h = { .type = PERF_RECORD_SAMPLE,
		.misc = PERF_RECORD_MISC_USER,
		.size = (uint16_t)(8 * (n + 1)) };

	memcpy(words, &h, sizeof h);
	memcpy(words + 1, body, 8 * n);
	CLAIM(perf_event_put(sink, (const struct perf_event_header *)words) == 0);
}

#define SAMPLE(...)                                                                                \
	put((const uint64_t[]){ __VA_ARGS__ },                                                     \
	    sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static unsigned
add(const struct perf_event_attr *a, const char *name, const struct perf_format *f)
{
	struct error e = { "" };
	int n = perf_event_add(sink, a, slice_of(name), f, &e);

	CLAIM(n >= 0);
	return (unsigned)n;
}

/* A breakpoint on data is an access of its kind and length, whoever asked or did not; one on code is none. */
static void
breakpoints(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_BREAKPOINT,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_ADDR,
		.sample_period = 3,
		.bp_type = HW_BREAKPOINT_RW,
		.bp_len = 8 };

	begin(PERF_MACHINE_X86_64);
	add(&a, "both", NULL);
	a.bp_type = HW_BREAKPOINT_W;
	a.bp_len = 2;
	add(&a, "writes", NULL);
	a.bp_type = HW_BREAKPOINT_R;
	add(&a, "reads", NULL);
	a.bp_type = HW_BREAKPOINT_X;
	add(&a, "code", NULL);
	for (unsigned i = 0; i < 4; i++)
		perf_event_id(sink, 10 + i, i);
	for (unsigned i = 0; i < 4; i++)
		SAMPLE(10 + i, 0x401000, 0x7000 + i);
	/* the address 0 is one like others */
	SAMPLE(10, 0x401000, 0);
	is("access\tevent=both\top=rw\taddr=0x7000\tsize=8\tweight=3\tip=0x401000\n"
	   "access\tevent=writes\top=w\taddr=0x7001\tsize=2\tweight=3\tip=0x401000\n"
	   "access\tevent=reads\top=r\taddr=0x7002\tsize=2\tweight=3\tip=0x401000\n"
	   "sample\tevent=code\tweight=3\tip=0x401000\taddr=0x7003\n"
	   "access\tevent=both\top=rw\taddr=0x0\tsize=8\tweight=3\tip=0x401000\n");
}

static const char fault_format[] =
    "name: page_fault_user\nID: 9\n"
    "\tfield:unsigned long address;\toffset:0;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned long error_code;\toffset:16;\tsize:8;\tsigned:0;\n";

static void
fault(uint64_t address, uint64_t ip, uint64_t code)
{
	/* ip of the kernel, the bytes of the tracepoint with their size before them, and 4 of padding */
	struct {
		uint64_t ip;
		uint32_t size;
		char raw[28];
	} body = { .ip = 0xffffffff81000000, .size = 28 };

	memcpy(body.raw, &address, 8);
	memcpy(body.raw + 8, &ip, 8);
	memcpy(body.raw + 16, &code, 8);
	put((const uint64_t *)&body, sizeof body / 8);
}

static void
faults(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_RAW,
		.sample_period = 1 };
	struct perf_format f;

	CLAIM(perf_format_parse(&f, SLICE("exceptions"), slice_of(fault_format), NULL) == 0);
	begin(PERF_MACHINE_X86_64);
	perf_event_access(sink, add(&a, "page-fault", &f), PERF_ACCESS_ALL);
	fault(0x7f0000001025, 0x401000, 0x4);
	fault(0x7f000000204a, 0x401004, 0x6);
	fault(0x7f000000204b, 0x401008, 0x7);
	fault(0x402000, 0x402000, 0x14);
	fault(0, 0x40100c, 0x6);
	CLAIM(perf_event_others(sink, 0) == 0);
	is("access\tevent=page-fault\top=r\taddr=0x7f0000001025\tweight=1\tip=0x401000\n"
	   "access\tevent=page-fault\top=w\taddr=0x7f000000204a\tweight=1\tip=0x401004\n"
	   "access\tevent=page-fault\top=w\taddr=0x7f000000204b\tweight=1\tip=0x401008\n"
	   "access\tevent=page-fault\top=x\taddr=0x402000\tweight=1\tip=0x402000\n"
	   "access\tevent=page-fault\top=w\taddr=0x0\tweight=1\tip=0x40100c\n");

	/* of a kind: the others are counted, and no record */
	begin(PERF_MACHINE_X86_64);
	perf_event_access(sink, add(&a, "page-fault", &f), PERF_ACCESS_WRITES);
	fault(0x7f0000001025, 0x401000, 0x4);
	fault(0x7f000000204a, 0x401004, 0x6);
	fault(0x402000, 0x402000, 0x14);
	CLAIM(perf_event_others(sink, 0) == 2 && perf_event_books(sink)->dropped == 2);
	CLAIM(perf_event_books(sink)->samples == 1 && perf_event_books(sink)->lost == 0);
	is("access\tevent=page-fault\top=w\taddr=0x7f000000204a\tweight=1\tip=0x401004\n");

	/* where the error code means something else, it is not guessed; and nobody who did not ask gets accesses */
	begin(PERF_MACHINE_AARCH64);
	perf_event_access(sink, add(&a, "page-fault", &f), PERF_ACCESS_ALL);
	fault(0x7f0000001025, 0x401000, 0x92000046);
	is("access\tevent=page-fault\top=rw\taddr=0x7f0000001025\tweight=1\tip=0x401000\n");
	begin(PERF_MACHINE_X86_64);
	add(&a, "exceptions:page_fault_user", &f);
	fault(16, 32, 4);
	is("event\tname=exceptions:page_fault_user\taddress=16\tip=32\terror_code=4\n");
	perf_format_free(&f);
}

enum { LOAD_L1 = 0x68100142, LOAD_L3 = 0x68100842, STORE_L1 = 0x229080144, NOT = 0x5080021 };

static struct perf_event_attr
hardware(uint64_t more)
{
	return (struct perf_event_attr){ .type = PERF_TYPE_RAW,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR | more,
		.sample_period = 101 };
}

static void
machine(void)
{
	struct perf_event_attr a = hardware(PERF_SAMPLE_WEIGHT | PERF_SAMPLE_DATA_SRC);

	/* nobody asked, as in an import: what is none stays a sample */
	begin(PERF_MACHINE_X86_64);
	add(&a, "mem", NULL);
	SAMPLE(0x401000, 0x7000, 5, LOAD_L1);
	SAMPLE(0x401000, 0x7008, 0, STORE_L1);
	SAMPLE(0x401000, 0, 0, NOT);
	SAMPLE(0x401000, 0, 7, LOAD_L3);
	is("access\tevent=mem\top=r\taddr=0x7000\tweight=101\tlatency=5\tlevel=\"L1 hit\"\t"
	   "tlb=\"L1 or L2 hit\"\tsnoop=none\tip=0x401000\n"
	   "access\tevent=mem\top=w\taddr=0x7008\tweight=101\tlevel=\"L1 hit\"\ttlb=\"L1 hit\"\t"
	   "ip=0x401000\n"
	   "sample\tevent=mem\tweight=101\tip=0x401000\taddr=0x0\n"
	   "access\tevent=mem\top=r\tweight=101\tlatency=7\tlevel=\"L3 hit\"\t"
	   "tlb=\"L1 or L2 hit\"\tsnoop=none\tip=0x401000\n");

	/* all accesses were asked for, as of IBS: instructions that are none are left out, and counted */
	begin(PERF_MACHINE_X86_64);
	perf_event_access(sink, add(&a, "ibs", NULL), PERF_ACCESS_ALL);
	for (unsigned i = 0; i < 7; i++)
		SAMPLE(0x401000, 0, 0, NOT);
	SAMPLE(0x401000, 0x7000, 0, STORE_L1);
	SAMPLE(0x401000, 0x7008, 0, NOT);
	CLAIM(perf_event_others(sink, 0) == 8);
	is("access\tevent=ibs\top=w\taddr=0x7000\tweight=101\tlevel=\"L1 hit\"\ttlb=\"L1 hit\"\t"
	   "ip=0x401000\n");

	/* one kind of two that the machine tells apart */
	begin(PERF_MACHINE_X86_64);
	perf_event_access(sink, add(&a, "ibs", NULL), PERF_ACCESS_READS);
	SAMPLE(0x401000, 0x7000, 0, STORE_L1);
	SAMPLE(0x401000, 0x7008, 0, (LOAD_L1 & ~0x1full) | 6); /* an atomic add: both */
	SAMPLE(0x401000, 0, 0, NOT);
	CLAIM(perf_event_others(sink, 0) == 2);
	is("access\tevent=ibs\top=rw\taddr=0x7008\tweight=101\tlevel=\"L1 hit\"\t"
	   "tlb=\"L1 or L2 hit\"\tsnoop=none\tip=0x401000\n");

	/* the user says it of an event of which the machine says nothing but the address */
	begin(PERF_MACHINE_X86_64);
	perf_event_access(sink, add(&a, "r20016", NULL), PERF_ACCESS_WRITES);
	SAMPLE(0x401000, 0x7000, 0, NOT);
	is("access\tevent=r20016\top=w\taddr=0x7000\tweight=101\tip=0x401000\n");
	a = hardware(0);
	begin(PERF_MACHINE_X86_64);
	perf_event_access(sink, add(&a, "r4003E", NULL), PERF_ACCESS_READS);
	SAMPLE(0x401000, 0x7000);
	is("access\tevent=r4003E\top=r\taddr=0x7000\tweight=101\tip=0x401000\n");
	begin(PERF_MACHINE_X86_64);
	add(&a, "cycles:pp", NULL);
	SAMPLE(0x401000, 0x7000);
	is("sample\tevent=cycles:pp\tweight=101\tip=0x401000\taddr=0x7000\n");

	/* a weight of three parts: the first is the access's */
	a = hardware(PERF_SAMPLE_WEIGHT_STRUCT | PERF_SAMPLE_DATA_SRC);
	begin(PERF_MACHINE_X86_64);
	add(&a, "mem", NULL);
	SAMPLE(0x401000, 0x7000, 0x0011002200000321, LOAD_L1);
	is("access\tevent=mem\top=r\taddr=0x7000\tweight=101\tlatency=801\tlevel=\"L1 hit\"\t"
	   "tlb=\"L1 or L2 hit\"\tsnoop=none\tip=0x401000\n");
}

/* Software events carry a data_src that says nothing: without a name of the user's they are none. */
static void
software(void)
{
	struct perf_event_attr a = hardware(PERF_SAMPLE_DATA_SRC);

	a.type = PERF_TYPE_SOFTWARE;
	a.config = PERF_COUNT_SW_PAGE_FAULTS;
	begin(PERF_MACHINE_X86_64);
	add(&a, "page-faults", NULL);
	SAMPLE(0x401000, 0x7000, LOAD_L1);
	is("sample\tevent=page-faults\tweight=101\tip=0x401000\taddr=0x7000\n");
	begin(PERF_MACHINE_X86_64);
	perf_event_access(sink, add(&a, "page-faults", NULL), PERF_ACCESS_ALL);
	SAMPLE(0x401000, 0x7000, NOT);
	is("access\tevent=page-faults\top=rw\taddr=0x7000\tweight=101\tip=0x401000\n");
}

/* More values than are kept, in any order: each is decoded as if it were alone. */
static void
kept(void)
{
	struct perf_event_attr a = hardware(PERF_SAMPLE_DATA_SRC);
	struct perf_access_decoder *d = calloc(1, sizeof *d);
	struct perf_access_kind k;
	struct perf_layout layout;

	CLAIM(d && perf_layout_init(&layout, &a, NULL) == 0);
	perf_access_kind_init(&k, &a, NULL, PERF_MACHINE_X86_64, 0);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t bits = unit_draw(3) ? unit_draw(2000) * 0x91827 : unit_random();
		struct perf_sample x = { .addr = 8, .data_src = bits };
		struct perf_data_src alone;
		struct perf_access access;
		int r = perf_access_read(d, &k, &layout, &x, &access);

		perf_data_src_read(&alone, bits);
		CLAIM(r == (alone.op[0] != 0));
		CLAIM(r == 0 || (slice_eq(access.op, slice_of(alone.op)) &&
				    slice_eq(access.level, slice_of(alone.level)) &&
				    slice_eq(access.tlb, slice_of(alone.tlb)) &&
				    slice_eq(access.snoop, slice_of(alone.snoop)) &&
				    access.locked == alone.locked));
	}
	free(d);
}

int
main(void)
{
	breakpoints();
	faults();
	machine();
	software();
	kept();
	return 0;
}
