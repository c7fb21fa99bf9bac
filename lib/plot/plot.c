#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "plot/plot.h"
#include "plot/plot_parts.h"

static const char *const kinds[] = { "hist", "cdf", "percentiles", "box", "violin", "bars", "lines",
	"scatter", "heat", "memory", "timeline", "stacked" };

enum plot_kind
plot_kind(struct slice name)
{
	unsigned i = 0;

	while (i < PLOT_KINDS && !slice_eq(name, slice_of(kinds[i])))
		i++;
	return (enum plot_kind)i;
}

const char *
plot_kind_names(void)
{
	return "hist cdf percentiles box violin bars lines scatter heat memory timeline stacked";
}

void
plot_list_parse(struct plot_list *l, struct slice text)
{
	l->n = 0;
	while (text.n > 0) {
		GROW(l->name, l->cap, l->n);
		l->name[l->n++] = slice_cut(&text, ',');
	}
}

struct plot *
plot_new(const struct plot_options *o)
{
	struct plot *p = xcalloc(1, sizeof *p);

	p->o = *o;
	p->name_max = PLOT_NAME_MAX;
	p->key_width = 62;
	p->x = GNUPLOT_AXIS_INIT("x");
	p->y = GNUPLOT_AXIS_INIT("y");
	p->lost = LOSSES_INIT;
	return p;
}

void
plot_free(struct plot *p)
{
	for (size_t i = 0; i < p->tables; i++)
		plot_table_free(p->table[i]);
	for (size_t i = 0; i < p->series_n; i++)
		free(p->series[i].tuple);
	free(p->table);
	free(p->series);
	hash_free(&p->series_set);
	hash_free(&p->texts.set);
	free(p->texts.text);
	arena_free(&p->texts.arena);
	arena_free(&p->arena);
	losses_free(&p->lost);
	buf_free(&p->notes);
	buf_free(&p->head);
	buf_free(&p->data);
	buf_free(&p->draw);
	buf_free(&p->text);
	free(p);
}

struct plot_table *
plot_table_for(struct plot *p, enum kind kind)
{
	struct plot_table *t = plot_table_new(kind, &p->texts, p->base);

	if (kind != KIND_TRACE)
		t->where = p->o.where;
	return t;
}

void
plot_take(struct plot *p, struct plot_table *t, struct slice name)
{
	GROW(p->table, p->table_cap, p->tables);
	t->name = arena_copy(&p->arena, name);
	p->table[p->tables++] = t;
	for (size_t i = 0; i < t->lost.reasons; i++)
		losses_add(&p->lost, t->lost.reason[i].why, t->lost.reason[i].n);
}

/* ---- which columns ---- */

static int
want_groups(struct plot *p, struct plot_table *t, struct error *e)
{
	for (size_t i = 0; i < p->o.by.n; i++)
		if (plot_table_want(t, ROLE_GROUP, p->o.by.name[i], PLOT_TEXT, e) < 0)
			return -1;
	return 0;
}

static bool
has_all(const struct plot_table *t, const char *names)
{
	struct slice rest = slice_of(names);

	while (rest.n > 0)
		if (!plot_table_has(t, slice_cut(&rest, ' ')))
			return false;
	return true;
}

static bool
is_headless(const struct plot_table *t)
{
	return t->kind == KIND_TRACE || t->kind == KIND_EMPTY;
}

static bool
is_table(const struct plot_table *t)
{
	return t->source && t->source->columns > 0;
}

static bool
is_of(const struct plot_list *l, struct slice name)
{
	for (size_t i = 0; i < l->n; i++)
		if (slice_eq(l->name[i], name))
			return true;
	return false;
}

static int
which(const struct plot_table *t, const char *option, struct error *e)
{
	struct buf b = BUF_INIT;

	if (t->kind == KIND_TRACE)
		return error_set(e, "which field of the trace? %s FIELD", option);
	for (unsigned i = 0; t->source && i < t->source->columns; i++) {
		buf_char(&b, ' ');
		buf_slice(&b, t->source->name[i]);
	}
	error_set(e, "which column? %s COLUMN; there are:%s", option, b.n ? buf_str(&b) : " none");
	buf_free(&b);
	return -1;
}

static int
choose_distribution(struct plot *p, struct plot_table *t, struct error *e)
{
	struct slice value = p->o.x.n ? p->o.x : p->o.y.n ? p->o.y.name[0] : SLICE("");

	if (value.n == 0 && is_table(t) && has_all(t, "lo hi count")) {
		if (plot_table_want(t, ROLE_LO, SLICE("lo"), PLOT_NUMBER, e) < 0 ||
		    plot_table_want(t, ROLE_HI, SLICE("hi"), PLOT_NUMBER, e) < 0 ||
		    plot_table_want(t, ROLE_COUNT, SLICE("count"), PLOT_NUMBER, e) < 0)
			return -1;
		if (p->o.by.n > 0)
			return want_groups(p, t, e);
		/* Columns before lo are groups. */
		for (int i = 0; i < table_column(t->source, SLICE("lo")); i++)
			if (plot_table_want(t, ROLE_GROUP, t->source->name[i], PLOT_TEXT, e) < 0)
				return -1;
		return 0;
	}
	if (value.n == 0 && is_table(t) && t->source->columns == 1)
		value = t->source->name[0];
	if (value.n == 0 && t->source == NULL && t->kind != KIND_TRACE)
		value = SLICE("value");
	if (value.n == 0)
		return is_table(t) || t->kind == KIND_TRACE ? which(t, "-x", e) : 0;
	if (plot_table_want(t, ROLE_X, value, PLOT_NUMBER, e) < 0)
		return -1;
	return want_groups(p, t, e);
}

/* What leat compare writes: changes with their intervals, by statistic or by group and statistic. */
static int
choose_compared(struct plot *p, struct plot_table *t, struct error *e)
{
	bool groups = table_column(t->source, SLICE("what")) > 0;

	if (plot_table_want(t, ROLE_X, groups ? t->source->name[0] : SLICE("what"), PLOT_TEXT, e) <
		0 ||
	    plot_table_want(t, ROLE_Y,
		plot_table_has(t, SLICE("ratio")) ? SLICE("ratio") : SLICE("difference"),
		PLOT_MAYBE, e) < 0 ||
	    plot_table_want(t, ROLE_LO, SLICE("lo"), PLOT_MAYBE, e) < 0 ||
	    plot_table_want(t, ROLE_HI, SLICE("hi"), PLOT_MAYBE, e) < 0)
		return -1;
	if (p->o.kind == PLOT_BARS && plot_table_has(t, SLICE("ratio")))
		p->one = true;
	return groups ? plot_table_want(t, ROLE_GROUP, SLICE("what"), PLOT_TEXT, e) : 0;
}

/* x, one y or several, groups, intervals. */
static int
choose_points(struct plot *p, struct plot_table *t, struct error *e)
{
	bool text = p->o.kind == PLOT_BARS || p->o.kind == PLOT_STACKED;
	bool several =
	    p->o.kind == PLOT_LINES || p->o.kind == PLOT_STACKED || p->o.kind == PLOT_BARS;
	enum plot_as as = p->o.y.n > 1 ? PLOT_MAYBE : PLOT_NUMBER;
	struct slice x = p->o.x;
	size_t ys = 0;

	if (t->kind == KIND_EMPTY && x.n == 0)
		return 0;
	if (t->source == NULL && t->kind == KIND_NUMBERS && p->o.x.n == 0)
		return error_set(e, "plain numbers have no x and y: draw them with hist, cdf, "
				    "percentiles, box or violin");
	if (slice_eq(t->type, SLICE("compare")) && x.n == 0 && p->o.y.n == 0 && p->o.by.n == 0)
		return choose_compared(p, t, e);
	if (is_headless(t) && (p->o.y.n == 0 || x.n == 0))
		return which(t, x.n ? "-y" : "-x", e);
	for (unsigned i = 0; x.n == 0 && is_table(t) && i < t->source->columns; i++)
		if (!is_of(&p->o.by, t->source->name[i]) && !is_of(&p->o.y, t->source->name[i]))
			x = t->source->name[i];
	if (x.n == 0)
		return which(t, "-x", e);
	if (plot_table_want(t, ROLE_X, x, text ? PLOT_TEXT : PLOT_NUMBER, e) < 0)
		return -1;
	if (p->o.y.n == 0 && slice_eq(t->type, SLICE("hist-summary"))) {
		static const char *const percentiles[] = { "p50", "p99", "p99.9" };

		for (; ys < sizeof percentiles / sizeof percentiles[0]; ys++)
			if (plot_table_want(t, ROLE_Y, slice_of(percentiles[ys]), PLOT_MAYBE, e) <
			    0)
				return -1;
	}
	for (; ys < p->o.y.n; ys++)
		if (plot_table_want(t, ROLE_Y, p->o.y.name[ys], as, e) < 0)
			return -1;
	for (unsigned i = 0; ys == 0 && is_table(t) && i < t->source->columns; i++) {
		struct slice name = t->source->name[i];

		if (slice_eq(name, x) || is_of(&p->o.by, name) || is_of(&p->o.interval, name))
			continue;
		if (plot_table_want(t, ROLE_Y, name, several ? PLOT_MAYBE : PLOT_NUMBER, e) < 0)
			return -1;
		if (!several)
			break;
	}
	if (plot_table_column(t, ROLE_Y, 0) == NULL)
		return which(t, "-y", e);
	if (p->o.interval.n == 2 &&
	    (plot_table_want(t, ROLE_LO, p->o.interval.name[0], PLOT_MAYBE, e) < 0 ||
		plot_table_want(t, ROLE_HI, p->o.interval.name[1], PLOT_MAYBE, e) < 0))
		return -1;
	return want_groups(p, t, e);
}

static int
choose_heat(struct plot *p, struct plot_table *t, struct error *e)
{
	static const struct {
		unsigned role;
		const char *name;
	} columns[] = { { ROLE_LO, "x_lo" }, { ROLE_X_HI, "x_hi" }, { ROLE_HI, "y_lo" },
		{ ROLE_Y_HI, "y_hi" } };
	struct slice weight = p->o.y.n > 0 ? p->o.y.name[0] : SLICE("count");

	if (t->kind == KIND_EMPTY)
		return 0;
	if (!is_table(t) || !has_all(t, "x_lo x_hi y_lo y_hi"))
		return error_set(e, "no matrix (columns x_lo x_hi y_lo y_hi count): leat heat -x X "
				    "-y Y makes one of a trace");
	for (unsigned i = 0; i < sizeof columns / sizeof columns[0]; i++)
		if (plot_table_want(t, columns[i].role, slice_of(columns[i].name), PLOT_NUMBER, e) <
		    0)
			return -1;
	/* Both ends of a cell are differences to the same base. */
	t->column[1].base = t->column[0].base;
	t->column[3].base = t->column[2].base;
	return plot_table_want(t, ROLE_COUNT, weight, PLOT_NUMBER, e);
}

/* A matrix with the columns reads and writes, and lives in its comments. */
static int
choose_memory(struct plot *p, struct plot_table *t, struct error *e)
{
	if (t->kind == KIND_EMPTY)
		return 0;
	if (!is_table(t) || !has_all(t, "x_lo x_hi y_lo y_hi count reads writes"))
		return error_set(
		    e, "no picture of memory: leat heat --memory makes one of a trace");
	if (choose_heat(p, t, e) < 0 ||
	    plot_table_want(t, ROLE_Y, SLICE("reads"), PLOT_NUMBER, e) < 0 ||
	    plot_table_want(t, ROLE_Y, SLICE("writes"), PLOT_NUMBER, e) < 0)
		return -1;
	return 0;
}

static int
choose_timeline(struct plot *p, struct plot_table *t, struct error *e)
{
	struct slice start = p->o.x.n ? p->o.x : SLICE("t");
	struct slice dur = p->o.y.n ? p->o.y.name[0] : SLICE("dur_ns");
	static const char *const lanes[] = { "tid", "cpu", "pid" };

	if (t->kind == KIND_EMPTY && p->o.x.n == 0)
		return 0;
	if (plot_table_want(t, ROLE_X, start, PLOT_NUMBER, e) < 0 ||
	    plot_table_want(t, ROLE_Y, dur, PLOT_NUMBER, e) < 0)
		return -1;
	if (p->o.lane.n > 0) {
		if (plot_table_want(t, ROLE_LANE, p->o.lane, PLOT_TEXT, e) < 0)
			return -1;
	} else {
		for (unsigned i = 0; i < sizeof lanes / sizeof lanes[0]; i++)
			if (plot_table_has(t, slice_of(lanes[i])) &&
			    plot_table_want(t, ROLE_LANE, slice_of(lanes[i]), PLOT_TEXT, e) < 0)
				return -1;
	}
	if (p->o.by.n == 0)
		return plot_table_has(t, SLICE("name"))
			   ? plot_table_want(t, ROLE_GROUP, SLICE("name"), PLOT_TEXT, e)
			   : 0;
	return want_groups(p, t, e);
}

int
plot_choose(struct plot *p, struct plot_table *t, struct error *e)
{
	switch (p->o.kind) {
	case PLOT_HIST:
	case PLOT_CDF:
	case PLOT_PERCENTILES:
	case PLOT_BOX:
	case PLOT_VIOLIN:
		return choose_distribution(p, t, e);
	case PLOT_HEAT:
		return choose_heat(p, t, e);
	case PLOT_MEMORY:
		return choose_memory(p, t, e);
	case PLOT_TIMELINE:
		return choose_timeline(p, t, e);
	default:
		return choose_points(p, t, e);
	}
}

/* ---- series ---- */

static uint64_t
hash_series(const void *context, uint32_t item)
{
	const struct plot *p = context;

	return hash_bytes(p->series[item].tuple, p->tuple_n * sizeof *p->series[item].tuple);
}

/* dur_ns is "dur" (the unit stands behind it), t is time. */
static struct slice
spoken(struct plot *p, struct slice column)
{
	struct buf b = BUF_INIT;
	struct slice s = column;

	if (slice_eq(s, SLICE("t")))
		return SLICE("time since start");
	if (slice_eq(s, SLICE("addr")))
		return SLICE("address");
	if (slice_eq(s, SLICE("dur_ns")))
		return SLICE("duration");
	if (s.n > 3 && slice_ends(s, SLICE("_ns")))
		s.n -= 3;
	else if (s.n > 6 && slice_ends(s, SLICE("_bytes")))
		s.n -= 6;
	for (size_t i = 0; i < s.n; i++)
		buf_char(&b, s.p[i] == '_' ? ' ' : s.p[i]);
	s = arena_copy(&p->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* What tells this series from the others: the input if there are several, the groups, the column if there are several. */
static struct slice
series_name(struct plot *p, size_t table, size_t row, unsigned y)
{
	const struct plot_table *t = p->table[table];
	struct buf b = BUF_INIT;
	struct slice name;
	const struct plot_column *c;

	if (p->tables > 1 || p->o.names.n > 0)
		buf_slice(&b, t->name);
	for (unsigned i = 0; (c = plot_table_column(t, ROLE_GROUP, i)); i++) {
		uint32_t id = c->text[row];
		double number;

		if (b.n > 0)
			buf_slice(&b, SLICE(", "));
		/* "3" says nothing, "cpu 3" does. */
		if (id == PLOT_NO_TEXT) {
			buf_printf(&b, "no %.*s", SLICE_ARG(c->name));
			continue;
		}
		if (num_f64(p->texts.text[id], &number) == 0) {
			buf_slice(&b, c->name);
			buf_char(&b, ' ');
		}
		buf_slice(&b, p->texts.text[id]);
	}
	if (plot_table_column(t, ROLE_Y, 1)) {
		if (b.n > 0)
			buf_slice(&b, SLICE(", "));
		buf_slice(&b, spoken(p, plot_table_column(t, ROLE_Y, y)->name));
	}
	name = arena_copy(&p->arena, buf_view(&b));
	buf_free(&b);
	return name;
}

size_t
plot_series_of(struct plot *p, size_t table, size_t row, unsigned y)
{
	const struct plot_table *t = p->table[table];
	const struct plot_column *c;
	uint32_t tuple[2 + PLOT_ROLES];
	unsigned n = 0;
	uint64_t h;

	memset(tuple, 0, sizeof tuple);
	tuple[n++] = (uint32_t)table;
	tuple[n++] = y;
	for (unsigned i = 0; i < PLOT_ROLES && (c = plot_table_column(t, ROLE_GROUP, i)); i++)
		tuple[n++] = c->text[row];
	n = 2 + PLOT_ROLES;
	p->tuple_n = n;
	h = hash_bytes(tuple, n * sizeof tuple[0]);
	for (struct hash_probe at = hash_first(&p->series_set, h); hash_found(&p->series_set, &at);
	     hash_next(&p->series_set, &at))
		if (memcmp(p->series[at.item].tuple, tuple, n * sizeof tuple[0]) == 0)
			return at.item;
	GROW(p->series, p->series_cap, p->series_n);
	p->series[p->series_n].tuple = xcalloc(n, sizeof tuple[0]);
	memcpy(p->series[p->series_n].tuple, tuple, n * sizeof tuple[0]);
	p->series[p->series_n].name = series_name(p, table, row, y);
	hash_add(&p->series_set, h, (uint32_t)p->series_n, hash_series, p);
	return p->series_n++;
}

/* ---- what figures share ---- */

void
plot_note(struct plot *p, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	buf_slice(&p->notes, slice_of(text));
	buf_char(&p->notes, '\n');
}

void
plot_put_count(struct buf *b, double n)
{
	char digits[64];
	int length = snprintf(digits, sizeof digits, "%.0f", n);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			buf_char(b, ',');
		buf_char(b, digits[i]);
	}
}

struct buf *
plot_next(struct plot *p)
{
	buf_slice(&p->draw, p->draw.n ? SLICE(", \\\n\t") : SLICE("plot "));
	return &p->draw;
}

/* Columns of summaries and comparisons that are not in the unit of what was measured. */
static bool
is_bare(struct slice name)
{
	static const char *const bare[] = { "count", "nan", "runs_A", "runs_B", "ratio", "p", "q",
		"runs", "failed", "overhead", "overhead_lo", "overhead_hi" };

	for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++)
		if (slice_eq(name, slice_of(bare[i])))
			return true;
	return false;
}

enum gnuplot_unit
plot_unit(const struct plot_table *t, const struct plot_column *c)
{
	enum gnuplot_unit unit = c->base->hex ? GNUPLOT_ADDRESS : gnuplot_unit_of_field(c->name);
	struct slice word = { NULL, 0 };

	if (t->source && t->source->columns > 0 && t->type.n > 0 && !is_bare(c->name))
		word = table_word(t->source, SLICE("unit"));
	/* (a share is a share, whatever its row is in) */
	if (word.n == 0 && t->unit.n > 0 && !is_bare(c->name))
		word = t->unit;
	return unit == GNUPLOT_NONE && word.n > 0 ? gnuplot_unit(word) : unit;
}

struct slice
plot_y_name(const struct plot_table *t, const struct plot_column *y)
{
	if (plot_table_column(t, ROLE_Y, 1) == NULL)
		return slice_eq(t->type, SLICE("compare")) && slice_eq(y->name, SLICE("ratio"))
			   ? SLICE("ratio B / A")
			   : y->name;
	/* Of several only the table can say what they have in common. */
	return t->source && t->source->columns > 0 ? table_word(t->source, SLICE("key"))
						   : SLICE("");
}

void
plot_label(struct plot *p, struct gnuplot_axis *a, struct slice column)
{
	struct slice given = a == &p->x ? p->o.x_label : p->o.y_label;

	a->label = given.p ? given : spoken(p, column);
	a->plain = false;
}

static int
range_end(const struct gnuplot_axis *a, struct slice s, const char *option, bool *has, double *v,
    struct error *e)
{
	uint64_t n;

	if (s.n == 0)
		return 0;
	*has = true;
	if (num_f64(s, v) == 0)
		return 0;
	if ((a->unit == GNUPLOT_NS ? num_duration(s, &n) : num_size(s, &n)) == 0 ||
	    num_any(s, &n) == 0) {
		*v = a->unit == GNUPLOT_ADDRESS ? (double)((__int128)n - (__int128)a->base)
						: (double)n;
		return 0;
	}
	return error_set(e, "%s: %.*s is no number%s", option, SLICE_ARG(s),
	    a->unit == GNUPLOT_NS ? " with a unit of time" : "");
}

int
plot_range(struct plot *p, struct gnuplot_axis *a, const struct plot_range *r, const char *option,
    struct error *e)
{
	(void)p;
	if (range_end(a, r->min, option, &a->has_min, &a->min, e) < 0 ||
	    range_end(a, r->max, option, &a->has_max, &a->max, e) < 0)
		return -1;
	if (a->log && ((a->has_min && a->min <= 0) || (a->has_max && a->max <= 0)))
		return error_set(e, "%s: a logarithmic axis has no numbers below or at 0", option);
	if (a->has_min && a->has_max && !(a->min < a->max))
		return error_set(e, "%s: the first end is not below the second", option);
	return 0;
}

double
plot_value(const struct plot_column *c, size_t row, bool relative)
{
	return relative ? c->v[row] : c->v[row] + (double)c->base->base;
}

void
plot_key_room(struct plot *p, size_t labels)
{
	double left = 62 - 1.7 * ((double)labels - 4);

	p->key_width = labels < 4 ? 62 : left < 20 ? 20 : (size_t)left;
}

void
plot_key_of(struct plot *p, size_t n, size_t longest)
{
	enum { SAMPLE = 7 };
	/* Names may be cut in order to keep the legend above the graph. */
	static const struct {
		size_t name, rows;
	} tries[] = { { PLOT_NAME_MAX, 3 }, { 20, 3 }, { 14, 8 } };
	size_t columns = 0, rows = 0;

	for (size_t i = 0; n > 0 && i < sizeof tries / sizeof tries[0]; i++) {
		p->name_max = tries[i].name;
		columns = p->key_width / ((longest < p->name_max ? longest : p->name_max) + SAMPLE);
		columns = columns > n ? n : columns ? columns : 1;
		rows = (n + columns - 1) / columns;
		if (rows <= tries[i].rows)
			break;
		rows = 0;
	}
	if (n == 0 || longest == 0) {
		buf_slice(&p->head, SLICE("unset key\n"));
	} else if (rows > 0) {
		p->o.page.key_rows = (unsigned)rows;
		p->o.page.side_rows += rows > 3 ? (unsigned)rows : 0;
		p->o.page.key_columns = (unsigned)columns;
	} else {
		/* At the side, where a long legend makes the picture higher. */
		p->name_max = PLOT_SIDE_NAME_MAX;
		p->o.page.side_rows = (unsigned)n;
		buf_printf(&p->head,
		    "set key outside right top vertical Left reverse samplen 1.5 spacing 1.05 "
		    "font ',%g'\n",
		    gnuplot_small(&p->o.page));
	}
}

void
plot_key(struct plot *p, size_t series)
{
	size_t longest = 0;

	for (size_t i = 0; i < p->series_n; i++) {
		size_t n = gnuplot_length(p->series[i].name);

		longest = n > longest ? n : longest;
	}
	plot_key_of(p, series, longest);
}

void
plot_categories(struct plot *p, const struct slice *name, size_t n)
{
	size_t sum = 0, every = 1;
	enum { WIDTH = 56, MOST = 40, TURNED = 20 };

	for (size_t i = 0; i < n; i++) {
		size_t length = gnuplot_length(name[i]);

		sum += (length > PLOT_NAME_MAX ? PLOT_NAME_MAX : length) + 2;
	}
	if (n > MOST)
		every = (n + MOST - 1) / MOST;
	if (sum > WIDTH)
		buf_slice(&p->head, n <= 12 ? SLICE("set xtics rotate by 35 right\n")
					    : SLICE("set xtics rotate by 90 right\n"));
	buf_slice(&p->head, SLICE("set xtics scale 0 ("));
	for (size_t i = 0; i < n; i += every) {
		if (i > 0)
			buf_slice(&p->head, SLICE(", "));
		gnuplot_quote_tick(&p->head, name[i], sum > WIDTH ? TURNED : PLOT_NAME_MAX);
		buf_printf(&p->head, " %zu", i);
	}
	buf_printf(&p->head, ")\nset xrange [-0.6:%g]\n", (double)n - 0.4);
	buf_slice(&p->head, SLICE("set grid noxtics\n"));
}

/* ---- the script ---- */

static void
note_losses(struct plot *p)
{
	struct buf b = BUF_INIT;
	double n = 0;

	for (size_t i = 0; i < p->lost.reasons; i++)
		n += (double)p->lost.reason[i].n;
	if (n == 0)
		return;
	buf_slice(&b, SLICE("lost: "));
	plot_put_count(&b, n);
	buf_slice(&b, SLICE(" ("));
	for (size_t i = 0; i < p->lost.reasons; i++) {
		buf_slice(&b, i ? SLICE(", ") : SLICE(""));
		buf_slice(&b, p->lost.reason[i].why);
		if (p->lost.reasons > 1) {
			buf_char(&b, ' ');
			plot_put_count(&b, (double)p->lost.reason[i].n);
		}
	}
	buf_slice(&b, SLICE(")\n"));
	/* First, whatever else there is to say. */
	buf_slice(&b, buf_view(&p->notes));
	p->notes.n = 0;
	buf_slice(&p->notes, buf_view(&b));
	buf_free(&b);
}

/* Rows of tables without a number where one should be; records of other types are no part of a figure. */
static void
note_missing(struct plot *p)
{
	struct buf b = BUF_INIT;
	double n = 0;

	for (size_t i = 0; i < p->tables; i++)
		if (p->table[i]->kind != KIND_TRACE)
			n += (double)p->table[i]->passed;
	plot_put_count(&b, n);
	if (n > 0)
		plot_note(p, "%s rows without a value", buf_str(&b));
	buf_free(&b);
}

/* Nothing to draw: axes, and two words in the middle. */
static void
no_data(struct plot *p)
{
	p->head.n = p->data.n = 0;
	buf_slice(&p->head,
	    SLICE("unset key\nset xrange [0:1]\nset yrange [0:1]\nset tics format ''\nunset grid\n"
		  "set label 1 'no data' at graph 0.5, graph 0.5 center\n"));
	buf_slice(&p->draw, SLICE("plot NaN"));
}

/* Where gnuplot may find that it writes to a terminal, it draws what was made for one. */
static void
put_drawing(struct plot *p, struct buf *to)
{
	bool text = p->text.n > 0,
	     may_be_text = p->o.page.guess || p->o.page.terminal == GNUPLOT_DUMB;

	/* There, a grid is of the same characters as the data. */
	if (may_be_text)
		buf_slice(to, SLICE("if (GPVAL_TERM eq 'dumb') unset grid\n"));
	if (text && may_be_text) {
		buf_slice(to, SLICE("if (GPVAL_TERM eq 'dumb') {\n"));
		buf_slice(to, buf_view(&p->text));
		buf_slice(to, SLICE("} else {\n"));
	}
	buf_slice(to, buf_view(&p->draw));
	buf_slice(to, text && may_be_text ? SLICE("\n}\n") : SLICE("\n"));
}

int
plot_write(struct plot *p, struct buf *to, struct error *e)
{
	int r;

	switch (p->o.kind) {
	case PLOT_HEAT:
		r = plot_heat(p, e);
		break;
	case PLOT_MEMORY:
		r = plot_memory(p, e);
		break;
	case PLOT_TIMELINE:
		r = plot_timeline(p, e);
		break;
	case PLOT_LINES:
	case PLOT_SCATTER:
		r = plot_points(p, e);
		break;
	case PLOT_BARS:
	case PLOT_STACKED:
		r = plot_bars(p, e);
		break;
	default:
		r = plot_distribution(p, e);
	}
	if (r < 0)
		return -1;
	note_missing(p);
	if (p->draw.n == 0)
		no_data(p);
	note_losses(p);
	p->o.page.notes = buf_str(&p->notes);
	gnuplot_begin(to, &p->o.page);
	buf_slice(to, buf_view(&p->head));
	buf_slice(to, buf_view(&p->data));
	put_drawing(p, to);
	gnuplot_end(to, &p->o.page);
	return 0;
}
