/* block_parts.h - a block from inside: gathered by a writer or a reader of lines, encoded, decoded
 *
 * A block is either gathered (block_put(): all columns and dictionaries are there) or decoded (block_decode(): columns
 * and lists are unpacked from the bytes when first asked for). Everything that is read through block.h works for both.
 * The layout of an encoded block is in leat-trace(5).
 *
 * Units:     bytes.
 * Ownership: block_new() to block_free(); a decoded block borrows its bytes until block_clear(). Shapes belong to the
 *            struct shapes of its reader or writer.
 * Errors:    block_decode() returns -1 with the text.
 * Source:    own; leat-trace(5).
 */
#ifndef TRACE_BLOCK_PARTS_H
#define TRACE_BLOCK_PARTS_H

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "trace/block.h"
#include "trace/shapes.h"
#include "trace/writer.h"

/* A gathered block is full when its encoding is about BLOCK_BYTES long, or it holds so many records (twice as many are
 * written more slowly, half as many take 6 % more room at level 3), or so many items of distinct lists. A decoded block
 * with more than the _READ sizes is refused. */
enum {
	BLOCK_BYTES = 1 << 20,
	BLOCK_RECORDS = 32768,
	BLOCK_ITEMS = 1 << 20,
	BLOCK_RECENT_BITS = 12,
	BLOCK_BYTES_READ = 1 << 30,
	BLOCK_RECORDS_READ = 1 << 22,
	BLOCK_ITEMS_READ = 1 << 26
};

#define BLOCK_MAGIC "lblk"

/* The fixed part of an encoded block. */
struct block_header {
	char magic[4];
	uint32_t length, records, shapes, strings, string_bytes;
	uint32_t lists[3];
	uint32_t zero;
	int64_t t_min, t_max;
};

_Static_assert(sizeof(struct block_header) == 56, "the header has no holes");

struct block_column {
	uint64_t *v;                  /* decoded or gathered; room for block_shape.cap */
	const unsigned char *encoded; /* of a decoded block */
	bool ready;                   /* v holds the values */
	enum trace_kind kind;
	uint32_t first_bytes; /* TRACE_BYTES of a decoded block: id of row 0 */
};

/* What a block holds of one shape; kept from block to block, found by the shape's id. */
struct block_shape {
	uint64_t serial; /* of the block in which this shape was last seen */
	unsigned index;  /* the shape's index in that block */
	struct block_column *column;
	unsigned columns;
	unsigned *plain, plains; /* the fields whose values are words */
	unsigned *other, others; /* and those whose values are numbers of a dictionary */
	int t, dur, chain;       /* these fields, or -1; dur of spans */
	uint64_t unpacked;       /* the filling of which all columns are ready */
	size_t estimate;         /* of a record */
	size_t cap;              /* rows that each column has room for */
};

/* Distinct lists of one kind. What a writer looks at for every record is small, so that it stays in the cache; the rest
 * is there once somebody reads lists. */
struct block_lists {
	struct block_list {
		uint32_t start, n; /* item[start] .. item[start + n - 1] */
		uint32_t shared;   /* of a decoded block, with the list before it */
	} * list;
	size_t list_cap;
	struct block_view {
		struct slice
		    *text; /* TRACE_STRS: the items as slices, or NULL; made when asked for */
		struct trace_memo memo;
	} * view;
	size_t view_cap;
	uint32_t views; /* lists that have one */
	uint64_t *item;
	size_t items, items_cap;
	struct hash_set set;
	const unsigned char *encoded; /* the items; NULL when gathered, or unpacked */
};

struct trace_block_parts {
	struct shapes *shapes;
	uint64_t serial; /* of this filling, for struct trace_memo */

	struct block_shape *shape; /* by shape id */
	size_t shape_cap;
	size_t pointer_cap, rows_cap; /* of block.shape and block.rows */

	uint16_t *sequence; /* filled once there is a second shape */
	size_t sequence_cap;

	struct slice *string;
	size_t string_cap;
	struct hash_set string_set;
	struct block_recent {
		const char *p;
		uint32_t id;
	} recent[1 << BLOCK_RECENT_BITS]; /* strings by their place in memory; a hint */

	struct slice *bytes;
	size_t bytes_cap;
	uint32_t bytes_n;

	struct block_lists list[3]; /* of TRACE_INTS, TRACE_ADDRS, TRACE_STRS */
	struct arena arena;
	uint64_t
	    *address; /* the distinct items of the lists of addresses, while they are encoded */
	size_t address_cap;
	struct block_numbers {
		struct block_number {
			uint64_t address;
			uint32_t number, round;
		} * slot;
		size_t mask;
		unsigned shift;
		uint32_t round; /* of encoding; slots of others are empty */
	} numbers;
	uint64_t *scratch;
	size_t scratch_cap;
	uint32_t *count; /* of the shapes of another block */
	size_t count_cap;
	struct trace_pick *pick; /* those of one shape, of several */
	size_t pick_cap;
	union trace_value *value; /* of a picked row */
	size_t value_cap;
	struct block_base {
		const uint64_t *v;               /* of the column that is being copied */
		const uint64_t *link;            /* of its ids */
		const struct trace_extra *extra; /* where it is no column of the block */
	} * base;                                /* of the sources of picked rows */
	size_t base_cap;

	/* What this block's strings and lists are called in the blocks that its rows are copied to. */
	struct block_links {
		uint64_t serial; /* the filling of which this is true; else all is empty */
		uint64_t *string,
		    *list[3]; /* low half of the other block's serial, and its number */
		size_t string_cap, list_cap[3];
	} links;

	size_t items;    /* of all distinct lists */
	size_t estimate; /* of the encoding */
	bool state;      /* holds state or ledger records */
};

struct trace_block *block_new(struct shapes *shapes);
void block_free(struct trace_block *b);

/* Empties the block for the next filling; memory is kept. */
void block_clear(struct trace_block *b);

/* Adds a record to a gathered block; whether it is full then. */
bool block_put(
    struct trace_block *b, const struct trace_shape *shape, const union trace_value *value);

/* Adds a row of another block as a record of `shape`, whose field i is that of the row's with the number from[i], or
 * word[~from[i]] where that is negative. from NULL: the fields are the row's own. */
bool block_put_row(struct trace_block *b, const struct trace_shape *shape,
    struct trace_block *other, unsigned s, uint32_t row, const int *from, const uint64_t *word);

/* Adds n records of another block that follow each other in its sequence, the first of them number `first`; row[s] is the
 * row of the next record of shape s, and moves on. shape[s] is what `other`'s shape s is called here. Fewer are added
 * when the block becomes full: returns how many. */
uint32_t block_put_range(struct trace_block *b, const struct trace_shape *const *shape,
    struct trace_block *other, uint32_t first, uint32_t n, uint32_t *row);

/* Rows of several blocks in the order in which they were picked, copied column by column. */
struct block_source {
	struct trace_block *block;
	unsigned s;
	const struct trace_shape *shape; /* what shape s is called here */
	const int *from;                 /* its field of each of that, or NULL: the same */
	const struct trace_extra *extra; /* fields with a negative `from`, or NULL */
};

/* A row of a source as values of its shape. */
void block_source_row(const struct block_source *source, uint32_t row, union trace_value *value);

/* Adds n picked rows; fewer when the block becomes full: returns how many. */
uint32_t block_put_picks(struct trace_block *b, const struct block_source *source, unsigned sources,
    const struct trace_pick *pick, uint32_t n);

/* What the block holds of this shape, entered where it is new. */
struct block_shape *block_enter(struct trace_block *b, const struct trace_shape *shape);

/* Room for so many rows. */
void block_reserve(struct block_shape *s, size_t rows);

/* The numbers of a string, of bytes, and of a list of kind TRACE_INTS + k (strings by their numbers) of a gathered block. */
uint32_t block_string(struct trace_block *b, struct slice s);
uint32_t block_bytes(struct trace_block *b, struct slice s);
uint32_t block_list(struct trace_block *b, unsigned k, const uint64_t *item, uint32_t n);

/* The number of a list of values of its kind. */
uint32_t block_list_of(struct trace_block *b, enum trace_kind kind, const struct trace_list *list);

/* The *n items of list id of kind TRACE_INTS + k, strings by their numbers. */
const uint64_t *block_items(struct trace_block *b, unsigned k, uint32_t id, uint32_t *n);

/* Whether values of this kind are numbers of a dictionary. */
bool block_is_id(enum trace_kind kind);

/* Whether s may be the name of a type or a field. */
bool block_valid_name(struct slice s);

static inline bool
block_full(const struct trace_block *b)
{
	const struct trace_block_parts *p = b->parts;

	return p->estimate >= BLOCK_BYTES || b->records >= BLOCK_RECORDS ||
	       p->items >= BLOCK_ITEMS || b->shapes >= UINT16_MAX - 1;
}

/* The block's times hold what the row tells of: a span from its start to its end. */
static inline void
block_note_time(struct trace_block *b, const struct block_shape *at, uint32_t row)
{
	int64_t t, end, dur;

	if (at->t < 0)
		return;
	t = end = (int64_t)at->column[at->t].v[row];
	if (at->dur >= 0) {
		dur = (int64_t)at->column[at->dur].v[row];
		if (dur > 0 && __builtin_add_overflow(t, dur, &end))
			end = INT64_MAX;
	}
	b->t_min = t < b->t_min ? t : b->t_min;
	b->t_max = end > b->t_max ? end : b->t_max;
}

/* The columns of this new row are filled; whether the block is full. */
static inline bool
block_end_row(struct trace_block *b, struct block_shape *at, uint32_t row)
{
	struct trace_block_parts *p = b->parts;

	block_note_time(b, at, row);
	if (b->shapes > 1) {
		GROW(p->sequence, p->sequence_cap, b->records);
		p->sequence[b->records] = (uint16_t)at->index;
	}
	b->records++;
	b->rows[at->index] = row + 1;
	p->estimate += at->estimate;
	return block_full(b);
}

/* Appends the encoding. */
void block_encode(struct trace_block *b, struct buf *out);

/* Fills the empty block from its encoding, which must stay where it is. */
int block_decode(struct trace_block *b, const void *bytes, size_t n, struct error *e);

/* The length of the block that begins with these (at least 8) bytes; 0 where no block begins so. */
size_t block_length(const void *bytes);

#endif
