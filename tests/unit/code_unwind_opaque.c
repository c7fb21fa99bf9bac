/* The unwinder in code that nobody can look at: frame pointers of code made at run time, and a signal's frame. */
#include <string.h>

#include "code/unwind.h"
#include "unit.h"

enum { SP = 0x7000, CODE = 0x400000 };

static bool
find(void *context, uint64_t addr, struct unwind_place *place)
{
	(void)context;
	*place = (struct unwind_place){ .rules = NULL };
	return addr >= CODE && addr < CODE + 0x1000;
}

static uint64_t stack[128]; /* from SP up */

static uint64_t
at(unsigned item)
{
	return SP + 8 * item;
}

/* Walks from pc CODE with the frame record at stack[2]; returns how many addresses. */
static size_t
walk(uint64_t *to)
{
	struct unwind u = { .arch = &arch_x86_64, .find = find };
	uint64_t r[17] = { 0 };
	size_t n;

	r[7] = SP;
	r[6] = at(2);
	r[16] = CODE;
	n = unwind_walk(&u, 0, r, stack, sizeof stack, to, 16);
	CLAIM(u.end == UNWIND_ROOT);
	unwind_free(&u);
	return n;
}

int
main(void)
{
	uint64_t got[16];

	/* Three records: the second lies where, seen from the caller's sp, a signal's frame has rsp and rip. */
	stack[2] = at(24);
	stack[3] = CODE + 0x11;
	CLAIM(at(24) == at(4) + 160);
	stack[24] = at(40);
	stack[25] = CODE + 0x21;
	stack[40] = 0;
	stack[41] = CODE + 0x31;
	CLAIM(walk(got) == 4);
	CLAIM(got[0] == CODE && got[1] == CODE + 0x10 && got[2] == CODE + 0x20 &&
	      got[3] == CODE + 0x30);

	/* A signal's frame has the code segment of user code behind rip and the flags. */
	stack[24] = at(60);    /* rsp */
	stack[4 + 5 + 10] = 0; /* rbp */
	stack[27] = 0x2b000000000033;
	CLAIM(walk(got) == 3);
	CLAIM(got[1] == CODE + 0x11 && got[2] == CODE + 0x21);
	return 0;
}
