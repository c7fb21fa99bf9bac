/* names.h - the name of the function at an address of this process, from the symbol table of its object
 *
 * For rules about call sites: each distinct address is asked once. Objects are mapped when they are first asked about, and
 * stay so. Names are those of the symbol table, C++ ones mangled; where the object has been stripped, those that it
 * exports. One caller at a time.
 */
#ifndef INTERPOSE_NAMES_H
#define INTERPOSE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct names_place {
	const char *object;   /* the last part of its path; "" where unknown */
	const char *function; /* "" where no symbol holds the address */
};

/* The strings are good until names_forget(). */
void names_find(uintptr_t address, struct names_place *place);

/* Objects have come or gone. */
void names_forget(void);

#endif
