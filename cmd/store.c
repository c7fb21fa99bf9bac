/* store - many runs in one database; see leat-store(1) */
#include <signal.h>
#include <string.h>

#include "base/num.h"
#include "store/store.h"
#include "store/store_add.h"
#include "store/store_get.h"
#include "store/store_list.h"
#include "store/store_sql.h"
#include "store/store_stat.h"
#include "tool/tool.h"

enum { FIRST_ONLY = 256, METRIC, BASE, CONFIDENCE, RESAMPLES, SEED, TRACE };

static const struct tool_option options[] = {
	{ FIRST_ONLY, "first-only", NULL,
	    "add: traces of first repetitions only, statistics of all" },
	{ TRACE, "trace", "NAME", "get: this trace of the run" },
	{ METRIC, "metric", "LIST", "stat: these metrics (all: every one)" },
	{ BASE, "base", "FACTOR=LEVEL", "stat: what overhead is against (default: dry cells)" },
	{ CONFIDENCE, "confidence", "PERCENT", "stat: of the intervals (default 95)" },
	{ RESAMPLES, "resamples", "N", "stat: resamples (default 1999)" },
	{ SEED, "seed", "N", "stat: of the random numbers (default 1)" },
	{ 0 },
};
static const struct tool_spec spec = { "store", "many runs in one database",
	"add|list|stat|get|sql DB [DIR...|RUN|QUERY]", options, TOOL_TRACE_OUT };

static int
put(void *context, struct buf *b)
{
	(void)context;
	fwrite(b->p, 1, b->n, tool_out());
	b->n = 0;
	return ferror(tool_out()) ? -1 : 0;
}

static const struct store_out out = { .put = put };

static void
waits(const char *path)
{
	if (!tool_is_quiet())
		tool_warn("%s: somebody else has it: waiting", path);
}

static struct store *
open_store(const char *path, enum store_mode mode)
{
	struct error e;
	struct store *s;

	store_on_wait(waits);
	s = store_open(path, mode, &e);

	if (s == NULL)
		tool_die("%s", e.text);
	return s;
}

static void
told_lost(uint64_t lost)
{
	if (tool_is_strict() && lost > 0) {
		tool_warn("something was lost, and --strict was given");
		tool_status(2);
	}
}

static void
list(const char *db)
{
	struct store *s = open_store(db, STORE_READ);
	struct error e = { "" };
	uint64_t lost = 0;

	if (store_list(s, &out, &lost, &e) < 0 && e.text[0])
		tool_die("%s", e.text);
	told_lost(lost);
	store_close(s);
}

static void
statistics(const char *db, const struct store_stat_options *o)
{
	struct store *s = open_store(db, STORE_READ);
	struct store_stat_told told = { 0 };
	struct error e = { "" };

	if (store_stat(s, o, &out, &told, &e) < 0 && e.text[0])
		tool_die("%s", e.text);
	if (told.note.text[0] && !tool_is_quiet())
		tool_warn("%s", told.note.text);
	told_lost(told.lost);
	store_close(s);
}

static struct store *asked;

/* The first Ctrl-C ends the query, the second one us. */
static void
interrupt(int unused)
{
	(void)unused;
	store_sql_interrupt(asked);
}

static void
sql(const char *db, const char *query)
{
	struct sigaction act = { .sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND },
			 old;
	struct error e = { "" };

	asked = open_store(db, STORE_READ);
	tool_out(); /* it has its own handler */
	if (sigaction(SIGINT, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGINT, &act, NULL);
	if (store_sql(asked, query, &out, &e) < 0 && e.text[0])
		tool_die("%s", e.text);
	signal(SIGINT, SIG_DFL);
	store_close(asked);
}

static void
damaged(void *unused, const char *what)
{
	(void)unused;
	tool_warn("%s", what);
	tool_status(2);
}

static void
progress(void *unused, int fd, uint64_t records, uint64_t bytes)
{
	(void)unused;
	tool_progress(fd, records, bytes);
}

static void
add(const char *db, bool first_only)
{
	char **dir = tool_operands();
	struct store *s = *dir ? open_store(db, STORE_WRITE) : NULL;
	const struct store_add_options how = {
		.first_only = first_only, .damaged = damaged, .progress = progress
	};
	struct store_adder *a;
	enum store_added what;
	struct error e;

	if (s == NULL)
		tool_usage_error("add: DIR..., the directories of runs, are missing");
	a = store_adder_new(s, &how, &e);
	if (a == NULL)
		tool_die("%s", e.text);
	for (; *dir; dir++) {
		if (store_add(a, *dir, &what, &e) < 0) {
			tool_warn("%s", e.text);
			tool_status(2);
		} else if (what == STORE_REPLACED && !tool_is_quiet()) {
			tool_warn("%s: takes the place of an older run of this name", *dir);
		} else if (what == STORE_COMPLETED && !tool_is_quiet()) {
			tool_warn("%s: its traces are added", *dir);
		}
	}
	told_lost(store_adder_lost(a));
	store_adder_free(a);
	store_close(s);
}

static void
get(const char *db, const char *run, const char *trace)
{
	struct store *s = open_store(db, STORE_READ);
	struct store_get *g = NULL;
	struct trace_writer *w;
	struct trace_record r;
	struct error e;
	int64_t id;
	int got;

	if (store_find(s, slice_of(run), &id, &e) < 0 ||
	    (g = store_get_new(s, id, trace, &e)) == NULL)
		tool_die("%s", e.text);
	w = tool_trace_out((int)store_get_encoding(g), false);
	while ((got = store_get_next(g, &r, &e)) > 0) {
		if (trace_put_record(w, &r) < 0)
			tool_die("%s: %s", tool_output() ? tool_output() : "standard output",
			    trace_writer_error(w));
		tool_progress(-1, trace_writer_records(w), trace_writer_bytes(w));
	}
	if (got < 0)
		tool_die("%s", e.text);
	told_lost(store_get_lost(g));
	store_get_free(g);
	store_close(s);
}

static void
no_more(void)
{
	char **operands = tool_operands();

	if (*operands)
		tool_usage_error("%s: one operand too many", *operands);
}

/* A database can be standard input where that is a file: `leat store list <db`. */
static const char *
database(const char *what)
{
	bool table = strcmp(what, "list") == 0 || strcmp(what, "stat") == 0;
	const char *db = table && *tool_operands() == NULL ? "-" : tool_operand("the database");

	return table && strcmp(db, "-") == 0 ? "/dev/stdin" : db;
}

int
main(int argc, char **argv)
{
	struct store_stat_options stat = { .seed = 1 };
	const char *arg, *what, *db, *trace = NULL;
	bool first_only = false;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case FIRST_ONLY:
			first_only = true;
			break;
		case TRACE:
			trace = arg;
			break;
		case METRIC:
			stat.metrics = arg;
			break;
		case BASE:
			stat.base = arg;
			break;
		case CONFIDENCE:
			stat.confidence = tool_percent("--confidence", arg);
			break;
		case RESAMPLES:
			stat.resamples = (uint32_t)tool_number("--resamples", arg, 99, 10000000);
			break;
		case SEED:
			stat.seed = tool_number("--seed", arg, 0, UINT64_MAX);
			break;
		}
	what = tool_operand("what to do: add, list, stat, get or sql");
	db = database(what);
	if (strcmp(what, "add") == 0) {
		add(db, first_only);
	} else if (strcmp(what, "list") == 0) {
		no_more();
		list(db);
	} else if (strcmp(what, "stat") == 0) {
		no_more();
		statistics(db, &stat);
	} else if (strcmp(what, "get") == 0) {
		const char *run = tool_operand("the run");

		no_more();
		get(db, run, trace);
	} else if (strcmp(what, "sql") == 0) {
		const char *query = tool_operand("the query");

		no_more();
		sql(db, query);
	} else {
		tool_usage_error("%s: none of add, list, stat, get, sql", what);
	}
	return tool_end();
}
