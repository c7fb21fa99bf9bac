/* Any bytes are a table, an error, or a table with bad rows; cells lie in readable memory, and as many as columns. */
#include <stdint.h>
#include <stdlib.h>

#include "form/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table *t = table_new(-1, data, size);
	volatile uint64_t sum = 0;
	int got, rows = 0;

	/* There is no more to read than the first bytes: the descriptor gives an error at their end. */
	while ((got = table_next(t)) != 0 && rows++ < 10000) {
		if (got < 0 && table_failed(t))
			break;
		for (unsigned i = 0; got > 0 && i < t->columns; i++)
			for (size_t k = 0; k < t->cell[i].n; k++)
				sum += (unsigned char)t->cell[i].p[k];
	}
	for (size_t i = 0; i < t->words; i++)
		sum += t->word[i].key.n + t->word[i].value.n;
	(void)sum;
	if (table_offset(t) > size)
		abort();
	table_free(t);
	return 0;
}
