#include <stdlib.h>

#include "base/alloc.h"
#include "flow/heap.h"

enum heap_type { HEAP_OTHER, HEAP_ALLOC, HEAP_FREE, HEAP_START, HEAP_FORK, HEAP_EXIT, HEAP_COMM };

enum { SLOTS = 1024 };

/* What a call does, by its name. */
enum { OP_NEW, OP_OBJECT, OP_RANGE };

struct heap_shape {
	enum heap_type type;
	const uint64_t *t, *src, *pid, *tid, *addr, *size, *weight, *op, *list, *ppid, *exec, *host;
	enum trace_kind list_kind;
};

void
heap_init(struct heap *h)
{
	*h = (struct heap){ .mask = SLOTS - 1, .last_pid = INT64_MIN };
	h->slot = xcalloc(SLOTS, sizeof *h->slot);
}

void
heap_free(struct heap *h)
{
	free(h->slot);
	free(h->range);
	free(h->space);
	hash_free(&h->space_set);
	free(h->host);
	free(h->source);
	arena_free(&h->arena);
	free(h->shape);
	free(h->op);
	*h = (struct heap){ 0 };
}

/* ---- processes ---- */

static uint64_t
hash_space(const void *context, uint32_t item)
{
	const struct heap *h = context;

	return hash_mix(h->space[item].host, (uint64_t)h->space[item].pid);
}

uint32_t
heap_space(struct heap *h, int64_t src, int64_t pid)
{
	uint32_t host = src >= 0 && (uint64_t)src < h->source_cap ? h->source[src] : 0;
	uint64_t hash = hash_mix(host, (uint64_t)pid);

	if (src == h->last_src && pid == h->last_pid)
		return h->last_space;
	h->last_src = src;
	h->last_pid = pid;
	for (struct hash_probe at = hash_first(&h->space_set, hash); hash_found(&h->space_set, &at);
	     hash_next(&h->space_set, &at))
		if (h->space[at.item].host == host && h->space[at.item].pid == pid)
			return h->last_space = at.item;
	GROW(h->space, h->space_cap, h->spaces);
	h->space[h->spaces] = (struct heap_space){ .pid = pid, .host = host };
	hash_add(&h->space_set, hash, (uint32_t)h->spaces, hash_space, h);
	return h->last_space = (uint32_t)h->spaces++;
}

int64_t
heap_pid(const struct heap *h, uint32_t space)
{
	return h->space[space].pid;
}

static void
start(struct heap *h, int64_t src, struct slice host)
{
	size_t i = 0;

	/* (a src is a small number; a larger one is host 0's) */
	if (src < 0 || src > 1 << 20)
		return;
	for (size_t old = h->source_cap; h->source_cap <= (size_t)src;) {
		h->source = xgrow(h->source, &h->source_cap, (size_t)src + 1, sizeof *h->source);
		for (; old < h->source_cap; old++)
			h->source[old] = 0;
	}
	while (i < h->hosts && !slice_eq(h->host[i], host))
		i++;
	if (i == h->hosts) {
		GROW(h->host, h->host_cap, h->hosts);
		h->host[h->hosts++] = arena_copy(&h->arena, host);
	}
	h->source[src] = (uint32_t)i;
	h->last_pid = INT64_MIN;
}

/* ---- the table: linear probes, no gaps ---- */

static size_t
place(const struct heap *h, uint32_t space, uint64_t addr)
{
	return (size_t)hash_mix(space, addr) & h->mask;
}

static size_t
find(const struct heap *h, uint32_t space, uint64_t addr)
{
	size_t at = place(h, space, addr);

	while (h->slot[at].bytes && !(h->slot[at].addr == addr && h->slot[at].space == space))
		at = (at + 1) & h->mask;
	return at;
}

static void
grow(struct heap *h)
{
	struct heap_object *old = h->slot;
	size_t n = h->mask + 1;

	h->mask = n * 2 - 1;
	h->slot = xcalloc(n * 2, sizeof *h->slot);
	for (size_t i = 0; i < n; i++)
		if (old[i].bytes)
			h->slot[find(h, old[i].space, old[i].addr)] = old[i];
	free(old);
}

/* What stands behind moves up, unless it would stand before its place. */
static void
take_out(struct heap *h, size_t at)
{
	h->space[h->slot[at].space].live--;
	h->used--;
	for (size_t next = (at + 1) & h->mask; h->slot[next].bytes; next = (next + 1) & h->mask) {
		size_t home = place(h, h->slot[next].space, h->slot[next].addr);

		if (((next - home) & h->mask) < ((next - at) & h->mask))
			continue;
		h->slot[at] = h->slot[next];
		at = next;
	}
	h->slot[at].bytes = 0;
}

static struct heap_object *
put_in(struct heap *h, const struct heap_object *o)
{
	size_t at;

	if ((h->used + 1) * 2 > h->mask)
		grow(h);
	at = find(h, o->space, o->addr);
	h->slot[at] = *o;
	h->used++;
	h->space[o->space].live++;
	return &h->slot[at];
}

struct heap_object *
heap_at(struct heap *h, uint32_t space, uint64_t addr)
{
	struct heap_object *o = &h->slot[find(h, space, addr)];

	return o->bytes ? o : NULL;
}

struct heap_object *
heap_next(struct heap *h, size_t *at)
{
	while (*at <= h->mask)
		if (h->slot[(*at)++].bytes)
			return &h->slot[*at - 1];
	return NULL;
}

/* ---- ranges ---- */

/* The first range of the space that ends above addr, or where it would stand. */
static size_t
range_above(const struct heap *h, uint32_t space, uint64_t addr)
{
	size_t lo = 0, hi = h->ranges;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct heap_range *r = &h->range[mid];

		if (r->space < space || (r->space == space && r->hi <= addr))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
range_out(struct heap *h, size_t i)
{
	memmove(&h->range[i], &h->range[i + 1], (h->ranges - i - 1) * sizeof *h->range);
	h->ranges--;
}

static void
range_in(struct heap *h, uint32_t space, uint64_t lo, uint64_t hi)
{
	size_t i = range_above(h, space, lo);

	GROW(h->range, h->range_cap, h->ranges);
	memmove(&h->range[i + 1], &h->range[i], (h->ranges - i) * sizeof *h->range);
	h->range[i] = (struct heap_range){ lo, hi, space };
	h->ranges++;
}

static void
end(struct heap *h, size_t at, struct heap_event e)
{
	struct heap_object o = h->slot[at];

	if (o.range) {
		size_t i = range_above(h, o.space, o.addr);

		if (i < h->ranges && h->range[i].space == o.space && h->range[i].lo == o.addr)
			range_out(h, i);
	}
	take_out(h, at);
	e.whole = true;
	e.bytes = o.bytes;
	e.from = o.addr;
	e.to = o.addr + o.size;
	h->gone(h->context, &o, &e);
}

/* Takes away what ranges have in lo..hi; what is left of one lives on, its front under its own address. */
static bool
cut(struct heap *h, uint32_t space, uint64_t lo, uint64_t hi, struct heap_event e)
{
	bool any = false;
	size_t i;

	while ((i = range_above(h, space, lo)) < h->ranges && h->range[i].space == space &&
	       h->range[i].lo < hi) {
		struct heap_range r = h->range[i];
		size_t at = find(h, space, r.lo);
		struct heap_object o = h->slot[at], rest = o;

		any = true;
		if (lo <= r.lo && hi >= r.hi) {
			end(h, at, e);
			continue;
		}
		range_out(h, i);
		take_out(h, at);
		e.whole = false;
		e.from = lo > r.lo ? lo : r.lo;
		e.to = hi < r.hi ? hi : r.hi;
		e.bytes = e.to - e.from < o.bytes ? e.to - e.from : o.bytes;
		h->gone(h->context, &o, &e);
		if (lo > r.lo) {
			rest.size = rest.bytes = lo - r.lo;
			put_in(h, &rest);
			range_in(h, space, r.lo, lo);
		}
		if (hi < r.hi) {
			rest.addr = hi;
			rest.size = rest.bytes = r.hi - hi;
			put_in(h, &rest);
			range_in(h, space, hi, r.hi);
		}
	}
	return any;
}

/* ---- records ---- */

static void
clear(struct heap *h, uint32_t space, struct heap_event e)
{
	/* What moves up behind a slot is looked at again; what wraps around is found in the next round. */
	while (h->space[space].live > 0)
		for (size_t at = 0; at <= h->mask;)
			if (h->slot[at].bytes && h->slot[at].space == space)
				end(h, at, e);
			else
				at++;
}

static int64_t
value(const uint64_t *column, uint32_t row, int64_t otherwise)
{
	return column ? (int64_t)column[row] : otherwise;
}

static void
alloc_row(struct heap *h, struct trace_block *b, const struct heap_shape *p, uint32_t row,
    uint32_t space, struct heap_event e)
{
	struct heap_object o = { .addr = p->addr[row],
		.size = p->size[row],
		.t = e.t,
		.space = space },
			   *now;
	size_t at;

	h->allocs++;
	o.range = p->op && h->op[p->op[row]] == OP_RANGE;
	o.bytes = p->weight ? p->weight[row] : o.size;
	/* (malloc(0) is an object, too) */
	o.bytes = o.bytes ? o.bytes : 1;
	if (o.range && o.addr + o.size > o.addr)
		h->replaced += cut(h, space, o.addr, o.addr + o.size, e);
	at = find(h, space, o.addr);
	if (h->slot[at].bytes) {
		h->replaced++;
		end(h, at, e);
	}
	o.site = h->site(h->context, b, p->list ? p->list_kind : TRACE_KINDS,
	    p->list ? (uint32_t)p->list[row] : 0);
	now = put_in(h, &o);
	if (o.range)
		range_in(h, space, o.addr, o.addr + o.size);
	e.bytes = o.bytes;
	h->born(h->context, now, &e);
}

static void
free_row(
    struct heap *h, const struct heap_shape *p, uint32_t row, uint32_t space, struct heap_event e)
{
	uint64_t addr = p->addr[row], size = p->size ? p->size[row] : 0;
	size_t at;

	h->frees++;
	e.freed = true;
	if (p->op && h->op[p->op[row]] == OP_RANGE && size > 0 && addr + size > addr) {
		if (cut(h, space, addr, addr + size, e))
			return;
	}
	at = find(h, space, addr);
	if (h->slot[at].bytes) {
		end(h, at, e);
		return;
	}
	h->unknown++;
	h->inherited += h->space[space].forked;
}

bool
heap_wants(const struct heap *h, unsigned s)
{
	return h->shape[s].type != HEAP_OTHER;
}

void
heap_row(struct heap *h, struct trace_block *b, unsigned s, uint32_t row)
{
	const struct heap_shape *p = &h->shape[s];
	int64_t src = value(p->src, row, 0), pid = value(p->pid, row, 0);
	struct heap_event e = { .t = value(p->t, row, 0), .tid = value(p->tid, row, pid) };
	uint32_t space;

	if (p->type == HEAP_START) {
		start(h, src, trace_string(b, (uint32_t)p->host[row]));
		return;
	}
	space = heap_space(h, src, pid);
	switch (p->type) {
	case HEAP_ALLOC:
		alloc_row(h, b, p, row, space, e);
		break;
	case HEAP_FREE:
		free_row(h, p, row, space, e);
		break;
	case HEAP_FORK:
		/* (of a thread, the process stays) */
		if (pid == value(p->ppid, row, pid))
			break;
		clear(h, space, e);
		h->space[space].forked = true;
		break;
	case HEAP_EXIT:
		if (e.tid == pid)
			clear(h, space, e);
		break;
	case HEAP_COMM:
		if (p->exec[row] == 0)
			break;
		clear(h, space, e);
		h->space[space].forked = false;
		break;
	default:
		break;
	}
}

static unsigned char
op_of(struct slice s)
{
	static const char *const ranges[] = { "mmap", "munmap", "mremap", "brk", "sbrk", "shmat",
		"shmdt" };

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (slice_eq(s, slice_of(ranges[i])))
			return OP_RANGE;
	return OP_OBJECT;
}

static const uint64_t *
column(struct trace_block *b, unsigned s, const char *name, enum trace_kind kind)
{
	int f = trace_field_of(b->shape[s], slice_of(name), kind);

	return f < 0 ? NULL : trace_column(b, s, (unsigned)f);
}

static const uint64_t *
address(struct trace_block *b, unsigned s, const char *name)
{
	const uint64_t *c = column(b, s, name, TRACE_ADDR);

	return c ? c : column(b, s, name, TRACE_INT);
}

static void
plan(struct heap *h, struct trace_block *b, unsigned s)
{
	static const struct {
		const char *name;
		enum heap_type type;
	} types[] = { { "alloc", HEAP_ALLOC }, { "free", HEAP_FREE }, { "start", HEAP_START },
		{ "fork", HEAP_FORK }, { "exit", HEAP_EXIT }, { "comm", HEAP_COMM } };
	struct heap_shape *p = &h->shape[s];
	bool fits = true;

	*p = (struct heap_shape){ 0 };
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (slice_eq(b->shape[s]->type, slice_of(types[i].name)))
			p->type = types[i].type;
	if (p->type == HEAP_OTHER)
		return;
	p->t = column(b, s, "t", TRACE_INT);
	p->src = column(b, s, "src", TRACE_INT);
	p->pid = column(b, s, "pid", TRACE_INT);
	p->tid = column(b, s, "tid", TRACE_INT);
	switch (p->type) {
	case HEAP_ALLOC:
		p->weight = column(b, s, "weight", TRACE_INT);
		p->list_kind = TRACE_STRS;
		p->list = column(b, s, "stack", TRACE_STRS);
		if (p->list == NULL) {
			p->list_kind = TRACE_ADDRS;
			p->list = column(b, s, "chain", TRACE_ADDRS);
		}
		p->size = column(b, s, "size", TRACE_INT);
		p->size = p->size ? p->size : column(b, s, "size", TRACE_BIG);
		p->addr = address(b, s, "addr");
		p->op = column(b, s, "op", TRACE_STR);
		fits = p->size && p->addr;
		break;
	case HEAP_FREE:
		p->size = column(b, s, "size", TRACE_INT);
		p->addr = address(b, s, "addr");
		p->op = column(b, s, "op", TRACE_STR);
		fits = p->addr;
		break;
	case HEAP_START:
		p->host = column(b, s, "host", TRACE_STR);
		fits = p->host;
		break;
	case HEAP_FORK:
		p->ppid = column(b, s, "ppid", TRACE_INT);
		break;
	case HEAP_COMM:
		p->exec = column(b, s, "exec", TRACE_INT);
		fits = p->exec;
		break;
	default:
		break;
	}
	if (!fits)
		p->type = HEAP_OTHER;
	for (uint32_t row = 0; p->type != HEAP_OTHER && p->op && row < b->rows[s]; row++)
		if (h->op[p->op[row]] == OP_NEW)
			h->op[p->op[row]] = op_of(trace_string(b, (uint32_t)p->op[row]));
}

void
heap_begin(struct heap *h, struct trace_block *b)
{
	GROW(h->shape, h->shape_cap, b->shapes);
	GROW(h->op, h->op_cap, b->strings);
	memset(h->op, OP_NEW, b->strings + 1);
	for (unsigned s = 0; s < b->shapes; s++)
		plan(h, b, s);
}
