/* symbols - how fast addresses of an object get their names
 *
 *	symbols FILE [ADDRESSES]
 *
 * ADDRESSES (20,000) addresses, spread evenly over .text, are named: by symbols, and with inlined functions from DWARF;
 * both for the first time (files opened, tables made) and again (what was answered is kept), and again by symbols
 * without what is kept. With `-` for ADDRESSES, the addresses are printed instead, for a peer to name.
 * Output: a line a measurement, `name TAB value TAB unit`. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/alloc.h"
#include "base/num.h"
#include "code/names.h"

enum { ADDRESSES = 20000, ROUNDS = 50 };

/* CPU seconds of this process: the machine may be busy with other things. */
static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
line(const char *name, double value, const char *unit)
{
	printf("%s\t%.6g\t%s\n", name, value, unit);
}

int
main(int argc, char **argv)
{
	uint64_t n = ADDRESSES, text = 0, frames = 0, sum = 0;
	struct error e;
	struct object *o;
	struct slice code;
	struct rusage use;
	double begin;

	if (argc < 2 || argc > 3 ||
	    (argc == 3 && strcmp(argv[2], "-") != 0 &&
		(num_u64(slice_of(argv[2]), &n) < 0 || n == 0))) {
		fprintf(stderr, "usage: symbols FILE [ADDRESSES | -]\n");
		return 2;
	}
	o = object_open(argv[1], NULL, 0, (struct slice){ 0 }, &e);
	if (o == NULL) {
		fprintf(stderr, "symbols: %s\n", e.text);
		return 2;
	}
	code = object_named(o, ".text", &text);
	if (code.n == 0) {
		fprintf(stderr, "symbols: %s: no .text\n", argv[1]);
		return 2;
	}
#define ADDRESS(i) (text + (i)*code.n / n)
	if (argc == 3 && strcmp(argv[2], "-") == 0) {
		for (uint64_t i = 0; i < n; i++)
			printf("0x%lx\n", (unsigned long)ADDRESS(i));
		return fflush(stdout) == 0 ? 0 : 2;
	}
	line("addresses", (double)n, "addresses");
	for (int inlines = 0; inlines < 2; inlines++) {
		struct names *names = names_open(o, NULL);
		const struct names_frame *frame;

		begin = now();
		for (uint64_t i = 0; i < n; i++)
			frames += names_find(names, ADDRESS(i), inlines, &frame);
		line(inlines ? "inlines_first" : "symbols_first", now() - begin, "s");
		begin = now();
		for (int round = 0; round < ROUNDS; round++)
			for (uint64_t i = 0; i < n; i++)
				sum += names_find(names, ADDRESS(i), inlines, &frame);
		line(inlines ? "inlines_again" : "symbols_again",
		    (now() - begin) / (double)n / ROUNDS * 1e9, "ns/address");
		if (inlines) {
			line("inlines_frames", (double)frames / (double)n, "frames/address");
		} else {
			begin = now();
			for (int round = 0; round < ROUNDS; round++)
				for (uint64_t i = 0; i < n; i++)
					sum += names_symbol(names, ADDRESS(i)) != NULL;
			line("symbols_search", (now() - begin) / (double)n / ROUNDS * 1e9,
			    "ns/address");
		}
		frames = 0;
		names_close(names);
	}
	getrusage(RUSAGE_SELF, &use);
	line("memory", (double)use.ru_maxrss / 1024, "MiB");
	object_close(o);
	return sum == 0 ? 2 : 0;
}
