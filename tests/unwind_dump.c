/* unwind_dump - writes a trace of itself: registers and stack at places whose call chain is known
 *
 * For tests of leat unwind on x86-64, and under qemu-user on aarch64. The event of each sample is the chain that must
 * come out, root first from main, with blanks between.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static const char *top; /* of the stack */
static volatile int sink;
static int made;
#define AFTER sink++

static void
base64(const unsigned char *p, size_t n)
{
	static const char letter[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; n > 0; p += 3, n = n < 3 ? 0 : n - 3) {
		unsigned v =
		    (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		putchar(letter[v >> 18]);
		putchar(letter[v >> 12 & 63]);
		putchar(n > 1 ? letter[v >> 6 & 63] : '=');
		putchar(n > 2 ? letter[v & 63] : '=');
	}
}

static void
sample(const ucontext_t *uc, const char *want)
{
	unsigned long r[33], sp;
	int n = 0;

#if defined(__x86_64__)
	static const int from[17] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP,
		REG_RSP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
		REG_RIP };

	for (; n < 17; n++)
		r[n] = (unsigned long)uc->uc_mcontext.gregs[from[n]];
	sp = r[7];
#elif defined(__aarch64__)
	for (; n < 31; n++)
		r[n] = uc->uc_mcontext.regs[n];
	r[n++] = sp = uc->uc_mcontext.sp;
	r[n++] = uc->uc_mcontext.pc;
#else
#error "no such architecture"
#endif
	printf("sample\tt=1\tpid=1\ttid=1\tevent=\"%s\"\tweight=1\tregs=", want);
	for (int i = 0; i < n; i++)
		printf("0x%lx;", r[i]);
	printf("\tustack=@");
	base64((const unsigned char *)sp, (size_t)(top - (const char *)sp));
	putchar('\n');
	made++;
}

static void
maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to, offset;
	char line[4096], mode[8], path[4096];

	while (f && fgets(line, sizeof line, f)) {
		path[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %4095[^\n]", &from, &to, mode, &offset,
			path) < 4 ||
		    mode[2] != 'x')
			continue;
		made++;
		printf("mmap\tt=0\tpid=1\ttid=1\taddr=0x%lx\tsize=%lu\toffset=%lu\tpath=\"%s\"\n",
		    from, to - from, offset, path);
	}
	if (f)
		fclose(f);
}

static NOINLINE void
here(const char *want)
{
	ucontext_t uc;

	getcontext(&uc);
	sample(&uc, want);
	AFTER;
}

static NOINLINE void
variadic(const char *want, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, want);
	sink += __builtin_va_arg(ap, int);
	__builtin_va_end(ap);
	here(want);
	AFTER;
}

static NOINLINE void
with_alloca(size_t n, const char *want)
{
	volatile char *p = __builtin_alloca(n);

	p[0] = 1;
	variadic(want, 2);
	AFTER;
}

static NOINLINE void
realigned(int n, const char *want)
{
	volatile char a[64] __attribute__((aligned(64), unused));

	a[0] = (char)n;
	with_alloca((size_t)n, want);
	AFTER;
}

static NOINLINE void
recursive(int n, const char *want)
{
	volatile char pad[40] __attribute__((unused));

	pad[0] = (char)n;
	if (n == 0)
		here(want);
	else
		recursive(n - 1, want);
	AFTER;
}

static NOINLINE void
tail_target(int n, const char *want)
{
	sink += n;
	here(want);
	AFTER;
}

static NOINLINE void
tail_caller(int n, const char *want)
{
	AFTER;
	tail_target(n + 1, want);
}

static inline __attribute__((always_inline)) void
inlined(int n, const char *want)
{
	sink += n;
	here(want);
	AFTER;
}

static NOINLINE void
inliner(const char *want)
{
	inlined(7, want);
	AFTER;
}

static void
handler(int sig, siginfo_t *info, void *context)
{
	(void)info;
	if (sig == SIGUSR1) {
		here("* interrupted ** handler here");
		AFTER;
	} else {
		sample(context, "main leafless leaf"); /* a leaf that keeps no frame */
		sink = sig;
	}
}

static NOINLINE void
interrupted(void)
{
	raise(SIGUSR1);
	AFTER;
}

/* No call: the return address is where the caller left it. It stops at a trap, which the handler steps over. */
static NOINLINE int
leaf(int *p)
{
#if defined(__x86_64__)
	__asm__ volatile("int3");
#else
	while (sink != SIGALRM)
		;
#endif
	return *p + 1;
}

static NOINLINE void
leafless(void)
{
	int n = 1;

#if !defined(__x86_64__)
	sink = 0;
	ualarm(1000, 0);
#endif
	sink += leaf(&n);
	AFTER;
}

static void *
thread(void *arg)
{
	pthread_attr_t a;
	void *base;
	size_t size;

	(void)arg;
	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstack(&a, &base, &size);
	pthread_attr_destroy(&a);
	top = (char *)base + size;
	here("** thread here");
	AFTER;
	return NULL;
}

int
main(int argc, char **argv)
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	const char *main_top;
	pthread_t t;

	top = main_top = (const char *)argv - 8;
	printf("#leat 1\nstart\ttool=dump\tversion=1\tclock=monotonic_raw\tpid=1\tarch=%s\n",
	    argc > 1 ? argv[1] :
#if defined(__x86_64__)
		     "x86_64"
#else
		     "aarch64"
#endif
	);
	maps();
	here("main here");
	realigned(1000, "main realigned with_alloca variadic here");
	recursive(5, "main recursive recursive recursive recursive recursive recursive here");
	tail_caller(3, "main tail_target here");
	inliner("main inliner inlined here");
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGTRAP, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	interrupted();
	leafless();
	if (pthread_create(&t, NULL, thread, NULL) == 0)
		pthread_join(t, NULL);
	top = main_top;
	printf("end\ttool=dump\tmade=%d\tlost=0\n", made);
	return 0;
}
