/* Address spaces: after any series of changes, an address is found where a table of pages says that it must be. */
#include "code/space.h"
#include "unit.h"

enum { PAGES = 64, PIDS = 5 };

static uint64_t seed = 1;

static unsigned
dice(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void
against_pages(void)
{
	struct spaces s = SPACES_INIT;
	uint32_t page[PIDS][PAGES] = { 0 }, number = 1;
	uint64_t offset[PIDS][PAGES] = { 0 }, serial[PIDS] = { 0 };

	for (unsigned round = 0; round < 20000; round++) {
		unsigned pid = dice(PIDS), other = dice(PIDS), a = dice(PAGES), n = 1 + dice(12);
		struct space *space;

		switch (dice(12)) {
		case 0:
			spaces_fork(&s, pid, other);
			if (pid != other)
				for (unsigned i = 0; i < PAGES; i++) {
					page[other][i] = page[pid][i];
					offset[other][i] = offset[pid][i];
				}
			break;
		case 1:
			spaces_exec(&s, pid);
			for (unsigned i = 0; i < PAGES; i++)
				page[pid][i] = 0;
			break;
		case 2:
			spaces_exit(&s, pid); /* what it had stays for samples that come late */
			break;
		default:
			if (a + n > PAGES)
				n = PAGES - a;
			spaces_map(&s, pid,
			    (struct space_map){ .start = a * 4096UL,
				.end = (a + n) * 4096UL,
				.offset = number * 65536UL,
				.pid = pid,
				.object = number });
			for (unsigned i = 0; i < n; i++) {
				page[pid][a + i] = number;
				offset[pid][a + i] = number * 65536UL + i * 4096UL;
			}
			number++;
			space = spaces_of(&s, pid);
			CLAIM(space->serial != serial[pid]);
			serial[pid] = space->serial;
		}
		for (unsigned p = 0; p < PIDS; p++) {
			space = spaces_of(&s, p);
			for (unsigned k = 0; k < 8; k++) {
				uint64_t addr = dice(PAGES * 4096);
				const struct space_map *m = space ? space_find(space, addr) : NULL;

				CLAIM((m ? m->object : 0) == page[p][addr / 4096]);
				CLAIM(!m || addr - m->start + m->offset ==
						offset[p][addr / 4096] + addr % 4096);
			}
			for (size_t i = 1; space && i < space->maps; i++)
				CLAIM(space->map[i - 1].end <= space->map[i].start);
		}
	}
	spaces_free(&s);
}

static void
sharing(void)
{
	struct spaces s = SPACES_INIT;
	struct space_map m = { .start = 0x1000, .end = 0x2000, .object = 1 };

	spaces_map(&s, 1, m);
	spaces_fork(&s, 1, 2);
	CLAIM(spaces_of(&s, 1) == spaces_of(&s, 2));
	spaces_map(&s, 1, m); /* told again: still shared */
	m.start += 0x1000;
	m.end += 0x1000;
	spaces_map(&s, 2, m);
	CLAIM(spaces_of(&s, 1) != spaces_of(&s, 2));
	CLAIM(spaces_of(&s, 1)->serial != spaces_of(&s, 2)->serial);
	CLAIM(spaces_of(&s, 1)->maps == 1 && spaces_of(&s, 2)->maps == 2);
	CLAIM(spaces_of(&s, 3) == NULL);

	/* The ended are kept, but not for ever. */
	for (int64_t pid = 100; pid < 100 + SPACES_ENDED + 10; pid++) {
		spaces_fork(&s, 1, pid);
		spaces_exit(&s, pid);
	}
	CLAIM(spaces_of(&s, 100) == NULL && spaces_of(&s, 109) == NULL);
	CLAIM(spaces_of(&s, 110) != NULL && spaces_of(&s, 1) != NULL);
	/* A number that is used again lives. */
	spaces_fork(&s, 2, 110);
	for (int64_t pid = 5000; pid < 5000 + 2 * SPACES_ENDED; pid++) {
		spaces_fork(&s, 1, pid);
		spaces_exit(&s, pid);
	}
	CLAIM(spaces_of(&s, 110) == spaces_of(&s, 2));
	spaces_free(&s);
}

static void
symbols(void)
{
	struct space_symbols s = SPACE_SYMBOLS_INIT;

	CLAIM(space_symbols_find(&s, 5) == NULL);
	space_symbols_add(&s, 100, 10, SLICE("b"), SLICE("[k]"));
	space_symbols_add(&s, 200, 0, SLICE("c"), SLICE("[k]"));
	CLAIM(slice_eq(space_symbols_find(&s, 105)->name, SLICE("b")));
	CLAIM(space_symbols_find(&s, 99) == NULL && space_symbols_find(&s, 110) == NULL);
	CLAIM(slice_eq(space_symbols_find(&s, 5000)->name, SLICE("c")));
	space_symbols_add(&s, 50, 10, SLICE("a"), SLICE("[m]"));
	space_symbols_add(&s, 100, 20, SLICE("new"), SLICE("[m]"));
	CLAIM(slice_eq(space_symbols_find(&s, 50)->name, SLICE("a")));
	CLAIM(slice_eq(space_symbols_find(&s, 115)->name, SLICE("new")));
	CLAIM(slice_eq(space_symbols_find(&s, 115)->object, SLICE("[m]")));
	CLAIM(slice_eq(space_symbols_find(&s, 205)->name, SLICE("c")));
	CLAIM(s.symbols == 3);
	space_symbols_clear(&s);
	CLAIM(space_symbols_find(&s, 115) == NULL);
	space_symbols_free(&s);
}

int
main(void)
{
	against_pages();
	sharing();
	symbols();
	return 0;
}
