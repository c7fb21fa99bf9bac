#include "experiment/claim_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* Whose turn it is, or was when he was killed. */
static bool
read_turn(int fd, struct claim_owner *o)
{
	char text[1024];
	ssize_t n = pread(fd, text, sizeof text, 0);

	if (n > 0)
		claim_owner_parse((struct slice){ text, (size_t)n }, o);
	return n > 0;
}

int
claim_turn(const char *results, struct error *e)
{
	struct claim_owner last;
	char host[65], *path;
	int fd;

	if (claim_directories(results, e) < 0)
		return -1;
	claim_host(host);
	if (asprintf(&path, "%s/part/%s.lock", results, host) < 0)
		abort();
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0) {
		error_set(e, "%s: %s", path, strerror(errno));
		goto failed;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		/* who waits for us would be waited for */
		if (read_turn(fd, &last) && claim_owner_is_above(&last, getpid(), 1)) {
			error_set(e,
			    "%s: this is part of process %d, which makes a run of them, and "
			    "has its turn (--share)",
			    results, last.pid);
			goto failed;
		}
		if (flock(fd, LOCK_EX) < 0) {
			error_set(e, "%s: %s", path, strerror(errno));
			goto failed;
		}
	}
	/* its last holder did not end its turn itself; or, if he lives, could not */
	if (read_turn(fd, &last) && !claim_owner_lives(&last) && claim_owner_end_left(&last, e) < 0)
		goto failed;
	free(path);
	return fd;
failed:
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

int
claim_turn_note(int turn, const char *results, struct slice name, struct error *e)
{
	struct buf text = BUF_INIT;
	struct claim_owner owner;
	int result = claim_owner(results, name, &owner, e);

	if (result >= 0) {
		claim_owner_put(&text, &owner);
		result =
		    ftruncate(turn, 0) < 0 || pwrite(turn, text.p, text.n, 0) != (ssize_t)text.n
			? error_set(e, "%s/part: %s", results, strerror(errno))
			: 0;
	}
	buf_free(&text);
	return result;
}

void
claim_turn_end(int turn)
{
	if (turn < 0)
		return;
	if (ftruncate(turn, 0) < 0) {
		/* its next holder looks for what is left of us, and finds nothing */
	}
	close(turn);
}
