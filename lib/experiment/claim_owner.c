#include "experiment/claim_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "sys/clock.h"
#include "sys/process.h"

enum { ANCESTORS = 64, WAIT_MS = 1000 };

/* ---- a claim as a file ---- */

void
claim_owner_put(struct buf *b, const struct claim_owner *o)
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
void
claim_owner_parse(struct slice text, struct claim_owner *o)
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
int
claim_owner_read(const char *path, struct claim_owner *o, struct error *e)
{
	char *text;
	size_t n;

	*o = (struct claim_owner){ 0 };
	if (io_slurp(path, &text, &n) < 0)
		return errno == ENOENT ? 0 : error_set(e, "%s: %s", path, strerror(errno));
	claim_owner_parse((struct slice){ text, n }, o);
	free(text);
	return 1;
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
	/* Start times are those of the time namespace that looks. */
	if (stat("/proc/self/ns/pid", &st) == 0)
		o->space = (uint64_t)st.st_ino << 32;
	if (stat("/proc/self/ns/time", &st) == 0)
		o->space ^= st.st_ino;
}

/* Whether its process numbers mean something to us. */
static bool
is_here(const struct claim_owner *o)
{
	struct claim_owner us;

	here(&us);
	return o->boot[0] && strcmp(o->boot, us.boot) == 0 && o->space == us.space;
}

bool
claim_owner_lives(const struct claim_owner *o)
{
	if (o->pid <= 0)
		return false;
	if (is_here(o))
		return sys_process_lives(o->pid, o->start);
	return sys_clock_now(CLOCK_REALTIME) < o->until_ns;
}

/* Whether the owner is pid, or stands above it: where is how many times at least. */
bool
claim_owner_is_above(const struct claim_owner *o, pid_t pid, int least)
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
int
claim_owner_end_left(const struct claim_owner *o, struct error *e)
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

int
claim_owner_new(struct claim_owner *o, pid_t pid, uint64_t lease_ns, struct error *e)
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

bool
claim_is_inherited(const struct claim_owner *owner)
{
	return claim_owner_is_above(owner, getpid(), 1);
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
