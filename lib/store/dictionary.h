/* dictionary.h - distinct byte strings of a run, numbered from 1, with their rows in the database
 *
 * Memory: what was added, and 24 bytes for each.
 *
 * Units:     none.
 * Ownership: the caller holds the struct; dictionary_free() releases what is in it.
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef STORE_DICTIONARY_H
#define STORE_DICTIONARY_H

#include "base/arena.h"
#include "base/hash.h"
#include "store/store.h"

struct dictionary {
	struct arena arena;
	struct slice *item;
	size_t items, cap;
	struct hash_set set;
};

/* The number of the bytes; *fresh says that they are new. */
uint32_t dictionary_number(struct dictionary *d, struct slice bytes, bool *fresh);

/* Forgets all. */
void dictionary_clear(struct dictionary *d);
void dictionary_free(struct dictionary *d);

#endif
