/* trace - how fast records are written to frames and read from them
 *
 *	trace FILE [RECORDS]
 *
 * FILE is a trace with samples that have a chain (of a real recording). Its samples are kept in memory and written
 * again and again, raw and at level 3, until there are RECORDS (20 million) of them; then two columns (t and cpu), and t
 * and chain, are read from what was written. Beside them: memcpy of the same bytes, and zstd's own speed on them.
 * Output: a line a measurement, `name TAB value TAB unit`. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "trace/block_parts.h"
#include "trace/reader.h"
#include "trace/writer.h"

struct sample {
	int64_t t, cpu, pid, tid, weight;
	uint32_t chain, n;
};

static struct sample *sample;
static uint64_t *address;
static size_t samples, sample_cap, addresses, address_cap;

/* CPU seconds of this process: the machine may be busy with other things. */
static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t
int_of(const struct trace_record *r, struct slice name)
{
	int f = trace_field_of(r->shape, name, TRACE_INT);

	return f < 0 ? 0 : r->value[f].i;
}

static void
load(const char *path)
{
	int fd = open(path, O_RDONLY), f;
	struct trace_reader *r;
	struct trace_record record;

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	r = trace_reader_new(fd);
	while (trace_next(r, &record) > 0) {
		if ((f = trace_field_of(record.shape, SLICE("chain"), TRACE_ADDRS)) < 0)
			continue;
		GROW(sample, sample_cap, samples);
		sample[samples++] = (struct sample){ int_of(&record, SLICE("t")),
			int_of(&record, SLICE("cpu")), int_of(&record, SLICE("pid")),
			int_of(&record, SLICE("tid")), int_of(&record, SLICE("weight")),
			(uint32_t)addresses, record.value[f].list.n };
		GROW(address, address_cap, addresses + record.value[f].list.n);
		memcpy(address + addresses, record.value[f].list.u,
		    record.value[f].list.n * sizeof *address);
		addresses += record.value[f].list.n;
	}
	trace_reader_free(r);
	close(fd);
	if (samples == 0) {
		fprintf(stderr, "%s: no samples with a chain\n", path);
		exit(2);
	}
}

static void
write_samples(int fd, int level, size_t records)
{
	static const struct trace_field field[] = { { { "t", 1 }, TRACE_INT },
		{ { "cpu", 3 }, TRACE_INT }, { { "pid", 3 }, TRACE_INT },
		{ { "tid", 3 }, TRACE_INT }, { { "event", 5 }, TRACE_STR },
		{ { "weight", 6 }, TRACE_INT }, { { "chain", 5 }, TRACE_ADDRS } };
	struct trace_writer *w = trace_writer_new(fd, TRACE_FRAMES, level);
	unsigned shape = trace_writer_shape(w, SLICE("sample"), field, 7);
	union trace_value v[7] = { [4] = { .s = SLICE("cpu-clock") } };
	int64_t shift = 0;

	for (size_t i = 0, k = 0; i < records; i++) {
		const struct sample *s = &sample[k];

		v[0].i = s->t + shift;
		v[1].i = s->cpu;
		v[2].i = s->pid;
		v[3].i = s->tid;
		v[5].i = s->weight;
		v[6].list.u = address + s->chain;
		v[6].list.n = s->n;
		trace_put(w, shape, v);
		if (++k == samples) {
			shift += sample[samples - 1].t - sample[0].t + 1;
			k = 0;
		}
	}
	trace_writer_close(w, NULL);
}

/* Reads column t and another; the sum keeps the compiler honest. */
static uint64_t
read_samples(int fd, struct slice second, enum trace_kind kind, bool items)
{
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_block *b;
	uint64_t sum = 0;

	while (trace_read(r, &b) > 0)
		for (unsigned s = 0; s < b->shapes; s++) {
			int t = trace_field_of(b->shape[s], SLICE("t"), TRACE_INT);
			int f = trace_field_of(b->shape[s], second, kind);
			const uint64_t *tv, *fv;

			if (t < 0 || f < 0)
				continue;
			tv = trace_column(b, s, (unsigned)t);
			fv = trace_column(b, s, (unsigned)f);
			for (uint32_t i = 0; i < b->rows[s]; i++)
				sum += tv[i] ^ fv[i];
			for (uint32_t id = 0; items && id < b->lists[TRACE_ADDRS]; id++)
				sum += trace_block_list(b, TRACE_ADDRS, id).n;
		}
	trace_reader_free(r);
	return sum;
}

static void
say(const char *name, double value, const char *unit)
{
	printf("%s\t%.2f\t%s\n", name, value, unit);
	fflush(stdout);
}

/* Of a hundred samples of a block, how many have a chain that no other before them has. */
static double
distinct_share(void)
{
	int fd = memfd_create("trace", 0);
	struct trace_reader *r;
	struct trace_block *b;
	double lists = 0, records = 0;

	write_samples(fd, TRACE_RAW, samples);
	lseek(fd, 0, SEEK_SET);
	r = trace_reader_new(fd);
	while (trace_read(r, &b) > 0) {
		lists += b->lists[TRACE_ADDRS];
		records += b->records;
	}
	trace_reader_free(r);
	close(fd);
	return 100 * lists / records;
}

static void
measure(const char *how, int level, size_t records)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char name[64];
	double from = now(), took;
	off_t bytes;
	void *copy, *mapped;

	write_samples(fd, level, records);
	took = now() - from;
	snprintf(name, sizeof name, "%s: written to nowhere", how);
	say(name, (double)records / took / 1e6, "million records/s");
	close(fd);
	fd = memfd_create("trace", 0);
	from = now();
	write_samples(fd, level, records);
	took = now() - from;
	bytes = lseek(fd, 0, SEEK_END);
	snprintf(name, sizeof name, "%s: written", how);
	say(name, (double)records / took / 1e6, "million records/s");
	snprintf(name, sizeof name, "%s: size", how);
	say(name, (double)bytes / (double)records, "bytes/record");
	for (int items = 0; items < 3; items++) {
		uint64_t sum;

		lseek(fd, 0, SEEK_SET);
		from = now();
		sum = read_samples(fd, items ? SLICE("chain") : SLICE("cpu"),
		    items ? TRACE_ADDRS : TRACE_INT, items == 2);
		took = now() - from;
		snprintf(name, sizeof name, "%s: read t and %s%s", how, items ? "chain" : "cpu",
		    items == 2 ? " with addresses" : "");
		say(name, (double)records / took / 1e6, sum ? "million records/s" : "(no sum)");
	}
	mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	copy = malloc((size_t)bytes * 2 + 1024);
	memset(copy, 1, (size_t)bytes);
	from = now();
	memcpy(copy, mapped, (size_t)bytes);
	took = now() - from;
	snprintf(name, sizeof name, "%s: memcpy of these bytes", how);
	say(name, (double)records / took / 1e6, "million records/s");
	if (level == TRACE_RAW) {
		size_t n = 0, step = (size_t)((double)bytes / (double)records * BLOCK_RECORDS);

		from = now();
		for (size_t at = 0; at < (size_t)bytes; at += step) {
			size_t piece = (size_t)bytes - at < step ? (size_t)bytes - at : step;

			n += ZSTD_compress(
			    copy, (size_t)bytes * 2 + 1024, (char *)mapped + at, piece, 3);
		}
		took = now() - from;
		say("zstd level 3 alone, of the raw bytes, a block at a time",
		    (double)records / took / 1e6, "million records/s");
		say("zstd level 3 alone: size", (double)n / (double)records, "bytes/record");
	}
	munmap(mapped, (size_t)bytes);
	free(copy);
	close(fd);
}

int
main(int argc, char **argv)
{
	uint64_t records = 20000000;

	if (argc < 2 || (argc > 2 && num_u64(slice_of(argv[2]), &records) < 0)) {
		fputs("usage: trace FILE [RECORDS]\n", stderr);
		return 2;
	}
	load(argv[1]);
	printf("# %zu samples with %.1f addresses; %.0f %% of the chains of a block are distinct\n",
	    samples, (double)addresses / (double)samples, distinct_share());
	measure("raw", TRACE_RAW, records);
	measure("level 3", TRACE_LEVEL_DEFAULT, records);
	return 0;
}
