/* plan_parts.h - what the parts of a plan share
 *
 * Units:     none.
 * Ownership: what is in the arena lives as long as the plan.
 * Errors:    -1 with the text.
 * Source:    own.
 */
#ifndef EXPERIMENT_PLAN_PARTS_H
#define EXPERIMENT_PLAN_PARTS_H

#include "base/arena.h"
#include "base/hash.h"
#include "experiment/plan.h"

enum {
	PLAN_NAME_MAX = 200, /* bytes: failed/NAME.N and part/NAME.claim must fit in 255 */
	PLAN_FACTORS_MAX = 64,
	PLAN_CELLS_MAX = 10000000,
	PLAN_RUNS_MAX = 50000000
};

struct plan_parts {
	struct arena arena;
	struct slice *factor, *variable;
	size_t factor_cap, variable_cap;
	struct plan_run *cell;
	size_t cell_cap;
	struct plan_run *run;
	size_t run_cap;
	uint32_t
	    *segment; /* of each cell: the number of its level of the factor that is not shuffled */
	size_t segment_cap;
	uint32_t segments;
	struct hash_set names;
};

struct plan *plan_new(void);

void plan_add_factor(struct plan *p, struct slice name);
void plan_add_variable(struct plan *p, struct slice name);

/* The name of a cell with these levels, in the arena. */
struct slice plan_stem(struct plan *p, const struct slice *level);

/* Adds a cell, whose strings are in the arena already. */
void plan_add_cell(struct plan *p, const struct plan_run *cell, uint32_t segment);

/* Puts the cells in order of their names, and computes settings that are not set; -1 where two share a name. */
int plan_sort_cells(struct plan *p, struct error *e);

/* Adds blocks `first` and on, as plan_extend(). */
int plan_add_blocks(
    struct plan *p, uint64_t first, uint64_t blocks, const uint64_t *more, struct error *e);

/* Makes the names findable; -1 where two are the same. */
int plan_index(struct plan *p, struct error *e);

/* What a factor or a variable can be called. */
bool plan_is_factor_name(struct slice s);
bool plan_is_variable_name(struct slice s);
bool plan_is_reserved(struct slice s);

#endif
