/* stack_object.h - the objects of this process, and their call frame information where it is mapped
 *
 * With glibc 2.35 and later _dl_find_object() finds them without a lock; before, a list of our own is made by
 * dl_iterate_phdr() at stack_begin() and where objects have changed.
 *
 * Units:     addresses of the process (sections are given as if bias were 0).
 * Ownership: static; sections are the objects' own bytes.
 * Errors:    false.
 * Source:    glibc manual, 34.4 (_dl_find_object); LSB 5.0 core generic, 10.6.
 */
#ifndef INTERPOSE_STACK_OBJECT_H
#define INTERPOSE_STACK_OBJECT_H

#include "code/cfi.h"

struct stack_object {
	uintptr_t start, end;
	const unsigned char *hdr; /* .eh_frame_hdr; NULL: it has none */
};

/* Tells of an object that is met for the first time (stack_new_object()). */
bool stack_object_of(uintptr_t addr, struct stack_object *o);

/* The row that holds for an address of the object; rule has room for ARCH_REGS. *first: the address is that of the
 * function's first instruction. */
bool stack_object_row(const struct stack_object *o, uintptr_t addr, struct cfi_section *s,
    struct cfi_row *row, struct cfi_rule *rule, bool *first);

/* Whether a signal handler returns to this address of the object. */
bool stack_is_trampoline(const struct stack_object *object, uintptr_t pc);

/* Objects may have gone. */
void stack_objects_look(void);

#endif
