#include "form/heimdallr_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"

void
heimdallr_run_tell(struct heimdallr_run *r, const char *format, ...)
{
	va_list args;
	char text[512];

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	GROW(r->note, r->note_cap, r->notes);
	r->note[r->notes++] = arena_copy(&r->arena, slice_of(text));
}

/* ---- names ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool
heimdallr_run_name(struct slice name, struct slice *program, struct slice *mode, int64_t *rep)
{
	const char *dot = memrchr(name.p, '.', name.n), *first;
	struct slice m;

	if (name.n == 0 || dot == NULL ||
	    num_i64((struct slice){ dot + 1, (size_t)(name.p + name.n - dot - 1) }, rep) < 0 ||
	    !is_digit(dot[1]))
		return false;
	first = memrchr(name.p, '.', (size_t)(dot - name.p));
	if (first == NULL || first == name.p || first + 1 == dot)
		return false;
	m = (struct slice){ first + 1, (size_t)(dot - first - 1) };
	for (size_t i = 0; i < m.n; i++)
		if (!is_word(m.p[i]))
			return false;
	if (mode)
		*mode = m;
	if (program)
		*program = (struct slice){ name.p, (size_t)(first - name.p) };
	return true;
}

/* ---- time.log ---- */

/* SECONDS[.FRACTION], exactly. */
static bool
seconds(struct slice s, int64_t *ns)
{
	int64_t whole = 0, fraction = 0, unit = 1000000000;
	size_t i = 0;

	for (; i < s.n && is_digit(s.p[i]); i++) {
		whole = whole * 10 + (s.p[i] - '0');
		if (whole > INT32_MAX)
			return false;
	}
	if (i == 0)
		return false;
	if (i < s.n && s.p[i] == '.')
		for (i++; i < s.n && is_digit(s.p[i]) && unit > 1; i++) {
			unit /= 10;
			fraction += (s.p[i] - '0') * unit;
		}
	*ns = whole * 1000000000 + fraction;
	return i == s.n;
}

/* [[HOURS:]MINUTES:]SECONDS[.FRACTION] */
static bool
elapsed(struct slice s, int64_t *ns)
{
	int64_t sum = 0, part;
	unsigned parts = 0;

	while (s.n > 0) {
		if (++parts > 3 || !seconds(slice_cut(&s, ':'), &part))
			return false;
		sum = sum * 60 + part;
		if (sum > INT64_MAX / 120)
			return false;
	}
	*ns = sum;
	return parts > 0;
}

/* What stands before `unit` at the end of a word. */
static bool
ends_with(struct slice word, const char *unit, struct slice *value)
{
	size_t n = strlen(unit);

	if (word.n <= n || !slice_ends(word, slice_of(unit)))
		return false;
	*value = (struct slice){ word.p, word.n - n };
	return true;
}

/* "(12major+34minor)pagefaults", "8inputs+0outputs". */
static void
two_counts(struct slice s, const char *first, const char *second, int64_t *a, int64_t *b)
{
	struct slice left, value;
	int64_t x, y;

	if (s.n > 0 && s.p[0] == '(')
		s.p++, s.n--;
	left = slice_cut(&s, '+');
	if (!ends_with(left, first, &value) || num_i64(value, &x) < 0)
		return;
	if (!ends_with(s, second, &value) || num_i64(value, &y) < 0)
		return;
	*a = x;
	*b = y;
}

static struct slice
word_of(struct slice *rest)
{
	size_t i = 0, k;
	struct slice word;

	while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t' || rest->p[i] == '\n' ||
				  rest->p[i] == '\r'))
		i++;
	for (k = i; k < rest->n && rest->p[k] != ' ' && rest->p[k] != '\t' && rest->p[k] != '\n' &&
		    rest->p[k] != '\r';
	     k++)
		;
	word = (struct slice){ rest->p + i, k - i };
	rest->p += k;
	rest->n -= k;
	return word;
}

bool
heimdallr_run_usage(struct slice text, struct heimdallr_usage *u)
{
	struct slice exited = SLICE("Command exited with non-zero status "),
		     killed = SLICE("Command terminated by signal "), rest, word, value;
	bool user = false, sys = false, wall = false;

	*u = (struct heimdallr_usage){ .maxrss_bytes = -1,
		.major_faults = -1,
		.minor_faults = -1,
		.in_blocks = -1,
		.out_blocks = -1 };
	while (text.n > 0) {
		rest = slice_cut(&text, '\n');
		if (slice_starts(rest, exited)) {
			num_i64(slice_trim((struct slice){ rest.p + exited.n, rest.n - exited.n }),
			    &u->exit_status);
			continue;
		}
		if (slice_starts(rest, killed)) {
			num_i64(slice_trim((struct slice){ rest.p + killed.n, rest.n - killed.n }),
			    &u->signal);
			u->exit_status = 128 + u->signal;
			continue;
		}
		while ((word = word_of(&rest)).n > 0) {
			if (ends_with(word, "user", &value))
				user = seconds(value, &u->user_ns);
			else if (ends_with(word, "system", &value))
				sys = seconds(value, &u->sys_ns);
			else if (ends_with(word, "elapsed", &value))
				wall = elapsed(value, &u->wall_ns);
			else if (ends_with(word, "maxresident)k", &value)) {
				if (num_i64(value, &u->maxrss_bytes) == 0 &&
				    u->maxrss_bytes < INT64_MAX / 1024)
					u->maxrss_bytes *= 1024;
				else
					u->maxrss_bytes = -1;
			} else if (slice_ends(word, SLICE("pagefaults")))
				two_counts(word, "major", "minor)pagefaults", &u->major_faults,
				    &u->minor_faults);
			else if (slice_ends(word, SLICE("outputs")))
				two_counts(
				    word, "inputs", "outputs", &u->in_blocks, &u->out_blocks);
		}
	}
	u->known = user && sys && wall;
	return u->known;
}

/* ---- commands ---- */

static bool
is_assignment(struct slice word)
{
	size_t i = 0;

	while (i < word.n && is_word(word.p[i]))
		i++;
	return i > 0 && i < word.n && word.p[i] == '=';
}

/* Options of numactl, time and perf record that have their argument in the next word. */
static bool
has_argument(struct slice word)
{
	return word.n == 2 && word.p[0] == '-' && strchr("oFefckpCm", word.p[1]) != NULL;
}

struct slice
heimdallr_run_workload(struct slice line)
{
	static const char *const before[] = { "numactl", "time", "perf", "record", "env", "exec" };
	struct slice rest = slice_trim(line), word, at = rest;
	bool wrapped = false;

	while ((word = word_of(&rest)).n > 0) {
		struct slice name = slice_basename(word);
		bool known = is_assignment(word) || (wrapped && word.p[0] == '-');

		for (size_t i = 0; i < sizeof before / sizeof *before; i++)
			known |= slice_eq(name, slice_of(before[i]));
		if (wrapped && slice_eq(word, SLICE("--"))) {
			at = slice_trim(rest);
			break;
		}
		if (!known)
			return slice_trim(
			    (struct slice){ word.p, (size_t)(line.p + line.n - word.p) });
		wrapped = true;
		if (word.p[0] == '-' && has_argument(word))
			word_of(&rest);
		at = slice_trim(rest);
	}
	return slice_trim(at);
}

/* As runs.sh makes a directory's name of a command: the base name of its first word, and all behind the first blank (without
 * one, the whole again), without what is no letter, digit, _ or dot. */
static void
put_name(struct buf *b, struct slice command)
{
	struct slice rest = command, first = slice_cut(&rest, ' ');

	first = slice_basename(first);
	if (memchr(command.p, ' ', command.n) == NULL)
		rest = command;
	for (size_t i = 0; i < first.n + rest.n; i++) {
		char c = i < first.n ? first.p[i] : rest.p[i - first.n];

		if (is_word(c) || c == '.')
			buf_char(b, c);
	}
}

/* ---- files ---- */

static bool
slurp(struct heimdallr_run *r, const char *dir, const char *file, struct slice *text)
{
	struct buf path = BUF_INIT;
	struct stat st;
	char *p;
	size_t n;
	bool got = false;

	*text = (struct slice){ "", 0 };
	buf_printf(&path, "%s/%s", dir, file);
	if (stat(buf_str(&path), &st) == 0 && S_ISREG(st.st_mode)) {
		got = io_slurp(path.p, &p, &n) == 0;
		if (got) {
			*text = arena_copy(&r->arena, (struct slice){ p, n });
			free(p);
		} else {
			heimdallr_run_tell(r, "%s: %s", file, strerror(errno));
		}
	}
	buf_free(&path);
	return got;
}

static void
read_usage(struct heimdallr_run *r, const char *dir)
{
	struct slice text;

	if (!slurp(r, dir, "time.log", &text))
		heimdallr_run_tell(r, "time.log is not there: what the run took is not known");
	else if (!heimdallr_run_usage(text, &r->usage))
		heimdallr_run_tell(r, "time.log does not say user, system and elapsed time");
}

/* TRAC_BEG:RAW:CPU, RAW in seconds with a fraction or in nanoseconds; it may stand behind what the workload wrote. */
static bool
find_moment(struct slice text, const char *tag, bool last, int64_t *t)
{
	size_t n = strlen(tag);
	bool found = false;

	for (const char *p = text.p, *end = text.p + text.n;
	     (p = memmem(p, (size_t)(end - p), tag, n)); p += n) {
		struct slice value = { p + n, (size_t)(end - p) - n };

		value = slice_cut(&value, ':');
		if (memchr(value.p, '.', value.n) ? seconds(value, t) : num_i64(value, t) == 0) {
			found = true;
			if (!last)
				break;
		}
	}
	return found;
}

static void
read_console(struct heimdallr_run *r, const char *dir)
{
	struct slice text;

	if (!slurp(r, dir, "console.log", &text))
		return;
	r->has_begin = find_moment(text, "TRAC_BEG:", false, &r->begin);
	r->has_end = find_moment(text, "TRAC_END:", true, &r->end);
}

static void
read_modes(struct heimdallr_run *r, const char *above)
{
	struct slice text, line, mode;
	int64_t value[5];

	if (!slurp(r, above, "modes.lst", &text))
		return;
	while (text.n > 0) {
		unsigned n = 0;

		line = slice_cut(&text, '\n');
		mode = word_of(&line);
		if (!slice_eq(mode, r->mode))
			continue;
		while (n < 5 && num_i64(word_of(&line), &value[n]) == 0)
			n++;
		if (n < 5) {
			heimdallr_run_tell(r,
			    "modes.lst: %.*s has no five numbers (hms mem cpu dry freq)",
			    SLICE_ARG(mode));
			return;
		}
		r->has_mode = true;
		r->hms = value[0];
		r->mem = value[1];
		r->cpu = value[2];
		r->dry = value[3] != 0;
		r->freq = value[4];
	}
	if (!r->has_mode)
		heimdallr_run_tell(r, "modes.lst does not have the mode %.*s", SLICE_ARG(r->mode));
}

static void
read_command(struct heimdallr_run *r, const char *dir, const char *above)
{
	struct slice text, line, found = { 0 };
	struct buf name = BUF_INIT;
	bool several = false;

	if (slurp(r, dir, "cmd.log", &text)) {
		while (text.n > 0 && r->command.n == 0) {
			line = slice_trim(slice_cut(&text, '\n'));
			if (line.n > 0 && line.p[0] != '#')
				r->command = heimdallr_run_workload(line);
		}
	}
	if (r->command.n > 0 || !slurp(r, above, "runs.lst", &text))
		return;
	while (text.n > 0) {
		int64_t n;

		line = slice_cut(&text, '\n');
		if (num_i64(word_of(&line), &n) < 0)
			continue;
		line = slice_trim(line);
		name.n = 0;
		put_name(&name, line);
		if (!slice_eq(buf_view(&name), r->program) || slice_eq(line, found))
			continue;
		several = found.n > 0;
		found = line;
	}
	if (several)
		heimdallr_run_tell(
		    r, "several commands of runs.lst would be called %.*s", SLICE_ARG(r->program));
	else
		r->command = found;
	buf_free(&name);
}

int
heimdallr_run_read(struct heimdallr_run *r, const char *path, struct error *e)
{
	char *real = realpath(path, NULL);
	struct slice whole, above;

	if (real == NULL)
		return error_set(e, "%s: %s", path, strerror(errno));
	whole = arena_copy(&r->arena, slice_of(real));
	free(real);
	r->name = slice_basename(whole);
	if (!heimdallr_run_name(r->name, &r->program, &r->mode, &r->rep))
		return error_set(e,
		    "%s: no run of Heimdallr: those are directories PROGRAM.MODE.REPETITION", path);
	above = arena_copy(&r->arena, (struct slice){ whole.p, (size_t)(r->name.p - whole.p) });
	if (above.n > 1)
		above = arena_copy(&r->arena, (struct slice){ above.p, above.n - 1 });
	r->experiment = slice_basename(above);
	read_modes(r, above.p);
	read_command(r, whole.p, above.p);
	read_usage(r, whole.p);
	read_console(r, whole.p);
	return 0;
}

void
heimdallr_run_free(struct heimdallr_run *r)
{
	free(r->note);
	arena_free(&r->arena);
	*r = (struct heimdallr_run){ 0 };
}
