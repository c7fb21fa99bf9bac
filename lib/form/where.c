#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "form/where.h"

int
where_add(struct where *w, const char *text, struct error *e)
{
	struct slice value = slice_of(text), column = slice_cut(&value, '=');
	struct where_condition *c;

	if (column.n == 0 || strchr(text, '=') == NULL)
		return error_set(e, "not COLUMN=VALUE");
	GROW(w->condition, w->cap, w->n);
	c = &w->condition[w->n];
	*c = (struct where_condition){ column, value, -1, (int)w->n };
	for (size_t i = w->n; i-- > 0;)
		if (slice_eq(w->condition[i].column, column)) {
			c->another = w->condition[i].another;
			w->condition[i].another = (int)w->n;
			break;
		}
	w->n++;
	return 0;
}

int
where_table(struct where *w, const struct table *t, struct error *e)
{
	struct buf b = BUF_INIT;

	w->rows = w->kept = 0;
	w->deep = w->seens = 0;
	arena_reset(&w->arena);
	for (size_t i = 0; i < w->n; i++) {
		struct where_condition *c = &w->condition[i];

		c->place = table_column(t, c->column);
		if (c->place >= 0)
			continue;
		for (unsigned k = 0; k < t->columns; k++)
			buf_printf(&b, " %.*s", SLICE_ARG(t->name[k]));
		error_set(e, "no column %.*s; there are:%s", SLICE_ARG(c->column), buf_str(&b));
		buf_free(&b);
		return -1;
	}
	return 0;
}

static bool
holds(const struct where *w, size_t i, struct slice cell)
{
	size_t k = i;

	do {
		if (slice_eq(w->condition[k].value, cell))
			return true;
		k = (size_t)w->condition[k].another;
	} while (k != i);
	return false;
}

static void
note(struct where *w, size_t i, struct slice cell)
{
	if (i < w->deep || (i == w->deep && w->seens > WHERE_SEEN))
		return;
	if (i > w->deep)
		w->seens = 0;
	w->deep = i;
	for (size_t k = 0; k < w->seens && k < WHERE_SEEN; k++)
		if (slice_eq(w->seen[k], cell))
			return;
	if (w->seens < WHERE_SEEN)
		w->seen[w->seens] = arena_copy(&w->arena, cell);
	w->seens++;
}

bool
where_row(struct where *w, const struct table *t)
{
	w->rows++;
	for (size_t i = 0; i < w->n; i++) {
		struct slice cell = t->cell[w->condition[i].place];

		if (holds(w, i, cell))
			continue;
		if (w->kept == 0)
			note(w, i, cell);
		return false;
	}
	w->kept++;
	return true;
}

int
where_end(const struct where *w, struct error *e)
{
	struct buf b = BUF_INIT;

	if (w->kept > 0 || w->rows == 0)
		return 0;
	buf_printf(&b, "no row has");
	for (size_t i = 0; i <= w->deep; i++)
		buf_printf(&b, " %.*s=%.*s", SLICE_ARG(w->condition[i].column),
		    SLICE_ARG(w->condition[i].value));
	buf_printf(&b, "; there %s:", w->deep == 0 ? "are" : "are with the first");
	for (size_t k = 0; k < w->seens && k < WHERE_SEEN; k++)
		buf_printf(&b, " %.*s", SLICE_ARG(w->seen[k]));
	if (w->seens > WHERE_SEEN)
		buf_printf(&b, " ...");
	error_set(e, "%s", buf_str(&b));
	buf_free(&b);
	return -1;
}

void
where_free(struct where *w)
{
	free(w->condition);
	arena_free(&w->arena);
	*w = WHERE_INIT;
}
