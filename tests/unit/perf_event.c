/* Records of the kernel in a trace: what perf_data.c has not: names that clash, chains of branch records, groups, ids of
 * nobody, registers that are missing, tasks. */
#include "unit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "form/perf_event.h"

static struct trace_writer *w;
static struct perf_event_sink *sink;
static int out;

static void
begin(void)
{
	out = memfd_create("out", 0);
	w = trace_writer_new(out, TRACE_LINES, 0);
	sink = perf_event_new(w, PERF_MACHINE_X86_64);
}

/* The trace is this, behind its first line. */
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

static uint64_t words[512];
static unsigned n;

static void
put(uint32_t type, uint16_t misc)
{
	struct perf_event_header h = { .type = type, .misc = misc, .size = (uint16_t)(8 * n) };

	memcpy(words, &h, sizeof h);
	CLAIM(perf_event_put(sink, (const struct perf_event_header *)words) == 0);
}

#define RECORD(type, misc, ...)                                                                    \
	do {                                                                                       \
		const uint64_t w_[] = { 0, __VA_ARGS__ };                                          \
		n = sizeof w_ / sizeof *w_;                                                        \
		memcpy(words, w_, sizeof w_);                                                      \
		put(type, misc);                                                                   \
	} while (0)

static struct perf_event_attr
attr(uint32_t type, uint64_t sample_type)
{
	return (struct perf_event_attr){ .type = type, .sample_type = sample_type };
}

static void
names(void)
{
	static const char text[] = "name: x\nID: 9\n"
				   "\tfield:int cpu;\toffset:0;\tsize:4;\tsigned:1;\n"
				   "\tfield:int CamelCase;\toffset:0;\tsize:4;\tsigned:1;\n"
				   "\tfield:int __nr;\toffset:0;\tsize:4;\tsigned:1;\n"
				   "\tfield:int nr;\toffset:0;\tsize:4;\tsigned:1;\n"
				   "\tfield:int 2nd;\toffset:0;\tsize:4;\tsigned:1;\n"
				   "\tfield:int far;\toffset:64;\tsize:4;\tsigned:1;\n"
				   "\tfield:u16 l[2];\toffset:0;\tsize:4;\tsigned:0;\n"
				   "\tfield:void * p[1];\toffset:0;\tsize:8;\tsigned:0;\n";
	struct perf_event_attr a = attr(PERF_TYPE_TRACEPOINT, PERF_SAMPLE_RAW | PERF_SAMPLE_PERIOD);
	struct perf_format f;

	begin();
	CLAIM(perf_format_parse(&f, SLICE("s"), slice_of(text), NULL) == 0);
	CLAIM(perf_event_add(sink, &a, SLICE("s:x"), &f, NULL) == 0);
	RECORD(PERF_RECORD_SAMPLE, 2, 1, 12 | 0x10002ull << 32, 0);
	RECORD(PERF_RECORD_SAMPLE, 2, 5, 12 | 0x10002ull << 32, 0);
	perf_event_format(sink, 0, NULL);
	RECORD(PERF_RECORD_SAMPLE, 2, 1, 12 | 0x10002ull << 32, 0);
	CLAIM(perf_event_books(sink)->samples == 3 && perf_event_books(sink)->lost == 2);
	is("event\tname=s:x\targ_cpu=65538\tcamelcase=65538\tnr=65538\tnr_3=65538\targ_2nd=65538\t"
	   "l=2;1;\tp=0x10002;\n"
	   "event\tname=s:x\tweight=5\targ_cpu=65538\tcamelcase=65538\tnr=65538\tnr_3=65538\t"
	   "arg_2nd=65538\tl=2;1;\tp=0x10002;\n"
	   "event\tname=s:x\traw=@AgABAAAAAAAAAAAA\n"
	   "lost\tn=2\twhy=short-field\n");
	perf_format_free(&f);
}

static void
several(void)
{
	struct perf_event_attr a = attr(
				   PERF_TYPE_SOFTWARE, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP),
			       b = a, c = a, d = a;
	struct error e = { "" };

	begin();
	b.sample_type |= PERF_SAMPLE_TIME; /* another layout behind the id */
	b.config = PERF_COUNT_SW_TASK_CLOCK;
	c.sample_type |= PERF_SAMPLE_MAX; /* of a kernel to come */
	CLAIM(perf_event_add(sink, &a, SLICE(""), NULL, &e) == 0);
	CLAIM(perf_event_add(sink, &b, SLICE(""), NULL, &e) == 1);
	CLAIM(perf_event_add(sink, &c, SLICE("new"), NULL, &e) == 2);
	d.sample_type = PERF_SAMPLE_IP;
	CLAIM(e.text[0] == 0 && perf_event_add(sink, &d, SLICE(""), NULL, &e) < 0 && e.text[0]);
	CLAIM(perf_event_count(sink) == 3);
	for (unsigned i = 0; i < 1000; i++)
		perf_event_id(sink, 7ull * i << 20, i % 3);
	for (unsigned i = 0; i < 1000; i++)
		CLAIM(perf_event_of(sink, 7ull * i << 20) == (int)(i % 3));
	CLAIM(perf_event_of(sink, 1) == -1);
	RECORD(PERF_RECORD_SAMPLE, 2, 7ull * 999 << 20, 0x1000);
	RECORD(PERF_RECORD_SAMPLE, 2, 7ull * 1 << 20, 0x2000, 33);
	CLAIM(perf_event_time(sink, (void *)words) == 33);
	RECORD(PERF_RECORD_SAMPLE, 2, 7ull * 2 << 20, 0x3000);
	RECORD(PERF_RECORD_SAMPLE, 2, 1, 0x4000);                  /* an id of nobody */
	RECORD(PERF_RECORD_SAMPLE, 2, 7ull * 1 << 20, 0x5000);     /* too short for its event */
	RECORD(PERF_RECORD_SAMPLE, 4, 7ull * 1 << 20, 0x5000, 34); /* of a guest's kernel */
	is("sample\tevent=cpu-clock\tip=0x1000\n"
	   "sample\tt=33\tevent=task-clock\tip=0x2000\n"
	   "lost\tt=33\tn=1\twhy=unsupported\n"
	   "lost\tt=33\tn=1\twhy=unknown-event\n"
	   "lost\tt=33\tn=1\twhy=damaged\n"
	   "lost\tt=33\tn=1\twhy=guest\n");
}

static void
counts(void)
{
	struct perf_event_attr a =
	    attr(PERF_TYPE_SOFTWARE, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_READ);
	struct perf_event_attr b = a;

	begin();
	a.read_format = PERF_FORMAT_ID | PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED;
	a.sample_period = 10;
	b.config = PERF_COUNT_SW_PAGE_FAULTS;
	CLAIM(perf_event_add(sink, &a, SLICE(""), NULL, NULL) == 0);
	CLAIM(perf_event_add(sink, &b, SLICE(""), NULL, NULL) == 1);
	perf_event_id(sink, 50, 0);
	perf_event_id(sink, 51, 1);
	RECORD(PERF_RECORD_SAMPLE, 2, 50, 2, 777, 12, 50, 3, 51);
	RECORD(PERF_RECORD_SAMPLE, 2, 50, 2, 777, 22, 50, 3, 51);
	RECORD(PERF_RECORD_SAMPLE, 2, 50, 2, 777, 32, 50, 5, 52);
	is("sample\tevent=cpu-clock\tweight=12\n"
	   "sample\tevent=page-faults\tweight=3\n"
	   "sample\tevent=cpu-clock\tweight=10\n"
	   "sample\tevent=cpu-clock\tweight=10\n"
	   "lost\tn=1\twhy=unknown-event\n");
}

/* Of the branch records in call-stack mode, the user part of the chain. */
static void
branches(void)
{
	struct perf_event_attr a = attr(
	    PERF_TYPE_HARDWARE, PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_BRANCH_STACK);

	begin();
	a.branch_sample_type = PERF_SAMPLE_BRANCH_USER | PERF_SAMPLE_BRANCH_CALL_STACK;
	CLAIM(perf_event_add(sink, &a, SLICE(""), NULL, NULL) == 0);
	RECORD(PERF_RECORD_SAMPLE, 2, 0x401010, 2, PERF_CONTEXT_USER, 0x401010, 3, 0x402020,
	    0x401000, 0, 0x403030, 0x402000, 0, 0, 0, 0);
	RECORD(PERF_RECORD_SAMPLE, 1, 0xffffffff81000000, 4, PERF_CONTEXT_KERNEL,
	    0xffffffff81000000, PERF_CONTEXT_USER, 0x401010, 1, 0x402020, 0x401000, 0);
	is("sample\tevent=cycles\tchain=0x401010;0x402020;0x403030;\n"
	   "sample\tevent=cycles\tchain=0xffffffff81000000;0x401000;0x402020;\n");
}

/* As many addresses as the kernel gives are hardly all. */
static void
cut(void)
{
	struct perf_event_attr a = attr(PERF_TYPE_SOFTWARE, PERF_SAMPLE_CALLCHAIN);

	begin();
	CLAIM(perf_event_add(sink, &a, SLICE(""), NULL, NULL) == 0);
	RECORD(PERF_RECORD_SAMPLE, 2, 4, PERF_CONTEXT_USER, 1, 2, 3);
	perf_event_max_stack(sink, 3);
	RECORD(PERF_RECORD_SAMPLE, 2, 4, PERF_CONTEXT_USER, 1, 2, 3);
	RECORD(PERF_RECORD_SAMPLE, 2, 3, PERF_CONTEXT_USER, 1, 2);
	is("sample\tevent=cpu-clock\tchain=0x1;0x2;0x3;\n"
	   "sample\tevent=cpu-clock\tchain=0x1;0x2;0x3;\n"
	   "sample\tevent=cpu-clock\tchain=0x1;0x2;\n"
	   "lost\tn=1\twhy=stack-cut\n");
}

static void
registers(void)
{
	struct perf_event_attr a =
	    attr(PERF_TYPE_SOFTWARE, PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER);

	begin();
	a.sample_regs_user = 3; /* not what unwinding needs */
	CLAIM(perf_event_add(sink, &a, SLICE(""), NULL, NULL) == 0);
	RECORD(PERF_RECORD_SAMPLE, 2, PERF_SAMPLE_REGS_ABI_64, 1, 2, 8, 0x0807060504030201, 8);
	RECORD(PERF_RECORD_SAMPLE, 2, PERF_SAMPLE_REGS_ABI_32, 1, 2, 8, 0x0807060504030201, 8);
	RECORD(PERF_RECORD_SAMPLE, 2, PERF_SAMPLE_REGS_ABI_NONE, 0);
	is("sample\tevent=cpu-clock\n"
	   "sample\tevent=cpu-clock\n"
	   "sample\tevent=cpu-clock\n"
	   "lost\tn=1\twhy=no-regs\n"
	   "lost\tn=1\twhy=abi32\n");
}

/* Names go with forks, and threads that nobody named have none. */
static void
tasks(void)
{
	struct perf_event_attr a = attr(PERF_TYPE_SOFTWARE, PERF_SAMPLE_TID | PERF_SAMPLE_TIME);

	begin();
	a.sample_id_all = 1;
	CLAIM(perf_event_add(sink, &a, SLICE(""), NULL, NULL) == 0);
	RECORD(PERF_RECORD_SAMPLE, 2, 5 | 5ull << 32, 1);
	RECORD(PERF_RECORD_SAMPLE, 2, 0, 2);
	CLAIM(perf_event_comm(
		  sink, 0, &(struct perf_comm){ .pid = 5, .tid = 5, .name = SLICE("one") }) == 0);
	RECORD(PERF_RECORD_FORK, 0, 6 | 5ull << 32, 6 | 5ull << 32, 3, 5 | 5ull << 32, 3);
	RECORD(PERF_RECORD_SAMPLE, 2, 6 | 6ull << 32, 4);
	RECORD(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC, 6 | 6ull << 32, 0x6f7774,
	    6 | 6ull << 32, 5);
	RECORD(PERF_RECORD_SAMPLE, 2, 6 | 6ull << 32, 6);
	RECORD(PERF_RECORD_EXIT, 0, 6 | 5ull << 32, 6 | 5ull << 32, 3, 6 | 6ull << 32, 7);
	RECORD(PERF_RECORD_SAMPLE, 2, 6 | 6ull << 32, 8);
	RECORD(PERF_RECORD_SAMPLE, 2, ~0ull, 9); /* a task that is gone */
	CLAIM(perf_event_mmap(sink, 0,
		  &(struct perf_mmap){ .pid = (uint32_t)-1,
		      .addr = 1ull << 63,
		      .size = 1ull << 63,
		      .offset = ~0ull,
		      .path = SLICE("[mod]") }) == 0);
	CLAIM(perf_event_put_late(sink, (void *)words) == 0);
	is("sample\tt=1\tpid=5\ttid=5\tevent=cpu-clock\n"
	   "sample\tt=2\tpid=0\ttid=0\tcomm=swapper\tevent=cpu-clock\n"
	   "comm\tpid=5\ttid=5\tname=one\n"
	   "fork\tt=3\tpid=6\ttid=6\tppid=5\tptid=5\n"
	   "sample\tt=4\tpid=6\ttid=6\tcomm=one\tevent=cpu-clock\n"
	   "comm\tt=5\tpid=6\ttid=6\tname=two\texec=1\n"
	   "sample\tt=6\tpid=6\ttid=6\tcomm=two\tevent=cpu-clock\n"
	   "exit\tt=7\tpid=6\ttid=6\tppid=5\tptid=5\n"
	   "sample\tt=8\tpid=6\ttid=6\tcomm=two\tevent=cpu-clock\n"
	   "sample\tt=9\tpid=-1\ttid=-1\tevent=cpu-clock\n"
	   "mmap\tpid=-1\ttid=0\taddr=0x8000000000000000\tsize=9223372036854775808\t"
	   "offset=18446744073709551615\tpath=[mod]\n"
	   "lost\tt=9\tn=1\twhy=late\n");
}

int
main(void)
{
	names();
	several();
	counts();
	branches();
	cut();
	registers();
	tasks();
	return 0;
}
