/* interpose_pool - what a pool gives is aligned, apart, zero where asked, and all of it comes back together */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../interpose/pool.c"
#include "unit.h"

enum { SLOTS = 1000, ROUNDS = 40000 };

static struct {
	unsigned char *at;
	size_t size;
	unsigned char with;
} slot[SLOTS];

/* Every block follows the one before; no two free ones are neighbours; lists hold the free ones and no other. */
static bool
is_sound(struct pool *p)
{
	size_t before = 0, free_blocks = 0, listed = 0;
	struct pool_block *b = NULL;
	bool was_free = false;

	for (unsigned char *at = p->base; at < p->top; at += HEAD + size_of(b)) {
		b = (struct pool_block *)(void *)at;
		if (b->before != before || size_of(b) % POOL_GRAIN || size_of(b) < SMALLEST ||
		    (was_free && b->size & FREE))
			return false;
		was_free = b->size & FREE;
		free_blocks += was_free;
		before = size_of(b);
	}
	if (p->end_block != b)
		return false;
	for (unsigned i = 0; i < POOL_POWERS; i++)
		for (unsigned k = 0; k < POOL_STEPS; k++)
			for (b = p->list[i][k]; b; b = b->next) {
				unsigned power, step;

				place_of(size_of(b), &power, &step);
				if (power != i || step != k || !(b->size & FREE))
					return false;
				listed++;
			}
	return listed == free_blocks;
}

static bool
is_filled(const unsigned char *p, size_t n, unsigned char with)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != with)
			return false;
	return true;
}

static void
random_use(struct pool *p)
{
	bool aligned = true, kept = true, zeroed = true, room = true, sound = true;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned k = (unsigned)(unit_random() % SLOTS);
		size_t size = unit_random() % 64 ? unit_random() % 600 : unit_random() % (3 << 20);
		size_t align = unit_random() % 8 ? 0 : (size_t)1 << (unit_random() % 14);
		bool zero = unit_random() & 1;

		if (slot[k].at) {
			kept &= is_filled(slot[k].at, slot[k].size, slot[k].with);
			pool_give(p, slot[k].at);
			slot[k].at = NULL;
			continue;
		}
		slot[k].at = pool_take(p, size, align, zero);
		if (slot[k].at == NULL)
			continue;
		slot[k].size = size;
		slot[k].with = (unsigned char)unit_random();
		aligned &= (uintptr_t)slot[k].at % (align > 16 ? align : 16) == 0;
		room &= pool_usable(slot[k].at) >= size && pool_owns(p, slot[k].at);
		zeroed &= !zero || is_filled(slot[k].at, size, 0);
		memset(slot[k].at, slot[k].with, size);
		if (i % 1000 == 0)
			sound &= is_sound(p);
	}
	CLAIM(aligned);
	CLAIM(kept);
	CLAIM(zeroed);
	CLAIM(room);
	CLAIM(sound);
	for (unsigned k = 0; k < SLOTS; k++)
		if (slot[k].at)
			pool_give(p, slot[k].at);
	memset(slot, 0, sizeof slot);
	CLAIM(is_sound(p));
	/* all that was given back is one block again */
	CLAIM(p->end_block == (void *)p->base && p->end_block->size & FREE);
}

int
main(void)
{
	struct pool p, f, small;
	unsigned char *at;
	int copy, status;

	CLAIM(pool_open(&p, 512 << 20, NULL, -1) == 0);
	random_use(&p);
	CLAIM(pool_open(&f, 256 << 20, "/tmp", -1) == 0 || errno == EOPNOTSUPP);
	if (f.base)
		random_use(&f);

	/* a full one says so, and has room again when something is given back */
	CLAIM(pool_open(&small, 64 << 10, NULL, -1) == 0);
	at = pool_take(&small, 40 << 10, 0, false);
	CLAIM(at != NULL);
	CLAIM(pool_take(&small, 40 << 10, 0, false) == NULL);
	CLAIM(pool_take(&small, SIZE_MAX - 8, 0, false) == NULL);
	CLAIM(pool_take(&small, 8, (size_t)1 << 40, false) == NULL);
	pool_give(&small, at);
	CLAIM(pool_take(&small, 60 << 10, 0, false) == at);

	/* the child of a fork has what was there, and nothing of what its parent writes later */
	if (f.base) {
		at = pool_take(&f, 100000, 0, false);
		memset(at, 7, 100000);
		copy = pool_fork_prepare(&f);
		CLAIM(copy >= 0);
		fflush(stdout);
		if (fork() == 0) {
			unsigned char *more;

			pool_fork_child(&f, copy);
			usleep(50000);
			more = pool_take(&f, 1 << 20, 0, true);
			_exit(is_filled(at, 100000, 7) && more && is_filled(more, 1 << 20, 0) ? 0
											      : 1);
		}
		pool_fork_parent(&f, copy);
		memset(at, 9, 100000);
		CLAIM(wait(&status) > 0 && status == 0);
		CLAIM(is_filled(at, 100000, 9));
	}
	return 0;
}
