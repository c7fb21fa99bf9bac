#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "flow/books.h"

static int64_t
int_of(const struct trace_record *r, struct slice name, int64_t missing)
{
	int f = trace_field_of(r->shape, name, TRACE_INT);

	return f < 0 ? missing : r->value[f].i;
}

static struct slice
str_of(const struct trace_record *r, struct slice name)
{
	int f = trace_field_of(r->shape, name, TRACE_STR);

	return f < 0 ? SLICE("?") : r->value[f].s;
}

static int
ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
set_scope(struct books *b, struct books_stage *s, const struct trace_record *r)
{
	int one = trace_field_of(r->shape, SLICE("src"), TRACE_INT),
	    many = trace_field_of(r->shape, SLICE("src"), TRACE_INTS);

	s->scoped = one >= 0 || many >= 0;
	if (!s->scoped)
		return;
	s->srcs = one >= 0 ? 1 : r->value[many].list.n;
	s->src = arena_alloc(&b->names, s->srcs * sizeof *s->src);
	for (uint32_t i = 0; i < s->srcs; i++)
		s->src[i] = one >= 0 ? r->value[one].i : r->value[many].list.i[i];
	qsort(s->src, s->srcs, sizeof *s->src, ascending);
}

static bool
same_scope(const struct books_stage *a, const struct books_stage *b)
{
	if (a->scoped != b->scoped || a->srcs != b->srcs)
		return false;
	for (uint32_t i = 0; i < a->srcs; i++)
		if (a->src[i] != b->src[i])
			return false;
	return true;
}

/* Whether all that `part` is of, s is of, too. */
static bool
covers(const struct books_stage *s, const struct books_stage *part)
{
	uint32_t at = 0;

	if (!s->scoped || !part->scoped)
		return !s->scoped;
	for (uint32_t i = 0; i < part->srcs; i++) {
		while (at < s->srcs && s->src[at] < part->src[i])
			at++;
		if (at == s->srcs || s->src[at] != part->src[i])
			return false;
	}
	return true;
}

static void
add_start(struct books *b, const struct trace_record *r)
{
	struct books_stage *s;

	GROW(b->stage, b->stage_cap, b->stages);
	s = &b->stage[b->stages++];
	*s = (struct books_stage){ .tool = arena_copy(&b->names, str_of(r, SLICE("tool"))),
		.source = trace_field_index(r->shape, SLICE("clock")) >= 0 ||
			  trace_field_index(r->shape, SLICE("host")) >= 0,
		.started_at = ++b->events,
		.group = b->group };
	set_scope(b, s, r);
}

static void
add_end(struct books *b, const struct trace_record *r)
{
	struct slice tool = str_of(r, SLICE("tool"));
	struct books_stage *s = NULL, scope = { 0 };

	set_scope(b, &scope, r);
	for (size_t i = b->stages; i-- > 0;)
		if (!b->stage[i].ended && slice_eq(b->stage[i].tool, tool) &&
		    same_scope(&b->stage[i], &scope) &&
		    (s == NULL || b->stage[i].group == s->group))
			s = &b->stage[i];
	if (s == NULL) {
		add_start(b, r);
		s = &b->stage[b->stages - 1];
		error_set(&s->verdict, "it ended and never started");
	}
	s->ended = true;
	s->ended_at = ++b->events;
	s->in = int_of(r, SLICE("in"), -1);
	s->source |= s->in < 0;
	s->passed = int_of(r, SLICE("passed"), 0);
	s->used = int_of(r, SLICE("used"), 0);
	s->made = int_of(r, SLICE("made"), 0);
	s->dropped = int_of(r, SLICE("dropped"), 0);
	s->lost = int_of(r, SLICE("lost"), 0);
}

static void
add_lost(struct books *b, const struct trace_record *r)
{
	struct slice why = str_of(r, SLICE("why"));
	int64_t n = int_of(r, SLICE("n"), 1);
	size_t i = 0;

	while (i < b->reasons && !slice_eq(b->reason[i].why, why))
		i++;
	if (i == b->reasons) {
		GROW(b->reason, b->reason_cap, i);
		b->reason[b->reasons++] = (struct books_reason){ arena_copy(&b->names, why), 0 };
	}
	b->reason[i].n += (uint64_t)n;
}

void
books_add(struct books *b, const struct trace_record *r)
{
	struct slice type = r->shape->type;
	bool start = slice_eq(type, SLICE("start"));

	b->group += start && !b->starting;
	b->starting = start;
	if (start)
		add_start(b, r);
	else if (slice_eq(type, SLICE("end")))
		add_end(b, r);
	else if (slice_eq(type, SLICE("lost")))
		add_lost(b, r);
	else
		b->records++;
}

/* What the stages put out that this one must have read; *any tells whether there are such stages. Those that started
 * last are the nearest, and what it read may be all theirs: then those before are of another input. */
static int64_t
taken_by(struct books *b, const struct books_stage *s, bool *any)
{
	int64_t n = 0;

	*any = false;
	for (size_t i = b->stages; i-- > 0 && !s->source && !(*any && n == s->in);) {
		struct books_stage *from = &b->stage[i];

		if (from == s || from->taken || !from->ended || from->ended_at < s->started_at ||
		    from->ended_at > s->ended_at || !covers(s, from) ||
		    (from->group == s->group && from->started_at > s->started_at))
			continue;
		from->taken = true;
		*any = true;
		n += from->passed + from->made;
	}
	return n;
}

static void
judge(struct books *b, struct books_stage *s)
{
	int64_t sum = s->passed + s->used + s->dropped + s->lost, read;
	bool any;

	/* A source has read no records: its `in`, where it gives one, is of another kind (lines, kernel records). */
	read = taken_by(b, s, &any);
	if (s->in >= 0 && any && sum != s->in)
		error_set(&s->verdict,
		    "it read %" PRId64 " records and says what became of %" PRId64
		    " (passed, used, dropped and lost)",
		    s->in, sum);
	else if (any && s->in != read)
		error_set(&s->verdict,
		    "it read %" PRId64 " records of the %" PRId64 " that were put out before it",
		    s->in, read);
}

/* The ended stage with the smallest ended_at above `after`, or NULL. */
static struct books_stage *
next_ended(struct books *b, uint64_t after)
{
	struct books_stage *next = NULL;

	for (size_t i = 0; i < b->stages; i++)
		if (b->stage[i].ended && b->stage[i].ended_at > after &&
		    (next == NULL || b->stage[i].ended_at < next->ended_at))
			next = &b->stage[i];
	return next;
}

const struct books_stage *
books_balance(struct books *b)
{
	struct books_stage *s = NULL, *last = NULL;
	int64_t out = 0;
	bool open = false;

	while ((s = next_ended(b, s ? s->ended_at : 0)) != NULL) {
		judge(b, s);
		last = s;
	}
	for (size_t i = 0; i < b->stages; i++) {
		if (!b->stage[i].ended) {
			error_set(&b->stage[i].verdict, "it never ended: the trace is cut off");
			open = true;
		} else if (!b->stage[i].taken) {
			out += b->stage[i].passed + b->stage[i].made;
		}
	}
	if (last && !open && last->verdict.text[0] == '\0' && out != (int64_t)b->records)
		error_set(&last->verdict,
		    "%" PRId64 " records were put out, and the trace holds %" PRIu64, out,
		    b->records);
	for (size_t i = 0; i < b->stages; i++)
		if (b->stage[i].verdict.text[0])
			return &b->stage[i];
	return NULL;
}

void
books_free(struct books *b)
{
	free(b->stage);
	free(b->reason);
	arena_free(&b->names);
	*b = BOOKS_INIT;
}
