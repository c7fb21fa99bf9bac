/* space.h - address spaces over time, and the symbols of a kernel
 *
 * A process has a space: its mappings, sorted by address. Records change it in order of time: a mapping replaces what it
 * overlaps, a fork shares the parent's space until one of the two changes (copy on write), an exec empties it, and an
 * exit leaves it to late samples until 1,024 more processes have ended. Each change gives a space a new serial number, so
 * that (serial, address) means the same thing for ever, and is a key for caches. The kernel is process -1.
 * Cost: find is O(1) where it hits the last mapping again, else O(log mappings); a change is O(mappings).
 *
 * Units:     bytes; process ids as the trace has them.
 * Ownership: SPACES_INIT to spaces_free(); a space and its mappings are good until the next change.
 * Errors:    none but out of memory (base/alloc.h).
 * Source:    own; the order of events: kernel/events/core.c, mm/mmap.c (6.1).
 */
#ifndef CODE_SPACE_H
#define CODE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/slice.h"

struct space_map {
	uint64_t start, end; /* end is the first address that does not belong */
	uint64_t offset;     /* in the file */
	int64_t pid;         /* who made the mapping: a parent's, after a fork */
	uint32_t object;     /* the caller's number */
};

struct space {
	uint64_t serial;
	struct space_map *map;
	size_t maps, cap;
	size_t last; /* private */
	size_t refs; /* private */
};

struct spaces {
	struct spaces_process {
		int64_t pid;
		struct space *space; /* NULL: dropped */
		uint64_t ended;      /* number of its exit; 0 while it lives */
	} * process;
	size_t processes, cap;
	struct hash_set by_pid;
	uint64_t serial, exits;
	uint32_t *ended; /* ring of processes in order of their exit */
	size_t last;     /* the process that was asked for last */
};

#define SPACES_INIT ((struct spaces){ 0 })
enum { SPACES_ENDED = 1024 };

void spaces_map(struct spaces *s, int64_t pid, struct space_map map);
void spaces_fork(struct spaces *s, int64_t parent, int64_t child);
void spaces_exec(struct spaces *s, int64_t pid);
void spaces_exit(struct spaces *s, int64_t pid);

/* NULL where nothing is known of the process. */
struct space *spaces_of(struct spaces *s, int64_t pid);

/* Forgets every process: another source begins. */
void spaces_clear(struct spaces *s);
void spaces_free(struct spaces *s);

/* The mapping that holds an address, or NULL. */
const struct space_map *space_find(struct space *s, uint64_t addr);

/* Symbols by address: of the kernel and its modules, as `sym` records tell them. Names are copied. A later symbol at the
 * same address counts. */
struct space_symbols {
	struct space_symbol {
		uint64_t addr, size; /* size 0: up to the next symbol */
		struct slice name, object;
		uint64_t order; /* private: of its coming */
	} * symbol;
	size_t symbols, cap;
	size_t sorted;  /* private: the first so many are in order */
	uint64_t order; /* private */
	struct arena text;
};

#define SPACE_SYMBOLS_INIT ((struct space_symbols){ 0 })

void space_symbols_add(
    struct space_symbols *s, uint64_t addr, uint64_t size, struct slice name, struct slice object);

/* The symbol that covers an address, or NULL. */
const struct space_symbol *space_symbols_find(struct space_symbols *s, uint64_t addr);

void space_symbols_clear(struct space_symbols *s);
void space_symbols_free(struct space_symbols *s);

#endif
