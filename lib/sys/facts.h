/* facts.h - what machine this is and in which state, as named values
 *
 * All that is known to change a measurement and that can be read: kernel, CPUs, frequencies, memory, clocks, limits, the
 * process's own surroundings, tools, the commit of the current directory. A fact has a name that no other has, and a
 * section that groups it; section `load` holds what changes by itself (load, free memory, temperature, counters), all
 * others what stays until somebody changes it.
 *
 * Facts are read below a root: "/", or the copied /proc, /sys, /etc ... of another machine. What only a living system tells
 * (limits, tools, git, cpuid) is left out where the root is not "/".
 *
 * A fact that CPUs tell one by one is one value where all agree, else "VALUE@CPUS VALUE@CPUS": powersave@0-3 performance@4-7.
 * What is not there is absent, never guessed; what is there and may not be read is counted in `denied`. What only root may
 * read on any machine is asked for only by root.
 *
 * Cost: some 15 files and as many for each CPU; a process for each tool, three for git.
 *
 * Units:     unit names them: ns, bytes, hz, percent, celsius; NULL for counts and texts.
 * Ownership: facts_free() releases all; strings live until then.
 * Errors:    none; see above.
 * Source:    Documentation/ABI of Linux 6.1, proc(5), sysfs(5), cgroups(7), personality(2); own.
 */
#ifndef SYS_FACTS_H
#define SYS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum fact_kind { FACT_INT, FACT_NUM, FACT_STR };

struct fact {
	const char *section;
	struct slice name;
	enum fact_kind kind;
	union {
		int64_t i;
		double d;
		struct slice s;
	};
	const char *unit; /* NULL: none */
};

struct facts {
	struct fact *fact; /* in a fixed order of sections and names */
	size_t facts, cap;
	uint64_t denied;          /* values that are there, and may not be read */
	struct slice denied_list; /* their files, with commas between */
	struct arena arena;
};

struct facts_config {
	const char *root;        /* NULL or "/": this machine */
	const char *const *tool; /* whose versions are wanted; ends with NULL */
	const char *version;     /* of leat */
};

void facts_read(struct facts *f, const struct facts_config *config);

/* The fact with this name, or NULL. */
const struct fact *facts_find(const struct facts *f, struct slice name);

/* The section of what changes by itself. */
#define FACTS_VOLATILE "load"

void facts_free(struct facts *f);

#endif
