/* Any bytes as a log, in two pieces; as time.log; as a name and a command: never more events than lines, in order of time. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "form/heimdallr_log.h"
#include "form/heimdallr_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size }, all = text, word;
	struct heimdallr_log log = { 0 };
	struct heimdallr_usage usage;
	int64_t rep;

	heimdallr_log_file(&log, SLICE("f"));
	heimdallr_log_feed(&log, text.p, size / 2);
	heimdallr_log_feed(&log, text.p + size / 2, size - size / 2);
	heimdallr_log_file_end(&log);
	if (log.lines != log.events + log.bad + log.cut)
		abort();
	heimdallr_log_close(&log, size % 2 ? INT64_MAX : 1000000000);
	for (size_t i = 1; i < log.events; i++)
		if (log.event[i - 1].t > log.event[i].t)
			abort();
	for (size_t i = 0; i < log.events; i++)
		if (log.event[i].chain >= log.chains)
			abort();
	if (log.lines != log.events + log.bad + log.cut + log.duplicates + log.made_up)
		abort();
	heimdallr_log_free(&log);
	heimdallr_run_usage(text, &usage);
	heimdallr_run_name(text, NULL, NULL, &rep);
	word = heimdallr_run_workload(all);
	if (word.n > 0 && (word.p < all.p || word.p + word.n > all.p + all.n))
		abort();
	return 0;
}
