#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "flow/group.h"
#include "flow/site.h"

/* A value is numbered by its text; a combination is the pair of what was before and the next value. The first field's
 * pairs are those with PAIR_NONE. */

static const uint32_t PAIR_NONE = UINT32_MAX;

enum { CACHE_BITS = 10 };

struct number {
	uint64_t bits;
	enum trace_kind kind;
	uint32_t value;
};

struct pair {
	uint32_t before, value;
};

struct group {
	struct slice *by;
	unsigned bys;
	struct arena arena;

	struct slice *value;
	size_t value_cap;
	struct hash_set values;

	struct number *number; /* of ints, addrs and nums, so that their text is made once */
	size_t number_cap;
	struct hash_set numbers;

	uint32_t *string; /* value + 1 of each string of the block; 0: not yet looked at */
	size_t string_cap;
	uint64_t serial; /* of that block */

	struct site site;     /* texts of lists */
	uint32_t *site_value; /* value + 1 of each; 0: not yet looked at */
	size_t site_cap;
	uint64_t site_serial; /* of the block that it knows the lists of */

	/* What was found before, by some bits of what was looked for; item is the number + 1. */
	struct number_cache {
		uint64_t bits;
		uint32_t kind, value;
	} number_cache[1 << CACHE_BITS];
	struct pair_cache {
		struct pair pair;
		uint32_t item;
	} pair_cache[1 << CACHE_BITS];
	unsigned pair_cache_of; /* this field's pairs */

	struct level {
		struct pair *pair;
		size_t cap;
		struct hash_set set;
	} * level; /* for each field */

	struct slice *label; /* bys of each group */
	size_t label_cap;
	uint32_t *row;
	size_t row_cap;
};

struct group *
group_new(const struct slice *by, unsigned n)
{
	struct group *g = xcalloc(1, sizeof *g);

	g->by = xcalloc(n + 1, sizeof *g->by);
	g->bys = n;
	g->level = xcalloc(n + 1, sizeof *g->level);
	for (unsigned i = 0; i < n; i++)
		g->by[i] = arena_copy(&g->arena, by[i]);
	return g;
}

void
group_free(struct group *g)
{
	for (unsigned i = 0; i < g->bys; i++) {
		free(g->level[i].pair);
		hash_free(&g->level[i].set);
	}
	hash_free(&g->values);
	hash_free(&g->numbers);
	site_free(&g->site);
	free(g->site_value);
	arena_free(&g->arena);
	free(g->by);
	free(g->value);
	free(g->number);
	free(g->string);
	free(g->level);
	free(g->label);
	free(g->row);
	free(g);
}

static uint64_t
hash_value(const void *context, uint32_t item)
{
	const struct group *g = context;

	return hash_bytes(g->value[item].p, g->value[item].n);
}

static uint32_t
value_of(struct group *g, struct slice s)
{
	uint64_t h = hash_bytes(s.p, s.n);
	uint32_t n = (uint32_t)g->values.items;

	for (struct hash_probe at = hash_first(&g->values, h); hash_found(&g->values, &at);
	     hash_next(&g->values, &at))
		if (slice_eq(g->value[at.item], s))
			return at.item;
	GROW(g->value, g->value_cap, n);
	g->value[n] = arena_copy(&g->arena, s);
	hash_add(&g->values, h, n, hash_value, g);
	return n;
}

static uint64_t
hash_number(const void *context, uint32_t item)
{
	const struct group *g = context;

	return hash_mix(g->number[item].kind, g->number[item].bits);
}

static uint32_t
value_of_number(struct group *g, enum trace_kind kind, uint64_t bits)
{
	uint64_t h = hash_mix(kind, bits);
	uint32_t n = (uint32_t)g->numbers.items;
	struct buf b = BUF_INIT;
	double d;

	for (struct hash_probe at = hash_first(&g->numbers, h); hash_found(&g->numbers, &at);
	     hash_next(&g->numbers, &at))
		if (g->number[at.item].bits == bits && g->number[at.item].kind == kind)
			return g->number[at.item].value;
	switch (kind) {
	case TRACE_INT:
		buf_i64(&b, (int64_t)bits);
		break;
	case TRACE_BIG:
		buf_u64(&b, bits);
		break;
	case TRACE_ADDR:
		buf_hex(&b, bits);
		break;
	default:
		memcpy(&d, &bits, sizeof d);
		buf_f64(&b, d);
	}
	GROW(g->number, g->number_cap, n);
	g->number[n] = (struct number){ bits, kind, value_of(g, buf_view(&b)) };
	hash_add(&g->numbers, h, n, hash_number, g);
	buf_free(&b);
	return g->number[n].value;
}

static uint32_t
value_of_string(struct group *g, struct trace_block *b, uint32_t id)
{
	if (g->serial != trace_block_serial(b)) {
		g->serial = trace_block_serial(b);
		if (g->string_cap > 0)
			memset(g->string, 0, g->string_cap * sizeof *g->string);
		if (b->strings > g->string_cap) {
			free(g->string);
			g->string_cap = b->strings;
			g->string = xcalloc(g->string_cap, sizeof *g->string);
		}
	}
	if (g->string[id] == 0)
		g->string[id] = value_of(g, trace_string(b, id)) + 1;
	return g->string[id] - 1;
}

/* Stacks and sites: the functions, root first, with ';' between them. */
static uint32_t
value_of_list(struct group *g, struct trace_block *b, enum trace_kind kind, uint32_t list)
{
	uint32_t site;

	if (g->site_serial != trace_block_serial(b))
		site_begin(&g->site, b);
	g->site_serial = trace_block_serial(b);
	site = site_of(&g->site, b, kind, list);
	for (size_t old = g->site_cap; g->site_cap <= site;) {
		g->site_value =
		    xgrow(g->site_value, &g->site_cap, (size_t)site + 1, sizeof *g->site_value);
		for (; old < g->site_cap; old++)
			g->site_value[old] = 0;
	}
	if (g->site_value[site] == 0)
		g->site_value[site] = value_of(g, g->site.name[site]) + 1;
	return g->site_value[site] - 1;
}

static uint64_t
hash_pair(const void *context, uint32_t item)
{
	const struct level *l = context;

	return hash_mix(l->pair[item].before, l->pair[item].value);
}

static uint32_t
pair_of(struct group *g, unsigned field, uint32_t before, uint32_t value)
{
	struct level *l = &g->level[field];
	uint64_t h = hash_mix(before, value);
	uint32_t n = (uint32_t)l->set.items;

	for (struct hash_probe at = hash_first(&l->set, h); hash_found(&l->set, &at);
	     hash_next(&l->set, &at))
		if (l->pair[at.item].before == before && l->pair[at.item].value == value)
			return at.item;
	GROW(l->pair, l->cap, n);
	l->pair[n] = (struct pair){ before, value };
	hash_add(&l->set, h, n, hash_pair, l);
	if (field + 1 == g->bys) {
		size_t first = (size_t)n * g->bys;

		GROW(g->label, g->label_cap, first + g->bys - 1);
		for (unsigned i = g->bys; i-- > 0;) {
			struct pair p = g->level[i].pair[n];

			g->label[first + i] = g->value[p.value];
			n = p.before;
		}
		n = (uint32_t)l->set.items - 1;
	}
	return n;
}

static inline uint32_t
known_number(struct group *g, enum trace_kind kind, uint64_t bits)
{
	struct number_cache *c = &g->number_cache[bits * 0x9e3779b97f4a7c15 >> (64 - CACHE_BITS)];

	if (c->bits != bits || c->kind != (uint32_t)kind + 1)
		*c = (struct number_cache){ bits, (uint32_t)kind + 1,
			value_of_number(g, kind, bits) };
	return c->value;
}

static inline uint32_t
known_pair(struct group *g, unsigned field, uint32_t before, uint32_t value)
{
	struct pair_cache *c = &g->pair_cache[(before * 31 + value) & ((1 << CACHE_BITS) - 1)];

	if (c->item == 0 || c->pair.before != before || c->pair.value != value)
		*c = (struct pair_cache){ { before, value }, pair_of(g, field, before, value) + 1 };
	return c->item - 1;
}

/* Moves the rows' numbers on by one field. */
static int
one_field(struct group *g, struct trace_block *b, unsigned s, unsigned field, struct error *e)
{
	const struct trace_shape *shape = b->shape[s];
	int f = trace_field_index(shape, g->by[field]);
	enum trace_kind kind = f < 0 ? TRACE_STR : shape->field[f].kind;
	const uint64_t *column = f < 0 ? NULL : trace_column(b, s, (unsigned)f);
	uint32_t absent = value_of(g, SLICE("-")), value = absent;
	uint32_t last_before = PAIR_NONE, last_group = 0;
	uint64_t last = 0;
	bool list = kind == TRACE_STRS || kind == TRACE_ADDRS;

	if (kind > TRACE_STR && !list)
		return error_set(e,
		    "the field %.*s of %.*s is a %s: groups are of numbers, strings and stacks",
		    SLICE_ARG(g->by[field]), SLICE_ARG(shape->type), trace_kind_name(kind));
	if (g->pair_cache_of != field)
		memset(g->pair_cache, 0, sizeof g->pair_cache);
	g->pair_cache_of = field;
	for (uint32_t row = 0; row < b->rows[s]; row++) {
		uint32_t before = field ? g->row[row] : PAIR_NONE;
		uint64_t bits = column ? column[row] : 0;

		if (row > 0 && bits == last && before == last_before) {
			g->row[row] = last_group;
			continue;
		}
		if (column && (row == 0 || bits != last))
			value = list                ? value_of_list(g, b, kind, (uint32_t)bits)
				: kind == TRACE_STR ? value_of_string(g, b, (uint32_t)bits)
						    : known_number(g, kind, bits);
		last = bits;
		last_before = before;
		last_group = g->row[row] = known_pair(g, field, before, value);
	}
	return 0;
}

const uint32_t *
group_rows(struct group *g, struct trace_block *b, unsigned s, struct error *e)
{
	GROW(g->row, g->row_cap, b->rows[s]);
	for (unsigned i = 0; i < g->bys; i++)
		if (one_field(g, b, s, i, e) < 0)
			return NULL;
	return g->row;
}

uint32_t
group_count(const struct group *g)
{
	return g->bys ? (uint32_t)g->level[g->bys - 1].set.items : 0;
}

const struct slice *
group_label(const struct group *g, uint32_t number)
{
	return g->label + (size_t)number * g->bys;
}
