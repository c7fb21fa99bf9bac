/* cfi.h - call frame information: compiled once per function, looked up from then on
 *
 * .eh_frame and .debug_frame tell for every instruction of a function where the caller's registers are, as a byte code.
 * cfi_compile() runs that code once, and leaves rows: from this offset on, the CFA is register + offset (or an
 * expression), and these registers are saved there. cfi_step() applies a row to registers and memory.
 * Neither allocates: tables are the caller's, so that code that must not allocate can use them.
 * Cost: compiling is O(instructions of the FDE); a step is a few loads. Expressions run with at most 64 stack items and
 * 1,000 steps.
 *
 * Units:     bytes; code addresses are those of the object (p_vaddr); registers by DWARF number.
 * Ownership: everything is the caller's; a section borrows its bytes.
 * Errors:    -1 for damaged or unknown bytes; never reads outside of the section.
 * Source:    DWARF 5, 6.4 and 2.5; LSB 5.0 core generic, 10.6 (.eh_frame and .eh_frame_hdr).
 */
#ifndef CODE_CFI_H
#define CODE_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code/arch.h"

struct cfi_section {
	const unsigned char *p;
	size_t n;            /* below 2^31 */
	uint64_t addr;       /* where p lies in the object */
	uint64_t text, data; /* bases of textrel and datarel pointers; 0 where unknown */
	bool eh;             /* .eh_frame, else .debug_frame */
};

struct cfi_fde {
	uint64_t pc, end; /* the code that it is about */
	uint32_t initial,
	    start; /* instructions of the CIE and of the FDE: offsets in the section */
	uint32_t initial_end, stop;
	uint64_t code_align;
	int64_t data_align;
	uint8_t ra;  /* the column that holds the return address */
	bool signal; /* its caller was interrupted: the return address is exact */
};

/* Reads the FDE at an offset; -1 where there is none. */
int cfi_fde(const struct cfi_section *s, size_t offset, struct cfi_fde *fde);

/* Walks the section: sets *at to the next entry's offset and *next to what follows. 1 an FDE, 2 a CIE or an entry that
 * cannot be used, 0 the end. Begin with *next = 0. */
int cfi_next(const struct cfi_section *s, size_t *next, size_t *at, struct cfi_fde *fde);

/* The binary search table of .eh_frame_hdr. */
struct cfi_table {
	const unsigned char *p; /* entries of two int32 */
	size_t entries;
	uint64_t base; /* what the entries are relative to */
};

/* -1 where the table is missing or of a form that no linker writes; eh_frame (may be NULL) gets the address that the
 * header gives for .eh_frame. */
int cfi_table(const struct cfi_section *hdr, struct cfi_table *table, uint64_t *eh_frame);

/* The address of the FDE that may cover pc: *fde_addr; -1 where pc is before all. */
int cfi_table_find(const struct cfi_table *table, uint64_t pc, uint64_t *fde_addr);

enum cfi_how {
	CFI_UNDEFINED,
	CFI_SAME,
	CFI_AT,      /* in memory at CFA + value */
	CFI_IS,      /* CFA + value itself */
	CFI_REG,     /* in register `value` */
	CFI_AT_EXPR, /* in memory where the expression at offset `value` of the section says */
	CFI_IS_EXPR, /* what that expression says */
};

struct cfi_rule {
	uint8_t reg, how;
	int32_t value;
};

struct cfi_row {
	uint32_t pc;   /* from the FDE's pc */
	int32_t cfa;   /* offset from cfa_reg; with CFI_CFA_EXPR an offset in the section */
	uint32_t rule; /* index of the first of its rules */
	uint8_t cfa_reg;
	uint8_t rules;
	uint8_t ra; /* column of the return address */
	uint8_t flags;
};

enum {
	CFI_CFA_EXPR = 1,
	CFI_COPY = 2, /* rules read registers: they need them as they were */
	CFI_SIGNAL = 4,
	CFI_ROOT = 8,   /* the return address is undefined: no caller */
	CFI_GUESS = 16, /* not from CFI: frame pointer */
};

struct cfi_rows {
	struct cfi_row *row;
	size_t rows, row_cap;
	struct cfi_rule *rule;
	size_t rules, rule_cap;
};

/* Appends the rows of an FDE in order of pc: at least one. 0; 1 where a table is full (make it larger, try again); -1 for
 * code that cannot be understood. The tables are as before unless it was 0. */
int cfi_compile(const struct cfi_section *s, const struct cfi_fde *fde, const struct arch *arch,
    struct cfi_rows *to);

/* That one row of an FDE which holds for an offset, into *row and rule[arch->regs]: where no tables are kept. Takes about
 * 2 KiB of stack. 0, -1. */
int cfi_row_of(const struct cfi_section *s, const struct cfi_fde *fde, const struct arch *arch,
    uint64_t offset, struct cfi_row *row, struct cfi_rule *rule);

/* The row among n (at least 1) for an offset. */
const struct cfi_row *cfi_row_at(const struct cfi_row *row, size_t n, uint64_t offset);

/* Memory of the process that is unwound: what of its stack was kept, and a way to the rest. */
struct cfi_memory {
	const unsigned char *stack;
	uint64_t sp; /* address of stack[0] */
	size_t n;
	bool (*read)(void *context, uint64_t addr, void *to, size_t n); /* may be NULL */
	void *context;
	uint64_t fault; /* the address that could not be read last */
};

bool cfi_read_slow(struct cfi_memory *m, uint64_t addr, void *to, size_t n);

static inline bool
cfi_read(struct cfi_memory *m, uint64_t addr, uint64_t *to)
{
	uint64_t at = addr - m->sp;

	if (__builtin_expect(m->n >= 8 && at <= m->n - 8, 1)) {
		__builtin_memcpy(to, m->stack + at, 8);
		return true;
	}
	return cfi_read_slow(m, addr, to, 8);
}

/* Turns the registers of a frame into those of its caller; r[arch->pc] is then the return address. `rule` is the table
 * that row->rule points into, s (may be NULL where there are no expressions) the section they came from, bias what an
 * address in the process is above that in the object. 0; 1 memory was missing (m->fault); -1 damage. */
int cfi_step(const struct cfi_row *row, const struct cfi_rule *rule, const struct cfi_section *s,
    uint64_t bias, const struct arch *arch, uint64_t *r, struct cfi_memory *m);

/* Runs the expression (with its length before it) at an offset; initial is put on the stack first where it is not NULL. */
int cfi_expression(const struct cfi_section *s, size_t offset, const struct arch *arch,
    uint64_t bias, const uint64_t *r, const uint64_t *initial, struct cfi_memory *m,
    uint64_t *value);

#endif
