/* recipe.h - which failures a line of a shell hides from the make that runs it
 *
 * A line is read as a shell reads it: quotes, pipes, lists, compound commands, redirections, here documents; it is not run.
 * Commands whose failure would be no news (echo, test, rm -f ...) or that say themselves what then (|| exit, 2>/dev/null)
 * are no flaw, nor is anything in a condition. A byte MAKEFILE_TARGET (makefile.h) in the text is the target.
 *
 * Units:     bytes of the text.
 * Ownership: none is kept.
 * Errors:    none: what is no shell language is read as far as it goes.
 * Source:    POSIX.1-2017, XCU chapter 2.
 */
#ifndef MAKEFILE_RECIPE_H
#define MAKEFILE_RECIPE_H

#include <stdbool.h>

#include "base/slice.h"

enum recipe_flaw {
	RECIPE_PIPE,      /* a command of a pipe fails, and a later one does not */
	RECIPE_UNSEEN,    /* a command fails, and the next one runs all the same */
	RECIPE_LINES,     /* the same at the end of a line */
	RECIPE_LOOP,      /* the same in a loop: the next round */
	RECIPE_SWALLOWED, /* what makes a file fails, and || true follows */
	RECIPE_WRITES,    /* the target is written while the command runs: > $@ */
	RECIPE_FLAWS
};

struct recipe {
	struct slice text;
	struct slice target; /* empty: the target is no file */
	bool errexit, pipefail;
	void (*found)(
	    void *context, enum recipe_flaw flaw, struct slice where); /* a part of text */
	void *context;
};

/* Returns whether a command of it seems to make a file. */
bool recipe_read(const struct recipe *r);

#endif
