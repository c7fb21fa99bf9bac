/* Tables of runs with known numbers: what is printed is what was put in, in whatever order it came; intervals hold the truth. */
#include <math.h>
#include <string.h>

#include "store/store_list.h"
#include "store/store_sql.h"
#include "store/store_stat.h"
#include "unit.h"

enum { COLUMNS = 64 };

/* A table that was put, taken apart: cell[row][column], row 0 the header. */
struct got {
	struct buf text;
	char *(*cell)[COLUMNS];
	size_t rows, cap;
};

static int
put(void *context, struct buf *b)
{
	buf_slice(context, buf_view(b));
	b->n = 0;
	return 0;
}

static void
take_apart(struct got *g)
{
	char *at = buf_str(&g->text), *line;

	while ((line = strsep(&at, "\n")) != NULL && at != NULL) {
		unsigned n = 0;
		char *cell;

		if (line[0] == '#')
			continue;
		GROW(g->cell, g->cap, g->rows);
		while ((cell = strsep(&line, "\t")) != NULL) {
			CLAIM(n < COLUMNS);
			g->cell[g->rows][n++] = cell;
		}
		while (n < COLUMNS)
			g->cell[g->rows][n++] = NULL;
		CLAIM(!g->cell[0][n - 1]);
		g->rows++;
	}
}

static void
got_free(struct got *g)
{
	buf_free(&g->text);
	free(g->cell);
}

static const char *
cell(const struct got *g, size_t row, const char *column)
{
	unsigned i = 0;

	while (g->cell[0][i] && strcmp(g->cell[0][i], column) != 0)
		i++;
	CLAIM(g->cell[0][i] && row < g->rows && g->cell[row][i]);
	return g->cell[row][i];
}

static double
value(const struct got *g, size_t row, const char *column)
{
	const char *text = cell(g, row, column);

	return *text ? atof(text) : (double)NAN;
}

static struct got
statistics(struct store *s, const struct store_stat_options *o, struct store_stat_told *told)
{
	struct got g = { BUF_INIT, NULL, 0, 0 };
	struct error e = { "" };

	if (store_stat(s, o, &(struct store_out){ put, &g.text }, told, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(e.text[0] == '\0');
	take_apart(&g);
	return g;
}

/* ---- databases ---- */

static struct store *
empty_store(void)
{
	struct error e;
	struct store *s = store_open(":memory:", STORE_WRITE, &e);

	CLAIM(s);
	return s;
}

static void
run_sql(struct store *s, const char *sql)
{
	struct error e = { "" };

	if (store_exec(s, sql, &e) < 0)
		fprintf(stderr, "%s\n%s\n", e.text, sql);
	CLAIM(e.text[0] == '\0');
}

/* A run with levels a, b and config, and one statistic. */
static void
add_run(struct store *s, int id, int a, int b, const char *config, int rep, int failed, double v)
{
	char sql[1024];

	snprintf(sql, sizeof sql,
	    "INSERT INTO run(id, experiment, name, attempt, rep, position, settings, dry, failed, "
	    "uuid,"
	    " host, started_ns, traced, records, lost) VALUES(%d, 'x', '%d.%d.%s.%d', %d, %d, %d,"
	    " '%d.%d.%s', %d, %d, '%d.%d.%s.%d.%d', 'h', %d, 0, 0, 0);"
	    "INSERT INTO factor VALUES(%d, 1, 'a', '%d'), (%d, 2, 'b', '%d'), (%d, 3, 'config', "
	    "'%s');"
	    "INSERT INTO stat VALUES(%d, 1, 'run', 'wall_ns', %.17g, 'ns')",
	    id, a, b, config, rep, failed, rep, rep * 10000 + a * 100 + b, a, b, config,
	    strcmp(config, "dry") == 0, failed > 0, a, b, config, rep, failed, rep * 100, id, a, id,
	    b, id, config, id, v);
	run_sql(s, sql);
}

static double
normal(void)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += (double)unit_draw(1u << 30) / (1u << 30);
	return sum - 6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* ---- claims ---- */

static bool
near(double a, double b, double relative)
{
	return fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

/* Numbers of a cell against those of the definitions. */
static void
numbers_are_right(void)
{
	for (int n = 1; n < 40; n++) {
		struct store *s = empty_store();
		double v[40], sum = 0, squares = 0, median;
		struct got g;

		run_sql(s, "BEGIN");
		for (int i = 0; i < n; i++) {
			v[i] = (double)unit_draw(2000) - 1000 + (n % 2 ? 0.25 : 0);
			sum += v[i];
			add_run(s, i + 1, 1, 1, "on", i + 1, 0, v[i]);
		}
		run_sql(s, "COMMIT");
		for (int i = 0; i < n; i++)
			squares += (v[i] - sum / n) * (v[i] - sum / n);
		qsort(v, (size_t)n, sizeof *v, by_value);
		median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
		g = statistics(s, &(struct store_stat_options){ 0 }, NULL);
		CLAIM(g.rows == 2 && value(&g, 1, "runs") == n);
		CLAIM(value(&g, 1, "min") == v[0] && value(&g, 1, "max") == v[n - 1]);
		CLAIM(value(&g, 1, "median") == median);
		CLAIM(fabs(value(&g, 1, "mean") - sum / n) < 1e-6);
		CLAIM(n == 1 ? *cell(&g, 1, "stddev") == '\0'
			     : near(value(&g, 1, "stddev"), sqrt(squares / (n - 1)), 1e-8));
		/* 2 / 2^n is below 5 % from 6 on; the interval is of values, and holds the median */
		CLAIM((n < 6) == isnan(value(&g, 1, "median_lo")));
		CLAIM((n < 6) == isnan(value(&g, 1, "median_hi")));
		CLAIM(n < 6 ||
		      (value(&g, 1, "median_lo") <= median && value(&g, 1, "median_hi") >= median));
		CLAIM((n >= 6 && n <= 8) == (n >= 6 && value(&g, 1, "median_lo") == v[0] &&
						value(&g, 1, "median_hi") == v[n - 1]) ||
		      v[0] == v[1] || v[n - 1] == v[n - 2]);
		got_free(&g);
		store_close(s);
	}
}

/* A cell that is its base has an overhead of 0 inside its interval, and knows it; runs that failed change nothing. */
static void
equal_is_zero(void)
{
	for (int n = 1; n < 25; n++) {
		struct store *s = empty_store();
		struct got g;
		int id = 1;

		run_sql(s, "BEGIN");
		for (int i = 0; i < n; i++) {
			double v = 1000 + 100 * normal();

			add_run(s, id++, 1, 1, "dry", i + 1, 0, v);
			add_run(s, id++, 1, 1, "on", n - i, 0, v);
			add_run(s, id++, 1, 1, i % 2 ? "dry" : "on", i + 1, 1, 1e9);
		}
		run_sql(s, "COMMIT");
		g = statistics(s, &(struct store_stat_options){ .seed = (uint64_t)n }, NULL);
		CLAIM(g.rows == 3 && value(&g, 1, "failed") == n / 2 &&
		      value(&g, 2, "failed") == n - n / 2);
		CLAIM(value(&g, 1, "runs") == n && value(&g, 2, "runs") == n);
		CLAIM(*cell(&g, 1, "base") == '\0' && *cell(&g, 1, "overhead") == '\0');
		CLAIM(strcmp(cell(&g, 2, "base"), "config=dry") == 0);
		CLAIM(value(&g, 2, "overhead") == 0);
		CLAIM((n < 5) == isnan(value(&g, 2, "overhead_lo")));
		CLAIM(
		    n < 5 || (value(&g, 2, "overhead_lo") < 0 && value(&g, 2, "overhead_hi") > 0));
		got_free(&g);
		store_close(s);
	}
}

/* Of many cells whose true overhead is 20 %, about 95 % of the intervals hold it; and of the medians' theirs. */
static void
intervals_hold(void)
{
	enum { CELLS = 400, RUNS = 10 };
	struct store *s = empty_store();
	unsigned overhead = 0, median = 0, id = 1;
	struct got g;

	run_sql(s, "BEGIN");
	for (int a = 0; a < CELLS; a++)
		for (int i = 0; i < RUNS; i++) {
			add_run(s, (int)id++, a, 0, "dry", i + 1, 0, 1000 + 30 * normal());
			add_run(s, (int)id++, a, 0, "on", i + 1, 0, 1200 + 40 * normal());
		}
	run_sql(s, "COMMIT");
	g = statistics(s, &(struct store_stat_options){ .resamples = 499 }, NULL);
	CLAIM(g.rows == 2 * CELLS + 1);
	for (size_t i = 1; i < g.rows; i++) {
		double truth = i % 2 ? 1000 : 1200;

		/* numbers are sorted as numbers */
		CLAIM(value(&g, i, "a") == (double)((i - 1) / 2));
		CLAIM(strcmp(cell(&g, i, "config"), i % 2 ? "dry" : "on") == 0);
		median += value(&g, i, "median_lo") <= truth && value(&g, i, "median_hi") >= truth;
		overhead += i % 2 == 0 && value(&g, i, "overhead_lo") <= 0.2 &&
			    value(&g, i, "overhead_hi") >= 0.2;
	}
	/* 4 standard errors are 4.4 %, and by order statistics of 10 values 97.9 % is nominal */
	CLAIM(overhead > CELLS * 0.905 && overhead < CELLS * 0.995);
	CLAIM(median > 2 * CELLS * 0.955 && median < 2 * CELLS);
	got_free(&g);
	store_close(s);
}

/* Bases of random designs against a search in all of it. */
static void
bases_are_right(void)
{
	enum { A = 4, B = 3 };

	for (int round = 0; round < 60; round++) {
		struct store *s = empty_store();
		bool dry[A][B], on[A][B], some_dry = false;
		struct store_stat_told told;
		struct got g;
		size_t row = 1, without = 0;
		int id = 1;

		run_sql(s, "BEGIN");
		for (int a = 0; a < A; a++)
			for (int b = 0; b < B; b++) {
				dry[a][b] = unit_draw(3) > 0;
				/* both are used with some level, so that only config tells */
				on[a][b] = a == b || unit_draw(3) > 0;
				dry[a][b] |= a == b || (a == A - 1 && b == 0);
				on[a][b] |= a == A - 1 && b == 0;
				some_dry |= dry[a][b];
				if (dry[a][b])
					add_run(s, id++, a, b, "dry", 1, 0, 100 + a * 10 + b);
				if (on[a][b])
					add_run(s, id++, a, b, "on", 1, 0, 2 * (100 + a * 10 + b));
			}
		run_sql(s, "COMMIT");
		g = statistics(s, &(struct store_stat_options){ 0 }, &told);
		for (int a = 0; a < A; a++)
			for (int b = 0; b < B; b++) {
				if (dry[a][b])
					CLAIM(*cell(&g, row++, "base") == '\0');
				if (!on[a][b])
					continue;
				CLAIM(value(&g, row, "a") == a && value(&g, row, "b") == b);
				CLAIM(strcmp(cell(&g, row, "base"),
					  dry[a][b] ? "config=dry" : "") == 0);
				CLAIM(dry[a][b] ? value(&g, row, "overhead") == 1
						: *cell(&g, row, "overhead") == '\0');
				without += !dry[a][b];
				row++;
			}
		CLAIM(row == g.rows && some_dry && (without > 0) == (told.note.text[0] != '\0'));
		CLAIM(without == 0 || (size_t)atoi(told.note.text) == without);
		got_free(&g);

		/* a base by name: all others with the same rest */
		g = statistics(s, &(struct store_stat_options){ .base = "a=0" }, NULL);
		for (size_t i = 1; i < g.rows; i++) {
			int a = (int)value(&g, i, "a"), b = (int)value(&g, i, "b");
			bool is_dry = strcmp(cell(&g, i, "config"), "dry") == 0;
			bool has = a != 0 && (is_dry ? dry[0][b] : on[0][b]);

			CLAIM(strcmp(cell(&g, i, "base"), has ? "a=0" : "") == 0);
			CLAIM(!has || near(value(&g, i, "overhead"),
					  (100.0 + a * 10 + b) / (100 + b) - 1, 1e-5));
		}
		got_free(&g);
		store_close(s);
	}
}

/* The same runs, put in in another order, with other numbers: the same bytes. */
static void
order_is_nothing(void)
{
	enum { RUNS = 48 };
	struct buf first[3] = { BUF_INIT, BUF_INIT, BUF_INIT };

	for (int round = 0; round < 6; round++) {
		struct store *s = empty_store();
		struct error e = { "" };
		int which[RUNS];
		struct buf text;

		for (int i = 0; i < RUNS; i++) {
			int k = round ? (int)unit_draw((uint64_t)i + 1) : i;

			which[i] = which[k];
			which[k] = i;
		}
		run_sql(s, "BEGIN");
		for (int i = 0; i < RUNS; i++) {
			int x = which[i];

			add_run(s, i + 1 + round, x % 2, x / 2 % 2, x / 4 % 2 ? "dry" : "on",
			    x / 8 + 1, 0, 100 + (x * 37) % 29);
		}
		run_sql(s, "COMMIT");
		for (int table = 0; table < 3; table++) {
			struct store_out out = { put, &text };
			int result;

			text = BUF_INIT;
			if (table == 0)
				result = store_list(s, &out, NULL, &e);
			else if (table == 1)
				result =
				    store_stat(s, &(struct store_stat_options){ .resamples = 99 },
					&out, NULL, &e);
			else
				result = store_sql(s,
				    "SELECT a, b, config, rep, median(wall_ns) FROM results GROUP "
				    "BY "
				    "1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
				    &out, &e);
			CLAIM(result == 0);
			if (round == 0)
				first[table] = text;
			else
				CLAIM(slice_eq(buf_view(&text), buf_view(&first[table])));
			if (round)
				buf_free(&text);
		}
		store_close(s);
	}
	for (int i = 0; i < 3; i++) {
		CLAIM(first[i].n > 500);
		buf_free(&first[i]);
	}
}

int
main(void)
{
	numbers_are_right();
	equal_is_zero();
	intervals_hold();
	bases_are_right();
	order_is_nothing();
	return 0;
}
