#include <inttypes.h>
#include <stdlib.h>

#include "form/table.h"
#include "store/store_list.h"
#include "store/store_runs.h"

/* Names that tell their unit themselves. */
static bool
tells_unit(struct slice name)
{
	return slice_ends(name, SLICE("_ns")) || slice_ends(name, SLICE("_bytes")) ||
	       slice_ends(name, SLICE("_size")) || slice_eq(name, SLICE("size"));
}

static bool
is_word(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == '=' || name.p[i] == '"')
			return false;
	return true;
}

static void
put_units(struct buf *to, const struct store_runs *r)
{
	for (unsigned i = 0; i < r->metrics; i++) {
		const struct store_metric *m = &r->metric[i];
		struct buf key = BUF_INIT;

		if (m->unit.n == 0 || tells_unit(m->title) || !is_word(m->title))
			continue;
		buf_printf(&key, "unit_%.*s", SLICE_ARG(m->title));
		buf_char(to, '#');
		table_put_word(to, buf_str(&key), m->unit);
		buf_char(to, '\n');
		buf_free(&key);
	}
}

static int64_t
put_head(struct buf *to, struct store_runs *r)
{
	size_t failed = 0, n;
	struct slice *title;
	int64_t lost = 0;

	for (size_t i = 0; i < r->runs; i++) {
		failed += r->run[i].failed;
		lost += r->run[i].lost;
	}
	buf_printf(to, "# store table=list runs=%zu\n", r->runs);
	if (failed > 0)
		buf_printf(to, "# failed=%zu\n", failed);
	if (lost > 0)
		buf_printf(to, "# lost=%" PRId64 " why=trace\n", lost);
	put_units(to, r);
	title = store_runs_columns(r, &n);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(to, '\t');
		table_put_cell(to, title[i]);
	}
	buf_char(to, '\n');
	free(title);
	return lost;
}

static void
put_known(struct buf *to, int64_t v)
{
	if (v >= 0)
		buf_i64(to, v);
	buf_char(to, '\t');
}

static void
put_run(struct buf *to, const struct store_runs *r, const struct store_run *x)
{
	table_put_cell(to, x->experiment);
	buf_char(to, '\t');
	table_put_cell(to, x->name);
	buf_char(to, '\t');
	for (unsigned i = 0; i < r->factors; i++) {
		table_put_cell(to, x->level[i]);
		buf_char(to, '\t');
	}
	put_known(to, x->rep);
	put_known(to, x->position);
	put_known(to, x->dry);
	put_known(to, x->failed);
	put_known(to, x->attempt);
	table_put_cell(to, x->host);
	buf_char(to, '\t');
	put_known(to, x->started_ns);
	buf_i64(to, x->lost);
	for (unsigned i = 0; i < r->metrics; i++) {
		buf_char(to, '\t');
		store_put_value(to, &x->value[i]);
	}
	buf_char(to, '\n');
}

int
store_list(struct store *s, const struct store_out *out, uint64_t *lost, struct error *e)
{
	struct buf to = BUF_INIT;
	struct store_runs r;
	int64_t all_lost = 0;
	int read = store_runs_read(&r, s, e), result = read;

	if (result == 0)
		all_lost = put_head(&to, &r);
	if (lost)
		*lost = (uint64_t)all_lost;
	for (size_t i = 0; result == 0 && i < r.runs; i++) {
		put_run(&to, &r, &r.run[i]);
		if (to.n >= STORE_CHUNK)
			result = out->put(out->context, &to);
	}
	if (result == 0)
		result = out->put(out->context, &to);
	buf_free(&to);
	store_runs_free(&r);
	if (result < 0 && read == 0)
		*e = (struct error){ 0 };
	return result;
}
