/* makefile.h - the recipes of a makefile, as make itself reads them
 *
 * `make -pq` reads the makefile with all that it includes, and prints its rules and variables; a second makefile behind it
 * stops make with $(error) when all is read, before it would look at a target. So no recipe is run, and no included file is
 * made anew; but $(shell), != and $(file) are what they are to make: a makefile that is not trusted must not be read.
 *
 * Recipes are as written. makefile_expand() puts in the values of variables, and of $(call) and $(if); what only make knows
 * when it runs the recipe becomes a byte: MAKEFILE_TARGET for $@, MAKEFILE_UNKNOWN for the rest.
 *
 * Units:     lines from 1.
 * Ownership: makefile_read() to makefile_free(); all slices live as long.
 * Errors:    NULL and the text: make is missing, too old, or cannot read the makefile (its own words, with the place).
 * Source:    GNU make 4.3 to 4.4: src/main.c (die), src/variable.c, src/commands.c and src/rule.c (print_*).
 */
#ifndef MAKEFILE_MAKEFILE_H
#define MAKEFILE_MAKEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

enum { MAKEFILE_TARGET = 1, MAKEFILE_UNKNOWN = 2 };

struct makefile_line {
	struct slice text; /* with the backslashes of its continuations, without prefix */
	uint64_t line;
};

struct makefile_rule {
	struct slice target; /* a name or a pattern */
	struct slice file;   /* that has the recipe */
	struct makefile_line *recipe;
	size_t lines;
	bool phony, precious, ignored;
	struct slice shell, flags; /* SHELL and .SHELLFLAGS for this target, expanded */
	unsigned variables;        /* private: the set of its own */
};

struct makefile {
	struct makefile_rule
	    *rule; /* those with a recipe that stands in a file, in order of file and line */
	size_t rules;
	bool delete_on_error, oneshell, ignore;
	bool ignore_flag; /* MAKEFLAGS has -i */
	struct makefile_missing {
		struct slice file;
		uint64_t line;
		struct slice name;
		bool made; /* by a rule */
	} * missing;       /* included files that are not there */
	size_t missings;
	struct makefile_parts *parts;
};

/* path as make is told it, in directory dir (NULL: the present one); where path is NULL it is read from fd. name: what
 * messages call it. assignments: NAME=VALUE for make's command line, NULL-ended, or NULL. */
struct makefile *makefile_read(const char *path, int fd, const char *name, const char *dir,
    char *const *assignments, struct error *e);

void makefile_expand(
    const struct makefile *m, const struct makefile_rule *r, struct slice text, struct buf *to);

/* The first line of one of its files that begins with word, and that file in *file; 0 where there is none. */
uint64_t makefile_find(struct makefile *m, struct slice word, struct slice *file);

void makefile_free(struct makefile *m);

#endif
