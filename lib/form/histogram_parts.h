/* histogram_parts.h - the numbers of histogram.h as text, and back
 *
 * Units:     none.
 * Ownership: text is appended to the caller's buffer.
 * Errors:    readers return -1 where the text is no such number.
 * Source:    own.
 */
#ifndef FORM_HISTOGRAM_PARTS_H
#define FORM_HISTOGRAM_PARTS_H

#include "form/histogram.h"

/* What they are called in every form. */
enum { HISTOGRAM_QUANTILES = 5 };
extern const double histogram_quantile[HISTOGRAM_QUANTILES];
extern const char *const histogram_quantile_name[HISTOGRAM_QUANTILES];

/* " scale=log bits=7 error=0.4%" */
void histogram_put_scheme(struct buf *b, const struct hist_scheme *s);

/* "0.4%", never less than it is. */
void histogram_put_error(struct buf *b, const struct hist_scheme *s);

/* The name of a group column as a key of the words of a line: what cannot stand there is _. */
void histogram_put_name(struct buf *b, struct slice name);

/* Bounds and quantiles: whole numbers below 2^64 without an exponent, in hex for addresses. */
void histogram_put_number(struct buf *b, double v, bool hex);

/* Nine digits, and all of those before the point. */
void histogram_put_short(struct buf *b, double v);

/* The smallest or largest value as it was. */
void histogram_put_limit(struct buf *b, const struct hist *h, bool max, bool hex);

/* Calls word() for each part of what is known exactly, in the order of the text; text is empty for nan. */
void histogram_moments(const struct hist *h, bool hex,
    void (*word)(void *context, const char *name, struct slice text), void *context);

/* What was read of a group. */
struct histogram_moments_text {
	struct slice min, max, sum, sum_rest, sum2, sum2_rest;
};

int histogram_parse_moments(
    struct hist *h, const struct histogram_moments_text *t, struct error *e);

/* A bound: a number in decimal or hex, inf, -inf. */
int histogram_parse_bound(struct slice s, double *v);

#endif
