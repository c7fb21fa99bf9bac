/* Any bytes as .eh_frame, .debug_frame and .eh_frame_hdr: walked, compiled and stepped through. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "code/cfi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cfi_row row[256];
	static struct cfi_rule rule[2048];
	static unsigned char stack[512];
	const struct arch *arch;
	struct cfi_section s;
	struct cfi_table table;
	struct cfi_fde fde;
	size_t next = 0, at;
	uint64_t addr;
	int got;

	if (size < 1)
		return 0;
	arch = *data & 1 ? &arch_x86_64 : &arch_aarch64;
	s = (struct cfi_section){ .p = data + 1, .n = size - 1, .addr = 0x10000, .eh = *data & 2 };
	if (cfi_table(&s, &table, &addr) == 0)
		cfi_table_find(&table, 0x10100, &addr);
	while ((got = cfi_next(&s, &next, &at, &fde)) > 0) {
		struct cfi_rows to = { row, 0, 256, rule, 0, 2048 };

		if (got != 1 || cfi_compile(&s, &fde, arch, &to) != 0)
			continue;
		for (size_t i = 0; i < to.rows; i++) {
			struct cfi_memory m = { .stack = stack, .sp = 0x7000, .n = sizeof stack };
			uint64_t r[ARCH_REGS];

			for (unsigned k = 0; k < ARCH_REGS; k++)
				r[k] = 0x7000 + k * 8;
			cfi_step(&row[i], rule, &s, 0x100, arch, r, &m);
		}
	}
	return 0;
}
