#include <stdlib.h>

#include "base/alloc.h"
#include "flow/hot.h"
#include "flow/site.h"

enum { TYPE_SITE, TYPE_PLACE, TYPE_OBJECT, TYPE_PAGE };

enum { PAGE_BITS = 12 };

struct thread {
	int64_t tid;
	uint64_t addr; /* of its last allocation */
	uint32_t space;
};

/* Shape of an access. */
struct plan {
	bool counts;
	enum trace_kind weight_kind, site_kind;
	const uint64_t *src, *pid, *addr, *op, *weight, *kind, *name, *site, *object, *object_size,
	    *serial;
};

struct hot_parts {
	size_t row_cap;
	struct hash_set row_set;

	struct site site; /* and other names of rows */
	struct buf scratch;

	unsigned char *op; /* of the strings of the block */
	size_t op_cap;
	struct plan *plan;
	size_t plan_cap;
	uint32_t *row_at;
	size_t row_at_cap;
	uint64_t place_kind, place_name; /* strings of the last place, and its row */
	uint32_t place_row;

	struct page {
		uint64_t addr;
		uint32_t row, space;
	} * page;
	size_t pages, page_cap;
	struct hash_set page_set;

	struct thread *thread;
	size_t threads, thread_cap;
	struct hash_set thread_set;
	uint32_t last_thread;

	uint32_t peak_serial;
	unsigned shift; /* bins of the timeline are 2^shift ns */
};

enum { OP_UNKNOWN, OP_NONE, OP_R, OP_W, OP_RW };

/* ---- texts and rows ---- */

static uint64_t
hash_key(uint32_t type, uint64_t a, uint64_t b)
{
	return hash_mix(hash_mix(type, a), b);
}

static uint64_t
hash_row(const void *context, uint32_t item)
{
	const struct hot_row *r = &((const struct hot *)context)->row[item];

	return hash_key(r->type, r->key[0], r->key[1]);
}

static uint32_t
row_of(struct hot *h, uint32_t type, uint64_t a, uint64_t b)
{
	struct hot_parts *p = h->parts;
	uint64_t hash = hash_key(type, a, b);

	for (struct hash_probe at = hash_first(&p->row_set, hash); hash_found(&p->row_set, &at);
	     hash_next(&p->row_set, &at)) {
		const struct hot_row *r = &h->row[at.item];

		if (r->type == type && r->key[0] == a && r->key[1] == b)
			return at.item;
	}
	GROW(h->row, p->row_cap, h->rows);
	h->row[h->rows] = (struct hot_row){
		.type = type, .key = { a, b }, .pid = -1, .peak_serial = p->peak_serial - 1
	};
	if (type <= TYPE_PLACE)
		h->row[h->rows].name = p->site.name[a];
	hash_add(&p->row_set, hash, (uint32_t)h->rows, hash_row, h);
	return (uint32_t)h->rows++;
}

/* The row of a site, or with objects its name. */
static uint32_t
row_of_site(void *context, struct trace_block *b, enum trace_kind kind, uint32_t list)
{
	struct hot *h = context;
	struct hot_parts *p = h->parts;
	uint32_t site;

	if (h->o.by == HOT_KIND)
		return row_of(h, TYPE_PLACE, site_text(&p->site, SLICE("object")), 0);
	site = site_of(&p->site, b, kind, list);
	return h->o.by == HOT_SITE ? row_of(h, TYPE_SITE, site, 0) : site;
}

/* ---- allocations ---- */

static uint64_t
hash_thread(const void *context, uint32_t item)
{
	const struct hot_parts *p = context;

	return hash_mix(p->thread[item].space, (uint64_t)p->thread[item].tid);
}

static struct thread *
thread_of(struct hot_parts *p, uint32_t space, int64_t tid)
{
	uint64_t hash = hash_mix(space, (uint64_t)tid);

	if (p->threads > 0 && p->thread[p->last_thread].tid == tid &&
	    p->thread[p->last_thread].space == space)
		return &p->thread[p->last_thread];
	for (struct hash_probe at = hash_first(&p->thread_set, hash);
	     hash_found(&p->thread_set, &at); hash_next(&p->thread_set, &at))
		if (p->thread[at.item].tid == tid && p->thread[at.item].space == space)
			return &p->thread[p->last_thread = at.item];
	GROW(p->thread, p->thread_cap, p->threads);
	p->thread[p->threads] = (struct thread){ tid, 0, space };
	hash_add(&p->thread_set, hash, (uint32_t)p->threads, hash_thread, p);
	return &p->thread[p->last_thread = (uint32_t)p->threads++];
}

/* The bin of a moment; all points are folded until it fits. */
static uint32_t
bin_of(struct hot *h, int64_t t)
{
	struct hot_parts *p = h->parts;
	uint64_t since = t > h->first_t ? (uint64_t)t - (uint64_t)h->first_t : 0;

	while (since >> p->shift >= HOT_BINS) {
		p->shift++;
		for (size_t i = 0; i <= h->rows; i++) {
			struct hot_row *r = i < h->rows ? &h->row[i] : &h->all;
			size_t kept = 0;

			for (size_t k = 0; k < r->points; k++) {
				struct hot_point q = { r->point[k].bin / 2, r->point[k].live };

				kept -= kept > 0 && r->point[kept - 1].bin == q.bin;
				r->point[kept++] = q;
			}
			r->points = kept;
		}
	}
	return (uint32_t)(since >> p->shift);
}

static void
note_point(struct hot_row *r, uint32_t bin)
{
	if (r->points == 0 || r->point[r->points - 1].bin < bin) {
		GROW(r->point, r->point_cap, r->points);
		r->points++;
	}
	r->point[r->points - 1] = (struct hot_point){ bin, r->live };
}

/* What the row has now is what it had at the peak, unless that is kept already. */
static void
keep_peak(const struct hot *h, struct hot_row *r)
{
	if (r->peak_serial == h->parts->peak_serial)
		return;
	r->at_peak = r->live;
	r->peak_serial = h->parts->peak_serial;
}

static void
changed(struct hot *h, struct hot_row *r, const struct heap_event *e)
{
	uint32_t bin;

	if (!h->o.timeline)
		return;
	bin = bin_of(h, e->t);
	note_point(r, bin);
	note_point(&h->all, bin);
}

static void
born(void *context, struct heap_object *o, const struct heap_event *e)
{
	struct hot *h = context;
	struct hot_row *r = &h->row[o->site];
	struct thread *thread = thread_of(h->parts, o->space, e->tid);

	keep_peak(h, r);
	r->live += e->bytes;
	r->live_n++;
	r->allocs++;
	r->alloc_bytes += e->bytes;
	r->peak = r->live > r->peak ? r->live : r->peak;
	h->all.live += e->bytes;
	h->all.live_n++;
	h->all.alloc_bytes += e->bytes;
	if (h->all.live > h->all.peak) {
		h->all.peak = h->all.live;
		h->peak_t = e->t;
		h->parts->peak_serial++;
	}
	thread->addr = o->addr;
	changed(h, r, e);
}

static void
gone(void *context, struct heap_object *o, const struct heap_event *e)
{
	struct hot *h = context;
	struct hot_row *r = &h->row[o->site];

	/* What a process leaves to its end is live at the end: it was never freed. */
	if (!e->freed)
		return;
	keep_peak(h, r);
	r->live -= e->bytes;
	h->all.live -= e->bytes;
	if (e->whole) {
		struct thread *thread = thread_of(h->parts, o->space, e->tid);

		r->live_n--;
		h->all.live_n--;
		r->freed++;
		r->life_sum += e->t > o->t ? (uint64_t)(e->t - o->t) : 0;
		if (thread->addr == o->addr)
			r->temporary++;
		thread->addr = 0;
	}
	changed(h, r, e);
}

/* ---- accesses ---- */

static unsigned char
op_of(struct slice s)
{
	if (slice_eq(s, SLICE("r")))
		return OP_R;
	if (slice_eq(s, SLICE("w")))
		return OP_W;
	return slice_eq(s, SLICE("rw")) ? OP_RW : OP_NONE;
}

static uint64_t
hash_page(const void *context, uint32_t item)
{
	const struct page *g = &((const struct hot_parts *)context)->page[item];

	return hash_key(g->row, g->space, g->addr);
}

/* A page of memory that nobody says the size of. */
static void
touch(struct hot *h, uint32_t row, uint32_t space, uint64_t addr)
{
	struct hot_parts *p = h->parts;
	uint64_t page = addr >> PAGE_BITS, hash = hash_key(row, space, page);

	for (struct hash_probe at = hash_first(&p->page_set, hash); hash_found(&p->page_set, &at);
	     hash_next(&p->page_set, &at)) {
		const struct page *g = &p->page[at.item];

		if (g->row == row && g->space == space && g->addr == page)
			return;
	}
	GROW(p->page, p->page_cap, p->pages);
	p->page[p->pages] = (struct page){ page, row, space };
	hash_add(&p->page_set, hash, (uint32_t)p->pages++, hash_page, p);
	h->row[row].peak += 1 << PAGE_BITS;
}

/* [global] NAME, [stack] ... */
static uint32_t
place_row(struct hot *h, struct trace_block *b, const struct plan *c, uint32_t row)
{
	struct hot_parts *p = h->parts;
	uint64_t name = c->name ? c->name[row] : UINT64_MAX;
	struct slice kind;

	if (p->place_kind == c->kind[row] && p->place_name == name)
		return p->place_row;
	kind = trace_string(b, (uint32_t)c->kind[row]);
	p->scratch.n = 0;
	if (h->o.by == HOT_KIND) {
		buf_slice(&p->scratch, kind);
	} else {
		struct slice called = c->name ? trace_string(b, (uint32_t)name) : SLICE("");

		/* ([stack:12] says it all) */
		if (called.n == 0 || called.p[0] != '[')
			buf_printf(&p->scratch, "[%.*s]%s", SLICE_ARG(kind), called.n ? " " : "");
		buf_slice(&p->scratch, called);
	}
	p->place_kind = c->kind[row];
	p->place_name = name;
	return p->place_row = row_of(h, TYPE_PLACE, site_text(&p->site, buf_view(&p->scratch)), 0);
}

static uint32_t
access_target(struct hot *h, struct trace_block *b, const struct plan *c, uint32_t row,
    uint32_t space, bool *object)
{
	uint64_t addr = c->addr ? c->addr[row] : 0, key;
	uint32_t at;

	*object = c->kind && slice_eq(trace_string(b, (uint32_t)c->kind[row]), SLICE("object"));
	if (h->o.by == HOT_PAGE) {
		at = row_of(h, TYPE_PAGE, space, addr >> PAGE_BITS);
		h->row[at].addr = addr >> PAGE_BITS << PAGE_BITS;
		h->row[at].peak = 1 << PAGE_BITS;
		h->row[at].pid = heap_pid(&h->heap, space);
		return at;
	}
	if (!*object || h->o.by == HOT_KIND)
		return place_row(h, b, c, row);
	if (h->o.by == HOT_SITE)
		return row_of_site(h, b, c->site ? c->site_kind : TRACE_KINDS,
		    c->site ? (uint32_t)c->site[row] : 0);
	key = c->object ? c->object[row] : addr;
	at = row_of(h, TYPE_OBJECT, space, c->serial ? c->serial[row] : key);
	h->row[at].addr = key;
	h->row[at].peak = c->object_size ? c->object_size[row] : 0;
	h->row[at].pid = heap_pid(&h->heap, space);
	if (h->row[at].accesses == 0) {
		uint32_t site = row_of_site(h, b, c->site ? c->site_kind : TRACE_KINDS,
		    c->site ? (uint32_t)c->site[row] : 0);

		h->row[at].site = h->parts->site.name[site];
	}
	return at;
}

static void
access_row(struct hot *h, struct trace_block *b, const struct plan *c, uint32_t row)
{
	struct hot_parts *p = h->parts;
	uint32_t space = heap_space(&h->heap, c->src ? (int64_t)c->src[row] : 0,
		     c->pid ? (int64_t)c->pid[row] : 0),
		 at;
	uint64_t weight = 1;
	unsigned char *op;
	struct hot_row *r;
	bool object;
	double d;

	if (c->kind == NULL && h->o.by != HOT_PAGE) {
		h->unjoined++;
		return;
	}
	if (c->weight) {
		weight = c->weight[row];
		if (c->weight_kind == TRACE_NUM) {
			memcpy(&d, &weight, sizeof d);
			weight = d >= 0 && d < 0x1p63 ? (uint64_t)(d + 0.5) : UINT64_MAX;
		}
		if ((int64_t)weight < 0) {
			h->negative++;
			return;
		}
	} else {
		h->no_weight++;
	}
	at = access_target(h, b, c, row, space, &object);
	r = &h->row[at];
	if (r->accesses == 0 && c->kind) {
		uint32_t kind = site_text(&p->site, trace_string(b, (uint32_t)c->kind[row]));

		r->kind = p->site.name[kind];
	}
	if (!object && h->o.by != HOT_PAGE && c->addr) {
		/* A symbol says how large it is; of the rest, pages are what is known. */
		if (c->object_size && c->name && h->o.by != HOT_KIND)
			r->peak = c->object_size[row];
		else
			touch(h, at, space, c->addr[row]);
	}
	r = &h->row[at];
	r->accesses++;
	r->weight += weight;
	h->accesses++;
	h->weight += weight;
	if (c->op == NULL)
		return;
	op = &p->op[c->op[row]];
	if (*op == OP_UNKNOWN)
		*op = op_of(trace_string(b, (uint32_t)c->op[row]));
	if (*op == OP_R || *op == OP_RW) {
		r->reads += weight;
		h->reads += weight;
	}
	if (*op == OP_W || *op == OP_RW) {
		r->writes += weight;
		h->writes += weight;
	}
}

/* ---- blocks ---- */

static const uint64_t *
column(struct trace_block *b, unsigned s, const char *name, enum trace_kind kind)
{
	int f = trace_field_of(b->shape[s], slice_of(name), kind);

	return f < 0 ? NULL : trace_column(b, s, (unsigned)f);
}

static int
plan_shape(struct hot *h, struct trace_block *b, unsigned s, struct plan *c, struct error *e)
{
	const struct trace_shape *shape = b->shape[s];
	int f;

	*c = (struct plan){ 0 };
	if (!slice_eq(shape->type, SLICE("access")))
		return 0;
	c->counts = true;
	c->src = column(b, s, "src", TRACE_INT);
	c->pid = column(b, s, "pid", TRACE_INT);
	c->op = column(b, s, "op", TRACE_STR);
	c->kind = column(b, s, "kind", TRACE_STR);
	c->name = column(b, s, "name", TRACE_STR);
	c->serial = column(b, s, "serial", TRACE_INT);
	c->object_size = column(b, s, "object_size", TRACE_INT);
	c->object = column(b, s, "object", TRACE_ADDR);
	c->addr = column(b, s, "addr", TRACE_ADDR);
	c->addr = c->addr ? c->addr : column(b, s, "addr", TRACE_INT);
	f = trace_field_index(shape, SLICE("site"));
	if (f >= 0 && (shape->field[f].kind == TRACE_STRS || shape->field[f].kind == TRACE_ADDRS)) {
		c->site_kind = shape->field[f].kind;
		c->site = trace_column(b, s, (unsigned)f);
	}
	f = trace_field_index(shape, h->o.weight);
	if (f < 0 || slice_eq(h->o.weight, SLICE("count")))
		return 0;
	c->weight_kind = shape->field[f].kind;
	if (c->weight_kind != TRACE_INT && c->weight_kind != TRACE_NUM)
		return error_set(e, "the field %.*s of an access is no number but a %s",
		    SLICE_ARG(h->o.weight), trace_kind_name(c->weight_kind));
	c->weight = trace_column(b, s, (unsigned)f);
	return 0;
}

static void
begin(struct hot *h, struct trace_block *b)
{
	struct hot_parts *p = h->parts;

	site_begin(&p->site, b);
	GROW(p->op, p->op_cap, b->strings);
	memset(p->op, OP_UNKNOWN, b->strings);
	GROW(p->plan, p->plan_cap, b->shapes);
	GROW(p->row_at, p->row_at_cap, b->shapes);
	memset(p->row_at, 0, b->shapes * sizeof *p->row_at);
	p->place_kind = p->place_name = UINT64_MAX - 1;
	heap_begin(&h->heap, b);
	if (!h->timed && b->t_min <= b->t_max) {
		h->timed = true;
		h->first_t = b->t_min;
	}
}

int
hot_block(struct hot *h, struct trace_block *b, struct error *e)
{
	struct hot_parts *p = h->parts;
	const uint16_t *sequence;
	int result = 0;

	begin(h, b);
	losses_block(&h->losses, b);
	for (unsigned s = 0; s < b->shapes; s++) {
		if (!trace_is_ledger(b->shape[s]) && !trace_is_state(b->shape[s]))
			h->records += b->rows[s];
		if (plan_shape(h, b, s, &p->plan[s], result < 0 ? NULL : e) < 0)
			result = -1;
	}
	if (result < 0)
		return result;
	sequence = trace_sequence(b);
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		uint32_t row = p->row_at[s]++;

		if (p->plan[s].counts)
			access_row(h, b, &p->plan[s], row);
		else if (heap_wants(&h->heap, s))
			heap_row(&h->heap, b, s, row);
	}
	return 0;
}

/* Objects and pages have no sites that live. */
static void
ignore(void *context, struct heap_object *o, const struct heap_event *e)
{
	(void)context;
	(void)o;
	(void)e;
}

static uint32_t
no_site(void *context, struct trace_block *b, enum trace_kind kind, uint32_t list)
{
	(void)context;
	(void)b;
	(void)kind;
	(void)list;
	return 0;
}

struct hot *
hot_new(const struct hot_options *o)
{
	struct hot *h = xcalloc(1, sizeof *h);
	bool live = o->by == HOT_SITE || o->by == HOT_KIND;

	h->o = *o;
	h->losses = LOSSES_INIT;
	h->parts = xcalloc(1, sizeof *h->parts);
	h->parts->peak_serial = 1;
	h->parts->site.depth = o->depth;
	heap_init(&h->heap);
	h->heap.context = h;
	h->heap.site = live ? row_of_site : no_site;
	h->heap.born = live ? born : ignore;
	h->heap.gone = live ? gone : ignore;
	return h;
}

void
hot_free(struct hot *h)
{
	struct hot_parts *p = h->parts;

	for (size_t i = 0; i < h->rows; i++)
		free(h->row[i].point);
	free(h->all.point);
	free(h->row);
	losses_free(&h->losses);
	heap_free(&h->heap);
	hash_free(&p->row_set);
	site_free(&p->site);
	hash_free(&p->page_set);
	hash_free(&p->thread_set);
	free(p->op);
	free(p->plan);
	free(p->row_at);
	free(p->page);
	free(p->thread);
	buf_free(&p->scratch);
	free(p);
	free(h);
}

/* ---- order ---- */

static const char *const sorts[] = { "weight", "density", "peak", "at_peak", "live", "allocs",
	"alloc_bytes", "temporary" };
static const char *const bys[] = { "site", "object", "page", "kind" };

enum hot_sort
hot_sort_named(struct slice name)
{
	unsigned i = 0;

	while (i < HOT_SORTS && !slice_eq(name, slice_of(sorts[i])))
		i++;
	return (enum hot_sort)i;
}

enum hot_by
hot_by_named(struct slice name)
{
	unsigned i = 0;

	while (i < HOT_BYS && !slice_eq(name, slice_of(bys[i])))
		i++;
	return (enum hot_by)i;
}

double
hot_density(const struct hot_row *r)
{
	return r->peak ? (double)r->weight / ((double)r->peak / 0x1p20) : 0;
}

static double
rank(const struct hot_row *r, enum hot_sort by)
{
	switch (by) {
	case HOT_WEIGHT:
		return (double)r->weight;
	case HOT_DENSITY:
		return hot_density(r);
	case HOT_PEAK:
		return (double)r->peak;
	case HOT_AT_PEAK:
		return (double)r->at_peak;
	case HOT_LIVE:
		return (double)r->live;
	case HOT_ALLOCS:
		return (double)r->allocs;
	case HOT_ALLOC_BYTES:
		return (double)r->alloc_bytes;
	default:
		return (double)r->temporary;
	}
}

struct order {
	const struct hot *h;
	enum hot_sort by;
};

static int
compare(const void *pa, const void *pb, void *context)
{
	const struct order *o = context;
	const struct hot_row *a = &o->h->row[*(const uint32_t *)pa];
	const struct hot_row *b = &o->h->row[*(const uint32_t *)pb];
	enum hot_sort by = o->by;
	double x = rank(a, by), y = rank(b, by);
	int r;

	if (x != y)
		return x < y ? 1 : -1;
	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	if (a->peak != b->peak)
		return a->peak < b->peak ? 1 : -1;
	r = slice_cmp(a->name, b->name);
	if (r == 0 && a->pid != b->pid)
		r = a->pid < b->pid ? -1 : 1;
	if (r == 0 && a->addr != b->addr)
		r = a->addr < b->addr ? -1 : 1;
	return r || a->key[1] == b->key[1] ? r : a->key[1] < b->key[1] ? -1 : 1;
}

void
hot_sort(struct hot *h, enum hot_sort by)
{
	struct order o = { h, by };
	struct hot_row *row;
	uint32_t *order;

	for (size_t i = 0; i < h->rows; i++)
		if (h->row[i].type == TYPE_SITE || h->o.by == HOT_KIND)
			keep_peak(h, &h->row[i]);
	/* Numbers are sorted: rows are large. */
	order = xcalloc(h->rows + 1, sizeof *order);
	row = xcalloc(h->rows + 1, sizeof *row);
	for (uint32_t i = 0; i < h->rows; i++)
		order[i] = i;
	qsort_r(order, h->rows, sizeof *order, compare, &o);
	for (size_t i = 0; i < h->rows; i++)
		row[i] = h->row[order[i]];
	free(order);
	free(h->row);
	h->row = row;
	h->parts->row_cap = h->rows + 1;
	hash_clear(&h->parts->row_set);
}

void
hot_curve(struct hot *h, unsigned steps, void (*point)(void *context, uint64_t bytes, double share),
    void *context)
{
	uint64_t bytes = 0, weight = 0, all = 0, last_bytes = 0, last_weight = 0;

	hot_sort(h, HOT_DENSITY);
	for (size_t i = 0; i < h->rows; i++)
		all += h->row[i].weight ? h->row[i].peak : 0;
	point(context, 0, 0);
	for (size_t i = 0; i < h->rows && h->weight > 0; i++) {
		const struct hot_row *r = &h->row[i];

		if (r->peak == 0 || r->weight == 0)
			continue;
		bytes += r->peak;
		weight += r->weight;
		if ((bytes - last_bytes) / 2 < all / steps / 2 &&
		    weight - last_weight < h->weight / steps && bytes < all)
			continue;
		last_bytes = bytes;
		last_weight = weight;
		point(context, bytes, (double)weight / (double)h->weight);
	}
}

static uint64_t
live_in(const struct hot_row *r, size_t *at, uint32_t bin)
{
	while (*at < r->points && r->point[*at].bin <= bin)
		++*at;
	return *at ? r->point[*at - 1].live : 0;
}

void
hot_timeline(struct hot *h, size_t n,
    void (*point)(void *context, int64_t t, const struct hot_row *r, uint64_t live), void *context)
{
	size_t *at = xcalloc(n + 1, sizeof *at), all = 0;
	uint32_t last = h->all.points ? h->all.point[h->all.points - 1].bin : 0;

	n = n < h->rows ? n : h->rows;
	/* (they were sorted by what they had, so those that never had anything stand last) */
	while (n > 0 && h->row[n - 1].points == 0)
		n--;
	for (uint32_t bin = 0; h->all.points && bin <= last; bin++) {
		int64_t t = h->first_t + (int64_t)((uint64_t)bin << h->parts->shift);
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			uint64_t live = live_in(&h->row[i], &at[i], bin);

			sum += live;
			point(context, t, &h->row[i], live);
		}
		point(context, t, NULL, live_in(&h->all, &all, bin) - sum);
	}
	free(at);
}
