#include "form/perf_event.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/hash.h"
#include "form/perf_access.h"

enum { OWN_FIELDS = 64, ALL_FIELDS = OWN_FIELDS + 16, REASONS = 16 };

/* What a sample has, of what may be missing: the number of its shape. */
enum {
	HAS_T = 1,
	HAS_CPU = 2,
	HAS_TASK = 4,
	HAS_COMM = 8,
	HAS_WEIGHT = 16,
	HAS_IP = 32,
	HAS_ADDR = 64,
	HAS_CHAIN = 128,
	HAS_REGS = 256,
	HAS_USTACK = 512,
	HAS_ALL = 1024,
	/* of an access; it has never COMM */
	HAS_SIZE = 1024,
	HAS_LATENCY = 2048,
	HAS_LEVEL = 4096,
	HAS_TLB = 8192,
	HAS_SNOOP = 16384,
	HAS_LOCKED = 32768
};

/* A record in the making. */
struct draft {
	unsigned n;
	struct trace_field field[ALL_FIELDS];
	union trace_value value[ALL_FIELDS];
};

/* A shape of a tracepoint: which of its own fields were missing, and which were ints of 2^63 or more. */
struct variant {
	unsigned has, shape;
	uint64_t missing, big;
};

struct event {
	struct perf_event_attr attr;
	struct perf_layout layout;
	bool known; /* samples can be decoded */
	struct perf_regs regs;
	struct slice name;
	const struct perf_format *format;
	struct slice *own; /* names of the format's fields in a trace */
	struct variant *variant;
	size_t variants, variant_cap;
	struct perf_access_kind access;
	uint64_t others; /* samples that were no accesses, or not wanted ones */
};

struct id_slot {
	uint64_t id;
	uint64_t count; /* what its counter said last, where samples read it */
	uint32_t event; /* number + 1; 0 is an empty slot */
};

struct task {
	uint32_t tid;
	struct slice comm;
};

struct perf_event_sink {
	struct trace_writer *w;
	enum perf_machine machine;
	uint32_t max_stack;
	struct event *event;
	size_t events, event_cap;
	bool
	    uniform; /* all events have the same layout of what perf_event_time() and find() look at */

	struct id_slot *ids;
	size_t id_mask, id_count;

	struct task *task;
	size_t tasks, task_cap;
	struct hash_set by_tid;
	struct slice *name; /* interned, in arena */
	size_t names, name_cap;
	struct hash_set by_name;
	struct arena arena;

	unsigned shape[HAS_ALL]; /* of samples: number + 1 */
	struct variant *access;  /* shapes of accesses */
	size_t accesses, access_cap;
	struct perf_access_decoder *decoder;
	uint64_t *chain;
	size_t chain_cap;
	int64_t *items; /* of lists in tracepoints */
	size_t item_cap;

	struct {
		const char *why;
		uint64_t n;
	} reason[REASONS];
	unsigned reasons;
	struct perf_event_books books;
	struct draft draft;
};

struct perf_event_sink *
perf_event_new(struct trace_writer *w, enum perf_machine machine)
{
	struct perf_event_sink *s = xcalloc(1, sizeof *s);

	s->w = w;
	s->machine = machine;
	s->uniform = true;
	s->decoder = xcalloc(1, sizeof *s->decoder);
	return s;
}

/* Drafts. */

static void
draft_value(struct draft *d, struct slice name, enum trace_kind kind, union trace_value v)
{
	d->field[d->n] = (struct trace_field){ name, kind };
	d->value[d->n++] = v;
}

static void
draft_int(struct draft *d, struct slice name, int64_t v)
{
	draft_value(d, name, TRACE_INT, (union trace_value){ .i = v });
}

static void
draft_u64(struct draft *d, struct slice name, uint64_t v)
{
	draft_value(d, name, v >> 63 ? TRACE_BIG : TRACE_INT, (union trace_value){ .u = v });
}

static void
draft_addr(struct draft *d, struct slice name, uint64_t v)
{
	draft_value(d, name, TRACE_ADDR, (union trace_value){ .u = v });
}

static void
draft_str(struct draft *d, struct slice name, struct slice v)
{
	draft_value(d, name, TRACE_STR, (union trace_value){ .s = v });
}

static struct draft *
draft_start(struct perf_event_sink *s, uint64_t t)
{
	s->draft.n = 0;
	if (t > 0)
		draft_int(&s->draft, SLICE("t"), (int64_t)t);
	return &s->draft;
}

static int
draft_put(struct perf_event_sink *s, struct slice type)
{
	struct draft *d = &s->draft;

	s->books.made++;
	return trace_put(s->w, trace_writer_shape(s->w, type, d->field, d->n), d->value);
}

/* Losses. */

void
perf_event_lost(struct perf_event_sink *s, uint64_t n, const char *why)
{
	unsigned i;

	if (n == 0)
		return;
	for (i = 0; i < s->reasons && strcmp(s->reason[i].why, why) != 0; i++)
		;
	if (i == REASONS)
		why = s->reason[--i].why = "several";
	if (i == s->reasons)
		s->reason[s->reasons++].n = 0;
	s->reason[i].why = why;
	s->reason[i].n += n;
	s->books.lost += n;
}

/* One that is worth its own record, as it has a time. */
static int
lost_now(struct perf_event_sink *s, const struct perf_trailer *t, uint64_t n, const char *why)
{
	struct draft *d = draft_start(s, t->time);

	if (n == 0)
		return 0;
	s->books.lost += n;
	draft_u64(d, SLICE("n"), n);
	draft_str(d, SLICE("why"), slice_of(why));
	if (t->has_cpu)
		draft_int(d, SLICE("cpu"), (int32_t)t->cpu);
	s->books.made--; /* of the ledger */
	return draft_put(s, SLICE("lost"));
}

int
perf_event_flush(struct perf_event_sink *s)
{
	int result = 0;

	for (unsigned i = 0; i < s->reasons; i++) {
		struct draft *d = draft_start(s, s->books.last);

		draft_u64(d, SLICE("n"), s->reason[i].n);
		draft_str(d, SLICE("why"), slice_of(s->reason[i].why));
		s->books.made--;
		if (draft_put(s, SLICE("lost")) < 0)
			result = -1;
	}
	s->reasons = 0;
	return result;
}

/* Names and tasks. */

static uint64_t
name_hash(const void *context, uint32_t item)
{
	const struct perf_event_sink *s = context;

	return hash_bytes(s->name[item].p, s->name[item].n);
}

/* A copy that lives as long as the sink, the same for the same bytes. */
static struct slice
intern(struct perf_event_sink *s, struct slice name)
{
	uint64_t h = hash_bytes(name.p, name.n);

	for (struct hash_probe at = hash_first(&s->by_name, h); hash_found(&s->by_name, &at);
	     hash_next(&s->by_name, &at))
		if (slice_eq(s->name[at.item], name))
			return s->name[at.item];
	GROW(s->name, s->name_cap, s->names);
	s->name[s->names] = arena_copy(&s->arena, name);
	hash_add(&s->by_name, h, (uint32_t)s->names, name_hash, s);
	return s->name[s->names++];
}

static uint64_t
tid_hash(uint32_t tid)
{
	return hash_mix(0, tid);
}

static uint64_t
task_hash(const void *context, uint32_t item)
{
	const struct perf_event_sink *s = context;

	return tid_hash(s->task[item].tid);
}

/* NULL where nobody told its name. */
static struct task *
task_find(const struct perf_event_sink *s, uint32_t tid)
{
	struct hash_probe at = hash_first(&s->by_tid, tid_hash(tid));

	for (; hash_found(&s->by_tid, &at); hash_next(&s->by_tid, &at))
		if (s->task[at.item].tid == tid)
			return &s->task[at.item];
	return NULL;
}

static void
task_name(struct perf_event_sink *s, uint32_t tid, struct slice comm)
{
	struct task *task = task_find(s, tid);

	if (!task) {
		GROW(s->task, s->task_cap, s->tasks);
		task = &s->task[s->tasks];
		task->tid = tid;
		hash_add(&s->by_tid, tid_hash(tid), (uint32_t)s->tasks++, task_hash, s);
	}
	task->comm = comm;
}

/* Events. */

void
perf_event_machine(struct perf_event_sink *s, enum perf_machine machine)
{
	s->machine = machine;
	for (size_t i = 0; i < s->events; i++) {
		struct event *e = &s->event[i];

		perf_regs_map(&e->regs, machine, e->layout.regs_user);
		perf_access_kind_init(&e->access, &e->attr, e->format, machine, e->access.wanted);
	}
}

void
perf_event_max_stack(struct perf_event_sink *s, uint32_t max)
{
	s->max_stack = max;
}

void
perf_event_rename(struct perf_event_sink *s, unsigned n, struct slice name)
{
	s->event[n].name = intern(s, name);
}

/* A name of the kernel's as one of a trace: [a-z][a-z0-9_]*, and none that the vocabulary has. */
static struct slice
own_name(struct perf_event_sink *s, const struct slice *before, unsigned n, struct slice name)
{
	static const char *const taken[] = { "t", "src", "cpu", "pid", "tid", "comm", "name",
		"weight", "chain", "regs", "ustack", "stack", "origin" };
	struct buf b = BUF_INIT;
	struct slice own;
	bool clash = false;

	while (name.n > 0 && *name.p == '_') {
		name.p++;
		name.n--;
	}
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 'a' - 'A');
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			c = '_';
		buf_char(&b, (char)c);
	}
	own = buf_view(&b);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		clash |= slice_eq(own, slice_of(taken[i]));
	if (clash || own.n == 0 || own.p[0] < 'a') {
		struct buf prefixed = BUF_INIT;

		buf_printf(&prefixed, "arg_%.*s", SLICE_ARG(own));
		buf_free(&b);
		b = prefixed;
	}
	for (unsigned i = 0; i < n; i++) /* two that became alike */
		if (slice_eq(before[i], buf_view(&b))) {
			buf_printf(&b, "_%u", n);
			break;
		}
	own = intern(s, buf_view(&b));
	buf_free(&b);
	return own;
}

void
perf_event_format(struct perf_event_sink *s, unsigned n, const struct perf_format *format)
{
	struct event *e = &s->event[n];

	free(e->own);
	e->own = NULL;
	e->variants = 0;
	e->format = format && format->fields <= OWN_FIELDS ? format : NULL;
	perf_access_kind_init(&e->access, &e->attr, e->format, s->machine, e->access.wanted);
	if (!e->format)
		return;
	e->own = xcalloc(format->fields + 1, sizeof *e->own);
	for (unsigned i = 0; i < format->fields; i++)
		e->own[i] = own_name(s, e->own, i, format->field[i].name);
}

int
perf_event_add(struct perf_event_sink *s, const struct perf_event_attr *attr, struct slice name,
    const struct perf_format *format, struct error *e)
{
	struct perf_layout layout;
	bool known = perf_layout_init(&layout, attr, NULL) == 0;
	unsigned n = (unsigned)s->events;

	if (n > 0) {
		const struct perf_layout *first = &s->event[0].layout;

		if (layout.sample_id_at != first->sample_id_at || layout.sample_id_at == 0 ||
		    (layout.trailer && first->trailer &&
			layout.trailer_id_at != first->trailer_id_at))
			return error_set(e,
			    "events can't be told apart: ids at %u and %u of their samples",
			    first->sample_id_at, layout.sample_id_at);
		if (layout.sample_time_at != first->sample_time_at ||
		    layout.trailer_time_at != first->trailer_time_at ||
		    layout.trailer != first->trailer)
			s->uniform = false;
	}
	GROW(s->event, s->event_cap, n);
	s->event[n] = (struct event){ .attr = *attr, .layout = layout, .known = known };
	s->events++;
	perf_regs_map(&s->event[n].regs, s->machine, layout.regs_user);
	if (name.n > 0) {
		perf_event_rename(s, n, name);
	} else {
		struct buf b = BUF_INIT;

		perf_attr_name(attr, &b);
		perf_event_rename(s, n, buf_view(&b));
		buf_free(&b);
	}
	perf_event_format(s, n, format);
	return (int)n;
}

void
perf_event_access(struct perf_event_sink *s, unsigned n, unsigned wanted)
{
	struct event *e = &s->event[n];

	perf_access_kind_init(&e->access, &e->attr, e->format, s->machine, wanted);
}

uint64_t
perf_event_others(const struct perf_event_sink *s, unsigned n)
{
	return s->event[n].others;
}

unsigned
perf_event_count(const struct perf_event_sink *s)
{
	return (unsigned)s->events;
}

static struct id_slot *
id_slot(const struct perf_event_sink *s, uint64_t id)
{
	size_t at = (size_t)hash_mix(0, id) & s->id_mask;

	while (s->ids[at].event && s->ids[at].id != id)
		at = (at + 1) & s->id_mask;
	return &s->ids[at];
}

void
perf_event_id(struct perf_event_sink *s, uint64_t id, unsigned n)
{
	struct id_slot *slot;

	if (s->id_count * 2 >= s->id_mask) {
		struct id_slot *old = s->ids;
		size_t slots = s->id_mask + 1;

		s->id_mask = s->ids ? s->id_mask * 2 + 1 : 63;
		s->ids = xcalloc(s->id_mask + 1, sizeof *s->ids);
		for (size_t i = 0; old && i < slots; i++)
			if (old[i].event)
				*id_slot(s, old[i].id) = old[i];
		free(old);
	}
	slot = id_slot(s, id);
	s->id_count += slot->event == 0;
	*slot = (struct id_slot){ .id = id, .event = n + 1 };
}

int
perf_event_of(const struct perf_event_sink *s, uint64_t id)
{
	return s->ids ? (int)id_slot(s, id)->event - 1 : -1;
}

/* The event of a record: the first where there is but one, or none is named; NULL where the id is of nobody. */
static const struct event *
find(const struct perf_event_sink *s, const struct perf_event_header *h)
{
	const struct perf_layout *first;
	uint64_t id;
	int n;

	if (s->events <= 1)
		return s->events ? s->event : NULL;
	first = &s->event[0].layout;
	if (h->type == PERF_RECORD_SAMPLE) {
		if (h->size < first->sample_id_at + 8u)
			return NULL;
		id = load64((const char *)h + first->sample_id_at);
	} else {
		if (first->trailer == 0 || first->trailer_id_at == 0 ||
		    h->size < sizeof *h + first->trailer)
			return s->event;
		id = load64((const char *)h + h->size - first->trailer_id_at);
	}
	if (id == 0)
		return s->event;
	n = perf_event_of(s, id);
	if (n < 0)
		return h->type == PERF_RECORD_SAMPLE ? NULL : s->event;
	return &s->event[n];
}

uint64_t
perf_event_time(const struct perf_event_sink *s, const struct perf_event_header *h)
{
	const struct event *e = s->uniform && s->events ? s->event : find(s, h);
	uint64_t t;

	if (!e)
		return 0;
	if (h->type == PERF_RECORD_SAMPLE) {
		if (e->layout.sample_time_at == 0 || h->size < e->layout.sample_time_at + 8u)
			return 0;
		t = load64((const char *)h + e->layout.sample_time_at);
	} else {
		if (e->layout.trailer == 0 || e->layout.trailer_time_at == 0 ||
		    h->size < sizeof *h + e->layout.trailer)
			return 0;
		t = load64((const char *)h + h->size - e->layout.trailer_time_at);
	}
	return t >> 63 ? 0 : t; /* perf writes -1 for none */
}

/* Samples. */

/* The chain of a sample taken with --call-graph lbr: the kernel's part, and the user's as the branch records have it, which
 * in call-stack mode are the calls that have not returned. */
static uint32_t
lbr_chain(const struct perf_sample *x, uint32_t n, uint64_t *chain)
{
	uint32_t kernel = 0;

	while (kernel < n && chain[kernel] >> 63)
		kernel++;
	n = kernel;
	if (x->ip >> 63 == 0)
		chain[n++] = x->ip;
	else
		chain[n++] = x->branch[0].to;
	for (uint64_t i = 0; i < x->branch_n; i++)
		if (x->branch[i].from && x->branch[i].from >> 63 == 0)
			chain[n++] = x->branch[i].from;
	return n;
}

static uint32_t
make_chain(struct perf_event_sink *s, const struct event *e, const struct perf_sample *x)
{
	uint32_t guest, n;

	if (s->chain_cap < x->chain_n + x->branch_n + 1)
		s->chain = xgrow(s->chain, &s->chain_cap, x->chain_n + x->branch_n + 1, 8);
	n = perf_chain_plain(x, s->chain, &guest);
	if (guest > 0)
		perf_event_lost(s, 1, "guest");
	if (s->max_stack &&
	    n >= (e->attr.sample_max_stack ? e->attr.sample_max_stack : s->max_stack))
		perf_event_lost(s, 1, "stack-cut");
	if (e->layout.branch_type & PERF_SAMPLE_BRANCH_CALL_STACK && x->branch_n > 0)
		n = lbr_chain(x, n, s->chain);
	return n;
}

/* Registers and stack in the order of DWARF; 0 where the sample has none to give. */
static unsigned
make_regs(
    struct perf_event_sink *s, const struct event *e, const struct perf_sample *x, uint64_t *regs)
{
	if (x->user_abi == PERF_SAMPLE_REGS_ABI_NONE)
		return 0;
	if (x->user_abi != PERF_SAMPLE_REGS_ABI_64) {
		perf_event_lost(s, 1, "abi32");
		return 0;
	}
	if (e->regs.n == 0) {
		if (x->stack.n > 0)
			perf_event_lost(s, 1, "no-regs");
		return 0;
	}
	for (unsigned i = 0; i < e->regs.n; i++)
		regs[i] = x->user[e->regs.at[i]];
	return e->regs.n;
}

/* What a sample was made to. */
struct parts {
	struct slice comm;
	struct trace_list chain, regs;
};

/* The values that samples and events share, in the order of the vocabulary. */
static void
sample_values(struct draft *d, const struct event *e, const struct perf_sample *x, unsigned has,
    const struct parts *p)
{
	union trace_value *v = d->value;

	if (has & HAS_T)
		(v++)->i = (int64_t)x->time;
	if (has & HAS_CPU)
		(v++)->i = (int32_t)x->cpu;
	if (has & HAS_TASK) {
		(v++)->i = (int32_t)x->pid;
		(v++)->i = (int32_t)x->tid;
	}
	if (has & HAS_COMM)
		(v++)->s = p->comm;
	(v++)->s = e->name;
	if (has & HAS_WEIGHT)
		(v++)->i = (int64_t)x->period;
	if (has & HAS_IP)
		(v++)->u = x->ip;
	if (has & HAS_ADDR)
		(v++)->u = x->addr;
	if (has & HAS_CHAIN)
		(v++)->list = p->chain;
	if (has & HAS_REGS)
		(v++)->list = p->regs;
	if (has & HAS_USTACK)
		(v++)->s = x->stack;
	d->n = (unsigned)(v - d->value);
}

/* Their fields, which are asked for once a shape. */
static void
sample_fields(struct draft *d, bool tracepoint, unsigned has)
{
	const struct {
		unsigned bit;
		struct trace_field field;
	} all[] = {
		{ HAS_T, { SLICE("t"), TRACE_INT } },
		{ HAS_CPU, { SLICE("cpu"), TRACE_INT } },
		{ HAS_TASK, { SLICE("pid"), TRACE_INT } },
		{ HAS_TASK, { SLICE("tid"), TRACE_INT } },
		{ HAS_COMM, { SLICE("comm"), TRACE_STR } },
		{ ~0u, { tracepoint ? SLICE("name") : SLICE("event"), TRACE_STR } },
		{ HAS_WEIGHT, { SLICE("weight"), TRACE_INT } },
		{ HAS_IP, { SLICE("ip"), TRACE_ADDR } },
		{ HAS_ADDR, { SLICE("addr"), TRACE_ADDR } },
		{ HAS_CHAIN, { SLICE("chain"), TRACE_ADDRS } },
		{ HAS_REGS, { SLICE("regs"), TRACE_ADDRS } },
		{ HAS_USTACK, { SLICE("ustack"), TRACE_BYTES } },
	};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (has & all[i].bit || all[i].bit == ~0u)
			d->field[n++] = all[i].field;
}

static struct trace_list
make_items(struct perf_event_sink *s, const struct perf_field *f, struct slice bytes, size_t *used)
{
	uint32_t n = (uint32_t)(bytes.n / f->item);
	struct trace_list list = { .n = n };

	for (uint32_t i = 0; i < n; i++)
		s->items[*used + i] = (int64_t)perf_field_item(f, bytes, i);
	list.items = s->items + *used;
	*used += n;
	return list;
}

/* The own fields of a tracepoint. */
static void
draft_fields(struct perf_event_sink *s, const struct event *e, const struct perf_sample *x,
    struct variant *v)
{
	struct draft *d = &s->draft;
	size_t used = 0;

	if (x->raw.n == 0) {
		v->missing = ~0ull;
		return;
	}
	if (!e->format) {
		draft_value(d, SLICE("raw"), TRACE_BYTES, (union trace_value){ .s = x->raw });
		return;
	}
	/* Every field may be a list of all of the record, by a format that lies. */
	if (s->item_cap < (x->raw.n / 2 + 1) * e->format->fields)
		s->items = xgrow(s->items, &s->item_cap, (x->raw.n / 2 + 1) * e->format->fields, 8);
	for (unsigned i = 0; i < e->format->fields; i++) {
		const struct perf_field *f = &e->format->field[i];
		union trace_value out = { 0 };
		union perf_value in;

		if (perf_field_read(f, x->raw, &in) < 0) {
			v->missing |= 1ull << i;
			perf_event_lost(s, 1, "short-field");
			continue;
		}
		switch (f->kind) {
		case PERF_FIELD_INT:
			if (in.u >> 63 && !f->is_signed) {
				v->big |= 1ull << i;
				draft_u64(d, e->own[i], in.u);
			} else {
				draft_int(d, e->own[i], (int64_t)in.u);
			}
			break;
		case PERF_FIELD_ADDR:
			draft_addr(d, e->own[i], in.u);
			break;
		case PERF_FIELD_STR:
			draft_str(d, e->own[i], in.s);
			break;
		case PERF_FIELD_INTS:
		case PERF_FIELD_ADDRS:
			out.list = make_items(s, f, in.s, &used);
			draft_value(d, e->own[i],
			    f->kind == PERF_FIELD_INTS ? TRACE_INTS : TRACE_ADDRS, out);
			break;
		case PERF_FIELD_BYTES:
			out.s = in.s;
			draft_value(d, e->own[i], TRACE_BYTES, out);
			break;
		}
	}
}

static int
put_tracepoint(
    struct perf_event_sink *s, struct event *e, const struct perf_sample *x, unsigned has)
{
	struct draft *d = &s->draft;
	struct variant v = { .has = has };

	draft_fields(s, e, x, &v);
	for (size_t i = 0; i < e->variants; i++) {
		const struct variant *o = &e->variant[i];

		if (o->has == has && o->missing == v.missing && o->big == v.big)
			return trace_put(s->w, o->shape, d->value);
	}
	sample_fields(d, true, has);
	v.shape = trace_writer_shape(s->w, SLICE("event"), d->field, d->n);
	GROW(e->variant, e->variant_cap, e->variants);
	e->variant[e->variants++] = v;
	return trace_put(s->w, v.shape, d->value);
}

/* An access has fields of its own, in the order of the vocabulary. */
static void
draft_access(struct draft *d, const struct event *e, const struct perf_sample *x, unsigned has,
    const struct parts *p, const struct perf_access *a)
{
	d->n = 0;
	if (has & HAS_T)
		draft_int(d, SLICE("t"), (int64_t)x->time);
	if (has & HAS_CPU)
		draft_int(d, SLICE("cpu"), (int32_t)x->cpu);
	if (has & HAS_TASK) {
		draft_int(d, SLICE("pid"), (int32_t)x->pid);
		draft_int(d, SLICE("tid"), (int32_t)x->tid);
	}
	draft_str(d, SLICE("event"), e->name);
	draft_str(d, SLICE("op"), a->op);
	if (has & HAS_ADDR)
		draft_addr(d, SLICE("addr"), a->addr);
	if (has & HAS_SIZE)
		draft_int(d, SLICE("size"), (int64_t)a->size);
	if (has & HAS_WEIGHT)
		draft_int(d, SLICE("weight"), (int64_t)x->period);
	if (has & HAS_LATENCY)
		draft_int(d, SLICE("latency"), (int64_t)a->latency);
	if (has & HAS_LEVEL)
		draft_str(d, SLICE("level"), a->level);
	if (has & HAS_TLB)
		draft_str(d, SLICE("tlb"), a->tlb);
	if (has & HAS_SNOOP)
		draft_str(d, SLICE("snoop"), a->snoop);
	if (has & HAS_LOCKED)
		draft_int(d, SLICE("locked"), 1);
	if (has & HAS_IP)
		draft_addr(d, SLICE("ip"), a->ip);
	if (has & HAS_CHAIN)
		draft_value(
		    d, SLICE("chain"), TRACE_ADDRS, (union trace_value){ .list = p->chain });
	if (has & HAS_REGS)
		draft_value(d, SLICE("regs"), TRACE_ADDRS, (union trace_value){ .list = p->regs });
	if (has & HAS_USTACK)
		draft_value(d, SLICE("ustack"), TRACE_BYTES, (union trace_value){ .s = x->stack });
}

static int
put_access(struct perf_event_sink *s, const struct event *e, const struct perf_sample *x,
    unsigned has, const struct parts *p, const struct perf_access *a)
{
	struct draft *d = &s->draft;
	size_t i;

	has &= ~(unsigned)(HAS_COMM | HAS_IP | HAS_ADDR);
	has |= (a->has_addr ? HAS_ADDR : 0) | (a->has_ip ? HAS_IP : 0) |
	       (a->size > 0 ? HAS_SIZE : 0) |
	       (a->latency > 0 && a->latency >> 63 == 0 ? HAS_LATENCY : 0) |
	       (a->level.n > 0 ? HAS_LEVEL : 0) | (a->tlb.n > 0 ? HAS_TLB : 0) |
	       (a->snoop.n > 0 ? HAS_SNOOP : 0) | (a->locked ? HAS_LOCKED : 0);
	draft_access(d, e, x, has, p, a);
	for (i = 0; i < s->accesses && s->access[i].has != has; i++)
		;
	if (i == s->accesses) {
		GROW(s->access, s->access_cap, s->accesses);
		s->access[s->accesses++] = (struct variant){ .has = has,
			.shape = trace_writer_shape(s->w, SLICE("access"), d->field, d->n) };
	}
	s->books.samples++;
	s->books.made++;
	return trace_put(s->w, s->access[i].shape, d->value);
}

/* What was not wanted. */
static int
leave_out(struct perf_event_sink *s, struct event *e)
{
	e->others++;
	s->books.dropped++;
	return 0;
}

/* One record; the event may be another than that of the sample's layout, in a group that reads its members. */
static int
put_one(struct perf_event_sink *s, struct event *e, const struct perf_sample *x, unsigned has,
    const struct parts *p)
{
	struct perf_access a;

	if (e->access.source != PERF_ACCESS_NONE) {
		if (perf_access_read(s->decoder, &e->access, &e->layout, x, &a) > 0)
			return put_access(s, e, x, has, p, &a);
		if (e->access.wanted != 0)
			return leave_out(s, e);
	}
	s->books.samples++;
	s->books.made++;
	if (e->attr.type == PERF_TYPE_TRACEPOINT) {
		has &= ~(unsigned)(HAS_WEIGHT | HAS_IP | HAS_ADDR);
		if (x->period > 1)
			has |= HAS_WEIGHT;
		sample_values(&s->draft, e, x, has, p);
		return put_tracepoint(s, e, x, has);
	}
	sample_values(&s->draft, e, x, has, p);
	if (s->shape[has] == 0) {
		sample_fields(&s->draft, false, has);
		s->shape[has] =
		    1 + trace_writer_shape(s->w, SLICE("sample"), s->draft.field, s->draft.n);
	}
	return trace_put(s->w, s->shape[has] - 1, s->draft.value);
}

/* A sample that read counters stands for one of each event whose counter moved, weighted by how far. */
static int
put_counts(struct perf_event_sink *s, const struct event *e, struct perf_sample *x, unsigned has,
    const struct parts *p)
{
	uint64_t format = e->layout.read_format;
	struct slice raw = x->raw;
	bool group = format & PERF_FORMAT_GROUP;
	uint64_t times = (format & PERF_FORMAT_TOTAL_TIME_ENABLED ? 1 : 0) +
			 (format & PERF_FORMAT_TOTAL_TIME_RUNNING ? 1 : 0);
	uint64_t each = format & PERF_FORMAT_LOST ? 3 : 2;
	const char *at = x->read.p;
	uint64_t n = group ? load64(at) : 1;

	at += group ? 8 + 8 * times : 0;
	for (; n > 0; n--, at += 8 * each) {
		uint64_t value = load64(at), id = load64(at + 8 * (group ? 1 : 1 + times));
		struct id_slot *slot = s->ids ? id_slot(s, id) : NULL;

		if (!slot || slot->event == 0) {
			perf_event_lost(s, 1, "unknown-event");
			continue;
		}
		/* What is raw is of the sample's own event. */
		x->raw = e == &s->event[slot->event - 1] ? raw : SLICE("");
		x->period = value - slot->count;
		slot->count = value;
		if (x->period == 0 || x->period >> 63)
			continue;
		if (put_one(s, &s->event[slot->event - 1], x, has | HAS_WEIGHT, p) < 0)
			return -1;
	}
	return 0;
}

static int
put_sample(struct perf_event_sink *s, const struct perf_event_header *h)
{
	struct event *e = (struct event *)find(s, h);
	unsigned mode = h->misc & PERF_RECORD_MISC_CPUMODE_MASK, has = 0;
	struct parts p = { 0 };
	uint64_t type, reg[PERF_REGS_MAX];
	struct perf_access access;
	struct perf_sample x;

	if (!e || !e->known) {
		perf_event_lost(s, 1, e ? "unsupported" : "unknown-event");
		return 0;
	}
	if (perf_sample_read(&e->layout, h, &x) < 0 || x.time >> 63 || x.period >> 63) {
		perf_event_lost(s, 1, "damaged");
		return 0;
	}
	if (mode == PERF_RECORD_MISC_GUEST_KERNEL || mode == PERF_RECORD_MISC_GUEST_USER) {
		perf_event_lost(s, 1, "guest");
		return 0;
	}
	type = e->layout.sample_type;
	/* before anything is made of it, or said of its stack */
	if (e->access.wanted != 0 && !(type & PERF_SAMPLE_READ) &&
	    perf_access_read(s->decoder, &e->access, &e->layout, &x, &access) <= 0)
		return leave_out(s, e);
	if (x.time > 0) {
		has |= HAS_T;
		if (x.time > s->books.last)
			s->books.last = x.time;
	}
	if (type & PERF_SAMPLE_CPU)
		has |= HAS_CPU;
	if (type & PERF_SAMPLE_TID) {
		const struct task *task = task_find(s, x.tid);

		has |= HAS_TASK;
		if (task || x.tid == 0) {
			has |= HAS_COMM;
			p.comm = task ? task->comm : SLICE("swapper");
		}
	}
	if (type & PERF_SAMPLE_CALLCHAIN) {
		has |= HAS_CHAIN;
		p.chain.n = make_chain(s, e, &x);
		p.chain.u = s->chain;
	}
	if (x.user_abi != PERF_SAMPLE_REGS_ABI_NONE) {
		p.regs.n = make_regs(s, e, &x, reg);
		p.regs.u = reg;
		if (p.regs.n > 0)
			has |= x.stack.n > 0 ? HAS_REGS | HAS_USTACK : HAS_REGS;
	}
	if (type & PERF_SAMPLE_PERIOD || e->layout.period)
		has |= HAS_WEIGHT;
	if (type & PERF_SAMPLE_IP && !(has & HAS_CHAIN))
		has |= HAS_IP;
	if (type & PERF_SAMPLE_ADDR)
		has |= HAS_ADDR;
	if (type & PERF_SAMPLE_READ && e->layout.read_format & PERF_FORMAT_ID)
		return put_counts(s, e, &x, has, &p);
	return put_one(s, e, &x, has, &p);
}

/* Address spaces. */

int
perf_event_mmap(struct perf_event_sink *s, uint64_t t, const struct perf_mmap *m)
{
	struct draft *d = draft_start(s, t);
	struct perf_mmap k = *m;

	if ((int32_t)m->pid == -1 && slice_starts(m->path, SLICE("[kernel.kallsyms]"))) {
		/* perf names the symbol that it relocates by, and gives its address as the offset; the mapping begins at 0
		 * in old files. */
		if (k.offset > k.addr && k.offset - k.addr < k.size) {
			k.size -= k.offset - k.addr;
			k.addr = k.offset;
		}
		k.offset = 0;
		k.path = SLICE("[kernel.kallsyms]");
	}
	draft_int(d, SLICE("pid"), (int32_t)k.pid);
	draft_int(d, SLICE("tid"), (int32_t)k.tid);
	draft_addr(d, SLICE("addr"), k.addr);
	draft_u64(d, SLICE("size"), k.size);
	draft_u64(d, SLICE("offset"), k.offset);
	draft_str(d, SLICE("path"), k.path);
	if (k.buildid.n > 0)
		draft_value(
		    d, SLICE("buildid"), TRACE_BYTES, (union trace_value){ .s = k.buildid });
	return draft_put(s, SLICE("mmap"));
}

int
perf_event_comm(struct perf_event_sink *s, uint64_t t, const struct perf_comm *c)
{
	struct draft *d = draft_start(s, t);
	struct slice name = intern(s, c->name);

	task_name(s, c->tid, name);
	draft_int(d, SLICE("pid"), (int32_t)c->pid);
	draft_int(d, SLICE("tid"), (int32_t)c->tid);
	draft_str(d, SLICE("name"), name);
	if (c->exec)
		draft_int(d, SLICE("exec"), 1);
	return draft_put(s, SLICE("comm"));
}

static int
put_task(struct perf_event_sink *s, uint64_t t, const struct perf_task *f, struct slice type)
{
	struct draft *d = draft_start(s, t);

	draft_int(d, SLICE("pid"), (int32_t)f->pid);
	draft_int(d, SLICE("tid"), (int32_t)f->tid);
	draft_int(d, SLICE("ppid"), (int32_t)f->ppid);
	draft_int(d, SLICE("ptid"), (int32_t)f->ptid);
	return draft_put(s, type);
}

int
perf_event_fork(struct perf_event_sink *s, uint64_t t, const struct perf_task *f)
{
	const struct task *parent = task_find(s, f->ptid);

	if (parent)
		task_name(s, f->tid, parent->comm);
	return put_task(s, t, f, SLICE("fork"));
}

static int
put_ksymbol(struct perf_event_sink *s, uint64_t t, const struct perf_ksymbol *k)
{
	struct draft *d = draft_start(s, t);

	draft_addr(d, SLICE("addr"), k->addr);
	draft_int(d, SLICE("size"), k->size);
	draft_str(d, SLICE("name"), k->name);
	draft_str(d, SLICE("object"),
	    k->type == PERF_RECORD_KSYMBOL_TYPE_BPF ? SLICE("[bpf]") : SLICE("[kernel.kallsyms]"));
	return draft_put(s, SLICE("sym"));
}

/* What is no sample. 1: the trace has no place for it; -2: it is damaged. */
static int
put_other(struct perf_event_sink *s, const struct perf_layout *l, const struct perf_event_header *h,
    const struct perf_trailer *at)
{
	union {
		struct perf_mmap mmap;
		struct perf_comm comm;
		struct perf_task task;
		struct perf_loss loss;
		struct perf_ksymbol ksymbol;
		struct perf_aux aux;
	} x;

	switch (h->type) {
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		if (perf_mmap_read(l, h, &x.mmap) < 0)
			return -2;
		if (!(x.mmap.prot & PROT_EXEC) || slice_starts(x.mmap.path, SLICE("[guest.")))
			return 1;
		return perf_event_mmap(s, at->time, &x.mmap);
	case PERF_RECORD_COMM:
		return perf_comm_read(l, h, &x.comm) < 0 ? -2
							 : perf_event_comm(s, at->time, &x.comm);
	case PERF_RECORD_FORK:
		return perf_task_read(l, h, &x.task) < 0 ? -2
							 : perf_event_fork(s, at->time, &x.task);
	case PERF_RECORD_EXIT:
		return perf_task_read(l, h, &x.task) < 0
			   ? -2
			   : put_task(s, at->time, &x.task, SLICE("exit"));
	case PERF_RECORD_KSYMBOL:
		if (perf_ksymbol_read(l, h, &x.ksymbol) < 0)
			return -2;
		if (x.ksymbol.flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER)
			return 1;
		return put_ksymbol(s, at->time, &x.ksymbol);
	case PERF_RECORD_LOST:
	case PERF_RECORD_LOST_SAMPLES:
		if (perf_loss_read(l, h, &x.loss) < 0)
			return -2;
		return lost_now(
		    s, at, x.loss.n, h->type == PERF_RECORD_LOST ? "ring-full" : "lost-samples");
	case PERF_RECORD_THROTTLE:
		return lost_now(s, at, 1, "throttled");
	case PERF_RECORD_AUX:
		if (perf_aux_read(l, h, &x.aux) < 0)
			return -2;
		if (!(x.aux.flags & (PERF_AUX_FLAG_TRUNCATED | PERF_AUX_FLAG_PARTIAL)))
			return 1;
		return lost_now(s, at, 1, "aux-truncated");
	default:
		return 1;
	}
}

static int
put_record(struct perf_event_sink *s, const struct perf_event_header *h, bool late)
{
	static const struct perf_layout bare;
	const struct event *e;
	struct perf_trailer at;
	int result;

	if (!perf_record_name(h->type)) {
		perf_event_lost(s, 1, "unknown-record");
		return 0;
	}
	e = find(s, h);
	if (perf_trailer_read(e ? &e->layout : &bare, h, &at) < 0) {
		perf_event_lost(s, 1, "damaged");
		return 0;
	}
	if (late || at.time >> 63)
		at.time = 0;
	if (at.time > s->books.last)
		s->books.last = at.time;
	result = put_other(s, e ? &e->layout : &bare, h, &at);
	if (result == 1) {
		s->books.dropped++;
	} else if (result == -2) {
		perf_event_lost(s, 1, "damaged");
	} else if (result < 0) {
		return -1;
	}
	return 0;
}

int
perf_event_put(struct perf_event_sink *s, const struct perf_event_header *h)
{
	s->books.in++;
	return h->type == PERF_RECORD_SAMPLE ? put_sample(s, h) : put_record(s, h, false);
}

int
perf_event_put_late(struct perf_event_sink *s, const struct perf_event_header *h)
{
	s->books.in++;
	if (h->type != PERF_RECORD_SAMPLE)
		return put_record(s, h, true);
	perf_event_lost(s, 1, "late");
	return 0;
}

const struct perf_event_books *
perf_event_books(const struct perf_event_sink *s)
{
	return &s->books;
}

void
perf_event_free(struct perf_event_sink *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->events; i++) {
		free(s->event[i].own);
		free(s->event[i].variant);
	}
	free(s->event);
	free(s->ids);
	free(s->task);
	free(s->name);
	free(s->access);
	free(s->decoder);
	free(s->chain);
	free(s->items);
	hash_free(&s->by_tid);
	hash_free(&s->by_name);
	arena_free(&s->arena);
	free(s);
}
