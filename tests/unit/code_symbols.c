/* The choice among symbols of one address, their extents, and perf maps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "code/perfmap.h"
#include "code/symbols.h"
#include "unit.h"

static bool
at(struct symbols *s, uint64_t addr, const char *name)
{
	const struct symbol *found = symbols_find(s, addr);

	return name == NULL ? found == NULL
			    : found != NULL && slice_eq(found->name, slice_of(name));
}

static bool
chosen(const char *a, uint64_t a_size, enum symbols_bind a_bind, const char *b, uint64_t b_size,
    enum symbols_bind b_bind, const char *wanted)
{
	struct symbols s = SYMBOLS_INIT;
	bool ok;

	symbols_add(&s, 100, a_size, slice_of(a), a_bind);
	symbols_add(&s, 100, b_size, slice_of(b), b_bind);
	ok = at(&s, 100, wanted) && at(&s, 99, NULL);
	symbols_free(&s);
	return ok;
}

static void
choice(void)
{
	static const struct {
		const char *name;
		uint64_t size;
		enum symbols_bind bind;
	} order[] = {
		/* each is chosen before those that follow */
		{ "long_name", 4, SYMBOLS_GLOBAL },
		{ "name", 4, SYMBOLS_GLOBAL },
		{ "_much_longer_name", 4, SYMBOLS_GLOBAL },
		{ "__much_much_longer_name", 4, SYMBOLS_GLOBAL },
		{ "much_longer_name", 4, SYMBOLS_LOCAL },
		{ "even_much_longer_name", 4, SYMBOLS_WEAK },
		{ "no_size", 0, SYMBOLS_GLOBAL },
		{ "no_size_local", 0, SYMBOLS_LOCAL },
		{ "no_size_but_weak", 0, SYMBOLS_WEAK },
	};
	enum { N = sizeof order / sizeof *order };

	for (size_t i = 0; i < N; i++)
		for (size_t j = i + 1; j < N; j++) {
			CLAIM(chosen(order[i].name, order[i].size, order[i].bind, order[j].name,
			    order[j].size, order[j].bind, order[i].name));
			CLAIM(chosen(order[j].name, order[j].size, order[j].bind, order[i].name,
			    order[i].size, order[i].bind, order[i].name));
		}
	CLAIM(chosen("aa", 4, SYMBOLS_GLOBAL, "bb", 4, SYMBOLS_GLOBAL, "aa"));
	CLAIM(chosen("bb", 4, SYMBOLS_GLOBAL, "aa", 4, SYMBOLS_GLOBAL, "bb"));
	/* Underscores and length are those of the demangled names. */
	CLAIM(chosen("_Z1fv", 4, SYMBOLS_GLOBAL, "_ff_is_longer", 4, SYMBOLS_GLOBAL, "f"));
}

static void
extents(void)
{
	struct symbols s = SYMBOLS_INIT;

	CLAIM(at(&s, 0, NULL));
	symbols_add(&s, 300, 100, SLICE("c"), SYMBOLS_GLOBAL);
	symbols_add(&s, 100, 100, SLICE("a"), SYMBOLS_GLOBAL);
	symbols_add(&s, 140, 20, SLICE("inner"), SYMBOLS_LOCAL);
	symbols_add(&s, 250, 0, SLICE("open"), SYMBOLS_LOCAL);
	symbols_add(&s, 500, 0, SLICE("last"), SYMBOLS_LOCAL);
	CLAIM(at(&s, 99, NULL) && at(&s, 100, "a") && at(&s, 139, "a") && at(&s, 140, "inner") &&
	      at(&s, 159, "inner"));
	CLAIM(at(&s, 160, "a") && at(&s, 199, "a") && at(&s, 200, NULL) && at(&s, 249, NULL));
	CLAIM(at(&s, 250, "open") && at(&s, 299, "open") && at(&s, 300, "c") && at(&s, 399, "c") &&
	      at(&s, 400, NULL));
	CLAIM(at(&s, 500, "last") && at(&s, 501, NULL));
	/* More may come after a look-up. */
	symbols_add(&s, 400, 50, SLICE("_Z5afterv"), SYMBOLS_GLOBAL);
	CLAIM(at(&s, 449, "after") && at(&s, 450, NULL) && at(&s, 199, "a"));
	CLAIM(symbols_find(&s, 449)->addr == 400 && symbols_find(&s, 449)->size == 50 &&
	      symbols_find(&s, 449)->demangled);
	symbols_free(&s);
}

static void
maps(void)
{
	struct perfmap m = PERFMAP_INIT;
	char path[] = "/tmp/leat-perfmap.XXXXXX";
	int fd = mkstemp(path);
	FILE *f;

	static const char text[] = "1000 100 LazyCompile:~f a.js:1\n"
				   "0x2000 0X80 with 0x\n"
				   "\n"
				   "zzz 10 bad start\n"
				   "3000 10\n"
				   "ffffffffffffffff 2 past the end\n"
				   "  4000\t10 tab\n"
				   "4000  10   blanks  \r\n"
				   "1080 10 patch\n"
				   "5000 10 unfinish";

	CLAIM(perfmap_parse(&m, slice_of(text)) == strlen(text) - strlen("5000 10 unfinish"));
	CLAIM(at(&m.symbols, 0x1000, "LazyCompile:~f a.js:1") &&
	      at(&m.symbols, 0x10ff, "LazyCompile:~f a.js:1"));
	CLAIM(at(&m.symbols, 0x1080, "patch") && at(&m.symbols, 0x1090, "LazyCompile:~f a.js:1"));
	CLAIM(at(&m.symbols, 0x207f, "with 0x") && at(&m.symbols, 0x2080, NULL));
	CLAIM(at(&m.symbols, 0x4000, "blanks") && at(&m.symbols, 0x5000, NULL) &&
	      at(&m.symbols, 0x3000, NULL));
	CLAIM(m.bad == 3);
	/* What comes later hides what it overlaps, however it begins. */
	perfmap_parse(&m, SLICE("fff 200 moved\n"));
	CLAIM(at(&m.symbols, 0x1000, "moved") && at(&m.symbols, 0x1080, "moved") &&
	      at(&m.symbols, 0x10ff, "moved"));
	perfmap_free(&m);

	/* A file that grows, and one that is made anew. */
	m = PERFMAP_INIT;
	CLAIM(fd >= 0 && (f = fdopen(fd, "w")) != NULL);
	fprintf(f, "1000 100 one\n2000 1");
	fflush(f);
	CLAIM(perfmap_update(&m, path) == 1 && at(&m.symbols, 0x1000, "one") &&
	      at(&m.symbols, 0x2000, NULL));
	CLAIM(perfmap_update(&m, path) == 0);
	fprintf(f, "00 two\n3000 100 three and some more, so that the beginning is long enough\n");
	fflush(f);
	CLAIM(perfmap_update(&m, path) == 1 && at(&m.symbols, 0x2080, "two") &&
	      at(&m.symbols, 0x1000, "one"));
	CLAIM(m.symbols.n == 3);
	CLAIM(ftruncate(fd, 0) == 0);
	rewind(f);
	fprintf(f, "7000 100 other\n");
	fclose(f);
	CLAIM(perfmap_update(&m, path) == 1 && at(&m.symbols, 0x7000, "other") &&
	      at(&m.symbols, 0x1000, NULL));
	unlink(path);
	CLAIM(perfmap_update(&m, path) == -1 && at(&m.symbols, 0x7000, "other"));
	perfmap_free(&m);
}

int
main(void)
{
	choice();
	extents();
	maps();
	return 0;
}
