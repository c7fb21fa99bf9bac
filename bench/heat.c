/* heat - points for leat heat, and how fast their columns can be read
 *
 *	heat make RECORDS [LEVEL]	a trace of accesses to memory to standard output: frames (raw unless LEVEL says)
 *	heat read			reads the columns t and addr of the trace on standard input, and does nothing with them
 *	heat count			counts them by their upper bits in one fixed array: what any heat must do
 *	heat run COMMAND...		runs it, and prints its CPU seconds and its largest resident size in MB on standard error
 *
 * Accesses are to a heap that is walked and jumped in, a stack, and two mapped files. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "trace/reader.h"
#include "trace/writer.h"

static uint64_t seed = 1;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d >> 8;
}

static int
make(uint64_t records, int level)
{
	static const struct trace_field field[] = { { { "t", 1 }, TRACE_INT },
		{ { "cpu", 3 }, TRACE_INT }, { { "addr", 4 }, TRACE_ADDR },
		{ { "size", 4 }, TRACE_INT } };
	static const uint64_t base[] = { 0x555555559000, 0x555555559000, 0x7ffffffde000,
		0x7ffff7d80000, 0x7fffc0000000 };
	static const uint64_t size[] = { 64 << 20, 64 << 20, 128 << 10, 1700 << 10, 700 << 20 };
	struct trace_writer *w = trace_writer_new(STDOUT_FILENO, TRACE_FRAMES, level);
	unsigned shape = trace_writer_shape(w, SLICE("sample"), field, 4), region = 0;
	union trace_value v[4] = { [0] = { .i = (int64_t)1 << 50 } };
	uint64_t walk[5] = { 0 };

	for (uint64_t i = 0; i < records; i++) {
		uint64_t r = rnd();

		if (r % 16 == 0)
			region = (unsigned)(r >> 8) % 5;
		walk[region] += r % 64 == 1 ? r >> 12 : (r >> 40) % 256;
		v[0].i += (int64_t)(r >> 20) % 1000;
		v[1].i = (int64_t)(r >> 30) % 8;
		v[2].u = base[region] + walk[region] % size[region];
		v[3].i = (int64_t)8 << (r >> 33) % 8;
		if (trace_put(w, shape, v) < 0)
			return 2;
	}
	return trace_writer_close(w, NULL) < 0 ? 2 : 0;
}

static int
read_columns(bool count)
{
	struct trace_reader *r = trace_reader_new(STDIN_FILENO);
	struct trace_block *b;
	uint64_t *cell = xcalloc(1 << 16, sizeof *cell), sum = 0, records = 0;

	while (trace_read(r, &b) > 0)
		for (unsigned s = 0; s < b->shapes; s++) {
			int t = trace_field_of(b->shape[s], SLICE("t"), TRACE_INT);
			int a = trace_field_of(b->shape[s], SLICE("addr"), TRACE_ADDR);
			const uint64_t *x, *y;

			if (t < 0 || a < 0)
				continue;
			x = trace_column(b, s, (unsigned)t);
			y = trace_column(b, s, (unsigned)a);
			records += b->rows[s];
			for (uint32_t i = 0; count && i < b->rows[s]; i++)
				cell[(y[i] >> 40 & 255) << 8 | (x[i] >> 31 & 255)]++;
			for (uint32_t i = 0; !count && i < b->rows[s]; i++)
				sum += x[i] ^ y[i];
		}
	for (unsigned i = 0; i < 1 << 16; i++)
		sum += cell[i];
	printf("%llu records, %llu\n", (unsigned long long)records, (unsigned long long)sum);
	trace_reader_free(r);
	return 0;
}

static int
run(char **argv)
{
	struct rusage u;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(*argv, argv);
		perror(*argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) < 0)
		return 2;
	fprintf(stderr, "%.3f %.1f\n",
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
	    (double)u.ru_maxrss / 1024);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

int
main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "make") == 0)
		return make(strtoull(argv[2], NULL, 10), argc > 3 ? atoi(argv[3]) : TRACE_RAW);
	if (argc > 1 && strcmp(argv[1], "read") == 0)
		return read_columns(false);
	if (argc > 1 && strcmp(argv[1], "count") == 0)
		return read_columns(true);
	if (argc > 2 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	fprintf(stderr, "usage: heat make RECORDS [LEVEL] | read | count | run COMMAND...\n");
	return 2;
}
