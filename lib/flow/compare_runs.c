#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "flow/compare_runs.h"
#include "form/table.h"

enum { READ_BYTES = 256 << 10 };

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct compare_runs *r = context;

	return hash_bytes(r->group[item].label.p, r->group[item].label.n);
}

/* The run of this file in the group, made where it is new; files come one after the other. */
static struct compare_run *
run_of(struct compare_runs *r, struct slice label, unsigned side)
{
	uint64_t h = hash_bytes(label.p, label.n);
	struct hash_probe at = hash_first(&r->set, h);
	struct compare_side *s;
	struct compare_group *g = NULL;

	for (; hash_found(&r->set, &at); hash_next(&r->set, &at))
		if (slice_eq(r->group[at.item].label, label)) {
			g = &r->group[at.item];
			break;
		}
	if (g == NULL) {
		GROW(r->group, r->group_cap, r->groups);
		g = &r->group[r->groups];
		*g = (struct compare_group){ .label = arena_copy(&r->arena, label) };
		hash_add(&r->set, h, (uint32_t)r->groups++, rehash, r);
	}
	s = &g->side[side];
	if (s->runs == 0 || s->run[s->runs - 1].file != r->files[side]) {
		GROW(s->run, s->cap, s->runs);
		s->run[s->runs++] = (struct compare_run){ .file = r->files[side] };
	}
	return &s->run[s->runs - 1];
}

static void
bad_line(struct compare_runs *r, const char *what)
{
	if (r->first_bad.text[0] == '\0')
		error_set(&r->first_bad, "%s", what);
	r->bad++;
	losses_add(&r->losses, SLICE("bad-line"), 1);
}

static bool
number(struct slice s, double *v)
{
	uint64_t n;

	s = slice_trim(s);
	if (num_f64(s, v) == 0)
		return isfinite(*v);
	if (num_any(s, &n) < 0)
		return false;
	*v = (double)n;
	return true;
}

static void
add(struct compare_run *run, double v)
{
	GROW(run->value, run->cap, run->n);
	run->value[run->n++] = v;
}

static int
read_numbers(struct compare_runs *r, unsigned side, const struct kind_input *in, struct error *e)
{
	struct buf b = BUF_INIT;
	struct compare_run *run = NULL;
	uint64_t line = 0;
	ssize_t got;

	buf_put(&b, in->first, in->n);
	do {
		struct slice rest;

		got = io_read(in->fd, buf_room(&b, READ_BYTES), READ_BYTES);
		if (got < 0) {
			buf_free(&b);
			return error_set(e, "%s", strerror(errno));
		}
		b.n += (size_t)got;
		rest = buf_view(&b);
		while (rest.n > 0 && (got == 0 || memchr(rest.p, '\n', rest.n))) {
			struct slice one = slice_cut(&rest, '\n');
			double v;

			line++;
			if (one.n > 0 && one.p[one.n - 1] == '\r')
				one.n--;
			if (slice_trim(one).n == 0 || one.p[0] == '#')
				continue;
			if (number(one, &v)) {
				run = run ? run : run_of(r, SLICE(""), side);
				add(run, v);
			} else {
				struct error what;

				error_set(&what, "%" PRIu64 ": no number", line);
				bad_line(r, what.text);
			}
		}
		memmove(b.p, rest.p, rest.n);
		b.n = rest.n;
	} while (got > 0);
	buf_free(&b);
	return 0;
}

/* "no column x; there are: a, b, c" */
static int
no_column(const struct table *t, struct slice name, struct error *e)
{
	struct buf b = BUF_INIT;

	if (name.p == NULL)
		buf_printf(&b, "a table: -c says which column;");
	else
		buf_printf(&b, "no column %.*s;", SLICE_ARG(name));
	buf_printf(&b, " there are");
	for (unsigned i = 0; i < t->columns; i++)
		buf_printf(&b, "%s %.*s", i ? "," : ":", SLICE_ARG(t->name[i]));
	error_set(e, "%s", buf_str(&b));
	buf_free(&b);
	return -1;
}

/* What the name of a field says of its unit. */
static struct slice
unit_of(struct slice name)
{
	if (slice_eq(name, SLICE("t")) || slice_ends(name, SLICE("_ns")))
		return SLICE("ns");
	if (slice_eq(name, SLICE("size")) || slice_ends(name, SLICE("_size")) ||
	    slice_ends(name, SLICE("_bytes")))
		return SLICE("bytes");
	return SLICE("");
}

static void
table_losses(struct compare_runs *r, const struct table *t)
{
	for (size_t i = 0; i + 1 < t->words; i++) {
		const struct table_word *w = &t->word[i];
		uint64_t n;

		if (slice_eq(w->key, SLICE("lost")) && num_u64(w->value, &n) == 0 && n > 0 &&
		    w[1].line == w->line && slice_eq(w[1].key, SLICE("why")))
			losses_add(&r->losses, w[1].value, n);
	}
}

static int
read_rows(struct compare_runs *r, unsigned side, struct table *t, struct error *e)
{
	struct buf label = BUF_INIT;
	struct where *where = &r->where[side];
	bool again = r->one_table && side == 1;
	struct slice unit, word;
	int column, *by = xcalloc(r->bys + 1, sizeof *by), got;

	got = table_header(t);
	if (got <= 0) {
		free(by);
		return error_set(e, "%s", got < 0 ? t->error.text : "no table");
	}
	column = r->column.p ? table_column(t, r->column) : -1;
	if (column < 0) {
		free(by);
		return no_column(t, r->column, e);
	}
	for (unsigned i = 0; i < r->bys; i++)
		if ((by[i] = table_column(t, r->by[i])) < 0) {
			got = no_column(t, r->by[i], e);
			free(by);
			return got;
		}
	if (where_table(where, t, e) < 0) {
		free(by);
		return -1;
	}
	unit = unit_of(t->name[column]);
	word = table_word(t, SLICE("unit"));
	if (unit.n == 0 && word.p)
		unit = word;
	if (r->unit.n == 0)
		r->unit = arena_copy(&r->arena, unit);
	while ((got = table_next(t)) != 0) {
		struct error what;
		double v;

		if (got < 0) {
			if (table_failed(t))
				break;
			if (!again)
				bad_line(r, t->error.text);
			continue;
		}
		if (!where_row(where, t))
			continue;
		if (!number(t->cell[column], &v)) {
			error_set(&what, "%" PRIu64 ": column %.*s holds no number: '%.*s'",
			    t->line, SLICE_ARG(t->name[column]), SLICE_ARG(t->cell[column]));
			bad_line(r, what.text);
			continue;
		}
		label.n = 0;
		for (unsigned i = 0; i < r->bys; i++) {
			if (i > 0)
				buf_char(&label, '\t');
			table_put_cell(&label, t->cell[by[i]]);
		}
		add(run_of(r, buf_view(&label), side), v);
	}
	if (!again)
		table_losses(r, t);
	if (got < 0 && !again)
		bad_line(r, t->error.text);
	buf_free(&label);
	free(by);
	return where_end(where, e);
}

static int
read_histogram(struct compare_runs *r, unsigned side, const struct kind_input *in, struct error *e)
{
	struct buf label = BUF_INIT;
	struct histogram *h;

	/* Runs point into histograms that stay where they are: only the array of these structs moves. */
	GROW(r->histogram, r->histogram_cap, r->histograms);
	h = &r->histogram[r->histograms++];
	*h = HISTOGRAM_INIT;
	if (histogram_read(h, in->fd, in->first, in->n, e) < 0)
		return -1;
	if (r->histograms == 1) {
		r->unit = h->unit;
		r->by = h->by;
		r->bys = h->bys;
	}
	if (h->bys != r->bys || !slice_eq(h->unit, r->unit))
		return error_set(e, "another %s than that of the file before",
		    h->bys != r->bys ? "number of group columns" : "unit");
	for (unsigned i = 0; i < h->bys; i++)
		if (!slice_eq(h->by[i], r->by[i]))
			return error_set(e, "other group columns than those of the file before");
	for (size_t i = 0; i < h->groups; i++) {
		struct hist *hist = h->group[i].hist;
		size_t at = 0;
		struct hist_bin bin;

		label.n = 0;
		for (unsigned k = 0; k < h->bys; k++) {
			if (k > 0)
				buf_char(&label, '\t');
			table_put_cell(&label, h->group[i].label[k]);
		}
		if (hist_next(hist, &at, &bin))
			run_of(r, buf_view(&label), side)->hist = hist;
		if (hist->nan > 0)
			losses_add(&r->losses, SLICE("nan"), hist->nan);
	}
	r->missing += h->missing;
	r->without += h->without;
	for (size_t i = 0; i < h->losses; i++)
		losses_add(&r->losses, h->loss[i].why, h->loss[i].n);
	buf_free(&label);
	return 0;
}

int
compare_runs_read(struct compare_runs *r, unsigned side, const struct kind_input *in,
    enum kind kind, struct error *e)
{
	struct table *t;
	int result = -1;

	r->kind = kind;
	r->first_bad.text[0] = '\0';
	switch (kind) {
	case KIND_NUMBERS:
		result = read_numbers(r, side, in, e);
		break;
	case KIND_TABLE:
		t = table_new(in->fd, in->first, in->n);
		result = read_rows(r, side, t, e);
		table_free(t);
		break;
	case KIND_HISTOGRAM:
		result = read_histogram(r, side, in, e);
		break;
	default:
		error_set(e, "%s", kind_name(kind));
	}
	r->files[side]++;
	r->used[side] += result == 0;
	return result;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
by_label(const void *a, const void *b)
{
	return slice_cmp(
	    ((const struct compare_group *)a)->label, ((const struct compare_group *)b)->label);
}

void
compare_runs_sort(struct compare_runs *r)
{
	if (r->groups == 0)
		return;
	qsort(r->group, r->groups, sizeof *r->group, by_label);
	hash_clear(&r->set);
	for (size_t i = 0; i < r->groups; i++) {
		hash_add(&r->set, rehash(r, (uint32_t)i), (uint32_t)i, rehash, r);
		for (unsigned side = 0; side < 2; side++)
			for (size_t k = 0; k < r->group[i].side[side].runs; k++) {
				struct compare_run *run = &r->group[i].side[side].run[k];

				if (run->n > 0)
					qsort(run->value, run->n, sizeof *run->value, by_value);
			}
	}
}

void
compare_runs_free(struct compare_runs *r)
{
	where_free(&r->where[0]);
	where_free(&r->where[1]);
	for (size_t i = 0; i < r->groups; i++)
		for (unsigned side = 0; side < 2; side++) {
			for (size_t k = 0; k < r->group[i].side[side].runs; k++)
				free(r->group[i].side[side].run[k].value);
			free(r->group[i].side[side].run);
		}
	free(r->group);
	for (size_t i = 0; i < r->histograms; i++)
		histogram_free(&r->histogram[i]);
	free(r->histogram);
	hash_free(&r->set);
	losses_free(&r->losses);
	arena_free(&r->arena);
	*r = COMPARE_RUNS_INIT;
}
