/* store - many runs in one database; see leat-store(1) */
#include <string.h>

#include "store/store.h"
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
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case METRIC:
			metric = arg;
			break;
		case BASE:
			base = arg;
			break;
		}
	what = tool_operand("what to do: add, list, stat, get or sql");
	db = tool_operand("the database");
	if (strcmp(what, "list") == 0) {
		no_more();
		list(db);
	} else if (strcmp(what, "stat") == 0) {
		no_more();
		statistics(db, metric, base);
	} else if (strcmp(what, "sql") == 0) {
		const char *query = tool_operand("the query");

		no_more();
		sql(db, query);
	} else {
		tool_usage_error("%s: none of add, list, stat, get, sql", what);
	}
	return tool_end();
}
