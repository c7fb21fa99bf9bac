/* control.h - words through a FIFO, to switch a recorder on and off
 *
 * Each line is one word: enable, disable or stop. With an acknowledge FIFO, "ack" and a newline answer each line once it
 * is obeyed, "nak" one that is not understood.
 *
 * Units:     none.
 * Ownership: the caller holds the struct, sys_control_close() the descriptors.
 * Errors:    -1 and the text.
 * Source:    own; the words are those of perf record --control.
 */
#ifndef SYS_CONTROL_H
#define SYS_CONTROL_H

#include <stddef.h>

#include "base/error.h"

enum sys_control_word {
	SYS_CONTROL_NONE,
	SYS_CONTROL_ENABLE,
	SYS_CONTROL_DISABLE,
	SYS_CONTROL_STOP
};

struct sys_control {
	int fd, ack; /* readable when words may have come; -1 */
	char line[64];
	size_t n;
};

#define SYS_CONTROL_INIT ((struct sys_control){ .fd = -1, .ack = -1 })

/* text is FIFO or FIFO,ACK. */
int sys_control_open(struct sys_control *c, const char *text, struct error *e);

/* The next word, without waiting. */
enum sys_control_word sys_control_next(struct sys_control *c);

/* Says that the last word was obeyed. */
void sys_control_ack(struct sys_control *c);

void sys_control_close(struct sys_control *c);

#endif
