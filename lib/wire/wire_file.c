#include "wire/wire_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HIGH = 500 }; /* descriptors that programs do not expect to be theirs */

_Static_assert(sizeof(pthread_mutex_t) <= sizeof((struct wire_header *)0)->life, "the lock fits");

static int
hold_lock(struct wire_header *h, struct error *e)
{
	pthread_mutexattr_t attr;
	int reason;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	reason = pthread_mutex_init((pthread_mutex_t *)(void *)h->life, &attr);
	pthread_mutexattr_destroy(&attr);
	if (reason == 0)
		reason = pthread_mutex_lock((pthread_mutex_t *)(void *)h->life);
	if (reason)
		return error_set(e, "cannot make a lock: %s", strerror(reason));
	return 0;
}

/* Where it is out of the way of what the command opens, and inherited. */
static int
open_file(struct error *e)
{
	int fd = (int)memfd_create("leat-interpose", MFD_CLOEXEC), high;

	if (fd < 0)
		return error_set(e, "memfd_create: %s", strerror(errno));
	high = fcntl(fd, F_DUPFD, HIGH);
	if (high < 0)
		high = fcntl(fd, F_DUPFD, 3);
	if (high < 0)
		error_set(e, "a descriptor: %s", strerror(errno));
	close(fd);
	return high;
}

int
wire_file_make(struct wire_file *f, const struct wire_config *config, struct error *e)
{
	struct wire_header *h;
	void *memory;

	*f = WIRE_FILE_INIT;
	if (config->text.n > WIRE_TEXT_BYTES)
		return error_set(e, "a policy of more than %d bytes", WIRE_TEXT_BYTES);
	f->fd = open_file(e);
	if (f->fd < 0)
		return -1;
	if (ftruncate(f->fd, WIRE_BYTES) < 0) {
		error_set(e, "shared memory of %d MiB: %s", WIRE_BYTES >> 20, strerror(errno));
		goto failed;
	}
	memory = mmap(NULL, WIRE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (memory == MAP_FAILED) {
		error_set(e, "shared memory of %d MiB: %s", WIRE_BYTES >> 20, strerror(errno));
		goto failed;
	}
	f->header = h = memory;
	if (hold_lock(h, e) < 0)
		goto failed;
	h->version = WIRE_VERSION;
	h->bytes_of_header = sizeof *h;
	h->bytes = WIRE_BYTES;
	h->clock = config->clock;
	h->flags = config->flags;
	h->depth = config->depth < WIRE_DEPTH_MAX ? config->depth : WIRE_DEPTH_MAX;
	h->min = config->min;
	h->sample = config->sample;
	h->text_bytes = (uint32_t)config->text.n;
	if (config->text.n > 0)
		memcpy(h->text, config->text.p, config->text.n);
	h->magic = WIRE_MAGIC;
	return 0;
failed:
	wire_file_free(f);
	return -1;
}

void
wire_file_end(struct wire_file *f)
{
	if (f->header && f->header->magic == WIRE_MAGIC && !wire_recorder_died(f->header))
		pthread_mutex_unlock((pthread_mutex_t *)(void *)f->header->life);
}

void
wire_file_free(struct wire_file *f)
{
	wire_file_end(f);
	if (f->header)
		munmap(f->header, WIRE_BYTES);
	if (f->fd >= 0)
		close(f->fd);
	*f = WIRE_FILE_INIT;
}
