/* perfmap.h - names of code made at run time, from /tmp/perf-PID.map
 *
 * Lines of `START SIZE NAME`, hex with or without 0x; a name may hold blanks. The file grows while its process runs:
 * perfmap_update() reads what was added. What is later in the file hides what it overlaps.
 *
 * Units:     addresses of the process.
 * Ownership: the caller holds the struct, perfmap_free() its names.
 * Errors:    lines of another form are left out and counted in `bad`.
 * Source:    tools/perf/Documentation/jit-interface.txt (Linux).
 */
#ifndef CODE_PERFMAP_H
#define CODE_PERFMAP_H

#include "base/buf.h"
#include "code/symbols.h"

struct perfmap {
	struct symbols symbols; /* for symbols_find() */
	uint64_t bad;
	uint64_t read;    /* private: bytes of the file that were used */
	struct buf start; /* private: its first bytes, by which a new file is known */
};

#define PERFMAP_INIT ((struct perfmap){ .symbols = SYMBOLS_LATEST })

/* Uses all whole lines of text; returns how many bytes they were. */
size_t perfmap_parse(struct perfmap *m, struct slice text);

/* Reads what the file has beyond what was read; from its start where it is not the file it was. 1 when something was
 * new, 0 if nothing, -1 where it cannot be read. */
int perfmap_update(struct perfmap *m, const char *path);

void perfmap_free(struct perfmap *m);

#endif
