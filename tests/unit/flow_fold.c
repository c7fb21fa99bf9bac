/* Names of frames, names of tasks, and that counting by blocks is counting by records. */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "flow/fold.h"
#include "flow/frame_name.h"
#include "flow/task.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

static void
becomes(const char *name, const char *tidy, const char *whole)
{
	struct buf b = BUF_INIT;

	buf_char(&b, '|');
	frame_name(&b, slice_of(name), true);
	if (strcmp(buf_str(&b) + 1, tidy) != 0)
		fprintf(stderr, "%s became %s, not %s\n", name, buf_str(&b) + 1, tidy);
	CLAIM(strcmp(buf_str(&b) + 1, tidy) == 0);
	b.n = 1;
	frame_name(&b, slice_of(name), false);
	if (strcmp(buf_str(&b) + 1, whole) != 0)
		fprintf(stderr, "%s became %s, not %s\n", name, buf_str(&b) + 1, whole);
	CLAIM(strcmp(buf_str(&b) + 1, whole) == 0);
	buf_free(&b);
}

static void
names(void)
{
	becomes("main", "main", "main");
	becomes("a;b", "a:b", "a:b");
	becomes("foo 42", "foo_42", "foo_42");
	becomes("foo 4.25", "foo_4.25", "foo_4.25");
	becomes("foo 4.", "foo_4.", "foo_4.");
	becomes("foo 4.2.5", "foo 4.2.5", "foo 4.2.5");
	becomes("foo .5", "foo .5", "foo .5");
	becomes("foo  42", "foo _42", "foo _42");
	becomes("foo 42 ", "foo_42", "foo_42");
	becomes("foo42", "foo42", "foo42");
	becomes("42", "42", "42");
	becomes(" a\tb\nc\r", "a b c", "a b c");
	becomes("a\x7f\x01"
		"b",
	    "a  b", "a  b");
	becomes("", "[unknown]", "[unknown]");
	becomes(" \t", "[unknown]", "[unknown]");
	becomes("\"'", "[unknown]", "\"'");
	becomes("RegExp:[&<>\"']", "RegExp:[&<>]", "RegExp:[&<>\"']");
	becomes("f(int, char*)", "f", "f(int, char*)");
	becomes("f() const", "f", "f() const");
	becomes("f(int) [clone .cold]", "f", "f(int) [clone .cold]");
	becomes("void f<int>(int)", "void f<int>", "void f<int>(int)");
	becomes("(anonymous namespace)::f(int)", "(anonymous namespace)::f",
	    "(anonymous namespace)::f(int)");
	becomes("a::(anonymous namespace)::f(int)", "a::(anonymous namespace)::f",
	    "a::(anonymous namespace)::f(int)");
	becomes("A::operator()(int) const", "A::operator()", "A::operator()(int) const");
	becomes("A::operator<(A, B)", "A::operator<", "A::operator<(A, B)");
	becomes("A::operator->() const", "A::operator->", "A::operator->() const");
	becomes("std::function<void (int)>::operator()(int) const",
	    "std::function<void (int)>::operator()",
	    "std::function<void (int)>::operator()(int) const");
	becomes("main::{lambda(int)#1}::operator()(int) const", "main::{lambda(int)#1}::operator()",
	    "main::{lambda(int)#1}::operator()(int) const");
	becomes("f(int)::{lambda()#1}::operator()() const", "f(int)::{lambda()#1}::operator()",
	    "f(int)::{lambda()#1}::operator()() const");
	becomes("net/http.(*Client).Do", "net/http.(*Client).Do", "net/http.(*Client).Do");
	becomes("<F as Fn<(A,)>>::call", "<F as Fn<(A,)>>::call", "<F as Fn<(A,)>>::call");
	becomes("Lorg/foo/Bar;.call(Lorg/foo/C;)V", "org/foo/Bar:.call",
	    "Lorg/foo/Bar:.call(Lorg/foo/C:)V");
	becomes("Ljava/io/PrintStream::print", "java/io/PrintStream::print",
	    "Ljava/io/PrintStream::print");
	becomes("Linux::f", "Linux::f", "Linux::f");
	becomes("f(", "f", "f(");
	becomes("(", "(", "(");
	becomes("a<b(", "a<b(", "a<b(");
}

static void
tasks(void)
{
	struct task k = TASK_INIT;
	struct slice name;

	CLAIM(slice_eq(task_name(&k, 0, 0), SLICE("swapper")));
	CLAIM(task_name(&k, 0, 7).n == 0);
	task_comm(&k, 0, 7, SLICE("a"));
	name = task_name(&k, 0, 7);
	task_fork(&k, 0, 7, 8);
	task_comm(&k, 0, 7, SLICE("b"));
	task_fork(&k, 0, 7, 7);
	CLAIM(slice_eq(task_name(&k, 0, 7), SLICE("b")));
	CLAIM(slice_eq(task_name(&k, 0, 8), SLICE("a")));
	CLAIM(task_name(&k, 1, 7).n == 0);
	/* a number that is used again by a child of nobody we know */
	task_fork(&k, 0, 99, 8);
	CLAIM(task_name(&k, 0, 8).n == 0);
	for (int64_t i = 10; i < 5000; i++)
		task_fork(&k, 0, 7, i);
	CLAIM(slice_eq(name, SLICE("a")));
	CLAIM(slice_eq(task_name(&k, 0, 4999), SLICE("b")));
	task_free(&k);
}

/* Random samples, folded through a writer of many blocks and a reader, against a table of sums. */
static void
counting(enum trace_encoding encoding)
{
	enum { STACKS = 300, SAMPLES = 60000, COMMS = 5 };
	static const struct slice comm[COMMS] = { SLICE("a"), SLICE("b b"), SLICE("c;"),
		SLICE("d 1"), SLICE("e") };
	static const char *const folded_comm[COMMS] = { "a", "b_b", "c:", "d_1", "e" };
	struct trace_field f[] = { { SLICE("t"), TRACE_INT }, { SLICE("comm"), TRACE_STR },
		{ SLICE("event"), TRACE_STR }, { SLICE("weight"), TRACE_INT },
		{ SLICE("stack"), TRACE_STRS } };
	struct fold_options o = {
		.weight = SLICE("weight"), .base = (struct slice[]){ SLICE("comm") }, .bases = 1
	};
	uint64_t(*want)[COMMS] = xcalloc(STACKS, sizeof *want), seed = 3, lines = 0;
	int fd = memfd_create("trace", 0);
	struct trace_writer *w = trace_writer_new(fd, encoding, 0);
	struct slice frame[STACKS];
	char text[STACKS][8];
	struct trace_reader *r;
	struct trace_block *b;
	struct fold *fold;
	struct buf got = BUF_INIT;
	struct error e;
	unsigned shape;

	shape = trace_writer_shape(w, SLICE("sample"), f, 5);
	for (unsigned i = 0; i < STACKS; i++) {
		snprintf(text[i], sizeof text[i], "f%u", i);
		frame[i] = slice_of(text[i]);
	}
	for (unsigned i = 0; i < SAMPLES; i++) {
		unsigned s, c, n, other;
		union trace_value v[5];

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		s = (unsigned)(seed >> 33) % STACKS;
		c = (unsigned)(seed >> 13) % COMMS;
		other = i % 11 == 10;
		n = s % 7 + 1 < STACKS - s ? s % 7 + 1 : STACKS - s;
		v[0].i = i;
		v[1].s = comm[c];
		v[2].s = other ? SLICE("other") : SLICE("cycles");
		v[3].i = (int64_t)(seed >> 50);
		v[4].list = (struct trace_list){ { .s = frame + s }, n, NULL };
		CLAIM(trace_put(w, shape, v) == 0);
		if (!other)
			want[s][c] += seed >> 50;
		if (i % 5000 == 4999)
			CLAIM(trace_flush(w) == 0);
	}
	CLAIM(trace_writer_close(w, &e) == 0);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);

	fold = fold_new(&o);
	r = trace_reader_new(fd);
	while (trace_read(r, &b) > 0)
		CLAIM(fold_block(fold, b, &e) == 0);
	trace_reader_free(r);
	close(fd);
	fold_lines(fold, &got);
	CLAIM(fold_stats(fold)->skips == 1 && fold_stats(fold)->skipped[0].n == SAMPLES / 11);
	for (struct slice rest = buf_view(&got), before = { "", 0 }; rest.n > 0; lines++) {
		struct slice line = slice_cut(&rest, '\n');
		unsigned s = 0, c, n;
		char expect[200];
		size_t at;

		CLAIM(slice_cmp(before, line) < 0);
		before = line;
		for (c = 0; c < COMMS; c++)
			if (slice_starts(line, slice_of(folded_comm[c])))
				break;
		CLAIM(c < COMMS);
		CLAIM(sscanf(line.p + strlen(folded_comm[c]), ";f%u", &s) == 1 && s < STACKS);
		n = s % 7 + 1 < STACKS - s ? s % 7 + 1 : STACKS - s;
		at = (size_t)snprintf(expect, sizeof expect, "%s", folded_comm[c]);
		for (unsigned i = 0; i < n; i++)
			at += (size_t)snprintf(expect + at, sizeof expect - at, ";f%u", s + i);
		snprintf(expect + at, sizeof expect - at, " %" PRIu64, want[s][c]);
		CLAIM(slice_eq(line, slice_of(expect)));
		want[s][c] = 0;
	}
	CLAIM(lines > STACKS * COMMS * 9 / 10);
	for (unsigned i = 0; i < STACKS * COMMS; i++)
		CLAIM(want[i / COMMS][i % COMMS] == 0);
	buf_free(&got);
	fold_free(fold);
	free(want);
}

int
main(void)
{
	names();
	tasks();
	counting(TRACE_LINES);
	counting(TRACE_FRAMES);
	return 0;
}
