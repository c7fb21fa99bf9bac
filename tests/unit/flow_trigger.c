/* Triggers: which texts are which, and that a block's answers are those of its rows, asked one by one and by hand. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "flow/trigger.h"
#include "trace/reader.h"
#include "unit.h"

enum { MOST = 64 };

static struct trigger *
compile(const char *text)
{
	struct error e;
	struct trigger *x = trigger_new(slice_of(text), &e);

	if (x == NULL)
		fprintf(stderr, "%s: %s\n", text, e.text);
	CLAIM(x != NULL);
	return x;
}

static struct trace_reader *
read_lines(const struct buf *lines)
{
	int fd = memfd_create("trace", 0);

	CLAIM(write(fd, "#leat 1\n", 8) == 8);
	CLAIM(write(fd, lines->p, lines->n) == (ssize_t)lines->n && lseek(fd, 0, SEEK_SET) == 0);
	return trace_reader_new(fd);
}

/* The answers for the records of a block, in their order. */
static uint32_t
answers(struct trigger *x, struct trace_block *b, unsigned char *to)
{
	static unsigned char flags[1 << 16], *holds[1 << 10];
	static uint32_t row[1 << 10];
	const uint16_t *sequence = trace_sequence(b);
	uint32_t at = 0;

	CLAIM(b->records < sizeof flags && b->shapes < sizeof row / sizeof *row);
	memset(flags, 77, sizeof flags);
	for (unsigned s = 0; s < b->shapes; s++) {
		row[s] = 0;
		holds[s] = flags + at;
		at += b->rows[s];
	}
	trigger_block(x, b, holds);
	CLAIM(flags[at] == 77);
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;

		to[i] = holds[s][row[s]++];
		CLAIM(to[i] < 2);
	}
	return b->records;
}

/* Whether the text fires at each of these lines; want: '1' or '0' for each. */
static void
fires(const char *text, const char *lines, const char *want)
{
	struct trigger *x = compile(text);
	struct buf b = BUF_INIT;
	struct trace_reader *r;
	struct trace_block *block;
	unsigned char got[MOST];
	uint32_t n;

	buf_printf(&b, "%s", lines);
	r = read_lines(&b);
	CLAIM(trace_read(r, &block) == 1);
	n = answers(x, block, got);
	CLAIM(n == strlen(want));
	for (uint32_t i = 0; i < n; i++) {
		if (got[i] != (want[i] == '1'))
			fprintf(stderr, "%s: record %u: %d\n", text, i, got[i]);
		CLAIM(got[i] == (want[i] == '1'));
	}
	trace_reader_free(r);
	trigger_free(x);
	buf_free(&b);
}

static void
fails(const char *text, const char *why)
{
	struct error e;

	CLAIM(trigger_new(slice_of(text), &e) == NULL);
	if (strstr(e.text, why) == NULL)
		fprintf(stderr, "%s: %s\n", text, e.text);
	CLAIM(strstr(e.text, why) != NULL);
}

static bool
time_is(const char *text, int64_t want, bool relative)
{
	struct trigger *x = compile(text);
	int64_t n;
	bool got, is = trigger_is_time(x, &n, &got);

	trigger_free(x);
	return is && n == want && got == relative;
}

static void
texts(void)
{
	struct trigger *x = compile(" none ");
	int64_t n;
	bool relative;

	CLAIM(trigger_is_none(x) && !trigger_is_time(x, &n, &relative));
	trigger_free(x);
	x = compile("t == 5");
	CLAIM(!trigger_is_none(x) && !trigger_is_time(x, &n, &relative));
	trigger_free(x);
	CLAIM(time_is("t=5", 5, false) && time_is("t=-5", -5, false) && time_is("t=+5", 5, true));
	CLAIM(time_is("t=1.5s", 1500000000, false) && time_is("t=+10ms", 10000000, true));
	CLAIM(time_is("t=9223372036854775807", INT64_MAX, false));
	fails("t=", "not a time");
	fails("t=+", "not a time");
	fails("t=+-5", "not a time");
	fails("t=9223372036854775808", "not a time");
	fails("pc=", "neither an address");
	fails("pc=12", "neither an address");
	fails("pc=80000000", "neither an address");
	fails("insn=", "not VALUE");
	fails("insn=0x13/", "not VALUE");
	fails("insn=0x13/0x7f/1", "not VALUE");
	fails("mark=", "missing");
	fails("mark=a || mark=b", "stands alone");
	fails("t=5 && cpu == 1", "stands alone");
	fails("x ==", "^");
	fails("", "");
}

static void
known(void)
{
	fires("none", "a\tx=1\na\tx=2\n", "00");
	fires("t=1", "a\tt=1\na\tt=2\n", "00");
	fires("x == 1", "a\tx=1\na\tx=2\nb\ty=1\nb\tx=1\ty=1\n", "1001");
	fires("go", "mark\tname=go\nevent\tname=go\tcpu=1\nmark\tname=gone\n", "110");
	fires("mark=go", "mark\tname=go\nevent\tname=go\tcpu=1\nmark\tname=gone\n", "100");
	fires("mark=7", "mark\tcode=7\nmark\tcode=0x7\nmark\tcode=8\tname=\"7\"\nmark\tcode=77\n",
	    "1110");
	fires("mark=0x7", "mark\tcode=7\nmark\tcode=8\tname=\"7\"\n", "10");
	fires("mark=frame start", "mark\tname=\"frame start\"\nmark\tname=frame\n", "10");
	fires("pc=0x10",
	    "a\tpc=0x10\tip=0x20\na\tpc=0x20\tip=0x10\na\tip=0x10\na\tpc=16\na\tchain=0x10;0x20;\n"
	    "a\tchain=0x20;0x10;\na\tchain=\na\tip=0x20\tchain=0x10;\na\tpc=str\na\tx=1\n",
	    "1011100000");
	/* a symbol: from its record on, all of its addresses; where names stand, the leaf */
	fires("pc=f",
	    "a\tpc=0x10\nsym\tt=1\taddr=0x10\tname=f\na\tpc=0x10\nsym\tt=1\taddr=0x30\tname="
	    "g\na\tpc=0x30\n"
	    "sym\tt=2\taddr=0x30\tname=f\na\tpc=0x30\na\tpc=0x10\na\tstack=f;\na\tstack=g;f;"
	    "\na\tstack=f;g;\n"
	    "a\tchain=0x30;0x1;\tstack=x;\n",
	    "001000111101");
	fires("insn=0x13/0x7f", "i\tinsn=0x13\ni\tinsn=0x93\ni\tinsn=0x33\ni\tinsn=147\ni\tx=0\n",
	    "11010");
	fires("insn=19", "i\tinsn=0x13\ni\tinsn=0x93\n", "10");
	fires("insn=0x93/0x7f", "i\tinsn=0x13\n", "1");
	fires("insn=5/0", "i\tinsn=0x13\ni\tx=1\n", "10");
}

/* A symbol that one block tells is known in the next; many records of many shapes agree with the definition. */
static void
random_blocks(void)
{
	for (unsigned round = 0; round < 200; round++) {
		uint64_t value = unit_draw(64), mask = unit_draw(64),
			 address = 0x1000 + unit_draw(4);
		unsigned char want_pc[3000], want_insn[3000], got[3000];
		unsigned n = 1 + (unsigned)unit_draw(2999);
		struct trigger *pc, *insn;
		struct buf b = BUF_INIT;
		struct trace_reader *r;
		struct trace_block *block;
		char text[64];
		uint32_t at = 0, at_pc = 0;

		snprintf(text, sizeof text, "pc=0x%llx", (unsigned long long)address);
		pc = compile(text);
		snprintf(text, sizeof text, "insn=%llu/0x%llx", (unsigned long long)value,
		    (unsigned long long)mask);
		insn = compile(text);
		for (unsigned i = 0; i < n; i++) {
			uint64_t p = 0x1000 + unit_draw(4), v = unit_draw(64);

			want_pc[i] = p == address;
			want_insn[i] = (v & mask) == (value & mask);
			switch (unit_draw(4)) {
			case 0:
				buf_printf(&b, "i\tpc=0x%llx\tinsn=0x%llx\n", (unsigned long long)p,
				    (unsigned long long)v);
				break;
			case 1:
				buf_printf(&b, "i\tip=%llu\tinsn=%llu\n", (unsigned long long)p,
				    (unsigned long long)v);
				break;
			case 2:
				want_insn[i] = 0;
				buf_printf(&b, "s\tchain=0x%llx;0x%llx;\n", (unsigned long long)p,
				    (unsigned long long)(0x1000 + unit_draw(4)));
				break;
			default:
				want_pc[i] = 0;
				buf_printf(&b, "i\tpc=nowhere\tip=0x%llx\tinsn=%llu\n",
				    (unsigned long long)p, (unsigned long long)v);
				want_pc[i] = p == address;
			}
		}
		r = read_lines(&b);
		while (trace_read(r, &block) == 1) {
			at_pc = at;
			at += answers(insn, block, got);
			CLAIM(at <= n && memcmp(got, want_insn + at_pc, at - at_pc) == 0);
			answers(pc, block, got);
			CLAIM(memcmp(got, want_pc + at_pc, at - at_pc) == 0);
		}
		CLAIM(at == n);
		trace_reader_free(r);
		trigger_free(pc);
		trigger_free(insn);
		buf_free(&b);
	}
}

static bool
tracerv(const char *text, unsigned selector, uint64_t first, uint64_t last)
{
	struct trigger_tracerv t;
	struct error e;
	bool same;

	if (trigger_tracerv(slice_of(text), &t, &e) < 0)
		return false;
	same = t.selector == selector && t.first == first && t.last == last &&
	       (t.start != NULL) == (selector >= 2) && (t.end != NULL) == (selector >= 2);
	trigger_free(t.start);
	trigger_free(t.end);
	return same;
}

int
main(void)
{
	texts();
	known();
	random_blocks();
	CLAIM(tracerv("0,0,-1", 0, 0, UINT64_MAX) && tracerv("1,10,20", 1, 10, 20));
	CLAIM(tracerv("1, 0, -1", 1, 0, UINT64_MAX) && tracerv("2,10,0x20", 2, 0x10, 0x20));
	CLAIM(tracerv(
	    "3,ffffffff00008013,ffffffff00010013", 3, 0xffffffff00008013, 0xffffffff00010013));
	CLAIM(!tracerv("", 0, 0, 0) && !tracerv("1", 0, 0, 0) && !tracerv("1,2", 0, 0, 0));
	CLAIM(!tracerv("1,2,3,4", 0, 0, 0) && !tracerv("1,a,b", 0, 0, 0) &&
	      !tracerv("4,1,2", 0, 0, 0));
	CLAIM(!tracerv("12,1,2", 0, 0, 0) && !tracerv("2,x,1", 0, 0, 0));
	return 0;
}
