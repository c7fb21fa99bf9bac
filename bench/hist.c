/* Inputs for bench/hist.sh, and the floor: what a loop takes that does nothing but parse ints and count them in bins.
 *
 * usage: hist numbers N	N ints, a line each, on standard output: 80 % below 100000, tails up to 10^9
 *        hist trace N		the same as dur_ns of spans, as frames without compression
 *        hist cpu INPUT COMMAND	nanoseconds of the processor that the command takes; its output is thrown away
 *        hist floor		p50 p90 p99 p99.9 p99.99 of ints below 2^64 on standard input
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/num.h"
#include "trace/writer.h"

enum { BITS = 7, BINS = (64 - BITS + 1) << BITS, BUFFER = 1 << 20 };

static uint64_t seed = 1;

/* Mostly short, as latencies are: 1 to 9 digits. */
static uint64_t
next_value(void)
{
	static const uint64_t limit[] = { 100, 10000, 100000, 100000, 100000, 100000, 100000,
		1000000, 10000000, 1000000000 };
	uint64_t r;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	r = seed >> 33;
	return r % limit[(seed >> 20 & 0xfff) % 10];
}

static void
put_numbers(uint64_t n)
{
	while (n-- > 0)
		printf("%llu\n", (unsigned long long)next_value());
}

static void
put_trace(uint64_t n)
{
	static const char *const comm[] = { "app", "kworker/0:1", "nginx", "postgres" };
	struct trace_writer *w = trace_writer_new(STDOUT_FILENO, TRACE_FRAMES, TRACE_RAW);
	struct trace_field f[] = { { SLICE("t"), TRACE_INT }, { SLICE("cpu"), TRACE_INT },
		{ SLICE("comm"), TRACE_STR }, { SLICE("dur_ns"), TRACE_INT } };
	unsigned shape = trace_writer_shape(w, SLICE("span"), f, 4);
	struct error e;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t d = next_value();
		union trace_value v[] = { { .i = (int64_t)(i * 1000) },
			{ .i = (int64_t)(seed >> 60) }, { .s = slice_of(comm[seed >> 62]) },
			{ .i = (int64_t)d } };

		trace_put(w, shape, v);
	}
	if (trace_writer_close(w, &e) < 0)
		exit(2);
}

/* ---- the floor ---- */

static uint64_t count[BINS];
static char buffer[BUFFER + 64];

static inline uint64_t
eight(uint64_t w)
{
	w = (w & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
	w = (w & 0x00ff00ff00ff00ff) * 6553601 >> 16;
	return (w & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

static inline void
add(uint64_t v)
{
	unsigned shift = 63u - (unsigned)__builtin_clzll(v | 1 << BITS) - BITS;

	count[((size_t)shift << BITS) + (v >> shift)]++;
}

static void
parse(const char *p, const char *end)
{
	while (p < end) {
		uint64_t w = load64(p), t = w ^ 0x3030303030303030, v = 0;
		uint64_t stop = ((t + 0x7676767676767676) | t) & 0x8080808080808080;

		if (stop) {
			unsigned digits = (unsigned)__builtin_ctzll(stop) / 8;

			v = digits ? eight(w << (64 - 8 * digits)) : 0;
			p += digits + 1;
		} else {
			v = eight(w);
			for (p += 8; (unsigned)(*p - '0') < 10; p++)
				v = v * 10 + (unsigned)(*p - '0');
			p++;
		}
		add(v);
	}
}

static void
floor_of_input(void)
{
	static const double q[] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };
	uint64_t all = 0, seen = 0;
	size_t n = 0;
	ssize_t got;
	unsigned k = 0;

	while ((got = io_read(STDIN_FILENO, buffer + n, BUFFER - n)) > 0) {
		char *end;

		n += (size_t)got;
		end = memrchr(buffer, '\n', n);
		if (end == NULL)
			continue;
		parse(buffer, ++end);
		n -= (size_t)(end - buffer);
		memmove(buffer, end, n);
	}
	for (unsigned i = 0; i < BINS; i++)
		all += count[i];
	for (unsigned i = 0; i < BINS && k < 5; i++)
		for (seen += count[i]; k < 5 && (double)seen >= q[k] * (double)all; k++)
			printf("%g\t%u\n", q[k], i);
}

/* ---- */

static int
cpu_of(const char *input, char **command)
{
	struct rusage u;
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (freopen(input, "r", stdin) == NULL || freopen("/dev/null", "w", stdout) == NULL)
			_exit(127);
		execvp(*command, command);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &u) < 0 || status != 0)
		return 2;
	printf("%lld\n", (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000LL +
			     (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL);
	return 0;
}

int
main(int argc, char **argv)
{
	uint64_t n = 0;

	if (argc == 3 && num_u64(slice_of(argv[2]), &n) == 0 && strcmp(argv[1], "numbers") == 0) {
		put_numbers(n);
	} else if (argc == 3 && n > 0 && strcmp(argv[1], "trace") == 0) {
		put_trace(n);
	} else if (argc > 3 && strcmp(argv[1], "cpu") == 0) {
		return cpu_of(argv[2], argv + 3);
	} else if (argc == 2 && strcmp(argv[1], "floor") == 0) {
		floor_of_input();
	} else {
		fprintf(stderr, "usage: hist numbers N | trace N | cpu INPUT COMMAND | floor\n");
		return 2;
	}
	return 0;
}
