/* A recorder's own records, as lines: to the letter where nothing depends on the machine. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/record_own.h"
#include "unit.h"

static const char want[] =
    "stat\tt=7\tname=rate\tvalue=999\tunit=hz\tsection=cycles\n"
    "stat\tt=7\tname=rate\tvalue=998.5\tunit=hz\tsection=cycles\n"
    "stat\tt=8\tname=perf_event_max_sample_rate\tvalue=100000\tunit=hz\tsection=start\n"
    "stat\tt=8\tname=perf_cpu_time_max_percent\tvalue=0\tunit=percent\tsection=start\n"
    "clock\tt=9\tmonotonic_raw=1\tmonotonic=2\trealtime=3\tboottime=4\n"
    "clock\tt=9\tmonotonic_raw=1\tmonotonic=2\trealtime=3\tboottime=4\ttsc=5\n"
    "sym\tt=10\taddr=0xffffffff81000000\tsize=64\tname=_start\tobject=[kernel.kallsyms]\n"
    "sym\tt=10\taddr=0xffffffffc0000000\tsize=32\tname=f\tobject=[ext4]\n"
    "object\tpath=/bin/true\tbuildid=@AQID\n"
    "end\ttool=record\tmade=108\tlost=3\n";

int
main(void)
{
	struct record_own own = { 0 };
	int fd = memfd_create("trace", 0);
	char *argv[] = { (char *)"./somewhere/record", (char *)"-a", NULL };
	struct sys_clock_reading clocks = {
		.monotonic_raw = 1, .monotonic = 2, .realtime = 3, .boottime = 4
	};
	struct sys_limits none = { .max_rate = -1, .cpu_percent = -1 },
			  limits = { .max_rate = 100000, .cpu_percent = 0 };
	struct sys_ksym sym = { .addr = 0xffffffff81000000, .size = 64, .name = SLICE("_start") };
	struct sys_buildid id = { .byte = { 1, 2, 3 }, .size = 3 };
	char text[4096], *body;
	struct error e;
	ssize_t n;

	own.w = trace_writer_new(fd, TRACE_LINES, 0);
	CLAIM(fd >= 0);
	CLAIM(record_own_start(
		  &own, &(struct record_own_start){ "record", "0.1", "monotonic", argv }) == 0);
	CLAIM(own.made == 0);
	CLAIM(record_own_stat(&own, 7, "rate", 999, "hz", "cycles") == 0);
	CLAIM(record_own_stat(&own, 7, "rate", 998.5, "hz", "cycles") == 0);
	CLAIM(record_own_limits(&own, 8, &none, "start") == 0);
	CLAIM(record_own_limits(&own, 8, &limits, "start") == 0);
	CLAIM(record_own_clock(&own, 9, &clocks) == 0);
	clocks.tsc = 5;
	CLAIM(record_own_clock(&own, 9, &clocks) == 0);
	CLAIM(record_own_sym(&own, 10, &sym) == 0);
	sym = (struct sys_ksym){ 0xffffffffc0000000, SLICE("f"), SLICE("ext4"), 32 };
	CLAIM(record_own_sym(&own, 10, &sym) == 0);
	CLAIM(record_own_object(&own, SLICE("/bin/true"), &id) == 0);
	CLAIM(own.made == 9);
	CLAIM(record_own_end(&own, "record", 99, 3) == 0);
	CLAIM(trace_writer_close(own.w, &e) == 0);

	n = pread(fd, text, sizeof text - 1, 0);
	CLAIM(n > 0);
	text[n] = '\0';
	body = strstr(text, "\nstat");
	CLAIM(body != NULL && strcmp(body + 1, want) == 0);
	*body = '\0';
	CLAIM(strstr(text, "\nstart\ttool=record\tversion=") != NULL);
	CLAIM(strstr(text, "\tclock=monotonic\thost=") != NULL);
	CLAIM(strstr(text, "\targv=record;-a") != NULL);
	return 0;
}
