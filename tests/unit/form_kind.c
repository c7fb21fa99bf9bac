/* What an input is, from its first bytes, however they come. */
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "form/kind.h"
#include "unit.h"

static enum kind
kind_of_text(const char *text, size_t n, size_t portion)
{
	struct kind_input in;
	enum kind kind;
	int fd[2];

	CLAIM(pipe(fd) == 0);
	if (fork() == 0) {
		for (size_t i = 0; i < n; i += portion)
			io_write(fd[1], text + i, portion < n - i ? portion : n - i);
		_exit(0);
	}
	close(fd[1]);
	CLAIM(kind_of(&in, fd[0], &kind) == 0 && in.fd == fd[0]);
	CLAIM(in.n <= n && memcmp(in.first, text, in.n) == 0);
	close(fd[0]);
	return kind;
}

int
main(void)
{
#define T(kind, text)                                                                              \
	{                                                                                          \
		kind, text, sizeof text - 1                                                        \
	}
	static const struct {
		enum kind kind;
		const char *text;
		size_t n;
	} input[] = {
		T(KIND_EMPTY, ""),
		T(KIND_TRACE, "#leat 1\nsample\tt=1\n"),
		T(KIND_TRACE, "\x28\xb5\x2f\xfd\x04\x00"),
		T(KIND_TRACE, "\x50\x2a\x4d\x18\x40\x00\x00\x00"),
		T(KIND_FOLDED, "main;work 7\n"),
		T(KIND_FOLDED, "main 7"),
		T(KIND_FOLDED, "# a comment\n\na b;c 5\n"),
		T(KIND_FOLDED, "main;work 7 9\n"),
		T(KIND_HISTOGRAM, "# hist key=x scale=log\nlo\thi\tcount\n"),
		T(KIND_HISTOGRAM, "{\"kind\":\"hist\"}"),
		T(KIND_TABLE, "# hist-summary key=x\ncount\n1\n"),
		T(KIND_NUMBERS, "5\n"),
		T(KIND_NUMBERS, "5"),
		T(KIND_NUMBERS, "# x\n -1.5e3 \r\n"),
		T(KIND_NUMBERS, "nan\n"),
		T(KIND_NUMBERS, "0xff\n"),
		T(KIND_TABLE, "a,b\n1,2\n"),
		T(KIND_TABLE, "# heat x=1\nx\ty\tn\n1\t2\t3\n"),
		T(KIND_TABLE, "1,2\n"),
		T(KIND_TABLE, "value\n1\n"),
		T(KIND_TABLE, "a 5\tb\n"),
		T(KIND_TABLE, "# only=comments\n"),
		T(KIND_UNKNOWN, "\x7f\x45LF\x01\x01\n"),
	};
	char *long_comments;
	int fd[2];

	for (size_t i = 0; i < sizeof input / sizeof *input; i++)
		for (size_t portion = 1; portion < 10; portion += 8) {
			enum kind is = kind_of_text(input[i].text, input[i].n, portion);

			if (is != input[i].kind)
				fprintf(stderr, "%zu: %s\n", i, kind_name(is));
			CLAIM(is == input[i].kind);
			CLAIM(kind_name(is)[0]);
		}
	/* it does not wait for more than it must: the writer is still there */
	CLAIM(pipe(fd) == 0);
	CLAIM(io_write(fd[1], "5\n", 2) == 0);
	{
		struct kind_input in;
		enum kind kind;

		CLAIM(kind_of(&in, fd[0], &kind) == 0 && kind == KIND_NUMBERS && in.n == 2);
	}
	/* nor for a line that never ends */
	long_comments = malloc(1 << 16);
	memset(long_comments, '#', 1 << 16);
	kind_of_text(long_comments, 1 << 16, 1000);
	memset(long_comments, 'a', 1 << 16);
	kind_of_text(long_comments, 1 << 16, 1 << 16);
	free(long_comments);
	return 0;
}
