#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool/state.h"

static void
say(const char *format, va_list args)
{
	tool_progress_clear();
	fprintf(stderr, "leat %s: ", tool_state.spec->name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

static int
failure(void)
{
	return tool_state.spec->kind & TOOL_WRAPPER ? 125 : 2;
}

void
tool_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void
tool_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	tool_output_remove();
	exit(failure());
}

void
tool_usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, "leat %s: `leat %s --help` lists the options\n", tool_state.spec->name,
	    tool_state.spec->name);
	tool_output_remove();
	exit(failure());
}

void
tool_status(int status)
{
	if (status > tool_state.status)
		tool_state.status = status;
}

const char *
tool_where(const char *path, const struct trace_reader *r)
{
	static char where[4096 + sizeof((struct error *)0)->text];
	struct error place;

	trace_reader_place(r, &place);
	snprintf(where, sizeof where, "%s%s%s", path, place.text[0] == '@' ? "" : ":", place.text);
	return where;
}

void
tool_reader_done(const char *path, struct trace_reader *r, int got)
{
	const struct trace_damage *d = trace_reader_damage(r);
	const char *text = d->first.text, *colon = ":";

	if (got < 0) {
		tool_warn("%s: %s", path, trace_reader_error(r));
		tool_status(2);
	}
	if (d->places > 0) {
		/* "7: what" is path:7: what, and "@4096: what" is path@4096: what. */
		if (text[0] == '@')
			colon = "";
		else if (text[0] < '0' || text[0] > '9')
			colon = ": ";
		tool_warn("%s%s%s (%llu damaged place%s, %llu bytes lost)", path, colon, text,
		    (unsigned long long)d->places, d->places == 1 ? "" : "s",
		    (unsigned long long)d->bytes);
		tool_status(2);
	}
	if (d->truncated) {
		tool_warn("%s: cut off: the end of the trace is missing", path);
		tool_status(2);
	}
	if (tool_state.strict && d->lost > 0) {
		tool_warn(
		    "%s: %llu lost, and --strict was given", path, (unsigned long long)d->lost);
		tool_status(2);
	}
	trace_reader_free(r);
}
