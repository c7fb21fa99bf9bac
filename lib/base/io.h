/* io.h - whole reads and writes on file descriptors, and waiting for them
 *
 * Units:     bytes; time-outs in milliseconds.
 * Ownership: descriptors stay the caller's.
 * Errors:    -1 with errno set; EINTR is retried.
 * Source:    own.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* At most n bytes in one read; 0 at the end. */
ssize_t io_read(int fd, void *p, size_t n);

/* Exactly n bytes unless the file ends first; returns how many. */
ssize_t io_read_full(int fd, void *p, size_t n);

/* All n bytes; 0, or -1. */
int io_write(int fd, const void *p, size_t n);

/* Waits until fd can be read (or has ended). 1 ready, 0 time-out; timeout -1 waits for ever. */
int io_wait(int fd, int timeout_ms);

/* Enlarges a pipe to 1 MiB where it can; anything else is left alone. */
void io_enlarge_pipe(int fd);

/* The whole file into *p (the caller's, NUL behind it) and *n. */
int io_slurp(const char *path, char **p, size_t *n);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t io_now_ns(void);

#endif
