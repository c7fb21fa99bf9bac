#include "perf/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/num.h"

/* Sizes of what arrays are made of, where the length does not tell; 0: not a number. Longs are of 64-bit kernels. */
static const struct {
	const char *name;
	uint8_t size;
} known_types[] = { { "char", 1 }, { "bool", 1 }, { "u8", 1 }, { "s8", 1 }, { "__u8", 1 },
	{ "__s8", 1 }, { "uint8_t", 1 }, { "int8_t", 1 }, { "short", 2 }, { "u16", 2 },
	{ "s16", 2 }, { "__u16", 2 }, { "__s16", 2 }, { "uint16_t", 2 }, { "int16_t", 2 },
	{ "int", 4 }, { "u32", 4 }, { "s32", 4 }, { "__u32", 4 }, { "__s32", 4 }, { "uint32_t", 4 },
	{ "int32_t", 4 }, { "unsigned", 4 }, { "pid_t", 4 }, { "dev_t", 4 }, { "long", 8 },
	{ "u64", 8 }, { "s64", 8 }, { "__u64", 8 }, { "__s64", 8 }, { "uint64_t", 8 },
	{ "int64_t", 8 }, { "size_t", 8 }, { "ssize_t", 8 }, { "sector_t", 8 } };

/* The size of a type by its last word: "const unsigned long" is a long. */
static uint32_t
type_size(struct slice type)
{
	struct slice word = SLICE("");

	while (type.n > 0) {
		struct slice next = slice_cut(&type, ' ');

		if (next.n > 0)
			word = next;
	}
	for (size_t i = 0; i < sizeof known_types / sizeof *known_types; i++)
		if (slice_eq(word, slice_of(known_types[i].name)))
			return known_types[i].size;
	return 0;
}

/* Letters, not numbers of 8 bits: char, const char; not unsigned char, nor signed char. */
static bool
is_text(struct slice type)
{
	bool text = false;

	while (type.n > 0) {
		struct slice word = slice_cut(&type, ' ');

		if (slice_eq(word, SLICE("char")))
			text = true;
		else if (word.n > 0 && !slice_eq(word, SLICE("const")))
			return false;
	}
	return text;
}

static enum perf_field_kind
array_kind(struct perf_field *f, uint32_t count)
{
	bool pointers = slice_ends(f->type, SLICE("*"));

	if (is_text(f->type))
		return PERF_FIELD_STR;
	f->item = pointers ? 8 : type_size(f->type);
	if (count > 0 && f->size % count == 0)
		f->item = f->size / count;
	if (f->item != 2 && f->item != 4 && f->item != 8)
		return PERF_FIELD_BYTES; /* of 1 byte: MAC and IP addresses, cgroup masks, buffers */
	if (!pointers && type_size(f->type) != f->item)
		return PERF_FIELD_BYTES; /* structures */
	return pointers ? PERF_FIELD_ADDRS : PERF_FIELD_INTS;
}

/* "unsigned long args[6]", "__data_loc char[] name", "const char * filename", "char comm[TASK_COMM_LEN]". */
static int
parse_declaration(struct perf_field *f, struct slice d)
{
	bool array = false;
	uint64_t count = 0;
	size_t at;

	d = slice_trim(d);
	if (slice_starts(d, SLICE("__data_loc "))) {
		f->place = PERF_FIELD_DATA_LOC;
		slice_cut(&d, ' ');
	} else if (slice_starts(d, SLICE("__rel_loc "))) {
		f->place = PERF_FIELD_REL_LOC;
		slice_cut(&d, ' ');
	}
	if (slice_ends(d, SLICE("]"))) {
		const char *open = memrchr(d.p, '[', d.n);

		if (!open)
			return -1;
		num_u64((struct slice){ open + 1, (size_t)(d.p + d.n - open - 2) }, &count);
		d.n = (size_t)(open - d.p);
		array = true;
	}
	for (at = d.n; at > 0 && d.p[at - 1] != ' ' && d.p[at - 1] != '*' && d.p[at - 1] != ']';)
		at--;
	f->name = (struct slice){ d.p + at, d.n - at };
	f->type = slice_trim((struct slice){ d.p, at });
	if (slice_ends(f->type, SLICE("[]"))) {
		f->type = slice_trim((struct slice){ f->type.p, f->type.n - 2 });
		array = true;
	}
	if (f->name.n == 0 || f->type.n == 0)
		return -1;
	if (f->place != PERF_FIELD_FIXED)
		f->kind = array_kind(f, 0);
	else if (array)
		f->kind = array_kind(f, count > UINT32_MAX ? 0 : (uint32_t)count);
	else if (f->size != 1 && f->size != 2 && f->size != 4 && f->size != 8)
		f->kind = PERF_FIELD_BYTES;
	else
		f->kind = slice_ends(f->type, SLICE("*")) ? PERF_FIELD_ADDR : PERF_FIELD_INT;
	return 0;
}

/* "field:DECLARATION;	offset:8;	size:16;	signed:0;" */
static int
parse_field(struct perf_field *f, struct slice line)
{
	struct slice declaration = SLICE("");
	bool has_offset = false, has_size = false;

	*f = (struct perf_field){ 0 };
	while (line.n > 0) {
		struct slice value = slice_trim(slice_cut(&line, ';')),
			     key = slice_cut(&value, ':');
		uint64_t n;

		if (slice_eq(key, SLICE("field"))) {
			declaration = value;
			continue;
		}
		if (key.n == 0 || num_u64(value, &n) < 0 || n > UINT32_MAX)
			continue;
		if (slice_eq(key, SLICE("offset"))) {
			f->offset = (uint32_t)n;
			has_offset = true;
		} else if (slice_eq(key, SLICE("size"))) {
			f->size = (uint32_t)n;
			has_size = true;
		} else if (slice_eq(key, SLICE("signed"))) {
			f->is_signed = n != 0;
		}
	}
	return has_offset && has_size ? parse_declaration(f, declaration) : -1;
}

int
perf_format_parse(struct perf_format *f, struct slice system, struct slice text, struct error *e)
{
	struct slice rest, own_system;
	bool has_id = false;
	size_t cap = 0;

	*f = PERF_FORMAT_INIT;
	f->text = xmalloc(system.n + text.n + 1);
	if (system.n > 0)
		memcpy(f->text, system.p, system.n);
	if (text.n > 0)
		memcpy(f->text + system.n, text.p, text.n);
	own_system = (struct slice){ f->text, system.n };
	rest = (struct slice){ f->text + system.n, text.n };
	f->system = own_system;
	while (rest.n > 0) {
		struct slice line = slice_trim(slice_cut(&rest, '\n'));

		if (slice_starts(line, SLICE("name:"))) {
			slice_cut(&line, ':');
			f->name = slice_trim(line);
		} else if (slice_starts(line, SLICE("ID:"))) {
			slice_cut(&line, ':');
			has_id = num_u64(slice_trim(line), &f->id) == 0;
		} else if (slice_starts(line, SLICE("print fmt:"))) {
			break;
		} else if (slice_starts(line, SLICE("field:"))) {
			GROW(f->field, cap, f->fields);
			if (parse_field(&f->field[f->fields], line) < 0) {
				error_set(e, "format of %.*s: \"%.*s\" is no field",
				    SLICE_ARG(f->name), SLICE_ARG(line));
				perf_format_free(f);
				return -1;
			}
			if (!slice_starts(f->field[f->fields].name, SLICE("common_")))
				f->fields++;
		}
	}
	if (f->name.n == 0 || !has_id) {
		perf_format_free(f);
		return error_set(e, "no tracepoint format: a name or an ID is missing");
	}
	return 0;
}

static uint64_t
load_item(const char *p, uint32_t size, bool is_signed)
{
	uint64_t v = size == 1   ? (unsigned char)*p
		     : size == 2 ? load16(p)
		     : size == 4 ? load32(p)
				 : load64(p);
	unsigned shift = 64 - 8 * size;

	return is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v;
}

int
perf_field_read(const struct perf_field *f, struct slice raw, union perf_value *v)
{
	struct slice at;

	if (raw.n == 0 || f->offset > raw.n || f->size > raw.n - f->offset)
		return -1;
	at = (struct slice){ raw.p + f->offset, f->size };
	if (f->place != PERF_FIELD_FIXED) {
		uint32_t loc, start;

		if (f->size < 4)
			return -1;
		loc = load32(at.p);
		start = loc & 0xffff;
		if (f->place == PERF_FIELD_REL_LOC)
			start += f->offset + 4;
		at.n = loc >> 16;
		if (start > raw.n || at.n > raw.n - start)
			return -1;
		at.p = raw.p + start;
	}
	switch (f->kind) {
	case PERF_FIELD_INT:
	case PERF_FIELD_ADDR:
		v->u = load_item(at.p, f->size, f->is_signed);
		break;
	case PERF_FIELD_STR:
		v->s = (struct slice){ at.p, strnlen(at.p, at.n) };
		break;
	case PERF_FIELD_INTS:
	case PERF_FIELD_ADDRS:
	case PERF_FIELD_BYTES:
		v->s = at;
		break;
	}
	return 0;
}

uint64_t
perf_field_item(const struct perf_field *f, struct slice items, uint32_t i)
{
	return load_item(items.p + (size_t)i * f->item, f->item, f->is_signed);
}

void
perf_format_free(struct perf_format *f)
{
	free(f->field);
	free(f->text);
	*f = PERF_FORMAT_INIT;
}
