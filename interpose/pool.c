#include "interpose/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Before each block; a free one has its place in a list behind it. */
struct pool_block {
	size_t before; /* bytes of the block before this one; 0: it is the first */
	size_t size;   /* of what is the user's, a multiple of the grain; bit 0: free */
	struct pool_block *next, *last;
};

enum { HEAD = 16, SMALLEST = 16, FREE = 1, LINEAR = 256 /* below: a list for each size */ };

_Static_assert(offsetof(struct pool_block, next) == HEAD, "the user's bytes follow the head");

/* ---- the lock: 0 open, 1 held, 2 held and waited for ---- */

static void
lock(struct pool *p)
{
	uint32_t open = 0;

	if (atomic_compare_exchange_strong_explicit(
		&p->lock, &open, 1, memory_order_acquire, memory_order_relaxed))
		return;
	while (atomic_exchange_explicit(&p->lock, 2, memory_order_acquire) != 0)
		syscall(SYS_futex, &p->lock, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

static void
unlock(struct pool *p)
{
	if (atomic_exchange_explicit(&p->lock, 0, memory_order_release) == 2)
		syscall(SYS_futex, &p->lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- blocks and lists ---- */

static size_t
size_of(const struct pool_block *b)
{
	return b->size & ~(size_t)FREE;
}

static struct pool_block *
behind(const struct pool *p, struct pool_block *b)
{
	unsigned char *next = (unsigned char *)b + HEAD + size_of(b);

	return next < p->top ? (struct pool_block *)(void *)next : NULL;
}

static struct pool_block *
ahead(struct pool_block *b)
{
	return b->before ? (struct pool_block *)(void *)((unsigned char *)b - b->before - HEAD)
			 : NULL;
}

static void
place_of(size_t size, unsigned *power, unsigned *step)
{
	unsigned top = 63 - (unsigned)__builtin_clzll(size);

	if (size < LINEAR) {
		*power = 0;
		*step = (unsigned)(size / POOL_GRAIN);
	} else {
		*power = top - 7;
		*step = (unsigned)(size >> (top - 4)) & (POOL_STEPS - 1);
	}
}

static void
put(struct pool *p, struct pool_block *b)
{
	unsigned power, step;

	b->size |= FREE;
	place_of(size_of(b), &power, &step);
	b->last = NULL;
	b->next = p->list[power][step];
	if (b->next)
		b->next->last = b;
	p->list[power][step] = b;
	p->powers |= 1ull << power;
	p->steps[power] |= 1u << step;
}

static void
remove_from(struct pool *p, struct pool_block *b)
{
	unsigned power, step;

	place_of(size_of(b), &power, &step);
	if (b->next)
		b->next->last = b->last;
	if (b->last) {
		b->last->next = b->next;
	} else if ((p->list[power][step] = b->next) == NULL) {
		p->steps[power] &= ~(1u << step);
		if (p->steps[power] == 0)
			p->powers &= ~(1ull << power);
	}
	b->size &= ~(size_t)FREE;
}

/* A free block of at least so many bytes: any block of the next list up holds it. */
static struct pool_block *
find(struct pool *p, size_t size)
{
	unsigned power, step;
	uint32_t steps;

	if (size >= LINEAR) {
		size_t slack = ((size_t)1 << (63 - __builtin_clzll(size) - 4)) - 1;

		size += slack;
	}
	place_of(size, &power, &step);
	if (power >= POOL_POWERS)
		return NULL;
	steps = p->steps[power] & (~0u << step);
	if (steps == 0) {
		uint64_t powers = power + 1 < 64 ? p->powers & (~0ull << (power + 1)) : 0;

		if (powers == 0)
			return NULL;
		power = (unsigned)__builtin_ctzll(powers);
		steps = p->steps[power];
	}
	return p->list[power][__builtin_ctz(steps)];
}

/* ---- memory behind what was granted ---- */

/* Bytes that the node could give at once: free ones, and those of files that were not used lately. */
static uint64_t
node_room(int node)
{
	char path[64], text[4096];
	uint64_t room = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/sys/devices/system/node/node%d/meminfo", node);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (const char *const *name =
		 (const char *const[]){ " MemFree:", " Inactive(file):", NULL };
	     *name; name++) {
		const char *at = strstr(text, *name);
		uint64_t kib = 0;

		if (at == NULL)
			continue;
		for (at += strlen(*name); *at == ' '; at++)
			;
		for (; *at >= '0' && *at <= '9'; at++)
			kib = kib * 10 + (unsigned)(*at - '0');
		room += kib << 10;
	}
	return room;
}

static bool
grant(struct pool *p, unsigned char *to)
{
	size_t more;

	if (to <= p->granted)
		return true;
	if (to > p->end)
		return false;
	more = (size_t)(to - p->granted + POOL_GROWS_BY - 1) & ~(size_t)(POOL_GROWS_BY - 1);
	if (more > (size_t)(p->end - p->granted))
		more = (size_t)(p->end - p->granted);
	if (p->file >= 0) {
		int got;

		do
			got = fallocate(p->file, 0, (off_t)(p->granted - p->base), (off_t)more);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return false;
	} else if (p->node >= 0 && node_room(p->node) < more) {
		return false;
	}
	p->granted += more;
	return true;
}

/* A block of the size at the top; a free one that is last becomes part of it. */
static struct pool_block *
extend(struct pool *p, size_t size)
{
	struct pool_block *last = p->end_block, *b = (struct pool_block *)(void *)p->top;
	size_t before = last ? size_of(last) : 0;

	if (last && last->size & FREE) {
		b = last;
		before = last->before;
	}
	if ((size_t)(p->end - (unsigned char *)b) < HEAD ||
	    size > (size_t)(p->end - (unsigned char *)b) - HEAD ||
	    !grant(p, (unsigned char *)b + HEAD + size))
		return NULL;
	if (b == last)
		remove_from(p, b);
	b->before = before;
	b->size = size;
	p->end_block = b;
	p->top = (unsigned char *)b + HEAD + size;
	if (p->high < p->top)
		p->high = p->top;
	return b;
}

/* Makes a block that is held `size` long; what is left becomes free. */
static void
cut(struct pool *p, struct pool_block *b, size_t size)
{
	struct pool_block *rest, *next = behind(p, b);
	size_t left = size_of(b) - size;

	if (left < HEAD + SMALLEST)
		return;
	b->size = size;
	rest = (struct pool_block *)(void *)((unsigned char *)b + HEAD + size);
	rest->before = size;
	rest->size = left - HEAD;
	if (next)
		next->before = rest->size;
	else
		p->end_block = rest;
	put(p, rest);
}

/* Joins a block with the free ones beside it, none of which stays in a list. */
static struct pool_block *
join(struct pool *p, struct pool_block *b)
{
	struct pool_block *next = behind(p, b), *before = ahead(b);

	if (next && next->size & FREE) {
		remove_from(p, next);
		b->size += HEAD + next->size;
	}
	if (before && before->size & FREE) {
		remove_from(p, before);
		before->size += HEAD + b->size;
		b = before;
	}
	next = behind(p, b);
	if (next)
		next->before = b->size;
	else
		p->end_block = b;
	return b;
}

/* Leaves `align` bytes or a multiple before the user's part, as a free block. */
static struct pool_block *
align_to(struct pool *p, struct pool_block *b, size_t align)
{
	uintptr_t at = (uintptr_t)b + HEAD, to = (at + align - 1) & ~(uintptr_t)(align - 1);
	struct pool_block *aligned, *next;
	size_t size = b->size;

	if (to == at)
		return b;
	if (to - at < HEAD + SMALLEST)
		to += align < HEAD + SMALLEST ? HEAD + SMALLEST : align;
	next = behind(p, b);
	aligned = (struct pool_block *)(to - HEAD);
	b->size = to - at - HEAD;
	aligned->before = b->size;
	aligned->size = size - (to - at);
	if (next)
		next->before = aligned->size;
	else
		p->end_block = aligned;
	put(p, join(p, b));
	return aligned;
}

/* ---- the interface ---- */

int
pool_open(struct pool *p, size_t bytes, const char *directory, int node)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at;

	memset(p, 0, sizeof *p);
	p->file = -1;
	p->node = node;
	bytes = (bytes + page - 1) & ~(page - 1);
	if (directory) {
		p->file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (p->file < 0)
			return -1;
		if (ftruncate(p->file, (off_t)bytes) < 0) {
			close(p->file);
			return -1;
		}
	}
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    directory ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, p->file, 0);
	if (at == MAP_FAILED) {
		if (directory)
			close(p->file);
		return -1;
	}
	if (node >= 0) {
		unsigned long mask[16] = { 0 };

		if (node < (int)(sizeof mask * 8))
			mask[(unsigned)node / 64] = 1ul << ((unsigned)node % 64);
		/* preferred, so that a node that fills up is no reason to be killed: grant() asks it before */
		if (syscall(SYS_mbind, at, bytes, MPOL_PREFERRED, mask, sizeof mask * 8, 0) < 0) {
			munmap(at, bytes);
			return -1;
		}
	}
	p->base = p->top = p->high = p->granted = at;
	p->end = p->base + bytes;
	return 0;
}

void *
pool_take(struct pool *p, size_t size, size_t align, bool zero)
{
	struct pool_block *b;
	unsigned char *high, *at;

	if (p->base == NULL || size > (size_t)(p->end - p->base) ||
	    align > (size_t)(p->end - p->base))
		return NULL;
	size = size < SMALLEST ? SMALLEST : (size + POOL_GRAIN - 1) & ~(size_t)(POOL_GRAIN - 1);
	lock(p);
	high = p->high;
	if (align > POOL_GRAIN) {
		size_t room = size + 2 * align + HEAD + SMALLEST;

		b = find(p, room);
		if (b)
			remove_from(p, b);
		else
			b = extend(p, room);
		if (b)
			b = align_to(p, b, align);
	} else {
		b = find(p, size);
		if (b)
			remove_from(p, b);
		else
			b = extend(p, size);
	}
	if (b)
		cut(p, b, size);
	unlock(p);
	if (b == NULL)
		return NULL;
	at = (unsigned char *)b + HEAD;
	if (zero && at < high)
		memset(at, 0, at + size <= high ? size : (size_t)(high - at));
	return at;
}

size_t
pool_usable(const void *at)
{
	return size_of((const struct pool_block *)(const void *)((const unsigned char *)at - HEAD));
}

void
pool_give(struct pool *p, void *at)
{
	struct pool_block *b = (struct pool_block *)(void *)((unsigned char *)at - HEAD);
	bool large = b->size >= POOL_RETURNS_FROM;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, to;

	lock(p);
	from = ((uintptr_t)at + sizeof *b + page - 1) & ~(page - 1);
	to = ((uintptr_t)at + b->size) & ~(page - 1);
	/* before anybody can take it again */
	if (large && p->file < 0 && from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
	put(p, join(p, b));
	unlock(p);
}

int
pool_fork_prepare(struct pool *p)
{
	size_t used, done = 0;
	int copy;

	lock(p);
	if (p->base == NULL || p->file < 0)
		return -1;
	used = (size_t)(p->top - p->base);
	copy = memfd_create("leat-pool", MFD_CLOEXEC);
	while (copy >= 0 && done < used) {
		ssize_t n = write(copy, p->base + done, used - done);

		if (n <= 0 && !(n < 0 && errno == EINTR)) {
			close(copy);
			copy = -1;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return copy;
}

void
pool_fork_parent(struct pool *p, int copy)
{
	if (copy >= 0)
		close(copy);
	unlock(p);
}

/* What the child held of the file is now its own; new blocks come from the copy's pages, too. */
void
pool_fork_child(struct pool *p, int copy)
{
	size_t bytes = (size_t)(p->end - p->base);

	if (p->base && p->file >= 0) {
		if (copy >= 0 && ftruncate(copy, (off_t)bytes) == 0 &&
		    mmap(p->base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, copy,
			0) != MAP_FAILED) {
			close(p->file);
			close(copy);
		} else {
			/* the next best: pages are the child's own once it writes them */
			mmap(p->base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
			    p->file, 0);
			close(p->file);
		}
		p->file = -1;
		p->granted = p->end;
	}
	atomic_store(&p->lock, 0);
}
