/* base64.h - bytes as letters, and back
 *
 * Units:     bytes.
 * Ownership: results are appended to the caller's buffer.
 * Errors:    base64_decode() returns -1 on anything that is not canonical: other letters, a length that is no multiple
 *            of four, padding inside, or bits set beyond the last byte; the buffer keeps its old length.
 * Source:    RFC 4648, section 4.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

void base64_encode(struct buf *to, const void *bytes, size_t n);
int base64_decode(struct buf *to, struct slice text);

#endif
