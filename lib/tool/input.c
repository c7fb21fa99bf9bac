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
