#include <stdlib.h>

#include "flow/losses.h"
#include "form/table.h"

void
losses_add(struct losses *l, struct slice why, uint64_t n)
{
	size_t i = 0;

	while (i < l->reasons && !slice_eq(l->reason[i].why, why))
		i++;
	if (i == l->reasons) {
		GROW(l->reason, l->cap, i);
		l->reason[l->reasons++] = (struct losses_reason){ arena_copy(&l->arena, why), 0 };
	}
	l->reason[i].n += n;
}

/* A count that is missing or makes no sense stands for one. */
static void
add(struct losses *l, const union trace_value *n, const union trace_value *why)
{
	losses_add(l, why ? why->s : SLICE("unknown"), n == NULL || n->i < 0 ? 1 : (uint64_t)n->i);
}

void
losses_record(struct losses *l, const struct trace_record *r)
{
	int n, why;

	if (!slice_eq(r->shape->type, SLICE("lost")))
		return;
	n = trace_field_of(r->shape, SLICE("n"), TRACE_INT);
	why = trace_field_of(r->shape, SLICE("why"), TRACE_STR);
	add(l, n < 0 ? NULL : &r->value[n], why < 0 ? NULL : &r->value[why]);
}

void
losses_block(struct losses *l, struct trace_block *b)
{
	for (unsigned s = 0; s < b->shapes; s++) {
		const struct trace_shape *shape = b->shape[s];
		int n, why;

		if (!slice_eq(shape->type, SLICE("lost")))
			continue;
		n = trace_field_of(shape, SLICE("n"), TRACE_INT);
		why = trace_field_of(shape, SLICE("why"), TRACE_STR);
		for (uint32_t row = 0; row < b->rows[s]; row++) {
			union trace_value vn, vw;

			if (n >= 0)
				vn = trace_block_value(b, s, (unsigned)n, row);
			if (why >= 0)
				vw = trace_block_value(b, s, (unsigned)why, row);
			add(l, n < 0 ? NULL : &vn, why < 0 ? NULL : &vw);
		}
	}
}

void
losses_put(const struct losses *l, struct buf *to)
{
	for (size_t i = 0; i < l->reasons; i++) {
		buf_printf(to, "# lost=%llu", (unsigned long long)l->reason[i].n);
		table_put_word(to, "why", l->reason[i].why);
		buf_char(to, '\n');
	}
}

void
losses_free(struct losses *l)
{
	free(l->reason);
	arena_free(&l->arena);
	*l = LOSSES_INIT;
}
