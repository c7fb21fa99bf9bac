/* infos_put.c - part of infos.h: facts and readings as records */
#include "experiment/infos.h"

#include <stdio.h>

static void
put_lost(struct trace_writer *w, int64_t t, uint64_t n, const char *why, struct slice files)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("n"), TRACE_INT }, { SLICE("why"), TRACE_STR },
		{ SLICE("files"), TRACE_STR } };
	union trace_value v[] = { { .i = t }, { .i = (int64_t)n }, { .s = slice_of(why) },
		{ .s = files } };

	if (n > 0)
		trace_put(w, trace_writer_shape(w, SLICE("lost"), field, files.n > 0 ? 4 : 3), v);
}

uint64_t
infos_put(struct trace_writer *w, int64_t t, const struct facts *facts)
{
	static const enum trace_kind kind[] = { TRACE_INT, TRACE_NUM, TRACE_STR };

	for (size_t i = 0; i < facts->facts; i++) {
		const struct fact *f = &facts->fact[i];
		const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
			{ SLICE("section"), TRACE_STR }, { SLICE("name"), TRACE_STR },
			{ SLICE("value"), kind[f->kind] }, { SLICE("unit"), TRACE_STR } };
		union trace_value v[] = { { .i = t }, { .s = slice_of(f->section) },
			{ .s = f->name }, { .i = 0 }, { .s = slice_of(f->unit) } };

		if (f->kind == FACT_INT)
			v[3].i = f->i;
		else if (f->kind == FACT_NUM)
			v[3].d = f->d;
		else
			v[3].s = f->s;
		trace_put(w, trace_writer_shape(w, SLICE("info"), field, f->unit ? 5 : 4), v);
	}
	put_lost(w, t, facts->denied, "unreadable", facts->denied_list);
	return facts->facts;
}

uint64_t
infos_put_usage(struct trace_writer *w, int64_t t, const struct usage *u)
{
	static const struct slice cgroup = { "cgroup", 6 }, device = { "device", 6 };

	for (size_t i = 0; i < u->values; i++) {
		const struct usage_value *x = &u->value[i];
		struct trace_field field[6] = { { SLICE("t"), TRACE_INT },
			{ SLICE("name"), TRACE_STR },
			{ SLICE("value"), x->whole ? TRACE_INT : TRACE_NUM } };
		union trace_value v[6] = { { .i = t } };
		char name[64];
		unsigned n = 3;

		snprintf(name, sizeof name, "%s%s", x->name, x->suffix);
		v[1].s = slice_of(name);
		if (x->whole)
			v[2].i = x->i;
		else
			v[2].d = x->d;
		if (x->unit) {
			field[n] = (struct trace_field){ SLICE("unit"), TRACE_STR };
			v[n++].s = slice_of(x->unit);
		}
		field[n] = (struct trace_field){ SLICE("section"), TRACE_STR };
		v[n++].s = slice_of(x->section);
		if (x->device.p) {
			bool is = slice_eq(slice_of(x->section), cgroup);

			field[n] = (struct trace_field){ is ? cgroup : device, TRACE_STR };
			v[n++].s = x->device;
		}
		trace_put(w, trace_writer_shape(w, SLICE("stat"), field, n), v);
	}
	put_lost(w, t, u->gone, "gone", (struct slice){ 0 });
	put_lost(w, t, u->fell, "counter-fell", (struct slice){ 0 });
	return u->values;
}
