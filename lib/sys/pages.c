#include "sys/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/num.h"
#include "base/slice.h"

/* PAGEMAP_SCAN of Linux 6.7: newer than the headers of many. */
struct sys_pages_region {
	uint64_t start, end, categories;
};

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, any, returned;
};

#define SCAN _IOWR('f', 16, struct scan)

enum { PROTECT = 1, CHECK = 2 }; /* flags */

enum {
	WRITTEN = 1 << 1,
	OF_FILE = 1 << 2,
	PRESENT = 1 << 3,
	SWAPPED = 1 << 4,
	ZERO = 1 << 5,
	HUGE_PAGE = 1 << 6
};

enum { REGIONS = 2048 };

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* ---- opening ---- */

static int
fetch(pid_t pid, int fd, struct error *e)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), got, reason;

	if (pidfd < 0)
		return errno == ESRCH ? SYS_PAGES_GONE
				      : error_set(e, "process %d: %s", (int)pid, strerror(errno));
	got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	reason = errno;
	close(pidfd);
	if (got < 0)
		return reason == ESRCH || reason == EBADF
			   ? SYS_PAGES_GONE
			   : error_set(
				 e, "process %d: its userfaultfd: %s", (int)pid, strerror(reason));
	return got;
}

static int
open_of(pid_t pid, const char *name, struct error *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == ENOENT || errno == ESRCH ? SYS_PAGES_GONE
						 : error_set(e, "%s: %s", path, strerror(errno));
}

int
sys_pages_open(struct sys_pages *p, pid_t pid, int fd, struct error *e)
{
	int result;

	*p = SYS_PAGES_INIT;
	p->pid = pid;
	/* the three are of one memory: a program that is executed meanwhile has a slot of its own */
	if ((result = p->uffd = fetch(pid, fd, e)) < 0 ||
	    (result = p->maps = open_of(pid, "maps", e)) < 0 ||
	    (result = p->pagemap = open_of(pid, "pagemap", e)) < 0) {
		sys_pages_close(p);
		return result;
	}
	p->region = xcalloc(REGIONS, sizeof *p->region);
	return 0;
}

void
sys_pages_close(struct sys_pages *p)
{
	if (p->uffd >= 0)
		close(p->uffd);
	if (p->maps >= 0)
		close(p->maps);
	if (p->pagemap >= 0)
		close(p->pagemap);
	free(p->text);
	free(p->region);
	*p = SYS_PAGES_INIT;
}

/* ---- one area ---- */

static uint64_t
huge_bytes(void)
{
	static uint64_t bytes;
	char *text;
	size_t n;

	if (bytes == 0 &&
	    io_slurp("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", &text, &n) == 0) {
		num_u64(slice_trim((struct slice){ text, n }), &bytes);
		free(text);
	}
	if (bytes == 0)
		bytes = 2 << 20;
	return bytes;
}

struct area {
	uint64_t start, end;
	bool shared;
};

static void
tell(const struct sys_pages_region *r, const struct sys_pages_sink *sink)
{
	uint64_t huge = huge_bytes();
	bool whole = r->categories & HUGE_PAGE && r->start % huge == 0 && r->end % huge == 0;

	sink->written(
	    r->start, r->end, whole ? huge : (uint64_t)sysconf(_SC_PAGESIZE), sink->context);
}

/* Tells and protects what was written: 0, or the errno. */
static int
scan(struct sys_pages *p, const struct area *a, const struct sys_pages_sink *sink)
{
	/* of private files, the pages that are still the file's were not written; the page of zeros neither */
	uint64_t not = a->shared ? 0 : OF_FILE | ZERO;
	struct scan s = { .size = sizeof s,
		.flags = PROTECT | CHECK,
		.start = a->start,
		.end = a->end,
		.vec = (uintptr_t)p->region,
		.vec_len = REGIONS,
		.inverted = not,
		.mask = WRITTEN | not,
		.any = PRESENT | SWAPPED,
		.returned = WRITTEN | HUGE_PAGE };

	while (s.start < s.end) {
		int n = ioctl(p->pagemap, SCAN, &s);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		for (int i = 0; i < n; i++)
			tell(&p->region[i], sink);
		if (n > 0)
			sink->looked(sink->context);
		if (s.walk_end <= s.start)
			break;
		s.start = s.walk_end;
	}
	return 0;
}

static int
look_at(struct sys_pages *p, const struct area *a, const struct sys_pages_sink *sink)
{
	struct uffdio_register area = { .range = { a->start, a->end - a->start },
		.mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect protect = { .range = area.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int reason = scan(p, a, sink);

	if (reason != EPERM)
		return reason;
	/* it is new */
	if (ioctl(p->uffd, UFFDIO_REGISTER, &area) < 0)
		return errno;
	reason = scan(p, a, sink);
	/* a page of a shared file that is not mapped yet would look written once it is read */
	if (reason == 0 && a->shared && ioctl(p->uffd, UFFDIO_WRITEPROTECT, &protect) < 0)
		reason = errno;
	return reason;
}

/* ---- all areas ---- */

/* The text of maps, from its beginning: of this very memory, or nothing where that is gone. */
static ssize_t
read_maps(struct sys_pages *p)
{
	size_t n = 0;

	for (;;) {
		ssize_t got;

		if (p->cap - n < 1 << 16)
			p->text = xgrow(p->text, &p->cap, n + (1 << 17), 1);
		got = pread(p->maps, p->text + n, p->cap - n, (off_t)n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 && errno != ESRCH ? -1 : (ssize_t)n;
		n += (size_t)got;
	}
}

static bool
is_device(struct slice path)
{
	return slice_starts(path, SLICE("/dev/")) && !slice_starts(path, SLICE("/dev/shm/")) &&
	       !slice_starts(path, SLICE("/dev/zero"));
}

static bool
excepted(const struct sys_pages_sink *sink, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < sink->excepts; i++)
		if (start >= sink->except[i][0] && end <= sink->except[i][1])
			return true;
	return false;
}

/* A line of maps: true where it is an area to look at. *skipped: the end of an object that is not, behind which its bss
 * stands. */
static bool
read_line(struct slice line, struct area *a, const struct sys_pages_sink *sink, uint64_t *skipped)
{
	struct slice rest = line, range = slice_cut(&rest, ' '), mode = slice_cut(&rest, ' '),
		     start = slice_cut(&range, '-'), path;

	if (num_hex(start, &a->start) < 0 || num_hex(range, &a->end) < 0 || mode.n < 4)
		return false;
	for (int i = 0; i < 3; i++) /* offset, device, inode */
		slice_cut(&rest, ' ');
	path = slice_trim(rest);
	if (sink->except_path && path.n > 0 && slice_ends(path, slice_of(sink->except_path))) {
		*skipped = a->end;
		return false;
	}
	if (path.n == 0 && *skipped == a->start) {
		*skipped = 0;
		return false;
	}
	a->shared = mode.p[3] == 's';
	if (mode.p[1] != 'w' || slice_starts(path, SLICE("[v")) || is_device(path))
		return false;
	if (a->shared && (path.n == 0 || slice_starts(path, SLICE("/memfd:leat"))))
		return false;
	return !excepted(sink, a->start, a->end);
}

int
sys_pages_look(struct sys_pages *p, const struct sys_pages_sink *sink, struct error *e)
{
	ssize_t n = read_maps(p);
	uint64_t skipped = 0;
	struct slice rest;

	if (n < 0)
		return error_set(e, "/proc/%d/maps: %s", (int)p->pid, strerror(errno));
	if (n == 0)
		return SYS_PAGES_GONE;
	p->bytes = 0;
	rest = (struct slice){ p->text, (size_t)n };
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');
		struct area a;
		int reason;

		if (!read_line(line, &a, sink, &skipped))
			continue;
		reason = look_at(p, &a, sink);
		if (reason == ESRCH)
			return SYS_PAGES_GONE;
		/* ENOMEM, EFAULT: unmapped since; the next look knows */
		if (reason == EPERM || reason == EINVAL || reason == EBUSY)
			p->refused++;
		else if (reason == 0)
			p->bytes += a.end - a.start;
	}
	return 0;
}
