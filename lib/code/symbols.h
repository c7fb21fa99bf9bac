/* symbols.h - names of addresses from symbol tables
 *
 * Function symbols are gathered from ELF tables (or one by one), and painted into a table of intervals at the first
 * look-up. Among symbols of one address the choice is that of perf(1): with a size before without, strong before weak,
 * global before local, fewer leading underscores, the longer name, the first. A symbol inside another one hides it.
 * A symbol without a size reaches to the next one, or to the end of its section. Labels without a type count only in
 * code that no function covers. ARM mapping symbols are left out.
 * Cost: a binary search, about 50 ns; some 60 bytes a symbol. Names are demangled at their first use, if at all.
 *
 * Units:     addresses are those of the object (object.h).
 * Ownership: symbols_free() ends everything handed out. Names from ELF tables point into the object, which must live
 *            longer; those given to symbols_add() are copied.
 * Errors:    none; damaged entries are left out and counted.
 * Source:    System V ABI, symbol table; the choice of tools/perf/util/symbol.c (Linux 6.1).
 */
#ifndef CODE_SYMBOLS_H
#define CODE_SYMBOLS_H

#include "base/arena.h"
#include "code/object.h"
#include "code/paint.h"

enum symbols_bind { SYMBOLS_WEAK, SYMBOLS_LOCAL, SYMBOLS_GLOBAL };

struct symbol {
	uint64_t addr, size; /* size 0: to the next symbol, where nothing else is known */
	struct slice name;   /* NUL-terminated only by chance */
	uint8_t bind;        /* enum symbols_bind */
	bool demangled;      /* name is that of a mangled one */
	bool label;          /* private */
	bool plain;          /* private: the name is not to be demangled (any more) */
};

struct symbols {
	struct symbol *symbol; /* private from here */
	size_t n, cap;
	struct paint paint;
	bool dirty, latest;
	struct arena arena;
	uint64_t damaged; /* public: entries that could not be used */
	bool mangled;     /* public, to be set first: names are left as the linker sees them */
	bool data; /* public, to be set first: symbols_read() takes variables, not functions */
};

#define SYMBOLS_INIT ((struct symbols){ 0 })

/* A table for code that comes and goes (JIT): what was added last hides what it overlaps. */
#define SYMBOLS_LATEST ((struct symbols){ .latest = true })

/* A single symbol; name is copied. */
void symbols_add(
    struct symbols *s, uint64_t addr, uint64_t size, struct slice name, enum symbols_bind bind);

/* The function symbols of the section of this name (".symtab", ".dynsym"), or with `data` those of variables (not of
 * thread-local ones, which have no address); returns how many there were. */
size_t symbols_read(struct symbols *s, struct object *o, const char *section);

/* The symbol that covers an address, or NULL; good until the next symbols_add() or symbols_read(). */
const struct symbol *symbols_find(struct symbols *s, uint64_t addr);

void symbols_free(struct symbols *s);

#endif
