#include "experiment/run_values.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "trace/reader.h"

enum { PORTION = 8192, MOST = 16 << 20 };

/* The field settings= of the record `run`, in lines: TAB and LF stand nowhere within a value. 1; 0 where there is none; -1
 * where more must be read. */
static int
find_settings(struct slice text, bool whole, struct buf *settings)
{
	while (text.n > 0) {
		bool ended = memchr(text.p, '\n', text.n) != NULL;
		struct slice line = slice_cut(&text, '\n');

		if (!ended && !whole)
			return -1;
		if (!slice_eq(slice_cut(&line, '\t'), SLICE("run")))
			continue;
		while (line.n > 0) {
			struct slice field = slice_cut(&line, '\t');

			if (!slice_starts(field, SLICE("settings=")))
				continue;
			field = (struct slice){ field.p + 9, field.n - 9 };
			/* Digits alone have quotes, as they would be a number. */
			if (field.n >= 2 && field.p[0] == '"')
				field = (struct slice){ field.p + 1, field.n - 2 };
			settings->n = 0;
			buf_slice(settings, field);
			return 1;
		}
		return 0;
	}
	return whole ? 0 : -1;
}

int
run_settings(const char *path, struct buf *settings, struct error *e)
{
	struct buf text = BUF_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC), found = -1;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : error_set(e, "%s: %s", path, strerror(errno));
	while (found < 0) {
		size_t more = text.n > PORTION ? text.n : PORTION;
		ssize_t got = io_read_full(fd, buf_room(&text, more), more);

		if (got < 0) {
			error_set(e, "%s: %s", path, strerror(errno));
			break;
		}
		text.n += (size_t)got;
		found =
		    find_settings(buf_view(&text), (size_t)got < more || text.n > MOST, settings);
	}
	close(fd);
	buf_free(&text);
	return found;
}

/* The number of the field, nan where it is none. */
static double
number(const struct trace_record *r, int field)
{
	switch (field < 0 ? TRACE_KINDS : r->shape->field[field].kind) {
	case TRACE_INT:
		return (double)r->value[field].i;
	case TRACE_BIG:
		return (double)r->value[field].u;
	case TRACE_NUM:
		return r->value[field].d;
	default:
		return NAN;
	}
}

int
run_numbers(
    const char *path, const struct slice *name, unsigned names, double *value, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), got, found = 0;
	struct trace_reader *reader;
	struct trace_record r;

	for (unsigned i = 0; i < names; i++)
		value[i] = NAN;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : error_set(e, "%s: %s", path, strerror(errno));
	reader = trace_reader_new(fd);
	while ((got = trace_next(reader, &r)) > 0) {
		int at;

		if (!slice_eq(r.shape->type, SLICE("stat")))
			continue;
		at = trace_field_of(r.shape, SLICE("name"), TRACE_STR);
		for (unsigned i = 0; at >= 0 && i < names; i++)
			if (isnan(value[i]) && slice_eq(r.value[at].s, name[i])) {
				value[i] = number(&r, trace_field_index(r.shape, SLICE("value")));
				found += !isnan(value[i]);
			}
	}
	if (got < 0)
		found = error_set(e, "%s: %s", path, trace_reader_error(reader));
	trace_reader_free(reader);
	close(fd);
	return found;
}
