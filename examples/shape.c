/* shape.c - a workload whose call tree and shares of CPU time are known
 *
 * usage: shape [--seconds S]	use S seconds of CPU time in all (default 2)
 *        shape --shape		print what a profile must say: folded lines, in parts of 10000
 *
 * Five tasks share the time; each makes rounds until its part of the CPU time is used up:
 *
 *	task		what it is					share of all
 *	shape		the first thread				35 %
 *	shape-one	a thread					20 %
 *	shape-two	a thread					15 %
 *	shape-fork	a forked child					20 %
 *	shape-exec	a forked child that executes this program again	10 %
 *
 * A round spends the same number of iterations of the same arithmetic (a chain of multiplications, bound by its latency, so
 * that alignment does not matter) a unit of share, so that inside a task shares are counts:
 *
 *	below rounds()				share of the task	what is special
 *	alpha;alpha_leaf			35 %
 *	alpha;alpha_twig;alpha_leaf		15 %			the same leaf by another way
 *	beta;beta_inner				10 %			inlined
 *	beta;beta_inner;beta_core		20 %			inlined into what is inlined
 *	gamma					5 %
 *	gamma;gamma				5 %			recursion
 *	gamma;gamma;gamma			5 %
 *	gamma;gamma;gamma;gamma			5 %
 *
 * The length of rounds varies, so that no sampling rate beats with it.
 */
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__clang__)
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa)) /* neither inlined nor cloned nor specialised */
#endif
#define INLINED static inline __attribute__((always_inline))

/* A macro, because an inlined function would be a frame of its own. */
#define SPIN(units)                                                                                \
	do {                                                                                       \
		uint64_t x_ = 1;                                                                   \
		for (uint64_t n_ = (units)*unit; n_ > 0; n_--) {                                   \
			x_ = x_ * 6364136223846793005u + 1;                                        \
			__asm__ volatile("" : "+r"(x_));                                           \
		}                                                                                  \
	} while (0)

/* Behind the last call: so that it is no jump. With frame pointers also: that there is one, which gcc leaves out of
 * functions that call nothing, whatever its options say. */
#ifdef FRAME_POINTERS
#define STAY() __asm__ volatile("" : : "r"(__builtin_frame_address(0)) : "memory")
#else
#define STAY() __asm__ volatile("" : : : "memory")
#endif

static _Thread_local uint64_t unit; /* iterations in 1 % of the present round */
static double seconds = 2;

void alpha_leaf(unsigned units);
void alpha_twig(unsigned units);
void alpha(void);
void beta(void);
void gamma_(unsigned depth) __asm__("gamma");
void rounds(double share);
void child(double share);
void *thread_main(void *of);

KEPT void
alpha_leaf(unsigned units)
{
	SPIN(units);
	STAY();
}

KEPT void
alpha_twig(unsigned units)
{
	alpha_leaf(units);
	STAY();
}

KEPT void
alpha(void)
{
	alpha_leaf(35);
	alpha_twig(15);
	STAY();
}

INLINED void
beta_core(void)
{
	SPIN(20);
}

INLINED void
beta_inner(void)
{
	SPIN(10);
	beta_core();
}

KEPT void
beta(void)
{
	beta_inner();
	STAY();
}

KEPT void
gamma_(unsigned depth)
{
	SPIN(5);
	if (depth > 1)
		gamma_(depth - 1);
	STAY();
}

static double
cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

KEPT void
rounds(double share)
{
	uint32_t random = 1;

	/* The clock is read seldom enough not to be seen in the profile. */
	for (double end = cpu_time() + share * seconds; cpu_time() < end;)
		for (int i = 0; i < 8; i++) {
			random = random * 1664525 + 1013904223;
			unit = 8000 + random / 2 % 8192;
			alpha();
			beta();
			gamma_(4);
		}
}

KEPT void
child(double share)
{
	rounds(share);
	STAY();
}

static const struct task {
	const char *name, *root;
	double share;
} task[] = {
	{ "shape", "main", 0.35 },
	{ "shape-one", "thread_main", 0.20 },
	{ "shape-two", "thread_main", 0.15 },
	{ "shape-fork", "main;child", 0.20 },
	{ "shape-exec", "main", 0.10 },
};

enum { TASK_MAIN, TASK_ONE, TASK_TWO, TASK_FORK, TASK_EXEC, TASKS };

KEPT void *
thread_main(void *of)
{
	const struct task *t = of;

	prctl(PR_SET_NAME, t->name);
	rounds(t->share);
	return NULL;
}

static void
print_shape(void)
{
	static const struct {
		const char *stack;
		unsigned share;
	} leaf[] = {
		{ "alpha;alpha_leaf", 35 },
		{ "alpha;alpha_twig;alpha_leaf", 15 },
		{ "beta;beta_inner", 10 },
		{ "beta;beta_inner;beta_core", 20 },
		{ "gamma", 5 },
		{ "gamma;gamma", 5 },
		{ "gamma;gamma;gamma", 5 },
		{ "gamma;gamma;gamma;gamma", 5 },
	};

	for (unsigned t = 0; t < TASKS; t++)
		for (unsigned i = 0; i < sizeof leaf / sizeof *leaf; i++)
			printf("%s;%s;rounds;%s %.0f\n", task[t].name, task[t].root, leaf[i].stack,
			    task[t].share * 100 * leaf[i].share);
}

static pid_t
fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("shape: fork");
		exit(2);
	}
	return pid;
}

int
main(int argc, char **argv)
{
	pthread_t one, two;
	pid_t forked, execed;
	int status, failed = 0;
	char self[PATH_MAX], *end;

	if (argc == 2 && strcmp(argv[1], "--shape") == 0) {
		print_shape();
		return 0;
	}
	if (argc >= 3 && (strcmp(argv[1], "--seconds") == 0 || strcmp(argv[1], "--exec") == 0)) {
		seconds = strtod(argv[2], &end);
		if (*end || !(seconds > 0))
			argc = 0;
	} else if (argc != 1) {
		argc = 0;
	}
	if (argc == 0) {
		fprintf(stderr, "usage: shape [--seconds S | --shape]\n");
		return 2;
	}
	if (argc > 1 && strcmp(argv[1], "--exec") == 0) {
		prctl(PR_SET_NAME, task[TASK_EXEC].name);
		rounds(task[TASK_EXEC].share);
		return 0;
	}
	prctl(PR_SET_NAME, task[TASK_MAIN].name);
	forked = fork_or_die();
	if (forked == 0) {
		prctl(PR_SET_NAME, task[TASK_FORK].name);
		child(task[TASK_FORK].share);
		_exit(0);
	}
	execed = fork_or_die();
	if (execed == 0) {
		ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

		if (n > 0) {
			self[n] = '\0';
			execl(self, "shape", "--exec", argc > 2 ? argv[2] : "2", (char *)NULL);
		}
		_exit(127);
	}
	if (pthread_create(&one, NULL, thread_main, (void *)&task[TASK_ONE]) != 0 ||
	    pthread_create(&two, NULL, thread_main, (void *)&task[TASK_TWO]) != 0) {
		fprintf(stderr, "shape: cannot make a thread\n");
		return 2;
	}
	rounds(task[TASK_MAIN].share);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	for (int i = 0; i < 2; i++) {
		waitpid(i == 0 ? forked : execed, &status, 0);
		failed |= status != 0;
	}
	return failed ? 2 : 0;
}
