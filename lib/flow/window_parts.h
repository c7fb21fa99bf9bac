/* window_parts.h - the two halves of a window: states by the values of a field, and rows that wait
 *
 * struct window_ring holds numbered rows in order of the stream. A row refers to the present block of the input until
 * window_ring_settle() copies what still waits into chunks: blocks of its own, which are released in order.
 *
 * Units:     bytes.
 * Ownership: the caller holds the structs, *_free() what they point to.
 * Errors:    none.
 * Source:    own.
 */
#ifndef FLOW_WINDOW_PARTS_H
#define FLOW_WINDOW_PARTS_H

#include "base/hash.h"
#include "trace/block.h"
#include "trace/shapes.h"

/* ---- states ---- */

struct window_key {
	unsigned kind; /* 0 none, else 1 + enum trace_kind */
	uint64_t word; /* of a number */
	struct slice s;
};

struct window_state {
	struct window_key key;
	bool used, open;
	bool fired;      /* t=N has, and t did not go back before it */
	bool trailing;   /* what comes up to `until` is in the window, too */
	uint64_t cuts;   /* of the stream, when this was true */
	uint64_t number; /* of the present or last window */
	int64_t origin;  /* where it starts */
	int64_t last;    /* the last record inside */
	int64_t until;
	uint64_t first_waiting, last_waiting; /* 1 + numbers of rows; 0: none */
	/* TracerV: lanes that are on, and what the present beat does to them. */
	uint64_t lanes, on, off;
	int64_t beat;
};

struct window_states {
	struct window_state *state;
	size_t n, cap;
	uint32_t *free;
	size_t frees, free_cap;
	struct hash_set set;
	size_t sweep_at;
};

/* The number of the state with this key, made where it is new. When there are many, those that `idle` are forgotten. */
uint32_t window_states_get(struct window_states *a, const struct window_key *key,
    bool (*idle)(const void *context, const struct window_state *c), const void *context);
void window_states_free(struct window_states *a);

/* ---- rows that wait ---- */

enum window_verdict {
	WAITS,   /* not known */
	GONE,    /* not known, and its row was given up */
	INSIDE,  /* goes out, marked */
	PASSES,  /* goes out as it is */
	DROPPED, /* does not go out */
	LOSS     /* a lost record: `window` of them */
};

struct window_held {
	int64_t at;      /* INSIDE: the origin of its window */
	uint64_t window; /* INSIDE */
	uint64_t next;   /* 1 + the next that waits for the same state; 0: none */
	uint32_t state, row;
	uint16_t shape;
	uint8_t verdict;
	bool passes; /* goes out even if it is in no window */
	bool ledger; /* is not counted */
};

struct window_chunk {
	struct trace_block *b;
	uint64_t end; /* holds rows below this number */
	size_t words, bytes;
	bool sealed; /* rows have gone out of it: takes no more */
	struct window_chunk *next;
};

struct window_ring {
	struct window_held *held;
	size_t cap;              /* a power of 2 */
	uint64_t head, out, end; /* oldest that is remembered, next to go out, next to come */
	uint64_t settled;        /* rows from here on are in the present block */
	struct window_chunk *first, *last, *spare;
	size_t bytes; /* of chunks */
	struct shapes shapes;
	const struct trace_shape **shape; /* ours, by the serial of the reader's */
	size_t shape_cap;
};

static inline struct window_held *
window_ring_at(struct window_ring *r, uint64_t n)
{
	return &r->held[n & (r->cap - 1)];
}

/* A new row at the end; all is to be filled in. */
struct window_held *window_ring_add(struct window_ring *r);

/* The block of row r->out: a chunk, or the present one. */
struct trace_block *window_ring_block(struct window_ring *r, struct trace_block *present);

/* Row r->out has gone out, or does not. */
void window_ring_step(struct window_ring *r);

/* The present block ends. chunk: how large a chunk becomes. */
void window_ring_settle(struct window_ring *r, struct trace_block *present, size_t chunk);

/* Bytes of everything that waits. */
size_t window_ring_bytes(const struct window_ring *r);

void window_ring_free(struct window_ring *r);

#endif
