#include "experiment/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "sys/clock.h"
#include "sys/process.h"

enum { ANCESTORS = 64, WAIT_MS = 1000 };

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
static int
make_directories(const char *results, struct error *e)
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

/* ---- a claim as a file ---- */

static void
put_owner(struct buf *b, const struct claim_owner *o)
{
	buf_printf(b, "host %s\nboot %s\nspace %llu\npid %d\nstart %llu\nid %s\n", o->host, o->boot,
	    (unsigned long long)o->space, o->pid, (unsigned long long)o->start, o->id);
	buf_printf(b, "session %d\nsession_start %llu\nuntil_ns %lld\n", o->session,
	    (unsigned long long)o->session_start, (long long)o->until_ns);
}

static void
text_into(char *to, size_t size, struct slice s)
{
	size_t n = s.n < size ? s.n : size - 1;

	memcpy(to, s.p, n);
	to[n] = '\0';
}

/* A claim that is damaged names nobody. */
static void
parse_owner(struct slice text, struct claim_owner *o)
{
	*o = (struct claim_owner){ 0 };
	while (text.n > 0) {
		struct slice value = slice_cut(&text, '\n'), key = slice_cut(&value, ' ');
		uint64_t n = 0;

		num_u64(value, &n);
		if (slice_eq(key, SLICE("host")))
			text_into(o->host, sizeof o->host, value);
		else if (slice_eq(key, SLICE("boot")))
			text_into(o->boot, sizeof o->boot, value);
		else if (slice_eq(key, SLICE("id")))
			text_into(o->id, sizeof o->id, value);
		else if (slice_eq(key, SLICE("space")))
			o->space = n;
		else if (slice_eq(key, SLICE("pid")))
			o->pid = (pid_t)n;
		else if (slice_eq(key, SLICE("start")))
			o->start = n;
		else if (slice_eq(key, SLICE("session")))
			o->session = (pid_t)n;
		else if (slice_eq(key, SLICE("session_start")))
			o->session_start = n;
		else if (slice_eq(key, SLICE("until_ns")))
			o->until_ns = (int64_t)n;
	}
}

/* 1; 0 where there is none. */
static int
read_owner(const char *path, struct claim_owner *o, struct error *e)
{
	char *text;
	size_t n;

	*o = (struct claim_owner){ 0 };
	if (io_slurp(path, &text, &n) < 0)
		return errno == ENOENT ? 0 : error_set(e, "%s: %s", path, strerror(errno));
	parse_owner((struct slice){ text, n }, o);
	free(text);
	return 1;
}

static int
write_owner(const struct places *p, const struct claim_owner *o, struct error *e)
{
	struct buf text = BUF_INIT;
	int fd = open(p->next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), result;

	put_owner(&text, o);
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

/* ---- who and whether ---- */

void
claim_host(char host[65])
{
	const char *node = getenv("SLURMD_NODENAME");

	if (node && *node)
		text_into(host, 65, slice_of(node));
	else if (gethostname(host, 65) < 0)
		strcpy(host, "localhost");
	host[64] = '\0';
	/* it becomes a part of a file's name, and a word */
	for (char *c = host; *c; c++)
		if (*c == '/' || *c == ' ' || *c == '\n')
			*c = '_';
}

static void
read_word(const char *path, char *to, size_t size)
{
	struct slice s;
	char *text;
	size_t n;

	to[0] = '\0';
	if (io_slurp(path, &text, &n) < 0)
		return;
	s = slice_trim((struct slice){ text, n && text[n - 1] == '\n' ? n - 1 : n });
	text_into(to, size, s);
	free(text);
}

/* Where this process is. */
static void
here(struct claim_owner *o)
{
	struct stat st;

	*o = (struct claim_owner){ 0 };
	claim_host(o->host);
	read_word("/proc/sys/kernel/random/boot_id", o->boot, sizeof o->boot);
	if (stat("/proc/self/ns/pid", &st) == 0)
		o->space = st.st_ino;
}

/* Whether its process numbers mean something to us. */
static bool
is_here(const struct claim_owner *o)
{
	struct claim_owner us;

	here(&us);
	return o->boot[0] && strcmp(o->boot, us.boot) == 0 && o->space == us.space;
}

static bool
is_alive(const struct claim_owner *o)
{
	if (o->pid <= 0)
		return false;
	if (is_here(o))
		return sys_process_lives(o->pid, o->start);
	return sys_clock_now(CLOCK_REALTIME) < o->until_ns;
}

/* Whether the owner is pid, or stands above it: where is how many times at least. */
static bool
is_above(const struct claim_owner *o, pid_t pid, int least)
{
	struct sys_process p;

	if (!is_here(o))
		return false;
	for (int i = 0; i < ANCESTORS && sys_process_read(pid, &p) == 0; i++) {
		if (i >= least && p.pid == o->pid && p.start == o->start)
			return true;
		pid = p.parent;
	}
	return false;
}

/* What was started for a claim, and goes on without its maker. */
static int
end_left(const struct claim_owner *o, struct error *e)
{
	char entry[64];
	struct sys_process_left left = {
		.session = o->session,
		.start = o->session_start,
		.entry = o->id[0] ? entry : NULL,
		.except = getpid(),
	};

	if (!is_here(o))
		return 0;
	snprintf(entry, sizeof entry, "run_id=%s", o->id);
	if (sys_process_end(&left) < 0)
		return error_set(e,
		    "what the killed maker of a run left running cannot be ended (%s): look for "
		    "run_id=%s in /proc/PID/environ",
		    strerror(errno), o->id);
	return 0;
}

/* ---- look ---- */

static int
look(const struct places *p, enum claim_state *state, struct claim_owner *owner, struct error *e)
{
	int claimed;

	*owner = (struct claim_owner){ 0 };
	if (is_there(p->runs)) {
		*state = CLAIM_DONE;
		if (read_owner(p->claim, owner, NULL) > 0 && !is_alive(owner))
			*owner = (struct claim_owner){ 0 };
		return 0;
	}
	claimed = read_owner(p->claim, owner, e);
	if (claimed < 0)
		return -1;
	if (claimed && is_alive(owner))
		*state = CLAIM_HELD;
	else if (claimed || is_there(p->part))
		*state = CLAIM_LEFT;
	else
		*state = CLAIM_FREE;
	/* it may have been moved since the first look */
	if (is_there(p->runs))
		*state = CLAIM_DONE;
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
	result = read_owner(p.claim, owner, e);
	places_close(&p);
	return result;
}

bool
claim_is_inherited(const struct claim_owner *owner)
{
	return is_above(owner, getpid(), 1);
}

void
claim_wait(const struct claim_owner *owner)
{
	int fd = is_here(owner) ? (int)syscall(SYS_pidfd_open, owner->pid, 0) : -1;

	/* without a descriptor, poll(2) only sleeps */
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, WAIT_MS);
	if (fd >= 0)
		close(fd);
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
new_owner(struct claim_owner *o, pid_t pid, uint64_t lease_ns, struct error *e)
{
	struct sys_process process;

	here(o);
	o->pid = pid;
	if (sys_process_read(pid, &process) < 0)
		return error_set(e, "process %d cannot have a run: %s", pid, strerror(errno));
	o->start = process.start;
	o->until_ns = sys_clock_now(CLOCK_REALTIME) + (int64_t)lease_ns;
	read_word("/proc/sys/kernel/random/uuid", o->id, sizeof o->id);
	return 0;
}

static int
take(const struct places *p, struct slice name, pid_t pid, uint64_t lease_ns, unsigned how,
    struct error *e)
{
	struct claim_owner owner;
	int claimed = read_owner(p->claim, &owner, e);

	if (claimed < 0)
		return -1;
	if (claimed && is_alive(&owner)) {
		if (!(how & CLAIM_INHERIT) || !is_above(&owner, pid, 1))
			return 0;
	} else {
		/* also of one that is done: its maker may have been killed between its moves */
		if (claimed && end_left(&owner, e) < 0)
			return -1;
		if (move_to_failed(p, name, NULL, e) < 0)
			return -1;
	}
	if (is_there(p->runs) && !(how & CLAIM_AGAIN)) {
		unlink(p->claim);
		return 0;
	}
	if (new_owner(&owner, pid, lease_ns, e) < 0 || write_owner(p, &owner, e) < 0)
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
	if (make_directories(results, e) == 0 && (fd = lock(results, e)) >= 0) {
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
	int claimed = read_owner(p->claim, owner, e);

	if (claimed < 0)
		return -1;
	if (claimed && is_above(owner, getpid(), 0))
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

/* ---- turns ---- */

/* Whose turn it is, or was when he was killed. */
static bool
read_turn(int fd, struct claim_owner *o)
{
	char text[1024];
	ssize_t n = pread(fd, text, sizeof text, 0);

	if (n > 0)
		parse_owner((struct slice){ text, (size_t)n }, o);
	return n > 0;
}

int
claim_turn(const char *results, struct error *e)
{
	struct claim_owner last;
	char host[65], *path;
	int fd;

	if (make_directories(results, e) < 0)
		return -1;
	claim_host(host);
	if (asprintf(&path, "%s/part/%s.lock", results, host) < 0)
		abort();
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0) {
		error_set(e, "%s: %s", path, strerror(errno));
		goto failed;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		/* who waits for us would be waited for */
		if (read_turn(fd, &last) && is_above(&last, getpid(), 1)) {
			error_set(e,
			    "%s: this is part of process %d, which makes a run of them, and "
			    "has its turn (--share)",
			    results, last.pid);
			goto failed;
		}
		if (flock(fd, LOCK_EX) < 0) {
			error_set(e, "%s: %s", path, strerror(errno));
			goto failed;
		}
	}
	/* its last holder did not end its turn itself; or, if he lives, could not */
	if (read_turn(fd, &last) && !is_alive(&last) && end_left(&last, e) < 0)
		goto failed;
	free(path);
	return fd;
failed:
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

int
claim_turn_note(int turn, const char *results, struct slice name, struct error *e)
{
	struct buf text = BUF_INIT;
	struct claim_owner owner;
	struct places p;
	int result;

	if (places_open(&p, results, name, e) < 0)
		return -1;
	result = read_owner(p.claim, &owner, e);
	if (result >= 0) {
		put_owner(&text, &owner);
		result =
		    ftruncate(turn, 0) < 0 || pwrite(turn, text.p, text.n, 0) != (ssize_t)text.n
			? error_set(e, "%s/part: %s", results, strerror(errno))
			: 0;
	}
	buf_free(&text);
	places_close(&p);
	return result;
}

void
claim_turn_end(int turn)
{
	if (turn < 0)
		return;
	if (ftruncate(turn, 0) < 0) {
		/* its next holder looks for what is left of us, and finds nothing */
	}
	close(turn);
}
