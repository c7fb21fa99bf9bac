/* record - what recording costs: leat record beside perf record, on the same workload in the same run
 *
 *	record [ROUNDS [HZ]]		LEAT in the environment: the tool to run (leat)
 *
 * The workload is this program: it sorts and searches by recursion, on stacks of many depths, as many times as take
 * about a second, and writes down when it began and ended. Each round runs it alone, under leat and under perf, with
 * frame pointers and with stack dumps, in turn; medians of all rounds are printed, a line each: name TAB value TAB unit.
 * cpu and wall are the workload's own times over those alone in the same round (on a busy machine only cpu says much);
 * start is from the recorder's start to the workload's, tail from the workload's end to the recorder's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 99, WAYS = 5, ITEMS = 40000, TURNS = 250 };

static int64_t
now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the workload ---- */

static uint32_t item[ITEMS];

struct node {
	struct node *child[2];
	uint32_t key;
};

static struct node node[ITEMS];

__attribute__((noinline)) static void
sort(uint32_t *a, size_t n)
{
	size_t low = 0, high = n - 1;
	uint32_t pivot;

	if (n < 2)
		return;
	pivot = a[n / 2];
	for (;;) {
		uint32_t swap;

		while (a[low] < pivot)
			low++;
		while (a[high] > pivot)
			high--;
		if (low >= high)
			break;
		swap = a[low];
		a[low++] = a[high];
		a[high--] = swap;
	}
	sort(a, low);
	sort(a + low, n - low);
}

__attribute__((noinline)) static struct node *
insert(struct node *root, struct node *new)
{
	int side;

	if (root == NULL)
		return new;
	side = new->key > root->key;
	root->child[side] = insert(root->child[side], new);
	return root;
}

static uint32_t
work(unsigned turns)
{
	uint32_t seed = 1, sum = 0;

	for (unsigned t = 0; t < turns; t++) {
		struct node *root = NULL;

		for (size_t i = 0; i < ITEMS; i++) {
			seed = seed * 1664525 + 1013904223;
			item[i] = seed >> 4;
			node[i] = (struct node){ { NULL, NULL }, seed };
		}
		sort(item, ITEMS);
		for (size_t i = 0; i < ITEMS / 8; i++)
			root = insert(root, &node[i]);
		sum += item[t] + root->key;
	}
	return sum;
}

static int
workload(const char *file)
{
	int64_t begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), end;
	uint32_t sum = work(TURNS);
	FILE *f = fopen(file, "w");

	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	end = now(CLOCK_MONOTONIC);
	if (f == NULL ||
	    fprintf(f, "%lld %lld %lld %u\n", (long long)begin, (long long)end, (long long)cpu,
		sum) < 0 ||
	    fclose(f) != 0)
		return 2;
	return 0;
}

/* ---- the rounds ---- */

struct result {
	double wall, cpu, start_ms, tail_ms, kb;
};

static const char *const name[WAYS] = { "alone", "leat fp", "perf fp", "leat dwarf", "perf dwarf" };

static void
die(const char *what)
{
	fprintf(stderr, "record: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(2);
}

static struct result
run(int way, const char *self, const char *hz, const char *dir)
{
	char times[4096], file[4096];
	const char *leat = getenv("LEAT") ? getenv("LEAT") : "leat";
	const char *const argv[WAYS][16] = {
		{ self, "work", times },
		{ leat, "record", "-q", "-F", hz, "-e", "cpu-clock", "--call-graph", "fp", "-o",
		    file, "--", self, "work", times },
		{ "perf", "record", "-q", "-F", hz, "-e", "cpu-clock", "--call-graph", "fp", "-o",
		    file, "--", self, "work", times },
		{ leat, "record", "-q", "-F", hz, "-e", "cpu-clock", "--call-graph", "dwarf", "-o",
		    file, "--", self, "work", times },
		{ "perf", "record", "-q", "-F", hz, "-e", "cpu-clock", "--call-graph", "dwarf",
		    "-o", file, "--", self, "work", times },
	};
	struct result r = { 0 };
	long long begin, end, cpu;
	struct stat st;
	int64_t start, over;
	int status;
	pid_t pid;
	FILE *f;

	snprintf(times, sizeof times, "%s/times", dir);
	snprintf(file, sizeof file, "%s/trace", dir);
	start = now(CLOCK_MONOTONIC);
	pid = fork();
	if (pid == 0) {
		execvp(argv[way][0], (char **)argv[way]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork");
	over = now(CLOCK_MONOTONIC);
	errno = 0;
	if (status != 0)
		die(name[way]);
	f = fopen(times, "r");
	if (f == NULL || fscanf(f, "%lld %lld %lld", &begin, &end, &cpu) != 3)
		die(times);
	fclose(f);
	r.wall = (double)(end - begin);
	r.cpu = (double)cpu;
	r.start_ms = (double)(begin - start) / 1e6;
	r.tail_ms = (double)(over - end) / 1e6;
	if (way > 0 && stat(file, &st) == 0)
		r.kb = (double)st.st_size / 1e3;
	unlink(times);
	unlink(file);
	return r;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int
main(int argc, char **argv)
{
	static double wall[WAYS][ROUNDS_MAX], cpu[WAYS][ROUNDS_MAX], ratio[WAYS][ROUNDS_MAX];
	static double start[WAYS][ROUNDS_MAX], tail[WAYS][ROUNDS_MAX], kb[WAYS][ROUNDS_MAX];
	int rounds = argc > 1 && strcmp(argv[1], "work") != 0 ? atoi(argv[1]) : 7;
	const char *hz = argc > 2 ? argv[2] : "4999";
	char dir[] = "/tmp/leat-bench.XXXXXX", self[4096];
	ssize_t n;

	if (argc > 2 && strcmp(argv[1], "work") == 0)
		return workload(argv[2]);
	n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0 || rounds < 1 || rounds > ROUNDS_MAX || mkdtemp(dir) == NULL)
		die("usage: record [ROUNDS [HZ]]");
	self[n] = '\0';
	for (int i = 0; i < rounds; i++) {
		struct result alone = { 0 };

		for (int way = 0; way < WAYS; way++) {
			struct result r = run(way, self, hz, dir);

			if (way == 0)
				alone = r;
			wall[way][i] = r.wall / alone.wall;
			cpu[way][i] = r.cpu / alone.cpu;
			start[way][i] = r.start_ms;
			tail[way][i] = r.tail_ms;
			kb[way][i] = r.kb;
			if (way == 2 || way == 4)
				ratio[way][i] = cpu[way - 1][i] / cpu[way][i];
		}
	}
	rmdir(dir);
	for (int way = 1; way < WAYS; way++) {
		printf("%s: cpu of the command\t%.3f\ttimes alone\n", name[way],
		    median(cpu[way], rounds));
		printf("%s: wall of the command\t%.3f\ttimes alone\n", name[way],
		    median(wall[way], rounds));
		printf("%s: start\t%.1f\tms\n", name[way], median(start[way], rounds));
		printf("%s: tail\t%.1f\tms\n", name[way], median(tail[way], rounds));
		printf("%s: file\t%.0f\tkB\n", name[way], median(kb[way], rounds));
	}
	for (int way = 2; way < WAYS; way += 2) {
		const char *kind = strchr(name[way], ' ') + 1;

		printf("%s: cpu of the command, leat over perf\t%.3f\tratio\n", kind,
		    median(ratio[way], rounds));
		printf("%s: file, leat over perf\t%.3f\tratio\n", kind,
		    median(kb[way - 1], rounds) / median(kb[way], rounds));
	}
	return 0;
}
