/* Text of perf script in all its layouts, against the records that it says. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"
#include "form/perf_script.h"
#include "unit.h"

static struct perf_script_stats stats;

/* The records that text gives, as lines, start and end left out. */
static char *
import(struct slice text, const struct perf_script_options *o)
{
	int in = memfd_create("in", 0), out = memfd_create("out", 0);
	struct trace_writer *w = trace_writer_new(out, TRACE_LINES, 0);
	struct buf b = BUF_INIT;
	struct error e;
	char *all;
	size_t n;

	CLAIM(io_write(in, text.p, text.n) == 0);
	CLAIM(lseek(in, 0, SEEK_SET) == 0);
	CLAIM(perf_script_import(in, w, o, &stats, &e) == 0);
	CLAIM(trace_writer_close(w, &e) == 0);
	n = (size_t)lseek(out, 0, SEEK_END);
	all = xcalloc(n + 1, 1);
	CLAIM(pread(out, all, n, 0) == (ssize_t)n);
	close(in);
	close(out);
	for (char *p = all, *q; *p; p = q + 1) {
		CLAIM((q = strchr(p, '\n')) != NULL);
		if (*p != '#' && strncmp(p, "start\t", 6) != 0 && strncmp(p, "end\t", 4) != 0)
			buf_put(&b, p, (size_t)(q + 1 - p));
	}
	free(all);
	return buf_str(&b);
}

static void
gives(const char *text, const char *want)
{
	char *got = import(slice_of(text), NULL);

	if (strcmp(got, want) != 0)
		fprintf(stderr, "of:\n%sgot:\n%swanted:\n%s", text, got, want);
	CLAIM(strcmp(got, want) == 0);
	free(got);
}

/* A frame line, and the stack and origin that it gives. */
static void
frame(const char *line, const char *want)
{
	struct buf text = BUF_INIT, record = BUF_INIT;

	buf_printf(&text, "a 1 1.000000: e: \n%s\n\n", line);
	buf_printf(&record, "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\t%s\n", want);
	gives(buf_str(&text), buf_str(&record));
	CLAIM(stats.bad_lines == 0 && stats.lost == 0 && !stats.truncated);
	buf_free(&text);
	buf_free(&record);
}

/* A header line, and the fields before the stack that it gives. */
static void
header(const char *line, const char *want)
{
	struct buf text = BUF_INIT, record = BUF_INIT;

	buf_printf(&text, "%s\n\t 10 f (/bin/x)\n\n", line);
	buf_printf(&record, "%s\tstack=f;\torigin=u:x;\n", want);
	gives(buf_str(&text), buf_str(&record));
	CLAIM(stats.bad_lines == 0 && !stats.truncated);
	buf_free(&text);
	buf_free(&record);
}

static void
headers(void)
{
	header("sh 20746  1426.474425:     250000 cpu-clock: ",
	    "sample\tt=1426474425000\ttid=20746\tcomm=sh\tevent=cpu-clock\tweight=250000");
	header("sh 7/20746 [003]  1426.474425123:     250000 cycles:ppp: ",
	    "sample\tt=1426474425123\tcpu=3\tpid=7\ttid=20746\tcomm=sh\tevent=cycles:ppp\tweight="
	    "250000");
	header("V8 WorkerThread 24636/25607 [000] 94564.109216: cycles:",
	    "sample\tt=94564109216000\tcpu=0\tpid=24636\ttid=25607\tcomm=\"V8 "
	    "WorkerThread\"\tevent=cycles");
	header("FS Broker 5858  1234 94.100000: cycles: ",
	    "sample\tt=94100000000\ttid=1234\tcomm=\"FS Broker 5858\"\tevent=cycles");
	header("kworker/0:1H-kb    72/72    [001]   1.000001:          1 cycles: ",
	    "sample\tt=1000001000\tcpu=1\tpid=72\ttid=72\tcomm=kworker/"
	    "0:1H-kb\tevent=cycles\tweight=1");
	header("          swapper     0 [000] 158665.570607: cpu/event=0x3c,umask=0x0/u: ",
	    "sample\tt=158665570607000\tcpu=0\ttid=0\tcomm=swapper\t"
	    "event=\"cpu/event=0x3c,umask=0x0/u\"");
	header("app\t123\t[002]\t9.5:\tcycles:",
	    "sample\tt=9500000000\tcpu=2\ttid=123\tcomm=app\tevent=cycles");
	header(":-1    -1/-1    1.000000: cycles: ",
	    "sample\tt=1000000000\tpid=-1\ttid=-1\tcomm=:-1\tevent=cycles");
	header("perl 5496     200040 cpu-clock: ",
	    "sample\ttid=5496\tcomm=perl\tevent=cpu-clock\tweight=200040");
	header(
	    "perl 5496 [001] cpu-clock: ", "sample\tcpu=1\ttid=5496\tcomm=perl\tevent=cpu-clock");
	header("perl 5496  7.000000: ", "sample\tt=7000000000\ttid=5496\tcomm=perl");
	header("   5496/5497  7.000000: cycles: ",
	    "sample\tt=7000000000\tpid=5496\ttid=5497\tevent=cycles");
	header("perl  7.000000: cycles: ", "sample\tt=7000000000\tcomm=perl\tevent=cycles");
	header(
	    "#perl 3 7.000000: cycles: ", "sample\tt=7000000000\ttid=3\tcomm=#perl\tevent=cycles");
	header("perl 5 7.000000: cpu/mem-loads/:     7ffe1234 ",
	    "sample\tt=7000000000\ttid=5\tcomm=perl\tevent=cpu/mem-loads/\taddr=0x7ffe1234");
	header("perl 5 7.000000: 1 sched:sched_switch: prev_comm=perl next_comm=a b",
	    "event\tt=7000000000\ttid=5\tcomm=perl\tname=sched:sched_switch\tweight=1\t"
	    "text=\"prev_comm=perl next_comm=a b\"");
	/* one frame on the header line; an address before it; samples with no empty line between them */
	gives("a 1 1.0: e:  7f00 main+0x1 (/bin/x)\na 1 2.0: e:  7f01 g+0x1 (/bin/x)\n",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=main;\torigin=u:x;\n"
	    "sample\tt=2000000000\ttid=1\tcomm=a\tevent=e\tstack=g;\torigin=u:x;\n");
	CLAIM(!stats.truncated);
	gives("a 1 1.0: e:  7ffe0 7f00 main+0x1 (/bin/x)\n",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\taddr=0x7ffe0\tstack=main;\torigin=u:x;"
	    "\n");
	gives("a 1 1.0: e: \nb 2 2.0: e: \n\t10 f (/x)\n\n",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=\torigin=\n"
	    "sample\tt=2000000000\ttid=2\tcomm=b\tevent=e\tstack=f;\torigin=u:x;\n");
	/* no comm: an indented line with a time is a header all the same */
	gives("   1 1.0: e: \n   2 2.0: e: \n",
	    "sample\tt=1000000000\ttid=1\tevent=e\tstack=\torigin=\n"
	    "sample\tt=2000000000\ttid=2\tevent=e\tstack=\torigin=\n");
}

static void
frames(void)
{
	frame("\tffffffff82200809 _raw_spin_lock+0x19 ([kernel.kallsyms])",
	    "stack=_raw_spin_lock;\torigin=k:[kernel];");
	frame("\tffffffffc0200809 ext4_map+0x19 ([ext4])", "stack=ext4_map;\torigin=k:[ext4];");
	frame("\tffffffffc0200809 ext4_map ([kernel.kallsyms].init.text)",
	    "stack=ext4_map;\torigin=k:[kernel];");
	frame("\tffffffffc0200809 f (/lib/modules/6.1/kernel/fs/ext4/ext4.ko.xz)",
	    "stack=f;\torigin=k:ext4.ko.xz;");
	frame("\t8c3453 tcp_sendmsg (/usr/lib/debug/boot/vmlinux-6.1)",
	    "stack=tcp_sendmsg;\torigin=k:[kernel];");
	frame("\t    7ffe10 __vdso_time ([vdso])", "stack=__vdso_time;\torigin=u:[vdso];");
	frame(
	    "\t    7f00 [unknown] (/usr/lib/libc.so.6)", "stack=[libc.so.6];\torigin=u:libc.so.6;");
	frame("\t    7f00 [unknown] ([unknown])", "stack=[unknown];\torigin=u:[unknown];");
	frame("\t    7f00 [unknown] ([kernel.kallsyms])", "stack=[kernel];\torigin=k:[kernel];");
	frame("\t    7f00 [unknown] (/tmp/a b (x86)/c d)", "stack=[c d];\torigin=u:c d;");
	frame("\t    7f00 f (/tmp/a b (x86)/c d (deleted))", "stack=f;\torigin=u:c d;");
	frame("\t    7f00 f (anon (deleted))", "stack=f;\torigin=u:anon;");
	frame("\t    7f00 (/bin/x)", "stack=[x];\torigin=u:x;");
	frame("\t    7f00 ", "stack=[unknown];\torigin=u:[unknown];");
	frame("\t    7f00 f+0x10", "stack=f;\torigin=u:[unknown];");
	frame("\tf+0x10 (/bin/x)", "stack=f;\torigin=u:x;");
	frame("\tf (/bin/x)", "stack=f;\torigin=u:x;");
	frame("\tadd (/bin/x)", "stack=add;\torigin=u:x;");
	frame("\t     7f00 add (/bin/x)", "stack=add;\torigin=u:x;");
	frame("        7f00 f (/bin/x)\r", "stack=f;\torigin=u:x;");
	frame("\t7f00\tf\t(/bin/x)", "stack=f;\torigin=u:x;");
	frame("\t7f00 operator new(unsigned long)+0x1c (/l/libstdc++.so.6)",
	    "stack=operator new(unsigned long);\torigin=u:libstdc++.so.6;");
	frame("\t7f00 (anonymous namespace)::f(int) (/bin/x)",
	    "stack=(anonymous namespace)::f(int);\torigin=u:x;");
	frame("\t7f00 A::operator() (/bin/x)", "stack=A::operator();\torigin=u:x;");
	frame("\t7f00 A::operator->() const (/bin/x)", "stack=A::operator->() const;\torigin=u:x;");
	frame("\t7f00 <F as Fn(&str) -> T>::call (/bin/x)",
	    "stack=<F as Fn(&str) -> T>::call;\torigin=u:x;");
	frame("\t7f00 La;::a->Lb;::b->Lc;::c (/tmp/perf-12.map)",
	    "stack=La\\;::a;Lb\\;::b;Lc\\;::c;\torigin=j:[jit];i:[jit];i:[jit];");
	frame("\t7f00 f ([JIT] tid 12)", "stack=f;\torigin=j:[jit];");
	frame("\t7f00 [unknown] (/tmp/perf-12.map)", "stack=[perf-12.map];\torigin=j:[jit];");
	frame("\t7f00 [unknown] (//anon)", "stack=[anon];\torigin=u:anon;");
	/* leaf first: the object of what is inlined is that of the line below */
	frame("\t30 in (inlined)\n\t30 f (/bin/x)\n\t20 in (inlined)\n\t20 k ([kernel.kallsyms])",
	    "stack=k;in;f;in;\torigin=k:[kernel];k:[kernel];u:x;i:x;");
	frame("\t30 in+0x3 (inlined)", "stack=in;\torigin=i:[unknown];");
	/* -F +srcline */
	frame("\t30 f (/bin/x)\n  x.c:12\n\t20 g (/bin/x)\n  x[20a]\n\t10 h (/bin/x)\n  ??:0",
	    "stack=h;g;f;\torigin=u:x;u:x;u:x;");
}

static void
losses(void)
{
	gives("a 1 1.0: e: \n\t10 f (/x)\n\n a 1 [000] 2.0: PERF_RECORD_LOST lost 12\n"
	      "a 1 3.0: PERF_RECORD_MMAP2 1/1: [0x1(0x2) @ 0 00:00 0 0]: r-xp x\n"
	      "LOST 5 events\n"
	      " instruction trace error type 1 time 1.2 cpu 0 pid 1 tid 1 ip 0 code 6: x\n"
	      "a 1 4.0: e: \n instruction trace error type 1\n\t10 f (/x)\n\n",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=f;\torigin=u:x;\n"
	    "lost\tt=2000000000\tn=12\twhy=ring-full\n"
	    "lost\tn=5\twhy=ring-full\n"
	    "sample\tt=4000000000\ttid=1\tcomm=a\tevent=e\tstack=f;\torigin=u:x;\n"
	    "lost\tn=2\twhy=trace-error\n");
	CLAIM(stats.lost == 19 && stats.bad_lines == 0 && stats.samples == 2);
	/* what stands below a line that is no header is not the stack of the sample before */
	gives("# a comment 12\na 1 1.0: e: \n\t10 f (/x)\n\nrubbish here\n\t20 g (/x)\n\na 1 2.0: "
	      "e: \n\tno frame\n"
	      "\t10 f (/x)\n\n",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=f;\torigin=u:x;\n"
	    "sample\tt=2000000000\ttid=1\tcomm=a\tevent=e\tstack=f;\torigin=u:x;\n"
	    "lost\tn=3\twhy=bad-line\n");
	CLAIM(stats.bad_lines == 3);
	CLAIM(strcmp(stats.first.text, "line 5: neither a sample nor a frame: rubbish here") == 0);
	/* cut off: between lines, in a line, in a header */
	gives("a 1 1.0: e: \n\t20 g (/x)\n\t10 f (/x)\n",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=f;g;\torigin=u:x;u:x;\n"
	    "lost\tn=1\twhy=truncated\n");
	CLAIM(stats.truncated);
	gives("a 1 1.0: e: \n\t20 g (/x)\n\t10 f (/",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=g;\torigin=u:x;\n"
	    "lost\tn=1\twhy=bad-line\nlost\tn=1\twhy=truncated\n");
	gives("a 1 1.0: e: \n\t20 g (/x)\n\na 1 2.0: ",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=g;\torigin=u:x;\n"
	    "lost\tn=1\twhy=bad-line\nlost\tn=1\twhy=truncated\n");
	gives("a 1 1.0: e: \n\t20 g (/x)",
	    "sample\tt=1000000000\ttid=1\tcomm=a\tevent=e\tstack=g;\torigin=u:x;\n"
	    "lost\tn=1\twhy=truncated\n");
	gives("", "");
	CLAIM(stats.lost == 0 && !stats.truncated);
}

/* Many samples of few lines: the same with tables that are thrown away all the time, and through small reads. */
static void
tables(void)
{
	struct perf_script_options small = { .memory = 4096 };
	struct buf text = BUF_INIT;
	uint64_t seed = 1;
	char *a, *b;

	for (unsigned i = 0; i < 3000; i++) {
		buf_printf(&text, "c%u %u %u.%06u: %u e%u: \n", i / 7 % 3, i / 5 % 4, i, i, i + 1,
		    i / 100 % 2);
		for (unsigned k = 0; k < i % 13; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			buf_printf(&text, "\t%16x f%u+0x%x (/bin/x)\n", (unsigned)(seed >> 58),
			    (unsigned)(seed >> 60), (unsigned)(seed >> 58) & 3);
		}
		buf_char(&text, '\n');
	}
	a = import(buf_view(&text), NULL);
	CLAIM(stats.samples == 3000 && stats.resets == 0 && stats.lost == 0);
	b = import(buf_view(&text), &small);
	CLAIM(stats.samples == 3000 && stats.resets > 10 && stats.lost == 0);
	CLAIM(strcmp(a, b) == 0);
	free(b);
	/* bytes that were read before are a part of the input */
	buf_printf(&text, "end 1 1.0: e: \n\t1 f (/x)\n\n");
	{
		struct perf_script_options head = { .head = { text.p, 1001 } };

		b = import((struct slice){ text.p + 1001, text.n - 1001 }, &head);
		CLAIM(stats.samples == 3001 && stats.bytes == text.n);
		CLAIM(strncmp(a, b, strlen(a)) == 0);
	}
	free(a);
	free(b);
	buf_free(&text);
}

/* Samples that come again and again, whole, in any order, give what each gives alone, and bad lines are counted where they
 * stand. */
static void
again(void)
{
	static const char *const piece[] = {
		"a 1 1.000000: e: \n\t1 f+0x1 (/bin/x)\n\t2 g+0x2 (/bin/x)\n\n",
		"a 1 1.000000: e: \n\t1 f+0x1 (/bin/x)\n\t2 h+0x2 (/bin/x)\n\n",
		"b 1 2.500000:   123456789 e: \n\t1 f+0x1 (/bin/x)\n\t2 g+0x2 (/bin/x)\n\n",
		"b 1 [003] 12345678.500000:   12 s:t: x=1\n\t1 f+0x1 (/bin/x)\n\n",
		"b 2 3.000001: e: \n\n",
		"c 2 4.000000: e: \n\t1 f (/bin/x)\n  x.c:7\n\t2 g (/bin/x)\n  x.c:8\n\n",
		"c 2 4.000000: e: \n\t1 f (/bin/x)\n  x.c:9\n\t2 g (/bin/x)\n  x.c:8\n\n",
		"c 2 5.000000: e: \n\t1 f (/bin/x)\n\tnothing that is known\n\n",
		"c 2 6.000000: e: \r\n\t1 f (/bin/x)\r\n\t1 g (/bin/x)\r\n\r\n",
		"d 2 7.000000: e: \n\t1 f (/bin/x)\nd 2 8.000000: e: \n\t1 f (/bin/x)\n\n",
		"d 2 9.000000: e: 1 f (/bin/x)\n",
		"what is this\n\t1 f (/bin/x)\n\n",
		/* more threads than are recalled, and what looks like the last event */
		"e 2 9.500000: e:u\n\t1 f (/bin/x)\n\n",
		"thread one 11 1.000000: e: \n\t1 f (/bin/x)\n\n",
		"thread two 12 1.000000: e: \n\t1 f (/bin/x)\n\n",
		"three 13/14 1.000000: e: \n\t1 f (/bin/x)\n\n",
		"f 15 1.000000: long-event: \n\t1 f (/bin/x)\n\n",
		"  padded 16 1.000000: e: \n\t1 f (/bin/x)\n\n",
		"g 17 1.000000: e: \n\t1 f (/bin/x)\n\n",
		"g 18 1.000000: e: \n\t1 f (/bin/x)\n\n",
	};
	enum { PIECES = sizeof piece / sizeof *piece };
	char *alone[PIECES];
	uint64_t samples[PIECES], bad[PIECES], seed = 7, all = 0, all_bad = 0, lines = 0;
	unsigned long long at;
	struct buf text = BUF_INIT, want = BUF_INIT;
	char *got, *lost;

	for (unsigned i = 0; i < PIECES; i++) {
		alone[i] = import(slice_of(piece[i]), NULL);
		samples[i] = stats.samples;
		bad[i] = stats.bad_lines;
		if ((lost = strstr(alone[i], "lost\t")) != NULL)
			*lost = '\0';
	}
	for (unsigned n = 0; n < 20000; n++) {
		unsigned i;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		/* What is bad comes late, so that its line number counts all before it. */
		i = (unsigned)(seed >> 40) % PIECES;
		if (bad[i] > 0 && n < 10000)
			continue;
		buf_printf(&text, "%s", piece[i]);
		buf_printf(&want, "%s", alone[i]);
		all += samples[i];
		for (size_t k = 0; all_bad == 0 && k < strlen(piece[i]); k++)
			lines += piece[i][k] == '\n';
		all_bad += bad[i];
	}
	got = import(buf_view(&text), NULL);
	CLAIM(stats.samples == all && stats.bad_lines == all_bad && !stats.truncated);
	/* the first bad line is in the last piece that was counted */
	CLAIM(sscanf(stats.first.text, "line %llu:", &at) == 1 && at < lines && at + 3 >= lines);
	lost = strstr(got, "lost\t");
	CLAIM(lost != NULL);
	*lost = '\0';
	CLAIM(strcmp(got, buf_str(&want)) == 0);
	free(got);
	for (unsigned i = 0; i < PIECES; i++)
		free(alone[i]);
	buf_free(&text);
	buf_free(&want);
}

/* Lines longer than any buffer, stacks deeper than any kernel's. */
static void
extremes(void)
{
	struct buf text = BUF_INIT;
	char *got;

	buf_printf(&text, "a 1 1.0: e: \n\t1 ");
	for (unsigned i = 0; i < 3000000; i++)
		buf_char(&text, 'x');
	buf_printf(&text, "\n\t2 g (/x)\n\nb 1 2.0: e: \n\t1 f (/x)\n\n");
	got = import(buf_view(&text), NULL);
	CLAIM(stats.samples == 2 && stats.bad_lines == 2);
	CLAIM(strstr(got, "comm=b") != NULL && strstr(got, "stack=f;") != NULL);
	free(got);
	text.n = 0;
	buf_printf(&text, "a 1 1.0: e: \n");
	for (unsigned i = 0; i < 70000; i++)
		buf_printf(&text, "\t1 f (/x)\n");
	/* as deep as it may be: the same frames, and not cut */
	buf_printf(&text, "\nb 1 1.0: e: \n");
	for (unsigned i = 0; i < 65536; i++)
		buf_printf(&text, "\t1 f (/x)\n");
	buf_printf(&text, "\n");
	got = import(buf_view(&text), NULL);
	CLAIM(strstr(got, "stack=[cut];f;") != NULL);
	CLAIM(strstr(got, "comm=b\tevent=e\tstack=f;") != NULL);
	CLAIM(strstr(got, "lost\tn=1\twhy=stack-cut") != NULL);
	CLAIM(stats.samples == 2);
	free(got);
	buf_free(&text);
}

static void
sniffing(void)
{
	CLAIM(
	    perf_script_is(SLICE("sh 20746  1426.474425:     250000 cpu-clock: \n\t 1 f (/x)\n")));
	CLAIM(perf_script_is(SLICE("# ========\n# captured on : x\n#\nsh 1 1.0: c: \n")));
	CLAIM(perf_script_is(SLICE("sh 1 cpu-clock: \n")));
	CLAIM(!perf_script_is(SLICE("")));
	CLAIM(!perf_script_is(SLICE("main;f;g 12\n")));
	CLAIM(!perf_script_is(SLICE("{ \"a\": 1 }\n")));
	CLAIM(!perf_script_is(SLICE("#leat 1\nstart\ttool=x\n")));
	CLAIM(!perf_script_is(SLICE("hello 12 world\n")));
}

int
main(void)
{
	headers();
	frames();
	losses();
	tables();
	again();
	extremes();
	sniffing();
	return 0;
}
