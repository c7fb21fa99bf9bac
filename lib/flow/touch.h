/* touch.h - pages that the processes of a command write, again and again
 *
 * The recorder's half of `interpose --touch` (interpose/touch.h is the process's, sys/pages.h asks the kernel): every so often
 * a look at all processes. Each page that was written since the last look becomes
 *
 *	access t pid event=touch op=w addr size
 *
 * with addr and size of the page, and t a moment after all writes that it stands for. A forked process waits
 * for a look of which nothing is told, as what it has was written by its parent; one that ends by itself waits for a last one; what one that was killed wrote after the last look is not known.
 *
 *	touch_step(t, header);		in every turn: processes that are new, looks that are due
 *	touch_put(t, own, until);	before a record of that time is written
 *	touch_finish(t, own, now);	the rest, and what it was: stat records of section touch
 *
 * Memory: 32 bytes for each run of pages that waits.
 *
 * Units:     nanoseconds of CLOCK_MONOTONIC_RAW, bytes.
 * Ownership: touch_new() to touch_free().
 * Errors:    -1 where the writer fails: trace_writer_error(). Processes that may not be seen are said once, and counted.
 * Source:    own.
 */
#ifndef FLOW_TOUCH_H
#define FLOW_TOUCH_H

#include "flow/record_event.h"
#include "flow/record_own.h"
#include "wire/wire.h"

struct touch;

struct touch *touch_new(uint64_t every_ns, const struct record_listener *l);

/* Milliseconds until the next look; 0: now. */
int touch_due(const struct touch *t);

void touch_step(struct touch *t, const struct wire_header *h);

/* The time of the oldest page that waits; false where none does. */
bool touch_next(const struct touch *t, uint64_t *when);

/* Writes what waits, up to and with a time. */
int touch_put(struct touch *t, struct record_own *own, uint64_t until);

int touch_finish(struct touch *t, struct record_own *own, uint64_t now);

/* NULL is allowed. */
void touch_free(struct touch *t);

#endif
