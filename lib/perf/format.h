/* format.h - tracepoint formats, and the fields of raw records
 *
 * What the file `format` of an event in tracefs says, and the decoding of PERF_SAMPLE_RAW by it. The fields that all
 * events have (common_...) are left out. Reading a field is a bounds check and a load.
 *
 * Units:     bytes.
 * Ownership: perf_format_parse() copies what it needs, perf_format_free() releases it; values borrow from the raw record.
 * Errors:    -1, with the text in the struct error when parsing; a field that lies outside of its raw record is -1.
 * Source:    Documentation/trace/events.rst, section 2; include/trace/stages/ of Linux 6.18 for __data_loc and __rel_loc.
 */
#ifndef PERF_FORMAT_H
#define PERF_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum perf_field_kind {
	PERF_FIELD_INT,   /* value.u, sign-extended where the field is signed */
	PERF_FIELD_ADDR,  /* value.u, a pointer */
	PERF_FIELD_STR,   /* value.s, up to its NUL */
	PERF_FIELD_INTS,  /* value.s, items of field.item bytes: perf_field_item() */
	PERF_FIELD_ADDRS, /* the same, of pointers */
	PERF_FIELD_BYTES  /* value.s */
};

enum perf_field_place { PERF_FIELD_FIXED, PERF_FIELD_DATA_LOC, PERF_FIELD_REL_LOC };

struct perf_field {
	struct slice name; /* without its [..] */
	struct slice type; /* as the kernel writes it, without __data_loc */
	uint32_t offset, size;
	uint32_t item; /* size of an item of a list */
	bool is_signed;
	enum perf_field_kind kind;
	enum perf_field_place place;
};

struct perf_format {
	struct slice system; /* empty where the caller did not know */
	struct slice name;
	uint64_t id; /* attr.config */
	unsigned fields;
	struct perf_field *field;
	char *text; /* private */
};

#define PERF_FORMAT_INIT ((struct perf_format){ 0 })

/* system may be empty. */
int perf_format_parse(
    struct perf_format *f, struct slice system, struct slice text, struct error *e);

union perf_value {
	uint64_t u; /* an INT as its two's complement */
	struct slice s;
};

/* -1 where the field is not in the raw record. */
int perf_field_read(const struct perf_field *f, struct slice raw, union perf_value *v);

/* Item i of items.n / f->item. */
uint64_t perf_field_item(const struct perf_field *f, struct slice items, uint32_t i);

void perf_format_free(struct perf_format *f);

#endif
