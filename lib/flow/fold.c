#include "flow/fold.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/hash.h"
#include "flow/frame_name.h"
#include "flow/task.h"

#define NONE UINT32_MAX

/* A frame as it is printed, and where it comes from. */
struct frame {
	struct slice name, object;
};

/* What a frame looks like in the trace. */
struct raw {
	struct slice name, origin;
	uint32_t frame;
};

struct sequence {
	uint64_t hash;
	uint32_t at, n; /* in item[] */
};

struct entry {
	uint32_t base, stack; /* sequences */
	uint64_t weight, records;
};

/* Where a list of the block is counted: for the base and origin seen last. Ids of lists are numbered by kind. */
struct slot {
	uint32_t base, origin, entry, kind;
};

struct tallies {
	struct fold_tally *item;
	size_t n, cap;
};

struct fold {
	struct fold_options o;
	struct slice base_field[FOLD_BASES_MAX];
	struct fold_stats stats;
	struct arena arena;
	struct task task;
	bool wants_comm;
	struct tallies lost, event; /* event: n of those skipped, and of those taken 0 */
	struct fold_tally *skipped; /* of fold_stats() */
	uint32_t taken;             /* of event; NONE: none yet */

	struct raw *raw;
	size_t raws, raw_cap;
	struct hash_set raw_set;
	struct frame *frame;
	size_t frames, frame_cap;
	struct hash_set frame_set;
	struct sequence *sequence;
	size_t sequences, sequence_cap;
	struct hash_set sequence_set;
	uint32_t *item;
	size_t items, item_cap;
	struct entry *entry;
	size_t entries, entry_cap;
	struct hash_set entry_set;

	/* Of the block at hand. */
	struct slot *slot;
	size_t slot_cap;
	uint32_t *string_base,
	    *string_event; /* by string: the sequence of the one base, or its frame; the event */
	uint32_t *string_frame; /* by string: its frame where nobody asks for origins */
	size_t string_base_cap, string_event_cap, string_frame_cap;
	uint32_t *scratch;
	size_t scratch_cap;
	struct buf text, base_text;
	struct {
		bool known;
		enum trace_kind kind;
		uint64_t value;
		uint32_t frame;
	} last[FOLD_BASES_MAX]; /* numbers before the root */
};

/* A shape of the block at hand: where its fields are. */
struct plan {
	unsigned s;
	bool counts, is_task, wants_weight;
	enum trace_kind stack_kind, weight_kind;
	int src, tid;
	const uint64_t *stack, *origin, *weight, *event;
	const uint64_t *place; /* of what has no stack: its kind */
	struct {
		int field; /* -1: none */
		const uint64_t *column;
		enum trace_kind kind;
		bool comm; /* none, but tasks are known by it */
	} base[FOLD_BASES_MAX];
	uint32_t fixed_event; /* where there is no column */
};

struct fold *
fold_new(const struct fold_options *options)
{
	struct fold *f = xcalloc(1, sizeof *f);

	f->o = *options;
	for (unsigned i = 0; i < f->o.bases && i < FOLD_BASES_MAX; i++) {
		f->base_field[i] = f->o.base[i];
		f->wants_comm |= slice_eq(f->o.base[i], SLICE("comm"));
	}
	f->taken = NONE;
	return f;
}

static uint32_t
tally(struct fold *f, struct tallies *t, struct slice name, uint64_t n)
{
	uint32_t i;

	for (i = 0; i < t->n; i++)
		if (slice_eq(t->item[i].name, name))
			break;
	if (i == t->n) {
		GROW(t->item, t->cap, t->n);
		t->item[t->n++] = (struct fold_tally){ arena_copy(&f->arena, name), 0 };
	}
	t->item[i].n += n;
	return i;
}

static uint64_t
frame_hash(struct slice name, struct slice object)
{
	return hash_mix(hash_bytes(name.p, name.n), hash_bytes(object.p, object.n));
}

static uint64_t
frame_rehash(const void *context, uint32_t item)
{
	const struct fold *f = context;

	return frame_hash(f->frame[item].name, f->frame[item].object);
}

static uint64_t
raw_rehash(const void *context, uint32_t item)
{
	const struct fold *f = context;

	return frame_hash(f->raw[item].name, f->raw[item].origin);
}

static uint64_t
sequence_rehash(const void *context, uint32_t item)
{
	return ((const struct fold *)context)->sequence[item].hash;
}

static uint64_t
entry_hash(uint32_t base, uint32_t stack)
{
	return hash_mix(base, stack);
}

static uint64_t
entry_rehash(const void *context, uint32_t item)
{
	const struct fold *f = context;

	return entry_hash(f->entry[item].base, f->entry[item].stack);
}

static uint32_t
frame_intern(struct fold *f, struct slice name, struct slice object)
{
	uint64_t h = frame_hash(name, object);
	struct hash_probe at;

	for (at = hash_first(&f->frame_set, h); hash_found(&f->frame_set, &at);
	     hash_next(&f->frame_set, &at)) {
		const struct frame *x = &f->frame[at.item];

		if (slice_eq(x->name, name) && slice_eq(x->object, object))
			return at.item;
	}
	GROW(f->frame, f->frame_cap, f->frames);
	f->frame[f->frames] =
	    (struct frame){ arena_copy(&f->arena, name), arena_copy(&f->arena, object) };
	hash_add(&f->frame_set, h, (uint32_t)f->frames, frame_rehash, f);
	return (uint32_t)f->frames++;
}

/* The frame of a name in the trace; origin is empty where nobody asks for it. */
static uint32_t
raw_intern(struct fold *f, struct slice name, struct slice origin)
{
	uint64_t h = frame_hash(name, origin);
	struct slice object = { "", 0 };
	struct hash_probe at;
	struct raw *x;
	char kind = 0;

	for (at = hash_first(&f->raw_set, h); hash_found(&f->raw_set, &at);
	     hash_next(&f->raw_set, &at)) {
		x = &f->raw[at.item];
		if (slice_eq(x->name, name) && slice_eq(x->origin, origin))
			return x->frame;
	}
	if (origin.n >= 2 && origin.p[1] == ':') {
		kind = origin.p[0];
		if (f->o.objects)
			object = (struct slice){ origin.p + 2, origin.n - 2 };
	}
	f->text.n = 0;
	frame_name(&f->text, name, !f->o.whole_names);
	if (f->o.annotate && (kind == 'k' || kind == 'i' || kind == 'j') &&
	    !slice_ends(buf_view(&f->text), SLICE("_[i]"))) {
		char mark[] = { '_', '[', kind, ']' };

		buf_put(&f->text, mark, sizeof mark);
	}
	GROW(f->raw, f->raw_cap, f->raws);
	f->raw[f->raws] = (struct raw){ arena_copy(&f->arena, name), arena_copy(&f->arena, origin),
		frame_intern(f, buf_view(&f->text), object) };
	hash_add(&f->raw_set, h, (uint32_t)f->raws, raw_rehash, f);
	return f->raw[f->raws++].frame;
}

static uint32_t
sequence_intern(struct fold *f, const uint32_t *item, uint32_t n)
{
	uint64_t h = hash_bytes(item, n * sizeof *item);
	struct hash_probe at;

	for (at = hash_first(&f->sequence_set, h); hash_found(&f->sequence_set, &at);
	     hash_next(&f->sequence_set, &at)) {
		const struct sequence *x = &f->sequence[at.item];

		if (x->n == n && (n == 0 || memcmp(f->item + x->at, item, n * sizeof *item) == 0))
			return at.item;
	}
	GROW(f->sequence, f->sequence_cap, f->sequences);
	GROW(f->item, f->item_cap, f->items + n);
	f->sequence[f->sequences] = (struct sequence){ h, (uint32_t)f->items, n };
	if (n > 0)
		memcpy(f->item + f->items, item, n * sizeof *item);
	f->items += n;
	hash_add(&f->sequence_set, h, (uint32_t)f->sequences, sequence_rehash, f);
	return (uint32_t)f->sequences++;
}

static uint32_t
entry_intern(struct fold *f, uint32_t base, uint32_t stack)
{
	uint64_t h = entry_hash(base, stack);
	struct hash_probe at;

	for (at = hash_first(&f->entry_set, h); hash_found(&f->entry_set, &at);
	     hash_next(&f->entry_set, &at))
		if (f->entry[at.item].base == base && f->entry[at.item].stack == stack)
			return at.item;
	GROW(f->entry, f->entry_cap, f->entries);
	f->entry[f->entries] = (struct entry){ base, stack, 0, 0 };
	hash_add(&f->entry_set, h, (uint32_t)f->entries, entry_rehash, f);
	return (uint32_t)f->entries++;
}

/* A number as text, into f->text. */
static void
value_text(struct fold *f, enum trace_kind kind, uint64_t v)
{
	double d;

	f->text.n = 0;
	switch (kind) {
	case TRACE_INT:
		buf_i64(&f->text, (int64_t)v);
		break;
	case TRACE_BIG:
		buf_u64(&f->text, v);
		break;
	case TRACE_ADDR:
		buf_hex(&f->text, v);
		break;
	case TRACE_NUM:
		memcpy(&d, &v, sizeof d);
		buf_printf(&f->text, "%.17g", d);
		break;
	default:
		break;
	}
}

static uint32_t
base_frame(struct fold *f, struct slice value)
{
	f->base_text.n = 0;
	frame_name_base(&f->base_text, value);
	return frame_intern(f, buf_view(&f->base_text), SLICE(""));
}

/* The frame of base i where the record has the field. */
static uint32_t
base_known(struct fold *f, struct trace_block *b, const struct plan *p, unsigned i, uint32_t row)
{
	uint64_t v = p->base[i].column[row];
	enum trace_kind kind = p->base[i].kind;

	if (kind == TRACE_STR) {
		if (f->string_base[v] == NONE)
			f->string_base[v] = base_frame(f, trace_string(b, (uint32_t)v));
		return f->string_base[v];
	}
	if (!f->last[i].known || f->last[i].kind != kind || f->last[i].value != v) {
		value_text(f, kind, v);
		f->last[i].known = true;
		f->last[i].kind = kind;
		f->last[i].value = v;
		f->last[i].frame = base_frame(f, buf_view(&f->text));
	}
	return f->last[i].frame;
}

/* The sequence of what stands before the root. */
static uint32_t
row_base(struct fold *f, struct trace_block *b, const struct plan *p, uint32_t row)
{
	uint32_t item[FOLD_BASES_MAX];
	bool known = true;

	if (f->o.bases == 1 && p->base[0].column != NULL && p->base[0].kind == TRACE_STR) {
		uint32_t *seen = &f->string_base[p->base[0].column[row]];

		if (*seen == NONE) {
			item[0] = base_frame(f, trace_string(b, (uint32_t)p->base[0].column[row]));
			*seen = sequence_intern(f, item, 1);
		}
		return *seen;
	}
	for (unsigned i = 0; i < f->o.bases; i++) {
		struct slice name = { "", 0 };

		if (p->base[i].column != NULL) {
			item[i] = base_known(f, b, p, i, row);
			continue;
		}
		if (p->base[i].comm) {
			int64_t src =
			    p->src < 0 ? 0 : (int64_t)trace_column(b, p->s, (unsigned)p->src)[row];
			int64_t tid = (int64_t)trace_column(b, p->s, (unsigned)p->tid)[row];

			name = task_name(&f->task, src, tid);
		}
		known &= name.n > 0;
		item[i] = base_frame(f, name);
	}
	f->stats.no_base += !known;
	return sequence_intern(f, item, f->o.bases);
}

/* The sequence of a stack: of list `list`, with the objects of list `origin` (NONE: none). */
static uint32_t
row_stack(
    struct fold *f, struct trace_block *b, const struct plan *p, uint32_t list, uint32_t origin)
{
	uint32_t n = 0, origins = 0;

	if (p->stack_kind == TRACE_STRS) {
		const uint64_t *name = trace_string_ids(b, list, &n);
		const uint64_t *from =
		    origin == NONE ? NULL : trace_string_ids(b, origin, &origins);

		GROW(f->scratch, f->scratch_cap, n);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t *seen = &f->string_frame[name[i]];

			if (i < origins)
				f->scratch[i] = raw_intern(f, trace_string(b, (uint32_t)name[i]),
				    trace_string(b, (uint32_t)from[i]));
			else if (*seen != NONE)
				f->scratch[i] = *seen;
			else
				f->scratch[i] = *seen =
				    raw_intern(f, trace_string(b, (uint32_t)name[i]), SLICE(""));
		}
	} else {
		/* Names that all read as numbers, of a writer that did not mark them as text. */
		struct trace_list l = trace_block_list(b, p->stack_kind, list);

		n = l.n;
		GROW(f->scratch, f->scratch_cap, n);
		for (uint32_t i = 0; i < n; i++) {
			struct buf text = BUF_INIT;

			if (p->stack_kind == TRACE_INTS)
				buf_i64(&text, l.i[i]);
			else
				buf_hex(&text, l.u[f->o.stack.n ? n - 1 - i : i]);
			f->scratch[i] = raw_intern(f, buf_view(&text), SLICE(""));
			buf_free(&text);
		}
	}
	/* A line has to have a frame. */
	if (n == 0 && f->o.bases == 0) {
		f->scratch[0] = raw_intern(f, SLICE("[unknown]"), SLICE(""));
		n = 1;
	}
	return sequence_intern(f, f->scratch, n);
}

static bool
event_taken(struct fold *f, uint32_t event)
{
	if (f->o.event.n > 0)
		return slice_eq(f->o.event, SLICE("all")) ||
		       slice_eq(f->o.event, f->event.item[event].name);
	if (f->taken == NONE)
		f->taken = event;
	return f->taken == event;
}

static bool
row_event(struct fold *f, struct trace_block *b, const struct plan *p, uint32_t row)
{
	uint32_t event = p->fixed_event;

	if (p->event != NULL) {
		uint32_t *seen = &f->string_event[p->event[row]];

		if (*seen == NONE)
			*seen = tally(f, &f->event, trace_string(b, (uint32_t)p->event[row]), 0);
		event = *seen;
	}
	if (event_taken(f, event)) {
		f->taken = event;
		return true;
	}
	f->event.item[event].n++;
	return false;
}

/* The stack of what has none: one frame, its kind. */
static uint32_t
place_stack(struct fold *f, struct trace_block *b, const struct plan *p, uint32_t row)
{
	struct slice kind = trace_string(b, (uint32_t)p->place[row]);
	struct buf text = BUF_INIT;
	uint32_t frame;

	buf_printf(&text, "[%.*s]", SLICE_ARG(kind));
	frame = raw_intern(f, buf_view(&text), SLICE(""));
	buf_free(&text);
	return sequence_intern(f, &frame, 1);
}

static inline void
fold_row(struct fold *f, struct trace_block *b, const struct plan *p, uint32_t row)
{
	uint32_t list = p->stack ? (uint32_t)p->stack[row] : 0, base, origin = NONE;
	struct slot *slot = &f->slot[list];
	uint64_t weight = 1;
	struct entry *x;
	double d;

	/* The same event as the last time is the common case. */
	if (!row_event(f, b, p, row))
		return;
	if (p->weight == NULL) {
		f->stats.no_weight += p->wants_weight;
	} else {
		weight = p->weight[row];
		if (p->weight_kind == TRACE_NUM) {
			memcpy(&d, &weight, sizeof d);
			weight =
			    d >= 0 && d < 18446744073709549568.0 ? (uint64_t)(d + 0.5) : UINT64_MAX;
		}
		if (p->weight_kind != TRACE_BIG && (int64_t)weight < 0) {
			f->stats.negative++;
			return;
		}
	}
	base = row_base(f, b, p, row);
	if (p->origin != NULL)
		origin = (uint32_t)p->origin[row];
	if (p->stack == NULL) {
		slot->entry = entry_intern(f, base, place_stack(f, b, p, row));
		slot->kind = TRACE_KINDS;
	} else if (slot->entry == NONE || slot->base != base || slot->origin != origin ||
		   slot->kind != p->stack_kind) {
		slot->entry = entry_intern(f, base, row_stack(f, b, p, list, origin));
		slot->base = base;
		slot->origin = origin;
		slot->kind = p->stack_kind;
	}
	x = &f->entry[slot->entry];
	x->records++;
	if (__builtin_add_overflow(x->weight, weight, &x->weight)) {
		x->weight = UINT64_MAX;
		f->stats.overflow = true;
	}
}

/* Reasons for which samples are missing. The others say something of samples that are there, or of other records. */
static bool
is_lost_sample(struct slice why)
{
	static const char *const reasons[] = { "ring-full", "lost-samples", "late", "damaged",
		NULL };

	for (unsigned i = 0; reasons[i]; i++)
		if (slice_eq(why, slice_of(reasons[i])))
			return true;
	return false;
}

static void
lost_shape(struct fold *f, struct trace_block *b, unsigned s)
{
	int n = trace_field_of(b->shape[s], SLICE("n"), TRACE_INT);
	int why = trace_field_of(b->shape[s], SLICE("why"), TRACE_STR);

	for (uint32_t row = 0; row < b->rows[s]; row++) {
		uint64_t count = n < 0 ? 1 : trace_column(b, s, (unsigned)n)[row];
		struct slice reason =
		    why < 0 ? SLICE("unknown")
			    : trace_string(b, (uint32_t)trace_column(b, s, (unsigned)why)[row]);

		tally(f, &f->lost, reason, count);
		if (is_lost_sample(reason))
			f->stats.lost_samples += count;
	}
}

static int
plan_shape(struct fold *f, struct trace_block *b, unsigned s, struct plan *p, struct error *e)
{
	const struct trace_shape *shape = b->shape[s];
	int i, place = -1;
	int stack = trace_field_index(shape, f->o.stack.n ? f->o.stack : SLICE("stack"));

	*p = (struct plan){ .s = s, .is_task = f->wants_comm && task_wants(shape) };
	if (trace_is_ledger(shape) || trace_is_state(shape)) {
		if (slice_eq(shape->type, SLICE("lost")))
			lost_shape(f, b, s);
		return 0;
	}
	if (f->o.stack.n && stack < 0 && slice_eq(shape->type, SLICE("access")))
		place = trace_field_of(shape, SLICE("kind"), TRACE_STR);
	if ((stack < 0 && place < 0) || (stack >= 0 && shape->field[stack].kind < TRACE_INTS)) {
		bool chain = f->o.stack.n == 0 && (trace_field_index(shape, SLICE("chain")) >= 0 ||
						      trace_field_index(shape, SLICE("ip")) >= 0 ||
						      trace_field_index(shape, SLICE("regs")) >= 0);

		if (chain || slice_eq(shape->type, SLICE("sample")) ||
		    slice_eq(shape->type, SLICE("event")))
			f->stats.without += b->rows[s];
		if (chain)
			f->stats.unresolved += b->rows[s];
		return 0;
	}
	p->counts = true;
	p->wants_weight = !slice_eq(f->o.weight, SLICE("count"));
	if (stack >= 0) {
		p->stack_kind = shape->field[stack].kind;
		p->stack = trace_column(b, s, (unsigned)stack);
	} else {
		p->place = trace_column(b, s, (unsigned)place);
	}
	if ((f->o.annotate || f->o.objects) && f->o.stack.n == 0 &&
	    (i = trace_field_of(shape, SLICE("origin"), TRACE_STRS)) >= 0)
		p->origin = trace_column(b, s, (unsigned)i);
	if (p->wants_weight && (i = trace_field_index(shape, f->o.weight)) >= 0) {
		p->weight_kind = shape->field[i].kind;
		if (p->weight_kind > TRACE_NUM)
			return error_set(e, "the field %.*s of a %.*s is no number but a %s",
			    SLICE_ARG(f->o.weight), SLICE_ARG(shape->type),
			    trace_kind_name(p->weight_kind));
		p->weight = trace_column(b, s, (unsigned)i);
	}
	i = trace_field_of(shape,
	    slice_eq(shape->type, SLICE("event")) ? SLICE("name") : SLICE("event"), TRACE_STR);
	if (i >= 0)
		p->event = trace_column(b, s, (unsigned)i);
	else
		p->fixed_event = tally(f, &f->event, shape->type, 0);
	p->src = trace_field_of(shape, SLICE("src"), TRACE_INT);
	p->tid = trace_field_of(shape, SLICE("tid"), TRACE_INT);
	for (unsigned k = 0; k < f->o.bases; k++) {
		p->base[k].field = i = trace_field_index(shape, f->base_field[k]);
		if (i < 0) {
			p->base[k].comm = p->tid >= 0 && slice_eq(f->base_field[k], SLICE("comm"));
			continue;
		}
		p->base[k].kind = shape->field[i].kind;
		if (p->base[k].kind > TRACE_STR)
			return error_set(e, "the field %.*s of a %.*s is a %s: not for -b",
			    SLICE_ARG(f->base_field[k]), SLICE_ARG(shape->type),
			    trace_kind_name(p->base[k].kind));
		p->base[k].column = trace_column(b, s, (unsigned)i);
	}
	return 0;
}

static void
block_begin(struct fold *f, struct trace_block *b)
{
	uint32_t lists = 0;

	for (unsigned k = TRACE_INTS; k < TRACE_KINDS; k++)
		lists = b->lists[k] > lists ? b->lists[k] : lists;
	GROW(f->slot, f->slot_cap, lists + 1);
	for (uint32_t i = 0; i <= lists; i++)
		f->slot[i].entry = NONE;
	GROW(f->string_base, f->string_base_cap, b->strings);
	GROW(f->string_event, f->string_event_cap, b->strings);
	GROW(f->string_frame, f->string_frame_cap, b->strings);
	memset(f->string_frame, 0xff, b->strings * sizeof *f->string_frame);
	memset(f->string_base, 0xff, b->strings * sizeof *f->string_base);
	memset(f->string_event, 0xff, b->strings * sizeof *f->string_event);
}

int
fold_block(struct fold *f, struct trace_block *b, struct error *e)
{
	struct plan *plan = xcalloc(b->shapes + 1, sizeof *plan);
	const uint16_t *sequence = NULL;
	uint32_t *row = NULL;
	bool tasks = false, needs_tasks = false, several = false;
	unsigned counting = 0;
	int r = 0;

	block_begin(f, b);
	for (unsigned s = 0; s < b->shapes && r == 0; s++) {
		r = plan_shape(f, b, s, &plan[s], e);
		tasks |= plan[s].is_task;
		if (!plan[s].counts)
			continue;
		for (unsigned k = 0; k < f->o.bases; k++)
			needs_tasks |= plan[s].base[k].comm;
		several |= counting++ > 0;
	}
	/* Order matters where names change between samples, and for what is the first event. */
	if (r == 0 && b->shapes > 1 &&
	    ((tasks && needs_tasks) || (several && f->taken == NONE && f->o.event.n == 0)))
		sequence = trace_sequence(b);
	if (sequence != NULL) {
		row = xcalloc(b->shapes, sizeof *row);
		for (uint32_t i = 0; i < b->records; i++) {
			struct plan *p = &plan[sequence[i]];

			if (p->is_task) {
				task_row(&f->task, b, p->s, row[p->s]);
			} else if (p->counts) {
				fold_row(f, b, p, row[p->s]);
			}
			row[p->s]++;
		}
	}
	for (unsigned s = 0; sequence == NULL && r == 0 && s < b->shapes; s++) {
		for (uint32_t i = 0; i < b->rows[s]; i++) {
			if (plan[s].is_task)
				task_row(&f->task, b, s, i);
			else if (plan[s].counts)
				fold_row(f, b, &plan[s], i);
		}
	}
	free(row);
	free(plan);
	return r;
}

static int
tally_cmp(const void *a, const void *b)
{
	const struct fold_tally *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return slice_cmp(x->name, y->name);
}

const struct fold_stats *
fold_stats(struct fold *f)
{
	struct fold_stats *st = &f->stats;

	st->records = st->weight = 0;
	for (size_t i = 0; i < f->entries; i++) {
		st->records += f->entry[i].records;
		if (__builtin_add_overflow(st->weight, f->entry[i].weight, &st->weight))
			st->weight = UINT64_MAX;
	}
	st->event = (struct slice){ "", 0 };
	if (f->taken != NONE && !slice_eq(f->o.event, SLICE("all")))
		st->event = f->event.item[f->taken].name;
	free(f->skipped);
	f->skipped = xcalloc(f->event.n + 1, sizeof *f->skipped);
	st->skips = 0;
	for (size_t i = 0; i < f->event.n; i++)
		if (f->event.item[i].n > 0)
			f->skipped[st->skips++] = f->event.item[i];
	qsort(f->skipped, st->skips, sizeof *f->skipped, tally_cmp);
	st->skipped = f->skipped;
	st->lost = f->lost.item;
	st->losses = f->lost.n;
	return st;
}

void
fold_add_lost(struct fold *f)
{
	const struct fold_stats *st = fold_stats(f);
	uint32_t frame;
	struct entry *x;
	double mean = st->records ? (double)st->weight / (double)st->records : 1;

	if (st->lost_samples == 0)
		return;
	frame = frame_intern(f, SLICE("[lost]"), SLICE(""));
	x = &f->entry[entry_intern(f, sequence_intern(f, NULL, 0), sequence_intern(f, &frame, 1))];
	x->weight += (uint64_t)((double)st->lost_samples * mean + 0.5);
}

static void
put_frames(const struct fold *f, struct buf *to, uint32_t sequence, bool *first)
{
	const struct sequence *x = &f->sequence[sequence];

	for (uint32_t i = 0; i < x->n; i++) {
		if (!*first)
			buf_char(to, ';');
		*first = false;
		buf_slice(to, f->frame[f->item[x->at + i]].name);
	}
}

struct text {
	size_t at, n;
};

static int
text_cmp(const void *a, const void *b, void *all)
{
	const struct text *x = a, *y = b;
	const char *p = all;

	return slice_cmp((struct slice){ p + x->at, x->n }, (struct slice){ p + y->at, y->n });
}

void
fold_lines(struct fold *f, struct buf *to)
{
	struct text *text = xcalloc(f->entries + 1, sizeof *text);
	struct buf all = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < f->entries; i++) {
		const struct entry *x = &f->entry[i];
		bool first = true;

		/* Readers ignore lines without weight, and complain where there is nothing else. */
		if (x->weight == 0)
			continue;
		text[n].at = all.n;
		put_frames(f, &all, x->base, &first);
		put_frames(f, &all, x->stack, &first);
		buf_char(&all, ' ');
		buf_u64(&all, x->weight);
		buf_char(&all, '\n');
		text[n].n = all.n - text[n].at;
		n++;
	}
	qsort_r(text, n, sizeof *text, text_cmp, all.p);
	for (size_t i = 0; i < n; i++)
		buf_put(to, all.p + text[i].at, text[i].n);
	buf_free(&all);
	free(text);
}

void
fold_each(const struct fold *f,
    void (*fn)(void *context, const uint32_t *frame, uint32_t n, uint64_t weight), void *context)
{
	for (size_t i = 0; i < f->entries; i++) {
		const struct sequence *x = &f->sequence[f->entry[i].stack];

		fn(context, f->item + x->at, x->n, f->entry[i].weight);
	}
}

struct slice
fold_frame_name(const struct fold *f, uint32_t frame)
{
	return f->frame[frame].name;
}

struct slice
fold_frame_object(const struct fold *f, uint32_t frame)
{
	return f->frame[frame].object;
}

void
fold_free(struct fold *f)
{
	if (f == NULL)
		return;
	arena_free(&f->arena);
	task_free(&f->task);
	free(f->lost.item);
	free(f->event.item);
	free(f->skipped);
	hash_free(&f->raw_set);
	hash_free(&f->frame_set);
	hash_free(&f->sequence_set);
	hash_free(&f->entry_set);
	free(f->raw);
	free(f->frame);
	free(f->sequence);
	free(f->item);
	free(f->entry);
	free(f->slot);
	free(f->string_base);
	free(f->string_frame);
	free(f->string_event);
	free(f->scratch);
	buf_free(&f->text);
	buf_free(&f->base_text);
	free(f);
}
