/* Threads of a model program call an allocator, in and out of each other; what is told must be what the model knows. Stack pointers,
 * exceptions, lost events and addresses that are used again are as a machine has them. */
#include "flow/attach_calls.h"

#include <string.h>

#include "unit.h"

enum { TOLD = 1 << 16, WORD = 8 };

static struct told {
	bool is_free;
	struct attach_alloc a;
	uint64_t leaf;
} told[TOLD];
static unsigned tolds;

static int
tell(bool is_free, const struct attach_alloc *a)
{
	CLAIM(tolds < TOLD);
	told[tolds++] = (struct told){ is_free, *a, a->chain.n > 0 ? a->chain.frame[0] : 0 };
	return 0;
}

static int
on_alloc(const struct attach_alloc *a, void *context)
{
	(void)context;
	return tell(false, a);
}

static int
on_free(const struct attach_alloc *a, void *context)
{
	(void)context;
	return tell(true, a);
}

static const struct attach_sink sink = { on_alloc, on_free, NULL };

static uint8_t
number_of(const char *symbol)
{
	for (unsigned i = 0; i < allocator_functions; i++)
		if (strcmp(allocator_function[i].symbol, symbol) == 0)
			return (uint8_t)i;
	CLAIM(!"a function");
	return 0;
}

/* ---- a program ---- */

static struct attach_calls *c;
static uint64_t now;
static uint32_t tid = 7, pid = 7;

static void
enter(const char *symbol, uint64_t sp, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t caller)
{
	const struct attach_call call = { ++now, sp, pid, tid, number_of(symbol),
		strncmp(symbol, "_Zn", 3) == 0 };
	const uint64_t arg[ALLOCATOR_ARGS] = { a0, a1, a2 };

	CLAIM(attach_calls_enter(
		  c, &call, arg, (struct attach_chain){ .frame = &caller, .n = caller > 0 }) == 0);
}

static void
leave(const char *symbol, uint64_t sp, uint64_t value, const uint64_t *stored, uint64_t caller)
{
	const struct attach_call call = { ++now, sp + WORD, pid, tid, number_of(symbol), false };

	CLAIM(attach_calls_return(c, &call, value, stored,
		  (struct attach_chain){ .frame = &caller, .n = caller > 0 }) == 0);
}

static const struct told *
last(const char *op, bool is_free, uint64_t addr)
{
	const struct told *x = &told[tolds - 1];

	CLAIM(tolds > 0);
	CLAIM(x->is_free == is_free && x->a.addr == addr && strcmp(x->a.op, op) == 0);
	CLAIM(x->a.tid == tid && x->a.pid == pid);
	return x;
}

static void
begin(uint64_t min)
{
	attach_calls_free(c);
	c = attach_calls_new(&sink, WORD, min);
	tolds = 0;
}

/* ---- claims ---- */

static void
single_calls(void)
{
	const struct told *x;
	uint64_t stored = 0x5000;

	begin(0);
	enter("malloc", 1000, 64, 0, 0, 0);
	CLAIM(tolds == 0);
	leave("malloc", 1000, 0x1000, NULL, 77);
	x = last("malloc", false, 0x1000);
	CLAIM(
	    x->a.size == 64 && x->a.t == now && x->leaf == 77 && x->a.align == 0 && x->a.old == 0);
	enter("calloc", 1000, 3, 7, 0, 0);
	leave("calloc", 1000, 0x2000, NULL, 0);
	CLAIM(last("calloc", false, 0x2000)->a.size == 21);
	enter("reallocarray", 1000, 0x2000, 5, 6, 0);
	CLAIM(last("realloc", true, 0x2000)->a.t == now);
	leave("reallocarray", 1000, 0x3000, NULL, 0);
	x = last("reallocarray", false, 0x3000);
	CLAIM(x->a.size == 30 && x->a.old == 0x2000);
	enter("posix_memalign", 1000, 0x999, 128, 500, 0);
	leave("posix_memalign", 1000, 0, &stored, 0);
	x = last("posix_memalign", false, 0x5000);
	CLAIM(x->a.size == 500 && x->a.align == 128);
	/* nothing is said of an address that nobody saw */
	enter("posix_memalign", 1000, 0x999, 128, 500, 0);
	leave("posix_memalign", 1000, 0, NULL, 0);
	CLAIM(tolds == 5 && attach_calls_counts(c)->unread == 1);
	enter("posix_memalign", 1000, 0x999, 128, 500, 0);
	leave("posix_memalign", 1000, 12, &stored, 0);
	CLAIM(tolds == 5 && attach_calls_counts(c)->failed == 1);
	enter("free", 1000, 0x5000, 0, 0, 0);
	CLAIM(last("free", true, 0x5000)->a.size == 0);
	enter("_ZdlPvm", 1000, 0x3000, 30, 0, 0);
	CLAIM(last("delete", true, 0x3000)->a.size == 30);
	enter("free", 1000, 0, 0, 0, 0);
	CLAIM(tolds == 7);
	enter("mmap", 1000, 0, 8192, 0, 0);
	leave("mmap", 1000, 0x10000, NULL, 0);
	CLAIM(last("mmap", false, 0x10000)->a.size == 8192);
	enter("mremap", 1000, 0x10000, 8192, 16384, 0);
	CLAIM(last("mremap", true, 0x10000)->a.size == 8192);
	leave("mremap", 1000, 0x20000, NULL, 0);
	CLAIM(last("mremap", false, 0x20000)->a.old == 0x10000);
	enter("mmap", 1000, 0, 1, 0, 0);
	leave("mmap", 1000, UINT64_MAX, NULL, 0);
	enter("munmap", 1000, 0x20000, 4096, 0, 0);
	CLAIM(last("munmap", true, 0x20000)->a.size == 4096);
	CLAIM(attach_calls_counts(c)->failed == 2 && attach_calls_counts(c)->unknown == 0);
}

static void
reallocs(void)
{
	begin(0);
	enter("realloc", 1000, 0, 10, 0, 0);
	CLAIM(tolds == 0);
	leave("realloc", 1000, 0x1000, NULL, 0);
	CLAIM(last("realloc", false, 0x1000)->a.old == 0);
	/* one that fails: the old one lives on, as large as it was */
	enter("realloc", 1000, 0x1000, 1 << 30, 0, 0);
	leave("realloc", 1000, 0, NULL, 0);
	CLAIM(last("realloc", false, 0x1000)->a.size == 10 && told[tolds - 1].a.old == 0x1000);
	/* to nothing: it is gone, and no allocation follows */
	enter("realloc", 1000, 0x1000, 0, 0, 0);
	leave("realloc", 1000, 0, NULL, 0);
	last("realloc", true, 0x1000);
	CLAIM(attach_calls_counts(c)->failed == 1);
	enter("free", 1000, 0x1000, 0, 0, 0);
	CLAIM(attach_calls_counts(c)->unknown == 1);
}

static void
nested_calls(void)
{
	begin(0);
	/* calloc by malloc, which maps */
	enter("calloc", 1000, 2, 50, 0, 0);
	enter("malloc", 900, 100, 0, 0, 0);
	enter("mmap", 800, 0, 4096, 0, 0);
	leave("mmap", 800, 0x8000, NULL, 5);
	leave("malloc", 900, 0x8010, NULL, 5);
	CLAIM(tolds == 0);
	leave("calloc", 1000, 0x8010, NULL, 6);
	CLAIM(tolds == 1 && last("calloc", false, 0x8010)->leaf == 6);
	/* free that unmaps; and a program that unmaps something else, deeper in its stack */
	enter("free", 1000, 0x8010, 0, 0, 0);
	enter("munmap", 900, 0x8000, 4096, 0, 0);
	CLAIM(tolds == 2);
	enter("munmap", 900, 0x9000, 4096, 0, 0);
	CLAIM(tolds == 3);
	/* new[] by new by malloc: told as new[], from where that was called */
	enter("_Znam", 1000, 100, 0, 0, 11);
	enter("_Znwm", 1000, 100, 0, 0, 12);
	enter("malloc", 900, 104, 0, 0, 0);
	leave("malloc", 900, 0x100, NULL, 13);
	CLAIM(tolds == 4 && last("new[]", false, 0x100)->leaf == 11 && told[3].a.size == 100);
	/* and its end, in jumps or in calls */
	enter("_ZdaPvm", 1000, 0x100, 100, 0, 0);
	enter("_ZdaPv", 1000, 0x100, 0, 0, 0);
	enter("_ZdlPv", 900, 0x100, 0, 0, 0);
	enter("free", 800, 0x100, 0, 0, 0);
	CLAIM(tolds == 5 && last("delete[]", true, 0x100)->a.size == 100);
	/* the same address, given anew by another thread, and deleted again, and once more: two more ends */
	tid = 8;
	enter("malloc", 5000, 100, 0, 0, 0);
	leave("malloc", 5000, 0x100, NULL, 0);
	tid = 7;
	enter("_ZdaPvm", 1000, 0x100, 100, 0, 0);
	enter("free", 800, 0x100, 0, 0, 0);
	CLAIM(tolds == 7);
	tid = 8;
	enter("malloc", 5000, 100, 0, 0, 0);
	leave("malloc", 5000, 0x100, NULL, 0);
	tid = 7;
	enter("free", 800, 0x100, 0, 0, 0);
	CLAIM(tolds == 9);
	CLAIM(attach_calls_counts(c)->unknown == 0);
	/* a thread in the middle of another's call */
	enter("malloc", 1000, 1, 0, 0, 0);
	tid = 8;
	enter("malloc", 5000, 2, 0, 0, 0);
	tid = 7;
	leave("malloc", 1000, 0x21, NULL, 0);
	CLAIM(last("malloc", false, 0x21)->a.size == 1);
	tid = 8;
	leave("malloc", 5000, 0x22, NULL, 0);
	CLAIM(last("malloc", false, 0x22)->a.size == 2);
	tid = 7;
	CLAIM(attach_calls_counts(c)->cut == 0 && attach_calls_counts(c)->unpaired == 0);
}

static void
exceptions(void)
{
	begin(0);
	/* new finds nothing, calls the handler, tries again, has it */
	enter("_Znwm", 1000, 40, 0, 0, 21);
	enter("malloc", 900, 40, 0, 0, 0);
	leave("malloc", 900, 0, NULL, 0);
	enter("malloc", 900, 40, 0, 0, 0);
	leave("malloc", 900, 0x40, NULL, 22);
	CLAIM(tolds == 1 && last("new", false, 0x40)->leaf == 21);
	/* it finds nothing, and throws: the exception has memory of its own */
	enter("_Znam", 1000, 1ull << 62, 0, 0, 23);
	enter("_Znwm", 1000, 1ull << 62, 0, 0, 24);
	enter("malloc", 900, 1ull << 62, 0, 0, 0);
	leave("malloc", 900, 0, NULL, 0);
	enter("malloc", 850, 136, 0, 0, 0);
	leave("malloc", 850, 0x50, NULL, 25);
	CLAIM(tolds == 2 && last("malloc", false, 0x50)->a.size == 136 && told[1].leaf == 25);
	/* a mark that was left without a word is known by the stack */
	enter("_Znwm", 1000, 40, 0, 0, 26);
	enter("malloc", 1100, 41, 0, 0, 0);
	leave("malloc", 1100, 0x60, NULL, 27);
	CLAIM(tolds == 3 && last("malloc", false, 0x60)->a.size == 41);
	CLAIM(attach_calls_counts(c)->cut == 3);
}

static void
losses(void)
{
	begin(0);
	leave("malloc", 1000, 0x1000, NULL, 0); /* began before we did */
	CLAIM(tolds == 0 && attach_calls_counts(c)->unpaired == 1);
	enter("malloc", 1000, 1, 0, 0, 0);
	attach_calls_lost(c);
	leave("malloc", 1000, 0x1000, NULL, 0);
	CLAIM(tolds == 0 && attach_calls_counts(c)->unpaired == 2);
	/* a return that was lost: the next call stands at the same place or above, or under it, which is found at its return */
	enter("malloc", 1000, 1, 0, 0, 0);
	enter("malloc", 1000, 2, 0, 0, 0);
	leave("malloc", 1000, 0x2000, NULL, 0);
	CLAIM(tolds == 1 && last("malloc", false, 0x2000)->a.size == 2);
	/* as many calls inside each other as nobody makes */
	for (uint64_t sp = 1000; sp > 900; sp--)
		enter("malloc", sp, sp, 0, 0, 0);
	leave("malloc", 1000, 0x3000, NULL, 0);
	CLAIM(last("malloc", false, 0x3000)->a.size == 1000);
	enter("malloc", 990, 1, 0, 0, 0);
	attach_calls_exit(c, pid, tid);
	attach_calls_fork(c, pid, pid, tid);
	enter("malloc", 500, 5, 0, 0, 0);
	leave("malloc", 500, 0x4000, NULL, 0);
	CLAIM(last("malloc", false, 0x4000)->a.size == 5);
}

static void
processes(void)
{
	begin(100);
	enter("malloc", 1000, 100, 0, 0, 0);
	leave("malloc", 1000, 0x100, NULL, 0);
	enter("malloc", 1000, 99, 0, 0, 0);
	leave("malloc", 1000, 0x200, NULL, 0);
	CLAIM(tolds == 1 && attach_calls_counts(c)->below_min == 1);
	/* the child has what its parent had */
	attach_calls_fork(c, 7, 17, 17);
	enter("free", 1000, 0x100, 0, 0, 0);
	CLAIM(tolds == 2);
	enter("free", 1000, 0x200, 0, 0, 0);
	CLAIM(tolds == 2 && attach_calls_counts(c)->unknown == 1);
	pid = tid = 17;
	enter("free", 1000, 0x100, 0, 0, 0);
	CLAIM(tolds == 3);
	enter("malloc", 1000, 100, 0, 0, 0);
	leave("malloc", 1000, 0x300, NULL, 0);
	attach_calls_exec(c, 17, 17);
	enter("free", 1000, 0x300, 0, 0, 0);
	CLAIM(tolds == 4 && attach_calls_counts(c)->unknown == 2);
	pid = tid = 7;
}

/* What lives is a set: any order of births and ends. */
static void
many(void)
{
	enum { ADDRESSES = 3000 };
	static bool lives[ADDRESSES];
	uint64_t unknown = 0;

	begin(0);
	for (int i = 0; i < 30000; i++) {
		unsigned at = (unsigned)unit_draw(ADDRESSES);

		if (!lives[at] && unit_draw(4) > 0) {
			enter("malloc", 1000, at, 0, 0, 0);
			leave("malloc", 1000, 0x1000 + at * 16, NULL, 0);
			lives[at] = true;
		} else {
			unknown += !lives[at];
			enter("free", 1000, 0x1000 + at * 16, 0, 0, 0);
			lives[at] = false;
		}
		CLAIM(attach_calls_counts(c)->unknown == unknown);
	}
	CLAIM(unknown > 100);
}

int
main(void)
{
	single_calls();
	reallocs();
	nested_calls();
	exceptions();
	losses();
	processes();
	many();
	attach_calls_free(c);
	return 0;
}
