#include "code/arch.h"

/* The trampoline (glibc's __restore_rt) runs with sp at the ucontext: flags, link and stack take 40 bytes, then the
 * sigcontext: r8..r15 rdi rsi rbp rbx rdx rax rcx rsp rip. */
#define AT(n) (40 + 8 * (n))

static const int16_t sigcontext[17] = {
	AT(13),                                                 /* rax */
	AT(12),                                                 /* rdx */
	AT(14),                                                 /* rcx */
	AT(11),                                                 /* rbx */
	AT(9),                                                  /* rsi */
	AT(8),                                                  /* rdi */
	AT(10),                                                 /* rbp */
	AT(15),                                                 /* rsp */
	AT(0), AT(1), AT(2), AT(3), AT(4), AT(5), AT(6), AT(7), /* r8..r15 */
	AT(16),                                                 /* rip */
};

const struct arch arch_x86_64 = {
	.name = "x86_64",
	.machine = 62,
	.regs = 17,
	.pc = 16,
	.sp = 7,
	.fp = 6,
	.link = ARCH_NONE,
	.entry_cfa = 8,
	.code_mask = ~(uint64_t)0,
	.ra_state = ARCH_NONE,
	/* mov $15,%rax; syscall */
	.sigreturn = { "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9 },
	.sigcontext = sigcontext,
	/* After rip and eflags: cs of 64-bit user code, and gs and fs, which are 0. */
	.mark = AT(18),
	.mark_mask = 0xffffffffffff,
	.mark_value = 0x33,
};
