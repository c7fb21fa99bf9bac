/* merge - the inputs of bench/merge.sh: sorted traces
 *
 *	merge lines NUMBER RECORDS [APART]	lines of about 95 bytes; APART: no other NUMBER has records in between
 *	merge plain NUMBER RECORDS		the same records with the time first, for sort(1)
 *
 * Source: own. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

int
main(int argc, char **argv)
{
	uint64_t number, records, x, t;
	bool plain, apart;

	if (argc < 4 || num_u64(slice_of(argv[2]), &number) < 0 ||
	    num_u64(slice_of(argv[3]), &records) < 0) {
		fputs("usage: merge lines|plain NUMBER RECORDS [APART]\n", stderr);
		return 2;
	}
	plain = strcmp(argv[1], "plain") == 0;
	apart = argc > 4;
	x = number + 1;
	t = 1000000000000 + (apart ? number * records * 2000 : 0);
	if (!plain)
		puts("#leat 1");
	for (uint64_t i = 0; i < records; i++) {
		x = x * 6364136223846793005 + 1442695040888963407;
		t += 1 + (x >> 33) % 1999;
		printf(plain ? "%" PRIu64 "\tsample" : "sample\tt=%" PRIu64, t);
		printf("\tcpu=%u\tpid=%u\ttid=%u\tcomm=app%u\tevent=cycles\tweight=%u\tstack=main;"
		       "f%u;\n",
		    (unsigned)(x >> 40) % 8, 1000 + (unsigned)(x >> 43) % 7,
		    1000 + (unsigned)(x >> 43) % 7, (unsigned)(x >> 46) % 5,
		    1000000 + (unsigned)(x >> 49) % 1000, (unsigned)(x >> 50) % 977);
	}
	return 0;
}
