/* hard.c - WHAT: the hard places of an allocator's life, with sizes by which each is known again */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void *volatile keep;

static void *
take(size_t size)
{
	void *p = malloc(size);

	if (p == NULL)
		exit(3);
	keep = p;
	return p;
}

static void
many(int n, size_t size)
{
	while (n-- > 0)
		free(take(size));
}

/* ---- before main ---- */

static int early;

static void
first(int argc, char **argv, char **env)
{
	(void)argv, (void)env;
	early = argc > 1 && strcmp(argv[1], "before") == 0;
	if (early)
		many(3, 10103);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_all)(
    int, char **, char **) = first;

__attribute__((constructor(101))) static void
second(void)
{
	if (early)
		many(5, 10105);
}

__attribute__((destructor(101))) static void
last(void)
{
	if (early)
		many(7, 10107);
}

/* ---- signals ---- */

static volatile sig_atomic_t handled;

static void
map_in_handler(int number)
{
	int kept = errno;
	void *p = mmap(NULL, 8191, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)number;
	if (p != MAP_FAILED) {
		munmap(p, 8191);
		handled++;
	}
	errno = kept;
}

static volatile int done;

/* Chains: the handler's is taken while another is. */
static void *
shoot(void *target)
{
	while (!done) {
		pthread_kill(*(pthread_t *)target, SIGUSR1);
		usleep(20);
	}
	return NULL;
}

/* The stack of the handler: the same, or one that lies above what is interrupted. */
static void
in_signals(int n, char *stack, size_t bytes)
{
	const stack_t other_stack = { .ss_sp = stack, .ss_size = bytes };
	struct sigaction act = { .sa_handler = map_in_handler,
		.sa_flags = SA_RESTART | (stack ? SA_ONSTACK : 0) };
	pthread_t self = pthread_self(), other;

	if (stack && sigaltstack(&other_stack, NULL) < 0)
		exit(8);
	sigaction(SIGUSR1, &act, NULL);
	pthread_create(&other, NULL, shoot, &self);
	while (handled < n)
		many(1000, 10111);
	done = 1;
	pthread_join(other, NULL);
	signal(SIGUSR1, SIG_IGN);
	printf("%d\n", (int)handled);
}

static sigjmp_buf back;
static volatile int jumps;

static void
jump(int number)
{
	(void)number;
	jumps++;
	siglongjmp(back, 1);
}

/* Leaves hooks (and those of mmap(2) only: malloc(3) itself is not to be left) by a jump, and goes on. */
static void
in_jumps(int n)
{
	struct sigaction act = { .sa_handler = jump, .sa_flags = SA_NODEFER };
	const struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };

	sigaction(SIGALRM, &act, NULL);
	if (sigsetjmp(back, 1) == 0)
		setitimer(ITIMER_REAL, &often, NULL);
	while (jumps < n) {
		void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, 4096);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_IGN);
	many(1009, 10113);
}

/* ---- processes ---- */

static void
in_fork(void)
{
	void *p[101];

	for (int i = 0; i < 101; i++)
		p[i] = take(10211);
	if (fork() == 0) {
		for (int i = 0; i < 101; i++)
			free(p[i]);
		many(53, 10213);
		if (fork() == 0) {
			many(11, 10215);
			_exit(0);
		}
		wait(NULL);
		exit(0);
	}
	wait(NULL);
	many(59, 10217);
	for (int i = 0; i < 101; i++)
		free(p[i]);
}

static void
in_exec(char *me)
{
	char *const argv[] = { me, (char *)"some", (char *)"17", NULL };

	many(13, 10221);
	execv(me, argv);
	exit(4);
}

static void
in_spawn(char *me)
{
	char *const argv[] = { me, (char *)"some", (char *)"19", NULL };
	pid_t child;

	many(7, 10223);
	if (posix_spawn(&child, me, NULL, NULL, argv, environ) == 0)
		waitpid(child, NULL, 0);
	child = vfork();
	if (child == 0) {
		execv(me, argv);
		_exit(4);
	}
	waitpid(child, NULL, 0);
	many(7, 10225);
}

/* ---- threads ---- */

static void *
free_all(void *p)
{
	void **all = p;

	for (int i = 0; i < 997; i++)
		free(all[i]);
	return NULL;
}

static void
only_frees(void)
{
	static void *all[997];
	pthread_t other;

	for (int i = 0; i < 997; i++)
		all[i] = take(10311);
	pthread_create(&other, NULL, free_all, all);
	pthread_join(other, NULL);
}

static pthread_barrier_t barrier;

static void *
one(void *waits)
{
	void *p = take(10313);

	if (waits)
		pthread_barrier_wait(&barrier);
	free(p);
	return NULL;
}

static void
at_once(int n)
{
	pthread_t *other = calloc((size_t)n, sizeof *other);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 << 10);
	pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		if (pthread_create(&other[i], &attr, one, &barrier) != 0) {
			printf("no thread %d\n", i);
			_exit(77);
		}
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < n; i++)
		pthread_join(other[i], NULL);
	free(other);
}

static void
churn(int n)
{
	pthread_t other;

	for (int i = 0; i < n; i++) {
		if (pthread_create(&other, NULL, one, NULL) != 0)
			exit(5);
		pthread_join(other, NULL);
	}
}

/* ---- objects that come and go ---- */

static void
plugins(char **path)
{
	for (int round = 0; round < 3; round++)
		for (char **p = path; *p; p++) {
			void *object = dlopen(*p, RTLD_NOW);
			void *(*f)(size_t);

			if (object == NULL) {
				puts(dlerror());
				exit(6);
			}
			*(void **)&f = dlsym(object, "plugin");
			for (int i = 0; i < 23; i++)
				free(f(10411));
			dlclose(object);
		}
}

/* ---- what fails ---- */

static void
failing(void)
{
	volatile size_t huge = SIZE_MAX / 2 - 100;
	char *p = take(10511);
	void *q = NULL;

	memset(p, 'x', 10511);
	errno = 0;
	q = realloc(p, huge);
	printf("realloc %d %s %c\n", q == NULL, strerror(errno), p[10510]);
	errno = 0;
	printf("reallocarray %d", reallocarray(p, huge, 8) == NULL);
	printf(" %s\n", strerror(errno));
	free(p);
	errno = 0;
	printf("malloc %d", malloc(huge) == NULL);
	printf(" %s\n", strerror(errno));
	errno = 0;
	printf("calloc %d", calloc(huge, 16) == NULL);
	printf(" %s\n", strerror(errno));
	errno = 0;
	keep = q = aligned_alloc(24, 10513);
	printf("aligned_alloc %d %s\n", q == NULL, strerror(errno));
	free(q);
	errno = 0;
	q = (void *)1;
	printf("posix_memalign %d", posix_memalign(&q, 3, 10515));
	printf(" %d %s\n", q == (void *)1, strerror(errno));
	errno = 17;
	free(take(10517));
	printf("errno %d\n", errno);
	errno = 0;
	q = mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("mmap %d %s\n", q == MAP_FAILED, strerror(errno));
	errno = 0;
	printf("munmap %d", munmap((void *)1, 4096));
	printf(" %s\n", strerror(errno));
	printf("usable %d\n",
	    malloc_usable_size(NULL) == 0 && malloc_usable_size(p = take(100)) >= 100);
	free(p);
	p = realloc(take(10519), 0);
	printf("realloc of nothing %d\n", p == NULL);
}

/* ---- each function once, with its own size ---- */

static void
family(void)
{
	void *p, *q = NULL;
	int id;

	free(keep = malloc(10601));
	free(keep = calloc(1, 10602));
	p = realloc(NULL, 10603);
	keep = p;
	p = realloc(p, 20603);
	p = reallocarray(p, 2, 10604);
	free(p);
	if (posix_memalign(&q, 64, 10605) == 0)
		free(q);
	free(keep = aligned_alloc(128, 10624));
	free(keep = memalign(256, 10607));
	free(keep = valloc(10608));
	free(keep = pvalloc(10609));
	p = mmap(NULL, 10610, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p = mremap(p, 10610, 1061000, MREMAP_MAYMOVE);
	munmap(p, 1061000);
	p = sbrk(106112);
	if (p == (void *)-1 || sbrk(-106112) == (void *)-1)
		puts("sbrk");
	id = shmget(IPC_PRIVATE, 10613, IPC_CREAT | 0600);
	p = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	if (id >= 0 && p != (void *)-1)
		shmdt(p);
	else
		puts("shm");
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;
	char stack[65536];

	if (strcmp(what, "some") == 0)
		many(n, 10001);
	else if (strcmp(what, "signals") == 0)
		in_signals(n, NULL, 0);
	else if (strcmp(what, "altstack") == 0)
		in_signals(n, stack, sizeof stack);
	else if (strcmp(what, "jumps") == 0)
		in_jumps(n);
	else if (strcmp(what, "fork") == 0)
		in_fork();
	else if (strcmp(what, "exec") == 0)
		in_exec(argv[0]);
	else if (strcmp(what, "spawn") == 0)
		in_spawn(argv[0]);
	else if (strcmp(what, "frees") == 0)
		only_frees();
	else if (strcmp(what, "threads") == 0)
		at_once(n);
	else if (strcmp(what, "churn") == 0)
		churn(n);
	else if (strcmp(what, "plugins") == 0)
		plugins(argv + 2);
	else if (strcmp(what, "failing") == 0)
		failing();
	else if (strcmp(what, "family") == 0)
		family();
	else if (strcmp(what, "kill") == 0) {
		many(n, 10701);
		kill(getpid(), SIGKILL);
	} else if (strcmp(what, "status") == 0) {
		fputs("to standard error\n", stderr);
		for (char **e = environ; *e; e++)
			puts(*e);
		return 23;
	} else if (strcmp(what, "before") != 0)
		return 2;
	return 0;
}
