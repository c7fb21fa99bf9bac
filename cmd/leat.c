/* leat - runs a tool by its name */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "tool/version.h"

static const char usage[] = "usage: leat TOOL [ARGUMENT...]\n"
			    "       leat help [TOOL]\n"
			    "       leat --exec-path | --share-path | --version | --help\n"
			    "small filters for measuring programs\n";

static char *exec_path; /* the directory of the tools */

static char *
join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		exit(2);
	return path;
}

/* The directory of our own program, without its last part if that is what `last` says. */
static char *
home(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0) {
		fprintf(stderr, "leat: /proc/self/exe: %s\n", strerror(errno));
		exit(2);
	}
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return xstrndup(self, strlen(self));
}

static void
find_tools(void)
{
	const char *set = getenv("LEAT_EXEC_PATH");
	char *real;

	exec_path = set && *set ? xstrndup(set, strlen(set)) : join(home(), "../libexec/leat");
	real = realpath(exec_path, NULL);
	if (real) {
		free(exec_path);
		exec_path = real;
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the tools, sorted, NULL-ended. */
static char **
tools(void)
{
	char **list = NULL;
	size_t n = 0, cap = 0;
	DIR *d = opendir(exec_path);

	if (d == NULL) {
		fprintf(stderr, "leat: %s: %s\n", exec_path, strerror(errno));
		exit(2);
	}
	for (struct dirent *e; (e = readdir(d));) {
		char *path = join(exec_path, e->d_name);
		struct stat st;

		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0) {
			GROW(list, cap, n + 1);
			list[n++] = xstrndup(e->d_name, strlen(e->d_name));
		}
		free(path);
	}
	closedir(d);
	GROW(list, cap, n + 1);
	list[n] = NULL;
	if (n > 1)
		qsort(list, n, sizeof *list, by_name);
	return list;
}

/* A tool's summary is the first line of its help that is no usage. */
static void
list_tools(FILE *out)
{
	char **list = tools();

	fprintf(out, "%s\n", usage);
	for (; *list; list++) {
		char *command, line[256] = "";
		FILE *p;

		if (asprintf(&command, "'%s/%s' --help </dev/null 2>/dev/null", exec_path, *list) <
		    0)
			exit(2);
		p = popen(command, "r");
		while (p && fgets(line, sizeof line, p))
			if (strncmp(line, "usage:", 6) != 0 && line[0] != ' ')
				break;
		while (p && fgetc(p) != EOF)
			;
		if (p)
			pclose(p);
		line[strcspn(line, "\n")] = '\0';
		fprintf(out, "  %-12s %s\n", *list, line);
		free(command);
	}
	fprintf(out, "\n`leat help TOOL` shows its manual, `leat help` the tour.\n");
}

/* Edit distance, with neighbours swapped as one edit; names are short. */
static unsigned
distance(const char *a, const char *b)
{
	enum { MOST = 63 };
	unsigned d[MOST + 1][MOST + 1];
	size_t n = strnlen(a, MOST), m = strnlen(b, MOST);

	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			unsigned best = (unsigned)(i + j);

			if (i > 0 && j > 0) {
				best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
				if (d[i - 1][j] + 1 < best)
					best = d[i - 1][j] + 1;
				if (d[i][j - 1] + 1 < best)
					best = d[i][j - 1] + 1;
				if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
					best = d[i - 2][j - 2] + 1;
			}
			d[i][j] = best;
		}
	return d[n][m];
}

static void
suggest(const char *name)
{
	const char *best = NULL;
	unsigned least = 3; /* more edits are another word */

	for (char **list = tools(); *list; list++) {
		unsigned d = distance(name, *list);

		if (d < least || (d < strlen(*list) && strncmp(name, *list, strlen(name)) == 0)) {
			least = d < least ? d : least;
			best = *list;
		}
	}
	fprintf(stderr, "leat: there is no tool '%s'", name);
	if (best)
		fprintf(stderr, "; did you mean '%s'?", best);
	fprintf(stderr, "\nleat: `leat` alone lists the tools\n");
	exit(2);
}

static bool
is_tool(const char *name)
{
	char *path = join(exec_path, name);
	bool yes = *name && !strchr(name, '/') && access(path, X_OK) == 0 && *name != '.';

	free(path);
	return yes;
}

/* The page of TOOL: from the tree's man/ (beside build/, wherever that is), or as installed. */
static char *
find_page(const char *tool)
{
	static const char *const where[] = { "../../man", "../../../man", "../share/man/man1",
		"../share/man/man7", "../share/man/man5", NULL };
	static const char sections[] = "175";
	char *dir = home();

	for (unsigned i = 0; where[i]; i++)
		for (const char *s = sections; *s; s++) {
			char *page;

			if (asprintf(&page, tool ? "%s/%s/leat-%s.%c" : "%s/%s/leat%s.%c", dir,
				where[i], tool ? tool : "", tool ? *s : '7') < 0)
				exit(2);
			if (access(page, R_OK) == 0)
				return page;
			free(page);
		}
	return NULL;
}

/* The directory that holds pipelines/ and examples/: as installed, or the tree. */
static char *
find_share(void)
{
	static const char *const where[] = { "../share/leat", "../..", "../../..", NULL };
	char *dir = home();

	for (unsigned i = 0; where[i]; i++) {
		char *path = join(dir, where[i]), *pipelines = join(path, "pipelines"), *real;

		real = access(pipelines, R_OK) == 0 ? realpath(path, NULL) : NULL;
		free(pipelines);
		free(path);
		if (real)
			return real;
	}
	fprintf(stderr, "leat: %s/%s: no pipelines are installed there\n", dir, where[0]);
	exit(2);
}

static bool
on_path(const char *program)
{
	const char *path = getenv("PATH");
	struct slice rest = slice_of(path), dir;

	while (rest.n > 0) {
		char *file;
		bool found;

		dir = slice_cut(&rest, ':');
		if (asprintf(&file, "%.*s/%s", SLICE_ARG(dir), program) < 0)
			exit(2);
		found = access(file, X_OK) == 0;
		free(file);
		if (found)
			return true;
	}
	return false;
}

static _Noreturn void
help(const char *tool)
{
	char *page = find_page(tool);
	int c;
	FILE *f;

	if (page == NULL) {
		if (tool && is_tool(tool)) {
			execl(join(exec_path, tool), tool, "--help", (char *)NULL);
			fprintf(stderr, "leat: %s: %s\n", tool, strerror(errno));
			exit(2);
		}
		if (tool)
			suggest(tool);
		list_tools(stdout);
		exit(0);
	}
	if (on_path("man"))
		execlp("man", "man", "-l", page, (char *)NULL);
	if (on_path("mandoc"))
		execlp("mandoc", "mandoc", "-a", page, (char *)NULL);
	f = fopen(page, "r");
	while (f && (c = getc(f)) != EOF)
		putchar(c);
	exit(f == NULL || fflush(stdout) ? 2 : 0);
}

int
main(int argc, char **argv)
{
	const char *name = argv[1];
	char *other;

	find_tools();
	if (argc < 2 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		list_tools(stdout);
	} else if (strcmp(name, "--version") == 0) {
		printf("leat %s\n", LEAT_VERSION);
	} else if (strcmp(name, "--exec-path") == 0) {
		printf("%s\n", exec_path);
	} else if (strcmp(name, "--share-path") == 0) {
		printf("%s\n", find_share());
	} else if (strcmp(name, "help") == 0) {
		help(argv[2]);
	} else if (name[0] == '-') {
		fprintf(stderr, "leat: %s: no such option\n%s", name, usage);
		return 2;
	} else if (is_tool(name)) {
		execv(join(exec_path, name), argv + 1);
		fprintf(stderr, "leat: %s/%s: %s\n", exec_path, name, strerror(errno));
		return 2;
	} else {
		if (asprintf(&other, "leat-%s", name) < 0)
			return 2;
		if (!strchr(name, '/'))
			execvp(other, argv + 1);
		suggest(name);
	}
	if (ferror(stdout) | fclose(stdout)) {
		fprintf(stderr, "leat: standard output: %s\n", strerror(errno));
		return 2;
	}
	return 0;
}
