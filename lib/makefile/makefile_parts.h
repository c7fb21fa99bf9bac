/* makefile_parts.h - what the modules of makefile.h share
 *
 * Units:     lines from 1.
 * Ownership: struct makefile_parts belongs to its makefile.
 * Errors:    -1 and the text.
 * Source:    own.
 */
#ifndef MAKEFILE_MAKEFILE_PARTS_H
#define MAKEFILE_MAKEFILE_PARTS_H

#include "base/arena.h"
#include "base/hash.h"
#include "makefile/makefile.h"

struct makefile_variable {
	unsigned set; /* 0: of all; else of a target or a pattern */
	struct slice name, value;
};

/* The target or the pattern that has variables of its own. */
struct makefile_scope {
	struct slice target;
	bool pattern;
};

struct makefile_source {
	struct slice name, text; /* as make calls it */
	struct slice shown;      /* as messages call it */
	size_t *line;            /* where each line of the text begins */
	size_t lines;
};

struct makefile_names {
	struct slice *name;
	size_t n, cap;
};

struct makefile_parts {
	struct arena arena;
	struct makefile_variable *variable;
	size_t variables, variable_cap;
	struct hash_set index;        /* of variables, by set and name */
	struct makefile_scope *scope; /* set 1 is [0] */
	size_t scopes, scope_cap;
	unsigned *pattern; /* the sets that are patterns' */
	size_t patterns, pattern_cap;
	struct makefile_source *source;
	size_t sources, source_cap;
	size_t rule_cap;
	struct makefile_names phony, precious, ignored;
	struct makefile_names absent; /* files that make has looked for */
	const char *dir;
};

/* Cuts s at its first newline. */
static inline struct slice
next_line(struct slice *rest)
{
	return slice_cut(rest, '\n');
}

/* Cuts a prefix off, where it is there. */
static inline bool
cut_start(struct slice *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s->n < n || memcmp(s->p, prefix, n) != 0)
		return false;
	*s = (struct slice){ s->p + n, s->n - n };
	return true;
}

/* A file in memory with these bytes, which children inherit; -1 with errno. */
int makefile_memory(const void *p, size_t n);
int makefile_read_to_end(int fd, struct buf *b);

/* What make prints of its rules and variables into *out, and what it says on standard error into *messages. */
int makefile_ask(const char *path, const char *dir, char *const *assignments, struct buf *out,
    struct buf *messages, struct error *e);

/* Whether make has read all, as its messages say. */
bool makefile_was_read(struct slice messages);

/* Rules, variables and sources of a database, whose text must live as long as the makefile. */
void makefile_database(struct makefile *m, struct slice text);

/* A file as make calls it, and as messages do, with its text, or NULL: what is in the file that is shown. The other: the
 * one that make calls so. */
struct makefile_source *makefile_add_source(
    struct makefile *m, struct slice name, struct slice shown, const struct buf *text);
struct makefile_source *makefile_source(struct makefile *m, struct slice name);

/* Appends the words of a list. */
void makefile_words(struct makefile_names *to, struct slice list);

/* Whether a name is a pattern's, or one of these names' and patterns'. */
bool makefile_matches(struct slice pattern, struct slice name);
bool makefile_is_among(const struct makefile_names *names, struct slice name);

uint64_t makefile_hash(unsigned set, struct slice name);

/* The rule's own variable, else that of the last pattern that matches, else that of all; NULL. r may be NULL. */
const struct makefile_variable *makefile_lookup(
    const struct makefile *m, const struct makefile_rule *r, struct slice name);

#endif
