#include "flow/interposing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "flow/preloadable.h"

enum { ROUND_MS = 30 }; /* two rounds and the writing are below 100 ms */

static const uint64_t CLOCK_EVERY = 5000000000;

static int
writer_failed(const struct interposing *p, struct error *e)
{
	return error_set(e, "%s", trace_writer_error(p->w));
}

/* ---- open ---- */

/* What ld.so(8) separates in LD_PRELOAD, and what it expands. */
static bool
can_be_told(const char *path)
{
	return strpbrk(path, ": \t\n$") == NULL;
}

/* The library by a name that ld.so takes. */
static int
name_library(struct interposing *p, struct error *e)
{
	const char *library = p->config->library,
		   *dirs[] = { getenv("TMPDIR"), "/tmp", "/dev/shm" };

	if (access(library, R_OK) < 0)
		return error_set(e, "%s: %s", library, strerror(errno));
	if (can_be_told(library)) {
		buf_printf(&p->link, "%s", library);
		return 0;
	}
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		if (dirs[i] == NULL || !can_be_told(dirs[i]))
			continue;
		p->link_dir.n = p->link.n = 0;
		buf_printf(&p->link_dir, "%s/leat-XXXXXX", dirs[i]);
		if (mkdtemp(buf_str(&p->link_dir)) == NULL)
			continue;
		chmod(buf_str(&p->link_dir), 0755);
		buf_printf(&p->link, "%s/interpose.so", buf_str(&p->link_dir));
		if (symlink(library, buf_str(&p->link)) == 0)
			return 0;
		rmdir(buf_str(&p->link_dir));
	}
	p->link_dir.n = 0;
	return error_set(e,
	    "%s: LD_PRELOAD cannot name a path with a blank, a colon or a dollar sign, and no link "
	    "to it could be "
	    "made in /tmp: move it",
	    library);
}

/* Sets a variable, and says what it was before. */
static void
set(const char *name, const char *value, char **before)
{
	const char *old = getenv(name);

	*before = old ? xstrndup(old, strlen(old)) : NULL;
	setenv(name, value, 1);
}

static void
reset(const char *name, char *before)
{
	if (before)
		setenv(name, before, 1);
	else
		unsetenv(name);
	free(before);
}

/* The command gets two variables, which we had otherwise or not at all. */
static int
prepare(struct interposing *p, struct error *e)
{
	const struct interposing_config *c = p->config;
	const char *old = getenv("LD_PRELOAD");
	char *before[2], where[64];
	struct buf preload = BUF_INIT;
	int result;

	buf_printf(&preload, "%s", buf_str(&p->link));
	if (old && *old)
		buf_printf(&preload, ":%s", old);
	snprintf(where, sizeof where, "%d:%d:%s", (int)getpid(), p->file.fd, c->start.tool);
	set("LD_PRELOAD", buf_str(&preload), &before[0]);
	set(WIRE_VARIABLE, where, &before[1]);
	result = sys_command_prepare(&p->command, c->command, &c->mask, c->out_to_err, e);
	reset(WIRE_VARIABLE, before[1]);
	reset("LD_PRELOAD", before[0]);
	buf_free(&preload);
	return result;
}

/* The end of the command ends the wait for the bell. */
static struct wire_header *bell;

static void
on_child(int signal)
{
	(void)signal;
	if (bell)
		wire_reader_ring(bell);
}

int
interposing_open(struct interposing *p, const struct interposing_config *config, struct error *e)
{
	struct sigaction action = { .sa_handler = on_child, .sa_flags = SA_RESTART };

	*p = (struct interposing){
		.config = config, .command = SYS_COMMAND_INIT, .file = WIRE_FILE_INIT
	};
	if (preloadable(config->command[0], e) < 0 || name_library(p, e) < 0 ||
	    wire_file_make(&p->file, &config->wire, e) < 0 || prepare(p, e) < 0)
		return -1;
	if (record_watch_open(&p->watch, &config->signals, &p->command, NULL, NULL, 0, e) < 0)
		return -1;
	wire_reader_open(&p->reader, p->file.header);
	p->reader.command = p->command.pid;
	bell = p->file.header;
	sigaction(SIGCHLD, &action, NULL);
	return 0;
}

/* ---- start ---- */

static int64_t
read_clocks(struct interposing *p)
{
	sys_clock_read(&p->clocks);
	p->clocks_wait = true;
	return p->clocks.monotonic_raw;
}

/* What the recorder itself writes, up to t. */
static int
put_own(struct interposing *p, int64_t t)
{
	if (p->clocks_wait && p->clocks.monotonic_raw <= t) {
		p->clocks_wait = false;
		if (record_own_clock(&p->sink.own, p->clocks.monotonic_raw, &p->clocks) < 0)
			return -1;
	}
	return p->touch ? touch_put(p->touch, &p->sink.own, (uint64_t)t) : 0;
}

/* The time of the first of it. */
static int64_t
next_own(const struct interposing *p)
{
	int64_t t = p->clocks_wait ? p->clocks.monotonic_raw : INT64_MAX;
	uint64_t when;

	if (p->touch && touch_next(p->touch, &when) && (int64_t)when < t)
		t = (int64_t)when;
	return t;
}

int
interposing_start(struct interposing *p, struct trace_writer *w, struct error *e)
{
	const struct interposing_config *c = p->config;
	int64_t t;

	p->w = w;
	interposed_open(&p->sink, w, p->file.header, &c->listener);
	if (c->touch_ns > 0)
		p->touch = touch_new(c->touch_ns, &c->listener);
	t = read_clocks(p);
	if (record_own_start(&p->sink.own, &c->start) < 0 || put_own(p, t) < 0 ||
	    trace_flush(w) < 0)
		return writer_failed(p, e);
	wire_reader_round(&p->reader, false);
	p->refused = sys_command_go(&p->command);
	if (p->refused != 0)
		record_warn(&c->listener, "%s: %s", c->command[0], strerror(p->refused));
	p->clock_at = io_now_ns() + CLOCK_EVERY;
	return 0;
}

/* ---- step ---- */

/* Processes that have ended, and of which all is told. */
static int
put_processes(struct interposing *p)
{
	struct wire_reader *r = &p->reader;

	if (!wire_reader_reap(r, false))
		return 0;
	for (unsigned i = 0; i < WIRE_PROCESSES; i++) {
		if (r->process[i].state != WIRE_READER_DONE)
			continue;
		if (interposed_process(
			&p->sink, r, i, wire_reader_time(r), !r->process[i].executed) < 0)
			return -1;
		wire_reader_release(r, i);
	}
	return 0;
}

/* All that is ready, in order of time. */
static int
drain(struct interposing *p, bool last)
{
	struct wire_event event;
	int64_t own;
	int due;

	if (p->touch)
		touch_step(p->touch, p->file.header);
	own = next_own(p);
	wire_reader_round(&p->reader, last);
	while (wire_reader_next(&p->reader, &event)) {
		if (event.t >= own) {
			if (put_own(p, event.t) < 0)
				return -1;
			own = next_own(p);
		}
		if (interposed_put(&p->sink, &event) < 0)
			return -1;
	}
	if (own <= wire_reader_time(&p->reader) && put_own(p, wire_reader_time(&p->reader)) < 0)
		return -1;
	if (put_processes(p) < 0)
		return -1;
	/* a reader has waited for two rounds already; in a file, larger frames are smaller */
	due = trace_writer_due(p->w);
	return last || due == 0 || (p->config->live && due > 0) ? trace_flush(p->w) : 0;
}

static int
next_due(const struct interposing *p)
{
	int timeout = trace_writer_due(p->w), touch;

	if (timeout < 0 || timeout > ROUND_MS)
		timeout = ROUND_MS;
	if (p->touch) {
		touch = touch_due(p->touch);
		if (touch < timeout)
			timeout = touch;
	}
	return timeout;
}

int
interposing_step(struct interposing *p, struct error *e)
{
	wire_reader_wait(&p->reader, next_due(p));
	if (poll(p->watch.poll, p->watch.n, 0) < 0 && errno != EINTR)
		return error_set(e, "poll: %s", strerror(errno));
	if (record_watch_next(&p->watch) == RECORD_WATCH_END)
		return 0;
	if (io_now_ns() >= p->clock_at && !p->clocks_wait) {
		p->clock_at += CLOCK_EVERY;
		read_clocks(p);
	}
	return drain(p, false) < 0 ? writer_failed(p, e) : 1;
}

/* ---- the end ---- */

/* Those of which nobody has told yet; some of them may still run. */
static int
put_rest(struct interposing *p, int64_t t)
{
	struct wire_reader *r = &p->reader;

	for (unsigned i = 0; i < WIRE_PROCESSES; i++) {
		struct wire_reader_process *process = &r->process[i];
		bool gone = process->state >= WIRE_READER_GONE;

		if (process->state == WIRE_READER_UNKNOWN)
			continue;
		p->survivors += !gone && !process->foreign;
		if (interposed_process(&p->sink, r, i, t, gone && !process->executed) < 0)
			return -1;
	}
	return 0;
}

static void
tell_trouble(const struct interposing *p)
{
	const struct record_listener *l = &p->config->listener;

	if (p->refused == 0 && p->reader.pids == 0)
		record_warn(l,
		    "%s never loaded %s, so nothing was recorded: does it, or what it runs, clear "
		    "the "
		    "environment, or is it linked statically?",
		    p->config->command[0], p->config->library);
	if (p->survivors > 0)
		record_warn(l,
		    "%u %s when the command had ended: what they did later was not recorded",
		    p->survivors, p->survivors == 1 ? "process still ran" : "processes still ran");
}

int
interposing_finish(struct interposing *p, struct error *e)
{
	int64_t t;

	if (drain(p, false) < 0)
		return writer_failed(p, e);
	if (p->touch)
		touch_step(p->touch, p->file.header);
	wire_reader_reap(&p->reader, true);
	if (drain(p, true) < 0)
		return writer_failed(p, e);
	wire_file_end(&p->file);
	t = (int64_t)wire_clock_raw();
	if (p->touch && touch_finish(p->touch, &p->sink.own, (uint64_t)t) < 0)
		return writer_failed(p, e);
	p->clocks_wait = false;
	if (put_rest(p, t) < 0 || interposed_finish(&p->sink, &p->reader, t) < 0)
		return writer_failed(p, e);
	t = read_clocks(p);
	if (record_own_clock(&p->sink.own, t, &p->clocks) < 0 ||
	    record_own_end(&p->sink.own, p->config->start.tool, 0, interposed_lost(&p->sink)) < 0 ||
	    trace_flush(p->w) < 0)
		return writer_failed(p, e);
	tell_trouble(p);
	return 0;
}

static void
say_size(struct buf *to, uint64_t bytes)
{
	if (bytes < 10 << 20)
		buf_printf(to, "%llu KiB", (unsigned long long)bytes >> 10);
	else
		buf_printf(to, "%llu MiB", (unsigned long long)bytes >> 20);
}

void
interposing_say(const struct interposing *p, struct buf *to)
{
	const struct interposed_sums *n = &p->sink.sums;
	const uint64_t lost = interposed_lost(&p->sink);

	interposed_say(&p->sink, to);
	buf_printf(to, ", %llu lost", (unsigned long long)lost);
	if (lost > 0) {
		const struct {
			const char *why;
			uint64_t n;
		} part[] = { { "ring-full", n->lost_full }, { "signal", n->lost_signal },
			{ "no-slot", n->lost_threads }, { "no-process-slot", n->lost_processes },
			{ "damaged", n->damaged } };
		const char *before = " (";

		for (size_t i = 0; i < sizeof part / sizeof *part; i++)
			if (part[i].n > 0) {
				buf_printf(to, "%s%s %llu", before, part[i].why,
				    (unsigned long long)part[i].n);
				before = ", ";
			}
		buf_char(to, ')');
	}
	if (n->counts[WIRE_UNSAMPLED] > 0)
		buf_printf(to, ", %llu left out", (unsigned long long)n->counts[WIRE_UNSAMPLED]);
	if (n->counts[WIRE_CUT] > 0)
		buf_printf(to, ", %llu stacks cut", (unsigned long long)n->counts[WIRE_CUT]);
	if (n->counts[WIRE_BACKED] + n->counts[WIRE_FULL] > 0) {
		buf_printf(to, ", %llu placed (", (unsigned long long)n->counts[WIRE_BACKED]);
		say_size(to, n->counts[WIRE_BACKED_BYTES]);
		buf_char(to, ')');
	}
	if (n->counts[WIRE_FULL] > 0) {
		buf_printf(to, "; pool full: %llu of %llu allocations (",
		    (unsigned long long)n->counts[WIRE_FULL],
		    (unsigned long long)(n->counts[WIRE_FULL] + n->counts[WIRE_BACKED]));
		say_size(to, n->counts[WIRE_FULL_BYTES]);
		buf_printf(to, ") fell back");
	}
}

void
interposing_wait(struct interposing *p)
{
	record_watch_command(&p->watch);
}

void
interposing_abandon(struct interposing *p)
{
	if (p->command.pid > 0 && p->command.go < 0 && !sys_command_poll(&p->command))
		kill(p->command.pid, SIGTERM);
	interposing_close(p);
}

void
interposing_close(struct interposing *p)
{
	if (bell == p->file.header)
		bell = NULL;
	record_watch_close(&p->watch);
	if (p->touch)
		touch_free(p->touch);
	wire_reader_close(&p->reader);
	interposed_free(&p->sink);
	wire_file_free(&p->file);
	sys_command_free(&p->command);
	if (p->link_dir.n > 0) {
		unlink(buf_str(&p->link));
		rmdir(buf_str(&p->link_dir));
	}
	buf_free(&p->link);
	buf_free(&p->link_dir);
	*p = (struct interposing){ .command = SYS_COMMAND_INIT, .file = WIRE_FILE_INIT };
}
