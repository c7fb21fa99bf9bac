#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "flow/pair_parts.h"

/* Where a field of a span comes from. */
enum source { T, DUR, NAME, ID, PARENT, DEPTH, OF_START, OF_END };

struct pair_span {
	const struct trace_shape *start, *end;
	unsigned shape; /* the writer's */
	unsigned fields;
	struct slice name; /* NAME of what has none of its own */
	int name_field;    /* of the start, or -1 */
	struct pair_source {
		enum source source;
		unsigned field;
	} * from;
};

/* A span that is being laid out. */
struct layout {
	struct trace_field *field;
	struct pair_source *from;
	unsigned n;
	struct arena names;
};

/* leat-trace(5): what stands first in a span. */
static unsigned
rank(struct slice name)
{
	static const char *const first[] = { "t", "src", "dur_ns", "name", "id", "parent", "pid",
		"tid", "cpu", "host", "value", "stack", "depth" };
	unsigned i = 0;

	while (i < sizeof first / sizeof *first && !slice_eq(name, slice_of(first[i])))
		i++;
	return i;
}

static bool
taken(const struct layout *l, struct slice name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (slice_eq(l->field[i].name, name))
			return true;
	return false;
}

/* Adds a field, with the prefix as often as it takes to be the only one of its name. */
static void
add(struct layout *l, struct slice name, const char *prefix, enum trace_kind kind,
    enum source source, unsigned field)
{
	while (taken(l, name)) {
		size_t n = strlen(prefix);
		char *p = arena_alloc(&l->names, n + name.n + 1);

		memcpy(p, prefix, n);
		memcpy(p + n, name.p, name.n);
		name = (struct slice){ p, n + name.n };
	}
	l->field[l->n] = (struct trace_field){ name, kind };
	l->from[l->n++] = (struct pair_source){ source, field };
}

/* The fields of a record that are not done yet: first those that keep their names, so that no other takes one of these. */
static void
add_fields(struct layout *l, const struct trace_shape *shape, enum source source,
    const char *prefix, bool *done)
{
	for (unsigned f = 0; f < shape->fields; f++)
		if (!done[f] && !taken(l, shape->field[f].name)) {
			add(l, shape->field[f].name, prefix, shape->field[f].kind, source, f);
			done[f] = true;
		}
	for (unsigned f = 0; f < shape->fields; f++)
		if (!done[f])
			add(l, shape->field[f].name, prefix, shape->field[f].kind, source, f);
}

static void
lay_out(struct layout *l, const struct pair_span *s, const struct pair_options *o)
{
	bool *done = xcalloc((size_t)s->start->fields + s->end->fields + 1, sizeof *done);
	int t;

	add(l, SLICE("t"), "", TRACE_INT, T, 0);
	add(l, SLICE("dur_ns"), "", TRACE_INT, DUR, 0);
	add(l, SLICE("name"), "", TRACE_STR, NAME, 0);
	if (o->match == PAIR_NEST) {
		add(l, SLICE("id"), "", TRACE_INT, ID, 0);
		add(l, SLICE("parent"), "", TRACE_INT, PARENT, 0);
	}
	if (o->match == PAIR_NEST || o->match == PAIR_FIFO)
		add(l, SLICE("depth"), "", TRACE_INT, DEPTH, 0);
	t = trace_field_index(s->start, SLICE("t"));
	if (t >= 0)
		done[t] = true;
	if (s->name_field >= 0)
		done[s->name_field] = true;
	add_fields(l, s->start, OF_START, "start_", done);
	memset(done, 0, s->start->fields * sizeof *done);
	for (unsigned f = 0; f < s->end->fields; f++)
		done[f] = slice_eq(s->end->field[f].name, SLICE("t"));
	for (size_t i = 0; i < o->keys; i++)
		done[pair_key_index(s->end, o->key[i].end)] = true;
	add_fields(l, s->end, OF_END, "end_", done);
	free(done);
}

/* The vocabulary of spans first, everything else as it came. */
static void
sort_layout(struct layout *l)
{
	for (unsigned i = 1; i < l->n; i++) {
		struct trace_field field = l->field[i];
		struct pair_source from = l->from[i];
		unsigned r = rank(field.name), k = i;

		for (; k > 0 && rank(l->field[k - 1].name) > r; k--) {
			l->field[k] = l->field[k - 1];
			l->from[k] = l->from[k - 1];
		}
		l->field[k] = field;
		l->from[k] = from;
	}
}

static uint64_t
hash_of(const struct trace_shape *start, const struct trace_shape *end)
{
	return hash_mix(start->serial, end->serial);
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct pair_spans *all = context;

	return hash_of(all->span[item]->start, all->span[item]->end);
}

static struct pair_span *
new_span(const struct pair_options *o, const struct trace_shape *start,
    const struct trace_shape *end, struct trace_writer *w)
{
	size_t most = (size_t)start->fields + end->fields + DEPTH + 1;
	struct pair_span *s = xcalloc(1, sizeof *s);
	struct layout l = { .field = xcalloc(most, sizeof *l.field),
		.from = xcalloc(most, sizeof *l.from) };

	s->start = start;
	s->end = end;
	s->name = o->name.n > 0 ? o->name : start->type;
	s->name_field = o->name.n > 0 ? -1 : trace_field_of(start, SLICE("name"), TRACE_STR);
	lay_out(&l, s, o);
	sort_layout(&l);
	s->shape = trace_writer_shape(w, SLICE("span"), l.field, l.n);
	s->fields = l.n;
	s->from = l.from;
	free(l.field);
	arena_free(&l.names);
	return s;
}

const struct pair_span *
pair_span_of(struct pair_spans *all, const struct pair_options *o, const struct trace_shape *start,
    const struct trace_shape *end, struct trace_writer *w)
{
	uint64_t hash = hash_of(start, end);
	struct pair_span *s;

	for (struct hash_probe at = hash_first(&all->set, hash); hash_found(&all->set, &at);
	     hash_next(&all->set, &at)) {
		s = all->span[at.item];
		if (s->start == start && s->end == end)
			return s;
	}
	s = new_span(o, start, end, w);
	GROW(all->span, all->cap, all->spans);
	GROW(all->value, all->value_cap, s->fields);
	all->span[all->spans] = s;
	hash_add(&all->set, hash, (uint32_t)all->spans++, rehash, all);
	return s;
}

int
pair_span_put(struct pair_spans *all, const struct pair_span *how, const struct pair_open *from,
    int64_t dur, struct trace_block *b, unsigned s, uint32_t row, struct trace_writer *w)
{
	union trace_value *v = all->value;

	for (const struct pair_source *f = how->from, *end = f + how->fields; f < end; f++, v++)
		switch (f->source) {
		case T:
			v->i = from->t;
			break;
		case DUR:
			v->i = dur;
			break;
		case NAME:
			v->s = how->name_field < 0 ? how->name : from->value[how->name_field].s;
			break;
		case ID:
			v->i = from->id;
			break;
		case PARENT:
			v->i = from->parent;
			break;
		case DEPTH:
			v->i = from->depth;
			break;
		case OF_START:
			*v = from->value[f->field];
			break;
		case OF_END:
			*v = trace_block_value(b, s, f->field, row);
			break;
		}
	return trace_put(w, how->shape, all->value);
}

void
pair_spans_free(struct pair_spans *all)
{
	for (size_t i = 0; i < all->spans; i++) {
		free(all->span[i]->from);
		free(all->span[i]);
	}
	free(all->span);
	free(all->value);
	hash_free(&all->set);
}
