/* version.h - the one place that says which leat this is
 *
 * Units:     none.
 * Ownership: none.
 * Errors:    none.
 * Source:    own.
 */
#ifndef TOOL_VERSION_H
#define TOOL_VERSION_H

#define LEAT_VERSION "0.1"

#endif
