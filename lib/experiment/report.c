#include "experiment/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "form/table.h"

/* ---- for shells ---- */

static void
put_word(struct buf *b, struct slice name, struct slice value)
{
	buf_slice(b, name);
	buf_slice(b, SLICE("='"));
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '\'')
			buf_slice(b, SLICE("'\\''"));
		else
			buf_char(b, value.p[i]);
	buf_slice(b, SLICE("'\n"));
}

/* Negative: not set. */
static void
put_number(struct buf *b, const char *name, int64_t value)
{
	char text[24] = "";

	if (value >= 0)
		snprintf(text, sizeof text, "%" PRId64, value);
	put_word(b, slice_of(name), slice_of(text));
}

void
report_shell(struct buf *b, const char *where, const struct plan *p, const struct plan_run *r)
{
	struct buf dir = BUF_INIT;
	char *results = realpath(where, NULL);

	put_word(b, SLICE("name"), r->name);
	put_number(b, "rep", (int64_t)r->rep);
	put_number(b, "position", (int64_t)r->position);
	for (unsigned i = 0; i < p->factors; i++)
		put_word(b, p->factor[i], r->level[i]);
	put_word(b, SLICE("command"), r->command);
	put_number(b, "dry", r->dry);
	put_number(b, "freq", r->freq > 0 ? (int64_t)r->freq : -1);
	put_number(b, "cpu_node", r->cpu_node);
	put_number(b, "mem_node", r->mem_node);
	put_number(b, "timeout_ns", r->timeout_ns > 0 ? (int64_t)r->timeout_ns : -1);
	for (unsigned i = 0; i < p->variables; i++)
		put_word(b, p->variable[i], r->value[i]);
	buf_printf(&dir, "%s/part/%.*s", results ? results : where, SLICE_ARG(r->name));
	put_word(b, SLICE("dir"), buf_view(&dir));
	buf_free(&dir);
	free(results);
}

/* ---- tables and lines ---- */

/* Who makes a run, or why it failed. */
static void
put_note(struct buf *b, const struct progress *p, size_t i)
{
	struct slice name = p->plan->run[i].name;
	struct claim_owner owner;
	enum claim_state state;

	if (p->run[i].state == PROGRESS_FAILED)
		progress_reason(p->results, name, p->run[i].last, b);
	else if (p->run[i].state == PROGRESS_RUNNING &&
		 claim_look(p->results, name, &state, &owner, NULL) == 0 && owner.pid > 0)
		buf_printf(b, "%s pid %d", owner.host, owner.pid);
}

void
report_status(struct buf *b, const struct progress *p)
{
	const struct plan *plan = p->plan;
	struct error e = { "" };
	double eta = progress_eta_ns(p, &e);
	struct buf note = BUF_INIT;

	buf_printf(b, "# status runs=%zu", plan->runs);
	for (int s = 0; s < PROGRESS_STATES; s++)
		buf_printf(b, " %s=%zu", progress_name(s), p->count[s]);
	if (!isnan(eta))
		buf_printf(b, " eta_ns=%.0f", eta);
	buf_printf(b, "\nname\trep\tposition\tstate\tattempts\tnote\n");
	for (size_t i = 0; i < plan->runs; i++) {
		const struct plan_run *r = &plan->run[i];

		note.n = 0;
		put_note(&note, p, i);
		buf_printf(b, "%.*s\t%" PRIu64 "\t%" PRIu64 "\t%s\t%u\t", SLICE_ARG(r->name),
		    r->rep, r->position, progress_name(p->run[i].state), p->run[i].attempts);
		table_put_cell(b, buf_view(&note));
		buf_char(b, '\n');
	}
	buf_free(&note);
}

static void
put_duration(struct buf *b, double ns)
{
	uint64_t s = (uint64_t)(ns / 1e9 + 0.5);

	if (s == 0)
		buf_printf(b, "a second");
	else if (s < 60)
		buf_printf(b, "%" PRIu64 " s", s);
	else if (s < 3600)
		buf_printf(b, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else
		buf_printf(b, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
}

/* ", N running: NAME (NOTE), ...", ten of them at most. */
static void
put_some(struct buf *b, const struct progress *p, enum progress_state s)
{
	struct buf note = BUF_INIT;
	unsigned n = 0;

	if (p->count[s] == 0)
		return;
	buf_printf(b, ", %zu %s:", p->count[s], progress_name(s));
	for (size_t i = 0; i < p->plan->runs && n < 10; i++) {
		if (p->run[i].state != s)
			continue;
		note.n = 0;
		put_note(&note, p, i);
		buf_printf(b, "%s %.*s", n++ > 0 ? "," : "", SLICE_ARG(p->plan->run[i].name));
		if (note.n > 0)
			buf_printf(b, " (%.*s)", SLICE_ARG(buf_view(&note)));
	}
	buf_printf(b, "%s", p->count[s] > n ? " ..." : "");
	buf_free(&note);
}

void
report_count(struct buf *b, const struct progress *p)
{
	struct error e;
	double eta = progress_eta_ns(p, &e);
	size_t left =
	    p->count[PROGRESS_TODO] + p->count[PROGRESS_KILLED] + p->count[PROGRESS_STALE];

	buf_printf(b, "%zu of %zu done", p->count[PROGRESS_DONE], p->plan->runs);
	put_some(b, p, PROGRESS_RUNNING);
	put_some(b, p, PROGRESS_KILLED);
	put_some(b, p, PROGRESS_STALE);
	put_some(b, p, PROGRESS_FAILED);
	if (left > 0)
		buf_printf(b, "; %zu to do", left);
	if (!isnan(eta) && eta > 0) {
		buf_printf(b, "; about ");
		put_duration(b, eta);
		buf_printf(b, " left");
	}
	buf_char(b, '\n');
}

/* ---- for make ---- */

/* NAME := the runs for which yes() holds. */
static void
put_variable(struct buf *b, const char *name, const struct progress *p,
    bool (*yes)(const struct progress *p, size_t i))
{
	buf_printf(b, "%s :=", name);
	for (size_t i = 0; i < p->plan->runs; i++)
		if (yes(p, i))
			buf_printf(b, " %.*s", SLICE_ARG(p->plan->run[i].name));
	buf_char(b, '\n');
}

static bool
any(const struct progress *p, size_t i)
{
	return i < p->plan->runs;
}

static bool
stale(const struct progress *p, size_t i)
{
	return p->run[i].state == PROGRESS_STALE;
}

static bool
dry(const struct progress *p, size_t i)
{
	return p->plan->run[i].dry;
}

void
report_makefile(struct buf *b, const struct progress *p)
{
	const struct plan *plan = p->plan;
	struct buf *runs = xcalloc(plan->cells + 1, sizeof *runs);

	buf_slice(b, SLICE("# made by leat plan --make\n"));
	put_variable(b, "RUNS", p, any);
	put_variable(b, "REDO", p, stale);
	put_variable(b, "DRY", p, dry);
	buf_slice(b, SLICE("CELLS :="));
	for (uint64_t i = 0; i < plan->cells; i++)
		if (!plan->cell[i].dry)
			buf_printf(b, " %.*s", SLICE_ARG(plan->cell[i].name));
	buf_char(b, '\n');
	for (size_t i = 0; i < plan->runs; i++)
		buf_printf(&runs[plan->run[i].cell], " %.*s", SLICE_ARG(plan->run[i].name));
	for (uint64_t i = 0; i < plan->cells; i++) {
		buf_printf(b, "RUNS_%.*s :=%.*s\n", SLICE_ARG(plan->cell[i].name),
		    SLICE_ARG(buf_view(&runs[i])));
		buf_free(&runs[i]);
	}
	free(runs);
}
