/* Kernel records into a trace: what needs the kernel's symbols waits for them with all that comes behind, and comes out
 * in its order; clocks stand at their place; losses are told apart, and are as many as the trace says. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/record_intake.h"
#include "unit.h"

enum { FUNCTIONS = 9001, SAMPLE_ID = 71, TRACKER_ID = 72 };

#define TEXT 0xffffffff81000000

static const char want[] =
    "#leat 1\n"
    "comm\tt=10\tpid=3\ttid=4\tname=task\n"
    "sample\tt=11\tcpu=1\tpid=3\ttid=4\tcomm=task\tevent=cpu-clock\tweight=1\tchain=0x401000;\n"
    /* what waited */
    "sym\tt=20\taddr=0xffffffff81000010\tsize=16\tname=function_1\tobject=[kernel.kallsyms]\n"
    "sample\tt=20\tcpu=1\tpid=3\ttid=4\tcomm=task\tevent=cpu-clock\tweight=1\tchain="
    "0xffffffff81000017;0x401000;\n"
    "clock\tt=25\tmonotonic_raw=1\tmonotonic=25\trealtime=2\tboottime=3\n"
    "comm\tt=30\tpid=3\ttid=5\tname=other\n"
    "sample\tt=31\tcpu=1\tpid=3\ttid=5\tcomm=other\tevent=cpu-clock\tweight=1\tchain=0x402000;\n"
    "lost\tt=40\tn=5\twhy=ring-full\tcpu=1\n"
    /* what did not have to */
    "sym\tt=50\taddr=0xffffffff81000020\tsize=16\tname=function_2\tobject=[kernel.kallsyms]\n"
    "sample\tt=50\tcpu=1\tpid=3\ttid=5\tcomm=other\tevent=cpu-clock\tweight=1\tchain="
    "0xffffffff81000020;0xffffffff81000010;0x402000;\n"
    "lost\tt=60\tn=1\twhy=throttled\tcpu=1\n"
    "lost\tt=60\tn=1\twhy=stack-cut\n"
    "lost\tt=60\tn=2\twhy=ring-full\n"
    "lost\tt=60\tn=3\twhy=late\n"
    "lost\tt=60\tn=8\twhy=damaged\n"
    "clock\tt=70\tmonotonic_raw=1\tmonotonic=70\trealtime=2\tboottime=3\n";

static unsigned notes;

static void
count_note(const char *text, void *context)
{
	(void)text;
	(void)context;
	notes++;
}

static void
make_table(char *path)
{
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	CLAIM(f != NULL);
	for (unsigned i = 0; i < FUNCTIONS; i++)
		fprintf(f, "%016llx t function_%u\n", (unsigned long long)(TEXT + i * 16), i);
	CLAIM(fclose(f) == 0);
}

static void
put(struct record_intake *in, uint32_t type, const uint64_t *body, size_t words)
{
	uint64_t record[64];
	struct perf_event_header h = { .type = type, .size = (uint16_t)(8 + 8 * words) };

	memcpy(record, &h, sizeof h);
	memcpy(record + 1, body, 8 * words);
	CLAIM(record_intake_put(in, (const void *)record) == 0);
	/* a record is the caller's, who may use its memory again */
	memset(record, 0xff, sizeof record);
}

static uint64_t
pair(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

/* identifier ip tid time cpu period chain */
#define SAMPLE(in, tid, time, ip, ...)                                                             \
	do {                                                                                       \
		const uint64_t chain_[] = { __VA_ARGS__ };                                         \
		uint64_t w_[40] = { SAMPLE_ID, ip, pair(3, tid), time, 1, 1, sizeof chain_ / 8 };  \
		memcpy(w_ + 7, chain_, sizeof chain_);                                             \
		put(in, PERF_RECORD_SAMPLE, w_, 7 + sizeof chain_ / 8);                            \
	} while (0)

/* ... and behind other records: tid time cpu identifier */
#define OTHER(in, type, tid, time, ...)                                                            \
	do {                                                                                       \
		const uint64_t body_[] = { __VA_ARGS__, pair(3, tid), time, 1, TRACKER_ID };       \
		put(in, type, body_, sizeof body_ / 8);                                            \
	} while (0)

static void
clocks(struct record_intake *in, int64_t monotonic)
{
	in->clocks = (struct sys_clock_reading){
		.monotonic_raw = 1, .monotonic = monotonic, .realtime = 2, .boottime = 3
	};
	in->clocks_wait = true;
}

static bool
says(const struct record_losses *l, const char *text)
{
	struct buf b = BUF_INIT;
	bool same;

	record_losses_say(l, &b);
	same = strcmp(buf_str(&b), text) == 0;
	buf_free(&b);
	return same;
}

int
main(void)
{
	struct record_listener listener = { count_note, count_note, NULL };
	struct perf_event_attr common = { .type = PERF_TYPE_SOFTWARE,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			       PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.sample_id_all = 1 };
	struct record_event event = { .event = { .attr = common, .name = (char *)"cpu-clock" } };
	struct record_events events = { &event, 1, 1 };
	char path[] = "/tmp/leat-intake.XXXXXX", got[8192];
	int fd = memfd_create("trace", 0), pieces = 0;
	struct record_intake_config config = { .w = trace_writer_new(fd, TRACE_LINES, 0),
		.events = &events,
		.tracker = &common,
		.clock = CLOCK_MONOTONIC,
		.max_stack = 3,
		.symbols = path,
		.listener = &listener };
	struct record_intake in;
	struct error e;
	ssize_t n;

	make_table(path);
	event.event.attr.sample_type |= PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN;
	CLAIM(record_intake_open(&in, &config, &e) == 0);
	perf_event_id(in.sink, SAMPLE_ID, 0);
	perf_event_id(in.sink, TRACKER_ID, 1);

	OTHER(&in, PERF_RECORD_COMM, 4, 10, pair(3, 4), load64("task\0\0\0"));
	SAMPLE(&in, 4, 11, 0x401000, PERF_CONTEXT_USER, 0x401000);
	CLAIM(!record_intake_waits(&in));
	SAMPLE(
	    &in, 4, 20, TEXT + 0x17, PERF_CONTEXT_KERNEL, TEXT + 0x17, PERF_CONTEXT_USER, 0x401000);
	CLAIM(record_intake_waits(&in));
	clocks(&in, 25);
	OTHER(&in, PERF_RECORD_COMM, 5, 30, pair(3, 5), load64("other\0\0"));
	SAMPLE(&in, 5, 31, 0x402000, PERF_CONTEXT_USER, 0x402000);
	OTHER(&in, PERF_RECORD_LOST, 5, 40, TRACKER_ID, 5);
	CLAIM(record_intake_until(&in, 45) == 0);
	CLAIM(trace_writer_records(config.w) == 2);
	for (; record_intake_waits(&in); pieces++)
		CLAIM(record_intake_read(&in, false, 0) == 0);
	CLAIM(pieces > 2);
	SAMPLE(&in, 5, 50, TEXT + 0x20, PERF_CONTEXT_KERNEL, TEXT + 0x20, TEXT + 0x10,
	    PERF_CONTEXT_USER, 0x402000);
	CLAIM(!record_intake_waits(&in));
	OTHER(&in, PERF_RECORD_THROTTLE, 5, 60, 60, TRACKER_ID, 0);
	clocks(&in, 70);
	CLAIM(record_intake_until(&in, 69) == 0);
	CLAIM(record_intake_lost(&in, 7, 3, 8) == 0);
	CLAIM(record_intake_until(&in, 70) == 0);

	CLAIM(event.samples == 4 && notes == 0);
	CLAIM(in.losses.ring_full == 7 && in.losses.late == 3 && in.losses.damaged == 8);
	CLAIM(in.losses.throttled == 1 && in.losses.cut == 1 && in.losses.lost_samples == 0);
	CLAIM(perf_event_books(in.sink)->lost == 7 + 3 + 8 + 1 + 1);
	CLAIM(says(
	    &in.losses, "18 lost (ring-full 7, late 3, damaged 8), 1 stack cut, throttled 1 time"));
	CLAIM(says(&(struct record_losses){ 0 }, "0 lost"));
	CLAIM(says(&(struct record_losses){ .cut = 3, .throttled = 2 },
	    "0 lost, 3 stacks cut, throttled 2 times"));
	CLAIM(says(&(struct record_losses){ .lost_samples = 2 }, "2 lost (lost-samples 2)"));
	record_intake_close(&in);
	record_intake_close(&in);
	CLAIM(trace_writer_close(config.w, &e) == 0);
	n = pread(fd, got, sizeof got - 1, 0);
	CLAIM(n > 0);
	got[n] = '\0';
	if (strcmp(got, want) != 0)
		fprintf(stderr, "got:\n%swant:\n%s", got, want);
	CLAIM(strcmp(got, want) == 0);

	/* where the kernel hides its symbols that is said once, and nothing waits for long */
	CLAIM(truncate(path, 0) == 0);
	config.w = trace_writer_new(fd, TRACE_LINES, 0);
	CLAIM(record_intake_open(&in, &config, &e) == 0);
	perf_event_id(in.sink, SAMPLE_ID, 0);
	for (uint64_t t = 1; t < 10; t++) {
		SAMPLE(&in, 4, t, TEXT, PERF_CONTEXT_KERNEL, TEXT);
		CLAIM(record_intake_waits(&in) == (t == 1));
		if (t == 1)
			CLAIM(record_intake_read(&in, true, 0) == 0);
	}
	CLAIM(notes == 1 && perf_event_books(in.sink)->made == 9 && in.own.made == 0);
	record_intake_close(&in);
	CLAIM(trace_writer_close(config.w, &e) == 0);
	return unlink(path);
}
