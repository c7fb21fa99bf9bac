/* num.h - numbers as people write them
 *
 * Units:     num_duration() gives nanoseconds, num_size() bytes.
 * Ownership: none.
 * Errors:    -1, *out untouched, where the slice is empty, holds anything else, or does not fit.
 * Source:    own.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>

#include "base/slice.h"

/* All of s as one decimal number. */
int num_u64(struct slice s, uint64_t *out);
int num_i64(struct slice s, int64_t *out);

/* All of s as hex digits, without 0x. */
int num_hex(struct slice s, uint64_t *out);

/* Decimal, or hex with 0x. */
int num_any(struct slice s, uint64_t *out);

/* Decimal with an optional sign, fraction and exponent (-?D+(.D+)?([eE][+-]?D+)?, also .5 and 5.), or nan, inf, -inf. */
int num_f64(struct slice s, double *out);

/* A decimal number with an optional fraction and ns, us, ms, s, m or h; without a unit, nanoseconds. */
int num_duration(struct slice s, uint64_t *ns);

/* A decimal number with k M G T (powers of 1000) or Ki Mi Gi Ti (of 1024), and an optional B; or 0x hex. */
int num_size(struct slice s, uint64_t *bytes);

#endif
