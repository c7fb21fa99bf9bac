/* lint - recipes of a makefile in which a stage can fail unseen; see leat-lint(1) */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "makefile/lint.h"
#include "tool/tool.h"

enum { DIRECTORY = 256 };

static const struct tool_option options[] = {
	{ DIRECTORY, "directory", "DIR", "make is run here (default: where the makefile is)" },
	{ 0 },
};
static const struct tool_spec spec = { "lint",
	"recipes of a makefile in which a stage can fail unseen", "[NAME=VALUE...] MAKEFILE...",
	options, TOOL_TABLE_OUT };

static struct {
	const char *dir;
	char **assignment;
	struct buf out;
} lint;

/* The directory of a path, and what it is called there. */
static const char *
split(const char *path, char **dir)
{
	const char *slash = strrchr(path, '/');

	*dir = slash ? xstrndup(path, slash > path ? (size_t)(slash - path) : 1) : NULL;
	return slash ? slash + 1 : path;
}

/* Included files that are not there: a rule may make them; without one, make itself would fail. */
static void
say_missing(const struct makefile *m)
{
	for (size_t i = 0; i < m->missings; i++) {
		const struct makefile_missing *f = &m->missing[i];

		tool_warn("%.*s:%llu: %.*s is not there%s: its recipes have not been looked at",
		    SLICE_ARG(f->file), (unsigned long long)f->line, SLICE_ARG(f->name),
		    f->made ? " yet" : "");
		if (!f->made)
			tool_status(2);
	}
}

static void
one_makefile(int fd, const char *path, void *context)
{
	bool standard = fd == STDIN_FILENO;
	char *own = NULL;
	const char *name = path, *dir = lint.dir;
	struct makefile *m;
	struct lint *found;
	struct error e;

	(void)context;
	if (!standard && dir == NULL) {
		name = split(path, &own);
		dir = own;
	} else if (!standard && path[0] != '/') {
		/* make is elsewhere: what it is to read must be told from the root. */
		name = realpath(path, NULL);
		name = name ? name : path;
	}
	m = makefile_read(standard ? NULL : name, fd, path, dir, lint.assignment, &e);
	if (m == NULL) {
		tool_warn("%s%s%s", strncmp(e.text, path, strlen(path)) == 0 ? "" : path,
		    strncmp(e.text, path, strlen(path)) == 0 ? "" : ": ", e.text);
		tool_status(2);
	} else {
		say_missing(m);
		found = lint_makefile(m, path);
		lint_put(found, &lint.out);
		if (found->n > 0)
			tool_status(1);
		lint_free(found);
		makefile_free(m);
	}
	free(own);
}

/* Takes NAME=VALUE out of the operands. */
static void
take_assignments(void)
{
	char **from = tool_operands(), **to = from;
	size_t n = 0, cap = 0;

	for (; *from; from++) {
		const char *equals = strchr(*from, '='), *slash = strchr(*from, '/');

		if (equals && equals > *from && (slash == NULL || slash > equals)) {
			GROW(lint.assignment, cap, n + 1);
			lint.assignment[n++] = *from;
			lint.assignment[n] = NULL;
		} else {
			*to++ = *from;
		}
	}
	*to = NULL;
}

int
main(int argc, char **argv)
{
	const char *arg;

	tool_begin(&spec, argc, argv);
	while (tool_option_next(&arg))
		lint.dir = arg;
	take_assignments();
	tool_inputs(one_makefile, NULL);
	fputs(buf_str(&lint.out), tool_out());
	buf_free(&lint.out);
	free(lint.assignment);
	return tool_end();
}
