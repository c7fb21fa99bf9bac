/* Any bytes as what the text columns of a database hold: the fields of a shape, an object of further fields, lists. What
 * reads is put and reads the same again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
shape(struct slice text)
{
	for (unsigned t = 0; t < SCHEMA_TABLES; t++) {
		struct slice rest = text;
		struct trace_field f;
		int column;

		while (shape_next(&rest, &schema_table[t], &f, &column) > 0)
			if (column != SHAPE_MORE && shape_column(&schema_table[t], &f) < 0)
				abort();
	}
}

static void
more(struct slice text)
{
	struct buf value = BUF_INIT, again = BUF_INIT, back = BUF_INIT;
	struct slice name, other;

	while (shape_next_more(&text, &name, &value) > 0) {
		struct trace_field f = { SLICE("f"), TRACE_STR };
		struct slice json;

		again.n = 0;
		shape_put_more(&again, '{', &f, (union trace_value){ .s = buf_view(&value) });
		buf_char(&again, '}');
		json = buf_view(&again);
		if (shape_next_more(&json, &other, &back) != 1 ||
		    !slice_eq(buf_view(&back), buf_view(&value)) || !slice_eq(other, f.name))
			abort();
	}
	buf_free(&value);
	buf_free(&again);
	buf_free(&back);
}

static void
list(struct slice text)
{
	struct arena a = ARENA_INIT;
	struct buf again = BUF_INIT, third = BUF_INIT;
	union trace_value v;
	struct error e;

	for (enum trace_kind k = TRACE_BYTES; k < TRACE_KINDS; k++) {
		if (shape_read_text(k, text, &a, &v, &e) < 0)
			continue;
		again.n = third.n = 0;
		shape_put_text(&again, k, v);
		if (shape_read_text(k, buf_view(&again), &a, &v, &e) < 0)
			abort();
		shape_put_text(&third, k, v);
		if (!slice_eq(buf_view(&again), buf_view(&third)))
			abort();
	}
	buf_free(&again);
	buf_free(&third);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data + 1, size - 1 };

	if (size == 0)
		return 0;
	switch (*data % 3) {
	case 0:
		shape(text);
		break;
	case 1:
		more(text);
		break;
	default:
		list(text);
	}
	return 0;
}
