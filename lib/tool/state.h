/* state.h - what the files of this room share about the running tool
 *
 * Units:     none.
 * Ownership: one per process, set by tool_begin().
 * Errors:    none.
 * Source:    own.
 */
#ifndef TOOL_STATE_H
#define TOOL_STATE_H

#include "tool/tool.h"

struct tool_state {
	const struct tool_spec *spec;
	char **argv; /* as given; argv[0] is whatever we were called */
	int argc;
	char **operands; /* NULL-ended; known when the options are at their end */
	const char *output;
	bool quiet, strict, text, frames;
	int level; /* of -z, -1 where it was not given */
	int status;
};

extern struct tool_state tool_state;

/* Removes the half-made output file, if there is one. */
void tool_output_remove(void);

/* Takes the progress line off the terminal. */
void tool_progress_clear(void);

#endif
