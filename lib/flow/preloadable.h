/* preloadable.h - whether a library can be preloaded into a command
 *
 * Looks at the file that execvp(3) would run, and where that is a script, at its interpreter. The dynamic linker leaves a
 * library out without a word, or with one that nobody sees, where the program is not linked dynamically, is of another
 * machine or another C library, or gets rights that its caller has not: here each of these is a text that says what to do.
 * Reads the ELF header and the program headers.
 *
 * Units:     none.
 * Ownership: none.
 * Errors:    -1 and the text. What execvp(3) itself will refuse is no error here.
 * Source:    execve(2), ld.so(8), capabilities(7); System V gABI, chapter 5.
 */
#ifndef FLOW_PRELOADABLE_H
#define FLOW_PRELOADABLE_H

#include "base/error.h"

int preloadable(const char *command, struct error *e);

#endif
