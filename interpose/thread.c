#include "interpose/thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "interpose/hook.h"
#include "interpose/process.h"
#include "interpose/touch.h"

enum {
	CHUNK = 32, /* states that are mapped together */
	CHUNKS = WIRE_THREADS / CHUNK,
	REFUSED_AGAIN = 1024, /* events until a thread without a slot tries again */
	RESCAN = 64,          /* threads until slots are looked for from the first one */
};

__thread struct thread *thread_self __attribute__((tls_model("initial-exec")));

static __thread struct {
	bool beginning;
	uint32_t refused;
} own __attribute__((tls_model("initial-exec")));

static _Atomic(unsigned char *) chunk[CHUNKS];
static _Atomic unsigned scan_from, scans;
static pthread_key_t key;
static bool key_made;

/* ---- where states lie ---- */

static size_t
state_bytes(void)
{
	size_t cache = process.walk_depth > 0 ? stack_cache_bytes(process.walk_depth) : 0;

	return (sizeof(struct thread) + cache + 4095) & ~(size_t)4095;
}

static struct thread *
state_of(unsigned number)
{
	_Atomic(unsigned char *) *at = &chunk[number / CHUNK];
	unsigned char *memory = atomic_load(at), *none = NULL;
	size_t bytes = state_bytes();

	if (memory == NULL) {
		memory = hook_mmap(NULL, CHUNK * bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED)
			return NULL;
		madvise(memory, CHUNK * bytes, MADV_WIPEONFORK);
		if (atomic_compare_exchange_strong(at, &none, memory)) {
			touch_hide(memory, CHUNK * bytes);
		} else {
			hook_munmap(memory, CHUNK * bytes);
			memory = none;
		}
	}
	return (struct thread *)(void *)(memory + number % CHUNK * bytes);
}

/* ---- slots ---- */

static bool
take(struct wire_thread *slot)
{
	uint32_t state = WIRE_FREE_SLOT;

	return atomic_load_explicit(&slot->state, memory_order_relaxed) == WIRE_FREE_SLOT &&
	       atomic_compare_exchange_strong(&slot->state, &state, WIRE_TAKEN);
}

static int
find_slot(struct wire_header *h)
{
	unsigned from = atomic_load_explicit(&scan_from, memory_order_relaxed), used;

	if (atomic_fetch_add_explicit(&scans, 1, memory_order_relaxed) % RESCAN == 0)
		from = 0;
	for (unsigned n = 0; n < WIRE_THREADS; n++) {
		unsigned i = (from + n) % WIRE_THREADS;

		if (!take(wire_thread(h, i)))
			continue;
		atomic_store_explicit(&scan_from, i + 1, memory_order_relaxed);
		used = atomic_load(&h->threads);
		while (used < i + 1 && !atomic_compare_exchange_weak(&h->threads, &used, i + 1))
			;
		return (int)i;
	}
	return -1;
}

static void
set_up(struct thread *t, unsigned number)
{
	struct wire_header *h = process.wire;
	struct wire_thread *slot = wire_thread(h, number);

	if (t->serial != 0) /* of a thread that had this slot before; its cache forgets by itself */
		memset(t, 0, sizeof *t);
	slot->pid = process.pid;
	slot->tid = (int32_t)hook_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	slot->process = process.number;
	slot->bytes = number < WIRE_LARGE ? WIRE_LARGE_BYTES : WIRE_SMALL_BYTES;
	slot->ring = number < WIRE_LARGE ? WIRE_AT_RINGS + (uint64_t)number * WIRE_LARGE_BYTES
					 : WIRE_AT_RINGS + (uint64_t)WIRE_LARGE * WIRE_LARGE_BYTES +
					       (uint64_t)(number - WIRE_LARGE) * WIRE_SMALL_BYTES;
	t->serial = ++slot->serial;
	t->slot = slot;
	t->ring = (unsigned char *)h + slot->ring;
	t->bytes = slot->bytes;
	t->mask = slot->bytes - 1;
	t->limit = 0;
	t->reserved = atomic_load(&slot->head);
	t->flags = (process.depth > 0 ? THREAD_CHAINS : 0) |
		   (process.depth > 0 && process.free_stacks ? THREAD_FREES : 0) |
		   (process.min > 0 || process.sample > 0 ? THREAD_SELECTS : 0) |
		   (process.backing ? THREAD_BACKING : 0) |
		   (process.backing_by_site ? THREAD_BY_SITE : 0) |
		   (process.clock == WIRE_RAW ? THREAD_RAW : 0);
	if (process.walk_depth > 0)
		t->cache = stack_cache_begin(t + 1, process.walk_depth);
	atomic_store(&slot->state, WIRE_LIVE);
}

struct thread *
thread_begin(void)
{
	int number = find_slot(process.wire);
	struct thread *t;

	if (number < 0)
		return NULL;
	t = state_of((unsigned)number);
	if (t == NULL) {
		atomic_store(&wire_thread(process.wire, (unsigned)number)->state, WIRE_FREE_SLOT);
		return NULL;
	}
	set_up(t, (unsigned)number);
	t->where = THREAD_OUTSIDE;
	thread_self = t;
	if (key_made)
		pthread_setspecific(key, t);
	return t;
}

/* ---- ways that few events take ---- */

/* While one of the functions behind the hooks runs. */
static struct thread *
nested(struct thread *t, uintptr_t pc, uintptr_t sp)
{
	/* the frame of that function is gone: left by longjmp(3) */
	if (sp > t->outer_sp && sp - t->outer_sp < 1 << 20) {
		t->where = THREAD_OUTSIDE;
		return t;
	}
	return t->where == THREAD_OWN || next_is_allocator(pc) ? NULL : t;
}

/* The stack of a thread is memory like any other: the list of mappings does not say whose. */
static void
tell_stack(struct thread *t)
{
	pthread_attr_t attr;
	size_t bytes = 0;
	void *low = NULL;

	t->where = THREAD_OWN;
	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &low, &bytes);
		pthread_attr_destroy(&attr);
	}
	t->where = THREAD_OUTSIDE;
	if (bytes > 0)
		record_stack(t, (uintptr_t)low, bytes);
}

static struct thread *
begin(void)
{
	struct thread *t = NULL;
	int kept = errno;

	if (own.beginning) {
		process_count(WIRE_LOST_SIGNAL, 1);
		return NULL;
	}
	own.beginning = true;
	if (process_live()) {
		t = thread_self;
		if (t == NULL || t->where == THREAD_NOT_BEGUN) {
			t = own.refused % REFUSED_AGAIN == 0 ? thread_begin() : NULL;
			if (t && t->slot->tid != process.pid)
				tell_stack(t);
		}
		if (t == NULL) {
			own.refused++;
			atomic_fetch_add(&process.wire->lost_threads, 1);
		} else {
			own.refused = 0;
		}
	}
	own.beginning = false;
	errno = kept;
	return t;
}

struct thread *
thread_enter_slowly(uintptr_t pc, uintptr_t sp)
{
	struct thread *t = thread_self;

	if (t && t->where == THREAD_DONE)
		return NULL;
	if (t && t->where != THREAD_NOT_BEGUN)
		return nested(t, pc, sp);
	return begin();
}

/* ---- ends ---- */

static void
end(void *value)
{
	struct thread *t = value;

	/* the slot may be another's if this is not the process that set the value */
	if (t == thread_self && t->slot)
		atomic_store(&t->slot->state, WIRE_ENDING);
}

void
thread_watch(void)
{
	key_made = pthread_key_create(&key, end) == 0;
	if (key_made && thread_self)
		pthread_setspecific(key, thread_self);
}

void
thread_wipe(void)
{
	if (thread_self)
		thread_self->where = THREAD_NOT_BEGUN;
}
