/* prologue.h - where, among the first instructions of a function, a probe costs least
 *
 * A probe is a trap. Of some instructions the kernel does the work itself there (push, jumps, calls, nop); all others it has to
 * run by a second trap, a single step, and where a hypervisor looks at those, that one costs ten times the first. So of the
 * straight code from the entry on, the first instruction is taken that the kernel knows, as long as nothing before it
 * changes the stack pointer, the frame pointer or an argument.
 *
 * Units:     bytes.
 * Ownership: none.
 * Errors:    none: where there is no better place, it is the entry.
 * Source:    Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, appendix A;
 *            arch/x86/kernel/uprobes.c of Linux 6.1.
 */
#ifndef CODE_PROLOGUE_H
#define CODE_PROLOGUE_H

#include "base/slice.h"

/* code: of the function, from its entry on, as far as it is there; arguments: how many of them (at most 3) the probe reads.
 * x86-64. */
unsigned prologue_place(struct slice code, unsigned arguments);

#endif
