#include <stdlib.h>

#include "base/alloc.h"
#include "flow/join_parts.h"

enum { NO_SITE, SITE_NAMES, SITE_ADDRESSES, SITE_KINDS, RANGE = 4096 };

/* Rows that wait to be put out together: what they get stays in the cache until it is copied. */
enum { PART = 2048, GUESSES = 16 };

enum what { NOTHING, LEDGER, START, STATE, ALLOC, FREE, ACCESS };

/* Fields that an access gets, in this order. */
enum own { KIND, OBJECT, OFFSET, OBJECT_SIZE, AGE, SERIAL, SITE, NAME, OBJECTS, OWNS };

static const struct trace_field own_field[OWNS] = { { SLICE("kind"), TRACE_STR },
	{ SLICE("object"), TRACE_ADDR }, { SLICE("offset"), TRACE_INT },
	{ SLICE("object_size"), TRACE_INT }, { SLICE("age_ns"), TRACE_INT },
	{ SLICE("serial"), TRACE_INT }, { SLICE("site"), TRACE_STRS }, { SLICE("name"), TRACE_STR },
	{ SLICE("objects"), TRACE_INT } };

/* How an access of a shape is put out as one of a kind. */
struct layout {
	bool made;
	unsigned shape;  /* the writer's */
	int *from;       /* of each of its fields: the input's, or ~own */
	unsigned source; /* the writer's, in this round */
	uint64_t round;
};

/* A shape of the reader, by its id. */
struct shape {
	uint64_t serial; /* 0: not looked at */
	enum what what;
	int t, dur, src, pid, tid, addr, size, op, old, stack, chain, ppid, exec, host, arch;
	unsigned fields;
	const uint64_t **column; /* of the present block */
	unsigned source;         /* of its rows as they are, in this round */
	uint64_t round;
	uint64_t *own;  /* what accesses get, PART of each field */
	uint32_t first; /* the row to which the first of them belong */
	uint32_t next;  /* the row behind those that were seen */
	struct guess {
		uint32_t row; /* UINT32_MAX: none */
		uint64_t memory;
		struct extents_guess guess;
	} guess[GUESSES]; /* of rows that come, by their numbers */
	struct trace_extra extra[OWNS];
	struct layout layout[JOIN_KINDS][SITE_KINDS][2]; /* with a name or without */
};

/* What an op of alloc and free means, by the number of its string in the present block. */
struct ops {
	uint64_t block;
	unsigned char *what;
	size_t cap, n;
};

struct join {
	struct join_options o;
	struct join_counts counts;
	struct join_lives lives;
	struct join_sites sites;
	struct shape *shape;
	size_t shape_cap;
	struct join_host **host;
	uint32_t hosts;
	size_t host_cap;
	struct source {
		uint32_t host;
		bool known, began;
	} * source; /* by src */
	size_t sources, source_cap;
	struct ops alloc_ops, free_ops;
	int64_t now;
	bool timed;
	uint64_t told_missing;
	union trace_value *value;
	size_t value_cap;
	struct arena text;
	/* rows of the present block that wait until its end */
	uint64_t block;
	uint32_t seen;     /* rows of it */
	struct shape **of; /* its shapes, by their numbers in it */
	size_t of_cap;
	unsigned ofs;
	struct trace_pick pick[PART];
	uint32_t picks;
	uint64_t round; /* of picking: sources are good in one */
	/* names of places, by number */
	struct slice *name;
	uint64_t *name_link;
	size_t names, name_cap, name_link_cap;
	struct hash_set name_set;
	uint64_t kind_link[JOIN_KINDS];
};

static const struct slice kind_name[JOIN_KINDS] = { SLICE("object"), SLICE("page"), SLICE("stack"),
	SLICE("heap"), SLICE("global"), SLICE("file"), SLICE("kernel"), SLICE("unknown") };

const char *
join_kind_name(enum join_kind kind)
{
	return kind_name[kind].p;
}

const struct join_counts *
join_counts(const struct join *j)
{
	return &j->counts;
}

/* ---- hosts and sources ---- */

enum { SOURCES_MAX = 65536 };

/* The host of this name; sources that do not say theirs have one, too. */
static uint32_t
host_named(struct join *j, struct slice name)
{
	struct join_host *h;
	struct error e;

	for (uint32_t i = 0; i < j->hosts; i++)
		if (slice_eq(j->host[i]->name, name))
			return i;
	h = xcalloc(1, sizeof *h);
	h->name = arena_copy(&j->text, name);
	h->space = ADDRESS_SPACE_INIT;
	h->images = IMAGES_INIT;
	h->images.symfs = j->o.symfs;
	for (size_t i = 0; i < j->o.files; i++)
		images_give(&h->images, j->o.file[i], &e); /* join_new() has tried */
	GROW(j->host, j->host_cap, j->hosts);
	j->host[j->hosts] = h;
	return j->hosts++;
}

static struct source *
make_source(struct join *j, size_t n)
{
	for (; j->sources <= n; j->sources++) {
		GROW(j->source, j->source_cap, j->sources);
		j->source[j->sources] = (struct source){ 0 };
	}
	if (!j->source[n].known) {
		j->source[n].known = true;
		j->source[n].host = host_named(j, SLICE(""));
	}
	return &j->source[n];
}

static inline struct source *
source_of(struct join *j, int64_t src)
{
	size_t n = src < 0 || src >= SOURCES_MAX ? 0 : (size_t)src;

	return n < j->sources && j->source[n].known ? &j->source[n] : make_source(j, n);
}

/* ---- shapes ---- */

static enum what
what_of(const struct trace_shape *shape)
{
	struct slice type = shape->type;

	if (slice_eq(type, SLICE("access")))
		return ACCESS;
	if (slice_eq(type, SLICE("alloc")))
		return ALLOC;
	if (slice_eq(type, SLICE("free")))
		return FREE;
	if (slice_eq(type, SLICE("start")))
		return START;
	if (trace_is_ledger(shape))
		return LEDGER;
	return address_space_wants(type) ? STATE : NOTHING;
}

/* An address; an int where lines were written by hand. */
static int
address_field(const struct trace_shape *shape, struct slice name)
{
	int f = trace_field_of(shape, name, TRACE_ADDR);

	return f >= 0 ? f : trace_field_of(shape, name, TRACE_INT);
}

static void
forget(struct shape *s)
{
	for (unsigned k = 0; k < JOIN_KINDS; k++)
		for (unsigned site = 0; site < SITE_KINDS; site++)
			for (unsigned name = 0; name < 2; name++)
				free(s->layout[k][site][name].from);
	free(s->own);
	free(s->column);
}

static struct shape *
shape_of(struct join *j, const struct trace_shape *shape)
{
	struct shape *s;

	if (shape->id >= j->shape_cap) {
		size_t had = j->shape_cap;

		GROW(j->shape, j->shape_cap, shape->id);
		memset(j->shape + had, 0, (j->shape_cap - had) * sizeof *j->shape);
	}
	s = &j->shape[shape->id];
	if (s->serial == shape->serial)
		return s;
	forget(s);
	*s = (struct shape){ .serial = shape->serial,
		.what = what_of(shape),
		.t = trace_when(shape).t,
		.dur = trace_when(shape).dur,
		.src = trace_field_of(shape, SLICE("src"), TRACE_INT),
		.pid = trace_field_of(shape, SLICE("pid"), TRACE_INT),
		.tid = trace_field_of(shape, SLICE("tid"), TRACE_INT),
		.addr = address_field(shape, SLICE("addr")),
		.size = trace_field_of(shape, SLICE("size"), TRACE_INT),
		.op = trace_field_of(shape, SLICE("op"), TRACE_STR),
		.old = address_field(shape, SLICE("old")),
		.stack = trace_field_of(shape, SLICE("stack"), TRACE_STRS),
		.chain = trace_field_of(shape, SLICE("chain"), TRACE_ADDRS),
		.ppid = trace_field_of(shape, SLICE("ppid"), TRACE_INT),
		.exec = trace_field_of(shape, SLICE("exec"), TRACE_INT),
		.host = trace_field_of(shape, SLICE("host"), TRACE_STR),
		.arch = trace_field_of(shape, SLICE("arch"), TRACE_STR),
		.fields = shape->fields,
		.column = xcalloc((size_t)shape->fields + 1, sizeof *s->column) };
	return s;
}

/* ---- a row ---- */

struct row {
	struct shape *shape;
	struct trace_block *b;
	unsigned s;
	uint32_t row;
};

static inline uint64_t
word(const struct row *r, int field, uint64_t otherwise)
{
	return field < 0 ? otherwise : r->shape->column[field][r->row];
}

static int64_t
source_number(const struct row *r)
{
	return (int64_t)word(r, r->shape->src, 0);
}

static void
advance(struct join *j, const struct row *r)
{
	int64_t t, dur;

	if (r->shape->t < 0)
		return;
	t = (int64_t)word(r, r->shape->t, 0);
	dur = (int64_t)word(r, r->shape->dur, 0);
	if (dur > 0 && __builtin_add_overflow(t, dur, &t))
		t = INT64_MAX;
	if (j->timed && t < j->now) {
		j->counts.out_of_order++;
		return;
	}
	j->timed = true;
	j->now = t;
}

/* ---- state ---- */

/* A source begins: it says its host. One that begins again is another recording, of processes that we do not know. */
static void
start(struct join *j, const struct row *r)
{
	struct source *s = source_of(j, source_number(r));
	const struct shape *shape = r->shape;

	if (shape->host < 0 && shape->arch < 0)
		return; /* a filter's */
	if (s->began) {
		join_lives_clear(&j->lives, s->host);
		j->host[s->host]->began = false;
	}
	s->began = true;
	if (shape->host >= 0)
		s->host =
		    host_named(j, trace_string(r->b, (uint32_t)shape->column[shape->host][r->row]));
}

static void
state(struct join *j, const struct row *r)
{
	struct join_host *h = j->host[source_of(j, source_number(r))->host];
	const struct trace_shape *shape = r->b->shape[r->s];
	struct trace_record record = { shape, j->value };
	int64_t pid = (int64_t)word(r, r->shape->pid, UINT64_MAX);
	struct join_process *p;
	struct error e;

	/* The second start of a host must not make us forget what the first one's records told. */
	if (r->shape->what == START) {
		if (r->shape->arch < 0 || h->began)
			return;
		h->began = true;
	}
	GROW(j->value, j->value_cap, shape->fields);
	record.value = j->value;
	for (unsigned f = 0; f < shape->fields; f++)
		j->value[f] = trace_block_value(r->b, r->s, f, r->row);
	address_space_record(&h->space, &record, &e); /* an unknown architecture has no names */
	if (slice_eq(shape->type, SLICE("fork")) && r->shape->ppid >= 0) {
		join_lives_fork(&j->lives, source_of(j, source_number(r))->host,
		    (int64_t)word(r, r->shape->ppid, 0), pid, source_number(r));
		return;
	}
	if (slice_eq(shape->type, SLICE("comm")) ? !word(r, r->shape->exec, 0)
						 : !slice_eq(shape->type, SLICE("exit")) ||
						       (int64_t)word(r, r->shape->tid, 0) != pid)
		return;
	p = join_process(&j->lives, source_of(j, source_number(r))->host, pid, false);
	if (p)
		join_lives_end(&j->lives, p);
}

/* ---- allocations ---- */

static unsigned char *
op_of(struct ops *o, const struct row *r, uint32_t string)
{
	if (o->block != trace_block_serial(r->b)) {
		o->block = trace_block_serial(r->b);
		o->n = 0;
	}
	if (string >= o->n) {
		GROW(o->what, o->cap, r->b->strings - 1);
		memset(o->what + o->n, 0, r->b->strings - o->n);
		o->n = r->b->strings;
	}
	return &o->what[string];
}

static bool
one_of(struct slice word, const char *const *names)
{
	for (; *names; names++)
		if (slice_eq(word, slice_of(*names)))
			return true;
	return false;
}

static enum join_rank
rank_of(struct join *j, const struct row *r)
{
	static const char *const regions[] = { "mmap", "mremap", "brk", "sbrk", "shmat", NULL };
	static const char *const objects[] = { "malloc", "calloc", "realloc", "reallocarray",
		"posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc", "new", "new[]",
		"alloc", NULL };
	unsigned char *known;
	uint32_t op;

	if (r->shape->op < 0)
		return JOIN_HEAP_OBJECT;
	op = (uint32_t)r->shape->column[r->shape->op][r->row];
	known = op_of(&j->alloc_ops, r, op);
	if (*known == 0)
		*known = 1 + (one_of(trace_string(r->b, op), regions)      ? JOIN_REGION
				 : one_of(trace_string(r->b, op), objects) ? JOIN_HEAP_OBJECT
									   : JOIN_OTHER);
	return (enum join_rank)(*known - 1);
}

static enum join_end
end_of(struct join *j, const struct row *r)
{
	static const char *const ranges[] = { "munmap", "brk", "sbrk", "shmdt", "mmap", NULL };
	static const char *const moving[] = { "realloc", "reallocarray", NULL };
	static const char *const objects[] = { "free", "cfree", "delete", "delete[]", NULL };
	unsigned char *known;
	struct slice name;
	uint32_t op;

	if (r->shape->op < 0)
		return JOIN_END_OBJECT;
	op = (uint32_t)r->shape->column[r->shape->op][r->row];
	known = op_of(&j->free_ops, r, op);
	name = trace_string(r->b, op);
	if (*known == 0)
		*known = 1 + (one_of(name, objects)                ? JOIN_END_OBJECT
				 : one_of(name, moving)            ? JOIN_END_MOVING
				 : one_of(name, ranges)            ? JOIN_END_RANGE
				 : slice_eq(name, SLICE("mremap")) ? JOIN_END_MOVING_REGION
								   : JOIN_END_OTHER);
	return (enum join_end)(*known - 1);
}

static uint32_t
site_of(struct join *j, const struct row *r)
{
	const struct shape *s = r->shape;

	if (s->stack >= 0)
		return join_site_of(
		    &j->sites, r->b, TRACE_STRS, (uint32_t)s->column[s->stack][r->row]);
	if (s->chain >= 0)
		return join_site_of(
		    &j->sites, r->b, TRACE_ADDRS, (uint32_t)s->column[s->chain][r->row]);
	return 0;
}

static inline struct join_process *
process_of(struct join *j, const struct row *r, bool make)
{
	struct join_process *last = j->lives.last;
	int64_t pid = (int64_t)word(r, r->shape->pid, 0);
	uint32_t host = source_of(j, source_number(r))->host;

	if (last && last->pid == pid && last->host == host)
		return last;
	return join_process(&j->lives, host, pid, make);
}

static uint64_t
size_of(const struct row *r)
{
	uint64_t size = word(r, r->shape->size, 0);

	return (int64_t)size < 0 ? 0 : size;
}

static void
alloc(struct join *j, const struct row *r)
{
	j->counts.allocs++;
	if (r->shape->addr < 0)
		return;
	join_lives_alloc(&j->lives, process_of(j, r, true),
	    &(struct join_alloc){ .t = (int64_t)word(r, r->shape->t, (uint64_t)j->now),
		.tid = (int64_t)word(r, r->shape->tid, UINT64_MAX),
		.addr = word(r, r->shape->addr, 0),
		.size = size_of(r),
		.old = word(r, r->shape->old, 0),
		.site = site_of(j, r),
		.rank = rank_of(j, r) });
}

static void
end(struct join *j, const struct row *r)
{
	j->counts.frees++;
	if (r->shape->addr < 0)
		return;
	join_lives_free(&j->lives, process_of(j, r, true), end_of(j, r),
	    (int64_t)word(r, r->shape->tid, UINT64_MAX), word(r, r->shape->addr, 0), size_of(r));
}

/* ---- accesses ---- */

/* What an access gets: its values are put into shape->own. */
struct joined {
	enum join_kind kind;
	unsigned site; /* SITE_... */
	bool named;
};

static inline void
set(const struct row *r, enum own own, uint64_t v)
{
	r->shape->own[own * PART + (r->row - r->shape->first)] = v;
}

static void
object_of(struct join *j, const struct row *r, const struct extent *e, struct joined *a)
{
	uint64_t addr = word(r, r->shape->addr, 0);

	a->kind = JOIN_OBJECT;
	set(r, OBJECT, e->addr);
	set(r, OFFSET, addr > e->addr ? addr - e->addr : 0);
	set(r, OBJECT_SIZE, e->size);
	set(r, AGE, word(r, r->shape->t, (uint64_t)j->now) - (uint64_t)e->t);
	set(r, SERIAL, e->serial);
	set(r, SITE, e->site);
	if (e->site > 0)
		a->site = j->sites.site[e->site].kind == TRACE_STRS ? SITE_NAMES : SITE_ADDRESSES;
}

static uint64_t
name_rehash(const void *context, uint32_t item)
{
	const struct join *j = context;

	return hash_bytes(j->name[item].p, j->name[item].n);
}

static uint32_t
name_number(struct join *j, struct slice name)
{
	uint64_t hash = hash_bytes(name.p, name.n);

	for (struct hash_probe at = hash_first(&j->name_set, hash); hash_found(&j->name_set, &at);
	     hash_next(&j->name_set, &at))
		if (slice_eq(j->name[at.item], name))
			return at.item;
	GROW(j->name, j->name_cap, j->names);
	GROW(j->name_link, j->name_link_cap, j->names);
	j->name[j->names] = arena_copy(&j->text, name);
	j->name_link[j->names] = 0;
	hash_add(&j->name_set, hash, (uint32_t)j->names, name_rehash, j);
	return (uint32_t)j->names++;
}

static void
place_of(struct join *j, const struct row *r, struct joined *a)
{
	struct join_place place;
	struct join_process *p = process_of(j, r, true);

	join_place(j->host[p->host], p, p->pid, word(r, r->shape->addr, 0), &place);
	a->kind = place.kind;
	set(r, OBJECT, place.object);
	set(r, OBJECT_SIZE, place.size);
	set(r, OFFSET, place.offset);
	a->named = place.name.n > 0;
	if (a->named)
		set(r, NAME, name_number(j, place.name));
}

static uint32_t
find(const struct row *r, const struct join_memory *m, uint64_t addr)
{
	const struct guess *g = &r->shape->guess[r->row % GUESSES];

	if (g->row == r->row && g->memory == m->id)
		return extents_guessed(&m->objects, addr, &g->guess);
	return extents_find(&m->objects, addr);
}

static void
look_up(struct join *j, const struct row *r, struct joined *a)
{
	const struct join_process *p = process_of(j, r, false);
	uint64_t addr = word(r, r->shape->addr, 0), size = size_of(r);
	const struct extent *e;
	uint32_t number = EXTENTS_NONE;
	unsigned n = 0;

	a->kind = JOIN_UNKNOWN;
	if (r->shape->addr < 0) {
		j->counts.no_address++;
		return;
	}
	if (size >= RANGE && size - 1 <= UINT64_MAX - addr)
		number = join_lives_range(&j->lives, p, addr, size, &n);
	else if (p && p->memory)
		number = find(r, p->memory, addr);
	if (number != EXTENTS_NONE) {
		e = &p->memory->objects.extent[number];
		object_of(j, r, e, a);
		if (size < RANGE && size > e->size - (addr - e->addr))
			j->counts.straddling++;
	} else if (n > 0) {
		a->kind = JOIN_PAGE;
		set(r, OBJECTS, n);
	} else {
		place_of(j, r, a);
	}
}

/* Fields of the input that are called like ours are left out: a stream that is joined again is joined anew. */
static bool
is_own(struct slice name)
{
	for (unsigned i = 0; i < OWNS; i++)
		if (slice_eq(name, own_field[i].name))
			return true;
	return false;
}

/* Which of our fields an access of a kind has. */
static bool
has(const struct joined *a, enum own own)
{
	switch (own) {
	case KIND:
		return true;
	case OBJECT:
	case OBJECT_SIZE:
		return a->kind == JOIN_OBJECT || a->kind == JOIN_GLOBAL;
	case OFFSET:
		return a->kind == JOIN_OBJECT || a->kind == JOIN_GLOBAL || a->kind == JOIN_FILE;
	case AGE:
	case SERIAL:
		return a->kind == JOIN_OBJECT;
	case SITE:
		return a->site != NO_SITE;
	case NAME:
		return a->named;
	default:
		return a->kind == JOIN_PAGE;
	}
}

static void
make_layout(const struct row *r, const struct joined *a, struct layout *l, struct trace_writer *w)
{
	const struct trace_shape *shape = r->b->shape[r->s];
	struct trace_field *field = xcalloc((size_t)shape->fields + OWNS, sizeof *field);
	unsigned n = 0;

	l->made = true;
	l->from = xcalloc((size_t)shape->fields + OWNS, sizeof *l->from);
	for (unsigned f = 0; f < shape->fields; f++)
		if (!is_own(shape->field[f].name)) {
			field[n] = shape->field[f];
			l->from[n++] = (int)f;
		}
	for (enum own i = 0; i < OWNS; i++) {
		if (!has(a, i))
			continue;
		field[n] = own_field[i];
		if (i == SITE && a->site == SITE_ADDRESSES)
			field[n].kind = TRACE_ADDRS;
		l->from[n++] = ~(int)i;
	}
	l->shape = trace_writer_shape(w, shape->type, field, n);
	free(field);
}

static void
pick(struct join *j, unsigned source, uint32_t row)
{
	j->pick[j->picks++] = (struct trace_pick){ source, row };
}

/* Dictionaries may have moved since the last round. */
static void
prepare_extra(struct join *j, struct shape *s)
{
	uintptr_t before = (uintptr_t)s->first * sizeof *s->own;

	/* As if the columns began at the block's first row. */
	for (unsigned i = 0; i < OWNS; i++)
		s->extra[i].v = (const uint64_t *)((uintptr_t)(s->own + i * PART) - before);
	s->extra[KIND].string = kind_name;
	s->extra[KIND].link = j->kind_link;
	s->extra[SITE].list = j->sites.list;
	s->extra[SITE].link = j->sites.link;
	s->extra[NAME].string = j->name;
	s->extra[NAME].link = j->name_link;
}

static void
access(struct join *j, const struct row *r, struct trace_writer *w)
{
	struct joined a = { 0 };
	struct layout *l;

	look_up(j, r, &a);
	j->counts.kind[a.kind]++;
	j->counts.used++;
	set(r, KIND, a.kind);
	l = &r->shape->layout[a.kind][a.site][a.named];
	if (!l->made)
		make_layout(r, &a, l, w);
	if (l->round != j->round) {
		l->round = j->round;
		l->source =
		    trace_pick_source_with(w, r->b, r->s, l->shape, l->from, r->shape->extra);
	}
	pick(j, l->source, r->row);
}

/* What waits goes out. */
static int
put_picks(struct join *j, struct trace_writer *w)
{
	uint32_t n = j->picks;
	int result;

	if (n == 0)
		return 0;
	for (unsigned s = 0; s < j->ofs; s++)
		if (j->of[s]->what == ACCESS)
			prepare_extra(j, j->of[s]);
	j->picks = 0;
	j->round++;
	result = trace_put_picked(w, j->pick, n);
	for (unsigned s = 0; s < j->ofs; s++)
		j->of[s]->first = j->of[s]->next;
	return result;
}

/* ---- the stream ---- */

struct join *
join_new(const struct join_options *o, struct error *e)
{
	struct join *j = xcalloc(1, sizeof *j);
	struct images test = IMAGES_INIT;

	j->o = *o;
	j->round = 1;
	j->lives.counts = &j->counts;
	for (size_t i = 0; i < o->files; i++)
		if (images_give(&test, o->file[i], e) < 0) {
			images_free(&test);
			join_free(j);
			return NULL;
		}
	images_free(&test);
	return j;
}

/* Puts out what was found out about losses since the last time. */
int
join_flush(struct join *j, struct trace_writer *w)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("n"), TRACE_INT }, { SLICE("why"), TRACE_STR } };
	uint64_t missing = j->counts.free_missing - j->told_missing;
	union trace_value v[] = { { .i = j->now }, { .u = missing },
		{ .s = SLICE("free-missing") } };
	unsigned skip = !j->timed;

	if (missing == 0)
		return 0;
	j->told_missing = j->counts.free_missing;
	return trace_put(w, trace_writer_shape(w, SLICE("lost"), field + skip, 3 - skip), v + skip);
}

/* Addresses of later rows are looked for a little before their turn. */
static void
look_ahead(struct join *j, const struct row *r)
{
	enum { ASK = 24, LOOK = 16, FETCH = 8 };
	const struct join_process *p = j->lives.last;
	const uint64_t *addr;
	uint32_t left = r->b->rows[r->s] - r->row;
	const struct extents *x;
	struct guess *g;

	if (p == NULL || p->memory == NULL || r->shape->addr < 0)
		return;
	x = &p->memory->objects;
	addr = r->shape->column[r->shape->addr] + r->row;
	if (left > ASK) {
		extents_ask(x, addr[ASK]);
		extents_look(x, addr[LOOK]);
		g = &r->shape->guess[(r->row + FETCH) % GUESSES];
		g->row = r->row + FETCH;
		g->memory = p->memory->id;
		g->guess = extents_fetch(x, addr[FETCH]);
	}
}

static int
pass(struct join *j, const struct row *r, struct trace_writer *w)
{
	if (r->shape->what == LEDGER || r->shape->what == START) {
		if (put_picks(j, w) < 0)
			return -1;
		return trace_put_row(w, r->b, r->s, r->row);
	}
	j->counts.passed++;
	if (r->shape->round != j->round) {
		r->shape->round = j->round;
		r->shape->source = trace_pick_source(w, r->b, r->s);
	}
	pick(j, r->shape->source, r->row);
	return 0;
}

/* The tables do not move while the writer knows sources of the block. */
static void
begin_block(struct join *j, struct trace_block *b)
{
	j->block = trace_block_serial(b);
	j->seen = 0;
	for (unsigned i = 0; i < b->shapes; i++)
		shape_of(j, b->shape[i]);
	if (b->shapes > 0)
		GROW(j->of, j->of_cap, b->shapes - 1);
	j->ofs = b->shapes;
	for (unsigned i = 0; i < b->shapes; i++) {
		struct shape *s = j->of[i] = shape_of(j, b->shape[i]);

		s->first = s->next = 0;
		for (unsigned g = 0; g < GUESSES; g++)
			s->guess[g].row = UINT32_MAX;
		if (s->what == LEDGER)
			continue;
		for (unsigned f = 0; f < s->fields; f++)
			s->column[f] = trace_column(b, i, f);
		if (s->what == ACCESS && s->own == NULL)
			s->own = xcalloc(OWNS * PART, sizeof *s->own);
	}
}

int
join_row(struct join *j, struct trace_block *b, unsigned s, uint32_t row, struct trace_writer *w)
{
	struct row r = { NULL, b, s, row };
	int result = 0;

	if (j->block != trace_block_serial(b))
		begin_block(j, b);
	r.shape = j->of[s];
	if (r.shape->what > STATE)
		look_ahead(j, &r);
	if (r.shape->what > START || r.shape->what == NOTHING)
		advance(j, &r);
	r.shape->next = row + 1;
	switch (r.shape->what) {
	case ACCESS:
		access(j, &r, w);
		break;
	case ALLOC:
		alloc(j, &r);
		break;
	case FREE:
		end(j, &r);
		break;
	case START:
		start(j, &r);
		state(j, &r);
		break;
	case STATE:
		state(j, &r);
		break;
	default:
		break;
	}
	if (r.shape->what != ACCESS)
		result = pass(j, &r, w);
	if ((++j->seen == b->records || j->picks == PART) && result == 0)
		result = put_picks(j, w);
	return result;
}

static int
put_stat(struct join *j, struct trace_writer *w, const char *name, uint64_t value, const char *unit,
    uint64_t *made)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("value"), TRACE_INT },
		{ SLICE("unit"), TRACE_STR }, { SLICE("section"), TRACE_STR } };
	union trace_value v[] = { { .i = j->now }, { .s = slice_of(name) }, { .u = value },
		{ .s = slice_of(unit) }, { .s = SLICE("join") } };
	unsigned skip = !j->timed;

	++*made;
	return trace_put(w, trace_writer_shape(w, SLICE("stat"), field + skip, 5 - skip), v + skip);
}

int
join_finish(struct join *j, struct trace_writer *w, uint64_t *made)
{
	const struct join_counts *c = &j->counts;
	const struct {
		const char *name, *unit;
		uint64_t value;
	} more[] = { { "straddling", "accesses", c->straddling },
		{ "no-address", "accesses", c->no_address },
		{ "free-unknown", "frees", c->free_unknown },
		{ "out-of-order", "records", c->out_of_order }, { "live", "objects", c->live },
		{ "live-most", "objects", c->live_most },
		{ "sites", "sites", j->sites.sites > 0 ? j->sites.sites - 1 : 0 } };

	*made = 0;
	if (join_flush(j, w) < 0)
		return -1;
	for (unsigned k = 0; k < JOIN_KINDS; k++)
		if (c->kind[k] > 0 &&
		    put_stat(j, w, kind_name[k].p, c->kind[k], "accesses", made) < 0)
			return -1;
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		if (more[i].value > 0 &&
		    put_stat(j, w, more[i].name, more[i].value, more[i].unit, made) < 0)
			return -1;
	return 0;
}

void
join_free(struct join *j)
{
	join_lives_free_all(&j->lives);
	join_sites_free(&j->sites);
	for (size_t i = 0; i < j->shape_cap; i++)
		forget(&j->shape[i]);
	for (uint32_t i = 0; i < j->hosts; i++) {
		join_host_free(j->host[i]);
		free(j->host[i]);
	}
	free(j->shape);
	free(j->host);
	free(j->source);
	free(j->alloc_ops.what);
	free(j->free_ops.what);
	free(j->value);
	free(j->of);
	free(j->name);
	free(j->name_link);
	hash_free(&j->name_set);
	arena_free(&j->text);
	free(j);
}
