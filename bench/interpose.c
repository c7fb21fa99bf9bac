/* interpose - what recording allocations costs: leat interpose beside heaptrack, on one command in the same run
 *
 *	interpose NAME ROUNDS DEPTHS COMMAND [ARG...]		DEPTHS: 0,8,16
 *	interpose --run FILE COMMAND [ARG...]			runs it, and writes its CPU time to FILE
 *
 * Each round runs the command alone, under leat at each depth, under heaptrack's library alone (raw), and under heaptrack
 * with all that it starts; medians of all rounds are printed as a row. cpu is the user and system time of the command itself
 * over that alone in the same round; recorder what the recorder took beside it, over the same; bytes those of the file for
 * each record.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 99, DEPTHS_MAX = 8, WORDS = 64, WAYS_MAX = DEPTHS_MAX + 2 };

#define HEAPTRACK "/usr/lib/heaptrack/libheaptrack_preload.so"

static const char *dir; /* for traces */

struct result {
	double cpu, rest, wall, bytes;
};

static double
seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec * 1e-6;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Starts a command with its output thrown away; the CPU time of it and of what it has waited for, or -1. */
static double
run(char *const *argv, const char *preload, const char *output, const char *say)
{
	struct rusage usage;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		int err = say ? open(say, O_WRONLY | O_CREAT | O_TRUNC, 0666) : null;

		dup2(null, 1);
		dup2(err, 2);
		if (preload) {
			setenv("LD_PRELOAD", preload, 1);
			setenv("DUMP_HEAPTRACK_OUTPUT", output, 1);
		}
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0 || status != 0)
		return -1;
	return seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
}

/* The part of `total` that --run has found to be the command's. */
static int
split(const char *file, double total, struct result *r)
{
	FILE *f = fopen(file, "r");
	int n = f ? fscanf(f, "%lf %lf", &r->cpu, &r->wall) : 0;

	if (f)
		fclose(f);
	r->rest = total - r->cpu;
	return n == 2 && total >= 0 ? 0 : -1;
}

static double
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

/* "leat interpose: 1,234 allocations, 1,200 frees, ..." */
static double
records(const char *path)
{
	char line[512];
	FILE *f = fopen(path, "r");
	double sum = 0, n = 0;
	int numbers = 0;

	while (f && fgets(line, sizeof line, f)) {
		const char *p = strstr(line, "interpose: ");

		if (p == NULL || strstr(line, " allocations, ") == NULL)
			continue;
		for (p += 11; *p && numbers < 2; p++)
			if (*p >= '0' && *p <= '9') {
				n = n * 10 + (*p - '0');
			} else if (*p == ' ' && p[-1] >= '0' && p[-1] <= '9') {
				sum += n;
				n = 0;
				numbers++;
			}
	}
	if (f)
		fclose(f);
	return sum;
}

static char self[4096], cpu_file[4096], trace[4096], said[4096];

static int
under_leat(const char *depth, char *const *command, struct result *r, double *n)
{
	char *argv[WORDS + 16] = { "leat", "interpose", "-d", (char *)depth, "-o", trace, "--",
		self, "--run", cpu_file };
	int i = 10;

	while (*command)
		argv[i++] = *command++;
	argv[i] = NULL;
	if (split(cpu_file, run(argv, NULL, NULL, said), r) < 0)
		return -1;
	*n = records(said);
	r->bytes = *n > 0 ? size_of(trace) / *n : 0;
	return 0;
}

static int
plain(char *const *command, bool raw, struct result *r)
{
	char *argv[WORDS + 16] = { self, "--run", cpu_file };
	int i = 3;

	if (raw) {
		argv[i++] = "env";
		argv[i++] = "LD_PRELOAD=" HEAPTRACK;
		argv[i] = malloc(sizeof trace + 32);
		snprintf(argv[i++], sizeof trace + 32, "DUMP_HEAPTRACK_OUTPUT=%s", trace);
	}
	while (*command)
		argv[i++] = *command++;
	argv[i] = NULL;
	return split(cpu_file, run(argv, NULL, NULL, NULL), r);
}

static int
full_heaptrack(char *const *command, struct result *r)
{
	char *argv[WORDS + 16] = { "heaptrack", "-r", "-o", trace };
	double began = now();
	int i = 4;

	while (*command)
		argv[i++] = *command++;
	argv[i] = NULL;
	r->cpu = run(argv, NULL, NULL, NULL);
	r->wall = now() - began;
	return r->cpu < 0 ? -1 : 0;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, ascending);
	return n == 0 ? 0 : n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* The command of --run: no allocation of our own beside it. */
static int
run_one(const char *file, char **command)
{
	struct rusage usage;
	double began = now();
	char text[64];
	int status, fd, n;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		return 125;
	n = snprintf(text, sizeof text, "%.6f %.6f\n",
	    seconds(&usage.ru_utime) + seconds(&usage.ru_stime), now() - began);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

static void
put(double v, const char *format)
{
	putchar('\t');
	printf(format, v);
}

int
main(int argc, char **argv)
{
	static double v[WAYS_MAX][4][ROUNDS_MAX], native[ROUNDS_MAX];
	char *depth[DEPTHS_MAX], *rest;
	int depths = 0, rounds, had[2] = { 0, 0 };
	bool heaptrack = access(HEAPTRACK, R_OK) == 0;
	double n[DEPTHS_MAX] = { 0 };

	if (argc > 3 && strcmp(argv[1], "--run") == 0)
		return run_one(argv[2], argv + 3);
	if (argc < 5 || argc > WORDS) {
		fprintf(stderr, "usage: interpose NAME ROUNDS DEPTHS COMMAND [ARG...]\n");
		return 2;
	}
	dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return 2;
	snprintf(cpu_file, sizeof cpu_file, "%s/interpose.cpu", dir);
	snprintf(trace, sizeof trace, "%s/interpose.trace", dir);
	snprintf(said, sizeof said, "%s/interpose.said", dir);
	rounds = atoi(argv[2]);
	rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	for (char *d = strtok_r(argv[3], ",", &rest); d && depths < DEPTHS_MAX;
	     d = strtok_r(NULL, ",", &rest))
		depth[depths++] = d;
	for (int k = 0; k < rounds; k++) {
		struct result alone, r;

		if (plain(argv + 4, false, &alone) < 0 || alone.cpu <= 0) {
			fprintf(stderr, "interpose: %s did not end well alone\n", argv[4]);
			return 2;
		}
		native[k] = alone.cpu;
		for (int d = 0; d < depths; d++) {
			if (under_leat(depth[d], argv + 4, &r, &n[d]) < 0) {
				fprintf(
				    stderr, "interpose: %s did not end well under leat\n", argv[4]);
				return 2;
			}
			v[d][0][k] = r.cpu / alone.cpu;
			v[d][1][k] = r.rest / alone.cpu;
			v[d][2][k] = r.wall / alone.wall;
			v[d][3][k] = r.bytes;
		}
		unlink(trace);
		if (heaptrack && plain(argv + 4, true, &r) == 0) {
			v[DEPTHS_MAX][0][had[0]] = r.cpu / alone.cpu;
			v[DEPTHS_MAX][2][had[0]++] = r.wall / alone.wall;
		}
		unlink(trace);
		if (heaptrack && full_heaptrack(argv + 4, &r) == 0) {
			v[DEPTHS_MAX + 1][0][had[1]] = r.cpu / alone.cpu;
			v[DEPTHS_MAX + 1][2][had[1]++] = r.wall / alone.wall;
		}
		unlink(trace);
	}
	/* workload  what  native_s  cpu  recorder  wall  records  bytes */
	for (int d = 0; d < depths; d++) {
		printf("%s\tleat -d %s", argv[1], depth[d]);
		put(median(native, rounds), "%.3f");
		for (int i = 0; i < 3; i++)
			put(median(v[d][i], rounds), "%.2f");
		put(n[d], "%.0f");
		put(median(v[d][3], rounds), "%.2f\n");
	}
	for (int i = 0; i < 2; i++)
		if (had[i] > 0) {
			printf("%s\t%s", argv[1], i ? "heaptrack, whole" : "heaptrack, raw");
			put(median(native, rounds), "%.3f");
			put(median(v[DEPTHS_MAX + i][0], had[i]), "%.2f");
			put(0, "-");
			put(median(v[DEPTHS_MAX + i][2], had[i]), "%.2f");
			put(0, "-");
			put(0, "-\n");
		}
	return 0;
}
