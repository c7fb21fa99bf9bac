/* unwind.h - from registers and a piece of stack to the call chain
 *
 * A struct unwind_rules holds the call frame information of one object; each FDE is compiled at its first use and kept.
 * A struct unwind walks frames: for a code address it finds a row (cfi.h) in a table of recent addresses, or else through
 * the object, and applies it. Where an object has no CFI for an address, the row is made up: the kernel's signal frame
 * where the code is a signal trampoline, the entry of a function in a PLT, no caller at an object's entry point, else the
 * frame pointer (counted as a guess).
 * Cost: about 10 ns a frame warm; memory: the rows of the functions met, and 1 MiB for the table.
 *
 * Units:     addresses of the process; registers by DWARF number.
 * Ownership: unwind_rules_new() to unwind_rules_free(), borrowing the object; the caller holds struct unwind.
 * Errors:    none; how a walk ended is said in `end`.
 * Source:    own; see cfi.h.
 */
#ifndef CODE_UNWIND_H
#define CODE_UNWIND_H

#include "base/arena.h"
#include "base/hash.h"
#include "code/arch.h"
#include "code/cfi.h"
#include "code/object.h"

struct unwind_rules;

/* The rules of an object, whose bytes stay in use. arch must be that of the object. */
struct unwind_rules *unwind_rules_new(struct object *o, const struct arch *arch);
void unwind_rules_free(struct unwind_rules *u);

/* Where to ask, at most once, for the separate debug file, when the object does not tell of an address. The result is
 * borrowed, and may be NULL. */
void unwind_rules_debug(
    struct unwind_rules *u, struct object *(*debug)(void *context), void *context);

/* The row for an address of the object, good as long as the rules are; NULL where there is none. *rule and *section are
 * what cfi_step() wants. */
const struct cfi_row *unwind_rules_row(struct unwind_rules *u, uint64_t vaddr,
    const struct cfi_rule **rule, const struct cfi_section **section);

/* FDEs compiled, and those that could not be. */
void unwind_rules_counts(const struct unwind_rules *u, uint64_t *compiled, uint64_t *damaged);

/* What lies at an address of the process. */
struct unwind_place {
	struct unwind_rules *rules; /* NULL: code of no object (JIT), or the object is not there */
	uint64_t bias;              /* address of the process - address in the object */
};

enum unwind_end {
	UNWIND_ROOT,      /* the walk came to the first function */
	UNWIND_CUT,       /* memory was needed that the dump does not hold */
	UNWIND_NO_CFI,    /* no rules, and no frame pointer to follow */
	UNWIND_NO_OBJECT, /* an address that no mapping holds */
	UNWIND_DAMAGED,   /* rules that cannot be, or that lead nowhere */
	UNWIND_FULL,      /* more frames than asked for */
	UNWIND_ENDS
};

struct unwind_memo;

struct unwind {
	const struct arch *arch;
	/* Tells what lies at an address: false where nothing does. */
	bool (*find)(void *context, uint64_t addr, struct unwind_place *place);
	/* Reads memory that is not in the dump, of objects; may be NULL. */
	bool (*read)(void *context, uint64_t addr, void *to, size_t n);
	void *context;
	enum unwind_end end; /* of the last walk */
	unsigned
	    guesses; /* frames of the last walk that came by frame pointer where there was no CFI */
	struct unwind_memo *memo; /* private */
};

/* Walks from registers r[arch->regs] (not changed) and the stack's bytes from r[sp] upwards, leaf first. at[i] is an
 * address inside the instruction that frame i stands at: the pc of the leaf and of what a signal interrupted, else the
 * return address - 1. serial names the state of the address space (0: remember nothing). Returns how many, at least 1
 * where max is. */
size_t unwind_walk(struct unwind *u, uint64_t serial, const uint64_t *r, const void *stack,
    size_t stack_bytes, uint64_t *at, size_t max);

/* Forgets remembered addresses: after rules were freed. */
void unwind_forget(struct unwind *u);
void unwind_free(struct unwind *u);

#endif
