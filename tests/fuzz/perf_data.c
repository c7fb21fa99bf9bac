/* perf.data of either form, any bytes. The first byte says whether they come from a file or through a pipe. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "form/perf_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perf_data_options options = { .memory = 64 << 10 };
	struct perf_data_stats stats;
	struct trace_writer *w;
	struct error e;
	int in, out;

	if (size < 1)
		return 0;
	in = memfd_create("in", 0);
	out = memfd_create("out", 0);
	if (in < 0 || out < 0)
		return 0;
	if (*data & 1) {
		io_write(in, data + 1, size - 1);
		lseek(in, 0, SEEK_SET);
	} else {
		options.head = (struct slice){ (const char *)data + 1, size - 1 };
	}
	w = trace_writer_new(out, *data & 2 ? TRACE_LINES : TRACE_FRAMES, TRACE_RAW);
	perf_data_import(in, w, &options, &stats, &e);
	trace_writer_close(w, &e);
	close(in);
	close(out);
	return 0;
}
