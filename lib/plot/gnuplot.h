/* gnuplot.h - scripts for gnuplot: text that stays text, terminals, pages, colours
 *
 * Text goes into a script in single quotes only, where gnuplot expands nothing: no backquotes, no macros, no escapes. It
 * is made valid UTF-8 without control bytes first, as cairo and XML want it, and terminals run without enhanced text, so that
 * _ ^ { } @ & mean themselves.
 *
 * Colours are those of Okabe and Ito, which colour-blind people can tell apart, in an order that alternates dark and light;
 * dashes and marks change with them, for print in grey.
 *
 * Units:     sizes in pixels, for PDF in inches, for dumb in characters.
 * Ownership: text is appended to the caller's buffer.
 * Errors:    none.
 * Source:    gnuplot 5.4 documentation; M. Okabe and K. Ito, Color Universal Design (2008); viridis and cividis of
 *            matplotlib (S. van der Walt, N. Smith; J. Nunez et al.), sampled.
 */
#ifndef FORM_GNUPLOT_H
#define FORM_GNUPLOT_H

#include "base/buf.h"
#include "base/slice.h"

enum gnuplot_terminal {
	GNUPLOT_PNG,
	GNUPLOT_SVG,
	GNUPLOT_PDF,
	GNUPLOT_DUMB,
	GNUPLOT_CANVAS,
	GNUPLOT_QT,
	GNUPLOT_TERMINALS /* also: not known */
};

enum gnuplot_palette { GNUPLOT_VIRIDIS, GNUPLOT_CIVIDIS, GNUPLOT_GREY, GNUPLOT_PALETTES };

/* By name ("png"), and by the suffix of a file ("x.html"). */
enum gnuplot_terminal gnuplot_terminal(struct slice name);
enum gnuplot_terminal gnuplot_terminal_of_file(struct slice path);
enum gnuplot_palette gnuplot_palette(struct slice name);

struct gnuplot_page {
	enum gnuplot_terminal terminal;
	bool
	    guess; /* nobody chose the terminal: text where gnuplot's standard output is a terminal */
	double width,
	    height; /* 0: as fits a column of a paper; pixels, inches for PDF, characters for dumb */
	struct slice font;   /* "Name", "Name,size", or empty */
	struct slice output; /* the picture's file; empty for standard output */
	struct slice title;  /* empty: none */
	const char *notes;   /* lines beneath the title, or NULL */
	unsigned key_rows;   /* of the legend between these and the graph; 0: none there */
	unsigned key_columns;
	unsigned
	    side_rows; /* beside the graph: the picture is made high enough for so many lines */
};

/* The size of small letters: notes, captions. */
double gnuplot_small(const struct gnuplot_page *page);

/* The head of a script: terminal, output, title, notes, and what all figures have in common. */
void gnuplot_begin(struct buf *b, const struct gnuplot_page *page);

/* Its end, after the plot. */
void gnuplot_end(struct buf *b, const struct gnuplot_page *page);

/* Text without what no terminal can show: control bytes as \n, \t, \xNN, bytes that are no UTF-8 as U+FFFD. At most max
 * characters, with an ellipsis in the middle of what is longer; 0 for no limit. */
void gnuplot_clean(struct buf *b, struct slice text, size_t max);

/* The same in single quotes; a quote inside becomes U+2019. */
void gnuplot_quote(struct buf *b, struct slice text, size_t max);

/* The same as the label of a tick, where % would be a format. */
void gnuplot_quote_tick(struct buf *b, struct slice text, size_t max);

/* Characters of UTF-8. */
size_t gnuplot_length(struct slice text);

/* Of the series i: "#0072B2"; the number of a dash type and of a point type. */
const char *gnuplot_colour(size_t i);
unsigned gnuplot_dash(size_t i);
unsigned gnuplot_mark(size_t i);

enum { GNUPLOT_COLOURS = 7 };

void gnuplot_put_palette(struct buf *b, enum gnuplot_palette palette);

/* A number of twelve digits, more than any picture shows; NaN where it is not finite. */
void gnuplot_number(struct buf *b, double v);

#endif
