#include <errno.h>

#include "base/io.h"
#include "base/num.h"
#include "form/kind.h"

static bool
has(struct slice s, char c)
{
	return memchr(s.p, c, s.n) != NULL;
}

static enum kind
kind_of_line(struct slice line)
{
	const char *blank;
	struct slice last;
	double number;
	uint64_t n;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (num_f64(slice_trim(line), &number) == 0 || num_any(slice_trim(line), &n) == 0)
		return KIND_NUMBERS;
	blank = memrchr(line.p, ' ', line.n);
	if (blank && !has(line, '\t')) {
		last = (struct slice){ blank + 1, (size_t)(line.p + line.n - blank - 1) };
		if (num_u64(last, &n) == 0 && blank > line.p && blank[-1] != ',')
			return KIND_FOLDED;
	}
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
			return KIND_UNKNOWN;
	return KIND_TABLE;
}

/* KIND_EMPTY where more bytes are needed. */
static enum kind
look(struct slice s, bool ended)
{
	struct slice start = s;

	if (s.n >= 4 && (memcmp(s.p, "\x28\xb5\x2f\xfd", 4) == 0 ||
			    (memcmp(s.p + 1, "\x2a\x4d\x18", 3) == 0 && (s.p[0] & 0xf0) == 0x50)))
		return KIND_TRACE;
	if (slice_starts(s, SLICE("#leat ")))
		return KIND_TRACE;
	if (slice_starts(s, SLICE("# hist ")) || slice_starts(s, SLICE("{")))
		return KIND_HISTOGRAM;
	while (s.n > 0) {
		bool whole = has(s, '\n');
		struct slice line = slice_cut(&s, '\n');

		if (!whole && !ended)
			break;
		if (slice_trim(line).n > 0 && line.p[0] != '#')
			return kind_of_line(line);
	}
	return ended && start.n > 0 ? KIND_TABLE : KIND_EMPTY;
}

int
kind_of(struct kind_input *in, int fd, enum kind *kind)
{
	in->fd = fd;
	in->n = 0;
	*kind = KIND_EMPTY;
	while (*kind == KIND_EMPTY) {
		ssize_t got = in->n < sizeof in->first
				  ? io_read(fd, in->first + in->n, sizeof in->first - in->n)
				  : 0;

		if (got < 0)
			return -1;
		in->n += (size_t)got;
		*kind = look((struct slice){ in->first, in->n }, got == 0);
		if (got == 0)
			break;
	}
	return 0;
}

const char *
kind_name(enum kind kind)
{
	static const char *const names[] = { "empty", "a trace", "folded stacks", "a histogram",
		"numbers", "a table", "nothing that is known" };

	return names[kind];
}
