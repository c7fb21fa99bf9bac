/* frame_name.h - names of functions as frames of folded lines
 *
 * A folded line is `frame;frame;frame COUNT`, and has no way to escape anything; its readers take what looks like a count
 * for one. So `;` becomes `:`, control bytes become blanks, blanks at both ends go, the last blank before a number at
 * the end becomes `_`, and a name of which nothing is left becomes [unknown].
 *
 * Tidied names also lose what makes one function look like many, or spoils an SVG: parameters (not what stands inside of
 * templates and lambdas; not `(anonymous namespace)`, `operator()`, nor receivers of Go methods), quotes, and the L that
 * a class of the JVM begins with.
 *
 * Units:     bytes.
 * Ownership: results are appended to the caller's buffer.
 * Errors:    none.
 * Source:    what flamegraph.pl and speedscope read; conventions of stackcollapse-perf.pl for names.
 */
#ifndef FLOW_FRAME_NAME_H
#define FLOW_FRAME_NAME_H

#include "base/buf.h"

void frame_name(struct buf *to, struct slice name, bool tidy);

/* A value before the root, such as a comm: blanks become `_`. */
void frame_name_base(struct buf *to, struct slice value);

#endif
