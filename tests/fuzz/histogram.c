/* Any bytes are a histogram or an error; what was read is written in every form, and is read back as the same bytes. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "form/histogram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int nothing = -1;
	struct histogram h = HISTOGRAM_INIT, back = HISTOGRAM_INIT;
	struct buf tsv = BUF_INIT, again = BUF_INIT, rest = BUF_INIT;
	struct error e;

	if (nothing < 0)
		nothing = open("/dev/null", O_RDONLY);
	if (size > 0 && histogram_read(&h, nothing, data, size, &e) == 0) {
		histogram_put_bars(&h, 80, true, &rest);
		histogram_put_percentiles(&h, &rest);
		histogram_put_summary(&h, &rest);
		histogram_put_tsv(&h, &tsv);
		if (histogram_read(&back, nothing, tsv.p, tsv.n, &e) < 0)
			abort();
		histogram_put_tsv(&back, &again);
		if (!slice_eq(buf_view(&tsv), buf_view(&again)))
			abort();
		histogram_free(&back);
		rest.n = again.n = 0;
		histogram_put_json(&h, &rest);
		if (histogram_read(&back, nothing, rest.p, rest.n, &e) < 0)
			abort();
		histogram_put_tsv(&back, &again);
		if (!slice_eq(buf_view(&tsv), buf_view(&again)))
			abort();
	}
	histogram_free(&h);
	histogram_free(&back);
	buf_free(&tsv);
	buf_free(&again);
	buf_free(&rest);
	return 0;
}
