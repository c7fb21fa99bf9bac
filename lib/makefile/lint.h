/* lint.h - recipes of a makefile in which a stage can fail unseen
 *
 * Units:     lines from 1.
 * Ownership: lint_makefile() to lint_free(); slices live as long as the makefile.
 * Errors:    none: the makefile has been read.
 * Source:    own; GNU make manual, "Errors in Recipes" and "Choosing the Shell".
 */
#ifndef MAKEFILE_LINT_H
#define MAKEFILE_LINT_H

#include "base/buf.h"
#include "makefile/makefile.h"

struct lint {
	struct lint_finding {
		struct slice file;
		uint64_t line;
		struct slice text; /* what: what to do */
	} * finding;               /* in order of file and line */
	size_t n;
	struct lint_parts *parts;
};

/* name: what the makefile is called, for what is said of all of it. */
struct lint *lint_makefile(struct makefile *m, const char *name);

/* FILE:LINE: what: what to do, a line each. */
void lint_put(const struct lint *l, struct buf *to);

void lint_free(struct lint *l);

#endif
