/* touch.h - what lets the recorder see which pages the process writes
 *
 * The process makes a userfaultfd(2) of the asynchronous kind, of which only the recorder makes use: it fetches the descriptor
 * (wire_process.touch), and registers and protects memory from outside. Nobody waits for anybody: the kernel itself lifts the
 * protection at the first write to a page. See lib/flow/touch.h for the recorder's half.
 */
#ifndef INTERPOSE_TOUCH_H
#define INTERPOSE_TOUCH_H

#include <stddef.h>

#include "wire/wire.h"

/* The process begins, or is the child of a fork, which gets a descriptor of its own, and waits until the recorder has
 * protected what it has of its parent: at most a second. Where the kernel says no, that is noted in the slot. */
void touch_begin(struct wire_header *h, struct wire_process *p);

/* The process is about to end, or to run another program: waits until the recorder has had a last look, likewise. */
void touch_end(struct wire_header *h, struct wire_process *p);

/* Memory of the library's own: not to be told as written. Ranges that touch are one; what is too much is told. */
void touch_hide(const void *start, size_t n);

#endif
