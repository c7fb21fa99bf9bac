/* expr_parts.h - an expression from inside: its nodes, their values, the parser
 *
 * A tree of conditions (true or false) above values (numbers, text, lists). expr_parse.c makes it, expr_value.c knows
 * how values compare and add, expr.c evaluates it for records and for blocks.
 *
 * Units:     none.
 * Ownership: nodes live in the arena of their expression; slices of constants, too.
 * Errors:    expr_parse() returns -1 with the text.
 * Source:    own.
 */
#ifndef FLOW_EXPR_PARTS_H
#define FLOW_EXPR_PARTS_H

#include <regex.h>

#include "base/arena.h"
#include "expr/expr.h"

enum expr_op {
	/* conditions */
	EXPR_OR,
	EXPR_AND,
	EXPR_NOT,
	EXPR_HAS_FIELD,
	EXPR_EQ,
	EXPR_NE,
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_MATCH,
	EXPR_HAS,
	EXPR_IN,
	/* values */
	EXPR_ADD,
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_MOD,
	EXPR_BITS,
	EXPR_MINUS,
	EXPR_CONST,
	EXPR_FIELD,
	EXPR_TYPE
};

struct expr_value {
	enum {
		EXPR_MISSING,
		EXPR_WHOLE, /* ints and addrs, exact to 128 bits */
		EXPR_REAL,
		EXPR_TEXT, /* str and bytes */
		EXPR_LIST
	} is;
	enum trace_kind kind; /* of the list */
	union {
		__int128 i;
		double d;
		struct slice s;
		struct trace_list list;
	};
};

/* What is found out about each string or list of a block: 0 not yet, else EXPR_NO or EXPR_YES. */
enum { EXPR_NO = 1, EXPR_YES };

struct expr_verdicts {
	unsigned char *of; /* by id */
	size_t cap;
	uint64_t serial; /* of the block */
	unsigned kind;   /* of the ids */
};

struct expr_node {
	enum expr_op op;
	unsigned depth;          /* of the tree below */
	size_t at;               /* byte of the text */
	struct expr_node **item; /* operands */
	unsigned items;
	unsigned field;          /* EXPR_FIELD, EXPR_HAS_FIELD: its slot */
	bool event;              /* EXPR_EQ that was written as subsystem:name */
	struct expr_value value; /* EXPR_CONST */
	regex_t *regex;          /* EXPR_MATCH */
	int64_t *set;            /* EXPR_IN with many whole numbers, sorted; else NULL */
	int only;                /* the one slot that it reads; EXPR_NONE, EXPR_SEVERAL */
	struct expr_verdicts lists, strings;
};

enum { EXPR_NONE = -1, EXPR_SEVERAL = -2 };

struct expr_slot {
	struct slice name;
	bool met;   /* a shape had it */
	bool asked; /* only by has(): nobody expects it to be there */
};

struct expr {
	struct slice text;
	struct arena arena;
	struct expr_node *root;
	struct expr_slot *slot;
	size_t slots, slot_cap;
	regex_t **regex; /* those of the nodes, also of nodes that were given up */
	size_t regexes, regex_cap;

	/* the fields of the shapes, by their id: index[id * slots + slot], -1 where there is none */
	struct expr_shape {
		uint64_t serial;
	} * shape;
	size_t shape_cap;
	int *index;
	bool met; /* any shape */

	/* expr_row(): what holds, by shape of the block */
	struct expr_rows {
		uint64_t serial;
		unsigned char *holds;
		size_t cap;
	} * rows;
	size_t rows_cap;

	/* what is combined while conditions are evaluated for all rows, one for each level of the tree */
	struct expr_scratch {
		unsigned char *holds;
		size_t cap;
	} * scratch;
	size_t scratch_cap;
	struct expr_column { /* and while numbers are calculated for all rows */
		uint64_t *v;
		size_t cap;
	} * column;
	size_t column_cap;
};

/* Where values come from: a record, or a row of a block. */
struct expr_source {
	const struct trace_shape *shape;
	const int *index;               /* its fields by slot */
	const union trace_value *value; /* NULL: of the block */
	struct trace_block *b;
	unsigned s;
	uint32_t row;
};

/* Makes x->root and x->slot out of x->text. */
int expr_parse(struct expr *x, struct error *e);

/* a op b for EXPR_EQ .. EXPR_GE, EXPR_HAS. */
bool expr_compare(enum expr_op op, const struct expr_value *a, const struct expr_value *b);

/* Compiles what a NUL stands behind. */
int expr_regex(regex_t *regex, struct slice s, struct error *e);

/* Whether text, or an item of a list of text, matches. */
bool expr_matches(const regex_t *regex, const struct expr_value *a);
bool expr_text_matches(const regex_t *regex, struct slice s);

/* a op b for EXPR_ADD .. EXPR_BITS. */
struct expr_value expr_arithmetic(
    enum expr_op op, const struct expr_value *a, const struct expr_value *b);

struct expr_value expr_minus(const struct expr_value *a);

struct expr_value expr_value_of(enum trace_kind kind, const union trace_value *v);

/* a < b, a == b, a > b as -1, 0, 1 for numbers; 2 where one is nan. */
int expr_order(const struct expr_value *a, const struct expr_value *b);

/* Whether a set holds the number. */
bool expr_set_has(const struct expr_node *n, int64_t v);

/* to[i] = v[i] op c, for n rows of a column of numbers. */
void expr_column_compare(enum expr_op op, enum trace_kind kind, const struct expr_value *c,
    const uint64_t *v, uint32_t n, unsigned char *to);

/* A comparison of numbers, calculated or not, for n rows; false where it has to be done row by row, with `to` undefined. */
bool expr_columns(struct expr *x, const struct expr_node *n, const struct expr_source *from,
    uint32_t rows, unsigned char *to);

void expr_rows_and(unsigned char *to, const unsigned char *with, uint32_t n);
void expr_rows_or(unsigned char *to, const unsigned char *with, uint32_t n);
void expr_rows_not(unsigned char *to, uint32_t n);

#endif
