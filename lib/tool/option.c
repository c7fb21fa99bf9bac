#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "tool/state.h"

/* Options of every tool that have no letter; a tool's own ids are below. */
enum { OPTION_VERSION = 0x10000, OPTION_STRICT };

struct tool_state tool_state = { .level = -1 };

static const struct tool_option common_output[] = {
	{ 'o', "output", "FILE", "write to FILE instead of standard output" },
	{ 0 },
};

static const struct tool_option common_trace[] = {
	{ 't', "text", NULL, "write lines" },
	{ 'f', "frames", NULL, "write frames" },
	{ 'z', "level", "LEVEL",
	    "compress frames at LEVEL of zstd; 0 for none (files 3, pipes 0)" },
	{ 0 },
};

static const struct tool_option common_all[] = {
	{ 'q', "quiet", NULL, "no progress" },
	{ OPTION_STRICT, "strict", NULL, "any loss is an error" },
	{ 'h', "help", NULL, "print this help" },
	{ OPTION_VERSION, "version", NULL, "print the version" },
	{ 0 },
};

/* The tables that make up the options of this tool, NULL-ended. */
static void
tables(const struct tool_option *table[5])
{
	const struct tool_spec *spec = tool_state.spec;
	unsigned n = 0;

	if (spec->option)
		table[n++] = spec->option;
	if (spec->kind & (TOOL_TRACE_OUT | TOOL_TABLE_OUT))
		table[n++] = common_output;
	if (spec->kind & TOOL_TRACE_OUT)
		table[n++] = common_trace;
	table[n++] = common_all;
	table[n] = NULL;
}

static bool
is_optional(const struct tool_option *o)
{
	return o->arg && o->arg[0] == '[';
}

/* "  -e, --event=EVENT" with `width` for all of it; returns the length without padding. */
static int
print_option(const struct tool_option *o, int width, FILE *out)
{
	char left[256];
	int n = 0;
	bool letter = o->id > 0 && o->id < 256;

	if (letter)
		n += snprintf(left + n, sizeof left - (size_t)n, "-%c", o->id);
	else
		n += snprintf(left + n, sizeof left - (size_t)n, "  ");
	if (o->name)
		n += snprintf(
		    left + n, sizeof left - (size_t)n, "%s--%s", letter ? ", " : "  ", o->name);
	if (is_optional(o) && o->name)
		n += snprintf(left + n, sizeof left - (size_t)n, "[=%s", o->arg + 1);
	else if (o->arg)
		n += snprintf(
		    left + n, sizeof left - (size_t)n, "%s%s", o->name ? "=" : " ", o->arg);
	if (out)
		fprintf(out, "  %-*s  %s\n", width, left, o->help ? o->help : "");
	return n;
}

static _Noreturn void
print_help(void)
{
	const struct tool_spec *spec = tool_state.spec;
	const struct tool_option *table[5];
	int width = 0;

	tables(table);
	for (unsigned i = 0; table[i]; i++)
		for (const struct tool_option *o = table[i]; o->id; o++) {
			int n = print_option(o, 0, NULL);

			if (n > width && n <= 30)
				width = n;
		}
	printf("usage: leat %s [OPTION...]%s%s\n%s\n\n", spec->name,
	    spec->operands && *spec->operands ? " " : "", spec->operands ? spec->operands : "",
	    spec->summary);
	for (unsigned i = 0; table[i]; i++)
		for (const struct tool_option *o = table[i]; o->id; o++)
			print_option(o, width, stdout);
	printf("\nManual: leat help %s\n", spec->name);
	if (ferror(stdout) | fclose(stdout))
		tool_die("standard output: %s", strerror(errno));
	exit(0);
}

/* The first Ctrl-C is the source's: it ends its trace, and we read to its end. SA_RESETHAND lets the second one kill. */
static void
first_interrupt(int signal)
{
	(void)signal;
}

static void
set_signals(void)
{
	struct sigaction act = { .sa_handler = first_interrupt,
		.sa_flags = SA_RESTART | SA_RESETHAND },
			 old;

	signal(SIGPIPE, SIG_DFL);
	if ((tool_state.spec->kind & TOOL_WRAPPER) == 0 && sigaction(SIGINT, NULL, &old) == 0 &&
	    old.sa_handler != SIG_IGN)
		sigaction(SIGINT, &act, NULL);
}

/* A file that we open must not become standard input, output or error because that one is closed. Opened the wrong way
 * round, so that its use is still an error. */
static void
occupy_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			_exit(2);
}

void
tool_begin(const struct tool_spec *spec, int argc, char **argv)
{
	occupy_standard_fds();
	tool_state = (struct tool_state){ .spec = spec, .argc = argc, .argv = argv, .level = -1 };
	set_signals();
	opterr = 0;
}

/* The tables as getopt_long() wants them; made once. */
static struct option *long_options;
static char *short_options;

static void
prepare_options(void)
{
	const struct tool_option *table[5];
	size_t n = 0, letters = 0;

	tables(table);
	for (unsigned i = 0; table[i]; i++)
		for (const struct tool_option *o = table[i]; o->id; o++)
			n++;
	long_options = xcalloc(n + 1, sizeof *long_options);
	short_options = xmalloc(3 * n + 3);
	short_options[letters++] = (tool_state.spec->kind & TOOL_WRAPPER) ? '+' : ':';
	if (short_options[0] == '+')
		short_options[letters++] = ':';
	n = 0;
	for (unsigned i = 0; table[i]; i++)
		for (const struct tool_option *o = table[i]; o->id; o++) {
			int arg = is_optional(o) ? optional_argument
				  : o->arg       ? required_argument
						 : no_argument;

			if (o->name)
				long_options[n++] = (struct option){ o->name, arg, NULL, o->id };
			if (o->id < 256) {
				short_options[letters++] = (char)o->id;
				for (int colons = 0; colons < arg; colons++)
					short_options[letters++] = ':';
			}
		}
	short_options[letters] = '\0';
}

/* The name of the option at fault: getopt_long() gives its letter, or 0 or its id where it was written long. */
static _Noreturn void
option_error(const char *what, bool by_letter)
{
	if (by_letter)
		tool_usage_error("-%c: %s", optopt, what);
	tool_usage_error("%s: %s", tool_state.argv[optind - 1], what);
}

int
tool_option_next(const char **arg)
{
	if (long_options == NULL)
		prepare_options();
	for (;;) {
		int c = getopt_long(
		    tool_state.argc, tool_state.argv, short_options, long_options, NULL);
		const char *last =
		    optind > 0 && optind <= tool_state.argc ? tool_state.argv[optind - 1] : "";
		bool is_long = last[0] == '-' && last[1] == '-';

		switch (c) {
		case -1:
			tool_state.operands = tool_state.argv + optind;
			return 0;
		case '?':
			if (optopt > 0 && is_long)
				option_error("takes no argument", false);
			option_error(is_long ? "no such option, or the beginning of several"
					     : "no such option",
			    !is_long && optopt > 0);
		case ':':
			option_error("needs an argument", !is_long && optopt > 0 && optopt < 256);
		case 'h':
			print_help();
		case OPTION_VERSION:
			printf("leat %s %s\n", tool_state.spec->name, LEAT_VERSION);
			if (ferror(stdout) | fclose(stdout))
				tool_die("standard output: %s", strerror(errno));
			exit(0);
		case OPTION_STRICT:
			tool_state.strict = true;
			continue;
		case 'q':
			tool_state.quiet = true;
			continue;
		}
		if (c == 'o' && (tool_state.spec->kind & (TOOL_TRACE_OUT | TOOL_TABLE_OUT))) {
			tool_state.output = optarg;
		} else if (tool_state.spec->kind & TOOL_TRACE_OUT && (c == 't' || c == 'f')) {
			tool_state.text = c == 't';
			tool_state.frames = c == 'f';
		} else if (tool_state.spec->kind & TOOL_TRACE_OUT && c == 'z') {
			tool_state.level = (int)tool_number("-z", optarg, 0, 22);
		} else {
			if (arg)
				*arg = optarg;
			return c;
		}
	}
}

char **
tool_operands(void)
{
	while (tool_state.operands == NULL)
		if (tool_option_next(NULL) != 0)
			tool_die("an option was not handled");
	return tool_state.operands;
}

const char *
tool_operand(const char *what)
{
	if (*tool_operands() == NULL)
		tool_usage_error("%s is missing", what);
	return *tool_state.operands++;
}

uint64_t
tool_number(const char *option, const char *arg, uint64_t min, uint64_t max)
{
	uint64_t n;

	if (num_u64(slice_of(arg), &n) != 0)
		tool_usage_error("%s: '%s' is not a number", option, arg);
	if (n < min || n > max)
		tool_usage_error("%s: %s is not in %llu..%llu", option, arg,
		    (unsigned long long)min, (unsigned long long)max);
	return n;
}

uint64_t
tool_duration(const char *option, const char *arg)
{
	uint64_t ns;

	if (num_duration(slice_of(arg), &ns) != 0)
		tool_usage_error("%s: '%s' is not a duration such as 250ms or 1.5s", option, arg);
	return ns;
}

double
tool_percent(const char *option, const char *arg)
{
	struct slice s = slice_of(arg);
	double v;

	if (s.n > 0 && s.p[s.n - 1] == '%')
		s.n--;
	if (num_f64(s, &v) < 0 || !(v > 0 && v < 100))
		tool_usage_error("%s: '%s' is no percentage between 0 and 100", option, arg);
	return v / 100;
}

uint64_t
tool_size(const char *option, const char *arg)
{
	uint64_t bytes;

	if (num_size(slice_of(arg), &bytes) != 0)
		tool_usage_error("%s: '%s' is not a size such as 4096 or 64Ki", option, arg);
	return bytes;
}

bool
tool_is_quiet(void)
{
	return tool_state.quiet;
}

bool
tool_is_strict(void)
{
	return tool_state.strict;
}
