/* plot.h - figures: columns in, a script for gnuplot out
 *
 * Each input is read into a struct plot_table, for which plot_choose() says what columns the figure takes; then
 * plot_take() has it, and at the end plot_write() writes the script with all data. What belongs together is a series: the rows
 * of an input, of a group, of a y column.
 *
 * Distributions (hist, cdf, percentiles, box, violin) take bins (columns lo hi count) or values. Nothing is left out
 * silently: what an axis cannot show and what was lost stands beneath the title.
 * Cost: all rows of the columns are in memory (plot_table.h).
 *
 * Units:     by the names of columns: t and _ns nanoseconds, size and _bytes bytes, addr addresses.
 * Ownership: plot_new() to plot_free(); a table that was taken is the plot's. Options are borrowed.
 * Errors:    -1 with the text.
 * Source:    own.
 */
#ifndef FLOW_PLOT_H
#define FLOW_PLOT_H

#include "base/error.h"
#include "plot/gnuplot.h"
#include "plot/plot_table.h"

enum plot_kind {
	PLOT_HIST,
	PLOT_CDF,
	PLOT_PERCENTILES,
	PLOT_BOX,
	PLOT_VIOLIN,
	PLOT_BARS,
	PLOT_LINES,
	PLOT_SCATTER,
	PLOT_HEAT,
	PLOT_MEMORY,
	PLOT_TIMELINE,
	PLOT_STACKED,
	PLOT_KINDS /* also: not known */
};

enum plot_log { PLOT_LOG_AUTO, PLOT_LOG_NO, PLOT_LOG_YES };

struct plot_range {
	struct slice min, max; /* as written, empty for none */
};

struct plot_list {
	struct slice *name;
	size_t n, cap;
};

struct plot_options {
	enum plot_kind kind;
	struct slice x, lane; /* empty: the default of the kind */
	struct plot_list y, by, names;
	struct plot_list interval;     /* none, or the names of two columns */
	struct slice x_label, y_label; /* p NULL: from the data */
	enum plot_log log_x, log_y;
	struct plot_range x_range, y_range;
	unsigned bins;       /* of hist; 0: as fits */
	unsigned sites;      /* of memory, that have a colour; 0: as fits */
	bool share, above;   /* hist: shares; cdf: what lies above */
	struct where *where; /* rows of tables; NULL: all */
	enum gnuplot_palette palette;
	struct gnuplot_page page;
};

enum plot_kind plot_kind(struct slice name);
const char *plot_kind_names(void); /* "hist cdf ..." */

/* "a,b,c" as a list that borrows. */
void plot_list_parse(struct plot_list *l, struct slice text);

struct plot;

struct plot *plot_new(const struct plot_options *o);

/* An empty table for an input, to be opened and chosen. */
struct plot_table *plot_table_for(struct plot *p, enum kind kind);

/* Which columns the figure takes of this table. */
int plot_choose(struct plot *p, struct plot_table *t, struct error *e);

/* name: what the figure calls this input if there are several. */
void plot_take(struct plot *p, struct plot_table *t, struct slice name);

int plot_write(struct plot *p, struct buf *to, struct error *e);

void plot_free(struct plot *p);

#endif
