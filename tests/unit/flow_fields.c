/* What is left of records, by name, in their order; what stays because it tells the time. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/fields.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

static const char lines[] = "#leat 1\n"
			    "sample\tt=1\tpid=7\tcomm=a\tchain=0x1;0x2;\n"
			    "span\tt=2\tdur_ns=5\tname=x\tpid=8\n"
			    "zebra\tstripes=3\n"
			    "sample\tt=3\tpid=9\tcomm=b\tchain=0x2;\n";

static bool
leaves(const char *only, const char *without, enum trace_encoding encoding, const char *want)
{
	int in = memfd_create("in", 0), out = memfd_create("out", 0),
	    text = memfd_create("text", 0);
	struct fields *f = fields_new(slice_of(only), slice_of(without), NULL);
	struct trace_writer *w = trace_writer_new(out, encoding, TRACE_RAW), *t;
	struct trace_reader *r;
	struct trace_block *b;
	static char got[1000];
	ssize_t n;

	CLAIM(f != NULL && write(in, lines, sizeof lines - 1) == sizeof lines - 1);
	lseek(in, 0, SEEK_SET);
	r = trace_reader_new(in);
	while (trace_read(r, &b) == 1) {
		const uint16_t *sequence = trace_sequence(b);
		struct trace_pick pick[10];
		uint32_t row[10] = { 0 };
		unsigned source[10];

		CLAIM(b->shapes <= 10 && b->records <= 10);
		for (unsigned s = 0; s < b->shapes; s++)
			source[s] = fields_source(f, w, b, s);
		for (uint32_t i = 0; i < b->records; i++) {
			unsigned s = sequence ? sequence[i] : 0;

			pick[i] = (struct trace_pick){ source[s], row[s]++ };
		}
		CLAIM(trace_put_picked(w, pick, b->records) == 0);
	}
	CLAIM(trace_writer_close(w, NULL) == 0);
	trace_reader_free(r);
	lseek(out, 0, SEEK_SET);
	r = trace_reader_new(out);
	t = trace_writer_new(text, TRACE_LINES, TRACE_RAW);
	while (trace_read(r, &b) == 1)
		CLAIM(trace_put_block(t, b) == 0);
	CLAIM(trace_writer_close(t, NULL) == 0);
	trace_reader_free(r);
	lseek(text, 0, SEEK_SET);
	n = read(text, got, sizeof got - 1);
	CLAIM(n >= 8);
	got[n] = '\0';
	fields_free(f);
	close(in);
	close(out);
	close(text);
	if (strcmp(got + 8, want) != 0)
		fprintf(stderr, "want\n%sgot\n%s", want, got + 8);
	return strcmp(got + 8, want) == 0;
}

static void
unmet(void)
{
	struct fields *f = fields_new(SLICE("pid,zip"), SLICE("zap"), NULL);
	struct trace_writer *w = trace_writer_new(-1, TRACE_FRAMES, TRACE_RAW);
	struct trace_reader *r;
	struct trace_block *b;
	struct slice name;
	int in = memfd_create("in", 0);

	CLAIM(write(in, lines, sizeof lines - 1) == sizeof lines - 1);
	lseek(in, 0, SEEK_SET);
	r = trace_reader_new(in);
	CLAIM(!fields_unmet(f, &name));
	CLAIM(trace_read(r, &b) == 1);
	fields_source(f, w, b, 0);
	CLAIM(fields_unmet(f, &name) && slice_eq(name, SLICE("zip")));
	fields_free(f);
	trace_reader_free(r);
	close(in);
}

int
main(void)
{
	struct error e;

	for (int k = 0; k < 2; k++) {
		enum trace_encoding as = k ? TRACE_FRAMES : TRACE_LINES;

		CLAIM(leaves("", "", as, lines + 8));
		CLAIM(leaves("pid", "", as,
		    "sample\tt=1\tpid=7\nspan\tt=2\tdur_ns=5\tpid=8\nzebra\nsample\tt=3\tpid=9\n"));
		CLAIM(leaves("comm, pid", "", as,
		    "sample\tt=1\tpid=7\tcomm=a\nspan\tt=2\tdur_ns=5\tpid=8\nzebra\nsample\tt="
		    "3\tpid=9\tcomm=b\n"));
		CLAIM(leaves("", "t,pid,dur_ns", as,
		    "sample\tcomm=a\tchain=0x1;0x2;\nspan\tname=x\nzebra\tstripes=3\nsample\tcomm="
		    "b\tchain=0x2;\n"));
		CLAIM(leaves(
		    "pid,comm", "pid,t", as, "sample\tcomm=a\nspan\nzebra\nsample\tcomm=b\n"));
		CLAIM(leaves(
		    "nosuch", "", as, "sample\tt=1\nspan\tt=2\tdur_ns=5\nzebra\nsample\tt=3\n"));
		CLAIM(
		    leaves("nosuch", "dur_ns", as, "sample\tt=1\nspan\tt=2\nzebra\nsample\tt=3\n"));
	}
	CLAIM(fields_new(SLICE("a,,b"), SLICE(""), &e) == NULL &&
	      strstr(e.text, "not a list of fields"));
	CLAIM(fields_new(SLICE(""), SLICE("a b"), &e) == NULL);
	CLAIM(fields_new(SLICE("a,"), SLICE(""), &e) == NULL);
	unmet();
	return 0;
}
