#include "code/arch.h"

/* The trampoline (the vdso's __kernel_rt_sigreturn) runs with sp at the siginfo of 128 bytes, then the ucontext: flags,
 * link, stack, a mask of 128 bytes, and at 176 the sigcontext: fault address, x0..x30 sp pc. */
#define AT(n) (128 + 176 + 8 + 8 * (n))

static const int16_t sigcontext[33] = {
	AT(0),
	AT(1),
	AT(2),
	AT(3),
	AT(4),
	AT(5),
	AT(6),
	AT(7),
	AT(8),
	AT(9),
	AT(10),
	AT(11),
	AT(12),
	AT(13),
	AT(14),
	AT(15),
	AT(16),
	AT(17),
	AT(18),
	AT(19),
	AT(20),
	AT(21),
	AT(22),
	AT(23),
	AT(24),
	AT(25),
	AT(26),
	AT(27),
	AT(28),
	AT(29),
	AT(30),
	AT(31),
	AT(32),
};

const struct arch arch_aarch64 = {
	.name = "aarch64",
	.machine = 183,
	.regs = 33,
	.pc = 32,
	.sp = 31,
	.fp = 29,
	.link = 30,
	.entry_cfa = 0,
	/* User addresses have 48 bits; pointer authentication signs those above. */
	.code_mask = ((uint64_t)1 << 48) - 1,
	.ra_state = 34,
	/* mov x8,#139; svc #0 */
	.sigreturn = { "\x68\x11\x80\xd2\x01\x00\x00\xd4", 8 },
	.sigcontext = sigcontext,
	/* After pc and pstate, on 16 bytes: the record of the floating point registers comes first (FPSIMD_MAGIC). */
	.mark = AT(35),
	.mark_mask = 0xffffffff,
	.mark_value = 0x46508001,
};
