/* inline.h - the functions that an address stands in, inlined ones included, from DWARF
 *
 * Three tables of intervals, each made when it is first needed: compilation units of a file, functions of a unit,
 * inlined calls of a function. So only the functions that were hit are ever read, and a later look-up in them is three
 * binary searches. Names are the linkage name, demangled, else the name. Memory follows what was hit: some 80 bytes a
 * function of each unit hit, 30 an inlined call of each function hit, beside libdw's abbreviation tables.
 *
 * Units:     addresses of the object.
 * Ownership: inline_close() ends everything handed out. The objects given must live longer.
 * Errors:    an address that DWARF does not describe has no frames. Damaged units are left out and counted.
 * Source:    DWARF 5, 2.17 (ranges), 3.3.8 (inlined subroutines); libdw.
 */
#ifndef CODE_INLINE_H
#define CODE_INLINE_H

#include "base/arena.h"
#include "code/object.h"

struct inlines;

/* NULL where debug (the object or its debug file) has no DWARF. alt is the file of .gnu_debugaltlink, or NULL. */
struct inlines *inline_open(struct object *debug, struct object *alt);

/* Names are left as the linker sees them. Call before the first inline_find(). */
void inline_mangled(struct inlines *in);

/* The number of functions at an address, innermost first; the last is the physical one. Their names are good until
 * inline_close(), the array until the next call; a name is empty where there is none. *exact is false where the last
 * one is but a part of what its symbol says (`operator()` for a C++ function that has no linkage name in DWARF). */
size_t inline_find(struct inlines *in, uint64_t addr, const struct slice **name, bool *exact);

/* Units and functions that could not be used. */
uint64_t inline_damaged(const struct inlines *in);

/* NULL is allowed. */
void inline_close(struct inlines *in);

#endif
