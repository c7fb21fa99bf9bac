#include "store/schema.h"

#define THREAD                                                                                     \
	{                                                                                          \
		"thread", "tid", SCHEMA_THREAD                                                     \
	}
#define NUM(n)                                                                                     \
	{                                                                                          \
		n, NULL, SCHEMA_NUMBER                                                             \
	}
#define ADDR(n)                                                                                    \
	{                                                                                          \
		n, NULL, SCHEMA_ADDR                                                               \
	}
#define STR(n)                                                                                     \
	{                                                                                          \
		n, NULL, SCHEMA_STRING                                                             \
	}
#define STACK                                                                                      \
	{                                                                                          \
		"stack", NULL, SCHEMA_STACK                                                        \
	}
#define ORIGIN                                                                                     \
	{                                                                                          \
		"origin", NULL, SCHEMA_STACK                                                       \
	}
#define CHAIN                                                                                      \
	{                                                                                          \
		"chain", NULL, SCHEMA_CHAIN                                                        \
	}

const struct schema_table schema_table[SCHEMA_TABLES] = {
	[SCHEMA_ACCESS] = { "access", "access",
	    { NUM("t"), THREAD, NUM("cpu"), STR("event"), STR("op"), ADDR("addr"), NUM("size"),
		NUM("weight"), NUM("latency"), STR("level"), STR("tlb"), NUM("node"), ADDR("ip"),
		CHAIN, STACK },
	    15 },
	[SCHEMA_ALLOC] = { "alloc", "alloc",
	    { NUM("t"), THREAD, STR("op"), ADDR("addr"), NUM("size"), NUM("align"), ADDR("old"),
		NUM("weight"), CHAIN, STACK },
	    10 },
	[SCHEMA_FREE] = { "free", "free",
	    { NUM("t"), THREAD, STR("op"), ADDR("addr"), NUM("size"), CHAIN, STACK }, 7 },
	[SCHEMA_SPAN] = { "span", "span",
	    { NUM("t"), NUM("dur_ns"), STR("name"), { "span_id", "id", SCHEMA_NUMBER },
		NUM("parent"), THREAD, NUM("cpu"), STR("host"), { "value", NULL, SCHEMA_VALUE },
		STACK },
	    10 },
	[SCHEMA_SAMPLE] = { "sample", "sample",
	    { NUM("t"), THREAD, NUM("cpu"), STR("comm"), STR("event"), NUM("weight"), ADDR("ip"),
		ADDR("addr"), CHAIN, STACK, ORIGIN, { "ustack", NULL, SCHEMA_BYTES } },
	    12 },
	[SCHEMA_EVENT] = { "event", "event",
	    { NUM("t"), THREAD, NUM("cpu"), STR("comm"), STR("name"), CHAIN, STACK, ORIGIN,
		{ "ustack", NULL, SCHEMA_BYTES } },
	    9 },
	[SCHEMA_READING] = { "reading", "stat",
	    { NUM("t"), STR("name"), { "value", NULL, SCHEMA_VALUE }, STR("unit"), STR("section"),
		THREAD },
	    6 },
	[SCHEMA_OTHER] = { "other", NULL, { NUM("t"), THREAD }, 2 },
};

/* Columns of raw tables have no type, as SQLite would change 5.0 to 5 in one of integers. */
static const char tables[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;\n"
    "CREATE TABLE run(id INTEGER PRIMARY KEY, experiment TEXT NOT NULL, name TEXT NOT NULL,"
    " attempt INTEGER NOT NULL, rep INTEGER, position INTEGER, seed INTEGER, settings TEXT,"
    " command TEXT, dry INTEGER NOT NULL, failed INTEGER NOT NULL, uuid TEXT NOT NULL UNIQUE,"
    " host TEXT, arch TEXT, release TEXT, started_ns INTEGER, freq INTEGER, cpu_node INTEGER,"
    " mem_node INTEGER, timeout_ns INTEGER, dir TEXT, traced INTEGER NOT NULL,"
    " records INTEGER NOT NULL, lost INTEGER NOT NULL, UNIQUE(experiment, name, attempt));\n"
    "CREATE TABLE factor(run INTEGER, ord INTEGER, name TEXT, level TEXT, PRIMARY KEY(run, ord))"
    " WITHOUT ROWID;\n"
    "CREATE TABLE variable(run INTEGER, ord INTEGER, name TEXT, value TEXT, PRIMARY KEY(run, ord))"
    " WITHOUT ROWID;\n"
    "CREATE TABLE stat(run INTEGER, ord INTEGER, section TEXT, name TEXT, value, unit TEXT,"
    " PRIMARY KEY(run, ord)) WITHOUT ROWID;\n"
    "CREATE TABLE info(run INTEGER, moment TEXT, ord INTEGER, section TEXT, name TEXT, value,"
    " unit TEXT, PRIMARY KEY(run, moment, ord)) WITHOUT ROWID;\n"
    "CREATE TABLE trace(run INTEGER, ord INTEGER, name TEXT, encoding TEXT, first INTEGER,"
    " records INTEGER, lost INTEGER, damage TEXT, PRIMARY KEY(run, ord)) WITHOUT ROWID;\n"
    "CREATE TABLE shape(id INTEGER PRIMARY KEY, type TEXT, fields TEXT);\n"
    "CREATE TABLE string(id INTEGER PRIMARY KEY, text TEXT);\n"
    "CREATE TABLE stack(id INTEGER PRIMARY KEY, names TEXT);\n"
    "CREATE TABLE chain(id INTEGER PRIMARY KEY, addrs TEXT);\n"
    "CREATE TABLE thread(id INTEGER PRIMARY KEY, src, pid, tid, comm TEXT);\n"
    "CREATE TABLE life(id INTEGER PRIMARY KEY, until_ns, ended_by INTEGER);\n";

struct slice
schema_field(const struct schema_column *c)
{
	return slice_of(c->field ? c->field : c->name);
}

/* Column c of raw table r: with names for numbers. */
static void
put_shown(struct buf *b, const struct schema_column *c)
{
	static const char from[] = "WHERE id = (r.id >> 40 << 40 | r.";

	switch (c->kind) {
	case SCHEMA_THREAD:
		for (unsigned i = 0; i < 3; i++) {
			static const char *const part[] = { "src", "pid", "tid" };

			buf_printf(
			    b, ", (SELECT %s FROM thread %sthread)) AS %s", part[i], from, part[i]);
		}
		break;
	case SCHEMA_STRING:
		buf_printf(b,
		    ", coalesce((SELECT text FROM string %s%s)), json_extract(r.more, '$.%s')) AS "
		    "%s",
		    from, c->name, c->name, c->name);
		break;
	case SCHEMA_STACK:
		buf_printf(b, ", (SELECT names FROM stack %s%s)) AS %s", from, c->name, c->name);
		break;
	case SCHEMA_CHAIN:
		buf_printf(b, ", (SELECT addrs FROM chain %s%s)) AS %s", from, c->name, c->name);
		break;
	case SCHEMA_ADDR:
		buf_printf(b,
		    ", r.%s, CASE WHEN r.%s NOT NULL THEN printf('0x%%x', r.%s) END AS %s_hex",
		    c->name, c->name, c->name, c->name);
		break;
	default:
		buf_printf(b, ", r.%s", c->name);
	}
}

/* A run's rows are one range, which is looked up for each run, whatever else is asked. */
static void
put_from(struct buf *b, const char *table)
{
	buf_printf(b,
	    " FROM run CROSS JOIN raw_%s AS r ON r.id BETWEEN run.id << 40 AND (run.id << 40) + "
	    "1099511627775",
	    table);
}

static void
put_view(struct buf *b, const struct schema_table *t)
{
	buf_printf(b, "CREATE VIEW %s AS SELECT run.id AS run, r.id & 1099511627775 AS n", t->name);
	if (t->type == NULL)
		buf_printf(b,
		    ", (SELECT type FROM shape WHERE id = (r.id >> 40 << 40 | r.shape)) AS type");
	for (unsigned c = 0; c < t->columns; c++)
		put_shown(b, &t->column[c]);
	if (strcmp(t->name, "access") == 0)
		buf_printf(b, ", (SELECT CASE WHEN text IN ('store', 'write', 'w', 's') THEN 1"
			      " WHEN text IN ('load', 'read', 'r', 'l') THEN 0 END FROM string"
			      " WHERE id = (r.id >> 40 << 40 | r.op)) AS is_write");
	if (strcmp(t->name, "alloc") == 0)
		buf_printf(b,
		    ", r.t AS from_ns, (SELECT until_ns FROM life WHERE id = r.id) AS to_ns,"
		    " r.addr AS base");
	buf_printf(b, ", r.more");
	put_from(b, t->name);
	buf_printf(b, ";\n");
}

void
schema_put(struct buf *b)
{
	buf_printf(b, "%s", tables);
	for (unsigned t = 0; t < SCHEMA_TABLES; t++) {
		const struct schema_table *table = &schema_table[t];

		buf_printf(b, "CREATE TABLE raw_%s(id INTEGER PRIMARY KEY, shape", table->name);
		for (unsigned c = 0; c < table->columns; c++)
			buf_printf(b, ", %s", table->column[c].name);
		buf_printf(b, ", more);\n");
		put_view(b, table);
	}
	buf_printf(b, "INSERT INTO meta VALUES('schema', %d);\n", SCHEMA_VERSION);
	buf_printf(b, "PRAGMA application_id = %d;\nPRAGMA user_version = %d;\n",
	    SCHEMA_APPLICATION, SCHEMA_VERSION);
}
