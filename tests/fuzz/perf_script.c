#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "form/perf_script.h"
#include "form/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);

	if (fd < 0 || io_write(fd, data, size) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		__builtin_trap();
	return fd;
}

/* Any text is read to its end; tables that are thrown away all the time give the same samples. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perf_script_options memory[] = { { .memory = 1 << 20 }, { .memory = 32 << 10 } };
	uint64_t samples = 0;

	perf_script_is((struct slice){ (const char *)data, size });
	sniff((struct slice){ (const char *)data, size });
	for (int round = 0; round < 2; round++) {
		int fd = file_of(data, size), null = memfd_create("out", 0);
		struct trace_writer *w = trace_writer_new(null, TRACE_FRAMES, TRACE_RAW);
		struct perf_script_stats stats;
		struct error e;

		if (perf_script_import(fd, w, &memory[round], &stats, &e) != 0 ||
		    stats.bytes != size || trace_writer_close(w, &e) != 0)
			__builtin_trap();
		if (round && stats.samples != samples)
			__builtin_trap();
		samples = stats.samples;
		close(fd);
		close(null);
	}
	return 0;
}
