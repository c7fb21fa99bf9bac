#include "interpose/touch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Linux 6.7, and newer than the headers of many. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
enum {
	FEATURE_WP_HUGETLBFS_SHMEM = 1 << 12,
	FEATURE_WP_UNPOPULATED = 1 << 13,
	FEATURE_WP_ASYNC = 1 << 15
};

enum { HIGH = 600, WAIT_MS = 1000, TURN_MS = 100 };

static struct wire_process *slot;
static int descriptor = -1;
static struct {
	unsigned n;
	uint64_t range[WIRE_HIDDEN][2];
} hidden; /* a fork copies it with the memory that it is about */

/* Where it is out of the way: the descriptors that the program opens get the numbers that they always had. */
static int
open_high(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY), high;

	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

static int
make(void)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features =
		    FEATURE_WP_ASYNC | FEATURE_WP_UNPOPULATED | FEATURE_WP_HUGETLBFS_SHMEM };
	int fd = open_high();

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0) {
		int reason = errno;

		close(fd);
		errno = reason;
		return -1;
	}
	return fd;
}

static void
publish_hidden(void)
{
	if (slot == NULL)
		return;
	for (unsigned i = 0; i < hidden.n; i++) {
		slot->hide[i][0] = hidden.range[i][0];
		slot->hide[i][1] = hidden.range[i][1];
	}
	atomic_store_explicit(&slot->hidden, hidden.n, memory_order_release);
}

static void
ring(struct wire_header *h)
{
	atomic_fetch_add(&h->bell, 1);
	if (atomic_load(&h->sleeping))
		syscall(SYS_futex, &h->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
wait_for_look(struct wire_header *h, struct wire_process *p, enum wire_look which)
{
	const struct timespec turn = { .tv_nsec = TURN_MS * 1000000L };

	if (descriptor < 0)
		return;
	atomic_store(&p->look, which);
	ring(h);
	for (int waited = 0;
	     waited < WAIT_MS && !wire_recorder_died(h) && atomic_load(&p->look) == which;
	     waited += TURN_MS)
		syscall(SYS_futex, &p->look, FUTEX_WAIT, which, &turn, NULL, 0);
}

void
touch_begin(struct wire_header *h, struct wire_process *p)
{
	int kept = errno;

	if (descriptor >= 0)
		close(descriptor); /* of the parent: it is about the parent's memory */
	slot = p;
	atomic_store(&p->look, WIRE_LOOK_NONE);
	publish_hidden();
	descriptor = make();
	if (descriptor < 0) {
		p->note_errno = errno;
		atomic_fetch_or(&p->notes, WIRE_NO_TOUCH);
	}
	p->touch = descriptor;
	if (p->ppid != 0)
		wait_for_look(h, p, WIRE_LOOK_FIRST);
	errno = kept;
}

void
touch_end(struct wire_header *h, struct wire_process *p)
{
	int kept = errno;

	wait_for_look(h, p, WIRE_LOOK_LAST);
	errno = kept;
}

void
touch_hide(const void *start, size_t n)
{
	uint64_t from = (uintptr_t)start & ~(uint64_t)4095,
		 to = ((uintptr_t)start + n + 4095) & ~(uint64_t)4095;
	unsigned i = 0;

	while (i < hidden.n && (from > hidden.range[i][1] || to < hidden.range[i][0]))
		i++;
	if (i == WIRE_HIDDEN)
		return;
	if (i == hidden.n) {
		hidden.range[i][0] = from;
		hidden.range[i][1] = to;
		hidden.n++;
	} else {
		if (from < hidden.range[i][0])
			hidden.range[i][0] = from;
		if (to > hidden.range[i][1])
			hidden.range[i][1] = to;
	}
	publish_hidden();
}
