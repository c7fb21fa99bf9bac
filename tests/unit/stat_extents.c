/* Extents of all sizes that come, go, and lie inside each other, against a plain list of them. */
#include "stat/extents.h"
#include "unit.h"

enum { MOST = 600 };

static struct {
	struct extent e;
	uint32_t number;
} list[MOST];
static unsigned listed;

static uint64_t
extent_of(const struct extent *e)
{
	return e->size ? e->size : 1;
}

static bool
holds(const struct extent *e, uint64_t addr)
{
	return addr >= e->addr && addr - e->addr < extent_of(e);
}

/* Of those that hold the address: which begins last, then which is smallest, then which came last. */
static int
innermost(uint64_t addr)
{
	int best = -1;

	for (unsigned i = 0; i < listed; i++) {
		const struct extent *e = &list[i].e, *b = &list[best < 0 ? 0 : best].e;

		if (!holds(e, addr))
			continue;
		if (best < 0 || e->addr > b->addr ||
		    (e->addr == b->addr && extent_of(e) < extent_of(b)) ||
		    (e->addr == b->addr && extent_of(e) == extent_of(b) && e->serial > b->serial))
			best = (int)i;
	}
	return best;
}

/* Sizes of all magnitudes, in `span` bytes. */
static struct extent
draw(uint64_t base, uint64_t span, uint64_t serial)
{
	uint64_t size = unit_draw((uint64_t)1 << unit_draw(40)), addr;

	if (size >= span)
		size = span - 1;
	addr = base + unit_draw(span - size);
	if (unit_draw(2))
		addr &= ~(uint64_t)15;
	if (addr < base)
		addr = base;
	return (struct extent){
		.addr = addr, .size = size, .serial = serial, .rank = (uint16_t)unit_draw(2)
	};
}

struct seen {
	uint64_t addr, last;
	unsigned n;
	uint64_t serials; /* their sum */
};

static bool
see(void *context, uint32_t number, const struct extent *e)
{
	struct seen *s = context;

	(void)number;
	CLAIM(e->addr <= s->last && e->addr + extent_of(e) - 1 >= s->addr);
	s->n++;
	s->serials += e->serial;
	return true;
}

static void
check_over(const struct extents *x, uint64_t addr, uint64_t size)
{
	struct seen s = { .addr = addr, .last = addr + (size ? size : 1) - 1 };
	uint64_t serials = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < listed; i++)
		if (list[i].e.addr <= s.last &&
		    list[i].e.addr + extent_of(&list[i].e) - 1 >= addr) {
			n++;
			serials += list[i].e.serial;
		}
	extents_over(x, addr, size, see, &s);
	CLAIM(s.n == n && s.serials == serials);
}

/* Disjoint ones are what an allocator gives; levels then do not matter for which is innermost. Where extents overlap in
 * part, the smaller size of pages is looked at first, so only those that lie inside each other are drawn. */
static bool
fits(const struct extent *e, bool disjoint)
{
	for (unsigned i = 0; i < listed; i++) {
		const struct extent *o = &list[i].e;
		uint64_t el = e->addr + extent_of(e) - 1, ol = o->addr + extent_of(o) - 1;

		if (el < o->addr || ol < e->addr)
			continue;
		if (disjoint ||
		    !((e->addr >= o->addr && el <= ol) || (o->addr >= e->addr && ol <= el)))
			return false;
	}
	return true;
}

static void
model(uint64_t base, uint64_t span, bool disjoint, unsigned steps)
{
	struct extents x = EXTENTS_INIT, copy = EXTENTS_INIT;
	struct extents_guess guess = { 0 };
	uint64_t told_addr = 0;
	bool told = false;

	listed = 0;
	for (unsigned step = 0; step < steps; step++) {
		struct extent e = draw(base, span, step + 1);
		uint64_t addr = base + unit_draw(span), spread = (uint64_t)1 << unit_draw(41);
		int at;

		if (listed < MOST && unit_draw(5) > 1 && fits(&e, disjoint)) {
			list[listed].e = e;
			list[listed++].number = extents_add(&x, &e);
		} else if (listed > 0 && unit_draw(2)) {
			unsigned i = (unsigned)unit_draw(listed);

			extents_remove(&x, list[i].number);
			list[i] = list[--listed];
		}
		CLAIM(x.extents == listed);
		if (listed > 0 && unit_draw(2)) { /* near one of them */
			const struct extent *o = &list[unit_draw(listed)].e;

			addr = o->addr + unit_draw(extent_of(o) + 2) - (unit_draw(8) == 0);
		}
		extents_ask(&x, addr);
		extents_look(&x, addr);
		/* What was told some changes ago still is, or is found again. */
		if (told)
			CLAIM(
			    extents_guessed(&x, told_addr, &guess) == extents_find(&x, told_addr));
		if (step % 4 == 0) {
			told = true;
			told_addr = addr;
			guess = extents_fetch(&x, addr);
		}
		at = innermost(addr);
		if (at < 0)
			CLAIM(extents_find(&x, addr) == EXTENTS_NONE);
		else
			CLAIM(x.extent[extents_find(&x, addr)].serial == list[at].e.serial);
		if (listed > 0) {
			unsigned i = (unsigned)unit_draw(listed);
			uint32_t found = extents_at(&x, list[i].e.addr, list[i].e.rank);

			CLAIM(found != EXTENTS_NONE && x.extent[found].addr == list[i].e.addr &&
			      x.extent[found].rank == list[i].e.rank);
		}
		if (step % 16 == 0)
			check_over(&x, addr, unit_draw(spread) % (UINT64_MAX - addr));
		if (step % 512 == 0) { /* a copy is one, and stays when the other changes */
			extents_free(&copy);
			extents_copy(&copy, &x);
			for (unsigned i = 0; i < listed; i++)
				CLAIM(copy.extent[list[i].number].serial == list[i].e.serial);
			if (at >= 0)
				CLAIM(extents_find(&copy, addr) == extents_find(&x, addr));
		}
	}
	while (listed > 0)
		extents_remove(&x, list[--listed].number);
	CLAIM(x.pages == 0 && x.extents == 0 && extents_find(&x, base) == EXTENTS_NONE);
	extents_free(&x);
	extents_free(&copy);
}

/* Memory follows what is live, not what was. */
static void
memory(void)
{
	struct extents x = EXTENTS_INIT;
	uint32_t number[1000];
	size_t bytes = 0;

	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 1000; i++)
			number[i] = extents_add(
			    &x, &(struct extent){
				    .addr = ((uint64_t)round * 1000 + i) << 13, .size = 100 + i });
		for (unsigned i = 0; i < 1000; i++)
			extents_remove(&x, number[i]);
		if (round == 1)
			bytes = extents_bytes(&x);
		CLAIM(round < 1 || extents_bytes(&x) <= 2 * bytes);
	}
	/* The whole range is one extent. */
	number[0] = extents_add(&x, &(struct extent){ .addr = 0, .size = (uint64_t)1 << 47 });
	CLAIM(extents_bytes(&x) <= 2 * bytes);
	CLAIM(extents_find(&x, ((uint64_t)1 << 47) - 1) == number[0]);
	CLAIM(extents_find(&x, (uint64_t)1 << 47) == EXTENTS_NONE);
	number[1] = extents_add(&x, &(struct extent){ .addr = UINT64_MAX, .size = 0 });
	CLAIM(extents_find(&x, UINT64_MAX) == number[1]);
	extents_free(&x);
}

int
main(void)
{
	CLAIM(sizeof(struct extent) == 40);
	CLAIM(extents_find(&EXTENTS_INIT, 5) == EXTENTS_NONE);
	model(0x1000, 0x3000, true, 20000);
	model(0x7f0000000000, 1 << 20, true, 20000);
	model(0x7f0000000000, (uint64_t)1 << 36, true, 20000);
	model(0x10000, 0x8000, false, 20000);
	model(0x550000000000, 1 << 24, false, 20000);
	model(0, (uint64_t)1 << 42, false, 20000);
	memory();
	return 0;
}
