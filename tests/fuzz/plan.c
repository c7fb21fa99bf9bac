/* Any bytes are a table of levels, a plan, or an error with its line; a plan that was made is read, and the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "experiment/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
file_of(const void *p, size_t n)
{
	int fd = memfd_create("table", 0);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static struct plan *
read_back(const void *p, size_t n, struct error *e)
{
	int fd = file_of(p, n);
	struct plan *plan = plan_read(fd, e);

	close(fd);
	return plan;
}

/* What the text makes is bounded: a level is two bytes at least. */
static bool
is_small(const uint8_t *data, size_t size)
{
	size_t lines = 0;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines < 24;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan_options options = { .repetitions = 2 };
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct plan *p, *q;
	struct error e = { "" };
	int fd;

	p = read_back(data, size, &e);
	if (p == NULL && e.text[0] == '\0')
		abort();
	plan_free(p);
	if (!is_small(data, size))
		return 0;
	fd = file_of(data, size);
	e.text[0] = '\0';
	p = plan_make(fd, &options, &e);
	close(fd);
	if (p == NULL) {
		if (e.text[0] == '\0')
			abort();
		return 0;
	}
	if (p->runs != 2 * p->cells)
		abort();
	plan_put(&once, p);
	q = read_back(once.p, once.n, &e);
	if (q == NULL)
		abort();
	plan_put(&twice, q);
	if (!slice_eq(buf_view(&once), buf_view(&twice)))
		abort();
	for (size_t i = 0; i < p->runs; i++) {
		const struct plan_run *r = plan_find(q, p->run[i].name);

		if (r == NULL || !slice_eq(r->command, p->run[i].command))
			abort();
	}
	plan_free(p);
	plan_free(q);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
