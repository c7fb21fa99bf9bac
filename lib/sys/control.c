#include "sys/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/slice.h"

static int
open_fifo(const char *path, struct error *e)
{
	/* for reading and writing: no end of file when the last writer leaves, no waiting for a first reader */
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return error_set(e, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return error_set(e, "%s: not a FIFO", path);
	}
	return fd;
}

int
sys_control_open(struct sys_control *c, const char *text, struct error *e)
{
	const char *comma = strchr(text, ',');
	char *path = xstrndup(text, comma ? (size_t)(comma - text) : strlen(text));
	int r = 0;

	*c = SYS_CONTROL_INIT;
	c->fd = open_fifo(path, e);
	free(path);
	if (c->fd < 0)
		r = -1;
	else if (comma && (c->ack = open_fifo(comma + 1, e)) < 0)
		r = -1;
	if (r < 0)
		sys_control_close(c);
	return r;
}

static void
answer(const struct sys_control *c, const char *text)
{
	/* nobody may be reading: a full FIFO must not stop the recorder */
	if (c->ack >= 0 && write(c->ack, text, strlen(text)) < 0)
		return;
}

enum sys_control_word
sys_control_next(struct sys_control *c)
{
	static const struct {
		const char *name;
		enum sys_control_word word;
	} known[] = { { "enable", SYS_CONTROL_ENABLE }, { "disable", SYS_CONTROL_DISABLE },
		{ "stop", SYS_CONTROL_STOP } };
	char byte;

	while (c->fd >= 0 && read(c->fd, &byte, 1) == 1) {
		struct slice word;

		if (byte != '\n') {
			/* a word that is too long is none */
			if (c->n < sizeof c->line)
				c->line[c->n++] = byte;
			continue;
		}
		word = slice_trim((struct slice){ c->line, c->n });
		c->n = 0;
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			if (slice_eq(word, slice_of(known[i].name)))
				return known[i].word;
		answer(c, "nak\n");
	}
	return SYS_CONTROL_NONE;
}

void
sys_control_ack(struct sys_control *c)
{
	answer(c, "ack\n");
}

void
sys_control_close(struct sys_control *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->ack >= 0)
		close(c->ack);
	*c = SYS_CONTROL_INIT;
}
