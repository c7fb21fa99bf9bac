#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "flow/merge_sources.h"
#include "trace/line.h"

static int64_t
number_of(struct merge_sources *s, struct slice identity)
{
	for (unsigned i = 0; i < s->n; i++)
		if (slice_eq(s->identity[i], identity))
			return i;
	GROW(s->identity, s->cap, s->n);
	s->identity[s->n] = arena_copy(&s->arena, identity);
	return s->n++;
}

/* The start as a line, without src. */
static void
put_identity(struct buf *b, const struct trace_record *start)
{
	unsigned n = 0;
	struct trace_field *field = xcalloc(start->shape->fields + 1, sizeof *field);
	union trace_value *value = xcalloc(start->shape->fields + 1, sizeof *value);
	struct trace_shape shape = { .type = start->shape->type, .field = field };

	for (unsigned f = 0; f < start->shape->fields; f++)
		if (!slice_eq(start->shape->field[f].name, SLICE("src"))) {
			field[n] = start->shape->field[f];
			value[n++] = start->value[f];
		}
	shape.fields = n;
	line_put(b, &(struct trace_record){ &shape, value });
	free(field);
	free(value);
}

static int64_t
add_pair(struct merge_scope *scope, int64_t was, int64_t is)
{
	for (size_t i = 0; i < scope->pairs; i++)
		if (scope->pair[i].was == was) {
			scope->pair[i].is = is;
			scope->pair[i].group = scope->group;
			scope->renamed |= was != is;
			return is;
		}
	GROW(scope->pair, scope->cap, scope->pairs);
	scope->pair[scope->pairs++] = (struct merge_scope_pair){ was, is, scope->group };
	scope->renamed |= was != is;
	return is;
}

void
merge_sources_start(
    struct merge_sources *s, struct merge_scope *scope, const struct trace_record *start)
{
	int src = trace_field_index(start->shape, SLICE("src"));
	struct buf identity = BUF_INIT;

	/* Of those that follow each other the first is the source's, the others are of filters; a filter of several
	 * sources says their list. */
	put_identity(&identity, start);
	scope->group += !scope->led;
	if (src >= 0 && start->shape->field[src].kind == TRACE_INT) {
		bool known = false;

		for (size_t i = 0; i < scope->pairs; i++)
			known |= scope->pair[i].was == start->value[src].i &&
				 scope->pair[i].group == scope->group;
		if (!known)
			add_pair(scope, start->value[src].i, number_of(s, buf_view(&identity)));
		if (!scope->led)
			scope->own = -1;
	} else if (src < 0 && !scope->led) {
		scope->own = number_of(s, buf_view(&identity));
	}
	scope->led = true;
	buf_free(&identity);
}

void
merge_sources_nameless(struct merge_sources *s, struct merge_scope *scope)
{
	scope->own = number_of(s, SLICE(""));
}

int64_t
merge_scope_of(struct merge_sources *s, struct merge_scope *scope, int64_t was)
{
	char text[80];
	size_t i = 0;

	while (i < scope->pairs && scope->pair[i].was != was)
		i++;
	if (i < scope->pairs)
		return scope->pair[i].is;
	/* Its start is missing: a source that nobody else has. */
	snprintf(text, sizeof text, "%p %" PRId64, (void *)scope, was);
	return add_pair(scope, was, number_of(s, slice_of(text)));
}

void
merge_scope_free(struct merge_scope *scope)
{
	free(scope->pair);
	*scope = (struct merge_scope){ 0 };
}

void
merge_sources_free(struct merge_sources *s)
{
	free(s->identity);
	arena_free(&s->arena);
	*s = (struct merge_sources){ 0 };
}
