/* debugfile.h - the files that hold what was stripped from an object
 *
 * Looked for, in this order: by build id as DIR/.build-id/xx/yyyy.debug in the given directories and /usr/lib/debug,
 * as perf(1) keeps it in ~/.debug, as debuginfod(8) clients keep it in ~/.cache; then by .gnu_debuglink beside the
 * object, in .debug beside it, and under the same directories. With a symfs, everything is looked for below it first.
 * Nothing is fetched from a network.
 *
 * Units:     bytes.
 * Ownership: results are objects to object_close(); they own their bytes.
 * Errors:    NULL where there is none. A file found by build id must carry that build id; one found by name must
 *            have the build id of the object, or, where it has none, the checksum of the link.
 * Source:    GDB manual, Separate Debug Files; MiniDebugInfo; DWARF 5, 7.3.6 (supplementary files); dwz(1).
 */
#ifndef CODE_DEBUGFILE_H
#define CODE_DEBUGFILE_H

#include "code/object.h"

struct debugfile_paths {
	const char *symfs;      /* or NULL */
	const char *const *dir; /* further directories like /usr/lib/debug */
	size_t dirs;
};

/* The separate debug file of o, or NULL. paths may be NULL. */
struct object *debugfile_find(struct object *o, const struct debugfile_paths *paths);

/* The file that .gnu_debugaltlink of debug (the object or its debug file) names, or NULL. */
struct object *debugfile_alt(struct object *debug, const struct debugfile_paths *paths);

/* The symbols packed in .gnu_debugdata, or NULL. At most MINIDEBUG_MAX bytes are unpacked. */
enum { MINIDEBUG_MAX = 512 << 20 };
struct object *debugfile_mini(struct object *o);

/* The checksum of .gnu_debuglink: CRC-32 as in zlib. */
uint32_t debugfile_crc(const void *bytes, size_t n);

#endif
