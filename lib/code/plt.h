/* plt.h - names for the entries of procedure linkage tables
 *
 * Each entry is decoded to the GOT slot that it jumps through (or the relocation that it pushes), and the relocation
 * of that slot names it: `memcpy@plt`. So .plt, .plt.sec, .plt.got and their variants with landing pads are all one
 * case. x86-64 and aarch64; others have no names.
 *
 * Units:     addresses of the object.
 * Ownership: names are copied into the symbols.
 * Errors:    none; an entry that cannot be decoded stays without a name.
 * Source:    psABI x86-64 5.2, AAELF64 (PLT sequences), as ld and lld write them.
 */
#ifndef CODE_PLT_H
#define CODE_PLT_H

#include "code/symbols.h"

/* Adds the entries of o, which must be the object itself, not its debug file; returns how many. */
size_t plt_read(struct symbols *s, struct object *o);

#endif
