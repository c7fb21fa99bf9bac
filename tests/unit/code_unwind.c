/* The unwinder on this very process: known call chains are walked from their own registers and a copy of their stack. */
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/alloc.h"
#include "code/space.h"
#include "code/symbols.h"
#include "code/unwind.h"
#include "unit.h"

#if !defined(__x86_64__) || defined(__SANITIZE_ADDRESS__)
/* Registers are taken as x86-64 has them; a sanitizer does not like a stack that is copied as a whole. */
int
main(void)
{
	puts("not x86-64, or built with a sanitizer");
	return 77;
}
#else

#define NOINLINE __attribute__((noinline, noclone))

/* ---- the address space of this process ---- */

static struct image {
	char *path;
	struct object *object;
	struct unwind_rules *rules;
	struct symbols symbols;
} image[64];
static uint32_t images;
static struct spaces spaces;

static uint32_t
image_of(const char *path)
{
	struct image *i;
	struct error e;

	for (uint32_t n = 0; n < images; n++)
		if (strcmp(image[n].path, path) == 0)
			return n;
	CLAIM(images < 64);
	i = &image[images];
	i->path = strdup(path);
	i->object = strcmp(path, "[vdso]") == 0
			? object_vdso((struct slice){ 0 }, &e)
			: object_open(path, NULL, 0, (struct slice){ 0 }, &e);
	if (i->object) {
		i->rules = unwind_rules_new(i->object, &arch_x86_64);
		symbols_read(&i->symbols, i->object, ".dynsym");
		symbols_read(&i->symbols, i->object, ".symtab");
	}
	return images++;
}

static void
read_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096], mode[8], path[4096];

	CLAIM(f != NULL);
	while (fgets(line, sizeof line, f)) {
		struct space_map m = { .pid = 1 };

		path[0] = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %4095[^\n]",
			&m.start, &m.end, mode, &m.offset, path) < 4)
			continue;
		if (mode[2] != 'x' || path[0] == 0)
			continue;
		m.object = image_of(path);
		spaces_map(&spaces, 1, m);
	}
	fclose(f);
}

static struct image *
place_of(uint64_t addr, uint64_t *bias)
{
	const struct space_map *m = space_find(spaces_of(&spaces, 1), addr);
	uint64_t vaddr;

	if (m == NULL)
		return NULL;
	if (image[m->object].object == NULL ||
	    object_vaddr(image[m->object].object, m->offset, &vaddr) < 0)
		return NULL;
	*bias = m->start - vaddr;
	return &image[m->object];
}

static bool
find(void *context, uint64_t addr, struct unwind_place *place)
{
	struct image *i = place_of(addr, &place->bias);

	(void)context;
	if (i == NULL)
		return false;
	place->rules = i->rules;
	return true;
}

static struct unwind unwind = { .arch = &arch_x86_64, .find = find };

/* ---- what a walk from here must say ---- */

static const char *stack_top;
static char got[65536];
static size_t cut; /* bytes of the stack that are kept; 0: all */

static void
walk(const ucontext_t *uc)
{
	static const int from[17] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP,
		REG_RSP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
		REG_RIP };
	uint64_t r[17], at[4096];
	size_t n, bytes;
	char *copy, *p = got;

	for (int i = 0; i < 17; i++)
		r[i] = (uint64_t)uc->uc_mcontext.gregs[from[i]];
	bytes = (size_t)(stack_top - (const char *)r[7]);
	if (cut && bytes > cut)
		bytes = cut;
	copy = xmalloc(bytes);
	memcpy(copy, (const void *)r[7], bytes);
	n = unwind_walk(&unwind, 7, r, copy, bytes, at, 4096);
	for (size_t i = 0; i < n; i++) {
		uint64_t bias = 0;
		struct image *m = place_of(at[i], &bias);
		const struct symbol *s = m ? symbols_find(&m->symbols, at[i] - bias) : NULL;

		if (s)
			p += sprintf(p, "%.*s ", SLICE_ARG(s->name));
		else
			p += sprintf(p, "? ");
	}
	*p = 0;
	free(copy);
}

static void
here(void)
{
	ucontext_t uc;

	getcontext(&uc);
	walk(&uc);
}

/* What was got must begin with this. */
static void
expect(const char *want, enum unwind_end end)
{
	if (strncmp(got, want, strlen(want)) != 0 || unwind.end != end) {
		fprintf(stderr, "got  %s (%d)\nwant %s (%d)\n", got, unwind.end, want, end);
		exit(1);
	}
}

static volatile int sink;

/* A tail call would take the frame away: something must come after. */
#define AFTER    sink++

static NOINLINE void
leaf(void)
{
	here();
	AFTER;
}

static NOINLINE void
variadic(int n, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, n);
	sink += __builtin_va_arg(ap, int);
	leaf();
	__builtin_va_end(ap);
	AFTER;
}

static NOINLINE void
with_alloca(size_t n)
{
	volatile char *p = __builtin_alloca(n);

	p[0] = 1;
	variadic(1, 2);
	AFTER;
}

/* Realigns its stack: GCC tells of its CFA by an expression. */
static NOINLINE void
realigned(int n)
{
	volatile char a[64] __attribute__((aligned(64), unused));

	a[0] = (char)n;
	with_alloca((size_t)n);
	AFTER;
}

static NOINLINE void
recursive(int n)
{
	volatile char pad[40] __attribute__((unused));

	pad[0] = (char)n;
	if (n == 0)
		leaf();
	else
		recursive(n - 1);
	AFTER;
}

static NOINLINE void
big_frame(void)
{
	volatile char a[100000];

	a[0] = a[99999] = 1;
	leaf();
	AFTER;
}

static int
compare(const void *a, const void *b)
{
	(void)a;
	(void)b;
	leaf();
	AFTER;
	return 0;
}

static NOINLINE void
through_libc(void)
{
	int two[2] = { 1, 2 };

	qsort(two, 2, sizeof *two, compare);
	AFTER;
}

static NOINLINE void
tail_target(int n)
{
	sink += n;
	leaf();
	AFTER;
}

static NOINLINE void
tail_caller(int n)
{
	AFTER;
	tail_target(n + 1);
}

static NOINLINE void
tail_root(void)
{
	tail_caller(3);
	AFTER;
}

static char handler_got[65536];

static void
handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	leaf();
	memcpy(handler_got, got, sizeof got);
	walk(context); /* and where it was interrupted */
	AFTER;
}

static NOINLINE void
interrupted(void)
{
	*(volatile int *)&sink = 0;
	__asm__ volatile("int3");
	AFTER;
}

static NOINLINE void
signal_caller(void)
{
	interrupted();
	AFTER;
}

static void *
thread(void *arg)
{
	pthread_attr_t a;
	void *base;
	size_t size;

	(void)arg;
	CLAIM(pthread_getattr_np(pthread_self(), &a) == 0);
	CLAIM(pthread_attr_getstack(&a, &base, &size) == 0);
	stack_top = (char *)base + size;
	pthread_attr_destroy(&a);
	recursive(2);
	return NULL;
}

static NOINLINE int
light_target(int n)
{
	return sink + n;
}

static NOINLINE int
light(int n)
{
	AFTER;
	return light_target(n + 1);
}

/* The place of every instruction of a PLT entry and of a function's begin and end: single steps by the trap flag. */
static uint64_t steps, good;
static int stepping;

static void
on_step(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	if (!stepping)
		return;
	walk(context);
	if (strncmp(got, "stepped ", 8) == 0)
		return; /* its assembler moves sp without telling */
	steps++;
	if (strstr(got, "stepped main ") && unwind.end == UNWIND_ROOT)
		good++;
	else if (getenv("UNIT_VERBOSE"))
		fprintf(stderr, "step %s(%d)\n", got, unwind.end);
}

static NOINLINE int
stepped(void)
{
	char a[64];
	int n;

	__asm__ volatile("pushf; orl $0x100,(%%rsp); popf" ::: "memory", "cc");
	n = snprintf(a, sizeof a, "%d %s %g", getppid(), "x", 1.5);
	n += light((int)strlen(a));
	__asm__ volatile("pushf; andl $~0x100,(%%rsp); popf" ::: "memory", "cc");
	return n;
}

int
main(int argc, char **argv)
{
	struct sigaction trap = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	pthread_t t;
	const char *main_top;

	(void)argc;
	stack_top = main_top = (const char *)argv - 8;
	read_maps();

	realigned(1000);
	expect("here leaf variadic with_alloca realigned main ", UNWIND_ROOT);
	CLAIM(strstr(got, "_start ") != NULL || strstr(got, "? ") != NULL);
	recursive(5);
	expect("here leaf recursive recursive recursive recursive recursive recursive main ",
	    UNWIND_ROOT);
	big_frame();
	expect("here leaf big_frame main ", UNWIND_ROOT);
	through_libc();
	expect("here leaf compare ", UNWIND_ROOT);
	CLAIM(strstr(got, " through_libc main ") != NULL);
	tail_root();
	expect("here leaf tail_target tail_root main ", UNWIND_ROOT);

	cut = 50000;
	big_frame();
	expect("here leaf big_frame ", UNWIND_CUT);
	CLAIM(strcmp(got, "here leaf big_frame ") == 0);
	cut = 1;
	leaf();
	CLAIM(strcmp(got, "here ") == 0 && unwind.end == UNWIND_CUT);
	cut = 0;

	CLAIM(sigaction(SIGTRAP, &trap, NULL) == 0);
	signal_caller();
	expect("interrupted signal_caller main ", UNWIND_ROOT);
	CLAIM(strncmp(handler_got, "here leaf handler ", 18) == 0);
	CLAIM(strstr(handler_got, " interrupted signal_caller main ") != NULL);

	CLAIM(pthread_create(&t, NULL, thread, NULL) == 0);
	CLAIM(pthread_join(t, NULL) == 0);
	CLAIM(strncmp(got, "here leaf recursive recursive recursive thread ", 46) == 0);
	CLAIM(strstr(got, "main") == NULL);
	CLAIM(unwind.end == UNWIND_ROOT);
	stack_top = main_top;

	trap.sa_sigaction = on_step;
	CLAIM(sigaction(SIGTRAP, &trap, NULL) == 0);
	stepping = 1;
	stepped();
	stepping = 0;
	if (getenv("UNIT_VERBOSE"))
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " steps\n", good, steps);
	CLAIM(steps > 500);
	CLAIM(good == steps);
	return 0;
}
#endif
