#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "flow/fields.h"

struct fields {
	struct arena arena;
	struct field_name {
		struct slice name;
		bool without, met;
	} * name;
	size_t names, names_cap;
	bool all; /* but those that are left out */
	bool met; /* some shape */
	struct field_shape {
		uint64_t serial;
		unsigned shape; /* the writer's */
		int *from;
	} * shape; /* by the reader's number */
	size_t shape_cap;
};

static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		if (!((c | 32) - 'a' < 26 || c == '_' || (i > 0 && c - '0' < 10)))
			return false;
	}
	return s.n > 0;
}

static int
add_names(struct fields *f, struct slice list, bool without, struct error *e)
{
	struct slice all = list;

	while (list.n > 0) {
		bool last = memchr(list.p, ',', list.n) == NULL;
		struct slice name = slice_trim(slice_cut(&list, ','));

		if (!is_name(name) || (!last && list.n == 0))
			return error_set(e, "%.*s: not a list of fields (a,b,c)", SLICE_ARG(all));
		GROW(f->name, f->names_cap, f->names);
		f->name[f->names++] =
		    (struct field_name){ arena_copy(&f->arena, name), without, false };
	}
	return 0;
}

struct fields *
fields_new(struct slice only, struct slice without, struct error *e)
{
	struct fields *f = xcalloc(1, sizeof *f);

	f->all = only.n == 0;
	if (add_names(f, only, false, e) == 0 && add_names(f, without, true, e) == 0)
		return f;
	fields_free(f);
	return NULL;
}

void
fields_free(struct fields *f)
{
	for (size_t i = 0; i < f->shape_cap; i++)
		free(f->shape[i].from);
	free(f->shape);
	free(f->name);
	arena_free(&f->arena);
	free(f);
}

bool
fields_unmet(const struct fields *f, struct slice *name)
{
	for (size_t i = 0; f->met && i < f->names; i++)
		if (!f->name[i].met) {
			*name = f->name[i].name;
			return true;
		}
	return false;
}

static bool
is_kept(struct fields *f, struct slice name, bool keep)
{
	for (size_t i = 0; i < f->names; i++) {
		if (!slice_eq(f->name[i].name, name))
			continue;
		f->name[i].met = true;
		keep = !f->name[i].without;
	}
	return keep;
}

static struct field_shape *
shape_of(struct fields *f, struct trace_writer *w, const struct trace_shape *shape)
{
	struct trace_when when = trace_when(shape);
	struct trace_field *field;
	struct field_shape *at;
	unsigned n = 0;
	bool timed;

	if (shape->id >= f->shape_cap) {
		size_t had = f->shape_cap;

		GROW(f->shape, f->shape_cap, shape->id);
		memset(f->shape + had, 0, (f->shape_cap - had) * sizeof *f->shape);
	}
	at = &f->shape[shape->id];
	if (at->serial == shape->serial)
		return at;
	f->met = true;
	at->serial = shape->serial;
	at->from = xrealloc(at->from, shape->fields + 1, sizeof *at->from);
	field = xcalloc(shape->fields + 1, sizeof *field);
	timed = when.t >= 0 && is_kept(f, SLICE("t"), true);
	for (unsigned i = 0; i < shape->fields; i++) {
		bool time = (int)i == when.t || ((int)i == when.dur && timed);

		if (!is_kept(f, shape->field[i].name, f->all || time))
			continue;
		field[n] = shape->field[i];
		at->from[n++] = (int)i;
	}
	at->shape = trace_writer_shape(w, shape->type, field, n);
	free(field);
	return at;
}

unsigned
fields_source(struct fields *f, struct trace_writer *w, struct trace_block *b, unsigned s)
{
	struct field_shape *at = shape_of(f, w, b->shape[s]);

	return trace_pick_source_as(w, b, s, at->shape, at->from);
}
