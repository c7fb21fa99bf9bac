/* attr.h - what a perf event was asked for, and how its records are laid out
 *
 * A struct perf_event_attr (linux/perf_event.h) of any size is read from bytes: what a smaller one lacks is zero, what a
 * larger one adds is left out, unless it changes the layout of records, which is an error of perf_layout_init().
 * A struct perf_layout is what decoding needs of an attr, worked out once. Registers are mapped from perf's numbers,
 * which follow the mask of the attr, to the order of DWARF, which is the order of `regs` in a trace.
 *
 * Units:     bytes, and bits of masks.
 * Ownership: the caller holds all structs; none points anywhere.
 * Errors:    -1 with the text in the struct error.
 * Source:    perf_event_open(2); include/uapi/linux/perf_event.h and arch/.../uapi/asm/perf_regs.h of Linux 6.18; DWARF
 *            register numbers: System V ABI AMD64 1.0 figure 3.36, DWARF for the Arm 64-bit Architecture 2023Q3, 4.1.
 */
#ifndef PERF_ATTR_H
#define PERF_ATTR_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

enum perf_machine { PERF_MACHINE_UNKNOWN, PERF_MACHINE_X86_64, PERF_MACHINE_AARCH64 };

/* From the machine of uname(2): "x86_64", "aarch64" (or "arm64"). */
enum perf_machine perf_machine_of(struct slice name);

/* The machine that this was compiled for. */
enum perf_machine perf_machine_here(void);

/* The mask to ask for in sample_regs_user, so that perf_regs_map() finds all that a trace wants; 0 where unknown. */
uint64_t perf_regs_mask(enum perf_machine machine);

enum { PERF_REGS_MAX = 33 };

/* dwarf_register[i] = perf_registers[at[i]]; n is 0 where the mask lacks one that a trace wants. */
struct perf_regs {
	uint8_t n;
	uint8_t at[PERF_REGS_MAX];
};

void perf_regs_map(struct perf_regs *r, enum perf_machine machine, uint64_t mask);

/* Reads an attr of bytes.n bytes or of as many as its size field says, whichever is less. */
int perf_attr_read(struct perf_event_attr *attr, struct slice bytes, struct error *e);

/* Appends the name that perf gives an event without one: cycles, cpu-clock:u, L1-dcache-load-misses, raw 0x1a2,
 * mem:0x1000:rw, tracepoint 314 (their formats know more), and pmu 9 config 0x1 for what is another unit's. */
void perf_attr_name(const struct perf_event_attr *attr, struct buf *to);

struct perf_layout {
	uint64_t sample_type, read_format, branch_type;
	uint64_t regs_user, regs_intr;
	uint64_t period;         /* attr.sample_period where it is fixed, else 0 */
	uint16_t user_n, intr_n; /* registers in the masks */
	uint16_t fixed;          /* bytes of the words that lead every sample */
	uint16_t trailer;        /* bytes of sample_id behind other records; 0 without */
	/* Offsets in a sample from its header, and in others from their end backwards; 0 where there is none. */
	uint8_t sample_id_at, sample_time_at;
	uint8_t trailer_id_at, trailer_time_at;
};

/* -1 where sample_type (or what follows from it) has bits that nobody here knows: samples can't be decoded then, but
 * what stands at the offsets above is right all the same. */
int perf_layout_init(struct perf_layout *l, const struct perf_event_attr *attr, struct error *e);

#endif
