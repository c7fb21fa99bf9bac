#include <stdlib.h>

#include "base/alloc.h"
#include "expr/expr_parts.h"

struct expr *
expr_new(struct slice text, struct error *e)
{
	struct expr *x = xcalloc(1, sizeof *x);

	x->text = arena_copy(&x->arena, text);
	if (expr_parse(x, e) == 0)
		return x;
	expr_free(x);
	return NULL;
}

struct slice
expr_text(const struct expr *x)
{
	return x->text;
}

bool
expr_unmet(const struct expr *x, struct slice *name)
{
	for (size_t i = 0; x->met && i < x->slots; i++)
		if (!x->slot[i].met && !x->slot[i].asked) {
			*name = x->slot[i].name;
			return true;
		}
	return false;
}

static void
free_nodes(struct expr_node *n)
{
	for (unsigned i = 0; i < n->items; i++)
		free_nodes(n->item[i]);
	free(n->lists.of);
	free(n->strings.of);
}

void
expr_free(struct expr *x)
{
	for (size_t i = 0; i < x->regexes; i++)
		regfree(x->regex[i]);
	if (x->root)
		free_nodes(x->root);
	for (size_t i = 0; i < x->rows_cap; i++)
		free(x->rows[i].holds);
	for (size_t i = 0; i < x->scratch_cap; i++)
		free(x->scratch[i].holds);
	for (size_t i = 0; i < x->column_cap; i++)
		free(x->column[i].v);
	free(x->column);
	free(x->regex);
	free(x->slot);
	free(x->shape);
	free(x->index);
	free(x->rows);
	free(x->scratch);
	arena_free(&x->arena);
	free(x);
}

/* The fields of a shape by slot, looked up once. */
static const int *
fields_of(struct expr *x, const struct trace_shape *shape)
{
	int *index;

	if (shape->id >= x->shape_cap) {
		size_t had = x->shape_cap;

		GROW(x->shape, x->shape_cap, shape->id);
		memset(x->shape + had, 0, (x->shape_cap - had) * sizeof *x->shape);
		x->index = xrealloc(x->index, x->shape_cap * (x->slots + 1), sizeof *x->index);
	}
	index = x->index + shape->id * x->slots;
	if (x->shape[shape->id].serial == shape->serial)
		return index;
	x->shape[shape->id].serial = shape->serial;
	x->met = true;
	for (size_t i = 0; i < x->slots; i++) {
		index[i] = trace_field_index(shape, x->slot[i].name);
		if (index[i] >= 0)
			x->slot[i].met = true;
	}
	return index;
}

/* ---- one record ---- */

static struct expr_value
field_of(const struct expr_source *from, unsigned slot)
{
	int f = from->index[slot];
	union trace_value v;

	if (f < 0)
		return (struct expr_value){ .is = EXPR_MISSING };
	v = from->value ? from->value[f]
			: trace_block_value(from->b, from->s, (unsigned)f, from->row);
	return expr_value_of(from->shape->field[f].kind, &v);
}

static struct expr_value
value_of(const struct expr_node *n, const struct expr_source *from)
{
	struct expr_value a, b;

	switch (n->op) {
	case EXPR_CONST:
		return n->value;
	case EXPR_TYPE:
		return (struct expr_value){ .is = EXPR_TEXT, .s = from->shape->type };
	case EXPR_FIELD:
		return field_of(from, n->field);
	case EXPR_MINUS:
		a = value_of(n->item[0], from);
		return expr_minus(&a);
	default:
		a = value_of(n->item[0], from);
		b = value_of(n->item[1], from);
		return expr_arithmetic(n->op, &a, &b);
	}
}

static bool
holds(const struct expr_node *n, const struct expr_source *from)
{
	struct expr_value a, b;

	switch (n->op) {
	case EXPR_OR:
		for (unsigned i = 0; i < n->items; i++)
			if (holds(n->item[i], from))
				return true;
		return false;
	case EXPR_AND:
		for (unsigned i = 0; i < n->items; i++)
			if (!holds(n->item[i], from))
				return false;
		return true;
	case EXPR_NOT:
		return !holds(n->item[0], from);
	case EXPR_HAS_FIELD:
		return from->index[n->field] >= 0;
	case EXPR_MATCH:
		a = value_of(n->item[0], from);
		return expr_matches(n->regex, &a);
	case EXPR_IN:
		a = value_of(n->item[0], from);
		if (n->set && a.is == EXPR_WHOLE)
			return a.i == (int64_t)a.i && expr_set_has(n, (int64_t)a.i);
		for (unsigned i = 1; i < n->items; i++) {
			b = value_of(n->item[i], from);
			if (expr_compare(EXPR_EQ, &a, &b))
				return true;
		}
		return false;
	default:
		a = value_of(n->item[0], from);
		b = value_of(n->item[1], from);
		return expr_compare(n->op, &a, &b);
	}
}

bool
expr_record(struct expr *x, const struct trace_record *r)
{
	struct expr_source from = { r->shape, fields_of(x, r->shape), r->value, NULL, 0, 0 };

	return holds(x->root, &from);
}

/* ---- strings and lists: once for each distinct one of a block ---- */

static unsigned char *
verdicts(struct expr_verdicts *v, struct trace_block *b, enum trace_kind kind)
{
	uint32_t n = kind == TRACE_STR ? b->strings : b->lists[kind];

	if (v->serial == trace_block_serial(b) && v->kind == kind)
		return v->of;
	GROW(v->of, v->cap, n);
	memset(v->of, 0, n);
	v->serial = trace_block_serial(b);
	v->kind = kind;
	return v->of;
}

/* Whether a list of names has one that is named, or matches: every name is looked at once. */
static bool
list_of_names(struct expr_node *n, struct trace_block *b, uint32_t id)
{
	unsigned char *of = verdicts(&n->strings, b, TRACE_STR);
	const uint64_t *item;
	uint32_t items;

	item = trace_string_ids(b, id, &items);
	for (uint32_t i = 0; i < items; i++) {
		unsigned char *yes = &of[item[i]];

		if (*yes == 0) {
			struct slice s = trace_string(b, (uint32_t)item[i]);
			bool found = n->op == EXPR_MATCH ? expr_text_matches(n->regex, s)
							 : slice_eq(s, n->item[1]->value.s);

			*yes = found ? EXPR_YES : EXPR_NO;
		}
		if (*yes == EXPR_YES)
			return true;
	}
	return false;
}

static bool
looks_into_names(const struct expr_node *n, enum trace_kind kind)
{
	return kind == TRACE_STRS && n->item[0]->op == EXPR_FIELD &&
	       (n->op == EXPR_MATCH || (n->op == EXPR_HAS && n->item[1]->op == EXPR_CONST &&
					   n->item[1]->value.is == EXPR_TEXT));
}

static void
by_id(struct expr_node *n, struct expr_source *from, unsigned f, uint32_t rows,
    const unsigned char *mask, unsigned char *to)
{
	const uint64_t *id = trace_column(from->b, from->s, f);
	enum trace_kind kind = from->shape->field[f].kind;
	unsigned char *of = verdicts(&n->lists, from->b, kind);
	bool names = looks_into_names(n, kind);

	for (uint32_t row = 0; row < rows; row++) {
		unsigned char *yes = &of[id[row]];

		if (*yes == 0) {
			bool found;

			if (mask && !mask[row]) {
				to[row] = 0;
				continue;
			}
			from->row = row;
			found =
			    names ? list_of_names(n, from->b, (uint32_t)id[row]) : holds(n, from);
			*yes = found ? EXPR_YES : EXPR_NO;
		}
		to[row] = *yes == EXPR_YES;
	}
}

/* ---- all rows ---- */

static unsigned char *
scratch(struct expr *x, unsigned level, uint32_t n)
{
	struct expr_scratch *at;

	if (level >= x->scratch_cap) {
		size_t had = x->scratch_cap;

		GROW(x->scratch, x->scratch_cap, level);
		memset(x->scratch + had, 0, (x->scratch_cap - had) * sizeof *x->scratch);
	}
	at = &x->scratch[level];
	GROW(at->holds, at->cap, n);
	return at->holds;
}

/* A comparison for all rows; where mask is 0, to may become anything. */
static void
compare_rows(struct expr *x, struct expr_node *n, struct expr_source *from, uint32_t rows,
    const unsigned char *mask, unsigned char *to)
{
	int f = n->only >= 0 ? from->index[n->only] : -1;
	enum trace_kind kind;

	if (n->only == EXPR_NONE || (n->only >= 0 && f < 0)) {
		/* The type, constants, and missing fields are the same for all rows. */
		from->row = 0;
		memset(to, holds(n, from), rows);
		return;
	}
	kind = f >= 0 ? from->shape->field[f].kind : TRACE_KINDS;
	if (kind == TRACE_STR || (kind >= TRACE_INTS && kind < TRACE_KINDS)) {
		by_id(n, from, (unsigned)f, rows, mask, to);
		return;
	}
	if (expr_columns(x, n, from, rows, to))
		return;
	for (uint32_t row = 0; row < rows; row++) {
		from->row = row;
		to[row] = (!mask || mask[row]) && holds(n, from);
	}
}

static void
all_rows(struct expr *x, struct expr_node *n, struct expr_source *from, uint32_t rows,
    const unsigned char *mask, unsigned level, unsigned char *to)
{
	switch (n->op) {
	case EXPR_OR:
	case EXPR_AND:
		all_rows(x, n->item[0], from, rows, mask, level, to);
		for (unsigned i = 1; i < n->items; i++) {
			bool both = n->op == EXPR_AND;
			unsigned char *more;

			if (both && memchr(to, 1, rows) == NULL)
				return;
			more = scratch(x, level, rows);
			all_rows(x, n->item[i], from, rows, both ? to : mask, level + 1, more);
			if (both)
				expr_rows_and(to, more, rows);
			else
				expr_rows_or(to, more, rows);
		}
		return;
	case EXPR_NOT:
		all_rows(x, n->item[0], from, rows, mask, level, to);
		expr_rows_not(to, rows);
		return;
	case EXPR_HAS_FIELD:
		memset(to, from->index[n->field] >= 0, rows);
		return;
	default:
		compare_rows(x, n, from, rows, mask, to);
	}
}

void
expr_rows(struct expr *x, struct trace_block *b, unsigned s, unsigned char *holds_)
{
	struct expr_source from = { b->shape[s], fields_of(x, b->shape[s]), NULL, b, s, 0 };

	if (b->rows[s] > 0)
		all_rows(x, x->root, &from, b->rows[s], NULL, 0, holds_);
}

bool
expr_row(struct expr *x, struct trace_block *b, unsigned s, uint32_t row)
{
	struct expr_rows *at;

	if (s >= x->rows_cap) {
		size_t had = x->rows_cap;

		GROW(x->rows, x->rows_cap, s);
		memset(x->rows + had, 0, (x->rows_cap - had) * sizeof *x->rows);
	}
	at = &x->rows[s];
	if (at->serial != trace_block_serial(b)) {
		at->serial = trace_block_serial(b);
		GROW(at->holds, at->cap, b->rows[s]);
		expr_rows(x, b, s, at->holds);
	}
	return at->holds[row];
}
