/* sniff.h - what a file looks like, for messages about formats that nobody asked for
 *
 * Units:     bytes.
 * Ownership: the result is a constant.
 * Errors:    none: what is not known is "text" or "binary data".
 * Source:    the magic numbers of the formats' specifications.
 */
#ifndef FORM_SNIFF_H
#define FORM_SNIFF_H

#include "base/slice.h"

/* A noun phrase, with a hint where one helps: "gzip data (unpack it first)". start: the first bytes, 64 KiB at most. */
const char *sniff(struct slice start);

#endif
