#include <stdlib.h>

#include "base/alloc.h"
#include "flow/pair_parts.h"

enum { IDLE_MIN = 256 };

void
pair_table_init(struct pair_table *t)
{
	*t = (struct pair_table){ .spare_open = PAIR_NOBODY,
		.oldest = PAIR_NOBODY,
		.newest = PAIR_NOBODY,
		.spare_key = PAIR_NOBODY };
}

void
pair_table_free(struct pair_table *t)
{
	for (size_t i = 0; i < t->opens; i++)
		free(t->open[i].value);
	for (size_t i = 0; i < t->keys; i++)
		if (t->key[i].known && t->key[i].bytes > PAIR_KEY_BYTES)
			free(t->key[i].out);
	free(t->open);
	free(t->key);
	hash_free(&t->set);
}

/* ---- keys ---- */

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct pair_table *t = context;

	return t->key[item].hash;
}

static uint32_t
new_key(struct pair_table *t, uint64_t hash, struct slice bytes)
{
	uint32_t k = t->spare_key;
	struct pair_opened *key;

	if (k != PAIR_NOBODY) {
		t->spare_key = t->key[k].spare;
	} else {
		GROW(t->key, t->key_cap, t->keys);
		k = (uint32_t)t->keys++;
	}
	key = &t->key[k];
	*key = (struct pair_opened){ .hash = hash,
		.oldest = PAIR_NOBODY,
		.newest = PAIR_NOBODY,
		.bytes = (uint32_t)bytes.n,
		.known = true };
	if (bytes.n > PAIR_KEY_BYTES)
		key->out = memcpy(xmalloc(bytes.n), bytes.p, bytes.n);
	else
		memcpy(key->in, bytes.p, PAIR_KEY_BYTES);
	hash_add(&t->set, hash, k, rehash, t);
	t->idle++;
	return k;
}

uint32_t
pair_table_key(struct pair_table *t, struct buf *bytes, bool make)
{
	uint64_t hash = hash_bytes(bytes->p, bytes->n);

	/* So that short ones are compared as words. */
	memset(bytes->p + bytes->n, 0, PAIR_KEY_BYTES);
	for (struct hash_probe at = hash_first(&t->set, hash); hash_found(&t->set, &at);
	     hash_next(&t->set, &at)) {
		const struct pair_opened *key = &t->key[at.item];

		if (key->hash == hash && key->bytes == bytes->n &&
		    (key->bytes > PAIR_KEY_BYTES ? memcmp(key->out, bytes->p, bytes->n)
						 : memcmp(key->in, bytes->p, PAIR_KEY_BYTES)) == 0)
			return at.item;
	}
	return make ? new_key(t, hash, buf_view(bytes)) : PAIR_NOBODY;
}

/* A key that is idle is likely to come again (threads, CPUs), or never (requests): it is forgotten when many are. */
static void
forget_idle_keys(struct pair_table *t)
{
	hash_clear(&t->set);
	for (uint32_t k = 0; k < t->keys; k++) {
		struct pair_opened *key = &t->key[k];

		if (key->n > 0) {
			hash_add(&t->set, key->hash, k, rehash, t);
		} else if (key->known) {
			if (key->bytes > PAIR_KEY_BYTES)
				free(key->out);
			key->known = false;
			key->spare = t->spare_key;
			t->spare_key = k;
		}
	}
	t->idle = 0;
}

/* Words, so that what is written here and read for the hash lies alike. */
static void
put_words(struct buf *key, uint64_t tag, uint64_t v)
{
	char *to = buf_room(key, 2 * sizeof v);

	memcpy(to, &v, sizeof v);
	memcpy(to + sizeof v, &tag, sizeof tag);
	key->n += 2 * sizeof v;
}

static void
put_bytes(struct buf *key, char tag, const void *p, size_t n)
{
	uint32_t length = (uint32_t)n;

	buf_char(key, tag);
	buf_put(key, &length, sizeof length);
	buf_put(key, p, n);
}

void
pair_key_put(struct buf *key, enum trace_kind kind, const union trace_value *v)
{
	switch (kind) {
	case TRACE_INT:
		put_words(key, v->i < 0 ? '-' : '+', v->u);
		break;
	case TRACE_BIG:
	case TRACE_ADDR:
		put_words(key, '+', v->u);
		break;
	case TRACE_NUM:
		/* A whole number, however it is written. */
		if (v->d >= 0 && v->d < 0x1p64 && v->d == (double)(uint64_t)v->d)
			put_words(key, '+', (uint64_t)v->d);
		else if (v->d < 0 && v->d >= -0x1p63 && v->d == (double)(int64_t)v->d)
			put_words(key, '-', (uint64_t)(int64_t)v->d);
		else
			put_words(key, '.', v->u);
		break;
	case TRACE_STR:
	case TRACE_BYTES:
		put_bytes(key, 's', v->s.p, v->s.n);
		break;
	case TRACE_INTS:
		put_bytes(key, 'i', v->list.items, v->list.n * sizeof(int64_t));
		break;
	case TRACE_ADDRS:
		put_bytes(key, 'a', v->list.items, v->list.n * sizeof(uint64_t));
		break;
	default:
		put_bytes(key, 'l', &v->list.n, sizeof v->list.n);
		for (uint32_t i = 0; i < v->list.n; i++)
			put_bytes(key, 's', v->list.s[i].p, v->list.s[i].n);
	}
}

/* ---- intervals ---- */

/* Bytes that the value points to, rounded up so that what follows is aligned. */
static size_t
points_to(enum trace_kind kind, const union trace_value *v)
{
	size_t n = 0;

	switch (kind) {
	case TRACE_STR:
	case TRACE_BYTES:
		n = v->s.n;
		break;
	case TRACE_INTS:
	case TRACE_ADDRS:
		n = v->list.n * sizeof(uint64_t);
		break;
	case TRACE_STRS:
		n = v->list.n * sizeof(struct slice);
		for (uint32_t i = 0; i < v->list.n; i++)
			n += v->list.s[i].n;
		break;
	default:
		break;
	}
	return (n + 7) & ~(size_t)7;
}

static struct slice
move(char **to, struct slice s)
{
	struct slice moved = { *to, s.n };

	if (s.n > 0)
		memcpy(*to, s.p, s.n);
	*to += s.n;
	return moved;
}

/* Makes *v point to copies at `to`. */
static void
move_value(enum trace_kind kind, union trace_value *v, char *to)
{
	struct slice *item = (struct slice *)(void *)to;

	switch (kind) {
	case TRACE_STR:
	case TRACE_BYTES:
		v->s = move(&to, v->s);
		break;
	case TRACE_INTS:
	case TRACE_ADDRS:
		v->list.items =
		    memcpy(to, v->list.items ? v->list.items : "", v->list.n * sizeof(uint64_t));
		v->list.memo = NULL;
		break;
	case TRACE_STRS:
		to += v->list.n * sizeof *item;
		for (uint32_t i = 0; i < v->list.n; i++)
			item[i] = move(&to, v->list.s[i]);
		v->list.s = item;
		v->list.memo = NULL;
		break;
	default:
		break;
	}
}

static void
keep_row(struct pair_open *o, const struct pair_at *r)
{
	const struct pair_shape *shape = r->shape;
	const unsigned *f = shape->field, *other = f + shape->plains, *end = f + shape->fields;
	size_t need = shape->fields * sizeof *o->value, at = need;

	pair_columns(r);
	if (o->cap < need)
		o->value = xgrow(o->value, &o->cap, need, 1);
	for (; f < other; f++)
		o->value[*f].u = shape->column[*f][r->row];
	for (; f < end; f++) {
		o->value[*f] = pair_value(r, *f);
		need += points_to(shape->own->field[*f].kind, &o->value[*f]);
	}
	if (o->cap < need)
		o->value = xgrow(o->value, &o->cap, need, 1);
	for (f = other; f < end; f++) {
		enum trace_kind kind = shape->own->field[*f].kind;
		size_t n = points_to(kind, &o->value[*f]);

		move_value(kind, &o->value[*f], (char *)o->value + at);
		at += n;
	}
}

struct pair_open *
pair_table_open(struct pair_table *t, uint32_t key, const struct pair_at *r)
{
	uint32_t i = t->spare_open;
	struct pair_opened *k = &t->key[key];
	struct pair_open *o;

	if (i != PAIR_NOBODY) {
		t->spare_open = t->open[i].newer;
	} else {
		GROW(t->open, t->open_cap, t->opens);
		i = (uint32_t)t->opens++;
		t->open[i] = (struct pair_open){ 0 };
	}
	o = &t->open[i];
	o->key = key;
	o->older = t->newest;
	o->newer = PAIR_NOBODY;
	o->key_older = k->newest;
	o->key_newer = PAIR_NOBODY;
	if (t->newest != PAIR_NOBODY)
		t->open[t->newest].newer = i;
	else
		t->oldest = i;
	t->newest = i;
	if (k->newest != PAIR_NOBODY)
		t->open[k->newest].key_newer = i;
	else
		k->oldest = i;
	k->newest = i;
	t->idle -= k->n++ == 0;
	keep_row(o, r);
	return o;
}

void
pair_table_close(struct pair_table *t, uint32_t open)
{
	struct pair_open *o = &t->open[open];
	struct pair_opened *k = &t->key[o->key];

	*(o->older == PAIR_NOBODY ? &t->oldest : &t->open[o->older].newer) = o->newer;
	*(o->newer == PAIR_NOBODY ? &t->newest : &t->open[o->newer].older) = o->older;
	*(o->key_older == PAIR_NOBODY ? &k->oldest : &t->open[o->key_older].key_newer) =
	    o->key_newer;
	*(o->key_newer == PAIR_NOBODY ? &k->newest : &t->open[o->key_newer].key_older) =
	    o->key_older;
	o->newer = t->spare_open;
	t->spare_open = open;
	t->idle += --k->n == 0;
	if (t->idle > IDLE_MIN + (t->set.mask + 1) / 4)
		forget_idle_keys(t);
}
