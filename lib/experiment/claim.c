#include "experiment/claim_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "sys/clock.h"
#include "sys/process.h"

/* ---- places ---- */

struct places {
	char *results, *runs, *part, *claim, *next; /* next: a claim before it is one */
};

static char *
path_of(const char *format, const char *results, struct slice name)
{
	char *path;

	if (asprintf(&path, format, results, SLICE_ARG(name)) < 0)
		abort();
	return path;
}

static int
places_open(struct places *p, const char *results, struct slice name, struct error *e)
{
	*p = (struct places){ 0 };
	if (name.n == 0 || slice_eq(name, SLICE(".")) || slice_eq(name, SLICE("..")) ||
	    memchr(name.p, '/', name.n) || memchr(name.p, '\0', name.n))
		return error_set(e, "'%.*s' is no name of a run", SLICE_ARG(name));
	p->results = xstrndup(results, strlen(results));
	p->runs = path_of("%s/runs/%.*s", results, name);
	p->part = path_of("%s/part/%.*s", results, name);
	p->claim = path_of("%s/part/%.*s.claim", results, name);
	p->next = path_of("%s/part/%.*s.claim~", results, name);
	return 0;
}

static void
places_close(struct places *p)
{
	free(p->results);
	free(p->runs);
	free(p->part);
	free(p->claim);
	free(p->next);
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int
make_directory(const char *path, struct error *e)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	return error_set(e, "%s: %s", path, strerror(errno));
}

/* The results with those above them, and the three in them. */
int
claim_directories(const char *results, struct error *e)
{
	static const char *const name[] = { "runs", "part", "failed" };
	char *path = xstrndup(results, strlen(results));
	int result = 0;

	for (char *at = path + 1; path[0] && (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0777); /* the last one tells */
		*at = '/';
	}
	free(path);
	if (make_directory(results, e) < 0)
		return -1;
	for (unsigned i = 0; i < 3 && result == 0; i++) {
		path = path_of("%s/%.*s", results, slice_of(name[i]));
		result = make_directory(path, e);
		free(path);
	}
	return result;
}

static int
lock(const char *results, struct error *e)
{
	char *path = path_of("%s/part/%.*s", results, SLICE(".lock"));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0) {
		error_set(e, "%s: %s", path, strerror(errno));
	} else {
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR) {
				error_set(e, "%s: cannot be locked: %s", path, strerror(errno));
				close(fd);
				fd = -1;
				break;
			}
	}
	free(path);
	return fd;
}

/* ---- the file ---- */

static int
write_owner(const struct places *p, const struct claim_owner *o, struct error *e)
{
	struct buf text = BUF_INIT;
	int fd = open(p->next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), result;

	claim_owner_put(&text, o);
	result = fd < 0 ? -1 : io_write(fd, text.p, text.n);
	if (fd >= 0 && close(fd) < 0)
		result = -1;
	if (result < 0 || rename(p->next, p->claim) < 0) {
		result = error_set(e, "%s: %s", p->claim, strerror(errno));
		unlink(p->next);
	}
	buf_free(&text);
	return result;
}

/* ---- look ---- */

static int
look(const struct places *p, enum claim_state *state, struct claim_owner *owner, struct error *e)
{
	int claimed;

	claimed = claim_owner_read(p->claim, owner, e);
	if (claimed < 0)
		return -1;
	if (claimed && claim_owner_lives(owner))
		*state = CLAIM_HELD;
	else if (claimed || is_there(p->part))
		*state = CLAIM_LEFT;
	else
		*state = CLAIM_FREE;
	/* it may have been moved since */
	if (is_there(p->runs)) {
		if (*state != CLAIM_HELD)
			*owner = (struct claim_owner){ 0 };
		*state = CLAIM_DONE;
	}
	return 0;
}

int
claim_look(const char *results, struct slice name, enum claim_state *state,
    struct claim_owner *owner, struct error *e)
{
	struct claim_owner unused;
	struct places p;
	int result;

	if (places_open(&p, results, name, e) < 0)
		return -1;
	result = look(&p, state, owner ? owner : &unused, e);
	places_close(&p);
	return result;
}

int
claim_owner(const char *results, struct slice name, struct claim_owner *owner, struct error *e)
{
	struct places p;
	int result;

	if (places_open(&p, results, name, e) < 0)
		return -1;
	result = claim_owner_read(p.claim, owner, e);
	places_close(&p);
	return result;
}

static char *
failed_path(const char *results, struct slice name, unsigned n)
{
	char *path;

	if (asprintf(&path, "%s/failed/%.*s.%u", results, SLICE_ARG(name), n) < 0)
		abort();
	return path;
}

unsigned
claim_failures(const char *results, struct slice name)
{
	for (unsigned n = 1;; n++) {
		char *path = failed_path(results, name, n);
		bool there = is_there(path);

		free(path);
		if (!there)
			return n - 1;
	}
}

/* ---- moves, under the lock ---- */

/* part/NAME becomes the next failed/NAME.N. */
static int
move_to_failed(const struct places *p, struct slice name, unsigned *attempt, struct error *e)
{
	unsigned n = 0;
	int result = 0;

	if (is_there(p->part)) {
		char *path;

		n = claim_failures(p->results, name) + 1;
		path = failed_path(p->results, name, n);
		if (rename(p->part, path) < 0)
			result = error_set(
			    e, "%s: cannot become %s: %s", p->part, path, strerror(errno));
		free(path);
	}
	if (attempt)
		*attempt = n;
	return result;
}

/* What names in this directory are is made to last. */
static int
settle(const char *results, const char *directory, struct error *e)
{
	char *path = path_of("%s/%.*s", results, slice_of(directory));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

	/* some file systems have no fsync for directories, and say so */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP))
		result = error_set(e, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(path);
	return result;
}

static int
move_to_runs(const struct places *p, struct slice name, struct error *e)
{
	/* what is done already gives its place in one step, where the file system has that */
	if (is_there(p->runs) &&
	    renameat2(AT_FDCWD, p->part, AT_FDCWD, p->runs, RENAME_EXCHANGE) == 0)
		return move_to_failed(p, name, NULL, e);
	if (is_there(p->runs)) {
		unsigned n = claim_failures(p->results, name) + 1;
		char *path = failed_path(p->results, name, n);
		int result = rename(p->runs, path);

		if (result < 0)
			error_set(e, "%s: cannot become %s: %s", p->runs, path, strerror(errno));
		free(path);
		if (result < 0)
			return -1;
	}
	if (rename(p->part, p->runs) < 0)
		return error_set(e, "%s: cannot become %s: %s", p->part, p->runs, strerror(errno));
	return 0;
}

/* ---- take ---- */

static int
take(const struct places *p, struct slice name, pid_t pid, uint64_t lease_ns, unsigned how,
    struct error *e)
{
	struct claim_owner owner;
	int claimed = claim_owner_read(p->claim, &owner, e);

	if (claimed < 0)
		return -1;
	if (claimed && claim_owner_lives(&owner)) {
		if (!(how & CLAIM_INHERIT) || !claim_owner_is_above(&owner, pid, 1))
			return 0;
	} else {
		/* also of one that is done: its maker may have been killed between its moves */
		if (claimed && claim_owner_end_left(&owner, e) < 0)
			return -1;
		if (move_to_failed(p, name, NULL, e) < 0)
			return -1;
	}
	if (is_there(p->runs) && !(how & CLAIM_AGAIN)) {
		unlink(p->claim);
		return 0;
	}
	if (claim_owner_new(&owner, pid, lease_ns, e) < 0 || write_owner(p, &owner, e) < 0)
		return -1;
	return 1;
}

int
claim_take_as(const char *results, struct slice name, pid_t owner, uint64_t lease_ns, unsigned how,
    struct error *e)
{
	struct places p;
	int fd, result = -1;

	if (places_open(&p, results, name, e) < 0)
		return -1;
	if (claim_directories(results, e) == 0 && (fd = lock(results, e)) >= 0) {
		result = take(&p, name, owner, lease_ns, how, e);
		close(fd);
	}
	places_close(&p);
	return result;
}

int
claim_take(const char *results, struct slice name, pid_t owner, uint64_t lease_ns, struct error *e)
{
	return claim_take_as(results, name, owner, lease_ns, 0, e);
}

/* ---- keep and end ---- */

/* The claim of this process, or of one for which it works. */
static int
own_claim(const struct places *p, struct claim_owner *owner, struct error *e)
{
	int claimed = claim_owner_read(p->claim, owner, e);

	if (claimed < 0)
		return -1;
	if (claimed && claim_owner_is_above(owner, getpid(), 0))
		return 0;
	if (!claimed)
		return error_set(e, "%s: the claim is gone", p->claim);
	return error_set(
	    e, "%s: process %d on %s has taken the run over", p->claim, owner->pid, owner->host);
}

static int
renew(const struct places *p, pid_t session, uint64_t lease_ns, struct error *e)
{
	struct claim_owner owner;
	struct sys_process leader;

	if (own_claim(p, &owner, e) < 0)
		return -1;
	if (session != owner.session) {
		owner.session = session;
		owner.session_start =
		    session > 0 && sys_process_read(session, &leader) == 0 ? leader.start : 0;
	}
	owner.until_ns = sys_clock_now(CLOCK_REALTIME) + (int64_t)lease_ns;
	return write_owner(p, &owner, e);
}

int
claim_renew(
    const char *results, struct slice name, pid_t session, uint64_t lease_ns, struct error *e)
{
	struct places p;
	int fd, result = -1;

	if (places_open(&p, results, name, e) < 0)
		return -1;
	if ((fd = lock(results, e)) >= 0) {
		result = renew(&p, session, lease_ns, e);
		close(fd);
	}
	places_close(&p);
	return result;
}

static int
end(const char *results, struct slice name, bool success, unsigned *attempt, struct error *e)
{
	struct claim_owner owner;
	struct places p;
	int fd, result = -1;

	if (places_open(&p, results, name, e) < 0)
		return -1;
	if ((fd = lock(results, e)) >= 0) {
		result = own_claim(&p, &owner, e);
		if (result == 0)
			result = success ? move_to_runs(&p, name, e)
					 : move_to_failed(&p, name, attempt, e);
		if (result == 0 && success)
			result = settle(results, "runs", e);
		if (result == 0 && unlink(p.claim) < 0)
			result = error_set(e, "%s: %s", p.claim, strerror(errno));
		close(fd);
	}
	places_close(&p);
	return result;
}

int
claim_succeed(const char *results, struct slice name, struct error *e)
{
	return end(results, name, true, NULL, e);
}

int
claim_fail(const char *results, struct slice name, unsigned *attempt, struct error *e)
{
	return end(results, name, false, attempt, e);
}
