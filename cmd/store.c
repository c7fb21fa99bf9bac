/* store - many runs in one database; see leat-store(1) */
#include <string.h>

#include "store/store.h"
#include "store/store_add.h"
#include "store/store_get.h"
#include "tool/tool.h"
#if __has_include("store/store_list.h")
#include "store/store_list.h"
#endif
#if __has_include("store/store_stat.h")
#include "store/store_stat.h"
#endif
#if __has_include("store/store_sql.h")
#include "store/store_sql.h"
#endif

enum { FIRST_ONLY = 256, METRIC, BASE, TRACE };

static const struct tool_option options[] = {
	{ FIRST_ONLY, "first-only", NULL,
	    "add: traces of first repetitions only, statistics of all" },
	{ TRACE, "trace", "NAME", "get: this trace of the run" },
	{ METRIC, "metric", "LIST", "stat: these metrics" },
	{ BASE, "base", "FACTOR=LEVEL", "stat: what overhead is against" },
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

static struct store *
open_store(const char *path, enum store_mode mode)
{
	struct error e;
	struct store *s = store_open(path, mode, &e);

	if (s == NULL)
		tool_die("%s", e.text);
	return s;
}

static void
list(const char *db)
{
	struct store *s = open_store(db, STORE_READ);
	struct error e = { 0 };

	(void)e;

	(void)out;
#if __has_include("store/store_list.h")
	if (store_list(s, &out, &e) < 0 && e.text[0])
		tool_die("%s", e.text);
#endif
	store_close(s);
}

static void
statistics(const char *db, const char *metric, const char *base)
{
	struct store *s = open_store(db, STORE_READ);
	struct error e = { 0 };

	(void)e;

	(void)metric;
	(void)base;
#if __has_include("store/store_stat.h")
	if (store_stat(
		s, &(struct store_stat_options){ .metrics = metric, .base = base }, &out, &e) < 0 &&
	    e.text[0])
		tool_die("%s", e.text);
#endif
	store_close(s);
}

static void
sql(const char *db, const char *query)
{
	struct store *s = open_store(db, STORE_READ);
	struct error e = { 0 };

	(void)e;

	(void)query;
#if __has_include("store/store_sql.h")
	if (store_sql(s, query, &out, &e) < 0 && e.text[0])
		tool_die("%s", e.text);
#endif
	store_close(s);
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
	struct store *s = open_store(db, STORE_WRITE);
	const struct store_add_options how = {
		.first_only = first_only, .damaged = damaged, .progress = progress
	};
	struct error e;
	struct store_adder *a = store_adder_new(s, &how, &e);
	enum store_added what;
	char **dir = tool_operands();

	if (a == NULL)
		tool_die("%s", e.text);
	if (*dir == NULL)
		tool_usage_error("add: no run to add: DIR...");
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

int
main(int argc, char **argv)
{
	const char *arg, *what, *db, *metric = NULL, *base = NULL;
	const char *trace = NULL;
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
			metric = arg;
			break;
		case BASE:
			base = arg;
			break;
		}
	what = tool_operand("what to do: add, list, stat, get or sql");
	db = tool_operand("the database");
	if (strcmp(what, "add") == 0) {
		add(db, first_only);
	} else if (strcmp(what, "list") == 0) {
		no_more();
		list(db);
	} else if (strcmp(what, "stat") == 0) {
		no_more();
		statistics(db, metric, base);
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
