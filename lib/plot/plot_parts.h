/* plot_parts.h - what the files of plot.h share
 *
 * Units:     none.
 * Ownership: the plot's.
 * Errors:    none.
 * Source:    own.
 */
#ifndef FLOW_PLOT_PARTS_H
#define FLOW_PLOT_PARTS_H

#include "base/arena.h"
#include "plot/gnuplot_axis.h"
#include "plot/plot.h"
#include "stat/density.h"

enum { ROLE_X, ROLE_Y, ROLE_LO, ROLE_HI, ROLE_COUNT, ROLE_GROUP, ROLE_LANE, ROLE_X_HI, ROLE_Y_HI };

/* Longest names that a figure shows. */
enum { PLOT_NAME_MAX = 32, PLOT_SIDE_NAME_MAX = 16 };

struct plot_series {
	struct slice name;
	uint32_t *tuple; /* input, y column, texts of the groups */
};

struct plot {
	struct plot_options o;
	struct plot_texts texts;
	struct plot_base base[PLOT_ROLES];
	struct plot_table **table;
	size_t tables, table_cap;
	struct plot_series *series;
	size_t series_n, series_cap;
	unsigned tuple_n;
	size_t key_width; /* characters that fit above the graph */
	size_t name_max;  /* characters of a name in the legend */
	bool one;         /* bars are ratios: a line at 1 */
	struct hash_set series_set;
	struct losses lost;
	struct arena arena;
	struct buf notes; /* lines */
	struct buf head;  /* settings of the figure */
	struct buf data;  /* $data blocks */
	struct buf draw;  /* elements of plot, separated by ", \\\n" */
	struct buf text;  /* how to draw it on a terminal of characters, if that is different */
	struct gnuplot_axis x, y;
};

/* The series of row `row`, y column y, made where it is new. */
size_t plot_series_of(struct plot *p, size_t table, size_t row, unsigned y);

/* A line beneath the title. */
void plot_note(struct plot *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "1 234 567" is nobody's; 1,234,567 is. */
void plot_put_count(struct buf *b, double n);

/* Where the next element of `plot` goes. */
struct buf *plot_next(struct plot *p);

/* What an axis says, from the name of a column, if the user did not. */
void plot_label(struct plot *p, struct gnuplot_axis *a, struct slice column);

/* The unit of a column, by its name or by what its table says; what a vertical axis is called. */
enum gnuplot_unit plot_unit(const struct plot_table *t, const struct plot_column *c);
struct slice plot_y_name(const struct plot_table *t, const struct plot_column *y);

/* The ends that the user gave; -1 where one is no number. */
int plot_range(struct plot *p, struct gnuplot_axis *a, const struct plot_range *r,
    const char *option, struct error *e);

/* A number of a column, with its base unless `relative`. */
double plot_value(const struct plot_column *c, size_t row, bool relative);

/* What the labels of the vertical axis, so many characters, leave for the legend. */
void plot_key_room(struct plot *p, size_t labels);

/* The legend: none for a single series without name. */
void plot_key(struct plot *p, size_t series);

/* The same for n names, of which the longest has so many characters. */
void plot_key_of(struct plot *p, size_t n, size_t longest);

/* Ticks of categories 0 .. n-1 on the x axis, turned where they would overlap. */
void plot_categories(struct plot *p, const struct slice *name, size_t n);

/* An axis of a matrix (leat-heat(1)), from which seams take what is empty. */
enum { PLOT_SEAMS = 64 };

struct plot_seam {
	double lo, hi; /* what is not on the axis */
};

struct plot_squeezed {
	struct gnuplot_axis *a;
	struct plot_column *lo, *hi;
	bool relative; /* numbers are differences to the base of their columns */
	double start;  /* what t counts from */
	struct plot_seam seam[PLOT_SEAMS];
	size_t seams;
};

/* Unit, label, seams and extent; where a value stands; a number of a column. */
void plot_squeezed_settle(
    struct plot *p, struct plot_squeezed *h, const char *name, enum plot_log asked);
double plot_squeezed_place(const struct plot_squeezed *h, double v);
double plot_squeezed_value(const struct plot_squeezed *h, const struct plot_column *c, size_t row);

/* A number as text of the table, false where it is none; what falls into a seam, at its end. */
bool plot_squeezed_number(const struct plot_squeezed *h, struct slice s, double *v);
double plot_squeezed_clip(const struct plot_squeezed *h, double v);

/* Addresses where each piece begins; lines at the seams; what has no place, as notes. */
void plot_squeezed_ticks(struct plot *p, const struct plot_squeezed *h);
void plot_squeezed_seams(struct plot *p, const struct plot_squeezed *h);
void plot_squeezed_notes(struct plot *p);

/* Cells without an end have no place. */
void plot_drop_infinite(struct plot *p, struct plot_table *t);

/* Settings of all figures of the plot. */
int plot_distribution(struct plot *p, struct error *e);
int plot_points(struct plot *p, struct error *e);
int plot_bars(struct plot *p, struct error *e);
int plot_heat(struct plot *p, struct error *e);
int plot_memory(struct plot *p, struct error *e);
int plot_timeline(struct plot *p, struct error *e);

#endif
