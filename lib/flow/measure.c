#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "flow/group.h"
#include "flow/measure.h"

enum { FIELDS_SHOWN = 200 };

struct measure_parts {
	struct group *group;
	struct hist **hist; /* of each group */
	size_t hist_cap;
	uint32_t hists;

	/* The rows of a block by group. */
	uint32_t *start;
	size_t start_cap;
	uint64_t *sorted;
	size_t sorted_cap;

	/* Of the present table. */
	int column, weight;
	int *by;
	struct slice *label;

	enum numbers_kind kind; /* of the values that wait */
	struct hist *of;        /* where they belong */
	size_t n;
	uint64_t value[1024];
};

struct measure *
measure_new(const struct measure_options *o)
{
	struct measure *m = xcalloc(1, sizeof *m);

	m->o = *o;
	m->parts = xcalloc(1, sizeof *m->parts);
	m->parts->group = group_new(o->by, o->bys);
	m->parts->by = xcalloc(o->bys + 1, sizeof *m->parts->by);
	m->parts->label = xcalloc(o->bys + 1, sizeof *m->parts->label);
	return m;
}

void
measure_free(struct measure *m)
{
	struct measure_parts *p = m->parts;

	group_free(p->group);
	free(p->hist);
	free(p->start);
	free(p->sorted);
	free(p->by);
	free(p->label);
	free(p);
	histogram_free(&m->h);
	buf_free(&m->fields);
	free(m);
}

/* The histogram begins, or goes on with what fits to it. */
static int
begin(struct measure *m, struct slice key, struct slice unit, struct error *e)
{
	key = m->o.key.p ? m->o.key : key;
	unit = unit.n ? unit : histogram_unit(key);
	if (!m->h.set_up)
		histogram_begin(&m->h, key, unit, m->o.by, m->o.bys, &m->o.scheme);
	if (m->h.bys != m->o.bys)
		return error_set(
		    e, "the histogram that was read first has groups: -b says the same here");
	if (!slice_eq(unit, m->h.unit))
		return error_set(e,
		    "values of %.*s%s%.*s cannot be added to a histogram of %.*s%s%.*s",
		    SLICE_ARG(key), unit.n ? " in " : "", SLICE_ARG(unit), SLICE_ARG(m->h.key),
		    m->h.unit.n ? " in " : "", SLICE_ARG(m->h.unit));
	return 0;
}

static void
wrong(struct measure *m, const char *why, uint64_t n, const struct error *what)
{
	if (m->first.text[0] == '\0')
		m->first = *what;
	m->wrong += n;
	histogram_lost(&m->h, slice_of(why), n);
}

/* ---- traces ---- */

static struct slice
trace_key(const struct measure *m)
{
	return m->o.key.p ? m->o.key : SLICE("dur_ns");
}

static bool
is_number(enum trace_kind kind)
{
	return kind == TRACE_INT || kind == TRACE_BIG || kind == TRACE_ADDR || kind == TRACE_NUM;
}

/* What could have been meant. */
static void
remember_fields(struct measure *m, const struct trace_shape *shape)
{
	for (unsigned f = 0; f < shape->fields && m->fields.n < FIELDS_SHOWN; f++) {
		struct buf word = BUF_INIT;

		if (!is_number(shape->field[f].kind))
			continue;
		buf_printf(&word, " %.*s ", SLICE_ARG(shape->field[f].name));
		buf_char(&m->fields, ' ');
		if (memmem(m->fields.p, m->fields.n, word.p, word.n) == NULL)
			buf_put(&m->fields, word.p + 1, word.n - 2);
		else
			m->fields.n--;
		buf_free(&word);
	}
}

static void
add_words(struct hist *h, enum trace_kind kind, const uint64_t *v, size_t n)
{
	if (kind == TRACE_INT)
		hist_add_i64s(h, (const int64_t *)v, n);
	else if (kind == TRACE_NUM)
		hist_add_f64s(h, v, n);
	else
		hist_add_u64s(h, v, n);
}

static void
add_word(struct hist *h, enum trace_kind kind, uint64_t v, uint64_t n)
{
	double d;

	switch (kind) {
	case TRACE_INT:
		hist_add_i64(h, (int64_t)v, n);
		break;
	case TRACE_NUM:
		memcpy(&d, &v, sizeof d);
		hist_add_f64(h, d, n);
		break;
	default:
		hist_add_u64(h, v, n);
	}
}

static struct hist *
hist_of(struct measure *m, uint32_t group)
{
	struct measure_parts *p = m->parts;

	for (; p->hists <= group; p->hists++) {
		GROW(p->hist, p->hist_cap, p->hists);
		p->hist[p->hists] =
		    histogram_group(&m->h, m->o.bys ? group_label(p->group, p->hists) : NULL);
	}
	return p->hist[group];
}

/* Sorts the values by group, so that each group's are added at once. */
static void
add_grouped(
    struct measure *m, enum trace_kind kind, const uint64_t *v, const uint32_t *row, uint32_t n)
{
	struct measure_parts *p = m->parts;
	uint32_t groups = group_count(p->group), at = 0;

	if (groups > n) {
		for (uint32_t i = 0; i < n; i++)
			add_word(hist_of(m, row[i]), kind, v[i], 1);
		return;
	}
	GROW(p->start, p->start_cap, groups);
	GROW(p->sorted, p->sorted_cap, n);
	memset(p->start, 0, (groups + 1) * sizeof *p->start);
	for (uint32_t i = 0; i < n; i++)
		p->start[row[i] + 1]++;
	for (uint32_t g = 0; g < groups; g++)
		p->start[g + 1] += p->start[g];
	for (uint32_t i = 0; i < n; i++)
		p->sorted[p->start[row[i]]++] = v[i];
	for (uint32_t g = 0; g < groups; g++) {
		if (p->start[g] > at)
			add_words(hist_of(m, g), kind, p->sorted + at, p->start[g] - at);
		at = p->start[g];
	}
}

static bool
trace_weight(enum trace_kind kind, uint64_t word, uint64_t *weight)
{
	double d;

	*weight = word;
	if (kind == TRACE_INT)
		return (int64_t)word >= 0;
	if (kind != TRACE_NUM)
		return kind == TRACE_BIG;
	memcpy(&d, &word, sizeof d);
	if (!(d >= 0 && d < 0x1p63) || d != (double)(uint64_t)d)
		return false;
	*weight = (uint64_t)d;
	return true;
}

static void
add_weighted(struct measure *m, struct trace_block *b, unsigned s, enum trace_kind kind,
    const uint64_t *v, const uint32_t *row)
{
	const struct trace_shape *shape = b->shape[s];
	int f = trace_field_index(shape, m->o.weight);
	enum trace_kind weight_kind = f < 0 ? TRACE_STR : shape->field[f].kind;
	const uint64_t *weight = f < 0 ? NULL : trace_column(b, s, (unsigned)f);
	uint64_t bad = 0;
	struct error what;

	for (uint32_t i = 0; i < b->rows[s]; i++) {
		uint64_t n;

		if (weight && trace_weight(weight_kind, weight[i], &n))
			add_word(hist_of(m, row ? row[i] : 0), kind, v[i], n);
		else
			bad++;
	}
	if (bad == 0)
		return;
	error_set(&what, "a record of %.*s has no whole number as weight in %.*s",
	    SLICE_ARG(shape->type), SLICE_ARG(m->o.weight));
	wrong(m, "not-a-weight", bad, &what);
}

static void
add_lost(struct measure *m, struct trace_block *b, unsigned s)
{
	int n = trace_field_of(b->shape[s], SLICE("n"), TRACE_INT);
	int why = trace_field_of(b->shape[s], SLICE("why"), TRACE_STR);

	for (uint32_t row = 0; row < b->rows[s]; row++) {
		int64_t count = n < 0 ? 1 : (int64_t)trace_column(b, s, (unsigned)n)[row];

		histogram_lost(&m->h,
		    why < 0 ? SLICE("unknown") : trace_block_value(b, s, (unsigned)why, row).s,
		    count < 0 ? 1 : (uint64_t)count);
	}
}

static int
add_shape(struct measure *m, struct trace_block *b, unsigned s, struct error *e)
{
	const struct trace_shape *shape = b->shape[s];
	struct slice key = trace_key(m);
	int f = trace_field_index(shape, key);
	enum trace_kind kind = f < 0 ? TRACE_STR : shape->field[f].kind;
	const uint32_t *row = NULL;
	const uint64_t *v;
	struct error what;

	m->records += b->rows[s];
	if (f < 0) {
		m->h.without += b->rows[s];
		remember_fields(m, shape);
		return 0;
	}
	if (!is_number(kind)) {
		error_set(&what, "the field %.*s of %.*s is a %s, no number", SLICE_ARG(key),
		    SLICE_ARG(shape->type), trace_kind_name(kind));
		wrong(m, "not-a-number", b->rows[s], &what);
		return 0;
	}
	if (begin(m, key, kind == TRACE_ADDR ? SLICE("addr") : SLICE(""), e) < 0)
		return -1;
	if (m->o.bys > 0 && (row = group_rows(m->parts->group, b, s, &what)) == NULL) {
		wrong(m, "no-group", b->rows[s], &what);
		return 0;
	}
	v = trace_column(b, s, (unsigned)f);
	if (m->o.weight.p)
		add_weighted(m, b, s, kind, v, row);
	else if (row)
		add_grouped(m, kind, v, row, b->rows[s]);
	else
		add_words(hist_of(m, 0), kind, v, b->rows[s]);
	return 0;
}

int
measure_block(struct measure *m, struct trace_block *b, struct error *e)
{
	for (unsigned s = 0; s < b->shapes; s++) {
		if (b->rows[s] == 0)
			continue;
		if (slice_eq(b->shape[s]->type, SLICE("lost")))
			add_lost(m, b, s);
		if (!trace_is_ledger(b->shape[s]) && !trace_is_state(b->shape[s]) &&
		    add_shape(m, b, s, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- numbers and tables ---- */

static void
add_numbers(struct hist *h, enum numbers_kind kind, const void *values, size_t n)
{
	switch (kind) {
	case NUMBERS_UNSIGNED:
		hist_add_u64s(h, values, n);
		break;
	case NUMBERS_SIGNED:
		hist_add_i64s(h, values, n);
		break;
	case NUMBERS_REAL:
		hist_add_f64s(h, values, n);
		break;
	}
}

int
measure_numbers(struct measure *m, const struct numbers_batch *batch, struct error *e)
{
	if (m->o.bys > 0)
		return error_set(e, "plain numbers have no groups");
	if (begin(m, SLICE("value"), SLICE(""), e) < 0)
		return -1;
	m->records += batch->n;
	add_numbers(m->h.group[0].hist, batch->kind, batch->u, batch->n);
	return 0;
}

static int
find_column(
    const struct table *t, struct slice name, const char *hint, int *column, struct error *e)
{
	struct buf names = BUF_INIT;

	*column = table_column(t, name);
	if (*column >= 0)
		return 0;
	for (unsigned i = 0; i < t->columns && names.n < FIELDS_SHOWN; i++)
		buf_printf(&names, " %.*s", SLICE_ARG(t->name[i]));
	error_set(e, "no column %.*s%s; there are:%s", SLICE_ARG(name), hint, buf_str(&names));
	buf_free(&names);
	return -1;
}

int
measure_table(struct measure *m, const struct table *t, struct error *e)
{
	struct measure_parts *p = m->parts;
	struct slice name = m->o.column.p ? m->o.column : trace_key(m);

	if (m->o.column.p == NULL && m->o.key.p == NULL && t->columns == 1)
		name = t->name[0];
	if (find_column(
		t, name, m->o.column.p || m->o.key.p ? "" : " (-c selects one)", &p->column, e) < 0)
		return -1;
	p->weight = -1;
	if (m->o.weight.p && find_column(t, m->o.weight, "", &p->weight, e) < 0)
		return -1;
	for (unsigned i = 0; i < m->o.bys; i++)
		if (find_column(t, m->o.by[i], "", &p->by[i], e) < 0)
			return -1;
	return begin(m, t->name[p->column], SLICE(""), e);
}

/* Values of one group and kind are added together. */
static void
flush(struct measure_parts *p)
{
	if (p->n > 0)
		add_numbers(p->of, p->kind, p->value, p->n);
	p->n = 0;
}

static void
wait_value(struct measure_parts *p, struct hist *h, enum numbers_kind kind, uint64_t bits)
{
	if (p->of != h || p->kind != kind || p->n == sizeof p->value / sizeof *p->value)
		flush(p);
	p->of = h;
	p->kind = kind;
	p->value[p->n++] = bits;
}

void
measure_row(struct measure *m, const struct table *t)
{
	struct measure_parts *p = m->parts;
	struct slice cell = slice_trim(t->cell[p->column]);
	enum numbers_kind kind;
	uint64_t bits, weight = 1;
	struct error what;
	struct hist *h;

	m->records++;
	if (cell.n == 0 || slice_eq(cell, SLICE("-")) || slice_eq(cell, SLICE("NA"))) {
		m->h.missing++;
		return;
	}
	if (numbers_parse(cell, &kind, &bits) < 0) {
		if (m->first.text[0] == '\0')
			error_set(&what, "%" PRIu64 ": \"%.*s\" is no number", t->line,
			    (int)(cell.n < 40 ? cell.n : 40), cell.p);
		wrong(m, "not-a-number", 1, &what);
		return;
	}
	if (p->weight >= 0 && num_u64(slice_trim(t->cell[p->weight]), &weight) < 0) {
		if (m->first.text[0] == '\0')
			error_set(&what, "%" PRIu64 ": the weight is no whole number", t->line);
		wrong(m, "not-a-weight", 1, &what);
		return;
	}
	for (unsigned i = 0; i < m->o.bys; i++)
		p->label[i] = t->cell[p->by[i]];
	h = m->o.bys ? histogram_group(&m->h, p->label) : m->h.group[0].hist;
	if (weight == 1)
		wait_value(p, h, kind, bits);
	else
		add_word(h,
		    kind == NUMBERS_REAL     ? TRACE_NUM
		    : kind == NUMBERS_SIGNED ? TRACE_INT
					     : TRACE_BIG,
		    bits, weight);
}

void
measure_table_end(struct measure *m, const struct table *t)
{
	uint64_t n;

	flush(m->parts);
	for (size_t i = 0; i < t->words; i++) {
		const struct table_word *w = &t->word[i];
		bool why =
		    i + 1 < t->words && w[1].line == w->line && slice_eq(w[1].key, SLICE("why"));

		if (slice_eq(w->key, SLICE("lost")) && num_u64(w->value, &n) == 0)
			histogram_lost(&m->h, why ? w[1].value : SLICE("unknown"), n);
	}
}

/* ---- */

int
measure_histogram(struct measure *m, const struct histogram *h, struct error *e)
{
	if (!m->h.set_up && !m->o.any_scheme && !hist_same_scheme(&h->scheme, &m->o.scheme))
		return error_set(e, "this histogram has other bins than those that were asked for");
	if (!m->h.set_up && m->o.bys > 0 && m->o.bys != h->bys)
		return error_set(e, "this histogram is not by the columns that were asked for");
	for (unsigned i = 0; i < h->bys && !m->h.set_up && m->o.bys > 0; i++)
		if (!slice_eq(h->by[i], m->o.by[i]))
			return error_set(e, "this histogram is by %.*s and not by %.*s",
			    SLICE_ARG(h->by[i]), SLICE_ARG(m->o.by[i]));
	m->records++;
	return histogram_merge(&m->h, h, e);
}

struct histogram *
measure_end(struct measure *m)
{
	flush(m->parts);
	if (!m->h.set_up)
		begin(m, trace_key(m), SLICE(""), NULL);
	histogram_sort(&m->h);
	return &m->h;
}
