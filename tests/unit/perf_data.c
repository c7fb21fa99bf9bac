/* A perf.data that has a little of everything, put together here: the trace of its three forms (file, pipe, compressed) is
 * exactly known; cut at every byte, or with any byte changed, it is read without a crash, and says when it is cut. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/io.h"
#include "form/perf_data.h"
#include "perf/attr.h"

static void
u16(struct buf *b, unsigned v)
{
	buf_put(b, &(uint16_t){ (uint16_t)v }, 2);
}

static void
u32(struct buf *b, uint32_t v)
{
	buf_put(b, &v, 4);
}

static void
u64(struct buf *b, uint64_t v)
{
	buf_put(b, &v, 8);
}

static void
pad(struct buf *b)
{
	while (b->n % 8)
		buf_char(b, 0);
}

static void
text(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s) + 1);
	pad(b);
}

/* Appends a record of this body. */
static void
record(struct buf *to, uint32_t type, unsigned misc, const struct buf *body)
{
	u32(to, type);
	u16(to, misc);
	u16(to, (unsigned)body->n + 8);
	buf_slice(to, buf_view(body));
}

enum { CLOCK_IDS = 100, SWITCH_IDS = 200 };

static const uint64_t common = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			       PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD;

static struct perf_event_attr attrs[] = {
	{ .type = PERF_TYPE_SOFTWARE,
	    .size = sizeof(struct perf_event_attr),
	    .sample_id_all = 1,
	    .use_clockid = 1,
	    .clockid = 4,
	    .sample_regs_user = 0xff0fff,
	    .sample_stack_user = 16 },
	{ .type = PERF_TYPE_TRACEPOINT,
	    .size = sizeof(struct perf_event_attr),
	    .config = 314,
	    .sample_id_all = 1 },
};

/* What stands behind all records but samples. */
static void
trailer(struct buf *b, uint64_t t, uint32_t cpu)
{
	pad(b);
	u32(b, 7);
	u32(b, 7);
	u64(b, t);
	u32(b, cpu);
	u32(b, 0);
	u64(b, t ? CLOCK_IDS + cpu : 0);
}

static void
clock_sample(struct buf *to, uint64_t t, uint32_t cpu, uint32_t tid, unsigned abi)
{
	struct buf b = BUF_INIT;

	u64(&b, CLOCK_IDS + cpu);
	u64(&b, 0x401000);
	u32(&b, 7);
	u32(&b, tid);
	u64(&b, t);
	u32(&b, cpu);
	u32(&b, 0);
	u64(&b, 1000);
	u64(&b, 5);
	u64(&b, PERF_CONTEXT_KERNEL);
	u64(&b, 0xffffffff81000010);
	u64(&b, PERF_CONTEXT_USER);
	u64(&b, 0x401000);
	u64(&b, 0x402000);
	u64(&b, abi);
	for (unsigned i = 0; abi && i < 20; i++)
		u64(&b, i);
	u64(&b, abi ? 16 : 0);
	if (abi) {
		buf_put(&b, "abcdefghijklmnop", 16);
		u64(&b, 3);
	}
	record(to, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER, &b);
	buf_free(&b);
}

static void
switch_sample(struct buf *to, uint64_t t, uint32_t cpu, const char *next, uint64_t flags)
{
	struct buf b = BUF_INIT;

	u64(&b, SWITCH_IDS + cpu);
	u64(&b, 0xffffffff81000020);
	u32(&b, 7);
	u32(&b, 7);
	u64(&b, t);
	u32(&b, cpu);
	u32(&b, 0);
	u64(&b, 1);
	u32(&b, 36);
	u64(&b, 314); /* common_ */
	buf_put(&b, next, strlen(next));
	for (size_t i = strlen(next); i < 16; i++)
		buf_char(&b, 0);
	u32(&b, (uint32_t)-5);
	u64(&b, flags);
	pad(&b);
	record(to, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL, &b);
	buf_free(&b);
}

static void
mapping(struct buf *to, uint64_t t, int pid, uint64_t addr, uint64_t size, uint64_t offset,
    const char *path, unsigned misc)
{
	struct buf b = BUF_INIT;

	u32(&b, (uint32_t)pid);
	u32(&b, pid < 0 ? 0 : (uint32_t)pid);
	u64(&b, addr);
	u64(&b, size);
	u64(&b, offset);
	if (misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
		u32(&b, 20);
		buf_put(&b, "\1\2\3\4\5\6\7\10\11\12\1\2\3\4\5\6\7\10\11\12", 20);
		u32(&b, PROT_READ | PROT_EXEC);
		u32(&b, MAP_PRIVATE);
	}
	text(&b, path);
	trailer(&b, t, 0);
	record(to, misc & PERF_RECORD_MISC_MMAP_BUILD_ID ? PERF_RECORD_MMAP2 : PERF_RECORD_MMAP,
	    misc, &b);
	buf_free(&b);
}

static void
comm(struct buf *to, uint64_t t, uint32_t tid, const char *name, unsigned misc)
{
	struct buf b = BUF_INIT;

	u32(&b, 7);
	u32(&b, tid);
	text(&b, name);
	trailer(&b, t, 0);
	record(to, PERF_RECORD_COMM, misc, &b);
	buf_free(&b);
}

/* A record of these words. */
static void
plain(struct buf *to, uint32_t type, uint64_t t, const uint64_t *word, unsigned n, unsigned misc)
{
	struct buf b = BUF_INIT;

	for (unsigned i = 0; i < n; i++)
		u64(&b, word[i]);
	trailer(&b, t, 1);
	record(to, type, misc, &b);
	buf_free(&b);
}

static void
finished_round(struct buf *to)
{
	record(to, 68, 0, &BUF_INIT);
}

static void
make_data(struct buf *d)
{
	const uint64_t task[] = { 7 | 7ull << 32, 8 | 7ull << 32, 0 };
	struct buf b = BUF_INIT;

	mapping(d, 0, -1, 0, 0xffffffff82000000, 0xffffffff81000000, "[kernel.kallsyms]_text",
	    PERF_RECORD_MISC_KERNEL);
	comm(d, 0, 7, "first", 0);
	/* Two rings, one after the other. */
	comm(d, 1000, 7, "a name", PERF_RECORD_MISC_COMM_EXEC);
	mapping(d, 1010, 7, 0x400000, 0x5000, 0x1000, "/bin/x", PERF_RECORD_MISC_MMAP_BUILD_ID);
	mapping(d, 1011, 7, 0x600000, 0x5000, 0, "/bin/data", PERF_RECORD_MISC_MMAP_DATA);
	clock_sample(d, 1030, 0, 7, PERF_SAMPLE_REGS_ABI_64);
	switch_sample(d, 1050, 0, "other", 1);
	plain(d, PERF_RECORD_FORK, 1020, task, 3, 0);
	clock_sample(d, 1040, 1, 8, PERF_SAMPLE_REGS_ABI_NONE);
	plain(d, PERF_RECORD_LOST, 1060, (uint64_t[]){ CLOCK_IDS, 23 }, 2, 0);
	finished_round(d);
	clock_sample(d, 1045, 0, 7, PERF_SAMPLE_REGS_ABI_32); /* of the first round's time */
	plain(d, PERF_RECORD_THROTTLE, 1070, (uint64_t[]){ 1070, CLOCK_IDS, 0 }, 3, 0);
	finished_round(d);
	/* The first round is out, up to 1060. */
	clock_sample(d, 1055, 1, 8, PERF_SAMPLE_REGS_ABI_NONE);
	comm(d, 1056, 8, "late", 0);
	switch_sample(d, 1080, 1, "big", 1ull << 63);
	text(&b, "");
	buf_free(&b);
	u64(&b, 0xffffffffc0001000);
	u32(&b, 96);
	u16(&b, PERF_RECORD_KSYMBOL_TYPE_BPF);
	u16(&b, 0);
	text(&b, "bpf_prog_1");
	trailer(&b, 1075, 0);
	record(d, PERF_RECORD_KSYMBOL, 0, &b);
	buf_free(&b);
	plain(d, PERF_RECORD_SWITCH, 1090, NULL, 0, 0);
	plain(d, 30, 1091, NULL, 0, 0); /* of a kernel to come */
	plain(d, PERF_RECORD_EXIT, 1100, task, 3, 0);
	finished_round(d);
}

static const char want[] =
    "#leat 1\n"
    "start\ttool=perf\tversion=6.1.2\tclock=monotonic_raw\thost=n1\tarch=x86_64\trelease=6.18.0\t"
    "argv=perf;record;a b;\n"
    "clock\tt=900\tmonotonic_raw=900\trealtime=1700000000000000000\n"
    "object\tpath=/lib/y\tbuildid=@AQIDBA==\n"
    "mmap\tpid=-1\ttid=0\taddr=0xffffffff81000000\tsize=16777216\toffset=0\tpath=[kernel.kallsyms]"
    "\n"
    "comm\tpid=7\ttid=7\tname=first\n"
    "comm\tt=1000\tpid=7\ttid=7\tname=\"a name\"\texec=1\n"
    "mmap\tt=1010\tpid=7\ttid=7\taddr=0x400000\tsize=20480\toffset=4096\tpath=/bin/x\t"
    "buildid=@AQIDBAUGBwgJCgECAwQFBgcICQo=\n"
    "fork\tt=1020\tpid=7\ttid=8\tppid=7\tptid=7\n"
    "sample\tt=1030\tcpu=0\tpid=7\ttid=7\tcomm=\"a name\"\tevent=cpu-clock\tweight=1000\t"
    "chain=0xffffffff81000010;0x401000;0x402000;\tregs=0x0;0x3;0x2;0x1;0x4;0x5;0x6;0x7;0xc;0xd;0xe;"
    "0xf;0x10;0x11;0x12;0x13;0x8;\tustack=@YWJj\n"
    "sample\tt=1040\tcpu=1\tpid=7\ttid=8\tcomm=\"a name\"\tevent=cpu-clock\tweight=1000\t"
    "chain=0xffffffff81000010;0x401000;0x402000;\n"
    "sample\tt=1045\tcpu=0\tpid=7\ttid=7\tcomm=\"a name\"\tevent=cpu-clock\tweight=1000\t"
    "chain=0xffffffff81000010;0x401000;0x402000;\n"
    "event\tt=1050\tcpu=0\tpid=7\ttid=7\tcomm=\"a "
    "name\"\tname=sched:sched_switch\tnext_comm=other\t"
    "arg_pid=-5\tflags=1\n"
    "lost\tt=1060\tn=23\twhy=ring-full\tcpu=1\n"
    "lost\tt=1060\tn=1\twhy=abi32\n"
    "comm\tpid=7\ttid=8\tname=late\n"
    "lost\tt=1070\tn=1\twhy=throttled\tcpu=1\n"
    "lost\tt=1070\tn=1\twhy=late\n"
    "sym\tt=1075\taddr=0xffffffffc0001000\tsize=96\tname=bpf_prog_1\tobject=[bpf]\n"
    "event\tt=1080\tcpu=1\tpid=7\ttid=7\tcomm=\"a name\"\tname=sched:sched_switch\tnext_comm=big\t"
    "arg_pid=-5\tflags=9223372036854775808\n"
    "exit\tt=1100\tpid=7\ttid=8\tppid=7\tptid=7\n"
    "lost\tt=1100\tn=1\twhy=unknown-record\n"
    "end\ttool=perf\tmade=15\tdropped=2\tlost=27\n";

/* The features, by number. */
static void
make_feature(struct buf *b, unsigned number)
{
	static const char format[] = "name: sched_switch\nID: 314\nformat:\n"
				     "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
				     "\tfield:char next_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
				     "\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n"
				     "\tfield:u64 flags;\toffset:28;\tsize:8;\tsigned:0;\n";
	const char *s[] = { [3] = "n1", [4] = "6.18.0", [5] = "6.1.2", [6] = "x86_64" };
	const char *argv[] = { "perf", "record", "a b" };
	const char *name[] = { "cpu-clock", "sched:sched_switch" };
	struct buf body = BUF_INIT;

	switch (number) {
	case 1:
		buf_put(b, "\x17\x08\x44tracing0.6", 14);
		buf_char(b, 0);
		buf_char(b, 8);
		u32(b, 4096);
		buf_put(b, "header_page", 12);
		u64(b, 3);
		buf_put(b, "abc", 3);
		buf_put(b, "header_event", 13);
		u64(b, 0);
		u32(b, 0);
		u32(b, 1);
		buf_put(b, "sched", 6);
		u32(b, 1);
		u64(b, sizeof format - 1);
		buf_put(b, format, sizeof format - 1);
		u32(b, 0);
		u32(b, 0);
		break;
	case 2:
		u32(&body, 0);
		buf_put(&body, "\1\2\3\4", 4);
		for (int i = 0; i < 16; i++)
			buf_char(&body, 0);
		u32(&body, 4);
		text(&body, "/lib/y");
		while (body.n % 8 != 4)
			buf_char(&body, 0);
		u32(&body, 0);
		record(b, 67, 1 << 15, &body);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		text(&body, s[number]);
		u32(b, (uint32_t)body.n);
		buf_slice(b, buf_view(&body));
		break;
	case 11:
		u32(b, 3);
		for (int i = 0; i < 3; i++) {
			buf_free(&body);
			text(&body, argv[i]);
			u32(b, (uint32_t)body.n);
			buf_slice(b, buf_view(&body));
		}
		break;
	case 12:
		u32(b, 2);
		u32(b, sizeof *attrs);
		for (uint64_t i = 0; i < 2; i++) {
			buf_put(b, &attrs[i], sizeof *attrs);
			u32(b, 2);
			buf_free(&body);
			text(&body, name[i]);
			u32(b, (uint32_t)body.n);
			buf_slice(b, buf_view(&body));
			u64(b, CLOCK_IDS + 100 * i);
			u64(b, CLOCK_IDS + 100 * i + 1);
		}
		break;
	case 29:
		u32(b, 1);
		u32(b, 4);
		u64(b, 1700000000000000000);
		u64(b, 900);
		break;
	default:
		u64(b, 0); /* of no interest */
	}
	buf_free(&body);
}

static const uint64_t features =
    1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 11 | 1 << 12 | 1 << 29;

static void
make_file(struct buf *f, const struct buf *data, bool finished)
{
	struct buf all = BUF_INIT, table = BUF_INIT;
	uint64_t at = 104, end;

	buf_put(f, "PERFILE2", 8);
	u64(f, 104);
	u64(f, sizeof *attrs + 16);
	at += 32; /* ids */
	u64(f, at);
	u64(f, 2 * (sizeof *attrs + 16));
	at += 2 * (sizeof *attrs + 16);
	u64(f, at);
	u64(f, finished ? data->n : 0);
	u64(f, 0);
	u64(f, 0);
	u64(f, features);
	u64(f, 0);
	u64(f, 0);
	u64(f, 0);
	for (uint64_t i = 0; i < 4; i++)
		u64(f, CLOCK_IDS + i % 2 + 100 * (i / 2));
	for (uint64_t i = 0; i < 2; i++) {
		buf_put(f, &attrs[i], sizeof *attrs);
		u64(f, 104 + 16 * i);
		u64(f, 16);
	}
	CLAIM(f->n == at);
	buf_slice(f, buf_view(data));
	end = f->n + 16 * (uint64_t)__builtin_popcountll(features);
	for (unsigned i = 0; finished && i < 64; i++) {
		size_t before = all.n;

		if (!(features >> i & 1))
			continue;
		make_feature(&all, i);
		u64(&table, end + before);
		u64(&table, all.n - before);
	}
	buf_slice(f, buf_view(&table));
	buf_slice(f, buf_view(&all));
	buf_free(&table);
	buf_free(&all);
}

static void
make_pipe(struct buf *f, const struct buf *data)
{
	struct buf b = BUF_INIT, tracing = BUF_INIT;

	buf_put(f, "PERFILE2", 8);
	u64(f, 16);
	for (uint64_t i = 0; i < 2; i++) {
		buf_put(&b, &attrs[i], sizeof *attrs);
		u64(&b, CLOCK_IDS + 100 * i);
		u64(&b, CLOCK_IDS + 100 * i + 1);
		record(f, 64, 0, &b);
		buf_free(&b);
		u64(&b, 2);
		u64(&b, CLOCK_IDS + 100 * i);
		text(&b, i ? "sched:sched_switch" : "cpu-clock");
		record(f, 78, 0, &b);
		buf_free(&b);
	}
	for (unsigned i = 0; i < 64; i++) {
		if (!(features >> i & 1) || i <= 2)
			continue;
		u64(&b, i);
		make_feature(&b, i);
		pad(&b);
		record(f, 80, 0, &b);
		buf_free(&b);
	}
	u64(&b, 257); /* no more features */
	record(f, 80, 0, &b);
	buf_free(&b);
	make_feature(&tracing, 1);
	u32(&b, (uint32_t)tracing.n);
	pad(&b);
	record(f, 66, 0, &b);
	buf_free(&b);
	pad(&tracing);
	buf_slice(f, buf_view(&tracing));
	make_feature(f, 2);
	buf_slice(f, buf_view(data));
	buf_free(&tracing);
}

/* The same records as pieces of a zstd stream, cut anywhere; so that what follows stands at odd places. */
static void
make_compressed(struct buf *to, const struct buf *data)
{
	ZSTD_CStream *z = ZSTD_createCStream();

	ZSTD_initCStream(z, 1);
	for (size_t at = 0, n; at < data->n; at += n) {
		char out[4096];
		ZSTD_inBuffer i = { data->p + at, n = data->n - at < 701 ? data->n - at : 701, 0 };
		ZSTD_outBuffer o = { out, sizeof out, 0 };
		struct buf b = BUF_INIT;

		CLAIM(!ZSTD_isError(ZSTD_compressStream(z, &o, &i)) && i.pos == i.size);
		CLAIM(ZSTD_flushStream(z, &o) == 0);
		if (at / 701 % 2) {
			u64(&b, o.pos);
			buf_put(&b, out, o.pos);
			pad(&b);
			record(to, 83, 0, &b);
		} else {
			buf_put(&b, out, o.pos);
			record(to, 81, 0, &b);
		}
		buf_free(&b);
	}
	ZSTD_freeCStream(z);
}

struct result {
	int status;
	struct perf_data_stats stats;
	struct error error;
	struct buf text;
};

/* Imports p from a file, or where pipe says so from a pipe. */
static void
run(struct slice s, bool pipe_in, struct result *r)
{
	int in = memfd_create("in", 0), out = memfd_create("out", 0), ends[2] = { -1, -1 };
	struct trace_writer *w;
	off_t size;

	CLAIM(in >= 0 && out >= 0);
	if (pipe_in) {
		CLAIM(pipe(ends) == 0);
		io_enlarge_pipe(ends[1]);
		CLAIM(io_write(ends[1], s.p, s.n) == 0);
		close(ends[1]);
	} else {
		CLAIM(io_write(in, s.p, s.n) == 0);
		CLAIM(lseek(in, 0, SEEK_SET) == 0);
	}
	memset(r, 0, sizeof *r);
	w = trace_writer_new(out, TRACE_LINES, 0);
	r->status = perf_data_import(pipe_in ? ends[0] : in, w, NULL, &r->stats, &r->error);
	CLAIM((r->status == 0) == (r->error.text[0] == 0));
	CLAIM(trace_writer_close(w, NULL) == 0);
	size = lseek(out, 0, SEEK_END);
	CLAIM(pread(out, buf_room(&r->text, (size_t)size + 1), (size_t)size, 0) == size);
	r->text.n = (size_t)size;
	close(in);
	close(out);
	if (pipe_in)
		close(ends[0]);
}

static void
is(const struct result *r, const char *name)
{
	if (!slice_eq(buf_view(&r->text), slice_of(want)))
		fprintf(stderr, "%s: %s %s\n%.*s", name, r->error.text, r->stats.first.text,
		    SLICE_ARG(buf_view(&r->text)));
	CLAIM(slice_eq(buf_view(&r->text), slice_of(want)));
	CLAIM(r->status == 0 && r->stats.damaged == 0 && !r->stats.truncated);
	CLAIM(r->stats.samples == 5 && r->stats.lost == 27 && r->stats.dropped == 2);
	CLAIM(r->stats.records == 19);
}

/* The lines of got that are not ledger are those of want, as far as they go: what is cut adds nothing. */
static bool
is_prefix(struct slice got)
{
	struct slice all = slice_of(want);

	while (got.n > 0) {
		struct slice line = slice_cut(&got, '\n'), other = SLICE("");

		if (slice_starts(line, SLICE("lost\t")) || slice_starts(line, SLICE("end\t")) ||
		    slice_starts(line, SLICE("start\t")))
			continue;
		while (all.n > 0 && !slice_eq(line, other))
			other = slice_cut(&all, '\n');
		if (!slice_eq(line, other))
			return false;
	}
	return true;
}

/* Cut at every byte. */
static void
cuts(struct slice s, bool file)
{
	size_t most = 0;

	for (size_t n = 0; n < s.n; n++) {
		struct result r;

		run((struct slice){ s.p, n }, false, &r);
		/* A pipe that is cut between two records looks whole. */
		if (file && r.status == 0)
			CLAIM(r.stats.truncated || r.stats.damaged > 0);
		if (r.status == 0) {
			CLAIM(r.text.n > 0);
			most = r.stats.samples > most ? r.stats.samples : most;
		}
		if (!file && r.status == 0)
			CLAIM(is_prefix(buf_view(&r.text)));
		buf_free(&r.text);
	}
	CLAIM(most == 5 || most == 6); /* without the round that makes it late, one more */
}

/* Every byte changed, in several ways. */
static void
flips(struct slice s)
{
	static const unsigned char with[] = { 0x01, 0x80, 0xff };
	char *p = xstrndup(s.p, s.n);

	for (size_t i = 0; i < s.n; i++)
		for (size_t k = 0; k < sizeof with; k++) {
			struct result r;

			p[i] = (char)(s.p[i] ^ with[k]);
			run((struct slice){ p, s.n }, false, &r);
			buf_free(&r.text);
			p[i] = s.p[i];
		}
	free(p);
}

/* Leaves s in a file of this directory. */
static void
leave(struct slice s, const char *dir, const char *name, unsigned char mode)
{
	struct buf path = BUF_INIT;
	FILE *f;

	buf_printf(&path, "%s/%s", dir, name);
	f = fopen(buf_str(&path), "w");
	CLAIM(f && fputc(mode, f) != EOF && fwrite(s.p, 1, s.n, f) == s.n && fclose(f) == 0);
	buf_free(&path);
}

/* With a directory, the three forms are left there as what tests/fuzz/perf_data.c begins with. */
int
main(int argc, char **argv)
{
	struct buf data = BUF_INIT, squeezed = BUF_INIT, file = BUF_INIT, pipe_form = BUF_INIT,
		   zfile = BUF_INIT, unfinished = BUF_INIT, other = BUF_INIT;
	struct result r;

	attrs[0].sample_type =
	    common | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
	attrs[1].sample_type = common | PERF_SAMPLE_RAW;
	make_data(&data);
	make_compressed(&squeezed, &data);
	make_file(&file, &data, true);
	make_file(&zfile, &squeezed, true);
	make_pipe(&pipe_form, &data);
	make_file(&unfinished, &data, false);

	if (argc > 1) {
		leave(buf_view(&file), argv[1], "file", 3);
		leave(buf_view(&zfile), argv[1], "compressed", 3);
		leave(buf_view(&pipe_form), argv[1], "pipe", 2);
		return 0;
	}
	run(buf_view(&file), false, &r);
	is(&r, "file");
	buf_free(&r.text);
	run(buf_view(&file), true, &r);
	is(&r, "file through a pipe");
	buf_free(&r.text);
	run(buf_view(&pipe_form), false, &r);
	is(&r, "pipe form in a file");
	buf_free(&r.text);
	run(buf_view(&pipe_form), true, &r);
	is(&r, "pipe");
	buf_free(&r.text);
	run(buf_view(&zfile), false, &r);
	is(&r, "compressed file");
	buf_free(&r.text);

	run(buf_view(&unfinished), false, &r);
	CLAIM(r.status == 0 && r.stats.truncated && r.stats.samples == 5);
	buf_free(&r.text);

	buf_slice(&other, buf_view(&file));
	memcpy(other.p, "2ELIFREP", 8);
	run(buf_view(&other), false, &r);
	CLAIM(r.status < 0 && strstr(r.error.text, "byte order"));
	buf_free(&r.text);
	CLAIM(perf_data_is(buf_view(&other)) && perf_data_is(buf_view(&file)));
	CLAIM(!perf_data_is(SLICE("PERFILE")) && !perf_data_is(SLICE("#leat 1\n")));

	cuts(buf_view(&file), true);
	cuts(buf_view(&zfile), true);
	cuts(buf_view(&pipe_form), false);
	flips(buf_view(&file));
	flips(buf_view(&pipe_form));
	flips(buf_view(&zfile));
	buf_free(&data);
	buf_free(&squeezed);
	buf_free(&file);
	buf_free(&zfile);
	buf_free(&pipe_form);
	buf_free(&unfinished);
	buf_free(&other);
	return 0;
}
