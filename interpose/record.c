#include "interpose/record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>

#include "interpose/backing.h"
#include "interpose/hook.h"
#include "interpose/process.h"
#include "interpose/select.h"

enum {
	TURN_NS = 10000000, /* how long a full ring sleeps before it looks whether anybody lives */
	STALE = 4096,       /* chains without the cache, after which its user is gone for ever */
	MAPS_READ = 16 << 10,
	NEAR = 64 << 10,    /* bytes of stack */
	SIGNAL_FRAME = 512, /* at least */
};

static void
count(struct thread *t, enum wire_count what)
{
	/* of this thread alone: no lock */
	uint64_t *n = (uint64_t *)(void *)&t->slot->count[what];

	*n += 1;
}

/* ---- room ---- */

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Until the reader has moved the tail away from `tail`; false: nobody will. */
static bool
wait_for_room(struct thread *t, uint64_t tail)
{
	const struct timespec turn = { .tv_nsec = TURN_NS };
	struct wire_thread *slot = t->slot;
	uint64_t began;
	bool moved;

	/* all that was published has been read, and what was not is in the way */
	if (process.lossy || tail == atomic_load(&slot->head))
		return false;
	began = now_ns();
	count(t, WIRE_WAITS);
	for (;;) {
		uint32_t room = atomic_load(&slot->room);

		atomic_store(&slot->waiting, 1);
		moved = atomic_load(&slot->tail) != tail;
		if (moved || wire_recorder_died(process.wire))
			break;
		process_ring_bell();
		hook_syscall(SYS_futex, (long)&slot->room, FUTEX_WAIT, room, (long)&turn, 0, 0);
	}
	atomic_store(&slot->waiting, 0);
	*(uint64_t *)(void *)&slot->count[WIRE_WAITED_NS] += now_ns() - began;
	return moved;
}

static void
write_pad(struct thread *t, uint64_t from, uint64_t to)
{
	struct wire_record *r = (struct wire_record *)(void *)(t->ring + (from & t->mask));

	r->op = WIRE_PAD;
	r->flags = 0;
	r->chain = WIRE_NO_CHAIN;
	r->words = (uint32_t)((to - from) / 8);
	r->t = record_ticks(t, false);
}

/* To the end of the ring. */
static void
pad(struct thread *t, uint64_t from, uint64_t to)
{
	bool outermost = from == atomic_load(&t->slot->head);

	if (!record_exchange(&t->reserved, from, to))
		return;
	write_pad(t, from, to);
	record_publish(t, (struct record_place){ .outermost = outermost });
}

/* Whoever reserved what lies between head and reserved has gone away by longjmp(3). */
static void
close_gap(struct thread *t)
{
	uint64_t head = atomic_load(&t->slot->head), to = atomic_load(&t->reserved);
	uint64_t lap = (head & ~t->mask) + t->bytes;

	if (head == to)
		return;
	count(t, WIRE_LOST_SIGNAL);
	if (to > lap) {
		write_pad(t, head, lap);
		head = lap;
	}
	if (to > head)
		write_pad(t, head, to);
	record_publish(t, (struct record_place){ .outermost = true });
}

bool
record_interrupted(struct thread *t, uintptr_t sp)
{
	stack_t stack = { 0 };
	int kept = errno;

	/* a handler's frame lies below that of its signal, but on a stack of its own */
	if (sp + SIGNAL_FRAME - t->writing >= NEAR)
		return true;
	hook_syscall(SYS_sigaltstack, 0, (long)&stack, 0, 0, 0, 0);
	errno = kept;
	if (stack.ss_flags & SS_ONSTACK)
		return true;
	close_gap(t);
	return false;
}

bool
record_room(struct thread *t, uint64_t bytes)
{
	struct wire_thread *slot = t->slot;
	int kept = errno;

	for (;;) {
		uint64_t from = atomic_load(&t->reserved), tail = atomic_load(&slot->tail);
		uint64_t lap = (from & ~t->mask) + t->bytes, used = from - tail;
		uint64_t to = from + bytes > lap ? lap : from + bytes, limit;

		if (used >= t->bytes / 2)
			process_ring_bell();
		if (to - tail > t->bytes) {
			if (wait_for_room(t, tail) || tail != atomic_load(&slot->tail))
				continue;
			if (from != atomic_load(&slot->head) && tail == atomic_load(&slot->head)) {
				close_gap(t);
				continue;
			}
			count(t, WIRE_LOST_FULL);
			if (t->where == THREAD_OUTSIDE && wire_recorder_died(process.wire))
				t->where = THREAD_DONE;
			errno = kept;
			return false;
		}
		if (from + bytes > lap) {
			pad(t, from, lap);
			continue;
		}
		/* looks again when the ring is half full, when it is full, and where it ends; in one store, as a
		 * handler may come in between */
		limit = tail + (to - tail <= t->bytes / 2 ? t->bytes / 2 : t->bytes);
		atomic_store_explicit(&t->limit, limit > lap ? lap : limit, memory_order_relaxed);
		errno = kept;
		return true;
	}
}

/* ---- chains ---- */

struct chain {
	uint16_t number;
	uint16_t n; /* frames to be told before the record; 0: the ring knows it */
	const uint64_t *frame;
};

/* Whoever used the cache has gone away by longjmp(3), long ago. */
static void
forget_cache(struct thread *t)
{
	memset((void *)t->cache, 0, stack_cache_bytes(process.walk_depth));
	t->cache = stack_cache_begin((void *)t->cache, process.walk_depth);
	memset(t->told, 0, sizeof t->told);
	t->walking = 0;
}

/* By the cache, which is ours then until end_chain(); false: it is in use below us, as we are in a signal handler. */
static bool
take_by_cache(
    struct thread *t, const struct stack_start *caller, struct stack_chain *taken, uint64_t *own)
{
	unsigned i;

	if (__builtin_expect(t->walking != 0, 0)) {
		if (++t->beside < STALE || (uintptr_t)own < t->walking)
			return false;
		forget_cache(t);
	}
	t->beside = 0;
	t->walking = (uintptr_t)own;
	atomic_signal_fence(memory_order_seq_cst);
	stack_take(t->cache, caller, taken);
	i = taken->number / 64;
	if (!taken->known) {
		t->told[i] &= ~(1ull << taken->number % 64);
		t->placed[i] &= ~(1ull << taken->number % 64);
	}
	return true;
}

static bool
begin_chain(struct thread *t, const struct stack_start *caller, struct chain *c, uint64_t *own)
{
	struct stack_chain taken;
	bool cut = false;

	count(t, WIRE_STACKS);
	if (__builtin_expect(!take_by_cache(t, caller, &taken, own), 0)) {
		*c = (struct chain){ WIRE_CHAINS - 1,
			(uint16_t)stack_walk(caller, own, process.depth, &cut), own };
		if (cut)
			count(t, WIRE_CUT);
		return false;
	}
	if (taken.cut)
		count(t, WIRE_CUT);
	*c = (struct chain){ taken.n > 0 ? taken.number : WIRE_NO_CHAIN, taken.n, taken.frame };
	if (t->told[taken.number / 64] >> taken.number % 64 & 1) {
		count(t, WIRE_STACKS_KNOWN);
		c->n = 0;
	}
	return true;
}

static void
end_chain(struct thread *t, const struct chain *c, bool done)
{
	if (done && c->n > 0)
		t->told[c->number / 64] |= 1ull << c->number % 64;
	atomic_signal_fence(memory_order_seq_cst);
	t->walking = 0;
}

uint32_t
record_site(struct thread *t, const struct stack_start *caller, uint64_t *frame)
{
	struct stack_chain taken;
	uint32_t site;

	if (!take_by_cache(t, caller, &taken, frame))
		return process.everywhere;
	if (!(t->placed[taken.number / 64] >> taken.number % 64 & 1)) {
		t->site[taken.number] = backing_site(taken.frame, taken.n);
		t->placed[taken.number / 64] |= 1ull << taken.number % 64;
	}
	site = t->site[taken.number];
	t->walking = 0;
	return site;
}

static unsigned
even(unsigned words)
{
	return (words + 1) & ~1u;
}

/* The record and, before it, what its number of a chain means: both are there at once. */
static bool
put(struct thread *t, const struct record_event *e, const struct chain *c)
{
	unsigned first = c->n ? even(3 + c->n) : 0,
		 words = even(4 + (e->old != 0) + (e->align != 0) + (e->weight != 0));
	uint64_t bytes = 8ull * (first + words);

	struct record_place place = record_reserve(t, bytes);
	struct wire_record *r = place.at, *told = NULL;
	uint64_t *w;

	if (r == NULL)
		return false;
	if (first) {
		told = r;
		told->op = WIRE_CHAIN;
		told->flags = 0;
		told->chain = c->number;
		told->words = first;
		told->word[0] = c->n;
		for (unsigned i = 0; i < c->n; i++)
			told->word[1 + i] = c->frame[i];
		r = (struct wire_record *)(void *)((uint64_t *)(void *)r + first);
	}
	r->op = (uint8_t)e->op;
	r->flags = (uint8_t)((e->old ? WIRE_HAS_OLD : 0) | (e->align ? WIRE_HAS_ALIGN : 0) |
			     (e->weight ? WIRE_HAS_WEIGHT : 0));
	r->chain = c->number;
	r->words = words;
	w = r->word;
	*w++ = e->addr;
	*w++ = e->size;
	if (e->old)
		*w++ = e->old;
	if (e->align)
		*w++ = e->align;
	if (e->weight)
		*w++ = e->weight;
	r->t = record_ticks(t, wire_is_alloc(e->op));
	if (told)
		told->t = r->t;
	record_publish(t, place);
	return true;
}

static void
put_with_chain(struct thread *t, const struct stack_start *caller, const struct record_event *e)
{
	uint64_t own[WIRE_DEPTH_MAX];
	struct chain c;
	bool by_cache = begin_chain(t, caller, &c, own);
	bool done = put(t, e, &c);

	if (by_cache)
		end_chain(t, &c, done);
}

void
record_alloc_long(struct thread *t, const struct stack_start *caller, struct record_event *e)
{
	static const struct chain none = { .number = WIRE_NO_CHAIN };

	if ((t->flags & THREAD_SELECTS) && e->kept) {
		select_keep(e->addr);
	} else if (t->flags & THREAD_SELECTS) {
		bool mapped = e->op == WIRE_MMAP || e->op == WIRE_MREMAP || e->op == WIRE_BRK ||
			      e->op == WIRE_SHMAT;

		/* mappings are few: they are not sampled, and ranges of them end in parts */
		if (mapped ? e->size < process.min
			   : !select_size(t, e->size, &e->weight) || !select_keep(e->addr)) {
			count(t, WIRE_UNSAMPLED);
			return;
		}
	}
	if (t->flags & THREAD_CHAINS)
		put_with_chain(t, caller, e);
	else
		put(t, e, &none);
}

bool
record_free_long(
    struct thread *t, const struct stack_start *caller, unsigned op, const void *p, uint64_t size)
{
	static const struct chain none = { .number = WIRE_NO_CHAIN };
	struct record_event e = { .op = op, .addr = (uintptr_t)p, .size = size };

	if ((t->flags & THREAD_SELECTS) && op != WIRE_MUNMAP && op != WIRE_FREE_MREMAP &&
	    op != WIRE_FREE_BRK && op != WIRE_SHMDT && !select_drop((uintptr_t)p))
		return false;
	if (t->flags & THREAD_FREES)
		put_with_chain(t, caller, &e);
	else
		put(t, &e, &none);
	return true;
}

/* ---- other records ---- */

void
record_note(struct thread *t, unsigned op)
{
	struct record_place place = record_reserve(t, sizeof(struct wire_record));
	struct wire_record *r = place.at;

	if (r == NULL)
		return;
	r->op = (uint8_t)op;
	r->flags = 0;
	r->chain = WIRE_NO_CHAIN;
	r->words = sizeof *r / 8;
	r->t = record_ticks(t, true);
	record_publish(t, place);
}

static void
put_text(struct thread *t, const char *text, size_t n)
{
	unsigned words = even(3 + (unsigned)((n + 7) / 8));
	struct record_place place = record_reserve(t, 8ull * words);
	struct wire_record *r = place.at;

	if (r == NULL)
		return;
	r->op = WIRE_MAPS;
	r->flags = 0;
	r->chain = WIRE_NO_CHAIN;
	r->words = words;
	r->word[0] = n;
	memcpy(&r->word[1], text, n);
	r->t = record_ticks(t, false);
	record_publish(t, place);
}

/* Where a mapping begins and ends; false: no such line. */
static bool
read_range(const char *line, uintptr_t *start, uintptr_t *end)
{
	uintptr_t v[2] = { 0, 0 };
	unsigned k = 0;

	for (; *line != ' '; line++) {
		if (*line == '-' && k == 0)
			k = 1;
		else if (*line >= '0' && *line <= '9')
			v[k] = v[k] * 16 + (uintptr_t)(*line - '0');
		else if (*line >= 'a' && *line <= 'f')
			v[k] = v[k] * 16 + (uintptr_t)(*line - 'a' + 10);
		else
			return false;
	}
	*start = v[0];
	*end = v[1];
	return k == 1;
}

/* Whole lines, as many as a record should hold. */
static void
put_lines(struct thread *t, const char *text, size_t n, uintptr_t from, uintptr_t to)
{
	const size_t most = t->bytes / 2 - 64;
	size_t began = 0;

	for (size_t at = 0, after; at < n; at = after) {
		const char *end = memchr(text + at, '\n', n - at);
		uintptr_t low, high;
		bool wanted;

		after = end ? (size_t)(end - text) + 1 : n;
		wanted = end && after - at <= most && read_range(text + at, &low, &high) &&
			 low < to && high > from;
		if (at > began && (!wanted || after - began > most)) {
			put_text(t, text + began, at - began);
			began = at;
		}
		if (!wanted)
			began = after;
	}
	if (n > began)
		put_text(t, text + began, n - began);
}

void
record_maps(struct thread *t, uintptr_t from, uintptr_t to)
{
	int kept = errno, fd;
	char *text;
	size_t had = 0;
	long got;

	text =
	    hook_mmap(NULL, MAPS_READ, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = (int)hook_syscall(
	    SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (text != MAP_FAILED && fd >= 0)
		while ((got = hook_syscall(SYS_read, fd, (long)(text + had),
			    (long)(MAPS_READ - had), 0, 0, 0)) > 0) {
			const char *last = memrchr(text, '\n', had + (size_t)got);
			size_t whole = last ? (size_t)(last - text) + 1 : 0;

			had += (size_t)got;
			put_lines(t, text, whole, from, to);
			had = whole || had < MAPS_READ ? had - whole : 0;
			memmove(text, text + whole, had);
		}
	if (fd >= 0)
		hook_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (text != MAP_FAILED)
		hook_munmap(text, MAPS_READ);
	errno = kept;
}

static char *
hex(char *to, uintptr_t v)
{
	int shift = 60;

	while (shift > 0 && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[v >> shift & 15];
	return to;
}

void
record_stack(struct thread *t, uintptr_t low, size_t bytes)
{
	static const char middle[] = " rw-p 00000000 00:00 0 [stack:";
	char line[128], digits[12], *to = line;
	uint32_t tid = (uint32_t)t->slot->tid;
	int n = 0;

	to = hex(to, low);
	*to++ = '-';
	to = hex(to, low + bytes);
	to = mempcpy(to, middle, sizeof middle - 1);
	do
		digits[n++] = (char)('0' + tid % 10);
	while (tid /= 10);
	while (n > 0)
		*to++ = digits[--n];
	to = mempcpy(to, "]\n", 2);
	put_text(t, line, (size_t)(to - line));
}

void
stack_new_object(uintptr_t start, uintptr_t end)
{
	struct thread *t = thread_self;

	if (t && t->slot)
		record_maps(t, start, end);
}
