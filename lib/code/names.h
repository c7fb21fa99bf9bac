/* names.h - what an address of an object is called
 *
 * Joins what knows names: DWARF for functions and what was inlined into them, the symbol tables of the object and of
 * its debug file, the packed symbols of .gnu_debugdata, the linkage tables. All of it is opened at the first question
 * that needs it, and every answer is kept in a table by address: asking again costs one probe. The table begins anew
 * when NAMES_CACHE answers are in it (30 bytes each and 24 a frame, so some 10 MB an object at most); names stay. What
 * libdw keeps comes on top: for the C library of Debian, whose DWARF is compressed, 15 MB and 50 ms once.
 *
 * With inlined functions, all names come from DWARF where it has any (`__random`, as its author called it), without
 * them from symbols (`rand`, as its callers do): so does perf(1).
 *
 * Units:     addresses of the object.
 * Ownership: names_close() ends everything handed out; the object given must live longer, and stays the caller's.
 * Errors:    an address without a name has no frames.
 * Source:    own.
 */
#ifndef CODE_NAMES_H
#define CODE_NAMES_H

#include "code/debugfile.h"
#include "code/object.h"
#include "code/symbols.h"

enum { NAMES_CACHE = 1 << 17 };

struct names_frame {
	struct slice name;
	bool inlined;
};

struct names;

/* Never fails. paths may be NULL; it and what it points to must live as long. */
struct names *names_open(struct object *o, const struct debugfile_paths *paths);

/* Names of C++ and Rust are left as the linker sees them. Call before the first question. */
void names_mangled(struct names *n);

/* The frames of an address, innermost first, the last one the function itself; 0 where nothing names it. *frame is
 * good until the next call. For a return address ask for the address before it. */
size_t names_find(struct names *n, uint64_t addr, bool inlines, const struct names_frame **frame);

/* The symbol of an address, with its bounds; NULL where there is none. */
const struct symbol *names_symbol(struct names *n, uint64_t addr);

/* The separate debug file, or the object itself: for .debug_frame and the like. Never NULL. */
struct object *names_debug(struct names *n);

/* Entries of symbol tables and DWARF that were damaged. */
uint64_t names_damaged(const struct names *n);

/* NULL is allowed. */
void names_close(struct names *n);

#endif
