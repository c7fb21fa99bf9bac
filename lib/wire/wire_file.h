/* wire_file.h - the shared memory, as the recorder makes it
 *
 * A file in memory, sparse and of a fixed size. It says that its maker lives by a lock that the kernel marks when its
 * holder dies: the thread that makes it is the one that may end, and the one that must release it.
 *
 * Units:     bytes.
 * Ownership: the caller holds the struct, wire_file_free() gives up the lock, the mapping and the descriptor; processes
 *            that have mapped the file keep it.
 * Errors:    -1 and the text.
 * Source:    memfd_create(2), get_robust_list(2), pthread_mutexattr_setrobust(3).
 */
#ifndef WIRE_WIRE_FILE_H
#define WIRE_WIRE_FILE_H

#include "base/slice.h"
#include "wire/wire.h"

struct wire_config {
	enum wire_clock clock;
	uint32_t flags, depth;
	uint64_t min, sample;
	struct slice text; /* of the backing policy */
};

struct wire_file {
	struct wire_header *header;
	int fd; /* stays open across exec: children inherit it */
};

#define WIRE_FILE_INIT ((struct wire_file){ .fd = -1 })

int wire_file_make(struct wire_file *f, const struct wire_config *config, struct error *e);

/* From now on writers know that nobody reads: none of them waits. */
void wire_file_end(struct wire_file *f);

void wire_file_free(struct wire_file *f);

#endif
