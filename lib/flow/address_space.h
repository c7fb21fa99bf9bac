/* address_space.h - address spaces, kernel symbols and objects, as the records of a trace tell them
 *
 * Learns from start, mmap, comm, fork, exit, object and sym records, in order. What mappings name is an object: a path and
 * a build id, numbered from 0; mappings carry the number. A `start` with an arch begins another source: processes
 * and symbols are forgotten, objects stay.
 *
 * Units:     as in leat-trace(5).
 * Ownership: the struct holds everything, until address_space_free().
 * Errors:    -1 with a text for an architecture that nothing is known of; what lacks fields is left out.
 * Source:    own.
 */
#ifndef FLOW_ADDRESS_SPACE_H
#define FLOW_ADDRESS_SPACE_H

#include "base/error.h"
#include "code/arch.h"
#include "code/space.h"
#include "trace/record.h"

struct address_space_object {
	struct slice path, buildid; /* NUL behind the path */
};

struct address_space {
	struct spaces spaces;
	struct space_symbols symbols;
	const struct arch *arch; /* NULL until a start tells */
	struct slice release;    /* of the kernel; empty where unknown */
	struct address_space_object *object;
	size_t objects;
	size_t cap, builds, build_cap;      /* private from here */
	struct address_space_object *build; /* of `object` records */
	struct hash_set by_name;
	struct arena text;
};

#define ADDRESS_SPACE_INIT ((struct address_space){ 0 })

/* Whether address_space_record() learns from records of this type. */
bool address_space_wants(struct slice type);

int address_space_record(struct address_space *a, const struct trace_record *r, struct error *e);

void address_space_free(struct address_space *a);

#endif
