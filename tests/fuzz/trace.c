#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "trace/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);

	if (fd < 0 || io_write(fd, data, size) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		__builtin_trap();
	return fd;
}

/* Any bytes are read to their end, by record and by block, and both see as many records; what is read can be written
 * both ways. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = file_of(data, size), null = memfd_create("out", 0);
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_writer *lines = trace_writer_new(null, TRACE_LINES, 0);
	struct trace_writer *frames = trace_writer_new(null, TRACE_FRAMES, TRACE_RAW);
	uint64_t records = 0, rows = 0;
	struct trace_record record;
	struct trace_block *block;
	struct error e;

	while (trace_next(r, &record) > 0) {
		records++;
		if (trace_put_record(lines, &record) != 0 || trace_put_record(frames, &record) != 0)
			__builtin_trap();
	}
	trace_reader_damage(r);
	trace_reader_free(r);
	lseek(fd, 0, SEEK_SET);
	r = trace_reader_new(fd);
	while (trace_read(r, &block) > 0) {
		for (unsigned s = 0; s < block->shapes; s++)
			for (unsigned f = 0; f < block->shape[s]->fields; f++)
				trace_column(block, s, f);
		rows += block->records;
		if (trace_put_block(frames, block) != 0)
			__builtin_trap();
	}
	if (rows != records)
		__builtin_trap();
	trace_reader_free(r);
	if (trace_writer_close(lines, &e) != 0 || trace_writer_close(frames, &e) != 0)
		__builtin_trap();
	close(fd);
	close(null);
	return 0;
}
