#include "sys/rings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/io.h"
#include "base/num.h"
#include "sys/clock.h"
#include "sys/limits.h"

/* A record that is in a ring, and waits for its turn. */
struct waiting {
	uint64_t time, at;
};

struct sys_ring {
	int cpu, fd;
	struct perf_event_mmap_page *page;
	unsigned char *data;
	uint64_t mask;
	uint64_t seen;     /* up to here records are in the queue */
	uint64_t tail;     /* what we told the kernel last */
	uint64_t consumed; /* end of the last record let out, while ordered */
	bool ordered;      /* the queue is in the order of the ring */
	struct waiting *queue;
	size_t first, n, cap; /* queue[first..n) waits */
};

struct sys_rings_fd {
	int fd;
	unsigned attr, ring;
	bool member; /* of a group: it goes on and off with its leader */
};

/* Times stand at the same place in the samples of all events: sample_type begins with these. */
enum {
	SAMPLE_COMMON = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
	READ_COMMON = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
	RECORD_MAX = 1 << 16
};

#ifndef PERF_FORMAT_LOST
#define PERF_FORMAT_LOST (1U << 4)
#endif

/* ---- opening ---- */

static int
open_event(const struct perf_event_attr *attr, pid_t pid, int cpu, int leader, unsigned long flags)
{
	return (int)syscall(
	    SYS_perf_event_open, attr, pid, cpu, leader, flags | PERF_FLAG_FD_CLOEXEC);
}

/* Whether attr i is counted on a CPU. */
static bool
is_on(const struct sys_rings_config *c, unsigned i, int cpu)
{
	if (c->only == NULL || c->only[i].cpus == 0)
		return true;
	for (unsigned k = 0; k < c->only[i].cpus; k++)
		if (c->only[i].cpu[k] == cpu)
			return true;
	return false;
}

/* Whether attr i is in the group of the one before it. */
static bool
is_member(const struct sys_rings_config *c, unsigned i)
{
	return i > 0 && c->leads && c->leads[i - 1];
}

static int
refused(const struct perf_event_attr *attr, const char *name, int reason, struct error *e)
{
	switch (reason) {
	case EACCES:
	case EPERM: {
		struct sys_limits limits;

		sys_limits_read(&limits);
		if (!limits.has_paranoid)
			return error_set(e, "%s: not permitted: needs CAP_PERFMON or root", name);
		return error_set(e,
		    "%s: not permitted: needs CAP_PERFMON or root, or a lower sysctl "
		    "kernel.perf_event_paranoid (now %d)",
		    name, (int)limits.paranoid);
	}
	case ENOENT:
	case EOPNOTSUPP:
	case ENODEV:
		if (attr->sample_type & PERF_SAMPLE_BRANCH_STACK)
			return error_set(e,
			    "%s: this machine has no branch records for call chains (lbr)", name);
		if (attr->precise_ip)
			return error_set(
			    e, "%s: this machine cannot count it that precisely", name);
		return error_set(e, "%s: this machine cannot count it", name);
	case ENOSPC:
		return error_set(e,
		    attr->type == PERF_TYPE_BREAKPOINT
			? "%s: no breakpoint register is left (x86 has four for each thread)"
			: "%s: no counter is left",
		    name);
	case EINVAL:
		if (attr->type == PERF_TYPE_BREAKPOINT)
			return error_set(e,
			    "%s: this machine has no such breakpoint (address aligned to its "
			    "length of 1, 2, 4 or 8; "
			    "x86 has no read-only ones)",
			    name);
		return error_set(e, "%s: the kernel takes no such event", name);
	case EBUSY:
		return error_set(e, "%s: the counter is in use by something else", name);
	case EMFILE:
	case ENFILE:
		return error_set(e,
		    "%s: too many open files: an event for each task and CPU needs one (ulimit -n)",
		    name);
	case ESRCH:
		return error_set(e, "%s: no such process", name);
	case EBADF:
		return error_set(e, "%s: not a cgroup that can be counted", name);
	default:
		return error_set(e, "%s: perf_event_open: %s", name, strerror(reason));
	}
}

static void
more_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
complete(struct perf_event_attr *a, const struct sys_rings_config *c, bool on_exec)
{
	a->size = sizeof *a;
	a->sample_type |= SAMPLE_COMMON;
	a->read_format = READ_COMMON | PERF_FORMAT_LOST;
	a->sample_id_all = 1;
	a->disabled = 1;
	a->inherit = c->inherit;
	a->enable_on_exec = on_exec;
	a->use_clockid = 1;
	a->clockid = c->clock;
	a->watermark = 1;
	a->wakeup_watermark = (uint32_t)(c->bytes / 4);
}

static void
make_tracker(struct sys_rings *r, const struct sys_rings_config *c)
{
	struct perf_event_attr *a = &r->tracker;
	bool kernel = false;

	*a = (struct perf_event_attr){ .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY };
	for (unsigned i = 0; i < c->attrs; i++)
		kernel = kernel || !c->attr[i].exclude_kernel;
	a->exclude_kernel = !kernel;
	a->exclude_hv = !kernel;
	a->sample_period = 1;
	a->mmap = a->mmap2 = a->comm = a->comm_exec = a->task = 1;
	a->ksymbol = kernel;
	a->build_id = 1;
	complete(a, c, c->on_exec);
}

/* Opens the tracker; takes away what an older kernel does not know. */
static int
open_tracker(struct sys_rings *r, pid_t pid, int cpu, unsigned long flags)
{
	struct perf_event_attr *a = &r->tracker;
	int fd = open_event(a, pid, cpu, -1, flags);

	if (fd < 0 && errno == EINVAL && (a->read_format & PERF_FORMAT_LOST)) {
		a->read_format = READ_COMMON;
		fd = open_event(a, pid, cpu, -1, flags);
	}
	if (fd < 0 && errno == EINVAL && a->build_id) {
		a->build_id = 0;
		fd = open_event(a, pid, cpu, -1, flags);
	}
	if (fd < 0 && (errno == EINVAL || errno == EACCES || errno == EPERM) && a->ksymbol) {
		int reason = errno;

		a->ksymbol = 0;
		fd = open_event(a, pid, cpu, -1, flags);
		if (fd < 0)
			errno = reason;
	}
	return fd;
}

enum { TOO_LARGE = -2 }; /* for the memory that we may lock: smaller rings may do */

static int
map_ring(struct sys_rings *r, struct sys_ring *ring, struct error *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page + r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);

	if (p == MAP_FAILED) {
		int reason = errno;

		error_set(e,
		    "a ring of %zu KiB for CPU %d: %s (sysctl kernel.perf_event_mlock_kb, ulimit "
		    "-l, or CAP_IPC_LOCK "
		    "limits it)",
		    r->bytes >> 10, ring->cpu, strerror(reason));
		return reason == EPERM || reason == ENOMEM ? TOO_LARGE : -1;
	}
	ring->page = p;
	ring->data = (unsigned char *)p + page;
	ring->mask = r->bytes - 1;
	ring->ordered = true;
	return 0;
}

static size_t
add_fd(struct sys_rings *r, size_t *cap, int fd, unsigned attr, unsigned ring)
{
	GROW(r->fd, *cap, r->fds);
	r->fd[r->fds] = (struct sys_rings_fd){ fd, attr, ring, false };
	return r->fds++;
}

static int
open_all(struct sys_rings *r, const struct sys_rings_config *c, struct error *e)
{
	unsigned long flags = c->tid == NULL && c->cgroup >= 0 ? PERF_FLAG_PID_CGROUP : 0;
	size_t targets = c->tid ? c->tids : 1, cap = 0;
	int result;

	for (unsigned k = 0; k < c->cpus; k++) {
		struct sys_ring *ring = &r->ring[r->rings];

		*ring = (struct sys_ring){ .cpu = c->cpu[k], .fd = -1 };
		for (size_t t = 0; t < targets; t++) {
			pid_t pid = c->tid ? c->tid[t] : c->cgroup >= 0 ? c->cgroup : -1;
			int fd = open_tracker(r, pid, ring->cpu, flags);

			if (fd < 0 && errno == ESRCH && c->tid)
				continue; /* ended since */
			if (fd < 0 && errno == ENODEV)
				break; /* this CPU is off line */
			if (fd <
			    0) /* the first event of the user's is what the message should name */
				return refused(c->attr, c->name[0], errno, e);
			add_fd(r, &cap, fd, r->attrs, r->rings);
			if (ring->fd < 0) {
				ring->fd = fd;
				result = map_ring(r, ring, e);
				if (result < 0)
					return result;
			} else if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0) {
				return error_set(e, "cannot share a ring: %s", strerror(errno));
			}
			for (unsigned i = 0; i < c->attrs; i++) {
				int leader = is_member(c, i) ? fd : -1;

				c->attr[i].read_format = r->tracker.read_format;
				if (!is_on(c, i, ring->cpu))
					continue;
				fd = open_event(&c->attr[i], pid, ring->cpu, leader, flags);
				if (fd < 0 && errno == ESRCH && c->tid)
					continue;
				if (fd < 0)
					return refused(&c->attr[i], c->name[i], errno, e);
				r->fd[add_fd(r, &cap, fd, i, r->rings)].member = leader >= 0;
				if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0)
					return error_set(e, "%s: cannot share a ring: %s",
					    c->name[i], strerror(errno));
			}
		}
		if (ring->fd >= 0)
			r->rings++;
	}
	if (r->rings == 0)
		return error_set(e, c->tid ? "no such process" : "none of these CPUs is on line");
	return 0;
}

int
sys_rings_open(struct sys_rings *r, const struct sys_rings_config *config, struct error *e)
{
	struct sys_rings_config c = *config;
	size_t least = 16 * (size_t)sysconf(_SC_PAGESIZE);
	int result;

	more_files();
	for (;; c.bytes /= 2) {
		*r = (struct sys_rings){ .rings_cap = c.cpus,
			.attrs = c.attrs,
			.bytes = c.bytes,
			.clock = c.clock,
			.current = -1 };
		r->ring = xcalloc(c.cpus, sizeof *r->ring);
		for (unsigned i = 0; i < c.attrs; i++) {
			complete(&c.attr[i], &c, c.on_exec && c.samples_on_exec);
			/* the kernel switches a group with its leader: one that is switched on by itself may wait for the next
			 * time that its task is scheduled */
			if (is_member(&c, i))
				c.attr[i].disabled = c.attr[i].enable_on_exec = 0;
		}
		make_tracker(r, &c);
		result = perf_layout_init(&r->layout, &r->tracker, e);
		if (result == 0)
			result = open_all(r, &c, e);
		if (result == 0)
			break;
		sys_rings_close(r);
		if (result != TOO_LARGE || c.exact || c.bytes <= least)
			return -1;
	}
	r->heap = xcalloc(r->rings, sizeof *r->heap);
	r->scratch = xmalloc(RECORD_MAX);
	r->began = (uint64_t)sys_clock_now(c.clock);
	return 0;
}

int
sys_rings_ids(struct sys_rings *r, void (*fn)(uint64_t id, unsigned attr, void *context),
    void *context, struct error *e)
{
	for (size_t i = 0; i < r->fds; i++) {
		uint64_t id;

		if (ioctl(r->fd[i].fd, PERF_EVENT_IOC_ID, &id) < 0)
			return error_set(e, "the id of an event: %s", strerror(errno));
		fn(id, r->fd[i].attr, context);
	}
	return 0;
}

static int
switch_events(struct sys_rings *r, bool tracker, bool on, struct error *e)
{
	for (size_t i = 0; i < r->fds; i++)
		if ((r->fd[i].attr == r->attrs) == tracker && !r->fd[i].member &&
		    ioctl(r->fd[i].fd, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) < 0)
			return error_set(
			    e, "cannot switch an event %s: %s", on ? "on" : "off", strerror(errno));
	return 0;
}

int
sys_rings_track(struct sys_rings *r, struct error *e)
{
	return switch_events(r, true, true, e);
}

int
sys_rings_enable(struct sys_rings *r, bool on, struct error *e)
{
	return switch_events(r, false, on, e);
}

/* ---- waiting ---- */

/* A ring whose first event has ended with its task is watched through another one that writes into it. */
static int
next_watch(const struct sys_rings *r, unsigned ring, int fd)
{
	bool passed = false;

	for (size_t i = 0; i < r->fds; i++) {
		if (r->fd[i].ring != ring || r->fd[i].attr != r->attrs)
			continue;
		if (passed)
			return r->fd[i].fd;
		passed = r->fd[i].fd == fd;
	}
	return -1;
}

int
sys_rings_wait(struct sys_rings *r, struct pollfd *other, unsigned others, int timeout_ms)
{
	int n;

	if (r->poll == NULL || r->polls != r->rings + others) {
		r->polls = r->rings + others;
		r->poll = xrealloc(r->poll, r->polls, sizeof *r->poll);
		for (unsigned i = 0; i < r->rings; i++)
			r->poll[i] = (struct pollfd){ .fd = r->ring[i].fd, .events = POLLIN };
	}
	if (others > 0)
		memcpy(r->poll + r->rings, other, others * sizeof *other);
	n = poll(r->poll, r->polls, timeout_ms);
	if (n < 0) {
		for (unsigned i = 0; i < others; i++)
			other[i].revents = 0;
		return errno == EINTR ? 0 : -1;
	}
	if (others > 0)
		memcpy(other, r->poll + r->rings, others * sizeof *other);
	for (unsigned i = 0; i < r->rings; i++)
		if (r->poll[i].revents & (POLLHUP | POLLERR | POLLNVAL))
			r->poll[i].fd = next_watch(r, i, r->poll[i].fd);
	return n;
}

/* ---- order ---- */

static bool
older(const struct sys_rings *r, unsigned a, unsigned b)
{
	const struct sys_ring *x = &r->ring[a], *y = &r->ring[b];
	uint64_t s = x->queue[x->first].time, t = y->queue[y->first].time;

	return s < t || (s == t && a < b);
}

static void
sink(struct sys_rings *r, unsigned at)
{
	for (;;) {
		unsigned least = 2 * at + 1, swap;

		if (least >= r->heaps)
			return;
		if (least + 1 < r->heaps && older(r, r->heap[least + 1], r->heap[least]))
			least++;
		if (!older(r, r->heap[least], r->heap[at]))
			return;
		swap = r->heap[at];
		r->heap[at] = r->heap[least];
		r->heap[least] = swap;
		at = least;
	}
}

/* Words of 8 bytes never straddle the end of a ring: its size and all positions are multiples of 8. */
static uint64_t
word(const struct sys_ring *ring, uint64_t at)
{
	return load64(ring->data + (at & ring->mask));
}

static struct perf_event_header
header_at(const struct sys_ring *ring, uint64_t at)
{
	uint64_t w = word(ring, at);
	struct perf_event_header h;

	memcpy(&h, &w, sizeof h);
	return h;
}

static uint64_t
time_at(
    const struct sys_rings *r, const struct sys_ring *ring, uint64_t at, struct perf_event_header h)
{
	if (h.type == PERF_RECORD_SAMPLE)
		return word(ring, at + r->layout.sample_time_at);
	return h.size >= sizeof h + r->layout.trailer_time_at
		   ? word(ring, at + h.size - r->layout.trailer_time_at)
		   : 0;
}

static void
enqueue(struct sys_ring *ring, uint64_t time, uint64_t at)
{
	size_t i = ring->n;

	GROW(ring->queue, ring->cap, ring->n);
	/* an interrupt writes its record before the one that it interrupts: neighbours change places, no more */
	for (; i > ring->first && ring->queue[i - 1].time > time; i--) {
		ring->queue[i] = ring->queue[i - 1];
		ring->ordered = false;
	}
	ring->queue[i] = (struct waiting){ time, at };
	ring->n++;
}

static void
look(struct sys_rings *r, struct sys_ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);

	if (ring->first > 0) {
		ring->n -= ring->first;
		memmove(ring->queue, ring->queue + ring->first, ring->n * sizeof *ring->queue);
		ring->first = 0;
	}
	while (ring->seen < head) {
		struct perf_event_header h = header_at(ring, ring->seen);

		if (h.size < sizeof h || h.size % 8 || h.size > head - ring->seen) {
			r->unreadable += head - ring->seen;
			ring->seen = head;
			break;
		}
		enqueue(ring, time_at(r, ring, ring->seen, h), ring->seen);
		ring->seen += h.size;
	}
}

static void
give_back(struct sys_ring *ring, uint64_t to)
{
	if (to == ring->tail)
		return;
	ring->tail = to;
	__atomic_store_n(&ring->page->data_tail, to, __ATOMIC_RELEASE);
}

/* All that is before the first record that still waits. */
static void
give_back_all(struct sys_ring *ring)
{
	uint64_t to = ring->seen;

	for (size_t i = ring->first; i < ring->n; i++) {
		if (ring->queue[i].at < to)
			to = ring->queue[i].at;
		if (ring->ordered)
			break;
	}
	give_back(ring, to);
	if (!ring->ordered) {
		ring->ordered = true;
		for (size_t i = ring->first + 1; i < ring->n; i++)
			ring->ordered = ring->ordered && ring->queue[i - 1].at < ring->queue[i].at;
	}
}

void
sys_rings_round(struct sys_rings *r, bool last)
{
	uint64_t now = (uint64_t)sys_clock_now(r->clock);

	r->limit = last ? UINT64_MAX : r->began;
	r->began = now;
	r->heaps = 0;
	for (unsigned i = 0; i < r->rings; i++) {
		look(r, &r->ring[i]);
		if (r->ring[i].n > 0)
			r->heap[r->heaps++] = i;
	}
	for (unsigned i = r->heaps / 2; i-- > 0;)
		sink(r, i);
}

static const struct perf_event_header *
whole(struct sys_rings *r, const struct sys_ring *ring, uint64_t at, size_t size, bool copy)
{
	size_t from = at & ring->mask, straight = ring->mask + 1 - from;

	if (size <= straight && !copy)
		return (const void *)(ring->data + from);
	if (straight > size)
		straight = size;
	memcpy(r->scratch, ring->data + from, straight);
	memcpy(r->scratch + straight, ring->data, size - straight);
	return (const void *)r->scratch;
}

static void
finish_round(struct sys_rings *r)
{
	for (unsigned i = 0; i < r->rings; i++)
		give_back_all(&r->ring[i]);
	r->heaps = 0;
}

int
sys_rings_next(struct sys_rings *r, const struct perf_event_header **header)
{
	if (r->current >= 0) {
		struct sys_ring *ring = &r->ring[r->current];

		/* in steps: the tail's cache line belongs to the CPU that writes */
		if (ring->ordered && ring->consumed - ring->tail > ring->mask / 16)
			give_back(ring, ring->consumed);
		r->current = -1;
	}
	while (r->heaps > 0) {
		unsigned at = r->heap[0];
		struct sys_ring *ring = &r->ring[at];
		struct waiting w = ring->queue[ring->first];
		struct perf_event_header h;
		bool late = w.time < r->last;

		if (w.time >= r->limit)
			break;
		h = header_at(ring, w.at);
		ring->first++;
		ring->consumed = w.at + h.size;
		if (ring->first == ring->n)
			r->heap[0] = r->heap[--r->heaps];
		sink(r, 0);
		if (late && h.type == PERF_RECORD_SAMPLE) {
			r->late++;
			continue;
		}
		late = late && h.size >= sizeof h + r->layout.trailer_time_at;
		*header = whole(r, ring, w.at, h.size, late);
		if (late)
			store64(r->scratch + h.size - r->layout.trailer_time_at, r->last);
		else if (w.time > r->last)
			r->last = w.time;
		r->current = (int)at;
		return 1;
	}
	finish_round(r);
	return 0;
}

/* ---- the end ---- */

void
sys_rings_count(const struct sys_rings *r, unsigned attr, struct sys_count *count)
{
	*count = (struct sys_count){ 0 };
	for (size_t i = 0; i < r->fds; i++) {
		uint64_t v[4] = { 0 };

		if (r->fd[i].attr != attr || io_read(r->fd[i].fd, v, sizeof v) < 0)
			continue;
		count->value += v[0];
		count->enabled += v[1];
		count->running += v[2];
		count->lost += v[3];
	}
}

void
sys_rings_close(struct sys_rings *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < r->rings_cap; i++) {
		if (r->ring[i].page)
			munmap(r->ring[i].page, page + r->ring[i].mask + 1);
		free(r->ring[i].queue);
	}
	for (size_t i = 0; i < r->fds; i++)
		close(r->fd[i].fd);
	free(r->ring);
	free(r->fd);
	free(r->heap);
	free(r->scratch);
	free(r->poll);
	*r = (struct sys_rings){ .current = -1 };
}

/* ---- CPUs ---- */

int
sys_cpus_parse(const char *text, int **cpu, unsigned *cpus)
{
	size_t cap = 0;

	*cpu = NULL;
	*cpus = 0;
	for (struct slice rest = slice_of(text); rest.n > 0;) {
		struct slice item = slice_cut(&rest, ','), low = slice_cut(&item, '-');
		uint64_t from, to;

		if (num_u64(low, &from) < 0 ||
		    (item.n > 0 ? num_u64(item, &to) < 0 : (to = from, low.p[low.n] == '-')) ||
		    to < from || to > 1 << 16)
			goto wrong;
		for (; from <= to; from++) {
			for (unsigned i = 0; i < *cpus; i++)
				if ((*cpu)[i] == (int)from)
					goto wrong;
			GROW(*cpu, cap, *cpus);
			(*cpu)[(*cpus)++] = (int)from;
		}
	}
	if (*cpus > 0)
		return 0;
wrong:
	free(*cpu);
	*cpu = NULL;
	*cpus = 0;
	return -1;
}

int
sys_cpus_online(int **cpu, unsigned *cpus, struct error *e)
{
	char *text;
	size_t n;
	int r;

	if (io_slurp("/sys/devices/system/cpu/online", &text, &n) < 0)
		return error_set(e, "/sys/devices/system/cpu/online: %s", strerror(errno));
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	r = sys_cpus_parse(text, cpu, cpus);
	free(text);
	return r < 0 ? error_set(e, "/sys/devices/system/cpu/online: no list of CPUs") : 0;
}
