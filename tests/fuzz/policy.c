/* Any bytes as a policy: rules or an error with its place; and what is a policy can be asked. */
#include <stdint.h>
#include <stdlib.h>

#include "experiment/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const value[] = { "powersave@0-3 performance@4-7", "6.18.44-x", "", "1",
		"17179869184", "@ @", "a@0-", "max" };
	static const char *const unit[] = { "", "bytes", "hz", "ns" };
	struct policy *p = policy_new();
	struct infos infos = INFOS_INIT;
	struct buf out = BUF_INIT;
	struct error e = { "" };

	for (unsigned i = 0; i < 8; i++)
		infos_add(&infos, &(struct fact){ .section = "s",
				      .name = { "a", 1 },
				      .kind = FACT_STR,
				      .s = { value[i], strlen(value[i]) },
				      .unit = unit[i % 4] });
	if (policy_read(p, (struct slice){ (const char *)data, size }, "p", &e) < 0) {
		if (strncmp(e.text, "p:", 2) != 0)
			abort();
	} else {
		size_t n = policy_check(p, &infos, "nobody", &out);

		if (n > policy_rules(p) || (n > 0) != (out.n > 0))
			abort();
	}
	policy_free(p);
	infos_free(&infos);
	buf_free(&out);
	return 0;
}
