#include "experiment/run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "experiment/run_environment.h"
#include "sys/clock.h"

enum {
	OWN_FAILURE = 125,
	TIMED_OUT = 124,
	END_BY_ITSELF_MS = 250, /* what the command left has so long to end */
	END_KILLED_MS = 2000,
	LAST_BYTES = 4096, /* of standard error, looked at for its last line */
	LAST_SHOWN = 200
};

static const uint64_t GRACE_NS = 5000000000;
static const uint64_t RENEW_NS = CLAIM_LEASE_S * UINT64_C(1000000000) / 4;

struct attempt {
	const struct run_config *c;
	struct run_result *r;
	struct run_record record;
	struct sys_child child;
	char **environment;
	int null, out, err, trace, signals;
	struct sys_process *others; /* that the hooks before left running */
	size_t n_others;
	bool began, timed_out;
	uint64_t renew_at;
};

/* ---- what went wrong ---- */

static void
fail(struct attempt *a, int status, const char *why)
{
	struct run_result *r = a->r;

	if (r->status == 0 || status == OWN_FAILURE)
		r->status = status;
	if (r->why.n > 0)
		buf_printf(&r->why, "; ");
	buf_printf(&r->why, "%s", why);
}

static void
fail_with(struct attempt *a, const struct error *e)
{
	fail(a, OWN_FAILURE, e->text);
}

static void
fail_file(struct attempt *a, const char *name)
{
	struct error e;

	error_set(&e, "%s/%s: %s", a->c->place->path, name, strerror(errno));
	fail_with(a, &e);
}

static void
put_seconds(struct buf *b, int64_t ns)
{
	double s = (double)ns / 1e9;

	buf_printf(b, s < 10 ? "%.2f s" : "%.1f s", s);
}

/* ---- files ---- */

static int
open_file(struct attempt *a, const char *name)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/%s", a->c->place->path, name) < 0)
		abort();
	/* appending: what is opened twice, as /dev/stderr, is not written over */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		fail_file(a, name);
	free(path);
	return fd;
}

static void
open_files(struct attempt *a)
{
	const struct run_config *c = a->c;

	a->signals = signalfd(-1, &c->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->place == NULL) {
		a->record.w = c->w;
		if (c->out_to_err)
			a->out = STDERR_FILENO;
		return;
	}
	a->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if ((a->trace = open_file(a, "run.leat")) < 0 || (a->out = open_file(a, "stdout")) < 0 ||
	    (a->err = open_file(a, "stderr")) < 0)
		return;
	a->record.w = trace_writer_new(a->trace, TRACE_LINES, TRACE_RAW);
}

static void
close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- waiting ---- */

static void
nap(int ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

static int
signal_all(struct attempt *a, int number)
{
	return sys_child_signal_all(a->others, a->n_others, number, a->child.pid);
}

/* A command of the terminal gets what is typed there itself; what one process sends to us is passed on. */
static void
pass_on(struct attempt *a, const struct signalfd_siginfo *info)
{
	if (info->ssi_code <= 0)
		kill(a->child.pid, (int)info->ssi_signo);
}

struct patience {
	uint64_t until, kill_at; /* UINT64_MAX: never */
};

static void
be_patient(struct attempt *a, struct patience *p)
{
	signal_all(a, SIGTERM);
	p->until = UINT64_MAX;
	p->kill_at = io_now_ns() + GRACE_NS;
}

static void
on_signals(struct attempt *a, struct patience *p)
{
	struct signalfd_siginfo info;

	while (read(a->signals, &info, sizeof info) == sizeof info) {
		if (a->c->place == NULL) {
			pass_on(a, &info);
		} else if (a->r->signal == 0) {
			a->r->signal = (int)info.ssi_signo;
			be_patient(a, p);
		} else {
			p->kill_at = 0;
		}
	}
}

static void
on_time(struct attempt *a, struct patience *p)
{
	uint64_t now = io_now_ns();
	struct error e;

	if (now >= p->until) {
		a->timed_out = true;
		be_patient(a, p);
	}
	if (now >= p->kill_at) {
		signal_all(a, SIGKILL);
		p->kill_at = now + 100000000;
	}
	if (a->c->place && now >= a->renew_at) {
		a->renew_at = now + RENEW_NS;
		/* somebody thinks that we are dead: let there be one of us */
		if (run_place_keep(a->c->place, a->child.pid, &e) < 0) {
			fail_with(a, &e);
			be_patient(a, p);
			p->kill_at = 0;
		}
	}
}

static struct timespec
next_due(const struct attempt *a, const struct patience *p)
{
	uint64_t due = p->until < p->kill_at ? p->until : p->kill_at, now = io_now_ns();

	if (a->c->place && a->renew_at < due)
		due = a->renew_at;
	due = due > now ? due - now : 0;
	if (due > UINT64_C(3600000000000))
		due = UINT64_C(3600000000000);
	return (struct timespec){ (time_t)(due / 1000000000), (long)(due % 1000000000) };
}

/* Until the child has ended, by itself or otherwise. */
static void
watch(struct attempt *a)
{
	uint64_t timeout = a->c->about.timeout_ns, now = io_now_ns();
	struct patience p = { timeout && timeout < UINT64_MAX - now ? now + timeout : UINT64_MAX,
		UINT64_MAX };
	struct pollfd ready[2] = { { .fd = a->child.pidfd, .events = POLLIN },
		{ .fd = a->signals, .events = POLLIN } };

	a->renew_at = now + RENEW_NS;
	for (;;) {
		struct timespec due = next_due(a, &p);

		ppoll(ready, 2, &due, NULL);
		if (sys_child_poll(&a->child))
			return;
		on_signals(a, &p);
		on_time(a, &p);
	}
}

/* Whether it was said that we end, while nothing ran. */
static bool
is_interrupted(struct attempt *a)
{
	struct signalfd_siginfo info;

	if (a->r->signal == 0 && a->c->place && read(a->signals, &info, sizeof info) == sizeof info)
		a->r->signal = (int)info.ssi_signo;
	return a->r->signal != 0;
}

/* What runs, but for what others left, ends; how many had to be made to. */
static uint64_t
end_left(struct attempt *a)
{
	int n = signal_all(a, 0), killed;

	for (int ms = 0; n > 0 && ms < END_BY_ITSELF_MS; ms += 2) {
		nap(2);
		n = signal_all(a, 0);
	}
	killed = n;
	for (int ms = 0; n > 0; ms += 2) {
		if (ms >= END_KILLED_MS) {
			fail(a, OWN_FAILURE, "what the command left running cannot be killed");
			break;
		}
		n = signal_all(a, SIGKILL);
		nap(n > 0 ? 2 : 0);
		n = n > 0 ? signal_all(a, 0) : n;
	}
	return killed > 0 ? (uint64_t)killed : 0;
}

/* ---- hooks ---- */

/* In words: how it ended. */
static void
put_end(struct buf *b, const struct attempt *a)
{
	const struct sys_child *c = &a->child;

	if (a->timed_out)
		buf_printf(b, "timeout");
	else if (WIFSIGNALED(c->status))
		buf_printf(b, "killed by signal %d (%s)", WTERMSIG(c->status),
		    strsignal(WTERMSIG(c->status)));
	else
		buf_printf(b, "exit status %d", WEXITSTATUS(c->status));
	buf_printf(b, " after ");
	put_seconds(b, c->wall);
}

static bool
start(struct attempt *a, char **argv, int out, int err, char **environment)
{
	struct run_place *place = a->c->place;
	struct sys_child_config config = {
		.argv = argv,
		.environment = environment,
		.directory = place ? place->path : NULL,
		.in = a->null,
		.out = out,
		.err = err,
		.session = place != NULL,
		.mask = a->c->mask,
	};
	struct error e;

	sys_child_free(&a->child);
	if (sys_child_prepare(&a->child, &config, &e) < 0 ||
	    (place && run_place_keep(place, a->child.pid, &e) < 0)) {
		fail_with(a, &e);
		return false;
	}
	sys_child_go(&a->child);
	return true;
}

static bool
hook(struct attempt *a, const char *option, const char *command)
{
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	struct buf why = BUF_INIT;
	bool timed_out = a->timed_out, ok;

	a->timed_out = false;
	if (!start(a, argv, STDERR_FILENO, -1, a->environment))
		return false;
	watch(a);
	ok = a->child.status == 0 && !a->timed_out;
	if (!ok) {
		buf_printf(&why, "%s %s: ", option, command);
		put_end(&why, a);
		fail(a, OWN_FAILURE, buf_str(&why));
	}
	buf_free(&why);
	a->timed_out = timed_out;
	return ok;
}

/* The first that fails is the last of those before; those after clean up, and all have their turn. */
static bool
hooks_before(struct attempt *a)
{
	const char *const *command = a->c->before;

	for (; command && *command; command++)
		if (!hook(a, "--before", *command) || is_interrupted(a))
			return false;
	return !is_interrupted(a);
}

static void
hooks_after(struct attempt *a)
{
	const char *const *command = a->c->after;

	for (; command && *command; command++)
		hook(a, "--after", *command);
}

/* ---- the command ---- */

static void
put_refused(struct attempt *a)
{
	const char *command = a->c->command[0];
	int reason = sys_child_refused(&a->child);
	struct buf why = BUF_INIT;
	char *path = NULL;

	buf_printf(&why, "%s: %s", command, strerror(reason));
	while (strncmp(command, "./", 2) == 0)
		command += 2;
	if (a->c->place && command[0] != '/' && strchr(a->c->command[0], '/') &&
	    asprintf(&path, "%s/%s", a->c->top, command) >= 0 && access(path, X_OK) == 0)
		buf_printf(&why, " in the run's directory (is %s meant?)", path);
	fail(a, reason == ENOENT ? 127 : 126, buf_str(&why));
	free(path);
	buf_free(&why);
}

static void
put_outcome(struct attempt *a)
{
	struct buf why = BUF_INIT;
	int status = sys_child_exit(&a->child);

	a->r->wall_ns = a->child.wall;
	if (sys_child_refused(&a->child)) {
		put_refused(a);
	} else if (status != 0 || a->timed_out) {
		put_end(&why, a);
		fail(a, a->timed_out ? TIMED_OUT : status, buf_str(&why));
	}
	buf_free(&why);
}

static void
command(struct attempt *a)
{
	const struct run_config *c = a->c;

	if (c->before && *c->before)
		sys_child_running(NULL, 0, &a->others, &a->n_others);
	if (!start(a, c->command, a->out, a->err, c->place ? a->environment : NULL))
		return;
	a->began = true;
	run_record_run(&a->record, &c->about, a->child.began);
	if (c->place)
		trace_flush(a->record.w);
	watch(a);
	if (c->place || a->timed_out)
		a->r->left = end_left(a);
	put_outcome(a);
}

/* ---- the record ---- */

static void
put_int(struct attempt *a, int64_t t, const char *name, int64_t v, const char *unit)
{
	run_record_int(&a->record, t, "run", slice_of(name), v, slice_of(unit));
}

static void
put_bytes(struct attempt *a, int64_t t, const char *name, int fd)
{
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		put_int(a, t, name, st.st_size, "bytes");
}

/* What was measured; the hooks after need not have ended. */
static void
put_stats(struct attempt *a, const struct sys_child *command)
{
	int64_t t = sys_clock_now(CLOCK_MONOTONIC_RAW);

	run_record_usage(&a->record, t, command);
	put_int(a, t, "timed_out", a->timed_out, "");
	if (a->c->place) {
		put_int(a, t, "left_running", (int64_t)a->r->left, "");
		put_bytes(a, t, "stdout_bytes", a->out);
		put_bytes(a, t, "stderr_bytes", a->err);
	}
	put_int(a, t, "environment_bytes",
	    (int64_t)run_environment_bytes(a->c->place ? a->environment : environ), "bytes");
}

static void
end_record(struct attempt *a)
{
	struct error e;

	if (a->r->why.n > 0)
		run_record_failure(
		    &a->record, sys_clock_now(CLOCK_MONOTONIC_RAW), buf_str(&a->r->why));
	run_record_end(&a->record, &a->c->about);
	if (a->c->place == NULL)
		return;
	if (trace_writer_close(a->record.w, &e) < 0) {
		struct error place;

		error_set(&place, "%s/run.leat: %s", a->c->place->path, e.text);
		fail_with(a, &place);
	}
	a->record.w = NULL;
}

/* Of the end of standard error; nothing that would change a terminal. */
static void
put_last_line(struct attempt *a)
{
	char text[LAST_BYTES], *path;
	ssize_t n = 0, from;
	int fd;

	if (asprintf(&path, "%s/stderr", a->c->place->path) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	if (fd >= 0 && (from = lseek(fd, 0, SEEK_END)) >= 0) {
		lseek(fd, from > LAST_BYTES ? from - LAST_BYTES : 0, SEEK_SET);
		n = io_read(fd, text, sizeof text);
	}
	close_file(&fd);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	for (from = n; from > 0 && text[from - 1] != '\n';)
		from--;
	for (ssize_t i = from; i < n && i < from + LAST_SHOWN; i++)
		buf_char(&a->r->last, iscntrl((unsigned char)text[i]) ? ' ' : text[i]);
	if (n - from > LAST_SHOWN)
		buf_printf(&a->r->last, "...");
}

/* ---- all of it ---- */

static void
settle(struct attempt *a)
{
	struct run_place *place = a->c->place;
	struct error e;

	if (is_interrupted(a) && a->r->why.n == 0)
		fail(a, 128 + a->r->signal, "interrupted");
	if (a->r->why.n == 0 && run_place_succeed(place, &e) < 0)
		fail_with(a, &e);
	a->r->ok = a->r->why.n == 0;
	if (a->r->ok)
		return;
	put_last_line(a);
	if (run_place_fail(place, &e) < 0)
		fail_with(a, &e);
}

static void
go_through(struct attempt *a)
{
	const struct run_config *c = a->c;
	struct sys_child measured = SYS_CHILD_INIT;
	struct error e;

	run_record_start(&a->record, &c->about);
	if (c->place)
		trace_flush(a->record.w);
	if (!hooks_before(a))
		return;
	command(a);
	if (!a->began)
		return;
	measured = a->child;
	a->child = SYS_CHILD_INIT;
	put_stats(a, &measured);
	sys_child_free(&measured);
	hooks_after(a);
	if (c->place && run_record_values(&a->record, c->place->path, "values", &e) < 0)
		fail_with(a, &e);
}

void
run_attempt(const struct run_config *c, struct run_result *r)
{
	struct attempt a = { .c = c,
		.r = r,
		.child = SYS_CHILD_INIT,
		.null = -1,
		.out = -1,
		.err = -1,
		.trace = -1,
		.signals = -1 };

	*r = (struct run_result){ 0 };
	a.environment = run_environment(&c->about, c->top);
	if (c->place || c->about.timeout_ns)
		sys_child_adopt();
	open_files(&a);
	if (a.record.w)
		go_through(&a);
	sys_child_free(&a.child);
	/* what the hooks began and did not end */
	free(a.others);
	a.others = NULL;
	a.n_others = 0;
	if (c->place)
		end_left(&a);
	if (a.record.w)
		end_record(&a);
	if (c->place)
		settle(&a);
	else
		r->ok = r->why.n == 0;
	if (c->place)
		close_file(&a.out);
	close_file(&a.err);
	close_file(&a.trace);
	close_file(&a.null);
	close_file(&a.signals);
	run_environment_free(a.environment);
}

void
run_result_free(struct run_result *r)
{
	buf_free(&r->why);
	buf_free(&r->last);
}

const char *
run_new_id(void)
{
	static char id[37];
	char *text;
	size_t n;

	if (io_slurp("/proc/sys/kernel/random/uuid", &text, &n) == 0) {
		snprintf(id, sizeof id, "%.36s", text);
		free(text);
	}
	return id;
}

/* ---- nodes ---- */

static bool
is_in_path(const char *program)
{
	const char *path = getenv("PATH");

	for (struct slice rest = slice_of(path ? path : "/usr/bin:/bin"); rest.n > 0;) {
		struct slice one = slice_cut(&rest, ':');
		char *file;
		bool found;

		if (asprintf(&file, "%.*s/%s", SLICE_ARG(one), program) < 0)
			abort();
		found = access(file, X_OK) == 0;
		free(file);
		if (found)
			return true;
	}
	return false;
}

char **
run_on_nodes(char **command, const struct plan_run *cell, struct error *e)
{
	size_t words = 0, n = 0;
	char **argv;

	while (command[words])
		words++;
	argv = xcalloc(words + 5, sizeof *argv);
	if (cell && (cell->cpu_node >= 0 || cell->mem_node >= 0)) {
		if (!is_in_path("numactl")) {
			error_set(e,
			    "the table sets cpu_node or mem_node, and numactl is missing: install "
			    "the package numactl");
			free(argv);
			return NULL;
		}
		argv[n++] = xstrndup("numactl", 7);
		if (cell->cpu_node >= 0 &&
		    asprintf(&argv[n++], "--cpunodebind=%lld", (long long)cell->cpu_node) < 0)
			abort();
		if (cell->mem_node >= 0 &&
		    asprintf(&argv[n++], "--membind=%lld", (long long)cell->mem_node) < 0)
			abort();
		argv[n++] = xstrndup("--", 2);
	}
	memcpy(argv + n, command, words * sizeof *argv);
	return argv;
}
