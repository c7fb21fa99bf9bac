#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "flow/pair_parts.h"

/* Where a field of a span comes from. */
enum source { T, DUR, NAME, ID, PARENT, DEPTH, OF_START, OF_END };

struct move {
	unsigned to, from;
};

struct pair_span {
	const struct trace_shape *start, *end;
	unsigned shape; /* the writer's */
	unsigned fields;
	struct slice name; /* NAME of what has none of its own */
	int name_field;    /* of the start, or -1 */
	int own[OF_START]; /* where T .. DEPTH stand, or -1 */
	struct move *start_move, *end_move;
	unsigned start_moves, end_plains, end_moves; /* of the end: words first, then the others */
};

/* A span that is being laid out. */
struct pair_source {
	enum source source;
	unsigned field;
};

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

/* What is to be done for each span. */
static void
plan(struct pair_span *s, const struct layout *l)
{
	s->start_move = xcalloc((size_t)l->n + 1, sizeof *s->start_move);
	s->end_move = xcalloc((size_t)l->n + 1, sizeof *s->end_move);
	for (int i = 0; i < OF_START; i++)
		s->own[i] = -1;
	for (unsigned i = 0; i < l->n; i++) {
		struct move m = { i, l->from[i].field };

		if (l->from[i].source < OF_START)
			s->own[l->from[i].source] = (int)i;
		else if (l->from[i].source == OF_START)
			s->start_move[s->start_moves++] = m;
		else if (l->field[i].kind < TRACE_STR)
			s->end_move[s->end_moves++] = m;
	}
	s->end_plains = s->end_moves;
	for (unsigned i = 0; i < l->n; i++)
		if (l->from[i].source == OF_END && l->field[i].kind >= TRACE_STR)
			s->end_move[s->end_moves++] = (struct move){ i, l->from[i].field };
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
	plan(s, &l);
	free(l.field);
	free(l.from);
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
    int64_t dur, const struct pair_at *end, struct trace_writer *w)
{
	const struct move *m = how->start_move, *last = m + how->start_moves;
	union trace_value *v = all->value;

	pair_columns(end);
	v[how->own[T]].i = from->t;
	v[how->own[DUR]].i = dur;
	v[how->own[NAME]].s = how->name_field < 0 ? how->name : from->value[how->name_field].s;
	if (how->own[ID] >= 0)
		v[how->own[ID]].i = from->id;
	if (how->own[PARENT] >= 0)
		v[how->own[PARENT]].i = from->parent;
	if (how->own[DEPTH] >= 0)
		v[how->own[DEPTH]].i = from->depth;
	for (; m < last; m++)
		v[m->to] = from->value[m->from];
	for (m = how->end_move, last = m + how->end_plains; m < last; m++)
		v[m->to].u = end->shape->column[m->from][end->row];
	for (last = how->end_move + how->end_moves; m < last; m++)
		v[m->to] = pair_value(end, m->from);
	return trace_put(w, how->shape, v);
}

void
pair_spans_free(struct pair_spans *all)
{
	for (size_t i = 0; i < all->spans; i++) {
		free(all->span[i]->start_move);
		free(all->span[i]->end_move);
		free(all->span[i]);
	}
	free(all->span);
	free(all->value);
	hash_free(&all->set);
}
