/* arch.h - what differs between architectures, in one place
 *
 * A struct arch is a table of facts. Registers are known by their DWARF numbers, and lie in that order in the `regs` list
 * of a trace. What an unwinder must do at a place without CFI is told as data too: offsets in the kernel's signal
 * frame, the bytes of the signal trampoline. A new architecture is one more file, and one more line in arch.c.
 *
 * Units:     bytes; registers by DWARF number.
 * Ownership: static tables.
 * Errors:    NULL for an architecture that is not known.
 * Source:    System V ABI AMD64 3.7 and figure 3.36; DWARF for the Arm 64-bit Architecture (AADWARF64) 4.1; kernel
 *            arch/x86/include/uapi/asm/sigcontext.h, arch/arm64/include/uapi/asm/sigcontext.h (6.1).
 */
#ifndef CODE_ARCH_H
#define CODE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { ARCH_REGS = 40, ARCH_NONE = 0xff }; /* the most registers that any table has */

struct arch {
	const char *name; /* as uname -m says */
	uint16_t machine; /* e_machine of its ELF files */
	uint8_t regs;     /* items of a `regs` list */
	uint8_t pc, sp, fp;
	uint8_t link;      /* holds the return address on entry, ARCH_NONE where the stack does */
	uint8_t entry_cfa; /* CFA - sp at the first instruction of a function */
	uint64_t
	    code_mask; /* bits of a return address that are address (the rest may be a signature) */
	uint8_t
	    ra_state; /* number of the pseudo register that tells of signed addresses, or ARCH_NONE */
	struct slice sigreturn; /* code of the signal trampoline, from its first instruction */
	const int16_t *
	    sigcontext; /* [regs]: where the trampoline's frame holds each register, from sp; < 0 nowhere */
	/* What tells such a frame from any other: the 8 bytes at `mark`, as far as the mask goes. */
	uint16_t mark;
	uint64_t mark_mask, mark_value;
};

extern const struct arch arch_x86_64, arch_aarch64;

/* By the name that uname -m says, or by e_machine; NULL where unknown. */
const struct arch *arch_by_name(struct slice name);
const struct arch *arch_by_machine(uint16_t machine);

/* "x86_64, aarch64": what messages say. */
const char *arch_names(void);

/* Both have their kernel in the upper half of the addresses. */
static inline bool
arch_is_kernel(uint64_t addr)
{
	return addr >> 63;
}

#endif
