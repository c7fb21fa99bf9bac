#include <stdlib.h>

#include "base/alloc.h"
#include "flow/picture.h"

enum { ALL, READS, WRITES, COLUMNS, COVER = 64 };

enum { OP_UNKNOWN, OP_NONE, OP_R, OP_W, OP_RW };

struct picture_plan {
	bool counts;
	enum trace_kind weight_kind, site_kind;
	enum axis_kind addr_kind;
	const uint64_t *t, *src, *pid, *addr, *op, *weight, *kind, *site, *object;
};

struct picture *
picture_new(const struct picture_options *o)
{
	struct picture *p = xcalloc(1, sizeof *p);

	p->o = *o;
	p->losses = LOSSES_INIT;
	p->site.depth = o->depth;
	heap_init(&p->heap);
	return p;
}

void
picture_free(struct picture *p)
{
	if (p->begun) {
		grid_free(&p->all);
		grid_free(&p->reads);
		grid_free(&p->writes);
	}
	losses_free(&p->losses);
	site_free(&p->site);
	heap_free(&p->heap);
	hash_free(&p->life_set);
	for (unsigned i = 0; i < COLUMNS; i++)
		free(p->column[i]);
	free(p->sum);
	free(p->life);
	free(p->op);
	free(p->plan);
	free(p->row_at);
	free(p->touched);
	free(p);
}

/* ---- lives ---- */

static uint64_t
hash_cell(const struct picture *p, const struct picture_life *l)
{
	uint64_t h = hash_mix(l->site, l->lo >> p->y_shift);

	h = hash_mix(h, (l->hi - 1) >> p->y_shift);
	h = hash_mix(h, (uint64_t)l->from >> p->x_shift);
	return hash_mix(h, (uint64_t)l->to >> p->x_shift);
}

static uint64_t
hash_life(const void *context, uint32_t item)
{
	const struct picture *p = context;

	return hash_cell(p, &p->life[item]);
}

static bool
same_cells(const struct picture *p, const struct picture_life *a, const struct picture_life *b)
{
	unsigned x = p->x_shift, y = p->y_shift;

	return a->site == b->site && a->lo >> y == b->lo >> y &&
	       (a->hi - 1) >> y == (b->hi - 1) >> y && a->from >> x == b->from >> x &&
	       a->to >> x == b->to >> x;
}

static void
join(struct picture_life *to, const struct picture_life *l)
{
	to->lo = l->lo < to->lo ? l->lo : to->lo;
	to->hi = l->hi > to->hi ? l->hi : to->hi;
	to->from = l->from < to->from ? l->from : to->from;
	to->to = l->to > to->to ? l->to : to->to;
	to->objects += l->objects;
}

static void
put_life(struct picture *p, const struct picture_life *l)
{
	uint64_t hash = hash_cell(p, l);

	for (struct hash_probe at = hash_first(&p->life_set, hash); hash_found(&p->life_set, &at);
	     hash_next(&p->life_set, &at))
		if (same_cells(p, &p->life[at.item], l)) {
			join(&p->life[at.item], l);
			return;
		}
	GROW(p->life, p->life_cap, p->lives);
	p->life[p->lives] = *l;
	hash_add(&p->life_set, hash, (uint32_t)p->lives++, hash_life, p);
}

/* Makes the cells of lives twice as coarse: to the cells of the picture first, then in turns. */
static void
coarsen(struct picture *p)
{
	uint64_t span = (uint64_t)p->end - (uint64_t)p->start;
	unsigned cell_x = 0, cell_y = (unsigned)p->all.y.e;
	size_t n = p->lives;

	while (cell_x < 62 && span >> cell_x > p->o.x.bins)
		cell_x++;
	if (p->y_shift < cell_y)
		p->y_shift = cell_y;
	else if (p->x_shift < cell_x)
		p->x_shift = cell_x;
	else if (p->x_shift - cell_x > p->y_shift - cell_y)
		p->y_shift++;
	else
		p->x_shift++;
	hash_clear(&p->life_set);
	p->lives = 0;
	for (size_t i = 0; i < n; i++) {
		struct picture_life l = p->life[i];

		put_life(p, &l);
	}
}

static void
hold_all(struct picture *p)
{
	static const uint64_t zero[AXIS_CHUNK];
	struct grid_column x = { AXIS_INT, p->hold_t }, y = { AXIS_UNSIGNED, p->hold_addr },
			   w = { AXIS_INT, zero };
	struct grid *grid[] = { &p->all, &p->reads, &p->writes };
	size_t n = p->held;

	p->held = 0;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t points = grid[i]->points, placed = grid[i]->placed, refused[AXIS_VERDICTS];

		memcpy(refused, grid[i]->refused, sizeof refused);
		grid_add(grid[i], x, y, w, n);
		grid[i]->points = points;
		grid[i]->placed = placed;
		memcpy(grid[i]->refused, refused, sizeof refused);
	}
}

/* Points that are no accesses, so that the axes hold them: gathered, and not counted. */
static void
hold(struct picture *p, int64_t t, uint64_t addr)
{
	if (p->held == AXIS_CHUNK)
		hold_all(p);
	p->hold_t[p->held] = (uint64_t)t;
	p->hold_addr[p->held++] = addr;
}

static void
hold_range(struct picture *p, int64_t t, uint64_t lo, uint64_t hi)
{
	uint64_t step = (hi - lo) / COVER;

	step = step >> p->all.y.e ? step : (uint64_t)1 << p->all.y.e;
	for (uint64_t a = lo; a < hi && a >= lo; a = a / step * step + step)
		hold(p, t, a);
}

static void
live(struct picture *p, const struct heap_object *o, uint64_t lo, uint64_t hi, int64_t to)
{
	struct picture_life l = { lo, hi > lo ? hi : lo + 1, o->t, to, 1, o->site };
	const struct axis *x = &p->all.x, *y = &p->all.y;

	if (!o->tag)
		return;
	if (x->scheme.ranged && (l.from >= x->scheme.hi.i || l.to < x->scheme.lo.i))
		return;
	if (y->scheme.ranged && !y->scheme.lo.real && !y->scheme.hi.real &&
	    (l.lo >= y->scheme.hi.i || l.hi <= y->scheme.lo.i))
		return;
	if (p->o.whole)
		hold_range(p,
		    x->scheme.ranged && l.from < x->scheme.lo.i ? (int64_t)x->scheme.lo.i : l.from,
		    l.lo, l.hi);
	put_life(p, &l);
	while (p->lives >= PICTURE_LIVES)
		coarsen(p);
}

static struct picture_site *
sum_of(struct picture *p, uint32_t site)
{
	while (p->sums <= site) {
		GROW(p->sum, p->sum_cap, p->sums);
		p->sum[p->sums++] = (struct picture_site){ 0 };
	}
	return &p->sum[site];
}

static uint32_t
site_for(void *context, struct trace_block *b, enum trace_kind kind, uint32_t list)
{
	return site_of(&((struct picture *)context)->site, b, kind, list);
}

static void
born(void *context, struct heap_object *o, const struct heap_event *e)
{
	struct picture *p = context;

	(void)e;
	if (!p->o.whole)
		return;
	o->tag = 1;
	sum_of(p, o->site)->objects++;
}

static void
gone(void *context, struct heap_object *o, const struct heap_event *e)
{
	live(context, o, e->from, e->to, e->t);
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

static const uint64_t *
column(struct trace_block *b, unsigned s, const char *name, enum trace_kind kind)
{
	int f = trace_field_of(b->shape[s], slice_of(name), kind);

	return f < 0 ? NULL : trace_column(b, s, (unsigned)f);
}

static int
plan_shape(struct picture *p, struct trace_block *b, unsigned s, struct error *e)
{
	const struct trace_shape *shape = b->shape[s];
	struct picture_plan *c = &p->plan[s];
	int f;

	*c = (struct picture_plan){ 0 };
	if (!trace_is_ledger(shape) && !trace_is_state(shape))
		p->records += b->rows[s];
	if (!slice_eq(shape->type, SLICE("access")))
		return 0;
	c->t = column(b, s, "t", TRACE_INT);
	c->addr = column(b, s, "addr", TRACE_ADDR);
	c->addr_kind = AXIS_UNSIGNED;
	if (c->addr == NULL) {
		c->addr = column(b, s, "addr", TRACE_INT);
		c->addr_kind = AXIS_INT;
	}
	if (c->t == NULL || c->addr == NULL) {
		p->without += b->rows[s];
		return 0;
	}
	c->counts = true;
	c->src = column(b, s, "src", TRACE_INT);
	c->pid = column(b, s, "pid", TRACE_INT);
	c->op = column(b, s, "op", TRACE_STR);
	c->kind = column(b, s, "kind", TRACE_STR);
	c->object = column(b, s, "object", TRACE_ADDR);
	f = trace_field_index(shape, SLICE("site"));
	if (f >= 0) {
		c->site_kind = shape->field[f].kind;
		c->site = trace_column(b, s, (unsigned)f);
	}
	f = p->o.weight.n ? trace_field_index(shape, p->o.weight) : -1;
	if (f >= 0) {
		c->weight_kind = shape->field[f].kind;
		if (c->weight_kind > TRACE_NUM || c->weight_kind == TRACE_ADDR)
			return error_set(e, "the field %.*s of an access is no number but a %s",
			    SLICE_ARG(p->o.weight), trace_kind_name(c->weight_kind));
		c->weight = trace_column(b, s, (unsigned)f);
	}
	return 0;
}

static uint64_t
weight_of(const struct picture_plan *c, uint32_t row)
{
	double d;

	if (c->weight == NULL)
		return 1;
	if (c->weight_kind != TRACE_NUM)
		return (int64_t)c->weight[row] > 0 ? c->weight[row] : 0;
	memcpy(&d, &c->weight[row], sizeof d);
	return d >= 0 && d < 0x1p62 ? (uint64_t)(d + 0.5) : 0;
}

/* Counts the accesses of each process. */
static void
touch(struct picture *p, uint32_t space)
{
	for (size_t old = p->touched_cap; p->touched_cap <= space;) {
		p->touched =
		    xgrow(p->touched, &p->touched_cap, (size_t)space + 1, sizeof *p->touched);
		for (; old < p->touched_cap; old++)
			p->touched[old] = 0;
	}
	p->processes += p->touched[space] == 0;
	if (++p->touched[space] > p->busiest_accesses) {
		p->busiest_accesses = p->touched[space];
		p->busiest = heap_pid(&p->heap, space);
	}
}

/* What an access says of its site and its object. Its cells are counted by the column. */
static void
access_row(struct picture *p, struct trace_block *b, const struct picture_plan *c, uint32_t row)
{
	uint32_t space = heap_space(
	    &p->heap, c->src ? (int64_t)c->src[row] : 0, c->pid ? (int64_t)c->pid[row] : 0);
	uint64_t w = weight_of(c, row);
	struct picture_site *sum;
	struct heap_object *o;
	unsigned op = OP_NONE;
	uint32_t site;

	touch(p, space);
	p->last_addr = c->addr[row];
	p->accesses++;
	p->weight += w;
	if (c->kind == NULL) {
		p->unjoined++;
		return;
	}
	if (!slice_eq(trace_string(b, (uint32_t)c->kind[row]), SLICE("object")))
		return;
	site = site_of(&p->site, b, c->site ? c->site_kind : TRACE_KINDS,
	    c->site ? (uint32_t)c->site[row] : 0);
	sum = sum_of(p, site);
	if (c->op)
		op = p->op[c->op[row]];
	sum->accesses++;
	sum->weight += w;
	sum->reads += op == OP_R || op == OP_RW ? w : 0;
	sum->writes += op == OP_W || op == OP_RW ? w : 0;
	o = c->object ? heap_at(&p->heap, space, c->object[row]) : NULL;
	if (o == NULL || o->tag)
		return;
	o->tag = 1;
	sum->objects++;
}

/* All accesses of a shape into the grids. */
static void
place(struct picture *p, struct trace_block *b, unsigned s)
{
	const struct picture_plan *c = &p->plan[s];
	uint32_t n = b->rows[s];
	struct grid_column x = { AXIS_INT, c->t }, y = { c->addr_kind, c->addr };

	for (unsigned i = 0; i < COLUMNS; i++)
		GROW(p->column[i], p->column_cap[i], n);
	for (uint32_t row = 0; row < n; row++) {
		unsigned op = c->op ? p->op[c->op[row]] : OP_NONE;
		uint64_t w = weight_of(c, row);

		p->column[ALL][row] = w;
		p->column[READS][row] = op == OP_R || op == OP_RW ? w : 0;
		p->column[WRITES][row] = op == OP_W || op == OP_RW ? w : 0;
	}
	grid_add(&p->all, x, y, (struct grid_column){ AXIS_INT, p->column[ALL] }, n);
	grid_add(&p->reads, x, y, (struct grid_column){ AXIS_INT, p->column[READS] }, n);
	grid_add(&p->writes, x, y, (struct grid_column){ AXIS_INT, p->column[WRITES] }, n);
}

/* The ends of a range in the time of the trace. */
static int
begin(struct picture *p, int64_t start, struct error *e)
{
	struct axis_scheme x = p->o.x;

	p->start = p->end = start;
	if (x.ranged) {
		struct axis_number *end[] = { &x.lo, &x.hi };

		for (int i = 0; i < 2; i++)
			*end[i] = (struct axis_number){
				.i = (end[i]->real ? (__int128)end[i]->d : end[i]->i) + start
			};
	}
	if (grid_init(&p->all, &x, &p->o.y, true, e) < 0)
		return -1;
	if (grid_init(&p->reads, &x, &p->o.y, true, e) < 0 ||
	    grid_init(&p->writes, &x, &p->o.y, true, e) < 0)
		return -1;
	p->begun = true;
	p->heap.context = p;
	p->heap.site = site_for;
	p->heap.born = born;
	p->heap.gone = gone;
	return 0;
}

int
picture_block(struct picture *p, struct trace_block *b, struct error *e)
{
	const uint16_t *sequence;
	int result = 0;

	losses_block(&p->losses, b);
	if (!p->begun && b->t_min <= b->t_max && begin(p, b->t_min, e) < 0)
		return -1;
	if (!p->begun)
		return 0;
	p->end = b->t_min <= b->t_max && b->t_max > p->end ? b->t_max : p->end;
	site_begin(&p->site, b);
	heap_begin(&p->heap, b);
	GROW(p->plan, p->plan_cap, b->shapes);
	GROW(p->row_at, p->row_at_cap, b->shapes);
	memset(p->row_at, 0, b->shapes * sizeof *p->row_at);
	GROW(p->op, p->op_cap, b->strings);
	memset(p->op, OP_UNKNOWN, b->strings);
	for (unsigned s = 0; s < b->shapes && result == 0; s++) {
		const uint64_t *op;

		result = plan_shape(p, b, s, e);
		op = p->plan[s].op;
		for (uint32_t row = 0; op && row < b->rows[s]; row++)
			if (p->op[op[row]] == OP_UNKNOWN)
				p->op[op[row]] = op_of(trace_string(b, (uint32_t)op[row]));
	}
	if (result < 0)
		return -1;
	sequence = trace_sequence(b);
	for (uint32_t i = 0; i < b->records; i++) {
		unsigned s = sequence ? sequence[i] : 0;
		uint32_t row = p->row_at[s]++;

		if (p->plan[s].counts)
			access_row(p, b, &p->plan[s], row);
		else if (heap_wants(&p->heap, s))
			heap_row(&p->heap, b, s, row);
	}
	for (unsigned s = 0; s < b->shapes; s++)
		if (p->plan[s].counts)
			place(p, b, s);
	return 0;
}

/* ---- the end ---- */

static int
by_place(const void *pa, const void *pb, void *context)
{
	const struct picture_life *a = pa, *b = pb;
	unsigned x = *(const unsigned *)context;
	int64_t f = (a->from >> x) - (b->from >> x), t = (a->to >> x) - (b->to >> x);

	if (a->site != b->site)
		return a->site < b->site ? -1 : 1;
	if (f != 0 || t != 0)
		return f ? (f < 0 ? -1 : 1) : t < 0 ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->from < b->from ? -1 : a->from > b->from;
}

/* Neighbours of a site that lived alike, to the width of a cell, become one. */
static void
melt(struct picture *p)
{
	uint64_t cell = (uint64_t)1
			<< ((unsigned)p->all.y.e > p->y_shift ? (unsigned)p->all.y.e : p->y_shift);
	size_t kept = 0;

	qsort_r(p->life, p->lives, sizeof *p->life, by_place, &p->x_shift);
	for (size_t i = 0; i < p->lives; i++) {
		struct picture_life *last = kept ? &p->life[kept - 1] : NULL, *l = &p->life[i];

		if (last && last->site == l->site &&
		    last->from >> p->x_shift == l->from >> p->x_shift &&
		    last->to >> p->x_shift == l->to >> p->x_shift && l->lo <= last->hi + cell / 2)
			join(last, l);
		else
			p->life[kept++] = *l;
	}
	p->lives = kept;
}

int
picture_end(struct picture *p, size_t lives, struct error *e)
{
	struct heap_object *o;
	size_t at = 0;

	if (!p->begun && begin(p, 0, e) < 0)
		return -1;
	while ((o = heap_next(&p->heap, &at)))
		live(p, o, o->addr, o->addr + o->size, p->end);
	/* All of the time is shown, not only from the first access to the last. */
	if (p->all.placed > 0) {
		uint64_t addr = p->last_addr;

		hold(p, p->start, addr);
		hold(p, p->end, addr);
	}
	hold_all(p);
	/* (each site has its sums) */
	if (p->site.n > 0)
		sum_of(p, (uint32_t)p->site.n - 1);
	if (p->lives > 0) {
		size_t n = 0;

		melt(p);
		while (p->lives > lives && n++ < 64) {
			coarsen(p);
			melt(p);
		}
	}
	grid_settle(&p->all, false, p->o.y.compact);
	grid_settle(&p->reads, false, p->o.y.compact);
	grid_settle(&p->writes, false, p->o.y.compact);
	return 0;
}
