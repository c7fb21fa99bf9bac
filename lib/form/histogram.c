#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "form/histogram_parts.h"

static uint64_t
hash_labels(const struct slice *label, unsigned n)
{
	uint64_t hash = n;

	for (unsigned i = 0; i < n; i++)
		hash = hash_mix(hash, hash_bytes(label[i].p, label[i].n));
	return hash;
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct histogram *h = context;

	return hash_labels(h->group[item].label, h->bys);
}

struct slice
histogram_unit(struct slice key)
{
	if (slice_eq(key, SLICE("t")) || slice_ends(key, SLICE("_ns")))
		return SLICE("ns");
	if (slice_eq(key, SLICE("size")) || slice_ends(key, SLICE("_size")) ||
	    slice_ends(key, SLICE("_bytes")))
		return SLICE("bytes");
	return SLICE("");
}

void
histogram_begin(struct histogram *h, struct slice key, struct slice unit, const struct slice *by,
    unsigned bys, const struct hist_scheme *scheme)
{
	h->key = arena_copy(&h->arena, key);
	h->unit = arena_copy(&h->arena, unit.n ? unit : histogram_unit(key));
	h->bys = bys;
	h->by = arena_alloc(&h->arena, (bys + 1) * sizeof *h->by);
	for (unsigned i = 0; i < bys; i++)
		h->by[i] = arena_copy(&h->arena, by[i]);
	h->scheme = *scheme;
	h->set_up = true;
	if (bys == 0)
		histogram_group(h, NULL);
}

struct hist *
histogram_group(struct histogram *h, const struct slice *label)
{
	uint64_t hash = hash_labels(label, h->bys);
	struct histogram_group *g;

	for (struct hash_probe at = hash_first(&h->set, hash); hash_found(&h->set, &at);
	     hash_next(&h->set, &at)) {
		unsigned i = 0;

		g = &h->group[at.item];
		while (i < h->bys && slice_eq(g->label[i], label[i]))
			i++;
		if (i == h->bys)
			return g->hist;
	}
	GROW(h->group, h->group_cap, h->groups);
	g = &h->group[h->groups];
	g->label = arena_alloc(&h->arena, (h->bys + 1) * sizeof *g->label);
	for (unsigned i = 0; i < h->bys; i++)
		g->label[i] = arena_copy(&h->arena, label[i]);
	g->hist = xmalloc(sizeof *g->hist);
	hist_init(g->hist, &h->scheme);
	hash_add(&h->set, hash, (uint32_t)h->groups++, rehash, h);
	return g->hist;
}

void
histogram_lost(struct histogram *h, struct slice why, uint64_t n)
{
	size_t i = 0;

	while (i < h->losses && !slice_eq(h->loss[i].why, why))
		i++;
	if (i == h->losses) {
		GROW(h->loss, h->loss_cap, i);
		h->loss[h->losses++] = (struct histogram_loss){ arena_copy(&h->arena, why), 0 };
	}
	h->loss[i].n += n;
}

int
histogram_merge(struct histogram *h, const struct histogram *from, struct error *e)
{
	if (!h->set_up)
		histogram_begin(h, from->key, from->unit, from->by, from->bys, &from->scheme);
	if (!slice_eq(h->unit, from->unit))
		return error_set(e,
		    "a histogram of %.*s%s%.*s cannot be added to one of %.*s%s%.*s",
		    SLICE_ARG(from->key), from->unit.n ? " in " : "", SLICE_ARG(from->unit),
		    SLICE_ARG(h->key), h->unit.n ? " in " : "", SLICE_ARG(h->unit));
	if (h->bys != from->bys)
		return error_set(e,
		    "a histogram with %u group columns cannot be added to one with %u", from->bys,
		    h->bys);
	for (unsigned i = 0; i < h->bys; i++)
		if (!slice_eq(h->by[i], from->by[i]))
			return error_set(e, "a histogram by %.*s cannot be added to one by %.*s",
			    SLICE_ARG(from->by[i]), SLICE_ARG(h->by[i]));
	if (!hist_same_scheme(&h->scheme, &from->scheme)) {
		struct buf ours = BUF_INIT, theirs = BUF_INIT;

		histogram_put_scheme(&ours, &h->scheme);
		histogram_put_scheme(&theirs, &from->scheme);
		error_set(
		    e, "other bins cannot be added up:%s and%s", buf_str(&theirs), buf_str(&ours));
		buf_free(&ours);
		buf_free(&theirs);
		return -1;
	}
	for (size_t i = 0; i < from->groups; i++)
		if (hist_merge(histogram_group(h, from->group[i].label), from->group[i].hist, e) <
		    0)
			return -1;
	for (size_t i = 0; i < from->losses; i++)
		histogram_lost(h, from->loss[i].why, from->loss[i].n);
	h->missing += from->missing;
	h->without += from->without;
	return 0;
}

/* Numbers before words, and by their value. */
static int
compare_labels(struct slice a, struct slice b)
{
	double x, y;
	bool x_is = num_f64(a, &x) == 0, y_is = num_f64(b, &y) == 0;

	if (x_is != y_is)
		return x_is ? -1 : 1;
	if (x_is && x != y)
		return x < y ? -1 : 1;
	return slice_cmp(a, b);
}

static int
by_label(const void *a, const void *b, void *context)
{
	const struct histogram_group *x = a, *y = b;
	const struct histogram *h = context;
	int r = 0;

	for (unsigned i = 0; i < h->bys && r == 0; i++)
		r = compare_labels(x->label[i], y->label[i]);
	return r;
}

void
histogram_sort(struct histogram *h)
{
	if (h->groups < 2)
		return;
	qsort_r(h->group, h->groups, sizeof *h->group, by_label, h);
	/* The numbers in the set are those of before. */
	hash_clear(&h->set);
	for (size_t i = 0; i < h->groups; i++)
		hash_add(&h->set, rehash(h, (uint32_t)i), (uint32_t)i, rehash, h);
}

void
histogram_free(struct histogram *h)
{
	for (size_t i = 0; i < h->groups; i++) {
		hist_free(h->group[i].hist);
		free(h->group[i].hist);
	}
	free(h->group);
	free(h->loss);
	hash_free(&h->set);
	arena_free(&h->arena);
	*h = HISTOGRAM_INIT;
}
