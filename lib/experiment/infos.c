#include "experiment/infos.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "form/table.h"

static struct info *
add(struct infos *s)
{
	GROW(s->info, s->cap, s->n);
	s->info[s->n] = (struct info){ 0 };
	return &s->info[s->n++];
}

void
infos_add(struct infos *s, const struct fact *f)
{
	struct info *i = add(s);
	struct buf b = BUF_INIT;

	i->section = arena_copy(&s->arena, slice_of(f->section));
	i->name = arena_copy(&s->arena, f->name);
	i->unit = arena_copy(&s->arena, slice_of(f->unit));
	i->is_number = f->kind != FACT_STR;
	if (f->kind == FACT_STR) {
		buf_slice(&b, f->s);
	} else if (f->kind == FACT_INT) {
		buf_i64(&b, f->i);
		i->number = (double)f->i;
	} else {
		buf_f64(&b, f->d);
		i->number = f->d;
	}
	i->text = arena_copy(&s->arena, buf_view(&b));
	buf_free(&b);
}

static struct slice
field(struct infos *s, const struct trace_record *r, const char *name)
{
	int at = trace_field_of(r->shape, slice_of(name), TRACE_STR);

	return at < 0 ? (struct slice){ "", 0 } : arena_copy(&s->arena, r->value[at].s);
}

bool
infos_add_record(struct infos *s, const struct trace_record *r)
{
	int at = trace_field_index(r->shape, SLICE("value"));
	struct buf b = BUF_INIT;
	struct info *i;

	if (!slice_eq(r->shape->type, SLICE("info")) || at < 0 ||
	    trace_field_of(r->shape, SLICE("name"), TRACE_STR) < 0)
		return false;
	switch (r->shape->field[at].kind) {
	case TRACE_INT:
		buf_i64(&b, r->value[at].i);
		break;
	case TRACE_BIG:
		buf_u64(&b, r->value[at].u);
		break;
	case TRACE_ADDR:
		buf_hex(&b, r->value[at].u);
		break;
	case TRACE_NUM:
		buf_f64(&b, r->value[at].d);
		break;
	case TRACE_STR:
		buf_slice(&b, r->value[at].s);
		break;
	default:
		return false;
	}
	i = add(s);
	i->section = field(s, r, "section");
	i->name = field(s, r, "name");
	i->unit = field(s, r, "unit");
	i->text = arena_copy(&s->arena, buf_view(&b));
	i->is_number = r->shape->field[at].kind != TRACE_STR &&
		       r->shape->field[at].kind != TRACE_ADDR && num_f64(i->text, &i->number) == 0;
	buf_free(&b);
	return true;
}

const struct info *
infos_find(const struct infos *s, struct slice name)
{
	for (size_t i = s->n; i > 0; i--)
		if (slice_eq(s->info[i - 1].name, name))
			return &s->info[i - 1];
	return NULL;
}

static bool
same(const struct info *a, const struct info *b)
{
	return a && b && slice_eq(a->text, b->text) && slice_eq(a->unit, b->unit);
}

static void
put_value(struct buf *to, const struct info *i)
{
	buf_char(to, '\t');
	if (i == NULL)
		return;
	table_put_cell(to, i->text);
	if (i->unit.n > 0)
		buf_printf(to, " %.*s", SLICE_ARG(i->unit));
}

/* a: its facts in their order; then those that only b has. */
static size_t
rows(const struct infos *a, const struct infos *b, bool only, bool all, struct buf *to)
{
	size_t n = 0;

	for (size_t k = 0; k < a->n; k++) {
		const struct info *i = &a->info[k], *other = infos_find(b, i->name);

		if (infos_find(a, i->name) != i || (only && other) ||
		    (!all && slice_eq(i->section, SLICE(FACTS_VOLATILE))) || same(i, other))
			continue;
		n++;
		table_put_cell(to, i->section);
		buf_char(to, '\t');
		table_put_cell(to, i->name);
		put_value(to, only ? NULL : i);
		put_value(to, only ? i : other);
		buf_char(to, '\n');
	}
	return n;
}

size_t
infos_diff(const struct infos *a, const struct infos *b, const char *a_name, const char *b_name,
    bool all, struct buf *to)
{
	struct buf table = BUF_INIT;
	size_t n = rows(a, b, false, all, &table) + rows(b, a, true, all, &table);

	buf_printf(to, "# sysinfo-diff");
	table_put_word(to, "a", slice_of(a_name));
	table_put_word(to, "b", slice_of(b_name));
	buf_printf(to, " different=%zu\nsection\tname\ta\tb\n", n);
	buf_slice(to, buf_view(&table));
	buf_free(&table);
	return n;
}

void
infos_free(struct infos *s)
{
	free(s->info);
	arena_free(&s->arena);
	*s = INFOS_INIT;
}
