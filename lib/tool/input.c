#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "tool/state.h"

static void
standard_input(void (*fn)(int fd, const char *path, void *context), void *context)
{
	io_enlarge_pipe(STDIN_FILENO);
	fn(STDIN_FILENO, "standard input", context);
}

void
tool_inputs(void (*fn)(int fd, const char *path, void *context), void *context)
{
	char **operands = tool_operands();

	if (*operands == NULL)
		standard_input(fn, context);
	for (; *operands; operands++) {
		int fd;

		if (strcmp(*operands, "-") == 0) {
			standard_input(fn, context);
			continue;
		}
		fd = open(*operands, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			tool_warn("%s: %s", *operands, strerror(errno));
			tool_status(2);
			continue;
		}
		io_enlarge_pipe(fd);
		fn(fd, *operands, context);
		close(fd);
	}
}

void
tool_blocks(int fd, const char *path, const void *first, size_t n,
    void (*block)(struct trace_reader *r, const char *path, struct trace_block *b))
{
	static uint64_t records; /* of all inputs */
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_block *b;
	int got;

	if (n > 0)
		trace_reader_unread(r, first, n);
	while ((got = trace_read(r, &b)) > 0) {
		block(r, path, b);
		records += b->records;
		tool_progress(fd, records, trace_reader_offset(r));
	}
	tool_reader_done(path, r, got);
}
