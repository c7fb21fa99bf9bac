/* flamegraph - folded stacks to an SVG, by flamegraph.pl */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"
#include "tool/tool.h"

enum { TITLE = 256, COUNTNAME, PASSED };

/* Those from PASSED on are of flamegraph.pl, and go there as they are. */
static const struct tool_option options[] = {
	{ TITLE, "title", "TEXT",
	    "the title (default Flame Graph, and the name of the only FOLDED)" },
	{ COUNTNAME, "countname", "UNIT", "what is counted (default samples)" },
	{ PASSED, "width", "PIXELS", "of the image (default 1200)" },
	{ PASSED + 1, "height", "PIXELS", "of a frame (default 16)" },
	{ PASSED + 2, "minwidth", "PIXELS", "leave out what is narrower (default 0.1)" },
	{ PASSED + 3, "fonttype", "FONT", "default Verdana" },
	{ PASSED + 4, "fontsize", "SIZE", "default 12" },
	{ PASSED + 5, "nametype", "TEXT", "what names are (default Function:)" },
	{ PASSED + 6, "colors", "PALETTE",
	    "hot (default), mem, io, java, js, red, green, blue ..." },
	{ PASSED + 7, "reverse", NULL, "merge stacks from their leaves" },
	{ PASSED + 8, "inverted", NULL, "root on top (icicle graph)" },
	{ PASSED + 9, "negate", NULL, "swap the colours of a difference" },
	{ 0 },
};

static const struct tool_spec spec = { "flamegraph",
	"folded stacks to a flame graph (SVG), by flamegraph.pl",
	"[FOLDED...] [-- --OPTION-OF-FLAMEGRAPH.PL...]", options, TOOL_TABLE_OUT };

/* Where Debian's libdevel-nytprof-perl has it. */
static const char debian[] = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl";

static const char **arg; /* of flamegraph.pl */
static size_t args, args_cap;

static void
add(const char *a)
{
	GROW(arg, args_cap, args + 1);
	arg[args++] = a;
	arg[args] = NULL;
}

static char *
find_flamegraph(void)
{
	struct slice rest = slice_of(getenv("PATH"));

	while (rest.n > 0) {
		struct slice dir = slice_cut(&rest, ':');
		struct buf path = BUF_INIT;

		buf_printf(&path, "%.*s/flamegraph.pl", SLICE_ARG(dir));
		if (access(buf_str(&path), X_OK) == 0)
			return buf_str(&path);
		buf_free(&path);
	}
	if (access(debian, R_OK) == 0)
		return xstrndup(debian, strlen(debian));
	tool_die("flamegraph.pl is missing: Debian has it in the package libdevel-nytprof-perl");
}

static struct buf folded;
static uint64_t stacks;

/* A folded line ends in a blank and a count; flamegraph.pl draws nonsense out of anything else. */
static void
check(const char *path, struct slice text)
{
	uint64_t line = 0;

	while (text.n > 0) {
		struct slice l = slice_trim(slice_cut(&text, '\n'));
		size_t n = l.n;

		line++;
		if (l.n == 0 || l.p[0] == '#')
			continue;
		while (n > 0 && ((l.p[n - 1] >= '0' && l.p[n - 1] <= '9') || l.p[n - 1] == '.'))
			n--;
		if (n == l.n || n < 2 || l.p[n - 1] != ' ') {
			tool_warn("%s:%llu: not a folded line (stack, blank, count)", path,
			    (unsigned long long)line);
			tool_status(2);
			return;
		}
		stacks++;
	}
}

static void
input(int fd, const char *path, void *context)
{
	size_t before = folded.n;
	ssize_t n;

	(void)context;
	while ((n = io_read(fd, buf_room(&folded, 1 << 16), 1 << 16)) > 0)
		folded.n += (size_t)n;
	if (n < 0) {
		tool_warn("%s: %s", path, strerror(errno));
		tool_status(2);
	}
	if (folded.n > before && folded.p[folded.n - 1] != '\n')
		buf_char(&folded, '\n');
	check(path, (struct slice){ folded.p + before, folded.n - before });
}

/* Runs it on our stacks. Its output comes through us, because it does not notice a full disk. */
static void
run(FILE *out)
{
	int stacks_fd = memfd_create("stacks", MFD_CLOEXEC), from[2], status;
	static char chunk[1 << 16];
	ssize_t n;
	pid_t pid;

	if (stacks_fd < 0 || io_write(stacks_fd, folded.p, folded.n) != 0 ||
	    lseek(stacks_fd, 0, SEEK_SET) != 0 || pipe2(from, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		tool_die("%s", strerror(errno));
	if (pid == 0) {
		/* The order of its hashes must not show in the picture. */
		setenv("PERL_HASH_SEED", "0", 1);
		setenv("PERL_PERTURB_KEYS", "0", 1);
		dup2(stacks_fd, STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execvp(arg[0], (char **)arg);
		fprintf(stderr, "leat flamegraph: %s: %s\n", arg[0], strerror(errno));
		_exit(127);
	}
	close(stacks_fd);
	close(from[1]);
	while ((n = io_read(from[0], chunk, sizeof chunk)) > 0)
		fwrite(chunk, 1, (size_t)n, out);
	close(from[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		tool_die("%s failed", arg[1]);
}

/* What follows "--" and begins so too is flamegraph.pl's; it is taken out of the operands. */
static void
take_foreign(char **operands)
{
	char **keep = operands;

	for (; *operands; operands++)
		if (strncmp(*operands, "--", 2) == 0)
			add(*operands);
		else
			*keep++ = *operands;
	*keep = NULL;
}

static const char *
default_title(char **operands)
{
	struct buf title = BUF_INIT;

	if (*operands == NULL || operands[1] || strcmp(*operands, "-") == 0)
		return "Flame Graph";
	buf_printf(&title, "Flame Graph: %.*s", SLICE_ARG(slice_basename(slice_of(*operands))));
	return buf_str(&title);
}

/* --NAME=VALUE, or --NAME. */
static void
add_option(const char *name, const char *value)
{
	struct buf option = BUF_INIT;

	buf_printf(&option, "--%s%s%s", name, value ? "=" : "", value ? value : "");
	add(buf_str(&option));
}

int
main(int argc, char **argv)
{
	const char *value, *title = NULL, *countname = "samples";
	int c;

	tool_begin(&spec, argc, argv);
	add("perl");
	add("flamegraph.pl");
	/* By name, so that a picture is the same each time; else colours are drawn by lot. */
	add("--hash");
	while ((c = tool_option_next(&value)))
		if (c == TITLE)
			title = value;
		else if (c == COUNTNAME)
			countname = value;
		else
			add_option(options[c - TITLE].name, value);
	take_foreign(tool_operands());
	add_option("title", title ? title : default_title(tool_operands()));
	add_option("countname", countname);
	tool_inputs(input, NULL);
	if (stacks == 0)
		tool_die("no stacks: nothing to draw");
	arg[1] = find_flamegraph();
	run(tool_out());
	return tool_end();
}
