/* join_parts.h - what the modules of join share: what lives where, sites, and what else an address is
 *
 * Units:     as in join.h.
 * Ownership: the caller holds the structs, and frees what they point to.
 * Errors:    none.
 * Source:    own.
 */
#ifndef FLOW_JOIN_PARTS_H
#define FLOW_JOIN_PARTS_H

#include "base/arena.h"
#include "base/hash.h"
#include "flow/address_space.h"
#include "flow/images.h"
#include "flow/join.h"
#include "stat/extents.h"

/* ---- what lives (join_lives.c) ---- */

/* Of extents: what may lie in what. */
enum join_rank { JOIN_REGION, JOIN_HEAP_OBJECT, JOIN_OTHER };

/* What a free does. */
enum join_end {
	JOIN_END_OBJECT,
	JOIN_END_OTHER,
	JOIN_END_MOVING, /* realloc: it dies when its place is taken, or the alloc comes */
	JOIN_END_MOVING_REGION,
	JOIN_END_RANGE
};

/* The objects of a process, or of several that were forked and have not changed since. */
struct join_memory {
	struct extents objects;
	size_t others; /* extents of rank JOIN_OTHER */
	struct hash_set area_set;
	uint64_t *area; /* numbers of the 64 KiB in which objects of malloc were */
	size_t areas, area_cap;
	uint64_t last_area;
	uint64_t id; /* no other ever has it */
	unsigned refs;
};

/* A realloc that is going on. */
struct join_moving {
	int64_t tid;
	uint32_t number;
};

struct join_process {
	int64_t pid;
	uint32_t host;
	int64_t fork_src; /* who told of its fork; -1: nobody */
	bool lives;
	struct join_memory *memory; /* NULL: nothing was ever allocated */
	struct join_moving *moving;
	size_t movings, moving_cap;
	struct join_instance *instance; /* of images, private to join_place.c */
	size_t instances, instance_cap;
	uint64_t space; /* the serial of the space that they are of */
};

struct join_lives {
	struct join_process **process;
	size_t processes, cap;
	struct hash_set by_pid;
	struct join_process *last;
	uint64_t serial; /* of the last allocation */
	uint64_t memories;
	uint32_t *found; /* extents that a range overlaps */
	size_t founds, found_cap;
	struct join_counts *counts;
};

struct join_process *join_process(struct join_lives *l, uint32_t host, int64_t pid, bool make);

struct join_alloc {
	int64_t t, tid;
	uint64_t addr, size, old; /* old 0: none */
	uint32_t site;
	enum join_rank rank;
};

void join_lives_alloc(struct join_lives *l, struct join_process *p, const struct join_alloc *a);
void join_lives_free(struct join_lives *l, struct join_process *p, enum join_end how, int64_t tid,
    uint64_t addr, uint64_t size);
void join_lives_fork(
    struct join_lives *l, uint32_t host, int64_t parent, int64_t child, int64_t src);
void join_lives_end(struct join_lives *l, struct join_process *p);

/* What happens to all processes of a host when another recording of it begins. */
void join_lives_clear(struct join_lives *l, uint32_t host);

/* Whether objects of malloc were near the address. */
bool join_lives_near(const struct join_process *p, uint64_t addr);

/* The object of a range of pages: its number, EXTENTS_NONE where there is none or no one; *n is how many there are. */
uint32_t join_lives_range(
    struct join_lives *l, const struct join_process *p, uint64_t addr, uint64_t size, unsigned *n);

void join_lives_free_all(struct join_lives *l);

/* ---- sites (join_sites.c) ---- */

struct join_site {
	uint64_t hash;
	enum trace_kind kind; /* TRACE_STRS or TRACE_ADDRS */
};

/* Number 0 is no site. */
struct join_sites {
	struct join_site *site;
	size_t sites, cap;
	struct trace_list *list; /* of each; link is the writer's (struct trace_extra) */
	uint64_t *link;
	size_t list_cap, link_cap;
	struct hash_set set, string_set;
	struct slice *string;
	size_t strings, string_cap;
	struct arena arena;
	struct join_known { /* lists of the present block */
		uint64_t block;
		uint32_t *site; /* 1 + number, by the list's number */
		size_t cap, n;
	} known[2];
};

uint32_t join_site_of(
    struct join_sites *s, struct trace_block *b, enum trace_kind kind, uint32_t list);
void join_sites_free(struct join_sites *s);

/* ---- what else an address is (join_place.c) ---- */

struct join_host {
	struct slice name;
	struct address_space space;
	struct images images;
	struct join_variables *variables; /* by the number of the object */
	size_t variables_n;
	bool began;
};

struct join_place {
	enum join_kind kind;
	uint64_t object, offset, size;
	struct slice name; /* stays where it is */
};

void join_place(struct join_host *h, struct join_process *p, int64_t pid, uint64_t addr,
    struct join_place *out);
void join_host_free(struct join_host *h);

#endif
