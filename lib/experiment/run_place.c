#include "experiment/run_place.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"

enum { DESCRIPTORS = 16, TRIES = 100 };

static const uint64_t LEASE_NS = CLAIM_LEASE_S * UINT64_C(1000000000);

static char *
absolute(const char *path)
{
	char *here, *result;

	if (path[0] == '/')
		return xstrndup(path, strlen(path));
	here = getcwd(NULL, 0);
	if (asprintf(&result, "%s/%s", here ? here : ".", path) < 0)
		abort();
	free(here);
	return result;
}

int
run_place_of_plan(struct run_place *p, const char *results, struct slice name, struct error *e)
{
	struct claim_owner owner;

	*p = RUN_PLACE_INIT;
	p->results = absolute(results);
	p->name = name;
	if (asprintf(&p->path, "%s/part/%.*s", p->results, SLICE_ARG(name)) < 0)
		abort();
	if (claim_owner(results, name, &owner, e) < 0)
		return -1;
	memcpy(p->id, owner.id, sizeof p->id);
	/* whoever took it for us may have made it */
	if (mkdir(p->path, 0777) < 0 && errno != EEXIST)
		return error_set(e, "%s: %s", p->path, strerror(errno));
	return 0;
}

/* DIR.failed.N, the first that is not there. */
static int
fail_directory(struct run_place *p, struct error *e)
{
	for (unsigned n = 1;; n++) {
		free(p->kept);
		if (asprintf(&p->kept, "%s.failed.%u", p->target, n) < 0)
			abort();
		if (renameat2(AT_FDCWD, p->path, AT_FDCWD, p->kept, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno == EINVAL && access(p->kept, F_OK) < 0 && rename(p->path, p->kept) == 0)
			return 0;
		if (errno != EEXIST)
			return error_set(
			    e, "%s: cannot become %s: %s", p->path, p->kept, strerror(errno));
	}
}

static int
is_ours(const char *path, int fd)
{
	struct stat by_name, by_fd;

	return stat(path, &by_name) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

/* The part of a directory, made and locked; one whose maker is gone is a failed one. */
static int
take_directory(struct run_place *p, struct error *e)
{
	for (int i = 0; i < TRIES; i++) {
		bool made = mkdir(p->path, 0777) == 0;

		if (!made && errno != EEXIST)
			return error_set(e, "%s: %s", p->path, strerror(errno));
		p->lock = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (p->lock < 0 && errno != ENOENT)
			return error_set(e, "%s: %s", p->path, strerror(errno));
		if (p->lock < 0)
			continue;
		if (flock(p->lock, LOCK_EX | LOCK_NB) == 0 && is_ours(p->path, p->lock)) {
			if (made)
				return 0;
			if (fail_directory(p, e) < 0)
				return -1;
		} else if (!made) {
			return error_set(e, "%s: another leat run is making it", p->path);
		}
		close(p->lock);
		p->lock = -1;
	}
	return error_set(e, "%s: others make and remove it", p->path);
}

int
run_place_of_directory(struct run_place *p, const char *directory, struct error *e)
{
	char *id;
	size_t n;

	*p = RUN_PLACE_INIT;
	p->target = absolute(directory);
	for (n = strlen(p->target); n > 1 && p->target[n - 1] == '/'; n--)
		p->target[n - 1] = '\0';
	p->name = slice_basename(slice_of(p->target));
	if (asprintf(&p->path, "%s.part", p->target) < 0)
		abort();
	/* an empty one is good enough: it is what rename(2) allows */
	if (rmdir(p->target) < 0 && errno != ENOENT)
		return error_set(e,
		    errno == ENOTEMPTY || errno == EEXIST
			? "%s: is there already, and results are not written over"
			: "%s: %s",
		    directory, strerror(errno));
	if (io_slurp("/proc/sys/kernel/random/uuid", &id, &n) == 0) {
		snprintf(p->id, sizeof p->id, "%.36s", id);
		free(id);
	}
	return take_directory(p, e);
}

int
run_place_keep(struct run_place *p, pid_t session, struct error *e)
{
	return p->results ? claim_renew(p->results, p->name, session, LEASE_NS, e) : 0;
}

/* ---- to the disk ---- */

static struct error *sync_error; /* nftw() has no context */

static int
sync_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	int fd;

	(void)at;
	if (!(type == FTW_F && S_ISREG(st->st_mode) && st->st_size > 0) && type != FTW_DP)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	/* what its own owner may not read */
	if (fd < 0 && errno == EACCES)
		return 0;
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)) {
		error_set(sync_error, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return 1;
	}
	close(fd);
	return 0;
}

/* A command that did not look whether it could write must not look as if it had. */
static int
has_room(const char *path, struct error *e)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return error_set(e, "%s: %s", path, strerror(errno));
	if (fs.f_blocks > 0 && fs.f_bavail == 0)
		return error_set(e, "%s: the disk is full, so that not all may be in it", path);
	return 0;
}

int
run_place_succeed(struct run_place *p, struct error *e)
{
	int parent, result = 0;

	if (has_room(p->path, e) < 0)
		return -1;
	sync_error = e;
	result = nftw(p->path, sync_one, DESCRIPTORS, FTW_PHYS | FTW_DEPTH);
	if (result < 0)
		return error_set(e, "%s: %s", p->path, strerror(errno));
	if (result > 0)
		return -1;
	if (p->results)
		return claim_succeed(p->results, p->name, e);
	if (rename(p->path, p->target) < 0)
		return error_set(
		    e, "%s: cannot become %s: %s", p->path, p->target, strerror(errno));
	parent = openat(p->lock, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0 && fsync(parent) < 0 && errno != EINVAL && errno != ENOTSUP)
		result = error_set(e, "%s: %s", p->target, strerror(errno));
	if (parent >= 0)
		close(parent);
	return result;
}

int
run_place_fail(struct run_place *p, struct error *e)
{
	unsigned attempt;

	if (p->results == NULL)
		return fail_directory(p, e);
	if (claim_fail(p->results, p->name, &attempt, e) < 0)
		return -1;
	free(p->kept);
	if (asprintf(&p->kept, "%s/failed/%.*s.%u", p->results, SLICE_ARG(p->name), attempt) < 0)
		abort();
	return 0;
}

void
run_place_close(struct run_place *p)
{
	if (p->lock >= 0)
		close(p->lock);
	free(p->results);
	free(p->path);
	free(p->target);
	free(p->kept);
	*p = RUN_PLACE_INIT;
}
