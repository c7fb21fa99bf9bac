/* gnuplot_axis.h - an axis: its unit, its scale, its ticks
 *
 * The caller says what stands on the axis (unit, label, extent of the data, logarithmic or not), gnuplot_axis_settle() chooses
 * how it is shown. On a linear axis numbers are divided by a scale that fits the extent (ns, us, ms, s; B, KiB, MiB;
 * thousands, millions), which the label names, and gnuplot chooses the ticks; data must be written through
 * gnuplot_axis_number(). On a logarithmic one they stay as they are and each tick names its unit (10 us, 1 ms).
 * Addresses have ticks of their own, in hex.
 *
 * Units:     GNUPLOT_NS nanoseconds, GNUPLOT_BYTES bytes.
 * Ownership: slices are borrowed; text is appended to the caller's buffer.
 * Errors:    none.
 * Source:    own.
 */
#ifndef FORM_GNUPLOT_AXIS_H
#define FORM_GNUPLOT_AXIS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum gnuplot_unit { GNUPLOT_NONE, GNUPLOT_NS, GNUPLOT_BYTES, GNUPLOT_ADDRESS, GNUPLOT_SHARE };

struct gnuplot_axis {
	const char *name; /* "x", "y", "cb" */
	enum gnuplot_unit unit;
	struct slice label; /* without unit */
	bool plain;         /* the label is complete: no unit is added */
	bool log;
	bool base2;    /* logarithmic with ticks at powers of two, as bytes have */
	bool tight;    /* ends where the data ends, not at a tick */
	double lo, hi; /* extent of the data; lo > hi where there is none */
	uint64_t base; /* what is added to the number of an address */
	bool has_min, has_max;
	double min, max; /* where the axis ends if the user said so */

	double scale;       /* of gnuplot_axis_settle(): numbers are divided by it */
	const char *suffix; /* and called this */
};

#define GNUPLOT_AXIS_INIT(axis)                                                                    \
	((struct gnuplot_axis){ .name = (axis), .lo = 1, .hi = -1, .scale = 1, .suffix = "" })

/* ns, bytes, or an address by the name of a field (leat-trace(5), Units), and by the name of a unit. */
enum gnuplot_unit gnuplot_unit_of_field(struct slice name);
enum gnuplot_unit gnuplot_unit(struct slice name);

/* Makes the extent hold v; values that are not finite are passed over. */
void gnuplot_axis_add(struct gnuplot_axis *a, double v);

/* The multiple of step, a power of two, that is at or below the address. */
double gnuplot_axis_round(const struct gnuplot_axis *a, double v, double step);

void gnuplot_axis_settle(struct gnuplot_axis *a);

/* A number of the data as it stands in the script. */
void gnuplot_axis_number(struct buf *b, const struct gnuplot_axis *a, double v);

/* Label, range, ticks, after it was settled. */
void gnuplot_axis_put(struct buf *b, const struct gnuplot_axis *a);

/* A value with its unit, as text of its own: "10 us", "4 KiB", "1.5 M", "0x7f00". */
void gnuplot_value(struct buf *b, const struct gnuplot_axis *a, double v);

#endif
