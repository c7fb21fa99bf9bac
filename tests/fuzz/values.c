/* Any bytes as a file of values: each one that is handed out is a finite number, and all are or none. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "experiment/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
check(const struct values_one *v, void *context)
{
	size_t *n = context;

	if (v->name.n == 0 || memchr(v->name.p, ' ', v->name.n) || (!v->whole && !isfinite(v->d)))
		abort();
	++*n;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	struct error e = { "" };
	size_t n = 0;

	if (values_read(text, check, &n, &e) < 0 && (n > 0 || e.text[0] < '1' || e.text[0] > '9'))
		abort();
	return 0;
}
